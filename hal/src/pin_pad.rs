//! PIN pads: where the holder types, and nobody else looks.

pub mod scripted;

use std::fmt;

use zeroize::Zeroizing;

/// What the holder is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// The PIN of the card in the slot.
    Pin,
    /// A new PIN, the first time.
    NewPin,
    /// The new PIN again.
    NewPinAgain,
}

/// A keypad that gives digits.
pub trait PinPad {
    /// Asks for digits and waits at most `timeout_ms`; the digits are ASCII and wiped when dropped.
    ///
    /// Each call is a fresh entry by the holder: a driver never gives an earlier entry again.
    /// Errors: `Cancelled`, `Timeout`, `Length`, `Device`.
    fn ask(&mut self, prompt: Prompt, timeout_ms: u32) -> Result<Zeroizing<Vec<u8>>, PinPadError>;
}

/// Why no PIN came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PinPadError {
    /// The holder pressed cancel.
    Cancelled,
    /// The holder typed nothing in time.
    Timeout,
    /// Fewer digits than the shortest or more than the longest PIN.
    Length {
        /// Digits typed.
        got: usize,
    },
    /// The pad is not there or does not work. For the installer.
    Device,
}

impl fmt::Display for PinPadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("PIN entry was cancelled"),
            Self::Timeout => f.write_str("no PIN was typed in time"),
            Self::Length { got } => write!(f, "a PIN cannot have {got} digits"),
            Self::Device => f.write_str("the PIN pad does not work"),
        }
    }
}

impl std::error::Error for PinPadError {}
