//! Rules and limits as the center signed them.

use protocol::{
    limits::{self, OfflineLimits},
    policy::{self, ProofPolicy},
    rules::{self, RULES_BYTES_MAX, RulesSet},
    signature::{Signature, Signed, SignedError},
};
use rusqlite::{OptionalExtension, params};
use serde::de::DeserializeOwned;

use super::{Cache, CacheError};

const RULES: &str = "rules";
const LIMITS: &str = "limits";
const POLICY: &str = "proof policy";

impl Cache {
    /// The rules in store, their signature checked again. `None` before the first were fetched.
    ///
    /// Parses the whole set: keep the result. Errors: `NotSigned` when the center's key has changed since.
    pub fn rules(&self) -> Result<Option<RulesSet>, CacheError> {
        self.document(RULES, rules::PURPOSE)
    }

    /// Revision of the rules in store, 0 when there are none.
    pub fn rules_revision(&self) -> Result<u64, CacheError> {
        self.version(RULES)
    }

    /// Stores rules that are newer than those in store. Returns the revision.
    ///
    /// Errors: `NotSigned`, `Content` (also beyond [`RULES_BYTES_MAX`]), `Outdated` when they are not newer.
    pub fn store_rules(&mut self, signed: &Signed) -> Result<u64, CacheError> {
        if signed.text.len() > RULES_BYTES_MAX {
            return Err(CacheError::Content);
        }
        let set: RulesSet = open(signed, &self.center, rules::PURPOSE)?;
        self.store(RULES, set.revision, signed)
    }

    /// The offline limits in store, else the ones a terminal lives by until it hears from its center.
    pub fn limits(&self) -> Result<OfflineLimits, CacheError> {
        Ok(self.document(LIMITS, limits::PURPOSE)?.unwrap_or_default())
    }

    /// Stores limits that are newer than those in store. Returns the version.
    ///
    /// Errors: `NotSigned`, `Content`, `Outdated` when they are not newer.
    pub fn store_limits(&mut self, signed: &Signed) -> Result<u64, CacheError> {
        let limits: OfflineLimits = open(signed, &self.center, limits::PURPOSE)?;
        self.store(LIMITS, limits.version, signed)
    }

    /// Version of the limits in store, 0 when there are none.
    pub fn limits_version(&self) -> Result<u64, CacheError> {
        self.version(LIMITS)
    }

    /// The proof policy in store, else the one a terminal lives by until it hears from its center.
    pub fn policy(&self) -> Result<ProofPolicy, CacheError> {
        Ok(self.document(POLICY, policy::PURPOSE)?.unwrap_or_default())
    }

    /// Stores a policy that is newer than the one in store. Returns the version.
    ///
    /// Errors: `NotSigned`, `Content` (also for more alternatives than [`policy::ALTERNATIVES_MAX`]),
    /// `Outdated` when it is not newer.
    pub fn store_policy(&mut self, signed: &Signed) -> Result<u64, CacheError> {
        let policy: ProofPolicy = open(signed, &self.center, policy::PURPOSE)?;
        let businesses = [&policy.visit, &policy.enrolment, &policy.certification, &policy.pension];
        if businesses.iter().any(|business| business.len() > policy::ALTERNATIVES_MAX) {
            return Err(CacheError::Content);
        }
        self.store(POLICY, policy.version, signed)
    }

    /// Version of the policy in store, 0 when there is none.
    pub fn policy_version(&self) -> Result<u64, CacheError> {
        self.version(POLICY)
    }

    fn document<T: DeserializeOwned>(&self, kind: &str, purpose: &str) -> Result<Option<T>, CacheError> {
        let signed = self
            .connection
            .prepare_cached("SELECT text, signature FROM document WHERE kind = ?1")?
            .query_row([kind], |row| Ok(Signed { text: row.get(0)?, signature: Signature(row.get(1)?) }))
            .optional()?;
        signed.map(|signed| open(&signed, &self.center, purpose)).transpose()
    }

    fn version(&self, kind: &str) -> Result<u64, CacheError> {
        Ok(self
            .connection
            .prepare_cached("SELECT version FROM document WHERE kind = ?1")?
            .query_row([kind], |row| row.get(0))
            .optional()?
            .unwrap_or(0))
    }

    fn store(&mut self, kind: &str, version: u64, signed: &Signed) -> Result<u64, CacheError> {
        // One statement, so that two connections cannot put the older one on top.
        let changed = self
            .connection
            .prepare_cached(
                "INSERT INTO document (kind, version, text, signature) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (kind) DO UPDATE SET
                     version = excluded.version, text = excluded.text, signature = excluded.signature
                 WHERE excluded.version > document.version",
            )?
            .execute(params![kind, version, signed.text, signed.signature.0])?;
        if changed == 1 { Ok(version) } else { Err(CacheError::Outdated) }
    }
}

pub(super) fn open<T: DeserializeOwned>(
    signed: &Signed,
    center: &protocol::signature::PublicKey,
    purpose: &str,
) -> Result<T, CacheError> {
    signed.open(center, purpose).map_err(|error| match error {
        SignedError::Signature => CacheError::NotSigned,
        _ => CacheError::Content,
    })
}
