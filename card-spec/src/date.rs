//! Dates on the card and of transactions.

use core::fmt;

use crate::{
    Error, Part,
    bytes::join,
    text::{number_from_bcd, number_to_bcd},
};

/// A day of the Gregorian calendar, years 1 to 9999. `Display` writes `2024-01-15`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A day and a time of day on the card's only clock, UTC+8. `Display` writes `2024-01-15 09:30:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    date: Date,
    hour: u8,
    minute: u8,
    second: u8,
}

/// What a date record of a card may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardDate {
    /// A day.
    Day(Date),
    /// A year alone, as some cards of generation 2.0 have it in ASCII.
    Year(u16),
    /// FF or 00 throughout: never written.
    NotIssued,
}

/// Whether a card may be used on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Between issue and expiry, both included.
    Valid,
    /// Issued after that day.
    NotYetValid,
    /// The last day of validity is over.
    Expired {
        /// That last day.
        last_day: Date,
    },
    /// One of the dates was never written.
    NotIssued,
}

impl Date {
    /// 1970-01-01.
    pub const EPOCH: Self = Date { year: 1970, month: 1, day: 1 };

    /// A day; `None` when the calendar has none such.
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        if year == 0 || year > 9999 || month == 0 || month > 12 || day == 0 || day > days_in(year, month) {
            return None;
        }
        Some(Date { year, month, day })
    }

    /// Parses CCYYMMDD digits, with or without `-` between the fields.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        let digits: [u8; 8] = match text.len() {
            8 => text.try_into().ok()?,
            10 if text[4] == b'-' && text[7] == b'-' => {
                [text[0], text[1], text[2], text[3], text[5], text[6], text[8], text[9]]
            }
            _ => return None,
        };
        let number = |range: core::ops::Range<usize>| {
            digits[range].iter().try_fold(0_u16, |value, digit| {
                digit.is_ascii_digit().then(|| value * 10 + u16::from(digit - b'0'))
            })
        };
        Date::new(number(0..4)?, number(4..6)? as u8, number(6..8)? as u8)
    }

    /// Four bytes of BCD, CCYYMMDD.
    pub fn from_cn(bytes: [u8; 4]) -> Option<Self> {
        let year = number_from_bcd(&bytes[..2])?;
        Date::new(year as u16, number_from_bcd(&bytes[2..3])? as u8, number_from_bcd(&bytes[3..])? as u8)
    }

    /// Four bytes of BCD, CCYYMMDD.
    pub fn to_cn(self) -> [u8; 4] {
        let number = u32::from(self.year) * 10_000 + u32::from(self.month) * 100 + u32::from(self.day);
        // Cannot fail: years end at 9999.
        number_to_bcd(number).unwrap_or_default()
    }

    /// Year, 1 to 9999.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// Month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// Day of the month, 1 to 31.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The same day so many years later; 29 February becomes the 28th where there is none.
    pub fn plus_years(self, years: u16) -> Option<Self> {
        let year = self.year.checked_add(years)?;
        Date::new(year, self.month, self.day).or_else(|| Date::new(year, self.month, 28))
    }

    /// Completed years from this day to another; `None` when the other is earlier.
    pub fn years_until(self, later: Date) -> Option<u16> {
        let years = later.year.checked_sub(self.year)?;
        if (later.month, later.day) < (self.month, self.day) { years.checked_sub(1) } else { Some(years) }
    }
}

const fn days_in(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

impl DateTime {
    /// A day and a time; `None` when the time is none.
    pub const fn new(date: Date, hour: u8, minute: u8, second: u8) -> Option<Self> {
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(DateTime { date, hour, minute, second })
    }

    /// Seven bytes of BCD, CCYYMMDDhhmmss.
    pub fn from_cn(bytes: [u8; 7]) -> Option<Self> {
        let [a, b, c, d, hour, minute, second] = bytes;
        let two = |byte| number_from_bcd(&[byte]).map(|number| number as u8);
        DateTime::new(Date::from_cn([a, b, c, d])?, two(hour)?, two(minute)?, two(second)?)
    }

    /// Seven bytes of BCD, CCYYMMDDhhmmss.
    pub fn to_cn(self) -> [u8; 7] {
        let time = u32::from(self.hour) * 10_000 + u32::from(self.minute) * 100 + u32::from(self.second);
        join(&[&self.date.to_cn(), &number_to_bcd::<3>(time).unwrap_or_default()])
    }

    /// The day.
    pub const fn date(self) -> Date {
        self.date
    }

    /// Hour, minute and second.
    pub const fn time(self) -> (u8, u8, u8) {
        (self.hour, self.minute, self.second)
    }
}

impl CardDate {
    /// Reads a date record: BCD CCYYMMDD, or ASCII digits CCYYMMDD or CCYY.
    ///
    /// `Malformed` when it is none of these or no day of the calendar.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let malformed = Error::Malformed { part: Part::Date };
        if !bytes.is_empty() && (bytes.iter().all(|b| *b == 0xFF) || bytes.iter().all(|b| *b == 0)) {
            return Ok(CardDate::NotIssued);
        }
        let ascii = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
        match bytes {
            // As BCD, ASCII digits would be a year above 3000: the two cannot be mistaken.
            [a, b, c, d] if ascii => {
                let year =
                    [a, b, c, d].iter().fold(0_u16, |year, digit| year * 10 + u16::from(**digit - b'0'));
                if year == 0 { Err(malformed) } else { Ok(CardDate::Year(year)) }
            }
            [a, b, c, d] => Date::from_cn([*a, *b, *c, *d]).map(CardDate::Day).ok_or(malformed),
            [_, _, _, _, _, _, _, _] if ascii => {
                core::str::from_utf8(bytes).ok().and_then(Date::parse).map(CardDate::Day).ok_or(malformed)
            }
            _ => Err(malformed),
        }
    }

    /// Four bytes as a card stores it: BCD, a year in ASCII, FF throughout.
    pub fn to_cn(self) -> [u8; 4] {
        match self {
            CardDate::Day(date) => date.to_cn(),
            CardDate::Year(year) => {
                let digit = |power| b'0' + (year / power % 10) as u8;
                [digit(1000), digit(100), digit(10), digit(1)]
            }
            CardDate::NotIssued => [0xFF; 4],
        }
    }

    /// First day that it may mean.
    pub fn first_day(self) -> Option<Date> {
        match self {
            CardDate::Day(date) => Some(date),
            CardDate::Year(year) => Date::new(year, 1, 1),
            CardDate::NotIssued => None,
        }
    }

    /// Last day that it may mean.
    pub fn last_day(self) -> Option<Date> {
        match self {
            CardDate::Day(date) => Some(date),
            CardDate::Year(year) => Date::new(year, 12, 31),
            CardDate::NotIssued => None,
        }
    }
}

impl Validity {
    /// Judges a card by its issue date (tag 05) and expiry (tag 06); both days belong to the validity.
    pub fn on(today: Date, issued: CardDate, expires: CardDate) -> Self {
        let (Some(first_day), Some(last_day)) = (issued.first_day(), expires.last_day()) else {
            return Validity::NotIssued;
        };
        if today < first_day {
            Validity::NotYetValid
        } else if today > last_day {
            Validity::Expired { last_day }
        } else {
            Validity::Valid
        }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:02}:{:02}:{:02}", self.date, self.hour, self.minute, self.second)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Date {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Date {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Date;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date such as 2024-01-15")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Date, E> {
                Date::parse(text).ok_or_else(|| E::custom("no such day"))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}
