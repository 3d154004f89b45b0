//! How far the terminal's clock can be trusted.
//!
//! Sequence numbers order records; time is an attribute with a quality. The center's clock is learnt at each
//! exchange, kept over restarts, and compared with how the monotonic clock has gone since.

use hal::clock::Clock;
use protocol::{
    limits::OfflineLimits,
    timestamp::{ClockQuality, Timestamp},
};
use serde::{Deserialize, Serialize};

use crate::{
    audit::{Actor, AuditEvent},
    ledger::{Ledger, LedgerError},
};

/// A comparison with the center counts this long.
pub const CHECKED_MS_MAX: i64 = 24 * 3_600_000;

/// Small steps back, as time services make them, are no doubt.
pub const BACK_MS_MAX: i64 = 2_000;

/// A comparison is written down again when the offset has moved by this much.
const SAVED_OFFSET_MS: i64 = 1_000;

/// A comparison is written down again after this long.
const SAVED_MS: i64 = 3_600_000;

const SETTING: &str = "clock";

/// Both clocks, read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Wall clock; may be wrong.
    pub wall: Timestamp,
    /// Monotonic clock, milliseconds since some start.
    pub monotonic_ms: u64,
}

impl Now {
    /// Reads both.
    pub fn of(clock: &dyn Clock) -> Self {
        Now { wall: Timestamp(clock.unix_ms()), monotonic_ms: clock.monotonic_ms() }
    }
}

/// How far the center's clock is ahead of ours. `sent` and `now` are before and after the exchange, half of which is taken
/// for the way.
pub fn offset_ms(center: Timestamp, sent: Now, now: Now) -> i64 {
    let way_ms = now.monotonic_ms.saturating_sub(sent.monotonic_ms) / 2;
    center.0.saturating_add(i64::try_from(way_ms).unwrap_or(0)).saturating_sub(now.wall.0)
}

/// One comparison with the center's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Comparison {
    /// How far the center's clock was ahead of ours.
    offset_ms: i64,
    /// Our wall clock at that moment.
    at: Timestamp,
}

/// What is known of the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockWatch {
    compared: Option<Comparison>,
    /// Monotonic clock at the comparison; `None` when it was made before the last restart.
    monotonic_ms: Option<u64>,
    saved: Option<Comparison>,
}

impl ClockWatch {
    /// What was known before the restart.
    pub fn load(ledger: &Ledger) -> Result<Self, LedgerError> {
        let compared = ledger.setting(SETTING)?.and_then(|text| serde_json::from_str(&text).ok());
        Ok(ClockWatch { compared, monotonic_ms: None, saved: compared })
    }

    /// Learns the center's clock. `sent` and `now` are before and after the exchange.
    ///
    /// Half the exchange is taken for the way. Written down when it has changed; a clock that differs by more
    /// than the limit is audited then.
    pub fn learn(
        &mut self,
        center: Timestamp,
        sent: Now,
        now: Now,
        ledger: &mut Ledger,
        limits: &OfflineLimits,
    ) -> Result<(), LedgerError> {
        let offset_ms = offset_ms(center, sent, now);
        let compared = Comparison { offset_ms, at: now.wall };
        self.compared = Some(compared);
        self.monotonic_ms = Some(now.monotonic_ms);
        let moved = self.saved.is_none_or(|saved| {
            (offset_ms.saturating_sub(saved.offset_ms)).saturating_abs() >= SAVED_OFFSET_MS
                || now.wall.0.saturating_sub(saved.at.0).saturating_abs() >= SAVED_MS
        });
        if moved {
            let was_doubtful =
                self.saved.is_some_and(|saved| saved.offset_ms.saturating_abs() > limits.clock_skew_max_ms);
            let text = serde_json::to_string(&compared).unwrap_or_default();
            ledger.set_setting(SETTING, &text)?;
            self.saved = Some(compared);
            if offset_ms.saturating_abs() > limits.clock_skew_max_ms && !was_doubtful {
                ledger.audit(now.wall, Actor::default(), &AuditEvent::ClockDoubtful { offset_ms })?;
            }
        }
        Ok(())
    }

