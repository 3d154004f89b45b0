//! The eligibility cache (参保缓存): what the center knows of ten million people, on this machine.
//!
//! A copy, fed by a stream of signed pages with a cursor; the page and the cursor are one commit, so that
//! filling goes on where it stopped. Encrypted (SQLCipher), WAL with `synchronous=NORMAL`: a power cut may take
//! the last pages back, and they come again. Each page of the file carries a MAC, so a flipped bit is an
//! error, never another person's entry; on [`CacheError::Damaged`] the edge puts the file aside and starts
//! from an empty one.

mod documents;
mod eligibility;
mod fill;
mod pension;
mod public;

use std::{cell::Cell, fmt};

use card_spec::region::RegionCode;
use protocol::{signature::PublicKey, timestamp::Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

pub use eligibility::{CONTRIBUTION_GRACE_MONTHS, Eligibility, NotEligible};
pub use pension::KnownPension;
pub use public::PublicProgress;

use crate::store::{self, Durability, Layout, Settings, StoreError, StoreKey};

/// What tables the cache has.
pub const LAYOUT: Layout = Layout {
    application_id: 0x4A42_4331,
    versions: &[include_str!("schema.sql"), include_str!("schema_2.sql"), include_str!("schema_3.sql")],
};

/// Quota of the file: 4 GiB; ten million people take about 0.5 GiB.
pub const PAGES_MAX: u32 = 1 << 20;

/// Pages held in memory, in KiB: all inner pages of ten million people and the most used leaves.
const MEMORY_KIB: u32 = 16_384;

/// The open cache.
pub struct Cache {
    connection: Connection,
    center: PublicKey,
    city: RegionCode,
    /// As last read; another connection may be ahead (see [`Cache::look_up`]).
    feed: Cell<Feed>,
}

/// Where in the feed the copy stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Feed {
    epoch: u64,
    cursor: u64,
    newest: u64,
    as_of: Option<Timestamp>,
    seen_at: Option<Timestamp>,
}

/// How far the cache is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The feed's generation, 0 before the first page.
    pub epoch: u64,
    /// Changes applied.
    pub cursor: u64,
    /// Changes there are, as far as known.
    pub newest: u64,
    /// When the copy was last complete, by the center's clock. `None` while it is filled for the first time.
    pub as_of: Option<Timestamp>,
}

impl Progress {
    /// Everything known to exist has been applied.
    pub fn complete(&self) -> bool {
        self.as_of.is_some() && self.cursor == self.newest
    }
}

impl Cache {
    /// Opens the cache of a city, or makes a new one in an empty file.
    ///
    /// Reads the first pages only; damage further on shows when it is met, or in [`Cache::check`].
    /// Errors: `Damaged` and `OtherCity` (put the file aside, start again), `Store`.
    pub fn open(
        connection: Connection,
        key: &StoreKey,
        center: PublicKey,
        city: RegionCode,
    ) -> Result<Self, CacheError> {
        let settings = Settings {
            durability: Durability::Consistent,
            pages_max: PAGES_MAX,
            memory_kib: MEMORY_KIB,
            busy_timeout_ms: 5_000,
        };
        let connection = store::open(connection, key, &LAYOUT, &settings, &mut ())?;
        connection.execute(
            "INSERT OR IGNORE INTO feed (id, city, epoch, cursor, newest) VALUES (1, ?1, 0, 0, 0)",
            [city.as_str()],
        )?;
        let stored: String = connection.query_row("SELECT city FROM feed", [], |row| row.get(0))?;
        if stored != city.as_str() {
            return Err(CacheError::OtherCity);
        }
        let cache = Cache { connection, center, city, feed: Cell::new(Feed::default()) };
        cache.reload()?;
        Ok(cache)
    }

    /// Reads the whole file: two seconds for ten million people on a desktop processor.
    ///
    /// For `doctor`, and after the machine went down without closing. Errors: `Damaged`.
    pub fn check(&self) -> Result<(), CacheError> {
        Ok(store::check(&self.connection)?)
    }

    /// How far the cache is filled.
    pub fn progress(&self) -> Result<Progress, CacheError> {
        let Feed { epoch, cursor, newest, as_of, .. } = self.reload()?;
        Ok(Progress { epoch, cursor, newest, as_of })
    }

