//! Frames that are none, and the good one after them.

use engine::{
    frame::{INTER_BYTE, SKIPPED_BYTES_MAX},
    mailbox::DATA_BYTES_MAX,
    personality::{GEM_PC_TWIN, SEC1210},
    time::Duration,
    trace::Event,
};

use crate::{
    bench::Bench,
    host::{Said, frame, message},
};

const SOON: Duration = Duration::from_millis(10);
const QUIET: Duration = Duration::from_millis(300);

fn status(sequence: u8) -> Vec<u8> {
    message(0x65, 0, sequence, [0; 3], &[])
}

/// Card present and without power, clock stopped.
fn answer(sequence: u8) -> Said {
    Said::Message(vec![0x81, 0, 0, 0, 0, 0, sequence, 0x01, 0, 1])
}

/// A reader that has said where its card is, so that only answers are left.
fn bench() -> Bench {
    let mut bench = Bench::new(&SEC1210);
    let said = bench.say(&frame(&status(0)), SOON);
    assert_eq!(said, [answer(0), Said::Notice(0x03)]);
    bench
}

#[test]
fn bytes_come_as_they_like() {
    for step in [1, 2, 3, 5, 12, 13] {
        let mut bench = bench();
        for chunk in frame(&status(7)).chunks(step) {
            bench.host.say(chunk);
            bench.run(Duration::from_millis(100));
        }
        bench.run(SOON);
        assert_eq!(bench.say(&[], SOON), [answer(7)]);
    }
}

#[test]
fn two_frames_at_once() {
    let mut bench = bench();
    let both = [frame(&status(1)), frame(&status(2))].concat();
    assert_eq!(bench.say(&both, SOON), [answer(1), answer(2)]);
}

#[test]
fn a_wrong_check_byte_is_not_understood_and_the_next_frame_is() {
    let mut bench = bench();
    let mut broken = frame(&status(1));
    *broken.last_mut().unwrap() ^= 0x10;
    assert_eq!(bench.say(&broken, SOON), [Said::Nak]);
    assert_eq!(bench.say(&frame(&status(2)), SOON), [answer(2)]);
    assert_eq!(bench.reader.trace().of(Event::FrameBroken), 1);
    assert_eq!(bench.reader.trace().of(Event::Nak), 1);
}

#[test]
fn every_single_wrong_bit_is_noticed_and_forgotten() {
    let good = frame(&status(1));
    for bit in 0..good.len() * 8 {
        let mut bench = bench();
        let mut broken = good.clone();
        broken[bit / 8] ^= 1 << (bit % 8);
        let said = bench.say(&broken, QUIET);
        assert!(said == [Said::Nak], "bit {bit}: {said:02X?}");
        assert_eq!(bench.say(&good, SOON), [answer(1)], "bit {bit}");
    }
}

#[test]
fn garbage_before_a_frame_costs_nothing() {
    let mut bench = bench();
    for garbage in [&[0xFF][..], &[0x03], &[0x03, 0x03], &[0x03, 0x15], &[0x06, 0x03, 0x06, 0x03], &[0; 40]] {
        // A start of a frame that is none takes the good frame for its own until it has waited long enough.
        let said = bench.say(&[garbage, &frame(&status(9))].concat(), QUIET);
        assert_eq!(said, [answer(9)], "{garbage:02X?}");
    }
}

#[test]
fn garbage_alone_is_answered_once_and_late() {
    let mut bench = bench();
    assert_eq!(bench.say(&[0xAA; 50], SOON), []);
    assert_eq!(bench.say(&[], QUIET), [Said::Nak]);
    assert_eq!(bench.say(&[], QUIET), []);
}

#[test]
fn a_host_that_asks_for_a_repetition_is_not_answered_by_the_same() {
    let mut bench = bench();
    assert_eq!(bench.say(&[0x03, 0x15, 0x16], QUIET), []);
    assert_eq!(bench.say(&frame(&status(3)), SOON), [answer(3)]);
}

#[test]
fn a_host_that_vanished_in_mid_frame_is_forgotten() {
    let long = frame(&message(0x6F, 0, 1, [0; 3], &[0x00; 200]));
    for cut in 1..long.len() {
        let mut bench = bench();
        assert_eq!(bench.say(&long[..cut], QUIET), [Said::Nak], "cut at {cut}");
        assert_eq!(bench.say(&frame(&status(2)), SOON), [answer(2)], "cut at {cut}");
    }
}

