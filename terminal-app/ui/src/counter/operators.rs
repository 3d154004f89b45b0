//! Who may work here: a supervisor adds, stops and lets in again.

use terminal::roles::{Operator, Role, SECRET_BYTES_MIN};

use super::{
    note::Said,
    sheet::{Name, Sheet},
    state::{Confirm, Effect, Overlay, State},
    work::{Command, Secret},
};

impl State {
    /// The marked operator.
    pub(super) fn operator(&self) -> Option<&Operator> {
        self.operators.get(self.row)
    }

    pub(super) fn can_stop(&self) -> bool {
        self.operator().is_some_and(|operator| operator.active)
    }

    pub(super) fn begin_reset(&mut self) -> Vec<Effect> {
        match self.operator().cloned() {
            Some(Operator { number, name, role, .. }) => {
                self.lay_sheet(Sheet::operator(Some((number, name, role))))
            }
            None => self.nothing_marked(),
        }
    }

    pub(super) fn begin_stop(&mut self) -> Vec<Effect> {
        let number = self.operator().map(|operator| operator.number.clone());
        match number {
            Some(number) if self.clerk.as_ref().is_some_and(|clerk| clerk.number == number) => {
                self.say(Said::NotYourself);
                Vec::new()
            }
            Some(number) => self.lay(Overlay::Confirm(Confirm::StopOperator(number))),
            None => self.nothing_marked(),
        }
    }

    /// Number, name, role and secret are meant.
    pub(super) fn issue_operator(&mut self) -> Vec<Effect> {
        let (operators, busy) = (&self.operators, self.is_busy());
        let Overlay::Sheet(sheet) = &mut self.overlay else { return Vec::new() };
        let number = sheet.text(Name::Number).to_owned();
        let is_new = sheet.purpose == super::sheet::Purpose::NewOperator;
        let wrong = if number.is_empty() {
            Some((0, Said::NumberEmpty))
        } else if is_new && operators.iter().any(|operator| operator.number == number) {
            Some((0, Said::NumberKnown))
        } else {
            None
        };
        if let Some((at, said)) = wrong {
            sheet.at = at;
            self.say(said);
            return Vec::new();
        }
        if busy {
            self.say(Said::Busy);
            return Vec::new();
        }
        let name = sheet.text(Name::Person).to_owned();
        let role = Role::ALL.get(sheet.chosen(Name::Role)).copied().unwrap_or(Role::Cashier);
        match self.new_secret() {
            Some(secret) => self.ask(Command::IssueOperator { number, name, role, secret }),
            None => Vec::new(),
        }
    }

    pub(super) fn change_secret(&mut self) -> Vec<Effect> {
        if self.is_busy() {
            self.say(Said::Busy);
            return Vec::new();
        }
        match self.new_secret() {
            Some(secret) => self.ask(Command::ChangeSecret { secret }),
            None => Vec::new(),
        }
    }

    /// The secret of the sheet, typed twice the same and long enough; else what is wrong is said.
    fn new_secret(&mut self) -> Option<Secret> {
        let Overlay::Sheet(sheet) = &mut self.overlay else { return None };
        let Some(mut secret) = sheet.secret() else {
            self.say(Said::SecretsDiffer);
            return None;
        };
        let bytes = secret.take();
        if bytes.len() < SECRET_BYTES_MIN {
            sheet.at = sheet.fields.len().saturating_sub(2);
            self.say(Said::SecretShort);
            return None;
        }
        Some(Secret::new(bytes))
    }

    /// The list was read anew: whatever was changed stands in it.
    pub(super) fn operators_are(&mut self, operators: Vec<Operator>) {
        self.operators = operators;
        self.row = self.row.min(self.operators.len().saturating_sub(1));
    }
}
