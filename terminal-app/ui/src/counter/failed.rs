//! Pensions that were handed out and that the center did not book: why, and what is to be done.

use protocol::service::{Cursor, FailedAnswer, FailedPayment};

use super::{
    state::{Effect, State},
    work::Command,
};

/// What the center has told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failed {
    /// The payments so far, newest first; `None` before the center was asked.
    pub payments: Option<Vec<FailedPayment>>,
    /// Where they go on.
    pub next: Option<Cursor>,
    /// Of all terminals of this institution, not of this one alone.
    pub everywhere: bool,
}

impl State {
    /// Asks from the beginning.
    pub(super) fn ask_failed(&mut self) -> Vec<Effect> {
        let here = !self.failed.everywhere;
        self.ask(Command::FailedPayments { here, after: None })
    }

    /// Asks for those after the last one.
    pub(super) fn ask_failed_on(&mut self) -> Vec<Effect> {
        let (here, after) = (!self.failed.everywhere, self.failed.next.clone());
        self.ask(Command::FailedPayments { here, after })
    }

    pub(super) fn switch_failed(&mut self) -> Vec<Effect> {
        let effects = self.ask(Command::FailedPayments { here: self.failed.everywhere, after: None });
        if !effects.is_empty() {
            self.failed = Failed { everywhere: !self.failed.everywhere, ..Failed::default() };
            self.row = 0;
        }
        effects
    }

    /// A page more of them: they stand below those that are there.
    pub(super) fn failed_are(&mut self, answer: FailedAnswer, goes_on: bool) {
        let mut payments = self.failed.payments.take().filter(|_| goes_on).unwrap_or_default();
        payments.extend(answer.payments);
        self.failed.payments = Some(payments);
        self.failed.next = answer.next;
        self.row = self.row.min(self.rows().saturating_sub(1));
    }
}
