//! A whole visit by the counter's own keys over its real desk: books on the disk, a card and a security module in this
//! process, a center of training that takes nothing. Only the screen is missing.
#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use card_spec::{date::Date, region::RegionCode};
use edge::{
    config::Printer,
    counter::Counter,
    data_dir::DataDir,
    options::Options,
    training::{self, Borrowed},
};
use sim::{
    image::{self, Image},
    keys::TestKeys,
    people::Population,
    personalise::{CardOrder, PsamOrder, TEST_PIN},
};
use terminal::{
    ledger::State as Record,
    receipt::Booking,
    training::{MARK, OPERATOR, SECRET, people},
};
use ui::{
    counter::{
        facts::Kind,
        note::{Note, Said},
        serve::Stage,
        state::{Effect, Input, Key, Overlay, Page, State},
        work::{Command, CounterWork, Event},
    },
    desk::{Desk, Outlet, Teller, Told},
    locale::Locale,
};

const CITY: &str = "530100";

/// Longest wait for anything.
const WAIT: Duration = Duration::from_secs(60);

/// The counter without a screen: its state and its desk.
struct Table {
    state: State,
    desk: Desk<Command>,
    told: mpsc::Receiver<Told<Event>>,
    began: Instant,
    keys: u32,
    _folder: tempfile::TempDir,
    paper: PathBuf,
    bills: PathBuf,
}

fn card(folder: &Path) -> (PathBuf, PathBuf) {
    let today = Date::new(2026, 1, 1).unwrap();
    let everybody = Population::new(1, 40).in_city(RegionCode::parse(CITY).unwrap()).as_of(today);
    let mut person = everybody.person(0).unwrap();
    let trainee = &people()[0];
    person.number = trainee.number;
    person.name = trainee.name.clone();
    let (year, month, day) = trainee.number.birth_date();
    person.birth = Date::new(year, month, day).unwrap();
    person.account = trainee.account;
    person.status = sim::people::Status::Normal;
    person.insurance = sim::people::Insurance::Working;
    let chip = CardOrder::new(&person, TestKeys::from_seed(1)).pin(TEST_PIN).build().unwrap();
    let number: protocol::id::TerminalId = "530100000001".parse().unwrap();
    let psam = PsamOrder::new(number.to_bcd(), TestKeys::from_seed(1)).build();
    let paths = (folder.join("card.json"), folder.join("psam.json"));
    image::save(&paths.0, &Image::Card(chip)).unwrap();
    image::save(&paths.1, &Image::Psam(psam)).unwrap();
    paths
}

/// A training terminal in a folder of its own, with a printer that is a file.
fn fixture(folder: &Path, faults: &str) -> Options {
    let (card, psam) = card(folder);
    let data = DataDir::choose(Some(folder.join("data")), |_| None).unwrap();
    let mut options = Options::new(data);
    options.reader = Some(format!("sim:{},{}{faults}", card.display(), psam.display()));
    let device = folder.join("paper.txt").to_str().unwrap().to_owned();
    let printer = Printer { device, columns: 48, baud: None };
    let borrowed = Borrowed { printer: Some(printer), ..Borrowed::default() };
    training::prepare_with(&options, &borrowed).unwrap()
}

impl Table {
    fn open(faults: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = fixture(folder.path(), faults);
        let paper = folder.path().join("paper.txt");
        let bills = edge::bill::folder(&options.data).unwrap();
        let (sender, told) = mpsc::channel();
        let sender = Mutex::new(sender);
        let teller = Teller::new(move |letter| drop(sender.lock().unwrap().send(letter)));
        let desk = Desk::start::<CounterWork, _>(teller, move |teller, pad, halt| {
            let counter = Counter::open(&options, Box::new(pad)).unwrap();
            Some(CounterWork::new(counter, teller, halt))
        });
        let state = State::new(Locale::Simplified);
        Table { state, desk, told, began: Instant::now(), keys: 0, _folder: folder, paper, bills }
    }

