use protocol::{
    limits::OfflineLimits,
    timestamp::{ClockQuality, Timestamp},
};
use rusqlite::{Connection, params};

use super::{Ledger, LedgerError, State, row, verify};
use crate::audit::{self, Actor, AuditEvent};

/// Shortest time that booked records are kept after the center's receipt, whatever the center's limits say.
pub const RETENTION_MS_MIN: i64 = 90 * 24 * 3_600_000;

/// Most records of one purge, so that no other change waits long for it.
pub const PURGE_RECORDS_MAX: u64 = 500;

/// What a purge has removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Records.
    pub records: u64,
    /// There is more to purge.
    pub more: bool,
}

impl Ledger {
    /// Removes booked records after their time, with their visits, lines and receipts.
    ///
    /// At most [`PURGE_RECORDS_MAX`] records in one commit. Each removed span leaves an anchor, so that
    /// [`Ledger::verify`] still holds. What stays: the last link and the last
    /// intention, records that are refused or in conflict,
    /// cancellations whose refund is still owed, cycles that do not agree with the center yet, and everything
    /// younger than the retention, and what stands in no cycle yet.
    ///
    /// `now` is the center's time (`ClockWatch::center_time`), `clock` how far it is known: a clock that shows
    /// 2030 must not take the evidence away, so nothing goes unless it is `Checked`.
    pub fn purge(
        &mut self,
        limits: &OfflineLimits,
        now: Timestamp,
        clock: ClockQuality,
    ) -> Result<Purged, LedgerError> {
        if clock != ClockQuality::Checked {
            return Ok(Purged::default());
        }
        let before = now.plus_ms(-limits.retention_ms.max(RETENTION_MS_MIN));
        let spans = self.purgeable(before)?;
        let records: u64 = spans.iter().map(|span| span.last - span.first + 1).sum();
        let Some(last) = spans.last().map(|span| span.last) else { return Ok(Purged::default()) };
        self.write_in_flight(|transaction| {
            for span in &spans {
                anchor(transaction, span, now)?;
            }
            sweep(transaction, before)?;
            audit::append(transaction, now, Actor::default(), &AuditEvent::Purged { records, upto: last })
        })?;
        Ok(Purged { records, more: records >= PURGE_RECORDS_MAX })
    }

    /// Spans of consecutive records that may go.
    fn purgeable(&self, before: Timestamp) -> Result<Vec<Span>, LedgerError> {
        let (head, _) = verify::last_link(self.connection())?;
        let unagreed: Option<u64> = self
            .connection()
            .prepare_cached(
                "SELECT min(from_sequence) FROM cycle
                 WHERE from_sequence <= coalesce(to_sequence, ?1)
                     AND coalesce(agreed_to, 0) < coalesce(to_sequence, ?1)",
            )?
            .query_row([head], |row| row.get(0))?;
        let in_cycles: Option<u64> = self
            .connection()
            .prepare_cached("SELECT max(coalesce(to_sequence, ?1)) FROM cycle")?
            .query_row([head], |row| row.get(0))?;
        // What was written down since the last cycle was closed belongs to the next one.
        let end = unagreed.unwrap_or(head).min(head).min(in_cycles.unwrap_or(0) + 1);
        let mut statement = self.connection().prepare_cached(
            "SELECT link.sequence, state, verdict_at, digest,
                    EXISTS (SELECT 1 FROM refund WHERE cancellation = txn.id AND loaded_by IS NULL),
                    EXISTS (SELECT 1 FROM txn AS later WHERE later.sequence IS NULL AND later.of = txn.id)
             FROM link JOIN txn USING (ordinal)
             WHERE link.sequence < ?1 AND ordinal < (SELECT max(ordinal) FROM txn)
             ORDER BY link.sequence",
        )?;
        let mut rows = statement.query([end])?;
        let mut spans: Vec<Span> = Vec::new();
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let sequence: u64 = row.get(0)?;
            if row::state_of(row, 1)? < State::Booked || count >= PURGE_RECORDS_MAX {
                break;
            }
            let verdict_at: Option<i64> = row.get(2)?;
            let needed: bool = row.get::<_, bool>(4)? || row.get::<_, bool>(5)?;
            let booked = row::state_of(row, 1)? == State::Booked;
            if !booked || needed || verdict_at.is_none_or(|at| at >= before.0) {
                continue;
            }
            count += 1;
            let digest = row.get(3)?;
            match spans.last_mut() {
                Some(span) if span.last + 1 == sequence => (span.last, span.digest) = (sequence, digest),
                _ => spans.push(Span { first: sequence, last: sequence, digest }),
            }
        }
        Ok(spans)
    }
}

struct Span {
    first: u64,
    last: u64,
    digest: [u8; 32],
}

/// Puts an anchor in the place of a span, joined with the anchors that touch it.
fn anchor(connection: &Connection, span: &Span, now: Timestamp) -> Result<(), LedgerError> {
    let Span { mut first, mut last, mut digest } = *span;
    for known in verify::anchors(connection)? {
        if known.last + 1 == first {
            first = known.first;
        } else if last + 1 == known.first {
            (last, digest) = (known.last, known.digest.0);
        }
    }
    connection.execute("DELETE FROM anchor WHERE first_sequence BETWEEN ?1 AND ?2", params![first, last])?;
    connection.execute(
        "INSERT INTO anchor (first_sequence, last_sequence, digest, purged_at) VALUES (?1, ?2, ?3, ?4)",
        params![first, last, digest, now.0],
    )?;
    let ordinals: Vec<i64> = connection
        .prepare_cached("SELECT ordinal FROM link WHERE sequence BETWEEN ?1 AND ?2")?
        .query_map(params![span.first, span.last], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for ordinal in ordinals {
        // In this order: plan and link are kept as long as their transaction.
        connection.prepare_cached("DELETE FROM txn WHERE ordinal = ?1")?.execute([ordinal])?;
        connection.prepare_cached("DELETE FROM plan WHERE ordinal = ?1")?.execute([ordinal])?;
    }
    connection
        .execute("DELETE FROM link WHERE sequence BETWEEN ?1 AND ?2", params![span.first, span.last])?;
    Ok(())
}

/// Removes what belonged to nothing but purged records, and visits of that age that were never settled.
fn sweep(connection: &Connection, before: Timestamp) -> Result<(), LedgerError> {
    let visits: Vec<String> = connection
        .prepare_cached(
            "SELECT number FROM visit WHERE
                 (state = 1 AND NOT EXISTS (SELECT 1 FROM txn WHERE id = visit.settlement))
                 OR (state IN (0, 3) AND registered_at < ?1)",
        )?
        .query_map([before.0], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for visit in &visits {
        // The visit first: its lines are kept as long as it is.
        connection.prepare_cached("DELETE FROM visit WHERE number = ?1")?.execute([visit])?;
        connection.prepare_cached("DELETE FROM fee_line WHERE visit = ?1")?.execute([visit])?;
    }
    connection.execute_batch(
        "DELETE FROM receipt WHERE number NOT IN (SELECT receipt FROM txn WHERE receipt IS NOT NULL);
         DELETE FROM refund WHERE loaded_by IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM txn WHERE id = refund.cancellation);",
    )?;
    Ok(())
}
