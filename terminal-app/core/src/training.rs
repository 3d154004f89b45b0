//! Training (培训): people who do not exist, rules of the samples, and a line that leads nowhere.
//!
//! A training terminal has a number of its own kind, see `TerminalId::is_training`: its ledger is another kind of file,
//! its receipts say what they are, and no line to a real center takes its records. [`TrainingLink`] is the only line
//! it has, and holds nothing to send with.

use card_spec::{money::Fen, person::PersonNumber, region::RegionCode};
use hal::clock::Clock;
use protocol::{
    account::{LoadAnswer, LoadRequest},
    calendar::{Day, Period},
    feed::{Change, Page, Person, PersonAnswer, PersonQuery, PersonState, SignedPage},
    id::TerminalId,
    limits::{self, OfflineLimits},
    pension::{PensionAnswer, PensionQuery},
    reconciliation::{ReconciliationAnswer, ReconciliationRequest},
    rules::{self, RulesDocument, RulesSet},
    service::{
        ContributionKind, Due, DuesAnswer, HoldAnswer, HoldDues, PersonalAnswer, PersonalQuestion,
        PersonalReply, PersonalRequest,
    },
    signature::{Digest, Signed},
    timestamp::Timestamp,
    upload::{Batch, BatchAnswer, ChainHead},
};
use serde::Deserialize;

use crate::{
    flows::LineEntry,
    keys::Identity,
    ports::{CenterLink, LinkError},
    session::OpenCard,
};

/// What stands on everything that a training terminal prints or says.
pub const MARK: &str = "培训 TRAINING · 无效 VOID";

/// Operator number of the trainee, a supervisor, so that every page can be practised.
pub const OPERATOR: &str = "0001";

/// The trainee's secret. No secret at all: it opens nothing but training.
pub const SECRET: &str = "training";

/// Generation of the feed and version of everything else that the training center hands out.
const VERSION: u64 = 1;

/// Nothing is ever overdue in training.
const TEN_YEARS_MS: i64 = 10 * 365 * 86_400_000;

const PEOPLE: &str = include_str!("../samples/training/people.json");
const BILL: &str = include_str!("../samples/bills/outpatient.json");
const RULES: &str = include_str!("../samples/rules/kunming.json");

/// The number that every training terminal has.
pub fn terminal_number() -> TerminalId {
    match "990000000001".parse() {
        Ok(number) => number,
        Err(_) => unreachable!("twelve digits"),
    }
}

/// Somebody who does not exist.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingPerson {
    /// A number of region 990000, which does not exist.
    #[serde(deserialize_with = "number")]
    pub number: PersonNumber,
    /// Says what it is.
    pub name: String,
    /// Kind of insurance.
    pub kind: TrainingKind,
    /// Money on the account of the training card.
    #[serde(deserialize_with = "yuan")]
    pub account: Fen,
    /// Whether benefits are suspended, to practise a refusal.
    #[serde(default)]
    pub suspended: bool,
}

/// Kind of insurance of a training person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainingKind {
    /// Employee at work.
    Worker,
    /// Retired employee.
    Retired,
    /// Resident.
    Resident,
}

fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<PersonNumber, D::Error> {
    let text = String::deserialize(from)?;
    PersonNumber::parse(&text).map_err(|_| serde::de::Error::custom("no person number"))
}

fn yuan<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Fen, D::Error> {
    let text = String::deserialize(from)?;
    Fen::parse_yuan(&text).ok_or_else(|| serde::de::Error::custom("no amount"))
}

/// Everybody there is to practise with.
pub fn people() -> Vec<TrainingPerson> {
    // Our own file; a test reads it.
    serde_json::from_str(PEOPLE).unwrap_or_default()
}

/// Region that the numbers of training people begin with.
const REGION: &str = "990000";

/// Whether a card is of somebody who does not exist. One that tells no holder is not.
pub fn is_training_card(card: &OpenCard) -> bool {
    card.holder().is_some_and(|holder| holder.person.region().as_str() == REGION)
}

