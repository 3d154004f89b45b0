//! The storage, behind narrow traits that take and give batches.
//!
//! One implementation keeps everything in an SQLite file; [`conformance`] is what every further one has to
//! pass. All calls block; the HTTP side runs them on threads that may.
//!
//! Reads see the last commit. Everything that changes money runs inside one [`Transaction`]: it is done
//! whole and on disk when [`Book::transact`] returns, or not at all.

use std::fmt;

use card_spec::money::Fen;
use protocol::{
    feed::{BlockReason, Change, Person},
    id::{TerminalId, TransactionId},
    limits::OfflineLimits,
    rules::RulesDocument,
    signature::{Digest, PublicKey, Signed},
    timestamp::Timestamp,
    upload::ChainHead,
};

pub mod benefits;
pub mod conformance;
pub mod contributions;
pub mod rows;
pub mod service;
pub mod sqlite;

use rows::{
    Alarm, AlarmKind, AlarmRow, AuditRow, BlockedCard, CertificateRow, CodeRow, Held, HolderRow,
    ImportedPerson, Institution, LimitsRow, Link, LoadRow, LoadState, NewRecord, PersonYear, PurchaseKey,
    PurchaseRow, ReceiptRow, ReconciliationRow, RecordSummary, RefundRow, RulesRows, Span, TerminalRow,
};

/// Result of a storage call.
pub type StorageResult<T> = Result<T, StorageError>;

/// Work done inside one transaction.
pub type Work<'a> = &'a mut dyn FnMut(&mut dyn Transaction) -> StorageResult<()>;

/// Why the storage did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StorageError {
    /// No room left on the disk or in the file's quota; nothing was changed. For the installer.
    Full,
    /// Another program holds the storage for longer than we wait; nothing was changed. For the installer.
    Busy,
    /// The file is of a layout that this program does not know. For the installer.
    Layout {
        /// The layout that this program writes.
        expected: u32,
        /// The layout found.
        got: u32,
    },
    /// The file is damaged or holds what this program would not have written. For the installer.
    Damaged {
        /// What was wrong; holds no personal data.
        detail: String,
    },
    /// Anything else that the database says; the transaction was rolled back.
    Failed {
        /// The database's code and message without values.
        detail: String,
    },
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the disk is full"),
            Self::Busy => f.write_str("another program holds the storage"),
            Self::Layout { expected, got } => {
                write!(f, "the storage has layout {got}, this program knows {expected}")
            }
            Self::Damaged { detail } => write!(f, "the storage is damaged: {detail}"),
            Self::Failed { detail } => write!(f, "the storage failed: {detail}"),
        }
    }
}

impl std::error::Error for StorageError {}

/// What a transaction can read and change. Reads see the transaction's own changes.
pub trait Transaction: benefits::Claims + contributions::DueDesk {
    /// Where the center's copy of a terminal's chain ends; sequence 0 and zeros before the first record.
    fn head(&mut self, terminal: TerminalId) -> StorageResult<(u64, Digest)>;

    /// The links of a span, both ends included, in the order of the chain.
    fn links(&mut self, terminal: TerminalId, from: u64, to: u64) -> StorageResult<Vec<Link>>;

    /// Which of these ids are taken by booked or refused records.
    fn taken(&mut self, ids: &[TransactionId]) -> StorageResult<Vec<TransactionId>>;

    /// The records of these ids, with their bodies; unknown ids are left out.
    fn held(&mut self, ids: &[TransactionId]) -> StorageResult<Vec<Held>>;

    /// Which of these cards are blocked.
    fn blocked(&mut self, cards: &[[u8; 12]]) -> StorageResult<Vec<BlockedCard>>;

    /// People by key; whoever is unknown or has left is left out.
    fn people(&mut self, keys: &[u64]) -> StorageResult<Vec<Person>>;

    /// Whose these cards are; cards never seen are left out.
    fn holders(&mut self, cards: &[[u8; 12]]) -> StorageResult<Vec<HolderRow>>;

    /// Writes down whose cards are, new or changed.
    fn put_holders(&mut self, holders: &[HolderRow]) -> StorageResult<()>;

    /// Receipts by their numbers, in the order of the numbers; unknown numbers are left out.
    fn receipts(&mut self, numbers: &[u64]) -> StorageResult<Vec<Signed>>;

