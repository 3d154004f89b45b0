//! Rules, catalogs and limits as the center has sent them: what can be read is used, what cannot is named.

use protocol::{limits::OfflineLimits, policy::ProofPolicy};
use time::Date;

use super::Terminal;
use crate::{
    audit::AuditEvent,
    cache::{Cache, CacheError},
    catalog::Catalog,
    error::Error,
    rules::{CityRules, RuleBook, RulesError},
};

/// Which document of the center.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Document {
    /// The whole set of rules and catalogs.
    Rules,
    /// One document of that set.
    OneOfRules {
        /// Its version, as the center names it.
        version: String,
    },
    /// The offline limits.
    Limits,
    /// Which proofs of a holder suffice.
    Policy,
}

/// Why it cannot be used.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Unreadable {
    /// The center has another key than when it was signed.
    NotSigned,
    /// Signed, and of another version than this program.
    Content,
    /// Neither rules nor a catalog that this program can read.
    Rules(RulesError),
}

/// A document that is not in use because it cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct UnreadableDocument {
    /// Which.
    pub document: Document,
    /// Why.
    pub reason: Unreadable,
}

/// What the center's documents say, as far as this program can read them.
#[derive(Debug, Default)]
pub struct Documents {
    /// Rules of cities; `None` when the set cannot be read, or none was fetched yet.
    pub rules: Option<RuleBook>,
    /// Catalogs, in the order of the set.
    pub catalogs: Vec<Catalog>,
    /// Limits; `None` when they cannot be read.
    pub limits: Option<OfflineLimits>,
    /// Which proofs suffice; `None` when it cannot be read.
    pub policy: Option<ProofPolicy>,
    /// What is not in use.
    pub unreadable: Vec<UnreadableDocument>,
}

impl Documents {
    /// Reads all there is in store.
    ///
    /// Errors: `Store` and what else is wrong with the file; a document that cannot be read is no error.
    pub fn read(cache: &Cache) -> Result<Self, CacheError> {
        let mut documents = Documents::default();
        documents.limits = documents.kept(Document::Limits, cache.limits())?;
        documents.policy = documents.kept(Document::Policy, cache.policy())?;
        let Some(Some(set)) = documents.kept(Document::Rules, cache.rules())? else { return Ok(documents) };
        let mut rules = RuleBook::new();
        for document in set.documents {
            let text = document.configuration.as_bytes();
            // The center distributes catalogs in the same set; each says itself which it is.
            match (CityRules::from_json(text), Catalog::from_json(text)) {
                (Ok(city), _) => rules.insert(city),
                (Err(_), Ok(catalog)) => documents.catalogs.push(catalog),
                (Err(rules), Err(catalog)) => {
                    let is_catalog = document.configuration.contains("\"items\"");
                    documents.unreadable.push(UnreadableDocument {
                        document: Document::OneOfRules { version: document.version },
                        reason: Unreadable::Rules(if is_catalog { catalog } else { rules }),
                    });
                }
            }
        }
        documents.rules = Some(rules);
        Ok(documents)
    }

    fn kept<T>(&mut self, document: Document, read: Result<T, CacheError>) -> Result<Option<T>, CacheError> {
        let reason = match read {
            Ok(content) => return Ok(Some(content)),
            Err(CacheError::NotSigned) => Unreadable::NotSigned,
            Err(CacheError::Content) => Unreadable::Content,
            Err(error) => return Err(error),
        };
        self.unreadable.push(UnreadableDocument { document, reason });
        Ok(None)
    }
}

/// Where it is noted which documents were audited as unreadable.
const UNREADABLE: &str = "unreadable";

impl Terminal {
    /// Reads rules, catalogs and limits from the cache again: after a synchronisation has brought newer ones.
    ///
    /// What cannot be read is named in [`Terminal::unreadable`] and once in the audit, and what was in use
    /// instead stays in use; business that needs it fails by itself.
    /// Errors: `Cache`, for the file itself.
    pub fn take_up_documents(&mut self) -> Result<(), Error> {
        let documents = Documents::read(&self.cache)?;
        if let Some(rules) = documents.rules {
            self.rules = rules;
            if !documents.catalogs.is_empty() {
                self.catalogs = documents.catalogs;
            }
        }
        if let Some(limits) = documents.limits {
            self.limits = limits;
        }
        if let Some(policy) = documents.policy {
            self.policy = policy;
        }
        self.unreadable = documents.unreadable;
        // A note that cannot be made closes no counter.
        let _ = self.note_unreadable();
        Ok(())
    }

    /// Documents of the center that are not in use because this program cannot read them.
    pub fn unreadable(&self) -> &[UnreadableDocument] {
        &self.unreadable
    }

    /// The catalog in force on a day: the one that began last.
    pub(super) fn catalog_on(&self, day: Date) -> Option<&Catalog> {
        let begun = self.catalogs.iter().filter(|catalog| catalog.effective_from() <= day);
        begun.max_by_key(|catalog| (catalog.effective_from(), catalog.version()))
    }

    /// Writes unreadable documents into the audit when they are not those that were written there last.
    fn note_unreadable(&mut self) -> Result<(), Error> {
        let names: Vec<String> =
            self.unreadable.iter().map(|unreadable| format!("{:?}", unreadable.document)).collect();
        let text = match names.is_empty() {
            true => String::new(),
            false => format!("{} {}", self.cache.rules_revision()?, names.join(" ")),
        };
        if self.ledger.setting(UNREADABLE)?.unwrap_or_default() != text {
            self.ledger.set_setting(UNREADABLE, &text)?;
            if let documents @ 1.. = u32::try_from(names.len()).unwrap_or(u32::MAX) {
                self.note(&AuditEvent::DocumentsUnreadable { documents })?;
            }
        }
        Ok(())
    }
}
