//! Dues that are set aside, payments of contributions, and pensions that were not booked.

use card_spec::money::Fen;
use protocol::{
    calendar::{Day, Period},
    id::{TerminalId, TransactionId},
    record::PaidBy,
    service::{Contribution, ContributionKind, ContributionState, Due},
    timestamp::Timestamp,
};
use rusqlite::{Connection, Row, params};

use super::{
    SqliteStorage,
    book::limit,
    columns::{
        damaged, failed, int, kind_column, named, optional_id, terminal, terminal_number, transaction_id,
        unsigned,
    },
    service::{all, contributions_of, get, one, place, placed, put_contribution},
    transaction::SqliteTransaction,
};
use crate::storage::{
    StorageResult,
    contributions::{Contributions, DueDesk, FailedRow, HeldDue, HomeVisitRow, TakenRow},
    rows::Kind,
};

/// Columns of a due in the order that [`due`] reads.
const DUE_COLUMNS: &str = "kind, period, months, amount, until";

const HELD_COLUMNS: &str = "kind, period, months, amount, until, person, id, terminal, operator, at";

const TAKEN_COLUMNS: &str = "id, person, terminal, operator, at, amount, paid_by, reversed_by, reversed_at";

fn due(row: &Row<'_>, first: usize) -> StorageResult<Due> {
    Ok(Due {
        kind: placed(&ContributionKind::ALL, get(row, first)?)?,
        period: Period::from_number(get(row, first + 1)?).ok_or_else(|| damaged("a month"))?,
        months: get(row, first + 2)?,
        amount: Fen(get(row, first + 3)?),
        until: Day::from_number(get(row, first + 4)?).ok_or_else(|| damaged("a day"))?,
    })
}

fn held(row: &Row<'_>) -> StorageResult<HeldDue> {
    Ok(HeldDue {
        due: due(row, 0)?,
        person: unsigned(get(row, 5)?)?,
        id: transaction_id(&get::<Vec<u8>>(row, 6)?)?,
        terminal: terminal(get(row, 7)?)?,
        operator: get(row, 8)?,
        at: Timestamp(get(row, 9)?),
    })
}

/// A payment without what it was for.
fn taken(row: &Row<'_>) -> StorageResult<TakenRow> {
    let by = optional_id(get(row, 7)?)?;
    let at = get::<Option<i64>>(row, 8)?.map(Timestamp);
    Ok(TakenRow {
        id: transaction_id(&get::<Vec<u8>>(row, 0)?)?,
        person: unsigned(get(row, 1)?)?,
        terminal: terminal(get(row, 2)?)?,
        operator: get(row, 3)?,
        at: Timestamp(get(row, 4)?),
        dues: Vec::new(),
        amount: Fen(get(row, 5)?),
        paid_by: serde_json::from_str::<PaidBy>(&get::<String>(row, 6)?)
            .map_err(|_| damaged("a way to pay"))?,
        reversed: by.zip(at),
    })
}

fn with_dues(connection: &Connection, mut rows: Vec<TakenRow>) -> StorageResult<Vec<TakenRow>> {
    for row in &mut rows {
        row.dues = all(
            connection,
            &format!("SELECT {DUE_COLUMNS} FROM contribution_line WHERE id = ?1 ORDER BY kind, period"),
            [row.id.0.as_slice()],
            |line| due(line, 0),
        )?;
    }
    Ok(rows)
}

fn execute(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> StorageResult<usize> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(parameters)).map_err(failed)
}

fn put_due(connection: &Connection, person: u64, due: &Due) -> StorageResult<()> {
    execute(
        connection,
        "INSERT OR REPLACE INTO due (person, until, kind, period, months, amount)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            int(person)?,
            due.until.number(),
            place(&ContributionKind::ALL, due.kind),
            due.period.number(),
            due.months,
            due.amount.0
        ],
    )?;
    Ok(())
}

/// What the record of contributions says of a due that is paid, given what it said before.
fn entries(due: &Due, before: &[Contribution], at: Timestamp) -> Vec<Contribution> {
    let state = match Day::of(at) <= due.until {
        true => ContributionState::Paid,
        false => ContributionState::PaidLate,
    };
    let months = due.months_paid().into_iter();
    months
        .map(|(period, by_person)| {
            let known = before.iter().find(|row| row.period == period);
            Contribution {
                period,
                kind: due.kind,
                base: known.map_or(Fen::ZERO, |row| row.base),
                by_unit: known.map_or(Fen::ZERO, |row| row.by_unit),
                by_person,
                state,
            }
        })
        .collect()
}

/// What the record of contributions says of the months of a due.
fn said(connection: &Connection, person: u64, due: &Due) -> StorageResult<Vec<Contribution>> {
    let months = due.months_paid();
    let (Some((first, _)), Some((last, _))) = (months.first(), months.last()) else { return Ok(Vec::new()) };
    let rows = contributions_of(connection, person, *first, *last)?;
    Ok(rows.into_iter().filter(|row| row.kind == due.kind).collect())
}

