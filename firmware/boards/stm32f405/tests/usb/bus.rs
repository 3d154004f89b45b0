//! A bus whose other end is a test.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use usb_device::{
    UsbDirection, UsbError,
    bus::{PollResult, UsbBus},
    endpoint::{EndpointAddress, EndpointType},
};

/// Endpoints in each direction.
const ENDPOINTS: usize = 4;

#[derive(Default)]
pub(crate) struct State {
    used: [[bool; ENDPOINTS]; 2],
    /// Packets of the host, with whether they begin a control transfer.
    to_device: [VecDeque<(bool, Vec<u8>)>; ENDPOINTS],
    /// The one packet that the device may have under way.
    from_device: [Option<Vec<u8>>; ENDPOINTS],
    /// Packets that the host has taken, not yet told to the device.
    taken: u16,
    stalled: [[bool; ENDPOINTS]; 2],
    is_reset: bool,
}

/// Both ends.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<State>>);

impl Wire {
    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        work(&mut self.0.lock().unwrap())
    }

    /// The host resets the bus.
    pub(crate) fn reset_bus(&self) {
        self.with(|state| {
            state.is_reset = true;
            state.to_device = Default::default();
            state.from_device = Default::default();
            state.stalled = Default::default();
        });
    }

    /// The host sends a packet.
    pub(crate) fn send(&self, endpoint: usize, is_setup: bool, packet: &[u8]) {
        self.with(|state| {
            if is_setup {
                state.stalled[0][endpoint] = false;
                state.stalled[1][endpoint] = false;
            }
            state.to_device[endpoint].push_back((is_setup, packet.to_vec()));
        });
    }

    /// The host takes a packet, if there is one.
    pub(crate) fn take(&self, endpoint: usize) -> Option<Vec<u8>> {
        self.with(|state| {
            let packet = state.from_device[endpoint].take()?;
            state.taken |= 1 << endpoint;
            Some(packet)
        })
    }

    /// Whether the device refuses.
    pub(crate) fn is_stalled(&self, endpoint: usize) -> bool {
        self.with(|state| state.stalled[0][endpoint] || state.stalled[1][endpoint])
    }

    /// Packets that the device has not taken yet.
    pub(crate) fn waiting(&self, endpoint: usize) -> usize {
        self.with(|state| state.to_device[endpoint].len())
    }
}

/// The device's end.
pub(crate) struct Bus(pub(crate) Wire);

fn direction(direction: UsbDirection) -> usize {
    usize::from(direction == UsbDirection::In)
}

impl UsbBus for Bus {
    fn alloc_ep(
        &mut self,
        ep_dir: UsbDirection,
        ep_addr: Option<EndpointAddress>,
        _: EndpointType,
        _: u16,
        _: u8,
    ) -> usb_device::Result<EndpointAddress> {
        self.0.with(|state| {
            let used = &mut state.used[direction(ep_dir)];
            let wanted = ep_addr.map(|address| address.index());
            let index = wanted
                .or_else(|| (1..ENDPOINTS).find(|index| !used[*index]))
                .ok_or(UsbError::EndpointOverflow)?;
            used[index] = true;
            Ok(EndpointAddress::from_parts(index, ep_dir))
        })
    }

    fn enable(&mut self) {}

    fn reset(&self) {}

    fn set_device_address(&self, _: u8) {}

    fn write(&self, ep_addr: EndpointAddress, packet: &[u8]) -> usb_device::Result<usize> {
        self.0.with(|state| {
            let place = &mut state.from_device[ep_addr.index()];
            if place.is_some() {
                return Err(UsbError::WouldBlock);
            }
            assert!(packet.len() <= 64);
            *place = Some(packet.to_vec());
            Ok(packet.len())
        })
    }

    fn read(&self, ep_addr: EndpointAddress, buffer: &mut [u8]) -> usb_device::Result<usize> {
        self.0.with(|state| {
            let (_, packet) = state.to_device[ep_addr.index()].pop_front().ok_or(UsbError::WouldBlock)?;
            buffer[..packet.len()].copy_from_slice(&packet);
            Ok(packet.len())
        })
    }

    fn set_stalled(&self, ep_addr: EndpointAddress, stalled: bool) {
        self.0.with(|state| state.stalled[direction(ep_addr.direction())][ep_addr.index()] = stalled);
    }

    fn is_stalled(&self, ep_addr: EndpointAddress) -> bool {
        self.0.with(|state| state.stalled[direction(ep_addr.direction())][ep_addr.index()])
    }

    fn suspend(&self) {}

    fn resume(&self) {}

    fn poll(&self) -> PollResult {
        self.0.with(|state| {
            if std::mem::take(&mut state.is_reset) {
                return PollResult::Reset;
            }
            let ep_in_complete = std::mem::take(&mut state.taken);
            let (mut ep_out, mut ep_setup) = (0, 0);
            for (index, packets) in state.to_device.iter().enumerate() {
                match packets.front() {
                    Some((true, _)) => ep_setup |= 1 << index,
                    Some((false, _)) => ep_out |= 1 << index,
                    None => {}
                }
            }
            if ep_in_complete | ep_out | ep_setup == 0 {
                PollResult::None
            } else {
                PollResult::Data { ep_out, ep_in_complete, ep_setup }
            }
        })
    }
}
