//! The wizard without a screen: which step is shown, what may be pressed, what is asked of the desk.

use edge::{fill::Ended, setup::Found};
use protocol::id::TerminalId;
use terminal::{
    progress::Progress,
    setup::{CenterChosen, DevicesChosen, Face, PlaceChosen, PrinterChosen, Setup, Standing, Step},
};
use zeroize::{Zeroize, Zeroizing};

pub use super::input::{Busy, Effect, Form, Input, MetCenter, Problem, Seen};
use super::work::{Command, Event, Row};
use crate::{desk::Told, locale::Locale, trouble::Trouble};

/// Digits of a PIN at most.
const PIN_DIGITS_MAX: usize = 12;

/// Half-width columns of the two usual widths of paper.
const COLUMNS: [usize; 2] = [48, 32];

/// The wizard.
#[derive(Debug)]
pub struct Wizard {
    /// Its language.
    pub locale: Locale,
    /// What has been settled; `None` until the file was read.
    pub setup: Option<Setup>,
    /// The step that is looked at instead of the next one.
    looking_at: Option<Step>,
    /// The language was switched in passing: the page stays.
    keeps_page: bool,
    /// What is waited for.
    pub busy: Option<Busy>,
    /// What went wrong last.
    pub trouble: Option<Trouble>,
    /// Which field is wrong.
    pub problem: Option<Problem>,
    /// What the terminal is for.
    pub role: Face,
    /// What hangs on the machine.
    pub found: Found,
    /// Which of it is used.
    pub devices: DevicesChosen,
    /// What the sensor said of itself.
    pub sensor: Option<Result<String, Trouble>>,
    /// How the printer did.
    pub printer: Option<Result<(), Trouble>>,
    /// Lamps and buzzer are looked after.
    pub is_at_lamps: bool,
    /// What the installer has said of each, in the order of [`edge::indicator::Sign::ALL`].
    pub seen: [Seen; 4],
    /// The center that waits to be compared.
    pub met: Option<MetCenter>,
    /// The fingerprint was another one than on paper.
    pub is_foreign: bool,
    /// How far the fill is: applied, there are.
    pub filled: Option<(u64, u64)>,
    /// The fill was paused.
    pub is_paused: bool,
    /// What the self-test has found so far.
    pub checks: Vec<Row>,
    /// What the training visit is doing.
    pub progress: Option<Progress>,
    /// The receipt of the training visit, a line each.
    pub receipt: Vec<String>,
    /// Digits of the PIN that is being typed; `None` while none is asked for.
    pin: Option<Zeroizing<Vec<u8>>>,
}

impl Wizard {
    /// Before anything is known.
    pub fn new(locale: Locale) -> Self {
        Wizard {
            locale,
            setup: None,
            looking_at: None,
            keeps_page: false,
            busy: Some(Busy::Opening),
            trouble: None,
            problem: None,
            role: Face::default(),
            found: Found::default(),
            devices: DevicesChosen::default(),
            sensor: None,
            printer: None,
            is_at_lamps: false,
            seen: [Seen::Untried; 4],
            met: None,
            is_foreign: false,
            filled: None,
            is_paused: false,
            checks: Vec::new(),
            progress: None,
            receipt: Vec::new(),
            pin: None,
        }
    }

    /// The step on the screen; `None` when all is done, or nothing is known yet.
    pub fn step(&self) -> Option<Step> {
        self.looking_at.or_else(|| self.setup.as_ref()?.step())
    }

    /// All steps with how they stand.
    pub fn steps(&self) -> Vec<(Step, Standing)> {
        match &self.setup {
            Some(setup) => setup.steps().to_vec(),
            None => Step::ALL.map(|step| (step, Standing::Later)).to_vec(),
        }
    }

    /// Whether everything is settled and nothing else is looked at.
    pub fn is_done(&self) -> bool {
        self.looking_at.is_none() && self.setup.as_ref().is_some_and(Setup::is_done)
    }

    /// Whether an earlier step can be looked at.
    pub fn can_go_back(&self) -> bool {
        self.busy.is_none() && self.before().is_some()
    }

    /// Whether the step on the screen may be left forwards.
    pub fn can_go_on(&self) -> bool {
        if self.busy.is_some() {
            return false;
        }
        match self.step() {
            Some(Step::Devices) if self.is_at_lamps => true,
            Some(Step::Devices) => self.devices.psam.is_some() && self.devices.card.is_some(),
            // The center is taken by saying that the fingerprint is the same.
            Some(Step::Center) => self.settled(Step::Center),
            Some(_) => true,
            None => self.is_done(),
        }
    }

