//! The boot stage on simulated flash whose power is cut at every word.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

mod board;
mod nor;

mod cut;
mod journal;
mod refused;
