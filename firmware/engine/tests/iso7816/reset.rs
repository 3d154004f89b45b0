//! Activation, reset, answer to reset.

use engine::{
    contacts::{Parity, Voltage},
    iso7816::{CardError, Interface, Limits, Negotiation, Progress, Protocol},
    time::Duration,
};

use crate::line::{
    Bench, Change, HERTZ, Line, Step, answers, broken, etu, first_after, hears, hex, say, say_after, says,
    turned, unhex,
};

/// T=0 alone, no interface bytes.
const PLAIN: &str = "3B 02 14 50";

/// Adds the check byte.
pub(crate) fn with_tck(atr: &str) -> String {
    let bytes = unhex(atr);
    let tck = bytes[1..].iter().fold(0, |sum, byte| sum ^ byte);
    format!("{}{tck:02X}", hex(&bytes))
}

fn cold(script: impl IntoIterator<Item = Step>) -> (Bench, Result<Vec<u8>, CardError>) {
    let mut bench = Bench::new(Negotiation::Reader, script);
    bench.interface.power_on(Some(Voltage::V5));
    let result = bench.run();
    (bench, result)
}

/// TS in time, then these.
fn after_ts(steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    let mut script = vec![Step::Reset, say_after(0x3B, first_after(1_000))];
    script.extend(steps);
    script
}

#[test]
fn activation_in_the_order_of_the_standard() {
    let (bench, result) = cold(answers(PLAIN));
    assert_eq!(result, Ok(unhex(PLAIN)));
    assert!(bench.interface.is_active() && bench.interface.is_clock_running());
    let changes: Vec<_> = bench.line.changes.iter().map(|(_, change)| *change).collect();
    assert_eq!(
        changes,
        [
            Change::Reset(false),
            Change::Clock(false),
            Change::Supply(Some(Voltage::V5)),
            Change::Clock(true),
            Change::Reset(true),
        ]
    );
    let at = |place: usize| bench.line.changes[place].0;
    assert!(at(3) - at(2) >= Duration::from_millis(1), "VCC settles before CLK");
    assert!(at(4) - at(3) >= Duration::from_cycles(400, HERTZ), "RST is low for 400 cycles");
    assert_eq!(bench.line.settings[0].cycles_per_etu, (372, 1));
    assert!(!bench.line.settings[0].error_signal, "no error signal before the convention is known");
    assert_eq!(bench.parameters(), "1100000A00");
}

#[test]
fn first_character_from_both_sides() {
    for (cycles, is_good) in [(399, false), (400, true), (40_000, true)] {
        let script = [Step::Reset, say_after(0x3B, first_after(cycles)), say(0x00)];
        let (bench, result) = cold(script);
        if is_good {
            assert_eq!(result, Ok(unhex("3B00")), "{cycles} cycles");
        } else {
            assert_eq!(result, Err(CardError::Ts), "{cycles} cycles");
            bench.assert_off();
        }
    }
    // Its end is 10 to 12 units after its leading edge; the margin comes on top.
    let (_, result) =
        cold([Step::Reset, say_after(0x3B, Duration(first_after(40_000).0 + etu(4).0)), say(0x00)]);
    assert_eq!(result, Ok(unhex("3B00")));
    let late = Duration(first_after(40_000).0 + etu(4).0 + 1);
    let (bench, result) = cold([Step::Reset, say_after(0x3B, late), say(0x00)]);
    assert_eq!(result, Err(CardError::Mute));
    bench.assert_off();
}

#[test]
fn mute_card_is_given_up_in_time() {
    let (bench, result) = cold([Step::Reset]);
    assert_eq!(result, Err(CardError::Mute));
    bench.assert_off();
    let reset = bench.line.changes.iter().find(|(_, change)| *change == Change::Reset(true)).unwrap().0;
    let waited = bench.line.now - reset;
    assert!(waited >= Duration::from_cycles(40_000, HERTZ));
    assert!(waited <= Duration(Duration::from_cycles(40_000, HERTZ).0 + etu(15).0));
}

#[test]
fn initial_waiting_time_from_both_sides() {
    let in_time = etu(9_600);
    let late = Duration(etu(9_602).0 + 1);
    let (_, result) =
        cold(after_ts([say_after(0x02, in_time), say_after(0x14, in_time), say_after(0x50, in_time)]));
    assert_eq!(result, Ok(unhex(PLAIN)));
    for place in 0..3 {
        let steps = [0x02, 0x14, 0x50]
            .into_iter()
            .enumerate()
            .map(|(i, byte)| say_after(byte, if i == place { late } else { in_time }));
        let (bench, result) = cold(after_ts(steps));
        assert_eq!(result, Err(CardError::Mute), "character {place}");
        bench.assert_off();
    }
}

