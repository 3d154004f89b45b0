//! Bringing the ledger to the center: batches in the order of the chain, until every record has its receipt.
//!
//! [`UploaderState::next`] is a plain function of state and event; [`Uploader::step`] does the one exchange
//! that the state asks for and feeds it the event. Sending the same records again is always safe, so every
//! doubt ends in sending them again.

use std::fmt;

use hal::clock::Clock;
use protocol::{
    limits::OfflineLimits,
    signature::PublicKey,
    upload::{BATCH_RECORDS_MAX, ChainHead, ProblemKind, SendWindow},
};

use crate::{
    audit::{Actor, AuditEvent},
    clock::{ClockWatch, Now},
    ledger::{Applied, HaltReason, Ledger, LedgerError, PendingBatch},
    pace::{BACKOFF_MS_MAX, Pace, draw},
    ports::{CenterLink, LinkError, Random},
};

/// How often the queue is looked through for records that missed their deadline.
const DEADLINE_CHECK_MS: u64 = 60_000;

/// Wait after the center said that it has too much to do.
pub const OVERLOADED_MS: u64 = 30_000;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Ask where the center's copy of the chain ends.
    Greet,
    /// Send what follows this sequence.
    Send {
        /// Last sequence that need not be sent.
        after: u64,
    },
    /// The ledger is not the one that the center knows. Nothing is sent any more.
    Stopped(HaltReason),
}

/// Where the uploader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploaderState {
    /// What comes next.
    pub phase: Phase,
    /// When.
    pub pace: Pace,
    /// Most records of the next batch; halved when the center finds batches too large.
    pub records_max: usize,
    /// Refusals of the chain in a row, although the heads agreed.
    pub chain_refusals: u32,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The center's head is in our chain; records after this sequence are to be sent.
    Greeted {
        /// Last sequence that need not be sent.
        after: u64,
    },
    /// The center answered a batch.
    Answered {
        /// Last sequence of the batch.
        upto: u64,
        /// When to come again.
        window: SendWindow,
    },
    /// Nothing to send.
    Empty,
    /// The exchange failed.
    Failed(Failure),
    /// The ledger is not the one that the center knows.
    Differs(HaltReason),
}

/// Why an exchange failed, by what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The line or the center: try again later.
    Line,
    /// The center has too much to do: try again much later.
    Overloaded,
    /// Certificates, keys, versions: tries go on slowly, the installer has to act.
    Installer,
    /// The batch is too large for the center: try a smaller one.
    TooLarge,
    /// The batch does not follow the center's chain: look where that ends.
    Chain,
}

impl Default for UploaderState {
    fn default() -> Self {
        UploaderState {
            phase: Phase::Greet,
            pace: Pace::default(),
            records_max: BATCH_RECORDS_MAX,
            chain_refusals: 0,
        }
    }
}

impl UploaderState {
    /// The state after an event at a moment of the monotonic clock; `chance` spreads the waits.
    #[must_use]
    pub fn next(self, event: Event, now_ms: u64, chance: u32) -> Self {
        if let Phase::Stopped(_) = self.phase {
            return self;
        }
        match event {
            Event::Greeted { after } => {
                UploaderState { phase: Phase::Send { after }, pace: Pace::default(), ..self }
            }
            Event::Answered { upto, window } => UploaderState {
                phase: Phase::Send { after: upto },
                pace: self.pace.answered(now_ms, window, chance),
                records_max: (self.records_max * 2).min(BATCH_RECORDS_MAX),
                chain_refusals: 0,
            },
            // Everything is answered: an earlier refusal of the chain is over, and one in a month is the first.
            Event::Empty => UploaderState { chain_refusals: 0, ..self },
            Event::Differs(reason) => UploaderState { phase: Phase::Stopped(reason), ..self },
            Event::Failed(failure) => self.failed(failure, now_ms, chance),
        }
    }

    fn failed(self, failure: Failure, now_ms: u64, chance: u32) -> Self {
        let pace = |at_least_ms| self.pace.failed(now_ms, at_least_ms, chance);
        match failure {
            Failure::Line => UploaderState { pace: pace(0), ..self },
            Failure::Overloaded => UploaderState { pace: pace(OVERLOADED_MS), ..self },
            Failure::Installer => UploaderState { pace: pace(BACKOFF_MS_MAX), ..self },
            Failure::TooLarge if self.records_max > 1 => {
                UploaderState { records_max: self.records_max / 2, ..self }
            }
            // A single record that is too large: the center has to be set up for it.
            Failure::TooLarge => UploaderState { pace: pace(BACKOFF_MS_MAX), ..self },
            Failure::Chain => UploaderState {
                phase: Phase::Greet,
                pace: pace(0),
                chain_refusals: self.chain_refusals + 1,
                ..self
            },
        }
    }
}

/// Whether the center answered when it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Line {
    /// Not asked yet.
    #[default]
    Unknown,
    /// It answered.
    Up,
    /// It did not.
    Down,
}

