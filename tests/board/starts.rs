//! Boards that are started and stopped again and again; nobody may miss the driver's first deadlines.

use std::{
    env,
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use card_spec::generation::Generation;
use pcsc::Disposition;
use sim::{
    board::Order,
    chip::SharedChip,
    line::Manner,
    pcscd::{Model, Slot, rerun::in_child},
};
use tests::firmware;

use crate::bench::{SSSE, card, client, connect, insert, last_frames, start};

/// Starts board and pcscd, reads a card, stops them; so often. Gives the time of each until pcscd had its slots.
fn starts(directory: &std::path::Path, count: usize) -> Vec<Duration> {
    (0..count)
        .map(|_| {
            let begin = Instant::now();
            let board = start(Order::new(firmware::elf(Model::Sec1210), Model::Sec1210), directory);
            let took = begin.elapsed();
            insert(&board, Slot::Card, SharedChip::from_arc(card(Generation::Three)), Manner::default());
            let client = client();
            let connected = connect(&board, &client, Slot::Card).unwrap();
            let answer = connected.ask(&format!("00A404000F{SSSE}"));
            assert!(
                answer.as_ref().is_ok_and(|answer| answer.starts_with("61")),
                "{answer:?}\n{}{}",
                last_frames(&board),
                board.pcscd().log()
            );
            connected.end(Disposition::LeaveCard);
            took
        })
        .collect()
}

fn report(took: &mut [Duration]) {
    took.sort();
    let (first, last) = (took[0], took[took.len() - 1]);
    println!("{} starts: {first:?} to {last:?}, half within {:?}", took.len(), took[took.len() / 2]);
}

#[test]
fn three_times() {
    in_child("starts::three_times", |directory| report(&mut starts(directory, 3)));
}

/// `cargo test -p jinbao-tests --test board starts::with_all_processors_busy -- --ignored --nocapture`;
/// `JINBAO_STARTS` says how often, 20 times without it.
#[test]
#[ignore = "a measurement that takes all processors"]
fn with_all_processors_busy() {
    let count = env::var("JINBAO_STARTS").ok().and_then(|count| count.parse().ok()).unwrap_or(20);
    in_child("starts::with_all_processors_busy", |directory| {
        let ends = AtomicBool::new(false);
        let busy = thread::available_parallelism().map_or(2, usize::from);
        thread::scope(|scope| {
            for _ in 0..busy {
                scope.spawn(|| {
                    while !ends.load(Ordering::Relaxed) {
                        for number in 0..10_000_u64 {
                            black_box(number);
                        }
                    }
                });
            }
            let took = std::panic::catch_unwind(|| starts(directory, count));
            ends.store(true, Ordering::Relaxed);
            report(&mut took.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        });
    });
}
