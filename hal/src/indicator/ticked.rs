//! An indicator whose tones end by themselves: a thread of its own moves them on.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Indicator, IndicatorError, Lamp, Tone};

/// Time between two ticks while a tone may be playing.
const TICK: Duration = Duration::from_millis(10);

/// No tone is longer.
const TONE_MS_MAX: u64 = 2_000;

/// Time between two ticks of an indicator that watches a switch, while it is silent.
const WATCH: Duration = Duration::from_millis(40);

struct State<I> {
    indicator: I,
    plays_until: Option<Instant>,
    ends: bool,
}

struct Shared<I> {
    state: Mutex<State<I>>,
    woken: Condvar,
}

impl<I> Shared<I> {
    fn lock(&self) -> MutexGuard<'_, State<I>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An indicator with a thread that ticks it: nobody else has to. Dropping it leaves everything dark and silent.
pub struct Ticked<I: Indicator + Send + 'static> {
    shared: Arc<Shared<I>>,
    thread: Option<JoinHandle<()>>,
}

impl<I: Indicator + Send + 'static> Ticked<I> {
    /// Ticks this one. `watches` ticks also while nothing sounds: for one that has a tamper switch.
    ///
    /// Errors: `Device` when the system has no thread left.
    pub fn new(indicator: I, watches: bool) -> Result<Self, IndicatorError> {
        let state = State { indicator, plays_until: None, ends: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), woken: Condvar::new() });
        let ticking = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("indicator".to_owned())
            .spawn(move || tick(&ticking, watches))
            .map_err(|_| IndicatorError::Device)?;
        Ok(Ticked { shared, thread: Some(thread) })
    }
}

fn tick<I: Indicator>(shared: &Shared<I>, watches: bool) {
    let start = Instant::now();
    let mut state = shared.lock();
    while !state.ends {
        let plays = state.plays_until.is_some_and(|end| Instant::now() < end);
        if plays || watches {
            let now_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            // A pin that does not obey is told to whoever switches it next.
            let _ = state.indicator.tick(now_ms);
            let nap = if plays { TICK } else { WATCH };
            state = shared.woken.wait_timeout(state, nap).unwrap_or_else(PoisonError::into_inner).0;
        } else {
            state = shared.woken.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
    let _ = state.indicator.off();
}

impl<I: Indicator + Send + 'static> Indicator for Ticked<I> {
    fn lamp(&mut self, lamp: Lamp, on: bool) -> Result<(), IndicatorError> {
        self.shared.lock().indicator.lamp(lamp, on)
    }

    fn sound(&mut self, tone: Tone) -> Result<(), IndicatorError> {
        let mut state = self.shared.lock();
        state.indicator.sound(tone)?;
        state.plays_until = Some(Instant::now() + Duration::from_millis(TONE_MS_MAX));
        self.shared.woken.notify_one();
        Ok(())
    }

    fn tick(&mut self, _: u64) -> Result<(), IndicatorError> {
        Ok(())
    }

    fn off(&mut self) -> Result<(), IndicatorError> {
        self.shared.lock().indicator.off()
    }

    fn tampered(&mut self) -> Result<bool, IndicatorError> {
        self.shared.lock().indicator.tampered()
    }

    fn clear_tamper(&mut self) -> Result<(), IndicatorError> {
        self.shared.lock().indicator.clear_tamper()
    }
}

impl<I: Indicator + Send + 'static> Drop for Ticked<I> {
    fn drop(&mut self) {
        self.shared.lock().ends = true;
        self.shared.woken.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl<I: Indicator + Send + 'static> std::fmt::Debug for Ticked<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticked").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use embedded_hal_mock::eh1::digital::{Mock, State as Level, Transaction};

    use super::*;
    use crate::indicator::pins::{Levels, PinIndicator, Pins};

    fn sets(levels: &[Level]) -> Mock {
        Mock::new(&levels.iter().map(|level| Transaction::set(*level)).collect::<Vec<_>>())
    }

    #[test]
    fn a_tone_ends_by_itself_and_the_end_is_dark() {
        use Level::{High, Low};
        let mut ready = sets(&[Low, High, Low]);
        let mut buzzer = sets(&[Low, High, Low, Low]);
        let pins: Pins<Mock, Mock> = Pins {
            ready: Some(ready.clone()),
            busy: None,
            fault: None,
            buzzer: Some(buzzer.clone()),
            tamper: None,
        };
        let mut ticked = Ticked::new(PinIndicator::new(pins, Levels::default()).unwrap(), false).unwrap();
        ticked.lamp(Lamp::Ready, true).unwrap();
        ticked.sound(Tone::Failed).unwrap();
        // A busy machine may stretch a tone, and merge short ones: so the long one.
        let end = Instant::now() + Duration::from_secs(5);
        while ticked.shared.lock().plays_until.is_some_and(|until| Instant::now() < until) {
            assert!(Instant::now() < end);
            thread::sleep(Duration::from_millis(20));
        }
        drop(ticked);
        ready.done();
        buzzer.done();
    }
}
