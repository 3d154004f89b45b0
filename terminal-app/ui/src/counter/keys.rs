//! What each key does where: one table for the keys, the bar of keys and the buttons.

use protocol::policy::Purpose;
use terminal::{
    audit::Ground, flows::FingerCheck, holder::finger::Rung, roles::Role, rules::VisitKind, setup::Face,
};

use super::{
    entry::{Hidden, Typed},
    state::{Confirm, Effect, Key, LOOK_MS, Overlay, Page, Said, Stage, State},
    work::{Command, Secret},
};

/// What a key or a button does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Shows the keys.
    Help,
    /// Goes to the page that this desk works on.
    Home,
    /// Visits and bills that wait.
    Waiting,
    /// Takes the marked bill.
    TakeBill,
    /// Takes the marked line out.
    DeleteLine,
    /// The personal account pays, or does not.
    Account,
    /// Outpatient or inpatient.
    Kind,
    /// Takes the registration back.
    DropVisit,
    /// What it comes to.
    PreSettle,
    /// Why it comes to that.
    Why,
    /// Settles.
    Settle,
    /// The next patient.
    Next,
    /// Prints again.
    Reprint,
    /// Reads the card that lies there.
    Tap,
    /// Unknown outcomes and refusals.
    Lane,
    /// A supervisor decides.
    Decide,
    /// The latest transactions.
    Records,
    /// Takes a settlement back.
    Cancel,
    /// Puts what is owed back onto the card.
    Refund,
    /// The day's comparison: the page, then the comparison itself.
    Day,
    /// Compares.
    Reconcile,
    /// Accepts the difference.
    Accept,
    /// Sends what waits.
    Send,
    /// Signs in.
    SignIn,
    /// Signs out.
    SignOut,
    /// Pensions.
    PensionPage,
    /// How the pension stands.
    Pension,
    /// Knows the holder, then pays.
    Pay,
    /// Knows the holder, then certifies.
    Certify,
    /// Staff vouches.
    Vouch,
    /// Cards and contributions.
    AffairsPage,
    /// Reads them.
    Affairs,
    /// Yes.
    Yes,
    /// Back.
    Back,
}

/// A key of the bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarKey {
    /// F1 to F12; 0 is Escape.
    pub number: u8,
    /// What it does.
    pub act: Act,
    /// The one that comes next.
    pub main: bool,
}

impl State {
    /// The keys that do something now, in their order on the bar.
    pub fn bar(&self) -> Vec<BarKey> {
        let key = |number, act| BarKey { number, act, main: false };
        let main = |number, act| BarKey { number, act, main: true };
        let mut keys = match &self.overlay {
            Overlay::Pin { .. } => return vec![key(0, Act::Back)],
            Overlay::Confirm(_) => return vec![main(9, Act::Yes), key(0, Act::Back)],
            Overlay::Decide { done, ground, .. } => {
                let ready = done.is_some() && ground.is_some();
                return match ready {
                    true => vec![main(9, Act::Yes), key(0, Act::Back)],
                    false => vec![key(0, Act::Back)],
                };
            }
            Overlay::Second { .. } => return vec![main(9, Act::Yes), key(0, Act::Back)],
            Overlay::Waiting => return vec![main(9, Act::TakeBill), key(0, Act::Back)],
            Overlay::Why | Overlay::Help => return vec![key(0, Act::Back)],
            Overlay::None => vec![key(1, Act::Help)],
        };
        match self.page {
            Page::Closed => {}
            Page::SignIn => keys.push(main(9, Act::SignIn)),
            Page::Serve => keys.extend(self.serve_keys()),
            Page::Pension => {
                keys.push(key(2, Act::Tap));
                keys.push(key(5, Act::Certify));
                if self.can_vouch() {
                    keys.push(key(6, Act::Vouch));
                }
                keys.extend(self.common());
                if self.is_busy() {
                    // A finger is waited for, say: it need not be.
                    keys.push(key(0, Act::Back));
                }
                keys.push(main(9, if self.desk.pension.is_some() { Act::Pay } else { Act::Pension }));
            }
            Page::Affairs => {
                keys.push(key(2, Act::Tap));
                keys.push(key(5, Act::Certify));
                if self.can_vouch() {
                    keys.push(key(6, Act::Vouch));
                }
                keys.extend(self.common());
                if self.is_busy() {
                    keys.push(key(0, Act::Back));
                }
                keys.push(main(9, Act::Affairs));
            }
            Page::Lane => keys.extend([
                key(2, Act::Home),
                key(6, Act::Reprint),
                key(8, Act::Records),
                main(9, Act::Decide),
                key(0, Act::Back),
            ]),
            Page::Records => keys.extend([
                key(2, Act::Home),
                key(4, Act::Cancel),
                key(5, Act::Refund),
                key(6, Act::Reprint),
                key(7, Act::Lane),
                key(0, Act::Back),
            ]),
            Page::Day => {
                keys.push(key(2, Act::Home));
                if self.reconciliation.as_ref().is_some_and(|day| !day.equal) {
                    keys.push(key(4, Act::Accept));
                }
                keys.extend([
                    key(5, Act::Send),
                    key(7, Act::Lane),
                    main(9, Act::Reconcile),
                    key(12, Act::SignOut),
                    key(0, Act::Back),
                ]);
            }
        }
        // In their order on the keyboard, Escape at the end.
        keys.sort_by_key(|key| if key.number == 0 { u8::MAX } else { key.number });
        keys
    }

