//! What is booked and what is refused, and what follows from it.

use std::collections::{HashMap, HashSet};

use card_spec::money::Fen;
use protocol::{
    accumulation::Accumulation,
    id::{TerminalId, TransactionId},
    reconciliation::Totals,
    record::{Amounts, BODY_VERSION, Body, Business, Cancellation, Load, Refund, Settlement},
    signature::Digest,
    timestamp::Timestamp,
    upload::{Record, RefusalReason},
};
use serde::Deserialize;

use super::{account, limits::Tolerance};
use crate::{
    security_module::{Check, SecurityModule},
    storage::{
        Storage, StorageError, StorageResult, Transaction,
        rows::{
            Alarm, AlarmKind, Facts, Held, Kind, LoadRow, LoadState, Outcome, PersonYear, Proof, RefundRow,
            TerminalRow,
        },
    },
};

/// A new record on its way to judgement: envelope, digest, what was read in it.
pub(super) type New<'a> = (&'a Record, Digest, &'a Examined);

/// What can be told of a record without looking at any other.
pub(super) struct Examined {
    /// The transaction, when the body names one.
    pub(super) id: Option<TransactionId>,
    content: Result<Box<Body>, RefusalReason>,
    /// The TAC of a settlement's purchase.
    tac: Option<Check>,
    /// The card had been blocked for longer than this when the record was made: the terminal should have known.
    blacklist_lag_ms: i64,
}

/// Reads a body and checks what it says by itself.
pub(super) fn examine(
    record: &Record,
    terminal: TerminalId,
    security_module: &dyn SecurityModule,
    tolerance: &Tolerance,
) -> Examined {
    let refused = |id, reason| Examined { id, content: Err(reason), tac: None, blacklist_lag_ms: 0 };
    let body: Box<Body> = match serde_json::from_str(&record.body) {
        Ok(body) => body,
        Err(_) => return refused(id_of(&record.body), RefusalReason::Unreadable),
    };
    let id = Some(body.id);
    if body.version != BODY_VERSION {
        return refused(id, RefusalReason::Unreadable);
    }
    if body.id == NO_ID {
        return refused(None, RefusalReason::Unreadable);
    }
    if body.terminal != terminal || body.sequence != record.sequence {
        return refused(id, RefusalReason::Misplaced);
    }
    let limits = tolerance.at(body.made_at);
    let mut tac = None;
    if let Business::Settlement(settlement) = &body.business {
        if !sound(settlement) {
            return refused(id, RefusalReason::Unbalanced);
        }
        let over = settlement.amounts.medfee_sumamt > limits.amount_max_fen
            || settlement.amounts.acct_pay > limits.account_max_fen
            || settlement.cache_age_ms > limits.cache_age_max_ms;
        if body.offline && over {
            return refused(id, RefusalReason::OverLimit);
        }
        tac = settlement
            .card
            .as_ref()
            .map(|purchase| security_module.purchase_tac(terminal, &settlement.card_id, purchase));
    }
    Examined { id, content: Ok(body), tac, blacklist_lag_ms: limits.cache_age_max_ms }
}

/// The id of a receipt line whose body names none; no transaction may have it.
pub(super) const NO_ID: TransactionId = TransactionId([0; 16]);

/// The id of a body that is otherwise unreadable, so that the answer can name it.
pub(super) fn id_of(body: &str) -> Option<TransactionId> {
    #[derive(Deserialize)]
    struct Named {
        id: TransactionId,
    }
    serde_json::from_str::<Named>(body).ok().map(|named| named.id).filter(|id| *id != NO_ID)
}

/// Whether a settlement's amounts are in range, add up, and agree with what the card debited.
fn sound(settlement: &Settlement) -> bool {
    let amounts = &settlement.amounts;
    let on_card = settlement.card.as_ref().map_or(Fen::ZERO, |purchase| purchase.account);
    in_range(amounts) && amounts.balanced() && on_card == amounts.acct_pay
}

