//! What goes to the center and what comes back.

use protocol::{
    id::TransactionId,
    record::BODY_BYTES_MAX,
    signature::{Digest, PublicKey, Signed},
    timestamp::Timestamp,
    upload::{
        BATCH_BYTES_MAX, BATCH_RECORDS_MAX, Batch, BatchAnswer, RECEIPT_PURPOSE, Receipt, Record,
        RefusalReason, Verdict,
    },
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Ledger, LedgerError, State, query, row, verify};
use crate::audit::{self, Actor, AuditEvent};

/// Bytes of a record on the wire besides its body: sequence, signature and their names.
const RECORD_FRAME_BYTES: usize = 256;

/// A batch, and what its receipt has to name.
#[derive(Clone, Debug)]
pub struct PendingBatch {
    /// As it is sent.
    pub batch: Batch,
    /// Id, sequence and digest of each record, in the same order.
    pub expected: Vec<(TransactionId, u64, Digest)>,
}

/// What a receipt has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Booked now.
    pub booked: u32,
    /// Booked before; the first receipt is stored.
    pub duplicates: u32,
    /// Not booked, for a reason.
    pub refused: u32,
    /// Alarms.
    pub conflicts: u32,
}

impl Ledger {
    /// The records after a sequence, as one batch. `None` when there are none.
    ///
    /// At most `records_max` and never more than [`BATCH_RECORDS_MAX`] records or [`BATCH_BYTES_MAX`] bytes.
    /// Records that were booked before are sent again when the center asks for them.
    /// Errors: `ChainBroken` when the record before the first one is unknown here.
    pub fn batch_after(
        &self,
        sequence: u64,
        records_max: usize,
    ) -> Result<Option<PendingBatch>, LedgerError> {
        const { assert!(BODY_BYTES_MAX * 2 + RECORD_FRAME_BYTES * 2 < BATCH_BYTES_MAX) };
        let previous = verify::digest_at(self.connection(), sequence)?
            .ok_or(LedgerError::ChainBroken { at: sequence, what: super::BrokenPart::Digest })?;
        let mut statement = self.connection().prepare_cached(
            "SELECT link.sequence, digest, signature, body, id FROM link JOIN txn USING (ordinal)
             WHERE link.sequence > ?1 ORDER BY link.sequence LIMIT ?2",
        )?;
        let records_max = records_max.clamp(1, BATCH_RECORDS_MAX);
        let mut rows = statement.query(params![sequence, records_max])?;
        let (mut records, mut expected) = (Vec::new(), Vec::new());
        let mut bytes = RECORD_FRAME_BYTES;
        let mut next = sequence + 1;
        while let Some(row) = rows.next()? {
            let Some(link) = row::link_of(row, 0)? else { continue };
            if link.sequence != next {
                // A purged span: what lies behind it cannot be sent after this.
                break;
            }
            let body: String = row.get(3)?;
            bytes += wire_bytes(&body);
            if bytes > BATCH_BYTES_MAX && !records.is_empty() {
                break;
            }
            expected.push((row::id_of(row, 4)?, link.sequence, link.digest));
            records.push(Record { sequence: link.sequence, body, signature: link.signature });
            next += 1;
        }
        if records.is_empty() {
            return Ok(None);
        }
        Ok(Some(PendingBatch { batch: Batch { terminal: self.terminal(), previous, records }, expected }))
    }

    /// Last sequence that has the center's verdict.
    pub fn answered(&self) -> Result<u64, LedgerError> {
        query::answered(self.connection())
    }

