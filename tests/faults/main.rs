//! What goes wrong at a counter: cards, readers, lines, centers, disks. Nothing is lost, nothing is taken twice.
#![allow(clippy::unwrap_used, reason = "tests")]

mod cards;
mod pulled;
mod service;
mod torn;
