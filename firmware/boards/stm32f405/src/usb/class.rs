//! The class: its interface, its endpoints, and what is asked beside the messages.

use usb_device::{
    UsbError,
    bus::{InterfaceNumber, UsbBus, UsbBusAllocator},
    class::{ControlIn, ControlOut, UsbClass},
    control::{Recipient, RequestType},
    descriptor::DescriptorWriter,
    endpoint::{EndpointIn, EndpointOut},
};

use super::descriptor::{CLASS_DESCRIPTOR_BYTES, class_descriptor};
use engine::personality::Personality;

/// Bytes of a packet at full speed.
pub const PACKET_BYTES: usize = 64;
/// Bytes of a notice: its type and two bits for each of up to eight slots.
const NOTICE_BYTES: u16 = 8;
/// Milliseconds between two looks of the host for notices.
const NOTICE_INTERVAL_MS: u8 = 24;

const INTERFACE_CLASS: u8 = 0x0B;
const DESCRIPTOR_TYPE: u8 = 0x21;
const REQUEST_ABORT: u8 = 0x01;
/// `RDR_to_PC_NotifySlotChange`.
const NOTICE_SLOT_CHANGE: u8 = 0x50;

/// The class of a card reader.
pub struct CardReader<'a, B: UsbBus> {
    interface: InterfaceNumber,
    commands: EndpointOut<'a, B>,
    answers: EndpointIn<'a, B>,
    notices: EndpointIn<'a, B>,
    descriptor: [u8; CLASS_DESCRIPTOR_BYTES],
    abort: Option<(u8, u8)>,
    has_reset: bool,
    /// Two bits for each slot: whether a card is there, whether that is news.
    slots: u16,
}

impl<'a, B: UsbBus> CardReader<'a, B> {
    /// A reader that is this personality.
    pub fn new(bus: &'a UsbBusAllocator<B>, personality: &Personality) -> Self {
        Self {
            interface: bus.interface(),
            commands: bus.bulk(PACKET_BYTES as u16),
            answers: bus.bulk(PACKET_BYTES as u16),
            notices: bus.interrupt(NOTICE_BYTES, NOTICE_INTERVAL_MS),
            descriptor: class_descriptor(personality),
            abort: None,
            has_reset: false,
            slots: 0,
        }
    }

    /// A packet of the host; `None` when there is none.
    pub fn read(&mut self, packet: &mut [u8; PACKET_BYTES]) -> Option<usize> {
        self.commands.read(packet).ok()
    }

    /// Sends a packet; false when the one before is not out yet.
    pub fn write(&mut self, packet: &[u8]) -> bool {
        self.answers.write(packet).is_ok()
    }

    /// Slot and sequence number of a request to abort, told once. Source: CCID rev 1.1 §5.3.1.
    pub fn abort(&mut self) -> Option<(u8, u8)> {
        self.abort.take()
    }

    /// Whether the host has begun anew, told once: what was under way is forgotten.
    pub fn has_reset(&mut self) -> bool {
        core::mem::take(&mut self.has_reset)
    }

    /// A card has come or gone.
    pub fn note(&mut self, slot: u8, is_present: bool) {
        let Some(change) = 2_u16.checked_shl(2 * u32::from(slot)) else { return };
        let present = change >> 1;
        self.slots = self.slots & !present | change | if is_present { present } else { 0 };
    }

    /// Tells the host what has changed since the last time. Source: CCID rev 1.1 §6.3.1.
    pub fn tell(&mut self) {
        const CHANGES: u16 = 0xAAAA;
        if self.slots & CHANGES == 0 {
            return;
        }
        let [first, second] = self.slots.to_le_bytes();
        // As many bytes as the slots need, says the specification; four slots take one.
        let has_many = self.descriptor[2] >= 4;
        let notice = [NOTICE_SLOT_CHANGE, first, second];
        let notice = if has_many { &notice[..] } else { &notice[..2] };
        if self.notices.write(notice).is_ok() {
            self.slots &= !CHANGES;
        }
    }
}

impl<B: UsbBus> UsbClass<B> for CardReader<'_, B> {
    fn get_configuration_descriptors(&self, writer: &mut DescriptorWriter<'_>) -> Result<(), UsbError> {
        writer.interface(self.interface, INTERFACE_CLASS, 0, 0)?;
        writer.write(DESCRIPTOR_TYPE, &self.descriptor)?;
        writer.endpoint(&self.commands)?;
        writer.endpoint(&self.answers)?;
        writer.endpoint(&self.notices)
    }

    fn reset(&mut self) {
        self.abort = None;
        self.has_reset = true;
    }

    fn control_in(&mut self, transfer: ControlIn<'_, '_, '_, B>) {
        // There is neither a list of clocks nor one of rates.
        let request = *transfer.request();
        let is_ours = request.request_type == RequestType::Class
            && request.recipient == Recipient::Interface
            && request.index == u16::from(u8::from(self.interface));
        if is_ours {
            let _ = transfer.reject();
        }
    }

    fn control_out(&mut self, transfer: ControlOut<'_, '_, '_, B>) {
        let request = *transfer.request();
        let is_ours = request.request_type == RequestType::Class
            && request.recipient == Recipient::Interface
            && request.index == u16::from(u8::from(self.interface));
        if !is_ours {
            return;
        }
        if request.request == REQUEST_ABORT {
            let [slot, sequence] = request.value.to_le_bytes();
            self.abort = Some((slot, sequence));
            let _ = transfer.accept();
        } else {
            let _ = transfer.reject();
        }
    }
}
