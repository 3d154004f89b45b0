//! Who may come in: TLS, enrolment, certificates, terminals, roles.

use std::sync::Arc;

use crate::{configuration::Configuration, error::Error, outside::Outside, storage::Storage};

pub mod authority;
pub mod certificates;
pub mod code;
pub mod enrolment;
pub(crate) mod listener;
pub mod roles;
pub mod terminals;
pub(crate) mod tls;

use authority::Authority;

/// Everything that decides who may come in.
pub struct Access {
    storage: Arc<dyn Storage>,
    outside: Outside,
    authority: Authority,
    center: protocol::signature::PublicKey,
    configuration: Configuration,
}

impl Access {
    /// Puts it together. `center` is the key that terminals check receipts with.
    pub fn new(
        storage: Arc<dyn Storage>,
        outside: Outside,
        authority: Authority,
        center: protocol::signature::PublicKey,
        configuration: Configuration,
    ) -> Self {
        Access { storage, outside, authority, center, configuration }
    }

    /// SHA-256 of the authority's certificate, in capitals: for `jinbao enrol --fingerprint`.
    pub fn authority_fingerprint(&self) -> String {
        self.authority.fingerprint()
    }

    /// The authority that terminals trust, PEM.
    pub fn authority_pem(&self) -> &str {
        self.authority.pem()
    }

    /// Adds a line to the audit log. `subject` names no person.
    pub fn note(&self, actor: &str, action: &str, subject: &str) -> Result<(), Error> {
        self.storage.note(&crate::storage::rows::AuditRow {
            at: self.outside.now(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
        })?;
        Ok(())
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Access(…)")
    }
}
