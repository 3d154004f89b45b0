//! Chains, receipts, alarms, transactions.

use super::*;

pub(super) fn chains(storage: &dyn Storage) {
    let (one, other) = (terminal(1), terminal(2));
    let now = Timestamp(9);
    let head = storage.chain_head(one, now).unwrap();
    assert_eq!((head.sequence, head.digest, head.now), (0, Digest::default(), now));
    let bodies = ["{\"a\":\"\u{0}\u{1F600}'\"}", "", "三"];
    let refused = Outcome::Refused(RefusalReason::TacWrong);
    let records = [
        record(1, Some(id(1)), Outcome::Booked, bodies[0]),
        record(2, None, refused, bodies[1]),
        record(3, Some(id(3)), Outcome::Booked, bodies[2]),
    ];
    assert_eq!(append(storage, one, &records).unwrap(), 1);
    assert_eq!(append(storage, other, &[record(1, Some(id(11)), Outcome::Booked, "x")]).unwrap(), 2);
    assert_eq!(append(storage, one, &[record(4, Some(id(4)), refused, "y")]).unwrap(), 3);

    assert_eq!(storage.chain_head(one, now).unwrap().sequence, 4);
    assert_eq!(storage.chain_head(other, now).unwrap().digest, digest(1));
    assert_eq!(look(storage, |t| t.head(one)), (4, digest(4)));
    let links = look(storage, |t| t.links(one, 2, 9));
    let told: Vec<_> = links.iter().map(|l| (l.sequence, l.id, l.digest, l.outcome, l.receipt)).collect();
    assert_eq!(
        told,
        [
            (2, None, digest(2), refused, 1),
            (3, Some(id(3)), digest(3), Outcome::Booked, 1),
            (4, Some(id(4)), digest(4), refused, 3)
        ]
    );
    assert_eq!(look(storage, |t| t.links(terminal(3), 1, 9)), []);
    let mut taken = look(storage, |t| t.taken(&[id(3), id(9), id(4), id(11)]));
    taken.sort_unstable();
    assert_eq!(taken, [id(3), id(4), id(11)]);
    let held = look(storage, |t| t.held(&[id(9), id(1), id(4)]));
    assert_eq!(held.len(), 2);
    assert_eq!((held[0].id, held[0].terminal, held[0].body.as_str()), (id(1), one, bodies[0]));
    assert_eq!((held[0].outcome, held[1].outcome), (Outcome::Booked, refused));
    let first = receipt(1, one, 1, 3);
    assert_eq!((held[0].booked_at, held[0].cancelled_by), (first.at, None));
    storage.transact(&mut |t| t.cancel(&[(id(1), id(3))])).unwrap();
    assert_eq!(look(storage, |t| t.held(&[id(1)]))[0].cancelled_by, Some(id(3)));
    assert!(storage.transact(&mut |t| t.cancel(&[(id(1), id(4))])).is_err());

    let receipts = look(storage, |t| t.receipts(&[1, 3, 99]));
    assert_eq!(receipts, [receipt(1, one, 1, 3).signed, receipt(3, one, 4, 4).signed]);
    assert_eq!(storage.receipts(Some(one), 9).unwrap(), [receipt(3, one, 4, 4), receipt(1, one, 1, 3)]);
    assert_eq!(storage.receipts(None, 1).unwrap(), [receipt(3, one, 4, 4)]);
    let listed = storage.records(Some(one), 2).unwrap();
    assert_eq!(listed.iter().map(|r| r.link.sequence).collect::<Vec<_>>(), [4, 3]);
    assert_eq!(
        (listed[1].totals, listed[1].proof, listed[1].made_at),
        (totals(300), Proof::Verified, Timestamp(1_003))
    );
    let all: Vec<_> =
        storage.records(None, 9).unwrap().iter().map(|r| (r.terminal, r.link.sequence)).collect();
    assert_eq!(all, [(one, 4), (other, 1), (one, 3), (one, 2), (one, 1)]);
}

