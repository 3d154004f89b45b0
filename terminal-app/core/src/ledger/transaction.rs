//! What a row of the ledger is.

use std::fmt;

use card_spec::{money::Fen, person::PersonNumber};
use protocol::{
    accumulation::Accumulation,
    calendar::Period,
    id::TransactionId,
    record::{AbandonReason, Business, CardPurchase},
    signature::{Digest, Signature},
    timestamp::{ClockQuality, Timestamp},
    upload::RefusalReason,
};
use serde::{Deserialize, Serialize};

/// The card identification code without its MAC: how the ledger and the blacklist name a card.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardKey(pub [u8; 12]);

impl CardKey {
    /// From the 16 bytes that the card gives.
    pub fn of(card_id: &[u8; 16]) -> Self {
        let mut key = [0; 12];
        key.copy_from_slice(&card_id[..12]);
        CardKey(key)
    }
}

impl fmt::Debug for CardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardKey(…)")
    }
}

/// Where a transaction stands. The order is the only direction it moves in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Written down; nothing irreversible has been asked of any card.
    Intended,
    /// The card is about to be asked, or was: the outcome is unknown until recorded.
    Armed,
    /// The outcome is known, frozen, chained and signed; it waits for upload.
    Recorded,
    /// Sent, but the answer was lost: the center may hold it. It will be sent again.
    Uploaded,
    /// Booked by the center under a signed receipt.
    Booked,
    /// The center keeps it for audit and does not book it. For the clerk.
    Refused,
    /// The center holds something else under this name. An alarm.
    Conflict,
}

impl State {
    pub(super) fn from_number(number: i64) -> Option<Self> {
        use State::*;
        [Intended, Armed, Recorded, Uploaded, Booked, Refused, Conflict]
            .get(usize::try_from(number).ok()?)
            .copied()
    }

    pub(super) fn number(self) -> i64 {
        self as i64
    }
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "purpose", rename_all = "snake_case")]
pub enum Purpose {
    /// Settle a visit.
    Settlement,
    /// Take a settlement of this terminal back.
    Cancellation {
        /// The settlement.
        of: TransactionId,
    },
    /// Put money on a card.
    Load {
        /// The cancellation whose refund this is, if it is one.
        refund_of: Option<TransactionId>,
    },
    /// Write fingers to a card.
    Enrolment,
    /// Certify a person.
    Certification,
    /// Pay the pension of a month.
    Pension {
        /// The month.
        period: Period,
    },
    /// Take money for contributions that are due.
    Contribution,
    /// Take such a payment of this terminal back.
    ContributionReversal {
        /// The payment.
        of: TransactionId,
    },
}

impl Purpose {
    pub(super) fn number(self) -> i64 {
        match self {
            Purpose::Settlement => 0,
            Purpose::Cancellation { .. } => 1,
            Purpose::Load { .. } => 2,
            Purpose::Enrolment => 3,
            Purpose::Certification => 4,
            Purpose::Pension { .. } => 5,
            Purpose::Contribution => 6,
            Purpose::ContributionReversal { .. } => 7,
        }
    }

    pub(super) fn of(self) -> Option<TransactionId> {
        match self {
            Purpose::Settlement
            | Purpose::Enrolment
            | Purpose::Certification
            | Purpose::Pension { .. }
            | Purpose::Contribution => None,
            Purpose::Cancellation { of } | Purpose::ContributionReversal { of } => Some(of),
            Purpose::Load { refund_of } => refund_of,
        }
    }

    /// The month of a pension, as the number that it is kept as.
    pub(super) fn period(self) -> Option<u32> {
        match self {
            Purpose::Pension { period } => Some(period.number()),
            _ => None,
        }
    }

    pub(super) fn from_columns(number: i64, of: Option<TransactionId>, period: Option<u32>) -> Option<Self> {
        match (number, of) {
            (0, _) => Some(Purpose::Settlement),
            (1, Some(of)) => Some(Purpose::Cancellation { of }),
            (2, refund_of) => Some(Purpose::Load { refund_of }),
            (3, _) => Some(Purpose::Enrolment),
            (4, _) => Some(Purpose::Certification),
            (5, _) => Some(Purpose::Pension { period: Period::from_number(period?)? }),
            (6, _) => Some(Purpose::Contribution),
            (7, Some(of)) => Some(Purpose::ContributionReversal { of }),
            _ => None,
        }
    }

    /// Whether an outcome is of this kind; an abandoned one is of any.
    pub(super) fn allows(self, business: &Business) -> bool {
        match (self, business) {
            (Purpose::Settlement, Business::Settlement(_)) => true,
            (Purpose::Cancellation { of }, Business::Cancellation(cancellation)) => cancellation.of == of,
            (Purpose::Load { .. }, Business::Load(_)) => true,
            (Purpose::Enrolment, Business::Enrolment(_)) => true,
            (Purpose::Certification, Business::Certification(_)) => true,
            (Purpose::Pension { period }, Business::Pension(payment)) => payment.period == period,
            (Purpose::Contribution, Business::Contribution(_)) => true,
            (Purpose::ContributionReversal { of }, Business::ContributionReversal(reversal)) => {
                reversal.of == of
            }
            (_, Business::Abandoned { .. }) => true,
            _ => false,
        }
    }
}

