//! What supervisors, banks, tax offices and communities do at the counter, page by page, and how it is misused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod desk;
mod support;

use card_spec::money::Fen;
use desk::{Counter, NOON, cards, holder, id, opened, trouble};
use i_slint_backend_testing::AccessibleRole;
use protocol::{
    calendar::{Day, Period},
    record::PaidBy,
    service::{
        Cursor, Due, DuesAnswer, FailedAnswer, FailedPayment, SeekWork, Seeker, TakenBy,
        contribution::ContributionKind, work::WorkAnswer,
    },
    timestamp::Timestamp,
    upload::RefusalReason,
};
use slint::platform::Key;
use support::{Pictures, expect, key, says, type_text, wait};
use terminal::{
    error::MoneyOutcome,
    flows::{
        DuesTaken,
        service::{Shown, ShownFrom},
    },
    ledger::State as Record,
    receipt::{Booking, MaskedName},
    roles::{Operator, Role},
    setup::Face,
};
use ui::{
    counter::{
        dues::PaidDues,
        note::Note,
        state::{Overlay, Page},
        work::{Clerk, Command, Event},
    },
    upkeep::Slot,
};

const SIZES: [(u32, u32); 3] = [(1024, 600), (1280, 800), (1920, 1080)];

/// Pictures of one page at every size, in every language.
fn pictures(name: &str, reach: impl Fn(&Counter)) {
    support::begin();
    let pictures = Pictures::of("counter");
    for (width, height) in SIZES {
        let counter = Counter::open(width, height);
        reach(&counter);
        counter.settle_down();
        pictures.take_all(&counter.window, name, |locale| counter.speak(locale));
        support::buttons_are_large(&counter.window, 30.0);
    }
    pictures.compare();
}

fn operators() -> Vec<Operator> {
    let operator = |number: &str, name: &str, role| Operator {
        number: number.to_owned(),
        role,
        active: true,
        locked_until: None,
        name: name.to_owned(),
        must_change: false,
    };
    vec![
        operator("0002", "李慧敏", Role::Supervisor),
        Operator { must_change: true, ..operator("0101", "张伟", Role::Cashier) },
        Operator {
            locked_until: Some(Timestamp(NOON.0 + 720_000)),
            ..operator("0102", "王小红", Role::Cashier)
        },
        Operator { active: false, ..operator("0103", "欧阳建国", Role::Cashier) },
        operator("0901", "", Role::Installer),
    ]
}

/// On the page of operators.
fn at_operators(counter: &Counter) {
    counter.ready();
    key(&counter.window, Key::F10);
    key(&counter.window, Key::F6);
    assert_eq!(counter.asked(), [Command::Operators]);
    counter.event(Event::Operators(operators()));
    counter.done();
    counter.later(600);
}

/// A card is read at a desk of the community or the tax office.
fn at_community(counter: &Counter) {
    counter.event(Event::Opened(Box::new(opened(Face::Community, true, true))));
    counter.event(Event::Status(Box::new(desk::status())));
    tap(counter);
}

fn tap(counter: &Counter) {
    counter.event(Event::Slot(Slot::CardIn));
    assert_eq!(counter.asked(), [Command::Tap]);
    counter.event(Event::Card(Box::new(cards())));
    counter.event(Event::Holder(Box::new(holder())));
    counter.done();
    counter.later(600);
}

fn due(period: u32, months: u8, kind: ContributionKind, fen: i64) -> Due {
    Due {
        period: Period::from_number(period).unwrap(),
        months,
        kind,
        amount: Fen(fen),
        until: Day::from_number(20_261_231).unwrap(),
    }
}

fn dues() -> Shown<DuesAnswer> {
    let held = due(202_610, 1, ContributionKind::Medical, 36_480);
    Shown {
        content: DuesAnswer {
            dues: vec![
                due(202_609, 2, ContributionKind::Pension, 178_560),
                held,
                due(202_701, 12, ContributionKind::ResidentMedical, 40_000),
            ],
            held: vec![held],
        },
        from: ShownFrom::Center { as_of: NOON },
    }
}

