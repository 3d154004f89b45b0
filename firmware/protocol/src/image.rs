//! A firmware image: a signed header, then the program.
//!
//! | bytes | what |
//! |---|---|
//! | 0..4 | `4A 42 46 57`, "JBFW" |
//! | 4..6 | format, 1 |
//! | 6..8 | board, [`Board`] |
//! | 8..10, 10..12, 12..14 | version: major, minor, patch |
//! | 14..16 | 0 |
//! | 16..20 | rollback counter |
//! | 20..24 | length of the program in bytes, a multiple of 4, at least [`PROGRAM_BYTES_MIN`] |
//! | 24..28 | address where the program's vector table wants to stand |
//! | 28..32 | 0 |
//! | 32..64 | SHA-256 of the program |
//! | 64..72 | the first bytes of the SHA-256 of the public key that checks the signature |
//! | 72..128 | 0 |
//! | 128..192 | Ed25519 signature of bytes 0..128 |
//! | 192..512 | `FF`, as erased flash is; so the vector table behind stands on a multiple of 512 |
//! | 512.. | the program, its vector table first |
//!
//! Numbers have their least significant byte first. Every byte has one permitted form: whoever reads a header and
//! writes it again gets the same bytes, so the header itself is what is signed.
//!
//! The version is for people. The rollback counter is for the board: it never goes back to an image with a
//! lower one than it has run, and is raised only when an older image must not run any more.

use core::fmt;

/// Bytes of the header as it stands in flash and in files.
pub const HEADER_BYTES: usize = 512;
/// Bytes of the header that are not padding: what goes over the line before the program.
pub const HEADER_SENT_BYTES: usize = SIGNED_BYTES + SIGNATURE_BYTES;
/// Bytes that are signed.
pub const SIGNED_BYTES: usize = 128;
/// Bytes of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;
/// Shortest program: the processor's own sixteen vectors.
pub const PROGRAM_BYTES_MIN: u32 = 64;
/// Longest program: a flash sector of 128 KiB without the header.
pub const PROGRAM_BYTES_MAX: u32 = 128 * 1024 - HEADER_BYTES as u32;

const MAGIC: [u8; 4] = *b"JBFW";
const FORMAT: u16 = 1;
const PADDING: u8 = 0xFF;

/// Kind of board that an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Board(pub u16);

impl Board {
    /// The emulated board, Arm MPS2+ with application note 386. It is not updated.
    pub const MPS2_AN386: Board = Board(0x0386);
    /// The physical board around an STM32F405.
    pub const STM32F405: Board = Board(0x0405);
}

impl fmt::Display for Board {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::MPS2_AN386 => formatter.write_str("mps2-an386"),
            Self::STM32F405 => formatter.write_str("stm32f405"),
            Self(number) => write!(formatter, "{number:#06X}"),
        }
    }
}

/// Version of a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Counts incompatible changes.
    pub major: u16,
    /// Counts additions.
    pub minor: u16,
    /// Counts repairs.
    pub patch: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The first bytes of the SHA-256 of an Ed25519 public key: tells which key, proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    /// The name of the key whose SHA-256 this is.
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *digest;
        Self([a, b, c, d, e, f, g, h])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Why bytes are no header of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// Fewer bytes than a header has.
    Cut {
        /// Bytes that are there.
        got: usize,
    },
    /// Nothing but erased flash.
    Erased,
    /// The first four bytes are others.
    Magic,
    /// A format that this program does not know.
    Format {
        /// Number of the format.
        got: u16,
    },
    /// A byte that must be 0 or, in the padding, `FF` is not.
    Reserved {
        /// Its offset.
        at: usize,
    },
    /// The length of the program is outside of its limits or no multiple of 4.
    Length {
        /// Bytes that the header claims.
        got: u32,
    },
    /// The address of the program is no multiple of 512.
    Address {
        /// The address.
        got: u32,
    },
}

