//! Files of earlier and later versions.

use std::{fs, path::Path};

use rusqlite::Connection;
use terminal::store::{self, CopyPlace, Durability, Layout, Settings, StoreError};

use super::support::*;

const FIRST: Layout =
    Layout { application_id: 0x7E57, versions: &["CREATE TABLE a (x); INSERT INTO a VALUES (1);"] };
const SECOND: Layout = Layout {
    application_id: 0x7E57,
    versions: &[FIRST.versions[0], "ALTER TABLE a ADD COLUMN y DEFAULT 7; CREATE TABLE b (z);"],
};
const BROKEN: Layout = Layout {
    application_id: 0x7E57,
    versions: &[FIRST.versions[0], "ALTER TABLE a ADD COLUMN y DEFAULT 7; CREATE TABLE a (x);"],
};

fn open(path: &Path, layout: &Layout, copy: &mut dyn CopyPlace) -> Result<Connection, StoreError> {
    let settings = Settings {
        durability: Durability::EveryCommit,
        pages_max: 1_000,
        memory_kib: 512,
        busy_timeout_ms: 100,
    };
    store::open(Connection::open(path).unwrap(), &store_key(), layout, &settings, copy)
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_migration_copies_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    open(&path, &FIRST, &mut ()).unwrap();
    let place = folder.path().join("a.1.db");
    let mut asked = Vec::new();
    let mut copy = |from: u32| {
        asked.push(from);
        Some(place.to_str().unwrap().to_owned())
    };
    let migrated = open(&path, &SECOND, &mut copy).unwrap();
    assert_eq!(number(&migrated, "SELECT y FROM a"), 7);
    assert_eq!(number(&migrated, "PRAGMA user_version"), 2);
    assert_eq!(asked, [1]);
    // The copy is the old file, encrypted with the same key, for the old program.
    assert!(!fs::read(&place).unwrap().starts_with(b"SQLite format 3"));
    let old = open(&place, &FIRST, &mut ()).unwrap();
    assert_eq!(number(&old, "SELECT x FROM a"), 1);
    assert!(old.prepare("SELECT y FROM a").is_err());
    // Opening again asks for nothing.
    let mut nobody = |_: u32| -> Option<String> { panic!("nothing to migrate") };
    open(&path, &SECOND, &mut nobody).unwrap();
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    drop(open(&path, &SECOND, &mut ()).unwrap());
    let before = fs::read(&path).unwrap();
    let refused = open(&path, &FIRST, &mut ());
    assert_eq!(refused.map(|_| ()), Err(StoreError::NewerLayout { found: 2, known: 1 }));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn without_a_copy_nothing_is_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    drop(open(&path, &FIRST, &mut ()).unwrap());
    let mut copy = |_: u32| Some("/nowhere/at/all/a.db".to_owned());
    assert!(matches!(open(&path, &SECOND, &mut copy), Err(StoreError::Copy { .. })));
    let same = open(&path, &FIRST, &mut ()).unwrap();
    assert_eq!(number(&same, "PRAGMA user_version"), 1);
    drop(same);
    // A place that is taken is no copy either.
    let taken = folder.path().join("taken.db");
    fs::write(&taken, b"something else").unwrap();
    let mut copy = |_: u32| Some(taken.to_str().unwrap().to_owned());
    assert!(matches!(open(&path, &SECOND, &mut copy), Err(StoreError::Copy { .. })));
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    drop(open(&path, &FIRST, &mut ()).unwrap());
    assert!(open(&path, &BROKEN, &mut ()).is_err());
    let same = open(&path, &FIRST, &mut ()).unwrap();
    assert_eq!(number(&same, "PRAGMA user_version"), 1);
    assert!(same.prepare("SELECT y FROM a").is_err());
}

#[test]
fn another_program_has_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let one = open(&path, &FIRST, &mut ()).unwrap();
    let other = open(&path, &FIRST, &mut ()).unwrap();
    one.execute_batch("BEGIN IMMEDIATE; INSERT INTO a VALUES (2);").unwrap();
    let busy = other.execute("INSERT INTO a VALUES (3)", []).map_err(StoreError::from);
    assert_eq!(busy, Err(StoreError::Busy));
    one.execute_batch("COMMIT").unwrap();
    other.execute("INSERT INTO a VALUES (3)", []).unwrap();
}

/// The files of every released version are kept, and opened by every build.
#[test]
fn released_layouts_are_never_changed() {
    // A changed statement of a released version would leave files in the field that no version describes.
    let digest = |text: &str| protocol::signature::Digest::of(text.as_bytes()).to_string();
    assert_eq!(terminal::ledger::LAYOUT.known(), 4);
    assert_eq!(terminal::cache::LAYOUT.known(), 3);
    assert_eq!(digest(terminal::cache::LAYOUT.versions[0]).len(), 64);
}

