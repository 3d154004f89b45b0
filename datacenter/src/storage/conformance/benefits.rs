//! Pensions, payments, claims, the policy.

use protocol::{
    calendar::{Day, Period},
    pension::{Earlier, Fingers, Pension, Schedule},
    policy::ProofPolicy,
};

use super::*;
use crate::storage::benefits::{ClaimRow, ImportedPension, PaymentRow, PlaceRow, StandingRow};

fn period(number: u32) -> Period {
    Period::from_number(number).unwrap()
}

fn day(number: u32) -> Day {
    Day::from_number(number).unwrap()
}

fn plan(number: u64, first_unpaid: Option<u32>, certified_until: Option<u32>) -> ImportedPension {
    ImportedPension {
        person: insured(number).key,
        monthly: Fen(300_000),
        monthly_from: None,
        first_unpaid: first_unpaid.map(period),
        certified_until: certified_until.map(day),
    }
}

fn pension(number: u64, next_unpaid: u32, certified_until: Option<u32>) -> Pension {
    Pension {
        key: insured(number).key,
        monthly: Fen(300_000),
        next_unpaid: period(next_unpaid),
        paid_ahead: 0,
        certified_until: certified_until.map(day),
        fingers: Fingers::Unknown,
    }
}

pub(super) fn pensions(storage: &dyn Storage) {
    let (one, two) = (pension(1, 202_609, None), pension(2, 202_611, Some(20_270_101)));
    let changed =
        storage.put_plans(&[plan(1, Some(202_609), None), plan(2, Some(202_611), Some(20_270_101))]);
    assert_eq!(changed.unwrap(), 2);
    assert_eq!(storage.pension(one.key).unwrap(), Some(one));
    assert_eq!(storage.pension(99).unwrap(), None);
    assert_eq!(storage.changes(0, 9).unwrap(), [(1, Change::Pension(one)), (2, Change::Pension(two))]);

    // Lists: by the first unpaid month, and by the end of the certification.
    assert_eq!(storage.pensions_due(period(202_611), 9).unwrap(), [one, two]);
    assert_eq!(storage.pensions_due(period(202_610), 9).unwrap(), [one]);
    assert_eq!(storage.pensions_due(period(202_611), 1).unwrap(), [one]);
    assert_eq!(storage.certifications_due(day(20_270_101), 9).unwrap(), [one, two]);
    assert_eq!(storage.certifications_due(day(20_261_231), 9).unwrap(), [one]);

    // An entry that changes moves to the end of the feed, one that does not stays.
    let paid = Pension { fingers: Fingers::Enrolled, ..one.after_paying(period(202_610)).unwrap() };
    storage
        .transact(&mut |t| {
            t.put_pensions(&[paid, two])?;
            assert_eq!(t.pensions(&[two.key, 99, one.key])?, [two, paid]);
            Ok(())
        })
        .unwrap();
    assert_eq!(storage.changes(2, 9).unwrap(), [(3, Change::Pension(paid))]);

    // People, cards and pensions are one stream; whoever leaves takes the pension along.
    storage.put_people(&[ImportedPerson { person: insured(1), with_sums: true }], Timestamp(1)).unwrap();
    storage.set_cards(&[([1; 12], Some(BlockReason::Lost))], Timestamp(1)).unwrap();
    assert_eq!(storage.remove_people(&[insured(1).key, insured(2).key]).unwrap(), 1);
    let told: Vec<u64> = storage.changes(0, 99).unwrap().iter().map(|(cursor, _)| *cursor).collect();
    assert!(told.is_sorted() && told.len() == 4, "{told:?}");
    assert_eq!(storage.pension(one.key).unwrap(), None);
    let gone = storage.changes(3, 99).unwrap();
    assert!(gone.iter().any(|(_, change)| *change == Change::PensionGone(one.key)));
    assert_eq!(storage.pensions_due(period(202_701), 9).unwrap(), []);
    // Back again: what was paid is still paid.
    assert_eq!(storage.put_plans(&[plan(1, Some(202_601), None)]).unwrap(), 1);
    assert_eq!(storage.pension(one.key).unwrap(), Some(paid));
    assert_eq!(*told.last().unwrap() + 1, storage.newest().unwrap());
}

