//! The same visit with everything around it: rules, eligibility, and the books on a disk.

use std::{
    num::NonZeroU32,
    sync::{Arc, atomic::AtomicU64},
    time::Instant,
};

use card_spec::{generation::Generation, region::RegionCode};
use hal::{
    clock::{Clock, SystemClock},
    pin_pad::{PinPad, PinPadError, Prompt},
};
use protocol::{
    account::{LoadAnswer, LoadRequest},
    feed::{Change, Page, Person, PersonAnswer, PersonQuery, PersonState, SignedPage},
    limits::OfflineLimits,
    pension::{PensionAnswer, PensionQuery},
    reconciliation::{ReconciliationAnswer, ReconciliationRequest},
    signature::Signed,
    timestamp::Timestamp,
    upload::{Batch, BatchAnswer, ChainHead},
};
use rusqlite::Connection;
use sim::{
    card::Card,
    chip::SharedChip,
    people::Population,
    personalise::{CardOrder, TEST_PIN},
};
use terminal::{
    audit::Actor,
    cache::Cache,
    flows::{Config, Devices, LineEntry, Terminal, VisitEntry},
    keys::Identity,
    ledger::{HeadInMemory, Ledger, Quota, Setup},
    ports::{CenterLink, LinkError},
    roles::{NewOperator, Role},
    rules::{CityRules, HospitalLevel, RuleBook},
    store::StoreKey,
};
use zeroize::Zeroizing;

use super::{Chance, Timed, chance, psam_chip, spent, terminal_id, test_keys};

/// Visits that are measured; the first ones, which warm up, are not.
const VISITS: usize = 150;
const WARM_UP: usize = 20;

struct Holder;

impl PinPad for Holder {
    fn ask(&mut self, _: Prompt, _: u32) -> Result<Zeroizing<Vec<u8>>, PinPadError> {
        Ok(Zeroizing::new(TEST_PIN.as_bytes().to_vec()))
    }
}

/// A line that is down: the center's time is not ours.
struct Down;

fn down<T>() -> Result<T, LinkError> {
    Err(LinkError::Down { detail: String::new() })
}

impl CenterLink for Down {
    fn chain_head(&mut self) -> Result<ChainHead, LinkError> {
        down()
    }
    fn upload(&mut self, _: &Batch) -> Result<BatchAnswer, LinkError> {
        down()
    }
    fn feed(&mut self, _: u64, _: u64) -> Result<SignedPage, LinkError> {
        down()
    }
    fn rules(&mut self, _: u64) -> Result<Option<Signed>, LinkError> {
        down()
    }
    fn limits(&mut self, _: u64) -> Result<Option<Signed>, LinkError> {
        down()
    }
    fn policy(&mut self, _: u64) -> Result<Option<Signed>, LinkError> {
        down()
    }

    fn pension(&mut self, _: &PensionQuery) -> Result<PensionAnswer, LinkError> {
        down()
    }

    fn person(&mut self, _: &PersonQuery) -> Result<PersonAnswer, LinkError> {
        down()
    }
    fn load(&mut self, _: &LoadRequest) -> Result<LoadAnswer, LinkError> {
        down()
    }
    fn reconcile(&mut self, _: &ReconciliationRequest) -> Result<ReconciliationAnswer, LinkError> {
        down()
    }
}

/// Our own time of each visit in nanoseconds, and of a bare durable commit of one row on the same disk.
pub(crate) fn own_ns() -> (Vec<u64>, Vec<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let city = RegionCode::parse("430100").unwrap();
    let person = Population::new(11, 10).in_city(city).person(3).unwrap();
    let image = CardOrder::new(&person, test_keys()).generation(Generation::Three).account(10_000_000);
    let card = SharedChip::new(Card::new(&image.build().unwrap(), 5).unwrap());
    let spent_ns = Arc::new(AtomicU64::new(0));
    let clock = SystemClock::start();
    let now = Timestamp(clock.unix_ms());

    let ledger = open_ledger(&folder.path().join("ledger.db"), now);
    let cache = open_cache(&folder.path().join("cache.db"), city, person.number.key(), now);
    let devices = Devices {
        card: Box::new(Timed::of("card", &card, &spent_ns)),
        psam: Box::new(Timed::of("psam", &psam_chip(), &spent_ns)),
        pin_pad: Box::new(Holder),
        clock: Box::new(clock),
        random: Box::new(chance()),
        link: Box::new(Down),
    };
    let config = Config::new(city, "试验医院", HospitalLevel::Tertiary);
    let mut terminal = Terminal::new(config, devices, ledger, cache, identity(200).public()).unwrap();
    let rules = include_str!("../../samples/rules/xiamen.json").replace("\"350200\"", "\"430100\"");
    let mut book = RuleBook::new();
    book.insert(CityRules::from_json(rules.as_bytes()).unwrap());
    terminal.use_rules(book, None);
    terminal.use_limits(OfflineLimits { queue_max: 10_000, ..OfflineLimits::default() });
    hire(&mut terminal, now);

    let mut own = Vec::new();
    for round in 0..VISITS + WARM_UP {
        let chips_ns = spent(&spent_ns);
        let start = Instant::now();
        visit(&mut terminal, round);
        let all_ns = start.elapsed().as_nanos() as u64;
        if round >= WARM_UP {
            own.push(all_ns - (spent(&spent_ns) - chips_ns));
        }
    }
    (own, bare_commits(&folder.path().join("bare.db")))
}

