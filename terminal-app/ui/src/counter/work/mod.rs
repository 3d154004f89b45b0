//! The counter's desk: commands in, facts out, by the terminal's flows and nothing else.

mod books;
mod desk;
mod holder;
mod shift;
mod visit;

use std::{
    fmt,
    path::PathBuf,
    time::{Duration, Instant},
};

use card_spec::money::Fen;
use edge::{bill, counter::Counter, failure::Failure};
use protocol::{
    calendar::Day,
    id::TransactionId,
    policy::Purpose,
    record::PaidBy,
    service::{Cursor, Due, DuesAnswer, FailedAnswer, work::WorkAnswer},
};
use terminal::{
    audit::Ground,
    catalog::Item,
    error::{Error, MoneyOutcome},
    flows::{DuesTaken, Earlier, FingerCheck, PreSettlement, service::Shown},
    pension::PensionState,
    receipt::Booking,
    reconcile::Reconciliation,
    roles::{Operator, Role},
    rules::{Count, ItemClass, UnitPrice, VisitKind},
    setup::Face,
};
use zeroize::Zeroizing;

use super::dues::PaidDues;
use super::facts::{CardFacts, HolderFacts, Row, SettledFacts, Split, VisitFacts, VisitRow};
use crate::{
    desk::{Halt, ScreenPad, Teller, Told, Work},
    trouble::Trouble,
    upkeep::{Slot, Status, Upkeep, open_when_possible},
};

/// How often the folder of bills is looked at.
const BILLS_MS: u64 = 2_000;

/// Transactions that a list shows.
const ROWS_MAX: u32 = 200;

/// A secret on its way to the books: never shown, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes what was typed.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Secret(bytes)
    }

    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a clerk asks the desk for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The first operator of a new terminal, who has to be a supervisor; signed in at once.
    FirstOperator {
        /// Operator number.
        number: String,
        /// Secret.
        secret: Secret,
    },
    /// Signs in; who was signed in before is signed out.
    SignIn {
        /// Operator number.
        number: String,
        /// Secret.
        secret: Secret,
    },
    /// Signs out and closes the working cycle.
    SignOut,
    /// Reads the card in the slot, and who is insured.
    Tap,
    /// Lets the card go.
    LetGo,
    /// Visits that wait, and bills of the hospital's system.
    Waiting,
    /// Items that are meant.
    Find {
        /// What was typed.
        words: String,
        /// Comes back with the answer.
        ticket: u32,
    },
    /// Adds a fee line; registers the visit where there is none yet.
    AddLine {
        /// Kind of a visit that begins with this line.
        kind: VisitKind,
        /// Code of the item.
        code: String,
        /// Its name, where the catalog does not know it.
        name: Option<String>,
        /// Its class, where the catalog does not know it.
        class: Option<ItemClass>,
        /// Price of one unit.
        price: UnitPrice,
        /// How many.
        count: Count,
    },
    /// Takes a fee line out.
    RemoveLine {
        /// Its batch.
        batch: String,
    },
    /// Takes a bill of the hospital's system as the visit of the card.
    TakeBill {
        /// The file.
        path: PathBuf,
    },
    /// Takes the registration back.
    DropVisit,
    /// What the visit comes to.
    PreSettle {
        /// Whether the personal account is to pay.
        use_account: bool,
    },
    /// Settles as it was shown.
    Settle,
    /// Prints a paper again.
    Print {
        /// Of which transaction.
        id: TransactionId,
    },
    /// Transactions of the day and of the red lane.
    Books,
    /// A supervisor decides what no card tells.
    Decide {
        /// The transaction.
        id: TransactionId,
        /// Whether the card has done it.
        done: bool,
        /// On what ground.
        ground: Ground,
    },
    /// Takes a settlement back.
    Cancel {
        /// The settlement.
        id: TransactionId,
    },
    /// Puts what is owed to the card back onto it.
    Refund,
    /// Compares the day with the center.
    Reconcile,
    /// Accepts the difference of a cycle.
    Accept {
        /// The cycle.
        cycle: String,
    },
    /// Sends what waits.
    SendNow,
    /// How the holder's pension stands.
    Pension,
    /// One try to know the holder by a finger.
    Finger {
        /// What for.
        purpose: Purpose,
    },
    /// Staff vouches for the holder.
    Vouch {
        /// What for.
        purpose: Purpose,
        /// The second clerk, where one is needed.
        second: Option<(String, Secret)>,
    },
    /// Certifies that the holder is alive and here.
    Certify {
        /// Here is where the holder lives.
        at_home: bool,
    },
    /// Pays what is due.
    PayPension,
    /// Cards, contributions and dues of the holder.
    Affairs,
    /// Who may work here.
    Operators,
    /// Adds an operator, or gives a known one another role, name and secret.
    IssueOperator {
        /// Operator number.
        number: String,
        /// Name.
        name: String,
        /// Role.
        role: Role,
        /// The first secret.
        secret: Secret,
    },
    /// Lets nobody in under this number.
    StopOperator {
        /// Operator number.
        number: String,
    },
    /// The one who is signed in has another secret from now on.
    ChangeSecret {
        /// The new one.
        secret: Secret,
    },
    /// Pensions that the center did not book.
    FailedPayments {
        /// Of this terminal alone.
        here: bool,
        /// Those after this one.
        after: Option<Cursor>,
    },
    /// Contributions that are due.
    Dues,
    /// Takes the money for dues.
    PayDues {
        /// Which, as they were shown.
        chosen: Vec<Due>,
        /// How.
        paid_by: PaidBy,
    },
    /// What was taken here.
    DuesTaken,
    /// Takes a payment of contributions back.
    GiveDuesBack {
        /// Which.
        id: TransactionId,
    },
    /// How the holder stands in the register of those who seek work.
    Seeking,
    /// Registers the holder as seeking work.
    SeekWork {
        /// What work.
        wish: String,
        /// The least that a month should bring.
        wage_min: Fen,
        /// Telephone number.
        phone: String,
    },
    /// Takes the registration back.
    StopSeeking,
}

