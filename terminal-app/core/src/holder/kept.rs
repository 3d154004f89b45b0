//! What is remembered of tries and images beyond the end of the program, in the books' settings.
//!
//! Whoever ends the program, cuts the power or sets the clock back gets no new tries, and an image that was seen
//! stays known. Nothing of a finger is kept: counters by card and position, and digests under a secret of this
//! terminal, which say nothing to anybody who does not bring the very same bytes.
//!
//! A try is counted before its comparison begins, as a card counts a PIN. Across a restart only the wall clock
//! tells how long a sitting is over, and one that stands before the last try counts as no time at all. A clock
//! that is set forward while the program is down cannot be told from time that has passed.

use std::collections::VecDeque;

use protocol::{
    evidence::{FingerPosition, ManualReason},
    timestamp::Timestamp,
};
use ring::hmac;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    finger::{Advice, FingerFailure},
    sitting::{SITTING_MS, SITTINGS_MAX, Sittings, Tried, Tries},
};
use crate::{
    clock::Now,
    ledger::{CardKey, Ledger, LedgerError},
    ports::Random,
};

/// Images and templates whose digests are kept to know them again.
pub const SEEN_MAX: usize = 1_024;

/// How long they are kept. Longer than a sitting: an image that was recorded in the morning is no finger in the
/// afternoon either.
pub const SEEN_MS: i64 = 24 * 3_600_000;

/// Where the tries lie. What begins with `finger ` leaves the books in no export.
const TRIES: &str = "finger tries";
/// Where the secret of the digests lies.
const SECRET: &str = "finger secret";
/// Digests lie in so many settings, so that one more is a small write.
const SHELVES: u64 = 16;
const SHELF: u64 = SEEN_MAX as u64 / SHELVES;

/// Bytes of a digest that are kept; two images share them by chance in one of 2^64 pairs or less.
const DIGEST_BYTES: usize = 16;

/// Fingers that are kept of one card, whatever the policy says.
const FINGERS_KEPT_MAX: usize = 10;

/// The tries of one card, as they are written down.
#[derive(Serialize, Deserialize)]
struct KeptTries {
    /// The card, in hexadecimal.
    card: String,
    /// The last try, by the wall clock.
    last_at: Timestamp,
    /// Comparisons that found another finger.
    no_matches: u8,
    /// What did not work at last, as the evidence would name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<ManualReason>,
    /// Position, attempts, comparisons.
    fingers: Vec<(u8, u8, u8)>,
}

impl Sittings {
    /// What earlier runs have left; nothing when another version wrote it.
    pub(crate) fn load(ledger: &Ledger, now: Now) -> Result<Self, LedgerError> {
        let text = ledger.setting(TRIES)?;
        let kept: Vec<KeptTries> = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let tries = kept.iter().take(SITTINGS_MAX).filter_map(|kept| kept.tries(now)).collect();
        Ok(Sittings { tries, ..Sittings::default() })
    }

    /// Writes down what is remembered; durable when it returns.
    pub(crate) fn keep(&mut self, ledger: &mut Ledger, now: Now) -> Result<(), LedgerError> {
        self.expire(now.monotonic_ms);
        let kept: Vec<KeptTries> = self
            .tries
            .iter()
            .filter(|tries| !tries.is_fresh())
            .map(|tries| KeptTries::of(tries, now))
            .collect();
        let text = serde_json::to_string(&kept).unwrap_or_default();
        ledger.set_setting(TRIES, &text)
    }
}

impl KeptTries {
    fn of(tries: &Tries, now: Now) -> Self {
        let since_ms = ms(now.monotonic_ms).saturating_sub(tries.last_ms).max(0);
        KeptTries {
            card: hex::encode(tries.card.0),
            last_at: now.wall.plus_ms(-since_ms),
            no_matches: tries.no_matches,
            last: tries.last().map(FingerFailure::reason),
            fingers: tries
                .fingers
                .iter()
                .take(FINGERS_KEPT_MAX)
                .map(|tried| (tried.position.number(), tried.attempts, tried.comparisons))
                .collect(),
        }
    }