    fn serve_keys(&self) -> Vec<BarKey> {
        let key = |number, act| BarKey { number, act, main: false };
        let main = |number, act| BarKey { number, act, main: true };
        match self.serve.stage() {
            Stage::Idle => {
                let mut keys = vec![key(3, Act::Waiting)];
                keys.extend(self.common());
                keys.push(main(9, Act::Tap));
                keys
            }
            Stage::Bill => {
                let has_visit = self.serve.visit.is_some();
                let mut keys = vec![key(3, Act::Waiting)];
                if has_visit {
                    keys.push(key(4, Act::DeleteLine));
                }
                keys.push(key(5, Act::Account));
                keys.push(if has_visit { key(6, Act::DropVisit) } else { key(6, Act::Kind) });
                keys.push(key(7, Act::Lane));
                keys.push(main(9, Act::PreSettle));
                keys.push(key(0, Act::Back));
                keys
            }
            Stage::Split => vec![
                key(5, Act::Account),
                key(7, Act::Lane),
                main(9, Act::Settle),
                key(11, Act::Why),
                key(0, Act::Back),
            ],
            Stage::Done => {
                let mut keys = vec![key(6, Act::Reprint)];
                keys.extend(self.common());
                keys.push(main(9, Act::Next));
                keys
            }
        }
    }

    /// Keys that are the same on every page that serves people.
    fn common(&self) -> Vec<BarKey> {
        let key = |number, act| BarKey { number, act, main: false };
        let mut keys = vec![key(7, Act::Lane), key(8, Act::Records), key(10, Act::Day)];
        let other = match (self.opened.as_ref().map(|opened| opened.face), self.page) {
            (Some(Face::Bank | Face::Community), Page::Pension) => Some(Act::AffairsPage),
            (Some(Face::Bank | Face::Community), _) => Some(Act::PensionPage),
            _ => None,
        };
        keys.extend(other.map(|act| key(11, act)));
        keys.push(key(12, Act::SignOut));
        keys
    }

    /// A finger was tried, and the ladder says that staff decides.
    fn can_vouch(&self) -> bool {
        matches!(&self.desk.finger, Some(FingerCheck::Failed { next: Rung::Clerk { .. }, .. }))
            && self.desk.proved.is_none()
    }

