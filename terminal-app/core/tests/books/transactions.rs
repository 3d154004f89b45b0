//! One transaction from the intention to its outcome, and what the file itself forbids.

use card_spec::money::Fen;
use protocol::{
    accumulation::Accumulation,
    limits::OfflineLimits,
    record::{AbandonReason, Body, Business},
    timestamp::ClockQuality,
};
use rusqlite::Connection;
use terminal::{
    ledger::{Filter, LedgerError, Purpose, State, VisitState},
    store,
};

use super::support::*;

#[test]
fn a_settlement_from_intention_to_record() {
    let mut terminal = Terminal::new(1);
    let (mut ledger, cashier) = terminal.open_for_business();
    let (now, id) = (terminal.now(), terminal.chance.id());
    ledger.register(&visit("V1", 1, &cashier, now)).unwrap();
    let intention = intention(id, Purpose::Settlement, Some("V1"), 1, &cashier, now);
    ledger.intend(&intention, &terminal.limits).unwrap();
    assert_eq!(ledger.visit("V1").unwrap().unwrap().state, VisitState::Settling);
    let open = ledger.unresolved(card(1)).unwrap().unwrap();
    assert_eq!((open.state, &open.intention), (State::Intended, &intention));
    assert!(ledger.unresolved(card(2)).unwrap().is_none());

    ledger.arm(id, &arming(5), now).unwrap();
    let armed = ledger.unresolved(card(1)).unwrap().unwrap();
    assert_eq!((armed.state, armed.armed), (State::Armed, Some(arming(5))));

    let business = settlement("V1", 1, Some(arming(5).purchase("11223344".into(), true)));
    let link = ledger.record(id, &outcome(business.clone(), now)).unwrap();
    assert_eq!(link.sequence, 1);
    assert!(ledger.unresolved(card(1)).unwrap().is_none());
    let row = ledger.transaction(id).unwrap().unwrap();
    assert_eq!((row.state, row.link), (State::Recorded, Some(link)));
    let body: Body = serde_json::from_str(row.body.as_deref().unwrap()).unwrap();
    assert_eq!((body.id, body.sequence, &body.business), (id, 1, &business));
    assert_eq!(body.cycle, cycle_of(&cashier));
    let visit = ledger.visit("V1").unwrap().unwrap();
    assert_eq!((visit.state, visit.settled_by), (VisitState::Settled, Some(id)));
    assert_eq!(ledger.verify().unwrap().links, 1);
}

#[test]
fn an_outcome_is_written_once() {
    let mut terminal = Terminal::new(2);
    let (mut ledger, cashier) = terminal.open_for_business();
    let (id, link) = settle(&mut ledger, &mut terminal, &cashier, 1);
    let now = terminal.now();
    let again = outcome(settlement("V", 1, None), now);
    let wrong = LedgerError::WrongState { id, state: State::Recorded };
    assert_eq!(ledger.record(id, &again), Err(wrong.clone()));
    assert_eq!(ledger.arm(id, &arming(6), now), Err(wrong.clone()));
    let abandoned = ledger.abandon(id, AbandonReason::ProvedNotDone, now, ClockQuality::Checked, true);
    assert_eq!(abandoned, Err(wrong));
    assert_eq!(ledger.transaction(id).unwrap().unwrap().link, Some(link));
    assert_eq!(ledger.head().unwrap().sequence, 1);
    let unknown = terminal.chance.id();
    assert_eq!(ledger.record(unknown, &again), Err(LedgerError::TransactionUnknown { id: unknown }));
}

