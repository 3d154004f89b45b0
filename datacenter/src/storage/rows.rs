//! What the storage holds, as plain values.

use std::fmt;

use card_spec::money::Fen;
use protocol::{
    accumulation::Accumulation,
    feed::BlockReason,
    id::{TerminalId, TransactionId},
    limits::OfflineLimits,
    reconciliation::Totals,
    rules::RulesDocument,
    signature::{Digest, PublicKey, Signature, Signed},
    timestamp::Timestamp,
    upload::RefusalReason,
};

/// What the center did with a record that became part of a terminal's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Booked.
    Booked,
    /// Kept for audit, without effect.
    Refused(RefusalReason),
    /// Its id belongs to another record; kept for audit, without effect.
    Conflict,
}

/// Whether a card stands behind the money of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// No card was asked for money.
    NotNeeded,
    /// The TAC was recomputed and is right.
    Verified,
    /// A TAC is there, but the center has no key for this card: to be checked by the card's issuer.
    Unchecked,
    /// The card's own log says that the purchase or load took place, its TAC is lost: for fund supervision.
    Missing,
}

/// What a record is about, in numbers that can be added up; `Debug` leaves the person out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What happened.
    pub kind: Kind,
    /// By the terminal's clock.
    pub made_at: Timestamp,
    /// `PersonNumber::key` of the person concerned.
    pub person: Option<u64>,
    /// The amounts that reconciliation adds up; `count` is 1 for settlements and cancellations.
    pub totals: Totals,
    /// Whether a card stands behind it.
    pub proof: Proof,
}

/// Kinds of records, as the storage tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The body could not be read.
    Unreadable,
    /// A settlement.
    Settlement,
    /// A cancellation.
    Cancellation,
    /// An intention that did not come about.
    Abandoned,
    /// A load.
    Load,
    /// Fingers enrolled.
    Enrolment,
    /// A certification.
    Certification,
    /// A month's pension.
    Pension,
    /// Contributions paid.
    Contribution,
    /// Such a payment taken back.
    ContributionReversal,
}

impl Kind {
    /// Whether money for contributions moved.
    pub fn is_contribution(self) -> bool {
        matches!(self, Self::Contribution | Self::ContributionReversal)
    }
}

/// One record on its way into the storage; `Debug` leaves the body out.
#[derive(Clone)]
pub struct NewRecord<'a> {
    /// Place in the chain.
    pub sequence: u64,
    /// The transaction, when the body names one.
    pub id: Option<TransactionId>,
    /// Digest of the link.
    pub digest: Digest,
    /// What was done with it.
    pub outcome: Outcome,
    /// What it is about.
    pub facts: Facts,
    /// The terminal's signature over the digest.
    pub signature: Signature,
    /// The body, verbatim.
    pub body: &'a str,
}

/// One link of a terminal's chain as the center holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Place in the chain.
    pub sequence: u64,
    /// The transaction.
    pub id: Option<TransactionId>,
    /// Digest of the link.
    pub digest: Digest,
    /// What was done with it.
    pub outcome: Outcome,
    /// Number of the receipt that says so.
    pub receipt: u64,
}

/// A record found by its id.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    /// The transaction.
    pub id: TransactionId,
    /// Whose.
    pub terminal: TerminalId,
    /// What was done with it.
    pub outcome: Outcome,
    /// What happened.
    pub kind: Kind,
    /// The body, verbatim.
    pub body: String,
    /// When this center answered it first.
    pub booked_at: Timestamp,
    /// For a settlement: the cancellation that took it back.
    pub cancelled_by: Option<TransactionId>,
}

/// A receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    /// The center's number, rising without gaps.
    pub number: u64,
    /// Whose records.
    pub terminal: TerminalId,
    /// When.
    pub at: Timestamp,
    /// First sequence that it adds.
    pub from_sequence: u64,
    /// Last sequence that it adds.
    pub to_sequence: u64,
    /// The receipt as it was sent.
    pub signed: Signed,
}

/// What settlements and cancellations add to a person's year; `Debug` leaves the person out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PersonYear {
    /// `PersonNumber::key`.
    pub person: u64,
    /// The year that it counts for.
    pub year: u16,
    /// What is added.
    pub added: Accumulation,
}

/// Account money that the center owes a person since a cancellation; `Debug` leaves the person out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RefundRow {
    /// The cancellation.
    pub of: TransactionId,
    /// `PersonNumber::key`.
    pub person: u64,
    /// What is still owed.
    pub owed: Fen,
}

/// What a card and the center know one purchase by; `Debug` leaves the card out.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PurchaseKey {
    /// Diversification factor of the card, in capitals.
    pub card: String,
    /// The card's offline transaction serial before the purchase.
    pub serial: u16,
    /// `CCYYMMDDhhmmss` that the card's codes cover.
    pub date_time: String,
}

/// A purchase that counts, and under which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchaseRow {
    /// The purchase.
    pub key: PurchaseKey,
    /// The settlement.
    pub id: TransactionId,
}

