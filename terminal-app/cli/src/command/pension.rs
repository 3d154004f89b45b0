//! `jinbao pension`: how a pension stands, and paying it out (养老金).

use std::io::{self, IsTerminal};

use card_spec::money::Fen;
use clap::{Args, Subcommand};
use edge::counter::Counter;
use protocol::{
    calendar::{Day, Period},
    evidence::FingerPosition,
    policy::Purpose,
    service::{Cursor, FailedPayment, NextStep, PAGE_ROWS, PAGE_ROWS_MAX},
};
use serde::Serialize;
use terminal::{eligibility::Source, error::Error, flows::PensionRun, pension::PensionState, words};

use super::{
    Context,
    finger::{
        self,
        prove::{self, Known, LADDER_HELP, ProofArguments},
        slip::{self, Slipped},
    },
    tap::{self, CARD_TIMEOUT_S, CardGlance},
};
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
};

/// What can be done with pensions.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 查询应发月份、金额、认证到期日 · months that are due, amount, end of the certification
    Show(ShowArguments),
    /// 核验本人后发放 · pay what is due, to whom it belongs
    Pay(PayArguments),
    /// 发放失败：中心没有入账的发放及处理办法 · pensions that the center did not book, and what to do
    Failed(FailedArguments),
}

/// What `pension show` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao pension show
  jinbao pension show --offline --json

退出码 Exit: 0 有应发月份 · something is due; 1 现在不能发放（未认证，或已发完） · nothing can be paid now;
             3 中心没有此人的养老金，或已停发 · the center pays no pension to this person")]
pub(crate) struct ShowArguments {
    /// 不联系中心 · do not ask the center
    #[arg(long)]
    offline: bool,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

const EXAMPLES: &str = "\
例 Examples:
  jinbao pension pay
  jinbao pension pay --yes --json
  jinbao pension pay --staff --second 0003      指纹不能用时双人核验 · by two clerks, where no finger works

资格认证过期的先运行 jinbao finger certify，认证后补发欠发月份。
每月一笔，先入账后付现；同一人同一月只发一次，断线、拔卡、断电也不会重复。
Where the certification has ended, `jinbao finger certify` comes first; what is owed is paid then. Each month is a
record of its own, and the money is handed out when it stands in the books. A month is paid once, whatever happens.

退出码 Exit: 0 已入账，请付现 · in the books, hand the money out; 1 未确认 · not agreed; 3 没有手指或不清楚、须先认证、
             已发完 · no finger, not clear, not certified, or nothing due; 4 不一致，或须经办人员 · the finger
             differs, or staff has to decide; 5 指纹仪 · the sensor; 7 部分月份未发 · some months are not paid

";

/// What `pension pay` is told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES.to_owned() + LADDER_HELP)]
pub(crate) struct PayArguments {
    /// 手指，1 右拇指 … 6 左拇指 … 10 · which finger, 1 right thumb … 10 left little finger
    #[arg(long, value_name = "POSITION", value_parser = finger::position)]
    finger: Option<FingerPosition>,
    #[command(flatten)]
    proof: ProofArguments,
    /// 不再询问 · do not ask again
    #[arg(long)]
    yes: bool,
    /// 不联系中心 · do not ask the center
    #[arg(long)]
    offline: bool,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

/// What `pension failed` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao pension failed                      本网点各终端 · of every terminal of this branch
  jinbao pension failed --this-terminal      只看本机 · of this terminal alone
  jinbao pension failed -n 5 --json

不需要卡；号码只显示首尾。款已发出而中心没有入账，每笔说明原因和处理办法。
No card is needed; numbers are masked. The money went out and the center did not book it: each says why, and what is
to be done.

退出码 Exit: 0 没有 · none; 1 有，须处理 · some: something is to be done; 6 中心不通、此窗口无权 · the center is not
             reached, or has given this desk no right")]
pub(crate) struct FailedArguments {
    /// 只看本机 · only this terminal
    #[arg(long)]
    this_terminal: bool,
    /// 每页行数 · rows of a page
    #[arg(long, short = 'n', default_value_t = PAGE_ROWS, value_parser = clap::value_parser!(u8).range(1..=i64::from(PAGE_ROWS_MAX)))]
    rows: u8,
    /// 从上一页给出的位置继续 · go on where the last page ended
    #[arg(long, value_name = "PLACE", value_parser = super::service::cursor)]
    after: Option<Cursor>,
}

fn failed(context: &Context, arguments: &FailedArguments) -> Result<Exit, Failure> {
    let mut counter = context.open_without_card()?;
    let (this, after) = (arguments.this_terminal, arguments.after.clone());
    let answer = counter.flows.failed_payments(this, after, arguments.rows)?;
    let none = answer.content.payments.is_empty();
    let language = context.console.language();
    let rows = answer.content.payments.into_iter();
    let rows = rows.map(|payment| {
        let next_step = payment.next_step();
        FailedRow {
            reason_text: match payment.reason {
                Some(reason) => words::refusal(reason, language).what,
                None => language.pick("交易号与另一笔冲突。", "The name belongs to another record.").into(),
            },
            advice: words::next_step_words(next_step, language),
            next_step,
            payment,
        }
    });
    context.console.answer(&Failed { payments: rows.collect(), next: answer.content.next });
    Ok(if none { Exit::Done } else { Exit::No })
}

#[derive(Serialize)]
struct Failed {
    payments: Vec<FailedRow>,
    next: Option<Cursor>,
}

#[derive(Serialize)]
struct FailedRow {
    #[serde(flatten)]
    payment: FailedPayment,
    reason_text: String,
    next_step: NextStep,
    advice: &'static str,
}

impl Show for Failed {
    fn show(&self, page: &mut Page) {
        if self.payments.is_empty() {
            page.say("没有发放失败的养老金。", "Every pension that was paid is booked.");
        }
        for row in &self.payments {
            let payment = &row.payment;
            page.gap();
            page.line(format!(
                "{}  {}  {}  {}  {}  {}/{}",
                payment.at,
                payment.person,
                payment.period,
                payment.amount,
                payment.operator,
                payment.terminal,
                payment.sequence
            ));
            page.line(format!("✗ {}", row.reason_text));
            page.line(format!("  → {}", row.advice));
        }
        super::service::more(page, self.next.as_ref());
    }
}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Failed(arguments) => failed(context, &arguments),
        Command::Show(arguments) => show(context, &arguments),
        Command::Pay(arguments) => pay(context, &arguments),
    }
}

