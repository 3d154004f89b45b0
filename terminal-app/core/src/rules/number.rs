//! Exact numbers of bills and rules: prices, counts, shares, and how they are written in JSON.
//!
//! Everything is written as decimal text (`"4.520000"`, `"85%"`), never as a JSON number, because a JSON
//! number may have passed through a binary fraction on its way.

use std::{fmt, str::FromStr};

use card_spec::money::Fen;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number that cannot be read, with what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberError {
    /// What would be right, in English, with an example.
    pub expected: &'static str,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "write {}", self.expected)
    }
}

impl std::error::Error for NumberError {}

/// A part of a whole in parts per million, 0 to 1 000 000.
///
/// In JSON a percentage, `"85%"`, or a fraction as the national interface writes it, `"0.85"`.
/// `Display` writes the percentage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

impl Share {
    /// 100 %.
    pub const ALL: Share = Share(1_000_000);
    /// 0 %.
    pub const NONE: Share = Share(0);

    /// From parts per million; `None` above 1 000 000.
    pub const fn from_ppm(ppm: u32) -> Option<Self> {
        if ppm <= Self::ALL.0 { Some(Share(ppm)) } else { None }
    }

    /// Parts per million.
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// What is left of the whole: 15 % for 85 %.
    pub const fn complement(self) -> Self {
        Share(Self::ALL.0 - self.0)
    }

    /// A share of a share, rounded half up to a millionth: 60 % of 15 % is 9 %.
    pub const fn times(self, other: Share) -> Self {
        Share(((self.0 as u64 * other.0 as u64 + 500_000) / 1_000_000) as u32)
    }

    /// This share of an amount, rounded half up to a fen.
    pub fn of(self, amount: Fen) -> Fen {
        const SCALE: i64 = 1_000_000;
        // Nearly every amount fits 64 bits; the division of 128 bits is several times slower.
        let half = if amount.0 < 0 { -SCALE / 2 } else { SCALE / 2 };
        match amount.0.checked_mul(i64::from(self.0)).and_then(|product| product.checked_add(half)) {
            Some(product) => Fen(product / SCALE),
            None => amount.share(self.0),
        }
    }
}

impl FromStr for Share {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let ppm = match text.strip_suffix('%') {
            Some(percent) => decimal(percent, 4),
            None => decimal(text, 6),
        };
        ppm.and_then(|ppm| u32::try_from(ppm).ok())
            .and_then(Share::from_ppm)
            .ok_or(NumberError { expected: "a share from 0% to 100%, for example \"85%\" or \"0.85\"" })
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&trimmed(u64::from(self.0), 4))?;
        f.write_str("%")
    }
}

/// The price of one unit (单价) in millionths of a yuan.
///
/// Source: national interface, `pric` N(16,6). Never above [`UnitPrice::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPrice(u64);

impl UnitPrice {
    /// 9 999 999.999999 yuan.
    pub const MAX: UnitPrice = UnitPrice(9_999_999_999_999);

    /// From millionths of a yuan; `None` above [`UnitPrice::MAX`].
    pub const fn from_millionths(millionths: u64) -> Option<Self> {
        if millionths <= Self::MAX.0 { Some(UnitPrice(millionths)) } else { None }
    }

    /// A whole number of fen; `None` when it is negative or above [`UnitPrice::MAX`].
    pub fn from_fen(amount: Fen) -> Option<Self> {
        u64::try_from(amount.0).ok().and_then(|fen| fen.checked_mul(10_000)).and_then(Self::from_millionths)
    }

    /// Millionths of a yuan.
    pub const fn millionths(self) -> u64 {
        self.0
    }

    /// Price × count, rounded half up to a fen.
    pub fn times(self, count: Count) -> Fen {
        const SCALE: u64 = 100_000_000;
        // Nearly every line fits 64 bits; the division of 128 bits is several times slower.
        let fen = match self.0.checked_mul(count.0).and_then(|product| product.checked_add(SCALE / 2)) {
            Some(product) => i64::try_from(product / SCALE).unwrap_or(i64::MAX),
            None => {
                let product = u128::from(self.0) * u128::from(count.0) + u128::from(SCALE / 2);
                i64::try_from(product / u128::from(SCALE)).unwrap_or(i64::MAX)
            }
        };
        Fen(fen)
    }
}

impl FromStr for UnitPrice {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        decimal(text, 6).and_then(UnitPrice::from_millionths).ok_or(NumberError {
            expected: "a price in yuan with at most 6 decimal places, up to 9999999.999999, for example \"4.52\"",
        })
    }
}

impl fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = trimmed(self.0, 6);
        let places = text.split_once('.').map_or(0, |(_, places)| places.len());
        match places {
            0 => write!(f, "{text}.00"),
            1 => write!(f, "{text}0"),
            _ => f.write_str(&text),
        }
    }
}

/// How many units (数量) in ten-thousandths.
///
/// Source: national interface, `cnt` N(16,4). Never above [`Count::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count(u64);

impl Count {
    /// 999 999.9999.
    pub const MAX: Count = Count(9_999_999_999);
    /// One unit.
    pub const ONE: Count = Count(10_000);

    /// From ten-thousandths; `None` above [`Count::MAX`].
    pub const fn from_ten_thousandths(ten_thousandths: u64) -> Option<Self> {
        if ten_thousandths <= Self::MAX.0 { Some(Count(ten_thousandths)) } else { None }
    }

    /// Ten-thousandths.
    pub const fn ten_thousandths(self) -> u64 {
        self.0
    }
}

impl FromStr for Count {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        decimal(text, 4).and_then(Count::from_ten_thousandths).ok_or(NumberError {
            expected: "a count with at most 4 decimal places, up to 999999.9999, for example \"2\"",
        })
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&trimmed(self.0, 4))
    }
}

