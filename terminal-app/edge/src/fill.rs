//! Filling the terminal's copies from the center, with progress; it can be stopped and gone on with at any time.

use std::{ops::ControlFlow, thread, time::Duration};

use terminal::{
    cache::{CacheError, Progress},
    error::Error,
    sync::{SyncError, SyncStep, Synchroniser},
};

use crate::{failure::Failure, terminal::Terminal};

/// A pause longer than this is not waited for.
const WAIT_MS_MAX: u64 = 10_000;

/// How a fill has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything is up to date.
    Complete,
    /// Whoever looked on has stopped it; the next fill goes on from here.
    Stopped,
    /// The center asks to be left alone for longer than one waits.
    Later,
}

/// Fetches limits, rules and people until all is up to date.
///
/// `page` is told after each page how far it is, and may stop.
/// Errors: the line, the center's refusal, a disk that is full. What was stored stays.
pub fn run(
    terminal: &mut Terminal,
    page: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Ended, Failure> {
    let mut link = terminal.cabinet.any_link()?;
    let mut synchroniser = Synchroniser::new();
    loop {
        let Terminal { ledger, cache, random, watch, cabinet, .. } = terminal;
        let step = synchroniser.step(cache, ledger, link.as_mut(), random, &cabinet.clock, watch);
        match step.map_err(Error::from)? {
            SyncStep::Page { progress } if page(progress).is_break() => return Ok(Ended::Stopped),
            SyncStep::Complete { progress } => {
                // Nobody is asked any more whether to stop.
                let _ = page(progress);
                return Ok(Ended::Complete);
            }
            SyncStep::Wait { for_ms } if for_ms <= WAIT_MS_MAX => {
                thread::sleep(Duration::from_millis(for_ms));
            }
            SyncStep::Wait { .. } => return Ok(Ended::Later),
            SyncStep::Failed { error: SyncError::Cache(CacheError::OutOfOrder { .. }), .. } => {}
            SyncStep::Failed { error, .. } => {
                return Err(match error {
                    SyncError::Link(error) => Error::from(error),
                    SyncError::Cache(error) => Error::from(error),
                    SyncError::Ledger(error) => Error::from(error),
                    _ => return Ok(Ended::Later),
                }
                .into());
            }
            _ => {}
        }
    }
}
