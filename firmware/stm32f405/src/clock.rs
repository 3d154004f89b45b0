//! Where the clocks come from, and what time it is.
//!
//! With its crystal the processor runs at 96 MHz and the USB interface at 48 MHz. When the crystal does not
//! start, everything goes on with the internal oscillator of 16 MHz, but for USB, for which that is too
//! inexact. Both ways a card's clock of 4 MHz can be made from the bus.
#![allow(unsafe_code, reason = "dividers, and the interrupt that counts milliseconds")]

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use cortex_m::peripheral::{SYST, syst::SystClkSource};

use crate::registers::{FLASH, PWR, RCC};

/// Frequency of the crystal, MHz: 8 on an Olimex STM32-H405.
pub const CRYSTAL_MHZ: u8 = 8;
/// Frequency of the internal oscillator.
const INTERNAL_HERTZ: u32 = 16_000_000;
/// Looks at a clock that does not become ready, before it is given up. A crystal takes some milliseconds; this
/// many take at least 30 ms at 16 MHz.
const LOOKS_MAX: u32 = 100_000;

/// What runs how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Processor and AHB, hertz.
    pub processor: u32,
    /// Bus of USART2 and USART3, hertz.
    pub apb1: u32,
    /// Bus of USART1 and USART6, hertz.
    pub apb2: u32,
    /// Whether USB and chance have their 48 MHz.
    pub has_48_mhz: bool,
}

impl Clocks {
    /// As it is after a reset.
    pub const INTERNAL: Self =
        Self { processor: INTERNAL_HERTZ, apb1: INTERNAL_HERTZ, apb2: INTERNAL_HERTZ, has_48_mhz: false };

    const CRYSTAL: Self =
        Self { processor: 96_000_000, apb1: 24_000_000, apb2: 48_000_000, has_48_mhz: true };
}

/// Starts crystal and PLL. Source: RM §7.2 and, for the flash's wait states, §3.5.1.
pub fn start(rcc: &RCC, flash: &FLASH, pwr: &PWR) -> Clocks {
    rcc.apb1enr().modify(|_, w| w.pwren().enabled());
    let _ = rcc.apb1enr().read();
    // Full speed is permitted to the voltage regulator.
    pwr.cr().modify(|_, w| w.vos().set_bit());
    rcc.cr().modify(|_, w| w.hseon().on());
    if !becomes(|| rcc.cr().read().hserdy().is_ready()) {
        return Clocks::INTERNAL;
    }
    // SAFETY: 8 / 8 × 192 = 192 MHz; divided by 2 for the processor, by 4 for USB: within RM §7.3.2.
    rcc.pllcfgr().write(|w| unsafe {
        w.pllsrc().hse().pllm().bits(CRYSTAL_MHZ).plln().bits(192).pllp().div2().pllq().bits(4)
    });
    rcc.cr().modify(|_, w| w.pllon().on());
    if !becomes(|| rcc.cr().read().pllrdy().is_ready()) {
        return Clocks::INTERNAL;
    }
    flash.acr().modify(|_, w| w.latency().ws3().icen().set_bit().dcen().set_bit());
    rcc.cfgr().modify(|_, w| w.hpre().div1().ppre1().div4().ppre2().div2());
    rcc.cfgr().modify(|_, w| w.sw().pll());
    if becomes(|| rcc.cfgr().read().sws().is_pll()) { Clocks::CRYSTAL } else { Clocks::INTERNAL }
}

fn becomes(ready: impl Fn() -> bool) -> bool {
    (0..LOOKS_MAX).any(|_| ready())
}

/// Milliseconds since [`start_time`]; wraps after 49 days, and [`now_ns`] with it.
static MILLIS: AtomicU32 = AtomicU32::new(0);
/// How often `MILLIS` has wrapped.
static WRAPS: AtomicU32 = AtomicU32::new(0);
/// Something has happened that the main loop wants to look at.
static NEWS: AtomicBool = AtomicBool::new(false);
/// Processor cycles of a millisecond.
static CYCLES: AtomicU32 = AtomicU32::new(INTERNAL_HERTZ / 1000);

/// Begins to count time.
pub fn start_time(clock: &mut SYST, clocks: &Clocks) {
    let cycles = clocks.processor / 1000;
    CYCLES.store(cycles, Ordering::Relaxed);
    clock.set_clock_source(SystClkSource::Core);
    clock.set_reload(cycles - 1);
    clock.clear_current();
    clock.enable_counter();
    clock.enable_interrupt();
}

/// Nanoseconds since [`start_time`].
pub fn now_ns() -> u64 {
    let cycles = CYCLES.load(Ordering::Relaxed).max(1);
    critical_section::with(|_| {
        let before = SYST::get_current();
        // A millisecond that is over, but not yet counted because interrupts are off here.
        let is_over = is_tick_pending();
        let left = if is_over { SYST::get_current() } else { before };
        let millis =
            u64::from(WRAPS.load(Ordering::Relaxed)) << 32 | u64::from(MILLIS.load(Ordering::Relaxed));
        let millis = millis + u64::from(is_over);
        let gone = u64::from(cycles.saturating_sub(1).saturating_sub(left));
        millis * 1_000_000 + gone * 1_000_000 / u64::from(cycles)
    })
}

fn is_tick_pending() -> bool {
    // SAFETY: only read.
    unsafe { (*cortex_m::peripheral::SCB::PTR).icsr.read() & 1 << 26 != 0 }
}

/// To be called by the handler of the SysTick exception.
pub fn on_tick() {
    let millis = MILLIS.load(Ordering::Relaxed).wrapping_add(1);
    MILLIS.store(millis, Ordering::Relaxed);
    if millis == 0 {
        WRAPS.store(WRAPS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

/// An interrupt has brought something for the main loop.
pub(crate) fn has_news() {
    NEWS.store(true, Ordering::Relaxed);
}

/// Forgets the news: whoever calls this looks at everything next.
pub fn forget_news() {
    NEWS.store(false, Ordering::Relaxed);
}

/// Sleeps until there is news, at the latest until this time; wakes once in a millisecond.
pub fn sleep_until(until_ns: u64) {
    loop {
        let is_over = critical_section::with(|_| {
            // With interrupts off a pending one still ends the sleep, so none is missed between question and sleep.
            if NEWS.load(Ordering::Relaxed) || now_ns() >= until_ns {
                return true;
            }
            cortex_m::asm::wfi();
            false
        });
        if is_over {
            return;
        }
    }
}
