//! What concerns the person whose card is in the slot.

use std::io::{self, BufRead, Read};

use card_spec::{account::TYPE_LOAD, money::Fen, person::PersonNumber, region::RegionCode};
use edge::counter::Counter;
use protocol::{
    calendar::Period,
    service::{
        Account, CardsAnswer, CertificationAnswer, Contributions, DuesAnswer, Locked, PensionsAnswer,
        SeekWork, Treatments, contribution::UnemploymentAnswer, work::WorkAnswer,
    },
};
use serde::Serialize;
use terminal::{
    error::Error,
    flows::service::{CardAccount, Shown, split_of},
    words,
};

use super::{Answer, CardArguments, LossArguments, MonthArguments, PageArguments, WorkArguments, more};
use crate::{
    command::{Context, now, tap},
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
};

/// Opens the card, has its holder verified, asks, and lets the card go, whatever the answer is.
fn ask<T: Serialize + Show>(
    context: &Context,
    card: CardArguments,
    question: impl FnOnce(&mut Counter) -> Result<Shown<T>, Error>,
) -> Result<Exit, Failure> {
    let mut counter = context.open(card.offline)?;
    context.narrate(&mut counter);
    tap::tap(context, &mut counter, card.wait)?;
    let verified = tap::verify(context, &mut counter);
    let answer = verified.and_then(|_| Ok(question(&mut counter)?));
    counter.flows.close_card();
    context.console.answer(&Answer::of(answer?));
    Ok(Exit::Done)
}

/// The card's own account, as a machine reads it.
#[derive(Serialize)]
struct OnCard {
    balance_fen: Fen,
    log: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    date_time: String,
    load: bool,
    account_fen: Fen,
    serial: u16,
}

pub(super) fn balance(context: &Context, card: CardArguments) -> Result<Exit, Failure> {
    ask(context, card, |counter| {
        let Shown { content: CardAccount { balance, log }, from } = counter.flows.card_account()?;
        let entry = |record: &card_spec::account::LogRecord| Entry {
            date_time: record.date_time.to_string(),
            load: record.transaction_type == TYPE_LOAD,
            account_fen: Fen(record.amounts.account_fen.into()),
            serial: record.serial,
        };
        Ok(Shown { content: OnCard { balance_fen: balance, log: log.iter().map(entry).collect() }, from })
    })
}

pub(super) fn movements(context: &Context, page: &PageArguments) -> Result<Exit, Failure> {
    ask(context, page.card, |counter| counter.flows.account_movements(page.after.clone(), page.rows))
}

pub(super) fn contributions(context: &Context, months: MonthArguments) -> Result<Exit, Failure> {
    let until = months.until.unwrap_or_else(|| Period::of(now()));
    ask(context, months.card, |counter| counter.flows.contributions(until, months.months))
}

pub(super) fn treatments(context: &Context, page: &PageArguments) -> Result<Exit, Failure> {
    ask(context, page.card, |counter| counter.flows.treatments(page.after.clone(), page.rows))
}

pub(super) fn pension(context: &Context, page: &PageArguments) -> Result<Exit, Failure> {
    ask(context, page.card, |counter| counter.flows.pension_payments(page.after.clone(), page.rows))
}

pub(super) fn certification(context: &Context, card: CardArguments) -> Result<Exit, Failure> {
    ask(context, card, |counter| counter.flows.certification_state())
}

pub(super) fn cards(context: &Context, card: CardArguments) -> Result<Exit, Failure> {
    ask(context, card, |counter| counter.flows.card_states())
}

pub(super) fn unemployment(context: &Context, card: CardArguments) -> Result<Exit, Failure> {
    ask(context, card, |counter| counter.flows.unemployment())
}

pub(super) fn dues(context: &Context, card: CardArguments) -> Result<Exit, Failure> {
    ask(context, card, |counter| counter.flows.dues())
}

