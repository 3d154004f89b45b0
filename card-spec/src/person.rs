//! Citizen identification numbers (公民身份号码), which are also social security numbers.

use core::{fmt, str};

use crate::{date::Date, region::RegionCode};

const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECK: &[u8; 11] = b"10X98765432";

/// An 18-character number whose check character is right.
///
/// `Debug` and `Display` show the region and hide the rest; [`PersonNumber::as_str`] gives all of it.
/// Source: GB 11643-1999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonNumber([u8; 18]);

/// Why 18 characters are no person number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonNumberError {
    /// Not 18 characters.
    Length {
        /// Characters given.
        got: usize,
    },
    /// One of the first 17 characters is no digit.
    NotDigit,
    /// The birth date is no day of the calendar.
    BirthDate,
    /// The check character (GB 11643 §3.2) is wrong.
    Check {
        /// What the 17 digits demand.
        expected: char,
    },
}

/// Sex as coded by GB/T 2261.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// Code 1.
    Male,
    /// Code 2.
    Female,
}

impl PersonNumber {
    /// Parses 18 characters; a small `x` is taken as `X`.
    ///
    /// The region is not looked up: numbers keep codes that have long been withdrawn.
    pub fn parse(text: &str) -> Result<Self, PersonNumberError> {
        let bytes: [u8; 18] = text
            .as_bytes()
            .try_into()
            .map_err(|_| PersonNumberError::Length { got: text.chars().count() })?;
        if !bytes[..17].iter().all(u8::is_ascii_digit) {
            return Err(PersonNumberError::NotDigit);
        }
        let expected = check_character(&bytes[..17]);
        if bytes[17].to_ascii_uppercase() != expected {
            return Err(PersonNumberError::Check { expected: char::from(expected) });
        }
        let mut number = PersonNumber(bytes);
        number.0[17] = expected;
        let (year, month, day) = number.birth_date();
        if Date::new(year, month, day).is_none() {
            return Err(PersonNumberError::BirthDate);
        }
        Ok(number)
    }

    /// Builds the number from its key, the first 17 digits as an integer.
    pub fn from_key(key: u64) -> Result<Self, PersonNumberError> {
        if key >= 100_000_000_000_000_000 {
            return Err(PersonNumberError::Length { got: 18 });
        }
        let mut bytes = [0; 18];
        let mut rest = key;
        for byte in bytes[..17].iter_mut().rev() {
            *byte = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        bytes[17] = check_character(&bytes[..17]);
        Self::parse(str::from_utf8(&bytes).map_err(|_| PersonNumberError::NotDigit)?)
    }

    /// The first 17 digits as an integer; with the check character derived from them it is as unique as
    /// the number and fits a database's integer key.
    pub fn key(&self) -> u64 {
        self.0[..17].iter().fold(0, |key, digit| key * 10 + u64::from(digit - b'0'))
    }

    /// All 18 characters. For the card, the screen and the wire; never for a log.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Where the number was first given out.
    pub fn region(&self) -> RegionCode {
        RegionCode::from_digits([self.0[0], self.0[1], self.0[2], self.0[3], self.0[4], self.0[5]])
    }

    /// Year, month and day of birth.
    pub fn birth_date(&self) -> (u16, u8, u8) {
        let digits = |range: core::ops::Range<usize>| {
            self.0[range].iter().fold(0_u16, |value, digit| value * 10 + u16::from(digit - b'0'))
        };
        (digits(6..10), digits(10..12) as u8, digits(12..14) as u8)
    }

    /// Day of birth.
    pub fn born(&self) -> Date {
        let (year, month, day) = self.birth_date();
        // Cannot fail: the constructors check it.
        Date::new(year, month, day).unwrap_or(Date::EPOCH)
    }

    /// Age in completed years on a day; `None` before birth.
    pub fn age_on(&self, day: Date) -> Option<u16> {
        self.born().years_until(day)
    }

    /// Odd 17th digit: male.
    pub fn sex(&self) -> Sex {
        if (self.0[16] - b'0') % 2 == 1 { Sex::Male } else { Sex::Female }
    }

    /// Region and last character only, as receipts and screens for third eyes show it.
    pub fn masked(&self) -> impl fmt::Display + '_ {
        struct Masked<'a>(&'a PersonNumber);
        impl fmt::Display for Masked<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}***********{}", self.0.region(), char::from(self.0.0[17]))
            }
        }
        Masked(self)
    }
}

fn check_character(digits: &[u8]) -> u8 {
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    CHECK[(sum % 11) as usize]
}

impl fmt::Debug for PersonNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonNumber({}…)", self.region())
    }
}

impl fmt::Display for PersonNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.masked())
    }
}

impl fmt::Display for PersonNumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { got } => write!(f, "a person number has 18 characters, got {got}"),
            Self::NotDigit => f.write_str("the first 17 characters of a person number are digits"),
            Self::BirthDate => f.write_str("the birth date in the person number is no date"),
            Self::Check { expected } => write!(f, "the check character should be {expected}"),
        }
    }
}

impl core::error::Error for PersonNumberError {}

#[cfg(feature = "serde")]
impl serde::Serialize for PersonNumber {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for PersonNumber {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = PersonNumber;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an 18-character person number")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<PersonNumber, E> {
                PersonNumber::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn published_numbers() {
        for text in ["11010519491231002X", "440524188001010014", "111111198101011110"] {
            let number = PersonNumber::parse(text).unwrap();
            assert_eq!(number.as_str(), text);
            assert_eq!(PersonNumber::from_key(number.key()), Ok(number));
        }
        assert_eq!(
            PersonNumber::parse("110105194912310021"),
            Err(PersonNumberError::Check { expected: 'X' })
        );
    }

    #[test]
    fn nothing_personal_is_printed() {
        let number = PersonNumber::parse("11010519491231002X").unwrap();
        assert_eq!(format!("{number}"), "110105***********X");
        assert!(!format!("{number:?}").contains("1949"));
    }
}
