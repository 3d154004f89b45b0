//! What a host asks, parsed whole before anything is done.

use super::{AnswerKind, Error};
use crate::mailbox::HEADER_BYTES;

/// A command with all that it needs. The order is that of CCID rev 1.1 §6.1.
#[derive(Clone, Copy)]
pub enum Command<'a> {
    /// §6.1.1: power and cold reset, or warm reset of an active card.
    IccPowerOn {
        /// bPowerSelect: 0 the reader chooses, 1 is 5 V, 2 is 3 V, 3 is 1.8 V.
        power_select: u8,
    },
    /// §6.1.2: no power.
    IccPowerOff,
    /// §6.1.3: state of the slot.
    GetSlotStatus,
    /// §6.1.4: a command of T=0, a block of T=1, or PPS.
    XfrBlock {
        /// bBWI: so many times the block waiting time.
        waiting_extension: u8,
        /// For the card; 1 to 261 bytes.
        data: &'a [u8],
    },
    /// §6.1.5: protocol parameters in force.
    GetParameters,
    /// §6.1.6: those of the answer to reset.
    ResetParameters,
    /// §6.1.7: others.
    SetParameters(ProtocolData<'a>),
    /// §6.1.8: what the class does not know.
    Escape {
        /// 1 to 261 bytes.
        data: &'a [u8],
    },
    /// §6.1.9: the card's clock.
    IccClock {
        /// bClockCommand: 0 is to run.
        runs: bool,
    },
    /// §6.1.10: how APDUs of T=0 are made by the reader.
    T0Apdu,
    /// §6.1.11: entry of a PIN at the reader.
    Secure,
    /// §6.1.12: eject, lock.
    Mechanical,
    /// §6.1.13: takes a command back.
    Abort,
    /// §6.1.14: frequency and speed by hand.
    SetDataRateAndClockFrequency {
        /// dwClockFrequency in kilohertz.
        clock_khz: u32,
        /// dwDataRate in bits per second.
        rate: u32,
    },
}

/// bProtocolNum with abProtocolDataStructure of the right length.
#[derive(Clone, Copy)]
pub enum ProtocolData<'a> {
    /// T=0: bmFindexDindex, bmTCCKST0, bGuardTimeT0, bWaitingIntegerT0, bClockStop.
    T0(&'a [u8; 5]),
    /// T=1: bmFindexDindex, bmTCCKST1, bGuardTimeT1, bmWaitingIntegersT1, bClockStop, bIFSC, bNadValue.
    T1(&'a [u8; 7]),
}

impl<'a> ProtocolData<'a> {
    /// bProtocolNum.
    pub const fn protocol(&self) -> u8 {
        match self {
            Self::T0(_) => 0,
            Self::T1(_) => 1,
        }
    }

    /// The fields, in their order.
    pub const fn bytes(&self) -> &'a [u8] {
        match self {
            Self::T0(bytes) => *bytes,
            Self::T1(bytes) => *bytes,
        }
    }
}

/// A message, taken apart.
#[derive(Clone, Copy)]
pub struct Parsed<'a> {
    /// bSlot.
    pub slot: u8,
    /// bSeq.
    pub sequence: u8,
    /// How the command is answered, well or badly.
    pub answer: AnswerKind,
    /// What is asked, or what is wrong with it.
    pub command: Result<Command<'a>, Error>,
}

/// Takes a message apart. `None` when it has no whole header; every other message is a command or an error.
///
/// A message that has not the length it announces is an error at dwLength.
pub fn parse(message: &[u8]) -> Option<Parsed<'_>> {
    let (header, data) = message.split_first_chunk::<HEADER_BYTES>()?;
    let &[kind, length0, length1, length2, length3, slot, sequence, specific, level0, level1] = header;
    let length = u32::from_le_bytes([length0, length1, length2, length3]);
    let is_empty = length == 0;
    let is_whole = u32::try_from(data.len()) == Ok(length);
    let is_filled = is_whole && !is_empty;
    let empty = |command| if is_empty { Ok(command) } else { Err(Error::LENGTH) };
    let (answer, command) = match kind {
        0x62 => (
            AnswerKind::DataBlock,
            match specific {
                _ if !is_empty => Err(Error::LENGTH),
                0..=3 => Ok(Command::IccPowerOn { power_select: specific }),
                _ => Err(Error::SPECIFIC),
            },
        ),
        0x63 => (AnswerKind::SlotStatus, empty(Command::IccPowerOff)),
        0x65 => (AnswerKind::SlotStatus, empty(Command::GetSlotStatus)),
        0x6F => (
            AnswerKind::DataBlock,
            match (level0, level1) {
                _ if !is_filled => Err(Error::LENGTH),
                (0, 0) => Ok(Command::XfrBlock { waiting_extension: specific, data }),
                _ => Err(Error::LEVEL),
            },
        ),
        0x6C => (AnswerKind::Parameters, empty(Command::GetParameters)),
        0x6D => (AnswerKind::Parameters, empty(Command::ResetParameters)),
        0x61 => (
            AnswerKind::Parameters,
            match protocol_data(specific, data) {
                _ if !is_filled => Err(Error::LENGTH),
                parameters => parameters.map(Command::SetParameters),
            },
        ),
        0x6B => {
            (AnswerKind::Escape, if is_filled { Ok(Command::Escape { data }) } else { Err(Error::LENGTH) })
        }
        0x6E => (
            AnswerKind::SlotStatus,
            match specific {
                _ if !is_empty => Err(Error::LENGTH),
                0 => Ok(Command::IccClock { runs: true }),
                1 => Ok(Command::IccClock { runs: false }),
                _ => Err(Error::SPECIFIC),
            },
        ),
        0x6A => (AnswerKind::SlotStatus, Ok(Command::T0Apdu)),
        0x69 => (AnswerKind::DataBlock, Ok(Command::Secure)),
        0x71 => (AnswerKind::SlotStatus, Ok(Command::Mechanical)),
        0x72 => (AnswerKind::SlotStatus, empty(Command::Abort)),
        0x73 => (
            AnswerKind::DataRateAndClockFrequency,
            match *data {
                [c0, c1, c2, c3, r0, r1, r2, r3] if is_whole => Ok(Command::SetDataRateAndClockFrequency {
                    clock_khz: u32::from_le_bytes([c0, c1, c2, c3]),
                    rate: u32::from_le_bytes([r0, r1, r2, r3]),
                }),
                _ => Err(Error::LENGTH),
            },
        ),
        _ => (AnswerKind::SlotStatus, Err(Error::UNSUPPORTED)),
    };
    Some(Parsed { slot, sequence, answer, command })
}

/// The fields' ranges are the affair of whoever knows the card.
fn protocol_data(protocol: u8, data: &[u8]) -> Result<ProtocolData<'_>, Error> {
    match protocol {
        0 => data.try_into().map(ProtocolData::T0),
        1 => data.try_into().map(ProtocolData::T1),
        _ => return Err(Error::SPECIFIC),
    }
    .map_err(|_| Error::LENGTH)
}