/// `12.5` as an integer of `places` decimal places; `None` for signs, blanks, more places or overflow.
fn decimal(text: &str, places: usize) -> Option<u64> {
    let (whole, part) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, part)) => (whole, part),
        None => (text, ""),
    };
    if whole.is_empty()
        || part.len() > places
        || !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let scale = |places: usize| 10_u64.checked_pow(u32::try_from(places).ok()?);
    let part = if part.is_empty() {
        0
    } else {
        part.parse::<u64>().ok()?.checked_mul(scale(places - part.len())?)?
    };
    whole.parse::<u64>().ok()?.checked_mul(scale(places)?)?.checked_add(part)
}

fn trimmed(value: u64, places: usize) -> String {
    let text = format!("{value:0width$}", width = places + 1);
    let (whole, part) = text.split_at(text.len() - places);
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

macro_rules! text_in_json {
    ($($number:ty),*) => {$(
        impl Serialize for $number {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $number {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(DecimalText).and_then(|text| text.parse().map_err(de::Error::custom))
            }
        }
    )*};
}

text_in_json!(Share, UnitPrice, Count);

/// Takes text only, and says so to whoever wrote a bare number.
struct DecimalText;

impl de::Visitor<'_> for DecimalText {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number as text in quotation marks, for example \"12.50\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

/// Serde of [`Fen`] as yuan text, for files that people write.
pub(crate) mod yuan {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(amount: &Fen, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(amount)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fen, D::Error> {
        let text = deserializer.deserialize_any(DecimalText)?;
        Fen::parse_yuan(&text).filter(|amount| amount.0 >= 0).ok_or_else(|| {
            de::Error::custom(
                "write an amount in yuan with at most 2 decimal places, for example \"1300.00\"",
            )
        })
    }
}

/// The same where the amount may be `null`; the field itself must be there.
pub(crate) fn yuan_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Fen>, D::Error> {
    #[derive(Deserialize)]
    struct Amount(#[serde(with = "yuan")] Fen);
    Ok(Option::<Amount>::deserialize(deserializer)?.map(|amount| amount.0))
}

/// Serde of a date as `2025-01-31`.
pub(crate) mod date {
    use super::*;
    use time::{Date, format_description::BorrowedFormatItem, macros::format_description};

    pub(crate) const FORMAT: &[BorrowedFormatItem<'static>] = format_description!("[year]-[month]-[day]");

    pub(crate) fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&date.format(FORMAT).map_err(serde::ser::Error::custom)?)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        let text = deserializer.deserialize_any(DecimalText)?;
        Date::parse(&text, FORMAT)
            .map_err(|_| de::Error::custom("write a date as year-month-day, for example \"2025-01-31\""))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn shares_are_percentages_or_fractions() {
        for (text, ppm) in
            [("85%", 850_000), ("0.85", 850_000), ("0.05", 50_000), ("100%", 1_000_000), ("1", 1_000_000)]
        {
            assert_eq!(text.parse::<Share>().unwrap().ppm(), ppm, "{text}");
        }
        for bad in ["101%", "85", "-1%", "", "%", "0.0000001", "1.000001", " 85%", "85 %", "1e2%"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
        assert_eq!("59.5%".parse::<Share>().unwrap().to_string(), "59.5%");
        let worker: Share = "15%".parse().unwrap();
        assert_eq!(worker.times("60%".parse().unwrap()).to_string(), "9%");
        assert_eq!(worker.complement().to_string(), "85%");
    }

    #[test]
    fn both_ways_to_take_a_share_agree() {
        let largest = i64::MAX / 1_000_000;
        for amount in
            [0, 1, -1, 449, 450, 452, -450, 99_999_999, largest - 1, largest, largest + 1, i64::MAX, i64::MIN]
        {
            for ppm in [0, 1, 49_999, 50_000, 333_333, 500_000, 999_999, 1_000_000] {
                let share = Share::from_ppm(ppm).unwrap();
                assert_eq!(share.of(Fen(amount)), Fen(amount).share(ppm), "{amount} × {ppm}");
            }
        }
    }

    #[test]
    fn price_times_count_rounds_half_up() {
        let times = |price: &str, count: &str| {
            price.parse::<UnitPrice>().unwrap().times(count.parse().unwrap()).to_string()
        };
        assert_eq!(times("4.52", "1"), "4.52");
        assert_eq!(times("0.333333", "3"), "1.00");
        assert_eq!(times("0.005", "1"), "0.01");
        assert_eq!(times("0.004999", "1"), "0.00");
        assert_eq!(times("9999999.999999", "999999.9999"), "9999999998999.00");
    }

    #[test]
    fn prices_and_counts_have_limits() {
        for bad in ["10000000", "1.2345678", "-1", "1.", ".5", "1,5", "１"] {
            assert!(bad.parse::<UnitPrice>().is_err(), "{bad}");
        }
        assert!("1000000".parse::<Count>().is_err());
        assert!("1.00001".parse::<Count>().is_err());
        assert_eq!("4.5".parse::<UnitPrice>().unwrap().to_string(), "4.50");
        assert_eq!("4.123456".parse::<UnitPrice>().unwrap().to_string(), "4.123456");
        assert_eq!("2.5000".parse::<Count>().unwrap().to_string(), "2.5");
    }

    #[test]
    fn bare_json_numbers_are_refused_with_advice() {
        let error = serde_json::from_str::<UnitPrice>("4.52").unwrap_err().to_string();
        assert!(error.contains("quotation marks"), "{error}");
        assert_eq!(serde_json::from_str::<UnitPrice>("\"4.52\"").unwrap().millionths(), 4_520_000);
    }
}
