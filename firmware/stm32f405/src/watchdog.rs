//! The independent watchdog, and who has ended the last run.

use crate::registers::{DBGMCU, IWDG, RCC};

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

/// Whether the last run was ended by the watchdog, told once.
pub fn has_bitten(rcc: &RCC) -> bool {
    let has_bitten = rcc.csr().read().wdgrstf().bit();
    rcc.csr().modify(|_, w| w.rmvf().set_bit());
    has_bitten
}
