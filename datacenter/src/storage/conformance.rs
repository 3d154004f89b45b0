//! What every storage has to pass, whatever database lies under it.
//!
//! [`check`] runs all of it; each part gets a storage of its own, made empty by `fresh`. A storage that is not
//! what it should be ends in a panic that says where, as tests do.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test-suite that happens to be public")]

use std::sync::Arc;

use card_spec::{money::Fen, person::PersonNumber};
use protocol::{
    account::{LoadRequest, LoadSource},
    accumulation::Accumulation,
    feed::{BlockReason, Change, Person, PersonState},
    id::{TerminalId, TransactionId},
    limits::OfflineLimits,
    reconciliation::Totals,
    rules::RulesDocument,
    signature::{Digest, PublicKey, Signature, Signed},
    timestamp::Timestamp,
    upload::RefusalReason,
};

use super::{
    Storage, StorageError, Transaction,
    rows::{
        Alarm, AlarmKind, AuditRow, CertificateRow, CodeRow, Facts, ImportedPerson, Institution, Kind,
        LoadRow, LoadState, NewRecord, Outcome, PersonYear, Proof, ReceiptRow, ReconciliationRow, RefundRow,
    },
};

/// Runs the whole suite.
pub fn check(fresh: &dyn Fn() -> Arc<dyn Storage>) {
    chains(&*fresh());
    unique_keys(&*fresh());
    roll_back(&*fresh());
    spans(&*fresh());
    money(&*fresh());
    years(&*fresh());
    alarms(&*fresh());
    feed(&*fresh());
    cards(&*fresh());
    documents(&*fresh());
    terminals(&*fresh());
    audit(&*fresh());
    one_writer_at_a_time(&fresh());
}

fn terminal(number: u8) -> TerminalId {
    format!("4301000000{number:02}").parse().unwrap()
}

fn id(number: u16) -> TransactionId {
    let mut id = [0xAB; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    TransactionId(id)
}

fn digest(number: u64) -> Digest {
    Digest::of(&number.to_be_bytes())
}

fn totals(fee: i64) -> Totals {
    Totals {
        count: 1,
        medfee_sumamt: Fen(fee),
        fund_pay_sumamt: Fen(fee / 2),
        acct_pay: Fen(fee / 4),
        psn_cash_pay: Fen(fee - fee / 2 - fee / 4),
    }
}

fn record(sequence: u64, id: Option<TransactionId>, outcome: Outcome, body: &str) -> NewRecord<'_> {
    NewRecord {
        sequence,
        id,
        digest: digest(sequence),
        outcome,
        facts: Facts {
            kind: Kind::Settlement,
            made_at: Timestamp(1_000 + sequence as i64),
            person: Some(43_010_219_491_231_002),
            totals: totals(100 * sequence as i64),
            proof: Proof::Verified,
        },
        signature: Signature([sequence as u8; 64]),
        body,
    }
}

fn receipt(number: u64, terminal: TerminalId, from_sequence: u64, to_sequence: u64) -> ReceiptRow {
    ReceiptRow {
        number,
        terminal,
        at: Timestamp(5_000),
        from_sequence,
        to_sequence,
        signed: Signed { text: format!("receipt {number} 回执"), signature: Signature([7; 64]) },
    }
}

