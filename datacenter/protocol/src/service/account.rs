//! The personal account and the treatments of a person, as the booked records tell.

use card_spec::money::Fen;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Cursor;
use crate::{id::TransactionId, record::Amounts, timestamp::Timestamp};

/// A page of the personal account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Movements, newest first.
    pub movements: Vec<Movement>,
    /// Where the next page begins; `None` on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
    /// Credit that waits to be loaded onto the card (待圈存).
    #[schema(value_type = crate::schema::Money)]
    pub credit: Fen,
    /// Account money of cancelled settlements that waits to be loaded (待退).
    #[schema(value_type = crate::schema::Money)]
    pub owed: Fen,
}

/// One movement of the personal account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Movement {
    /// The booked record.
    pub id: TransactionId,
    /// When it happened.
    pub at: Timestamp,
    /// What it was.
    pub kind: MovementKind,
    /// What it added to the account; negative for what was spent.
    #[schema(value_type = crate::schema::Money)]
    pub amount: Fen,
    /// Balance of the card afterwards, where the record tells.
    #[schema(value_type = Option<crate::schema::Money>)]
    pub balance: Option<Fen>,
    /// Name of the institution.
    pub institution: String,
}

/// Kinds of movements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MovementKind {
    /// A purchase on the card (账户支付).
    Purchase,
    /// A cancelled settlement: the money is owed until a load puts it back (撤销待退).
    Cancellation,
    /// A load onto the card (圈存).
    Load,
}

/// A page of treatments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Treatments {
    /// Treatments, newest first.
    pub treatments: Vec<Treatment>,
    /// Where the next page begins; `None` on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// One settled treatment: what the booked record says, from which the split can be explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Treatment {
    /// The booked record.
    pub id: TransactionId,
    /// When it was settled.
    pub at: Timestamp,
    /// Name of the institution.
    pub institution: String,
    /// Grade of the institution, 0 to 3.
    pub level: u8,
    /// Visit type, code table med_type: 11 outpatient, 21 inpatient.
    pub med_type: String,
    /// Insurance, code table insutype.
    pub insutype: String,
    /// Version of the city rules that were applied.
    pub rules_version: String,
    /// Number of fee lines.
    pub lines: u32,
    /// The amounts.
    pub amounts: Amounts,
    /// The cancellation that took it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_by: Option<TransactionId>,
}
