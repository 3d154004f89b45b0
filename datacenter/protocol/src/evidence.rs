//! How the holder of a card was known: a statement of the terminal, never the finger itself.
//!
//! A proof is part of a signed record. It says which way was taken and how clear the answer was; of a
//! comparison only the band leaves the terminal, of a finger neither image nor template.

use std::fmt;

use serde::{Deserialize, Serialize, de};
use utoipa::ToSchema;

use crate::timestamp::Timestamp;

/// Longest name of a clerk, an engine or a sensor, in bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// Longest time from a proof to the record that rests on it: a working cycle.
pub const PROOF_AGE_MS_MAX: i64 = crate::reconciliation::CYCLE_MS_MAX;

/// How the person at the counter was known to be the card's holder; `Debug` leaves the card out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HolderProof {
    /// Card identification code of the card that lay in the reader, 32 hexadecimal digits.
    pub card_id: String,
    /// When, by the terminal's clock.
    pub at: Timestamp,
    /// Which way.
    pub way: Way,
}

/// Ways to know a holder. Exactly one was taken in the end; those that failed before stand in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "way", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Way {
    /// The card accepted its PIN.
    Pin,
    /// A finger matched a template of the card's file; compared in the terminal.
    Finger(FingerMatch),
    /// A finger matched inside the card (ISO/IEC 7816-11).
    CardFinger {
        /// Which finger.
        position: FingerPosition,
        /// Comparisons that this finger took, from 1.
        tries: u8,
        /// Comparisons of any finger before it that failed.
        no_matches: u8,
        /// Serial number of the sensor.
        sensor: String,
        /// Whether the PIN was verified as well.
        pin: bool,
    },
    /// The card accepted its PIN and staff compared face and document (人工核验).
    PinAndClerk {
        /// Why no finger could decide.
        reason: ManualReason,
        /// Comparisons that failed before: each is a reason to suspect.
        no_matches: u8,
        /// The clerk's operator number.
        clerk: String,
        /// Another clerk who confirmed it.
        second_clerk: Option<String>,
    },
}

/// A comparison in the terminal that succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FingerMatch {
    /// Which finger.
    pub position: FingerPosition,
    /// How clear it was; the score itself stays in the terminal.
    pub band: Band,
    /// The level that was demanded.
    pub level: Level,
    /// Comparisons that this finger took, from 1.
    pub tries: u8,
    /// Comparisons of any finger before it that failed.
    pub no_matches: u8,
    /// Name and version of the engine whose bands these are.
    pub engine: String,
    /// Serial number of the sensor.
    pub sensor: String,
    /// What was looked at besides the lines.
    pub presentation: Presentation,
    /// Whether the PIN was verified as well.
    pub pin: bool,
}

/// Checks of how the finger was presented. They cannot prove that it was alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Presentation {
    /// What the sensor says of a living finger; `None` for one that says nothing.
    pub live: Option<bool>,
    /// The sensor was seen empty before.
    pub lifted: bool,
    /// Image and template differ from all others of this sitting.
    pub fresh: bool,
}

/// Which finger, 1 (right thumb) to 10 (left little finger). Source: ISO/IEC 19794-2 table 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct FingerPosition(u8);

/// False match rate that was demanded of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// One other finger in a thousand.
    Ordinary,
    /// One in ten thousand.
    Strict,
}

/// How clear a match was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Fewer than one other finger in a thousand would do as well.
    Ordinary,
    /// Fewer than one in ten thousand.
    Strict,
    /// Far fewer.
    Clear,
}

/// Why no finger could decide. Only [`NoMatch`](Self::NoMatch) is a reason to suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ManualReason {
    /// No sensor, or it does not answer.
    NoSensor,
    /// No finger was put on it in time.
    NoFinger,
    /// Too dry, too wet, too worn for an image that can be compared.
    PoorImage,
    /// Compared, and not the same finger.
    NoMatch,
    /// The card holds no template.
    NoTemplate,
    /// The card's template cannot be read, or is not of this card and holder.
    TemplateBroken,
    /// Another sensor than was bound at set-up.
    SensorChanged,
    /// The card says that its holder has no finger that can be used.
    NoUsableFinger,
    /// The card compares no more fingers: its counter of tries is used up.
    CardBlocked,
}

impl FingerPosition {
    /// All ten.
    pub const ALL: [Self; 10] = {
        let mut all = [FingerPosition(1); 10];
        let mut index = 0;
        while index < 10 {
            all[index] = FingerPosition(index as u8 + 1);
            index += 1;
        }
        all
    };

    /// 1 to 10; `None` for any other number.
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 1 && number <= 10 { Some(FingerPosition(number)) } else { None }
    }

    /// 1 to 10.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl<'de> Deserialize<'de> for FingerPosition {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u8::deserialize(deserializer)?;
        Self::new(number).ok_or_else(|| de::Error::custom("expected a finger position from 1 to 10"))
    }
}

impl Band {
    /// Whether a match this clear passes at a level.
    pub fn passes(self, level: Level) -> bool {
        match level {
            Level::Ordinary => true,
            Level::Strict => self >= Band::Strict,
        }
    }
}

impl HolderProof {
    /// Whether the statement makes sense by itself: fields of sensible size, a band that passes the level
    /// demanded, at least one try, two clerks who are two.
    pub fn sound(&self) -> bool {
        let name = |text: &str| !text.trim().is_empty() && text.len() <= NAME_BYTES_MAX;
        let card = self.card_id.len() == 32 && self.card_id.bytes().all(|digit| digit.is_ascii_hexdigit());
        card && match &self.way {
            Way::Pin => true,
            Way::Finger(finger) => {
                finger.tries > 0
                    && finger.band.passes(finger.level)
                    && name(&finger.engine)
                    && name(&finger.sensor)
            }
            Way::CardFinger { tries, sensor, .. } => *tries > 0 && name(sensor),
            Way::PinAndClerk { reason, no_matches, clerk, second_clerk } => {
                name(clerk)
                    && second_clerk.as_ref().is_none_or(|second| name(second) && second != clerk)
                    && (*reason != ManualReason::NoMatch || *no_matches > 0)
            }
        }
    }

    /// Comparisons that failed before the holder was known.
    pub fn no_matches(&self) -> u8 {
        match &self.way {
            Way::Pin => 0,
            Way::Finger(finger) => finger.no_matches,
            Way::CardFinger { no_matches, .. } | Way::PinAndClerk { no_matches, .. } => *no_matches,
        }
    }

    /// Whether staff decided, not a finger.
    pub fn manual(&self) -> bool {
        matches!(self.way, Way::PinAndClerk { .. })
    }
}

impl fmt::Debug for HolderProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HolderProof").field("at", &self.at).field("way", &self.way).finish_non_exhaustive()
    }
}
