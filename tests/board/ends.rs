//! The board dies, idle and in the middle of an exchange; pcscd dies; both come back.

use card_spec::generation::Generation;
use sim::{
    board::BoardReader,
    chip::{Chip, PowerLost, SharedChip, Traffic},
    eeprom::PowerCut,
    line::{Manner, atr::Offer},
    pcscd::{Model, Slot},
};
use std::{
    fs,
    path::Path,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use crate::bench::{SSSE, card, client, connect, insert, notice, with_board};

/// Share of one processor that pcscd may take while it does nothing but look for cards, in percent.
const IDLE_PERCENT_MAX: u64 = 25;

/// How long it is watched.
const WATCH_MS: u64 = 1_000;

/// Processor time of our pcscd so far, in milliseconds.
fn cpu_ms(board: &BoardReader) -> u64 {
    let folder = board.pcscd().socket().parent().map(Path::to_owned).unwrap();
    let configuration = folder.join("reader.conf.d");
    let configuration = configuration.to_str().unwrap();
    let process = fs::read_dir("/proc").unwrap().flatten().find(|entry| {
        let line = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        let mut words = line.split('\0');
        words.next().is_some_and(|program| program.ends_with("pcscd"))
            && words.any(|word| word == configuration)
    });
    let stat = fs::read_to_string(process.expect("pcscd runs").path().join("stat")).unwrap();
    // Behind the name in parentheses: user and system time are the 12th and 13th field, in ticks of 10 ms.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: u64 = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    ticks * 10
}

/// pcscd may not be busy with a board that is gone.
fn assert_idle(board: &BoardReader) {
    let before = cpu_ms(board);
    thread::sleep(Duration::from_millis(WATCH_MS));
    let spent = cpu_ms(board) - before;
    assert!(spent * 100 <= WATCH_MS * IDLE_PERCENT_MAX, "pcscd took {spent} of {WATCH_MS} ms");
}

#[test]
fn a_board_that_dies_idle_and_comes_back() {
    with_board("ends::a_board_that_dies_idle_and_comes_back", Model::Sec1210, |board| {
        insert(board, Slot::Card, SharedChip::from_arc(card(Generation::Two)), Manner::default());
        let client = client();
        let connected = connect(board, &client, Slot::Card).unwrap();
        assert_eq!(connected.ask(&format!("00A404000F{SSSE}")).unwrap(), "6118");
        board.kill_board();
        assert!(!board.is_board_running());
        // A command sent before the driver has noticed would wait as long as this card may think, which is
        // minutes for T=0.
        notice(board, Slot::Card, false);
        assert!(board.pcscd().readers().unwrap()[0].is_lost);
        assert!(connected.ask("00B2032C06").is_err());
        assert_idle(board);
        drop(connected);
        board.restart().unwrap();
        notice(board, Slot::Card, true);
        // The client's connection to pcscd has gone with it.
        let client = crate::bench::client();
        let connected = connect(board, &client, Slot::Card).unwrap();
        assert_eq!(connected.ask(&format!("00A404000F{SSSE}")).unwrap(), "6118");
    });
}

/// A chip that says when it has got a command and answers when it may.
struct Held {
    got: Sender<()>,
    go_on: Receiver<()>,
}

impl Chip for Held {
    fn power_on(&mut self) -> Result<Vec<u8>, PowerLost> {
        Ok(self.atr())
    }

    fn power_off(&mut self) {}

    fn atr(&self) -> Vec<u8> {
        vec![0x3B, 0x00]
    }

    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, PowerLost> {
        let _ = self.got.send(());
        // Whoever holds it has gone: the test is over.
        let _ = self.go_on.recv();
        Ok(vec![0x90, 0x00])
    }

    fn plan_cut(&mut self, _: Option<PowerCut>) {}

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}

#[test]
fn a_board_that_dies_in_mid_exchange() {
    with_board("ends::a_board_that_dies_in_mid_exchange", Model::Sec1210, |board| {
        let (got, has_got) = channel();
        let (let_go, go_on) = channel::<()>();
        let manner = Manner::default().offer(Offer::t1());
        insert(board, Slot::Card, SharedChip::new(Held { got, go_on }), manner);
        let client = client();
        let connected = connect(board, &client, Slot::Card).unwrap();
        thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let begin = Instant::now();
                (connected.ask("00B0000010"), begin.elapsed())
            });
            has_got.recv_timeout(Duration::from_secs(20)).expect("the card gets the command");
            board.kill_board();
            assert_idle(board);
            let (answer, took) = asking.join().unwrap();
            println!("the client was told {answer:?} after {took:?}");
            assert!(answer.is_err(), "{answer:?}");
        });
        drop(let_go);
        assert_idle(board);
    });
}

#[test]
fn a_pcscd_that_dies_finds_the_board_again() {
    with_board("ends::a_pcscd_that_dies_finds_the_board_again", Model::Sec1210, |board| {
        insert(board, Slot::Card, SharedChip::from_arc(card(Generation::Two)), Manner::default());
        for _ in 0..3 {
            let client = client();
            let connected = connect(board, &client, Slot::Card).unwrap();
            assert_eq!(connected.ask(&format!("00A404000F{SSSE}")).unwrap(), "6118");
            board.pcscd_mut().kill();
            assert!(connected.ask("00B2032C06").is_err());
            board.pcscd_mut().restart().unwrap();
            notice(board, Slot::Card, true);
        }
        assert!(board.is_board_running());
    });
}
