//! Alarm lamp and host line as the boot stage needs them: no interrupts, the internal oscillator of 16 MHz.

use crate::registers::{Peripherals, USART1};

/// Frequency after a reset.
pub const HERTZ: u32 = 16_000_000;
const BAUD: u32 = 115_200;

/// Alarm lamp on PB5, host line on PB6 and PB7.
pub struct Recovery {
    peripherals: Peripherals,
}

impl Recovery {
    /// Switches on what is needed.
    pub fn new(peripherals: Peripherals) -> Self {
        peripherals.RCC.ahb1enr().modify(|_, w| w.gpioben().enabled());
        peripherals.RCC.apb2enr().modify(|_, w| w.usart1en().enabled());
        // The bus needs two cycles before it reaches what has just been switched on.
        let _ = peripherals.RCC.apb2enr().read();
        peripherals.GPIOB.afrl().modify(|_, w| w.afrl6().af7().afrl7().af7());
        peripherals
            .GPIOB
            .moder()
            .modify(|_, w| w.moder5().output().moder6().alternate().moder7().alternate());
        peripherals.GPIOB.pupdr().modify(|_, w| w.pupdr7().pull_up());
        configure(&peripherals.USART1, HERTZ / BAUD);
        Self { peripherals }
    }

    /// The alarm lamp.
    pub fn set_alarm(&mut self, is_lit: bool) {
        self.peripherals.GPIOB.bsrr().write(|w| if is_lit { w.bs5().set_bit() } else { w.br5().set_bit() });
    }

    /// The next byte from the host.
    pub fn received(&mut self) -> Option<u8> {
        let host = &self.peripherals.USART1;
        let status = host.sr().read();
        // Reading the data clears an overrun, too.
        (status.rxne().bit() || status.ore().bit()).then(|| host.dr().read().dr().bits() as u8)
    }

    /// Sends one byte, waiting for at most two characters' time.
    pub fn send(&mut self, byte: u8) {
        let host = &self.peripherals.USART1;
        for _ in 0..HERTZ / BAUD * 22 {
            if host.sr().read().txe().bit() {
                break;
            }
        }
        host.dr().write(|w| w.dr().set(u16::from(byte)));
    }

    /// Switches off again what was switched on: the application finds everything as after a reset.
    pub fn release(self) {
        let rcc = &self.peripherals.RCC;
        rcc.apb2rstr().modify(|_, w| w.usart1rst().reset());
        rcc.ahb1rstr().modify(|_, w| w.gpiobrst().reset());
        rcc.apb2rstr().modify(|_, w| w.usart1rst().clear_bit());
        rcc.ahb1rstr().modify(|_, w| w.gpiobrst().clear_bit());
        rcc.apb2enr().modify(|_, w| w.usart1en().disabled());
        rcc.ahb1enr().modify(|_, w| w.gpioben().disabled());
    }
}

/// 8 bits, 2 stop bits.
fn configure(host: &USART1, divider: u32) {
    host.brr()
        .write(|w| w.div_mantissa().set((divider >> 4) as u16).div_fraction().set((divider & 0x0F) as u8));
    host.cr2().write(|w| w.stop().stop2());
    host.cr1().write(|w| w.ue().enabled().te().enabled().re().enabled());
}
