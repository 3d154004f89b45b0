//! Days and months of the project's one calendar, UTC+8.

use std::{fmt, str::FromStr};

use card_spec::date::Date;
use serde::{Deserialize, Serialize, de};

use crate::{id::IdError, timestamp::Timestamp};

/// A day, written as the number `CCYYMMDD` in every message; `Display` writes `2026-11-24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

/// A calendar month for which a pension is paid (发放期), written as the number `CCYYMM` in every message;
/// `Display` writes `2026-11`. Years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(u32);

impl Day {
    /// From the number `CCYYMMDD`; `None` when the calendar has no such day.
    pub fn from_number(number: u32) -> Option<Self> {
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
        let year = u16::try_from(year).ok()?;
        Date::new(year, month as u8, day as u8)?;
        Some(Day(number))
    }

    /// The number `CCYYMMDD`.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The day that a time belongs to.
    pub fn of(at: Timestamp) -> Self {
        let civil = at.civil();
        let year = u32::try_from(civil.year()).unwrap_or(1);
        Day(year * 10_000 + u32::from(u8::from(civil.month())) * 100 + u32::from(civil.day()))
    }

    /// The month that the day belongs to.
    pub fn period(self) -> Period {
        Period(self.0 / 100)
    }

    /// The same day so many months later, or the last day of that month when it has no such day.
    pub fn plus_months(self, months: u16) -> Self {
        let Some(period) = self.period().plus(u32::from(months)) else { return Day(99_991_231) };
        let day = (0..self.0 % 100 + 1).rev().find_map(|day| Self::from_number(period.0 * 100 + day));
        day.unwrap_or(self)
    }

    /// The first millisecond of the day.
    pub fn start(self) -> Timestamp {
        Timestamp::from_card_digits(&format!("{:08}000000", self.0)).unwrap_or_default()
    }

    /// The day so many days later, or earlier.
    pub fn plus_days(self, days: i32) -> Self {
        Self::of(self.start().plus_ms(i64::from(days) * 86_400_000))
    }
}

impl Period {
    /// From the number `CCYYMM`; `None` when there is no such month.
    pub fn from_number(number: u32) -> Option<Self> {
        let (year, month) = (number / 100, number % 100);
        ((1..=9_999).contains(&year) && (1..=12).contains(&month)).then_some(Period(number))
    }

    /// The number `CCYYMM`.
    pub fn number(self) -> u32 {
        self.0
    }

    /// The month that a time belongs to.
    pub fn of(at: Timestamp) -> Self {
        Day::of(at).period()
    }

    /// So many months later; `None` beyond the year 9999.
    pub fn plus(self, months: u32) -> Option<Self> {
        let index = self.index().checked_add(months)?;
        Self::from_number(index / 12 * 100 + index % 12 + 1)
    }

    /// The next month; the last one of the calendar stays.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus(1).unwrap_or(self)
    }

    /// How many months `later` lies after this one; `None` when it lies before.
    pub fn months_until(self, later: Self) -> Option<u32> {
        later.index().checked_sub(self.index())
    }

    /// Months since the beginning of the calendar.
    fn index(self) -> u32 {
        self.0 / 100 * 12 + self.0 % 100 - 1
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0 / 10_000, self.0 / 100 % 100, self.0 % 100)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0 / 100, self.0 % 100)
    }
}

/// Text of fixed width, digits and dashes in their places, as a number.
fn dashed(text: &str, dashes: &[usize], length: usize) -> Option<u32> {
    let right = |(index, byte): (usize, u8)| match dashes.contains(&index) {
        true => byte == b'-',
        false => byte.is_ascii_digit(),
    };
    if text.len() != length || !text.bytes().enumerate().all(right) {
        return None;
    }
    text.replace('-', "").parse().ok()
}

impl FromStr for Day {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let day = dashed(text, &[4, 7], 10).and_then(Self::from_number);
        day.ok_or(IdError { expected: "a day, YYYY-MM-DD" })
    }
}

impl FromStr for Period {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let period = dashed(text, &[4], 7).and_then(Self::from_number);
        period.ok_or(IdError { expected: "a month, YYYY-MM" })
    }
}

macro_rules! serde_as_number {
    ($($name:ident, $expected:literal;)*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u32(self.0)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = u32::deserialize(deserializer)?;
                Self::from_number(number).ok_or_else(|| de::Error::custom(concat!("expected ", $expected)))
            }
        }
    )*};
}
serde_as_number! {
    Day, "a day as CCYYMMDD";
    Period, "a month as CCYYMM";
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn days_and_months_are_those_of_the_calendar() {
        for (number, right) in [(20_280_229, true), (20_260_229, false), (20_261_301, false), (0, false)] {
            assert_eq!(Day::from_number(number).is_some(), right, "{number}");
        }
        for (number, right) in [(202_612, true), (202_613, false), (202_600, false), (12, false)] {
            assert_eq!(Period::from_number(number).is_some(), right, "{number}");
        }
        for text in ["2026-1-01", "2026/01/01", "20260101", "2026-02-29", "2026-01-0x", "二〇二六"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        let day: Day = "2026-11-24".parse().unwrap();
        assert_eq!((day.number(), day.to_string().as_str()), (20_261_124, "2026-11-24"));
        assert_eq!("2026-11".parse::<Period>().unwrap(), day.period());
    }

    #[test]
    fn months_pass() {
        let day = |number| Day::from_number(number).unwrap();
        assert_eq!(day(20_261_124).plus_months(12), day(20_271_124));
        assert_eq!(day(20_280_229).plus_months(12), day(20_290_228));
        assert_eq!(day(20_261_231).plus_months(2), day(20_270_228));
        assert_eq!(day(20_270_101).plus_days(-1), day(20_261_231));
        let period = |number| Period::from_number(number).unwrap();
        assert_eq!(period(202_612).next(), period(202_701));
        assert_eq!(period(202_611).months_until(period(202_702)), Some(3));
        assert_eq!(period(202_611).months_until(period(202_610)), None);
        assert_eq!(period(999_912).next(), period(999_912));
        // The last hour of a month belongs to it by UTC+8, not by UTC.
        assert_eq!(Period::of(Timestamp::from_card_digits("20261201000000").unwrap()), period(202_612));
        assert_eq!(Day::of(day(20_261_124).start()), day(20_261_124));
    }
}
