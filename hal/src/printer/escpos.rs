//! Receipt printers that speak ESC/POS, as nearly all do, with Chinese text in GB 18030.

use std::{
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use encoding_rs::GB18030;
use escpos::{
    driver::{Driver, FileDriver},
    errors::PrinterError as EscPosError,
    printer::Printer,
    utils::{Protocol, RealTimeStatusRequest, RealTimeStatusResponse},
};
use serialport::{ClearBuffer, SerialPort};

use super::{Line, PrinterError, ReceiptPrinter};

/// Longest time for the line to take one printed line.
pub const LINE_TIMEOUT_MS: u64 = 5_000;
/// Longest time for the line to be empty again after a receipt.
pub const PRINT_TIMEOUT_MS: u64 = 30_000;
/// Longest time that a printer may take to answer how it is.
pub const STATUS_TIMEOUT_MS: u64 = 500;

const POLL: Duration = Duration::from_millis(5);
/// Lines fed before the cut: the knife sits above the print head.
const FEED_LINES: u8 = 4;

/// DLE EOT 4: how is the paper? The crate's own command ends in a zero that this question does not have.
const PAPER_STATUS: &[u8] = &[0x10, 0x04, 0x04];

/// GS V 1: partial cut where the paper is. The crate's partial cut is GS V A, which cuts all through.
const PARTIAL_CUT: &[u8] = &[0x1D, 0x56, 0x01];

// FS &: Chinese characters on. FS ! n: their size; bits 2 and 3 are double width and height.
const CHINESE_ON: &[u8] = &[0x1C, 0x26];
const CHINESE_LARGE: &[u8] = &[0x1C, 0x21, 0x0C];
const CHINESE_NORMAL: &[u8] = &[0x1C, 0x21, 0x00];

/// Which characters the printer's font has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Font {
    /// All of GB 18030, the four-byte part with rare names included.
    #[default]
    Gb18030,
    /// Its two-byte part (GBK) only. Rarer characters are refused, not replaced: a name is a name.
    Gbk,
}

/// An ESC/POS printer behind any driver of the crate `escpos`.
///
/// A driver's clones must be the same device.
pub struct EscPosPrinter<D> {
    driver: D,
    columns: usize,
    font: Font,
}

/// A serial line to a printer, every wait on it bounded. Clones are the same line.
#[derive(Clone)]
pub struct SerialLine {
    port: Arc<Mutex<Box<dyn SerialPort>>>,
}

impl EscPosPrinter<SerialLine> {
    /// Opens the printer on a serial device such as `/dev/ttyUSB0`.
    ///
    /// Errors: `Device` when it cannot be opened.
    pub fn open(device: &str, baud: u32, columns: usize) -> Result<Self, PrinterError> {
        let port = serialport::new(device, baud).open().map_err(device_error)?;
        Ok(Self::new(SerialLine::new(port), columns))
    }
}

impl EscPosPrinter<FileDriver> {
    /// Opens the printer on a device file such as `/dev/usb/lp0`.
    ///
    /// The kernel's driver waits as long as the printer does not take bytes: whoever prints needs a limit of
    /// its own. Errors: `Device` when it cannot be opened.
    pub fn open_file(path: &Path, columns: usize) -> Result<Self, PrinterError> {
        Ok(Self::new(FileDriver::open(path).map_err(device_error)?, columns))
    }
}

impl<D: Driver + Clone> EscPosPrinter<D> {
    /// A printer that can print all of GB 18030.
    pub fn new(driver: D, columns: usize) -> Self {
        Self::with_font(driver, columns, Font::default())
    }

    /// A printer with this font.
    pub fn with_font(driver: D, columns: usize, font: Font) -> Self {
        EscPosPrinter { driver, columns, font }
    }

    /// Whether there is paper; `None` when the printer does not say.
    ///
    /// Errors: `Device` when it does not take the question.
    pub fn has_paper(&mut self) -> Result<Option<bool>, PrinterError> {
        let question = RealTimeStatusRequest::RollPaperSensor;
        let mut printer = self.printer();
        printer.custom(PAPER_STATUS).and_then(Printer::send_status).map_err(device_error)?;
        let mut answer = [0];
        match self.driver.read(&mut answer) {
            Ok(1) => {}
            Ok(_) => return Ok(None),
            Err(error) => return Err(device_error(error)),
        }
        // A byte of another shape is an answer to another question, or noise.
        let Ok(status) = RealTimeStatusResponse::parse(question, answer[0]) else { return Ok(None) };
        Ok(status.get(&RealTimeStatusResponse::RollPaperEndSensorPaperPresent).copied())
    }

