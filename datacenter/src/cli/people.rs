//! The commands about people and cards.

use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal, Read},
    path::Path,
};

use card_spec::{money::Fen, person::PersonNumber};
use indicatif::{ProgressBar, ProgressStyle};
use protocol::feed::BlockReason;
use serde_json::json;

use super::{
    Card, People, Reason,
    commands::yuan,
    print::{Column, Printer, words},
};
use crate::{center::Center, error::Error, production::people_file::PeopleFile};

/// Most refunds of one person that are listed.
const REFUNDS_LISTED_MAX: usize = 10_000;

pub(super) fn people(center: &Center, command: &People, printer: Printer) -> Result<(), Error> {
    let storage = center.production.storage();
    match command {
        People::Import { file } => import(center, file, printer),
        People::Count => {
            let columns = [
                Column("people", "参保人数", "people"),
                Column("newest", "最新变更号", "newest change"),
                Column("epoch", "代", "generation"),
            ];
            let values = [json!(storage.people_count()?), json!(storage.newest()?), json!(storage.epoch()?)];
            printer.one(&columns, &values);
            Ok(())
        }
        People::Remove { file } => {
            let mut keys = Vec::new();
            for (line, text) in (1..).zip(input(file)?.0.lines()) {
                let wrong =
                    |_| Error::input(format!("{} {line}", words("号码有误，行", "no person number, line")));
                let text = text.map_err(Error::file(file))?;
                if !text.trim().is_empty() {
                    keys.push(PersonNumber::parse(text.trim()).map_err(wrong)?.key());
                }
            }
            let removed = center.production.remove_people(&keys)?;
            center.access.note("staff", "people remove", &removed.to_string())?;
            printer.one(&[Column("removed", "迁出", "removed")], &[json!(removed)]);
            Ok(())
        }
        People::Refunds => {
            let person = read_person()?;
            let refunds: Vec<_> = storage
                .refunds_of(person.key(), REFUNDS_LISTED_MAX)?
                .iter()
                .map(|refund| vec![json!(refund.of), yuan(refund.owed)])
                .collect();
            center.access.note("staff", "people refunds", &refunds.len().to_string())?;
            printer.many(
                &[Column("of", "撤销交易", "cancellation"), Column("owed", "待退（元）", "owed (yuan)")],
                &refunds,
            );
            Ok(())
        }
        People::Show => {
            let number = read_person()?;
            let person = storage.person(number.key())?.ok_or_else(|| {
                Error::input(words("此人未参保于本市", "nobody of this number is insured here"))
            })?;
            printer.one(
                &[
                    Column("person", "社会保障号码", "person"),
                    Column("state", "状态", "state"),
                    Column("insutype", "险种", "insurance"),
                    Column("psn_type", "人员类别", "category"),
                    Column("civil_servant", "公务员", "civil servant"),
                    Column("paid_until", "缴费至", "paid until"),
                    Column("year", "年度", "year"),
                    Column("deductible", "已付起付线", "deductible"),
                    Column("pooled_outpatient", "门诊统筹", "pooled, outpatient"),
                    Column("pooled_inpatient", "住院统筹", "pooled, inpatient"),
                    Column("own_in_scope", "范围内自付", "own, in scope"),
                    Column("stays", "住院次数", "stays"),
                ],
                &[
                    json!(number.masked().to_string()),
                    json!(format!("{:?}", person.state).to_lowercase()),
                    json!(person.insutype),
                    json!(person.psn_type),
                    json!(person.civil_servant),
                    json!(format!("{:04}-{:02}", person.paid_until / 12, person.paid_until % 12 + 1)),
                    json!(person.year),
                    yuan(Fen(person.deductible_fen.into())),
                    yuan(Fen(person.pooled_outpatient_fen.into())),
                    yuan(Fen(person.pooled_inpatient_fen.into())),
                    yuan(Fen(person.own_in_scope_fen.into())),
                    json!(person.stays),
                ],
            );
            Ok(())
        }
    }
}

/// A file or, by `-`, standard input; and the length of a file.
pub(super) type Input = (BufReader<Box<dyn Read>>, Option<u64>);

