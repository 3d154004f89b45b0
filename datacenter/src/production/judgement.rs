//! What is booked and what is refused, and what follows from it.

use std::collections::{HashMap, HashSet};

use card_spec::money::Fen;
use protocol::{
    accumulation::Accumulation,
    id::{TerminalId, TransactionId},
    reconciliation::Totals,
    record::{Amounts, BODY_VERSION, Body, Business, Cancellation, CardPurchase, Load, Refund, Settlement},
    signature::Digest,
    timestamp::Timestamp,
    upload::{Record, RefusalReason},
};

mod benefits;
mod contributions;

use super::{
    account,
    examination::{Examined, card_key, checked, happened_at, proof, year_of},
    policy::Policies,
};
use crate::{
    security_module::SecurityModule,
    storage::{
        Storage, StorageError, StorageResult, Transaction,
        rows::{
            Alarm, AlarmKind, Facts, Held, HolderRow, Kind, LoadRow, LoadState, Outcome, PersonYear, Proof,
            PurchaseKey, PurchaseRow, RefundRow, TerminalRow,
        },
    },
};

/// A new record on its way to judgement: envelope, digest, what was read in it.
pub(super) type New<'a> = (&'a Record, Digest, &'a Examined);

/// A record's fate.
pub(super) struct Judged {
    pub(super) outcome: Outcome,
    pub(super) facts: Facts,
}

/// All fates of a batch, and what follows from them.
#[derive(Default)]
pub(super) struct Judgement {
    pub(super) records: Vec<Judged>,
    pub(super) effects: Effects,
}

/// What the booked records of a batch change besides the books.
#[derive(Default)]
pub(super) struct Effects {
    years: HashMap<(u64, u16), Accumulation>,
    cancellations: Vec<(TransactionId, TransactionId)>,
    refunds: Vec<RefundRow>,
    credits: Vec<(u64, Fen)>,
    booked_loads: Vec<(TransactionId, LoadState)>,
    released_loads: Vec<LoadRow>,
    /// Cards that were seen for the first time, and whose they are.
    holders: Vec<([u8; 12], u64)>,
    /// Purchases that count from now on.
    purchases: Vec<PurchaseRow>,
    benefits: benefits::Changes,
    contributions: contributions::Changes,
    alarms: Vec<Alarm>,
}

impl Effects {
    pub(super) fn apply(self, transaction: &mut dyn Transaction, now: Timestamp) -> StorageResult<()> {
        let mut years: Vec<PersonYear> = self
            .years
            .into_iter()
            .map(|((person, year), added)| PersonYear { person, year, added })
            .collect();
        // An earlier year after a later one would be passed over.
        years.sort_by_key(|entry| (entry.year, entry.person));
        transaction.accumulate(&years)?;
        if !self.cancellations.is_empty() {
            transaction.cancel(&self.cancellations)?;
            transaction.put_refunds(&self.refunds)?;
            transaction.add_credits(&self.credits)?;
        }
        if !self.booked_loads.is_empty() {
            transaction.set_load_states(&self.booked_loads)?;
        }
        for load in &self.released_loads {
            account::release(transaction, load)?;
        }
        if !self.holders.is_empty() {
            let row = |(card, person)| HolderRow { card, person, since: now };
            transaction.put_holders(&self.holders.into_iter().map(row).collect::<Vec<_>>())?;
        }
        if !self.purchases.is_empty() {
            transaction.add_purchases(&self.purchases)?;
        }
        self.benefits.apply(transaction)?;
        self.contributions.apply(transaction)?;
        if !self.alarms.is_empty() {
            transaction.raise(now, &self.alarms)?;
        }
        Ok(())
    }
}

/// What is known of a settlement that may be cancelled.
struct Known {
    person: u64,
    card: Option<[u8; 12]>,
    institution: String,
    med_type: String,
    amounts: Amounts,
    year: u16,
    standing: Standing,
    cancelled: bool,
}

