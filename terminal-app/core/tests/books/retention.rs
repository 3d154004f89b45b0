//! Purging after the center's receipt and ninety days.

use protocol::{limits::OfflineLimits, timestamp::ClockQuality, upload::RefusalReason};
use terminal::{
    audit::Actor,
    ledger::{BrokenPart, Filter, LedgerError, PURGE_RECORDS_MAX, Purged, RETENTION_MS_MIN, State},
    reconcile::ReconcileError,
    roles::SignedIn,
    uploader::{Step, Uploader},
};

use super::{support::*, uploading::Rig};

/// Everything sent, and the cycle compared with the center.
fn end_of_day(rig: &mut Rig) {
    rig.drain();
    let cycle = cycle_of(&rig.cashier);
    let now = rig.terminal.now();
    assert!(rig.ledger.reconcile(&cycle, &mut rig.center, Actor::default(), now).unwrap().equal);
}

fn sign_in(rig: &mut Rig) -> SignedIn {
    let now = rig.terminal.now();
    let signed_in = rig.ledger.sign_in("0101", b"246813", now).unwrap();
    assert_eq!(signed_in.overdue, None);
    signed_in
}

#[test]
fn booked_records_go_after_their_time_and_the_chain_still_verifies() {
    let mut rig = Rig::new(140);
    rig.settle(0..12);
    let refused = rig.ledger.transaction_at(5).unwrap().unwrap().intention.id;
    rig.center.refuse.insert(refused, RefusalReason::Unbalanced);
    end_of_day(&mut rig);
    let limits = OfflineLimits { retention_ms: 1, ..OfflineLimits::default() };
    rig.terminal.clock.pass(RETENTION_MS_MIN as u64);
    // Not one millisecond before ninety days, whatever the limits say.
    assert_eq!(
        rig.ledger.purge(&limits, rig.terminal.clock.now(), ClockQuality::Checked),
        Ok(Purged::default())
    );
    rig.terminal.clock.pass(1);
    let longer = OfflineLimits { retention_ms: 2 * RETENTION_MS_MIN, ..OfflineLimits::default() };
    assert_eq!(
        rig.ledger.purge(&longer, rig.terminal.clock.now(), ClockQuality::Checked),
        Ok(Purged::default())
    );

    let purged = rig.ledger.purge(&limits, rig.terminal.clock.now(), ClockQuality::Checked).unwrap();
    assert_eq!(purged, Purged { records: 10, more: false });
    let left: Vec<u64> = rig
        .ledger
        .list(Filter::All, 100)
        .unwrap()
        .iter()
        .filter_map(|row| row.link.map(|link| link.sequence))
        .collect();
    assert_eq!(left, [12, 5], "the last link and what somebody has to look at");
    let verified = rig.ledger.verify().unwrap();
    assert_eq!((verified.head.sequence, verified.links, verified.purged), (12, 2, 10));
    assert_eq!(rig.ledger.answered(), Ok(12));
    assert!(rig.ledger.list(Filter::Waiting, 10).unwrap().is_empty());

    let cycle = cycle_of(&rig.cashier);
    let late = rig.ledger.reconcile(&cycle, &mut rig.center, Actor::default(), rig.terminal.clock.now());
    assert_eq!(late, Err(ReconcileError::Purged));

    // Work goes on, the file opens again, and the next purge joins its anchor to the last one.
    rig.cashier = sign_in(&mut rig);
    rig.settle(20..23);
    end_of_day(&mut rig);
    assert_eq!(rig.center.held.len(), 15);
    rig.ledger = rig.terminal.open();
    rig.terminal.clock.pass(RETENTION_MS_MIN as u64 + 1);
    let purged = rig.ledger.purge(&limits, rig.terminal.clock.now(), ClockQuality::Checked).unwrap();
    assert_eq!(purged.records, 3);
    assert_eq!(rig.ledger.verify().unwrap().purged, 13);
    rig.ledger = rig.terminal.open();
    assert_eq!(rig.ledger.head().unwrap().sequence, 15);
}

