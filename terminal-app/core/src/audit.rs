//! Who did what on this terminal (审计): only added to, hash-chained, without personal data.
//!
//! Lives in the ledger's file, in the same transactions as what it tells of. Events hold numbers, names of
//! transactions and of operators; nothing of a person or a card can be put into one.

use protocol::{id::TransactionId, signature::Digest, timestamp::Timestamp, upload::RefusalReason};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::{
    ledger::{BrokenPart, HaltReason, Ledger, LedgerError},
    roles::Role,
};

/// Who acted; nobody for what the terminal did by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actor<'a> {
    /// Operator number.
    pub operator: Option<&'a str>,
    /// Working cycle.
    pub cycle: Option<&'a str>,
}

/// Something worth remembering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditEvent {
    /// The ledger was laid out.
    LedgerMade,
    /// No head was kept outside of the ledger although there should be one.
    HeadMissing,
    /// Business was stopped.
    Halted {
        /// Why.
        reason: HaltReason,
    },
    /// The installer let business go on.
    Resumed {
        /// Why it had been stopped.
        reason: HaltReason,
    },
    /// An operator was added or changed.
    OperatorSet {
        /// Whom.
        number: String,
        /// With which role.
        role: Role,
    },
    /// An operator was taken out.
    OperatorRemoved {
        /// Whom.
        number: String,
    },
    /// An operator signed in.
    SignedIn {
        /// Role at that time.
        role: Role,
    },
    /// A wrong secret.
    SignInFailed {
        /// Number that was typed, when such an operator exists.
        number: Option<String>,
    },
    /// Too many wrong secrets.
    LockedOut {
        /// Whom.
        number: String,
    },
    /// An operator signed out.
    SignedOut,
    /// An operator tried what the role does not allow.
    NotPermitted {
        /// What.
        action: crate::roles::Action,
    },
    /// A cycle was compared with the center.
    Reconciled {
        /// Whether both agree.
        equal: bool,
    },
    /// A supervisor accepted that a cycle's sums differ from the center's.
    DifferenceAccepted {
        /// Which cycle.
        cycle: String,
    },
    /// The center refuses to book a record.
    RecordRefused {
        /// Which.
        id: TransactionId,
        /// Why.
        reason: RefusalReason,
    },
    /// The center holds something else under this name or place: an alarm.
    RecordConflict {
        /// Which.
        id: TransactionId,
    },
    /// The center lost records that it had booked; they are sent again.
    CenterBehind {
        /// Where the center's copy ends.
        center: u64,
    },
    /// Booked records were purged after their time.
    Purged {
        /// How many.
        records: u64,
        /// Last sequence of the span.
        upto: u64,
    },
    /// A working cycle was begun although an older one is not reconciled: the line was down.
    CycleOffline,
    /// The ledger was copied out in the clear.
    Exported,
    /// The clock differs from the center's by more than the limit, or ran backwards.
    ClockDoubtful {
        /// Milliseconds that the center's clock is ahead of ours.
        offset_ms: i64,
    },
    /// The eligibility cache was put aside and started again.
    CacheRebuilt,
    /// The reserve of disk space was given free for a transaction in flight.
    ReserveUsed,
    /// A purchase was written down with the card's TAC, though the PSAM failed to check the card's MAC2.
    ProofUnchecked {
        /// Which.
        id: TransactionId,
    },
    /// A supervisor has decided what became of a transaction whose card could not tell.
    OutcomeDecided {
        /// Which.
        id: TransactionId,
        /// Whether the card is taken to have carried it out.
        done: bool,
        /// On what ground.
        ground: Ground,
    },
    /// Documents of the center could not be read: rules, catalogs or limits. What can be read is in use.
    DocumentsUnreadable {
        /// How many.
        documents: u32,
    },
    /// The installer lets cards be asked again that have refused this terminal's security module.
    RefusalsForgotten {
        /// How many cards.
        cards: u32,
    },
    /// The installer has bound a fingerprint sensor to this terminal.
    SensorBound {
        /// Its serial number.
        serial: String,
    },
    /// Another sensor than the bound one was met.
    SensorChanged,
    /// Fingers did not match as often as they may be tried.
    FingersRefused {
        /// Comparisons that failed.
        no_matches: u8,
    },
    /// The very image of before came from the sensor once more: somebody plays it back, or it is broken.
    ImageReplayed,
    /// A card holds fingers that are not its own, or that were changed.
    ForeignFingers,
    /// Staff has decided who a holder is, without a finger.
    HolderVouched {
        /// Why no finger could decide.
        reason: protocol::evidence::ManualReason,
        /// Comparisons that failed before.
        no_matches: u8,
        /// Another clerk who confirmed it.
        second_clerk: Option<String>,
    },
    /// Somebody used the card of a dead person, or one under investigation (冒领): an alarm.
    Impersonation,
    /// The housing was opened: an alarm.
    Tampered,
    /// The reader board is not the one that was paired, or has lost its pairing: an alarm.
    BoardReplaced,
    /// The reader board and this terminal were paired.
    BoardPaired {
        /// Serial number of the board.
        serial: String,
    },
    /// The board's latch was cleared after it was looked at.
    TamperCleared {
        /// Serial number of the board.
        serial: String,
        /// How often it has been opened.
        count: u16,
    },
    /// The board was given a new firmware.
    BoardUpdated {
        /// Serial number of the board.
        serial: String,
        /// Version of the image.
        version: String,
    },
    /// Something else of the installer's work: enrolment, renewal, settings.
    Maintenance {
        /// Which command.
        what: String,
    },
}

