//! Templates as others write and read them.

pub mod compact;
#[cfg(feature = "std")]
pub mod record;

use core::fmt;

/// Why bytes are no template that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatError {
    /// Neither ISO/IEC 19794-2:2005 nor ANSI INCITS 378-2004.
    Unknown,
    /// Bytes are missing: a length points behind the end.
    Truncated {
        /// Bytes that would be needed.
        expected: usize,
        /// Bytes that are there.
        got: usize,
    },
    /// Bytes follow behind the end that the header tells. Only when reading strictly.
    Trailing {
        /// Bytes that the header tells.
        expected: usize,
        /// Bytes that are there.
        got: usize,
    },
    /// A field has a value that the standard does not allow. Only when reading strictly, but for sizes and
    /// resolutions of zero.
    Field {
        /// Where it begins.
        offset: usize,
    },
    /// More minutiae or views than are taken.
    TooMany {
        /// Most that are taken.
        max: usize,
        /// How many there are.
        got: usize,
    },
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no fingerprint template of a known format"),
            Self::Truncated { expected, got } => {
                write!(f, "the template ends early: {got} bytes of {expected}")
            }
            Self::Trailing { expected, got } => {
                write!(f, "the template has {got} bytes instead of {expected}")
            }
            Self::Field { offset } => write!(f, "the template's field at byte {offset} is not allowed"),
            Self::TooMany { max, got } => write!(f, "the template has {got} parts, {max} are allowed"),
        }
    }
}

impl core::error::Error for FormatError {}

/// How closely the standard is held to when reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Anything that the standard forbids is an error.
    Strict,
    /// What can be understood is taken: reserved values, trailing bytes, minutiae outside of the image are
    /// left out.
    Lenient,
}