impl fmt::Display for HeaderError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut { got } => write!(formatter, "cut off after {got} bytes"),
            Self::Erased => formatter.write_str("nothing there"),
            Self::Magic => formatter.write_str("no firmware image"),
            Self::Format { got } => write!(formatter, "image format {got}, known is {FORMAT}"),
            Self::Reserved { at } => write!(formatter, "header byte {at} is not as it must be"),
            Self::Length { got } => write!(
                formatter,
                "program of {got} bytes, permitted are {PROGRAM_BYTES_MIN} to {PROGRAM_BYTES_MAX}, by fours"
            ),
            Self::Address { got } => write!(formatter, "program address {got:#010X} is no multiple of 512"),
        }
    }
}

impl core::error::Error for HeaderError {}

/// What the header says. Nothing of it is to be believed before the signature has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Board that the program is for.
    pub board: Board,
    /// Version of the program.
    pub version: Version,
    /// Rollback counter.
    pub rollback: u32,
    /// Length of the program in bytes.
    pub program_bytes: u32,
    /// Where the program's vector table wants to stand.
    pub address: u32,
    /// SHA-256 of the program.
    pub program_sha256: [u8; 32],
    /// Key that checks the signature.
    pub key: KeyId,
}

impl Header {
    /// The bytes that are signed.
    pub fn signed_bytes(&self) -> [u8; SIGNED_BYTES] {
        let mut bytes = [0; SIGNED_BYTES];
        let mut put = |at: usize, part: &[u8]| {
            for (to, from) in bytes.iter_mut().skip(at).zip(part) {
                *to = *from;
            }
        };
        put(0, &MAGIC);
        put(4, &FORMAT.to_le_bytes());
        put(6, &self.board.0.to_le_bytes());
        put(8, &self.version.major.to_le_bytes());
        put(10, &self.version.minor.to_le_bytes());
        put(12, &self.version.patch.to_le_bytes());
        put(16, &self.rollback.to_le_bytes());
        put(20, &self.program_bytes.to_le_bytes());
        put(24, &self.address.to_le_bytes());
        put(32, &self.program_sha256);
        put(64, &self.key.0);
        bytes
    }
}

/// A header with the signature that belongs to it, not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedHeader {
    /// What it says.
    pub header: Header,
    /// Ed25519 signature of [`Header::signed_bytes`].
    pub signature: [u8; SIGNATURE_BYTES],
}

