//! A chip behind an emulated board: the card's end of the board's card UART.
//!
//! [`Slot`] is the slot of the board as a hand sees it: cards go in and out at any moment. Underneath, the card
//! speaks `reader_protocol::emulated_line` with the board, character by character: it answers resets
//! ([`atr`]), lets speed and protocol be selected, and speaks T=0 or T=1 around any
//! [`crate::chip::Chip`]. How it goes about it is its [`Manner`]; what goes wrong at the line is its
//! [`fault::Plan`].
//!
//! What goes over the line may hold a PIN: nothing here that keeps characters can be printed.
//!
//! Time is counted, not spent: [`Counters`] tell what the exchange would take on a real line. With
//! [`Pace::Real`] it takes that long.

pub mod atr;
mod card;
mod clock;
mod conversation;
mod counters;
mod desk;
pub mod fault;
mod manner;
mod pps;
mod slot;
mod t0;
mod t1;

pub use self::{
    counters::{Counters, Misuse},
    manner::{Acknowledge, Classes, Manner, PpsAnswer},
    slot::{CONNECT_TIMEOUT_MS, Pace, Slot},
};
