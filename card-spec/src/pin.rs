//! The holder's PIN (个人密码).

use core::fmt;

use heapless::Vec;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Error, Part, bytes::equal_in_constant_time, error::PinError};

/// Fewest digits.
pub const PIN_DIGITS_MIN: u8 = 4;
/// Most digits that a card stores: six bytes of BCD. The terminal standard (LD/T 33) allows a pad to take
/// up to 16, which no card would.
pub const PIN_DIGITS_MAX: u8 = 12;
/// Fewest bytes in a VERIFY command.
pub const PIN_BYTES_MIN: usize = 2;
/// Most bytes in a VERIFY command.
pub const PIN_BYTES_MAX: usize = 6;

/// PINs that cards are issued with; they must be changed before a transaction.
pub const INITIAL: [&str; 3] = ["123456", "888888", "666666"];

/// Four to twelve digits. Wiped when dropped; `Debug` hides all of it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Pin {
    digits: [u8; PIN_DIGITS_MAX as usize],
    length: u8,
}

impl Pin {
    /// Parses digits as a person enters them. `Pin` errors say what to enter instead.
    pub fn parse(text: &str) -> Result<Self, PinError> {
        let got = text.len();
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PinError::NotDigits);
        }
        if got < usize::from(PIN_DIGITS_MIN) || got > usize::from(PIN_DIGITS_MAX) {
            return Err(PinError::Length { min: PIN_DIGITS_MIN, max: PIN_DIGITS_MAX, got });
        }
        let mut pin = Pin { digits: [0; PIN_DIGITS_MAX as usize], length: got as u8 };
        pin.digits[..got].copy_from_slice(text.as_bytes());
        Ok(pin)
    }

    /// Whether it may be used in a transaction: `Initial` when it is one of [`INITIAL`].
    pub fn check_for_transaction(&self) -> Result<(), PinError> {
        if self.is_initial() { Err(PinError::Initial) } else { Ok(()) }
    }

    /// Whether it may replace `old`: neither the same nor one of [`INITIAL`].
    pub fn check_as_new(&self, old: &Pin) -> Result<(), PinError> {
        if self == old { Err(PinError::Unchanged) } else { self.check_for_transaction() }
    }

    /// Whether it is one of [`INITIAL`].
    pub fn is_initial(&self) -> bool {
        INITIAL.iter().any(|initial| initial.as_bytes() == self.digits())
    }

    /// Number of digits.
    pub fn length(&self) -> u8 {
        self.length
    }

    /// As it goes into VERIFY and CHANGE PIN: BCD, an odd number of digits filled up with F.
    pub fn field(&self) -> PinField {
        let mut field = PinField(Vec::new());
        for pair in self.digits().chunks(2) {
            let low = pair.get(1).map_or(0x0F, |digit| digit - b'0');
            // Cannot fail: twelve digits are six bytes.
            let _ = field.0.push((pair[0] - b'0') << 4 | low);
        }
        field
    }

    pub(crate) fn digits(&self) -> &[u8] {
        self.digits.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

/// A PIN as bytes of a command: two to six, usually three, and perhaps no digits at all.
///
/// Compared in constant time, wiped when dropped, hidden by `Debug`.
#[derive(Clone)]
pub struct PinField(Vec<u8, PIN_BYTES_MAX>);

impl PinField {
    /// Takes bytes that came in a command; `Truncated` or `TooLong` outside two to six.
    pub fn new(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() < PIN_BYTES_MIN {
            return Err(Error::Truncated { part: Part::Pin, expected: PIN_BYTES_MIN, got: bytes.len() });
        }
        Vec::from_slice(bytes).map(PinField).map_err(|_| Error::TooLong {
            part: Part::Pin,
            max: PIN_BYTES_MAX,
            got: bytes.len(),
        })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The digits, when they are a PIN.
    pub fn to_pin(&self) -> Result<Pin, PinError> {
        let mut pin = Pin { digits: [0; PIN_DIGITS_MAX as usize], length: 0 };
        let nibbles = self.0.len() * 2;
        for (index, nibble) in self.0.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).enumerate() {
            match nibble {
                0..=9 => {
                    pin.digits[index] = b'0' + nibble;
                    pin.length += 1;
                }
                0x0F if index + 1 == nibbles => {}
                _ => return Err(PinError::NotDigits),
            }
        }
        if pin.length < PIN_DIGITS_MIN {
            return Err(PinError::Length {
                min: PIN_DIGITS_MIN,
                max: PIN_DIGITS_MAX,
                got: usize::from(pin.length),
            });
        }
        Ok(pin)
    }
}

impl PartialEq for PinField {
    fn eq(&self, other: &Self) -> bool {
        equal_in_constant_time(&self.0, &other.0)
    }
}

impl Eq for PinField {}

impl Zeroize for PinField {
    fn zeroize(&mut self) {
        self.0.as_mut_slice().zeroize();
        self.0.clear();
    }
}

impl Drop for PinField {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for PinField {}

impl fmt::Debug for PinField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinField(…)")
    }
}
