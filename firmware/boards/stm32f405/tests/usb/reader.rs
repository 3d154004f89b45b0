//! A reader on such a bus: the engine as the board wires it, and slots without cards.

use engine::{
    contacts::{Character, Contacts, LineSettings, Sent, Voltage},
    personality::USB,
    reader::Reader,
    time::{Duration, Instant},
};
use physical::usb::{Identity, UsbTransport, VENDOR_PRODUCT};
use usb_device::bus::UsbBusAllocator;

use crate::bus::{Bus, Wire};

/// Endpoint of commands and of answers.
pub(crate) const MESSAGES: usize = 1;
/// Endpoint of notices.
pub(crate) const NOTICES: usize = 2;

/// Contacts of a slot whose card says nothing.
pub(crate) struct Slot {
    pub(crate) has_card: bool,
}

impl Contacts for Slot {
    fn clock_hertz(&self) -> u32 {
        4_000_000
    }
    fn is_present(&mut self) -> bool {
        self.has_card
    }
    fn is_overloaded(&mut self) -> bool {
        false
    }
    fn time(&mut self, now: Instant) -> Instant {
        now
    }
    fn set_supply(&mut self, _: Option<Voltage>) {}
    fn set_reset(&mut self, _: bool) {}
    fn set_clock(&mut self, _: bool) {}
    fn set_line(&mut self, _: &LineSettings) {}
    fn send(&mut self, _: u8) {}
    fn sent(&mut self) -> Option<Sent> {
        None
    }
    fn receive(&mut self) -> Option<Character> {
        None
    }
    fn expect(&mut self, _: Option<Instant>) {}
}

pub(crate) struct Bench {
    pub(crate) wire: Wire,
    pub(crate) reader: Reader<UsbTransport<'static, Bus>, Slot, (), 2>,
    now: Instant,
}

impl Bench {
    /// A reader that has just been plugged in.
    pub(crate) fn new() -> Self {
        let wire = Wire::default();
        // It lives as long as the test.
        let bus: &'static UsbBusAllocator<Bus> = Box::leak(Box::new(UsbBusAllocator::new(Bus(wire.clone()))));
        let identity = Identity {
            vendor_product: VENDOR_PRODUCT,
            manufacturer: "Jinbao",
            product: "Jinbao card reader",
            serial: "0123",
            release: 0x0102,
        };
        let transport = UsbTransport::new(bus, &USB, identity);
        let slots = [Slot { has_card: false }, Slot { has_card: false }];
        let bench = Self { wire, reader: Reader::new(&USB, transport, slots, ()), now: Instant(0) };
        bench.wire.reset_bus();
        bench
    }

    /// The same, chosen by its host.
    pub(crate) fn configured() -> Self {
        let mut bench = Self::new();
        bench.poll();
        assert!(bench.control(&[0x00, 0x05, 7, 0, 0, 0, 0, 0]).is_some(), "an address");
        assert!(bench.control(&[0x00, 0x09, 1, 0, 0, 0, 0, 0]).is_some(), "a configuration");
        bench
    }

    /// Some time passes.
    pub(crate) fn poll(&mut self) {
        for _ in 0..4 {
            self.reader.poll(self.now);
            self.now = self.now + Duration::from_millis(1);
        }
    }

    /// A control transfer; `None` when it is refused.
    pub(crate) fn control(&mut self, setup: &[u8; 8]) -> Option<Vec<u8>> {
        let (is_in, wanted) = (setup[0] & 0x80 != 0, usize::from(u16::from_le_bytes([setup[6], setup[7]])));
        self.wire.send(0, true, setup);
        let mut data = Vec::new();
        for _ in 0..100 {
            self.poll();
            if self.wire.is_stalled(0) {
                return None;
            }
            if let Some(packet) = self.wire.take(0) {
                if !is_in {
                    self.poll();
                    return Some(data);
                }
                data.extend(&packet);
                if packet.len() < 64 || data.len() >= wanted {
                    self.poll();
                    self.wire.send(0, false, &[]);
                    self.poll();
                    return Some(data);
                }
            }
        }
        panic!("no end of a control transfer");
    }

    /// A command in as many packets as it needs.
    pub(crate) fn command(&mut self, message: &[u8]) {
        for packet in message.chunks(64) {
            self.wire.send(MESSAGES, false, packet);
        }
        self.poll();
    }

    /// An answer, its packets put together.
    pub(crate) fn answer(&mut self) -> Option<Vec<u8>> {
        let mut message = Vec::new();
        for _ in 0..20 {
            self.poll();
            if let Some(packet) = self.wire.take(MESSAGES) {
                message.extend(&packet);
                if packet.len() < 64 {
                    return Some(message);
                }
            }
        }
        assert!(message.is_empty(), "the answer has no end: {} bytes", message.len());
        None
    }
}
