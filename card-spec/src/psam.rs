//! The PSAM: what a terminal reads from it and how it is told to compute.

use crate::{
    Error, Part,
    file::{ApplicationName, FileId, ShortFileId},
    key::{Factor, LEVELS_MAX},
};

/// Application of the PSAM.
pub const APPLICATION: ApplicationName = ApplicationName::from_static(&[0xD1, 0x56, 0x00, 0x00, 0x05, 0x90]);
/// File identifier of that application.
pub const APPLICATION_FILE: FileId = FileId(0xDF01);
/// File of the terminal number, six bytes, in the MF.
pub const TERMINAL_NUMBER_FILE: ShortFileId = ShortFileId::from_static(0x16);
/// File of the index of DPK, one byte, in the application.
pub const KEY_INDEX_FILE: ShortFileId = ShortFileId::from_static(0x1C);
/// File of the terminal's transaction serial, four bytes, in the application.
pub const TERMINAL_SERIAL_FILE: FileId = FileId(0x0019);
/// What is added to the identifier of a key to name the same key for SM4: a choice of ours.
///
/// The PSAMs of another ministry add 40; with the numbers of this one, the twin of STK (48/09) would then be
/// UK1DF04 (48/49).
pub const SM4_TWIN: u8 = 0x80;

/// Number of a terminal, six bytes, kept in its PSAM (终端机编号).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TerminalNumber(pub [u8; 6]);

/// Serial number that a PSAM gives a purchase (终端交易序号); one larger each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TerminalSerial(pub u32);

impl TerminalSerial {
    /// The low two bytes, which the session key of a purchase is made with.
    pub const fn low(self) -> [u8; 2] {
        let [_, _, a, b] = self.0.to_be_bytes();
        [a, b]
    }
}

/// Diversification factors of one PSAM command, none to three, in the order of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factors {
    factors: [Factor; LEVELS_MAX],
    count: u8,
}

impl Factors {
    /// None: the key is used as it is.
    pub const NONE: Self = Factors { factors: [Factor::new([0; 8]); LEVELS_MAX], count: 0 };

    /// Card first, then city, then province. `TooLong` above three.
    pub fn new(factors: &[Factor]) -> Result<Self, Error> {
        let mut own = Self::NONE;
        own.factors
            .get_mut(..factors.len())
            .map(|slots| slots.copy_from_slice(factors))
            .ok_or(Error::TooLong { part: Part::Key, max: LEVELS_MAX, got: factors.len() })?;
        own.count = factors.len() as u8;
        Ok(own)
    }

    /// From bytes of a command, eight for each; `None` for another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (factors, []) = bytes.as_chunks::<8>() else { return None };
        let mut own = Self::NONE;
        for factor in factors {
            *own.factors.get_mut(usize::from(own.count))? = Factor::new(*factor);
            own.count += 1;
        }
        Some(own)
    }

    /// In the order of the wire.
    pub fn as_slice(&self) -> &[Factor] {
        &self.factors[..usize::from(self.count).min(LEVELS_MAX)]
    }
}

/// What CIPHER DATA is to do (P1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherMode {
    /// 00: encipher, last block.
    Encipher,
    /// 01: MAC, last block.
    MacLast,
    /// 02: encipher, more follows.
    EncipherMore,
    /// 03: MAC, more follows.
    MacMore,
    /// 05: MAC of a single message; the data begin with the start value.
    MacSingle,
    /// 07: MAC, first block; the data begin with the start value.
    MacFirst,
}

impl CipherMode {
    /// From P1.
    pub const fn from_p1(p1: u8) -> Option<Self> {
        Some(match p1 {
            0x00 => CipherMode::Encipher,
            0x01 => CipherMode::MacLast,
            0x02 => CipherMode::EncipherMore,
            0x03 => CipherMode::MacMore,
            0x05 => CipherMode::MacSingle,
            0x07 => CipherMode::MacFirst,
            _ => return None,
        })
    }

    /// P1.
    pub const fn p1(self) -> u8 {
        match self {
            CipherMode::Encipher => 0x00,
            CipherMode::MacLast => 0x01,
            CipherMode::EncipherMore => 0x02,
            CipherMode::MacMore => 0x03,
            CipherMode::MacSingle => 0x05,
            CipherMode::MacFirst => 0x07,
        }
    }
}
