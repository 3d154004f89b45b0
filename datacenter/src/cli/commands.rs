//! The commands, but for those about people and cards.

use std::path::Path;

use card_spec::{money::Fen, region::RegionCode};
use protocol::{limits::OfflineLimits, rules::RulesDocument};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    Code, Credit, Init, Keys, Limits, List, Newest, Rules, SetLimits, Terminal,
    people::read_person,
    print::{Column, Printer, words},
};
use crate::{
    center::Center,
    configuration::Configuration,
    error::Error,
    folder::public_key_pem,
    outside::Outside,
    storage::{
        rows::{AlarmRow, Institution, Outcome, Proof, RecordSummary},
        service::DeskRow,
    },
};

/// Largest file of rules or keys that is read.
const INPUT_BYTES_MAX: u64 = 16 << 20;

pub(super) fn init(folder: &Path, init: &Init, outside: &Outside, printer: Printer) -> Result<(), Error> {
    let city = RegionCode::parse(&init.city).map_err(|error| Error::input(error.to_string()))?;
    let mut configuration = Configuration::new(city, &init.name);
    if !init.server_name.is_empty() {
        configuration.server_names.clone_from(&init.server_name);
    }
    if let Some(address) = init.enrolment_listen {
        configuration.enrolment_listen = address;
    }
    if let Some(address) = init.terminal_listen {
        configuration.terminal_listen = address;
    }
    let center = Center::create(folder, &configuration, outside.clone())?;
    center.access.note("staff", "init", city.as_str())?;
    printer.one(
        &[
            Column("folder", "目录", "folder"),
            Column("city", "城市", "city"),
            Column("center_key", "验签公钥", "center key"),
            Column("fingerprint", "根证书指纹", "authority's fingerprint"),
        ],
        &[
            json!(folder),
            json!(city.as_str()),
            json!(center.production.public_key().to_string()),
            json!(center.access.authority_fingerprint()),
        ],
    );
    Ok(())
}

pub(super) fn code(center: &Center, code: &Code, printer: Printer) -> Result<(), Error> {
    let institution =
        Institution { code: code.institution.clone(), name: code.name.clone(), level: code.level };
    let new = center.access.new_code(code.terminal, &institution)?;
    let until = center.production.now().plus_ms(center.configuration.code_validity_ms);
    printer.one(
        &[
            Column("terminal", "终端号", "terminal"),
            Column("code", "一次性入网码", "one-time code"),
            Column("valid_until", "有效至", "valid until"),
            Column("fingerprint", "根证书指纹", "authority's fingerprint"),
        ],
        &[
            json!(code.terminal),
            json!(new.to_string()),
            json!(until.to_string()),
            json!(center.access.authority_fingerprint()),
        ],
    );
    Ok(())
}

pub(super) fn terminal(center: &Center, command: &Terminal, printer: Printer) -> Result<(), Error> {
    match command {
        Terminal::Block { terminal } => center.access.set_blocked(*terminal, true),
        Terminal::Unblock { terminal } => center.access.set_blocked(*terminal, false),
        Terminal::Place { terminal, latitude, longitude } => {
            center.production.set_place(*terminal, *latitude, *longitude)?;
            center.access.note("staff", "terminal place", terminal.as_str())
        }
        Terminal::Desk { terminal, desk, district } => {
            let district = district.as_deref().map(RegionCode::parse).transpose();
            let district = district.map_err(|error| Error::input(error.to_string()))?;
            center.service.set_desk(&DeskRow { terminal: *terminal, desk: (*desk).into(), district })?;
            center.access.note("staff", "terminal desk", terminal.as_str())
        }
        Terminal::List => {
            let now = center.production.now();
            let mut rows = Vec::new();
            for row in center.production.storage().terminals()? {
                let head = center.production.storage().chain_head(row.terminal, now)?;
                rows.push(vec![
                    json!(row.terminal),
                    json!(row.institution.code),
                    json!(row.institution.name),
                    json!(row.institution.level),
                    json!(center.production.storage().desk(row.terminal)?.map(|row| row.desk)),
                    json!(row.enrolled_at.map(|at| at.to_string())),
                    json!(row.blocked),
                    json!(head.sequence),
                ]);
            }
            printer.many(
                &[
                    Column("terminal", "终端号", "terminal"),
                    Column("institution", "机构代码", "institution"),
                    Column("name", "机构名称", "name"),
                    Column("level", "等级", "level"),
                    Column("desk", "窗口类型", "desk"),
                    Column("enrolled_at", "入网时间", "enrolled"),
                    Column("blocked", "停用", "blocked"),
                    Column("records", "记录数", "records"),
                ],
                &rows,
            );
            Ok(())
        }
    }
}

