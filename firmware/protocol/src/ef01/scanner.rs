//! Finds packets in a stream of bytes.

use core::fmt;

use super::{CONTENT_BYTES_MAX, Checksum, HEAD_BYTES, Kind, START};

/// What a byte has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// A packet begins.
    Begin {
        /// What it is.
        kind: Kind,
        /// Bytes of content that follow.
        content_bytes: u16,
    },
    /// A byte of content; not to be trusted before [`Scanned::End`].
    Content(u8),
    /// The packet is whole and its checksum right.
    End,
    /// The packet is broken; what came of it is worth nothing.
    Broken(Fault),
}

/// What is wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Meant for another address, or noise that begins like a packet.
    Address,
    /// No such kind.
    Kind {
        /// The byte there.
        got: u8,
    },
    /// Shorter than a checksum or longer than the greatest packet.
    Length {
        /// The length there.
        got: u16,
    },
    /// The sum of the bytes is another.
    Checksum {
        /// What the bytes add up to.
        expected: u16,
        /// What the packet says.
        got: u16,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("a packet for another address"),
            Self::Kind { got } => write!(f, "a packet of the unknown kind {got:02X}"),
            Self::Length { got } => write!(f, "a packet of the impossible length {got}"),
            Self::Checksum { expected, got } => {
                write!(f, "a packet with the checksum {got:04X} instead of {expected:04X}")
            }
        }
    }
}

impl core::error::Error for Fault {}

/// Where in a packet the scanner is.
#[derive(Clone, Copy)]
enum Place {
    Head,
    Content { left: u16 },
    ChecksumHigh,
    ChecksumLow { high: u8 },
}

/// Finds packets byte by byte. Noise before a packet is skipped; so is one that is not for this address.
///
/// It keeps only the head; a head that proves to be none is looked through for the next one. After a wrong
/// checksum it looks for the next packet.
#[derive(Clone)]
pub struct Scanner {
    address: [u8; 4],
    head: [u8; HEAD_BYTES],
    head_bytes: usize,
    place: Place,
    checksum: Checksum,
}

impl Scanner {
    /// For packets of this address.
    pub const fn new(address: [u8; 4]) -> Self {
        Self { address, head: [0; HEAD_BYTES], head_bytes: 0, place: Place::Head, checksum: Checksum(0) }
    }

    /// Forgets a packet that has begun, after a silence say.
    pub fn reset(&mut self) {
        self.head_bytes = 0;
        self.place = Place::Head;
    }

    /// Whether a packet has begun and is not yet whole.
    pub const fn is_within_packet(&self) -> bool {
        self.head_bytes > 0 || !matches!(self.place, Place::Head)
    }

    /// Takes the next byte.
    pub fn push(&mut self, byte: u8) -> Option<Scanned> {
        match self.place {
            Place::Head => self.push_head(byte),
            Place::Content { left } => {
                self.checksum.add(byte);
                self.place = match left.saturating_sub(1) {
                    0 => Place::ChecksumHigh,
                    left => Place::Content { left },
                };
                Some(Scanned::Content(byte))
            }
            Place::ChecksumHigh => {
                self.place = Place::ChecksumLow { high: byte };
                None
            }
            Place::ChecksumLow { high } => {
                self.place = Place::Head;
                let got = u16::from_be_bytes([high, byte]);
                let expected = self.checksum.0;
                Some(if got == expected {
                    Scanned::End
                } else {
                    Scanned::Broken(Fault::Checksum { expected, got })
                })
            }
        }
    }

