//! What the desk tells, and what follows from it on the counter.

use protocol::id::TransactionId;
use terminal::error::MoneyOutcome;

use super::{
    books::Books,
    dues::Dues,
    entry::Hidden,
    failed::Failed,
    holder::Desk,
    note::{Note, Said},
    serve::Stage,
    sheet::{Purpose, Sheet},
    state::{Confirm, Effect, Overlay, Page, SignIn, State},
    work::{Clerk, Command, Event},
};
use crate::{
    desk::Told,
    trouble::Trouble,
    upkeep::{Slot, Status},
};

impl State {
    pub(super) fn told(&mut self, told: Told<Event>) -> Vec<Effect> {
        match told {
            Told::Event(event) => self.event(event),
            Told::Progress(progress) => {
                self.progress = Some(progress);
                Vec::new()
            }
            Told::Pin(prompt) => {
                self.overlay = Overlay::Pin { prompt, digits: Hidden::default() };
                Vec::new()
            }
            Told::PinOver => {
                if matches!(self.overlay, Overlay::Pin { .. }) {
                    self.overlay = Overlay::None;
                }
                self.wrong_pin = None;
                Vec::new()
            }
            Told::Broken => {
                self.broken = true;
                self.page = Page::Closed;
                self.overlay = Overlay::None;
                self.under_way = 0;
                Vec::new()
            }
        }
    }

