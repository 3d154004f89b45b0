//! The reader with its serial line, its slots and cards that are not there, on a clock that is turned.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bench;
mod card;
mod commands;
mod frames;
mod host;
mod opening;
mod packets;
mod patience;
mod properties;
#[path = "../seeded/mod.rs"]
mod seeded;
mod session;
