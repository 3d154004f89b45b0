//! The faces of a terminal as people use them: real windows, real keys and clicks, the real pcscd, a real center.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod counter;
mod kiosk;
mod setup;
