//! Why a proof of the holder is not there or does not do.

use std::fmt;

use protocol::policy::Purpose;

/// What a proof of the holder lacks. Nothing was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    /// The holder was not proved yet in this sitting.
    ProofFirst,
    /// A finger has to be tried before staff may decide.
    FingerFirst,
    /// The proof does not suffice for this by the center's policy.
    TooWeak {
        /// For what.
        purpose: Purpose,
    },
    /// Another clerk has to confirm, with number and secret.
    SecondClerkFirst,
    /// Both clerks are one.
    SameClerk,
    /// The holder has not agreed.
    ConsentFirst,
    /// No enrolment was begun, or no finger was taken yet.
    NothingTaken,
    /// Three impressions of the finger do not agree: not laid down in the same way, or not one finger.
    ImpressionsDiffer,
    /// This finger was taken already.
    FingerTaken,
    /// As many fingers as a card may hold were taken.
    FingersTooMany,
    /// The finger is too worn to be enrolled: try another.
    FingerUnfit,
    /// The chip of this card has no room for fingers.
    NoRoom,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProofFirst => f.write_str("the holder was not proved"),
            Self::FingerFirst => f.write_str("a finger comes first"),
            Self::TooWeak { purpose } => write!(f, "the proof does not suffice for {purpose:?}"),
            Self::SecondClerkFirst => f.write_str("another clerk has to confirm"),
            Self::SameClerk => f.write_str("both clerks are one"),
            Self::ConsentFirst => f.write_str("the holder has not agreed"),
            Self::NothingTaken => f.write_str("no finger was taken"),
            Self::ImpressionsDiffer => f.write_str("the impressions do not agree"),
            Self::FingerTaken => f.write_str("the finger was taken already"),
            Self::FingersTooMany => f.write_str("enough fingers were taken"),
            Self::FingerUnfit => f.write_str("the finger is too worn"),
            Self::NoRoom => f.write_str("the card has no room for fingers"),
        }
    }
}

impl std::error::Error for ProofError {}
