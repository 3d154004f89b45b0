//! The books as a whole: copied out, checked, taken up again.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use clap::Args;
use edge::{
    shift,
    terminal::{Cabinet, Terminal},
};
use hal::clock::Clock;
use serde::Serialize;
use serde_json::json;
use terminal::{
    audit::AuditEvent,
    error::Error,
    ledger::{ExportError, LedgerError, salvage},
    roles::Action,
    store::StoreError,
};

use crate::{
    command::Context,
    console::{Page, Show},
    exit::Exit,
    failure::{Failure, file_error},
};

/// What `queue export` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao queue export ledger.jsonl
  jinbao queue export --sqlite ledger-plain.db
  jinbao queue export --salvage saved.jsonl      账本损坏时 · when the ledger is damaged

导出内容含个人信息，须审计员签到，并记入审计。账本已无法打开时，抢救导出无需签到，但会在数据目录留下记录。
The export holds personal data in the clear; an auditor must be signed in, and it is audited. Salvage needs
no sign-in only when the ledger cannot be opened: operators and audit are in the file that is damaged. It
changes nothing in there and leaves a line in the terminal's folder.")]
pub(crate) struct ExportArguments {
    /// 写入的文件，- 为标准输出 · file to write, - for standard output
    file: PathBuf,
    /// 写成 SQLite 文件 · as an SQLite file
    #[arg(long, conflicts_with = "salvage")]
    sqlite: bool,
    /// 从损坏的账本中抢救 · read what is left of a damaged ledger
    #[arg(long)]
    salvage: bool,
}

/// What `queue resume` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Example:
  jinbao queue resume

账本被认为回退或不符时业务停止；只有中心的链条与本机一致时才能恢复。须安装维护员签到。
Business stops when the ledger seems to have been put back or differs. It goes on only when the center's chain
is part of this one. An installer must be signed in.")]
pub(crate) struct ResumeArguments {}

/// What `queue verify` is told.
#[derive(Debug, Args)]
#[command(
    after_help = "例 Example:\n  jinbao queue verify\n\n链条不符时退出码为 5 · exit 5 when something does not fit."
)]
pub(crate) struct VerifyArguments {}

pub(super) fn export(context: &Context, arguments: &ExportArguments) -> Result<Exit, Failure> {
    if arguments.salvage {
        return salvage_export(context, arguments);
    }
    let mut terminal = Terminal::open(context.data()?)?;
    let now = terminal.now();
    let auditor = shift::require(&terminal.cabinet, &mut terminal.ledger, Action::ExportLedger, now)?;
    if arguments.sqlite {
        let place = arguments.file.to_str().unwrap_or_default();
        terminal.ledger.export_plain(place, auditor.actor(), now).map_err(Error::from)?;
        return told(context, arguments, "sqlite", None);
    }
    let mut out = writer(arguments)?;
    let lines = terminal
        .ledger
        .export_lines(&mut out, auditor.actor(), now)
        .map_err(|error| export_failure(arguments, error))?;
    told(context, arguments, "lines", Some(lines))
}

fn salvage_export(context: &Context, arguments: &ExportArguments) -> Result<Exit, Failure> {
    let cabinet = Cabinet::open(context.data()?)?;
    let mut damaged = None;
    let mut out = match cabinet.open_ledger() {
        Ok(mut ledger) => {
            let now = cabinet.now();
            let auditor = shift::require(&cabinet, &mut ledger, Action::ExportLedger, now)?;
            let out = writer(arguments)?;
            ledger.audit(now, auditor.actor(), &AuditEvent::Exported).map_err(Error::from)?;
            out
        }
        Err(Failure::Terminal(Error::Ledger(damage))) if is_damage(&damage) => {
            let out = writer(arguments)?;
            leave_mark(&cabinet, arguments)?;
            context.console.note(
                &format!("※ 账本无法打开（{damage}）；抢救导出未经签到，已在数据目录记录。"),
                &format!(
                    "※ the ledger cannot be opened ({damage}); salvaged without sign-in, which is noted."
                ),
            );
            damaged = Some(damage);
            out
        }
        Err(error) => return Err(error),
    };
    let salvaged = match (salvage(&cabinet.ledger_file(), cabinet.keys.ledger(), &mut out), damaged) {
        (Ok(salvaged), _) => salvaged,
        // Not even the first page can be read: that is for the installer, not a file that is missing.
        (Err(error), Some(damage)) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::Ledger(damage).into());
        }
        (Err(error), _) => return Err(file_error(cabinet.ledger_file().path())(error).into()),
    };
    if arguments.file.as_os_str() == "-" {
        return Ok(Exit::Done);
    }
    context.console.done(
        &format!(
            "抢救出 {} 行，其中交易 {} 笔；{} 处无法读取",
            salvaged.rows, salvaged.transactions, salvaged.unreadable
        ),
        &format!(
            "{} rows saved, {} transactions among them; {} places could not be read",
            salvaged.rows, salvaged.transactions, salvaged.unreadable
        ),
        json!({
            "path": arguments.file,
            "rows": salvaged.rows,
            "transactions": salvaged.transactions,
            "links": salvaged.links,
            "unreadable": salvaged.unreadable,
        }),
    );
    Ok(if salvaged.unreadable == 0 { Exit::Done } else { Exit::No })
}

