//! What terminals tell of themselves.

use protocol::{
    notice::{Found, Noted, Notice, PURPOSE},
    problem::{Problem, ProblemKind},
    signature::{Digest, Signed},
};

use super::{Production, malformed};
use crate::storage::rows::{Alarm, AlarmKind, TerminalRow};

impl Production {
    /// Takes a terminal's notice, signed by its identity key, and raises the alarm. The same one again only counts.
    ///
    /// Problems: `TerminalUnknown` (not enrolled), `Signature`, `Malformed`, `NotAuthenticated` for another
    /// terminal's, `Storage`.
    pub fn take_notice(&self, terminal: &TerminalRow, signed: &Signed) -> Result<Noted, Problem> {
        let identity = terminal
            .identity
            .ok_or_else(|| Problem::new(ProblemKind::TerminalUnknown, "the terminal is not enrolled"))?;
        identity
            .verify(PURPOSE, signed.text.as_bytes(), &signed.signature)
            .map_err(|_| Problem::new(ProblemKind::Signature, "the notice is not signed by this terminal"))?;
        let notice: Notice =
            serde_json::from_str(&signed.text).map_err(|_| malformed("no notice that is known here"))?;
        if notice.terminal != terminal.terminal {
            return Err(Problem::new(ProblemKind::NotAuthenticated, "the notice is another terminal's"));
        }
        self.raise(&Alarm {
            kind: match notice.what {
                Found::ReaderOpened { .. } => AlarmKind::ReaderOpened,
                Found::ReaderReplaced => AlarmKind::ReaderReplaced,
            },
            terminal: terminal.terminal,
            sequence: 0,
            digest: Digest::of(signed.text.as_bytes()),
            id: None,
            evidence: Some(signed.text.clone()),
        })?;
        Ok(Noted { at: self.now() })
    }
}
