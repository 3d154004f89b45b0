//! T=0.

use engine::{
    iso7816::{CardError, Negotiation},
    time::Duration,
};

use crate::line::{Bench, ETU, Step, broken, etu, hears, hex, say, say_after, says, unhex};
use crate::reset::with_tck;

const READ: &str = "00 B0 00 00 04";
const WRITE: &str = "00 D6 00 00 03 AA BB CC";

fn bench() -> Bench {
    Bench::active(Negotiation::Reader, "3B 00")
}

fn run(request: &str, card: impl IntoIterator<Item = Step>) -> (Bench, Result<Vec<u8>, CardError>) {
    let mut bench = bench();
    let result = bench.exchange(request, card);
    (bench, result)
}

/// Header heard, then these.
fn after_header(request: &str, steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let mut script = vec![hears(&hex(&unhex(request)[..5]))];
    script.extend(steps);
    script
}

#[test]
fn data_from_the_card() {
    let (bench, result) = run(READ, after_header(READ, says("B0 01 02 03 04 90 00")));
    assert_eq!(result, Ok(unhex("010203049000")));
    assert!(bench.interface.is_active());
    // One by one, and mixed.
    let (_, result) = run(READ, after_header(READ, says("4F 01 4F 02 4F 03 4F 04 90 00")));
    assert_eq!(result, Ok(unhex("010203049000")));
    let (_, result) = run(READ, after_header(READ, says("4F 01 60 4F 02 60 60 B0 03 04 60 90 00")));
    assert_eq!(result, Ok(unhex("010203049000")));
    // Fewer than asked for, or none.
    let (_, result) = run(READ, after_header(READ, says("4F 01 62 82")));
    assert_eq!(result, Ok(unhex("016282")));
    let (_, result) = run(READ, after_header(READ, says("6C 02")));
    assert_eq!(result, Ok(unhex("6C02")));
    // P3 = 0: 256 bytes. 60 and 9x inside data are data.
    let all: Vec<u8> = (0..=0xFF).collect();
    let request = "00 B0 00 00 00";
    let (_, result) = run(request, after_header(request, says(&format!("B0 {} 90 00", hex(&all)))));
    assert_eq!(result, Ok([&all[..], &[0x90, 0x00]].concat()));
}

#[test]
fn data_to_the_card() {
    let mut card = after_header(WRITE, says("D6"));
    card.push(hears("AA BB CC"));
    card.extend(says("90 00"));
    assert_eq!(run(WRITE, card).1, Ok(unhex("9000")));
    // One by one, with more time in between.
    let mut card = after_header(WRITE, says("29"));
    card.push(hears("AA"));
    card.extend(says("60 29"));
    card.push(hears("BB"));
    card.extend(says("D6"));
    card.push(hears("CC"));
    card.extend(says("61 10"));
    let (bench, result) = run(WRITE, card);
    assert_eq!(result, Ok(unhex("6110")));
    assert_eq!(bench.extended, 1);
    // Refused before or between.
    assert_eq!(run(WRITE, after_header(WRITE, says("69 82"))).1, Ok(unhex("6982")));
    let mut card = after_header(WRITE, says("29"));
    card.push(hears("AA"));
    card.extend(says("6A 80"));
    assert_eq!(run(WRITE, card).1, Ok(unhex("6A80")));
    // 255 bytes, and Le behind them, which stays with us.
    for le in ["", "00"] {
        let data = "5A".repeat(255);
        let request = format!("00 D6 00 00 FF {data} {le}");
        let mut card = after_header(&request, says("D6"));
        card.push(hears(&data));
        card.extend(says("61 20"));
        let (bench, result) = run(&request, card);
        assert_eq!(result, Ok(unhex("6120")));
        assert_eq!(bench.line.heard.len(), 260);
    }
}

#[test]
fn no_data_at_all() {
    // Four bytes of header: P3 = 0 is sent, and no data may come.
    let (_, result) = run("00 A4 00 00", [vec![hears("00 A4 00 00 00")], says("90 00")].concat());
    assert_eq!(result, Ok(unhex("9000")));
    let (bench, result) = run("00 A4 00 00", [vec![hears("00 A4 00 00 00")], says("A4")].concat());
    assert_eq!(result, Err(CardError::ProcedureByte { got: 0xA4 }));
    bench.assert_off();
}

