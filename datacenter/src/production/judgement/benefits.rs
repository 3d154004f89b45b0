//! Enrolment of fingers, certification and pension: what is booked, what is refused, what raises an alarm.

use std::collections::{HashMap, HashSet};

use card_spec::money::Fen;
use protocol::{
    calendar::{Day, Period},
    evidence::HolderProof,
    feed::PersonState,
    id::TerminalId,
    pension::{Earlier, Fingers, Pension, Schedule},
    policy::Purpose,
    record::{Body, Business, Certification, CertifiedAt, FingerEnrolment, PensionPayment},
    signature::Digest,
    timestamp::Timestamp,
    upload::RefusalReason,
};

use super::{Judge, New};
use crate::{
    production::{
        examination::{CLOCK_AHEAD_MS_MAX, Examined, card_key},
        policy::Policies,
        supervision::{self, MANUAL_PASSES_DAY_MAX, NO_MATCHES_SUSPICIOUS},
    },
    storage::{
        StorageResult, Transaction,
        benefits::{ClaimRow, PaymentRow, PlaceRow, StandingRow},
        rows::{AlarmKind, HolderRow, Kind, Proof},
    },
};

/// Most claims of a person that a new one is compared with.
const CLAIMS_COMPARED_MAX: usize = 60;

/// What the storage holds that concerns claims of a batch; empty for a batch without any.
#[derive(Default)]
pub(super) struct Known {
    pensions: HashMap<u64, Pension>,
    /// What these pensions were before they changed.
    earlier: HashMap<u64, Vec<Earlier>>,
    standings: HashMap<u64, Vec<StandingRow>>,
    payments: HashMap<(u64, Period), PaymentRow>,
    claims: HashMap<u64, Vec<ClaimRow>>,
    places: HashMap<TerminalId, PlaceRow>,
    /// How many people each clerk has let pass on a day.
    passes: HashMap<(String, Day), u64>,
    /// Since when the center knows the cards of the batch.
    cards_since: HashMap<[u8; 12], Timestamp>,
    policies: Policies,
}

/// What booked claims change.
#[derive(Default)]
pub(super) struct Changes {
    pensions: HashSet<u64>,
    payments: Vec<PaymentRow>,
    claims: Vec<ClaimRow>,
    /// The pensions as they are after the batch.
    after: Vec<Pension>,
}

