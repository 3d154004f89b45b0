//! Pensions, certifications and the holder's affairs at the center.

use edge::failure::Failure;
use protocol::{
    calendar::Day,
    policy::Purpose,
    service::{
        card::CardsAnswer,
        contribution::{Contributions, DuesAnswer},
    },
};
use terminal::{
    error::Error,
    flows::{
        Clerk as Second,
        service::{Shown, ShownFrom},
    },
    session::SessionError,
};

use super::{CounterWork, Event, PaidMonth, Secret};
use crate::{desk::Teller, trouble::Trouble};

/// Months of contributions that are shown.
const MONTHS: u8 = 12;

/// What the center knows of the holder's cards and contributions.
#[derive(Clone, Debug, PartialEq)]
pub struct Affairs {
    /// The cards.
    pub cards: CardsAnswer,
    /// Contributions of the last months.
    pub contributions: Contributions,
    /// What is due.
    pub dues: DuesAnswer,
    /// Where the contributions come from.
    pub from: ShownFrom,
}

impl CounterWork {
    pub(super) fn show_pension(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        let state = self.counter.flows.pension()?;
        teller.event(Event::Pension(Box::new(state.clone())));
        self.pension = Some(Box::new(state));
        Ok(())
    }

    pub(super) fn finger(&mut self, purpose: Purpose, teller: &Teller<Event>) -> Result<(), Failure> {
        self.counter.require_duty()?;
        let check = match self.counter.flows.check_finger(purpose, None) {
            Err(Error::Session(SessionError::PinFirst)) => {
                self.verify(teller)?;
                self.counter.flows.check_finger(purpose, None)?
            }
            other => other?,
        };
        let second_clerk = self.counter.flows.needs_second_clerk(purpose);
        teller.event(Event::Finger { check, second_clerk });
        Ok(())
    }

    pub(super) fn vouch(
        &mut self,
        purpose: Purpose,
        second: Option<(String, Secret)>,
        teller: &Teller<Event>,
    ) -> Result<(), Failure> {
        self.counter.require_duty()?;
        if !self.counter.flows.pin_is_verified() {
            self.verify(teller)?;
        }
        let second = second
            .as_ref()
            .map(|(number, secret)| Second { number: number.as_str(), secret: secret.bytes() });
        self.counter.flows.vouch(purpose, second)?;
        teller.event(Event::Vouched);
        Ok(())
    }

    pub(super) fn certify(&mut self, at_home: bool, teller: &Teller<Event>) -> Result<(), Failure> {
        self.counter.require_duty()?;
        self.counter.require_sound_books()?;
        let certified = match at_home {
            true => self.counter.flows.certify_at_home()?,
            false => self.counter.flows.certify()?,
        };
        teller.event(Event::Certified(certified.until));
        self.counter.flows.send_unless_down()?;
        if self.counter.cabinet.config.printer.is_some() {
            self.print_again(certified.id, teller)?;
        }
        self.tell_pension_if_any(teller);
        Ok(())
    }

    /// After a certification months may have become payable.
    fn tell_pension_if_any(&mut self, teller: &Teller<Event>) {
        if let Ok(state) = self.counter.flows.pension() {
            teller.event(Event::Pension(Box::new(state.clone())));
            self.pension = Some(Box::new(state));
        }
    }

    pub(super) fn pay_pension(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        self.counter.require_duty()?;
        self.counter.require_sound_books()?;
        // Taken: a second press pays nothing that was not shown again.
        let shown = self.pension.take().ok_or(Error::Pension(terminal::pension::PensionRefusal::Changed))?;
        let run = self.counter.flows.pay_pension(&shown)?;
        let months: Vec<PaidMonth> = run
            .paid
            .iter()
            .map(|paid| PaidMonth { id: paid.id, period: paid.period, amount: paid.amount })
            .collect();
        let stopped = run.stopped.map(|error| Trouble::of(&Failure::Terminal(*error)));
        teller.event(Event::Paid { months: months.clone(), stopped });
        self.counter.flows.send_unless_down()?;
        if self.counter.cabinet.config.printer.is_some() {
            for month in &months {
                self.print_again(month.id, teller)?;
            }
        }
        Ok(())
    }

    pub(super) fn affairs(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        if !self.counter.flows.pin_is_verified() && self.counter.flows.proof().is_none() {
            self.verify(teller)?;
        }
        let today = Day::of(self.counter.cabinet.now()).period();
        let Shown { content: cards, .. } = self.counter.flows.card_states()?;
        let Shown { content: contributions, from } = self.counter.flows.contributions(today, MONTHS)?;
        let Shown { content: dues, .. } = self.counter.flows.dues()?;
        teller.event(Event::Affairs(Box::new(Affairs { cards, contributions, dues, from })));
        Ok(())
    }
}
