//! Setting dues aside for one payment, so that no two counters take money for the same (缴费占用).

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Asker, contribution::Due};
use crate::{id::TransactionId, record::contribution::dues_sound, timestamp::Timestamp};

/// Asks the center to set dues aside for one payment, before any money is taken. `Debug` masks the person.
///
/// The same request again gets the same answer. What is set aside stays so until the payment is booked, the terminal
/// writes the name off as abandoned, or staff of the center frees it; no time frees it, for a terminal that fell silent
/// may have taken the money.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldDues {
    /// Name of the payment, committed by the terminal before it asks.
    pub id: TransactionId,
    /// Whose dues, and how the terminal knows the holder.
    pub asker: Asker,
    /// The dues just as they were shown.
    pub dues: Vec<Due>,
    /// Operator number.
    pub operator: String,
}

impl HoldDues {
    /// Whether it is within its limits.
    pub fn sound(&self) -> bool {
        dues_sound(&self.dues) && super::operator_sound(&self.operator)
    }
}

impl fmt::Debug for HoldDues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HoldDues")
            .field("id", &self.id)
            .field("asker", &self.asker)
            .field("dues", &self.dues.len())
            .finish_non_exhaustive()
    }
}

/// The center's answer: all of them are set aside, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "hold", rename_all = "snake_case")]
#[non_exhaustive]
pub enum HoldAnswer {
    /// Set aside for this payment, also when they were so before. The money may be taken.
    Held {
        /// The center's clock.
        as_of: Timestamp,
    },
    /// One of them is paid.
    Paid {
        /// Which.
        due: Due,
        /// When it was paid.
        at: Timestamp,
    },
    /// One of them is being paid under another name, here or at another counter.
    BeingPaid {
        /// Which.
        due: Due,
        /// Since when.
        since: Timestamp,
    },
    /// One of them is not due (any more), or not as it was shown: show them again.
    Changed {
        /// Which.
        due: Due,
    },
    /// This name is used up: it was paid, or written off. A new payment takes a new name.
    NameUsed,
}
