//! Contributions that are due: set aside, paid, taken back; and pensions that were not booked.

use std::fmt;

use card_spec::money::Fen;
use protocol::{
    id::{TerminalId, TransactionId},
    record::PaidBy,
    service::Due,
    timestamp::Timestamp,
    upload::RefusalReason,
};

use super::StorageResult;

/// What a transaction can read and change of dues and payments.
pub trait DueDesk {
    /// What is due from a person, also what is set aside.
    fn due_now(&mut self, person: u64) -> StorageResult<Vec<Due>>;

    /// What is set aside of a person's dues.
    fn held_of(&mut self, person: u64) -> StorageResult<Vec<HeldDue>>;

    /// What is set aside under these names.
    fn held_under(&mut self, ids: &[TransactionId]) -> StorageResult<Vec<HeldDue>>;

    /// Sets dues aside. Fails when one is set aside already: what makes a due one payment's alone.
    fn hold(&mut self, rows: &[HeldDue]) -> StorageResult<()>;

    /// Frees what is set aside under these names.
    fn free(&mut self, ids: &[TransactionId]) -> StorageResult<u64>;

    /// Which of a person's dues are paid, by which payment and when it was made.
    fn paid_of(&mut self, person: u64, dues: &[Due]) -> StorageResult<Vec<(Due, TransactionId, Timestamp)>>;

    /// Payments by their names; unknown ones are left out.
    fn contribution_payments(&mut self, ids: &[TransactionId]) -> StorageResult<Vec<TakenRow>>;

    /// Writes a payment down: its dues are due and set aside no more, and stand in the record of contributions. Fails
    /// when one of them is paid already: what makes a contribution paid exactly once.
    fn add_contribution(&mut self, row: &TakenRow) -> StorageResult<()>;

    /// Takes a payment back: its dues are due again, and the record of contributions says what it said before, where
    /// nothing else has changed it since.
    fn reverse_contribution(
        &mut self,
        of: TransactionId,
        by: TransactionId,
        at: Timestamp,
    ) -> StorageResult<()>;
}

/// Payments of contributions outside of booking.
pub trait Contributions: Send + Sync {
    /// What is set aside of one person's dues, or of all, the oldest first.
    fn held_dues(&self, person: Option<u64>, count_max: usize) -> StorageResult<Vec<HeldDue>>;

    /// Payments of one person, or of all, the newest first.
    fn contributions_taken(&self, person: Option<u64>, count_max: usize) -> StorageResult<Vec<TakenRow>>;

    /// Pensions of these terminals that were not booked, the newest first, before a number of the books.
    fn failed_pensions(
        &self,
        terminals: &[TerminalId],
        before: Option<u64>,
        count_max: usize,
    ) -> StorageResult<Vec<FailedRow>>;

    /// Certifications at home, the newest first.
    fn home_visits(&self, count_max: usize) -> StorageResult<Vec<HomeVisitRow>>;
}

/// A due that is set aside for one payment; `Debug` leaves the person out.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldDue {
    /// `PersonNumber::key`.
    pub person: u64,
    /// The due, as it was when it was set aside.
    pub due: Due,
    /// The payment.
    pub id: TransactionId,
    /// The terminal.
    pub terminal: TerminalId,
    /// Operator number.
    pub operator: String,
    /// Since when.
    pub at: Timestamp,
}

/// A payment of contributions; `Debug` leaves the person out.
#[derive(Clone, PartialEq, Eq)]
pub struct TakenRow {
    /// The record.
    pub id: TransactionId,
    /// `PersonNumber::key`.
    pub person: u64,
    /// The terminal.
    pub terminal: TerminalId,
    /// Operator number.
    pub operator: String,
    /// When it was made.
    pub at: Timestamp,
    /// What for; of a payment that was taken back, nothing.
    pub dues: Vec<Due>,
    /// The sum.
    pub amount: Fen,
    /// How.
    pub paid_by: PaidBy,
    /// What took it back, and when.
    pub reversed: Option<(TransactionId, Timestamp)>,
}

/// A pension that was not booked; `Debug` leaves the body out.
#[derive(Clone, PartialEq, Eq)]
pub struct FailedRow {
    /// Number in the order of the books.
    pub number: u64,
    /// The terminal.
    pub terminal: TerminalId,
    /// Place in its chain.
    pub sequence: u64,
    /// Why; `None` for a conflict of names.
    pub reason: Option<RefusalReason>,
    /// The body, verbatim.
    pub body: String,
}

/// A certification at home; `Debug` leaves the person out.
#[derive(Clone, PartialEq, Eq)]
pub struct HomeVisitRow {
    /// The record.
    pub id: TransactionId,
    /// `PersonNumber::key`.
    pub person: u64,
    /// The terminal.
    pub terminal: TerminalId,
    /// Who was there.
    pub operator: String,
    /// When the holder was known.
    pub at: Timestamp,
}

impl fmt::Debug for HeldDue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldDue")
            .field("due", &self.due)
            .field("id", &self.id)
            .field("terminal", &self.terminal)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TakenRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakenRow")
            .field("id", &self.id)
            .field("terminal", &self.terminal)
            .field("at", &self.at)
            .field("dues", &self.dues)
            .field("amount", &self.amount)
            .field("paid_by", &self.paid_by)
            .field("reversed", &self.reversed)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FailedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedRow")
            .field("number", &self.number)
            .field("terminal", &self.terminal)
            .field("sequence", &self.sequence)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for HomeVisitRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HomeVisitRow")
            .field("id", &self.id)
            .field("terminal", &self.terminal)
            .field("operator", &self.operator)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
