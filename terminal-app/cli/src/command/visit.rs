//! `jinbao visit`: one hospital visit, from the card to the receipt.

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use card_spec::money::Fen;
use clap::Args;
use edge::{bill::BillFile, counter::Counter};
use protocol::id::TransactionId;
use serde::Serialize;
use terminal::{
    eligibility::Source,
    error::Error,
    flows::{PreSettlement, Settled, VisitEntry},
    receipt::{Booking, COLUMNS_80_MM, Paper, Receipt},
    rules::Amounts,
};

use super::{
    Context,
    receipt::print_if_set_up,
    tap::{self, CARD_TIMEOUT_S, CardGlance, Earlier},
};
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
    words,
};

/// How often figures that others overtook are shown anew before giving up.
const SHOWN_MAX: u32 = 3;

/// What `visit` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao visit --bill bill.json
  jinbao visit --bill bill.json --offline --receipt receipt.pdf
  printf '%s\\n' PIN | jinbao visit --bill bill.json --pin-stdin --yes --json

步骤：读卡、认证、验密、查资格、登记、预结算、确认、扣款、记账、上传、打印。
任一步中断都可重来：同一张卡再插入时先查明上一笔的结果，不会重复扣款。
Any step may break off: when the same card comes back, what became of the last transaction is found out
first, and nothing is taken twice.

账单文件 The bill:  { \"visit\": \"outpatient\", \"lines\": [ { \"code\": …, \"price\": …, \"count\": … } ] }
  rules explain 用的账单也可直接使用，其中人员与余额以卡片和资格库为准。
  The bills of `rules explain` work too; person and balance are then the card's and the cache's.")]
pub(crate) struct Arguments {
    /// 账单文件 · the bill
    #[arg(long, value_name = "FILE")]
    bill: PathBuf,
    /// 就诊号（默认自动生成） · number of the visit, made up when left out
    #[arg(long, value_name = "NUMBER")]
    visit: Option<String>,
    /// 按脱机处理，不联系中心 · work as if the line were down
    #[arg(long)]
    offline: bool,
    /// 不动用个人账户 · leave the personal account alone
    #[arg(long)]
    no_account: bool,
    /// 凭证写入文件（.pdf 为 PDF） · write the receipt to a file, PDF when its name ends in .pdf
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// 不再确认 · do not ask before the card is debited
    #[arg(long)]
    yes: bool,
    /// 只预结算，不扣款 · only show what it comes to
    #[arg(long)]
    pre_settle: bool,
    /// 等卡秒数 · seconds to wait for the card
    #[arg(long, value_name = "SECONDS", default_value_t = CARD_TIMEOUT_S)]
    wait: u32,
}

#[derive(Serialize)]
struct Visited {
    visit: String,
    card: CardGlance,
    earlier: Option<Earlier>,
    eligibility: &'static str,
    cache_age_ms: Option<i64>,
    offline: bool,
    rules_version: String,
    amounts: Amounts,
    settled: bool,
    id: Option<TransactionId>,
    sequence: Option<u64>,
    balance_before_fen: Option<Fen>,
    balance_after_fen: Option<Fen>,
    upload: Option<Booking>,
    /// Why this record cannot be booked as it stands: business is stopped.
    halted: Option<String>,
    receipt: Option<Receipt>,
    receipt_file: Option<PathBuf>,
    printed: Option<bool>,
    card_commands: u64,
    #[serde(skip)]
    text: Option<String>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let bill = BillFile::read(&arguments.bill)?;
    let mut counter = context.open(arguments.offline)?;
    counter.require_duty()?;
    counter.require_sound_books()?;
    context.narrate(&mut counter);
    if !arguments.offline {
        counter.fetch_missing_rules()?;
    }
    let done = visit(context, arguments, &bill, &mut counter);
    counter.flows.close_card();
    let (visited, exit) = done?;
    context.console.answer(&visited);
    Ok(exit)
}

fn visit(
    context: &Context,
    arguments: &Arguments,
    bill: &BillFile,
    counter: &mut Counter,
) -> Result<(Visited, Exit), Failure> {
    let tap = tap::tap(context, counter, arguments.wait)?;
    let card = CardGlance::of(&tap.card);
    let verified = tap::verify(context, counter)?;
    let earlier = Earlier::of_tap(&tap, verified.as_ref());
    let number = register(arguments, bill, counter)?;
    let mut shown = 0;
    let (mut visited, settled) = loop {
        let agreed = counter.flows.pre_settle(&number, !arguments.no_account)?;
        let mut visited = Visited::of(number.clone(), card.clone(), earlier.clone(), &agreed);
        show_figures(context, &agreed);
        if arguments.pre_settle || !agrees(context, arguments)? {
            visited.card_commands = counter.flows.session().traffic().0.commands;
            return Ok((visited, if arguments.pre_settle { Exit::Done } else { Exit::No }));
        }
        shown += 1;
        match counter.flows.settle(&agreed) {
            Ok(settled) => break (visited, settled),
            // Another bill of this person was settled meanwhile: the holder sees the new figures.
            Err(Error::BillChanged) if shown < SHOWN_MAX => context.console.step(
                context
                    .console
                    .language()
                    .pick("本年累计已变动，重新计算", "The year's sums have changed, computed anew"),
            ),
            Err(error) => return Err(error.into()),
        }
    };
    visited.card_commands = counter.flows.session().traffic().0.commands;
    // The card is done with; what follows can be repeated without it.
    counter.flows.close_card();
    context.console.step(context.console.language().pick("请取卡", "Take the card"));
    finish(context, arguments, counter, settled, &mut visited)?;
    let exit = if visited.halted.is_some() { Exit::Installer } else { Exit::Done };
    Ok((visited, exit))
}

/// Registers the visit with its lines.
fn register(arguments: &Arguments, bill: &BillFile, counter: &mut Counter) -> Result<String, Failure> {
    let number = arguments.visit.clone().or_else(|| bill.number.clone());
    let number = number.unwrap_or_else(|| counter.flows.new_visit_number());
    counter.flows.register(&VisitEntry { number: number.clone(), med_type: bill.med_type() })?;
    counter.flows.add_lines(&number, &bill.entries(""))?;
    Ok(number)
}

/// Uploads, prints and writes the receipt. None of it can undo the settlement.
fn finish(
    context: &Context,
    arguments: &Arguments,
    counter: &mut Counter,
    settled: Settled,
    visited: &mut Visited,
) -> Result<(), Failure> {
    let Settled { id, link, mut receipt, balance_after } = settled;
    if !arguments.offline {
        // A failing line is no failure of the visit: the record waits in the queue.
        counter.flows.send_unless_down()?;
    }
    let booking = counter.flows.booking(id, arguments.offline)?;
    receipt.booking = booking.clone();
    visited.settled = true;
    visited.id = Some(id);
    visited.sequence = Some(link.sequence);
    visited.balance_after_fen = balance_after;
    if matches!(booking, Booking::Pending { .. }) {
        let halted = counter.flows.ledger().halted().map_err(Error::from)?;
        visited.halted = halted.map(|reason| reason.words(context.console.language()).to_string());
    }
    visited.upload = Some(booking);
    visited.printed = print_if_set_up(context, counter, &receipt);
    if let Some(path) = &arguments.receipt {
        let paper = Paper::Receipt(Box::new(receipt.clone()));
        edge::receipt::write(&paper, path, context.console.language())?;
        visited.receipt_file = Some(path.clone());
    }
    visited.text = Some(receipt.text(COLUMNS_80_MM, context.console.language()));
    visited.receipt = Some(receipt);
    Ok(())
}

/// Shows what the visit comes to before the card is debited; machines get it with the result.
fn show_figures(context: &Context, agreed: &PreSettlement) {
    if context.console.is_json() {
        return;
    }
    let language = context.console.language();
    for (chinese, english, amount) in words::figures(&agreed.outcome.settlement.amounts()) {
        context.console.error_line(&format!(
            "    {:>12}  {}",
            amount.to_string(),
            language.pick(chinese, english)
        ));
    }
}

/// Asks the person in front, where there is one.
fn agrees(context: &Context, arguments: &Arguments) -> Result<bool, Failure> {
    if arguments.yes || context.global.pin_stdin || context.console.is_json() || !io::stdin().is_terminal() {
        return Ok(true);
    }
    context.console.error_line(context.console.language().pick("确认结算？[Y/n]", "Settle? [Y/n]"));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|_| EdgeError::NoKeyboard)?;
    Ok(matches!(answer.trim(), "" | "y" | "Y" | "yes" | "是"))
}

