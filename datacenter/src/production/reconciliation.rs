//! The day's comparison with a terminal (对账).

use protocol::{
    id::TerminalId,
    problem::{Problem, ProblemKind},
    reconciliation::{MISSING_MAX, ReconciliationAnswer, ReconciliationRequest},
};

use super::{Production, malformed, storage_problem};
use crate::storage::rows::ReconciliationRow;

/// Most outcomes that a terminal may report as unknown in one request.
pub const UNRESOLVED_MAX: usize = 10_000;

impl Production {
    /// Adds up a span of a terminal's chain and compares.
    ///
    /// A chain has no gaps, so what is missing is what lies beyond the center's head. `equal` says that the
    /// sums agree and nothing is missing; a refused record is in neither sum, and is listed as disputed.
    /// Problems: `Malformed` for an empty span, `NotAuthenticated` for another terminal's, `Storage`.
    pub fn reconcile(
        &self,
        terminal: TerminalId,
        request: &ReconciliationRequest,
    ) -> Result<ReconciliationAnswer, Problem> {
        if request.terminal != terminal {
            return Err(Problem::new(ProblemKind::NotAuthenticated, "the request is another terminal's"));
        }
        let (from, to) = (request.from_sequence, request.to_sequence);
        if from == 0 || from > to || i64::try_from(to).is_err() {
            return Err(malformed("the span of sequences is empty or out of range"));
        }
        if request.unresolved.len() > UNRESOLVED_MAX {
            return Err(malformed(format!("more than {UNRESOLVED_MAX} unresolved transactions")));
        }
        let span = self.storage.span(terminal, from, to, MISSING_MAX).map_err(storage_problem)?;
        let missing: Vec<u64> = (from.max(span.head + 1)..=to).take(MISSING_MAX).collect();
        let at = self.now();
        let equal = span.totals == request.totals && missing.is_empty();
        self.storage
            .note_reconciliation(&ReconciliationRow {
                terminal,
                from_sequence: from,
                to_sequence: to,
                at,
                equal,
                unresolved: request.unresolved.len() as u64,
            })
            .map_err(storage_problem)?;
        Ok(ReconciliationAnswer { at, totals: span.totals, equal, missing, disputed: span.disputed })
    }
}
