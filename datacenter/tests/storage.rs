//! The SQLite storage: the conformance suite, a full disk, damage, another program beside it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use std::sync::{Arc, Mutex};

use card_spec::generation::Algorithm;
use datacenter::storage::{
    Book, Storage, StorageError, conformance,
    rows::{Alarm, AlarmKind, HolderRow, ImportedPerson},
    sqlite::{SqliteOptions, SqliteStorage},
};
use protocol::{
    feed::{Person, PersonState},
    problem::ProblemKind,
    record::Business,
    signature::Digest,
    timestamp::Timestamp,
    upload::{BatchAnswer, RefusalReason, Verdict},
};
use rig::{
    Rig,
    bodies::{abandoned, settled},
    person, verdicts,
};

#[test]
fn sqlite_passes_the_conformance_suite() {
    let folders = Mutex::new(Vec::new());
    conformance::check(&|| {
        let folder = tempfile::tempdir().unwrap();
        let storage =
            SqliteStorage::create(&folder.path().join("s.sqlite"), SqliteOptions::default()).unwrap();
        folders.lock().unwrap().push(folder);
        Arc::new(storage) as Arc<dyn Storage>
    });
}

#[test]
fn a_full_disk_books_nothing_and_says_so() {
    let mut rig = Rig::new(1);
    let mut terminal = rig.terminal(1);
    let path = rig.folder.path().join("center/center.sqlite");
    let pages: u32 = rusqlite::Connection::open(&path)
        .unwrap()
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    let configuration = rig.folder.path().join("center/center.json");
    let set_pages = |pages: Option<u32>| {
        let text = std::fs::read_to_string(&configuration).unwrap();
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["storage_pages_max"] = serde_json::json!(pages);
        std::fs::write(&configuration, value.to_string()).unwrap();
    };
    set_pages(Some(pages + 20));
    rig.reopen();
    let running = rig.start();
    let client = terminal.client(&running);
    let mut booked = 0;
    let problem = loop {
        let from = terminal.chain.len() as u64 + 1;
        for number in 0..20 {
            terminal.record(rig.dice.id(), settled(person(number), 10_000));
        }
        let reply = client.post("/v1/records", &terminal.batch(from, from + 19)).unwrap();
        if reply.status != 200 {
            break reply.problem();
        }
        booked += 20;
        assert!(booked < 10_000, "the disk never became full");
    };
    assert_eq!(problem, ProblemKind::Storage);
    assert!(booked >= 20);
    // Nothing of the last batch is there, everything of the others is; reading goes on.
    assert_eq!(rig.center.production.chain_head(terminal.id).unwrap().sequence, booked);
    assert_eq!(client.get("/v1/chain-head").unwrap().status, 200);
    assert_eq!(client.get("/healthz").unwrap().status, 200);
    running.stop();
    // With room again, the same batch is booked.
    set_pages(None);
    rig.reopen();
    let running = rig.start();
    let reply =
        terminal.client(&running).post("/v1/records", &terminal.batch(booked + 1, booked + 20)).unwrap();
    let answer: BatchAnswer = reply.json();
    let receipt = rig::open(&answer, &rig.center.production.public_key());
    assert!(verdicts(&receipt).iter().all(|verdict| *verdict == protocol::upload::Verdict::Booked));
    running.stop();
}

#[test]
fn another_files_and_layouts_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sqlite");
    assert!(SqliteStorage::open(&path, SqliteOptions::default()).is_err());
    drop(SqliteStorage::create(&path, SqliteOptions::default()).unwrap());
    assert!(matches!(
        SqliteStorage::create(&path, SqliteOptions::default()),
        Err(StorageError::Failed { .. })
    ));
    let other = rusqlite::Connection::open(&path).unwrap();
    other.pragma_update(None, "user_version", 9).unwrap();
    assert_eq!(
        SqliteStorage::open(&path, SqliteOptions::default()).unwrap_err(),
        StorageError::Layout { expected: 6, got: 9 }
    );
    other.pragma_update(None, "user_version", 6).unwrap();
    other.pragma_update(None, "application_id", 1).unwrap();
    assert!(matches!(
        SqliteStorage::open(&path, SqliteOptions::default()),
        Err(StorageError::Damaged { .. })
    ));
    std::fs::write(&path, "not a database at all, but long enough to be looked at as one").unwrap();
    assert!(SqliteStorage::open(&path, SqliteOptions::default()).is_err());
}

/// Takes away what layout 3 has more than layout 2.
const BACK_TO_2: &str = "
DROP TABLE held_due; DROP TABLE contribution_payment; DROP TABLE contribution_line; DROP INDEX record_failed;
ALTER TABLE record DROP COLUMN contribution_cash; ALTER TABLE record DROP COLUMN contribution;
DROP TABLE pension_amount; DROP TABLE document; DROP TABLE contribution; DROP TABLE due; DROP TABLE unemployment; DROP TABLE person_name;
DROP TABLE seeker; DROP TABLE loss; DROP TABLE asked; DROP TABLE desk; DROP INDEX record_by_person;
DROP INDEX IF EXISTS holder_by_person; DELETE FROM counter WHERE name = 'document';
DROP TABLE purchase; DROP TABLE pension; DROP TABLE payment; DROP TABLE standing; DROP TABLE claim;
DROP TABLE policy; DROP TABLE place; DELETE FROM counter WHERE name = 'policy'";

