//! Single values that outlive a restart.

use rusqlite::{OptionalExtension, params};

use super::{Ledger, LedgerError};

impl Ledger {
    pub(crate) fn setting(&self, name: &str) -> Result<Option<String>, LedgerError> {
        Ok(self
            .connection()
            .prepare_cached("SELECT value FROM setting WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?)
    }

    pub(crate) fn set_setting(&mut self, name: &str, value: &str) -> Result<(), LedgerError> {
        self.write_in_flight(|transaction| {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)")?
                .execute(params![name, value])?;
            Ok(())
        })
    }
}
