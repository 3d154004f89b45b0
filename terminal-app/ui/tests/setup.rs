//! The installer's wizard, page by page, by its labels, in every language; and what it must never do.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::{cell::RefCell, rc::Rc};

use edge::indicator::Sign;
use edge::{
    checks::Health,
    data_dir::DataDir,
    failure::{EdgeError, Failure},
    fill::Ended,
    options::Options,
    setup::{Found, FoundSlot},
};
use hal::{indicator::IndicatorError, pin_pad::Prompt};
use i_slint_backend_testing::AccessibleRole;
use protocol::{id::TransactionId, signature::PublicKey, timestamp::Timestamp};
use slint::{ComponentHandle, platform::Key};
use support::{Pictures, expect, find, key, press, says, show, type_text};
use terminal::{
    language::Language,
    progress::Progress,
    setup::{
        Answer, CenterChosen, DevicesChosen, Enrolled, Face, Filled, Fingerprint, KeysMade, Outcome,
        PlaceChosen, Reported, SelfTested, Setup, Tested, Trained,
    },
};
use ui::{
    SetupWindow, Start,
    desk::{Outlet, Told, Typed},
    locale::Locale,
    setup::{Command, Event, MetCenter, Row, Screen},
    trouble::Trouble,
};

const FINGERPRINT: &str = "3A56948506920480F1A7DAC1D734956DCB290E317E96317D22A1EED93D680BA8";

/// A wizard in a window without a display, and what it has asked for.
struct Bench {
    window: SetupWindow,
    screen: Rc<Screen>,
    wishes: Rc<RefCell<Vec<String>>>,
    last: RefCell<Option<Setup>>,
    folder: tempfile::TempDir,
}

/// Writes down what the wizard wishes.
struct Wishes(Rc<RefCell<Vec<String>>>);

impl Outlet<Command> for Wishes {
    fn ask(&self, command: Command) -> bool {
        self.0.borrow_mut().push(format!("{command:?}"));
        true
    }

    fn typed(&self, typed: Typed) {
        self.0.borrow_mut().push(format!("Typed {:?}", typed.map(|digits| digits.len())));
    }

    fn halt(&self) {
        self.0.borrow_mut().push("Halt".to_owned());
    }
}

impl Bench {
    fn new(width: u32, height: u32) -> Self {
        support::begin();
        let folder = tempfile::tempdir().unwrap();
        let window = SetupWindow::new().unwrap();
        let start = Start {
            options: Options::new(DataDir::choose(Some(folder.path().join("data")), |_| None).unwrap()),
            locale: Locale::Simplified,
            full_screen: false,
            tell_pages: false,
        };
        let screen = Screen::new(&window, &start);
        let wishes = Rc::<RefCell<Vec<String>>>::default();
        screen.connect(Box::new(Wishes(Rc::clone(&wishes))));
        show(&window, width, height);
        Bench { window, screen, wishes, last: RefCell::default(), folder }
    }

    fn event(&self, event: Event) {
        self.screen.told(Told::Event(event));
        support::wait(20);
    }

    fn stand(&self, setup: &Setup) {
        *self.last.borrow_mut() = Some(setup.clone());
        self.event(Event::Standing(Box::new(setup.clone())));
    }

    /// What was asked for since this was last called.
    fn wishes(&self) -> Vec<String> {
        std::mem::take(&mut *self.wishes.borrow_mut())
    }

    fn speak(&self) -> impl Fn(Locale) + '_ {
        |locale| {
            self.wishes();
            self.screen.on(ui::setup::Input::Language(locale));
            let asked = self.wishes();
            // The desk has written it down.
            if let (Some(last), false) = (&*self.last.borrow(), asked.is_empty()) {
                self.event(Event::Standing(Box::new(last.clone())));
            }
        }
    }
}

fn fingerprint() -> Fingerprint {
    FINGERPRINT.parse().unwrap()
}

fn at() -> Timestamp {
    Timestamp(1_795_500_000_000)
}

