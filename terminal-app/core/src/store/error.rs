use std::fmt;

use rusqlite::{ErrorCode, ffi};

/// Why an encrypted file could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// The file is torn, changed or not opened with its key. A cache is rebuilt; a ledger stops business.
    Damaged {
        /// What SQLite or SQLCipher said; holds no contents.
        detail: String,
    },
    /// The disk or the file's quota is full; the transaction was rolled back.
    Full,
    /// Another connection holds the file for longer than the time-out; nothing was changed.
    Busy,
    /// Written by a later version of this program; left untouched. For the installer.
    NewerLayout {
        /// Version of the file.
        found: u32,
        /// Newest version this program knows.
        known: u32,
    },
    /// A database of another kind.
    OtherFile {
        /// Its `application_id`.
        found: i32,
    },
    /// The disk failed; the transaction was rolled back.
    Io {
        /// SQLite's extended result code.
        code: i32,
    },
    /// The copy before a migration could not be made; nothing was migrated.
    Copy {
        /// What was wrong.
        detail: String,
    },
    /// The file's own rules (constraints, triggers) forbid the change; nothing was changed. Our fault.
    Refused {
        /// Which rule.
        detail: String,
    },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(failure, message) => {
                let detail = message.unwrap_or_else(|| failure.to_string());
                let code = failure.extended_code;
                match failure.code {
                    ErrorCode::DiskFull => StoreError::Full,
                    // The shared-memory file of the log could not grow: the disk is full as well.
                    _ if code == ffi::SQLITE_IOERR_SHMSIZE => StoreError::Full,
                    ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy,
                    ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly => {
                        StoreError::Io { code }
                    }
                    ErrorCode::ConstraintViolation | ErrorCode::ApiMisuse => StoreError::Refused { detail },
                    // SQLCipher reports a page with a wrong MAC as a plain error, a wrong first page as
                    // "not a database". All statements here are fixed text, so an error can be nothing else.
                    _ => StoreError::Damaged { detail },
                }
            }
            // A number that no column holds.
            rusqlite::Error::ToSqlConversionFailure(error) => {
                StoreError::Refused { detail: error.to_string() }
            }
            // A value that our own statements never write: the row is not as it was written.
            other => StoreError::Damaged { detail: other.to_string() },
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { detail } => write!(f, "the file is damaged or the key is wrong: {detail}"),
            Self::Full => f.write_str("the disk or the file's quota is full"),
            Self::Busy => f.write_str("another program holds the file"),
            Self::NewerLayout { found, known } => {
                write!(f, "the file has layout {found}, this program knows up to {known}")
            }
            Self::OtherFile { found } => write!(f, "the file is of another kind ({found:#010x})"),
            Self::Io { code } => write!(f, "the disk failed (SQLite code {code})"),
            Self::Copy { detail } => write!(f, "no copy could be made before the migration: {detail}"),
            Self::Refused { detail } => write!(f, "the change is against the file's rules: {detail}"),
        }
    }
}

impl std::error::Error for StoreError {}
