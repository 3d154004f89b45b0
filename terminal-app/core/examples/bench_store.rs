//! Measures cache and ledger, each next to its limit in the same run.
//!
//! `bench_store [PEOPLE] [FOLDER]`: people in the cache (default 1 000 000), folder for the files (default a
//! temporary one). Prints JSON lines; `ratio` is ours ÷ the limit where more is better (rates) and the limit ÷
//! ours where less is better (times), so 1 is the limit in both.
//!
//! Ours and the limit take turns in small blocks, so that both meet the same machine; the limit has the same
//! encryption, the same journal and the same memory, and does nothing else.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on may stop")]

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use card_spec::{money::Fen, person::PersonNumber, region::RegionCode};
use protocol::{
    feed::{Change, PAGE_CHANGES_MAX, Page, Person, PersonState, SignedPage},
    id::TransactionId,
    limits::OfflineLimits,
    record::{Amounts, Business, Settlement},
    signature::Digest,
    timestamp::{ClockQuality, Timestamp},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use rusqlite::Connection;
use terminal::{
    audit::Actor,
    cache::{Cache, Eligibility},
    keys::Identity,
    ledger::{
        Arming, CardKey, Head, HeadKeeper, HeadKeeperError, Intention, Ledger, Outcome, Purpose, Quota,
        Setup, Visit, VisitState,
    },
    ports::Random,
    roles::{NewOperator, Role},
    store::{self, Durability, Layout, Settings, StoreKey},
};

const NOW: Timestamp = Timestamp(1_795_478_400_000);
const LOOKUPS: usize = 200_000;
const LOOKUP_BLOCK: usize = 1_000;
const RECORDS: usize = 1_500;
const DELTAS: usize = 20;

/// The cache's own table and nothing else.
const BARE_CACHE: Layout = Layout {
    application_id: 0x0BA2E,
    versions: &[
        "CREATE TABLE person (key INTEGER PRIMARY KEY, class INTEGER NOT NULL, paid_until INTEGER NOT NULL,
         year INTEGER NOT NULL, deductible INTEGER NOT NULL, pooled_outpatient INTEGER NOT NULL,
         pooled_inpatient INTEGER NOT NULL, own_in_scope INTEGER NOT NULL, stays INTEGER NOT NULL)",
    ],
};

/// A row is a number and a text.
const BARE_LEDGER: Layout = Layout {
    application_id: 0x0BA2F,
    versions: &["CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"],
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let people: u64 = arguments.next().map_or(1_000_000, |text| text.parse().expect("a number of people"));
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    bench_cache(&folder, people);
    bench_ledger(&folder);
}

/// One line of the report.
fn report(name: &str, value: f64, unit: &str, reference: &str, reference_value: f64, ratio: f64) {
    let line = serde_json::json!({
        "name": name, "value": round(value), "unit": unit,
        "reference": reference, "reference_value": round(reference_value), "ratio": round(ratio),
    });
    println!("{line}");
}

fn round(value: f64) -> f64 {
    if value.abs() >= 100.0 { value.round() } else { (value * 1_000.0).round() / 1_000.0 }
}

fn key() -> StoreKey {
    StoreKey::new([0x42; 32])
}

