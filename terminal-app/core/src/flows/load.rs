//! Putting money onto the card's personal account (圈存): yearly credit, and refunds of cancellations.

use card_spec::money::Fen;
use protocol::{account::LoadSource, id::TransactionId, record::AbandonReason};

use super::{Terminal, plan::Plan, settle::reason_before};
use crate::{
    error::Error,
    ledger::{LedgerError, Link, Purpose},
    ports::LinkError,
    progress::Progress,
    roles::Action,
    session::SessionError,
};

/// How often the center is asked for one load, when its answer is lost. It answers the same each time.
const ATTEMPTS_MAX: usize = 3;

/// Money that was put onto a card and written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Name of the load.
    pub id: TransactionId,
    /// Its place in the chain.
    pub link: Link,
    /// How much.
    pub amount: Fen,
    /// Balance of the account afterwards.
    pub balance_after: Fen,
}

impl Terminal {
    /// Puts money from the credit that the center holds for the person onto the open card.
    ///
    /// The holder must have been verified, and the line be up: the center's security module answers the card.
    /// Nothing goes onto a blocked card, or onto the card of a dead person, be it a refund.
    /// The name of the load is committed first, so that asking the center again is asking for the same.
    /// Errors: as for [`Terminal::settle`], `NotEligible`, and `Link` when the center cannot be asked or does not grant it;
    /// nothing has changed on the card then.
    pub fn load(&mut self, amount: Fen) -> Result<Loaded, Error> {
        if amount <= Fen::ZERO {
            return Err(Error::NothingToLoad);
        }
        self.put_on(amount, LoadSource::Credit)
    }

    /// Puts what a cancellation owes to the open card back onto it.
    ///
    /// The cancellation is sent first where it was not: the center grants what it has booked.
    /// Errors: as for [`Terminal::load`]; `Ledger(NothingToLoad)` when this card is owed nothing under it.
    pub fn load_refund(&mut self, cancellation: TransactionId) -> Result<Loaded, Error> {
        let key = self.session.card()?.key();
        let owed = self.ledger.owed_to(key)?;
        let owed = owed
            .iter()
            .find(|owed| owed.cancellation == cancellation)
            .ok_or(LedgerError::NothingToLoad { of: cancellation })?;
        let amount = owed.amount;
        self.send_all()?;
        self.put_on(amount, LoadSource::Refund { of: cancellation })
    }

    /// Puts everything that is owed to the open card back onto it. Errors: as for [`Terminal::load`].
    pub fn load_refunds(&mut self) -> Result<Vec<Loaded>, Error> {
        let key = self.session.card()?.key();
        let owed = self.ledger.owed_to(key)?;
        owed.iter().map(|owed| self.load_refund(owed.cancellation)).collect()
    }

    fn put_on(&mut self, amount: Fen, source: LoadSource) -> Result<Loaded, Error> {
        let duty = self.on_duty(Action::Load)?;
        self.resolved_or_error()?;
        let card = self.session.card()?;
        let plan = Plan::Load {
            person: card.holder().ok_or(SessionError::CardFirst)?.person,
            card_id: card.issuer().card_id.to_hex().to_string(),
            amount,
            source: source.clone(),
        };
        if !card.is_verified() {
            return Err(SessionError::PinFirst.into());
        }
        self.require_living_holder()?;
        let refund_of = match &source {
            LoadSource::Credit => None,
            LoadSource::Refund { of } => Some(*of),
        };
        self.tell(Progress::Preparing);
        let date_time = self.card_time()?;
        let id = self.new_id();
        self.intend(id, Purpose::Load { refund_of }, None, &plan, duty)?;

        let loading = match self.session.begin_load(amount, date_time) {
            Ok(loading) => loading,
            Err(error) => {
                self.abandon(id, reason_before(&error))?;
                return Err(error.into());
            }
        };
        let mac2 = match self.granted(id, &loading, source) {
            Ok(mac2) => mac2,
            Err(error) => {
                // The card was not asked; the center frees what it may have set aside when it reads this.
                self.abandon(id, AbandonReason::Cancelled)?;
                return Err(error);
            }
        };
        let arming = loading.arming(self.session.card()?.factor_hex());
        let now = self.now().wall;
        if let Err(error) = self.ledger.arm(id, &arming, now) {
            self.abandon(id, AbandonReason::Cancelled)?;
            return Err(error.into());
        }
        self.tell(Progress::LeaveCard);
        let (tac, from_proof) = match self.session.credit(&loading, &mac2) {
            Ok(tac) => (tac, false),
            Err(cause) => (self.ask_at_once(id, &plan, &arming, cause)?, true),
        };
        self.tell(Progress::Recording);
        let business = plan.done(&arming, hex::encode(tac), from_proof);
        let link = self
            .record(id, business, false)
            .map_err(|cause| Error::DoneNotRecorded { id, cause: Box::new(cause) })?;
        Ok(Loaded { id, link, amount, balance_after: arming.balance_before + amount })
    }

    /// Asks the center for its MAC2; the same question again when the answer was lost.
    fn granted(
        &mut self,
        id: TransactionId,
        loading: &crate::session::Loading,
        source: LoadSource,
    ) -> Result<String, Error> {
        self.tell(Progress::AskingCenter);
        let request = loading.request(id, self.ledger.terminal(), self.session.card()?, source)?;
        let mut attempt = 1;
        loop {
            match self.link.load(&request) {
                Ok(answer) => {
                    self.heard(true);
                    return Ok(answer.mac2);
                }
                Err(LinkError::Lost { .. }) if attempt < ATTEMPTS_MAX => attempt += 1,
                Err(error) => {
                    self.heard(matches!(error, LinkError::Refused(_)));
                    return Err(error.into());
                }
            }
        }
    }
}