/// The dues of the holder are on the screen.
fn with_dues(counter: &Counter) {
    at_community(counter);
    key(&counter.window, Key::F3);
    key(&counter.window, Key::F9);
    assert_eq!(counter.asked(), [Command::Dues]);
    counter.event(Event::Dues(Box::new(dues())));
    counter.done();
    counter.later(600);
}

fn paid(booking: Booking) -> PaidDues {
    let dues = dues().content.dues;
    PaidDues {
        id: id(5),
        sequence: 1_043,
        dues: vec![dues[0], dues[2]],
        amount: Fen(218_560),
        paid_by: PaidBy::Cash,
        booking,
    }
}

fn with_payment(counter: &Counter) {
    with_dues(counter);
    key(&counter.window, Key::F9);
    counter.later(600);
    key(&counter.window, Key::F9);
    assert!(
        matches!(&counter.asked()[..], [Command::PayDues { chosen, paid_by: PaidBy::Cash }] if chosen.len() == 2)
    );
    counter
        .event(Event::DuesPaid(Box::new(paid(Booking::Booked { receipt: "530100-20261124-000043".into() }))));
    counter.done();
}

fn taken() -> Vec<DuesTaken> {
    let row = |at: u8, state| DuesTaken {
        id: id(at),
        at: Timestamp(NOON.0 - i64::from(at) * 600_000),
        name: MaskedName::of("欧阳修文"),
        dues: vec![due(202_701, 12, ContributionKind::ResidentMedical, 40_000)],
        amount: Fen(40_000),
        paid_by: if at == 2 { PaidBy::BankCard { reference: "004217".into() } } else { PaidBy::Cash },
        state,
        taken_back_by: None,
        reversible: state != Record::Refused,
    };
    vec![
        row(1, Record::Recorded),
        row(2, Record::Booked),
        DuesTaken { taken_back_by: Some(id(9)), reversible: false, ..row(3, Record::Booked) },
        row(4, Record::Refused),
    ]
}

fn failed(from: u8, count: u8, more: bool) -> FailedAnswer {
    let payment = |at: u8| FailedPayment {
        id: id(at),
        terminal: "530100000001".parse().unwrap(),
        sequence: 2_000 - u64::from(at),
        at: Timestamp(NOON.0 - i64::from(at) * 86_400_000),
        person: "530102***********X".to_owned(),
        period: Period::from_number(202_610).unwrap(),
        amount: Fen(312_450),
        operator: "0101".to_owned(),
        reason: [
            Some(RefusalReason::PeriodPaid),
            Some(RefusalReason::NotCertified),
            Some(RefusalReason::Deceased),
            None,
        ][usize::from(at) % 4],
        booked_elsewhere: None,
    };
    FailedAnswer {
        payments: (from..from + count).map(payment).collect(),
        next: more.then(|| Cursor { rank: 7, name: "next".to_owned() }),
        as_of: NOON,
    }
}

fn seeker() -> WorkAnswer {
    WorkAnswer {
        seeker: Some(Seeker {
            seek: SeekWork {
                wish: "仓库保管、叉车司机，可上夜班".to_owned(),
                district: card_spec::region::RegionCode::parse("530102").unwrap(),
                wage_min: Fen(450_000),
                phone: "138 0000 0000".to_owned(),
            },
            at: NOON,
            until: Day::from_number(20_270_524).unwrap(),
            taken_by: Some(TakenBy {
                terminal: "530100000001".parse().unwrap(),
                operator: "0002".to_owned(),
            }),
        }),
    }
}

#[test]
fn operators_are_listed() {
    pictures("operators", |counter| {
        at_operators(counter);
        key(&counter.window, Key::DownArrow);
    });
}

