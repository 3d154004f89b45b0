//! What happens when no finger can decide.

use datacenter::storage::rows::AlarmKind;
use sim::module::{Condition, Module};
use tests::{PLANTED_PIN, PLANTED_SECRET, scene::SUPERVISOR};

use crate::counter::{Counter, SECOND, back, in_days, paid};

/// Worn so that no image will do.
fn worn_away() -> Condition {
    Condition { wear: 1.0, dryness: 1.0, noise: 1.0, cover: 0.12, is_moving: true, ..Condition::worn() }
}

#[test]
fn a_worn_finger_leads_to_two_clerks_and_is_no_suspicion() {
    let counter = Counter::new("pension-worn", 1, Some(in_days(30)));
    counter.enrol().done();
    counter.holder_taps(worn_away());
    let scene = &counter.scene;
    let both = ["pension", "pay", "--yes", "--staff", "--second", SECOND, "--finger-wait", "2"];
    let paid_out = scene.run(&both, &[PLANTED_PIN, PLANTED_SECRET]).done();
    assert_eq!(paid_out.text("/proof/way"), "pin_and_clerk");
    assert_eq!(paid_out.text("/proof/reason"), "poor_image");
    assert_eq!(paid_out.number("/proof/no_matches"), 0);
    assert_eq!(paid_out.text("/proof/second_clerk"), SECOND);
    assert_eq!(paid(&counter.booked()), [back(0)]);
    let alarms = scene.center.production().storage().alarms(10).unwrap();
    assert!(alarms.iter().all(|row| row.alarm.kind != AlarmKind::ManualAfterNoMatch), "{alarms:?}");
    counter.scene.end();
}

#[test]
fn staff_that_passes_another_finger_raises_an_alarm() {
    let counter = Counter::new("pension-overruled", 1, Some(in_days(30)));
    counter.enrol().done();
    counter.stranger_taps();
    // Staff alone does not do, nobody confirms twice, and not without the secret.
    let scene = &counter.scene;
    scene.run(&["pension", "pay", "--yes", "--staff"], &[PLANTED_PIN]).refused(4, "proof");
    let twice = ["pension", "pay", "--yes", "--staff", "--second", SUPERVISOR];
    scene.run(&twice, &[PLANTED_PIN, PLANTED_SECRET]).refused(4, "proof");
    let both = ["pension", "pay", "--yes", "--staff", "--second", SECOND];
    let wrong = scene.run(&both, &[PLANTED_PIN, "wrong-secret-1"]);
    wrong.refused(4, "sign_in");
    let paid_out = counter.scene.run(&both, &[PLANTED_PIN, PLANTED_SECRET]).done();
    assert_eq!(paid_out.text("/proof/reason"), "no_match");
    // Grown fingers are more alike than real ones: one impression may lie between the two levels, which is
    // poor and no suspicion. Three failures are.
    let no_matches = paid_out.number("/proof/no_matches");
    assert!((2..=3).contains(&no_matches), "{no_matches}");
    counter.booked();
    let alarms = counter.scene.center.production().storage().alarms(10).unwrap();
    let is_raised = alarms.iter().any(|row| row.alarm.kind == AlarmKind::ManualAfterNoMatch);
    assert_eq!(is_raised, no_matches == 3, "{alarms:?}");
    counter.scene.end();
}

#[test]
fn a_sensor_that_is_gone_is_told_from_a_finger_that_differs() {
    let mut counter = Counter::new("pension-sensor", 1, Some(in_days(30)));
    counter.enrol().done();
    counter.module.detach();
    let scene = &counter.scene;
    scene.run(&["finger", "probe"], &[]).refused(5, "sensor");
    let answer = scene.run(&["finger", "verify"], &[]);
    answer.refused(5, "finger");
    // It comes back, on another line; no finger gives the images of before.
    let module = Module::new(counter.scene.seed + 1);
    counter.replug(module);
    counter.holder_taps(Condition::default());
    counter.scene.run(&["finger", "verify", "--for", "certification"], &[]).done();
    counter.scene.end();
}
