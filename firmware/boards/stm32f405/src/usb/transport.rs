//! Messages in packets.

use engine::{
    mailbox::{HEADER_BYTES, Incoming, MESSAGE_BYTES_MAX, Mailbox, Transport},
    personality::Personality,
    time::Instant,
    trace::{Event, Trace},
};
use usb_device::{
    bus::{UsbBus, UsbBusAllocator},
    device::{StringDescriptors, UsbDevice, UsbDeviceBuilder, UsbDeviceState, UsbVidPid},
};
use zeroize::Zeroize;

use super::class::{CardReader, PACKET_BYTES};

/// Packets that one poll takes: more than the longest message has.
const PACKETS_MAX: u8 = 8;

/// What the device is called.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// Vendor and product number.
    pub vendor_product: (u16, u16),
    /// Who has made it.
    pub manufacturer: &'static str,
    /// What it is.
    pub product: &'static str,
    /// Its serial number.
    pub serial: &'static str,
    /// Version of the firmware, as USB writes it: two digits each for major and minor.
    pub release: u16,
}

/// A card reader's messages over USB.
pub struct UsbTransport<'a, B: UsbBus> {
    device: UsbDevice<'a, B>,
    class: CardReader<'a, B>,
    /// Bytes of a message that has no room; they are let pass.
    is_overlong: bool,
    /// Bytes of the answer that are out.
    position: usize,
}

impl<'a, B: UsbBus> UsbTransport<'a, B> {
    /// A device on this bus. It is seen by the host from the first poll on.
    pub fn new(bus: &'a UsbBusAllocator<B>, personality: &Personality, identity: Identity) -> Self {
        let class = CardReader::new(bus, personality);
        let (vendor, product) = identity.vendor_product;
        let strings = StringDescriptors::default()
            .manufacturer(identity.manufacturer)
            .product(identity.product)
            .serial_number(identity.serial);
        let builder = UsbDeviceBuilder::new(bus, UsbVidPid(vendor, product)).device_release(identity.release);
        // One language, 250 mA and packets of 64 bytes are within what the builder takes.
        let builder = match builder
            .strings(&[strings])
            .and_then(|builder| builder.max_power(250)?.max_packet_size_0(PACKET_BYTES as u8))
        {
            Ok(builder) => builder,
            Err(_) => UsbDeviceBuilder::new(bus, UsbVidPid(vendor, product)),
        };
        Self { device: builder.build(), class, is_overlong: false, position: 0 }
    }

    fn receive(&mut self, incoming: &mut Incoming, trace: &mut Trace) {
        let mut packet = [0; PACKET_BYTES];
        for _ in 0..PACKETS_MAX {
            if incoming.is_complete() {
                break;
            }
            let Some(length) = self.class.read(&mut packet) else { break };
            let is_last = length < PACKET_BYTES;
            self.take(packet.get(..length).unwrap_or_default(), is_last, incoming, trace);
        }
        packet.zeroize();
    }

    /// A packet shorter than others ends a message, as the specification of bulk transfers has it; so does the length
    /// that the message announces.
    fn take(&mut self, packet: &[u8], is_last: bool, incoming: &mut Incoming, trace: &mut Trace) {
        for byte in packet {
            if self.is_overlong || incoming.is_complete() {
                break;
            }
            // There is room: a message that has none is known by its header.
            incoming.push(*byte);
            match incoming.announced_bytes() {
                Some(announced) if announced > MESSAGE_BYTES_MAX => self.is_overlong = true,
                Some(announced) if announced == incoming.bytes().len() => {
                    trace.count(Event::Command);
                    incoming.complete();
                }
                _ => {}
            }
        }
        if !is_last || incoming.is_complete() {
            return;
        }
        if self.is_overlong {
            self.is_overlong = false;
            trace.count(Event::FrameOverlong);
            trace.count(Event::Command);
            incoming.complete();
        } else if !incoming.bytes().is_empty() {
            // Cut off. A header is answered with what is wrong; less is not answered by anybody.
            trace.count(Event::FrameBroken);
            if incoming.bytes().len() >= HEADER_BYTES {
                incoming.complete();
            } else {
                incoming.clear();
            }
        }
    }

    fn send(&mut self, mailbox: &mut Mailbox) {
        while !mailbox.outgoing.is_empty() {
            let bytes = mailbox.outgoing.bytes();
            let rest = bytes.get(self.position..).unwrap_or_default();
            let packet = rest.get(..PACKET_BYTES).unwrap_or(rest);
            if !self.class.write(packet) {
                break;
            }
            self.position += packet.len();
            // A message that fills its last packet is followed by an empty one.
            if packet.len() < PACKET_BYTES {
                self.position = 0;
                mailbox.outgoing.clear();
            }
        }
    }

    fn forget(&mut self, mailbox: &mut Mailbox) {
        self.is_overlong = false;
        self.position = 0;
        mailbox.incoming.clear();
        mailbox.outgoing.clear();
    }
}

impl<B: UsbBus> Transport for UsbTransport<'_, B> {
    fn poll(&mut self, mailbox: &mut Mailbox, trace: &mut Trace, _now: Instant) -> Option<Instant> {
        self.device.poll(&mut [&mut self.class]);
        if self.class.has_reset() {
            self.forget(mailbox);
        }
        if self.device.state() == UsbDeviceState::Configured {
            self.send(mailbox);
            self.receive(&mut mailbox.incoming, trace);
            self.class.tell();
        } else if !mailbox.outgoing.is_empty() {
            // Nobody is there to take it.
            self.forget(mailbox);
        }
        None
    }

    fn notify_slot_change(&mut self, slot: u8, is_present: bool) {
        self.class.note(slot, is_present);
    }

    fn abort_request(&mut self) -> Option<(u8, u8)> {
        self.class.abort()
    }
}
