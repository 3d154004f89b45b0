//! Several connections at one ledger: the counter, the uploader, a command line.

use std::{collections::BTreeSet, thread};

use protocol::{record::AbandonReason, timestamp::ClockQuality};
use terminal::{
    ledger::{Filter, LedgerError, Purpose},
    uploader::{Step, Uploader},
};

use super::{support::*, uploading::Rig};

#[test]
fn two_counters_share_one_chain() {
    let mut rig = Rig::new(160);
    let each = 25;
    let cashier = rig.cashier.clone();
    let workers: Vec<_> = (0..2_u64)
        .map(|worker| {
            let mut ledger = rig.terminal.open();
            let (cashier, limits) = (cashier.clone(), rig.terminal.limits.clone());
            thread::spawn(move || {
                let mut chance = Chance::from_seed(160 + worker);
                for number in 0..each {
                    let (id, who) = (chance.id(), worker * 1_000 + number);
                    let name = format!("V{id}");
                    ledger.register(&visit(&name, who, &cashier, MORNING)).unwrap();
                    let intended = intention(id, Purpose::Settlement, Some(&name), who, &cashier, MORNING);
                    ledger.intend(&intended, &limits).unwrap();
                    ledger.arm(id, &arming(1), MORNING).unwrap();
                    if number % 5 == 0 {
                        let proved = AbandonReason::ProvedNotDone;
                        ledger.abandon(id, proved, MORNING, ClockQuality::Checked, true).unwrap();
                    } else {
                        ledger.record(id, &outcome(settlement(&name, who, None), MORNING)).unwrap();
                    }
                }
            })
        })
        .collect();
    // Meanwhile the queue is drained.
    rig.uploader = Uploader::new(rig.center.key.public());
    while workers.iter().any(|worker| !worker.is_finished()) {
        match rig.step() {
            Step::Stopped(reason) => panic!("{reason}"),
            Step::Wait { for_ms } => rig.terminal.clock.pass(for_ms),
            _ => {}
        }
    }
    for worker in workers {
        worker.join().unwrap();
    }
    rig.drain();
    let rows = rig.ledger.list(Filter::All, 1_000).unwrap();
    let sequences: BTreeSet<u64> = rows.iter().map(|row| row.link.unwrap().sequence).collect();
    assert_eq!(sequences, (1..=2 * each).collect());
    assert_eq!(rig.ledger.verify().unwrap().links, 2 * each);
    assert_eq!(rig.center.held.len() as u64, 2 * each);
    assert!(rig.center.bookings.values().all(|times| *times == 1));
    assert_eq!(rig.terminal.open().halted(), Ok(None));
}

#[test]
fn what_one_connection_armed_another_cannot_cancel() {
    let mut terminal = Terminal::new(161);
    let (mut counter, cashier) = terminal.open_for_business();
    let mut other = terminal.open();
    let (id, now) = (terminal.chance.id(), terminal.now());
    counter.register(&visit("V", 1, &cashier, now)).unwrap();
    counter
        .intend(&intention(id, Purpose::Settlement, Some("V"), 1, &cashier, now), &terminal.limits)
        .unwrap();
    assert_eq!(other.unresolved_all().unwrap().len(), 1);
    counter.arm(id, &arming(1), now).unwrap();
    let cancelled = other.abandon(id, AbandonReason::Cancelled, now, ClockQuality::Checked, true);
    assert_eq!(cancelled, Err(LedgerError::OutcomeUnknown { id }));
}
