//! Protocol and parameters selection.

use engine::{
    iso7816::{CardError, Negotiation, Protocol},
    time::Duration,
};

use crate::{
    line::{Bench, etu, hears, say, say_after, says, unhex},
    reset::with_tck,
};

/// Offers T=0 and T=1, speed 95.
fn both() -> String {
    with_tck("3B 90 95 80 31 FE 45")
}

/// The reader asks for T=1 at 95, the card answers so.
fn ask(answer: &str) -> (Bench, Result<String, CardError>) {
    let mut bench = Bench::active(Negotiation::Reader, &both());
    let mut card = vec![hears("FF 11 95 7B")];
    card.extend(says(answer));
    let result = bench.set_parameters(1, "9510004500FE00", card);
    (bench, result)
}

#[test]
fn the_reader_asks_and_both_switch() {
    let (mut bench, result) = ask("FF 11 95 7B");
    assert_eq!(result, Ok("9510004500FE00".to_owned()));
    assert_eq!(bench.interface.parameters().unwrap().protocol, Protocol::T1);
    assert_eq!(bench.line.settings().cycles_per_etu, (512, 16));
    assert!(!bench.line.settings().error_signal);
    let mut card = vec![hears("00 C1 01 FE 3E")];
    card.extend(unhex("00 E1 01 FE 1E").into_iter().map(|byte| say_after(byte, Duration(12 * 8_000))));
    assert_eq!(bench.exchange("00 C1 01 FE 3E", card), Ok(unhex("00E101FE1E")));
}

#[test]
fn twelve_units_between_characters_also_where_blocks_have_eleven() {
    // T=1 at 95, TC1 = FF.
    let mut bench = Bench::active(Negotiation::Reader, &with_tck("3B D0 95 FF 81 31 FE 45"));
    assert_eq!(bench.line.settings().character_etu, 11);
    let mut card = vec![hears("FF 11 95 7B")];
    card.extend(says("FF 11 95 7B"));
    assert_eq!(bench.set_parameters(1, "9510FF4500FE00", card), Ok("9510FF4500FE00".to_owned()));
    for pair in bench.line.heard.windows(2) {
        assert_eq!(pair[1].1 - pair[0].1, etu(12));
    }
    assert_eq!(bench.line.settings().character_etu, 11);
}

#[test]
fn the_card_may_decline_the_speed() {
    let (bench, result) = ask("FF 01 FE");
    assert_eq!(result, Ok("1110004500FE00".to_owned()));
    assert_eq!(bench.line.settings().cycles_per_etu, (372, 1));
}

#[test]
fn what_was_not_proposed_is_refused() {
    for answer in [
        // Another protocol, another speed, a wrong check byte.
        "FF 10 95 7A",
        "FF 11 94 7A",
        "FF 11 95 7A",
        "FF 01 FF",
        // PPS2 or PPS3 that nobody proposed, the reserved bit.
        "FF 31 95 00 5B",
        "FF 51 95 00 3B",
        "FF 91 95 FB",
        // Not PPS at all.
        "3B",
    ] {
        let (bench, result) = ask(answer);
        assert_eq!(result, Err(CardError::PpsRefused), "{answer}");
        bench.assert_off();
    }
}

#[test]
fn an_answer_cut_short_is_mute() {
    for answer in ["", "FF", "FF 11", "FF 11 95"] {
        let (bench, result) = ask(answer);
        assert_eq!(result, Err(CardError::Mute), "{answer}");
        bench.assert_off();
    }
}

#[test]
fn waiting_time_from_both_sides() {
    for late in 0..=4 {
        let mut bench = Bench::active(Negotiation::Reader, &both());
        let mut card = vec![hears("FF 11 95 7B")];
        for (place, byte) in unhex("FF 11 95 7B").into_iter().enumerate() {
            let after = if place == late { Duration(etu(9_602).0 + 1) } else { etu(9_600) };
            card.push(say_after(byte, after));
        }
        let result = bench.set_parameters(1, "9510004500FE00", card);
        if late < 4 {
            assert_eq!(result, Err(CardError::Mute), "character {late}");
            bench.assert_off();
        } else {
            assert_eq!(result, Ok("9510004500FE00".to_owned()));
        }
    }
}

#[test]
fn protocol_alone_and_speed_alone() {
    let mut bench = Bench::active(Negotiation::Reader, &both());
    let mut card = vec![hears("FF 01 FE")];
    card.extend(says("FF 01 FE"));
    assert_eq!(bench.set_parameters(1, "1110004500FE00", card), Ok("1110004500FE00".to_owned()));

    let mut bench = Bench::active(Negotiation::Reader, &both());
    let mut card = vec![hears("FF 10 94 7B")];
    card.extend(says("FF 10 94 7B"));
    assert_eq!(bench.set_parameters(0, "9400000A00", card), Ok("9400000A00".to_owned()));
    assert_eq!(bench.line.settings().cycles_per_etu, (512, 8));
    assert!(bench.line.settings().error_signal);

    // What holds anyway is not asked for. 01 is 11 by another name.
    let mut bench = Bench::active(Negotiation::Reader, &both());
    assert_eq!(bench.set_parameters(0, "0100000A00", []), Ok("0100000A00".to_owned()));
    assert!(bench.line.heard.is_empty());
}

