//! The register of those who seek work.

use std::fmt;

use card_spec::{money::Fen, region::RegionCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{calendar::Day, id::TerminalId, timestamp::Timestamp};

/// Longest text of a wish, in bytes.
pub const WISH_BYTES_MAX: usize = 120;

/// Longest telephone number, in digits and signs.
pub const PHONE_BYTES_MAX: usize = 20;

/// Months that a registration holds.
pub const REGISTRATION_MONTHS: u16 = 6;

/// What somebody who seeks work tells; `Debug` leaves the telephone number out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeekWork {
    /// What work, in the person's own words.
    pub wish: String,
    /// Where.
    #[schema(value_type = crate::schema::RegionCode)]
    pub district: RegionCode,
    /// The least that a month should bring; nothing for any.
    #[schema(value_type = crate::schema::Money)]
    pub wage_min: Fen,
    /// Where the person can be called: digits, `+`, `-` and spaces.
    pub phone: String,
}

impl SeekWork {
    /// Whether texts and numbers are within their limits.
    pub fn sound(&self) -> bool {
        let wish = self.wish.trim();
        !wish.is_empty()
            && self.wish.len() <= WISH_BYTES_MAX
            && !self.wish.contains(char::is_control)
            && (Fen::ZERO..=Fen::CARD_MAX).contains(&self.wage_min)
            && self.phone.len() <= PHONE_BYTES_MAX
            && self.phone.bytes().filter(u8::is_ascii_digit).count() >= 5
            && self.phone.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b' '))
    }
}

impl fmt::Debug for SeekWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeekWork")
            .field("district", &self.district)
            .field("wage_min", &self.wage_min)
            .finish_non_exhaustive()
    }
}

/// A registration as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Seeker {
    /// What was told.
    pub seek: SeekWork,
    /// When it was registered or last changed.
    pub at: Timestamp,
    /// Last day that it holds.
    pub until: Day,
    /// At which desk it was taken up; `None` when the person did it alone, or for one of long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<TakenBy>,
}

/// Who took a registration up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TakenBy {
    /// The terminal.
    pub terminal: TerminalId,
    /// Operator number.
    pub operator: String,
}

/// The answer to everything about seeking work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WorkAnswer {
    /// The registration; `None` when there is none, or it has run out.
    pub seeker: Option<Seeker>,
}
