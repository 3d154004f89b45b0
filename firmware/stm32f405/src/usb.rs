//! The USB interface, full speed, on PA11 and PA12. It takes its power from the bus, so that VBUS is not watched.
#![allow(unsafe_code, reason = "the driver is told where the registers are, and given memory for endpoints")]

use synopsys_usb_otg::{UsbBus, UsbPeripheral};
use usb_device::bus::UsbBusAllocator;

use crate::{
    clock::{self, Clocks},
    pins::{self, Pin, Pull},
    registers::{Interrupt, NVIC, OTG_FS_GLOBAL, RCC, interrupt},
};

/// Alternate function of the interface. Source: data sheet DS8626, table 9.
const FUNCTION: u8 = 10;
/// Words for what comes in on all endpoints: two packets of 64 bytes with room to spare.
const MEMORY_WORDS: usize = 128;

/// The interface, as the driver is told of it.
#[derive(Debug)]
pub struct Interface {
    processor_hertz: u32,
}

// SAFETY: the addresses and sizes are those of the chip's interface (RM §34, table 170 ff.); there is one `Interface`,
// made by `start`, so the registers are nobody else's.
unsafe impl UsbPeripheral for Interface {
    const REGISTERS: *const () = OTG_FS_GLOBAL::PTR.cast();
    const HIGH_SPEED: bool = false;
    const FIFO_DEPTH_WORDS: usize = 320;
    const ENDPOINT_COUNT: usize = 4;

    fn enable() {
        critical_section::with(|_| {
            // SAFETY: with interrupts off nobody else changes these registers meanwhile.
            let rcc = unsafe { &*RCC::PTR };
            rcc.ahb2enr().modify(|_, w| w.otgfsen().enabled());
            let _ = rcc.ahb2enr().read();
            rcc.ahb2rstr().modify(|_, w| w.otgfsrst().set_bit());
            rcc.ahb2rstr().modify(|_, w| w.otgfsrst().clear_bit());
        });
    }

    fn ahb_frequency_hz(&self) -> u32 {
        self.processor_hertz
    }
}

/// The bus as the class sees it.
pub type Bus = UsbBus<Interface>;

/// Prepares the interface; `None` when it is asked for again.
pub fn start(minus: Pin, plus: Pin, clocks: &Clocks) -> Option<&'static UsbBusAllocator<Bus>> {
    pins::alternate(minus, FUNCTION, Pull::None);
    pins::alternate(plus, FUNCTION, Pull::None);
    let memory: &'static mut [u32; MEMORY_WORDS] =
        cortex_m::singleton!(: [u32; MEMORY_WORDS] = [0; MEMORY_WORDS])?;
    let bus = UsbBus::new(Interface { processor_hertz: clocks.processor }, memory);
    let bus: &'static mut UsbBusAllocator<Bus> = cortex_m::singleton!(: UsbBusAllocator<Bus> = bus)?;
    Some(bus)
}

/// Lets the interface wake the main loop.
pub fn listen() {
    // SAFETY: the handler is here and shares nothing but a flag.
    unsafe { NVIC::unmask(Interrupt::OTG_FS) };
}

#[interrupt]
fn OTG_FS() {
    // The main loop does the work, and lets the interrupt come again when it is done.
    NVIC::mask(Interrupt::OTG_FS);
    clock::has_news();
}
