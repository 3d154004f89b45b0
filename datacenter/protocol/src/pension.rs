//! What is known of a pensioner: the entry of the feed, and the question for it while the line is up.

use std::fmt;

use card_spec::{money::Fen, person::PersonNumber};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    calendar::{Day, Period},
    feed::{BlockReason, PersonState},
    timestamp::Timestamp,
};

/// How far beyond the first unpaid month a later one may be paid: as many as [`Pension::paid_ahead`] tells.
pub const AHEAD_MAX: u32 = 32;

/// What a terminal knows of a person's pension; `Debug` leaves the key out.
///
/// The person's state (suspended, ended, deceased) stands in the person's own entry.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pension {
    /// The first 17 digits of the person number (see `PersonNumber::key`).
    pub key: u64,
    /// What a month's pension is, in fen.
    #[schema(value_type = crate::schema::Money)]
    pub monthly: Fen,
    /// First month that is not paid.
    pub next_unpaid: Period,
    /// Months after it that are paid already: bit n stands for the month n + 1 later.
    pub paid_ahead: u32,
    /// Certified up to this day, included; `None` when never.
    pub certified_until: Option<Day>,
    /// What the center knows of fingers on this person's cards.
    pub fingers: Fingers,
}

/// What the center knows of a person's fingers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fingers {
    /// Nothing.
    #[default]
    Unknown,
    /// A card holds some.
    Enrolled,
    /// None can be used.
    NoneUsable,
}

impl Pension {
    /// Whether a month is paid, or lies before everything that this pension covers.
    pub fn paid(&self, period: Period) -> bool {
        match self.next_unpaid.months_until(period) {
            None => true,
            Some(0) => false,
            Some(ahead) => ahead <= AHEAD_MAX && self.paid_ahead & (1 << (ahead - 1)) != 0,
        }
    }

    /// Months that are not paid up to and including `last`, the oldest first; at most [`AHEAD_MAX`] + 1.
    pub fn unpaid(&self, last: Period) -> impl Iterator<Item = Period> + use<> {
        let pension = *self;
        (0..=AHEAD_MAX)
            .filter_map(move |ahead| pension.next_unpaid.plus(ahead))
            .filter(move |period| *period <= last && !pension.paid(*period))
    }

    /// The entry after a month has been paid; `None` when it is paid already or more than [`AHEAD_MAX`]
    /// months ahead of the first unpaid one.
    #[must_use]
    pub fn after_paying(&self, period: Period) -> Option<Self> {
        if self.paid(period) {
            return None;
        }
        let mut after = *self;
        match self.next_unpaid.months_until(period)? {
            0 => {
                // The first unpaid month moves past all that were paid ahead.
                let passed = self.paid_ahead.trailing_ones();
                after.next_unpaid = self.next_unpaid.plus(passed + 1)?;
                after.paid_ahead = self.paid_ahead.checked_shr(passed + 1).unwrap_or(0);
            }
            ahead if ahead <= AHEAD_MAX => after.paid_ahead |= 1 << (ahead - 1),
            _ => return None,
        }
        Some(after)
    }

    /// Whether the person is certified on a day.
    pub fn certified_on(&self, day: Day) -> bool {
        self.certified_until.is_some_and(|until| day <= until)
    }
}

impl fmt::Debug for Pension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pension")
            .field("monthly", &self.monthly)
            .field("next_unpaid", &self.next_unpaid)
            .field("paid_ahead", &self.paid_ahead)
            .field("certified_until", &self.certified_until)
            .field("fingers", &self.fingers)
            .finish_non_exhaustive()
    }
}

/// Asks the center how a person's pension stands now. `Debug` leaves the card out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PensionQuery {
    /// The whole number; it travels in a body, never in an address.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
    /// The card that the person shows, to hear whether it is blocked: identification code without its MAC.
    #[serde(default, with = "crate::feed::optional_card", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::schema::CardKey>)]
    pub card: Option<[u8; 12]>,
}

impl fmt::Debug for PensionQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PensionQuery").field("person", &self.person).finish_non_exhaustive()
    }
}

/// The center's answer about one person's pension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PensionAnswer {
    /// The pension, when this center pays one.
    pub pension: Option<Pension>,
    /// State of the person, when this center knows the person.
    pub state: Option<PersonState>,
    /// Why the card that was asked about is blocked; `None` when it is not, or none was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<BlockReason>,
    /// The center's clock.
    pub as_of: Timestamp,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn period(number: u32) -> Period {
        Period::from_number(number).unwrap()
    }

    fn pension() -> Pension {
        Pension {
            key: 1,
            monthly: Fen(150_000),
            next_unpaid: period(202_609),
            paid_ahead: 0,
            certified_until: None,
            fingers: Fingers::Unknown,
        }
    }

    #[test]
    fn each_month_is_paid_once_in_any_order() {
        let mut now = pension();
        for (month, next_unpaid) in
            [(202_611, 202_609), (202_610, 202_609), (202_609, 202_612), (202_612, 202_701)]
        {
            now = now.after_paying(period(month)).unwrap();
            assert_eq!(now.next_unpaid, period(next_unpaid));
            assert!(now.paid(period(month)) && now.after_paying(period(month)).is_none());
        }
        assert_eq!(now.paid_ahead, 0);
        assert!(now.after_paying(period(202_608)).is_none(), "before the pension began");
        assert_eq!(
            now.unpaid(period(202_703)).collect::<Vec<_>>(),
            [202_701, 202_702, 202_703].map(period).to_vec()
        );
        assert_eq!(now.unpaid(period(202_612)).next(), None);
    }

    #[test]
    fn as_many_months_ahead_as_the_entry_can_tell() {
        let first = pension();
        assert!(first.after_paying(first.next_unpaid.plus(AHEAD_MAX + 1).unwrap()).is_none());
        let mut now = first;
        for ahead in (1..=AHEAD_MAX).rev() {
            now = now.after_paying(first.next_unpaid.plus(ahead).unwrap()).unwrap();
        }
        assert_eq!((now.next_unpaid, now.paid_ahead), (first.next_unpaid, u32::MAX));
        now = now.after_paying(first.next_unpaid).unwrap();
        assert_eq!((Some(now.next_unpaid), now.paid_ahead), (first.next_unpaid.plus(AHEAD_MAX + 1), 0));
    }
}