pub(super) fn plans(storage: &dyn Storage) {
    // Without a month nothing begins; a pension of nothing begins nothing.
    assert_eq!(storage.put_plans(&[plan(1, None, None)]).unwrap(), 0);
    let nothing = ImportedPension { monthly: Fen::ZERO, ..plan(1, Some(202_601), None) };
    assert_eq!(storage.put_plans(&[nothing]).unwrap(), 0);
    assert_eq!(storage.put_plans(&[plan(1, Some(202_609), Some(20_270_101))]).unwrap(), 1);
    // Never turned back; the same again is no change.
    assert_eq!(storage.put_plans(&[plan(1, Some(202_601), Some(20_260_101))]).unwrap(), 0);
    assert_eq!(storage.put_plans(&[plan(1, None, None)]).unwrap(), 0);
    let known = pension(1, 202_609, Some(20_270_101));
    assert_eq!(storage.pension(known.key).unwrap(), Some(known));
    let ahead = known.after_paying(period(202_611)).unwrap();
    storage.transact(&mut |t| t.put_pensions(&[ahead])).unwrap();
    // Paid elsewhere up to October: November was paid here.
    assert_eq!(storage.put_plans(&[plan(1, Some(202_611), Some(20_280_101))]).unwrap(), 1);
    let expected = pension(1, 202_612, Some(20_280_101));
    assert_eq!(storage.pension(known.key).unwrap(), Some(expected));
    let raised = ImportedPension { monthly: Fen(310_000), ..plan(1, None, None) };
    assert_eq!(storage.put_plans(&[raised]).unwrap(), 1);
    assert_eq!(storage.put_plans(&[nothing]).unwrap(), 1);
    assert_eq!(storage.put_plans(&[nothing]).unwrap(), 0);
    assert_eq!(storage.pension(known.key).unwrap(), None);
    let last = storage.changes(0, 9).unwrap().pop().unwrap();
    assert_eq!(last.1, Change::PensionGone(known.key));
    assert_eq!(storage.put_plans(&[raised]).unwrap(), 1);
    assert_eq!(storage.pension(known.key).unwrap(), Some(Pension { monthly: Fen(310_000), ..expected }));
}

pub(super) fn amounts(storage: &dyn Storage) {
    let first = plan(1, Some(202_609), None);
    let key = first.person;
    storage.put_plans(&[first]).unwrap();
    assert_eq!(storage.schedule(key).unwrap(), Some(Schedule::constant(pension(1, 202_609, None))));
    // Raised from November on: what is unpaid before keeps its amount.
    let raised =
        ImportedPension { monthly: Fen(310_000), monthly_from: Some(period(202_611)), ..plan(1, None, None) };
    let cursor = storage.newest().unwrap();
    assert_eq!(storage.put_plans(&[raised]).unwrap(), 1);
    assert_eq!(storage.put_plans(&[raised]).unwrap(), 0, "the same again");
    let schedule = storage.schedule(key).unwrap().unwrap();
    let amounts = |schedule: &Schedule| {
        [202_609, 202_610, 202_611, 202_712].map(|month| schedule.amount(period(month)).0)
    };
    assert_eq!(amounts(&schedule), [300_000, 300_000, 310_000, 310_000]);
    let earlier = Earlier { before: period(202_611), monthly: Fen(300_000) };
    assert_eq!(look(storage, |t| t.earlier_amounts(&[key, 99])), [(key, earlier)]);
    // The feed tells months of one amount, and the others when those are paid.
    let told = |after| storage.changes(after, 9).unwrap().pop().unwrap().1;
    assert_eq!(told(cursor), Change::Pension(schedule.as_one_amount()));
    let paid = schedule.pension.after_paying(period(202_609)).unwrap();
    let paid = paid.after_paying(period(202_610)).unwrap();
    storage.transact(&mut |t| t.put_pensions(&[paid])).unwrap();
    assert_eq!(told(cursor), Change::Pension(Pension { monthly: Fen(310_000), ..paid }));
    assert_eq!(look(storage, |t| t.earlier_amounts(&[key])), []);
    // An amount that holds already is no change.
    let later = ImportedPension { monthly_from: Some(period(202_612)), ..raised };
    assert_eq!(storage.put_plans(&[later]).unwrap(), 0);
    assert_eq!(amounts(&storage.schedule(key).unwrap().unwrap()), [310_000; 4]);
    // The old kind of import: the amount that is known changes nothing, another holds for all unpaid months.
    let planned =
        ImportedPension { monthly: Fen(320_000), monthly_from: Some(period(202_701)), ..plan(1, None, None) };
    assert_eq!(storage.put_plans(&[planned]).unwrap(), 1);
    let same = ImportedPension { monthly_from: None, ..planned };
    assert_eq!(storage.put_plans(&[same]).unwrap(), 0);
    assert_eq!(amounts(&storage.schedule(key).unwrap().unwrap())[2..], [310_000, 320_000]);
    let all = ImportedPension { monthly: Fen(330_000), ..same };
    assert_eq!(storage.put_plans(&[all]).unwrap(), 1);
    assert_eq!(amounts(&storage.schedule(key).unwrap().unwrap()), [330_000; 4]);
}

pub(super) fn payments(storage: &dyn Storage) {
    let row = |number: u16, month| PaymentRow {
        person: insured(1).key,
        period: period(month),
        id: id(number),
        amount: Fen(300_000),
        at: Timestamp(7),
    };
    storage.transact(&mut |t| t.add_payments(&[row(1, 202_609), row(2, 202_610)])).unwrap();
    let months = [(insured(1).key, period(202_610)), (insured(2).key, period(202_610))];
    assert_eq!(look(storage, |t| t.payments(&months)), [row(2, 202_610)]);
    // A month is paid once, also by the same record and within one call.
    assert!(storage.transact(&mut |t| t.add_payments(&[row(3, 202_611), row(4, 202_610)])).is_err());
    assert!(storage.transact(&mut |t| t.add_payments(&[row(3, 202_611), row(3, 202_611)])).is_err());
    assert_eq!(look(storage, |t| t.payments(&[(insured(1).key, period(202_611))])), []);
    assert_eq!(storage.paid(period(202_610)).unwrap(), (1, Fen(300_000)));
    assert_eq!(storage.paid(period(202_612)).unwrap(), (0, Fen::ZERO));
}

