//! Setting this machine up: what each step of [`terminal::setup`] does to it.
//!
//! [`Installation`] keeps `setup.json` in the terminal's folder, written whole after each step. Every step can be done
//! again and harms nothing: a start after a power cut goes on at the step that was under way. The one-time code is
//! typed for the enrolment and written nowhere.

mod look;

use std::{fs, io, ops::ControlFlow};

use hal::{
    clock::{Clock, SystemClock},
    pin_pad::PinPad,
};
use protocol::timestamp::Timestamp;
use terminal::{
    audit::Actor,
    cache,
    error::Error,
    language::Language,
    progress::Progress,
    receipt::Receipt,
    roles::{NewOperator, PBKDF2_ITERATIONS, Role},
    setup::{
        Answer, CenterChosen, CommissioningReport, DevicesChosen, Enrolled, Filled, Fingerprint, KeysMade,
        Outcome, PlaceChosen, PrinterChosen, Reported, SelfTested, Setup, SetupError, SignedReport, Step,
        Tested,
    },
};

pub use self::look::{Found, FoundSlot, Looker, try_printer, try_sensor};
use crate::{
    certificate,
    checks::{self, Check, Health},
    config::{Board, Config, Readers, Sensor, Voice},
    data_dir,
    enrolment::{self, Order, contact_failure},
    failure::{EdgeError, Failure, file_error},
    fill::{self, Ended},
    first_contact, font,
    lock::{LOCK_TIMEOUT_MS, Lock},
    options::Options,
    reader,
    terminal::Terminal,
    training::{self, Borrowed},
    voice::{self, Recorded},
    words,
};

/// A center that was met for the first time.
#[derive(Clone, Debug)]
pub struct Met {
    /// Fingerprint of its authority, to be compared with the one on paper.
    pub fingerprint: Fingerprint,
    /// Name of the authority.
    pub authority: String,
    /// How long meeting it took.
    pub took_ms: u64,
    /// How far the center's clock is ahead of this machine's; `None` when it did not say.
    pub offset_ms: Option<i64>,
    /// Whether that is too much for an enrolment; without a word of the center, whether this machine's clock lies before
    /// its authority was made.
    pub clock_is_off: bool,
}

/// The set-up of this machine. While it lives, nobody else sets the machine up.
pub struct Installation {
    options: Options,
    setup: Setup,
    looker: Looker,
    _lock: Lock,
}

