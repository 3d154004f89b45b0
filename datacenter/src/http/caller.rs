//! Who calls.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};
use protocol::problem::{Problem, ProblemKind};

use super::{App, Refusal, exchange::blocking};
use crate::{
    access::{
        certificates::Peer,
        roles::{Operation, Role},
    },
    storage::rows::TerminalRow,
};

/// An admitted terminal.
pub(super) struct Caller(TerminalRow);

impl Caller {
    /// The terminal, when its role may do this.
    pub(super) fn may(self, operation: Operation) -> Result<TerminalRow, Refusal> {
        Role::Terminal.check(operation)?;
        Ok(self.0)
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        let peer = parts.extensions.get::<Peer>().copied().ok_or_else(|| {
            Refusal(Problem::new(ProblemKind::NotAuthenticated, "this takes a terminal's certificate"))
        })?;
        let access = Arc::clone(&app.access);
        blocking(move || access.admit(&peer)).await.map(Caller)
    }
}
