//! `jinbao audit` and `jinbao retire`: what was done here, and the end of a terminal.

use clap::Args;
use edge::{
    files::{SealedFile, forget_head},
    shift,
    terminal::Terminal,
};
use protocol::id::TerminalId;
use serde::Serialize;
use serde_json::json;
use terminal::{error::Error, keys::wipe, roles::Action};

use super::Context;
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::{EdgeError, Failure, file_error},
    words,
};

/// What `audit` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao audit                      最近的条目 · the latest entries
  jinbao audit --after 120 --json   自第 121 条起 · from entry 121 on

须主管或审计员签到。条目不含个人信息。
A supervisor or an auditor must be signed in. Entries hold nothing personal.")]
pub(crate) struct AuditArguments {
    /// 从此条之后 · entries after this one
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
    /// 最多行数 · most rows
    #[arg(long, default_value_t = 50)]
    rows: u32,
}

/// What `retire` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Example:
  jinbao retire --terminal 430100000001      须安装维护员签到 · an installer must be signed in

销毁密钥：账本与资格库从此无法打开。待上传的交易须先传完，待退回卡内的金额须先退回。
Destroys the keys: ledger and cache can never be opened again. What waits must be uploaded first, and what is
owed to cards must have been put back.")]
pub(crate) struct RetireArguments {
    /// 再写一次终端编号以确认 · the terminal's number once more, to be sure
    #[arg(long, value_name = "NUMBER")]
    terminal: TerminalId,
}

#[derive(Serialize)]
struct Entries {
    entries: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    number: u64,
    at_ms: i64,
    operator: Option<String>,
    cycle: Option<String>,
    event: serde_json::Value,
}

pub(super) fn audit(context: &Context, arguments: &AuditArguments) -> Result<Exit, Failure> {
    let mut terminal = Terminal::open(context.data()?)?;
    let now = terminal.now();
    shift::require(&terminal.cabinet, &mut terminal.ledger, Action::ViewAudit, now)?;
    let after = match arguments.after {
        Some(after) => after,
        None => {
            let last = terminal.ledger.verify().map_err(Error::from)?.audit_entries;
            last.saturating_sub(arguments.rows.into())
        }
    };
    let entries = terminal.ledger.audit_entries(after, arguments.rows).map_err(Error::from)?;
    let entries = entries
        .into_iter()
        .map(|entry| Entry {
            number: entry.number,
            at_ms: entry.at.0,
            operator: entry.operator,
            cycle: entry.cycle,
            event: serde_json::from_str(&entry.text).unwrap_or_default(),
        })
        .collect();
    context.console.answer(&Entries { entries });
    Ok(Exit::Done)
}

impl Show for Entries {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        let head = [
            language.pick("条", "no."),
            language.pick("时间", "time"),
            language.pick("操作员", "operator"),
            language.pick("事件", "event"),
            language.pick("详情", "details"),
        ];
        let rows = self.entries.iter().map(|entry| {
            let name = entry.event.get("event").and_then(|name| name.as_str()).unwrap_or("?");
            let details: Vec<String> = entry
                .event
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(key, _)| *key != "event")
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            vec![
                entry.number.to_string(),
                words::moment(entry.at_ms),
                entry.operator.clone().unwrap_or_default(),
                name.to_owned(),
                details.join(" "),
            ]
        });
        page.table(&head, &[0], rows);
    }
}

pub(super) fn retire(context: &Context, arguments: &RetireArguments) -> Result<Exit, Failure> {
    let mut terminal = Terminal::open(context.data()?)?;
    if arguments.terminal != terminal.cabinet.config.terminal {
        return Err(EdgeError::Argument {
            expected: "this terminal's own number by --terminal; nothing was changed",
            expected_chinese: "--terminal 本终端的编号；未做任何改动",
        }
        .into());
    }
    let now = terminal.now();
    shift::require(&terminal.cabinet, &mut terminal.ledger, Action::WipeKeys, now)?;
    let limits = terminal.cache.limits().map_err(Error::from)?;
    let status = terminal.ledger.status(&limits, now).map_err(Error::from)?;
    if status.waiting + status.unresolved > 0 {
        return Err(EdgeError::StillWaiting { records: status.waiting + status.unresolved }.into());
    }
    let owed = terminal.ledger.owed_all().map_err(Error::from)?;
    if !owed.is_empty() {
        let amount = owed.iter().map(|owed| owed.amount).sum();
        return Err(EdgeError::StillOwed { refunds: owed.len(), amount }.into());
    }
    let path = terminal.cabinet.data.keys();
    wipe(&mut SealedFile::new(path.clone()), &mut terminal.random).map_err(file_error(&path))?;
    shift::forget(&terminal.cabinet)?;
    forget_head(&terminal.cabinet.data.head())?;
    context.console.done(
        "密钥已销毁，本终端停用",
        "the keys are destroyed; this terminal is retired",
        json!({ "terminal": arguments.terminal }),
    );
    Ok(Exit::Done)
}
