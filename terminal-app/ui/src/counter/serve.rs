//! A visit at the counter: card, fee lines, figures, settlement.

use terminal::{
    receipt::Booking,
    rules::{Count, UnitPrice, VisitKind},
};

use super::{
    acts::Act,
    entry::{LineForm, LinePart},
    facts::{CardFacts, HolderFacts, SettledFacts, Split, VisitFacts},
    note::{Note, Said},
    state::{Effect, Key, LOOK_MS, Overlay, State},
    work::Command,
};
use crate::trouble::Trouble;

/// Where a visit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No card.
    Idle,
    /// Card and lines.
    Bill,
    /// The figures, to be agreed to.
    Split,
    /// It is settled.
    Done,
}

/// A visit at the counter.
#[derive(Clone, Debug, PartialEq)]
pub struct Serve {
    /// The card.
    pub card: Option<CardFacts>,
    /// Its holder's insurance.
    pub holder: Option<HolderFacts>,
    /// Why the holder may not settle.
    pub refused: Option<Trouble>,
    /// Kind of a visit that is begun now.
    pub kind: VisitKind,
    /// The account pays.
    pub use_account: bool,
    /// The visit.
    pub visit: Option<VisitFacts>,
    /// Marked line.
    pub row: usize,
    /// The line that is typed.
    pub form: LineForm,
    /// The figures, and since when they are on the screen.
    pub split: Option<(Split, u64)>,
    /// What was settled.
    pub settled: Option<SettledFacts>,
    /// What the center has said.
    pub booking: Option<Booking>,
    /// Whether it was printed, or why not.
    pub printed: Option<Result<(), Trouble>>,
}

impl Default for Serve {
    fn default() -> Self {
        Serve {
            card: None,
            holder: None,
            refused: None,
            kind: VisitKind::Outpatient,
            use_account: true,
            visit: None,
            row: 0,
            form: LineForm::default(),
            split: None,
            settled: None,
            booking: None,
            printed: None,
        }
    }
}

impl Serve {
    /// Where it stands.
    pub fn stage(&self) -> Stage {
        match (&self.settled, &self.split, &self.card) {
            (Some(_), _, _) => Stage::Done,
            (_, Some(_), _) => Stage::Split,
            (_, _, Some(_)) => Stage::Bill,
            _ => Stage::Idle,
        }
    }

    /// The next patient; prices that were typed are kept.
    pub fn next(&mut self) {
        let mut form = std::mem::take(&mut self.form);
        form.begin();
        *self = Serve { form, ..Serve::default() };
    }
}

impl State {
    /// Whether the card has a visit.
    pub(super) fn has_visit(&self) -> bool {
        self.serve.visit.is_some()
    }

    pub(super) fn switch_kind(&mut self) -> Vec<Effect> {
        self.serve.kind = match self.serve.kind {
            VisitKind::Outpatient => VisitKind::Inpatient,
            VisitKind::Inpatient => VisitKind::Outpatient,
        };
        Vec::new()
    }

    pub(super) fn next_patient(&mut self) -> Vec<Effect> {
        self.serve.next();
        self.note = None;
        self.next_at = self.now_ms;
        Vec::new()
    }

    pub(super) fn serve_back(&mut self) -> Vec<Effect> {
        match self.serve.stage() {
            Stage::Split => {
                self.serve.split = None;
                Vec::new()
            }
            Stage::Bill if !self.serve.form.item.is_empty() => {
                self.serve.form.begin();
                Vec::new()
            }
            Stage::Bill => {
                let kept = self.serve.visit.as_ref().is_some_and(|visit| !visit.lines.is_empty());
                let effects = self.ask(Command::LetGo);
                if !effects.is_empty() {
                    self.serve.next();
                    self.say(if kept { Said::CardOutKept } else { Said::CardOut });
                }
                effects
            }
            Stage::Idle | Stage::Done => Vec::new(),
        }
    }

    pub(super) fn delete_line(&mut self) -> Vec<Effect> {
        let line = self.serve.visit.as_ref().and_then(|visit| visit.lines.get(self.serve.row));
        match line.map(|line| line.batch.clone()) {
            Some(batch) => self.ask(Command::RemoveLine { batch }),
            None => {
                self.say(Said::NothingMarked);
                Vec::new()
            }
        }
    }

    pub(super) fn take_bill(&mut self) -> Vec<Effect> {
        let Some(bill) = self.bills.get(self.row) else {
            self.say(Said::NothingMarked);
            return Vec::new();
        };
        if self.serve.card.is_none() || self.serve.refused.is_some() {
            self.say(Said::CardFirst);
            return Vec::new();
        }
        let path = bill.path.clone();
        let effects = self.ask(Command::TakeBill { path });
        if !effects.is_empty() {
            self.overlay = Overlay::None;
        }
        effects
    }