/// A month that is due.
#[derive(Serialize)]
struct Month {
    period: Period,
    fen: Fen,
}

/// How a pension stands.
#[derive(Serialize)]
struct Shown {
    card: CardGlance,
    payable: bool,
    reason: Option<String>,
    advice: Option<String>,
    monthly_fen: Fen,
    due: Vec<Period>,
    due_fen: Fen,
    /// What each month due is.
    months: Vec<Month>,
    next: Period,
    certified_until: Option<Day>,
    source: &'static str,
    cache_age_ms: Option<i64>,
}

fn show(context: &Context, arguments: &ShowArguments) -> Result<Exit, Failure> {
    let mut counter = context.open(arguments.offline)?;
    context.narrate(&mut counter);
    let tap = tap::tap(context, &mut counter, arguments.wait)?;
    let state = counter.flows.pension();
    counter.flows.close_card();
    let shown = Shown::of(context, CardGlance::of(&tap.card), &state?);
    context.console.answer(&shown);
    Ok(if shown.payable { Exit::Done } else { Exit::No })
}

impl Shown {
    fn of(context: &Context, card: CardGlance, state: &PensionState) -> Self {
        let words = state.payable().err().map(|refusal| refusal.words(context.console.language()));
        let (source, cache_age_ms) = match state.source {
            Source::Cache { age_ms } => ("cache", Some(age_ms)),
            Source::Center => ("center", None),
        };
        Shown {
            card,
            payable: words.is_none(),
            reason: words.as_ref().map(|words| words.what.clone()),
            advice: words.map(|words| words.next),
            monthly_fen: state.pension.monthly,
            due: state.due.clone(),
            due_fen: state.due_amount(),
            months: state
                .due
                .iter()
                .map(|period| Month { period: *period, fen: state.amount(*period) })
                .collect(),
            next: state.next,
            certified_until: state.certified_until,
            source,
            cache_age_ms,
        }
    }

    fn figures(&self, page: &mut Page) {
        let none = page.pick("无", "none").to_owned();
        // After a raise the arrears of before it keep their amount.
        let differ = self.months.iter().any(|month| month.fen != self.monthly_fen);
        let months = self.months.iter().map(|month| match differ {
            true => format!("{} {}", month.period, month.fen),
            false => month.period.to_string(),
        });
        let months: Vec<String> = months.collect();
        page.pairs([
            (page.pick("每月（元）", "a month (yuan)").to_owned(), self.monthly_fen.to_string()),
            (
                page.pick("应发月份", "months due").to_owned(),
                if months.is_empty() { none.clone() } else { months.join(page.pick("、", ", ")) },
            ),
            (page.pick("应发合计（元）", "due (yuan)").to_owned(), self.due_fen.to_string()),
            (
                page.pick("资格认证有效期至", "certified until").to_owned(),
                self.certified_until.map_or(none, |day| day.to_string()),
            ),
        ]);
        if let Some(age_ms) = self.cache_age_ms {
            let minutes = age_ms.max(0) / 60_000;
            page.say(
                format!("※ 依据本机资格库，{minutes} 分钟前"),
                format!("※ by this terminal's copy, {minutes} minutes old"),
            );
        }
    }
}

