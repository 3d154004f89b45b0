use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// What tables a file has, version by version.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Written into the file's header; tells our files from others and from each other.
    pub application_id: i32,
    /// Statements that lead from version `n` to `n + 1`; the first ones start from an empty file. Released
    /// ones are never changed, only added to.
    pub versions: &'static [&'static str],
}

/// Says where the copy before a migration goes.
pub trait CopyPlace {
    /// Name of a new file for the copy of a file whose layout has version `from`; the copy has the same key.
    ///
    /// `None` lets the migration go ahead without one; only files that can be rebuilt do that.
    fn place(&mut self, from: u32) -> Option<String>;
}

/// For files that can be rebuilt: no copy.
impl CopyPlace for () {
    fn place(&mut self, _from: u32) -> Option<String> {
        None
    }
}

impl<F: FnMut(u32) -> Option<String>> CopyPlace for F {
    fn place(&mut self, from: u32) -> Option<String> {
        self(from)
    }
}

impl Layout {
    /// Newest version this program knows.
    pub fn known(&self) -> u32 {
        u32::try_from(self.versions.len()).unwrap_or(u32::MAX)
    }

    /// Reads the header only: neither a newer nor a foreign file is written to.
    pub(super) fn refuse_others(&self, connection: &Connection) -> Result<(), StoreError> {
        let found: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if found != self.application_id && (found != 0 || tables != 0) {
            return Err(StoreError::OtherFile { found });
        }
        let (found, known) = (version(connection)?, self.known());
        if found > known { Err(StoreError::NewerLayout { found, known }) } else { Ok(()) }
    }

    pub(super) fn bring_up_to_date(
        &self,
        connection: &mut Connection,
        copy: &mut dyn CopyPlace,
    ) -> Result<(), StoreError> {
        let from = version(connection)?;
        if from == self.known() {
            return Ok(());
        }
        if from > 0
            && let Some(place) = copy.place(from)
        {
            connection
                .execute("VACUUM INTO ?1", [&place])
                .map_err(|error| StoreError::Copy { detail: StoreError::from(error).to_string() })?;
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster.
        let from = version(&transaction)?;
        for statements in self.versions.iter().skip(from as usize) {
            transaction.execute_batch(statements)?;
        }
        transaction.execute_batch(&format!(
            "PRAGMA user_version = {}; PRAGMA application_id = {};",
            self.known().max(from),
            self.application_id
        ))?;
        transaction.commit()?;
        Ok(())
    }
}

fn version(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.query_row("PRAGMA user_version", [], |row| row.get(0))?)
}