impl SignedHeader {
    /// Reads a header: [`HEADER_SENT_BYTES`] from the line, or [`HEADER_BYTES`] from flash or a file. Bytes beyond
    /// these are not looked at; padding is checked as far as it is there.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let cut = HeaderError::Cut { got: bytes.len() };
        let (sent, padding) = bytes.split_at_checked(HEADER_SENT_BYTES).ok_or(cut)?;
        let padding = padding.get(..HEADER_BYTES - HEADER_SENT_BYTES).unwrap_or(padding);
        if sent.iter().chain(padding).all(|byte| *byte == PADDING) {
            return Err(HeaderError::Erased);
        }
        let magic: [u8; 4] = field(sent, 0).ok_or(cut)?;
        if magic != MAGIC {
            return Err(HeaderError::Magic);
        }
        let half = |at| field(sent, at).map(u16::from_le_bytes).ok_or(cut);
        let word = |at| field(sent, at).map(u32::from_le_bytes).ok_or(cut);
        let format = half(4)?;
        if format != FORMAT {
            return Err(HeaderError::Format { got: format });
        }
        let zeros =
            sent.iter().enumerate().filter(|(at, _)| matches!(at, 14..16 | 28..32 | 72..SIGNED_BYTES));
        for (at, byte) in zeros {
            if *byte != 0 {
                return Err(HeaderError::Reserved { at });
            }
        }
        if let Some(at) = padding.iter().position(|byte| *byte != PADDING) {
            return Err(HeaderError::Reserved { at: HEADER_SENT_BYTES + at });
        }
        let header = Header {
            board: Board(half(6)?),
            version: Version { major: half(8)?, minor: half(10)?, patch: half(12)? },
            rollback: word(16)?,
            program_bytes: word(20)?,
            address: word(24)?,
            program_sha256: field(sent, 32).ok_or(cut)?,
            key: KeyId(field(sent, 64).ok_or(cut)?),
        };
        let length = header.program_bytes;
        if !(PROGRAM_BYTES_MIN..=PROGRAM_BYTES_MAX).contains(&length) || !length.is_multiple_of(4) {
            return Err(HeaderError::Length { got: length });
        }
        if !header.address.is_multiple_of(HEADER_BYTES as u32) {
            return Err(HeaderError::Address { got: header.address });
        }
        Ok(Self { header, signature: field(sent, SIGNED_BYTES).ok_or(cut)? })
    }

    /// The header as it stands in flash and in files.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [PADDING; HEADER_BYTES];
        let parts = self.header.signed_bytes().into_iter().chain(self.signature);
        for (to, from) in bytes.iter_mut().zip(parts) {
            *to = from;
        }
        bytes
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> SignedHeader {
        SignedHeader {
            header: Header {
                board: Board::STM32F405,
                version: Version { major: 1, minor: 2, patch: 0x0304 },
                rollback: 0x0506_0708,
                program_bytes: 0x9ABC,
                address: 0x0802_0200,
                program_sha256: core::array::from_fn(|at| at as u8),
                key: KeyId([0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7]),
            },
            signature: [0x5A; SIGNATURE_BYTES],
        }
    }

    #[test]
    fn every_byte_where_the_table_has_it() {
        let bytes = signed().to_bytes();
        assert_eq!(bytes[..16], *b"JBFW\x01\x00\x05\x04\x01\x00\x02\x00\x04\x03\x00\x00");
        assert_eq!(bytes[16..32], [8, 7, 6, 5, 0xBC, 0x9A, 0, 0, 0, 2, 2, 8, 0, 0, 0, 0]);
        assert_eq!(bytes[32..64], signed().header.program_sha256);
        assert_eq!(bytes[64..72], signed().header.key.0);
        assert!(bytes[72..128].iter().all(|byte| *byte == 0));
        assert!(bytes[128..192].iter().all(|byte| *byte == 0x5A));
        assert!(bytes[192..].iter().all(|byte| *byte == 0xFF));
        assert_eq!(SignedHeader::parse(&bytes), Ok(signed()));
        assert_eq!(SignedHeader::parse(&bytes[..HEADER_SENT_BYTES]), Ok(signed()), "as it is sent");
    }

    /// Whatever is accepted is written again as it was read: nothing in a header is outside of the signature.
    #[test]
    fn each_flipped_bit_is_refused_or_seen() {
        let bytes = signed().to_bytes();
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(parsed) = SignedHeader::parse(&flipped) {
                assert_eq!(parsed.to_bytes(), flipped, "bit {bit}");
                assert_ne!(parsed, signed(), "bit {bit}");
            }
        }
    }

    #[test]
    fn each_refusal_has_its_name() {
        let parse = |at: usize, part: &[u8]| {
            let mut bytes = signed().to_bytes();
            bytes[at..at + part.len()].copy_from_slice(part);
            SignedHeader::parse(&bytes)
        };
        for cut in 0..HEADER_SENT_BYTES {
            let bytes = signed().to_bytes();
            assert_eq!(SignedHeader::parse(&bytes[..cut]), Err(HeaderError::Cut { got: cut }));
        }
        assert_eq!(SignedHeader::parse(&[0xFF; HEADER_BYTES]), Err(HeaderError::Erased));
        assert_eq!(parse(0, b"JBFX"), Err(HeaderError::Magic));
        assert_eq!(parse(4, &[2]), Err(HeaderError::Format { got: 2 }));
        assert_eq!(parse(15, &[1]), Err(HeaderError::Reserved { at: 15 }));
        assert_eq!(parse(127, &[1]), Err(HeaderError::Reserved { at: 127 }));
        assert_eq!(parse(511, &[0]), Err(HeaderError::Reserved { at: 511 }));
        for length in [0, PROGRAM_BYTES_MIN - 4, PROGRAM_BYTES_MIN + 1, PROGRAM_BYTES_MAX + 4, u32::MAX] {
            assert_eq!(parse(20, &length.to_le_bytes()), Err(HeaderError::Length { got: length }));
        }
        for length in [PROGRAM_BYTES_MIN, PROGRAM_BYTES_MAX] {
            assert!(parse(20, &length.to_le_bytes()).is_ok());
        }
        assert_eq!(parse(24, &[4]), Err(HeaderError::Address { got: 0x0802_0204 }));
    }
}
