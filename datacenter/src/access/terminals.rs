//! Which terminal stands behind a certificate, and the staff's side of terminals.

use protocol::{
    id::TerminalId,
    problem::{Problem, ProblemKind},
};

use super::{Access, certificates::Peer, code::Code};
use crate::{
    error::Error,
    production::storage_problem,
    storage::rows::{CodeRow, Institution, TerminalRow},
};

impl Access {
    /// The terminal that a verified certificate belongs to.
    ///
    /// TLS has checked authority and time; here the certificate must be one that this center has issued to
    /// that terminal and still counts, and the terminal must not be blocked. Problems: `NotAuthenticated`,
    /// `TerminalUnknown`, `Storage`.
    pub fn admit(&self, peer: &Peer) -> Result<TerminalRow, Problem> {
        let unauthenticated = |detail: &str| Problem::new(ProblemKind::NotAuthenticated, detail);
        let certificate = peer.certificate.ok_or_else(|| unauthenticated("no client certificate"))?;
        let known = self.storage.certificate(certificate.fingerprint).map_err(storage_problem)?;
        let known = known.ok_or_else(|| unauthenticated("the certificate is none that this center keeps"))?;
        if certificate.terminal != Some(known.terminal) || known.revoked {
            return Err(unauthenticated("the certificate no longer counts"));
        }
        // A connection may live longer than the certificate that opened it.
        if known.expires_at <= self.outside.now() {
            return Err(unauthenticated("the certificate has run out"));
        }
        let row = self.storage.terminal(known.terminal).map_err(storage_problem)?;
        match row {
            Some(row) if row.blocked => Err(blocked()),
            Some(row) if row.identity.is_some() => Ok(row),
            _ => Err(Problem::new(ProblemKind::TerminalUnknown, "the terminal is not enrolled")),
        }
    }

    /// Makes a one-time code for a terminal.
    ///
    /// A code for a terminal that is enrolled already moves it to the institution named, and lets it bring a
    /// new identity key; its chain goes on where it ended. A terminal whose ledger is lost needs a new number.
    /// Errors: `Input` for an institution that cannot be written down and for a number of training, `Storage`, `Random`.
    pub fn new_code(&self, terminal: TerminalId, institution: &Institution) -> Result<Code, Error> {
        let text = |text: &str| !text.is_empty() && text.len() <= 200 && !text.contains(char::is_control);
        if !text(&institution.code) || !text(&institution.name) || institution.level > 3 {
            return Err(Error::input("an institution has a code, a name and a level of 0 to 3"));
        }
        // What is practised stays on the machine where it is practised.
        if terminal.is_training() {
            return Err(Error::input("numbers that begin with 99 are for training; no center takes them"));
        }
        let code = Code::random(&self.outside)?;
        let now = self.outside.now();
        self.storage.put_code(&CodeRow {
            digest: code.digest(),
            terminal,
            institution: institution.clone(),
            made_at: now,
            expires_at: now.plus_ms(self.configuration.code_validity_ms),
        })?;
        self.note("staff", "code", terminal.as_str())?;
        Ok(code)
    }

    /// Blocks a terminal or lets it work again. Errors: `Input` when it is unknown, `Storage`.
    pub fn set_blocked(&self, terminal: TerminalId, blocked: bool) -> Result<(), Error> {
        if !self.storage.set_blocked(terminal, blocked)? {
            return Err(Error::input(format!("terminal {terminal} is unknown")));
        }
        self.note("staff", if blocked { "block" } else { "unblock" }, terminal.as_str())
    }
}

pub(super) fn blocked() -> Problem {
    Problem::new(ProblemKind::TerminalUnknown, "the terminal is blocked")
}
