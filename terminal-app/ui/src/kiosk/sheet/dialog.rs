//! Questions that the face asks, and what has come of them.

use card_spec::money::Fen;
use protocol::{calendar::Day, service::Locked};
use terminal::receipt::Slip;

use super::{Act, Banner, Ctx, Row, Sheet, Tone, fact, strong};
use crate::{
    kiosk::{
        ask::{Kind, Stop},
        content::{Content, Done, Loss},
    },
    locale::Locale,
};

/// Kinds of work that can be chosen without typing, as they are registered and in English.
pub const WISHES: [(&str, &str); 10] = [
    ("什么工作都可以", "Any work"),
    ("保洁", "Cleaning"),
    ("保安、门卫", "Guard, porter"),
    ("餐饮、厨房", "Restaurant, kitchen"),
    ("商店、超市", "Shop, supermarket"),
    ("工厂普工", "Factory work"),
    ("司机、送货", "Driving, delivery"),
    ("护理、家政", "Care, housekeeping"),
    ("建筑、装修", "Building, decorating"),
    ("办公室工作", "Office work"),
];

/// What a month should bring, in fen.
pub const WAGES: [Fen; 6] = [Fen::ZERO, Fen(200_000), Fen(300_000), Fen(400_000), Fen(500_000), Fen(600_000)];

pub(super) fn sheet(content: &Content, ctx: Ctx) -> Sheet {
    match content {
        Content::WhichCards => which_cards(ctx),
        Content::LossAsked(loss) => loss_asked(loss, ctx),
        Content::LossAskedAgain(loss) => loss_asked_again(loss, ctx),
        Content::Wish => choice(
            ctx.say("想找什么工作？", "What work do you seek?"),
            WISHES.iter().map(|(chinese, english)| ctx.say(chinese, english)),
        ),
        Content::Wage => choice(
            ctx.say("每月至少多少钱？", "What should a month bring at least?"),
            WAGES.iter().map(|wage| wage_words(*wage, ctx)),
        ),
        Content::WorkAsked { wish, wage, phone } => work_asked(*wish, *wage, phone, ctx),
        Content::PinChanged => Sheet {
            title: ctx.say("密码改好了", "The PIN is changed"),
            rows: vec![Row::Note(ctx.say(
                "从现在起用新密码。请记牢，不要告诉别人，也不要写在卡上。",
                "The new PIN is in force from now on. Keep it in mind, tell nobody, and do not write it on the card.",
            ))],
            acts: vec![(Act::Menu, ctx.say("继续办理", "Go on"))],
            ..Sheet::default()
        },
        Content::Stopped(stop) => stopped(stop, ctx),
        Content::CertifyOffline(stop) => certify_offline(stop, ctx),
        Content::Gone { done, during } => gone(done, during.as_ref(), ctx),
        _ => Sheet::default(),
    }
}

fn choice(title: String, words: impl Iterator<Item = String>) -> Sheet {
    let rows = words
        .enumerate()
        .map(|(index, title)| Row::Item { index, title, note: String::new(), value: String::new() })
        .collect();
    Sheet { title, rows, ..Sheet::default() }
}

fn wage_words(wage: Fen, ctx: Ctx) -> String {
    match (wage, ctx.locale) {
        (Fen::ZERO, _) => ctx.say("都可以", "Any"),
        (wage, Locale::English) => format!("¥{} or more", wage.0 / 100),
        (wage, _) => ctx.words(format!("{} 元以上", wage.0 / 100)),
    }
}

fn which_cards(ctx: Ctx) -> Sheet {
    Sheet {
        title: ctx.say("哪张卡丢了？", "Which card is lost?"),
        rows: vec![
            Row::Item {
                index: 0,
                title: ctx.say("别的卡丢了", "Another card"),
                note: ctx.say("机器里这张还在，继续用", "The one in the machine stays in use"),
                value: String::new(),
            },
            Row::Item {
                index: 1,
                title: ctx.say("全部停用", "Lock all of them"),
                note: ctx.say("机器里这张也一起停用", "The one in the machine as well"),
                value: String::new(),
            },
        ],
        ..Sheet::default()
    }
}

