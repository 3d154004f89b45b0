//! Cards come and go at random while programs talk to them; no command is left without its one answer.

use std::{
    collections::VecDeque,
    env,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use card_spec::generation::Generation;
use pcsc::Context;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use sim::{
    board::{
        BoardReader, Order,
        frame::Frame,
        relay::{Speaker, Spoken},
    },
    chip::SharedChip,
    line::{Manner, atr::Offer},
    pcscd::{
        Model, Slot,
        rerun::{TEST_TIMEOUT_MS, in_child_within},
    },
};
use tests::{firmware, seed};

use crate::bench::{Memory, SSSE, card, client, connect, last_frames, start};

/// Everybody stops at the first failure.
static HAS_FAILED: AtomicBool = AtomicBool::new(false);

/// How long it goes on where nothing else is said.
const SECONDS: u64 = 8;

/// A command of the driver, as far as its answer must agree with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    kind: u8,
    slot: u8,
    sequence: u8,
    at: Instant,
}

/// Checks that each command of the driver has got exactly one answer, its own, before the next command.
#[derive(Debug, Default)]
struct Account {
    open: Option<Asked>,
    commands: u64,
    slowest: Duration,
    /// What was said last, for a failure.
    last: VecDeque<Spoken>,
}

/// Frames that a failure shows.
const SHOWN: usize = 60;

impl Account {
    /// Goes on with what was said since the last time.
    ///
    /// Errors: what is wrong.
    fn take(&mut self, record: Vec<Spoken>) -> Result<(), String> {
        for spoken in record {
            let problem = self.go_on(&spoken);
            self.last.push_back(spoken);
            if let Err(problem) = problem {
                let end = self.last.back().map_or_else(Instant::now, |spoken| spoken.at);
                let shown = self.last.iter().map(|spoken| {
                    format!("{:>12.3?} before: {:?} {:?}\n", end - spoken.at, spoken.by, spoken.frame)
                });
                return Err(format!(
                    "{problem}\nslowest so far {:?}\n{}",
                    self.slowest,
                    shown.collect::<String>()
                ));
            }
            if self.last.len() > SHOWN {
                self.last.pop_front();
            }
        }
        Ok(())
    }

    fn go_on(&mut self, spoken: &Spoken) -> Result<(), String> {
        let Frame::Message { message, is_sound } = &spoken.frame else {
            return match spoken.frame {
                Frame::Nak | Frame::Noise(_) => Err(format!("damage: {spoken:?}")),
                _ => Ok(()),
            };
        };
        let [kind, _, _, _, _, slot, sequence, status, ..] = message[..] else {
            return Err(format!("a short message: {spoken:?}"));
        };
        match (spoken.by, self.open) {
            _ if !is_sound => Err(format!("a damaged message: {spoken:?}")),
            (Speaker::Host, Some(asked)) => Err(format!("no answer to {asked:?}")),
            (Speaker::Host, None) => {
                self.open = Some(Asked { kind, slot, sequence, at: spoken.at });
                self.commands += 1;
                Ok(())
            }
            (Speaker::Board, None) => Err(format!("an answer to nothing: {spoken:?}")),
            (Speaker::Board, Some(asked)) => {
                // Source: CCID rev 1.1 §6.1 and §6.2, the pairs of messages that the driver uses.
                let wanted = match asked.kind {
                    0x62 | 0x6F => 0x80,
                    0x63 | 0x65 => 0x81,
                    0x61 => 0x82,
                    0x6B => 0x83,
                    _ => return Err(format!("the driver asks {asked:?}")),
                };
                if (kind, slot, sequence) != (wanted, asked.slot, asked.sequence) {
                    return Err(format!("not the answer to {asked:?}"));
                }
                // A request for more time is not the answer yet.
                if status & 0xC0 != 0x80 {
                    self.slowest = self.slowest.max(spoken.at - asked.at);
                    self.open = None;
                }
                Ok(())
            }
        }
    }
}

/// How late a thread is woken at the most until `ends`: what the machine itself adds to every answer.
fn longest_stall(ends: impl Fn() -> bool) -> Duration {
    const PAUSE: Duration = Duration::from_millis(10);
    let mut longest = Duration::ZERO;
    while !ends() {
        let begin = Instant::now();
        thread::sleep(PAUSE);
        longest = longest.max(begin.elapsed() - PAUSE);
    }
    longest
}

