//! Card slots: bytes in, bytes out.
//!
//! A driver ([`crate::pcsc`]) is one [`CardSlot`]; each of the modules below puts one more around it:
//! [`response`] fetches answers, [`trace`] and [`count`] look on, [`record`] writes a dialogue down and
//! [`replay`] plays it without a card.

pub mod count;
pub mod dialogue;
pub mod record;
pub mod replay;
pub mod response;
pub mod trace;

mod apdu;

use std::fmt;

use serde::{Deserialize, Serialize};

/// Most bytes of one answer: 65 536 of data and the status word.
pub const ANSWER_BYTES_MAX: usize = 65_538;

/// Whether a command that failed has been carried out by the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The card never received the command; nothing has changed.
    NotDone,
    /// The command was on its way when contact was lost. Only the card itself can tell.
    Unknown,
}

/// A slot that may hold a card.
///
/// Every call is bounded in time. After any error but `NoCard` on [`CardSlot::wait_card`], the card has
/// to be powered on again before the next command: its security state is gone.
pub trait CardSlot {
    /// The slot's name as an installer sees it.
    fn name(&self) -> &str;

    /// Waits until a card is present, at most `timeout_ms`; 0 asks once.
    ///
    /// Errors: `NoCard` when the time is over, `NoReader`, `Service`.
    fn wait_card(&mut self, timeout_ms: u32) -> Result<(), SlotError>;

    /// Waits until the slot is empty, at most `timeout_ms`.
    ///
    /// Errors: `Timeout` when the card is still there, `NoReader`, `Service`.
    fn wait_removal(&mut self, timeout_ms: u32) -> Result<(), SlotError>;

    /// Powers the card on (cold reset) and gives its answer to reset, taking the card for us alone.
    ///
    /// Errors: `NoCard`, `Mute`, `AnswerToReset`, `Busy` with its holder where that can be known,
    /// `NoReader`, `Timeout`, `Service`.
    fn power_on(&mut self) -> Result<Vec<u8>, SlotError>;

    /// Sends one command APDU and gives the whole answer, status word included.
    ///
    /// Errors: `Removed`, `Contact`, `Timeout`, `ResetByOther`, `NoReader`, `Service` and `Answer`, each
    /// with its outcome; `NotPowered` when the card was not powered on since the last error.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, SlotError>;

    /// Powers the card off and lets others use it. Never fails: a card that is gone is off.
    fn power_off(&mut self);
}