#[test]
fn lengths_that_are_none() {
    for request in ["00 A4 00", "00 D6 00 00 00 AA", "00 D6 00 00 03 AA BB", "00 D6 00 00 01 AA BB CC"] {
        let (bench, result) = run(request, []);
        assert_eq!(result, Err(CardError::Length), "{request}");
        assert!(bench.interface.is_active() && bench.line.heard.is_empty());
    }
    let long = format!("00 D6 00 00 FF {}", "00".repeat(257));
    assert_eq!(run(&long, []).1, Err(CardError::Length));
    assert_eq!(run("", []).1, Err(CardError::Length));
}

#[test]
fn every_procedure_byte() {
    for byte in 0..=0xFF_u8 {
        let (bench, result) = run(READ, after_header(READ, says(&format!("{byte:02X} 11 22 33 44 90 00"))));
        let expected = match byte {
            0xB0 => Ok(unhex("112233449000")),
            // More time, then 11, which is none.
            0x60 => Err(CardError::ProcedureByte { got: 0x11 }),
            0x61..=0x6F | 0x90..=0x9F => Ok(vec![byte, 0x11]),
            // One byte, then 22, which is none.
            0x4F => Err(CardError::ProcedureByte { got: 0x22 }),
            _ => Err(CardError::ProcedureByte { got: byte }),
        };
        assert_eq!(result, expected, "{byte:02X}");
        if let Err(error) = result {
            assert_eq!(error.code(), 0xF4);
            bench.assert_off();
        }
    }
}

#[test]
fn more_than_was_asked_for() {
    // All four bytes have come, and the card wants to go on.
    for card in ["B0 01 02 03 04 B0", "B0 01 02 03 04 4F", "4F 01 B0 02 03 04 B0"] {
        let (bench, result) = run(READ, after_header(READ, says(card)));
        assert!(matches!(result, Err(CardError::ProcedureByte { .. })), "{card}");
        bench.assert_off();
    }
    // All three bytes have gone, and the card wants more.
    let mut card = after_header(WRITE, says("D6"));
    card.push(hears("AA BB CC"));
    card.extend(says("D6"));
    let (bench, result) = run(WRITE, card);
    assert_eq!(result, Err(CardError::ProcedureByte { got: 0xD6 }));
    bench.assert_off();
}

#[test]
fn working_waiting_time_from_both_sides() {
    // WI = 10, and WI = 1; one more unit is the margin of 2.
    for (atr, in_time) in [("3B 00", etu(9_600)), ("3B 80 40 01", etu(960)), ("3B 80 40 FF", etu(244_800))] {
        let characters = unhex("60 4F 01 B0 02 03 04 90 00");
        for late in 0..=characters.len() {
            let mut bench = Bench::active(Negotiation::Reader, atr);
            let card = characters.iter().enumerate().map(|(place, byte)| {
                let after = if place == late { Duration(in_time.0 + etu(2).0 + 1) } else { in_time };
                say_after(*byte, after)
            });
            let result = bench.exchange(READ, after_header(READ, card));
            if late < characters.len() {
                assert_eq!(result, Err(CardError::Mute), "character {late}");
                bench.assert_off();
            } else if in_time.0 * 9 < 290_000_000_000 {
                assert_eq!(result, Ok(unhex("010203049000")));
            }
        }
    }
}

#[test]
fn every_limit_has_a_margin_of_two_units() {
    let bytes = unhex("B0 01 02 03 04 90 00");
    for extra in [Duration(0), Duration(1)] {
        let after = Duration(etu(9_602).0 + extra.0);
        let card = bytes.iter().map(|byte| say_after(*byte, after));
        assert_eq!(run(READ, after_header(READ, card)).1.is_ok(), extra.0 == 0, "WWT");
        // CWI 3, BWI 1.
        let mut bench = Bench::active(Negotiation::Reader, &with_tck("3B 80 81 31 FE 13"));
        let block = Duration(etu(11 + 1_920 + 2).0 + extra.0);
        let card = vec![hears("00 00 00 00"), say_after(0, block), say(0), say(0), say(0)];
        assert_eq!(bench.exchange("00 00 00 00", card).is_ok(), extra.0 == 0, "BWT");
        let mut bench = Bench::active(Negotiation::Reader, &with_tck("3B 80 81 31 FE 13"));
        let character = Duration(etu(11 + 8 + 2).0 + extra.0);
        let card = vec![hears("00 00 00 00"), say(0), say(0), say(0), say_after(0, character)];
        assert_eq!(bench.exchange("00 00 00 00", card).is_ok(), extra.0 == 0, "CWT");
    }
}