pub(super) fn rules(center: &Center, command: &Rules, printer: Printer) -> Result<(), Error> {
    match command {
        Rules::Add { file, version, effective_from } => {
            let configuration = read_file(file)?;
            let parsed: Value = serde_json::from_str(&configuration)
                .map_err(|error| Error::input(format!("{}: {error}", file.display())))?;
            // A version that is a number is unique among the files of one name only.
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let stated = |name: &str| match parsed.get(name)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(format!("{stem}-{number}")),
                _ => None,
            };
            let named = |option: &Option<String>, name: &str| {
                option.clone().or_else(|| stated(name)).ok_or_else(|| {
                    Error::input(format!(
                        "{}: {name}",
                        words("文件和参数中都没有", "neither the file nor an option gives")
                    ))
                })
            };
            let document = RulesDocument {
                version: named(version, "version")?,
                effective_from: named(effective_from, "effective_from")?,
                configuration,
            };
            let revision = center.production.add_rules(&document)?;
            center.access.note("staff", "rules add", &document.version)?;
            printer.one(
                &[
                    Column("version", "版本", "version"),
                    Column("effective_from", "生效日", "effective from"),
                    Column("revision", "修订号", "revision"),
                ],
                &[json!(document.version), json!(document.effective_from), json!(revision)],
            );
        }
        Rules::List => {
            let documents = center.production.storage().rules()?.documents;
            let rows: Vec<_> = documents
                .iter()
                .map(|d| vec![json!(d.version), json!(d.effective_from), json!(d.configuration.len())])
                .collect();
            printer.many(
                &[
                    Column("version", "版本", "version"),
                    Column("effective_from", "生效日", "effective from"),
                    Column("bytes", "字节", "bytes"),
                ],
                &rows,
            );
        }
    }
    Ok(())
}

const HOUR_MS: i64 = 3_600_000;

pub(super) fn limits(center: &Center, command: &Limits, printer: Printer) -> Result<(), Error> {
    let show = |limits: &OfflineLimits| {
        printer.one(
            &[
                Column("version", "版本", "version"),
                Column("amount_max", "单笔最高（元）", "largest fee (yuan)"),
                Column("account_max", "账户支付最高（元）", "most account money (yuan)"),
                Column("queue_max", "待传记录最多", "most records waiting"),
                Column("cache_age_max_hours", "待遇数据时效（小时）", "oldest eligibility data (hours)"),
                Column("clock_skew_max_minutes", "时钟偏差（分钟）", "clock difference (minutes)"),
                Column("upload_deadline_hours", "上传时限（小时）", "upload deadline (hours)"),
                Column("retention_days", "保留（天）", "retention (days)"),
            ],
            &[
                json!(limits.version),
                yuan(limits.amount_max_fen),
                yuan(limits.account_max_fen),
                json!(limits.queue_max),
                json!(limits.cache_age_max_ms / HOUR_MS),
                json!(limits.clock_skew_max_ms / 60_000),
                json!(limits.upload_deadline_ms / HOUR_MS),
                json!(limits.retention_ms / (24 * HOUR_MS)),
            ],
        );
    };
    match command {
        Limits::Show { terminal } => show(&center.production.limits_of(Some(*terminal))?),
        Limits::Set(set) => {
            let limits = changed(center.production.limits_of(set.terminal)?, set)?;
            let version = center.production.set_limits(set.terminal, &limits)?;
            center.access.note("staff", "limits set", &version.to_string())?;
            show(&OfflineLimits { version, ..limits });
        }
    }
    Ok(())
}

