//! The reader's firmware on an emulated board.
//!
//! UART 0 is the line to the host, 1 the card, 2 the SAM (both as [`emulated::line`] has it), 3 the fingerprint
//! module, 4 lamps, buzzer, tamper switch and vault.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod board;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is firmware: build it with `cargo xtask firmware`.");
}
