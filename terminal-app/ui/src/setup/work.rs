//! What the wizard's desk does: the steps of [`edge::setup::Installation`].

use std::{
    ops::ControlFlow,
    thread,
    time::{Duration, Instant},
};

use edge::{
    checks::{Check, Health},
    fill::Ended,
    indicator::{Sign, try_sign},
    options::Options,
    setup::{Found, Installation, try_printer, try_sensor},
};
use terminal::{
    language::Language,
    receipt::COLUMNS_80_MM,
    setup::{CenterChosen, DevicesChosen, PinsChosen, PlaceChosen, PrinterChosen, Setup, Step},
};
use zeroize::Zeroizing;

use super::state::MetCenter;
use crate::{
    desk::{Halt, ScreenPad, Teller, Told, Work},
    trouble::Trouble,
};

/// How long a training card is waited for.
const CARD_MS_MAX: u32 = 120_000;

/// How often what hangs on the machine is looked at.
const LOOK_MS: u64 = 800;

/// How often a set-up that somebody else does is asked for again.
const REOPEN_MS: u64 = 2_000;

/// What the wizard asks for.
#[derive(PartialEq, Eq)]
pub enum Command {
    /// How far it is.
    Look,
    /// The language.
    Language(Language),
    /// Which terminal.
    Place(PlaceChosen),
    /// Looks for a sensor on this line.
    TrySensor(String),
    /// Prints a line.
    TryPrinter(PrinterChosen),
    /// Lets a lamp shine or the buzzer sound for a moment.
    TryLamp {
        /// Which.
        sign: Sign,
        /// The lines that are chosen.
        pins: PinsChosen,
        /// A slot of the board, for what hangs there.
        board: Option<String>,
    },
    /// Which devices.
    Devices(DevicesChosen),
    /// Asks a center for its certificate.
    Meet {
        /// Address for business, kept for later.
        address: String,
        /// Address for enrolment, which is asked.
        enrolment: String,
    },
    /// The center was compared.
    Center(CenterChosen),
    /// The one-time code.
    Enrol(Zeroizing<String>),
    /// Keys and books, with the first supervisor's number and secret.
    Seal(Option<(String, Zeroizing<String>)>),
    /// Fills the cache.
    Fill,
    /// Tests everything.
    SelfTest,
    /// Forgets that it was tested, and tests again.
    ProveAgain,
    /// A visit in training.
    Train,
    /// The report.
    Report,
}

impl std::fmt::Debug for Command {
    /// Its name: codes and secrets are not written anywhere.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Look => "Look",
            Self::Language(_) => "Language",
            Self::Place(_) => "Place",
            Self::TrySensor(_) => "TrySensor",
            Self::TryPrinter(_) => "TryPrinter",
            Self::TryLamp { .. } => "TryLamp",
            Self::Devices(_) => "Devices",
            Self::Meet { .. } => "Meet",
            Self::Center(_) => "Center",
            Self::Enrol(_) => "Enrol",
            Self::Seal(_) => "Seal",
            Self::Fill => "Fill",
            Self::SelfTest => "SelfTest",
            Self::ProveAgain => "ProveAgain",
            Self::Train => "Train",
            Self::Report => "Report",
        })
    }
}

/// One check of the self-test, in both languages of the terminal's words at once where it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// How it is.
    pub health: Health,
    /// What was looked at.
    pub title: String,
    /// What was found.
    pub text: String,
    /// What to do; empty where there is nothing to do.
    pub advice: String,
}

/// What the wizard is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// How far it is now; the command under way is done.
    Standing(Box<Setup>),
    /// What hangs on the machine.
    Found(Found),
    /// What a sensor said of itself.
    Sensor {
        /// Where it was looked for.
        device: String,
        /// What it said.
        said: Result<String, Trouble>,
    },
    /// How the printer did.
    Printer(Result<(), Trouble>),
    /// A lamp has shone, or why not.
    Lamp(Sign, Result<(), Trouble>),
    /// A center, to be compared.
    Met(MetCenter),
    /// How far the fill is.
    FilledTo {
        /// Changes applied.
        cursor: u64,
        /// Changes there are.
        newest: u64,
    },
    /// The fill has ended.
    FillEnded(Ended),
    /// One more check.
    Checked(Row),
    /// The training visit's receipt.
    Trained(Vec<String>),
    /// The command under way has failed; nothing was settled.
    Failed(Trouble),
}

/// The wizard's desk.
pub struct SetupWork {
    installation: Installation,
    pad: ScreenPad<Event>,
    halt: Halt,
    found: Option<Found>,
    look_at: Instant,
    /// Whether somebody looks at what hangs on the machine.
    is_looking: bool,
}

