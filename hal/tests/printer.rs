//! The receipt printer over a real terminal line (a pseudo terminal), with the printer's end played here.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    io::{ErrorKind, Read, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use hal::printer::{
    Line, PrinterError, ReceiptPrinter,
    escpos::{EscPosPrinter, Font, SerialLine},
};
use serialport::{SerialPort, TTYPort};

/// What a printer with enough paper, and one without, says to DLE EOT 4.
const PAPER: u8 = 0x12;
const NO_PAPER: u8 = 0x72;
/// The same with the warning that the roll is nearly empty.
const PAPER_NEAR_END: u8 = 0x1E;
const SAYS_NOTHING: u8 = 0;

const STATUS: &[u8] = &[0x10, 0x04, 0x04];

/// The printer's end of the line: takes everything and answers questions about paper.
struct PaperRoll {
    taken: Arc<Mutex<Vec<u8>>>,
    says: Arc<AtomicU8>,
}

impl PaperRoll {
    fn start(mut end: TTYPort, says: u8) -> Self {
        let roll = PaperRoll { taken: Arc::default(), says: Arc::new(AtomicU8::new(says)) };
        let (taken, says) = (Arc::clone(&roll.taken), Arc::clone(&roll.says));
        end.set_timeout(Duration::from_secs(20)).unwrap();
        thread::spawn(move || {
            let mut bytes = [0; 256];
            loop {
                match end.read(&mut bytes) {
                    Ok(read) if read > 0 => {
                        let mut taken = taken.lock().unwrap();
                        for byte in &bytes[..read] {
                            taken.push(*byte);
                            let status = says.load(Ordering::SeqCst);
                            if taken.ends_with(STATUS) && status != SAYS_NOTHING {
                                end.write_all(&[status]).unwrap();
                            }
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    _ => return,
                }
            }
        });
        roll
    }

    /// What was taken but the questions.
    fn printed(&self) -> Vec<u8> {
        let taken = self.taken.lock().unwrap().clone();
        let mut printed = Vec::new();
        let mut rest = taken.as_slice();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix(STATUS) {
                rest = after;
            } else {
                printed.push(rest[0]);
                rest = &rest[1..];
            }
        }
        printed
    }
}

fn printer(says: u8, font: Font) -> (EscPosPrinter<SerialLine>, PaperRoll) {
    let (ours, theirs) = TTYPort::pair().unwrap();
    let printer = EscPosPrinter::with_font(SerialLine::new(Box::new(theirs)), 32, font);
    (printer, PaperRoll::start(ours, says))
}

fn receipt() -> Vec<Line> {
    let line = |text: &str, large| Line { text: text.to_owned(), large };
    vec![line("金保", true), line("合计 123.45", false)]
}

#[test]
fn a_receipt_byte_by_byte() {
    let (mut printer, roll) = printer(PAPER, Font::Gbk);
    assert_eq!(printer.columns(), 32);
    printer.print(&receipt()).unwrap();
    let expected: &[&[u8]] = &[
        &[0x1B, 0x40],             // initialise
        &[0x1C, 0x26],             // Chinese on
        &[0x1D, 0x21, 0x11],       // double height and width
        &[0x1C, 0x21, 0x0C],       // for Chinese too
        &[0xBD, 0xF0, 0xB1, 0xA3], // 金保
        &[0x1B, 0x64, 0x01],       // feed one line
        &[0x1D, 0x21, 0x00],       // normal again
        &[0x1C, 0x21, 0x00],
        &[0xBA, 0xCF, 0xBC, 0xC6], // 合计
        b" 123.45",
        &[0x1B, 0x64, 0x01],
        &[0x1B, 0x64, 0x04], // feed to the knife
        &[0x1D, 0x56, 0x01], // partial cut
    ];
    assert_eq!(hex::encode(roll.printed()), hex::encode(expected.concat()));
}

#[test]
fn without_paper_nothing_is_sent() {
    let (mut printer, roll) = printer(NO_PAPER, Font::Gb18030);
    assert_eq!(printer.has_paper(), Ok(Some(false)));
    assert_eq!(printer.print(&receipt()), Err(PrinterError::PaperOut));
    assert_eq!(roll.printed(), b"");
    roll.says.store(PAPER_NEAR_END, Ordering::SeqCst);
    printer.print(&receipt()).unwrap();
    assert!(!roll.printed().is_empty(), "the end of the roll is still paper");
}

#[test]
fn a_printer_that_says_nothing_is_believed_in_bounded_time() {
    let (mut printer, roll) = printer(SAYS_NOTHING, Font::Gb18030);
    let start = Instant::now();
    printer.print(&receipt()).unwrap();
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(!roll.printed().is_empty());
}

#[test]
fn rare_names_need_the_font_and_commands_are_no_text() {
    // 㛃 has four bytes in GB 18030.
    let rare = [Line { text: "㛃".to_owned(), large: false }];
    let (mut small, roll) = printer(PAPER, Font::Gbk);
    assert_eq!(small.print(&rare), Err(PrinterError::Text));
    let command = [Line { text: "a\u{1b}p\u{0}".to_owned(), large: false }];
    assert_eq!(small.print(&command), Err(PrinterError::Text), "opens the cash drawer");
    assert_eq!(roll.taken.lock().unwrap().as_slice(), b"", "not even asked");
    let (mut large, roll) = printer(PAPER, Font::Gb18030);
    large.print(&rare).unwrap();
    let four = hex::encode(encoding_rs::GB18030.encode("㛃").0);
    assert_eq!(four.len(), 8);
    assert!(hex::encode(roll.printed()).contains(&four));
}

#[test]
fn a_printer_that_goes_away_is_told_in_bounded_time() {
    let (ours, theirs) = TTYPort::pair().unwrap();
    let mut printer = EscPosPrinter::new(SerialLine::new(Box::new(theirs)), 32);
    drop(ours);
    let start = Instant::now();
    assert!(matches!(printer.print(&receipt()), Err(PrinterError::Device { .. })));
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(matches!(
        EscPosPrinter::open("/dev/jinbao-no-printer", 9_600, 32),
        Err(PrinterError::Device { .. })
    ));
}
