//! Everything together: one transport, the slots, and the services beside them.

mod dispatch;

use crate::ccid::{Answer, AnswerKind, CardStatus, Error, Outcome};
use crate::contacts::Contacts;
use crate::mailbox::{Mailbox, Transport};
use crate::personality::{Personality, TimeExtension};
use crate::services::{Services, SlotEvent};
use crate::slot::{Slot, Work, earlier};
use crate::time::{Duration, Instant};
use crate::trace::{Event, Trace};

/// The reader is never left alone for longer than this: the contacts of a slot are looked at.
pub const POLL_MAX: Duration = Duration::from_millis(50);
/// Messages handled in one poll.
const MESSAGES_MAX: u8 = 8;

/// A reader of cards.
///
/// `SLOTS` are those that the board has, the personality's first; further slots of the personality are empty.
pub struct Reader<T: Transport, C: Contacts, S: Services, const SLOTS: usize> {
    personality: &'static Personality,
    transport: T,
    mailbox: Mailbox,
    slots: [Slot<C>; SLOTS],
    services: S,
    trace: Trace,
}

impl<T: Transport, C: Contacts, S: Services, const SLOTS: usize> Reader<T, C, S, SLOTS> {
    /// A reader whose contacts are all without power.
    pub fn new(personality: &'static Personality, transport: T, contacts: [C; SLOTS], services: S) -> Self {
        Self {
            personality,
            transport,
            mailbox: Mailbox::new(),
            slots: contacts.map(|contacts| Slot::new(contacts, personality.negotiation)),
            services,
            trace: Trace::new(),
        }
    }

    /// Goes on with everything that can go on, and says when to be called again at the latest; earlier when
    /// anything has happened on any line. Never waits.
    pub fn poll(&mut self, now: Instant) -> Instant {
        for _ in 0..MESSAGES_MAX {
            let mut next = Some(now + POLL_MAX);
            for index in 0..SLOTS {
                next = earlier(next, self.poll_slot(index, now));
            }
            next = earlier(next, self.transport.poll(&mut self.mailbox, &mut self.trace, now));
            if !self.go_on(now) {
                next = earlier(next, self.services.poll(now));
                return next.unwrap_or(now);
            }
        }
        now
    }

    /// What has been counted.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The services, to be looked at.
    pub fn services(&self) -> &S {
        &self.services
    }

    /// The services, for whoever owns the board.
    pub fn services_mut(&mut self) -> &mut S {
        &mut self.services
    }

    /// The transport, for whoever owns the board.
    pub fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// The contacts of a slot, for whoever owns the board.
    pub fn contacts_mut(&mut self, slot: usize) -> Option<&mut C> {
        self.slots.get_mut(slot).map(Slot::contacts_mut)
    }

    fn poll_slot(&mut self, index: usize, now: Instant) -> Option<Instant> {
        let slot = self.slots.get_mut(index)?;
        let (event, next) = slot.poll(&mut self.trace, now);
        if let Some(is_present) = slot.untold_change() {
            self.transport.notify_slot_change(index as u8, is_present);
        }
        if let Some(event) = event {
            self.services.slot_event(index as u8, event, now);
        }
        next
    }

    /// Does one thing that ends with a message, if there is one to do and room for the message.
    fn go_on(&mut self, now: Instant) -> bool {
        if let Some((slot, sequence)) = self.transport.abort_request() {
            self.announce_abort(slot, sequence, now);
        }
        if !self.mailbox.outgoing.is_empty() {
            return false;
        }
        if (0..SLOTS).any(|index| self.answer_ended(index)) {
            return true;
        }
        if self.mailbox.incoming.is_complete() {
            self.dispatch(now);
            return true;
        }
        (0..SLOTS).any(|index| self.extend(index, now))
    }

    /// Answers the command of a slot when it has ended.
    fn answer_ended(&mut self, index: usize) -> bool {
        let Some(slot) = self.slots.get_mut(index) else {
            return false;
        };
        let Some((running, outcome)) = slot.running.and_then(|running| Some((running, running.outcome?)))
        else {
            return false;
        };
        slot.running = None;
        let mut answer = Answer {
            kind: running.work.answer(),
            slot: index as u8,
            sequence: running.sequence,
            card: slot.status(),
            outcome: match outcome {
                Ok(()) => Outcome::Done,
                Err(error) => Outcome::Failed(error),
            },
            specific: 0,
        };
        let room = self.mailbox.outgoing.data_mut();
        let mut length = 0;
        if outcome.is_ok() {
            match running.work {
                Work::Activation | Work::Exchange => length = copy(slot.interface.answer(), room),
                Work::Parameters => {
                    if let Some(parameters) = slot.interface.parameters() {
                        answer.specific = parameters.protocol.number();
                        length = copy(&parameters.to_bytes(), room);
                    }
                }
            }
        }
        slot.interface.wipe();
        self.send(&answer, length);
        true
    }

    /// Asks the host for more time for the command of a slot, when it is due. True when that is a message.
    fn extend(&mut self, index: usize, now: Instant) -> bool {
        let Some(slot) = self.slots.get_mut(index) else {
            return false;
        };
        let Some(running) = slot.wants_extension(now) else {
            return false;
        };
        // A driver takes a message of this kind for the end of any other command than an exchange.
        if running.work != Work::Exchange || self.personality.time_extension == TimeExtension::Byte {
            if self.transport.ask_time() {
                self.trace.count(Event::TimeExtension);
            }
            return false;
        }
        let answer = Answer {
            kind: running.work.answer(),
            slot: index as u8,
            sequence: running.sequence,
            card: slot.status(),
            outcome: Outcome::TimeExtension(1),
            specific: 0,
        };
        self.trace.count(Event::TimeExtension);
        self.send(&answer, 0);
        true
    }

    /// A request to abort that came beside the messages: the slot does nothing more until the command to abort
    /// with the same sequence number has come. Source: CCID rev 1.1 §5.3.1.
    fn announce_abort(&mut self, number: u8, sequence: u8, now: Instant) {
        let Some(slot) = self.slots.get_mut(usize::from(number)) else {
            return;
        };
        // The command may have come first.
        if slot.abort_done.take() == Some(sequence) {
            return;
        }
        slot.abort_announced = Some(sequence);
        if slot.abort(&mut self.trace, now) {
            self.services.slot_event(number, SlotEvent::Deactivated, now);
        }
    }

    fn send(&mut self, answer: &Answer, data_bytes: usize) {
        if matches!(answer.outcome, Outcome::Failed(_)) {
            self.trace.count(Event::AnswerFailed);
        }
        self.mailbox.outgoing.send(&answer.header(), data_bytes);
    }
}

/// Copies as much as there is room for; says how much.
fn copy(from: &[u8], to: &mut [u8]) -> usize {
    let mut length = 0;
    for (place, byte) in to.iter_mut().zip(from) {
        *place = *byte;
        length += 1;
    }
    length
}