impl DueDesk for SqliteTransaction<'_> {
    fn due_now(&mut self, person: u64) -> StorageResult<Vec<Due>> {
        let sql = format!("SELECT {DUE_COLUMNS} FROM due WHERE person = ?1");
        all(self.0, &sql, [int(person)?], |row| due(row, 0))
    }

    fn held_of(&mut self, person: u64) -> StorageResult<Vec<HeldDue>> {
        let sql = format!("SELECT {HELD_COLUMNS} FROM held_due WHERE person = ?1");
        all(self.0, &sql, [int(person)?], held)
    }

    fn held_under(&mut self, ids: &[TransactionId]) -> StorageResult<Vec<HeldDue>> {
        let sql = format!("SELECT {HELD_COLUMNS} FROM held_due WHERE id = ?1 ORDER BY kind, period");
        let mut rows = Vec::new();
        for id in ids {
            rows.extend(all(self.0, &sql, [id.0.as_slice()], held)?);
        }
        Ok(rows)
    }

    fn hold(&mut self, rows: &[HeldDue]) -> StorageResult<()> {
        for row in rows {
            execute(
                self.0,
                "INSERT INTO held_due (person, kind, period, months, amount, until, id, terminal, operator, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                params![
                    int(row.person)?,
                    place(&ContributionKind::ALL, row.due.kind),
                    row.due.period.number(),
                    row.due.months,
                    row.due.amount.0,
                    row.due.until.number(),
                    row.id.0.as_slice(),
                    terminal_number(row.terminal),
                    row.operator,
                    row.at.0
                ],
            )?;
        }
        Ok(())
    }

    fn free(&mut self, ids: &[TransactionId]) -> StorageResult<u64> {
        let mut freed = 0;
        for id in ids {
            freed += execute(self.0, "DELETE FROM held_due WHERE id = ?1", [id.0.as_slice()])?;
        }
        Ok(freed as u64)
    }

    fn paid_of(&mut self, person: u64, dues: &[Due]) -> StorageResult<Vec<(Due, TransactionId, Timestamp)>> {
        let mut paid = Vec::new();
        for asked in dues {
            paid.extend(one(
                self.0,
                "SELECT p.id, p.at FROM contribution_line l JOIN contribution_payment p ON p.id = l.id
                 WHERE l.person = ?1 AND l.kind = ?2 AND l.period = ?3",
                params![int(person)?, place(&ContributionKind::ALL, asked.kind), asked.period.number()],
                |row| Ok((*asked, transaction_id(&get::<Vec<u8>>(row, 0)?)?, Timestamp(get(row, 1)?))),
            )?);
        }
        Ok(paid)
    }

    fn contribution_payments(&mut self, ids: &[TransactionId]) -> StorageResult<Vec<TakenRow>> {
        let sql = format!("SELECT {TAKEN_COLUMNS} FROM contribution_payment WHERE id = ?1");
        let mut rows = Vec::new();
        for id in ids {
            rows.extend(one(self.0, &sql, [id.0.as_slice()], taken)?);
        }
        with_dues(self.0, rows)
    }

    fn add_contribution(&mut self, row: &TakenRow) -> StorageResult<()> {
        let paid_by = serde_json::to_string(&row.paid_by).map_err(|_| damaged("a way to pay"))?;
        execute(
            self.0,
            "INSERT INTO contribution_payment (id, person, terminal, operator, at, amount, paid_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                row.id.0.as_slice(),
                int(row.person)?,
                terminal_number(row.terminal),
                row.operator,
                row.at.0,
                row.amount.0,
                paid_by
            ],
        )?;
        for due in &row.dues {
            let before = said(self.0, row.person, due)?;
            let text = serde_json::to_string(&before).map_err(|_| damaged("a contribution"))?;
            let kind = place(&ContributionKind::ALL, due.kind);
            execute(
                self.0,
                "INSERT INTO contribution_line (person, kind, period, months, amount, until, id, before)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    int(row.person)?,
                    kind,
                    due.period.number(),
                    due.months,
                    due.amount.0,
                    due.until.number(),
                    row.id.0.as_slice(),
                    text
                ],
            )?;
            for entry in entries(due, &before, row.at) {
                put_contribution(self.0, row.person, &entry)?;
            }
            let place = params![int(row.person)?, kind, due.period.number()];
            execute(self.0, "DELETE FROM due WHERE person = ?1 AND kind = ?2 AND period = ?3", place)?;
            execute(self.0, "DELETE FROM held_due WHERE person = ?1 AND kind = ?2 AND period = ?3", place)?;
        }
        Ok(())
    }

    fn reverse_contribution(
        &mut self,
        of: TransactionId,
        by: TransactionId,
        at: Timestamp,
    ) -> StorageResult<()> {
        let changed = execute(
            self.0,
            "UPDATE contribution_payment SET reversed_by = ?2, reversed_at = ?3
             WHERE id = ?1 AND reversed_by IS NULL",
            params![of.0.as_slice(), by.0.as_slice(), at.0],
        )?;
        let payment = self.contribution_payments(&[of])?.pop();
        let (1, Some(payment)) = (changed, payment) else {
            return Err(damaged("a payment that is taken back is not there"));
        };
        for due in &payment.dues {
            let place_of =
                params![int(payment.person)?, place(&ContributionKind::ALL, due.kind), due.period.number()];
            let text: Option<String> = one(
                self.0,
                "SELECT before FROM contribution_line WHERE person = ?1 AND kind = ?2 AND period = ?3",
                place_of,
                |row| get(row, 0),
            )?;
            let before: Vec<Contribution> = serde_json::from_str(&text.unwrap_or_default())
                .map_err(|_| damaged("what a record of contributions said before"))?;
            let now = said(self.0, payment.person, due)?;
            for entry in entries(due, &before, payment.at) {
                // What an import has changed since stands.
                if !now.contains(&entry) {
                    continue;
                }
                match before.iter().find(|row| row.period == entry.period) {
                    Some(earlier) => {
                        put_contribution(self.0, payment.person, earlier)?;
                    }
                    None => {
                        execute(
                            self.0,
                            "DELETE FROM contribution WHERE person = ?1 AND kind = ?2 AND period = ?3",
                            params![
                                int(payment.person)?,
                                place(&ContributionKind::ALL, due.kind),
                                entry.period.number()
                            ],
                        )?;
                    }
                }
            }
            execute(
                self.0,
                "DELETE FROM contribution_line WHERE person = ?1 AND kind = ?2 AND period = ?3",
                place_of,
            )?;
            put_due(self.0, payment.person, due)?;
        }
        Ok(())
    }
}

