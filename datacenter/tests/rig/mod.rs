//! A center in a folder that vanishes, with a clock that the test sets, and terminals that speak to it.
#![allow(clippy::unwrap_used, dead_code, missing_docs, unreachable_pub, reason = "tests")]

use std::{
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use card_spec::{money::Fen, person::PersonNumber, region::RegionCode};
use datacenter::{
    center::{Center, Running},
    configuration::Configuration,
    outside::{Clock, NoRandom, Outside, Random},
    storage::rows::Institution,
};
use protocol::{
    enrolment::{self, Enrolment, EnrolmentRequest, RenewalRequest},
    id::{TerminalId, TransactionId},
    problem::{Problem, ProblemKind},
    record::{self, Amounts, Body, Business, Cancellation, Refund, Settlement},
    signature::{Digest, PublicKey, Signature},
    timestamp::{ClockQuality, Timestamp},
    upload::{Batch, BatchAnswer, Receipt, Record, SendWindow, Verdict},
};
use ring::signature::Ed25519KeyPair;
use serde::{Serialize, de::DeserializeOwned};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

pub mod bodies;
pub mod cards;
pub mod claims;

/// When the test began, in whole seconds: the HTTP client checks the server's certificate by the machine's clock.
pub fn now() -> Timestamp {
    static NOW: LazyLock<Timestamp> = LazyLock::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp(since.as_secs() as i64 * 1_000)
    });
    *NOW
}

/// The year of [`now`] in UTC+8.
pub fn year() -> u16 {
    now().civil().year() as u16
}

pub const DAY_MS: i64 = 24 * 3_600_000;
pub const WINDOW: SendWindow = SendWindow { after_ms: 0, spread_ms: 0 };

/// A clock that stands still until the test moves it.
#[derive(Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub fn at(time: Timestamp) -> Self {
        TestClock(Arc::new(AtomicI64::new(time.0)))
    }

    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Splitmix64: one seed, one run.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<u64>>);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(Arc::new(Mutex::new(seed)))
    }

    /// From `JINBAO_SEED`, else from the clock; printed, so that a failing run can be replayed.
    pub fn shaken(test: &str) -> Self {
        let seed = std::env::var("JINBAO_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
        println!("{test}: JINBAO_SEED={seed}");
        Dice::new(seed)
    }

    pub fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn id(&self) -> TransactionId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.next().to_be_bytes());
        id[8..].copy_from_slice(&self.next().to_be_bytes());
        TransactionId(id)
    }
}

impl Random for Dice {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandom> {
        for byte in bytes {
            *byte = self.next() as u8;
        }
        Ok(())
    }
}

/// A center in its folder.
pub struct Rig {
    pub folder: tempfile::TempDir,
    pub clock: TestClock,
    pub dice: Dice,
    pub outside: Outside,
    pub center: Center,
}

impl Rig {
    pub fn new(seed: u64) -> Self {
        Self::with(seed, |_| {})
    }

    pub fn with(seed: u64, change: impl FnOnce(&mut Configuration)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = TestClock::at(now());
        let dice = Dice::new(seed);
        let outside = Outside { clock: Arc::new(clock.clone()), random: Arc::new(dice.clone()) };
        let mut configuration = Configuration::new(city(), "测试市社会保障卡中心").on_free_ports();
        change(&mut configuration);
        let center = Center::create(&folder.path().join("center"), &configuration, outside.clone()).unwrap();
        Rig { folder, clock, dice, outside, center }
    }

    /// The same folder opened again, as after a restart.
    pub fn reopen(&mut self) {
        self.center = Center::open(&self.folder.path().join("center"), self.outside.clone()).unwrap();
    }

    /// The center's clock.
    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn start(&self) -> Running {
        self.center.start().unwrap()
    }

    pub fn code(&self, terminal: TerminalId) -> String {
        self.center.access.new_code(terminal, &institution()).unwrap().to_string()
    }

    /// A terminal that is enrolled without the network.
    pub fn terminal(&self, number: u32) -> Terminal {
        let mut terminal = Terminal::new(number, &self.dice);
        let code = self.code(terminal.id);
        let enrolment = self.center.access.enrol(&terminal.enrolment_request(&code)).unwrap();
        terminal.enrolment = Some(enrolment);
        terminal
    }

    /// Books a batch without the network.
    pub fn book(&self, terminal: &Terminal, batch: &Batch) -> Result<BatchAnswer, Problem> {
        let row = self.center.production.storage().terminal(terminal.id).unwrap().unwrap();
        self.center.production.book(&row, batch, WINDOW)
    }

    /// Books a batch and opens the receipt.
    pub fn receipt(&self, terminal: &Terminal, batch: &Batch) -> Receipt {
        open(&self.book(terminal, batch).unwrap(), &self.center.production.public_key())
    }
}

pub fn open(answer: &BatchAnswer, key: &PublicKey) -> Receipt {
    answer.receipt.open(key, protocol::upload::RECEIPT_PURPOSE).unwrap()
}

pub fn verdicts(receipt: &Receipt) -> Vec<Verdict> {
    receipt.lines.iter().map(|line| line.verdict.clone()).collect()
}

pub fn city() -> RegionCode {
    RegionCode::parse("430100").unwrap()
}

pub fn institution() -> Institution {
    Institution { code: "H43010000001".into(), name: "市一医院".into(), level: 3 }
}

