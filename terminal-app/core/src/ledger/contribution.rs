//! Contributions that this terminal has taken money for, and may give back.

use card_spec::person::PersonNumber;
use protocol::id::TransactionId;
use rusqlite::{Connection, params};

use super::{Ledger, LedgerError, Transaction, row};

impl Ledger {
    /// Payments of contributions that were recorded here, newest first, at most `rows_max`; of one person, or of all.
    pub fn contributions_taken(
        &self,
        person: Option<PersonNumber>,
        rows_max: u32,
    ) -> Result<Vec<Transaction>, LedgerError> {
        let sql = format!(
            "{} WHERE t.purpose = 6 AND t.abandoned = 0 AND (?1 IS NULL OR t.person = ?1)
             ORDER BY t.ordinal DESC LIMIT ?2",
            row::SELECT
        );
        let mut statement = self.connection().prepare_cached(&sql)?;
        let rows =
            statement.query_map(params![person.map(|person| person.key()), rows_max], row::transaction_of)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// A payment is taken back once, and only one that the center does not refuse: of that nothing is in any sum.
pub(super) fn require_reversible(connection: &Connection, of: TransactionId) -> Result<(), LedgerError> {
    let reversible = connection
        .prepare_cached(
            "SELECT 1 FROM txn WHERE id = ?1 AND purpose = 6 AND abandoned = 0 AND cancelled_by IS NULL
                 AND state < 5
                 AND NOT EXISTS (SELECT 1 FROM txn WHERE of = ?1 AND purpose = 7 AND sequence IS NULL)",
        )?
        .exists(params![of.0])?;
    if reversible { Ok(()) } else { Err(LedgerError::NothingToCancel { of }) }
}
