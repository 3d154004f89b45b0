//! What the card says of itself: the records of EF05 in the environment.

use heapless::Vec;

use crate::{
    Error,
    card_id::CardId,
    card_number::CardNumber,
    date::{CardDate, Date, Validity},
    generation::Generation,
    holder::VALUE_BYTES_MAX,
    tlv,
};

/// Bytes of the initialising agency (tag 04).
pub const AGENCY_BYTES: usize = 12;

/// Issuer data (发卡机构基本数据), free to read on every generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerData {
    /// Card identification code (tag 01).
    pub card_id: CardId,
    /// Class of card (tag 02) as a character; 3 is the citizen's card. `None` when absent.
    pub class: Option<u8>,
    /// Specification version (tag 03), text as it stands there.
    pub version: [u8; 4],
    /// Initialising agency (tag 04); `None` when absent.
    pub agency: Option<[u8; AGENCY_BYTES]>,
    /// Date of issue (tag 05).
    pub issued: CardDate,
    /// Last day of validity (tag 06).
    pub expires: CardDate,
    /// Card number (tag 07); `None` when it is unwritten or may not be read yet.
    pub number: Option<CardNumber>,
}

impl IssuerData {
    /// Tags in the order of the records.
    pub const TAGS: [u8; 7] = [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07];

    /// Reads records one after the other, as they came tag by tag or as the whole file.
    ///
    /// Identification code and version must be there (`Missing`) and right; the rest may be absent,
    /// but what is there must be right. The MAC of the code is not checked here.
    pub fn parse(records: &[u8]) -> Result<Self, Error> {
        let find = |tag| tlv::find(records, tag);
        let need = |tag| find(tag).ok_or(Error::Missing { tag });
        let date = |tag| find(tag).map_or(Ok(CardDate::NotIssued), CardDate::parse);
        let version_value = need(0x03)?;
        Generation::from_version(version_value)?;
        let mut version = [0; 4];
        for (to, from) in version.iter_mut().zip(version_value) {
            *to = *from;
        }
        Ok(IssuerData {
            card_id: CardId::parse(need(0x01)?)?,
            class: find(0x02).and_then(|value| value.first().copied()),
            version,
            agency: find(0x04).and_then(|value| value.try_into().ok()),
            issued: date(0x05)?,
            expires: date(0x06)?,
            number: find(0x07).filter(|value| is_written(value)).map(CardNumber::parse).transpose()?,
        })
    }

    /// Value of the record with this tag; `None` for a tag of another file. What is not known is filled
    /// with FF.
    pub fn value(&self, tag: u8) -> Option<Vec<u8, VALUE_BYTES_MAX>> {
        let value = match tag {
            0x01 => Vec::from_slice(&self.card_id.to_bytes()),
            0x02 => Vec::from_slice(&[self.class.unwrap_or(0xFF)]),
            0x03 => Vec::from_slice(&self.version),
            0x04 => Vec::from_slice(&self.agency.unwrap_or([0xFF; AGENCY_BYTES])),
            0x05 => Vec::from_slice(&self.issued.to_cn()),
            0x06 => Vec::from_slice(&self.expires.to_cn()),
            0x07 => match &self.number {
                Some(number) => Vec::from_slice(number.as_str().as_bytes()),
                None => Vec::from_slice(&[0xFF; 9]),
            },
            _ => return None,
        };
        value.ok()
    }

    /// Generation of the card, by the first character of its version.
    pub fn generation(&self) -> Result<Generation, Error> {
        Generation::from_version(&self.version)
    }

    /// Whether the card may be used on a day.
    pub fn validity_on(&self, today: Date) -> Validity {
        Validity::on(today, self.issued, self.expires)
    }
}

fn is_written(value: &[u8]) -> bool {
    value.iter().any(|byte| !matches!(byte, 0x00 | 0xFF))
}
