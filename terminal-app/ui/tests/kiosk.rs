//! The kiosk, page by page, by its labels; each page as a picture in each language.
#![allow(clippy::unwrap_used, reason = "tests")]

mod kiosk_rig;
mod support;

use kiosk_rig::{PIN, Rig, data};
use support::Pictures;
use ui::kiosk::{
    state::Input,
    work::{Earlier, Event, Opened},
};

/// Least height and width of what is pressed at 1080 × 1920.
const TOUCH: f32 = 96.0;

fn picture(rig: &Rig, pictures: &Pictures, name: &str) {
    support::buttons_are_large(rig.window(), TOUCH);
    pictures.take_all(rig.window(), name, |locale| rig.speak(locale));
}

#[test]
fn before_a_card() {
    let rig = Rig::closed(1080, 1920);
    let pictures = Pictures::of("kiosk");
    rig.expect("正在准备");
    picture(&rig, &pictures, "starting");
    rig.tell(Event::Closed(data::stop(terminal::session::SessionError::NoPsam).trouble.as_ref().clone()));
    rig.expect("本机暂停服务");
    picture(&rig, &pictures, "out of service");
    rig.tell(Event::Ready(ui::kiosk::work::Ready {
        place: "清河街道便民服务中心".into(),
        printer: true,
        finger: true,
        training: false,
    }));
    rig.expect("请问您要办什么？");
    picture(&rig, &pictures, "home");
    rig.touch("查医保余额");
    rig.expect("请插入社保卡");
    picture(&rig, &pictures, "insert");
    rig.tell(Event::Slot(ui::upkeep::Slot::CardIn));
    rig.expect("正在读卡");
    picture(&rig, &pictures, "reading");
    rig.serve();
    rig.expect("王女士，您好");
    picture(&rig, &pictures, "identify");
    rig.press("用密码");
    rig.type_pin("3141");
    rig.expect("已输入 4 位");
    picture(&rig, &pictures, "pin");
    pictures.compare();
}

#[test]
fn what_the_card_and_the_center_say() {
    let rig = Rig::open(1080, 1920);
    let pictures = Pictures::of("kiosk");
    rig.cards.borrow_mut().push(Ok(Opened { earlier: Some(Earlier::NotDone), ..data::opened() }));
    rig.sign_in();
    picture(&rig, &pictures, "menu");
    for (tile, says, name) in [
        ("查医保余额", "2,536.40 元", "account"),
        ("查缴费记录", "欠缴", "contributions"),
        ("看病和报销记录", "市中医院", "treatments"),
        ("养老金", "3,120.00 元", "pension"),
        ("要交的费", "400.00 元", "dues"),
        ("失业保险金", "领取中", "unemployment"),
        ("我的卡和挂失", "已换新卡", "cards"),
    ] {
        rig.touch(tile);
        rig.expect(says);
        picture(&rig, &pictures, name);
        if name == "treatments" {
            rig.touch("市第一医院 860.00 元");
            rig.expect("起付线 200.00 元");
            picture(&rig, &pictures, "treatment");
            rig.press("返回");
        }
        if name == "contributions" {
            rig.touch("看更早的");
            rig.expect("2025年11月");
            assert!(rig.waiting().is_empty());
        }
        rig.press("返回");
        rig.expect("王女士，请问要办什么");
    }
    pictures.compare();
}

#[test]
fn certification_by_finger() {
    let rig = Rig::open(1080, 1920);
    let pictures = Pictures::of("kiosk");
    rig.sign_in();
    rig.touch("养老待遇资格认证");
    rig.expect("2026年12月15日");
    picture(&rig, &pictures, "certification");
    rig.fingers.borrow_mut().extend([Ok(data::dry_finger()), Ok(data::no_finger_decides())]);
    rig.press("现在认证");
    rig.expect("请按手指");
    picture(&rig, &pictures, "finger");
    rig.serve();
    rig.expect("手指太干");
    picture(&rig, &pictures, "finger again");
    rig.touch("再按一次");
    rig.expect("指纹没有认出来");
    picture(&rig, &pictures, "no finger decides");
    rig.press("返回");
    rig.touch("现在认证");
    rig.expect("认证成功");
    rig.expect("2027年11月24日");
    picture(&rig, &pictures, "certified");
    // What was done is not undone by going back to it.
    rig.press("返回");
    rig.expect("王女士，请问要办什么");
    assert_eq!(rig.done.borrow().iter().filter(|done| done.contains("Certify")).count(), 1);
    pictures.compare();
}

