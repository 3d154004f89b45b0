//! Who stands there: a finger, and the ladder below it (核验).
//!
//! ```text
//! check_finger ─► first finger, three tries ─► second finger, three tries ─► vouch: PIN + clerk (+ second clerk)
//! ```
//!
//! Staff decides only when no finger can, and the evidence says why: the reason comes from what was tried, not
//! from a menu.

use card_spec::fingerprint::{Position, Template};
use hal::fingerprint::{FingerprintSensor, Health, Wish};
use protocol::{
    evidence::{Band, FingerMatch, FingerPosition, HolderProof, Level, Presentation, Way},
    policy::{ProofPolicy, Purpose, Sufficient},
};

use super::Terminal;
use crate::{
    audit::AuditEvent,
    error::Error,
    holder::{
        ProofError,
        finger::{Advice, FingerFailure, Rung},
        sensor::{self, Impression},
    },
    progress::Progress,
    roles::{Action, SignInError},
    session::SessionError,
};

/// Where the bound sensor's name lies in the ledger.
const SENSOR: &str = "fingerprint sensor";

/// Engine that the evidence names when a module has compared by itself.
const MODULE_ENGINE: &str = "ef01-module";

/// The maker's number of templates that EF01 modules compare.
const MODULE_MAKER: u16 = 1;

/// What one attempt with a finger has brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FingerCheck {
    /// It is the holder's.
    Proved(Box<HolderProof>),
    /// It did not decide.
    Failed {
        /// Why.
        why: FingerFailure,
        /// What comes next.
        next: Rung,
    },
}

/// Another clerk, or a supervisor, by number and secret.
#[derive(Clone, Copy)]
pub struct Clerk<'a> {
    /// Operator number.
    pub number: &'a str,
    /// The secret that signs in.
    pub secret: &'a [u8],
}

/// What a card holds of its holder's fingers: everything but the fingers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardFingers {
    /// The impressions, in the order in which they stand.
    pub fingers: Vec<CardFinger>,
    /// The card says that its holder has no finger that can be used.
    pub none_usable: bool,
    /// Day of writing; `None` when nothing was ever written.
    pub written: Option<card_spec::date::Date>,
}

/// One impression on a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardFinger {
    /// Which finger.
    pub position: FingerPosition,
    /// Which impression of it, from 1.
    pub impression: u8,
    /// How fit it was, 0 to 100.
    pub fitness: u8,
    /// Day of enrolment.
    pub enrolled: card_spec::date::Date,
}

impl Terminal {
    /// Plugs a fingerprint sensor in; it counts once it is bound, see [`Terminal::bind_sensor`].
    pub fn use_sensor(&mut self, sensor: Box<dyn FingerprintSensor + Send>) {
        self.desk.put(sensor);
    }

    /// Is asked over and over while a finger is waited for.
    pub fn on_wish(&mut self, wish: impl FnMut() -> Wish + Send + 'static) {
        self.desk.ask_wish(Box::new(wish));
    }

    /// How long a finger is waited for, and how long one that lies there beforehand is given to be lifted.
    pub fn set_finger_timeouts_ms(&mut self, finger_ms: u32, lift_ms: u32) {
        (self.desk.timeout_ms, self.desk.lift_timeout_ms) = (finger_ms, lift_ms);
    }

    /// What the sensor says of itself. Errors: `Finger(NoSensor)`.
    pub fn probe_sensor(&mut self) -> Result<Health, Error> {
        Ok(self.desk.probe()?)
    }

    /// Binds the sensor that answers now to this terminal. For the installer; audited. Gives its name, by which
    /// the evidence names it.
    ///
    /// Errors: `SignIn`, `NotSignedIn`, `Finger(NoSensor)`, `Ledger`.
    pub fn bind_sensor(&mut self) -> Result<String, Error> {
        self.permitted(Action::ChangeSettings)?;
        let name = sensor::sensor_name(&self.desk.probe()?);
        self.ledger.set_setting(SENSOR, &name)?;
        self.note(&AuditEvent::SensorBound { serial: name.clone() })?;
        Ok(name)
    }

