//! What can be wrong with a whole request.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Content type of a problem. Source: RFC 9457 §3.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Why the center refused a whole request; the body of every answer that is not 2xx (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What went wrong, one of a closed list.
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// HTTP status.
    pub status: u16,
    /// For the log of the one who has to act; holds no personal data.
    pub detail: String,
}

/// The closed list of what can be wrong with a whole request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// The request cannot be read.
    Malformed,
    /// Larger than allowed.
    TooLarge,
    /// No client certificate, or one that is not this terminal's.
    NotAuthenticated,
    /// The terminal is blocked or unknown.
    TerminalUnknown,
    /// The one-time code is wrong, used or out of date.
    Code,
    /// A signature is wrong.
    Signature,
    /// The batch does not continue the chain that the center holds: the ledger was put back.
    ChainBroken,
    /// Records are missing between the center's head and this batch.
    ChainGap,
    /// The account has not as much, or the card's MAC is wrong.
    LoadRefused,
    /// Nothing there by that name.
    NotFound,
    /// A terminal of this kind has no right to ask for that.
    Forbidden,
    /// No proof that the holder of the card is there: too old, too weak, or of another person's card.
    HolderNotShown,
    /// The card is blocked; nothing is told to whoever holds it.
    CardBlocked,
    /// More questions than a person or a terminal has in an hour; come again later.
    TooMany,
    /// Too much at once; come again later.
    Overloaded,
    /// The center's storage failed; nothing was booked.
    Storage,
    /// The request took longer than allowed; what it asked for may have been done, so ask again.
    TooSlow,
    /// The address exists, but not for this method.
    MethodNotAllowed,
    /// A fault in the center's program; nothing was booked.
    Internal,
}

impl ProblemKind {
    /// HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::Signature => 400,
            Self::NotAuthenticated => 401,
            Self::TerminalUnknown
            | Self::Code
            | Self::Forbidden
            | Self::HolderNotShown
            | Self::CardBlocked => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TooSlow => 408,
            Self::ChainBroken | Self::ChainGap | Self::LoadRefused => 409,
            Self::TooLarge => 413,
            Self::TooMany => 429,
            Self::Internal => 500,
            Self::Overloaded | Self::Storage => 503,
        }
    }
}

impl Problem {
    /// A problem with the status of its kind. `detail` must hold no personal data.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Problem { kind, status: kind.status(), detail: detail.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({}): {}", self.kind, self.status, self.detail)
    }
}

impl std::error::Error for Problem {}
