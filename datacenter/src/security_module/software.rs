//! A security module in software.

use std::fmt;

use card_spec::{
    account::{Amounts, Load as CardLoad, Purchase, TYPE_LOAD},
    atr::CardSerial,
    card_id::CardId,
    date::DateTime,
    generation::Algorithm,
    key::{CardFactors, Key128},
    psam::{TerminalNumber, TerminalSerial},
    suite::Suite,
};
use protocol::{
    account::LoadRequest,
    id::TerminalId,
    record::{CardPurchase, Load},
};
use serde::Deserialize;
use zeroize::Zeroize;

use super::{Check, LoadRefusal, SecurityModule, card_amount};

/// Issuer keys in this process's memory, wiped when dropped.
pub struct SoftwareModule {
    keys: Vec<IssuerKey>,
}

/// One of the issuer's keys. `Debug` shows what it is for and hides it.
#[derive(Clone)]
pub struct IssuerKey {
    /// What it is for.
    pub key_use: KeyUse,
    /// Algorithm.
    pub algorithm: Algorithm,
    /// Version, as cards name it.
    pub version: u8,
    /// Levels from this key down to the card's: 1 for a city's key (by card), 2 by city and card, 3 by province,
    /// city and card.
    pub levels: u8,
    /// The key.
    pub key: Key128,
}

/// What an issuer key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// DLK: loads (圈存密钥).
    Load,
    /// DTK: TACs (交易认证密钥).
    Tac,
}

/// Why a file of issuer keys cannot be used. Says nothing of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Not the JSON that was expected.
    Form,
    /// An entry of this number (from 1) holds no such key.
    Entry {
        /// Which.
        number: usize,
    },
}

impl SoftwareModule {
    /// From keys.
    pub fn new(keys: Vec<IssuerKey>) -> Self {
        SoftwareModule { keys }
    }

    /// From a file: a JSON list of
    /// `{"use":"load"|"tac","algorithm":1|3,"version":1,"levels":1,"key":"<32 hexadecimal digits>"}`.
    ///
    /// The caller wipes the text.
    pub fn from_json(text: &str) -> Result<Self, KeyFileError> {
        #[derive(Deserialize)]
        struct Entry {
            #[serde(rename = "use")]
            key_use: KeyUse,
            algorithm: u8,
            version: u8,
            levels: u8,
            key: String,
        }
        let entries: Vec<Entry> = serde_json::from_str(text).map_err(|_| KeyFileError::Form)?;
        let mut keys = Vec::new();
        for (index, mut entry) in entries.into_iter().enumerate() {
            let number = index + 1;
            let mut bytes = [0; 16];
            let decoded = hex::decode_to_slice(&entry.key, &mut bytes);
            entry.key.zeroize();
            let key = Key128::new(bytes);
            bytes.zeroize();
            let algorithm = Algorithm::from_id(Some(entry.algorithm));
            match (decoded, algorithm, entry.levels) {
                (Ok(()), Ok(algorithm), 0..=3) => keys.push(IssuerKey {
                    key_use: entry.key_use,
                    algorithm,
                    version: entry.version,
                    levels: entry.levels,
                    key,
                }),
                _ => return Err(KeyFileError::Entry { number }),
            }
        }
        Ok(SoftwareModule { keys })
    }

    /// The card's own key, derived from the issuer's.
    fn card_key(&self, key_use: KeyUse, card: &Card, version: u8) -> Option<Key128> {
        let key = self.keys.iter().find(|key| {
            key.key_use == key_use && key.algorithm == card.suite.algorithm() && key.version == version
        })?;
        Some(card.suite.diversify_levels(&key.key, card.factors.levels(key.levels)))
    }
}

impl SecurityModule for SoftwareModule {
    fn purchase_tac(&self, terminal: TerminalId, card_id: &str, purchase: &CardPurchase) -> Check {
        let amounts = || Amounts::from_fen(purchase.account, purchase.self_paid, purchase.pooled);
        let Some(card) = Card::parse(card_id, &purchase.card_factor, purchase.algorithm) else {
            return Check::Unknown;
        };
        let Some(key) = self.card_key(KeyUse::Tac, &card, purchase.key_version) else {
            return Check::Unknown;
        };
        let (Some(amounts), Some(date_time), Some(tac)) =
            (amounts(), date_time(&purchase.date_time), four_bytes(&purchase.tac))
        else {
            return Check::Wrong;
        };
        let expected = Purchase {
            amounts,
            terminal: TerminalNumber(terminal.to_bcd()),
            terminal_serial: TerminalSerial(purchase.terminal_serial),
            date_time,
            serial: purchase.card_serial,
            // Neither is covered by a TAC.
            random: [0; 4],
        }
        .tac(card.suite, &key);
        equal(expected, tac)
    }

