//! Working cycles: at most 24 hours, then reconcile and sign in again.

use protocol::{id::TerminalId, limits::OfflineLimits, reconciliation::CYCLE_MS_MAX, timestamp::Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::ledger::{Ledger, LedgerError, last_link};

/// How far the clock may have been put back since the sign-in before the cycle counts as over.
pub(crate) const CLOCK_BACK_MS_MAX: i64 = 600_000;

/// A working cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// Terminal number 12, time 14, serial 4 digits.
    pub number: String,
    /// Operator number.
    pub operator: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// First sequence that can belong to it.
    pub from_sequence: u64,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Last sequence that belongs to it, once it is closed.
    pub to_sequence: Option<u64>,
    /// Up to where the center's sums were the same, or the difference was accepted.
    pub agreed_to: Option<u64>,
    /// When it was last compared with the center.
    pub reconciled_at: Option<Timestamp>,
    /// What that comparison gave, JSON.
    pub outcome: Option<String>,
}

impl Cycle {
    /// When no new business may start in it any more.
    pub fn over_at(&self) -> Timestamp {
        self.opened_at.plus_ms(CYCLE_MS_MAX)
    }

    /// Whether new business may start in it.
    pub fn allows_business(&self, now: Timestamp) -> bool {
        let age_ms = now.0.saturating_sub(self.opened_at.0);
        self.closed_at.is_none() && (-CLOCK_BACK_MS_MAX..CYCLE_MS_MAX).contains(&age_ms)
    }

    /// Whether it began recently enough to stay unreconciled while the line is down.
    pub fn waits_offline(&self, limits: &OfflineLimits, now: Timestamp) -> bool {
        now.0.saturating_sub(self.opened_at.0) <= limits.cache_age_max_ms
    }

    /// Whether all of its records, up to `head` while it is open, have been reconciled.
    pub fn agreed(&self, head: u64) -> bool {
        let to = self.to_sequence.unwrap_or(head);
        to < self.from_sequence || self.agreed_to.is_some_and(|agreed| agreed >= to)
    }
}

const COLUMNS: &str =
    "number, operator, opened_at, from_sequence, closed_at, to_sequence, agreed_to, reconciled_at, outcome";

fn cycle_of(row: &Row<'_>) -> rusqlite::Result<Cycle> {
    Ok(Cycle {
        number: row.get(0)?,
        operator: row.get(1)?,
        opened_at: Timestamp(row.get(2)?),
        from_sequence: row.get(3)?,
        closed_at: row.get::<_, Option<i64>>(4)?.map(Timestamp),
        to_sequence: row.get(5)?,
        agreed_to: row.get(6)?,
        reconciled_at: row.get::<_, Option<i64>>(7)?.map(Timestamp),
        outcome: row.get(8)?,
    })
}

impl Ledger {
    /// A cycle by its number.
    pub fn cycle(&self, number: &str) -> Result<Option<Cycle>, LedgerError> {
        find(self.connection(), number)
    }

    /// Cycles, newest first, at most `rows_max`.
    pub fn cycles(&self, rows_max: u32) -> Result<Vec<Cycle>, LedgerError> {
        let sql = format!("SELECT {COLUMNS} FROM cycle ORDER BY from_sequence DESC, opened_at DESC LIMIT ?1");
        let mut statement = self.connection().prepare_cached(&sql)?;
        Ok(statement.query_map([rows_max], cycle_of)?.collect::<rusqlite::Result<_>>()?)
    }

    /// Refuses business in a cycle that was begun while an older one was over and not reconciled, when the time
    /// for that is up.
    ///
    /// Such a cycle is begun while the line is down ([`Ledger::go_on_offline`]). It ends when the line is back
    /// (`online`) until the older ones are reconciled, and in any case when the oldest of them began more than
    /// `cache_age_max_ms` ago. A cycle that was begun in order runs its 24 hours.
    /// Errors: `NotReconciled`.
    pub fn require_reconciled(
        &self,
        cycle: &str,
        online: bool,
        limits: &OfflineLimits,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        require_reconciled(self.connection(), cycle, online, limits, now)
    }

