//! `jinbao queue`: the transactions of this terminal. The ledger is the queue; there is no other list.

mod books;

use card_spec::money::Fen;
use clap::{Args, Subcommand};
use edge::terminal::Terminal;
use protocol::{id::TransactionId, record::Business};
use serde::Serialize;
use terminal::{
    error::Error,
    language::Language,
    ledger::{Filter, Ledger, LedgerError, Purpose, State, Status, Transaction},
    uploader::{SendError, Step, Uploader},
};

use super::Context;
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure},
    words,
};

/// Rows listed when nothing is said.
const ROWS: u32 = 20;

/// A window longer than this is not waited for: the next `retry` goes on.
const WINDOW_WAIT_MS_MAX: u64 = 10_000;

/// What can be done with the queue.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 列出交易 · list transactions
    List(ListArguments),
    /// 查看一笔交易 · show one transaction
    Show(ShowArguments),
    /// 立即上传 · upload now
    Retry(RetryArguments),
    /// 导出账本（明文，含个人信息） · copy the ledger out, in the clear
    Export(books::ExportArguments),
    /// 中心核对后恢复业务（安装维护员） · let business go on after the center has confirmed the ledger
    Resume(books::ResumeArguments),
    /// 校验整条链与审计 · verify chain, signatures and audit
    Verify(books::VerifyArguments),
}

/// What `queue list` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao queue list                    最近的交易 · the latest
  jinbao queue list --waiting          待上传 · what waits for upload
  jinbao queue list --unresolved       结果未知 · unknown outcomes
  jinbao queue list --disputed --json  被拒或冲突 · refused or in conflict")]
pub(crate) struct ListArguments {
    /// 只看待上传 · waiting for the center's verdict
    #[arg(long, group = "which")]
    waiting: bool,
    /// 只看结果未知 · without an outcome
    #[arg(long, group = "which")]
    unresolved: bool,
    /// 只看被拒与冲突 · refused or in conflict
    #[arg(long, group = "which")]
    disputed: bool,
    /// 最多行数 · most rows
    #[arg(long, default_value_t = ROWS)]
    rows: u32,
}

/// What `queue show` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao queue show 12                                  按序号 · by sequence
  jinbao queue show 5f0c…32 hex digits                  按编号 · by id")]
pub(crate) struct ShowArguments {
    /// 序号或编号 · sequence or id
    which: String,
    /// 连同正文（含个人信息） · with the body, which holds personal data
    #[arg(long)]
    full: bool,
}

/// What `queue retry` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao queue retry
  jinbao queue retry --json

同一笔交易重复上传是安全的：中心只记一次。
Sending twice is safe: the center books once. Exit 6 when the center cannot be reached; nothing is lost.")]
pub(crate) struct RetryArguments {}

pub(super) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List(arguments) => list(context, &arguments),
        Command::Show(arguments) => show(context, &arguments),
        Command::Retry(RetryArguments {}) => retry(context),
        Command::Export(arguments) => books::export(context, &arguments),
        Command::Resume(books::ResumeArguments {}) => books::resume(context),
        Command::Verify(books::VerifyArguments {}) => books::verify(context),
    }
}

#[derive(Serialize)]
struct List {
    transactions: Vec<Row>,
    status: Figures,
}

#[derive(Serialize)]
struct Row {
    sequence: Option<u64>,
    id: TransactionId,
    kind: &'static str,
    state: State,
    at_ms: i64,
    fee_fen: Option<Fen>,
    account_fen: Option<Fen>,
    late: bool,
    receipt: Option<String>,
}

/// The ledger in figures.
#[derive(Serialize)]
pub(crate) struct Figures {
    sequence: u64,
    waiting: u64,
    unresolved: u64,
    refused: u64,
    conflicts: u64,
    overdue: u64,
    oldest_waiting_ms: Option<i64>,
    halted: Option<String>,
}

impl Figures {
    pub(crate) fn of(status: Status, language: Language) -> Self {
        Figures {
            sequence: status.sequence,
            waiting: status.waiting,
            unresolved: status.unresolved,
            refused: status.refused,
            conflicts: status.conflicts,
            overdue: status.overdue,
            oldest_waiting_ms: status.oldest_waiting.map(|at| at.0),
            halted: status.halted.map(|reason| reason.words(language).to_string()),
        }
    }
}