#[test]
fn a_strangers_finger_and_a_sensor_that_goes_away() {
    let rig = Rig::open(1080, 1920);
    let pictures = Pictures::of("kiosk");
    rig.insert();
    rig.fingers.borrow_mut().extend([Ok(data::strangers_finger(Some(2))), Ok(data::sensor_away())]);
    rig.touch("用指纹");
    rig.expect("这个手指和卡里登记的不一样");
    rig.expect("再按一次手指");
    assert!(!rig.says("请问要办什么"), "nothing is shown");
    picture(&rig, &pictures, "stranger's finger");
    rig.touch("再按一次");
    rig.expect("指纹仪没有反应");
    rig.expect("请改用密码，照样可以办");
    assert!(!rig.says("不是您的错") && !rig.says("手指肚平放"), "it is not the finger's fault");
    picture(&rig, &pictures, "sensor away");
    rig.press("改用密码");
    rig.type_pin(PIN);
    rig.touch("输好了");
    rig.expect("王女士，请问要办什么");
    // For the certification the PIN is no way round.
    rig.fingers.borrow_mut().push(Ok(data::sensor_away()));
    rig.touch("养老待遇资格认证");
    rig.touch("现在认证");
    rig.expect("以前的认证不受影响");
    assert!(!rig.says("改用密码"));
    picture(&rig, &pictures, "sensor away, certification");
    // Plugged in again.
    rig.touch("再试一次指纹");
    rig.expect("认证成功");
    pictures.compare();
}

#[test]
fn the_pin_is_changed() {
    let rig = Rig::open(1080, 1920);
    let pictures = Pictures::of("kiosk");
    rig.sign_in();
    rig.touch("修改密码");
    rig.type_pin(PIN);
    rig.press("输好了");
    rig.expect("请输入新密码");
    rig.type_pin("271828");
    picture(&rig, &pictures, "new PIN");
    rig.press("输好了");
    rig.type_pin("271829");
    rig.touch("输好了");
    rig.expect("两次输入的新密码不一致");
    picture(&rig, &pictures, "new PINs differ");
    for pin in [PIN, "271828", "271828"] {
        rig.type_pin(pin);
        rig.touch("输好了");
    }
    rig.expect("密码改好了");
    picture(&rig, &pictures, "PIN changed");
    assert_eq!(*rig.pin.borrow(), "271828");
    pictures.compare();
}

#[test]
fn a_card_is_lost() {
    let rig = Rig::open(1080, 1920);
    let pictures = Pictures::of("kiosk");
    rig.sign_in();
    rig.touch("我的卡和挂失");
    rig.touch("卡丢了，要挂失");
    picture(&rig, &pictures, "which card is lost");
    rig.touch("别的卡丢了");
    picture(&rig, &pictures, "loss, asked");
    rig.touch("看清了，继续");
    picture(&rig, &pictures, "loss, asked again");
    assert!(!rig.done.borrow().iter().any(|done| done.contains("ReportLoss")));
    rig.touch("确定挂失");
    rig.expect("已经挂失");
    picture(&rig, &pictures, "locked");
    rig.press("结束，取卡");
    rig.serve();
    rig.expect("请取走您的社保卡");
    rig.assert_nobody();
    picture(&rig, &pictures, "take the card");
    rig.pull();
    rig.expect("请问您要办什么？");

    // The same without a card: number and name, no Chinese keyboard.
    rig.touch("卡丢了，要挂失");
    rig.touch("看清了，继续");
    rig.type_number("11010519491231002X");
    picture(&rig, &pictures, "number");
    rig.press("下一步");
    for letter in ["W", "A", "N", "G"] {
        rig.press(letter);
    }
    picture(&rig, &pictures, "name");
    rig.press("王");
    for letter in ["F", "A", "N", "G"] {
        rig.press(letter);
    }
    rig.press("芳");
    rig.press("下一步");
    rig.expect("110105 1949 1231 002X");
    rig.expect("王芳");
    picture(&rig, &pictures, "loss without card, asked again");
    rig.touch("确定挂失");
    rig.expect("已经挂失");
    assert!(!rig.says("王芳") && !rig.says("1949"));
    pictures.compare();
}

