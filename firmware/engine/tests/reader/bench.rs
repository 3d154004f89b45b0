//! A reader on the bench, with the hands that turn its clock.

use engine::{
    frame::SerialFrames,
    personality::Personality,
    reader::Reader,
    services::Services,
    time::{Duration, Instant},
};

use crate::{
    card::Fake,
    host::{Host, Said, frame, message, said},
};

pub(crate) struct Bench<S: Services = ()> {
    pub(crate) host: Host,
    pub(crate) cards: [Fake; 2],
    pub(crate) reader: Reader<SerialFrames<Host>, Fake, S, 2>,
    pub(crate) now: Instant,
    sequence: u8,
}

impl Bench {
    pub(crate) fn new(personality: &'static Personality) -> Self {
        Self::with_services(personality, ())
    }
}

impl<S: Services> Bench<S> {
    pub(crate) fn with_services(personality: &'static Personality, services: S) -> Self {
        let host = Host::default();
        let cards = [Fake::new(), Fake::new()];
        let transport = SerialFrames::new(host.clone(), personality);
        let mut bench = Self {
            reader: Reader::new(personality, transport, cards.clone(), services),
            host,
            cards,
            now: Instant(1_000_000),
            sequence: 0,
        };
        bench.step();
        bench
    }

    /// Polls once; says when something is to happen next.
    pub(crate) fn step(&mut self) -> Instant {
        for card in &self.cards {
            card.0.borrow_mut().now = self.now;
        }
        let next = self.reader.poll(self.now);
        assert!(next >= self.now || next == self.now, "no poll in the past");
        let cards = self.cards.iter().filter_map(|card| card.0.borrow().next()).min();
        let next = cards.map_or(next, |at| at.min(next));
        // Time goes on, even for one who wants to be polled at once for ever.
        next.max(Instant(self.now.0 + 1_000))
    }

    /// Goes on until `done`, or for so long.
    pub(crate) fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        let (mut since, mut steps) = (self.now, 0);
        loop {
            let next = self.step();
            steps += 1;
            if self.now - since > Duration::from_millis(1) {
                (since, steps) = (self.now, 0);
            }
            assert!(steps < STEPS_MAX, "the reader keeps its processor busy");
            if done(self) {
                return true;
            }
            if next > end {
                self.now = end;
                return false;
            }
            self.now = next;
        }
    }

    pub(crate) fn run(&mut self, duration: Duration) {
        self.run_until(duration, |_| false);
    }

    /// Says something, then lets time pass; what the reader has said.
    pub(crate) fn say(&mut self, bytes: &[u8], duration: Duration) -> Vec<Said> {
        self.host.say(bytes);
        self.run(duration);
        said(&self.host.heard())
    }

    /// One command whose answer comes within `limit`: everything that was said until then, the answer last.
    pub(crate) fn all_of(
        &mut self,
        kind: u8,
        slot: u8,
        specific: [u8; 3],
        data: &[u8],
        limit: Duration,
    ) -> Vec<Said> {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        self.host.say(&frame(&message(kind, slot, sequence, specific, data)));
        let is_over = |bench: &Self| said_so_far(bench).iter().any(Said::is_final);
        assert!(self.run_until(limit, is_over), "no answer to {kind:02X} in {limit:?}");
        // Nothing comes after it.
        self.run(Duration::from_millis(20));
        let all = said(&self.host.heard());
        assert_eq!(all.iter().filter(|said| said.is_final()).count(), 1, "{all:02X?}");
        let Some(Said::Message(answer)) = all.iter().find(|said| said.is_final()) else { panic!() };
        assert_eq!(answer[5..7], [slot, sequence]);
        all
    }

    /// One command; its answer.
    pub(crate) fn command(
        &mut self,
        kind: u8,
        slot: u8,
        specific: [u8; 3],
        data: &[u8],
        limit: Duration,
    ) -> Vec<u8> {
        let all = self.all_of(kind, slot, specific, data, limit);
        all.into_iter()
            .find_map(|said| match said {
                Said::Message(answer) if answer[0] >= 0x80 && answer[7] & 0xC0 != 0x80 => Some(answer),
                _ => None,
            })
            .unwrap()
    }

    /// bStatus, bError of the answer to one command that is answered at once.
    pub(crate) fn status(&mut self, kind: u8, slot: u8, specific: [u8; 3], data: &[u8]) -> (u8, u8) {
        let answer = self.command(kind, slot, specific, data, AT_ONCE);
        (answer[7], answer[8])
    }

    /// Activates the card of a slot.
    pub(crate) fn power_on(&mut self, slot: u8) {
        let answer = self.command(0x62, slot, [1, 0, 0], &[], Duration::from_millis(2_000));
        assert_eq!(answer[7..9], [0, 0], "{answer:02X?}");
    }
}

/// Polls within a millisecond, also when a frame and many characters come in it.
const STEPS_MAX: u32 = 100;

/// A command whose answer needs no card.
pub(crate) const AT_ONCE: Duration = Duration::from_millis(5);

/// What the reader has said, as far as it is whole.
fn said_so_far<S: Services>(bench: &Bench<S>) -> Vec<Said> {
    said(&bench.host.from_reader.borrow())
}
