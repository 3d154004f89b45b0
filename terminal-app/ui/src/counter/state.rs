//! The counter as a plain state machine: keys and what the desk tells in, commands out. No screen in here.

use hal::pin_pad::{PinPadError, Prompt};
use protocol::{id::TransactionId, service::work::WorkAnswer, timestamp::Timestamp};
use terminal::{
    flows::DuesTaken, progress::Progress, reconcile::Reconciliation, roles::Operator, setup::Face,
};
use zeroize::Zeroizing;

use super::{
    acts::Act,
    books::Books,
    dues::Dues,
    entry::{Hidden, Typed},
    facts::VisitRow,
    failed::Failed,
    holder::Desk,
    note::{Note, Said},
    serve::Serve,
    sheet::Sheet,
    work::{BillRow, Clerk, Command, Event, Opened},
};
use crate::{desk::Told, locale::Locale, trouble::Trouble, upkeep::Status};

/// Items that are offered at once.
pub const FOUND_MAX: usize = 8;

/// How long figures have been on the screen before they can be agreed to: a second press of the same key is none.
pub const LOOK_MS: u64 = 500;

/// A key, by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// F1 to F12.
    F(u8),
    /// A character.
    Char(char),
    /// Return.
    Return,
    /// Escape.
    Escape,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Up.
    Up,
    /// Down.
    Down,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Tab.
    Tab,
}

/// A field that assistive technology may set. Secrets are typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Code, barcode or initials of an item.
    Item,
    /// How many.
    Count,
    /// Price of one.
    Price,
    /// Operator number.
    Number,
    /// Number of the second clerk.
    Second,
    /// A field of the sheet, from 0.
    Sheet(usize),
}

/// What comes in.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A key was pressed; one that is held down comes once.
    Key(Key),
    /// A button of the screen was pressed.
    Press(Act),
    /// A row of the list was pressed.
    Row(usize),
    /// A field was set as a whole.
    Set(Field, String),
    /// The next language.
    Language,
    /// Other colours.
    Contrast,
    /// Larger type, round and round.
    Larger,
    /// The desk tells.
    Told(Told<Event>),
    /// Time goes on.
    Tick {
        /// The wall clock.
        wall: Timestamp,
    },
}

/// What is to be done.
#[derive(Clone, PartialEq)]
pub enum Effect {
    /// The desk is asked.
    Ask(Command),
    /// The desk is to end what it does, where it can.
    Halt,
    /// What the holder typed.
    Typed(Result<Zeroizing<Vec<u8>>, PinPadError>),
    /// The screen's texts change their language.
    Speak(Locale),
}

/// Where the clerk is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// The terminal is not open (yet).
    #[default]
    Closed,
    /// Nobody is signed in.
    SignIn,
    /// A patient's visit.
    Serve,
    /// A pension.
    Pension,
    /// Cards and contributions.
    Affairs,
    /// Outcomes that are unknown, and records that the center does not take.
    Lane,
    /// The latest transactions.
    Records,
    /// The day's comparison.
    Day,
    /// Who may work here.
    Operators,
    /// Pensions that the center did not book.
    Failed,
    /// Contributions that are due.
    Dues,
    /// Payments of contributions of this terminal.
    Taken,
    /// The register of those who seek work.
    Seeking,
}

impl Page {
    /// Where Escape leads; `home` is the page that this desk works on. `None` stays.
    pub(super) fn before(self, home: Page) -> Option<Page> {
        match self {
            Page::Lane | Page::Records | Page::Day => Some(home),
            Page::Operators => Some(Page::Day),
            Page::Failed => Some(Page::Pension),
            Page::Taken => Some(Page::Dues),
            Page::Dues | Page::Seeking => Some(Page::Affairs),
            _ => None,
        }
    }
}