    fn load_tac(&self, granted: &LoadRequest, load: &Load) -> Check {
        let Some(card) = Card::parse(&granted.card_id, &granted.card_factor, granted.algorithm) else {
            return Check::Unknown;
        };
        let Some(key) = self.card_key(KeyUse::Tac, &card, granted.key_version) else { return Check::Unknown };
        let (Some(on_card), Some(date_time), Some(tac)) =
            (card_load(granted), date_time(&load.date_time), four_bytes(&load.tac))
        else {
            return Check::Wrong;
        };
        match on_card.tac(card.suite, &key, date_time) {
            Ok(expected) => equal(expected, tac),
            Err(_) => Check::Wrong,
        }
    }

    fn load_mac2(&self, request: &LoadRequest) -> Result<[u8; 4], LoadRefusal> {
        let card = Card::parse(&request.card_id, &request.card_factor, request.algorithm)
            .ok_or(LoadRefusal::NoKey)?;
        let key = self.card_key(KeyUse::Load, &card, request.key_version).ok_or(LoadRefusal::NoKey)?;
        let (on_card, date_time, mac1) =
            match (card_load(request), date_time(&request.date_time), four_bytes(&request.mac1)) {
                (Some(on_card), Some(date_time), Some(mac1)) => (on_card, date_time, mac1),
                _ => return Err(LoadRefusal::Mac1),
            };
        let session = on_card.session_key(card.suite, &key);
        match equal(on_card.mac1(&session), mac1) {
            Check::Right if on_card.balance_after_fen().is_some() => Ok(on_card.mac2(&session, date_time)),
            _ => Err(LoadRefusal::Mac1),
        }
    }
}

/// What names a card's keys.
struct Card {
    suite: Suite,
    factors: CardFactors,
}

impl Card {
    fn parse(card_id: &str, factor: &str, algorithm: u8) -> Option<Self> {
        let mut bytes = [0; CardId::BYTES];
        hex::decode_to_slice(card_id, &mut bytes).ok()?;
        let city = CardId::parse(&bytes).ok()?.city();
        let mut serial = [0; 8];
        hex::decode_to_slice(factor, &mut serial).ok()?;
        Some(Card {
            suite: Algorithm::from_id(Some(algorithm)).ok()?.into(),
            factors: CardFactors::new(CardSerial(serial), city),
        })
    }
}

fn card_load(request: &LoadRequest) -> Option<CardLoad> {
    Some(CardLoad {
        balance_before_fen: u32::from_be_bytes(card_amount(request.balance)?),
        amount_fen: u32::from_be_bytes(card_amount(request.amount)?),
        transaction_type: TYPE_LOAD,
        terminal: TerminalNumber(request.terminal.to_bcd()),
        serial: request.card_serial,
        random: four_bytes(&request.random)?,
    })
}

fn date_time(digits: &str) -> Option<DateTime> {
    let mut bytes = [0; 7];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    DateTime::from_cn(bytes)
}

fn four_bytes(digits: &str) -> Option<[u8; 4]> {
    let mut bytes = [0; 4];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

/// Compares without telling by its time how far two codes agree.
fn equal(expected: [u8; 4], got: [u8; 4]) -> Check {
    let difference = expected.iter().zip(got).fold(0, |all, (a, b)| all | (a ^ b));
    if difference == 0 { Check::Right } else { Check::Wrong }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuerKey({:?}, {:?}, version {})", self.key_use, self.algorithm, self.version)
    }
}

impl fmt::Debug for SoftwareModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.keys).finish()
    }
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("the file holds no JSON list of issuer keys"),
            Self::Entry { number } => write!(f, "entry {number} of the key file is no issuer key"),
        }
    }
}

impl std::error::Error for KeyFileError {}