fn loss_asked(loss: &Loss, ctx: Ctx) -> Sheet {
    let which = match loss {
        Loss::Others => ctx.say(
            "除了机器里这张，您名下别的卡都会停用。",
            "Your cards are locked, but for the one in the machine.",
        ),
        Loss::All => ctx.say(
            "您名下的卡都会停用，机器里这张也不能再用。",
            "All your cards are locked, the one in the machine as well.",
        ),
        Loss::WithoutCard { .. } => ctx.say(
            "输入您的社会保障号码和姓名，您名下的卡都会停用。",
            "You type your social security number and your name; all your cards are locked.",
        ),
    };
    Sheet {
        title: ctx.say("挂失之前请看清", "Before cards are locked"),
        rows: vec![
            Row::Note(which),
            Row::Note(ctx.say(
                "停用后，别人捡到也刷不了，里面的钱不会少。",
                "Whoever finds a locked card cannot use it, and no money on it is lost.",
            )),
            Row::Note(ctx.say(
                "这里挂失是临时的。要恢复或补办新卡，请本人带身份证到服务窗口。",
                "Locking here is provisional. To unlock it or to get a new card, come to a counter yourself, with your \
                 identity card.",
            )),
        ],
        acts: vec![
            (Act::Yes, ctx.say("看清了，继续", "Go on")),
            (Act::No, ctx.say("不挂失了", "Do not lock")),
        ],
        ..Sheet::default()
    }
}

fn loss_asked_again(loss: &Loss, ctx: Ctx) -> Sheet {
    let mut rows = Vec::new();
    if let Loss::WithoutCard { number, name } = loss {
        rows.push(fact(ctx.say("社会保障号码", "Social security number"), spaced(number)));
        rows.push(fact(ctx.say("姓名", "Name"), name.clone()));
        rows.push(Row::Note(
            ctx.say("请核对号码和姓名，都对才能挂失。", "Check both: they have to be right."),
        ));
    }
    rows.push(Row::Note(ctx.say("点“确定挂失”后马上停用。", "The cards are locked as soon as you say yes.")));
    Sheet {
        title: ctx.say("真的要挂失吗？", "Do you really want to lock them?"),
        rows,
        acts: vec![
            (Act::YesAgain, ctx.say("确定挂失", "Yes, lock them")),
            (Act::No, ctx.say("不挂失了", "Do not lock")),
        ],
        ..Sheet::default()
    }
}

