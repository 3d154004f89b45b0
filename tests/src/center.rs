//! A real center inside the test's process, with a clock that can be moved and faults at its edge.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU16, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use card_spec::{
    generation::Algorithm,
    key::{KeyName, card_key},
};
use datacenter::{
    center::{Center, Running},
    configuration::Configuration,
    error::Error,
    faults::{Fault, Faults},
    outside::{Clock, Outside, SystemClock, SystemRandom},
    production::Production,
    storage::{
        rows::{ImportedPerson, Institution},
        service::DeskRow,
    },
};
use protocol::{
    feed::{BlockReason, Person},
    id::TerminalId,
    limits::OfflineLimits,
    rules::RulesDocument,
    service::Desk,
    timestamp::Timestamp,
    upload::SendWindow,
};
use sim::keys::TestKeys;

use crate::holder::city;

/// Ports are looked for below those that the kernel gives out by itself, so that nobody takes them while a
/// center is down.
const PORTS: std::ops::Range<u16> = 12_000..30_000;

/// Limit for the ports of a center that was stopped to be free again.
const BIND_TIMEOUT_MS: u64 = 5_000;

/// The rules that the tests settle by.
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../terminal-app/core/samples/rules/xuzhou.json");

/// A center in its folder.
pub struct TestCenter {
    folder: PathBuf,
    outside: Outside,
    offset_ms: Arc<AtomicI64>,
    ports: (u16, u16),
    reserved: Option<Ports>,
    center: Center,
    running: Option<Running>,
    edge: Arc<Mutex<Edge>>,
}

/// What comes in, and what goes wrong with it.
#[derive(Default)]
struct Edge {
    planned: Vec<(String, u32, Fault)>,
    requests: BTreeMap<String, u32>,
}

/// The machine's clock, moved.
struct MovedClock(Arc<AtomicI64>);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_ms(self.0.load(Ordering::SeqCst))
    }
}

impl TestCenter {
    /// Makes a center with these people, the sample rules and the issuer's keys, and starts it.
    ///
    /// # Panics
    /// When it cannot be made or started.
    pub fn start(
        folder: &Path,
        people: &[Person],
        keys: TestKeys,
        change: impl FnOnce(&mut Configuration),
    ) -> Self {
        let ports = Ports::reserve();
        let mut center = Self::start_on((ports.first, ports.first + 1), folder, people, keys, change);
        center.reserved = Some(ports);
        center
    }

    /// The same on ports that the caller knows to be free: for enrolment and for work.
    ///
    /// # Panics
    /// When it cannot be made or started.
    pub fn start_on(
        ports: (u16, u16),
        folder: &Path,
        people: &[Person],
        keys: TestKeys,
        change: impl FnOnce(&mut Configuration),
    ) -> Self {
        let offset_ms = Arc::new(AtomicI64::new(0));
        let outside = Outside {
            clock: Arc::new(MovedClock(Arc::clone(&offset_ms))),
            random: Arc::new(SystemRandom::default()),
        };
        let mut configuration = Configuration::new(city(), "徐州市社会保障卡中心");
        configuration.windows.calm = SendWindow { after_ms: 0, spread_ms: 0 };
        change(&mut configuration);
        let center = Center::create(folder, &configuration, outside.clone()).unwrap_or_else(complain);
        center.set_issuer_keys(&issuer_keys(keys)).unwrap_or_else(complain);
        let configuration = fs::read_to_string(RULES).unwrap_or_else(|error| panic!("{RULES}: {error}"));
        let rules =
            RulesDocument { version: "xuzhou-1".into(), effective_from: "2023-07-01".into(), configuration };
        center.production.add_rules(&rules).unwrap_or_else(complain);
        let mut test_center = TestCenter {
            folder: folder.to_owned(),
            outside,
            offset_ms,
            ports,
            reserved: None,
            center,
            running: None,
            edge: Arc::default(),
        };
        test_center.put_people(people);
        test_center.open();
        test_center
    }

