//! The day's comparison with the center.

use card_spec::money::Fen;
use protocol::{reconciliation::Totals, upload::RefusalReason};
use terminal::{
    audit::Actor,
    ledger::{LedgerError, Purpose},
    ports::LinkError,
    reconcile::ReconcileError,
};

use super::{
    support::{center::Fault, *},
    uploading::Rig,
};

fn reconcile(rig: &mut Rig) -> Result<terminal::reconcile::Reconciliation, ReconcileError> {
    let cycle = cycle_of(&rig.cashier);
    rig.ledger.reconcile(&cycle, &mut rig.center, rig.cashier.actor(), rig.terminal.clock.now())
}

#[test]
fn a_day_agrees() {
    let mut rig = Rig::new(130);
    rig.settle(0..7);
    let settled = rig.ledger.transaction_at(2).unwrap().unwrap().intention.id;
    let (id, now) = (rig.terminal.chance.id(), rig.terminal.now());
    let purpose = Purpose::Cancellation { of: settled };
    rig.ledger.intend(&intention(id, purpose, None, 1, &rig.cashier, now), &rig.terminal.limits).unwrap();
    rig.ledger.record(id, &outcome(cancellation(settled, 1), now)).unwrap();
    rig.drain();
    let day = reconcile(&mut rig).unwrap();
    assert!(day.equal && day.missing.is_empty() && day.disputed.is_empty());
    assert_eq!((day.from_sequence, day.to_sequence), (1, 8));
    let one = amounts();
    let expected = Totals {
        count: 8,
        medfee_sumamt: Fen(one.medfee_sumamt.0 * 6),
        fund_pay_sumamt: Fen(one.fund_pay_sumamt.0 * 6),
        acct_pay: Fen(one.acct_pay.0 * 6),
        psn_cash_pay: Fen(one.psn_cash_pay.0 * 6),
        ..Totals::default()
    };
    assert_eq!((day.ours, day.theirs), (expected, expected));
    let cycle = rig.ledger.cycle(&cycle_of(&rig.cashier)).unwrap().unwrap();
    assert!(cycle.agreed(8) && !cycle.agreed(9));
}

#[test]
fn what_was_not_sent_is_missing_and_listed() {
    let mut rig = Rig::new(131);
    rig.settle(0..3);
    rig.drain();
    rig.settle(3..5);
    let day = reconcile(&mut rig).unwrap();
    assert!(!day.equal);
    assert_eq!(day.missing, [4, 5]);
    assert_eq!((day.ours.count, day.theirs.count), (5, 3));
    rig.drain();
    assert!(reconcile(&mut rig).unwrap().equal);
}

#[test]
fn refused_records_count_on_neither_side_and_are_listed() {
    let mut rig = Rig::new(132);
    rig.settle(0..3);
    let id = rig.ledger.transaction_at(2).unwrap().unwrap().intention.id;
    rig.center.refuse.insert(id, RefusalReason::Unbalanced);
    rig.drain();
    let day = reconcile(&mut rig).unwrap();
    assert!(day.equal);
    assert_eq!((day.ours.count, day.disputed), (2, vec![id]));
}

#[test]
fn open_questions_are_told_to_the_center() {
    let mut rig = Rig::new(133);
    rig.settle(0..1);
    let (id, now) = (rig.terminal.chance.id(), rig.terminal.now());
    rig.ledger.register(&visit("V", 5, &rig.cashier, now)).unwrap();
    let intended = intention(id, Purpose::Settlement, Some("V"), 5, &rig.cashier, now);
    rig.ledger.intend(&intended, &rig.terminal.limits).unwrap();
    rig.ledger.arm(id, &arming(1), now).unwrap();
    rig.drain();
    assert_eq!(reconcile(&mut rig).unwrap().unresolved, [id]);
    assert_eq!(rig.center.reconciliations[0].unresolved, [id]);
}

#[test]
fn a_day_without_business_agrees_without_asking() {
    let mut rig = Rig::new(134);
    rig.center.faults.push_back(Fault::Down);
    assert!(reconcile(&mut rig).unwrap().equal);
    assert!(rig.center.reconciliations.is_empty());
    rig.settle(0..1);
    let down = reconcile(&mut rig);
    assert_eq!(down, Err(ReconcileError::Link(LinkError::Down { detail: "no route".into() })));
    let unknown = rig.ledger.reconcile("1", &mut rig.center, Actor::default(), rig.terminal.clock.now());
    assert_eq!(unknown, Err(ReconcileError::CycleUnknown));
}

