//! Lamps, buzzer and tamper switch on the header of a Raspberry Pi.
//!
//! The switch connects its pin to ground while the case is closed; the pin's own pull-up makes an open
//! case, and a cut wire, read high. Lamps and buzzer need a transistor: a pin gives 16 mA at most.

use std::fmt;

use rppal::gpio::{Gpio, InputPin, OutputPin};

use super::{
    IndicatorError,
    pins::{Levels, PinIndicator, Pins},
};

/// Which pin is what, by the numbers of the chip (BCM), not of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpiPins {
    /// Green lamp.
    pub ready: u8,
    /// Yellow lamp.
    pub busy: u8,
    /// Red lamp.
    pub fault: u8,
    /// Buzzer.
    pub buzzer: u8,
    /// Tamper switch, to ground.
    pub tamper: u8,
    /// Which level lights a lamp and sounds the buzzer.
    pub levels: Levels,
}

impl Default for RpiPins {
    /// Pins that no other function of a Pi claims by default.
    fn default() -> Self {
        RpiPins { ready: 17, busy: 27, fault: 22, buzzer: 23, tamper: 24, levels: Levels::default() }
    }
}

/// An indicator on a Raspberry Pi.
pub type RpiIndicator = PinIndicator<OutputPin, InputPin>;

/// Takes the pins over; they are released when the indicator is dropped.
///
/// Errors: no GPIO on this machine, no permission for it (group `gpio`), or a pin that is in use.
pub fn open(pins: &RpiPins) -> Result<RpiIndicator, RpiError> {
    let gpio = Gpio::new().map_err(RpiError::Gpio)?;
    let output = |number: u8| gpio.get(number).map(rppal::gpio::Pin::into_output).map_err(RpiError::Gpio);
    let pads = Pins {
        ready: output(pins.ready)?,
        busy: output(pins.busy)?,
        fault: output(pins.fault)?,
        buzzer: output(pins.buzzer)?,
        tamper: gpio.get(pins.tamper).map_err(RpiError::Gpio)?.into_input_pullup(),
    };
    PinIndicator::new(pads, pins.levels).map_err(RpiError::Indicator)
}

/// Takes over the pin that switches the power of a reader's USB port.
///
/// Errors: as [`open`].
pub fn power_switch(pin: u8) -> Result<OutputPin, RpiError> {
    let pin = Gpio::new().and_then(|gpio| gpio.get(pin)).map_err(RpiError::Gpio)?;
    Ok(pin.into_output_high())
}

/// Why the pins cannot be used. For the installer.
#[derive(Debug)]
#[non_exhaustive]
pub enum RpiError {
    /// The GPIO of this machine.
    Gpio(rppal::gpio::Error),
    /// A pin did not take its first level.
    Indicator(IndicatorError),
}

impl fmt::Display for RpiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gpio(error) => write!(f, "the pins of this machine cannot be used: {error}"),
            Self::Indicator(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RpiError {}
