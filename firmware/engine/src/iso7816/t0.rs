//! T=0: one TPDU. Source: ISO/IEC 7816-3 §10.

use super::{CardError, buffer::Buffer, dialogue::Next, line::Heard, timing::Timing};

/// A card may ask for time so often in one exchange.
pub(super) const NULLS_MAX: u16 = 10_000;

/// CLA INS P1 P2 P3.
const HEADER_BYTES: u16 = 5;
/// The card asks for time.
const NULL: u8 = 0x60;

/// What is expected next.
#[derive(Clone, Copy, Debug)]
enum Phase {
    Header,
    Procedure,
    /// Data in the direction of the TPDU; one byte, or all that remain.
    Data {
        is_single: bool,
    },
    /// SW2.
    Status,
}

/// One TPDU. The request is in the buffer; the answer overwrites it once the header is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tpdu {
    instruction: u8,
    phase: Phase,
    /// Bytes of the request that have gone.
    sent: u16,
    /// Bytes of the request that are to go: header and data.
    to_send: u16,
    received: u16,
    /// Data bytes that the card may send.
    to_receive: u16,
    nulls: u16,
}

impl Tpdu {
    /// The TPDU in the first `length` bytes of the buffer: a header of 4 bytes (no data), of 5 (the card sends P3
    /// bytes, 256 for 0), or P3 data bytes after it and perhaps Le, which T=0 does not say to the card.
    /// `Length` when it is none of these.
    pub(super) fn new(buffer: &mut Buffer, length: usize) -> Result<Self, CardError> {
        let p3 = u16::from(buffer.at(4));
        let (to_send, to_receive) = match length {
            4 => {
                buffer.put(4, 0);
                (HEADER_BYTES, 0)
            }
            5 => (HEADER_BYTES, if p3 == 0 { 256 } else { p3 }),
            _ => {
                let all = usize::from(HEADER_BYTES + p3);
                if p3 == 0 || (length != all && length != all + 1) {
                    return Err(CardError::Length);
                }
                (HEADER_BYTES + p3, 0)
            }
        };
        Ok(Self {
            instruction: buffer.at(1),
            phase: Phase::Header,
            sent: 0,
            to_send,
            received: 0,
            to_receive,
            nulls: 0,
        })
    }

    pub(super) fn begin(&self, buffer: &Buffer) -> Next {
        Next::Send(buffer.at(0))
    }

    pub(super) fn hear(&mut self, heard: Heard, buffer: &mut Buffer, timing: &Timing) -> Next {
        match heard {
            Heard::Sent => self.sent(buffer, timing),
            Heard::Character { is_broken: true, .. } | Heard::Refused => Next::Fail(CardError::Parity),
            Heard::Character { byte, .. } => match self.phase {
                Phase::Header => Next::Fail(CardError::Overrun),
                Phase::Procedure => self.procedure(byte, buffer, timing),
                Phase::Data { is_single } => {
                    self.take(byte, buffer);
                    if is_single || self.received >= self.to_receive {
                        self.phase = Phase::Procedure;
                    }
                    Next::Listen(timing.working)
                }
                Phase::Status => {
                    self.take(byte, buffer);
                    Next::Done(usize::from(self.received))
                }
            },
            Heard::Silence | Heard::Stuck => Next::Fail(CardError::Mute),
            Heard::Babble | Heard::Nothing { .. } => Next::Fail(CardError::Overrun),
        }
    }

    fn sent(&mut self, buffer: &Buffer, timing: &Timing) -> Next {
        self.sent = self.sent.saturating_add(1);
        let goes_on = match self.phase {
            Phase::Header => self.sent < HEADER_BYTES,
            Phase::Data { is_single } => !is_single && self.sent < self.to_send,
            Phase::Procedure | Phase::Status => false,
        };
        if goes_on {
            return Next::Send(buffer.at(usize::from(self.sent)));
        }
        self.phase = Phase::Procedure;
        Next::Listen(timing.working)
    }

    fn procedure(&mut self, byte: u8, buffer: &mut Buffer, timing: &Timing) -> Next {
        let is_all = byte == self.instruction;
        match byte {
            NULL => {
                self.nulls += 1;
                if self.nulls > NULLS_MAX {
                    Next::Fail(CardError::Mute)
                } else {
                    Next::Extend(timing.working)
                }
            }
            0x61..=0x6F | 0x90..=0x9F => {
                // What was not sent stays unsent, and what was sent is not part of the answer.
                self.take(byte, buffer);
                self.phase = Phase::Status;
                Next::Listen(timing.working)
            }
            _ if is_all || byte == !self.instruction => {
                self.phase = Phase::Data { is_single: !is_all };
                if self.sent < self.to_send {
                    Next::Send(buffer.at(usize::from(self.sent)))
                } else if self.received < self.to_receive {
                    Next::Listen(timing.working)
                } else {
                    Next::Fail(CardError::ProcedureByte { got: byte })
                }
            }
            _ => Next::Fail(CardError::ProcedureByte { got: byte }),
        }
    }

    fn take(&mut self, byte: u8, buffer: &mut Buffer) {
        // Cannot fail: at most 256 bytes of data and two of status.
        buffer.put(usize::from(self.received), byte);
        self.received = self.received.saturating_add(1);
    }
}