fn devices() -> DevicesChosen {
    DevicesChosen {
        card: Some("Reader 00 00".into()),
        psam: Some("Reader 00 01".into()),
        ..Default::default()
    }
}

/// A set-up in which this many steps are settled.
fn settled(steps: usize) -> Setup {
    let center =
        CenterChosen::compared("https://center:8444", "https://center:8443", fingerprint(), fingerprint());
    let check = |name: &str, title: &str, outcome, text: &str| Tested {
        name: name.into(),
        title: title.into(),
        outcome,
        text: text.into(),
    };
    let answers = [
        Answer::Language(Language::Chinese),
        Answer::Place(PlaceChosen { terminal: "320300000001".parse().unwrap(), face: Face::Counter }),
        Answer::Devices(devices()),
        Answer::Center(center.unwrap()),
        Answer::Enrolment(Enrolled {
            city: card_spec::region::RegionCode::parse("320300").unwrap(),
            institution_code: "H32030000001".into(),
            institution_name: "市第一人民医院".into(),
            level: 3,
            certificate_until: at(),
            certificate: fingerprint(),
        }),
        Answer::Keys(KeysMade { identity: PublicKey([7; 32]), has_supervisor: true }),
        Answer::Fill(Filled { cursor: 1_000, newest: 1_000, rules_revision: 1, clock_offset_ms: Some(12) }),
        Answer::SelfTest(SelfTested {
            at: at(),
            program: "0.1.0".into(),
            checks: vec![check("reader", "读卡器", Outcome::Good, "Reader 00 00")],
        }),
        Answer::Training(Trained {
            transaction: TransactionId([9; 16]),
            sequence: 1,
            printed: Some(true),
            at: at(),
        }),
        Answer::Report(Reported {
            digest: FINGERPRINT.to_lowercase(),
            file: "/var/lib/jinbao/commissioning.pdf".into(),
            at: at(),
        }),
    ];
    let mut setup = Setup::new(at());
    for answer in answers.into_iter().take(steps) {
        setup.settle(answer).unwrap();
    }
    setup
}

fn found(psam: bool, card: bool) -> Found {
    Found {
        service: true,
        service_version: Some("1.9.9".into()),
        slots: vec![
            FoundSlot { name: "Reader 00 00".into(), has_chip: card, is_psam: false },
            FoundSlot { name: "Reader 00 01".into(), has_chip: psam, is_psam: psam },
        ],
        lines: vec!["/dev/ttyUSB0".into(), "/dev/ttyUSB1".into()],
        ..Found::default()
    }
}

fn met(took_ms: u64) -> MetCenter {
    MetCenter {
        address: "https://center:8444".into(),
        enrolment: "https://center:8443".into(),
        fingerprint: fingerprint(),
        authority: "徐州市社会保障卡中心".into(),
        took_ms,
        offset_ms: Some(-800),
        clock_is_off: false,
    }
}

fn no_line() -> Trouble {
    Trouble::of(&Failure::from(IndicatorError::LineInUse { line: 27 }))
}

fn trouble() -> Trouble {
    Trouble::of(&Failure::Edge(EdgeError::NotEnrolled))
}

