//! What decides whether the physical board starts a firmware image, and how an update gets into place.
//!
//! All decisions are here and run on any machine; the binary beside it brings flash, lamp and UART.
//!
//! Three regions of flash: the *application*, an image where it runs; the *staged* image, which the running
//! application has received from the host; the *journal*, two erase sectors that hold the rollback floor and a
//! pending request. The staged image is only ever read here, so copying can begin again as often as the power is cut.
#![cfg_attr(not(test), no_std)]

mod checksum;
mod install;
mod journal;
mod judgement;
mod key;
mod report;
mod start;

pub use install::{INSTALL_ATTEMPTS_MAX, InstallError, install};
pub use journal::{Journal, JournalError, Outcome, RECORD_BYTES, Request, State};
pub use judgement::{Expected, Refusal, RefusalKind, judge};
pub use key::PublicKey;
pub use report::{REPORT_BYTES, Report, Verdict};
pub use start::{Decision, Flash, start};