/// Talks to the card in a slot, if there is one that answers; gives how many commands were answered.
fn talk(board: &BoardReader, client: &Context, slot: Slot, rng: &mut ChaCha8Rng) -> u64 {
    let Ok(connected) = connect(board, client, slot) else { return 0 };
    let mut answered = 0;
    for _ in 0..1 + rng.next_u32() % 6 {
        let answer = match rng.next_u32() % 4 {
            0 => connected.ask(&format!("00A404000F{SSSE}")),
            1 => connected.ask("0084000008"),
            2 => {
                connected.ask(&format!("00B0{:04X}{:02X}", rng.next_u32() % 0x1000, 1 + rng.next_u32() % 255))
            }
            _ => connected.ask("00A4000002DDF1"),
        };
        match answer {
            Ok(_) => answered += 1,
            Err(_) => break,
        }
    }
    answered
}

/// Somebody's hand: puts a card in or takes it out.
fn hand(board: &BoardReader, slot: Slot, rng: &mut ChaCha8Rng) {
    if board.slot(slot).pull().is_some() && rng.next_u32().is_multiple_of(2) {
        return;
    }
    let offer = if rng.next_u32().is_multiple_of(2) { Offer::t0() } else { Offer::t1() };
    let chip = match rng.next_u32() % 3 {
        0 => SharedChip::from_arc(card(Generation::Two)),
        1 => SharedChip::from_arc(card(Generation::Three)),
        _ => SharedChip::new(Memory::default()),
    };
    board.slot(slot).insert_card(chip, Manner::default().offer(offer)).unwrap();
}

/// `JINBAO_SOAK_S=3600 cargo test -p jinbao-tests --test board soak -- --nocapture` goes on for an hour.
#[test]
fn plugging_and_traffic_at_random() {
    let seconds = env::var("JINBAO_SOAK_S").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(SECONDS);
    let timeout_ms = TEST_TIMEOUT_MS + seconds * 1_000;
    in_child_within("soak::plugging_and_traffic_at_random", timeout_ms, |directory| {
        let seed = seed::of("board-soak");
        let board = &mut start(Order::new(firmware::elf(Model::Sec1210), Model::Sec1210), directory);
        let mut account = Account::default();
        let end = Instant::now() + Duration::from_secs(seconds);
        let ends = || Instant::now() >= end || HAS_FAILED.load(Ordering::Relaxed);
        let hands = thread::scope(|scope| {
            let board = &*board;
            let hands = scope.spawn(move || {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let mut hands = 0_u64;
                while !ends() {
                    let slot = if rng.next_u32().is_multiple_of(2) { Slot::Card } else { Slot::Psam };
                    hand(board, slot, &mut rng);
                    hands += 1;
                    // From at once to longer than pcscd takes to look.
                    thread::sleep(Duration::from_millis(u64::from(rng.next_u32() % 900)));
                }
                hands
            });
            let talking: Vec<_> = [Slot::Card, Slot::Psam]
                .into_iter()
                .map(|slot| {
                    scope.spawn(move || {
                        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (1 + slot as u64));
                        let client = client();
                        let mut answered = 0;
                        while !ends() {
                            answered += talk(board, &client, slot, &mut rng);
                            thread::sleep(Duration::from_millis(u64::from(rng.next_u32() % 50)));
                        }
                        answered
                    })
                })
                .collect();
            let stalling = scope.spawn(move || longest_stall(ends));
            let mut problem = Ok(());
            while !ends() && problem.is_ok() {
                thread::sleep(Duration::from_millis(200));
                problem = account.take(board.relay().drain_record());
            }
            HAS_FAILED.store(problem.is_err(), Ordering::Relaxed);
            let stall = stalling.join().unwrap();
            println!("the machine stalled for {stall:?} at most");
            if let Err(problem) = problem {
                panic!("{problem}");
            }
            let answered: u64 = talking.into_iter().map(|talking| talking.join().unwrap()).sum();
            let hands = hands.join().unwrap();
            println!("{answered} commands of programs answered");
            assert!(answered > 0, "{}", last_frames(board));
            hands
        });
        account.take(board.relay().drain_record()).unwrap_or_else(|problem| panic!("{problem}"));
        let Account { commands, slowest, .. } = account;
        println!("{seconds} s: {hands} hands, {commands} commands of the driver, slowest answer {slowest:?}");
        assert!(board.is_board_running() && board.pcscd_mut().is_running());
    });
}
