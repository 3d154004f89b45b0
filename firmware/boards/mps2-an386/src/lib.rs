//! What is emulated about the board `mps2-an386`: the line of a card as a conversation.
//!
//! The registers are in the binary; nothing here knows them, so all of it is tested on the host.
#![no_std]

pub mod line;
