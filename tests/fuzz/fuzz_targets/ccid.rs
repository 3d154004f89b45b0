//! Well-framed messages of any kind: each is answered exactly once.
#![no_main]
#![allow(dead_code, clippy::unwrap_used, reason = "the bench of the engine's tests")]

#[path = "../../../firmware/engine/tests/reader/bench.rs"]
mod bench;
#[path = "../../../firmware/engine/tests/reader/card.rs"]
mod card;
#[path = "../../../firmware/engine/tests/reader/host.rs"]
mod host;

use bench::Bench;
use card::Manners;
use engine::{
    personality::{GEMCORE_POS_PRO, SEC1210},
    time::Duration,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, mut rest)) = bytes.split_first() else { return };
    let mut bench = Bench::new([&SEC1210, &GEMCORE_POS_PRO][usize::from(first % 2)]);
    while let [kind, slot, a, b, c, length, after @ ..] = rest {
        let (data, next) = after.split_at(usize::from(*length).min(after.len()));
        rest = next;
        match kind {
            // The card behaves otherwise from now on.
            0x80..0xA0 => {
                let mut card = bench.cards[usize::from(slot % 2)].0.borrow_mut();
                card.manners = match a % 4 {
                    0 => Manners::Good,
                    1 => Manners::Mute,
                    2 => Manners::MuteLater,
                    _ => Manners::Nonsense(*b),
                };
                card.is_overloaded = c & 1 != 0;
            }
            0xA0.. => {
                bench.cards[usize::from(slot % 2)].0.borrow_mut().is_present = a & 1 != 0;
                bench.run(Duration::from_millis(u64::from(*b)));
            }
            // Asserts that there is one answer, and nothing after it.
            _ => drop(bench.all_of(*kind, *slot, [*a, *b, *c], data, Duration::from_millis(300_000))),
        }
    }
});
