//! Reception of the answer to reset.

use super::{
    CardError,
    atr::length,
    buffer::Buffer,
    dialogue::Next,
    line::Heard,
    timing::{
        ATR_CYCLES_MAX, ATR_CYCLES_MIN, CHARACTER_ETU_MAX, CHARACTER_ETU_MIN, INITIAL_WAITING_ETU,
        MARGIN_ETU, Speed, cycles,
    },
};
use crate::time::{Duration, Instant};

/// TS of the direct convention.
const TS_DIRECT: u8 = 0x3B;
/// TS of the inverse convention, 3F, as a UART reads it before it knows.
const TS_INVERSE_RAW: u8 = 0x03;
const TS_INVERSE: u8 = 0x3F;

/// Where reception is.
#[derive(Clone, Copy, Debug)]
pub(super) struct AtrReception {
    /// When RST went high.
    reset_at: Instant,
    hertz: u32,
    received: u8,
}

impl AtrReception {
    pub(super) const fn new(reset_at: Instant, hertz: u32) -> Self {
        Self { reset_at, hertz, received: 0 }
    }

    /// How long TS is waited for, from RST on.
    pub(super) fn begin(&self) -> Duration {
        let latest = cycles(ATR_CYCLES_MAX, self.hertz);
        let character = Speed::DEFAULT.etu(CHARACTER_ETU_MAX + MARGIN_ETU, self.hertz);
        Duration(latest.0 + character.0)
    }

    pub(super) fn hear(&mut self, heard: Heard, buffer: &mut Buffer) -> Next {
        let waiting = Speed::DEFAULT.etu(INITIAL_WAITING_ETU + MARGIN_ETU, self.hertz);
        match heard {
            Heard::Character { byte, is_broken, at } if self.received == 0 => {
                self.first(byte, is_broken, at, buffer, waiting)
            }
            Heard::Character { is_broken: true, .. } => Next::Fail(CardError::Parity),
            Heard::Character { byte, .. } => {
                // Cannot fail: longer answers end below.
                buffer.put(usize::from(self.received), byte);
                self.received = self.received.saturating_add(1);
                let received = usize::from(self.received);
                match length(buffer.first(received)) {
                    Some(all) if all > card_spec::atr::ATR_BYTES_MAX => Next::Fail(CardError::Overrun),
                    Some(all) if received >= all => Next::Done(received),
                    _ => Next::Listen(waiting),
                }
            }
            Heard::Silence => Next::Fail(CardError::Mute),
            _ => Next::Fail(CardError::Overrun),
        }
    }

    fn first(
        &mut self,
        byte: u8,
        is_broken: bool,
        at: Instant,
        buffer: &mut Buffer,
        waiting: Duration,
    ) -> Next {
        let earliest = cycles(ATR_CYCLES_MIN + CHARACTER_ETU_MIN * 372, self.hertz);
        let is_inverse = match (byte, is_broken) {
            (TS_DIRECT, false) => false,
            // Its parity bit is right or wrong depending on what the UART took it for.
            (TS_INVERSE_RAW, _) => true,
            _ => return Next::Fail(CardError::Ts),
        };
        if at < self.reset_at + earliest {
            return Next::Fail(CardError::Ts);
        }
        buffer.put(0, if is_inverse { TS_INVERSE } else { TS_DIRECT });
        self.received = 1;
        Next::TakeConvention(is_inverse, waiting)
    }
}
