//! What a transaction is printed as.

use protocol::{evidence::HolderProof, id::TransactionId};

use super::{Terminal, plan::Plan, register::PreSettlement};
use crate::{
    error::Error,
    ledger::{Arming, LedgerError, Link, State, Transaction},
    receipt::{
        AccountMovement, Booking, CardProof, KnownBy, MaskedName, MaskedNumber, Paper, Receipt, ReceiptKind,
        ReceiptLine, Slip, SlipKind,
    },
    rules::VisitKind,
    session::SessionError,
};

impl Terminal {
    /// The receipt of a settlement or cancellation of this terminal, as a copy, with what the center has said.
    ///
    /// Errors: `Ledger` (`TransactionUnknown`, or `WrongState` when it has no outcome, or came to nothing).
    pub fn receipt(&self, id: TransactionId) -> Result<Receipt, Error> {
        let transaction = self.ledger.transaction(id)?.ok_or(LedgerError::TransactionUnknown { id })?;
        let wrong = || Error::Ledger(LedgerError::WrongState { id, state: transaction.state });
        if transaction.abandoned {
            return Err(wrong());
        }
        let (Some(plan), Some(link)) = (Plan::of(&transaction), &transaction.link) else {
            return Err(wrong());
        };
        let tac = match transaction.business() {
            Some(protocol::record::Business::Settlement(settlement)) => {
                settlement.card.and_then(|purchase| tac_of(&purchase.tac))
            }
            _ => None,
        };
        let on_card = transaction.armed.as_ref().map(|arming| (arming, tac));
        let receipt = complete(&plan, link, on_card).ok_or_else(wrong)?;
        Ok(Receipt { copy: true, booking: booking(&transaction, &plan), ..receipt })
    }

    /// The slip of an enrolment, a certification or a pension of this terminal, as a copy, with what the center
    /// has said.
    ///
    /// Errors: as for [`Terminal::receipt`].
    pub fn slip(&self, id: TransactionId) -> Result<Slip, Error> {
        let transaction = self.ledger.transaction(id)?.ok_or(LedgerError::TransactionUnknown { id })?;
        let wrong = || Error::Ledger(LedgerError::WrongState { id, state: transaction.state });
        let (Some(plan), Some(link), false) =
            (Plan::of(&transaction), &transaction.link, transaction.abandoned)
        else {
            return Err(wrong());
        };
        let slip = plan.slip().ok_or_else(wrong)?.clone();
        let booking = booking(&transaction, &plan);
        Ok(Slip { copy: true, sequence: Some(link.sequence), booking, ..slip })
    }

    /// Whatever a transaction of this terminal is printed as, as a copy.
    ///
    /// Errors: as for [`Terminal::receipt`]; a transaction without any paper (a load, say) is in `WrongState`.
    pub fn paper(&self, id: TransactionId) -> Result<Paper, Error> {
        match self.slip(id) {
            Ok(slip) => Ok(Paper::Slip(Box::new(slip))),
            Err(Error::Ledger(LedgerError::WrongState { .. })) => {
                Ok(Paper::Receipt(Box::new(self.receipt(id)?)))
            }
            Err(error) => Err(error),
        }
    }

    /// A slip for the holder of the open card, without its place in the chain.
    pub(super) fn slip_for(
        &self,
        id: TransactionId,
        kind: SlipKind,
        proof: &HolderProof,
        operator: &str,
        offline: bool,
    ) -> Result<Slip, Error> {
        let holder = self.session.card()?.holder().ok_or(SessionError::CardFirst)?;
        Ok(Slip {
            kind,
            copy: false,
            institution: self.config.institution.clone(),
            terminal: self.id(),
            operator: operator.to_owned(),
            transaction: id,
            sequence: None,
            time: self.now().wall,
            name: MaskedName::of(holder.name.as_str()),
            number: MaskedNumber::of(&holder.person),
            known: KnownBy::of(proof),
            booking: Booking::Pending { offline },
        })
    }

    /// What is printed of a settlement, as far as it is known before the card is asked.
    pub(super) fn settlement_receipt(
        &self,
        id: TransactionId,
        agreed: &PreSettlement,
        operator: &str,
        offline: bool,
    ) -> Result<Receipt, Error> {
        let holder = self.session.card()?.holder().ok_or(SessionError::CardFirst)?;
        Ok(Receipt {
            kind: ReceiptKind::Settlement,
            copy: false,
            institution: self.config.institution.clone(),
            terminal: self.id(),
            operator: operator.to_owned(),
            transaction: id,
            sequence: None,
            time: self.now().wall,
            name: MaskedName::of(holder.name.as_str()),
            number: MaskedNumber::of(&agreed.visit.person),
            person: agreed.person,
            visit: VisitKind::from_medical_type(&agreed.visit.med_type).unwrap_or(VisitKind::Outpatient),
            lines: ReceiptLine::of_bill(&agreed.bill),
            settlement: agreed.outcome.settlement,
            account: None,
            proof: None,
            booking: Booking::Pending { offline },
        })
    }
}

/// The receipt of a plan that has come about; `None` for one without a bill.
pub(super) fn complete(
    plan: &Plan,
    link: &Link,
    on_card: Option<(&Arming, Option<[u8; 4]>)>,
) -> Option<Receipt> {
    let receipt = match plan {
        Plan::Settlement { receipt, .. } | Plan::Cancellation { receipt, .. } => receipt,
        _ => return None,
    };
    let (account, proof) = match on_card {
        Some((arming, tac)) => (
            Some(AccountMovement {
                before: arming.balance_before,
                after: arming.balance_before - arming.account,
            }),
            tac.map(|tac| CardProof { tac, card_serial: arming.card_serial }),
        ),
        None => (None, None),
    };
    Some(Receipt { sequence: Some(link.sequence), account, proof, ..(**receipt).clone() })
}

fn booking(transaction: &Transaction, plan: &Plan) -> Booking {
    let verdict = transaction.verdict.as_ref();
    match (transaction.state, verdict) {
        (State::Booked, Some(verdict)) => Booking::Booked { receipt: verdict.receipt.clone() },
        (State::Refused, Some(verdict)) => match verdict.refusal {
            Some(reason) => Booking::Refused { reason },
            None => Booking::Conflict,
        },
        (State::Conflict, _) => Booking::Conflict,
        _ => Booking::Pending { offline: plan.offline() },
    }
}

fn tac_of(text: &str) -> Option<[u8; 4]> {
    let mut tac = [0; 4];
    hex::decode_to_slice(text, &mut tac).ok()?;
    Some(tac)
}
