//! How long a card takes.

use crate::chip::Traffic;

/// A model of a card's response time. The values are of our choice, in the range that makers of such
/// chips give: they serve to compare flows with one another, not to predict a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseTimes {
    /// Every command.
    pub command_us: u64,
    /// Every cipher block.
    pub block_us: u64,
    /// Every byte written; a page of 64 bytes takes about 3 ms.
    pub programmed_byte_us: u64,
}

impl Default for ResponseTimes {
    fn default() -> Self {
        Self { command_us: 1_500, block_us: 250, programmed_byte_us: 47 }
    }
}

impl ResponseTimes {
    pub(crate) fn of_command(&self, blocks: u64, programmed_bytes: u64) -> u64 {
        self.command_us + blocks * self.block_us + programmed_bytes * self.programmed_byte_us
    }
}

/// Makes a chip as slow as it would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Speed of the line; 9600 unless the reader and the card have agreed on more.
    pub baud: u64,
}

impl Pace {
    pub(crate) fn of(self, exchange: &Traffic) -> u64 {
        exchange.chip_us + exchange.line_us(self.baud)
    }
}
