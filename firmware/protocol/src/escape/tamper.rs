//! The latch that an opened case sets, and who may clear it.

use core::fmt;

use super::request::put;
use super::{Body, Frame, KEY_BYTES, Serial, TooLong};
use crate::wire::{Fields, wire_enum};

/// Bytes of a challenge.
pub const CHALLENGE_BYTES: usize = 32;
/// Bytes of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;
/// Most openings that are remembered one by one.
pub const LOG_ENTRIES_MAX: usize = 8;

wire_enum! {
    /// Why the latch was set.
    pub enum Cause {
        /// The switch of the case.
        CaseOpened = 0x01,
        /// The vault was empty or damaged: erased by its hardware, or its battery was empty.
        VaultLost = 0x02,
    }
}

/// Answer of `TamperState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TamperState {
    /// Set by an opening, until the authority clears it.
    pub is_latched: bool,
    /// The case is open now.
    pub is_open: bool,
    /// A secret is shared. An opening erases it.
    pub is_paired: bool,
    /// An authority is known; without one the maker clears.
    pub has_authority: bool,
    /// Openings, also those from before it lost power; begins anew with a lost vault.
    pub count: u16,
    /// Entries in the log.
    pub entries: u8,
}

impl TamperState {
    /// Bytes of its body.
    pub const BYTES: usize = 4;

    /// The body.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let flags = u8::from(self.is_latched)
            | u8::from(self.is_open) << 1
            | u8::from(self.is_paired) << 2
            | u8::from(self.has_authority) << 3;
        let [low, high] = self.count.to_le_bytes();
        [flags, low, high, self.entries]
    }
}

impl Body for TamperState {
    fn put(&self, frame: &mut Frame) -> Result<(), TooLong> {
        put(frame, &self.to_bytes())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let [flags, low, high, entries] = *<&[u8; Self::BYTES]>::try_from(bytes).ok()?;
        if flags & !0x0F != 0 || usize::from(entries) > LOG_ENTRIES_MAX {
            return None;
        }
        Some(Self {
            is_latched: flags & 1 != 0,
            is_open: flags & 2 != 0,
            is_paired: flags & 4 != 0,
            has_authority: flags & 8 != 0,
            count: u16::from_le_bytes([low, high]),
            entries,
        })
    }
}

/// Answer of `TamperLog`: one opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its number; the first opening is 1.
    pub count: u16,
    /// Why.
    pub cause: Cause,
    /// Seconds that the board had been running.
    pub uptime_s: u32,
}

impl Body for LogEntry {
    fn put(&self, frame: &mut Frame) -> Result<(), TooLong> {
        put(frame, &self.count.to_le_bytes())?;
        put(frame, &[self.cause.byte()])?;
        put(frame, &self.uptime_s.to_le_bytes())
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let count = fields.u16()?;
        let cause = Cause::from_byte(fields.u8()?)?;
        let uptime_s = fields.u32()?;
        fields.end(Self { count, cause, uptime_s })
    }
}

/// Answer of `Challenge`: serves one clearing or one pairing, until the next challenge or the board's end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Challenge {
    /// Random.
    pub bytes: [u8; CHALLENGE_BYTES],
    /// The tamper count to be signed with it.
    pub count: u16,
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Challenge(count: {})", self.count)
    }
}

impl Body for Challenge {
    fn put(&self, frame: &mut Frame) -> Result<(), TooLong> {
        put(frame, &self.count.to_le_bytes())?;
        put(frame, &self.bytes)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        let count = fields.u16()?;
        let bytes = *fields.array()?;
        fields.end(Self { bytes, count })
    }
}

const CLEAR_DOMAIN: &[u8; 16] = b"jinbao-board-v1C";
const PAIR_DOMAIN: &[u8; 16] = b"jinbao-board-v1A";

/// Bytes of [`clear_message`].
pub const CLEAR_MESSAGE_BYTES: usize = CLEAR_DOMAIN.len() + 12 + 2 + CHALLENGE_BYTES;
/// Bytes of [`pair_message`].
pub const PAIR_MESSAGE_BYTES: usize = PAIR_DOMAIN.len() + 12 + 2 + CHALLENGE_BYTES + 2 * KEY_BYTES;

/// What the authority signs to clear the latch of this board, this once.
pub fn clear_message(serial: &Serial, challenge: &Challenge) -> [u8; CLEAR_MESSAGE_BYTES] {
    join([CLEAR_DOMAIN, &serial.0, &challenge.count.to_le_bytes(), &challenge.bytes])
}

/// What the authority signs to let a board be paired anew. It holds the secret: wipe it.
pub fn pair_message(
    serial: &Serial,
    challenge: &Challenge,
    secret: &[u8; KEY_BYTES],
    authority: &[u8; KEY_BYTES],
) -> [u8; PAIR_MESSAGE_BYTES] {
    join([PAIR_DOMAIN, &serial.0, &challenge.count.to_le_bytes(), &challenge.bytes, secret, authority])
}

/// The parts one after the other; their lengths add up to `N`.
pub(super) fn join<const N: usize, const PARTS: usize>(parts: [&[u8]; PARTS]) -> [u8; N] {
    let mut bytes = [0; N];
    let all = parts.into_iter().flatten();
    bytes.iter_mut().zip(all).for_each(|(byte, part)| *byte = *part);
    bytes
}