impl SetupWork {
    /// Takes up the set-up; waits while somebody else does it.
    pub fn open(
        options: &Options,
        pad: ScreenPad<Event>,
        halt: Halt,
        teller: &Teller<Event>,
    ) -> Option<Self> {
        let mut last = None;
        while !halt.is_asked() {
            match Installation::open(options) {
                Ok(installation) => {
                    teller.event(Event::Standing(Box::new(installation.setup().clone())));
                    return Some(SetupWork {
                        installation,
                        pad,
                        halt,
                        found: None,
                        look_at: Instant::now(),
                        is_looking: true,
                    });
                }
                Err(failure) => {
                    let trouble = Trouble::of(&failure);
                    if last.as_ref() != Some(&trouble) {
                        last = Some(trouble.clone());
                        teller.event(Event::Failed(trouble));
                    }
                }
            }
            let again = Instant::now() + Duration::from_millis(REOPEN_MS);
            while Instant::now() < again && !halt.is_asked() {
                thread::sleep(Duration::from_millis(50));
            }
        }
        None
    }

    fn do_it(&mut self, command: Command, teller: &Teller<Event>) -> Result<(), edge::failure::Failure> {
        let installation = &mut self.installation;
        match command {
            Command::Look => {}
            Command::Language(language) => installation.choose_language(language)?,
            Command::Place(place) => installation.choose_place(place)?,
            Command::Devices(devices) => installation.choose_devices(devices)?,
            Command::Center(center) => installation.choose_center(center)?,
            Command::Enrol(code) => installation.enrol(code.trim())?,
            Command::Seal(supervisor) => {
                let supervisor = supervisor.as_ref();
                installation.seal(supervisor.map(|(number, secret)| (number.as_str(), secret.as_bytes())))?;
            }
            Command::TrySensor(device) => {
                let said = try_sensor(&device, None).map_err(|failure| Trouble::of(&failure));
                teller.event(Event::Sensor { device, said });
                return Ok(());
            }
            Command::TryPrinter(printer) => {
                let language = installation.setup().language();
                let text = language.pick("金保终端：打印机正常", "Jinbao terminal: the printer works");
                let said = try_printer(&printer, Some(text)).map_err(|failure| Trouble::of(&failure));
                teller.event(Event::Printer(said));
                return Ok(());
            }
            Command::TryLamp { sign, pins, board } => {
                let said = try_sign(sign, &pins, board.as_deref()).map_err(|failure| Trouble::of(&failure));
                teller.event(Event::Lamp(sign, said));
                return Ok(());
            }
            Command::Meet { address, enrolment } => {
                let met = installation.meet_center(&enrolment)?;
                teller.event(Event::Met(MetCenter {
                    address,
                    enrolment,
                    fingerprint: met.fingerprint,
                    authority: met.authority,
                    took_ms: met.took_ms,
                    offset_ms: met.offset_ms,
                    clock_is_off: met.clock_is_off,
                }));
                return Ok(());
            }
            Command::Fill => {
                self.halt.forget();
                let halt = self.halt.clone();
                let ended = installation.fill(&mut |progress| {
                    teller.event(Event::FilledTo { cursor: progress.cursor, newest: progress.newest });
                    if halt.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                })?;
                teller.event(Event::FillEnded(ended));
                if ended != Ended::Complete {
                    return Ok(());
                }
            }
            Command::SelfTest => self.test(teller)?,
            Command::ProveAgain => {
                installation.prove_again()?;
                self.test(teller)?;
            }
            Command::Train => {
                let progress = teller.clone();
                let receipt = installation.train(
                    Box::new(self.pad.clone()),
                    CARD_MS_MAX,
                    Box::new(move |step| progress.tell(Told::Progress(step))),
                )?;
                let text = receipt.text(COLUMNS_80_MM, installation.setup().language());
                teller.event(Event::Trained(text.lines().map(str::to_owned).collect()));
            }
            Command::Report => {
                installation.report()?;
            }
        }
        teller.event(Event::Standing(Box::new(self.installation.setup().clone())));
        Ok(())
    }

    fn test(&mut self, teller: &Teller<Event>) -> Result<(), edge::failure::Failure> {
        self.installation.self_test(&mut |check: &Check| {
            teller.event(Event::Checked(Row {
                health: check.health,
                title: check.title.clone(),
                text: check.text.clone(),
                advice: check.advice.clone().unwrap_or_default(),
            }));
        })
    }
}

impl Work for SetupWork {
    type Command = Command;
    type Event = Event;

    fn run(&mut self, command: Command, teller: &Teller<Event>) {
        if let Err(failure) = self.do_it(command, teller) {
            teller.event(Event::Failed(Trouble::of(&failure)));
        }
        self.is_looking = self.installation.setup().step().is_some_and(|step| step <= Step::SelfTest);
    }

    fn idle(&mut self, teller: &Teller<Event>) -> Duration {
        let nap = Duration::from_millis(LOOK_MS);
        if self.is_looking && Instant::now() >= self.look_at {
            let found = self.installation.look();
            if self.found.as_ref() != Some(&found) {
                self.found = Some(found.clone());
                teller.event(Event::Found(found));
            }
            self.look_at = Instant::now() + nap;
        }
        nap
    }
}
