//! Watches readers and cards, on a thread and a context of its own.

use std::{
    collections::BTreeMap,
    ffi::{CString, c_ulong},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError},
    },
    thread,
    time::{Duration, Instant},
};

use pcsc::{Context, Error, PNP_NOTIFICATION, State};

use super::{
    connection::{establish, is_service},
    reader::{self, READERS_MAX, Reader, ReaderState},
};

/// Events that wait for their receiver. When they are that many, nothing is lost: what has not been told
/// yet is told as soon as there is room, without the steps in between.
pub const EVENTS_MAX: usize = 64;

/// Longest wait for a change before everything is looked at anew.
const SLICE: Duration = Duration::from_millis(1_000);
/// The same while events wait for room.
const SLICE_FULL: Duration = Duration::from_millis(50);
/// Pause after a look that failed.
const PAUSE: Duration = Duration::from_millis(20);
/// Pause between two tries to reach pcscd, first and longest.
const SERVICE_PAUSE_FIRST: Duration = Duration::from_millis(50);
const SERVICE_PAUSE_MAX: Duration = Duration::from_millis(2_000);

/// Something that happened to a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// pcscd answers.
    ServiceUp,
    /// pcscd does not answer (any more); every reader has been told as unplugged before.
    ServiceDown,
    /// A reader is there.
    Plugged {
        /// Its name.
        reader: String,
    },
    /// A reader is gone, or pcscd cannot reach it any more. Its card has been told as removed before.
    Unplugged {
        /// Its name.
        reader: String,
    },
    /// A card was put in.
    Inserted {
        /// Name of the reader.
        reader: String,
        /// Whether it said nothing when it was powered on.
        mute: bool,
    },
    /// The card was pulled out.
    Removed {
        /// Name of the reader.
        reader: String,
    },
    /// A card came and went between two looks.
    Missed {
        /// Name of the reader.
        reader: String,
    },
}

/// A watch over all readers. Dropping it ends the watch.
///
/// Every event follows from comparing what was told with what is there: name, card and pcscd's count of
/// card movements. A card that was swapped between two looks shows by the count and is told as removed
/// and inserted; a count that went back means that the reader was plugged in anew. Nothing but the
/// display should hang on these events: a slot that holds a card learns of its loss from the card.
#[derive(Debug)]
pub struct Monitor {
    events: Receiver<Event>,
    stop: Arc<AtomicBool>,
    looked_ms: Arc<AtomicU64>,
    start: Instant,
}

impl Monitor {
    /// Starts the watch. First what is there now is told: the service, readers, cards.
    ///
    /// pcscd need not be there; the watch waits for it, and for its return.
    /// Errors: the system has no thread left.
    pub fn start() -> std::io::Result<Self> {
        let (events, receiver) = mpsc::sync_channel(EVENTS_MAX);
        let (stop, looked_ms) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let start = Instant::now();
        let mut watch = Watch {
            events,
            stop: Arc::clone(&stop),
            looked_ms: Arc::clone(&looked_ms),
            start,
            told: Told::default(),
        };
        thread::Builder::new().name("pcsc monitor".to_owned()).spawn(move || watch.run())?;
        Ok(Monitor { events: receiver, stop, looked_ms, start })
    }

