//! The module's UART: one packet going out, the scanner for what comes in.

use embedded_io::{Read, ReadReady, Write, WriteReady};
use reader_protocol::ef01::{self, Checksum, Command, HEAD_BYTES, Kind, Scanned, Scanner};

use super::ring::Ring;

/// The UART has failed; what, only the board knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LineFailed;

/// What goes out.
enum Out {
    Nothing,
    Command {
        bytes: Command,
        at: usize,
    },
    /// A data packet whose content is taken from the ring, byte by byte.
    Data {
        head: [u8; HEAD_BYTES],
        at: usize,
        left: usize,
        checksum: Checksum,
    },
    /// The checksum of a data packet.
    Tail {
        bytes: [u8; 2],
        at: usize,
    },
}

/// The module's line.
pub(super) struct Line<U> {
    uart: U,
    scanner: Scanner,
    out: Out,
}

impl<U: Read + ReadReady + Write + WriteReady> Line<U> {
    pub(super) fn new(uart: U) -> Self {
        Self { uart, scanner: Scanner::new(ef01::ADDRESS), out: Out::Nothing }
    }

    #[cfg(test)]
    pub(super) fn uart_mut(&mut self) -> &mut U {
        &mut self.uart
    }

    /// Begins to send a command; what went out before is cut off, and what has half come is no answer to it.
    pub(super) fn send_command(&mut self, bytes: Command) {
        self.scanner.reset();
        self.out = Out::Command { bytes, at: 0 };
    }

    /// Begins to send a data packet of the ring's next `content_bytes`.
    pub(super) fn send_data(&mut self, kind: Kind, content_bytes: usize) {
        let (head, checksum) = ef01::head(kind, ef01::ADDRESS, content_bytes);
        self.out = Out::Data { head, at: 0, left: content_bytes, checksum };
    }

    /// Forgets what goes out and what has half come.
    pub(super) fn reset(&mut self) {
        self.out = Out::Nothing;
        self.scanner.reset();
    }

    /// Whether everything has gone out.
    pub(super) const fn is_sent(&self) -> bool {
        matches!(self.out, Out::Nothing)
    }

    /// Whether a packet has begun and is not yet whole.
    pub(super) const fn is_within_packet(&self) -> bool {
        self.scanner.is_within_packet()
    }

    /// Sends what the UART takes without waiting. Errors: `LineFailed`.
    pub(super) fn flow_out(&mut self, ring: &mut Ring) -> Result<(), LineFailed> {
        while !self.is_sent() && self.uart.write_ready().map_err(|_| LineFailed)? {
            if let Some(byte) = self.next_byte(ring) {
                // One byte is taken whole or not at all, and there is room for it.
                let written = self.uart.write(&[byte]).map_err(|_| LineFailed)?;
                if written == 0 {
                    return Err(LineFailed);
                }
            }
        }
        Ok(())
    }

    /// The next byte that goes out, and what comes after it.
    fn next_byte(&mut self, ring: &mut Ring) -> Option<u8> {
        match &mut self.out {
            Out::Nothing => None,
            Out::Command { bytes, at } => {
                let byte = bytes.get(*at).copied();
                *at += 1;
                if *at >= bytes.len() {
                    self.out = Out::Nothing;
                }
                byte
            }
            Out::Data { head, at, left, checksum } => {
                let byte = if let Some(byte) = head.get(*at) {
                    *at += 1;
                    *byte
                } else {
                    *left = left.saturating_sub(1);
                    // The driver announces no more than the ring holds.
                    let byte = ring.pop().unwrap_or_default();
                    checksum.add(byte);
                    byte
                };
                if *at >= HEAD_BYTES && *left == 0 {
                    self.out = Out::Tail { bytes: checksum.0.to_be_bytes(), at: 0 };
                }
                Some(byte)
            }
            Out::Tail { bytes, at } => {
                let byte = bytes.get(*at).copied();
                *at += 1;
                if *at >= bytes.len() {
                    self.out = Out::Nothing;
                }
                byte
            }
        }
    }

    /// The next byte that has come, `None` when none has. Errors: `LineFailed`.
    pub(super) fn flow_in(&mut self) -> Result<Option<Option<Scanned>>, LineFailed> {
        if !self.uart.read_ready().map_err(|_| LineFailed)? {
            return Ok(None);
        }
        let mut byte = [0];
        match self.uart.read(&mut byte) {
            Ok(0) | Err(_) => Err(LineFailed),
            Ok(_) => Ok(Some(self.scanner.push(byte[0]))),
        }
    }
}