impl Installation {
    /// Takes up the set-up where it was left, or begins one.
    ///
    /// A terminal that is enrolled already, by `jinbao enrol` or by a set-up whose file is gone, is taken as it is.
    /// Errors: `InUse`, `OtherKind` in training, the file's own (`Setup`).
    pub fn open(options: &Options) -> Result<Self, Failure> {
        if options.data.is_training() {
            return Err(EdgeError::OtherKind.into());
        }
        options.data.prepare()?;
        let lock = Lock::take(&options.data.setup_lock(), LOCK_TIMEOUT_MS)?;
        let path = options.data.setup();
        let setup = match fs::read(&path) {
            Ok(bytes) => Setup::from_json(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Setup::new(now()),
            Err(error) => return Err(file_error(&path)(error).into()),
        };
        let mut installation =
            Installation { options: options.clone(), setup, looker: Looker::default(), _lock: lock };
        installation.adopt()?;
        Ok(installation)
    }

    /// How far it is.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The options it was opened with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What is in the files already counts as settled: the power may have gone between a step and its note.
    fn adopt(&mut self) -> Result<(), Failure> {
        let config = match Config::read(&self.options.data) {
            Ok(config) => config,
            Err(EdgeError::NotEnrolled) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if self.setup.is_settled(Step::Enrolment) {
            return Ok(());
        }
        let known = enrolment::known(&self.options.data)?;
        if self.setup.step() == Some(Step::Language) {
            self.settle(Answer::Language(Language::default()))?;
        }
        if self.setup.place().is_none_or(|place| place.terminal != config.terminal) {
            self.settle(Answer::Place(PlaceChosen { terminal: config.terminal, face: config.face }))?;
        }
        if self.setup.devices().is_none() {
            self.settle(Answer::Devices(devices_of(&config)))?;
        }
        if let Ok(fingerprint) = known.authority_fingerprint.parse::<Fingerprint>() {
            let center = &config.center;
            let chosen =
                CenterChosen::compared(&center.address, &center.enrolment, fingerprint.clone(), fingerprint)?;
            self.settle(Answer::Center(chosen))?;
        }
        self.settle(Answer::Enrolment(enrolled_of(&known)?))
    }

    fn settle(&mut self, answer: Answer) -> Result<(), Failure> {
        let mut setup = self.setup.clone();
        setup.settle(answer)?;
        self.keep(setup)
    }

    fn keep(&mut self, setup: Setup) -> Result<(), Failure> {
        data_dir::write_atomic(&self.options.data.setup(), &setup.to_json())?;
        self.setup = setup;
        Ok(())
    }

    /// Language. Can be chosen again at any time.
    pub fn choose_language(&mut self, language: Language) -> Result<(), Failure> {
        self.settle(Answer::Language(language))
    }

    /// Which terminal, and what for.
    pub fn choose_place(&mut self, place: PlaceChosen) -> Result<(), Failure> {
        self.settle(Answer::Place(place))?;
        self.apply_devices()
    }

    /// What hangs on the machine now; call it again while things are plugged in.
    pub fn look(&mut self) -> Found {
        self.looker.look(&self.options)
    }

    /// Which devices to use. On an enrolled terminal the settings change at once.
    pub fn choose_devices(&mut self, devices: DevicesChosen) -> Result<(), Failure> {
        self.settle(Answer::Devices(devices))?;
        self.apply_devices()
    }

    /// Writes face and devices into the settings, where there are settings.
    fn apply_devices(&self) -> Result<(), Failure> {
        let (Some(place), Some(devices)) = (self.setup.place(), self.setup.devices()) else { return Ok(()) };
        let mut config = match Config::read(&self.options.data) {
            Ok(config) => config,
            Err(EdgeError::NotEnrolled) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let before = config.clone();
        config.face = place.face;
        config.readers = readers_of(devices);
        config.board = devices.board.clone().map(|reader| Board { reader });
        config.pins = devices.pins;
        config.sensor = devices.sensor.clone().map(|device| Sensor { device });
        // Which program plays them is nothing that the set-up asks for.
        let player = config.voice.take().and_then(|voice| voice.player);
        let folder = devices.voice.clone();
        config.voice = (player.is_some() || folder.is_some()).then_some(Voice { folder, player });
        config.printer = devices.printer.as_ref().map(look::printer_of);
        if config != before {
            config.write(&self.options.data)?;
        }
        Ok(())
    }

    /// Connects to a center and gives what is to be compared by eye, and by how much the clocks differ. Nothing is sent but
    /// the question for the time, and nothing is kept.
    ///
    /// Errors: `Argument` for no address, the line's.
    pub fn meet_center(&self, enrolment: &str) -> Result<Met, Failure> {
        let clock = SystemClock::start();
        let shown = first_contact::shown(enrolment).map_err(contact_failure)?;
        let facts = certificate::facts(&shown.authority)?;
        Ok(Met {
            fingerprint: fingerprint_of(&facts.fingerprint)?,
            authority: facts.subject,
            took_ms: clock.monotonic_ms(),
            offset_ms: shown.offset_ms,
            clock_is_off: match shown.offset_ms {
                Some(_) => shown.clock_off_ms().is_some(),
                None => clock.unix_ms() < facts.not_before_ms,
            },
        })
    }

    /// Takes a center whose fingerprint was compared: see [`CenterChosen::compared`].
    pub fn choose_center(&mut self, center: CenterChosen) -> Result<(), Failure> {
        self.settle(Answer::Center(center))
    }

    /// Enrols with the one-time code, which is sent once and kept nowhere. Keys are made for it and sealed.
    ///
    /// Errors: `NotYet`, the center's refusal of the code, `Fingerprint` when another authority shows up now, `ClockOff`.
    pub fn enrol(&mut self, code: &str) -> Result<(), Failure> {
        let (Some(place), Some(devices), Some(center)) =
            (self.setup.place(), self.setup.devices(), self.setup.center())
        else {
            return Err(self.too_early(Step::Enrolment));
        };
        let order = Order {
            terminal: place.terminal,
            center: center.address.clone(),
            enrolment: center.enrolment.clone(),
            authority: enrolment::authority(&center.enrolment, center.fingerprint.as_str())?,
            readers: readers_of(devices),
        };
        let enrolled = enrolment::enrol(&self.options.data, &order, code)?;
        self.settle(Answer::Enrolment(enrolled_of(&enrolled)?))?;
        self.apply_devices()
    }

    fn too_early(&self, step: Step) -> Failure {
        SetupError::NotYet { step, now: self.setup.step().unwrap_or(step) }.into()
    }

    fn require(&self, step: Step) -> Result<(), Failure> {
        match self.setup.step() {
            Some(now) if now < step => Err(SetupError::NotYet { step, now }.into()),
            _ => Ok(()),
        }
    }

    /// Whether a supervisor is there already, so that none has to be made up.
    ///
    /// Errors: `NotYet`, those of keys and books.
    pub fn has_supervisor(&self) -> Result<bool, Failure> {
        self.require(Step::Keys)?;
        has_supervisor(&Terminal::open(self.options.data.clone())?)
    }

    /// Opens the sealed keys and lays the books out; adds the first supervisor where one is given and there is none.
    ///
    /// Errors: `NotYet`, those of keys and books, of a secret that is too short.
    pub fn seal(&mut self, supervisor: Option<(&str, &[u8])>) -> Result<(), Failure> {
        self.require(Step::Keys)?;
        // A cut between enrolment and this may have left settings without devices.
        self.apply_devices()?;
        let mut terminal = Terminal::open(self.options.data.clone())?;
        let mut has_supervisor = has_supervisor(&terminal)?;
        if let (Some((number, secret)), false) = (supervisor, has_supervisor) {
            let operator =
                NewOperator { number, role: Role::Supervisor, secret, iterations: PBKDF2_ITERATIONS };
            let at = terminal.now();
            let set = terminal.ledger.set_operator(&operator, &mut terminal.random, Actor::default(), at);
            set.map_err(Error::from)?;
            has_supervisor = true;
        }
        let identity = terminal.cabinet.identity()?.public();
        self.settle(Answer::Keys(KeysMade { identity, has_supervisor }))
    }

    /// Fills the cache; `page` is told how far it is and may pause it: `Stopped`. The next call goes on from there.
    ///
    /// Errors: `NotYet`, the line, the center's refusal, a disk that is full.
    pub fn fill(
        &mut self,
        page: &mut dyn FnMut(cache::Progress) -> ControlFlow<()>,
    ) -> Result<Ended, Failure> {
        self.require(Step::Fill)?;
        let mut terminal = Terminal::open(self.options.data.clone())?;
        let ended = fill::run(&mut terminal, page)?;
        if ended == Ended::Complete {
            let progress = terminal.cache.progress().map_err(Error::from)?;
            let filled = Filled {
                cursor: progress.cursor,
                newest: progress.newest,
                rules_revision: terminal.cache.rules_revision().map_err(Error::from)?,
                clock_offset_ms: terminal.watch.offset_ms(),
            };
            drop(terminal);
            self.settle(Answer::Fill(filled))?;
        }
        Ok(ended)
    }

    /// Looks at everything; each check is told as soon as it is known. The same list as `jinbao doctor`.
    ///
    /// Errors: `NotYet`, `NotPassed` when something has to be repaired first; `found` has been told what.
    pub fn self_test(&mut self, found: &mut dyn FnMut(&Check)) -> Result<(), Failure> {
        self.require(Step::SelfTest)?;
        let checks = checks::examine(&self.options, self.setup.language(), found);
        self.settle(Answer::SelfTest(SelfTested {
            at: now(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            checks: checks.iter().map(tested_of).collect(),
        }))
    }

    /// A whole visit in training, over the machine's reader and printer: see [`training::transaction`].
    ///
    /// Gives the receipt, for the installer to see. Errors: `NotYet`, as for a visit.
    pub fn train(
        &mut self,
        pin_pad: Box<dyn PinPad + Send>,
        wait_ms: u32,
        progress: Box<dyn FnMut(Progress) + Send>,
    ) -> Result<Receipt, Failure> {
        self.require(Step::Training)?;
        let borrowed = Borrowed::of(&self.options.data);
        let options = training::prepare_with(&self.options, &borrowed)?;
        let done = training::transaction(&options, pin_pad, self.setup.language(), wait_ms, progress)?;
        self.settle(Answer::Training(done.trained))?;
        Ok(done.receipt)
    }

    /// Makes the commissioning report: signed text (`commissioning.json`), and a PDF where a font is installed.
    ///
    /// Errors: `NotYet`, those of files and keys.
    pub fn report(&mut self) -> Result<SignedReport, Failure> {
        self.require(Step::Report)?;
        let made = now();
        let parts = self.parts();
        let report =
            CommissioningReport::of(&self.setup, parts, made).ok_or_else(|| self.too_early(Step::Report))?;
        let data = self.options.data.clone();
        let terminal = Terminal::open(data.clone())?;
        let signed = report.sign(&terminal.cabinet.identity()?);
        drop(terminal);
        let json = data.commissioning("json");
        let text = serde_json::to_vec_pretty(&signed).unwrap_or_default();
        data_dir::write_atomic(&json, &text)?;
        let file = match font::open(None) {
            Ok(font) => {
                let pdf = data.commissioning("pdf");
                let bytes = signed.pdf(&font, self.setup.language()).map_err(|_| EdgeError::NoFont)?;
                data_dir::write_atomic(&pdf, &bytes)?;
                pdf
            }
            // The signed text is the report; the page of it can be made on another machine.
            Err(EdgeError::NoFont) => json,
            Err(error) => return Err(error.into()),
        };
        self.settle(Answer::Report(Reported {
            digest: hex::encode(signed.digest().0),
            file: file.display().to_string(),
            at: made,
        }))?;
        Ok(signed)
    }

    /// Serials and versions of what hangs on the machine.
    fn parts(&mut self) -> Vec<(String, String)> {
        let language = self.setup.language();
        let name = |chinese: &str, english: &str| language.pick(chinese, english).to_owned();
        let mut parts = vec![(name("程序", "Program"), format!("jinbao {}", env!("CARGO_PKG_VERSION")))];
        if let Ok(release) = fs::read_to_string("/etc/os-release") {
            let pretty = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
            parts.extend(pretty.map(|pretty| (name("系统", "System"), pretty.trim_matches('"').to_owned())));
        }
        if let Ok(kernel) = fs::read_to_string("/proc/sys/kernel/osrelease") {
            parts.push((name("内核", "Kernel"), kernel.trim().to_owned()));
        }
        let found = self.look();
        if let Some(version) = found.service_version {
            parts.push((name("卡服务", "Card service"), format!("pcscd {version}")));
        }
        for slot in found.slots {
            let kind = if slot.is_psam { name("PSAM 卡槽", "PSAM slot") } else { name("卡槽", "Slot") };
            parts.push((kind, slot.name));
        }
        if let Some(serial) = reader::psam_serial(&self.options) {
            parts.push((name("PSAM 序列号", "PSAM serial"), serial.to_string()));
        }
        for (numbers, product) in found.usb {
            parts.push((name("USB 读卡器", "USB reader"), format!("{numbers} {product}").trim().to_owned()));
        }
        let devices = self.setup.devices().cloned().unwrap_or_default();
        if let Some(reader) = &devices.board {
            let board = hal::board::Board::new(reader);
            if let Ok(identity) = board.identify() {
                let [major, minor, patch] = identity.version;
                let text = format!("{} {} {major}.{minor}.{patch}", identity.board, identity.serial);
                parts.push((name("读卡主板", "Reader board"), text));
            }
        }
        if let Some(device) = &devices.sensor {
            let config = Config::read(&self.options.data).ok();
            let said = try_sensor(device, config.as_ref()).unwrap_or_default();
            parts.push((name("指纹仪", "Sensor"), format!("{device} {said}").trim().to_owned()));
        }
        if let Some(printer) = &devices.printer {
            parts.push((name("打印机", "Printer"), format!("{}, {}", printer.device, printer.columns)));
        }
        if let Some(pins) = devices.pins {
            let chip = devices.gpio.unwrap_or_default();
            parts
                .push((name("指示灯引脚", "Lamp lines"), format!("{chip} {}", words::pins(&pins, language))));
        }
        if devices.board.is_some() {
            parts.push((
                name("主板灯", "Board lamps"),
                name("绿、黄、红、蜂鸣器", "green, yellow, red, buzzer"),
            ));
        }
        let recorded = Recorded::count(&voice::folder_named(&self.options, devices.voice.as_deref()));
        if !recorded.is_empty() {
            parts.push((name("录音", "Recordings"), words::recorded(&recorded, language)));
        }
        parts
    }

    /// Forgets self-test, training transaction and report, to prove the terminal anew after a repair.
    pub fn prove_again(&mut self) -> Result<(), Failure> {
        let mut setup = self.setup.clone();
        setup.prove_again();
        self.keep(setup)
    }
}

fn has_supervisor(terminal: &Terminal) -> Result<bool, Failure> {
    let operators = terminal.ledger.operators().map_err(Error::from)?;
    Ok(operators.iter().any(|operator| operator.active && operator.role == Role::Supervisor))
}

fn now() -> Timestamp {
    Timestamp(SystemClock::start().unix_ms())
}

fn fingerprint_of(digits: &str) -> Result<Fingerprint, Failure> {
    let wrong = |_| EdgeError::Certificate { problem: "no fingerprint".to_owned() };
    Ok(digits.parse().map_err(wrong)?)
}

fn enrolled_of(known: &enrolment::Enrolled) -> Result<Enrolled, Failure> {
    Ok(Enrolled {
        city: known.city,
        institution_code: known.institution_code.clone(),
        institution_name: known.institution_name.clone(),
        level: known.level,
        certificate_until: Timestamp(known.certificate.not_after_ms),
        certificate: fingerprint_of(&known.certificate.fingerprint)?,
    })
}

fn readers_of(devices: &DevicesChosen) -> Readers {
    Readers { card: devices.card.clone(), psam: devices.psam.clone() }
}

fn devices_of(config: &Config) -> DevicesChosen {
    DevicesChosen {
        card: config.readers.card.clone(),
        psam: config.readers.psam.clone(),
        board: config.board.as_ref().map(|board| board.reader.clone()),
        sensor: config.sensor.as_ref().map(|sensor| sensor.device.clone()),
        printer: config.printer.as_ref().map(|printer| PrinterChosen {
            device: printer.device.clone(),
            columns: printer.columns,
            baud: printer.baud,
        }),
        gpio: None,
        pins: config.pins,
        voice: config.voice.as_ref().and_then(|voice| voice.folder.clone()),
    }
}

fn tested_of(check: &Check) -> Tested {
    Tested {
        name: check.name.to_owned(),
        title: check.title.clone(),
        outcome: match check.health {
            Health::Good => Outcome::Good,
            Health::Look => Outcome::Look,
            Health::Bad => Outcome::Bad,
            Health::NotChecked => Outcome::NotThere,
        },
        text: check.text.clone(),
    }
}

#[cfg(test)]
mod tests;