/// What is about to be done, committed before anything irreversible happens.
#[derive(Clone, PartialEq, Eq)]
pub struct Intention {
    /// The transaction's name, fresh and random.
    pub id: TransactionId,
    /// What for.
    pub purpose: Purpose,
    /// The visit that is settled or whose settlement is cancelled.
    pub visit: Option<String>,
    /// Whose money it is.
    pub person: PersonNumber,
    /// Whose card.
    pub card: CardKey,
    /// Working cycle.
    pub cycle: String,
    /// Operator number.
    pub operator: String,
    /// When, by the terminal's clock.
    pub made_at: Timestamp,
    /// JSON of the flow, returned as it is: all that is needed to finish after a restart.
    pub plan: String,
}

/// What the card is about to be asked, committed before the command goes out.
///
/// Enough to ask for the transaction proof later and to write the purchase down without the card's help
/// except for the TAC.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arming {
    /// Diversification factor of the card, 16 hexadecimal digits.
    pub card_factor: String,
    /// The card's serial before the command: offline serial for a purchase, online serial for a load.
    pub card_serial: u16,
    /// The PSAM's transaction serial; 0 for a load.
    pub terminal_serial: u32,
    /// From the personal account, or onto it.
    pub account: Fen,
    /// Self-paid sum written to the card.
    pub self_paid: Fen,
    /// Pooled-fund sum written to the card.
    pub pooled: Fen,
    /// `CCYYMMDDhhmmss` that the MACs cover.
    pub date_time: String,
    /// Algorithm id of the card: 1 for 3DES, 3 for SM4.
    pub algorithm: u8,
    /// Key version that the card named.
    pub key_version: u8,
    /// Account balance before.
    pub balance_before: Fen,
}

impl Arming {
    /// The purchase as it is recorded once its TAC (8 hexadecimal digits) is known.
    pub fn purchase(&self, tac: String, from_proof: bool) -> CardPurchase {
        CardPurchase {
            card_factor: self.card_factor.clone(),
            card_serial: self.card_serial,
            terminal_serial: self.terminal_serial,
            account: self.account,
            self_paid: self.self_paid,
            pooled: self.pooled,
            date_time: self.date_time.clone(),
            algorithm: self.algorithm,
            key_version: self.key_version,
            tac,
            from_proof,
            balance_before: self.balance_before,
        }
    }
}

/// What has happened, to be frozen.
#[derive(Clone, PartialEq)]
pub struct Outcome {
    /// What has happened.
    pub business: Business,
    /// When it is written down, by the terminal's clock.
    pub made_at: Timestamp,
    /// How far that clock is trusted.
    pub clock: ClockQuality,
    /// Whether the line was down.
    pub offline: bool,
}

/// Where an outcome stands in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Place in the chain, from 1, without gaps.
    pub sequence: u64,
    /// SHA-256 of the digest before and the body.
    pub digest: Digest,
    /// By the terminal's identity key over the digest.
    pub signature: Signature,
}

/// What the center said about a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CenterVerdict {
    /// Number of the receipt it stands in.
    pub receipt: String,
    /// The center's clock.
    pub at: Timestamp,
    /// Why it was refused, when it was.
    pub refusal: Option<RefusalReason>,
}

/// A row of the ledger.
#[derive(Clone, PartialEq)]
pub struct Transaction {
    /// Order of the intentions, from 1.
    pub ordinal: u64,
    /// What was to be done.
    pub intention: Intention,
    /// Where it stands.
    pub state: State,
    /// What the card was asked.
    pub armed: Option<Arming>,
    /// When it was armed.
    pub armed_at: Option<Timestamp>,
    /// Its place in the chain, once the outcome is known.
    pub link: Option<Link>,
    /// The frozen body, JSON.
    pub body: Option<String>,
    /// When the outcome was written down.
    pub recorded_at: Option<Timestamp>,
    /// The outcome is that nothing has happened.
    pub abandoned: bool,
    /// What it added to the person's year.
    pub accumulation: Option<(u16, Accumulation)>,
    /// What the center said.
    pub verdict: Option<CenterVerdict>,
    /// Not uploaded within the deadline.
    pub late: bool,
    /// The cancellation that took this settlement back.
    pub cancelled_by: Option<TransactionId>,
}

impl Transaction {
    /// The body, parsed. `None` before the outcome is known.
    pub fn business(&self) -> Option<Business> {
        let body: protocol::record::Body = serde_json::from_str(self.body.as_deref()?).ok()?;
        Some(body.business)
    }
}

/// Whether a reason proves that an armed card did not carry the command out, or a person vouches for it.
pub(super) fn proves_not_done(reason: AbandonReason) -> bool {
    match reason {
        AbandonReason::CardGone
        | AbandonReason::CardRefused
        | AbandonReason::ProvedNotDone
        | AbandonReason::DecidedNotDone => true,
        AbandonReason::Cancelled | AbandonReason::Restarted => false,
        // A reason of a later protocol proves nothing to this version.
        _ => false,
    }
}

// The person, the card and the flow's plan are personal: only names and places are printed.

impl fmt::Debug for Intention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intention")
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Arming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arming")
            .field("card_serial", &self.card_serial)
            .field("terminal_serial", &self.terminal_serial)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome").field("made_at", &self.made_at).finish_non_exhaustive()
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("id", &self.intention.id)
            .field("state", &self.state)
            .field("sequence", &self.link.map(|link| link.sequence))
            .finish_non_exhaustive()
    }
}
