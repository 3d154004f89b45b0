//! Enrolling fingers (指纹采集): taken with consent, matched once, then written to the card and nowhere else.
//!
//! ```text
//! proof ─► begin_enrolment (consent) ─► enrol_finger × 1 or 2 ─► finish_enrolment: match ─► books ─► card ─► books
//! ```
//!
//! Of each finger three impressions are taken. The best two of the better finger and the best one of the other
//! go to the card: a second impression of a finger is worth more than a third finger. The card has the old
//! fingers or the new ones, whenever it is pulled; which of them it has, it tells at the next tap.

use card_spec::fingerprint::{Content, Entry, FITNESS_MAX, MINUTIAE_MAX, Position, Template};
use fingerprint::{
    extract::Fitness as Fit,
    matcher::{ENGINE, Level as MatchLevel, Prepared, Score, Workspace},
};
use protocol::{
    evidence::{FingerMatch, FingerPosition, HolderProof, Level, Presentation},
    id::TransactionId,
    policy::Purpose as ProofPurpose,
    record::{AbandonReason, EnrolledFinger, FingerEnrolment, Fitness},
    signature::Digest,
    timestamp::Timestamp,
};
use zeroize::Zeroizing;

use super::{
    Terminal,
    eligibility::date_of,
    plan::Plan,
    prove::{Clerk, Found},
    resolve::Resolved,
};
use crate::{
    error::Error,
    holder::{
        ProofError,
        finger::FingerFailure,
        sensor::{Impression, compact_of, good_count},
    },
    ledger::{Arming, Link, Purpose, Transaction},
    progress::Progress,
    receipt::{Slip, SlipKind},
    roles::Action,
    session::SessionError,
};

/// Fingers of one enrolment.
pub const FINGERS_MAX: usize = 2;

/// Impressions that are taken of each.
pub const IMPRESSIONS: u8 = 3;

/// Attempts for these, clear or not.
const ATTEMPTS_MAX: u8 = 6;

/// Attempts to match once before anything is written.
const CONFIRMATIONS_MAX: u8 = 3;

/// Fingers that were taken. Wiped when dropped.
pub(super) struct Enrolling {
    consent_at: Timestamp,
    proof: HolderProof,
    sensor: String,
    taken: Vec<Taken>,
}

/// One finger, the best impression first.
struct Taken {
    position: FingerPosition,
    fitness: Fit,
    good: usize,
    impressions: [Impression; 2],
}

/// A finger that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FingerTaken {
    /// Which.
    pub position: FingerPosition,
    /// How fit it is.
    pub fitness: Fitness,
    /// Another finger can be taken.
    pub room: bool,
}

/// An enrolment that stands on the card and in the books.
#[derive(Clone, Debug, PartialEq)]
pub struct Enrolled {
    /// Its name.
    pub id: TransactionId,
    /// Its place in the chain.
    pub link: Link,
    /// What the card holds now; empty when it says that no finger can be used.
    pub fingers: Vec<EnrolledFinger>,
    /// To be printed.
    pub slip: Slip,
}

impl Terminal {
    /// Begins an enrolment for the holder of the open card, who has been told what for and agrees (单独同意).
    ///
    /// The holder must have been proved as the policy asks: by an enrolled finger and the PIN, or by the PIN and
    /// staff. What was taken and not finished before is forgotten.
    /// Errors: `Proof` (`ConsentFirst`, `ProofFirst`, `TooWeak`), `Finger` (`NoSensor`, `SensorUnbound`,
    /// `SensorChanged`), `NotEligible`, `Session`, `SignIn`, `NotSignedIn`, `ResolveFirst`.
    pub fn begin_enrolment(&mut self, consent: bool) -> Result<(), Error> {
        self.enrolling = None;
        self.on_duty(Action::EnrolFinger)?;
        self.resolved_or_error()?;
        if !consent {
            return Err(ProofError::ConsentFirst.into());
        }
        let proof = self.sufficient_proof(ProofPurpose::Enrolment)?;
        self.require_living_holder()?;
        let sensor = self.bound_desk()??;
        let consent_at = self.now().wall;
        self.enrolling = Some(Enrolling { consent_at, proof, sensor, taken: Vec::new() });
        Ok(())
    }