fn identity(seed: u8) -> Identity {
    let mut der =
        vec![0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend([seed; 32]);
    Identity::from_pkcs8(&der).unwrap()
}

fn timed<T>(total: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = work();
    *total += start.elapsed();
    value
}

fn middle(mut blocks: Vec<Duration>) -> Duration {
    blocks.sort_unstable();
    blocks[blocks.len() / 2]
}

// ---------------------------------------------------------------------------------------------- cache

fn person_key(number: u64) -> u64 {
    let (day, order) = (number / 999, number % 999 + 1);
    let (year, month, day) = (1930 + day / 336 % 90, day / 28 % 12 + 1, day % 28 + 1);
    let county = 430_102 + number / (999 * 336 * 90);
    county * 100_000_000_000 + (year * 10_000 + month * 100 + day) * 1_000 + order
}

/// Two people of three have nothing accumulated yet, as in the first half of a year.
fn person(number: u64) -> Person {
    let busy = number.is_multiple_of(3);
    Person {
        key: person_key(number),
        state: if number % 50 == 9 { PersonState::Suspended } else { PersonState::Active },
        insutype: if number.is_multiple_of(5) { 390 } else { 310 },
        psn_type: if number.is_multiple_of(4) { 12 } else { 11 },
        civil_servant: number.is_multiple_of(20),
        paid_until: 2026 * 12 + 11,
        year: 2026,
        deductible_fen: if busy { (number % 300_000) as u32 } else { 0 },
        pooled_outpatient_fen: if busy { (number % 700_000) as u32 } else { 0 },
        pooled_inpatient_fen: if number.is_multiple_of(30) { (number % 9_000_000) as u32 } else { 0 },
        own_in_scope_fen: if busy { (number % 500_000) as u32 } else { 0 },
        stays: u8::from(number.is_multiple_of(30)),
    }
}

fn class(person: &Person) -> i64 {
    i64::from(person.insutype) << 11 | i64::from(person.psn_type) << 3 | i64::from(person.civil_servant) << 2
}

fn signed_page(center: &Identity, after: u64, newest: u64, people: &[Person]) -> SignedPage {
    let page = Page {
        city: RegionCode::parse("430100").unwrap(),
        epoch: 1,
        after,
        upto: after + people.len() as u64,
        newest,
        as_of: NOW,
        changes: people.iter().copied().map(Change::Person).collect(),
    };
    SignedPage::sign(center.key_pair(), &page).unwrap()
}

fn bare_cache(path: &Path) -> Connection {
    let settings = Settings {
        durability: Durability::Consistent,
        pages_max: u32::MAX >> 1,
        memory_kib: 16_384,
        busy_timeout_ms: 1_000,
    };
    let connection = Connection::open(path).unwrap();
    store::open(connection, &key(), &BARE_CACHE, &settings, &mut ()).unwrap()
}

fn bare_write(connection: &mut Connection, people: &[Person]) {
    let transaction = connection.transaction().unwrap();
    {
        let mut insert = transaction
            .prepare_cached("INSERT OR REPLACE INTO person VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")
            .unwrap();
        for p in people {
            insert
                .execute((
                    p.key as i64,
                    class(p),
                    p.paid_until,
                    p.year,
                    p.deductible_fen,
                    p.pooled_outpatient_fen,
                    p.pooled_inpatient_fen,
                    p.own_in_scope_fen,
                    p.stays,
                ))
                .unwrap();
        }
    }
    transaction.commit().unwrap();
}

fn bench_cache(folder: &Path, people: u64) {
    let center = identity(9);
    let (ours_path, bare_path) = (folder.join("cache.db"), folder.join("bare_cache.db"));
    let connection = Connection::open(&ours_path).unwrap();
    let city = RegionCode::parse("430100").unwrap();
    let mut cache = Cache::open(connection, &key(), center.public(), city).unwrap();
    let mut bare = bare_cache(&bare_path);

    let (mut ours_time, mut bare_time) = (Duration::ZERO, Duration::ZERO);
    let mut after = 0;
    while after < people {
        let upto = (after + PAGE_CHANGES_MAX as u64).min(people);
        let entries: Vec<Person> = (after..upto).map(person).collect();
        let page = signed_page(&center, after, people, &entries);
        timed(&mut ours_time, || cache.apply(&page).unwrap());
        timed(&mut bare_time, || bare_write(&mut bare, &entries));
        after = upto;
    }
    let rate = |time: Duration| people as f64 / time.as_secs_f64();
    report(
        "cache_first_fill",
        rate(ours_time),
        "rows/s",
        "bare bulk insert, 10 000 rows a commit",
        rate(bare_time),
        bare_time.as_secs_f64() / ours_time.as_secs_f64(),
    );
    let bytes = |connection: &Connection| -> f64 {
        let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        pages as f64 * f64::from(store::PAGE_BYTES) / people as f64
    };
    let ours_bytes = cache.file_bytes().unwrap() as f64 / people as f64;
    report(
        "cache_bytes_per_person",
        ours_bytes,
        "B",
        "bare table of the same rows",
        bytes(&bare),
        bytes(&bare) / ours_bytes,
    );
    cache.close().unwrap();
    drop(bare);
    bench_lookup(&ours_path, &center, people);
    bench_unsorted(folder, &center, people.min(1_000_000));
    bench_delta(&ours_path, &bare_path, &center, people);
}

/// People in the order in which they were entered at the center, not of their numbers.
fn bench_unsorted(folder: &Path, center: &Identity, people: u64) {
    let (ours_path, bare_path) = (folder.join("cache_unsorted.db"), folder.join("bare_cache_unsorted.db"));
    let city = RegionCode::parse("430100").unwrap();
    let mut cache =
        Cache::open(Connection::open(&ours_path).unwrap(), &key(), center.public(), city).unwrap();
    let mut bare = bare_cache(&bare_path);
    // A step that has no factor in common with the count visits everyone once.
    let step = (0..).map(|n| people * 5 / 8 + n).find(|step| coprime(*step, people)).unwrap();
    let (mut ours_time, mut bare_time) = (Duration::ZERO, Duration::ZERO);
    let mut after = 0;
    while after < people {
        let upto = (after + PAGE_CHANGES_MAX as u64).min(people);
        let entries: Vec<Person> = (after..upto).map(|number| person(number * step % people)).collect();
        let page = signed_page(center, after, people, &entries);
        timed(&mut ours_time, || cache.apply(&page).unwrap());
        timed(&mut bare_time, || bare_write(&mut bare, &entries));
        after = upto;
    }
    let rate = |time: Duration| people as f64 / time.as_secs_f64();
    report(
        "cache_first_fill_unsorted",
        rate(ours_time),
        "rows/s",
        "bare bulk insert in the same order",
        rate(bare_time),
        bare_time.as_secs_f64() / ours_time.as_secs_f64(),
    );
}

fn coprime(mut a: u64, mut b: u64) -> bool {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a == 1
}

fn bench_lookup(path: &Path, center: &Identity, people: u64) {
    let city = RegionCode::parse("430100").unwrap();
    let cache = Cache::open(Connection::open(path).unwrap(), &key(), center.public(), city).unwrap();
    // The same file through a connection of its own, with the same memory and a statement prepared once.
    let other = Connection::open(path).unwrap();
    store::unlock(&other, &key()).unwrap();
    other.execute_batch("PRAGMA cache_size = -16384").unwrap();
    let mut select = other
        .prepare(
            "SELECT key, class, paid_until, year, deductible, pooled_outpatient, pooled_inpatient, own_in_scope,
                    stays FROM person WHERE key = ?1",
        )
        .unwrap();
    let limits = OfflineLimits::default();
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let mut sink = 0_u64;
    for block in 0..LOOKUPS / LOOKUP_BLOCK {
        let mut draw = || -> Vec<PersonNumber> {
            (0..LOOKUP_BLOCK)
                .map(|_| PersonNumber::from_key(person_key(random.next_u64() % people)).unwrap())
                .collect()
        };
        let (first, second) = (draw(), draw());
        let mut look_up = || {
            let mut time = Duration::ZERO;
            timed(&mut time, || {
                for number in &first {
                    match cache.look_up(*number, NOW, &limits).unwrap() {
                        Eligibility::Eligible(person) | Eligibility::NotEligible { person, .. } => {
                            sink ^= person.key
                        }
                        other => panic!("{other:?}"),
                    }
                }
            });
            ours.push(time);
        };
        let mut select_bare = || {
            let mut time = Duration::ZERO;
            timed(&mut time, || {
                for number in &second {
                    let row: [i64; 9] = select
                        .query_row([number.key() as i64], |row| {
                            let mut values = [0; 9];
                            for (column, value) in values.iter_mut().enumerate() {
                                *value = row.get(column)?;
                            }
                            Ok(values)
                        })
                        .unwrap();
                    std::hint::black_box(row);
                }
            });
            bare.push(time);
        };
        // Whoever comes second finds warmer processor caches: they take turns.
        if block % 2 == 0 {
            look_up();
            select_bare();
        } else {
            select_bare();
            look_up();
        }
    }
    std::hint::black_box(sink);
    let each = |blocks: Vec<Duration>| middle(blocks).as_secs_f64() * 1e6 / LOOKUP_BLOCK as f64;
    let (ours, bare) = (each(ours), each(bare));
    report("cache_lookup", ours, "µs", "bare prepared SELECT on the same file", bare, bare / ours);
}

fn bench_delta(ours_path: &Path, bare_path: &Path, center: &Identity, people: u64) {
    let city = RegionCode::parse("430100").unwrap();
    let mut cache = Cache::open(Connection::open(ours_path).unwrap(), &key(), center.public(), city).unwrap();
    let mut bare = bare_cache(bare_path);
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let (mut ours_times, mut bare_times) = (Vec::new(), Vec::new());
    let mut after = people;
    for _ in 0..DELTAS {
        let entries: Vec<Person> = (0..PAGE_CHANGES_MAX)
            .map(|_| Person { deductible_fen: 12_345, ..person(random.next_u64() % people) })
            .collect();
        let newest = after + entries.len() as u64;
        let page = signed_page(center, after, newest, &entries);
        let (mut ours_time, mut bare_time) = (Duration::ZERO, Duration::ZERO);
        timed(&mut ours_time, || cache.apply(&page).unwrap());
        timed(&mut bare_time, || bare_write(&mut bare, &entries));
        ours_times.push(ours_time);
        bare_times.push(bare_time);
        after = newest;
    }
    let ms = |blocks: Vec<Duration>| middle(blocks).as_secs_f64() * 1e3;
    let (ours, bare) = (ms(ours_times), ms(bare_times));
    report("cache_delta_10k", ours, "ms", "bare replacement of the same rows", bare, bare / ours);
}

// --------------------------------------------------------------------------------------------- ledger

struct Chance(ChaCha8Rng);

impl Random for Chance {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

/// Keeps the head in a file of its own, as the edge does: written over, not waited for.
struct FileHead(File);

impl HeadKeeper for FileHead {
    fn load(&mut self) -> Result<Option<Head>, HeadKeeperError> {
        Ok(None)
    }

    fn store(&mut self, head: &Head) -> Result<(), HeadKeeperError> {
        self.0.write_all_at(head.to_string().as_bytes(), 0).map_err(|_| HeadKeeperError)
    }
}

fn amounts() -> Amounts {
    Amounts {
        medfee_sumamt: Fen(90_000),
        preselfpay_amt: Fen(10_000),
        inscp_scp_amt: Fen(80_000),
        act_pay_dedc: Fen(20_000),
        hifp_pay: Fen(48_000),
        fund_pay_sumamt: Fen(48_000),
        psn_part_amt: Fen(42_000),
        acct_pay: Fen(452),
        psn_cash_pay: Fen(41_548),
        ..Amounts::default()
    }
}

fn arming() -> Arming {
    Arming {
        card_factor: "0102030405060708".into(),
        card_serial: 7,
        terminal_serial: 1_007,
        account: Fen(452),
        self_paid: Fen(41_548),
        pooled: Fen(48_000),
        date_time: "20261124080000".into(),
        algorithm: 3,
        key_version: 1,
        balance_before: Fen(100_000),
    }
}

fn bench_ledger(folder: &Path) {
    let mut chance = Chance(ChaCha8Rng::seed_from_u64(6));
    let setup = Setup {
        terminal: "430100000001".parse().unwrap(),
        identity: identity(7),
        quota: Quota::default(),
        keeper: Box::new(FileHead(File::create(folder.join("head")).unwrap())),
        ballast: Box::new(()),
    };
    let connection = Connection::open(folder.join("ledger.db")).unwrap();
    let mut ledger = Ledger::open(connection, &key(), setup, &mut (), NOW).unwrap();
    let operator = NewOperator {
        number: "0101",
        role: Role::Cashier,
        secret: b"246813",
        iterations: terminal::roles::PBKDF2_ITERATIONS,
    };
    ledger.set_operator(&operator, &mut chance, Actor::default(), NOW).unwrap();
    let cycle = ledger.sign_in("0101", b"246813", NOW).unwrap().cycle.unwrap().number;

    let settings = Settings {
        durability: Durability::EveryCommit,
        pages_max: u32::MAX >> 1,
        memory_kib: 4_096,
        busy_timeout_ms: 1_000,
    };
    let connection = Connection::open(folder.join("bare_ledger.db")).unwrap();
    let bare = store::open(connection, &key(), &BARE_LEDGER, &settings, &mut ()).unwrap();

    let (mut records, mut commits, mut wholes, mut triples) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for number in 0..RECORDS as u64 {
        let (intention, settled) = business(&mut ledger, &mut chance, &cycle, number);
        let id = intention.id;
        let (mut whole, mut record, mut triple, mut commit) = Default::default();
        let limits = OfflineLimits { queue_max: u32::MAX, ..OfflineLimits::default() };
        timed(&mut whole, || {
            ledger.intend(&intention, &limits).unwrap();
            ledger.arm(id, &arming(), NOW).unwrap();
        });
        timed(&mut record, || ledger.record(id, &settled).unwrap());
        whole += record;
        let row = ledger.transaction(id).unwrap().unwrap();
        // As large as our row: plan, what the card was asked, body, and 200 bytes of names, digest, signature
        // and sums.
        let armed = serde_json::to_string(&row.armed).unwrap();
        let text = format!("{}{armed}{}{}", row.intention.plan, row.body.unwrap(), "x".repeat(200));
        let mut insert = bare.prepare_cached("INSERT INTO row (text) VALUES (?1)").unwrap();
        let mut one = |text: &str| insert.execute([text]).unwrap();
        timed(&mut commit, || one(&text));
        timed(&mut triple, || {
            one(&intention.plan);
            one(&intention.plan);
        });
        triple += commit;
        records.push(record);
        commits.push(commit);
        wholes.push(whole);
        triples.push(triple);
    }
    let rate = |blocks: Vec<Duration>| 1.0 / middle(blocks).as_secs_f64();
    let (ours, limit) = (rate(records), rate(commits));
    report("ledger_record", ours, "records/s", "bare one-row commit, synchronous=FULL", limit, ours / limit);
    let (ours, limit) = (rate(wholes), rate(triples));
    report("ledger_transaction", ours, "transactions/s", "three bare one-row commits", limit, ours / limit);

    let mut verify = Duration::ZERO;
    timed(&mut verify, || ledger.verify().unwrap());
    let each = verify.as_secs_f64() * 1e6 / RECORDS as f64;
    let mut signatures = Duration::ZERO;
    let key = identity(7);
    let signature = key.sign(protocol::record::PURPOSE, &[1; 32]);
    timed(&mut signatures, || {
        for _ in 0..RECORDS {
            key.public().verify(protocol::record::PURPOSE, &[1; 32], &signature).unwrap();
        }
    });
    let limit = signatures.as_secs_f64() * 1e6 / RECORDS as f64;
    report("ledger_verify", each, "µs/record", "one Ed25519 verification", limit, limit / each);
}

fn business(ledger: &mut Ledger, chance: &mut Chance, cycle: &str, number: u64) -> (Intention, Outcome) {
    let mut id = [0; 16];
    chance.fill(&mut id);
    let visit = format!("V{number:012}");
    let mut card = [0; 12];
    card[4..].copy_from_slice(&number.to_be_bytes());
    let person = PersonNumber::from_key(person_key(number)).unwrap();
    let region = RegionCode::parse("430100").unwrap();
    let registered = Visit {
        number: visit.clone(),
        state: VisitState::Open,
        person,
        region,
        card: CardKey(card),
        card_id: "4".repeat(32),
        med_type: "11".into(),
        insutype: "310".into(),
        cycle: cycle.into(),
        operator: "0101".into(),
        registered_at: NOW,
        settled_by: None,
    };
    ledger.register(&registered).unwrap();
    let settlement = Settlement {
        visit: visit.clone(),
        person,
        region,
        card_id: "4".repeat(32),
        med_type: "11".into(),
        insutype: "310".into(),
        rules_version: "2026-1".into(),
        cache_age_ms: 60_000,
        lines: 3,
        lines_digest: Digest::of(visit.as_bytes()),
        amounts: amounts(),
        card: Some(arming().purchase("11223344".into(), false)),
    };
    let intention = Intention {
        id: TransactionId(id),
        purpose: Purpose::Settlement,
        visit: Some(visit),
        person,
        card: CardKey(card),
        cycle: cycle.into(),
        operator: "0101".into(),
        made_at: NOW,
        plan: serde_json::to_string(&settlement).unwrap(),
    };
    let outcome = Outcome {
        business: Business::Settlement(Box::new(settlement)),
        made_at: NOW,
        clock: ClockQuality::Checked,
        offline: true,
    };
    (intention, outcome)
}