/// A long name in parts, so that it takes lines.
fn grouped(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    letters.chunks(8).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// A number as people read it.
pub(in crate::kiosk) fn spaced(number: &str) -> String {
    let mut text = String::new();
    for (at, digit) in number.chars().enumerate() {
        if matches!(at, 6 | 10 | 14) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn work_asked(wish: usize, wage: usize, phone: &str, ctx: Ctx) -> Sheet {
    let wish = WISHES.get(wish).map(|(chinese, english)| ctx.say(chinese, english)).unwrap_or_default();
    let wage = WAGES.get(wage).map(|wage| wage_words(*wage, ctx)).unwrap_or_default();
    Sheet {
        title: ctx.say("这样登记，对吗？", "Is this right?"),
        rows: vec![
            strong(ctx.say("想找的工作", "Work sought"), wish),
            fact(ctx.say("每月不少于", "At least a month"), wage),
            fact(ctx.say("联系电话", "Telephone"), phone.to_owned()),
            Row::Note(ctx.say(
                "工作人员会看到您的电话，只用来介绍工作。",
                "Staff sees your number and uses it for offers of work alone.",
            )),
        ],
        acts: vec![
            (Act::Yes, ctx.say("对，登记", "Yes, register")),
            (Act::No, ctx.say("不登记了", "Do not register")),
        ],
        ..Sheet::default()
    }
}

/// What a report of loss has done.
pub(super) fn locked(locked: Locked, ctx: Ctx) -> Sheet {
    let title = match locked.locked + locked.before {
        0 => ctx.say("没有可以停用的卡", "There was no card to lock"),
        _ => ctx.say("已经挂失", "Locked"),
    };
    let count = |count: u32| match ctx.locale {
        Locale::English => format!("{count}"),
        _ => ctx.words(format!("{count} 张")),
    };
    Sheet {
        title,
        rows: vec![
            strong(ctx.say("挂失编号", "Number of the report"), locked.report.to_string()),
            fact(ctx.say("这次停用", "Locked now"), count(locked.locked)),
            fact(ctx.say("以前已停用", "Locked before"), count(locked.before)),
            fact(
                ctx.say("时间", "When"),
                format!("{} {}", ctx.locale.date(locked.as_of), ctx.locale.time(locked.as_of)),
            ),
            Row::Head(ctx.say("接下来", "What comes next")),
            Row::Note(ctx.say(
                "找到了卡，或要补办新卡，请本人带身份证到服务窗口，报挂失编号。",
                "When you find the card, or want a new one, come to a counter yourself with your identity card and \
                 this number.",
            )),
            Row::Note(ctx.say(
                "联网的医院和药店马上不能刷；断网的要等它们连上后才知道。",
                "Hospitals and pharmacies on the line refuse it at once; those cut off learn of it when they are back.",
            )),
        ],
        portable: true,
        ..Sheet::default()
    }
}

/// A certification that is written down.
pub(super) fn certified(until: Day, slip: &Slip, ctx: Ctx) -> Sheet {
    Sheet {
        title: ctx.say("认证成功", "Certified"),
        rows: vec![
            strong(ctx.say("有效期到", "Holds until"), ctx.day(until)),
            fact(ctx.say("交易号", "Transaction"), grouped(&slip.transaction.to_string())),
            Row::Note(ctx.say(
                "养老金照常发放，不用再做什么。",
                "Your pension goes on as before; there is nothing more to do.",
            )),
            Row::Note(ctx.say(
                "下次请在到期前再来认证一次，本机、手机或社区都可以。",
                "Certify again before that day: here, by telephone or in your community.",
            )),
        ],
        acts: vec![(Act::Menu, ctx.say("办别的事", "Something else"))],
        portable: true,
        ..Sheet::default()
    }
}

fn stopped(stop: &Stop, ctx: Ctx) -> Sheet {
    let mut acts = Vec::new();
    match stop.kind {
        Kind::InitialPin => acts.push((Act::ChangePin, ctx.say("现在改密码", "Change the PIN now"))),
        Kind::CardGone | Kind::PinBlocked => {}
        _ => acts.push((Act::Retry, ctx.say("再试一次", "Try again"))),
    }
    Sheet {
        title: ctx.say("没有办成", "It did not work"),
        banner: Some(Banner {
            tone: Tone::Warn,
            what: stop.trouble.what(ctx.locale),
            next: stop.trouble.next(ctx.locale),
        }),
        rows: vec![Row::Note(match stop.unchanged {
            true => ctx.say(
                "您的钱和信息没有变化。需要帮忙，请点“叫工作人员”。",
                "Your money and your data are as they were. Touch “Call staff” for help.",
            ),
            false => ctx.say("需要帮忙，请点“叫工作人员”。", "Touch “Call staff” for help."),
        })],
        acts,
        ..Sheet::default()
    }
}

/// A certification is taken here and uploaded later: only its state is not to be had.
fn certify_offline(stop: &Stop, ctx: Ctx) -> Sheet {
    Sheet {
        title: ctx.say("养老待遇资格认证", "Living certification"),
        banner: Some(Banner {
            tone: Tone::Care,
            what: stop.trouble.what(ctx.locale),
            next: ctx.say(
                "现在看不到到期日，但可以照常认证，连上后自动上传。",
                "The date cannot be seen now. You can certify all the same; it is uploaded later.",
            ),
        }),
        rows: vec![Row::Note(ctx.say(
            "认证要按一下手指，大约一分钟。按指纹时请把卡留在机器里。",
            "It takes one finger and about a minute. Leave the card in meanwhile.",
        ))],
        acts: vec![
            (Act::Certify, ctx.say("现在认证", "Certify now")),
            (Act::Retry, ctx.say("再试一次", "Try again")),
        ],
        ..Sheet::default()
    }
}

fn gone(done: &[Done], during: Option<&Stop>, ctx: Ctx) -> Sheet {
    let mut rows = Vec::new();
    for done in done {
        rows.push(Row::Fact {
            label: match done {
                Done::Certified => ctx.say("资格认证", "Certification"),
                Done::PinChanged => ctx.say("修改密码", "Change of the PIN"),
                Done::Locked => ctx.say("挂失", "Report of loss"),
                Done::Registered => ctx.say("求职登记", "Registration for work"),
                Done::Unregistered => ctx.say("取消求职登记", "Registration taken back"),
            },
            value: ctx.say("已办好", "done"),
            note: String::new(),
            strong: true,
        });
    }
    match (done.is_empty(), during.is_some()) {
        (true, false) => {
            rows.push(Row::Note(
                ctx.say("没有办理任何业务，什么都没有改。", "Nothing was done, nothing has changed."),
            ));
        }
        (false, false) => rows.push(Row::Note(ctx.say("其他的没有办。", "Nothing else was done."))),
        _ => {}
    }
    rows.push(Row::Note(ctx.say(
        "要继续，请再插一次卡。屏幕上已经没有您的信息。",
        "To go on, put the card in again. Nothing about you is left on the screen.",
    )));
    Sheet {
        title: ctx.say("卡已取走", "The card was taken out"),
        banner: during.map(|stop| Banner {
            tone: Tone::Warn,
            what: stop.trouble.what(ctx.locale),
            next: stop.trouble.next(ctx.locale),
        }),
        rows,
        ..Sheet::default()
    }
}
