//! What the host asks.

use core::fmt;

use super::{
    Beeps, CHALLENGE_BYTES, FRAME_BYTES_MAX, FingerTask, Frame, Lamp, LampMode, MARK, Pairing,
    REQUEST_BODY_BYTES_MAX, SEND_BYTES_MAX, SIGNATURE_BYTES, Status, VERSION,
};
use crate::wire::{Fields, wire_enum};

wire_enum! {
    /// What is asked, third byte of a request.
    pub enum Opcode {
        /// Who the board is: [`super::Identity`].
        Identify = 0x00,
        /// What has happened since it began: [`super::Counters`].
        Counters = 0x01,

        /// Waits for a finger and brings its image. As all tasks of the module: started, then polled.
        FingerCaptureImage = 0x10,
        /// Waits for a finger and makes its features.
        FingerCaptureFeatures = 0x11,
        /// Brings the image of the last capture once more.
        FingerReadImage = 0x12,
        /// Brings the template of a buffer.
        FingerReadTemplate = 0x13,
        /// Puts a template into a buffer.
        FingerWriteTemplate = 0x14,
        /// Makes one template of both buffers.
        FingerCombine = 0x15,
        /// Keeps a buffer's template in the module.
        FingerStore = 0x16,
        /// Loads a kept template into a buffer.
        FingerLoad = 0x17,
        /// Deletes kept templates.
        FingerDelete = 0x18,
        /// Compares both buffers.
        FingerMatch = 0x19,
        /// How many templates are kept.
        FingerCount = 0x1A,
        /// The module's parameters, and so whether it is alive.
        FingerParameters = 0x1B,
        /// Sets the light around the window.
        FingerAura = 0x1C,

        /// Where the task stands: [`super::FingerState`].
        FingerPoll = 0x20,
        /// A piece of image or template: [`super::Chunk`].
        FingerFetch = 0x21,
        /// A piece of a template for the module.
        FingerSend = 0x22,
        /// Ends the task and forgets what it has brought.
        FingerCancel = 0x23,

        /// Sets a lamp.
        Lamp = 0x30,
        /// Sounds the buzzer.
        Buzzer = 0x31,

        /// Whether the case was opened: [`super::TamperState`].
        TamperState = 0x40,
        /// One of the last openings: [`super::LogEntry`].
        TamperLog = 0x41,
        /// A fresh [`super::Challenge`] for the authority to sign.
        Challenge = 0x42,
        /// The authority clears the latch.
        TamperClear = 0x43,

        /// Gives the board the secret it shares with its terminal, and its authority.
        Pair = 0x50,
        /// The board proves that it has the secret: [`super::Proof`].
        Prove = 0x51,

        /// A new image of the firmware is announced.
        UpdateBegin = 0x60,
        /// A piece of the image.
        UpdateWrite = 0x61,
        /// The image is complete.
        UpdateFinish = 0x62,
        /// Where the update stands.
        UpdateState = 0x63,
    }
}

