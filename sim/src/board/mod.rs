//! The reader board: its firmware in an emulator, a serial line, and a real pcscd with its real driver.

pub mod emulator;
pub mod frame;
mod reader;
pub mod relay;

pub use emulator::{Emulator, Lines};
pub use reader::{BoardReader, Order};
pub use relay::Relay;