    fn tries(&self, now: Now) -> Option<Tries> {
        let mut card = [0; 12];
        hex::decode_to_slice(&self.card, &mut card).ok()?;
        // A clock that was set back has let no time pass.
        let since_ms = now.wall.0.saturating_sub(self.last_at.0).max(0);
        if since_ms > ms(SITTING_MS) {
            return None;
        }
        let mut tries = Tries::new(CardKey(card), ms(now.monotonic_ms).saturating_sub(since_ms));
        tries.no_matches = self.no_matches;
        tries.last = self.last.and_then(|reason| match reason {
            ManualReason::NoMatch => Some(FingerFailure::NoMatch),
            ManualReason::NoFinger => Some(FingerFailure::NoFinger),
            ManualReason::PoorImage => Some(FingerFailure::PoorImage(Advice::Again)),
            // What no try could help against is looked at anew.
            _ => None,
        });
        for (position, attempts, comparisons) in self.fingers.iter().take(FINGERS_KEPT_MAX) {
            let position = FingerPosition::new(*position)?;
            tries.fingers.push(Tried {
                position,
                attempts: *attempts,
                comparisons: *comparisons,
                is_given_up: false,
            });
        }
        // Tries without a cause: the books were cut while one was under way.
        if tries.last.is_none() && tries.fingers.iter().any(|tried| tried.attempts > 0) {
            tries.last = Some(FingerFailure::PoorImage(Advice::Again));
        }
        Some(tries)
    }
}

/// What was seen before, by keyed digests that say nothing about it.
pub(crate) struct Seen {
    key: hmac::Key,
    /// The secret, until it has been written down.
    secret: Option<Zeroizing<[u8; 32]>>,
    /// The oldest first, without gaps in the numbers.
    digests: VecDeque<Digest>,
    /// Number of the next one.
    next: u64,
    /// The first one that has not been written down.
    kept_until: u64,
}

#[derive(Clone, Copy)]
struct Digest {
    bytes: [u8; DIGEST_BYTES],
    at: Timestamp,
}

impl Seen {
    /// What earlier runs have left, else nothing yet, under a new secret.
    pub(crate) fn load(ledger: &Ledger, random: &mut dyn Random, now: Now) -> Result<Self, LedgerError> {
        let mut secret = Zeroizing::new([0; 32]);
        let kept = ledger.setting(SECRET)?.map(Zeroizing::new);
        let is_kept = kept.is_some_and(|text| hex::decode_to_slice(text.as_str(), secret.as_mut()).is_ok());
        if !is_kept {
            random.fill(secret.as_mut());
        }
        let mut seen = Seen {
            key: hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()),
            secret: (!is_kept).then_some(secret),
            digests: VecDeque::new(),
            next: 0,
            kept_until: 0,
        };
        if is_kept {
            seen.read(ledger)?;
            seen.expire(now.wall);
        }
        Ok(seen)
    }

    /// Remembers this; `false` when it was seen before.
    pub(crate) fn is_new(&mut self, bytes: &[u8], at: Timestamp) -> bool {
        self.expire(at);
        let tag = hmac::sign(&self.key, bytes);
        let mut digest = Digest { bytes: [0; DIGEST_BYTES], at };
        digest.bytes.copy_from_slice(&tag.as_ref()[..DIGEST_BYTES]);
        if self.digests.iter().any(|known| known.bytes == digest.bytes) {
            return false;
        }
        if self.digests.len() >= SEEN_MAX {
            self.digests.pop_front();
        }
        self.digests.push_back(digest);
        self.next += 1;
        true
    }

    /// Writes down what is new; durable when it returns.
    pub(crate) fn keep(&mut self, ledger: &mut Ledger) -> Result<(), LedgerError> {
        if self.kept_until == self.next {
            return Ok(());
        }
        let mut settings = Vec::new();
        if let Some(secret) = &self.secret {
            settings.push((SECRET.to_owned(), hex::encode(secret.as_ref())));
        }
        for shelf in self.kept_until / SHELF..=(self.next - 1) / SHELF {
            settings.push((shelf_name(shelf), self.shelf(shelf)));
        }
        ledger.set_settings(&settings)?;
        for (_, text) in &mut settings {
            zeroize::Zeroize::zeroize(text);
        }
        self.secret = None;
        self.kept_until = self.next;
        Ok(())
    }

    /// Number of the oldest one.
    fn first(&self) -> u64 {
        self.next - self.digests.len() as u64
    }

    /// One line: the number of its first digest, then digest and time of each.
    fn shelf(&self, shelf: u64) -> String {
        let first = self.first().max(shelf * SHELF);
        let mut text = first.to_string();
        let skipped = usize::try_from(first - self.first()).unwrap_or(usize::MAX);
        for digest in self.digests.iter().skip(skipped).take(SHELF as usize) {
            text.push_str(&format!(" {} {}", hex::encode(digest.bytes), digest.at.0));
        }
        text
    }

    fn read(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        let mut shelves = Vec::new();
        for shelf in 0..SHELVES {
            let Some(text) = ledger.setting(&shelf_name(shelf))? else { continue };
            let mut words = text.split(' ');
            let Some(first) = words.next().and_then(|word| word.parse::<u64>().ok()) else { continue };
            let mut digests = Vec::new();
            while let (Some(digest), Some(at)) = (words.next(), words.next()) {
                let mut bytes = [0; DIGEST_BYTES];
                let Ok(at) = at.parse() else { break };
                if hex::decode_to_slice(digest, &mut bytes).is_err() || digests.len() as u64 >= SHELF {
                    break;
                }
                digests.push(Digest { bytes, at: Timestamp(at) });
            }
            shelves.push((first, digests));
        }
        shelves.sort_by_key(|(first, _)| *first);
        for (first, digests) in shelves {
            if first != self.next {
                // What is missing between cannot be known again.
                self.digests.clear();
                self.next = first;
            }
            self.next = self.next.saturating_add(digests.len() as u64);
            self.digests.extend(digests);
        }
        while self.digests.len() > SEEN_MAX {
            self.digests.pop_front();
        }
        self.kept_until = self.next;
        Ok(())
    }

    fn expire(&mut self, now: Timestamp) {
        while self.digests.front().is_some_and(|digest| digest.at.plus_ms(SEEN_MS) < now) {
            self.digests.pop_front();
        }
    }
}

