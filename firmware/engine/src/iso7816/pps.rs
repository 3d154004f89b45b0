//! Protocol and parameters selection. Source: ISO/IEC 7816-3 §9.

use super::{
    CardError,
    buffer::Buffer,
    dialogue::Next,
    line::Heard,
    parameters::Protocol,
    timing::{Speed, Timing},
};

/// First byte of request and response.
pub(super) const PPSS: u8 = 0xFF;
/// PPSS, PPS0, PPS1 to PPS3, PCK.
pub(super) const PPS_BYTES_MAX: usize = 6;

/// PPS1 is there.
const HAS_PPS1: u8 = 0x10;
/// PPS2 is there.
const HAS_PPS2: u8 = 0x20;
/// PPS3 is there.
const HAS_PPS3: u8 = 0x40;
/// Reserved.
const RESERVED: u8 = 0x80;

/// Bytes of a request or response with this PPS0.
const fn length(pps0: u8) -> usize {
    3 + (pps0 & (HAS_PPS1 | HAS_PPS2 | HAS_PPS3)).count_ones() as usize
}

/// Whether bytes are a whole request.
pub(super) fn is_request(bytes: &[u8]) -> bool {
    match bytes {
        [PPSS, pps0, ..] => {
            pps0 & RESERVED == 0
                && bytes.len() == length(*pps0)
                && bytes.iter().fold(0, |sum, byte| sum ^ byte) == 0
                && (pps0 & HAS_PPS1 == 0 || bytes.get(2).is_some_and(|speed| Speed::of(*speed).is_some()))
        }
        _ => false,
    }
}

/// Writes the reader's own request: protocol, and speed unless it is the default one. Returns its length.
pub(super) fn write_request(buffer: &mut Buffer, protocol: Protocol, speed: u8) -> usize {
    let has_speed = Speed::of(speed) != Some(Speed::DEFAULT);
    let pps0 = protocol.number() | if has_speed { HAS_PPS1 } else { 0 };
    let mut request = [PPSS, pps0, 0, 0];
    let end = if has_speed {
        request[2] = speed;
        request[3] = PPSS ^ pps0 ^ speed;
        4
    } else {
        request[2] = PPSS ^ pps0;
        3
    };
    buffer.fill(request.get(..end).unwrap_or_default());
    end
}

/// What request and response have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    /// Protocol.
    pub(super) protocol: u8,
    /// F and D as in TA1.
    pub(super) speed: u8,
}

/// One selection. The request is in the buffer; the response overwrites it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pps {
    request: [u8; PPS_BYTES_MAX],
    length: u8,
    sent: u8,
    received: u8,
}

impl Pps {
    /// The request is the first `length` bytes of the buffer.
    pub(super) fn new(buffer: &Buffer, length: usize) -> Self {
        let mut request = [0; PPS_BYTES_MAX];
        for (own, byte) in request.iter_mut().zip(buffer.first(length)) {
            *own = *byte;
        }
        Self { request, length: length.min(PPS_BYTES_MAX) as u8, sent: 0, received: 0 }
    }

    pub(super) fn begin(&self) -> Next {
        Next::Send(self.request[0])
    }

    pub(super) fn hear(&mut self, heard: Heard, buffer: &mut Buffer, timing: &Timing) -> Next {
        match heard {
            Heard::Sent => {
                self.sent = self.sent.saturating_add(1);
                match self.request.get(usize::from(self.sent)) {
                    Some(byte) if self.sent < self.length => Next::Send(*byte),
                    _ => Next::Listen(timing.initial),
                }
            }
            Heard::Character { is_broken: true, .. } => Next::Fail(CardError::Parity),
            Heard::Character { byte, .. } => {
                buffer.put(usize::from(self.received), byte);
                self.received = self.received.saturating_add(1);
                let received = usize::from(self.received);
                let is_over = match buffer.first(received) {
                    [PPSS] => false,
                    [PPSS, pps0, ..] => received >= length(*pps0),
                    _ => true,
                };
                if is_over { Next::Done(received) } else { Next::Listen(timing.initial) }
            }
            Heard::Silence => Next::Fail(CardError::Mute),
            Heard::Refused => Next::Fail(CardError::Parity),
            _ => Next::Fail(CardError::Overrun),
        }
    }

    /// What the response agrees to; `None` when it is none, or agrees to something that was not asked for.
    /// Source: ISO/IEC 7816-3 §9.3.
    pub(super) fn agreed(&self, response: &[u8]) -> Option<Agreed> {
        let [PPSS, pps0, middle @ .., _] = response else { return None };
        if response.len() != length(*pps0) || response.iter().fold(0, |sum, byte| sum ^ byte) != 0 {
            return None;
        }
        let [_, asked, asked_middle @ ..] = &self.request;
        // The same protocol; that no parameter is confirmed that was not proposed is seen below.
        if (pps0 ^ asked) & 0x0F != 0 || pps0 & RESERVED != 0 {
            return None;
        }
        let mut agreed = Agreed { protocol: pps0 & 0x0F, speed: Speed::DEFAULT_BYTE };
        let mut proposed = asked_middle.iter();
        let mut confirmed = middle.iter();
        for bit in [HAS_PPS1, HAS_PPS2, HAS_PPS3] {
            let proposal = if asked & bit != 0 { proposed.next() } else { None };
            if pps0 & bit == 0 {
                continue;
            }
            // What is confirmed is confirmed to the letter.
            let confirmation = confirmed.next()?;
            if proposal != Some(confirmation) {
                return None;
            }
            if bit == HAS_PPS1 {
                agreed.speed = *confirmation;
            }
        }
        Some(agreed)
    }
}