    /// Name of the sensor that is bound to this terminal.
    pub fn bound_sensor(&self) -> Result<Option<String>, Error> {
        Ok(self.ledger.setting(SENSOR)?)
    }

    /// The policy in use: which proofs suffice for what.
    pub fn policy(&self) -> &ProofPolicy {
        &self.policy
    }

    /// Uses this policy until the center sends another.
    pub fn use_policy(&mut self, policy: ProofPolicy) {
        self.policy = policy;
    }

    /// How the holder of the open card was proved in this tap.
    pub fn proof(&self) -> Option<&HolderProof> {
        self.sittings.proof.as_ref()
    }

    /// Whether the card has accepted its PIN in this tap.
    pub fn pin_is_verified(&self) -> bool {
        self.sittings.pin
    }

    /// Which fingers the open card holds.
    ///
    /// Errors: `Session`; `Finger(TemplateBroken)` for fingers that are damaged or not this card's.
    pub fn card_fingers(&mut self) -> Result<CardFingers, Error> {
        match self.load_content()? {
            Ok(()) | Err(FingerFailure::NoTemplate | FingerFailure::NoUsableFinger) => {}
            Err(failure) => return Err(failure.into()),
        }
        let Some(content) = &self.sittings.content else {
            return Ok(CardFingers { fingers: Vec::new(), none_usable: false, written: None });
        };
        let fingers = content.entries().filter_map(|entry| {
            Some(CardFinger {
                position: FingerPosition::new(entry.position.number())?,
                impression: entry.impression,
                fitness: entry.fitness,
                enrolled: entry.enrolled,
            })
        });
        Ok(CardFingers {
            fingers: fingers.collect(),
            none_usable: content.no_usable_finger(),
            written: Some(content.written()),
        })
    }

    /// One attempt to prove the holder by a finger, compared in this terminal.
    ///
    /// `position` names the finger; `None` takes the one that the ladder says. The holder is guided through
    /// [`Terminal::on_progress`]. Each finger gets as many attempts as the policy says, and as many fingers; a
    /// card that is put in again gets no new ones for a while. Where the policy wants the PIN beside the finger,
    /// it comes first.
    /// Errors: `Session` (`CardFirst`, `PinFirst`, …), `SignIn`, `NotSignedIn`, `Ledger`; whatever the finger or
    /// the sensor does is an answer.
    pub fn check_finger(
        &mut self,
        purpose: Purpose,
        position: Option<FingerPosition>,
    ) -> Result<FingerCheck, Error> {
        let level = self.begin_check(purpose)?;
        if let Err(why) = self.load_content()? {
            return self.failed(None, why, false);
        }
        let position = match self.finger_to_try(position)? {
            Ok(position) => position,
            Err(check) => return Ok(check),
        };
        let sensor = match self.bound_desk()? {
            Ok(sensor) => sensor,
            Err(why) => return self.failed(None, why, false),
        };
        let compared = match self.compact_templates(position) {
            templates if !templates.is_empty() => self.compare_here(position, &templates, true)?,
            _ => self.compare_in_module(position)?,
        };
        match compared {
            Ok(found) if found.band.passes(level) => self.proved(purpose, position, level, found, sensor),
            // Better than one other finger in a thousand and short of what is asked: nothing against the holder.
            Ok(_) => self.failed(Some(position), FingerFailure::PoorImage(Advice::Again), true),
            Err((why, compared)) => self.failed(Some(position), why, compared),
        }
    }

