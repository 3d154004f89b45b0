//! T=1, transport.

use engine::{
    iso7816::{CardError, Negotiation},
    time::Duration,
};

use crate::{
    line::{Bench, Step, broken, etu, hears, hex, say, say_after, says, unhex},
    reset::with_tck,
};

const REQUEST: &str = "00 00 05 00 A4 04 00 00 A5";
const ANSWER: &str = "00 00 02 90 00 92";

/// IFSC 254, BWI 1, CWI 3: BWT = 11 + 2 x 960 units, CWT = 19 units.
fn bench() -> Bench {
    Bench::active(Negotiation::Reader, &with_tck("3B 80 81 31 FE 13"))
}

fn after_request(steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let mut script = vec![hears(REQUEST)];
    script.extend(steps);
    script
}

#[test]
fn one_block_each_way() {
    let mut bench = bench();
    assert!(!bench.line.settings().error_signal);
    for _ in 0..3 {
        assert_eq!(bench.exchange(REQUEST, after_request(says(ANSWER))), Ok(unhex(ANSWER)));
    }
    // Check bytes are the host's business, on both ways.
    let mut card = vec![hears("00 00 00 55")];
    card.extend(says("00 80 00 55"));
    assert_eq!(bench.exchange("00 00 00 55", card), Ok(unhex("00800055")));
}

#[test]
fn all_lengths() {
    for length in [0, 1, 2, 32, 253, 254] {
        let block = format!("00 00 {length:02X} {} 00", "A5".repeat(length));
        let mut bench = bench();
        let card = [vec![hears(&block)], says(&block)].concat();
        assert_eq!(bench.exchange(&block, card), Ok(unhex(&block)));
        // With CRC.
        let mut bench = Bench::active(Negotiation::Reader, &with_tck("3B 80 81 71 FE 13 01"));
        let block = format!("{block} 11");
        let card = [vec![hears(&block)], says(&block)].concat();
        assert_eq!(bench.exchange(&block, card), Ok(unhex(&block)), "CRC");
    }
}

#[test]
fn lengths_that_are_none() {
    let mut bench = bench();
    for request in ["", "00", "00 00 00", &"00".repeat(260), &"00".repeat(262)] {
        assert_eq!(bench.exchange(request, []), Err(CardError::Length));
    }
    assert!(bench.interface.is_active() && bench.line.heard.is_empty());
    // NAD FF does not exist.
    assert_eq!(bench.exchange("FF 00 00 FF", []), Err(CardError::Parameter { offset: 10 }));
}

#[test]
fn block_waiting_time_from_both_sides() {
    for (extension, times) in [(0, 1), (1, 1), (2, 2), (10, 10), (255, 255)] {
        let in_time = Duration(etu(11 + 1_920).0 * times);
        let late = Duration((etu(11 + 1_920 + 2).0) * times + 1);
        let mut bench = bench();
        let bytes = unhex(ANSWER);
        let card = |after| {
            let mut steps = vec![say_after(bytes[0], after)];
            steps.extend(bytes[1..].iter().map(|byte| say(*byte)));
            after_request(steps)
        };
        assert_eq!(bench.exchange_extended(REQUEST, extension, card(in_time)), Ok(bytes.clone()));
        assert_eq!(bench.exchange_extended(REQUEST, extension, card(late)), Err(CardError::Mute));
        assert!(bench.interface.is_active(), "the host may ask again");
    }
}

#[test]
fn a_block_that_comes_too_late_is_no_answer_to_the_next() {
    let bytes = unhex(ANSWER);
    let late = Duration(etu(11 + 1_920 + 2).0 + 1);
    let mut bench = bench();
    let mut card = vec![hears(REQUEST), say_after(bytes[0], late)];
    card.extend(bytes[1..].iter().map(|byte| say(*byte)));
    assert_eq!(bench.exchange(REQUEST, card), Err(CardError::Mute));
    bench.line.now = bench.line.now + etu(100);
    let again = "00 81 00 81";
    let card = [vec![hears(again)], says(again)].concat();
    assert_eq!(bench.exchange(again, card), Ok(unhex(again)));
}

