//! Encrypted SQLite files: opening, layout versions, checks, quota and plain copies.
//!
//! The edge hands over an open connection (or an [`Opener`] where a damaged file has to be opened again and
//! again); no path is known here. Files are SQLCipher 4 with its defaults and a raw 32-byte key, so that
//! the `sqlcipher` shell opens them with `PRAGMA key = "x'…'"`.

mod error;
mod key;
mod layout;

use rusqlite::Connection;

pub use error::StoreError;
pub use key::StoreKey;
pub use layout::{CopyPlace, Layout};

/// Opens further connections to one and the same file.
pub trait Opener {
    /// A fresh connection, not keyed yet.
    fn open(&self) -> rusqlite::Result<Connection>;
}

/// How much a commit is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A returned commit survives a power cut (`synchronous=FULL`): money.
    EveryCommit,
    /// A power cut may take the last commits back, never tear one (`synchronous=NORMAL`): copies.
    Consistent,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What a commit is worth.
    pub durability: Durability,
    /// Quota: the file never grows beyond this many pages of [`PAGE_BYTES`].
    pub pages_max: u32,
    /// Pages held in memory, in KiB.
    pub memory_kib: u32,
    /// Longest wait for another connection's transaction.
    pub busy_timeout_ms: u32,
}

/// Bytes of a page; SQLCipher's default, so that foreign tools open the file without further settings.
pub const PAGE_BYTES: u32 = 4096;

/// Opens a file: key, settings, identity of the file, layout brought up to date.
///
/// An empty file is laid out anew. An older layout is copied first to where `copy` says, then migrated in
/// one transaction.
/// Errors: `Damaged` for a wrong key, a torn or a foreign file; `OtherFile` for a database of another
/// kind; `NewerLayout` for a file of a later version, which is left as it is; `Copy` when the copy failed,
/// and then nothing is migrated; `Full`, `Busy`, `Io`.
pub fn open(
    mut connection: Connection,
    key: &StoreKey,
    layout: &Layout,
    settings: &Settings,
    copy: &mut dyn CopyPlace,
) -> Result<Connection, StoreError> {
    unlock(&connection, key)?;
    connection.busy_timeout(std::time::Duration::from_millis(settings.busy_timeout_ms.into()))?;
    layout.refuse_others(&connection)?;
    let synchronous = match settings.durability {
        Durability::EveryCommit => "FULL",
        Durability::Consistent => "NORMAL",
    };
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = {synchronous};
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA cache_size = -{};
         PRAGMA max_page_count = {};",
        settings.memory_kib, settings.pages_max,
    ))?;
    layout.bring_up_to_date(&mut connection, copy)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Gives a connection its key and reads the first page with it.
///
/// Errors: `Damaged` when the key is wrong or the first page is torn; the two cannot be told apart.
pub fn unlock(connection: &Connection, key: &StoreKey) -> Result<(), StoreError> {
    connection.execute_batch(&key.pragma())?;
    // SQLCipher writes every failed page to standard error otherwise; the result code says it all.
    connection.execute_batch("PRAGMA cipher_log_level = NONE;")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(())
}

/// Reads the whole file: every page's MAC, then the structure (without index contents).
///
/// Takes about seven seconds a gigabyte on a desktop processor. Errors: `Damaged`.
pub fn check(connection: &Connection) -> Result<(), StoreError> {
    let mut pages = connection.prepare("PRAGMA cipher_integrity_check")?;
    if let Some(row) = pages.query([])?.next()? {
        return Err(StoreError::Damaged { detail: row.get(0)? });
    }
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged { detail: verdict }) }
}

/// Moves what is in the write-ahead log into the file and empties the log, as far as other readers allow.
pub fn checkpoint(connection: &Connection) -> Result<(), StoreError> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Writes a plain, unencrypted copy of everything to a new file at `place`.
///
/// `afterwards` are statements on the copy, schema `plain`, that take out what must not leave the terminal.
/// The copy holds personal data in the clear: the edge asks for a role first.
/// Errors: `Refused` when `place` already holds a database, `Full`, `Io`, `Damaged`.
pub fn export_plain(connection: &Connection, place: &str, afterwards: &str) -> Result<(), StoreError> {
    connection.execute("ATTACH DATABASE ?1 AS plain KEY ''", [place])?;
    let exported = (|| {
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM plain.sqlite_schema", [], |row| row.get(0))?;
        if tables != 0 {
            return Err(StoreError::Refused { detail: "the place of the plain copy is taken".into() });
        }
        connection.query_row("SELECT sqlcipher_export('plain')", [], |_| Ok(()))?;
        let version: i64 = connection.query_row("PRAGMA main.user_version", [], |row| row.get(0))?;
        let application: i64 = connection.query_row("PRAGMA main.application_id", [], |row| row.get(0))?;
        connection.execute_batch(&format!(
            "PRAGMA plain.user_version = {version}; PRAGMA plain.application_id = {application}; {afterwards}"
        ))?;
        Ok(())
    })();
    let detached = connection.execute_batch("DETACH DATABASE plain");
    exported.and(detached.map_err(StoreError::from))
}
