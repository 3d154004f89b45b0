//! The one error of this crate: what went wrong, who has to act, and where the money is.

use std::fmt;

use card_spec::money::Fen;
use hal::slot::SlotError;
use protocol::id::TransactionId;

use crate::{
    board::BoardTrouble,
    cache::CacheError,
    contribution::ContributionRefusal,
    eligibility::Refusal,
    holder::{ProofError, finger::FingerFailure},
    keys::KeysError,
    ledger::LedgerError,
    pension::PensionRefusal,
    ports::LinkError,
    reconcile::ReconcileError,
    roles::SignInError,
    rules::RulesError,
    session::{Chip, SessionError},
    store::StoreError,
};

/// Why a flow did not come to its end.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// Card, security module or PIN.
    Session(SessionError),
    /// Bill or rules.
    Rules(RulesError),
    /// The books.
    Ledger(LedgerError),
    /// The eligibility cache.
    Cache(CacheError),
    /// The line to the center.
    Link(LinkError),
    /// The terminal's keys.
    Keys(KeysError),
    /// Operator and role.
    SignIn(SignInError),
    /// The comparison with the center.
    Reconcile(ReconcileError),
    /// The reader board: opened, replaced, or not to be asked.
    Board(BoardTrouble),
    /// The card or its holder may not settle.
    NotEligible(Refusal),
    /// More than this terminal may do while the line is down.
    Limit(Limit),
    /// A finger could not be taken.
    Finger(FingerFailure),
    /// Nobody knows yet, or not well enough, that whoever stands there is the holder.
    Proof(ProofError),
    /// No pension is paid.
    Pension(PensionRefusal),
    /// No contribution is paid, or none taken back.
    Contribution(ContributionRefusal),
    /// Nobody has signed in who does business here.
    NotSignedIn,
    /// The visit is of another card than the one in the slot.
    OtherCard,
    /// The bill, or the sums of the year that it was computed from, have changed since it was shown: show it again.
    BillChanged,
    /// This is a training terminal, and the card is of somebody who exists: it is not touched.
    TrainingOnly,
    /// This card was told every time of the next minutes before: the clock was set back again and again.
    ClockBehind,
    /// There is nothing to put onto the card.
    NothingToLoad,
    /// The settlement is of another day and another working cycle: the agency takes it back.
    TooLate,
    /// Visits of this type have rules of their own and are settled elsewhere (maternity, say).
    VisitKind {
        /// Code table med_type.
        med_type: String,
    },
    /// People with this insurance are settled elsewhere (retired cadres, say).
    InsuranceElsewhere {
        /// Code table insutype.
        insutype: u16,
        /// Code table psn_type, first two digits.
        psn_type: u8,
    },
    /// It is not known yet whether the card has carried out a transaction: the same card has to come back.
    /// Nothing is taken twice.
    Unresolved {
        /// The transaction.
        id: TransactionId,
        /// What interrupted it.
        cause: Box<Error>,
    },
    /// An earlier transaction of this card is not resolved, and this has to be done first.
    ResolveFirst {
        /// The transaction.
        id: TransactionId,
        /// What is needed for it.
        need: Need,
    },
    /// The card has carried it out, and this terminal could not write it down: the same card has to come back.
    DoneNotRecorded {
        /// The transaction.
        id: TransactionId,
        /// Why it could not be written down.
        cause: Box<Error>,
    },
}

/// What an offline limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// The fee of one settlement.
    Amount {
        /// The limit.
        max: Fen,
        /// The fee.
        got: Fen,
    },
    /// Account money of one settlement.
    Account {
        /// The limit.
        max: Fen,
        /// The amount.
        got: Fen,
    },
    /// The age of the eligibility cache.
    CacheAge {
        /// The limit.
        max_ms: i64,
        /// The age.
        got_ms: i64,
    },
    /// The pension of one month.
    PensionAmount {
        /// The limit.
        max: Fen,
        /// The amount.
        got: Fen,
    },
    /// Pensions that wait for upload.
    PensionCount {
        /// The limit.
        max: u32,
    },
    /// Certifications that wait for upload when a home visit begins.
    HomeVisits {
        /// The limit.
        max: u32,
    },
}

