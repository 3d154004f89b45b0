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

    /// Several at once, all or none.
    pub(crate) fn set_settings(&mut self, settings: &[(String, String)]) -> Result<(), LedgerError> {
        self.write_in_flight(|transaction| {
            let mut statement =
                transaction.prepare_cached("INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)")?;
            for (name, value) in settings {
                statement.execute(params![name, value])?;
            }
            Ok(())
        })
    }

    /// A document of this terminal's, signed by its identity key.
    pub(crate) fn signed<T: serde::Serialize>(
        &self,
        purpose: &str,
        document: &T,
    ) -> serde_json::Result<protocol::signature::Signed> {
        protocol::signature::Signed::new(self.identity.key_pair(), purpose, document)
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
