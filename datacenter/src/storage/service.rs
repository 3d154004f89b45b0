//! What public service keeps: public documents, and what people ask about themselves.

use std::fmt;

use card_spec::region::RegionCode;
use protocol::{
    calendar::Period,
    feed::BlockReason,
    id::{TerminalId, TransactionId},
    service::{
        Contribution, Desk, Document, DocumentChange, DocumentKind, Due, Seeker, Subject, Unemployment,
        document::Place,
    },
    signature::Digest,
    timestamp::Timestamp,
};

use super::{
    StorageResult,
    benefits::PaymentRow,
    rows::{HolderRow, Kind},
};

/// Public documents as an ordered stream of changes, beside that of people and cards.
pub trait Publications: Send + Sync {
    /// Writes documents, new or changed; what is there just so makes no change. Returns how many changed.
    fn put_documents(&self, documents: &[Document]) -> StorageResult<u64>;

    /// Takes out every document of a kind whose code is not among these. Returns how many were there.
    fn keep_documents(&self, kind: DocumentKind, codes: &[String]) -> StorageResult<u64>;

    /// All documents, by kind and code.
    fn documents(&self) -> StorageResult<Vec<Document>>;

    /// Changes after a cursor, at most `count_max`, each with its cursor, rising.
    fn document_changes(&self, after: u64, count_max: usize) -> StorageResult<Vec<(u64, DocumentChange)>>;

    /// Cursor of the newest change, 0 when there is none.
    fn newest_document(&self) -> StorageResult<u64>;
}

/// What people ask about themselves, beside people and pensions.
pub trait Affairs: Send + Sync {
    /// Writes contributions; the same person, month and insurance replaces. Returns how many changed.
    fn put_contributions(&self, rows: &[(u64, Contribution)]) -> StorageResult<u64>;

    /// Contributions of months from `from` to `until`, the latest month first, then by insurance.
    fn contributions(&self, person: u64, from: Period, until: Period) -> StorageResult<Vec<Contribution>>;

    /// First and last month with contributions, and how many months of one insurance are paid; `None` when there
    /// are none.
    fn contributed(&self, person: u64) -> StorageResult<Option<Contributed>>;

    /// Replaces what is due from people: each person named has just these dues afterwards, except those that a
    /// terminal's payment has paid: a list that was made before it opens none of them again.
    fn put_dues(&self, people: &[u64], rows: &[(u64, Due)]) -> StorageResult<()>;

    /// What is due from a person, the earliest day first, at most `count_max`.
    fn dues(&self, person: u64, count_max: usize) -> StorageResult<Vec<Due>>;

    /// Writes claims of unemployment benefit, one for each person. Returns how many changed.
    fn put_unemployment(&self, rows: &[(u64, Unemployment)]) -> StorageResult<u64>;

    /// A person's claim of unemployment benefit.
    fn unemployment(&self, person: u64) -> StorageResult<Option<Unemployment>>;

    /// Writes digests of people's names. Returns how many changed.
    fn put_names(&self, rows: &[(u64, Digest)]) -> StorageResult<u64>;

    /// The digest of a person's name.
    fn name(&self, person: u64) -> StorageResult<Option<Digest>>;

    /// Writes a registration of somebody who seeks work, or takes it out.
    fn set_seeker(&self, person: u64, seeker: Option<&Seeker>) -> StorageResult<()>;

    /// A registration of somebody who seeks work.
    fn seeker(&self, person: u64) -> StorageResult<Option<Seeker>>;

    /// The newest registrations, newest first.
    fn seekers(&self, count_max: usize) -> StorageResult<Vec<(u64, Seeker)>>;

    /// Booked records that concern a person, the newest first, at most `count_max`, after `before` (time and number
    /// of the last one of the page before).
    fn records_of(
        &self,
        person: u64,
        concern: Concern,
        before: Option<(Timestamp, u64)>,
        count_max: usize,
    ) -> StorageResult<Vec<PersonRecord>>;

    /// Months of a pension that were paid, the latest first, before `before`, at most `count_max`.
    fn payments_of(
        &self,
        person: u64,
        before: Option<Period>,
        count_max: usize,
    ) -> StorageResult<Vec<PaymentRow>>;

    /// When a person was last certified at a terminal.
    fn last_certified(&self, person: u64) -> StorageResult<Option<Timestamp>>;

    /// Whose a card is.
    fn holder(&self, card: [u8; 12]) -> StorageResult<Option<HolderRow>>;

    /// A person's cards, the latest first, at most `count_max`.
    fn cards_of(&self, person: u64, count_max: usize) -> StorageResult<Vec<PersonCard>>;

    /// Money of cancelled settlements that is owed to a person.
    fn owed(&self, person: u64) -> StorageResult<card_spec::money::Fen>;

    /// Locks cards as lost and writes the report down, all or nothing; cards blocked before stay as they are.
    fn report_loss(&self, report: &NewLoss, cards: &[[u8; 12]]) -> StorageResult<LossRow>;

    /// The newest reports of loss, newest first.
    fn losses(&self, count_max: usize) -> StorageResult<Vec<LossRow>>;
}

/// Who asked about whom, and what terminals stand for.
pub trait Asking: Send + Sync {
    /// Writes down who asked what about whom, and how it ended.
    fn note_asked(&self, row: &AskedRow) -> StorageResult<()>;