/// A request, parsed. Bytes are borrowed from the frame.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request<'a> {
    /// Who the board is. Answer: [`super::Identity`].
    Identify,
    /// What has happened since it began. Answer: [`super::Counters`].
    Counters,
    /// Starts a task of the fingerprint module. Answer: no body; `Busy` while another task runs,
    /// `Tampered` while the latch is set, `NoModule` when the board has none.
    ///
    /// What an earlier task has brought is forgotten.
    FingerStart(FingerTask),
    /// Where the task stands. Answer: [`super::FingerState`].
    FingerPoll,
    /// A piece of what the task brings. Answer: [`super::Chunk`]; `NothingToFetch`, `OutOfSequence`,
    /// `Overrun`.
    ///
    /// `sequence` counts from 0; the last one may be asked for again, so a lost answer loses nothing.
    FingerFetch {
        /// Number of the piece.
        sequence: u16,
    },
    /// A piece of a template, after [`FingerTask::WriteTemplate`]. Answer: no body; `NothingToSend`,
    /// `OutOfSequence`; `Busy` when the board has no room yet, then the same piece is sent again.
    ///
    /// `sequence` counts from 0; the last one may be sent again.
    FingerSend {
        /// Number of the piece.
        sequence: u16,
        /// 1 to [`SEND_BYTES_MAX`] bytes.
        bytes: &'a [u8],
    },
    /// Ends the task and forgets what it has brought. Answer: no body.
    FingerCancel,
    /// Sets a lamp. Answer: no body. While the latch is set the lamps show only that.
    Lamp {
        /// Which one.
        lamp: Lamp,
        /// What it does.
        mode: LampMode,
    },
    /// Sounds the buzzer. Answer: no body.
    Buzzer(Beeps),
    /// Whether the case was opened. Answer: [`super::TamperState`].
    TamperState,
    /// One of the last openings, 0 the newest. Answer: [`super::LogEntry`]; `NoEntry`.
    TamperLog {
        /// Counts from the newest.
        index: u8,
    },
    /// A fresh challenge; earlier ones are worth nothing from now on. Answer: [`super::Challenge`];
    /// `NoChance`.
    Challenge,
    /// Clears the latch by a signature over [`super::clear_message`]. Answer: no body; `NotTampered`,
    /// `CaseOpen`, `NoChallenge`, `SignatureWrong`, `VaultFailed`.
    ///
    /// The challenge is used up, whatever the answer.
    TamperClear {
        /// Ed25519, by the authority of the pairing; by the maker when the vault has lost it.
        signature: &'a [u8; SIGNATURE_BYTES],
    },
    /// Pairs board and terminal. Answer: no body; `Tampered`, `AlreadyPaired`, `NoChallenge`,
    /// `SignatureWrong`, `VaultFailed`.
    Pair(Pairing<'a>),
    /// Asks for a proof of the pairing. Answer: [`super::Proof`]; `NotPaired`.
    Prove {
        /// Made by the host for this one time.
        challenge: &'a [u8; CHALLENGE_BYTES],
    },
    /// Announces an image; the body is the update's own.
    UpdateBegin(&'a [u8]),
    /// A piece of the image.
    UpdateWrite {
        /// Where in the image.
        offset: u32,
        /// At most [`SEND_BYTES_MAX`] bytes.
        bytes: &'a [u8],
    },
    /// The image is complete.
    UpdateFinish,
    /// Where the update stands; the answer's body is the update's own.
    UpdateState,
}

impl<'a> Request<'a> {
    /// The request in these bytes.
    ///
    /// Errors: the status to answer with, `Malformed`, `UnknownVersion` or `UnknownOpcode`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Status> {
        if bytes.len() > FRAME_BYTES_MAX {
            return Err(Status::Malformed);
        }
        let mut fields = Fields::new(bytes);
        if fields.u8() != Some(MARK) {
            return Err(Status::Malformed);
        }
        match fields.u8() {
            Some(VERSION) => {}
            Some(_) => return Err(Status::UnknownVersion),
            None => return Err(Status::Malformed),
        }
        let byte = fields.u8().ok_or(Status::Malformed)?;
        let opcode = Opcode::from_byte(byte).ok_or(Status::UnknownOpcode)?;
        Self::read(opcode, fields).ok_or(Status::Malformed)
    }

    fn read(opcode: Opcode, mut fields: Fields<'a>) -> Option<Self> {
        let request = match opcode {
            Opcode::Identify => Self::Identify,
            Opcode::Counters => Self::Counters,
            Opcode::FingerCaptureImage
            | Opcode::FingerCaptureFeatures
            | Opcode::FingerReadImage
            | Opcode::FingerReadTemplate
            | Opcode::FingerWriteTemplate
            | Opcode::FingerCombine
            | Opcode::FingerStore
            | Opcode::FingerLoad
            | Opcode::FingerDelete
            | Opcode::FingerMatch
            | Opcode::FingerCount
            | Opcode::FingerParameters
            | Opcode::FingerAura => Self::FingerStart(FingerTask::read(opcode, &mut fields)?),
            Opcode::FingerPoll => Self::FingerPoll,
            Opcode::FingerFetch => Self::FingerFetch { sequence: fields.u16()? },
            Opcode::FingerSend => {
                let sequence = fields.u16()?;
                let bytes = fields.rest();
                if bytes.is_empty() || bytes.len() > SEND_BYTES_MAX {
                    return None;
                }
                Self::FingerSend { sequence, bytes }
            }
            Opcode::FingerCancel => Self::FingerCancel,
            Opcode::Lamp => {
                Self::Lamp { lamp: Lamp::from_byte(fields.u8()?)?, mode: LampMode::from_byte(fields.u8()?)? }
            }
            Opcode::Buzzer => Self::Buzzer(Beeps::read(&mut fields)?),
            Opcode::TamperState => Self::TamperState,
            Opcode::TamperLog => Self::TamperLog { index: fields.u8()? },
            Opcode::Challenge => Self::Challenge,
            Opcode::TamperClear => Self::TamperClear { signature: fields.array()? },
            Opcode::Pair => Self::Pair(Pairing::read(&mut fields)?),
            Opcode::Prove => Self::Prove { challenge: fields.array()? },
            Opcode::UpdateBegin => Self::UpdateBegin(fields.rest()),
            Opcode::UpdateWrite => {
                let offset = fields.u32()?;
                let bytes = fields.rest();
                if bytes.is_empty() || bytes.len() > SEND_BYTES_MAX {
                    return None;
                }
                Self::UpdateWrite { offset, bytes }
            }
            Opcode::UpdateFinish => Self::UpdateFinish,
            Opcode::UpdateState => Self::UpdateState,
        };
        fields.end(request)
    }

    /// Its opcode.
    pub const fn opcode(&self) -> Opcode {
        match self {
            Self::Identify => Opcode::Identify,
            Self::Counters => Opcode::Counters,
            Self::FingerStart(task) => task.opcode(),
            Self::FingerPoll => Opcode::FingerPoll,
            Self::FingerFetch { .. } => Opcode::FingerFetch,
            Self::FingerSend { .. } => Opcode::FingerSend,
            Self::FingerCancel => Opcode::FingerCancel,
            Self::Lamp { .. } => Opcode::Lamp,
            Self::Buzzer(_) => Opcode::Buzzer,
            Self::TamperState => Opcode::TamperState,
            Self::TamperLog { .. } => Opcode::TamperLog,
            Self::Challenge => Opcode::Challenge,
            Self::TamperClear { .. } => Opcode::TamperClear,
            Self::Pair(_) => Opcode::Pair,
            Self::Prove { .. } => Opcode::Prove,
            Self::UpdateBegin(_) => Opcode::UpdateBegin,
            Self::UpdateWrite { .. } => Opcode::UpdateWrite,
            Self::UpdateFinish => Opcode::UpdateFinish,
            Self::UpdateState => Opcode::UpdateState,
        }
    }

    /// The frame of this request. Errors: `TooLong`.
    pub fn build(&self) -> Result<Frame, TooLong> {
        let mut frame = Frame::new();
        put(&mut frame, &[MARK, VERSION, self.opcode().byte()])?;
        match self {
            Self::Identify
            | Self::Counters
            | Self::FingerPoll
            | Self::FingerCancel
            | Self::TamperState
            | Self::Challenge
            | Self::UpdateFinish
            | Self::UpdateState => {}
            Self::FingerStart(task) => task.put(&mut frame)?,
            Self::FingerFetch { sequence } => put(&mut frame, &sequence.to_le_bytes())?,
            Self::FingerSend { sequence, bytes } => {
                put(&mut frame, &sequence.to_le_bytes())?;
                put_limited(&mut frame, bytes, SEND_BYTES_MAX)?;
            }
            Self::Lamp { lamp, mode } => put(&mut frame, &[lamp.byte(), mode.byte()])?,
            Self::Buzzer(beeps) => beeps.put(&mut frame)?,
            Self::TamperLog { index } => put(&mut frame, &[*index])?,
            Self::TamperClear { signature } => put(&mut frame, *signature)?,
            Self::Pair(pairing) => pairing.put(&mut frame)?,
            Self::Prove { challenge } => put(&mut frame, *challenge)?,
            Self::UpdateBegin(bytes) => put_limited(&mut frame, bytes, REQUEST_BODY_BYTES_MAX)?,
            Self::UpdateWrite { offset, bytes } => {
                put(&mut frame, &offset.to_le_bytes())?;
                put_limited(&mut frame, bytes, SEND_BYTES_MAX)?;
            }
        }
        Ok(frame)
    }
}

impl fmt::Debug for Request<'_> {
    /// The opcode only: the rest may be a secret or a template.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({:?})", self.opcode())
    }
}

/// A body is longer than a frame can carry. For us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("longer than an escape can carry")
    }
}

impl core::error::Error for TooLong {}

/// Appends bytes, all or none.
pub(super) fn put(frame: &mut Frame, bytes: &[u8]) -> Result<(), TooLong> {
    frame.extend_from_slice(bytes).map_err(|_| TooLong)
}

fn put_limited(frame: &mut Frame, bytes: &[u8], bytes_max: usize) -> Result<(), TooLong> {
    if bytes.len() > bytes_max { Err(TooLong) } else { put(frame, bytes) }
}