#[test]
fn every_page_in_every_language() {
    // The panel that installers meet, in each language; others in the first one.
    for (width, height) in [(1024, 600), (1280, 800), (1920, 1080)] {
        let bench = Bench::new(width, height);
        let pictures = Pictures::of("setup");
        let take = |name: &str| {
            support::wait(20);
            support::buttons_are_large(&bench.window, 44.0);
            if width == 1024 {
                pictures.take_all(&bench.window, name, bench.speak());
            } else {
                pictures.take(&bench.window, name);
            }
        };
        take("00-opening");
        bench.stand(&settled(0));
        take("01-language");
        bench.stand(&settled(1));
        take("02-place");
        bench.stand(&settled(2));
        bench.event(Event::Found(Found::default()));
        take("03-devices-none");
        bench.event(Event::Found(found(true, true)));
        take("03-devices");
        bench.screen.on(ui::setup::Input::Lamps);
        take("03-lamps");
        bench.screen.on(ui::setup::Input::UsualLines);
        bench.event(Event::Lamp(Sign::Ready, Ok(())));
        bench.screen.on(ui::setup::Input::Lit(true));
        bench.event(Event::Lamp(Sign::Fault, Ok(())));
        bench.screen.on(ui::setup::Input::Lit(false));
        bench.event(Event::Lamp(Sign::Buzzer, Ok(())));
        take("03-lamps-asked");
        bench.event(Event::Lamp(Sign::Busy, Err(no_line())));
        take("03-lamps-no-line");
        bench.screen.on(ui::setup::Input::Back);
        take("03-devices-lamps");
        bench.stand(&settled(3));
        take("04-center");
        bench.event(Event::Met(met(23)));
        take("04-center-met");
        bench.event(Event::Met(MetCenter { offset_ms: Some(3_780_000), clock_is_off: true, ..met(23) }));
        take("04-center-clock");
        bench.stand(&settled(4));
        take("05-enrolment");
        bench.event(Event::Failed(trouble()));
        take("05-enrolment-refused");
        bench.stand(&settled(5));
        take("06-keys");
        bench.stand(&settled(6));
        bench.event(Event::FilledTo { cursor: 400, newest: 1_000 });
        take("07-fill");
        bench.stand(&settled(7));
        for at in 0..9 {
            bench.event(Event::Checked(Row {
                health: [Health::Good, Health::Good, Health::Look, Health::Bad, Health::NotChecked][at % 5],
                title: ["读卡器", "PSAM", "证书", "打印机", "指纹仪"][at % 5].into(),
                text: ["Reader 00 00", "320300000001", "30 天后到期", "缺纸", "没有"][at % 5].into(),
                advice: ["", "", "保持联网即可自动续期", "打开前盖，放入 80 mm 纸卷", ""][at % 5].into(),
            }));
        }
        take("08-self-test");
        bench.stand(&settled(8));
        take("09-training");
        bench.screen.on(ui::setup::Input::Next(Default::default()));
        bench.screen.told(Told::Pin(Prompt::Pin));
        type_text(&bench.window, "1234");
        take("09-training-pin");
        key(&bench.window, Key::Escape);
        bench.screen.told(Told::PinOver);
        bench.screen.told(Told::Progress(Progress::LeaveCard));
        take("09-training-under-way");
        bench.event(Event::Trained(vec!["培训 TRAINING".into(), "医疗费总额 100.00".into()]));
        bench.stand(&settled(9));
        take("10-report");
        bench.stand(&settled(10));
        take("11-done");
        pictures.compare();
    }
}

