//! Tries and images outlive the program: no restart, no power cut and no clock gives new ones.

use std::panic::{AssertUnwindSafe, catch_unwind};

use card_spec::generation::Generation;
use protocol::{
    evidence::{ManualReason, Way},
    policy::Purpose,
};
use rusqlite::Connection;
use terminal::{
    audit::Actor,
    flows::FingerCheck,
    holder::{
        SITTING_MS,
        finger::{FingerFailure, Rung},
    },
    progress::Progress,
};

use crate::{
    proving::{SECOND, enrol, enrolled, enrolled_card, finger, position, scene},
    support::{TestCard, counter::Counter, order, person, sensor::Laid},
};

const DAY_MS: i64 = 24 * 3_600_000;

fn failed(check: FingerCheck) -> (FingerFailure, Rung) {
    match check {
        FingerCheck::Failed { why, next } => (why, next),
        FingerCheck::Proved(proof) => panic!("{proof:?}"),
    }
}

fn check(counter: &mut Counter) -> FingerCheck {
    counter.terminal().check_finger(Purpose::Pension, None).unwrap()
}

/// The program ends, and the card is put in again.
fn again(counter: &mut Counter, card: &TestCard) {
    counter.restart();
    counter.insert(card);
    counter.tap().unwrap();
}

#[test]
fn a_restart_gives_no_new_tries() {
    let (mut counter, holder, card) = enrolled(3);
    let first = counter.terminal().card_fingers().unwrap().fingers[0].position.number();
    for attempt in 1..=6_u64 {
        counter.sensor.finger(finger(&person(9), 1), 1_000 + attempt);
        let (why, next) = failed(check(&mut counter));
        assert_eq!(why, FingerFailure::NoMatch);
        match next {
            Rung::Finger { tries_left, .. } => {
                assert_eq!(u64::from(tries_left), 3 - attempt % 3, "{attempt}")
            }
            Rung::Clerk { reason } => assert_eq!((reason, attempt), (ManualReason::NoMatch, 6)),
        }
        // A clock that goes back, a little or by years, makes no difference.
        counter.clock.set([0, -60_000, -3 * DAY_MS][attempt as usize % 3]);
        again(&mut counter, &card);
    }
    let captures = counter.sensor.captures();
    counter.sensor.finger(finger(&holder, first), 1_010);
    assert_eq!(failed(check(&mut counter)).1, Rung::Clerk { reason: ManualReason::NoMatch });
    assert_eq!(counter.sensor.captures(), captures, "nobody is asked for a finger");
    let proof = counter.terminal().vouch(Purpose::Pension, Some(SECOND)).unwrap();
    assert_eq!(proof.no_matches(), 6, "all of them are in the evidence");
    // Half an hour after the last try, as without a restart.
    counter.clock.pass(SITTING_MS as i64 - 1_000);
    again(&mut counter, &card);
    assert!(matches!(failed(check(&mut counter)).1, Rung::Clerk { .. }));
    counter.clock.pass(2 * SITTING_MS as i64);
    again(&mut counter, &card);
    assert!(matches!(check(&mut counter), FingerCheck::Proved(_)));
    // Who has proved to be the holder begins anew.
    again(&mut counter, &card);
    counter.sensor.finger(finger(&person(9), 1), 1_011);
    let (_, next) = failed(check(&mut counter));
    assert!(matches!(next, Rung::Finger { tries_left: 2, .. }), "{next:?}");
}

#[test]
fn whoever_did_not_come_in_time_may_come_again() {
    let (mut counter, holder, card) = enrolled(3);
    let first = counter.terminal().card_fingers().unwrap().fingers[0].position;
    for _ in 0..2 {
        assert_eq!(failed(check(&mut counter)).0, FingerFailure::NoFinger);
    }
    again(&mut counter, &card);
    counter.sensor.finger(finger(&holder, first.number()), 1_050);
    assert!(matches!(check(&mut counter), FingerCheck::Proved(_)));
}

