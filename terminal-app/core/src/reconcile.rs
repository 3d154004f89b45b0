//! The day's comparison with the center (对账).

use std::fmt;

use protocol::{
    id::TransactionId,
    reconciliation::{ReconciliationRequest, Totals},
    timestamp::Timestamp,
};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use crate::{
    audit::{self, Actor, AuditEvent},
    ledger::{Ledger, LedgerError},
    ports::{CenterLink, LinkError},
};

/// What a comparison gave. Stored with the cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// The cycle.
    pub cycle: String,
    /// First sequence of its span.
    pub from_sequence: u64,
    /// Last sequence of its span; below the first when nothing was done.
    pub to_sequence: u64,
    /// Our sums, without what the center refuses.
    pub ours: Totals,
    /// The center's.
    pub theirs: Totals,
    /// Sums agree and nothing is missing.
    pub equal: bool,
    /// Records of the span that are not at the center.
    pub missing: Vec<u64>,
    /// Transactions that the center refuses or disputes.
    pub disputed: Vec<TransactionId>,
    /// Transactions whose outcome on the card is not known yet.
    pub unresolved: Vec<TransactionId>,
    /// The center's clock at the comparison.
    pub at: Timestamp,
}

/// Why a cycle could not be compared. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconcileError {
    /// No such cycle, or it was never compared.
    CycleUnknown,
    /// The cycle agreed with the center long ago and its records are purged.
    Purged,
    /// The center could not be asked.
    Link(LinkError),
    /// The ledger failed.
    Ledger(LedgerError),
}

impl From<LedgerError> for ReconcileError {
    fn from(error: LedgerError) -> Self {
        ReconcileError::Ledger(error)
    }
}

impl fmt::Display for ReconcileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CycleUnknown => f.write_str("there is no such cycle"),
            Self::Purged => f.write_str("the cycle's records are purged"),
            Self::Link(error) => error.fmt(f),
            Self::Ledger(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ReconcileError {}

impl Ledger {
    /// What the center is asked about a cycle: its span of the chain (up to now while it is open), our sums
    /// and the open questions. Errors: `CycleUnknown`, `Purged`.
    pub fn reconciliation_request(&self, cycle: &str) -> Result<ReconciliationRequest, ReconcileError> {
        let cycle = self.cycle(cycle)?.ok_or(ReconcileError::CycleUnknown)?;
        let to_sequence = match cycle.to_sequence {
            Some(to) => to,
            None => self.head()?.sequence,
        };
        let purged = cycle.from_sequence <= to_sequence
            && self.kept_from(cycle.from_sequence - 1)? != cycle.from_sequence;
        if purged {
            return Err(ReconcileError::Purged);
        }
        Ok(ReconciliationRequest {
            terminal: self.terminal(),
            from_sequence: cycle.from_sequence,
            to_sequence,
            totals: self.totals(cycle.from_sequence, to_sequence)?,
            unresolved: self.unresolved_all()?.iter().map(|transaction| transaction.intention.id).collect(),
        })
    }

    /// Compares a cycle with the center and writes the outcome down.
    ///
    /// When both agree, the cycle no longer stands in the way of a new one. Upload the queue first: what is
    /// not at the center is a difference. An empty cycle agrees without asking.
    pub fn reconcile(
        &mut self,
        cycle: &str,
        link: &mut dyn CenterLink,
        actor: Actor<'_>,
        now: Timestamp,
    ) -> Result<Reconciliation, ReconcileError> {
        let request = self.reconciliation_request(cycle)?;
        let reconciliation = if request.to_sequence < request.from_sequence {
            Reconciliation {
                cycle: cycle.to_owned(),
                from_sequence: request.from_sequence,
                to_sequence: request.to_sequence,
                ours: request.totals,
                theirs: Totals::default(),
                equal: true,
                missing: Vec::new(),
                disputed: Vec::new(),
                unresolved: request.unresolved,
                at: now,
            }
        } else {
            let answer = link.reconcile(&request).map_err(ReconcileError::Link)?;
            Reconciliation {
                cycle: cycle.to_owned(),
                from_sequence: request.from_sequence,
                to_sequence: request.to_sequence,
                ours: request.totals,
                theirs: answer.totals,
                // Judged here: the center's own opinion alone is not enough.
                equal: answer.equal && answer.totals == request.totals && answer.missing.is_empty(),
                missing: answer.missing,
                disputed: answer.disputed,
                unresolved: request.unresolved,
                at: answer.at,
            }
        };
        self.keep_reconciliation(&reconciliation, actor, now)?;
        Ok(reconciliation)
    }

    /// Accepts that a cycle's last comparison showed a difference, after it was looked into.
    ///
    /// For the supervisor (`Action::AcceptDifference`); audited. The cycle no longer stands in the way.
    /// Errors: `CycleUnknown` when it was never compared.
    pub fn accept_difference(
        &mut self,
        cycle: &str,
        actor: Actor<'_>,
        now: Timestamp,
    ) -> Result<(), ReconcileError> {
        let stored = self.cycle(cycle)?.and_then(|cycle| cycle.outcome);
        let compared: Reconciliation =
            stored.and_then(|text| serde_json::from_str(&text).ok()).ok_or(ReconcileError::CycleUnknown)?;
        self.write(|transaction| {
            transaction
                .prepare_cached("UPDATE cycle SET agreed_to = ?2 WHERE number = ?1")?
                .execute(params![cycle, compared.to_sequence])?;
            audit::append(
                transaction,
                now,
                actor,
                &AuditEvent::DifferenceAccepted { cycle: cycle.to_owned() },
            )
        })?;
        Ok(())
    }

    fn keep_reconciliation(
        &mut self,
        reconciliation: &Reconciliation,
        actor: Actor<'_>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let text = serde_json::to_string(reconciliation).unwrap_or_default();
        let agreed_to = reconciliation.equal.then_some(reconciliation.to_sequence);
        self.write_in_flight(|transaction| {
            transaction
                .prepare_cached(
                    "UPDATE cycle SET reconciled_at = ?2, outcome = ?3, agreed_to = coalesce(?4, agreed_to)
                     WHERE number = ?1",
                )?
                .execute(params![reconciliation.cycle, now.0, text, agreed_to])?;
            audit::append(transaction, now, actor, &AuditEvent::Reconciled { equal: reconciliation.equal })
        })
    }
}
