//! Transactions without an outcome, found without an index that each record would have to write.

use super::{Ledger, LedgerError};

/// Rows that were open when they were last looked for, and up to where.
///
/// A row never becomes open again, so the open ones are always among these and those that came after.
#[derive(Debug, Default)]
pub(super) struct OpenRows {
    ordinals: Vec<i64>,
    upto: i64,
}

impl Ledger {
    /// Ordinals of the transactions without an outcome, oldest first.
    ///
    /// The first call reads all rows, later ones only what is new. Not for use inside of a change: what is
    /// taken back there would be forgotten here.
    pub(super) fn open_ordinals(&self) -> Result<Vec<i64>, LedgerError> {
        debug_assert!(self.connection().is_autocommit(), "only between changes");
        let mut open = self.open_rows.borrow_mut();
        let mut newer = self.connection().prepare_cached(
            "SELECT ordinal, sequence IS NULL FROM txn WHERE ordinal > ?1 ORDER BY ordinal",
        )?;
        let mut rows = newer.query([open.upto])?;
        while let Some(row) = rows.next()? {
            open.upto = row.get(0)?;
            if row.get(1)? {
                let ordinal = open.upto;
                open.ordinals.push(ordinal);
            }
        }
        let mut still =
            self.connection().prepare_cached("SELECT 1 FROM txn WHERE ordinal = ?1 AND sequence IS NULL")?;
        let mut failed = None;
        open.ordinals.retain(|ordinal| match still.exists([ordinal]) {
            Ok(open) => open,
            Err(error) => {
                failed.get_or_insert(error);
                true
            }
        });
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(open.ordinals.clone()),
        }
    }

    /// How many of them a card was asked for.
    pub(super) fn armed(&self) -> Result<u64, LedgerError> {
        let mut statement =
            self.connection().prepare_cached("SELECT 1 FROM txn WHERE ordinal = ?1 AND state = 1")?;
        let mut armed = 0;
        for ordinal in self.open_ordinals()? {
            armed += u64::from(statement.exists([ordinal])?);
        }
        Ok(armed)
    }
}
