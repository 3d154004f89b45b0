//! Draining the ledger over a line that fails in every way it can.

use card_spec::money::Fen;
use protocol::{
    accumulation::Accumulation,
    timestamp::Timestamp,
    upload::{BATCH_RECORDS_MAX, RefusalReason, SendWindow},
};
use terminal::{
    clock::ClockWatch,
    ledger::{Applied, Filter, HaltReason, Ledger, LedgerError, Purpose, State},
    pace::{BACKOFF_MS_MAX, Pace},
    ports::LinkError,
    uploader::{Event, Failure, Line, Phase, SendError, Step, Uploader, UploaderState},
};

use super::support::{
    center::{Center, Fault},
    *,
};

pub(crate) struct Rig {
    pub(crate) terminal: Terminal,
    pub(crate) ledger: Ledger,
    pub(crate) cashier: terminal::roles::SignedIn,
    pub(crate) center: Center,
    pub(crate) uploader: Uploader,
    pub(crate) watch: ClockWatch,
}

impl Rig {
    pub(crate) fn new(seed: u64) -> Self {
        let mut terminal = Terminal::new(seed);
        let (ledger, cashier) = terminal.open_for_business();
        let center = Center::new();
        let uploader = Uploader::new(center.key.public());
        Rig { terminal, ledger, cashier, center, uploader, watch: ClockWatch::default() }
    }

    pub(crate) fn settle(&mut self, who: std::ops::Range<u64>) {
        for who in who {
            settle(&mut self.ledger, &mut self.terminal, &self.cashier, who);
        }
    }

    pub(crate) fn step(&mut self) -> Step {
        self.center.now = self.terminal.now();
        self.uploader
            .step(
                &mut self.ledger,
                &mut self.center,
                &mut self.terminal.chance,
                &self.terminal.clock,
                &mut self.watch,
                &self.terminal.limits,
            )
            .unwrap()
    }

    /// Steps, letting time pass where it has to, until there is nothing to do or nothing may be done.
    pub(crate) fn drain(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for _ in 0..1_000 {
            match self.step() {
                Step::Wait { for_ms } => self.terminal.clock.pass(for_ms),
                step @ (Step::Idle | Step::Stopped(_)) => {
                    steps.push(step);
                    return steps;
                }
                step => steps.push(step),
            }
        }
        panic!("never comes to rest: {:?}", self.uploader.state());
    }

    pub(crate) fn states(&self) -> Vec<State> {
        let mut rows = self.ledger.list(Filter::All, 10_000).unwrap();
        rows.reverse();
        rows.iter().map(|row| row.state).collect()
    }
}

#[test]
fn a_queue_drains_in_batches_and_keeps_its_receipts() {
    let mut rig = Rig::new(40);
    rig.settle(0..620);
    let steps = rig.drain();
    let sent: Vec<u64> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Sent { upto, applied } if applied.duplicates == 0 => Some(*upto),
            _ => None,
        })
        .collect();
    assert_eq!(sent, [500, 620]);
    assert_eq!(BATCH_RECORDS_MAX, 500);
    assert!(rig.states().iter().all(|state| *state == State::Booked));
    assert_eq!(rig.uploader.line(), Line::Up);
    assert_eq!((rig.ledger.answered().unwrap(), rig.center.held.len()), (620, 620));
    let row = rig.ledger.transaction_at(501).unwrap().unwrap();
    let receipt = rig.ledger.receipt(&row.verdict.unwrap().receipt).unwrap().unwrap();
    let opened: protocol::upload::Receipt =
        receipt.open(&rig.center.key.public(), protocol::upload::RECEIPT_PURPOSE).unwrap();
    assert_eq!(opened.lines.len(), 120);
    assert!(rig.center.bookings.values().all(|times| *times == 1));
}

