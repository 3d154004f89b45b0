//! A counter in a window with a desk that does only what the test says, and what such a desk tells.
#![allow(dead_code, clippy::unwrap_used, reason = "tests")]

use std::{
    cell::{Cell, RefCell},
    path::Path,
    rc::Rc,
};

use card_spec::money::Fen;
use edge::failure::{EdgeError, Failure};
use hal::{
    pin_pad::PinPadError,
    printer::PrinterError,
    slot::{Outcome, SlotError},
};
use protocol::{
    calendar::{Day, Period},
    id::TransactionId,
    pension::Pension,
    reconciliation::Totals,
    timestamp::Timestamp,
};
use slint::{ComponentHandle, SharedString, platform::WindowEvent};
use terminal::{
    catalog::{Catalog, Item},
    eligibility::Source,
    error::Error,
    flows::{Allowance, Earlier, FingerCheck},
    holder::finger::{FingerFailure, Rung},
    ledger::State as Record,
    pension::PensionState,
    reconcile::Reconciliation,
    roles::Role,
    rules::{Case, CityRules, PersonKind, VisitKind, settle},
    session::{Chip, SessionError, Step},
    setup::Face as Place,
};
use ui::{
    CounterWindow,
    counter::{
        Face,
        facts::{CardFacts, HolderFacts, Kind, LineRow, Row, SettledFacts, Split, VisitFacts, VisitRow},
        serve::Stage,
        state::{Input, Page},
        work::{Affairs, BillRow, Clerk, Command, Event, Opened},
    },
    desk::{Outlet, Told},
    locale::Locale,
    trouble::Trouble,
    upkeep::{Light, Slot, Status},
};
use zeroize::Zeroizing;

use crate::support::{show, wait};

/// Noon of the day of the tests, 2026-11-24 in China.
pub(crate) const NOON: Timestamp = Timestamp(1_795_492_800_000);

#[derive(Default)]
struct Script {
    asked: RefCell<Vec<Command>>,
    typed: Cell<usize>,
}

struct ScriptSink(Rc<Script>);

impl Outlet<Command> for ScriptSink {
    fn ask(&self, command: Command) -> bool {
        self.0.asked.borrow_mut().push(command);
        true
    }

    fn typed(&self, typed: Result<Zeroizing<Vec<u8>>, PinPadError>) {
        if typed.is_ok() {
            self.0.typed.set(self.0.typed.get() + 1);
        }
    }

    fn halt(&self) {}
}

/// A counter whose desk is the test.
pub(crate) struct Counter {
    pub(crate) window: CounterWindow,
    pub(crate) face: Face,
    script: Rc<Script>,
    clock: Rc<Cell<u64>>,
}

impl Counter {
    pub(crate) fn open(width: u32, height: u32) -> Self {
        let window = CounterWindow::new().unwrap();
        let clock = Rc::new(Cell::new(1_000));
        let ticks = Rc::clone(&clock);
        let face = Face::new(&window, Locale::Simplified, move || ticks.get());
        let script = Rc::new(Script::default());
        face.serve(ScriptSink(Rc::clone(&script)));
        ui::speak(Locale::Simplified).unwrap();
        show(&window, width, height);
        face.take(Input::Tick { wall: NOON });
        Counter { window, face, script, clock }
    }

    pub(crate) fn told(&self, told: Told<Event>) {
        self.face.told(told);
        wait(20);
    }

    pub(crate) fn event(&self, event: Event) {
        self.told(Told::Event(event));
    }

    pub(crate) fn done(&self) {
        self.event(Event::Done);
    }

    pub(crate) fn later(&self, ms: u64) {
        self.clock.set(self.clock.get() + ms);
    }

    /// What was asked since the last look.
    pub(crate) fn asked(&self) -> Vec<Command> {
        std::mem::take(&mut *self.script.asked.borrow_mut())
    }

    /// How often the holder has typed.
    pub(crate) fn typed(&self) -> usize {
        self.script.typed.get()
    }

