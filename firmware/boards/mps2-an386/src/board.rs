//! The board `mps2-an386`: which line is which, and the loop around the engine.

mod clock;
mod identity;
mod registers;
mod uart;

use core::array;
use core::cell::RefCell;
use core::mem::MaybeUninit;

use cortex_m::peripheral::SCB;
use emulated::line::EmulatedContacts;
use emulated::panel::{Load, Output, Panel, Registers, Source, Switch};
use engine::escape::{Desk, Hardware, Parts};
use engine::frame::SerialFrames;
use engine::panel::Pins;
use engine::reader::Reader;
use engine::time::{Duration, Instant};
use engine::update::NoUpdates;
use reader_protocol::escape::Lamp;

use identity::{FACTS, PERSONALITY, SLOTS};
use uart::Uart;

/// The line to the host.
const HOST: u8 = 0;
/// The lines of card and SAM.
const CARDS: [u8; 2] = [1, 2];
/// The line of the fingerprint module.
const SENSOR: u8 = 3;
/// The line of the panel.
const PANEL: u8 = 4;

/// A poll that has nothing to wait for is made again after this, so that whoever is late does not keep the
/// processor busy.
const PAUSE: Duration = Duration::from_millis(1);

/// How often the stack is looked at.
const STACK_LOOK_EVERY: Duration = Duration::from_millis(500);

/// What the board has beside its slots.
struct Emulated;

type Lit = Output<'static, Uart>;

impl Hardware for Emulated {
    type Sensor = Uart;
    type Panel = Pins<Lit, Lit, Lit, Lit, Switch<'static, Uart>>;
    type Vault = Registers<'static, Uart>;
    type Chance = Source<'static, Uart>;
    type Updates = NoUpdates;
}

type SharedPanel = RefCell<Panel<Uart>>;
type BoardDesk = Desk<Emulated>;
type BoardReader = Reader<SerialFrames<Uart>, EmulatedContacts<Uart>, &'static mut BoardDesk, SLOTS>;

#[cortex_m_rt::entry]
fn main() -> ! {
    // Not on the stack, so that the linker sees how much memory there is for the stack.
    static mut PANEL_PLACE: MaybeUninit<SharedPanel> = MaybeUninit::uninit();
    static mut DESK_PLACE: MaybeUninit<BoardDesk> = MaybeUninit::uninit();
    static mut READER_PLACE: MaybeUninit<BoardReader> = MaybeUninit::uninit();

    clock::start();
    registers::enable_interrupts();
    let panel = begin_panel(PANEL_PLACE);
    let desk = begin_desk(DESK_PLACE, panel);
    let reader = begin_reader(READER_PLACE, desk);
    let (mut look_at, mut deepest) = (Instant(0), 0);
    loop {
        clock::forget_news();
        let until = poll(reader, panel);
        let now = clock::now();
        if now >= look_at {
            look_at = now + STACK_LOOK_EVERY;
            let (used, total) = registers::stack_words();
            if let Ok(mut panel) = panel.try_borrow_mut()
                && used > deepest
            {
                deepest = used;
                panel.tell_stack(used * 4, total * 4);
            }
        }
        clock::sleep(until.max(now + PAUSE));
    }
}

// Each of these is called once, not inlined, so that what they put together does not stay on the stack.

#[inline(never)]
fn begin_panel(place: &'static mut MaybeUninit<SharedPanel>) -> &'static SharedPanel {
    place.write(RefCell::new(Panel::new(Uart::start(PANEL))))
}

#[inline(never)]
fn begin_desk(
    place: &'static mut MaybeUninit<BoardDesk>,
    panel: &'static SharedPanel,
) -> &'static mut BoardDesk {
    let parts = Parts {
        sensor: Some(Uart::start(SENSOR)),
        panel: Pins {
            ready: Output::new(panel, Load::Lamp(Lamp::Ready)),
            busy: Output::new(panel, Load::Lamp(Lamp::Busy)),
            fault: Output::new(panel, Load::Lamp(Lamp::Fault)),
            buzzer: Output::new(panel, Load::Buzzer),
            switch: Switch::new(panel),
        },
        vault: Registers::new(panel),
        chance: Source::new(panel),
        updates: NoUpdates,
    };
    place.write(Desk::new(FACTS, parts))
}

#[inline(never)]
fn begin_reader(
    place: &'static mut MaybeUninit<BoardReader>,
    desk: &'static mut BoardDesk,
) -> &'static mut BoardReader {
    let contacts: [_; SLOTS] = array::from_fn(|slot| {
        let port = CARDS.get(slot).copied().unwrap_or_default();
        EmulatedContacts::new(Uart::start(port), PERSONALITY.clock_khz * 1_000)
    });
    let host = SerialFrames::new(Uart::start(HOST), PERSONALITY);
    place.write(Reader::new(PERSONALITY, host, contacts, desk))
}

/// Polls once and tells the panel what has been counted.
#[inline(never)]
fn poll(reader: &mut BoardReader, panel: &SharedPanel) -> Instant {
    let until = reader.poll(clock::now());
    if let Ok(mut panel) = panel.try_borrow_mut() {
        panel.tell([reader.trace(), reader.services().trace()]);
    }
    until
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
