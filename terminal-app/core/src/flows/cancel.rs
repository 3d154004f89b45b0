//! Taking a settlement back in full (撤销).

use card_spec::money::Fen;
use protocol::{
    id::TransactionId,
    record::{Amounts, Business, Cancellation, Refund},
};

use super::{Terminal, load::Loaded, plan::Plan, receipt};
use crate::{
    error::Error,
    ledger::{Intention, LedgerError, Link, Purpose, State},
    progress::Progress,
    receipt::{Booking, Receipt, ReceiptKind},
    roles::Action,
};

/// A settlement that was taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Cancelled {
    /// Name of the cancellation.
    pub id: TransactionId,
    /// Its place in the chain.
    pub link: Link,
    /// To be printed, with negative figures.
    pub receipt: Receipt,
    /// Account money that belongs back on the card: put there now, or owed.
    pub account: AccountRefund,
}

/// Where the account money of a cancelled settlement is.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountRefund {
    /// There was none.
    None,
    /// Back on the card.
    Loaded(Box<Loaded>),
    /// The center owes it to the card; it is put there at a later tap.
    Owed {
        /// How much.
        amount: Fen,
        /// Why it could not be put there now.
        reason: Box<Error>,
    },
}

impl Terminal {
    /// Takes a settlement of this terminal back, whole, within its working cycle or the day it was made on; one
    /// that the center has refused although the card was debited, at any time.
    ///
    /// For a supervisor. The visit is open again afterwards. Account money goes back by a load: at once when
    /// the settlement's card is open with its holder verified and the center has booked the cancellation, else
    /// it stays owed. The cancellation itself is done in either case: also for a holder who has died since or
    /// whose card was blocked, for money only goes back by it; the account's share stays owed then. The card's
    /// yearly sums, self-paid and pooled, are not taken back: no command of the card lowers them.
    /// Errors: `SignIn`, `NotSignedIn`, `Ledger` (`NothingToCancel`, `TransactionUnknown`, …), `TooLate`.
    pub fn cancel(&mut self, of: TransactionId) -> Result<Cancelled, Error> {
        let duty = self.on_duty(Action::CancelSettlement)?;
        let settled = self.ledger.transaction(of)?.ok_or(LedgerError::TransactionUnknown { id: of })?;
        let nothing = || Error::Ledger(LedgerError::NothingToCancel { of });
        let Some(Business::Settlement(settlement)) = settled.business() else { return Err(nothing()) };
        if settled.state < State::Recorded || settled.cancelled_by.is_some() {
            return Err(nothing());
        }
        let day = |at: protocol::timestamp::Timestamp| at.civil().date();
        let today = settled.recorded_at.map(day) == Some(day(self.now().wall));
        // What the center refuses may become known days later, and its account money goes back all the same.
        let refused = settled.state == State::Refused;
        if !today && !refused && settled.intention.cycle != duty.1 {
            return Err(Error::TooLate);
        }
        let Some(Plan::Settlement { receipt: original, .. }) = Plan::of(&settled) else {
            return Err(nothing());
        };

        let id = self.new_id();
        let account = settlement.amounts.acct_pay;
        let cancellation = Cancellation {
            of,
            person: settlement.person,
            // What was not booked is not taken back: only the card's money is owed.
            amounts: if refused { Amounts::default() } else { settlement.amounts.negated() },
            refund: if account > Fen::ZERO { Refund::Owed { amount: account } } else { Refund::None },
        };
        let offline = !self.is_online();
        let printed = Receipt {
            kind: ReceiptKind::Cancellation,
            copy: false,
            operator: duty.0.clone(),
            transaction: id,
            sequence: None,
            time: self.now().wall,
            settlement: original.settlement.cancellation(),
            account: None,
            proof: None,
            booking: Booking::Pending { offline },
            ..*original
        };
        let plan = Plan::Cancellation {
            cancellation: Box::new(cancellation.clone()),
            offline,
            receipt: Box::new(printed),
        };
        let intention = Intention {
            id,
            purpose: Purpose::Cancellation { of },
            visit: settled.intention.visit.clone(),
            person: settlement.person,
            card: settled.intention.card,
            cycle: duty.1,
            operator: duty.0,
            made_at: self.now().wall,
            plan: plan.text(),
        };
        self.ledger.require_fits(&intention, plan.longest())?;
        self.ledger.intend(&intention, &self.limits)?;
        self.tell(Progress::Recording);
        let link = self.record(id, Business::Cancellation(Box::new(cancellation)), offline)?;
        self.eligible = None;
        let receipt = receipt::complete(&plan, &link, None).ok_or(LedgerError::PurposeDiffers { id })?;
        let account = if account > Fen::ZERO { self.give_back(id, account) } else { AccountRefund::None };
        Ok(Cancelled { id, link, receipt, account })
    }

    fn give_back(&mut self, cancellation: TransactionId, amount: Fen) -> AccountRefund {
        match self.load_refund(cancellation) {
            Ok(loaded) => AccountRefund::Loaded(Box::new(loaded)),
            Err(reason) => AccountRefund::Owed { amount, reason: Box::new(reason) },
        }
    }
}