    /// Takes a finger: three impressions, each laid down anew, and keeps those that agree best.
    ///
    /// Errors: `Proof` (`NothingTaken` before [`Terminal::begin_enrolment`], `FingerTaken` also for another
    /// position of the same finger, `FingersTooMany`, `FingerUnfit`, `ImpressionsDiffer`), `Finger`, `Session`.
    /// What was taken before stays.
    pub fn enrol_finger(&mut self, position: FingerPosition) -> Result<FingerTaken, Error> {
        self.session.card()?;
        let enrolling = self.enrolling.as_ref().ok_or(ProofError::NothingTaken)?;
        if enrolling.taken.iter().any(|taken| taken.position == position) {
            return Err(ProofError::FingerTaken.into());
        }
        if enrolling.taken.len() >= FINGERS_MAX {
            return Err(ProofError::FingersTooMany.into());
        }
        if self.bound_desk()?? != self.enrolling.as_ref().ok_or(ProofError::NothingTaken)?.sensor {
            return Err(FingerFailure::SensorChanged.into());
        }
        let impressions = self.three_impressions(position)?;
        let taken = best_two(position, impressions)?;
        let enrolling = self.enrolling.as_mut().ok_or(ProofError::NothingTaken)?;
        let is_known = enrolling.taken.iter().any(|other| {
            let score = compare(&other.impressions[0], &taken.impressions[0]);
            score.passes(MatchLevel::Ordinary)
        });
        if is_known {
            return Err(ProofError::FingerTaken.into());
        }
        let fitness = fitness_of(taken.fitness);
        enrolling.taken.push(taken);
        Ok(FingerTaken { position, fitness, room: enrolling.taken.len() < FINGERS_MAX })
    }

    /// Ends the enrolment: one finger that matches what will be written, then the card, then the books.
    ///
    /// Errors: `Proof(NothingTaken)`; `Finger` when nothing matched within three attempts (what was taken stays, it
    /// can be tried again); all with the card unchanged. `Unresolved` when contact was lost as the fingers were put
    /// in force: the card tells at the next tap. `DoneNotRecorded` when the card holds them and the books failed.
    pub fn finish_enrolment(&mut self) -> Result<Enrolled, Error> {
        let duty = self.on_duty(Action::EnrolFinger)?;
        self.resolved_or_error()?;
        let enrolling = self.enrolling.as_ref().filter(|enrolling| !enrolling.taken.is_empty());
        let enrolling = enrolling.ok_or(ProofError::NothingTaken)?;
        let (content, fingers) = content_of(&enrolling.taken, date_of(self.now().wall))?;
        let (sensor, consent_at, proof) =
            (enrolling.sensor.clone(), enrolling.consent_at, enrolling.proof.clone());
        let confirmed = self.confirm(&content, &sensor)?;
        let enrolment = FingerEnrolment {
            person: self.holder_number()?,
            card_id: self.session.card()?.issuer().card_id.to_hex().to_string(),
            fingers,
            replaced: self.holds_fingers()?,
            consent_at: Some(consent_at),
            sensor,
            proof,
            confirmed: Some(confirmed),
        };
        self.put_on_card(duty, enrolment, &content)
    }

    /// Notes on the card that its holder has no finger that can be used (未采集到合格指纹), which a supervisor
    /// confirms with number and secret, other than the one who has signed in.
    ///
    /// Errors: as for [`Terminal::begin_enrolment`] but for the sensor, and for [`Terminal::finish_enrolment`];
    /// `Proof(SameClerk)`, `SignIn`.
    pub fn enrol_none_usable(&mut self, consent: bool, supervisor: Clerk<'_>) -> Result<Enrolled, Error> {
        self.enrolling = None;
        let duty = self.on_duty(Action::EnrolFinger)?;
        self.resolved_or_error()?;
        if !consent {
            return Err(ProofError::ConsentFirst.into());
        }
        let proof = self.sufficient_proof(ProofPurpose::Enrolment)?;
        self.confirmed_by(&duty.0, supervisor, Action::WriteCard)?;
        self.require_living_holder()?;
        let now = self.now().wall;
        let content = Content::without_usable_finger(date_of(now));
        let enrolment = FingerEnrolment {
            person: self.holder_number()?,
            card_id: self.session.card()?.issuer().card_id.to_hex().to_string(),
            fingers: Vec::new(),
            replaced: self.holds_fingers()?,
            consent_at: Some(now),
            sensor: self.bound_sensor()?.unwrap_or_default(),
            proof,
            confirmed: None,
        };
        self.put_on_card(duty, enrolment, &content)
    }

