//! Purchase (消费) from the medical account.

use super::{Amounts, Balances, TYPE_PURCHASE};
use crate::{
    Error, Part,
    bytes::{Fields, join},
    date::DateTime,
    key::Key128,
    psam::{TerminalNumber, TerminalSerial},
    suite::{Mac, SessionKey, Suite},
};

/// Data of INITIALIZE FOR PURCHASE, 13 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurchaseRequest {
    /// Which version of the purchase key; the PSAM names it.
    pub key_index: u8,
    /// What is to be paid.
    pub amounts: Amounts,
    /// Terminal.
    pub terminal: TerminalNumber,
}

impl PurchaseRequest {
    /// Bytes of the data field.
    pub const BYTES: usize = 19;

    /// Reads the data field.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let request = PurchaseRequest {
            key_index: fields.byte()?,
            amounts: Amounts::read(&mut fields)?,
            terminal: TerminalNumber(fields.array()?),
        };
        fields.end()?;
        Ok(request)
    }

    /// The data field.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        join(&[&[self.key_index], &self.amounts.to_bytes(), &self.terminal.0])
    }
}

/// Answer of INITIALIZE FOR PURCHASE, 16 (hex) bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurchaseAnswer {
    /// What the account holds before the purchase.
    pub balances: Balances,
    /// Offline serial before the purchase; with the type it names the transaction to ask the proof for.
    pub serial: u16,
    /// Version of the purchase key.
    pub key_version: u8,
    /// Algorithm id of the purchase key.
    pub algorithm_id: u8,
    /// Random of the card, good for one purchase.
    pub random: [u8; 4],
}

impl PurchaseAnswer {
    /// Bytes of the answer.
    pub const BYTES: usize = 22;

    /// Reads the answer, without status word.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let answer = PurchaseAnswer {
            balances: Balances::read(&mut fields)?,
            serial: fields.u16()?,
            key_version: fields.byte()?,
            algorithm_id: fields.byte()?,
            random: fields.array()?,
        };
        fields.end()?;
        Ok(answer)
    }

    /// The answer.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        join(&[
            &self.balances.to_bytes(),
            &self.serial.to_be_bytes(),
            &[self.key_version, self.algorithm_id],
            &self.random,
        ])
    }
}

/// Answer of INIT_SAM_FOR_PURCHASE: what the PSAM adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamAnswer {
    /// Serial that the PSAM gives this purchase.
    pub terminal_serial: TerminalSerial,
    /// MAC1, by which the card knows the PSAM.
    pub mac1: Mac,
}

impl SamAnswer {
    /// Bytes of the answer.
    pub const BYTES: usize = 8;

    /// Reads the answer, without status word.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let answer = SamAnswer { terminal_serial: TerminalSerial(fields.u32()?), mac1: fields.array()? };
        fields.end()?;
        Ok(answer)
    }

    /// The answer.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        join(&[&self.terminal_serial.0.to_be_bytes(), &self.mac1])
    }
}

/// Data of DEBIT, 0F bytes: the command that takes the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debit {
    /// Serial of the PSAM.
    pub terminal_serial: TerminalSerial,
    /// Date and time that MAC1 was made for.
    pub date_time: DateTime,
    /// MAC1 of the PSAM.
    pub mac1: Mac,
}

impl Debit {
    /// Bytes of the data field.
    pub const BYTES: usize = 15;

    /// Reads the data field; `Malformed` when date and time are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let terminal_serial = TerminalSerial(fields.u32()?);
        let date_time = DateTime::from_cn(fields.array()?).ok_or(Error::Malformed { part: Part::Date })?;
        let debit = Debit { terminal_serial, date_time, mac1: fields.array()? };
        fields.end()?;
        Ok(debit)
    }

    /// The data field.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        join(&[&self.terminal_serial.0.to_be_bytes(), &self.date_time.to_cn(), &self.mac1])
    }
}

/// Answer of DEBIT, 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DebitAnswer {
    /// TAC, for the center.
    pub tac: Mac,
    /// MAC2, for the PSAM.
    pub mac2: Mac,
}

impl DebitAnswer {
    /// Reads the answer, without status word.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let answer = DebitAnswer { tac: fields.array()?, mac2: fields.array()? };
        fields.end()?;
        Ok(answer)
    }

    /// The answer.
    pub fn to_bytes(&self) -> [u8; 8] {
        join(&[&self.tac, &self.mac2])
    }
}

/// One purchase, as card, PSAM and center see it; makes session key, MACs and TAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// What is paid.
    pub amounts: Amounts,
    /// Terminal.
    pub terminal: TerminalNumber,
    /// Serial of the PSAM.
    pub terminal_serial: TerminalSerial,
    /// Date and time.
    pub date_time: DateTime,
    /// Offline serial of the card before it is raised.
    pub serial: u16,
    /// Random of the card.
    pub random: [u8; 4],
}

impl Purchase {
    /// Session key from DPK: random, serial, low two bytes of the terminal's serial.
    pub fn session_key(&self, suite: Suite, purchase_key: &Key128) -> SessionKey {
        suite.transaction_key(purchase_key, self.random, self.serial, self.terminal_serial.low())
    }

    /// MAC1 of the PSAM: amounts, type, terminal, date and time.
    pub fn mac1(&self, session: &SessionKey) -> Mac {
        session.mac(&[&self.amounts.to_bytes(), &[TYPE_PURCHASE], &self.terminal.0, &self.date_time.to_cn()])
    }

    /// MAC2 of the card: amounts.
    pub fn mac2(&self, session: &SessionKey) -> Mac {
        session.mac(&[&self.amounts.to_bytes()])
    }

    /// TAC of the card: amounts, type, terminal, terminal serial, date and time.
    pub fn tac(&self, suite: Suite, tac_key: &Key128) -> Mac {
        suite.tac(
            tac_key,
            &[
                &self.amounts.to_bytes(),
                &[TYPE_PURCHASE],
                &self.terminal.0,
                &self.terminal_serial.0.to_be_bytes(),
                &self.date_time.to_cn(),
            ],
        )
    }
}
