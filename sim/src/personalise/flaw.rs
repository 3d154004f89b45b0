//! Cards with something wrong in what they hold.

use card_spec::key::{CardFactors, KeyName};

use super::CardOrder;
use crate::{
    error::SimError,
    image::{CardImage, DirectoryImage, FileBody, Hex, HexByte, Life},
    keys::TestKeys,
};

const SSSE: u16 = 0xDDF1;
const MEDICAL: u16 = 0xDF04;
const ISSUER_FILE: u16 = 0xEF05;
const HOLDER_FILE: u16 = 0xEF06;

/// One thing that is wrong with a card.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// A forgery: its IRK is not the issuer's.
    Forged,
    /// The PIN has no tries left.
    PinBlocked,
    /// One of the external keys has no tries left.
    KeyLocked {
        /// Its identifier on the card, in the environment.
        id: u8,
    },
    /// CARD BLOCK has been carried out.
    CardBlocked,
    /// APPLICATION BLOCK has been carried out in the application with this file identifier.
    ApplicationBlocked {
        /// File identifier, `DF04` for the medical application.
        directory: u16,
        /// For good.
        permanent: bool,
    },
    /// The medical account is locked for transactions.
    AccountLocked,
    /// The memory is worn out: reading goes on, every update fails.
    WornMemory,
    /// The cipher is SSF33, which nobody outside can compute.
    Ssf33,
    /// A record of EF05 or EF06 ends too early: its length says more than there is.
    TruncatedRecord {
        /// Its tag.
        tag: u8,
        /// Bytes of value that are there.
        bytes: usize,
    },
    /// A record of EF05 or EF06 is missing.
    MissingRecord {
        /// Its tag.
        tag: u8,
    },
    /// A record of EF05 or EF06 holds something else.
    Value {
        /// Its tag.
        tag: u8,
        /// The value, cut or filled up with 00 to the record's length.
        value: Vec<u8>,
    },
    /// The name is no GBK.
    BadName,
    /// Version `2.0` with a 00 and dates in ASCII, as one published test card has them.
    SloppyText,
    /// Dates were never written.
    DatesMissing,
    /// The card identification code carries the mark of a test card instead of a MAC.
    TestMark,
    /// A card of generation 1.0 has an empty name extension, for readers that stumble without one.
    EmptyNameExtension,
}

impl Flaw {
    pub(super) fn apply(
        &self,
        image: &mut CardImage,
        order: &CardOrder<'_>,
        factors: &CardFactors,
    ) -> Result<(), SimError> {
        match self {
            Self::Forged => {
                let other = TestKeys::from_seed(order.keys.seed() ^ u64::MAX);
                let key = other.on_card(KeyName::IRK, order.key_algorithm(), 1, factors);
                let name = KeyName::IRK.to_string();
                for held in environment(image)?.keys.iter_mut().filter(|held| held.name == name) {
                    held.versions = vec![key.as_bytes().into()];
                }
            }
            Self::PinBlocked => {
                for pin in environment(image)?.pin.iter_mut() {
                    pin.tries_left = 0;
                }
            }
            Self::KeyLocked { id } => {
                for key in environment(image)?.keys.iter_mut().filter(|key| key.id == Some(HexByte(*id))) {
                    key.tries_left = 0;
                }
            }
            Self::CardBlocked => image.blocked = true,
            Self::ApplicationBlocked { directory, permanent } => {
                let found = find(&mut image.root, *directory).ok_or_else(|| missing("application"))?;
                found.life = if *permanent { Life::Terminated } else { Life::Blocked };
            }
            Self::AccountLocked => {
                let medical = find(&mut image.root, MEDICAL).ok_or_else(|| missing("application"))?;
                medical.account.iter_mut().for_each(|account| account.locked = true);
            }
            Self::WornMemory => image.worn = true,
            Self::Ssf33 => {
                image.algorithm = HexByte(0x02);
                let fci = card_spec::fci::Fci {
                    name: &environment(image)?.name.0.clone(),
                    directory: card_spec::file::ShortFileId::new(0x1E),
                    algorithm_id: Some(0x02),
                }
                .build()
                .map_err(|error| SimError::Personalise { problem: error.to_string() })?;
                environment(image)?.fci = fci.into();
            }
            Self::TruncatedRecord { tag, bytes } => record(image, *tag)?.0.truncate(2 + bytes),
            Self::MissingRecord { tag } => {
                for list in record_lists(environment(image)?) {
                    list.retain(|record| record.0.first() != Some(tag));
                }
            }
            Self::Value { tag, value } => set(image, *tag, value)?,
            // FF begins no character.
            Self::BadName => set(image, 0x09, &[0xD5, 0xFF, 0xC8, 0xFD])?,
            Self::SloppyText => {
                set(image, 0x03, b"2.0")?;
                set(image, 0x05, b"2012")?;
                set(image, 0x06, b"2032")?;
            }
            Self::DatesMissing => {
                set(image, 0x05, &[0xFF; 4])?;
                set(image, 0x06, &[0xFF; 4])?;
            }
            Self::TestMark => {
                let record = record(image, 0x01)?;
                let end = record.0.len();
                record.0[end - 4..].fill(0xFF);
            }
            Self::EmptyNameExtension => {
                for file in environment(image)?.files.iter_mut().filter(|file| file.id.0 == HOLDER_FILE) {
                    if let FileBody::Linear(records) = &mut file.body
                        && records.iter().all(|record| record.0.first() != Some(&0x4E))
                    {
                        let mut empty = vec![0x4E, 0x14];
                        empty.resize(2 + 0x14, 0);
                        records.insert(2, Hex(empty));
                    }
                }
            }
        }
        Ok(())
    }
}

fn environment(image: &mut CardImage) -> Result<&mut DirectoryImage, SimError> {
    find(&mut image.root, SSSE).ok_or_else(|| missing("environment"))
}

fn find(directory: &mut DirectoryImage, id: u16) -> Option<&mut DirectoryImage> {
    if directory.id.0 == id || directory.alias.is_some_and(|alias| alias.0 == id) {
        return Some(directory);
    }
    directory.directories.iter_mut().find_map(|child| find(child, id))
}

fn record_lists(environment: &mut DirectoryImage) -> impl Iterator<Item = &mut Vec<Hex>> {
    let files = environment.files.iter_mut();
    files.filter(|file| matches!(file.id.0, ISSUER_FILE | HOLDER_FILE)).filter_map(|file| {
        match &mut file.body {
            FileBody::Linear(records) => Some(records),
            _ => None,
        }
    })
}

fn record(image: &mut CardImage, tag: u8) -> Result<&mut Hex, SimError> {
    let mut records = record_lists(environment(image)?).flatten();
    records.find(|record| record.0.first() == Some(&tag)).ok_or_else(|| missing("record"))
}

fn set(image: &mut CardImage, tag: u8, value: &[u8]) -> Result<(), SimError> {
    let record = record(image, tag)?;
    for (at, place) in record.0[2..].iter_mut().enumerate() {
        *place = value.get(at).copied().unwrap_or(0);
    }
    Ok(())
}

fn missing(what: &str) -> SimError {
    SimError::Personalise { problem: format!("this card has no such {what}") }
}
