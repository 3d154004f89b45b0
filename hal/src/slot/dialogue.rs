//! Card dialogues as data: a name, then steps, as JSON.
//!
//! ```json
//! { "name": "an example",
//!   "steps": [
//!     { "do": "power_on", "atr": "3B6D00000081…" },
//!     { "do": "exchange", "command": "00A40000023F00", "answer": "9000" },
//!     { "do": "exchange", "command": "0020000003******", "answer": "63C2" },
//!     { "do": "fault", "command": "00B2012C12", "fault": "removed", "outcome": "not_done" },
//!     { "do": "power_off" } ] }
//! ```
//!
//! Bytes are hex, blanks in them are ignored. `**` is a byte that was masked: in a command it stands for
//! any byte, in an answer it is given as 00.

use std::{fmt, io::Read, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{ANSWER_BYTES_MAX, Outcome, SlotError};

/// Most steps of one dialogue.
pub const DIALOGUE_STEPS_MAX: usize = 10_000;
/// Most bytes of a dialogue file.
pub const DIALOGUE_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What was said between a terminal and a card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialogue {
    /// What happens in it.
    pub name: String,
    /// Where it comes from and what it shows; empty when there is nothing to say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// What happened, in order; at most [`DIALOGUE_STEPS_MAX`].
    pub steps: Vec<Step>,
}

/// One thing that happened between terminal and card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Step {
    /// The card was powered on and gave its answer to reset.
    PowerOn {
        /// Answer to reset.
        atr: Bytes,
    },
    /// A command and its answer.
    Exchange {
        /// Command APDU.
        command: Bytes,
        /// Data and status word.
        answer: Bytes,
    },
    /// A command that was not answered.
    Fault {
        /// Command APDU.
        command: Bytes,
        /// Why there is no answer.
        #[serde(flatten)]
        fault: Fault,
    },
    /// The card was powered off.
    PowerOff,
}

/// Why a command was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The card was pulled out.
    Removed {
        /// Whether the card had carried out the command.
        outcome: Outcome,
    },
    /// The exchange broke, the card is still there.
    Contact {
        /// Whether the card had carried out the command.
        outcome: Outcome,
    },
    /// No answer within the limit.
    Timeout {
        /// The limit.
        timeout_ms: u32,
        /// Whether the card had carried out the command.
        outcome: Outcome,
    },
    /// Another program reset the card.
    ResetByOther {
        /// Whether the card had carried out the command.
        outcome: Outcome,
    },
    /// The reader went away.
    NoReader {
        /// Whether the card had carried out the command.
        outcome: Outcome,
    },
    /// The smart card service went away.
    Service {
        /// Whether the card had carried out the command.
        outcome: Outcome,
    },
    /// An answer that is none.
    Answer {
        /// Bytes received.
        bytes: usize,
    },
}

/// Bytes of a dialogue, some of them masked.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(Vec<Option<u8>>);

/// Why a dialogue cannot be used. For whoever wrote or recorded it.
#[derive(Debug)]
#[non_exhaustive]
pub enum DialogueError {
    /// The text is not a dialogue.
    Format(serde_json::Error),
    /// More steps than [`DIALOGUE_STEPS_MAX`].
    Steps {
        /// Steps it has.
        got: usize,
    },
    /// Bytes of a step are no hex, or more than an answer can have.
    Bytes {
        /// The text that should be hex.
        got: String,
    },
    /// The file cannot be read or written.
    Io(std::io::Error),
}

impl Dialogue {
    /// Starts to write one down in code.
    #[expect(clippy::new_ret_no_self, reason = "the builder turns into the dialogue")]
    pub fn new(name: impl Into<String>) -> DialogueBuilder {
        let dialogue = Dialogue { name: name.into(), note: String::new(), steps: Vec::new() };
        DialogueBuilder { dialogue, wrong: None }
    }

    /// Reads a dialogue from its JSON text.
    ///
    /// Errors: `Format` with line and column, `Steps`.
    pub fn from_json(text: &str) -> Result<Self, DialogueError> {
        let dialogue: Dialogue = serde_json::from_str(text).map_err(DialogueError::Format)?;
        if dialogue.steps.len() > DIALOGUE_STEPS_MAX {
            return Err(DialogueError::Steps { got: dialogue.steps.len() });
        }
        Ok(dialogue)
    }

    /// Reads a dialogue file of at most [`DIALOGUE_FILE_BYTES_MAX`] bytes.
    ///
    /// Errors: `Io`, also for a longer file, and as [`Dialogue::from_json`].
    pub fn from_reader(reader: impl Read) -> Result<Self, DialogueError> {
        let mut text = String::new();
        let read = reader.take(DIALOGUE_FILE_BYTES_MAX + 1).read_to_string(&mut text);
        if read.map_err(DialogueError::Io)? as u64 > DIALOGUE_FILE_BYTES_MAX {
            return Err(DialogueError::Io(std::io::ErrorKind::FileTooLarge.into()));
        }
        Self::from_json(&text)
    }

