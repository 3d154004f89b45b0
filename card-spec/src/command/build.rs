//! From a command to bytes.

use heapless::Vec;
use zeroize::Zeroize;

use super::{
    BinaryReference, Command, FINGER_REFERENCE, OFFSET_MAX, RecordReference, Selection, TAG_BIOMETRIC_DATA,
    TAG_STANDARD_FORMAT,
};
use crate::{
    Error, Part,
    account::BalanceKind,
    apdu::{CommandApdu, CommandBytes, DATA_BYTES_MAX, LE_MAX},
    file::ShortFileId,
    fingerprint::{MINUTIA_BYTES, MINUTIAE_MAX, check_minutiae},
    key::Factor,
    secure_messaging::CLASS_BITS,
    tlv::ber,
};

type Data = Vec<u8, DATA_BYTES_MAX>;

impl Command<'_> {
    /// The bytes to send, always in the short form, with the Le that fits the answer. Those of VERIFY and
    /// CHANGE PIN are the caller's to wipe.
    ///
    /// `TooLong` when data do not fit 255 bytes, `Malformed` for data that no card takes: an empty
    /// update, an offset above [`OFFSET_MAX`], a PIN with FF in CHANGE PIN.
    pub fn build(&self) -> Result<CommandBytes, Error> {
        let mut data = Data::new();
        let ([cla, ins, p1, p2], le) = self.head_and_data(&mut data)?;
        let bytes = CommandApdu { cla, ins, p1, p2, data: &data, le }.build();
        // It may be a PIN.
        data.as_mut_slice().zeroize();
        bytes
    }

    /// Header and data field without MAC: what the MAC of a protected command covers. See
    /// [`crate::secure_messaging::MacKey::command_mac`].
    ///
    /// A command without MAC gives its whole data. Errors as for [`Command::build`].
    pub fn authenticated_parts(&self) -> Result<([u8; 4], Data), Error> {
        let mut data = Data::new();
        let (head, _) = self.head_and_data(&mut data)?;
        let has_mac = matches!(
            self,
            Command::UpdateRecord { mac: Some(_), .. }
                | Command::UpdateBinary { mac: Some(_), .. }
                | Command::AppendRecord { mac: Some(_), .. }
                | Command::PinUnblock { .. }
                | Command::FingerUnblock { .. }
                | Command::PinReset { .. }
                | Command::CardBlock { .. }
                | Command::ApplicationBlock { .. }
                | Command::ApplicationUnblock { .. }
        );
        if has_mac {
            data.truncate(data.len().saturating_sub(4));
        }
        Ok((head, data))
    }

    fn head_and_data(&self, out: &mut Data) -> Result<([u8; 4], Option<u32>), Error> {
        let mut put = |pieces: &[&[u8]]| put_all(out, pieces);
        let any = Some(LE_MAX);
        Ok(match self {
            Command::Select(Selection::ById(id)) => {
                put(&[&id.to_bytes()])?;
                ([0x00, 0xA4, 0x00, 0x00], None)
            }
            Command::Select(Selection::FileById(id)) => {
                put(&[&id.to_bytes()])?;
                ([0x00, 0xA4, 0x02, 0x00], None)
            }
            Command::Select(Selection::ByName(name)) => {
                put(&[name.as_bytes()])?;
                ([0x00, 0xA4, 0x04, 0x00], None)
            }
            Command::ReadRecord { record, le } => {
                if matches!(record, RecordReference::Previous { .. }) {
                    return Err(Error::Malformed { part: Part::CommandApdu });
                }
                let (p1, p2) = record_parameters(record);
                ([0x00, 0xB2, p1, p2], Some(short(*le)))
            }
            Command::ReadBinary { at, le } => {
                let (p1, p2) = binary_parameters(at)?;
                ([0x00, 0xB0, p1, p2], Some(short(*le)))
            }
            Command::UpdateRecord { record, data, mac } => {
                if matches!(record, RecordReference::AllFrom { .. }) {
                    return Err(Error::Malformed { part: Part::CommandApdu });
                }
                let (p1, p2) = record_parameters(record);
                put(&[filled(data.0)?, mac.as_ref().map_or(&[], |mac| mac.as_slice())])?;
                ([class(mac.is_some()), 0xDC, p1, p2], None)
            }
            Command::UpdateBinary { at, data, mac } => {
                let (p1, p2) = binary_parameters(at)?;
                put(&[filled(data.0)?, mac.as_ref().map_or(&[], |mac| mac.as_slice())])?;
                ([class(mac.is_some()), 0xD6, p1, p2], None)
            }
            Command::AppendRecord { file, data, mac } => {
                put(&[filled(data.0)?, mac.as_ref().map_or(&[], |mac| mac.as_slice())])?;
                ([class(mac.is_some()), 0xE2, 0x00, file.map_or(0, ShortFileId::value) << 3], None)
            }
            Command::GetResponse { le } => ([0x00, 0xC0, 0x00, 0x00], Some(short(*le))),
            Command::GetChallenge { le } => ([0x00, 0x84, 0x00, 0x00], Some(short(*le))),
            Command::InternalAuthenticate { factor, data, version } => {
                put(&[factor, data, version.as_ref().map_or(&[], core::slice::from_ref)])?;
                ([0x00, 0x88, 0x00, 0x00], None)
            }
            Command::ExternalAuthenticate { key, cryptogram, data, version } => {
                put(&[cryptogram, data, version.as_ref().map_or(&[], core::slice::from_ref)])?;
                ([0x00, 0x82, 0x00, key.0], None)
            }
            Command::Verify { pin } => {
                put(&[pin.as_bytes()])?;
                ([0x00, 0x20, 0x00, 0x00], None)
            }
            Command::PinTries => ([0x00, 0x20, 0x00, 0x00], None),
            Command::VerifyFinger { position, minutiae } => {
                check_minutiae(minutiae.0)?;
                let mut inner: Vec<u8, { MINUTIAE_MAX * MINUTIA_BYTES + 3 }> = Vec::new();
                ber::append(&mut inner, TAG_STANDARD_FORMAT, minutiae.0)?;
                let appended = ber::append(out, TAG_BIOMETRIC_DATA, &inner);
                inner.as_mut_slice().zeroize();
                appended?;
                ([0x00, 0x21, 0x00, FINGER_REFERENCE | position.number()], None)
            }
            Command::FingerTries { position } => {
                ([0x00, 0x21, 0x00, FINGER_REFERENCE | position.number()], None)
            }
            Command::ChangePin { old, new } => {
                if old.as_bytes().contains(&0xFF) {
                    return Err(Error::Malformed { part: Part::Pin });
                }
                put(&[old.as_bytes(), &[0xFF], new.as_bytes()])?;
                ([0x80, 0x5E, 0x01, 0x00], None)
            }
            Command::PinUnblock { mac } => {
                put(&[mac])?;
                ([0x84, 0x24, 0x00, 0x00], None)
            }
            Command::FingerUnblock { mac } => {
                put(&[mac])?;
                ([0x84, 0x24, 0x00, FINGER_REFERENCE], None)
            }
            Command::PinReset { pin, mac } => {
                put(&[pin.as_bytes(), mac])?;
                ([0x84, 0x24, 0x00, 0x01], None)
            }
            Command::CardBlock { mac } => {
                put(&[mac])?;
                ([0x84, 0x16, 0x00, 0x00], None)
            }
            Command::ApplicationBlock { permanent, mac } => {
                put(&[mac])?;
                ([0x84, 0x1E, 0x00, u8::from(*permanent)], None)
            }
            Command::ApplicationUnblock { mac } => {
                put(&[mac])?;
                ([0x84, 0x18, 0x00, 0x00], None)
            }
            Command::GetAccountBalance(kind) => {
                let p2 = match kind {
                    BalanceKind::Account => 0x01,
                    BalanceKind::SelfPaid => 0x02,
                    BalanceKind::Pooled => 0x03,
                };
                ([0xB0, 0x26, 0x00, p2], Some(u32::from(kind.answer_bytes())))
            }
            Command::InitializeAccountLoad(request) => {
                put(&[&request.to_bytes()])?;
                ([0xB0, 0x28, 0x00, 0x01], Some(0x10))
            }
            Command::CreditAccount(credit) => {
                put(&[&credit.to_bytes()])?;
                ([0xB0, 0x2A, 0x00, 0x00], Some(0x04))
            }
            Command::InitializeAccountPurchase(request) => {
                put(&[&request.to_bytes()])?;
                ([0xB0, 0x28, 0x01, 0x01], Some(0x16))
            }
            Command::DebitAccount(debit) => {
                put(&[&debit.to_bytes()])?;
                ([0xB0, 0x2C, 0x01, 0x00], Some(0x08))
            }
            Command::GetWalletBalance(purse) => ([0x80, 0x5C, 0x00, purse.p2()], Some(0x04)),
            Command::InitializeWalletLoad { purse, request } => {
                put(&[&request.to_bytes()])?;
                ([0x80, 0x50, 0x00, purse.p2()], Some(0x10))
            }
            Command::CreditWallet(credit) => {
                put(&[&credit.to_bytes()])?;
                ([0x80, 0x52, 0x00, 0x00], Some(0x04))
            }
            Command::InitializeWalletPurchase { purse, request } => {
                put(&[&request.to_bytes()])?;
                ([0x80, 0x50, 0x01, purse.p2()], Some(0x0F))
            }
            Command::DebitWallet(debit) => {
                put(&[&debit.to_bytes()])?;
                ([0x80, 0x54, 0x01, 0x00], Some(0x08))
            }
            Command::GetTransactionProof { transaction_type, serial } => {
                put(&[&serial.to_be_bytes()])?;
                ([0x80, 0x5A, 0x00, *transaction_type], Some(0x08))
            }
            Command::DeliverSessionKey { key, factors, challenge } => {
                factors.as_slice().iter().try_for_each(|factor| put(&[factor.as_bytes()]))?;
                put(&[challenge])?;
                ([0xBF, 0xDE, key.usage.0, key.id], None)
            }
            Command::DeliverKey { key, factors } => {
                factors.as_slice().iter().try_for_each(|factor| put(&[factor.as_bytes()]))?;
                ([0x80, 0x1A, key.usage.0, key.id], None)
            }
            Command::CipherData { mode, data } => {
                put(&[filled(data.0)?])?;
                ([0x80, 0xFA, mode.p1(), 0x00], any)
            }
            Command::InitializeSamForAccount(purchase) => {
                put(&[
                    &purchase.random,
                    &purchase.serial.to_be_bytes(),
                    &purchase.amounts.to_bytes(),
                    &[purchase.transaction_type],
                    &purchase.date_time.to_cn(),
                    &[purchase.key_version, purchase.algorithm_id],
                    purchase.card.as_bytes(),
                    purchase.city.as_ref().map_or(&[], |city| Factor::as_bytes(city).as_slice()),
                ])?;
                ([0x80, 0x70, 0x01, 0x00], Some(0x08))
            }
            Command::InitializeSamForWallet(purchase) => {
                put(&[
                    &purchase.random,
                    &purchase.serial.to_be_bytes(),
                    &purchase.amount_fen.to_be_bytes(),
                    &[purchase.transaction_type],
                    &purchase.date_time.to_cn(),
                    &[purchase.key_version, purchase.algorithm_id],
                ])?;
                purchase.factors.as_slice().iter().try_for_each(|factor| put(&[factor.as_bytes()]))?;
                ([0x80, 0x70, 0x00, 0x00], Some(0x08))
            }
            Command::CreditSam { mac2 } => {
                put(&[mac2])?;
                ([0x80, 0x72, 0x00, 0x00], None)
            }
        })
    }
}

