//! Why a board did not do what was asked.

use std::fmt;

use reader_protocol::{
    escape::{NoAnswer, Status},
    image::HeaderError,
    update::UpdateRefusal,
};

use crate::pcsc::ControlError;

/// Why a board did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoardError {
    /// The driver was told not to hand escapes on: [`super::ESCAPES_OFF_REMEDY`]. For the installer.
    EscapesOff {
        /// The reader.
        reader: String,
    },
    /// This reader is no board of ours. For the installer.
    NotOurs {
        /// The reader.
        reader: String,
    },
    /// The board speaks another version of the commands: board or program is to be updated. For the installer.
    OtherVersion,
    /// The board does not answer any more. For the installer.
    Silent,
    /// The board's answer cannot be understood. For the installer.
    Answer(NoAnswer),
    /// The board refuses.
    Refused(Status),
    /// The update is refused.
    UpdateRefused {
        /// Why; `None` when the board gives a reason that this program does not know.
        reason: Option<UpdateRefusal>,
    },
    /// The file is no firmware image. For whoever named it.
    Image(HeaderError),
    /// The image's program is longer or shorter than its header says.
    ImageLength {
        /// Bytes by the header.
        expected: usize,
        /// Bytes that are there.
        got: usize,
    },
    /// The image's program is not the one that was signed.
    ImageDigest,
    /// Another board than the paired one, or somebody in between. For the installer.
    ProofWrong,
    /// What should be sent does not fit. For us.
    TooLong,
    /// The way to the board: reader, service. For the installer.
    Channel(ControlError),
}

impl fmt::Display for BoardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EscapesOff { reader } => {
                write!(
                    f,
                    "the driver of {reader} has escapes switched off (ifdDriverOptions 0x0001 in Info.plist)"
                )
            }
            Self::NotOurs { reader } => write!(f, "{reader} is no board of ours"),
            Self::OtherVersion => f.write_str("the board speaks another version of the commands"),
            Self::Silent => f.write_str("the board does not answer"),
            Self::Answer(problem) => write!(f, "the board's answer cannot be understood: {problem}"),
            Self::Refused(status) => status.fmt(f),
            Self::UpdateRefused { reason: Some(reason) } => write!(f, "the update is refused: {reason}"),
            Self::UpdateRefused { reason: None } => f.write_str("the update is refused"),
            Self::Image(problem) => write!(f, "no firmware image: {problem}"),
            Self::ImageLength { expected, got } => {
                write!(f, "a firmware image of {expected} bytes of which {got} are there")
            }
            Self::ImageDigest => f.write_str("the firmware image is damaged"),
            Self::ProofWrong => f.write_str("the board does not have the secret of the pairing"),
            Self::TooLong => f.write_str("longer than an escape can carry"),
            Self::Channel(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BoardError {}
