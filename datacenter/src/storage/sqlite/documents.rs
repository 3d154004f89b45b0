//! Rules and limits.

use protocol::{id::TerminalId, limits::OfflineLimits, rules::RulesDocument, timestamp::Timestamp};
use rusqlite::params;

use super::{
    SqliteStorage,
    columns::{damaged, failed, terminal, terminal_number, unsigned},
    feed::{counter, set_counter},
};
use crate::storage::{
    Documents, StorageResult,
    rows::{LimitsRow, RulesRows},
};

impl Documents for SqliteStorage {
    fn put_rules(&self, document: &RulesDocument) -> StorageResult<u64> {
        self.write(|transaction| {
            transaction
                .execute(
                    "INSERT INTO rules (version, effective_from, configuration) VALUES (?1, ?2, ?3)
                     ON CONFLICT (version) DO UPDATE SET
                     effective_from = excluded.effective_from, configuration = excluded.configuration",
                    params![document.version, document.effective_from, document.configuration],
                )
                .map_err(failed)?;
            let revision = counter(transaction, "rules")? + 1;
            set_counter(transaction, "rules", revision)?;
            unsigned(revision)
        })
    }

    fn rules(&self) -> StorageResult<RulesRows> {
        self.read(|connection| {
            let connection = connection.unchecked_transaction().map_err(failed)?;
            let revision = unsigned(counter(&connection, "rules")?)?;
            let mut statement = connection
                .prepare_cached(
                    "SELECT version, effective_from, configuration FROM rules ORDER BY effective_from, version",
                )
                .map_err(failed)?;
            let rows = statement
                .query_map([], |row| {
                    Ok(RulesDocument {
                        version: row.get(0)?,
                        effective_from: row.get(1)?,
                        configuration: row.get(2)?,
                    })
                })
                .map_err(failed)?;
            let documents = rows.collect::<Result<_, _>>().map_err(failed)?;
            Ok(RulesRows { revision, documents })
        })
    }

    fn set_limits(
        &self,
        of: Option<TerminalId>,
        limits: &OfflineLimits,
        at: Timestamp,
    ) -> StorageResult<u64> {
        self.write(|transaction| {
            let version = counter(transaction, "limits")? + 1;
            set_counter(transaction, "limits", version)?;
            let version_number = unsigned(version)?;
            let limits = OfflineLimits { version: version_number, ..limits.clone() };
            let document = serde_json::to_string(&limits).map_err(|_| damaged("limits"))?;
            let of = of.map(terminal_number);
            transaction
                .execute(
                    "UPDATE limits SET in_force_until = ?2 WHERE terminal IS ?1 AND in_force_until IS NULL",
                    params![of, at.0],
                )
                .map_err(failed)?;
            transaction
                .execute(
                    "INSERT INTO limits (version, terminal, in_force_from, document) VALUES (?1, ?2, ?3, ?4)",
                    params![version, of, at.0, document],
                )
                .map_err(failed)?;
            Ok(version_number)
        })
    }

    fn limits(&self, of: TerminalId) -> StorageResult<Vec<LimitsRow>> {
        self.limits_rows(Some(of))
    }

    fn common_limits(&self) -> StorageResult<Vec<LimitsRow>> {
        self.limits_rows(None)
    }
}

impl SqliteStorage {
    fn limits_rows(&self, of: Option<TerminalId>) -> StorageResult<Vec<LimitsRow>> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached(
                    "SELECT terminal, in_force_from, in_force_until, document FROM limits
                     WHERE terminal IS NULL OR terminal = ?1 ORDER BY version DESC",
                )
                .map_err(failed)?;
            let mut rows = statement.query([of.map(terminal_number)]).map_err(failed)?;
            let mut limits = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let document: String = row.get(3).map_err(failed)?;
                limits.push(LimitsRow {
                    limits: serde_json::from_str(&document).map_err(|_| damaged("limits"))?,
                    terminal: row.get::<_, Option<i64>>(0).map_err(failed)?.map(terminal).transpose()?,
                    from: Timestamp(row.get(1).map_err(failed)?),
                    until: row.get::<_, Option<i64>>(2).map_err(failed)?.map(Timestamp),
                });
            }
            Ok(limits)
        })
    }
}
