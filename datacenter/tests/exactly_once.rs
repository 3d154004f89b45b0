//! Random batches (new, repeated, cut elsewhere, lost, forged, from several terminals, across restarts)
//! against a model that knows nothing but the four answers. A failing run is replayed by `JINBAO_SEED`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use card_spec::person::PersonNumber;
use datacenter::storage::rows::{AlarmKind, ImportedPerson, Outcome};
use protocol::{
    accumulation::Accumulation,
    feed::{Person, PersonState},
    id::TransactionId,
    problem::ProblemKind,
    record,
    signature::{Digest, Signature},
    upload::{Batch, RefusalReason, Verdict},
};
use rig::{
    Dice, Rig, Terminal,
    bodies::{abandoned, amounts, body, cancelled, settled, settlement},
    open, person, verdicts,
};

const STEPS: u64 = 400;
const TERMINALS: u32 = 3;
const PEOPLE: u64 = 12;

/// What the test meant when it wrote a record.
#[derive(Clone, Copy)]
enum Meant {
    Settle { id: TransactionId, person: PersonNumber, fee: i64 },
    Unbalanced { id: TransactionId },
    Cancel { id: TransactionId, of: TransactionId, person: PersonNumber, fee: i64 },
    Abandon { id: TransactionId },
    Garbage,
}

/// The books as they have to be.
#[derive(Default)]
struct Model {
    /// By terminal and sequence: the verdict at booking, and the receipt that said so.
    booked: BTreeMap<(usize, u64), (Verdict, String)>,
    taken: BTreeSet<TransactionId>,
    settlements: HashMap<TransactionId, (PersonNumber, i64)>,
    cancelled: BTreeSet<TransactionId>,
    people: HashMap<u64, Person>,
    receipts: BTreeSet<String>,
    forked: bool,
}

impl Model {
    fn head(&self, terminal: usize) -> u64 {
        self.booked.range((terminal, 0)..(terminal + 1, 0)).next_back().map_or(0, |((_, last), _)| *last)
    }

    /// What a new record gets, and what it changes.
    fn judge(&mut self, meant: Meant) -> Verdict {
        let id = match meant {
            Meant::Garbage => return Verdict::Refused { reason: RefusalReason::Unreadable },
            Meant::Settle { id, .. }
            | Meant::Unbalanced { id }
            | Meant::Cancel { id, .. }
            | Meant::Abandon { id } => id,
        };
        if !self.taken.insert(id) {
            return Verdict::Conflict;
        }
        match meant {
            Meant::Unbalanced { .. } => Verdict::Refused { reason: RefusalReason::Unbalanced },
            Meant::Settle { person, fee, .. } => {
                self.settlements.insert(id, (person, fee));
                self.accumulate(person, fee, false);
                Verdict::Booked
            }
            Meant::Cancel { of, person, fee, .. } => {
                if self.settlements.get(&of) == Some(&(person, fee)) && self.cancelled.insert(of) {
                    self.accumulate(person, fee, true);
                    Verdict::Booked
                } else {
                    Verdict::Refused { reason: RefusalReason::NothingToCancel }
                }
            }
            _ => Verdict::Booked,
        }
    }

    fn accumulate(&mut self, person: PersonNumber, fee: i64, back: bool) {
        let amounts = if back { amounts(fee).negated() } else { amounts(fee) };
        if let Some(entry) = self.people.get_mut(&person.key()) {
            entry.accumulate(rig::year(), &Accumulation::of(&amounts, "11"));
        }
    }
}

struct Run {
    rig: Rig,
    dice: Dice,
    terminals: Vec<Terminal>,
    meant: Vec<Vec<Meant>>,
    model: Model,
}

impl Run {
    fn new(seed: u64) -> Self {
        let rig = Rig::new(seed);
        let mut model = Model::default();
        // The last two are unknown to the center: their settlements are booked and move nobody.
        let people: Vec<Person> = (0..PEOPLE - 2).map(|number| entry(person(number))).collect();
        let imported = people.iter().map(|person| Ok(ImportedPerson { person: *person, with_sums: true }));
        rig.center.production.import_people(imported, |_| {}).unwrap();
        model.people = people.into_iter().map(|person| (person.key, person)).collect();
        let terminals = (1..=TERMINALS).map(|number| rig.terminal(number)).collect();
        let meant = vec![Vec::new(); TERMINALS as usize];
        Run { dice: Dice::new(seed ^ 1), rig, terminals, meant, model }
    }