    pub(crate) fn stage(&self) -> Stage {
        self.face.with_state(|state| state.serve.stage())
    }

    pub(crate) fn page(&self) -> Page {
        self.face.with_state(|state| state.page)
    }

    pub(crate) fn control(&self, letter: char) {
        let text = SharedString::from(letter);
        let control: SharedString = slint::platform::Key::Control.into();
        let window = self.window.window();
        window.dispatch_event(WindowEvent::KeyPressed { text: control.clone() });
        window.dispatch_event(WindowEvent::KeyPressed { text: text.clone() });
        window.dispatch_event(WindowEvent::KeyReleased { text });
        window.dispatch_event(WindowEvent::KeyReleased { text: control });
        wait(20);
    }

    pub(crate) fn speak(&self, locale: Locale) {
        while self.face.with_state(|state| state.locale) != locale {
            self.face.take(Input::Language);
        }
        self.settle_down();
    }

    /// Lets the screen come to rest before a picture.
    pub(crate) fn settle_down(&self) {
        wait(300);
    }

    /// Signed in, with visits that wait; nothing was asked yet.
    pub(crate) fn ready(&self) {
        self.event(Event::Opened(Box::new(opened(Place::Counter, true, true))));
        self.event(Event::Status(Box::new(status())));
        self.event(Event::Waiting { visits: visits(), bills: bills() });
        self.asked();
    }

    /// A card is read, and its bill has lines.
    pub(crate) fn with_bill(&self) {
        self.ready();
        self.event(Event::Slot(Slot::CardIn));
        self.event(Event::Card(Box::new(cards())));
        self.event(Event::Holder(Box::new(holder())));
        self.event(Event::Visit(Some(Box::new(visit((0..6).map(line).collect())))));
        self.done();
        self.asked();
    }

    /// The figures are on the screen.
    pub(crate) fn with_split(&self) {
        self.with_bill();
        crate::support::key(&self.window, slint::platform::Key::F9);
        self.event(Event::Split(Box::new(split())));
        self.done();
        self.asked();
    }

    /// Answers the last question of `keys` for items; the earlier ones are over as well.
    pub(crate) fn found(&self, keys: u32) {
        let (ticket, words) =
            self.face.with_state(|state| (state.serve.form.ticket, state.serve.form.item.text().to_owned()));
        let items = catalog().find(&words, 8).into_iter().cloned().collect::<Vec<Item>>();
        let items =
            if items.is_empty() { catalog().find("amxl", 1).into_iter().cloned().collect() } else { items };
        self.event(Event::Found { ticket, items });
        (0..keys).for_each(|_| self.done());
    }
}

pub(crate) fn id(at: u8) -> TransactionId {
    TransactionId([at; 16])
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/samples").join(name)).unwrap()
}

pub(crate) fn catalog() -> Catalog {
    Catalog::from_json(&sample("catalog/sample.json")).unwrap()
}

fn case() -> (Case, CityRules) {
    let case = Case::from_json(&sample("bills/outpatient-by-code.json"), Some(&catalog())).unwrap();
    (case, CityRules::from_json(&sample("rules/kunming.json")).unwrap())
}

pub(crate) fn split() -> Split {
    let (case, rules) = case();
    let outcome = settle(&rules, &case.bill, &case.person, &case.year, &case.account).unwrap();
    Split {
        settlement: outcome.settlement,
        steps: outcome.steps,
        rules_version: "2023-01-01/1".to_owned(),
        source: Source::Center,
        offline: false,
        balance: Some(case.account.balance),
        balance_after: outcome.balance_after,
    }
}

pub(crate) fn settled() -> SettledFacts {
    let split = split();
    SettledFacts {
        id: id(1),
        sequence: 1_024,
        settlement: split.settlement,
        balance_after: Some(split.balance_after),
    }
}

