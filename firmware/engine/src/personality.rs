//! The readers that this firmware can be: what a driver expects of each, as data.

/// How a host is asked for more time while a card works on a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeExtension {
    /// A message with command status 2. Source: CCID rev 1.1 §6.2.6.
    Message,
    /// One byte on the serial line, 80 to FF. For readers with echo: a driver takes every second frame for
    /// the echo.
    Byte,
}

/// An escape that a driver sends while it opens the reader, and what the reader says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpeningEscape {
    /// Data of the command.
    pub request: &'static [u8],
    /// Data of the answer.
    pub answer: &'static [u8],
}

/// One reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Personality {
    /// Name as the driver's configuration has it.
    pub name: &'static str,
    /// Slots that the driver sees. A board may have fewer: the others stay empty.
    pub slots: u8,
    /// Whether every frame of the host is sent back before it is answered.
    pub echo: bool,
    /// Whether the reader negotiates (PPS) by itself when parameters are set; else the host does, as `FF…`.
    pub auto_pps: bool,
    /// Frequency of CLK that the driver computes its time-outs with, in kilohertz.
    pub clock_khz: u32,
    /// Highest speed of the card's line, in bits per second.
    pub rate_max: u32,
    /// How the host is asked for more time.
    pub time_extension: TimeExtension,
    /// Escapes of the opening.
    pub escapes: &'static [OpeningEscape],
}
