//! Ledger, cache, uploader and roles on real encrypted files.
//!
//! Random tests take `JINBAO_SEED` and print the seed they ran with.
#![allow(clippy::unwrap_used, reason = "tests")]

mod chain;
mod concurrent;
mod crash;
mod eligibility;
mod export;
mod feed;
mod flips;
mod hostile;
mod layouts;
mod limits;
mod reconciliation;
mod retention;
mod rollback;
mod signing_in;
mod space;
mod support;
mod synchronising;
mod transactions;
mod uploading;
mod visits;