/// No amount of a settlement is negative or larger than a card can hold, so no sum of them can saturate.
fn in_range(a: &Amounts) -> bool {
    [
        a.medfee_sumamt,
        a.fulamt_ownpay_amt,
        a.overlmt_selfpay,
        a.preselfpay_amt,
        a.inscp_scp_amt,
        a.act_pay_dedc,
        a.hifp_pay,
        a.cvlserv_pay,
        a.hifes_pay,
        a.hifmi_pay,
        a.hifob_pay,
        a.maf_pay,
        a.oth_pay,
        a.fund_pay_sumamt,
        a.psn_part_amt,
        a.acct_pay,
        a.acct_mulaid_pay,
        a.psn_cash_pay,
        a.hosp_part_amt,
    ]
    .into_iter()
    .all(|amount| (Fen::ZERO..=Fen::CARD_MAX).contains(&amount))
}

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
        if !self.alarms.is_empty() {
            transaction.raise(now, &self.alarms)?;
        }
        Ok(())
    }
}

/// What is known of a settlement that may be cancelled.
struct Known {
    person: u64,
    institution: String,
    med_type: String,
    amounts: Amounts,
    year: u16,
    cancelled: bool,
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
    judgement: Judgement,
}

impl<'a> Judge<'a> {
    /// Asks the storage, in batches, for all that the records refer to.
    pub(super) fn new(
        transaction: &mut dyn Transaction,
        storage: &dyn Storage,
        security_module: &'a dyn SecurityModule,
        terminal: &'a TerminalRow,
        records: &[New<'_>],
    ) -> StorageResult<Self> {
        let mut ids = Vec::with_capacity(records.len());
        let (mut cancelled, mut loads, mut refunding, mut cards) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (_, _, examined) in records {
            ids.extend(examined.id);
            match examined.content.as_deref().map(|body| &body.business) {
                Ok(Business::Settlement(settlement)) => cards.extend(blacklist_key(&settlement.card_id)),
                Ok(Business::Cancellation(cancellation)) => {
                    cancelled.push(cancellation.of);
                    if let Refund::Loaded { by } = cancellation.refund {
                        loads.push(by);
                        refunding.push(by);
                    }
                }
                Ok(Business::Abandoned { .. } | Business::Load(_)) => loads.extend(examined.id),
                _ => {}
            }
        }
        let mut settlements = HashMap::new();
        for held in transaction.held(&cancelled)? {
            if let Some(known) = Known::read(&held, storage, terminal)? {
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
            judgement: Judgement::default(),
        })
    }

    /// Judges the records in the order of the chain; each sees what those before it have changed.
    pub(super) fn judge(mut self, records: &[New<'_>]) -> StorageResult<Judgement> {
        for new in records {
            let judged = self.judge_one(new);
            self.judgement.records.push(judged);
        }
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
        if let Ok(body) = &examined.content {
            facts.describe(body);
        }
        let alarm = |kind| Alarm {
            kind,
            terminal: self.terminal.terminal,
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
        let verdict = match &examined.content {
            Err(reason) => Err(*reason),
            Ok(body) => match &body.business {
                Business::Settlement(settlement) => self.settle(body, settlement, examined),
                Business::Cancellation(cancellation) => self.cancel(body.id, cancellation),
                Business::Load(load) => self.book_load(body.id, load),
                Business::Abandoned { .. } => {
                    self.abandon(body.id);
                    Ok(Proof::NotNeeded)
                }
                _ => Err(RefusalReason::Unreadable),
            },
        };
        let outcome = match verdict {
            Ok(proof) => {
                facts.proof = proof;
                Outcome::Booked
            }
            Err(reason) => {
                if reason == RefusalReason::TacWrong {
                    self.judgement.effects.alarms.push(alarm(AlarmKind::TacWrong));
                }
                Outcome::Refused(reason)
            }
        };
        Judged { outcome, facts }
    }

    fn settle(
        &mut self,
        body: &Body,
        settlement: &Settlement,
        examined: &Examined,
    ) -> Result<Proof, RefusalReason> {
        let since = blacklist_key(&settlement.card_id).and_then(|card| self.blocked.get(&card));
        if since.is_some_and(|since| since.plus_ms(examined.blacklist_lag_ms) < body.made_at) {
            return Err(RefusalReason::Blacklisted);
        }
        let proof = proof(examined.tac)?;
        let known = Known {
            person: settlement.person.key(),
            institution: self.terminal.institution.code.clone(),
            med_type: settlement.med_type.clone(),
            amounts: settlement.amounts,
            year: year_of(body.made_at),
            cancelled: false,
        };
        self.add_to_year(known.person, known.year, &settlement.amounts, &settlement.med_type);
        self.settlements.insert(body.id, known);
        Ok(proof)
    }

    /// A cancellation takes back, once, a booked settlement of the same person and institution, whole.
    fn cancel(&mut self, id: TransactionId, cancellation: &Cancellation) -> Result<Proof, RefusalReason> {
        let person = cancellation.person.key();
        let institution = &self.terminal.institution.code;
        let known = self
            .settlements
            .get_mut(&cancellation.of)
            .filter(|known| !known.cancelled && known.person == person && known.institution == *institution)
            .ok_or(RefusalReason::NothingToCancel)?;
        if cancellation.amounts != known.amounts.negated() {
            return Err(RefusalReason::Unbalanced);
        }
        let account = known.amounts.acct_pay;
        match &cancellation.refund {
            Refund::None if account == Fen::ZERO => {}
            Refund::Owed { amount } if *amount == account && account > Fen::ZERO => {
                self.judgement.effects.refunds.push(RefundRow { of: id, person, owed: *amount });
            }
            Refund::Loaded { by } => {
                // The load was granted from the person's credit, before the center knew of the cancellation.
                // The refund pays it back there; a row under the load's own name marks it as used up.
                let fits = self.loads.get(by).is_some_and(|load| {
                    load.request.person.key() == person
                        && load.request.amount == account
                        && load.request.source == protocol::account::LoadSource::Credit
                        && load.state != LoadState::Released
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
        let proof = proof(Some(self.security_module.load_tac(request, load)))?;
        granted.state = LoadState::Booked;
        self.judgement.effects.booked_loads.push((id, LoadState::Booked));
        Ok(proof)
    }

    /// An abandoned intention frees the money of a load that was granted under its name.
    fn abandon(&mut self, id: TransactionId) {
        let own = self.terminal.terminal;
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
    /// From a record in the books; `None` when it is no booked settlement.
    fn read(held: &Held, storage: &dyn Storage, own: &TerminalRow) -> StorageResult<Option<Self>> {
        if held.kind != Kind::Settlement || held.outcome != Outcome::Booked {
            return Ok(None);
        }
        let damaged = || StorageError::Damaged { detail: "a booked settlement cannot be read".into() };
        let body: Body = serde_json::from_str(&held.body).map_err(|_| damaged())?;
        let Business::Settlement(settlement) = body.business else { return Err(damaged()) };
        let institution = if held.terminal == own.terminal {
            own.institution.code.clone()
        } else {
            storage.terminal(held.terminal)?.map(|row| row.institution.code).unwrap_or_default()
        };
        Ok(Some(Known {
            person: settlement.person.key(),
            institution,
            med_type: settlement.med_type,
            amounts: settlement.amounts,
            year: year_of(body.made_at),
            cancelled: held.cancelled_by.is_some(),
        }))
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
            _ => {}
        }
    }
}

fn totals(amounts: &Amounts) -> Totals {
    Totals {
        count: 1,
        medfee_sumamt: amounts.medfee_sumamt,
        fund_pay_sumamt: amounts.fund_pay_sumamt,
        acct_pay: amounts.acct_pay,
        psn_cash_pay: amounts.psn_cash_pay,
    }
}

fn proof(tac: Option<Check>) -> Result<Proof, RefusalReason> {
    match tac {
        None => Ok(Proof::NotNeeded),
        Some(Check::Right) => Ok(Proof::Verified),
        Some(Check::Unknown) => Ok(Proof::Unchecked),
        Some(Check::Wrong) => Err(RefusalReason::TacWrong),
    }
}

fn year_of(time: Timestamp) -> u16 {
    u16::try_from(time.civil().year()).unwrap_or(0)
}

/// The part of a card identification code that the blacklist names; `None` when it is no such code.
fn blacklist_key(card_id: &str) -> Option<[u8; 12]> {
    let mut bytes = [0; 16];
    hex::decode_to_slice(card_id, &mut bytes).ok()?;
    bytes.first_chunk().copied()
}
