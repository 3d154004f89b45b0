use std::fmt;

use card_spec::{person::PersonNumber, region::RegionCode};
use protocol::{id::TransactionId, signature::Digest, timestamp::Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params, types::Type};
use serde::{Deserialize, Serialize};

use super::{CardKey, Ledger, LedgerError, RESERVE_BYTES, row};

/// Most fee lines of one visit.
pub const LINES_MAX: usize = 5_000;

/// Longest number of a visit, serial of a line and name of a batch.
pub const NUMBER_BYTES_MAX: usize = 64;

/// Most bytes of one fee line's content.
pub const LINE_BYTES_MAX: usize = 4 << 10;

/// Most bytes of the lines of one call of [`Ledger::add_lines`]: a fraction of the reserve that belongs to what
/// was begun.
pub const LINES_BYTES_MAX: usize = 4 << 20;

/// Where a visit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitState {
    /// Lines can be added and removed.
    Open,
    /// A settlement was intended; its outcome is not known yet.
    Settling,
    /// Settled.
    Settled,
    /// The registration was cancelled.
    Cancelled,
}

/// A registered visit (就诊登记).
#[derive(Clone, PartialEq, Eq)]
pub struct Visit {
    /// The terminal's name for it, unique here.
    pub number: String,
    /// Where it stands; what is passed to [`Ledger::register`] is open.
    pub state: VisitState,
    /// Who is insured.
    pub person: PersonNumber,
    /// Where the insured belongs.
    pub region: RegionCode,
    /// Card, without the MAC of its code.
    pub card: CardKey,
    /// Card identification code, 32 hexadecimal digits.
    pub card_id: String,
    /// Visit type, code table med_type.
    pub med_type: String,
    /// Insurance, code table insutype.
    pub insutype: String,
    /// Working cycle of the registration.
    pub cycle: String,
    /// Operator number.
    pub operator: String,
    /// When.
    pub registered_at: Timestamp,
    /// The settlement in force, or being made.
    pub settled_by: Option<TransactionId>,
}

/// One fee line (费用明细) as the hospital sent it.
#[derive(Clone, PartialEq, Eq)]
pub struct FeeLine {
    /// The hospital's number of the line, unique in the visit (`feedetl_sn`).
    pub serial: String,
    /// Its batch (`chrg_bchno`).
    pub batch: String,
    /// The line as the rules read it, JSON, kept verbatim.
    pub content: String,
}