    /// The JSON text, one line per field, for files that people compare.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_else(|error| {
            // Maps with other keys than strings and failing writers are all that serde_json refuses.
            unreachable!("a dialogue is plain data: {error}")
        })
    }

    /// How many of the steps are commands, answered or not.
    pub fn commands(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Exchange { .. } | Step::Fault { .. })).count()
    }
}

/// A dialogue that is being written down in code; bytes are given as hex.
#[derive(Clone, Debug)]
pub struct DialogueBuilder {
    dialogue: Dialogue,
    wrong: Option<String>,
}

impl DialogueBuilder {
    /// Says where the dialogue comes from.
    pub fn note(mut self, note: &str) -> Self {
        note.clone_into(&mut self.dialogue.note);
        self
    }

    /// The card is powered on.
    pub fn power_on(mut self, atr: &str) -> Self {
        let atr = self.bytes(atr);
        self.push(Step::PowerOn { atr })
    }

    /// A command is answered.
    pub fn exchange(mut self, command: &str, answer: &str) -> Self {
        let (command, answer) = (self.bytes(command), self.bytes(answer));
        self.push(Step::Exchange { command, answer })
    }

    /// A command is not answered.
    pub fn fault(mut self, command: &str, fault: Fault) -> Self {
        let command = self.bytes(command);
        self.push(Step::Fault { command, fault })
    }

    /// The card is powered off.
    pub fn power_off(self) -> Self {
        self.push(Step::PowerOff)
    }

    /// The dialogue.
    ///
    /// Errors: `Bytes` with the first text that is no hex, `Steps`.
    pub fn build(self) -> Result<Dialogue, DialogueError> {
        match self.wrong {
            Some(got) => Err(DialogueError::Bytes { got }),
            None if self.dialogue.steps.len() > DIALOGUE_STEPS_MAX => {
                Err(DialogueError::Steps { got: self.dialogue.steps.len() })
            }
            None => Ok(self.dialogue),
        }
    }

    #[cfg(test)]
    #[expect(clippy::unwrap_used, reason = "tests")]
    pub(crate) fn unwrap(self) -> Dialogue {
        self.build().unwrap()
    }

    fn bytes(&mut self, hex: &str) -> Bytes {
        hex.parse().unwrap_or_else(|_| {
            self.wrong.get_or_insert_with(|| hex.to_owned());
            Bytes(Vec::new())
        })
    }

    fn push(mut self, step: Step) -> Self {
        self.dialogue.steps.push(step);
        self
    }
}

impl Fault {
    /// The error that the terminal gets, from the slot with this name.
    pub fn error(self, slot: &str) -> SlotError {
        match self {
            Self::Removed { outcome } => SlotError::Removed { outcome },
            Self::Contact { outcome } => SlotError::Contact { outcome },
            Self::Timeout { timeout_ms, outcome } => SlotError::Timeout { timeout_ms, outcome },
            Self::ResetByOther { outcome } => SlotError::ResetByOther { outcome },
            Self::NoReader { outcome } => SlotError::NoReader { reader: slot.to_owned(), outcome },
            Self::Service { outcome } => SlotError::Service { detail: "replayed", outcome },
            Self::Answer { bytes } => SlotError::Answer { bytes },
        }
    }

    /// What to write down for an error of a command. `None` for an error that no command can have.
    pub fn of(error: &SlotError) -> Option<Self> {
        let outcome = error.outcome();
        match error {
            SlotError::Removed { .. } => Some(Self::Removed { outcome }),
            SlotError::Contact { .. } => Some(Self::Contact { outcome }),
            SlotError::Timeout { timeout_ms, .. } => Some(Self::Timeout { timeout_ms: *timeout_ms, outcome }),
            SlotError::ResetByOther { .. } => Some(Self::ResetByOther { outcome }),
            SlotError::NoReader { .. } => Some(Self::NoReader { outcome }),
            SlotError::Service { .. } => Some(Self::Service { outcome }),
            SlotError::Answer { bytes } => Some(Self::Answer { bytes: *bytes }),
            _ => None,
        }
    }
}

impl Bytes {
    /// Bytes none of which is masked.
    pub fn plain(bytes: &[u8]) -> Self {
        Bytes(bytes.iter().copied().map(Some).collect())
    }

