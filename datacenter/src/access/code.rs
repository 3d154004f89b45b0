//! One-time codes: 80 random bits that an installer can read over the telephone.

use std::fmt;

use protocol::signature::Digest;

use crate::outside::{NoRandom, Outside};

/// Digits and letters that are not mistaken for each other (Crockford's base 32).
const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Symbols of a code.
pub const CODE_SYMBOLS: usize = 16;

/// A one-time code. `Debug` hides it; `Display` writes `XXXX-XXXX-XXXX-XXXX`.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([u8; CODE_SYMBOLS]);

impl Code {
    /// A new code.
    pub fn random(outside: &Outside) -> Result<Self, NoRandom> {
        let bytes: [u8; CODE_SYMBOLS] = outside.bytes()?;
        Ok(Code(bytes.map(|byte| SYMBOLS[usize::from(byte % 32)])))
    }

    /// Reads what somebody typed: case, spaces and dashes do not matter, `O` is 0, `I` and `L` are 1.
    pub fn parse(text: &str) -> Option<Self> {
        let mut symbols = [0; CODE_SYMBOLS];
        let mut count = 0;
        for character in text.chars().filter(|c| !matches!(c, ' ' | '-')) {
            let symbol = match character.to_ascii_uppercase() {
                'O' => b'0',
                'I' | 'L' => b'1',
                other => u8::try_from(other).ok().filter(|byte| SYMBOLS.contains(byte))?,
            };
            *symbols.get_mut(count)? = symbol;
            count += 1;
        }
        (count == CODE_SYMBOLS).then_some(Code(symbols))
    }

    /// All that the center keeps of it.
    pub fn digest(&self) -> Digest {
        let mut text = b"jinbao code 1\0".to_vec();
        text.extend_from_slice(&self.0);
        Digest::of(&text)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, symbol) in self.0.iter().enumerate() {
            if index > 0 && index % 4 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", char::from(*symbol))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_read_over_the_telephone_is_found_again() {
        let code = Code::random(&Outside::system()).unwrap();
        let text = code.to_string();
        assert_eq!(text.len(), 19);
        assert_eq!(Code::parse(&text), Some(code.clone()));
        assert_eq!(Code::parse(&text.to_lowercase().replace('-', " ")).unwrap().digest(), code.digest());
        assert_eq!(Code::parse("OIL0-OIL0-OIL0-OIL0"), Code::parse("0110-0110-0110-0110"));
        for bad in ["", "0110", "0110-0110-0110-0110-0", "0110-0110-0110-011U", "0110-0110-0110-011码"] {
            assert_eq!(Code::parse(bad), None, "{bad}");
        }
    }
}
