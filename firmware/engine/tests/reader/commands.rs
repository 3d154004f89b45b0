//! Every command of the class: what it is answered by, and which byte is named when it is wrong.

use engine::{
    personality::{GEMCORE_POS_PRO, SEC1210},
    services::{EscapeError, Services},
    time::{Duration, Instant},
    trace::{Event, Trace},
};

use crate::{
    bench::{AT_ONCE, Bench},
    card::CLOCK_HERTZ,
};

/// Every command with the kind of its answer.
const COMMANDS: [(u8, u8); 14] = [
    (0x62, 0x80),
    (0x63, 0x81),
    (0x65, 0x81),
    (0x6F, 0x80),
    (0x6C, 0x82),
    (0x6D, 0x82),
    (0x61, 0x82),
    (0x6B, 0x83),
    (0x6E, 0x81),
    (0x6A, 0x81),
    (0x69, 0x80),
    (0x71, 0x81),
    (0x72, 0x81),
    (0x73, 0x84),
];

#[test]
fn every_command_has_its_kind_of_answer() {
    let mut bench = Bench::new(&SEC1210);
    bench.cards[0].0.borrow_mut().is_present = false;
    bench.run(AT_ONCE);
    for (command, answer) in COMMANDS {
        for data in [&[][..], &[0x11, 0, 0, 0x0A, 0]] {
            assert_eq!(bench.command(command, 0, [0; 3], data, AT_ONCE)[0], answer, "{command:02X}");
        }
    }
}

#[test]
fn unknown_commands_are_refused_as_such() {
    let mut bench = Bench::new(&SEC1210);
    for command in (0..=0xFF).filter(|command| !COMMANDS.iter().any(|(known, _)| known == command)) {
        let answer = bench.command(command, 0, [0; 3], &[1, 2, 3], AT_ONCE);
        assert_eq!((answer[0], answer[7], answer[8]), (0x81, 0x41, 0x00), "{command:02X}");
    }
}

#[test]
fn a_slot_that_is_none_is_named() {
    let mut bench = Bench::new(&SEC1210);
    for (command, kind) in COMMANDS {
        for slot in [2, 5, 0x80, 0xFF] {
            let answer = bench.command(command, slot, [0; 3], &[], AT_ONCE);
            assert_eq!((answer[0], answer[7], answer[8]), (kind, 0x42, 0x05));
        }
    }
}

#[test]
fn a_slot_without_contacts_is_empty() {
    let mut bench = Bench::new(&GEMCORE_POS_PRO);
    for slot in 2..5 {
        assert_eq!(bench.status(0x65, slot, [0; 3], &[]), (0x02, 0x00));
        assert_eq!(bench.status(0x62, slot, [0; 3], &[]), (0x42, 0xFE));
        assert_eq!(bench.status(0x63, slot, [0; 3], &[]), (0x02, 0x00));
        assert_eq!(bench.status(0x72, slot, [0; 3], &[]), (0x02, 0x00));
        assert_eq!(bench.status(0x6B, slot, [0; 3], &[0x02]), (0x02, 0x00));
    }
}

#[test]
fn lengths_are_named() {
    let mut bench = Bench::new(&SEC1210);
    bench.power_on(0);
    for command in [0x62, 0x63, 0x65, 0x6C, 0x6D, 0x6E, 0x72] {
        assert_eq!(bench.status(command, 0, [0; 3], &[0]), (0x40, 0x01), "{command:02X}");
    }
    for command in [0x6F, 0x6B, 0x61] {
        assert_eq!(bench.status(command, 0, [0; 3], &[]), (0x40, 0x01), "{command:02X}");
    }
    for length in [4, 6, 7, 8] {
        assert_eq!(bench.status(0x61, 0, [0, 0, 0], &[0x11; 8][..length]), (0x40, 0x01));
    }
    for length in [5, 6, 8] {
        assert_eq!(bench.status(0x61, 0, [1, 0, 0], &[0x11; 8][..length]), (0x40, 0x01));
    }
    for length in [0, 4, 7, 9] {
        assert_eq!(bench.status(0x73, 0, [0; 3], &[0; 9][..length]), (0x40, 0x01));
    }
    // Too short for the protocol.
    assert_eq!(bench.status(0x6F, 0, [0; 3], &[0x00, 0xA4, 0x00]), (0x40, 0x01));
}