    /// The same, compared by the card itself (match on card), which counts wrong fingers as it does wrong PINs.
    ///
    /// Errors: as for [`Terminal::check_finger`]; `Session(NoMatchOnCard)` for a card that cannot.
    pub fn check_card_finger(
        &mut self,
        purpose: Purpose,
        position: Option<FingerPosition>,
    ) -> Result<FingerCheck, Error> {
        self.begin_check(purpose)?;
        // Read anew: that selects the application that compares.
        self.sittings.content = None;
        if let Err(why) = self.load_content()? {
            return self.failed(None, why, false);
        }
        let position = match self.finger_to_try(position)? {
            Ok(position) => position,
            Err(check) => return Ok(check),
        };
        let sensor = match self.bound_desk()? {
            Ok(sensor) => sensor,
            Err(why) => return self.failed(None, why, false),
        };
        let impression = match self.impression(Some(position))? {
            Ok(impression) => impression,
            Err(why) => return self.failed(Some(position), why, false),
        };
        let Some(place) = Position::new(position.number()) else {
            return self.failed(None, FingerFailure::NoTemplate, false);
        };
        let minutiae = sensor::compact_of(&impression.minutiae, card_spec::fingerprint::MINUTIAE_MAX);
        if card_spec::fingerprint::check_minutiae(&minutiae).is_err() {
            let why = FingerFailure::PoorImage(impression.advice);
            return self.failed(Some(position), why, false);
        }
        self.count_begun(position)?;
        self.tell(Progress::CardComparing);
        match self.session.verify_finger_on_card(place, &minutiae) {
            Ok(()) => {
                let (tries, no_matches) = self.count_match(position)?;
                let pin = self.sittings.pin;
                let way = Way::CardFinger { position, tries, no_matches, sensor, pin };
                self.keep_proof(purpose, way)
            }
            Err(SessionError::WrongFinger { .. }) => {
                self.failed(Some(position), FingerFailure::NoMatch, true)
            }
            Err(SessionError::FingerBlocked) => self.failed(None, FingerFailure::CardBlocked, false),
            Err(SessionError::FingerNotOnCard) => self.failed(None, FingerFailure::NoTemplate, false),
            // The card was not asked, or has not compared. One that went away may have.
            Err(error) if !error.contact_lost() => {
                self.tries()?.end();
                self.keep_sittings()?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What comes next for the open card: a finger, or staff. `None` before anything was tried or read.
    pub fn next_rung(&mut self) -> Result<Option<Rung>, Error> {
        let (key, now_ms) = (self.session.card()?.key(), self.now().monotonic_ms);
        let on_card = self.positions();
        Ok(self.sittings.of(key, now_ms).next(&on_card, &self.policy))
    }

    /// Whether staff alone does not do: a second clerk has to confirm.
    pub fn needs_second_clerk(&self, purpose: Purpose) -> bool {
        let alternatives = self.policy.alternatives(purpose);
        !alternatives
            .iter()
            .any(|enough| matches!(enough, Sufficient::Pin | Sufficient::PinAndClerk { second_clerk: false }))
    }

    /// Staff vouches for the holder, who has typed the PIN, because no finger can decide (人工核验).
    ///
    /// Recorded as such, with the reason and the comparisons that failed, and audited.
    /// Errors: `Session(PinFirst)`; `Proof` (`FingerFirst` while a finger can still be tried, `SecondClerkFirst`,
    /// `SameClerk`, `TooWeak`); `SignIn`, also for the second clerk's secret or role; `Ledger`.
    pub fn vouch(&mut self, purpose: Purpose, second: Option<Clerk<'_>>) -> Result<HolderProof, Error> {
        let clerk = self.permitted(Action::ConfirmHolder)?.operator;
        self.session.card()?;
        if !self.sittings.pin {
            return Err(SessionError::PinFirst.into());
        }
        let reason = match self.next_rung()? {
            Some(Rung::Clerk { reason }) => reason,
            Some(Rung::Finger { .. }) | None => return Err(ProofError::FingerFirst.into()),
        };
        if second.is_none() && self.needs_second_clerk(purpose) {
            return Err(ProofError::SecondClerkFirst.into());
        }
        let second_clerk = match second {
            Some(second) => Some(self.confirmed_by(&clerk, second, Action::ConfirmHolder)?),
            None => None,
        };
        let no_matches = self.tries()?.no_matches;
        let way = Way::PinAndClerk { reason, no_matches, clerk, second_clerk: second_clerk.clone() };
        let proof = self.proof_of(way)?;
        if !self.policy.suffices(purpose, &proof) {
            return Err(ProofError::TooWeak { purpose }.into());
        }
        self.note(&AuditEvent::HolderVouched { reason, no_matches, second_clerk })?;
        self.sittings.proof = Some(proof.clone());
        Ok(proof)
    }

    /// Another operator, by secret and role.
    pub(super) fn confirmed_by(
        &mut self,
        first: &str,
        other: Clerk<'_>,
        action: Action,
    ) -> Result<String, Error> {
        if other.number == first {
            return Err(ProofError::SameClerk.into());
        }
        let now = self.now().wall;
        let role = self.ledger.confirm_operator(other.number, other.secret, now)?;
        if !crate::roles::permits(role, action) {
            return Err(SignInError::NotPermitted { action }.into());
        }
        Ok(other.number.to_owned())
    }

    /// A proof that suffices: the one of this tap, else the PIN where that is enough.
    pub(super) fn sufficient_proof(&self, purpose: Purpose) -> Result<HolderProof, Error> {
        self.session.card()?;
        let pin = match self.sittings.pin {
            true => Some(self.proof_of(Way::Pin)?),
            false => None,
        };
        let kept = self.sittings.proof.clone();
        let is_known = kept.is_some();
        let found = kept.into_iter().chain(pin).find(|proof| self.policy.suffices(purpose, proof));
        found.ok_or_else(|| match is_known {
            true => ProofError::TooWeak { purpose }.into(),
            false => ProofError::ProofFirst.into(),
        })
    }

    /// What was tried with the open card.
    fn tries(&mut self) -> Result<&mut crate::holder::sitting::Tries, Error> {
        let (key, now_ms) = (self.session.card()?.key(), self.now().monotonic_ms);
        Ok(self.sittings.of(key, now_ms))
    }

    /// Whoever is not there is not asked for a finger: card, operator, PIN. The level that is asked for.
    fn begin_check(&mut self, purpose: Purpose) -> Result<Level, Error> {
        self.permitted(Action::ConfirmHolder)?;
        self.session.card()?;
        let mut wanted = None;
        for enough in self.policy.alternatives(purpose) {
            let (level, pin) = match enough {
                Sufficient::Finger { level, pin } => (*level, *pin),
                Sufficient::CardFinger { pin } => (Level::Strict, *pin),
                _ => continue,
            };
            if pin && !self.sittings.pin {
                return Err(SessionError::PinFirst.into());
            }
            wanted.get_or_insert(level);
        }
        // A purpose that no finger is asked for: as for money.
        Ok(wanted.unwrap_or(Level::Strict))
    }

    /// Reads what the card holds, once for each tap.
    pub(super) fn load_content(&mut self) -> Result<Result<(), FingerFailure>, Error> {
        self.session.card()?;
        if self.sittings.content.is_none() {
            let read = self.session.read_fingerprints(self.random.as_mut());
            self.keep_refusals()?;
            match read {
                Ok(content) => self.sittings.content = content,
                Err(SessionError::FingerprintsDamaged) => return Ok(Err(FingerFailure::TemplateBroken)),
                Err(SessionError::FingerprintsForeign) => {
                    self.note(&AuditEvent::ForeignFingers)?;
                    return Ok(Err(FingerFailure::TemplateBroken));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(match &self.sittings.content {
            Some(content) if content.no_usable_finger() => Err(FingerFailure::NoUsableFinger),
            Some(content) if !content.is_empty() => Ok(()),
            _ => Err(FingerFailure::NoTemplate),
        })
    }

    /// The fingers on the card, each once.
    fn positions(&self) -> Vec<FingerPosition> {
        let mut positions = Vec::new();
        for entry in self.sittings.content.iter().flat_map(|content| content.entries()) {
            if let Some(position) = FingerPosition::new(entry.position.number())
                && !positions.contains(&position)
            {
                positions.push(position);
            }
        }
        positions
    }

    /// The finger that was named, or that the ladder names; an answer when there is none.
    fn finger_to_try(
        &mut self,
        named: Option<FingerPosition>,
    ) -> Result<Result<FingerPosition, FingerCheck>, Error> {
        let on_card = self.positions();
        let policy = self.policy.clone();
        let tries = self.tries()?;
        if let Some(named) = named {
            if !on_card.contains(&named) {
                let next = tries.next(&on_card, &policy);
                let why = FingerFailure::NoTemplate;
                let next = next.unwrap_or(Rung::Clerk { reason: why.reason() });
                return Ok(Err(FingerCheck::Failed { why, next }));
            }
            if tries.allows(named, &policy) {
                return Ok(Ok(named));
            }
        }
        // What made a finger useless before, a sensor that was mended say, is looked at again.
        tries.reconsider();
        Ok(match tries.next(&on_card, &policy) {
            Some(Rung::Finger { position, .. }) => Ok(position),
            Some(next @ Rung::Clerk { .. }) => {
                let why = tries.last().unwrap_or(FingerFailure::NoMatch);
                Err(FingerCheck::Failed { why, next })
            }
            None => {
                let why = FingerFailure::NoTemplate;
                Err(FingerCheck::Failed { why, next: Rung::Clerk { reason: why.reason() } })
            }
        })
    }

    /// The bound sensor's name.
    pub(super) fn bound_desk(&mut self) -> Result<Result<String, FingerFailure>, Error> {
        let bound = self.ledger.setting(SENSOR)?;
        let found = self.desk.bound(bound.as_deref());
        if found == Err(FingerFailure::SensorChanged) {
            self.note(&AuditEvent::SensorChanged)?;
        }
        Ok(found)
    }

    pub(super) fn impression(
        &mut self,
        position: Option<FingerPosition>,
    ) -> Result<Result<Impression, FingerFailure>, Error> {
        let at = self.now().wall;
        let taken = self.desk.take(position, (&mut self.seen, at), self.listener.as_mut());
        // Before anything comes of it.
        self.seen.keep(&mut self.ledger)?;
        Ok(taken)
    }

    /// Templates of a finger that this terminal compares itself.
    fn compact_templates(&self, position: FingerPosition) -> Vec<zeroize::Zeroizing<Vec<u8>>> {
        let entries = self.sittings.content.iter().flat_map(|content| content.entries());
        entries
            .filter(|entry| entry.position.number() == position.number())
            .filter_map(|entry| match entry.template {
                Template::Compact(bytes) => Some(zeroize::Zeroizing::new(bytes.to_vec())),
                Template::Maker { .. } => None,
            })
            .collect()
    }

    /// Compares a fresh impression; with a failure comes whether something was compared.
    ///
    /// `counts`: as one of the tries of the open card.
    pub(super) fn compare_here(
        &mut self,
        position: FingerPosition,
        templates: &[zeroize::Zeroizing<Vec<u8>>],
        counts: bool,
    ) -> Result<Result<Found, (FingerFailure, bool)>, Error> {
        let impression = match self.impression(Some(position))? {
            Ok(impression) => impression,
            Err(why) => return Ok(Err((why, false))),
        };
        if templates.iter().any(|template| sensor::is_copy(&impression.minutiae, template)) {
            return Ok(Err((FingerFailure::Replayed, false)));
        }
        if counts {
            self.count_begun(position)?;
        }
        Ok(compare(&impression, templates))
    }
    /// Lets the module compare, for a card with a template of its maker.
    fn compare_in_module(
        &mut self,
        position: FingerPosition,
    ) -> Result<Result<Found, (FingerFailure, bool)>, Error> {
        let template =
            self.sittings.content.iter().flat_map(|content| content.entries()).find_map(|entry| match entry
                .template
            {
                Template::Maker { maker: MODULE_MAKER, bytes }
                    if entry.position.number() == position.number() =>
                {
                    Some(zeroize::Zeroizing::new(bytes.to_vec()))
                }
                _ => None,
            });
        let Some(template) = template else { return Ok(Err((FingerFailure::NoTemplate, false))) };
        self.count_begun(position)?;
        let compared = self.desk.compare_in_module(&template, position, self.listener.as_mut());
        Ok(match compared {
            // Its maker says more of it, and nobody else does.
            Ok((true, lifted)) => Ok(Found { band: Band::Ordinary, lifted, engine: MODULE_ENGINE }),
            Ok((false, _)) => Err((FingerFailure::NoMatch, true)),
            Err(why) => Err((why, false)),
        })
    }

    fn proved(
        &mut self,
        purpose: Purpose,
        position: FingerPosition,
        level: Level,
        found: Found,
        sensor: String,
    ) -> Result<FingerCheck, Error> {
        let (tries, no_matches) = self.count_match(position)?;
        let matched = FingerMatch {
            position,
            band: found.band,
            level,
            tries,
            no_matches,
            engine: found.engine.to_owned(),
            sensor,
            presentation: Presentation { live: None, lifted: found.lifted, fresh: true },
            pin: self.sittings.pin,
        };
        self.keep_proof(purpose, Way::Finger(matched))
    }

    /// Counts a comparison before it begins, durably: what ends the program in the middle gives no try back.
    fn count_begun(&mut self, position: FingerPosition) -> Result<(), Error> {
        let now_ms = self.now().monotonic_ms;
        self.tries()?.begin(position, now_ms);
        self.keep_sittings()
    }

    fn keep_sittings(&mut self) -> Result<(), Error> {
        let now = self.now();
        Ok(self.sittings.keep(&mut self.ledger, now)?)
    }

    fn count_match(&mut self, position: FingerPosition) -> Result<(u8, u8), Error> {
        let now_ms = self.now().monotonic_ms;
        let tries = self.tries()?;
        Ok((tries.matched(position, now_ms), tries.no_matches))
    }

    fn keep_proof(&mut self, purpose: Purpose, way: Way) -> Result<FingerCheck, Error> {
        let proof = self.proof_of(way)?;
        self.tries()?.forget();
        self.keep_sittings()?;
        if !self.policy.suffices(purpose, &proof) {
            return Err(ProofError::TooWeak { purpose }.into());
        }
        self.sittings.proof = Some(proof.clone());
        Ok(FingerCheck::Proved(Box::new(proof)))
    }

    pub(super) fn proof_of(&self, way: Way) -> Result<HolderProof, Error> {
        let card_id = self.session.card()?.issuer().card_id.to_hex().to_string();
        Ok(HolderProof { card_id, at: self.now().wall, way })
    }

    /// Counts a failed attempt and says what comes next.
    fn failed(
        &mut self,
        position: Option<FingerPosition>,
        why: FingerFailure,
        compared: bool,
    ) -> Result<FingerCheck, Error> {
        let now_ms = self.now().monotonic_ms;
        let on_card = self.positions();
        let policy = self.policy.clone();
        let tries = self.tries()?;
        tries.failed(position, why, compared, now_ms);
        let no_matches = tries.no_matches;
        let next = tries.next(&on_card, &policy).unwrap_or(Rung::Clerk { reason: why.reason() });
        self.keep_sittings()?;
        if why == FingerFailure::Replayed {
            self.note(&AuditEvent::ImageReplayed)?;
        }
        if why == FingerFailure::NoMatch && matches!(next, Rung::Clerk { .. }) {
            self.note(&AuditEvent::FingersRefused { no_matches })?;
        }
        Ok(FingerCheck::Failed { why, next })
    }
}

/// Compares an impression with what the card holds.
fn compare(
    impression: &Impression,
    templates: &[zeroize::Zeroizing<Vec<u8>>],
) -> Result<Found, (FingerFailure, bool)> {
    let score = sensor::compare(&impression.minutiae, templates.iter().map(|bytes| bytes.as_slice()))
        .ok_or((FingerFailure::TemplateBroken, false))?;
    match sensor::band_of(score) {
        Some(band) => Ok(Found { band, lifted: impression.lifted, engine: fingerprint::matcher::ENGINE }),
        // A smear is nobody's finger: no suspicion, but a try.
        None if impression.fitness == fingerprint::extract::Fitness::Unfit => {
            Err((FingerFailure::PoorImage(impression.advice), true))
        }
        None => Err((FingerFailure::NoMatch, true)),
    }
}

/// A comparison that found some likeness.
pub(super) struct Found {
    pub(super) band: Band,
    pub(super) lifted: bool,
    pub(super) engine: &'static str,
}

impl std::fmt::Debug for Clerk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clerk").field("number", &self.number).finish_non_exhaustive()
    }
}
