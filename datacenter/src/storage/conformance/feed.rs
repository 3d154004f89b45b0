//! People and cards as a stream of changes.

use super::*;

pub(super) fn feed(storage: &dyn Storage) {
    let epoch = storage.epoch().unwrap();
    assert_ne!(epoch, 0);
    storage.set_epoch(epoch + 5).unwrap();
    assert_eq!(storage.epoch().unwrap(), epoch + 5);
    assert_eq!((storage.newest().unwrap(), storage.changes(0, 9).unwrap().len()), (0, 0));

    let people: Vec<_> =
        (0..10).map(|number| ImportedPerson { person: insured(number), with_sums: true }).collect();
    assert_eq!(storage.put_people(&people, Timestamp(1)).unwrap(), 10);
    assert_eq!(storage.put_people(&people, Timestamp(1)).unwrap(), 0);
    assert_eq!((storage.newest().unwrap(), storage.people_count().unwrap()), (10, 10));
    let changes = storage.changes(0, 99).unwrap();
    assert_eq!(changes.len(), 10);
    assert!(changes.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(changes[3], (4, Change::Person(insured(3))));
    assert_eq!(storage.changes(4, 2).unwrap(), changes[4..6]);
    assert_eq!(storage.changes(10, 9).unwrap(), []);

    // Without sums the year stays; with them it is replaced. Whoever changes moves to the end.
    let mut changed = insured(3);
    changed.state = PersonState::Deceased;
    changed.deductible_fen = 7;
    assert_eq!(
        storage.put_people(&[ImportedPerson { person: changed, with_sums: false }], Timestamp(1)).unwrap(),
        1
    );
    let kept = Person { state: PersonState::Deceased, ..insured(3) };
    assert_eq!(storage.changes(10, 9).unwrap(), [(11, Change::Person(kept))]);
    assert_eq!(
        storage.put_people(&[ImportedPerson { person: changed, with_sums: true }], Timestamp(1)).unwrap(),
        1
    );
    assert_eq!(storage.changes(10, 9).unwrap(), [(12, Change::Person(changed))]);

    assert_eq!(storage.remove_people(&[insured(0).key, insured(99).key, insured(0).key]).unwrap(), 1);
    assert_eq!(storage.changes(12, 9).unwrap(), [(13, Change::PersonGone(insured(0).key))]);
    assert_eq!((storage.person(insured(0).key).unwrap(), storage.people_count().unwrap()), (None, 9));
    // Back again.
    assert_eq!(storage.put_people(&people[..1], Timestamp(1)).unwrap(), 1);
    assert_eq!(storage.person(insured(0).key).unwrap(), Some(insured(0)));
    // A reader who follows by the cursor ends with what there is.
    let mut copy = std::collections::BTreeMap::new();
    let mut cursor = 0;
    loop {
        let page = storage.changes(cursor, 3).unwrap();
        let Some((last, _)) = page.last() else { break };
        cursor = *last;
        for (_, change) in page {
            if let Change::Person(person) = change {
                copy.insert(person.key, person);
            }
        }
    }
    assert_eq!((cursor, copy.len()), (storage.newest().unwrap(), 10));
    assert_eq!(copy[&changed.key], changed);
    assert_eq!(storage.person(u64::MAX).unwrap(), None);
}

pub(super) fn cards(storage: &dyn Storage) {
    let (one, other) = ([1; 12], [2; 12]);
    let block = |card, reason| (card, Some(reason));
    let at = Timestamp(100);
    assert_eq!(storage.set_cards(&[block(one, BlockReason::Lost), (other, None)], at).unwrap(), 1);
    assert_eq!(storage.set_cards(&[block(one, BlockReason::Lost)], Timestamp(200)).unwrap(), 0);
    let blocked = look(storage, |t| t.blocked(&[other, one]));
    assert_eq!(blocked.len(), 1);
    assert_eq!((blocked[0].card, blocked[0].reason, blocked[0].since), (one, BlockReason::Lost, at));
    assert_eq!(
        storage
            .set_cards(&[block(one, BlockReason::Fraud), block(other, BlockReason::Deceased)], at)
            .unwrap(),
        2
    );
    assert_eq!(storage.blocked_count().unwrap(), 2);
    assert_eq!(storage.card_blocked(one).unwrap(), Some(BlockReason::Fraud));
    assert_eq!(storage.card_blocked([3; 12]).unwrap(), None);
    storage.put_people(&[ImportedPerson { person: insured(1), with_sums: true }], Timestamp(1)).unwrap();
    assert_eq!(storage.set_cards(&[(one, None)], at).unwrap(), 1);
    assert_eq!(storage.set_cards(&[(one, None)], at).unwrap(), 0);
    // People and cards are one stream.
    let expected = [
        (3, Change::CardBlocked { card: other, reason: BlockReason::Deceased }),
        (4, Change::Person(insured(1))),
        (5, Change::CardFreed(one)),
    ];
    assert_eq!(storage.changes(0, 9).unwrap(), expected);
    assert_eq!(storage.changes(0, 2).unwrap(), expected[..2]);
    assert!(look(storage, |t| t.blocked(&[one])).is_empty());
    assert_eq!(storage.card_blocked(one).unwrap(), None);
}
