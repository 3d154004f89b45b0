//! Pensions that a branch handed out and the center did not book (发放失败), with what is to be done.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use card_spec::money::Fen;

use super::Cursor;
use crate::{
    calendar::Period,
    id::{TerminalId, TransactionId},
    timestamp::Timestamp,
    upload::RefusalReason,
};

/// Asks for the pension payments of this terminal's branch that were not booked, newest first. No card is needed:
/// it is the branch's own business, and people are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedQuery {
    /// Operator number.
    pub operator: String,
    /// Only this terminal, not its whole branch.
    #[serde(default)]
    pub this_terminal: bool,
    /// Goes on after this row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Cursor>,
    /// Most rows, at most [`PAGE_ROWS_MAX`](super::PAGE_ROWS_MAX).
    pub rows: u8,
}

impl FailedQuery {
    /// Whether it is within its limits.
    pub fn sound(&self) -> bool {
        super::operator_sound(&self.operator) && super::page_sound(self.after.as_ref(), self.rows)
    }
}

/// A page of them; `as_of` is the center's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedAnswer {
    /// The payments, newest first.
    pub payments: Vec<FailedPayment>,
    /// Where the next page begins; `None` on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
    /// The center's clock.
    pub as_of: Timestamp,
}

/// A month's pension that a terminal says it handed out and that the center did not book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedPayment {
    /// The record.
    pub id: TransactionId,
    /// Where.
    pub terminal: TerminalId,
    /// The place in that terminal's chain.
    pub sequence: u64,
    /// When, by the terminal's clock.
    pub at: Timestamp,
    /// The person's number, masked.
    pub person: String,
    /// The month.
    pub period: Period,
    /// How much was handed out.
    #[schema(value_type = crate::schema::Money)]
    pub amount: Fen,
    /// Who handed it out.
    pub operator: String,
    /// Why it was not booked; `None` when the name belongs to another record.
    pub reason: Option<RefusalReason>,
    /// When this month of this person was booked from elsewhere, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booked_elsewhere: Option<Timestamp>,
}

/// What is to be done about such a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NextStep {
    /// The month is paid from elsewhere: the person brings the second payment back, or the agency recovers it.
    Recover,
    /// The person is certified at this desk; the agency then books the month.
    CertifyThenAgency,
    /// The difference is settled by the agency.
    AgencySettles,
    /// The agency looks at person and pension before anything else is paid.
    AgencyLooks,
    /// Nobody at the counter can mend it: the fault is reported with the number of the record.
    ReportFault,
}

impl FailedPayment {
    /// What is to be done about it.
    pub fn next_step(&self) -> NextStep {
        if self.booked_elsewhere.is_some() {
            return NextStep::Recover;
        }
        match self.reason {
            Some(RefusalReason::PeriodPaid) => NextStep::Recover,
            Some(RefusalReason::NotCertified) => NextStep::CertifyThenAgency,
            Some(RefusalReason::PensionAmount | RefusalReason::PeriodNotDue) => NextStep::AgencySettles,
            Some(
                RefusalReason::PensionUnknown
                | RefusalReason::Deceased
                | RefusalReason::BenefitSuspended
                | RefusalReason::BenefitEnded
                | RefusalReason::Blacklisted
                | RefusalReason::HolderMismatch
                | RefusalReason::OverLimit
                | RefusalReason::ProofTooWeak,
            ) => NextStep::AgencyLooks,
            _ => NextStep::ReportFault,
        }
    }
}