fn visit(terminal: &mut Terminal, round: usize) {
    let number = format!("V{round}");
    terminal.open_card().unwrap();
    terminal.verify_holder().unwrap();
    terminal.register(&VisitEntry { number: number.clone(), med_type: "11".into() }).unwrap();
    let line = LineEntry {
        serial: "1".into(),
        batch: "1".into(),
        content: r#"{"code":"A1","name":"门诊诊查费","class":"01","price":"10.00","count":"1"}"#.into(),
    };
    terminal.add_lines(&number, &[line]).unwrap();
    let agreed = terminal.pre_settle(&number, true).unwrap();
    terminal.settle(&agreed).unwrap();
    terminal.close_card();
}

fn hire(terminal: &mut Terminal, now: Timestamp) {
    let iterations = NonZeroU32::new(10).unwrap();
    for (number, role) in [("0900", Role::Supervisor), ("0101", Role::Cashier)] {
        let operator = NewOperator { number, role, secret: b"246813", iterations };
        let mut random: Chance = chance();
        terminal.ledger_mut().set_operator(&operator, &mut random, Actor::default(), now).unwrap();
    }
    terminal.sign_in("0101", b"246813").unwrap();
}

fn open_ledger(path: &std::path::Path, now: Timestamp) -> Ledger {
    let setup = Setup {
        terminal: terminal_id(),
        identity: identity(7),
        quota: Quota::default(),
        keeper: Box::new(HeadInMemory::default()),
        ballast: Box::new(()),
    };
    Ledger::open(Connection::open(path).unwrap(), &StoreKey::new([1; 32]), setup, &mut (), now).unwrap()
}

fn open_cache(path: &std::path::Path, city: RegionCode, key: u64, now: Timestamp) -> Cache {
    let center = identity(200);
    let connection = Connection::open(path).unwrap();
    let mut cache = Cache::open(connection, &StoreKey::new([2; 32]), center.public(), city).unwrap();
    let today = now.civil();
    let year = u16::try_from(today.year()).unwrap();
    let entry = Person {
        key,
        state: PersonState::Active,
        insutype: 310,
        psn_type: 11,
        civil_servant: false,
        paid_until: year * 12 + 11,
        year,
        deductible_fen: 0,
        pooled_outpatient_fen: 0,
        pooled_inpatient_fen: 0,
        own_in_scope_fen: 0,
        stays: 0,
    };
    let page = Page {
        city,
        epoch: 1,
        after: 0,
        upto: 1,
        newest: 1,
        as_of: now,
        changes: vec![Change::Person(entry)],
    };
    cache.apply(&SignedPage::sign(center.key_pair(), &page).unwrap()).unwrap();
    cache
}

/// What the disk itself takes: commits of one row with `synchronous=FULL`.
fn bare_commits(path: &std::path::Path) -> Vec<u64> {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; CREATE TABLE row (text TEXT);")
        .unwrap();
    let text = "x".repeat(1_000);
    let insert = || {
        let start = Instant::now();
        connection.prepare_cached("INSERT INTO row VALUES (?1)").unwrap().execute([&text]).unwrap();
        start.elapsed().as_nanos() as u64
    };
    // The log grows to its full size first, as that of the books has: a growing file is slower to sync.
    for _ in 0..3_000 {
        insert();
    }
    connection.execute_batch("PRAGMA synchronous = FULL;").unwrap();
    (0..VISITS + WARM_UP).map(|_| insert()).skip(WARM_UP).collect()
}

/// PKCS #8 of an Ed25519 seed.
fn identity(seed: u8) -> Identity {
    let mut der =
        vec![0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend([seed; 32]);
    Identity::from_pkcs8(&der).unwrap()
}
