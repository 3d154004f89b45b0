//! Settings, disk, certificates, clock, center, ledger, cache, queue, operators.

use card_spec::money::Fen;
use hal::clock::{Clock, SystemClock};
use protocol::timestamp::ClockQuality;
use terminal::{clock::Now, error::Error, flows::Documents, ledger::Status, roles::Role};

use super::{Checks, Health, Title};
use crate::{
    ballast::BALLAST_BYTES,
    certificate,
    config::Config,
    data_dir::DataDir,
    failure::Failure,
    shift,
    terminal::{Terminal, link_failure},
    words,
};

pub(super) const ENROLMENT: Title = ("登记", "enrolment");
pub(super) const BOOKS: Title = ("账本与密钥", "ledger and keys");
const DISK: Title = ("磁盘", "disk");
const CERTIFICATE: Title = ("终端证书", "certificate");
const AUTHORITY: Title = ("中心根证书", "authority");
const CENTER: Title = ("中心", "center");
const CLOCK: Title = ("时钟", "clock");
const CACHE: Title = ("资格库", "eligibility cache");
const RULES: Title = ("结算规则", "rules");
const DOCUMENTS: Title = ("中心文件", "documents of the center");
const QUEUE: Title = ("交易队列", "queue");
const OPERATORS: Title = ("操作员", "operators");

/// Free space below which it is time to look.
const FREE_BYTES_MIN: u64 = 512 << 20;

/// Ninety days before the authority runs out somebody has to act.
const AUTHORITY_DAYS_MIN: i64 = 90;

const DAY_MS: i64 = 86_400_000;

pub(super) fn settings(checks: &mut Checks<'_>, config: &Config) {
    let place = &config.place;
    let text = checks.pick(
        format!(
            "终端 {}，{}（{}），中心 {}",
            config.terminal, place.institution_name, place.city, config.center.address
        ),
        format!(
            "terminal {}, {} ({}), center {}",
            config.terminal, place.institution_name, place.city, config.center.address
        ),
    );
    checks.good("enrolment", ENROLMENT, text);
}

pub(super) fn disk(checks: &mut Checks<'_>, data: &DataDir) {
    let folder = data.root().ancestors().find(|folder| folder.exists());
    let Some(space) = folder.and_then(|folder| rustix::fs::statvfs(folder).ok()) else {
        checks.skipped("disk", DISK, "无法读取", "cannot be read");
        return;
    };
    let free_bytes = space.f_bavail.saturating_mul(space.f_frsize);
    let free_mib = free_bytes >> 20;
    let text = checks.pick(format!("剩余 {free_mib} MiB"), format!("{free_mib} MiB free"));
    if free_bytes >= FREE_BYTES_MIN {
        return checks.good("disk", DISK, text);
    }
    let health = if free_bytes < BALLAST_BYTES * 4 { Health::Bad } else { Health::Look };
    let advice = checks.pick(
        "清理磁盘；空间用尽时停止新业务，已开始的仍可完成",
        "Make room: without space no new business starts; what was begun can still be finished.",
    );
    checks.add("disk", DISK, health, text, advice);
}

/// Everything that needs the books open.
pub(super) fn all(checks: &mut Checks<'_>, terminal: &mut Terminal, no_center: bool) {
    let (data, config) = (terminal.cabinet.data.clone(), terminal.cabinet.config.clone());
    books(checks, terminal);
    certificates(checks, &data, &config);
    if no_center {
        checks.skipped("center", CENTER, "未联系（--no-center）", "not asked (--no-center)");
    } else {
        center(checks, terminal);
    }
    clock(checks, terminal);
    cache(checks, terminal);
    rules(checks, terminal);
    queue(checks, terminal);
    operators(checks, terminal);
}

fn books(checks: &mut Checks<'_>, terminal: &Terminal) {
    let looked = terminal.ledger.halted().and_then(|halted| Ok((halted, terminal.ledger.space()?)));
    match looked.map_err(Error::from) {
        Err(error) => checks.failed("books", BOOKS, &error.into()),
        Ok((Some(reason), _)) => {
            let words = reason.words(checks.language);
            checks.add("books", BOOKS, Health::Bad, words.what, words.next);
        }
        Ok((None, space)) => {
            let used_mib = (u64::from(space.pages_used) * u64::from(terminal::store::PAGE_BYTES)) >> 20;
            let text =
                checks.pick(format!("完好，已用 {used_mib} MiB"), format!("in order, {used_mib} MiB used"));
            if space.ballast_spent {
                let advice = checks.pick(
                    "磁盘已满：清理后业务自动恢复",
                    "The disk is full: make room, then business goes on.",
                );
                return checks.add("books", BOOKS, Health::Bad, text, advice);
            }
            checks.good("books", BOOKS, text);
        }
    }
}