impl Ledger {
    /// Registers a visit. Registering the same again changes nothing.
    ///
    /// New business as far as halting and space go. Errors: `NumberWrong` unless the number is 1 to
    /// [`NUMBER_BYTES_MAX`] visible ASCII characters, `Halted`, `SpaceLow`, `VisitExists` when it is taken by a
    /// visit that differs.
    pub fn register(&mut self, visit: &Visit) -> Result<(), LedgerError> {
        require_number(Numbered::Visit, &visit.number)?;
        if let Some(known) = self.visit(&visit.number)? {
            let same = Visit { state: known.state, settled_by: known.settled_by, ..visit.clone() };
            return if known == same { Ok(()) } else { Err(LedgerError::VisitExists) };
        }
        if let Some(reason) = self.halted()? {
            return Err(LedgerError::Halted(reason));
        }
        self.require_space()?;
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO visit (number, state, person, region, card, card_id, med_type, insutype,
                         cycle, operator, registered_at)
                     VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                )?
                .execute(params![
                    visit.number,
                    visit.person.key(),
                    visit.region.as_str(),
                    visit.card.0,
                    visit.card_id,
                    visit.med_type,
                    visit.insutype,
                    visit.cycle,
                    visit.operator,
                    visit.registered_at.0,
                ])?;
            Ok(())
        })
    }

    /// A visit by its number.
    pub fn visit(&self, number: &str) -> Result<Option<Visit>, LedgerError> {
        let mut statement =
            self.connection().prepare_cached(&format!("SELECT {COLUMNS} FROM visit WHERE number = ?1"))?;
        Ok(statement.query_row([number], visit_of).optional()?)
    }

    /// Visits that are open or being settled, oldest first.
    pub fn visits_open(&self) -> Result<Vec<Visit>, LedgerError> {
        let mut statement =
            self.connection().prepare_cached(&format!("SELECT {COLUMNS} FROM visit WHERE state = 0"))?;
        let mut visits: Vec<Visit> = statement.query_map([], visit_of)?.collect::<rusqlite::Result<_>>()?;
        let mut settling = self.connection().prepare_cached(&format!(
            "SELECT {COLUMNS} FROM visit WHERE number = (SELECT visit FROM txn WHERE ordinal = ?1 AND purpose = 0)"
        ))?;
        for ordinal in self.open_ordinals()? {
            visits.extend(settling.query_row([ordinal], visit_of).optional()?);
        }
        visits.sort_by(|a, b| (a.registered_at, &a.number).cmp(&(b.registered_at, &b.number)));
        Ok(visits)
    }

    /// Cancels the registration of an open visit; its lines go with it.
    ///
    /// Errors: `VisitUnknown`, `VisitNotOpen`.
    pub fn cancel_visit(&mut self, number: &str) -> Result<(), LedgerError> {
        self.write(|transaction| {
            require_state(transaction, number, VisitState::Open)?;
            transaction.execute("DELETE FROM fee_line WHERE visit = ?1", [number])?;
            transaction.execute("UPDATE visit SET state = 3 WHERE number = ?1", [number])?;
            Ok(())
        })
    }

    /// Adds fee lines to an open visit, all or none, in one commit. Lines that are there already are skipped.
    ///
    /// Returns how many were new. Errors: `VisitUnknown`, `VisitNotOpen`, `NumberWrong` (as in
    /// [`Ledger::register`], for serial and batch), `LineTooLarge` ([`LINE_BYTES_MAX`] for one,
    /// [`LINES_BYTES_MAX`] for all), `LineDiffers` when a serial is taken by another line, `LinesTooMany`
    /// ([`LINES_MAX`]), `SpaceLow`.
    pub fn add_lines(&mut self, visit: &str, lines: &[FeeLine]) -> Result<usize, LedgerError> {
        const { assert!(LINES_BYTES_MAX <= RESERVE_BYTES / 4) };
        check_lines(lines)?;
        self.require_space()?;
        self.write(|transaction| {
            require_state(transaction, visit, VisitState::Open)?;
            let mut position: usize = transaction
                .prepare_cached("SELECT coalesce(max(position) + 1, 0) FROM fee_line WHERE visit = ?1")?
                .query_row([visit], |row| row.get(0))?;
            let count: usize = transaction
                .prepare_cached("SELECT count(*) FROM fee_line WHERE visit = ?1")?
                .query_row([visit], |row| row.get(0))?;
            let mut known = transaction
                .prepare_cached("SELECT batch, content FROM fee_line WHERE visit = ?1 AND serial = ?2")?;
            let mut insert = transaction.prepare_cached(
                "INSERT INTO fee_line (visit, position, serial, batch, content) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            let mut added = 0;
            for line in lines {
                let stored: Option<(String, String)> = known
                    .query_row(params![visit, line.serial], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                match stored {
                    Some((batch, content)) if batch == line.batch && content == line.content => continue,
                    Some(_) => return Err(LedgerError::LineDiffers { serial: line.serial.clone() }),
                    None => {}
                }
                if count + added >= LINES_MAX {
                    return Err(LedgerError::LinesTooMany { lines_max: LINES_MAX });
                }
                insert.execute(params![visit, position, line.serial, line.batch, line.content])?;
                position += 1;
                added += 1;
            }
            Ok(added)
        })
    }

    /// Removes the lines of one batch, or all of them, from an open visit. Returns how many.
    ///
    /// Errors: `VisitUnknown`, `VisitNotOpen`.
    pub fn remove_lines(&mut self, visit: &str, batch: Option<&str>) -> Result<usize, LedgerError> {
        self.write(|transaction| {
            require_state(transaction, visit, VisitState::Open)?;
            Ok(match batch {
                Some(batch) => transaction
                    .execute("DELETE FROM fee_line WHERE visit = ?1 AND batch = ?2", params![visit, batch])?,
                None => transaction.execute("DELETE FROM fee_line WHERE visit = ?1", [visit])?,
            })
        })
    }

    /// The lines of a visit, in the order of their upload.
    pub fn lines(&self, visit: &str) -> Result<Vec<FeeLine>, LedgerError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT serial, batch, content FROM fee_line WHERE visit = ?1 ORDER BY position",
        )?;
        let lines = statement
            .query_map([visit], |row| {
                Ok(FeeLine { serial: row.get(0)?, batch: row.get(1)?, content: row.get(2)? })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(lines)
    }

    /// SHA-256 over the lines as they are kept: each serial, a zero byte, the content, a zero byte.
    pub fn lines_digest(&self, visit: &str) -> Result<Digest, LedgerError> {
        let mut bytes = Vec::new();
        for line in self.lines(visit)? {
            bytes.extend_from_slice(line.serial.as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(line.content.as_bytes());
            bytes.push(0);
        }
        Ok(Digest::of(&bytes))
    }
}

const COLUMNS: &str = "number, state + (state = 1 AND EXISTS (SELECT 1 FROM txn \
     WHERE id = visit.settlement AND sequence IS NOT NULL)), person, region, card, card_id, med_type, insutype, \
     cycle, operator, registered_at, settlement";

fn state_of(number: i64) -> Option<VisitState> {
    use VisitState::*;
    [Open, Settling, Settled, Cancelled].get(usize::try_from(number).ok()?).copied()
}

fn visit_of(row: &Row<'_>) -> rusqlite::Result<Visit> {
    let bad = |column: usize, kind: Type| {
        rusqlite::Error::FromSqlConversionFailure(column, kind, "not a value of this column".into())
    };
    Ok(Visit {
        number: row.get(0)?,
        state: state_of(row.get(1)?).ok_or_else(|| bad(1, Type::Integer))?,
        person: row::person_of(row, 2)?,
        region: RegionCode::parse(row.get_ref(3)?.as_str()?).map_err(|_| bad(3, Type::Text))?,
        card: CardKey(row.get(4)?),
        card_id: row.get(5)?,
        med_type: row.get(6)?,
        insutype: row.get(7)?,
        cycle: row.get(8)?,
        operator: row.get(9)?,
        registered_at: Timestamp(row.get(10)?),
        settled_by: row::optional_id_of(row, 11)?,
    })
}

/// What has a number of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// A visit.
    Visit,
    /// A fee line (`feedetl_sn`).
    Line,
    /// A batch of fee lines (`chrg_bchno`).
    Batch,
    /// An operator.
    Operator,
}

/// Numbers go into bodies, receipts and file names: short, and nothing in them that does not show.
pub(crate) fn require_number(what: Numbered, number: &str) -> Result<(), LedgerError> {
    let good = (1..=NUMBER_BYTES_MAX).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_graphic());
    if good { Ok(()) } else { Err(LedgerError::NumberWrong { what }) }
}

