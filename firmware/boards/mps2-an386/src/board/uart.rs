//! The five UARTs. Interrupts put what comes into rings; a full ring holds the sender back.

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use engine::time::Duration;

use super::clock;
use super::registers::{UARTS, UartRegister, read_uart, write_uart};

/// How long a byte may wait for the one before it, when nobody at the other end reads.
const WRITE_TIMEOUT: Duration = Duration::from_millis(100);
/// Bytes of one ring, a power of two.
const RING_BYTES: usize = 32;

const TRANSMITTER_FULL: u32 = 1 << 0;
const RECEIVER_FULL: u32 = 1 << 1;
const TRANSMIT: u32 = 1 << 0;
const RECEIVE: u32 = 1 << 1;
const RECEIVE_INTERRUPT: u32 = 1 << 3;
const RECEIVED: u32 = 1 << 1;
/// The least that the UART works with; an emulated line has no speed.
const BAUD_DIVISOR_MIN: u32 = 16;

static RINGS: [Ring; UARTS] = [const { Ring::new() }; UARTS];

/// One UART.
pub(super) struct Uart {
    port: u8,
    /// Nobody has read for [`WRITE_TIMEOUT`]; it is not waited for again until somebody does.
    is_stuck: bool,
}

impl Uart {
    /// Starts UART `port`, 0 to 4. Each is to be started once.
    pub(super) fn start(port: u8) -> Self {
        write_uart(port, UartRegister::BaudDivisor, BAUD_DIVISOR_MIN);
        write_uart(port, UartRegister::Control, TRANSMIT | RECEIVE | RECEIVE_INTERRUPT);
        Self { port, is_stuck: false }
    }

    fn ring(&self) -> &'static Ring {
        // `start` is given a port that there is; the first ring stands for the impossible.
        RINGS.get(usize::from(self.port)).unwrap_or(&RINGS[0])
    }

    fn is_full(&self) -> bool {
        read_uart(self.port, UartRegister::State) & TRANSMITTER_FULL != 0
    }

    /// Waits, for a limited time, until there is room for a byte.
    fn make_room(&mut self) -> Result<(), UartError> {
        if self.is_full() {
            let began = clock::now();
            while self.is_full() {
                if self.is_stuck || clock::now() - began > WRITE_TIMEOUT {
                    self.is_stuck = true;
                    return Err(UartError);
                }
            }
        }
        self.is_stuck = false;
        Ok(())
    }
}

/// Nobody reads what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UartError;

impl fmt::Display for UartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("nobody reads")
    }
}

impl core::error::Error for UartError {}

impl Error for UartError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::TimedOut
    }
}

impl ErrorType for Uart {
    type Error = UartError;
}

impl Read for Uart {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, UartError> {
        let ring = self.ring();
        while !buffer.is_empty() && ring.is_empty() {
            clock::sleep(clock::now() + Duration::from_millis(1));
        }
        let mut count = 0;
        for place in buffer {
            let Some(byte) = ring.pop() else { break };
            *place = byte;
            count += 1;
        }
        if ring.is_held.load(Ordering::Relaxed) {
            critical_section::with(|_| fill(self.port, ring));
        }
        Ok(count)
    }
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, UartError> {
        Ok(!self.ring().is_empty())
    }
}

impl Write for Uart {
    fn write(&mut self, buffer: &[u8]) -> Result<usize, UartError> {
        let Some(byte) = buffer.first() else { return Ok(0) };
        self.make_room()?;
        write_uart(self.port, UartRegister::Data, u32::from(*byte));
        Ok(1)
    }

    fn flush(&mut self) -> Result<(), UartError> {
        self.make_room()
    }
}

impl WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, UartError> {
        Ok(!self.is_full())
    }
}

/// Bytes have come, says the interrupt of UART `port`.
pub(super) fn on_received(port: u8) {
    if let Some(ring) = RINGS.get(usize::from(port)) {
        fill(port, ring);
    }
    clock::has_news();
}

/// Moves what has come into the ring; while it is full, the UART keeps its byte, which stops the sender.
fn fill(port: u8, ring: &Ring) {
    loop {
        write_uart(port, UartRegister::InterruptClear, RECEIVED);
        while read_uart(port, UartRegister::State) & RECEIVER_FULL != 0 {
            if ring.is_full() {
                ring.is_held.store(true, Ordering::Relaxed);
                write_uart(port, UartRegister::Control, TRANSMIT | RECEIVE);
                return;
            }
            ring.push(read_uart(port, UartRegister::Data) as u8);
        }
        if !ring.is_held.swap(false, Ordering::Relaxed) {
            return;
        }
        // A byte that comes before this line has no interrupt: look again.
        write_uart(port, UartRegister::Control, TRANSMIT | RECEIVE | RECEIVE_INTERRUPT);
    }
}

/// Bytes between one interrupt and one reader; neither waits for the other. `taken` is written by the reader
/// only, `put` and the bytes by the interrupt only (or with it masked).
struct Ring {
    bytes: [AtomicU8; RING_BYTES],
    put: AtomicU8,
    taken: AtomicU8,
    /// The UART holds a byte for which there was no room.
    is_held: AtomicBool,
}

impl Ring {
    const fn new() -> Self {
        Self {
            bytes: [const { AtomicU8::new(0) }; RING_BYTES],
            put: AtomicU8::new(0),
            taken: AtomicU8::new(0),
            is_held: AtomicBool::new(false),
        }
    }

    /// Bytes in it: the counters run on and wrap together.
    fn length(&self) -> usize {
        usize::from(self.put.load(Ordering::Acquire).wrapping_sub(self.taken.load(Ordering::Acquire)))
    }

    fn is_empty(&self) -> bool {
        self.length() == 0
    }

    fn is_full(&self) -> bool {
        self.length() >= RING_BYTES
    }

    fn push(&self, byte: u8) {
        let put = self.put.load(Ordering::Relaxed);
        self.place(put).store(byte, Ordering::Relaxed);
        self.put.store(put.wrapping_add(1), Ordering::Release);
    }

    /// The oldest byte, which leaves nothing behind: it may be a digit of a PIN.
    fn pop(&self) -> Option<u8> {
        if self.is_empty() {
            return None;
        }
        let taken = self.taken.load(Ordering::Relaxed);
        let byte = self.place(taken).swap(0, Ordering::Relaxed);
        self.taken.store(taken.wrapping_add(1), Ordering::Release);
        Some(byte)
    }

    fn place(&self, counter: u8) -> &AtomicU8 {
        &self.bytes[usize::from(counter) % RING_BYTES]
    }
}
