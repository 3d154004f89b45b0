//! The PC/SC driver and the real libpcsclite against a daemon that misbehaves on demand.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::{
    collections::BTreeMap,
    env, thread,
    time::{Duration, Instant},
};

use common::{
    ATR,
    daemon::{CONNECT, Daemon, ESTABLISH, FakeReader, Mood, TRANSMIT},
};
use hal::{
    pcsc::{self, ABANDONED_MAX, EVENTS_MAX, Event, Hint, Limits, Monitor, PcscSlot, Service},
    slot::{CardSlot, Outcome, SlotError},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use sim::pcscd::rerun::in_child;

const READER: &str = "Jinbao 00 00";
const COMMAND: [u8; 5] = [0x00, 0xB2, 0x01, 0x2C, 0x02];
const SHORT: Limits = Limits { service_ms: 100, call_ms: 200, power_on_ms: 200, transmit_ms: 200 };

fn empty() -> FakeReader {
    FakeReader { event_count: 0, atr: None }
}

fn with_card() -> FakeReader {
    FakeReader { event_count: 1, atr: Some(ATR.to_vec()) }
}

fn daemon_with_card(directory: &std::path::Path) -> Daemon {
    let daemon = Daemon::start(directory);
    daemon.change(|readers| {
        readers.insert(READER.to_owned(), with_card());
    });
    daemon
}

fn session(slot: &mut PcscSlot) -> Result<Vec<u8>, SlotError> {
    slot.wait_card(0)?;
    slot.power_on()?;
    let answer = slot.transmit(&COMMAND);
    slot.power_off();
    answer
}

/// The connection breaks at every message of a session in turn.
#[test]
fn the_connection_breaks_at_every_message() {
    in_child("the_connection_breaks_at_every_message", |directory| {
        let daemon = daemon_with_card(directory);
        let mut slot = PcscSlot::with_limits(READER, Limits { service_ms: 1_000, ..Limits::default() });
        session(&mut slot).unwrap();
        let mut failed = Vec::new();
        for at in 1..=60 {
            let before = daemon.transmitted();
            daemon.set_fuse(at);
            match session(&mut slot) {
                // Connections that break before the card is involved are made again.
                Ok(_) => assert_eq!(daemon.transmitted(), before + 1, "message {at}"),
                Err(error) => {
                    assert!(matches!(error, SlotError::Service { .. }), "message {at}: {error:?}");
                    let sent = daemon.transmitted() > before;
                    assert!(!sent || error.outcome() == Outcome::Unknown, "message {at}: {error:?}");
                    failed.push((at, error.outcome()));
                }
            }
            daemon.set_fuse(0);
            assert!(session(&mut slot).is_ok(), "in order again after message {at}");
        }
        // Only the exchange itself cannot be made again.
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].1, Outcome::Unknown);
    });
}

/// A daemon that takes connections and says nothing freezes the whole library; nobody may wait for that.
#[test]
fn a_silent_daemon_is_not_waited_for() {
    in_child("a_silent_daemon_is_not_waited_for", |directory| {
        let daemon = daemon_with_card(directory);
        for silent_at in [ESTABLISH, CONNECT] {
            daemon.set_mood(Mood::SilentAt(silent_at));
            let start = Instant::now();
            let error = PcscSlot::with_limits(READER, SHORT).power_on().unwrap_err();
            assert!(
                matches!(error, SlotError::Timeout { outcome: Outcome::NotDone, .. }),
                "{silent_at:#X}: {error:?}"
            );
            assert!(start.elapsed() < Duration::from_secs(2), "{silent_at:#X}");
            // The daemon comes to: so does everything else.
            daemon.set_mood(Mood::Willing);
            daemon.hang_up();
            eventually(|| session(&mut PcscSlot::new(READER)).is_ok());
        }
        daemon.set_mood(Mood::SilentAt(TRANSMIT));
        let mut slot = PcscSlot::with_limits(READER, SHORT);
        slot.power_on().unwrap();
        let error = slot.transmit(&COMMAND).unwrap_err();
        assert_eq!(error, SlotError::Timeout { timeout_ms: 200, outcome: Outcome::Unknown });
    });
}

