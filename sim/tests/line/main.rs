//! Cards at the line of an emulated board, judged by a board that knows nothing but tagged bytes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod activation;
mod board;
mod chips;
mod random;
mod t0;
mod t1;