/// How a settlement stands in the books.
#[derive(Clone, Copy)]
enum Standing {
    /// Booked.
    Booked,
    /// Refused, though the card was debited: this much can be owed back, and nothing else counts.
    Debited(Fen, Proof),
    /// Refused, and what the card is said to have given cannot be its own doing.
    Unproved,
}

/// What the storage holds that concerns the records of a batch; grows with each record that is booked.
pub(super) struct Judge<'a> {
    terminal: &'a TerminalRow,
    security_module: &'a dyn SecurityModule,
    taken: HashSet<TransactionId>,
    settlements: HashMap<TransactionId, Known>,
    loads: HashMap<TransactionId, LoadRow>,
    used_loads: HashSet<TransactionId>,
    blocked: HashMap<[u8; 12], Timestamp>,
    holders: HashMap<[u8; 12], u64>,
    /// Purchases that count already.
    purchases: HashSet<PurchaseKey>,
    known: benefits::Known,
    dues: contributions::Known,
    judgement: Judgement,
}

impl<'a> Judge<'a> {
    /// Asks the storage, in batches, for all that the records refer to.
    pub(super) fn new(
        transaction: &mut dyn Transaction,
        storage: &dyn Storage,
        security_module: &'a dyn SecurityModule,
        policies: &Policies,
        terminal: &'a TerminalRow,
        records: &[New<'_>],
    ) -> StorageResult<Self> {
        let mut ids = Vec::with_capacity(records.len());
        let (mut cancelled, mut loads, mut refunding) = (Vec::new(), Vec::new(), Vec::new());
        let (mut cards, mut purchases) = (Vec::new(), Vec::new());
        for (_, _, examined) in records {
            ids.extend(examined.id);
            let Some(body) = examined.body.as_deref() else { continue };
            match &body.business {
                Business::Settlement(settlement) => {
                    cards.extend(card_key(&settlement.card_id));
                    purchases.extend(settlement.card.as_ref().map(purchase_key));
                }
                Business::Enrolment(enrolment) => cards.extend(card_key(&enrolment.card_id)),
                Business::Certification(certification) => cards.extend(card_key(&certification.card_id)),
                Business::Pension(payment) => cards.extend(card_key(&payment.card_id)),
                Business::Cancellation(cancellation) => {
                    cancelled.push(cancellation.of);
                    if let Refund::Loaded { by } = cancellation.refund {
                        loads.push(by);
                        refunding.push(by);
                    }
                }
                Business::Abandoned { .. } => {
                    loads.push(body.id);
                    refunding.push(body.id);
                }
                Business::Load(_) => loads.push(body.id),
                _ => {}
            }
        }
        let mut settlements = HashMap::new();
        for held in transaction.held(&cancelled)? {
            if let Some(known) = Known::read(&held, storage, security_module, terminal)? {
                cards.extend(known.card);
                settlements.insert(held.id, known);
            }
        }
        Ok(Judge {
            terminal,
            security_module,
            taken: transaction.taken(&ids)?.into_iter().collect(),
            settlements,
            loads: transaction.loads(&loads)?.into_iter().map(|load| (load.id, load)).collect(),
            used_loads: transaction.refunds(&refunding)?.into_iter().map(|refund| refund.of).collect(),
            blocked: transaction.blocked(&cards)?.into_iter().map(|card| (card.card, card.since)).collect(),
            holders: transaction.holders(&cards)?.into_iter().map(|row| (row.card, row.person)).collect(),
            purchases: transaction.purchases(&purchases)?.into_iter().map(|row| row.key).collect(),
            known: benefits::Known::read(transaction, policies, terminal.terminal, records)?,
            dues: contributions::Known::read(transaction, records)?,
            judgement: Judgement::default(),
        })
    }

    /// Judges the records in the order of the chain; each sees what those before it have changed.
    pub(super) fn judge(mut self, records: &[New<'_>]) -> StorageResult<Judgement> {
        for new in records {
            let judged = self.judge_one(new);
            self.judgement.records.push(judged);
        }
        self.keep_pensions();
        Ok(self.judgement)
    }

    fn judge_one(&mut self, (record, digest, examined): &New<'_>) -> Judged {
        let mut facts = Facts {
            kind: Kind::Unreadable,
            made_at: Timestamp(0),
            person: None,
            totals: Totals::default(),
            proof: Proof::NotNeeded,
        };
        if let Some(body) = &examined.body {
            facts.describe(body);
        }
        let terminal = self.terminal.terminal;
        let alarm = |kind| Alarm {
            kind,
            terminal,
            sequence: record.sequence,
            digest: *digest,
            id: examined.id,
            evidence: None,
        };
        if examined.id.is_some_and(|id| self.taken.contains(&id)) {
            self.judgement.effects.alarms.push(alarm(AlarmKind::IdConflict));
            return Judged { outcome: Outcome::Conflict, facts };
        }
        self.taken.extend(examined.id);
        let verdict = match (&examined.body, examined.verdict) {
            (None, _) => Err(RefusalReason::Unreadable),
            (Some(body), verdict) => match &body.business {
                Business::Settlement(settlement) => self.settle(body, settlement, examined),
                Business::Cancellation(_) | Business::Load(_) | Business::Abandoned { .. }
                    if verdict.is_err() =>
                {
                    verdict
                }
                Business::Cancellation(cancellation) => self.cancel(body.id, cancellation, &mut facts),
                Business::Load(load) => self.book_load(body.id, load),
                Business::Abandoned { .. } => {
                    self.abandon(body.id);
                    self.free_dues(body.id);
                    Ok(Proof::NotNeeded)
                }
                Business::Enrolment(_) | Business::Certification(_) | Business::Pension(_) => {
                    self.claim(body, examined, *digest)
                }
                Business::Contribution(payment) => self.pay_contribution(body, payment, examined, *digest),
                Business::ContributionReversal(reversal) => {
                    self.reverse_contribution(body, reversal, examined)
                }
                _ => Err(RefusalReason::Unreadable),
            },
        };
        let outcome = match verdict {
            Ok(proof) => {
                facts.proof = proof;
                Outcome::Booked
            }
            Err(reason) => Outcome::Refused(reason),
        };
        let noticed = match verdict {
            Ok(Proof::Missing) => Some(AlarmKind::TacMissing),
            Err(RefusalReason::TacWrong) => Some(AlarmKind::TacWrong),
            Err(RefusalReason::HolderMismatch) => Some(AlarmKind::HolderMismatch),
            Err(RefusalReason::PurchaseKnown) => Some(AlarmKind::PurchaseTwice),
            _ => None,
        };
        self.judgement.effects.alarms.extend(noticed.map(alarm));
        Judged { outcome, facts }
    }

    fn settle(
        &mut self,
        body: &Body,
        settlement: &Settlement,
        examined: &Examined,
    ) -> Result<Proof, RefusalReason> {
        // Whatever else is wrong with it: money that left the card once is booked or owed back once.
        let key = settlement.card.as_ref().map(purchase_key);
        let again = key.as_ref().is_some_and(|key| self.purchases.contains(key));
        let known = if again { Err(RefusalReason::PurchaseKnown) } else { Ok(()) };
        let verdict = match examined.verdict {
            // What the card has not done is not known from anywhere.
            Err(RefusalReason::TacWrong | RefusalReason::Misplaced) => examined.verdict,
            verdict => known.and(verdict).and_then(|proof| self.admit(settlement, examined, proof)),
        };
        let standing = match verdict {
            Ok(_) => Some(Standing::Booked),
            Err(reason) => {
                Standing::refused(body, settlement, reason, self.terminal.terminal, self.security_module)
            }
        };
        let Some(standing) = standing else { return verdict };
        if let Some(key) = key.filter(|_| !matches!(standing, Standing::Unproved)) {
            self.judgement.effects.purchases.push(PurchaseRow { key: key.clone(), id: body.id });
            self.purchases.insert(key);
        }
        let known = Known {
            person: settlement.person.key(),
            card: card_key(&settlement.card_id),
            institution: self.terminal.institution.code.clone(),
            med_type: settlement.med_type.clone(),
            amounts: settlement.amounts,
            year: year_of(examined.happened_at),
            standing,
            cancelled: false,
        };
        if verdict.is_ok() {
            self.add_to_year(known.person, known.year, &settlement.amounts, &settlement.med_type);
        }
        self.settlements.insert(body.id, known);
        verdict
    }

    /// Whether the card may have been used for this, then, by this person.
    fn admit(
        &mut self,
        settlement: &Settlement,
        examined: &Examined,
        proof: Proof,
    ) -> Result<Proof, RefusalReason> {
        let Some(card) = card_key(&settlement.card_id) else { return Ok(proof) };
        let since = self.blocked.get(&card);
        if since.is_some_and(|since| since.plus_ms(examined.blacklist_lag_ms) < examined.happened_at) {
            return Err(RefusalReason::Blacklisted);
        }
        let person = settlement.person.key();
        match self.holders.get(&card) {
            Some(holder) if *holder != person => return Err(RefusalReason::HolderMismatch),
            Some(_) => {}
            // Only a card that has shown itself by its TAC binds: anyone can write a number down.
            None if matches!(proof, Proof::Verified | Proof::Unchecked) => {
                self.holders.insert(card, person);
                self.judgement.effects.holders.push((card, person));
            }
            None => {}
        }
        Ok(proof)
    }

    /// A cancellation takes back, once, a settlement of the same person and institution, whole. Of one that
    /// was refused only the account money is owed back.
    fn cancel(
        &mut self,
        id: TransactionId,
        cancellation: &Cancellation,
        facts: &mut Facts,
    ) -> Result<Proof, RefusalReason> {
        let person = cancellation.person.key();
        let institution = &self.terminal.institution.code;
        let known = self
            .settlements
            .get_mut(&cancellation.of)
            .filter(|known| !known.cancelled && known.person == person && known.institution == *institution)
            .ok_or(RefusalReason::NothingToCancel)?;
        let whole = cancellation.amounts == known.amounts.negated();
        match known.standing {
            Standing::Booked if whole => {}
            Standing::Debited(account, proof) if whole || cancellation.amounts == Amounts::default() => {
                if cancellation.refund != (Refund::Owed { amount: account }) {
                    return Err(RefusalReason::RefundWrong);
                }
                // To whom the card belongs, when the settlement was refused for naming somebody else.
                let person = known.card.and_then(|card| self.holders.get(&card)).copied().unwrap_or(person);
                known.cancelled = true;
                facts.totals = totals(&Amounts::default());
                self.judgement.effects.refunds.push(RefundRow { of: id, person, owed: account });
                self.judgement.effects.cancellations.push((cancellation.of, id));
                return Ok(proof);
            }
            Standing::Unproved => return Err(RefusalReason::TacWrong),
            _ => return Err(RefusalReason::Unbalanced),
        }
        let account = known.amounts.acct_pay;
        match &cancellation.refund {
            Refund::None if account == Fen::ZERO => {}
            Refund::Owed { amount } if *amount == account && account > Fen::ZERO => {
                self.judgement.effects.refunds.push(RefundRow { of: id, person, owed: *amount });
            }
            Refund::Loaded { by } => {
                // The load came from the person's credit, before the center knew of the cancellation. The refund
                // pays it back there; a row under the load's own name marks it as used up. A load that is only
                // granted could still be abandoned, and would be paid back twice.
                let fits = self.loads.get(by).is_some_and(|load| {
                    load.request.person.key() == person
                        && load.request.amount == account
                        && load.request.source == protocol::account::LoadSource::Credit
                        && load.state == LoadState::Booked
                });
                if !fits || !self.used_loads.insert(*by) {
                    return Err(RefusalReason::RefundWrong);
                }
                self.judgement.effects.credits.push((person, account));
                self.judgement.effects.refunds.push(RefundRow { of: *by, person, owed: Fen::ZERO });
            }
            _ => return Err(RefusalReason::RefundWrong),
        }
        known.cancelled = true;
        let (year, med_type) = (known.year, known.med_type.clone());
        self.judgement.effects.cancellations.push((cancellation.of, id));
        self.add_to_year(person, year, &cancellation.amounts, &med_type);
        Ok(Proof::NotNeeded)
    }

    /// A load is booked when it was granted just so and the card's TAC is right.
    fn book_load(&mut self, id: TransactionId, load: &Load) -> Result<Proof, RefusalReason> {
        let granted = self.loads.get_mut(&id).ok_or(RefusalReason::LoadUnknown)?;
        let request = &granted.request;
        let as_granted = granted.state == LoadState::Granted
            && request.terminal == self.terminal.terminal
            && request.person == load.person
            && request.card_id.eq_ignore_ascii_case(&load.card_id)
            && request.amount == load.amount
            && request.card_serial == load.card_serial
            && request.balance == load.balance_before
            && request.date_time == load.date_time;
        if !as_granted {
            return Err(RefusalReason::LoadUnknown);
        }
        let proof = match load.tac.is_empty() {
            // By the card's log alone: the money was set aside for just this, and nobody else can have it.
            true => Proof::Missing,
            false => checked(self.security_module.load_tac(request, load))?,
        };
        granted.state = LoadState::Booked;
        self.judgement.effects.booked_loads.push((id, LoadState::Booked));
        Ok(proof)
    }

    /// An abandoned intention frees the money of a load that was granted under its name and not used up.
    fn abandon(&mut self, id: TransactionId) {
        let own = self.terminal.terminal;
        if self.used_loads.contains(&id) {
            return;
        }
        if let Some(load) = self
            .loads
            .get_mut(&id)
            .filter(|load| load.state == LoadState::Granted && load.request.terminal == own)
        {
            load.state = LoadState::Released;
            self.judgement.effects.released_loads.push(load.clone());
        }
    }

    fn add_to_year(&mut self, person: u64, year: u16, amounts: &Amounts, med_type: &str) {
        *self.judgement.effects.years.entry((person, year)).or_default() +=
            Accumulation::of(amounts, med_type);
    }
}

impl Known {
    /// From a record in the books; `None` when it is no settlement that could be cancelled.
    fn read(
        held: &Held,
        storage: &dyn Storage,
        security_module: &dyn SecurityModule,
        own: &TerminalRow,
    ) -> StorageResult<Option<Self>> {
        let body = serde_json::from_str::<Body>(&held.body).ok().filter(|body| body.version == BODY_VERSION);
        let settlement = match body.as_ref().map(|body| &body.business) {
            Some(Business::Settlement(settlement)) => Some(settlement),
            _ => None,
        };
        let booked = held.outcome == Outcome::Booked;
        let (Some(body), Some(settlement)) = (&body, settlement) else {
            return if booked && held.kind == Kind::Settlement {
                Err(StorageError::Damaged { detail: "a booked settlement cannot be read".into() })
            } else {
                Ok(None)
            };
        };
        let standing = match held.outcome {
            Outcome::Booked => Some(Standing::Booked),
            Outcome::Refused(reason) => {
                Standing::refused(body, settlement, reason, held.terminal, security_module)
            }
            Outcome::Conflict => None,
        };
        let Some(standing) = standing else { return Ok(None) };
        let institution = if held.terminal == own.terminal {
            own.institution.code.clone()
        } else {
            storage.terminal(held.terminal)?.map(|row| row.institution.code).unwrap_or_default()
        };
        Ok(Some(Known {
            person: settlement.person.key(),
            card: card_key(&settlement.card_id),
            institution,
            med_type: settlement.med_type.clone(),
            amounts: settlement.amounts,
            year: year_of(happened_at(body, held.booked_at)),
            standing,
            cancelled: held.cancelled_by.is_some(),
        }))
    }
}

impl Standing {
    /// Of a settlement that is refused; `None` when no money of a card is in question, or it counts under
    /// another name.
    ///
    /// The TAC is looked at again each time: a center that got its keys late can still put things right.
    fn refused(
        body: &Body,
        settlement: &Settlement,
        reason: RefusalReason,
        terminal: TerminalId,
        security_module: &dyn SecurityModule,
    ) -> Option<Self> {
        if reason == RefusalReason::PurchaseKnown {
            return None;
        }
        let account = settlement.card.as_ref()?.account;
        if body.terminal != terminal || account <= Fen::ZERO || account > Fen::CARD_MAX {
            return None;
        }
        Some(match proof(terminal, settlement, security_module) {
            Ok(proof) => Standing::Debited(account, proof),
            Err(_) => Standing::Unproved,
        })
    }
}

impl Facts {
    fn describe(&mut self, body: &Body) {
        self.made_at = body.made_at;
        match &body.business {
            Business::Settlement(settlement) => {
                self.kind = Kind::Settlement;
                self.person = Some(settlement.person.key());
                self.totals = totals(&settlement.amounts);
            }
            Business::Cancellation(cancellation) => {
                self.kind = Kind::Cancellation;
                self.person = Some(cancellation.person.key());
                self.totals = totals(&cancellation.amounts);
            }
            Business::Load(load) => {
                self.kind = Kind::Load;
                self.person = Some(load.person.key());
            }
            Business::Abandoned { .. } => self.kind = Kind::Abandoned,
            Business::Enrolment(enrolment) => {
                self.kind = Kind::Enrolment;
                self.person = Some(enrolment.person.key());
            }
            Business::Certification(certification) => {
                self.kind = Kind::Certification;
                self.person = Some(certification.person.key());
            }
            Business::Pension(payment) => {
                self.kind = Kind::Pension;
                self.person = Some(payment.person.key());
                self.totals = totals(&Amounts { fund_pay_sumamt: payment.amount, ..Amounts::default() });
            }
            Business::Contribution(payment) => {
                self.kind = Kind::Contribution;
                self.person = Some(payment.person.key());
                self.totals = contribution_totals(payment.amount, payment.cash());
            }
            Business::ContributionReversal(reversal) => {
                self.kind = Kind::ContributionReversal;
                self.person = Some(reversal.person.key());
                self.totals = contribution_totals(-reversal.amount, -reversal.cash());
            }
            _ => {}
        }
    }
}

/// What a card and the center know a purchase by.
fn purchase_key(purchase: &CardPurchase) -> PurchaseKey {
    PurchaseKey {
        card: purchase.card_factor.to_ascii_uppercase(),
        serial: purchase.card_serial,
        date_time: purchase.date_time.clone(),
    }
}

/// An alarm about a record that could be read.
fn alarm(kind: AlarmKind, terminal: TerminalId, body: &Body, digest: Digest) -> Alarm {
    Alarm { kind, terminal, sequence: body.sequence, digest, id: Some(body.id), evidence: None }
}

fn totals(amounts: &Amounts) -> Totals {
    Totals {
        count: 1,
        medfee_sumamt: amounts.medfee_sumamt,
        fund_pay_sumamt: amounts.fund_pay_sumamt,
        acct_pay: amounts.acct_pay,
        psn_cash_pay: amounts.psn_cash_pay,
        ..Totals::default()
    }
}

fn contribution_totals(amount: Fen, cash: Fen) -> Totals {
    Totals {
        contribution_count: 1,
        contribution_amt: amount,
        contribution_cash_amt: cash,
        ..Totals::default()
    }
}