/// What one step has done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Nothing yet: wait this long.
    Wait {
        /// Milliseconds until the next attempt is due.
        for_ms: u64,
    },
    /// Nothing to send.
    Idle,
    /// The center's head is known and agrees with the ledger.
    Greeted {
        /// Where the center's copy ends.
        center: ChainHead,
    },
    /// A batch was answered and its verdicts were written down.
    Sent {
        /// The verdicts.
        applied: Applied,
        /// Last sequence of the batch.
        upto: u64,
    },
    /// The exchange failed; nothing was lost.
    Failed {
        /// Why.
        error: SendError,
        /// When it is tried again.
        retry_ms: u64,
    },
    /// Business is stopped: this is not the ledger that the center knows.
    Stopped(HaltReason),
}

impl Step {
    /// The batch was too large for the center, and the next step sends a smaller one at once.
    pub fn is_too_large(&self) -> bool {
        matches!(
            self,
            Step::Failed { error: SendError::Link(LinkError::Refused(problem)), retry_ms: 0 }
                if problem.kind == ProblemKind::TooLarge
        )
    }
}

/// Why an exchange failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The line, or a refusal of the center.
    Link(LinkError),
    /// The receipt is not signed by our center. For the installer.
    NotSigned,
    /// The receipt does not answer what was sent.
    ReceiptDiffers,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(error) => error.fmt(f),
            Self::NotSigned => f.write_str("the receipt is not signed by our center"),
            Self::ReceiptDiffers => f.write_str("the receipt does not answer what was sent"),
        }
    }
}

impl std::error::Error for SendError {}

/// Drains the ledger, one exchange per step.
#[derive(Debug)]
pub struct Uploader {
    center: PublicKey,
    state: UploaderState,
    line: Line,
    deadline_checked_ms: Option<u64>,
}

impl Uploader {
    /// Starts with asking the center where its copy of the chain ends. `center` signs the receipts.
    pub fn new(center: PublicKey) -> Self {
        Uploader { center, state: UploaderState::default(), line: Line::Unknown, deadline_checked_ms: None }
    }

    /// Where it stands.
    pub fn state(&self) -> &UploaderState {
        &self.state
    }

    /// Whether the center answered when it was last asked.
    pub fn line(&self) -> Line {
        self.line
    }

    /// The next attempt is due at once: an operator asked for it.
    pub fn hurry(&mut self) {
        self.state.pace = self.state.pace.hurried();
    }

    /// Does the one exchange that is due, if one is, and writes its outcome down.
    ///
    /// Errors are the ledger's alone; whatever the center does is a [`Step`].
    pub fn step(
        &mut self,
        ledger: &mut Ledger,
        link: &mut dyn CenterLink,
        random: &mut dyn Random,
        clock: &dyn Clock,
        watch: &mut ClockWatch,
        limits: &OfflineLimits,
    ) -> Result<Step, LedgerError> {
        let now = Now::of(clock);
        self.flag_overdue(ledger, limits, now)?;
        if let Phase::Stopped(reason) = self.state.phase {
            return Ok(Step::Stopped(reason));
        }
        if let Some(for_ms) = self.state.pace.wait_ms(now.monotonic_ms) {
            return Ok(Step::Wait { for_ms });
        }
        match self.state.phase {
            Phase::Stopped(reason) => Ok(Step::Stopped(reason)),
            Phase::Greet => self.greet(ledger, link, random, clock, watch, limits),
            Phase::Send { after } => match ledger.batch_after(after, self.state.records_max)? {
                Some(pending) => self.send(&pending, ledger, link, random, clock),
                // A gap behind `after`. Another connection may record meanwhile; what it wrote follows at once.
                None if ledger.kept_from(after)? != after + 1 => {
                    self.stop(ledger, behind(ledger, after)?, Now::of(clock))
                }
                None => {
                    self.advance(Event::Empty, now, random);
                    Ok(Step::Idle)
                }
            },
        }
    }

    fn greet(
        &mut self,
        ledger: &mut Ledger,
        link: &mut dyn CenterLink,
        random: &mut dyn Random,
        clock: &dyn Clock,
        watch: &mut ClockWatch,
        limits: &OfflineLimits,
    ) -> Result<Step, LedgerError> {
        let sent = Now::of(clock);
        let center = match link.chain_head() {
            Ok(center) => center,
            Err(error) => return Ok(self.link_failed(error, Now::of(clock), random)),
        };
        let now = Now::of(clock);
        self.line = Line::Up;
        watch.learn(center.now, sent, now, ledger, limits)?;
        if let Some(reason) = disagreement(ledger, &center)? {
            return self.stop(ledger, reason, now);
        }
        let answered = ledger.answered()?;
        if center.sequence < answered {
            // Restored from a backup, perhaps: what it lost is kept here for that.
            let event = AuditEvent::CenterBehind { center: center.sequence };
            ledger.audit(now.wall, Actor::default(), &event)?;
        }
        // Records that the center holds without our having its receipt are sent again, for the receipt.
        self.advance(Event::Greeted { after: center.sequence.min(answered) }, now, random);
        Ok(Step::Greeted { center })
    }

