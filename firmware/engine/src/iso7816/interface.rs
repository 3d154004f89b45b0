//! One slot's interface device.

use super::{CardError, PARAMETERS_BYTES_MAX, Parameters};
use crate::{
    contacts::{Contacts, Voltage},
    time::Instant,
};

/// Longest request: five bytes of header, 255 of data and one of Le.
pub const REQUEST_BYTES_MAX: usize = 261;
/// Longest answer: a block of T=1 with 254 bytes and a CRC.
pub const ANSWER_BYTES_MAX: usize = 259;

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// Nothing is under way.
    Idle,
    /// Poll again when the contacts have something, and at this time of the board at the latest.
    Busy {
        /// Time of the board.
        until: Instant,
    },
    /// The card has asked for more time (NULL of T=0): the host should know. Then as `Busy`: poll again at once.
    Extended,
    /// The operation is over; said once. What it has brought is in [`Interface::answer`] or
    /// [`Interface::parameters`].
    Done,
    /// The operation has failed; said once.
    Failed(CardError),
}

/// Who agrees with the card about protocol and speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negotiation {
    /// The host, by an exchange of `FF ...`; then it says what has been agreed.
    Host,
    /// The reader, from what the host asks for.
    Reader,
}

/// One slot's interface device.
///
/// One operation at a time: begin it, then [`Interface::poll`] until `Done` or `Failed`. Poll also while nothing
/// is under way, so that a card that is pulled or short circuited loses its power at once.
#[derive(Debug)]
pub struct Interface {
    _negotiation: Negotiation,
}

impl Interface {
    /// An interface device whose contacts are off.
    pub const fn new(negotiation: Negotiation) -> Self {
        Self { _negotiation: negotiation }
    }

    /// Begins activation and cold reset; `None` tries classes C, B, A in this order. An active card is
    /// deactivated first, an operation under way is given up. Answer: the answer to reset.
    pub fn power_on(&mut self, supply: Option<Voltage>) {
        let _ = supply;
    }

    /// Begins a warm reset. Answer: the answer to reset.
    pub fn warm_reset(&mut self) -> Result<(), CardError> {
        Err(CardError::Inactive)
    }

    /// Deactivates at once: RST, CLK, I/O, VCC. An operation under way is given up without a word.
    pub fn power_off<C: Contacts>(&mut self, contacts: &mut C, now: Instant) {
        let _ = (contacts, now);
    }

    /// Begins an exchange: a TPDU (T=0), a block (T=1), or `FF ...` straight after reset (PPS).
    ///
    /// `waiting_extension` is bBWI: so many times BWT are waited for the block (T=1), 0 counts as 1.
    pub fn exchange(&mut self, request: &[u8], waiting_extension: u8) -> Result<(), CardError> {
        let _ = (request, waiting_extension);
        Err(CardError::Inactive)
    }

    /// Begins to set protocol parameters, with PPS where the reader negotiates and it is needed. `protocol` is
    /// bProtocolNum, `data` abProtocolDataStructure (5 or 7 bytes). Result: [`Interface::parameters`].
    pub fn set_parameters(&mut self, protocol: u8, data: &[u8]) -> Result<(), CardError> {
        let _ = (protocol, data);
        Err(CardError::Inactive)
    }

    /// Puts back the parameters of the answer to reset, for the speed in force.
    pub fn reset_parameters(&mut self) -> Result<(), CardError> {
        Err(CardError::Inactive)
    }

    /// Stops (state L) or restarts CLK. `Parameter` when the card does not allow to stop it.
    pub fn set_clock<C: Contacts>(
        &mut self,
        contacts: &mut C,
        runs: bool,
        now: Instant,
    ) -> Result<(), CardError> {
        let _ = (contacts, runs, now);
        Err(CardError::Inactive)
    }

    /// Goes on as far as it can. Never blocks.
    pub fn poll<C: Contacts>(&mut self, contacts: &mut C, now: Instant) -> Progress {
        let _ = (contacts, now);
        Progress::Idle
    }

    /// What the last operation has brought; empty while one is under way.
    pub fn answer(&self) -> &[u8] {
        &[]
    }

    /// Wipes the answer. To be called once it has been passed on: it may hold personal data.
    pub fn wipe(&mut self) {}

    /// Whether a card is powered and has answered to reset.
    pub fn is_active(&self) -> bool {
        false
    }

    /// Whether an operation is under way.
    pub fn is_busy(&self) -> bool {
        false
    }

    /// Whether CLK runs.
    pub fn is_clock_running(&self) -> bool {
        false
    }

    /// Parameters in force, once a card is active.
    pub fn parameters(&self) -> Option<Parameters> {
        None
    }
}

impl Parameters {
    /// abProtocolDataStructure: 5 bytes for T=0, 7 for T=1.
    pub fn to_bytes(&self) -> heapless::Vec<u8, PARAMETERS_BYTES_MAX> {
        heapless::Vec::new()
    }
}
