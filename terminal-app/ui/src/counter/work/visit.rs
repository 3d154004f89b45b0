//! A visit, from the card to the receipt.

use std::path::Path;

use card_spec::money::Fen;
use edge::{
    bill::{self, BillFile},
    failure::Failure,
};
use terminal::{
    eligibility::Decision,
    error::Error,
    flows::{Earlier, LineEntry, Resolution, Resolved, VisitEntry},
    ledger::{LedgerError, Visit, VisitState},
    receipt::Receipt,
    rules::{Count, ItemClass, PersonKind, UnitPrice, VisitKind},
    session::SessionError,
    setup::Face,
};

use super::{CounterWork, Event};
use crate::{
    counter::facts::{CardFacts, HolderFacts, LineRow, SettledFacts, Split, VisitFacts, VisitRow},
    desk::Teller,
    trouble::Trouble,
};

/// Entries of a PIN in a row before the desk gives up; the card has its own, shorter counter.
const ENTRIES_MAX: usize = 3;

/// A line that was typed, as the books keep it.
pub(super) fn typed_line(
    code: String,
    name: Option<String>,
    class: Option<ItemClass>,
    price: UnitPrice,
    count: Count,
) -> String {
    let mut line = serde_json::Map::new();
    line.insert("code".to_owned(), code.into());
    if let Some(name) = name {
        line.insert("name".to_owned(), name.into());
    }
    if let Some(class) = class {
        line.insert("class".to_owned(), serde_json::to_value(class).unwrap_or_default());
    }
    line.insert("price".to_owned(), price.to_string().into());
    line.insert("count".to_owned(), count.to_string().into());
    serde_json::Value::Object(line).to_string()
}

impl CounterWork {
    pub(super) fn tap(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        self.counter.require_duty()?;
        self.counter.require_sound_books()?;
        self.forget_visit();
        self.counter.fetch_missing_rules().or_else(|failure| match failure {
            // Whoever needs the rules says that they are missing.
            Failure::Terminal(Error::Link(_)) => Ok(()),
            other => Err(other),
        })?;
        let tap = self.counter.flows.open_card()?;
        teller.event(Event::Card(Box::new(CardFacts::of(&tap.card))));
        match tap.resolution {
            Some(Resolution::Resolved(resolved)) => self.tell_resolved(&resolved, teller),
            // Nothing is done with this card before the card has told.
            Some(Resolution::Open { .. }) => {
                if let Some(resolved) = self.verify(teller)? {
                    self.tell_resolved(&resolved, teller);
                }
            }
            None => {}
        }
        match self.counter.flows.eligibility()? {
            Decision::Eligible(eligible) => {
                let person = &eligible.person;
                let allowances = self.counter.flows.allowances(&eligible, VisitKind::Outpatient);
                let fen = |fen: u32| Fen(i64::from(fen));
                teller.event(Event::Holder(Box::new(HolderFacts {
                    kind: PersonKind::from_codes(
                        &person.insutype.to_string(),
                        &format!("{:02}", person.psn_type),
                    ),
                    source: eligible.source,
                    year: person.year,
                    deductible: fen(person.deductible_fen),
                    pooled_outpatient: fen(person.pooled_outpatient_fen),
                    pooled_inpatient: fen(person.pooled_inpatient_fen),
                    own_in_scope: fen(person.own_in_scope_fen),
                    stays: person.stays,
                    // Rules that are missing are told when they are needed.
                    allowances: allowances.unwrap_or_default(),
                })));
            }
            Decision::NotEligible(refusal) => {
                let trouble = Trouble::of(&Error::NotEligible(refusal).into());
                teller.event(Event::Refused { trouble, alarm: refusal.is_alarm() });
                return Ok(());
            }
        }
        if self.counter.cabinet.config.face == Face::Counter {
            self.take_up_waiting_visit(teller)?;
        }
        Ok(())
    }

    /// Asks the holder for the PIN; a wrong one may be typed again, each time by the holder.
    pub(super) fn verify(&mut self, teller: &Teller<Event>) -> Result<Option<Resolved>, Failure> {
        for _ in 1..ENTRIES_MAX {
            match self.counter.flows.verify_holder() {
                Err(Error::Session(error @ SessionError::WrongPin { .. })) => {
                    teller.event(Event::WrongPin(Trouble::of(&Error::Session(error).into())));
                }
                other => return Ok(other?),
            }
        }
        Ok(self.counter.flows.verify_holder()?)
    }