#[test]
fn an_armed_card_is_abandoned_only_by_proof() {
    let mut terminal = Terminal::new(3);
    let (mut ledger, cashier) = terminal.open_for_business();
    let now = terminal.now();
    let mut sequence = 0;
    for (reason, proves) in [
        (AbandonReason::Cancelled, false),
        (AbandonReason::Restarted, false),
        (AbandonReason::CardGone, true),
        (AbandonReason::CardRefused, true),
        (AbandonReason::ProvedNotDone, true),
    ] {
        for arm in [false, true] {
            let id = terminal.chance.id();
            let number = format!("V{id}");
            ledger.register(&visit(&number, 1, &cashier, now)).unwrap();
            let intention = intention(id, Purpose::Settlement, Some(&number), 1, &cashier, now);
            ledger.intend(&intention, &terminal.limits).unwrap();
            if arm {
                ledger.arm(id, &arming(5), now).unwrap();
            }
            let result = ledger.abandon(id, reason, now, ClockQuality::Checked, false);
            if arm && !proves {
                assert_eq!(result, Err(LedgerError::OutcomeUnknown { id }), "{reason:?}");
                ledger.abandon(id, AbandonReason::ProvedNotDone, now, ClockQuality::Checked, false).unwrap();
            } else {
                assert!(result.is_ok(), "{reason:?}");
            }
            sequence += 1;
            let row = ledger.transaction(id).unwrap().unwrap();
            assert!(row.abandoned && row.link.unwrap().sequence == sequence);
            assert_eq!(
                ledger.visit(&number).unwrap().unwrap().state,
                VisitState::Open,
                "can be settled again"
            );
        }
    }
    assert_eq!(ledger.verify().unwrap().links, sequence);
}

#[test]
fn one_card_has_one_open_transaction() {
    let mut terminal = Terminal::new(4);
    let (mut ledger, cashier) = terminal.open_for_business();
    let (now, id, second) = (terminal.now(), terminal.chance.id(), terminal.chance.id());
    ledger.register(&visit("V1", 1, &cashier, now)).unwrap();
    ledger.register(&visit("V2", 1, &cashier, now)).unwrap();
    let first = intention(id, Purpose::Settlement, Some("V1"), 1, &cashier, now);
    ledger.intend(&first, &terminal.limits).unwrap();
    let other = intention(second, Purpose::Settlement, Some("V2"), 1, &cashier, now);
    assert_eq!(ledger.intend(&other, &terminal.limits), Err(LedgerError::Unresolved { id }));
    let mut taken = intention(id, Purpose::Settlement, Some("V2"), 2, &cashier, now);
    taken.card = card(2);
    assert_eq!(ledger.intend(&taken, &terminal.limits), Err(LedgerError::IdTaken { id }));
    assert_eq!(ledger.visit("V2").unwrap().unwrap().state, VisitState::Open, "nothing of it was written");
}

#[test]
fn a_cancelled_settlement_owes_a_refund_until_it_is_loaded() {
    let mut terminal = Terminal::new(5);
    let (mut ledger, cashier) = terminal.open_for_business();
    let (settled, _) = settle(&mut ledger, &mut terminal, &cashier, 1);
    let now = terminal.now();
    let limits = terminal.limits.clone();
    let cancel = terminal.chance.id();
    let purpose = Purpose::Cancellation { of: settled };
    ledger.intend(&intention(cancel, purpose, None, 1, &cashier, now), &limits).unwrap();
    let wrong = outcome(load(1), now);
    assert_eq!(ledger.record(cancel, &wrong), Err(LedgerError::PurposeDiffers { id: cancel }));
    ledger.record(cancel, &outcome(cancellation(settled, 1), now)).unwrap();
    assert_eq!(ledger.transaction(settled).unwrap().unwrap().cancelled_by, Some(cancel));
    let visit = ledger.visit(&format!("V{settled}")).unwrap().unwrap();
    assert_eq!((visit.state, visit.settled_by), (VisitState::Open, None));
    // Cancelled once, and everything that was added to the year is taken back.
    let again = terminal.chance.id();
    let twice = ledger.intend(&intention(again, purpose, None, 1, &cashier, now), &limits);
    assert_eq!(twice, Err(LedgerError::NothingToCancel { of: settled }));
    assert_eq!(ledger.accumulated_since(person(1), 2026, None).unwrap(), Accumulation::default());
    let totals = ledger.totals(1, 2).unwrap();
    assert_eq!((totals.count, totals.medfee_sumamt, totals.acct_pay), (2, Fen(0), Fen(0)));

    let owed = ledger.owed_to(card(1)).unwrap();
    assert_eq!((owed.len(), owed[0].amount, owed[0].cancellation), (1, Fen(452), cancel));
    let refund = Purpose::Load { refund_of: Some(cancel) };
    let id = terminal.chance.id();
    let other_card = ledger.intend(&intention(id, refund, None, 2, &cashier, now), &limits);
    assert_eq!(other_card, Err(LedgerError::NothingToLoad { of: cancel }));
    ledger.intend(&intention(id, refund, None, 1, &cashier, now), &limits).unwrap();
    ledger.record(id, &outcome(load(1), now)).unwrap();
    assert!(ledger.owed_all().unwrap().is_empty());
    let id = terminal.chance.id();
    let twice = ledger.intend(&intention(id, refund, None, 1, &cashier, now), &limits);
    assert_eq!(twice, Err(LedgerError::NothingToLoad { of: cancel }));
}