    pub(super) fn switch_account(&mut self) -> Vec<Effect> {
        if self.serve.stage() == Stage::Split {
            let use_account = !self.serve.use_account;
            let effects = self.ask(Command::PreSettle { use_account });
            if !effects.is_empty() {
                self.serve.use_account = use_account;
                self.serve.split = None;
            }
            return effects;
        }
        self.serve.use_account = !self.serve.use_account;
        Vec::new()
    }

    pub(super) fn pre_settle(&mut self) -> Vec<Effect> {
        if self.serve.visit.as_ref().is_none_or(|visit| visit.lines.is_empty()) {
            self.say(Said::NoLines);
            return Vec::new();
        }
        let use_account = self.serve.use_account;
        self.ask(Command::PreSettle { use_account })
    }

    pub(super) fn settle(&mut self) -> Vec<Effect> {
        let Some((_, since)) = self.serve.split else { return Vec::new() };
        if self.now_ms.saturating_sub(since) < LOOK_MS {
            self.say(Said::LookFirst);
            return Vec::new();
        }
        self.ask(Command::Settle)
    }

    pub(super) fn visit_is(&mut self, visit: Option<VisitFacts>) {
        if let Some(visit) = &visit {
            self.serve.kind = visit.kind;
            let before = self.serve.visit.as_ref().map_or(0, |visit| visit.lines.len());
            let last = visit.lines.len().saturating_sub(1);
            self.serve.row = if visit.lines.len() > before { last } else { self.serve.row.min(last) };
        }
        self.serve.split = None;
        self.serve.visit = visit;
    }

    pub(super) fn split_is(&mut self, split: Split) {
        self.row = 0;
        self.serve.split = Some((split, self.now_ms));
    }

    pub(super) fn serve_key(&mut self, key: Key) -> Vec<Effect> {
        match self.serve.stage() {
            Stage::Bill => self.line_key(key),
            Stage::Done if key == Key::Return => self.act(Act::Next),
            _ => Vec::new(),
        }
    }

    pub(super) fn line_key(&mut self, key: Key) -> Vec<Effect> {
        match key {
            Key::Char(letter) => {
                self.serve.form.push(letter);
                self.look_up()
            }
            Key::Backspace => {
                let form = &mut self.serve.form;
                if !form.pop() && form.part != LinePart::Item {
                    form.part = LinePart::Item;
                    form.chosen = None;
                }
                self.look_up()
            }
            Key::Delete => self.act(Act::DeleteLine),
            Key::Return => self.line_return(),
            _ => Vec::new(),
        }
    }

    /// Asks what is meant by what stands in the field.
    pub(super) fn look_up(&mut self) -> Vec<Effect> {
        let form = &mut self.serve.form;
        if form.part != LinePart::Item {
            return Vec::new();
        }
        form.return_waits = false;
        form.ticket = form.ticket.wrapping_add(1);
        let ticket = form.ticket;
        let words = form.item.text().to_owned();
        if words.is_empty() {
            form.found.clear();
            form.answered = ticket;
            return Vec::new();
        }
        self.ask_along(Command::Find { words, ticket })
    }

    /// Items that are meant; a Return that came before them counts now.
    pub(super) fn found(&mut self, ticket: u32, items: Vec<terminal::catalog::Item>) -> Vec<Effect> {
        let form = &mut self.serve.form;
        if ticket != form.ticket || form.part != LinePart::Item {
            return Vec::new();
        }
        form.found = items;
        form.row = 0;
        form.answered = ticket;
        if std::mem::take(&mut form.return_waits) {
            return self.line_return();
        }
        Vec::new()
    }

    pub(super) fn line_return(&mut self) -> Vec<Effect> {
        let form = &mut self.serve.form;
        match form.part {
            LinePart::Item if form.item.is_empty() => {}
            LinePart::Item if form.answered != form.ticket => form.return_waits = true,
            LinePart::Item => {
                if !form.choose() {
                    self.say(Said::NotFound);
                }
            }
            LinePart::Count => match form.count.text().parse::<Count>() {
                Ok(count) if count != Count::default() => {
                    form.part = LinePart::Price;
                    form.offered = true;
                }
                _ => self.say(Said::NotNumber),
            },
            LinePart::Price => return self.add_line(),
        }
        Vec::new()
    }

    pub(super) fn add_line(&mut self) -> Vec<Effect> {
        let kind = self.serve.kind;
        let form = &mut self.serve.form;
        let numbers = (form.price.text().parse::<UnitPrice>(), form.count.text().parse::<Count>());
        let (Some(item), (Ok(price), Ok(count))) = (form.chosen.clone(), numbers) else {
            self.say(Said::NotNumber);
            return Vec::new();
        };
        form.remember(&item.code, &price);
        // The fields are empty before the line is sent: the same Return adds it once.
        form.begin();
        if matches!(self.note, Some(Note::Said(_))) {
            self.note = None;
        }
        let command = Command::AddLine { kind, code: item.code, name: None, class: None, price, count };
        self.ask_along(command)
    }
}
