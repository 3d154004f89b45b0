//! Pensions, certifications, and what supervision has to know of claims.

use std::fmt;

use card_spec::money::Fen;
use protocol::{
    calendar::{Day, Period},
    feed::PersonState,
    id::{TerminalId, TransactionId},
    pension::{Earlier, Pension, Schedule},
    policy::ProofPolicy,
    timestamp::Timestamp,
};

use super::{StorageResult, rows::Kind};

/// What a booking transaction can read and change of pensions and claims.
pub trait Claims {
    /// Pensions by person; people without one are left out.
    fn pensions(&mut self, people: &[u64]) -> StorageResult<Vec<Pension>>;

    /// What pensions were before they changed, by person; of each, for the months that are not paid, in order.
    fn earlier_amounts(&mut self, people: &[u64]) -> StorageResult<Vec<(u64, Earlier)>>;

    /// Writes pensions, new or changed; entries that change move to the end of the feed.
    fn put_pensions(&mut self, pensions: &[Pension]) -> StorageResult<()>;

    /// Payments by person and month; months that are not paid are left out.
    fn payments(&mut self, months: &[(u64, Period)]) -> StorageResult<Vec<PaymentRow>>;

    /// Writes payments down. Fails when a person's month is paid already: what makes a payment exactly-once.
    fn add_payments(&mut self, payments: &[PaymentRow]) -> StorageResult<()>;

    /// How the states of people have changed, of each the oldest first; who was always insured is left out.
    fn standings(&mut self, people: &[u64]) -> StorageResult<Vec<StandingRow>>;

    /// The newest claims of people, at most `each_max` of each, in the order of their time.
    fn claims(&mut self, people: &[u64], each_max: usize) -> StorageResult<Vec<ClaimRow>>;

    /// Writes claims down.
    fn add_claims(&mut self, claims: &[ClaimRow]) -> StorageResult<()>;

    /// How many people a clerk of a terminal let pass in `from..until`.
    fn manual_passes(
        &mut self,
        terminal: TerminalId,
        clerk: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> StorageResult<u64>;

    /// Where terminals stand; those whose place is not known are left out.
    fn places(&mut self, terminals: &[TerminalId]) -> StorageResult<Vec<PlaceRow>>;
}

/// Pensions outside of booking: import, lists, the policy.
pub trait Pensions: Send + Sync {
    /// Takes over what an import says of pensions. Returns how many changed.
    ///
    /// An amount with a month holds from that month on, and months before keep theirs; one without a month holds for
    /// every month that is not paid, unless it is known already.
    /// What is known is never turned back: of two first unpaid months the later counts, of two ends of a
    /// certification the later. A pension of nothing ends it; one of a person who has none begins it.
    /// People whose pension would begin without a first unpaid month are passed over.
    fn put_plans(&self, plans: &[ImportedPension]) -> StorageResult<u64>;

    /// One person's pension.
    fn pension(&self, person: u64) -> StorageResult<Option<Pension>>;

    /// The same with its amounts by month.
    fn schedule(&self, person: u64) -> StorageResult<Option<Schedule>>;

    /// Pensions with an unpaid month up to `period`, those of the earliest month first.
    fn pensions_due(&self, period: Period, count_max: usize) -> StorageResult<Vec<Pension>>;

    /// Pensions whose certification ends on `last` or before, or never began; the earliest first.
    fn certifications_due(&self, last: Day, count_max: usize) -> StorageResult<Vec<Pension>>;

    /// How many were paid for a month, and how much.
    fn paid(&self, period: Period) -> StorageResult<(u64, Fen)>;

    /// Sets the policy of proofs; the storage gives the version, which is returned.
    fn set_policy(&self, policy: &ProofPolicy, at: Timestamp) -> StorageResult<u64>;

    /// Every policy there was, newest first.
    fn policies(&self) -> StorageResult<Vec<PolicyRow>>;

    /// Writes down where a terminal stands.
    fn set_place(&self, place: &PlaceRow) -> StorageResult<()>;
}

/// A month's pension that was paid; `Debug` leaves the person out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PaymentRow {
    /// `PersonNumber::key`.
    pub person: u64,
    /// The month.
    pub period: Period,
    /// The record.
    pub id: TransactionId,
    /// How much.
    pub amount: Fen,
    /// When it was paid.
    pub at: Timestamp,
}

/// Since when a person's state is what it is; `Debug` leaves the person out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StandingRow {
    /// `PersonNumber::key`.
    pub person: u64,
    /// When the center heard of it.
    pub since: Timestamp,
    /// The state.
    pub state: PersonState,
}

/// Who claimed what, where and when; `Debug` leaves person and card out.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimRow {
    /// The record.
    pub id: TransactionId,
    /// `PersonNumber::key`.
    pub person: u64,
    /// Where.
    pub terminal: TerminalId,
    /// Enrolment, certification or pension.
    pub kind: Kind,
    /// When the holder was known.
    pub at: Timestamp,
    /// With which card.
    pub card: Option<[u8; 12]>,
    /// The clerk who let the person pass, when no finger did.
    pub clerk: Option<String>,
    /// A certification at the person's home.
    pub home: bool,
}

/// One policy with its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRow {
    /// The policy.
    pub policy: ProofPolicy,
    /// In force from then.
    pub from: Timestamp,
    /// Replaced then.
    pub until: Option<Timestamp>,
}

/// Where a terminal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceRow {
    /// Which terminal.
    pub terminal: TerminalId,
    /// Northern latitude in millionths of a degree.
    pub latitude_millionths: i32,
    /// Eastern longitude in millionths of a degree.
    pub longitude_millionths: i32,
}

/// What an import says of one person's pension; `Debug` leaves the person out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ImportedPension {
    /// `PersonNumber::key`.
    pub person: u64,
    /// What a month's pension is; nothing ends it.
    pub monthly: Fen,
    /// First month with this amount, when the import says so.
    pub monthly_from: Option<Period>,
    /// First month that is not paid, when the import says so.
    pub first_unpaid: Option<Period>,
    /// Certified until then, when the import says so.
    pub certified_until: Option<Day>,
}

impl fmt::Debug for PaymentRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentRow")
            .field("period", &self.period)
            .field("id", &self.id)
            .field("amount", &self.amount)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StandingRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandingRow")
            .field("since", &self.since)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ClaimRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimRow")
            .field("id", &self.id)
            .field("terminal", &self.terminal)
            .field("kind", &self.kind)
            .field("at", &self.at)
            .field("manual", &self.clerk.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ImportedPension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportedPension").field("monthly", &self.monthly).finish_non_exhaustive()
    }
}