#[test]
fn an_answer_lost_after_booking_books_nothing_twice() {
    let mut rig = Rig::new(41);
    rig.settle(0..5);
    assert!(matches!(rig.step(), Step::Greeted { .. }));
    rig.center.faults.push_back(Fault::LostAfter);
    assert!(matches!(rig.step(), Step::Failed { error: SendError::Link(LinkError::Lost { .. }), .. }));
    assert_eq!(rig.states(), [State::Uploaded; 5]);
    assert_eq!(rig.uploader.line(), Line::Down);
    let steps = rig.drain();
    let applied = Applied { duplicates: 5, ..Applied::default() };
    assert!(steps.contains(&Step::Sent { applied, upto: 5 }), "{steps:?}");
    assert_eq!(rig.states(), [State::Booked; 5]);
    assert!(rig.center.bookings.values().all(|times| *times == 1));
    // The receipt kept is the first one, which says booked.
    let row = rig.ledger.transaction_at(3).unwrap().unwrap();
    assert_eq!(row.verdict.unwrap().receipt, "R000001");
}

#[test]
fn a_restart_in_doubt_asks_for_the_receipt_again() {
    let mut rig = Rig::new(42);
    rig.settle(0..3);
    rig.step();
    rig.center.faults.push_back(Fault::LostAfter);
    rig.step();
    // The machine goes down here; the center holds three records, the terminal no receipt.
    rig.uploader = Uploader::new(rig.center.key.public());
    rig.ledger = rig.terminal.open();
    rig.drain();
    assert_eq!(rig.states(), [State::Booked; 3]);
    assert!(rig.center.bookings.values().all(|times| *times == 1));
}

#[test]
fn refusals_and_conflicts_are_alarms_not_losses() {
    let mut rig = Rig::new(43);
    rig.settle(0..4);
    let ids: Vec<_> = (1..=4).map(|n| rig.ledger.transaction_at(n).unwrap().unwrap().intention.id).collect();
    rig.center.refuse.insert(ids[1], RefusalReason::Unbalanced);
    rig.center.conflicts.push(ids[2]);
    let steps = rig.drain();
    let applied = Applied { booked: 2, refused: 1, conflicts: 1, duplicates: 0 };
    assert!(steps.contains(&Step::Sent { applied, upto: 4 }), "{steps:?}");
    assert_eq!(rig.states(), [State::Booked, State::Refused, State::Conflict, State::Booked]);
    let refused = rig.ledger.transaction(ids[1]).unwrap().unwrap();
    assert_eq!(refused.verdict.unwrap().refusal, Some(RefusalReason::Unbalanced));
    assert_eq!(rig.ledger.list(Filter::Disputed, 10).unwrap().len(), 2);
    let status = rig.ledger.status(&rig.terminal.limits, rig.terminal.now()).unwrap();
    assert_eq!((status.refused, status.conflicts, status.waiting), (1, 1, 0));
    assert_eq!(rig.ledger.totals(1, 4).unwrap().count, 2, "what is not booked does not count");
    let audit = rig.ledger.audit_entries(0, 100).unwrap();
    for (event, id) in [("record_refused", ids[1]), ("record_conflict", ids[2])] {
        assert!(audit.iter().any(|e| e.text.contains(event) && e.text.contains(&id.to_string())), "{event}");
    }
    // Sending all of it again changes nothing.
    let pending = rig.ledger.batch_after(0, 500).unwrap().unwrap();
    let answer = terminal::ports::CenterLink::upload(&mut rig.center, &pending.batch);
    let answer = answer.unwrap();
    // The center's first receipt says conflict for one of them: no receipt for a duplicate.
    let again = rig.ledger.apply_answer(&pending, &answer, &rig.center.key.public(), rig.terminal.now());
    assert!(again.is_err());
    assert_eq!(rig.states(), [State::Booked, State::Refused, State::Conflict, State::Booked]);
}

