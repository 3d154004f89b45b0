//! Lamps, buzzer and the tamper switch.

pub mod board;
pub mod pins;
#[cfg(feature = "rpi")]
pub mod rpi;

use std::fmt;

/// The lamps of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lamp {
    /// Green: ready.
    Ready,
    /// Yellow: leave the card in.
    Busy,
    /// Red: call somebody.
    Fault,
}

/// What the buzzer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// One short beep: done.
    Done,
    /// Two short beeps: look at the screen.
    Attention,
    /// One long beep: failed.
    Failed,
}

/// Lamps, buzzer and tamper switch of one terminal.
pub trait Indicator {
    /// Switches a lamp. Errors: `Device`.
    fn lamp(&mut self, lamp: Lamp, on: bool) -> Result<(), IndicatorError>;

    /// Starts a tone and returns at once; [`Indicator::tick`] ends it. Errors: `Device`.
    fn sound(&mut self, tone: Tone) -> Result<(), IndicatorError>;

    /// Moves running tones on; call it at least every 50 ms with a monotonic time. Errors: `Device`.
    fn tick(&mut self, monotonic_ms: u64) -> Result<(), IndicatorError>;

    /// Whether the case has been opened since the latch was last cleared. Errors: `Device`.
    fn tampered(&mut self) -> Result<bool, IndicatorError>;

    /// Clears the tamper latch; refused while the case is open.
    ///
    /// Errors: `CaseOpen`, `NotAuthorised` where that takes somebody's signature, `Device`.
    fn clear_tamper(&mut self) -> Result<(), IndicatorError>;
}

/// Why a lamp, buzzer or switch did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndicatorError {
    /// The case is still open.
    CaseOpen,
    /// The pin or board does not answer. For the installer.
    Device,
    /// Clearing the latch takes the signature of the board's authority.
    NotAuthorised,
}

impl fmt::Display for IndicatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaseOpen => f.write_str("the case is open"),
            Self::Device => f.write_str("the indicator board does not answer"),
            Self::NotAuthorised => f.write_str("the board's authority has not signed"),
        }
    }
}

impl std::error::Error for IndicatorError {}
