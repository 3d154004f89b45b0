//! A center in memory: it answers about people, grants loads with the issuer's keys, books exactly once, and
//! can be cut off.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use card_spec::{
    account::{Load, TYPE_LOAD},
    atr::CardSerial,
    date::DateTime,
    generation::Algorithm,
    key::{CardFactors, KeyName},
    money::Fen,
    psam::TerminalNumber,
    region::RegionCode,
    suite::Suite,
};
use protocol::{
    account::{LoadAnswer, LoadRequest, LoadSource},
    accumulation::Accumulation,
    calendar::Day,
    feed::{BlockReason, Change, Person, PersonAnswer, PersonQuery, SignedPage},
    id::TransactionId,
    pension::{Earlier, Pension, PensionAnswer, PensionQuery, Schedule},
    problem::{Problem, ProblemKind},
    reconciliation::{ReconciliationAnswer, ReconciliationRequest, Totals},
    record::{Amounts, Body, Business, Refund},
    service::{
        Due, DuesAnswer, HoldAnswer, HoldDues, Locked, LossReport, PersonalAnswer, PersonalReply,
        PersonalRequest, PublicQuestion, PublicReply,
    },
    signature::{Digest, Signed},
    timestamp::Timestamp,
    upload::{
        Batch, BatchAnswer, ChainHead, RECEIPT_PURPOSE, Receipt, ReceiptLine, RefusalReason, SendWindow,
        Verdict,
    },
};
use terminal::{
    keys::Identity,
    ports::{CenterLink, LinkError},
};

use super::{NOW_MS, counter::HandClock, keys};

pub(crate) struct State {
    pub(crate) key: Identity,
    clock: HandClock,
    pub(crate) up: bool,
    /// It accepts questions about people, and answers none in time.
    pub(crate) silent: bool,
    /// Answers to loads that get lost before one arrives.
    pub(crate) lose_loads: u32,
    pub(crate) refuse_loads: bool,
    /// Most records that it takes at once.
    pub(crate) records_max: usize,
    /// Settlements are kept for audit and not booked.
    pub(crate) refuse_settlements: Option<RefusalReason>,
    refused: Vec<Body>,
    pub(crate) people: BTreeMap<u64, (Option<RegionCode>, Option<Person>)>,
    pub(crate) blocked: BTreeMap<[u8; 12], BlockReason>,
    pub(crate) pensions: BTreeMap<u64, Pension>,
    /// What these were before they changed.
    pub(crate) earlier: BTreeMap<u64, Vec<Earlier>>,
    pub(crate) booked: Vec<Body>,
    pub(crate) head: ChainHead,
    pub(crate) granted: BTreeMap<TransactionId, (LoadRequest, LoadAnswer)>,
    pub(crate) asked: u32,
    /// What was asked about people, to look at; every question is answered with the dues.
    pub(crate) personal: Vec<PersonalRequest>,
    /// What is due from whoever asks, and was not paid.
    pub(crate) dues: Vec<Due>,
    /// What is set aside, by payment.
    pub(crate) held: BTreeMap<TransactionId, Vec<Due>>,
    /// Answers to questions for dues that get lost before one arrives.
    pub(crate) lose_holds: u32,
}

impl State {
    /// The pension with the months that were booked, and the last certification.
    fn with_paid(&self, mut pension: Pension) -> Pension {
        for body in &self.booked {
            match &body.business {
                Business::Pension(payment) if payment.person.key() == pension.key => {
                    pension = pension.after_paying(payment.period).expect("a month paid twice");
                }
                Business::Certification(certification) if certification.person.key() == pension.key => {
                    let until = Day::of(certification.proof.at).plus_months(12);
                    pension.certified_until = pension.certified_until.max(Some(until));
                }
                _ => {}
            }
        }
        pension
    }

    /// The entry with what was booked and not taken back.
    fn with_booked(&self, mut person: Person) -> Person {
        for body in &self.booked {
            let Business::Settlement(settlement) = &body.business else { continue };
            let cancelled = self.booked.iter().any(|other| {
                matches!(&other.business, Business::Cancellation(cancellation) if cancellation.of == body.id)
            });
            if settlement.person.key() == person.key && !cancelled {
                let added = Accumulation::of(&settlement.amounts, &settlement.med_type);
                person.accumulate(person.year, &added);
            }
        }
        person
    }
}

