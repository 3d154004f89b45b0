//! pcscd dies in the middle of a visit; another program holds the reader; the PSAM is another one.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

use card_spec::generation::Generation;
use sim::{
    card::Card,
    chip::{Chip, PowerLost, SharedChip, Traffic},
    eeprom::PowerCut,
    fault::Plan,
};
use tests::{
    PLANTED_PIN,
    books::agree,
    holder::CardState,
    scene::{Scene, TERMINAL, text},
};

/// Longest wait for something that another process does.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A card that tells of one command and waits until it may go on.
pub(crate) struct Watched {
    card: Card,
    at: At,
    after: bool,
    seen: u32,
    waited: bool,
    reached: Sender<()>,
    go_on: Arc<Mutex<Receiver<()>>>,
}

/// Which command it waits at.
enum At {
    /// The one of this number, from 1.
    Number(u32),
    /// The first one with this class and instruction.
    Instruction([u8; 2]),
}

impl Watched {
    /// The card of a file, before the first command with this class and instruction.
    pub(crate) fn at_command_with(
        file: &Path,
        instruction: [u8; 2],
    ) -> (SharedChip, Receiver<()>, Sender<()>) {
        Self::at(file, At::Instruction(instruction), false)
    }

    /// The card of a file, what tells that it has come to this command, and what lets it go on.
    fn at_command(file: &Path, command: u32, after: bool) -> (SharedChip, Receiver<()>, Sender<()>) {
        Self::at(file, At::Number(command), after)
    }

    fn at(file: &Path, at: At, after: bool) -> (SharedChip, Receiver<()>, Sender<()>) {
        let (reached, at_command) = channel();
        let (let_go, go_on) = channel();
        let card = Card::open(file, std::process::id().into()).unwrap();
        let go_on = Arc::new(Mutex::new(go_on));
        let watched = Watched { card, at, after, seen: 0, waited: false, reached, go_on };
        (SharedChip::new(watched), at_command, let_go)
    }

    fn pause(&self) {
        // The test may have ended already.
        let _ = self.reached.send(());
        let _ = self.go_on.lock().unwrap().recv_timeout(TIMEOUT);
    }
}