fn changed(mut limits: OfflineLimits, set: &SetLimits) -> Result<OfflineLimits, Error> {
    let out_of_range = || Error::input(words("数值过大", "a number is too large"));
    let time = |value: i64, unit_ms: i64| value.checked_mul(unit_ms).ok_or_else(out_of_range);
    if let Some(text) = &set.amount_max {
        limits.amount_max_fen = amount(text)?;
    }
    if let Some(text) = &set.account_max {
        limits.account_max_fen = amount(text)?;
    }
    if let Some(count) = set.queue_max {
        limits.queue_max = count;
    }
    if let Some(hours) = set.cache_age_max {
        limits.cache_age_max_ms = time(hours, HOUR_MS)?;
    }
    if let Some(minutes) = set.clock_skew_max {
        limits.clock_skew_max_ms = time(minutes, 60_000)?;
    }
    if let Some(hours) = set.upload_deadline {
        limits.upload_deadline_ms = time(hours, HOUR_MS)?;
    }
    if let Some(days) = set.retention {
        limits.retention_ms = time(days, 24 * HOUR_MS)?;
    }
    Ok(limits)
}

pub(super) fn credit(center: &Center, command: &Credit, printer: Printer) -> Result<(), Error> {
    let held = match command {
        Credit::Add { yuan } => {
            let amount = amount(yuan)?;
            let held = center.production.add_credit(read_person()?.key(), amount)?;
            center.access.note("staff", "credit add", &amount.to_string())?;
            held
        }
        Credit::Show => center.production.credit(read_person()?.key())?,
    };
    printer.one(&[Column("credit", "待圈存（元）", "credit (yuan)")], &[yuan(held)]);
    Ok(())
}

pub(super) fn records(center: &Center, list: &List, printer: Printer) -> Result<(), Error> {
    let records = center.production.storage().records(list.terminal, list.newest.number)?;
    let rows: Vec<_> = records.iter().map(|record| record_row(center, record)).collect();
    printer.many(
        &[
            Column("terminal", "终端号", "terminal"),
            Column("sequence", "序号", "sequence"),
            Column("id", "交易", "transaction"),
            Column("kind", "种类", "kind"),
            Column("verdict", "结果", "verdict"),
            Column("medfee", "总费用", "fee"),
            Column("fund", "基金", "funds"),
            Column("account", "账户", "account"),
            Column("cash", "现金", "cash"),
            Column("proof", "TAC", "TAC"),
            Column("made_at", "时间", "time"),
            Column("receipt", "回执", "receipt"),
        ],
        &rows,
    );
    Ok(())
}

fn record_row(center: &Center, record: &RecordSummary) -> Vec<Value> {
    let verdict = match record.link.outcome {
        Outcome::Booked => "booked".to_owned(),
        Outcome::Conflict => "conflict".to_owned(),
        Outcome::Refused(reason) => {
            let reason = serde_json::to_value(reason).ok();
            format!("refused: {}", reason.as_ref().and_then(Value::as_str).unwrap_or_default())
        }
    };
    let proof = match record.proof {
        Proof::NotNeeded => Value::Null,
        Proof::Verified => json!("verified"),
        Proof::Unchecked => json!("unchecked"),
        Proof::Missing => json!("missing"),
    };
    vec![
        json!(record.terminal),
        json!(record.link.sequence),
        json!(record.link.id),
        json!(format!("{:?}", record.kind).to_lowercase()),
        json!(verdict),
        yuan(record.totals.medfee_sumamt),
        yuan(record.totals.fund_pay_sumamt),
        yuan(record.totals.acct_pay),
        yuan(record.totals.psn_cash_pay),
        proof,
        json!(record.made_at.to_string()),
        json!(center.production.receipt_number(record.link.receipt)),
    ]
}

