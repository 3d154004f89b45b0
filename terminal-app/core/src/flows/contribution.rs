//! Taking money for contributions that are due (缴费), and taking such a payment back on its day.
//!
//! The center alone knows whether a due is open, so nothing is paid while it does not answer. The payment's name is
//! committed here first; under that name the center sets the dues aside, for this payment and for no other; then the
//! payment is written down, and the uploader sends it as everything else. Where this stops in between, the name is
//! written off, and the center frees the dues when it reads that. The clerk takes the money, or keeps it, when the
//! payment stands in the books, never before.

use card_spec::money::Fen;
use protocol::{
    id::TransactionId,
    policy::Purpose as ProofPurpose,
    problem::ProblemKind,
    record::{AbandonReason, Business, ContributionPayment, ContributionReversal, PAYMENT_DUES_MAX, PaidBy},
    service::{Asker, Due, DuesAnswer, HoldAnswer, HoldDues},
    timestamp::Timestamp,
};

use super::{Terminal, plan::Plan, service::Shown};
use crate::{
    contribution::ContributionRefusal,
    error::Error,
    ledger::{Intention, LedgerError, Link, Purpose, State, Transaction},
    ports::LinkError,
    progress::Progress,
    receipt::{Booking, MaskedName, Slip, SlipKind},
    roles::Action,
};

/// How often the center is asked for one payment, when its answer is lost. It answers the same each time.
const ATTEMPTS_MAX: usize = 3;

/// Contributions that were paid and written down.
#[derive(Clone, Debug, PartialEq)]
pub struct DuesPaid {
    /// Name of the payment.
    pub id: TransactionId,
    /// Its place in the chain.
    pub link: Link,
    /// What for.
    pub dues: Vec<Due>,
    /// The sum.
    pub amount: Fen,
    /// How it was paid.
    pub paid_by: PaidBy,
    /// What the center has said by now. Pending is in order: the dues are set aside for this payment.
    pub booking: Booking,
    /// To be printed.
    pub slip: Slip,
}

/// A payment of contributions that was taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct DuesGivenBack {
    /// Name of the reversal.
    pub id: TransactionId,
    /// Its place in the chain.
    pub link: Link,
    /// What goes back to the person, the way it had been paid.
    pub amount: Fen,
    /// How it had been paid.
    pub paid_by: PaidBy,
    /// To be printed.
    pub slip: Slip,
}

/// A payment of contributions of this terminal, as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct DuesTaken {
    /// Name of the payment.
    pub id: TransactionId,
    /// When it was written down.
    pub at: Timestamp,
    /// The person's name, masked.
    pub name: MaskedName,
    /// What for.
    pub dues: Vec<Due>,
    /// The sum.
    pub amount: Fen,
    /// How it was paid.
    pub paid_by: PaidBy,
    /// Where the record stands.
    pub state: State,
    /// What took it back.
    pub taken_back_by: Option<TransactionId>,
    /// Whether a supervisor can take it back now.
    pub reversible: bool,
}

