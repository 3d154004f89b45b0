//! A center in memory that books exactly once, and can be made to fail in every way a line can.

use std::collections::{BTreeMap, VecDeque};

use card_spec::money::Fen;
use protocol::{
    account::{LoadAnswer, LoadRequest},
    feed::{Change, Page, PersonAnswer, PersonQuery, SignedPage},
    id::TransactionId,
    limits::{self, OfflineLimits},
    pension::{PensionAnswer, PensionQuery},
    policy::{self, ProofPolicy},
    reconciliation::{ReconciliationAnswer, ReconciliationRequest, Totals},
    record::{Body, Business, PURPOSE},
    rules::{self, RulesSet},
    service::{DocumentChange, DocumentChanges, Here, document},
    signature::{Digest, PublicKey, Signed},
    timestamp::Timestamp,
    upload::{
        Batch, BatchAnswer, ChainHead, Problem, ProblemKind, RECEIPT_PURPOSE, Receipt, ReceiptLine,
        RefusalReason, SendWindow, Verdict,
    },
};
use terminal::{
    keys::Identity,
    ports::{CenterLink, LinkError},
};

use super::{MORNING, city, identity_of, terminal_id};

/// What goes wrong with one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    Down,
    /// The request never arrived, but the terminal cannot know.
    LostBefore,
    /// Booked; the answer never arrived.
    LostAfter,
    Overloaded,
    Storage,
    TooLarge,
    ExpiredCertificate,
    /// A receipt signed by someone else.
    ForgedReceipt,
    /// A receipt with two lines exchanged.
    SwappedLines,
    /// A duplicate without the receipt it refers to.
    NoEarlier,
    /// The chain is refused whatever is sent.
    ChainBroken,
}

pub(crate) struct Held {
    pub(crate) id: TransactionId,
    pub(crate) digest: Digest,
    pub(crate) receipt: String,
    pub(crate) verdict: Verdict,
    pub(crate) business: Business,
}

pub(crate) struct Center {
    pub(crate) key: Identity,
    pub(crate) terminal: PublicKey,
    pub(crate) held: BTreeMap<u64, Held>,
    pub(crate) receipts: BTreeMap<String, Signed>,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) refuse: BTreeMap<TransactionId, RefusalReason>,
    pub(crate) conflicts: Vec<TransactionId>,
    pub(crate) window: SendWindow,
    pub(crate) now: Timestamp,
    pub(crate) uploads: u64,
    pub(crate) bookings: BTreeMap<TransactionId, u32>,
    pub(crate) epoch: u64,
    pub(crate) feed: Vec<Change>,
    pub(crate) page_changes: usize,
    pub(crate) limits: Option<OfflineLimits>,
    pub(crate) policy: Option<ProofPolicy>,
    pub(crate) rules: Option<RulesSet>,
    /// Changes of public documents, one a page; or why there are none.
    pub(crate) public: Result<Vec<DocumentChange>, ProblemKind>,
    pub(crate) reconciliations: Vec<ReconciliationRequest>,
}

impl Center {
    pub(crate) fn new() -> Self {
        Center {
            key: identity_of(200),
            terminal: identity_of(7).public(),
            held: BTreeMap::new(),
            receipts: BTreeMap::new(),
            faults: VecDeque::new(),
            refuse: BTreeMap::new(),
            conflicts: Vec::new(),
            window: SendWindow { after_ms: 0, spread_ms: 0 },
            now: MORNING,
            uploads: 0,
            bookings: BTreeMap::new(),
            epoch: 1,
            feed: Vec::new(),
            page_changes: 100,
            limits: None,
            policy: None,
            rules: None,
            public: Err(ProblemKind::NotFound),
            reconciliations: Vec::new(),
        }
    }

    fn head(&self) -> (u64, Digest) {
        self.held.last_key_value().map_or((0, Digest::default()), |(sequence, held)| (*sequence, held.digest))
    }

    fn fault(&mut self) -> Fault {
        self.faults.pop_front().unwrap_or(Fault::None)
    }

    /// What happens before the request arrives.
    fn arrive(&mut self) -> Result<Fault, LinkError> {
        match self.fault() {
            Fault::Down => Err(LinkError::Down { detail: "no route".into() }),
            Fault::LostBefore => Err(lost()),
            Fault::Overloaded => Err(problem(ProblemKind::Overloaded, 503)),
            Fault::Storage => Err(problem(ProblemKind::Storage, 500)),
            Fault::TooLarge => Err(problem(ProblemKind::TooLarge, 413)),
            Fault::ExpiredCertificate => Err(LinkError::ExpiredCertificate),
            Fault::ChainBroken => Err(problem(ProblemKind::ChainBroken, 409)),
            fault => Ok(fault),
        }
    }

