//! Time without ticks: timer 0 counts and wraps every 171 s, timer 1 ends a sleep.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use engine::time::{Duration, Instant};

use super::registers::{TimerRegister, read_timer, write_timer};

/// One count of a 25 MHz timer.
const COUNT: Duration = Duration(40);
const COUNTING: u8 = 0;
const WAKING: u8 = 1;
const ENABLED: u32 = 1 << 0;
const INTERRUPT_ENABLED: u32 = 1 << 3;

static WRAPS: AtomicU32 = AtomicU32::new(0);
/// Something has happened since the engine was polled.
static NEWS: AtomicBool = AtomicBool::new(false);

/// Starts the counting.
pub(super) fn start() {
    write_timer(COUNTING, TimerRegister::Reload, u32::MAX);
    write_timer(COUNTING, TimerRegister::Value, u32::MAX);
    write_timer(COUNTING, TimerRegister::Control, ENABLED | INTERRUPT_ENABLED);
}

/// Nanoseconds since the start, by 40. Wraps after 5,800 years.
pub(super) fn now() -> Instant {
    critical_section::with(|_| {
        let mut value = read_timer(COUNTING, TimerRegister::Value);
        let mut wraps = WRAPS.load(Ordering::Relaxed);
        if read_timer(COUNTING, TimerRegister::Interrupt) != 0 {
            // It has wrapped between these lines, and the handler waits for us.
            value = read_timer(COUNTING, TimerRegister::Value);
            wraps = wraps.wrapping_add(1);
        }
        let counts = (u64::from(wraps) << 32) | u64::from(u32::MAX - value);
        Instant(counts.wrapping_mul(COUNT.0))
    })
}

/// An interrupt has brought something for the engine, or its time has come.
pub(super) fn has_news() {
    NEWS.store(true, Ordering::Relaxed);
}

/// Forgets the news: whoever calls this looks at everything next.
pub(super) fn forget_news() {
    NEWS.store(false, Ordering::Relaxed);
}

/// Sleeps until there is news, at the latest until `until`.
pub(super) fn sleep(until: Instant) {
    let counts = (until - now()).0 / COUNT.0;
    // A timer of 0 would not run; one that is too long only wakes early.
    let counts = u32::try_from(counts).unwrap_or(u32::MAX).max(1);
    write_timer(WAKING, TimerRegister::Reload, 0);
    write_timer(WAKING, TimerRegister::Value, counts);
    write_timer(WAKING, TimerRegister::Control, ENABLED | INTERRUPT_ENABLED);
    critical_section::with(|_| {
        // With interrupts masked a pending one still ends the sleep, so none is missed between the question
        // and the sleep.
        if !NEWS.load(Ordering::Relaxed) {
            cortex_m::asm::wfi();
        }
    });
    write_timer(WAKING, TimerRegister::Control, 0);
    write_timer(WAKING, TimerRegister::Interrupt, 1);
}

/// Timer 0 has wrapped.
pub(super) fn on_wrapped() {
    write_timer(COUNTING, TimerRegister::Interrupt, 1);
    WRAPS.store(WRAPS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// Timer 1 has come to its end; that may be before the sleep has begun.
pub(super) fn on_due() {
    write_timer(WAKING, TimerRegister::Interrupt, 1);
    has_news();
}
