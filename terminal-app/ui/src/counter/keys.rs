//! Keys: where each goes, and what a list or an overlay makes of it.

use protocol::policy::Purpose;
use terminal::audit::Ground;

use super::{
    note::Said,
    serve::Stage,
    sheet::Sheet,
    state::{Confirm, Effect, Key, LOOK_MS, Overlay, Page, State},
    work::{Command, Secret},
};

impl State {
    /// Lays something over the page.
    pub(super) fn lay(&mut self, overlay: Overlay) -> Vec<Effect> {
        self.overlay = overlay;
        Vec::new()
    }

    /// One key.
    pub(super) fn key(&mut self, key: Key) -> Vec<Effect> {
        if let Overlay::Pin { .. } = self.overlay {
            return self.pin_key(key);
        }
        match key {
            Key::F(number) => return self.press(number),
            Key::Escape => return self.press(0),
            Key::Up | Key::Down | Key::PageUp | Key::PageDown if self.moves(key) => return Vec::new(),
            _ => {}
        }
        match (&mut self.overlay, self.page) {
            (Overlay::Second { .. }, _) => self.second_key(key),
            (Overlay::Decide { .. }, _) => self.decide_key(key),
            (Overlay::Sheet(_), _) => self.sheet_key(key),
            (Overlay::Confirm(_) | Overlay::Waiting, _) if key == Key::Return => self.press(9),
            (Overlay::None, Page::SignIn) => self.sign_in_key(key),
            (Overlay::None, Page::Serve) => self.serve_key(key),
            (Overlay::None, Page::Dues) => self.dues_key(key),
            _ => Vec::new(),
        }
    }

    /// Moves in the list that is on the screen; `false` when there is none.
    pub(super) fn moves(&mut self, key: Key) -> bool {
        let by = |row: usize, rows: usize| match key {
            Key::Up => row.saturating_sub(1),
            Key::Down => (row + 1).min(rows.saturating_sub(1)),
            Key::PageUp => row.saturating_sub(10),
            _ => (row + 10).min(rows.saturating_sub(1)),
        };
        let rows = self.rows();
        if rows > 0 {
            self.row = by(self.row, rows);
            return true;
        }
        if self.page == Page::Serve && self.overlay == Overlay::None && self.serve.stage() == Stage::Bill {
            let form = &mut self.serve.form;
            if !form.found.is_empty() {
                form.row = by(form.row, form.found.len());
            } else if let Some(visit) = &self.serve.visit {
                self.serve.row = by(self.serve.row, visit.lines.len());
            }
            return true;
        }
        false
    }

    /// Marks a row that was pressed.
    pub(super) fn mark(&mut self, row: usize) {
        if row < self.rows() {
            self.row = row;
        } else if self.page == Page::Serve
            && self.serve.visit.as_ref().is_some_and(|visit| row < visit.lines.len())
        {
            self.serve.row = row;
        }
    }

    pub(super) fn back(&mut self) -> Vec<Effect> {
        match (&self.overlay, self.page) {
            (Overlay::None, Page::Serve) => self.serve_back(),
            (Overlay::None, Page::Pension | Page::Affairs) if self.is_busy() => vec![Effect::Halt],
            (Overlay::None, page) => page.before(self.home()).map_or_else(Vec::new, |page| self.go(page)),
            // Nobody works with a secret that somebody else knows.
            (Overlay::Sheet(sheet), _) if sheet.purpose == Sheet::OWN_SECRET => {
                let effects = self.ask(Command::SignOut);
                if !effects.is_empty() {
                    self.overlay = Overlay::None;
                }
                effects
            }
            _ => self.lay(Overlay::None),
        }
    }

    /// What was asked for is really wanted.
    pub(super) fn yes(&mut self) -> Vec<Effect> {
        if let Overlay::Sheet(_) = self.overlay {
            return self.sheet_is_meant();
        }
        if self.is_busy() {
            self.say(Said::Busy);
            return Vec::new();
        }
        match std::mem::take(&mut self.overlay) {
            Overlay::Confirm(Confirm::Cancel(id)) => self.ask(Command::Cancel { id }),
            Overlay::Confirm(Confirm::DropVisit) => self.ask(Command::DropVisit),
            Overlay::Confirm(Confirm::SignOut) => self.ask(Command::SignOut),
            Overlay::Confirm(Confirm::Accept(cycle)) => self.ask(Command::Accept { cycle }),
            Overlay::Confirm(Confirm::StopOperator(number)) => self.ask(Command::StopOperator { number }),
            Overlay::Confirm(Confirm::GiveBack(id)) => self.ask(Command::GiveDuesBack { id }),
            Overlay::Confirm(Confirm::StopSeeking) => self.ask(Command::StopSeeking),
            Overlay::Decide { id, done: Some(done), ground: Some(ground) } => {
                let ground = Ground::ALL.get(ground).copied().unwrap_or(Ground::CardGone);
                self.ask(Command::Decide { id, done, ground })
            }
            Overlay::Second { number, mut secret, .. } if !number.is_empty() => {
                let purpose = self.desk.purpose.unwrap_or(Purpose::Certification);
                let second = Some((number.text().trim().to_owned(), Secret::new(secret.take())));
                self.ask(Command::Vouch { purpose, second })
            }
            overlay => self.lay(overlay),
        }
    }

    pub(super) fn nothing_marked(&mut self) -> Vec<Effect> {
        self.say(Said::NothingMarked);
        Vec::new()
    }

    /// What lies over the page can be answered by yes.
    pub(super) fn is_decided(&self) -> bool {
        !matches!(&self.overlay, Overlay::Decide { done, ground, .. } if done.is_none() || ground.is_none())
    }

    /// The second of two presses for the next patient does not read the last one's card again.
    pub(super) fn tap_by_key(&mut self) -> Vec<Effect> {
        if self.next_at > 0 && self.now_ms.saturating_sub(self.next_at) < LOOK_MS {
            return Vec::new();
        }
        self.tap()
    }
}