#[test]
fn work_is_sought() {
    let rig = Rig::open(1080, 1920);
    let pictures = Pictures::of("kiosk");
    rig.sign_in();
    rig.touch("求职登记");
    picture(&rig, &pictures, "not registered");
    rig.touch("现在登记");
    picture(&rig, &pictures, "what work");
    rig.touch("餐饮、厨房");
    picture(&rig, &pictures, "what wage");
    rig.touch("3000 元以上");
    rig.type_number("13800000001");
    picture(&rig, &pictures, "telephone");
    rig.press("下一步");
    picture(&rig, &pictures, "work, asked");
    rig.touch("对，登记");
    rig.expect("餐饮、厨房");
    rig.expect("3,000.00 元");
    picture(&rig, &pictures, "registered");
    rig.touch("看附近岗位");
    rig.expect("社区保洁员");
    pictures.compare();
}

#[test]
fn what_anybody_may_know() {
    let rig = Rig::open(1080, 1920);
    let pictures = Pictures::of("kiosk");
    rig.touch("政策问答");
    picture(&rig, &pictures, "topics");
    rig.touch("医疗保险 3 篇");
    picture(&rig, &pictures, "articles");
    rig.touch("到外地看病怎样备案");
    rig.expect("市人社发〔2026〕12 号");
    picture(&rig, &pictures, "article");
    rig.press("手机扫码");
    rig.expect("用手机扫一扫");
    picture(&rig, &pictures, "code");
    rig.press("知道了");
    rig.press("打印");
    picture(&rig, &pictures, "printing");
    rig.serve();
    rig.expect("打印好了");
    rig.press("知道了");
    rig.paper_out.set(true);
    rig.touch("打印");
    rig.expect("没有打印出来");
    picture(&rig, &pictures, "no paper");
    rig.press("知道了");
    rig.press("返回");
    rig.press("返回");
    rig.touch("按拼音字母找");
    rig.press("S");
    rig.press("B");
    rig.press("K");
    rig.expect("社保卡丢了怎么办");
    assert!(!rig.says("到外地看病"));
    picture(&rig, &pictures, "letters");
    rig.touch("社保卡丢了怎么办");
    rig.expect("参保人员可以");
    rig.press("返回");
    rig.press("返回");
    rig.press("返回");
    rig.expect("请问您要办什么？");

    rig.touch("找办事网点");
    rig.expect("1.2 公里");
    picture(&rig, &pictures, "offices");
    rig.touch("市社会保险事业中心城东办事处 1.2 公里");
    rig.expect("周一至周五");
    picture(&rig, &pictures, "office");
    rig.press("返回");
    rig.press("返回");
    rig.offline.set(true);
    rig.touch("招聘岗位");
    rig.expect("3 小时前");
    picture(&rig, &pictures, "vacancies, offline");
    rig.touch("包装工（白班） 每月 4200–5600 元");
    rig.expect("晨光食品厂");
    picture(&rig, &pictures, "vacancy, offline");
    pictures.compare();
}

#[test]
fn what_lies_over_a_page() {
    let rig = Rig::open(1080, 1920);
    let pictures = Pictures::of("kiosk");
    rig.press("语言 Language");
    picture_once(&rig, &pictures, "languages");
    rig.press("English");
    rig.expect("What would you like to do?");
    rig.speak(ui::locale::Locale::Simplified);
    rig.press("叫工作人员");
    rig.serve();
    rig.expect("已经在叫工作人员");
    picture(&rig, &pictures, "staff is called");
    rig.press("知道了");
    rig.touch("政策问答");
    rig.wait(60);
    rig.expect("您还在吗？");
    // A switch of the language closes the question: each is taken by itself.
    picture_once(&rig, &pictures, "still there");
    pictures.compare();
}