#[test]
fn fields_are_named() {
    let mut bench = Bench::new(&SEC1210);
    bench.power_on(0);
    assert_eq!(bench.status(0x62, 0, [4, 0, 0], &[]), (0x40, 0x07), "bPowerSelect");
    assert_eq!(bench.status(0x6F, 0, [0, 1, 0], &[0; 5]), (0x40, 0x08), "wLevelParameter");
    assert_eq!(bench.status(0x6F, 0, [0, 0, 1], &[0; 5]), (0x40, 0x08), "wLevelParameter");
    assert_eq!(bench.status(0x6E, 0, [2, 0, 0], &[]), (0x40, 0x07), "bClockCommand");
    assert_eq!(bench.status(0x61, 0, [2, 0, 0], &[0; 5]), (0x40, 0x07), "bProtocolNum");
    let t0 = [0x11, 0x00, 0x00, 0x0A, 0x00];
    for (field, value) in [(0, 0x7F), (1, 0x10), (3, 0x00), (4, 0x04)] {
        let mut data = t0;
        data[field] = value;
        assert_eq!(bench.status(0x61, 0, [0, 0, 0], &data), (0x40, 10 + field as u8), "{data:02X?}");
    }
    let t1 = [0x11, 0x10, 0x00, 0x4D, 0x00, 0x20, 0x00];
    for (field, value) in [(0, 0x7F), (1, 0x00), (3, 0xAD), (4, 0x04), (5, 0x00), (5, 0xFF), (6, 0x01)] {
        let mut data = t1;
        data[field] = value;
        assert_eq!(bench.status(0x61, 0, [1, 0, 0], &data), (0x40, 10 + field as u8), "{data:02X?}");
    }
    // The card has T=0 only.
    assert_eq!(bench.status(0x61, 0, [1, 0, 0], &t1), (0x40, 0xF6));
    // The card does not let its clock stop.
    assert_eq!(bench.status(0x6E, 0, [1, 0, 0], &[]), (0x40, 0x07));
    assert_eq!(bench.status(0x6E, 0, [0, 0, 0], &[]), (0x00, 0x00));
    // None of these has harmed the card.
    let answer = bench.command(0x6F, 0, [0; 3], &[0, 0xB0, 0, 0, 1], Duration::from_millis(500));
    assert_eq!(answer[7..9], [0x00, 0x00]);
}

#[test]
fn what_this_reader_does_not_have_is_said_so() {
    let mut bench = Bench::new(&SEC1210);
    bench.power_on(0);
    for command in [0x6A, 0x69, 0x71] {
        assert_eq!(bench.status(command, 0, [1, 2, 3], &[0; 20]), (0x40, 0x00), "{command:02X}");
    }
    assert_eq!(bench.status(0x6B, 0, [0; 3], &[0x99, 0x98]), (0x40, 0x00));
}

#[test]
fn a_card_without_power_is_mute_and_an_empty_slot_is_too() {
    let mut bench = Bench::new(&SEC1210);
    let wanting = [
        (0x6F, &[0x00, 0xB0, 0x00, 0x00, 0x01][..]),
        (0x6C, &[]),
        (0x6D, &[]),
        (0x61, &[0x11, 0x00, 0x00, 0x0A, 0x00]),
        (0x6E, &[]),
        (0x73, &[0; 8]),
    ];
    for (command, data) in wanting {
        assert_eq!(bench.status(command, 1, [0; 3], data), (0x41, 0xFE), "{command:02X}");
    }
    bench.cards[1].0.borrow_mut().is_present = false;
    for (command, data) in wanting {
        assert_eq!(bench.status(command, 1, [0; 3], data), (0x42, 0xFE), "{command:02X}");
    }
    assert_eq!(bench.status(0x62, 1, [0; 3], &[]), (0x42, 0xFE));
    assert_eq!(bench.status(0x63, 1, [0; 3], &[]), (0x02, 0x00));
}

