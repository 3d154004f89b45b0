//! Upload of records and the center's receipts.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use crate::problem::{Problem, ProblemKind};
use crate::{
    id::{TerminalId, TransactionId},
    signature::{Digest, Signature, Signed},
    timestamp::Timestamp,
};

/// Most records of one batch.
pub const BATCH_RECORDS_MAX: usize = 500;

/// Most bytes of one batch on the wire.
pub const BATCH_BYTES_MAX: usize = 16 << 20;

/// Purpose under which the center signs a receipt.
pub const RECEIPT_PURPOSE: &str = "jinbao receipt 1";

/// Records of one terminal, in the order of their sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Batch {
    /// Whose records; must be the terminal of the client certificate.
    pub terminal: TerminalId,
    /// Digest of the record before the first one; zeros before the very first.
    pub previous: Digest,
    /// The records.
    pub records: Vec<Record>,
}

/// One record as it was written down; `Debug` leaves the body out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Record {
    /// Place in the chain.
    pub sequence: u64,
    /// The body's JSON, verbatim.
    pub body: String,
    /// The terminal's signature over the digest of this link.
    pub signature: Signature,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("sequence", &self.sequence)
            .field("body_bytes", &self.body.len())
            .field("signature", &self.signature)
            .finish()
    }
}

/// The center's answer to a batch: a signed [`Receipt`], and when to come again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchAnswer {
    /// A [`Receipt`] under [`RECEIPT_PURPOSE`].
    pub receipt: Signed,
    /// Earlier receipts that duplicates refer to.
    pub earlier: Vec<Signed>,
    /// When this terminal may send next.
    pub window: SendWindow,
}

/// What the center did with each record of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The center's number of this receipt.
    pub number: String,
    /// Whose records.
    pub terminal: TerminalId,
    /// When they were booked.
    pub booked_at: Timestamp,
    /// One line for each record, in the batch's order.
    pub lines: Vec<ReceiptLine>,
}

/// What the center did with one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptLine {
    /// The transaction.
    pub id: TransactionId,
    /// Its place in the terminal's chain.
    pub sequence: u64,
    /// Digest of its link.
    pub digest: Digest,
    /// The verdict.
    pub verdict: Verdict,
}

/// The four answers that a record can get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Booked now.
    Booked,
    /// Booked before, under this receipt.
    Duplicate {
        /// Number of the first receipt.
        first: String,
    },
    /// The same id or sequence with other content: an alarm, nothing was changed.
    Conflict,
    /// Kept for audit, not booked.
    Refused {
        /// Why, such that a clerk can act.
        reason: RefusalReason,
    },
}

/// Why a record was not booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalReason {
    /// The amounts do not add up.
    Unbalanced,
    /// The cancelled settlement is unknown or already cancelled.
    NothingToCancel,
    /// The body cannot be read by this center.
    Unreadable,
    /// The card was on the blacklist for longer than the terminal may lag behind.
    Blacklisted,
    /// Above what this terminal may do offline.
    OverLimit,
    /// The body names another terminal or another place in the chain than its envelope.
    Misplaced,
    /// The card's TAC is wrong: the card is not genuine or the amounts are not what the card debited.
    TacWrong,
    /// The load was never granted by this center, or not as it is recorded.
    LoadUnknown,
    /// The card is another person's than the record says.
    HolderMismatch,
    /// The refund does not fit: not the account money of the settlement, or put back by an unknown load.
    RefundWrong,
    /// This purchase of the card was presented before, under another name.
    PurchaseKnown,
    /// The proof of the holder does not suffice, is too old, or makes no sense.
    ProofTooWeak,
    /// Nothing was enrolled: the holder's consent is missing.
    ConsentMissing,
    /// The center pays no pension to this person.
    PensionUnknown,
    /// The person was reported dead before.
    Deceased,
    /// The person's benefits are suspended.
    BenefitSuspended,
    /// The person's benefits have ended.
    BenefitEnded,
    /// Not certified within the last twelve months; payable with arrears after a certification.
    NotCertified,
    /// The amount is not the person's monthly pension.
    PensionAmount,
    /// The month has not come yet, or lies too far beyond the first unpaid one.
    PeriodNotDue,
    /// The month was paid before, or lies before the pension's beginning.
    PeriodPaid,
    /// The dues are not set aside for this payment: staff has freed them, or they were never.
    DueNotHeld,
    /// The contribution was paid before, under another name.
    DuePaid,
    /// The payment of contributions does not make sense, or is not what was set aside for it.
    ContributionWrong,
    /// The payment of contributions is of another day: the agency takes it back.
    ReversalTooLate,
}

/// When a terminal may send, so that a city's terminals do not come all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SendWindow {
    /// Wait at least this long before the next batch.
    pub after_ms: u32,
    /// Spread the next attempt over this much more.
    pub spread_ms: u32,
}

/// Where the center's copy of a terminal's chain ends.
///
/// A terminal whose own chain ends earlier has been put back to an older state and must stop business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChainHead {
    /// Last sequence held, 0 before the first.
    pub sequence: u64,
    /// Digest of that link, zeros before the first.
    pub digest: Digest,
    /// The center's clock.
    pub now: Timestamp,
}