/// Where a granted load stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadState {
    /// MAC2 was given out; the money is set aside.
    Granted,
    /// The card's TAC came back.
    Booked,
    /// The terminal says that it never came about; the money is free again.
    Released,
    /// As [`Released`](Self::Released), and staff has made sure of it: the card may be loaded again.
    Cleared,
}

/// Whose a card is; `Debug` leaves both out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HolderRow {
    /// Card identification code without its MAC.
    pub card: [u8; 12],
    /// `PersonNumber::key`.
    pub person: u64,
    /// Since when the center knows.
    pub since: Timestamp,
}

/// A granted load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadRow {
    /// Name of the load.
    pub id: TransactionId,
    /// SHA-256 of the request: the same name with another request is another load.
    pub request_digest: Digest,
    /// The request as it came.
    pub request: protocol::account::LoadRequest,
    /// The answer's MAC2.
    pub mac2: [u8; 4],
    /// When it was granted.
    pub at: Timestamp,
    /// Where it stands.
    pub state: LoadState,
}

/// What somebody has to look at; `Debug` leaves the evidence out.
#[derive(Clone, PartialEq, Eq)]
pub struct Alarm {
    /// What happened.
    pub kind: AlarmKind,
    /// Which terminal.
    pub terminal: TerminalId,
    /// Where in its chain, 0 when there is no place.
    pub sequence: u64,
    /// Digest of what was sent, zeros when there is none.
    pub digest: Digest,
    /// The transaction, when one is named.
    pub id: Option<TransactionId>,
    /// What was sent and not booked, or its beginning; evidence with personal data, never shown in lists.
    pub evidence: Option<String>,
}

/// Kinds of alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmKind {
    /// Another record at a place of the chain that is already taken: the ledger was copied or put back.
    SequenceConflict,
    /// A new record with the id of an old one.
    IdConflict,
    /// A batch that does not continue the chain.
    ChainBroken,
    /// A batch whose signature is wrong.
    BadSignature,
    /// A TAC that the card cannot have made.
    TacWrong,
    /// A purchase or load that took place by the card's log, without its TAC.
    TacMissing,
    /// A card that is another person's than the record or the request says.
    HolderMismatch,
    /// The same load name with another request.
    LoadConflict,
    /// A card whose online serial shows that a load said to be abandoned took place.
    LoadDenied,
    /// One purchase of a card, presented under two names.
    PurchaseTwice,
    /// A certification, payment or enrolment after the person's death was reported.
    ClaimAfterDeath,
    /// Three fingers or more did not match, and staff let the person pass.
    ManualAfterNoMatch,
    /// One clerk let more people pass in a day than is believable.
    ManyManualPasses,
    /// One person in two places, in less time than anybody travels.
    FarApart,
    /// A finger, enrolled shortly before, on a card that had long been without: its first claim.
    FreshFinger,
    /// A month's pension, paid out a second time.
    PensionTwice,
    /// A pension that a terminal says it paid out and that was not booked.
    PensionUnbooked,
    /// Money for contributions that a terminal says it took and that was not booked.
    ContributionUnbooked,
    /// The case of a terminal's reader was opened.
    ReaderOpened,
    /// A terminal's reader does not prove to be the one that was paired with it.
    ReaderReplaced,
    /// More alarms of this terminal than are kept one by one.
    TooMany,
}

impl AlarmKind {
    /// Those that tell of false claims (冒领).
    pub const FALSE_CLAIMS: &[Self] = &[
        Self::ClaimAfterDeath,
        Self::ManualAfterNoMatch,
        Self::ManyManualPasses,
        Self::FarApart,
        Self::FreshFinger,
        Self::PensionTwice,
        Self::PensionUnbooked,
    ];
}

/// An alarm as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmRow {
    /// Number of the alarm.
    pub number: u64,
    /// When it was first raised.
    pub at: Timestamp,
    /// When it was last raised.
    pub last_at: Timestamp,
    /// How often.
    pub count: u64,
    /// What it is.
    pub alarm: Alarm,
}

/// A record as it is listed: no person, no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSummary {
    /// Whose.
    pub terminal: TerminalId,
    /// Its link.
    pub link: Link,
    /// What happened.
    pub kind: Kind,
    /// By the terminal's clock.
    pub made_at: Timestamp,
    /// The amounts.
    pub totals: Totals,
    /// Whether a card stands behind it.
    pub proof: Proof,
}

/// What the center holds in a span of a terminal's chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Sums over the booked records.
    pub totals: Totals,
    /// Last sequence of the whole chain, 0 before the first.
    pub head: u64,
    /// Refused and conflicting transactions, in the order of the chain.
    pub disputed: Vec<TransactionId>,
}

/// How a reconciliation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconciliationRow {
    /// Whose.
    pub terminal: TerminalId,
    /// First sequence.
    pub from_sequence: u64,
    /// Last sequence.
    pub to_sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Whether both sides agreed.
    pub equal: bool,
    /// How many outcomes the terminal did not know.
    pub unresolved: u64,
}

