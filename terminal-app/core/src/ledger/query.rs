//! Looking things up.

use card_spec::{money::Fen, person::PersonNumber};
use protocol::{
    accumulation::Accumulation, id::TransactionId, limits::OfflineLimits, reconciliation::Totals,
    timestamp::Timestamp,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{CardKey, Ledger, LedgerError, Space, State, Transaction, halt::HaltReason, row, verify};

/// Which transactions to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    #[default]
    All,
    /// Those without an outcome.
    Unresolved,
    /// Those that wait for the center's verdict.
    Waiting,
    /// Refused or in conflict: someone has to act.
    Disputed,
}

/// The ledger in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Last sequence.
    pub sequence: u64,
    /// Last sequence that has the center's verdict.
    pub answered: u64,
    /// Records that wait for the center's verdict.
    pub waiting: u64,
    /// Transactions without an outcome.
    pub unresolved: u64,
    /// Refused by the center.
    pub refused: u64,
    /// In conflict with the center.
    pub conflicts: u64,
    /// Waiting for longer than the deadline.
    pub overdue: u64,
    /// When the oldest waiting record was written.
    pub oldest_waiting: Option<Timestamp>,
    /// Why business is stopped.
    pub halted: Option<HaltReason>,
    /// How full the file is.
    pub space: Space,
}

impl Ledger {
    /// A transaction by its name.
    pub fn transaction(&self, id: TransactionId) -> Result<Option<Transaction>, LedgerError> {
        self.one("t.id = ?1", params![id.0])
    }

    /// A transaction by its place in the chain.
    pub fn transaction_at(&self, sequence: u64) -> Result<Option<Transaction>, LedgerError> {
        self.one("t.ordinal = (SELECT ordinal FROM link WHERE sequence = ?1)", params![sequence])
    }

    /// The transaction of a card that has no outcome yet; there is at most one.
    ///
    /// Asked at each tap: this one is resolved before anything new is done with the card.
    pub fn unresolved(&self, card: CardKey) -> Result<Option<Transaction>, LedgerError> {
        self.one("t.card = ?1 AND t.sequence IS NULL", params![card.0])
    }

