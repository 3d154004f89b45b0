//! The commands about pensions and proofs of holders.

use card_spec::person::PersonNumber;
use protocol::{
    calendar::{Day, Period},
    pension::Pension as Entry,
    policy::ProofPolicy,
};
use serde_json::{Value, json};

use super::{
    Pension, PeopleList, Policy,
    commands::{list_alarms, read_file, yuan},
    people::read_person,
    print::{Column, Printer, words},
};
use crate::{center::Center, error::Error, storage::rows::AlarmKind};

pub(super) fn pension(center: &Center, command: &Pension, printer: Printer) -> Result<(), Error> {
    let storage = center.production.storage();
    let today = Day::of(center.production.now());
    match command {
        Pension::Due { until, list } => {
            let until = until.unwrap_or(today.period());
            let due = storage.pensions_due(until, list.number)?;
            print_people(center, &due, until, list, "pension due", printer)
        }
        Pension::Certifications { days, list } => {
            let due = storage.certifications_due(today.plus_days((*days).into()), list.number)?;
            print_people(center, &due, today.period(), list, "pension certifications", printer)
        }
        Pension::Paid { period } => {
            let period = period.unwrap_or(today.period());
            let (count, sum) = storage.paid(period)?;
            printer.one(
                &[
                    Column("period", "月", "month"),
                    Column("count", "笔数", "payments"),
                    Column("sum", "金额（元）", "sum (yuan)"),
                ],
                &[json!(period.to_string()), json!(count), yuan(sum)],
            );
            Ok(())
        }
        Pension::Alarms(newest) => {
            list_alarms(&storage.alarms_of(AlarmKind::FALSE_CLAIMS, newest.number)?, printer);
            Ok(())
        }
        Pension::Show => {
            let number = read_person()?;
            let entry = storage.pension(number.key())?.ok_or_else(|| {
                Error::input(words("本中心不向此人发放养老金", "no pension is paid to this person here"))
            })?;
            printer.one(&COLUMNS, &values(&entry, json!(number.masked().to_string()), today.period()));
            Ok(())
        }
    }
}

pub(super) fn policy(center: &Center, command: &Policy, printer: Printer) -> Result<(), Error> {
    let wrong = |error: serde_json::Error| Error::input(error.to_string());
    match command {
        Policy::Show => {
            let policy = center.production.policy_in_force()?;
            let text = match printer.json {
                true => serde_json::to_string(&policy),
                false => serde_json::to_string_pretty(&policy),
            };
            println!("{}", text.map_err(wrong)?);
            Ok(())
        }
        Policy::Set { file } => {
            let policy: ProofPolicy = serde_json::from_str(&read_file(file)?).map_err(wrong)?;
            let version = center.production.set_policy(&policy)?;
            center.access.note("staff", "policy set", &version.to_string())?;
            printer.one(&[Column("version", "版本", "version")], &[json!(version)]);
            Ok(())
        }
    }
}

const COLUMNS: [Column; 6] = [
    Column("person", "社会保障号码", "person"),
    Column("monthly", "月养老金（元）", "monthly (yuan)"),
    Column("next_unpaid", "未发起始月", "first unpaid"),
    Column("months_due", "应发月数", "months due"),
    Column("certified_until", "认证有效至", "certified until"),
    Column("fingers", "指纹", "fingers"),
];

fn values(entry: &Entry, person: Value, until: Period) -> Vec<Value> {
    vec![
        person,
        yuan(entry.monthly),
        json!(entry.next_unpaid.to_string()),
        json!(entry.unpaid(until).count()),
        json!(entry.certified_until.map(|day| day.to_string())),
        json!(entry.fingers),
    ]
}

fn print_people(
    center: &Center,
    entries: &[Entry],
    until: Period,
    list: &PeopleList,
    action: &str,
    printer: Printer,
) -> Result<(), Error> {
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        let number = PersonNumber::from_key(entry.key);
        let number = number.map_err(|error| Error::input(error.to_string()))?;
        let shown = if list.numbers { number.as_str().to_owned() } else { number.masked().to_string() };
        rows.push(values(entry, json!(shown), until));
    }
    if list.numbers {
        // Before they are shown: a list of whole numbers that nobody knows of must not exist.
        center.access.note("staff", action, &format!("{} whole numbers", rows.len()))?;
    }
    printer.many(&COLUMNS, &rows);
    Ok(())
}
