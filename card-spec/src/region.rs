//! Administrative division codes (行政区划代码).

use core::{fmt, str};

/// Six digits: province, city, county; `00` where a level is not given.
///
/// Source: GB/T 2260.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionCode([u8; 6]);

/// Text that is no division code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionCodeError;

impl RegionCode {
    /// Parses six digits whose first two name a province-level division.
    pub fn parse(text: &str) -> Result<Self, RegionCodeError> {
        let digits: [u8; 6] = text.as_bytes().try_into().map_err(|_| RegionCodeError)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(RegionCodeError);
        }
        Ok(RegionCode(digits))
    }

    pub(crate) fn from_digits(digits: [u8; 6]) -> Self {
        RegionCode(digits)
    }

    /// The six digits.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The same code cut to its city: `430121` becomes `430100`.
    pub fn city(&self) -> Self {
        let d = self.0;
        RegionCode([d[0], d[1], d[2], d[3], b'0', b'0'])
    }

    /// The same code cut to its province: `430121` becomes `430000`.
    pub fn province(&self) -> Self {
        RegionCode([self.0[0], self.0[1], b'0', b'0', b'0', b'0'])
    }
}

impl fmt::Debug for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RegionCodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a region code has six digits")
    }
}

impl core::error::Error for RegionCodeError {}

#[cfg(feature = "serde")]
impl serde::Serialize for RegionCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for RegionCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = RegionCode;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a six-digit region code")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RegionCode, E> {
                RegionCode::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}