    /// Whether a card of this person was told this time (`CCYYMMDDhhmmss`) before, by a transaction that is
    /// still kept.
    pub fn card_was_told(&self, person: PersonNumber, date_time: &str) -> Result<bool, LedgerError> {
        Ok(self
            .connection()
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM txn WHERE person = ?1 AND armed ->> 'date_time' = ?2)",
            )?
            .query_row(params![person.key(), date_time], |row| row.get(0))?)
    }

    /// All transactions without an outcome, oldest first.
    pub fn unresolved_all(&self) -> Result<Vec<Transaction>, LedgerError> {
        self.list(Filter::Unresolved, u32::MAX)
    }

    /// Transactions, newest first, at most `rows_max`.
    pub fn list(&self, filter: Filter, rows_max: u32) -> Result<Vec<Transaction>, LedgerError> {
        let condition = match filter {
            Filter::All => "t.ordinal > 0 ORDER BY t.ordinal DESC",
            Filter::Unresolved => return self.unresolved_first(rows_max),
            Filter::Waiting => "l.sequence > ?1 ORDER BY l.sequence",
            Filter::Disputed => "t.state >= 5 ORDER BY t.sequence",
        };
        let after = if filter == Filter::Waiting { answered(self.connection())? } else { 0 };
        let sql = format!("{} WHERE {condition} LIMIT ?2", row::SELECT);
        let mut statement = self.connection().prepare_cached(&sql)?;
        let rows = statement.query_map(params![after, rows_max], row::transaction_of)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The ledger in figures.
    pub fn status(&self, limits: &OfflineLimits, now: Timestamp) -> Result<Status, LedgerError> {
        let connection = self.connection();
        let (sequence, _) = verify::last_link(connection)?;
        let answered = answered(connection)?;
        let count = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| -> Result<u64, LedgerError> {
            Ok(connection.prepare_cached(sql)?.query_row(parameters, |row| row.get(0))?)
        };
        let due = now.plus_ms(-limits.upload_deadline_ms).0;
        Ok(Status {
            sequence,
            answered,
            waiting: sequence - answered,
            unresolved: self.open_ordinals()?.len() as u64,
            refused: count("SELECT count(*) FROM txn WHERE state >= 5 AND state = 5", &[])?,
            conflicts: count("SELECT count(*) FROM txn WHERE state >= 5 AND state = 6", &[])?,
            overdue: count(
                "SELECT count(*) FROM link JOIN txn USING (ordinal) WHERE link.sequence > ?1 AND recorded_at < ?2",
                &[&answered, &due],
            )?,
            oldest_waiting: connection
                .prepare_cached(
                    "SELECT recorded_at FROM link JOIN txn USING (ordinal)
                     WHERE link.sequence > ?1 ORDER BY link.sequence LIMIT 1",
                )?
                .query_row([answered], |row| row.get(0))
                .optional()?
                .map(Timestamp),
            halted: self.halted()?,
            space: self.space()?,
        })
    }

    /// Sums over a span of the chain, without what the center refuses or disputes.
    pub fn totals(&self, from_sequence: u64, to_sequence: u64) -> Result<Totals, LedgerError> {
        let totals = self
            .connection()
            .prepare_cached(
                &format!("SELECT count(medfee), coalesce(sum(medfee * {COUNTS}), 0), coalesce(sum(fund * {COUNTS}), 0),
                        coalesce(sum(account * {COUNTS}), 0), coalesce(sum(cash * {COUNTS}), 0),
                        count(contribution), coalesce(sum(contribution), 0),
                        coalesce(sum(contribution_cash), 0)
                 FROM link JOIN txn USING (ordinal)
                 WHERE link.sequence BETWEEN ?1 AND ?2 AND state NOT IN (5, 6)"),
            )?
            .query_row(params![from_sequence, to_sequence], |row| {
                Ok(Totals {
                    count: row.get(0)?,
                    medfee_sumamt: Fen(row.get(1)?),
                    fund_pay_sumamt: Fen(row.get(2)?),
                    acct_pay: Fen(row.get(3)?),
                    psn_cash_pay: Fen(row.get(4)?),
                    contribution_count: row.get(5)?,
                    contribution_amt: Fen(row.get(6)?),
                    contribution_cash_amt: Fen(row.get(7)?),
                })
            })?;
        Ok(totals)
    }

    /// What this terminal settled for a person in a year that an entry made at `entry_as_of` (the center's
    /// clock) cannot contain yet.
    ///
    /// Add it to the entry with `Person::accumulate`, so that a second visit before the next feed page counts
    /// the deductible right. `None` counts everything that is kept. What the center refused does not count.
    pub fn accumulated_since(
        &self,
        person: PersonNumber,
        year: u16,
        entry_as_of: Option<Timestamp>,
    ) -> Result<Accumulation, LedgerError> {
        let mut statement = self.connection().prepare_cached(&format!(
            "SELECT deductible, pooled_outpatient, pooled_inpatient, own_in_scope, stays FROM txn
             WHERE person = ?1 AND year = ?2 AND (state IN (2, 3) OR (state = 4 AND verdict_at > ?3))
                 AND {COUNTS}",
        ))?;
        let since = entry_as_of.map_or(i64::MIN, |at| at.0);
        let mut rows = statement.query(params![person.key(), year, since])?;
        let mut sum = Accumulation::default();
        while let Some(row) = rows.next()? {
            sum += Accumulation {
                deductible: Fen(row.get(0)?),
                pooled_outpatient: Fen(row.get(1)?),
                pooled_inpatient: Fen(row.get(2)?),
                own_in_scope: Fen(row.get(3)?),
                stays: row.get(4)?,
            };
        }
        Ok(sum)
    }

    /// When the last outcome was written down: the clock has run backwards when it shows less.
    pub fn last_recorded_at(&self) -> Result<Option<Timestamp>, LedgerError> {
        Ok(self
            .connection()
            .prepare_cached(
                "SELECT recorded_at FROM link JOIN txn USING (ordinal) ORDER BY link.sequence DESC LIMIT 1",
            )?
            .query_row([], |row| row.get(0))
            .optional()?
            .map(Timestamp))
    }

    fn unresolved_first(&self, rows_max: u32) -> Result<Vec<Transaction>, LedgerError> {
        let mut rows = Vec::new();
        for ordinal in self.open_ordinals()?.into_iter().take(rows_max as usize) {
            rows.extend(self.one("t.ordinal = ?1 AND t.sequence IS NULL", params![ordinal])?);
        }
        Ok(rows)
    }

    fn one(
        &self,
        condition: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Option<Transaction>, LedgerError> {
        let sql = format!("{} WHERE {condition} ORDER BY t.ordinal LIMIT 1", row::SELECT);
        Ok(self.connection().prepare_cached(&sql)?.query_row(parameters, row::transaction_of).optional()?)
    }
}

/// 0 for the cancellation of a settlement that the center refuses: it gives the account money back, and no sum
/// changes, for the settlement never was in one. 1 for everything else.
const COUNTS: &str = "(purpose <> 1 OR NOT EXISTS (SELECT 1 FROM txn AS taken_back \
     WHERE taken_back.id = txn.of AND taken_back.state = 5))";

/// Records that wait for the center's verdict.
pub(super) fn waiting(connection: &Connection) -> Result<u64, LedgerError> {
    Ok(verify::last_link(connection)?.0 - answered(connection)?)
}

/// Last sequence that has the center's verdict.
///
/// Verdicts come in the order of the chain and in whole batches, so they are a prefix of it, and its end is
/// found by halving: no index on the state has to be written with each record.
pub(super) fn answered(connection: &Connection) -> Result<u64, LedgerError> {
    let mut statement = connection
        .prepare_cached("SELECT state FROM link JOIN txn USING (ordinal) WHERE link.sequence = ?1")?;
    let (mut low, mut high) = (0, verify::last_link(connection)?.0);
    while low < high {
        let middle = high - (high - low) / 2;
        let state = statement.query_row([middle], |row| row::state_of(row, 0)).optional()?;
        // Purged rows were booked.
        if state.is_none_or(|state| state >= State::Booked) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}