#[test]
fn whole_answer_within_a_limit_only_where_asked_for() {
    let slow =
        |last| after_ts([say_after(0x02, etu(9_600)), say_after(0x14, etu(9_600)), say_after(0x50, last)]);
    for (limits, last, is_good) in [
        (Limits::ISO, etu(9_600), true),
        (Limits { atr_etu_max: Some(Limits::ATR_ETU_EMV) }, etu(960), true),
        (Limits { atr_etu_max: Some(Limits::ATR_ETU_EMV) }, Duration(etu(960).0 + 1), false),
    ] {
        let mut bench = Bench::new(Negotiation::Reader, slow(last));
        bench.interface = Interface::new(Negotiation::Reader, limits);
        bench.interface.power_on(Some(Voltage::V5));
        let expected = if is_good { Ok(unhex(PLAIN)) } else { Err(CardError::Mute) };
        assert_eq!(bench.run(), expected);
    }
}

#[test]
fn inverse_convention_turns_every_character() {
    let atr = "3F 65 25 08 93 04 6C 90 00";
    for is_broken in [false, true] {
        // TS breaks the parity of the direct convention, if the UART looks at it.
        let mut script = vec![Step::Reset];
        for (place, byte) in unhex(atr).into_iter().map(turned).enumerate() {
            let after = if place == 0 { first_after(1_000) } else { etu(12) };
            script.push(Step::Says { byte, after, is_broken: is_broken && place == 0 });
        }
        let (mut bench, result) = cold(script);
        assert_eq!(result, Ok(unhex(atr)));
        assert_eq!(bench.line.settings().parity, Parity::Odd);
        assert_eq!(bench.parameters(), "1102080A00");
        // READ BINARY of two bytes: everything turned, both ways.
        let header: Vec<_> = unhex("00 B0 00 00 02").into_iter().map(turned).collect();
        let mut card = vec![hears(&hex(&header))];
        card.extend(unhex("B0 11 22 90 00").into_iter().map(turned).map(say));
        assert_eq!(bench.exchange("00 B0 00 00 02", card), Ok(unhex("11229000")));
    }
}

#[test]
fn first_characters_that_are_none() {
    for byte in 0..=0xFF {
        let (bench, result) = cold([Step::Reset, say_after(byte, first_after(1_000)), say(0x00)]);
        if matches!(byte, 0x3B) {
            assert_eq!(result, Ok(unhex("3B00")));
        } else if byte == 0x03 {
            // The second character, 00 as seen, means FF: 15 historical bytes and more that never come.
            assert_eq!(result, Err(CardError::Mute));
        } else {
            assert_eq!(result, Err(CardError::Ts), "{byte:02X}");
            bench.assert_off();
        }
    }
    let broken_ts = Step::Says { byte: 0x3B, after: first_after(1_000), is_broken: true };
    assert_eq!(cold([Step::Reset, broken_ts, say(0x00)]).1, Err(CardError::Ts));
}

#[test]
fn check_byte() {
    // TD1 = 01: T=1, so TCK.
    let good = "3B 80 01 81";
    assert_eq!(cold(answers(good)).1, Ok(unhex(good)));
    for wrong in 0..=0xFF {
        let (bench, result) = cold(answers(&format!("3B 80 01 {wrong:02X}")));
        if wrong != 0x81 {
            assert_eq!(result, Err(CardError::Tck));
            bench.assert_off();
        }
    }
    // T=0 alone has none.
    assert_eq!(cold(answers("3B 80 00")).1, Ok(unhex("3B8000")));
    // Two protocols have one, and T=15 has one.
    assert_eq!(cold(answers("3B 80 80 01 01")).1, Ok(unhex("3B80800101")));
    assert_eq!(cold(answers("3B 80 80 1F 03 1C")).1, Ok(unhex("3B80801F031C")));
}

#[test]
fn an_answer_cut_short_is_mute() {
    let whole = "3B FE 94 00 FF 80 B1 FA 45 1F 03 45 73 74 45 49 44 20 76 65 72 20 31 2E 30 43";
    let bytes = unhex(whole);
    assert_eq!(cold(answers(whole)).1, Ok(bytes.clone()));
    for count in 0..bytes.len() {
        let (bench, result) = cold(answers(&hex(&bytes[..count])));
        assert_eq!(result, Err(CardError::Mute), "{count} characters");
        bench.assert_off();
    }
}

