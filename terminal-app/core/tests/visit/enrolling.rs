//! Enrolment: consent, fitness, the one match, and a card that is pulled everywhere on the way.

use protocol::{
    evidence::{ManualReason, Way},
    policy::Purpose,
    record::{Business, Fitness},
};
use sim::fault::Fault;
use terminal::{
    error::{Error, MoneyOutcome},
    flows::{Clerk, FingerCheck, Resolved},
    holder::{
        ProofError,
        finger::{FingerFailure, Rung},
    },
    language::Language,
    ledger::{Filter, State},
    receipt::{COLUMNS_58_MM, SlipKind},
};

use super::proving::{enrol, finger, fingers_file, position, scene};
use crate::support::{TestCard, counter::Counter, person, sensor::Laid};

/// Up to the fingers taken; the confirming finger lies ready.
fn prepared(counter: &mut Counter, holder: &sim::people::Person) -> Result<(), Error> {
    counter.tap()?;
    if counter.terminal().card_fingers().is_ok_and(|found| found.fingers.is_empty()) {
        counter.terminal().check_finger(Purpose::Enrolment, None)?;
        counter.terminal().vouch(Purpose::Enrolment, None)?;
    }
    counter.terminal().begin_enrolment(true)?;
    for seed in 0..3 {
        counter.sensor.finger(finger(holder, 1), 1_000 + seed + seed_of(counter));
    }
    counter.terminal().enrol_finger(position(1))?;
    let seed = 1_100 + seed_of(counter);
    counter.sensor.finger(finger(holder, 1), seed);
    Ok(())
}

/// Another impression each time: images are never the same twice.
fn seed_of(counter: &Counter) -> u64 {
    u64::from(counter.sensor.captures()) * 10
}

#[test]
fn three_impressions_of_two_fingers_go_to_the_card() {
    let (mut counter, holder, card) = scene(3);
    enrol(&mut counter, &holder, &card);
    counter.insert(&card);
    counter.tap().unwrap();
    let found = counter.terminal().card_fingers().unwrap();
    let positions: Vec<u8> = found.fingers.iter().map(|finger| finger.position.number()).collect();
    assert_eq!(positions.len(), 3, "two impressions of the better finger, one of the other");
    assert_eq!(positions[0], positions[1]);
    assert_ne!(positions[0], positions[2]);
    assert!(!found.none_usable && found.fingers.iter().all(|finger| finger.fitness >= 9));
    let row = counter.ledger().list(Filter::All, 1).unwrap().remove(0);
    let Some(Business::Enrolment(enrolment)) = row.business() else { panic!("{row:?}") };
    assert!(enrolment.sound() && enrolment.consent_at.is_some() && !enrolment.replaced);
    assert_eq!(enrolment.fingers.len(), 3);
    assert!(enrolment.fingers.iter().all(|finger| finger.fitness == Fitness::Fit));
    assert!(matches!(enrolment.proof.way, Way::PinAndClerk { reason: ManualReason::NoTemplate, .. }));
    let slip = counter.terminal().slip(row.intention.id).unwrap();
    assert!(matches!(&slip.kind, SlipKind::Enrolment { fingers } if fingers.len() == 2));
    let text = slip.text(COLUMNS_58_MM, Language::Chinese);
    assert!(text.contains("指纹采集") && text.contains("右手拇指") && text.contains("左手食指"), "{text}");
    // A second enrolment, by the finger that is there: another record, and the old fingers are gone.
    counter.sensor.finger(finger(&holder, positions[0]), 77);
    let check = counter.terminal().check_finger(Purpose::Enrolment, None).unwrap();
    assert!(matches!(check, FingerCheck::Proved(_)), "{check:?}");
    prepared(&mut counter, &holder).unwrap_err();
}

