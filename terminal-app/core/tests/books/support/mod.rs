//! Terminals in temporary folders, a center in memory, chance from a seed.

pub(crate) mod center;
pub(crate) mod people;

use std::{
    cell::Cell,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use card_spec::{money::Fen, person::PersonNumber, region::RegionCode};
use hal::clock::Clock;
use protocol::{
    id::{TerminalId, TransactionId},
    limits::OfflineLimits,
    record::{Amounts, Business, Cancellation, CardPurchase, Load, Refund, Settlement},
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
    keys::Identity,
    ledger::{
        Arming, CardKey, Head, HeadKeeper, HeadKeeperError, Intention, Ledger, LedgerError, Link, Outcome,
        Purpose, Quota, Setup, Visit, VisitState,
    },
    ports::Random,
    roles::{NewOperator, Role, SignedIn},
    store::StoreKey,
};

pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// 2026-11-24 08:00 in UTC+8.
pub(crate) const MORNING: Timestamp = Timestamp(1_795_478_400_000);

/// Cheap derivation for tests; the real number of rounds has a test of its own.
pub(crate) const ROUNDS: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Chance from a seed.
pub(crate) struct Chance(pub(crate) ChaCha8Rng);

impl Chance {
    /// The seed in `JINBAO_SEED`, else this one; printed either way.
    pub(crate) fn seeded(default: u64) -> Self {
        let seed = std::env::var("JINBAO_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(default);
        println!("JINBAO_SEED={seed}");
        Chance::from_seed(seed)
    }

    pub(crate) fn from_seed(seed: u64) -> Self {
        Chance(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0.next_u64() % limit
    }

    pub(crate) fn id(&mut self) -> TransactionId {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        TransactionId(bytes)
    }
}

impl Random for Chance {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

/// Both clocks, moved by hand.
pub(crate) struct HandClock {
    pub(crate) wall: Cell<i64>,
    pub(crate) monotonic: Cell<u64>,
}

impl HandClock {
    pub(crate) fn new() -> Self {
        HandClock { wall: Cell::new(MORNING.0), monotonic: Cell::new(1_000) }
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.wall.set(self.wall.get() + ms as i64);
        self.monotonic.set(self.monotonic.get() + ms);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.wall.get())
    }
}

impl Clock for HandClock {
    fn unix_ms(&self) -> i64 {
        self.wall.get()
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic.get()
    }
}

/// A head keeper whose value the test sees.
#[derive(Clone, Default)]
pub(crate) struct SharedHead(pub(crate) Arc<Mutex<Option<Head>>>);

impl HeadKeeper for SharedHead {
    fn load(&mut self) -> Result<Option<Head>, HeadKeeperError> {
        Ok(*self.0.lock().unwrap())
    }

    fn store(&mut self, head: &Head) -> Result<(), HeadKeeperError> {
        *self.0.lock().unwrap() = Some(*head);
        Ok(())
    }
}

pub(crate) fn terminal_id() -> TerminalId {
    "430100000001".parse().unwrap()
}

pub(crate) fn city() -> RegionCode {
    RegionCode::parse("430100").unwrap()
}

/// PKCS #8 of an Ed25519 seed.
pub(crate) fn identity_of(seed: u8) -> Identity {
    let mut der =
        vec![0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
    der.extend([seed; 32]);
    Identity::from_pkcs8(&der).unwrap()
}

pub(crate) fn store_key() -> StoreKey {
    StoreKey::new([0x5A; 32])
}

/// A terminal's folder and what is needed to open its ledger again.
pub(crate) struct Terminal {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) head: SharedHead,
    pub(crate) quota: Quota,
    pub(crate) clock: HandClock,
    pub(crate) chance: Chance,
    pub(crate) limits: OfflineLimits,
}

impl Terminal {
    pub(crate) fn new(seed: u64) -> Self {
        Terminal {
            folder: tempfile::tempdir().unwrap(),
            head: SharedHead::default(),
            quota: Quota::default(),
            clock: HandClock::new(),
            chance: Chance::from_seed(seed),
            limits: OfflineLimits::default(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.db")
    }

    pub(crate) fn open(&self) -> Ledger {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(&self) -> Result<Ledger, LedgerError> {
        open_at(&self.path(), Box::new(self.head.clone()), self.quota, self.clock.now())
    }

    /// A ledger with a cashier signed in.
    pub(crate) fn open_for_business(&mut self) -> (Ledger, SignedIn) {
        let mut ledger = self.open();
        let operator =
            NewOperator { number: "0101", role: Role::Cashier, secret: b"246813", iterations: ROUNDS };
        ledger.set_operator(&operator, &mut self.chance, Actor::default(), self.clock.now()).unwrap();
        let signed_in = ledger.sign_in("0101", b"246813", self.clock.now()).unwrap();
        (ledger, signed_in)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

pub(crate) fn open_at(
    path: &Path,
    keeper: Box<dyn HeadKeeper>,
    quota: Quota,
    now: Timestamp,
) -> Result<Ledger, LedgerError> {
    let setup =
        Setup { terminal: terminal_id(), identity: identity_of(7), quota, keeper, ballast: Box::new(()) };
    Ledger::open(Connection::open(path).unwrap(), &store_key(), setup, &mut (), now)
}

/// The number-th person of this city.
pub(crate) fn person(number: u64) -> PersonNumber {
    PersonNumber::from_key(people::key(number)).unwrap()
}

pub(crate) fn card(number: u64) -> CardKey {
    let mut key = *b"\x43\x01\x00\xD1\x56\x00\x00\x05\0\0\0\0";
    key[8..].copy_from_slice(&(number as u32).to_be_bytes());
    CardKey(key)
}

pub(crate) fn card_id(number: u64) -> String {
    format!("{}00000000", hex::encode(card(number).0))
}

pub(crate) fn cycle_of(signed_in: &SignedIn) -> String {
    signed_in.cycle.as_ref().unwrap().number.clone()
}

pub(crate) fn visit(number: &str, who: u64, signed_in: &SignedIn, now: Timestamp) -> Visit {
    Visit {
        number: number.into(),
        state: VisitState::Open,
        person: person(who),
        region: city(),
        card: card(who),
        card_id: card_id(who),
        med_type: "11".into(),
        insutype: "310".into(),
        cycle: cycle_of(signed_in),
        operator: signed_in.operator.clone(),
        registered_at: now,
        settled_by: None,
    }
}

pub(crate) fn intention(
    id: TransactionId,
    purpose: Purpose,
    visit: Option<&str>,
    who: u64,
    signed_in: &SignedIn,
    now: Timestamp,
) -> Intention {
    Intention {
        id,
        purpose,
        visit: visit.map(str::to_owned),
        person: person(who),
        card: card(who),
        cycle: cycle_of(signed_in),
        operator: signed_in.operator.clone(),
        made_at: now,
        plan: r#"{"plan":"settle"}"#.into(),
    }
}

pub(crate) fn arming(serial: u16) -> Arming {
    Arming {
        card_factor: "0102030405060708".into(),
        card_serial: serial,
        terminal_serial: u32::from(serial) + 1_000,
        account: Fen(452),
        self_paid: Fen(0),
        pooled: Fen(48_000),
        date_time: "20261124080000".into(),
        algorithm: 3,
        key_version: 1,
        balance_before: Fen(100_000),
    }
}

/// Amounts of an outpatient visit for which I1 to I4 hold.
pub(crate) fn amounts() -> Amounts {
    Amounts {
        medfee_sumamt: Fen(90_000),
        fulamt_ownpay_amt: Fen(5_000),
        preselfpay_amt: Fen(5_000),
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

pub(crate) fn settlement(visit: &str, who: u64, card: Option<CardPurchase>) -> Business {
    assert!(amounts().balanced());
    Business::Settlement(Box::new(Settlement {
        visit: visit.into(),
        person: person(who),
        region: city(),
        card_id: card_id(who),
        med_type: "11".into(),
        insutype: "310".into(),
        rules_version: "2026-1".into(),
        cache_age_ms: 60_000,
        lines: 3,
        lines_digest: Digest::of(visit.as_bytes()),
        amounts: amounts(),
        card,
    }))
}

pub(crate) fn cancellation(of: TransactionId, who: u64) -> Business {
    Business::Cancellation(Box::new(Cancellation {
        of,
        person: person(who),
        amounts: amounts().negated(),
        refund: Refund::Owed { amount: Fen(452) },
    }))
}

pub(crate) fn load(who: u64) -> Business {
    Business::Load(Load {
        person: person(who),
        card_id: card_id(who),
        amount: Fen(452),
        card_serial: 9,
        tac: "AABBCCDD".into(),
        date_time: "20261124080500".into(),
        balance_before: Fen(99_548),
    })
}

pub(crate) fn outcome(business: Business, made_at: Timestamp) -> Outcome {
    Outcome { business, made_at, clock: ClockQuality::Checked, offline: true }
}

/// Registers, intends, arms and records one settlement.
pub(crate) fn settle(
    ledger: &mut Ledger,
    terminal: &mut Terminal,
    signed_in: &SignedIn,
    who: u64,
) -> (TransactionId, Link) {
    let id = terminal.chance.id();
    let number = format!("V{id}");
    let now = terminal.now();
    ledger.register(&visit(&number, who, signed_in, now)).unwrap();
    let intention = intention(id, Purpose::Settlement, Some(&number), who, signed_in, now);
    ledger.intend(&intention, &terminal.limits).unwrap();
    ledger.arm(id, &arming(5), now).unwrap();
    let purchase = arming(5).purchase("11223344".into(), false);
    let link = ledger.record(id, &outcome(settlement(&number, who, Some(purchase)), now)).unwrap();
    (id, link)
}
