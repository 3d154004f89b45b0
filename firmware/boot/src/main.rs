//! First stage of the physical board.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is firmware: build it with `cargo xtask firmware`.");
}
