//! Load (圈存), the same for the medical account and for a PBOC wallet.

use crate::{
    Error, Part,
    bytes::{Fields, join},
    date::DateTime,
    key::Key128,
    psam::TerminalNumber,
    suite::{Mac, SessionKey, Suite},
};

/// Data of INITIALIZE FOR LOAD, and of INITIALIZE FOR PURCHASE of a wallet: 0B bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadRequest {
    /// Which version of the key.
    pub key_index: u8,
    /// Amount.
    pub amount_fen: u32,
    /// Terminal.
    pub terminal: TerminalNumber,
}

impl LoadRequest {
    /// Bytes of the request.
    pub const BYTES: usize = 11;

    /// Reads the data field.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let request = LoadRequest {
            key_index: fields.byte()?,
            amount_fen: fields.u32()?,
            terminal: TerminalNumber(fields.array()?),
        };
        fields.end()?;
        Ok(request)
    }

    /// The data field.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        join(&[&[self.key_index], &self.amount_fen.to_be_bytes(), &self.terminal.0])
    }
}

/// Answer of INITIALIZE FOR LOAD, 10 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadAnswer {
    /// Balance before the load.
    pub balance_fen: u32,
    /// Online serial before the load.
    pub serial: u16,
    /// Version of the load key.
    pub key_version: u8,
    /// Algorithm id of the load key.
    pub algorithm_id: u8,
    /// Random of the card, good for one load.
    pub random: [u8; 4],
    /// MAC1, by which the center knows the card.
    pub mac1: Mac,
}

impl LoadAnswer {
    /// Bytes of the answer.
    pub const BYTES: usize = 16;

    /// Reads the answer, without status word.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let answer = LoadAnswer {
            balance_fen: fields.u32()?,
            serial: fields.u16()?,
            key_version: fields.byte()?,
            algorithm_id: fields.byte()?,
            random: fields.array()?,
            mac1: fields.array()?,
        };
        fields.end()?;
        Ok(answer)
    }

    /// The answer.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        join(&[
            &self.balance_fen.to_be_bytes(),
            &self.serial.to_be_bytes(),
            &[self.key_version, self.algorithm_id],
            &self.random,
            &self.mac1,
        ])
    }
}

/// Data of CREDIT FOR LOAD, 0B bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadCredit {
    /// Date and time at the center.
    pub date_time: DateTime,
    /// MAC2, by which the card knows the center.
    pub mac2: Mac,
}

impl LoadCredit {
    /// Bytes of the data field.
    pub const BYTES: usize = 11;

    /// Reads the data field; `Malformed` when date and time are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let date_time = DateTime::from_cn(fields.array()?).ok_or(Error::Malformed { part: Part::Date })?;
        let credit = LoadCredit { date_time, mac2: fields.array()? };
        fields.end()?;
        Ok(credit)
    }

    /// The data field.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        join(&[&self.date_time.to_cn(), &self.mac2])
    }
}

/// Answer of CREDIT FOR LOAD: the TAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreditAnswer {
    /// TAC.
    pub tac: Mac,
}

impl CreditAnswer {
    /// Reads four bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let answer = CreditAnswer { tac: fields.array()? };
        fields.end()?;
        Ok(answer)
    }
}

/// One load, as card and center see it; makes session key, MACs and TAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Balance before.
    pub balance_before_fen: u32,
    /// Amount.
    pub amount_fen: u32,
    /// Type byte.
    pub transaction_type: u8,
    /// Terminal.
    pub terminal: TerminalNumber,
    /// Online serial before it is raised.
    pub serial: u16,
    /// Random of the card.
    pub random: [u8; 4],
}

impl Load {
    /// Session key from DLK: random, serial, 8000.
    pub fn session_key(&self, suite: Suite, load_key: &Key128) -> SessionKey {
        suite.transaction_key(load_key, self.random, self.serial, [0x80, 0x00])
    }

    /// MAC1 of the card: balance before, amount, type, terminal.
    pub fn mac1(&self, session: &SessionKey) -> Mac {
        session.mac(&[
            &self.balance_before_fen.to_be_bytes(),
            &self.amount_fen.to_be_bytes(),
            &[self.transaction_type],
            &self.terminal.0,
        ])
    }

    /// MAC2 of the center: amount, type, terminal, date and time.
    pub fn mac2(&self, session: &SessionKey, date_time: DateTime) -> Mac {
        session.mac(&[
            &self.amount_fen.to_be_bytes(),
            &[self.transaction_type],
            &self.terminal.0,
            &date_time.to_cn(),
        ])
    }

    /// Balance after; `None` when it would not fit the card.
    pub fn balance_after_fen(&self) -> Option<u32> {
        self.balance_before_fen.checked_add(self.amount_fen)
    }

    /// TAC of the card: balance after, serial (before it is raised), amount, type, terminal, date and time.
    ///
    /// `TooLong` when the balance after does not fit the card.
    pub fn tac(&self, suite: Suite, tac_key: &Key128, date_time: DateTime) -> Result<Mac, Error> {
        let after = self.balance_after_fen().ok_or(Error::TooLong { part: Part::Amount, max: 4, got: 5 })?;
        Ok(suite.tac(
            tac_key,
            &[
                &after.to_be_bytes(),
                &self.serial.to_be_bytes(),
                &self.amount_fen.to_be_bytes(),
                &[self.transaction_type],
                &self.terminal.0,
                &date_time.to_cn(),
            ],
        ))
    }
}
