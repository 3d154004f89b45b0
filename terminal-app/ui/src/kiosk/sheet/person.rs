//! What the center and the card say of a person.

use std::collections::BTreeMap;

use card_spec::{account::TYPE_LOAD, date::DateTime, money::Fen};
use protocol::{
    calendar::Period,
    feed::{BlockReason, PersonState},
    record::Amounts,
    service::{
        Account, CardsAnswer, CertificationAnswer, Contribution, ContributionState, Contributions,
        DuesAnswer, Movement, PensionsAnswer, Treatment, Treatments, contribution::UnemploymentAnswer,
        work::WorkAnswer,
    },
    timestamp::Timestamp,
};
use terminal::{
    flows::service::{CardAccount, Shown, ShownFrom, split_of},
    words::{contribution_name, contribution_state_name, movement_name, split_words, unemployment_name},
};

use super::{Act, Banner, Bar, BarKind, Ctx, Row, Sheet, Tone, dialog, fact, public, strong};
use crate::{kiosk::ask::Answer, locale::Locale, trouble::Trouble};

/// Days before the end of a certification from which it is pressed for.
const CERTIFY_SOON_DAYS: i32 = 60;

/// The sheet of an answer.
pub(super) fn sheet(answer: &Answer, ctx: Ctx) -> Sheet {
    match answer {
        Answer::Account { card, center } => {
            account(card.as_deref(), center.as_ref().map(|shown| &**shown), ctx)
        }
        Answer::Contributions { shown, until } => contributions(shown, *until, ctx),
        Answer::Treatments(shown) => treatments(shown, ctx),
        Answer::Pensions(shown) => pensions(shown, ctx),
        Answer::Certification(shown) => certification(shown, ctx),
        Answer::Cards(shown) => cards(shown, ctx),
        Answer::Work(shown) => work(shown, ctx),
        Answer::Unemployment(shown) => unemployment(shown, ctx),
        Answer::Dues(shown) => dues(shown, ctx),
        Answer::Locked(locked) => dialog::locked(*locked, ctx),
        Answer::Certified { until, slip } => dialog::certified(*until, slip, ctx),
        Answer::Articles(shown) => public::topics(shown, ctx),
        Answer::Article(shown) => public::article(shown, ctx),
        Answer::Offices(shown) => public::offices(shown, ctx),
        Answer::Vacancies(shown) => public::vacancies(shown, ctx),
        Answer::Vacancy(shown) => public::vacancy(shown, ctx),
    }
}

fn account(card: Option<&Shown<CardAccount>>, center: Result<&Shown<Account>, &Trouble>, ctx: Ctx) -> Sheet {
    let mut sheet = Sheet {
        title: ctx.say("医保个人账户", "Medical personal account"),
        portable: true,
        ..Sheet::default()
    };
    if let Some(card) = card {
        sheet.rows.push(strong(ctx.say("卡上余额", "Balance on the card"), ctx.money(card.content.balance)));
    }
    match center {
        Ok(shown) => {
            let account = &shown.content;
            if account.credit > Fen::ZERO {
                sheet.rows.push(fact(
                    ctx.say("待存入卡的钱", "Waits to be put onto the card"),
                    ctx.money(account.credit),
                ));
            }
            if account.owed > Fen::ZERO {
                sheet.rows.push(fact(ctx.say("退费待存入", "Refund that waits"), ctx.money(account.owed)));
            }
            sheet.rows.push(Row::Head(ctx.say("最近收支", "Lately")));
            sheet.rows.extend(account.movements.iter().map(|movement| movement_row(movement, ctx)));
            if account.movements.is_empty() {
                sheet.rows.push(Row::Note(ctx.say("还没有收支记录。", "Nothing has moved yet.")));
            }
            sheet.source = ctx.source(&shown.from);
        }
        Err(trouble) => {
            // The card's own log is what there is while the line is down.
            sheet.banner = Some(Banner {
                tone: Tone::Care,
                what: trouble.what(ctx.locale),
                next: ctx.say(
                    "下面是卡上自己的记录，可能不全。",
                    "What follows is the card's own log; it may not be complete.",
                ),
            });
            sheet.acts.push((Act::Retry, ctx.say("再试一次", "Try again")));
            if let Some(card) = card {
                sheet.rows.push(Row::Head(ctx.say("卡上最近的记录", "The card's own log")));
                for record in &card.content.log {
                    let paid = Fen(i64::from(record.amounts.account_fen));
                    let (name, amount) = match record.transaction_type {
                        TYPE_LOAD => (ctx.say("存入", "Put onto the card"), paid),
                        _ => (ctx.say("看病买药", "Medical payment"), Fen(-paid.0)),
                    };
                    sheet.rows.push(Row::Fact {
                        label: name,
                        value: signed(amount, ctx),
                        note: card_time(record.date_time, ctx),
                        strong: false,
                    });
                }
                sheet.source = ctx.say("卡内数据，刚刚读取", "From the card, read just now");
            }
        }
    }
    sheet
}