pub(crate) fn line(at: usize) -> LineRow {
    let (case, _) = case();
    let lines = case.bill.lines();
    LineRow::of(format!("T{at}"), format!("T{at}"), &lines[at % lines.len()])
}

pub(crate) fn visit(lines: Vec<LineRow>) -> VisitFacts {
    VisitFacts { number: "V20261124".to_owned(), kind: VisitKind::Outpatient, lines }
}

pub(crate) fn cards() -> CardFacts {
    CardFacts {
        name: "欧阳修文".to_owned(),
        number: "530102***********X".to_owned(),
        area: "530100".to_owned(),
        version: "3.00".to_owned(),
        attention: vec![],
    }
}

pub(crate) fn holder() -> HolderFacts {
    HolderFacts {
        kind: Some(PersonKind::Worker),
        source: Source::Center,
        year: 2026,
        deductible: Fen(165_000),
        pooled_outpatient: Fen(42_315),
        pooled_inpatient: Fen(0),
        own_in_scope: Fen(187_420),
        stays: 0,
        allowances: vec![
            Allowance::Deductible { full: Fen(180_000), used: Fen(165_000) },
            Allowance::Cap {
                name: ["门诊统筹年度限额".to_owned(), "Outpatient cap of the year".to_owned()],
                full: Fen(600_000),
                used: Fen(42_315),
            },
        ],
    }
}

pub(crate) fn opened(face: Place, has_supervisor: bool, signed_in: bool) -> Opened {
    Opened {
        place: "昆明市第一人民医院".to_owned(),
        terminal: "530100000001".to_owned(),
        face,
        has_supervisor,
        clerk: signed_in.then(|| Clerk {
            number: "0002".to_owned(),
            role: Role::Supervisor,
            cycle: Some("5301000000012026112408000001".to_owned()),
            overdue: None,
            must_change: false,
        }),
        items: 7,
        training: false,
        has_printer: true,
    }
}

pub(crate) fn status() -> Status {
    Status {
        reader: Light::Ok,
        sensor: Light::Ok,
        printer: Light::Ok,
        center: Light::Ok,
        cache: Light::Ok,
        cache_age_ms: Some(180_000),
        operator: Some("0002".to_owned()),
        on_duty: true,
        ..Status::default()
    }
}

pub(crate) fn status_offline() -> Status {
    Status {
        center: Light::Care,
        queue_depth: 3,
        queue_oldest_ms: Some(12 * 60_000),
        cache: Light::Care,
        ..status()
    }
}

pub(crate) fn visits() -> Vec<VisitRow> {
    let row = |at: i64, settling| VisitRow {
        number: format!("V{at}"),
        person: format!("53010{at}***********{at}"),
        kind: if at == 2 { VisitKind::Inpatient } else { VisitKind::Outpatient },
        settling,
        at: Timestamp(NOON.0 - at * 1_000_000),
        lines: 3,
        amount: Fen(12_345 * at),
    };
    vec![row(1, false), row(2, false), row(3, true)]
}

pub(crate) fn bills() -> Vec<BillRow> {
    vec![BillRow { path: "/bills/HIS-0017.json".into(), name: "HIS-0017".to_owned(), lines: Some(6) }]
}

pub(crate) fn row(at: u8, kind: Kind, state: Record) -> Row {
    Row {
        id: id(at),
        sequence: (state != Record::Armed).then_some(u64::from(at) + 1_000),
        kind,
        state,
        at: Timestamp(NOON.0 - i64::from(at) * 600_000),
        person: "530102***********X".to_owned(),
        amount: Some(Fen(38_540)),
        account: Some(Fen(12_000)),
        refusal: (state == Record::Refused).then_some(protocol::upload::RefusalReason::Unreadable),
        cancelled: false,
    }
}

pub(crate) fn earlier() -> Earlier {
    Earlier { id: id(7), done: true, proved: true, sequence: Some(1_007) }
}

