//! Time as an attribute; sequence numbers order records, not time.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{
    OffsetDateTime, UtcOffset,
    macros::{datetime, offset},
};
use utoipa::ToSchema;

/// The one time zone of the project, UTC+8.
pub const ZONE: UtcOffset = offset!(+8);

/// Milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// How far a terminal trusted its clock when it wrote a time down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockQuality {
    /// Compared with the center's clock within the last day.
    Checked,
    /// Not compared for longer, but never ran backwards.
    Unchecked,
    /// Ran backwards or differs from the center's by more than the limit.
    Doubtful,
}

impl Timestamp {
    /// Calendar date and time in UTC+8; times outside the years 1 to 9998 are cut to those ends.
    ///
    /// A message may hold any number, so no number may panic here.
    pub fn civil(self) -> OffsetDateTime {
        const FIRST_MS: i64 = datetime!(0001-01-01 00:00 UTC).unix_timestamp() * 1_000;
        const LAST_MS: i64 = datetime!(9998-12-31 00:00 UTC).unix_timestamp() * 1_000;
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0.clamp(FIRST_MS, LAST_MS)) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            .to_offset(ZONE)
    }

    /// `CCYYMMDDhhmmss` as seven BCD bytes, as cards carry it.
    pub fn to_bcd(self) -> [u8; 7] {
        let t = self.civil();
        let bcd = |value: u8| ((value / 10) << 4) | (value % 10);
        let year = u16::try_from(t.year()).unwrap_or(0);
        [
            bcd((year / 100) as u8),
            bcd((year % 100) as u8),
            bcd(u8::from(t.month())),
            bcd(t.day()),
            bcd(t.hour()),
            bcd(t.minute()),
            bcd(t.second()),
        ]
    }

    /// From the fourteen digits `CCYYMMDDhhmmss` in UTC+8 of a card transaction; `None` when that is no time.
    pub fn from_card_digits(digits: &str) -> Option<Self> {
        if digits.len() != 14 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let number = |range: std::ops::Range<usize>| digits[range].parse::<u16>().ok();
        let small = |range| number(range).and_then(|number| u8::try_from(number).ok());
        let month = time::Month::try_from(small(4..6)?).ok()?;
        let date = time::Date::from_calendar_date(number(0..4)?.into(), month, small(6..8)?).ok()?;
        let time = time::Time::from_hms(small(8..10)?, small(10..12)?, small(12..14)?).ok()?;
        Some(Timestamp(date.with_time(time).assume_offset(ZONE).unix_timestamp() * 1_000))
    }

    /// This time moved by milliseconds.
    pub fn plus_ms(self, ms: i64) -> Self {
        Timestamp(self.0.saturating_add(ms))
    }
}

impl fmt::Display for Timestamp {
    /// `2026-11-24 13:05:09`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.civil();
        write!(
            f,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn civil_time_is_east_eight() {
        let t = Timestamp(1_795_496_709_000);
        assert_eq!(t.to_string(), "2026-11-24 13:05:09");
        assert_eq!(t.to_bcd(), [0x20, 0x26, 0x11, 0x24, 0x13, 0x05, 0x09]);
    }

    #[test]
    fn digits_of_a_card_are_a_time_or_none() {
        assert_eq!(Timestamp::from_card_digits("20261124130509"), Some(Timestamp(1_795_496_709_000)));
        for wrong in [
            "",
            "2026112413050",
            "20261324130509",
            "20260229130509",
            "20261124240509",
            "yesterday 9:30",
            "日日日日aa",
        ] {
            assert_eq!(Timestamp::from_card_digits(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_number_panics() {
        for ms in [i64::MIN, i64::MAX, -62_135_596_800_001, 253_402_300_799_999, 253_402_300_800_000, 0] {
            let t = Timestamp(ms);
            assert!((1..=9998).contains(&t.civil().year()), "{ms}");
            assert_eq!(t.to_string().len(), 19, "{ms}");
            t.to_bcd();
            t.plus_ms(i64::MAX);
        }
    }
}
