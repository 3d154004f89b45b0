//! Setting a machine up (装机): from a bare one to a working, proven terminal, step by step.
//!
//! [`Setup`] is what has been settled so far; it is written down after each step, so that whatever cuts the power the
//! next start goes on where this one stopped. What each step does to the machine is done outside; here is decided
//! which step comes, what an answer must be like, and what an earlier answer that is changed takes along.
//!
//! ```text
//! language ─► place ─► devices ─► center ─► enrolment ─► keys ─► fill ─► self-test ─► training ─► report
//! ```
//!
//! The one-time code is no part of it: it is typed, sent and forgotten.

mod answer;
mod error;
mod fingerprint;
mod report;
mod step;
#[cfg(test)]
mod tests;

use protocol::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::{
    answer::{
        Answer, CenterChosen, DevicesChosen, Enrolled, Face, Filled, KeysMade, Outcome, PinsChosen,
        PlaceChosen, PrinterChosen, Reported, SelfTested, Tested, Trained,
    },
    error::{SetupError, clock_skew_max_ms, span},
    fingerprint::{Fingerprint, NoFingerprint},
    report::{CommissioningReport, REPORT_PURPOSE, SignedReport},
    step::{Standing, Step},
};
use crate::language::Language;

/// Layout of the file that a set-up is kept in.
pub const VERSION: u16 = 1;

/// What has been settled so far. Holds no secret and nobody's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    version: u16,
    begun: Timestamp,
    #[serde(default)]
    language: Option<Language>,
    #[serde(default)]
    place: Option<PlaceChosen>,
    #[serde(default)]
    devices: Option<DevicesChosen>,
    #[serde(default)]
    center: Option<CenterChosen>,
    #[serde(default)]
    enrolled: Option<Enrolled>,
    #[serde(default)]
    keys: Option<KeysMade>,
    #[serde(default)]
    filled: Option<Filled>,
    #[serde(default)]
    tested: Option<SelfTested>,
    #[serde(default)]
    trained: Option<Trained>,
    #[serde(default)]
    reported: Option<Reported>,
}

impl Setup {
    /// Nothing settled yet.
    pub fn new(begun: Timestamp) -> Self {
        Setup {
            version: VERSION,
            begun,
            language: None,
            place: None,
            devices: None,
            center: None,
            enrolled: None,
            keys: None,
            filled: None,
            tested: None,
            trained: None,
            reported: None,
        }
    }

    /// Reads what [`Setup::to_json`] has written.
    ///
    /// Errors: `Content`, `Version`.
    pub fn from_json(bytes: &[u8]) -> Result<Self, SetupError> {
        let setup: Setup = serde_json::from_slice(bytes)
            .map_err(|error| SetupError::Content { line: error.line(), column: error.column() })?;
        if setup.version == VERSION { Ok(setup) } else { Err(SetupError::Version { got: setup.version }) }
    }