    fn take(&mut self, input: Input) {
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap() + 1;
        for effect in self.state.on(input, now_ms) {
            match effect {
                Effect::Ask(command) => assert!(self.desk.ask(command)),
                Effect::Typed(typed) => self.desk.typed(typed),
                Effect::Halt => self.desk.halt(),
                Effect::Speak(_) => {}
            }
        }
    }

    fn key(&mut self, key: Key) {
        self.keys += 1;
        self.take(Input::Key(key));
    }

    fn type_text(&mut self, text: &str) {
        text.chars().for_each(|letter| self.key(Key::Char(letter)));
    }

    /// Listens to the desk until the state is as it should be.
    #[track_caller]
    fn until(&mut self, what: &str, is_so: impl Fn(&State) -> bool) {
        let end = Instant::now() + WAIT;
        while !is_so(&self.state) {
            match self.told.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(told) => self.take(Input::Told(told)),
                Err(_) => panic!(
                    "never came to pass: {what}; note {:?}, page {:?}",
                    self.state.note, self.state.page
                ),
            }
        }
    }

    #[track_caller]
    fn at_rest(&mut self) {
        self.until("the desk is at rest", |state| !state.is_busy());
    }

    fn sign_in(&mut self) {
        self.until("sign-in", |state| state.page == Page::SignIn);
        self.type_text(OPERATOR);
        self.key(Key::Return);
        self.type_text(SECRET);
        self.key(Key::Return);
        self.until("signed in", |state| state.clerk.is_some());
        self.at_rest();
    }

    fn pin(&mut self) {
        self.until("the PIN is asked for", |state| matches!(state.overlay, Overlay::Pin { .. }));
        self.type_text(TEST_PIN);
        self.key(Key::Return);
    }
}

fn sample_bill() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/samples/bills/outpatient.json")
}

