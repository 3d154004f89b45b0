//! Which generation a card is of, and which cipher it works with.

use crate::{Error, Part};

/// Generation of the card specification (规范版本).
///
/// Read from the version record, never from the ATR, which is the same in all three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Generation {
    /// 1.0: triple DES, no finance application.
    One,
    /// 2.0 (人社信息函〔2012〕37号), also 2.01: with a finance application.
    Two,
    /// 3.0: SM4, external authentication before personal data.
    Three,
}

impl Generation {
    /// All, oldest first.
    pub const ALL: [Generation; 3] = [Generation::One, Generation::Two, Generation::Three];

    /// Reads the version record (EF05 tag 03).
    ///
    /// Only the first character counts: `2.00`, `2.01` and `2.0` filled up with 00 all occur.
    /// `UnknownGeneration` for another one, `Truncated` for an empty record.
    pub fn from_version(value: &[u8]) -> Result<Self, Error> {
        match value.first() {
            Some(b'1') => Ok(Generation::One),
            Some(b'2') => Ok(Generation::Two),
            Some(b'3') => Ok(Generation::Three),
            Some(version) => Err(Error::UnknownGeneration { version: *version }),
            None => Err(Error::Truncated { part: Part::Version, expected: 1, got: 0 }),
        }
    }

    /// The version record of a card of this generation.
    pub const fn version(self) -> [u8; 4] {
        match self {
            Generation::One => *b"1.00",
            Generation::Two => *b"2.00",
            Generation::Three => *b"3.00",
        }
    }
}

/// Cipher that a card works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Algorithm {
    /// Id 01: DES and triple DES.
    TripleDes,
    /// Id 03: SM4.
    Sm4,
}

impl Algorithm {
    /// From the id that the SELECT answer carries after `9F0C 03 86 01`; without it the card is 01.
    ///
    /// `UnsupportedAlgorithm` for 02 (SSF33) and all others.
    pub fn from_id(id: Option<u8>) -> Result<Self, Error> {
        match id {
            None | Some(0x01) => Ok(Algorithm::TripleDes),
            Some(0x03) => Ok(Algorithm::Sm4),
            Some(id) => Err(Error::UnsupportedAlgorithm { id }),
        }
    }

    /// Its id, as transactions and SELECT answers carry it.
    pub const fn id(self) -> u8 {
        match self {
            Algorithm::TripleDes => 0x01,
            Algorithm::Sm4 => 0x03,
        }
    }
}
