//! A fingerprint that is compared by eye.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de};

/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// SHA-256 of a certificate. Shown in groups of four, which is how people compare without losing their place.
#[derive(Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

/// Text that is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFingerprint;

impl Fingerprint {
    /// The 64 digits, capitals.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Sixteen groups of four digits.
    pub fn groups(&self) -> Vec<&str> {
        (0..DIGITS).step_by(4).filter_map(|at| self.0.get(at..at + 4)).collect()
    }
}

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    /// With or without colons, blanks and dashes, in either case.
    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ' | '-')).collect();
        let digits = digits.to_ascii_uppercase();
        let is_good = digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_good { Ok(Fingerprint(digits)) } else { Err(NoFingerprint) }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.groups().join(" "))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NoFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fingerprint has 64 hexadecimal digits")
    }
}

impl std::error::Error for NoFingerprint {}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
