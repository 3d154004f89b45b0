//! Reading the books.

use card_spec::money::Fen;
use protocol::{
    id::TerminalId, reconciliation::Totals, signature::Signed, timestamp::Timestamp, upload::ChainHead,
};
use rusqlite::params;

use super::{
    SqliteStorage,
    columns::{
        alarm_kind, digest, failed, int, kind, optional_id, proof, signature, terminal, terminal_number,
        transaction_id, unsigned,
    },
    money,
    transaction::{SqliteTransaction, head, link},
};
use crate::storage::{
    Book, StorageResult, Work,
    rows::{Alarm, AlarmKind, AlarmRow, Kind, ReceiptRow, ReconciliationRow, RecordSummary, RefundRow, Span},
};

/// A count as the operand of LIMIT.
pub(super) fn limit(count_max: usize) -> i64 {
    i64::try_from(count_max).unwrap_or(i64::MAX)
}

impl Book for SqliteStorage {
    fn transact(&self, work: Work<'_>) -> StorageResult<()> {
        self.write(|transaction| work(&mut SqliteTransaction(transaction)))
    }

    fn chain_head(&self, terminal: TerminalId, now: Timestamp) -> StorageResult<ChainHead> {
        let (sequence, digest) = self.read(|connection| head(connection, terminal))?;
        Ok(ChainHead { sequence, digest, now })
    }

    fn span(&self, terminal: TerminalId, from: u64, to: u64, disputed_max: usize) -> StorageResult<Span> {
        let (number, from, to) = (terminal_number(terminal), int(from)?, int(to)?);
        self.read(|connection| {
            let totals = connection
                .prepare_cached(
                    "SELECT count(*) FILTER (WHERE kind IN (1, 2, 7)), coalesce(sum(medfee), 0),
                     coalesce(sum(fund), 0), coalesce(sum(account), 0), coalesce(sum(cash), 0),
                     count(*) FILTER (WHERE kind IN (8, 9)), coalesce(sum(contribution), 0),
                     coalesce(sum(contribution_cash), 0) FROM record
                     WHERE terminal = ?1 AND sequence BETWEEN ?2 AND ?3 AND verdict = 1
                         AND kind IN (1, 2, 7, 8, 9)",
                )
                .and_then(|mut statement| {
                    statement.query_row(params![number, from, to], |row| {
                        Ok(Totals {
                            count: row.get::<_, i64>(0)?.unsigned_abs(),
                            medfee_sumamt: Fen(row.get(1)?),
                            fund_pay_sumamt: Fen(row.get(2)?),
                            acct_pay: Fen(row.get(3)?),
                            psn_cash_pay: Fen(row.get(4)?),
                            contribution_count: row.get::<_, i64>(5)?.unsigned_abs(),
                            contribution_amt: Fen(row.get(6)?),
                            contribution_cash_amt: Fen(row.get(7)?),
                        })
                    })
                })
                .map_err(failed)?;
            let mut statement = connection
                .prepare_cached(
                    "SELECT id FROM record WHERE terminal = ?1 AND sequence BETWEEN ?2 AND ?3
                     AND verdict <> 1 AND id IS NOT NULL ORDER BY sequence LIMIT ?4",
                )
                .map_err(failed)?;
            let mut rows = statement.query(params![number, from, to, limit(disputed_max)]).map_err(failed)?;
            let mut disputed = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                disputed.push(transaction_id(&row.get::<_, Vec<u8>>(0).map_err(failed)?)?);
            }
            Ok(Span { totals, head: head(connection, terminal)?.0, disputed })
        })
    }

    fn note_reconciliation(&self, row: &ReconciliationRow) -> StorageResult<()> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO reconciliation (terminal, from_sequence, to_sequence, at, equal, unresolved)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )
                .map_err(failed)?
                .execute(params![
                    terminal_number(row.terminal),
                    int(row.from_sequence)?,
                    int(row.to_sequence)?,
                    row.at.0,
                    row.equal,
                    int(row.unresolved)?,
                ])
                .map_err(failed)?;
            Ok(())
        })
    }

    fn records(&self, of: Option<TerminalId>, count_max: usize) -> StorageResult<Vec<RecordSummary>> {
        const COLUMNS: &str = "sequence, id, digest, verdict, reason, receipt, terminal, kind, made_at, medfee, fund, account, cash, proof, contribution, contribution_cash";
        self.read(|connection| {
            let (filter, order) = match of {
                Some(_) => ("terminal = ?1", "sequence"),
                None => ("?1 IS NULL", "number"),
            };
            let mut statement = connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM record WHERE {filter} ORDER BY {order} DESC LIMIT ?2"
                ))
                .map_err(failed)?;
            let mut rows =
                statement.query(params![of.map(terminal_number), limit(count_max)]).map_err(failed)?;
            let mut records = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let number = |index: usize| row.get::<_, i64>(index).map_err(failed);
                let kind = kind(number(7)?)?;
                let money = matches!(kind, Kind::Settlement | Kind::Cancellation | Kind::Pension);
                records.push(RecordSummary {
                    link: link(row, 0)?,
                    terminal: terminal(number(6)?)?,
                    kind,
                    made_at: Timestamp(number(8)?),
                    totals: Totals {
                        count: u64::from(money),
                        medfee_sumamt: Fen(number(9)?),
                        fund_pay_sumamt: Fen(number(10)?),
                        acct_pay: Fen(number(11)?),
                        psn_cash_pay: Fen(number(12)?),
                        contribution_count: u64::from(kind.is_contribution()),
                        contribution_amt: Fen(number(14)?),
                        contribution_cash_amt: Fen(number(15)?),
                    },
                    proof: proof(number(13)?)?,
                });
            }
            Ok(records)
        })
    }

    fn receipts(&self, of: Option<TerminalId>, count_max: usize) -> StorageResult<Vec<ReceiptRow>> {
        self.read(|connection| {
            let filter = if of.is_some() { "terminal = ?1" } else { "?1 IS NULL" };
            let mut statement = connection
                .prepare_cached(&format!(
                    "SELECT number, terminal, at, from_sequence, to_sequence, text, signature
                     FROM receipt WHERE {filter} ORDER BY number DESC LIMIT ?2"
                ))
                .map_err(failed)?;
            let mut rows =
                statement.query(params![of.map(terminal_number), limit(count_max)]).map_err(failed)?;
            let mut receipts = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let number = |index: usize| row.get::<_, i64>(index).map_err(failed);
                receipts.push(ReceiptRow {
                    number: unsigned(number(0)?)?,
                    terminal: terminal(number(1)?)?,
                    at: Timestamp(number(2)?),
                    from_sequence: unsigned(number(3)?)?,
                    to_sequence: unsigned(number(4)?)?,
                    signed: Signed {
                        text: row.get(5).map_err(failed)?,
                        signature: signature(&row.get::<_, Vec<u8>>(6).map_err(failed)?)?,
                    },
                });
            }
            Ok(receipts)
        })
    }

    fn refunds_of(&self, person: u64, count_max: usize) -> StorageResult<Vec<RefundRow>> {
        self.read(|connection| money::refunds_of(connection, person, count_max))
    }

    fn alarms(&self, count_max: usize) -> StorageResult<Vec<AlarmRow>> {
        self.listed_alarms("1", &[], count_max)
    }

    fn alarms_of(&self, kinds: &[AlarmKind], count_max: usize) -> StorageResult<Vec<AlarmRow>> {
        let marks = vec!["?"; kinds.len()].join(", ");
        self.listed_alarms(&format!("kind IN ({marks})"), kinds, count_max)
    }
}

