//! From bytes to a command; a refusal is the status word that the card answers.

use super::{
    BinaryReference, Body, Command, FINGER_REFERENCE, RecordReference, SamAccountPurchase, SamWalletPurchase,
    Selection, TAG_BIOMETRIC_DATA, TAG_STANDARD_FORMAT,
};
use crate::{
    Error, Part,
    account::{Amounts, BalanceKind, Debit, LoadCredit, LoadRequest, PurchaseRequest},
    apdu::CommandApdu,
    bytes::Fields,
    date::DateTime,
    file::{ApplicationName, FileId, ShortFileId},
    fingerprint::{Position, check_minutiae},
    key::{Factor, KeyId, PsamKey, Usage},
    pin::PinField,
    psam::{CipherMode, Factors},
    secure_messaging::EncipheredPin,
    status::StatusWord,
    suite::Mac,
    tlv::ber,
    wallet::Purse,
};

const WRONG_LENGTH: StatusWord = StatusWord::WRONG_LENGTH;
const WRONG_PARAMETERS: StatusWord = StatusWord::WRONG_PARAMETERS;

impl<'a> Command<'a> {
    /// Parses a command as it comes over the line.
    ///
    /// The error is what a card answers: 6700 for a wrong length, 6E00 and 6D00 for an unknown class or
    /// instruction, 6A86 for wrong P1 or P2, 6A80 for wrong data.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, StatusWord> {
        Self::from_apdu(&CommandApdu::parse(bytes).map_err(|_| WRONG_LENGTH)?)
    }

    /// The same from a command that is already taken apart. A Le is never refused, present or not:
    /// drivers add and omit it.
    pub fn from_apdu(apdu: &CommandApdu<'a>) -> Result<Self, StatusWord> {
        let CommandApdu { cla, ins, p1, p2, data, .. } = *apdu;
        let le = apdu.le.and_then(|le| u8::try_from(le).ok()).unwrap_or(super::LE_ANY);
        match (cla, ins) {
            (0x00, 0xA4) => select(p1, p2, data),
            (0x00, 0xB2) => {
                without_data(data)?;
                match record(p1, p2)? {
                    RecordReference::Previous { .. } => Err(WRONG_PARAMETERS),
                    record => Ok(Command::ReadRecord { record, le }),
                }
            }
            (0x00, 0xB0) => {
                without_data(data)?;
                Ok(Command::ReadBinary { at: binary(p1, p2)?, le })
            }
            (0x00 | 0x04, 0xDC) => {
                let record = match record(p1, p2)? {
                    RecordReference::AllFrom { .. } => return Err(WRONG_PARAMETERS),
                    record => record,
                };
                let (data, mac) = protected(cla, data)?;
                Ok(Command::UpdateRecord { record, data, mac })
            }
            (0x00 | 0x04, 0xD6) => {
                let at = binary(p1, p2)?;
                let (data, mac) = protected(cla, data)?;
                Ok(Command::UpdateBinary { at, data, mac })
            }
            (0x00 | 0x04, 0xE2) => {
                if p1 != 0 || p2 & 0x07 != 0 {
                    return Err(WRONG_PARAMETERS);
                }
                let file = short_id(p2)?;
                let (data, mac) = protected(cla, data)?;
                Ok(Command::AppendRecord { file, data, mac })
            }
            (0x00, 0xC0) => {
                parameters(p1, p2, 0, 0)?;
                without_data(data)?;
                Ok(Command::GetResponse { le })
            }
            (0x00, 0x84) => {
                parameters(p1, p2, 0, 0)?;
                without_data(data)?;
                Ok(Command::GetChallenge { le })
            }
            (0x00, 0x88) => {
                parameters(p1, p2, 0, 0)?;
                let (factor, data, version) = authentication(data)?;
                Ok(Command::InternalAuthenticate { factor, data, version })
            }
            (0x00, 0x82) => {
                if p1 != 0 {
                    return Err(WRONG_PARAMETERS);
                }
                let (cryptogram, data, version) = authentication(data)?;
                Ok(Command::ExternalAuthenticate { key: KeyId(p2), cryptogram, data, version })
            }
            (0x00, 0x20) => {
                parameters(p1, p2, 0, 0)?;
                if data.is_empty() {
                    return Ok(Command::PinTries);
                }
                Ok(Command::Verify { pin: PinField::new(data).map_err(|_| WRONG_LENGTH)? })
            }
            (0x00, 0x21) => {
                let position = finger(p1, p2)?;
                if data.is_empty() {
                    return Ok(Command::FingerTries { position });
                }
                Ok(Command::VerifyFinger { position, minutiae: minutiae(data)? })
            }
            (0x80, 0x5E) => {
                parameters(p1, p2, 1, 0)?;
                change_pin(data)
            }
            (0x84, 0x24) => match (p1, p2) {
                (0, 0) => Ok(Command::PinUnblock { mac: mac(data)? }),
                (0, FINGER_REFERENCE) => Ok(Command::FingerUnblock { mac: mac(data)? }),
                (0, 1) => {
                    let (pin, mac) = data.split_last_chunk().ok_or(WRONG_LENGTH)?;
                    Ok(Command::PinReset {
                        pin: EncipheredPin::new(pin).map_err(|_| WRONG_LENGTH)?,
                        mac: *mac,
                    })
                }
                _ => Err(WRONG_PARAMETERS),
            },
            (0x84, 0x16) => {
                parameters(p1, p2, 0, 0)?;
                Ok(Command::CardBlock { mac: mac(data)? })
            }
            (0x84, 0x1E) => {
                if p1 != 0 || p2 > 1 {
                    return Err(WRONG_PARAMETERS);
                }
                Ok(Command::ApplicationBlock { permanent: p2 == 1, mac: mac(data)? })
            }
            (0x84, 0x18) => {
                parameters(p1, p2, 0, 0)?;
                Ok(Command::ApplicationUnblock { mac: mac(data)? })
            }
            (0xB0, 0x26) => {
                let kind = match (p1, p2) {
                    (0, 1) => BalanceKind::Account,
                    (0, 2) => BalanceKind::SelfPaid,
                    (0, 3) => BalanceKind::Pooled,
                    _ => return Err(WRONG_PARAMETERS),
                };
                without_data(data)?;
                Ok(Command::GetAccountBalance(kind))
            }
            (0xB0, 0x28) => match (p1, p2) {
                (0, 1) => LoadRequest::parse(data).map(Command::InitializeAccountLoad).map_err(refusal),
                (1, 1) => {
                    PurchaseRequest::parse(data).map(Command::InitializeAccountPurchase).map_err(refusal)
                }
                _ => Err(WRONG_PARAMETERS),
            },
            (0xB0, 0x2A) => {
                parameters(p1, p2, 0, 0)?;
                LoadCredit::parse(data).map(Command::CreditAccount).map_err(refusal)
            }
            (0xB0, 0x2C) => {
                parameters(p1, p2, 1, 0)?;
                Debit::parse(data).map(Command::DebitAccount).map_err(refusal)
            }
            (0x80, 0x5C) => {
                let purse = purse(p1, 0, p2)?;
                without_data(data)?;
                Ok(Command::GetWalletBalance(purse))
            }
            (0x80, 0x50) => {
                let purse = Purse::from_p2(p2).ok_or(WRONG_PARAMETERS)?;
                match p1 {
                    0 => LoadRequest::parse(data)
                        .map(|request| Command::InitializeWalletLoad { purse, request })
                        .map_err(refusal),
                    1 => LoadRequest::parse(data)
                        .map(|request| Command::InitializeWalletPurchase { purse, request })
                        .map_err(refusal),
                    _ => Err(WRONG_PARAMETERS),
                }
            }
            (0x80, 0x52) => {
                parameters(p1, p2, 0, 0)?;
                LoadCredit::parse(data).map(Command::CreditWallet).map_err(refusal)
            }
            (0x80, 0x54) => {
                parameters(p1, p2, 1, 0)?;
                Debit::parse(data).map(Command::DebitWallet).map_err(refusal)
            }
            (0x80, 0x5A) => {
                if p1 != 0 {
                    return Err(WRONG_PARAMETERS);
                }
                let serial: [u8; 2] = data.try_into().map_err(|_| WRONG_LENGTH)?;
                Ok(Command::GetTransactionProof { transaction_type: p2, serial: u16::from_be_bytes(serial) })
            }
            (0xBF | 0x80, 0xDE) => {
                let (factors, challenge) = data.split_last_chunk().ok_or(WRONG_LENGTH)?;
                Ok(Command::DeliverSessionKey {
                    key: psam_key(p1, p2),
                    factors: Factors::from_bytes(factors).ok_or(WRONG_LENGTH)?,
                    challenge: *challenge,
                })
            }
            (0x80, 0x1A) => Ok(Command::DeliverKey {
                key: psam_key(p1, p2),
                factors: Factors::from_bytes(data).ok_or(WRONG_LENGTH)?,
            }),
            (0x80, 0xFA) => {
                let mode = CipherMode::from_p1(p1).filter(|_| p2 == 0).ok_or(WRONG_PARAMETERS)?;
                Ok(Command::CipherData { mode, data: with_data(data)? })
            }
            (0x80, 0x70) => match (p1, p2) {
                (1, 0) => {
                    SamAccountPurchase::parse(data).map(Command::InitializeSamForAccount).map_err(refusal)
                }
                (0, 0) => {
                    SamWalletPurchase::parse(data).map(Command::InitializeSamForWallet).map_err(refusal)
                }
                _ => Err(WRONG_PARAMETERS),
            },
            (0x80, 0x72) => {
                parameters(p1, p2, 0, 0)?;
                Ok(Command::CreditSam { mac2: mac(data)? })
            }
            (0x00 | 0x04 | 0x80 | 0x84 | 0xB0 | 0xBF, _) => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED),
            _ => Err(StatusWord::CLASS_NOT_SUPPORTED),
        }
    }
}

