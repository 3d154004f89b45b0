//! Copies in the clear, also of what is left of a damaged ledger.

use std::io::{self, Write};

use rusqlite::{Connection, Row, types::Value, types::ValueRef};
use serde_json::{Map, Value as Json};

use super::{Ledger, LedgerError};
use crate::{
    audit::{Actor, AuditEvent},
    store::{self, Opener, StoreError, StoreKey},
};

/// What could be read of a damaged ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Rows of all tables that were written out.
    pub rows: u64,
    /// Transactions among them.
    pub transactions: u64,
    /// Links of the chain among them: bodies with their signatures.
    pub links: u64,
    /// Rows of transactions, plans and links that are known to exist and could not be read.
    pub unreadable: u64,
}

/// A table, the columns that may leave the terminal, and what orders its rows.
struct Table {
    name: &'static str,
    columns: &'static str,
    key: &'static str,
    /// The key is a number that counts from 1 to at most the number of intentions.
    counted: bool,
}

impl Table {
    const fn counted(name: &'static str, key: &'static str) -> Self {
        Table { name, columns: "*", key, counted: true }
    }

    const fn plain(name: &'static str, key: &'static str) -> Self {
        Table { name, columns: "*", key, counted: false }
    }
}

/// Secrets of operators are not exported.
const TABLES: [Table; 11] = [
    Table::counted("txn", "ordinal"),
    Table::counted("plan", "ordinal"),
    Table::counted("link", "sequence"),
    Table::plain("anchor", "first_sequence"),
    Table::plain("receipt", "number"),
    Table::plain("visit", "number"),
    Table::plain("fee_line", "visit, position"),
    Table::plain("refund", "cancellation"),
    Table { columns: "number, role, active, name", ..Table::plain("operator", "number") },
    Table::plain("cycle", "number"),
    Table::plain("audit", "number"),
];

impl Ledger {
    /// Writes everything as JSON lines, one object per row: `{"table": …, column: value …}`, bytes in
    /// hexadecimal.
    ///
    /// Holds personal data in the clear: the edge asks for a role first. Returns the number of lines.
    /// Audited. Errors: `Io` of the writer as an [`io::Error`].
    pub fn export_lines(
        &mut self,
        out: &mut dyn Write,
        actor: Actor<'_>,
        now: protocol::timestamp::Timestamp,
    ) -> Result<u64, ExportError> {
        self.audit(now, actor, &AuditEvent::Exported)?;
        let mut lines = 0;
        for table in &TABLES {
            let mut statement = self
                .connection()
                .prepare(&format!("SELECT {} FROM {} ORDER BY {}", table.columns, table.name, table.key))
                .map_err(LedgerError::from)?;
            let mut rows = statement.query([]).map_err(LedgerError::from)?;
            while let Some(row) = rows.next().map_err(LedgerError::from)? {
                write_row(out, table.name, row)?;
                lines += 1;
            }
        }
        out.flush()?;
        Ok(lines)
    }

    /// Writes a plain SQLite file to a new place, without operators' secrets and without what is remembered of
    /// fingers' tries and images. Audited.
    ///
    /// Errors: `Store(Refused)` when the place is taken, `Store(Full)`.
    pub fn export_plain(
        &mut self,
        place: &str,
        actor: Actor<'_>,
        now: protocol::timestamp::Timestamp,
    ) -> Result<(), LedgerError> {
        self.audit(now, actor, &AuditEvent::Exported)?;
        Ok(store::export_plain(
            self.connection(),
            place,
            "UPDATE plain.operator SET salt = x'', secret = x'', iterations = 0;
             DELETE FROM plain.setting WHERE name LIKE 'finger %';",
        )?)
    }
}

/// Why an export ended early.
#[derive(Debug)]
pub enum ExportError {
    /// The ledger could not be read.
    Ledger(LedgerError),
    /// The writer failed.
    Writer(io::Error),
}

impl From<LedgerError> for ExportError {
    fn from(error: LedgerError) -> Self {
        ExportError::Ledger(error)
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        ExportError::Writer(error)
    }
}

impl std::fmt::Display for ExportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ledger(error) => error.fmt(f),
            Self::Writer(error) => write!(f, "the export could not be written: {error}"),
        }
    }
}

impl std::error::Error for ExportError {}

/// Reads what can be read of a damaged ledger and writes it as [`Ledger::export_lines`] does.
///
/// A page that fails its MAC spoils its connection, so the file is opened again after each failure; rows are
/// read from both ends, then one by one around the damage. Each transaction carries its digest and signature,
/// so that an auditor can tell what is genuine. Nothing is written to the ledger.
/// Errors: the writer's; and `NotFound` when not even the first page can be read (wrong key, or nothing left).
pub fn salvage(opener: &dyn Opener, key: &StoreKey, out: &mut dyn Write) -> io::Result<Salvaged> {
    open(opener, key).map_err(|error| io::Error::new(io::ErrorKind::NotFound, error))?;
    let mut salvaged = Salvaged::default();
    for table in &TABLES {
        let mut seen = std::collections::HashSet::new();
        for direction in ["ASC", "DESC"] {
            let complete = sweep(opener, key, table, direction, &mut seen, out)?;
            if complete {
                break;
            }
        }
        if table.counted {
            salvaged.unreadable += one_by_one(opener, key, table, &mut seen, out)?;
        }
        match table.name {
            "txn" => salvaged.transactions = seen.len() as u64,
            "link" => salvaged.links = seen.len() as u64,
            _ => {}
        }
        salvaged.rows += seen.len() as u64;
    }
    out.flush()?;
    Ok(salvaged)
}

