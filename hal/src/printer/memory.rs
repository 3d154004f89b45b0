//! A printer that keeps its receipts, for tests and for terminals that show them on the screen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Line, PrinterError, ReceiptPrinter};

/// Receipts that are kept; the oldest goes first.
pub const RECEIPTS_MAX: usize = 64;

/// A printer without paper. Clones are the same printer.
#[derive(Clone, Debug)]
pub struct MemoryPrinter {
    columns: usize,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    receipts: Vec<Vec<Line>>,
    paper_lines: Option<usize>,
}

impl MemoryPrinter {
    /// A printer of this width with endless paper.
    pub fn new(columns: usize) -> Self {
        MemoryPrinter { columns, shared: Arc::default() }
    }

    /// Leaves paper for this many lines.
    pub fn set_paper(&self, lines: usize) {
        self.lock().paper_lines = Some(lines);
    }

    /// What has been printed, one entry per receipt; a receipt cut short by the end of the paper too.
    pub fn receipts(&self) -> Vec<Vec<Line>> {
        self.lock().receipts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReceiptPrinter for MemoryPrinter {
    fn columns(&self) -> usize {
        self.columns
    }

    fn print(&mut self, lines: &[Line]) -> Result<(), PrinterError> {
        let mut shared = self.lock();
        let paper = shared.paper_lines.unwrap_or(usize::MAX);
        if paper == 0 {
            return Err(PrinterError::PaperOut);
        }
        let printed = lines.len().min(paper);
        if let Some(rest) = &mut shared.paper_lines {
            *rest -= printed;
        }
        if shared.receipts.len() == RECEIPTS_MAX {
            shared.receipts.remove(0);
        }
        shared.receipts.push(lines[..printed].to_vec());
        if printed < lines.len() { Err(PrinterError::PaperOut) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line { text: text.to_owned(), large: false }
    }

    #[test]
    fn keeps_receipts_and_runs_out_of_paper() {
        let mut printer = MemoryPrinter::new(32);
        let seen = printer.clone();
        assert_eq!(printer.print(&[line("one"), line("two")]), Ok(()));
        printer.set_paper(3);
        assert_eq!(printer.print(&[line("three"), line("four")]), Ok(()));
        assert_eq!(printer.print(&[line("five"), line("six")]), Err(PrinterError::PaperOut));
        assert_eq!(printer.print(&[line("seven")]), Err(PrinterError::PaperOut));
        assert_eq!(seen.receipts().len(), 3);
        assert_eq!(seen.receipts()[2], [line("five")]);
        printer.set_paper(1_000);
        for _ in 0..RECEIPTS_MAX {
            assert_eq!(printer.print(&[line("x")]), Ok(()));
        }
        assert_eq!(seen.receipts().len(), RECEIPTS_MAX);
        assert_eq!(seen.receipts()[0], [line("x")]);
    }
}