    /// First sequence after this one that is still kept; the next one there will be when there is none.
    pub fn kept_from(&self, sequence: u64) -> Result<u64, LedgerError> {
        // One statement, so that no record of another connection comes in between.
        Ok(self
            .connection()
            .prepare_cached(
                "SELECT coalesce(
                     (SELECT min(sequence) FROM link WHERE sequence > ?1),
                     (SELECT max(sequence) + 1 FROM link),
                     (SELECT max(last_sequence) + 1 FROM anchor),
                     1)",
            )?
            .query_row([sequence], |row| row.get(0))?)
    }

    /// Notes that records were sent and no answer came: the center may hold them.
    pub fn mark_uploaded(&mut self, from_sequence: u64, to_sequence: u64) -> Result<(), LedgerError> {
        self.write_in_flight(|transaction| {
            transaction
                .prepare_cached(
                    "UPDATE txn SET state = 3 WHERE state = 2
                         AND ordinal IN (SELECT ordinal FROM link WHERE sequence BETWEEN ?1 AND ?2)",
                )?
                .execute(params![from_sequence, to_sequence])?;
            Ok(())
        })
    }

    /// Checks the center's answer to a batch and writes all of its verdicts down in one commit.
    ///
    /// Nothing is taken that the center's key did not sign: not the receipt, not the earlier receipts that
    /// duplicates refer to. Refusals and conflicts are audited.
    /// Errors: `NotSigned`; `ReceiptDiffers` when terminal, ids, sequences or digests are not those that were
    /// sent, or a duplicate's first receipt is missing or does not name it. Nothing is written then.
    pub fn apply_answer(
        &mut self,
        pending: &PendingBatch,
        answer: &BatchAnswer,
        center: &PublicKey,
        now: Timestamp,
    ) -> Result<Applied, LedgerError> {
        let opened = OpenedAnswer::check(self.terminal(), pending, answer, center)?;
        self.write_in_flight(|transaction| opened.write(transaction, answer, now))
    }

    /// Flags records that wait for longer than the deadline; returns how many were newly flagged.
    ///
    /// The flag stays when they are uploaded later.
    pub fn flag_overdue(&mut self, deadline_ms: i64, now: Timestamp) -> Result<usize, LedgerError> {
        let answered = self.answered()?;
        let due = now.plus_ms(-deadline_ms).0;
        let overdue = self
            .connection()
            .prepare_cached(
                "SELECT 1 FROM txn WHERE sequence > ?1 AND recorded_at < ?2 AND late = 0 LIMIT 1",
            )?
            .exists(params![answered, due])?;
        if !overdue {
            return Ok(0);
        }
        self.write_in_flight(|transaction| {
            Ok(transaction
                .prepare_cached(
                    "UPDATE txn SET late = 1 WHERE recorded_at < ?2 AND late = 0
                         AND ordinal IN (SELECT ordinal FROM link WHERE sequence > ?1)",
                )?
                .execute(params![answered, due])?)
        })
    }

    /// A stored receipt, as the center signed it.
    pub fn receipt(&self, number: &str) -> Result<Option<Signed>, LedgerError> {
        let stored = self
            .connection()
            .prepare_cached("SELECT text, signature FROM receipt WHERE number = ?1")?
            .query_row([number], |row| {
                Ok(Signed { text: row.get(0)?, signature: protocol::signature::Signature(row.get(1)?) })
            })
            .optional()?;
        Ok(stored)
    }
}

/// Length of a body as a JSON string inside of a batch, with its frame.
fn wire_bytes(body: &str) -> usize {
    let escapes = body.bytes().filter(|byte| matches!(byte, b'"' | b'\\') || *byte < 0x20).count();
    body.len() + escapes + RECORD_FRAME_BYTES
}

/// An answer whose signatures and names were checked.
struct OpenedAnswer {
    receipt: Receipt,
    earlier: Vec<Receipt>,
}

impl OpenedAnswer {
    fn check(
        terminal: protocol::id::TerminalId,
        pending: &PendingBatch,
        answer: &BatchAnswer,
        center: &PublicKey,
    ) -> Result<Self, LedgerError> {
        let open = |signed: &Signed| -> Result<Receipt, LedgerError> {
            let receipt: Receipt =
                signed.open(center, RECEIPT_PURPOSE).map_err(|_| LedgerError::NotSigned)?;
            if receipt.terminal == terminal { Ok(receipt) } else { Err(LedgerError::ReceiptDiffers) }
        };
        let receipt = open(&answer.receipt)?;
        let earlier = answer.earlier.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let lines = receipt.lines.iter().map(|line| (line.id, line.sequence, line.digest));
        if !lines.eq(pending.expected.iter().copied()) {
            return Err(LedgerError::ReceiptDiffers);
        }
        let opened = OpenedAnswer { receipt, earlier };
        for line in &opened.receipt.lines {
            if let Verdict::Duplicate { first } = &line.verdict {
                opened.first(first, line.id, line.sequence, line.digest)?;
            }
        }
        Ok(opened)
    }

