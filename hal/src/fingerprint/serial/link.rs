//! Packets on a serial line, every wait bounded.

use std::{
    fmt,
    io::{self, ErrorKind},
    time::{Duration, Instant},
};

use reader_protocol::ef01::{
    ADDRESS, Confirmation, Fault, HEAD_BYTES, Instruction, Kind, PACKET_BYTES_MAX, Parser, packet,
};
use serialport::{ClearBuffer, SerialPort};
use zeroize::{Zeroize, Zeroizing};

use super::{BYTE_TIMEOUT, Reply};
use crate::fingerprint::{FingerprintError, LineFault};

/// Silence after which a module that was sending is taken to have ended.
const QUIET: Duration = Duration::from_millis(100);
/// Longest time that a module is listened to until it is quiet: an image at 9600 baud takes 42 seconds.
const SETTLE_LIMIT: Duration = Duration::from_secs(45);
/// Longest time for the line to take a packet.
const WRITE_TIMEOUT: Duration = Duration::from_millis(1_000);
/// Bits of a character on the line: start, eight, stop.
const BITS: u64 = 10;
/// Bytes that are read at once.
const READ_BYTES: usize = 512;

/// A line to a module.
pub(super) struct Link {
    device: String,
    port: Option<Box<dyn SerialPort>>,
    baud: Option<u32>,
    parser: Parser,
    /// Bytes that have come and are not looked at yet.
    come: Zeroizing<Vec<u8>>,
    at: usize,
    /// What is still on its way is not for us.
    spoilt: bool,
}

/// A whole packet.
pub(super) struct Packet {
    pub(super) kind: Kind,
    pub(super) content: Zeroizing<Vec<u8>>,
}

impl Link {
    pub(super) fn new(device: String) -> Self {
        Link {
            device,
            port: None,
            baud: None,
            parser: Parser::new(ADDRESS),
            come: Zeroizing::new(Vec::with_capacity(READ_BYTES)),
            at: 0,
            spoilt: false,
        }
    }

    /// Baud rate of the line, as far as one was tried.
    pub(super) fn baud(&self) -> Option<u32> {
        self.baud
    }

    /// Opens the line, or sets its baud rate.
    ///
    /// Errors: `Unplugged`.
    pub(super) fn open(&mut self, baud: u32) -> Result<(), FingerprintError> {
        self.forget();
        let is_set = self.port.as_mut().is_some_and(|port| port.set_baud_rate(baud).is_ok());
        if !is_set {
            // An old handle keeps the device for itself.
            self.port = None;
            let port = serialport::new(&self.device, baud).timeout(BYTE_TIMEOUT).open();
            self.port = Some(port.map_err(|_| FingerprintError::Unplugged)?);
        }
        self.baud = Some(baud);
        Ok(())
    }

    /// Sends a command and gives the module's answer.
    ///
    /// Errors: `Silent` when nothing comes, `Line` for what is no whole answer, `Unplugged`.
    pub(super) fn command(
        &mut self,
        instruction: Instruction,
        parameters: &[u8],
        timeout: Duration,
    ) -> Result<Reply, FingerprintError> {
        self.settle()?;
        let content = Zeroizing::new([&[instruction.byte()], parameters].concat());
        self.send(Kind::Command, &content)?;
        let answer = self.packet(Instant::now() + timeout)?;
        match (answer.kind, answer.content.split_first()) {
            (Kind::Acknowledge, Some((code, data))) => Ok(Reply {
                confirmation: Confirmation::from_byte(*code),
                data: Zeroizing::new(data.to_vec()),
            }),
            _ => {
                self.spoilt();
                Err(FingerprintError::Line(LineFault::Unexpected))
            }
        }
    }

    /// Sends a packet.
    pub(super) fn send(&mut self, kind: Kind, content: &[u8]) -> Result<(), FingerprintError> {
        let mut bytes =
            packet::<PACKET_BYTES_MAX>(kind, ADDRESS, content).ok_or(FingerprintError::Template)?;
        let sent = match self.port.as_mut() {
            Some(port) => {
                let _ = port.set_timeout(WRITE_TIMEOUT);
                port.write_all(&bytes)
            }
            None => Err(ErrorKind::NotConnected.into()),
        };
        bytes.as_mut_slice().zeroize();
        sent.map_err(|error| self.lost(&error))
    }

