//! Why a contribution is not paid (缴费).

use std::fmt;

use protocol::{service::Due, timestamp::Timestamp};

/// Why a contribution was not paid, or a payment not taken back. Nothing was booked, and no money is to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContributionRefusal {
    /// Nothing was chosen, too much, one thing twice, or what units alone pay.
    NothingChosen,
    /// The reference of a bank card payment is none.
    ReferenceWrong,
    /// The line is down: only the center knows whether a due is open.
    CenterNeeded,
    /// The center's answer was lost each time it was asked, or is none. The payment is written off; what the center may have set
    /// aside for it is free again when it reads that.
    Unclear,
    /// It is paid.
    Paid {
        /// Which.
        due: Due,
        /// When.
        at: Timestamp,
    },
    /// It is being paid under another name, here or at another counter.
    BeingPaid {
        /// Which.
        due: Due,
        /// Since when.
        since: Timestamp,
    },
    /// What was shown is not so any more.
    Changed,
    /// The payment is of another day.
    ReversalTooLate,
    /// The center did not book the payment, so there is nothing to take back.
    NotBooked,
}

impl fmt::Display for ContributionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingChosen => "nothing that can be paid here was chosen",
            Self::ReferenceWrong => "the reference of the bank card payment is none",
            Self::CenterNeeded => "contributions are paid only while the center answers",
            Self::Unclear => "the center's answer was lost, the payment is written off",
            Self::Paid { .. } => "it is paid",
            Self::BeingPaid { .. } => "it is being paid under another name",
            Self::Changed => "what is due has changed since it was shown",
            Self::ReversalTooLate => "the payment is of another day",
            Self::NotBooked => "the center did not book the payment",
        })
    }
}

impl std::error::Error for ContributionRefusal {}
