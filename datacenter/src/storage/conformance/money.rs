//! Credits, refunds, loads, people's years, whose a card is.

use super::*;

fn load_row(number: u16, card_id: &str, card_serial: u16) -> LoadRow {
    let request = LoadRequest {
        id: id(number),
        terminal: terminal(1),
        person: PersonNumber::from_key(43_010_219_491_231_002).unwrap(),
        card_id: card_id.into(),
        card_factor: "00".repeat(8),
        amount: Fen(100),
        source: LoadSource::Refund { of: id(7) },
        balance: Fen(1),
        card_serial,
        algorithm: 3,
        key_version: 1,
        random: "01020304".into(),
        mac1: "05060708".into(),
        date_time: "20261124050000".into(),
    };
    LoadRow {
        id: id(number),
        request_digest: digest(number.into()),
        request,
        mac2: [1, 2, 3, 4],
        at: Timestamp(3),
        state: LoadState::Granted,
    }
}

pub(super) fn money(storage: &dyn Storage) {
    let (one, other) = (insured(2).key, 5);
    storage.transact(&mut |t| t.add_credits(&[(one, Fen(100)), (one, Fen(20)), (other, Fen(1))])).unwrap();
    storage.transact(&mut |t| t.add_credits(&[(one, Fen(-120))])).unwrap();
    let mut credits = look(storage, |t| t.credits(&[one, 6, other]));
    credits.sort_unstable();
    assert_eq!(credits, [(other, Fen(1)), (one, Fen(0))]);
    // Never below nothing, and nothing from nobody.
    assert!(storage.transact(&mut |t| t.add_credits(&[(one, Fen(-1))])).is_err());
    assert!(storage.transact(&mut |t| t.add_credits(&[(99, Fen(-1))])).is_err());

    let refund = RefundRow { of: id(1), person: one, owed: Fen(50) };
    storage.transact(&mut |t| t.put_refunds(&[refund])).unwrap();
    storage.transact(&mut |t| t.put_refunds(&[RefundRow { owed: Fen(20), ..refund }])).unwrap();
    assert_eq!(look(storage, |t| t.refunds(&[id(2), id(1)])), [RefundRow { owed: Fen(20), ..refund }]);
    let second = RefundRow { of: id(2), owed: Fen(3), ..refund };
    let settled = RefundRow { of: id(3), owed: Fen::ZERO, ..refund };
    let another = RefundRow { of: id(4), person: 5, owed: Fen(9) };
    storage.transact(&mut |t| t.put_refunds(&[second, settled, another])).unwrap();
    let mut owed = storage.refunds_of(one, 9).unwrap();
    owed.sort_unstable_by_key(|refund| refund.owed);
    assert_eq!(owed, [second, RefundRow { owed: Fen(20), ..refund }]);
    assert_eq!(storage.refunds_of(one, 1).unwrap().len(), 1);
    assert_eq!(storage.refunds_of(u64::MAX, 9).unwrap(), []);
    assert!(storage.transact(&mut |t| t.put_refunds(&[RefundRow { owed: Fen(-1), ..refund }])).is_err());

    let card = "00112233445566778899AABBCCDDEEFF";
    let rows = [load_row(1, card, 1), load_row(2, &"00".repeat(16), 1), load_row(3, card, 2)];
    storage.transact(&mut |t| t.put_loads(&rows)).unwrap();
    assert_eq!(look(storage, |t| t.loads(&[id(9), id(3)])), [rows[2].clone()]);
    storage.transact(&mut |t| t.set_load_states(&[(id(1), LoadState::Released)])).unwrap();
    let released = LoadRow { state: LoadState::Released, ..rows[0].clone() };
    for name in [card.to_lowercase().as_str(), card, &card[..24]] {
        assert_eq!(look(storage, |t| t.loads_of_card(name)), [released.clone(), rows[2].clone()], "{name}");
    }
    storage.transact(&mut |t| t.set_load_states(&[(id(1), LoadState::Cleared)])).unwrap();
    assert_eq!(look(storage, |t| t.loads(&[id(1)]))[0].state, LoadState::Cleared);
}

pub(super) fn holders(storage: &dyn Storage) {
    let row = |card, person, since| HolderRow { card: [card; 12], person, since: Timestamp(since) };
    assert_eq!(look(storage, |t| t.holders(&[[1; 12]])), []);
    storage.transact(&mut |t| t.put_holders(&[row(1, 10, 5), row(2, 20, 5)])).unwrap();
    storage.transact(&mut |t| t.put_holders(&[row(2, 30, 6)])).unwrap();
    let mut known = look(storage, |t| t.holders(&[[2; 12], [3; 12], [1; 12]]));
    known.sort_unstable_by_key(|holder| holder.card);
    assert_eq!(known, [row(1, 10, 5), row(2, 30, 6)]);
}

pub(super) fn purchases(storage: &dyn Storage) {
    let row = |serial, date_time: &str, number| PurchaseRow {
        key: PurchaseKey { card: "8637430100000123".into(), serial, date_time: date_time.into() },
        id: id(number),
    };
    let (one, two) = (row(1, "20261124050000", 1), row(2, "20261124050000", 2));
    storage.transact(&mut |t| t.add_purchases(&[one.clone(), two.clone()])).unwrap();
    // Known by all three together, and there once.
    let others = [row(1, "20261124050001", 1).key, row(3, "20261124050000", 1).key];
    assert_eq!(look(storage, |t| t.purchases(&others)), []);
    assert_eq!(look(storage, |t| t.purchases(&[two.key.clone(), one.key.clone()])), [two.clone(), one]);
    assert!(storage.transact(&mut |t| t.add_purchases(&[PurchaseRow { id: id(9), ..two.clone() }])).is_err());
}

pub(super) fn years(storage: &dyn Storage) {
    let people: Vec<_> =
        (0..4).map(|number| ImportedPerson { person: insured(number), with_sums: true }).collect();
    storage.put_people(&people, Timestamp(1)).unwrap();
    storage.remove_people(&[insured(3).key]).unwrap();
    let before = storage.newest().unwrap();
    let change = |number, year| PersonYear { person: insured(number).key, year, added: one_visit() };
    let changes = [
        change(0, 2026),
        change(1, 2025),
        change(9, 2026),
        change(3, 2026),
        change(2, 2027),
        change(0, 2026),
    ];
    storage.transact(&mut |t| t.accumulate(&changes)).unwrap();
    // As the protocol's own function says; who is unknown, gone or of a later year stays as he is.
    for (number, years) in [(0, vec![2026, 2026]), (1, vec![2025]), (2, vec![2027])] {
        let mut expected = insured(number);
        for year in years {
            expected.accumulate(year, &one_visit());
        }
        assert_eq!(storage.person(expected.key).unwrap(), Some(expected));
    }
    assert_eq!(storage.person(insured(3).key).unwrap(), None);
    let people = look(storage, |t| t.people(&[insured(1).key, insured(3).key, 99, u64::MAX]));
    assert_eq!(people.len(), 1);
    assert_eq!(people[0].key, insured(1).key);
    let moved: Vec<u64> = storage
        .changes(before, 9)
        .unwrap()
        .into_iter()
        .map(|(_, change)| match change {
            Change::Person(person) => person.key,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(moved, [insured(2).key, insured(0).key]);
    storage.transact(&mut |t| t.accumulate(&[])).unwrap();
}
