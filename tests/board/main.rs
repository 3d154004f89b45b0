//! The reader board's firmware in an emulator, behind the unmodified pcscd and its unmodified serial driver.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bench;
mod ends;
mod exchange;
mod link;
mod listed;
mod pulled;
mod shared;
mod trace;
mod visit;
