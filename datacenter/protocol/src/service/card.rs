//! A person's cards, pension and certification, and the report of a loss.

use std::fmt;

use card_spec::{money::Fen, person::PersonNumber};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Cursor;
use crate::{
    calendar::{Day, Period},
    evidence::HolderProof,
    feed::{BlockReason, PersonState},
    id::TransactionId,
    pension::Fingers,
    timestamp::Timestamp,
};

/// Most cards of one person that an answer lists.
pub const CARDS_MAX: usize = 20;

/// Longest name of a person, in bytes of UTF-8: 50 bytes of GBK on the card.
pub const NAME_BYTES_MAX: usize = 75;

/// What the center knows of a person's cards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CardsAnswer {
    /// The cards, the latest first, at most [`CARDS_MAX`].
    pub cards: Vec<CardLine>,
    /// State of the person, when this center knows the person.
    pub state: Option<PersonState>,
}

/// One card of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CardLine {
    /// Whether it is the one that the question was asked with.
    pub this: bool,
    /// Since when the center knows it.
    pub since: Timestamp,
    /// Why it is blocked; `None` when it is not.
    pub blocked: Option<BlockReason>,
    /// Since when it is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_since: Option<Timestamp>,
}

/// Locks cards until staff lifts it (临时挂失).
///
/// With a proof of the holder: the card shown stays or is locked, as `this_card` says, and the person's others are
/// locked. Without a card: the person's number and name have to be those that the center has, and every card of
/// the person is locked; wrong names are counted. The same report again changes nothing. `Debug` masks the
/// person and leaves the rest out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LossReport {
    /// The whole number.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
    /// How the holder was known, where a card was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<HolderProof>,
    /// The person's name, where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// With a proof: locks the card that was shown as well.
    #[serde(default)]
    pub this_card: bool,
}

impl LossReport {
    /// Whether it is within its limits and rests on something.
    pub fn sound(&self) -> bool {
        self.proof.is_some() != self.name.is_some()
            && self.name.as_ref().is_none_or(|name| {
                !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(char::is_control)
            })
    }
}

impl fmt::Debug for LossReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LossReport")
            .field("person", &self.person)
            .field("shown", &self.proof.is_some())
            .field("this_card", &self.this_card)
            .finish_non_exhaustive()
    }
}

/// What a report of loss has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Locked {
    /// Number of the report, to be told to staff.
    pub report: u64,
    /// Cards that it has locked.
    pub locked: u32,
    /// Cards that were blocked before.
    pub before: u32,
    /// The center's clock: from here on no terminal that hears of it takes the cards.
    pub as_of: Timestamp,
}

/// A person's pension and a page of the months paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PensionsAnswer {
    /// What a month's pension is; `None` when this center pays this person none.
    #[schema(value_type = Option<crate::schema::Money>)]
    pub monthly: Option<Fen>,
    /// First month that is not paid.
    pub next_unpaid: Option<Period>,
    /// Until when the living certification holds, included: the next has to come before.
    pub certified_until: Option<Day>,
    /// State of the person.
    pub state: Option<PersonState>,
    /// Months paid through terminals, the latest first.
    pub months: Vec<PensionMonth>,
    /// Where the next page begins; `None` on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// One month that was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PensionMonth {
    /// The month.
    pub period: Period,
    /// How much.
    #[schema(value_type = crate::schema::Money)]
    pub amount: Fen,
    /// When.
    pub at: Timestamp,
    /// The booked record.
    pub id: TransactionId,
}

/// Where a person's living certification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificationAnswer {
    /// Whether this person draws a pension here, and so needs one.
    pub needed: bool,
    /// Until when it holds, included; `None` when never certified.
    pub certified_until: Option<Day>,
    /// When the person was last certified at a terminal.
    pub last: Option<Timestamp>,
    /// What the center knows of fingers on the person's cards.
    pub fingers: Fingers,
    /// State of the person.
    pub state: Option<PersonState>,
}