#[test]
fn clock_and_speed_are_what_they_are() {
    let mut bench = Bench::new(&SEC1210);
    bench.power_on(0);
    let rate = CLOCK_HERTZ / 372;
    let ask = |khz: u32, rate: u32| [khz.to_le_bytes(), rate.to_le_bytes()].concat();
    let answer = bench.command(0x73, 0, [0; 3], &ask(4_800, rate), AT_ONCE);
    assert_eq!((answer[0], &answer[7..10], &answer[10..]), (0x84, &[0u8; 3][..], &ask(4_800, rate)[..]));
    assert_eq!(bench.status(0x73, 0, [0; 3], &ask(4_000, rate)), (0x40, 10));
    assert_eq!(bench.status(0x73, 0, [0; 3], &ask(4_800, rate * 2)), (0x40, 14));
}

#[test]
fn parameters_are_put_back() {
    let mut bench = Bench::new(&SEC1210);
    bench.power_on(0);
    let offered = bench.command(0x6C, 0, [0; 3], &[], AT_ONCE);
    let other = [0x11, 0x00, 0x05, 0x20, 0x00];
    let set = bench.command(0x61, 0, [0; 3], &other, AT_ONCE);
    assert_eq!(set[7..], [&[0, 0, 0][..], &other].concat());
    assert_eq!(bench.command(0x6C, 0, [0; 3], &[], AT_ONCE)[7..], set[7..]);
    assert_eq!(bench.command(0x6D, 0, [0; 3], &[], AT_ONCE)[7..], offered[7..]);
}

/// Services that know three escapes.
struct Known;

impl Services for Known {
    fn escape(
        &mut self,
        request: &[u8],
        answer: &mut [u8],
        trace: &Trace,
        _: Instant,
    ) -> Result<usize, EscapeError> {
        match request {
            [b'J', 0] => {
                assert_eq!(answer.len(), 261);
                answer.fill(0xA5);
                Ok(answer.len())
            }
            [b'J', 1] => {
                for (place, count) in answer.chunks_exact_mut(4).zip(trace.counts()) {
                    place.copy_from_slice(&count.to_le_bytes());
                }
                Ok(trace.counts().len() * 4)
            }
            [b'J', 2] => Err(EscapeError::Busy),
            [b'J', _, ..] => Err(EscapeError::Invalid(1)),
            _ => Err(EscapeError::Unsupported),
        }
    }

    fn poll(&mut self, _: Instant) -> Option<Instant> {
        None
    }
}

#[test]
fn escapes_go_to_the_services() {
    let mut bench = Bench::with_services(&SEC1210, Known);
    let answer = bench.command(0x6B, 0, [0; 3], b"J\x00", AT_ONCE);
    assert_eq!((answer[0], answer.len(), &answer[7..10]), (0x83, 271, &[0x01u8, 0, 0][..]));
    let answer = bench.command(0x6B, 1, [0; 3], b"J\x01", AT_ONCE);
    let escapes = 10 + 4 * Event::Escape as usize;
    assert_eq!(answer[escapes..escapes + 4], [2, 0, 0, 0]);
    assert_eq!(bench.status(0x6B, 0, [0; 3], b"J\x02"), (0x41, 0xE0));
    assert_eq!(bench.status(0x6B, 0, [0; 3], b"J\x03"), (0x41, 11));
    assert_eq!(bench.status(0x6B, 0, [0; 3], b"K"), (0x41, 0x00));
    // The personality's own does not reach them.
    assert_eq!(bench.command(0x6B, 0, [0; 3], &[0x06], AT_ONCE)[10..], [0x00]);
}