    fn book(&mut self, batch: &Batch) -> Result<Receipt, LinkError> {
        assert_eq!(batch.terminal, terminal_id());
        let (head, _) = self.head();
        let first = batch.records.first().unwrap().sequence;
        if first > head + 1 {
            return Err(problem(ProblemKind::ChainGap, 409));
        }
        let held_before = match first {
            1 => Digest::default(),
            _ => self.held[&(first - 1)].digest,
        };
        if held_before != batch.previous {
            return Err(problem(ProblemKind::ChainBroken, 409));
        }
        let number = format!("R{:06}", self.receipts.len() + 1);
        let mut digest = batch.previous;
        let mut lines = Vec::new();
        for (offset, record) in batch.records.iter().enumerate() {
            assert_eq!(record.sequence, first + offset as u64, "a batch has no gaps");
            digest = digest.chain(record.body.as_bytes());
            self.terminal.verify(PURPOSE, &digest.0, &record.signature).expect("signed by the terminal");
            let body: Body = serde_json::from_str(&record.body).unwrap();
            assert_eq!((body.sequence, body.terminal), (record.sequence, batch.terminal));
            let verdict = match self.held.get(&record.sequence) {
                Some(held) if held.digest != digest => return Err(problem(ProblemKind::ChainBroken, 409)),
                Some(held) => Verdict::Duplicate { first: held.receipt.clone() },
                None => {
                    let verdict = if let Some(reason) = self.refuse.get(&body.id) {
                        Verdict::Refused { reason: *reason }
                    } else if self.conflicts.contains(&body.id) {
                        Verdict::Conflict
                    } else {
                        *self.bookings.entry(body.id).or_default() += 1;
                        Verdict::Booked
                    };
                    let held = Held {
                        id: body.id,
                        digest,
                        receipt: number.clone(),
                        verdict: verdict.clone(),
                        business: body.business,
                    };
                    self.held.insert(record.sequence, held);
                    verdict
                }
            };
            lines.push(ReceiptLine { id: body.id, sequence: record.sequence, digest, verdict });
        }
        Ok(Receipt { number, terminal: batch.terminal, booked_at: self.now, lines })
    }

    /// Forgets everything after a sequence, as a restored backup does.
    pub(crate) fn restore_to(&mut self, sequence: u64) {
        let lost = self.held.split_off(&(sequence + 1));
        for held in lost.values() {
            self.bookings.remove(&held.id);
        }
    }

    pub(crate) fn page(&self, after: u64, changes: usize) -> SignedPage {
        let from = after as usize;
        let upto = (from + changes).min(self.feed.len());
        let page = Page {
            city: city(),
            epoch: self.epoch,
            after,
            upto: upto as u64,
            newest: self.feed.len() as u64,
            as_of: self.now,
            changes: self.feed[from..upto].to_vec(),
        };
        self.sign(&page)
    }

    pub(crate) fn sign(&self, page: &Page) -> SignedPage {
        SignedPage::sign(self.key.key_pair(), page).unwrap()
    }

    pub(crate) fn signed<T: serde::Serialize>(&self, purpose: &str, document: &T) -> Signed {
        Signed::new(self.key.key_pair(), purpose, document).unwrap()
    }

    fn totals(&self, from: u64, to: u64) -> Totals {
        let mut totals = Totals::default();
        for held in self.held.range(from..=to).map(|(_, held)| held) {
            let amounts = match (&held.verdict, &held.business) {
                (Verdict::Booked, Business::Settlement(settlement)) => settlement.amounts,
                // Of a settlement that was refused only the account money goes back: no sum changes.
                (Verdict::Booked, Business::Cancellation(cancellation)) => {
                    match self.refuse.get(&cancellation.of) {
                        Some(_) => Default::default(),
                        None => cancellation.amounts,
                    }
                }
                _ => continue,
            };
            totals.count += 1;
            totals.medfee_sumamt += amounts.medfee_sumamt;
            totals.fund_pay_sumamt += amounts.fund_pay_sumamt;
            totals.acct_pay += amounts.acct_pay;
            totals.psn_cash_pay += amounts.psn_cash_pay;
        }
        totals
    }
}

impl CenterLink for Center {
    fn chain_head(&mut self) -> Result<ChainHead, LinkError> {
        let fault = self.arrive()?;
        if fault == Fault::LostAfter {
            return Err(lost());
        }
        let (sequence, digest) = self.head();
        Ok(ChainHead { sequence, digest, now: self.now })
    }

