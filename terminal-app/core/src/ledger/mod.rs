//! The terminal's books (账本): what was intended, what the card did, what the center said.
//!
//! A transaction is a row, and the row is the queue: there is no second list that could disagree. Its name is
//! committed with the intention before anything irreversible happens; its state only moves forward, and the
//! file's own triggers see to that. When the outcome is known it gets the next sequence, its body is frozen as
//! the very bytes that are hashed, signed and sent, and the row becomes a link of the terminal's chain.
//!
//! ```text
//! intended ── arm ──► armed ── record / abandon ──► recorded ──► uploaded ──► booked | refused | conflict
//!     └──────────────────────── record / abandon ──────▲
//! ```
//!
//! One file, SQLCipher, WAL with `synchronous=FULL`: what a call returned from survives a power cut.

mod contribution;
mod error;
mod export;
mod fit;
mod halt;
mod head;
mod open;
mod pension;
mod query;
mod record;
mod refund;
mod retention;
mod row;
mod setting;
mod space;
mod transaction;
mod upload;
mod verify;
mod visit;

use protocol::{id::TerminalId, timestamp::Timestamp};
use rusqlite::Connection;

pub use error::LedgerError;
pub use export::{ExportError, Salvaged, salvage};
pub use halt::HaltReason;
pub use head::{Head, HeadInMemory, HeadKeeper, HeadKeeperError};
pub use query::{Filter, Status};
pub use refund::Owed;
pub use retention::{PURGE_RECORDS_MAX, Purged, RETENTION_MS_MIN};
pub use space::{Ballast, Space};
pub use transaction::{
    Arming, CardKey, CenterVerdict, Intention, Link, Outcome, Purpose, State, Transaction,
};
pub use upload::{Applied, PendingBatch};
pub(crate) use verify::last_link;
pub use verify::{BrokenPart, Verified};
pub(crate) use visit::require_number;
pub use visit::{
    FeeLine, LINE_BYTES_MAX, LINES_BYTES_MAX, LINES_MAX, NUMBER_BYTES_MAX, Numbered, Visit, VisitState,
};

use crate::{
    audit::{self, Actor, AuditEvent},
    keys::Identity,
    store::{self, CopyPlace, Durability, Layout, Settings, StoreError, StoreKey},
};

/// What tables the ledger has.
pub const LAYOUT: Layout = Layout {
    application_id: 0x4A42_4C31,
    versions: &[
        include_str!("schema.sql"),
        include_str!("schema_2.sql"),
        include_str!("schema_3.sql"),
        include_str!("schema_4.sql"),
    ],
};

/// The same tables in another kind of file: the books of a training terminal are never taken for real ones, nor
/// real ones for training.
pub const TRAINING_LAYOUT: Layout = Layout { application_id: 0x4A42_5431, ..LAYOUT };

/// How large a ledger may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// New business starts only while the file is below this many pages of [`store::PAGE_BYTES`].
    pub pages_max: u32,
    /// Further pages for what was begun, for receipts and for the audit.
    pub reserve_pages: u32,
}

/// Pages of the usual reserve.
const RESERVE_PAGES: u32 = 8_192;

/// The same in bytes: no single call of new business may come near to it.
const RESERVE_BYTES: usize = RESERVE_PAGES as usize * store::PAGE_BYTES as usize;

impl Default for Quota {
    /// 1 GiB, and 32 MiB in reserve: 90 days of a busy counter take about 200 MiB.
    fn default() -> Self {
        Quota { pages_max: 262_144, reserve_pages: RESERVE_PAGES }
    }
}

/// Who writes the ledger, and what is around it.
pub struct Setup {
    /// Terminal number, written into every body.
    pub terminal: TerminalId,
    /// Signs every link.
    pub identity: Identity,
    /// How large the file may become.
    pub quota: Quota,
    /// Keeps the head outside of the file.
    pub keeper: Box<dyn HeadKeeper>,
    /// Disk space kept back.
    pub ballast: Box<dyn Ballast>,
}

/// The open ledger.
pub struct Ledger {
    connection: Connection,
    terminal: TerminalId,
    identity: Identity,
    quota: Quota,
    keeper: Box<dyn HeadKeeper>,
    ballast: Box<dyn Ballast>,
    ballast_spent: bool,
    /// As last read here. Another connection may be ahead; a kept head may lag.
    intentions: u64,
    open_rows: std::cell::RefCell<open::OpenRows>,
}