    fn write(&mut self, which: usize) {
        let fresh = self.dice.id();
        let all_ids: Vec<TransactionId> = self.model.taken.iter().copied().collect();
        let known = |dice: &Dice| all_ids.get(dice.below(all_ids.len().max(1) as u64) as usize).copied();
        // One record in twelve steals an id that is already in the books.
        let id = if self.dice.one_in(12) { known(&self.dice).unwrap_or(fresh) } else { fresh };
        let insured = person(self.dice.below(PEOPLE));
        let fee = 1_000 + self.dice.below(50_000) as i64;
        let terminal = &mut self.terminals[which];
        let meant = match self.dice.below(10) {
            0 => Meant::Garbage,
            1 => Meant::Unbalanced { id },
            2 => Meant::Abandon { id },
            3..=5 => {
                let settlements: Vec<_> = self.model.settlements.iter().collect();
                let mut settlements: Vec<_> =
                    settlements.into_iter().map(|(of, what)| (*of, *what)).collect();
                settlements.sort_by_key(|(of, _)| *of);
                match settlements.get(self.dice.below(settlements.len().max(1) as u64) as usize) {
                    // One cancellation in five is for another person.
                    Some((of, (_, fee))) if self.dice.one_in(5) => {
                        Meant::Cancel { id, of: *of, person: person(999), fee: *fee }
                    }
                    Some((of, (owner, fee))) => Meant::Cancel { id, of: *of, person: *owner, fee: *fee },
                    None => Meant::Settle { id, person: insured, fee },
                }
            }
            _ => Meant::Settle { id, person: insured, fee },
        };
        match meant {
            Meant::Garbage => terminal.record_text(format!("{{\"noise\":{fee}}}")),
            Meant::Settle { person, fee, .. } => terminal.record(id, settled(person, fee)),
            Meant::Cancel { of, person, fee, .. } => terminal.record(id, cancelled(of, person, fee)),
            Meant::Abandon { .. } => terminal.record(id, abandoned()),
            Meant::Unbalanced { .. } => {
                let mut odd = settlement(insured, fee);
                odd.amounts.psn_cash_pay.0 += 1;
                terminal.record(id, record::Business::Settlement(Box::new(odd)))
            }
        };
        self.meant[which].push(meant);
    }

    fn send(&mut self, which: usize) {
        let head = self.model.head(which);
        let length = self.terminals[which].chain.len() as u64;
        let from = 1 + self.dice.below(length);
        let to = from + self.dice.below(length - from + 1);
        let batch = self.terminals[which].batch(from, to);
        let answer = self.rig.book(&self.terminals[which], &batch);
        if from > head + 1 {
            assert_eq!(answer.unwrap_err().kind, ProblemKind::ChainGap);
            return;
        }
        let answer = answer.unwrap();
        let receipt = open(&answer, &self.rig.center.production.public_key());
        let mut earlier = BTreeSet::new();
        let expected: Vec<Verdict> = (from..=to)
            .map(|sequence| match self.model.booked.get(&(which, sequence)) {
                Some((verdict, first)) => {
                    earlier.insert(first.clone());
                    match verdict {
                        Verdict::Booked => Verdict::Duplicate { first: first.clone() },
                        other => other.clone(),
                    }
                }
                None => {
                    let verdict = self.model.judge(self.meant[which][sequence as usize - 1]);
                    self.model.booked.insert((which, sequence), (verdict.clone(), receipt.number.clone()));
                    self.model.receipts.insert(receipt.number.clone());
                    verdict
                }
            })
            .collect();
        assert_eq!(verdicts(&receipt), expected);
        let key = self.rig.center.production.public_key();
        let told: BTreeSet<String> = answer
            .earlier
            .iter()
            .map(|signed| {
                let receipt: protocol::upload::Receipt =
                    signed.open(&key, protocol::upload::RECEIPT_PURPOSE).unwrap();
                receipt.number
            })
            .collect();
        assert_eq!(told, earlier);
    }

    /// A batch that the terminal did not write: none of it may change the books.
    fn forge(&mut self, which: usize) {
        let head = self.model.head(which);
        if head == 0 {
            return;
        }
        let from = 1 + self.dice.below(head);
        let to = (from + self.dice.below(6)).min(self.terminals[which].chain.len() as u64);
        let mut batch = self.terminals[which].batch(from, to);
        match self.dice.below(3) {
            0 => {
                let last = batch.records.len() - 1;
                batch.records[last].signature.0[9] ^= 1;
                let problem = self.rig.book(&self.terminals[which], &batch).unwrap_err();
                assert_eq!(problem.kind, ProblemKind::Signature);
            }
            1 => {
                batch.previous = Digest::of(&batch.previous.0);
                sign(&mut batch, &self.terminals[which]);
                let problem = self.rig.book(&self.terminals[which], &batch).unwrap_err();
                assert_eq!(problem.kind, ProblemKind::ChainBroken);
            }
            _ => {
                // The terminal's own key under other content: its ledger was copied.
                let at = self.dice.below((head - from + 1).min(batch.records.len() as u64)) as usize;
                let other = body(batch.terminal, from + at as u64, self.dice.id(), abandoned());
                batch.records[at].body = serde_json::to_string(&other).unwrap();
                sign(&mut batch, &self.terminals[which]);
                let receipt = self.rig.receipt(&self.terminals[which], &batch);
                let verdicts = verdicts(&receipt);
                assert!(verdicts[at..].iter().all(|verdict| *verdict == Verdict::Conflict));
                assert!(verdicts[..at].iter().all(|verdict| *verdict != Verdict::Booked));
                self.model.forked = true;
            }
        }
    }

