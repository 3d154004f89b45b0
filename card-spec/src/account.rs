//! The medical account (个人账户) in DF04, for payment without a line.
//!
//! The flow is that of a PBOC wallet with three amounts instead of one: what the personal account pays,
//! what the person pays, what the pooled fund pays.
//!
//! Choices of ours, where the public record is silent, stand here alone:
//! - the first 14 bytes of the answer of INITIALIZE FOR PURCHASE are the balance, the two yearly sums and
//!   the year;
//! - CREDIT FOR LOAD is `B0 2A 00 00 0B`, date, time, MAC2, and answers the TAC;
//! - the type byte of a load is 31, that of a purchase 32 (seen);
//! - MAC2 of a purchase covers the three amounts; its TAC covers amounts, type, terminal, terminal serial,
//!   date and time;
//! - the log keeps amounts as BCD, so none of them may exceed [`AMOUNT_FEN_MAX`]; it keeps the serial as
//!   the two bytes of the transaction;
//! - GET TRANSACTION PROOF answers the MAC that the card made in that transaction (MAC1 of a load, MAC2
//!   of a purchase) and its TAC.

mod load;
mod log;
mod purchase;

pub use self::{
    load::{CreditAnswer, Load, LoadAnswer, LoadCredit, LoadRequest},
    log::{LOG_RECORD_BYTES, LOG_RECORDS, LogRecord},
    purchase::{Debit, DebitAnswer, Purchase, PurchaseAnswer, PurchaseRequest, SamAnswer},
};
use crate::{
    Error, Part,
    bytes::{Fields, join},
    money::Fen,
    suite::Mac,
    text::{number_from_bcd, number_to_bcd},
};

/// Type byte of a load (圈存).
pub const TYPE_LOAD: u8 = 0x31;
/// Type byte of a purchase (消费).
pub const TYPE_PURCHASE: u8 = 0x32;
/// Key index that terminals ask for.
pub const KEY_INDEX: u8 = 0x01;
/// Largest amount of one transaction, 999 999.99 yuan: eight digits of the log.
pub const AMOUNT_FEN_MAX: u32 = 99_999_999;

/// What one purchase takes from whom, in the order of the commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// From the personal account (CIA). May be 0, and in the national tests is.
    pub account_fen: u32,
    /// Paid by the person (个人自付), added to the yearly sum.
    pub self_paid_fen: u32,
    /// Paid by the pooled fund (统筹基金), added to the yearly sum.
    pub pooled_fen: u32,
}

impl Amounts {
    /// Bytes of the three amounts.
    pub const BYTES: usize = 12;

    /// From money; `None` when an amount is negative or above [`AMOUNT_FEN_MAX`].
    pub fn from_fen(account: Fen, self_paid: Fen, pooled: Fen) -> Option<Self> {
        let fits = |amount: Fen| amount.to_card().filter(|fen| *fen <= AMOUNT_FEN_MAX);
        Some(Amounts {
            account_fen: fits(account)?,
            self_paid_fen: fits(self_paid)?,
            pooled_fen: fits(pooled)?,
        })
    }

    /// Whether the log can hold all three.
    pub fn fit_the_log(&self) -> bool {
        [self.account_fen, self.self_paid_fen, self.pooled_fen].iter().all(|fen| *fen <= AMOUNT_FEN_MAX)
    }

    /// Three big-endian numbers.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        join(&[
            &self.account_fen.to_be_bytes(),
            &self.self_paid_fen.to_be_bytes(),
            &self.pooled_fen.to_be_bytes(),
        ])
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Amounts { account_fen: fields.u32()?, self_paid_fen: fields.u32()?, pooled_fen: fields.u32()? })
    }
}

/// Year of the yearly sums, two bytes of BCD on the card; a card that was never used has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountYear(Option<u16>);

impl AccountYear {
    /// Never used.
    pub const NONE: Self = AccountYear(None);

    /// A year up to 9999.
    pub fn new(year: u16) -> Self {
        AccountYear((1..=9999).contains(&year).then_some(year))
    }

    /// The year.
    pub fn year(self) -> Option<u16> {
        self.0
    }

    /// From the card. Anything but a year is none.
    pub fn from_cn(bytes: [u8; 2]) -> Self {
        number_from_bcd(&bytes).map_or(Self::NONE, |year| Self::new(year as u16))
    }

    /// As the card stores it: FFFF for none.
    pub fn to_cn(self) -> [u8; 2] {
        self.0.and_then(|year| number_to_bcd(u32::from(year))).unwrap_or([0xFF; 2])
    }
}

/// What the account holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balances {
    /// Balance of the personal account (CIA).
    pub account_fen: u32,
    /// Paid by the person in the year (SPIP).
    pub self_paid_year_fen: u32,
    /// Paid by the pooled fund in the year (SPFP).
    pub pooled_year_fen: u32,
    /// Year of the two sums.
    pub year: AccountYear,
}

impl Balances {
    /// Bytes of the account's state in the answer of INITIALIZE FOR PURCHASE.
    pub const BYTES: usize = 14;

    /// As the card answers it.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        join(&[
            &self.account_fen.to_be_bytes(),
            &self.self_paid_year_fen.to_be_bytes(),
            &self.pooled_year_fen.to_be_bytes(),
            &self.year.to_cn(),
        ])
    }

    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Balances {
            account_fen: fields.u32()?,
            self_paid_year_fen: fields.u32()?,
            pooled_year_fen: fields.u32()?,
            year: AccountYear::from_cn(fields.array()?),
        })
    }
}

/// What GET BALANCE (B0 26) asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalanceKind {
    /// P2 01: balance of the personal account, four bytes.
    Account,
    /// P2 02: paid by the person in the year, four bytes and the year.
    SelfPaid,
    /// P2 03: paid by the pooled fund in the year, four bytes and the year.
    Pooled,
}

impl BalanceKind {
    /// Bytes of the answer.
    pub const fn answer_bytes(self) -> u8 {
        match self {
            BalanceKind::Account => 4,
            BalanceKind::SelfPaid | BalanceKind::Pooled => 6,
        }
    }
}

/// Answer of GET BALANCE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BalanceAnswer {
    /// The sum.
    pub amount_fen: u32,
    /// Its year, when it is a yearly sum.
    pub year: Option<AccountYear>,
}

impl BalanceAnswer {
    /// Reads four bytes, or six with a year.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let amount_fen = fields.u32()?;
        let year = if bytes.len() > 4 { Some(AccountYear::from_cn(fields.array()?)) } else { None };
        fields.end()?;
        Ok(BalanceAnswer { amount_fen, year })
    }
}

/// Answer of GET TRANSACTION PROOF: MAC and TAC that the card made in that transaction.
///
/// For a purchase the MAC is MAC2, so a terminal that missed the answer of DEBIT gets all of it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionProof {
    /// MAC.
    pub mac: Mac,
    /// TAC.
    pub tac: Mac,
}

impl TransactionProof {
    /// Reads eight bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::new(bytes, Part::Transaction);
        let proof = TransactionProof { mac: fields.array()?, tac: fields.array()? };
        fields.end()?;
        Ok(proof)
    }

    /// Eight bytes.
    pub fn to_bytes(&self) -> [u8; 8] {
        join(&[&self.mac, &self.tac])
    }
}
