//! What has happened, counted. Never what was said.

pub use reader_protocol::escape::Event;

/// Kinds of events.
pub const EVENTS: usize = Event::ALL.len();

/// A counter for every [`Event`]; it stops at its end.
#[derive(Clone, Debug)]
pub struct Trace {
    counts: [u32; EVENTS],
}

impl Trace {
    /// Nothing has happened.
    pub const fn new() -> Self {
        Self { counts: [0; EVENTS] }
    }

    /// Counts one.
    #[inline(never)]
    pub fn count(&mut self, event: Event) {
        if let Some(count) = self.counts.get_mut(event as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// How often `event` has been counted.
    pub fn of(&self, event: Event) -> u32 {
        self.counts.get(event as usize).copied().unwrap_or(0)
    }

    /// All counters, in the order of [`Event`].
    pub fn counts(&self) -> &[u32; EVENTS] {
        &self.counts
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}