/// Appends records under the next receipt.
fn append(
    storage: &dyn Storage,
    terminal: TerminalId,
    records: &[NewRecord<'_>],
) -> Result<u64, StorageError> {
    let mut number = 0;
    let (first, last) = (records[0].sequence, records[records.len() - 1].sequence);
    storage.transact(&mut |transaction| {
        number = transaction.next_receipt()?;
        transaction.append(terminal, records, &receipt(number, terminal, first, last))
    })?;
    Ok(number)
}

/// Looks into a transaction that changes nothing.
fn look<T>(storage: &dyn Storage, read: impl Fn(&mut dyn Transaction) -> Result<T, StorageError>) -> T {
    let mut found = None;
    storage
        .transact(&mut |transaction| {
            found = Some(read(transaction)?);
            Ok(())
        })
        .unwrap();
    found.unwrap()
}

fn chains(storage: &dyn Storage) {
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
    assert_eq!(held[0].cancelled_by, None);
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

fn unique_keys(storage: &dyn Storage) {
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

fn roll_back(storage: &dyn Storage) {
    let one = terminal(1);
    let person = insured(1);
    storage.put_people(&[ImportedPerson { person, with_sums: true }]).unwrap();
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

fn spans(storage: &dyn Storage) {
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

fn money(storage: &dyn Storage) {
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
    assert!(storage.transact(&mut |t| t.put_refunds(&[RefundRow { owed: Fen(-1), ..refund }])).is_err());

    let card = "00112233445566778899AABBCCDDEEFF";
    let rows = [load_row(1, card, 1), load_row(2, &"00".repeat(16), 1), load_row(3, card, 2)];
    storage.transact(&mut |t| t.put_loads(&rows)).unwrap();
    assert_eq!(look(storage, |t| t.loads(&[id(9), id(3)])), [rows[2].clone()]);
    storage.transact(&mut |t| t.set_load_states(&[(id(1), LoadState::Released)])).unwrap();
    let released = LoadRow { state: LoadState::Released, ..rows[0].clone() };
    let of_card = look(storage, |t| t.loads_of_card(&card.to_lowercase()));
    assert_eq!(of_card, [released, rows[2].clone()]);
}

fn insured(number: u64) -> Person {
    Person {
        key: 43_010_219_491_231_000 + number,
        state: PersonState::Active,
        insutype: 390,
        psn_type: 15,
        civil_servant: true,
        paid_until: 24_322,
        year: 2026,
        deductible_fen: 1_000,
        pooled_outpatient_fen: 2_000,
        pooled_inpatient_fen: u32::MAX,
        own_in_scope_fen: 4_000,
        stays: 2,
    }
}

fn one_visit() -> Accumulation {
    Accumulation {
        deductible: Fen(500),
        pooled_outpatient: Fen(-9_000),
        pooled_inpatient: Fen(9_000),
        own_in_scope: Fen(1),
        stays: 1,
    }
}

fn years(storage: &dyn Storage) {
    let people: Vec<_> =
        (0..4).map(|number| ImportedPerson { person: insured(number), with_sums: true }).collect();
    storage.put_people(&people).unwrap();
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

fn alarm(sequence: u64) -> Alarm {
    Alarm {
        kind: AlarmKind::SequenceConflict,
        terminal: terminal(1),
        sequence,
        digest: digest(sequence),
        id: Some(id(1)),
        evidence: Some("证据".into()),
    }
}

fn alarms(storage: &dyn Storage) {
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
        AlarmKind::LoadConflict,
        AlarmKind::LoadDenied,
    ] {
        storage.transact(&mut |t| t.raise(Timestamp(30), &[Alarm { kind, ..alarm(77) }])).unwrap();
        assert_eq!(storage.alarms(1).unwrap()[0].alarm.kind, kind);
    }
}

fn feed(storage: &dyn Storage) {
    let epoch = storage.epoch().unwrap();
    assert_ne!(epoch, 0);
    storage.set_epoch(epoch + 5).unwrap();
    assert_eq!(storage.epoch().unwrap(), epoch + 5);
    assert_eq!((storage.newest().unwrap(), storage.changes(0, 9).unwrap().len()), (0, 0));

    let people: Vec<_> =
        (0..10).map(|number| ImportedPerson { person: insured(number), with_sums: true }).collect();
    assert_eq!(storage.put_people(&people).unwrap(), 10);
    assert_eq!(storage.put_people(&people).unwrap(), 0);
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
    assert_eq!(storage.put_people(&[ImportedPerson { person: changed, with_sums: false }]).unwrap(), 1);
    let kept = Person { state: PersonState::Deceased, ..insured(3) };
    assert_eq!(storage.changes(10, 9).unwrap(), [(11, Change::Person(kept))]);
    assert_eq!(storage.put_people(&[ImportedPerson { person: changed, with_sums: true }]).unwrap(), 1);
    assert_eq!(storage.changes(10, 9).unwrap(), [(12, Change::Person(changed))]);

    assert_eq!(storage.remove_people(&[insured(0).key, insured(99).key, insured(0).key]).unwrap(), 1);
    assert_eq!(storage.changes(12, 9).unwrap(), [(13, Change::PersonGone(insured(0).key))]);
    assert_eq!((storage.person(insured(0).key).unwrap(), storage.people_count().unwrap()), (None, 9));
    // Back again.
    assert_eq!(storage.put_people(&people[..1]).unwrap(), 1);
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

fn cards(storage: &dyn Storage) {
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
    storage.put_people(&[ImportedPerson { person: insured(1), with_sums: true }]).unwrap();
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
}

fn documents(storage: &dyn Storage) {
    assert_eq!((storage.rules().unwrap().revision, storage.rules().unwrap().documents.len()), (0, 0));
    let document = |version: &str, day: &str, text: &str| RulesDocument {
        version: version.into(),
        effective_from: day.into(),
        configuration: text.into(),
    };
    assert_eq!(storage.put_rules(&document("b", "2027-01-01", "{}")).unwrap(), 1);
    assert_eq!(storage.put_rules(&document("a", "2026-01-01", "{\"x\":1}")).unwrap(), 2);
    assert_eq!(storage.put_rules(&document("b", "2028-01-01", "{\"y\":2}")).unwrap(), 3);
    let rules = storage.rules().unwrap();
    assert_eq!(rules.revision, 3);
    assert_eq!(
        rules.documents,
        [document("a", "2026-01-01", "{\"x\":1}"), document("b", "2028-01-01", "{\"y\":2}")]
    );

    let limits = |queue_max| OfflineLimits { queue_max, ..OfflineLimits::default() };
    let (one, other) = (terminal(1), terminal(2));
    assert_eq!(storage.limits(one).unwrap(), []);
    assert_eq!(storage.set_limits(None, &limits(10), Timestamp(1)).unwrap(), 1);
    assert_eq!(storage.set_limits(Some(one), &limits(20), Timestamp(2)).unwrap(), 2);
    assert_eq!(storage.set_limits(None, &limits(30), Timestamp(3)).unwrap(), 3);
    let told = |of| {
        let rows = storage.limits(of).unwrap();
        rows.iter()
            .map(|r| (r.limits.version, r.limits.queue_max, r.terminal, r.from.0, r.until.map(|u| u.0)))
            .collect::<Vec<_>>()
    };
    let common = [(3, 30, None, 3, None), (1, 10, None, 1, Some(3))];
    assert_eq!(told(other), common);
    assert_eq!(told(one), [common[0], (2, 20, Some(one), 2, None), common[1]]);
    assert_eq!(storage.common_limits().unwrap().len(), 2);
}

fn terminals(storage: &dyn Storage) {
    let (one, other) = (terminal(1), terminal(2));
    let place = |name: &str| Institution { code: "H1".into(), name: name.into(), level: 2 };
    let code = |number, of, name: &str| CodeRow {
        digest: digest(number),
        terminal: of,
        institution: place(name),
        made_at: Timestamp(0),
        expires_at: Timestamp(100),
    };
    let key = |byte| PublicKey([byte; 32]);
    storage.put_code(&code(1, one, "甲")).unwrap();
    assert!(storage.put_code(&code(1, other, "乙")).is_err());
    let redeem =
        |number, of, byte, at| storage.redeem_code(digest(number), of, key(byte), Timestamp(at)).unwrap();
    assert_eq!(storage.terminal(one).unwrap(), None);
    assert_eq!(redeem(9, one, 1, 1), None);
    assert_eq!(redeem(1, other, 1, 1), None);
    assert_eq!(redeem(1, one, 1, 100), None);
    assert_eq!(redeem(1, one, 1, 99), Some(place("甲")));
    assert_eq!(redeem(1, one, 1, 99), Some(place("甲")));
    assert_eq!(redeem(1, one, 2, 99), None);
    let row = storage.terminal(one).unwrap().unwrap();
    assert_eq!((row.identity, row.institution, row.blocked), (Some(key(1)), place("甲"), false));
    assert_eq!(row.enrolled_at, Some(Timestamp(99)));

    assert!(storage.set_blocked(one, true).unwrap());
    assert!(!storage.set_blocked(other, true).unwrap());
    assert!(storage.terminal(one).unwrap().unwrap().blocked);
    assert!(storage.set_blocked(one, false).unwrap());

    let certificate = |number, of, at| CertificateRow {
        fingerprint: digest(number),
        terminal: of,
        issued_at: Timestamp(at),
        expires_at: Timestamp(1_000),
        revoked: false,
    };
    storage.put_certificate(&certificate(1, one, 1)).unwrap();
    assert_eq!(storage.certificate(digest(1)).unwrap(), Some(certificate(1, one, 1)));
    assert_eq!(storage.certificate(digest(2)).unwrap(), None);
    // The same identity under a new code keeps its certificates, another one loses them.
    storage.put_code(&code(2, one, "丙")).unwrap();
    assert_eq!(redeem(2, one, 1, 50), Some(place("丙")));
    assert!(!storage.certificate(digest(1)).unwrap().unwrap().revoked);
    storage.put_code(&code(3, one, "丁")).unwrap();
    assert_eq!(redeem(3, one, 7, 50), Some(place("丁")));
    assert!(storage.certificate(digest(1)).unwrap().unwrap().revoked);

    storage.put_code(&code(4, other, "戊")).unwrap();
    assert_eq!(redeem(4, other, 3, 50), Some(place("戊")));
    let numbers: Vec<_> = storage.terminals().unwrap().iter().map(|row| row.terminal).collect();
    assert_eq!(numbers, [one, other]);
}

fn audit(storage: &dyn Storage) {
    let row = |at, subject: &str| AuditRow {
        at: Timestamp(at),
        actor: "staff".into(),
        action: "试".into(),
        subject: subject.into(),
    };
    storage.note(&row(5, "a")).unwrap();
    storage.note(&row(4, "b")).unwrap();
    assert_eq!(storage.audit(9).unwrap(), [row(4, "b"), row(5, "a")]);
    assert_eq!(storage.audit(1).unwrap(), [row(4, "b")]);
}

/// Transactions of several threads are one after the other: each adds to what the one before has left.
fn one_writer_at_a_time(storage: &Arc<dyn Storage>) {
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
