//! Secure messaging (安全报文): commands that carry a MAC, and enciphered PINs.
//!
//! Two forms exist and are easily mixed up. With a session key made from an eight-byte challenge, the
//! MAC starts from zero. Without one (PBOC), the whole 16-byte key is used and the MAC starts from a
//! four-byte challenge.

use core::fmt;

use heapless::Vec;
use zeroize::Zeroize;

use crate::{
    Error, Part,
    bytes::equal_in_constant_time,
    error::PinError,
    key::Key128,
    pin::{Pin, PinField},
    suite::{Mac, SessionKey, Suite},
};

/// Class bits that announce a MAC.
pub const CLASS_BITS: u8 = 0x04;
/// Bytes of a MAC in a command.
pub const MAC_BYTES: usize = 4;

/// What a MAC is made with.
#[derive(Clone, Copy, Debug)]
pub enum MacKey<'a> {
    /// Session key from an eight-byte challenge; starts from zero.
    Session(&'a SessionKey),
    /// Whole key; starts from a four-byte challenge.
    Whole {
        /// Cipher.
        suite: Suite,
        /// Key.
        key: &'a Key128,
        /// Challenge, as GET CHALLENGE with Le 04 gave it.
        challenge: [u8; 4],
    },
}

impl MacKey<'_> {
    /// MAC over the pieces as one message.
    pub fn mac(&self, pieces: &[&[u8]]) -> Mac {
        match self {
            MacKey::Session(key) => key.mac(pieces),
            MacKey::Whole { suite, key, challenge } => suite.whole_key_mac(key, *challenge, pieces),
        }
    }

    /// MAC of a command: class, instruction, P1, P2 as they are sent, Lc counted with the MAC, data.
    ///
    /// `header` must already have the class bits [`CLASS_BITS`]. `TooLong` when data and MAC do not fit
    /// a short command.
    pub fn command_mac(&self, header: [u8; 4], data: &[u8]) -> Result<Mac, Error> {
        let length = u8::try_from(data.len() + MAC_BYTES).map_err(|_| Error::TooLong {
            part: Part::CommandApdu,
            max: usize::from(u8::MAX) - MAC_BYTES,
            got: data.len(),
        })?;
        Ok(self.mac(&[&header, &[length], data]))
    }

    /// The card's side: checks the MAC of a command in constant time; `Mac` when it is wrong.
    pub fn verify_command(&self, header: [u8; 4], data: &[u8], mac: &Mac) -> Result<(), Error> {
        if equal_in_constant_time(&self.command_mac(header, data)?, mac) {
            Ok(())
        } else {
            Err(Error::Mac { part: Part::CommandApdu })
        }
    }
}

/// Most bytes of an enciphered PIN: one block of SM4.
pub const ENCIPHERED_PIN_BYTES_MAX: usize = 16;

/// A new PIN on its way to the card: one cipher block.
#[derive(Clone, PartialEq, Eq)]
pub struct EncipheredPin(Vec<u8, ENCIPHERED_PIN_BYTES_MAX>);

impl EncipheredPin {
    /// Takes the bytes of a command: 8 or 16 of them, otherwise `Malformed`.
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        match bytes.len() {
            8 | 16 => Vec::from_slice(bytes)
                .map(EncipheredPin)
                .map_err(|_| Error::Malformed { part: Part::EncipheredData }),
            _ => Err(Error::Malformed { part: Part::EncipheredData }),
        }
    }

    /// Enciphers a PIN: length, BCD digits, 80, zeros to one block.
    pub fn encipher(session: &SessionKey, pin: &Pin) -> Self {
        let mut block = Vec::new();
        let field = pin.field();
        // Cannot fail: one length, at most six bytes and 80 fill eight bytes.
        let _ = block.push(field.as_bytes().len() as u8);
        let _ = block.extend_from_slice(field.as_bytes());
        let _ = block.push(0x80);
        let _ = block.resize(session.block_bytes(), 0);
        session.encipher(&mut block);
        EncipheredPin(block)
    }

    /// The card's side: deciphers the new PIN.
    ///
    /// `Malformed` when the block is of another cipher or its padding is wrong, `Pin` when it holds no
    /// PIN.
    pub fn decipher(&self, session: &SessionKey) -> Result<Pin, Error> {
        let malformed = Error::Malformed { part: Part::EncipheredData };
        if self.0.len() != session.block_bytes() {
            return Err(malformed);
        }
        let mut block = self.0.clone();
        session.decipher(&mut block);
        let pin = read_pin_block(&block).map_err(|error| error.map_or(malformed, Error::Pin));
        block.as_mut_slice().zeroize();
        pin
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// `Err(None)` when the block is malformed, `Err(Some)` when it holds no PIN.
fn read_pin_block(block: &[u8]) -> Result<Pin, Option<PinError>> {
    let (length, rest) = block.split_first().ok_or(None)?;
    let (field, padding) = rest.split_at_checked(usize::from(*length)).ok_or(None)?;
    match padding.split_first() {
        Some((0x80, zeros)) if zeros.iter().all(|byte| *byte == 0) => {}
        _ => return Err(None),
    }
    PinField::new(field).map_err(|_| None)?.to_pin().map_err(Some)
}

impl fmt::Debug for EncipheredPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncipheredPin(…)")
    }
}
