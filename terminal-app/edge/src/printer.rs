//! Receipts onto paper.

use std::{fs::OpenOptions, os::unix::fs::FileTypeExt, path::Path, sync::mpsc, thread, time::Duration};

use hal::printer::{
    Line, PrinterError, ReceiptPrinter,
    escpos::{EscPosPrinter, PRINT_TIMEOUT_MS},
    text::TextPrinter,
};

use crate::config::Printer;

/// Prints lines on the printer of the settings, within a limit.
///
/// Errors: the printer's; the transaction is not touched by them.
pub fn print(printer: &Printer, lines: Vec<Line>) -> Result<(), PrinterError> {
    let printer = printer.clone();
    let (done, waited) = mpsc::channel();
    // A printer on a device file takes bytes when it likes; the thread is left behind when it likes not to.
    thread::spawn(move || {
        let _ = done.send(open(&printer).and_then(|mut printer| printer.print(&lines)));
    });
    waited
        .recv_timeout(Duration::from_millis(PRINT_TIMEOUT_MS))
        .unwrap_or_else(|_| Err(PrinterError::Device { detail: "it does not take bytes".to_owned() }))
}

/// Whether the printer's device is there and can be opened.
pub fn check(printer: &Printer) -> Result<(), PrinterError> {
    open(printer).map(|_| ())
}

fn open(printer: &Printer) -> Result<Box<dyn ReceiptPrinter>, PrinterError> {
    let path = Path::new(&printer.device);
    let failed = |error: std::io::Error| PrinterError::Device { detail: error.kind().to_string() };
    if let Some(baud) = printer.baud {
        return Ok(Box::new(EscPosPrinter::open(&printer.device, baud, printer.columns)?));
    }
    if std::fs::metadata(path).is_ok_and(|meta| meta.file_type().is_char_device()) {
        return Ok(Box::new(EscPosPrinter::open_file(path, printer.columns)?));
    }
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
    Ok(Box::new(TextPrinter::new(file, printer.columns)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn receipts_go_to_a_file_where_there_is_no_printer() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("receipts.txt");
        let printer = Printer { device: path.to_str().unwrap().to_owned(), columns: 32, baud: None };
        for text in ["一", "二"] {
            print(&printer, vec![Line { text: text.to_owned(), large: false }]).unwrap();
        }
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with("一\n---") && text.contains("\n二\n"), "{text}");
        let nowhere = Printer { device: "/nowhere/printer".into(), columns: 32, baud: None };
        assert!(matches!(check(&nowhere), Err(PrinterError::Device { .. })));
    }
}