    /// The verdict of the first receipt, which says booked or refused for this very record.
    fn first(
        &self,
        number: &str,
        id: TransactionId,
        sequence: u64,
        digest: Digest,
    ) -> Result<(&Receipt, &Verdict), LedgerError> {
        let receipt = self
            .earlier
            .iter()
            .find(|receipt| receipt.number == number)
            .ok_or(LedgerError::ReceiptDiffers)?;
        let line = receipt
            .lines
            .iter()
            .find(|line| (line.id, line.sequence, line.digest) == (id, sequence, digest))
            .ok_or(LedgerError::ReceiptDiffers)?;
        match line.verdict {
            Verdict::Booked | Verdict::Refused { .. } => Ok((receipt, &line.verdict)),
            Verdict::Duplicate { .. } | Verdict::Conflict => Err(LedgerError::ReceiptDiffers),
        }
    }

    fn write(
        &self,
        connection: &Connection,
        answer: &BatchAnswer,
        now: Timestamp,
    ) -> Result<Applied, LedgerError> {
        store(connection, &self.receipt, &answer.receipt, now)?;
        for (receipt, signed) in self.earlier.iter().zip(&answer.earlier) {
            store(connection, receipt, signed, now)?;
        }
        let mut applied = Applied::default();
        for line in &self.receipt.lines {
            let (receipt, verdict) = match &line.verdict {
                Verdict::Duplicate { first } => self.first(first, line.id, line.sequence, line.digest)?,
                verdict => (&self.receipt, verdict),
            };
            *match &line.verdict {
                Verdict::Booked => &mut applied.booked,
                Verdict::Duplicate { .. } => &mut applied.duplicates,
                Verdict::Refused { .. } => &mut applied.refused,
                Verdict::Conflict => &mut applied.conflicts,
            } += 1;
            let (state, refusal) = match verdict {
                Verdict::Refused { reason } => (State::Refused, Some(*reason)),
                Verdict::Conflict => (State::Conflict, None),
                Verdict::Booked | Verdict::Duplicate { .. } => (State::Booked, None),
            };
            let changed = settle(connection, line.id, line.sequence, state, receipt, refusal)?;
            if changed {
                let event = match (state, refusal) {
                    (State::Refused, Some(reason)) => AuditEvent::RecordRefused { id: line.id, reason },
                    (State::Conflict, _) => AuditEvent::RecordConflict { id: line.id },
                    _ => continue,
                };
                audit::append(connection, now, Actor::default(), &event)?;
            }
        }
        Ok(applied)
    }
}

fn store(
    connection: &Connection,
    receipt: &Receipt,
    signed: &Signed,
    now: Timestamp,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO receipt (number, text, signature, received_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![receipt.number, signed.text, signed.signature.0, now.0])?;
    Ok(())
}

/// Writes a verdict down. A row that has one keeps it: `false`.
fn settle(
    connection: &Connection,
    id: TransactionId,
    sequence: u64,
    state: State,
    receipt: &Receipt,
    refusal: Option<RefusalReason>,
) -> Result<bool, LedgerError> {
    let refusal = refusal.map(|reason| serde_json::to_string(&reason).unwrap_or_default());
    let changed = connection
        .prepare_cached(
            "UPDATE txn SET state = ?3, verdict_at = ?4, receipt = ?5, refusal = ?6
             WHERE sequence = ?2 AND id = ?1 AND state IN (2, 3)",
        )?
        .execute(params![id.0, sequence, state.number(), receipt.booked_at.0, receipt.number, refusal])?;
    Ok(changed == 1)
}