impl Known {
    /// Asks for all that the claims of a batch refer to.
    pub(super) fn read(
        transaction: &mut dyn Transaction,
        policies: &Policies,
        terminal: TerminalId,
        records: &[New<'_>],
    ) -> StorageResult<Self> {
        let (mut people, mut months, mut cards) = (Vec::new(), Vec::new(), Vec::new());
        let mut passes = HashMap::new();
        for (_, _, examined) in records {
            let Some(claim) = examined.body.as_deref().and_then(Claim::of) else { continue };
            people.push(claim.person);
            cards.extend(claim.card);
            months.extend(claim.period.map(|period| (claim.person, period)));
            if let Some(clerk) = claim.clerk() {
                passes.insert((clerk.to_owned(), Day::of(examined.happened_at)), 0);
            }
        }
        if people.is_empty() {
            return Ok(Known::default());
        }
        people.sort_unstable();
        people.dedup();
        for ((clerk, day), count) in &mut passes {
            *count = transaction.manual_passes(terminal, clerk, day.start(), day.plus_days(1).start())?;
        }
        let mut claims: HashMap<u64, Vec<ClaimRow>> = HashMap::new();
        let mut terminals = vec![terminal];
        for claim in transaction.claims(&people, CLAIMS_COMPARED_MAX)? {
            terminals.push(claim.terminal);
            claims.entry(claim.person).or_default().push(claim);
        }
        terminals.sort_unstable();
        terminals.dedup();
        let mut standings: HashMap<u64, Vec<StandingRow>> = HashMap::new();
        for row in transaction.standings(&people)? {
            standings.entry(row.person).or_default().push(row);
        }
        let mut earlier: HashMap<u64, Vec<Earlier>> = HashMap::new();
        for (person, amount) in transaction.earlier_amounts(&people)? {
            earlier.entry(person).or_default().push(amount);
        }
        let since = |row: HolderRow| (row.card, row.since);
        Ok(Known {
            pensions: transaction.pensions(&people)?.into_iter().map(|row| (row.key, row)).collect(),
            earlier,
            standings,
            payments: transaction
                .payments(&months)?
                .into_iter()
                .map(|row| ((row.person, row.period), row))
                .collect(),
            claims,
            places: transaction.places(&terminals)?.into_iter().map(|row| (row.terminal, row)).collect(),
            passes,
            cards_since: transaction.holders(&cards)?.into_iter().map(since).collect(),
            policies: policies.clone(),
        })
    }

    /// What a month of a pension is.
    fn amount(&self, pension: &Pension, period: Period) -> Fen {
        let earlier = self.earlier.get(&pension.key).cloned().unwrap_or_default();
        Schedule { pension: *pension, earlier }.amount(period)
    }

    /// What a person was at a time, as far as the center knew of it then.
    fn state_at(&self, person: u64, at: Timestamp) -> PersonState {
        let rows = self.standings.get(&person).map(Vec::as_slice).unwrap_or_default();
        rows.iter().rev().find(|row| row.since <= at).map_or(PersonState::Active, |row| row.state)
    }
}

impl Changes {
    pub(super) fn apply(self, transaction: &mut dyn Transaction) -> StorageResult<()> {
        if !self.after.is_empty() {
            transaction.put_pensions(&self.after)?;
        }
        if !self.payments.is_empty() {
            transaction.add_payments(&self.payments)?;
        }
        if !self.claims.is_empty() {
            transaction.add_claims(&self.claims)?;
        }
        Ok(())
    }
}

/// A record in which a person claims to be the holder of a card.
struct Claim<'a> {
    kind: Kind,
    purpose: Purpose,
    person: u64,
    card_id: &'a str,
    card: Option<[u8; 12]>,
    proof: &'a HolderProof,
    period: Option<Period>,
}

impl<'a> Claim<'a> {
    fn of(body: &'a Body) -> Option<Self> {
        let claim = |kind, purpose, person, card_id: &'a String, proof, period| Claim {
            kind,
            purpose,
            person,
            card_id,
            card: card_key(card_id),
            proof,
            period,
        };
        Some(match &body.business {
            Business::Enrolment(enrolment) => {
                let FingerEnrolment { person, card_id, proof, .. } = &**enrolment;
                claim(Kind::Enrolment, Purpose::Enrolment, person.key(), card_id, proof, None)
            }
            Business::Certification(certification) => {
                let Certification { person, card_id, proof, .. } = &**certification;
                claim(Kind::Certification, Purpose::Certification, person.key(), card_id, proof, None)
            }
            Business::Pension(payment) => {
                let PensionPayment { person, card_id, proof, period, .. } = &**payment;
                claim(Kind::Pension, Purpose::Pension, person.key(), card_id, proof, Some(*period))
            }
            _ => return None,
        })
    }

    /// The clerk who let the person pass, when no finger did.
    fn clerk(&self) -> Option<&'a str> {
        match &self.proof.way {
            protocol::evidence::Way::PinAndClerk { clerk, .. } => Some(clerk),
            _ => None,
        }
    }
}

