//! Transactions in doubt: what a returned card may be believed, and who decides when it cannot tell.

use card_spec::{account::LOG_RECORD_BYTES, generation::Generation};
use hal::slot::{CardSlot, SlotError};
use protocol::{
    id::TransactionId,
    record::{AbandonReason, Business, Settlement},
};
use sim::{
    fault::{Fault, Plan},
    slot::InProcessSlot,
};
use terminal::{
    audit::{AuditEvent, Ground},
    error::{Error, MoneyOutcome, Need},
    flows::{Resolved, Settled},
    ledger::{LedgerError, VisitState},
};

use super::support::{
    counter::{Counter, entry},
    truth::{account, assert_no_contradiction, expected_tac},
    *,
};

const BALANCE_FEN: u32 = 50_000;

/// A counter, a card, and the command at which the card takes the money.
struct Scene {
    counter: Counter,
    card: TestCard,
    debit: u32,
}

impl Scene {
    fn new(generation: Generation) -> Self {
        let person = person(3);
        let mut counter = Counter::new(&[entry(&person)]);
        let card = TestCard::of(&order(&person, generation).account(BALANCE_FEN));
        // The same visit at another counter tells the command's number.
        let twin = TestCard::of(&order(&person, generation).account(BALANCE_FEN));
        counter.insert(&twin);
        visit(&mut counter).unwrap();
        let debit = counter.card.commands().unwrap() - 1;
        Scene { counter: Counter::new(&[entry(&person)]), card, debit }
    }

    /// The card is pulled around the debit: before it got the command, or after it had carried it out.
    fn interrupted(&mut self, done: bool) {
        let command = self.debit;
        let fault = if done { Fault::PullAfter { command } } else { Fault::PullBefore { command } };
        self.counter.insert_with(&self.card, fault);
        let error = visit(&mut self.counter).unwrap_err();
        assert_eq!(error.money(), MoneyOutcome::Unknown, "{error:?}");
        let taken = if done { 7_500 } else { 0 };
        assert_eq!(account(&self.card).0.balance_fen, BALANCE_FEN - taken);
    }

    fn returns(&mut self) -> Result<Option<Resolved>, Error> {
        self.counter.insert(&self.card);
        self.counter.tap()
    }

    fn settlement(&mut self) -> Settlement {
        let row = self.counter.ledger().transaction_at(1).unwrap().unwrap();
        match row.business() {
            Some(Business::Settlement(settlement)) => *settlement,
            other => panic!("{other:?}"),
        }
    }
}

fn visit(counter: &mut Counter) -> Result<Settled, Error> {
    counter.tap()?;
    let agreed = counter.visit("V1")?;
    counter.terminal().settle(&agreed)
}

/// A card whose log is written in another way than the reference says.
struct OtherLog {
    inner: InProcessSlot,
    change: fn(&mut [u8]),
}

impl CardSlot for OtherLog {
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
        let mut answer = self.inner.transmit(command)?;
        let (read_record, log_bytes) = (0xB2, LOG_RECORD_BYTES + 2);
        if command[1] == read_record && answer.len() == log_bytes && answer[2] == 0x32 {
            (self.change)(&mut answer[..LOG_RECORD_BYTES]);
        }
        Ok(answer)
    }
    fn power_off(&mut self) {
        self.inner.power_off();
    }
}

/// Serials one higher: logged after the increment.
fn counts_later(record: &mut [u8]) {
    let serial = u16::from_be_bytes([record[0], record[1]]) + 1;
    record[..2].copy_from_slice(&serial.to_be_bytes());
}

/// Amounts in binary instead of BCD; those of the visit read as other BCD numbers, or as none.
fn counts_in_binary(record: &mut [u8]) {
    for at in [16, 20, 24] {
        let digits: String = record[at..at + 4].iter().map(|byte| format!("{byte:02X}")).collect();
        let fen: u32 = digits.parse().unwrap();
        record[at..at + 4].copy_from_slice(&fen.to_be_bytes());
    }
}

/// Amounts that are BCD, and others than asked for.
fn writes_other_amounts(record: &mut [u8]) {
    record[16..20].copy_from_slice(&[0, 0, 0x12, 0x34]);
}

