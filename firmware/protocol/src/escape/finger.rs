//! Tasks of the fingerprint module, and what they bring.

use core::fmt;

use super::request::put;
use super::{Body, Frame, Opcode, TooLong};
use crate::ef01::{Confirmation, Parameters};
use crate::wire::{Fields, wire_enum};

/// Most bytes of an image or template that one [`Chunk`] carries.
pub const CHUNK_BYTES_MAX: usize = 240;
/// Most bytes of a template or firmware image that one request carries.
pub const SEND_BYTES_MAX: usize = 240;
/// Most bytes of a template that the board passes on to the module.
pub const TEMPLATE_BYTES_MAX: u16 = 4_096;
/// Longest wait for a finger.
pub const CAPTURE_MILLIS_MAX: u16 = 60_000;

wire_enum! {
    /// One of the module's two buffers for features.
    pub enum Buffer {
        /// The first.
        First = 0x01,
        /// The second.
        Second = 0x02,
    }
}

/// The light around the window of some modules (R503).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aura {
    /// 1 breathing, 2 flashing, 3 on, 4 off, 5 gradually on, 6 gradually off.
    pub control: u8,
    /// 0 slow to FF fast.
    pub speed: u8,
    /// 1 red, 2 blue, 3 purple.
    pub colour: u8,
    /// How often, 0 for ever.
    pub count: u8,
}

/// A task of the module: started by one request, then polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FingerTask {
    /// Waits for a finger and brings its image, 4 bits a pixel, two pixels a byte, the left one high.
    CaptureImage {
        /// At most [`CAPTURE_MILLIS_MAX`].
        timeout_ms: u16,
    },
    /// Waits for a finger and makes its features.
    CaptureFeatures {
        /// Where they go.
        buffer: Buffer,
        /// At most [`CAPTURE_MILLIS_MAX`].
        timeout_ms: u16,
    },
    /// Brings the image that the module still has, after an overrun say.
    ReadImage,
    /// Brings the template of a buffer, in the maker's own format.
    ReadTemplate {
        /// Whose.
        buffer: Buffer,
    },
    /// Puts a template into a buffer; its bytes follow by `FingerSend`.
    WriteTemplate {
        /// Where it goes.
        buffer: Buffer,
        /// How long it is, 1 to [`TEMPLATE_BYTES_MAX`].
        length_bytes: u16,
    },
    /// Makes one template of both buffers.
    Combine,
    /// Keeps a buffer's template.
    Store {
        /// Whose.
        buffer: Buffer,
        /// Where.
        page: u16,
    },
    /// Loads a kept template.
    Load {
        /// Where to.
        buffer: Buffer,
        /// Where from.
        page: u16,
    },
    /// Deletes kept templates.
    Delete {
        /// The first.
        page: u16,
        /// How many.
        count: u16,
    },
    /// Compares both buffers; the outcome is a score.
    Match,
    /// Counts the kept templates.
    Count,
    /// Asks for the module's parameters.
    Parameters,
    /// Sets the light around the window.
    Aura(Aura),
}

impl FingerTask {
    /// Its opcode.
    pub const fn opcode(&self) -> Opcode {
        match self {
            Self::CaptureImage { .. } => Opcode::FingerCaptureImage,
            Self::CaptureFeatures { .. } => Opcode::FingerCaptureFeatures,
            Self::ReadImage => Opcode::FingerReadImage,
            Self::ReadTemplate { .. } => Opcode::FingerReadTemplate,
            Self::WriteTemplate { .. } => Opcode::FingerWriteTemplate,
            Self::Combine => Opcode::FingerCombine,
            Self::Store { .. } => Opcode::FingerStore,
            Self::Load { .. } => Opcode::FingerLoad,
            Self::Delete { .. } => Opcode::FingerDelete,
            Self::Match => Opcode::FingerMatch,
            Self::Count => Opcode::FingerCount,
            Self::Parameters => Opcode::FingerParameters,
            Self::Aura(_) => Opcode::FingerAura,
        }
    }

