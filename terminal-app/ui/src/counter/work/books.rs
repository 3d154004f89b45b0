//! Transactions that need somebody: unknown outcomes, refusals, what is taken back, what is printed again.

use edge::{failure::Failure, printer};
use protocol::id::TransactionId;
use terminal::{
    audit::Ground,
    error::Error,
    flows::{AccountRefund, Earlier, Resolved},
    ledger::{Filter, Transaction},
};

use super::{CounterWork, Event, ROWS_MAX};
use crate::{counter::facts::Row, desk::Teller, trouble::Trouble};

impl CounterWork {
    pub(super) fn books(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        let ledger = self.counter.flows.ledger();
        let rows = |transactions: Vec<Transaction>| transactions.iter().map(Row::of).collect();
        let unresolved = rows(ledger.unresolved_all().map_err(Error::from)?);
        let disputed = rows(ledger.list(Filter::Disputed, ROWS_MAX).map_err(Error::from)?);
        let latest = rows(ledger.list(Filter::All, ROWS_MAX).map_err(Error::from)?);
        teller.event(Event::Books { unresolved, disputed, latest });
        Ok(())
    }

    pub(super) fn decide(
        &mut self,
        id: TransactionId,
        done: bool,
        ground: Ground,
        teller: &Teller<Event>,
    ) -> Result<(), Failure> {
        self.counter.require_duty()?;
        let resolved = self.counter.flows.decide(id, done, ground)?;
        teller.event(Event::Decided(Earlier::of(&resolved)));
        if let Resolved::Done { receipt: Some(receipt), .. } = &resolved {
            self.print(receipt, teller);
        }
        // The record is in the books; a failing line only delays it.
        self.counter.flows.send_unless_down()?;
        self.books(teller)
    }

    pub(super) fn cancel(&mut self, of: TransactionId, teller: &Teller<Event>) -> Result<(), Failure> {
        self.counter.require_duty()?;
        // With the settlement's own card in the slot the account money goes back at once.
        let card_is_in = self.upkeep.card_is_in() || self.counter.flows.card().is_ok();
        if card_is_in {
            if self.counter.flows.card().is_err() {
                self.counter.flows.open_card()?;
            }
            if !self.counter.flows.pin_is_verified() {
                self.verify(teller)?;
            }
        }
        let cancelled = self.counter.flows.cancel(of)?;
        self.counter.flows.close_card();
        self.forget_visit();
        let (loaded, owed) = match cancelled.account {
            AccountRefund::None => (None, None),
            AccountRefund::Loaded(loaded) => (Some(loaded.amount), None),
            AccountRefund::Owed { amount, reason } => {
                (None, Some((amount, Trouble::of(&Failure::Terminal(*reason)))))
            }
        };
        teller.event(Event::Cancelled { sequence: cancelled.link.sequence, loaded, owed });
        self.counter.flows.send_unless_down()?;
        self.print(&cancelled.receipt, teller);
        self.tell_waiting(teller);
        self.books(teller)
    }

    pub(super) fn refund(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        self.counter.require_duty()?;
        if self.counter.flows.card().is_err() {
            self.counter.flows.open_card()?;
        }
        if !self.counter.flows.pin_is_verified() {
            self.verify(teller)?;
        }
        let loads = self.counter.flows.load_refunds()?;
        if loads.is_empty() {
            return Err(Error::NothingToLoad.into());
        }
        teller.event(Event::Refunded(loads.iter().map(|load| load.amount).collect()));
        self.counter.flows.send_unless_down()?;
        self.books(teller)
    }

    pub(super) fn print_again(&mut self, id: TransactionId, teller: &Teller<Event>) -> Result<(), Failure> {
        let paper = self.counter.flows.paper(id)?;
        let settings = self.counter.cabinet.config.printer.as_ref();
        let settings = settings.ok_or(edge::failure::EdgeError::NoPrinter)?;
        let lines = paper.lines(settings.columns, terminal::language::Language::Chinese);
        let printed = printer::print(settings, lines).map_err(|error| Trouble::of(&Failure::Printer(error)));
        teller.event(Event::Printed(printed));
        Ok(())
    }
}
