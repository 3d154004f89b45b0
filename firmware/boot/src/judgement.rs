//! Whether an image may run here.

use core::fmt;

use embedded_storage::nor_flash::ReadNorFlash;
use reader_protocol::image::{Board, HEADER_BYTES, Header, HeaderError, KeyId, SignedHeader};
use sha2::{Digest, Sha256};

use crate::PublicKey;

/// Bytes that are read at once.
pub(crate) const CHUNK_BYTES: usize = 256;

/// What an image must be like.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// This board.
    pub board: Board,
    /// Where the application's program stands.
    pub address: u32,
    /// Who signs.
    pub key: &'a PublicKey,
}

/// Why an image may not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no header, or a damaged one.
    Header(HeaderError),
    /// It is for another board.
    Board {
        /// The board that it is for.
        got: Board,
    },
    /// It is linked for another address.
    Address {
        /// The address it wants.
        got: u32,
    },
    /// It claims to be signed with another key.
    Key {
        /// Name of that key.
        got: KeyId,
    },
    /// The signature does not belong to the header and our key.
    Signature,
    /// It is older than what has run here.
    Rollback {
        /// Counter of the image.
        got: u32,
        /// Lowest that may run.
        floor: u32,
    },
    /// The program is not the one that the header was signed for.
    Program,
    /// The flash cannot be read.
    Flash,
}

/// The kinds of [`Refusal`] as they are shown by the lamp and kept in reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RefusalKind {
    /// [`Refusal::Header`], when nothing is there.
    Empty = 1,
    /// [`Refusal::Header`] otherwise.
    Header = 2,
    /// [`Refusal::Board`] and [`Refusal::Address`].
    Board = 3,
    /// [`Refusal::Key`] and [`Refusal::Signature`].
    Signature = 4,
    /// [`Refusal::Rollback`].
    Rollback = 5,
    /// [`Refusal::Program`].
    Program = 6,
    /// [`Refusal::Flash`].
    Flash = 7,
}

impl RefusalKind {
    /// The kind of this number.
    pub fn from_byte(byte: u8) -> Option<Self> {
        [Self::Empty, Self::Header, Self::Board, Self::Signature, Self::Rollback, Self::Program, Self::Flash]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

impl Refusal {
    /// Its kind.
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::Header(HeaderError::Erased) => RefusalKind::Empty,
            Self::Header(_) => RefusalKind::Header,
            Self::Board { .. } | Self::Address { .. } => RefusalKind::Board,
            Self::Key { .. } | Self::Signature => RefusalKind::Signature,
            Self::Rollback { .. } => RefusalKind::Rollback,
            Self::Program => RefusalKind::Program,
            Self::Flash => RefusalKind::Flash,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(error) => write!(formatter, "header: {error}"),
            Self::Board { got } => write!(formatter, "for board {got}"),
            Self::Address { got } => write!(formatter, "linked for {got:#010X}"),
            Self::Key { got } => write!(formatter, "signed with key {got}"),
            Self::Signature => formatter.write_str("wrong signature"),
            Self::Rollback { got, floor } => {
                write!(formatter, "rollback counter {got}, lowest permitted {floor}")
            }
            Self::Program => formatter.write_str("program differs from its digest"),
            Self::Flash => formatter.write_str("flash cannot be read"),
        }
    }
}

/// Checks the image in this region from the outside in: header, board, key, signature, age, program.
pub fn judge<F: ReadNorFlash>(
    flash: &mut F,
    expected: &Expected<'_>,
    floor: u32,
) -> Result<SignedHeader, Refusal> {
    let mut bytes = [0; HEADER_BYTES];
    flash.read(0, &mut bytes).map_err(|_| Refusal::Flash)?;
    let image = SignedHeader::parse(&bytes).map_err(Refusal::Header)?;
    let header = &image.header;
    if header.board != expected.board {
        return Err(Refusal::Board { got: header.board });
    }
    if header.address != expected.address {
        return Err(Refusal::Address { got: header.address });
    }
    if header.key != expected.key.id() {
        return Err(Refusal::Key { got: header.key });
    }
    if !expected.key.verifies(&header.signed_bytes(), &image.signature) {
        return Err(Refusal::Signature);
    }
    if header.rollback < floor {
        return Err(Refusal::Rollback { got: header.rollback, floor });
    }
    if program_sha256(flash, header)? != header.program_sha256 {
        return Err(Refusal::Program);
    }
    Ok(image)
}

fn program_sha256<F: ReadNorFlash>(flash: &mut F, header: &Header) -> Result<[u8; 32], Refusal> {
    let mut digest = Sha256::new();
    let mut chunk = [0; CHUNK_BYTES];
    let mut done: u32 = 0;
    while done < header.program_bytes {
        let left = header.program_bytes.saturating_sub(done);
        let wanted = CHUNK_BYTES.min(left as usize);
        let part = chunk.get_mut(..wanted).ok_or(Refusal::Flash)?;
        flash.read((HEADER_BYTES as u32).saturating_add(done), part).map_err(|_| Refusal::Flash)?;
        digest.update(&*part);
        done = done.saturating_add(wanted as u32);
    }
    Ok(digest.finalize().into())
}