/// A blocked card.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BlockedCard {
    /// Card identification code without its MAC.
    pub card: [u8; 12],
    /// Why.
    pub reason: BlockReason,
    /// Since when.
    pub since: Timestamp,
}

/// A terminal that may be enrolled or is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalRow {
    /// Its number.
    pub terminal: TerminalId,
    /// Institution that it stands in.
    pub institution: Institution,
    /// Key that signs its records, once enrolled.
    pub identity: Option<PublicKey>,
    /// Blocked by the center's staff.
    pub blocked: bool,
    /// When it was enrolled.
    pub enrolled_at: Option<Timestamp>,
}

/// An institution (定点机构).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Institution {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Hospital level, 0 to 3.
    pub level: u8,
}

/// A one-time code, by its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeRow {
    /// SHA-256 of the code.
    pub digest: Digest,
    /// The terminal that it is for.
    pub terminal: TerminalId,
    /// Where the terminal will stand.
    pub institution: Institution,
    /// When it was made.
    pub made_at: Timestamp,
    /// Not valid from then on.
    pub expires_at: Timestamp,
}

/// A client certificate that this center has issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRow {
    /// SHA-256 of its DER.
    pub fingerprint: Digest,
    /// Whose.
    pub terminal: TerminalId,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Not valid from then on.
    pub expires_at: Timestamp,
    /// Issued to an identity key that the terminal no longer has.
    pub revoked: bool,
}

/// One set of limits with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsRow {
    /// The limits.
    pub limits: OfflineLimits,
    /// For one terminal, or for all.
    pub terminal: Option<TerminalId>,
    /// In force from then.
    pub from: Timestamp,
    /// Replaced then.
    pub until: Option<Timestamp>,
}

/// All rules with their revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesRows {
    /// Rises with every change.
    pub revision: u64,
    /// All documents, by their first day.
    pub documents: Vec<RulesDocument>,
}

/// One line of the audit log: who did what to what, never about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// When.
    pub at: Timestamp,
    /// Who: `staff`, or a terminal number.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what: a terminal number, a version, a count.
    pub subject: String,
}

/// What an import changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Entries read.
    pub read: u64,
    /// Entries that were new or different.
    pub changed: u64,
}

/// One person of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedPerson {
    /// The entry.
    pub person: protocol::feed::Person,
    /// Whether the year's sums of an entry that is already there are replaced, too.
    pub with_sums: bool,
}

// These hold whom a record concerns. A line of a log, a failed assertion or a panic shows none of it.

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("kind", &self.kind)
            .field("made_at", &self.made_at)
            .field("totals", &self.totals)
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NewRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewRecord")
            .field("sequence", &self.sequence)
            .field("id", &self.id)
            .field("digest", &self.digest)
            .field("outcome", &self.outcome)
            .field("facts", &self.facts)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PersonYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonYear")
            .field("year", &self.year)
            .field("added", &self.added)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RefundRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefundRow").field("of", &self.of).field("owed", &self.owed).finish_non_exhaustive()
    }
}

impl fmt::Debug for PurchaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PurchaseKey").field("serial", &self.serial).finish_non_exhaustive()
    }
}

impl fmt::Debug for HolderRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HolderRow").field("since", &self.since).finish_non_exhaustive()
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm")
            .field("kind", &self.kind)
            .field("terminal", &self.terminal)
            .field("sequence", &self.sequence)
            .field("digest", &self.digest)
            .field("id", &self.id)
            .field("evidence_bytes", &self.evidence.as_ref().map(String::len))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_personal_shows_in_debug() {
        let person = 11_010_519_491_231_002;
        let facts = Facts {
            kind: Kind::Load,
            made_at: Timestamp(1),
            person: Some(person),
            totals: Totals::default(),
            proof: Proof::NotNeeded,
        };
        let record = NewRecord {
            sequence: 1,
            id: None,
            digest: Digest::default(),
            outcome: Outcome::Booked,
            facts,
            signature: Signature([0; 64]),
            body: "11010519491231002X",
        };
        let id = TransactionId([1; 16]);
        let alarm = Alarm {
            kind: AlarmKind::ChainBroken,
            terminal: TerminalId::from_bcd([0; 6]).unwrap_or_else(|_| unreachable!()),
            sequence: 1,
            digest: Digest::default(),
            id: None,
            evidence: Some("11010519491231002X".into()),
        };
        let said = format!(
            "{record:?} {:?} {:?} {alarm:?}",
            PersonYear { person, year: 2026, added: Accumulation::default() },
            RefundRow { of: id, person, owed: Fen(5) },
        );
        assert!(!said.contains("1949"), "{said}");
        assert!(said.contains("body_bytes: 18") && said.contains("evidence_bytes: Some(18)"), "{said}");
    }
}