impl Chip for Watched {
    fn power_on(&mut self) -> Result<Vec<u8>, PowerLost> {
        self.card.power_on()
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    fn atr(&self) -> Vec<u8> {
        self.card.atr()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, PowerLost> {
        self.seen += 1;
        let here = !self.waited
            && match self.at {
                At::Number(number) => self.seen == number,
                At::Instruction(instruction) => command.starts_with(&instruction),
            };
        self.waited |= here;
        if here && !self.after {
            self.pause();
        }
        let answer = self.card.transmit(command);
        if here && self.after {
            self.pause();
        }
        answer
    }

    fn plan_cut(&mut self, cut: Option<PowerCut>) {
        self.card.plan_cut(cut);
    }

    fn traffic(&self) -> Traffic {
        self.card.traffic()
    }
}

#[test]
fn killed_in_mid_visit() {
    let mut scene = Scene::at_reader("service-killed", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    scene.visit(&bill).done();
    let commands = scene.reader.as_ref().unwrap().commands();
    let mut unknown = 0;
    // At the beginning, in the middle, and at every command near the money.
    for command in [1, commands / 2].into_iter().chain(commands - 5..=commands) {
        for after in [false, true] {
            println!("service-killed: command {command}, after {after}");
            let (chip, at_command, let_go) = Watched::at_command(&scene.card, command, after);
            let before = CardState::of(&scene.card);
            scene.reader.as_mut().unwrap().insert_chip(chip, Plan::none());
            let visit = scene.start(&["visit", "--bill", text(&bill)], &[PLANTED_PIN]);
            at_command.recv_timeout(TIMEOUT).unwrap();
            let reader = scene.reader.as_mut().unwrap();
            reader.kill();
            let_go.send(()).unwrap();
            let broken = visit.finish(&scene.logs);
            // The card may still be at the command that it was let go with.
            scene.reader.as_mut().unwrap().pull();
            let now = CardState::of(&scene.card);
            assert_eq!(now.pin_tries_left, sim::personalise::PIN_TRIES, "{broken:?}");
            let debited = now.offline_serial != before.offline_serial;
            match (broken.code, broken.json["error"]["money"].as_str()) {
                (Some(0), _) => assert!(debited, "{broken:?}"),
                (Some(3 | 5), Some("not_done")) => assert!(!debited, "{broken:?}"),
                (Some(7), Some("unknown")) => unknown += 1,
                _ => panic!("{broken:?}"),
            }
            scene.reader.as_mut().unwrap().restart();
            scene.put_in(Plan::none());
            let next = scene.visit(&bill).done();
            if broken.code == Some(7) {
                assert_eq!(next.json["earlier"]["done"], debited, "{next:?}");
            }
            agree(&scene);
        }
    }
    assert!(unknown > 0, "the debit was among the commands");
    scene.end();
}

#[test]
fn not_running_and_back_again() {
    let mut scene = Scene::at_reader("service-away", Generation::Two);
    let bill = scene.bill(&["10.00"]);
    scene.reader.as_mut().unwrap().kill();
    let refused = scene.visit(&bill);
    assert!(refused.refused(5, "card").contains("pcscd"), "{refused:?}");
    scene.reader.as_mut().unwrap().restart();
    scene.put_in(Plan::none());
    scene.visit(&bill).done();
    agree(&scene);
    scene.end();
}

#[test]
fn no_card_ends_with_the_wait() {
    let mut scene = Scene::at_reader("no-card", Generation::Two);
    let bill = scene.bill(&["10.00"]);
    scene.reader.as_mut().unwrap().pull();
    let started = Instant::now();
    scene.run(&["visit", "--bill", text(&bill), "--wait", "1"], &[PLANTED_PIN]).refused(3, "card");
    assert!(started.elapsed() >= Duration::from_millis(900), "it waits");
    assert!(started.elapsed() < TIMEOUT, "and not for ever");
    scene.end();
}

#[test]
fn another_program_holds_the_card() {
    let mut scene = Scene::at_reader("card-held", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    let socket = scene.reader.as_ref().unwrap().socket();
    let names = scene.reader.as_ref().unwrap().names();
    let (chip, at_command, let_go) = Watched::at_command(&scene.card, 1, true);
    scene.reader.as_mut().unwrap().insert_chip(chip, Plan::none());
    // scriptor connects, and keeps the card until its input ends.
    let mut other = Command::new("scriptor")
        .args(["-r", names.split(',').next().unwrap()])
        .env("PCSCLITE_CSOCK_NAME", socket)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("scriptor: {error}; apt-get install pcsc-tools"));
    let mut input = other.stdin.take().unwrap();
    input.write_all(b"00A40000023F00\n").unwrap();
    at_command.recv_timeout(TIMEOUT).unwrap();
    let_go.send(()).unwrap();
    let refused = scene.visit(&bill);
    refused.refused(4, "card");
    assert_eq!(CardState::of(&scene.card).offline_serial, 0);
    assert!(refused.out.contains("scriptor") || refused.out.contains("perl"), "who holds it: {refused:?}");
    drop(input);
    other.wait().unwrap();
    scene.visit(&bill).done();
    agree(&scene);
    scene.end();
}

#[test]
fn a_psam_that_is_not_this_terminals() {
    let mut scene = Scene::in_process("psam-other", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    let other = scene.holder.psam("320300000099".parse().unwrap()).build();
    scene.take_psam(other);
    scene.visit(&bill).refused(5, "card");
    // One that lacks what this card needs.
    let terminal = TERMINAL.parse().unwrap();
    let weak = scene.holder.psam(terminal).without_purchase_key().build();
    scene.take_psam(weak);
    scene.visit(&bill).refused(5, "card");
    let old = scene.holder.psam(terminal).without_sm4().build();
    scene.take_psam(old);
    scene.visit(&bill).refused(5, "card");
    assert_eq!(CardState::of(&scene.card).offline_serial, 0);
    let right = scene.holder.psam(terminal).build();
    scene.take_psam(right);
    scene.visit(&bill).done();
    agree(&scene);
    scene.end();
}