/// What resolving an earlier transaction needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The holder's PIN: only then the card shows its serial and its log.
    Pin,
    /// A person: the card has moved on too far to tell. It is listed in the day's comparison.
    Supervisor,
}

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhoActs {
    /// Whoever holds the card.
    Cardholder,
    /// Whoever serves.
    Operator,
    /// Whoever set the machine up.
    Installer,
    /// The center, or the line to it.
    Center,
    /// The card's issuer.
    Issuer,
    /// Whoever wrote this program.
    Us,
}

/// Where the money of a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MoneyOutcome {
    /// Nothing was taken or put on.
    NotDone,
    /// It was taken or put on.
    Done,
    /// Only the card can tell; it will be asked.
    Unknown,
}

impl Error {
    /// Who has to act.
    pub fn who_acts(&self) -> WhoActs {
        match self {
            Self::Session(error) => session_actor(error),
            Self::Rules(error) => match error {
                RulesError::Json { .. }
                | RulesError::TooLarge { .. }
                | RulesError::Field { .. }
                | RulesError::NoRules { .. }
                | RulesError::NotInForce { .. } => WhoActs::Installer,
                _ => WhoActs::Operator,
            },
            Self::Ledger(error) => ledger_actor(error),
            Self::Cache(error) => match error {
                CacheError::Store(error) => store_actor(error),
                CacheError::NotSigned | CacheError::Content => WhoActs::Center,
                _ => WhoActs::Installer,
            },
            Self::Link(error) => link_actor(error),
            Self::Keys(_) => WhoActs::Installer,
            Self::SignIn(SignInError::Ledger(error)) | Self::Reconcile(ReconcileError::Ledger(error)) => {
                ledger_actor(error)
            }
            Self::SignIn(_) => WhoActs::Operator,
            Self::Reconcile(ReconcileError::Link(error)) => link_actor(error),
            Self::Reconcile(_) => WhoActs::Operator,
            Self::NotEligible(refusal) => match refusal {
                Refusal::OtherCityOffline { .. }
                | Refusal::UnknownOffline
                | Refusal::CacheTooOld { .. }
                | Refusal::CacheEmpty => WhoActs::Center,
                Refusal::ClockDoubtful => WhoActs::Installer,
                refusal if refusal.is_alarm() => WhoActs::Operator,
                _ => WhoActs::Cardholder,
            },
            Self::Limit(_) => WhoActs::Center,
            Self::Finger(failure) => match failure {
                FingerFailure::NoSensor | FingerFailure::SensorUnbound | FingerFailure::SensorChanged => {
                    WhoActs::Installer
                }
                FingerFailure::NoMatch
                | FingerFailure::NoTemplate
                | FingerFailure::TemplateBroken
                | FingerFailure::NoUsableFinger
                | FingerFailure::Replayed => WhoActs::Operator,
                FingerFailure::CardBlocked => WhoActs::Issuer,
                FingerFailure::NoFinger | FingerFailure::PoorImage(_) | FingerFailure::Cancelled => {
                    WhoActs::Cardholder
                }
            },
            Self::Proof(error) => match error {
                ProofError::ProofFirst
                | ProofError::FingerFirst
                | ProofError::ImpressionsDiffer
                | ProofError::FingerUnfit
                | ProofError::ConsentFirst => WhoActs::Cardholder,
                ProofError::NoRoom => WhoActs::Issuer,
                _ => WhoActs::Operator,
            },
            Self::Pension(refusal) => match refusal {
                PensionRefusal::Changed => WhoActs::Operator,
                _ => WhoActs::Cardholder,
            },
            Self::Contribution(refusal) => match refusal {
                ContributionRefusal::Paid { .. } => WhoActs::Cardholder,
                ContributionRefusal::CenterNeeded | ContributionRefusal::Unclear => WhoActs::Center,
                _ => WhoActs::Operator,
            },
            Self::ClockBehind | Self::Board(_) => WhoActs::Installer,
            Self::NotSignedIn
            | Self::BillChanged
            | Self::NothingToLoad
            | Self::TooLate
            | Self::VisitKind { .. }
            | Self::InsuranceElsewhere { .. } => WhoActs::Operator,
            Self::OtherCard => WhoActs::Cardholder,
            Self::TrainingOnly => WhoActs::Operator,
            Self::Unresolved { .. } | Self::DoneNotRecorded { .. } => WhoActs::Cardholder,
            Self::ResolveFirst { need: Need::Pin, .. } => WhoActs::Cardholder,
            Self::ResolveFirst { need: Need::Supervisor, .. } => WhoActs::Operator,
        }
    }