    fn compare(&self) {
        let storage = self.rig.center.production.storage();
        for (which, terminal) in self.terminals.iter().enumerate() {
            let mut records = storage.records(Some(terminal.id), usize::MAX).unwrap();
            records.reverse();
            assert_eq!(records.len() as u64, self.model.head(which));
            for record in records {
                let (verdict, receipt) = &self.model.booked[&(which, record.link.sequence)];
                let outcome = match verdict {
                    Verdict::Booked => Outcome::Booked,
                    Verdict::Refused { reason } => Outcome::Refused(*reason),
                    Verdict::Conflict => Outcome::Conflict,
                    Verdict::Duplicate { .. } => unreachable!(),
                };
                assert_eq!(record.link.outcome, outcome);
                assert_eq!(record.link.digest, terminal.digests[record.link.sequence as usize]);
                assert_eq!(self.rig.center.production.receipt_number(record.link.receipt), *receipt);
            }
        }
        for (key, entry) in &self.model.people {
            assert_eq!(storage.person(*key).unwrap().as_ref(), Some(entry));
        }
        let receipts = storage.receipts(None, usize::MAX).unwrap();
        let numbers: Vec<u64> = receipts.iter().rev().map(|receipt| receipt.number).collect();
        assert_eq!(numbers, (1..=self.model.receipts.len() as u64).collect::<Vec<_>>());
        let alarms = storage.alarms(usize::MAX).unwrap();
        let forked = alarms.iter().any(|row| row.alarm.kind == AlarmKind::SequenceConflict);
        assert_eq!(forked, self.model.forked);
    }
}

fn entry(person: PersonNumber) -> Person {
    Person {
        key: person.key(),
        state: PersonState::Active,
        insutype: 310,
        psn_type: 11,
        civil_servant: false,
        paid_until: 2026 * 12 + 11,
        year: rig::year(),
        deductible_fen: 0,
        pooled_outpatient_fen: 0,
        pooled_inpatient_fen: 0,
        own_in_scope_fen: 0,
        stays: 0,
    }
}

fn sign(batch: &mut Batch, terminal: &Terminal) {
    let digest =
        batch.records.iter().fold(batch.previous, |digest, record| digest.chain(record.body.as_bytes()));
    let last = batch.records.len() - 1;
    batch.records[last].signature = Signature::sign(&terminal.identity, record::PURPOSE, &digest.0);
}

#[test]
fn random_batches_leave_the_books_of_the_model() {
    let dice = Dice::shaken("exactly_once");
    let mut run = Run::new(dice.next());
    for _ in 0..STEPS {
        let which = run.dice.below(TERMINALS.into()) as usize;
        match run.dice.below(20) {
            0 => run.forge(which),
            1 => run.rig.reopen(),
            2..=9 if !run.terminals[which].chain.is_empty() => run.send(which),
            _ => run.write(which),
        }
        run.rig.clock.advance_ms(1 + run.dice.below(1_000) as i64);
    }
    // Everything that is still out comes in, in the terminals' own order.
    for which in 0..TERMINALS as usize {
        let length = run.terminals[which].chain.len() as u64;
        for _ in 0..200 {
            if run.model.head(which) == length {
                break;
            }
            run.send(which);
        }
    }
    run.compare();
}

#[test]
fn of_many_senders_of_one_batch_one_books() {
    let rig = Rig::new(77);
    let mut terminal = rig.terminal(1);
    for number in 0..50 {
        terminal.record(rig.dice.id(), settled(person(number), 10_000));
    }
    let batch = terminal.all();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..8).map(|_| scope.spawn(|| rig.receipt(&terminal, &batch))).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    let booked: Vec<_> = answers
        .iter()
        .filter(|receipt| verdicts(receipt).iter().all(|verdict| *verdict == Verdict::Booked))
        .collect();
    assert_eq!(booked.len(), 1);
    for receipt in answers.iter().filter(|receipt| receipt.number != booked[0].number) {
        let duplicate = Verdict::Duplicate { first: booked[0].number.clone() };
        assert!(verdicts(receipt).iter().all(|verdict| *verdict == duplicate));
    }
    assert_eq!(rig.center.production.storage().records(None, 100).unwrap().len(), 50);
}
