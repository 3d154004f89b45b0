//! Booking, exactly once (入账).
//!
//! A batch is a stretch of a terminal's chain. What lies before the center's head is compared by digest and
//! answered as it was answered first; what continues the head is judged, appended and answered with a new
//! receipt; anything else is a problem or an alarm. All of one batch is one transaction on the disk.

use protocol::{
    id::TerminalId,
    problem::{Problem, ProblemKind},
    record::{BODY_BYTES_MAX, PURPOSE},
    signature::{Digest, Signed},
    timestamp::Timestamp,
    upload::{
        BATCH_RECORDS_MAX, Batch, BatchAnswer, RECEIPT_PURPOSE, Receipt, ReceiptLine, Record, SendWindow,
        Verdict,
    },
};

use super::{
    Production,
    examination::{Examined, NO_ID, examine},
    internal,
    judgement::{Judge, Judged},
    malformed,
    policy::Policies,
    storage_problem,
};
use crate::storage::{
    StorageResult, Transaction,
    rows::{Alarm, AlarmKind, Link, NewRecord, Outcome, ReceiptRow, TerminalRow},
};

impl Production {
    /// Books a batch of an enrolled terminal.
    ///
    /// Done whole and on the disk when this returns an answer; nothing was booked when it returns a problem.
    /// The same batch may be sent again at any time, also cut in other places. Problems: `Malformed`,
    /// `TooLarge`, `NotAuthenticated` (another terminal's batch), `TerminalUnknown` (not enrolled),
    /// `Signature` (of the last record, which commits to all before it), `ChainGap`, `ChainBroken`, `Storage`,
    /// `Overloaded`.
    pub fn book(
        &self,
        terminal: &TerminalRow,
        batch: &Batch,
        window: SendWindow,
    ) -> Result<BatchAnswer, Problem> {
        let name = terminal.terminal;
        let identity = terminal
            .identity
            .ok_or_else(|| Problem::new(ProblemKind::TerminalUnknown, "the terminal is not enrolled"))?;
        check_form(name, batch)?;
        let digests = chain(batch);
        let (Some(last), Some(head)) = (batch.records.last(), digests.last()) else {
            return Err(malformed("the batch is empty"));
        };
        if identity.verify(PURPOSE, &head.0, &last.signature).is_err() {
            self.raise(&Alarm {
                kind: AlarmKind::BadSignature,
                terminal: name,
                sequence: last.sequence,
                digest: *head,
                id: None,
                evidence: None,
            })?;
            return Err(Problem::new(
                ProblemKind::Signature,
                "the signature of the batch's last record is wrong",
            ));
        }

        // Heads only move forward, so what lies before this one needs no second look at its body. Everything
        // else is read here, before the one writing connection is taken.
        let known = self.storage.chain_head(name, Timestamp(0)).map_err(storage_problem)?.sequence;
        let tolerance = self.tolerance(name).map_err(storage_problem)?;
        let policies = self.policies().map_err(storage_problem)?;
        let received_at = self.now();
        let examined: Vec<Option<Examined>> = batch
            .records
            .iter()
            .map(|record| {
                (record.sequence > known)
                    .then(|| examine(record, name, &*self.security_module, &tolerance, received_at))
            })
            .collect();

        let mut outcome = Err(internal("nothing was decided"));
        self.storage
            .transact(&mut |transaction| {
                outcome =
                    self.book_in(transaction, terminal, batch, &digests, (&examined, &policies), window)?;
                Ok(())
            })
            .map_err(storage_problem)?;
        outcome
    }

    pub(super) fn raise(&self, alarm: &Alarm) -> Result<(), Problem> {
        let now = self.now();
        self.storage
            .transact(&mut |transaction| transaction.raise(now, std::slice::from_ref(alarm)))
            .map_err(storage_problem)
    }

