//! Speeds, guard times, and parameters as CCID has them.

use engine::{
    contacts::Voltage,
    iso7816::{CardError, Interface, Limits, Negotiation, Parameters, Speed},
    time::Duration,
};

use crate::{
    line::{Bench, HERTZ, answers, etu, hears, hex, says, unhex},
    reset::with_tck,
};

#[test]
fn speeds_of_the_standard_and_no_others() {
    let f = [
        Some(372),
        Some(372),
        Some(558),
        Some(744),
        Some(1116),
        Some(1488),
        Some(1860),
        None,
        None,
        Some(512),
        Some(768),
        Some(1024),
        Some(1536),
        Some(2048),
        None,
        None,
    ];
    let d = [None, Some(1), Some(2), Some(4), Some(8), Some(16), Some(32), Some(64), Some(12), Some(20)];
    for byte in 0..=0xFF_u8 {
        let f = f[usize::from(byte >> 4)];
        let d = d.get(usize::from(byte & 0x0F)).copied().flatten();
        assert_eq!(Speed::of(byte), f.zip(d).map(|(f, d)| Speed { f, d }), "{byte:02X}");
    }
}

#[test]
fn what_answers_to_reset_say_about_protocols() {
    // (answer without TCK, has TCK, parameters)
    for (atr, parameters) in [
        ("3B 00", "1100000A00"),
        // TC1 = 20, TC2 = 0C.
        ("3B C0 20 40 0C", "1100200C00"),
        // T=1: TA3 = FE, TB3 = 45; TC1 = FF.
        ("3B C0 FF 81 31 FE 45", "1110FF4500FE00"),
        // The same without either: defaults.
        ("3B 80 81 01", "1110004D002000"),
        // TC3 = 1: CRC. Then T=15 with clock stop in both states, classes A B C.
        ("3B 80 81 C1 01 1F C7", "1111004D032000"),
        ("3B 80 81 F1 80 67 01 1F 47", "11110067018000"),
        // Reserved: IFSC 0 and FF, BWI 10, WI 0.
        ("3B 80 81 31 00 A0", "1110004D002000"),
        ("3B 80 81 31 FF 95", "11100095002000"),
        ("3B 80 40 00", "1100000A00"),
        // T=0 first, T=1 second: T=0 holds.
        ("3B 80 80 31 80 65", "1100000A00"),
        // Specific mode: T=1 at 96.
        ("3B 90 96 91 81 31 F0 75", "9610007500F000"),
        // Specific mode, implicit speed: the default one.
        ("3B 90 96 91 91 31 F0 75", "1110007500F000"),
    ] {
        let bytes = unhex(atr);
        let plain_t0 = matches!(bytes.as_slice(), [0x3B, t0, ..] if t0 & 0x80 == 0)
            || matches!(bytes.as_slice(), [0x3B, 0xC0, _, 0x40, _] | [0x3B, 0x80, 0x40, _]);
        let atr = if plain_t0 { hex(&bytes) } else { with_tck(atr) };
        assert_eq!(Bench::active(Negotiation::Reader, &atr).parameters(), parameters, "{atr}");
    }
}

#[test]
fn guard_time_between_our_characters() {
    for (atr, units) in [
        ("3B 00".to_owned(), 12),
        ("3B 40 01".to_owned(), 13),
        ("3B 40 FE".to_owned(), 266),
        ("3B 40 FF".to_owned(), 12),
        (with_tck("3B C0 FF 01"), 11),
        (with_tck("3B C0 00 01"), 12),
        (with_tck("3B C0 05 01"), 17),
        // T=15: N counts in units of TA1, here 32 cycles each while the unit has 372.
        (with_tck("3B D0 95 40 80 0F"), 12 + 6),
        // The same in specific mode, where the unit has 32 cycles.
        (with_tck("3B D0 95 40 90 00 1F 00"), 12 + 0x40),
    ] {
        let bench = Bench::active(Negotiation::Reader, &atr);
        assert_eq!(bench.line.settings().character_etu, units, "{atr}");
    }
}

#[test]
fn guard_times_before_our_first_character() {
    // T=0: 16 units between leading edges, 6 from the end of a character.
    let mut bench = Bench::active(Negotiation::Reader, "3B 00");
    let ended = bench.line.now;
    let mut card = vec![hears("00 A4 00 00 00")];
    card.extend(says("90 00"));
    bench.exchange("00 A4 00 00 00", card).unwrap();
    assert_eq!(bench.line.heard[0].1 - ended, etu(6));
    for pair in bench.line.heard.windows(2) {
        assert_eq!(pair[1].1 - pair[0].1, etu(12));
    }
    // T=1: 22 units.
    let mut bench = Bench::active(Negotiation::Reader, &with_tck("3B 80 01"));
    let ended = bench.line.now;
    let mut card = vec![hears("00 C0 00 C0")];
    card.extend(says("00 E0 00 E0"));
    bench.exchange("00 C0 00 C0", card).unwrap();
    assert_eq!(bench.line.heard[0].1 - ended, etu(12));
}

