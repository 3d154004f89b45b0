//! Lamps, buzzer and tamper switch on pins of any board that has embedded-hal pins.

use embedded_hal::digital::{InputPin, OutputPin, PinState};

use super::{Indicator, IndicatorError, LAMPS, Lamp, Tone};

/// How long the switch must say the same before it is believed: contacts bounce, and cables catch noise.
pub const DEBOUNCE_MS: u64 = 30;

/// Milliseconds of a tone, on and off in turn, beginning with on.
const DONE_MS: &[u64] = &[80];
const ATTENTION_MS: &[u64] = &[80, 80, 80];
const FAILED_MS: &[u64] = &[600];

/// The pins of one terminal; `None` for what it does not have. A lamp that is not there is switched without a word, a
/// case without a switch counts as closed.
#[derive(Debug)]
pub struct Pins<O, I> {
    /// Green lamp.
    pub ready: Option<O>,
    /// Yellow lamp.
    pub busy: Option<O>,
    /// Red lamp.
    pub fault: Option<O>,
    /// Buzzer with its own oscillator: on is loud.
    pub buzzer: Option<O>,
    /// Switch that is pressed while the case is closed.
    pub tamper: Option<I>,
}

/// Which level means what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// A lamp shines.
    pub lamp_on: PinState,
    /// The buzzer sounds.
    pub buzzer_on: PinState,
    /// The case is open. High when the closed switch pulls the pin to ground, so that a cut wire counts
    /// as an open case.
    pub case_open: PinState,
}

impl Default for Levels {
    fn default() -> Self {
        Levels { lamp_on: PinState::High, buzzer_on: PinState::High, case_open: PinState::High }
    }
}

/// An indicator on pins.
///
/// All times come in by [`Indicator::tick`]; the switch is read there. The tamper latch lives as long as
/// this value: what must survive a restart has to be stored by the terminal. A case that is opened while
/// the terminal is without power is noticed only if it is still open later.
#[derive(Debug)]
pub struct PinIndicator<O, I> {
    pins: Pins<O, I>,
    levels: Levels,
    tone: Option<Playing>,
    switch: Switch,
    tampered: bool,
}

#[derive(Debug)]
struct Playing {
    pattern: &'static [u64],
    /// Time of the first tick after the tone was asked for.
    start_ms: Option<u64>,
    loud: bool,
}

/// The switch, debounced.
#[derive(Debug, Default)]
struct Switch {
    /// What it says, and since when without a break.
    reading: Option<(bool, u64)>,
    /// Whether the case is open, as far as that has been confirmed.
    open: Option<bool>,
}

impl<O: OutputPin, I: InputPin> PinIndicator<O, I> {
    /// Takes the pins over, all lamps and the buzzer off.
    ///
    /// Errors: `Device` when a pin cannot be set.
    pub fn new(pins: Pins<O, I>, levels: Levels) -> Result<Self, IndicatorError> {
        let mut indicator =
            PinIndicator { pins, levels, tone: None, switch: Switch::default(), tampered: false };
        indicator.off()?;
        Ok(indicator)
    }

    /// Gives the pins back as they are.
    pub fn into_pins(self) -> Pins<O, I> {
        self.pins
    }

    fn set_buzzer(&mut self, on: bool) -> Result<(), IndicatorError> {
        let level = if on { self.levels.buzzer_on } else { !self.levels.buzzer_on };
        set(&mut self.pins.buzzer, level)
    }

    fn reads_open(&mut self) -> Result<bool, IndicatorError> {
        let Some(tamper) = &mut self.pins.tamper else { return Ok(false) };
        let high = tamper.is_high().map_err(|_| IndicatorError::Device)?;
        Ok(PinState::from(high) == self.levels.case_open)
    }