impl Terminal {
    /// Takes money for dues of the open card's holder, whole, as one payment.
    ///
    /// `chosen` are dues just as [`Terminal::dues`] has shown them, at most
    /// [`PAYMENT_DUES_MAX`]. The holder must have been known within the last 15
    /// minutes (a PIN is enough), the card be in the slot, and the line up. All of them are paid or none. The money
    /// is the desk's when this has returned `Ok`: then it stands in the books, and the center has set the dues aside
    /// for it, so it is booked, once, whatever happens to line, power or program. After any error nothing was paid
    /// and no money may be kept.
    /// Errors: `Contribution` (each says what to do), `Proof`, `Link` (a refusal: no right at this desk, a blocked
    /// card, too many questions), `Session`, `SignIn`, `NotSignedIn`, `ResolveFirst`, `Ledger`.
    pub fn pay_dues(&mut self, chosen: &[Due], paid_by: PaidBy) -> Result<DuesPaid, Error> {
        let duty = self.on_duty(Action::CollectContribution)?;
        self.resolved_or_error()?;
        if chosen.is_empty() || chosen.len() > PAYMENT_DUES_MAX || !chosen.iter().all(Due::payable) {
            return Err(ContributionRefusal::NothingChosen.into());
        }
        if !paid_by.sound() {
            return Err(ContributionRefusal::ReferenceWrong.into());
        }
        let asker = Asker { person: self.holder_number()?, proof: self.fresh_proof()? };
        let proof = self
            .sufficient_proof(ProofPurpose::Visit)
            .or_else(|_| self.sufficient_proof(ProofPurpose::Certification))?;
        if !self.is_online() {
            return Err(ContributionRefusal::CenterNeeded.into());
        }
        // What was written off here frees its dues only once the center has read it.
        self.send_all()?;
        self.require_card_here()?;
        self.tell(Progress::Preparing);
        let id = self.new_id();
        let amount = chosen.iter().map(|due| due.amount).sum();
        let kind = SlipKind::Contribution { dues: chosen.to_vec(), amount, paid_by: paid_by.clone() };
        let slip = self.slip_for(id, kind, &proof, &duty.0, false)?;
        let payment = ContributionPayment {
            person: asker.person,
            card_id: self.session.card()?.issuer().card_id.to_hex().to_string(),
            dues: chosen.to_vec(),
            amount,
            paid_by: paid_by.clone(),
            proof,
        };
        if !payment.sound() {
            return Err(ContributionRefusal::NothingChosen.into());
        }
        let request = HoldDues { id, asker, dues: chosen.to_vec(), operator: duty.0.clone() };
        let plan = Plan::Contribution { payment: Box::new(payment.clone()), slip: Box::new(slip.clone()) };
        self.intend(id, Purpose::Contribution, None, &plan, duty)?;
        if let Err(refused) = self.hold_dues(&request) {
            self.abandon(id, AbandonReason::Cancelled)?;
            // So that what may be set aside is free at once; where that fails, the uploader goes on.
            self.send_unless_down()?;
            return Err(refused);
        }
        let link = self.record_now(id, Business::Contribution(Box::new(payment)), false)?;
        // It stands: whatever becomes of the line now, the uploader goes on.
        let sent = self.send_unless_down().unwrap_or(false);
        let booking = self.booking(id, !sent)?;
        let slip = Slip { sequence: Some(link.sequence), booking: booking.clone(), ..slip };
        Ok(DuesPaid { id, link, dues: chosen.to_vec(), amount, paid_by, booking, slip })
    }

    /// Payments of contributions of this terminal, newest first, at most `rows_max`.
    ///
    /// Errors: `Ledger`.
    pub fn dues_taken(&self, rows_max: u32) -> Result<Vec<DuesTaken>, Error> {
        let taken = self.ledger.contributions_taken(None, rows_max)?;
        Ok(taken.iter().filter_map(|row| self.listed(row)).collect())
    }

