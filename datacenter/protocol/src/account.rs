//! Loading the personal account: the center's security module answers for the issuer.

use card_spec::{money::Fen, person::PersonNumber};
use serde::{Deserialize, Serialize};

use crate::id::{TerminalId, TransactionId};

/// A card asks to be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadRequest {
    /// Name of the load; asking again with the same name gives the same answer.
    pub id: TransactionId,
    /// Whose terminal.
    pub terminal: TerminalId,
    /// Whose card.
    pub person: PersonNumber,
    /// Card identification code, 32 hexadecimal digits.
    pub card_id: String,
    /// Diversification factor of the card, 16 hexadecimal digits.
    pub card_factor: String,
    /// How much.
    pub amount: Fen,
    /// What the money is.
    pub source: LoadSource,
    /// Balance that the card reported.
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

/// Where the money of a load comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadAnswer {
    /// MAC2 for the card, 8 hexadecimal digits.
    pub mac2: String,
}