#[test]
fn the_power_goes_while_the_card_compares() {
    let (mut counter, holder, _) = scene(3);
    let card = TestCard::of(&order(&holder, Generation::Three).match_on_card());
    enrol(&mut counter, &holder, &card);
    counter.insert(&card);
    counter.tap().unwrap();
    let first = counter.terminal().card_fingers().unwrap().fingers[0].position;
    for cut in 0..3 {
        counter.terminal().on_progress(|progress| {
            assert_ne!(progress, Progress::CardComparing, "the power goes");
        });
        counter.sensor.finger(finger(&person(9), 1), 1_100 + cut);
        let asked = AssertUnwindSafe(|| {
            counter.terminal().check_card_finger(Purpose::Certification, Some(first)).map(drop)
        });
        assert!(catch_unwind(asked).is_err());
        again(&mut counter, &card);
    }
    // Three tries are three, whatever ended them; and nobody is suspected for a power cut.
    counter.sensor.finger(finger(&person(9), 1), 1_110);
    let other = if first == position(1) { 7 } else { 1 };
    let check = counter.terminal().check_card_finger(Purpose::Certification, Some(first)).unwrap();
    let (why, next) = failed(check);
    assert_eq!(
        (why, next),
        (FingerFailure::NoMatch, Rung::Finger { position: position(other), tries_left: 2 })
    );
}

#[test]
fn an_image_is_known_again_after_a_restart() {
    let (mut counter, holder, card) = enrolled(3);
    let first = counter.terminal().card_fingers().unwrap().fingers[0].position;
    counter.sensor.finger(finger(&holder, first.number()), 1_200);
    let FingerCheck::Proved(proof) = check(&mut counter) else { panic!() };
    assert!(matches!(proof.way, Way::Finger(_)));
    for set_ms in [0, -5 * DAY_MS, SITTING_MS as i64 * 2] {
        counter.clock.set(set_ms);
        again(&mut counter, &card);
        counter.sensor.lay(Laid::Same);
        assert_eq!(failed(check(&mut counter)).0, FingerFailure::Replayed, "{set_ms}");
    }
}

#[test]
fn nothing_of_it_leaves_with_an_export() {
    let (mut counter, _, _) = enrolled(3);
    counter.sensor.finger(finger(&person(9), 1), 1_300);
    failed(check(&mut counter));
    let place = counter.ledger_path().with_extension("plain");
    let now = counter.clock.now();
    counter.ledger().export_plain(place.to_str().unwrap(), Actor::default(), now).unwrap();
    let names = |connection: &Connection| -> Vec<String> {
        let mut statement = connection.prepare("SELECT name FROM setting ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let plain = names(&Connection::open(place).unwrap());
    assert!(plain.iter().all(|name| !name.starts_with("finger ")), "{plain:?}");
    assert!(plain.iter().any(|name| name == "fingerprint sensor"), "the rest is there: {plain:?}");
    let kept = Connection::open(counter.ledger_path()).unwrap();
    terminal::store::unlock(&kept, &terminal::store::StoreKey::new([0x5A; 32])).unwrap();
    let kept = names(&kept);
    for expected in ["finger secret", "finger seen 0", "finger tries"] {
        assert!(kept.iter().any(|name| name == expected), "{kept:?}");
    }
}

#[test]
fn a_card_that_cannot_compare_costs_no_try() {
    let (mut counter, holder, _) = enrolled(3);
    let card = enrolled_card();
    let first = counter.terminal().card_fingers().unwrap().fingers[0].position;
    for seed in 0..3 {
        counter.sensor.finger(finger(&holder, first.number()), 1_400 + seed);
        counter.terminal().check_card_finger(Purpose::Pension, None).unwrap_err();
    }
    again(&mut counter, &card);
    counter.sensor.finger(finger(&holder, first.number()), 1_410);
    let FingerCheck::Proved(proof) = check(&mut counter) else { panic!() };
    assert!(matches!(&proof.way, Way::Finger(matched) if matched.tries == 1), "{proof:?}");
}
