//! Whether a record will have room for an outcome, asked before the card is.

use protocol::{
    record::{BODY_BYTES_MAX, BODY_VERSION, Body, Business},
    timestamp::{ClockQuality, Timestamp},
};

use super::{Intention, Ledger, LedgerError};

impl Ledger {
    /// Refuses an intention whose outcome would not fit into a record.
    ///
    /// `outcome` is the one that it is meant to lead to, with a proof of the usual length; sequence and times
    /// are taken at their longest. What passes here cannot fail for its size once the card has done it.
    /// Errors: `BodyTooLarge`; nothing is written in any case.
    pub fn require_fits(&self, intention: &Intention, outcome: Business) -> Result<(), LedgerError> {
        let body = Body {
            version: BODY_VERSION,
            id: intention.id,
            terminal: self.terminal(),
            sequence: u64::MAX,
            made_at: Timestamp(i64::MIN),
            clock: ClockQuality::Unchecked,
            cycle: intention.cycle.clone(),
            operator: intention.operator.clone(),
            offline: false,
            business: outcome,
        };
        let bytes = serde_json::to_string(&body).unwrap_or_default().len();
        if (1..=BODY_BYTES_MAX).contains(&bytes) { Ok(()) } else { Err(LedgerError::BodyTooLarge { bytes }) }
    }
}