#[test]
fn block_waiting_time_does_not_follow_the_clock_rate() {
    // Specific mode at 94 (512 / 8): BWT counts in units of 372 cycles but for 11 of 64.
    let mut bench = Bench::active(Negotiation::Reader, &with_tck("3B 90 94 91 01 31 FE 13"));
    let unit = Duration(16_000);
    let in_time = Duration(etu(1_920).0 + unit.0 * 11);
    for (after, is_good) in [(in_time, true), (Duration(in_time.0 + unit.0 * 2 + 1), false)] {
        let mut card = vec![hears(REQUEST), say_after(0x00, after)];
        card.extend(unhex(ANSWER)[1..].iter().map(|byte| say_after(*byte, unit.times(19))));
        let result = bench.exchange(REQUEST, card);
        assert_eq!(result, if is_good { Ok(unhex(ANSWER)) } else { Err(CardError::Mute) });
    }
}

#[test]
fn character_waiting_time_from_both_sides() {
    let bytes = unhex(ANSWER);
    for late in 1..=bytes.len() {
        let mut bench = bench();
        let card = bytes.iter().enumerate().map(|(place, byte)| {
            say_after(*byte, if place == late { Duration(etu(21).0 + 1) } else { etu(19) })
        });
        let result = bench.exchange(REQUEST, after_request(card));
        if late < bytes.len() {
            assert_eq!(result, Err(CardError::Incomplete), "character {late}");
            assert_eq!(CardError::Incomplete.code(), 0xFD, "the host asks again");
            assert!(bench.interface.is_active());
        } else {
            assert_eq!(result, Ok(bytes.clone()));
        }
    }
}

#[test]
fn a_block_cut_short_can_be_asked_for_again() {
    let mut bench = bench();
    for count in 1..6 {
        let card = after_request(says(&hex(&unhex(ANSWER)[..count])));
        assert_eq!(bench.exchange(REQUEST, card), Err(CardError::Incomplete));
        let again = "00 81 00 81";
        let card = [vec![hears(again)], says(ANSWER)].concat();
        assert_eq!(bench.exchange(again, card), Ok(unhex(ANSWER)));
    }
}

#[test]
fn wrong_parity_anywhere_in_a_block() {
    let bytes = unhex(ANSWER);
    for place in 0..bytes.len() {
        let mut bench = bench();
        let card =
            bytes.iter().enumerate().map(|(i, byte)| if i == place { broken(*byte) } else { say(*byte) });
        assert_eq!(bench.exchange(REQUEST, after_request(card)), Err(CardError::Parity));
        assert!(bench.interface.is_active());
        assert_eq!(bench.line.heard.len(), 9, "no character is asked for again");
        // The whole of it was heard: the next block is not taken for its rest.
        let again = "00 81 00 81";
        let card = [vec![hears(again)], says(ANSWER)].concat();
        assert_eq!(bench.exchange(again, card), Ok(unhex(ANSWER)));
    }
}

#[test]
fn a_length_that_is_none_is_for_the_host_to_see() {
    let mut bench = bench();
    assert_eq!(bench.exchange(REQUEST, after_request(says("00 00 FF 01 02 03"))), Ok(unhex("0000FF010203")));
    // As many as the buffer holds; one more is too many.
    let full = format!("00 00 FF {}", "77".repeat(256));
    assert_eq!(bench.exchange(REQUEST, after_request(says(&full))), Ok(unhex(&full)));
    let more = format!("{full} 77");
    assert_eq!(bench.exchange(REQUEST, after_request(says(&more))), Err(CardError::Overrun));
    assert!(bench.interface.is_active());
}

#[test]
fn a_length_with_wrong_parity_is_not_believed() {
    // LEN = 02 as read, but the card sends 4 bytes of data.
    let mut bench = bench();
    let mut steps = vec![say(0x00), say(0x00), broken(0x02)];
    steps.extend(says("01 02 03 04 05"));
    assert_eq!(bench.exchange(REQUEST, after_request(steps)), Err(CardError::Parity));
    assert!(bench.line.is_silent(), "all of it has been heard");
    let again = "00 81 00 81";
    let card = [vec![hears(again)], says(ANSWER)].concat();
    assert_eq!(bench.exchange(again, card), Ok(unhex(ANSWER)));
}

#[test]
fn no_block_goes_on_for_ever() {
    // CWI 15: 3 s for each character, in time: 300 s are enough.
    let mut bench = Bench::active(Negotiation::Reader, &with_tck("3B 80 81 31 FE 1F"));
    let slow = format!("00 00 FE {}", "77".repeat(255));
    let card = unhex(&slow)
        .into_iter()
        .enumerate()
        .map(|(place, byte)| say_after(byte, if place == 0 { etu(12) } else { etu(32_000) }));
    assert_eq!(bench.exchange(REQUEST, after_request(card)), Err(CardError::Incomplete));
}
