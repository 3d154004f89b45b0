//! What a social security card (社会保障卡) is and how one talks to it.
//!
//! No allocation, no I/O: both sides of the reader, the terminal and the simulated card, and the
//! reader's firmware build on this crate.
#![cfg_attr(not(test), no_std)]

pub mod money;
pub mod person;
pub mod region;
