//! Lines with start and stop bits: to the host and to the fingerprint module.
#![allow(unsafe_code, reason = "handlers of interrupts, and their registers")]

use core::{cell::RefCell, fmt};

use critical_section::Mutex;
use embedded_io::{Error, ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use heapless::Deque;

use crate::{
    clock::{self, Clocks},
    pins::{self, Pin, Pull},
    registers::{Interrupt, NVIC, RCC, USART1, USART6, interrupt, usart1},
};

/// Bytes that wait to be read: two messages, or what a fingerprint module sends in 100 ms.
const RECEIVED_MAX: usize = 640;
/// Bytes that wait to be sent.
const SENDING_MAX: usize = 320;

/// How long writing waits for room, nanoseconds: longer than all that waits takes at 9600 baud.
const WRITE_TIMEOUT_NS: u64 = 500_000_000;

/// Alternate function of USART1 and of USART6. Source: data sheet DS8626, table 9.
const FUNCTION_USART1: u8 = 7;
const FUNCTION_USART6: u8 = 8;

struct Rings {
    received: Deque<u8, RECEIVED_MAX>,
    sending: Deque<u8, SENDING_MAX>,
    /// Something was lost since it was last asked.
    is_lossy: bool,
}

type Shared = Mutex<RefCell<Rings>>;

const fn rings() -> Shared {
    Mutex::new(RefCell::new(Rings { received: Deque::new(), sending: Deque::new(), is_lossy: false }))
}

static HOST: Shared = rings();
static SENSOR: Shared = rings();

/// Which line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// USART1, to the host.
    Host,
    /// USART6, to the fingerprint module.
    Sensor,
}

/// A line that works.
#[derive(Debug)]
pub struct Uart {
    line: Line,
}

impl Uart {
    /// Starts a line with 8 bits and no parity. Each is to be started once.
    pub fn start(line: Line, transmit: Pin, receive: Pin, baud: u32, rcc: &RCC, clocks: &Clocks) -> Self {
        let function = match line {
            Line::Host => {
                rcc.apb2enr().modify(|_, w| w.usart1en().enabled());
                FUNCTION_USART1
            }
            Line::Sensor => {
                rcc.apb2enr().modify(|_, w| w.usart6en().enabled());
                FUNCTION_USART6
            }
        };
        let _ = rcc.apb2enr().read();
        pins::alternate(transmit, function, Pull::None);
        pins::alternate(receive, function, Pull::Up);
        let registers = registers(line);
        // SAFETY: a divider of 16 bits, at least 16.
        registers.brr().write(|w| unsafe { w.bits((clocks.apb2 / baud.max(1)).clamp(16, 0xFFFF) as u16) });
        // The host's driver sets two stop bits; one who expects one takes them as well.
        registers.cr2().write(|w| if line == Line::Host { w.stop().stop2() } else { w.stop().stop1() });
        registers.cr1().write(|w| w.ue().enabled().te().enabled().re().enabled().rxneie().enabled());
        let number = match line {
            Line::Host => Interrupt::USART1,
            Line::Sensor => Interrupt::USART6,
        };
        // SAFETY: the handler is here, and what it shares is behind critical sections.
        unsafe { NVIC::unmask(number) };
        Self { line }
    }

    fn with<R>(&self, work: impl FnOnce(&mut Rings) -> R) -> R {
        critical_section::with(|token| work(&mut shared(self.line).borrow_ref_mut(token)))
    }

    /// Puts one byte among those that are sent; false when there is no room.
    fn put(&mut self, byte: u8) -> bool {
        let line = self.line;
        self.with(|rings| {
            let is_put = rings.sending.push_back(byte).is_ok();
            send_next(registers(line), &mut rings.sending);
            is_put
        })
    }