impl Show for Shown {
    fn show(&self, page: &mut Page) {
        page.line(self.card.words(page.language()));
        self.figures(page);
        if let Some(reason) = &self.reason {
            page.line(format!("✗ {reason}"));
        }
        if let Some(advice) = self.advice.as_ref().filter(|advice| !advice.is_empty()) {
            page.line(format!("  → {advice}"));
        }
    }
}

#[derive(Serialize)]
struct Paid {
    pension: Shown,
    proof: Option<Known>,
    paid: Vec<Slipped>,
    paid_fen: Fen,
    stopped: Option<String>,
}

fn pay(context: &Context, arguments: &PayArguments) -> Result<Exit, Failure> {
    let mut counter = context.open(arguments.offline)?;
    counter.require_duty()?;
    counter.require_sound_books()?;
    arguments.proof.prepare(&mut counter)?;
    context.narrate(&mut counter);
    let tap = tap::tap(context, &mut counter, arguments.wait)?;
    let done = pay_card(context, &mut counter, arguments, CardGlance::of(&tap.card));
    counter.flows.close_card();
    let (pension, done) = done?;
    let Some((known, run)) = done else {
        let paid = Paid { pension, proof: None, paid: Vec::new(), paid_fen: Fen::ZERO, stopped: None };
        context.console.answer(&paid);
        return Ok(Exit::No);
    };
    slip::send(&mut counter, arguments.offline)?;
    let paid_fen = run.amount();
    let stopped = run.stopped.map(|error| error.words(context.console.language()).to_string());
    let exit = if stopped.is_some() { Exit::Unknown } else { Exit::Done };
    context.console.answer(&Paid {
        pension,
        proof: Some(known),
        paid: slip::months(context, &counter, run.paid, arguments.offline)?,
        paid_fen,
        stopped,
    });
    Ok(exit)
}

/// `None` when whoever stands there does not want it.
fn pay_card(
    context: &Context,
    counter: &mut Counter,
    arguments: &PayArguments,
    card: CardGlance,
) -> Result<(Shown, Option<(Known, PensionRun)>), Failure> {
    let state = counter.flows.pension()?;
    // Who cannot be paid is told before being asked for a finger.
    state.payable().map_err(Error::from)?;
    let shown = Shown::of(context, card, &state);
    if !arguments.yes && !agrees(context, &shown)? {
        return Ok((shown, None));
    }
    let known = prove::prove(context, counter, Purpose::Pension, arguments.finger, &arguments.proof)?;
    Ok((shown, Some((known, counter.flows.pay_pension(&state)?))))
}

/// Shows what is due and asks the person in front, where there is one.
fn agrees(context: &Context, shown: &Shown) -> Result<bool, Failure> {
    if context.global.pin_stdin || context.console.is_json() || !io::stdin().is_terminal() {
        return Ok(true);
    }
    let language = context.console.language();
    context.console.error_line(&match language {
        terminal::language::Language::Chinese => {
            format!("应发 {} 个月，共 {} 元。现在发放？[Y/n]", shown.due.len(), shown.due_fen)
        }
        terminal::language::Language::English => {
            format!("{} months are due, {} yuan. Pay now? [Y/n]", shown.due.len(), shown.due_fen)
        }
    });
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|_| EdgeError::NoKeyboard)?;
    Ok(matches!(answer.trim(), "" | "y" | "Y" | "yes" | "是"))
}

impl Show for Paid {
    fn show(&self, page: &mut Page) {
        page.line(self.pension.card.words(page.language()));
        let Some(proof) = &self.proof else {
            page.say("未发放。", "Nothing was paid.");
            return;
        };
        proof.line(page);
        for slip in &self.paid {
            slip.show(page);
        }
        page.gap();
        let (months, amount) = (self.paid.len(), self.paid_fen);
        page.say(
            format!("✓ 已入账 {months} 个月，请付现 {amount} 元"),
            format!("✓ {months} months are in the books: hand out {amount} yuan"),
        );
        if let Some(why) = &self.stopped {
            page.say(format!("✗ 其余月份未发：{why}"), format!("✗ the other months are not paid: {why}"));
        }
    }
}