/// A document that cannot be read is told with its file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillRow {
    /// The file.
    pub path: PathBuf,
    /// Its name without the extension.
    pub name: String,
    /// Lines; `None` when it cannot be read.
    pub lines: Option<usize>,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clerk {
    /// Operator number.
    pub number: String,
    /// Role.
    pub role: Role,
    /// The working cycle.
    pub cycle: Option<String>,
    /// A cycle that has to be compared first.
    pub overdue: Option<String>,
    /// The secret was typed by another, and is to be changed first.
    pub must_change: bool,
}

/// What was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Name of the institution.
    pub place: String,
    /// Number of the terminal.
    pub terminal: String,
    /// What it is for.
    pub face: Face,
    /// Whether there is a supervisor.
    pub has_supervisor: bool,
    /// Who is signed in.
    pub clerk: Option<Clerk>,
    /// How many items the catalog has.
    pub items: usize,
    /// Whether nothing here is real.
    pub training: bool,
    /// Whether receipts are printed.
    pub has_printer: bool,
}

/// A month that was paid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidMonth {
    /// Its transaction.
    pub id: TransactionId,
    /// The month.
    pub period: protocol::calendar::Period,
    /// How much.
    pub amount: Fen,
}

/// What the desk tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The terminal cannot be opened, and why; it is tried again.
    Closed(Trouble),
    /// It is open.
    Opened(Box<Opened>),
    /// How it is.
    Status(Box<Status>),
    /// A card came or went.
    Slot(Slot),
    /// Who is signed in now.
    Clerk(Option<Clerk>),
    /// The card that was read.
    Card(Box<CardFacts>),
    /// What became of an earlier transaction of the card.
    Earlier(Earlier),
    /// The holder's insurance.
    Holder(Box<HolderFacts>),
    /// The holder or the card may not settle here.
    Refused {
        /// Why.
        trouble: Trouble,
        /// Somebody seems to use another's card.
        alarm: bool,
    },
    /// What waits.
    Waiting {
        /// Visits.
        visits: Vec<VisitRow>,
        /// Bills of the hospital's system.
        bills: Vec<BillRow>,
    },
    /// Items that are meant.
    Found {
        /// As it was asked.
        ticket: u32,
        /// The best first.
        items: Vec<Item>,
    },
    /// The visit as it stands; `None` when there is none.
    Visit(Option<Box<VisitFacts>>),
    /// What it comes to.
    Split(Box<Split>),
    /// The figures that were shown are overtaken: these are the new ones.
    SplitAgain(Box<Split>),
    /// The PIN was wrong; it is asked for again.
    WrongPin(Trouble),
    /// It is in the books; the card may be taken.
    Settled(Box<SettledFacts>),
    /// What the center has said of it.
    Booked(Booking),
    /// It was printed, or why not. The transaction stands.
    Printed(Result<(), Trouble>),
    /// Transactions: what needs somebody, and the latest.
    Books {
        /// Without an outcome.
        unresolved: Vec<Row>,
        /// Refused or in conflict.
        disputed: Vec<Row>,
        /// The latest.
        latest: Vec<Row>,
    },
    /// A supervisor's decision.
    Decided(Earlier),
    /// A settlement was taken back.
    Cancelled {
        /// Its place in the chain.
        sequence: u64,
        /// Account money that is back on the card.
        loaded: Option<Fen>,
        /// Account money that is owed, and why it could not be put on.
        owed: Option<(Fen, Trouble)>,
    },
    /// Money that was put back onto the card.
    Refunded(Vec<Fen>),
    /// The comparison with the center.
    Reconciled(Box<Reconciliation>),
    /// The difference was accepted.
    Accepted,
    /// What waited was sent; `false` when something still waits.
    Sent(bool),
    /// How the pension stands.
    Pension(Box<PensionState>),
    /// One try with a finger.
    Finger {
        /// How it went.
        check: FingerCheck,
        /// Whether staff alone does not do.
        second_clerk: bool,
    },
    /// Staff has vouched.
    Vouched,
    /// Certified up to this day.
    Certified(Day),
    /// Months that were paid, and why the others were not.
    Paid {
        /// Those that stand in the books.
        months: Vec<PaidMonth>,
        /// Why the others do not.
        stopped: Option<Trouble>,
    },
    /// The holder's affairs at the center.
    Affairs(Box<holder::Affairs>),
    /// Who may work here.
    Operators(Vec<Operator>),
    /// An operator was set.
    OperatorSet,
    /// An operator was stopped.
    OperatorStopped,
    /// One's own secret was changed.
    SecretChanged,
    /// Pensions that the center did not book.
    FailedPayments {
        /// The payments.
        answer: Box<FailedAnswer>,
        /// They come after those that were told before.
        goes_on: bool,
    },
    /// Contributions that are due.
    Dues(Box<Shown<DuesAnswer>>),
    /// They stand in the books; the money is the desk's.
    DuesPaid(Box<PaidDues>),
    /// What was taken here, the latest first.
    DuesTaken(Vec<DuesTaken>),
    /// So much is to be given back.
    DuesGivenBack(Fen),
    /// How the holder stands in the register of those who seek work.
    Seeking {
        /// The registration.
        answer: Box<WorkAnswer>,
        /// It was just changed.
        changed: bool,
    },
    /// It did not come about.
    Failed {
        /// Why.
        trouble: Trouble,
        /// Where the money is.
        money: MoneyOutcome,
        /// Which transaction is open.
        open: Option<TransactionId>,
    },
    /// The command is over, however it went.
    Done,
}