impl Contributions for SqliteStorage {
    fn held_dues(&self, person: Option<u64>, count_max: usize) -> StorageResult<Vec<HeldDue>> {
        let sql = format!(
            "SELECT {HELD_COLUMNS} FROM held_due WHERE ?1 IS NULL OR person = ?1
             ORDER BY at, person, kind, period LIMIT ?2"
        );
        self.read(|connection| {
            all(connection, &sql, params![person.map(int).transpose()?, limit(count_max)], held)
        })
    }

    fn contributions_taken(&self, person: Option<u64>, count_max: usize) -> StorageResult<Vec<TakenRow>> {
        let sql = format!(
            "SELECT {TAKEN_COLUMNS} FROM contribution_payment WHERE ?1 IS NULL OR person = ?1
             ORDER BY number DESC LIMIT ?2"
        );
        self.read(|connection| {
            let rows = all(connection, &sql, params![person.map(int).transpose()?, limit(count_max)], taken)?;
            with_dues(connection, rows)
        })
    }

    fn failed_pensions(
        &self,
        terminals: &[TerminalId],
        before: Option<u64>,
        count_max: usize,
    ) -> StorageResult<Vec<FailedRow>> {
        let before = before.map_or(Ok(i64::MAX), int)?;
        let marks: Vec<String> = terminals.iter().map(|of| terminal_number(*of).to_string()).collect();
        // Numbers of our own, not text from outside.
        let sql = format!(
            "SELECT number, terminal, sequence, reason, body FROM record
             WHERE kind = {} AND verdict > 1 AND number < ?1 AND terminal IN ({})
             ORDER BY number DESC LIMIT ?2",
            kind_column(Kind::Pension),
            marks.join(", ")
        );
        self.read(|connection| {
            all(connection, &sql, params![before, limit(count_max)], |row| {
                Ok(FailedRow {
                    number: unsigned(get(row, 0)?)?,
                    terminal: terminal(get(row, 1)?)?,
                    sequence: unsigned(get(row, 2)?)?,
                    reason: get::<Option<String>>(row, 3)?.map(named).transpose()?,
                    body: get(row, 4)?,
                })
            })
        })
    }

    fn home_visits(&self, count_max: usize) -> StorageResult<Vec<HomeVisitRow>> {
        self.read(|connection| {
            all(
                connection,
                "SELECT c.id, c.person, c.terminal, c.at,
                     coalesce((SELECT json_extract(r.body, '$.operator') FROM record r
                               WHERE r.id = c.id AND r.verdict < 3), '')
                 FROM claim c WHERE c.home = 1 ORDER BY c.at DESC, c.number DESC LIMIT ?1",
                [limit(count_max)],
                |row| {
                    Ok(HomeVisitRow {
                        id: transaction_id(&get::<Vec<u8>>(row, 0)?)?,
                        person: unsigned(get(row, 1)?)?,
                        terminal: terminal(get(row, 2)?)?,
                        at: Timestamp(get(row, 3)?),
                        operator: get(row, 4)?,
                    })
                },
            )
        })
    }
}
