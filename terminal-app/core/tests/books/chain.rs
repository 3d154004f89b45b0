//! The chain: verified whole, and broken by any change.

use protocol::{
    record::PURPOSE,
    signature::{Digest, PublicKey},
};
use ring::signature::{ED25519, UnparsedPublicKey};
use rusqlite::{Connection, params};
use terminal::{
    ledger::{BrokenPart, LedgerError},
    store,
};

use super::support::*;

/// Ten settlements, closed.
fn written(seed: u64) -> Terminal {
    let mut terminal = Terminal::new(seed);
    let (mut ledger, cashier) = terminal.open_for_business();
    for who in 0..10 {
        settle(&mut ledger, &mut terminal, &cashier, who);
        terminal.clock.pass(1_000);
    }
    ledger.close().unwrap();
    terminal
}

fn raw(terminal: &Terminal) -> Connection {
    let raw = Connection::open(terminal.path()).unwrap();
    store::unlock(&raw, &store_key()).unwrap();
    raw
}

/// Removes the triggers that would forbid it, as someone with the key could, and changes a row.
fn forge(terminal: &Terminal, sql: &str) {
    let raw = raw(terminal);
    let triggers: Vec<String> = raw
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for trigger in triggers {
        raw.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    raw.execute(sql, []).unwrap();
}

#[test]
fn the_chain_verifies_without_our_code() {
    let terminal = written(20);
    let raw = raw(&terminal);
    let key = identity_of(7).public();
    let mut previous = [0; 32];
    let mut statement =
        raw.prepare("SELECT sequence, body, digest, signature FROM link ORDER BY sequence").unwrap();
    let mut rows = statement.query([]).unwrap();
    for expected in 1..=10_u64 {
        let row = rows.next().unwrap().unwrap();
        let body: String = row.get(1).unwrap();
        let mut bytes = previous.to_vec();
        bytes.extend_from_slice(body.as_bytes());
        let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
        let stored: [u8; 32] = row.get(2).unwrap();
        let signature: [u8; 64] = row.get(3).unwrap();
        assert_eq!((row.get::<_, u64>(0).unwrap(), digest.as_ref()), (expected, stored.as_slice()));
        let mut message = PURPOSE.as_bytes().to_vec();
        message.push(0);
        message.extend_from_slice(&stored);
        UnparsedPublicKey::new(&ED25519, key.0).verify(&message, &signature).unwrap();
        previous = stored;
    }
    assert!(rows.next().unwrap().is_none());
}

#[test]
fn any_change_of_a_record_is_found() {
    for (sql, at, what) in [
        ("UPDATE link SET body = replace(body, '41548', '41549') WHERE sequence = 4", 4, BrokenPart::Digest),
        ("DELETE FROM link WHERE sequence = 6", 6, BrokenPart::Digest),
        ("UPDATE txn SET sequence = 11 WHERE sequence = 9", 9, BrokenPart::Row),
        ("DELETE FROM txn WHERE sequence = 2", 2, BrokenPart::Row),
        ("UPDATE link SET digest = randomblob(32) WHERE sequence = 3", 3, BrokenPart::Digest),
        ("UPDATE link SET signature = randomblob(64) WHERE sequence = 10", 10, BrokenPart::Signature),
    ] {
        let terminal = written(21);
        forge(&terminal, sql);
        assert_eq!(terminal.try_open().map(|_| ()), Err(LedgerError::ChainBroken { at, what }), "{sql}");
    }
}

#[test]
fn what_opening_leaves_out_the_whole_verification_finds() {
    let terminal = written(22);
    forge(&terminal, "UPDATE link SET signature = randomblob(64) WHERE sequence = 5");
    let ledger = terminal.open();
    let broken = LedgerError::ChainBroken { at: 5, what: BrokenPart::Signature };
    assert_eq!(ledger.verify().map(|_| ()), Err(broken));

    let terminal = written(23);
    forge(
        &terminal,
        "INSERT INTO txn (id, state, purpose, person, card, cycle, operator, intended_at, sequence,
         abandoned) VALUES (randomblob(16), 2, 0, 1, randomblob(12), '', '', 1, 99, 0)",
    );
    let broken = LedgerError::ChainBroken { at: 10, what: BrokenPart::Row };
    assert_eq!(terminal.open().verify().map(|_| ()), Err(broken));

    let terminal = written(23);
    forge(&terminal, "UPDATE txn SET id = randomblob(16) WHERE sequence = 2");
    let broken = LedgerError::ChainBroken { at: 2, what: BrokenPart::Body };
    assert_eq!(terminal.open().verify().map(|_| ()), Err(broken));
}

#[test]
fn a_chain_forged_from_the_middle_on_needs_the_key() {
    let terminal = written(24);
    // Someone with the file's key rewrites a body and every digest behind it, but cannot sign.
    {
        let raw = raw(&terminal);
        let mut previous = Digest::default();
        forge(&terminal, "UPDATE link SET body = replace(body, '41548', '41549') WHERE sequence = 4");
        for sequence in 1..=10 {
            let body: String = raw
                .query_row("SELECT body FROM link WHERE sequence = ?1", [sequence], |row| row.get(0))
                .unwrap();
            previous = previous.chain(body.as_bytes());
            raw.execute("UPDATE link SET digest = ?2 WHERE sequence = ?1", params![sequence, previous.0])
                .unwrap();
        }
    }
    let broken = LedgerError::ChainBroken { at: 10, what: BrokenPart::Signature };
    assert_eq!(terminal.try_open().map(|_| ()), Err(broken));
}

#[test]
fn the_audit_is_a_chain_of_its_own() {
    for sql in [
        "UPDATE audit SET operator = '9999' WHERE number = 2",
        "UPDATE audit SET event = replace(event, 'cashier', 'auditor') WHERE number = 2",
        "DELETE FROM audit WHERE number = 1",
    ] {
        let terminal = written(25);
        forge(&terminal, sql);
        let error = terminal.try_open().map(|_| ());
        assert!(matches!(error, Err(LedgerError::ChainBroken { what: BrokenPart::Audit, .. })), "{sql}");
    }
}

#[test]
fn another_terminal_cannot_have_signed_it() {
    let terminal = written(26);
    let link = terminal.open().transaction_at(10).unwrap().unwrap().link.unwrap();
    assert!(identity_of(7).public().verify(PURPOSE, &link.digest.0, &link.signature).is_ok());
    let other: PublicKey = identity_of(8).public();
    assert!(other.verify(PURPOSE, &link.digest.0, &link.signature).is_err());
}
