//! The battery-backed registers and the pin that erases them.
//!
//! The tamper input is PC13. The switch of the case is closed to ground while the case is, and a resistor pulls
//! the pin to the battery; opening the case makes a rising edge, upon which the hardware erases all 80 bytes, with
//! the board's power or without. Source: RM §26.3.11.

#![allow(unsafe_code, reason = "functions with names of their own, by pointers")]

use core::ptr;

use crate::registers::{PWR, RCC, RTC};

/// Bytes that are kept.
pub const VAULT_BYTES: usize = 80;

/// The registers.
#[derive(Debug)]
pub struct Vault {
    clock: RTC,
}

impl Vault {
    /// Opens the backup domain and arms the tamper input.
    pub fn start(clock: RTC, pwr: &PWR, rcc: &RCC) -> Self {
        rcc.apb1enr().modify(|_, w| w.pwren().enabled());
        let _ = rcc.apb1enr().read();
        pwr.cr().modify(|_, w| w.dbp().set_bit());
        // Any edge since the last time: what it erased is erased. The next is to be noticed again.
        clock.isr().modify(|_, w| w.tamp1f().clear());
        // As after a reset of the backup domain: edges without a filter, which need no clock, on PC13; 0 is the rising
        // one.
        clock.tafcr().write(|w| w.tamp1e().set_bit());
        Self { clock }
    }

    /// Reads all bytes.
    pub fn read(&mut self, bytes: &mut [u8; VAULT_BYTES]) {
        self.notice();
        jinbao_vault_read(ptr::from_mut(bytes));
    }

    /// Writes all bytes; false when they do not stay.
    pub fn write(&mut self, bytes: &[u8; VAULT_BYTES]) -> bool {
        self.notice();
        jinbao_vault_write(ptr::from_ref(bytes)) == 0
    }

    /// Arms the input again after an edge.
    fn notice(&mut self) {
        if self.clock.isr().read().tamp1f().bit() {
            self.clock.isr().modify(|_, w| w.tamp1f().clear());
        }
    }
}

// Functions with names of their own and in no other, so that an emulator without these registers can do their work.

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn jinbao_vault_read(bytes: *mut [u8; VAULT_BYTES]) {
    // SAFETY: the one caller hands over its array. These registers are read and written here only.
    let (bytes, clock) = unsafe { (&mut *bytes, &*RTC::PTR) };
    for (number, word) in bytes.chunks_mut(4).enumerate() {
        word.copy_from_slice(&clock.bkpr(number).read().bkp().bits().to_le_bytes());
    }
}

/// How many words do not stay.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn jinbao_vault_write(bytes: *const [u8; VAULT_BYTES]) -> u32 {
    // SAFETY: the one caller hands over its array. These registers are read and written here only.
    let (bytes, clock) = unsafe { (&*bytes, &*RTC::PTR) };
    let words =
        || bytes.chunks(4).map(|word| word.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte)));
    for (number, word) in words().enumerate() {
        clock.bkpr(number).write(|w| w.bkp().set(word));
    }
    words().enumerate().filter(|(number, word)| clock.bkpr(*number).read().bkp().bits() != *word).count()
        as u32
}
