//! Pensions (养老金): how one stands, and paying it out, month by month.
//!
//! No card money moves. The card says who it is for, the proof says who stands there, the certification that the
//! person lives; and each month is a record of its own, which this terminal makes once. The money is handed out
//! when the record stands in the books, never before.

use card_spec::money::Fen;
use protocol::{
    calendar::{Day, Period},
    feed::PersonState,
    id::TransactionId,
    limits::OfflineLimits,
    pension::{PensionQuery, Schedule},
    policy::Purpose as ProofPurpose,
    record::{Business, PensionPayment, RestsOn},
    timestamp::{ClockQuality, Timestamp},
};

use super::{Terminal, plan::Plan};
use crate::{
    cache::{Eligibility, NotEligible},
    eligibility::{Refusal, Source},
    error::{Error, Limit},
    ledger::{Link, Purpose},
    pension::{PensionRefusal, PensionState},
    ports::LinkError,
    progress::Progress,
    receipt::{Slip, SlipKind},
    roles::Action,
};

/// What center or copy have told, or why nothing is paid.
type Told = Result<(Schedule, Source), Error>;

/// A month that is paid and written down.
#[derive(Clone, Debug, PartialEq)]
pub struct PensionPaid {
    /// Its name.
    pub id: TransactionId,
    /// Its place in the chain.
    pub link: Link,
    /// The month.
    pub period: Period,
    /// How much is to be handed out.
    pub amount: Fen,
    /// To be printed.
    pub slip: Slip,
}

/// What came of paying all months that are due.
#[derive(Clone, Debug, PartialEq)]
pub struct PensionRun {
    /// Months that stand in the books, the oldest first. The money for these is to be handed out.
    pub paid: Vec<PensionPaid>,
    /// Why the others do not.
    pub stopped: Option<Box<Error>>,
}

impl PensionRun {
    /// What is to be handed out.
    pub fn amount(&self) -> Fen {
        self.paid.iter().map(|paid| paid.amount).sum()
    }
}

impl Terminal {
    /// How the pension of the open card's holder stands.
    ///
    /// The center is asked first; while it does not answer, this terminal's copy, within the policy's limits.
    /// What this terminal has paid and certified since is taken into account. A person whose certification has
    /// run out is shown all the same: [`PensionState::payable`] says so.
    /// Errors: `Pension(Unknown)`; `NotEligible` for a blocked card, a dead person, benefits that are suspended or
    /// have ended, and for a copy that cannot be relied on; `Session`, `Cache`, `Ledger`.
    pub fn pension(&mut self) -> Result<PensionState, Error> {
        self.permitted(Action::ReadCard)?;
        self.tell(Progress::LookingUp);
        let now = self.center_now();
        let refused = self.refused_card_here(now)?;
        if let Some(refusal) = refused {
            self.note_refusal(refusal)?;
            return Err(refusal.into());
        }
        let found = match self.ask_center_for_pension()? {
            Some(told) => told,
            None => self.find_pension_here(now)?,
        };
        let (schedule, source) = match found {
            Ok(found) => found,
            Err(error) => {
                if let Error::NotEligible(refusal) = &error {
                    self.note_refusal(*refusal)?;
                }
                return Err(error);
            }
        };
        let person = self.holder_number()?;
        let own_paid = self.ledger.months_paid(person)?;
        let own_certified = self.own_certification()?;
        Ok(PensionState::of(schedule, source, &own_paid, own_certified, Day::of(now)))
    }

    /// Pays every month that is due, as it was shown to the holder; each is a record of its own.
    ///
    /// Looked up once more first: who has died since is refused, and what has changed is to be shown again. The
    /// holder must have been proved as the policy asks, and certified. Before each month the card must still be
    /// in the slot. A month that this terminal has paid is never paid again, whatever happened.
    /// Errors, with nothing paid: `Pension` (`NotCertified`, `NothingDue`, `Changed`, `Unknown`), `Proof`,
    /// `NotEligible`, `Limit` while the line is down, `Session`, `SignIn`, `NotSignedIn`, `ResolveFirst`, `Ledger`.
    /// What goes wrong after a first month stands in [`PensionRun::stopped`].
    pub fn pay_pension(&mut self, shown: &PensionState) -> Result<PensionRun, Error> {
        let duty = self.on_duty(Action::PayPension)?;
        self.resolved_or_error()?;
        let state = self.pension()?;
        if (state.pension.key, state.due_amount(), &state.due)
            != (shown.pension.key, shown.due_amount(), &shown.due)
        {
            return Err(PensionRefusal::Changed.into());
        }
        let rests_on = state.payable()?;
        self.sufficient_proof(ProofPurpose::Pension)?;
        let mut run = PensionRun { paid: Vec::new(), stopped: None };
        for period in &state.due {
            match self.pay_month(*period, &state, rests_on, duty.clone()) {
                Ok(paid) => run.paid.push(paid),
                Err(error) if run.paid.is_empty() => return Err(error),
                Err(error) => {
                    run.stopped = Some(Box::new(error));
                    break;
                }
            }
        }
        Ok(run)
    }

