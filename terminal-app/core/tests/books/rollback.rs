//! A ledger that was copied back from an old backup.

use std::fs;

use protocol::limits::OfflineLimits;
use terminal::{
    audit::Actor,
    ledger::{HaltReason, HeadInMemory, Ledger, LedgerError, Purpose, Quota},
    uploader::{Step, Uploader},
};

use super::{support::*, uploading::Rig};

fn backup(ledger: Ledger, terminal: &Terminal) -> Vec<u8> {
    ledger.close().unwrap();
    fs::read(terminal.path()).unwrap()
}

fn put_back(terminal: &Terminal, copy: &[u8]) {
    for suffix in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", terminal.path().display()));
    }
    fs::write(terminal.path(), copy).unwrap();
}

fn refused(ledger: &mut Ledger, terminal: &mut Terminal, reason: HaltReason) {
    assert_eq!(ledger.halted(), Ok(Some(reason)));
    let now = terminal.now();
    let cashier = ledger.sign_in("0101", b"246813", now).unwrap();
    let number = format!("X{:?}", terminal.chance.id());
    assert_eq!(ledger.register(&visit(&number, 1, &cashier, now)), Err(LedgerError::Halted(reason)));
    let id = terminal.chance.id();
    let intended = intention(id, Purpose::Settlement, Some(&number), 1, &cashier, now);
    assert_eq!(ledger.intend(&intended, &OfflineLimits::default()), Err(LedgerError::Halted(reason)));
}

#[test]
fn the_head_outside_shows_it() {
    let mut rig = Rig::new(60);
    rig.settle(0..3);
    let Rig { mut terminal, ledger, .. } = rig;
    let copy = backup(ledger, &terminal);
    {
        let mut ledger = terminal.open();
        let cashier = ledger.sign_in("0101", b"246813", terminal.now()).unwrap();
        settle(&mut ledger, &mut terminal, &cashier, 8);
        settle(&mut ledger, &mut terminal, &cashier, 9);
        ledger.close().unwrap();
    }
    let right = fs::read(terminal.path()).unwrap();
    put_back(&terminal, &copy);
    let mut ledger = terminal.open();
    let reason = HaltReason::RolledBack { ledger: 3, before: 5 };
    refused(&mut ledger, &mut terminal, reason);
    // It stays stopped, and what it holds can be read and exported.
    drop(ledger);
    let mut ledger = terminal.open();
    assert_eq!(ledger.halted(), Ok(Some(reason)));
    let mut lines = Vec::new();
    assert!(ledger.export_lines(&mut lines, Actor::default(), terminal.now()).unwrap() > 3);
    drop(ledger);
    // With the right file in its place business goes on.
    put_back(&terminal, &right);
    assert_eq!(terminal.open().halted(), Ok(None));
}

#[test]
fn a_lost_intention_shows_although_the_chain_is_whole() {
    let mut rig = Rig::new(61);
    rig.settle(0..3);
    let Rig { mut terminal, ledger, .. } = rig;
    let copy = backup(ledger, &terminal);
    {
        // A card was armed, and then the copy was put back: nobody would ever ask for its proof.
        let mut ledger = terminal.open();
        let cashier = ledger.sign_in("0101", b"246813", terminal.now()).unwrap();
        let (now, id) = (terminal.now(), terminal.chance.id());
        ledger.register(&visit("V", 7, &cashier, now)).unwrap();
        ledger
            .intend(&intention(id, Purpose::Settlement, Some("V"), 7, &cashier, now), &terminal.limits)
            .unwrap();
        ledger.arm(id, &arming(3), now).unwrap();
    }
    put_back(&terminal, &copy);
    let mut ledger = terminal.open();
    refused(&mut ledger, &mut terminal, HaltReason::RolledBack { ledger: 3, before: 3 });
}

#[test]
fn a_copy_from_before_the_card_was_asked_shows() {
    let mut rig = Rig::new(67);
    rig.settle(0..3);
    let (now, id) = (rig.terminal.now(), rig.terminal.chance.id());
    rig.ledger.register(&visit("V", 7, &rig.cashier, now)).unwrap();
    let intended = intention(id, Purpose::Settlement, Some("V"), 7, &rig.cashier, now);
    rig.ledger.intend(&intended, &rig.terminal.limits).unwrap();
    let Rig { mut terminal, ledger, .. } = rig;
    let copy = backup(ledger, &terminal);
    {
        // The card is debited and gone; only this copy of the books knows that it has to be asked.
        let mut ledger = terminal.open();
        ledger.arm(id, &arming(3), now).unwrap();
        ledger.close().unwrap();
        // Opening the right books again takes nothing of the mark away.
        assert_eq!(terminal.open().halted(), Ok(None));
    }
    put_back(&terminal, &copy);
    let mut ledger = terminal.open();
    refused(&mut ledger, &mut terminal, HaltReason::RolledBack { ledger: 3, before: 3 });
}