    /// The oldest cycle that has to be reconciled before new business: over, and not agreed with the center.
    pub fn cycle_overdue(&self, now: Timestamp) -> Result<Option<Cycle>, LedgerError> {
        overdue(self.connection(), self.head()?.sequence, now)
    }
}

pub(crate) fn find(connection: &Connection, number: &str) -> Result<Option<Cycle>, LedgerError> {
    let sql = format!("SELECT {COLUMNS} FROM cycle WHERE number = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([number], cycle_of).optional()?)
}

pub(crate) fn open_one(connection: &Connection) -> Result<Option<Cycle>, LedgerError> {
    let sql = format!("SELECT {COLUMNS} FROM cycle WHERE closed_at IS NULL");
    Ok(connection.prepare_cached(&sql)?.query_row([], cycle_of).optional()?)
}

pub(crate) fn overdue(
    connection: &Connection,
    head: u64,
    now: Timestamp,
) -> Result<Option<Cycle>, LedgerError> {
    Ok(unagreed(connection, head)?.into_iter().find(|cycle| now >= cycle.over_at()))
}

/// Cycles whose records have not all been reconciled, oldest first.
fn unagreed(connection: &Connection, head: u64) -> Result<Vec<Cycle>, LedgerError> {
    // The condition is that of the index, word for word.
    let sql = format!(
        "SELECT {COLUMNS} FROM cycle
         WHERE (agreed_to IS NULL OR closed_at IS NULL OR agreed_to < to_sequence)
             AND (to_sequence IS NULL OR to_sequence >= from_sequence)
         ORDER BY from_sequence, opened_at"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let cycles = statement.query_map([], cycle_of)?.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(cycles.into_iter().filter(|cycle| !cycle.agreed(head)).collect())
}

/// See [`Ledger::require_reconciled`].
pub(crate) fn require_reconciled(
    connection: &Connection,
    number: &str,
    online: bool,
    limits: &OfflineLimits,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let Some(cycle) = find(connection, number)? else { return Ok(()) };
    let (head, _) = last_link(connection)?;
    let begun_over = unagreed(connection, head)?.into_iter().find(|older| older.over_at() <= cycle.opened_at);
    match begun_over {
        Some(older) if online || !older.waits_offline(limits, now) => {
            Err(LedgerError::NotReconciled { cycle: older.number, online })
        }
        _ => Ok(()),
    }
}

/// New business needs an open cycle that is not over.
pub(crate) fn require_open(connection: &Connection, number: &str, now: Timestamp) -> Result<(), LedgerError> {
    match find(connection, number)? {
        Some(cycle) if cycle.allows_business(now) => Ok(()),
        _ => Err(LedgerError::CycleOver { cycle: number.to_owned() }),
    }
}

pub(crate) fn close(
    connection: &Connection,
    cycle: &Cycle,
    head: u64,
    now: Timestamp,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "UPDATE cycle SET closed_at = ?2, to_sequence = ?3 WHERE number = ?1 AND closed_at IS NULL",
        )?
        .execute(params![cycle.number, now.0, head])?;
    Ok(())
}

/// Opens a cycle whose span follows the last one without a gap.
///
/// What was written down while nobody was signed in (a card that came back, a write-off at the start) is
/// compared with this cycle, so that each record stands in one comparison.
pub(crate) fn begin(
    connection: &Connection,
    terminal: TerminalId,
    operator: &str,
    now: Timestamp,
) -> Result<Cycle, LedgerError> {
    let count: u64 =
        connection.prepare_cached("SELECT count(*) FROM cycle")?.query_row([], |row| row.get(0))?;
    let compared: Option<u64> =
        connection.prepare_cached("SELECT max(to_sequence) FROM cycle")?.query_row([], |row| row.get(0))?;
    let from_sequence = compared.unwrap_or(0) + 1;
    let time = hex::encode(now.to_bcd());
    let number = format!("{terminal}{time}{:04}", (count + 1) % 10_000);
    connection
        .prepare_cached(
            "INSERT INTO cycle (number, operator, opened_at, from_sequence) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![number, operator, now.0, from_sequence])?;
    find(connection, &number)?.ok_or(LedgerError::CycleOver { cycle: number })
}
