//! The PBOC wallet (电子钱包, 电子存折), which banks and cities put on the card.
//!
//! Source: JR/T 0025 (PBOC) part 1 and 2. Its load is [`crate::account::Load`].

use crate::{
    Error, Part,
    bytes::{Fields, join},
    date::DateTime,
    key::Key128,
    psam::{TerminalNumber, TerminalSerial},
    suite::{Mac, SessionKey, Suite},
};

/// Bytes of a record of the wallet's log.
pub const LOG_RECORD_BYTES: usize = 0x17;

/// Which purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purse {
    /// 01: electronic deposit (ED, 电子存折); asks for the PIN.
    Deposit,
    /// 02: electronic purse (EP, 电子钱包).
    Purse,
}

impl Purse {
    /// P2 of the commands.
    pub const fn p2(self) -> u8 {
        match self {
            Purse::Deposit => 0x01,
            Purse::Purse => 0x02,
        }
    }

    /// From P2.
    pub const fn from_p2(p2: u8) -> Option<Self> {
        match p2 {
            0x01 => Some(Purse::Deposit),
            0x02 => Some(Purse::Purse),
            _ => None,
        }
    }

    /// Type byte of its load.
    pub const fn load_type(self) -> u8 {
        self.p2()
    }

    /// Type byte of its purchase.
    pub const fn purchase_type(self) -> u8 {
        match self {
            Purse::Deposit => 0x05,
            Purse::Purse => 0x06,
        }
    }
}

/// Answer of INITIALIZE FOR PURCHASE, 0F bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurchaseAnswer {
    /// Balance before.
    pub balance_fen: u32,
    /// Offline serial before.
    pub serial: u16,
    /// Limit of overdraft, three bytes.
    pub overdraft_fen: u32,
    /// Version of the purchase key.
    pub key_version: u8,
    /// Algorithm id of the purchase key.
    pub algorithm_id: u8,
    /// Random of the card.
    pub random: [u8; 4],
}

impl PurchaseAnswer {
    /// Bytes of the answer.
    pub const BYTES: usize = 15;

    /// Reads the answer, without status word.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let balance_fen = fields.u32()?;
        let serial = fields.u16()?;
        let [a, b, c] = fields.array()?;
        let answer = PurchaseAnswer {
            balance_fen,
            serial,
            overdraft_fen: u32::from_be_bytes([0, a, b, c]),
            key_version: fields.byte()?,
            algorithm_id: fields.byte()?,
            random: fields.array()?,
        };
        fields.end()?;
        Ok(answer)
    }

    /// The answer; of the overdraft the low three bytes.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        join(&[
            &self.balance_fen.to_be_bytes(),
            &self.serial.to_be_bytes(),
            &self.overdraft_fen.to_be_bytes()[1..],
            &[self.key_version, self.algorithm_id],
            &self.random,
        ])
    }
}

/// One purchase from a wallet; makes session key, MACs and TAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// Amount.
    pub amount_fen: u32,
    /// Type byte.
    pub transaction_type: u8,
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

    /// MAC1 of the PSAM: amount, type, terminal, date and time.
    pub fn mac1(&self, session: &SessionKey) -> Mac {
        session.mac(&[
            &self.amount_fen.to_be_bytes(),
            &[self.transaction_type],
            &self.terminal.0,
            &self.date_time.to_cn(),
        ])
    }

    /// MAC2 of the card: amount.
    pub fn mac2(&self, session: &SessionKey) -> Mac {
        session.mac(&[&self.amount_fen.to_be_bytes()])
    }

    /// TAC of the card: amount, type, terminal, terminal serial, date and time.
    pub fn tac(&self, suite: Suite, tac_key: &Key128) -> Mac {
        suite.tac(
            tac_key,
            &[
                &self.amount_fen.to_be_bytes(),
                &[self.transaction_type],
                &self.terminal.0,
                &self.terminal_serial.0.to_be_bytes(),
                &self.date_time.to_cn(),
            ],
        )
    }
}

/// One record of the wallet's log: serial 2, overdraft 3, amount 4, type 1, terminal 6, date and time 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Serial of the transaction.
    pub serial: u16,
    /// Limit of overdraft.
    pub overdraft_fen: u32,
    /// Amount.
    pub amount_fen: u32,
    /// Type byte.
    pub transaction_type: u8,
    /// Terminal.
    pub terminal: TerminalNumber,
    /// Date and time.
    pub date_time: DateTime,
}

impl LogRecord {
    /// Reads a record; `Ok(None)` for one that was never written, `Malformed` when the date is none.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let mut fields = Fields::new(bytes, Part::LogRecord);
        let serial = fields.u16()?;
        let [a, b, c] = fields.array()?;
        let amount_fen = fields.u32()?;
        let transaction_type = fields.byte()?;
        let terminal = TerminalNumber(fields.array()?);
        let date_time = DateTime::from_cn(fields.array()?);
        fields.end()?;
        if bytes.iter().all(|byte| *byte == 0xFF) || bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        Ok(Some(LogRecord {
            serial,
            overdraft_fen: u32::from_be_bytes([0, a, b, c]),
            amount_fen,
            transaction_type,
            terminal,
            date_time: date_time.ok_or(Error::Malformed { part: Part::LogRecord })?,
        }))
    }

    /// The record; of the overdraft the low three bytes.
    pub fn to_bytes(&self) -> [u8; LOG_RECORD_BYTES] {
        join(&[
            &self.serial.to_be_bytes(),
            &self.overdraft_fen.to_be_bytes()[1..],
            &self.amount_fen.to_be_bytes(),
            &[self.transaction_type],
            &self.terminal.0,
            &self.date_time.to_cn(),
        ])
    }
}
