//! The messages of the CCID class: what a host may ask, what a reader answers.
//!
//! Source: Universal Serial Bus, Device Class: Smart Card, CCID, rev 1.1, §6.

use crate::mailbox::HEADER_BYTES;

mod command;

pub use command::{Command, Parsed, ProtocolData, parse};

/// Kind of an answer. Source: CCID rev 1.1 §6.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AnswerKind {
    /// Answer to reset, or the card's answer.
    DataBlock = 0x80,
    /// State of the slot only.
    SlotStatus = 0x81,
    /// Protocol parameters.
    Parameters = 0x82,
    /// Answer to an escape.
    Escape = 0x83,
    /// Frequency of the clock and speed of the line.
    DataRateAndClockFrequency = 0x84,
}

/// State of a slot, bits 0 and 1 of bStatus. Source: CCID rev 1.1 §6.2.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CardStatus {
    /// A card is there, has power and has answered to reset.
    Active = 0,
    /// A card is there without power.
    Inactive = 1,
    /// No card is there.
    Absent = 2,
}

/// Why a command failed, as bError has it. Source: CCID rev 1.1 table 6.2-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(pub u8);

impl Error {
    /// The reader has no such command.
    pub const UNSUPPORTED: Self = Self(0x00);
    /// Offset of dwLength.
    pub const LENGTH: Self = Self(0x01);
    /// Offset of bSlot: there is no such slot.
    pub const SLOT: Self = Self(0x05);
    /// Offset of the first byte that belongs to the command: bPowerSelect, bBWI, bProtocolNum, bClockCommand.
    pub const SPECIFIC: Self = Self(0x07);
    /// Offset of wLevelParameter.
    pub const LEVEL: Self = Self(0x08);
    /// Offset of the data's first byte.
    pub const DATA: Self = Self(HEADER_BYTES as u8);
    /// The slot works on another command.
    pub const SLOT_BUSY: Self = Self(0xE0);
    /// The card does not answer, or there is none.
    pub const CARD_MUTE: Self = Self(0xFE);
    /// The host has taken the command back.
    pub const ABORTED: Self = Self(0xFF);

    /// The error about the byte at this place of the data.
    pub const fn data(offset: u8) -> Self {
        // Above are no offsets; the last one says at least that it is the data.
        let offset = HEADER_BYTES as u8 + if offset > 0x70 { 0 } else { offset };
        Self(offset)
    }
}

/// Head of an answer; the data come behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What kind it is.
    pub kind: AnswerKind,
    /// bSlot of the command.
    pub slot: u8,
    /// bSeq of the command.
    pub sequence: u8,
    /// State of the slot.
    pub card: CardStatus,
    /// How the command went.
    pub outcome: Outcome,
    /// Last byte of the header: bClockStatus, bProtocolNum, bChainParameter.
    pub specific: u8,
}

/// How a command went: bits 6 and 7 of bStatus, and bError.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Failed.
    Failed(Error),
    /// Not over yet: wait so many times as long as at the beginning.
    TimeExtension(u8),
}

impl Answer {
    /// The header, with a length of zero.
    pub const fn header(&self) -> [u8; HEADER_BYTES] {
        let (status, error) = match self.outcome {
            Outcome::Done => (0x00, 0x00),
            Outcome::Failed(error) => (0x40, error.0),
            Outcome::TimeExtension(times) => (0x80, times),
        };
        [
            self.kind as u8,
            0,
            0,
            0,
            0,
            self.slot,
            self.sequence,
            status | self.card as u8,
            error,
            self.specific,
        ]
    }
}
