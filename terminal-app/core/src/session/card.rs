//! What is known of the card in the slot.

use std::fmt;

use card_spec::{
    account::Balances,
    atr::HistoricalBytes,
    card_id::CardId,
    card_number::CardNumber,
    date::{CardDate, Date},
    file::Application,
    generation::{Algorithm, Generation},
    key::CardFactors,
    name::Name,
    person::PersonNumber,
};

use super::attention::Attention;
use crate::{eligibility::CardFacts, ledger::CardKey};

/// Issuer data (EF05).
#[derive(Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Card identification code (tag 01).
    pub card_id: CardId,
    /// Class of the card (tag 02).
    pub class: Option<u8>,
    /// Specification version as it stands on the card (tag 03), without filling.
    pub version: String,
    /// Date of issue (tag 05).
    pub issued: CardDate,
    /// Date of expiry (tag 06).
    pub expires: CardDate,
    /// Card number (tag 07); `None` when the record is empty.
    pub card_number: Option<CardNumber>,
}

/// Holder data (EF06).
#[derive(Clone, PartialEq, Eq)]
pub struct Holder {
    /// Social security number (tag 08).
    pub person: PersonNumber,
    /// Name (tags 09 and 4E joined).
    pub name: Name,
    /// Sex, code of GB/T 2261.1 as one ASCII digit (tag 0A).
    pub sex: Option<u8>,
    /// Ethnic group, GB/T 3304 (tag 0B).
    pub ethnic_group: Option<u8>,
    /// Birth date (tag 0D).
    pub birth_date: Option<Date>,
}

/// A card that has proved to be genuine and whose data have been read.
///
/// `Debug` shows generation and city, nothing of the holder.
#[derive(Clone)]
pub struct OpenCard {
    pub(super) historical: HistoricalBytes,
    pub(super) algorithm: Algorithm,
    pub(super) generation: Generation,
    pub(super) factors: CardFactors,
    pub(super) issuer: Issuer,
    pub(super) holder: Option<Holder>,
    pub(super) attention: Vec<Attention>,
    pub(super) selected: Application,
    pub(super) pin_verified: bool,
    pub(super) balances: Option<Balances>,
}

/// What is read of a card before it is authenticated.
pub(super) struct FirstLook {
    pub card_id: CardId,
    pub generation: Generation,
    pub version: String,
    pub card_number: Option<CardNumber>,
    pub attention: Vec<Attention>,
}

impl OpenCard {
    pub(super) fn new(historical: HistoricalBytes, algorithm: Algorithm, first: FirstLook) -> Self {
        OpenCard {
            historical,
            algorithm,
            generation: first.generation,
            factors: CardFactors::new(historical.card_serial(), first.card_id.city()),
            issuer: Issuer {
                card_id: first.card_id,
                class: None,
                version: first.version,
                issued: CardDate::NotIssued,
                expires: CardDate::NotIssued,
                card_number: first.card_number,
            },
            holder: None,
            attention: first.attention,
            selected: Application::Ssse,
            pin_verified: false,
            balances: None,
        }
    }

    /// Historical bytes of the answer to reset (卡复位信息).
    pub fn historical(&self) -> &HistoricalBytes {
        &self.historical
    }

    /// Generation.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Cipher.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Issuer data.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Holder data; there whenever [`super::Session::open`] has succeeded.
    pub fn holder(&self) -> Option<&Holder> {
        self.holder.as_ref()
    }

    /// What is odd about the card.
    pub fn attention(&self) -> &[Attention] {
        &self.attention
    }

    /// Whether the holder has proved to be its holder since the card was put in.
    pub fn is_verified(&self) -> bool {
        self.pin_verified
    }

    /// What the account held when it was last read.
    pub fn balances(&self) -> Option<Balances> {
        self.balances
    }

    /// The name of the card in ledger and blacklist.
    pub fn key(&self) -> CardKey {
        CardKey::of(&self.issuer.card_id.to_bytes())
    }

    /// Diversification factor of the card, 16 hexadecimal digits.
    pub fn factor_hex(&self) -> String {
        hex::encode(self.historical.card_serial().0)
    }

    /// What eligibility asks of the card.
    pub fn facts(&self) -> CardFacts {
        CardFacts {
            city: self.issuer.card_id.city(),
            class: self.issuer.class,
            generation: self.generation,
            issued: self.issuer.issued,
            expires: self.issuer.expires,
        }
    }
}

impl fmt::Debug for OpenCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenCard")
            .field("generation", &self.generation)
            .field("algorithm", &self.algorithm)
            .field("city", &self.issuer.card_id.city())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("card_id", &self.card_id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Holder(…)")
    }
}