#[test]
fn a_purchase_resolved_next_year_counts_in_its_own() {
    let mut terminal = Terminal::new(12);
    let (mut ledger, cashier) = terminal.open_for_business();
    let (now, id) = (terminal.now(), terminal.chance.id());
    ledger.register(&visit("V1", 1, &cashier, now)).unwrap();
    ledger
        .intend(&intention(id, Purpose::Settlement, Some("V1"), 1, &cashier, now), &terminal.limits)
        .unwrap();
    ledger.arm(id, &arming(5), now).unwrap();
    // The card comes back on 2 January with the proof of 24 November.
    let later = now.plus_ms(39 * DAY_MS);
    let purchase = arming(5).purchase("11223344".into(), true);
    ledger.record(id, &outcome(settlement("V1", 1, Some(purchase)), later)).unwrap();
    assert_eq!(later.civil().year(), 2027);
    let year = |year| ledger.accumulated_since(person(1), year, None).unwrap().deductible;
    assert_eq!((year(2026), year(2027)), (Fen(20_000), Fen(0)));
}

#[test]
fn an_abandoned_load_leaves_the_refund_owed() {
    let mut terminal = Terminal::new(6);
    let (mut ledger, cashier) = terminal.open_for_business();
    let (settled, _) = settle(&mut ledger, &mut terminal, &cashier, 1);
    let (now, limits) = (terminal.now(), terminal.limits.clone());
    let (cancel, attempt) = (terminal.chance.id(), terminal.chance.id());
    let purpose = Purpose::Cancellation { of: settled };
    ledger.intend(&intention(cancel, purpose, None, 1, &cashier, now), &limits).unwrap();
    ledger.record(cancel, &outcome(cancellation(settled, 1), now)).unwrap();
    let refund = Purpose::Load { refund_of: Some(cancel) };
    ledger.intend(&intention(attempt, refund, None, 1, &cashier, now), &limits).unwrap();
    ledger.abandon(attempt, AbandonReason::CardGone, now, ClockQuality::Checked, false).unwrap();
    assert_eq!(ledger.owed_to(card(1)).unwrap().len(), 1);
}

#[test]
fn two_visits_in_a_row_count_the_year() {
    let mut terminal = Terminal::new(7);
    let (mut ledger, cashier) = terminal.open_for_business();
    settle(&mut ledger, &mut terminal, &cashier, 1);
    settle(&mut ledger, &mut terminal, &cashier, 1);
    settle(&mut ledger, &mut terminal, &cashier, 2);
    let sum = ledger.accumulated_since(person(1), 2026, Some(terminal.now().plus_ms(HOUR_MS))).unwrap();
    assert_eq!(sum.deductible, Fen(40_000));
    assert_eq!(sum.pooled_outpatient, Fen(96_000));
    assert_eq!(sum.own_in_scope, Fen(64_000));
    assert_eq!(ledger.accumulated_since(person(1), 2025, None).unwrap(), Accumulation::default());
    assert_eq!(ledger.accumulated_since(person(3), 2026, None).unwrap(), Accumulation::default());
}

#[test]
fn new_business_stops_at_the_queue_limit_and_what_was_begun_goes_on() {
    let mut terminal = Terminal::new(8);
    let (mut ledger, cashier) = terminal.open_for_business();
    terminal.limits = OfflineLimits { queue_max: 3, ..OfflineLimits::default() };
    let (now, begun) = (terminal.now(), terminal.chance.id());
    ledger.register(&visit("V9", 9, &cashier, now)).unwrap();
    let intended = intention(begun, Purpose::Settlement, Some("V9"), 9, &cashier, now);
    ledger.intend(&intended, &terminal.limits).unwrap();
    for who in 1..=3 {
        settle(&mut ledger, &mut terminal, &cashier, who);
    }
    ledger.register(&visit("V4", 4, &cashier, now)).unwrap();
    let id = terminal.chance.id();
    let refused =
        ledger.intend(&intention(id, Purpose::Settlement, Some("V4"), 4, &cashier, now), &terminal.limits);
    assert_eq!(refused, Err(LedgerError::QueueFull { waiting: 3, queue_max: 3 }));
    ledger.arm(begun, &arming(1), now).unwrap();
    ledger.record(begun, &outcome(settlement("V9", 9, None), now)).unwrap();
    assert_eq!(ledger.list(Filter::Waiting, 100).unwrap().len(), 4, "nothing is dropped");
}

