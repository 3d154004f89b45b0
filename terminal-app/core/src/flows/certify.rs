//! Living certification (资格认证): whoever draws a pension shows to be alive, and here.

use protocol::{
    calendar::Day,
    id::TransactionId,
    policy::Purpose as ProofPurpose,
    record::{Business, Certification},
};

use super::{Terminal, plan::Plan};
use crate::{
    error::Error,
    ledger::{Link, Purpose},
    progress::Progress,
    receipt::{Slip, SlipKind},
    roles::Action,
    session::SessionError,
};

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
    /// Certifies the holder of the open card.
    ///
    /// The holder must have been proved as the policy asks ([`Terminal::check_finger`], [`Terminal::vouch`]), and
    /// the card must still be in the slot. A dead person's card and a blocked one are refused, by the center when
    /// it answers.
    /// Errors: `Proof` (`ProofFirst`, `TooWeak`), `NotEligible`, `Session`, `SignIn`, `NotSignedIn`,
    /// `ResolveFirst`, `Ledger`; nothing is certified then.
    pub fn certify(&mut self) -> Result<Certified, Error> {
        let duty = self.on_duty(Action::Certify)?;
        self.resolved_or_error()?;
        let proof = self.sufficient_proof(ProofPurpose::Certification)?;
        self.require_living_holder()?;
        self.require_card_here()?;
        self.tell(Progress::Preparing);
        let offline = !self.is_online();
        let id = self.new_id();
        let until = Day::of(proof.at).plus_months(self.policy.certification_months);
        let slip = self.slip_for(id, SlipKind::Certification { until }, &proof, &duty.0, offline)?;
        let certification = Certification {
            person: self.holder_number()?,
            card_id: self.session.card()?.issuer().card_id.to_hex().to_string(),
            proof,
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