fn refusal(error: Error) -> StatusWord {
    match error {
        Error::Truncated { .. } | Error::TooLong { .. } => WRONG_LENGTH,
        _ => StatusWord::WRONG_DATA,
    }
}

fn parameters(p1: u8, p2: u8, right_p1: u8, right_p2: u8) -> Result<(), StatusWord> {
    if (p1, p2) == (right_p1, right_p2) { Ok(()) } else { Err(WRONG_PARAMETERS) }
}

fn without_data(data: &[u8]) -> Result<(), StatusWord> {
    if data.is_empty() { Ok(()) } else { Err(WRONG_LENGTH) }
}

fn with_data(data: &[u8]) -> Result<Body<'_>, StatusWord> {
    if data.is_empty() || data.len() > crate::apdu::DATA_BYTES_MAX {
        Err(WRONG_LENGTH)
    } else {
        Ok(Body(data))
    }
}

fn mac(data: &[u8]) -> Result<Mac, StatusWord> {
    data.try_into().map_err(|_| WRONG_LENGTH)
}

/// Data and, in class 04, the MAC that ends them.
fn protected(cla: u8, data: &[u8]) -> Result<(Body<'_>, Option<Mac>), StatusWord> {
    with_data(data)?;
    if cla == 0 {
        return Ok((Body(data), None));
    }
    let (data, mac) = data.split_last_chunk().ok_or(StatusWord::MAC_MISSING)?;
    Ok((with_data(data)?, Some(*mac)))
}

