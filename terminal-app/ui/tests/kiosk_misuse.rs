//! The kiosk as people misuse it: cards pulled on every page, wrong cards and PINs, nobody there, double touches, the
//! language switched and the window resized in the middle. Nothing personal is ever left behind.
#![allow(clippy::unwrap_used, reason = "tests")]

mod kiosk_rig;
mod support;

use kiosk_rig::{PIN, Rig, data};
use ui::{
    kiosk::{
        ask::Stop,
        state::{IDLE_S, WARNING_S},
        work::{Event, Signal},
    },
    locale::Locale,
    upkeep::Slot,
};

/// The way to each page that belongs to a person.
type Way = (&'static str, fn(&Rig));

const WAYS: [Way; 14] = [
    ("identify", |_| {}),
    ("pin", |rig| {
        rig.press("用密码");
        rig.type_pin("314");
    }),
    ("menu", sign_in),
    ("account", |rig| go(rig, &["查医保余额"])),
    ("contributions", |rig| go(rig, &["查缴费记录"])),
    ("treatment", |rig| go(rig, &["看病和报销记录", "市第一医院 860.00 元"])),
    ("pension", |rig| go(rig, &["养老金"])),
    ("certification", |rig| go(rig, &["养老待遇资格认证"])),
    ("change the PIN", |rig| {
        go(rig, &["修改密码"]);
        rig.type_pin("3141");
    }),
    ("loss, asked", |rig| go(rig, &["我的卡和挂失", "卡丢了，要挂失", "全部停用"])),
    ("loss, asked again", |rig| go(rig, &["我的卡和挂失", "卡丢了，要挂失", "全部停用", "看清了，继续"])),
    ("telephone", |rig| {
        go(rig, &["求职登记", "现在登记", "保洁", "都可以"]);
        rig.type_number("13800000001");
    }),
    ("unemployment", |rig| go(rig, &["失业保险金"])),
    ("code", |rig| {
        go(rig, &["养老金"]);
        rig.press("手机扫码");
    }),
];

fn sign_in(rig: &Rig) {
    rig.press("用密码");
    rig.type_pin(PIN);
    rig.touch("输好了");
}

fn go(rig: &Rig, labels: &[&str]) {
    sign_in(rig);
    for label in labels {
        rig.touch(label);
    }
}

#[test]
fn a_card_pulled_on_any_page_leaves_nothing_of_its_holder() {
    let rig = Rig::open(1080, 1920);
    for (name, way) in WAYS {
        rig.insert();
        way(&rig);
        rig.pull();
        assert!(rig.says("卡已取走"), "{name}: {}", support::labels(rig.window()));
        rig.expect("没有办理任何业务");
        rig.assert_nobody();
        rig.wait(26);
        rig.expect("请问您要办什么？");
        rig.assert_nobody();
    }
    // The desk was told each time to forget as well.
    let closed = rig.done.borrow().iter().filter(|done| *done == "Close").count();
    assert_eq!(closed, WAYS.len());
}

#[test]
fn whoever_walks_away_is_asked_and_then_forgotten() {
    let rig = Rig::open(1080, 1920);
    for (name, way) in WAYS {
        rig.insert();
        way(&rig);
        rig.signals.borrow_mut().clear();
        rig.said();
        rig.wait(u64::from(IDLE_S) - 5);
        assert!(!rig.says("您还在吗？"), "{name}");
        rig.wait(5);
        assert!(rig.says("您还在吗？"), "{name}: {}", support::labels(rig.window()));
        assert!(rig.signals.borrow().contains(&Signal::Attention), "{name}");
        assert!(!rig.said().is_empty());
        // At least twenty seconds to answer.
        rig.wait(20);
        rig.expect("您还在吗？");
        rig.wait(u64::from(WARNING_S) - 20);
        rig.expect("请取走您的社保卡");
        rig.expect("已经自动退出");
        rig.assert_nobody();
        // The machine calls until the card is taken.
        rig.signals.borrow_mut().clear();
        rig.wait(15);
        assert_eq!(rig.signals.borrow().iter().filter(|signal| **signal == Signal::Attention).count(), 3);
        rig.pull();
        rig.expect("请问您要办什么？");
    }
}

#[test]
fn one_touch_is_enough_to_stay_and_loses_nothing() {
    let rig = Rig::open(1080, 1920);
    rig.insert();
    rig.press("用密码");
    rig.type_pin("314");
    // More than ten times, as often as somebody needs.
    for _ in 0..12 {
        rig.wait(u64::from(IDLE_S) + 10);
        rig.expect("您还在吗？");
        rig.press("我还在");
        rig.expect("已输入 3 位");
    }
    rig.type_pin("159");
    rig.touch("输好了");
    rig.expect("王女士，请问要办什么？");
}

#[test]
fn wrong_pins_are_said_and_a_blocked_one_ends_it() {
    let rig = Rig::open_with(1080, 1920, false);
    rig.insert();
    // Without a sensor the PIN is asked for at once.
    for left in [2, 1] {
        rig.type_pin("000000");
        rig.touch("输好了");
        rig.expect(&format!("还可以输入 {left} 次"));
        rig.expect("已输入 0 位");
    }
    rig.type_pin("000000");
    rig.touch("输好了");
    rig.expect("没有办成");
    assert!(!rig.says("再试一次"));
    let verified = rig.done.borrow().iter().filter(|done| *done == "Verify").count();
    assert_eq!(verified, 3);
}

#[test]
fn a_pin_is_never_on_the_screen_nor_spoken() {
    let rig = Rig::open(1080, 1920);
    rig.insert();
    rig.press("用密码");
    rig.said();
    rig.type_pin(PIN);
    rig.expect("已输入 6 位");
    assert!(!rig.says(PIN));
    // Not even which digit stands where is told to whoever listens.
    for digit in 0..10 {
        let label = digit.to_string();
        assert!(
            support::find(rig.window(), i_slint_backend_testing::AccessibleRole::Button, &label).is_none(),
            "{label}"
        );
    }
    rig.press("读给我听");
    let said = rig.said();
    assert!(!said.is_empty());
    assert!(said.iter().all(|speech| !speech.text().chars().any(|letter| letter.is_ascii_digit())));
    // Too short a PIN is not handed in.
    rig.press("全部清除");
    rig.type_pin("314");
    rig.press("输好了");
    assert!(rig.waiting().is_empty());
}

#[test]
fn amounts_are_only_spoken_when_asked_for() {
    let rig = Rig::open(1080, 1920);
    rig.sign_in();
    rig.said();
    rig.touch("查医保余额");
    assert!(rig.said().is_empty());
    rig.press("读给我听");
    let said = rig.said();
    assert_eq!(said.len(), 1);
    assert!(said[0].text().contains("二千五百三十六元四角"), "{}", said[0].text());
    assert!(!said[0].text().contains('王'));
}

#[test]
fn two_touches_are_one() {
    let rig = Rig::open(1080, 1920);
    rig.sign_in();
    rig.done.borrow_mut().clear();
    rig.press("养老金");
    if rig.says("养老金") {
        use ui::kiosk::state::{Input, Task};
        rig.face.feed(Input::Tile(Task::Pension));
        rig.face.feed(Input::Tile(Task::Account));
    }
    assert_eq!(rig.waiting(), ["Ask(Pensions)"]);
    rig.serve();
    rig.expect("3,120.00 元");
    rig.press("返回");
    rig.expect("王女士，请问要办什么");
}

#[test]
fn a_late_answer_reaches_nobody_else() {
    let rig = Rig::open(1080, 1920);
    rig.sign_in();
    rig.press("查医保余额");
    let command = rig.heard.borrow_mut().commands.remove(0);
    let ui::kiosk::work::Command::Ask { turn, ask } = command else { panic!("{command:?}") };
    rig.pull();
    rig.tell(Event::Answered { turn, answer: Box::new(Ok(data::answer(&ask, false))) });
    rig.assert_nobody();
    rig.expect("卡已取走");
    rig.insert();
    rig.tell(Event::Answered { turn, answer: Box::new(Ok(data::answer(&ask, false))) });
    assert!(!rig.says("2,536.40"));
}

#[test]
fn a_card_pulled_while_it_works_is_told_in_the_terminals_words() {
    let rig = Rig::open(1080, 1920);
    rig.insert();
    rig.press("用密码");
    rig.type_pin(PIN);
    rig.press("输好了");
    let command = rig.heard.borrow_mut().commands.remove(0);
    let ui::kiosk::work::Command::Verify { turn } = command else { panic!("{command:?}") };
    let stop = data::stop(terminal::session::SessionError::PinUnknown {
        error: hal::slot::SlotError::Removed { outcome: hal::slot::Outcome::Unknown },
    });
    rig.tell(Event::Verified { turn, verified: Err(stop) });
    rig.pull();
    rig.expect("卡已取走");
    rig.expect("这不是密码错误");
    rig.assert_nobody();
}

#[test]
fn another_card_is_refused_and_given_back() {
    let rig = Rig::open(1080, 1920);
    for error in [
        terminal::session::SessionError::ForeignCard,
        terminal::session::SessionError::HealthCard,
        terminal::session::SessionError::CardBlocked,
        terminal::session::SessionError::Forged,
    ] {
        let stop: Stop = data::stop(error);
        let what = stop.trouble.what(Locale::Simplified);
        rig.cards.borrow_mut().push(Err(stop));
        rig.insert();
        rig.expect(&what);
        rig.expect("请取走您的社保卡");
        rig.pull();
        rig.expect("请问您要办什么？");
    }
}

#[test]
fn the_language_may_be_switched_and_the_window_resized_in_the_middle() {
    let rig = Rig::open(1080, 1920);
    rig.sign_in();
    rig.touch("看病和报销记录");
    rig.touch("市第一医院 860.00 元");
    rig.expect("起付线 200.00 元");
    rig.speak(Locale::English);
    support::wait(20);
    rig.expect("Deductible ¥200.00");
    for (width, height) in [(1024, 600), (1920, 1080), (1280, 800), (1080, 1920)] {
        support::show(rig.window(), width, height);
        rig.expect("Total fee ¥860.00");
    }
    rig.speak(Locale::Traditional);
    support::wait(20);
    rig.expect("起付線 200.00 元");
    rig.pull();
    rig.expect("卡已取走");
    rig.wait(26);
    // The next person begins in the terminal's own language.
    rig.expect("请问您要办什么？");
}

#[test]
fn larger_type_and_contrast_end_with_the_person() {
    let rig = Rig::open(1080, 1920);
    rig.press("字再大些");
    rig.press("高对比");
    rig.expect("字小一些");
    rig.sign_in();
    rig.expect("字小一些");
    rig.touch("结束，取卡");
    rig.pull();
    rig.expect("字再大些");
}

#[test]
fn a_card_that_was_left_in_before_the_terminal_opened_is_read() {
    let rig = Rig::closed(1080, 1920);
    rig.tell(Event::Slot(Slot::CardIn));
    assert!(rig.waiting().is_empty());
    rig.tell(Event::Ready(ui::kiosk::work::Ready::default()));
    rig.serve();
    rig.expect("请输入社保卡密码");
}

#[test]
fn an_old_proof_is_asked_for_again_and_the_question_goes_on() {
    let rig = Rig::open_with(1080, 1920, false);
    rig.insert();
    rig.type_pin(PIN);
    rig.touch("输好了");
    rig.press("养老金");
    let command = rig.heard.borrow_mut().commands.remove(0);
    let ui::kiosk::work::Command::Ask { turn, .. } = command else { panic!("{command:?}") };
    let stop = Stop::of(terminal::error::Error::Proof(terminal::holder::ProofError::ProofFirst));
    rig.tell(Event::Answered { turn, answer: Box::new(Err(stop)) });
    rig.expect("请输入社保卡密码");
    rig.type_pin(PIN);
    rig.touch("输好了");
    rig.expect("3,120.00 元");
}

#[test]
fn a_broken_desk_says_that_the_machine_is_out_of_service() {
    let rig = Rig::open(1080, 1920);
    rig.sign_in();
    rig.face.told(ui::desk::Told::Broken);
    support::wait(20);
    rig.assert_nobody();
    assert!(!rig.says("请问您要办什么"));
}

#[test]
fn a_machine_that_takes_no_fingers_says_so_and_asks_nobody_to_press() {
    let rig = Rig::open_with(1080, 1920, false);
    rig.insert();
    rig.type_pin(PIN);
    rig.touch("输好了");
    rig.touch("养老待遇资格认证");
    rig.touch("现在认证");
    rig.expect("本机现在不能按指纹");
    rig.expect("到服务窗口办理");
    assert!(!rig.done.borrow().iter().any(|done| done.contains("Finger")));
    rig.press("返回");
    rig.expect("现在认证");
}
