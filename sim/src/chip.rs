//! A chip as a reader sees it: power, reset, bytes in, bytes out.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::eeprom::PowerCut;

/// A smart card or security module in a slot.
///
/// A chip answers every command that reaches it; what can go wrong lies outside of it, but for power
/// that goes away while it writes.
pub trait Chip: Send {
    /// Cold reset: runs the operating system's recovery and gives the answer to reset.
    ///
    /// Errors: `PowerLost` when a planned cut falls into recovery.
    fn power_on(&mut self) -> Result<Vec<u8>, PowerLost>;

    /// Power goes away: everything volatile is forgotten.
    fn power_off(&mut self);

    /// The answer to reset, without resetting.
    fn atr(&self) -> Vec<u8>;

    /// Carries one command APDU out and gives its answer, status word included.
    ///
    /// Errors: `PowerLost` when a planned cut falls into one of its updates.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, PowerLost>;

    /// Lets power go away at a byte of what is programmed next; `None` takes the plan back.
    fn plan_cut(&mut self, cut: Option<PowerCut>);

    /// What has gone over the line so far.
    fn traffic(&self) -> Traffic;
}

/// Power went away while the chip was writing; there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerLost;

impl fmt::Display for PowerLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("power went away while the chip was writing")
    }
}

impl std::error::Error for PowerLost {}

/// A chip that a reader, a test and a demonstration hold at the same time.
#[derive(Clone)]
pub struct SharedChip(Arc<Mutex<dyn Chip>>);

impl SharedChip {
    /// Shares `chip`.
    pub fn new(chip: impl Chip + 'static) -> Self {
        Self(Arc::new(Mutex::new(chip)))
    }

    /// Shares a chip that somebody else keeps a typed handle of.
    pub fn from_arc<C: Chip + 'static>(chip: Arc<Mutex<C>>) -> Self {
        Self(chip)
    }

    /// The chip, for as long as the guard lives. A holder that panicked leaves the chip as it was.
    pub fn lock(&self) -> MutexGuard<'_, dyn Chip + 'static> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SharedChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedChip")
    }
}

/// Bits of one character on the line: start, eight data, parity, two of guard time (ISO/IEC 7816-3 §10).
const CHARACTER_ETU: u64 = 12;

/// Counters of what went over the line and of how long the chip would have thought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Command APDUs that reached the chip.
    pub commands: u64,
    /// Bytes of these commands.
    pub command_bytes: u64,
    /// Bytes of the answers, status words included.
    pub answer_bytes: u64,
    /// Characters that T=0 puts on the line for them: headers, procedure bytes, data, status words.
    pub line_characters: u64,
    /// Time the chip itself needs, by its response-time model.
    pub chip_us: u64,
}

impl Traffic {
    /// Counts one exchange.
    pub(crate) fn count(&mut self, command: &[u8], answer: &[u8], chip_us: u64) {
        let sent = command.get(5..).map_or(0, |data| data.len().min(usize::from(command[4])));
        let received = answer.len().saturating_sub(2);
        // Each direction that carries data costs one procedure byte; the header has five bytes always.
        let procedure = u64::from(sent > 0) + u64::from(received > 0);
        self.commands += 1;
        self.command_bytes += command.len() as u64;
        self.answer_bytes += answer.len() as u64;
        self.line_characters += 5 + procedure + sent as u64 + received as u64 + 2;
        self.chip_us += chip_us;
    }

    /// Time on the line at this speed (9600 or 115200 baud, one elementary time unit per bit).
    pub fn line_us(&self, baud: u64) -> u64 {
        self.line_characters * CHARACTER_ETU * 1_000_000 / baud
    }

    /// What has been added since `earlier`.
    pub fn since(&self, earlier: &Traffic) -> Traffic {
        Traffic {
            commands: self.commands - earlier.commands,
            command_bytes: self.command_bytes - earlier.command_bytes,
            answer_bytes: self.answer_bytes - earlier.answer_bytes,
            line_characters: self.line_characters - earlier.line_characters,
            chip_us: self.chip_us - earlier.chip_us,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_time_of_one_read() {
        let mut traffic = Traffic::default();
        traffic.count(&[0x00, 0xB2, 0x01, 0x2C, 0x12], &[0; 20], 900);
        // Five of header, one procedure byte, 18 of data, two of status.
        assert_eq!(traffic.line_characters, 26);
        assert_eq!(traffic.line_us(9600), 32_500);
        assert_eq!(traffic.line_us(115_200), 2_708);
        assert_eq!(traffic.since(&traffic), Traffic::default());
    }
}
