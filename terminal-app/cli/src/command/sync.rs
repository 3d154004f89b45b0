//! `jinbao sync`: limits, rules and the eligibility cache from the center.

use std::ops::ControlFlow;

use clap::Args;
use edge::{fill, shift, terminal::Terminal};
use serde::Serialize;
use terminal::{
    audit::AuditEvent, cache::CacheError, clock::Now, error::Error, ledger::Purged, store::StoreError,
};

use super::Context;
use crate::{
    console::{Page, Show},
    exit::Exit,
    failure::Failure,
    words,
};

/// What `sync` is told.
#[derive(Debug, Args)]
#[command(after_help = "\
例 Examples:
  jinbao sync               首次填充或增量 · first fill, later only what has changed
  jinbao sync --rebuild     丢弃资格库重新填充 · throw the cache away and fill it again

可随时中断，下次从断点继续。同时清理超过保留期的已记账交易。
May be stopped at any time; the next run goes on from there. Booked records beyond their time are purged.")]
pub(crate) struct Arguments {
    /// 重建资格库（须安装维护员签到） · rebuild the cache; an installer must be signed in
    #[arg(long)]
    rebuild: bool,
}

/// How far the terminal's copies are.
#[derive(Serialize)]
struct Synchronised {
    cursor: u64,
    newest: u64,
    complete: bool,
    changed: bool,
    people: Option<u64>,
    blocked_cards: Option<u64>,
    as_of_ms: Option<i64>,
    limits_version: u64,
    rules_revision: u64,
    clock_offset_ms: Option<i64>,
    rebuilt: bool,
    purged_records: u64,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let mut terminal = Terminal::open(context.data()?)?;
    terminal = terminal.check_cache()?;
    let now = terminal.now();
    if arguments.rebuild {
        let action = terminal::roles::Action::RebuildCache;
        let installer = shift::require(&terminal.cabinet, &mut terminal.ledger, action, now)?;
        terminal.cache.clear().map_err(Error::from)?;
        let audited = terminal.ledger.audit(now, installer.actor(), &AuditEvent::CacheRebuilt);
        audited.map_err(Error::from)?;
    }
    if let Some(aside) = &terminal.cache_put_aside {
        let aside = aside.display();
        context.console.note(
            &format!("※ 资格库损坏，已移至 {aside}，现重新填充。"),
            &format!("※ the cache was damaged and is put aside as {aside}; it is filled again."),
        );
    }
    let before = terminal.cache.cursor().map_err(Error::from)?;
    match fetch(context, &mut terminal) {
        // On a disk that is full room can still be made.
        Err(full @ Failure::Terminal(Error::Cache(CacheError::Store(StoreError::Full)))) => {
            purge(&mut terminal)?;
            return Err(full);
        }
        fetched => fetched?,
    }
    let changed = terminal.cache.cursor().map_err(Error::from)? != before;
    let purged = purge(&mut terminal)?;
    context.console.answer(&synchronised(&terminal, changed, purged, arguments.rebuild)?);
    Ok(Exit::Done)
}

/// Fetches until all is up to date.
fn fetch(context: &Context, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut progress = context.console.progress("资格库", "eligibility cache");
    fill::run(terminal, &mut |filled| {
        progress.at(filled.cursor, filled.newest);
        ControlFlow::Continue(())
    })?;
    Ok(())
}

/// By the center's time, which was learnt just now, and not at all where the clock is in doubt.
fn purge(terminal: &mut Terminal) -> Result<Purged, Failure> {
    let limits = terminal.cache.limits().map_err(Error::from)?;
    let now = Now::of(&terminal.cabinet.clock);
    let last = terminal.ledger.last_recorded_at().map_err(Error::from)?;
    let quality = terminal.watch.quality(now, last, &limits);
    let at = terminal.watch.center_time(now);
    Ok(terminal.ledger.purge(&limits, at, quality).map_err(Error::from)?)
}

fn synchronised(
    terminal: &Terminal,
    changed: bool,
    purged: Purged,
    rebuilt: bool,
) -> Result<Synchronised, Failure> {
    let progress = terminal.cache.progress().map_err(Error::from)?;
    // Counting reads every row; only worth it when something has changed.
    let counts = if changed { Some(terminal.cache.count().map_err(Error::from)?) } else { None };
    Ok(Synchronised {
        cursor: progress.cursor,
        newest: progress.newest,
        complete: progress.complete(),
        changed,
        people: counts.map(|(people, _)| people),
        blocked_cards: counts.map(|(_, blocked)| blocked),
        as_of_ms: progress.as_of.map(|at| at.0),
        limits_version: terminal.cache.limits_version().map_err(Error::from)?,
        rules_revision: terminal.cache.rules_revision().map_err(Error::from)?,
        clock_offset_ms: terminal.watch.offset_ms(),
        rebuilt: rebuilt || terminal.cache_put_aside.is_some(),
        purged_records: purged.records,
    })
}

impl Show for Synchronised {
    fn show(&self, page: &mut Page) {
        let language = page.language();
        let pick = |chinese: &'static str, english: &'static str| language.pick(chinese, english);
        page.say("已与中心同步", "Up to date with the center");
        let mut pairs = vec![(pick("变更", "changes"), format!("{} / {}", self.cursor, self.newest))];
        if let (Some(people), Some(blocked)) = (self.people, self.blocked_cards) {
            pairs.push((pick("参保人", "people"), people.to_string()));
            pairs.push((pick("黑名单卡", "blocked cards"), blocked.to_string()));
        }
        if let Some(at) = self.as_of_ms {
            pairs.push((pick("资格库截至", "cache as of"), words::moment(at)));
        }
        pairs.push((pick("规则版次", "rules revision"), self.rules_revision.to_string()));
        pairs.push((pick("限额版本", "limits version"), self.limits_version.to_string()));
        if let Some(offset) = self.clock_offset_ms {
            pairs.push((pick("时钟偏差（毫秒）", "clock is behind the center by (ms)"), offset.to_string()));
        }
        if self.purged_records > 0 {
            pairs.push((pick("已清理交易", "records purged"), self.purged_records.to_string()));
        }
        page.pairs(pairs);
    }
}
