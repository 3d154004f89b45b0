//! Command and response APDUs, short and extended.
//!
//! Source: ISO/IEC 7816-3 §12.1, ISO/IEC 7816-4 §5.

use core::fmt;

use heapless::Vec;

use crate::{Error, Part, status::StatusWord};

/// Most data bytes of a short command.
pub const DATA_BYTES_MAX: usize = 255;
/// Most data bytes of a short answer.
pub const ANSWER_DATA_BYTES_MAX: usize = 256;
/// Longest short command: header, Lc, data, Le.
pub const COMMAND_BYTES_MAX: usize = 4 + 1 + DATA_BYTES_MAX + 1;
/// Longest short answer: data and status word.
pub const RESPONSE_BYTES_MAX: usize = ANSWER_DATA_BYTES_MAX + 2;
/// Most data bytes of an extended command.
pub const EXTENDED_DATA_BYTES_MAX: usize = 65_535;
/// Largest Le of an extended command.
pub const EXTENDED_LE_MAX: u32 = 65_536;
/// Largest Le of a short command.
pub const LE_MAX: u32 = 256;

/// A short command, ready to send.
pub type CommandBytes = Vec<u8, COMMAND_BYTES_MAX>;
/// A short answer, ready to send.
pub type ResponseBytes = Vec<u8, RESPONSE_BYTES_MAX>;

/// A command APDU taken apart; no meaning is given to it yet.
///
/// `Debug` shows the header and the lengths, never the data: they may be a PIN.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CommandApdu<'a> {
    /// Class.
    pub cla: u8,
    /// Instruction.
    pub ins: u8,
    /// First parameter.
    pub p1: u8,
    /// Second parameter.
    pub p2: u8,
    /// Data field, empty when there is none.
    pub data: &'a [u8],
    /// Most bytes wanted in the answer, 1 to 65536; `None` when the command has no Le.
    pub le: Option<u32>,
}

impl<'a> CommandApdu<'a> {
    /// Takes a command apart, cases 1 to 4, short or extended.
    ///
    /// `Truncated` when the data field is cut, `Malformed` when bytes are left over or an extended
    /// length is zero where it must not be.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let [cla, ins, p1, p2, body @ ..] = bytes else {
            return Err(Error::Truncated { part: Part::CommandApdu, expected: 4, got: bytes.len() });
        };
        let command = |data, le| CommandApdu { cla: *cla, ins: *ins, p1: *p1, p2: *p2, data, le };
        match body {
            [] => Ok(command(&[], None)),
            [le] => Ok(command(&[], Some(short_le(*le)))),
            [0, high, low] => Ok(command(&[], Some(extended_le(*high, *low)))),
            [0, high, low, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let (data, tail) = split(rest, length, 7)?;
                match tail {
                    [] => Ok(command(data, None)),
                    [high, low] => Ok(command(data, Some(extended_le(*high, *low)))),
                    _ => Err(Error::Malformed { part: Part::CommandApdu }),
                }
            }
            [length, rest @ ..] => {
                let (data, tail) = split(rest, usize::from(*length), 5)?;
                match tail {
                    [] => Ok(command(data, None)),
                    [le] => Ok(command(data, Some(short_le(*le)))),
                    _ => Err(Error::Malformed { part: Part::CommandApdu }),
                }
            }
        }
    }

    /// Whether data or Le need the extended form.
    pub fn is_extended(&self) -> bool {
        self.data.len() > DATA_BYTES_MAX || self.le.is_some_and(|le| le > LE_MAX)
    }

    /// Puts the command together, in the short form whenever it fits.
    ///
    /// `TooLong` when it does not fit `N` bytes or an extended APDU; [`COMMAND_BYTES_MAX`] bytes hold
    /// every short one.
    pub fn build<const N: usize>(&self) -> Result<Vec<u8, N>, Error> {
        let too_long = |_| Error::TooLong { part: Part::CommandApdu, max: N, got: self.data.len() };
        if self.data.len() > EXTENDED_DATA_BYTES_MAX {
            return Err(Error::TooLong {
                part: Part::CommandApdu,
                max: EXTENDED_DATA_BYTES_MAX,
                got: self.data.len(),
            });
        }
        if self.le.is_some_and(|le| le == 0 || le > EXTENDED_LE_MAX) {
            return Err(Error::Malformed { part: Part::CommandApdu });
        }
        let mut out = Vec::new();
        out.extend_from_slice(&[self.cla, self.ins, self.p1, self.p2]).map_err(too_long)?;
        let extended = self.is_extended();
        if extended {
            out.extend_from_slice(&[0]).map_err(too_long)?;
        }
        if !self.data.is_empty() {
            let length = (self.data.len() as u16).to_be_bytes();
            out.extend_from_slice(if extended { &length } else { &length[1..] }).map_err(too_long)?;
            out.extend_from_slice(self.data).map_err(too_long)?;
        }
        if let Some(le) = self.le {
            let le = (le as u16).to_be_bytes();
            out.extend_from_slice(if extended { &le } else { &le[1..] }).map_err(too_long)?;
        }
        Ok(out)
    }
}

fn split(bytes: &[u8], length: usize, header: usize) -> Result<(&[u8], &[u8]), Error> {
    if length == 0 {
        return Err(Error::Malformed { part: Part::CommandApdu });
    }
    bytes.split_at_checked(length).ok_or(Error::Truncated {
        part: Part::CommandApdu,
        expected: header + length,
        got: header + bytes.len(),
    })
}

fn short_le(byte: u8) -> u32 {
    if byte == 0 { LE_MAX } else { u32::from(byte) }
}

fn extended_le(high: u8, low: u8) -> u32 {
    match u16::from_be_bytes([high, low]) {
        0 => EXTENDED_LE_MAX,
        le => u32::from(le),
    }
}

impl fmt::Debug for CommandApdu<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X} {:02X} {:02X} {:02X}", self.cla, self.ins, self.p1, self.p2)?;
        if !self.data.is_empty() {
            write!(f, " ({} bytes)", self.data.len())?;
        }
        match self.le {
            Some(le) => write!(f, " Le {le}"),
            None => Ok(()),
        }
    }
}

/// An answer: data and status word.
///
/// `Debug` shows the length of the data, not the data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ResponseApdu<'a> {
    /// Data, empty when there is none.
    pub data: &'a [u8],
    /// Status word.
    pub status: StatusWord,
}

impl<'a> ResponseApdu<'a> {
    /// Takes an answer apart; `Truncated` when it has no status word.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        match bytes {
            [data @ .., sw1, sw2] => Ok(ResponseApdu { data, status: StatusWord::new(*sw1, *sw2) }),
            _ => Err(Error::Truncated { part: Part::ResponseApdu, expected: 2, got: bytes.len() }),
        }
    }

    /// Puts an answer together; `TooLong` when it does not fit `N` bytes.
    pub fn build<const N: usize>(&self) -> Result<Vec<u8, N>, Error> {
        let too_long = |_| Error::TooLong { part: Part::ResponseApdu, max: N, got: self.data.len() + 2 };
        let mut out = Vec::new();
        out.extend_from_slice(self.data).map_err(too_long)?;
        out.extend_from_slice(&self.status.to_bytes()).map_err(too_long)?;
        Ok(out)
    }
}

impl fmt::Debug for ResponseApdu<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes) {}", self.data.len(), self.status)
    }
}
