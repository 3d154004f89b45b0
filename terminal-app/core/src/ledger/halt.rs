use std::fmt;

use protocol::{timestamp::Timestamp, upload::ChainHead};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{Ledger, LedgerError, head::Head, verify};
use crate::audit::{self, Actor, AuditEvent};

/// Why business is stopped on a ledger. It can still be read, uploaded from and exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum HaltReason {
    /// The ledger ends before where it ended once: an old copy was put back.
    RolledBack {
        /// Where the ledger ends.
        ledger: u64,
        /// Where it ended before, by the head kept outside or by the center.
        before: u64,
    },
    /// The ledger and the center, or the head kept outside, disagree about a link that both have.
    ChainDiffers {
        /// The link's sequence.
        sequence: u64,
    },
    /// The chain contradicts itself or a signature is wrong.
    ChainBroken {
        /// The first bad link.
        sequence: u64,
    },
    /// The center lacks records that this ledger does not keep any more.
    CenterBehind {
        /// Where the center's copy ends.
        center: u64,
        /// The first sequence still kept here.
        kept_from: u64,
    },
}

impl fmt::Display for HaltReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RolledBack { ledger, before } => {
                write!(
                    f,
                    "the ledger ends at {ledger} but ended at {before} before: an old copy was put back"
                )
            }
            Self::ChainDiffers { sequence } => write!(f, "another record was known at {sequence} before"),
            Self::ChainBroken { sequence } => write!(f, "the chain is broken at {sequence}"),
            Self::CenterBehind { center, kept_from } => {
                write!(f, "the center ends at {center}, records are kept from {kept_from} on")
            }
        }
    }
}

const NAME: &str = "halted";

impl Ledger {
    /// Why business is stopped, if it is.
    pub fn halted(&self) -> Result<Option<HaltReason>, LedgerError> {
        load(&self.connection)
    }

    /// Stops business, durably. A reason that stands already stays.
    pub fn halt(&mut self, reason: HaltReason, now: Timestamp) -> Result<(), LedgerError> {
        self.write_in_flight(|transaction| {
            if load(transaction)?.is_none() {
                save(transaction, Some(reason))?;
                audit::append(transaction, now, Actor::default(), &AuditEvent::Halted { reason })?;
            }
            Ok(())
        })
    }

    /// Lets business go on after the center has confirmed this ledger.
    ///
    /// The center is the judge: its copy of the chain must end at a link that this ledger has, and the whole
    /// ledger must verify. For the installer; audited.
    /// Errors: `Halted` with the reason that still stands, `ChainBroken`.
    pub fn resume(
        &mut self,
        center: &ChainHead,
        actor: Actor<'_>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let Some(reason) = self.halted()? else { return Ok(()) };
        self.verify()?;
        if let Some(still) = self.compare(center.sequence, center.digest)? {
            return Err(LedgerError::Halted(still));
        }
        self.write(|transaction| {
            save(transaction, None)?;
            audit::append(transaction, now, actor, &AuditEvent::Resumed { reason })
        })?;
        let head = self.head()?;
        self.keep(&head);
        Ok(())
    }

    /// Compares this ledger with where its chain ended elsewhere.
    ///
    /// `None` when that link is in this chain with the same digest (or nothing was there yet).
    pub fn compare(
        &self,
        sequence: u64,
        digest: protocol::signature::Digest,
    ) -> Result<Option<HaltReason>, LedgerError> {
        compare(&self.connection, sequence, digest)
    }

    /// Compares the ledger with the head kept outside; a smaller ledger was put back.
    pub(super) fn compare_kept(&self, head: &Head, kept: &Head) -> Result<Option<HaltReason>, LedgerError> {
        if kept.intentions > head.intentions && kept.sequence <= head.sequence {
            // Intentions are missing, perhaps one whose card was debited; the chain itself cannot show that.
            return Ok(Some(HaltReason::RolledBack { ledger: head.sequence, before: kept.sequence }));
        }
        let same = (kept.intentions, kept.sequence) == (head.intentions, head.sequence);
        if same && kept.armed > head.armed {
            // A copy from before the card was asked: it would write off what the card may have done.
            return Ok(Some(HaltReason::RolledBack { ledger: head.sequence, before: kept.sequence }));
        }
        self.compare(kept.sequence, kept.digest)
    }
}

pub(super) fn compare(
    connection: &Connection,
    sequence: u64,
    digest: protocol::signature::Digest,
) -> Result<Option<HaltReason>, LedgerError> {
    if sequence == 0 {
        return Ok(None);
    }
    let (last, _) = verify::last_link(connection)?;
    if sequence > last {
        return Ok(Some(HaltReason::RolledBack { ledger: last, before: sequence }));
    }
    match verify::digest_at(connection, sequence)? {
        Some(ours) if ours == digest => Ok(None),
        Some(_) => Ok(Some(HaltReason::ChainDiffers { sequence })),
        // Purged: the links after it were chained onto it and signed, nothing more can be told.
        None => Ok(None),
    }
}

pub(super) fn load(connection: &Connection) -> Result<Option<HaltReason>, LedgerError> {
    let text: Option<String> = connection
        .prepare_cached("SELECT value FROM setting WHERE name = ?1")?
        .query_row([NAME], |row| row.get(0))
        .optional()?;
    // A reason of a later version still stops business.
    Ok(text.map(|text| serde_json::from_str(&text).unwrap_or(HaltReason::ChainBroken { sequence: 0 })))
}

pub(super) fn save(connection: &Connection, reason: Option<HaltReason>) -> Result<(), LedgerError> {
    match reason.and_then(|reason| serde_json::to_string(&reason).ok()) {
        Some(text) => connection
            .execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)", params![NAME, text])?,
        None => connection.execute("DELETE FROM setting WHERE name = ?1", [NAME])?,
    };
    Ok(())
}
