//! Torn and bit-flipped caches: an error or the right answer, never another person's entry, never a panic.

use std::{fs, path::Path};

use protocol::limits::OfflineLimits;
use rusqlite::Connection;
use terminal::cache::{Cache, CacheError, Eligibility, Progress};

use super::support::{
    center::Center,
    people::{changes, entry},
    *,
};

const PEOPLE: u64 = 600;

fn open(path: &Path, center: &Center) -> Result<Cache, CacheError> {
    Cache::open(Connection::open(path).unwrap(), &store_key(), center.key.public(), city())
}

fn filled(folder: &Path, close: bool) -> Center {
    let mut center = Center::new();
    center.feed = changes(0..PEOPLE);
    let mut cache = open(&folder.join("cache.db"), &center).unwrap();
    for after in (0..PEOPLE).step_by(100) {
        cache.apply(&center.page(after, 100)).unwrap();
    }
    if close {
        cache.close().unwrap();
    } else {
        std::mem::forget(cache);
    }
    center
}

/// Reads everything. `Ok(n)` when `n` people are there and each is right.
fn read(path: &Path, center: &Center) -> Result<(u64, Progress), CacheError> {
    let cache = open(path, center)?;
    let limits = OfflineLimits::default();
    let mut found = 0;
    for number in 0..PEOPLE {
        match cache.look_up(person(number), MORNING, &limits)? {
            Eligibility::Eligible(known) | Eligibility::NotEligible { person: known, .. } => {
                assert_eq!(known, entry(number), "another person's entry");
                found += 1;
            }
            Eligibility::UnknownHere | Eligibility::TooOld { .. } => {}
        }
    }
    cache.check()?;
    Ok((found, cache.progress()?))
}

#[test]
fn a_flipped_bit_is_detected_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let center = filled(folder.path(), true);
    let path = folder.path().join("cache.db");
    let whole = fs::read(&path).unwrap();
    assert_eq!(read(&path, &center).unwrap().0, PEOPLE);
    let mut chance = Chance::seeded(90);
    let bent = folder.path().join("bent.db");
    let (mut detected, rounds) = (0, 260);
    for round in 0..rounds {
        let mut bytes = whole.clone();
        // The first bytes one by one, then anywhere.
        let at = if round < 40 { round * 3 } else { chance.below(bytes.len() as u64) as usize };
        bytes[at] ^= 1 << chance.below(8);
        fs::write(&bent, &bytes).unwrap();
        match read(&bent, &center) {
            Ok((found, _)) => assert_eq!(found, PEOPLE, "byte {at}"),
            Err(CacheError::Damaged { .. }) => detected += 1,
            Err(other) => panic!("byte {at}: {other:?}"),
        }
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(folder.path().join(format!("bent.db{suffix}")));
        }
    }
    assert_eq!(detected, rounds, "every byte of every page is under its MAC");
}

#[test]
fn a_torn_file_is_detected_or_whole() {
    let folder = tempfile::tempdir().unwrap();
    let center = filled(folder.path(), true);
    let whole = fs::read(folder.path().join("cache.db")).unwrap();
    let mut chance = Chance::seeded(91);
    let bent = folder.path().join("bent.db");
    for _ in 0..80 {
        let mut bytes = whole.clone();
        if chance.below(2) == 0 {
            bytes.truncate(1 + chance.below(whole.len() as u64 - 1) as usize);
        } else {
            // Sectors that were never written, or written with something else.
            let from = (chance.below(whole.len() as u64 / 512) * 512) as usize;
            let upto = (from + 512 * (1 + chance.below(4) as usize)).min(whole.len());
            bytes[from..upto].fill(chance.below(2) as u8 * 0xFF);
        }
        fs::write(&bent, &bytes).unwrap();
        match read(&bent, &center) {
            Ok((found, _)) => assert_eq!(found, PEOPLE),
            Err(CacheError::Damaged { .. } | CacheError::Store(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(folder.path().join(format!("bent.db{suffix}")));
        }
    }
}

#[test]
fn a_damaged_log_takes_pages_back_and_they_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let center = filled(folder.path(), false);
    let (db, log) = (fs::read(folder.path().join("cache.db")).unwrap(), folder.path().join("cache.db-wal"));
    let log = fs::read(log).unwrap();
    let mut chance = Chance::seeded(92);
    let mut taken_back = 0;
    for _ in 0..60 {
        let other = tempfile::tempdir().unwrap();
        let path = other.path().join("cache.db");
        fs::write(&path, &db).unwrap();
        let mut bytes = log.clone();
        let at = chance.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << chance.below(8);
        fs::write(other.path().join("cache.db-wal"), &bytes).unwrap();
        let (found, progress) = match read(&path, &center) {
            Ok(read) => read,
            Err(CacheError::Damaged { .. }) => continue,
            Err(other) => panic!("{other:?}"),
        };
        // People are there as far as the cursor says, and the rest comes again from there.
        assert!(found == 0 || found == progress.cursor);
        taken_back += u64::from(progress.cursor < PEOPLE);
        let mut cache = open(&path, &center).unwrap();
        while !cache.progress().unwrap().complete() {
            let (_, after) = cache.cursor().unwrap();
            cache.apply(&center.page(after, 100)).unwrap();
        }
        drop(cache);
        assert_eq!(read(&path, &center).unwrap().0, PEOPLE);
    }
    assert!(taken_back > 20);
}

#[test]
fn another_key_another_file_another_city() {
    let folder = tempfile::tempdir().unwrap();
    let center = filled(folder.path(), true);
    let path = folder.path().join("cache.db");
    let wrong = terminal::store::StoreKey::new([1; 32]);
    let opened = Cache::open(Connection::open(&path).unwrap(), &wrong, center.key.public(), city());
    assert!(matches!(opened, Err(CacheError::Damaged { .. })));
    let other = card_spec::region::RegionCode::parse("510100").unwrap();
    let opened = Cache::open(Connection::open(&path).unwrap(), &store_key(), center.key.public(), other);
    assert_eq!(opened.map(|_| ()).unwrap_err(), CacheError::OtherCity);
    // A ledger is no cache.
    let terminal = Terminal::new(93);
    terminal.open().close().unwrap();
    assert!(matches!(open(&terminal.path(), &center), Err(CacheError::Damaged { .. })));
    assert!(terminal.try_open().is_ok(), "and was not touched");
    // Text is no cache.
    let text = folder.path().join("text.db");
    fs::write(&text, "people, people, people\n".repeat(900)).unwrap();
    assert!(matches!(open(&text, &center), Err(CacheError::Damaged { .. })));
}
