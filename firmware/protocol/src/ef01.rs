//! Packets of serial fingerprint modules of the ZFM-20 family (R30x, AS608, R503).
//!
//! `EF 01`, address (4), kind (1), length (2), content, checksum (2); numbers have their most significant byte
//! first. The length counts content and checksum; the checksum is the sum of kind, length and content.
//! Source: ZhianTec, ZFM-20 Series Fingerprint Identification Module User Manual, §3 and §4.
//!
//! [`Scanner`] takes bytes one by one and keeps none of the content; [`Parser`] gathers whole packets.

mod codes;
mod scanner;

pub use codes::{Confirmation, Instruction, Parameters};
pub use scanner::{Fault, Packet, Parser, Scanned, Scanner};

use crate::wire::wire_enum;

/// First two bytes of every packet.
pub const START: [u8; 2] = [0xEF, 0x01];
/// Address of a module that was never given another.
pub const ADDRESS: [u8; 4] = [0xFF; 4];
/// Bytes before the content.
pub const HEAD_BYTES: usize = 9;
/// Most bytes of content.
pub const CONTENT_BYTES_MAX: usize = 256;
/// Most bytes of a packet.
pub const PACKET_BYTES_MAX: usize = HEAD_BYTES + CONTENT_BYTES_MAX + 2;
/// Most bytes of an instruction's parameters.
pub const PARAMETER_BYTES_MAX: usize = 5;
/// Bytes of an image of 256 × 288 pixels, two to a byte.
pub const IMAGE_BYTES: usize = 256 * 288 / 2;

wire_enum! {
    /// What a packet is.
    pub enum Kind {
        /// Host to module: an instruction and its parameters.
        Command = 0x01,
        /// Part of an image or template, more follows.
        Data = 0x02,
        /// Module to host: a confirmation and what it brings.
        Acknowledge = 0x07,
        /// Last part of an image or template.
        End = 0x08,
    }
}

/// Bytes of a command.
pub type Command = heapless::Vec<u8, { HEAD_BYTES + 1 + PARAMETER_BYTES_MAX + 2 }>;

/// The running checksum of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum(pub u16);

impl Checksum {
    /// With this byte too.
    pub fn add(&mut self, byte: u8) {
        self.0 = self.0.wrapping_add(byte.into());
    }
}

/// The head of a packet and the checksum so far, for content that is sent byte by byte.
///
/// `content_bytes` above [`CONTENT_BYTES_MAX`] is taken as that.
pub fn head(kind: Kind, address: [u8; 4], content_bytes: usize) -> ([u8; HEAD_BYTES], Checksum) {
    let length = content_bytes.min(CONTENT_BYTES_MAX) as u16 + 2;
    let [length_high, length_low] = length.to_be_bytes();
    let [a, b, c, d] = address;
    let mut checksum = Checksum::default();
    [kind.byte(), length_high, length_low].into_iter().for_each(|byte| checksum.add(byte));
    ([START[0], START[1], a, b, c, d, kind.byte(), length_high, length_low], checksum)
}

/// A whole packet; `None` when the content is longer than [`CONTENT_BYTES_MAX`] or than `N` allows.
pub fn packet<const N: usize>(kind: Kind, address: [u8; 4], content: &[u8]) -> Option<heapless::Vec<u8, N>> {
    if content.len() > CONTENT_BYTES_MAX {
        return None;
    }
    let (head, mut checksum) = head(kind, address, content.len());
    content.iter().for_each(|byte| checksum.add(*byte));
    let mut packet = heapless::Vec::new();
    packet.extend_from_slice(&head).ok()?;
    packet.extend_from_slice(content).ok()?;
    packet.extend_from_slice(&checksum.0.to_be_bytes()).ok()?;
    Some(packet)
}

/// A command; `None` when there are more than [`PARAMETER_BYTES_MAX`] bytes of parameters.
pub fn command(address: [u8; 4], instruction: Instruction, parameters: &[u8]) -> Option<Command> {
    let mut content = heapless::Vec::<u8, { 1 + PARAMETER_BYTES_MAX }>::new();
    content.push(instruction.byte()).ok()?;
    content.extend_from_slice(parameters).ok()?;
    packet(Kind::Command, address, &content)
}

#[cfg(test)]
mod tests;
