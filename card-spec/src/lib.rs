//! What a social security card (社会保障卡) is and how one talks to it.
//!
//! No allocation, no I/O: both sides of the reader, the terminal and the simulated card, and the
//! reader's firmware build on this crate. Every parse is total: no bytes make it panic.
//!
//! - what a card says of itself: [`atr`], [`fci`], [`generation`], [`issuer`], [`card_id`], [`card_number`];
//! - what is in it: [`file`](mod@file), the one table of files, with [`holder`], [`tlv`], [`text`], [`name`], [`date`],
//!   [`person`], [`region`], [`money`];
//! - how one talks to it: [`apdu`], [`command`], [`status`];
//! - why one may: [`key`], [`suite`], [`authentication`], [`secure_messaging`], [`pin`], [`signature`];
//! - what one pays with: [`account`] (medical account), [`wallet`] (PBOC wallet).
#![cfg_attr(not(test), no_std)]

pub mod account;
pub mod apdu;
pub mod atr;
pub mod authentication;
pub mod card_id;
pub mod card_number;
pub mod command;
pub mod date;
pub mod error;
pub mod fci;
pub mod file;
pub mod generation;
pub mod holder;
pub mod issuer;
pub mod key;
pub mod money;
pub mod name;
pub mod person;
pub mod pin;
pub mod psam;
pub mod region;
pub mod secure_messaging;
pub mod signature;
pub mod status;
pub mod suite;
pub mod text;
pub mod tlv;
pub mod wallet;

mod bytes;
#[cfg(test)]
mod vectors;

pub use error::{Error, Part};
