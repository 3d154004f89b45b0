use protocol::{
    id::TransactionId,
    record::{Body, PURPOSE},
    signature::{Digest, PublicKey},
};
use rusqlite::{Connection, OptionalExtension};

use super::{Ledger, LedgerError, head::Head, row};
use crate::audit;

/// Which part of the ledger contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokenPart {
    /// A body is not what was hashed, or a sequence is missing.
    Digest,
    /// A link was not signed by this terminal.
    Signature,
    /// A body tells of another transaction, terminal or place than its row.
    Body,
    /// A link belongs to no transaction, or to one that has another place.
    Row,
    /// The audit's own chain.
    Audit,
}

/// What a whole verification has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Where the chain ends.
    pub head: Head,
    /// Links recomputed.
    pub links: u64,
    /// Links that were purged and are vouched for by an anchor.
    pub purged: u64,
    /// Entries of the audit.
    pub audit_entries: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Digests, and the signature of the last link, which commits to all before it.
    Digests,
    /// Every signature and every body.
    All,
}

impl Ledger {
    /// Verifies everything: digests, signatures, bodies, the gaps that purging left, the audit.
    ///
    /// About 20 000 links a second. Errors: `ChainBroken` with the first bad place, `Store(Damaged)`.
    pub fn verify(&self) -> Result<Verified, LedgerError> {
        let (links, purged) = self.walk(Depth::All)?;
        let rows: u64 =
            self.connection
                .query_row("SELECT count(*) FROM txn WHERE sequence IS NOT NULL", [], |row| row.get(0))?;
        if rows != links {
            return Err(broken(links, BrokenPart::Row));
        }
        Ok(Verified { head: self.head()?, links, purged, audit_entries: audit::verify(&self.connection)? })
    }

    /// Verifies the digests and the last signature: what opening the ledger does.
    pub(super) fn verify_quickly(&self) -> Result<(), LedgerError> {
        self.walk(Depth::Digests)?;
        audit::verify(&self.connection)?;
        Ok(())
    }

    fn walk(&self, depth: Depth) -> Result<(u64, u64), LedgerError> {
        let connection = &self.connection;
        let key = self.identity.public();
        let anchors = anchors(connection)?;
        let mut anchors = anchors.iter().peekable();
        let mut statement = connection.prepare(
            "SELECT link.sequence, digest, signature, body, txn.id, txn.sequence
             FROM link LEFT JOIN txn USING (ordinal) ORDER BY link.sequence",
        )?;
        let mut rows = statement.query([])?;
        let mut at = Position::default();
        let mut unchecked = None;
        while let Some(row) = rows.next()? {
            let Some(link) = row::link_of(row, 0)? else { continue };
            while let Some(anchor) = anchors.next_if(|anchor| anchor.first == at.sequence + 1) {
                at.skip(anchor);
            }
            let body = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
            let digest = at.digest.chain(body.as_bytes());
            if link.sequence != at.sequence + 1 || digest != link.digest {
                return Err(broken(at.sequence + 1, BrokenPart::Digest));
            }
            if row.get::<_, Option<u64>>(5)? != Some(link.sequence) {
                return Err(broken(link.sequence, BrokenPart::Row));
            }
            if depth == Depth::All {
                check_signature(&key, &link)?;
                self.check_body(body, row::id_of(row, 4)?, link.sequence)?;
            }
            at = Position { sequence: link.sequence, digest, links: at.links + 1, purged: at.purged };
            unchecked = Some(link);
        }
        for anchor in anchors {
            if anchor.first != at.sequence + 1 {
                return Err(broken(at.sequence + 1, BrokenPart::Digest));
            }
            at.skip(anchor);
        }
        if let (Depth::Digests, Some(link)) = (depth, unchecked) {
            check_signature(&key, &link)?;
        }
        Ok((at.links, at.purged))
    }

    fn check_body(&self, body: &str, id: TransactionId, sequence: u64) -> Result<(), LedgerError> {
        let error = broken(sequence, BrokenPart::Body);
        let body: Body = serde_json::from_str(body).map_err(|_| error.clone())?;
        if body.id == id && body.sequence == sequence && body.terminal == self.terminal {
            Ok(())
        } else {
            Err(error)
        }
    }
}

#[derive(Default)]
struct Position {
    sequence: u64,
    digest: Digest,
    links: u64,
    purged: u64,
}

impl Position {
    fn skip(&mut self, anchor: &Anchor) {
        self.purged += anchor.last - self.sequence;
        self.sequence = anchor.last;
        self.digest = anchor.digest;
    }
}

/// A purged span.
pub(super) struct Anchor {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) digest: Digest,
}

pub(super) fn anchors(connection: &Connection) -> Result<Vec<Anchor>, LedgerError> {
    let mut statement = connection
        .prepare_cached("SELECT first_sequence, last_sequence, digest FROM anchor ORDER BY first_sequence")?;
    let rows = statement.query_map([], |row| {
        Ok(Anchor { first: row.get(0)?, last: row.get(1)?, digest: Digest(row.get(2)?) })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn broken(at: u64, what: BrokenPart) -> LedgerError {
    LedgerError::ChainBroken { at, what }
}

fn check_signature(key: &PublicKey, link: &super::Link) -> Result<(), LedgerError> {
    key.verify(PURPOSE, &link.digest.0, &link.signature)
        .map_err(|_| broken(link.sequence, BrokenPart::Signature))
}

/// Where the ledger ends, without counting what is armed.
///
/// Right after an intention or a record that is no weaker: with the same intentions and the same sequence the
/// count only grows, so only [`Ledger::arm`] has to keep it.
pub(super) fn place(connection: &Connection) -> Result<Head, LedgerError> {
    let (sequence, digest) = last_link(connection)?;
    let intentions: Option<u64> =
        connection.prepare_cached("SELECT max(ordinal) FROM txn")?.query_row([], |row| row.get(0))?;
    Ok(Head { intentions: intentions.unwrap_or(0), sequence, digest, armed: 0 })
}

/// Last sequence and its digest: a row, or the last anchor when all rows were purged.
pub(crate) fn last_link(connection: &Connection) -> Result<(u64, Digest), LedgerError> {
    let pair = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, Digest(row.get(1)?)));
    let row = connection
        .prepare_cached("SELECT sequence, digest FROM link ORDER BY sequence DESC LIMIT 1")?
        .query_row([], pair)
        .optional()?;
    if let Some(last) = row {
        // The last link is never purged, so no anchor lies behind it.
        return Ok(last);
    }
    let anchor = connection
        .prepare_cached("SELECT last_sequence, digest FROM anchor ORDER BY first_sequence DESC LIMIT 1")?
        .query_row([], pair)
        .optional()?;
    Ok(anchor.unwrap_or_default())
}

/// Digest of the link at a sequence; `None` when it was purged from inside of a span or never was. Zeros at 0.
pub(super) fn digest_at(connection: &Connection, sequence: u64) -> Result<Option<Digest>, LedgerError> {
    if sequence == 0 {
        return Ok(Some(Digest::default()));
    }
    let digest: Option<[u8; 32]> = connection
        .prepare_cached(
            "SELECT digest FROM link WHERE sequence = ?1
             UNION ALL SELECT digest FROM anchor WHERE last_sequence = ?1 LIMIT 1",
        )?
        .query_row([sequence], |row| row.get(0))
        .optional()?;
    Ok(digest.map(Digest))
}
