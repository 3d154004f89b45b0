//! The reader's firmware without a board.
//!
//! No allocation, no unsafe code, fixed memory, and no clock of its own: whoever owns the hardware calls
//! `poll` with the time and is told when to call again at the latest.
#![no_std]

pub mod contacts;
pub mod iso7816;
pub mod mailbox;
pub mod personality;
pub mod reader;
pub mod services;
pub mod time;
pub mod trace;
