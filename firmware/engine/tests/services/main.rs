//! The desk of escapes with a fingerprint module, a panel and a vault that are not there, on a clock that is
//! turned.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bench;
mod desk;
mod finger;
mod finger_faults;
mod hardware;
mod module;
mod pairing;
mod panel;
#[path = "../seeded/mod.rs"]
mod seeded;
mod tamper;