fn shelf_name(shelf: u64) -> String {
    format!("finger seen {}", shelf % SHELVES)
}

fn ms(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use protocol::id::TerminalId;
    use rusqlite::Connection;

    use super::*;
    use crate::{
        keys::Identity,
        ledger::{HeadInMemory, Quota, Setup},
        store::StoreKey,
    };

    struct Counted(u8);

    impl Random for Counted {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(self.0);
            self.0 += 1;
        }
    }

    /// In memory where that can be had.
    fn ledger() -> (Ledger, tempfile::TempDir) {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let mut der = hex::decode("302e020100300506032b657004220420").unwrap();
        der.extend([7; 32]);
        let setup = Setup {
            terminal: TerminalId::from_bcd([0x43, 0x01, 0, 0, 0, 1]).unwrap(),
            identity: Identity::from_pkcs8(&der).unwrap(),
            quota: Quota::default(),
            keeper: Box::new(HeadInMemory::default()),
            ballast: Box::new(()),
        };
        let connection = Connection::open(folder.path().join("ledger.db")).unwrap();
        let key = StoreKey::new([1; 32]);
        (Ledger::open(connection, &key, setup, &mut (), NOW.wall).unwrap(), folder)
    }

    const NOW: Now = Now { wall: Timestamp(1_790_000_000_000), monotonic_ms: 5_000 };

    fn later(ms: i64) -> Now {
        Now { wall: NOW.wall.plus_ms(ms), monotonic_ms: 0 }
    }

    fn card(number: u16) -> CardKey {
        let mut key = [0; 12];
        key[..2].copy_from_slice(&number.to_be_bytes());
        CardKey(key)
    }

    fn thumb() -> FingerPosition {
        FingerPosition::new(1).unwrap()
    }

    fn failed(sittings: &mut Sittings, of: CardKey) {
        sittings.of(of, NOW.monotonic_ms).failed(
            Some(thumb()),
            FingerFailure::NoMatch,
            true,
            NOW.monotonic_ms,
        );
    }

    #[test]
    fn tries_are_kept_for_half_an_hour_of_the_wall_clock() {
        let (mut ledger, _folder) = ledger();
        let mut sittings = Sittings::load(&ledger, NOW).unwrap();
        failed(&mut sittings, card(1));
        sittings.keep(&mut ledger, NOW).unwrap();
        let no_matches = |ms: i64| {
            let now = later(ms);
            Sittings::load(&ledger, now).unwrap().of(card(1), now.monotonic_ms).no_matches
        };
        let limit = ms(SITTING_MS);
        assert_eq!([no_matches(0), no_matches(limit), no_matches(limit + 1)], [1, 1, 0]);
        assert_eq!(no_matches(-365 * 24 * 3_600_000), 1, "a clock that was set back");
        // And from then on half an hour, not a year.
        let back = later(-365 * 24 * 3_600_000);
        let mut sittings = Sittings::load(&ledger, back).unwrap();
        sittings.keep(&mut ledger, back).unwrap();
        let over = Now { wall: back.wall.plus_ms(limit + 1), monotonic_ms: 0 };
        assert_eq!(Sittings::load(&ledger, over).unwrap().of(card(1), 0).no_matches, 0);
    }

    #[test]
    fn a_comparison_that_was_cut_is_a_try() {
        let (mut ledger, _folder) = ledger();
        let mut sittings = Sittings::load(&ledger, NOW).unwrap();
        for _ in 0..3 {
            sittings.of(card(1), NOW.monotonic_ms).begin(thumb(), NOW.monotonic_ms);
            sittings.keep(&mut ledger, NOW).unwrap();
            sittings = Sittings::load(&ledger, NOW).unwrap();
        }
        let policy = protocol::policy::ProofPolicy::default();
        let tries = sittings.of(card(1), NOW.monotonic_ms);
        assert!(!tries.allows(thumb(), &policy) && tries.no_matches == 0);
        let expected = super::super::finger::Rung::Clerk { reason: ManualReason::PoorImage };
        assert_eq!(tries.next(&[thumb()], &policy), Some(expected));
    }

    #[test]
    fn of_many_cards_the_last_are_kept() {
        let (mut ledger, _folder) = ledger();
        let mut sittings = Sittings::load(&ledger, NOW).unwrap();
        for number in 0..=SITTINGS_MAX as u16 {
            failed(&mut sittings, card(number));
        }
        sittings.keep(&mut ledger, NOW).unwrap();
        let mut sittings = Sittings::load(&ledger, NOW).unwrap();
        assert_eq!(sittings.tries.len(), SITTINGS_MAX);
        assert_eq!(sittings.of(card(SITTINGS_MAX as u16), NOW.monotonic_ms).no_matches, 1);
        assert!(ledger.setting(TRIES).unwrap().unwrap().len() < 16_384);
        // What another version wrote is no reason to stop.
        ledger.set_setting(TRIES, "{\"version\": 9}").unwrap();
        assert!(Sittings::load(&ledger, NOW).unwrap().tries.is_empty());
    }

    #[test]
    fn images_stay_known_up_to_the_limits() {
        let (mut ledger, _folder) = ledger();
        let count = SEEN_MAX as u64 + SHELF + 5;
        for round in 0..count {
            // Another run for each, with other chance: the secret is the first one's.
            let mut seen = Seen::load(&ledger, &mut Counted(round as u8), NOW).unwrap();
            assert!(seen.is_new(&round.to_be_bytes(), NOW.wall), "{round}");
            seen.keep(&mut ledger).unwrap();
        }
        let load = |now: Now| Seen::load(&ledger, &mut Counted(99), now).unwrap();
        let mut seen = load(NOW);
        assert!(seen.digests.len() <= SEEN_MAX && seen.digests.len() as u64 >= SEEN_MAX as u64 - SHELF);
        assert_eq!(seen.next, count);
        for known in [count - 1, count - SEEN_MAX as u64 + SHELF] {
            assert!(!seen.is_new(&known.to_be_bytes(), NOW.wall), "{known}");
        }
        assert!(seen.is_new(&0_u64.to_be_bytes(), NOW.wall), "pushed out");
        // Set back: still known. A day later: not any more.
        assert!(!load(later(-SEEN_MS)).is_new(&(count - 1).to_be_bytes(), NOW.wall.plus_ms(-SEEN_MS)));
        assert!(load(later(SEEN_MS + 1)).digests.is_empty());
        let size: usize = (0..SHELVES)
            .filter_map(|at| ledger.setting(&shelf_name(at)).unwrap())
            .map(|text| text.len())
            .sum();
        assert!(size < SEEN_MAX * 48 + 1_024, "{size}");
    }

    #[test]
    fn a_digest_says_nothing_without_the_secret() {
        let digest_under = |chance: u8| {
            let mut seen = Seen::load(&ledger().0, &mut Counted(chance), NOW).unwrap();
            assert!(seen.is_new(b"one image", NOW.wall) && !seen.is_new(b"one image", NOW.wall));
            seen.digests[0].bytes
        };
        assert_ne!(digest_under(1), digest_under(2));
    }
}