pub(super) fn seek_work(context: &Context, work: &WorkArguments) -> Result<Exit, Failure> {
    let words = work.wish.as_ref().zip(work.phone.as_ref());
    let seek = |district| {
        words.map(|(wish, phone)| SeekWork {
            wish: wish.trim().to_owned(),
            district,
            wage_min: work.wage,
            phone: phone.clone(),
        })
    };
    // Before the card is asked for; any district is as good as another for that.
    let anywhere = RegionCode::parse("000000").ok();
    if anywhere.and_then(seek).is_some_and(|seek| !seek.sound()) {
        return Err(EdgeError::Argument {
            expected: "a short wish and a telephone number",
            expected_chinese: "简短的求职意向和电话号码",
        }
        .into());
    }
    ask(context, work.card, |counter| {
        let home = counter.cabinet.config.place.city;
        match seek(work.district.unwrap_or(home)) {
            Some(seek) => counter.flows.seek_work(seek),
            None if work.stop => counter.flows.stop_seeking_work(),
            None => counter.flows.work_registration(),
        }
    })
}

/// What a report of loss has done.
#[derive(Serialize)]
struct Reported(Locked);

pub(super) fn report_loss(context: &Context, loss: LossArguments) -> Result<Exit, Failure> {
    let locked = if loss.no_card {
        let (person, name) = person_and_name()?;
        let mut counter = context.open_without_card()?;
        counter.flows.report_loss_without_card(person, &name)?
    } else {
        let mut counter = context.open(loss.card.offline)?;
        context.narrate(&mut counter);
        tap::tap(context, &mut counter, loss.card.wait)?;
        let verified = tap::verify(context, &mut counter);
        let done = verified.and_then(|_| Ok(counter.flows.report_other_cards_lost(loss.this_card)?));
        counter.flows.close_card();
        done?
    };
    context.console.answer(&Reported(locked));
    Ok(Exit::Done)
}

/// From standard input: neither stays in the history of commands or the list of processes.
fn person_and_name() -> Result<(PersonNumber, String), Failure> {
    let wrong = || EdgeError::Argument {
        expected: "a person number and a name, a line each, on standard input",
        expected_chinese: "标准输入第一行为社会保障号码，第二行为姓名",
    };
    let mut lines = io::stdin().lock().take(1_024).lines();
    let mut line = || lines.next().and_then(Result::ok).ok_or_else(wrong);
    let person = PersonNumber::parse(line()?.trim()).map_err(|_| wrong())?;
    Ok((person, line()?.trim().to_owned()))
}

impl Show for OnCard {
    fn show(&self, page: &mut Page) {
        page.pairs([(
            page.pick("卡内余额（元）", "balance (yuan)").to_owned(),
            self.balance_fen.to_string(),
        )]);
        let head = [
            page.language().pick("时间", "when"),
            page.language().pick("类型", "kind"),
            page.language().pick("金额（元）", "yuan"),
        ];
        let (load, purchase) =
            (page.language().pick("圈存", "load"), page.language().pick("支付", "payment"));
        let rows = self.log.iter().map(|entry| {
            let kind = if entry.load { load } else { purchase };
            vec![entry.date_time.clone(), kind.to_owned(), entry.account_fen.to_string()]
        });
        page.table(&head, &[2], rows);
    }
}

impl Show for Account {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        let head = [
            language.pick("时间", "when"),
            language.pick("类型", "kind"),
            language.pick("金额（元）", "yuan"),
            language.pick("余额（元）", "balance"),
            language.pick("机构", "institution"),
        ];
        let rows = self.movements.iter().map(|movement| {
            vec![
                movement.at.to_string(),
                words::movement_name(movement.kind, language).to_owned(),
                movement.amount.to_string(),
                movement.balance.map_or(String::new(), |balance| balance.to_string()),
                movement.institution.clone(),
            ]
        });
        page.table(&head, &[2, 3], rows);
        page.pairs([
            (page.pick("待圈存（元）", "waiting to be loaded (yuan)").to_owned(), self.credit.to_string()),
            (page.pick("待退（元）", "owed (yuan)").to_owned(), self.owed.to_string()),
        ]);
        more(page, self.next.as_ref());
    }
}