pub(super) fn standings(storage: &dyn Storage) {
    let put = |number, state, at| {
        let person = Person { state, ..insured(number) };
        storage.put_people(&[ImportedPerson { person, with_sums: false }], Timestamp(at)).unwrap();
    };
    put(1, PersonState::Active, 10);
    put(2, PersonState::Deceased, 10);
    for (state, at) in [
        (PersonState::Suspended, 20),
        (PersonState::Suspended, 30),
        (PersonState::Active, 40),
        (PersonState::Ended, 40),
        (PersonState::Deceased, 50),
    ] {
        put(1, state, at);
    }
    let row =
        |number, since, state| StandingRow { person: insured(number).key, since: Timestamp(since), state };
    assert_eq!(
        look(storage, |t| t.standings(&[insured(1).key, 99, insured(2).key])),
        [
            row(1, 20, PersonState::Suspended),
            row(1, 40, PersonState::Ended),
            row(1, 50, PersonState::Deceased),
            row(2, 10, PersonState::Deceased),
        ]
    );
}

pub(super) fn claims(storage: &dyn Storage) {
    let claim = |number: u16, at, clerk: Option<&str>| ClaimRow {
        id: id(number),
        person: insured(1).key,
        terminal: terminal(1),
        kind: Kind::Pension,
        at: Timestamp(at),
        card: (number > 1).then_some([7; 12]),
        clerk: clerk.map(str::to_owned),
        home: number == 3,
    };
    let rows =
        [claim(1, 10, None), claim(2, 30, Some("甲")), claim(3, 20, Some("乙")), claim(4, 40, Some("甲"))];
    storage.transact(&mut |t| t.add_claims(&rows)).unwrap();
    let by_time = [rows[0].clone(), rows[2].clone(), rows[1].clone(), rows[3].clone()];
    assert_eq!(look(storage, |t| t.claims(&[insured(2).key, insured(1).key], 9)), by_time);
    assert_eq!(look(storage, |t| t.claims(&[insured(1).key], 2)), by_time[2..]);
    let at_home: Vec<TransactionId> = storage.home_visits(9).unwrap().iter().map(|row| row.id).collect();
    assert_eq!(at_home, [id(3)]);
    let passes = |of, clerk: &str, from, until| {
        look(storage, |t| t.manual_passes(terminal(of), clerk, Timestamp(from), Timestamp(until)))
    };
    assert_eq!((passes(1, "甲", 30, 41), passes(1, "甲", 30, 40), passes(1, "甲", 31, 41)), (2, 1, 1));
    assert_eq!((passes(2, "甲", 0, 99), passes(1, "丙", 0, 99)), (0, 0));

    let place = |of, latitude_millionths| PlaceRow {
        terminal: terminal(of),
        latitude_millionths,
        longitude_millionths: -112_939_000,
    };
    storage.set_place(&place(1, 1)).unwrap();
    storage.set_place(&place(1, 28_228_000)).unwrap();
    assert_eq!(look(storage, |t| t.places(&[terminal(2), terminal(1)])), [place(1, 28_228_000)]);

    // Alarms by their kind.
    for (number, kind) in (1..).zip(AlarmKind::FALSE_CLAIMS) {
        storage.transact(&mut |t| t.raise(Timestamp(1), &[Alarm { kind: *kind, ..alarm(number) }])).unwrap();
    }
    storage.transact(&mut |t| t.raise(Timestamp(1), &[alarm(99)])).unwrap();
    let listed = storage.alarms_of(AlarmKind::FALSE_CLAIMS, 99).unwrap();
    let kinds: Vec<AlarmKind> = listed.iter().rev().map(|row| row.alarm.kind).collect();
    assert_eq!(kinds, AlarmKind::FALSE_CLAIMS);
    assert_eq!(storage.alarms_of(&[AlarmKind::SequenceConflict], 1).unwrap().len(), 1);
    assert_eq!(storage.alarms_of(&[], 9).unwrap(), []);
}

pub(super) fn policy(storage: &dyn Storage) {
    assert_eq!(storage.policies().unwrap(), []);
    let policy = |months| ProofPolicy { certification_months: months, ..ProofPolicy::default() };
    assert_eq!(storage.set_policy(&policy(6), Timestamp(1)).unwrap(), 1);
    assert_eq!(storage.set_policy(&policy(9), Timestamp(5)).unwrap(), 2);
    let told: Vec<_> = storage
        .policies()
        .unwrap()
        .iter()
        .map(|row| (row.policy.version, row.policy.certification_months, row.from, row.until))
        .collect();
    assert_eq!(told, [(2, 9, Timestamp(5), None), (1, 6, Timestamp(1), Some(Timestamp(5)))]);
}