impl Visited {
    fn of(number: String, card: CardGlance, earlier: Option<Earlier>, agreed: &PreSettlement) -> Self {
        let (eligibility, cache_age_ms) = match agreed.eligible.source {
            Source::Cache { age_ms } => ("cache", Some(age_ms)),
            Source::Center => ("center", None),
        };
        Visited {
            visit: number,
            card,
            earlier,
            eligibility,
            cache_age_ms,
            offline: agreed.offline,
            rules_version: agreed.rules_version.clone(),
            amounts: agreed.outcome.settlement.amounts(),
            settled: false,
            id: None,
            sequence: None,
            balance_before_fen: agreed.balance,
            balance_after_fen: None,
            upload: None,
            halted: None,
            receipt: None,
            receipt_file: None,
            printed: None,
            card_commands: 0,
            text: None,
        }
    }
}

impl Show for Visited {
    fn show(&self, page: &mut Page) {
        page.line(self.card.words(page.language()));
        if let Some(earlier) = &self.earlier {
            page.line(earlier.words(page.language()));
        }
        if !self.settled {
            page.say("未结算，未扣款。", "Not settled, nothing was taken.");
            return;
        }
        if let Some(text) = &self.text {
            page.gap();
            page.line(text.trim_end());
            page.gap();
        }
        if let Some(file) = &self.receipt_file {
            let file = file.display();
            page.say(format!("凭证已写入 {file}"), format!("receipt written to {file}"));
        }
        match (&self.upload, &self.halted) {
            (Some(Booking::Pending { .. }) | None, Some(why)) => page.say(
                format!("✗ 已记入本机账本，但中心无法入账，业务已停止：{why}"),
                format!(
                    "✗ in this terminal's books, but the center cannot book it; business is stopped: {why}"
                ),
            ),
            (Some(upload), _) => booking_line(upload, page),
            (None, None) => {}
        }
    }
}

/// What has become of a record at the center.
pub(crate) fn booking_line(booking: &Booking, page: &mut Page) {
    match booking {
        Booking::Booked { receipt } => page.say(
            format!("✓ 中心已记账，回执 {receipt}"),
            format!("✓ booked by the center, receipt {receipt}"),
        ),
        Booking::Refused { reason } => {
            let why = terminal::words::refusal(*reason, page.language());
            page.say(format!("✗ 中心未记账：{why}"), format!("✗ not booked: {why}"));
        }
        Booking::Conflict => page.say(
            "✗ 与中心记录冲突，请报告主管",
            "✗ in conflict with the center's books: tell the supervisor",
        ),
        Booking::Pending { .. } => page.say(
            "※ 已记入本机账本，线路恢复后自动上传（jinbao queue retry）",
            "※ in this terminal's books; uploaded when the line is back (`jinbao queue retry`)",
        ),
    }
}