#[test]
fn only_straight_after_reset() {
    let mut bench = Bench::active(Negotiation::Reader, &both());
    let mut card = vec![hears("00 A4 00 00 00")];
    card.extend(says("90 00"));
    bench.exchange("00 A4 00 00 00", card).unwrap();
    bench.line.take_heard();
    let refused = |offset| Err(CardError::Parameter { offset });
    assert_eq!(bench.set_parameters(1, "9510004500FE00", []), refused(7));
    assert_eq!(bench.set_parameters(0, "9500000A00", []), refused(10));
    assert_eq!(bench.set_parameters(0, "1100000B00", []), Ok("1100000B00".to_owned()));
    assert!(bench.line.heard.is_empty());
    assert!(bench.interface.is_active());
}

#[test]
fn no_faster_than_offered() {
    // Faster than 95 in D, in F, or both; TA1 missing or reserved.
    for (atr, speed) in
        [(both(), "96"), (both(), "A5"), (both(), "D7"), ("3B 00".into(), "94"), ("3B 10 EF".into(), "12")]
    {
        let mut bench = Bench::active(Negotiation::Reader, &atr);
        let data = format!("{speed}00000A00");
        assert_eq!(bench.set_parameters(0, &data, []), Err(CardError::Parameter { offset: 10 }), "{atr}");
        assert!(bench.interface.is_active());
    }
}

#[test]
fn only_protocols_that_are_offered() {
    let mut bench = Bench::active(Negotiation::Reader, "3B 00");
    assert_eq!(bench.set_parameters(1, "1110004D002000", []), Err(CardError::ProtocolNotSupported));
    assert!(bench.interface.is_active());
}

#[test]
fn specific_mode_keeps_its_speed() {
    // TA2: T=1 only, at 95.
    let atr = with_tck("3B 90 95 91 01 31 FE 45");
    let mut bench = Bench::active(Negotiation::Reader, &atr);
    assert_eq!(bench.line.settings().cycles_per_etu, (512, 16));
    assert_eq!(bench.set_parameters(1, "1110004500FE00", []), Ok("9510004500FE00".to_owned()));
    assert_eq!(bench.set_parameters(0, "1100000A00", []), Err(CardError::ProtocolNotSupported));
    assert_eq!(bench.interface.exchange(&unhex("FF 11 95 7B"), 0), Err(CardError::Parameter { offset: 10 }));
    assert!(bench.line.heard.is_empty());
}

#[test]
fn the_host_asks() {
    let mut bench = Bench::active(Negotiation::Host, &both());
    let mut card = vec![hears("FF 11 95 7B")];
    card.extend(says("FF 11 95 7B"));
    assert_eq!(bench.exchange("FF 11 95 7B", card), Ok(unhex("FF11957B")));
    assert_eq!(bench.parameters(), "9510004500FE00");
    assert_eq!(bench.line.settings().cycles_per_etu, (512, 16));
    // It then says what has been agreed: the card is not asked again.
    bench.line.take_heard();
    assert_eq!(bench.set_parameters(1, "9510004500FE00", []), Ok("9510004500FE00".to_owned()));
    assert!(bench.line.heard.is_empty());
    // Another selection comes too late.
    assert_eq!(bench.interface.exchange(&unhex("FF 11 95 7B"), 0), Err(CardError::Parameter { offset: 10 }));
}

#[test]
fn what_the_host_asks_in_vain_it_sees_itself() {
    for answer in ["FF 10 95 7A", "FF 11 95 00", "3B"] {
        let mut bench = Bench::active(Negotiation::Host, &both());
        let mut card = vec![hears("FF 11 95 7B")];
        card.extend(says(answer));
        assert_eq!(bench.exchange("FF 11 95 7B", card), Ok(unhex(answer)));
        assert_eq!(bench.parameters(), "1100000A00");
        assert_eq!(bench.line.settings().cycles_per_etu, (372, 1));
    }
    let mut bench = Bench::active(Negotiation::Host, &both());
    assert_eq!(bench.exchange("FF 11 95 7B", [hears("FF 11 95 7B"), say(0xFF)]), Err(CardError::Mute));
    bench.assert_off();
}

#[test]
fn what_is_no_selection_does_not_reach_the_card() {
    for request in
        ["FF CA 00 00 00", "FF 11 95 7A", "FF 11 95", "FF 91 95 FB", "FF 11 EF 01", "FF FF FF FF FF FF FF"]
    {
        let mut bench = Bench::active(Negotiation::Host, &both());
        assert_eq!(bench.exchange(request, []), Err(CardError::Parameter { offset: 10 }), "{request}");
        assert!(bench.line.heard.is_empty());
        assert!(bench.interface.is_active());
    }
}
