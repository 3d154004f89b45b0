//! Bodies of what is done with the holder at the counter: enrolment of fingers, certification, pension.
//!
//! No card money moves in them.

use std::fmt;

use card_spec::{money::Fen, person::PersonNumber};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    calendar::{Day, Period},
    evidence::{FingerMatch, FingerPosition, HolderProof, NAME_BYTES_MAX},
    id::TransactionId,
    timestamp::Timestamp,
};

/// Most impressions that one enrolment writes to a card.
pub const IMPRESSIONS_MAX: usize = 6;

/// Fingers written to a card (指纹采集); `Debug` masks the person and leaves the card out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FingerEnrolment {
    /// Whose fingers.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
    /// Card identification code, 32 hexadecimal digits.
    pub card_id: String,
    /// What was written, one entry for each impression; empty when no finger can be used.
    pub fingers: Vec<EnrolledFinger>,
    /// Whether the card held fingers before.
    pub replaced: bool,
    /// When the holder agreed (单独同意). Nothing is enrolled without it.
    pub consent_at: Option<Timestamp>,
    /// Serial number of the sensor.
    pub sensor: String,
    /// How the holder was known before a finger was on the card.
    pub proof: HolderProof,
    /// The one match after capture without which nothing is written; `None` when no finger can be used.
    pub confirmed: Option<FingerMatch>,
}

/// One impression as it was written, without its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrolledFinger {
    /// Which finger.
    pub position: FingerPosition,
    /// How fit it was.
    pub fitness: Fitness,
    /// Name and version of the engine that made the template, or the maker of the module that did.
    pub engine: String,
}

/// How fit an impression was for enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fitness {
    /// Worn, and no other finger was better.
    Weak,
    /// Good.
    Fit,
}

/// A person showed to be alive and here (资格认证); `Debug` masks the person and leaves the card out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Certification {
    /// Who.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
    /// Card identification code, 32 hexadecimal digits.
    pub card_id: String,
    /// How the person was known.
    pub proof: HolderProof,
    /// Where the person was seen.
    #[serde(default, skip_serializing_if = "CertifiedAt::is_desk")]
    pub place: CertifiedAt,
}

/// Where a person was certified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CertifiedAt {
    /// At a counter or a kiosk.
    #[default]
    Desk,
    /// At the person's home or bed, by an operator with a portable terminal (上门认证).
    Home,
}

impl CertifiedAt {
    /// Whether it was where the terminal stands.
    pub fn is_desk(&self) -> bool {
        *self == Self::Desk
    }
}

/// The pension of one month paid out (养老金发放); `Debug` masks the person and leaves the card out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PensionPayment {
    /// To whom.
    #[schema(value_type = crate::schema::PersonNumber)]
    pub person: PersonNumber,
    /// Card identification code, 32 hexadecimal digits.
    pub card_id: String,
    /// For which month. Each month of a person is paid once.
    pub period: Period,
    /// How much.
    #[schema(value_type = crate::schema::Money)]
    pub amount: Fen,
    /// How old the entry was that the terminal decided by; 0 when it had just asked the center.
    pub cache_age_ms: i64,
    /// How the holder was known.
    pub proof: HolderProof,
    /// The certification that it rests on.
    pub rests_on: RestsOn,
}

/// The certification that a payment rests on, as the terminal knew it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "certified", rename_all = "snake_case")]
pub enum RestsOn {
    /// The center's: certified until this day, included.
    Until {
        /// The day.
        day: Day,
    },
    /// One that this terminal has recorded and that is not in its entry of the person yet.
    Here {
        /// The certification.
        id: TransactionId,
    },
}

impl FingerEnrolment {
    /// Whether the statement makes sense by itself: as many entries as fit, each named, a match when there
    /// are fingers and none when there are not, and both about the same card.
    pub fn sound(&self) -> bool {
        let name = |text: &str| !text.trim().is_empty() && text.len() <= NAME_BYTES_MAX;
        self.fingers.len() <= IMPRESSIONS_MAX
            && self.fingers.iter().all(|finger| name(&finger.engine))
            && (self.fingers.is_empty() || name(&self.sensor))
            && self.sensor.len() <= NAME_BYTES_MAX
            && self.proof.sound()
            && self.proof.card_id.eq_ignore_ascii_case(&self.card_id)
            && match &self.confirmed {
                None => self.fingers.is_empty(),
                Some(matched) => {
                    matched.tries > 0
                        && matched.band.passes(matched.level)
                        && self.fingers.iter().any(|finger| finger.position == matched.position)
                }
            }
    }
}

impl fmt::Debug for FingerEnrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FingerEnrolment")
            .field("person", &self.person)
            .field("fingers", &self.fingers)
            .field("replaced", &self.replaced)
            .field("consent", &self.consent_at.is_some())
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Certification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certification")
            .field("person", &self.person)
            .field("proof", &self.proof)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PensionPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PensionPayment")
            .field("person", &self.person)
            .field("period", &self.period)
            .field("amount", &self.amount)
            .field("proof", &self.proof)
            .finish_non_exhaustive()
    }
}