/// The line to it; clones lead to the same center.
#[derive(Clone)]
pub(crate) struct TestCenter(Arc<Mutex<State>>);

impl TestCenter {
    pub(crate) fn new(key: Identity, clock: HandClock) -> Self {
        TestCenter(Arc::new(Mutex::new(State {
            key,
            clock,
            up: true,
            silent: false,
            lose_loads: 0,
            refuse_loads: false,
            records_max: usize::MAX,
            refuse_settlements: None,
            refused: Vec::new(),
            people: BTreeMap::new(),
            blocked: BTreeMap::new(),
            pensions: BTreeMap::new(),
            earlier: BTreeMap::new(),
            booked: Vec::new(),
            head: ChainHead { sequence: 0, digest: Digest::default(), now: Timestamp(NOW_MS) },
            granted: BTreeMap::new(),
            asked: 0,
            personal: Vec::new(),
            dues: Vec::new(),
            held: BTreeMap::new(),
            lose_holds: 0,
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Knows what the feed tells.
    pub(crate) fn learn(&self, changes: &[Change]) {
        let mut state = self.state();
        for change in changes {
            match change {
                Change::Person(person) => {
                    state.people.insert(person.key, (None, Some(*person)));
                }
                Change::CardBlocked { card, reason } => {
                    state.blocked.insert(*card, *reason);
                }
                Change::CardFreed(card) => {
                    state.blocked.remove(card);
                }
                Change::Pension(pension) => {
                    state.pensions.insert(pension.key, *pension);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn arrive(&self) -> Result<MutexGuard<'_, State>, LinkError> {
        let mut state = self.state();
        if !state.up {
            return Err(LinkError::Down { detail: "no route".into() });
        }
        state.asked += 1;
        Ok(state)
    }
}

impl CenterLink for TestCenter {
    fn chain_head(&mut self) -> Result<ChainHead, LinkError> {
        let state = self.arrive()?;
        Ok(ChainHead { now: state.clock.now(), ..state.head })
    }

    fn upload(&mut self, batch: &Batch) -> Result<BatchAnswer, LinkError> {
        let mut state = self.arrive()?;
        if batch.records.len() > state.records_max {
            return Err(refused(ProblemKind::TooLarge));
        }
        let mut digest = batch.previous;
        let mut lines = Vec::new();
        for record in &batch.records {
            digest = digest.chain(record.body.as_bytes());
            let body: Body = serde_json::from_str(&record.body).unwrap();
            assert_eq!(body.sequence, record.sequence);
            assert!(state.booked.iter().all(|booked| booked.id != body.id), "sent twice");
            if let Business::Settlement(settlement) = &body.business {
                assert!(settlement.amounts.balanced());
                let on_card = settlement.card.as_ref().map_or(Fen::ZERO, |card| card.account);
                assert_eq!(on_card, settlement.amounts.acct_pay);
            }
            let refusal =
                state.refuse_settlements.filter(|_| matches!(body.business, Business::Settlement(_)));
            let verdict = refusal.map_or(Verdict::Booked, |reason| Verdict::Refused { reason });
            lines.push(ReceiptLine { id: body.id, sequence: body.sequence, digest, verdict });
            match &body.business {
                Business::Contribution(payment) => {
                    assert_eq!(state.held.remove(&body.id), Some(payment.dues.clone()), "set aside before");
                    state.dues.retain(|due| !payment.dues.contains(due));
                }
                Business::ContributionReversal(reversal) => {
                    let paid = state.booked.iter().find(|booked| booked.id == reversal.of).unwrap();
                    let Business::Contribution(payment) = &paid.business else { panic!() };
                    let back = payment.dues.clone();
                    state.dues.extend(back);
                }
                Business::Abandoned { .. } => {
                    state.held.remove(&body.id);
                }
                _ => {}
            }
            match refusal {
                Some(_) => state.refused.push(body),
                None => state.booked.push(body),
            }
        }
        state.head.sequence = lines.last().unwrap().sequence;
        state.head.digest = digest;
        let receipt = Receipt {
            number: format!("R{:06}", state.head.sequence),
            terminal: batch.terminal,
            booked_at: state.clock.now(),
            lines,
        };
        let receipt = Signed::new(state.key.key_pair(), RECEIPT_PURPOSE, &receipt).unwrap();
        Ok(BatchAnswer { receipt, earlier: Vec::new(), window: SendWindow { after_ms: 0, spread_ms: 0 } })
    }

    fn feed(&mut self, _: u64, _: u64) -> Result<SignedPage, LinkError> {
        Err(not_found())
    }

    fn rules(&mut self, _: u64) -> Result<Option<Signed>, LinkError> {
        self.arrive().map(|_| None)
    }

    fn limits(&mut self, _: u64) -> Result<Option<Signed>, LinkError> {
        self.arrive().map(|_| None)
    }

    fn policy(&mut self, _: u64) -> Result<Option<Signed>, LinkError> {
        self.arrive().map(|_| None)
    }

    fn personal(&mut self, request: &PersonalRequest) -> Result<PersonalReply, LinkError> {
        let mut state = self.arrive()?;
        state.personal.push(request.clone());
        let held = state.held.values().flatten().copied().collect();
        let answer = PersonalAnswer::Dues(DuesAnswer { dues: state.dues.clone(), held });
        Ok(PersonalReply { answer, as_of: state.clock.now() })
    }

    fn hold_dues(&mut self, request: &HoldDues) -> Result<HoldAnswer, LinkError> {
        let mut state = self.arrive()?;
        let as_of = state.clock.now();
        if state.booked.iter().any(|body| body.id == request.id) {
            return Ok(HoldAnswer::NameUsed);
        }
        let other = |due: &Due| state.held.iter().any(|(id, held)| *id != request.id && held.contains(due));
        let answer = match request.dues.iter().find(|due| other(due) || !state.dues.contains(due)) {
            Some(due) if other(due) => HoldAnswer::BeingPaid { due: *due, since: as_of },
            Some(due) => HoldAnswer::Changed { due: *due },
            None => {
                state.held.insert(request.id, request.dues.clone());
                HoldAnswer::Held { as_of }
            }
        };
        if state.lose_holds > 0 {
            state.lose_holds -= 1;
            return Err(LinkError::Lost { detail: "timed out".into() });
        }
        Ok(answer)
    }

    fn report_loss(&mut self, _: &LossReport) -> Result<Locked, LinkError> {
        self.arrive().and_then(|_| Err(not_found()))
    }

    fn public(&mut self, _: &PublicQuestion) -> Result<PublicReply, LinkError> {
        self.arrive().and_then(|_| Err(not_found()))
    }

    fn pension(&mut self, query: &PensionQuery) -> Result<PensionAnswer, LinkError> {
        let state = self.arrive()?;
        if state.silent {
            return Err(LinkError::Lost { detail: "timed out".into() });
        }
        let person = state.people.get(&query.person.key()).and_then(|(_, person)| *person);
        let key = query.person.key();
        let schedule = state.pensions.get(&key).map(|pension| Schedule {
            pension: state.with_paid(*pension),
            earlier: state.earlier.get(&key).cloned().unwrap_or_default(),
        });
        Ok(PensionAnswer {
            pension: schedule.as_ref().map(Schedule::as_one_amount),
            schedule: schedule.filter(|schedule| !schedule.earlier.is_empty()),
            state: person.map(|person| person.state),
            blocked: query.card.and_then(|card| state.blocked.get(&card).copied()),
            as_of: state.clock.now(),
        })
    }

    fn person(&mut self, query: &PersonQuery) -> Result<PersonAnswer, LinkError> {
        let state = self.arrive()?;
        if state.silent {
            return Err(LinkError::Lost { detail: "timed out".into() });
        }
        let (city, person) = state.people.get(&query.person.key()).copied().unwrap_or((None, None));
        let person = person.map(|person| state.with_booked(person));
        let blocked = query.card.and_then(|card| state.blocked.get(&card).copied());
        Ok(PersonAnswer { city, person, blocked, as_of: state.clock.now() })
    }

    /// Checks MAC1 and answers MAC2 with the issuer's load key; a name that was granted gets the same again.
    fn load(&mut self, request: &LoadRequest) -> Result<LoadAnswer, LinkError> {
        let mut state = self.arrive()?;
        if let Some((first, answer)) = state.granted.get(&request.id) {
            assert_eq!(first, request, "the same name asks for the same");
            return Ok(answer.clone());
        }
        if let LoadSource::Refund { of } = &request.source {
            let owed = state.booked.iter().any(|body| {
                body.id == *of
                    && matches!(&body.business, Business::Cancellation(cancellation)
                        if cancellation.refund == Refund::Owed { amount: request.amount })
            });
            if !owed {
                return Err(refused(ProblemKind::LoadRefused));
            }
        }
        if state.refuse_loads {
            return Err(refused(ProblemKind::LoadRefused));
        }
        let answer = grant(request);
        state.granted.insert(request.id, (request.clone(), answer.clone()));
        if state.lose_loads > 0 {
            state.lose_loads -= 1;
            return Err(LinkError::Lost { detail: "timed out".into() });
        }
        Ok(answer)
    }

    fn reconcile(&mut self, request: &ReconciliationRequest) -> Result<ReconciliationAnswer, LinkError> {
        let state = self.arrive()?;
        let mut totals = Totals::default();
        for body in &state.booked {
            if !(request.from_sequence..=request.to_sequence).contains(&body.sequence) {
                continue;
            }
            let amounts = match &body.business {
                Business::Contribution(payment) => {
                    totals.contribution_count += 1;
                    totals.contribution_amt += payment.amount;
                    totals.contribution_cash_amt += payment.cash();
                    continue;
                }
                Business::ContributionReversal(reversal) => {
                    totals.contribution_count += 1;
                    totals.contribution_amt += -reversal.amount;
                    totals.contribution_cash_amt += -reversal.cash();
                    continue;
                }
                Business::Pension(payment) => {
                    Amounts { fund_pay_sumamt: payment.amount, ..Amounts::default() }
                }
                Business::Settlement(settlement) => settlement.amounts,
                Business::Cancellation(cancellation) => cancellation.amounts,
                _ => continue,
            };
            totals.count += 1;
            totals.medfee_sumamt += amounts.medfee_sumamt;
            totals.fund_pay_sumamt += amounts.fund_pay_sumamt;
            totals.acct_pay += amounts.acct_pay;
            totals.psn_cash_pay += amounts.psn_cash_pay;
        }
        let held: Vec<u64> = state.booked.iter().chain(&state.refused).map(|body| body.sequence).collect();
        let missing: Vec<u64> =
            (request.from_sequence..=request.to_sequence).filter(|at| !held.contains(at)).collect();
        let equal = totals == request.totals && missing.is_empty();
        Ok(ReconciliationAnswer { at: state.clock.now(), totals, equal, missing, disputed: Vec::new() })
    }
}

fn grant(request: &LoadRequest) -> LoadAnswer {
    let bytes = |text: &str| hex::decode(text).unwrap();
    let algorithm = Algorithm::from_id(Some(request.algorithm)).unwrap();
    let suite = Suite::from(algorithm);
    let serial = CardSerial(bytes(&request.card_factor).try_into().unwrap());
    let city = card_spec::card_id::CardId::parse(&bytes(&request.card_id)).unwrap().city();
    let factors = CardFactors::new(serial, city);
    let key = keys().on_card(KeyName::DLK, algorithm, request.key_version, &factors);
    let load = Load {
        balance_before_fen: request.balance.to_card().unwrap(),
        amount_fen: request.amount.to_card().unwrap(),
        transaction_type: TYPE_LOAD,
        terminal: TerminalNumber(request.terminal.to_bcd()),
        serial: request.card_serial,
        random: bytes(&request.random).try_into().unwrap(),
    };
    let session = load.session_key(suite, &key);
    assert_eq!(load.mac1(&session).to_vec(), bytes(&request.mac1), "the card's MAC1");
    let date_time = DateTime::from_cn(bytes(&request.date_time).try_into().unwrap()).unwrap();
    LoadAnswer { mac2: hex::encode(load.mac2(&session, date_time)) }
}

fn refused(kind: ProblemKind) -> LinkError {
    LinkError::Refused(Problem::new(kind, "no"))
}

fn not_found() -> LinkError {
    refused(ProblemKind::NotFound)
}