    fn pay_month(
        &mut self,
        period: Period,
        state: &PensionState,
        rests_on: RestsOn,
        duty: (String, String),
    ) -> Result<PensionPaid, Error> {
        let proof = self.sufficient_proof(ProofPurpose::Pension)?;
        let amount = state.amount(period);
        // What the cache has told counts as offline, whatever the line does meanwhile.
        let offline = matches!(state.source, Source::Cache { .. }) || !self.is_online();
        if offline {
            self.check_pension_limits(amount)?;
        }
        self.require_card_here()?;
        self.tell(Progress::Preparing);
        let id = self.new_id();
        let slip = self.slip_for(id, SlipKind::Pension { period, amount }, &proof, &duty.0, offline)?;
        let payment = PensionPayment {
            person: self.holder_number()?,
            card_id: self.session.card()?.issuer().card_id.to_hex().to_string(),
            period,
            amount,
            cache_age_ms: match state.source {
                Source::Cache { age_ms } => age_ms,
                Source::Center => 0,
            },
            proof,
            rests_on,
        };
        let plan =
            Plan::Pension { payment: Box::new(payment.clone()), offline, slip: Box::new(slip.clone()) };
        self.intend(id, Purpose::Pension { period }, None, &plan, duty)?;
        let link = self.record_now(id, Business::Pension(Box::new(payment)), offline)?;
        Ok(PensionPaid { id, link, period, amount, slip: Slip { sequence: Some(link.sequence), ..slip } })
    }

    fn check_pension_limits(&self, amount: Fen) -> Result<(), Error> {
        let limits = &self.policy.pension_offline;
        if amount > limits.amount_max {
            return Err(Limit::PensionAmount { max: limits.amount_max, got: amount }.into());
        }
        if self.ledger.pensions_waiting()? >= limits.count_max {
            return Err(Limit::PensionCount { max: limits.count_max }.into());
        }
        Ok(())
    }

    /// The certification of this terminal that the entry may not know yet, and up to when it holds.
    fn own_certification(&self) -> Result<Option<(RestsOn, Day)>, Error> {
        let Some(found) = self.ledger.last_certification(self.holder_number()?)? else { return Ok(None) };
        let Some(Business::Certification(certification)) = found.business() else { return Ok(None) };
        let until = Day::of(certification.proof.at).plus_months(self.policy.certification_months);
        Ok(Some((RestsOn::Here { id: found.intention.id }, until)))
    }

    /// Asks the center about holder and card; `None` when it does not answer.
    fn ask_center_for_pension(&mut self) -> Result<Option<Told>, Error> {
        if !self.is_online() {
            return Ok(None);
        }
        self.tell(Progress::AskingCenter);
        let query = PensionQuery { person: self.holder_number()?, card: Some(self.session.card()?.key().0) };
        let answer = match self.link.pension(&query) {
            Ok(answer) => answer,
            Err(error) => {
                self.heard(matches!(error, LinkError::Refused(_) | LinkError::Answer { .. }));
                return Ok(None);
            }
        };
        self.heard(true);
        let refusal = match (answer.blocked, answer.state) {
            (Some(reason), _) => Some(Refusal::Blacklisted { reason }),
            (None, Some(PersonState::Deceased)) => Some(Refusal::Deceased),
            (None, Some(PersonState::Suspended)) => Some(Refusal::Suspended),
            (None, Some(PersonState::Ended)) => Some(Refusal::Ended),
            (None, Some(PersonState::Active) | None) => None,
        };
        // A schedule out of order is no word of a center's.
        let schedule = answer.schedule.filter(Schedule::sound);
        let schedule = schedule.or_else(|| answer.pension.map(Schedule::constant));
        Ok(Some(match (refusal, schedule) {
            (Some(refusal), _) => Err(refusal.into()),
            (None, Some(schedule)) if schedule.pension.key == query.person.key() => {
                Ok((schedule, Source::Center))
            }
            (None, _) => Err(PensionRefusal::Unknown.into()),
        }))
    }

    /// The same by this terminal's own copy, which has to be young enough for pensions.
    fn find_pension_here(&mut self, now: Timestamp) -> Result<Told, Error> {
        let person = self.holder_number()?;
        let age_max = self.policy.pension_offline.cache_age_max_ms;
        let limits = OfflineLimits { cache_age_max_ms: age_max, ..self.limits.clone() };
        let doubtful = self.clock_quality()? == ClockQuality::Doubtful;
        let refuse = |refusal: Refusal| Ok(Err(Error::NotEligible(refusal)));
        match self.cache.look_up(person, now, &limits)? {
            Eligibility::NotEligible { reason: NotEligible::Deceased, .. } => refuse(Refusal::Deceased),
            // An age that a doubtful clock gives is no age.
            _ if doubtful => refuse(Refusal::ClockDoubtful),
            Eligibility::TooOld { age_ms: None } => refuse(Refusal::CacheEmpty),
            Eligibility::TooOld { age_ms: Some(age_ms) } => {
                refuse(Refusal::CacheTooOld { age_ms, age_ms_max: age_max })
            }
            Eligibility::UnknownHere => refuse(Refusal::UnknownOffline),
            Eligibility::NotEligible { reason: NotEligible::Suspended, .. } => refuse(Refusal::Suspended),
            Eligibility::NotEligible { reason: NotEligible::Ended, .. } => refuse(Refusal::Ended),
            // Contributions are no matter of who draws a pension.
            Eligibility::Eligible(_) | Eligibility::NotEligible { .. } => {
                let known = self.cache.pension(person, now)?;
                let age_ms = known.age_ms.unwrap_or(0).max(0);
                Ok(match known.pension {
                    Some(pension) => Ok((Schedule::constant(pension), Source::Cache { age_ms })),
                    None => Err(PensionRefusal::Unknown.into()),
                })
            }
        }
    }
}
