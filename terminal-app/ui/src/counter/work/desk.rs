//! Contributions that are due, failed payments of pensions, and the register of those who seek work.

use card_spec::money::Fen;
use edge::failure::Failure;
use protocol::{
    id::TransactionId,
    record::PaidBy,
    service::{Cursor, Due, SeekWork, work::WorkAnswer},
};
use terminal::{
    error::Error,
    flows::{Terminal, service::Shown},
    holder::ProofError,
};

use super::{CounterWork, Event, ROWS_MAX};
use crate::{counter::dues::PaidDues, desk::Teller};

/// Failed payments of one page.
const FAILED_ROWS: u8 = 20;

impl CounterWork {
    /// Asks the center about the holder, who types the PIN where nothing else has shown who that is, or too long ago.
    fn ask_of_holder<T>(
        &mut self,
        ask: impl Fn(&mut Terminal) -> Result<T, Error>,
        teller: &Teller<Event>,
    ) -> Result<T, Failure> {
        match ask(&mut self.counter.flows) {
            Err(Error::Proof(ProofError::ProofFirst)) => {
                self.verify(teller)?;
                Ok(ask(&mut self.counter.flows)?)
            }
            other => Ok(other?),
        }
    }

    pub(super) fn failed_payments(
        &mut self,
        here: bool,
        after: Option<Cursor>,
        teller: &Teller<Event>,
    ) -> Result<(), Failure> {
        let goes_on = after.is_some();
        let answer = self.counter.flows.failed_payments(here, after, FAILED_ROWS)?.content;
        teller.event(Event::FailedPayments { answer: Box::new(answer), goes_on });
        Ok(())
    }

    pub(super) fn dues(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        let shown = self.ask_of_holder(Terminal::dues, teller)?;
        teller.event(Event::Dues(Box::new(shown)));
        Ok(())
    }

    pub(super) fn pay_dues(
        &mut self,
        chosen: &[Due],
        paid_by: PaidBy,
        teller: &Teller<Event>,
    ) -> Result<(), Failure> {
        self.counter.require_duty()?;
        self.counter.require_sound_books()?;
        let paid = self.ask_of_holder(|flows| flows.pay_dues(chosen, paid_by.clone()), teller)?;
        let id = paid.id;
        let facts = |booking| PaidDues {
            id,
            sequence: paid.link.sequence,
            dues: paid.dues.clone(),
            amount: paid.amount,
            paid_by: paid.paid_by.clone(),
            booking,
        };
        teller.event(Event::DuesPaid(Box::new(facts(paid.booking.clone()))));
        // The record is in the books; a failing line only delays it, and takes nothing back.
        let sent = self.counter.flows.send_unless_down();
        let offline = !self.counter.flows.line_is_up().unwrap_or(false);
        teller.event(Event::DuesPaid(Box::new(facts(self.counter.flows.booking(id, offline)?))));
        if self.counter.cabinet.config.printer.is_some() {
            self.print_again(id, teller)?;
        }
        sent?;
        Ok(())
    }

    pub(super) fn dues_taken(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        teller.event(Event::DuesTaken(self.counter.flows.dues_taken(ROWS_MAX)?));
        Ok(())
    }

    pub(super) fn give_dues_back(
        &mut self,
        id: TransactionId,
        teller: &Teller<Event>,
    ) -> Result<(), Failure> {
        self.counter.require_duty()?;
        let given = self.counter.flows.give_dues_back(id)?;
        teller.event(Event::DuesGivenBack(given.amount));
        let sent = self.counter.flows.send_unless_down();
        if self.counter.cabinet.config.printer.is_some() {
            self.print_again(given.id, teller)?;
        }
        self.dues_taken(teller)?;
        sent?;
        Ok(())
    }

    pub(super) fn seeking(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        let shown = self.ask_of_holder(Terminal::work_registration, teller)?;
        tell_seeking(shown, false, teller);
        Ok(())
    }

    pub(super) fn seek_work(
        &mut self,
        wish: String,
        wage_min: Fen,
        phone: String,
        teller: &Teller<Event>,
    ) -> Result<(), Failure> {
        let city = self.counter.cabinet.config.place.city;
        let here = self.counter.flows.cache().here().ok();
        let district = here.and_then(|here| here.district).unwrap_or(city);
        let seek = SeekWork { wish, district, wage_min, phone };
        let shown = self.ask_of_holder(|flows| flows.seek_work(seek.clone()), teller)?;
        tell_seeking(shown, true, teller);
        Ok(())
    }

    pub(super) fn stop_seeking(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        let shown = self.ask_of_holder(Terminal::stop_seeking_work, teller)?;
        tell_seeking(shown, true, teller);
        Ok(())
    }
}

fn tell_seeking(shown: Shown<WorkAnswer>, changed: bool, teller: &Teller<Event>) {
    teller.event(Event::Seeking { answer: Box::new(shown.content), changed });
}