    /// Whether the card holds fingers; those that cannot be read are some.
    fn holds_fingers(&mut self) -> Result<bool, Error> {
        Ok(match self.load_content()? {
            Ok(()) | Err(FingerFailure::TemplateBroken) => true,
            Err(_) => false,
        })
    }

    fn three_impressions(&mut self, position: FingerPosition) -> Result<Vec<Impression>, Error> {
        let mut impressions = Vec::with_capacity(usize::from(IMPRESSIONS));
        let mut last = FingerFailure::NoFinger;
        for _ in 0..ATTEMPTS_MAX {
            let number = impressions.len() as u8 + 1;
            self.tell(Progress::TakingImpression { number, of: IMPRESSIONS });
            match self.impression(Some(position))? {
                Ok(impression) if impression.fitness == Fit::Unfit => {
                    last = FingerFailure::PoorImage(impression.advice);
                    self.tell(Progress::FingerAgain(impression.advice));
                }
                Ok(impression) => impressions.push(impression),
                Err(FingerFailure::PoorImage(advice)) => {
                    last = FingerFailure::PoorImage(advice);
                    self.tell(Progress::FingerAgain(advice));
                }
                Err(why) => return Err(why.into()),
            }
            if impressions.len() == usize::from(IMPRESSIONS) {
                return Ok(impressions);
            }
        }
        // Images came, and none that will do for years: another finger.
        match last {
            FingerFailure::PoorImage(_) => Err(ProofError::FingerUnfit.into()),
            last => Err(last.into()),
        }
    }

    /// The one match before anything is written, against the very bytes that will be.
    fn confirm(&mut self, content: &Content, sensor: &str) -> Result<FingerMatch, Error> {
        let first = content.entries().next().map(|entry| entry.position.number());
        let position = first.and_then(FingerPosition::new).ok_or(ProofError::NothingTaken)?;
        let templates: Vec<Zeroizing<Vec<u8>>> = content
            .entries()
            .filter(|entry| entry.position.number() == position.number())
            .map(|entry| Zeroizing::new(entry.template.bytes().to_vec()))
            .collect();
        let (mut tries, mut no_matches) = (0, 0);
        let mut last = FingerFailure::NoMatch;
        for _ in 0..CONFIRMATIONS_MAX {
            if self.bound_desk()?? != sensor {
                return Err(FingerFailure::SensorChanged.into());
            }
            match self.compare_here(position, &templates, false)? {
                Ok(Found { band, lifted, engine }) => {
                    tries += 1;
                    if band.passes(Level::Strict) {
                        return Ok(FingerMatch {
                            position,
                            band,
                            level: Level::Strict,
                            tries,
                            no_matches,
                            engine: engine.to_owned(),
                            sensor: sensor.to_owned(),
                            presentation: Presentation { live: None, lifted, fresh: true },
                            pin: self.sittings.pin,
                        });
                    }
                }
                Err((why, compared)) => {
                    tries += u8::from(compared);
                    no_matches += u8::from(why == FingerFailure::NoMatch);
                    last = why;
                    if !matches!(why, FingerFailure::NoMatch | FingerFailure::PoorImage(_)) {
                        break;
                    }
                }
            }
        }
        Err(last.into())
    }

