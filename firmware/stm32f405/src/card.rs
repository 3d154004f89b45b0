//! The USART as a smart card's line. Source: RM §30.3.11, ISO/IEC 7816-3.
//!
//! It makes CLK, sends and receives characters with parity, gives the error signal of T=0 and notices the card's.
//! What we send comes back to our own receiver: at the end of its stop bits, with a framing error when the card has
//! refused it. So a character that has been sent is over when it has been received.
#![allow(unsafe_code, reason = "handlers of interrupts, and their registers")]

use core::cell::RefCell;

use critical_section::Mutex;
use heapless::Deque;

use crate::{
    clock::{self, Clocks},
    pins::{self, Pin},
    registers::{Interrupt, NVIC, RCC, USART2, USART3, interrupt, usart1},
};

/// Characters that wait to be read.
const RECEIVED_MAX: usize = 64;
/// Alternate function of USART2 and USART3. Source: data sheet DS8626, table 9.
const FUNCTION: u8 = 7;
/// CLK of a card, hertz: within the 1 to 5 MHz that every card takes. Source: ISO/IEC 7816-3 §5.2.3.
pub const CLOCK_HERTZ: u32 = 4_000_000;

/// Which of the two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardLine {
    /// USART2, the card's.
    Card,
    /// USART3, the SAM's.
    Sam,
}

/// A character on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// As the UART reads it.
    pub byte: u8,
    /// Its parity was wrong.
    pub is_broken: bool,
    /// When it was over, nanoseconds.
    pub at_ns: u64,
}

/// A character of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// The card has refused it.
    pub is_refused: bool,
    /// When it was over, nanoseconds.
    pub at_ns: u64,
}

/// Parity that the line makes and expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardParity {
    /// Direct convention.
    Even,
    /// Inverse convention.
    Odd,
}

struct State {
    received: Deque<Received, RECEIVED_MAX>,
    is_sending: bool,
    over: Option<Over>,
}

type Shared = Mutex<RefCell<State>>;

const fn state() -> Shared {
    Mutex::new(RefCell::new(State { received: Deque::new(), is_sending: false, over: None }))
}

static CARD: Shared = state();
static SAM: Shared = state();

/// A card's line and clock.
#[derive(Debug)]
pub struct CardUart {
    line: CardLine,
    io: Pin,
    /// Clock cycles of the bus in one of the card's.
    bus_cycles: u32,
}

impl CardUart {
    /// Prepares a line without power: I/O and CLK low. Each is to be started once.
    pub fn start(line: CardLine, io: Pin, clk: Pin, rcc: &RCC, clocks: &Clocks) -> Self {
        match line {
            CardLine::Card => rcc.apb1enr().modify(|_, w| w.usart2en().enabled()),
            CardLine::Sam => rcc.apb1enr().modify(|_, w| w.usart3en().enabled()),
        };
        let _ = rcc.apb1enr().read();
        pins::alternate(clk, FUNCTION, pins::Pull::None);
        let bus_cycles = (clocks.apb1 / CLOCK_HERTZ).max(2) & !1;
        let mut uart = Self { line, io, bus_cycles };
        uart.stop();
        let registers = registers(line);
        // SAFETY: the divider counts pairs of bus cycles, 1 to 31. Source: RM §30.6.7.
        registers.gtpr().write(|w| unsafe { w.psc().bits((bus_cycles / 2) as u8 & 0x1F).gt().set(0) });
        registers.cr3().write(|w| w.scen().enabled());
        let number = match line {
            CardLine::Card => Interrupt::USART2,
            CardLine::Sam => Interrupt::USART3,
        };
        // SAFETY: the handler is here, and what it shares is behind critical sections.
        unsafe { NVIC::unmask(number) };
        uart
    }