/// What lies over the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Overlay {
    /// Nothing.
    #[default]
    None,
    /// The holder types.
    Pin {
        /// What for.
        prompt: Prompt,
        /// What was typed.
        digits: Hidden,
    },
    /// How the figures came about.
    Why,
    /// Visits and bills that wait.
    Waiting,
    /// Whether it is really wanted.
    Confirm(Confirm),
    /// A supervisor decides.
    Decide {
        /// Which transaction.
        id: TransactionId,
        /// Whether the card has done it.
        done: Option<bool>,
        /// On what ground, from 0.
        ground: Option<usize>,
    },
    /// A second clerk confirms.
    Second {
        /// Operator number.
        number: Typed,
        /// Secret.
        secret: Hidden,
        /// The secret is typed.
        at_secret: bool,
    },
    /// The keys.
    Help,
    /// Something is filled in.
    Sheet(Box<Sheet>),
}

/// What is asked before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// Take the settlement back.
    Cancel(TransactionId),
    /// Take the registration back.
    DropVisit,
    /// Sign out.
    SignOut,
    /// Accept the difference.
    Accept(String),
    /// Let nobody in under this number.
    StopOperator(String),
    /// Take a payment of contributions back.
    GiveBack(TransactionId),
    /// Take the registration as seeking work back.
    StopSeeking,
}

/// Number and secret of whoever signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignIn {
    /// Operator number.
    pub number: Typed,
    /// Secret.
    pub secret: Hidden,
    /// The same again, for a first operator.
    pub again: Hidden,
    /// Which field, from 0.
    pub at: usize,
}

/// The counter.
#[derive(Debug, Default)]
pub struct State {
    /// Language.
    pub locale: Locale,
    /// Black on white.
    pub high_contrast: bool,
    /// Steps of larger type, 0 to 2.
    pub larger: u8,
    /// The wall clock.
    pub wall: Option<Timestamp>,
    /// Milliseconds of the face's own clock.
    pub now_ms: u64,
    /// What was opened.
    pub opened: Option<Opened>,
    /// Why it is not open.
    pub closed: Option<Trouble>,
    /// The desk has ended by a fault of ours.
    pub broken: bool,
    /// How the terminal is.
    pub status: Status,
    /// A card lies in the slot.
    pub card_is_in: bool,
    /// Who is signed in.
    pub clerk: Option<Clerk>,
    /// Where the clerk is.
    pub page: Page,
    /// What lies over it.
    pub overlay: Overlay,
    /// Commands that are not over.
    pub under_way: u32,
    /// What is being done.
    pub progress: Option<Progress>,
    /// What has to be read now.
    pub note: Option<Note>,
    /// Wrong PIN of a moment ago.
    pub wrong_pin: Option<Trouble>,
    /// Who signs in.
    pub sign_in: SignIn,
    /// The visit.
    pub serve: Serve,
    /// Pension, certification, affairs.
    pub desk: Desk,
    /// Visits that wait.
    pub visits: Vec<VisitRow>,
    /// Bills that wait.
    pub bills: Vec<BillRow>,
    /// The books.
    pub books: Books,
    /// Who may work here.
    pub operators: Vec<Operator>,
    /// Pensions that the center did not book.
    pub failed: Failed,
    /// Contributions that are due.
    pub dues: Dues,
    /// Payments of contributions of this terminal.
    pub taken: Vec<DuesTaken>,
    /// How the holder stands in the register of those who seek work; `None` before the center was asked.
    pub seeking: Option<WorkAnswer>,
    /// The comparison with the center.
    pub reconciliation: Option<Reconciliation>,
    /// Marked row of the list on the page.
    pub row: usize,
    /// When the last patient was put away.
    pub(super) next_at: u64,
    /// A card came while something else was being done.
    pub(super) tap_waits: bool,
    /// What is being done is about money: a failure says where it is.
    pub(super) about_money: bool,
    /// A transaction whose outcome is not known, until the status says so itself.
    pub(super) open: Option<TransactionId>,
}

impl State {
    /// Begins in a language.
    pub fn new(locale: Locale) -> Self {
        State { locale, ..State::default() }
    }

    /// The page that this desk works on.
    pub fn home(&self) -> Page {
        match self.opened.as_ref().map(|opened| opened.face) {
            Some(Face::Bank) => Page::Pension,
            Some(Face::Community) => Page::Affairs,
            _ => Page::Serve,
        }
    }