/// The fee lines of a visit to practise with.
pub fn bill() -> Vec<LineEntry> {
    // Our own file; a test reads it.
    let bill: serde_json::Value = serde_json::from_str(BILL).unwrap_or_default();
    let lines = bill["lines"].as_array().cloned().unwrap_or_default();
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| LineEntry {
            serial: (at + 1).to_string(),
            batch: "1".to_owned(),
            content: line.to_string(),
        })
        .collect()
}

/// The sample rules, as if they were this city's.
fn rules_of(city: RegionCode) -> String {
    let mut rules: serde_json::Value = serde_json::from_str(RULES).unwrap_or_default();
    rules["region"] = city.as_str().into();
    rules["name"] = serde_json::json!({ "zh": "培训规则", "en": "Training rules" });
    rules.to_string()
}

impl TrainingPerson {
    /// What the feed tells of this person.
    fn entry(&self, now: Timestamp) -> Person {
        let today = now.civil().date();
        let (insutype, psn_type) = match self.kind {
            TrainingKind::Worker => (310, 11),
            TrainingKind::Retired => (310, 12),
            TrainingKind::Resident => (390, 15),
        };
        let year = u16::try_from(today.year()).unwrap_or(u16::MAX / 13);
        let month = year * 12 + u16::from(u8::from(today.month())) - 1;
        Person {
            key: self.number.key(),
            state: if self.suspended { PersonState::Suspended } else { PersonState::Active },
            insutype,
            psn_type,
            civil_servant: false,
            paid_until: month.saturating_add(12),
            year,
            deductible_fen: 0,
            pooled_outpatient_fen: 0,
            pooled_inpatient_fen: 0,
            own_in_scope_fen: 0,
            stays: 0,
        }
    }
}

/// The line of a training terminal: a center of this process that knows the training people, and takes nothing.
///
/// There is no socket in it. Whatever would leave the terminal is answered by `Down`, so that it stays in the queue.
pub struct TrainingLink {
    identity: Identity,
    city: RegionCode,
    clock: Box<dyn Clock + Send>,
}

impl TrainingLink {
    /// A line that signs as the center of this training terminal: its throw-away key is both.
    pub fn new(identity: Identity, city: RegionCode, clock: Box<dyn Clock + Send>) -> Self {
        TrainingLink { identity, city, clock }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.unix_ms())
    }

    fn signed<T: serde::Serialize>(&self, purpose: &str, document: &T) -> Result<Option<Signed>, LinkError> {
        Signed::new(self.identity.key_pair(), purpose, document)
            .map(Some)
            .map_err(|error| LinkError::Answer { detail: error.to_string() })
    }
}

/// What everybody of the training owes each time, so that paying can be practised again and again.
fn dues(now: Timestamp) -> Vec<Due> {
    let (today, period) = (Day::of(now), Period::of(now));
    let due = |kind, fen| Due { period, months: 1, kind, amount: Fen(fen), until: today.plus_days(20) };
    vec![due(ContributionKind::Pension, 80_000), due(ContributionKind::Medical, 36_000)]
}

fn stays_here<T>() -> Result<T, LinkError> {
    Err(LinkError::Down { detail: "training".to_owned() })
}

impl CenterLink for TrainingLink {
    fn chain_head(&mut self) -> Result<ChainHead, LinkError> {
        Ok(ChainHead { sequence: 0, digest: Digest::default(), now: self.now() })
    }

    fn upload(&mut self, _: &Batch) -> Result<BatchAnswer, LinkError> {
        stays_here()
    }

    fn feed(&mut self, epoch: u64, after: u64) -> Result<SignedPage, LinkError> {
        let (now, people) = (self.now(), people());
        let newest = people.len() as u64;
        let after = if epoch == VERSION { after.min(newest) } else { 0 };
        let changes = people.iter().skip(after as usize).map(|person| Change::Person(person.entry(now)));
        let page = Page {
            city: self.city,
            epoch: VERSION,
            after,
            upto: newest,
            newest,
            as_of: now,
            changes: changes.collect(),
        };
        SignedPage::sign(self.identity.key_pair(), &page)
            .map_err(|error| LinkError::Answer { detail: error.to_string() })
    }

