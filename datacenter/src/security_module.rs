//! The security module (加密机): what holds the issuer's keys and answers for them.
//!
//! In operation this is a device (HSM) that never gives a key away. [`SoftwareModule`] stands in for it
//! where there is none: development, tests, demonstrations. Whoever uses it uses the trait.

use std::fmt;

use card_spec::money::Fen;
use protocol::{account::LoadRequest, id::TerminalId, record::CardPurchase};

mod software;

pub use software::{IssuerKey, KeyFileError, KeyUse, SoftwareModule};

/// What a look at a MAC or TAC came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Recomputed and equal.
    Right,
    /// Recomputed and different.
    Wrong,
    /// No key for this algorithm and version, or the fields cannot be read as a card's.
    Unknown,
}

/// Why a load gets no MAC2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadRefusal {
    /// MAC1 is not what a card with our keys would have sent.
    Mac1,
    /// No key for this algorithm and version, or the fields cannot be read as a card's.
    NoKey,
}

/// Answers for the issuer's keys.
pub trait SecurityModule: Send + Sync {
    /// Whether a purchase carries the TAC that the card computes for it.
    ///
    /// `city` digits are those of the card identification code, which also name the card's keys.
    fn purchase_tac(&self, terminal: TerminalId, card_id: &str, purchase: &CardPurchase) -> Check;

    /// Whether a load carries the TAC that the card computes once it is done.
    fn load_tac(&self, granted: &LoadRequest, load: &protocol::record::Load) -> Check;

    /// Checks MAC1 and computes MAC2, the card's permission to add the amount.
    fn load_mac2(&self, request: &LoadRequest) -> Result<[u8; 4], LoadRefusal>;
}

/// A module without any key: loads are refused, TACs stay unchecked.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoModule;

impl SecurityModule for NoModule {
    fn purchase_tac(&self, _: TerminalId, _: &str, _: &CardPurchase) -> Check {
        Check::Unknown
    }
    fn load_tac(&self, _: &LoadRequest, _: &protocol::record::Load) -> Check {
        Check::Unknown
    }
    fn load_mac2(&self, _: &LoadRequest) -> Result<[u8; 4], LoadRefusal> {
        Err(LoadRefusal::NoKey)
    }
}

impl fmt::Display for LoadRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mac1 => "the card's MAC1 is wrong",
            Self::NoKey => "the security module has no key for this card",
        })
    }
}

impl std::error::Error for LoadRefusal {}

/// An amount as cards carry it.
fn card_amount(amount: Fen) -> Option<[u8; 4]> {
    amount.to_card().map(u32::to_be_bytes)
}
