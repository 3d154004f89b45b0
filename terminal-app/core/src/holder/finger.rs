//! A finger of whoever stands there: captured, made into minutiae, and compared with what the card holds.
//!
//! What did not work out is told apart by its cause ([`FingerFailure`]): a broken cable, a dry finger and another
//! person's finger have nothing in common, and only the last is a reason to suspect. Images and minutiae live
//! in here and are wiped; what leaves is a band.

use std::fmt;

use protocol::evidence::{FingerPosition, ManualReason};

use crate::language::Language;

/// Why a finger could not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FingerFailure {
    /// No sensor, none that answers, or its line spoils what is said.
    NoSensor,
    /// A sensor, and none was bound to this terminal at set-up.
    SensorUnbound,
    /// Another sensor than the one that was bound at set-up.
    SensorChanged,
    /// No finger was put on it in time.
    NoFinger,
    /// There is no image that can be compared.
    PoorImage(Advice),
    /// Compared, and not the same finger: the only one that is a reason to suspect.
    NoMatch,
    /// The card holds no template, or none of this finger.
    NoTemplate,
    /// What the card holds cannot be read, or is not of this card and holder.
    TemplateBroken,
    /// The card says that its holder has no finger that can be used.
    NoUsableFinger,
    /// The card compares no more fingers: its counter of tries is used up.
    CardBlocked,
    /// The very image or template of before: no finger gives the same twice.
    Replayed,
    /// Somebody has ended it.
    Cancelled,
}

/// What the holder can do about a poor image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// Too dry or pressed too lightly: breathe on it, press harder.
    Moister,
    /// Too wet or pressed too hard: wipe it.
    Drier,
    /// Only a part of it lies on the window.
    Middle,
    /// Hardly any lines: worn, dirty, or moved.
    Again,
    /// It was never taken off the window.
    Lift,
}

impl FingerFailure {
    /// How the evidence names it.
    pub fn reason(self) -> ManualReason {
        match self {
            Self::NoSensor | Self::SensorUnbound => ManualReason::NoSensor,
            Self::SensorChanged => ManualReason::SensorChanged,
            Self::NoFinger | Self::Cancelled => ManualReason::NoFinger,
            Self::PoorImage(_) | Self::Replayed => ManualReason::PoorImage,
            Self::NoMatch => ManualReason::NoMatch,
            Self::NoTemplate => ManualReason::NoTemplate,
            Self::TemplateBroken => ManualReason::TemplateBroken,
            Self::NoUsableFinger => ManualReason::NoUsableFinger,
            Self::CardBlocked => ManualReason::CardBlocked,
        }
    }

    /// Whether trying again, with this or another finger, cannot help.
    pub fn is_final(self) -> bool {
        !matches!(
            self,
            Self::NoFinger | Self::PoorImage(_) | Self::NoMatch | Self::Replayed | Self::Cancelled
        )
    }
}

impl fmt::Display for FingerFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSensor => "no fingerprint sensor answers",
            Self::SensorUnbound => "no fingerprint sensor is bound to this terminal",
            Self::SensorChanged => "another fingerprint sensor than was set up",
            Self::NoFinger => "no finger in time",
            Self::PoorImage(_) => "no image that can be compared",
            Self::NoMatch => "not the same finger",
            Self::NoTemplate => "the card holds no such finger",
            Self::TemplateBroken => "the card's fingers cannot be read or are not its own",
            Self::NoUsableFinger => "the holder has no finger that can be used",
            Self::CardBlocked => "the card compares no more fingers",
            Self::Replayed => "the image of before once more",
            Self::Cancelled => "ended before a finger was taken",
        })
    }
}

impl std::error::Error for FingerFailure {}

/// What comes after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// The finger with this position, so many attempts more.
    Finger {
        /// Which finger.
        position: FingerPosition,
        /// Attempts that it has left.
        tries_left: u8,
    },
    /// No finger will decide: PIN and clerk, for this reason.
    Clerk {
        /// Why, as the evidence will say.
        reason: ManualReason,
    },
}

impl Advice {
    /// One short line for a screen.
    pub fn words(self, language: Language) -> &'static str {
        match self {
            Self::Moister => language.pick(
                "手指太干或按得太轻，请哈一口气再用力按",
                "Too dry or too light: breathe on the finger and press harder",
            ),
            Self::Drier => language.pick(
                "手指太湿或按得太重，请擦干后轻按",
                "Too wet or too hard: wipe the finger and press lightly",
            ),
            Self::Middle => language.pick(
                "手指没有放正，请把指肚放在指纹仪中间",
                "Put the middle of the finger on the middle of the sensor",
            ),
            Self::Again => language.pick(
                "指纹不清楚，请擦净手指再按一次，按住不动",
                "Not clear: wipe the finger, put it on again and keep it still",
            ),
            Self::Lift => {
                language.pick("请先抬起手指，再重新按", "Lift the finger first, then put it on again")
            }
        }
    }
}

/// What a finger is called, and how its holder is asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionName {
    names: (&'static str, &'static str),
    place: (&'static str, &'static str),
}

impl PositionName {
    /// Its name.
    pub fn name(self, language: Language) -> &'static str {
        language.pick(self.names.0, self.names.1)
    }

    /// The request to put it on the sensor.
    pub fn place(self, language: Language) -> &'static str {
        language.pick(self.place.0, self.place.1)
    }
}

macro_rules! positions {
    ($($chinese:literal, $english:literal;)*) => {
        [$(PositionName {
            names: ($chinese, $english),
            place: (
                concat!("请把", $chinese, "放在指纹仪上"),
                concat!("Put the ", $english, " on the sensor"),
            ),
        },)*]
    };
}

/// By their numbers, from 1. Source: ISO/IEC 19794-2 table 6.
const POSITIONS: [PositionName; 10] = positions! {
    "右手拇指", "right thumb";
    "右手食指", "right index finger";
    "右手中指", "right middle finger";
    "右手无名指", "right ring finger";
    "右手小指", "right little finger";
    "左手拇指", "left thumb";
    "左手食指", "left index finger";
    "左手中指", "left middle finger";
    "左手无名指", "left ring finger";
    "左手小指", "left little finger";
};

/// What the finger with this position is called.
pub fn position_name(position: FingerPosition) -> PositionName {
    // Positions are 1 to 10.
    POSITIONS[usize::from(position.number().clamp(1, 10)) - 1]
}
