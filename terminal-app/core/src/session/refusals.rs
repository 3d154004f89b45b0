//! Cards that do not accept this terminal's security module, so that none of them loses more than one try.
//!
//! A card that refuses our authentication has counted a try of its key; after a few the key is locked for good.
//! Whoever runs the dialogue keeps this list over restarts. What is in it names no card: each line is a hash of
//! security module, card and key together, so another module in the slot makes every line void by itself.

use std::collections::VecDeque;

use card_spec::{atr::CardSerial, key::KeyName};
use protocol::signature::Digest;
use serde::{Deserialize, Serialize};

use super::error::SessionError;

/// Cards that are remembered; the oldest is forgotten for the next one.
pub const REFUSED_MAX: usize = 256;

/// Cards that have refused, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Refusals(VecDeque<Refused>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Refused {
    mark: Mark,
    tries_left: Option<u8>,
}

/// A card's key before a security module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Mark(Digest);

impl Mark {
    pub(super) fn new(psam: &Digest, card: CardSerial, key: KeyName) -> Self {
        let mut bytes = psam.0.to_vec();
        bytes.extend_from_slice(&card.0);
        bytes.extend_from_slice(key.to_string().as_bytes());
        Mark(Digest::of(&bytes))
    }
}

impl Refusals {
    /// How many cards (or keys of them) are in it.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no card has refused.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the card answered, when it has refused before.
    pub(super) fn of(&self, mark: Mark) -> Option<SessionError> {
        let refused = self.0.iter().find(|refused| refused.mark == mark)?;
        Some(SessionError::NotAuthorised { tries_left: refused.tries_left })
    }

    pub(super) fn remember(&mut self, mark: Mark, tries_left: Option<u8>) {
        self.0.retain(|refused| refused.mark != mark);
        while self.0.len() >= REFUSED_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Refused { mark, tries_left });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn mark(card: u16) -> Mark {
        let mut serial = [0; 8];
        serial[..2].copy_from_slice(&card.to_be_bytes());
        Mark::new(&Digest::of(b"psam"), CardSerial(serial), KeyName::RKSSSE)
    }

    #[test]
    fn remembers_to_its_limit_and_survives_writing() {
        let mut refusals = Refusals::default();
        for card in 0..=REFUSED_MAX as u16 {
            refusals.remember(mark(card), Some(2));
            refusals.remember(mark(card), Some(1));
        }
        assert_eq!(refusals.len(), REFUSED_MAX);
        assert_eq!(refusals.of(mark(0)), None, "the oldest made room");
        assert_eq!(refusals.of(mark(1)), Some(SessionError::NotAuthorised { tries_left: Some(1) }));
        let text = serde_json::to_string(&refusals).unwrap();
        assert!(text.len() < 128 * REFUSED_MAX, "{}", text.len());
        assert_eq!(serde_json::from_str::<Refusals>(&text).unwrap(), refusals);
    }

    #[test]
    fn another_module_or_key_is_another_matter() {
        let card = CardSerial([7; 8]);
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        let read = Mark::new(&one, card, KeyName::RKSSSE);
        assert_ne!(read, Mark::new(&other, card, KeyName::RKSSSE));
        assert_ne!(read, Mark::new(&one, card, KeyName::PUK));
        assert_ne!(read, Mark::new(&one, CardSerial([8; 8]), KeyName::RKSSSE));
    }
}