    /// Books, card, books.
    fn put_on_card(
        &mut self,
        duty: (String, String),
        enrolment: FingerEnrolment,
        content: &Content,
    ) -> Result<Enrolled, Error> {
        self.tell(Progress::Preparing);
        let offline = !self.is_online();
        let id = self.new_id();
        let mut positions: Vec<FingerPosition> = Vec::new();
        for finger in &enrolment.fingers {
            if !positions.contains(&finger.position) {
                positions.push(finger.position);
            }
        }
        let kind = SlipKind::Enrolment { fingers: positions };
        let slip = self.slip_for(id, kind, &enrolment.proof, &duty.0, offline)?;
        let mut salt = [0; 16];
        self.random.fill(&mut salt);
        let fingers = enrolment.fingers.clone();
        let plan = Plan::Enrolment {
            enrolment: Box::new(enrolment),
            offline,
            digest: digest_of(content, &salt),
            salt: hex::encode(salt),
            slip: Box::new(slip.clone()),
        };
        self.intend(id, Purpose::Enrolment, None, &plan, duty)?;
        let arming = Arming {
            card_factor: self.session.card()?.factor_hex(),
            card_serial: 0,
            terminal_serial: 0,
            account: card_spec::money::Fen::ZERO,
            self_paid: card_spec::money::Fen::ZERO,
            pooled: card_spec::money::Fen::ZERO,
            // No transaction of the card: it is told no time.
            date_time: String::new(),
            algorithm: 0,
            key_version: 0,
            balance_before: card_spec::money::Fen::ZERO,
        };
        let now = self.now().wall;
        if let Err(error) = self.ledger.arm(id, &arming, now) {
            self.abandon(id, AbandonReason::Cancelled)?;
            return Err(error.into());
        }
        self.tell(Progress::WritingFingers);
        self.sittings.content = None;
        self.write_content(id, content)?;
        self.enrolling = None;
        self.tell(Progress::Recording);
        let link = self
            .record(id, plan.done(&arming, String::new(), false), offline)
            .map_err(|cause| Error::DoneNotRecorded { id, cause: Box::new(cause) })?;
        Ok(Enrolled { id, link, fingers, slip: Slip { sequence: Some(link.sequence), ..slip } })
    }

    /// Writes the file, and finds out what it holds when that did not end well.
    fn write_content(&mut self, id: TransactionId, content: &Content) -> Result<(), Error> {
        let unresolved = |cause: SessionError| Error::Unresolved { id, cause: Box::new(cause.into()) };
        let written = self.session.write_fingerprints(content, self.random.as_mut());
        self.keep_refusals()?;
        let cause = match written {
            Ok(_) => return Ok(()),
            Err(cause) => cause,
        };
        let reason = match &cause {
            SessionError::FingerprintsNotWritten { .. } => AbandonReason::CardGone,
            SessionError::FingerprintsUnknown { .. } => return Err(unresolved(cause)),
            // Still there: it says what it holds.
            _ if !cause.contact_lost() => match self.session.read_fingerprints(self.random.as_mut()) {
                Ok(Some(found)) if found == *content => return Ok(()),
                Ok(_) | Err(SessionError::FingerprintsDamaged | SessionError::FingerprintsForeign) => {
                    AbandonReason::ProvedNotDone
                }
                Err(_) => return Err(unresolved(cause)),
            },
            _ => return Err(unresolved(cause)),
        };
        match self.abandon(id, reason) {
            Ok(()) => Err(cause.into()),
            Err(error) => Err(Error::Unresolved { id, cause: Box::new(error) }),
        }
    }

    /// What became of an enrolment that was interrupted: the card that came back holds it, or it does not.
    pub(super) fn resolve_enrolment(
        &mut self,
        transaction: &Transaction,
        plan: &Plan,
        arming: &Arming,
        digest: &Digest,
        salt: &str,
    ) -> Result<Resolved, Error> {
        let id = transaction.intention.id;
        self.tell(Progress::Resolving);
        let read = self.session.read_fingerprints(self.random.as_mut());
        self.keep_refusals()?;
        let found = match read {
            Ok(found) => found,
            Err(SessionError::FingerprintsDamaged | SessionError::FingerprintsForeign) => None,
            Err(cause) => return Err(Error::Unresolved { id, cause: Box::new(cause.into()) }),
        };
        let mut bytes = [0; 16];
        let salted = hex::decode_to_slice(salt, &mut bytes).is_ok();
        match found {
            Some(content) if salted && digest_of(&content, &bytes) == *digest => {
                self.finish(transaction, plan, arming, None)
            }
            _ => {
                self.abandon(id, AbandonReason::ProvedNotDone)?;
                Ok(Resolved::NotDone { id })
            }
        }
    }
}

