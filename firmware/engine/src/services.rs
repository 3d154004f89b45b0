//! What the reader has beside its slots, as far as the reader must know.

use crate::time::Instant;
use crate::trace::Trace;

/// Why an escape got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EscapeError {
    /// No such command: `bError` 0.
    Unsupported,
    /// The byte at this place of the escape's data is wrong: `bError` is its offset in the message.
    Invalid(u8),
    /// Another command is still under way: `bError` E0.
    Busy,
}

/// What a slot is doing, for the lamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotEvent {
    /// A card has come.
    Inserted,
    /// It has gone.
    Removed,
    /// It has power and has answered to reset.
    Activated,
    /// It has no power any more.
    Deactivated,
    /// It works on a command.
    Busy,
    /// It has answered.
    Ready,
    /// It has drawn too much current, or has said nothing sensible.
    Failed,
}

/// Escapes of our own, sensor, lamps, tamper switch: everything that is polled and is no card.
pub trait Services {
    /// Answers one escape that the personality does not know. `answer` has room for 261 bytes; the result is
    /// how many are used. Must not wait: the host gives 100 ms for some.
    fn escape(
        &mut self,
        request: &[u8],
        answer: &mut [u8],
        trace: &Trace,
        now: Instant,
    ) -> Result<usize, EscapeError>;

    /// Told whenever a slot changes.
    fn slot_event(&mut self, slot: u8, event: SlotEvent, now: Instant) {
        let _ = (slot, event, now);
    }

    /// Goes on with everything; says when it wants to be polled again at the latest.
    fn poll(&mut self, now: Instant) -> Option<Instant>;
}

/// A reader with slots only.
impl Services for () {
    fn escape(&mut self, _: &[u8], _: &mut [u8], _: &Trace, _: Instant) -> Result<usize, EscapeError> {
        Err(EscapeError::Unsupported)
    }

    fn poll(&mut self, _: Instant) -> Option<Instant> {
        None
    }
}

/// Services that live elsewhere: a board with little stack puts them together apart from the reader.
impl<S: Services> Services for &mut S {
    fn escape(
        &mut self,
        request: &[u8],
        answer: &mut [u8],
        trace: &Trace,
        now: Instant,
    ) -> Result<usize, EscapeError> {
        S::escape(self, request, answer, trace, now)
    }

    fn slot_event(&mut self, slot: u8, event: SlotEvent, now: Instant) {
        S::slot_event(self, slot, event, now);
    }

    fn poll(&mut self, now: Instant) -> Option<Instant> {
        S::poll(self, now)
    }
}
