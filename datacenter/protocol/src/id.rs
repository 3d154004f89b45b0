//! Names of terminals, transactions and operators.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de};

/// A terminal number: 12 digits, the same that its PSAM carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TerminalId([u8; 12]);

/// A transaction's name: 128 random bits, written as 32 hexadecimal digits.
///
/// Made and committed by the terminal before anything irreversible happens, and never given twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub [u8; 16]);

/// Text that is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdError {
    /// What it should have been.
    pub expected: &'static str,
}

impl TerminalId {
    /// The six bytes (BCD) that cards and PSAM commands carry.
    pub fn to_bcd(self) -> [u8; 6] {
        std::array::from_fn(|i| ((self.0[2 * i] - b'0') << 4) | (self.0[2 * i + 1] - b'0'))
    }

    /// From the six bytes of the PSAM; an error when a half-byte is no digit.
    pub fn from_bcd(bytes: [u8; 6]) -> Result<Self, IdError> {
        hex::encode(bytes).parse()
    }

    /// Whether it is a number for training (培训): it begins with 99, which no region of GB/T 2260 does. What such a
    /// terminal records is worth nothing, and is taken by no center.
    pub fn is_training(self) -> bool {
        self.0.starts_with(b"99")
    }

    /// The twelve digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for TerminalId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let expected = "a terminal number of 12 digits";
        let digits: [u8; 12] = text.as_bytes().try_into().map_err(|_| IdError { expected })?;
        if digits.iter().all(u8::is_ascii_digit) { Ok(TerminalId(digits)) } else { Err(IdError { expected }) }
    }
}

impl FromStr for TransactionId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| IdError { expected: "a transaction id of 32 hexadecimal digits" })?;
        Ok(TransactionId(bytes))
    }
}

impl fmt::Display for TerminalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TerminalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl std::error::Error for IdError {}

macro_rules! serde_as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}
serde_as_text!(TerminalId, TransactionId);