pub(super) fn certificates(checks: &mut Checks<'_>, data: &DataDir, config: &Config) {
    let now_ms = SystemClock::start().unix_ms();
    let facts = |path: std::path::PathBuf| -> Result<certificate::Facts, Failure> {
        Ok(certificate::facts(&certificate::read_chain(&path)?[0])?)
    };
    match facts(data.certificate()) {
        Err(failure) => checks.failed("certificate", CERTIFICATE, &failure),
        Ok(own) => {
            let until = words::moment(own.not_after_ms);
            let text = checks.pick(format!("有效期至 {until}"), format!("good until {until}"));
            let renew = checks.pick("运行 jinbao certificate renew", "Run `jinbao certificate renew`.");
            if own.subject != config.terminal.as_str() {
                let text = checks.pick(
                    format!("证书属于 {}，不是本终端", own.subject),
                    format!("it is of {}, not of this terminal", own.subject),
                );
                checks.add("certificate", CERTIFICATE, Health::Bad, text, renew);
            } else if !own.is_valid(now_ms) {
                checks.add("certificate", CERTIFICATE, Health::Bad, text, renew);
            } else if own.is_due(now_ms) {
                checks.add("certificate", CERTIFICATE, Health::Look, text, renew);
            } else {
                checks.good("certificate", CERTIFICATE, text);
            }
        }
    }
    match facts(data.authority()) {
        Err(failure) => checks.failed("authority", AUTHORITY, &failure),
        Ok(authority) => {
            let until = words::moment(authority.not_after_ms);
            let text = format!("{}, {until}", authority.subject);
            let days_left = authority.not_after_ms.saturating_sub(now_ms) / DAY_MS;
            if days_left >= AUTHORITY_DAYS_MIN {
                return checks.good("authority", AUTHORITY, text);
            }
            let health = if days_left < 0 { Health::Bad } else { Health::Look };
            let advice = checks.pick("请中心提供新的根证书", "Ask the center for its next authority.");
            checks.add("authority", AUTHORITY, health, text, advice);
        }
    }
}

fn center(checks: &mut Checks<'_>, terminal: &mut Terminal) {
    let sent = Now::of(&terminal.cabinet.clock);
    let asked =
        terminal.cabinet.any_link().and_then(|mut link| Ok(link.chain_head().map_err(link_failure)?));
    let head = match asked {
        Ok(head) => head,
        Err(failure) => return checks.failed("center", CENTER, &failure),
    };
    let now = Now::of(&terminal.cabinet.clock);
    let took_ms = now.monotonic_ms.saturating_sub(sent.monotonic_ms);
    let limits = terminal.cache.limits().unwrap_or_default();
    // A clock that cannot be noted shows in the next check.
    let _ = terminal.watch.learn(head.now, sent, now, &mut terminal.ledger, &limits);
    match terminal.ledger.compare(head.sequence, head.digest).map_err(Error::from) {
        Err(error) => checks.failed("center", CENTER, &error.into()),
        Ok(Some(reason)) => {
            let words = reason.words(checks.language);
            checks.add("center", CENTER, Health::Bad, words.what, words.next);
        }
        Ok(None) => {
            let text = checks.pick(
                format!("{took_ms} 毫秒应答，链条一致（至序号 {}）", head.sequence),
                format!("answers within {took_ms} ms, chains agree up to {}", head.sequence),
            );
            checks.good("center", CENTER, text);
        }
    }
}

fn clock(checks: &mut Checks<'_>, terminal: &Terminal) {
    let now = Now::of(&terminal.cabinet.clock);
    let limits = terminal.cache.limits().unwrap_or_default();
    let last = terminal.ledger.last_recorded_at().unwrap_or_default();
    let offset = terminal.watch.offset_ms();
    let time = words::moment(terminal.cabinet.clock.unix_ms());
    let behind = match offset {
        Some(offset) => {
            checks.pick(format!("，与中心相差 {offset} 毫秒"), format!(", {offset} ms behind the center"))
        }
        None => checks.pick("，尚未与中心比对", ", never compared with the center"),
    };
    let text = format!("{time}{behind}");
    match terminal.watch.quality(now, last, &limits) {
        ClockQuality::Checked => checks.good("clock", CLOCK, text),
        ClockQuality::Unchecked => {
            let advice = checks.pick("运行 jinbao sync", "Run `jinbao sync`.");
            checks.add("clock", CLOCK, Health::Look, text, advice);
        }
        ClockQuality::Doubtful => {
            let advice = checks.pick(
                "校正时钟并启用时间同步（NTP）；在此之前脱机业务受限",
                "Set the clock and switch time synchronisation (NTP) on; offline business is limited until then.",
            );
            checks.add("clock", CLOCK, Health::Bad, text, advice);
        }
    }
}