#[test]
fn from_a_bare_machine_to_the_report_by_keys_and_presses() {
    let bench = Bench::new(1024, 600);
    let window = &bench.window;
    bench.stand(&settled(0));
    expect(window, AccessibleRole::RadioButton, "简体中文").invoke_accessible_default_action();
    assert_eq!(bench.wishes(), ["Language"]);

    bench.stand(&settled(1));
    bench.wishes();
    // The number has the focus: it is typed at once, and a short one is not sent.
    type_text(window, "3203");
    key(window, Key::Return);
    assert!(says(window, "应为 12 位数字") && bench.wishes().is_empty());
    type_text(window, "00000001");
    expect(window, AccessibleRole::RadioButton, "自助终端").invoke_accessible_default_action();
    press(window, "下一步");
    assert_eq!(bench.wishes(), ["Place"]);
    // A second press while the first is done is none.
    press(window, "下一步");
    assert!(bench.wishes().is_empty());

    bench.stand(&settled(2));
    bench.wishes();
    bench.event(Event::Found(Found::default()));
    assert!(
        says(window, "没有读卡器")
            && !expect(window, AccessibleRole::Button, "下一步").accessible_enabled().unwrap()
    );
    bench.event(Event::Found(found(false, false)));
    assert!(says(window, "先装好 PSAM"));
    bench.event(Event::Found(found(true, false)));
    press(window, "/dev/ttyUSB1");
    assert_eq!(bench.wishes(), ["TrySensor"]);
    bench.event(Event::Sensor { device: "/dev/ttyUSB1".into(), said: Ok("0009, 300".into()) });
    assert!(says(window, "/dev/ttyUSB1 · 0009, 300"));
    press(window, "下一步");
    assert_eq!(bench.wishes(), ["Devices"]);

    bench.stand(&settled(3));
    bench.wishes();
    type_text(window, "http://center:8443");
    key(window, Key::Return);
    type_text(window, "https://center:8444");
    key(window, Key::Return);
    assert!(says(window, "地址应以 https:// 开头") && bench.wishes().is_empty(), "not encrypted");
    bench.screen.on(ui::setup::Input::Meet(ui::setup::Form {
        address: "https://center:8444".into(),
        enrolment: "https://center:8443".into(),
        ..Default::default()
    }));
    assert_eq!(bench.wishes(), ["Meet"]);
    let met = MetCenter {
        address: "https://center:8444".into(),
        enrolment: "https://center:8443".into(),
        fingerprint: fingerprint(),
        authority: "center".into(),
        took_ms: 20,
        offset_ms: Some(3_780_000),
        clock_is_off: true,
    };
    bench.event(Event::Met(met.clone()));
    for group in fingerprint().groups() {
        assert!(says(window, group));
    }
    assert!(says(window, "本机时钟比中心慢 1 小时 3 分"));
    set_field(&bench, "登记地址", "https://center:8443");
    press(window, "调好了，再连一次");
    assert_eq!(bench.wishes(), ["Meet"]);
    bench.event(Event::Met(met.clone()));
    press(window, "有不同，停止");
    assert!(says(window, "没有发送任何内容") && bench.wishes().is_empty());
    bench.event(Event::Met(met));
    press(window, "完全一致");
    assert_eq!(bench.wishes(), ["Center"]);

    bench.stand(&settled(4));
    bench.wishes();
    key(window, Key::Return);
    assert!(says(window, "请输入登记码"));
    type_text(window, "ABCD-EFGH");
    key(window, Key::Return);
    assert_eq!(bench.wishes(), ["Enrol"]);
    bench.event(Event::Failed(trouble()));
    assert!(says(window, &trouble().what(Locale::Simplified)));
    press(window, "下一步");
    assert_eq!(bench.wishes(), ["Enrol"], "it can be tried again");

    bench.stand(&settled(5));
    assert!(bench.wishes().is_empty());
    type_text(window, "0001");
    key(window, Key::Return);
    type_text(window, "secret-1");
    key(window, Key::Return);
    type_text(window, "secret-2");
    key(window, Key::Return);
    assert!(says(window, "两次输入不同") && !says(window, "secret-1"), "a secret is not read out");

    bench.stand(&settled(6));
    assert_eq!(bench.wishes(), ["Fill"], "it begins by itself");
    bench.event(Event::FilledTo { cursor: 10, newest: 100 });
    press(window, "暂停");
    assert_eq!(bench.wishes(), ["Halt"]);
    bench.event(Event::FillEnded(Ended::Stopped));
    press(window, "继续填充");
    assert_eq!(bench.wishes(), ["Fill"]);

    bench.stand(&settled(7));
    assert_eq!(bench.wishes(), ["SelfTest"]);
    bench.event(Event::Failed(trouble()));
    press(window, "再检查一遍");
    assert_eq!(bench.wishes(), ["SelfTest"]);

    bench.stand(&settled(8));
    bench.wishes();
    press(window, "下一步");
    assert_eq!(bench.wishes(), ["Train"]);
    bench.screen.told(Told::Pin(Prompt::Pin));
    support::wait(20);
    press(window, "1");
    type_text(window, "234567");
    key(window, Key::Backspace);
    key(window, Key::Return);
    assert_eq!(bench.wishes(), ["Typed Ok(6)"]);
    assert!(find(window, AccessibleRole::Button, "确定").is_none(), "the pad is gone");

    bench.stand(&settled(9));
    bench.wishes();
    press(window, "下一步");
    assert_eq!(bench.wishes(), ["Report"]);
    bench.stand(&settled(10));
    assert!(says(window, "这台终端可以交付使用了。") && says(window, "commissioning.pdf"));
    press(window, "关闭");
    assert!(bench.wishes().is_empty() && !bench.window.window().is_visible(), "it is handed over");
    drop(bench.folder);
}