    fn event(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Closed(trouble) => {
                self.closed = Some(trouble);
                self.page = Page::Closed;
            }
            Event::Opened(opened) => {
                self.closed = None;
                self.clerk = opened.clerk.clone();
                self.opened = Some(*opened);
                self.page = if self.clerk.is_some() { self.home() } else { Page::SignIn };
            }
            Event::Status(status) => self.status = self.took(*status),
            Event::Slot(slot) => return self.slot(slot),
            Event::Clerk(clerk) => self.clerk_is(clerk),
            Event::Waiting { visits, bills } => {
                self.visits = visits;
                self.bills = bills;
            }
            Event::Card(card) => self.serve.card = Some(*card),
            Event::Holder(holder) => self.serve.holder = Some(*holder),
            Event::Refused { trouble, alarm } => {
                self.note = Some(match alarm {
                    true => Note::Alarm(trouble.clone()),
                    false => Note::Trouble { trouble: trouble.clone(), money: None },
                });
                self.serve.refused = Some(trouble);
            }
            Event::Earlier(earlier) => {
                self.open = None;
                self.note = Some(Note::Earlier(earlier));
            }
            Event::Decided(earlier) => {
                self.open = None;
                self.note = Some(Note::Decided(earlier));
            }
            Event::Found { ticket, items } => return self.found(ticket, items),
            Event::Visit(visit) => self.visit_is(visit.map(|visit| *visit)),
            Event::Split(split) => self.split_is(*split),
            Event::SplitAgain(split) => {
                self.split_is(*split);
                self.say(Said::SplitChanged);
            }
            Event::WrongPin(trouble) => self.wrong_pin = Some(trouble),
            Event::Settled(settled) => {
                self.serve.split = None;
                self.serve.settled = Some(*settled);
                self.overlay = Overlay::None;
                self.note = None;
            }
            Event::Booked(booking) => self.serve.booking = Some(booking),
            Event::Printed(printed) => self.printed(printed),
            Event::Books { unresolved, disputed, latest } => {
                self.status.unresolved = unresolved.len() as u64;
                self.open = None;
                self.books = Books { unresolved, disputed, latest };
                self.row = self.row.min(self.rows().saturating_sub(1));
            }
            Event::Cancelled { sequence, loaded, owed } => {
                self.serve.next();
                self.note = Some(Note::Cancelled { sequence, loaded, owed });
            }
            Event::Refunded(amounts) => {
                self.note = Some(Note::Refunded(amounts.into_iter().sum()));
            }
            Event::Reconciled(reconciliation) => self.reconciliation = Some(*reconciliation),
            Event::Accepted => self.say(Said::Accepted),
            Event::Sent(all) => self.say(if all { Said::Sent } else { Said::NotSent }),
            Event::Pension(state) => self.desk.pension = Some(*state),
            Event::Finger { check, second_clerk } => self.finger_was(check, second_clerk),
            Event::Vouched => {
                self.desk.proved = self.desk.purpose;
                self.say(Said::Vouched);
            }
            Event::Operators(operators) => self.operators_are(operators),
            Event::OperatorSet => {
                self.overlay = Overlay::None;
                self.say(Said::OperatorSet);
            }
            Event::OperatorStopped => self.say(Said::OperatorStopped),
            Event::SecretChanged => {
                self.overlay = Overlay::None;
                self.say(Said::SecretChanged);
            }
            Event::FailedPayments { answer, goes_on } => self.failed_are(*answer, goes_on),
            Event::Dues(shown) => self.dues_are(*shown),
            Event::DuesPaid(paid) => self.dues_paid(*paid),
            Event::DuesTaken(taken) => {
                self.taken = taken;
                self.row = self.row.min(self.rows().saturating_sub(1));
            }
            Event::DuesGivenBack(amount) => self.note = Some(Note::GivenBack(amount)),
            Event::Seeking { answer, changed } => {
                self.seeking = Some(*answer);
                if changed {
                    self.say(if self.is_registered() { Said::Registered } else { Said::Unregistered });
                }
            }
            Event::Certified(until) => {
                self.desk.certified = Some(until);
                self.desk.proved = None;
                self.say(Said::Certified);
            }
            Event::Paid { months, stopped } => {
                self.desk.paid = months;
                self.desk.stopped = stopped;
                self.desk.pension = None;
                self.desk.proved = None;
            }
            Event::Affairs(affairs) => self.desk.affairs = Some(*affairs),
            Event::Failed { trouble, money, open } => self.failed(trouble, money, open),
            Event::Done => return self.over(),
        }
        Vec::new()
    }

    /// The status of before, where what it says is younger than the new one's: an outcome that was just lost.
    fn took(&mut self, status: Status) -> Status {
        if status.unresolved > 0 {
            self.open = None;
        }
        status
    }

    fn over(&mut self) -> Vec<Effect> {
        self.under_way = self.under_way.saturating_sub(1);
        if self.is_busy() {
            return Vec::new();
        }
        self.progress = None;
        if std::mem::take(&mut self.tap_waits) && self.card_is_in && self.clerk.is_some() {
            return self.tap();
        }
        Vec::new()
    }

    fn slot(&mut self, slot: Slot) -> Vec<Effect> {
        match slot {
            Slot::CardIn => {
                self.card_is_in = true;
                let here = matches!(
                    self.page,
                    Page::Serve | Page::Pension | Page::Affairs | Page::Dues | Page::Seeking
                );
                if !here || self.clerk.is_none() {
                    return Vec::new();
                }
                if self.is_busy() || self.overlay != Overlay::None {
                    self.tap_waits = true;
                    return Vec::new();
                }
                self.tap()
            }
            Slot::CardOut => {
                self.card_is_in = false;
                self.tap_waits = false;
                self.card_out();
                Vec::new()
            }
        }
    }

    /// Reads the card that lies in the slot, for whoever is next.
    pub(super) fn tap(&mut self) -> Vec<Effect> {
        if !self.card_is_in {
            self.say(Said::NoCard);
            return Vec::new();
        }
        let effects = self.ask(Command::Tap);
        if !effects.is_empty() {
            // The red lane stays; what was said of the last patient goes.
            self.note = None;
            self.serve.next();
            self.desk = Desk { at_home: self.desk.at_home, ..Desk::default() };
            self.dues = Dues::default();
            self.seeking = None;
        }
        effects
    }

    /// What was and what was not done, for whoever has taken the card.
    fn card_out(&mut self) {
        let stage = self.serve.stage();
        let had_lines = self.serve.visit.as_ref().is_some_and(|visit| !visit.lines.is_empty());
        let had_card = self.serve.card.is_some();
        self.desk.pension = None;
        self.desk.proved = None;
        self.desk.affairs = None;
        self.seeking = None;
        self.dues.shown = None;
        self.dues.chosen.clear();
        if stage == Stage::Done || self.dues.paid.is_some() {
            // The patient goes; what was settled stays on the screen until the next one comes.
            return;
        }
        let about_holder = match &self.overlay {
            Overlay::Why | Overlay::Second { .. } | Overlay::Confirm(Confirm::StopSeeking) => true,
            Overlay::Sheet(sheet) => matches!(sheet.purpose, Purpose::Pay(_) | Purpose::Seeking),
            _ => false,
        };
        if about_holder {
            self.overlay = Overlay::None;
        }
        self.serve.next();
        if had_card {
            self.say(if had_lines { Said::CardOutKept } else { Said::CardOut });
        }
    }

    fn clerk_is(&mut self, clerk: Option<Clerk>) {
        let was = self.clerk.take();
        let said = match (&was, &clerk) {
            (_, Some(clerk)) if clerk.cycle.is_none() && clerk.overdue.is_some() => Some(Said::Overdue),
            (None, Some(_)) => Some(Said::SignedIn),
            (Some(_), None) => Some(Said::SignedOut),
            _ => None,
        };
        if clerk.is_none() {
            self.serve.next();
            self.desk = Desk::default();
            self.dues = Dues::default();
            self.failed = Failed::default();
            self.seeking = None;
            self.operators.clear();
            self.taken.clear();
            self.page = Page::SignIn;
            self.overlay = Overlay::None;
        } else if self.page == Page::SignIn {
            self.page = if said == Some(Said::Overdue) { Page::Day } else { self.home() };
            if self.card_is_in {
                self.tap_waits = true;
            }
        }
        if let (Some(opened), Some(_)) = (&mut self.opened, &clerk) {
            opened.has_supervisor = true;
        }
        self.sign_in = SignIn::default();
        let must_change = clerk.as_ref().is_some_and(|clerk| clerk.must_change);
        self.clerk = clerk;
        if must_change {
            self.lay_sheet(Sheet::own_secret());
        }
        if let Some(said) = said {
            self.say(said);
        }
    }

    fn printed(&mut self, printed: Result<(), Trouble>) {
        match (&printed, self.serve.stage()) {
            (_, Stage::Done) => self.serve.printed = Some(printed),
            (Ok(()), _) => {
                // After something that matters more this is not worth a line.
                if self.note.is_none() {
                    self.say(Said::Printed);
                }
            }
            (Err(trouble), _) => {
                self.note = Some(Note::Trouble { trouble: trouble.clone(), money: None });
            }
        }
    }

    fn failed(&mut self, trouble: Trouble, money: MoneyOutcome, open: Option<TransactionId>) {
        // What stands in the books stands there, whatever happens afterwards.
        let about_money = self.about_money || money != MoneyOutcome::NotDone;
        let money = (self.serve.stage() != Stage::Done && about_money).then_some(money);
        // The card decides what was agreed to; the same figures are not settled by another press.
        self.serve.split = None;
        if open.is_some() {
            self.open = open;
            self.serve.visit = None;
        }
        if let Overlay::Decide { .. } | Overlay::Second { .. } | Overlay::Confirm(_) = self.overlay {
            self.overlay = Overlay::None;
        }
        // What is due may have changed meanwhile: it is asked for again before anybody pays.
        if self.page == Page::Dues {
            self.dues.shown = None;
            self.dues.chosen.clear();
        }
        self.sign_in.secret.clear();
        self.sign_in.again.clear();
        self.note = Some(Note::Trouble { trouble, money });
    }
}
