//! From a key press to the painted picture at the counter: 300 lines at 1920 × 1080, every frame painted whole.
//!
//! ```sh
//! cargo bench -p jinbao-ui --bench paint
//! ```
//!
//! Beside it run as many threads as there are processors, each busy without a pause: more than an uploader, a fetch and a
//! card exchange, which wait most of the time. The peer is the bare filling of as many pixels, measured in the same run.
#![allow(clippy::unwrap_used, reason = "a measurement")]

#[path = "../tests/desk/mod.rs"]
mod desk;
#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use slint::{ComponentHandle, platform::Key};
use ui::counter::work::Event;

const SIZE: (u32, u32) = (1_920, 1_080);
const LINES: usize = 300;
const PRESSES: usize = 400;

fn main() {
    support::begin();
    let began = Instant::now();
    let counter = desk::Counter::open(SIZE.0, SIZE.1);
    counter.with_bill();
    counter.event(Event::Visit(Some(Box::new(desk::visit((0..LINES).map(desk::line).collect())))));
    counter.window.window().take_snapshot().unwrap();
    println!("first frame with {LINES} lines: {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    report("nothing beside it", &mut presses(&counter));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(2, usize::from);
        for _ in 0..threads {
            scope.spawn(|| {
                let mut number = 1_u64;
                while !is_over.load(Ordering::Relaxed) {
                    number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
                }
            });
        }
        report(&format!("beside {threads} busy threads"), &mut presses(&counter));
        is_over.store(true, Ordering::Relaxed);
    });
}

/// How long each press took until its picture was there; and, in the same rhythm, how long filling as many pixels took.
fn presses(counter: &desk::Counter) -> Vec<(Duration, Duration)> {
    let mut pixels = vec![0_u32; (SIZE.0 * SIZE.1) as usize];
    (0..PRESSES)
        .map(|at| {
            let began = Instant::now();
            support::key(&counter.window, if at % 100 < 50 { Key::DownArrow } else { Key::UpArrow });
            black_box(counter.window.window().take_snapshot().unwrap());
            let painted = began.elapsed();
            let began = Instant::now();
            black_box(&mut pixels).fill(black_box(at as u32));
            (painted, began.elapsed())
        })
        .collect()
}

fn report(what: &str, taken: &mut [(Duration, Duration)]) {
    let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
    taken.sort();
    let (median, p99) = (taken[taken.len() / 2].0, taken[taken.len() * 99 / 100].0);
    let mut fills: Vec<_> = taken.iter().map(|(_, fill)| *fill).collect();
    fills.sort();
    let fill = fills[fills.len() / 2];
    println!(
        "{what}: median {:.1} ms, p99 {:.1} ms ({:.2} of 50 ms); filling the pixels {:.2} ms, ratio {:.1}",
        ms(median),
        ms(p99),
        ms(p99) / 50.0,
        ms(fill),
        ms(median) / ms(fill)
    );
}
