//! The card number (社会保障卡卡号) printed on the card.

use core::{fmt, str};

use crate::{Error, Part};

const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// Nine characters, digits and capital letters, the last a check character.
///
/// Source: the rule of GB 11714. `Debug` hides it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardNumber([u8; 9]);

impl CardNumber {
    /// Reads the value of tag 07. Some old cards have ten bytes there, of which nine count.
    ///
    /// `Truncated` below nine, `Malformed` for other characters. A wrong check character is no error:
    /// see [`CardNumber::check`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let Some(number) = bytes.first_chunk::<9>() else {
            return Err(Error::Truncated { part: Part::CardNumber, expected: 9, got: bytes.len() });
        };
        if !number.iter().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()) {
            return Err(Error::Malformed { part: Part::CardNumber });
        }
        Ok(CardNumber(*number))
    }

    /// Eight characters with their check character. `Malformed` for other characters.
    pub fn with_check(first: [u8; 8]) -> Result<Self, Error> {
        let [a, b, c, d, e, f, g, h] = first;
        Self::parse(&[a, b, c, d, e, f, g, h, check_character(&first)])
    }

    /// Whether the check character is right; `Check` otherwise. A warning, never a reason to refuse:
    /// issued cards with a wrong one exist.
    pub fn check(&self) -> Result<(), Error> {
        let (expected, got) = (check_character(&self.0[..8]), self.0[8]);
        if expected == got { Ok(()) } else { Err(Error::Check { part: Part::CardNumber, expected, got }) }
    }

    /// All nine characters. For screen and wire; not for a log.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn check_character(first: &[u8]) -> u8 {
    let value =
        |c: &u8| u32::from(if c.is_ascii_digit() { c - b'0' } else { c.wrapping_sub(b'A').wrapping_add(10) });
    let sum: u32 = first.iter().zip(WEIGHTS).map(|(c, weight)| value(c) * weight).sum();
    match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        digit => b'0' + digit as u8,
    }
}

impl fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardNumber(…)")
    }
}