    /// Does what a key of the bar or a button says.
    pub(super) fn act(&mut self, act: Act) -> Vec<Effect> {
        if !self.bar().iter().any(|key| key.act == act) {
            return Vec::new();
        }
        match act {
            Act::Help => self.lay(Overlay::Help),
            Act::Home => {
                let home = self.home();
                self.go(home)
            }
            Act::Back => self.back(),
            Act::Waiting => {
                self.row = 0;
                self.lay(Overlay::Waiting);
                self.ask(Command::Waiting)
            }
            Act::TakeBill => self.take_bill(),
            Act::DeleteLine => self.delete_line(),
            Act::Account => self.switch_account(),
            Act::Kind => {
                self.serve.kind = match self.serve.kind {
                    VisitKind::Outpatient => VisitKind::Inpatient,
                    VisitKind::Inpatient => VisitKind::Outpatient,
                };
                Vec::new()
            }
            Act::DropVisit => self.lay(Overlay::Confirm(Confirm::DropVisit)),
            Act::PreSettle => self.pre_settle(),
            Act::Why => {
                self.row = 0;
                self.lay(Overlay::Why)
            }
            Act::Settle => self.settle(),
            Act::Next => {
                self.serve.next();
                self.note = None;
                self.next_at = self.now_ms;
                Vec::new()
            }
            Act::Reprint => self.reprint(),
            // The second of two presses for the next patient does not read the last one's card again.
            Act::Tap if self.now_ms.saturating_sub(self.next_at) < LOOK_MS && self.next_at > 0 => Vec::new(),
            Act::Tap => self.tap(),
            Act::Lane => self.go(Page::Lane),
            Act::Records => self.go(Page::Records),
            Act::Day => self.go(Page::Day),
            Act::PensionPage => self.go(Page::Pension),
            Act::AffairsPage => self.go(Page::Affairs),
            Act::Decide => self.begin_decision(),
            Act::Cancel => self.begin_cancel(),
            Act::Refund => self.ask(Command::Refund),
            Act::Reconcile => self.ask(Command::Reconcile),
            Act::Accept => {
                let cycle = self.reconciliation.as_ref().map(|day| day.cycle.clone());
                match cycle {
                    Some(cycle) => self.lay(Overlay::Confirm(Confirm::Accept(cycle))),
                    None => Vec::new(),
                }
            }
            Act::Send => self.ask(Command::SendNow),
            Act::SignIn => self.sign_in(),
            Act::SignOut => self.lay(Overlay::Confirm(Confirm::SignOut)),
            Act::Pension => self.with_card(Command::Pension),
            Act::Affairs => self.with_card(Command::Affairs),
            Act::Pay => self.know_then(Purpose::Pension, Command::PayPension),
            Act::Certify => self.know_then(Purpose::Certification, Command::Certify),
            Act::Vouch => self.vouch(),
            Act::Yes => self.yes(),
        }
    }

    /// Lays something over the page.
    fn lay(&mut self, overlay: Overlay) -> Vec<Effect> {
        self.overlay = overlay;
        Vec::new()
    }

    /// One key.
    pub(super) fn key(&mut self, key: Key) -> Vec<Effect> {
        if let Overlay::Pin { .. } = self.overlay {
            return self.pin_key(key);
        }
        match key {
            Key::F(number) => {
                let found = self.bar().into_iter().find(|key| key.number == number);
                return found.map_or_else(Vec::new, |key| self.act(key.act));
            }
            Key::Escape => return self.act(Act::Back),
            Key::Up | Key::Down | Key::PageUp | Key::PageDown if self.moves(key) => return Vec::new(),
            _ => {}
        }
        match (&mut self.overlay, self.page) {
            (Overlay::Second { .. }, _) => self.second_key(key),
            (Overlay::Decide { .. }, _) => self.decide_key(key),
            (Overlay::Confirm(_) | Overlay::Waiting, _) if key == Key::Return => {
                let main = self.bar().into_iter().find(|key| key.main);
                main.map_or_else(Vec::new, |key| self.act(key.act))
            }
            (Overlay::None, Page::SignIn) => self.sign_in_key(key),
            (Overlay::None, Page::Serve) => self.serve_key(key),
            _ => Vec::new(),
        }
    }