fn put_all(out: &mut Data, pieces: &[&[u8]]) -> Result<(), Error> {
    pieces.iter().try_for_each(|piece| {
        out.extend_from_slice(piece).map_err(|_| Error::TooLong {
            part: Part::CommandApdu,
            max: DATA_BYTES_MAX,
            got: out.len() + piece.len(),
        })
    })
}

fn filled(data: &[u8]) -> Result<&[u8], Error> {
    if data.is_empty() { Err(Error::Malformed { part: Part::CommandApdu }) } else { Ok(data) }
}

fn class(with_mac: bool) -> u8 {
    if with_mac { CLASS_BITS } else { 0x00 }
}

fn short(le: u8) -> u32 {
    if le == super::LE_ANY { LE_MAX } else { u32::from(le) }
}

fn record_parameters(record: &RecordReference) -> (u8, u8) {
    let file = record.file().map_or(0, ShortFileId::value) << 3;
    match record {
        RecordReference::Tag { tag, .. } => (*tag, file),
        RecordReference::Previous { .. } => (0, file | 0b011),
        RecordReference::Number { number, .. } => (*number, file | 0b100),
        RecordReference::AllFrom { number, .. } => (*number, file | 0b101),
    }
}

fn binary_parameters(at: &BinaryReference) -> Result<(u8, u8), Error> {
    match at {
        BinaryReference::Current { offset } if *offset > OFFSET_MAX => {
            Err(Error::Malformed { part: Part::CommandApdu })
        }
        BinaryReference::Current { offset } => {
            let [p1, p2] = offset.to_be_bytes();
            Ok((p1, p2))
        }
        BinaryReference::File { file, offset } => Ok((0x80 | file.value(), *offset)),
    }
}