pub(super) fn unique_keys(storage: &dyn Storage) {
    let (one, other) = (terminal(1), terminal(2));
    append(storage, one, &[record(1, Some(id(1)), Outcome::Booked, "a")]).unwrap();
    // The same place, and the same id at another place or terminal.
    assert!(append(storage, one, &[record(1, Some(id(2)), Outcome::Booked, "b")]).is_err());
    assert!(append(storage, one, &[record(2, Some(id(1)), Outcome::Booked, "b")]).is_err());
    assert!(append(storage, other, &[record(1, Some(id(1)), Outcome::Booked, "b")]).is_err());
    let refused = Outcome::Refused(RefusalReason::Unbalanced);
    assert!(append(storage, other, &[record(1, Some(id(1)), refused, "b")]).is_err());
    assert_eq!(storage.records(None, 9).unwrap().len(), 1);
    assert_eq!(storage.receipts(None, 9).unwrap().len(), 1);
    // A conflict is a link of its chain and takes no id; so do records without one.
    append(storage, other, &[record(1, Some(id(1)), Outcome::Conflict, "b")]).unwrap();
    append(storage, other, &[record(2, Some(id(1)), Outcome::Conflict, "c")]).unwrap();
    append(storage, other, &[record(3, None, refused, "d"), record(4, None, refused, "e")]).unwrap();
    assert_eq!(look(storage, |t| t.held(&[id(1)]))[0].terminal, one);
    assert_eq!(look(storage, |t| t.head(other)).0, 4);
}

pub(super) fn roll_back(storage: &dyn Storage) {
    let one = terminal(1);
    let person = insured(1);
    storage.put_people(&[ImportedPerson { person, with_sums: true }], Timestamp(1)).unwrap();
    let newest = storage.newest().unwrap();
    let broken = StorageError::Failed { detail: "the test broke off".into() };
    let failed = storage.transact(&mut |transaction| {
        let number = transaction.next_receipt()?;
        let records = [record(1, Some(id(1)), Outcome::Booked, "a")];
        transaction.append(one, &records, &receipt(number, one, 1, 1))?;
        transaction.cancel(&[(id(1), id(2))])?;
        transaction.add_credits(&[(person.key, Fen(5))])?;
        transaction.put_refunds(&[RefundRow { of: id(3), person: person.key, owed: Fen(5) }])?;
        transaction.accumulate(&[PersonYear { person: person.key, year: 2030, added: one_visit() }])?;
        transaction.raise(Timestamp(1), &[alarm(1)])?;
        // The transaction sees itself.
        assert_eq!(transaction.head(one)?.0, 1);
        assert_eq!(transaction.taken(&[id(1)])?, [id(1)]);
        assert_eq!(transaction.credits(&[person.key])?, [(person.key, Fen(5))]);
        assert_eq!(transaction.next_receipt()?, number + 1);
        Err(broken.clone())
    });
    assert_eq!(failed, Err(broken));
    assert_eq!(look(storage, |t| t.head(one)).0, 0);
    assert_eq!(look(storage, |t| t.credits(&[person.key])), []);
    assert_eq!(look(storage, |t| t.refunds(&[id(3)])), []);
    assert_eq!(storage.person(person.key).unwrap(), Some(person));
    assert_eq!((storage.newest().unwrap(), storage.alarms(9).unwrap().len()), (newest, 0));
    // The number of the receipt was not taken.
    assert_eq!(append(storage, one, &[record(1, Some(id(1)), Outcome::Booked, "a")]).unwrap(), 1);
}