    fn wait(&mut self, is_done: impl Fn(&Rings) -> bool) -> Result<(), UartError> {
        let end = clock::now_ns() + WRITE_TIMEOUT_NS;
        while !self.with(|rings| is_done(rings)) {
            if clock::now_ns() >= end {
                return Err(UartError::Stuck);
            }
        }
        Ok(())
    }
}

/// What can go wrong on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UartError {
    /// Bytes came faster than they were read, or were no bytes.
    Lost,
    /// What is to be sent does not go out.
    Stuck,
}

impl fmt::Display for UartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Lost => "bytes were lost",
            Self::Stuck => "nothing goes out",
        })
    }
}

impl core::error::Error for UartError {}

impl Error for UartError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Lost => ErrorKind::InvalidData,
            Self::Stuck => ErrorKind::TimedOut,
        }
    }
}

impl ErrorType for Uart {
    type Error = UartError;
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, UartError> {
        Ok(self.with(|rings| !rings.received.is_empty() || rings.is_lossy))
    }
}

impl Read for Uart {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, UartError> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let (count, is_lossy) = self.with(|rings| {
                let mut count = 0;
                for place in buffer.iter_mut() {
                    let Some(byte) = rings.received.pop_front() else { break };
                    *place = byte;
                    count += 1;
                }
                (count, count == 0 && core::mem::take(&mut rings.is_lossy))
            });
            if is_lossy {
                return Err(UartError::Lost);
            }
            if count > 0 {
                return Ok(count);
            }
            cortex_m::asm::wfi();
        }
    }
}

impl WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, UartError> {
        Ok(self.with(|rings| !rings.sending.is_full()))
    }
}

impl Write for Uart {
    fn write(&mut self, buffer: &[u8]) -> Result<usize, UartError> {
        let Some(first) = buffer.first() else { return Ok(0) };
        self.wait(|rings| !rings.sending.is_full())?;
        let more = buffer.iter().skip(1);
        let mut count = usize::from(self.put(*first));
        for byte in more {
            if !self.put(*byte) {
                break;
            }
            count += 1;
        }
        Ok(count)
    }

    fn flush(&mut self) -> Result<(), UartError> {
        self.wait(|rings| rings.sending.is_empty())
    }
}

fn registers(line: Line) -> &'static usart1::RegisterBlock {
    // SAFETY: each line's registers are written by its one `Uart`, its handler, and both under critical sections where
    // they share a register.
    unsafe {
        &*match line {
            Line::Host => USART1::PTR,
            Line::Sensor => USART6::PTR,
        }
    }
}

fn shared(line: Line) -> &'static Shared {
    match line {
        Line::Host => &HOST,
        Line::Sensor => &SENSOR,
    }
}

/// Sends a byte when the transmitter takes one; the interrupt comes for as long as there are more.
fn send_next(registers: &usart1::RegisterBlock, sending: &mut Deque<u8, SENDING_MAX>) {
    if registers.sr().read().txe().bit()
        && let Some(byte) = sending.pop_front()
    {
        registers.dr().write(|w| w.dr().set(u16::from(byte)));
    }
    registers.cr1().modify(|_, w| w.txeie().bit(!sending.is_empty()));
}

fn on_interrupt(line: Line) {
    let registers = registers(line);
    critical_section::with(|token| {
        let mut rings = shared(line).borrow_ref_mut(token);
        let status = registers.sr().read();
        if status.rxne().bit() || status.ore().bit() {
            let byte = registers.dr().read().dr().bits() as u8;
            let is_broken = status.ore().bit() || status.fe().bit() || status.nf().bit();
            let is_kept = !status.rxne().bit() || status.fe().bit() || rings.received.push_back(byte).is_ok();
            rings.is_lossy |= is_broken || !is_kept;
            clock::has_news();
        }
        send_next(registers, &mut rings.sending);
    });
}

#[interrupt]
fn USART1() {
    on_interrupt(Line::Host);
}

#[interrupt]
fn USART6() {
    on_interrupt(Line::Sensor);
}