    fn push_head(&mut self, byte: u8) -> Option<Scanned> {
        let slot = self.head.get_mut(self.head_bytes)?;
        *slot = byte;
        self.head_bytes += 1;
        let mut first_fault = None;
        while let Err(fault) = self.check_head() {
            first_fault = first_fault.or(fault);
            // Drops one byte and tries what is left as the beginning of a head.
            self.head.copy_within(1.., 0);
            self.head_bytes -= 1;
        }
        if let Some(fault) = first_fault {
            return Some(Scanned::Broken(fault));
        }
        if self.head_bytes < HEAD_BYTES {
            return None;
        }
        self.head_bytes = 0;
        let [.., kind, length_high, length_low] = self.head;
        let kind = Kind::from_byte(kind)?;
        let content_bytes = u16::from_be_bytes([length_high, length_low]).saturating_sub(2);
        self.checksum = Checksum(0);
        [kind.byte(), length_high, length_low].into_iter().for_each(|byte| self.checksum.add(byte));
        self.place =
            if content_bytes == 0 { Place::ChecksumHigh } else { Place::Content { left: content_bytes } };
        Some(Scanned::Begin { kind, content_bytes })
    }

    /// Whether the bytes so far can begin a packet. `Err(None)` is noise, told to nobody.
    fn check_head(&self) -> Result<(), Option<Fault>> {
        let head = self.head.get(..self.head_bytes).unwrap_or_default();
        let has_start = head.iter().zip(START).all(|(got, expected)| *got == expected);
        if !has_start {
            return Err(None);
        }
        let is_for_us = head.iter().skip(2).zip(self.address).all(|(got, expected)| *got == expected);
        if !is_for_us {
            return Err(Some(Fault::Address));
        }
        if let Some(&got) = head.get(6) {
            Kind::from_byte(got).ok_or(Some(Fault::Kind { got }))?;
        }
        if let (Some(&high), Some(&low)) = (head.get(7), head.get(8)) {
            let got = u16::from_be_bytes([high, low]);
            if !(2..=CONTENT_BYTES_MAX as u16 + 2).contains(&got) {
                return Err(Some(Fault::Length { got }));
            }
        }
        Ok(())
    }
}

/// A whole packet with a right checksum. It may hold an image or a template.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it carries, at most [`CONTENT_BYTES_MAX`] bytes.
    pub content: &'a [u8],
}

impl fmt::Debug for Packet<'_> {
    /// Without the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packet({:?}, {} bytes)", self.kind, self.content.len())
    }
}

/// Gathers whole packets.
pub struct Parser {
    scanner: Scanner,
    kind: Kind,
    content: heapless::Vec<u8, CONTENT_BYTES_MAX>,
}

impl Parser {
    /// For packets of this address.
    pub const fn new(address: [u8; 4]) -> Self {
        Self { scanner: Scanner::new(address), kind: Kind::Command, content: heapless::Vec::new() }
    }

    /// Takes the next byte; gives a packet when it is the last of one.
    ///
    /// Errors: the fault of a packet that is broken; the next one is looked for.
    pub fn push(&mut self, byte: u8) -> Option<Result<Packet<'_>, Fault>> {
        match self.scanner.push(byte)? {
            Scanned::Begin { kind, .. } => {
                self.kind = kind;
                self.wipe();
                None
            }
            Scanned::Content(byte) => {
                // The scanner lets no more bytes through than fit.
                let _ = self.content.push(byte);
                None
            }
            Scanned::End => Some(Ok(Packet { kind: self.kind, content: &self.content })),
            Scanned::Broken(fault) => {
                self.wipe();
                Some(Err(fault))
            }
        }
    }

    /// Forgets a packet that has begun, and wipes what it held.
    pub fn reset(&mut self) {
        self.scanner.reset();
        self.wipe();
    }

    /// Whether a packet has begun and is not yet whole.
    pub const fn is_within_packet(&self) -> bool {
        self.scanner.is_within_packet()
    }

    fn wipe(&mut self) {
        zeroize::Zeroize::zeroize(self.content.as_mut_slice());
        self.content.clear();
    }
}

impl Drop for Parser {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl fmt::Debug for Parser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parser({} bytes)", self.content.len())
    }
}

impl fmt::Debug for Scanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scanner(within a packet: {})", self.is_within_packet())
    }
}