    fn play(&mut self, now_ms: u64) -> Result<(), IndicatorError> {
        let Some(tone) = &mut self.tone else { return Ok(()) };
        let start_ms = *tone.start_ms.get_or_insert(now_ms);
        let mut end_ms = start_ms;
        let segment = tone.pattern.iter().position(|length_ms| {
            end_ms += length_ms;
            now_ms < end_ms
        });
        // Segments alternate; the first is loud.
        let loud = segment.is_some_and(|segment| segment % 2 == 0);
        let changed = tone.loud != loud;
        tone.loud = loud;
        if segment.is_none() {
            self.tone = None;
        }
        if changed { self.set_buzzer(loud) } else { Ok(()) }
    }

    fn watch_case(&mut self, now_ms: u64) -> Result<(), IndicatorError> {
        let open = self.reads_open()?;
        if self.switch.settle(open, now_ms) == Some(true) {
            self.tampered = true;
        }
        Ok(())
    }
}

fn set<O: OutputPin>(pin: &mut Option<O>, level: PinState) -> Result<(), IndicatorError> {
    pin.as_mut().map_or(Ok(()), |pin| pin.set_state(level).map_err(|_| IndicatorError::Device))
}

impl Switch {
    /// Takes a reading in and gives what is confirmed by now.
    fn settle(&mut self, open: bool, now_ms: u64) -> Option<bool> {
        match self.reading {
            Some((before, since_ms)) if before == open => {
                if now_ms.saturating_sub(since_ms) >= DEBOUNCE_MS {
                    self.open = Some(open);
                }
            }
            _ => self.reading = Some((open, now_ms)),
        }
        self.open
    }
}

impl<O: OutputPin, I: InputPin> Indicator for PinIndicator<O, I> {
    fn lamp(&mut self, lamp: Lamp, on: bool) -> Result<(), IndicatorError> {
        let level = if on { self.levels.lamp_on } else { !self.levels.lamp_on };
        let pin = match lamp {
            Lamp::Ready => &mut self.pins.ready,
            Lamp::Busy => &mut self.pins.busy,
            Lamp::Fault => &mut self.pins.fault,
        };
        set(pin, level)
    }

    fn off(&mut self) -> Result<(), IndicatorError> {
        self.tone = None;
        let dark: Result<(), _> = LAMPS.map(|lamp| self.lamp(lamp, false)).into_iter().collect();
        let silent = self.set_buzzer(false);
        dark.and(silent)
    }

    fn sound(&mut self, tone: Tone) -> Result<(), IndicatorError> {
        let pattern = match tone {
            Tone::Done => DONE_MS,
            Tone::Attention => ATTENTION_MS,
            Tone::Failed => FAILED_MS,
        };
        self.set_buzzer(true)?;
        self.tone = Some(Playing { pattern, start_ms: None, loud: true });
        Ok(())
    }

    fn tick(&mut self, monotonic_ms: u64) -> Result<(), IndicatorError> {
        // The case is watched even when the buzzer is broken.
        let played = self.play(monotonic_ms);
        self.watch_case(monotonic_ms)?;
        played
    }

    fn tampered(&mut self) -> Result<bool, IndicatorError> {
        if !self.tampered && self.switch.open.is_none() {
            // Nobody has ticked long enough to know; an open case must not count as closed meanwhile.
            return self.reads_open();
        }
        Ok(self.tampered)
    }