    /// Whether something is being done.
    pub fn is_busy(&self) -> bool {
        self.under_way > 0
    }

    /// Transactions without an outcome: they stay on the screen until there are none.
    pub fn unresolved(&self) -> u64 {
        self.status.unresolved.max(u64::from(self.open.is_some()))
    }

    /// Rows of the list that Up and Down move in.
    pub fn rows(&self) -> usize {
        match (&self.overlay, self.page) {
            (Overlay::Waiting, _) => self.bills.len(),
            (Overlay::Why, _) => self.serve.split.as_ref().map_or(0, |(split, _)| split.steps.len()),
            (Overlay::Sheet(_), _) => 0,
            (_, Page::Operators) => self.operators.len(),
            (_, Page::Failed) => self.failed.payments.as_ref().map_or(0, Vec::len),
            (_, Page::Dues) => self.dues.chosen.len(),
            (_, Page::Taken) => self.taken.len(),
            (_, Page::Lane) => self.books.unresolved.len() + self.books.disputed.len(),
            (_, Page::Records) => self.books.latest.len(),
            _ => 0,
        }
    }

    /// Takes one input; says what is to be done. `now_ms` never goes back.
    pub fn on(&mut self, input: Input, now_ms: u64) -> Vec<Effect> {
        self.now_ms = now_ms;
        match input {
            Input::Key(key) => self.key(key),
            Input::Press(act) => self.act(act),
            Input::Row(row) => {
                self.mark(row);
                Vec::new()
            }
            Input::Set(field, text) => self.set(field, &text),
            Input::Language => {
                self.locale = self.locale.next();
                vec![Effect::Speak(self.locale)]
            }
            Input::Contrast => {
                self.high_contrast = !self.high_contrast;
                Vec::new()
            }
            Input::Larger => {
                self.larger = (self.larger + 1) % 3;
                Vec::new()
            }
            Input::Told(told) => self.told(told),
            Input::Tick { wall } => {
                self.wall = Some(wall);
                Vec::new()
            }
        }
    }

    /// Asks the desk for something that nobody may ask for twice: refused, visibly, while anything else is done.
    pub(super) fn ask(&mut self, command: Command) -> Vec<Effect> {
        if self.is_busy() {
            self.say(Said::Busy);
            return Vec::new();
        }
        if !self.note.as_ref().is_some_and(Note::is_grave) {
            self.note = None;
        }
        self.under_way += 1;
        self.about_money = matches!(
            command,
            Command::PreSettle { .. }
                | Command::Settle
                | Command::Cancel { .. }
                | Command::Refund
                | Command::PayPension
        );
        vec![Effect::Ask(command)]
    }

    /// Asks for what may wait in the desk's own queue: it changes no money, and each press is meant.
    pub(super) fn ask_along(&mut self, command: Command) -> Vec<Effect> {
        self.under_way += 1;
        vec![Effect::Ask(command)]
    }

    /// The desk has not taken a command.
    pub fn not_taken(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
        self.say(Said::Busy);
    }

    pub(super) fn say(&mut self, said: Said) {
        if !self.note.as_ref().is_some_and(Note::is_grave) {
            self.note = Some(Note::Said(said));
        }
    }

    /// Goes to a page, with what it needs read anew.
    pub(super) fn go(&mut self, page: Page) -> Vec<Effect> {
        let needs = match page {
            Page::Lane | Page::Records => Some(Command::Books),
            Page::Operators => Some(Command::Operators),
            Page::Failed => Some(Command::FailedPayments { here: !self.failed.everywhere, after: None }),
            Page::Taken => Some(Command::DuesTaken),
            _ => None,
        };
        if let Some(command) = needs {
            let effects = self.ask(command);
            if effects.is_empty() {
                return effects;
            }
            self.page = page;
            self.row = 0;
            return effects;
        }
        self.page = page;
        self.row = 0;
        Vec::new()
    }
}