/// On what ground a supervisor decides what a card has done that cannot tell any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// The card's balance or log was looked at elsewhere: at the issuer, or at a bank.
    CardStatement,
    /// The center knows what the account should hold.
    CenterStatement,
    /// The card does not come back: lost, replaced or broken, and its holder was asked.
    CardGone,
}

impl Ground {
    /// All of them.
    pub const ALL: [Ground; 3] = [Ground::CardStatement, Ground::CenterStatement, Ground::CardGone];
}

/// One line of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// From 1, without gaps.
    pub number: u64,
    /// By the terminal's clock.
    pub at: Timestamp,
    /// Operator number.
    pub operator: Option<String>,
    /// Working cycle.
    pub cycle: Option<String>,
    /// What happened; `None` when a later version wrote it.
    pub event: Option<AuditEvent>,
    /// The event's JSON, verbatim.
    pub text: String,
}

impl Ledger {
    /// Adds to the audit.
    pub fn audit(&mut self, at: Timestamp, actor: Actor<'_>, event: &AuditEvent) -> Result<(), LedgerError> {
        self.write_in_flight(|transaction| append(transaction, at, actor, event))
    }

    /// Entries after a number, oldest first, at most `entries_max`.
    pub fn audit_entries(&self, after: u64, entries_max: u32) -> Result<Vec<AuditEntry>, LedgerError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT number, at, operator, cycle, event FROM audit WHERE number > ?1 ORDER BY number LIMIT ?2",
        )?;
        let mut rows = statement.query(params![after, entries_max])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let text: String = row.get(4)?;
            entries.push(AuditEntry {
                number: row.get(0)?,
                at: Timestamp(row.get(1)?),
                operator: row.get(2)?,
                cycle: row.get(3)?,
                event: serde_json::from_str(&text).ok(),
                text,
            });
        }
        Ok(entries)
    }
}

/// Adds an entry inside of a transaction.
pub(crate) fn append(
    connection: &Connection,
    at: Timestamp,
    actor: Actor<'_>,
    event: &AuditEvent,
) -> Result<(), LedgerError> {
    let last: Option<(u64, [u8; 32])> = connection
        .prepare_cached("SELECT number, digest FROM audit ORDER BY number DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (last, previous) = last.unwrap_or_default();
    let number = last + 1;
    let text = serde_json::to_string(event).unwrap_or_default();
    let digest = link(Digest(previous), number, at, actor.operator, actor.cycle, &text);
    connection
        .prepare_cached(
            "INSERT INTO audit (number, at, operator, cycle, event, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![number, at.0, actor.operator, actor.cycle, text, digest.0])?;
    Ok(())
}

/// Recomputes the whole chain. Errors: `ChainBroken` at the first bad entry.
pub(crate) fn verify(connection: &Connection) -> Result<u64, LedgerError> {
    let mut statement =
        connection.prepare("SELECT number, at, operator, cycle, event, digest FROM audit ORDER BY number")?;
    let mut rows = statement.query([])?;
    let (mut last, mut digest) = (0, Digest::default());
    while let Some(row) = rows.next()? {
        let number: u64 = row.get(0)?;
        let operator: Option<String> = row.get(2)?;
        let cycle: Option<String> = row.get(3)?;
        let text: String = row.get(4)?;
        digest = link(digest, number, Timestamp(row.get(1)?), operator.as_deref(), cycle.as_deref(), &text);
        let stored: [u8; 32] = row.get(5)?;
        if number != last + 1 || digest.0 != stored {
            return Err(LedgerError::ChainBroken { at: last + 1, what: BrokenPart::Audit });
        }
        last = number;
    }
    Ok(last)
}

fn link(
    previous: Digest,
    number: u64,
    at: Timestamp,
    operator: Option<&str>,
    cycle: Option<&str>,
    text: &str,
) -> Digest {
    // JSON of a tuple is unambiguous about where one part ends and the next begins.
    let line = serde_json::to_vec(&(number, at, operator, cycle, text)).unwrap_or_default();
    previous.chain(&line)
}
