//! When to try the center again: back-off with jitter, never before the center's send window.
//!
//! Times here are of the monotonic clock.

use protocol::upload::SendWindow;

use crate::ports::Random;

/// Wait after the first failure.
pub const BACKOFF_MS_MIN: u64 = 1_000;

/// Longest wait after failures.
pub const BACKOFF_MS_MAX: u64 = 600_000;

/// Longest wait that a send window can ask for; more would be a slip of the center.
pub const WINDOW_MS_MAX: u64 = 3_600_000;

/// When the next attempt is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    failures: u32,
    not_before_ms: u64,
}

impl Pace {
    /// How long to wait from now; `None` when an attempt is due.
    pub fn wait_ms(&self, now_ms: u64) -> Option<u64> {
        let wait = self.not_before_ms.saturating_sub(now_ms);
        (wait > 0).then_some(wait)
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// After a failure: twice as long as the time before, at least `at_least_ms`, half of it by chance.
    ///
    /// `chance` spreads thousands of terminals that lost their center at the same moment.
    #[must_use]
    pub fn failed(self, now_ms: u64, at_least_ms: u64, chance: u32) -> Self {
        let doubled = BACKOFF_MS_MIN << self.failures.min(20);
        let full = doubled.max(at_least_ms).min(BACKOFF_MS_MAX.max(at_least_ms));
        let wait = full / 2 + scale(full - full / 2, chance);
        Pace { failures: self.failures.saturating_add(1), not_before_ms: now_ms.saturating_add(wait.max(1)) }
    }

    /// After an answer: not before the center's window, spread over its width.
    #[must_use]
    pub fn answered(self, now_ms: u64, window: SendWindow, chance: u32) -> Self {
        let wait = u64::from(window.after_ms) + scale(u64::from(window.spread_ms), chance);
        Pace { failures: 0, not_before_ms: now_ms.saturating_add(wait.min(WINDOW_MS_MAX)) }
    }

    /// Due at once: somebody asked for it.
    #[must_use]
    pub fn hurried(self) -> Self {
        Pace { not_before_ms: 0, ..self }
    }

    /// Due after a fixed time, without counting as a failure.
    #[must_use]
    pub fn rested(self, now_ms: u64, wait_ms: u64) -> Self {
        Pace { failures: 0, not_before_ms: now_ms.saturating_add(wait_ms) }
    }
}

/// A number to spread by.
pub(crate) fn draw(random: &mut dyn Random) -> u32 {
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

/// `chance` as a share of `width`.
fn scale(width: u64, chance: u32) -> u64 {
    ((u128::from(width) * u128::from(chance)) >> 32) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_are_spread() {
        let mut pace = Pace::default();
        let mut last = 0;
        for _ in 0..30 {
            let (early, late) = (pace.failed(5_000, 0, 0), pace.failed(5_000, 0, u32::MAX));
            let (early, late) = (early.wait_ms(5_000).unwrap_or(0), late.wait_ms(5_000).unwrap_or(0));
            assert!(early >= last / 2 && late >= early && late <= BACKOFF_MS_MAX, "{early} {late}");
            assert!(late - early >= early - 1, "half of the wait is chance");
            last = late;
            pace = pace.failed(5_000, 0, 7);
        }
        assert!(last > BACKOFF_MS_MAX - 1_000);
        assert_eq!(pace.answered(9, SendWindow { after_ms: 0, spread_ms: 0 }, 7).wait_ms(9), None);
    }

    #[test]
    fn the_window_holds() {
        let window = SendWindow { after_ms: 2_000, spread_ms: 500 };
        for chance in [0, 1 << 31, u32::MAX] {
            let wait = Pace::default().answered(100, window, chance).wait_ms(100).unwrap_or(0);
            assert!((2_000..2_500).contains(&wait), "{wait}");
        }
        let endless = SendWindow { after_ms: u32::MAX, spread_ms: u32::MAX };
        assert_eq!(Pace::default().answered(0, endless, u32::MAX).wait_ms(0), Some(WINDOW_MS_MAX));
    }
}