fn list(context: &Context, arguments: &ListArguments) -> Result<Exit, Failure> {
    let terminal = Terminal::open(context.data()?)?;
    let filter = match (arguments.waiting, arguments.unresolved, arguments.disputed) {
        (true, _, _) => Filter::Waiting,
        (_, true, _) => Filter::Unresolved,
        (_, _, true) => Filter::Disputed,
        _ => Filter::All,
    };
    let rows = terminal.ledger.list(filter, arguments.rows).map_err(Error::from)?;
    let limits = terminal.cache.limits().map_err(Error::from)?;
    let status = terminal.ledger.status(&limits, terminal.now()).map_err(Error::from)?;
    context.console.answer(&List {
        transactions: rows.iter().map(Row::of).collect(),
        status: Figures::of(status, context.console.language()),
    });
    Ok(Exit::Done)
}

impl Row {
    fn of(transaction: &Transaction) -> Self {
        let (kind, fee_fen, account_fen) = figures(transaction);
        Row {
            sequence: transaction.link.map(|link| link.sequence),
            id: transaction.intention.id,
            kind,
            state: transaction.state,
            at_ms: transaction.recorded_at.unwrap_or(transaction.intention.made_at).0,
            fee_fen,
            account_fen,
            late: transaction.late,
            receipt: transaction.verdict.as_ref().map(|verdict| verdict.receipt.clone()),
        }
    }
}

/// Kind, fee and account money of a transaction.
fn figures(transaction: &Transaction) -> (&'static str, Option<Fen>, Option<Fen>) {
    match transaction.business() {
        Some(Business::Settlement(settlement)) => {
            ("settlement", Some(settlement.amounts.medfee_sumamt), Some(settlement.amounts.acct_pay))
        }
        Some(Business::Cancellation(cancellation)) => {
            ("cancellation", Some(cancellation.amounts.medfee_sumamt), Some(cancellation.amounts.acct_pay))
        }
        Some(Business::Load(load)) => ("load", None, Some(load.amount)),
        Some(Business::Abandoned { .. }) => ("abandoned", None, None),
        Some(Business::Enrolment(_)) => ("enrolment", None, None),
        Some(Business::Certification(_)) => ("certification", None, None),
        Some(Business::Pension(payment)) => ("pension", Some(payment.amount), None),
        Some(Business::Contribution(payment)) => ("contribution", Some(payment.amount), None),
        Some(Business::ContributionReversal(reversal)) => {
            ("contribution_reversal", Some(-reversal.amount), None)
        }
        Some(_) => ("other", None, None),
        None => match transaction.intention.purpose {
            Purpose::Settlement => {
                ("settlement", None, transaction.armed.as_ref().map(|armed| armed.account))
            }
            Purpose::Cancellation { .. } => ("cancellation", None, None),
            Purpose::Load { .. } => ("load", None, transaction.armed.as_ref().map(|armed| armed.account)),
            Purpose::Enrolment => ("enrolment", None, None),
            Purpose::Certification => ("certification", None, None),
            Purpose::Pension { .. } => ("pension", None, None),
            Purpose::Contribution => ("contribution", None, None),
            Purpose::ContributionReversal { .. } => ("contribution_reversal", None, None),
        },
    }
}

/// Kind of a transaction, Chinese and English.
fn kind_name(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "settlement" => ("结算", "settlement"),
        "cancellation" => ("撤销", "cancellation"),
        "enrolment" => ("指纹采集", "enrolment of fingers"),
        "certification" => ("资格认证", "certification"),
        "pension" => ("养老金发放", "pension"),
        "contribution" => ("缴费", "contribution"),
        "contribution_reversal" => ("缴费撤销", "contribution taken back"),
        "load" => ("圈存", "load"),
        "abandoned" => ("未成", "not done"),
        _ => ("其他", "other"),
    }
}

/// State of a transaction, Chinese and English.
pub(crate) fn state_name(state: State) -> (&'static str, &'static str) {
    match state {
        State::Intended => ("已登记意向", "intended"),
        State::Armed => ("结果未知", "unknown outcome"),
        State::Recorded => ("待上传", "waits for upload"),
        State::Uploaded => ("已发送，待回执", "sent, no answer yet"),
        State::Booked => ("中心已记账", "booked"),
        State::Refused => ("中心拒绝", "refused"),
        State::Conflict => ("冲突", "conflict"),
    }
}

impl Show for List {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        let pick = |names: (&'static str, &'static str)| language.pick(names.0, names.1);
        if self.transactions.is_empty() {
            page.say("没有交易", "No transactions");
        } else {
            let head = [
                pick(("序号", "no.")),
                pick(("时间", "time")),
                pick(("种类", "kind")),
                pick(("费用", "fee")),
                pick(("账户", "account")),
                pick(("状态", "state")),
                pick(("编号", "id")),
            ];
            let money = |amount: Option<Fen>| amount.map(|amount| amount.to_string()).unwrap_or_default();
            let rows = self.transactions.iter().map(|row| {
                let late = if row.late { pick(("（超时限）", " (late)")) } else { "" };
                vec![
                    row.sequence.map(|sequence| sequence.to_string()).unwrap_or_default(),
                    words::moment(row.at_ms),
                    pick(kind_name(row.kind)).to_owned(),
                    money(row.fee_fen),
                    money(row.account_fen),
                    format!("{}{late}", pick(state_name(row.state))),
                    row.id.to_string(),
                ]
            });
            page.table(&head, &[0, 3, 4], rows);
        }
        page.gap();
        self.status.show(page);
    }
}