    /// The next packet, whole by `end` at the latest.
    ///
    /// Errors: `Silent` when none has begun by then, `Line`, `Unplugged`; after `Line` what is on its way is
    /// thrown away by the next command.
    pub(super) fn packet(&mut self, end: Instant) -> Result<Packet, FingerprintError> {
        let mut heard = None;
        loop {
            while let Some(byte) = self.come.get(self.at).copied() {
                self.at += 1;
                match self.parser.push(byte) {
                    None => {}
                    Some(Ok(packet)) => {
                        let content = Zeroizing::new(packet.content.to_vec());
                        return Ok(Packet { kind: packet.kind, content });
                    }
                    // For another module on the same line: not ours to hear.
                    Some(Err(Fault::Address)) => heard = Some(LineFault::Address),
                    Some(Err(fault)) => {
                        self.spoilt();
                        return Err(FingerprintError::Line(fault_of(fault)));
                    }
                }
            }
            let rest = end.saturating_duration_since(Instant::now());
            let is_within = self.parser.is_within_packet();
            let timeout = if is_within { self.byte_timeout().min(rest) } else { rest };
            if !self.read(timeout)? {
                self.spoilt();
                return Err(match (is_within, heard) {
                    (true, _) => FingerprintError::Line(LineFault::Cut),
                    (false, Some(fault)) => FingerprintError::Line(fault),
                    (false, None) => FingerprintError::Silent,
                });
            }
        }
    }

    /// What comes from now on does not belong to what will be asked.
    pub(super) fn spoilt(&mut self) {
        self.spoilt = true;
    }

    /// Makes the line ready for a command: waits until a module that is still sending has ended.
    ///
    /// Errors: `Line` for one that never ends, `Unplugged`.
    pub(super) fn settle(&mut self) -> Result<(), FingerprintError> {
        let end = Instant::now() + SETTLE_LIMIT;
        let mut is_first = true;
        while std::mem::take(&mut self.spoilt) && (is_first || Instant::now() < end) {
            is_first = false;
            self.forget();
            self.spoilt = self.read(QUIET)?;
        }
        self.forget();
        if Instant::now() >= end {
            return Err(FingerprintError::Line(LineFault::Unexpected));
        }
        match self.port.as_ref().map(|port| port.clear(ClearBuffer::Input)) {
            Some(Err(error)) => Err(self.lost(&error.into())),
            _ => Ok(()),
        }
    }

    /// How long so many bytes in packets may take: half as long again as the line needs, and a second.
    pub(super) fn transfer_timeout(&self, bytes: usize, packet_bytes: usize) -> Duration {
        let packets = bytes.div_ceil(packet_bytes.max(1));
        let line_bytes = (bytes + packets * (HEAD_BYTES + 2)) as u64;
        let baud = u64::from(self.baud.unwrap_or(9_600)).max(1);
        Duration::from_millis(line_bytes * BITS * 1_000 / baud * 3 / 2 + 1_000)
    }

    fn byte_timeout(&self) -> Duration {
        let baud = u64::from(self.baud.unwrap_or(9_600)).max(1);
        BYTE_TIMEOUT + Duration::from_micros(BITS * 1_000_000 / baud)
    }

    /// Reads what is there, waiting at most `timeout`; gives whether anything came.
    fn read(&mut self, timeout: Duration) -> Result<bool, FingerprintError> {
        self.come.zeroize();
        self.at = 0;
        self.come.resize(READ_BYTES, 0);
        let read = match self.port.as_mut() {
            Some(port) => {
                let _ = port.set_timeout(timeout.max(Duration::from_millis(1)));
                // A signal is no silence.
                loop {
                    match port.read(&mut self.come) {
                        Err(error) if error.kind() == ErrorKind::Interrupted => {}
                        read => break read,
                    }
                }
            }
            None => Err(ErrorKind::NotConnected.into()),
        };
        self.come.truncate(read.as_ref().map_or(0, |bytes| *bytes));
        match read {
            // The end of a file is the end of the line.
            Ok(0) => Err(self.lost(&ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(false),
            Err(error) => Err(self.lost(&error)),
        }
    }

    fn forget(&mut self) {
        self.parser.reset();
        self.come.zeroize();
        self.at = 0;
    }

    /// The line is gone; the next use opens it anew.
    fn lost(&mut self, error: &io::Error) -> FingerprintError {
        self.forget();
        if error.kind() == ErrorKind::TimedOut {
            // Somebody holds the line up: nothing was heard.
            return FingerprintError::Silent;
        }
        self.port = None;
        FingerprintError::Unplugged
    }
}

fn fault_of(fault: Fault) -> LineFault {
    match fault {
        Fault::Address => LineFault::Address,
        Fault::Checksum { .. } => LineFault::Checksum,
        Fault::Length { .. } => LineFault::Length,
        _ => LineFault::Unexpected,
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("device", &self.device).field("baud", &self.baud).finish_non_exhaustive()
    }
}