#[test]
fn an_operator_is_added_by_keys_and_by_an_input_method() {
    pictures("operator", |counter| {
        at_operators(counter);
        key(&counter.window, Key::F9);
        counter.later(600);
        type_text(&counter.window, "0104");
        key(&counter.window, Key::Return);
        // What an input method commits comes as a text, not as keys of a keyboard.
        type_text(&counter.window, "陈静");
        counter.face.with_state(|state| assert!(state.is_writing()));
        assert_eq!(
            expect(&counter.window, AccessibleRole::TextInput, "姓名").accessible_value().unwrap(),
            "陈静"
        );
        key(&counter.window, Key::Return);
        type_text(&counter.window, "1");
        key(&counter.window, Key::Return);
        type_text(&counter.window, "first-1");
        assert!(!says(&counter.window, "first-1"));
    });
}

#[test]
fn what_is_wrong_with_an_operator_is_said_and_nothing_is_asked() {
    support::begin();
    let counter = Counter::open(1280, 800);
    at_operators(&counter);
    let window = &counter.window;
    // The second press of a quick pair meets the empty sheet.
    key(window, Key::F9);
    key(window, Key::F9);
    assert!(counter.asked().is_empty());
    counter.later(600);
    key(window, Key::F9);
    assert!(says(window, "请输入工号"));
    type_text(window, "0101");
    key(window, Key::F9);
    assert!(says(window, "这个工号已有"));
    (0..4).for_each(|_| key(window, Key::Backspace));
    type_text(window, "0104");
    key(window, Key::Tab);
    type_text(window, "陈静静");
    key(window, Key::Backspace);
    key(window, Key::Tab);
    type_text(window, "3");
    key(window, Key::Tab);
    type_text(window, "first-1");
    key(window, Key::Return);
    type_text(window, "first-2");
    key(window, Key::Return);
    assert!(says(window, "两次口令不同") && counter.asked().is_empty());
    type_text(window, "short");
    key(window, Key::Return);
    type_text(window, "short");
    key(window, Key::Return);
    assert!(says(window, "口令至少 6 位") && counter.asked().is_empty());
    type_text(window, "first-1");
    key(window, Key::Return);
    type_text(window, "first-1");
    key(window, Key::F9);
    key(window, Key::F9);
    let asked = counter.asked();
    assert!(
        matches!(&asked[..], [Command::IssueOperator { number, name, role: Role::Installer, .. }]
            if number == "0104" && name == "陈静"),
        "{asked:?}"
    );
    counter.event(Event::OperatorSet);
    counter.event(Event::Operators(operators()));
    counter.done();
    assert!(says(window, "本人第一次签到时须改口令"));
    counter.face.with_state(|state| assert_eq!(state.overlay, Overlay::None));
    // The keys of the page are the page's again.
    key(window, Key::DownArrow);
    key(window, Key::F4);
    assert!(says(window, "停用这名操作员"));
    key(window, Key::Return);
    assert_eq!(counter.asked(), [Command::StopOperator { number: "0101".to_owned() }]);
    counter.event(Event::OperatorStopped);
    counter.done();
    // Nobody stops oneself, and whoever is stopped already is not stopped again.
    key(window, Key::UpArrow);
    key(window, Key::F4);
    assert!(says(window, "不能停用自己") && counter.asked().is_empty());
    (0..3).for_each(|_| key(window, Key::DownArrow));
    key(window, Key::F4);
    assert!(counter.asked().is_empty());
    key(window, Key::F5);
    assert!(says(window, "重设口令并启用") && says(window, "欧阳建国"));
    key(window, Key::Escape);
    key(window, Key::Escape);
    assert_eq!(counter.page(), Page::Day);
}

#[test]
fn a_cashier_does_not_see_operators_and_is_told_why() {
    support::begin();
    let counter = Counter::open(1280, 800);
    counter.ready();
    let clerk = Clerk {
        number: "0101".to_owned(),
        role: Role::Cashier,
        cycle: Some("5301000000012026112408000002".to_owned()),
        overdue: None,
        must_change: false,
    };
    counter.event(Event::Clerk(Some(clerk)));
    key(&counter.window, Key::F10);
    assert!(support::find(&counter.window, AccessibleRole::Button, "操作员").is_none());
    key(&counter.window, Key::F6);
    assert_eq!(counter.page(), Page::Day);
    assert!(says(&counter.window, "这一步要由主管办理") && counter.asked().is_empty());
}

