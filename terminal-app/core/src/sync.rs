//! Bringing the center's knowledge here: limits, rules, and the feed of people, page by page.

use std::fmt;

use hal::clock::Clock;
use protocol::{limits::OfflineLimits, problem::ProblemKind, timestamp::Timestamp};

use crate::{
    cache::{Cache, CacheError, Progress, PublicProgress},
    clock::{ClockWatch, Now},
    ledger::{Ledger, LedgerError},
    pace::{BACKOFF_MS_MAX, Pace, draw},
    ports::{CenterLink, LinkError, Random},
    uploader::{Failure, OVERLOADED_MS, failure_of},
};

/// How often the center is asked when everything was up to date.
pub const ROUND_MS: u64 = 60_000;

/// Attempts on a page that does not follow the cursor, before it counts as a fault of the center.
const OUT_OF_ORDER_MAX: u32 = 3;

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Clock,
    Limits,
    Policy,
    Rules,
    Public,
    Feed,
}

/// Fetches, one exchange per step.
#[derive(Debug, Default)]
pub struct Synchroniser {
    phase: Phase,
    pace: Pace,
    out_of_order: u32,
}

/// What one step has done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncStep {
    /// Nothing yet: wait this long.
    Wait {
        /// Milliseconds until the next attempt is due.
        for_ms: u64,
    },
    /// The center's clock was learnt.
    Clock {
        /// How far it is ahead of ours.
        offset_ms: i64,
    },
    /// Limits were looked at; `Some` when newer ones were stored.
    Limits {
        /// Their version.
        stored: Option<u64>,
    },
    /// The proof policy was looked at; `Some` when a newer one was stored.
    Policy {
        /// Its version.
        stored: Option<u64>,
    },
    /// Rules were looked at; `Some` when newer ones were stored.
    Rules {
        /// Their revision.
        stored: Option<u64>,
    },
    /// A page of articles, offices and vacancies was applied.
    PublicDocuments {
        /// How far the copy of them is filled.
        progress: PublicProgress,
    },
    /// A page was applied; there is more.
    Page {
        /// How far the cache is filled.
        progress: Progress,
    },
    /// The cache is up to date.
    Complete {
        /// How far the cache is filled.
        progress: Progress,
    },
    /// The exchange failed; what was stored stays.
    Failed {
        /// Why.
        error: SyncError,
        /// When it is tried again.
        retry_ms: u64,
    },
}

/// Why an exchange failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyncError {
    /// The line, or a refusal of the center.
    Link(LinkError),
    /// The center's page or document cannot be used.
    Cache(CacheError),
    /// The ledger could not note the clock.
    Ledger(LedgerError),
}