pub(super) fn spans(storage: &dyn Storage) {
    let one = terminal(1);
    let refused = Outcome::Refused(RefusalReason::OverLimit);
    let cancellation = |mut record: NewRecord<'static>| {
        record.facts.kind = Kind::Cancellation;
        record.facts.totals = Totals { count: 1, medfee_sumamt: Fen(-100), ..Totals::default() };
        record
    };
    let load = |mut record: NewRecord<'static>| {
        record.facts.kind = Kind::Load;
        record
    };
    append(
        storage,
        one,
        &[
            record(1, Some(id(1)), Outcome::Booked, "a"),
            record(2, Some(id(2)), refused, "b"),
            cancellation(record(3, Some(id(3)), Outcome::Booked, "c")),
            record(4, Some(id(1)), Outcome::Conflict, "d"),
            load(record(5, Some(id(5)), Outcome::Booked, "e")),
            record(6, None, refused, "f"),
        ],
    )
    .unwrap();
    let span = storage.span(one, 1, 6, 9).unwrap();
    let mut sum = totals(100);
    sum.count = 2;
    sum.medfee_sumamt = Fen::ZERO;
    assert_eq!((span.totals, span.head), (sum, 6));
    assert_eq!(span.disputed, [id(2), id(1)]);
    assert_eq!(storage.span(one, 1, 6, 1).unwrap().disputed, [id(2)]);
    let part = storage.span(one, 2, 99, 9).unwrap();
    assert_eq!((part.totals.count, part.totals.medfee_sumamt), (1, Fen(-100)));
    let empty = storage.span(terminal(2), 1, 9, 9).unwrap();
    assert_eq!((empty.totals, empty.head), (Totals::default(), 0));
    let row = ReconciliationRow {
        terminal: one,
        from_sequence: 1,
        to_sequence: 6,
        at: Timestamp(1),
        equal: true,
        unresolved: 0,
    };
    storage.note_reconciliation(&row).unwrap();
    storage.note_reconciliation(&row).unwrap();
}

pub(super) fn alarms(storage: &dyn Storage) {
    let nameless = Alarm { kind: AlarmKind::BadSignature, id: None, evidence: None, ..alarm(2) };
    storage.transact(&mut |t| t.raise(Timestamp(10), &[alarm(1), nameless.clone()])).unwrap();
    storage.transact(&mut |t| t.raise(Timestamp(20), &[alarm(1), alarm(2)])).unwrap();
    let rows = storage.alarms(9).unwrap();
    let told: Vec<_> = rows.iter().map(|r| (&r.alarm, r.at.0, r.last_at.0, r.count)).collect();
    assert_eq!(told, [(&alarm(2), 20, 20, 1), (&nameless, 10, 10, 1), (&alarm(1), 10, 20, 2)]);
    assert_eq!(storage.alarms(1).unwrap().len(), 1);
    for kind in [
        AlarmKind::SequenceConflict,
        AlarmKind::IdConflict,
        AlarmKind::ChainBroken,
        AlarmKind::BadSignature,
        AlarmKind::TacWrong,
        AlarmKind::TacMissing,
        AlarmKind::HolderMismatch,
        AlarmKind::LoadConflict,
        AlarmKind::LoadDenied,
    ] {
        storage.transact(&mut |t| t.raise(Timestamp(30), &[Alarm { kind, ..alarm(77) }])).unwrap();
        assert_eq!(storage.alarms(1).unwrap()[0].alarm.kind, kind);
    }
}

/// Transactions of several threads are one after the other: each adds to what the one before has left.
pub(super) fn one_writer_at_a_time(storage: &Arc<dyn Storage>) {
    const THREADS: u8 = 4;
    const EACH: u64 = 25;
    std::thread::scope(|scope| {
        for number in 1..=THREADS {
            scope.spawn(move || {
                for _ in 0..EACH {
                    storage
                        .transact(&mut |transaction| {
                            let one = terminal(number);
                            let (head, _) = transaction.head(one)?;
                            let receipt_number = transaction.next_receipt()?;
                            let new = [record(head + 1, None, Outcome::Booked, "x")];
                            transaction.append(one, &new, &receipt(receipt_number, one, head + 1, head + 1))
                        })
                        .unwrap();
                }
            });
        }
    });
    for number in 1..=THREADS {
        assert_eq!(storage.chain_head(terminal(number), Timestamp(0)).unwrap().sequence, EACH);
    }
    let receipts = storage.receipts(None, usize::MAX).unwrap();
    assert_eq!(receipts.len() as u64, EACH * u64::from(THREADS));
    assert_eq!(receipts[0].number, EACH * u64::from(THREADS));
}