impl Show for Figures {
    fn show(&self, page: &mut Page) {
        page.say(
            format!(
                "共 {} 笔；待上传 {}，结果未知 {}，被拒 {}，冲突 {}，超时限 {}",
                self.sequence, self.waiting, self.unresolved, self.refused, self.conflicts, self.overdue
            ),
            format!(
                "{} records; {} wait for upload, {} unknown, {} refused, {} in conflict, {} overdue",
                self.sequence, self.waiting, self.unresolved, self.refused, self.conflicts, self.overdue
            ),
        );
        if let Some(reason) = &self.halted {
            page.say(format!("✗ 业务已停止：{reason}"), format!("✗ business is stopped: {reason}"));
        }
    }
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: Row,
    ordinal: u64,
    digest: Option<String>,
    armed_at_ms: Option<i64>,
    card_serial: Option<u16>,
    terminal_serial: Option<u32>,
    tac: Option<String>,
    refusal: Option<protocol::upload::RefusalReason>,
    cancelled_by: Option<TransactionId>,
    body: Option<serde_json::Value>,
    #[serde(skip)]
    refusal_words: Option<String>,
}

fn show(context: &Context, arguments: &ShowArguments) -> Result<Exit, Failure> {
    let terminal = Terminal::open(context.data()?)?;
    let transaction = find(&terminal.ledger, &arguments.which)?;
    let body = transaction.body.as_deref().filter(|_| arguments.full);
    let refusal = transaction.verdict.as_ref().and_then(|verdict| verdict.refusal);
    let language = context.console.language();
    let tac = match transaction.business() {
        Some(Business::Settlement(settlement)) => settlement.card.map(|card| card.tac),
        Some(Business::Load(load)) => Some(load.tac),
        _ => None,
    };
    context.console.answer(&Shown {
        row: Row::of(&transaction),
        ordinal: transaction.ordinal,
        digest: transaction.link.map(|link| link.digest.to_string()),
        armed_at_ms: transaction.armed_at.map(|at| at.0),
        card_serial: transaction.armed.as_ref().map(|armed| armed.card_serial),
        terminal_serial: transaction.armed.as_ref().map(|armed| armed.terminal_serial),
        tac,
        refusal,
        cancelled_by: transaction.cancelled_by,
        body: body.and_then(|body| serde_json::from_str(body).ok()),
        refusal_words: refusal.map(|reason| terminal::words::refusal(reason, language).to_string()),
    });
    Ok(Exit::Done)
}

/// A transaction by sequence or id.
pub(crate) fn find(ledger: &Ledger, which: &str) -> Result<Transaction, Failure> {
    let found = match which.parse::<TransactionId>() {
        Ok(id) => ledger.transaction(id),
        Err(_) => match which.parse::<u64>() {
            Ok(sequence) => ledger.transaction_at(sequence),
            Err(_) => {
                return Err(EdgeError::Argument {
                    expected: "the sequence or the id (32 hexadecimal digits) of a transaction",
                    expected_chinese: "交易的序号或编号（32 位十六进制）",
                }
                .into());
            }
        },
    };
    found.map_err(Error::from)?.ok_or_else(|| {
        EdgeError::Argument {
            expected: "a transaction of this terminal; see `jinbao queue list`",
            expected_chinese: "本终端的交易，见 jinbao queue list",
        }
        .into()
    })
}

