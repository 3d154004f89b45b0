//! The independent watchdog.

use crate::registers::{DBGMCU, IWDG};

/// The watchdog ends a run after about 8 s without news: 4000 counts of 32 kHz / 64. Erasing a sector takes 2 s.
const COUNTS: u16 = 4000;

/// The watchdog; it cannot be stopped.
#[derive(Debug)]
pub struct Watchdog {
    watchdog: IWDG,
}

impl Watchdog {
    /// Starts it. It stands still while a debugger holds the processor.
    pub fn start(watchdog: IWDG, debug: &DBGMCU) -> Self {
        debug.apb1_fz().modify(|_, w| w.dbg_iwdg_stop().set_bit());
        watchdog.kr().write(|w| w.key().unlock());
        watchdog.pr().write(|w| w.pr().divide_by64());
        watchdog.rlr().write(|w| w.rl().set(COUNTS));
        watchdog.kr().write(|w| w.key().start());
        Self { watchdog }
    }

    /// All is well.
    pub fn feed(&mut self) {
        self.watchdog.kr().write(|w| w.key().feed());
    }
}
