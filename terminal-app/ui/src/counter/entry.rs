//! What is typed: short lines of digits and letters, kept here and not in the screen's own fields, so that no key is
//! lost on the way from one to the next.

use std::collections::HashMap;

use terminal::{catalog::Item, rules::UnitPrice};
use zeroize::{Zeroize, Zeroizing};

/// Longest line that is typed.
pub const CHARS_MAX: usize = 64;

/// One line that is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Typed(String);

impl Typed {
    /// Begins with a text; the first key replaces it when it was only offered.
    pub fn of(text: impl Into<String>) -> Self {
        Typed(text.into())
    }

    /// As if these keys had been pressed.
    pub fn from_keys(text: &str) -> Self {
        let mut typed = Typed::default();
        text.chars().for_each(|key| typed.push(key));
        typed
    }

    /// What stands there.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether nothing stands there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a key.
    pub fn push(&mut self, key: char) {
        if !key.is_control() && self.0.chars().count() < CHARS_MAX {
            self.0.push(key);
        }
    }

    /// Takes the last key back; `false` when nothing stood there.
    pub fn pop(&mut self) -> bool {
        self.0.pop().is_some()
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// A line that nobody may see: dots are shown, and it is wiped.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(Zeroizing<Vec<u8>>);

impl Hidden {
    /// How many characters stand there.
    pub fn len(&self) -> usize {
        String::from_utf8_lossy(&self.0).chars().count()
    }

    /// Whether nothing stands there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a key.
    pub fn push(&mut self, key: char) {
        let mut bytes = Zeroizing::new([0; 4]);
        let text = key.encode_utf8(&mut *bytes).as_bytes();
        if !key.is_control() && self.0.len() + text.len() <= CHARS_MAX {
            // No copy of it stays behind in what the vector had before.
            if self.0.capacity() < CHARS_MAX {
                self.0.reserve_exact(CHARS_MAX);
            }
            self.0.extend_from_slice(text);
        }
    }

    /// Takes the last key back.
    pub fn pop(&mut self) {
        while let Some(byte) = self.0.pop() {
            if byte & 0xC0 != 0x80 {
                return;
            }
        }
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.0.zeroize();
    }

    /// Hands it on and forgets it.
    pub fn take(&mut self) -> Zeroizing<Vec<u8>> {
        std::mem::take(&mut self.0)
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// Which part of a fee line is typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinePart {
    /// Code, barcode or initials.
    #[default]
    Item,
    /// How many.
    Count,
    /// Price of one.
    Price,
}

/// A fee line that is being typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineForm {
    /// Where the keys go.
    pub part: LinePart,
    /// Code, barcode or initials.
    pub item: Typed,
    /// How many.
    pub count: Typed,
    /// Price of one.
    pub price: Typed,
    /// What stands in the field was offered: the first key replaces it.
    pub offered: bool,
    /// The item that was chosen.
    pub chosen: Option<Item>,
    /// What could be meant.
    pub found: Vec<Item>,
    /// Which of it is marked.
    pub row: usize,
    /// Number of the question that was asked last.
    pub ticket: u32,
    /// Number of the question that [`LineForm::found`] answers.
    pub answered: u32,
    /// Return was pressed before the answer came, as scanners do.
    pub return_waits: bool,
    /// The last price of each item in this shift.
    prices: HashMap<String, String>,
}

impl LineForm {
    /// Begins the next line.
    pub fn begin(&mut self) {
        let prices = std::mem::take(&mut self.prices);
        let (ticket, answered) = (self.ticket, self.ticket);
        *self = LineForm { prices, ticket, answered, ..LineForm::default() };
    }

    /// Takes the marked item; the count comes next.
    pub fn choose(&mut self) -> bool {
        let Some(item) = self.found.get(self.row).cloned() else { return false };
        self.item = Typed::of(item.code.clone());
        self.price = Typed::of(self.usual_price(&item));
        self.count = Typed::of("1");
        self.chosen = Some(item);
        self.found.clear();
        self.part = LinePart::Count;
        self.offered = true;
        true
    }

    /// The last price of this item, else the highest that counts, else none.
    fn usual_price(&self, item: &Item) -> String {
        let ceiling = || item.price_ceiling.as_ref().map(UnitPrice::to_string);
        self.prices.get(&item.code).cloned().or_else(ceiling).unwrap_or_default()
    }

    /// Remembers what the item cost.
    pub fn remember(&mut self, code: &str, price: &UnitPrice) {
        self.prices.insert(code.to_owned(), price.to_string());
    }

    /// The part that is typed now.
    pub fn now(&mut self) -> &mut Typed {
        match self.part {
            LinePart::Item => &mut self.item,
            LinePart::Count => &mut self.count,
            LinePart::Price => &mut self.price,
        }
    }

    /// A key into the part that is typed now.
    pub fn push(&mut self, key: char) {
        let number = self.part != LinePart::Item;
        // Full stops of a Chinese keyboard are decimal points here.
        let key = if number && matches!(key, '。' | '．') { '.' } else { key };
        if number && !key.is_ascii_digit() && key != '.' {
            return;
        }
        if std::mem::take(&mut self.offered) {
            self.now().clear();
        }
        self.now().push(key);
    }

    /// Takes a key back; the first part again when there is none.
    pub fn pop(&mut self) -> bool {
        self.offered = false;
        self.now().pop()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_hidden_is_counted_and_not_shown() {
        let mut hidden = Hidden::default();
        "ab密c".chars().for_each(|key| hidden.push(key));
        assert_eq!(hidden.len(), 4);
        hidden.pop();
        hidden.pop();
        assert_eq!(format!("{hidden:?}"), "Hidden(…)");
        assert_eq!(*hidden.take(), b"ab");
        assert!(hidden.is_empty());
        (0..100).for_each(|_| hidden.push('x'));
        assert_eq!(hidden.len(), CHARS_MAX);
    }

    #[test]
    fn an_offered_number_is_replaced_by_the_first_key() {
        let mut form =
            LineForm { part: LinePart::Count, count: Typed::of("1"), offered: true, ..LineForm::default() };
        "2x。5".chars().for_each(|key| form.push(key));
        assert_eq!(form.count.text(), "2.5");
        form.pop();
        assert_eq!(form.count.text(), "2.");
    }
}
