//! Whatever a transaction is printed as.

use hal::printer::Line;

use super::{FontError, Receipt, ReceiptFont, Slip};
use crate::language::Language;

/// A receipt of a bill, or a slip of what has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paper {
    /// Of a settlement or a cancellation.
    Receipt(Box<Receipt>),
    /// Of an enrolment of fingers, a certification or a pension.
    Slip(Box<Slip>),
}

impl Paper {
    /// Lays it out for paper with so many half-width columns.
    pub fn lines(&self, columns: usize, language: Language) -> Vec<Line> {
        match self {
            Self::Receipt(receipt) => receipt.lines(columns, language),
            Self::Slip(slip) => slip.lines(columns, language),
        }
    }

    /// The same as one text, each line ended by a line feed.
    pub fn text(&self, columns: usize, language: Language) -> String {
        match self {
            Self::Receipt(receipt) => receipt.text(columns, language),
            Self::Slip(slip) => slip.text(columns, language),
        }
    }

    /// As a PDF document. Errors: as for [`Receipt::pdf`].
    pub fn pdf(&self, font: &ReceiptFont, language: Language) -> Result<Vec<u8>, FontError> {
        match self {
            Self::Receipt(receipt) => receipt.pdf(font, language),
            Self::Slip(slip) => slip.pdf(font, language),
        }
    }
}
