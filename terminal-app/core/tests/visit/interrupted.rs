//! A visit cut off at every command and at every byte that the card writes: nothing is lost, doubled or
//! guessed, and no try of the PIN is burnt.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

use card_spec::{account::Amounts, date::DateTime, generation::Generation, pin::Pin};
use hal::slot::{CardSlot, Outcome, SlotError};
use rand_chacha::rand_core::Rng;
use rusqlite::Connection;
use sim::{
    eeprom::{PowerCut, Torn},
    fault::{Fault, Plan},
    personalise::{PsamOrder, TEST_PIN},
    slot::InProcessSlot,
};
use terminal::{
    error::{Error, MoneyOutcome, Need},
    flows::{Resolved, Settled},
    language::Language,
    ledger::{Filter, State},
    progress::Progress,
    session::SessionError,
    store::StoreKey,
};

use super::support::{
    counter::{Counter, entry},
    truth::{account, assert_no_contradiction, assert_settled_once, settlements, tries_missing},
    *,
};

const BALANCE_FEN: u32 = 50_000;

struct Scene {
    counter: Counter,
    card: TestCard,
}

impl Scene {
    fn new(generation: Generation) -> Self {
        let person = person(3);
        let counter = Counter::new(&[entry(&person)]);
        let card = TestCard::of(&order(&person, generation).account(BALANCE_FEN));
        Scene { counter, card }
    }

    /// From the card in the slot to the settlement, as an operator would do it.
    fn visit(&mut self) -> Result<Settled, Error> {
        self.counter.tap()?;
        let agreed = self.counter.visit("V1")?;
        self.counter.terminal().settle(&agreed)
    }

    /// The next tap of the same card, and the visit again when that is still needed.
    fn come_back(&mut self, what: &str) {
        self.counter.clock.pass(5_000);
        self.counter.insert(&self.card);
        match self.counter.tap().unwrap_or_else(|error| panic!("{what}: {error}")) {
            Some(Resolved::Done { proved, .. }) => {
                assert!(proved, "{what}");
                return;
            }
            Some(Resolved::NotDone { .. }) | None => {}
        }
        if settlements(&mut self.counter).iter().any(|(row, _)| row.state >= State::Recorded) {
            return;
        }
        let agreed = self.counter.visit("V1").unwrap_or_else(|error| panic!("{what}: {error}"));
        self.counter.terminal().settle(&agreed).unwrap_or_else(|error| panic!("{what}: {error}"));
    }

    /// Runs the visit into a fault, then lets the card come back.
    fn run_into(&mut self, fault: &Fault, what: &str) -> Result<Settled, Error> {
        self.counter.insert_with(&self.card, fault.clone());
        let result = self.visit();
        self.counter.pad_is_emptied();
        if let Err(error) = &result {
            assert!(
                !matches!(error, Error::Session(SessionError::WrongPin { .. } | SessionError::PinBlocked)),
                "{what}: {error} is no wrong PIN"
            );
            let words = error.words(Language::Chinese);
            assert!(!words.what.is_empty() && !words.next.is_empty());
            if error.money() == MoneyOutcome::Unknown {
                assert!(words.what.contains("未重复扣除"), "{what}: {words}");
                assert!(words.next.contains("重新插卡"), "{what}: {words}");
            }
        }
        assert_no_contradiction(&mut self.counter, &self.card, BALANCE_FEN, what);
        self.come_back(what);
        assert_settled_once(&mut self.counter, &self.card, BALANCE_FEN, what);
        result
    }
}

/// Commands of an undisturbed visit.
fn commands_of(generation: Generation) -> u32 {
    let mut scene = Scene::new(generation);
    scene.counter.insert(&scene.card);
    scene.visit().unwrap();
    scene.counter.card.commands().unwrap()
}