#[test]
fn a_first_secret_is_changed_before_anything_else() {
    pictures("own-secret", |counter| {
        counter.event(Event::Opened(Box::new(opened(Face::Counter, true, false))));
        type_text(&counter.window, "0101");
        key(&counter.window, Key::Return);
        type_text(&counter.window, "first-1");
        key(&counter.window, Key::Return);
        counter.asked();
        let clerk = opened(Face::Counter, true, true).clerk.map(|clerk| Clerk { must_change: true, ..clerk });
        counter.event(Event::Clerk(clerk));
        counter.done();
        counter.later(600);
        // Nothing else can be done, and leaving it signs out.
        key(&counter.window, Key::F8);
        assert!(counter.asked().is_empty());
        type_text(&counter.window, "own-secret");
        key(&counter.window, Key::Return);
        type_text(&counter.window, "own-secret");
    });
    support::begin();
    let counter = Counter::open(1280, 800);
    counter.event(Event::Opened(Box::new(opened(Face::Counter, true, false))));
    let clerk = opened(Face::Counter, true, true).clerk.map(|clerk| Clerk { must_change: true, ..clerk });
    counter.event(Event::Clerk(clerk));
    key(&counter.window, Key::Escape);
    assert_eq!(counter.asked(), [Command::SignOut]);
}

#[test]
fn dues_are_chosen() {
    pictures("dues", |counter| {
        with_dues(counter);
        // What is being paid elsewhere cannot be chosen.
        key(&counter.window, Key::DownArrow);
        type_text(&counter.window, " ");
        counter.face.with_state(|state| assert_eq!(state.dues.sum(), Fen(218_560)));
        assert!(says(&counter.window, "2,185.60"));
    });
}

#[test]
fn the_money_is_taken_with_the_total_large() {
    pictures("pay", |counter| {
        with_dues(counter);
        key(&counter.window, Key::F9);
        counter.later(600);
        type_text(&counter.window, "2");
        key(&counter.window, Key::Return);
        type_text(&counter.window, "004217");
    });
}

#[test]
fn dues_are_paid() {
    pictures("paid", |counter| {
        with_payment(counter);
        assert!(says(&counter.window, "已入账，请收款"));
    });
}

#[test]
fn a_payment_is_never_made_twice() {
    support::begin();
    let counter = Counter::open(1280, 800);
    with_dues(&counter);
    let window = &counter.window;
    // A quick pair opens the sheet and pays nothing.
    key(window, Key::F9);
    key(window, Key::F9);
    assert!(says(window, "按得太快，没有办理") && counter.asked().is_empty());
    counter.later(600);
    // A bank card without the number of its slip.
    type_text(window, "2");
    key(window, Key::F9);
    assert!(says(window, "请输入银行终端小票号") && counter.asked().is_empty());
    type_text(window, "0042");
    key(window, Key::F9);
    key(window, Key::F9);
    let asked = counter.asked();
    let [Command::PayDues { paid_by: PaidBy::BankCard { reference }, .. }] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(reference, "0042");
    counter.event(Event::DuesPaid(Box::new(paid(Booking::Pending { offline: false }))));
    counter.done();
    // What was shown is gone: the same key calls the next one, and a second press reads nothing.
    key(window, Key::F9);
    key(window, Key::F9);
    assert!(counter.asked().is_empty());
}

