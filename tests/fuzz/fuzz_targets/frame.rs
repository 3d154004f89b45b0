//! Bytes on the reader's serial line.
#![no_main]
#![allow(dead_code, clippy::unwrap_used, reason = "the bench of the engine's tests")]

#[path = "../../../firmware/engine/tests/reader/bench.rs"]
mod bench;
#[path = "../../../firmware/engine/tests/reader/card.rs"]
mod card;
#[path = "../../../firmware/engine/tests/reader/host.rs"]
mod host;

use bench::Bench;
use engine::{
    personality::{GEM_PC_TWIN, GEMCORE_POS_PRO, SEC1210},
    time::Duration,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let personality = [&SEC1210, &GEMCORE_POS_PRO, &GEM_PC_TWIN][usize::from(first % 3)];
    let mut bench = Bench::new(personality);
    // Pieces with pauses between them: a byte says how long the piece is and how long the pause.
    let mut rest = rest;
    while let Some((cut, after)) = rest.split_first() {
        let length = usize::from(cut & 0x1F).min(after.len());
        bench.say(&after[..length], Duration::from_millis(u64::from(cut >> 5) * 60));
        rest = &after[length..];
    }
    bench.run(Duration::from_millis(300_000));
    bench.host.heard();
    // The next good command is understood.
    bench.command(0x65, 0, [0; 3], &[], Duration::from_millis(20));
});