    fn tell_resolved(&mut self, resolved: &Resolved, teller: &Teller<Event>) {
        teller.event(Event::Earlier(Earlier::of(resolved)));
        if let Resolved::Done { receipt: Some(receipt), .. } = resolved {
            self.print(receipt, teller);
        }
    }

    /// A visit of this card that was begun earlier goes on.
    fn take_up_waiting_visit(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        let key = self.counter.flows.card()?.key();
        let visits = self.counter.flows.ledger().visits_open().map_err(Error::from)?;
        let waiting = visits.into_iter().find(|visit| visit.card == key && visit.state == VisitState::Open);
        self.visit = waiting.map(|visit| visit.number);
        self.tell_visit(teller)
    }

    fn lines(&self, visit: &str) -> Result<Vec<LineRow>, Failure> {
        let lines = self.counter.flows.ledger().lines(visit).map_err(Error::from)?;
        // A line that another version has written and this one cannot read is told by the pre-settlement.
        Ok(lines
            .into_iter()
            .filter_map(|line| {
                let read = self.counter.flows.line_of(&line.content).ok()?;
                Some(LineRow::of(line.serial, line.batch, &read))
            })
            .collect())
    }

    fn tell_visit(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        let Some(number) = self.visit.clone() else {
            teller.event(Event::Visit(None));
            return Ok(());
        };
        let visit = self.counter.flows.ledger().visit(&number).map_err(Error::from)?;
        let visit = visit.ok_or(Error::Ledger(LedgerError::VisitUnknown))?;
        let lines = self.lines(&number)?;
        let kind = VisitKind::from_medical_type(&visit.med_type).unwrap_or(VisitKind::Outpatient);
        teller.event(Event::Visit(Some(Box::new(VisitFacts { number, kind, lines }))));
        Ok(())
    }

    pub(super) fn tell_waiting(&mut self, teller: &Teller<Event>) {
        let visits: Vec<Visit> = self.counter.flows.ledger().visits_open().unwrap_or_default();
        let visits = visits
            .iter()
            .map(|visit| VisitRow::of(visit, &self.lines(&visit.number).unwrap_or_default()))
            .collect();
        teller.event(Event::Waiting { visits, bills: self.bills.clone() });
    }

    pub(super) fn add_line(
        &mut self,
        kind: VisitKind,
        content: &str,
        teller: &Teller<Event>,
    ) -> Result<(), Failure> {
        self.counter.require_duty()?;
        // What cannot be read registers no visit.
        self.counter.flows.line_of(content)?;
        let number = match &self.visit {
            Some(number) => number.clone(),
            None => {
                let number = self.counter.flows.new_visit_number();
                let med_type = bill::med_type(kind).to_owned();
                self.counter.flows.register(&VisitEntry { number: number.clone(), med_type })?;
                self.visit = Some(number.clone());
                number
            }
        };
        let lines = self.counter.flows.ledger().lines(&number).map_err(Error::from)?;
        let last = lines.iter().filter_map(|line| line.serial.strip_prefix('T')?.parse::<u32>().ok()).max();
        let serial = format!("T{}", last.unwrap_or_default() + 1);
        let entry = LineEntry { batch: serial.clone(), serial, content: content.to_owned() };
        self.agreed = None;
        self.counter.flows.add_lines(&number, &[entry])?;
        self.tell_visit(teller)
    }

    pub(super) fn remove_line(&mut self, batch: &str, teller: &Teller<Event>) -> Result<(), Failure> {
        let number = self.at_counter()?;
        self.agreed = None;
        self.counter.flows.remove_lines(&number, Some(batch))?;
        self.tell_visit(teller)
    }