    /// A builder of commands; a new one each time, since after an error it would keep what was not sent.
    fn printer(&self) -> Printer<D> {
        Printer::new(self.driver.clone(), Protocol::default(), None)
    }

    fn encode(&self, text: &str) -> Result<Vec<u8>, PrinterError> {
        // A control character could be a command to the printer.
        if text.chars().any(char::is_control) {
            return Err(PrinterError::Text);
        }
        let (bytes, _, unmappable) = GB18030.encode(text);
        if unmappable || (self.font == Font::Gbk && text.chars().any(is_beyond_gbk)) {
            return Err(PrinterError::Text);
        }
        Ok(bytes.into_owned())
    }

    fn send(&self, lines: &[(Vec<u8>, bool)]) -> Result<(), EscPosError> {
        let mut printer = self.printer();
        printer.init()?.custom(CHINESE_ON)?;
        for (bytes, large) in lines {
            if *large {
                printer.size(2, 2)?.custom(CHINESE_LARGE)?;
            }
            printer.custom(bytes)?.feed()?;
            if *large {
                printer.reset_size()?.custom(CHINESE_NORMAL)?;
            }
        }
        printer.feeds(FEED_LINES)?.custom(PARTIAL_CUT)?.print()?;
        Ok(())
    }
}

impl<D: Driver + Clone> ReceiptPrinter for EscPosPrinter<D> {
    fn columns(&self) -> usize {
        self.columns
    }

    fn print(&mut self, lines: &[Line]) -> Result<(), PrinterError> {
        let encode = |line: &Line| Ok((self.encode(&line.text)?, line.large));
        let encoded: Vec<(Vec<u8>, bool)> = lines.iter().map(encode).collect::<Result<_, _>>()?;
        if self.has_paper()? == Some(false) {
            return Err(PrinterError::PaperOut);
        }
        self.send(&encoded).map_err(device_error)?;
        // The paper may have ended in the middle; a printer that cannot say is believed.
        match self.has_paper()? {
            Some(false) => Err(PrinterError::PaperOut),
            Some(true) | None => Ok(()),
        }
    }
}

impl SerialLine {
    /// Takes an open port over.
    pub fn new(port: Box<dyn SerialPort>) -> Self {
        SerialLine { port: Arc::new(Mutex::new(port)) }
    }

    fn lock(&self) -> MutexGuard<'_, Box<dyn SerialPort>> {
        self.port.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Driver for SerialLine {
    fn name(&self) -> String {
        "serial line".to_owned()
    }

    fn write(&self, data: &[u8]) -> Result<(), EscPosError> {
        let mut port = self.lock();
        let end = Instant::now() + Duration::from_millis(LINE_TIMEOUT_MS);
        // What came in before is no answer to what goes out now.
        port.clear(ClearBuffer::Input).map_err(io::Error::from)?;
        let mut rest = data;
        while !rest.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
            port.set_timeout(left).map_err(io::Error::from)?;
            match port.write(rest) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read(&self, buffer: &mut [u8]) -> Result<usize, EscPosError> {
        let mut port = self.lock();
        port.set_timeout(Duration::from_millis(STATUS_TIMEOUT_MS)).map_err(io::Error::from)?;
        match port.read(buffer) {
            Ok(read) => Ok(read),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    fn flush(&self) -> Result<(), EscPosError> {
        // The system's own flush waits for a stopped printer for ever.
        let end = Instant::now() + Duration::from_millis(PRINT_TIMEOUT_MS);
        while self.lock().bytes_to_write().map_err(io::Error::from)? > 0 {
            if Instant::now() >= end {
                return Err(io::Error::from(io::ErrorKind::TimedOut).into());
            }
            thread::sleep(POLL);
        }
        Ok(())
    }
}

fn is_beyond_gbk(character: char) -> bool {
    GB18030.encode(character.encode_utf8(&mut [0; 4])).0.len() > 2
}

fn device_error(error: impl fmt::Display) -> PrinterError {
    PrinterError::Device { detail: error.to_string() }
}

impl<D> fmt::Debug for EscPosPrinter<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EscPosPrinter({} columns, {:?})", self.columns, self.font)
    }
}

impl fmt::Debug for SerialLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SerialLine")
    }
}