fn short_id(p2: u8) -> Result<Option<ShortFileId>, StatusWord> {
    match p2 >> 3 {
        0 => Ok(None),
        value => ShortFileId::new(value).map(Some).ok_or(WRONG_PARAMETERS),
    }
}

fn record(p1: u8, p2: u8) -> Result<RecordReference, StatusWord> {
    let file = short_id(p2)?;
    match p2 & 0x07 {
        0b000 => Ok(RecordReference::Tag { file, tag: p1 }),
        0b011 if p1 == 0 => Ok(RecordReference::Previous { file }),
        0b100 => Ok(RecordReference::Number { file, number: p1 }),
        0b101 => Ok(RecordReference::AllFrom { file, number: p1 }),
        _ => Err(WRONG_PARAMETERS),
    }
}

fn binary(p1: u8, p2: u8) -> Result<BinaryReference, StatusWord> {
    if p1 & 0x80 == 0 {
        return Ok(BinaryReference::Current { offset: u16::from_be_bytes([p1, p2]) });
    }
    let file = ShortFileId::new(p1 & 0x1F).filter(|_| p1 & 0x60 == 0).ok_or(WRONG_PARAMETERS)?;
    Ok(BinaryReference::File { file, offset: p2 })
}

fn select(p1: u8, p2: u8, data: &[u8]) -> Result<Command<'_>, StatusWord> {
    let id = || {
        let id: [u8; 2] = data.try_into().map_err(|_| WRONG_LENGTH)?;
        Ok(FileId(u16::from_be_bytes(id)))
    };
    let selection = match (p1, p2) {
        (0x00, 0x00) => Selection::ById(id()?),
        (0x02, 0x00) => Selection::FileById(id()?),
        (0x04, 0x00) => Selection::ByName(ApplicationName::new(data).ok_or(WRONG_LENGTH)?),
        _ => return Err(WRONG_PARAMETERS),
    };
    Ok(Command::Select(selection))
}

