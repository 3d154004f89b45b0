//! Whole visits on real parts: the program, pcscd, a card, a center.
#![allow(clippy::unwrap_used, reason = "tests")]

mod day;
mod harness;
mod logs;
mod offline;
mod receipts;
mod settlement;
mod taking_back;