#[test]
fn stuck_calls_are_counted_and_limited() {
    in_child("stuck_calls_are_counted_and_limited", |directory| {
        let daemon = daemon_with_card(directory);
        daemon.set_mood(Mood::SilentAt(TRANSMIT));
        for stuck in 0..ABANDONED_MAX {
            let mut slot = PcscSlot::with_limits(READER, SHORT);
            slot.power_on().unwrap();
            assert!(matches!(slot.transmit(&COMMAND), Err(SlotError::Timeout { .. })), "{stuck}");
        }
        let full = PcscSlot::with_limits(READER, SHORT).power_on().unwrap_err();
        assert!(matches!(full, SlotError::Service { outcome: Outcome::NotDone, .. }), "{full:?}");
        let report = pcsc::examine(&SHORT);
        assert!(report.hints.contains(&Hint::Stuck { calls: ABANDONED_MAX }), "{:?}", report.hints);
        // pcscd is restarted: the stuck calls come back and everything works again.
        daemon.set_mood(Mood::Willing);
        daemon.stop();
        daemon.listen();
        eventually(|| session(&mut PcscSlot::new(READER)).is_ok());
        eventually(|| {
            let report = pcsc::examine(&Limits::default());
            !report.hints.iter().any(|hint| matches!(hint, Hint::Stuck { .. }))
        });
    });
}

#[test]
fn a_daemon_that_turns_us_away() {
    in_child("a_daemon_that_turns_us_away", |directory| {
        let daemon = daemon_with_card(directory);
        daemon.set_mood(Mood::Refusing);
        let report = pcsc::examine(&SHORT);
        assert_eq!(report.service, Service::Refused);
        assert!(
            matches!(report.hints[0], Hint::AllowSocket { .. } | Hint::AllowByPolkit),
            "{:?}",
            report.hints
        );
        let error = PcscSlot::with_limits(READER, SHORT).power_on().unwrap_err();
        assert!(matches!(error, SlotError::Service { outcome: Outcome::NotDone, .. }), "{error:?}");
        daemon.set_mood(Mood::SilentAt(ESTABLISH));
        assert_eq!(pcsc::examine(&SHORT).service, Service::Silent);
    });
}

/// Every error that pcscd may give, and some that it may not.
#[test]
fn every_error_has_its_meaning() {
    in_child("every_error_has_its_meaning", |directory| {
        let daemon = daemon_with_card(directory);
        let no_reader = |outcome| SlotError::NoReader { reader: READER.to_owned(), outcome };
        let (not_done, unknown) = (Outcome::NotDone, Outcome::Unknown);
        let mut slot = PcscSlot::new(READER);
        for (code, expected) in [
            (0x8010_000C, SlotError::NoCard),        // no smart card
            (0x8010_0069, SlotError::NoCard),        // removed card
            (0x8010_0067, SlotError::Mute),          // unpowered card
            (0x8010_0066, SlotError::Mute),          // unresponsive card
            (0x8010_000F, SlotError::AnswerToReset), // protocol mismatch
            (0x8010_0009, no_reader(not_done)),      // unknown reader
            (0x8010_0017, no_reader(not_done)),      // reader unavailable
        ] {
            daemon.set_mood(Mood::Error(CONNECT, code));
            assert_eq!(slot.power_on(), Err(expected), "{code:#X}");
        }
        for (code, expected) in [
            (0x8010_0069, SlotError::Removed { outcome: not_done }), // removed card
            (0x8010_0068, SlotError::ResetByOther { outcome: not_done }), // reset card
            (0x8010_000C, SlotError::Removed { outcome: unknown }),  // no smart card
            (0x8010_0016, SlotError::Contact { outcome: unknown }),  // not transacted, card still there
            (0x8010_0017, no_reader(unknown)),                       // reader unavailable
            (0x8010_0011, no_reader(unknown)),                       // invalid value: handle of a lost reader
        ] {
            daemon.set_mood(Mood::Willing);
            slot.power_on().unwrap();
            daemon.set_mood(Mood::Error(TRANSMIT, code));
            assert_eq!(slot.transmit(&COMMAND), Err(expected), "{code:#X}");
            assert_eq!(slot.transmit(&COMMAND), Err(SlotError::NotPowered));
        }
        // The binding panics at codes it does not know, in builds with debug assertions.
        daemon.set_mood(Mood::Willing);
        slot.power_on().unwrap();
        daemon.set_mood(Mood::Error(TRANSMIT, 0x8010_0FFF));
        let error = slot.transmit(&COMMAND).unwrap_err();
        assert!(matches!(error, SlotError::Service { outcome: Outcome::Unknown, .. }), "{error:?}");
        daemon.set_mood(Mood::Willing);
        session(&mut slot).unwrap();
    });
}

