//! Lamps, buzzer and tamper switch on the header of a Raspberry Pi.
//!
//! The switch connects its pin to ground while the case is closed; the pin's own pull-up makes an open
//! case, and a cut wire, read high. Lamps and buzzer need a transistor: a pin gives 16 mA at most.

use embedded_hal::digital::PinState;
use rppal::gpio::{Error, Gpio, InputPin, Level, OutputPin, Pin};

use super::{IndicatorError, lines::LineChip};

/// The pins of a Raspberry Pi, by the numbers of the chip (BCM). Pins are released when they are dropped.
#[derive(Debug)]
pub struct PiChip(Gpio);

impl PiChip {
    /// The pins of this machine.
    ///
    /// Errors: `NoLines` on a machine that is no Pi, `NotPermitted` (group `gpio`), `Device`.
    pub fn open() -> Result<Self, IndicatorError> {
        // The number is of no account: no pin is meant yet.
        Gpio::new().map(PiChip).map_err(|error| trouble(&error, 0))
    }

    /// Takes over the pin that switches the power of a reader's USB port; it is on.
    ///
    /// Errors: as for [`LineChip::output`].
    pub fn power_switch(&self, line: u8) -> Result<OutputPin, IndicatorError> {
        Ok(self.pin(line)?.into_output_high())
    }

    fn pin(&self, line: u8) -> Result<Pin, IndicatorError> {
        self.0.get(line).map_err(|error| trouble(&error, line))
    }
}

impl LineChip for PiChip {
    type Output = OutputPin;
    type Input = InputPin;

    fn output(&mut self, line: u8, level: PinState) -> Result<OutputPin, IndicatorError> {
        let level = if level == PinState::High { Level::High } else { Level::Low };
        Ok(match level {
            Level::High => self.pin(line)?.into_output_high(),
            Level::Low => self.pin(line)?.into_output_low(),
        })
    }

    fn switch(&mut self, line: u8) -> Result<InputPin, IndicatorError> {
        Ok(self.pin(line)?.into_input_pullup())
    }
}

fn trouble(error: &Error, line: u8) -> IndicatorError {
    match error {
        Error::UnknownModel => IndicatorError::NoLines,
        Error::PinUsed(line) => IndicatorError::LineInUse { line: *line },
        Error::PinNotAvailable(line) => IndicatorError::NoLine { line: *line },
        Error::PermissionDenied(_) => IndicatorError::NotPermitted,
        Error::Io(error) => match error.kind() {
            std::io::ErrorKind::NotFound => IndicatorError::NoLines,
            std::io::ErrorKind::PermissionDenied => IndicatorError::NotPermitted,
            std::io::ErrorKind::ResourceBusy => IndicatorError::LineInUse { line },
            _ => IndicatorError::Device,
        },
        _ => IndicatorError::Device,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_no_pi_says_so() {
        let is_pi =
            std::fs::read_to_string("/proc/device-tree/model").is_ok_and(|model| model.contains("Raspberry"));
        if !is_pi {
            assert_eq!(PiChip::open().err(), Some(IndicatorError::NoLines));
        }
    }
}