    /// Bytes of which those from `from` on are masked.
    pub fn masked(bytes: &[u8], from: usize) -> Self {
        Bytes(bytes.iter().enumerate().map(|(at, byte)| (at < from).then_some(*byte)).collect())
    }

    /// Masks a range; the part of it beyond the end is ignored.
    pub fn mask(&mut self, range: std::ops::Range<usize>) {
        let length = self.0.len();
        self.0[range.start.min(length)..range.end.min(length)].fill(None);
    }

    /// Whether `bytes` are these, a masked byte standing for any.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        self.0.len() == bytes.len()
            && self.0.iter().zip(bytes).all(|(own, other)| own.is_none_or(|own| own == *other))
    }

    /// The bytes, 00 for a masked one.
    pub fn to_vec(&self) -> Vec<u8> {
        self.0.iter().map(|byte| byte.unwrap_or(0)).collect()
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| match byte {
            Some(byte) => write!(f, "{byte:02X}"),
            None => f.write_str("**"),
        })
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({} bytes)", self.0.len())
    }
}

impl FromStr for Bytes {
    type Err = DialogueError;

    fn from_str(text: &str) -> Result<Self, DialogueError> {
        let wrong = || DialogueError::Bytes { got: text.chars().take(80).collect() };
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
        if !digits.len().is_multiple_of(2) || digits.len() / 2 > ANSWER_BYTES_MAX {
            return Err(wrong());
        }
        let byte = |pair: &[u8]| match pair {
            b"**" => Ok(None),
            pair => match hex::decode(pair) {
                Ok(byte) => Ok(byte.first().copied()),
                Err(_) => Err(wrong()),
            },
        };
        digits.chunks(2).map(byte).collect::<Result<_, _>>().map(Bytes)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for DialogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(error) => write!(f, "not a dialogue: {error}"),
            Self::Steps { got } => write!(f, "a dialogue has at most {DIALOGUE_STEPS_MAX} steps, not {got}"),
            Self::Bytes { got } => write!(f, "not bytes in hex: {got}"),
            Self::Io(error) => write!(f, "the dialogue cannot be read or written: {error}"),
        }
    }
}

impl std::error::Error for DialogueError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn example() -> Dialogue {
        Dialogue::new("an example")
            .note("made up")
            .power_on("3B00")
            .exchange("00A4 0000 02 3F00", "9000")
            .exchange("0020000003******", "63C2")
            .fault("00B2012C12", Fault::Removed { outcome: Outcome::Unknown })
            .power_off()
            .unwrap()
    }

    #[test]
    fn json_and_back() {
        let text = example().to_json();
        assert!(text.contains(r#""command": "0020000003******""#), "{text}");
        assert!(text.contains(r#""fault": "removed""#), "{text}");
        assert!(text.contains(r#""outcome": "unknown""#), "{text}");
        assert_eq!(Dialogue::from_json(&text).unwrap(), example());
        assert_eq!(Dialogue::from_reader(text.as_bytes()).unwrap().commands(), 3);
    }

    #[test]
    fn what_is_no_dialogue() {
        for text in [
            "{}",
            r#"{"name":"x","steps":[{"do":"dance"}]}"#,
            r#"{"name":"x","steps":[{"do":"exchange","command":"0","answer":"9000"}]}"#,
            r#"{"name":"x","steps":[{"do":"exchange","command":"0G","answer":"9000"}]}"#,
            r#"{"name":"x","steps":[],"more":1}"#,
        ] {
            assert!(matches!(Dialogue::from_json(text), Err(DialogueError::Format(_))), "{text}");
        }
        assert!(matches!(Dialogue::new("x").power_on("zz").build(), Err(DialogueError::Bytes { .. })));
        let mut long = example();
        long.steps = vec![Step::PowerOff; DIALOGUE_STEPS_MAX + 1];
        assert!(matches!(Dialogue::from_json(&long.to_json()), Err(DialogueError::Steps { .. })));
        long.steps.pop();
        assert_eq!(Dialogue::from_json(&long.to_json()).unwrap().steps.len(), DIALOGUE_STEPS_MAX);
    }

    #[test]
    fn masked_bytes_stand_for_any() {
        let bytes: Bytes = "0020000003******".parse().unwrap();
        assert!(bytes.matches(&[0, 0x20, 0, 0, 3, 1, 2, 3]));
        assert!(!bytes.matches(&[0, 0x20, 0, 0, 3, 1, 2]));
        assert!(!bytes.matches(&[0, 0x24, 0, 0, 3, 1, 2, 3]));
        assert_eq!(bytes.to_vec(), [0, 0x20, 0, 0, 3, 0, 0, 0]);
        assert_eq!(format!("{bytes:?}"), "Bytes(8 bytes)");
    }
}
