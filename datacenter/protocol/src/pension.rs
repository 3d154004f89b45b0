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

    /// First of the months of which this entry tells no amount, see [`Schedule::as_one_amount`].
    pub fn untold_from(&self) -> Option<Period> {
        let untold = self.paid_ahead.leading_ones();
        if untold == 0 { None } else { self.next_unpaid.plus(AHEAD_MAX + 1 - untold) }
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

/// Earlier amounts of one pension that are told at most; of more, the oldest are left out.
pub const EARLIER_MAX: usize = 64;

/// What a month's pension was before it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Earlier {
    /// First month that is paid otherwise.
    pub before: Period,
    /// What each month before it was, back to the change before that.
    #[schema(value_type = crate::schema::Money)]
    pub monthly: Fen,
}

/// A pension with its amounts by month: [`Pension::monthly`] is the one that no change follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Schedule {
    /// The entry.
    pub pension: Pension,
    /// Amounts of months before the last change, in the order of the months. Those that are paid may be left out.
    pub earlier: Vec<Earlier>,
}

impl Schedule {
    /// A pension that was always the same.
    pub fn constant(pension: Pension) -> Self {
        Schedule { pension, earlier: Vec::new() }
    }

    /// What the pension of a month is.
    pub fn amount(&self, period: Period) -> Fen {
        let earlier = self.earlier.iter().find(|earlier| period < earlier.before);
        earlier.map_or(self.pension.monthly, |earlier| earlier.monthly)
    }

    /// From this month on it is so much; what was planned for later months is void.
    pub fn change(&mut self, from: Period, monthly: Fen) {
        // What holds up to the month before.
        let until = self.earlier.iter().find(|earlier| from <= earlier.before);
        let until = until.map_or(self.pension.monthly, |earlier| earlier.monthly);
        self.earlier.retain(|earlier| earlier.before < from);
        if until != monthly {
            self.earlier.push(Earlier { before: from, monthly: until });
        }
        self.pension.monthly = monthly;
    }

    /// The entry for whoever knows one amount only: that of the first unpaid month. From the first month with
    /// another amount on all count as paid ahead, so that none is paid wrongly; those are told anew when the
    /// others are paid.
    #[must_use]
    pub fn as_one_amount(&self) -> Pension {
        let mut entry = self.pension;
        entry.monthly = self.amount(entry.next_unpaid);
        let differs = |ahead: u32| {
            entry.next_unpaid.plus(ahead).is_some_and(|period| self.amount(period) != entry.monthly)
        };
        if let Some(ahead) = (1..=AHEAD_MAX).find(|ahead| differs(*ahead)) {
            entry.paid_ahead |= u32::MAX << (ahead - 1);
        }
        entry
    }

    /// Whether it keeps to the order and the limit of its amounts.
    pub fn sound(&self) -> bool {
        self.earlier.len() <= EARLIER_MAX && self.earlier.is_sorted_by(|one, two| one.before < two.before)
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
    /// The pension, when this center pays one, as [`Schedule::as_one_amount`].
    pub pension: Option<Pension>,
    /// The same with its amounts by month, when not all unpaid months have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
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
    fn each_month_has_the_amount_that_was_in_force() {
        let mut raised = Schedule::constant(pension());
        raised.change(period(202_611), Fen(160_000));
        raised.change(period(202_701), Fen(170_000));
        let amounts = |schedule: &Schedule| {
            [202_601, 202_610, 202_611, 202_612, 202_701, 203_001]
                .map(|month| schedule.amount(period(month)).0)
        };
        assert_eq!(amounts(&raised), [150_000, 150_000, 160_000, 160_000, 170_000, 170_000]);
        assert!(raised.sound());
        // The same once more is no change.
        let mut again = raised.clone();
        again.change(period(202_701), Fen(170_000));
        assert_eq!(again, raised);
        // A correction takes the place of what was planned for the same months and later ones.
        let mut corrected = raised.clone();
        corrected.change(period(202_611), Fen(155_000));
        assert_eq!(amounts(&corrected), [150_000, 150_000, 155_000, 155_000, 155_000, 155_000]);
        corrected.change(period(202_611), Fen(150_000));
        assert_eq!((amounts(&corrected), corrected.earlier.len()), ([150_000; 6], 0));
    }

    #[test]
    fn who_knows_one_amount_pays_no_other() {
        let mut raised = Schedule::constant(pension());
        assert_eq!((raised.as_one_amount(), pension().untold_from()), (pension(), None));
        raised.change(period(202_611), Fen(160_000));
        let mut told = raised.as_one_amount();
        assert_eq!(told.unpaid(period(203_001)).collect::<Vec<_>>(), [202_609, 202_610].map(period));
        assert_eq!((told.monthly, told.untold_from()), (Fen(150_000), Some(period(202_611))));
        // Those are paid: then the others are told, by their own amount.
        for month in [202_609, 202_610] {
            told = told.after_paying(period(month)).unwrap();
            raised.pension = raised.pension.after_paying(period(month)).unwrap();
        }
        assert_eq!(told.unpaid(period(202_812)).next(), None);
        let told = raised.as_one_amount();
        assert_eq!((told.monthly, told.next_unpaid, told.paid_ahead), (Fen(160_000), period(202_611), 0));
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