    fn clear_tamper(&mut self) -> Result<(), IndicatorError> {
        if self.pins.tamper.is_none() {
            return Ok(());
        }
        if self.reads_open()? || self.switch.open != Some(false) {
            return Err(IndicatorError::CaseOpen);
        }
        self.tampered = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use embedded_hal_mock::eh1::{
        MockError,
        digital::{Mock, State, Transaction},
    };

    const LOW: State = State::Low;
    const HIGH: State = State::High;

    fn sets(levels: &[State]) -> Mock {
        Mock::new(&levels.iter().map(|level| Transaction::set(*level)).collect::<Vec<_>>())
    }

    fn reads(levels: &[State]) -> Mock {
        Mock::new(&levels.iter().map(|level| Transaction::get(*level)).collect::<Vec<_>>())
    }

    /// Lamps are switched off once; what buzzer and switch see is given.
    fn indicator(buzzer: &[State], tamper: &[State]) -> PinIndicator<Mock, Mock> {
        let buzzer = sets(&[&[LOW], buzzer].concat());
        let pins = Pins {
            ready: Some(sets(&[LOW])),
            busy: Some(sets(&[LOW])),
            fault: Some(sets(&[LOW])),
            buzzer: Some(buzzer),
            tamper: Some(reads(tamper)),
        };
        PinIndicator::new(pins, Levels::default()).unwrap()
    }

    /// Checks that every pin saw exactly what was expected.
    fn done(indicator: PinIndicator<Mock, Mock>) {
        let Pins { ready, busy, fault, buzzer, tamper } = indicator.into_pins();
        for mut pin in [ready, busy, fault, buzzer, tamper].into_iter().flatten() {
            pin.done();
        }
    }

    #[test]
    fn lamps_by_either_level() {
        for (lamp_on, on, off) in [(PinState::High, HIGH, LOW), (PinState::Low, LOW, HIGH)] {
            let pins = Pins {
                ready: Some(sets(&[off, on, off])),
                busy: Some(sets(&[off])),
                fault: Some(sets(&[off, on])),
                buzzer: Some(sets(&[LOW])),
                tamper: Some(reads(&[])),
            };
            let mut indicator = PinIndicator::new(pins, Levels { lamp_on, ..Levels::default() }).unwrap();
            indicator.lamp(Lamp::Ready, true).unwrap();
            indicator.lamp(Lamp::Fault, true).unwrap();
            indicator.lamp(Lamp::Ready, false).unwrap();
            done(indicator);
        }
    }

    #[test]
    fn each_tone_has_its_pattern() {
        for (tone, changes) in [
            (Tone::Done, vec![(0, true), (80, false)]),
            (Tone::Attention, vec![(0, true), (80, false), (160, true), (240, false)]),
            (Tone::Failed, vec![(0, true), (600, false)]),
        ] {
            let levels: Vec<State> = changes.iter().map(|(_, on)| if *on { HIGH } else { LOW }).collect();
            let mut indicator = indicator(&levels, &[LOW; 80]);
            indicator.sound(tone).unwrap();
            let mut heard = vec![(0, true)];
            for tick in 0..80 {
                let before = indicator.tone.as_ref().is_some_and(|tone| tone.loud);
                indicator.tick(1_000 + 10 * tick).unwrap();
                let after = indicator.tone.as_ref().is_some_and(|tone| tone.loud);
                if before != after {
                    heard.push((10 * tick, after));
                }
            }
            assert_eq!(heard, changes, "{tone:?}");
            done(indicator);
        }
    }

    #[test]
    fn a_late_tick_ends_a_tone_and_a_new_tone_replaces_it() {
        let mut late = indicator(&[HIGH, LOW], &[LOW; 3]);
        late.sound(Tone::Attention).unwrap();
        late.tick(0).unwrap();
        late.tick(10_000).unwrap();
        late.tick(10_050).unwrap();
        done(late);
        let mut replaced = indicator(&[HIGH, HIGH, LOW], &[LOW; 3]);
        replaced.sound(Tone::Failed).unwrap();
        replaced.tick(0).unwrap();
        replaced.sound(Tone::Done).unwrap();
        replaced.tick(50).unwrap();
        replaced.tick(130).unwrap();
        done(replaced);
    }

    #[test]
    fn an_opened_case_is_latched_until_it_is_closed_and_cleared() {
        let mut opened = indicator(&[], &[LOW, LOW, HIGH, HIGH, HIGH, LOW, LOW, LOW, LOW]);
        opened.tick(0).unwrap();
        opened.tick(30).unwrap();
        assert!(!opened.tampered().unwrap());
        opened.tick(60).unwrap();
        assert!(!opened.tampered().unwrap(), "one reading may be noise");
        opened.tick(90).unwrap();
        assert!(opened.tampered().unwrap());
        assert_eq!(opened.clear_tamper(), Err(IndicatorError::CaseOpen), "reads open");
        opened.tick(120).unwrap();
        assert_eq!(opened.clear_tamper(), Err(IndicatorError::CaseOpen), "closed, but not long enough");
        assert!(opened.tampered().unwrap());
        opened.tick(150).unwrap();
        opened.clear_tamper().unwrap();
        assert!(!opened.tampered().unwrap());
        done(opened);
    }

    #[test]
    fn bounces_are_no_tampering() {
        let bounces = [LOW, LOW, LOW, HIGH, LOW, HIGH, LOW, HIGH, HIGH, LOW];
        let mut bouncing = indicator(&[], &bounces);
        for tick in 0..10 {
            bouncing.tick(20 * tick).unwrap();
            if tick >= 2 {
                assert!(!bouncing.tampered().unwrap(), "tick {tick}");
            }
        }
        done(bouncing);
    }

    #[test]
    fn a_case_that_is_open_at_the_start_counts_at_once() {
        let mut open = indicator(&[], &[HIGH, HIGH, HIGH]);
        assert!(open.tampered().unwrap());
        open.tick(0).unwrap();
        open.tick(30).unwrap();
        assert!(open.tampered().unwrap());
        done(open);
    }

    #[test]
    fn a_broken_pin_is_told() {
        let broken = || MockError::Io(std::io::ErrorKind::NotConnected);
        let tamper = Mock::new(&[Transaction::get(LOW).with_error(broken())]);
        let buzzer = Mock::new(&[Transaction::set(LOW), Transaction::set(HIGH).with_error(broken())]);
        let lamp = || Some(sets(&[LOW]));
        let pins =
            Pins { ready: lamp(), busy: lamp(), fault: lamp(), buzzer: Some(buzzer), tamper: Some(tamper) };
        let mut indicator = PinIndicator::new(pins, Levels::default()).unwrap();
        assert_eq!(indicator.sound(Tone::Done), Err(IndicatorError::Device));
        assert_eq!(indicator.tick(0), Err(IndicatorError::Device));
        done(indicator);
    }

    #[test]
    fn what_is_not_there_is_switched_without_a_word_and_all_ends_dark() {
        let pins: Pins<Mock, Mock> = Pins {
            ready: None,
            busy: None,
            fault: Some(sets(&[LOW, HIGH, LOW])),
            buzzer: Some(sets(&[LOW, HIGH, LOW])),
            tamper: None,
        };
        let mut few = PinIndicator::new(pins, Levels::default()).unwrap();
        few.lamp(Lamp::Ready, true).unwrap();
        few.lamp(Lamp::Fault, true).unwrap();
        few.sound(Tone::Failed).unwrap();
        few.tick(0).unwrap();
        assert!(!few.tampered().unwrap());
        few.clear_tamper().unwrap();
        few.off().unwrap();
        // The tone has ended with it.
        few.tick(700).unwrap();
        done(few);
    }

    #[test]
    fn one_broken_lamp_leaves_no_other_shining() {
        let broken = MockError::Io(std::io::ErrorKind::NotConnected);
        let pins: Pins<Mock, Mock> = Pins {
            ready: Some(Mock::new(&[Transaction::set(LOW), Transaction::set(LOW).with_error(broken)])),
            busy: Some(sets(&[LOW, LOW])),
            fault: Some(sets(&[LOW, LOW])),
            buzzer: Some(sets(&[LOW, LOW])),
            tamper: None,
        };
        let mut indicator = PinIndicator::new(pins, Levels::default()).unwrap();
        assert_eq!(indicator.off(), Err(IndicatorError::Device));
        done(indicator);
    }
}