impl Judge<'_> {
    /// Judges an enrolment, a certification or a pension, and notices what supervision has to see.
    pub(super) fn claim(
        &mut self,
        body: &Body,
        examined: &Examined,
        digest: Digest,
    ) -> Result<Proof, RefusalReason> {
        let Some(claim) = Claim::of(body) else { return Err(RefusalReason::Unreadable) };
        let verdict = examined.verdict.and_then(|_| self.allow(&claim, body, examined));
        self.suspect(&claim, body, examined, digest, verdict);
        let proof = verdict?;
        let at = examined.happened_at;
        match &body.business {
            Business::Enrolment(enrolment) => self.enrol(claim.person, enrolment),
            Business::Certification(_) => self.certify(claim.person, at),
            Business::Pension(payment) => self.pay(body, payment, at),
            _ => {}
        }
        let row = ClaimRow {
            id: body.id,
            person: claim.person,
            terminal: self.terminal.terminal,
            kind: claim.kind,
            at,
            card: claim.card,
            clerk: claim.clerk().map(str::to_owned),
            home: matches!(&body.business, Business::Certification(c) if c.place == CertifiedAt::Home),
        };
        self.known.claims.entry(claim.person).or_default().push(row.clone());
        self.judgement.effects.benefits.claims.push(row);
        Ok(proof)
    }

    /// Whether this person may claim this, then, with this proof.
    fn allow(&self, claim: &Claim<'_>, body: &Body, examined: &Examined) -> Result<Proof, RefusalReason> {
        let at = examined.happened_at;
        match self.known.state_at(claim.person, at) {
            PersonState::Deceased => return Err(RefusalReason::Deceased),
            PersonState::Ended => return Err(RefusalReason::BenefitEnded),
            PersonState::Active | PersonState::Suspended => {}
        }
        self.allow_proof(claim, body, examined)?;
        match &body.business {
            Business::Enrolment(enrolment) if !enrolment.sound() => Err(RefusalReason::ProofTooWeak),
            Business::Enrolment(enrolment) if enrolment.consent_at.is_none() => {
                Err(RefusalReason::ConsentMissing)
            }
            Business::Certification(_) if !self.known.pensions.contains_key(&claim.person) => {
                Err(RefusalReason::PensionUnknown)
            }
            Business::Pension(payment) => self.allow_payment(claim.person, payment, body.offline, at),
            _ => Ok(Proof::NotNeeded),
        }
    }

    /// Whether the proof is of this card and moment and suffices, and the card is this person's and usable.
    fn allow_proof(&self, claim: &Claim<'_>, body: &Body, examined: &Examined) -> Result<(), RefusalReason> {
        let Some(card) = claim.card else { return Err(RefusalReason::ProofTooWeak) };
        let at = examined.happened_at;
        let since = self.blocked.get(&card);
        if since.is_some_and(|since| since.plus_ms(examined.blacklist_lag_ms) < at) {
            return Err(RefusalReason::Blacklisted);
        }
        if self.holders.get(&card).is_some_and(|holder| *holder != claim.person) {
            return Err(RefusalReason::HolderMismatch);
        }
        let proof = claim.proof;
        // A clock that was set meanwhile must not cost anybody a pension.
        let of_this_sitting = proof.at <= body.made_at.plus_ms(CLOCK_AHEAD_MS_MAX)
            && proof.at.plus_ms(protocol::evidence::PROOF_AGE_MS_MAX) >= body.made_at;
        let suffices = proof.card_id.eq_ignore_ascii_case(claim.card_id)
            && of_this_sitting
            && self.known.policies.suffices(claim.purpose, proof, at);
        if suffices { Ok(()) } else { Err(RefusalReason::ProofTooWeak) }
    }

    fn allow_payment(
        &self,
        person: u64,
        payment: &PensionPayment,
        offline: bool,
        at: Timestamp,
    ) -> Result<Proof, RefusalReason> {
        let pension = self.known.pensions.get(&person).ok_or(RefusalReason::PensionUnknown)?;
        // Before all else: that a month is paid already is what the clerk has to hear.
        if pension.paid(payment.period) || self.known.payments.contains_key(&(person, payment.period)) {
            return Err(RefusalReason::PeriodPaid);
        }
        if self.known.state_at(person, at) == PersonState::Suspended {
            return Err(RefusalReason::BenefitSuspended);
        }
        if payment.period > Period::of(at) || pension.after_paying(payment.period).is_none() {
            return Err(RefusalReason::PeriodNotDue);
        }
        if payment.amount != self.known.amount(pension, payment.period) {
            return Err(RefusalReason::PensionAmount);
        }
        if !pension.certified_on(Day::of(at)) {
            return Err(RefusalReason::NotCertified);
        }
        let limits = self.known.policies.offline(at);
        if offline && (payment.amount > limits.amount_max || payment.cache_age_ms > limits.cache_age_max_ms) {
            return Err(RefusalReason::OverLimit);
        }
        Ok(Proof::NotNeeded)
    }

    fn enrol(&mut self, person: u64, enrolment: &FingerEnrolment) {
        let fingers = match enrolment.fingers.is_empty() {
            true => Fingers::NoneUsable,
            false => Fingers::Enrolled,
        };
        self.change_pension(person, |pension| pension.fingers = fingers);
    }

    fn certify(&mut self, person: u64, at: Timestamp) {
        let until = Day::of(at).plus_months(self.known.policies.certification_months(at));
        self.change_pension(person, |pension| {
            pension.certified_until = pension.certified_until.max(Some(until));
        });
    }

    fn pay(&mut self, body: &Body, payment: &PensionPayment, at: Timestamp) {
        let person = payment.person.key();
        let row = PaymentRow { person, period: payment.period, id: body.id, amount: payment.amount, at };
        self.known.payments.insert((person, payment.period), row);
        self.judgement.effects.benefits.payments.push(row);
        self.change_pension(person, |pension| {
            *pension = pension.after_paying(payment.period).unwrap_or(*pension);
        });
    }

    fn change_pension(&mut self, person: u64, change: impl FnOnce(&mut Pension)) {
        if let Some(pension) = self.known.pensions.get_mut(&person) {
            change(pension);
            self.judgement.effects.benefits.pensions.insert(person);
        }
    }

    /// Keeps the pensions that the batch has changed, as they are now.
    pub(super) fn keep_pensions(&mut self) {
        let changes = &mut self.judgement.effects.benefits;
        let mut changed: Vec<u64> = std::mem::take(&mut changes.pensions).into_iter().collect();
        changed.sort_unstable();
        changes.after.extend(changed.iter().filter_map(|person| self.known.pensions.get(person).copied()));
    }

    /// What may be a false claim (冒领), whether it was booked or not.
    fn suspect(
        &mut self,
        claim: &Claim<'_>,
        body: &Body,
        examined: &Examined,
        digest: Digest,
        verdict: Result<Proof, RefusalReason>,
    ) {
        let at = examined.happened_at;
        let mut kinds = Vec::new();
        if verdict == Err(RefusalReason::Deceased) {
            kinds.push(AlarmKind::ClaimAfterDeath);
        }
        if let (Business::Pension(payment), Err(reason)) = (&body.business, verdict) {
            // The money has been handed out, and no booking stands behind it.
            let other = self.known.payments.get(&(claim.person, payment.period));
            kinds.push(match other.is_some_and(|other| other.id != body.id) {
                true if reason == RefusalReason::PeriodPaid => AlarmKind::PensionTwice,
                _ => AlarmKind::PensionUnbooked,
            });
        }
        if claim.proof.manual() && claim.proof.no_matches() >= NO_MATCHES_SUSPICIOUS {
            kinds.push(AlarmKind::ManualAfterNoMatch);
        }
        let earlier = self.known.claims.get(&claim.person).map(Vec::as_slice).unwrap_or_default();
        let here = self.known.places.get(&self.terminal.terminal);
        let far = earlier.iter().filter(|other| other.terminal != self.terminal.terminal).any(|other| {
            let there = self.known.places.get(&other.terminal);
            here.zip(there).is_some_and(|(here, there)| supervision::too_far(here, there, at, other.at))
        });
        if far {
            kinds.push(AlarmKind::FarApart);
        }
        if claim.kind != Kind::Enrolment && !claim.proof.manual() {
            let card_since = claim.card.and_then(|card| self.known.cards_since.get(&card)).copied();
            if supervision::fresh_finger(earlier, claim.card, card_since, at) {
                kinds.push(AlarmKind::FreshFinger);
            }
        }
        let terminal = self.terminal.terminal;
        let alarms = &mut self.judgement.effects.alarms;
        alarms.extend(kinds.into_iter().map(|kind| super::alarm(kind, terminal, body, digest)));
        if let (Some(clerk), Ok(_)) = (claim.clerk(), verdict) {
            let day = Day::of(at);
            let passes = self.known.passes.entry((clerk.to_owned(), day)).or_default();
            *passes += 1;
            if *passes > MANUAL_PASSES_DAY_MAX {
                // One alarm for clerk and day: further ones only count.
                let day_of_clerk = Digest::of(format!("{clerk}\0{day}").as_bytes());
                let mut alarm = super::alarm(AlarmKind::ManyManualPasses, terminal, body, day_of_clerk);
                alarm.sequence = 0;
                alarms.push(alarm);
            }
        }
    }
}