#[test]
fn nothing_without_consent_proof_and_a_finger() {
    let (mut counter, holder, card) = scene(3);
    counter.insert(&card);
    counter.tap().unwrap();
    assert_eq!(counter.terminal().begin_enrolment(false), Err(ProofError::ConsentFirst.into()));
    assert_eq!(counter.terminal().begin_enrolment(true), Err(ProofError::ProofFirst.into()));
    assert_eq!(counter.terminal().enrol_finger(position(1)), Err(ProofError::NothingTaken.into()));
    counter.terminal().check_finger(Purpose::Enrolment, None).unwrap();
    counter.terminal().vouch(Purpose::Enrolment, None).unwrap();
    counter.terminal().begin_enrolment(true).unwrap();
    assert_eq!(counter.terminal().finish_enrolment(), Err(ProofError::NothingTaken.into()));
    // Another finger in between does not agree.
    for (person, seed) in [(&holder, 1), (&person(9), 2), (&person(8), 3)] {
        counter.sensor.finger(finger(person, 1), seed);
    }
    assert_eq!(counter.terminal().enrol_finger(position(1)), Err(ProofError::ImpressionsDiffer.into()));
    // Nothing but smears: another finger.
    for _ in 0..6 {
        counter.sensor.lay(Laid::Smear);
    }
    assert_eq!(counter.terminal().enrol_finger(position(1)), Err(ProofError::FingerUnfit.into()));
    for seed in 10..13 {
        counter.sensor.finger(finger(&holder, 1), seed);
    }
    counter.terminal().enrol_finger(position(1)).unwrap();
    // The same finger under another name is found out.
    for seed in 13..16 {
        counter.sensor.finger(finger(&holder, 1), seed);
    }
    assert_eq!(counter.terminal().enrol_finger(position(2)), Err(ProofError::FingerTaken.into()));
    // Somebody else's finger at the end: nothing is written.
    for seed in 20..23 {
        counter.sensor.finger(finger(&person(9), 1), seed);
    }
    assert_eq!(counter.terminal().finish_enrolment(), Err(FingerFailure::NoMatch.into()));
    assert!(counter.terminal().card_fingers().unwrap().fingers.is_empty());
    assert!(counter.ledger().list(Filter::All, 10).unwrap().is_empty());
    // What was taken stays: the holder's own finger ends it.
    counter.sensor.finger(finger(&holder, 1), 30);
    let enrolled = counter.terminal().finish_enrolment().unwrap();
    assert_eq!(enrolled.fingers.len(), 2);
}

#[test]
fn no_usable_finger_takes_a_supervisor() {
    let (mut counter, _, card) = scene(3);
    counter.insert(&card);
    counter.tap().unwrap();
    counter.terminal().check_finger(Purpose::Enrolment, None).unwrap();
    counter.terminal().vouch(Purpose::Enrolment, None).unwrap();
    let cashier = Clerk { number: "0102", secret: b"246813" };
    assert!(counter.terminal().enrol_none_usable(true, cashier).unwrap_err().is_not_permitted());
    let supervisor = Clerk { number: "0900", secret: b"246813" };
    assert_eq!(counter.terminal().enrol_none_usable(false, supervisor), Err(ProofError::ConsentFirst.into()));
    let enrolled = counter.terminal().enrol_none_usable(true, supervisor).unwrap();
    assert!(enrolled.fingers.is_empty());
    assert!(enrolled.slip.text(COLUMNS_58_MM, Language::Chinese).contains("未采集到合格指纹"));
    let check = counter.terminal().check_finger(Purpose::Pension, None).unwrap();
    let FingerCheck::Failed { why, next } = check else { panic!() };
    assert_eq!(why, FingerFailure::NoUsableFinger);
    assert_eq!(next, Rung::Clerk { reason: ManualReason::NoUsableFinger });
}

/// Whether the card has fingers, and the books say the same.
fn assert_card_and_books_agree(counter: &mut Counter, card: &TestCard, what: &str) -> bool {
    counter.insert(card);
    let resolved = counter.tap().unwrap_or_else(|error| panic!("{what}: {error}"));
    let on_card = !counter.terminal().card_fingers().unwrap().fingers.is_empty();
    let rows = counter.ledger().list(Filter::All, 100).unwrap();
    assert!(rows.iter().all(|row| row.state >= State::Recorded), "{what}: nothing stays open");
    let recorded = rows
        .iter()
        .filter(|row| !row.abandoned && matches!(row.business(), Some(Business::Enrolment(_))))
        .count();
    assert_eq!(recorded, usize::from(on_card), "{what}: {resolved:?}");
    on_card
}

#[test]
fn pulled_at_every_command_the_card_is_unchanged_or_complete() {
    let commands = {
        let (mut counter, holder, card) = scene(3);
        counter.insert(&card);
        prepared(&mut counter, &holder).unwrap();
        let before = counter.card.commands().unwrap();
        counter.terminal().finish_enrolment().unwrap();
        before..=counter.card.commands().unwrap()
    };
    let (mut unchanged, mut complete, mut unknown) = (0, 0, 0);
    for command in commands {
        for fault in [Fault::PullBefore { command }, Fault::PullAfter { command }] {
            let what = format!("{fault:?}");
            let (mut counter, holder, card) = scene(3);
            counter.insert_with(&card, fault);
            let result = prepared(&mut counter, &holder)
                .and_then(|()| counter.terminal().finish_enrolment().map(drop));
            counter.sensor.clear();
            if let Err(error) = &result {
                unknown += u32::from(error.money() == MoneyOutcome::Unknown);
            }
            let on_card = assert_card_and_books_agree(&mut counter, &card, &what);
            assert!(on_card || result.is_err(), "{what}");
            *if on_card { &mut complete } else { &mut unchanged } += 1;
        }
    }
    assert!(unchanged > 5 && complete > 2 && unknown >= 1, "{unchanged} {complete} {unknown}");
}

