//! What a board keeps in battery-backed registers, byte by byte.
//!
//! | bytes | what |
//! |---|---|
//! | 0–2 | `JV` and the version of this layout, 1 |
//! | 3 | bit 0: latched, bit 1: paired, bit 2: an authority is known |
//! | 4–5 | openings of the case |
//! | 6–7 | zero |
//! | 8–39 | paired: the shared secret. Not paired: the last eight openings, newest first, 4 bytes each: cause in the top 4 bits, below it seconds of uptime; zero is none |
//! | 40–71 | the authority's Ed25519 public key |
//! | 72–75 | zero |
//! | 76–79 | CRC-32 (IEEE 802.3) of bytes 0 to 75 |
//!
//! So erasing the secret makes room for the log of why. An erased vault, all zero or all ones, fits no layout.

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::escape::{Cause, KEY_BYTES, LOG_ENTRIES_MAX, LogEntry};

/// Bytes of a vault: 20 registers of 32 bits.
pub const VAULT_BYTES: usize = 80;

const MAGIC: [u8; 3] = *b"JV\x01";
const CHECKED_BYTES: usize = VAULT_BYTES - 4;
const UPTIME_BITS: u32 = 28;
const UPTIME_MAX_S: u32 = (1 << UPTIME_BITS) - 1;

/// The last openings, newest first, as the vault keeps them: one word each, zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log([u32; LOG_ENTRIES_MAX]);

impl Log {
    /// No opening.
    pub const fn new() -> Self {
        Self([0; LOG_ENTRIES_MAX])
    }

    /// A newer opening; the oldest of eight is forgotten. An uptime that does not fit, 8.5 years, is shown as
    /// the longest that does.
    pub fn push(&mut self, cause: Cause, uptime_s: u32) {
        let [a, b, c, d, e, f, g, _] = self.0;
        self.0 = [Self::word(cause, uptime_s), a, b, c, d, e, f, g];
    }

    /// Openings from before those that are in it.
    pub fn push_older(&mut self, older: &Self) {
        let mut older = older.0.iter();
        for word in self.0.iter_mut().filter(|word| **word == 0) {
            *word = older.next().copied().unwrap_or(0);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.iter().take_while(|word| **word != 0).count()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0[0] == 0
    }

    /// The opening at `index`, 0 the newest, whose number is `count`.
    pub fn entry(&self, index: usize, count: u16) -> Option<LogEntry> {
        let word = *self.0.get(index)?;
        let cause = Cause::from_byte((word >> UPTIME_BITS) as u8)?;
        let count = count.saturating_sub(index as u16);
        Some(LogEntry { count, cause, uptime_s: word & UPTIME_MAX_S })
    }

    fn word(cause: Cause, uptime_s: u32) -> u32 {
        u32::from(cause.byte() & 0x0F) << UPTIME_BITS | uptime_s.min(UPTIME_MAX_S)
    }

    /// `None` when a word is no opening, or one follows after none.
    fn from_bytes(place: &[u8; KEY_BYTES]) -> Option<Self> {
        let (words, _) = place.as_chunks::<4>();
        let mut log = Self::new();
        for (word, bytes) in log.0.iter_mut().zip(words) {
            *word = u32::from_le_bytes(*bytes);
        }
        let known = (0..log.len()).all(|index| log.entry(index, 0).is_some());
        let nothing_follows = log.0.iter().skip(log.len()).all(|word| *word == 0);
        (known && nothing_follows).then_some(log)
    }

    fn to_bytes(self) -> [u8; KEY_BYTES] {
        let mut place = [0; KEY_BYTES];
        for (bytes, word) in place.as_chunks_mut::<4>().0.iter_mut().zip(self.0) {
            *bytes = word.to_le_bytes();
        }
        place
    }
}

/// What the vault holds. The secret is wiped when this goes.
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Contents {
    /// The case was opened and nobody with authority has cleared it.
    pub is_latched: bool,
    /// Openings.
    pub count: u16,
    /// The secret shared with the terminal.
    pub secret: Option<[u8; KEY_BYTES]>,
    /// Who may clear and pair anew.
    pub authority: Option<[u8; KEY_BYTES]>,
    /// The last openings, newest first. Not kept beside a secret.
    #[zeroize(skip)]
    pub log: Log,
}

impl Contents {
    /// Reads a vault. `None`: erased or damaged.
    pub fn from_bytes(bytes: &[u8; VAULT_BYTES]) -> Option<Self> {
        let (checked, check) = bytes.split_first_chunk::<CHECKED_BYTES>()?;
        if crc32(checked).to_le_bytes() != check {
            return None;
        }
        let (head, rest) = checked.split_first_chunk::<8>()?;
        let (place, rest) = rest.split_first_chunk::<KEY_BYTES>()?;
        let (authority, rest) = rest.split_first_chunk::<KEY_BYTES>()?;
        let [m0, m1, m2, flags, count_low, count_high, zero0, zero1] = *head;
        let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
        if [m0, m1, m2] != MAGIC || flags & !7 != 0 || !is_zero(&[zero0, zero1]) || !is_zero(rest) {
            return None;
        }
        let count = u16::from_le_bytes([count_low, count_high]);
        let is_paired = flags & 2 != 0;
        Some(Self {
            is_latched: flags & 1 != 0,
            count,
            secret: is_paired.then_some(*place),
            authority: (flags & 4 != 0).then_some(*authority),
            log: if is_paired { Log::new() } else { Log::from_bytes(place)? },
        })
    }

