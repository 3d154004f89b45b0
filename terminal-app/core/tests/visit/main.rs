//! The visit against the simulated card and PSAM, in process: the dialogue itself, holder verification,
//! eligibility, settlement, and everything that can interrupt them.
#![allow(clippy::unwrap_used, reason = "tests")]

mod contributions;
mod dialogue;
mod documents;
mod doubt;
mod enrolling;
mod fingers;
mod interrupted;
mod known_by_center;
mod offline_days;
mod overtaken;
mod pensions;
mod proving;
mod public_service;
mod remembered;
mod settlement;
mod silence;
mod support;
