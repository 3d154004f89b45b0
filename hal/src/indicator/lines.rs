//! Lamps and buzzer on numbered lines of the machine itself: which line is what, and taking them over.

use embedded_hal::digital::{InputPin, OutputPin, PinState};

use super::{
    IndicatorError,
    pins::{Levels, PinIndicator, Pins},
};

/// Which line is what; `None` for what hangs on none. On a Raspberry Pi by the numbers of the chip (BCM), not of the
/// header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// Green lamp.
    pub ready: Option<u8>,
    /// Yellow lamp.
    pub busy: Option<u8>,
    /// Red lamp.
    pub fault: Option<u8>,
    /// Buzzer.
    pub buzzer: Option<u8>,
    /// Tamper switch, to ground while the case is closed.
    pub tamper: Option<u8>,
    /// Which level lights a lamp and sounds the buzzer.
    pub levels: Levels,
}

impl Lines {
    /// All that are chosen, in the order of the fields.
    pub fn chosen(&self) -> impl Iterator<Item = u8> + use<> {
        [self.ready, self.busy, self.fault, self.buzzer, self.tamper].into_iter().flatten()
    }

    /// Errors: `SameLine` when one is chosen for two things.
    pub fn check(&self) -> Result<(), IndicatorError> {
        let mut seen = Vec::new();
        for line in self.chosen() {
            if seen.contains(&line) {
                return Err(IndicatorError::SameLine { line });
            }
            seen.push(line);
        }
        Ok(())
    }
}

/// Where lines are taken over: the chip of a machine.
pub trait LineChip {
    /// A line that is driven.
    type Output: OutputPin;
    /// A line that is read.
    type Input: InputPin;

    /// Takes a line over and drives it with this level at once.
    ///
    /// Errors: `NoLine`, `LineInUse`, `NotPermitted`, `Device`.
    fn output(&mut self, line: u8, level: PinState) -> Result<Self::Output, IndicatorError>;

    /// Takes a line over to read a switch to ground; an open one reads high.
    ///
    /// Errors: as for [`LineChip::output`].
    fn switch(&mut self, line: u8) -> Result<Self::Input, IndicatorError>;
}

/// Takes the lines over, all dark and silent. They are released when the indicator is dropped, as they are then: see
/// [`super::panel::Panel`], which darkens them before.
///
/// Errors: `SameLine`, and those of the chip; what was taken over before is released.
pub fn open<C: LineChip>(
    chip: &mut C,
    lines: &Lines,
) -> Result<PinIndicator<C::Output, C::Input>, IndicatorError> {
    lines.check()?;
    let mut output = |line: Option<u8>, on: PinState| line.map(|line| chip.output(line, !on)).transpose();
    let Levels { lamp_on, buzzer_on, .. } = lines.levels;
    let (ready, busy, fault) =
        (output(lines.ready, lamp_on)?, output(lines.busy, lamp_on)?, output(lines.fault, lamp_on)?);
    let buzzer = output(lines.buzzer, buzzer_on)?;
    let tamper = lines.tamper.map(|line| chip.switch(line)).transpose()?;
    PinIndicator::new(Pins { ready, busy, fault, buzzer, tamper }, lines.levels)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};

    use super::*;
    use crate::indicator::{Indicator, Lamp};

    /// A chip whose line 5 somebody else has, and whose lines end at 27.
    #[derive(Default)]
    struct Chip(Vec<(u8, PinState)>);

    impl LineChip for Chip {
        type Output = Mock;
        type Input = Mock;

        fn output(&mut self, line: u8, level: PinState) -> Result<Mock, IndicatorError> {
            match line {
                5 => Err(IndicatorError::LineInUse { line }),
                0..=27 => {
                    self.0.push((line, level));
                    let off =
                        Transaction::set(if level == PinState::High { State::High } else { State::Low });
                    let on = Transaction::set(if level == PinState::High { State::Low } else { State::High });
                    // Dark when it is opened; line 17 is lit and darkened afterwards.
                    Ok(if line == 17 { Mock::new(&[off.clone(), on, off]) } else { Mock::new(&[off]) })
                }
                _ => Err(IndicatorError::NoLine { line }),
            }
        }

        fn switch(&mut self, line: u8) -> Result<Mock, IndicatorError> {
            if line > 27 { Err(IndicatorError::NoLine { line }) } else { Ok(Mock::new(&[])) }
        }
    }

    fn done(indicator: PinIndicator<Mock, Mock>) {
        let Pins { ready, busy, fault, buzzer, tamper } = indicator.into_pins();
        [ready, busy, fault, buzzer, tamper].into_iter().flatten().for_each(|mut pin| pin.done());
    }

    #[test]
    fn lines_are_taken_over_dark_by_either_level() {
        for lamp_on in [PinState::High, PinState::Low] {
            let levels = Levels { lamp_on, buzzer_on: PinState::High, ..Levels::default() };
            let lines = Lines { ready: Some(17), buzzer: Some(23), levels, ..Lines::default() };
            let mut chip = Chip::default();
            let mut indicator = open(&mut chip, &lines).unwrap();
            assert_eq!(chip.0, [(17, !lamp_on), (23, PinState::Low)]);
            indicator.lamp(Lamp::Ready, true).unwrap();
            indicator.lamp(Lamp::Busy, true).unwrap();
            indicator.lamp(Lamp::Ready, false).unwrap();
            done(indicator);
        }
    }

    #[test]
    fn a_line_that_is_missing_busy_or_chosen_twice_is_told() {
        for (lines, error) in [
            (Lines { ready: Some(28), ..Lines::default() }, IndicatorError::NoLine { line: 28 }),
            (Lines { buzzer: Some(5), ..Lines::default() }, IndicatorError::LineInUse { line: 5 }),
            (Lines { tamper: Some(90), ..Lines::default() }, IndicatorError::NoLine { line: 90 }),
            (
                Lines { ready: Some(4), fault: Some(4), ..Lines::default() },
                IndicatorError::SameLine { line: 4 },
            ),
        ] {
            assert_eq!(open(&mut Chip::default(), &lines).err(), Some(error), "{lines:?}");
        }
    }
}
