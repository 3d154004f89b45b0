//! Random sequences of everything that can happen, against a model that is too simple to be wrong.
//!
//! After each sequence the books must be square: one outcome per transaction, no gap and no double in the
//! sequences, every record at the center exactly once, the same sums on both sides.

use std::collections::BTreeMap;

use protocol::{
    id::TransactionId,
    record::AbandonReason,
    timestamp::ClockQuality,
    upload::{SendWindow, Verdict},
};
use terminal::{
    ledger::{Filter, LedgerError, Purpose, State},
    uploader::{Step, Uploader},
};

use super::{
    support::{center::Fault, *},
    uploading::Rig,
};

const PEOPLE: u64 = 6;
const EVENTS: u64 = 120;

/// What the model believes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Believed {
    Intended,
    Armed,
    Settled,
    Abandoned,
}

struct World {
    rig: Rig,
    believed: BTreeMap<TransactionId, (u64, Believed)>,
    restarts: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        World { rig: Rig::new(seed), believed: BTreeMap::new(), restarts: 0 }
    }

    fn open_of(&self, who: u64) -> Option<(TransactionId, Believed)> {
        self.believed.iter().find_map(|(id, (owner, state))| {
            let open = matches!(state, Believed::Intended | Believed::Armed);
            (open && *owner == who).then_some((*id, *state))
        })
    }

    fn intend(&mut self, who: u64) {
        let Rig { terminal, ledger, cashier, .. } = &mut self.rig;
        let (id, now) = (terminal.chance.id(), terminal.now());
        let number = format!("V{id}");
        ledger.register(&visit(&number, who, cashier, now)).unwrap();
        let intended = intention(id, Purpose::Settlement, Some(&number), who, cashier, now);
        let result = ledger.intend(&intended, &terminal.limits);
        match self.open_of(who) {
            Some((open, _)) => assert_eq!(result, Err(LedgerError::Unresolved { id: open })),
            None => {
                result.unwrap();
                self.believed.insert(id, (who, Believed::Intended));
            }
        }
    }

    fn arm(&mut self, who: u64) {
        let Some((id, state)) = self.open_of(who) else { return };
        let now = self.rig.terminal.now();
        let result = self.rig.ledger.arm(id, &arming(who as u16), now);
        match state {
            Believed::Intended => {
                result.unwrap();
                self.believed.insert(id, (who, Believed::Armed));
            }
            _ => assert!(matches!(result, Err(LedgerError::WrongState { .. }))),
        }
    }

    fn record(&mut self, who: u64) {
        let Some((id, _)) = self.open_of(who) else { return };
        let now = self.rig.terminal.now();
        let purchase = arming(who as u16).purchase("11223344".into(), false);
        let business = settlement(&format!("V{id}"), who, Some(purchase));
        self.rig.ledger.record(id, &outcome(business.clone(), now)).unwrap();
        assert!(self.rig.ledger.record(id, &outcome(business, now)).is_err(), "an outcome is written once");
        self.believed.insert(id, (who, Believed::Settled));
    }

    fn abandon(&mut self, who: u64) {
        let Some((id, state)) = self.open_of(who) else { return };
        let now = self.rig.terminal.now();
        let reason =
            if state == Believed::Armed { AbandonReason::ProvedNotDone } else { AbandonReason::Cancelled };
        self.rig.ledger.abandon(id, reason, now, ClockQuality::Checked, true).unwrap();
        self.believed.insert(id, (who, Believed::Abandoned));
    }

    fn step(&mut self) {
        let faults = [
            Fault::None,
            Fault::None,
            Fault::Down,
            Fault::LostBefore,
            Fault::LostAfter,
            Fault::LostAfter,
            Fault::Overloaded,
            Fault::Storage,
            Fault::TooLarge,
            Fault::ForgedReceipt,
            Fault::SwappedLines,
            Fault::NoEarlier,
        ];
        let fault = faults[self.rig.terminal.chance.below(faults.len() as u64) as usize];
        self.rig.center.faults.clear();
        self.rig.center.faults.push_back(fault);
        let after_ms = self.rig.terminal.chance.below(3_000) as u32;
        self.rig.center.window = SendWindow { after_ms, spread_ms: 500 };
        match self.rig.step() {
            Step::Wait { for_ms } => self.rig.terminal.clock.pass(for_ms.min(700_000)),
            Step::Stopped(reason) => panic!("nothing was put back: {reason}"),
            _ => {}
        }
        self.rig.center.faults.clear();
    }

    /// The machine goes down and comes up again.
    fn restart(&mut self) {
        self.rig.uploader = Uploader::new(self.rig.center.key.public());
        self.rig.ledger = self.rig.terminal.open();
        self.restarts += 1;
    }

    fn act(&mut self) {
        let who = self.rig.terminal.chance.below(PEOPLE);
        match self.rig.terminal.chance.below(20) {
            0..=4 => self.intend(who),
            5..=7 => self.arm(who),
            8..=11 => self.record(who),
            12 => self.abandon(who),
            13..=17 => self.step(),
            18 => self.restart(),
            _ => self.rig.terminal.clock.pass(5_000),
        }
    }

    fn settle_everything(&mut self) {
        for who in 0..PEOPLE {
            if self.open_of(who).is_some() {
                self.record(who);
            }
        }
        self.rig.center.faults.clear();
        self.rig.drain();
    }

    fn check(&self) {
        let rig = &self.rig;
        let verified = rig.ledger.verify().unwrap();
        let outcomes = self
            .believed
            .values()
            .filter(|(_, state)| matches!(state, Believed::Settled | Believed::Abandoned))
            .count() as u64;
        assert_eq!((verified.head.sequence, verified.links), (outcomes, outcomes), "no gap, no double");
        let rows = rig.ledger.list(Filter::All, 10_000).unwrap();
        assert_eq!(rows.len(), self.believed.len());
        for row in &rows {
            let (_, believed) = self.believed[&row.intention.id];
            let expected = match row.state {
                State::Intended => Believed::Intended,
                State::Armed => Believed::Armed,
                _ if row.abandoned => Believed::Abandoned,
                _ => Believed::Settled,
            };
            assert_eq!(believed, expected);
        }
        // Nothing at the center that is not here, with the same content, and booked once.
        for (sequence, held) in &rig.center.held {
            let row = rig.ledger.transaction_at(*sequence).unwrap().unwrap();
            assert_eq!((row.intention.id, row.link.unwrap().digest), (held.id, held.digest));
        }
        assert!(rig.center.bookings.values().all(|times| *times == 1), "booked twice");
    }

    fn check_at_rest(&self) {
        self.check();
        let rig = &self.rig;
        assert!(rig.ledger.unresolved_all().unwrap().is_empty());
        assert_eq!(rig.center.held.len(), self.believed.len());
        assert!(rig.states().iter().all(|state| *state == State::Booked));
        let settled = self.believed.values().filter(|(_, state)| *state == Believed::Settled).count() as u64;
        let totals = rig.ledger.totals(1, u64::from(u32::MAX)).unwrap();
        assert_eq!(totals.count, settled);
        assert_eq!(rig.center.bookings.len(), self.believed.len());
        let booked = rig.center.held.values().filter(|held| held.verdict == Verdict::Booked).count();
        assert_eq!(booked, self.believed.len());
        let expected = settled as i64 * super::support::center::sum_of_one();
        assert_eq!(super::support::center::sum(&totals).0, expected);
    }
}

#[test]
fn whatever_happens_the_books_are_square() {
    let seed = Chance::seeded(0x6A696E62).below(u64::MAX);
    let (mut restarts, mut uploads) = (0, 0);
    for round in 0..12 {
        let mut world = World::new(seed.wrapping_add(round));
        for event in 0..EVENTS {
            world.act();
            if event % 30 == 0 {
                world.check();
            }
        }
        world.settle_everything();
        world.check_at_rest();
        restarts += world.restarts;
        uploads += world.rig.center.uploads;
    }
    assert!(restarts > 12 && uploads > 100, "{restarts} restarts, {uploads} uploads: nothing was tested");
}
