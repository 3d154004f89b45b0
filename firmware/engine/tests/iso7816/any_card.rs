//! Any characters at any times: nothing panics, everything ends, and afterwards a good card works.

use engine::{
    contacts::Voltage,
    iso7816::{Interface, Limits, Negotiation},
};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};
use std::hash::{BuildHasher, RandomState};

use crate::{
    line::{Bench, Line, Step, answers, etu, hears, say_after, says, unhex},
    reset::with_tck,
};

fn runner(cases: u32) -> TestRunner {
    let seed = match std::env::var("JINBAO_SEED") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => RandomState::new().hash_one(cases) >> 40,
    };
    println!("replay with JINBAO_SEED={seed}");
    TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    })
}

/// Anything a card can do at the line.
fn step() -> impl Strategy<Value = Step> {
    let after = prop_oneof![
        8 => (0_u64..30).prop_map(etu),
        2 => (0_u64..3_000).prop_map(etu),
        1 => (0_u64..12_000).prop_map(etu),
    ];
    prop_oneof![
        20 => (any::<u8>(), after.clone(), prop::bool::weighted(0.1))
            .prop_map(|(byte, after, is_broken)| Step::Says { byte, after, is_broken }),
        20 => (prop::sample::select(vec![0x3B, 0x03, 0x60, 0x90, 0x00, 0xB0, 0x4F, 0xFF, 0x6C, 0x80, 0x01]), after.clone())
            .prop_map(|(byte, after)| say_after(byte, after)),
        1 => (0_u8..6).prop_map(Step::Refuses),
        1 => after.clone().prop_map(Step::Leaves),
        1 => after.prop_map(Step::Shorts),
    ]
}

/// That whatever happened, the next good card is served.
fn assert_sane(bench: &mut Bench) {
    if !bench.interface.is_active() {
        assert!(bench.line.is_off());
    }
    let now = bench.line.now;
    bench.line = Line::new(answers("3B 02 14 50"));
    bench.line.now = now + etu(1_000_000);
    bench.interface.power_on(Some(Voltage::V5));
    assert_eq!(bench.run(), Ok(unhex("3B021450")));
    let card = [vec![hears("00 B0 00 00 01")], says("B0 42 90 00")].concat();
    assert_eq!(bench.exchange("00 B0 00 00 01", card), Ok(unhex("429000")));
}

#[test]
fn any_answer_to_reset() {
    let strategy = (prop::collection::vec(step(), 0..60), any::<bool>());
    runner(2_000)
        .run(&strategy, |(steps, is_limited)| {
            let script = [Step::Reset, Step::Reset, Step::Reset].into_iter().chain(steps);
            let mut bench = Bench::new(Negotiation::Reader, script);
            let limits =
                if is_limited { Limits { atr_etu_max: Some(Limits::ATR_ETU_EMV) } } else { Limits::ISO };
            bench.interface = Interface::new(Negotiation::Reader, limits);
            bench.interface.power_on(None);
            let _ = bench.run();
            assert_sane(&mut bench);
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_exchange() {
    let request = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..270),
        (0_usize..256).prop_map(|count| {
            let mut bytes = vec![0x00, 0xB0, 0x00, 0x00, count as u8];
            bytes.extend(std::iter::repeat_n(0xA5, count));
            bytes
        }),
        Just(unhex("00B0000000")),
        Just(unhex("FF10957A")),
        Just(unhex("00C101FE3E")),
    ];
    let atr = prop::sample::select(vec![
        "3B00".to_owned(),
        "3B1095".to_owned(),
        "3B804001".to_owned(),
        with_tck("3B 80 81 31 FE 13"),
        with_tck("3B C0 FF 81 71 FE 95 01"),
        with_tck("3B 90 97 91 01 31 FE 45"),
    ]);
    let exchanges = prop::collection::vec((request, any::<u8>(), prop::collection::vec(step(), 0..40)), 1..4);
    runner(1_500)
        .run(&(atr, exchanges, any::<bool>()), |(atr, exchanges, is_host)| {
            let negotiation = if is_host { Negotiation::Host } else { Negotiation::Reader };
            let mut bench = Bench::active(negotiation, &atr);
            for (request, extension, card) in exchanges {
                bench.line.then(card);
                if bench.interface.exchange(&request, extension).is_ok() {
                    let _ = bench.run();
                }
            }
            assert_sane(&mut bench);
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_parameters() {
    let data = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..9),
        any::<u8>().prop_map(|speed| vec![speed, 0x00, 0x00, 0x0A, 0x00]),
        any::<u8>().prop_map(|speed| vec![speed, 0x10, 0x00, 0x45, 0x00, 0x20, 0x00]),
    ];
    let strategy = (0_u8..3, data, prop::collection::vec(step(), 0..10), any::<bool>());
    runner(2_000)
        .run(&strategy, |(protocol, data, card, is_host)| {
            let negotiation = if is_host { Negotiation::Host } else { Negotiation::Reader };
            let mut bench = Bench::active(negotiation, &with_tck("3B 90 D7 80 31 FE 13"));
            bench.line.then(card);
            if bench.interface.set_parameters(protocol, &data).is_ok() {
                let _ = bench.run();
            }
            assert_sane(&mut bench);
            Ok(())
        })
        .unwrap();
}
