//! The reader's firmware on a board one can buy.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod board;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is firmware: build it with `cargo xtask firmware`.");
}
