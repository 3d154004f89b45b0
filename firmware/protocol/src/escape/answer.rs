//! What the board answers.

use core::fmt;

use super::{Body, FRAME_BYTES_MAX, Frame, MARK};
use crate::wire::{Fields, wire_enum};

wire_enum! {
    /// How a request went, second byte of an answer.
    pub enum Status {
        /// Done, or started.
        Done = 0x00,

        /// A version of the command set that this board does not know. For the installer.
        UnknownVersion = 0x01,
        /// An opcode that this board does not know. For the installer.
        UnknownOpcode = 0x02,
        /// A body of a wrong length or with a wrong value. For us.
        Malformed = 0x03,
        /// The board lacks what this needs. For the installer.
        Unsupported = 0x04,
        /// Another task runs, or there is no room yet. Ask again.
        Busy = 0x05,

        /// No fingerprint module answers. For the installer.
        NoModule = 0x10,
        /// No task has anything to fetch.
        NothingToFetch = 0x11,
        /// No task takes anything.
        NothingToSend = 0x12,
        /// Not the piece that is next, nor the one before. For us.
        OutOfSequence = 0x13,
        /// The module sent faster than the host fetched, something is lost: start again.
        Overrun = 0x14,

        /// Refused while the latch is set. For the installer.
        Tampered = 0x20,
        /// Nothing to clear.
        NotTampered = 0x21,
        /// The case is still open. For the installer.
        CaseOpen = 0x22,
        /// Fewer openings are known.
        NoEntry = 0x23,
        /// No challenge was asked for, or it is used up.
        NoChallenge = 0x24,
        /// The signature is not the authority's over this board, count and challenge.
        SignatureWrong = 0x25,
        /// The battery-backed registers do not take or give what they should. For the installer.
        VaultFailed = 0x26,
        /// No random bytes to be had. For the installer.
        NoChance = 0x27,

        /// The board shares no secret.
        NotPaired = 0x30,
        /// Paired already, and not authorised to pair anew.
        AlreadyPaired = 0x31,

        /// The update refuses; the body says why.
        UpdateRefused = 0x40,
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::UnknownVersion => "the board does not know this version of the commands",
            Self::UnknownOpcode => "the board does not know this command",
            Self::Malformed => "the board cannot read the command",
            Self::Unsupported => "the board lacks what the command needs",
            Self::Busy => "the board is busy",
            Self::NoModule => "the fingerprint module does not answer",
            Self::NothingToFetch => "nothing to fetch",
            Self::NothingToSend => "nothing to send",
            Self::OutOfSequence => "a piece is out of sequence",
            Self::Overrun => "the image was not fetched in time",
            Self::Tampered => "the case has been opened",
            Self::NotTampered => "the case has not been opened",
            Self::CaseOpen => "the case is open",
            Self::NoEntry => "no such entry",
            Self::NoChallenge => "no challenge is open",
            Self::SignatureWrong => "the signature is wrong",
            Self::VaultFailed => "the battery-backed registers fail",
            Self::NoChance => "the board has no random bytes",
            Self::NotPaired => "the board is not paired",
            Self::AlreadyPaired => "the board is paired already",
            Self::UpdateRefused => "the update is refused",
        })
    }
}

/// An answer, parsed. Its body is borrowed from the frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// How it went.
    pub status: Status,
    /// What comes with it; mostly nothing unless `Done`.
    pub body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The answer in these bytes. Errors: `NoAnswer`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NoAnswer> {
        if bytes.len() > FRAME_BYTES_MAX {
            return Err(NoAnswer::Length { got: bytes.len() });
        }
        let mut fields = Fields::new(bytes);
        match fields.u8() {
            Some(MARK) => {}
            Some(got) => return Err(NoAnswer::Mark { got }),
            None => return Err(NoAnswer::Length { got: 0 }),
        }
        let byte = fields.u8().ok_or(NoAnswer::Length { got: 1 })?;
        let status = Status::from_byte(byte).ok_or(NoAnswer::Status { got: byte })?;
        Ok(Self { status, body: fields.rest() })
    }

    /// The body as what it is. Errors: `NoAnswer::Body`.
    pub fn read<B: Body>(&self) -> Result<B, NoAnswer> {
        B::read(self.body).ok_or(NoAnswer::Body { got: self.body.len() })
    }
}

impl fmt::Debug for Answer<'_> {
    /// Without the body: it may be an image or a template.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({:?}, {} bytes)", self.status, self.body.len())
    }
}

/// Empties the frame and begins an answer in it; a body may follow.
pub fn begin_answer(frame: &mut Frame, status: Status) {
    frame.clear();
    // Two bytes always fit into an empty frame.
    let _ = frame.extend_from_slice(&[MARK, status.byte()]);
}

/// What came is no answer of this command set: an other reader, or another firmware. For the installer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoAnswer {
    /// Too short or too long.
    Length {
        /// Bytes that came.
        got: usize,
    },
    /// Does not begin with [`MARK`].
    Mark {
        /// The byte there.
        got: u8,
    },
    /// A status that this side does not know.
    Status {
        /// The byte there.
        got: u8,
    },
    /// A body that is not what the command gives.
    Body {
        /// Its length in bytes.
        got: usize,
    },
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { got } => write!(f, "an answer of {got} bytes"),
            Self::Mark { got } => write!(f, "an answer that begins with {got:02X}"),
            Self::Status { got } => write!(f, "an unknown status {got:02X}"),
            Self::Body { got } => write!(f, "an unexpected body of {got} bytes"),
        }
    }
}

impl core::error::Error for NoAnswer {}