impl Ledger {
    /// Opens the ledger, makes a new one in an empty file, and looks whether it is the one it was.
    ///
    /// Checks every page, the whole chain's digests and the last signature, and compares with the head kept
    /// outside: a second and a half for 36 000 records, ninety days of a busy counter. A ledger that was put
    /// back opens, but [`Ledger::halted`] says why no business is done on it.
    /// Lays the ballast; where the disk has no room for it, there is no new business until it has.
    /// Errors: `Store(Damaged)` when pages are torn (then [`salvage`] reads what can be read), `ChainBroken`,
    /// `Store(NewerLayout)`, `Store(Full)`: even to be opened the file needs some room, so the edge gives the
    /// ballast free and opens again.
    pub fn open(
        connection: Connection,
        key: &StoreKey,
        setup: Setup,
        copy: &mut dyn CopyPlace,
        now: Timestamp,
    ) -> Result<Self, LedgerError> {
        let settings = Settings {
            durability: Durability::EveryCommit,
            pages_max: setup.quota.pages_max.saturating_add(setup.quota.reserve_pages),
            memory_kib: 4_096,
            busy_timeout_ms: 5_000,
        };
        let layout = if setup.terminal.is_training() { &TRAINING_LAYOUT } else { &LAYOUT };
        let connection = store::open(connection, key, layout, &settings, copy)?;
        store::check(&connection)?;
        let Setup { terminal, identity, quota, keeper, ballast } = setup;
        let mut ledger = Ledger {
            connection,
            terminal,
            identity,
            quota,
            keeper,
            ballast,
            ballast_spent: false,
            intentions: 0,
            open_rows: Default::default(),
        };
        ledger.verify_quickly()?;
        ledger.compare_with_keeper(now)?;
        // Last: whoever gave the space free to get this far must not lose it again before the file is open.
        ledger.ballast_spent = !ledger.ballast.lay();
        Ok(ledger)
    }

    /// Whose ledger it is.
    pub fn terminal(&self) -> TerminalId {
        self.terminal
    }

    /// How far the ledger has come.
    pub fn head(&self) -> Result<Head, LedgerError> {
        Ok(Head { armed: self.armed()?, ..verify::place(&self.connection)? })
    }

    /// Closes the file and empties its log.
    pub fn close(self) -> Result<(), LedgerError> {
        store::checkpoint(&self.connection)?;
        self.connection.close().map_err(|(_, error)| StoreError::from(error))?;
        Ok(())
    }

    /// The connection, for what is kept in the same file.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// One durable change. Nothing of it stays when it fails.
    pub(crate) fn write<T>(
        &mut self,
        change: impl FnOnce(&Connection) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        // Prepared once: parsing these words anew costs as much as a small change.
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let open = Undone(&self.connection);
        let value = change(&self.connection)?;
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        drop(open);
        Ok(value)
    }

    /// Tells the keeper outside. The ledger is ahead until it does, which is in order.
    fn keep(&mut self, head: &Head) {
        // A keeper that fails weakens the next opening's check; it must not stop a transaction in flight.
        let _ = self.keeper.store(head);
    }

    fn compare_with_keeper(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        let head = self.head()?;
        self.intentions = head.intentions;
        match self.keeper.load().ok().flatten() {
            Some(kept) => {
                if let Some(reason) = self.compare_kept(&head, &kept)? {
                    // The kept head stays: it is the proof.
                    return self.halt(reason, now);
                }
            }
            None if head.intentions > 0 => self.audit(now, Actor::default(), &AuditEvent::HeadMissing)?,
            None => self.write(|transaction| {
                if audit::verify(transaction)? == 0 {
                    audit::append(transaction, now, Actor::default(), &AuditEvent::LedgerMade)?;
                }
                Ok(())
            })?,
        }
        self.keep(&head);
        Ok(())
    }
}

/// Takes a change back that was not committed, also when it panicked.
struct Undone<'a>(&'a Connection);

impl Drop for Undone<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // Fails only when SQLite has taken the change back by itself.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}
