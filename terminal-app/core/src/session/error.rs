//! What can go wrong between the terminal and the two chips in its slots.

use std::fmt;

use card_spec::{error::PinError, status::StatusWord};
use hal::{
    pin_pad::PinPadError,
    slot::{Outcome, SlotError},
};

/// Which of the two chips.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chip {
    /// The holder's social security card.
    Card,
    /// The terminal's security module (PSAM).
    Psam,
}

/// What was being done, one name for each command of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Cold reset.
    PowerOn,
    /// SELECT of the social security environment (SSSE), or of an application on the PSAM.
    Select,
    /// READ RECORD of the issuer's data (EF05).
    ReadIssuer,
    /// READ RECORD of the holder's data (EF06).
    ReadHolder,
    /// READ RECORD or READ BINARY of another file.
    ReadFile,
    /// UPDATE RECORD or UPDATE BINARY.
    WriteFile,
    /// READ BINARY of the fingerprint file.
    ReadFingerprints,
    /// UPDATE BINARY of the fingerprint file.
    WriteFingerprints,
    /// VERIFY of a finger: the card compares.
    VerifyFinger,
    /// PIN UNBLOCK for fingers.
    UnblockFinger,
    /// GET CHALLENGE.
    Challenge,
    /// INTERNAL AUTHENTICATE: the card proves that it is genuine.
    InternalAuthenticate,
    /// EXTERNAL AUTHENTICATE: the terminal proves that it may read or write.
    ExternalAuthenticate,
    /// VERIFY.
    VerifyPin,
    /// CHANGE PIN.
    ChangePin,
    /// PIN UNBLOCK or PIN RESET.
    ResetPin,
    /// GET BALANCE of the medical account.
    Balance,
    /// INITIALIZE FOR PURCHASE.
    InitializePurchase,
    /// DEBIT FOR PURCHASE.
    Debit,
    /// GET TRANSACTION PROOF.
    Proof,
    /// READ RECORD of the transaction log.
    ReadLog,
    /// INITIALIZE FOR LOAD.
    InitializeLoad,
    /// CREDIT FOR LOAD.
    CreditLoad,
    /// READ BINARY of the PSAM's terminal number.
    TerminalNumber,
    /// DELIVERY KEY on the PSAM.
    DeliverKey,
    /// CIPHER DATA on the PSAM.
    Cipher,
    /// INIT SAM FOR PURCHASE on the PSAM.
    PsamPurchase,
    /// CREDIT SAM FOR PURCHASE on the PSAM: it checks the card's MAC2.
    PsamCredit,
}

