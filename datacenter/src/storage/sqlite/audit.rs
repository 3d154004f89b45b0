//! The audit log.

use protocol::timestamp::Timestamp;
use rusqlite::params;

use super::{SqliteStorage, columns::failed};
use crate::storage::{Audit, StorageResult, rows::AuditRow};

impl Audit for SqliteStorage {
    fn note(&self, row: &AuditRow) -> StorageResult<()> {
        self.write(|transaction| {
            transaction
                .prepare_cached("INSERT INTO audit (at, actor, action, subject) VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut statement| {
                    statement.execute(params![row.at.0, row.actor, row.action, row.subject])
                })
                .map_err(failed)?;
            Ok(())
        })
    }

    fn audit(&self, count_max: usize) -> StorageResult<Vec<AuditRow>> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT at, actor, action, subject FROM audit ORDER BY number DESC LIMIT ?1")
                .map_err(failed)?;
            let rows = statement
                .query_map([super::book::limit(count_max)], |row| {
                    Ok(AuditRow {
                        at: Timestamp(row.get(0)?),
                        actor: row.get(1)?,
                        action: row.get(2)?,
                        subject: row.get(3)?,
                    })
                })
                .map_err(failed)?;
            rows.collect::<Result<_, _>>().map_err(failed)
        })
    }
}