    /// Moves in the list that is on the screen; `false` when there is none.
    fn moves(&mut self, key: Key) -> bool {
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

    fn back(&mut self) -> Vec<Effect> {
        match (&self.overlay, self.page) {
            (Overlay::None, Page::Serve) => self.serve_back(),
            (Overlay::None, Page::Lane | Page::Records | Page::Day) => {
                let home = self.home();
                self.go(home)
            }
            (Overlay::None, Page::Pension | Page::Affairs) if self.is_busy() => vec![Effect::Halt],
            (Overlay::None, _) => Vec::new(),
            _ => self.lay(Overlay::None),
        }
    }

    fn serve_back(&mut self) -> Vec<Effect> {
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

    fn delete_line(&mut self) -> Vec<Effect> {
        let line = self.serve.visit.as_ref().and_then(|visit| visit.lines.get(self.serve.row));
        match line.map(|line| line.batch.clone()) {
            Some(batch) => self.ask(Command::RemoveLine { batch }),
            None => {
                self.say(Said::NothingMarked);
                Vec::new()
            }
        }
    }

    fn take_bill(&mut self) -> Vec<Effect> {
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

    fn switch_account(&mut self) -> Vec<Effect> {
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

    fn pre_settle(&mut self) -> Vec<Effect> {
        if self.serve.visit.as_ref().is_none_or(|visit| visit.lines.is_empty()) {
            self.say(Said::NoLines);
            return Vec::new();
        }
        let use_account = self.serve.use_account;
        self.ask(Command::PreSettle { use_account })
    }

    fn settle(&mut self) -> Vec<Effect> {
        let Some((_, since)) = self.serve.split else { return Vec::new() };
        if self.now_ms.saturating_sub(since) < LOOK_MS {
            self.say(Said::LookFirst);
            return Vec::new();
        }
        self.ask(Command::Settle)
    }

    fn reprint(&mut self) -> Vec<Effect> {
        let id = match self.page {
            Page::Serve => self.serve.settled.as_ref().map(|settled| settled.id),
            Page::Records => self.books.latest.get(self.row).map(|row| row.id),
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

    fn begin_decision(&mut self) -> Vec<Effect> {
        match self.books.unresolved.get(self.row).map(|row| row.id) {
            Some(id) => self.lay(Overlay::Decide { id, done: None, ground: None }),
            None => {
                self.say(Said::NothingMarked);
                Vec::new()
            }
        }
    }

    fn decide_key(&mut self, key: Key) -> Vec<Effect> {
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

    fn begin_cancel(&mut self) -> Vec<Effect> {
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

    /// What was asked for is really wanted.
    fn yes(&mut self) -> Vec<Effect> {
        if self.is_busy() {
            self.say(Said::Busy);
            return Vec::new();
        }
        match std::mem::take(&mut self.overlay) {
            Overlay::Confirm(Confirm::Cancel(id)) => self.ask(Command::Cancel { id }),
            Overlay::Confirm(Confirm::DropVisit) => self.ask(Command::DropVisit),
            Overlay::Confirm(Confirm::SignOut) => self.ask(Command::SignOut),
            Overlay::Confirm(Confirm::Accept(cycle)) => self.ask(Command::Accept { cycle }),
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

    fn with_card(&mut self, command: Command) -> Vec<Effect> {
        if self.serve.card.is_none() {
            return self.tap();
        }
        self.ask(command)
    }

    /// The holder is known first, by a finger; what it is for comes with the next press of the same key.
    fn know_then(&mut self, purpose: Purpose, command: Command) -> Vec<Effect> {
        if self.serve.card.is_none() {
            return self.tap();
        }
        if self.desk.proved == Some(purpose) {
            return self.ask(command);
        }
        let effects = self.ask(Command::Finger { purpose });
        if !effects.is_empty() {
            self.desk.purpose = Some(purpose);
        }
        effects
    }

    fn vouch(&mut self) -> Vec<Effect> {
        if self.desk.second_clerk {
            let (number, secret) = (Typed::default(), Hidden::default());
            return self.lay(Overlay::Second { number, secret, at_secret: false });
        }
        let purpose = self.desk.purpose.unwrap_or(Purpose::Certification);
        self.ask(Command::Vouch { purpose, second: None })
    }

    fn second_key(&mut self, key: Key) -> Vec<Effect> {
        let Overlay::Second { number, secret, at_secret } = &mut self.overlay else { return Vec::new() };
        match key {
            Key::Char(letter) if *at_secret => secret.push(letter),
            Key::Char(letter) => number.push(letter),
            Key::Backspace if *at_secret => secret.pop(),
            Key::Backspace => {
                number.pop();
            }
            Key::Tab | Key::Up | Key::Down => *at_secret = !*at_secret,
            Key::Return if !*at_secret => *at_secret = true,
            Key::Return => return self.act(Act::Yes),
            _ => {}
        }
        Vec::new()
    }

    /// Whether the one signed in is a supervisor.
    pub fn is_supervisor(&self) -> bool {
        self.clerk.as_ref().is_some_and(|clerk| clerk.role == Role::Supervisor)
    }
}