    /// Takes a payment of contributions of this terminal back, whole, on the day it was made; for a supervisor.
    ///
    /// No card is needed. What was paid is due again, and the money goes back to the person the way it came. Also
    /// while the line is down: nobody but this terminal can take its payment back, and it does so once.
    /// Errors: `Contribution` (`ReversalTooLate`, `NotBooked`), `Ledger` (`TransactionUnknown`, `NothingToCancel`),
    /// `SignIn`, `NotSignedIn`.
    pub fn give_dues_back(&mut self, of: TransactionId) -> Result<DuesGivenBack, Error> {
        let duty = self.on_duty(Action::CancelContribution)?;
        let paid = self.ledger.transaction(of)?.ok_or(LedgerError::TransactionUnknown { id: of })?;
        let nothing = || Error::Ledger(LedgerError::NothingToCancel { of });
        let Some(Business::Contribution(payment)) = paid.business() else { return Err(nothing()) };
        if paid.cancelled_by.is_some() {
            return Err(nothing());
        }
        if paid.state >= State::Refused {
            return Err(ContributionRefusal::NotBooked.into());
        }
        if !self.is_of_today(&paid) {
            return Err(ContributionRefusal::ReversalTooLate.into());
        }
        let Some(Plan::Contribution { slip: original, .. }) = Plan::of(&paid) else { return Err(nothing()) };
        let id = self.new_id();
        let (amount, paid_by) = (payment.amount, payment.paid_by.clone());
        let reversal = ContributionReversal { of, person: payment.person, amount, paid_by: paid_by.clone() };
        let offline = !self.is_online();
        let kind =
            SlipKind::ContributionReversal { of, dues: payment.dues, amount, paid_by: paid_by.clone() };
        let slip = Slip {
            kind,
            copy: false,
            operator: duty.0.clone(),
            transaction: id,
            sequence: None,
            time: self.now().wall,
            booking: Booking::Pending { offline },
            ..*original
        };
        let plan = Plan::ContributionReversal {
            reversal: Box::new(reversal.clone()),
            offline,
            slip: Box::new(slip.clone()),
        };
        let intention = Intention {
            id,
            purpose: Purpose::ContributionReversal { of },
            visit: None,
            person: payment.person,
            card: paid.intention.card,
            cycle: duty.1,
            operator: duty.0,
            made_at: self.now().wall,
            plan: plan.text(),
        };
        self.ledger.require_fits(&intention, plan.longest())?;
        self.ledger.intend(&intention, &self.limits)?;
        let link = self.record_now(id, Business::ContributionReversal(Box::new(reversal)), offline)?;
        let sent = self.send_unless_down().unwrap_or(false);
        let booking = self.booking(id, !sent)?;
        let slip = Slip { sequence: Some(link.sequence), booking, ..slip };
        Ok(DuesGivenBack { id, link, amount, paid_by, slip })
    }

    fn listed(&self, row: &Transaction) -> Option<DuesTaken> {
        let Some(Business::Contribution(payment)) = row.business() else { return None };
        let Some(Plan::Contribution { slip, .. }) = Plan::of(row) else { return None };
        let reversible = row.cancelled_by.is_none() && row.state < State::Refused && self.is_of_today(row);
        Some(DuesTaken {
            id: row.intention.id,
            at: row.recorded_at?,
            name: slip.name,
            dues: payment.dues,
            amount: payment.amount,
            paid_by: payment.paid_by,
            state: row.state,
            taken_back_by: row.cancelled_by,
            reversible,
        })
    }

    fn is_of_today(&self, row: &Transaction) -> bool {
        let day = |at: Timestamp| at.civil().date();
        row.recorded_at.map(day) == Some(day(self.now().wall))
    }

    /// Has the center set dues aside; the same question again when the answer was lost.
    fn hold_dues(&mut self, request: &HoldDues) -> Result<(), Error> {
        self.tell(Progress::AskingCenter);
        let mut attempt = 1;
        let answer = loop {
            match self.link.hold_dues(request) {
                Err(LinkError::Lost { .. }) if attempt < ATTEMPTS_MAX => attempt += 1,
                answer => break answer,
            }
        };
        self.note_line(&answer);
        Err(match answer {
            Ok(HoldAnswer::Held { .. }) => return Ok(()),
            Ok(HoldAnswer::Paid { due, at }) => ContributionRefusal::Paid { due, at },
            Ok(HoldAnswer::BeingPaid { due, since }) => ContributionRefusal::BeingPaid { due, since },
            Ok(_) => ContributionRefusal::Changed,
            Err(LinkError::Lost { .. } | LinkError::Answer { .. }) => ContributionRefusal::Unclear,
            // A fault of the center's own, after which nobody knows whether it was done.
            Err(LinkError::Refused(problem))
                if problem.kind.status() >= 500 || problem.kind == ProblemKind::TooSlow =>
            {
                ContributionRefusal::Unclear
            }
            Err(LinkError::Down { .. }) => ContributionRefusal::CenterNeeded,
            Err(error) => return Err(error.into()),
        }
        .into())
    }
}

/// Dues of a list that can be paid now.
pub fn payable_dues(shown: &Shown<DuesAnswer>) -> impl Iterator<Item = &Due> {
    shown.content.dues.iter().filter(|due| shown.content.open(due))
}