#[test]
fn a_card_pulled_and_a_center_lost_while_dues_are_paid() {
    support::begin();
    let counter = Counter::open(1280, 800);
    let window = &counter.window;
    // With the sheet open: it closes, nothing was paid.
    with_dues(&counter);
    key(window, Key::F9);
    counter.event(Event::Slot(Slot::CardOut));
    counter
        .face
        .with_state(|state| assert_eq!((&state.overlay, state.dues.shown.is_none()), (&Overlay::None, true)));
    assert!(says(window, "没有办理任何业务"));
    // In the middle of it the center is lost: told, and the dues have to be asked for again.
    tap(&counter);
    key(window, Key::F9);
    counter.event(Event::Dues(Box::new(dues())));
    counter.done();
    counter.later(600);
    key(window, Key::F9);
    counter.later(600);
    key(window, Key::F9);
    counter.asked();
    counter.event(Event::Failed { trouble: trouble("unclear"), money: MoneyOutcome::NotDone, open: None });
    counter.done();
    assert!(says(window, &trouble("unclear").what(ui::locale::Locale::Simplified)));
    counter.later(600);
    key(window, Key::F9);
    assert_eq!(counter.asked(), [Command::Dues]);
    counter.event(Event::Dues(Box::new(dues())));
    counter.done();
    // The card goes after it was paid: what was paid stays until the next one comes.
    key(window, Key::F9);
    counter.later(600);
    key(window, Key::F9);
    counter.asked();
    counter.event(Event::DuesPaid(Box::new(paid(Booking::Pending { offline: false }))));
    counter.event(Event::Status(Box::new(desk::status_offline())));
    counter.done();
    counter.event(Event::Slot(Slot::CardOut));
    assert!(says(window, "已入账，请收款") && says(window, "等待中心记账"));
    key(window, Key::F6);
    assert_eq!(counter.asked(), [Command::Print { id: id(5) }]);
    counter.done();
    tap(&counter);
    counter.face.with_state(|state| assert!(state.dues.paid.is_none()));
}

#[test]
fn payments_are_given_back() {
    pictures("taken", |counter| {
        with_dues(counter);
        key(&counter.window, Key::F3);
        assert_eq!(counter.asked(), [Command::DuesTaken]);
        counter.event(Event::DuesTaken(taken()));
        counter.done();
        // One that was given back is not given back again.
        key(&counter.window, Key::DownArrow);
        key(&counter.window, Key::DownArrow);
        key(&counter.window, Key::F4);
        assert!(says(&counter.window, "这一笔不能退回"));
        key(&counter.window, Key::UpArrow);
        key(&counter.window, Key::F4);
        assert!(says(&counter.window, "退回这笔缴费"));
        key(&counter.window, Key::Return);
        key(&counter.window, Key::Return);
        assert_eq!(counter.asked(), [Command::GiveDuesBack { id: id(2) }]);
        counter.event(Event::DuesGivenBack(Fen(40_000)));
        counter.event(Event::DuesTaken(taken()));
        counter.done();
        counter.face.with_state(|state| assert_eq!(state.note, Some(Note::GivenBack(Fen(40_000)))));
    });
}

#[test]
fn failed_payments_tell_what_to_do() {
    pictures("failed", |counter| {
        counter.event(Event::Opened(Box::new(opened(Face::Bank, true, true))));
        counter.event(Event::Status(Box::new(desk::status())));
        key(&counter.window, Key::F3);
        assert_eq!(counter.asked(), [Command::FailedPayments { here: true, after: None }]);
        counter.event(Event::FailedPayments { answer: Box::new(failed(0, 4, true)), goes_on: false });
        counter.done();
        key(&counter.window, Key::DownArrow);
    });
}

#[test]
fn earlier_failures_stand_below_the_later_ones() {
    support::begin();
    let counter = Counter::open(1280, 800);
    counter.event(Event::Opened(Box::new(opened(Face::Bank, true, true))));
    let window = &counter.window;
    key(window, Key::F3);
    counter.event(Event::FailedPayments { answer: Box::new(failed(0, 4, true)), goes_on: false });
    counter.done();
    counter.asked();
    (0..3).for_each(|_| key(window, Key::DownArrow));
    key(window, Key::F3);
    key(window, Key::F3);
    let asked = counter.asked();
    assert!(matches!(&asked[..], [Command::FailedPayments { here: true, after: Some(_) }]), "{asked:?}");
    counter.event(Event::FailedPayments { answer: Box::new(failed(4, 4, false)), goes_on: true });
    counter.done();
    // The marked one stays marked, and the list is longer.
    counter.face.with_state(|state| assert_eq!((state.row, state.rows()), (3, 8)));
    assert!(says(window, "共 8 笔"));
    key(window, Key::F3);
    assert!(counter.asked().is_empty(), "there are no more");
    // All terminals, from the beginning.
    key(window, Key::F4);
    assert_eq!(counter.asked(), [Command::FailedPayments { here: false, after: None }]);
    counter.event(Event::Failed { trouble: trouble("removed"), money: MoneyOutcome::NotDone, open: None });
    counter.done();
    key(window, Key::Escape);
    assert_eq!(counter.page(), Page::Pension);
}

