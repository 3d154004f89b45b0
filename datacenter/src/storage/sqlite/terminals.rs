//! Terminals, codes and certificates.

use protocol::{
    id::TerminalId,
    signature::{Digest, PublicKey},
    timestamp::Timestamp,
};
use rusqlite::{OptionalExtension, Row, params};

use super::{
    SqliteStorage,
    columns::{failed, public_key, terminal, terminal_number},
};
use crate::storage::{
    StorageResult, Terminals,
    rows::{CertificateRow, CodeRow, Institution, TerminalRow},
};

/// Codes are kept this long after they have run out, so that a late answer can still say so.
const CODE_KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// Certificates of one terminal that are good at the same time; older ones are forgotten and refused.
pub(super) const CERTIFICATES_MAX: i64 = 20;

const TERMINAL_COLUMNS: &str =
    "terminal, institution_code, institution_name, level, identity, blocked, enrolled_at";

fn terminal_row(row: &Row<'_>) -> StorageResult<TerminalRow> {
    let identity: Option<Vec<u8>> = row.get(4).map_err(failed)?;
    Ok(TerminalRow {
        terminal: terminal(row.get(0).map_err(failed)?)?,
        institution: institution(row, 1).map_err(failed)?,
        identity: identity.as_deref().map(public_key).transpose()?,
        blocked: row.get(5).map_err(failed)?,
        enrolled_at: row.get::<_, Option<i64>>(6).map_err(failed)?.map(Timestamp),
    })
}

fn institution(row: &Row<'_>, first: usize) -> rusqlite::Result<Institution> {
    Ok(Institution { code: row.get(first)?, name: row.get(first + 1)?, level: row.get(first + 2)? })
}

impl Terminals for SqliteStorage {
    fn put_code(&self, code: &CodeRow) -> StorageResult<()> {
        self.write(|transaction| {
            transaction
                .execute(
                    "INSERT INTO code
                     (digest, terminal, institution_code, institution_name, level, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    params![
                        code.digest.0.as_slice(),
                        terminal_number(code.terminal),
                        code.institution.code,
                        code.institution.name,
                        code.institution.level,
                        code.expires_at.0,
                    ],
                )
                .map_err(failed)?;
            transaction
                .execute("DELETE FROM code WHERE expires_at < ?1", [code.made_at.0 - CODE_KEPT_MS])
                .map_err(failed)?;
            Ok(())
        })
    }

    fn redeem_code(
        &self,
        digest: Digest,
        terminal: TerminalId,
        identity: PublicKey,
        at: Timestamp,
    ) -> StorageResult<Option<Institution>> {
        let number = terminal_number(terminal);
        self.write(|transaction| {
            let place = transaction
                .query_row(
                    "UPDATE code SET used_by = ?3
                     WHERE digest = ?1 AND terminal = ?2 AND expires_at > ?4
                         AND (used_by IS NULL OR used_by = ?3)
                     RETURNING institution_code, institution_name, level",
                    params![digest.0.as_slice(), number, identity.0.as_slice(), at.0],
                    |row| institution(row, 0),
                )
                .optional()
                .map_err(failed)?;
            let Some(place) = place else { return Ok(None) };
            let previous: Option<Option<Vec<u8>>> = transaction
                .query_row("SELECT identity FROM terminal WHERE terminal = ?1", [number], |row| row.get(0))
                .optional()
                .map_err(failed)?;
            if previous.flatten().is_some_and(|previous| previous != identity.0) {
                transaction
                    .execute("UPDATE certificate SET revoked = 1 WHERE terminal = ?1", [number])
                    .map_err(failed)?;
            }
            transaction
                .execute(
                    "INSERT INTO terminal
                     (terminal, institution_code, institution_name, level, identity, enrolled_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (terminal) DO UPDATE SET
                         institution_code = excluded.institution_code,
                         institution_name = excluded.institution_name,
                         level = excluded.level,
                         identity = excluded.identity,
                         enrolled_at = excluded.enrolled_at",
                    params![number, place.code, place.name, place.level, identity.0.as_slice(), at.0],
                )
                .map_err(failed)?;
            Ok(Some(place))
        })
    }

    fn terminal(&self, terminal: TerminalId) -> StorageResult<Option<TerminalRow>> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached(&format!("SELECT {TERMINAL_COLUMNS} FROM terminal WHERE terminal = ?1"))
                .map_err(failed)?;
            let mut rows = statement.query([terminal_number(terminal)]).map_err(failed)?;
            rows.next().map_err(failed)?.map(terminal_row).transpose()
        })
    }

    fn terminals(&self) -> StorageResult<Vec<TerminalRow>> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached(&format!("SELECT {TERMINAL_COLUMNS} FROM terminal ORDER BY terminal"))
                .map_err(failed)?;
            let mut rows = statement.query([]).map_err(failed)?;
            let mut terminals = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                terminals.push(terminal_row(row)?);
            }
            Ok(terminals)
        })
    }

    fn set_blocked(&self, terminal: TerminalId, blocked: bool) -> StorageResult<bool> {
        self.write(|transaction| {
            let touched = transaction
                .execute(
                    "UPDATE terminal SET blocked = ?2 WHERE terminal = ?1",
                    params![terminal_number(terminal), blocked],
                )
                .map_err(failed)?;
            Ok(touched > 0)
        })
    }

    fn put_certificate(&self, certificate: &CertificateRow) -> StorageResult<()> {
        self.write(|transaction| {
            transaction
                .execute(
                    "INSERT INTO certificate (fingerprint, terminal, issued_at, expires_at, revoked)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![
                        certificate.fingerprint.0.as_slice(),
                        terminal_number(certificate.terminal),
                        certificate.issued_at.0,
                        certificate.expires_at.0,
                        certificate.revoked,
                    ],
                )
                .map_err(failed)?;
            transaction
                .execute(
                    "DELETE FROM certificate WHERE terminal = ?1 AND fingerprint NOT IN (
                         SELECT fingerprint FROM certificate WHERE terminal = ?1
                         ORDER BY issued_at DESC LIMIT ?2)",
                    params![terminal_number(certificate.terminal), CERTIFICATES_MAX],
                )
                .map_err(failed)?;
            Ok(())
        })
    }

    fn certificate(&self, fingerprint: Digest) -> StorageResult<Option<CertificateRow>> {
        self.read(|connection| {
            let row = connection
                .prepare_cached(
                    "SELECT terminal, issued_at, expires_at, revoked FROM certificate WHERE fingerprint = ?1",
                )
                .and_then(|mut statement| {
                    statement
                        .query_row([fingerprint.0.as_slice()], |row| {
                            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                        })
                        .optional()
                })
                .map_err(failed)?;
            let Some((number, issued_at, expires_at, revoked)) = row else { return Ok(None) };
            Ok(Some(CertificateRow {
                fingerprint,
                terminal: terminal(number)?,
                issued_at: Timestamp(issued_at),
                expires_at: Timestamp(expires_at),
                revoked,
            }))
        })
    }
}
