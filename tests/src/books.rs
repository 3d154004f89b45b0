//! What terminal, card and center say of the same business, and whether they agree.

use std::collections::BTreeSet;

use card_spec::money::Fen;
use datacenter::storage::rows::{Kind, Outcome, Proof, RecordSummary};
use protocol::{
    id::{TerminalId, TransactionId},
    record::{Amounts, Body, Business},
};
use serde_json::Value;

use crate::{
    holder::CardState,
    scene::{Scene, terminal},
};

/// Rows that are looked at; no test makes more.
const ROWS_MAX: usize = 1_000;

/// What the center holds of this scene's terminal, oldest first.
#[derive(Debug)]
pub struct Books {
    /// Every record, as it is listed.
    pub records: Vec<RecordSummary>,
    /// The bodies of the booked ones.
    pub bodies: Vec<Body>,
}

impl Books {
    /// Reads the center's books.
    ///
    /// # Panics
    /// When the storage fails, or a booked body cannot be read.
    pub fn of_center(scene: &Scene) -> Self {
        Self::of(scene, terminal())
    }

    /// The same of any terminal.
    ///
    /// # Panics
    /// When the storage fails, or a booked body cannot be read.
    pub fn of(scene: &Scene, terminal: TerminalId) -> Self {
        let storage = scene.center.production().storage();
        let mut records = storage.records(Some(terminal), ROWS_MAX).unwrap_or_else(|error| panic!("{error}"));
        records.reverse();
        let ids: Vec<TransactionId> = records
            .iter()
            .filter(|record| record.link.outcome == Outcome::Booked)
            .filter_map(|record| record.link.id)
            .collect();
        let mut bodies = Vec::new();
        storage
            .transact(&mut |transaction| {
                bodies = transaction.held(&ids)?;
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{error}"));
        let mut bodies: Vec<Body> = bodies
            .iter()
            .map(|held| serde_json::from_str(&held.body).unwrap_or_else(|error| panic!("{error}")))
            .collect();
        bodies.sort_by_key(|body| body.sequence);
        Books { records, bodies }
    }

    /// Booked settlements, with their amounts.
    pub fn settlements(&self) -> Vec<Amounts> {
        self.bodies
            .iter()
            .filter_map(|body| match &body.business {
                Business::Settlement(settlement) => Some(settlement.amounts),
                _ => None,
            })
            .collect()
    }

    /// Booked cancellations, with their negative amounts.
    pub fn cancellations(&self) -> Vec<Amounts> {
        self.bodies
            .iter()
            .filter_map(|body| match &body.business {
                Business::Cancellation(cancellation) => Some(cancellation.amounts),
                _ => None,
            })
            .collect()
    }

    /// Booked loads, with their amounts.
    pub fn loads(&self) -> Vec<Fen> {
        self.bodies
            .iter()
            .filter_map(|body| match &body.business {
                Business::Load(load) => Some(load.amount),
                _ => None,
            })
            .collect()
    }

    /// Records that say that nothing has happened.
    pub fn abandoned(&self) -> usize {
        self.records.iter().filter(|record| record.kind == Kind::Abandoned).count()
    }
}

/// Sends what waits, and checks that terminal, card and center tell the same story of the scene's card, which
/// was used here alone.
///
/// The story: each sequence number once and in order, the same ids and states on both sides, everything booked
/// under a receipt; the card's balance is what it began with, less what was booked as taken, plus what was booked
/// as loaded; it has made as many purchases and loads as are booked, each with a verified TAC; the register's
/// yearly sums are those of the books; no alarm; no PIN try burnt; the day's comparison is equal.
///
/// # Panics
/// When they do not agree; the message says about what.
#[track_caller]
pub fn agree(scene: &Scene) -> Books {
    scene.run(&["queue", "retry"], &[]).done();
    let books = agree_without_reconciling(scene);
    if !books.records.is_empty() {
        let compared = scene.run(&["reconcile"], &[]).done();
        assert_eq!(compared.json["equal"], true, "{compared:?}");
    }
    books
}

/// [`agree`] on what was sent already, without asking the terminal to compare.
///
/// # Panics
/// When they do not agree.
#[track_caller]
pub fn agree_without_reconciling(scene: &Scene) -> Books {
    let books = Books::of_center(scene);
    let listed = scene.run(&["queue", "list", "--rows", "1000"], &[]).done();
    let rows = rows(&listed.json);
    let ours: Vec<_> = rows.iter().map(|row| (row.sequence, row.id.clone(), row.state.clone())).collect();
    let theirs: Vec<_> = books
        .records
        .iter()
        .map(|record| {
            let id = record.link.id.map(|id| id.to_string()).unwrap_or_default();
            (record.link.sequence, id, "booked".to_owned())
        })
        .collect();
    assert_eq!(ours, theirs, "the terminal's queue and the center's records");
    let sequences: Vec<u64> = books.records.iter().map(|record| record.link.sequence).collect();
    assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>(), "sequence numbers");
    let ids: BTreeSet<_> = books.bodies.iter().map(|body| body.id.to_string()).collect();
    assert_eq!(ids.len(), books.records.len(), "every record is booked once");

    let card = CardState::of(&scene.card);
    let purchases: Vec<_> = books
        .bodies
        .iter()
        .filter_map(|body| match &body.business {
            Business::Settlement(settlement) => settlement.card.as_ref(),
            _ => None,
        })
        .collect();
    let taken: i64 = purchases.iter().map(|purchase| purchase.account.0).sum();
    let loaded: i64 = books.loads().iter().map(|amount| amount.0).sum();
    let began = i64::from(scene.balance_fen);
    assert_eq!(i64::from(card.balance_fen), began - taken + loaded, "the card's balance");
    assert_eq!(usize::from(card.offline_serial), purchases.len(), "purchases on the card");
    assert_eq!(usize::from(card.online_serial), books.loads().len(), "loads on the card");
    assert_eq!(card.pin_tries_left, sim::personalise::PIN_TRIES, "PIN tries");
    for record in &books.records {
        let expected = match record.kind {
            Kind::Settlement | Kind::Load => Proof::Verified,
            _ => Proof::NotNeeded,
        };
        assert_eq!(record.proof, expected, "proof of {}", record.link.sequence);
    }

    let year = scene
        .center
        .production()
        .storage()
        .person(scene.holder.person.number.key())
        .unwrap_or_else(|error| panic!("{error}"))
        .expect("the holder is in the register");
    let sum = |of: fn(&Amounts) -> Fen| -> i64 {
        books.settlements().iter().chain(&books.cancellations()).map(|amounts| of(amounts).0).sum()
    };
    assert_eq!(i64::from(year.deductible_fen), sum(|amounts| amounts.act_pay_dedc), "the year's deductible");
    assert_eq!(i64::from(year.pooled_outpatient_fen), sum(|amounts| amounts.hifp_pay), "the year's fund");
    let alarms = scene.center.production().storage().alarms(10).unwrap_or_else(|error| panic!("{error}"));
    assert!(alarms.is_empty(), "{alarms:?}");
    books
}

/// A row of `queue list`.
#[derive(Clone, Debug)]
pub struct Row {
    /// Place in the chain, 0 while it has none.
    pub sequence: u64,
    /// The transaction.
    pub id: String,
    /// Its state.
    pub state: String,
}

/// The rows of a `queue list --json`, in the order of the chain; those without a place come first.
///
/// # Panics
/// When it is none.
pub fn rows(list: &Value) -> Vec<Row> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut rows: Vec<Row> = list["transactions"]
        .as_array()
        .unwrap_or_else(|| panic!("no list: {list}"))
        .iter()
        .map(|row| Row {
            sequence: row["sequence"].as_u64().unwrap_or(0),
            id: text(&row["id"]),
            state: text(&row["state"]),
        })
        .collect();
    rows.sort_by_key(|row| row.sequence);
    rows
}