#[test]
fn over_long_answers_are_refused() {
    // T0 announces TD1, each TDi the next: without an end.
    let (bench, result) = cold(answers(&format!("3B 80{}", " 80".repeat(60))));
    assert_eq!(result, Err(CardError::Overrun));
    bench.assert_off();
    // The longest: 33 characters, TS and TCK included.
    let longest =
        with_tck(&format!("3B FF 11 00 00 F1 00 00 0A F1 20 45 00 70 00 00 00 {}", "11".repeat(15)));
    assert_eq!(longest.len(), 2 * 33);
    assert_eq!(cold(answers(&longest)).1, Ok(unhex(&longest)));
    // Structure asks for 34 characters.
    let all = format!("3B 8F F0 00 00 00 F0 00 00 00 F0 00 00 00 F0 {}", "00".repeat(30));
    assert_eq!(cold(answers(&all)).1, Err(CardError::Overrun));
    // What follows a whole answer is none of our business, and not of the next exchange either.
    let mut script = answers(PLAIN);
    script.extend(says("AA BB CC"));
    let (mut bench, result) = cold(script);
    assert_eq!(result, Ok(unhex(PLAIN)));
    let mut card = vec![hears("00 A4 00 00 00")];
    card.extend(says("90 00"));
    assert_eq!(bench.exchange("00 A4 00 00 00", card), Ok(unhex("9000")));
}

#[test]
fn parity_is_repeated_three_times() {
    for count in 0..=4 {
        let mut steps = vec![say(0x02)];
        steps.extend((0..count).map(|_| broken(0x99)));
        steps.extend(says("14 50"));
        let (bench, result) = cold(after_ts(steps));
        if count <= 3 {
            assert_eq!(result, Ok(unhex(PLAIN)), "{count} repetitions");
        } else {
            assert_eq!(result, Err(CardError::Parity));
            bench.assert_off();
        }
    }
}

#[test]
fn classes_are_tried_from_the_lowest() {
    // Mute at 1.8 V and at 3 V.
    let mut script = vec![Step::Reset, Step::Reset];
    script.extend(answers(PLAIN));
    let mut bench = Bench::new(Negotiation::Reader, script);
    bench.interface.power_on(None);
    assert_eq!(bench.run(), Ok(unhex(PLAIN)));
    let supplies: Vec<_> = bench
        .line
        .changes
        .iter()
        .filter_map(
            |(at, change)| if let Change::Supply(supply) = change { Some((*at, *supply)) } else { None },
        )
        .collect();
    let order: Vec<_> = supplies.iter().map(|(_, supply)| *supply).collect();
    assert_eq!(order, [Some(Voltage::V1_8), None, Some(Voltage::V3), None, Some(Voltage::V5)]);
    for pair in supplies.windows(2) {
        if pair[0].1.is_none() {
            assert!(pair[1].0 - pair[0].0 >= Duration::from_millis(10), "10 ms without power");
        }
    }
    let mut bench = Bench::new(Negotiation::Reader, [Step::Reset, Step::Reset, Step::Reset]);
    bench.interface.power_on(None);
    assert_eq!(bench.run(), Err(CardError::Mute));
    bench.assert_off();
}

#[test]
fn class_indicator_is_obeyed() {
    // T=15, TA = 01: class A only; 06: B and C.
    let (a_only, b_and_c) = ("3B 80 80 1F 01 1E", "3B 80 80 1F 06 19");
    for (atr, supply, is_good) in [
        (a_only, Voltage::V5, true),
        (a_only, Voltage::V3, false),
        (a_only, Voltage::V1_8, false),
        (b_and_c, Voltage::V5, false),
        (b_and_c, Voltage::V3, true),
        (b_and_c, Voltage::V1_8, true),
        // Nothing said, or only what is reserved.
        (PLAIN, Voltage::V1_8, true),
        ("3B 80 80 1F 38 27", Voltage::V3, true),
    ] {
        let mut bench = Bench::new(Negotiation::Reader, answers(atr));
        bench.interface.power_on(Some(supply));
        if is_good {
            assert_eq!(bench.run(), Ok(unhex(atr)));
        } else {
            assert_eq!(bench.run(), Err(CardError::ClassNotSupported));
            bench.assert_off();
        }
    }
    // Automatic: answers at 1.8 V that it wants 5 V, and gets it.
    let mut bench = Bench::new(
        Negotiation::Reader,
        answers(a_only).into_iter().chain(answers(a_only)).chain(answers(a_only)),
    );
    bench.interface.power_on(None);
    assert_eq!(bench.run(), Ok(unhex(a_only)));
    assert!(bench.line.changes.iter().any(|(_, change)| *change == Change::Supply(Some(Voltage::V5))));
}

