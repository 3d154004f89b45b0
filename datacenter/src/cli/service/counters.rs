//! Lists of what counters did: contributions paid, dues set aside, certifications at home.

use protocol::{id::TransactionId, record::PaidBy, service::Due};
use serde_json::{Value, json};

use super::{
    super::{
        commands::yuan,
        print::{Column, Printer},
    },
    Listed, person,
};
use crate::{center::Center, error::Error};

/// Insurance, first month, months, fund and payer of dues, one after the other.
fn what_for(dues: &[Due]) -> Value {
    let words = dues.iter().map(|due| {
        let payer = due.kind.payer().map(|payer| json!(payer)).unwrap_or_default();
        json!({
            "kind": due.kind, "fund": due.kind.fund(), "payer": payer,
            "period": due.period, "months": due.months, "amount_fen": due.amount,
        })
    });
    words.collect()
}

/// The same for a table.
fn in_short(dues: &[Due], printer: Printer) -> Value {
    if printer.json {
        return what_for(dues);
    }
    let words: Vec<String> =
        dues.iter().map(|due| format!("{} {} ×{}", due.kind.name(), due.period, due.months)).collect();
    json!(words.join("; "))
}

pub(super) fn payments(
    center: &Center,
    key: Option<u64>,
    listed: &Listed,
    printer: Printer,
) -> Result<(), Error> {
    let rows: Vec<Vec<Value>> = center
        .production
        .storage()
        .contributions_taken(key, listed.number)?
        .iter()
        .map(|row| {
            let (way, reference) = match &row.paid_by {
                PaidBy::Cash => ("cash", Value::Null),
                PaidBy::BankCard { reference } => ("bank_card", json!(reference)),
                _ => ("other", Value::Null),
            };
            vec![
                json!(row.at.to_string()),
                json!(row.terminal),
                json!(row.operator),
                person(row.person, listed.numbers),
                yuan(row.amount),
                json!(way),
                reference,
                in_short(&row.dues, printer),
                json!(row.reversed.map(|(_, at)| at.to_string())),
                json!(row.id),
            ]
        })
        .collect();
    center.access.note("staff", "service payments", &rows.len().to_string())?;
    printer.many(
        &[
            Column("at", "时间", "when"),
            Column("terminal", "终端号", "terminal"),
            Column("operator", "操作员", "operator"),
            Column("person", "社会保障号码", "person"),
            Column("amount", "金额（元）", "yuan"),
            Column("paid_by", "缴费方式", "paid by"),
            Column("reference", "凭证号", "slip no."),
            Column("dues", "费款", "what for"),
            Column("reversed", "已撤销", "taken back"),
            Column("id", "交易号", "transaction"),
        ],
        &rows,
    );
    Ok(())
}

pub(super) fn held(center: &Center, listed: &Listed, printer: Printer) -> Result<(), Error> {
    let rows: Vec<Vec<Value>> = center
        .production
        .storage()
        .held_dues(None, listed.number)?
        .iter()
        .map(|row| {
            vec![
                json!(row.at.to_string()),
                json!(row.terminal),
                json!(row.operator),
                person(row.person, listed.numbers),
                in_short(std::slice::from_ref(&row.due), printer),
                yuan(row.due.amount),
                json!(row.id),
            ]
        })
        .collect();
    center.access.note("staff", "service held", &rows.len().to_string())?;
    printer.many(
        &[
            Column("since", "占用时间", "since"),
            Column("terminal", "终端号", "terminal"),
            Column("operator", "操作员", "operator"),
            Column("person", "社会保障号码", "person"),
            Column("due", "费款", "what for"),
            Column("amount", "金额（元）", "yuan"),
            Column("id", "交易号", "transaction"),
        ],
        &rows,
    );
    Ok(())
}

pub(super) fn free(center: &Center, id: TransactionId, printer: Printer) -> Result<(), Error> {
    let freed = center.service.free_dues(id)?;
    center.access.note("staff", "service free-dues", &id.to_string())?;
    printer.one(&[Column("freed", "释放费款", "dues freed")], &[json!(freed)]);
    Ok(())
}

pub(super) fn home_visits(center: &Center, listed: &Listed, printer: Printer) -> Result<(), Error> {
    let rows: Vec<Vec<Value>> = center
        .production
        .storage()
        .home_visits(listed.number)?
        .iter()
        .map(|row| {
            vec![
                json!(row.at.to_string()),
                json!(row.terminal),
                json!(row.operator),
                person(row.person, listed.numbers),
                json!(row.id),
            ]
        })
        .collect();
    center.access.note("staff", "service home-visits", &rows.len().to_string())?;
    printer.many(
        &[
            Column("at", "认证时间", "when"),
            Column("terminal", "终端号", "terminal"),
            Column("operator", "上门人员", "operator"),
            Column("person", "社会保障号码", "person"),
            Column("id", "交易号", "transaction"),
        ],
        &rows,
    );
    Ok(())
}