#[test]
fn a_new_ledger_in_the_place_of_the_old_one_shows() {
    let mut rig = Rig::new(62);
    rig.settle(0..2);
    let Rig { terminal, ledger, .. } = rig;
    ledger.close().unwrap();
    fs::remove_file(terminal.path()).unwrap();
    assert_eq!(terminal.open().halted(), Ok(Some(HaltReason::RolledBack { ledger: 0, before: 2 })));
}

#[test]
fn the_center_shows_it_when_the_head_outside_was_put_back_too() {
    let mut rig = Rig::new(63);
    rig.settle(0..3);
    rig.drain();
    let head = *rig.terminal.head.0.lock().unwrap();
    let copy = fs::read(rig.terminal.path()).map(|_| ()).and_then(|()| {
        // Everything is in the log until the file is closed.
        let ledger = std::mem::replace(&mut rig.ledger, rig.terminal.open());
        ledger.close().unwrap();
        fs::read(rig.terminal.path())
    });
    let copy = copy.unwrap();
    rig.settle(3..6);
    rig.drain();
    assert_eq!(rig.center.held.len(), 6);
    drop(std::mem::replace(&mut rig.ledger, other_ledger()));
    put_back(&rig.terminal, &copy);
    *rig.terminal.head.0.lock().unwrap() = head;
    rig.ledger = rig.terminal.open();
    assert_eq!(rig.ledger.halted(), Ok(None), "nothing here can know");
    rig.uploader = Uploader::new(rig.center.key.public());
    let reason = HaltReason::RolledBack { ledger: 3, before: 6 };
    assert_eq!(rig.drain(), [Step::Stopped(reason)]);
    refused(&mut rig.ledger, &mut rig.terminal, reason);
}

#[test]
fn the_center_shows_it_when_business_went_on_after_the_putting_back() {
    let mut rig = Rig::new(64);
    rig.settle(0..3);
    let ledger = std::mem::replace(&mut rig.ledger, other_ledger());
    let copy = backup(ledger, &rig.terminal);
    let head = *rig.terminal.head.0.lock().unwrap();
    rig.ledger = rig.terminal.open();
    rig.settle(3..5);
    rig.drain();
    drop(std::mem::replace(&mut rig.ledger, other_ledger()));
    put_back(&rig.terminal, &copy);
    *rig.terminal.head.0.lock().unwrap() = head;
    rig.ledger = rig.terminal.open();
    // Offline, unnoticed, other records take the sequences of the lost ones.
    rig.settle(10..20);
    rig.uploader = Uploader::new(rig.center.key.public());
    let reason = HaltReason::ChainDiffers { sequence: 5 };
    assert_eq!(rig.drain(), [Step::Stopped(reason)]);
    assert_eq!(rig.ledger.halted(), Ok(Some(reason)));
    assert_eq!(rig.center.held.len(), 5, "nothing was booked over the old records");
    assert!(rig.center.bookings.values().all(|times| *times == 1));
}

#[test]
fn the_installer_resumes_only_what_the_center_confirms() {
    let mut rig = Rig::new(65);
    rig.settle(0..3);
    rig.drain();
    // The place outside was lost and shows a head of another machine.
    let wrong = terminal::ledger::Head { intentions: 90, sequence: 90, ..Default::default() };
    *rig.terminal.head.0.lock().unwrap() = Some(wrong);
    rig.ledger = rig.terminal.open();
    let reason = HaltReason::RolledBack { ledger: 3, before: 90 };
    assert_eq!(rig.ledger.halted(), Ok(Some(reason)));
    let now = rig.terminal.now();
    let confirmed = terminal::ports::CenterLink::chain_head(&mut rig.center).unwrap();
    let ahead = protocol::upload::ChainHead { sequence: 9, ..confirmed };
    let still = HaltReason::RolledBack { ledger: 3, before: 9 };
    assert_eq!(rig.ledger.resume(&ahead, Actor::default(), now), Err(LedgerError::Halted(still)));
    assert_eq!(rig.ledger.resume(&confirmed, Actor::default(), now), Ok(()));
    assert_eq!(rig.ledger.halted(), Ok(None));
    rig.ledger = rig.terminal.open();
    assert_eq!(rig.ledger.halted(), Ok(None), "the head outside was put right");
    let audit = rig.ledger.audit_entries(0, 100).unwrap();
    assert!(audit.iter().any(|entry| entry.text.contains("resumed")));
}

#[test]
fn a_lost_head_outside_is_noted() {
    let mut rig = Rig::new(66);
    rig.settle(0..1);
    *rig.terminal.head.0.lock().unwrap() = None;
    rig.ledger = rig.terminal.open();
    assert_eq!(rig.ledger.halted(), Ok(None));
    let audit = rig.ledger.audit_entries(0, 100).unwrap();
    assert!(audit.iter().any(|entry| entry.text.contains("head_missing")));
}

/// Something to put in the place of a ledger that is being closed.
fn other_ledger() -> Ledger {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    open_at(&path, Box::new(HeadInMemory::default()), Quota::default(), MORNING).unwrap()
}