/// A person by number; all different.
pub fn person(number: u64) -> PersonNumber {
    let birth = 19_500_101 + number / 1_000 % 50 * 10_000;
    PersonNumber::from_key(430_102 * 100_000_000_000 + birth * 1_000 + number % 1_000).unwrap()
}

/// A terminal with its keys and its chain.
pub struct Terminal {
    pub id: TerminalId,
    pub identity: Ed25519KeyPair,
    pub tls: rcgen::KeyPair,
    pub enrolment: Option<Enrolment>,
    pub chain: Vec<Record>,
    /// Digest after each record; the one at 0 is before the first.
    pub digests: Vec<Digest>,
}

impl Terminal {
    pub fn new(number: u32, dice: &Dice) -> Self {
        let mut seed = [0; 32];
        dice.fill(&mut seed).unwrap();
        Terminal {
            id: format!("4301{number:08}").parse().unwrap(),
            identity: Ed25519KeyPair::from_seed_unchecked(&seed).unwrap(),
            tls: rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap(),
            enrolment: None,
            chain: Vec::new(),
            digests: vec![Digest::default()],
        }
    }

    pub fn csr(&self) -> String {
        rcgen::CertificateParams::default().serialize_request(&self.tls).unwrap().pem().unwrap()
    }

    pub fn enrolment_request(&self, code: &str) -> EnrolmentRequest {
        let csr = self.csr();
        let signature = Signature::sign(&self.identity, enrolment::PURPOSE, csr.as_bytes());
        EnrolmentRequest {
            terminal: self.id,
            code: code.into(),
            identity: PublicKey::of(&self.identity),
            csr,
            signature,
        }
    }

    pub fn renewal_request(&self) -> RenewalRequest {
        let csr = self.csr();
        let signature = Signature::sign(&self.identity, enrolment::PURPOSE, csr.as_bytes());
        RenewalRequest { terminal: self.id, csr, signature }
    }

    /// Writes a record down; returns its sequence.
    pub fn record(&mut self, id: TransactionId, business: Business) -> u64 {
        let sequence = self.chain.len() as u64 + 1;
        let body = bodies::body(self.id, sequence, id, business);
        self.record_text(serde_json::to_string(&body).unwrap())
    }

    pub fn record_text(&mut self, body: String) -> u64 {
        let sequence = self.chain.len() as u64 + 1;
        let digest = self.digests.last().unwrap().chain(body.as_bytes());
        let signature = Signature::sign(&self.identity, record::PURPOSE, &digest.0);
        self.chain.push(Record { sequence, body, signature });
        self.digests.push(digest);
        sequence
    }

    /// The records of a span, both ends included.
    pub fn batch(&self, from: u64, to: u64) -> Batch {
        Batch {
            terminal: self.id,
            previous: self.digests[from as usize - 1],
            records: self.chain[from as usize - 1..to as usize].to_vec(),
        }
    }

    pub fn all(&self) -> Batch {
        self.batch(1, self.chain.len() as u64)
    }

    /// A client of the terminals' port with this terminal's certificate.
    pub fn client(&self, running: &Running) -> Client {
        let enrolment = self.enrolment.as_ref().unwrap();
        Client::new(&enrolment.authority, running.terminals.port(), Some((&enrolment.certificate, &self.tls)))
    }
}

/// An HTTP client that trusts one authority.
pub struct Client {
    agent: ureq::Agent,
    base: String,
}

/// What came back: status, content type, body.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl Reply {
    pub fn json<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.bytes));
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// A problem of this kind and nothing else.
    pub fn problem(&self) -> ProblemKind {
        assert_eq!(self.content_type, protocol::problem::CONTENT_TYPE);
        let problem: Problem = serde_json::from_slice(&self.bytes).unwrap();
        assert_eq!(problem.status, self.status);
        assert_eq!(problem.kind.status(), self.status);
        assert!(!problem.detail.is_empty());
        problem.kind
    }
}

impl Client {
    pub fn new(authority: &str, port: u16, identity: Option<(&str, &rcgen::KeyPair)>) -> Self {
        let roots = [Certificate::from_pem(authority.as_bytes()).unwrap()];
        let client = identity.map(|(certificate, key)| {
            let chain = [Certificate::from_pem(certificate.as_bytes()).unwrap()];
            ClientCert::new_with_certs(&chain, PrivateKey::from_pem(key.serialize_pem().as_bytes()).unwrap())
        });
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .client_cert(client)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build()
            .into();
        Client { agent, base: format!("https://localhost:{port}") }
    }

    pub fn get(&self, path: &str) -> Result<Reply, ureq::Error> {
        reply(self.agent.get(format!("{}{path}", self.base)).call()?)
    }

    pub fn post<T: Serialize>(&self, path: &str, body: &T) -> Result<Reply, ureq::Error> {
        self.post_bytes(path, &serde_json::to_vec(body).unwrap())
    }

    pub fn post_bytes(&self, path: &str, body: &[u8]) -> Result<Reply, ureq::Error> {
        let request = self.agent.post(format!("{}{path}", self.base));
        reply(request.content_type("application/json").send(body)?)
    }
}

fn reply(mut response: ureq::http::Response<ureq::Body>) -> Result<Reply, ureq::Error> {
    Ok(Reply {
        status: response.status().as_u16(),
        content_type: response
            .headers()
            .get("content-type")
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default(),
        bytes: response.body_mut().with_config().limit(64 << 20).read_to_vec()?,
    })
}