#[test]
fn purchases_of_older_books_are_known_after_the_step_to_this_layout() {
    let (rig, mut terminal) = rig::cards::rig();
    let card = rig::cards::Card::new(Algorithm::Sm4, 3);
    let visit = |settlement| Business::Settlement(Box::new(settlement));
    let (first, forged) = (card.settlement(terminal.id, 10_000), card.settlement(terminal.id, 10_000));
    let mut wrong = forged.clone();
    wrong.card.as_mut().unwrap().tac = "00000000".into();
    rig::cards::book(&rig, &mut terminal, rig.dice.id(), visit(first.clone()));
    rig::cards::book(&rig, &mut terminal, rig.dice.id(), visit(wrong));
    terminal.record_text("no body at all".into());
    rig.receipt(&terminal, &terminal.all());
    let mut dead = insured(person(3).key());
    dead.state = PersonState::Deceased;
    let dead = ImportedPerson { person: dead, with_sums: true };
    rig.center.production.import_people([Ok(dead)], |_| {}).unwrap();

    let path = rig.folder.path().join("center/center.sqlite");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch(&format!("{BACK_TO_2}; PRAGMA user_version = 2")).unwrap();
    drop(SqliteStorage::open(&path, SqliteOptions::default()).unwrap());
    let refusal = |reason| Verdict::Refused { reason };
    let again = rig::cards::book(&rig, &mut terminal, rig.dice.id(), visit(first));
    assert_eq!(again, refusal(RefusalReason::PurchaseKnown));
    let genuine = rig::cards::book(&rig, &mut terminal, rig.dice.id(), visit(forged));
    assert_eq!(genuine, Verdict::Booked);
    rig.center
        .production
        .storage()
        .transact(&mut |transaction| {
            let standings = transaction.standings(&[person(3).key()])?;
            assert_eq!((standings[0].state, standings[0].since), (PersonState::Deceased, Timestamp(0)));
            Ok(())
        })
        .unwrap();
}

fn insured(key: u64) -> Person {
    Person {
        key,
        state: PersonState::Active,
        insutype: 310,
        psn_type: 12,
        civil_servant: false,
        paid_until: 2030 * 12,
        year: rig::year(),
        deductible_fen: 0,
        pooled_outpatient_fen: 0,
        pooled_inpatient_fen: 0,
        own_in_scope_fen: 0,
        stays: 0,
    }
}

#[test]
fn a_storage_of_the_first_layout_is_brought_to_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.sqlite");
    drop(SqliteStorage::create(&path, SqliteOptions::default()).unwrap());
    let schema = |connection: &rusqlite::Connection| -> Vec<String> {
        let mut statement =
            connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let other = rusqlite::Connection::open(&path).unwrap();
    let of_this_layout = schema(&other);
    // What the first layout did not have yet.
    other.execute_batch("DROP TABLE holder; DROP INDEX refund_by_person; PRAGMA user_version = 1").unwrap();
    other.execute_batch(BACK_TO_2).unwrap();
    let storage = SqliteStorage::open(&path, SqliteOptions::default()).unwrap();
    assert_eq!(schema(&other), of_this_layout);
    storage
        .transact(&mut |transaction| {
            let row = HolderRow { card: [1; 12], person: 5, since: Timestamp(1) };
            transaction.put_holders(&[row])?;
            assert_eq!(transaction.holders(&[[1; 12]])?, [row]);
            Ok(())
        })
        .unwrap();
    drop(storage);
    SqliteStorage::open(&path, SqliteOptions::default()).unwrap();
}

#[test]
fn the_command_line_works_beside_a_running_center() {
    let rig = Rig::new(2);
    let mut terminal = rig.terminal(1);
    let path = rig.folder.path().join("center/center.sqlite");
    let beside = SqliteStorage::open(&path, SqliteOptions::default()).unwrap();
    let beside: &dyn Storage = &beside;
    terminal.record(rig.dice.id(), abandoned());
    rig.receipt(&terminal, &terminal.all());
    assert_eq!(beside.records(None, 9).unwrap().len(), 1);
    assert!(beside.set_blocked(terminal.id, true).unwrap());
    assert!(rig.center.production.storage().terminal(terminal.id).unwrap().unwrap().blocked);
    assert_eq!(rig.center.production.storage().audit(9).unwrap().len(), 2);
}

#[test]
fn alarms_of_one_terminal_have_a_number() {
    let rig = Rig::new(3);
    let terminal = rig.terminal(1).id;
    let storage = rig.center.production.storage();
    let alarm = |sequence| Alarm {
        kind: AlarmKind::SequenceConflict,
        terminal,
        sequence,
        digest: Digest([1; 32]),
        id: None,
        evidence: None,
    };
    let many: Vec<Alarm> = (1..=10_003).map(alarm).collect();
    storage.transact(&mut |transaction| transaction.raise(Timestamp(1), &many)).unwrap();
    let rows = storage.alarms(usize::MAX).unwrap();
    assert_eq!(rows.len(), 10_001);
    assert_eq!((rows[0].alarm.kind, rows[0].count), (AlarmKind::TooMany, 3));
    let other = Alarm { terminal: "430100000099".parse().unwrap(), ..alarm(1) };
    storage
        .transact(&mut |transaction| transaction.raise(Timestamp(1), std::slice::from_ref(&other)))
        .unwrap();
    assert_eq!(storage.alarms(1).unwrap()[0].alarm, other);
}
