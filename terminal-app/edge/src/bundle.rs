//! A bundle for support (支持包): how a terminal is, without anybody's data.
//!
//! It cannot hold any: what goes in is of types that are counters, versions, enums, and names of devices. The words of
//! checks, which name institutions and operators, stay out.

use std::{collections::BTreeMap, io, path::Path};

use card_spec::region::RegionCode;
use hal::{
    clock::{Clock, SystemClock},
    pcsc::{CcidDescriptor, Limits, Service, examine},
};
use protocol::{id::TerminalId, timestamp::Timestamp};
use serde::Serialize;
use terminal::{
    error::Error,
    language::Language,
    setup::{Setup, Step},
};

use crate::{
    checks::{self, Health},
    config::Config,
    data_dir,
    failure::{Failure, file_error},
    options::Options,
    reader,
    terminal::Terminal,
    voice::{self, Recorded},
};

/// Entries of the audit that are counted at most.
const AUDIT_ENTRIES_MAX: u32 = 100_000;

/// Characters of a device's name that are taken.
const DEVICE_CHARS_MAX: usize = 80;

const README: &str = "Support bundle of a Jinbao terminal. Counters, versions and names of devices; no person, no card, no key.\n\
    金保终端支持包：只有计数、版本和设备名称，没有个人信息、卡号或密钥。\n";

/// A name that a device gives itself: short, and nothing but printing characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceName(String);

impl DeviceName {
    /// What a device says, cut down.
    pub fn new(said: &str) -> Self {
        DeviceName(said.chars().filter(|c| !c.is_control()).take(DEVICE_CHARS_MAX).collect())
    }
}

/// Versions, and which terminal it is.
#[derive(Clone, Debug, Serialize)]
pub struct About {
    /// When the bundle was made.
    pub made: Timestamp,
    /// Version of the program.
    pub program: &'static str,
    /// Version of the kernel.
    pub kernel: Option<DeviceName>,
    /// Terminal number.
    pub terminal: Option<TerminalId>,
    /// City.
    pub city: Option<RegionCode>,
    /// Steps of the set-up that are settled; `None` when it was not set up by steps.
    pub setup: Option<Vec<Step>>,
}

/// The queue in figures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Queue {
    /// Last sequence.
    pub sequence: u64,
    /// Last sequence with the center's verdict.
    pub answered: u64,
    /// Records that wait.
    pub waiting: u64,
    /// Transactions without an outcome.
    pub unresolved: u64,
    /// Refused by the center.
    pub refused: u64,
    /// In conflict with the center.
    pub conflicts: u64,
    /// Waiting for longer than the deadline.
    pub overdue: u64,
    /// Age of the oldest that waits.
    pub oldest_waiting_ms: Option<i64>,
    /// Whether business is stopped.
    pub is_halted: bool,
    /// Pages of the ledger in use.
    pub pages_used: u32,
    /// Whether the disk is full.
    pub ballast_spent: bool,
}

/// The cache in figures.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct CacheFigures {
    /// Generation of the feed.
    pub epoch: u64,
    /// Changes applied.
    pub cursor: u64,
    /// Changes there are.
    pub newest: u64,
    /// Its age; `None` while it is filled for the first time.
    pub age_ms: Option<i64>,
    /// Revision of the rules.
    pub rules_revision: u64,
    /// Version of the limits.
    pub limits_version: u64,
    /// How far the center's clock is ahead of ours.
    pub clock_offset_ms: Option<i64>,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// Readers, as service and USB see them.
#[derive(Clone, Debug, Serialize)]
pub struct Devices {
    /// Whether the card service runs.
    pub service: bool,
    /// Its version.
    pub service_version: Option<DeviceName>,
    /// Names of its slots, and whether a chip is in each.
    pub slots: Vec<(DeviceName, bool)>,
    /// Readers on USB.
    pub usb: Vec<Usb>,
    /// Number of the PSAM's own piece.
    pub psam_serial: Option<DeviceName>,
    /// Lines of lamps and buzzer: green, yellow, red, buzzer.
    pub lamp_lines: [Option<u8>; 4],
    /// How many of the kiosk's sentences are recorded.
    pub recorded: Recorded,
}

/// A reader on USB with its descriptor.
#[derive(Clone, Debug, Serialize)]
pub struct Usb {
    /// Vendor number.
    pub vendor_id: u16,
    /// Product number.
    pub product_id: u16,
    /// What it calls itself.
    pub product: DeviceName,
    /// Whether the driver's list has it.
    pub in_driver_list: Option<bool>,
    /// What it says of its abilities.
    pub ccid: Option<CcidDescriptor>,
}