impl Show for Contributions {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        let head = [
            language.pick("月份", "month"),
            language.pick("险种", "insurance"),
            language.pick("基数（元）", "base"),
            language.pick("单位（元）", "unit"),
            language.pick("个人（元）", "person"),
            language.pick("状态", "state"),
        ];
        let rows = self.rows.iter().map(|row| {
            vec![
                row.period.to_string(),
                words::contribution_name(row.kind, language).to_owned(),
                row.base.to_string(),
                row.by_unit.to_string(),
                row.by_person.to_string(),
                words::contribution_state_name(row.state, language).to_owned(),
            ]
        });
        page.table(&head, &[2, 3, 4], rows);
        match self.earliest.zip(self.latest) {
            Some((first, last)) => {
                page.say(
                    format!("有记录月份：{first} 至 {last}"),
                    format!("there are months from {first} to {last}"),
                );
            }
            None => page.say("中心没有缴费记录。", "The center has no contributions."),
        }
    }
}

impl Show for Treatments {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        for treatment in &self.treatments {
            let cancelled = match treatment.cancelled_by {
                Some(_) => page.pick("（已撤销）", " (cancelled)"),
                None => "",
            };
            page.line(format!("{} {}{cancelled}", treatment.at, treatment.institution));
            let rows = split_of(&treatment.amounts).into_iter().map(|line| {
                let (name, why) = words::split_words(line.part, language);
                vec![name.to_owned(), line.amount.to_string(), why.to_owned()]
            });
            let head = [
                language.pick("项目", "part"),
                language.pick("金额（元）", "yuan"),
                language.pick("说明", "why"),
            ];
            page.table(&head, &[1], rows);
            page.gap();
        }
        if self.treatments.is_empty() {
            page.say("没有结算记录。", "There are no settlements.");
        }
        more(page, self.next.as_ref());
    }
}

impl Show for PensionsAnswer {
    fn show(&self, page: &mut Page) {
        let Some(monthly) = self.monthly else {
            page.say("本中心不向此人发放养老金。", "This center pays this person no pension.");
            return;
        };
        let none = page.pick("无", "none").to_owned();
        let until = self.certified_until.map_or(none.clone(), |day| day.to_string());
        page.pairs([
            (page.pick("每月（元）", "a month (yuan)").to_owned(), monthly.to_string()),
            (
                page.pick("下一应发月份", "next month").to_owned(),
                self.next_unpaid.map_or(none, |period| period.to_string()),
            ),
            (page.pick("下次认证不晚于", "certification due by").to_owned(), until),
        ]);
        let head = [
            page.language().pick("月份", "month"),
            page.language().pick("金额（元）", "yuan"),
            page.language().pick("发放时间", "paid"),
        ];
        let rows = self
            .months
            .iter()
            .map(|month| vec![month.period.to_string(), month.amount.to_string(), month.at.to_string()]);
        page.table(&head, &[1], rows);
        more(page, self.next.as_ref());
    }
}

impl Show for CertificationAnswer {
    fn show(&self, page: &mut Page) {
        if !self.needed {
            page.say("不领取养老金，无需认证。", "No pension is drawn: no certification is needed.");
            return;
        }
        match self.certified_until {
            Some(until) => page.say(format!("认证有效期至 {until}"), format!("certified until {until}")),
            None => page.say("尚未认证，请按指纹认证。", "Never certified: put a finger on the sensor."),
        }
        if let Some(last) = self.last {
            page.say(format!("上次认证 {last}"), format!("last certified {last}"));
        }
    }
}

impl Show for CardsAnswer {
    fn show(&self, page: &mut Page) {
        let head = [
            page.language().pick("卡片", "card"),
            page.language().pick("登记时间", "known since"),
            page.language().pick("状态", "state"),
        ];
        let (this, other) =
            (page.language().pick("此卡", "this one"), page.language().pick("另一张", "another"));
        let (free, blocked) =
            (page.language().pick("正常", "in order"), page.language().pick("已停用", "blocked"));
        let language = page.language();
        let rows = self.cards.iter().map(|card| {
            let state = match card.blocked {
                None => free.to_owned(),
                Some(reason) => format!("{blocked}：{}", block_name(reason, language)),
            };
            vec![if card.this { this } else { other }.to_owned(), card.since.to_string(), state]
        });
        page.table(&head, &[], rows);
    }
}

