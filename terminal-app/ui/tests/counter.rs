//! The counter, page by page, by its keys and labels, with a desk that does what the test says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod desk;
mod support;

use desk::{Counter, cards, holder, line, opened, row, settled, split, trouble, visit};
use i_slint_backend_testing::AccessibleRole;
use slint::platform::Key;
use support::{Pictures, find, key, says, show, type_text, wait};
use terminal::{error::MoneyOutcome, ledger::State as Record, receipt::Booking, setup::Face};
use ui::{
    counter::{
        facts::Kind,
        serve::Stage,
        state::Page,
        work::{Command, Event},
    },
    desk::Told,
    locale::Locale,
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

#[test]
fn closed_says_why_and_what_to_do() {
    pictures("closed", |counter| {
        counter.event(Event::Closed(trouble("not_enrolled")));
        assert!(says(&counter.window, &trouble("not_enrolled").what(Locale::Simplified)));
    });
}

#[test]
fn somebody_signs_in() {
    pictures("sign-in", |counter| {
        counter.event(Event::Opened(Box::new(opened(Face::Counter, true, false))));
        type_text(&counter.window, "0002");
        key(&counter.window, Key::Return);
        type_text(&counter.window, "secret-7");
        // Nothing of the secret is on the screen.
        assert!(!says(&counter.window, "secret-7"));
    });
}

#[test]
fn the_first_operator_is_a_supervisor_and_types_the_secret_twice() {
    support::begin();
    let counter = Counter::open(1280, 800);
    counter.event(Event::Opened(Box::new(opened(Face::Counter, false, false))));
    type_text(&counter.window, "0001");
    key(&counter.window, Key::Return);
    type_text(&counter.window, "secret-7");
    key(&counter.window, Key::Return);
    type_text(&counter.window, "secret-8");
    key(&counter.window, Key::Return);
    assert!(counter.asked().is_empty(), "the secrets differ");
    assert!(says(&counter.window, "两次口令不同"));
    type_text(&counter.window, "secret-7");
    key(&counter.window, Key::Return);
    type_text(&counter.window, "secret-7");
    key(&counter.window, Key::F9);
    assert!(matches!(&counter.asked()[..], [Command::FirstOperator { number, .. }] if number == "0001"));
    // Pressed again while it is done: refused, and said so.
    key(&counter.window, Key::F9);
    assert!(counter.asked().is_empty());
}

#[test]
fn idle_with_visits_that_wait() {
    pictures("idle", |counter| counter.ready());
}

#[test]
fn a_bill_is_typed_by_initials() {
    pictures("bill", |counter| {
        counter.with_bill();
        type_text(&counter.window, "am");
        counter.found(2);
    });
}

#[test]
fn the_split_and_why() {
    pictures("split", |counter| {
        counter.with_bill();
        key(&counter.window, Key::F9);
        counter.event(Event::Split(Box::new(split())));
        counter.done();
    });
}

#[test]
fn why_is_told_step_by_step() {
    pictures("why", |counter| {
        counter.with_bill();
        key(&counter.window, Key::F9);
        counter.event(Event::Split(Box::new(split())));
        counter.done();
        key(&counter.window, Key::F11);
        assert!(
            find(
                &counter.window,
                AccessibleRole::ListItem,
                &split().steps[0].words(terminal::language::Language::Chinese)
            )
            .is_some()
        );
    });
}

#[test]
fn the_holder_types_and_nobody_sees() {
    pictures("pin", |counter| {
        counter.with_bill();
        key(&counter.window, Key::F9);
        counter.told(Told::Pin(hal::pin_pad::Prompt::Pin));
        counter.event(Event::WrongPin(trouble("wrong_pin")));
        type_text(&counter.window, "2583");
        assert!(!says(&counter.window, "2583"));
        assert_eq!(counter.typed(), 0);
    });
}

#[test]
fn settled_and_printed() {
    pictures("done", |counter| {
        counter.with_split();
        counter.later(600);
        key(&counter.window, Key::F9);
        assert_eq!(counter.asked(), [Command::Settle]);
        counter.event(Event::Settled(Box::new(settled())));
        counter.event(Event::Booked(Booking::Booked { receipt: "530100-20261124-000017".into() }));
        counter.event(Event::Printed(Ok(())));
        counter.done();
    });
}

#[test]
fn an_unknown_outcome_has_its_own_lane() {
    pictures("unknown", |counter| {
        counter.with_split();
        counter.later(600);
        key(&counter.window, Key::F9);
        counter.asked();
        counter.event(Event::Failed {
            trouble: trouble("unresolved"),
            money: MoneyOutcome::Unknown,
            open: Some(desk::id(7)),
        });
        counter.done();
        counter.event(Event::Slot(Slot::CardOut));
        assert!(says(&counter.window, "不要重复收费"));
    });
}

#[test]
fn the_lane_lists_what_to_do() {
    pictures("lane", |counter| {
        counter.ready();
        key(&counter.window, Key::F7);
        counter.event(Event::Books {
            unresolved: vec![row(7, Kind::Settlement, Record::Armed)],
            disputed: vec![
                row(8, Kind::Settlement, Record::Refused),
                row(9, Kind::Settlement, Record::Conflict),
            ],
            latest: vec![],
        });
        counter.done();
    });
}

#[test]
fn a_supervisor_decides_on_a_ground() {
    pictures("decide", |counter| {
        counter.ready();
        key(&counter.window, Key::F7);
        counter.event(Event::Books {
            unresolved: vec![row(7, Kind::Settlement, Record::Armed)],
            disputed: vec![],
            latest: vec![],
        });
        counter.done();
        counter.asked();
        key(&counter.window, Key::F9);
        // Not without a ground.
        type_text(&counter.window, "2");
        key(&counter.window, Key::F9);
        assert!(counter.asked().is_empty());
        type_text(&counter.window, "4");
    });
}

#[test]
fn records_can_be_taken_back_and_printed_again() {
    pictures("records", |counter| {
        counter.ready();
        key(&counter.window, Key::F8);
        counter.event(Event::Books {
            unresolved: vec![],
            disputed: vec![],
            latest: (1..30)
                .map(|at| {
                    let state = if at % 7 == 0 { Record::Recorded } else { Record::Booked };
                    row(30 - at, if at % 5 == 0 { Kind::Cancellation } else { Kind::Settlement }, state)
                })
                .collect(),
        });
        counter.done();
        key(&counter.window, Key::DownArrow);
    });
}

#[test]
fn the_day_is_compared() {
    pictures("day", |counter| {
        counter.ready();
        key(&counter.window, Key::F10);
        key(&counter.window, Key::F9);
        assert_eq!(counter.asked(), [Command::Reconcile]);
        counter.event(Event::Reconciled(Box::new(desk::day())));
        counter.done();
        assert!(says(&counter.window, "与中心不符"));
    });
}

#[test]
fn a_pension_at_a_bank() {
    pictures("pension", |counter| {
        counter.event(Event::Opened(Box::new(opened(Face::Bank, true, true))));
        counter.event(Event::Status(Box::new(desk::status())));
        counter.event(Event::Slot(Slot::CardIn));
        counter.event(Event::Card(Box::new(cards())));
        counter.event(Event::Holder(Box::new(holder())));
        counter.done();
        key(&counter.window, Key::F9);
        assert_eq!(counter.asked(), [Command::Tap, Command::Pension]);
        counter.event(Event::Pension(Box::new(desk::pension())));
        counter.done();
        key(&counter.window, Key::F9);
        counter.event(Event::Finger { check: desk::finger_fails(), second_clerk: true });
        counter.done();
    });
}

#[test]
fn affairs_at_a_community_desk() {
    pictures("affairs", |counter| {
        counter.event(Event::Opened(Box::new(opened(Face::Community, true, true))));
        counter.event(Event::Status(Box::new(desk::status())));
        counter.event(Event::Slot(Slot::CardIn));
        counter.event(Event::Card(Box::new(cards())));
        counter.event(Event::Holder(Box::new(holder())));
        counter.done();
        key(&counter.window, Key::F9);
        assert_eq!(counter.asked(), [Command::Tap, Command::Affairs]);
        counter.event(Event::Affairs(Box::new(desk::affairs())));
        counter.done();
    });
}

#[test]
fn keys_and_confirmation() {
    pictures("help", |counter| {
        counter.ready();
        key(&counter.window, Key::F1);
    });
}

#[test]
fn large_type_and_high_contrast() {
    support::begin();
    let pictures = Pictures::of("counter");
    let counter = Counter::open(1280, 800);
    counter.with_bill();
    counter.control('g');
    counter.control('k');
    counter.settle_down();
    pictures.take(&counter.window, "bill-large-contrast");
    pictures.compare();
}

#[test]
fn a_visit_takes_few_keys() {
    support::begin();
    let counter = Counter::open(1280, 800);
    counter.ready();
    counter.event(Event::Slot(Slot::CardIn));
    assert_eq!(counter.asked(), [Command::Tap], "read without a key");
    counter.event(Event::Card(Box::new(cards())));
    counter.event(Event::Holder(Box::new(holder())));
    counter.event(Event::Visit(None));
    counter.done();
    // One fee line.
    type_text(&counter.window, "amxl");
    counter.found(4);
    key(&counter.window, Key::Return);
    type_text(&counter.window, "2");
    key(&counter.window, Key::Return);
    key(&counter.window, Key::Return);
    let asked = counter.asked();
    assert!(
        matches!(&asked[..], [.., Command::AddLine { code, .. }] if code == "XA01SAMPLE0001"),
        "{asked:?}"
    );
    counter.event(Event::Visit(Some(Box::new(visit(vec![line(1)])))));
    (0..asked.len()).for_each(|_| counter.done());

    // From here on every key is counted.
    let mut keys = 0;
    let mut press = |named: Key| {
        keys += 1;
        key(&counter.window, named);
    };
    press(Key::F9);
    assert_eq!(counter.asked(), [Command::PreSettle { use_account: true }]);
    counter.told(Told::Pin(hal::pin_pad::Prompt::Pin));
    for _ in 0..6 {
        keys += 1;
        type_text(&counter.window, "1");
    }
    keys += 1;
    key(&counter.window, Key::Return);
    assert_eq!(counter.typed(), 1);
    counter.told(Told::PinOver);
    counter.event(Event::Split(Box::new(split())));
    counter.done();
    counter.later(600);
    keys += 1;
    key(&counter.window, Key::F9);
    assert_eq!(counter.asked(), [Command::Settle]);
    counter.event(Event::Settled(Box::new(settled())));
    counter.done();
    counter.event(Event::Slot(Slot::CardOut));
    // The next card begins the next visit by itself.
    counter.event(Event::Slot(Slot::CardIn));
    assert_eq!(counter.asked(), [Command::Tap]);
    assert!(keys <= 12, "{keys} keys");
    println!("keys beyond fee lines: {keys}, of which the holder's PIN 7");
}

#[test]
fn a_second_press_never_acts_twice() {
    support::begin();
    let counter = Counter::open(1280, 800);
    counter.with_bill();
    key(&counter.window, Key::F9);
    key(&counter.window, Key::F9);
    assert_eq!(counter.asked(), [Command::PreSettle { use_account: true }]);
    assert!(says(&counter.window, "刚才的按键没有执行"));
    counter.event(Event::Split(Box::new(split())));
    counter.done();
    // The second of two quick presses meets the figures, and is no consent to them.
    key(&counter.window, Key::F9);
    assert!(counter.asked().is_empty());
    assert!(says(&counter.window, "没有结算"));
    counter.later(600);
    support::press(&counter.window, "确认结算");
    support::press(&counter.window, "确认结算");
    key(&counter.window, Key::F9);
    assert_eq!(counter.asked(), [Command::Settle]);
    counter.event(Event::Settled(Box::new(settled())));
    counter.done();
    // The same key is now the next patient's, and settles nothing.
    key(&counter.window, Key::F9);
    key(&counter.window, Key::F9);
    assert!(counter.asked().is_empty());
}

#[test]
fn a_card_pulled_at_each_step_says_what_was_done() {
    support::begin();
    let counter = Counter::open(1280, 800);
    // While it is read.
    counter.ready();
    counter.event(Event::Slot(Slot::CardIn));
    counter.event(Event::Failed { trouble: trouble("removed"), money: MoneyOutcome::NotDone, open: None });
    counter.done();
    counter.event(Event::Slot(Slot::CardOut));
    assert!(says(&counter.window, &trouble("removed").what(Locale::Simplified)));
    // With lines.
    counter.with_bill();
    counter.event(Event::Slot(Slot::CardOut));
    assert!(says(&counter.window, "没有扣款；登记和费用已保存"));
    assert_eq!(counter.stage(), Stage::Idle);
    // With figures on the screen.
    counter.with_split();
    counter.event(Event::Slot(Slot::CardOut));
    assert!(says(&counter.window, "没有扣款；登记和费用已保存"));
    // In the middle of it: nothing calmer replaces what is grave.
    counter.with_split();
    counter.later(600);
    key(&counter.window, Key::F9);
    counter.event(Event::Failed {
        trouble: trouble("unresolved"),
        money: MoneyOutcome::Unknown,
        open: Some(desk::id(7)),
    });
    counter.done();
    counter.event(Event::Slot(Slot::CardOut));
    assert!(says(&counter.window, &trouble("unresolved").what(Locale::Simplified)));
    assert!(says(&counter.window, "结果未知 1 笔"));
    // Another patient is served meanwhile; the lane stays.
    counter.asked();
    counter.event(Event::Slot(Slot::CardIn));
    assert_eq!(counter.asked(), [Command::Tap]);
    assert!(says(&counter.window, "结果未知 1 笔"));
    // The same card comes back and tells.
    counter.event(Event::Earlier(desk::earlier()));
    counter.done();
    assert!(!says(&counter.window, "结果未知 1 笔"));
}

#[test]
fn ten_fast_patients() {
    support::begin();
    let counter = Counter::open(1280, 800);
    counter.ready();
    let began = std::time::Instant::now();
    for at in 0..10_u8 {
        counter.event(Event::Slot(Slot::CardIn));
        counter.event(Event::Card(Box::new(cards())));
        counter.event(Event::Holder(Box::new(holder())));
        counter.event(Event::Visit(Some(Box::new(visit((1..=20).map(line).collect())))));
        counter.done();
        key(&counter.window, Key::F9);
        counter.event(Event::Split(Box::new(split())));
        counter.done();
        counter.later(600);
        key(&counter.window, Key::F9);
        assert_eq!(
            counter.asked(),
            [Command::Tap, Command::PreSettle { use_account: true }, Command::Settle],
            "patient {at}"
        );
        counter.event(Event::Settled(Box::new(settled())));
        counter.done();
        counter.event(Event::Slot(Slot::CardOut));
        assert_eq!(counter.stage(), Stage::Done);
    }
    println!("ten patients: {:?}", began.elapsed());
}

#[test]
fn the_language_changes_in_mid_flow() {
    support::begin();
    let counter = Counter::open(1280, 800);
    counter.with_split();
    assert!(says(&counter.window, "应收现金"));
    counter.control('l');
    assert!(says(&counter.window, "應收現金"));
    counter.control('l');
    assert!(says(&counter.window, "Cash to collect"), "{}", support::labels(&counter.window));
    assert_eq!(counter.stage(), Stage::Split);
    // What went wrong is told in the new language too.
    counter.later(600);
    key(&counter.window, Key::F9);
    counter.event(Event::Failed { trouble: trouble("removed"), money: MoneyOutcome::NotDone, open: None });
    counter.done();
    assert!(says(&counter.window, &trouble("removed").what(Locale::English)));
    counter.control('l');
    assert!(says(&counter.window, &trouble("removed").what(Locale::Simplified)));
}

#[test]
fn the_center_is_lost_and_the_paper_is_out() {
    support::begin();
    let counter = Counter::open(1280, 800);
    counter.with_split();
    counter.event(Event::Status(Box::new(desk::status_offline())));
    assert!(says(&counter.window, "断开，可脱机办理"));
    assert!(says(&counter.window, "3 笔，最早 12 分钟前"));
    counter.later(600);
    key(&counter.window, Key::F9);
    counter.asked();
    counter.event(Event::Settled(Box::new(settled())));
    counter.event(Event::Booked(Booking::Pending { offline: true }));
    counter.event(Event::Printed(Err(trouble("paper"))));
    counter.done();
    assert!(says(&counter.window, "断网，已记入本机"));
    assert!(says(&counter.window, "凭证未打印，结算有效"));
    assert!(says(&counter.window, &trouble("paper").what(Locale::Simplified)));
    // Printed again after the paper is in.
    key(&counter.window, Key::F6);
    assert_eq!(counter.asked(), [Command::Print { id: settled().id }]);
    counter.event(Event::Printed(Ok(())));
    counter.done();
    assert!(says(&counter.window, "凭证已打印"));
}

#[test]
fn a_scanner_is_faster_than_the_answer() {
    support::begin();
    let counter = Counter::open(1280, 800);
    counter.with_bill();
    counter.asked();
    type_text(&counter.window, "6901234567892");
    key(&counter.window, Key::Return);
    // An answer to the first digits is none.
    counter.event(Event::Found { ticket: 3, items: vec![] });
    counter.found(13);
    assert!(find(&counter.window, AccessibleRole::TextInput, "数量").is_some());
    type_text(&counter.window, "3");
    key(&counter.window, Key::Return);
    type_text(&counter.window, "9.80");
    key(&counter.window, Key::Return);
    key(&counter.window, Key::Return);
    let lines =
        counter.asked().into_iter().filter(|command| matches!(command, Command::AddLine { .. })).count();
    assert_eq!(lines, 1);
}

#[test]
fn fields_are_set_by_assistive_technology_and_secrets_are_not() {
    support::begin();
    let counter = Counter::open(1280, 800);
    counter.event(Event::Opened(Box::new(opened(Face::Counter, true, false))));
    let set = |label: &str, text: &str| {
        support::expect(&counter.window, AccessibleRole::TextInput, label).set_accessible_value(text);
        wait(20);
    };
    set("工号", "0002");
    set("口令", "secret-7");
    counter.face.with_state(|state| {
        assert_eq!((state.sign_in.number.text(), state.sign_in.secret.len()), ("0002", 0));
    });
    counter.with_bill();
    set("项目代码、条码或拼音首字母", "amxl");
    assert!(matches!(&counter.asked()[..], [Command::Find { words, .. }] if words == "amxl"));
    counter.found(1);
    key(&counter.window, Key::Return);
    set("数量", "3");
    set("单价（元）", "9.5");
    key(&counter.window, Key::Return);
    let asked = counter.asked();
    assert!(
        matches!(&asked[..], [Command::AddLine { price, count, .. }]
            if price.to_string() == "9.50" && count.to_string() == "3"),
        "{asked:?}"
    );
}

#[test]
fn a_broken_desk_is_said() {
    support::begin();
    let counter = Counter::open(1024, 600);
    counter.ready();
    counter.told(Told::Broken);
    assert!(says(&counter.window, "程序出现故障"));
    assert_eq!(counter.page(), Page::Closed);
    wait(50);
}

#[test]
fn the_window_is_resized() {
    support::begin();
    let counter = Counter::open(1920, 1080);
    counter.with_bill();
    for (width, height) in [(800, 480), (1024, 600), (1920, 1080), (1280, 800)] {
        show(&counter.window, width, height);
        counter.settle_down();
        support::buttons_are_large(&counter.window, 30.0);
        assert!(says(&counter.window, "预结算"));
    }
}