#[test]
fn after_a_day_no_business_before_the_cycle_agrees() {
    let mut rig = Rig::new(135);
    rig.settle(0..2);
    rig.terminal.clock.pass(25 * HOUR_MS as u64);
    let (now, old) = (rig.terminal.now(), cycle_of(&rig.cashier));
    let id = rig.terminal.chance.id();
    rig.ledger.register(&visit("V", 5, &rig.cashier, now)).unwrap();
    let mut intended = intention(id, Purpose::Settlement, Some("V"), 5, &rig.cashier, now);
    let over = LedgerError::CycleOver { cycle: old.clone() };
    assert_eq!(rig.ledger.intend(&intended, &rig.terminal.limits), Err(over.clone()));

    // Signing in alone does not help: the old cycle comes first.
    let signed_in = rig.ledger.sign_in("0101", b"246813", now).unwrap();
    assert_eq!(signed_in.cycle, None);
    assert_eq!(signed_in.overdue.as_ref().map(|cycle| cycle.number.clone()), Some(old.clone()));
    assert_eq!(rig.ledger.intend(&intended, &rig.terminal.limits), Err(over));

    rig.drain();
    let day = rig.ledger.reconcile(&old, &mut rig.center, signed_in.actor(), now).unwrap();
    assert!(day.equal);
    let signed_in = rig.ledger.sign_in("0101", b"246813", now).unwrap();
    assert_eq!(signed_in.overdue, None);
    intended.cycle = cycle_of(&signed_in);
    assert_ne!(intended.cycle, old);
    rig.ledger.intend(&intended, &rig.terminal.limits).unwrap();
}

#[test]
fn a_difference_that_stays_is_accepted_by_a_supervisor() {
    let mut rig = Rig::new(136);
    rig.settle(0..2);
    rig.drain();
    // The center lost a record for good and says so.
    rig.center.held.remove(&1);
    let old = cycle_of(&rig.cashier);
    rig.terminal.clock.pass(25 * HOUR_MS as u64);
    let now = rig.terminal.now();
    assert_eq!(
        rig.ledger.accept_difference(&old, Actor::default(), now),
        Err(ReconcileError::CycleUnknown),
        "nothing was compared yet"
    );
    rig.ledger.sign_in("0101", b"246813", now).unwrap();
    assert!(!rig.ledger.reconcile(&old, &mut rig.center, Actor::default(), now).unwrap().equal);
    assert!(rig.ledger.sign_in("0101", b"246813", now).unwrap().cycle.is_none());
    rig.ledger.accept_difference(&old, Actor::default(), now).unwrap();
    assert!(rig.ledger.sign_in("0101", b"246813", now).unwrap().cycle.is_some());
    let audit = rig.ledger.audit_entries(0, 100).unwrap();
    assert!(audit.iter().any(|entry| entry.text.contains("difference_accepted")));
}

#[test]
fn what_is_written_down_between_two_cycles_belongs_to_the_next() {
    let mut rig = Rig::new(137);
    rig.settle(0..1);
    // Armed in the first cycle; the card comes back when nobody is signed in.
    let (id, now) = (rig.terminal.chance.id(), rig.terminal.now());
    rig.ledger.register(&visit("V", 5, &rig.cashier, now)).unwrap();
    let intended = intention(id, Purpose::Settlement, Some("V"), 5, &rig.cashier, now);
    rig.ledger.intend(&intended, &rig.terminal.limits).unwrap();
    rig.ledger.arm(id, &arming(1), now).unwrap();
    rig.ledger.sign_out(&rig.cashier, now).unwrap();
    let first = cycle_of(&rig.cashier);
    rig.ledger
        .record(id, &outcome(settlement("V", 5, Some(arming(1).purchase("AA".into(), true))), now))
        .unwrap();
    rig.terminal.clock.pass(HOUR_MS as u64);
    let now = rig.terminal.now();
    rig.cashier = rig.ledger.sign_in("0101", b"246813", now).unwrap();
    rig.settle(8..9);
    rig.drain();
    let span = |rig: &Rig, cycle: &str| {
        let asked = rig.ledger.reconciliation_request(cycle).unwrap();
        (asked.from_sequence, asked.to_sequence, asked.totals.count)
    };
    assert_eq!(span(&rig, &first), (1, 1, 1));
    assert_eq!(span(&rig, &cycle_of(&rig.cashier)), (2, 3, 2), "each record stands in one comparison");
    assert!(reconcile(&mut rig).unwrap().equal);
}

