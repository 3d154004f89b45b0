//! Lamps and buzzer.

use super::request::put;
use super::{Frame, TooLong};
use crate::wire::{Fields, wire_enum};

wire_enum! {
    /// The lamps of a terminal; each has its colour.
    pub enum Lamp {
        /// Green: ready.
        Ready = 0x00,
        /// Yellow: leave the card in.
        Busy = 0x01,
        /// Red: call somebody.
        Fault = 0x02,
    }
}

wire_enum! {
    /// What a lamp does.
    pub enum LampMode {
        /// Dark.
        Off = 0x00,
        /// Light.
        On = 0x01,
        /// Half a second light, half a second dark.
        Blink = 0x02,
        /// A tenth of a second light, a tenth dark.
        BlinkFast = 0x03,
    }
}

/// What the buzzer says: some beeps, all of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beeps {
    /// How many, 0 is silence, at most [`Beeps::COUNT_MAX`].
    pub count: u8,
    /// Length of one, 10 to [`Beeps::MILLIS_MAX`].
    pub on_ms: u16,
    /// Silence between two, at most [`Beeps::MILLIS_MAX`].
    pub off_ms: u16,
}

impl Beeps {
    /// Most beeps of one command.
    pub const COUNT_MAX: u8 = 10;
    /// Longest beep and longest silence between two.
    pub const MILLIS_MAX: u16 = 3_000;
    /// No beep.
    pub const NONE: Self = Self { count: 0, on_ms: 10, off_ms: 0 };

    pub(super) fn put(&self, frame: &mut Frame) -> Result<(), TooLong> {
        put(frame, &[self.count])?;
        put(frame, &self.on_ms.to_le_bytes())?;
        put(frame, &self.off_ms.to_le_bytes())
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let beeps = Self { count: fields.u8()?, on_ms: fields.u16()?, off_ms: fields.u16()? };
        let is_within_limits = beeps.count <= Self::COUNT_MAX
            && (10..=Self::MILLIS_MAX).contains(&beeps.on_ms)
            && beeps.off_ms <= Self::MILLIS_MAX;
        is_within_limits.then_some(beeps)
    }
}
