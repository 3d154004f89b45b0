//! Dues: set aside for one payment, paid once, taken back.

use card_spec::money::Fen;
use protocol::{
    calendar::{Day, Period},
    record::PaidBy,
    service::{Contribution, ContributionKind, ContributionState, Due},
    timestamp::Timestamp,
};

use super::{Storage, StorageError, id, insured, look, terminal};
use crate::storage::contributions::{HeldDue, TakenRow};

pub(super) fn dues(storage: &dyn Storage) {
    let person = insured(1).key;
    let due = |month| Due {
        period: Period::from_number(month).unwrap(),
        months: 1,
        kind: ContributionKind::Medical,
        amount: Fen(36_000),
        until: Day::from_number(20_261_231).unwrap(),
    };
    let (one, two) = (due(202_611), due(202_612));
    storage.put_dues(&[person], &[(person, one), (person, two)]).unwrap();
    let known = Contribution {
        period: one.period,
        kind: one.kind,
        base: Fen(400_000),
        by_unit: Fen::ZERO,
        by_person: Fen::ZERO,
        state: ContributionState::Unpaid,
    };
    storage.put_contributions(&[(person, known)]).unwrap();
    let record = || storage.contributions(person, one.period, two.period).unwrap();

    let held = |due, name, at| HeldDue {
        person,
        due,
        id: id(name),
        terminal: terminal(1),
        operator: "0017".into(),
        at: Timestamp(at),
    };
    let rows = [held(one, 1, 10), held(two, 1, 10)];
    storage.transact(&mut |t| t.hold(&rows)).unwrap();
    // A due is one payment's alone, and nothing stays of a transaction that would give it to a second.
    let again = storage.transact(&mut |t| {
        t.free(&[id(1)])?;
        t.hold(&[held(one, 2, 20), held(one, 3, 20)])
    });
    assert!(matches!(again, Err(StorageError::Failed { .. })), "{again:?}");
    assert_eq!(storage.held_dues(Some(person), 9).unwrap(), rows);
    assert_eq!(look(storage, |t| t.held_under(&[id(2), id(1)])), rows);
    assert_eq!(look(storage, |t| t.held_of(insured(2).key)), []);
    assert_eq!(look(storage, |t| t.due_now(person)).len(), 2, "what is set aside is due all the same");

    let taken = |name, due, at| TakenRow {
        id: id(name),
        person,
        terminal: terminal(1),
        operator: "0017".into(),
        at: Timestamp(at),
        dues: vec![due],
        amount: Fen(36_000),
        paid_by: PaidBy::BankCard { reference: "A1".into() },
        reversed: None,
    };
    let first = taken(1, one, 30);
    storage.transact(&mut |t| t.add_contribution(&first)).unwrap();
    let twice = storage.transact(&mut |t| t.add_contribution(&taken(4, one, 40)));
    assert!(matches!(twice, Err(StorageError::Failed { .. })), "{twice:?}");
    assert_eq!(storage.contributions_taken(Some(person), 9).unwrap(), std::slice::from_ref(&first));
    assert_eq!(look(storage, |t| t.paid_of(person, &[two, one])), [(one, id(1), Timestamp(30))]);
    assert_eq!(storage.dues(person, 9).unwrap(), [two]);
    assert_eq!(storage.held_dues(None, 9).unwrap(), rows[1..]);
    let paid = Contribution { by_person: Fen(36_000), state: ContributionState::Paid, ..known };
    assert_eq!(record(), [paid]);
    // A list of before opens nothing that is paid.
    storage.put_dues(&[person], &[(person, one), (person, two)]).unwrap();
    assert_eq!(storage.dues(person, 9).unwrap(), [two]);

    storage.transact(&mut |t| t.reverse_contribution(id(1), id(5), Timestamp(50))).unwrap();
    let twice = storage.transact(&mut |t| t.reverse_contribution(id(1), id(6), Timestamp(60)));
    assert!(twice.is_err());
    assert_eq!(storage.dues(person, 9).unwrap(), [one, two]);
    assert_eq!(record(), [known]);
    let back = storage.contributions_taken(None, 9).unwrap();
    assert_eq!(back[0].reversed, Some((id(5), Timestamp(50))));
    // Paid again, and then an import says something else: that stands when it is taken back.
    storage.transact(&mut |t| t.add_contribution(&taken(7, one, 70))).unwrap();
    let imported = Contribution { by_person: Fen(1), ..known };
    storage.put_contributions(&[(person, imported)]).unwrap();
    storage.transact(&mut |t| t.reverse_contribution(id(7), id(8), Timestamp(80))).unwrap();
    assert_eq!(record(), [imported]);
    assert_eq!(look(storage, |t| t.free(&[id(1)])), 1);
    assert_eq!(storage.held_dues(None, 9).unwrap(), []);
}
