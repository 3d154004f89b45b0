//! Lamps and buzzer of this terminal, wherever they hang.

use std::{thread, time::Duration};

use hal::{
    board::Board,
    indicator::{Indicator, IndicatorError, Lamp, Tone, board::BoardIndicator, lines::Lines, panel::Panel},
};
use terminal::setup::PinsChosen;

use crate::{board, config::Config, failure::Failure, options::Options};

/// Whether this program can drive lines of its machine: it was built with `rpi`.
pub const HAS_LINES: bool = cfg!(feature = "rpi");

/// How long a lamp shines that somebody looks at.
const SHOWN: Duration = Duration::from_millis(1_500);

/// One of the things that hang on a panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Green lamp.
    Ready,
    /// Yellow lamp.
    Busy,
    /// Red lamp.
    Fault,
    /// Buzzer.
    Buzzer,
}

impl Sign {
    /// All of them.
    pub const ALL: [Sign; 4] = [Sign::Ready, Sign::Busy, Sign::Fault, Sign::Buzzer];

    /// Its line among those that are chosen.
    pub fn line(self, pins: &PinsChosen) -> Option<u8> {
        match self {
            Sign::Ready => pins.ready,
            Sign::Busy => pins.busy,
            Sign::Fault => pins.fault,
            Sign::Buzzer => pins.buzzer,
        }
    }

    /// Chooses its line.
    pub fn set_line(self, pins: &mut PinsChosen, line: Option<u8>) {
        *match self {
            Sign::Ready => &mut pins.ready,
            Sign::Busy => &mut pins.busy,
            Sign::Fault => &mut pins.fault,
            Sign::Buzzer => &mut pins.buzzer,
        } = line;
    }
}

/// All that shines and sounds at this terminal: on the reader board, on lines of the machine. What cannot be used is
/// given beside it, and the rest works. Dropping the panel leaves everything dark.
pub fn open(options: &Options, config: &Config) -> (Panel, Option<IndicatorError>) {
    let mut parts: Vec<Box<dyn Indicator + Send>> = Vec::new();
    if let Some(board) = board::of(options, config) {
        parts.push(Box::new(BoardIndicator::new(board)));
    }
    let mut trouble = None;
    if let Some(pins) = &config.pins {
        match lines(pins) {
            Ok(indicator) => parts.push(indicator),
            Err(error) => trouble = Some(error),
        }
    }
    (Panel::of(parts), trouble)
}

/// Takes the lines over, all dark; tones end by themselves.
///
/// Errors: `SameLine`, `NoLine`, `LineInUse`, `NoLines` also for a program that was built without them, `NotPermitted`,
/// `Device`.
pub fn lines(pins: &PinsChosen) -> Result<Box<dyn Indicator + Send>, IndicatorError> {
    let lines = Lines {
        ready: pins.ready,
        busy: pins.busy,
        fault: pins.fault,
        buzzer: pins.buzzer,
        tamper: None,
        levels: levels(pins),
    };
    lines.check()?;
    take(&lines)
}

fn levels(pins: &PinsChosen) -> hal::indicator::pins::Levels {
    let mut levels = hal::indicator::pins::Levels::default();
    if pins.low {
        (levels.lamp_on, levels.buzzer_on) = (!levels.lamp_on, !levels.buzzer_on);
    }
    levels
}

#[cfg(feature = "rpi")]
fn take(chosen: &Lines) -> Result<Box<dyn Indicator + Send>, IndicatorError> {
    use hal::indicator::{lines, rpi::PiChip, ticked::Ticked};
    let pins = lines::open(&mut PiChip::open()?, chosen)?;
    Ok(Box::new(Ticked::new(pins, false)?))
}

#[cfg(not(feature = "rpi"))]
fn take(_: &Lines) -> Result<Box<dyn Indicator + Send>, IndicatorError> {
    Err(IndicatorError::NoLines)
}

/// Lets one lamp shine, or the buzzer sound, for a moment, so that somebody can say whether it does: on its line, else on
/// the board whose slot is named.
///
/// Errors: `Indicator`; `NoLines` where it hangs on neither.
pub fn try_sign(sign: Sign, pins: &PinsChosen, board: Option<&str>) -> Result<(), Failure> {
    if let Some(line) = pins.twice() {
        return Err(IndicatorError::SameLine { line }.into());
    }
    let part: Box<dyn Indicator + Send> = match (sign.line(pins), board) {
        (Some(line), _) => {
            let mut one = PinsChosen { low: pins.low, ..PinsChosen::default() };
            sign.set_line(&mut one, Some(line));
            lines(&one)?
        }
        (None, Some(board)) => Box::new(BoardIndicator::new(Board::new(board))),
        (None, None) => return Err(IndicatorError::NoLines.into()),
    };
    // Dark again whatever happens below.
    let mut panel = Panel::of(vec![part]);
    match sign {
        Sign::Ready => panel.lamp(Lamp::Ready, true)?,
        Sign::Busy => panel.lamp(Lamp::Busy, true)?,
        Sign::Fault => panel.lamp(Lamp::Fault, true)?,
        Sign::Buzzer => panel.sound(Tone::Failed)?,
    }
    thread::sleep(SHOWN);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_lines_says_so_and_two_things_on_one_line_are_refused() {
        let pins = PinsChosen { ready: Some(17), busy: Some(27), ..PinsChosen::default() };
        let is_pi =
            std::fs::read_to_string("/proc/device-tree/model").is_ok_and(|model| model.contains("Raspberry"));
        if !is_pi {
            assert_eq!(lines(&pins).err(), Some(IndicatorError::NoLines));
            for sign in Sign::ALL {
                assert!(matches!(
                    try_sign(sign, &pins, None),
                    Err(Failure::Indicator(IndicatorError::NoLines))
                ));
            }
        }
        let twice = PinsChosen { fault: Some(17), ..pins };
        assert_eq!(lines(&twice).err(), Some(IndicatorError::SameLine { line: 17 }));
        assert!(matches!(
            try_sign(Sign::Busy, &twice, None),
            Err(Failure::Indicator(IndicatorError::SameLine { line: 17 }))
        ));
    }
}