#[test]
fn somebody_seeks_work() {
    pictures("seeking", |counter| {
        at_community(counter);
        key(&counter.window, Key::F4);
        key(&counter.window, Key::F9);
        assert_eq!(counter.asked(), [Command::Seeking]);
        counter.event(Event::Seeking { answer: Box::new(seeker()), changed: false });
        counter.done();
    });
}

#[test]
fn a_registration_is_written_in_chinese() {
    pictures("register", |counter| {
        at_community(counter);
        key(&counter.window, Key::F4);
        key(&counter.window, Key::F9);
        counter.event(Event::Seeking { answer: Box::new(WorkAnswer { seeker: None }), changed: false });
        counter.done();
        key(&counter.window, Key::F9);
        counter.later(600);
        type_text(&counter.window, "超市理货");
        key(&counter.window, Key::Return);
        type_text(&counter.window, "4500");
    });
}

#[test]
fn a_registration_is_checked_and_sent_once() {
    support::begin();
    let counter = Counter::open(1280, 800);
    at_community(&counter);
    let window = &counter.window;
    key(window, Key::F4);
    key(window, Key::F9);
    counter.event(Event::Seeking { answer: Box::new(WorkAnswer { seeker: None }), changed: false });
    counter.done();
    counter.asked();
    key(window, Key::F9);
    counter.later(600);
    key(window, Key::F9);
    assert!(says(window, "请写明求职意向"));
    expect(window, AccessibleRole::TextInput, "求职意向").set_accessible_value("超市理货");
    wait(20);
    key(window, Key::Return);
    key(window, Key::Return);
    type_text(window, "12");
    key(window, Key::Return);
    assert!(says(window, "联系电话不对") && counter.asked().is_empty());
    type_text(window, "345678");
    key(window, Key::F9);
    key(window, Key::F9);
    let asked = counter.asked();
    assert!(
        matches!(&asked[..], [Command::SeekWork { wish, wage_min: Fen(0), phone }]
            if wish == "超市理货" && phone == "12345678"),
        "{asked:?}"
    );
    counter.event(Event::Seeking { answer: Box::new(seeker()), changed: true });
    counter.done();
    assert!(says(window, "求职登记已保存") && says(window, "仓库保管"));
    // The card goes: nothing of the holder stays.
    counter.event(Event::Slot(Slot::CardOut));
    assert!(!says(window, "仓库保管") && !says(window, "138 0000 0000"));
}

#[test]
fn a_certification_at_home() {
    pictures("at-home", |counter| {
        at_community(counter);
        key(&counter.window, Key::F11);
        key(&counter.window, Key::F4);
        key(&counter.window, Key::F5);
        assert!(matches!(&counter.asked()[..], [Command::Finger { .. }]));
        counter.event(Event::Finger { check: desk::finger_fails(), second_clerk: false });
        counter.done();
        key(&counter.window, Key::F6);
        assert!(matches!(&counter.asked()[..], [Command::Vouch { second: None, .. }]));
        counter.event(Event::Vouched);
        counter.done();
        key(&counter.window, Key::F5);
        key(&counter.window, Key::F5);
        assert_eq!(counter.asked(), [Command::Certify { at_home: true }]);
        counter.event(Event::Certified(Day::from_number(20_271_124).unwrap()));
        counter.event(Event::Pension(Box::new(desk::pension())));
        counter.done();
    });
}
