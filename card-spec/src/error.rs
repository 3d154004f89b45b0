//! What can be wrong with bytes from a card, or with what one wants to put on it.

use core::fmt;

use crate::person::PersonNumberError;

/// Why something is not what it should be. Nothing has been written in any case.
///
/// Errors hold positions and lengths, never content, so that they may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The card (or the line) gave fewer bytes than the part has: read again, then treat as damaged.
    Truncated {
        /// What was read.
        part: Part,
        /// Bytes needed so far.
        expected: usize,
        /// Bytes there.
        got: usize,
    },
    /// More bytes than the part may have; the card's fault when read, ours when built.
    TooLong {
        /// What was read or built.
        part: Part,
        /// Most bytes allowed.
        max: usize,
        /// Bytes there.
        got: usize,
    },
    /// The bytes contradict the standard: a damaged card or none of ours.
    Malformed {
        /// What was read.
        part: Part,
    },
    /// A record that must be there is not: a damaged card, or one whose personal data are still closed.
    Missing {
        /// Tag of the record.
        tag: u8,
    },
    /// A check byte or check character is wrong: a line error, or a number mistyped at personalisation.
    Check {
        /// What was read.
        part: Part,
        /// What the other bytes demand.
        expected: u8,
        /// What stands there.
        got: u8,
    },
    /// A MAC or cryptogram is not what the key demands: a forged card, a wrong key, a changed message.
    Mac {
        /// What was verified.
        part: Part,
    },
    /// Bytes that are no GBK text, or characters that GBK does not have.
    Text {
        /// Offset of the first bad byte.
        offset: usize,
    },
    /// The card works with an algorithm that this stack has not: 02 is SSF33.
    UnsupportedAlgorithm {
        /// Algorithm id of the SELECT answer.
        id: u8,
    },
    /// The version record begins with no known generation.
    UnknownGeneration {
        /// First byte of the version record.
        version: u8,
    },
    /// The person number on the card is none.
    PersonNumber(PersonNumberError),
    /// The PIN must be chosen or entered again.
    Pin(PinError),
}

/// Why digits are no PIN for this purpose: the cardholder's to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinError {
    /// Fewer or more digits than allowed.
    Length {
        /// Fewest digits.
        min: u8,
        /// Most digits.
        max: u8,
        /// Digits given.
        got: usize,
    },
    /// Something other than the digits 0 to 9.
    NotDigits,
    /// One of the PINs that cards are issued with; must be changed before it pays.
    Initial,
    /// The new PIN is the old one.
    Unchanged,
}

/// The thing that was parsed, built or verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// Amount in fen.
    Amount,
    /// Answer to reset.
    Atr,
    /// Command APDU.
    CommandApdu,
    /// Response APDU.
    ResponseApdu,
    /// Card identification code (卡识别码).
    CardId,
    /// Card number (社会保障卡卡号).
    CardNumber,
    /// Date or date and time.
    Date,
    /// Answer of EXTERNAL or INTERNAL AUTHENTICATE.
    Cryptogram,
    /// Digits in BCD.
    Digits,
    /// Directory record.
    Directory,
    /// Enciphered data.
    EncipheredData,
    /// File control information.
    Fci,
    /// Content of the fingerprint file, or a template.
    Fingerprints,
    /// Key or diversification factor.
    Key,
    /// Log record of the account.
    LogRecord,
    /// Name of the holder.
    Name,
    /// PIN field.
    Pin,
    /// Region code.
    Region,
    /// Record of a linear file.
    Record,
    /// SM2 key or signature.
    Signature,
    /// Text in GBK.
    Text,
    /// TLV data object.
    Tlv,
    /// Answer or data of an account or wallet transaction.
    Transaction,
    /// Specification version record.
    Version,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { part, expected, got } => {
                write!(f, "{part:?} is cut short: {expected} bytes expected, {got} there")
            }
            Self::TooLong { part, max, got } => {
                write!(f, "{part:?} is too long: at most {max} bytes, {got} there")
            }
            Self::Malformed { part } => write!(f, "{part:?} is malformed"),
            Self::Missing { tag } => write!(f, "record {tag:02X} is missing"),
            Self::Check { part, expected, got } => {
                write!(f, "check of {part:?} is wrong: {expected:02X} expected, {got:02X} there")
            }
            Self::Mac { part } => write!(f, "MAC of {part:?} is wrong"),
            Self::Text { offset } => write!(f, "no GBK text at offset {offset}"),
            Self::UnsupportedAlgorithm { id } => write!(f, "algorithm {id:02X} is not supported"),
            Self::UnknownGeneration { version } => write!(f, "unknown generation {version:02X}"),
            Self::PersonNumber(error) => error.fmt(f),
            Self::Pin(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { min, max, got } => write!(f, "a PIN has {min} to {max} digits, got {got}"),
            Self::NotDigits => f.write_str("a PIN has digits only"),
            Self::Initial => f.write_str("the PIN is an initial one"),
            Self::Unchanged => f.write_str("the new PIN is the old one"),
        }
    }
}

impl core::error::Error for Error {}
impl core::error::Error for PinError {}

impl From<PersonNumberError> for Error {
    fn from(error: PersonNumberError) -> Self {
        Error::PersonNumber(error)
    }
}

impl From<PinError> for Error {
    fn from(error: PinError) -> Self {
        Error::Pin(error)
    }
}