    /// Speed and form of characters: an elementary time unit is `numerator / denominator` cycles of CLK.
    pub fn configure(
        &mut self,
        (numerator, denominator): (u16, u8),
        parity: CardParity,
        has_error_signal: bool,
    ) {
        let divider = u32::from(numerator) * self.bus_cycles / u32::from(denominator.max(1));
        let registers = registers(self.line);
        critical_section::with(|_| {
            let is_clocked = registers.cr2().read().clken().bit();
            registers.cr1().modify(|_, w| w.ue().disabled());
            // SAFETY: a divider of 16 bits, at least 16.
            registers.brr().write(|w| unsafe { w.bits(divider.clamp(16, 0xFFFF) as u16) });
            // A receiver that may have to give the error signal looks at the whole stop; one that need not is ready for
            // the next character after 11 units.
            registers.cr2().write(|w| {
                let stop = if has_error_signal { w.stop().stop1p5() } else { w.stop().stop0p5() };
                stop.clken().bit(is_clocked).lbcl().set_bit()
            });
            registers.cr3().write(|w| w.scen().enabled().nack().bit(has_error_signal));
            registers.cr1().write(|w| {
                w.m().m9().pce().enabled().ps().bit(parity == CardParity::Odd);
                w.te().enabled().re().enabled().rxneie().enabled().ue().enabled()
            });
        });
        pins::alternate_open_drain(self.io, FUNCTION);
    }

    /// Starts and stops CLK.
    pub fn set_clock(&mut self, runs: bool) {
        registers(self.line).cr2().modify(|_, w| w.clken().bit(runs));
    }

    /// Stops the line, holds I/O low and forgets what has come: the card has no power.
    pub fn stop(&mut self) {
        let _is_low = pins::Output::new(self.io);
        registers(self.line).cr1().modify(|_, w| w.ue().disabled());
        self.with(|state| *state = State { received: Deque::new(), is_sending: false, over: None });
    }

    /// Sends one character; the one before is over.
    pub fn send(&mut self, byte: u8) {
        let line = self.line;
        self.with(|state| {
            state.is_sending = true;
            state.over = None;
            registers(line).dr().write(|w| w.dr().set(u16::from(byte)));
        });
    }

    /// What has become of the character that was sent, told once.
    pub fn sent(&mut self) -> Option<Over> {
        self.with(|state| state.over.take())
    }

    /// The next character of the card.
    pub fn received(&mut self) -> Option<Received> {
        self.with(|state| state.received.pop_front())
    }

    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        critical_section::with(|token| work(&mut shared(self.line).borrow_ref_mut(token)))
    }
}

fn registers(line: CardLine) -> &'static usart1::RegisterBlock {
    // SAFETY: each line's registers are written by its one `CardUart` and read by its handler.
    unsafe {
        &*match line {
            CardLine::Card => USART2::PTR,
            CardLine::Sam => USART3::PTR,
        }
    }
}

fn shared(line: CardLine) -> &'static Shared {
    match line {
        CardLine::Card => &CARD,
        CardLine::Sam => &SAM,
    }
}

fn on_interrupt(line: CardLine) {
    let at_ns = clock::now_ns();
    let registers = registers(line);
    let status = registers.sr().read();
    if !status.rxne().bit() && !status.ore().bit() {
        return;
    }
    // Reading the data clears all errors.
    let byte = registers.dr().read().dr().bits() as u8;
    critical_section::with(|token| {
        let mut state = shared(line).borrow_ref_mut(token);
        if state.is_sending {
            state.is_sending = false;
            state.over = Some(Over { is_refused: status.fe().bit(), at_ns });
        } else {
            let is_broken = status.pe().bit() || status.ore().bit();
            // A card that says more than is read has lost its place: it ends in a timeout.
            let _ = state.received.push_back(Received { byte, is_broken, at_ns });
        }
    });
    clock::has_news();
}

#[interrupt]
fn USART2() {
    on_interrupt(CardLine::Card);
}

#[interrupt]
fn USART3() {
    on_interrupt(CardLine::Sam);
}