    fn rules(&mut self, revision: u64) -> Result<Option<Signed>, LinkError> {
        if revision >= VERSION {
            return Ok(None);
        }
        let document = RulesDocument {
            version: "training-1".to_owned(),
            effective_from: "2023-01-01".to_owned(),
            configuration: rules_of(self.city),
        };
        self.signed(rules::PURPOSE, &RulesSet { revision: VERSION, documents: vec![document] })
    }

    fn limits(&mut self, version: u64) -> Result<Option<Signed>, LinkError> {
        if version >= VERSION {
            return Ok(None);
        }
        let limits = OfflineLimits {
            version: VERSION,
            amount_max_fen: Fen::from_yuan(100_000),
            account_max_fen: Fen::from_yuan(10_000),
            // Nothing is ever taken from the queue of a training terminal.
            queue_max: 1_000_000,
            upload_deadline_ms: TEN_YEARS_MS,
            ..OfflineLimits::default()
        };
        self.signed(limits::PURPOSE, &limits)
    }

    fn policy(&mut self, _: u64) -> Result<Option<Signed>, LinkError> {
        Ok(None)
    }

    fn pension(&mut self, _: &PensionQuery) -> Result<PensionAnswer, LinkError> {
        stays_here()
    }

    fn person(&mut self, _: &PersonQuery) -> Result<PersonAnswer, LinkError> {
        stays_here()
    }

    fn personal(&mut self, request: &PersonalRequest) -> Result<PersonalReply, LinkError> {
        match request.question {
            PersonalQuestion::Dues => {
                let answer = PersonalAnswer::Dues(DuesAnswer { dues: dues(self.now()), held: Vec::new() });
                Ok(PersonalReply { answer, as_of: self.now() })
            }
            _ => stays_here(),
        }
    }

    fn hold_dues(&mut self, request: &HoldDues) -> Result<HoldAnswer, LinkError> {
        let due = dues(self.now());
        Ok(match request.dues.iter().find(|asked| !due.contains(asked)) {
            Some(asked) => HoldAnswer::Changed { due: *asked },
            None => HoldAnswer::Held { as_of: self.now() },
        })
    }

    fn load(&mut self, _: &LoadRequest) -> Result<LoadAnswer, LinkError> {
        stays_here()
    }

    fn reconcile(&mut self, _: &ReconciliationRequest) -> Result<ReconciliationAnswer, LinkError> {
        stays_here()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use hal::clock::SystemClock;

    use super::*;
    use crate::{keys::TerminalKeys, ports::Random};

    struct Fixed;

    impl Random for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    #[test]
    fn nobody_of_the_training_exists() {
        let people = people();
        assert_eq!(people.len(), 6);
        for person in &people {
            assert_eq!(person.number.region().as_str(), REGION);
            assert!(person.name.starts_with("培训"));
        }
        assert_eq!(bill().len(), 6);
        assert!(terminal_number().is_training());
        assert!(!"530100000001".parse::<TerminalId>().unwrap().is_training());
    }

    #[test]
    fn the_line_hands_out_and_takes_nothing() {
        let identity = TerminalKeys::generate(&mut Fixed).identity().unwrap();
        let city = RegionCode::parse("430100").unwrap();
        let key = identity.public();
        let mut link = TrainingLink::new(identity, city, Box::new(SystemClock::start()));
        let page = link.feed(0, 0).unwrap().open(&key).unwrap();
        assert_eq!((page.changes.len(), page.upto), (6, 6));
        assert!(link.feed(page.epoch, page.upto).unwrap().open(&key).unwrap().changes.is_empty());
        let rules: RulesSet = link.rules(0).unwrap().unwrap().open(&key, rules::PURPOSE).unwrap();
        let config = crate::rules::CityRules::from_json(rules.documents[0].configuration.as_bytes());
        assert_eq!(config.unwrap().region(), city);
        assert!(link.rules(1).unwrap().is_none());
        let batch = Batch { terminal: terminal_number(), previous: Digest::default(), records: Vec::new() };
        assert!(matches!(link.upload(&batch), Err(LinkError::Down { .. })));
    }
}