    /// What is to be kept.
    pub fn to_json(&self) -> Vec<u8> {
        // Text, numbers and options: there is nothing in it that JSON cannot hold.
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// When it was begun.
    pub fn begun(&self) -> Timestamp {
        self.begun
    }

    /// The language to speak.
    pub fn language(&self) -> Language {
        self.language.unwrap_or_default()
    }

    /// Which terminal, once it is known.
    pub fn place(&self) -> Option<&PlaceChosen> {
        self.place.as_ref()
    }

    /// Its devices, once they are known.
    pub fn devices(&self) -> Option<&DevicesChosen> {
        self.devices.as_ref()
    }

    /// Its center, once it was found to be the right one.
    pub fn center(&self) -> Option<&CenterChosen> {
        self.center.as_ref()
    }

    /// What the center said at enrolment.
    pub fn enrolled(&self) -> Option<&Enrolled> {
        self.enrolled.as_ref()
    }

    /// The keys, once they are sealed.
    pub fn keys(&self) -> Option<&KeysMade> {
        self.keys.as_ref()
    }

    /// How far the cache came.
    pub fn filled(&self) -> Option<&Filled> {
        self.filled.as_ref()
    }

    /// What the self-test found.
    pub fn tested(&self) -> Option<&SelfTested> {
        self.tested.as_ref()
    }

    /// The training transaction.
    pub fn trained(&self) -> Option<&Trained> {
        self.trained.as_ref()
    }

    /// The report, once it is made.
    pub fn reported(&self) -> Option<&Reported> {
        self.reported.as_ref()
    }

    /// Whether a step is settled.
    pub fn is_settled(&self, step: Step) -> bool {
        match step {
            Step::Language => self.language.is_some(),
            Step::Place => self.place.is_some(),
            Step::Devices => self.devices.is_some(),
            Step::Center => self.center.is_some(),
            Step::Enrolment => self.enrolled.is_some(),
            Step::Keys => self.keys.is_some(),
            Step::Fill => self.filled.is_some(),
            Step::SelfTest => self.tested.is_some(),
            Step::Training => self.trained.is_some(),
            Step::Report => self.reported.is_some(),
        }
    }

    /// The step that is next; `None` when all is done.
    pub fn step(&self) -> Option<Step> {
        Step::ALL.into_iter().find(|step| !self.is_settled(*step))
    }

    /// All steps with how they stand.
    pub fn steps(&self) -> [(Step, Standing); Step::ALL.len()] {
        let now = self.step();
        Step::ALL.map(|step| {
            let standing = match now {
                Some(now) if step == now => Standing::Now,
                Some(now) if step > now => Standing::Later,
                _ => Standing::Done,
            };
            (step, standing)
        })
    }

    /// Whether the terminal is ready for business.
    pub fn is_done(&self) -> bool {
        self.step().is_none()
    }

    /// Settles a step, or changes what was settled before.
    ///
    /// Language may be changed at any time. A device that is changed is tested again; terminal and center cannot be
    /// changed once the terminal is enrolled. Nothing is settled on an error.
    /// Errors: `NotYet`, `Enrolled`, `TrainingNumber`, `SameLine`, `NotPassed`, `NotComplete`.
    pub fn settle(&mut self, answer: Answer) -> Result<(), SetupError> {
        let step = answer.step();
        if let Some(now) = self.step().filter(|now| step > *now) {
            return Err(SetupError::NotYet { step, now });
        }
        match answer {
            Answer::Language(language) => self.language = Some(language),
            Answer::Place(place) => {
                let is_same = self.place.as_ref().is_some_and(|old| old.terminal == place.terminal);
                if self.enrolled.is_some() && !is_same {
                    return Err(SetupError::Enrolled);
                }
                if place.terminal.is_training() {
                    return Err(SetupError::TrainingNumber);
                }
                if self.place.as_ref() != Some(&place) {
                    self.forget_from(Step::Report);
                }
                self.place = Some(place);
            }
            Answer::Devices(mut devices) => {
                devices.pins = devices.pins.filter(|pins| !pins.is_empty());
                if let Some(line) = devices.pins.as_ref().and_then(PinsChosen::twice) {
                    return Err(SetupError::SameLine { line });
                }
                if self.devices.as_ref() != Some(&devices) {
                    self.forget_from(Step::SelfTest);
                }
                self.devices = Some(devices);
            }
            Answer::Center(center) => {
                if self.enrolled.is_some() && self.center.as_ref() != Some(&center) {
                    return Err(SetupError::Enrolled);
                }
                self.center = Some(center);
            }
            Answer::Enrolment(enrolled) => self.enrolled = Some(enrolled),
            Answer::Keys(keys) => self.keys = Some(keys),
            Answer::Fill(filled) => {
                if filled.cursor < filled.newest {
                    return Err(SetupError::NotComplete);
                }
                self.filled = Some(filled);
            }
            Answer::SelfTest(tested) => {
                let checks = tested.failed();
                if !checks.is_empty() {
                    return Err(SetupError::NotPassed { checks });
                }
                self.forget_from(Step::SelfTest);
                self.tested = Some(tested);
            }
            Answer::Training(trained) => {
                self.forget_from(Step::Training);
                self.trained = Some(trained);
            }
            Answer::Report(reported) => self.reported = Some(reported),
        }
        Ok(())
    }

    /// Forgets that the self-test and what follows it were done: to prove a terminal anew after a repair.
    pub fn prove_again(&mut self) {
        self.forget_from(Step::SelfTest);
    }

    fn forget_from(&mut self, step: Step) {
        if step <= Step::SelfTest {
            self.tested = None;
        }
        if step <= Step::Training {
            self.trained = None;
        }
        if step <= Step::Report {
            self.reported = None;
        }
    }
}