#[test]
fn waiting_time_follows_the_offered_clock_rate() {
    // TA1 = 94 offers F = 512; WT = 10 x 960 x 512 cycles, also before it is in force.
    let in_time = Duration(u64::from(512_u32) * 9_600 * 250);
    for (after, is_good) in [(in_time, true), (Duration(in_time.0 + etu(2).0 + 1), false)] {
        let mut bench = Bench::active(Negotiation::Reader, "3B 10 94");
        let result = bench.exchange(READ, after_header(READ, [say_after(0x90, after), say(0x00)]));
        assert_eq!(result.is_ok(), is_good);
    }
}

#[test]
fn nulls_are_told_and_limited() {
    let mut card = after_header(READ, vec![say(0x60); 10_000]);
    card.extend(says("6F 00"));
    let (bench, result) = run(READ, card);
    assert_eq!(result, Ok(unhex("6F00")));
    assert_eq!(bench.extended, 10_000);
    let mut card = after_header(READ, vec![say(0x60); 10_001]);
    card.extend(says("6F 00"));
    let (bench, result) = run(READ, card);
    assert_eq!(result, Err(CardError::Mute));
    bench.assert_off();
}

#[test]
fn no_exchange_goes_on_for_ever() {
    // NULL in time, again and again: 300 s are enough.
    let (bench, result) = run(READ, after_header(READ, vec![say_after(0x60, etu(9_000)); 500]));
    assert_eq!(result, Err(CardError::Mute));
    assert!((357..=359).contains(&bench.extended), "{}", bench.extended);
    bench.assert_off();
}

#[test]
fn a_mute_card_is_given_up() {
    let (bench, result) = run(READ, after_header(READ, []));
    assert_eq!(result, Err(CardError::Mute));
    bench.assert_off();
    let last = bench.line.heard.last().unwrap().1;
    assert!(bench.line.now - last <= Duration(etu(9_600 + 12 + 2).0), "as soon as it is certain");
}

#[test]
fn broken_characters_are_repeated_three_times() {
    for count in 0..=4 {
        for place in 0..4 {
            let mut steps = Vec::new();
            for (i, byte) in unhex("B0 01 02 03 04 90 00").into_iter().enumerate() {
                if i == place * 2 {
                    steps.extend((0..count).map(|_| broken(0x5A)));
                }
                steps.push(say(byte));
            }
            let (bench, result) = run(READ, after_header(READ, steps));
            if count <= 3 {
                assert_eq!(result, Ok(unhex("010203049000")));
            } else {
                assert_eq!(result, Err(CardError::Parity));
                bench.assert_off();
            }
        }
    }
}

#[test]
fn a_repetition_has_its_own_waiting_time() {
    let steps = [say(0xB0), say(1), say(2), broken(9), say_after(3, etu(9_600)), say(4), say(0x90), say(0)];
    assert_eq!(run(READ, after_header(READ, steps)).1, Ok(unhex("010203049000")));
    let late = Duration(etu(9_602).0 + 1);
    let steps = [say(0xB0), broken(9), say_after(1, late)];
    assert_eq!(run(READ, after_header(READ, steps)).1, Err(CardError::Mute));
}

#[test]
fn refused_characters_are_repeated_three_times() {
    for count in 0..=4 {
        // In the header and in the data.
        for (before, after) in [("", "00 D6 00 00 03"), ("00 D6", "00 00 03")] {
            let mut card = Vec::new();
            if !before.is_empty() {
                card.push(hears(before));
            }
            card.push(Step::Refuses(count));
            card.push(hears(after));
            card.extend(says("D6"));
            card.push(hears("AA BB CC"));
            card.extend(says("90 00"));
            let (bench, result) = run(WRITE, card);
            if count <= 3 {
                assert_eq!(result, Ok(unhex("9000")));
                assert_eq!(bench.line.heard.len(), 8 + usize::from(count));
            } else {
                assert_eq!(result, Err(CardError::Parity));
                bench.assert_off();
            }
        }
        let mut card = after_header(WRITE, says("D6"));
        card.push(hears("AA BB"));
        card.push(Step::Refuses(count));
        card.push(hears("CC"));
        card.extend(says("90 00"));
        assert_eq!(run(WRITE, card).1.is_ok(), count <= 3);
    }
}

#[test]
fn what_comes_unasked_is_no_answer() {
    let mut bench = bench();
    bench.line.then(says("90 00 60 B0"));
    let result = bench.exchange(READ, after_header(READ, says("6A 82")));
    assert_eq!(result, Ok(unhex("6A82")));
    // A card that does not stop talking is not spoken to.
    let mut bench = self::bench();
    bench.line.then(vec![say_after(0x60, ETU); 400]);
    let result = bench.exchange(READ, []);
    assert_eq!(result, Err(CardError::Overrun));
    bench.assert_off();
}