#[test]
fn the_program_ends_at_every_step() {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{Arc, Mutex},
    };
    let steps = {
        let (mut counter, holder, card) = scene(3);
        counter.insert(&card);
        prepared(&mut counter, &holder).unwrap();
        counter.progress.lock().unwrap().clear();
        counter.terminal().finish_enrolment().unwrap();
        counter.progress.lock().unwrap().len()
    };
    for last in 1..=steps {
        let (mut counter, holder, card) = scene(3);
        counter.insert(&card);
        prepared(&mut counter, &holder).unwrap();
        let count = Arc::new(Mutex::new(0));
        counter.terminal().on_progress(move |_| {
            let mut count = count.lock().unwrap();
            *count += 1;
            if *count == last {
                drop(count);
                panic!("the power of the machine goes away");
            }
        });
        let ended = catch_unwind(AssertUnwindSafe(|| counter.terminal().finish_enrolment()));
        assert!(ended.is_err());
        counter.sensor.clear();
        counter.restart();
        assert_card_and_books_agree(&mut counter, &card, &format!("ends at step {last}"));
    }
}

#[test]
fn an_enrolment_found_on_the_card_is_written_down() {
    let (mut counter, holder, card) = scene(3);
    counter.insert(&card);
    prepared(&mut counter, &holder).unwrap();
    let last = {
        let (mut counter, holder, card) = scene(3);
        counter.insert(&card);
        prepared(&mut counter, &holder).unwrap();
        let before = counter.card.commands().unwrap();
        counter.terminal().finish_enrolment().unwrap();
        // Writing: entries, header, read back.
        before..=counter.card.commands().unwrap()
    };
    let mut found = 0;
    for command in last {
        let (mut counter, holder, card) = scene(3);
        counter.insert_with(&card, Fault::PullAfter { command });
        let ended =
            prepared(&mut counter, &holder).and_then(|()| counter.terminal().finish_enrolment().map(drop));
        if ended.as_ref().is_err_and(|error| error.money() == MoneyOutcome::Unknown) {
            counter.insert(&card);
            if let Some(Resolved::Done { receipt: None, .. }) = counter.tap().unwrap() {
                found += 1;
            }
        }
    }
    assert!(found >= 1);
}

/// Everything that is printed or serialised of an enrolment is searched for the fingers.
#[test]
fn no_finger_leaves_the_card() {
    let (mut counter, holder, card) = scene(3);
    enrol(&mut counter, &holder, &card);
    counter.insert(&card);
    counter.tap().unwrap();
    let number = counter.terminal().card_fingers().unwrap().fingers[0].position.number();
    counter.sensor.finger(finger(&holder, number), 99);
    counter.terminal().check_finger(Purpose::Pension, None).unwrap();
    let bytes = fingers_file(&card);
    let planted: Vec<&[u8]> = bytes.chunks(24).filter(|chunk| chunk.iter().any(|byte| *byte != 0)).collect();
    assert!(planted.len() > 10);
    let rows = counter.ledger().list(Filter::All, 100).unwrap();
    let mut printed = format!("{:?} {rows:?}", counter.terminal());
    for row in &rows {
        printed.push_str(row.body.as_deref().unwrap_or(""));
        printed.push_str(&row.intention.plan);
        printed.push_str(&format!("{:?}", row.business()));
    }
    for entry in counter.ledger().audit_entries(0, 1_000).unwrap() {
        printed.push_str(&entry.text);
    }
    printed.push_str(&format!("{:?}", counter.terminal().proof()));
    printed.push_str(&format!("{:?}", counter.terminal().card_fingers()));
    printed.push_str(&format!("{:?}", counter.progress.lock().unwrap()));
    use base64::Engine;
    for piece in planted {
        let hex: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{piece:?}");
        let list = list.trim_matches(['[', ']']);
        let base64 = base64::engine::general_purpose::STANDARD.encode(piece);
        for form in [hex.as_str(), list, &list.replace(", ", ","), &base64] {
            assert!(!printed.to_lowercase().contains(&form.to_lowercase()), "a finger was printed");
        }
    }
    // Nor does the person appear in what is printed.
    let debug = format!("{:?}", rows.iter().map(|row| row.business()).collect::<Vec<_>>());
    assert!(!debug.contains(holder.number.as_str()));
}