    /// How far the wall clock can be trusted now.
    ///
    /// `last_recorded_at` is the wall time of the last record: a clock before it has run backwards.
    pub fn quality(
        &self,
        now: Now,
        last_recorded_at: Option<Timestamp>,
        limits: &OfflineLimits,
    ) -> ClockQuality {
        let behind = |earlier: Timestamp| now.wall.0 < earlier.0.saturating_sub(BACK_MS_MAX);
        if last_recorded_at.is_some_and(behind) {
            return ClockQuality::Doubtful;
        }
        let Some(compared) = self.compared else { return ClockQuality::Unchecked };
        let off = compared.offset_ms.saturating_add(self.jump_ms(now).unwrap_or(0));
        if behind(compared.at) || off.saturating_abs() > limits.clock_skew_max_ms {
            return ClockQuality::Doubtful;
        }
        let age_ms = match self.monotonic_ms {
            Some(then) => i64::try_from(now.monotonic_ms.saturating_sub(then)).unwrap_or(i64::MAX),
            None => now.wall.0.saturating_sub(compared.at.0),
        };
        if age_ms <= CHECKED_MS_MAX { ClockQuality::Checked } else { ClockQuality::Unchecked }
    }

    /// The center's time as far as it is known, else the wall clock's.
    pub fn center_time(&self, now: Now) -> Timestamp {
        match (self.compared, self.monotonic_ms) {
            // Independent of anything that was done to the wall clock since.
            (Some(compared), Some(then)) => {
                let since_ms = i64::try_from(now.monotonic_ms.saturating_sub(then)).unwrap_or(i64::MAX);
                compared.at.plus_ms(compared.offset_ms).plus_ms(since_ms)
            }
            (Some(compared), None) => now.wall.plus_ms(compared.offset_ms),
            (None, _) => now.wall,
        }
    }

    /// How far the center's clock was ahead at the last comparison.
    pub fn offset_ms(&self) -> Option<i64> {
        self.compared.map(|compared| compared.offset_ms)
    }

    /// How far the wall clock has fallen behind the monotonic one since the comparison: it was set.
    fn jump_ms(&self, now: Now) -> Option<i64> {
        let (compared, then) = (self.compared?, self.monotonic_ms?);
        let monotonic = i64::try_from(now.monotonic_ms.saturating_sub(then)).ok()?;
        Some(monotonic.saturating_sub(now.wall.0.saturating_sub(compared.at.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn watch(offset_ms: i64) -> ClockWatch {
        let compared = Comparison { offset_ms, at: Timestamp(1_000 * HOUR_MS) };
        ClockWatch { compared: Some(compared), monotonic_ms: Some(50), saved: Some(compared) }
    }

    fn after(wall_ms: i64, monotonic_ms: i64) -> Now {
        Now {
            wall: Timestamp(1_000 * HOUR_MS + wall_ms),
            monotonic_ms: 50 + u64::try_from(monotonic_ms).unwrap_or(0),
        }
    }

    #[test]
    fn quality_follows_comparison_and_age() {
        let limits = OfflineLimits::default();
        let quality = |watch: ClockWatch, now: Now| watch.quality(now, None, &limits);
        assert_eq!(quality(ClockWatch::default(), after(0, 0)), ClockQuality::Unchecked);
        assert_eq!(quality(watch(500), after(HOUR_MS, HOUR_MS)), ClockQuality::Checked);
        assert_eq!(quality(watch(500), after(25 * HOUR_MS, 25 * HOUR_MS)), ClockQuality::Unchecked);
        assert_eq!(quality(watch(365 * 24 * HOUR_MS), after(0, 0)), ClockQuality::Doubtful, "a year off");
        assert_eq!(quality(watch(0), after(3 * HOUR_MS, HOUR_MS)), ClockQuality::Doubtful, "set forward");
        assert_eq!(quality(watch(0), after(-HOUR_MS, HOUR_MS)), ClockQuality::Doubtful, "set back");
        let restarted = ClockWatch { monotonic_ms: None, ..watch(0) };
        assert_eq!(quality(restarted, after(HOUR_MS, 0)), ClockQuality::Checked);
        assert_eq!(quality(restarted, after(-HOUR_MS, 0)), ClockQuality::Doubtful);
    }

    #[test]
    fn a_clock_before_the_last_record_is_doubtful() {
        let limits = OfflineLimits::default();
        let now = after(0, 0);
        let last = |ms| Some(now.wall.plus_ms(ms));
        assert_eq!(watch(0).quality(now, last(BACK_MS_MAX), &limits), ClockQuality::Checked);
        assert_eq!(watch(0).quality(now, last(BACK_MS_MAX + 1), &limits), ClockQuality::Doubtful);
    }

    #[test]
    fn center_time_survives_a_set_clock() {
        let expected = Timestamp(1_000 * HOUR_MS + 700 + HOUR_MS);
        assert_eq!(watch(700).center_time(after(HOUR_MS, HOUR_MS)), expected);
        assert_eq!(watch(700).center_time(after(-99 * HOUR_MS, HOUR_MS)), expected);
    }
}