    fn send(
        &mut self,
        pending: &PendingBatch,
        ledger: &mut Ledger,
        link: &mut dyn CenterLink,
        random: &mut dyn Random,
        clock: &dyn Clock,
    ) -> Result<Step, LedgerError> {
        let (from, upto) = match (pending.expected.first(), pending.expected.last()) {
            (Some((_, from, _)), Some((_, upto, _))) => (*from, *upto),
            _ => return Ok(Step::Idle),
        };
        let answer = match link.upload(&pending.batch) {
            Ok(answer) => answer,
            Err(LinkError::Refused(problem))
                if matches!(problem.kind, ProblemKind::ChainBroken | ProblemKind::ChainGap)
                    && self.state.chain_refusals > 0 =>
            {
                // The heads agreed, and still the batch does not follow: the chain itself is not the same.
                let reason = match problem.kind {
                    ProblemKind::ChainGap => behind(ledger, from - 1)?,
                    _ => HaltReason::ChainDiffers { sequence: from },
                };
                return self.stop(ledger, reason, Now::of(clock));
            }
            Err(error) => {
                if matches!(error, LinkError::Lost { .. }) {
                    ledger.mark_uploaded(from, upto)?;
                }
                return Ok(self.link_failed(error, Now::of(clock), random));
            }
        };
        let now = Now::of(clock);
        self.line = Line::Up;
        match ledger.apply_answer(pending, &answer, &self.center, now.wall) {
            Ok(applied) => {
                self.advance(Event::Answered { upto, window: answer.window }, now, random);
                Ok(Step::Sent { applied, upto })
            }
            Err(LedgerError::NotSigned) => {
                Ok(self.failed(SendError::NotSigned, Failure::Installer, now, random))
            }
            Err(LedgerError::ReceiptDiffers) => {
                Ok(self.failed(SendError::ReceiptDiffers, Failure::Line, now, random))
            }
            Err(error) => Err(error),
        }
    }

    fn link_failed(&mut self, error: LinkError, now: Now, random: &mut dyn Random) -> Step {
        self.line = match error {
            LinkError::Refused(_) | LinkError::Answer { .. } => Line::Up,
            _ => Line::Down,
        };
        let failure = failure_of(&error);
        self.failed(SendError::Link(error), failure, now, random)
    }

    fn failed(&mut self, error: SendError, failure: Failure, now: Now, random: &mut dyn Random) -> Step {
        self.advance(Event::Failed(failure), now, random);
        Step::Failed { error, retry_ms: self.state.pace.wait_ms(now.monotonic_ms).unwrap_or(0) }
    }

    fn stop(&mut self, ledger: &mut Ledger, reason: HaltReason, now: Now) -> Result<Step, LedgerError> {
        ledger.halt(reason, now.wall)?;
        self.state = self.state.next(Event::Differs(reason), now.monotonic_ms, 0);
        Ok(Step::Stopped(reason))
    }

    fn advance(&mut self, event: Event, now: Now, random: &mut dyn Random) {
        self.state = self.state.next(event, now.monotonic_ms, draw(random));
    }

    fn flag_overdue(
        &mut self,
        ledger: &mut Ledger,
        limits: &OfflineLimits,
        now: Now,
    ) -> Result<(), LedgerError> {
        let due = self
            .deadline_checked_ms
            .is_none_or(|checked| now.monotonic_ms.saturating_sub(checked) >= DEADLINE_CHECK_MS);
        if due {
            ledger.flag_overdue(limits.upload_deadline_ms, now.wall)?;
            self.deadline_checked_ms = Some(now.monotonic_ms);
        }
        Ok(())
    }
}

/// Why this is not the ledger that the center knows, or not one that can bring the center up to date.
pub(crate) fn disagreement(ledger: &Ledger, center: &ChainHead) -> Result<Option<HaltReason>, LedgerError> {
    if let Some(reason) = ledger.compare(center.sequence, center.digest)? {
        return Ok(Some(reason));
    }
    if center.sequence < ledger.answered()? && ledger.kept_from(center.sequence)? != center.sequence + 1 {
        return behind(ledger, center.sequence).map(Some);
    }
    Ok(None)
}

/// The center ends before what is kept here.
fn behind(ledger: &Ledger, center: u64) -> Result<HaltReason, LedgerError> {
    Ok(HaltReason::CenterBehind { center, kept_from: ledger.kept_from(center)? })
}

/// What follows from a failed exchange.
pub(crate) fn failure_of(error: &LinkError) -> Failure {
    match error {
        LinkError::Down { .. } | LinkError::Lost { .. } => Failure::Line,
        LinkError::WrongCertificate | LinkError::ExpiredCertificate | LinkError::NotAccepted => {
            Failure::Installer
        }
        LinkError::Answer { .. } => Failure::Installer,
        LinkError::Refused(problem) => match problem.kind {
            ProblemKind::ChainBroken | ProblemKind::ChainGap => Failure::Chain,
            ProblemKind::TooLarge => Failure::TooLarge,
            ProblemKind::Overloaded => Failure::Overloaded,
            ProblemKind::Storage => Failure::Line,
            _ => Failure::Installer,
        },
    }
}
