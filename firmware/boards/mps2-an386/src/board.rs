//! The board `mps2-an386`: which line is which, and the loop around the engine.

mod clock;
mod registers;
mod uart;

use core::mem::MaybeUninit;

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

/// Slots that have a line of their own; others of the personality stay empty.
const SLOTS: usize = if PERSONALITY.slots < 2 { 1 } else { 2 };

type BoardReader = Reader<SerialFrames<Uart>, EmulatedContacts<Uart>, (), SLOTS>;

#[cortex_m_rt::entry]
fn main() -> ! {
    // Not on the stack, so that the linker sees how much memory there is for the stack.
    static mut READER: MaybeUninit<BoardReader> = MaybeUninit::uninit();

    clock::start();
    registers::enable_interrupts();
    let reader = assemble(READER);
    loop {
        clock::forget_news();
        let until = reader.poll(clock::now());
        clock::sleep(until.max(clock::now() + PAUSE));
    }
}

/// Puts the reader together, where it stays.
#[inline(never)]
fn assemble(place: &'static mut MaybeUninit<BoardReader>) -> &'static mut BoardReader {
    let host = SerialFrames::new(Uart::start(HOST), PERSONALITY);
    let contacts: [_; SLOTS] = core::array::from_fn(|slot| {
        EmulatedContacts::new(Uart::start(if slot == 0 { CARD } else { SAM }), PERSONALITY.clock_khz * 1_000)
    });
    place.write(Reader::new(PERSONALITY, host, contacts, ()))
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
