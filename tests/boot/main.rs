//! The boot stage of the physical board, as it is flashed, on an emulated STM32F405.
//!
//! The emulator has the processor, the memory and the UARTs, but no flash controller: these tests do its work over
//! the emulator's debug port, word by word, and can therefore cut the power in the middle of it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod debug;
mod flash;
mod images;
mod machine;

mod reader;
mod refused;
mod update;