/// Whether nobody can sign in, because operators and audit are in the ledger that is damaged.
fn is_damage(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Store(StoreError::Damaged { .. }) | LedgerError::ChainBroken { .. })
}

/// What the audit cannot hold: when a damaged ledger was read out, and where to.
fn leave_mark(cabinet: &Cabinet, arguments: &ExportArguments) -> Result<(), Failure> {
    let path = cabinet.data.salvages();
    let line = json!({ "at_ms": cabinet.now().0, "file": arguments.file });
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| writeln!(file, "{line}").and_then(|()| file.sync_all()));
    Ok(written.map_err(file_error(&path))?)
}

/// A new file, never over an old one; or standard output.
fn writer(arguments: &ExportArguments) -> Result<Box<dyn Write>, Failure> {
    if arguments.file.as_os_str() == "-" {
        return Ok(Box::new(BufWriter::new(io::stdout())));
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&arguments.file)
        .map_err(file_error(&arguments.file))?;
    Ok(Box::new(BufWriter::new(file)))
}

fn export_failure(arguments: &ExportArguments, error: ExportError) -> Failure {
    match error {
        ExportError::Ledger(error) => Error::from(error).into(),
        ExportError::Writer(error) => file_error(&arguments.file)(error).into(),
    }
}

fn told(
    context: &Context,
    arguments: &ExportArguments,
    form: &str,
    lines: Option<u64>,
) -> Result<Exit, Failure> {
    if arguments.file.as_os_str() == "-" {
        return Ok(Exit::Done);
    }
    let path = arguments.file.display();
    context.console.done(
        &format!("已导出到 {path}（明文，含个人信息，请妥善保管）"),
        &format!("exported to {path}; it holds personal data in the clear, keep it safe"),
        json!({ "path": arguments.file, "form": form, "lines": lines }),
    );
    Ok(Exit::Done)
}

pub(super) fn resume(context: &Context) -> Result<Exit, Failure> {
    let mut terminal = Terminal::open(context.data()?)?;
    let now = terminal.now();
    let installer = shift::require(&terminal.cabinet, &mut terminal.ledger, Action::Resume, now)?;
    let head = terminal.cabinet.any_link()?.chain_head().map_err(Error::from)?;
    terminal.ledger.resume(&head, installer.actor(), now).map_err(Error::from)?;
    context.console.done(
        "中心确认账本一致，业务恢复",
        "the center confirms this ledger; business goes on",
        json!({ "sequence": head.sequence }),
    );
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Verified {
    in_order: bool,
    sequence: u64,
    links: u64,
    purged: u64,
    audit_entries: u64,
    halted: Option<String>,
    took_ms: u64,
}

pub(super) fn verify(context: &Context) -> Result<Exit, Failure> {
    let terminal = Terminal::open(context.data()?)?;
    let start = terminal.cabinet.clock.monotonic_ms();
    let verified = terminal.ledger.verify().map_err(Error::from)?;
    let halted = terminal.ledger.halted().map_err(Error::from)?;
    context.console.answer(&Verified {
        in_order: halted.is_none(),
        sequence: verified.head.sequence,
        links: verified.links,
        purged: verified.purged,
        audit_entries: verified.audit_entries,
        halted: halted.map(|reason| reason.words(context.console.language()).to_string()),
        took_ms: terminal.cabinet.clock.monotonic_ms().saturating_sub(start),
    });
    Ok(if halted.is_none() { Exit::Done } else { Exit::Installer })
}

impl Show for Verified {
    fn show(&self, page: &mut Page) {
        let Verified { sequence, links, purged, audit_entries, .. } = self;
        page.say(
            format!("✓ 链条、签名与审计相符：{links} 笔，已清理 {purged} 笔，至序号 {sequence}；审计 {audit_entries} 条"),
            format!(
                "✓ chain, signatures and audit hold: {links} records and {purged} purged ones up to {sequence}; \
                 {audit_entries} audit entries"
            ),
        );
        if let Some(reason) = &self.halted {
            page.say(format!("✗ 业务已停止：{reason}"), format!("✗ business is stopped: {reason}"));
        }
    }
}
