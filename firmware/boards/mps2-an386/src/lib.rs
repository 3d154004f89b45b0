//! What is emulated about the board `mps2-an386`: cards' contacts and the panel, as conversations over UARTs.
//!
//! The registers are in the binary; nothing here knows them, so all of it is tested on the host.
#![no_std]

pub mod line;
pub mod panel;
