//! Enrolment by one-time code, and renewal by identity key.

use protocol::{
    enrolment::{Enrolment, EnrolmentRequest, PURPOSE, RenewalRequest},
    id::TerminalId,
    problem::{Problem, ProblemKind},
    signature::{Digest, PublicKey, Signature},
};

use super::{
    Access,
    authority::{ClientKey, CsrError},
    code::Code,
    terminals::blocked,
};
use crate::{
    error::Error,
    production::storage_problem,
    storage::rows::{CertificateRow, Institution},
};

impl Access {
    /// Enrols a terminal: uses its code up and issues its first certificate.
    ///
    /// The same terminal with the same identity may ask again with the same code until it runs out, since an
    /// answer can get lost. A wrong, used and old code get the same answer. Problems: `Signature`,
    /// `Malformed` (the certificate request), `Code`, `TerminalUnknown` (blocked), `Storage`.
    pub fn enrol(&self, request: &EnrolmentRequest) -> Result<Enrolment, Problem> {
        let key = check(&request.csr, &request.identity, &request.signature)?;
        let row = self.storage.terminal(request.terminal).map_err(storage_problem)?;
        if row.is_some_and(|row| row.blocked) {
            return Err(blocked());
        }
        let wrong_code = || Problem::new(ProblemKind::Code, "the code is wrong, used or out of date");
        let code = Code::parse(&request.code).ok_or_else(wrong_code)?;
        let institution = self
            .storage
            .redeem_code(code.digest(), request.terminal, request.identity, self.outside.now())
            .map_err(storage_problem)?
            .ok_or_else(wrong_code)?;
        self.certify(request.terminal, &institution, key, "enrol")
    }

    /// Issues a new certificate to an enrolled terminal, also when the old one has run out.
    ///
    /// Problems: `TerminalUnknown`, `Signature`, `Malformed` (the certificate request), `Storage`.
    pub fn renew(&self, request: &RenewalRequest) -> Result<Enrolment, Problem> {
        let unknown = || Problem::new(ProblemKind::TerminalUnknown, "the terminal is not enrolled");
        let row = self.storage.terminal(request.terminal).map_err(storage_problem)?.ok_or_else(unknown)?;
        let identity = row.identity.ok_or_else(unknown)?;
        let key = check(&request.csr, &identity, &request.signature)?;
        if row.blocked {
            return Err(blocked());
        }
        self.certify(request.terminal, &row.institution, key, "renew")
    }

    fn certify(
        &self,
        terminal: TerminalId,
        institution: &Institution,
        key: ClientKey,
        action: &str,
    ) -> Result<Enrolment, Problem> {
        let issued = self
            .authority
            .issue_client(
                key,
                terminal.as_str(),
                &institution.code,
                self.configuration.certificate_validity_ms,
                &self.outside,
            )
            .map_err(|_| Problem::new(ProblemKind::Internal, "the certificate cannot be made"))?;
        self.storage
            .put_certificate(&CertificateRow {
                fingerprint: Digest::of(&issued.der),
                terminal,
                issued_at: self.outside.now(),
                expires_at: issued.until,
                revoked: false,
            })
            .map_err(storage_problem)?;
        self.note(terminal.as_str(), action, &institution.code).map_err(|error| match error {
            Error::Storage(error) => storage_problem(error),
            _ => Problem::new(ProblemKind::Internal, "the audit log cannot be written"),
        })?;
        Ok(Enrolment {
            certificate: issued.pem,
            authority: self.authority.pem().to_owned(),
            center: self.center,
            city: self.configuration.city,
            institution_code: institution.code.clone(),
            institution_name: institution.name.clone(),
            level: institution.level,
        })
    }
}

/// Both keys are in one hand: the request is signed by the TLS key, its text by the identity key.
fn check(csr: &str, identity: &PublicKey, signature: &Signature) -> Result<ClientKey, Problem> {
    identity.verify(PURPOSE, csr.as_bytes(), signature).map_err(|_| {
        Problem::new(ProblemKind::Signature, "the certificate request is not signed by the identity key")
    })?;
    ClientKey::from_csr(csr).map_err(|error| {
        let detail = match error {
            CsrError::Form => "the certificate request cannot be read",
            CsrError::Key => "the certificate request's key is not on P-256",
        };
        Problem::new(ProblemKind::Malformed, detail)
    })
}
