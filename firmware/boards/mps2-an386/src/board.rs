//! The board `mps2-an386`: which line is which, and the loop around the engine.

mod clock;
mod registers;
mod uart;

use cortex_m::peripheral::SCB;
use emulated::line::EmulatedContacts;
use engine::frame::SerialFrames;
use engine::personality::Personality;
use engine::reader::Reader;
use engine::time::Duration;

use uart::Uart;

/// The line to the host.
const HOST: u8 = 0;
/// The line of the card.
const CARD: u8 = 1;
/// The line of the SAM.
const SAM: u8 = 2;

/// Which reader the board is.
const PERSONALITY: &Personality = {
    #[cfg(feature = "gemcorepospro")]
    {
        &engine::personality::GEMCORE_POS_PRO
    }
    #[cfg(feature = "gempctwin")]
    {
        &engine::personality::GEM_PC_TWIN
    }
    #[cfg(not(any(feature = "gemcorepospro", feature = "gempctwin")))]
    {
        &engine::personality::SEC1210
    }
};

/// A poll that has nothing to wait for is made again after this, so that whoever is late does not keep the
/// processor busy.
const PAUSE: Duration = Duration::from_millis(1);

#[cortex_m_rt::entry]
fn main() -> ! {
    clock::start();
    registers::enable_interrupts();
    let clock_hertz = PERSONALITY.clock_khz * 1_000;
    let host = SerialFrames::new(Uart::start(HOST), PERSONALITY);
    let contacts = [CARD, SAM].map(|port| EmulatedContacts::new(Uart::start(port), clock_hertz));
    let mut reader = Reader::new(PERSONALITY, host, contacts, ());
    loop {
        clock::forget_news();
        let until = reader.poll(clock::now());
        clock::sleep(until.max(clock::now() + PAUSE));
    }
}

/// Ends what cannot go on: a reset, which takes the power from all cards. An emulator that is told not to reboot
/// ends instead.
fn stop() -> ! {
    SCB::sys_reset()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    stop()
}
