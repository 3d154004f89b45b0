//! The boot stage on its board.

use core::{fmt::Write as _, panic::PanicInfo};

use boot::{Decision, Expected, Flash, PublicKey, Report, start};
use cortex_m::peripheral::{SYST, syst::SystClkSource};
use reader_protocol::image::{Board, HEADER_BYTES};
use stm32f405::{
    flash, layout, memory,
    recovery::{HERTZ, Recovery},
    registers,
};

/// Who signs: given at compile time.
const KEY: PublicKey = PublicKey::from_hex(env!(
    "JINBAO_FIRMWARE_PUBLIC_KEY",
    "the public key that firmware is signed for is missing: build by `cargo xtask firmware`"
));

/// Length of one blink, lit and dark, and of the pause after the last.
const BLINK_MS: u32 = 200;
const PAUSE_MS: u32 = 1200;

#[cortex_m_rt::entry]
fn main() -> ! {
    let (Some(processor), Some(peripherals)) =
        (cortex_m::Peripherals::take(), registers::Peripherals::take())
    else {
        halt()
    };
    let address = layout::APPLICATION.address + HEADER_BYTES as u32;
    let expected = Expected { board: Board::STM32F405, address, key: &KEY };
    let flash =
        Flash { application: flash::application(), staged: flash::staged(), journal: flash::journal() };
    let decision = start(flash, &expected);
    memory::write_report(&Report::of(&decision).to_bytes());
    if decision.application.is_ok() {
        memory::start_program(processor, address)
    }
    recover(Recovery::new(peripherals), processor.SYST, &decision)
}

fn recover(mut recovery: Recovery, mut clock: SYST, decision: &Decision) -> ! {
    clock.set_clock_source(SystClkSource::Core);
    clock.set_reload(HERTZ / 1000 - 1);
    clock.clear_current();
    clock.enable_counter();
    let blinks = decision.refusal().map_or(1, |kind| kind as u32);
    let period_ms = blinks * 2 * BLINK_MS + PAUSE_MS;
    let (mut time_ms, mut is_asked) = (0, false);
    loop {
        match recovery.received() {
            Some(b'?') => is_asked = true,
            Some(b'\r' | b'\n') if is_asked => {
                is_asked = false;
                let _ = write!(Line(&mut recovery), "{decision}\r\n");
            }
            Some(_) => is_asked = false,
            None => {}
        }
        if clock.has_wrapped() {
            time_ms = (time_ms + 1) % period_ms;
            let blink = time_ms / BLINK_MS;
            recovery.set_alarm(blink < 2 * blinks && blink.is_multiple_of(2));
        }
    }
}

struct Line<'a>(&'a mut Recovery);

impl core::fmt::Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        text.bytes().for_each(|byte| self.0.send(byte));
        Ok(())
    }
}

fn halt() -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}

/// A panic would be a mistake of ours; the next reset tries again.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    halt()
}