/// What a program knows that believed every event, with a check that each made sense.
#[derive(Default)]
struct Follower {
    up: bool,
    readers: BTreeMap<String, bool>,
    events: usize,
}

impl Follower {
    fn follow(&mut self, event: Event) {
        self.events += 1;
        let wrong = format!("{event:?}");
        match event {
            Event::ServiceUp => assert!(!std::mem::replace(&mut self.up, true), "{wrong}"),
            Event::ServiceDown => {
                assert!(self.readers.is_empty(), "{wrong}");
                self.up = false;
            }
            Event::Plugged { reader } => assert_eq!(self.readers.insert(reader, false), None, "{wrong}"),
            Event::Unplugged { reader } => assert_eq!(self.readers.remove(&reader), Some(false), "{wrong}"),
            Event::Inserted { reader, .. } => {
                assert_eq!(self.readers.insert(reader, true), Some(false), "{wrong}");
            }
            Event::Removed { reader } => {
                assert_eq!(self.readers.insert(reader, false), Some(true), "{wrong}");
            }
            Event::Missed { reader } => assert_eq!(self.readers.get(&reader), Some(&false), "{wrong}"),
        }
    }

    /// Takes events until it knows what is there.
    fn catch_up(&mut self, monitor: &Monitor, daemon: &Daemon, up: bool) {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let there: BTreeMap<String, bool> = if up {
                daemon.readers().into_iter().map(|(name, reader)| (name, reader.atr.is_some())).collect()
            } else {
                BTreeMap::new()
            };
            if self.up == up && self.readers == there {
                return;
            }
            assert!(Instant::now() < end, "told {:?} {:?}, there {there:?}", self.up, self.readers);
            if let Some(event) = monitor.next(50) {
                self.follow(event);
            }
        }
    }
}

