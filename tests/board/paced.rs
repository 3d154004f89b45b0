//! What board, link and driver add to the time that a card's line takes by itself.

use std::time::{Duration, Instant};

use sim::{
    chip::SharedChip,
    line::{Manner, Pace, atr::Offer},
    pcscd::{Model, Slot},
};

use crate::bench::{Memory, client, connect, insert, with_board};

/// Share of the line's own time that may be added, in hundredths.
const ADDED_PERCENT_MAX: f64 = 2.0;

/// Reads of 256 bytes.
const READS: u32 = 10;

/// So often.
const TRIES: usize = 3;

/// `cargo test -p jinbao-tests --test board paced -- --ignored --nocapture`, on a machine that does nothing
/// else, or with `chrt -r 5` before it.
#[test]
#[ignore = "a measurement that needs a quiet machine"]
fn a_read_takes_as_long_as_its_line() {
    with_board("paced::a_read_takes_as_long_as_its_line", Model::Sec1210, |board| {
        let slot = board.slot(Slot::Card);
        for (name, offer) in [("T=0", Offer::t0()), ("T=1", Offer::t1())] {
            insert(board, Slot::Card, SharedChip::new(Memory::default()), Manner::default().offer(offer));
            let client = client();
            let connected = connect(board, &client, Slot::Card).unwrap();
            let read = || assert_eq!(connected.send(&[0x00, 0xB0, 0, 0, 0]).unwrap().len(), 258);
            let timed = |pace: Pace| {
                slot.set_pace(pace);
                let (line_ns, begin) = (slot.counters().line_ns, Instant::now());
                (0..READS).for_each(|_| read());
                (begin.elapsed(), Duration::from_nanos(slot.counters().line_ns - line_ns))
            };
            let (unpaced, _) = timed(Pace::Counted);
            // Whatever else the machine does comes on top: the best of some tries counts.
            let added =
                |(took, line): (Duration, Duration)| took.as_secs_f64() / line.as_secs_f64() * 100.0 - 100.0;
            let tries = [(); TRIES].map(|()| timed(Pace::Real));
            let best = tries.into_iter().min_by(|a, b| added(*a).total_cmp(&added(*b)));
            let (paced, line) = best.expect("there are tries");
            let added = added((paced, line));
            println!(
                "{name}: {READS} reads of 256 bytes: {line:?} on the line, {paced:?} through pcscd, {added:.2} % \
                 more; {unpaced:?} unpaced"
            );
            drop(connected);
            slot.set_pace(Pace::Counted);
            assert!(slot.pull().is_some());
            crate::bench::notice(board, Slot::Card, false);
            assert!(added < ADDED_PERCENT_MAX, "{name}: {added:.2} %");
        }
    });
}
