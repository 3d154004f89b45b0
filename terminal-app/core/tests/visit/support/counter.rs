//! A whole counter: terminal, card, PSAM, pad, clock, center, books in a temporary folder.

use std::{
    collections::VecDeque,
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use card_spec::region::RegionCode;
use hal::{
    clock::Clock,
    pin_pad::{PinPad, PinPadError, Prompt},
};
use protocol::{
    feed::{Change, Page, Person as Entry, PersonState, SignedPage},
    signature::Signed,
    timestamp::Timestamp,
};
use rusqlite::Connection;
use sim::{
    chip::SharedChip,
    fault::Plan,
    people::Person,
    personalise::TEST_PIN,
    psam::Psam,
    slot::{Hand, InProcessSlot},
};
use terminal::{
    audit::Actor,
    cache::Cache,
    error::Error,
    flows::{Config, Devices, LineEntry, PreSettlement, Terminal, VisitEntry},
    keys::Identity,
    ledger::{Head, HeadKeeper, HeadKeeperError, Ledger, Quota, Setup},
    progress::Progress,
    roles::{NewOperator, Role},
    rules::{CityRules, HospitalLevel, RuleBook},
    session::BoxedSlot,
    store::StoreKey,
};
use zeroize::Zeroizing;

use super::{NOW_MS, Seeded, TestCard, center::TestCenter, city, psam, sensor::TestSensor, terminal_id};

/// Both clocks, moved by hand.
#[derive(Clone)]
pub(crate) struct HandClock(Arc<AtomicI64>, Arc<AtomicI64>);

impl HandClock {
    fn new() -> Self {
        HandClock(Arc::new(AtomicI64::new(NOW_MS)), Arc::new(AtomicI64::new(1_000)))
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
        self.1.fetch_add(ms, Ordering::SeqCst);
    }

    /// The wall clock is set, the monotonic one is not.
    pub(crate) fn set(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

impl Clock for HandClock {
    fn unix_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        self.1.load(Ordering::SeqCst).unsigned_abs()
    }
}

/// A pad on which the test types, entry by entry.
#[derive(Clone, Default)]
pub(crate) struct Typist(Arc<Mutex<VecDeque<Result<String, PinPadError>>>>);

impl Typist {
    pub(crate) fn types(&self, digits: &str) {
        self.0.lock().unwrap().push_back(Ok(digits.to_owned()));
    }

    pub(crate) fn fails(&self, error: PinPadError) {
        self.0.lock().unwrap().push_back(Err(error));
    }
}

impl PinPad for Typist {
    fn ask(&mut self, _: Prompt, _: u32) -> Result<Zeroizing<Vec<u8>>, PinPadError> {
        let entry = self.0.lock().unwrap().pop_front();
        entry.unwrap_or(Err(PinPadError::Timeout)).map(|digits| Zeroizing::new(digits.into_bytes()))
    }
}

#[derive(Clone, Default)]
struct SharedHead(Arc<Mutex<Option<Head>>>);

impl HeadKeeper for SharedHead {
    fn load(&mut self) -> Result<Option<Head>, HeadKeeperError> {
        Ok(*self.0.lock().unwrap())
    }

    fn store(&mut self, head: &Head) -> Result<(), HeadKeeperError> {
        *self.0.lock().unwrap() = Some(*head);
        Ok(())
    }
}

pub(crate) struct Counter {
    /// `None` only while it is started again.
    terminal: Option<Terminal>,
    pub(crate) card: Hand,
    pub(crate) pad: Typist,
    pub(crate) clock: HandClock,
    pub(crate) center: TestCenter,
    pub(crate) progress: Arc<Mutex<Vec<Progress>>>,
    pub(crate) sensor: TestSensor,
    psam: Option<Hand>,
    psam_chip: SharedChip,
    psam_plan: Plan,
    wrap: fn(InProcessSlot) -> BoxedSlot,
    head: SharedHead,
    folder: tempfile::TempDir,
    starts: u64,
    /// Cards without an account are served from the next start on.
    pub(crate) settles_without_account: bool,
    uses_stored_rules: bool,
}

impl Counter {
    /// With a cashier signed in, rules, and these people in the cache.
    pub(crate) fn new(people: &[Entry]) -> Self {
        let (_, card) = InProcessSlot::new("card");
        let clock = HandClock::new();
        let mut counter = Counter {
            terminal: None,
            card,
            pad: Typist::default(),
            center: TestCenter::new(identity_of(200), clock.clone()),
            clock,
            progress: Arc::default(),
            sensor: TestSensor::default(),
            psam: None,
            psam_chip: SharedChip::new(Psam::new(&psam().build(), 3)),
            psam_plan: Plan::none(),
            wrap: |slot| Box::new(slot),
            head: SharedHead::default(),
            folder: folder(),
            starts: 0,
            settles_without_account: false,
            uses_stored_rules: false,
        };
        let mut cache = counter.open_cache();
        let changes: Vec<Change> = people.iter().map(|entry| Change::Person(*entry)).collect();
        counter.center.learn(&changes);
        feed(&mut cache, changes, 0, counter.clock.now());
        cache.close().unwrap();
        counter.start();
        counter.hire("0101", Role::Cashier);
        counter.hire("0900", Role::Supervisor);
        counter.hire("0700", Role::Installer);
        counter.terminal().sign_in("0101", b"246813").unwrap();
        counter
    }

    pub(crate) fn terminal(&mut self) -> &mut Terminal {
        self.terminal.as_mut().unwrap()
    }

    /// The program ends without warning and is started again, by the same operator.
    pub(crate) fn restart(&mut self) {
        self.restart_with(Plan::none());
    }

    /// The same, and the PSAM behaves by a plan from then on.
    pub(crate) fn restart_with(&mut self, psam: Plan) {
        self.terminal = None;
        self.card.pull();
        self.psam_plan = psam;
        self.start();
        self.terminal().sign_in("0101", b"246813").unwrap();
    }

    /// The center's rules come down, through another connection.
    pub(crate) fn store_rules(&mut self, signed: &Signed) {
        self.open_cache().store_rules(signed).unwrap();
    }

    /// The same of its limits.
    pub(crate) fn store_limits(&mut self, signed: &Signed) {
        self.open_cache().store_limits(signed).unwrap();
    }

    /// Started again with a flipped bit where the cache keeps this.
    pub(crate) fn restart_with_damaged(&mut self, table: &str) {
        self.terminal = None;
        self.open_cache().close().unwrap();
        let path = self.folder.path().join("cache.db");
        let connection = Connection::open(&path).unwrap();
        terminal::store::unlock(&connection, &StoreKey::new([0x5B; 32])).unwrap();
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
        let page: usize = connection.query_row(sql, [table], |row| row.get(0)).unwrap();
        drop(connection);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[(page - 1) * terminal::store::PAGE_BYTES as usize + 9] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        self.restart();
    }

    /// Started again, with the rules that are in store instead of the tests' own.
    pub(crate) fn restart_with_stored_rules(&mut self) {
        self.uses_stored_rules = true;
        self.restart();
    }

    /// Commands that the PSAM has seen since the start.
    pub(crate) fn psam_commands(&self) -> u32 {
        self.psam.as_ref().and_then(Hand::commands).unwrap_or(0)
    }

    /// The PSAM is put back without faults.
    pub(crate) fn mend_psam(&mut self) {
        let psam = self.psam.as_ref().unwrap();
        psam.pull();
        psam.insert(self.psam_chip.clone()).unwrap();
    }

    /// Something stands between the card's slot and the terminal from the next start on.
    pub(crate) fn wrap_slot(&mut self, wrap: fn(InProcessSlot) -> BoxedSlot) {
        self.wrap = wrap;
        self.restart();
    }

    /// Entries that nobody asked for are gone with the holder.
    pub(crate) fn pad_is_emptied(&self) {
        self.pad.0.lock().unwrap().clear();
    }

    pub(crate) fn ledger_path(&self) -> std::path::PathBuf {
        self.folder.path().join("ledger.db")
    }

    pub(crate) fn ledger(&mut self) -> &mut Ledger {
        self.terminal().ledger_mut()
    }

    fn start(&mut self) {
        self.starts += 1;
        let (card_slot, card) = InProcessSlot::new("card");
        let (psam_slot, psam) = InProcessSlot::new("psam");
        psam.insert_with(self.psam_chip.clone(), self.psam_plan.clone()).unwrap();
        self.psam = Some(psam);
        let devices = Devices {
            card: (self.wrap)(card_slot),
            psam: Box::new(psam_slot),
            pin_pad: Box::new(self.pad.clone()),
            clock: Box::new(self.clock.clone()),
            random: Box::new(Seeded::new(self.starts)),
            link: Box::new(self.center.clone()),
        };
        let config = Config {
            settle_without_account: self.settles_without_account,
            ..Config::new(city(), "长沙市试验医院", HospitalLevel::Tertiary)
        };
        let center_key = self.center.state().key.public();
        let (ledger, cache) = (self.open_ledger(), self.open_cache());
        let mut terminal = Terminal::new(config, devices, ledger, cache, center_key).unwrap();
        if !self.uses_stored_rules {
            terminal.use_rules(rules(), None);
        }
        let progress = Arc::clone(&self.progress);
        terminal.on_progress(move |step| progress.lock().unwrap().push(step));
        terminal.use_sensor(Box::new(self.sensor.clone()));
        self.card = card;
        self.terminal = Some(terminal);
    }

    fn open_ledger(&self) -> Ledger {
        let connection = Connection::open(self.ledger_path()).unwrap();
        let setup = Setup {
            terminal: terminal_id(),
            identity: identity_of(7),
            quota: Quota::default(),
            keeper: Box::new(self.head.clone()),
            ballast: Box::new(()),
        };
        Ledger::open(connection, &StoreKey::new([0x5A; 32]), setup, &mut (), self.clock.now()).unwrap()
    }

    pub(crate) fn open_cache(&self) -> Cache {
        let connection = Connection::open(self.folder.path().join("cache.db")).unwrap();
        let center = self.center.state().key.public();
        Cache::open(connection, &StoreKey::new([0x5B; 32]), center, city()).unwrap()
    }

    /// The center learns more, and it comes down the feed, through another connection.
    pub(crate) fn feed(&mut self, changes: Vec<Change>) {
        self.center.learn(&changes);
        let mut cache = self.open_cache();
        let (_, cursor) = cache.cursor().unwrap();
        feed(&mut cache, changes, cursor, self.clock.now());
    }

    fn hire(&mut self, number: &str, role: Role) {
        let operator =
            NewOperator { number, role, secret: b"246813", iterations: NonZeroU32::new(10).unwrap() };
        let now = self.clock.now();
        let mut random = Seeded::new(9);
        self.ledger().set_operator(&operator, &mut random, Actor::default(), now).unwrap();
    }

    /// The installer binds the sensor; the cashier goes on.
    pub(crate) fn bind_sensor(&mut self) {
        self.terminal().sign_in("0700", b"246813").unwrap();
        self.terminal().bind_sensor().unwrap();
        self.terminal().sign_in("0101", b"246813").unwrap();
    }

    pub(crate) fn hire_more(&mut self, number: &str, role: Role) {
        self.hire(number, role);
    }

    pub(crate) fn supervise(&mut self) {
        self.terminal().sign_in("0900", b"246813").unwrap();
    }

    pub(crate) fn insert(&self, card: &TestCard) {
        self.insert_with(card, Plan::none());
    }

    pub(crate) fn insert_with(&self, card: &TestCard, plan: impl Into<Plan>) {
        self.card.pull();
        self.card.insert_with(card.chip(), plan.into()).unwrap();
    }

    /// Card in, read, PIN typed and verified.
    pub(crate) fn tap(&mut self) -> Result<Option<terminal::flows::Resolved>, Error> {
        self.terminal().open_card()?;
        self.pad.types(TEST_PIN);
        self.terminal().verify_holder()
    }

    /// A visit with a bill of 300.00 in scope, up to the figures.
    pub(crate) fn visit(&mut self, number: &str) -> Result<PreSettlement, Error> {
        let entry = VisitEntry { number: number.into(), med_type: "11".into() };
        self.terminal().register(&entry)?;
        self.terminal().add_lines(number, &lines())?;
        self.terminal().pre_settle(number, true)
    }
}

/// In memory where that can be had: what a disk does to the books is tested with the books.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) fn lines() -> Vec<LineEntry> {
    let line = |serial: &str, content: &str| LineEntry {
        serial: serial.into(),
        batch: "B1".into(),
        content: content.into(),
    };
    vec![
        line("1", r#"{"code":"A1","name":"门诊诊查费","class":"01","price":"100.00","count":"1"}"#),
        line("2", r#"{"code":"A2","name":"试验片剂","class":"01","price":"50.00","count":"4"}"#),
    ]
}

/// The sample rules of Xiamen, given to the city of the tests.
pub(crate) fn rules() -> RuleBook {
    let text = include_str!("../../../samples/rules/xiamen.json").replace("\"350200\"", "\"430100\"");
    let mut book = RuleBook::new();
    book.insert(CityRules::from_json(text.as_bytes()).unwrap());
    book
}

/// A worker's entry with nothing used this year.
pub(crate) fn entry(person: &Person) -> Entry {
    Entry {
        key: person.number.key(),
        state: PersonState::Active,
        insutype: 310,
        psn_type: 11,
        civil_servant: false,
        paid_until: 2026 * 12 + 10,
        year: 2026,
        deductible_fen: 120_000,
        pooled_outpatient_fen: 0,
        pooled_inpatient_fen: 0,
        own_in_scope_fen: 0,
        stays: 0,
    }
}

fn feed(cache: &mut Cache, changes: Vec<Change>, after: u64, as_of: Timestamp) {
    let upto = after + changes.len() as u64;
    let page = Page {
        city: RegionCode::parse(super::CITY).unwrap(),
        epoch: 1,
        after,
        upto,
        newest: upto,
        as_of,
        changes,
    };
    let signed = SignedPage::sign(identity_of(200).key_pair(), &page).unwrap();
    cache.apply(&signed).unwrap();
}

/// PKCS #8 of an Ed25519 seed.
pub(crate) fn identity_of(seed: u8) -> Identity {
    let mut der =
        vec![0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend([seed; 32]);
    Identity::from_pkcs8(&der).unwrap()
}
