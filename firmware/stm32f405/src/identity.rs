//! The number that each chip has of its own.
#![allow(unsafe_code, reason = "a number at a fixed address")]

use core::ptr;

/// Unique device identifier. Source: RM §39.1.
const ADDRESS: u32 = 0x1FFF_7A10;

/// 96 bits that no other chip has.
pub fn serial() -> [u8; 12] {
    core::array::from_fn(|at| {
        // SAFETY: within the 12 bytes of the identifier, which is never written.
        unsafe { ptr::read_volatile((ADDRESS as *const u8).wrapping_add(at)) }
    })
}
