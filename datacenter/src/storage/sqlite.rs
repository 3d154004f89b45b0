//! The storage in one SQLite file: write-ahead log, every commit flushed to the disk.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{StorageError, StorageResult};
use columns::{damaged, failed};

mod audit;
mod benefits;
mod book;
mod columns;
mod contributions;
mod documents;
mod feed;
mod money;
mod schema;
mod service;
mod terminals;
mod transaction;

/// Longest wait for another program (the command line beside a running center) that holds the file.
pub const BUSY_TIMEOUT_MS: u64 = 10_000;

/// Most idle reading connections that are kept.
pub const READERS_MAX: usize = 8;

/// Pages in the write-ahead log after which it is written back, 64 MiB.
pub const CHECKPOINT_PAGES: u32 = 16_384;

/// How the file is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Memory for pages, in KiB, of the writing connection; reading ones have a quarter of it.
    pub cache_kib: u32,
    /// Most pages (of 4 KiB) of the file; `None` for as many as the disk holds. A write beyond it fails with
    /// [`StorageError::Full`] and changes nothing.
    pub pages_max: Option<u32>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        SqliteOptions { cache_kib: 64 << 10, pages_max: None }
    }
}

/// A center's storage in an SQLite file.
pub struct SqliteStorage {
    path: PathBuf,
    options: SqliteOptions,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl SqliteStorage {
    /// Makes a new storage. Errors: `Failed` when the file is already there.
    pub fn create(path: &Path, options: SqliteOptions) -> StorageResult<Self> {
        if path.exists() {
            return Err(StorageError::Failed { detail: format!("{} is already there", path.display()) });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut connection = connect(path, flags, options.cache_kib)?;
        let transaction = connection.transaction().map_err(failed)?;
        transaction.execute_batch(schema::CREATE).map_err(failed)?;
        transaction.execute_batch(schema::SERVICE).map_err(failed)?;
        transaction.execute_batch(schema::AMOUNTS).map_err(failed)?;
        transaction.execute_batch(schema::CONTRIBUTIONS).map_err(failed)?;
        transaction.pragma_update(None, "application_id", schema::APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", schema::LAYOUT).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Self::with_writer(path, options, connection)
    }

    /// Opens a storage.
    ///
    /// One of an earlier layout is brought to this program's. Errors: `Layout` for one of a later version, `Damaged` for what is no storage of a center.
    pub fn open(path: &Path, options: SqliteOptions) -> StorageResult<Self> {
        let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, options.cache_kib)?;
        if number(&connection, "application_id")? != schema::APPLICATION_ID {
            return Err(damaged("the file is no storage of a center"));
        }
        if layout(&connection)? < schema::LAYOUT {
            // Another program may do the same at the same time: look again inside the transaction.
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
            for step in schema::STEPS.iter().skip_while(|step| layout(&transaction).ok() != Some(step.0)) {
                transaction.execute_batch(step.1).map_err(failed)?;
                transaction.pragma_update(None, "user_version", step.0 + 1).map_err(failed)?;
            }
            transaction.commit().map_err(failed)?;
        }
        let got = layout(&connection)?;
        if got != schema::LAYOUT {
            return Err(StorageError::Layout { expected: schema::LAYOUT, got });
        }
        Self::with_writer(path, options, connection)
    }

    fn with_writer(path: &Path, options: SqliteOptions, writer: Connection) -> StorageResult<Self> {
        if let Some(pages) = options.pages_max {
            writer.pragma_update(None, "max_page_count", pages).map_err(failed)?;
        }
        Ok(SqliteStorage {
            path: path.to_owned(),
            options,
            writer: Mutex::new(writer),
            readers: Mutex::new(Vec::new()),
        })
    }

    /// Reads with a connection of the reader's own; sees the last commit.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> StorageResult<T>) -> StorageResult<T> {
        let idle = lock(&self.readers).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE, self.options.cache_kib / 4)?,
        };
        let result = work(&connection);
        let mut readers = lock(&self.readers);
        if readers.len() < READERS_MAX {
            readers.push(connection);
        }
        result
    }

    /// Writes in one transaction, rolled back on any error and on a panic.
    fn write<T>(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> StorageResult<T>,
    ) -> StorageResult<T> {
        let mut writer = lock(&self.writer);
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let value = work(&transaction)?;
        transaction.commit().map_err(failed)?;
        Ok(value)
    }
}

impl fmt::Debug for SqliteStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStorage").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A panic inside a transaction rolls it back, so what the lock guards stays sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn number(connection: &Connection, name: &str) -> StorageResult<i32> {
    connection.pragma_query_value(None, name, |row| row.get(0)).map_err(failed)
}

fn layout(connection: &Connection) -> StorageResult<u32> {
    Ok(u32::try_from(number(connection, "user_version")?).unwrap_or(0))
}

/// A connection with the settings that all connections of a center have.
fn connect(path: &Path, flags: OpenFlags, cache_kib: u32) -> StorageResult<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    settle(&connection, cache_kib).map_err(failed)?;
    Ok(connection)
}

/// The settings of a center's connections: write-ahead log, each commit on the disk before it is answered.
pub fn settle(connection: &Connection, cache_kib: u32) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_millis(BUSY_TIMEOUT_MS))?;
    connection.set_prepared_statement_cache_capacity(128);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A batch touches many pages all over the file, often the same as the batch before: written back together.
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", i64::from(CHECKPOINT_PAGES) * 4_096 * 2)?;
    Ok(())
}
