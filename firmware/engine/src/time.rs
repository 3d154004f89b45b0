//! Time as the engine is told it.

use core::ops::{Add, Sub};

/// A moment, in nanoseconds since the board began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub u64);

impl Duration {
    /// So many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// So many microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros * 1_000)
    }

    /// So many cycles of a clock of `hertz`, rounded up.
    pub const fn from_cycles(cycles: u64, hertz: u32) -> Self {
        Self((cycles * 1_000_000_000).div_ceil(hertz as u64))
    }

    /// This many times.
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }
}

impl Instant {
    /// Whole milliseconds since the board began.
    pub fn millis(self) -> u64 {
        divide(self.0, 1_000_000)
    }

    /// Whole seconds since the board began.
    pub fn seconds(self) -> u32 {
        u32::try_from(divide(self.0, 1_000_000_000)).unwrap_or(u32::MAX)
    }
}

/// One place for the long division of 64 bits. Zero when there is nothing to divide by.
#[inline(never)]
pub(crate) fn divide(number: u64, by: u64) -> u64 {
    number.checked_div(by).unwrap_or(0)
}

impl Add<Duration> for Instant {
    type Output = Instant;

    // A call is shorter than an addition that cannot overflow, and there are many.
    #[inline(never)]
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(duration.0))
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// Zero when `earlier` is later.
    #[inline(never)]
    fn sub(self, earlier: Instant) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}
