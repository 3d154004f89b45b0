//! The number that each chip has of its own.
#![allow(unsafe_code, reason = "a number at a fixed address")]

use core::ptr;

/// Unique device identifier. Source: RM §39.1.
const ADDRESS: u32 = 0x1FFF_7A10;
/// Its bytes.
const SERIAL_BYTES: usize = 12;

/// 96 bits that no other chip has.
pub fn serial() -> [u8; SERIAL_BYTES] {
    let mut bytes = [0; SERIAL_BYTES];
    jinbao_serial_read(ptr::from_mut(&mut bytes));
    bytes
}

/// A function with a name of its own and in no other, so that an emulator without this number can give one.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn jinbao_serial_read(bytes: *mut [u8; SERIAL_BYTES]) {
    // SAFETY: the one caller hands over its array; the identifier has as many bytes and is never written.
    unsafe {
        for (at, byte) in (*bytes).iter_mut().enumerate() {
            *byte = ptr::read_volatile((ADDRESS as *const u8).wrapping_add(at));
        }
    }
}

/// The same in hexadecimal digits; `None` when it is asked for again.
pub fn serial_text() -> Option<&'static str> {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    let place: &'static mut [u8; 24] = cortex_m::singleton!(: [u8; 24] = [0; 24])?;
    let bytes = serial();
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]);
    for (place, digit) in place.iter_mut().zip(digits) {
        *place = DIGITS[usize::from(digit)];
    }
    core::str::from_utf8(place).ok()
}
