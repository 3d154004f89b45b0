//! How a face ends when the system tells it to: as if its window were closed, so that lamps are dark and books are shut.

use std::{thread, time::Duration};

use nix::sys::signal::{SigSet, Signal};

/// How often the window is asked to close, while it may not have opened yet.
const ASK: Duration = Duration::from_millis(100);

/// How long a face that was told to end is waited for: a card may be in the middle of something.
const ENDS_MS_MAX: u64 = 20_000;

/// From now on SIGTERM and SIGINT close the window. Called first of all: threads that are there already would still end the
/// program at once.
///
/// A system that does not take it ends the program as it always did.
pub fn close_when_told() {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGINT);
    if signals.thread_block().is_err() {
        return;
    }
    thread::spawn(move || {
        let Ok(signal) = signals.wait() else { return };
        for _ in 0..ENDS_MS_MAX / 100 {
            // Fails as long as there is no event loop; the program ends by itself once that has ended.
            let _ = slint::quit_event_loop();
            thread::sleep(ASK);
        }
        std::process::exit(128 + signal as i32);
    });
}