fn picture_once(rig: &Rig, pictures: &Pictures, name: &str) {
    support::buttons_are_large(rig.window(), TOUCH);
    pictures.take(rig.window(), name);
}

#[test]
fn while_the_center_is_away() {
    let rig = Rig::open(1080, 1920);
    let pictures = Pictures::of("kiosk");
    rig.sign_in();
    rig.offline.set(true);
    rig.touch("查医保余额");
    rig.expect("2,536.40 元");
    rig.expect("卡上最近的记录");
    picture(&rig, &pictures, "account, offline");
    rig.press("返回");
    rig.touch("养老金");
    rig.expect("没有办成");
    picture(&rig, &pictures, "offline");
    rig.offline.set(false);
    rig.touch("再试一次");
    rig.expect("3,120.00 元");
    rig.press("返回");
    rig.expect("王女士，请问要办什么？");
    // A certification needs no line.
    rig.offline.set(true);
    rig.touch("养老待遇资格认证");
    rig.expect("可以照常认证");
    picture(&rig, &pictures, "certification, offline");
    rig.touch("现在认证");
    rig.expect("认证成功");
    pictures.compare();
}

#[test]
fn a_card_that_is_pulled() {
    let rig = Rig::open(1080, 1920);
    let pictures = Pictures::of("kiosk");
    rig.sign_in();
    rig.touch("养老待遇资格认证");
    rig.touch("现在认证");
    rig.expect("认证成功");
    rig.pull();
    rig.expect("卡已取走");
    rig.expect("资格认证 已办好");
    picture(&rig, &pictures, "pulled, something was done");
    rig.wait(26);
    rig.expect("请问您要办什么？");
    rig.cards.borrow_mut().push(Err(data::stop(terminal::session::SessionError::ForeignCard)));
    rig.insert();
    rig.expect("请取走您的社保卡");
    picture(&rig, &pictures, "another kind of card");
    pictures.compare();
}

/// Every other size, larger type and high contrast, on the pages that matter most.
#[test]
fn other_screens_and_weak_eyes() {
    let pictures = Pictures::of("kiosk");
    let rig = Rig::open(1080, 1920);
    for (name, width, height, large, contrast) in [
        ("large type", 1080, 1920, true, false),
        ("high contrast", 1080, 1920, false, true),
        ("wide", 1920, 1080, false, false),
        ("wide large", 1920, 1080, true, true),
        ("small", 1280, 800, false, false),
        ("smallest", 1024, 600, false, false),
        ("smallest large", 1024, 600, true, true),
    ] {
        support::show(rig.window(), width, height);
        let look = |rig: &Rig| {
            if large {
                rig.face.feed(Input::Larger);
            }
            if contrast {
                rig.face.feed(Input::Contrast);
            }
            support::wait(20);
        };
        let take = |page: &str| {
            support::buttons_are_large(rig.window(), if height == 1920 { TOUCH } else { 48.0 });
            for (locale, language) in
                [(ui::locale::Locale::English, "en"), (ui::locale::Locale::Simplified, "zh")]
            {
                rig.speak(locale);
                support::wait(20);
                pictures.take(rig.window(), &format!("{name}: {page}.{language}"));
            }
        };
        look(&rig);
        take("home");
        rig.insert();
        rig.press("用密码");
        rig.type_pin("31415");
        take("pin");
        rig.type_pin("9");
        rig.touch("输好了");
        take("menu");
        rig.touch("查缴费记录");
        take("contributions");
        rig.press("返回");
        rig.touch("看病和报销记录");
        rig.touch("市第一医院 860.00 元");
        take("treatment");
        rig.press("返回");
        rig.press("返回");
        rig.pull();
        rig.wait(26);
        if height < 1920 {
            look(&rig);
            rig.touch("卡丢了，要挂失");
            rig.touch("看清了，继续");
            rig.type_number("110105194912");
            take("number");
            rig.type_number("31002X");
            rig.press("下一步");
            rig.press("W");
            take("name");
            rig.press("返回");
            rig.press("返回");
            rig.touch("不挂失了");
            rig.expect("请问您要办什么？");
            rig.wait(70);
        }
    }
    pictures.compare();
}
