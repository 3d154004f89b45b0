//! The interface device, with a turned clock and a line whose card follows a script.
#![allow(clippy::unwrap_used, reason = "tests")]

mod any_card;
mod block;
mod faults;
mod line;
mod parameters;
mod pps;
mod reset;
mod tpdu;