fn open(opener: &dyn Opener, key: &StoreKey) -> Result<Connection, StoreError> {
    let connection = opener.open()?;
    store::unlock(&connection, key)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    Ok(connection)
}

/// Names a row by its key's values.
fn row_key(row: &Row<'_>, from: usize, columns: usize) -> rusqlite::Result<Vec<u8>> {
    let mut name = Vec::new();
    for column in from..from + columns {
        name.extend_from_slice(format!("{:?}\0", row.get::<_, Value>(column)?).as_bytes());
    }
    Ok(name)
}

/// Writes rows in one direction until the end (`true`) or the first failure.
fn sweep(
    opener: &dyn Opener,
    key: &StoreKey,
    table: &Table,
    direction: &str,
    seen: &mut std::collections::HashSet<Vec<u8>>,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let order: Vec<String> = table.key.split(", ").map(|column| format!("{column} {direction}")).collect();
    let Ok(connection) = open(opener, key) else { return Ok(false) };
    // The key's columns follow the row's own, so that they can be cut off again.
    let sql =
        format!("SELECT {}, {} FROM {} ORDER BY {}", table.columns, table.key, table.name, order.join(", "));
    let Ok(mut statement) = connection.prepare(&sql) else { return Ok(false) };
    let width = statement.column_count();
    let Ok(mut rows) = statement.query([]) else { return Ok(false) };
    loop {
        match rows.next() {
            Ok(Some(row)) => {
                let Ok(name) = row_key(row, width - order.len(), order.len()) else { return Ok(false) };
                if seen.insert(name) {
                    write_columns(out, table.name, row, width - order.len())?;
                }
            }
            Ok(None) => return Ok(true),
            Err(_) => return Ok(false),
        }
    }
}

/// Tries every place that neither direction reached. Returns how many could not be read.
fn one_by_one(
    opener: &dyn Opener,
    key: &StoreKey,
    table: &Table,
    seen: &mut std::collections::HashSet<Vec<u8>>,
    out: &mut dyn Write,
) -> io::Result<u64> {
    // The last number from the table, else from an index that has each transaction too.
    let last = [
        format!("SELECT max({}) FROM {}", table.key, table.name),
        "SELECT max(ordinal + 0) FROM txn INDEXED BY txn_person".to_owned(),
    ]
    .iter()
    .find_map(|sql| open(opener, key).ok()?.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).ok())
    .flatten()
    .unwrap_or(0);
    let mut unreadable = 0;
    let mut connection = None;
    for number in 1..=last {
        if seen.contains(format!("{:?}\0", Value::Integer(number)).as_bytes()) {
            continue;
        }
        if connection.is_none() {
            connection = open(opener, key).ok();
        }
        let Some(current) = &connection else { return Ok(unreadable + 1) };
        let found = current
            .prepare(&format!(
                "SELECT {0}, {1} FROM {2} WHERE {1} = ?1",
                table.columns, table.key, table.name
            ))
            .and_then(|mut statement| {
                let width = statement.column_count();
                let mut rows = statement.query([number])?;
                match rows.next()? {
                    Some(row) => {
                        Ok(Some((row_key(row, width - 1, 1)?, row_json(table.name, row, width - 1)?)))
                    }
                    None => Ok(None),
                }
            });
        match found {
            Ok(Some((name, json))) => {
                seen.insert(name);
                write_json(out, &json)?;
            }
            // Purged.
            Ok(None) => {}
            Err(_) => {
                unreadable += 1;
                connection = None;
            }
        }
    }
    Ok(unreadable)
}

fn write_row(out: &mut dyn Write, table: &str, row: &Row<'_>) -> io::Result<()> {
    write_columns(out, table, row, row.as_ref().column_count())
}

fn write_columns(out: &mut dyn Write, table: &str, row: &Row<'_>, columns: usize) -> io::Result<()> {
    let json = row_json(table, row, columns).map_err(io::Error::other)?;
    write_json(out, &json)
}

fn write_json(out: &mut dyn Write, json: &Json) -> io::Result<()> {
    serde_json::to_writer(&mut *out, json)?;
    out.write_all(b"\n")
}

fn row_json(table: &str, row: &Row<'_>, columns: usize) -> rusqlite::Result<Json> {
    let mut object = Map::new();
    object.insert("table".into(), Json::from(table));
    for column in 0..columns {
        let name = row.as_ref().column_name(column)?.to_owned();
        let value = match row.get_ref(column)? {
            ValueRef::Null => Json::Null,
            ValueRef::Integer(number) => Json::from(number),
            ValueRef::Real(number) => Json::from(number),
            ValueRef::Text(text) => Json::from(String::from_utf8_lossy(text)),
            ValueRef::Blob(bytes) => Json::from(hex::encode(bytes)),
        };
        object.insert(name, value);
    }
    Ok(Json::Object(object))
}
