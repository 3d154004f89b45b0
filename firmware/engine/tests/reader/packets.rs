//! A transport of whole messages with a way beside them, as USB has: requests to abort come there.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use engine::{
    mailbox::{Mailbox, Transport},
    personality::USB,
    reader::Reader,
    time::{Duration, Instant},
    trace::Trace,
};

use crate::{
    card::{Fake, Manners},
    host::message,
};

#[derive(Default)]
struct Wires {
    commands: VecDeque<Vec<u8>>,
    answers: Vec<Vec<u8>>,
    aborts: VecDeque<(u8, u8)>,
    changes: Vec<(u8, bool)>,
}

#[derive(Clone, Default)]
struct Packets(Rc<RefCell<Wires>>);

impl Transport for Packets {
    fn poll(&mut self, mailbox: &mut Mailbox, _: &mut Trace, _: Instant) -> Option<Instant> {
        let mut wires = self.0.borrow_mut();
        if !mailbox.outgoing.is_empty() {
            wires.answers.push(mailbox.outgoing.bytes().to_vec());
            mailbox.outgoing.clear();
        }
        if !mailbox.incoming.is_complete()
            && let Some(command) = wires.commands.pop_front()
        {
            for byte in command {
                mailbox.incoming.push(byte);
            }
            mailbox.incoming.complete();
        }
        None
    }

    fn notify_slot_change(&mut self, slot: u8, is_present: bool) {
        self.0.borrow_mut().changes.push((slot, is_present));
    }

    fn abort_request(&mut self) -> Option<(u8, u8)> {
        self.0.borrow_mut().aborts.pop_front()
    }
}

struct Bench {
    wires: Packets,
    cards: [Fake; 2],
    reader: Reader<Packets, Fake, (), 2>,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let wires = Packets::default();
        let cards = [Fake::new(), Fake::new()];
        Self { reader: Reader::new(&USB, wires.clone(), cards.clone(), ()), wires, cards, now: Instant(0) }
    }

    fn run(&mut self, duration: Duration) -> Vec<Vec<u8>> {
        let end = self.now + duration;
        while self.now < end {
            for card in &self.cards {
                card.0.borrow_mut().now = self.now;
            }
            self.reader.poll(self.now);
            self.now = self.now + Duration::from_micros(100);
        }
        std::mem::take(&mut self.wires.0.borrow_mut().answers)
    }

    fn say(&self, message: Vec<u8>) {
        self.wires.0.borrow_mut().commands.push_back(message);
    }

    /// A card that asks for time for ever, in the middle of command 1.
    fn at_work() -> Self {
        let mut bench = Self::new();
        bench.say(message(0x62, 0, 0, [1, 0, 0], &[]));
        assert_eq!(bench.run(Duration::from_millis(500)).len(), 1);
        bench.cards[0].0.borrow_mut().manners = Manners::Slow(1_000);
        bench.say(message(0x6F, 0, 1, [0; 3], &[0x00, 0xB0, 0x00, 0x00, 0x01]));
        assert_eq!(bench.run(Duration::from_millis(100)), [[0u8; 0]; 0]);
        bench
    }

    fn abort_by_request(&self, slot: u8, sequence: u8) {
        self.wires.0.borrow_mut().aborts.push_back((slot, sequence));
    }
}

const ABORTED: [u8; 10] = [0x80, 0, 0, 0, 0, 0, 1, 0x41, 0xFF, 0];
const DONE: [u8; 10] = [0x81, 0, 0, 0, 0, 0, 9, 0x01, 0x00, 1];
const SOON: Duration = Duration::from_millis(20);

#[test]
fn the_request_comes_first() {
    let mut bench = Bench::at_work();
    bench.abort_by_request(0, 9);
    assert_eq!(bench.run(SOON), [ABORTED]);
    // Until the command comes, nothing else is done, not even the command with another number.
    bench.say(message(0x65, 0, 3, [0; 3], &[]));
    bench.say(message(0x72, 0, 4, [0; 3], &[]));
    let refused = bench.run(SOON);
    assert_eq!(refused, [[0x81, 0, 0, 0, 0, 0, 3, 0x41, 0xFF, 1], [0x81, 0, 0, 0, 0, 0, 4, 0x41, 0xFF, 1]]);
    // The other slot works on.
    bench.say(message(0x65, 1, 5, [0; 3], &[]));
    assert_eq!(bench.run(SOON), [[0x81, 0, 0, 0, 0, 1, 5, 0x01, 0x00, 1]]);
    bench.say(message(0x72, 0, 9, [0; 3], &[]));
    assert_eq!(bench.run(SOON), [DONE]);
    bench.say(message(0x65, 0, 10, [0; 3], &[]));
    assert_eq!(bench.run(SOON), [[0x81, 0, 0, 0, 0, 0, 10, 0x01, 0x00, 1]]);
}

#[test]
fn the_command_comes_first() {
    let mut bench = Bench::at_work();
    bench.say(message(0x72, 0, 9, [0; 3], &[]));
    assert_eq!(bench.run(SOON), [ABORTED, DONE]);
    bench.abort_by_request(0, 9);
    bench.say(message(0x65, 0, 10, [0; 3], &[]));
    assert_eq!(bench.run(SOON), [[0x81, 0, 0, 0, 0, 0, 10, 0x01, 0x00, 1]]);
}

#[test]
fn a_request_for_a_slot_that_is_none_is_nothing() {
    let mut bench = Bench::at_work();
    bench.abort_by_request(7, 9);
    bench.say(message(0x65, 1, 5, [0; 3], &[]));
    assert_eq!(bench.run(SOON).len(), 1);
}

#[test]
fn changes_are_told_for_every_slot_and_activation_is_never_extended_by_a_message() {
    let mut bench = Bench::new();
    bench.run(SOON);
    assert_eq!(bench.wires.0.borrow().changes, [(0, true), (1, true)]);
    bench.cards[1].0.borrow_mut().is_present = false;
    bench.run(SOON);
    assert_eq!(bench.wires.0.borrow().changes[2..], [(1, false)]);
    // An answer to reset whose characters come 0.7 s apart: longer than a second altogether.
    bench.cards[0].0.borrow_mut().atr = vec![0x3B, 0x02, 0x41, 0x42];
    bench.cards[0].0.borrow_mut().pause = Duration::from_millis(700);
    bench.say(message(0x62, 0, 1, [1, 0, 0], &[]));
    let answers = bench.run(Duration::from_millis(4_000));
    assert_eq!(answers, [message(0x80, 0, 1, [0; 3], &[0x3B, 0x02, 0x41, 0x42])]);
}