fn check_lines(lines: &[FeeLine]) -> Result<(), LedgerError> {
    let mut bytes = 0_usize;
    for line in lines {
        require_number(Numbered::Line, &line.serial)?;
        require_number(Numbered::Batch, &line.batch)?;
        if line.content.len() > LINE_BYTES_MAX {
            let (bytes, bytes_max) = (line.content.len(), LINE_BYTES_MAX);
            return Err(LedgerError::LineTooLarge { serial: Some(line.serial.clone()), bytes, bytes_max });
        }
        bytes += line.content.len();
    }
    if bytes > LINES_BYTES_MAX {
        return Err(LedgerError::LineTooLarge { serial: None, bytes, bytes_max: LINES_BYTES_MAX });
    }
    Ok(())
}

fn require_state(connection: &Connection, number: &str, wanted: VisitState) -> Result<(), LedgerError> {
    let sql = format!("SELECT {COLUMNS} FROM visit WHERE number = ?1");
    let visit = connection.prepare_cached(&sql)?.query_row([number], visit_of).optional()?;
    match visit.map(|visit| visit.state) {
        Some(state) if state == wanted => Ok(()),
        Some(state) => Err(LedgerError::VisitNotOpen { state }),
        None => Err(LedgerError::VisitUnknown),
    }
}

/// The intention to settle closes the visit for further lines. What it becomes, the settlement says.
pub(super) fn begin_settling(
    connection: &Connection,
    number: Option<&str>,
    by: TransactionId,
) -> Result<(), LedgerError> {
    let number = number.ok_or(LedgerError::VisitUnknown)?;
    require_state(connection, number, VisitState::Open)?;
    connection
        .prepare_cached("UPDATE visit SET state = 1, settlement = ?2 WHERE number = ?1")?
        .execute(params![number, by.0])?;
    Ok(())
}

/// The settlement did not come about, or was cancelled: the visit can be corrected and settled again.
pub(super) fn reopened(connection: &Connection, settlement: TransactionId) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "UPDATE visit SET state = 0, settlement = NULL
             WHERE number = (SELECT visit FROM txn WHERE id = ?1) AND settlement = ?1",
        )?
        .execute([settlement.0])?;
    Ok(())
}

// Whose visit it is, on which card and for what is personal.

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit")
            .field("number", &self.number)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FeeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeeLine").field("serial", &self.serial).finish_non_exhaustive()
    }
}
