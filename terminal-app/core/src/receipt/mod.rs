//! Receipts (结算凭证): for paper of 58 and 80 mm, and as PDF.
//!
//! A [`Receipt`] is a value with nothing personal that is not masked. [`Receipt::lines`] lays it out for a
//! printer, [`Receipt::text`] for a screen or a file, [`Receipt::pdf`] as a page with an embedded font.

mod content;
mod mask;
mod paper;
mod pdf;
mod slip;
mod text;

use card_spec::money::Fen;
use protocol::{
    id::{TerminalId, TransactionId},
    timestamp::Timestamp,
    upload::RefusalReason,
};
use serde::{Deserialize, Serialize};

pub use mask::{MaskedName, MaskedNumber};
pub use paper::Paper;
pub use pdf::{FontError, Plain, ReceiptFont, plain_pdf};
pub use slip::{KnownBy, Slip, SlipKind};
pub use text::{COLUMNS_58_MM, COLUMNS_80_MM, COLUMNS_MIN};

use crate::rules::{Bill, Count, ItemClass, PersonKind, Settlement, UnitPrice, VisitKind};

/// Fee lines that are printed; the rest is one line with its sum.
pub const LINES_MAX: usize = 60;

/// All that a receipt shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Settlement or its cancellation.
    pub kind: ReceiptKind,
    /// Printed again.
    pub copy: bool,
    /// Name of the institution.
    pub institution: String,
    /// The terminal.
    pub terminal: TerminalId,
    /// Operator number.
    pub operator: String,
    /// The transaction's name.
    pub transaction: TransactionId,
    /// Its place in the terminal's chain; `None` before it has one.
    pub sequence: Option<u64>,
    /// When it happened.
    pub time: Timestamp,
    /// The holder's name.
    pub name: MaskedName,
    /// The holder's social security number.
    pub number: MaskedNumber,
    /// Kind of insured person.
    pub person: PersonKind,
    /// Kind of visit.
    pub visit: VisitKind,
    /// What was done or dispensed; may be empty. See [`ReceiptLine::of_bill`].
    pub lines: Vec<ReceiptLine>,
    /// The figures; negative for a cancellation.
    pub settlement: Settlement,
    /// The personal account on the card; `None` when it was not touched.
    pub account: Option<AccountMovement>,
    /// What the card signed.
    pub proof: Option<CardProof>,
    /// What has become of the record.
    pub booking: Booking,
}

/// What a receipt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// A settled visit.
    Settlement,
    /// A settlement taken back.
    Cancellation,
}

/// One fee line of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptLine {
    /// What it is.
    pub name: String,
    /// Catalog class.
    pub class: ItemClass,
    /// Price of one unit.
    pub price: UnitPrice,
    /// Number of units.
    pub count: Count,
    /// Price × count.
    pub amount: Fen,
}

impl ReceiptLine {
    /// The lines of a bill.
    pub fn of_bill(bill: &Bill) -> Vec<Self> {
        let lines = bill.lines().iter();
        lines
            .map(|line| ReceiptLine {
                name: if line.name.is_empty() { line.code.clone() } else { line.name.clone() },
                class: line.class,
                price: line.price,
                count: line.count,
                amount: line.amount(),
            })
            .collect()
    }
}

/// The personal account before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountMovement {
    /// Balance before.
    pub before: Fen,
    /// Balance after.
    pub after: Fen,
}

/// What a card gave as proof of a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardProof {
    /// Transaction authentication code (TAC).
    pub tac: [u8; 4],
    /// The card's transaction serial.
    pub card_serial: u16,
}

/// What has become of the record of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Booking {
    /// Recorded here and not yet booked at the center.
    Pending {
        /// The line was down.
        offline: bool,
    },
    /// Booked.
    Booked {
        /// Number of the center's receipt.
        receipt: String,
    },
    /// The center keeps it without booking it.
    Refused {
        /// Why.
        reason: RefusalReason,
    },
    /// The center has other content under the same name; being looked into.
    Conflict,
}
