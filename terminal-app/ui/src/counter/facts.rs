//! What the desk tells the counter: facts, not texts, so that the language can be switched while they are shown.

use std::fmt;

use card_spec::money::Fen;
use protocol::{id::TransactionId, record::Business, timestamp::Timestamp, upload::RefusalReason};
use terminal::{
    eligibility::Source,
    flows::{Allowance, PreSettlement},
    ledger::{Purpose, State, Transaction, Visit, VisitState},
    receipt::MaskedNumber,
    rules::{Count, ItemClass, Line, LineAmounts, PersonKind, Settlement, Step, UnitPrice, VisitKind},
    session::{Attention, OpenCard},
};

/// The card in the slot, for the clerk who has its holder in front: the name is whole, the number is masked.
#[derive(Clone, PartialEq, Eq)]
pub struct CardFacts {
    /// Name, as it stands on the card.
    pub name: String,
    /// Number of the person, masked.
    pub number: String,
    /// City of issue.
    pub area: String,
    /// Version of the card.
    pub version: String,
    /// What is odd about it.
    pub attention: Vec<Attention>,
}

impl CardFacts {
    /// Of an open card.
    pub fn of(card: &OpenCard) -> Self {
        let holder = card.holder();
        CardFacts {
            name: holder.map(|holder| holder.name.as_str().trim().to_owned()).unwrap_or_default(),
            number: holder.map(|holder| MaskedNumber::of(&holder.person).to_string()).unwrap_or_default(),
            area: card.issuer().card_id.city().to_string(),
            version: card.issuer().version.clone(),
            attention: card.attention().to_vec(),
        }
    }
}

impl fmt::Debug for CardFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardFacts").field("version", &self.version).finish_non_exhaustive()
    }
}

/// What is known of the holder's insurance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderFacts {
    /// Insured as; `None` for insurances that are settled elsewhere.
    pub kind: Option<PersonKind>,
    /// Where that is known from.
    pub source: Source,
    /// Year of the sums.
    pub year: u16,
    /// Deductible counted this year.
    pub deductible: Fen,
    /// Paid by the pooled fund this year, outpatient.
    pub pooled_outpatient: Fen,
    /// The same, inpatient.
    pub pooled_inpatient: Fen,
    /// Own part within the policy scope this year.
    pub own_in_scope: Fen,
    /// Stays this year.
    pub stays: u8,
    /// What the year still grants.
    pub allowances: Vec<Allowance>,
}

/// A visit that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitRow {
    /// Its number.
    pub number: String,
    /// The person's number, masked.
    pub person: String,
    /// Outpatient or inpatient.
    pub kind: VisitKind,
    /// Whether an outcome is open.
    pub settling: bool,
    /// When it was registered.
    pub at: Timestamp,
    /// Fee lines.
    pub lines: usize,
    /// What they come to.
    pub amount: Fen,
}

impl VisitRow {
    /// Of a visit and its lines.
    pub fn of(visit: &Visit, lines: &[LineRow]) -> Self {
        VisitRow {
            number: visit.number.clone(),
            person: MaskedNumber::of(&visit.person).to_string(),
            kind: VisitKind::from_medical_type(&visit.med_type).unwrap_or(VisitKind::Outpatient),
            settling: visit.state == VisitState::Settling,
            at: visit.registered_at,
            lines: lines.len(),
            amount: lines.iter().map(|line| line.amount).sum(),
        }
    }
}

/// One fee line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRow {
    /// Its number in the visit.
    pub serial: String,
    /// Its batch, by which it is removed.
    pub batch: String,
    /// Code of the item.
    pub code: String,
    /// What people call it.
    pub name: String,
    /// Class.
    pub class: ItemClass,
    /// Price of one unit.
    pub price: UnitPrice,
    /// How many.
    pub count: Count,
    /// Price × count.
    pub amount: Fen,
    /// What of it counts.
    pub counts: LineAmounts,
}

impl LineRow {
    /// Of a line as the rules read it.
    pub fn of(serial: String, batch: String, line: &Line) -> Self {
        LineRow {
            serial,
            batch,
            code: line.code.clone(),
            name: if line.name.is_empty() { line.code.clone() } else { line.name.clone() },
            class: line.class,
            price: line.price,
            count: line.count,
            amount: line.amount(),
            counts: LineAmounts::of(line),
        }
    }
}

/// The visit at the counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitFacts {
    /// Its number.
    pub number: String,
    /// Outpatient or inpatient.
    pub kind: VisitKind,
    /// Its lines.
    pub lines: Vec<LineRow>,
}

impl VisitFacts {
    /// What the lines come to.
    pub fn amount(&self) -> Fen {
        self.lines.iter().map(|line| line.amount).sum()
    }
}