    /// Where the money of the transaction under way is.
    ///
    /// An error that a flow returned before the card was asked, or after the card proved that it did nothing,
    /// is `NotDone`; the flows see to it that this is so.
    pub fn money(&self) -> MoneyOutcome {
        match self {
            Self::Unresolved { .. } | Self::ResolveFirst { .. } => MoneyOutcome::Unknown,
            Self::DoneNotRecorded { .. } => MoneyOutcome::Done,
            Self::Ledger(LedgerError::Unresolved { .. } | LedgerError::OutcomeUnknown { .. }) => {
                MoneyOutcome::Unknown
            }
            _ => MoneyOutcome::NotDone,
        }
    }

    /// The number that the terminal's C interface gives for it; 0 is never one of them.
    ///
    /// Numbers of its own table where it has one, the negative status word otherwise, and -14 (bad
    /// parameter) for what that interface does not know. Source: LD/T 33.
    pub fn return_code(&self) -> i32 {
        match self {
            Self::Session(error) => session_code(error),
            Self::Unresolved { cause, .. } | Self::DoneNotRecorded { cause, .. } => cause.return_code(),
            Self::OtherCard => -22,
            _ => -14,
        }
    }
}

fn session_actor(error: &SessionError) -> WhoActs {
    match error {
        SessionError::Slot { error, .. }
        | SessionError::PinUnknown { error }
        | SessionError::PinChangeUnknown { error }
        | SessionError::FingerprintsNotWritten { error }
        | SessionError::FingerprintsUnknown { error }
        | SessionError::FingerUnknown { error } => match error {
            SlotError::NoReader { .. } | SlotError::Service { .. } => WhoActs::Installer,
            SlotError::Busy { .. } | SlotError::ResetByOther { .. } => WhoActs::Operator,
            SlotError::NotPowered | SlotError::Dialogue { .. } => WhoActs::Us,
            _ => WhoActs::Cardholder,
        },
        SessionError::Status { chip: Chip::Card, .. } | SessionError::Data { chip: Chip::Card, .. } => {
            WhoActs::Issuer
        }
        SessionError::Status { chip: Chip::Psam, .. }
        | SessionError::Data { chip: Chip::Psam, .. }
        | SessionError::UnknownGeneration { .. }
        | SessionError::NoPsam
        | SessionError::PsamLacksAlgorithm
        | SessionError::PsamLacksReadKey
        | SessionError::PsamKeyLevel
        | SessionError::PsamLacksPurchase
        | SessionError::PsamLocked
        | SessionError::OtherPsam
        | SessionError::NotAuthorised { .. }
        | SessionError::PinEntry(hal::pin_pad::PinPadError::Device) => WhoActs::Installer,
        SessionError::UnsupportedAlgorithm { .. }
        | SessionError::CardBlocked
        | SessionError::ApplicationBlocked { .. }
        | SessionError::KeyLocked
        | SessionError::NoSuchKey
        | SessionError::CounterAtEnd => WhoActs::Issuer,
        SessionError::Forged
        | SessionError::Amount
        | SessionError::NotEnoughMoney
        | SessionError::FingerprintsForeign
        | SessionError::FingerNotOnCard
        | SessionError::NoMatchOnCard => WhoActs::Operator,
        SessionError::Command { .. } => WhoActs::Us,
        SessionError::Atr { .. }
        | SessionError::ForeignCard
        | SessionError::HealthCard
        | SessionError::CannotVerify
        | SessionError::OtherCard
        | SessionError::PurchaseMac
        | SessionError::NoMedicalAccount
        | SessionError::WrongPin { .. }
        | SessionError::PinBlocked
        | SessionError::FingerprintsDamaged
        | SessionError::WrongFinger { .. }
        | SessionError::FingerBlocked
        | SessionError::PinEntry(_)
        | SessionError::Pin(_)
        | SessionError::PinsDiffer
        | SessionError::PinFirst
        | SessionError::CardFirst => WhoActs::Cardholder,
    }
}