impl SqliteStorage {
    fn listed_alarms(
        &self,
        filter: &str,
        kinds: &[AlarmKind],
        count_max: usize,
    ) -> StorageResult<Vec<AlarmRow>> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached(&format!(
                    "SELECT number, at, last_at, count, kind, terminal, sequence, digest, id, evidence
                     FROM alarm WHERE {filter} ORDER BY number DESC LIMIT {}",
                    limit(count_max)
                ))
                .map_err(failed)?;
            let names = rusqlite::params_from_iter(kinds.iter().map(|kind| kind.name()));
            let mut rows = statement.query(names).map_err(failed)?;
            let mut alarms = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let number = |index: usize| row.get::<_, i64>(index).map_err(failed);
                alarms.push(AlarmRow {
                    number: unsigned(number(0)?)?,
                    at: Timestamp(number(1)?),
                    last_at: Timestamp(number(2)?),
                    count: unsigned(number(3)?)?,
                    alarm: Alarm {
                        kind: alarm_kind(&row.get::<_, String>(4).map_err(failed)?)?,
                        terminal: terminal(number(5)?)?,
                        sequence: unsigned(number(6)?)?,
                        digest: digest(&row.get::<_, Vec<u8>>(7).map_err(failed)?)?,
                        id: optional_id(row.get(8).map_err(failed)?)?,
                        evidence: row.get(9).map_err(failed)?,
                    },
                });
            }
            Ok(alarms)
        })
    }
}
