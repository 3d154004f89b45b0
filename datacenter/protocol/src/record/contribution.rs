//! Bodies of contributions that a person pays at a counter (缴费), and of taking such a payment back.
//!
//! The amount of each due is fixed by the insurance agency (核定) and paid whole. No card money moves: a card's medical
//! account pays for treatment, and nothing that is published lets a terminal draw contributions from it.

use std::fmt;

use card_spec::{money::Fen, person::PersonNumber};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{evidence::HolderProof, id::TransactionId, service::contribution::Due};

/// Most dues that one payment covers.
pub const PAYMENT_DUES_MAX: usize = 24;

/// Longest reference of a bank card payment, in bytes.
pub const REFERENCE_BYTES_MAX: usize = 24;

/// Contributions that were due and that a person has paid (缴费); `Debug` masks the person and leaves the card out.
///
/// The center has set every due of it aside for this very name before it was written ([`HoldDues`]), so it is booked.
///
/// [`HoldDues`]: crate::service::payment::HoldDues
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContributionPayment {
    /// For whom.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
    /// Card identification code, 32 hexadecimal digits.
    pub card_id: String,
    /// What was paid, at most [`PAYMENT_DUES_MAX`], each once.
    pub dues: Vec<Due>,
    /// The sum of the dues.
    #[schema(value_type = crate::schema::Money)]
    pub amount: Fen,
    /// How it was paid.
    pub paid_by: PaidBy,
    /// How the holder was known.
    pub proof: HolderProof,
}

/// How contributions were paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PaidBy {
    /// In cash (现金).
    Cash,
    /// With a bank card on the counter's own bank terminal (银行卡).
    BankCard {
        /// The number on that terminal's slip: 1 to [`REFERENCE_BYTES_MAX`] letters and digits.
        reference: String,
    },
}

impl PaidBy {
    /// Whether the reference is one.
    pub fn sound(&self) -> bool {
        match self {
            Self::Cash => true,
            Self::BankCard { reference } => {
                (1..=REFERENCE_BYTES_MAX).contains(&reference.len())
                    && reference.bytes().all(|byte| byte.is_ascii_alphanumeric())
            }
        }
    }
}

/// A payment of contributions taken back whole, on its day (缴费撤销); `Debug` masks the person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContributionReversal {
    /// The payment.
    pub of: TransactionId,
    /// For whom it was.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
    /// What goes back: the payment's amount.
    #[schema(value_type = crate::schema::Money)]
    pub amount: Fen,
    /// How it had been paid, and goes back.
    pub paid_by: PaidBy,
}

impl ContributionPayment {
    /// Whether the statement makes sense by itself: some dues, each once and paid by the person, that add up.
    pub fn sound(&self) -> bool {
        self.paid_by.sound()
            && self.proof.sound()
            && self.proof.card_id.eq_ignore_ascii_case(&self.card_id)
            && dues_sound(&self.dues)
            && self.amount == self.dues.iter().map(|due| due.amount).sum()
    }

    /// What of it was paid in cash.
    pub fn cash(&self) -> Fen {
        cash_of(&self.paid_by, self.amount)
    }
}

impl ContributionReversal {
    /// What of it went back in cash.
    pub fn cash(&self) -> Fen {
        cash_of(&self.paid_by, self.amount)
    }
}

fn cash_of(paid_by: &PaidBy, amount: Fen) -> Fen {
    if *paid_by == PaidBy::Cash { amount } else { Fen::ZERO }
}

/// Whether dues can be paid together: some, not too many, each once, in range and paid by a person.
pub(crate) fn dues_sound(dues: &[Due]) -> bool {
    let once = |at: usize, due: &Due| !dues[..at].iter().any(|other| other.is_the_same(due));
    (1..=PAYMENT_DUES_MAX).contains(&dues.len())
        && dues.iter().enumerate().all(|(at, due)| {
            once(at, due) && due.payable() && due.months > 0 && (Fen(1)..=Fen::CARD_MAX).contains(&due.amount)
        })
}

impl fmt::Debug for ContributionPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContributionPayment")
            .field("person", &self.person)
            .field("dues", &self.dues.len())
            .field("amount", &self.amount)
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ContributionReversal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContributionReversal")
            .field("of", &self.of)
            .field("person", &self.person)
            .field("amount", &self.amount)
            .finish_non_exhaustive()
    }
}