/// A ledger of layout 1 or 2 keeps every row, and everything that guards them, on its way to this one.
#[test]
fn an_older_ledger_goes_on_as_one_of_today() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = &terminal::ledger::LAYOUT;
    let first = Layout { application_id: ledger.application_id, versions: &ledger.versions[..1] };
    let old = open(&path, &first, &mut ()).unwrap();
    let insert = |connection: &Connection, ordinal: u8, purpose: u8, more: (&str, &str)| {
        connection.execute(
            &format!(
                "INSERT INTO txn (ordinal, id, state, purpose, person, card, cycle, operator, intended_at{})
                 VALUES (?1, ?2, 0, ?3, 41, ?4, 'c', 'o', 7{})",
                more.0, more.1
            ),
            rusqlite::params![ordinal, [ordinal; 16], purpose, [9_u8; 12]],
        )
    };
    for (ordinal, purpose) in [(1, 0), (2, 2)] {
        insert(&old, ordinal, purpose, ("", "")).unwrap();
        old.execute("INSERT INTO plan VALUES (?1, 'p')", [ordinal]).unwrap();
    }
    old.execute("INSERT INTO link VALUES (1, 1, ?1, ?2, 'body')", ([1_u8; 32], [2_u8; 64])).unwrap();
    old.execute(
        "UPDATE txn SET state = 2, sequence = 1, recorded_at = 8, abandoned = 0, medfee = 5 WHERE ordinal = 1",
        [],
    )
    .unwrap();
    // What layout 1 cannot hold.
    assert!(insert(&old, 3, 5, ("", "")).is_err());
    drop(old);
    let second = Layout { application_id: ledger.application_id, versions: &ledger.versions[..2] };
    let old = open(&path, &second, &mut ()).unwrap();
    insert(&old, 9, 5, (", period", ", 202610")).unwrap();
    old.execute("INSERT INTO plan VALUES (9, 'p')", []).unwrap();
    // What layout 2 cannot hold.
    assert!(insert(&old, 10, 6, ("", "")).is_err());
    drop(old);

    let new = open(&path, ledger, &mut ()).unwrap();
    assert_eq!(number(&new, "PRAGMA user_version"), i64::from(ledger.known()));
    assert_eq!(number(&new, "SELECT count(*) FROM txn"), 3);
    assert_eq!(number(&new, "SELECT period FROM txn WHERE ordinal = 9"), 202_610);
    assert_eq!(number(&new, "SELECT sequence + recorded_at + medfee FROM txn WHERE ordinal = 1"), 14);
    assert_eq!(number(&new, "SELECT purpose FROM txn WHERE ordinal = 2"), 2);
    for wrong in [
        "UPDATE txn SET state = 1 WHERE ordinal = 1",
        "UPDATE txn SET medfee = 6 WHERE ordinal = 1",
        "UPDATE txn SET person = 42 WHERE ordinal = 2",
        "UPDATE txn SET period = 202611 WHERE ordinal = 2",
        "UPDATE txn SET contribution = 1 WHERE ordinal = 1",
        "DELETE FROM txn WHERE ordinal = 2",
        "DELETE FROM plan WHERE ordinal = 1",
        "DELETE FROM link WHERE sequence = 1",
    ] {
        assert!(new.execute(wrong, []).is_err(), "{wrong}");
    }
    // As many guards as a ledger that was made today.
    let fresh = open(&folder.path().join("fresh.db"), ledger, &mut ()).unwrap();
    let schema = |connection: &Connection| -> Vec<(String, String)> {
        let mut statement = connection
            .prepare("SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY name")
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    };
    assert_eq!(schema(&new), schema(&fresh));
    // A month is paid once.
    assert!(insert(&new, 3, 5, (", period", ", 202610")).is_err());
    insert(&new, 3, 5, (", period", ", 202611")).unwrap();
    assert!(insert(&new, 4, 5, (", period", ", 202611")).is_err());
    insert(&new, 5, 5, (", period", ", 202612")).unwrap();
    assert!(insert(&new, 6, 5, ("", "")).is_err(), "a pension is of a month");
    assert!(insert(&new, 7, 4, (", period", ", 202611")).is_err(), "and nothing else is");
    insert(&new, 7, 6, ("", "")).unwrap();
    insert(&new, 8, 7, (", of", ", x'07070707070707070707070707070707'")).unwrap();
    assert!(insert(&new, 10, 8, ("", "")).is_err());
}
