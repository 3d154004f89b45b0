use std::fmt;

use protocol::{calendar::Period, id::TransactionId};

use super::{HaltReason, NUMBER_BYTES_MAX, Numbered, State, VisitState};
use crate::store::StoreError;

/// Why the ledger did not do what was asked. Unless said otherwise nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LedgerError {
    /// The file: see [`StoreError`]. After `Damaged`, business stops and the edge offers an export.
    Store(StoreError),
    /// Business was stopped on this ledger. For the installer.
    Halted(HaltReason),
    /// The working cycle is over, closed or unknown: reconcile, then sign in again. For the operator.
    CycleOver {
        /// The cycle that was named.
        cycle: String,
    },
    /// A working cycle is over and not reconciled. With the line up it comes first, for the operator; with the
    /// line down the time for going on without it is up.
    NotReconciled {
        /// The oldest such cycle.
        cycle: String,
        /// The line is up.
        online: bool,
    },
    /// Too many records wait for upload; no new business until some were sent.
    QueueFull {
        /// Records waiting.
        waiting: u64,
        /// The limit.
        queue_max: u32,
    },
    /// No room for new business; what was begun can still be finished. For the installer.
    SpaceLow,
    /// A transaction of this card is not resolved yet: that one comes first.
    Unresolved {
        /// The transaction to resolve.
        id: TransactionId,
    },
    /// The name was given before. Our fault.
    IdTaken {
        /// The name.
        id: TransactionId,
    },
    /// No such transaction here.
    TransactionUnknown {
        /// The name.
        id: TransactionId,
    },
    /// The transaction is not in a state that allows this: it has its outcome already, or was armed before.
    WrongState {
        /// The transaction.
        id: TransactionId,
        /// Its state.
        state: State,
    },
    /// The card may have carried out the command: only its proof, or its plain refusal, abandons it.
    OutcomeUnknown {
        /// The transaction.
        id: TransactionId,
    },
    /// The outcome is of another kind than the intention. Our fault.
    PurposeDiffers {
        /// The transaction.
        id: TransactionId,
    },
    /// The outcome does not fit into a record. Our fault.
    BodyTooLarge {
        /// Bytes.
        bytes: usize,
    },
    /// The settlement is unknown here, was never settled, is already cancelled or being cancelled.
    NothingToCancel {
        /// The settlement.
        of: TransactionId,
    },
    /// No refund is owed under this cancellation, or it was loaded already.
    NothingToLoad {
        /// The cancellation.
        of: TransactionId,
    },
    /// This terminal has paid this month's pension to the person, or is about to.
    PeriodPaid {
        /// The month.
        period: Period,
    },
    /// No such visit.
    VisitUnknown,
    /// A visit of this number exists and differs.
    VisitExists,
    /// The visit is not open for this.
    VisitNotOpen {
        /// Its state.
        state: VisitState,
    },
    /// The hospital sent another line under a serial that was used before.
    LineDiffers {
        /// Serial of the line.
        serial: String,
    },
    /// More lines than a visit may have.
    LinesTooMany {
        /// The limit.
        lines_max: usize,
    },
    /// A number of the hospital's that is empty, too long or has characters that do not show.
    NumberWrong {
        /// Of what.
        what: Numbered,
    },
    /// A fee line, or all lines of one call, are larger than any bill needs.
    LineTooLarge {
        /// The line; `None` for all of them together.
        serial: Option<String>,
        /// Bytes.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A receipt or a document is not signed by the center. For the installer.
    NotSigned,
    /// A receipt does not answer what was sent.
    ReceiptDiffers,
    /// The audit or the chain contradict themselves: business stops.
    ChainBroken {
        /// Sequence (or audit number) of the first bad link.
        at: u64,
        /// Which part.
        what: super::BrokenPart,
    },
}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        LedgerError::Store(error)
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        LedgerError::Store(error.into())
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => write!(f, "ledger: {error}"),
            Self::Halted(reason) => write!(f, "business is stopped: {reason}"),
            Self::CycleOver { cycle } => write!(f, "the working cycle {cycle} is over"),
            Self::NotReconciled { cycle, .. } => write!(f, "the working cycle {cycle} is not reconciled"),
            Self::QueueFull { waiting, queue_max } => {
                write!(f, "{waiting} records wait for upload, at most {queue_max} may")
            }
            Self::SpaceLow => f.write_str("no room for new business"),
            Self::Unresolved { id } => write!(f, "transaction {id} of this card is not resolved"),
            Self::IdTaken { id } => write!(f, "transaction {id} exists"),
            Self::TransactionUnknown { id } => write!(f, "transaction {id} is unknown here"),
            Self::WrongState { id, state } => write!(f, "transaction {id} is {state:?}"),
            Self::OutcomeUnknown { id } => write!(f, "the card's outcome of {id} is unknown"),
            Self::PurposeDiffers { id } => write!(f, "the outcome of {id} is of another kind"),
            Self::BodyTooLarge { bytes } => write!(f, "a body of {bytes} bytes is too large"),
            Self::NothingToCancel { of } => write!(f, "nothing to cancel under {of}"),
            Self::NothingToLoad { of } => write!(f, "nothing to load under {of}"),
            Self::PeriodPaid { period } => write!(f, "the pension of {period} was paid here"),
            Self::VisitUnknown => f.write_str("the visit is unknown here"),
            Self::VisitExists => f.write_str("another visit has this number"),
            Self::VisitNotOpen { state } => write!(f, "the visit is {state:?}"),
            Self::LineDiffers { serial } => write!(f, "fee line {serial} differs from the one stored"),
            Self::LinesTooMany { lines_max } => write!(f, "a visit has at most {lines_max} lines"),
            Self::NumberWrong { what } => {
                write!(f, "a {what:?} number has 1 to {NUMBER_BYTES_MAX} visible characters")
            }
            Self::LineTooLarge { serial: Some(serial), bytes, bytes_max } => {
                write!(f, "fee line {serial} has {bytes} bytes, at most {bytes_max} are allowed")
            }
            Self::LineTooLarge { serial: None, bytes, bytes_max } => {
                write!(f, "the fee lines have {bytes} bytes, at most {bytes_max} are allowed")
            }
            Self::NotSigned => f.write_str("not signed by the center"),
            Self::ReceiptDiffers => f.write_str("the receipt does not answer what was sent"),
            Self::ChainBroken { at, what } => write!(f, "{what:?} is broken at {at}"),
        }
    }
}

impl std::error::Error for LedgerError {}