    /// Opens the center's folder again and starts it, on the ports that it had.
    ///
    /// # Panics
    /// When it cannot be opened or started.
    pub fn open(&mut self) {
        self.stop();
        // The keys of the security module are read when the folder is opened.
        self.center = Center::open(&self.folder, self.outside.clone()).unwrap_or_else(complain);
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        self.center.configuration.enrolment_listen = loopback(self.ports.0);
        self.center.configuration.terminal_listen = loopback(self.ports.1);
        let edge = Arc::clone(&self.edge);
        let faults = Faults::new(move |_, path| {
            let mut edge = edge.lock().unwrap_or_else(PoisonError::into_inner);
            *edge.requests.entry(path.to_owned()).or_default() += 1;
            let planned = edge.planned.iter_mut().find(|(at, left, _)| at == path && *left > 0)?;
            planned.1 -= 1;
            Some(planned.2.clone())
        });
        // A child that another thread has forked holds our closed sockets until it runs its own program.
        let end = Instant::now() + Duration::from_millis(BIND_TIMEOUT_MS);
        self.running = loop {
            match self.center.start_wrapped(faults.wrap()) {
                Err(Error::Listen { .. }) if Instant::now() < end => thread::sleep(Duration::from_millis(5)),
                started => break Some(started.unwrap_or_else(complain)),
            }
        };
    }

    /// Stops it: nobody listens on its ports any more.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }

    /// The next `times` requests of this path meet a fault.
    pub fn plan(&self, path: &str, times: u32, fault: Fault) {
        self.edge().planned.push((path.to_owned(), times, fault));
    }

    /// Planned faults that have not happened.
    pub fn faults_left(&self) -> u32 {
        self.edge().planned.iter().map(|(_, left, _)| left).sum()
    }

    /// Nothing goes wrong any more.
    pub fn clear_faults(&self) {
        self.edge().planned.clear();
    }

    /// Requests of a path so far.
    pub fn requests(&self, path: &str) -> u32 {
        self.edge().requests.get(path).copied().unwrap_or(0)
    }

    /// Requests of any path so far.
    pub fn requests_in_all(&self) -> u32 {
        self.edge().requests.values().sum()
    }

