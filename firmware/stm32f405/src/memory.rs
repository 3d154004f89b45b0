//! Memory that outlives a start, and the jump into the application.
#![allow(unsafe_code, reason = "memory at fixed addresses, and a jump to one")]

use core::ptr;

use crate::layout;

/// Bytes of the boot stage's report.
pub const REPORT_BYTES: usize = 32;

/// Leaves the report of the boot stage for the application.
pub fn write_report(bytes: &[u8; REPORT_BYTES]) {
    for (at, byte) in bytes.iter().enumerate() {
        // SAFETY: these bytes are memory that no linker script gives to anybody else.
        unsafe { ptr::write_volatile((layout::REPORT as *mut u8).wrapping_add(at), *byte) };
    }
}

/// Reads the report of the boot stage.
pub fn read_report() -> [u8; REPORT_BYTES] {
    core::array::from_fn(|at| {
        // SAFETY: as above; any byte is a valid one.
        unsafe { ptr::read_volatile((layout::REPORT as *const u8).wrapping_add(at)) }
    })
}

/// Starts the program whose vector table stands at this address, with the processor as after a reset.
///
/// Must be called with interrupts as they are after a reset: none enabled.
pub fn start_program(processor: cortex_m::Peripherals, address: u32) -> ! {
    let mut syst = processor.SYST;
    syst.disable_counter();
    syst.disable_interrupt();
    // SAFETY: the address is a multiple of 512 within flash, and the caller has judged what stands there: stack
    // pointer and first instruction of a program that takes over everything.
    unsafe {
        processor.SCB.vtor.write(address);
        cortex_m::asm::dsb();
        cortex_m::asm::isb();
        cortex_m::asm::bootload(address as *const u32)
    }
}