#[test]
fn nothing_is_believed_that_is_not_signed_or_not_asked() {
    for (fault, expected) in
        [(Fault::ForgedReceipt, SendError::NotSigned), (Fault::SwappedLines, SendError::ReceiptDiffers)]
    {
        let mut rig = Rig::new(44);
        rig.settle(0..3);
        rig.step();
        rig.center.faults.push_back(fault);
        let step = rig.step();
        assert!(matches!(&step, Step::Failed { error, .. } if *error == expected), "{step:?}");
        assert_eq!(rig.states(), [State::Recorded; 3], "{fault:?}");
        rig.drain();
        assert_eq!(rig.states(), [State::Booked; 3], "{fault:?}");
        assert!(rig.center.bookings.values().all(|times| *times == 1));
    }
    // A duplicate whose first receipt is kept back.
    let mut rig = Rig::new(45);
    rig.settle(0..3);
    rig.step();
    rig.center.faults.extend([Fault::LostAfter, Fault::NoEarlier]);
    rig.step();
    rig.terminal.clock.pass(BACKOFF_MS_MAX);
    let step = rig.step();
    assert!(matches!(step, Step::Failed { error: SendError::ReceiptDiffers, .. }), "{step:?}");
    assert_eq!(rig.states(), [State::Uploaded; 3]);
    rig.drain();
    assert_eq!(rig.states(), [State::Booked; 3]);
}

#[test]
fn waits_grow_and_the_window_is_kept() {
    let mut rig = Rig::new(46);
    rig.settle(0..510);
    rig.center.faults.extend([Fault::Down; 12]);
    let mut last_ms = 0;
    for tries in 0..12 {
        let Step::Failed { retry_ms, .. } = rig.step() else { panic!("try {tries}") };
        assert!(retry_ms >= last_ms / 2 && retry_ms <= BACKOFF_MS_MAX);
        assert!(matches!(rig.step(), Step::Wait { .. }), "no second try at once");
        rig.terminal.clock.pass(retry_ms);
        last_ms = retry_ms;
    }
    assert!(last_ms >= BACKOFF_MS_MAX / 2);
    rig.center.window = SendWindow { after_ms: 5_000, spread_ms: 1_000 };
    assert!(matches!(rig.step(), Step::Greeted { .. }));
    assert!(matches!(rig.step(), Step::Sent { upto: 500, .. }));
    let Step::Wait { for_ms } = rig.step() else { panic!("the window") };
    assert!((4_999..6_000).contains(&for_ms), "{for_ms}");
    rig.uploader.hurry();
    assert!(matches!(rig.step(), Step::Sent { upto: 510, .. }), "an operator can hurry");
}

#[test]
fn a_batch_that_is_too_large_is_halved_until_it_fits() {
    let mut rig = Rig::new(47);
    rig.settle(0..20);
    rig.step();
    rig.center.faults.extend([Fault::TooLarge; 7]);
    let steps = rig.drain();
    let first = steps.iter().find_map(|step| match step {
        Step::Sent { upto, .. } => Some(*upto),
        _ => None,
    });
    assert_eq!(first, Some(3), "500 halved seven times");
    assert_eq!(rig.states(), [State::Booked; 20]);
}

