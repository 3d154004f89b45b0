//! The operator's day: sign-in, sending and fetching, the day's comparison, sign-out.

use protocol::record::AbandonReason;

use super::Terminal;
use crate::{
    audit::{Actor, AuditEvent},
    error::Error,
    ledger::{Filter, LedgerError, State},
    reconcile::Reconciliation,
    roles::{Action, SignInError, SignedIn},
    sync::{SyncStep, Synchroniser},
    uploader::{self, Line},
};

/// Exchanges that one call of [`Terminal::send_all`] does at most: a queue at its limit in single records.
const EXCHANGES_MAX: usize = 10_000;

impl Terminal {
    /// Signs an operator in and opens, or goes on with, a working cycle of at most 24 hours.
    ///
    /// With an older cycle that was not compared with the center there is no new one, and business waits:
    /// the answer names it (`overdue`). While the line is down a new one is opened all the same, as long as the
    /// older one began within the limit for offline business. Errors: `SignIn`.
    pub fn sign_in(&mut self, number: &str, secret: &[u8]) -> Result<&SignedIn, Error> {
        let now = self.now().wall;
        let mut signed_in = self.ledger.sign_in(number, secret, now)?;
        if signed_in.cycle.is_none() && signed_in.overdue.is_some() && !self.is_online() {
            signed_in = self.ledger.go_on_offline(signed_in, &self.limits, now)?;
        }
        Ok(self.signed_in.insert(signed_in))
    }

    /// Whoever has signed in.
    pub fn signed_in(&self) -> Option<&SignedIn> {
        self.signed_in.as_ref()
    }

    /// Goes on for someone who signed in to another process of this terminal.
    pub fn resume_shift(&mut self, signed_in: SignedIn) {
        self.signed_in = Some(signed_in);
    }

    /// Signs the operator out and closes the cycle.
    pub fn sign_out(&mut self) -> Result<(), Error> {
        if let Some(signed_in) = self.signed_in.take() {
            let now = self.now().wall;
            self.ledger.sign_out(&signed_in, now)?;
        }
        Ok(())
    }

    /// Sends what waits, then compares a cycle with the center: the oldest that is over and not reconciled, else
    /// the operator's own.
    ///
    /// Errors: `NotSignedIn`, `SignIn` for a role that may not, `Reconcile`, `Ledger`.
    pub fn reconcile(&mut self) -> Result<Reconciliation, Error> {
        let signed_in = self.permitted(Action::Reconcile)?;
        let now = self.now().wall;
        let overdue = self.ledger.cycle_overdue(now)?;
        let cycle = overdue.as_ref().or(signed_in.cycle.as_ref()).ok_or(Error::NotSignedIn)?;
        let number = cycle.number.clone();
        self.send_all()?;
        let now = self.now().wall;
        let compared = self.ledger.reconcile(&number, self.link.as_mut(), signed_in.actor(), now)?;
        if let Some(signed_in) = &mut self.signed_in {
            signed_in.overdue = self.ledger.cycle_overdue(now)?;
        }
        Ok(compared)
    }

    /// Does the one exchange with the center that is due, if one is. For a terminal that runs all day.
    pub fn upload_step(&mut self) -> Result<uploader::Step, Error> {
        let step = self.uploader.step(
            &mut self.ledger,
            self.link.as_mut(),
            self.random.as_mut(),
            self.clock.as_ref(),
            &mut self.watch,
            &self.limits,
        )?;
        match self.uploader.line() {
            Line::Up => self.heard(true),
            Line::Down => self.heard(false),
            Line::Unknown => {}
        }
        Ok(step)
    }

    /// Sends everything that waits now, window or not: an operator asked for it, or a cancellation needs it.
    ///
    /// `true` when nothing is left to send. A failing line is no error here: records stay in the queue.
    pub fn send_all(&mut self) -> Result<bool, Error> {
        self.tell_of_board()?;
        for _ in 0..EXCHANGES_MAX {
            self.uploader.hurry();
            match self.upload_step()? {
                uploader::Step::Idle => return Ok(true),
                step if step.is_too_large() => {}
                uploader::Step::Greeted { .. } | uploader::Step::Sent { .. } => {}
                uploader::Step::Wait { .. } | uploader::Step::Failed { .. } | uploader::Step::Stopped(_) => {
                    return Ok(false);
                }
            }
        }
        Ok(false)
    }

