//! Limits, met.

use std::fs;

use protocol::{
    record::BODY_BYTES_MAX,
    upload::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX},
};
use terminal::ledger::{LedgerError, Purpose, State};

use super::{support::*, uploading::Rig};

/// Records one settlement whose TAC is that long.
fn settle_long(rig: &mut Rig, who: u64, bytes: usize) -> Result<(), LedgerError> {
    let (id, now) = (rig.terminal.chance.id(), rig.terminal.now());
    let name = format!("V{id}");
    rig.ledger.register(&visit(&name, who, &rig.cashier, now)).unwrap();
    let intended = intention(id, Purpose::Settlement, Some(&name), who, &rig.cashier, now);
    rig.ledger.intend(&intended, &rig.terminal.limits).unwrap();
    rig.ledger.arm(id, &arming(1), now).unwrap();
    // Quotation marks take twice their room inside of a batch.
    let purchase = arming(1).purchase("\"".repeat(bytes / 2), false);
    rig.ledger.record(id, &outcome(settlement(&name, who, Some(purchase)), now)).map(|_| ())
}

#[test]
fn a_batch_stays_within_its_bytes() {
    let mut rig = Rig::new(170);
    for who in 0..20 {
        settle_long(&mut rig, who, 900_000).unwrap();
    }
    let mut after = 0;
    let mut batches = Vec::new();
    while let Some(pending) = rig.ledger.batch_after(after, BATCH_RECORDS_MAX).unwrap() {
        let wire = serde_json::to_vec(&pending.batch).unwrap().len();
        assert!(wire <= BATCH_BYTES_MAX, "{wire}");
        batches.push(pending.batch.records.len());
        after = pending.expected.last().unwrap().1;
    }
    assert!(batches.len() > 1 && batches[0] > 5, "{batches:?}");
    rig.drain();
    assert_eq!(rig.states(), [State::Booked; 20]);
}

#[test]
fn a_body_beyond_its_limit_is_refused_and_stays_unresolved() {
    let mut rig = Rig::new(171);
    let refused = settle_long(&mut rig, 1, BODY_BYTES_MAX);
    assert!(matches!(refused, Err(LedgerError::BodyTooLarge { bytes }) if bytes > BODY_BYTES_MAX));
    assert_eq!(rig.ledger.unresolved(card(1)).unwrap().unwrap().state, State::Armed);
    assert_eq!(rig.ledger.head().unwrap().sequence, 0);
}

/// Most bytes that one visit may write, from registration to receipt: flash wears out.
const VISIT_BYTES_MAX: u64 = 128 << 10;

#[test]
fn a_visit_writes_little() {
    let mut rig = Rig::new(172);
    let log = rig.terminal.path().with_extension("db-wal");
    // Into a log that was just emptied, and not so much that it is emptied again.
    let ledger = std::mem::replace(&mut rig.ledger, rig.terminal.open());
    ledger.close().unwrap();
    let before = fs::metadata(&log).map_or(0, |meta| meta.len());
    rig.settle(0..50);
    rig.drain();
    let written = fs::metadata(&log).unwrap().len() - before;
    // What is in the log is written once more when it goes into the file.
    let each = written * 2 / 50;
    println!("{each} bytes a visit, {} MiB a day of 400", (each * 400) >> 20);
    assert!(each <= VISIT_BYTES_MAX, "{each}");
}
