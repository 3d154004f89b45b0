//! Cards at the line of an emulated board, judged by a board that knows nothing but tagged bytes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod board;
mod chips;
mod t0;