    /// The number of the next receipt. Taken for good when the transaction commits.
    fn next_receipt(&mut self) -> StorageResult<u64>;

    /// Appends records to the end of a terminal's chain, under one receipt.
    fn append(
        &mut self,
        terminal: TerminalId,
        records: &[NewRecord<'_>],
        receipt: &ReceiptRow,
    ) -> StorageResult<()>;

    /// Marks settlements as cancelled: (settlement, cancellation).
    fn cancel(&mut self, pairs: &[(TransactionId, TransactionId)]) -> StorageResult<()>;

    /// Adds to people's years as [`Person::accumulate`] does; unknown people are passed over. Every entry
    /// that changes moves to the end of the feed.
    fn accumulate(&mut self, changes: &[PersonYear]) -> StorageResult<()>;

    /// Money that the center holds for people; people without any are left out.
    fn credits(&mut self, people: &[u64]) -> StorageResult<Vec<(u64, Fen)>>;

    /// Adds to (or takes from) the money that the center holds for people.
    fn add_credits(&mut self, changes: &[(u64, Fen)]) -> StorageResult<()>;

    /// Refunds owed since these cancellations.
    fn refunds(&mut self, of: &[TransactionId]) -> StorageResult<Vec<RefundRow>>;

    /// Writes refunds, new or changed.
    fn put_refunds(&mut self, refunds: &[RefundRow]) -> StorageResult<()>;

    /// Granted loads by name.
    fn loads(&mut self, ids: &[TransactionId]) -> StorageResult<Vec<LoadRow>>;

    /// All granted loads of a card, oldest first. `card_id` is its identification code in either case, with
    /// or without its MAC (32 or 24 hexadecimal digits).
    fn loads_of_card(&mut self, card_id: &str) -> StorageResult<Vec<LoadRow>>;

    /// Writes granted loads, new or changed.
    fn put_loads(&mut self, loads: &[LoadRow]) -> StorageResult<()>;

    /// Moves granted loads on.
    fn set_load_states(&mut self, states: &[(TransactionId, LoadState)]) -> StorageResult<()>;

    /// Purchases that were booked, or refused though the card was debited, by what the card knows them by.
    fn purchases(&mut self, keys: &[PurchaseKey]) -> StorageResult<Vec<PurchaseRow>>;

    /// Writes purchases down; fails when one is there already.
    fn add_purchases(&mut self, purchases: &[PurchaseRow]) -> StorageResult<()>;

    /// Raises alarms. The same alarm again only counts.
    fn raise(&mut self, at: Timestamp, alarms: &[Alarm]) -> StorageResult<()>;
}

/// Records, receipts and what follows from them.
pub trait Book: Send + Sync {
    /// Runs work inside one transaction; whatever the work returns as an error rolls everything back.
    fn transact(&self, work: Work<'_>) -> StorageResult<()>;

    /// Where the center's copy of a terminal's chain ends.
    fn chain_head(&self, terminal: TerminalId, now: Timestamp) -> StorageResult<ChainHead>;

    /// Sums over a span and what is disputed in it, at most `disputed_max` of it.
    fn span(&self, terminal: TerminalId, from: u64, to: u64, disputed_max: usize) -> StorageResult<Span>;

    /// Notes how a reconciliation ended.
    fn note_reconciliation(&self, row: &ReconciliationRow) -> StorageResult<()>;

    /// The newest records, of one terminal or of all, newest first.
    fn records(&self, terminal: Option<TerminalId>, count_max: usize) -> StorageResult<Vec<RecordSummary>>;

    /// The newest receipts, newest first.
    fn receipts(&self, terminal: Option<TerminalId>, count_max: usize) -> StorageResult<Vec<ReceiptRow>>;

    /// Refunds that a person is still owed, at most `count_max`.
    fn refunds_of(&self, person: u64, count_max: usize) -> StorageResult<Vec<RefundRow>>;

    /// The newest alarms, newest first.
    fn alarms(&self, count_max: usize) -> StorageResult<Vec<AlarmRow>>;

    /// The newest alarms of these kinds, newest first.
    fn alarms_of(&self, kinds: &[AlarmKind], count_max: usize) -> StorageResult<Vec<AlarmRow>>;
}

/// People and cards as an ordered stream of changes.
pub trait Feed: Send + Sync {
    /// Generation of the stream, never 0.
    fn epoch(&self) -> StorageResult<u64>;

