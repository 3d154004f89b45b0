//! Pensions at a counter: the program, a card, a fingerprint module on a serial line, a center.
#![allow(clippy::unwrap_used, reason = "tests")]

mod counter;
mod home;
mod ladder;
mod paying;
mod remembered;
mod tools;
mod ways;