#[test]
fn structures_of_ccid() {
    let offset = |offset| Err(CardError::Parameter { offset });
    for (protocol, data, result) in [
        (0, "1100000A00", Ok(())),
        (0, "9402FF0103", Ok(())),
        (1, "9511004500FE00", Ok(())),
        (1, "1113FF9F032000", Ok(())),
        (2, "1100000A00", offset(7)),
        (0xFF, "", offset(7)),
        (0, "", Err(CardError::Length)),
        (0, "1100000A", Err(CardError::Length)),
        (0, "1100000A0000", Err(CardError::Length)),
        (1, "1110004D00", Err(CardError::Length)),
        (1, "1110004D0020", Err(CardError::Length)),
        (1, "1110004D00200000", Err(CardError::Length)),
        (0, "7100000A00", offset(10)),
        (0, "1A00000A00", offset(10)),
        (0, "1101000A00", offset(11)),
        (1, "1100004D002000", offset(11)),
        (0, "1100000000", offset(13)),
        (1, "111000AD002000", offset(13)),
        (0, "1100000A04", offset(14)),
        (1, "1110004D000000", offset(15)),
        (1, "1110004D00FF00", offset(15)),
        (1, "1110004D002001", offset(16)),
    ] {
        let parsed = Parameters::parse(protocol, &unhex(data));
        assert_eq!(parsed.map(|_| ()), result, "{data}");
        if let Ok(parsed) = parsed {
            assert_eq!(hex(&parsed.to_bytes()), data);
        }
    }
}

#[test]
fn parameters_without_agreement_and_back() {
    let atr = with_tck("3B C0 FF 81 31 FE 45");
    let mut bench = Bench::active(Negotiation::Reader, &atr);
    assert_eq!(bench.set_parameters(1, "11110075004000", []), Ok("11110075004000".to_owned()));
    assert_eq!(bench.line.settings().character_etu, 12);
    assert!(bench.line.heard.is_empty(), "the card is not asked");
    bench.interface.reset_parameters().unwrap();
    assert_eq!(bench.run(), Ok(vec![]));
    assert_eq!(bench.parameters(), "1110FF4500FE00");
    assert_eq!(bench.line.settings().character_etu, 11);
}

#[test]
fn clock_stops_only_where_the_card_allows_it() {
    for (indicator, is_good) in [(0x07, false), (0x47, true), (0x87, false), (0xC7, true)] {
        let mut bench =
            Bench::active(Negotiation::Reader, &with_tck(&format!("3B 80 80 1F {indicator:02X}")));
        let busy = bench.set_clock(false);
        if is_good {
            assert_eq!(busy, Err(CardError::Busy), "1860 cycles after the last character");
            bench.line.now = bench.line.now + Duration::from_cycles(1_860, HERTZ);
            bench.set_clock(false).unwrap();
            assert!(!bench.interface.is_clock_running() && bench.interface.is_active());
            let began = bench.line.now;
            let mut card = vec![hears("00 A4 00 00 00")];
            card.extend(says("90 00"));
            assert_eq!(bench.exchange("00 A4 00 00 00", card), Ok(unhex("9000")));
            assert!(bench.interface.is_clock_running());
            assert!(bench.line.heard[0].1 - began >= Duration::from_cycles(700, HERTZ));
        } else {
            assert_eq!(busy, Err(CardError::Parameter { offset: 7 }));
        }
    }
}

#[test]
fn one_operation_at_a_time() {
    let mut bench = Bench::active(Negotiation::Reader, "3B 00");
    bench.interface.exchange(&unhex("00A4000000"), 0).unwrap();
    assert!(bench.interface.is_busy());
    assert_eq!(bench.interface.exchange(&unhex("00A4000000"), 0), Err(CardError::Busy));
    assert_eq!(bench.interface.set_parameters(0, &unhex("1100000A00")), Err(CardError::Busy));
    assert_eq!(bench.interface.reset_parameters(), Err(CardError::Busy));
    bench.line.then([hears("00A4000000")]);
    bench.line.then(says("6D00"));
    assert_eq!(bench.run(), Ok(unhex("6D00")));
    assert_eq!(bench.line.take_heard(), unhex("00A4000000"));
}

#[test]
fn small_enough_for_five_slots() {
    assert!(size_of::<Interface>() <= 560, "{} bytes", size_of::<Interface>());
    let mut interface = Interface::new(Negotiation::Host, Limits::ISO);
    interface.power_on(Some(Voltage::V5));
    assert!(!format!("{interface:?}").contains("[0, 0"), "no buffer in Debug");
    let _ = answers("3B 00");
}
