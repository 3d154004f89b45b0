//! Contributions that are due: chosen, paid, taken back.

use card_spec::money::Fen;
use protocol::{
    id::TransactionId,
    record::{PAYMENT_DUES_MAX, PaidBy},
    service::{Due, DuesAnswer},
};
use terminal::{
    flows::{DuesTaken, service::Shown},
    receipt::Booking,
};

use super::{
    note::Said,
    sheet::{Name, Sheet},
    state::{Confirm, Effect, Key, Overlay, State},
    work::Command,
};

/// Dues of the holder at the counter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dues {
    /// As the center has shown them.
    pub shown: Option<Shown<DuesAnswer>>,
    /// Which of them are to be paid, in the same order.
    pub chosen: Vec<bool>,
    /// What was paid.
    pub paid: Option<PaidDues>,
}

/// A payment that stands in the books.
#[derive(Clone, Debug, PartialEq)]
pub struct PaidDues {
    /// Its name.
    pub id: TransactionId,
    /// Its place in the chain.
    pub sequence: u64,
    /// What for.
    pub dues: Vec<Due>,
    /// The sum.
    pub amount: Fen,
    /// How.
    pub paid_by: PaidBy,
    /// What the center has said.
    pub booking: Booking,
}

impl Dues {
    /// Those that were chosen.
    pub fn to_pay(&self) -> Vec<Due> {
        let dues = self.shown.iter().flat_map(|shown| &shown.content.dues);
        dues.zip(&self.chosen).filter(|(_, chosen)| **chosen).map(|(due, _)| *due).collect()
    }

    /// What they come to.
    pub fn sum(&self) -> Fen {
        self.to_pay().iter().map(|due| due.amount).sum()
    }

    fn is_open(&self, at: usize) -> bool {
        self.shown
            .as_ref()
            .is_some_and(|shown| shown.content.dues.get(at).is_some_and(|due| shown.content.open(due)))
    }

    /// Chooses one, or not; as many as one payment takes.
    fn toggle(&mut self, at: usize) {
        let full = self.to_pay().len() >= PAYMENT_DUES_MAX;
        if self.is_open(at)
            && let Some(chosen) = self.chosen.get_mut(at)
            && (*chosen || !full)
        {
            *chosen = !*chosen;
        }
    }
}

impl State {
    /// What the center shows: everything that can be paid is chosen, as far as one payment goes.
    pub(super) fn dues_are(&mut self, shown: Shown<DuesAnswer>) {
        let count = shown.content.dues.len();
        self.dues = Dues { shown: Some(shown), chosen: vec![false; count], paid: None };
        (0..count).for_each(|at| self.dues.toggle(at));
        self.row = 0;
    }

    pub(super) fn dues_key(&mut self, key: Key) -> Vec<Effect> {
        match key {
            Key::Return | Key::Char(' ') if self.dues.paid.is_none() => self.dues.toggle(self.row),
            Key::Return => return self.press(9),
            _ => {}
        }
        Vec::new()
    }

    pub(super) fn choose_due(&mut self) -> Vec<Effect> {
        self.dues.toggle(self.row);
        Vec::new()
    }

    /// All, or none when all are chosen.
    pub(super) fn choose_dues(&mut self) -> Vec<Effect> {
        let before = self.dues.to_pay().len();
        (0..self.dues.chosen.len())
            .filter(|at| !self.dues.chosen[*at])
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|at| self.dues.toggle(at));
        if before == self.dues.to_pay().len() {
            self.dues.chosen.fill(false);
        }
        Vec::new()
    }

    pub(super) fn begin_payment(&mut self) -> Vec<Effect> {
        if self.dues.to_pay().is_empty() {
            return self.nothing_marked();
        }
        if self.is_busy() {
            self.say(Said::Busy);
            return Vec::new();
        }
        self.lay_sheet(Sheet::pay(self.dues.sum()))
    }

    pub(super) fn pay_dues(&mut self) -> Vec<Effect> {
        let Overlay::Sheet(sheet) = &mut self.overlay else { return Vec::new() };
        let paid_by = match sheet.chosen(Name::Way) {
            0 => PaidBy::Cash,
            _ => PaidBy::BankCard { reference: sheet.text(Name::Reference).to_owned() },
        };
        if !paid_by.sound() {
            sheet.at = 1;
            self.say(Said::ReferenceWrong);
            return Vec::new();
        }
        let effects = self.ask(Command::PayDues { chosen: self.dues.to_pay(), paid_by });
        if !effects.is_empty() {
            self.overlay = Overlay::None;
        }
        effects
    }

    pub(super) fn dues_paid(&mut self, paid: PaidDues) {
        // Nothing of what was shown is paid by another press.
        self.dues = Dues { paid: Some(paid), ..Dues::default() };
        self.overlay = Overlay::None;
        self.row = 0;
        self.note = None;
    }

    pub(super) fn next_payer(&mut self) -> Vec<Effect> {
        self.dues = Dues::default();
        self.next_patient()
    }

    pub(super) fn begin_giving_back(&mut self) -> Vec<Effect> {
        match self.taken.get(self.row) {
            Some(DuesTaken { id, reversible: true, .. }) => {
                let id = *id;
                self.lay(Overlay::Confirm(Confirm::GiveBack(id)))
            }
            Some(_) => {
                self.say(Said::NotReversible);
                Vec::new()
            }
            None => self.nothing_marked(),
        }
    }
}