    /// Moves the center's clock; certificates that it makes count from there.
    pub fn move_clock(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::SeqCst);
    }

    /// A one-time code for a terminal at a tertiary hospital.
    ///
    /// # Panics
    /// When the storage fails.
    pub fn code(&self, terminal: TerminalId) -> String {
        let institution =
            Institution { code: "H32030000001".into(), name: "市第一人民医院".into(), level: 3 };
        self.center.access.new_code(terminal, &institution).unwrap_or_else(complain).to_string()
    }

    /// Writes people with their sums into the register.
    ///
    /// # Panics
    /// When the storage fails.
    pub fn put_people(&self, people: &[Person]) {
        let rows = people.iter().map(|person| Ok(ImportedPerson { person: *person, with_sums: true }));
        self.production().import_people(rows, |_| {}).unwrap_or_else(complain);
    }

    /// Blocks or frees a card.
    ///
    /// # Panics
    /// When the storage fails.
    pub fn set_card(&self, card: [u8; 12], reason: Option<BlockReason>) {
        self.production().set_cards(&[(card, reason)]).unwrap_or_else(complain);
    }

    /// Gives a terminal the rights of a kiosk.
    ///
    /// # Panics
    /// When they cannot be stored.
    pub fn stand_as_kiosk(&self, terminal: TerminalId) {
        let row = DeskRow { terminal, desk: Desk::Kiosk, district: None };
        self.center.service.set_desk(&row).unwrap_or_else(complain);
    }

    /// Sets limits for every terminal.
    ///
    /// # Panics
    /// When the storage fails or does not take them.
    pub fn set_limits(&self, limits: &OfflineLimits) {
        self.production().set_limits(None, limits).unwrap_or_else(complain);
    }

    /// The production zone.
    pub fn production(&self) -> &Production {
        &self.center.production
    }

    /// The center itself.
    pub fn center(&self) -> &Center {
        &self.center
    }

    /// Where terminals enrol.
    pub fn enrolment_url(&self) -> String {
        format!("https://localhost:{}", self.ports.0)
    }

    /// Where terminals work.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.ports.1)
    }

    /// The port where terminals work.
    pub fn port(&self) -> u16 {
        self.ports.1
    }

    /// Both ports: for enrolment and for work.
    pub fn ports(&self) -> (u16, u16) {
        self.ports
    }

    /// File of the authority's certificate, PEM.
    pub fn authority(&self) -> PathBuf {
        self.center.authority_path()
    }

    /// What the center has noted, as its logs show it: audit and alarms.
    ///
    /// # Panics
    /// When the storage fails.
    pub fn log(&self) -> String {
        let storage = self.production().storage();
        let audit = storage.audit(1_000).unwrap_or_else(|error| panic!("{error}"));
        let alarms = storage.alarms(1_000).unwrap_or_else(|error| panic!("{error}"));
        let mut text: String = audit.iter().map(|row| format!("{row:?}\n")).collect();
        text.extend(
            alarms.iter().map(|row| {
                format!("{} {} {:?} {}\n", row.number, row.at, row.alarm.kind, row.alarm.sequence)
            }),
        );
        text
    }

    fn edge(&self) -> std::sync::MutexGuard<'_, Edge> {
        self.edge.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TestCenter {
    /// Waits until its ports are free.
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for TestCenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ports, reserved) = (self.ports, &self.reserved);
        f.debug_struct("TestCenter")
            .field("ports", &ports)
            .field("reserved", reserved)
            .finish_non_exhaustive()
    }
}

fn complain<T>(error: Error) -> T {
    panic!("{error}")
}

/// The roots of a test country, as a center's software module reads them.
fn issuer_keys(keys: TestKeys) -> String {
    let rows: Vec<_> = [Algorithm::TripleDes, Algorithm::Sm4]
        .into_iter()
        .flat_map(|algorithm| [("load", KeyName::DLK, algorithm), ("tac", KeyName::DTK, algorithm)])
        .map(|(usage, name, algorithm)| {
            serde_json::json!({
                "use": usage,
                "algorithm": algorithm.id(),
                "version": 1,
                "levels": card_key(name).map_or(2, |row| row.levels),
                "key": hex::encode(keys.root(name, algorithm, 1).as_bytes()),
            })
        })
        .collect();
    serde_json::Value::Array(rows).to_string()
}

/// Two neighbouring ports that are one test's alone, also while nobody listens on them.
#[derive(Debug)]
struct Ports {
    first: u16,
    /// Held as long as the test runs: other processes of these tests look for it.
    _lock: Option<File>,
}

impl Ports {
    /// Looks for two that nobody listens on and no other test has taken.
    fn reserve() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let span = PORTS.end - PORTS.start;
        let begin = std::process::id().wrapping_mul(97) as u16 % span;
        let folder = std::env::temp_dir().join("jinbao-test-ports");
        // Another user's folder cannot be used, and then the look at the ports has to do.
        let _ = fs::create_dir_all(&folder);
        for _ in 0..span / 2 {
            let first = PORTS.start + ((begin.wrapping_add(NEXT.fetch_add(2, Ordering::SeqCst)) % span) & !1);
            let lock = File::create(folder.join(first.to_string())).ok();
            let is_taken = lock.as_ref().is_some_and(|lock| lock.try_lock().is_err());
            let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
            if !is_taken && free(first) && free(first + 1) {
                return Ports { first, _lock: lock };
            }
        }
        panic!("no two neighbouring ports of {PORTS:?} are free");
    }
}
