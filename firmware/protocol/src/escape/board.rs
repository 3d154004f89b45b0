//! Who the board is and what has happened to it.

use core::fmt;

use super::request::put;
use super::{Body, Frame, TooLong};
use crate::wire::{Fields, wire_enum};

/// Most bytes of a board's name.
pub const BOARD_NAME_BYTES_MAX: usize = 24;

/// Serial number of a board: the processor's unique 96 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Serial(pub [u8; 12]);

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

wire_enum! {
    /// The reader that a board plays towards the host's driver.
    pub enum Personality {
        /// Two slots, no echo.
        Sec1210 = 0x01,
        /// Five slots, no echo.
        GemCorePosPro = 0x02,
        /// One slot, with echo.
        GemPcTwin = 0x03,
        /// CCID over USB.
        Usb = 0x04,
    }
}

/// What a board has beside its slots, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities(pub u16);

impl Abilities {
    /// A fingerprint module, which has answered.
    pub const FINGERPRINT: Self = Self(0x0001);
    /// Lamps.
    pub const LAMPS: Self = Self(0x0002);
    /// A buzzer.
    pub const BUZZER: Self = Self(0x0004);
    /// A tamper switch.
    pub const TAMPER: Self = Self(0x0008);
    /// A source of random bytes.
    pub const CHANCE: Self = Self(0x0010);
    /// Takes signed images of firmware.
    pub const UPDATE: Self = Self(0x0020);

    /// Whether all of these are there.
    pub const fn has(self, abilities: Self) -> bool {
        self.0 & abilities.0 == abilities.0
    }

    /// With these too.
    #[must_use]
    pub const fn with(self, abilities: Self) -> Self {
        Self(self.0 | abilities.0)
    }
}

/// Answer of `Identify`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name of the board, at most [`BOARD_NAME_BYTES_MAX`] bytes.
    pub board: heapless::String<BOARD_NAME_BYTES_MAX>,
    /// Its serial number.
    pub serial: Serial,
    /// Version of the firmware: major, minor, patch.
    pub version: [u16; 3],
    /// Images with a lower counter are refused.
    pub rollback: u32,
    /// First bytes of the digest of the image that runs.
    pub build: [u8; 8],
    /// The reader it plays.
    pub personality: Personality,
    /// How many slots it has.
    pub slots: u8,
    /// What it has beside them.
    pub abilities: Abilities,
}

impl Body for Identity {
    fn put(&self, frame: &mut Frame) -> Result<(), TooLong> {
        put(frame, &self.serial.0)?;
        for number in self.version {
            put(frame, &number.to_le_bytes())?;
        }
        put(frame, &self.rollback.to_le_bytes())?;
        put(frame, &self.build)?;
        put(frame, &[self.personality.byte(), self.slots])?;
        put(frame, &self.abilities.0.to_le_bytes())?;
        put(frame, self.board.as_bytes())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let serial = Serial(*fields.array()?);
        let version = [fields.u16()?, fields.u16()?, fields.u16()?];
        let rollback = fields.u32()?;
        let build = *fields.array()?;
        let personality = Personality::from_byte(fields.u8()?)?;
        let slots = fields.u8()?;
        let abilities = Abilities(fields.u16()?);
        let board = core::str::from_utf8(fields.rest()).ok()?.try_into().ok()?;
        Some(Self { board, serial, version, rollback, build, personality, slots, abilities })
    }
}

wire_enum! {
    /// What is counted, in the order of [`Counters::events`].
    pub enum Event {
        /// A whole message has come from the host.
        Command = 0x00,
        /// A message has gone to the host.
        Answer = 0x01,
        /// One of these was the report of an error.
        AnswerFailed = 0x02,
        /// A frame with a wrong check byte was thrown away.
        FrameBroken = 0x03,
        /// Bytes that belong to no frame were thrown away.
        FrameGarbage = 0x04,
        /// A frame that never ended was thrown away.
        FrameTimeout = 0x05,
        /// A frame was too long for this reader.
        FrameOverlong = 0x06,
        /// The host was asked to repeat.
        Nak = 0x07,
        /// The host was asked for more time.
        TimeExtension = 0x08,
        /// A command met a slot that works on another.
        SlotBusy = 0x09,
        /// A command was taken back.
        Aborted = 0x0A,
        /// A card has come.
        Inserted = 0x0B,
        /// A card has gone.
        Removed = 0x0C,
        /// A card has gone while it worked on a command.
        RemovedBusy = 0x0D,
        /// A card has answered to reset.
        Activated = 0x0E,
        /// A card has asked for more time.
        CardExtension = 0x0F,
        /// A card has answered a command.
        Exchange = 0x10,
        /// A card has said nothing, or not enough.
        CardMute = 0x11,
        /// A card has said something wrong.
        CardBroken = 0x12,
        /// A card has drawn too much current.
        CardOverload = 0x13,
        /// A card has kept the host waiting for longer than anybody waits.
        CardStalled = 0x14,
        /// An escape has come.
        Escape = 0x15,
        /// A task of the fingerprint module was started.
        FingerStarted = 0x16,
        /// A task of the fingerprint module has failed.
        FingerFailed = 0x17,
        /// A packet of the fingerprint module was broken.
        FingerPacketBroken = 0x18,
        /// The case was opened, or the vault was lost.
        Tampered = 0x19,
        /// A signature or a pairing was refused.
        Refused = 0x1A,
    }
}

/// Answer of `Counters`. All begin at zero with the board and stay at the greatest number they can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Milliseconds since the board began.
    pub uptime_ms: u64,
    /// How often each [`Event`] has happened.
    pub events: [u32; Event::ALL.len()],
}

impl Counters {
    /// How often it has happened.
    pub fn of(&self, event: Event) -> u32 {
        self.events.get(usize::from(event.byte())).copied().unwrap_or(0)
    }

    /// It has happened once more.
    pub fn add(&mut self, event: Event) {
        if let Some(count) = self.events.get_mut(usize::from(event.byte())) {
            *count = count.saturating_add(1);
        }
    }
}

impl Body for Counters {
    fn put(&self, frame: &mut Frame) -> Result<(), TooLong> {
        put(frame, &self.uptime_ms.to_le_bytes())?;
        self.events.iter().try_for_each(|count| put(frame, &count.to_le_bytes()))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let mut counters = Self { uptime_ms: fields.u64()?, ..Self::default() };
        for count in &mut counters.events {
            *count = fields.u32()?;
        }
        fields.end(counters)
    }
}
