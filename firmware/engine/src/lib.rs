//! The reader's firmware without a board.
//!
//! No allocation, no unsafe code, fixed memory, and no clock of its own: whoever owns the hardware calls
//! `poll` with the time and is told when to call again at the latest.
#![no_std]

pub mod ccid;
pub mod contacts;
pub mod escape;
pub mod finger;
pub mod frame;
pub mod iso7816;
pub mod mailbox;
pub mod panel;
pub mod personality;
pub mod reader;
pub mod services;
pub mod slot;
pub mod tamper;
pub mod time;
pub mod trace;
pub mod update;
pub mod vault;