#[test]
fn a_whole_visit_and_what_comes_after_it() {
    let mut table = Table::open("");
    fs::copy(sample_bill(), table.bills.join("HIS-0001.json")).unwrap();
    table.sign_in();
    let began = Instant::now();
    // The card lies there: it is read by itself, and its holder looked up.
    table.until("the holder", |state| state.serve.holder.is_some() && !state.is_busy());
    assert!(!table.state.serve.holder.as_ref().unwrap().allowances.is_empty());
    table.until("the bill", |state| !state.bills.is_empty());
    table.key(Key::F(3));
    table.at_rest();
    table.key(Key::Return);
    table.until("the lines", |state| state.serve.visit.as_ref().is_some_and(|visit| visit.lines.len() > 2));
    table.at_rest();
    // The file was taken, and is not offered again.
    assert!(table.state.bills.is_empty() && table.bills.join("taken/HIS-0001.json").exists());
    // One line out again.
    let lines = table.state.serve.visit.as_ref().unwrap().lines.len();
    table.key(Key::Delete);
    table.until("a line less", |state| state.serve.visit.as_ref().unwrap().lines.len() == lines - 1);
    table.at_rest();

    table.keys = 0;
    table.key(Key::F(9));
    // A wrong PIN is told, and asked for again; it costs the card a try and nobody money.
    table.until("the PIN is asked for", |state| matches!(state.overlay, Overlay::Pin { .. }));
    table.type_text("000000");
    table.key(Key::Return);
    table.until("wrong", |state| state.wrong_pin.is_some());
    table.keys -= 7;
    table.pin();
    table.until("the figures", |state| state.serve.stage() == Stage::Split);
    table.at_rest();
    let split = table.state.serve.split.as_ref().unwrap().0.clone();
    assert_eq!(
        split.settlement.medfee_sumamt(),
        split.settlement.fund_pay_sumamt() + split.settlement.psn_part_amt()
    );
    // A second press in the same moment is no consent.
    table.key(Key::F(9));
    table.keys -= 1;
    assert!(!table.state.is_busy());
    std::thread::sleep(Duration::from_millis(600));
    table.key(Key::F(9));
    table.key(Key::F(9));
    table.keys -= 1;
    table.until("settled", |state| state.serve.settled.is_some());
    table.at_rest();
    let settled = table.state.serve.settled.clone().unwrap();
    assert_eq!(settled.settlement, split.settlement);
    assert_eq!(table.state.serve.booking, Some(Booking::Pending { offline: true }));
    assert_eq!(table.state.serve.printed, Some(Ok(())));
    let paper = fs::read_to_string(&table.paper).unwrap();
    assert!(paper.contains(MARK) && !paper.contains(people()[0].number.as_str()), "{paper}");
    let (keys, took) = (table.keys, began.elapsed());
    println!("keys beyond fee lines: {keys}, PIN among them; from the card to the receipt {took:?}");
    assert!(keys <= 12, "{keys}");

    // It stands in the books once.
    table.key(Key::F(8));
    table.until("the records", |state| state.books.latest.len() == 1 && !state.is_busy());
    assert_eq!(table.state.books.latest[0].state, Record::Recorded);
    // Printed again.
    table.key(Key::F(6));
    table.at_rest();
    assert!(fs::read_to_string(&table.paper).unwrap().len() > paper.len());
    // Taken back by the supervisor, once; the center cannot grant the load, so the account money is owed.
    table.key(Key::F(4));
    table.key(Key::Return);
    table.pin();
    table.until("taken back", |state| matches!(state.note, Some(Note::Cancelled { .. })));
    table.at_rest();
    match table.state.note.clone().unwrap() {
        Note::Cancelled { loaded: None, owed, .. } => {
            assert_eq!(owed.map(|(amount, _)| amount), Some(settled.settlement.acct_pay()));
        }
        other => panic!("{other:?}"),
    }
    // Beside both, the load that the center did not grant, written off.
    let rows = &table.state.books.latest;
    let of = |kind| rows.iter().filter(|row| row.kind == kind).count();
    assert_eq!((of(Kind::Settlement), of(Kind::Cancellation), of(Kind::Abandoned)), (1, 1, 1));
    let row = rows.iter().position(|row| row.kind == Kind::Settlement && row.cancelled).unwrap();
    table.take(Input::Row(row));
    table.key(Key::F(4));
    assert_eq!(table.state.overlay, Overlay::None, "what is taken back is not taken back again");
    // The day cannot be compared while the center does not answer; that is said, and nothing is lost.
    table.key(Key::F(2));
    table.key(Key::F(10));
    table.key(Key::F(9));
    table.until("said", |state| matches!(state.note, Some(Note::Trouble { .. })));
    table.at_rest();
    table.key(Key::F(12));
    table.key(Key::Return);
    table.until("signed out", |state| state.page == Page::SignIn);
}

/// A visit whose card is pulled right after so many commands.
fn pulled_after(command: u32) -> Table {
    let mut table = Table::open(&format!(",pull-after={command}"));
    fs::copy(sample_bill(), table.bills.join("HIS-0001.json")).unwrap();
    table.sign_in();
    let gone = |state: &State| {
        let said =
            matches!(state.note, Some(Note::Trouble { .. } | Note::Said(Said::CardOut | Said::CardOutKept)));
        said && !state.card_is_in && !state.is_busy()
    };
    table.until("the holder", |state| gone(state) || (state.serve.holder.is_some() && !state.is_busy()));
    if gone(&table.state) {
        return table;
    }
    table.key(Key::F(3));
    table.at_rest();
    table.key(Key::Return);
    table.until("the lines", |state| gone(state) || (state.serve.visit.is_some() && !state.is_busy()));
    if gone(&table.state) {
        return table;
    }
    table.key(Key::F(9));
    table.until("the PIN", |state| gone(state) || matches!(state.overlay, Overlay::Pin { .. }));
    if gone(&table.state) {
        return table;
    }
    table.type_text(TEST_PIN);
    table.key(Key::Return);
    table.until("the figures", |state| {
        gone(state) || (state.serve.stage() == Stage::Split && !state.is_busy())
    });
    if gone(&table.state) {
        return table;
    }
    std::thread::sleep(Duration::from_millis(600));
    table.key(Key::F(9));
    table.until("the end", |state| gone(state) || (state.serve.settled.is_some() && !state.is_busy()));
    table
}

