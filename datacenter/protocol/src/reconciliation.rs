//! Working cycles of operators and the day's comparison with the center (对账).

use card_spec::money::Fen;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::{TerminalId, TransactionId},
    timestamp::Timestamp,
};

/// Longest working cycle: after 24 hours the operator has to reconcile and sign in again.
pub const CYCLE_MS_MAX: i64 = 24 * 3_600_000;

/// What a terminal believes to have booked in one span of its chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReconciliationRequest {
    /// Whose.
    pub terminal: TerminalId,
    /// First sequence of the span.
    pub from_sequence: u64,
    /// Last sequence of the span.
    pub to_sequence: u64,
    /// The sums.
    pub totals: Totals,
    /// Intentions whose outcome on the card is not known yet.
    pub unresolved: Vec<TransactionId>,
}

/// Sums over a span, cancellations counted negative. A pension that was paid out counts among the funds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// Settlements, cancellations and pensions booked.
    pub count: u64,
    /// Total fee.
    #[schema(value_type = crate::schema::Money)]
    pub medfee_sumamt: Fen,
    /// All funds.
    #[schema(value_type = crate::schema::Money)]
    pub fund_pay_sumamt: Fen,
    /// Personal accounts.
    #[schema(value_type = crate::schema::Money)]
    pub acct_pay: Fen,
    /// Cash.
    #[schema(value_type = crate::schema::Money)]
    pub psn_cash_pay: Fen,
    /// Payments of contributions and what took such back: a line of their own, in none of the sums above.
    #[serde(default)]
    pub contribution_count: u64,
    /// Contributions received, less what went back.
    #[serde(default)]
    #[schema(value_type = crate::schema::Money)]
    pub contribution_amt: Fen,
    /// What of that was cash.
    #[serde(default)]
    #[schema(value_type = crate::schema::Money)]
    pub contribution_cash_amt: Fen,
}

/// The center's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReconciliationAnswer {
    /// When the center added up.
    pub at: Timestamp,
    /// The center's sums over the same span.
    pub totals: Totals,
    /// Whether both agree.
    pub equal: bool,
    /// Sequences of the span that the center lacks, at most [`MISSING_MAX`].
    pub missing: Vec<u64>,
    /// Transactions that the center holds as refused or in conflict, at most [`MISSING_MAX`].
    pub disputed: Vec<TransactionId>,
}

/// Most sequences or transactions that one answer lists.
pub const MISSING_MAX: usize = 1_000;
