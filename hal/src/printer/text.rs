//! A printer that writes plain text, for terminals without a printer: to a file or a console.

use std::{fmt, io::Write};

use super::{Line, PrinterError, ReceiptPrinter};

/// Writes receipts as UTF-8 text, a line of dashes after each.
pub struct TextPrinter<W> {
    columns: usize,
    to: W,
}

impl<W: Write> TextPrinter<W> {
    /// Writes lines of this width to `to`.
    pub fn new(to: W, columns: usize) -> Self {
        TextPrinter { columns, to }
    }

    /// Gives back what it writes to.
    pub fn into_inner(self) -> W {
        self.to
    }
}

impl<W: Write> ReceiptPrinter for TextPrinter<W> {
    fn columns(&self) -> usize {
        self.columns
    }

    /// Errors: `Text` for a control character, of which nothing is written; `Device`.
    fn print(&mut self, lines: &[Line]) -> Result<(), PrinterError> {
        if lines.iter().any(|line| line.text.chars().any(char::is_control)) {
            return Err(PrinterError::Text);
        }
        let mut text: String = lines.iter().flat_map(|line| [line.text.trim_end(), "\n"]).collect();
        text.push_str(&"-".repeat(self.columns));
        text.push('\n');
        self.to
            .write_all(text.as_bytes())
            .and_then(|()| self.to.flush())
            .map_err(|error| PrinterError::Device { detail: error.to_string() })
    }
}

impl<W> fmt::Debug for TextPrinter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextPrinter({} columns)", self.columns)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn line(text: &str) -> Line {
        Line { text: text.to_owned(), large: true }
    }

    #[test]
    fn lines_and_a_cut() {
        let mut printer = TextPrinter::new(Vec::new(), 8);
        printer.print(&[line("金保  "), line("")]).unwrap();
        assert_eq!(printer.print(&[line("a\u{1b}[2J")]), Err(PrinterError::Text));
        assert_eq!(String::from_utf8(printer.into_inner()).unwrap(), "金保\n\n--------\n");
    }

    #[test]
    fn a_full_disk_is_told() {
        let mut small = [0_u8; 4];
        let mut printer = TextPrinter::new(&mut small[..], 8);
        assert!(matches!(printer.print(&[line("too long")]), Err(PrinterError::Device { .. })));
    }
}