pub use holder::Affairs;

/// The desk.
pub struct CounterWork {
    counter: Counter,
    upkeep: Upkeep,
    halt: Halt,
    /// The visit at the counter.
    visit: Option<String>,
    /// The bill that the holder was shown.
    agreed: Option<Box<PreSettlement>>,
    /// The pension that the holder was shown.
    pension: Option<Box<PensionState>>,
    bills_at: Instant,
    bills: Vec<BillRow>,
}

impl CounterWork {
    /// Opens the terminal; tells why it does not open, again and again until it does.
    pub fn open(
        options: &edge::options::Options,
        teller: &Teller<Event>,
        pad: &ScreenPad<Event>,
        halt: Halt,
    ) -> Option<Self> {
        let counter =
            open_when_possible(options, pad, &halt, |trouble| teller.event(Event::Closed(trouble)))?;
        Some(Self::new(counter, teller, halt))
    }

    /// Takes an open terminal over, and tells what it is.
    pub fn new(mut counter: Counter, teller: &Teller<Event>, halt: Halt) -> Self {
        let told = teller.clone();
        counter.flows.on_progress(move |progress| told.tell(Told::Progress(progress)));
        let upkeep = Upkeep::new(&mut counter);
        let mut work = CounterWork {
            counter,
            upkeep,
            halt,
            visit: None,
            agreed: None,
            pension: None,
            bills_at: Instant::now(),
            bills: Vec::new(),
        };
        let wish = work.halt.clone();
        work.counter.flows.on_wish(move || match wish.is_asked() {
            true => hal::fingerprint::Wish::Cancel,
            false => hal::fingerprint::Wish::GoOn,
        });
        teller.event(Event::Opened(Box::new(work.opened())));
        work.tell_waiting(teller);
        work
    }

    fn opened(&self) -> Opened {
        let config = &self.counter.cabinet.config;
        Opened {
            place: config.place.institution_name.clone(),
            terminal: config.terminal.to_string(),
            face: config.face,
            has_supervisor: self.has_supervisor(),
            clerk: self.clerk(),
            items: self.counter.flows.items(),
            training: self.counter.cabinet.data.is_training(),
            has_printer: config.printer.is_some(),
        }
    }