#[test]
fn a_card_pulled_anywhere_is_never_charged_twice() {
    let (mut not_done, mut unknown, mut done) = (0, 0, 0);
    // From somewhere in its reading until it is done with.
    for command in 6..60 {
        let mut table = pulled_after(command);
        match (table.state.unresolved(), &table.state.serve.settled) {
            (0, None) => {
                not_done += 1;
                assert_eq!(table.state.serve.stage(), Stage::Idle);
                // What was said is that nothing was taken, and no key charges now.
                assert!(!table.state.note.as_ref().is_some_and(Note::is_grave), "{:?}", table.state.note);
                table.key(Key::F(9));
                assert!(!table.state.is_busy());
            }
            (1, None) => {
                unknown += 1;
                assert!(table.state.note.as_ref().is_some_and(Note::is_grave), "{:?}", table.state.note);
                if unknown == 1 {
                    decided_by_a_supervisor(table);
                }
            }
            (_, Some(_)) => {
                done += 1;
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    println!("pulled: {not_done} times before anything was taken, {unknown} times in doubt, {done} after it");
    assert!(not_done > 5 && unknown > 0 && done == 1);
}

fn decided_by_a_supervisor(mut table: Table) {
    // The figures are gone: no key charges again.
    table.key(Key::F(9));
    assert!(!table.state.is_busy());
    table.key(Key::F(7));
    table.until("the row", |state| state.books.unresolved.len() == 1 && !state.is_busy());
    assert_eq!(table.state.books.unresolved[0].state, Record::Armed);
    table.key(Key::F(9));
    table.type_text("14");
    table.key(Key::F(9));
    table.until("decided", |state| matches!(&state.note, Some(Note::Decided(earlier)) if earlier.done));
    table.at_rest();
    assert_eq!(table.state.unresolved(), 0);
    table.key(Key::F(8));
    table.until("once", |state| state.books.latest.len() == 1 && !state.is_busy());
    assert_eq!(table.state.books.latest[0].kind, Kind::Settlement);
}

#[test]
fn ten_visits_in_a_row() {
    let mut table = Table::open("");
    table.sign_in();
    table.until("the holder", |state| state.serve.holder.is_some() && !state.is_busy());
    let began = Instant::now();
    for at in 1..=10_usize {
        fs::copy(sample_bill(), table.bills.join(format!("HIS-{at:04}.json"))).unwrap();
        if at > 1 {
            table.key(Key::F(9));
            std::thread::sleep(Duration::from_millis(550));
            // The same card once more, read by a key.
            table.key(Key::F(9));
            table.until("the holder", |state| state.serve.holder.is_some() && !state.is_busy());
        }
        table.key(Key::F(3));
        table.at_rest();
        table.key(Key::Return);
        table.until("the lines", |state| state.serve.visit.is_some() && !state.is_busy());
        table.key(Key::F(9));
        table.pin();
        table.until("the figures", |state| state.serve.stage() == Stage::Split && !state.is_busy());
        std::thread::sleep(Duration::from_millis(550));
        table.key(Key::F(9));
        table.until("settled", |state| state.serve.settled.is_some() && !state.is_busy());
    }
    println!("ten visits: {:?}", began.elapsed());
    table.key(Key::F(8));
    table.until("the records", |state| state.books.latest.len() == 10);
}
