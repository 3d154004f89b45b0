//! The board `stm32f405`: which line is which, and the loop around the engine.

mod contacts;
mod identity;
mod services;
mod staging;

use core::mem::MaybeUninit;

use cortex_m::peripheral::SCB;
use engine::{
    escape::{Desk, Hardware, Parts},
    panel::Pins,
    reader::Reader,
    time::Instant,
    update::Update,
};
#[cfg(feature = "usb")]
use physical::usb::UsbTransport;
use physical::wiring;
use stm32f405::{
    card::{CardLine, CardUart},
    clock::{self, Clocks},
    pins::{self, Input, Output, Pull},
    registers,
    uart::{Line, Uart},
    watchdog::Watchdog,
};

use contacts::CardContacts;
use identity::{PERSONALITY, SLOTS};
use services::{BoardChance, BoardVault};
use staging::BoardStaging;

/// Speed of the host's line.
#[cfg(not(feature = "usb"))]
const HOST_BAUD: u32 = 115_200;
/// Speed of the fingerprint module as it is delivered.
const SENSOR_BAUD: u32 = 57_600;

/// What the board has beside its slots.
struct Physical;

impl Hardware for Physical {
    type Sensor = Uart;
    type Panel = Pins<Output, Output, Output, Output, Input>;
    type Vault = BoardVault;
    type Chance = BoardChance;
    type Updates = Update<BoardStaging>;
}

#[cfg(not(feature = "usb"))]
type Host = engine::frame::SerialFrames<Uart>;
#[cfg(feature = "usb")]
type Host = UsbTransport<'static, stm32f405::usb::Bus>;

type BoardDesk = Desk<Physical>;
type BoardReader = Reader<Host, CardContacts, &'static mut BoardDesk, SLOTS>;

#[cortex_m_rt::entry]
fn main() -> ! {
    // Not on the stack, so that the linker sees how much memory there is for the stack.
    static mut DESK_PLACE: MaybeUninit<BoardDesk> = MaybeUninit::uninit();
    static mut READER_PLACE: MaybeUninit<BoardReader> = MaybeUninit::uninit();

    let (Some(mut processor), Some(chip)) = (cortex_m::Peripherals::take(), registers::Peripherals::take())
    else {
        stop()
    };
    let mut watchdog = Watchdog::start(chip.IWDG, &chip.DBGMCU);
    let clocks = clock::start(&chip.RCC, &chip.FLASH, &chip.PWR);
    clock::start_time(&mut processor.SYST, &clocks);
    pins::switch_on(&chip.RCC);

    let parts = Parts {
        sensor: Some(Uart::start(
            Line::Sensor,
            wiring::SENSOR_TRANSMIT,
            wiring::SENSOR_RECEIVE,
            SENSOR_BAUD,
            &chip.RCC,
            &clocks,
        )),
        panel: Pins {
            ready: Output::new(wiring::LAMP_READY),
            busy: Output::new(wiring::LAMP_BUSY),
            fault: Output::new(wiring::LAMP_FAULT),
            buzzer: Output::new(wiring::BUZZER),
            switch: Input::new(wiring::CASE, Pull::None),
        },
        vault: BoardVault::start(chip.RTC, &chip.PWR, &chip.RCC),
        chance: BoardChance::start(chip.RNG, &chip.RCC, &clocks),
        updates: Update::new(BoardStaging::open()),
    };
    let desk = begin_desk(DESK_PLACE, parts);
    let Some(host) = begin_host(&chip.RCC, &clocks) else { stop() };
    let contacts = core::array::from_fn(|slot| {
        let (line, wires) =
            if slot == 0 { (CardLine::Card, wiring::CARD) } else { (CardLine::Sam, wiring::SAM) };
        CardContacts::new(CardUart::start(line, wires.io, wires.clk, &chip.RCC, &clocks), &wires)
    });
    let reader = begin_reader(READER_PLACE, host, contacts, desk);
    loop {
        clock::forget_news();
        let until = reader.poll(now());
        watchdog.feed();
        #[cfg(feature = "usb")]
        stm32f405::usb::listen();
        clock::sleep_until(until.0);
    }
}

fn now() -> Instant {
    Instant(clock::now_ns())
}

// Each of these is called once, not inlined, so that what they put together does not stay on the stack.

#[inline(never)]
fn begin_desk(place: &'static mut MaybeUninit<BoardDesk>, parts: Parts<Physical>) -> &'static mut BoardDesk {
    place.write(Desk::new(identity::facts(), parts))
}

#[cfg(not(feature = "usb"))]
fn begin_host(rcc: &registers::RCC, clocks: &Clocks) -> Option<Host> {
    let line = Uart::start(Line::Host, wiring::HOST_TRANSMIT, wiring::HOST_RECEIVE, HOST_BAUD, rcc, clocks);
    Some(engine::frame::SerialFrames::new(line, PERSONALITY))
}

#[cfg(feature = "usb")]
fn begin_host(_: &registers::RCC, clocks: &Clocks) -> Option<Host> {
    let bus = stm32f405::usb::start(wiring::USB_MINUS, wiring::USB_PLUS, clocks)?;
    Some(UsbTransport::new(bus, PERSONALITY, identity::usb()?))
}

#[inline(never)]
fn begin_reader(
    place: &'static mut MaybeUninit<BoardReader>,
    host: Host,
    contacts: [CardContacts; SLOTS],
    desk: &'static mut BoardDesk,
) -> &'static mut BoardReader {
    place.write(Reader::new(PERSONALITY, host, contacts, desk))
}

/// Ends what cannot go on: a reset, which takes the power from all cards.
fn stop() -> ! {
    SCB::sys_reset()
}

#[cortex_m_rt::exception]
fn SysTick() {
    clock::on_tick();
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    stop()
}
