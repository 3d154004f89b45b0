//! What goes wrong at a counter: cards, readers, lines, centers, disks. Nothing is lost, nothing is taken twice.
#![allow(clippy::unwrap_used, reason = "tests")]

mod books;
mod cards;
mod certificates;
mod clock;
mod disk;
mod elsewhere;
mod line;
mod pulled;
mod service;
mod storm;
mod torn;
