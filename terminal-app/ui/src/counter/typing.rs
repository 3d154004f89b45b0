//! What is typed: the holder's PIN, who signs in, fee lines.

use hal::pin_pad::PinPadError;

use super::{
    acts::Act,
    entry::{LinePart, Typed},
    note::Said,
    serve::Stage,
    state::{Effect, Field, Key, Overlay, Page, State},
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
            (Field::Sheet(at), Overlay::Sheet(_)) => self.set_in_sheet(at, text),
            (Field::Second, Overlay::Second { number, .. }) => *number = typed,
            _ => {}
        }
        Vec::new()
    }
}