    /// Tells the center what was found about the reader board, unless the line was found down just now.
    fn tell_of_board(&mut self) -> Result<(), Error> {
        if self.line_is_up() != Some(false) {
            crate::board::tell(&mut self.ledger, self.link.as_mut())?;
        }
        Ok(())
    }

    /// [`Terminal::send_all`] after a transaction, with somebody waiting at the counter: nothing is tried while
    /// the center was found silent just now ([`super::LINE_TRUST_MS_MAX`]); the queue goes on later.
    pub fn send_unless_down(&mut self) -> Result<bool, Error> {
        match self.line_is_up() {
            Some(false) => Ok(false),
            _ => self.send_all(),
        }
    }

    /// Does the one exchange that brings the center's knowledge here, if one is due.
    pub fn sync_step(&mut self, synchroniser: &mut Synchroniser) -> Result<SyncStep, Error> {
        self.tell_of_board()?;
        let step = synchroniser.step(
            &mut self.cache,
            &mut self.ledger,
            self.link.as_mut(),
            self.random.as_mut(),
            self.clock.as_ref(),
            &mut self.watch,
        )?;
        if let SyncStep::Page { .. } | SyncStep::Complete { .. } = step {
            // People and blacklist may have changed under the open card.
            self.eligible = None;
        }
        if let SyncStep::Rules { stored: Some(_) }
        | SyncStep::Limits { stored: Some(_) }
        | SyncStep::Policy { stored: Some(_) } = step
        {
            self.take_up_documents()?;
        }
        Ok(step)
    }

    /// The operator, when the role allows this.
    pub(super) fn permitted(&mut self, action: Action) -> Result<SignedIn, Error> {
        let signed_in = self.signed_in.clone().ok_or(Error::NotSignedIn)?;
        let now = self.now().wall;
        self.ledger.authorise(&signed_in, action, now)?;
        Ok(signed_in)
    }

    /// The operator with the number of a working cycle, for business.
    pub(super) fn on_duty(&mut self, action: Action) -> Result<(String, String), Error> {
        let signed_in = self.permitted(action)?;
        let cycle = match (signed_in.cycle, signed_in.overdue) {
            (Some(cycle), _) => cycle.number,
            (None, Some(overdue)) => {
                let online = self.is_online();
                return Err(LedgerError::NotReconciled { cycle: overdue.number, online }.into());
            }
            (None, None) => return Err(Error::NotSignedIn),
        };
        let now = self.now().wall;
        if let Err(first) = self.ledger.require_reconciled(&cycle, true, &self.limits, now) {
            // Begun while the line was down: it goes on as long as the line is.
            if self.is_online() {
                return Err(first.into());
            }
            self.ledger.require_reconciled(&cycle, false, &self.limits, now)?;
        }
        Ok((signed_in.operator, cycle))
    }

    /// Writes something into the audit, in the name of whoever has signed in.
    pub(super) fn note(&mut self, event: &AuditEvent) -> Result<(), Error> {
        let now = self.now().wall;
        let signed_in = self.signed_in.clone();
        let actor = signed_in.as_ref().map_or(Actor::default(), |signed_in| signed_in.actor());
        Ok(self.ledger.audit(now, actor, event)?)
    }

    /// Writes off what was intended and not begun when the terminal went down.
    pub(super) fn write_off_intentions(&mut self) -> Result<(), Error> {
        for transaction in self.ledger.list(Filter::Unresolved, u32::MAX)? {
            if transaction.state == State::Intended {
                let clock = self.clock_quality()?;
                let now = self.now().wall;
                self.ledger.abandon(transaction.intention.id, AbandonReason::Restarted, now, clock, false)?;
            }
        }
        Ok(())
    }
}

impl Error {
    /// Whether an operator tried what the role does not allow.
    pub fn is_not_permitted(&self) -> bool {
        matches!(self, Error::SignIn(SignInError::NotPermitted { .. }))
    }
}