pub(crate) fn day() -> Reconciliation {
    let totals = |count, fee| Totals {
        count,
        medfee_sumamt: Fen(fee),
        fund_pay_sumamt: Fen(fee / 2),
        acct_pay: Fen(fee / 4),
        psn_cash_pay: Fen(fee / 4),
        ..Totals::default()
    };
    Reconciliation {
        cycle: "5301000000012026112408000001".to_owned(),
        from_sequence: 1_001,
        to_sequence: 1_042,
        ours: totals(42, 4_268_800),
        theirs: totals(41, 4_230_400),
        equal: false,
        missing: vec![1_041],
        disputed: vec![id(8)],
        unresolved: vec![id(7)],
        at: NOON,
    }
}

pub(crate) fn pension() -> PensionState {
    let period = |number| Period::from_number(number).unwrap();
    PensionState {
        pension: Pension {
            key: 53_010_219_550_101_001,
            monthly: Fen(312_450),
            next_unpaid: period(202_610),
            paid_ahead: 0,
            certified_until: Day::from_number(20_270_331),
            fingers: protocol::pension::Fingers::Enrolled,
        },
        source: Source::Center,
        certified_until: Day::from_number(20_270_331),
        rests_on: Some(protocol::record::RestsOn::Until { day: Day::from_number(20_270_331).unwrap() }),
        due: vec![period(202_610), period(202_611)],
        next: period(202_612),
        earlier: Default::default(),
    }
}

pub(crate) fn finger_fails() -> FingerCheck {
    let why = FingerFailure::NoTemplate;
    FingerCheck::Failed { why, next: Rung::Clerk { reason: why.reason() } }
}

pub(crate) fn affairs() -> Affairs {
    use protocol::service::{
        card::{CardLine, CardsAnswer},
        contribution::{Contribution, ContributionKind, ContributionState, Contributions, Due, DuesAnswer},
    };
    let period = |number| Period::from_number(number).unwrap();
    let month = |number| Contribution {
        period: period(number),
        kind: ContributionKind::Medical,
        base: Fen(800_000),
        by_unit: Fen(64_000),
        by_person: Fen(16_000),
        state: ContributionState::Paid,
    };
    Affairs {
        cards: CardsAnswer {
            cards: vec![
                CardLine {
                    this: true,
                    since: Timestamp(NOON.0 - 90_000_000_000),
                    blocked: None,
                    blocked_since: None,
                },
                CardLine {
                    this: false,
                    since: Timestamp(NOON.0 - 190_000_000_000),
                    blocked: Some(protocol::feed::BlockReason::Replaced),
                    blocked_since: None,
                },
            ],
            state: None,
        },
        contributions: Contributions {
            rows: (1..=10).rev().map(|at| month(202_600 + at)).collect(),
            earliest: Some(period(201_003)),
            latest: Some(period(202_610)),
        },
        dues: DuesAnswer {
            dues: vec![Due {
                period: period(202_701),
                months: 12,
                kind: ContributionKind::ResidentMedical,
                amount: Fen(40_000),
                until: Day::from_number(20_261_231).unwrap(),
            }],
            held: Vec::new(),
        },
        from: terminal::flows::service::ShownFrom::Center { as_of: NOON },
    }
}

/// What goes wrong, as the flows say it.
pub(crate) fn trouble(which: &str) -> Trouble {
    let failure = match which {
        "not_enrolled" => EdgeError::NotEnrolled.into(),
        "wrong_pin" => Error::Session(SessionError::WrongPin { tries_left: 2 }).into(),
        "unresolved" => Error::Unresolved { id: id(7), cause: Box::new(removed()) }.into(),
        "unclear" => Error::Contribution(terminal::contribution::ContributionRefusal::Unclear).into(),
        "paper" => Failure::Printer(PrinterError::PaperOut),
        _ => removed().into(),
    };
    Trouble::of(&failure)
}

fn removed() -> Error {
    let error = SlotError::Removed { outcome: Outcome::Unknown };
    Error::Session(SessionError::Slot { chip: Chip::Card, step: Step::Debit, error })
}
