//! What a person decides of a transaction when its card cannot tell any more.

use protocol::{id::TransactionId, record::AbandonReason};

use super::{Terminal, plan::Plan, resolve::Resolved};
use crate::{
    audit::{AuditEvent, Ground},
    error::{Error, Need},
    ledger::{LedgerError, State},
    roles::Action,
};

impl Terminal {
    /// Ends a transaction whose outcome no card will tell: lost, replaced, or its log too full by now.
    ///
    /// For a supervisor, who has looked at what the center or the card's issuer knows; the decision is audited
    /// with its ground before anything else is written. `done` writes the transaction down without the card's
    /// proof, and the center books it under the eyes of its auditor; otherwise it is abandoned, the visit is open
    /// again, and the center releases what it had set aside. As long as the card lies in the slot and can tell,
    /// its word counts, and is the answer.
    ///
    /// Errors: `SignIn`, `NotSignedIn`; `Ledger` (`TransactionUnknown`, or `WrongState` for a transaction that
    /// has its outcome, or whose card was never asked); `ResolveFirst` when the holder of the card in the slot
    /// has not typed the PIN; `Session`.
    pub fn decide(&mut self, id: TransactionId, done: bool, ground: Ground) -> Result<Resolved, Error> {
        // Vouching for what no record proves is one right, be it a cycle's sums or a card's.
        self.permitted(Action::AcceptDifference)?;
        let transaction = self.ledger.transaction(id)?.ok_or(LedgerError::TransactionUnknown { id })?;
        let wrong = || Error::Ledger(LedgerError::WrongState { id, state: transaction.state });
        let arming = match (&transaction.armed, transaction.state) {
            (Some(arming), State::Armed) => arming,
            _ => return Err(wrong()),
        };
        if self.session.card().is_ok_and(|card| card.key() == transaction.intention.card) {
            match self.resolve_now() {
                Ok(Some(resolved)) => return Ok(resolved),
                Ok(None) | Err(Error::ResolveFirst { need: Need::Supervisor, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        // Written by another version of this program: it can be given up here, and not be written down.
        let plan = Plan::of(&transaction);
        if done && plan.is_none() {
            return Err(wrong());
        }
        self.note(&AuditEvent::OutcomeDecided { id, done, ground })?;
        match plan {
            Some(plan) if done => self.finish(&transaction, &plan, arming, None),
            _ => {
                self.abandon(id, AbandonReason::DecidedNotDone)?;
                Ok(Resolved::NotDone { id })
            }
        }
    }
}