    /// How much was asked since the times given.
    fn asked_since(
        &self,
        terminal: TerminalId,
        person: u64,
        hour_ago: Timestamp,
        day_ago: Timestamp,
    ) -> StorageResult<AskedCounts>;

    /// The newest questions, of one person or of all, newest first.
    fn asked(&self, person: Option<u64>, count_max: usize) -> StorageResult<Vec<AskedRow>>;

    /// Forgets questions from before a time, the oldest first, at most `count_max`. Returns how many.
    fn purge_asked(&self, before: Timestamp, count_max: usize) -> StorageResult<u64>;

    /// Writes down what a terminal stands for and in which district.
    fn set_desk(&self, row: &DeskRow) -> StorageResult<()>;

    /// What a terminal stands for.
    fn desk(&self, terminal: TerminalId) -> StorageResult<Option<DeskRow>>;

    /// Where a terminal stands.
    fn place(&self, terminal: TerminalId) -> StorageResult<Option<Place>>;
}

/// All of it.
pub trait PublicService: Publications + Affairs + Asking {}

impl<T: Publications + Affairs + Asking> PublicService for T {}

/// Which of a person's records are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Loads, and settlements and cancellations that moved account money.
    Account,
    /// Settlements.
    Treatments,
}

/// What there is of a person's contributions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contributed {
    /// First month.
    pub earliest: Period,
    /// Last month.
    pub latest: Period,
    /// Months of unemployment insurance that are paid.
    pub unemployment_months: u32,
}

/// A booked record that concerns a person; `Debug` leaves the body out.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonRecord {
    /// Number in the order of booking.
    pub number: u64,
    /// The record.
    pub id: TransactionId,
    /// What happened.
    pub kind: Kind,
    /// By the terminal's clock.
    pub made_at: Timestamp,
    /// Name of the terminal's institution.
    pub institution: String,
    /// Grade of the terminal's institution.
    pub level: u8,
    /// The body, verbatim.
    pub body: String,
    /// For a settlement: the cancellation that took it back.
    pub cancelled_by: Option<TransactionId>,
}

/// One card of a person; `Debug` leaves the card out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PersonCard {
    /// Card identification code without its MAC.
    pub card: [u8; 12],
    /// Since when the center knows it.
    pub since: Timestamp,
    /// Why it is blocked, and since when.
    pub blocked: Option<(BlockReason, Timestamp)>,
}

/// A report of loss on its way in; `Debug` leaves the person out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NewLoss {
    /// `PersonNumber::key`.
    pub person: u64,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub terminal: TerminalId,
    /// Whether a card of the person was shown.
    pub shown: bool,
}

/// A report of loss; `Debug` leaves the person out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LossRow {
    /// Number of the report.
    pub number: u64,
    /// What was reported.
    pub report: NewLoss,
    /// Cards that it locked.
    pub locked: u32,
    /// Cards that were blocked before.
    pub before: u32,
}

/// One question about a person; `Debug` leaves the person out.
#[derive(Clone, PartialEq, Eq)]
pub struct AskedRow {
    /// When.
    pub at: Timestamp,
    /// Which terminal.
    pub terminal: TerminalId,
    /// `PersonNumber::key`.
    pub person: u64,
    /// What about.
    pub subject: Subject,
    /// How it ended.
    pub ending: Ending,
    /// Number of the operator at the desk, where one attended.
    pub operator: Option<String>,
}

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Answered.
    Answered,
    /// The desk has no right to it.
    NoRight,
    /// No proof that the holder was there, or another person's card.
    NotShown,
    /// The card is blocked.
    CardBlocked,
    /// Asked too often.
    TooMany,
    /// The name is not the one that the center has.
    NotThisName,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Answered, Self::NoRight, Self::NotShown, Self::CardBlocked, Self::TooMany, Self::NotThisName];

    /// Its name in lists and in the storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::NoRight => "no_right",
            Self::NotShown => "not_shown",
            Self::CardBlocked => "card_blocked",
            Self::TooMany => "too_many",
            Self::NotThisName => "not_this_name",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ending| ending.name() == name)
    }
}

/// How much was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskedCounts {
    /// Answers about this person in the last hour.
    pub about_person: u64,
    /// Questions by this terminal in the last hour, however they ended.
    pub by_terminal: u64,
    /// Wrong names for this person in the last day.
    pub wrong_names_person: u64,
    /// Wrong names told by this terminal in the last hour.
    pub wrong_names_terminal: u64,
}

/// What a terminal stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeskRow {
    /// Which terminal.
    pub terminal: TerminalId,
    /// What it stands for.
    pub desk: Desk,
    /// Where.
    pub district: Option<RegionCode>,
}

impl fmt::Debug for PersonRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonRecord")
            .field("number", &self.number)
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("made_at", &self.made_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PersonCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonCard")
            .field("since", &self.since)
            .field("blocked", &self.blocked)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NewLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewLoss")
            .field("at", &self.at)
            .field("terminal", &self.terminal)
            .field("shown", &self.shown)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LossRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LossRow")
            .field("number", &self.number)
            .field("report", &self.report)
            .field("locked", &self.locked)
            .field("before", &self.before)
            .finish()
    }
}

impl fmt::Debug for AskedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskedRow")
            .field("at", &self.at)
            .field("terminal", &self.terminal)
            .field("subject", &self.subject)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}