    fn go(&mut self, command: Command, teller: &Teller<Event>) -> Result<(), Failure> {
        match command {
            Command::FirstOperator { number, secret } => self.first_operator(&number, &secret, teller),
            Command::SignIn { number, secret } => self.sign_in(&number, &secret, teller),
            Command::SignOut => self.sign_out(teller),
            Command::Tap => self.tap(teller),
            Command::LetGo => {
                self.let_go(teller);
                Ok(())
            }
            Command::Waiting => {
                self.look_at_bills();
                self.tell_waiting(teller);
                Ok(())
            }
            Command::Find { words, ticket } => {
                let items = self.counter.flows.find_items(&words, super::state::FOUND_MAX);
                teller.event(Event::Found { ticket, items });
                Ok(())
            }
            Command::AddLine { kind, code, name, class, price, count } => {
                self.add_line(kind, &visit::typed_line(code, name, class, price, count), teller)
            }
            Command::RemoveLine { batch } => self.remove_line(&batch, teller),
            Command::TakeBill { path } => self.take_bill(&path, teller),
            Command::DropVisit => self.drop_visit(teller),
            Command::PreSettle { use_account } => self.pre_settle(use_account, teller),
            Command::Settle => self.settle(teller),
            Command::Print { id } => self.print_again(id, teller),
            Command::Books => self.books(teller),
            Command::Decide { id, done, ground } => self.decide(id, done, ground, teller),
            Command::Cancel { id } => self.cancel(id, teller),
            Command::Refund => self.refund(teller),
            Command::Reconcile => self.reconcile(teller),
            Command::Accept { cycle } => self.accept(&cycle, teller),
            Command::SendNow => {
                teller.event(Event::Sent(self.counter.flows.send_all()?));
                Ok(())
            }
            Command::Pension => self.show_pension(teller),
            Command::Finger { purpose } => self.finger(purpose, teller),
            Command::Vouch { purpose, second } => self.vouch(purpose, second, teller),
            Command::Certify { at_home } => self.certify(at_home, teller),
            Command::PayPension => self.pay_pension(teller),
            Command::Affairs => self.affairs(teller),
            Command::Operators => self.operators(teller),
            Command::IssueOperator { number, name, role, secret } => {
                self.issue_operator(&number, &name, role, &secret, teller)
            }
            Command::StopOperator { number } => self.stop_operator(&number, teller),
            Command::ChangeSecret { secret } => self.change_secret(&secret, teller),
            Command::FailedPayments { here, after } => self.failed_payments(here, after, teller),
            Command::Dues => self.dues(teller),
            Command::PayDues { chosen, paid_by } => self.pay_dues(&chosen, paid_by, teller),
            Command::DuesTaken => self.dues_taken(teller),
            Command::GiveDuesBack { id } => self.give_dues_back(id, teller),
            Command::Seeking => self.seeking(teller),
            Command::SeekWork { wish, wage_min, phone } => self.seek_work(wish, wage_min, phone, teller),
            Command::StopSeeking => self.stop_seeking(teller),
        }
    }

    fn look_at_bills(&mut self) {
        let Ok(folder) = bill::folder(&self.counter.cabinet.data) else { return };
        self.bills = bill::waiting(&folder)
            .into_iter()
            .map(|path| BillRow {
                name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                lines: bill::BillFile::read(&path).ok().map(|bill| bill.len()),
                path,
            })
            .collect();
    }
}

impl Work for CounterWork {
    type Command = Command;
    type Event = Event;

    fn run(&mut self, command: Command, teller: &Teller<Event>) {
        self.halt.forget();
        let quiet = matches!(command, Command::Find { .. });
        if let Err(failure) = self.go(command, teller) {
            teller.event(failed(&failure));
        }
        if !quiet {
            self.upkeep.refresh();
        }
        teller.event(Event::Done);
    }

    fn idle(&mut self, teller: &Teller<Event>) -> Duration {
        let (found, nap) = self.upkeep.step(&mut self.counter);
        if let Some(slot) = found.slot {
            if slot == Slot::CardOut {
                self.let_go(teller);
            }
            teller.event(Event::Slot(slot));
        }
        if let Some(status) = found.status {
            teller.event(Event::Status(Box::new(status)));
        }
        if Instant::now() >= self.bills_at && self.counter.cabinet.config.face == Face::Counter {
            self.bills_at = Instant::now() + Duration::from_millis(BILLS_MS);
            let before = self.bills.len();
            self.look_at_bills();
            if before != self.bills.len() {
                self.tell_waiting(teller);
            }
        }
        nap
    }
}

/// A failure, with where the money is.
fn failed(failure: &Failure) -> Event {
    let (money, open) = match failure {
        Failure::Terminal(error) => (error.money(), open_transaction(error)),
        _ => (MoneyOutcome::NotDone, None),
    };
    Event::Failed { trouble: Trouble::of(failure), money, open }
}

fn open_transaction(error: &Error) -> Option<TransactionId> {
    match error {
        Error::Unresolved { id, .. } | Error::DoneNotRecorded { id, .. } | Error::ResolveFirst { id, .. } => {
            Some(*id)
        }
        _ => None,
    }
}