pub(super) fn receipts(center: &Center, list: &List, printer: Printer) -> Result<(), Error> {
    let receipts = center.production.storage().receipts(list.terminal, list.newest.number)?;
    let rows: Vec<_> = receipts
        .iter()
        .map(|receipt| {
            vec![
                json!(center.production.receipt_number(receipt.number)),
                json!(receipt.terminal),
                json!(receipt.from_sequence),
                json!(receipt.to_sequence),
                json!(receipt.at.to_string()),
            ]
        })
        .collect();
    printer.many(
        &[
            Column("number", "回执号", "receipt"),
            Column("terminal", "终端号", "terminal"),
            Column("from_sequence", "自序号", "from"),
            Column("to_sequence", "至序号", "to"),
            Column("at", "时间", "time"),
        ],
        &rows,
    );
    Ok(())
}

pub(super) fn alarms(center: &Center, newest: Newest, printer: Printer) -> Result<(), Error> {
    list_alarms(&center.production.storage().alarms(newest.number)?, printer);
    Ok(())
}

pub(super) fn list_alarms(alarms: &[AlarmRow], printer: Printer) {
    let rows: Vec<_> = alarms
        .iter()
        .map(|row| {
            vec![
                json!(row.number),
                json!(row.alarm.kind.name()),
                json!(row.alarm.terminal),
                json!(row.alarm.sequence),
                json!(row.alarm.id),
                json!(row.count),
                json!(row.at.to_string()),
                json!(row.last_at.to_string()),
            ]
        })
        .collect();
    printer.many(
        &[
            Column("number", "号", "number"),
            Column("kind", "种类", "kind"),
            Column("terminal", "终端号", "terminal"),
            Column("sequence", "序号", "sequence"),
            Column("id", "交易", "transaction"),
            Column("count", "次数", "times"),
            Column("first", "首次", "first"),
            Column("last", "最近", "last"),
        ],
        &rows,
    );
}

pub(super) fn audit(center: &Center, newest: Newest, printer: Printer) -> Result<(), Error> {
    let lines = center.production.storage().audit(newest.number)?;
    let rows: Vec<_> = lines
        .iter()
        .map(|row| vec![json!(row.at.to_string()), json!(row.actor), json!(row.action), json!(row.subject)])
        .collect();
    printer.many(
        &[
            Column("at", "时间", "time"),
            Column("actor", "谁", "who"),
            Column("action", "做了什么", "did what"),
            Column("subject", "对什么", "to what"),
        ],
        &rows,
    );
    Ok(())
}

pub(super) fn keys(center: &Center, command: &Keys, printer: Printer) -> Result<(), Error> {
    match command {
        Keys::Import { file } => center.set_issuer_keys(&Zeroizing::new(read_file(file)?)),
        Keys::Show => {
            let key = center.production.public_key();
            if printer.json {
                printer.one(&[Column("center_key", "", "")], &[json!(key.to_string())]);
            } else {
                print!("{}", public_key_pem(&key));
            }
            Ok(())
        }
    }
}

pub(super) fn renew_feed(center: &Center, printer: Printer) -> Result<(), Error> {
    let epoch = center.production.renew_epoch()?;
    center.access.note("staff", "feed renew", &epoch.to_string())?;
    printer.one(&[Column("epoch", "代", "generation")], &[json!(epoch)]);
    Ok(())
}

pub(super) fn yuan(amount: Fen) -> Value {
    json!(amount.to_string())
}

fn amount(text: &str) -> Result<Fen, Error> {
    Fen::parse_yuan(text).ok_or_else(|| {
        Error::input(words("金额为元，至多两位小数", "an amount is in yuan, with two places at most"))
    })
}

pub(super) fn read_file(path: &Path) -> Result<String, Error> {
    let length = std::fs::metadata(path).map_err(Error::file(path))?.len();
    if length > INPUT_BYTES_MAX {
        return Err(Error::input(format!("{} > {INPUT_BYTES_MAX} bytes", path.display())));
    }
    std::fs::read_to_string(path).map_err(Error::file(path))
}