#[test]
fn visits_lines_and_receipts_go_with_their_records() {
    let mut rig = Rig::new(141);
    rig.settle(0..3);
    end_of_day(&mut rig);
    let numbers: Vec<String> =
        (1..=3).map(|n| rig.ledger.transaction_at(n).unwrap().unwrap().intention.visit.unwrap()).collect();
    let receipt = rig.ledger.transaction_at(1).unwrap().unwrap().verdict.unwrap().receipt;
    rig.terminal.clock.pass(RETENTION_MS_MIN as u64 + 1);
    rig.cashier = sign_in(&mut rig);
    rig.settle(3..4);
    rig.drain();
    rig.ledger.purge(&rig.terminal.limits, rig.terminal.clock.now(), ClockQuality::Checked).unwrap();
    assert!(rig.ledger.receipt(&receipt).unwrap().is_none());
    for number in numbers {
        assert!(rig.ledger.visit(&number).unwrap().is_none());
    }
    assert_eq!(rig.states(), [State::Booked]);
}

#[test]
fn what_is_not_booked_or_still_owed_stays() {
    let mut rig = Rig::new(142);
    rig.settle(0..2);
    let settled = rig.ledger.transaction_at(1).unwrap().unwrap().intention.id;
    let (id, now) = (rig.terminal.chance.id(), rig.terminal.now());
    let purpose = terminal::ledger::Purpose::Cancellation { of: settled };
    rig.ledger.intend(&intention(id, purpose, None, 0, &rig.cashier, now), &rig.terminal.limits).unwrap();
    rig.ledger.record(id, &outcome(cancellation(settled, 0), now)).unwrap();
    rig.settle(5..6);
    end_of_day(&mut rig);
    rig.terminal.clock.pass(RETENTION_MS_MIN as u64 + 1);
    rig.cashier = sign_in(&mut rig);
    rig.settle(7..8);
    rig.ledger.purge(&rig.terminal.limits, rig.terminal.clock.now(), ClockQuality::Checked).unwrap();
    let left: Vec<u64> = rig
        .ledger
        .list(Filter::All, 100)
        .unwrap()
        .iter()
        .filter_map(|row| row.link.map(|link| link.sequence))
        .collect();
    assert_eq!(left, [5, 3], "a refund is owed under 3, and 5 is not booked");
    assert_eq!(rig.ledger.owed_to(card(0)).unwrap().len(), 1);
    rig.ledger.verify().unwrap();
}

#[test]
fn a_cycle_that_does_not_agree_is_kept() {
    let mut rig = Rig::new(146);
    rig.settle(0..3);
    rig.drain();
    rig.terminal.clock.pass(2 * RETENTION_MS_MIN as u64);
    assert_eq!(
        rig.ledger.purge(&rig.terminal.limits, rig.terminal.clock.now(), ClockQuality::Checked),
        Ok(Purged::default())
    );
    end_of_day(&mut rig);
    assert_eq!(
        rig.ledger
            .purge(&rig.terminal.limits, rig.terminal.clock.now(), ClockQuality::Checked)
            .unwrap()
            .records,
        2
    );
}

#[test]
fn a_purge_is_bounded() {
    let mut rig = Rig::new(143);
    let records = PURGE_RECORDS_MAX + 50;
    rig.settle(0..records);
    end_of_day(&mut rig);
    rig.terminal.clock.pass(RETENTION_MS_MIN as u64 + 1);
    let now = rig.terminal.now();
    let first = rig.ledger.purge(&rig.terminal.limits, now, ClockQuality::Checked).unwrap();
    assert_eq!(first, Purged { records: PURGE_RECORDS_MAX, more: true });
    let second = rig.ledger.purge(&rig.terminal.limits, now, ClockQuality::Checked).unwrap();
    assert_eq!(second, Purged { records: 49, more: false });
    assert_eq!(rig.ledger.verify().unwrap().purged, records - 1);
}

