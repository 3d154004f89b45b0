//! What goes into the wizard, and what comes out of it.

use edge::indicator::Sign;
use terminal::setup::{Face, Fingerprint};
use zeroize::Zeroizing;

use super::work::Command;
use crate::locale::Locale;

/// What the installer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Chooses a language: a step of its own, and possible at any time.
    Language(Locale),
    /// Goes back to the step before, to look at it or to change it.
    Back,
    /// Goes on with what stands in the fields.
    Next(Form),
    /// Chooses what the terminal is for.
    Role(Face),
    /// Has a sensor looked for on this line.
    TrySensor(String),
    /// Has a line printed.
    TryPrinter(String),
    /// Turns to the other width of paper.
    Paper,
    /// Looks after lamps and buzzer.
    Lamps,
    /// Lets one shine or sound, with what stands in the fields.
    TryLamp(Sign, Form),
    /// Whether it did.
    Lit(bool),
    /// The other level lights them.
    Low,
    /// Takes the lines that are usual on a Raspberry Pi.
    UsualLines,
    /// Has the center asked for its certificate.
    Meet(Form),
    /// The fingerprint is the one on paper.
    Same,
    /// It is not.
    Different,
    /// Pauses or goes on with the fill.
    Pause,
    /// Does the step that failed again.
    Again,
    /// A digit of the training card's PIN.
    Digit(u8),
    /// Takes the last digit back.
    Erase,
    /// The PIN is complete.
    Enter,
    /// No PIN.
    CancelPin,
}

/// What stands in the fields of a step; the ones of other steps are empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// Terminal number.
    pub terminal: String,
    /// Device of the printer; empty for none.
    pub printer: String,
    /// Lines of green, yellow and red lamp and of the buzzer; empty for none.
    pub lines: [String; 4],
    /// Address for business.
    pub address: String,
    /// Address for enrolment.
    pub enrolment: String,
    /// One-time code.
    pub code: Zeroizing<String>,
    /// Number of the first supervisor; empty for none.
    pub supervisor: String,
    /// The supervisor's secret.
    pub secret: Zeroizing<String>,
    /// The same again.
    pub secret_again: Zeroizing<String>,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Form").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}

/// What the face does after an input.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Asks the desk.
    Ask(Command),
    /// Gives the desk the PIN, or that there is none.
    Typed(Option<Zeroizing<Vec<u8>>>),
    /// Lets long work end early.
    Halt,
    /// Switches the screen's language.
    Speak(Locale),
    /// Empties the fields that held something secret.
    ForgetSecrets,
    /// Fills the fields of the lines with what is chosen.
    FillLines,
    /// Closes the window: the terminal is handed over.
    Close,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The terminal number has not twelve digits.
    Terminal,
    /// An address does not begin with `https://`.
    Address,
    /// No code was typed.
    Code,
    /// A line is no number.
    Line,
    /// The two secrets differ.
    SecretsDiffer,
    /// A supervisor needs a number of digits and a secret.
    Supervisor,
}

/// Something that is being done, for which one has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busy {
    /// The wizard opens.
    Opening,
    /// A step is written down, or done.
    Working,
    /// The sensor is asked.
    Sensor,
    /// The printer prints.
    Printer,
    /// A lamp shines, or the buzzer sounds.
    Lamp,
    /// The center is asked.
    Meeting,
    /// The cache is filled.
    Filling,
    /// Everything is tested.
    Testing,
    /// The training visit.
    Training,
}

/// A center that was met and waits to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetCenter {
    /// Address for business.
    pub address: String,
    /// Address for enrolment.
    pub enrolment: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Name of its authority.
    pub authority: String,
    /// How long it took.
    pub took_ms: u64,
    /// How far its clock is ahead of this machine's; `None` when it did not say.
    pub offset_ms: Option<i64>,
    /// That is too much, or this machine's clock is certainly wrong.
    pub clock_is_off: bool,
}

/// What the installer has said of a lamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// Nothing yet.
    #[default]
    Untried,
    /// It shone for a moment: did it?
    Asked,
    /// It did.
    Lit,
    /// It did not.
    Dark,
}