fn session_code(error: &SessionError) -> i32 {
    use card_spec::error::PinError;
    use hal::pin_pad::PinPadError;
    match error {
        SessionError::Slot { error, .. } => match error {
            SlotError::NoReader { .. } => -11,
            SlotError::NoCard | SlotError::Removed { .. } => -2,
            SlotError::Service { .. } | SlotError::Busy { .. } => -12,
            SlotError::NotPowered => -3,
            _ => -4,
        },
        SessionError::PinUnknown { .. }
        | SessionError::PinChangeUnknown { .. }
        | SessionError::FingerprintsNotWritten { .. }
        | SessionError::FingerprintsUnknown { .. }
        | SessionError::FingerUnknown { .. } => -4,
        SessionError::Status { got, .. } => got.driver_error(),
        SessionError::Data { .. } => -15,
        SessionError::Atr { .. } | SessionError::ForeignCard | SessionError::HealthCard => -1,
        SessionError::UnsupportedAlgorithm { .. } => -2202,
        SessionError::UnknownGeneration { .. } => -20,
        SessionError::CardBlocked => -27265,
        SessionError::ApplicationBlocked { for_good: true } => -37635,
        SessionError::ApplicationBlocked { for_good: false } => -27013,
        SessionError::Forged | SessionError::CannotVerify => -21,
        SessionError::OtherCard => -22,
        SessionError::NotAuthorised { tries_left } => {
            card_spec::status::StatusWord::tries(tries_left.unwrap_or(0)).driver_error()
        }
        SessionError::KeyLocked => -27011,
        SessionError::NoSuchKey => -27272,
        SessionError::NoPsam | SessionError::OtherPsam => -2201,
        SessionError::PsamLacksAlgorithm => -2202,
        SessionError::PsamLacksReadKey => -2203,
        SessionError::PsamKeyLevel => -24,
        SessionError::PsamLacksPurchase => -37891,
        SessionError::PsamLocked => -27011,
        SessionError::PurchaseMac => -37634,
        SessionError::NoMedicalAccount => -27266,
        SessionError::NotEnoughMoney => -37889,
        SessionError::Amount => -23,
        SessionError::CounterAtEnd => -37890,
        SessionError::WrongPin { .. } => -51,
        SessionError::PinBlocked => -52,
        SessionError::WrongFinger { .. } => -53,
        SessionError::FingerBlocked => -54,
        SessionError::FingerNotOnCard => -55,
        SessionError::NoMatchOnCard => -56,
        SessionError::FingerprintsDamaged => -57,
        SessionError::FingerprintsForeign => -58,
        SessionError::PinEntry(PinPadError::Cancelled) => -31,
        SessionError::PinEntry(PinPadError::Timeout) => -32,
        SessionError::PinEntry(PinPadError::Length { .. }) => -33,
        SessionError::PinEntry(_) => -13,
        SessionError::Pin(PinError::Length { .. } | PinError::NotDigits) => -33,
        SessionError::Pin(PinError::Initial) => -35,
        SessionError::Pin(_) => -23,
        SessionError::PinsDiffer => -34,
        SessionError::PinFirst => -27010,
        SessionError::CardFirst => -2,
        SessionError::Command { .. } => -14,
    }
}