    /// Age of the copy, as the rules look at it. `None` while it is filled for the first time.
    ///
    /// `now` should be the center's time as far as it is known. Negative when the clock is behind the copy.
    pub fn age_ms(&self, now: Timestamp) -> Result<Option<i64>, CacheError> {
        Ok(self.reload()?.as_of.map(|as_of| now.0.saturating_sub(as_of.0)))
    }

    /// People and blocked cards in the cache. Counts every row: about a second for ten million.
    pub fn count(&self) -> Result<(u64, u64), CacheError> {
        let people = self.connection.query_row("SELECT count(*) FROM person", [], |row| row.get(0))?;
        let blocked = self.connection.query_row("SELECT count(*) FROM blocked", [], |row| row.get(0))?;
        Ok((people, blocked))
    }

    /// Bytes of the file.
    pub fn file_bytes(&self) -> Result<u64, CacheError> {
        let pages: u64 = self.connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        Ok(pages * u64::from(store::PAGE_BYTES))
    }

    /// Closes the file and empties its log.
    pub fn close(self) -> Result<(), CacheError> {
        store::checkpoint(&self.connection)?;
        self.connection.close().map_err(|(_, error)| StoreError::from(error))?;
        Ok(())
    }

    fn reload(&self) -> Result<Feed, CacheError> {
        let feed = Cache::load(&self.connection)?;
        self.feed.set(feed);
        Ok(feed)
    }

    fn load(connection: &Connection) -> Result<Feed, CacheError> {
        connection
            .prepare_cached("SELECT epoch, cursor, newest, as_of, seen_at FROM feed WHERE id = 1")?
            .query_row([], |row| {
                Ok(Feed {
                    epoch: row.get(0)?,
                    cursor: row.get(1)?,
                    newest: row.get(2)?,
                    as_of: row.get::<_, Option<i64>>(3)?.map(Timestamp),
                    seen_at: row.get::<_, Option<i64>>(4)?.map(Timestamp),
                })
            })
            .optional()?
            .ok_or_else(|| CacheError::Damaged { detail: "the feed's row is missing".into() })
    }

    fn save(connection: &Connection, feed: &Feed) -> Result<(), CacheError> {
        connection
            .prepare_cached(
                "UPDATE feed SET epoch = ?1, cursor = ?2, newest = ?3, as_of = ?4, seen_at = ?5 WHERE id = 1",
            )?
            .execute(params![
                feed.epoch,
                feed.cursor,
                feed.newest,
                feed.as_of.map(|at| at.0),
                feed.seen_at.map(|at| at.0)
            ])?;
        Ok(())
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("city", &self.city)
            .field("feed", &self.feed.get())
            .finish_non_exhaustive()
    }
}

/// Why the cache did not do what was asked. The last complete state stays in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheError {
    /// Torn, changed or opened with the wrong key: put the file aside and start from an empty one.
    Damaged {
        /// What was wrong; holds no contents.
        detail: String,
    },
    /// A cache or a page of another city: for a cache, put the file aside.
    OtherCity,
    /// A page or document that the center did not sign.
    NotSigned,
    /// Signed, but this version cannot read it.
    Content,
    /// The page does not follow the cursor: left out, or sent again.
    OutOfOrder {
        /// The cursor here.
        expected: u64,
        /// Where the page starts.
        got: u64,
    },
    /// A page of a feed that was replaced since, or a document older than the stored one.
    Outdated,
    /// The file: full, busy, of a later version, or the disk failed.
    Store(StoreError),
}

impl From<StoreError> for CacheError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged { detail } => CacheError::Damaged { detail },
            StoreError::OtherFile { found } => {
                CacheError::Damaged { detail: format!("a file of another kind ({found:#010x})") }
            }
            other => CacheError::Store(other),
        }
    }
}

impl From<rusqlite::Error> for CacheError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl fmt::Display for CacheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { detail } => write!(f, "the eligibility cache is damaged: {detail}"),
            Self::OtherCity => f.write_str("of another city"),
            Self::NotSigned => f.write_str("not signed by the center"),
            Self::Content => f.write_str("signed by the center, but not readable for this version"),
            Self::OutOfOrder { expected, got } => write!(f, "the page starts at {got}, expected {expected}"),
            Self::Outdated => f.write_str("older than what is stored"),
            Self::Store(error) => write!(f, "eligibility cache: {error}"),
        }
    }
}

impl std::error::Error for CacheError {}