    pub(super) fn put(&self, frame: &mut Frame) -> Result<(), TooLong> {
        match self {
            Self::CaptureImage { timeout_ms } => put(frame, &timeout_ms.to_le_bytes()),
            Self::CaptureFeatures { buffer, timeout_ms: number }
            | Self::WriteTemplate { buffer, length_bytes: number }
            | Self::Store { buffer, page: number }
            | Self::Load { buffer, page: number } => {
                put(frame, &[buffer.byte()])?;
                put(frame, &number.to_le_bytes())
            }
            Self::ReadTemplate { buffer } => put(frame, &[buffer.byte()]),
            Self::Delete { page, count } => {
                put(frame, &page.to_le_bytes())?;
                put(frame, &count.to_le_bytes())
            }
            Self::ReadImage | Self::Combine | Self::Match | Self::Count | Self::Parameters => Ok(()),
            Self::Aura(Aura { control, speed, colour, count }) => {
                put(frame, &[*control, *speed, *colour, *count])
            }
        }
    }

    pub(super) fn read(opcode: Opcode, fields: &mut Fields<'_>) -> Option<Self> {
        let within = |millis: u16| (millis <= CAPTURE_MILLIS_MAX).then_some(millis);
        Some(match opcode {
            Opcode::FingerCaptureImage => Self::CaptureImage { timeout_ms: within(fields.u16()?)? },
            Opcode::FingerCaptureFeatures => {
                Self::CaptureFeatures { buffer: buffer(fields)?, timeout_ms: within(fields.u16()?)? }
            }
            Opcode::FingerReadImage => Self::ReadImage,
            Opcode::FingerReadTemplate => Self::ReadTemplate { buffer: buffer(fields)? },
            Opcode::FingerWriteTemplate => {
                let (buffer, length_bytes) = (buffer(fields)?, fields.u16()?);
                if !(1..=TEMPLATE_BYTES_MAX).contains(&length_bytes) {
                    return None;
                }
                Self::WriteTemplate { buffer, length_bytes }
            }
            Opcode::FingerCombine => Self::Combine,
            Opcode::FingerStore => Self::Store { buffer: buffer(fields)?, page: fields.u16()? },
            Opcode::FingerLoad => Self::Load { buffer: buffer(fields)?, page: fields.u16()? },
            Opcode::FingerDelete => Self::Delete { page: fields.u16()?, count: fields.u16()? },
            Opcode::FingerMatch => Self::Match,
            Opcode::FingerCount => Self::Count,
            Opcode::FingerParameters => Self::Parameters,
            Opcode::FingerAura => Self::Aura(Aura {
                control: fields.u8()?,
                speed: fields.u8()?,
                colour: fields.u8()?,
                count: fields.u8()?,
            }),
            _ => return None,
        })
    }
}

fn buffer(fields: &mut Fields<'_>) -> Option<Buffer> {
    Buffer::from_byte(fields.u8()?)
}

/// Answer of `FingerPoll`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FingerState {
    /// No task has been started, or it was cancelled.
    Idle,
    /// Waits for a finger on the window.
    WaitingForFinger,
    /// The module works.
    Busy,
    /// An image or template is on its way.
    Transferring {
        /// Bytes that have come from the module, or gone to it.
        bytes: u32,
        /// Bytes that the host may fetch, or send, now.
        ready_bytes: u16,
    },
    /// Done; what was brought and not yet fetched can still be fetched.
    Done(FingerOutcome),
    /// Failed; nothing can be fetched.
    Failed(FingerFailure),
}

/// What a task has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FingerOutcome {
    /// Nothing beyond having been done.
    Nothing,
    /// An image or template of so many bytes has come, or a template has gone.
    Transferred {
        /// All its bytes.
        bytes: u32,
    },
    /// Both buffers are of one finger, as the module judges; its own scale.
    Score(u16),
    /// Templates kept.
    Count(u16),
    /// The module's parameters.
    Parameters(Parameters),
}

/// Why a task has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FingerFailure {
    /// No finger in time. For the cardholder.
    NoFinger,
    /// The module has refused, by its own code.
    Refused(Confirmation),
    /// The module says nothing, or stops in the middle. For the installer.
    Silent,
    /// A packet had a wrong checksum or length. Try again.
    Broken,
    /// A packet of another kind than was due. For the installer.
    Unexpected,
    /// The host did not fetch in time. Try again.
    Overrun,
    /// The host did not send in time. Try again.
    Starved,
    /// The board's UART failed. For the installer.
    Line,
    /// The case was opened.
    Tampered,
}

