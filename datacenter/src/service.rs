//! Public service (公共服务): what kiosks and desks ask for, answered from the center's own tables.
//!
//! It stands beside [`production`](crate::production) and books nothing. It tells a person about the person, given
//! a fresh proof that the card's holder is there; it locks cards; it publishes articles, offices and vacancies.
//! Every question about a person is written down with the terminal that asked and how it ended.

use std::sync::{Arc, Mutex, PoisonError};

use protocol::{
    id::TerminalId,
    problem::{Problem, ProblemKind},
    service::{Desk, Document, document::Here},
    timestamp::Timestamp,
};

use crate::{
    error::Error,
    production::{Production, storage_problem},
    storage::{Storage, service::DeskRow},
};

mod asking;
mod dues;
pub mod files;
mod import;
mod loss;
mod personal;
mod public;
pub mod table;

pub use loss::name_digest;

/// Answers about one person in an hour.
pub const ANSWERS_PER_PERSON_MAX: u64 = 120;

/// Questions about people by one terminal in an hour, however they end.
pub const QUESTIONS_PER_TERMINAL_MAX: u64 = 1_200;

/// Wrong names for one person in a day.
pub const WRONG_NAMES_PER_PERSON_MAX: u64 = 3;

/// Wrong names told by one terminal in an hour.
pub const WRONG_NAMES_PER_TERMINAL_MAX: u64 = 10;

/// How long it is kept who asked what about whom. Network logs have to be kept for six months at least (网络安全法 art.
/// 21); a year also covers a yearly audit. After that nobody can say that they were needed.
pub const ASKED_RETENTION_DAYS: i64 = 365;

/// How often old ones are looked for, at the most.
pub const ASKED_PURGE_INTERVAL_MS: i64 = 60_000;

/// Most that are forgotten at one time, so that no question waits for it.
pub const ASKED_PURGE_MAX: usize = 2_000;

/// The public service of one city.
pub struct Service {
    production: Arc<Production>,
    /// When old questions were looked for last.
    purged_at: Mutex<Option<Timestamp>>,
    /// Public documents with the cursor up to which they were read.
    documents: Mutex<Option<(u64, Arc<Vec<Document>>)>>,
}

impl Service {
    /// Stands beside a production zone.
    pub fn new(production: Arc<Production>) -> Self {
        Service { production, purged_at: Mutex::new(None), documents: Mutex::new(None) }
    }

    fn storage(&self) -> &dyn Storage {
        self.production.storage()
    }

    fn now(&self) -> Timestamp {
        self.production.now()
    }

    /// Forgets who asked what about whom when that is older than [`ASKED_RETENTION_DAYS`].
    ///
    /// Done along with questions, a bounded number at a time: a center that is asked catches up by itself, one that
    /// is not asked has nothing to forget for longer. A storage that cannot do it now does it the next time.
    fn purge_asked(&self, now: Timestamp) {
        let mut purged_at = self.purged_at.lock().unwrap_or_else(PoisonError::into_inner);
        let soon = purged_at
            .is_some_and(|last| last <= now && now.0.saturating_sub(last.0) < ASKED_PURGE_INTERVAL_MS);
        if soon {
            return;
        }
        let before = now.plus_ms(-ASKED_RETENTION_DAYS * 24 * 3_600_000);
        let purged = self.storage().purge_asked(before, ASKED_PURGE_MAX);
        // A full stretch: there is more, and the next question goes on.
        let more = purged.is_ok_and(|purged| purged as usize >= ASKED_PURGE_MAX);
        *purged_at = (!more).then_some(now);
    }

    /// What a terminal stands for; a hospital's counter when nothing else is written down.
    pub fn desk(&self, terminal: TerminalId) -> Result<Desk, Problem> {
        let row = self.storage().desk(terminal).map_err(storage_problem)?;
        Ok(row.map_or(Desk::Hospital, |row| row.desk))
    }

    /// Writes down what a terminal stands for, and in which district. Errors: `Storage`.
    pub fn set_desk(&self, row: &DeskRow) -> Result<(), Error> {
        Ok(self.storage().set_desk(row)?)
    }

    /// Where a terminal stands, as far as it is written down.
    fn here(&self, terminal: TerminalId) -> Result<Here, Problem> {
        let desk = self.storage().desk(terminal).map_err(storage_problem)?;
        let place = self.storage().place(terminal).map_err(storage_problem)?;
        Ok(Here { district: desk.and_then(|desk| desk.district), place })
    }

    /// All public documents, read again when one has changed.
    fn documents(&self) -> Result<Arc<Vec<Document>>, Problem> {
        let newest = self.storage().newest_document().map_err(storage_problem)?;
        let mut held = self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        match held.as_ref() {
            Some((cursor, documents)) if *cursor == newest => Ok(Arc::clone(documents)),
            _ => {
                let documents = Arc::new(self.storage().documents().map_err(storage_problem)?);
                *held = Some((newest, Arc::clone(&documents)));
                Ok(documents)
            }
        }
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Service({})", self.production.city())
    }
}

fn malformed(detail: &'static str) -> Problem {
    Problem::new(ProblemKind::Malformed, detail)
}