impl fmt::Display for SyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(error) => error.fmt(f),
            Self::Cache(error) => error.fmt(f),
            Self::Ledger(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SyncError {}

impl Synchroniser {
    /// Starts with the clock, then limits, policy, rules and the feed.
    pub fn new() -> Self {
        Synchroniser::default()
    }

    /// The next attempt is due at once: an operator asked for it.
    pub fn hurry(&mut self) {
        self.pace = self.pace.hurried();
    }

    /// Does the one exchange that is due, if one is.
    ///
    /// Errors: `CacheError::Damaged` and `CacheError::Store` of our own file, for the edge to act on (put the
    /// file aside, free the disk). Whatever the center does is a [`SyncStep`].
    pub fn step(
        &mut self,
        cache: &mut Cache,
        ledger: &mut Ledger,
        link: &mut dyn CenterLink,
        random: &mut dyn Random,
        clock: &dyn Clock,
        watch: &mut ClockWatch,
    ) -> Result<SyncStep, CacheError> {
        let now = Now::of(clock);
        if let Some(for_ms) = self.pace.wait_ms(now.monotonic_ms) {
            return Ok(SyncStep::Wait { for_ms });
        }
        let done = self.exchange(cache, ledger, link, clock, watch);
        let now = Now::of(clock);
        match done {
            Ok((phase, step)) => {
                self.phase = phase;
                self.out_of_order = 0;
                let rest_ms = if matches!(step, SyncStep::Complete { .. }) { ROUND_MS } else { 0 };
                self.pace = self.pace.rested(now.monotonic_ms, rest_ms);
                Ok(step)
            }
            Err(SyncError::Cache(error @ (CacheError::Damaged { .. } | CacheError::Store(_)))) => Err(error),
            Err(error) => Ok(self.failed(error, now, random)),
        }
    }

    /// What the phase asks for, and the phase after it.
    fn exchange(
        &mut self,
        cache: &mut Cache,
        ledger: &mut Ledger,
        link: &mut dyn CenterLink,
        clock: &dyn Clock,
        watch: &mut ClockWatch,
    ) -> Result<(Phase, SyncStep), SyncError> {
        match self.phase {
            Phase::Clock => {
                let limits = cache.limits().unwrap_or_default();
                learn_clock(ledger, link, clock, watch, &limits)
                    .map(|offset_ms| (Phase::Limits, SyncStep::Clock { offset_ms }))
            }
            Phase::Limits => {
                fetch_limits(cache, link).map(|stored| (Phase::Policy, SyncStep::Limits { stored }))
            }
            Phase::Policy => {
                fetch_policy(cache, link).map(|stored| (Phase::Rules, SyncStep::Policy { stored }))
            }
            Phase::Rules => {
                fetch_rules(cache, link).map(|stored| (Phase::Public, SyncStep::Rules { stored }))
            }
            Phase::Public => match fetch_public(cache, link)? {
                Some(progress) => Ok((Phase::Public, SyncStep::PublicDocuments { progress })),
                // Nothing new: what matters more is not kept waiting for the next step.
                None => {
                    self.phase = Phase::Feed;
                    self.exchange(cache, ledger, link, clock, watch)
                }
            },
            Phase::Feed => fetch_page(cache, link).map(|progress| match progress.complete() {
                true => (Phase::Clock, SyncStep::Complete { progress }),
                false => (Phase::Feed, SyncStep::Page { progress }),
            }),
        }
    }

    fn failed(&mut self, error: SyncError, now: Now, random: &mut dyn Random) -> SyncStep {
        let at_least_ms = match &error {
            SyncError::Link(error) => match failure_of(error) {
                Failure::Installer => BACKOFF_MS_MAX,
                Failure::Overloaded => OVERLOADED_MS,
                _ => 0,
            },
            // Another connection may have moved the cursor between asking and applying.
            SyncError::Cache(CacheError::OutOfOrder { .. }) if self.out_of_order < OUT_OF_ORDER_MAX => {
                self.out_of_order += 1;
                0
            }
            _ => BACKOFF_MS_MAX,
        };
        self.pace = self.pace.failed(now.monotonic_ms, at_least_ms, draw(random));
        // A document that cannot be used must not keep the feed from being read, and what hangs on the wall not even
        // by a refusal.
        let refused = matches!(error, SyncError::Link(LinkError::Refused(_) | LinkError::Answer { .. }));
        if matches!(error, SyncError::Cache(_)) || (self.phase == Phase::Public && refused) {
            self.phase = match self.phase {
                Phase::Limits => Phase::Policy,
                Phase::Policy => Phase::Rules,
                Phase::Rules => Phase::Public,
                Phase::Public => Phase::Feed,
                other => other,
            };
        }
        SyncStep::Failed { error, retry_ms: self.pace.wait_ms(now.monotonic_ms).unwrap_or(0) }
    }
}

fn learn_clock(
    ledger: &mut Ledger,
    link: &mut dyn CenterLink,
    clock: &dyn Clock,
    watch: &mut ClockWatch,
    limits: &OfflineLimits,
) -> Result<i64, SyncError> {
    let sent = Now::of(clock);
    let center: Timestamp = link.chain_head().map_err(SyncError::Link)?.now;
    watch.learn(center, sent, Now::of(clock), ledger, limits).map_err(SyncError::Ledger)?;
    Ok(watch.offset_ms().unwrap_or(0))
}

fn fetch_limits(cache: &mut Cache, link: &mut dyn CenterLink) -> Result<Option<u64>, SyncError> {
    let version = cache.limits_version().map_err(SyncError::Cache)?;
    let signed = link.limits(version).map_err(SyncError::Link)?;
    signed.map(|signed| cache.store_limits(&signed)).transpose().map_err(SyncError::Cache)
}

fn fetch_policy(cache: &mut Cache, link: &mut dyn CenterLink) -> Result<Option<u64>, SyncError> {
    let version = cache.policy_version().map_err(SyncError::Cache)?;
    let signed = match link.policy(version) {
        Ok(signed) => signed,
        // A center that knows no policies yet must not keep the feed from being read.
        Err(LinkError::Refused(problem)) if problem.kind == ProblemKind::NotFound => None,
        Err(error) => return Err(SyncError::Link(error)),
    };
    signed.map(|signed| cache.store_policy(&signed)).transpose().map_err(SyncError::Cache)
}

fn fetch_rules(cache: &mut Cache, link: &mut dyn CenterLink) -> Result<Option<u64>, SyncError> {
    let revision = cache.rules_revision().map_err(SyncError::Cache)?;
    let signed = link.rules(revision).map_err(SyncError::Link)?;
    signed.map(|signed| cache.store_rules(&signed)).transpose().map_err(SyncError::Cache)
}

/// The next page of public documents; `None` when there was nothing new, or the center has none at all.
fn fetch_public(cache: &mut Cache, link: &mut dyn CenterLink) -> Result<Option<PublicProgress>, SyncError> {
    let known = cache.public_progress().map_err(SyncError::Cache)?;
    let page = match link.public_documents(known.epoch, known.cursor) {
        Ok(page) => page,
        Err(LinkError::Refused(problem)) if problem.kind == ProblemKind::NotFound => return Ok(None),
        Err(error) => return Err(SyncError::Link(error)),
    };
    let changes = cache.apply_public(&page).map_err(SyncError::Cache)?;
    let progress = cache.public_progress().map_err(SyncError::Cache)?;
    Ok((changes > 0).then_some(progress))
}

fn fetch_page(cache: &mut Cache, link: &mut dyn CenterLink) -> Result<Progress, SyncError> {
    let (epoch, after) = cache.cursor().map_err(SyncError::Cache)?;
    let page = link.feed(epoch, after).map_err(SyncError::Link)?;
    cache.apply(&page).map_err(SyncError::Cache)
}