/// All that goes into a bundle.
#[derive(Clone, Debug, Serialize)]
pub struct Bundle {
    /// Versions, and which terminal it is.
    pub about: About,
    /// The queue; `None` when the books cannot be opened.
    pub queue: Option<Queue>,
    /// The cache; `None` when it cannot be opened.
    pub cache: Option<CacheFigures>,
    /// Readers.
    pub devices: Devices,
    /// Each check by its word, and how it is.
    pub checks: Vec<(&'static str, Health)>,
    /// How often each kind of event was audited.
    pub audit: BTreeMap<String, u64>,
}

impl Bundle {
    /// Collects it. Changes nothing; what cannot be read is left out, since that is what support is called for.
    ///
    /// With `options.offline` the center is not asked.
    pub fn collect(options: &Options) -> Self {
        let checks = checks::examine(options, Language::English, &mut |_| {});
        let config = Config::read(&options.data).ok();
        let setup = std::fs::read(options.data.setup()).ok().and_then(|bytes| Setup::from_json(&bytes).ok());
        let settled = |setup: Setup| Step::ALL.into_iter().filter(|step| setup.is_settled(*step)).collect();
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok();
        let about = About {
            made: Timestamp(SystemClock::start().unix_ms()),
            program: env!("CARGO_PKG_VERSION"),
            kernel: kernel.map(|kernel| DeviceName::new(kernel.trim())),
            terminal: config.as_ref().map(|config| config.terminal),
            city: config.as_ref().map(|config| config.place.city),
            setup: setup.map(settled),
        };
        let terminal = Terminal::open(options.data.clone()).ok();
        Bundle {
            about,
            queue: terminal.as_ref().and_then(|terminal| queue(terminal).ok()),
            cache: terminal.as_ref().and_then(|terminal| cache(terminal).ok()),
            devices: devices(options, config.as_ref()),
            checks: checks.iter().map(|check| (check.name, check.health)).collect(),
            audit: terminal.as_ref().and_then(|terminal| audit(terminal).ok()).unwrap_or_default(),
        }
    }

    /// The bundle as an archive (tar) with one file for each part.
    ///
    /// Errors: none that a memory has; a writer's own.
    pub fn archive(&self) -> io::Result<Vec<u8>> {
        let mut archive = tar::Builder::new(Vec::new());
        let mut add = |name: &str, bytes: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(u64::try_from(self.about.made.0 / 1_000).unwrap_or_default());
            archive.append_data(&mut header, format!("jinbao-support/{name}"), bytes)
        };
        add("README.txt", README.as_bytes())?;
        add("about.json", &json(&self.about)?)?;
        add("queue.json", &json(&self.queue)?)?;
        add("cache.json", &json(&self.cache)?)?;
        add("devices.json", &json(&self.devices)?)?;
        add("checks.json", &json(&self.checks)?)?;
        add("audit.json", &json(&self.audit)?)?;
        archive.into_inner()
    }

    /// Writes the archive, whole or not at all; mode 0600.
    ///
    /// Errors: `File`.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let bytes = self.archive().map_err(file_error(path))?;
        Ok(data_dir::write_atomic(path, &bytes)?)
    }
}

fn json<T: Serialize>(part: &T) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(part)?;
    text.push(b'\n');
    Ok(text)
}

fn queue(terminal: &Terminal) -> Result<Queue, Error> {
    let (limits, now) = (terminal.cache.limits()?, terminal.now());
    let status = terminal.ledger.status(&limits, now)?;
    Ok(Queue {
        sequence: status.sequence,
        answered: status.answered,
        waiting: status.waiting,
        unresolved: status.unresolved,
        refused: status.refused,
        conflicts: status.conflicts,
        overdue: status.overdue,
        oldest_waiting_ms: status.oldest_waiting.map(|at| now.0.saturating_sub(at.0)),
        is_halted: status.halted.is_some(),
        pages_used: status.space.pages_used,
        ballast_spent: status.space.ballast_spent,
    })
}

fn cache(terminal: &Terminal) -> Result<CacheFigures, Error> {
    let progress = terminal.cache.progress()?;
    Ok(CacheFigures {
        epoch: progress.epoch,
        cursor: progress.cursor,
        newest: progress.newest,
        age_ms: terminal.cache.age_ms(terminal.now())?,
        rules_revision: terminal.cache.rules_revision()?,
        limits_version: terminal.cache.limits_version()?,
        clock_offset_ms: terminal.watch.offset_ms(),
        file_bytes: terminal.cache.file_bytes()?,
    })
}

/// Kinds of events and how often each was met; what an event says beside its kind is not looked at.
fn audit(terminal: &Terminal) -> Result<BTreeMap<String, u64>, Error> {
    let mut counts = BTreeMap::new();
    for entry in terminal.ledger.audit_entries(0, AUDIT_ENTRIES_MAX)? {
        let event = entry.event.map(|event| serde_json::to_value(event).unwrap_or_default());
        let kind = event.as_ref().and_then(|event| event["event"].as_str()).unwrap_or("unknown").to_owned();
        *counts.entry(kind).or_default() += 1;
    }
    Ok(counts)
}

fn devices(options: &Options, config: Option<&Config>) -> Devices {
    let pins = config.and_then(|config| config.pins).unwrap_or_default();
    let report = examine(&Limits::default());
    Devices {
        service: report.service == Service::Running,
        service_version: report.version.as_deref().map(DeviceName::new),
        slots: report
            .readers
            .iter()
            .map(|reader| (DeviceName::new(&reader.name), reader.state.has_card()))
            .collect(),
        usb: report
            .usb
            .into_iter()
            .map(|usb| Usb {
                vendor_id: usb.vendor_id,
                product_id: usb.product_id,
                product: DeviceName::new(&usb.product),
                in_driver_list: usb.in_driver_list,
                ccid: usb.ccid,
            })
            .collect(),
        psam_serial: reader::psam_serial(options).map(|serial| DeviceName::new(&serial.to_string())),
        lamp_lines: [pins.ready, pins.busy, pins.fault, pins.buzzer],
        recorded: Recorded::count(&voice::folder(options)),
    }
}
