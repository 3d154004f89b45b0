//! First stage of the physical board: starts the application, or says why not.
//!
//! On the way into the application it says nothing: the host's line belongs to the reader. When nothing may
//! run, the alarm lamp blinks as often as the [`boot::RefusalKind`] has it, pauses, and begins again; and a question
//! mark and the end of a line on the host's line (115200 baud, 8N2) are answered by the reason, in words.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod stage;

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("This is firmware: build it with `cargo xtask firmware`.");
}