    pub(super) fn take_bill(&mut self, path: &Path, teller: &Teller<Event>) -> Result<(), Failure> {
        self.counter.require_duty()?;
        let file = BillFile::read(path)?;
        let number = match (&self.visit, &file.number) {
            // A visit that is under way takes the lines as well.
            (Some(number), _) => number.clone(),
            (None, number) => {
                let number = number.clone().unwrap_or_else(|| self.counter.flows.new_visit_number());
                let entry = VisitEntry { number: number.clone(), med_type: file.med_type() };
                self.counter.flows.register(&entry)?;
                number
            }
        };
        self.visit = Some(number.clone());
        self.agreed = None;
        let prefix = path.file_stem().map(|stem| format!("H{}-", stem.to_string_lossy()));
        let prefix = prefix.filter(|prefix| prefix.is_ascii() && prefix.len() <= 40 && !prefix.contains(' '));
        self.counter.flows.add_lines(&number, &file.entries(prefix.as_deref().unwrap_or("H")))?;
        // Its lines are in the books: it is not offered again.
        bill::put_aside(path)?;
        self.look_at_bills();
        self.tell_waiting(teller);
        self.tell_visit(teller)
    }

    pub(super) fn drop_visit(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        let number = self.at_counter()?;
        self.counter.flows.cancel_visit(&number)?;
        self.forget_visit();
        self.tell_visit(teller)?;
        self.tell_waiting(teller);
        Ok(())
    }

    fn at_counter(&self) -> Result<String, Failure> {
        self.visit.clone().ok_or_else(|| Error::Ledger(LedgerError::VisitUnknown).into())
    }

    pub(super) fn pre_settle(&mut self, use_account: bool, teller: &Teller<Event>) -> Result<(), Failure> {
        self.counter.require_duty()?;
        self.counter.require_sound_books()?;
        let number = self.at_counter()?;
        if !self.counter.flows.pin_is_verified()
            && let Some(resolved) = self.verify(teller)?
        {
            self.tell_resolved(&resolved, teller);
        }
        let agreed = self.counter.flows.pre_settle(&number, use_account)?;
        teller.event(Event::Split(Box::new(Split::of(&agreed))));
        self.agreed = Some(Box::new(agreed));
        Ok(())
    }

    pub(super) fn settle(&mut self, teller: &Teller<Event>) -> Result<(), Failure> {
        // Taken: whatever happens, the same figures are not settled by a second press.
        let agreed = self.agreed.take().ok_or(Error::BillChanged)?;
        let settled = match self.counter.flows.settle(&agreed) {
            Err(Error::BillChanged) => {
                let use_account =
                    agreed.outcome.settlement.acct_pay() > Fen::ZERO || agreed.balance.is_none();
                let again = self.counter.flows.pre_settle(&agreed.visit.number, use_account)?;
                teller.event(Event::SplitAgain(Box::new(Split::of(&again))));
                self.agreed = Some(Box::new(again));
                return Ok(());
            }
            other => other?,
        };
        self.visit = None;
        // The card is done with; what follows can be repeated without it.
        self.counter.flows.close_card();
        teller.event(Event::Settled(Box::new(SettledFacts {
            id: settled.id,
            sequence: settled.link.sequence,
            settlement: settled.receipt.settlement,
            balance_after: settled.balance_after,
        })));
        // The record is in the books; a failing line only delays it, and takes nothing back.
        let sent = self.counter.flows.send_unless_down();
        let mut receipt = settled.receipt;
        let offline = !self.counter.flows.line_is_up().unwrap_or(false);
        let booking = self.counter.flows.booking(settled.id, offline)?;
        receipt.booking = booking.clone();
        teller.event(Event::Booked(booking));
        self.print(&receipt, teller);
        self.tell_waiting(teller);
        sent?;
        Ok(())
    }

    pub(super) fn print(&mut self, receipt: &Receipt, teller: &Teller<Event>) {
        let printed = self.counter.print_if_set_up(receipt, terminal::language::Language::Chinese);
        if let Some(printed) = printed {
            let printed = printed.map_err(|error| Trouble::of(&Failure::Printer(error)));
            teller.event(Event::Printed(printed));
        }
    }

    /// The visit stays in the books; it is only not at the counter any more.
    pub(super) fn forget_visit(&mut self) {
        self.visit = None;
        self.agreed = None;
        self.pension = None;
    }

    pub(super) fn let_go(&mut self, teller: &Teller<Event>) {
        self.counter.flows.close_card();
        self.forget_visit();
        self.tell_waiting(teller);
    }
}
