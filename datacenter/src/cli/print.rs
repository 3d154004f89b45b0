//! Tables for people, JSON for machines.

use comfy_table::{ContentArrangement, Table, presets::UTF8_HORIZONTAL_ONLY};
use serde_json::Value;

/// Chinese or English, by the locale of the process.
pub(super) fn words<'a>(chinese: &'a str, english: &'a str) -> &'a str {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_default();
    if locale.starts_with("zh") { chinese } else { english }
}

/// A column: its name in JSON and its head in both languages.
pub(super) struct Column(pub(super) &'static str, pub(super) &'static str, pub(super) &'static str);

/// Prints what a command found or did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printer {
    pub(super) json: bool,
}

impl Printer {
    /// One thing: named values. In JSON an object, else one line each.
    pub(super) fn one(self, columns: &[Column], values: &[Value]) {
        if self.json {
            println!("{}", object(columns, values));
            return;
        }
        for (Column(_, chinese, english), value) in columns.iter().zip(values) {
            println!("{}: {}", words(chinese, english), text(value));
        }
    }

    /// Many things: a table, or one JSON object a line.
    pub(super) fn many(self, columns: &[Column], rows: &[Vec<Value>]) {
        if self.json {
            for row in rows {
                println!("{}", object(columns, row));
            }
            return;
        }
        let mut table = Table::new();
        table.load_style(UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.iter().map(|Column(_, chinese, english)| words(chinese, english)));
        for row in rows {
            table.add_row(row.iter().map(text));
        }
        println!("{table}");
    }
}

fn object(columns: &[Column], values: &[Value]) -> Value {
    Value::Object(
        columns
            .iter()
            .zip(values)
            .map(|(Column(name, ..), value)| ((*name).to_owned(), value.clone()))
            .collect(),
    )
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => words("是", "yes").to_owned(),
        Value::Bool(false) => words("否", "no").to_owned(),
        other => other.to_string(),
    }
}