    /// The transaction's part. An inner error is a problem that the terminal hears of; alarms stay all the same.
    fn book_in(
        &self,
        transaction: &mut dyn Transaction,
        terminal: &TerminalRow,
        batch: &Batch,
        digests: &[Digest],
        (examined, policies): (&[Option<Examined>], &Policies),
        window: SendWindow,
    ) -> StorageResult<Result<BatchAnswer, Problem>> {
        let now = self.now();
        let name = terminal.terminal;
        let place = match Place::find(transaction, name, batch)? {
            Ok(place) => place,
            Err(misfit) => {
                if let Some(alarm) = misfit.alarm(name, batch, digests) {
                    transaction.raise(now, &[alarm])?;
                }
                return Ok(Err(misfit.problem()));
            }
        };

        let mut answer = Answer::default();
        let mut new = Vec::new();
        for ((record, digest), examined) in batch.records.iter().zip(digests).zip(examined) {
            match (place.link(record.sequence), examined) {
                (Some(link), _) if link.digest == *digest => answer.repeat(self, link),
                (Some(_), _) => answer.fork(name, record, *digest),
                (None, _) if answer.forked => answer.fork(name, record, *digest),
                (None, Some(examined)) => new.push((record, *digest, examined)),
                (None, None) => return Ok(Err(internal("the head of the chain went back"))),
            }
        }
        if answer.forked {
            transaction.raise(now, &answer.alarms)?;
        }

        let newest = transaction.next_receipt()? - 1;
        let number = if new.is_empty() {
            // Nothing is added: the answer repeats what stands in earlier receipts and is not kept itself.
            format!("{}-r{}", self.receipt_number(newest), now.0)
        } else {
            self.receipt_number(newest + 1)
        };
        let judged =
            Judge::new(transaction, &*self.storage, &*self.security_module, policies, terminal, &new)?
                .judge(&new)?;
        for ((record, digest, examined), judged) in new.iter().zip(&judged.records) {
            answer.lines.push(ReceiptLine {
                id: examined.id.unwrap_or(NO_ID),
                sequence: record.sequence,
                digest: *digest,
                verdict: verdict(judged.outcome),
            });
        }

        let receipt =
            Receipt { number, terminal: name, booked_at: now, lines: std::mem::take(&mut answer.lines) };
        let Ok(signed) = Signed::new(&self.key, RECEIPT_PURPOSE, &receipt) else {
            return Ok(Err(internal("the receipt cannot be written")));
        };
        let earlier = transaction.receipts(&answer.earlier)?;
        if let (Some((first, ..)), Some((last, ..))) = (new.first(), new.last()) {
            let row = ReceiptRow {
                number: newest + 1,
                terminal: name,
                at: now,
                from_sequence: first.sequence,
                to_sequence: last.sequence,
                signed: signed.clone(),
            };
            let records: Vec<NewRecord<'_>> =
                new.iter().zip(&judged.records).map(|(new, judged)| new_record(new, judged)).collect();
            transaction.append(name, &records, &row)?;
            judged.effects.apply(transaction, now)?;
        }
        Ok(Ok(BatchAnswer { receipt: signed, earlier, window }))
    }

    /// A receipt's number as it is written.
    pub fn receipt_number(&self, number: u64) -> String {
        format!("{}-{number:012}", self.city)
    }
}

fn new_record<'a>(
    (record, digest, examined): &(&'a Record, Digest, &Examined),
    judged: &Judged,
) -> NewRecord<'a> {
    NewRecord {
        sequence: record.sequence,
        id: examined.id,
        digest: *digest,
        outcome: judged.outcome,
        facts: judged.facts,
        signature: record.signature,
        body: &record.body,
    }
}

fn verdict(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Booked => Verdict::Booked,
        Outcome::Refused(reason) => Verdict::Refused { reason },
        Outcome::Conflict => Verdict::Conflict,
    }
}

/// Most bytes of a body that an alarm keeps: one terminal can raise ten thousand.
pub const EVIDENCE_BYTES_MAX: usize = 4 << 10;

/// A body as an alarm keeps it: whole, or its beginning with its length and SHA-256, by which the whole can
/// be known again.
fn evidence(body: &str) -> String {
    if body.len() <= EVIDENCE_BYTES_MAX {
        return body.to_owned();
    }
    let beginning = &body[..body.floor_char_boundary(EVIDENCE_BYTES_MAX)];
    format!("{beginning}… {} bytes, SHA-256 {}", body.len(), Digest::of(body.as_bytes()))
}

/// What can be seen to be wrong without the storage.
fn check_form(terminal: TerminalId, batch: &Batch) -> Result<(), Problem> {
    if batch.terminal != terminal {
        return Err(Problem::new(ProblemKind::NotAuthenticated, "the batch is another terminal's"));
    }
    let Some(first) = batch.records.first() else { return Err(malformed("the batch is empty")) };
    if batch.records.len() > BATCH_RECORDS_MAX {
        let detail = format!("{} records, at most {BATCH_RECORDS_MAX}", batch.records.len());
        return Err(Problem::new(ProblemKind::TooLarge, detail));
    }
    if first.sequence == 0 || i64::try_from(first.sequence).is_err() {
        return Err(malformed("a sequence is out of range"));
    }
    for (record, sequence) in batch.records.iter().zip(first.sequence..) {
        if record.sequence != sequence {
            return Err(malformed(format!("sequence {} stands where {sequence} belongs", record.sequence)));
        }
        if record.body.len() > BODY_BYTES_MAX {
            let detail =
                format!("the body of {sequence} has {} bytes, at most {BODY_BYTES_MAX}", record.body.len());
            return Err(Problem::new(ProblemKind::TooLarge, detail));
        }
    }
    Ok(())
}