impl Show for Shown {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        let pick = |chinese: &'static str, english: &'static str| language.pick(chinese, english);
        let of = |names: (&'static str, &'static str)| language.pick(names.0, names.1).to_owned();
        let mut pairs = vec![
            (pick("编号", "id"), self.row.id.to_string()),
            (pick("种类", "kind"), of(kind_name(self.row.kind))),
            (pick("状态", "state"), of(state_name(self.row.state))),
            (pick("时间", "time"), words::moment(self.row.at_ms)),
        ];
        let mut optional = |name, value: Option<String>| {
            if let Some(value) = value {
                pairs.push((name, value));
            }
        };
        optional(pick("序号", "sequence"), self.row.sequence.map(|sequence| sequence.to_string()));
        optional(pick("费用（元）", "fee"), self.row.fee_fen.map(|fee| fee.to_string()));
        optional(pick("账户（元）", "account"), self.row.account_fen.map(|amount| amount.to_string()));
        optional(pick("摘要", "digest"), self.digest.clone());
        optional(pick("卡片交易序号", "card serial"), self.card_serial.map(|serial| serial.to_string()));
        optional(pick("终端交易序号", "PSAM serial"), self.terminal_serial.map(|serial| serial.to_string()));
        optional("TAC", self.tac.clone());
        optional(pick("中心回执", "receipt"), self.row.receipt.clone());
        optional(pick("拒绝原因", "refused because"), self.refusal_words.clone());
        optional(pick("已被撤销", "taken back by"), self.cancelled_by.map(|id| id.to_string()));
        page.pairs(pairs);
        if let Some(body) = &self.body {
            page.gap();
            page.line(serde_json::to_string_pretty(body).unwrap_or_default());
        }
    }
}

/// What an upload came to.
#[derive(Default, Serialize)]
pub(crate) struct Uploaded {
    pub(crate) booked: u32,
    pub(crate) duplicates: u32,
    pub(crate) refused: u32,
    pub(crate) conflicts: u32,
    pub(crate) waiting: u64,
    /// The center asked for patience longer than a person waits.
    pub(crate) next_in_ms: Option<u64>,
}

fn retry(context: &Context) -> Result<Exit, Failure> {
    let mut terminal = Terminal::open(context.data()?)?;
    let uploaded = upload(context, &mut terminal)?;
    context.console.answer(&uploaded);
    Ok(Exit::Done)
}

/// Sends until nothing waits, the center asks for a long pause, or the line fails.
pub(crate) fn upload(context: &Context, terminal: &mut Terminal) -> Result<Uploaded, Failure> {
    let mut link = terminal.cabinet.any_link()?;
    let limits = terminal.cache.limits().map_err(Error::from)?;
    let mut uploader = Uploader::new(terminal.cabinet.config.center.key);
    let mut uploaded = Uploaded::default();
    let mut progress = context.console.progress("上传", "upload");
    let waiting = |terminal: &Terminal| -> Result<u64, Failure> {
        let head = terminal.ledger.head().map_err(Error::from)?.sequence;
        Ok(head.saturating_sub(terminal.ledger.answered().map_err(Error::from)?))
    };
    let total = waiting(terminal)?;
    loop {
        let Terminal { ledger, random, watch, cabinet, .. } = terminal;
        let step = uploader.step(ledger, link.as_mut(), random, &cabinet.clock, watch, &limits);
        match step.map_err(Error::from)? {
            step if step.is_too_large() => {}
            Step::Wait { for_ms } if for_ms > WINDOW_WAIT_MS_MAX => {
                uploaded.next_in_ms = Some(for_ms);
                break;
            }
            Step::Wait { for_ms } => std::thread::sleep(std::time::Duration::from_millis(for_ms)),
            Step::Idle => break,
            Step::Greeted { .. } => {}
            Step::Sent { applied, .. } => {
                uploaded.booked += applied.booked;
                uploaded.duplicates += applied.duplicates;
                uploaded.refused += applied.refused;
                uploaded.conflicts += applied.conflicts;
                progress.at(total.saturating_sub(waiting(terminal)?), total);
            }
            Step::Failed { error, .. } => return Err(send_failure(error)),
            Step::Stopped(reason) => return Err(Error::from(LedgerError::Halted(reason)).into()),
            _ => break,
        }
    }
    uploaded.waiting = waiting(terminal)?;
    Ok(uploaded)
}

fn send_failure(error: SendError) -> Failure {
    match error {
        SendError::Link(error) => Error::Link(error),
        SendError::NotSigned => Error::Ledger(LedgerError::NotSigned),
        _ => Error::Ledger(LedgerError::ReceiptDiffers),
    }
    .into()
}

impl Show for Uploaded {
    fn show(&self, page: &mut Page) {
        let Uploaded { booked, duplicates, refused, conflicts, waiting, .. } = self;
        page.say(
            format!("新记账 {booked} 笔，此前已记 {duplicates} 笔，被拒 {refused} 笔，冲突 {conflicts} 笔；尚待上传 {waiting} 笔"),
            format!(
                "{booked} booked, {duplicates} booked before, {refused} refused, {conflicts} in conflict; {waiting} \
                 still wait"
            ),
        );
        if let Some(next_in_ms) = self.next_in_ms {
            let seconds = next_in_ms.div_ceil(1_000);
            page.say(
                format!("中心要求 {seconds} 秒后再传；届时再运行本命令。"),
                format!("The center asks to come again in {seconds} s; run this command again then."),
            );
        }
    }
}