/// What a bill comes to, for the holder to agree to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The figures.
    pub settlement: Settlement,
    /// How they came about.
    pub steps: Vec<Step>,
    /// Rules that were applied.
    pub rules_version: String,
    /// Where the holder's entry came from.
    pub source: Source,
    /// Whether the line is down.
    pub offline: bool,
    /// Balance of the account before; `None` where the card has none.
    pub balance: Option<Fen>,
    /// Balance afterwards.
    pub balance_after: Fen,
}

impl Split {
    /// Of a pre-settlement.
    pub fn of(agreed: &PreSettlement) -> Self {
        Split {
            settlement: agreed.outcome.settlement,
            steps: agreed.outcome.steps.clone(),
            rules_version: agreed.rules_version.clone(),
            source: agreed.eligible.source,
            offline: agreed.offline,
            balance: agreed.balance,
            balance_after: agreed.outcome.balance_after,
        }
    }
}

/// A settlement that stands in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledFacts {
    /// Its name.
    pub id: TransactionId,
    /// Its place in the chain.
    pub sequence: u64,
    /// The figures.
    pub settlement: Settlement,
    /// Balance of the account afterwards.
    pub balance_after: Option<Fen>,
}

/// What a transaction was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 结算.
    Settlement,
    /// 撤销.
    Cancellation,
    /// 圈存.
    Load,
    /// 指纹采集.
    Enrolment,
    /// 资格认证.
    Certification,
    /// 养老金.
    Pension,
    /// 缴费.
    Contribution,
    /// 退回缴费.
    ContributionReversal,
    /// Nothing came of it.
    Abandoned,
}

/// A transaction of this terminal in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub id: TransactionId,
    /// Its place in the chain.
    pub sequence: Option<u64>,
    /// What it was for.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// When.
    pub at: Timestamp,
    /// The person's number, masked.
    pub person: String,
    /// The whole fee, or the amount of a pension or load.
    pub amount: Option<Fen>,
    /// Account money.
    pub account: Option<Fen>,
    /// Why the center refused it.
    pub refusal: Option<RefusalReason>,
    /// Whether it was taken back.
    pub cancelled: bool,
}

impl Row {
    /// Of a transaction.
    pub fn of(transaction: &Transaction) -> Self {
        let (kind, amount, account) = figures(transaction);
        Row {
            id: transaction.intention.id,
            sequence: transaction.link.map(|link| link.sequence),
            kind,
            state: transaction.state,
            at: transaction.recorded_at.unwrap_or(transaction.intention.made_at),
            person: MaskedNumber::of(&transaction.intention.person).to_string(),
            amount,
            account,
            refusal: transaction.verdict.as_ref().and_then(|verdict| verdict.refusal),
            cancelled: transaction.cancelled_by.is_some(),
        }
    }

    /// Whether it can be taken back here, as far as a row tells.
    pub fn can_be_cancelled(&self) -> bool {
        self.kind == Kind::Settlement && self.state >= State::Recorded && !self.cancelled
    }
}

fn figures(transaction: &Transaction) -> (Kind, Option<Fen>, Option<Fen>) {
    let armed = transaction.armed.as_ref().map(|armed| armed.account);
    match transaction.business() {
        Some(Business::Settlement(settlement)) => {
            (Kind::Settlement, Some(settlement.amounts.medfee_sumamt), Some(settlement.amounts.acct_pay))
        }
        Some(Business::Cancellation(cancellation)) => (
            Kind::Cancellation,
            Some(cancellation.amounts.medfee_sumamt),
            Some(cancellation.amounts.acct_pay),
        ),
        Some(Business::Load(load)) => (Kind::Load, Some(load.amount), Some(load.amount)),
        Some(Business::Enrolment(_)) => (Kind::Enrolment, None, None),
        Some(Business::Certification(_)) => (Kind::Certification, None, None),
        Some(Business::Pension(payment)) => (Kind::Pension, Some(payment.amount), None),
        Some(Business::Contribution(payment)) => (Kind::Contribution, Some(payment.amount), None),
        Some(Business::ContributionReversal(reversal)) => {
            (Kind::ContributionReversal, Some(reversal.amount), None)
        }
        Some(_) => (Kind::Abandoned, None, None),
        None => match transaction.intention.purpose {
            Purpose::Settlement => (Kind::Settlement, None, armed),
            Purpose::Cancellation { .. } => (Kind::Cancellation, None, None),
            Purpose::Load { .. } => (Kind::Load, armed, armed),
            Purpose::Enrolment => (Kind::Enrolment, None, None),
            Purpose::Certification => (Kind::Certification, None, None),
            Purpose::Pension { .. } => (Kind::Pension, None, None),
            Purpose::Contribution => (Kind::Contribution, None, None),
            Purpose::ContributionReversal { .. } => (Kind::ContributionReversal, None, None),
        },
    }
}