/// What the card is to hold: two impressions of the better finger, one of the other.
fn content_of(
    taken: &[Taken],
    today: card_spec::date::Date,
) -> Result<(Content, Vec<EnrolledFinger>), Error> {
    let mut order: Vec<&Taken> = taken.iter().collect();
    order.sort_by_key(|taken| std::cmp::Reverse((taken.fitness, taken.good)));
    let mut content = Content::new(today);
    let mut fingers = Vec::new();
    for (rank, taken) in order.into_iter().take(FINGERS_MAX).enumerate() {
        let impressions = if rank == 0 { 2 } else { 1 };
        for (index, impression) in taken.impressions.iter().take(impressions).enumerate() {
            let minutiae = compact_of(&impression.minutiae, MINUTIAE_MAX);
            let fitness = good_count(&impression.minutiae).min(usize::from(FITNESS_MAX)) as u8;
            let entry = Entry {
                position: Position::new(taken.position.number()).ok_or(ProofError::NothingTaken)?,
                impression: index as u8 + 1,
                fitness,
                enrolled: today,
                template: Template::Compact(&minutiae),
            };
            content.push(&entry).map_err(|_| ProofError::NoRoom)?;
            fingers.push(EnrolledFinger {
                position: taken.position,
                fitness: fitness_of(impression.fitness),
                engine: ENGINE.to_owned(),
            });
        }
    }
    Ok((content, fingers))
}

/// The two of three impressions that agree best, the one that agrees better with the third first.
fn best_two(position: FingerPosition, impressions: Vec<Impression>) -> Result<Taken, Error> {
    let [a, b, c]: [Impression; 3] =
        impressions.try_into().map_err(|_| Error::Proof(ProofError::ImpressionsDiffer))?;
    let (ab, ac, bc) = (compare(&a, &b), compare(&a, &c), compare(&b, &c));
    // The pair, and what each of it has in common with the one left out.
    let (pair, first, other, (with_first, with_other)) = if ab >= ac && ab >= bc {
        (ab, a, b, (ac, bc))
    } else if ac >= bc {
        (ac, a, c, (ab, bc))
    } else {
        (bc, b, c, (ab, ac))
    };
    if !pair.passes(MatchLevel::Strict) {
        return Err(ProofError::ImpressionsDiffer.into());
    }
    let impressions = if with_first >= with_other { [first, other] } else { [other, first] };
    let fitness = impressions[0].fitness;
    if fitness == Fit::Unfit {
        return Err(ProofError::FingerUnfit.into());
    }
    let good = good_count(&impressions[0].minutiae);
    Ok(Taken { position, fitness, good, impressions })
}

fn compare(one: &Impression, other: &Impression) -> Score {
    let mut workspace = Box::new(Workspace::new());
    let (one, other) = (Box::new(Prepared::new(&one.minutiae)), Box::new(Prepared::new(&other.minutiae)));
    workspace.compare(&one, &other)
}

fn fitness_of(fit: Fit) -> Fitness {
    match fit {
        Fit::Fit => Fitness::Fit,
        Fit::Weak | Fit::Unfit => Fitness::Weak,
    }
}

/// What a content is, for somebody who has it; without it the digest says nothing.
fn digest_of(content: &Content, salt: &[u8; 16]) -> Digest {
    let mut bytes = Zeroizing::new(Vec::with_capacity(card_spec::fingerprint::PLACE_BYTES + 32));
    bytes.extend_from_slice(salt);
    bytes.push(u8::from(content.no_usable_finger()));
    bytes.extend_from_slice(&content.written().to_cn());
    for entry in content.entries() {
        bytes.extend_from_slice(&[entry.position.number(), entry.impression, entry.fitness]);
        bytes.extend_from_slice(&(entry.template.bytes().len() as u16).to_be_bytes());
        bytes.extend_from_slice(entry.template.bytes());
    }
    Digest::of(&bytes)
}