#[test]
fn a_center_restored_from_a_backup_gets_again_what_it_lost() {
    let mut rig = Rig::new(48);
    rig.settle(0..10);
    rig.drain();
    rig.center.restore_to(4);
    rig.uploader = Uploader::new(rig.center.key.public());
    rig.settle(10..12);
    let steps = rig.drain();
    assert!(!steps.iter().any(|step| matches!(step, Step::Stopped(_))), "{steps:?}");
    assert_eq!(rig.center.held.len(), 12);
    assert_eq!(rig.states(), [State::Booked; 12]);
    let audit = rig.ledger.audit_entries(0, 100).unwrap();
    assert!(audit.iter().any(|entry| entry.text.contains(r#""center_behind","center":4"#)));
}

#[test]
fn a_chain_that_is_refused_twice_stops_business() {
    let mut rig = Rig::new(49);
    rig.settle(0..2);
    rig.step();
    rig.center.faults.extend([Fault::ChainBroken, Fault::None, Fault::ChainBroken]);
    let steps = rig.drain();
    let reason = HaltReason::ChainDiffers { sequence: 1 };
    assert_eq!(steps.last(), Some(&Step::Stopped(reason)));
    assert_eq!(rig.ledger.halted(), Ok(Some(reason)));
    // Once was a slip of the center: it is asked for its head, and sending goes on.
    let mut rig = Rig::new(50);
    rig.settle(0..2);
    rig.step();
    rig.center.faults.push_back(Fault::ChainBroken);
    rig.drain();
    assert_eq!(rig.states(), [State::Booked; 2]);
    assert_eq!(rig.ledger.halted(), Ok(None));
}

#[test]
fn late_records_are_flagged_and_still_sent() {
    let mut rig = Rig::new(51);
    rig.settle(0..2);
    rig.center.faults.push_back(Fault::Down);
    rig.step();
    rig.terminal.clock.pass(25 * HOUR_MS as u64);
    let overdue = |rig: &Rig| rig.ledger.status(&rig.terminal.limits, rig.terminal.now()).unwrap().overdue;
    assert_eq!(overdue(&rig), 2);
    rig.drain();
    assert_eq!(overdue(&rig), 0);
    assert!(rig.ledger.transaction_at(1).unwrap().unwrap().late, "the flag stays");
}

#[test]
fn a_booked_settlement_counts_here_until_the_feed_has_it() {
    let mut rig = Rig::new(52);
    rig.settle(1..2);
    let entry_made = rig.terminal.now();
    rig.terminal.clock.pass(10_000);
    rig.drain();
    let since = |rig: &Rig, at: Timestamp| rig.ledger.accumulated_since(person(1), 2026, Some(at)).unwrap();
    assert_eq!(since(&rig, entry_made).deductible, Fen(20_000), "booked after the entry was made");
    assert_eq!(since(&rig, rig.terminal.now()), Accumulation::default(), "the entry contains it");
    // What the center refused never counts.
    rig.settle(2..3);
    let id = rig.ledger.transaction_at(2).unwrap().unwrap().intention.id;
    rig.center.refuse.insert(id, RefusalReason::Unbalanced);
    rig.drain();
    assert_eq!(rig.ledger.accumulated_since(person(2), 2026, None).unwrap(), Accumulation::default());
}

#[test]
fn a_refused_settlement_is_taken_back_for_its_account_money() {
    let mut rig = Rig::new(54);
    rig.settle(1..3);
    let ids: Vec<_> = (1..=2).map(|n| rig.ledger.transaction_at(n).unwrap().unwrap().intention.id).collect();
    // One is cancelled before the center has refused it, one afterwards.
    let cancel = |rig: &mut Rig, of, who| {
        let (id, now) = (rig.terminal.chance.id(), rig.terminal.now());
        let purpose = Purpose::Cancellation { of };
        rig.ledger
            .intend(&intention(id, purpose, None, who, &rig.cashier, now), &rig.terminal.limits)
            .unwrap();
        rig.ledger.record(id, &outcome(cancellation(of, who), now)).unwrap();
    };
    cancel(&mut rig, ids[0], 1);
    rig.center.refuse.extend(ids.iter().map(|id| (*id, RefusalReason::HolderMismatch)));
    rig.drain();
    cancel(&mut rig, ids[1], 2);
    rig.drain();
    assert_eq!(rig.states(), [State::Refused, State::Refused, State::Booked, State::Booked]);
    for who in [1, 2] {
        assert_eq!(rig.ledger.owed_to(card(who)).unwrap()[0].amount, Fen(452));
        let year = rig.ledger.accumulated_since(person(who), 2026, None).unwrap();
        assert_eq!(year, Accumulation::default(), "neither was ever in the year");
    }
    let cycle = cycle_of(&rig.cashier);
    let day =
        rig.ledger.reconcile(&cycle, &mut rig.center, rig.cashier.actor(), rig.terminal.clock.now()).unwrap();
    assert!(day.equal, "{day:?}");
    assert_eq!((day.ours.count, day.ours.medfee_sumamt), (2, Fen(0)));
}

#[test]
fn a_refused_cancellation_leaves_nothing_owed() {
    let mut rig = Rig::new(56);
    rig.settle(1..2);
    let of = rig.ledger.transaction_at(1).unwrap().unwrap().intention.id;
    let (id, now) = (rig.terminal.chance.id(), rig.terminal.now());
    let purpose = Purpose::Cancellation { of };
    rig.ledger.intend(&intention(id, purpose, None, 1, &rig.cashier, now), &rig.terminal.limits).unwrap();
    rig.ledger.record(id, &outcome(cancellation(of, 1), now)).unwrap();
    assert_eq!(rig.ledger.owed_to(card(1)).unwrap().len(), 1, "owed until the center says something else");
    rig.center.refuse.extend([(of, RefusalReason::TacWrong), (id, RefusalReason::TacWrong)]);
    rig.drain();
    assert_eq!(rig.states(), [State::Refused, State::Refused]);
    assert!(rig.ledger.owed_all().unwrap().is_empty(), "the center would grant no load for it");
    let refund = Purpose::Load { refund_of: Some(id) };
    let load = intention(rig.terminal.chance.id(), refund, None, 1, &rig.cashier, now);
    assert_eq!(rig.ledger.intend(&load, &rig.terminal.limits), Err(LedgerError::NothingToLoad { of: id }));
}

#[test]
fn a_refused_settlement_without_a_card_has_nothing_to_give_back() {
    let mut rig = Rig::new(55);
    let (id, now) = (rig.terminal.chance.id(), rig.terminal.now());
    rig.ledger.register(&visit("V", 1, &rig.cashier, now)).unwrap();
    let intended = intention(id, Purpose::Settlement, Some("V"), 1, &rig.cashier, now);
    rig.ledger.intend(&intended, &rig.terminal.limits).unwrap();
    rig.ledger.record(id, &outcome(settlement("V", 1, None), now)).unwrap();
    rig.center.refuse.insert(id, RefusalReason::Unbalanced);
    rig.drain();
    let purpose = Purpose::Cancellation { of: id };
    let second = rig.terminal.chance.id();
    let cancel = intention(second, purpose, None, 1, &rig.cashier, now);
    let nothing = LedgerError::NothingToCancel { of: id };
    assert_eq!(rig.ledger.intend(&cancel, &rig.terminal.limits), Err(nothing));
}

#[test]
fn the_state_machine_is_a_function() {
    let start = UploaderState { phase: Phase::Send { after: 7 }, ..UploaderState::default() };
    let down = start.next(Event::Failed(Failure::Line), 100, 0);
    assert_eq!((down.phase, down.pace.failures()), (Phase::Send { after: 7 }, 1));
    assert_eq!(start.next(Event::Failed(Failure::Line), 100, 0), down);
    let chain = start.next(Event::Failed(Failure::Chain), 100, 0);
    assert_eq!((chain.phase, chain.chain_refusals), (Phase::Greet, 1));
    let greeted = chain.next(Event::Greeted { after: 3 }, 200, 0);
    assert_eq!(
        (greeted.phase, greeted.pace, greeted.chain_refusals),
        (Phase::Send { after: 3 }, Pace::default(), 1)
    );
    let window = SendWindow { after_ms: 0, spread_ms: 0 };
    let answered = greeted.next(Event::Answered { upto: 9, window }, 300, 0);
    assert_eq!((answered.phase, answered.chain_refusals), (Phase::Send { after: 9 }, 0));
    let quiet = greeted.next(Event::Empty, 300, 0);
    assert_eq!(quiet.chain_refusals, 0, "nothing is left to send: the next refusal is a first one");
    let reason = HaltReason::RolledBack { ledger: 1, before: 2 };
    let stopped = answered.next(Event::Differs(reason), 400, 0);
    assert_eq!(stopped.next(Event::Greeted { after: 0 }, 500, 0), stopped, "nothing leads out of it");
    let slow = start.next(Event::Failed(Failure::Installer), 0, 0);
    assert!(slow.pace.wait_ms(0) >= Some(BACKOFF_MS_MAX / 2));
}

#[test]
fn certificates_are_the_installers_affair_and_lose_nothing() {
    let mut rig = Rig::new(53);
    rig.settle(0..2);
    rig.center.faults.push_back(Fault::ExpiredCertificate);
    let Step::Failed { error, retry_ms } = rig.step() else { panic!("expired") };
    assert_eq!(error, SendError::Link(LinkError::ExpiredCertificate));
    assert!(retry_ms >= BACKOFF_MS_MAX / 2);
    rig.center.faults.extend([Fault::Overloaded, Fault::Storage, Fault::LostBefore]);
    rig.drain();
    assert_eq!(rig.states(), [State::Booked; 2]);
}