#[test]
fn pulled_at_every_command() {
    for generation in Generation::ALL {
        let commands = commands_of(generation);
        let mut unknown = 0;
        for command in 1..=commands {
            for fault in [Fault::PullBefore { command }, Fault::PullAfter { command }] {
                let what = format!("{generation:?} {fault:?}");
                let result = Scene::new(generation).run_into(&fault, &what);
                match result {
                    Err(error) => unknown += u32::from(error.money() == MoneyOutcome::Unknown),
                    // After the last command there is nothing left to lose.
                    Ok(_) => assert!(command > commands - 2, "{what}"),
                }
            }
        }
        assert!(unknown >= 2, "the debit itself was hit");
    }
}

fn torn_at_every_byte(generation: Generation) {
    let commands = commands_of(generation);
    let (mut torn_commands, mut cuts) = (0, 0_u32);
    for command in 1..=commands {
        let mut after_bytes = 0;
        loop {
            // Each byte is left in another way on each generation.
            let torn = match (after_bytes + generation as usize) % 3 {
                0 => Torn::Erased,
                1 => Torn::Old,
                _ => Torn::Weak(0xA5),
            };
            let fault = Fault::CutInUpdate { command, cut: PowerCut { after_bytes, torn } };
            let what = format!("{generation:?} {fault:?}");
            if Scene::new(generation).run_into(&fault, &what).is_ok() {
                break;
            }
            after_bytes += 1;
        }
        torn_commands += u32::from(after_bytes > 0);
        cuts += after_bytes as u32;
    }
    // VERIFY and DEBIT write, and for 3.0 EXTERNAL AUTHENTICATE.
    assert_eq!(torn_commands, if generation == Generation::Three { 3 } else { 2 });
    assert!(cuts > 100, "{cuts}");
}

#[test]
fn torn_at_every_byte_that_a_1_0_card_writes() {
    torn_at_every_byte(Generation::One);
}

#[test]
fn torn_at_every_byte_that_a_2_0_card_writes() {
    torn_at_every_byte(Generation::Two);
}

#[test]
fn torn_at_every_byte_that_a_3_0_card_writes() {
    torn_at_every_byte(Generation::Three);
}

#[test]
fn answers_that_are_not_the_cards() {
    for generation in [Generation::Two, Generation::Three] {
        let commands = commands_of(generation);
        for command in 1..=commands {
            for fault in [
                Fault::StatusWord { command, status: 0x6F00 },
                Fault::StatusWord { command, status: 0x6985 },
                Fault::StatusWord { command, status: 0x9302 },
                Fault::Answer { command, answer: vec![0x90, 0x00] },
                Fault::Answer { command, answer: vec![0x6F, 0x00] },
                Fault::Answer { command, answer: [&[0xAA; 8][..], &[0x90, 0x00]].concat() },
                Fault::Truncate { command, bytes: 3 },
            ] {
                let what = format!("{generation:?} {fault:?}");
                let mut scene = Scene::new(generation);
                let result = scene.run_into(&fault, &what);
                if let Err(error) = result {
                    assert_ne!(error.money(), MoneyOutcome::Done, "{what}: {error}");
                }
            }
        }
    }
}

#[test]
fn psam_lost_at_every_command() {
    for generation in [Generation::Two, Generation::Three] {
        let mut scene = Scene::new(generation);
        scene.counter.insert(&scene.card);
        scene.visit().unwrap();
        let commands = scene.counter.psam_commands();
        assert!(commands > 5);
        for command in 1..=commands {
            for fault in [
                Fault::PullBefore { command },
                Fault::PullAfter { command },
                Fault::StatusWord { command, status: 0x6F00 },
                Fault::Truncate { command, bytes: 2 },
            ] {
                let what = format!("{generation:?} PSAM {fault:?}");
                let mut scene = Scene::new(generation);
                scene.counter.restart_with(Plan::from(fault));
                scene.counter.insert(&scene.card);
                let _ = scene.visit();
                scene.counter.pad_is_emptied();
                assert_no_contradiction(&mut scene.counter, &scene.card, BALANCE_FEN, &what);
                scene.counter.mend_psam();
                scene.come_back(&what);
                assert_settled_once(&mut scene.counter, &scene.card, BALANCE_FEN, &what);
            }
        }
    }
}

