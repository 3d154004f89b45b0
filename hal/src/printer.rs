//! Receipt printers.

pub mod escpos;
pub mod memory;
pub mod text;

use std::fmt;

/// One printed line and how it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text, already cut to the paper's columns.
    pub text: String,
    /// Double height and width, for the few words that must not be missed.
    pub large: bool,
}

/// A printer for narrow paper.
pub trait ReceiptPrinter {
    /// Half-width columns that fit: 32 on 58 mm paper, 48 on 80 mm; a Chinese character takes two.
    fn columns(&self) -> usize;

    /// Prints the lines, then feeds and cuts.
    ///
    /// Errors: `PaperOut`, `Text`, `Device`; the paper may then hold a part of the receipt.
    fn print(&mut self, lines: &[Line]) -> Result<(), PrinterError>;
}

/// Why nothing, or not everything, was printed. The transaction is not touched by it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrinterError {
    /// No paper. For the operator.
    PaperOut,
    /// A character that the printer's code page (GB 18030) lacks.
    Text,
    /// The printer is not there or does not take bytes. For the installer.
    Device {
        /// What the system said.
        detail: String,
    },
}

impl fmt::Display for PrinterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PaperOut => f.write_str("the printer has no paper"),
            Self::Text => f.write_str("the printer cannot print a character of this receipt"),
            Self::Device { detail } => write!(f, "the printer does not work: {detail}"),
        }
    }
}

impl std::error::Error for PrinterError {}
