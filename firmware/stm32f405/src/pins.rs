//! Pins, as data; and on the board itself their registers.

/// A port of 16 pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Port {
    /// PA0 to PA15.
    A,
    /// PB0 to PB15.
    B,
    /// PC0 to PC15.
    C,
}

/// A pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    /// Its port.
    pub port: Port,
    /// Its number, 0 to 15.
    pub number: u8,
}

impl Pin {
    /// A pin of this port.
    ///
    /// # Panics
    /// When there is none of this number; used in a constant, the build stops.
    pub const fn new(port: Port, number: u8) -> Self {
        assert!(number < 16, "a port has 16 pins");
        Self { port, number }
    }
}

impl core::fmt::Display for Pin {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "P{:?}{}", self.port, self.number)
    }
}

#[cfg(target_os = "none")]
pub use board::{Input, Output, Pull, alternate, alternate_open_drain, switch_on};

#[cfg(target_os = "none")]
mod board {
    #![allow(unsafe_code, reason = "a port's registers are found by its number")]

    use core::convert::Infallible;

    use embedded_hal::digital::{ErrorType, InputPin, OutputPin};

    use super::{Pin, Port};
    use crate::registers::{GPIOA, GPIOB, GPIOC, RCC, gpioi};

    /// What holds a pin that nobody drives.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Pull {
        /// Nothing.
        None,
        /// 40 kΩ to 3.3 V.
        Up,
    }

    /// Switches the ports on. To be called before any pin is used.
    pub fn switch_on(rcc: &RCC) {
        rcc.ahb1enr().modify(|_, w| w.gpioaen().enabled().gpioben().enabled().gpiocen().enabled());
        // The bus needs two cycles before it reaches what has just been switched on.
        let _ = rcc.ahb1enr().read();
    }

    fn port(pin: Pin) -> &'static gpioi::RegisterBlock {
        // SAFETY: all ports have the same registers (RM §8.4), and those of A and B differ in what they are after a
        // reset only. What is shared between pins is changed with interrupts off, or by writing set and reset bits.
        unsafe {
            &*match pin.port {
                Port::A => GPIOA::PTR.cast::<gpioi::RegisterBlock>(),
                Port::B => GPIOB::PTR.cast::<gpioi::RegisterBlock>(),
                Port::C => GPIOC::PTR.cast::<gpioi::RegisterBlock>(),
            }
        }
    }

    /// Mode: 0 input, 1 output, 2 alternate function. Source: RM §8.4.1.
    fn set_mode(pin: Pin, mode: u32, is_open_drain: bool, pull: Pull) {
        let at = 2 * u32::from(pin.number);
        let pull = u32::from(pull == Pull::Up);
        critical_section::with(|_| {
            let port = port(pin);
            // SAFETY: every value of these two bits has its meaning.
            unsafe {
                port.pupdr().modify(|r, w| w.bits(r.bits() & !(3 << at) | pull << at));
                port.otyper().modify(|r, w| {
                    w.bits(r.bits() & !(1 << pin.number) | u32::from(is_open_drain) << pin.number)
                });
                port.moder().modify(|r, w| w.bits(r.bits() & !(3 << at) | mode << at));
            }
        });
    }

    /// Gives a pin to what the chip calls alternate function `function`, 0 to 15.
    pub fn alternate(pin: Pin, function: u8, pull: Pull) {
        set_function(pin, function);
        set_mode(pin, 2, false, pull);
    }

    /// The same for a line that others drive too.
    pub fn alternate_open_drain(pin: Pin, function: u8) {
        set_function(pin, function);
        set_mode(pin, 2, true, Pull::Up);
    }

    fn set_function(pin: Pin, function: u8) {
        let at = 4 * u32::from(pin.number % 8);
        let function = u32::from(function & 0x0F);
        critical_section::with(|_| {
            let port = port(pin);
            // SAFETY: every value of these four bits has its meaning.
            unsafe {
                if pin.number < 8 {
                    port.afrl().modify(|r, w| w.bits(r.bits() & !(0x0F << at) | function << at));
                } else {
                    port.afrh().modify(|r, w| w.bits(r.bits() & !(0x0F << at) | function << at));
                }
            }
        });
    }

    /// A pin that we drive.
    #[derive(Debug)]
    pub struct Output {
        pin: Pin,
    }

    impl Output {
        /// Drives the pin, low from the beginning.
        pub fn new(pin: Pin) -> Self {
            let mut output = Self { pin };
            output.set(false);
            set_mode(pin, 1, false, Pull::None);
            output
        }

        /// Sets the pin.
        pub fn set(&mut self, is_high: bool) {
            let shift = if is_high { 0 } else { 16 };
            // SAFETY: writing ones to set and reset bits changes these pins only; zeros change nothing.
            port(self.pin).bsrr().write(|w| unsafe { w.bits(1 << (u32::from(self.pin.number) + shift)) });
        }
    }

    impl ErrorType for Output {
        type Error = Infallible;
    }

    impl OutputPin for Output {
        fn set_low(&mut self) -> Result<(), Infallible> {
            self.set(false);
            Ok(())
        }

        fn set_high(&mut self) -> Result<(), Infallible> {
            self.set(true);
            Ok(())
        }
    }

    /// A pin that we look at.
    #[derive(Debug)]
    pub struct Input {
        pin: Pin,
    }

    impl Input {
        /// Looks at the pin.
        pub fn new(pin: Pin, pull: Pull) -> Self {
            set_mode(pin, 0, false, pull);
            Self { pin }
        }

        /// Whether it is high.
        pub fn is_set(&self) -> bool {
            port(self.pin).idr().read().bits() & 1 << self.pin.number != 0
        }
    }

    impl ErrorType for Input {
        type Error = Infallible;
    }

    impl InputPin for Input {
        fn is_high(&mut self) -> Result<bool, Infallible> {
            Ok(self.is_set())
        }

        fn is_low(&mut self) -> Result<bool, Infallible> {
            Ok(!self.is_set())
        }
    }
}