/// Why a dialogue with card or PSAM did not come to its end.
///
/// Variants are cut by who has to act. Nothing here holds what a card or a person said: positions,
/// lengths and status words only. [`SessionError::outcome`] says whether the card may have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// The slot failed: card pulled, reader gone, service down. Cardholder, operator or installer.
    Slot {
        /// Whose slot.
        chip: Chip,
        /// During what.
        step: Step,
        /// Why, with the outcome of the command under way.
        error: SlotError,
    },
    /// A status word that this step does not have. The card or its issuer.
    Status {
        /// Who answered.
        chip: Chip,
        /// To what.
        step: Step,
        /// The answer.
        got: StatusWord,
    },
    /// A status word of success with data that cannot be right. The card or the line.
    Data {
        /// Who answered.
        chip: Chip,
        /// To what.
        step: Step,
        /// What is wrong with the data.
        problem: card_spec::Error,
    },
    /// The answer to reset cannot be read: a card of another kind, dirty contacts or a broken chip.
    Atr {
        /// What is wrong with it.
        problem: card_spec::Error,
    },
    /// A working card, but no social security card (a bank or transport card, say). The cardholder.
    ForeignCard,
    /// A resident health card (居民健康卡), which looks alike. The cardholder.
    HealthCard,
    /// The card works with a cipher that this terminal has not; 02 is SSF33. The issuer.
    UnsupportedAlgorithm {
        /// Algorithm id of the card.
        id: u8,
    },
    /// A specification version that this terminal does not know. The installer: a newer program is needed.
    UnknownGeneration {
        /// First byte of the version record.
        version: u8,
    },
    /// The card is blocked (6A81 to SELECT). The issuer.
    CardBlocked,
    /// The application is blocked: for now, or for good. The issuer.
    ApplicationBlocked {
        /// Blocked without return (9303).
        for_good: bool,
    },
    /// Internal authentication failed: a card of this terminal's own city that does not hold the city's key. The
    /// operator keeps it back.
    Forged,
    /// Internal authentication failed for the card of a city whose key this terminal's PSAM may not hold. Nothing
    /// is said against the card; it cannot be served here. The cardholder.
    CannotVerify,
    /// The card in the slot is not the one that this dialogue began with. The cardholder.
    OtherCard,
    /// The card does not accept our authentication. Not repeated: each attempt costs a try of its key.
    NotAuthorised {
        /// Tries that the card says are left, when it says so.
        tries_left: Option<u8>,
    },
    /// The card's authentication key is locked. The issuer.
    KeyLocked,
    /// The card holds no such key. The issuer.
    NoSuchKey,
    /// The PSAM is not there. The installer.
    NoPsam,
    /// The PSAM lacks the card's cipher (SSF33 or SM4). The installer.
    PsamLacksAlgorithm,
    /// The PSAM lacks the key RKSSSE that cards of generation 3.0 demand. The installer.
    PsamLacksReadKey,
    /// The PSAM's key is of too low a level for this card's city. The installer.
    PsamKeyLevel,
    /// The PSAM has no purchase key. The installer.
    PsamLacksPurchase,
    /// The PSAM is locked. The installer.
    PsamLocked,
    /// The PSAM is not this terminal's. The installer.
    OtherPsam,
    /// The card's proof of the purchase (MAC2) is wrong. The purchase is then asked for once more.
    PurchaseMac,
    /// The card has no medical account. The cardholder, at the issuer's counter.
    NoMedicalAccount,
    /// Not enough money on the personal account. The cardholder.
    NotEnoughMoney,
    /// An amount that the card's account cannot express. The operator.
    Amount,
    /// The card's transaction counter is at its end. The issuer.
    CounterAtEnd,
    /// Wrong PIN. The cardholder.
    WrongPin {
        /// Tries left.
        tries_left: u8,
    },
    /// The PIN is blocked. The cardholder, at a counter that may unblock it.
    PinBlocked,
    /// The card was pulled, or contact was lost, while it checked the PIN. Whether a try was counted is not
    /// known; it is never shown as a wrong PIN and never sent again without a fresh entry.
    PinUnknown {
        /// What happened to the slot.
        error: SlotError,
    },
    /// The card was pulled, or contact was lost, while it changed the PIN: the old or the new one is in force.
    PinChangeUnknown {
        /// What happened to the slot.
        error: SlotError,
    },
    /// The fingerprint file is in use and holds no whole content. The holder is enrolled anew.
    FingerprintsDamaged,
    /// The fingers in the file are not this card's and this holder's: copied from another card, or made without
    /// the city's key. The operator keeps the card back.
    FingerprintsForeign,
    /// Contact was lost while fingers were written; what was on the card before is in force. Write again.
    FingerprintsNotWritten {
        /// What happened to the slot.
        error: SlotError,
    },
    /// Contact was lost at the last command of writing fingers: those from before or the new ones are in force.
    /// Write again: the card is asked first.
    FingerprintsUnknown {
        /// What happened to the slot.
        error: SlotError,
    },
    /// The card compared: not the finger that it holds. The cardholder.
    WrongFinger {
        /// Comparisons that may still fail.
        tries_left: u8,
    },
    /// The card compares no more fingers. The cardholder, at a counter that may unblock it.
    FingerBlocked,
    /// The card was pulled, or contact was lost, while it compared. Whether a try was counted is not known; it is
    /// never shown as a wrong finger.
    FingerUnknown {
        /// What happened to the slot.
        error: SlotError,
    },
    /// The card holds no template of this finger. The operator, with another finger.
    FingerNotOnCard,
    /// The card cannot compare fingers. The terminal compares.
    NoMatchOnCard,
    /// No PIN came from the pad. The cardholder.
    PinEntry(PinPadError),
    /// The PIN must be chosen or typed again. The cardholder.
    Pin(PinError),
    /// The two entries of the new PIN differ. The cardholder.
    PinsDiffer,
    /// No PIN has been verified since the card was put in.
    PinFirst,
    /// No card has been read since the last one was taken out.
    CardFirst,
    /// This program built a command that cannot be. Ours.
    Command {
        /// Which command.
        step: Step,
        /// What is wrong with it.
        problem: card_spec::Error,
    },
}

impl SessionError {
    /// Whether the command under way has been carried out by the card.
    ///
    /// A status word other than success means that it was not, but for memory failures and words without
    /// diagnosis; where money is concerned the flows ask the card for its proof in every case.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Slot { error, .. }
            | Self::PinUnknown { error }
            | Self::PinChangeUnknown { error }
            | Self::FingerprintsUnknown { error }
            | Self::FingerUnknown { error } => error.outcome(),
            Self::Data { .. } | Self::PurchaseMac => Outcome::Unknown,
            Self::Status { got, .. }
                if *got == StatusWord::MEMORY_FAILURE || *got == StatusWord::NO_DIAGNOSIS =>
            {
                Outcome::Unknown
            }
            _ => Outcome::NotDone,
        }
    }

    /// Whether the card has left the slot or contact with it is lost.
    pub fn contact_lost(&self) -> bool {
        matches!(
            self,
            Self::Slot { chip: Chip::Card, .. }
                | Self::PinUnknown { .. }
                | Self::PinChangeUnknown { .. }
                | Self::FingerprintsNotWritten { .. }
                | Self::FingerprintsUnknown { .. }
                | Self::FingerUnknown { .. }
        )
    }
}

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Card => "card",
            Self::Psam => "PSAM",
        })
    }
}