fn block_name(reason: protocol::feed::BlockReason, l: terminal::language::Language) -> &'static str {
    use protocol::feed::BlockReason::{Deceased, Fraud, Lost, Replaced};
    match reason {
        Lost => l.pick("挂失", "reported lost"),
        Replaced => l.pick("已换新卡", "replaced"),
        Deceased => l.pick("持卡人已故", "holder deceased"),
        Fraud => l.pick("调查中", "under investigation"),
    }
}

impl Show for WorkAnswer {
    fn show(&self, page: &mut Page) {
        match &self.seeker {
            None => page.say("没有有效的求职登记。", "There is no registration."),
            Some(seeker) => page.pairs([
                (page.pick("求职意向", "work").to_owned(), seeker.seek.wish.clone()),
                (page.pick("地区", "district").to_owned(), seeker.seek.district.as_str().to_owned()),
                (
                    page.pick("月薪不低于（元）", "wage from (yuan)").to_owned(),
                    seeker.seek.wage_min.to_string(),
                ),
                (page.pick("电话", "telephone").to_owned(), seeker.seek.phone.clone()),
                (page.pick("有效至", "until").to_owned(), seeker.until.to_string()),
            ]),
        }
    }
}

impl Show for UnemploymentAnswer {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        match &self.claim {
            None => page.say("没有申领失业保险金。", "No benefit was claimed."),
            Some(claim) => page.pairs([
                (
                    page.pick("状态", "state").to_owned(),
                    words::unemployment_name(claim.state, language).to_owned(),
                ),
                (page.pick("每月（元）", "a month (yuan)").to_owned(), claim.monthly.to_string()),
                (page.pick("起始月份", "from").to_owned(), claim.from.to_string()),
                (
                    page.pick("已领 / 核定月数", "months paid / granted").to_owned(),
                    format!("{} / {}", claim.months_paid, claim.months),
                ),
            ]),
        }
        page.say(
            format!("失业保险已缴 {} 个月", self.months_insured),
            format!("{} months of unemployment insurance are paid", self.months_insured),
        );
    }
}

impl Show for DuesAnswer {
    fn show(&self, page: &mut Page) {
        if self.dues.is_empty() {
            page.say("没有应缴费款。", "Nothing is due.");
            return;
        }
        let language = page.language();
        let head = [
            language.pick("险种", "insurance"),
            language.pick("费款所属", "for"),
            language.pick("月数", "months"),
            language.pick("金额（元）", "yuan"),
            language.pick("缴费截止", "due by"),
        ];
        let rows = self.dues.iter().map(|due| {
            vec![
                words::contribution_name(due.kind, language).to_owned(),
                due.period.to_string(),
                due.months.to_string(),
                due.amount.to_string(),
                due.until.to_string(),
            ]
        });
        page.table(&head, &[2, 3], rows);
        for due in &self.held {
            let name = words::contribution_name(due.kind, language);
            page.say(
                format!("※ {name} {} 正在缴纳", due.period),
                format!("※ {name} {} is being paid", due.period),
            );
        }
        page.say(
            "请到税务、银行邮政或社区窗口缴纳（jinbao contribute pay）。",
            "To be paid at a desk of the tax office, a bank, a post office or a community (jinbao contribute pay).",
        );
    }
}

impl Show for Reported {
    fn show(&self, page: &mut Page) {
        let Locked { report, locked, before, .. } = self.0;
        page.say(
            format!("✓ 已挂失，编号 {report}：新锁定 {locked} 张，先前已停用 {before} 张"),
            format!("✓ reported as {report}: {locked} cards locked now, {before} were blocked before"),
        );
        page.say(
            "解挂或补卡请持身份证件到经办窗口。",
            "To free or replace a card, take an identity document to an office.",
        );
    }
}