#[test]
fn a_center_that_lost_more_than_is_kept_stops_business() {
    let mut rig = Rig::new(144);
    rig.settle(0..6);
    end_of_day(&mut rig);
    rig.terminal.clock.pass(RETENTION_MS_MIN as u64 + 1);
    rig.ledger.purge(&rig.terminal.limits, rig.terminal.clock.now(), ClockQuality::Checked).unwrap();
    rig.center.restore_to(2);
    rig.uploader = Uploader::new(rig.center.key.public());
    let reason = terminal::ledger::HaltReason::CenterBehind { center: 2, kept_from: 6 };
    assert_eq!(rig.drain(), [Step::Stopped(reason)]);
    assert_eq!(rig.ledger.halted(), Ok(Some(reason)));
}

#[test]
fn an_anchor_cannot_be_bent() {
    let mut rig = Rig::new(145);
    rig.settle(0..6);
    end_of_day(&mut rig);
    rig.terminal.clock.pass(RETENTION_MS_MIN as u64 + 1);
    rig.ledger.purge(&rig.terminal.limits, rig.terminal.clock.now(), ClockQuality::Checked).unwrap();
    let Rig { terminal, ledger, .. } = rig;
    ledger.close().unwrap();
    let raw = rusqlite::Connection::open(terminal.path()).unwrap();
    terminal::store::unlock(&raw, &store_key()).unwrap();
    raw.execute("UPDATE anchor SET digest = randomblob(32)", []).unwrap();
    drop(raw);
    let broken = LedgerError::ChainBroken { at: 6, what: BrokenPart::Digest };
    assert_eq!(terminal.try_open().map(|_| ()), Err(broken));
}

#[test]
fn a_clock_that_nobody_checked_purges_nothing() {
    let mut rig = Rig::new(147);
    rig.settle(0..3);
    end_of_day(&mut rig);
    let later = rig.terminal.now().plus_ms(4 * 365 * DAY_MS);
    for clock in [ClockQuality::Unchecked, ClockQuality::Doubtful] {
        assert_eq!(rig.ledger.purge(&rig.terminal.limits, later, clock), Ok(Purged::default()), "{clock:?}");
    }
    assert_eq!(rig.ledger.purge(&rig.terminal.limits, later, ClockQuality::Checked).unwrap().records, 2);
}

#[test]
fn what_stands_in_no_cycle_yet_is_kept() {
    let mut rig = Rig::new(148);
    rig.settle(0..1);
    let (id, now) = (rig.terminal.chance.id(), rig.terminal.now());
    rig.ledger.register(&visit("V", 5, &rig.cashier, now)).unwrap();
    let intended = intention(id, terminal::ledger::Purpose::Settlement, Some("V"), 5, &rig.cashier, now);
    rig.ledger.intend(&intended, &rig.terminal.limits).unwrap();
    let begun = rig.terminal.chance.id();
    rig.ledger.register(&visit("W", 6, &rig.cashier, now)).unwrap();
    let intended = intention(begun, terminal::ledger::Purpose::Settlement, Some("W"), 6, &rig.cashier, now);
    rig.ledger.intend(&intended, &rig.terminal.limits).unwrap();
    end_of_day(&mut rig);
    rig.ledger.sign_out(&rig.cashier, now).unwrap();
    // The cycle is closed and agreed; then two outcomes become known, with nobody signed in.
    rig.ledger.record(id, &outcome(settlement("V", 5, None), now)).unwrap();
    rig.ledger.record(begun, &outcome(settlement("W", 6, None), now)).unwrap();
    rig.drain();
    let later = rig.terminal.now().plus_ms(2 * RETENTION_MS_MIN);
    let purged = rig.ledger.purge(&rig.terminal.limits, later, ClockQuality::Checked).unwrap();
    assert_eq!(purged.records, 1);
    assert_eq!(rig.ledger.kept_from(1), Ok(2), "it belongs to the next cycle");
}