fn cache(checks: &mut Checks<'_>, terminal: &Terminal) {
    let looked = terminal.cache.progress().and_then(|progress| {
        let now = terminal.watch.center_time(Now::of(&terminal.cabinet.clock));
        Ok((progress, terminal.cache.age_ms(now)?, terminal.cache.limits()?))
    });
    let (progress, age_ms, limits) = match looked {
        Ok(looked) => looked,
        Err(error) => return checks.failed("cache", CACHE, &Error::from(error).into()),
    };
    let sync = checks.pick("运行 jinbao sync", "Run `jinbao sync`.");
    if let Some(aside) = &terminal.cache_put_aside {
        let text = checks.pick(
            format!("损坏，已移至 {}", aside.display()),
            format!("damaged, put aside as {}", aside.display()),
        );
        return checks.add("cache", CACHE, Health::Bad, text, sync);
    }
    let Some(age_ms) = age_ms else {
        let text = checks.pick("尚未填充", "not filled yet");
        return checks.add("cache", CACHE, Health::Bad, text, sync);
    };
    let minutes = age_ms.max(0) / 60_000;
    let text = checks.pick(
        format!("{} / {} 项变更，{minutes} 分钟前", progress.cursor, progress.newest),
        format!("{} of {} changes, {minutes} minutes old", progress.cursor, progress.newest),
    );
    match age_ms {
        age_ms if age_ms > limits.cache_age_max_ms => checks.add("cache", CACHE, Health::Bad, text, sync),
        age_ms if age_ms > DAY_MS => checks.add("cache", CACHE, Health::Look, text, sync),
        _ => checks.good("cache", CACHE, text),
    }
}

fn rules(checks: &mut Checks<'_>, terminal: &Terminal) {
    let sync = checks
        .pick("请中心发布规则后运行 jinbao sync", "Have the center publish rules, then run `jinbao sync`.");
    let documents = match Documents::read(&terminal.cache) {
        Ok(documents) => documents,
        Err(error) => return checks.failed("rules", RULES, &Error::from(error).into()),
    };
    // The rest is in use, and each that is not has its own line.
    for unreadable in &documents.unreadable {
        let words = unreadable.words(checks.language);
        checks.add("documents", DOCUMENTS, Health::Bad, words.what, words.next);
    }
    let book = documents.rules.unwrap_or_default();
    let today = terminal.now().civil().date();
    match book.on(terminal.cabinet.config.place.city, today) {
        Ok(rules) => {
            let name = rules.name(checks.language);
            let sample =
                if rules.is_sample() { checks.pick("（样例）", " (sample)") } else { String::new() };
            let text = format!("{name} v{}{sample}", rules.version());
            let limits = terminal.cache.limits().unwrap_or_default();
            let text =
                format!("{text}, {}", offline_words(checks, limits.amount_max_fen, limits.account_max_fen));
            checks.good("rules", RULES, text);
        }
        Err(error) => checks.add("rules", RULES, Health::Bad, error.words(checks.language), sync),
    }
}

fn offline_words(checks: &Checks<'_>, amount: Fen, account: Fen) -> String {
    checks.pick(
        format!("脱机限额 {amount} 元，账户 {account} 元"),
        format!("offline limit {amount} yuan, account {account} yuan"),
    )
}

fn queue(checks: &mut Checks<'_>, terminal: &Terminal) {
    let limits = terminal.cache.limits().unwrap_or_default();
    let status = match terminal.ledger.status(&limits, terminal.now()) {
        Ok(status) => status,
        Err(error) => return checks.failed("queue", QUEUE, &Error::from(error).into()),
    };
    let Status { waiting, unresolved, refused, conflicts, overdue, .. } = status;
    let text = checks.pick(
        format!("待上传 {waiting}，结果未知 {unresolved}，被拒 {refused}，冲突 {conflicts}，超时限 {overdue}"),
        format!("{waiting} wait, {unresolved} unknown, {refused} refused, {conflicts} in conflict, {overdue} overdue"),
    );
    let (health, advice) = if conflicts > 0 || overdue > 0 {
        (
            Health::Bad,
            checks.pick(
                "jinbao queue retry；jinbao queue list --disputed",
                "`jinbao queue retry`; `jinbao queue list --disputed`.",
            ),
        )
    } else if refused > 0 || unresolved > 0 {
        (
            Health::Look,
            checks.pick(
                "jinbao queue list --disputed；--unresolved",
                "`jinbao queue list --disputed`, `--unresolved`.",
            ),
        )
    } else {
        (Health::Good, String::new())
    };
    checks.add("queue", QUEUE, health, text, advice);
}

fn operators(checks: &mut Checks<'_>, terminal: &Terminal) {
    let operators = match terminal.ledger.operators() {
        Ok(operators) => operators,
        Err(error) => return checks.failed("operators", OPERATORS, &Error::from(error).into()),
    };
    let active = operators.iter().filter(|operator| operator.active).count();
    let supervisor = operators.iter().any(|operator| operator.active && operator.role == Role::Supervisor);
    let signed_in = shift::load(&terminal.cabinet, &terminal.ledger, terminal.now()).ok().flatten();
    let who = match &signed_in {
        Some(signed_in) => checks
            .pick(format!("，{} 已签到", signed_in.operator), format!(", {} signed in", signed_in.operator)),
        None => checks.pick("，无人签到", ", nobody signed in"),
    };
    let text = checks.pick(format!("{active} 名{who}"), format!("{active}{who}"));
    if supervisor {
        return checks.good("operators", OPERATORS, text);
    }
    let advice = checks.pick(
        "jinbao operator add 编号 --role supervisor",
        "`jinbao operator add NUMBER --role supervisor`.",
    );
    checks.add("operators", OPERATORS, Health::Bad, text, advice);
}
