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
/// File of the public information in the MF, where a PSAM has one; it begins with its serial number.
pub const PUBLIC_INFORMATION_FILE: ShortFileId = ShortFileId::from_static(0x15);
/// Bytes of the serial number in front of the public information.
pub const SERIAL_BYTES: usize = 10;
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

/// What tells one PSAM from all others: the number of the piece, which is no secret and about nobody.
///
/// Source: PBOC 2.0 part 10 for EF15 of the MF; the layout of historical bytes of social security chips for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PsamSerial {
    /// The serial number of its public information (EF15 of the MF).
    Module([u8; SERIAL_BYTES]),
    /// It has no such file: the chip's number, the last six historical bytes of its answer to reset.
    Chip([u8; 6]),
}

impl PsamSerial {
    /// From what a PSAM has said: the front of its public information, and the chip's number in its answer to reset.
    ///
    /// A number of nothing but 00 or FF was never written. `None` when neither tells.
    pub fn of(public_information: Option<&[u8]>, chip: Option<[u8; 6]>) -> Option<Self> {
        let is_written =
            |bytes: &[u8]| !bytes.iter().all(|byte| *byte == 0) && !bytes.iter().all(|b| *b == 0xFF);
        let module =
            public_information.and_then(|bytes| bytes.first_chunk()).filter(|bytes| is_written(&bytes[..]));
        let chip = chip.filter(|bytes| is_written(&bytes[..]));
        module.map(|bytes| Self::Module(*bytes)).or(chip.map(Self::Chip))
    }
}

/// Its digits, hexadecimal.
impl core::fmt::Display for PsamSerial {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let bytes: &[u8] = match self {
            Self::Module(bytes) => bytes,
            Self::Chip(bytes) => bytes,
        };
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_told_by_its_file_else_by_its_chip() {
        let file = [0x21, 0x52, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 1, 0, 1, 0];
        let chip = [0x08, 0x07, 0x23, 0x00, 0x05, 0xC0];
        let of = |file: Option<&[u8]>, chip| PsamSerial::of(file, chip).map(|serial| serial.to_string());
        assert_eq!(of(Some(&file), Some(chip)).as_deref(), Some("21520000000000001234"));
        assert_eq!(of(None, Some(chip)).as_deref(), Some("0807230005C0"));
        // Short, or never written.
        assert_eq!(of(Some(&file[..9]), Some(chip)).as_deref(), Some("0807230005C0"));
        assert_eq!(of(Some(&[0xFF; 14]), Some([0; 6])), None);
    }
}
