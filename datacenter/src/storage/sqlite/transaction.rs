//! The booking transaction.

use card_spec::money::Fen;
use protocol::{
    feed::Person,
    id::{TerminalId, TransactionId},
    signature::{Digest, Signed},
    timestamp::Timestamp,
};
use rusqlite::{OptionalExtension, params};

use super::{
    columns::{
        digest, failed, fixed, int, kind, kind_column, optional_id, outcome, outcome_columns, proof_column,
        signature, terminal_number, transaction_id, unsigned,
    },
    feed::{next_change, people},
    money,
};
use crate::storage::{
    StorageResult, Transaction,
    rows::{
        Alarm, AlarmKind, BlockedCard, Held, HolderRow, Link, LoadRow, LoadState, NewRecord, PersonYear,
        PurchaseKey, PurchaseRow, ReceiptRow, RefundRow,
    },
};

/// Alarms of one terminal that are kept one by one; further ones are only counted.
pub(super) const ALARMS_PER_TERMINAL_MAX: i64 = 10_000;

pub(super) struct SqliteTransaction<'c>(pub(super) &'c rusqlite::Transaction<'c>);

impl Transaction for SqliteTransaction<'_> {
    fn head(&mut self, terminal: TerminalId) -> StorageResult<(u64, Digest)> {
        head(self.0, terminal)
    }

    fn links(&mut self, terminal: TerminalId, from: u64, to: u64) -> StorageResult<Vec<Link>> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT sequence, id, digest, verdict, reason, receipt FROM record
                 WHERE terminal = ?1 AND sequence BETWEEN ?2 AND ?3 ORDER BY sequence",
            )
            .map_err(failed)?;
        let mut rows =
            statement.query(params![terminal_number(terminal), int(from)?, int(to)?]).map_err(failed)?;
        let mut links = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            links.push(link(row, 0)?);
        }
        Ok(links)
    }

    fn taken(&mut self, ids: &[TransactionId]) -> StorageResult<Vec<TransactionId>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT 1 FROM record WHERE id = ?1 AND verdict < 3 AND id IS NOT NULL")
            .map_err(failed)?;
        let mut taken = Vec::new();
        for id in ids {
            if statement.exists([&id.0]).map_err(failed)? {
                taken.push(*id);
            }
        }
        Ok(taken)
    }

    fn held(&mut self, ids: &[TransactionId]) -> StorageResult<Vec<Held>> {
        let mut statement = self
            .0
            .prepare_cached(
                "SELECT r.terminal, r.verdict, r.reason, r.kind, r.body, c.cancellation, t.at
                 FROM record r JOIN receipt t ON t.number = r.receipt
                     LEFT JOIN cancellation c ON c.settlement = r.id
                 WHERE r.id = ?1 AND r.verdict < 3 AND r.id IS NOT NULL",
            )
            .map_err(failed)?;
        let mut held = Vec::new();
        for id in ids {
            let row = statement
                .query_row([&id.0], |row| {
                    Ok((
                        row.get::<_, i64>(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get(3)?,
                        row.get(4)?,
                        row.get::<_, Option<Vec<u8>>>(5)?,
                        row.get(6)?,
                    ))
                })
                .optional()
                .map_err(failed)?;
            if let Some((terminal, verdict, reason, kind_number, body, cancelled_by, at)) = row {
                held.push(Held {
                    id: *id,
                    terminal: super::columns::terminal(terminal)?,
                    outcome: outcome(verdict, reason)?,
                    kind: kind(kind_number)?,
                    body,
                    booked_at: Timestamp(at),
                    cancelled_by: optional_id(cancelled_by)?,
                });
            }
        }
        Ok(held)
    }

    fn blocked(&mut self, cards: &[[u8; 12]]) -> StorageResult<Vec<BlockedCard>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT reason, since FROM card WHERE card = ?1 AND reason IS NOT NULL")
            .map_err(failed)?;
        let mut blocked = Vec::new();
        for card in cards {
            let row = statement
                .query_row([card], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
                .map_err(failed)?;
            if let Some((reason, since)) = row {
                blocked.push(BlockedCard {
                    card: *card,
                    reason: super::columns::block_reason(reason)?,
                    since: Timestamp(since),
                });
            }
        }
        Ok(blocked)
    }

    fn people(&mut self, keys: &[u64]) -> StorageResult<Vec<Person>> {
        people(self.0, keys)
    }

    fn holders(&mut self, cards: &[[u8; 12]]) -> StorageResult<Vec<HolderRow>> {
        money::holders(self.0, cards)
    }

    fn put_holders(&mut self, holders: &[HolderRow]) -> StorageResult<()> {
        money::put_holders(self.0, holders)
    }

    fn receipts(&mut self, numbers: &[u64]) -> StorageResult<Vec<Signed>> {
        let mut statement =
            self.0.prepare_cached("SELECT text, signature FROM receipt WHERE number = ?1").map_err(failed)?;
        let mut receipts = Vec::new();
        for number in numbers {
            let row = statement
                .query_row([int(*number)?], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))
                .optional()
                .map_err(failed)?;
            if let Some((text, bytes)) = row {
                receipts.push(Signed { text, signature: signature(&bytes)? });
            }
        }
        Ok(receipts)
    }

    fn next_receipt(&mut self) -> StorageResult<u64> {
        let last: i64 = self
            .0
            .prepare_cached("SELECT coalesce(max(number), 0) FROM receipt")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(failed)?;
        Ok(unsigned(last)? + 1)
    }

    fn append(
        &mut self,
        terminal: TerminalId,
        records: &[NewRecord<'_>],
        receipt: &ReceiptRow,
    ) -> StorageResult<()> {
        let terminal = terminal_number(terminal);
        let number = int(receipt.number)?;
        let mut statement = self
            .0
            .prepare_cached(
                "INSERT INTO record (terminal, sequence, id, digest, verdict, reason, receipt, kind, made_at,
                 person, medfee, fund, account, cash, proof, signature, body, contribution,
                 contribution_cash)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
            )
            .map_err(failed)?;
        for record in records {
            let (verdict, reason) = outcome_columns(record.outcome)?;
            let facts = &record.facts;
            statement
                .execute(params![
                    terminal,
                    int(record.sequence)?,
                    record.id.as_ref().map(|id| id.0.as_slice()),
                    record.digest.0.as_slice(),
                    verdict,
                    reason,
                    number,
                    kind_column(facts.kind),
                    facts.made_at.0,
                    facts.person.map(int).transpose()?,
                    facts.totals.medfee_sumamt.0,
                    facts.totals.fund_pay_sumamt.0,
                    facts.totals.acct_pay.0,
                    facts.totals.psn_cash_pay.0,
                    proof_column(facts.proof),
                    record.signature.0.as_slice(),
                    record.body,
                    facts.totals.contribution_amt.0,
                    facts.totals.contribution_cash_amt.0,
                ])
                .map_err(failed)?;
        }
        self.0
            .prepare_cached(
                "INSERT INTO receipt (number, terminal, at, from_sequence, to_sequence, text, signature)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    number,
                    terminal,
                    receipt.at.0,
                    receipt.from_sequence.cast_signed(),
                    receipt.to_sequence.cast_signed(),
                    receipt.signed.text,
                    receipt.signed.signature.0.as_slice(),
                ])
            })
            .map_err(failed)?;
        Ok(())
    }

    fn cancel(&mut self, pairs: &[(TransactionId, TransactionId)]) -> StorageResult<()> {
        let mut statement = self
            .0
            .prepare_cached("INSERT INTO cancellation (settlement, cancellation) VALUES (?1, ?2)")
            .map_err(failed)?;
        for (settlement, cancellation) in pairs {
            statement.execute([&settlement.0, &cancellation.0]).map_err(failed)?;
        }
        Ok(())
    }

    fn accumulate(&mut self, changes: &[PersonYear]) -> StorageResult<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut statement = self.0.prepare_cached(ACCUMULATE).map_err(failed)?;
        let mut change = next_change(self.0)?;
        for entry in changes {
            let touched = statement
                .execute(params![
                    change,
                    int(entry.person)?,
                    entry.year,
                    entry.added.deductible.0,
                    entry.added.pooled_outpatient.0,
                    entry.added.pooled_inpatient.0,
                    entry.added.own_in_scope.0,
                    entry.added.stays,
                ])
                .map_err(failed)?;
            change += i64::from(touched > 0);
        }
        super::feed::set_last_change(self.0, change - 1)
    }

    fn credits(&mut self, people: &[u64]) -> StorageResult<Vec<(u64, Fen)>> {
        money::credits(self.0, people)
    }

    fn add_credits(&mut self, changes: &[(u64, Fen)]) -> StorageResult<()> {
        money::add_credits(self.0, changes)
    }

    fn refunds(&mut self, of: &[TransactionId]) -> StorageResult<Vec<RefundRow>> {
        money::refunds(self.0, of)
    }

    fn put_refunds(&mut self, refunds: &[RefundRow]) -> StorageResult<()> {
        money::put_refunds(self.0, refunds)
    }

    fn loads(&mut self, ids: &[TransactionId]) -> StorageResult<Vec<LoadRow>> {
        money::loads(self.0, ids)
    }

    fn loads_of_card(&mut self, card_id: &str) -> StorageResult<Vec<LoadRow>> {
        money::loads_of_card(self.0, card_id)
    }

    fn put_loads(&mut self, loads: &[LoadRow]) -> StorageResult<()> {
        money::put_loads(self.0, loads)
    }

    fn set_load_states(&mut self, states: &[(TransactionId, LoadState)]) -> StorageResult<()> {
        money::set_load_states(self.0, states)
    }

    fn purchases(&mut self, keys: &[PurchaseKey]) -> StorageResult<Vec<PurchaseRow>> {
        money::purchases(self.0, keys)
    }

    fn add_purchases(&mut self, purchases: &[PurchaseRow]) -> StorageResult<()> {
        money::add_purchases(self.0, purchases)
    }

    fn raise(&mut self, at: Timestamp, alarms: &[Alarm]) -> StorageResult<()> {
        let mut counted =
            self.0.prepare_cached("SELECT count(*) FROM alarm WHERE terminal = ?1").map_err(failed)?;
        let mut again = self
            .0
            .prepare_cached(
                "UPDATE alarm SET last_at = ?1, count = count + 1
                 WHERE terminal = ?2 AND kind = ?3 AND sequence = ?4 AND digest = ?5",
            )
            .map_err(failed)?;
        let mut insert = self
            .0
            .prepare_cached(
                "INSERT INTO alarm (at, last_at, count, kind, terminal, sequence, digest, id, evidence)
                 VALUES (?1, ?1, 1, ?3, ?2, ?4, ?5, ?6, ?7)
                 ON CONFLICT DO UPDATE SET last_at = excluded.last_at, count = count + 1",
            )
            .map_err(failed)?;
        for alarm in alarms {
            let terminal = terminal_number(alarm.terminal);
            let place = (int(alarm.sequence)?, alarm.digest.0.as_slice());
            let known = again
                .execute(params![at.0, terminal, alarm.kind.name(), place.0, place.1])
                .map_err(failed)?;
            if known > 0 {
                continue;
            }
            let kept: i64 = counted.query_row([terminal], |row| row.get(0)).map_err(failed)?;
            if kept < ALARMS_PER_TERMINAL_MAX {
                let id = alarm.id.as_ref().map(|id| id.0.as_slice());
                insert
                    .execute(params![
                        at.0,
                        terminal,
                        alarm.kind.name(),
                        place.0,
                        place.1,
                        id,
                        alarm.evidence.as_deref()
                    ])
                    .map_err(failed)?;
            } else {
                let none = [0_u8; 32];
                let no_id: Option<&[u8]> = None;
                let no_evidence: Option<&str> = None;
                insert
                    .execute(params![
                        at.0,
                        terminal,
                        AlarmKind::TooMany.name(),
                        0,
                        none.as_slice(),
                        no_id,
                        no_evidence
                    ])
                    .map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// Adds to the sums of a person's year; the limits are those of the feed's fields.
const ACCUMULATE: &str = "
UPDATE person SET
    change = ?1,
    deductible = min(4294967295, max(0, iif(year = ?3, deductible, 0) + ?4)),
    pooled_outpatient = min(4294967295, max(0, iif(year = ?3, pooled_outpatient, 0) + ?5)),
    pooled_inpatient = min(4294967295, max(0, iif(year = ?3, pooled_inpatient, 0) + ?6)),
    own_in_scope = min(4294967295, max(0, iif(year = ?3, own_in_scope, 0) + ?7)),
    stays = min(255, max(0, iif(year = ?3, stays, 0) + ?8)),
    year = ?3
WHERE key = ?2 AND year <= ?3 AND state IS NOT NULL";

pub(super) fn head(connection: &rusqlite::Connection, terminal: TerminalId) -> StorageResult<(u64, Digest)> {
    let row = connection
        .prepare_cached(
            "SELECT sequence, digest FROM record WHERE terminal = ?1 ORDER BY sequence DESC LIMIT 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row([terminal_number(terminal)], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
                })
                .optional()
        })
        .map_err(failed)?;
    match row {
        Some((sequence, bytes)) => Ok((unsigned(sequence)?, digest(&bytes)?)),
        None => Ok((0, Digest::default())),
    }
}

/// Reads a link whose columns (sequence, id, digest, verdict, reason, receipt) begin at `first`.
pub(super) fn link(row: &rusqlite::Row<'_>, first: usize) -> StorageResult<Link> {
    let id = row.get_ref(first + 1).map_err(failed)?.as_blob_or_null();
    let id = id.map_err(|_| super::damaged("an id"))?.map(transaction_id).transpose()?;
    let link_digest = row.get_ref(first + 2).map_err(failed)?.as_blob();
    Ok(Link {
        sequence: unsigned(row.get(first).map_err(failed)?)?,
        id,
        digest: Digest(fixed(link_digest.map_err(|_| super::damaged("a digest"))?)?),
        outcome: outcome(row.get(first + 3).map_err(failed)?, row.get(first + 4).map_err(failed)?)?,
        receipt: unsigned(row.get(first + 5).map_err(failed)?)?,
    })
}
