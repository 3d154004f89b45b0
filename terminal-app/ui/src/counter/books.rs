//! The books: the red lane, the latest transactions, what a supervisor decides.

use super::{
    acts::Act,
    facts::Row,
    note::Said,
    state::{Confirm, Effect, Key, Overlay, Page, State},
    work::Command,
};

/// The books as they were last read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Books {
    /// Without an outcome.
    pub unresolved: Vec<Row>,
    /// Refused or in conflict.
    pub disputed: Vec<Row>,
    /// The latest.
    pub latest: Vec<Row>,
}

impl State {
    pub(super) fn reprint(&mut self) -> Vec<Effect> {
        let id = match self.page {
            Page::Serve => self.serve.settled.as_ref().map(|settled| settled.id),
            Page::Records => self.books.latest.get(self.row).map(|row| row.id),
            Page::Dues => self.dues.paid.as_ref().map(|paid| paid.id),
            Page::Taken => self.taken.get(self.row).map(|taken| taken.id),
            Page::Lane => self.marked_in_lane().map(|row| row.id),
            _ => None,
        };
        match id {
            Some(id) => self.ask(Command::Print { id }),
            None => {
                self.say(Said::NothingMarked);
                Vec::new()
            }
        }
    }

    /// The marked row of the red lane: unknown outcomes stand before what the center refuses.
    pub fn marked_in_lane(&self) -> Option<&super::facts::Row> {
        let books = &self.books;
        books.unresolved.iter().chain(&books.disputed).nth(self.row)
    }

    pub(super) fn begin_decision(&mut self) -> Vec<Effect> {
        match self.books.unresolved.get(self.row).map(|row| row.id) {
            Some(id) => self.lay(Overlay::Decide { id, done: None, ground: None }),
            None => {
                self.say(Said::NothingMarked);
                Vec::new()
            }
        }
    }

    pub(super) fn decide_key(&mut self, key: Key) -> Vec<Effect> {
        let Overlay::Decide { done, ground, .. } = &mut self.overlay else { return Vec::new() };
        match key {
            Key::Char('1') => *done = Some(true),
            Key::Char('2') => *done = Some(false),
            Key::Char(letter @ '3'..='5') => {
                *ground = letter.to_digit(10).map(|digit| digit as usize - 3);
            }
            Key::Return => return self.act(Act::Yes),
            _ => {}
        }
        Vec::new()
    }

    pub(super) fn begin_cancel(&mut self) -> Vec<Effect> {
        match self.books.latest.get(self.row) {
            Some(row) if row.can_be_cancelled() => {
                let id = row.id;
                self.lay(Overlay::Confirm(Confirm::Cancel(id)))
            }
            Some(_) => {
                self.say(Said::CannotCancel);
                Vec::new()
            }
            None => {
                self.say(Said::NothingMarked);
                Vec::new()
            }
        }
    }
}
