//! Public documents (articles, offices, vacancies): kept, to be shown while the line is down.

use protocol::{
    service::{Article, Document, DocumentChanges, DocumentKind, Here, Office, Vacancy, document::PURPOSE},
    signature::Signed,
    timestamp::Timestamp,
};
use rusqlite::{Connection, TransactionBehavior, params};

use super::{Cache, CacheError, documents::open};

/// Most bytes of a signed page.
const PAGE_BYTES_MAX: usize = protocol::service::document::CHANGES_BYTES_MAX * 2;

/// How far the copy of the public documents is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicProgress {
    /// The center's generation, 0 before the first page.
    pub epoch: u64,
    /// Changes applied.
    pub cursor: u64,
    /// Changes there are, as far as known.
    pub newest: u64,
    /// When the copy was last complete, by the center's clock. `None` while it is filled for the first time.
    pub as_of: Option<Timestamp>,
}

impl Cache {
    /// How far the copy of the public documents is filled.
    pub fn public_progress(&self) -> Result<PublicProgress, CacheError> {
        progress(&self.connection)
    }

    /// Where this terminal stands, as the center knew it when the copy was last filled.
    pub fn here(&self) -> Result<Here, CacheError> {
        let text: String =
            self.connection.query_row("SELECT here FROM public_feed WHERE id = 1", [], |row| row.get(0))?;
        serde_json::from_str(&text).map_err(|_| damaged())
    }

    /// Checks a page and applies it together with its cursor, all or nothing. Returns how many documents changed.
    ///
    /// A page of another generation starts the copy again from nothing.
    /// Errors: `NotSigned`, `Content`, `OtherCity`, `OutOfOrder`, `Outdated` (older than the copy), `Damaged`,
    /// `Store`; the copy is as it was before.
    pub fn apply_public(&mut self, signed: &Signed) -> Result<usize, CacheError> {
        if signed.text.len() > PAGE_BYTES_MAX {
            return Err(CacheError::Content);
        }
        let page: DocumentChanges = open(signed, &self.center, PURPOSE)?;
        if page.city != self.city {
            return Err(CacheError::OtherCity);
        }
        if !page.sound() {
            return Err(CacheError::Content);
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = progress(&transaction)?;
        let restarted = before.epoch != page.epoch;
        let expected = if restarted { 0 } else { before.cursor };
        if page.after != expected {
            return Err(CacheError::OutOfOrder { expected, got: page.after });
        }
        if before.as_of.is_some_and(|as_of| page.as_of < as_of) {
            return Err(CacheError::Outdated);
        }
        if restarted {
            transaction.execute("DELETE FROM public_document", [])?;
        }
        for change in &page.changes {
            match &change.document {
                Some(document) => {
                    let text = serde_json::to_string(document).map_err(|_| CacheError::Content)?;
                    transaction
                        .prepare_cached(
                            "INSERT OR REPLACE INTO public_document (kind, code, text) VALUES (?1, ?2, ?3)",
                        )?
                        .execute(params![change.kind.name(), change.code, text])?;
                }
                None => {
                    transaction
                        .prepare_cached("DELETE FROM public_document WHERE kind = ?1 AND code = ?2")?
                        .execute(params![change.kind.name(), change.code])?;
                }
            }
        }
        let complete = page.upto >= page.newest;
        let as_of = if complete { Some(page.as_of) } else { before.as_of.filter(|_| !restarted) };
        let here = serde_json::to_string(&page.here).map_err(|_| CacheError::Content)?;
        transaction.execute(
            "UPDATE public_feed SET epoch = ?1, cursor = ?2, newest = ?3, as_of = ?4, here = ?5 WHERE id = 1",
            params![page.epoch, page.upto, page.newest, as_of.map(|at| at.0), here],
        )?;
        transaction.commit()?;
        Ok(page.changes.len())
    }

    /// Articles in the copy.
    pub fn articles(&self) -> Result<Vec<Article>, CacheError> {
        self.public(DocumentKind::Article, |document| match document {
            Document::Article(article) => Some(article),
            _ => None,
        })
    }

    /// Offices in the copy.
    pub fn offices(&self) -> Result<Vec<Office>, CacheError> {
        self.public(DocumentKind::Office, |document| match document {
            Document::Office(office) => Some(office),
            _ => None,
        })
    }

    /// Vacancies in the copy.
    pub fn vacancies(&self) -> Result<Vec<Vacancy>, CacheError> {
        self.public(DocumentKind::Vacancy, |document| match document {
            Document::Vacancy(vacancy) => Some(vacancy),
            _ => None,
        })
    }

    fn public<T>(
        &self,
        kind: DocumentKind,
        take: impl Fn(Document) -> Option<T>,
    ) -> Result<Vec<T>, CacheError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT text FROM public_document WHERE kind = ?1 ORDER BY code")?;
        let mut rows = statement.query([kind.name()])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let text: String = row.get(0)?;
            let document: Document = serde_json::from_str(&text).map_err(|_| damaged())?;
            found.extend(take(document));
        }
        Ok(found)
    }
}

fn damaged() -> CacheError {
    CacheError::Damaged { detail: "a public document".into() }
}

fn progress(connection: &Connection) -> Result<PublicProgress, CacheError> {
    Ok(connection
        .prepare_cached("SELECT epoch, cursor, newest, as_of FROM public_feed WHERE id = 1")?
        .query_row([], |row| {
            Ok(PublicProgress {
                epoch: row.get(0)?,
                cursor: row.get(1)?,
                newest: row.get(2)?,
                as_of: row.get::<_, Option<i64>>(3)?.map(Timestamp),
            })
        })?)
}