    fn upload(&mut self, batch: &Batch) -> Result<BatchAnswer, LinkError> {
        self.uploads += 1;
        let fault = self.arrive()?;
        let mut receipt = self.book(batch)?;
        let signed = self.signed(RECEIPT_PURPOSE, &receipt);
        self.receipts.insert(receipt.number.clone(), signed.clone());
        let mut numbers: Vec<&str> = receipt
            .lines
            .iter()
            .filter_map(|line| match &line.verdict {
                Verdict::Duplicate { first } => Some(first.as_str()),
                _ => None,
            })
            .collect();
        numbers.dedup();
        let mut earlier: Vec<Signed> = numbers.iter().map(|number| self.receipts[*number].clone()).collect();
        let signed = match fault {
            Fault::LostAfter => return Err(lost()),
            Fault::ForgedReceipt => {
                Signed::new(identity_of(99).key_pair(), RECEIPT_PURPOSE, &receipt).unwrap()
            }
            Fault::SwappedLines => {
                receipt.lines.reverse();
                self.signed(RECEIPT_PURPOSE, &receipt)
            }
            Fault::NoEarlier => {
                earlier.clear();
                signed
            }
            _ => signed,
        };
        Ok(BatchAnswer { receipt: signed, earlier, window: self.window })
    }

    fn feed(&mut self, epoch: u64, after: u64) -> Result<SignedPage, LinkError> {
        self.arrive()?;
        Ok(self.page(if epoch == self.epoch { after } else { 0 }, self.page_changes))
    }

    fn rules(&mut self, revision: u64) -> Result<Option<Signed>, LinkError> {
        self.arrive()?;
        let newer = self.rules.as_ref().filter(|set| set.revision > revision);
        Ok(newer.map(|set| self.signed(rules::PURPOSE, set)))
    }

    fn public_documents(&mut self, epoch: u64, after: u64) -> Result<Signed, LinkError> {
        self.arrive()?;
        let changes = self.public.as_ref().map_err(|kind| problem(*kind, kind.status()))?;
        let after = if epoch == self.epoch { after } else { 0 };
        let change = changes.get(usize::try_from(after).unwrap()).cloned();
        let page = DocumentChanges {
            city: city(),
            epoch: self.epoch,
            after,
            upto: after + u64::from(change.is_some()),
            newest: changes.len() as u64,
            as_of: self.now,
            here: Here::default(),
            changes: change.into_iter().collect(),
        };
        Ok(self.signed(document::PURPOSE, &page))
    }

    fn limits(&mut self, version: u64) -> Result<Option<Signed>, LinkError> {
        self.arrive()?;
        let newer = self.limits.as_ref().filter(|limits| limits.version > version);
        Ok(newer.map(|limits| self.signed(limits::PURPOSE, limits)))
    }

    fn policy(&mut self, version: u64) -> Result<Option<Signed>, LinkError> {
        self.arrive()?;
        let newer = self.policy.as_ref().filter(|policy| policy.version > version);
        Ok(newer.map(|policy| self.signed(policy::PURPOSE, policy)))
    }

    fn pension(&mut self, _query: &PensionQuery) -> Result<PensionAnswer, LinkError> {
        self.arrive()?;
        Ok(PensionAnswer { pension: None, schedule: None, state: None, blocked: None, as_of: self.now })
    }

    fn person(&mut self, _query: &PersonQuery) -> Result<PersonAnswer, LinkError> {
        self.arrive()?;
        Ok(PersonAnswer { city: Some(city()), person: None, blocked: None, as_of: self.now })
    }

    fn load(&mut self, _request: &LoadRequest) -> Result<LoadAnswer, LinkError> {
        Err(problem(ProblemKind::LoadRefused, 409))
    }

    fn reconcile(&mut self, request: &ReconciliationRequest) -> Result<ReconciliationAnswer, LinkError> {
        self.arrive()?;
        self.reconciliations.push(request.clone());
        let totals = self.totals(request.from_sequence, request.to_sequence);
        let span = request.from_sequence..=request.to_sequence;
        let missing: Vec<u64> = span.clone().filter(|sequence| !self.held.contains_key(sequence)).collect();
        let disputed = self
            .held
            .range(span)
            .filter(|(_, held)| matches!(held.verdict, Verdict::Refused { .. } | Verdict::Conflict))
            .map(|(_, held)| held.id)
            .collect();
        Ok(ReconciliationAnswer { at: self.now, equal: totals == request.totals, totals, missing, disputed })
    }
}

pub(crate) fn lost() -> LinkError {
    LinkError::Lost { detail: "time-out".into() }
}

pub(crate) fn problem(kind: ProblemKind, status: u16) -> LinkError {
    LinkError::Refused(Problem { kind, status, detail: String::new() })
}

/// No money appears or disappears between two totals.
pub(crate) fn sum(totals: &Totals) -> Fen {
    totals.fund_pay_sumamt + totals.acct_pay + totals.psn_cash_pay
}

/// What one settlement of [`super::amounts`] adds to [`sum`].
pub(crate) fn sum_of_one() -> i64 {
    let amounts = super::amounts();
    (amounts.fund_pay_sumamt + amounts.acct_pay + amounts.psn_cash_pay).0
}