impl<S: CardSlot + ?Sized> CardSlot for Box<S> {
    fn name(&self) -> &str {
        (**self).name()
    }
    fn wait_card(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        (**self).wait_card(timeout_ms)
    }
    fn wait_removal(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        (**self).wait_removal(timeout_ms)
    }
    fn power_on(&mut self) -> Result<Vec<u8>, SlotError> {
        (**self).power_on()
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, SlotError> {
        (**self).transmit(command)
    }
    fn power_off(&mut self) {
        (**self).power_off();
    }
}

impl<S: CardSlot + ?Sized> CardSlot for &mut S {
    fn name(&self) -> &str {
        (**self).name()
    }
    fn wait_card(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        (**self).wait_card(timeout_ms)
    }
    fn wait_removal(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        (**self).wait_removal(timeout_ms)
    }
    fn power_on(&mut self) -> Result<Vec<u8>, SlotError> {
        (**self).power_on()
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, SlotError> {
        (**self).transmit(command)
    }
    fn power_off(&mut self) {
        (**self).power_off();
    }
}

/// Why a slot did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotError {
    /// The reader is not connected (any more). For the installer.
    NoReader {
        /// Name of the reader that was asked for.
        reader: String,
        /// Whether a command under way was carried out.
        outcome: Outcome,
    },
    /// There is no card in the slot. For the cardholder.
    NoCard,
    /// The card was pulled out. For the cardholder.
    Removed {
        /// Whether the command under way was carried out.
        outcome: Outcome,
    },
    /// The card does not answer to reset: upside down, dirty or broken. For the cardholder.
    Mute,
    /// What the card says at reset is no answer to reset: a foreign card, or bad contact. For the
    /// cardholder. Source: ISO/IEC 7816-3 §8.
    AnswerToReset,
    /// The card is still in the slot, but the exchange with it broke: bad contact. For the cardholder.
    Contact {
        /// Whether the command under way was carried out.
        outcome: Outcome,
    },
    /// The card has not been powered on since it was put in, or since the last error. For us.
    NotPowered,
    /// No answer within the limit.
    Timeout {
        /// The limit that ran out.
        timeout_ms: u32,
        /// Whether the command under way was carried out.
        outcome: Outcome,
    },
    /// Another program holds the card. For the operator.
    Busy {
        /// Programs that hold it, as far as they can be known.
        holders: Vec<String>,
    },
    /// Another program has reset the card; our security state is gone.
    ResetByOther {
        /// Whether the command under way was carried out.
        outcome: Outcome,
    },
    /// The smart card service (pcscd) is not running or has been restarted. For the installer.
    Service {
        /// What the service said, without personal data.
        detail: &'static str,
        /// Whether the command under way was carried out.
        outcome: Outcome,
    },
    /// The answer breaks the rules (shorter than a status word, longer than allowed). The card has acted.
    Answer {
        /// Bytes received.
        bytes: usize,
    },
    /// A replayed dialogue went another way than it was recorded. For whoever wrote the test.
    Dialogue {
        /// Step of the dialogue, from 1.
        step: usize,
        /// What the dialogue has there; the data of commands that carry a PIN is masked.
        expected: String,
        /// What was asked instead, masked likewise.
        got: String,
    },
}

impl SlotError {
    /// Whether the command under way has been carried out by the card.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::NoReader { outcome, .. }
            | Self::Removed { outcome }
            | Self::Contact { outcome }
            | Self::Timeout { outcome, .. }
            | Self::ResetByOther { outcome }
            | Self::Service { outcome, .. } => *outcome,
            Self::NoCard
            | Self::Mute
            | Self::AnswerToReset
            | Self::NotPowered
            | Self::Busy { .. }
            | Self::Dialogue { .. } => Outcome::NotDone,
            Self::Answer { .. } => Outcome::Unknown,
        }
    }

    /// The same error for a larger piece of work of which the failed command was a later part.
    ///
    /// A card pulled before `GET RESPONSE` never received `GET RESPONSE`, but has carried out the command
    /// whose response it would have been.
    pub fn after_command(self) -> Self {
        let outcome = Outcome::Unknown;
        match self {
            Self::NoReader { reader, .. } => Self::NoReader { reader, outcome },
            Self::Removed { .. } | Self::NoCard => Self::Removed { outcome },
            Self::Contact { .. } | Self::Mute | Self::AnswerToReset => Self::Contact { outcome },
            Self::Timeout { timeout_ms, .. } => Self::Timeout { timeout_ms, outcome },
            Self::ResetByOther { .. } | Self::NotPowered | Self::Busy { .. } => {
                Self::ResetByOther { outcome }
            }
            Self::Service { detail, .. } => Self::Service { detail, outcome },
            Self::Answer { .. } | Self::Dialogue { .. } => self,
        }
    }
}

impl fmt::Display for SlotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReader { reader, .. } => write!(f, "reader {reader} is not connected"),
            Self::NoCard => f.write_str("no card in the slot"),
            Self::Removed { .. } => f.write_str("the card was pulled out"),
            Self::Mute => f.write_str("the card does not answer to reset"),
            Self::AnswerToReset => f.write_str("the card's answer to reset cannot be understood"),
            Self::Contact { .. } => f.write_str("the exchange with the card broke off"),
            Self::NotPowered => f.write_str("the card has not been powered on"),
            Self::Timeout { timeout_ms, .. } => write!(f, "no answer within {timeout_ms} ms"),
            Self::Busy { holders } if holders.is_empty() => f.write_str("another program holds the card"),
            Self::Busy { holders } => write!(f, "the card is held by {}", holders.join(", ")),
            Self::ResetByOther { .. } => f.write_str("another program has reset the card"),
            Self::Service { detail, .. } => write!(f, "smart card service: {detail}"),
            Self::Answer { bytes } => {
                write!(f, "the card's answer has {bytes} bytes, which no answer can have")
            }
            Self::Dialogue { step, expected, got } => {
                write!(f, "step {step} of the dialogue: expected {expected}, got {got}")
            }
        }
    }
}

impl std::error::Error for SlotError {}