#[test]
fn the_program_ends_at_every_step() {
    for generation in [Generation::One, Generation::Three] {
        let steps = {
            let mut scene = Scene::new(generation);
            scene.counter.insert(&scene.card);
            scene.visit().unwrap();
            scene.counter.progress.lock().unwrap().len()
        };
        for last in 1..=steps {
            let what = format!("{generation:?} ends at step {last}");
            let mut scene = Scene::new(generation);
            scene.counter.insert(&scene.card);
            let count = Arc::new(Mutex::new(0));
            scene.counter.terminal().on_progress(move |_| {
                let mut count = count.lock().unwrap();
                *count += 1;
                if *count == last {
                    drop(count);
                    panic!("the power of the machine goes away");
                }
            });
            let ended = catch_unwind(AssertUnwindSafe(|| scene.visit()));
            assert!(ended.is_err(), "{what}");
            scene.counter.restart();
            assert_no_contradiction(&mut scene.counter, &scene.card, BALANCE_FEN, &what);
            scene.come_back(&what);
            assert_settled_once(&mut scene.counter, &scene.card, BALANCE_FEN, &what);
        }
    }
}

#[test]
fn chance_upon_chance() {
    let seed: u64 =
        std::env::var("JINBAO_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_124);
    println!("JINBAO_SEED={seed}");
    let mut random = Seeded::new(seed);
    for round in 0..60 {
        let generation = Generation::ALL[(random.0.next_u32() % 3) as usize];
        let mut scene = Scene::new(generation);
        let mut story = Vec::new();
        for _ in 0..1 + random.0.next_u32() % 4 {
            let fault = Fault::from_seed(random.0.next_u64(), 30);
            story.push(format!("{fault:?}"));
            scene.counter.insert_with(&scene.card, fault);
            let _ = scene.visit();
            scene.counter.pad_is_emptied();
            let what = format!("seed {seed} round {round} {generation:?} {story:?}");
            assert_no_contradiction(&mut scene.counter, &scene.card, BALANCE_FEN, &what);
            if random.0.next_u32().is_multiple_of(3) {
                story.push("restart".into());
                scene.counter.restart();
            }
            if random.0.next_u32().is_multiple_of(4) {
                let up = scene.counter.center.state().up;
                scene.counter.center.state().up = !up;
            }
            scene.counter.clock.pass(20_000);
        }
        let what = format!("seed {seed} round {round} {generation:?} {story:?}");
        if tries_missing(&scene.card) != (0, 0) {
            // Pulled while the card checked: its own affair, and given back by the next right PIN.
            scene.counter.insert(&scene.card);
        }
        scene.come_back(&what);
        assert_settled_once(&mut scene.counter, &scene.card, BALANCE_FEN, &what);
    }
}

/// Another terminal's purchase on the same card.
pub(super) fn pays_elsewhere(card: &TestCard, times: u32) {
    let number = [0x43, 0x01, 0, 0, 0, 0x02];
    let other = protocol::id::TerminalId::from_bcd(number).unwrap();
    let mut desk = Desk::of_terminal(other, &PsamOrder::new(number, keys()));
    desk.insert(card);
    desk.open().unwrap();
    desk.session.verify_pin(&Pin::parse(TEST_PIN).unwrap()).unwrap();
    for _ in 0..times {
        let amounts = Amounts { account_fen: 100, ..Amounts::default() };
        let at = DateTime::new(today(), 9, 31, 0).unwrap();
        let purchasing = desk.session.begin_purchase(amounts, at).unwrap();
        desk.session.debit(&purchasing).unwrap();
    }
}

#[test]
fn a_card_that_paid_elsewhere_in_between() {
    for generation in [Generation::Two, Generation::Three] {
        let debit = {
            let mut scene = Scene::new(generation);
            scene.counter.insert(&scene.card);
            scene.visit().unwrap();
            // GET RESPONSE fetches the debit's answer last.
            scene.counter.card.commands().unwrap() - 1
        };
        // Our debit never reached the card; the other terminal's purchase got its serial, and its proof.
        let mut scene = Scene::new(generation);
        scene.counter.insert_with(&scene.card, Fault::PullBefore { command: debit });
        let error = scene.visit().unwrap_err();
        assert_eq!(error.money(), MoneyOutcome::Unknown);
        pays_elsewhere(&scene.card, 1);
        scene.counter.insert(&scene.card);
        let tap = scene.counter.terminal().open_card().unwrap();
        assert!(matches!(tap.resolution, Some(terminal::flows::Resolution::Open { need: Need::Pin, .. })));
        let first = scene.counter.terminal().pre_settle("V1", true).unwrap_err();
        assert_eq!(first, Error::Session(SessionError::PinFirst));
        scene.counter.pad.types(TEST_PIN);
        let resolved = scene.counter.terminal().verify_holder().unwrap();
        assert!(matches!(resolved, Some(Resolved::NotDone { .. })), "{resolved:?}");
        assert_eq!(account(&scene.card).0.balance_fen, BALANCE_FEN - 100);

        // Our debit was done; another purchase has replaced the card's proof, but not its log.
        let mut scene = Scene::new(generation);
        scene.counter.insert_with(&scene.card, Fault::PullAfter { command: debit });
        assert_eq!(scene.visit().unwrap_err().money(), MoneyOutcome::Unknown);
        pays_elsewhere(&scene.card, 1);
        scene.counter.insert(&scene.card);
        let resolved = scene.counter.tap().unwrap();
        let Some(Resolved::Done { proved: false, id, receipt: Some(receipt), .. }) = resolved else {
            panic!("{resolved:?}")
        };
        assert_eq!(receipt.proof, None);
        let row = scene.counter.ledger().transaction(id).unwrap().unwrap();
        assert!(row.state == State::Recorded && !row.abandoned);

        // So many purchases that the log has forgotten ours: nobody guesses.
        let mut scene = Scene::new(generation);
        scene.counter.insert_with(&scene.card, Fault::PullAfter { command: debit });
        scene.visit().unwrap_err();
        pays_elsewhere(&scene.card, 10);
        scene.counter.insert(&scene.card);
        let error = scene.counter.tap().unwrap_err();
        assert!(matches!(error, Error::ResolveFirst { need: Need::Supervisor, .. }), "{error:?}");
        let unresolved = scene.counter.ledger().list(Filter::Unresolved, 10).unwrap();
        assert_eq!(unresolved.len(), 1, "it stands in the day's comparison");
    }
}

/// A slot whose service restarts in the middle of one command, with the card staying where it is.
struct Restarting {
    inner: InProcessSlot,
    commands: u32,
}

/// Which command it happens at, and whether the card got it. One test at a time.
static RESTART_AT: Mutex<Option<(u32, bool)>> = Mutex::new(None);

impl CardSlot for Restarting {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn wait_card(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        self.inner.wait_card(timeout_ms)
    }
    fn wait_removal(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        self.inner.wait_removal(timeout_ms)
    }
    fn power_on(&mut self) -> Result<Vec<u8>, SlotError> {
        self.inner.power_on()
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, SlotError> {
        self.commands += 1;
        let mut restart = RESTART_AT.lock().unwrap();
        match *restart {
            Some((at, delivered)) if at == self.commands => {
                *restart = None;
                if delivered {
                    self.inner.transmit(command)?;
                }
                self.inner.power_off();
                Err(SlotError::Service { detail: "restarted", outcome: Outcome::Unknown })
            }
            _ => self.inner.transmit(command),
        }
    }
    fn power_off(&mut self) {
        self.inner.power_off();
    }
}

#[test]
fn the_card_service_restarts_at_every_command() {
    let generation = Generation::Three;
    let commands = commands_of(generation);
    for command in 1..=commands {
        for delivered in [false, true] {
            let what = format!("restart at {command}, delivered: {delivered}");
            let mut scene = Scene::new(generation);
            scene.counter.wrap_slot(|inner| Box::new(Restarting { inner, commands: 0 }));
            scene.counter.insert(&scene.card);
            *RESTART_AT.lock().unwrap() = Some((command, delivered));
            scene.visit().unwrap_err();
            scene.counter.pad_is_emptied();
            assert_no_contradiction(&mut scene.counter, &scene.card, BALANCE_FEN, &what);
            scene.come_back(&what);
            assert_settled_once(&mut scene.counter, &scene.card, BALANCE_FEN, &what);
        }
    }
}

#[test]
fn books_that_fail_after_the_card_has_paid() {
    let mut scene = Scene::new(Generation::Three);
    scene.counter.insert(&scene.card);
    let path = scene.counter.ledger_path();
    // Somebody else holds the file for too long, at the worst moment.
    let holder: Arc<Mutex<Option<Connection>>> = Arc::default();
    let held = Arc::clone(&holder);
    scene.counter.terminal().on_progress(move |step| {
        if step == Progress::Recording {
            let connection = Connection::open(&path).unwrap();
            terminal::store::unlock(&connection, &StoreKey::new([0x5A; 32])).unwrap();
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            *held.lock().unwrap() = Some(connection);
        }
    });
    let error = scene.visit().unwrap_err();
    assert_eq!(error.money(), MoneyOutcome::Done);
    assert!(matches!(error, Error::DoneNotRecorded { .. }), "{error:?}");
    assert!(error.words(Language::Chinese).what.contains("未重复扣除"));
    assert!(error.words(Language::English).next.contains("Do not charge again"));
    *holder.lock().unwrap() = None;
    scene.counter.restart();
    assert_no_contradiction(&mut scene.counter, &scene.card, BALANCE_FEN, "books failed");
    scene.come_back("books failed");
    assert_settled_once(&mut scene.counter, &scene.card, BALANCE_FEN, "books failed");
}

#[test]
fn a_load_is_cut_at_every_command() {
    for generation in [Generation::Two, Generation::Three] {
        let run = |fault: Option<Fault>| {
            let mut scene = Scene::new(generation);
            match fault {
                Some(fault) => scene.counter.insert_with(&scene.card, fault),
                None => scene.counter.insert(&scene.card),
            }
            let result = scene.counter.tap().and_then(|_| scene.counter.terminal().load(yuan("20")));
            scene.counter.pad_is_emptied();
            (scene, result)
        };
        let (scene, result) = run(None);
        result.unwrap();
        let commands = scene.counter.card.commands().unwrap();
        let mut faults: Vec<Fault> = Vec::new();
        for command in 1..=commands {
            faults.extend([Fault::PullBefore { command }, Fault::PullAfter { command }]);
            faults.push(Fault::StatusWord { command, status: 0x6F00 });
        }
        let credit = commands - 1;
        for after_bytes in 0..140 {
            let cut = PowerCut { after_bytes, torn: Torn::Erased };
            faults.push(Fault::CutInUpdate { command: credit, cut });
        }
        for fault in faults {
            let what = format!("{generation:?} load {fault:?}");
            let (mut scene, result) = run(Some(fault));
            scene.counter.insert(&scene.card);
            let resolved = scene.counter.tap().unwrap_or_else(|error| panic!("{what}: {error}"));
            let done = result.is_ok() || matches!(resolved, Some(Resolved::Done { proved: true, .. }));
            let expected = BALANCE_FEN + if done { 2_000 } else { 0 };
            assert_eq!(account(&scene.card).0.balance_fen, expected, "{what}: {result:?} {resolved:?}");
            assert_eq!(scene.counter.ledger().unresolved_all().unwrap(), [], "{what}");
            let rows = scene.counter.ledger().list(Filter::All, 10).unwrap();
            let loads = rows
                .iter()
                .filter(|row| matches!(row.business(), Some(protocol::record::Business::Load(_))))
                .count();
            assert_eq!(loads, usize::from(done), "{what}: the books know");
            assert_eq!(tries_missing(&scene.card), (0, 0), "{what}");
        }
    }
}
