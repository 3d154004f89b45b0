//! A card's characters at any time.
#![no_main]
#![allow(dead_code, unused_imports, clippy::unwrap_used, reason = "the bench of the engine's tests")]

#[path = "../../../firmware/engine/tests/iso7816/line.rs"]
mod line;

use engine::{contacts::Voltage, iso7816::Negotiation};
use libfuzzer_sys::fuzz_target;
use line::{Bench, Line, Step, answers, etu, hears, says, unhex};

const ATRS: [&str; 5] = ["3B00", "3B1095", "3B80800101", "3BF09700FE816031FE45AE", "3BF0110000FF0131FE4501"];

fn steps(bytes: &[u8]) -> Vec<Step> {
    bytes
        .chunks_exact(3)
        .map(|three| {
            let after = match three[1] {
                0..0xC0 => etu(u64::from(three[1]) / 8),
                0xC0..0xF0 => etu(u64::from(three[1]) * 10),
                _ => etu(u64::from(three[1]) * 60),
            };
            match three[2] {
                0..0xE0 => Step::Says { byte: three[0], after, is_broken: false },
                0xE0..0xF0 => Step::Says { byte: three[0], after, is_broken: true },
                0xF0..0xFA => Step::Refuses(three[0] % 6),
                0xFA..0xFD => Step::Leaves(after),
                _ => Step::Shorts(after),
            }
        })
        .collect()
}

fuzz_target!(|bytes: &[u8]| {
    let [first, second, rest @ ..] = bytes else { return };
    let negotiation = if first & 1 == 0 { Negotiation::Reader } else { Negotiation::Host };
    let mut bench;
    if first & 2 == 0 {
        let script = [Step::Reset, Step::Reset, Step::Reset].into_iter().chain(steps(rest));
        bench = Bench::new(negotiation, script);
        bench.interface.power_on(None);
        let _ = bench.run();
    } else {
        let atr = ATRS[usize::from(second % 5)];
        bench = Bench::new(negotiation, answers(atr));
        bench.interface.power_on(Some(Voltage::V5));
        if bench.run().is_err() {
            return;
        }
        let (request, card) = rest.split_at(rest.len().min(usize::from(second >> 3)));
        bench.line.then(steps(card));
        let begun = if first & 4 == 0 {
            bench.interface.exchange(request, first >> 3).is_ok()
        } else {
            bench.interface.set_parameters(first >> 3 & 1, request).is_ok()
        };
        if begun {
            let _ = bench.run();
        }
    }
    if !bench.interface.is_active() {
        assert!(bench.line.is_off());
    }
    // Whatever happened, the next good card is served.
    let now = bench.line.now;
    bench.line = Line::new(answers("3B 02 14 50"));
    bench.line.now = now + etu(1_000_000);
    bench.interface.power_on(Some(Voltage::V5));
    assert_eq!(bench.run(), Ok(unhex("3B021450")));
    let card = [vec![hears("00 B0 00 00 01")], says("B0 42 90 00")].concat();
    assert_eq!(bench.exchange("00 B0 00 00 01", card), Ok(unhex("429000")));
});