impl Body for FingerState {
    fn put(&self, frame: &mut Frame) -> Result<(), TooLong> {
        match self {
            Self::Idle => put(frame, &[0x00]),
            Self::WaitingForFinger => put(frame, &[0x01]),
            Self::Busy => put(frame, &[0x02]),
            Self::Transferring { bytes, ready_bytes } => {
                put(frame, &[0x03])?;
                put(frame, &bytes.to_le_bytes())?;
                put(frame, &ready_bytes.to_le_bytes())
            }
            Self::Done(outcome) => match outcome {
                FingerOutcome::Nothing => put(frame, &[0x04, 0x00]),
                FingerOutcome::Transferred { bytes } => {
                    put(frame, &[0x04, 0x01])?;
                    put(frame, &bytes.to_le_bytes())
                }
                FingerOutcome::Score(number) => {
                    put(frame, &[0x04, 0x02])?;
                    put(frame, &number.to_le_bytes())
                }
                FingerOutcome::Count(number) => {
                    put(frame, &[0x04, 0x03])?;
                    put(frame, &number.to_le_bytes())
                }
                FingerOutcome::Parameters(parameters) => {
                    put(frame, &[0x04, 0x04])?;
                    put(frame, &parameters.to_bytes())
                }
            },
            Self::Failed(failure) => {
                let code = match failure {
                    FingerFailure::NoFinger => 0x00,
                    FingerFailure::Refused(confirmation) => {
                        return put(frame, &[0x05, 0x01, confirmation.byte()]);
                    }
                    FingerFailure::Silent => 0x02,
                    FingerFailure::Broken => 0x03,
                    FingerFailure::Unexpected => 0x04,
                    FingerFailure::Overrun => 0x05,
                    FingerFailure::Starved => 0x06,
                    FingerFailure::Line => 0x07,
                    FingerFailure::Tampered => 0x08,
                };
                put(frame, &[0x05, code])
            }
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let state = match fields.u8()? {
            0x00 => Self::Idle,
            0x01 => Self::WaitingForFinger,
            0x02 => Self::Busy,
            0x03 => Self::Transferring { bytes: fields.u32()?, ready_bytes: fields.u16()? },
            0x04 => Self::Done(match fields.u8()? {
                0x00 => FingerOutcome::Nothing,
                0x01 => FingerOutcome::Transferred { bytes: fields.u32()? },
                0x02 => FingerOutcome::Score(fields.u16()?),
                0x03 => FingerOutcome::Count(fields.u16()?),
                0x04 => FingerOutcome::Parameters(Parameters::from_bytes(fields.array()?)),
                _ => return None,
            }),
            0x05 => Self::Failed(match fields.u8()? {
                0x00 => FingerFailure::NoFinger,
                0x01 => FingerFailure::Refused(Confirmation::from_byte(fields.u8()?)),
                0x02 => FingerFailure::Silent,
                0x03 => FingerFailure::Broken,
                0x04 => FingerFailure::Unexpected,
                0x05 => FingerFailure::Overrun,
                0x06 => FingerFailure::Starved,
                0x07 => FingerFailure::Line,
                0x08 => FingerFailure::Tampered,
                _ => return None,
            }),
            _ => return None,
        };
        fields.end(state)
    }
}

/// Answer of `FingerFetch`: a piece of an image or template.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The number that was asked for.
    pub sequence: u16,
    /// Nothing comes after this.
    pub is_last: bool,
    /// At most [`CHUNK_BYTES_MAX`] bytes. Empty and not the last: nothing yet, ask for the same again.
    pub bytes: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Bytes before the piece itself.
    pub const HEAD_BYTES: usize = 3;

    /// Appends the body to a frame. Errors: `TooLong`.
    pub fn put(&self, frame: &mut Frame) -> Result<(), TooLong> {
        let [low, high] = self.sequence.to_le_bytes();
        put(frame, &[low, high, self.is_last.into()])?;
        if self.bytes.len() > CHUNK_BYTES_MAX { Err(TooLong) } else { put(frame, self.bytes) }
    }

    /// The piece in an answer's body.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let sequence = fields.u16()?;
        let is_last = fields.bool()?;
        let bytes = fields.rest();
        (bytes.len() <= CHUNK_BYTES_MAX).then_some(Self { sequence, is_last, bytes })
    }
}

impl fmt::Debug for Chunk<'_> {
    /// Without the bytes: they are somebody's finger.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({}, {} bytes, last: {})", self.sequence, self.bytes.len(), self.is_last)
    }
}
