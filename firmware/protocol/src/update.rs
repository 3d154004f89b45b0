//! What an update of the firmware says: bodies of the escapes `UpdateBegin` to `UpdateState`.
//!
//! `UpdateBegin` carries the first [`crate::image::HEADER_SENT_BYTES`] of an image, `UpdateWrite` a piece of its
//! program in multiples of 4 bytes, offsets counted from the program's first byte. `UpdateRefused` has one byte of
//! [`UpdateRefusal`] as its body, `UpdateState` answers with [`UpdateState`].

use core::fmt;

use crate::{
    escape::{Body, Frame, TooLong},
    wire::{Fields, wire_enum},
};

wire_enum! {
    /// Why an update is refused.
    pub enum UpdateRefusal {
        /// The header cannot be read. For whoever made the image.
        Header = 0x01,
        /// The image is for another board. For the installer.
        Board = 0x02,
        /// The program is linked for another address. For whoever made the image.
        Address = 0x03,
        /// The image is signed with a key that is not this board's. For the installer.
        Key = 0x04,
        /// The signature is wrong. For the installer.
        Signature = 0x05,
        /// The rollback counter is lower than this board permits. For the installer.
        Rollback = 0x06,
        /// The program does not fit. For whoever made the image.
        TooLong = 0x07,
        /// No update was begun. For us.
        NotBegun = 0x08,
        /// Not the piece that is next, nor one that is there already. For us.
        OutOfSequence = 0x09,
        /// The end was said before everything was there. For us.
        Incomplete = 0x0A,
        /// What was written is not what the header was signed for: send it again.
        Program = 0x0B,
        /// The flash does not take what is written. For the installer.
        Flash = 0x0C,
        /// The flash is being erased: ask again.
        Erasing = 0x0D,
    }
}

impl fmt::Display for UpdateRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Header => "the header cannot be read",
            Self::Board => "the image is for another board",
            Self::Address => "the program is linked for another address",
            Self::Key => "the image is signed with a key that is not this board's",
            Self::Signature => "the signature is wrong",
            Self::Rollback => "the image is older than this board permits",
            Self::TooLong => "the program does not fit",
            Self::NotBegun => "no update was begun",
            Self::OutOfSequence => "a piece is out of sequence",
            Self::Incomplete => "the image is not complete",
            Self::Program => "the program is not the one that was signed",
            Self::Flash => "the flash cannot be written",
            Self::Erasing => "the flash is being erased",
        })
    }
}

wire_enum! {
    /// How far an update is.
    pub enum UpdatePhase {
        /// This board cannot be updated by its host.
        Unsupported = 0x00,
        /// No update is under way.
        Idle = 0x01,
        /// Room is being made. The board may not answer for two seconds.
        Erasing = 0x02,
        /// Pieces are taken.
        Receiving = 0x03,
        /// Complete and checked; it is taken at the next start.
        Ready = 0x04,
    }
}

wire_enum! {
    /// What became of the last complete update when the board started.
    pub enum LastUpdate {
        /// None is known of.
        Unknown = 0x00,
        /// It is installed.
        Installed = 0x01,
        /// The boot stage has refused it.
        Refused = 0x02,
    }
}

/// Where an update stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdateState {
    /// How far it is.
    pub phase: UpdatePhase,
    /// Bytes of the program that are there: the offset of the next piece.
    pub received_bytes: u32,
    /// Bytes that the program has.
    pub program_bytes: u32,
    /// Lowest rollback counter that this board permits.
    pub floor: u32,
    /// What became of the last one.
    pub last: LastUpdate,
}

impl UpdateState {
    /// Of a board that cannot be updated by its host.
    pub const UNSUPPORTED: Self = Self {
        phase: UpdatePhase::Unsupported,
        received_bytes: 0,
        program_bytes: 0,
        floor: 0,
        last: LastUpdate::Unknown,
    };
}

impl Body for UpdateState {
    fn put(&self, frame: &mut Frame) -> Result<(), TooLong> {
        let mut put = |bytes: &[u8]| frame.extend_from_slice(bytes).map_err(|_| TooLong);
        put(&[self.phase.byte()])?;
        put(&self.received_bytes.to_le_bytes())?;
        put(&self.program_bytes.to_le_bytes())?;
        put(&self.floor.to_le_bytes())?;
        put(&[self.last.byte()])
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let state = Self {
            phase: UpdatePhase::from_byte(fields.u8()?)?,
            received_bytes: fields.u32()?,
            program_bytes: fields.u32()?,
            floor: fields.u32()?,
            last: LastUpdate::from_byte(fields.u8()?)?,
        };
        fields.end(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_there_and_back() {
        let state = UpdateState {
            phase: UpdatePhase::Receiving,
            received_bytes: 0x0102_0304,
            program_bytes: 0x0506_0708,
            floor: 9,
            last: LastUpdate::Refused,
        };
        let mut frame = Frame::new();
        assert_eq!(state.put(&mut frame), Ok(()));
        assert_eq!(frame.as_slice(), [3, 4, 3, 2, 1, 8, 7, 6, 5, 9, 0, 0, 0, 2]);
        assert_eq!(UpdateState::read(&frame), Some(state));
        for cut in 0..frame.len() {
            assert_eq!(UpdateState::read(&frame[..cut]), None);
        }
        assert_eq!(UpdateState::read(&[3; 15]), None, "too long");
        assert_eq!(UpdateState::read(&[9; 14]), None, "no such phase");
    }
}
