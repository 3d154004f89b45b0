//! SQLCipher for Python and the sqlite3 shell open what our terminal keeps.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{env, num::NonZeroU32, path::Path, process::Command, sync::Once};

use card_spec::{person::PersonNumber, region::RegionCode};
use protocol::{
    feed::{Change, Page, Person, PersonState, SignedPage},
    id::TransactionId,
    limits::OfflineLimits,
    record::{AbandonReason, Business},
    signature::PublicKey,
    timestamp::{ClockQuality, Timestamp},
};
use ring::signature::Ed25519KeyPair;
use rusqlite::Connection;
use terminal::{
    audit::Actor,
    cache::Cache,
    keys::TerminalKeys,
    ledger::{CardKey, HeadInMemory, Intention, Ledger, Outcome, Purpose, Setup},
    ports::Random,
    roles::{NewOperator, Role},
    store::StoreKey,
};

const NOW: Timestamp = Timestamp(1_795_000_000_000);

struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(5).wrapping_add(17);
            *byte = self.0;
        }
    }
}

/// Opens a file after SQLCipher has begun: the first two connections of a process, made at once, race, and one
/// of them may lack its functions.
fn connect(file: &Path) -> Connection {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| drop(Connection::open_in_memory().unwrap()));
    Connection::open(file).unwrap()
}

/// What Python's SQLCipher answers to a query on an encrypted file, or its error.
fn sqlcipher(file: &Path, key: &StoreKey, query: &str) -> Result<String, String> {
    let python = env::var("JINBAO_TEST_PYTHON")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../target/judges/bin/python3").to_owned());
    let script = "import sqlcipher3, sys\n\
                  c = sqlcipher3.connect(sys.argv[1])\n\
                  c.execute(\"PRAGMA key = \\\"x'%s'\\\"\" % sys.argv[2])\n\
                  print('|'.join(str(v) for row in c.execute(sys.argv[3]) for v in row))";
    let output = Command::new(&python)
        .args(["-c", script])
        .arg(file)
        .args([&hex::encode(key.bytes()), query])
        .output()
        .unwrap_or_else(|error| panic!("{python}: {error}; `cargo xtask test` makes it"));
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn sqlite3(file: &Path, query: &str) -> Result<String, String> {
    let output = Command::new("sqlite3").arg(file).arg(query).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn contains(file: &Path, word: &str) -> bool {
    std::fs::read(file).unwrap().windows(word.len()).any(|window| window == word.as_bytes())
}

#[test]
fn ledger() {
    let folder = tempfile::tempdir().unwrap();
    let (file, plain) = (folder.path().join("ledger.db"), folder.path().join("plain.db"));
    let person = PersonNumber::parse("11010519491231002X").unwrap();
    let keys = TerminalKeys::generate(&mut Counting(1));
    let setup = Setup {
        terminal: "430100000001".parse().unwrap(),
        identity: keys.identity().unwrap(),
        quota: Default::default(),
        keeper: Box::new(HeadInMemory::default()),
        ballast: Box::new(()),
    };
    let mut ledger = Ledger::open(connect(&file), keys.ledger(), setup, &mut (), NOW).unwrap();
    let operator = NewOperator {
        number: "01",
        role: Role::Cashier,
        secret: b"counter one",
        iterations: NonZeroU32::new(1_000).unwrap(),
    };
    ledger.set_operator(&operator, &mut Counting(2), Actor::default(), NOW).unwrap();
    let cycle = ledger.sign_in("01", operator.secret, NOW).unwrap().cycle.unwrap().number;
    for number in 1..=3 {
        let id = TransactionId([number; 16]);
        let intention = Intention {
            id,
            purpose: Purpose::Load { refund_of: None },
            visit: None,
            person,
            card: CardKey([7; 12]),
            cycle: cycle.clone(),
            operator: "01".into(),
            made_at: NOW,
            plan: format!("{{\"who\":\"{}\"}}", person.as_str()),
        };
        ledger.intend(&intention, &OfflineLimits::default()).unwrap();
        let business = Business::Abandoned { reason: AbandonReason::Cancelled };
        let outcome = Outcome { business, made_at: NOW, clock: ClockQuality::Checked, offline: true };
        ledger.record(id, &outcome).unwrap();
    }
    ledger.export_plain(plain.to_str().unwrap(), Actor::default(), NOW).unwrap();
    ledger.close().unwrap();

    assert_eq!(sqlcipher(&file, keys.ledger(), "PRAGMA cipher_integrity_check").unwrap(), "");
    assert_eq!(sqlcipher(&file, keys.ledger(), "PRAGMA integrity_check").unwrap(), "ok");
    let rows = "SELECT count(*), max(sequence) FROM txn";
    assert_eq!(sqlcipher(&file, keys.ledger(), rows).unwrap(), "3|3");
    assert!(sqlcipher(&file, keys.cache(), rows).is_err(), "another key opened the ledger");
    assert!(sqlite3(&file, rows).is_err(), "the sqlite3 shell opened the encrypted ledger");
    assert!(!contains(&file, person.as_str()), "the person number stands in the file");

    assert_eq!(sqlite3(&plain, "PRAGMA integrity_check").unwrap(), "ok");
    assert_eq!(sqlite3(&plain, rows).unwrap(), "3|3");
}

#[test]
fn cache() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cache.db");
    let city = RegionCode::parse("430100").unwrap();
    let center = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
    let key = StoreKey::new([9; 32]);
    let mut cache = Cache::open(connect(&file), &key, PublicKey::of(&center), city).unwrap();
    let people = (0..500_u64).map(|number| {
        Change::Person(Person {
            key: 43_010_019_800_101_000 + number,
            state: PersonState::Active,
            insutype: 310,
            psn_type: 11,
            civil_servant: false,
            paid_until: 24_324,
            year: 2026,
            deductible_fen: 0,
            pooled_outpatient_fen: 0,
            pooled_inpatient_fen: 0,
            own_in_scope_fen: 0,
            stays: 0,
        })
    });
    let page =
        Page { city, epoch: 1, after: 0, upto: 500, newest: 500, as_of: NOW, changes: people.collect() };
    cache.apply(&SignedPage::sign(&center, &page).unwrap()).unwrap();
    cache.close().unwrap();
    assert_eq!(sqlcipher(&file, &key, "PRAGMA cipher_integrity_check").unwrap(), "");
    assert_eq!(
        sqlcipher(&file, &key, "SELECT count(*), min(key) FROM person").unwrap(),
        "500|43010019800101000"
    );
    assert!(sqlcipher(&file, &StoreKey::new([8; 32]), "SELECT count(*) FROM person").is_err());
}
