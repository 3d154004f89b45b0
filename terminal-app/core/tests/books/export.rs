//! Copies in the clear, also of what is left.

use std::{cell::Cell, collections::BTreeSet, fs, path::PathBuf};

use rusqlite::Connection;
use serde_json::Value;
use terminal::{
    audit::Actor,
    ledger::{LedgerError, salvage},
    store::{Opener, PAGE_BYTES, StoreError},
};

use super::{support::*, uploading::Rig};

struct At(PathBuf, Cell<u32>);

impl Opener for At {
    fn open(&self) -> rusqlite::Result<Connection> {
        self.1.set(self.1.get() + 1);
        Connection::open(&self.0)
    }
}

/// Sixty settlements with lines, half of them booked; the closed file.
fn written(seed: u64) -> Terminal {
    let mut rig = Rig::new(seed);
    rig.settle(0..30);
    rig.drain();
    rig.settle(30..60);
    let Rig { terminal, ledger, .. } = rig;
    ledger.close().unwrap();
    terminal
}

fn parse(lines: &[u8]) -> Vec<Value> {
    std::str::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn keys(rows: &[Value], table: &str, key: &str) -> BTreeSet<u64> {
    rows.iter().filter(|row| row["table"] == table).map(|row| row[key].as_u64().unwrap()).collect()
}

#[test]
fn everything_as_lines() {
    let terminal = written(120);
    let mut ledger = terminal.open();
    let mut lines = Vec::new();
    let count = ledger.export_lines(&mut lines, Actor::default(), terminal.now()).unwrap();
    let rows = parse(&lines);
    assert_eq!(rows.len() as u64, count);
    assert_eq!(keys(&rows, "txn", "ordinal").len(), 60);
    for table in ["txn", "plan", "link", "visit", "receipt", "operator", "cycle", "audit"] {
        assert!(rows.iter().any(|row| row["table"] == table), "{table}");
    }
    let operator = rows.iter().find(|row| row["table"] == "operator").unwrap();
    assert!(operator.get("secret").is_none() && operator.get("salt").is_none());
    let row = rows.iter().find(|row| row["table"] == "link").unwrap();
    let body: protocol::record::Body = serde_json::from_str(row["body"].as_str().unwrap()).unwrap();
    assert_eq!(body.sequence, 1);
    assert!(ledger.audit_entries(0, 1_000).unwrap().iter().any(|entry| entry.text.contains("exported")));
}

#[test]
fn everything_as_plain_sqlite() {
    let terminal = written(121);
    let mut ledger = terminal.open();
    let place = terminal.folder.path().join("plain.db");
    ledger.export_plain(place.to_str().unwrap(), Actor::default(), terminal.now()).unwrap();
    assert!(fs::read(&place).unwrap().starts_with(b"SQLite format 3\0"));
    let plain = Connection::open(&place).unwrap();
    let count = |sql: &str| plain.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM txn"), 60);
    assert_eq!(count("SELECT count(*) FROM txn WHERE state = 4"), 30);
    assert_eq!(count("SELECT sum(length(secret) + length(salt)) FROM operator"), 0);
    assert_eq!(count("PRAGMA user_version"), i64::from(terminal::ledger::LAYOUT.known()));
    let check: String = plain.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let again = ledger.export_plain(place.to_str().unwrap(), Actor::default(), terminal.now());
    assert!(matches!(again, Err(LedgerError::Store(StoreError::Refused { .. }))), "nothing is overwritten");
    assert_eq!(ledger.verify().unwrap().links, 60, "the ledger goes on");
}

#[test]
fn a_damaged_ledger_does_no_business_and_gives_what_is_left() {
    let terminal = written(122);
    let path = terminal.path();
    let whole = fs::read(&path).unwrap();
    // Without the pages that say what tables there are, nothing can be read.
    let schema: Vec<usize> = {
        let raw = Connection::open(&path).unwrap();
        terminal::store::unlock(&raw, &store_key()).unwrap();
        let mut statement = raw.prepare("SELECT pageno FROM dbstat WHERE name = 'sqlite_schema'").unwrap();
        let pages = statement.query_map([], |row| row.get::<_, usize>(0)).unwrap();
        pages.map(|page| page.unwrap() - 1).collect()
    };
    let pages = whole.len() / PAGE_BYTES as usize;
    let mut chance = Chance::seeded(122);
    let (mut partial, mut complete, mut nothing) = (0, 0, 0);
    for round in 0..25 {
        let mut bytes = whole.clone();
        // The first page once, then others.
        let page = if round == 0 { 0 } else { 1 + chance.below(pages as u64 - 1) as usize };
        bytes[page * PAGE_BYTES as usize + 700] ^= 4;
        fs::write(&path, &bytes).unwrap();
        let opened = terminal.try_open().map(|_| ());
        assert!(
            matches!(opened, Err(LedgerError::Store(StoreError::Damaged { .. }))),
            "page {page}: {opened:?}"
        );
        let mut lines = Vec::new();
        let opener = At(path.clone(), Cell::new(0));
        match salvage(&opener, &store_key(), &mut lines) {
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
                assert!(schema.contains(&page), "page {page}");
                nothing += 1;
            }
            Ok(salvaged) => {
                let rows = parse(&lines);
                assert_eq!(rows.len() as u64, salvaged.rows);
                let found = [("txn", "ordinal"), ("plan", "ordinal"), ("link", "sequence")]
                    .map(|(table, key)| keys(&rows, table, key).len() as u64);
                assert_eq!((found[0], found[2]), (salvaged.transactions, salvaged.links));
                assert_eq!(
                    found.iter().sum::<u64>() + salvaged.unreadable,
                    180,
                    "every row is accounted for"
                );
                if salvaged.unreadable == 0 {
                    complete += 1
                } else {
                    partial += 1
                }
                // A single bad page takes few rows with it, unless it is a table's root.
                assert!(
                    salvaged.unreadable <= 20 || salvaged.unreadable == 60,
                    "{salvaged:?} of page {page}"
                );
            }
        }
        assert_eq!(fs::read(&path).unwrap(), bytes, "nothing was written to it");
    }
    assert!(partial > 3 && complete > 0 && nothing > 0, "{partial} {complete} {nothing}");
}

#[test]
fn a_wrong_key_salvages_nothing() {
    let terminal = written(123);
    let opener = At(terminal.path(), Cell::new(0));
    let wrong = terminal::store::StoreKey::new([9; 32]);
    let error = salvage(&opener, &wrong, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}
