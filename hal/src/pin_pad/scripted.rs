//! A PIN pad whose entries were written down beforehand, for tests and demonstrations.

use std::{collections::VecDeque, fmt};

use zeroize::Zeroizing;

use super::{PinPad, PinPadError, Prompt};

/// Fewest and most digits of a PIN. Source: the card's PIN file holds 4 to 12 BCD digits.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=12;

/// A pad that gives each written entry once, in order, and then nothing.
///
/// `Debug` shows how many entries are left, not what they are. Unused entries are wiped when dropped.
pub struct ScriptedPinPad {
    entries: VecDeque<Entry>,
    asked: Vec<Prompt>,
}

enum Entry {
    Digits(Zeroizing<Vec<u8>>),
    Nothing(PinPadError),
}

impl ScriptedPinPad {
    /// A pad on which nobody types.
    pub fn new() -> Self {
        ScriptedPinPad { entries: VecDeque::new(), asked: Vec::new() }
    }

    /// Then somebody types these digits.
    #[must_use]
    pub fn then(mut self, digits: &str) -> Self {
        self.entries.push_back(Entry::Digits(Zeroizing::new(digits.as_bytes().to_vec())));
        self
    }

    /// Then it goes this way.
    #[must_use]
    pub fn then_error(mut self, error: PinPadError) -> Self {
        self.entries.push_back(Entry::Nothing(error));
        self
    }

    /// What was asked for so far.
    pub fn asked(&self) -> &[Prompt] {
        &self.asked
    }

    /// Entries that nobody has asked for yet.
    pub fn left(&self) -> usize {
        self.entries.len()
    }
}

impl PinPad for ScriptedPinPad {
    /// Errors: those of the script; `Length` for an entry that is no PIN, also one with other characters
    /// than digits; `Timeout`, at once, when the script is over.
    fn ask(&mut self, prompt: Prompt, _timeout_ms: u32) -> Result<Zeroizing<Vec<u8>>, PinPadError> {
        self.asked.push(prompt);
        match self.entries.pop_front() {
            Some(Entry::Digits(digits)) => {
                if digits.iter().all(u8::is_ascii_digit) && DIGITS.contains(&digits.len()) {
                    Ok(digits)
                } else {
                    Err(PinPadError::Length { got: digits.len() })
                }
            }
            Some(Entry::Nothing(error)) => Err(error),
            None => Err(PinPadError::Timeout),
        }
    }
}

impl Default for ScriptedPinPad {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ScriptedPinPad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScriptedPinPad({} entries left)", self.left())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_is_given_once() {
        let mut pad =
            ScriptedPinPad::new().then("123456").then_error(PinPadError::Cancelled).then("12").then("12345A");
        assert_eq!(format!("{pad:?}"), "ScriptedPinPad(4 entries left)");
        let mut ask = |prompt| pad.ask(prompt, 1_000).map(|digits| digits.to_vec());
        assert_eq!(ask(Prompt::Pin), Ok(b"123456".to_vec()));
        assert_eq!(ask(Prompt::Pin), Err(PinPadError::Cancelled));
        assert_eq!(ask(Prompt::NewPin), Err(PinPadError::Length { got: 2 }));
        assert_eq!(ask(Prompt::NewPinAgain), Err(PinPadError::Length { got: 6 }));
        assert_eq!(ask(Prompt::Pin), Err(PinPadError::Timeout), "never an earlier entry again");
        assert_eq!(pad.asked().len(), 5);
        assert_eq!(pad.left(), 0);
    }
}
