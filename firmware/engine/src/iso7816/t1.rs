//! T=1, transport: one block out, one block in; the host does the protocol. Source: ISO/IEC 7816-3 §11.

use super::{ANSWER_BYTES_MAX, CardError, buffer::Buffer, dialogue::Next, line::Heard, timing::Timing};

/// NAD, PCB, LEN.
const PROLOGUE_BYTES: u16 = 3;

/// One block each way. The request is in the buffer; the answer overwrites it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    sent: u16,
    to_send: u16,
    received: u16,
    /// 1 for LRC, 2 for CRC.
    check_bytes: u8,
    /// So many times BWT.
    waiting_extension: u8,
    is_broken: bool,
    /// NAD, PCB or LEN had wrong parity: where the block ends is not known.
    is_endless: bool,
}

impl Block {
    /// The block in the first `length` bytes of the buffer. Neither its LEN nor its check bytes are judged, for
    /// tests of cards send wrong ones; `Length` when it has not even a prologue and a check byte.
    pub(super) fn new(length: usize, has_crc: bool, waiting_extension: u8) -> Result<Self, CardError> {
        if length <= usize::from(PROLOGUE_BYTES) || length > ANSWER_BYTES_MAX {
            return Err(CardError::Length);
        }
        Ok(Self {
            sent: 0,
            to_send: length as u16,
            received: 0,
            check_bytes: if has_crc { 2 } else { 1 },
            waiting_extension: waiting_extension.max(1),
            is_broken: false,
            is_endless: false,
        })
    }

    pub(super) fn begin(&self, buffer: &Buffer) -> Next {
        Next::Send(buffer.at(0))
    }

    pub(super) fn hear(&mut self, heard: Heard, buffer: &mut Buffer, timing: &Timing) -> Next {
        match heard {
            Heard::Sent => {
                self.sent = self.sent.saturating_add(1);
                if self.sent < self.to_send {
                    Next::Send(buffer.at(usize::from(self.sent)))
                } else {
                    Next::Listen(timing.block.times(u64::from(self.waiting_extension)))
                }
            }
            Heard::Character { byte, is_broken, .. } => self.take(byte, is_broken, buffer, timing),
            Heard::Silence => self.silence(),
            Heard::Stuck => Next::Fail(CardError::Mute),
            _ => Next::Fail(CardError::Overrun),
        }
    }

    fn take(&mut self, byte: u8, is_broken: bool, buffer: &mut Buffer, timing: &Timing) -> Next {
        self.is_broken |= is_broken;
        self.is_endless |=
            self.received < PROLOGUE_BYTES && (is_broken || (self.received == 2 && byte == 0xFF));
        if usize::from(self.received) >= ANSWER_BYTES_MAX {
            return Next::Fail(self.fault().unwrap_or(CardError::Overrun));
        }
        buffer.put(usize::from(self.received), byte);
        self.received += 1;
        let length = PROLOGUE_BYTES + u16::from(buffer.at(2)) + u16::from(self.check_bytes);
        if self.received < PROLOGUE_BYTES || self.is_endless || self.received < length {
            return Next::Listen(timing.character);
        }
        self.end()
    }

    /// Nothing more has come in time.
    fn silence(&self) -> Next {
        if self.received == 0 {
            return Next::Fail(CardError::Mute);
        }
        if self.is_endless {
            // LEN FF: the host is to see it and to answer with an R-block.
            return self.end();
        }
        Next::Fail(self.fault().unwrap_or(CardError::Incomplete))
    }

    fn end(&self) -> Next {
        match self.fault() {
            Some(error) => Next::Fail(error),
            None => Next::Done(usize::from(self.received)),
        }
    }

    fn fault(&self) -> Option<CardError> {
        self.is_broken.then_some(CardError::Parity)
    }

    /// Whether the card has begun to answer.
    pub(super) fn has_begun(&self) -> bool {
        self.received > 0
    }
}