#[test]
fn a_log_that_counts_otherwise_does_not_undo_a_debit() {
    for generation in [Generation::Two, Generation::Three] {
        let mut scene = Scene::new(generation);
        scene.counter.wrap_slot(|inner| Box::new(OtherLog { inner, change: counts_later }));
        scene.interrupted(true);
        let resolved = scene.returns().unwrap();
        assert!(matches!(resolved, Some(Resolved::Done { proved: true, .. })), "{resolved:?}");
        let purchase = scene.settlement().card.unwrap();
        assert_eq!(purchase.tac, expected_tac(&scene.card, &purchase));

        // A slot is wrapped by a function without a memory, hence two.
        let wraps: [fn(InProcessSlot) -> terminal::session::BoxedSlot; 2] = [
            |inner| Box::new(OtherLog { inner, change: counts_in_binary }),
            |inner| Box::new(OtherLog { inner, change: writes_other_amounts }),
        ];
        for wrap in wraps {
            let mut scene = Scene::new(generation);
            scene.counter.wrap_slot(wrap);
            scene.interrupted(true);
            let error = scene.returns().unwrap_err();
            assert!(matches!(error, Error::ResolveFirst { need: Need::Supervisor, .. }), "{error:?}");
            assert_eq!(scene.counter.ledger().unresolved_all().unwrap().len(), 1, "nobody guesses");
        }
    }
}

#[test]
fn a_debit_that_never_came_is_not_believed_of_a_log_that_counts_otherwise() {
    let mut scene = Scene::new(Generation::Three);
    scene.counter.wrap_slot(|inner| Box::new(OtherLog { inner, change: counts_later }));
    scene.interrupted(false);
    super::interrupted::pays_elsewhere(&scene.card, 2);
    let error = scene.returns().unwrap_err();
    assert!(matches!(error, Error::ResolveFirst { need: Need::Supervisor, .. }), "{error:?}");
    // The same card with a log that this program can read.
    scene.counter.wrap_slot(|inner| Box::new(inner));
    assert!(matches!(scene.returns().unwrap(), Some(Resolved::NotDone { .. })));
}

#[test]
fn a_card_without_its_proof_is_written_down_by_its_log() {
    let mut scene = Scene::new(Generation::Three);
    scene.interrupted(true);
    super::interrupted::pays_elsewhere(&scene.card, 1);
    let Some(Resolved::Done { proved: false, .. }) = scene.returns().unwrap() else { panic!() };
    let purchase = scene.settlement().card.unwrap();
    assert_eq!((purchase.tac.as_str(), purchase.from_proof, purchase.account), ("", true, yuan("75")));
}

#[test]
fn two_purchases_in_one_second_are_told_apart() {
    let mut scene = Scene::new(Generation::Three);
    scene.counter.insert(&scene.card);
    visit(&mut scene.counter).unwrap();
    let balance_fen = account(&scene.card).0.balance_fen;
    // The clock stands still; the second debit never reaches the card, and the log's newest entry is the first's.
    scene.counter.insert_with(&scene.card, Fault::PullBefore { command: scene.debit });
    scene.counter.tap().unwrap();
    let agreed = scene.counter.visit("V2").unwrap();
    let error = scene.counter.terminal().settle(&agreed).unwrap_err();
    assert_eq!(error.money(), MoneyOutcome::Unknown, "{error:?}");
    assert!(matches!(scene.returns().unwrap(), Some(Resolved::NotDone { .. })));
    assert_eq!(account(&scene.card).0.balance_fen, balance_fen);
}

/// A settlement whose card is not seen again, with a supervisor signed in.
fn left_open(done: bool) -> (Scene, TransactionId) {
    let mut scene = Scene::new(Generation::Three);
    scene.interrupted(done);
    scene.counter.card.pull();
    let id = scene.counter.ledger().unresolved_all().unwrap()[0].intention.id;
    let refused = scene.counter.terminal().decide(id, done, Ground::CardGone).unwrap_err();
    assert!(refused.is_not_permitted(), "{refused:?}: a cashier decides nothing");
    scene.counter.supervise();
    (scene, id)
}

