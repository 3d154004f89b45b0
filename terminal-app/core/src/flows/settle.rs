//! Settling a visit: the bill, the card, the books, in the one order that loses and doubles nothing.

use card_spec::{account::Amounts, date::DateTime, money::Fen};
use protocol::{
    id::TransactionId,
    record::{AbandonReason, Business, Settlement},
};

use super::{Terminal, plan::Plan, receipt, register::PreSettlement};
use crate::{
    audit::AuditEvent,
    eligibility::Source,
    error::Error,
    ledger::{Intention, LedgerError, Link, Purpose, VisitState},
    progress::Progress,
    receipt::Receipt,
    roles::Action,
    session::SessionError,
};

/// A settlement that is done and written down.
#[derive(Clone, Debug, PartialEq)]
pub struct Settled {
    /// Its name.
    pub id: TransactionId,
    /// Its place in the chain.
    pub link: Link,
    /// To be printed; shows "to be booked" until the center has answered.
    pub receipt: Receipt,
    /// Balance of the account afterwards; `None` when the card has none.
    pub balance_after: Option<Fen>,
}

impl Terminal {
    /// Settles a visit as the holder has agreed to it.
    ///
    /// Card and holder are looked up once more: who has died or lost the card since is refused, and figures
    /// that others have overtaken are computed anew (`BillChanged`).
    /// A card with an account makes a purchase in any case, also of nothing: it keeps the yearly sums. Order:
    /// name and plan into the books; card and PSAM prepare; what the card will be asked into the books; the
    /// card takes the money; the PSAM checks the card's proof; the outcome into the books.
    ///
    /// The holder must have been verified, also with a card without an account.
    /// Errors, with [`Error::money`]:
    /// - everything before the card was asked, and every refusal that the card has proved: nothing was taken,
    ///   the visit is open again;
    /// - `Unresolved`: it is not known whether the card has taken it; the same card has to come back, and the
    ///   visit is closed until then;
    /// - `DoneNotRecorded`: the card has taken it, the books failed; the same card has to come back.
    pub fn settle(&mut self, agreed: &PreSettlement) -> Result<Settled, Error> {
        let (operator, cycle) = self.on_duty(Action::Settle)?;
        let card = self.session.card()?;
        if card.key() != agreed.visit.card {
            return Err(Error::OtherCard);
        }
        if !card.is_verified() {
            // Also where the card makes no purchase: whoever lets a fund pay has to be the holder.
            return Err(SessionError::PinFirst.into());
        }
        self.resolved_or_error()?;
        let visit = self.ledger.visit(&agreed.visit.number)?.ok_or(LedgerError::VisitUnknown)?;
        if visit.state != VisitState::Open {
            return Err(LedgerError::VisitNotOpen { state: visit.state }.into());
        }
        let today = self.center_now().civil().date();
        if self.ledger.lines_digest(&visit.number)? != agreed.lines_digest || today != agreed.bill.date() {
            return Err(Error::BillChanged);
        }
        let eligible = self.eligible_as_agreed(agreed)?;
        // What was agreed to while the line was up has not seen the limits.
        let offline = agreed.offline || !self.is_online();
        if offline {
            self.check_limits(&agreed.outcome, &eligible)?;
        }
        self.tell(Progress::Preparing);
        let id = self.new_id();
        let settlement = self.settlement_of(agreed, eligible.source);
        let receipt = self.settlement_receipt(id, agreed, &operator, offline)?;
        let plan = Plan::Settlement {
            settlement: Box::new(settlement.clone()),
            offline,
            receipt: Box::new(receipt),
        };
        let on_card = match agreed.balance {
            Some(_) => Some((amounts_on_card(agreed)?, self.card_time()?)),
            None => None,
        };
        self.intend(id, Purpose::Settlement, Some(&agreed.visit.number), &plan, (operator, cycle))?;
        match on_card {
            Some((amounts, date_time)) => self.purchase(id, &plan, amounts, date_time),
            None => {
                self.tell(Progress::Recording);
                let business = Business::Settlement(Box::new(settlement));
                let link = self.record(id, business, offline)?;
                self.settled(id, link, &plan, None)
            }
        }
    }

