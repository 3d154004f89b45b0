//! The transaction log of the medical account (DF04 EF08).

use super::{AMOUNT_FEN_MAX, Amounts};
use crate::{
    Error, Part,
    bytes::{Fields, join},
    date::DateTime,
    psam::TerminalNumber,
    text::{number_from_bcd, number_to_bcd},
};

/// Bytes of a record.
pub const LOG_RECORD_BYTES: usize = 0x1C;
/// Records that the card keeps; the newest is number 1.
pub const LOG_RECORDS: u8 = 10;

/// One record: serial 2, type 1, terminal 6, date and time 7, three amounts of 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Serial of the transaction.
    pub serial: u16,
    /// Type byte, [`super::TYPE_LOAD`] or [`super::TYPE_PURCHASE`].
    pub transaction_type: u8,
    /// Terminal.
    pub terminal: TerminalNumber,
    /// Date and time.
    pub date_time: DateTime,
    /// Amounts; a load has the first alone.
    pub amounts: Amounts,
}

impl LogRecord {
    /// Reads a record; `Ok(None)` for one that was never written.
    ///
    /// `Malformed` when the date is none or an amount is no BCD.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let mut fields = Fields::new(bytes, Part::LogRecord);
        let serial = fields.u16()?;
        let transaction_type = fields.byte()?;
        let terminal = TerminalNumber(fields.array()?);
        let date_time: [u8; 7] = fields.array()?;
        let amounts = [fields.array::<4>()?, fields.array()?, fields.array()?];
        fields.end()?;
        if bytes.iter().all(|byte| *byte == 0xFF) || bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let malformed = Error::Malformed { part: Part::LogRecord };
        let amount = |index: usize| number_from_bcd(&amounts[index]).ok_or(malformed);
        Ok(Some(LogRecord {
            serial,
            transaction_type,
            terminal,
            date_time: DateTime::from_cn(date_time).ok_or(malformed)?,
            amounts: Amounts { account_fen: amount(0)?, self_paid_fen: amount(1)?, pooled_fen: amount(2)? },
        }))
    }

    /// The record; `TooLong` when an amount exceeds [`AMOUNT_FEN_MAX`].
    pub fn to_bytes(&self) -> Result<[u8; LOG_RECORD_BYTES], Error> {
        let amount = |fen: u32| {
            number_to_bcd::<4>(fen).ok_or(Error::TooLong {
                part: Part::Amount,
                max: AMOUNT_FEN_MAX as usize,
                got: fen as usize,
            })
        };
        Ok(join(&[
            &self.serial.to_be_bytes(),
            &[self.transaction_type],
            &self.terminal.0,
            &self.date_time.to_cn(),
            &amount(self.amounts.account_fen)?,
            &amount(self.amounts.self_paid_fen)?,
            &amount(self.amounts.pooled_fen)?,
        ]))
    }
}
