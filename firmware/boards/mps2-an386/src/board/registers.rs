//! The registers of the board, the table of its interrupts, its stack: the only place with `unsafe`.
//!
//! Source: Arm DDI 0479 (CMSDK), UART §4.3, timer §4.1; interrupt numbers of application note AN386.
#![allow(
    unsafe_code,
    reason = "memory-mapped registers and the vector table are outside of what Rust can check"
)]

use core::ptr::{read_volatile, write_volatile};

/// UARTs of the board.
pub(super) const UARTS: usize = 5;

const UART_BASES: [usize; UARTS] = [0x4000_4000, 0x4000_5000, 0x4000_6000, 0x4000_7000, 0x4000_9000];
const TIMER_BASES: [usize; 2] = [0x4000_0000, 0x4000_1000];

/// Registers of one UART.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(super) enum UartRegister {
    Data = 0x0,
    State = 0x4,
    Control = 0x8,
    InterruptClear = 0xC,
    BaudDivisor = 0x10,
}

/// Registers of one timer.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(super) enum TimerRegister {
    Control = 0x0,
    Value = 0x4,
    Reload = 0x8,
    /// Reads as the state, clears by writing 1.
    Interrupt = 0xC,
}

/// Reads a register of UART `port`, 0 to 4; others read as 0.
pub(super) fn read_uart(port: u8, register: UartRegister) -> u32 {
    UART_BASES.get(usize::from(port)).map_or(0, |base| read(base + register as usize))
}

/// Writes a register of UART `port`, 0 to 4.
pub(super) fn write_uart(port: u8, register: UartRegister, value: u32) {
    if let Some(base) = UART_BASES.get(usize::from(port)) {
        write(base + register as usize, value);
    }
}

/// Reads a register of timer 0 or 1.
pub(super) fn read_timer(timer: u8, register: TimerRegister) -> u32 {
    TIMER_BASES.get(usize::from(timer)).map_or(0, |base| read(base + register as usize))
}

/// Writes a register of timer 0 or 1.
pub(super) fn write_timer(timer: u8, register: TimerRegister, value: u32) {
    if let Some(base) = TIMER_BASES.get(usize::from(timer)) {
        write(base + register as usize, value);
    }
}

/// Lets the processor take the interrupts of [`__INTERRUPTS`].
pub(super) fn enable_interrupts() {
    for number in INTERRUPTS_USED {
        // SAFETY: no code relies on these interrupts being masked: what they share is atomic.
        unsafe { cortex_m::peripheral::NVIC::unmask(Interrupt(number)) };
    }
}

fn read(address: usize) -> u32 {
    // SAFETY: only words come here that are always there: the addresses above plus a register's offset, and the
    // stack, which is memory that nobody but the processor writes.
    unsafe { read_volatile(address as *const u32) }
}

fn write(address: usize, value: u32) {
    // SAFETY: as for `read`; none of these registers reaches into memory.
    unsafe { write_volatile(address as *mut u32, value) };
}

/// Words of the stack: how many have ever been in use, and how many there are. The start-up code has painted them;
/// the stack grows down, so what is still painted at its bottom was never reached.
pub(super) fn stack_words() -> (u16, u16) {
    unsafe extern "C" {
        static _stack_start: u32;
        static _stack_end: u32;
    }
    let (top, bottom) = (&raw const _stack_start as usize, &raw const _stack_end as usize);
    let total = top.saturating_sub(bottom) / size_of::<u32>();
    let words = (bottom..top).step_by(size_of::<u32>());
    let painted = words.take_while(|address| read(*address) == cortex_m_rt::STACK_PAINT_VALUE).count();
    (total.saturating_sub(painted) as u16, total as u16)
}

#[derive(Clone, Copy)]
struct Interrupt(u16);

// SAFETY: the numbers are those of `INTERRUPTS_USED`, which the board has.
unsafe impl cortex_m::interrupt::InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self.0
    }
}

const INTERRUPTS_USED: [u16; 7] = [0, 2, 4, 8, 9, 18, 20];

/// Handlers by number.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [extern "C" fn(); 21] = {
    let mut table = [unexpected as extern "C" fn(); 21];
    table[0] = received::<0>;
    table[2] = received::<1>;
    table[4] = received::<2>;
    table[8] = wrapped;
    table[9] = due;
    table[18] = received::<3>;
    table[20] = received::<4>;
    table
};

extern "C" fn received<const PORT: u8>() {
    super::uart::on_received(PORT);
}

extern "C" fn wrapped() {
    super::clock::on_wrapped();
}

extern "C" fn due() {
    super::clock::on_due();
}

extern "C" fn unexpected() {
    super::stop();
}

/// A fault ends in a reset, without the stack: it may be the stack that is at fault.
#[cortex_m_rt::exception(trampoline = false)]
unsafe fn HardFault() -> ! {
    super::stop()
}