#[test]
fn a_supervisor_ends_what_no_card_will_tell() {
    let (mut scene, id) = left_open(true);
    let resolved = scene.counter.terminal().decide(id, true, Ground::CenterStatement).unwrap();
    let Resolved::Done { proved: false, receipt: Some(receipt), .. } = resolved else {
        panic!("{resolved:?}")
    };
    assert_eq!(receipt.proof, None);
    let purchase = scene.settlement().card.unwrap();
    assert_eq!((purchase.tac.as_str(), purchase.from_proof, purchase.account), ("", true, yuan("75")));
    assert_eq!(scene.counter.ledger().visit("V1").unwrap().unwrap().state, VisitState::Settled);
    let audit = scene.counter.ledger().audit_entries(0, 1_000).unwrap();
    let decided = AuditEvent::OutcomeDecided { id, done: true, ground: Ground::CenterStatement };
    let entry = audit.iter().find(|entry| entry.event.as_ref() == Some(&decided)).unwrap();
    assert_eq!(entry.operator.as_deref(), Some("0900"));
    let error = scene.counter.terminal().decide(id, false, Ground::CardGone).unwrap_err();
    assert!(matches!(error, Error::Ledger(LedgerError::WrongState { .. })), "{error:?}: decided once");
    // The card does come back, and its new business is free.
    assert_eq!(scene.returns().unwrap(), None);

    let (mut scene, id) = left_open(false);
    let resolved = scene.counter.terminal().decide(id, false, Ground::CardStatement).unwrap();
    assert_eq!(resolved, Resolved::NotDone { id });
    let row = scene.counter.ledger().transaction(id).unwrap().unwrap();
    assert!(row.abandoned);
    assert_eq!(row.business(), Some(Business::Abandoned { reason: AbandonReason::DecidedNotDone }));
    assert_eq!(scene.counter.ledger().visit("V1").unwrap().unwrap().state, VisitState::Open);
    assert!(scene.counter.terminal().send_all().unwrap());
    scene.counter.ledger().verify().unwrap();
    let nobody = TransactionId([9; 16]);
    let error = scene.counter.terminal().decide(nobody, true, Ground::CardGone).unwrap_err();
    assert!(matches!(error, Error::Ledger(LedgerError::TransactionUnknown { .. })));
}

#[test]
fn a_card_that_can_tell_is_believed_before_a_supervisor() {
    let (mut scene, id) = left_open(true);
    scene.counter.insert(&scene.card);
    scene.counter.terminal().open_card().unwrap();
    let error = scene.counter.terminal().decide(id, false, Ground::CardGone).unwrap_err();
    assert!(matches!(error, Error::ResolveFirst { need: Need::Pin, .. }), "{error:?}");
    scene.counter.terminal().close_card();

    // The log of this one has forgotten ours: now it is the supervisor's.
    super::interrupted::pays_elsewhere(&scene.card, 10);
    let error = scene.returns().unwrap_err();
    assert!(matches!(error, Error::ResolveFirst { need: Need::Supervisor, .. }), "{error:?}");
    let resolved = scene.counter.terminal().decide(id, true, Ground::CardStatement).unwrap();
    assert!(matches!(resolved, Resolved::Done { proved: false, .. }), "{resolved:?}");
    assert_eq!(scene.counter.ledger().unresolved_all().unwrap(), []);
    scene.counter.ledger().verify().unwrap();
}

#[test]
fn a_tac_in_hand_outlives_the_psam() {
    for generation in [Generation::Two, Generation::Three] {
        let checks = {
            let mut scene = Scene::new(generation);
            scene.counter.restart();
            scene.counter.insert(&scene.card);
            visit(&mut scene.counter).unwrap();
            scene.counter.psam_commands()
        };
        for fault in [
            Fault::PullBefore { command: checks },
            Fault::PullAfter { command: checks },
            Fault::StatusWord { command: checks, status: 0x6983 },
            Fault::StatusWord { command: checks, status: 0x6F00 },
        ] {
            let what = format!("{generation:?} {fault:?}");
            let mut scene = Scene::new(generation);
            scene.counter.restart_with(Plan::from(fault));
            scene.counter.insert(&scene.card);
            let settled = visit(&mut scene.counter).unwrap_or_else(|error| panic!("{what}: {error}"));
            let purchase = scene.settlement().card.unwrap();
            assert_eq!(purchase.tac, expected_tac(&scene.card, &purchase), "{what}");
            assert!(!purchase.from_proof, "{what}");
            let audit = scene.counter.ledger().audit_entries(0, 1_000).unwrap();
            let unchecked = Some(AuditEvent::ProofUnchecked { id: settled.id });
            assert!(audit.iter().any(|entry| entry.event == unchecked), "{what}");
            assert_no_contradiction(&mut scene.counter, &scene.card, BALANCE_FEN, &what);
        }
    }
}