#[test]
fn a_host_that_comes_back_at_once_is_understood_after_the_silence() {
    let long = frame(&message(0x6F, 0, 1, [0; 3], &[0x00; 200]));
    for cut in 1..long.len() {
        let mut bench = bench();
        bench.host.say(&long[..cut]);
        bench.host.say(&frame(&status(2)));
        bench.run(Duration(INTER_BYTE.0 + 1_000_000));
        let said = bench.say(&[], SOON);
        assert!(said.contains(&answer(2)), "cut at {cut}: {said:02X?}");
        assert_eq!(bench.say(&frame(&status(3)), SOON), [answer(3)], "cut at {cut}");
    }
}

#[test]
fn too_long_is_an_error_at_the_length() {
    let mut bench = bench();
    for length in [DATA_BYTES_MAX + 1, 300, 535, SKIPPED_BYTES_MAX] {
        let said = bench.say(&frame(&message(0x6F, 0, 5, [0; 3], &vec![0x03; length])), SOON);
        assert_eq!(said, [Said::Message(vec![0x80, 0, 0, 0, 0, 0, 5, 0x41, 0x01, 0])], "{length}");
    }
    let mut broken = frame(&message(0x6F, 0, 5, [0; 3], &[0x03; 300]));
    broken[100] ^= 1;
    assert_eq!(bench.say(&broken, SOON), [Said::Nak]);
    assert_eq!(bench.say(&frame(&status(3)), SOON), [answer(3)]);
    assert_eq!(bench.reader.trace().of(Event::FrameOverlong), 4);
}

#[test]
fn a_length_that_no_driver_has_is_garbage() {
    let mut bench = bench();
    for length in [SKIPPED_BYTES_MAX as u32 + 1, 0x0001_0000, u32::MAX - 9, u32::MAX] {
        let mut absurd = status(1);
        absurd[1..5].copy_from_slice(&length.to_le_bytes());
        assert_eq!(bench.say(&frame(&absurd), QUIET), [Said::Nak], "{length}");
        assert_eq!(bench.say(&frame(&status(3)), SOON), [answer(3)], "{length}");
    }
}

#[test]
fn the_longest_message_fits() {
    let mut bench = bench();
    let said = bench.say(&frame(&message(0x6F, 0, 5, [0; 3], &[0x5A; DATA_BYTES_MAX])), SOON);
    assert_eq!(said, [Said::Message(vec![0x80, 0, 0, 0, 0, 0, 5, 0x41, 0xFE, 0])]);
}

#[test]
fn an_echo_comes_before_the_answer_and_is_the_command() {
    let mut bench = Bench::new(&GEM_PC_TWIN);
    let said = bench.say(&frame(&status(4)), SOON);
    assert_eq!(said, [Said::Message(status(4)), answer(4), Said::Notice(0x03)]);
    // Too long for the reader: the echo is one without data.
    let said = bench.say(&frame(&message(0x6F, 0, 5, [0; 3], &[0; 300])), SOON);
    let echo = message(0x6F, 0, 5, [0; 3], &[]);
    assert_eq!(said, [Said::Message(echo), Said::Message(vec![0x80, 0, 0, 0, 0, 0, 5, 0x41, 0x01, 0])]);
    // A broken frame has no echo.
    let mut broken = frame(&status(1));
    broken[5] ^= 0x40;
    assert_eq!(bench.say(&broken, QUIET), [Said::Nak]);
}

#[test]
fn a_line_that_takes_little_gets_all_of_it() {
    let mut bench = Bench::new(&GEM_PC_TWIN);
    bench.host.room.set(Some(0));
    bench.host.say(&frame(&status(4)));
    bench.run(Duration::from_millis(500));
    assert_eq!(bench.host.heard(), []);
    let mut heard = Vec::new();
    for _ in 0..28 {
        bench.host.room.set(Some(1));
        bench.run(Duration::from_millis(2));
        heard.extend(bench.host.heard());
    }
    assert_eq!(crate::host::said(&heard), [Said::Message(status(4)), answer(4), Said::Notice(0x03)]);
}
