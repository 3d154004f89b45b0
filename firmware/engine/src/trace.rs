//! What has happened, counted. Never what was said.

/// Something worth counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Event {
    /// A whole message has come from the host.
    Command,
    /// A message has gone to the host.
    Answer,
    /// One of these was the report of an error.
    AnswerFailed,
    /// A frame with a wrong check byte was thrown away.
    FrameBroken,
    /// Bytes that belong to no frame were thrown away.
    FrameGarbage,
    /// A frame that never ended was thrown away.
    FrameTimeout,
    /// A frame was too long for this reader.
    FrameOverlong,
    /// The host was asked to repeat.
    Nak,
    /// The host was asked for more time.
    TimeExtension,
    /// A command met a slot that works on another.
    SlotBusy,
    /// A command was taken back.
    Aborted,
    /// A card has come.
    Inserted,
    /// A card has gone.
    Removed,
    /// A card has gone while it worked on a command.
    RemovedBusy,
    /// A card has answered to reset.
    Activated,
    /// A card was tried at the next supply.
    VoltageFallback,
    /// A card has answered a command.
    Exchange,
    /// A card has said nothing, or not enough.
    CardMute,
    /// A card has said something wrong.
    CardBroken,
    /// A card has drawn too much current.
    CardOverload,
    /// A card has kept the host waiting for longer than anybody waits.
    CardStalled,
    /// An escape has come.
    Escape,
}

/// Kinds of events.
pub const EVENTS: usize = Event::Escape as usize + 1;

/// A counter for every [`Event`]; it stops at its end.
#[derive(Clone, Debug)]
pub struct Trace {
    counts: [u16; EVENTS],
}

impl Trace {
    /// Nothing has happened.
    pub const fn new() -> Self {
        Self { counts: [0; EVENTS] }
    }

    /// Counts one.
    pub fn count(&mut self, event: Event) {
        if let Some(count) = self.counts.get_mut(event as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// How often `event` has been counted.
    pub fn of(&self, event: Event) -> u16 {
        self.counts.get(event as usize).copied().unwrap_or(0)
    }

    /// All counters, in the order of [`Event`].
    pub fn counts(&self) -> &[u16; EVENTS] {
        &self.counts
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}
