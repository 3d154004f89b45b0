//! Everything together: one transport, the slots, and the services beside them.

use crate::contacts::Contacts;
use crate::mailbox::{Mailbox, Transport};
use crate::personality::Personality;
use crate::services::Services;
use crate::time::{Duration, Instant};
use crate::trace::Trace;

/// The reader is never left alone for longer than this: contacts of a slot are looked at.
pub const POLL_MAX: Duration = Duration::from_millis(50);

/// A reader of cards.
///
/// `SLOTS` are those that the board has, the personality's first; further slots of the personality are empty.
pub struct Reader<T: Transport, C: Contacts, S: Services, const SLOTS: usize> {
    personality: &'static Personality,
    transport: T,
    mailbox: Mailbox,
    contacts: [C; SLOTS],
    services: S,
    trace: Trace,
}

impl<T: Transport, C: Contacts, S: Services, const SLOTS: usize> Reader<T, C, S, SLOTS> {
    /// A reader whose contacts are all without power.
    pub fn new(personality: &'static Personality, transport: T, contacts: [C; SLOTS], services: S) -> Self {
        Self { personality, transport, mailbox: Mailbox::new(), contacts, services, trace: Trace::new() }
    }

    /// Goes on with everything that can go on, and says when to be called again at the latest; earlier when
    /// anything has happened on any line. Never waits.
    pub fn poll(&mut self, now: Instant) -> Instant {
        let _ = self.transport.poll(&mut self.mailbox, now);
        let _ = (self.personality, &self.contacts);
        let _ = self.services.poll(now);
        now + POLL_MAX
    }

    /// What has been counted.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The services, for whoever owns the board.
    pub fn services_mut(&mut self) -> &mut S {
        &mut self.services
    }

    /// The transport, for whoever owns the board.
    pub fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }
}