    /// The next event, waiting at most `timeout_ms`; `None` when nothing happened.
    pub fn next(&self, timeout_ms: u32) -> Option<Event> {
        match self.events.recv_timeout(Duration::from_millis(timeout_ms.into())) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                // The watch is gone, and nobody must spin on it.
                thread::sleep(Duration::from_millis(timeout_ms.into()));
                None
            }
        }
    }

    /// Milliseconds since the watch has last looked. Seconds are usual; more means that pcscd hangs.
    pub fn silent_ms(&self) -> u64 {
        since(self.start).saturating_sub(self.looked_ms.load(Ordering::Relaxed))
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // The thread sees it within a slice and ends by itself; it may be stuck, so it is not waited for.
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Watch {
    events: SyncSender<Event>,
    stop: Arc<AtomicBool>,
    looked_ms: Arc<AtomicU64>,
    start: Instant,
    told: Told,
}

impl Watch {
    fn run(&mut self) {
        let mut pause = SERVICE_PAUSE_FIRST;
        while !self.is_stopped() {
            match establish(Duration::ZERO) {
                Ok(context) => {
                    pause = SERVICE_PAUSE_FIRST;
                    self.watch(&context);
                }
                Err(_) => {
                    self.tell(&Seen::service_down());
                    thread::sleep(pause);
                    pause = (pause * 2).min(SERVICE_PAUSE_MAX);
                }
            }
        }
    }

    /// Watches until the context is of no use any more.
    fn watch(&mut self, context: &Context) {
        while !self.is_stopped() {
            let all_told = match reader::look(context) {
                Ok(readers) => self.tell(&Seen::of(readers)),
                Err(error) if is_service(error) => break,
                // A reader went between listing and looking.
                Err(_) => {
                    thread::sleep(PAUSE);
                    continue;
                }
            };
            self.looked_ms.store(since(self.start), Ordering::Relaxed);
            let slice = if all_told { SLICE } else { SLICE_FULL };
            match self.wait_change(context, slice) {
                Ok(()) | Err(Error::Timeout) => {}
                Err(error) if is_service(error) => break,
                Err(_) => thread::sleep(PAUSE),
            }
        }
    }

    /// Waits until something differs from what was told.
    fn wait_change(&self, context: &Context, slice: Duration) -> Result<(), Error> {
        let mut states = Vec::new();
        for (name, reader) in &self.told.readers {
            let name = CString::new(name.as_str()).map_err(|_| Error::UnknownReader)?;
            states.push(pcsc::ReaderState::new(name, reader.known_state()));
        }
        // pcscd takes as many names as it has room for readers.
        if states.len() < READERS_MAX {
            states.push(pcsc::ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE));
        }
        context.get_status_change(slice, &mut states)
    }

    /// Tells every difference there is room for. Gives whether all is told.
    fn tell(&mut self, seen: &Seen) -> bool {
        while let Some(event) = self.told.next(seen) {
            match self.events.try_send(event.clone()) {
                Ok(()) => self.told.apply(&event, seen),
                Err(TrySendError::Full(_)) => return false,
                Err(TrySendError::Disconnected(_)) => {
                    self.stop.store(true, Ordering::Relaxed);
                    return true;
                }
            }
        }
        self.told.settle(seen);
        true
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    service: bool,
    readers: BTreeMap<String, Slot>,
}

/// What the receiver has been told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    /// `None` until it has been told at all.
    service: Option<bool>,
    readers: BTreeMap<String, Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    event_count: u16,
    card: Option<Card>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Card {
    mute: bool,
}

impl Seen {
    fn service_down() -> Self {
        Seen::default()
    }

    fn of(readers: Vec<Reader>) -> Self {
        let readers = readers
            .into_iter()
            .filter(|reader| reader.state != ReaderState::Unavailable)
            .map(|reader| {
                let card =
                    reader.state.has_card().then_some(Card { mute: reader.state == ReaderState::Mute });
                (reader.name, Slot { event_count: reader.event_count, card })
            })
            .collect();
        Seen { service: true, readers }
    }
}

impl Slot {
    /// The state that the library compares with; whatever is not named here does not wake us.
    fn known_state(&self) -> State {
        let card = match self.card {
            None => State::EMPTY,
            Some(Card { mute: true }) => State::PRESENT | State::MUTE,
            Some(Card { mute: false }) => State::PRESENT,
        };
        card | State::from_bits_retain(c_ulong::from(self.event_count) << 16)
    }
}

impl Told {
    /// The first thing that is to be told. Each event brings what is told closer to what is seen.
    fn next(&self, seen: &Seen) -> Option<Event> {
        if seen.service && self.service != Some(true) {
            return Some(Event::ServiceUp);
        }
        for (name, told) in &self.readers {
            let reader = name.clone();
            let here = seen.readers.get(name);
            // pcscd counts from zero for a reader that was plugged in anew.
            let same = here.filter(|here| here.event_count >= told.event_count);
            match (same, told.card) {
                (None, None) => return Some(Event::Unplugged { reader }),
                (None, Some(_)) => return Some(Event::Removed { reader }),
                (Some(here), Some(_)) if here.event_count != told.event_count || here.card.is_none() => {
                    return Some(Event::Removed { reader });
                }
                (Some(here), None) => match here.card {
                    Some(card) => return Some(Event::Inserted { reader, mute: card.mute }),
                    None if here.event_count > told.event_count.saturating_add(1) => {
                        return Some(Event::Missed { reader });
                    }
                    None => {}
                },
                (Some(_), Some(_)) => {}
            }
        }
        if let Some(reader) = seen.readers.keys().find(|name| !self.readers.contains_key(*name)) {
            return Some(Event::Plugged { reader: reader.clone() });
        }
        (!seen.service && self.service != Some(false)).then_some(Event::ServiceDown)
    }

    /// Notes that an event was told.
    fn apply(&mut self, event: &Event, seen: &Seen) {
        match event {
            Event::ServiceUp => self.service = Some(true),
            Event::ServiceDown => self.service = Some(false),
            Event::Plugged { reader } => {
                if let Some(here) = seen.readers.get(reader) {
                    // Nothing was missed in a reader that nobody had been told of.
                    let slot = Slot { event_count: here.event_count, card: None };
                    self.readers.insert(reader.clone(), slot);
                }
            }
            Event::Unplugged { reader } => {
                self.readers.remove(reader);
            }
            Event::Inserted { reader, .. } | Event::Missed { reader } => {
                if let (Some(told), Some(here)) = (self.readers.get_mut(reader), seen.readers.get(reader)) {
                    *told = *here;
                }
            }
            Event::Removed { reader } => {
                if let Some(told) = self.readers.get_mut(reader) {
                    told.card = None;
                    // The rest of the count belongs to what is told next; a reader that is gone or new
                    // keeps the old one, by which it is recognised.
                    if let Some(here) = seen.readers.get(reader)
                        && here.event_count > told.event_count
                    {
                        told.event_count = here.event_count;
                    }
                }
            }
        }
    }

    /// Takes over what is not worth an event, such as a mute card that has come to.
    fn settle(&mut self, seen: &Seen) {
        for (name, told) in &mut self.readers {
            if let Some(here) = seen.readers.get(name) {
                *told = *here;
            }
        }
    }
}

fn since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    fn seen(readers: &[(&str, u16, bool)]) -> Seen {
        let slot = |(name, event_count, card): &(&str, u16, bool)| {
            let card = card.then_some(Card { mute: false });
            ((*name).to_owned(), Slot { event_count: *event_count, card })
        };
        Seen { service: true, readers: readers.iter().map(slot).collect() }
    }

    /// Tells everything there is to tell.
    fn tell_all(told: &mut Told, seen: &Seen) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = told.next(seen) {
            told.apply(&event, seen);
            events.push(event);
            assert!(events.len() < 1_000, "never ends: {events:?}");
        }
        told.settle(seen);
        events
    }

    fn told(from: &Seen) -> Told {
        let mut told = Told::default();
        tell_all(&mut told, from);
        told
    }

    fn reader(name: &str) -> String {
        name.to_owned()
    }

    #[test]
    fn the_beginning_is_told() {
        let mut nothing = Told::default();
        assert_eq!(tell_all(&mut nothing, &Seen::service_down()), [Event::ServiceDown]);
        assert_eq!(tell_all(&mut nothing, &Seen::service_down()), []);
        assert_eq!(
            tell_all(&mut nothing, &seen(&[("a", 0, true), ("b", 7, false)])),
            [
                Event::ServiceUp,
                Event::Plugged { reader: reader("a") },
                Event::Inserted { reader: reader("a"), mute: false },
                Event::Plugged { reader: reader("b") },
            ]
        );
    }

    #[test]
    fn a_swapped_card_shows_by_the_count() {
        let mut told = told(&seen(&[("a", 1, true)]));
        let events = tell_all(&mut told, &seen(&[("a", 3, true)]));
        let (removed, inserted) =
            (Event::Removed { reader: reader("a") }, Event::Inserted { reader: reader("a"), mute: false });
        assert_eq!(events, [removed, inserted]);
    }

    #[test]
    fn a_reader_plugged_in_anew_shows_by_the_count() {
        let mut told = told(&seen(&[("a", 4, true)]));
        assert_eq!(
            tell_all(&mut told, &seen(&[("a", 0, true)])),
            [
                Event::Removed { reader: reader("a") },
                Event::Unplugged { reader: reader("a") },
                Event::Plugged { reader: reader("a") },
                Event::Inserted { reader: reader("a"), mute: false },
            ]
        );
    }

    #[test]
    fn a_card_that_came_and_went_is_missed() {
        let mut told = told(&seen(&[("a", 4, false)]));
        assert_eq!(tell_all(&mut told, &seen(&[("a", 6, false)])), [Event::Missed { reader: reader("a") }]);
    }

    #[test]
    fn a_lost_service_takes_everything_with_it() {
        let mut told = told(&seen(&[("a", 1, true)]));
        assert_eq!(
            tell_all(&mut told, &Seen::service_down()),
            [
                Event::Removed { reader: reader("a") },
                Event::Unplugged { reader: reader("a") },
                Event::ServiceDown
            ]
        );
    }

    fn any_seen() -> impl Strategy<Value = Seen> {
        let slot = (0_u16..6, any::<bool>(), any::<bool>())
            .prop_map(|(event_count, card, mute)| Slot { event_count, card: card.then_some(Card { mute }) });
        let readers = prop::collection::btree_map("[a-c]", slot, 0..3);
        (prop::bool::weighted(0.9), readers).prop_map(|(service, readers)| {
            if service { Seen { service, readers } } else { Seen::service_down() }
        })
    }

    proptest! {
        /// Whatever happens, and however little room there is for events: what is told ends at what is
        /// there, and the events make sense one after the other.
        #[test]
        fn what_is_told_follows_what_is_there(looks in prop::collection::vec((any_seen(), 0_usize..4), 1..12)) {
            let mut told = Told::default();
            let mut follower: BTreeMap<String, bool> = BTreeMap::new();
            let mut up = false;
            let last = looks.last().unwrap().0.clone();
            for (seen, room) in looks.into_iter().chain([(last.clone(), usize::MAX)]) {
                for _ in 0..room {
                    let Some(event) = told.next(&seen) else { break };
                    told.apply(&event, &seen);
                    match event {
                        Event::ServiceUp => prop_assert!(!std::mem::replace(&mut up, true)),
                        Event::ServiceDown => {
                            up = false;
                            prop_assert!(follower.is_empty());
                        }
                        Event::Plugged { reader } => prop_assert_eq!(follower.insert(reader, false), None),
                        Event::Unplugged { reader } => prop_assert_eq!(follower.remove(&reader), Some(false)),
                        Event::Inserted { reader, .. } => prop_assert_eq!(follower.insert(reader, true), Some(false)),
                        Event::Removed { reader } => prop_assert_eq!(follower.insert(reader, false), Some(true)),
                        Event::Missed { reader } => prop_assert_eq!(follower.get(&reader), Some(&false)),
                    }
                }
                if told.next(&seen).is_none() {
                    told.settle(&seen);
                    prop_assert_eq!(up, seen.service);
                    let there: BTreeMap<String, bool> =
                        seen.readers.iter().map(|(name, slot)| (name.clone(), slot.card.is_some())).collect();
                    prop_assert_eq!(&follower, &there);
                }
            }
            prop_assert_eq!(told.next(&last), None);
        }
    }
}
