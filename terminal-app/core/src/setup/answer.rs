//! What each step settles.

use card_spec::region::RegionCode;
use protocol::{
    id::{TerminalId, TransactionId},
    signature::PublicKey,
    timestamp::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{Fingerprint, SetupError, Step};
use crate::language::Language;

/// The answer of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`Step::Language`].
    Language(Language),
    /// To [`Step::Place`].
    Place(PlaceChosen),
    /// To [`Step::Devices`].
    Devices(DevicesChosen),
    /// To [`Step::Center`].
    Center(CenterChosen),
    /// To [`Step::Enrolment`].
    Enrolment(Enrolled),
    /// To [`Step::Keys`].
    Keys(KeysMade),
    /// To [`Step::Fill`].
    Fill(Filled),
    /// To [`Step::SelfTest`].
    SelfTest(SelfTested),
    /// To [`Step::Training`].
    Training(Trained),
    /// To [`Step::Report`].
    Report(Reported),
}

impl Answer {
    /// Which step it is of.
    pub fn step(&self) -> Step {
        match self {
            Answer::Language(_) => Step::Language,
            Answer::Place(_) => Step::Place,
            Answer::Devices(_) => Step::Devices,
            Answer::Center(_) => Step::Center,
            Answer::Enrolment(_) => Step::Enrolment,
            Answer::Keys(_) => Step::Keys,
            Answer::Fill(_) => Step::Fill,
            Answer::SelfTest(_) => Step::SelfTest,
            Answer::Training(_) => Step::Training,
            Answer::Report(_) => Step::Report,
        }
    }
}

/// What a terminal is for: which face it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Face {
    /// A cashier's counter in a hospital or pharmacy.
    #[default]
    Counter,
    /// A cardholder's kiosk.
    Kiosk,
    /// A bank's or post office's counter that pays pensions.
    Bank,
    /// A desk of the community or the tax office.
    Community,
}

impl Face {
    /// All of them, the usual one first.
    pub const ALL: [Face; 4] = [Face::Counter, Face::Kiosk, Face::Bank, Face::Community];

    /// Its name.
    pub fn name(self, language: Language) -> &'static str {
        let (chinese, english) = match self {
            Face::Counter => ("医院收费窗口", "Hospital counter"),
            Face::Kiosk => ("自助终端", "Kiosk"),
            Face::Bank => ("银行、邮政柜台", "Bank or post office"),
            Face::Community => ("社区、税务窗口", "Community or tax desk"),
        };
        language.pick(chinese, english)
    }
}

/// Which terminal it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceChosen {
    /// Terminal number, as in its PSAM.
    pub terminal: TerminalId,
    /// What it is for.
    #[serde(default)]
    pub face: Face,
}

/// Its devices by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevicesChosen {
    /// Slot for cards; `None` finds it each time.
    #[serde(default)]
    pub card: Option<String>,
    /// Slot of the PSAM; `None` finds it each time.
    #[serde(default)]
    pub psam: Option<String>,
    /// One of the reader board's slots, where the reader is one of ours.
    #[serde(default)]
    pub board: Option<String>,
    /// The fingerprint sensor: a serial device, or `board`.
    #[serde(default)]
    pub sensor: Option<String>,
    /// The receipt printer.
    #[serde(default)]
    pub printer: Option<PrinterChosen>,
    /// The chip of the pins, where lamps and buzzer hang on this machine.
    #[serde(default)]
    pub gpio: Option<String>,
    /// Which of its lines are lamps and buzzer; `None` where they hang on the reader board, or there are none.
    #[serde(default)]
    pub pins: Option<PinsChosen>,
    /// Folder of the kiosk's recorded sentences; `None` takes `voice` in the terminal's folder.
    #[serde(default)]
    pub voice: Option<String>,
}

/// Lines of this machine for lamps and buzzer, by the numbers of its chip (BCM on a Raspberry Pi); `None` for what hangs
/// on none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinsChosen {
    /// Green lamp: ready.
    #[serde(default)]
    pub ready: Option<u8>,
    /// Yellow lamp: leave the card in.
    #[serde(default)]
    pub busy: Option<u8>,
    /// Red lamp: call somebody.
    #[serde(default)]
    pub fault: Option<u8>,
    /// Buzzer.
    #[serde(default)]
    pub buzzer: Option<u8>,
    /// They shine and sound while the line is low; else while it is high.
    #[serde(default)]
    pub low: bool,
}