#[test]
fn no_business_without_a_cycle() {
    let mut terminal = Terminal::new(9);
    let (mut ledger, cashier) = terminal.open_for_business();
    let now = terminal.now();
    ledger.register(&visit("V1", 1, &cashier, now)).unwrap();
    let id = terminal.chance.id();
    let mut intended = intention(id, Purpose::Settlement, Some("V1"), 1, &cashier, now);
    for (cycle, at) in [
        ("4301000000012026112408000009999".to_owned(), now),
        (cycle_of(&cashier), now.plus_ms(24 * HOUR_MS)),
        (cycle_of(&cashier), now.plus_ms(-HOUR_MS)),
    ] {
        (intended.cycle, intended.made_at) = (cycle.clone(), at);
        assert_eq!(ledger.intend(&intended, &terminal.limits), Err(LedgerError::CycleOver { cycle }));
    }
    (intended.cycle, intended.made_at) = (cycle_of(&cashier), now.plus_ms(24 * HOUR_MS - 1));
    ledger.intend(&intended, &terminal.limits).unwrap();
}

#[test]
fn the_file_itself_forbids_going_back() {
    let mut terminal = Terminal::new(10);
    let (mut ledger, cashier) = terminal.open_for_business();
    settle(&mut ledger, &mut terminal, &cashier, 1);
    ledger.close().unwrap();
    let raw = Connection::open(terminal.path()).unwrap();
    store::unlock(&raw, &store_key()).unwrap();
    for forbidden in [
        "UPDATE txn SET state = 1",
        "UPDATE txn SET state = 0",
        "UPDATE txn SET sequence = 2",
        "UPDATE txn SET sequence = NULL, abandoned = NULL, state = 1",
        "UPDATE txn SET armed = '{}'",
        "UPDATE txn SET medfee = 1",
        "UPDATE txn SET id = randomblob(16)",
        "UPDATE txn SET person = person + 1",
        "DELETE FROM txn",
        "UPDATE plan SET text = '{}'",
        "DELETE FROM plan",
        "UPDATE link SET body = replace(body, '452', '453')",
        "UPDATE link SET sequence = 2",
        "DELETE FROM link",
        "INSERT INTO link SELECT 2, ordinal, digest, signature, body FROM link",
        "INSERT INTO txn (id, state, purpose, person, card, cycle, operator, intended_at, sequence, abandoned)
             VALUES (randomblob(16), 2, 0, 1, randomblob(12), '', '', 1, 2, 0)",
        "UPDATE audit SET event = '{}'",
        "DELETE FROM audit",
        "DELETE FROM visit",
    ] {
        assert!(raw.execute(forbidden, []).is_err(), "{forbidden}");
    }
    // What the center says is written once.
    raw.execute("UPDATE txn SET state = 4, receipt = 'R1', verdict_at = 1", []).unwrap();
    for forbidden in [
        "UPDATE txn SET state = 5",
        "UPDATE txn SET receipt = 'R2'",
        "UPDATE txn SET verdict_at = 2",
        "DELETE FROM txn",
    ] {
        assert!(raw.execute(forbidden, []).is_err(), "{forbidden}");
    }
}

#[test]
fn nothing_personal_is_printed() {
    let mut terminal = Terminal::new(11);
    let (mut ledger, cashier) = terminal.open_for_business();
    let (id, _) = settle(&mut ledger, &mut terminal, &cashier, 1);
    let row = ledger.transaction(id).unwrap().unwrap();
    let visit = ledger.visit(&format!("V{id}")).unwrap().unwrap();
    let business = row.business().unwrap();
    let Business::Settlement(settlement) = &business else { panic!("settled") };
    let text = format!(
        "{row:?} {visit:?} {:?} {:?} {ledger:?} {:?} {:?}",
        row.intention,
        row.armed,
        ledger.owed_all().unwrap(),
        ledger.batch_after(0, 10).unwrap()
    );
    for secret in
        [settlement.person.as_str(), &settlement.person.as_str()[6..14], &settlement.card_id, "11223344"]
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