#[test]
fn warm_reset_keeps_power_and_forgets_speed() {
    // TA2: specific mode, T=0, speed of TA1 = 94.
    let atr = "3B 90 94 10 00";
    let mut bench = Bench::active(Negotiation::Reader, atr);
    assert_eq!(bench.line.settings().cycles_per_etu, (512, 8));
    let before = bench.line.changes.len();
    bench.line.then(answers(PLAIN));
    bench.interface.warm_reset().unwrap();
    assert!(!bench.interface.is_active());
    assert_eq!(bench.run(), Ok(unhex(PLAIN)));
    let changes = &bench.line.changes[before..];
    assert_eq!(changes.first().unwrap().1, Change::Reset(false));
    assert_eq!(changes.last().unwrap().1, Change::Reset(true));
    assert!(changes.last().unwrap().0 - changes[0].0 >= Duration::from_cycles(400, HERTZ));
    assert!(!changes.iter().any(|(_, change)| matches!(change, Change::Supply(_))));
    assert_eq!(bench.line.settings().cycles_per_etu, (372, 1));

    let mut off = Bench::new(Negotiation::Reader, []);
    assert_eq!(off.interface.warm_reset(), Err(CardError::Inactive));
    assert_eq!(off.poll(), Progress::Idle);
}

#[test]
fn cold_reset_of_an_active_card_takes_its_power_first() {
    let mut bench = Bench::active(Negotiation::Reader, PLAIN);
    let before = bench.line.changes.len();
    bench.line.then(answers(PLAIN));
    bench.interface.power_on(Some(Voltage::V3));
    assert_eq!(bench.run(), Ok(unhex(PLAIN)));
    let changes: Vec<_> = bench.line.changes[before..].iter().map(|(_, change)| *change).collect();
    assert_eq!(changes[..3], [Change::Reset(false), Change::Clock(false), Change::Supply(None)]);
    assert!(changes.contains(&Change::Supply(Some(Voltage::V3))));
}

#[test]
fn power_off_at_any_time() {
    let mut bench = Bench::active(Negotiation::Reader, PLAIN);
    bench.power_off();
    bench.assert_off();
    // In the middle of an answer to reset.
    bench.line.then(answers(PLAIN));
    bench.interface.power_on(Some(Voltage::V5));
    for _ in 0..5 {
        if let Progress::Busy { until } = bench.poll() {
            bench.line.turn(until);
        }
    }
    assert!(bench.interface.is_busy());
    bench.power_off();
    bench.assert_off();
    assert_eq!(bench.poll(), Progress::Idle);
}

#[test]
fn cards_whose_protocol_nobody_speaks_are_shown_but_not_spoken_to() {
    // TD1 = 0E: T=14.
    let atr = "3B 80 0E 8E";
    let mut bench = Bench::active(Negotiation::Reader, atr);
    assert_eq!(bench.parameters(), "1100000A00");
    assert_eq!(bench.interface.exchange(&unhex("00 A4 00 00 00"), 0), Err(CardError::ProtocolNotSupported));
    assert_eq!(bench.interface.set_parameters(0, &unhex("1100000A00")), Err(CardError::ProtocolNotSupported));
    assert!(bench.line.heard.is_empty());
    // Specific mode at a reserved speed.
    let mut bench = Bench::active(Negotiation::Reader, "3B 90 EF 10 00");
    assert_eq!(bench.interface.exchange(&unhex("00 A4 00 00 00"), 0), Err(CardError::ProtocolNotSupported));
    // A reserved speed offered only: the default one holds.
    let bench = Bench::active(Negotiation::Reader, "3B 10 EF");
    assert_eq!(bench.interface.parameters().unwrap().protocol, Protocol::T0);
    assert_eq!(bench.parameters(), "1100000A00");
}

#[test]
fn no_card_no_power() {
    let mut bench = Bench { line: Line::new([]), ..Bench::new(Negotiation::Reader, []) };
    bench.line.is_present = false;
    bench.interface.power_on(None);
    assert_eq!(bench.run(), Err(CardError::Removed));
    assert!(bench.line.changes.is_empty());
    assert_eq!(bench.interface.exchange(&unhex("00A4000000"), 0), Err(CardError::Inactive));
    assert_eq!(bench.interface.set_parameters(0, &unhex("1100000A00")), Err(CardError::Inactive));
    assert_eq!(bench.interface.reset_parameters(), Err(CardError::Inactive));
    assert_eq!(bench.set_clock(true), Err(CardError::Inactive));
}