impl PinsChosen {
    /// All that are chosen: green, yellow, red, buzzer.
    pub fn lines(&self) -> impl Iterator<Item = u8> + use<> {
        [self.ready, self.busy, self.fault, self.buzzer].into_iter().flatten()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines().next().is_none()
    }

    /// A line that is chosen for two things.
    pub fn twice(&self) -> Option<u8> {
        self.lines()
            .enumerate()
            .find(|(at, line)| self.lines().take(*at).any(|other| other == *line))
            .map(|(_, line)| line)
    }
}

/// A receipt printer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrinterChosen {
    /// Device file, or a plain file that receipts are appended to.
    pub device: String,
    /// Half-width columns of the paper: 32 for 58 mm, 48 for 80 mm.
    pub columns: usize,
    /// Baud rate of a serial line.
    #[serde(default)]
    pub baud: Option<u32>,
}

/// The center that was found to be the right one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterChosen {
    /// Address for enrolled terminals.
    pub address: String,
    /// Address for enrolment.
    pub enrolment: String,
    /// Fingerprint of its authority, as on the installer's paper.
    pub fingerprint: Fingerprint,
}

impl CenterChosen {
    /// Takes a center whose authority was compared.
    ///
    /// `shown` is what the center showed, `paper` what the center's staff gave on paper: typed, or the same value when
    /// the installer has compared both by eye and said yes.
    /// Errors: `NotTrusted` when they differ: somebody else may be answering.
    pub fn compared(
        address: &str,
        enrolment: &str,
        shown: Fingerprint,
        paper: Fingerprint,
    ) -> Result<Self, SetupError> {
        if shown != paper {
            return Err(SetupError::NotTrusted { shown, paper });
        }
        Ok(CenterChosen {
            address: address.trim_end_matches('/').to_owned(),
            enrolment: enrolment.trim_end_matches('/').to_owned(),
            fingerprint: shown,
        })
    }
}

/// What the center said at enrolment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    /// City.
    pub city: RegionCode,
    /// Code of the institution.
    pub institution_code: String,
    /// Its name.
    pub institution_name: String,
    /// Hospital level, 0 to 3.
    pub level: u8,
    /// Last moment of the certificate.
    pub certificate_until: Timestamp,
    /// Fingerprint of the certificate.
    pub certificate: Fingerprint,
}

/// Keys that are sealed and books that are laid out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysMade {
    /// The key that signs this terminal's records.
    pub identity: PublicKey,
    /// Whether a supervisor is there to add operators.
    pub has_supervisor: bool,
}

/// How far the cache came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filled {
    /// Changes applied.
    pub cursor: u64,
    /// Changes there are.
    pub newest: u64,
    /// Revision of the rules.
    pub rules_revision: u64,
    /// How far the center's clock is ahead of ours.
    pub clock_offset_ms: Option<i64>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// In order.
    Good,
    /// Worth a look.
    Look,
    /// To be repaired.
    Bad,
    /// Not there, or not looked at.
    NotThere,
}

/// One check of the self-test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tested {
    /// Stable word.
    pub name: String,
    /// What was looked at.
    pub title: String,
    /// How it came out.
    pub outcome: Outcome,
    /// What was found.
    pub text: String,
}

/// What the self-test found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfTested {
    /// When.
    pub at: Timestamp,
    /// Version of the program.
    pub program: String,
    /// Each check.
    pub checks: Vec<Tested>,
}

/// Checks that are somebody else's: a terminal is handed over without them.
const NOT_THE_INSTALLERS: [&str; 3] = ["operators", "queue", "card"];

impl SelfTested {
    /// Names of what has to be repaired first.
    ///
    /// Operators are added by the institution, what waits in a queue is no fault of the machine, and a card that
    /// happens to lie in the slot is looked at again by the training transaction.
    pub fn failed(&self) -> Vec<String> {
        self.checks
            .iter()
            .filter(|check| {
                check.outcome == Outcome::Bad && !NOT_THE_INSTALLERS.contains(&check.name.as_str())
            })
            .map(|check| check.name.clone())
            .collect()
    }
}

/// The training transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trained {
    /// Its name in the training ledger.
    pub transaction: TransactionId,
    /// Its place there.
    pub sequence: u64,
    /// Whether its receipt was printed; `None` without a printer.
    pub printed: Option<bool>,
    /// When.
    pub at: Timestamp,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// SHA-256 of what was signed, as hexadecimal digits.
    pub digest: String,
    /// Where the report was written: the PDF, or its signed text where no font is installed.
    pub file: String,
    /// When.
    pub at: Timestamp,
}
