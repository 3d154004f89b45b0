//! The reader board's firmware in an emulator, behind the unmodified pcscd and its unmodified serial driver.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bench;
mod beside;
mod ends;
mod escape;
mod exchange;
mod fingers;
mod link;
mod listed;
mod opened;
mod paced;
mod program;
mod pulled;
mod shared;
mod soak;
mod starts;
mod trace;
mod visit;
