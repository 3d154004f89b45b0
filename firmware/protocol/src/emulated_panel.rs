//! Lamps, buzzer, tamper switch, battery-backed registers and chance of an emulated board, as tagged bytes.
//!
//! Every message is a tag and a body of fixed length. The board's tags are below 80, the panel's are not.
//! The panel begins by [`SWITCH`], [`VAULT`] and [`CHANCE`], so the board need not ask first; a board that was
//! started anew on a running panel asks by [`HELLO`] and gets the same three.

use zeroize::Zeroize;

use crate::escape::KEY_BYTES;
use crate::vault::VAULT_BYTES;

/// Board: a lamp (1 byte, [`crate::escape::Lamp`]) is light (1 byte, 0 or 1).
pub const LAMP: u8 = 0x01;
/// Board: the buzzer sounds (1 byte, 0 or 1).
pub const BUZZER: u8 = 0x02;
/// Board: these are the battery-backed registers from now on (80 bytes). The panel keeps them.
pub const VAULT_STORE: u8 = 0x03;
/// Board: has begun; asks for switch, vault and chance.
pub const HELLO: u8 = 0x04;
/// Board: wants 32 more random bytes.
pub const CHANCE_WANTED: u8 = 0x05;
/// Board: something was counted ([`crate::escape::Event`], 1 byte), and how often so far (4 bytes, least
/// significant first).
pub const COUNTED: u8 = 0x06;

/// Board: most bytes of its stack that have ever been in use, and how many there are (2 bytes each, least
/// significant first).
pub const STACK: u8 = 0x07;

/// Panel: the case is open (1 byte, 0 or 1). Sent at the beginning and whenever it changes.
pub const SWITCH: u8 = 0x81;
/// Panel: what the battery-backed registers hold (80 bytes).
pub const VAULT: u8 = 0x82;
/// Panel: 32 random bytes.
pub const CHANCE: u8 = 0x83;

/// Random bytes of one [`CHANCE`].
pub const CHANCE_BYTES: usize = 32;
/// Most bytes of a body.
pub const BODY_BYTES_MAX: usize = VAULT_BYTES;

/// Public half of the key that clears an emulated board which has lost its authority. It is the first test key of
/// RFC 8032 §7.1: everybody has it, as befits a board that guards nothing.
pub const MAKER_PUBLIC: [u8; KEY_BYTES] = [
    0xD7, 0x5A, 0x98, 0x01, 0x82, 0xB1, 0x0A, 0xB7, 0xD5, 0x4B, 0xFE, 0xD3, 0xC9, 0x64, 0x07, 0x3A, 0x0E,
    0xE1, 0x72, 0xF3, 0xDA, 0xA6, 0x23, 0x25, 0xAF, 0x02, 0x1A, 0x68, 0xF7, 0x07, 0x51, 0x1A,
];
/// Secret half (the seed) of the same.
pub const MAKER_SECRET: [u8; KEY_BYTES] = [
    0x9D, 0x61, 0xB1, 0x9D, 0xEF, 0xFD, 0x5A, 0x60, 0xBA, 0x84, 0x4A, 0xF4, 0x92, 0xEC, 0x2C, 0xC4, 0x44,
    0x49, 0xC5, 0x69, 0x7B, 0x32, 0x69, 0x19, 0x70, 0x3B, 0xAC, 0x03, 0x1C, 0xAE, 0x7F, 0x60,
];

/// Bytes that follow a tag, `None` for an unknown one.
pub const fn body_bytes(tag: u8) -> Option<usize> {
    match tag {
        HELLO | CHANCE_WANTED => Some(0),
        BUZZER | SWITCH => Some(1),
        LAMP => Some(2),
        STACK => Some(4),
        COUNTED => Some(5),
        CHANCE => Some(CHANCE_BYTES),
        VAULT_STORE | VAULT => Some(VAULT_BYTES),
        _ => None,
    }
}

/// A message, parsed. The body has the length that its tag asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is.
    pub tag: u8,
    /// What it carries.
    pub body: &'a [u8],
}

impl core::fmt::Debug for Message<'_> {
    /// Without the body: it may be a secret.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Message({:02X})", self.tag)
    }
}

/// Gathers messages byte by byte. Unknown tags are skipped: the line between the two loses nothing.
#[derive(Default)]
pub struct Parser {
    tag: Option<u8>,
    body: heapless::Vec<u8, BODY_BYTES_MAX>,
}

impl Parser {
    /// At the beginning of a stream.
    pub const fn new() -> Self {
        Self { tag: None, body: heapless::Vec::new() }
    }

    /// Takes the next byte; gives a message when it is the last of one.
    pub fn push(&mut self, byte: u8) -> Option<Message<'_>> {
        let tag = match self.tag {
            None => {
                self.wipe();
                body_bytes(byte)?;
                self.tag = Some(byte);
                byte
            }
            Some(tag) => {
                // No body is longer than the buffer.
                let _ = self.body.push(byte);
                tag
            }
        };
        if self.body.len() < body_bytes(tag)? {
            return None;
        }
        self.tag = None;
        Some(Message { tag, body: &self.body })
    }

    /// Forgets and wipes what has come.
    pub fn wipe(&mut self) {
        self.tag = None;
        self.body.as_mut_slice().zeroize();
        self.body.clear();
    }
}

impl Drop for Parser {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    extern crate std;

    use proptest::prelude::*;
    use std::vec::Vec;

    use super::*;

    const TAGS: [u8; 9] = [LAMP, BUZZER, VAULT_STORE, HELLO, CHANCE_WANTED, COUNTED, SWITCH, VAULT, CHANCE];

    fn parse(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut parser = Parser::new();
        let mut found = Vec::new();
        for byte in bytes {
            if let Some(message) = parser.push(*byte) {
                found.push((message.tag, message.body.to_vec()));
            }
        }
        found
    }

    proptest! {
        #[test]
        fn there_and_back(messages in proptest::collection::vec((0..TAGS.len(), any::<u8>()), 0..20)) {
            let messages: Vec<_> = messages
                .into_iter()
                .map(|(tag, fill)| (TAGS[tag], std::vec![fill; body_bytes(TAGS[tag]).unwrap()]))
                .collect();
            let bytes: Vec<u8> =
                messages.iter().flat_map(|(tag, body)| [&[*tag][..], body].concat()).collect();
            prop_assert_eq!(parse(&bytes), messages);
        }

        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..1_000)) {
            for (tag, body) in parse(&bytes) {
                prop_assert_eq!(body_bytes(tag), Some(body.len()));
            }
        }
    }

    #[test]
    fn unknown_tags_are_skipped() {
        assert_eq!(parse(&[0x7F, 0xFF, SWITCH, 1]), [(SWITCH, std::vec![1])]);
    }

    #[test]
    fn limits() {
        assert!(TAGS.iter().all(|tag| body_bytes(*tag).unwrap() <= BODY_BYTES_MAX));
    }
}
