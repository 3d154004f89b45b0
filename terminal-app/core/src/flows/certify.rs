//! Living certification (资格认证): whoever draws a pension shows to be alive, and here.

use protocol::{
    calendar::Day,
    id::TransactionId,
    policy::Purpose as ProofPurpose,
    record::{Business, Certification, CertifiedAt},
};

use super::{Terminal, plan::Plan};
use crate::{
    error::{Error, Limit},
    ledger::{Link, Purpose},
    progress::Progress,
    receipt::{Slip, SlipKind},
    roles::Action,
    session::SessionError,
};

/// Certifications that may wait for upload when another home visit begins without a line.
pub const HOME_VISITS_WAITING_MAX: u32 = 50;

/// A certification that is written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Certified {
    /// Its name.
    pub id: TransactionId,
    /// Its place in the chain.
    pub link: Link,
    /// Holds up to this day, included, unless the center says otherwise.
    pub until: Day,
    /// To be printed.
    pub slip: Slip,
}

impl Terminal {
    /// Certifies the holder of the open card, at this desk.
    ///
    /// The holder must have been proved as the policy asks ([`Terminal::check_finger`], [`Terminal::vouch`]), and
    /// the card must still be in the slot. A dead person's card and a blocked one are refused, by the center when
    /// it answers.
    /// Errors: `Proof` (`ProofFirst`, `TooWeak`), `NotEligible`, `Session`, `SignIn`, `NotSignedIn`,
    /// `ResolveFirst`, `Ledger`; nothing is certified then.
    pub fn certify(&mut self) -> Result<Certified, Error> {
        let duty = self.on_duty(Action::Certify)?;
        self.certify_as(duty, CertifiedAt::Desk)
    }

    /// Certifies the holder of the open card at home, by an operator with a portable terminal (上门认证).
    ///
    /// The same proof as at the desk, and recorded as a home visit in the operator's name. Where there is no line, by
    /// this terminal's copy, which must be within the age for pensions that the center's policy sets, and at most
    /// [`HOME_VISITS_WAITING_MAX`] certifications may wait for upload.
    /// Errors: as for [`Terminal::certify`]; `Limit` (`CacheAge`, `HomeVisits`).
    pub fn certify_at_home(&mut self) -> Result<Certified, Error> {
        let duty = self.on_duty(Action::VisitHome)?;
        if !self.is_online() {
            self.check_home_limits()?;
        }
        self.certify_as(duty, CertifiedAt::Home)
    }

    fn check_home_limits(&self) -> Result<(), Error> {
        let waiting = self.ledger.certifications_waiting()?;
        if waiting >= HOME_VISITS_WAITING_MAX {
            return Err(Limit::HomeVisits { max: HOME_VISITS_WAITING_MAX }.into());
        }
        let max_ms = self.policy.pension_offline.cache_age_max_ms;
        let got_ms = self.cache.age_ms(self.center_now())?.unwrap_or(i64::MAX);
        if got_ms > max_ms {
            return Err(Limit::CacheAge { max_ms, got_ms }.into());
        }
        Ok(())
    }

    fn certify_as(&mut self, duty: (String, String), place: CertifiedAt) -> Result<Certified, Error> {
        self.resolved_or_error()?;
        let proof = self.sufficient_proof(ProofPurpose::Certification)?;
        self.require_living_holder()?;
        self.require_card_here()?;
        self.tell(Progress::Preparing);
        let offline = !self.is_online();
        let id = self.new_id();
        let until = Day::of(proof.at).plus_months(self.policy.certification_months);
        let slip = self.slip_for(id, SlipKind::Certification { until, place }, &proof, &duty.0, offline)?;
        let certification = Certification {
            person: self.holder_number()?,
            card_id: self.session.card()?.issuer().card_id.to_hex().to_string(),
            proof,
            place,
        };
        let plan = Plan::Certification {
            certification: Box::new(certification.clone()),
            offline,
            slip: Box::new(slip.clone()),
        };
        self.intend(id, Purpose::Certification, None, &plan, duty)?;
        let link = self.record_now(id, Business::Certification(Box::new(certification)), offline)?;
        let slip = Slip { sequence: Some(link.sequence), ..slip };
        Ok(Certified { id, link, until, slip })
    }

    /// Whether the card that was opened still lies in the slot.
    pub(super) fn require_card_here(&mut self) -> Result<(), Error> {
        self.session.card()?;
        let ssse = card_spec::file::Application::Ssse.directory();
        let file = ssse.file(card_spec::file::FileId::EF05).ok_or(SessionError::CardFirst)?;
        // One record that everybody may read: a card that is gone does not answer.
        self.session.read_file(file, &[0x01], self.random.as_mut())?;
        Ok(())
    }

    /// Writes an outcome down that no card takes part in.
    ///
    /// When this fails, nothing has happened: it is written off at once, or when the card or the program comes
    /// back. When it is not known whether it failed, the books say.
    pub(super) fn record_now(
        &mut self,
        id: TransactionId,
        business: Business,
        offline: bool,
    ) -> Result<Link, Error> {
        self.tell(Progress::Recording);
        let cause = match self.record(id, business, offline) {
            Ok(link) => return Ok(link),
            Err(cause) => cause,
        };
        match self.ledger.transaction(id) {
            // It came through after all.
            Ok(Some(found)) if found.link.is_some() => found.link.filter(|_| !found.abandoned).ok_or(cause),
            _ => {
                // Where this fails as well, the next start does it.
                let _ = self.abandon(id, protocol::record::AbandonReason::Cancelled);
                Err(cause)
            }
        }
    }
}