    /// Writes a vault. It holds the secret: wipe it.
    pub fn to_bytes(&self) -> [u8; VAULT_BYTES] {
        let flags = u8::from(self.is_latched)
            | u8::from(self.secret.is_some()) << 1
            | u8::from(self.authority.is_some()) << 2;
        let [count_low, count_high] = self.count.to_le_bytes();
        let head = [MAGIC[0], MAGIC[1], MAGIC[2], flags, count_low, count_high, 0, 0];
        let mut place = self.secret.unwrap_or_else(|| self.log.to_bytes());
        let authority = self.authority.unwrap_or_default();
        let mut bytes = [0; VAULT_BYTES];
        let parts = head.iter().chain(&place).chain(&authority);
        bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
        place.zeroize();
        if let Some((checked, check)) = bytes.split_first_chunk_mut::<CHECKED_BYTES>() {
            check.copy_from_slice(&crc32(checked).to_le_bytes());
        }
        bytes
    }
}

impl fmt::Debug for Contents {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents")
            .field("is_latched", &self.is_latched)
            .field("count", &self.count)
            .field("is_paired", &self.secret.is_some())
            .field("has_authority", &self.authority.is_some())
            .finish_non_exhaustive()
    }
}

/// CRC-32 of IEEE 802.3, bit by bit: 76 bytes need no table.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn contents() -> impl Strategy<Value = Contents> {
        let entries = proptest::collection::vec((0..Cause::ALL.len(), 0..=UPTIME_MAX_S), 0..=9);
        (any::<(bool, u16, Option<[u8; 32]>, Option<[u8; 32]>)>(), entries).prop_map(
            |((is_latched, count, secret, authority), entries)| {
                let mut log = Log::new();
                if secret.is_none() {
                    for (cause, uptime_s) in &entries {
                        log.push(Cause::ALL[*cause], *uptime_s);
                    }
                    assert_eq!(log.len(), entries.len().min(LOG_ENTRIES_MAX));
                }
                Contents { is_latched, count, secret, authority, log }
            },
        )
    }

    proptest! {
        #[test]
        fn there_and_back(contents in contents()) {
            let read = Contents::from_bytes(&contents.to_bytes());
            prop_assert!(read == Some(contents));
        }

        #[test]
        fn one_bit_is_found(contents in contents(), bit in 0..VAULT_BYTES * 8) {
            let mut bytes = contents.to_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Contents::from_bytes(&bytes).is_none());
        }

        /// A right check value over anything is still judged field by field.
        #[test]
        fn any_bytes_are_judged(mut bytes in proptest::array::uniform32(any::<u8>()), flags in any::<u8>()) {
            let mut vault = [0; VAULT_BYTES];
            bytes[..3].copy_from_slice(&MAGIC);
            bytes[3] = flags;
            vault[..32].copy_from_slice(&bytes);
            let check = crc32(&vault[..CHECKED_BYTES]);
            vault[CHECKED_BYTES..].copy_from_slice(&check.to_le_bytes());
            if let Some(contents) = Contents::from_bytes(&vault) {
                prop_assert_eq!(flags & !7, 0);
                let log = contents.log;
                prop_assert!((0..log.len()).all(|index| log.entry(index, 9).is_some()));
                prop_assert_eq!(log.entry(log.len(), 9), None);
            }
        }
    }

    #[test]
    fn erased_is_lost() {
        assert!(Contents::from_bytes(&[0; VAULT_BYTES]).is_none());
        assert!(Contents::from_bytes(&[0xFF; VAULT_BYTES]).is_none());
    }

    /// The check value of the standard's own example.
    #[test]
    fn crc() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    /// An uptime beyond 8.5 years is shown as that.
    #[test]
    fn uptime_limit() {
        let mut contents = Contents::default();
        contents.log.push(Cause::CaseOpened, u32::MAX);
        let read = Contents::from_bytes(&contents.to_bytes()).unwrap();
        let entry = LogEntry { count: 1, cause: Cause::CaseOpened, uptime_s: UPTIME_MAX_S };
        assert_eq!(read.log.entry(0, 1), Some(entry));
    }

    #[test]
    fn older_openings() {
        let of = |uptimes: &[u32]| {
            let mut log = Log::new();
            uptimes.iter().rev().for_each(|uptime_s| log.push(Cause::CaseOpened, *uptime_s));
            log
        };
        let mut log = of(&[1, 2, 3]);
        log.push_older(&of(&[4, 5]));
        assert_eq!(log, of(&[1, 2, 3, 4, 5]));
        log.push_older(&of(&[6, 7, 8, 9, 10]));
        assert_eq!(log, of(&[1, 2, 3, 4, 5, 6, 7, 8]));
        assert!(!log.is_empty() && Log::new().is_empty());
    }
}