fn ledger_actor(error: &LedgerError) -> WhoActs {
    match error {
        LedgerError::Store(error) => store_actor(error),
        LedgerError::Halted(_)
        | LedgerError::SpaceLow
        | LedgerError::NotSigned
        | LedgerError::ReceiptDiffers
        | LedgerError::ChainBroken { .. } => WhoActs::Installer,
        LedgerError::QueueFull { .. } | LedgerError::NotReconciled { online: false, .. } => WhoActs::Center,
        LedgerError::Unresolved { .. } | LedgerError::OutcomeUnknown { .. } => WhoActs::Cardholder,
        LedgerError::IdTaken { .. }
        | LedgerError::PurposeDiffers { .. }
        | LedgerError::BodyTooLarge { .. }
        | LedgerError::WrongState { .. } => WhoActs::Us,
        _ => WhoActs::Operator,
    }
}

fn store_actor(error: &StoreError) -> WhoActs {
    match error {
        StoreError::Refused { .. } => WhoActs::Us,
        _ => WhoActs::Installer,
    }
}

fn link_actor(error: &LinkError) -> WhoActs {
    match error {
        LinkError::WrongCertificate | LinkError::ExpiredCertificate | LinkError::NotAccepted => {
            WhoActs::Installer
        }
        _ => WhoActs::Center,
    }
}

impl fmt::Display for Error {
    /// For logs, in English; [`crate::words`] speaks to people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(error) => error.fmt(f),
            Self::Rules(error) => error.fmt(f),
            Self::Ledger(error) => error.fmt(f),
            Self::Cache(error) => error.fmt(f),
            Self::Link(error) => error.fmt(f),
            Self::Keys(error) => error.fmt(f),
            Self::SignIn(error) => error.fmt(f),
            Self::Reconcile(error) => error.fmt(f),
            Self::Board(BoardTrouble::Tampered { .. }) => f.write_str("the reader board's case was opened"),
            Self::Board(BoardTrouble::Replaced) => f.write_str("the reader board is another one"),
            Self::Board(BoardTrouble::Unpaired) => f.write_str("the reader board has lost its pairing"),
            Self::Board(BoardTrouble::Device(error)) => error.fmt(f),
            Self::NotEligible(refusal) => write!(f, "not eligible: {refusal:?}"),
            Self::Limit(limit) => write!(f, "beyond the offline limit: {limit:?}"),
            Self::Finger(failure) => failure.fmt(f),
            Self::Proof(error) => error.fmt(f),
            Self::Pension(refusal) => refusal.fmt(f),
            Self::Contribution(refusal) => refusal.fmt(f),
            Self::NotSignedIn => f.write_str("no operator has signed in for business"),
            Self::OtherCard => f.write_str("the visit is of another card"),
            Self::BillChanged => f.write_str("the bill has changed since it was shown"),
            Self::TrainingOnly => f.write_str("a real card in a training terminal"),
            Self::ClockBehind => f.write_str("the clock was set back: the card was told these times before"),
            Self::NothingToLoad => f.write_str("there is nothing to put onto the card"),
            Self::TooLate => f.write_str("the settlement is of another day and cycle"),
            Self::VisitKind { med_type } => write!(f, "visits of type {med_type} are not settled here"),
            Self::InsuranceElsewhere { insutype, psn_type } => {
                write!(f, "insurance {insutype}/{psn_type:02} is not settled here")
            }
            Self::Unresolved { id, cause } => write!(f, "the outcome of {id} is not known yet: {cause}"),
            Self::ResolveFirst { id, need } => write!(f, "transaction {id} comes first, it needs {need:?}"),
            Self::DoneNotRecorded { id, cause } => write!(f, "{id} is done and not written down: {cause}"),
        }
    }
}

impl std::error::Error for Error {}

macro_rules! from {
    ($($variant:ident($error:ty)),* $(,)?) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}
from! {
    Session(SessionError), Rules(RulesError), Ledger(LedgerError), Cache(CacheError), Link(LinkError),
    Keys(KeysError), SignIn(SignInError), Reconcile(ReconcileError), Limit(Limit), NotEligible(Refusal),
    Finger(FingerFailure), Proof(ProofError), Pension(PensionRefusal), Contribution(ContributionRefusal),
}
