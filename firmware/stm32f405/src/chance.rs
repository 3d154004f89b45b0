//! The generator of random numbers. Source: RM §24.

use crate::{
    clock::Clocks,
    registers::{RCC, RNG},
};

/// Looks at the generator before it is given up: a number takes 40 cycles of 48 MHz.
const LOOKS_MAX: u32 = 1_000;

/// The generator.
#[derive(Debug)]
pub struct Chance {
    generator: RNG,
    last: Option<u32>,
    is_clocked: bool,
}

impl Chance {
    /// Starts it.
    pub fn start(generator: RNG, rcc: &RCC, clocks: &Clocks) -> Self {
        rcc.ahb2enr().modify(|_, w| w.rngen().enabled());
        let _ = rcc.ahb2enr().read();
        generator.cr().modify(|_, w| w.rngen().enabled());
        Self { generator, last: None, is_clocked: clocks.has_48_mhz }
    }

    /// Fills with random bytes; false when the generator fails, or repeats itself. Source: RM §24.3.1, FIPS 140-2.
    pub fn fill(&mut self, bytes: &mut [u8]) -> bool {
        for part in bytes.chunks_mut(4) {
            let Some(number) = self.number() else { return false };
            for (place, byte) in part.iter_mut().zip(number.to_le_bytes()) {
                *place = byte;
            }
        }
        true
    }

    fn number(&mut self) -> Option<u32> {
        if !self.is_clocked {
            return None;
        }
        // The first number is only for comparison.
        if self.last.is_none() {
            self.last = self.raw();
        }
        let number = self.raw()?;
        let is_fresh = self.last != Some(number);
        self.last = Some(number);
        is_fresh.then_some(number)
    }

    fn raw(&mut self) -> Option<u32> {
        for _ in 0..LOOKS_MAX {
            let status = self.generator.sr().read();
            if status.seis().bit() || status.ceis().bit() {
                // Started anew for whoever asks next.
                self.generator.sr().modify(|_, w| w.seis().clear_bit().ceis().clear_bit());
                self.generator.cr().modify(|_, w| w.rngen().disabled());
                self.generator.cr().modify(|_, w| w.rngen().enabled());
                return None;
            }
            if status.drdy().bit() {
                return Some(self.generator.dr().read().rndata().bits());
            }
        }
        None
    }
}