fn movement_row(movement: &Movement, ctx: Ctx) -> Row {
    let when = format!("{} {}", ctx.locale.date(movement.at), ctx.locale.time(movement.at));
    let mut note = format!("{when}  {}", ctx.words(&movement.institution));
    if let Some(balance) = movement.balance {
        note = format!("{note}  {} {}", ctx.say("余额", "Balance"), ctx.money(balance));
    }
    Row::Fact {
        label: ctx.words(movement_name(movement.kind, ctx.locale.language())),
        value: signed(movement.amount, ctx),
        note,
        strong: false,
    }
}

fn signed(amount: Fen, ctx: Ctx) -> String {
    if amount > Fen::ZERO { format!("+{}", ctx.money(amount)) } else { ctx.money(amount) }
}

fn card_time(at: DateTime, ctx: Ctx) -> String {
    Timestamp::from_card_digits(&hex(&at.to_cn()))
        .map(|at| format!("{} {}", ctx.locale.date(at), ctx.locale.time(at)))
        .unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn contributions(shown: &Shown<Contributions>, until: Period, ctx: Ctx) -> Sheet {
    let mut by_month: BTreeMap<u32, Vec<&Contribution>> = BTreeMap::new();
    for row in &shown.content.rows {
        by_month.entry(row.period.number()).or_default().push(row);
    }
    // Twelve months up to the last one that was asked for, the earliest at the left.
    let months = last_twelve(until);
    let sum = |rows: &[&Contribution]| -> i64 {
        rows.iter()
            .filter(|row| row.state != ContributionState::Unpaid)
            .map(|row| row.by_unit.0 + row.by_person.0)
            .sum()
    };
    let highest = by_month.values().map(|rows| sum(rows)).max().unwrap_or_default().max(1);
    let mut sheet = Sheet {
        title: ctx.say("缴费记录", "Contributions"),
        portable: true,
        source: ctx.source(&shown.from),
        ..Sheet::default()
    };
    let mut gaps = Vec::new();
    let mut unpaid = Vec::new();
    let mut paid = 0;
    for month in &months {
        let rows = by_month.get(&month.number()).map(Vec::as_slice).unwrap_or_default();
        let total = sum(rows);
        let kind = if rows.is_empty() {
            gaps.push(ctx.month(*month));
            BarKind::Gap
        } else if rows.iter().any(|row| row.state == ContributionState::Unpaid) {
            unpaid.push(ctx.month(*month));
            BarKind::Unpaid
        } else {
            paid += 1;
            if rows.iter().any(|row| row.state == ContributionState::PaidLate) {
                BarKind::Late
            } else {
                BarKind::Paid
            }
        };
        let what = match kind {
            BarKind::Paid => ctx.money(Fen(total)),
            BarKind::Late => format!("{} {}", ctx.money(Fen(total)), ctx.say("补缴", "paid late")),
            BarKind::Unpaid => ctx.say("欠缴", "not paid"),
            BarKind::Gap => ctx.say("没有记录", "nothing recorded"),
        };
        sheet.bars.push(Bar {
            label: (month.number() % 100).to_string(),
            height: u16::try_from(total * 1_000 / highest).unwrap_or(1_000),
            kind,
            words: format!("{} {what}", ctx.month(*month)),
        });
    }
    let (first, last) = (ctx.month(months[0]), ctx.month(months[11]));
    sheet.rows.push(Row::Note(match ctx.locale {
        Locale::English => format!("{first} to {last}: {paid} months paid."),
        _ => ctx.words(format!("{first}到{last}，缴了 {paid} 个月。")),
    }));
    for (found, chinese, english) in
        [(&unpaid, "欠缴：", "Not paid: "), (&gaps, "没有记录：", "Nothing recorded: ")]
    {
        if !found.is_empty() {
            let separator = ctx.say("、", ", ");
            sheet.rows.push(Row::Note(format!("{}{}", ctx.say(chinese, english), found.join(&separator))));
        }
    }
    kinds(shown, ctx, &mut sheet);
    if shown.content.earliest.is_some_and(|earliest| earliest < months[0]) {
        sheet.acts.push((Act::Earlier, ctx.say("看更早的", "Earlier")));
    }
    if shown.content.latest.is_some_and(|latest| latest > months[11]) {
        sheet.acts.push((Act::Later, ctx.say("看更近的", "Later")));
    }
    sheet
}

/// Each insurance of the shown months by itself.
fn kinds(shown: &Shown<Contributions>, ctx: Ctx, sheet: &mut Sheet) {
    let mut by_kind: BTreeMap<_, Vec<&Contribution>> = BTreeMap::new();
    for row in &shown.content.rows {
        by_kind.entry(row.kind).or_default().push(row);
    }
    let language = ctx.locale.language();
    for (kind, rows) in by_kind {
        let count = |state| rows.iter().filter(|row| row.state == state).count();
        let paid = || rows.iter().filter(|row| row.state != ContributionState::Unpaid);
        let total: i64 = paid().map(|row| row.by_person.0).sum();
        let by_unit: i64 = paid().map(|row| row.by_unit.0).sum();
        let mut note = Vec::new();
        for state in ContributionState::ALL {
            if count(state) > 0 {
                let name = ctx.words(contribution_state_name(state, language));
                note.push(match ctx.locale {
                    Locale::English => format!("{name}: {} months", count(state)),
                    _ => ctx.words(format!("{name} {} 个月", count(state))),
                });
            }
        }
        if let Some(latest) = rows.first() {
            note.push(format!("{} {}", ctx.say("最近基数", "Latest base"), ctx.money(latest.base)));
        }
        sheet.rows.push(Row::Fact {
            label: ctx.words(contribution_name(kind, language)),
            value: match total {
                // Paid by the unit alone, as for work injuries.
                0 => format!("{} {}", ctx.say("单位共缴", "Your unit paid"), ctx.money(Fen(by_unit))),
                _ => format!("{} {}", ctx.say("个人共缴", "You paid"), ctx.money(Fen(total))),
            },
            note: note.join(&ctx.say("，", "; ")),
            strong: false,
        });
    }
}

fn last_twelve(until: Period) -> Vec<Period> {
    let number = until.number();
    let month = number / 100 * 12 + number % 100 - 1;
    (0..12)
        .filter_map(|back| {
            let at = month.checked_sub(11 - back)?;
            Period::from_number(at / 12 * 100 + at % 12 + 1)
        })
        .collect::<Vec<_>>()
        .pad(until)
}

trait Pad {
    fn pad(self, with: Period) -> Self;
}

impl Pad for Vec<Period> {
    /// Twelve in any case, also at the beginning of the calendar.
    fn pad(mut self, with: Period) -> Self {
        while self.len() < 12 {
            self.insert(0, with);
        }
        self
    }
}

fn treatments(shown: &Shown<Treatments>, ctx: Ctx) -> Sheet {
    let mut sheet = Sheet {
        title: ctx.say("看病和报销记录", "Treatments and how they were paid"),
        source: ctx.source(&shown.from),
        portable: true,
        ..Sheet::default()
    };
    for (index, treatment) in shown.content.treatments.iter().enumerate() {
        let paid = treatment.amounts.fund_pay_sumamt;
        let mut note = format!(
            "{}  {} {}",
            ctx.locale.date(treatment.at),
            ctx.say("报销", "Paid by funds"),
            ctx.money(paid)
        );
        if treatment.cancelled_by.is_some() {
            note = format!("{note}  {}", ctx.say("（已撤销）", "(cancelled)"));
        }
        sheet.rows.push(Row::Item {
            index,
            title: ctx.words(&treatment.institution),
            note,
            value: ctx.money(treatment.amounts.medfee_sumamt),
        });
    }
    if shown.content.treatments.is_empty() {
        sheet.rows.push(Row::Note(ctx.say("没有看病记录。", "There are no treatments.")));
        sheet.portable = false;
    } else {
        sheet
            .rows
            .insert(0, Row::Note(ctx.say("点一笔，看钱是怎么分的。", "Touch one to see how it was split.")));
    }
    if shown.content.next.is_some() {
        sheet.acts.push((Act::More, ctx.say("看更早的", "Earlier")));
    }
    sheet
}

/// One treatment, with the explanation of its split.
pub(super) fn treatment(treatment: &Treatment, from: &ShownFrom, ctx: Ctx) -> Sheet {
    let mut sheet = Sheet {
        title: ctx.words(&treatment.institution),
        source: ctx.source(from),
        portable: true,
        ..Sheet::default()
    };
    if treatment.cancelled_by.is_some() {
        sheet.banner = Some(Banner {
            tone: Tone::Care,
            what: ctx.say("这一笔已经撤销。", "This one was cancelled."),
            next: String::new(),
        });
    }
    let kind = match treatment.med_type.get(..2) {
        Some("21") => ctx.say("住院", "Inpatient"),
        Some("14") => ctx.say("门诊慢特病", "Chronic outpatient"),
        Some("41") => ctx.say("药店购药", "Pharmacy"),
        _ => ctx.say("门诊", "Outpatient"),
    };
    sheet.rows.push(fact(
        ctx.say("时间", "When"),
        format!("{} {}", ctx.locale.date(treatment.at), ctx.locale.time(treatment.at)),
    ));
    sheet.rows.push(fact(ctx.say("类别", "Kind"), kind));
    split(&treatment.amounts, ctx, &mut sheet);
    sheet
}

fn split(amounts: &Amounts, ctx: Ctx, sheet: &mut Sheet) {
    use terminal::flows::service::SplitPart;
    sheet.rows.push(Row::Head(ctx.say("钱是怎么分的", "How it was split")));
    for line in split_of(amounts) {
        let (name, why) = split_words(line.part, ctx.locale.language());
        sheet.rows.push(Row::Fact {
            label: ctx.words(name),
            value: ctx.money(line.amount),
            note: ctx.words(why),
            strong: matches!(line.part, SplitPart::Total | SplitPart::Person),
        });
    }
}

fn pensions(shown: &Shown<PensionsAnswer>, ctx: Ctx) -> Sheet {
    let pension = &shown.content;
    let mut sheet = Sheet {
        title: ctx.say("养老金", "Pension"),
        source: ctx.source(&shown.from),
        portable: true,
        ..Sheet::default()
    };
    let Some(monthly) = pension.monthly else {
        sheet.rows.push(Row::Note(ctx.say(
            "您现在没有在本地领养老金。有疑问请问工作人员。",
            "No pension is paid to you here at present. Ask staff if you think there should be.",
        )));
        return sheet;
    };
    sheet.rows.push(strong(ctx.say("每月养老金", "A month's pension"), ctx.money(monthly)));
    if let Some(until) = pension.certified_until {
        let soon = Period::of(ctx.now) >= until.period() || until.start() < ctx.now;
        sheet.rows.push(fact(ctx.say("下次认证不晚于", "Certify again before"), ctx.day(until)));
        if soon {
            sheet.banner = Some(certify_banner(until.start() < ctx.now, ctx));
        }
    }
    if let Some(period) = pension.next_unpaid {
        sheet.rows.push(fact(ctx.say("下一个发放月份", "Next month to be paid"), ctx.month(period)));
    }
    sheet.rows.push(Row::Head(ctx.say("已发放", "Paid")));
    for month in &pension.months {
        sheet.rows.push(Row::Fact {
            label: ctx.month(month.period),
            value: ctx.money(month.amount),
            note: format!("{} {}", ctx.say("发放时间", "Paid on"), ctx.locale.date(month.at)),
            strong: false,
        });
    }
    if pension.months.is_empty() {
        sheet.rows.push(Row::Note(ctx.say("本系统还没有发放记录。", "No payment is recorded here yet.")));
    }
    sheet.acts.push((Act::Certify, ctx.say("现在认证", "Certify now")));
    sheet
}

fn certify_banner(over: bool, ctx: Ctx) -> Banner {
    match over {
        true => Banner {
            tone: Tone::Warn,
            what: ctx.say("资格认证已过期。", "The certification has run out."),
            next: ctx.say("请现在认证，养老金才能继续发放。", "Certify now, so that the pension goes on."),
        },
        false => Banner {
            tone: Tone::Care,
            what: ctx.say("资格认证快到期了。", "The certification ends soon."),
            next: ctx.say("现在就可以认证，大约一分钟。", "You can certify now; it takes about a minute."),
        },
    }
}

fn certification(shown: &Shown<CertificationAnswer>, ctx: Ctx) -> Sheet {
    let state = &shown.content;
    let mut sheet = Sheet {
        title: ctx.say("养老待遇资格认证", "Living certification"),
        source: ctx.source(&shown.from),
        portable: true,
        ..Sheet::default()
    };
    if state.state == Some(PersonState::Deceased) {
        sheet.banner = Some(Banner {
            tone: Tone::Warn,
            what: ctx.say("中心的登记不允许认证。", "The center's register does not allow it."),
            next: ctx.say("请到服务窗口核对。", "Have it looked into at a counter."),
        });
        return sheet;
    }
    if !state.needed {
        sheet.rows.push(Row::Note(ctx.say(
            "您现在没有领养老金，不用认证。",
            "You draw no pension at present and need no certification.",
        )));
        return sheet;
    }
    match state.certified_until {
        Some(until) => {
            sheet.rows.push(strong(ctx.say("认证有效期到", "Certified until"), ctx.day(until)));
            if until.start() < ctx.now {
                sheet.banner = Some(certify_banner(true, ctx));
            } else if until.plus_days(-CERTIFY_SOON_DAYS).start() < ctx.now {
                sheet.banner = Some(certify_banner(false, ctx));
            }
        }
        None => sheet.banner = Some(certify_banner(true, ctx)),
    }
    if let Some(last) = state.last {
        sheet.rows.push(fact(ctx.say("上次认证", "Certified last"), ctx.locale.date(last)));
    }
    sheet.rows.push(Row::Note(ctx.say(
        "认证要按一下手指，大约一分钟。按指纹时请把卡留在机器里。",
        "It takes one finger and about a minute. Leave the card in meanwhile.",
    )));
    sheet.acts.push((Act::Certify, ctx.say("现在认证", "Certify now")));
    sheet
}

fn cards(shown: &Shown<CardsAnswer>, ctx: Ctx) -> Sheet {
    let mut sheet = Sheet {
        title: ctx.say("我的社保卡", "My cards"),
        source: ctx.source(&shown.from),
        portable: true,
        ..Sheet::default()
    };
    for card in &shown.content.cards {
        let state = match card.blocked {
            None => ctx.say("可以使用", "in use"),
            Some(BlockReason::Lost) => ctx.say("已挂失", "reported lost"),
            Some(BlockReason::Replaced) => ctx.say("已换新卡", "replaced"),
            Some(_) => ctx.say("已停用", "blocked"),
        };
        let label = match card.this {
            true => ctx.say("机器里这张卡", "The card in the machine"),
            false => ctx.say("另一张卡", "Another card"),
        };
        let mut note = format!("{} {}", ctx.say("登记于", "Known since"), ctx.locale.date(card.since));
        if let Some(since) = card.blocked_since {
            note = format!("{note}  {} {}", ctx.say("停用于", "Blocked since"), ctx.locale.date(since));
        }
        sheet.rows.push(Row::Fact { label, value: state, note, strong: card.this });
    }
    sheet.acts.push((Act::LoseOthers, ctx.say("卡丢了，要挂失", "A card is lost")));
    sheet.acts.push((Act::ChangePin, ctx.say("修改密码", "Change the PIN")));
    sheet
}

fn work(shown: &Shown<WorkAnswer>, ctx: Ctx) -> Sheet {
    let mut sheet = Sheet {
        title: ctx.say("求职登记", "Seeking work"),
        source: ctx.source(&shown.from),
        ..Sheet::default()
    };
    match &shown.content.seeker {
        Some(seeker) => {
            sheet.rows.push(strong(ctx.say("想找的工作", "Work sought"), ctx.words(&seeker.seek.wish)));
            sheet.rows.push(fact(
                ctx.say("每月不少于", "At least a month"),
                match seeker.seek.wage_min {
                    Fen::ZERO => ctx.say("都可以", "any"),
                    wage => ctx.money(wage),
                },
            ));
            sheet.rows.push(fact(ctx.say("登记时间", "Registered"), ctx.locale.date(seeker.at)));
            sheet.rows.push(fact(ctx.say("有效到", "Holds until"), ctx.day(seeker.until)));
            sheet.rows.push(Row::Note(ctx.say(
                "有合适的岗位，工作人员会打您留的电话。",
                "Staff calls the number that you left when there is something suitable.",
            )));
            sheet.portable = true;
            sheet.acts.push((Act::Vacancies, ctx.say("看附近岗位", "Vacancies near here")));
            sheet.acts.push((Act::Register, ctx.say("改登记", "Change it")));
            sheet.acts.push((Act::StopSeekingWork, ctx.say("不找了，取消登记", "Take it back")));
        }
        None => {
            sheet.rows.push(Row::Note(ctx.say(
                "您还没有登记。登记以后，工作人员帮您留意合适的岗位，半年内有效。",
                "You are not registered. Once you are, staff looks out for work for you, for half a year.",
            )));
            sheet.acts.push((Act::Register, ctx.say("现在登记", "Register now")));
            sheet.acts.push((Act::Vacancies, ctx.say("先看附近岗位", "See vacancies first")));
        }
    }
    sheet
}

fn unemployment(shown: &Shown<UnemploymentAnswer>, ctx: Ctx) -> Sheet {
    let mut sheet = Sheet {
        title: ctx.say("失业保险金", "Unemployment benefit"),
        source: ctx.source(&shown.from),
        portable: true,
        ..Sheet::default()
    };
    let months = |count: u16| match ctx.locale {
        Locale::English => format!("{count} months"),
        _ => ctx.words(format!("{count} 个月")),
    };
    match shown.content.claim {
        Some(claim) => {
            let state = ctx.words(unemployment_name(claim.state, ctx.locale.language()));
            sheet.rows.push(strong(ctx.say("现在的情况", "State"), state));
            sheet.rows.push(fact(ctx.say("每月金额", "A month's benefit"), ctx.money(claim.monthly)));
            sheet.rows.push(fact(ctx.say("从哪个月起", "First month"), ctx.month(claim.from)));
            sheet.rows.push(fact(ctx.say("可领", "Granted"), months(claim.months.into())));
            sheet.rows.push(fact(ctx.say("已领", "Paid"), months(claim.months_paid.into())));
        }
        None => sheet.rows.push(Row::Note(
            ctx.say("您没有申请过失业金。", "You have never asked for unemployment benefit."),
        )),
    }
    sheet.rows.push(fact(
        ctx.say("还能用的缴费月数", "Months insured and not used"),
        months(shown.content.months_insured),
    ));
    sheet.rows.push(Row::Note(ctx.say(
        "申请失业金请到服务窗口，带社保卡就行。",
        "To ask for it, go to a counter; the card is all you need.",
    )));
    sheet
}

fn dues(shown: &Shown<DuesAnswer>, ctx: Ctx) -> Sheet {
    let mut sheet = Sheet {
        title: ctx.say("要交的费", "Contributions due"),
        source: ctx.source(&shown.from),
        portable: true,
        ..Sheet::default()
    };
    for due in &shown.content.dues {
        let months = match ctx.locale {
            Locale::English => format!("{} months from {}", due.months, ctx.month(due.period)),
            _ => ctx.words(format!("{}起 {} 个月", ctx.month(due.period), due.months)),
        };
        sheet.rows.push(Row::Fact {
            label: ctx.words(contribution_name(due.kind, ctx.locale.language())),
            value: ctx.money(due.amount),
            note: format!("{months}  {} {}", ctx.say("最晚", "by"), ctx.day(due.until)),
            strong: due.until.start() < ctx.now,
        });
    }
    sheet.rows.push(Row::Note(match shown.content.dues.is_empty() {
        true => ctx.say("现在没有要您自己交的费。", "Nothing is due that you pay yourself."),
        false => ctx.say("请到税务或服务窗口交费。", "Pay at the tax office or a counter."),
    }));
    sheet
}
