//! Pensions of this branch that were handed out and not booked (发放失败).

use protocol::service::{Cursor, FailedAnswer, FailedQuery};

use super::{
    Terminal,
    service::{Shown, ShownFrom},
};
use crate::{error::Error, progress::Progress, roles::Action};

impl Terminal {
    /// Pensions that this branch (or with `this_terminal` only this terminal) has handed out and the center did not
    /// book, newest first, each with the reason; `FailedPayment::next_step` says what to do about it.
    ///
    /// For whoever may pay pensions; no card is needed. `rows` at most
    /// [`PAGE_ROWS_MAX`](protocol::service::PAGE_ROWS_MAX). From the center only.
    /// Errors: `Link` (down, or no right at this desk), `SignIn`, `NotSignedIn`.
    pub fn failed_payments(
        &mut self,
        this_terminal: bool,
        after: Option<Cursor>,
        rows: u8,
    ) -> Result<Shown<FailedAnswer>, Error> {
        let signed_in = self.permitted(Action::PayPension)?;
        self.tell(Progress::AskingCenter);
        let query = FailedQuery { operator: signed_in.operator, this_terminal, after, rows };
        let answer = self.link.failed_payments(&query);
        self.note_line(&answer);
        let content = answer?;
        let from = ShownFrom::Center { as_of: content.as_of };
        Ok(Shown { content, from })
    }
}