    /// Digits typed so far of a PIN that is asked for.
    pub fn pin_digits(&self) -> Option<usize> {
        self.pin.as_ref().map(|digits| digits.len())
    }

    fn settled(&self, step: Step) -> bool {
        self.setup.as_ref().is_some_and(|setup| setup.is_settled(step))
    }

    fn before(&self) -> Option<Step> {
        let at = match self.step() {
            Some(step) => Step::ALL.iter().position(|known| *known == step)?,
            None if self.setup.is_some() => Step::ALL.len(),
            None => return None,
        };
        at.checked_sub(1).and_then(|before| Step::ALL.get(before).copied())
    }

    /// What the installer does.
    pub fn on(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Language(locale) => self.choose_language(locale),
            Input::Digit(_) | Input::Erase | Input::Enter | Input::CancelPin => self.on_pin(&input),
            Input::Pause => self.pause(),
            // Two presses of one button are one.
            _ if self.busy.is_some() => Vec::new(),
            Input::Back if self.is_at_lamps => {
                self.leave_lamps();
                Vec::new()
            }
            Input::Back => {
                if let Some(before) = self.before() {
                    self.look_at(Some(before));
                    return self.arrive();
                }
                Vec::new()
            }
            Input::Next(form) => self.next(form),
            Input::Role(role) => {
                self.role = role;
                Vec::new()
            }
            Input::TrySensor(device) => {
                self.sensor = None;
                self.devices.sensor = None;
                self.ask(Busy::Sensor, Command::TrySensor(device))
            }
            Input::TryPrinter(device) => {
                self.choose_printer(&device);
                self.printer = None;
                match self.devices.printer.clone() {
                    Some(printer) => self.ask(Busy::Printer, Command::TryPrinter(printer)),
                    None => Vec::new(),
                }
            }
            Input::Paper => {
                if let Some(printer) = &mut self.devices.printer {
                    printer.columns = COLUMNS[usize::from(printer.columns == COLUMNS[0])];
                }
                Vec::new()
            }
            Input::Lamps | Input::TryLamp(..) | Input::Lit(_) | Input::Low | Input::UsualLines => {
                self.on_lamps(input)
            }
            Input::Meet(form) => self.meet(form),
            Input::Same => match self.met.take() {
                Some(met) => self.take_center(met),
                None => Vec::new(),
            },
            Input::Different => {
                self.is_foreign = self.met.take().is_some();
                Vec::new()
            }
            Input::Again => self.again(),
        }
    }

    /// What the desk tells.
    pub fn told(&mut self, told: Told<Event>) -> Vec<Effect> {
        match told {
            Told::Event(event) => self.event(event),
            Told::Progress(progress) => {
                self.progress = Some(progress);
                Vec::new()
            }
            Told::Pin(_) => {
                self.pin = Some(Zeroizing::default());
                Vec::new()
            }
            Told::PinOver => {
                self.pin = None;
                Vec::new()
            }
            Told::Broken => {
                self.busy = None;
                Vec::new()
            }
        }
    }

    fn event(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Standing(setup) => return self.stand(*setup),
            Event::Found(found) => {
                if self.step() == Some(Step::Devices) {
                    self.propose(&found);
                }
                self.found = found;
            }
            Event::Sensor { device, said } => {
                self.busy = None;
                if said.is_ok() {
                    self.devices.sensor = Some(device);
                }
                self.sensor = Some(said);
            }
            Event::Printer(said) => {
                self.busy = None;
                self.printer = Some(said);
            }
            Event::Lamp(sign, said) => {
                self.busy = None;
                match said {
                    Ok(()) => self.set_seen(sign, Seen::Asked),
                    Err(trouble) => {
                        self.set_seen(sign, Seen::Untried);
                        self.trouble = Some(trouble);
                    }
                }
            }
            Event::Met(met) => {
                self.busy = None;
                self.trouble = None;
                self.is_foreign = false;
                self.met = Some(met);
            }
            Event::FilledTo { cursor, newest } => self.filled = Some((cursor, newest)),
            Event::FillEnded(ended) => {
                if ended != Ended::Complete {
                    self.busy = None;
                    self.is_paused = true;
                }
            }
            Event::Checked(row) => self.checks.push(row),
            Event::Trained(lines) => self.receipt = lines,
            Event::Failed(trouble) => {
                self.busy = None;
                self.pin = None;
                self.progress = None;
                self.trouble = Some(trouble);
            }
        }
        Vec::new()
    }

    /// A step was settled, or the file was read.
    fn stand(&mut self, setup: Setup) -> Vec<Effect> {
        if std::mem::take(&mut self.keeps_page) {
            self.setup = Some(setup);
            return Vec::new();
        }
        let is_first = self.setup.is_none();
        let before = self.step();
        let was_settled = before.is_some_and(|step| self.settled(step));
        self.busy = None;
        self.trouble = None;
        self.problem = None;
        self.progress = None;
        self.met = None;
        if is_first {
            self.role = setup.place().map_or(Face::default(), |place| place.face);
            self.devices = setup.devices().cloned().unwrap_or_default();
        }
        self.is_at_lamps = false;
        self.setup = Some(setup);
        // A change of an earlier step leads to the one after it, not to the end.
        let next = match before {
            Some(step) if !is_first && was_settled => {
                Step::ALL.iter().position(|known| *known == step).and_then(|at| Step::ALL.get(at + 1))
            }
            _ => None,
        };
        self.look_at(next.copied().filter(|next| self.settled(*next)));
        let mut effects = vec![Effect::ForgetSecrets];
        effects.extend(self.arrive());
        effects
    }

    /// Steps that need nobody begin by themselves; what was plugged in before is taken up.
    fn arrive(&mut self) -> Vec<Effect> {
        if self.step() == Some(Step::Devices) {
            let found = self.found.clone();
            self.propose(&found);
        }
        match self.step() {
            Some(step) if self.settled(step) => Vec::new(),
            Some(Step::Fill) if !self.is_paused => self.fill(),
            Some(Step::SelfTest) => self.test(),
            _ => Vec::new(),
        }
    }

    fn look_at(&mut self, step: Option<Step>) {
        let next = self.setup.as_ref().and_then(Setup::step);
        self.looking_at = step.filter(|step| Some(*step) != next);
        self.trouble = None;
        self.problem = None;
        self.is_foreign = false;
        self.is_at_lamps = false;
        self.met = None;
    }

    pub(super) fn ask(&mut self, busy: Busy, command: Command) -> Vec<Effect> {
        self.busy = Some(busy);
        self.trouble = None;
        self.problem = None;
        vec![Effect::Ask(command)]
    }

    fn choose_language(&mut self, locale: Locale) -> Vec<Effect> {
        self.locale = locale;
        let mut effects = vec![Effect::Speak(locale)];
        if self.setup.is_some() && self.busy.is_none() {
            if self.step() == Some(Step::Language) {
                self.busy = Some(Busy::Working);
            } else {
                self.keeps_page = true;
            }
            effects.push(Effect::Ask(Command::Language(locale.language())));
        }
        effects
    }

    fn next(&mut self, form: Form) -> Vec<Effect> {
        if !self.can_go_on() {
            return Vec::new();
        }
        let Some(step) = self.step() else { return vec![Effect::Close] };
        match step {
            Step::Language => self.ask(Busy::Working, Command::Language(self.locale.language())),
            Step::Place => match form.terminal.trim().parse::<TerminalId>() {
                Ok(terminal) => {
                    let place = PlaceChosen { terminal, face: self.role };
                    self.ask(Busy::Working, Command::Place(place))
                }
                Err(_) => self.wrong(Problem::Terminal),
            },
            Step::Devices if self.is_at_lamps => {
                if self.take_lines(&form) {
                    self.leave_lamps();
                }
                Vec::new()
            }
            Step::Devices => {
                self.choose_printer(&form.printer);
                self.ask(Busy::Working, Command::Devices(self.devices.clone()))
            }
            Step::Enrolment if self.settled(step) => self.go_on(),
            Step::Enrolment => {
                if form.code.trim().is_empty() {
                    return self.wrong(Problem::Code);
                }
                self.ask(Busy::Working, Command::Enrol(form.code))
            }
            Step::Keys if self.settled(step) => self.go_on(),
            Step::Keys => self.seal(form),
            Step::Fill if !self.settled(step) => self.fill(),
            Step::SelfTest if !self.settled(step) => self.test(),
            Step::Training if !self.settled(step) => self.train(),
            Step::Report if !self.settled(step) => self.ask(Busy::Working, Command::Report),
            Step::Center | Step::Fill | Step::SelfTest | Step::Training | Step::Report => self.go_on(),
        }
    }

    /// Goes on from a step that is settled and only looked at.
    fn go_on(&mut self) -> Vec<Effect> {
        let at = self.step().and_then(|step| Step::ALL.iter().position(|known| *known == step));
        let next = at.and_then(|at| Step::ALL.get(at + 1)).copied();
        self.look_at(next.filter(|next| self.settled(*next)));
        self.arrive()
    }

    fn wrong(&mut self, problem: Problem) -> Vec<Effect> {
        self.problem = Some(problem);
        Vec::new()
    }

    fn meet(&mut self, form: Form) -> Vec<Effect> {
        self.met = None;
        self.is_foreign = false;
        let (address, enrolment) = (form.address.trim(), form.enrolment.trim());
        if !address.starts_with("https://") || !enrolment.starts_with("https://") {
            return self.wrong(Problem::Address);
        }
        let command = Command::Meet { address: address.to_owned(), enrolment: enrolment.to_owned() };
        self.ask(Busy::Meeting, command)
    }

    fn take_center(&mut self, met: MetCenter) -> Vec<Effect> {
        let MetCenter { address, enrolment, fingerprint, .. } = met;
        match CenterChosen::compared(&address, &enrolment, fingerprint.clone(), fingerprint) {
            Ok(center) => self.ask(Busy::Working, Command::Center(center)),
            // The same value on both sides differs from itself in no case.
            Err(_) => Vec::new(),
        }
    }

    fn seal(&mut self, form: Form) -> Vec<Effect> {
        let number = form.supervisor.trim();
        if number.is_empty() && form.secret.is_empty() {
            return self.ask(Busy::Working, Command::Seal(None));
        }
        if number.is_empty() || !number.bytes().all(|digit| digit.is_ascii_digit()) || form.secret.is_empty()
        {
            return self.wrong(Problem::Supervisor);
        }
        if form.secret != form.secret_again {
            return self.wrong(Problem::SecretsDiffer);
        }
        let supervisor = Some((number.to_owned(), form.secret));
        self.ask(Busy::Working, Command::Seal(supervisor))
    }

    fn fill(&mut self) -> Vec<Effect> {
        self.is_paused = false;
        self.ask(Busy::Filling, Command::Fill)
    }

    fn test(&mut self) -> Vec<Effect> {
        self.checks.clear();
        self.ask(Busy::Testing, Command::SelfTest)
    }

    fn train(&mut self) -> Vec<Effect> {
        self.receipt.clear();
        self.ask(Busy::Training, Command::Train)
    }

    fn pause(&mut self) -> Vec<Effect> {
        match self.busy {
            Some(Busy::Filling) => vec![Effect::Halt],
            None if self.step() == Some(Step::Fill) && !self.settled(Step::Fill) => self.fill(),
            _ => Vec::new(),
        }
    }

    fn again(&mut self) -> Vec<Effect> {
        match self.step() {
            Some(Step::SelfTest) if self.settled(Step::SelfTest) => {
                self.checks.clear();
                self.ask(Busy::Testing, Command::ProveAgain)
            }
            Some(Step::SelfTest) => self.test(),
            Some(Step::Training) => self.train(),
            None if self.setup.is_none() => self.ask(Busy::Opening, Command::Look),
            _ => Vec::new(),
        }
    }

    fn on_pin(&mut self, input: &Input) -> Vec<Effect> {
        let Some(digits) = &mut self.pin else { return Vec::new() };
        match input {
            Input::Digit(digit) if digits.len() < PIN_DIGITS_MAX && *digit <= 9 => {
                digits.push(b'0' + digit);
                Vec::new()
            }
            Input::Erase => {
                digits.pop();
                Vec::new()
            }
            Input::Enter if !digits.is_empty() => vec![Effect::Typed(self.pin.take())],
            Input::CancelPin => {
                digits.zeroize();
                self.pin = None;
                vec![Effect::Typed(None)]
            }
            _ => Vec::new(),
        }
    }

    fn choose_printer(&mut self, device: &str) {
        let device = device.trim();
        let columns = self.devices.printer.as_ref().map_or(COLUMNS[0], |printer| printer.columns);
        self.devices.printer = (!device.is_empty()).then(|| {
            let baud = device.contains("tty").then_some(9_600);
            PrinterChosen { device: device.to_owned(), columns, baud }
        });
    }

    /// Takes what is proposed for what is not chosen yet, and lets go of what was unplugged.
    fn propose(&mut self, found: &Found) {
        let proposal = found.proposal();
        let is_there = |name: &Option<String>| {
            name.as_ref().is_some_and(|name| found.slots.iter().any(|slot| slot.name == *name))
        };
        if !is_there(&self.devices.psam) || !is_there(&self.devices.card) {
            self.devices.psam = proposal.psam;
            self.devices.card = proposal.card;
        }
        let board = self.devices.board.take().filter(|board| found.boards.contains(board));
        self.devices.board = board.or(proposal.board);
        if self.devices.printer.is_none() {
            self.devices.printer = proposal.printer;
        }
        self.devices.gpio = proposal.gpio;
    }
}