/// Readers and cards come and go at random. Replay with `JINBAO_SEED=<number>`.
#[test]
fn the_monitor_follows_whatever_happens() {
    in_child("the_monitor_follows_whatever_happens", |directory| {
        let seeds = match env::var("JINBAO_SEED") {
            Ok(seed) => vec![seed.parse().unwrap()],
            Err(_) => (1..=6).collect(),
        };
        let daemon = Daemon::start(directory);
        for seed in seeds {
            println!("JINBAO_SEED={seed}");
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut below = |limit: u32| rng.next_u32() % limit;
            daemon.change(BTreeMap::clear);
            let monitor = Monitor::start().unwrap();
            let mut follower = Follower::default();
            let mut up = true;
            for _ in 0..120 {
                let name = format!("Reader {:02} 00", below(3));
                match below(10) {
                    0 | 1 => daemon.change(|readers| {
                        readers.entry(name).or_insert_with(empty);
                    }),
                    2 => daemon.change(|readers| {
                        readers.remove(&name);
                    }),
                    // Plugged in anew between two looks, with or without its card.
                    3 => daemon.change(|readers| {
                        if let Some(reader) = readers.get_mut(&name) {
                            reader.event_count = 0;
                        }
                    }),
                    4..=6 => daemon.change(|readers| {
                        if let Some(reader) = readers.get_mut(&name) {
                            reader.event_count += 1;
                            reader.atr = if reader.atr.is_some() { None } else { Some(ATR.to_vec()) };
                        }
                    }),
                    // A card swapped, or one that came and went, between two looks.
                    7 => daemon.change(|readers| {
                        if let Some(reader) = readers.get_mut(&name) {
                            reader.event_count += 2;
                        }
                    }),
                    8 if below(6) == 0 => {
                        up = !up;
                        if up {
                            daemon.listen();
                        } else {
                            daemon.stop();
                        }
                    }
                    _ => follower.catch_up(&monitor, &daemon, up),
                }
                if below(3) == 0 {
                    thread::sleep(Duration::from_millis(below(5).into()));
                }
            }
            follower.catch_up(&monitor, &daemon, up);
            if !up {
                daemon.listen();
            }
            follower.catch_up(&monitor, &daemon, true);
            println!("{} events", follower.events);
            assert!(follower.events > 20, "something was told");
        }
    });
}

#[test]
fn the_monitor_tells_swaps_and_replugs_that_it_did_not_see() {
    in_child("the_monitor_tells_swaps_and_replugs_that_it_did_not_see", |directory| {
        let daemon = daemon_with_card(directory);
        let monitor = Monitor::start().unwrap();
        let reader = READER.to_owned();
        let (plugged, unplugged) =
            (Event::Plugged { reader: reader.clone() }, Event::Unplugged { reader: reader.clone() });
        let (inserted, removed) = (
            Event::Inserted { reader: reader.clone(), mute: false },
            Event::Removed { reader: reader.clone() },
        );
        let expect = |events: &[&Event]| {
            for expected in events {
                assert_eq!(monitor.next(5_000).as_ref(), Some(*expected));
            }
            assert_eq!(monitor.next(30), None);
        };
        expect(&[&Event::ServiceUp, &plugged, &inserted]);
        daemon.change(|readers| readers.get_mut(READER).unwrap().event_count += 2);
        expect(&[&removed, &inserted]);
        daemon.change(|readers| readers.get_mut(READER).unwrap().event_count = 0);
        expect(&[&removed, &unplugged, &plugged, &inserted]);
        daemon.change(|readers| {
            *readers.get_mut(READER).unwrap() = FakeReader { event_count: 3, atr: None };
        });
        expect(&[&removed]);
        daemon.change(|readers| readers.get_mut(READER).unwrap().event_count = 5);
        expect(&[&Event::Missed { reader }]);
        daemon.stop();
        expect(&[&unplugged, &Event::ServiceDown]);
        daemon.listen();
        expect(&[&Event::ServiceUp, &plugged]);
        assert!(monitor.silent_ms() < 5_000);
    });
}

#[test]
fn a_full_queue_of_events_loses_nothing_that_lasts() {
    in_child("a_full_queue_of_events_loses_nothing_that_lasts", |directory| {
        let daemon = daemon_with_card(directory);
        let monitor = Monitor::start().unwrap();
        // Many more changes than there is room for, and nobody takes an event.
        for _ in 0..2 * EVENTS_MAX {
            daemon.change(|readers| readers.get_mut(READER).unwrap().event_count += 2);
            thread::sleep(Duration::from_millis(4));
        }
        daemon.change(BTreeMap::clear);
        thread::sleep(Duration::from_millis(200));
        let mut follower = Follower::default();
        follower.catch_up(&monitor, &daemon, true);
        while let Some(event) = monitor.next(300) {
            follower.follow(event);
        }
        assert!(follower.readers.is_empty());
        assert!(follower.events > EVENTS_MAX, "the queue was full: {}", follower.events);
    });
}

fn eventually(mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "never");
        thread::sleep(Duration::from_millis(20));
    }
}
