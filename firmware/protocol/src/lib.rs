//! What the reader board and its host say to each other beside the card.
//!
//! Both sides, the firmware's engine and the host's driver, speak by this one crate.
#![no_std]

pub mod ef01;
pub mod emulated_line;
pub mod emulated_panel;
pub mod escape;
pub mod image;
pub mod update;
pub mod vault;
mod wire;