#[test]
fn a_start_after_a_power_cut_goes_on_where_it_stopped() {
    for steps in 0..=10 {
        let bench = Bench::new(1024, 600);
        let setup = settled(steps);
        bench.stand(&setup);
        let wanted = setup.step().map(|step| step.name(Language::Chinese));
        let title = wanted.unwrap_or("安装完成");
        assert!(find(&bench.window, AccessibleRole::Text, title).is_some(), "{steps}: {title}");
    }
}

#[test]
fn what_was_plugged_in_before_the_wizard_came_there_is_taken_up() {
    let bench = Bench::new(1024, 600);
    bench.stand(&settled(0));
    bench.event(Event::Found(found(true, false)));
    bench.stand(&settled(2));
    assert!(expect(&bench.window, AccessibleRole::Button, "下一步").accessible_enabled().unwrap());
    assert!(says(&bench.window, "Reader 00 01"));
}

#[test]
fn the_language_is_switched_in_passing_and_the_page_stays() {
    let bench = Bench::new(1280, 800);
    bench.stand(&settled(4));
    bench.wishes();
    type_text(&bench.window, "AB12");
    press(&bench.window, "繁體");
    assert_eq!(bench.wishes(), ["Language"]);
    bench.stand(&settled(4));
    assert!(says(&bench.window, "一次性登記碼"));
    press(&bench.window, "English");
    bench.stand(&settled(4));
    assert!(says(&bench.window, "One-time code"));
    press(&bench.window, "Next");
    assert_eq!(bench.wishes().last().map(String::as_str), Some("Enrol"), "what was typed is still there");
}

#[test]
fn back_looks_and_changes_nothing() {
    let bench = Bench::new(1280, 800);
    bench.stand(&settled(8));
    bench.wishes();
    for title in ["自检", "资格库", "密钥", "登记", "中心", "设备", "终端与用途"] {
        press(&bench.window, "上一步");
        assert!(find(&bench.window, AccessibleRole::Text, title).is_some(), "{title}");
    }
    assert!(bench.wishes().is_empty());
    // The terminal's number stands; going on settles it again and leads to the next one.
    press(&bench.window, "下一步");
    assert_eq!(bench.wishes(), ["Place"]);
    bench.stand(&settled(8));
    assert!(says(&bench.window, "社保卡卡槽"));
}

#[test]
fn a_window_can_be_made_smaller_and_larger() {
    let bench = Bench::new(1920, 1080);
    bench.stand(&settled(2));
    bench.event(Event::Found(found(true, true)));
    for (width, height) in [(800, 480), (1024, 600), (1920, 1080), (1280, 800)] {
        bench.window.window().set_size(slint::PhysicalSize::new(width, height));
        support::wait(50);
        support::buttons_are_large(&bench.window, 44.0);
        let next = expect(&bench.window, AccessibleRole::Button, "下一步");
        let (position, size) = (next.absolute_position(), next.size());
        assert!(position.y + size.height <= height as f32 && position.x + size.width <= width as f32);
    }
}

#[test]
fn a_command_never_says_its_secret() {
    let command = Command::Enrol("ABCD-EFGH".to_owned().into());
    assert_eq!(format!("{command:?}"), "Enrol");
    let form = ui::setup::Form { code: "ABCD-EFGH".to_owned().into(), ..Default::default() };
    assert!(!format!("{form:?}").contains("ABCD"));
}