    /// The purchase on the card, from its preparation to the books.
    fn purchase(
        &mut self,
        id: TransactionId,
        plan: &Plan,
        amounts: Amounts,
        date_time: DateTime,
    ) -> Result<Settled, Error> {
        let purchasing = match self.session.begin_purchase(amounts, date_time) {
            Ok(purchasing) => purchasing,
            Err(error) => {
                self.abandon(id, reason_before(&error))?;
                return Err(error.into());
            }
        };
        let arming = purchasing.arming(self.session.card()?.factor_hex());
        let now = self.now().wall;
        if let Err(error) = self.ledger.arm(id, &arming, now) {
            self.abandon(id, AbandonReason::Cancelled)?;
            return Err(error.into());
        }
        // From here on the outcome is open until card and books say the same.
        self.tell(Progress::LeaveCard);
        let (tac, from_proof, checked) = match self.session.debit(&purchasing) {
            Ok(debited) => match self.session.check_debit(&debited) {
                Ok(()) => (debited.tac, false, true),
                // What came back is not what the card should have said: it is asked for its proof.
                Err(cause @ SessionError::PurchaseMac) => {
                    (self.ask_at_once(id, plan, &arming, cause)?, true, true)
                }
                // The PSAM fails; the card's TAC is in hand, and the center can check that.
                Err(_) => (debited.tac, false, false),
            },
            Err(cause) => (self.ask_at_once(id, plan, &arming, cause)?, true, true),
        };
        self.tell(Progress::Recording);
        let business = plan.done(&arming, hex::encode(tac), from_proof);
        let link = self
            .record(id, business, plan.offline())
            .map_err(|cause| Error::DoneNotRecorded { id, cause: Box::new(cause) })?;
        if !checked {
            // Only a note: the settlement is in the books.
            let _ = self.note(&AuditEvent::ProofUnchecked { id });
        }
        let after = arming.balance_before - arming.account;
        self.settled(id, link, plan, Some((after, &arming, tac)))
    }

    fn settled(
        &mut self,
        id: TransactionId,
        link: Link,
        plan: &Plan,
        on_card: Option<(Fen, &crate::ledger::Arming, [u8; 4])>,
    ) -> Result<Settled, Error> {
        // What this settlement adds to the year counts in the next look-up.
        self.eligible = None;
        let receipt = receipt::complete(plan, &link, on_card.map(|(_, arming, tac)| (arming, Some(tac))))
            .ok_or(LedgerError::PurposeDiffers { id })?;
        Ok(Settled { id, link, receipt, balance_after: on_card.map(|(after, _, _)| after) })
    }

    fn settlement_of(&self, agreed: &PreSettlement, source: Source) -> Settlement {
        Settlement {
            visit: agreed.visit.number.clone(),
            person: agreed.visit.person,
            region: agreed.visit.region,
            card_id: agreed.visit.card_id.clone(),
            med_type: agreed.visit.med_type.clone(),
            insutype: agreed.visit.insutype.clone(),
            rules_version: agreed.rules_version.clone(),
            cache_age_ms: match source {
                Source::Cache { age_ms } => age_ms,
                Source::Center => 0,
            },
            lines: u32::try_from(agreed.bill.lines().len()).unwrap_or(u32::MAX),
            lines_digest: agreed.lines_digest,
            amounts: agreed.outcome.settlement.amounts(),
            card: None,
        }
    }

    /// Commits an intention for the holder of the open card.
    pub(super) fn intend(
        &mut self,
        id: TransactionId,
        purpose: Purpose,
        visit: Option<&str>,
        plan: &Plan,
        (operator, cycle): (String, String),
    ) -> Result<(), Error> {
        let card = self.session.card()?;
        let intention = Intention {
            id,
            purpose,
            visit: visit.map(str::to_owned),
            person: card.holder().ok_or(SessionError::CardFirst)?.person,
            card: card.key(),
            cycle,
            operator,
            made_at: self.now().wall,
            plan: plan.text(),
        };
        self.ledger.require_fits(&intention, plan.longest())?;
        Ok(self.ledger.intend(&intention, &self.limits)?)
    }

    /// Writes an outcome down.
    pub(super) fn record(
        &mut self,
        id: TransactionId,
        business: Business,
        offline: bool,
    ) -> Result<Link, Error> {
        let outcome = self.outcome(business, offline)?;
        Ok(self.ledger.record(id, &outcome)?)
    }

    /// Writes down that nothing has happened.
    pub(super) fn abandon(&mut self, id: TransactionId, reason: AbandonReason) -> Result<(), Error> {
        let clock = self.clock_quality()?;
        let offline = !self.line.is_some_and(|(_, up)| up);
        let now = self.now().wall;
        self.ledger.abandon(id, reason, now, clock, offline)?;
        Ok(())
    }
}

/// What the card is told: the account's share, the person's cash, what the funds pay.
fn amounts_on_card(agreed: &PreSettlement) -> Result<Amounts, Error> {
    let settlement = &agreed.outcome.settlement;
    Amounts::from_fen(settlement.acct_pay(), settlement.psn_cash_pay(), settlement.fund_pay_sumamt())
        .ok_or(Error::Session(SessionError::Amount))
}

/// Why a transaction came to nothing before the card was asked for money.
pub(super) fn reason_before(error: &SessionError) -> AbandonReason {
    if error.contact_lost() {
        AbandonReason::CardGone
    } else if error.is_plain_refusal() {
        AbandonReason::CardRefused
    } else {
        AbandonReason::Cancelled
    }
}