/// Two fields of eight bytes and perhaps a version.
type Authentication = ([u8; 8], [u8; 8], Option<u8>);

fn authentication(data: &[u8]) -> Result<Authentication, StatusWord> {
    let (first, rest) = data.split_first_chunk().ok_or(WRONG_LENGTH)?;
    let (second, rest) = rest.split_first_chunk().ok_or(WRONG_LENGTH)?;
    match rest {
        [] => Ok((*first, *second, None)),
        [version] => Ok((*first, *second, Some(*version))),
        _ => Err(WRONG_LENGTH),
    }
}

fn change_pin<'a>(data: &[u8]) -> Result<Command<'a>, StatusWord> {
    let at = data.iter().position(|byte| *byte == 0xFF).ok_or(StatusWord::WRONG_DATA)?;
    let field = |bytes| PinField::new(bytes).map_err(|_| WRONG_LENGTH);
    Ok(Command::ChangePin { old: field(&data[..at])?, new: field(&data[at + 1..])? })
}

/// Which finger P2 names: 80 and its position. A number that is no finger's is reference data that is not there.
fn finger(p1: u8, p2: u8) -> Result<Position, StatusWord> {
    if p1 != 0 || p2 & 0xE0 != FINGER_REFERENCE {
        return Err(WRONG_PARAMETERS);
    }
    Position::new(p2 & !FINGER_REFERENCE).ok_or(StatusWord::KEY_NOT_FOUND)
}

/// Exactly one biometric data template with exactly one object of standard format in it.
fn minutiae(data: &[u8]) -> Result<Body<'_>, StatusWord> {
    let template = only(data, TAG_BIOMETRIC_DATA).ok_or(StatusWord::WRONG_DATA)?;
    let minutiae = only(template, TAG_STANDARD_FORMAT).ok_or(StatusWord::WRONG_DATA)?;
    check_minutiae(minutiae).map_err(|_| StatusWord::WRONG_DATA)?;
    Ok(Body(minutiae))
}

/// The value of the only object there is, when it has this tag.
fn only(bytes: &[u8], tag: u32) -> Option<&[u8]> {
    let mut objects = ber::objects(bytes);
    let object = objects.next()?.ok().filter(|object| object.tag == tag)?;
    objects.next().is_none().then_some(object.value)
}

fn purse(p1: u8, right_p1: u8, p2: u8) -> Result<Purse, StatusWord> {
    Purse::from_p2(p2).filter(|_| p1 == right_p1).ok_or(WRONG_PARAMETERS)
}

fn psam_key(usage: u8, id: u8) -> PsamKey {
    PsamKey { usage: Usage(usage), id }
}

fn date_time(fields: &mut Fields<'_>) -> Result<DateTime, Error> {
    DateTime::from_cn(fields.array()?).ok_or(Error::Malformed { part: Part::Date })
}

impl SamAccountPurchase {
    /// Reads the data field; `Malformed` when date and time are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let mut purchase = SamAccountPurchase {
            random: fields.array()?,
            serial: fields.u16()?,
            amounts: Amounts::read(&mut fields)?,
            transaction_type: fields.byte()?,
            date_time: date_time(&mut fields)?,
            key_version: fields.byte()?,
            algorithm_id: fields.byte()?,
            card: Factor::new(fields.array()?),
            city: None,
        };
        if bytes.len() > 0x24 {
            purchase.city = Some(Factor::new(fields.array()?));
        }
        fields.end()?;
        Ok(purchase)
    }
}

impl SamWalletPurchase {
    /// Reads the data field; `Malformed` when date and time are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let purchase = SamWalletPurchase {
            random: fields.array()?,
            serial: fields.u16()?,
            amount_fen: fields.u32()?,
            transaction_type: fields.byte()?,
            date_time: date_time(&mut fields)?,
            key_version: fields.byte()?,
            algorithm_id: fields.byte()?,
            factors: Factors::NONE,
        };
        let rest = bytes.get(0x14..).unwrap_or_default();
        let too_long = Error::TooLong { part: Part::Transaction, max: 0x14 + 3 * 8, got: bytes.len() };
        Ok(SamWalletPurchase { factors: Factors::from_bytes(rest).ok_or(too_long)?, ..purchase })
    }
}
