//! What the tests from outside cannot see: that nothing is left.
#![allow(clippy::unwrap_used, reason = "tests")]

extern crate std;

use std::{collections::VecDeque, vec::Vec};

use embedded_io::ErrorType;
use reader_protocol::escape::Buffer;

use super::*;

/// A UART that says what it was given, and hears everything.
#[derive(Default)]
struct Script(VecDeque<u8>);

impl ErrorType for Script {
    type Error = core::convert::Infallible;
}

impl ReadReady for Script {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(!self.0.is_empty())
    }
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        buffer[0] = self.0.pop_front().unwrap();
        Ok(1)
    }
}

impl WriteReady for Script {
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// A driver in the middle of a template: 256 bytes have come, 240 of them were fetched, more are due.
fn in_the_middle() -> (Finger<Script>, Trace) {
    let mut script: Vec<u8> = Vec::new();
    let mut say = |kind, content: &[u8]| {
        script.extend(ef01::packet::<{ ef01::PACKET_BYTES_MAX }>(kind, ef01::ADDRESS, content).unwrap());
    };
    say(Kind::Data, &[0xA5; 128]);
    say(Kind::Data, &[0xA5; 128]);
    let (mut finger, mut trace) = (Finger::new(Script::default()), Trace::new());
    finger.is_present = true;
    finger.phase = Phase::Idle;
    let task = FingerTask::ReadTemplate { buffer: Buffer::First };
    finger.start(task, &mut trace, Instant(0)).unwrap();
    finger.step_done(Confirmation::Done, &[], &mut trace, Instant(0));
    for byte in script {
        finger.scan_for_test(byte, &mut trace);
    }
    let mut answer = Frame::new();
    finger.fetch(0, &mut answer, Instant(0));
    assert_eq!(answer.len(), 2 + 3 + CHUNK_BYTES_MAX);
    assert!(!finger.is_wiped());
    (finger, trace)
}

impl Finger<Script> {
    fn scan_for_test(&mut self, byte: u8, trace: &mut Trace) {
        self.line.uart_mut().0.push_back(byte);
        self.poll(trace, Instant(0));
    }
}

#[test]
fn nothing_is_left_after_an_opening() {
    let (mut finger, _) = in_the_middle();
    finger.erase(Instant(1));
    assert!(finger.is_wiped());
}

#[test]
fn nothing_is_left_after_a_cancellation() {
    let (mut finger, _) = in_the_middle();
    finger.cancel(Instant(1));
    assert!(finger.is_wiped());
}

#[test]
fn nothing_is_left_after_a_silence() {
    let (mut finger, mut trace) = in_the_middle();
    finger.poll(&mut trace, Instant(0) + GAP_MAX);
    assert_eq!(finger.state(), FingerState::Failed(FingerFailure::Silent));
    assert!(finger.is_wiped());
}

/// What has been fetched is wiped as soon as the next piece is asked for.
#[test]
fn fetched_is_wiped() {
    let (mut finger, _) = in_the_middle();
    let mut answer = Frame::new();
    finger.fetch(1, &mut answer, Instant(1));
    assert_eq!(answer.len(), 2 + 3 + 16);
    assert_eq!(finger.ring.used(), 16);
    finger.fetch(2, &mut answer, Instant(1));
    assert!(finger.ring.is_wiped());
}

#[test]
fn ring() {
    let mut ring = Ring::new();
    for turn in 0..5u8 {
        for index in 0..ring::RING_BYTES {
            assert!(ring.push(turn.wrapping_add(index as u8) | 1));
        }
        assert!(!ring.push(1), "no room");
        assert_eq!((ring.len(), ring.room()), (0, 0));
        assert_eq!(ring.pop(), None, "not yet committed");
        ring.commit();
        assert_eq!(ring.at(ring::RING_BYTES), None);
        for index in 0..ring::RING_BYTES {
            assert_eq!(ring.pop(), Some(turn.wrapping_add(index as u8) | 1));
        }
        assert!(ring.is_wiped());
        // The next turn begins somewhere else.
        (0..300).for_each(|_| assert!(ring.push(7)));
        ring.commit();
        ring.drop_front(400);
        assert_eq!(ring.len(), 0);
    }
    ring.push(9);
    ring.wipe();
    ring.commit();
    assert_eq!(ring.pop(), None);
}