#[test]
fn days_without_a_line_follow_each_other_up_to_the_limit() {
    let mut rig = Rig::new(138);
    assert_eq!(rig.terminal.limits.cache_age_max_ms, 3 * DAY_MS);
    let sign_in = |rig: &mut Rig, online: bool| {
        let now = rig.terminal.now();
        let signed_in = rig.ledger.sign_in("0101", b"246813", now).unwrap();
        rig.cashier = match online {
            true => signed_in,
            false => rig.ledger.go_on_offline(signed_in, &rig.terminal.limits, now).unwrap(),
        };
        rig.cashier.cycle.clone().map(|cycle| cycle.number)
    };
    // Three days without a line, one cycle each.
    let mut cycles = vec![cycle_of(&rig.cashier)];
    rig.settle(0..2);
    for day in 1..3 {
        rig.terminal.clock.pass(DAY_MS as u64);
        assert_eq!(sign_in(&mut rig, true), None, "with the line up the older cycle comes first");
        cycles.extend(sign_in(&mut rig, false));
        assert_eq!(rig.cashier.overdue.as_ref().unwrap().number, cycles[0]);
        rig.settle(day * 10..day * 10 + 2);
    }
    assert_eq!(cycles.len(), 3);
    // In the third cycle the limit is met: what the first one began is 72 hours ago.
    rig.terminal.clock.pass(DAY_MS as u64 - 1);
    rig.settle(30..31);
    rig.terminal.clock.pass(2);
    let now = rig.terminal.now();
    assert_eq!(sign_in(&mut rig, false), None);

    // The line is back: the three are compared, the oldest first, and each with its own span.
    rig.drain();
    let mut spans = Vec::new();
    for number in &cycles {
        let overdue = rig.ledger.cycle_overdue(now).unwrap().unwrap();
        assert_eq!(overdue.number, *number);
        let day = rig.ledger.reconcile(number, &mut rig.center, rig.cashier.actor(), now).unwrap();
        assert!(day.equal);
        spans.push((day.from_sequence, day.to_sequence));
    }
    assert_eq!(spans, [(1, 2), (3, 4), (5, 7)]);
    assert!(sign_in(&mut rig, true).is_some());
    rig.settle(50..51);
    let audit = rig.ledger.audit_entries(0, 1_000).unwrap();
    assert_eq!(audit.iter().filter(|entry| entry.text.contains("cycle_offline")).count(), 2);
}

#[test]
fn when_the_line_is_back_the_older_cycle_comes_first() {
    let mut rig = Rig::new(139);
    let first = cycle_of(&rig.cashier);
    rig.settle(0..1);
    rig.terminal.clock.pass(DAY_MS as u64);
    let now = rig.terminal.now();
    let signed_in = rig.ledger.sign_in("0101", b"246813", now).unwrap();
    rig.cashier = rig.ledger.go_on_offline(signed_in, &rig.terminal.limits, now).unwrap();
    let second = cycle_of(&rig.cashier);
    rig.settle(1..2);
    let limits = rig.terminal.limits.clone();
    let ask = |rig: &Rig, cycle: &str, online: bool, after_ms: i64| {
        rig.ledger.require_reconciled(cycle, online, &limits, now.plus_ms(after_ms))
    };
    let refused = |online| Err(LedgerError::NotReconciled { cycle: first.clone(), online });
    assert_eq!(ask(&rig, &second, false, 0), Ok(()));
    assert_eq!(ask(&rig, &second, true, 0), refused(true));
    assert_eq!(ask(&rig, &second, false, 2 * DAY_MS), Ok(()));
    assert_eq!(ask(&rig, &second, false, 2 * DAY_MS + 1), refused(false));
    // The books keep the limit by themselves.
    rig.terminal.limits.cache_age_max_ms = DAY_MS - 1;
    let id = rig.terminal.chance.id();
    rig.ledger.register(&visit("V", 5, &rig.cashier, now)).unwrap();
    let intended = intention(id, Purpose::Settlement, Some("V"), 5, &rig.cashier, now);
    assert_eq!(rig.ledger.intend(&intended, &rig.terminal.limits), refused(false));
    rig.drain();
    assert!(rig.ledger.reconcile(&first, &mut rig.center, rig.cashier.actor(), now).unwrap().equal);
    assert_eq!(ask(&rig, &second, true, 0), Ok(()));
    rig.ledger.intend(&intended, &rig.terminal.limits).unwrap();
}

#[test]
fn a_cycle_that_was_begun_in_order_runs_its_day() {
    let mut rig = Rig::new(149);
    rig.settle(0..1);
    rig.terminal.clock.pass(9 * HOUR_MS as u64);
    rig.ledger.sign_out(&rig.cashier, rig.terminal.now()).unwrap();
    rig.cashier = rig.ledger.sign_in("0101", b"246813", rig.terminal.now()).unwrap();
    // The first cycle becomes overdue while the second one runs.
    rig.terminal.clock.pass(20 * HOUR_MS as u64);
    let now = rig.terminal.now();
    assert!(rig.ledger.cycle_overdue(now).unwrap().is_some());
    let current = cycle_of(&rig.cashier);
    assert_eq!(rig.ledger.require_reconciled(&current, true, &rig.terminal.limits, now), Ok(()));
    rig.settle(1..2);
}