impl fmt::Display for SessionError {
    /// For logs, in English; [`crate::words`] speaks to people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slot { chip, step, error } => write!(f, "{chip}, {step:?}: {error}"),
            Self::Status { chip, step, got } => write!(f, "{chip}, {step:?}: status word {got}"),
            Self::Data { chip, step, problem } => write!(f, "{chip}, {step:?}: {problem}"),
            Self::Atr { problem } => write!(f, "answer to reset: {problem}"),
            Self::ForeignCard => f.write_str("not a social security card"),
            Self::HealthCard => f.write_str("a resident health card"),
            Self::UnsupportedAlgorithm { id } => write!(f, "the card's algorithm {id:02X} is not supported"),
            Self::UnknownGeneration { version } => {
                write!(f, "specification version {version:02X} is not known")
            }
            Self::CardBlocked => f.write_str("the card is blocked"),
            Self::ApplicationBlocked { for_good: false } => f.write_str("the application is blocked"),
            Self::ApplicationBlocked { for_good: true } => f.write_str("the application is blocked for good"),
            Self::Forged => f.write_str("the card is not genuine"),
            Self::CannotVerify => f.write_str("the card cannot be verified with this PSAM"),
            Self::OtherCard => f.write_str("another card is in the slot"),
            Self::NotAuthorised { tries_left: Some(left) } => {
                write!(f, "the card does not accept the terminal, {left} tries left")
            }
            Self::NotAuthorised { tries_left: None } => f.write_str("the card does not accept the terminal"),
            Self::KeyLocked => f.write_str("a key of the card is locked"),
            Self::NoSuchKey => f.write_str("the card has no such key"),
            Self::NoPsam => f.write_str("no PSAM"),
            Self::PsamLacksAlgorithm => f.write_str("the PSAM lacks the card's algorithm"),
            Self::PsamLacksReadKey => f.write_str("the PSAM has no RKSSSE key"),
            Self::PsamKeyLevel => f.write_str("the PSAM's key level is too low"),
            Self::PsamLacksPurchase => f.write_str("the PSAM has no purchase"),
            Self::PsamLocked => f.write_str("the PSAM is locked"),
            Self::OtherPsam => f.write_str("the PSAM is of another terminal"),
            Self::PurchaseMac => f.write_str("the card's MAC2 is wrong"),
            Self::NoMedicalAccount => f.write_str("the card has no medical account"),
            Self::NotEnoughMoney => f.write_str("not enough money on the account"),
            Self::Amount => f.write_str("the amount does not fit the account"),
            Self::CounterAtEnd => f.write_str("the card's transaction counter is at its end"),
            Self::WrongPin { tries_left } => write!(f, "wrong PIN, {tries_left} tries left"),
            Self::PinBlocked => f.write_str("the PIN is blocked"),
            Self::PinUnknown { error } => write!(f, "contact lost while the PIN was checked: {error}"),
            Self::PinChangeUnknown { error } => write!(f, "contact lost while the PIN was changed: {error}"),
            Self::FingerprintsDamaged => f.write_str("no whole content in the fingerprint file"),
            Self::FingerprintsForeign => f.write_str("the fingerprints are not of this card and holder"),
            Self::FingerprintsNotWritten { error } => {
                write!(f, "contact lost before the fingerprints were in force: {error}")
            }
            Self::FingerprintsUnknown { error } => {
                write!(f, "contact lost as the fingerprints were put in force: {error}")
            }
            Self::WrongFinger { tries_left } => {
                write!(f, "the card found another finger, {tries_left} tries left")
            }
            Self::FingerBlocked => f.write_str("the card compares no more fingers"),
            Self::FingerUnknown { error } => write!(f, "contact lost while the card compared: {error}"),
            Self::FingerNotOnCard => f.write_str("the card holds no template of this finger"),
            Self::NoMatchOnCard => f.write_str("the card cannot compare fingers"),
            Self::PinEntry(error) => error.fmt(f),
            Self::Pin(error) => error.fmt(f),
            Self::PinsDiffer => f.write_str("the two new PINs differ"),
            Self::PinFirst => f.write_str("no PIN verified yet"),
            Self::CardFirst => f.write_str("no card read yet"),
            Self::Command { step, problem } => write!(f, "command {step:?} cannot be built: {problem}"),
        }
    }
}

impl std::error::Error for SessionError {}

impl From<PinPadError> for SessionError {
    fn from(error: PinPadError) -> Self {
        Self::PinEntry(error)
    }
}
