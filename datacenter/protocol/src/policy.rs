//! Which proof of the holder suffices for what (核验策略), and what a terminal may pay out alone.

use card_spec::money::Fen;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::evidence::{HolderProof, Level, Way};

/// Purpose under which the center signs the policy.
pub const PURPOSE: &str = "jinbao proof policy 1";

/// Most alternatives for one business.
pub const ALTERNATIVES_MAX: usize = 8;

/// The center's policy, the same for all terminals of the city.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProofPolicy {
    /// Rises with every change; an older policy never replaces a newer one.
    pub version: u64,
    /// Any of these suffices for a visit.
    pub visit: Vec<Sufficient>,
    /// For enrolling fingers.
    pub enrolment: Vec<Sufficient>,
    /// For a certification.
    pub certification: Vec<Sufficient>,
    /// For a pension payment.
    pub pension: Vec<Sufficient>,
    /// Comparisons that one finger gets.
    pub tries_max: u8,
    /// Fingers that may be tried.
    pub fingers_max: u8,
    /// Months for which a certification holds.
    pub certification_months: u16,
    /// What a terminal may pay while the line is down.
    pub pension_offline: PensionLimits,
}

/// What may be paid out while the line is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PensionLimits {
    /// Most months that wait for upload; above it no pension is paid offline.
    pub count_max: u32,
    /// Most for one month.
    #[schema(value_type = crate::schema::Money)]
    pub amount_max: Fen,
    /// Oldest entry that an offline payment may rely on.
    pub cache_age_max_ms: i64,
}

/// A proof that suffices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "proof", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Sufficient {
    /// The PIN.
    Pin,
    /// A finger, compared in the terminal.
    Finger {
        /// At this level or a stricter one.
        level: Level,
        /// With the PIN as well.
        pin: bool,
    },
    /// A finger, compared in the card.
    CardFinger {
        /// With the PIN as well.
        pin: bool,
    },
    /// PIN and clerk.
    PinAndClerk {
        /// A second clerk has to confirm.
        second_clerk: bool,
    },
}

/// What the holder is to be known for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A visit.
    Visit,
    /// Enrolling fingers.
    Enrolment,
    /// A certification.
    Certification,
    /// A pension payment.
    Pension,
}

impl Sufficient {
    /// Whether a proof is at least this.
    pub fn met_by(&self, proof: &HolderProof) -> bool {
        match (self, &proof.way) {
            (Self::Pin, way) => match way {
                Way::Pin | Way::PinAndClerk { .. } => true,
                Way::Finger(finger) => finger.pin,
                Way::CardFinger { pin, .. } => *pin,
            },
            (Self::Finger { level, pin }, Way::Finger(finger)) => {
                finger.band.passes(*level) && finger.presentation.live != Some(false) && (finger.pin || !*pin)
            }
            (Self::CardFinger { pin: needed }, Way::CardFinger { pin, .. }) => *pin || !*needed,
            (Self::PinAndClerk { second_clerk: needed }, Way::PinAndClerk { second_clerk, .. }) => {
                second_clerk.is_some() || !*needed
            }
            _ => false,
        }
    }
}

impl ProofPolicy {
    /// The alternatives for one business, the preferred one first.
    pub fn alternatives(&self, purpose: Purpose) -> &[Sufficient] {
        match purpose {
            Purpose::Visit => &self.visit,
            Purpose::Enrolment => &self.enrolment,
            Purpose::Certification => &self.certification,
            Purpose::Pension => &self.pension,
        }
    }

    /// Whether a proof makes sense and suffices.
    ///
    /// More comparisons than the policy allows do not suffice: a finger that was tried until it matched has
    /// another error rate than its level says.
    pub fn suffices(&self, purpose: Purpose, proof: &HolderProof) -> bool {
        let tries = match &proof.way {
            Way::Finger(finger) => finger.tries,
            Way::CardFinger { tries, .. } => *tries,
            Way::Pin | Way::PinAndClerk { .. } => 0,
        };
        let compared = u16::from(proof.no_matches()) + u16::from(tries > 0);
        proof.sound()
            && tries <= self.tries_max
            && compared <= u16::from(self.tries_max) * u16::from(self.fingers_max)
            && self.alternatives(purpose).iter().any(|enough| enough.met_by(proof))
    }
}

impl Default for ProofPolicy {
    /// What holds until the center says otherwise: money and certification by a strict finger, else by two
    /// clerks.
    fn default() -> Self {
        const HOUR_MS: i64 = 3_600_000;
        let strict = vec![
            Sufficient::Finger { level: Level::Strict, pin: false },
            Sufficient::CardFinger { pin: false },
            Sufficient::PinAndClerk { second_clerk: true },
        ];
        ProofPolicy {
            version: 0,
            visit: vec![Sufficient::Pin],
            enrolment: vec![
                Sufficient::Finger { level: Level::Strict, pin: true },
                Sufficient::PinAndClerk { second_clerk: false },
            ],
            certification: strict.clone(),
            pension: strict,
            tries_max: 3,
            fingers_max: 2,
            certification_months: 12,
            pension_offline: PensionLimits {
                count_max: 50,
                amount_max: Fen::from_yuan(5_000),
                cache_age_max_ms: 24 * HOUR_MS,
            },
        }
    }
}
