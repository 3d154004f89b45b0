//! What is typed: the holder's PIN, who signs in, fee lines.

use hal::pin_pad::PinPadError;
use terminal::rules::{Count, UnitPrice};

use super::{
    entry::{LinePart, Typed},
    keys::Act,
    state::{Effect, Field, Key, Note, Overlay, Page, Said, Stage, State},
    work::{Command, Secret},
};

/// Shortest and longest PIN that a card may have. Source: `card_spec::pin`.
const PIN_DIGITS: std::ops::RangeInclusive<usize> =
    card_spec::pin::PIN_DIGITS_MIN as usize..=card_spec::pin::PIN_DIGITS_MAX as usize;

impl State {
    /// The holder's keys: digits alone, and nothing of them is shown.
    pub(super) fn pin_key(&mut self, key: Key) -> Vec<Effect> {
        let Overlay::Pin { digits, .. } = &mut self.overlay else { return Vec::new() };
        match key {
            Key::Char(digit) if digit.is_ascii_digit() && digits.len() < *PIN_DIGITS.end() => {
                digits.push(digit)
            }
            Key::Backspace | Key::Delete => digits.pop(),
            Key::Return if PIN_DIGITS.contains(&digits.len()) => {
                let typed = digits.take();
                self.overlay = Overlay::None;
                return vec![Effect::Typed(Ok(typed))];
            }
            Key::Escape => {
                digits.clear();
                self.overlay = Overlay::None;
                return vec![Effect::Typed(Err(PinPadError::Cancelled))];
            }
            _ => {}
        }
        Vec::new()
    }

    pub(super) fn sign_in_key(&mut self, key: Key) -> Vec<Effect> {
        let fields = self.sign_in_fields();
        let form = &mut self.sign_in;
        match key {
            Key::Char(letter) => match form.at {
                0 => form.number.push(letter),
                1 => form.secret.push(letter),
                _ => form.again.push(letter),
            },
            Key::Backspace | Key::Delete => match form.at {
                0 => {
                    form.number.pop();
                }
                1 => form.secret.pop(),
                _ => form.again.pop(),
            },
            Key::Tab | Key::Down => form.at = (form.at + 1) % fields,
            Key::Up => form.at = (form.at + fields - 1) % fields,
            Key::Return if form.at + 1 < fields => form.at += 1,
            Key::Return => return self.act(Act::SignIn),
            _ => {}
        }
        Vec::new()
    }

    /// Number and secret; a first operator types the secret twice.
    pub fn sign_in_fields(&self) -> usize {
        if self.is_first_sign_in() { 3 } else { 2 }
    }

    /// Nobody is there who could let anybody in: the first one is set here, and is a supervisor.
    pub fn is_first_sign_in(&self) -> bool {
        self.opened.as_ref().is_some_and(|opened| !opened.has_supervisor)
    }

    pub(super) fn sign_in(&mut self) -> Vec<Effect> {
        let first = self.is_first_sign_in();
        let number = self.sign_in.number.text().trim().to_owned();
        if number.is_empty() {
            self.sign_in.at = 0;
            self.say(Said::NumberEmpty);
            return Vec::new();
        }
        if first && self.sign_in.secret != self.sign_in.again {
            self.sign_in.secret.clear();
            self.sign_in.again.clear();
            self.sign_in.at = 1;
            self.say(Said::SecretsDiffer);
            return Vec::new();
        }
        if self.is_busy() {
            self.say(Said::Busy);
            return Vec::new();
        }
        let secret = Secret::new(self.sign_in.secret.take());
        self.sign_in.again.clear();
        self.sign_in.at = 1;
        self.note = None;
        self.ask(match first {
            true => Command::FirstOperator { number, secret },
            false => Command::SignIn { number, secret },
        })
    }

    pub(super) fn serve_key(&mut self, key: Key) -> Vec<Effect> {
        match self.serve.stage() {
            Stage::Bill => self.line_key(key),
            Stage::Done if key == Key::Return => self.act(Act::Next),
            _ => Vec::new(),
        }
    }

    fn line_key(&mut self, key: Key) -> Vec<Effect> {
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

    /// Sets a field as a whole; one that is not on the screen stays as it is.
    pub(super) fn set(&mut self, field: Field, text: &str) -> Vec<Effect> {
        let typed = Typed::from_keys(text);
        let at_lines =
            self.page == Page::Serve && self.serve.stage() == Stage::Bill && self.overlay == Overlay::None;
        let form = &mut self.serve.form;
        match (field, &mut self.overlay) {
            (Field::Item, _) if at_lines => {
                form.begin();
                form.item = typed;
                return self.look_up();
            }
            (Field::Count, _) if at_lines && form.chosen.is_some() => {
                (form.count, form.part, form.offered) = (typed, LinePart::Count, false);
            }
            (Field::Price, _) if at_lines && form.chosen.is_some() => {
                (form.price, form.part, form.offered) = (typed, LinePart::Price, false);
            }
            (Field::Number, Overlay::None) if self.page == Page::SignIn => self.sign_in.number = typed,
            (Field::Second, Overlay::Second { number, .. }) => *number = typed,
            _ => {}
        }
        Vec::new()
    }

    /// Asks what is meant by what stands in the field.
    fn look_up(&mut self) -> Vec<Effect> {
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

    fn line_return(&mut self) -> Vec<Effect> {
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

    fn add_line(&mut self) -> Vec<Effect> {
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
