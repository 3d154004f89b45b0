//! Loading the personal account: the center's security module answers for the issuer.

use std::fmt;

use card_spec::{money::Fen, person::PersonNumber};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{TerminalId, TransactionId};

/// A card asks to be loaded; `Debug` masks the person and leaves the card out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoadRequest {
    /// Name of the load; asking again with the same name gives the same answer.
    pub id: TransactionId,
    /// Whose terminal.
    pub terminal: TerminalId,
    /// Whose card.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
    /// Card identification code, 32 hexadecimal digits.
    pub card_id: String,
    /// Diversification factor of the card, 16 hexadecimal digits.
    pub card_factor: String,
    /// How much.
    #[schema(value_type = crate::schema::Money)]
    pub amount: Fen,
    /// What the money is.
    pub source: LoadSource,
    /// Balance that the card reported.
    #[schema(value_type = crate::schema::Money)]
    pub balance: Fen,
    /// Online serial that the card reported.
    pub card_serial: u16,
    /// Algorithm id, 1 for 3DES, 3 for SM4.
    pub algorithm: u8,
    /// Key version that the card named.
    pub key_version: u8,
    /// The card's random number, 8 hexadecimal digits.
    pub random: String,
    /// The card's MAC1, 8 hexadecimal digits.
    pub mac1: String,
    /// `CCYYMMDDhhmmss` of the load.
    pub date_time: String,
}

impl fmt::Debug for LoadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadRequest")
            .field("id", &self.id)
            .field("terminal", &self.terminal)
            .field("person", &self.person)
            .field("amount", &self.amount)
            .field("source", &self.source)
            .field("card_serial", &self.card_serial)
            .finish_non_exhaustive()
    }
}

/// Where the money of a load comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum LoadSource {
    /// The yearly credit that the center holds for the person.
    Credit,
    /// Account money of a cancelled settlement.
    Refund {
        /// The cancellation.
        of: TransactionId,
    },
}

/// The center agrees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoadAnswer {
    /// MAC2 for the card, 8 hexadecimal digits.
    pub mac2: String,
}

/// Most refunds that one answer lists.
pub const REFUNDS_MAX: usize = 100;

/// Asks what a person is owed, at whichever counter the person appears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundsQuery {
    /// The whole number; it travels in a body, never in an address.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
}

/// Account money of cancelled settlements that is still owed to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundsAnswer {
    /// What is owed, at most [`REFUNDS_MAX`]; each can be loaded with [`LoadSource::Refund`].
    pub refunds: Vec<OwedRefund>,
}

/// One refund that is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwedRefund {
    /// The cancellation.
    pub of: TransactionId,
    /// What is still owed of it.
    #[schema(value_type = crate::schema::Money)]
    pub owed: Fen,
}