/// Each lamp has a line, is tried and looked at; what is chosen goes with the devices.
#[test]
fn lamps_are_tried_one_after_the_other_and_kept() {
    let bench = Bench::new(1280, 800);
    let window = &bench.window;
    bench.stand(&settled(2));
    bench.event(Event::Found(found(true, false)));
    bench.wishes();
    press(window, "指示灯和蜂鸣器…");
    // The first field has the focus. Without a line there is nothing to try.
    assert!(!expect(window, AccessibleRole::Button, "试亮：绿灯").accessible_enabled().unwrap());
    type_text(window, "17");
    press(window, "试亮：绿灯");
    assert_eq!(bench.wishes(), ["TryLamp"]);
    // While it shines nothing else is tried.
    press(window, "试亮：绿灯");
    assert!(bench.wishes().is_empty());
    bench.event(Event::Lamp(Sign::Ready, Ok(())));
    assert!(says(window, "亮了吗？"));
    press(window, "没亮");
    assert!(says(window, "检查接线"));
    press(window, "试亮：绿灯");
    bench.event(Event::Lamp(Sign::Ready, Ok(())));
    press(window, "亮了");
    assert!(says(window, "绿灯 正常"));
    // A line that somebody else has, one that is no number, one that is chosen twice.
    set_field(&bench, "蜂鸣器的引脚", "27");
    press(window, "试响：蜂鸣器");
    bench.event(Event::Lamp(Sign::Buzzer, Err(no_line())));
    assert!(says(window, "引脚 27 被占用"));
    bench.wishes();
    for wrong in ["x", "300", "17"] {
        set_field(&bench, "蜂鸣器的引脚", wrong);
        press(window, "好了");
        assert!(says(window, "每个只能用一次") && bench.wishes().is_empty(), "{wrong}");
    }
    set_field(&bench, "蜂鸣器的引脚", "23");
    press(window, "高电平点亮");
    assert!(find(window, AccessibleRole::Button, "低电平点亮").is_some());
    assert!(!says(window, "绿灯 正常"), "the other level is another lamp to look at");
    for (button, sign, yes) in [("试亮：绿灯", Sign::Ready, "亮了"), ("试响：蜂鸣器", Sign::Buzzer, "响了")]
    {
        press(window, button);
        bench.event(Event::Lamp(sign, Ok(())));
        press(window, yes);
    }
    press(window, "好了");
    assert!(says(window, "绿 17, 蜂鸣器 23, 低电平点亮"));
    bench.wishes();
    press(window, "下一步");
    assert_eq!(bench.wishes(), ["Devices"]);
    let chosen = bench.screen.with(|wizard| wizard.devices.pins).unwrap();
    assert_eq!((chosen.ready, chosen.busy, chosen.buzzer, chosen.low), (Some(17), None, Some(23), true));
}

fn set_field(bench: &Bench, label: &str, text: &str) {
    expect(&bench.window, AccessibleRole::TextInput, label).set_accessible_value(text);
    support::wait(20);
}

/// What hangs on the reader board needs no line.
#[test]
fn lamps_of_the_board_are_tried_without_a_line() {
    let bench = Bench::new(1920, 1080);
    bench.stand(&settled(2));
    bench.event(Event::Found(Found { boards: vec!["Jinbao board 00 00".into()], ..found(true, false) }));
    assert!(says(&bench.window, "在读卡主板上"));
    press(&bench.window, "指示灯和蜂鸣器…");
    bench.wishes();
    press(&bench.window, "试亮：红灯");
    assert_eq!(bench.wishes(), ["TryLamp"]);
    bench.event(Event::Lamp(Sign::Fault, Ok(())));
    press(&bench.window, "亮了");
    key(&bench.window, Key::Escape);
    assert!(find(&bench.window, AccessibleRole::Button, "下一步").is_some());
    assert_eq!(bench.screen.with(|wizard| wizard.devices.pins), None);
}

#[test]
fn a_kiosk_is_told_how_many_sentences_are_recorded() {
    let bench = Bench::new(1920, 1080);
    bench.stand(&settled(2));
    let recorded = edge::voice::Recorded { chinese: (12, 38), english: (0, 18) };
    bench.event(Event::Found(Found { recorded, ..found(true, false) }));
    assert!(!says(&bench.window, "语音录音"), "a counter says nothing");
    bench.screen.on(ui::setup::Input::Role(Face::Kiosk));
    assert!(says(&bench.window, "普通话 12 / 38"));
}