fn chain(batch: &Batch) -> Vec<Digest> {
    batch
        .records
        .iter()
        .scan(batch.previous, |previous, record| {
            *previous = previous.chain(record.body.as_bytes());
            Some(*previous)
        })
        .collect()
}

/// Where a batch lies on the chain that the center holds.
struct Place {
    /// The stored links that the batch repeats, in order.
    links: Vec<Link>,
}

/// Why a batch does not lie on the chain.
enum Misfit {
    Gap { head: u64, first: u64 },
    Broken { first: u64 },
}

impl Place {
    fn find(
        transaction: &mut dyn Transaction,
        terminal: TerminalId,
        batch: &Batch,
    ) -> StorageResult<Result<Self, Misfit>> {
        let (head, head_digest) = transaction.head(terminal)?;
        let first = batch.records.first().map_or(0, |record| record.sequence);
        let last = batch.records.last().map_or(0, |record| record.sequence);
        if first > head + 1 {
            return Ok(Err(Misfit::Gap { head, first }));
        }
        if first == head + 1 {
            let fits = batch.previous == head_digest;
            return Ok(if fits { Ok(Place { links: Vec::new() }) } else { Err(Misfit::Broken { first }) });
        }
        let mut links = transaction.links(terminal, first.max(2) - 1, last.min(head))?;
        let previous = if first == 1 { Digest::default() } else { links.remove(0).digest };
        Ok(if batch.previous == previous { Ok(Place { links }) } else { Err(Misfit::Broken { first }) })
    }

    fn link(&self, sequence: u64) -> Option<&Link> {
        let index = sequence.checked_sub(self.links.first()?.sequence)?;
        self.links.get(usize::try_from(index).ok()?)
    }
}

impl Misfit {
    /// A gap is an ordinary thing (batches overtake each other); a break means that a ledger was put back.
    fn alarm(&self, terminal: TerminalId, batch: &Batch, digests: &[Digest]) -> Option<Alarm> {
        match self {
            Misfit::Gap { .. } => None,
            Misfit::Broken { first } => Some(Alarm {
                kind: AlarmKind::ChainBroken,
                terminal,
                sequence: *first,
                digest: *digests.first()?,
                id: None,
                evidence: batch.records.first().map(|record| evidence(&record.body)),
            }),
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Misfit::Gap { head, first } => Problem::new(
                ProblemKind::ChainGap,
                format!("the center holds up to {head}, the batch begins at {first}"),
            ),
            Misfit::Broken { first } => Problem::new(
                ProblemKind::ChainBroken,
                format!("what comes before {first} is not what the center holds"),
            ),
        }
    }
}

/// The answer as it grows.
#[derive(Default)]
struct Answer {
    lines: Vec<ReceiptLine>,
    /// Numbers of the receipts that repeated records were answered with, rising, each once.
    earlier: Vec<u64>,
    /// A record differs from the one that the center holds at its place; so does everything after it.
    forked: bool,
    alarms: Vec<Alarm>,
}

impl Answer {
    /// A record that the center holds: booked is answered as a duplicate, all else as it was answered first.
    fn repeat(&mut self, production: &Production, link: &Link) {
        self.lines.push(ReceiptLine {
            id: link.id.unwrap_or(NO_ID),
            sequence: link.sequence,
            digest: link.digest,
            verdict: match link.outcome {
                Outcome::Booked => Verdict::Duplicate { first: production.receipt_number(link.receipt) },
                other => verdict(other),
            },
        });
        if self.earlier.last() != Some(&link.receipt) {
            self.earlier.push(link.receipt);
        }
    }

    /// Another record than the center holds at this place, or one that follows such a record.
    fn fork(&mut self, terminal: TerminalId, record: &Record, digest: Digest) {
        let id = super::examination::id_of(&record.body);
        self.forked = true;
        self.lines.push(ReceiptLine {
            id: id.unwrap_or(NO_ID),
            sequence: record.sequence,
            digest,
            verdict: Verdict::Conflict,
        });
        self.alarms.push(Alarm {
            kind: AlarmKind::SequenceConflict,
            terminal,
            sequence: record.sequence,
            digest,
            id,
            evidence: Some(evidence(&record.body)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_has_a_size() {
        let fits = "卡".repeat(EVIDENCE_BYTES_MAX / 3);
        assert_eq!(evidence(&fits), fits);
        let long = "卡".repeat(EVIDENCE_BYTES_MAX / 3 + 1);
        let kept = evidence(&long);
        let end = format!("… {} bytes, SHA-256 {}", long.len(), Digest::of(long.as_bytes()));
        assert_eq!(kept, format!("{fits}{end}"));
    }
}
