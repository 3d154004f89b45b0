//! All logic of the terminal, without a screen.
//!
//! Reads no clock, random source, path or socket of its own: devices come as `hal` traits, chance and
//! the line to the center as [`ports`], databases as open connections.

pub mod audit;
pub mod board;
pub mod cache;
pub mod catalog;
pub mod clock;
pub mod contribution;
pub mod eligibility;
pub mod error;
pub mod flows;
pub mod holder;
pub mod keys;
pub mod language;
pub mod ledger;
pub mod pace;
pub mod pension;
pub mod ports;
pub mod progress;
pub mod receipt;
pub mod reconcile;
pub mod roles;
pub mod rules;
pub mod session;
pub mod setup;
pub mod store;
pub mod sync;
pub mod training;
pub mod uploader;
pub mod words;
