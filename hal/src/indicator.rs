//! Lamps, buzzer and the tamper switch.

pub mod board;
pub mod lines;
pub mod panel;
pub mod pins;
#[cfg(feature = "rpi")]
pub mod rpi;
pub mod ticked;

use std::fmt;

/// All lamps.
pub const LAMPS: [Lamp; 3] = [Lamp::Ready, Lamp::Busy, Lamp::Fault];

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

    /// Everything dark and silent, as a program leaves it that ends. All is tried; gives the first trouble.
    ///
    /// Errors: `Device`.
    fn off(&mut self) -> Result<(), IndicatorError> {
        LAMPS.map(|lamp| self.lamp(lamp, false)).into_iter().collect()
    }

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
    /// Something else uses this line.
    LineInUse {
        /// Its number.
        line: u8,
    },
    /// This machine has no line of this number.
    NoLine {
        /// Its number.
        line: u8,
    },
    /// This machine has no lines that can be used, or this program was built without them.
    NoLines,
    /// Clearing the latch takes the signature of the board's authority.
    NotAuthorised,
    /// The user that the program runs as may not use the lines.
    NotPermitted,
    /// One line is chosen for two things.
    SameLine {
        /// Its number.
        line: u8,
    },
}

impl fmt::Display for IndicatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaseOpen => f.write_str("the case is open"),
            Self::Device => f.write_str("the indicator board does not answer"),
            Self::LineInUse { line } => write!(f, "line {line} is in use"),
            Self::NoLine { line } => write!(f, "there is no line {line}"),
            Self::NoLines => f.write_str("there are no lines for lamps on this machine"),
            Self::NotAuthorised => f.write_str("the board's authority has not signed"),
            Self::NotPermitted => f.write_str("the lines may not be used by this user"),
            Self::SameLine { line } => write!(f, "line {line} is chosen twice"),
        }
    }
}

impl std::error::Error for IndicatorError {}