pub(super) fn input(file: &Path) -> Result<Input, Error> {
    let (input, length): (Box<dyn Read>, Option<u64>) = if file == Path::new("-") {
        (Box::new(std::io::stdin()), None)
    } else {
        let opened = File::open(file).map_err(Error::file(file))?;
        let length = opened.metadata().map_err(Error::file(file))?.len();
        (Box::new(opened), Some(length))
    };
    Ok((BufReader::with_capacity(1 << 20, input), length))
}

fn import(center: &Center, file: &Path, printer: Printer) -> Result<(), Error> {
    let (input, length) = input(file)?;
    let bar = if printer.json || !std::io::stderr().is_terminal() {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(length.unwrap_or(0)).with_style(
            ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes}, {eta}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        )
    };
    let input = BufReader::new(bar.wrap_read(input));
    let imported = center.production.import_people(PeopleFile::new(input), |done| {
        bar.set_message(format!("{} {}", done.read, words("人", "people")));
    })?;
    bar.finish_and_clear();
    center.access.note("staff", "people import", &imported.changed.to_string())?;
    printer.one(
        &[Column("read", "读入", "read"), Column("changed", "新增或变动", "new or changed")],
        &[json!(imported.read), json!(imported.changed)],
    );
    Ok(())
}

pub(super) fn card(center: &Center, command: &Card, printer: Printer) -> Result<(), Error> {
    let (card, reason) = match command {
        Card::Block { card, reason } => (card, Some(BlockReason::from(*reason))),
        Card::Free { card } => (card, None),
        Card::Count => {
            let count = center.production.storage().blocked_count()?;
            printer.one(&[Column("blocked", "停用卡数", "blocked cards")], &[json!(count)]);
            return Ok(());
        }
        Card::Holders { file } => return holders(center, file, printer),
        Card::ClearLoads { card } => {
            let cleared = center.production.clear_abandoned_loads(&hex::encode(card_key(card)?))?;
            center.access.note("staff", "card clear-loads", &cleared.to_string())?;
            printer.one(&[Column("cleared", "已核实圈存", "cleared loads")], &[json!(cleared)]);
            return Ok(());
        }
    };
    let changed = center.production.set_cards(&[(card_key(card)?, reason)])?;
    center.access.note("staff", if reason.is_some() { "card block" } else { "card free" }, "1")?;
    printer.one(&[Column("changed", "变动", "changed")], &[json!(changed)]);
    Ok(())
}

fn holders(center: &Center, file: &Path, printer: Printer) -> Result<(), Error> {
    let mut cards = Vec::new();
    for (number, line) in (1..).zip(input(file)?.0.lines()) {
        let line = line.map_err(Error::file(file))?;
        if line.trim().is_empty() {
            continue;
        }
        let pair = line.split_once(',').and_then(|(card, person)| {
            Some((card_key(card).ok()?, PersonNumber::parse(person.trim()).ok()?.key()))
        });
        cards.push(pair.ok_or_else(|| {
            Error::input(format!(
                "{} {number}",
                words("卡识别码或号码有误，行", "no card and person number, line")
            ))
        })?);
    }
    let written = center.production.set_holders(&cards)?;
    center.access.note("staff", "card holders", &written.to_string())?;
    printer.one(&[Column("cards", "卡数", "cards")], &[json!(written)]);
    Ok(())
}

fn card_key(text: &str) -> Result<[u8; 12], Error> {
    let bytes = hex::decode(text.trim()).unwrap_or_default();
    match (bytes.len(), bytes.first_chunk::<12>()) {
        (12 | 16, Some(key)) => Ok(*key),
        _ => Err(Error::input(words(
            "卡识别码为 32 位或 24 位十六进制",
            "a card identification code has 32 or 24 hexadecimal digits",
        ))),
    }
}

impl From<Reason> for BlockReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Lost => BlockReason::Lost,
            Reason::Replaced => BlockReason::Replaced,
            Reason::Deceased => BlockReason::Deceased,
            Reason::Fraud => BlockReason::Fraud,
        }
    }
}

/// A person number from standard input: it stays out of the history of commands and the list of processes.
pub(super) fn read_person() -> Result<PersonNumber, Error> {
    let mut line = String::new();
    std::io::stdin().lock().take(256).read_line(&mut line).map_err(Error::file("-"))?;
    PersonNumber::parse(line.trim()).map_err(|error| Error::input(error.to_string()))
}
