//! The production zone (生产区): books what terminals did and hands out what they need.
//!
//! One [`Production`] serves one city. It knows nothing of HTTP and TLS; whoever calls it has made sure
//! which terminal asks.

use std::sync::{Arc, Mutex};

use card_spec::region::RegionCode;
use protocol::{
    id::TerminalId,
    problem::{Problem, ProblemKind},
    signature::{PublicKey, Signed},
    timestamp::Timestamp,
    upload::ChainHead,
};
use ring::signature::Ed25519KeyPair;

use crate::{
    outside::Outside,
    security_module::SecurityModule,
    storage::{Storage, StorageError},
};

pub mod account;
pub mod booking;
mod examination;
pub mod feed;
mod judgement;
pub mod limits;
mod notice;
mod pension;
pub mod people_file;
pub mod policy;
pub mod reconciliation;
pub mod rules;
mod supervision;

pub(crate) use examination::card_key;

/// The production zone of one city.
pub struct Production {
    storage: Arc<dyn Storage>,
    security_module: Arc<dyn SecurityModule>,
    outside: Outside,
    key: Ed25519KeyPair,
    city: RegionCode,
    rules_cache: Mutex<Option<rules::Cached>>,
}

impl Production {
    /// Puts the zone together. `key` signs receipts, pages and documents.
    pub fn new(
        storage: Arc<dyn Storage>,
        security_module: Arc<dyn SecurityModule>,
        outside: Outside,
        key: Ed25519KeyPair,
        city: RegionCode,
    ) -> Self {
        Production { storage, security_module, outside, key, city, rules_cache: Mutex::new(None) }
    }

    /// The key that terminals check signatures with.
    pub fn public_key(&self) -> PublicKey {
        PublicKey::of(&self.key)
    }

    /// The city.
    pub fn city(&self) -> RegionCode {
        self.city
    }

    /// The storage, for lists and administration.
    pub fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    /// The center's clock.
    pub fn now(&self) -> Timestamp {
        self.outside.now()
    }

    /// Where the center's copy of a terminal's chain ends.
    pub fn chain_head(&self, terminal: TerminalId) -> Result<ChainHead, Problem> {
        self.storage.chain_head(terminal, self.now()).map_err(storage_problem)
    }
}

impl Production {
    /// Signs a document of the center for one purpose.
    pub(crate) fn sign<T: serde::Serialize>(&self, purpose: &str, document: &T) -> Result<Signed, Problem> {
        Signed::new(&self.key, purpose, document).map_err(|_| internal("the document cannot be written"))
    }
}

impl std::fmt::Debug for Production {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Production({})", self.city)
    }
}

/// A storage error as a terminal hears of it: the reason is for our staff, not for the peer.
pub(crate) fn storage_problem(error: StorageError) -> Problem {
    match error {
        StorageError::Full => Problem::new(ProblemKind::Storage, "the center's disk is full"),
        StorageError::Busy => Problem::new(ProblemKind::Overloaded, "the center's storage is busy"),
        _ => Problem::new(ProblemKind::Storage, "the center's storage failed"),
    }
}

fn malformed(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemKind::Malformed, detail)
}

fn internal(detail: &'static str) -> Problem {
    Problem::new(ProblemKind::Internal, detail)
}
