//! Payments of contributions and what takes them back: what is booked, what is refused, what raises an alarm.

use std::collections::HashMap;

use protocol::{
    id::TransactionId,
    record::{Body, Business, ContributionPayment, ContributionReversal},
    service::Due,
    signature::Digest,
    timestamp::Timestamp,
    upload::RefusalReason,
};

use super::{Judge, New};
use crate::{
    production::examination::Examined,
    storage::{
        StorageResult, Transaction,
        contributions::{HeldDue, TakenRow},
        rows::{AlarmKind, Proof},
    },
};

/// What the storage holds that concerns payments of a batch; empty for a batch without any.
#[derive(Default)]
pub(super) struct Known {
    /// What is set aside, by payment.
    held: HashMap<TransactionId, Vec<HeldDue>>,
    /// Payments that are refused for want of what was set aside, of which a due is paid elsewhere.
    elsewhere: HashMap<TransactionId, bool>,
    /// Payments in the books, those of this batch among them.
    taken: HashMap<TransactionId, TakenRow>,
}

/// What booked payments change, in this order.
#[derive(Default)]
pub(super) struct Changes {
    changes: Vec<Change>,
    /// Names that were written off: what is set aside under them is free.
    freed: Vec<TransactionId>,
}

enum Change {
    Paid(TakenRow),
    Reversed(TransactionId, TransactionId, Timestamp),
}

impl Known {
    /// Asks for all that the payments of a batch refer to.
    pub(super) fn read(transaction: &mut dyn Transaction, records: &[New<'_>]) -> StorageResult<Self> {
        let (mut under, mut reversed) = (Vec::new(), Vec::new());
        let mut paying = Vec::new();
        for (_, _, examined) in records {
            let Some(body) = examined.body.as_deref() else { continue };
            match &body.business {
                Business::Contribution(payment) => {
                    under.push(body.id);
                    paying.push((body.id, payment));
                }
                Business::ContributionReversal(reversal) => reversed.push(reversal.of),
                Business::Abandoned { .. } => under.push(body.id),
                _ => {}
            }
        }
        let mut held: HashMap<TransactionId, Vec<HeldDue>> = HashMap::new();
        for row in transaction.held_under(&under)? {
            held.entry(row.id).or_default().push(row);
        }
        let mut elsewhere = HashMap::new();
        for (id, payment) in paying {
            if !held.contains_key(&id) {
                let paid = transaction.paid_of(payment.person.key(), &payment.dues)?;
                elsewhere.insert(id, !paid.is_empty());
            }
        }
        let taken = transaction.contribution_payments(&reversed)?;
        Ok(Known { held, elsewhere, taken: taken.into_iter().map(|row| (row.id, row)).collect() })
    }
}

impl Changes {
    pub(super) fn apply(self, transaction: &mut dyn Transaction) -> StorageResult<()> {
        for change in &self.changes {
            match change {
                Change::Paid(row) => transaction.add_contribution(row)?,
                Change::Reversed(of, by, at) => transaction.reverse_contribution(*of, *by, *at)?,
            }
        }
        if !self.freed.is_empty() {
            transaction.free(&self.freed)?;
        }
        Ok(())
    }
}

impl Judge<'_> {
    /// Judges a payment of contributions: booked when all of it was set aside for it, here, and for nothing else.
    pub(super) fn pay_contribution(
        &mut self,
        body: &Body,
        payment: &ContributionPayment,
        examined: &Examined,
        digest: Digest,
    ) -> Result<Proof, RefusalReason> {
        let verdict = examined.verdict.and_then(|_| self.allow_contribution(body.id, payment));
        if verdict.is_err() {
            // The money has been taken, and no booking stands behind it.
            let terminal = self.terminal.terminal;
            let alarm = super::alarm(AlarmKind::ContributionUnbooked, terminal, body, digest);
            self.judgement.effects.alarms.push(alarm);
        }
        verdict?;
        let row = TakenRow {
            id: body.id,
            person: payment.person.key(),
            terminal: self.terminal.terminal,
            operator: body.operator.clone(),
            at: examined.happened_at,
            dues: payment.dues.clone(),
            amount: payment.amount,
            paid_by: payment.paid_by.clone(),
            reversed: None,
        };
        self.dues.held.remove(&body.id);
        self.dues.taken.insert(body.id, row.clone());
        self.judgement.effects.contributions.changes.push(Change::Paid(row));
        Ok(Proof::NotNeeded)
    }

    fn allow_contribution(
        &self,
        id: TransactionId,
        payment: &ContributionPayment,
    ) -> Result<(), RefusalReason> {
        if !payment.sound() {
            return Err(RefusalReason::ContributionWrong);
        }
        let own = self.terminal.terminal;
        let held = self.dues.held.get(&id).map(Vec::as_slice).unwrap_or_default();
        if held.is_empty() || held.iter().any(|row| row.terminal != own) {
            let paid = self.dues.elsewhere.get(&id).copied().unwrap_or(false);
            return Err(if paid { RefusalReason::DuePaid } else { RefusalReason::DueNotHeld });
        }
        let as_held =
            |due: &Due| held.iter().any(|row| row.due == *due && row.person == payment.person.key());
        match held.len() == payment.dues.len() && payment.dues.iter().all(as_held) {
            true => Ok(()),
            false => Err(RefusalReason::ContributionWrong),
        }
    }

    /// Judges what takes a payment back: of the same terminal, whole, once, on the payment's day.
    pub(super) fn reverse_contribution(
        &mut self,
        body: &Body,
        reversal: &ContributionReversal,
        examined: &Examined,
    ) -> Result<Proof, RefusalReason> {
        examined.verdict?;
        let own = self.terminal.terminal;
        let paid = self
            .dues
            .taken
            .get_mut(&reversal.of)
            .filter(|paid| {
                paid.terminal == own && paid.person == reversal.person.key() && paid.reversed.is_none()
            })
            .ok_or(RefusalReason::NothingToCancel)?;
        if paid.amount != reversal.amount || paid.paid_by != reversal.paid_by {
            return Err(RefusalReason::Unbalanced);
        }
        let day = |at: Timestamp| at.civil().date();
        if day(examined.happened_at) != day(paid.at) {
            return Err(RefusalReason::ReversalTooLate);
        }
        paid.reversed = Some((body.id, examined.happened_at));
        let change = Change::Reversed(reversal.of, body.id, examined.happened_at);
        self.judgement.effects.contributions.changes.push(change);
        Ok(Proof::NotNeeded)
    }

    /// An intention that was written off frees what this terminal had set aside under its name.
    pub(super) fn free_dues(&mut self, id: TransactionId) {
        let own = self.terminal.terminal;
        if self.dues.held.get(&id).is_some_and(|held| held.iter().all(|row| row.terminal == own)) {
            self.judgement.effects.contributions.freed.push(id);
        }
    }
}