    /// Starts a new generation: every cache starts again from nothing.
    fn set_epoch(&self, epoch: u64) -> StorageResult<()>;

    /// Changes after a cursor, at most `count_max`, each with its cursor, rising.
    fn changes(&self, after: u64, count_max: usize) -> StorageResult<Vec<(u64, Change)>>;

    /// Cursor of the newest change, 0 when there is none.
    fn newest(&self) -> StorageResult<u64>;

    /// Writes people; entries that are already there just so make no change. Returns how many changed. `at` is
    /// since when a state that changes counts.
    fn put_people(&self, people: &[ImportedPerson], at: Timestamp) -> StorageResult<u64>;

    /// Takes people out, and their pensions. Returns how many were there.
    fn remove_people(&self, keys: &[u64]) -> StorageResult<u64>;

    /// One person.
    fn person(&self, key: u64) -> StorageResult<Option<Person>>;

    /// How many people there are.
    fn people_count(&self) -> StorageResult<u64>;

    /// Blocks cards or frees them (`None`). Returns how many changed.
    fn set_cards(&self, cards: &[([u8; 12], Option<BlockReason>)], at: Timestamp) -> StorageResult<u64>;

    /// Why a card is blocked; `None` when it is not.
    fn card_blocked(&self, card: [u8; 12]) -> StorageResult<Option<BlockReason>>;

    /// How many cards are blocked.
    fn blocked_count(&self) -> StorageResult<u64>;
}

/// Rules and limits.
pub trait Documents: Send + Sync {
    /// Adds a version of the rules or replaces the one of that name. Returns the new revision.
    fn put_rules(&self, document: &RulesDocument) -> StorageResult<u64>;

    /// All versions of the rules.
    fn rules(&self) -> StorageResult<RulesRows>;

    /// Sets limits for a terminal or for all; the storage gives the version, which is returned.
    fn set_limits(
        &self,
        terminal: Option<TerminalId>,
        limits: &OfflineLimits,
        at: Timestamp,
    ) -> StorageResult<u64>;

    /// Every set of limits that concerns a terminal: its own and the common ones, newest first.
    fn limits(&self, terminal: TerminalId) -> StorageResult<Vec<LimitsRow>>;

    /// Every common set of limits, newest first.
    fn common_limits(&self) -> StorageResult<Vec<LimitsRow>>;
}

/// Terminals, codes and certificates.
pub trait Terminals: Send + Sync {
    /// Keeps a one-time code.
    fn put_code(&self, code: &CodeRow) -> StorageResult<()>;

    /// Uses a code up and enrols its terminal, all or nothing. `None` when the code is unknown, for another
    /// terminal, out of date, or used by another identity. The same identity may use it again, since an
    /// answer can get lost. Certificates of an earlier identity are revoked.
    fn redeem_code(
        &self,
        digest: Digest,
        terminal: TerminalId,
        identity: PublicKey,
        at: Timestamp,
    ) -> StorageResult<Option<Institution>>;

    /// One terminal.
    fn terminal(&self, terminal: TerminalId) -> StorageResult<Option<TerminalRow>>;

    /// All terminals, by number.
    fn terminals(&self) -> StorageResult<Vec<TerminalRow>>;

    /// Blocks a terminal or lets it work again; `false` when it is unknown.
    fn set_blocked(&self, terminal: TerminalId, blocked: bool) -> StorageResult<bool>;

    /// Keeps an issued certificate.
    fn put_certificate(&self, certificate: &CertificateRow) -> StorageResult<()>;

    /// A certificate by its fingerprint.
    fn certificate(&self, fingerprint: Digest) -> StorageResult<Option<CertificateRow>>;
}

/// The audit log.
pub trait Audit: Send + Sync {
    /// Adds a line.
    fn note(&self, row: &AuditRow) -> StorageResult<()>;

    /// The newest lines, newest first.
    fn audit(&self, count_max: usize) -> StorageResult<Vec<AuditRow>>;
}

/// All of the above in one database.
pub trait Storage:
    Book
    + Feed
    + Documents
    + Terminals
    + Audit
    + benefits::Pensions
    + contributions::Contributions
    + service::PublicService
{
}

impl<T> Storage for T where
    T: Book
        + Feed
        + Documents
        + Terminals
        + Audit
        + benefits::Pensions
        + contributions::Contributions
        + service::PublicService
{
}
