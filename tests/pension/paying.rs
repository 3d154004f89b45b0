//! Who is paid, and how often.

use protocol::record::Business;
use sim::module::Condition;
use tests::PLANTED_PIN;

use crate::counter::{Counter, FINGER, MONTHLY, back, in_days, paid};

#[test]
fn the_holder_is_certified_and_paid_with_arrears_and_once() {
    let counter = Counter::new("pension-holder", 3, None);
    let scene = &counter.scene;
    // Nobody is paid who was never certified.
    let shown = scene.run(&["pension", "show"], &[]).exit(1);
    assert_eq!((shown.json["payable"].as_bool(), shown.number("/due_fen")), (Some(false), 3 * MONTHLY.0));
    scene.run(&["pension", "pay", "--yes"], &[]).refused(3, "pension");

    let enrolled = counter.enrol().done();
    assert_eq!(enrolled.number("/fingers/0/position"), i64::from(FINGER));
    assert_eq!(enrolled.text("/proof/reason"), "no_template");
    counter.holder_taps(Condition::default());
    let certified = scene.run(&["finger", "certify"], &[]).done();
    assert_eq!(certified.text("/proof/way"), "finger");
    assert_eq!(certified.number("/certified_until"), i64::from(in_days(0).plus_months(12).number()));

    let paid_out = scene.run(&["pension", "pay", "--yes"], &[]).done();
    assert_eq!(paid_out.number("/paid_fen"), 3 * MONTHLY.0);
    assert_eq!(paid_out.text("/proof/way"), "finger");
    assert_eq!(paid_out.json["stopped"], serde_json::Value::Null);
    // Once is enough, also when the center cannot be asked.
    scene.run(&["pension", "pay", "--yes"], &[]).refused(3, "pension");
    scene.run(&["pension", "pay", "--yes", "--offline"], &[]).refused(3, "pension");
    assert_eq!(scene.run(&["pension", "show"], &[]).exit(1).number("/due_fen"), 0);

    let bodies = counter.booked();
    assert_eq!(paid(&bodies), [back(2), back(1), back(0)]);
    let certifications =
        bodies.iter().filter(|body| matches!(body.business, Business::Certification(_))).count();
    assert_eq!(certifications, 1);
    assert!(matches!(bodies[0].business, Business::Enrolment(_)));
    counter.scene.end();
}

#[test]
fn another_finger_is_paid_nothing_and_the_pin_does_not_help() {
    let mut counter = Counter::new("pension-stranger", 1, Some(in_days(30)));
    counter.enrol().done();
    counter.stranger_taps();
    let scene = &counter.scene;
    for lines in [&[][..], &[PLANTED_PIN]] {
        let refused = scene.run(&["pension", "pay", "--yes"], lines);
        refused.refused(4, "finger");
    }
    scene.run(&["finger", "certify"], &[]).refused(4, "finger");
    scene.run(&["finger", "verify"], &[]).refused(4, "finger");
    assert!(paid(&counter.booked()).is_empty());
    // The holder comes later, and is paid.
    counter.scene.move_terminal_clock("+31m");
    counter.holder_taps(Condition::default());
    counter.scene.run(&["pension", "pay", "--yes"], &[]).done();
    assert_eq!(paid(&counter.booked()), [back(0)]);
    counter.scene.end();
}

#[test]
fn while_the_line_is_down_a_month_is_paid_from_the_copy_and_booked_once() {
    let mut counter = Counter::new("pension-offline", 2, Some(in_days(30)));
    counter.enrol().done();
    counter.holder_taps(Condition::default());
    counter.scene.center.stop();
    let paid_out = counter.scene.run(&["pension", "pay", "--yes"], &[]).done();
    assert_eq!((paid_out.text("/pension/source"), paid_out.number("/paid_fen")), ("cache", 2 * MONTHLY.0));
    counter.scene.run(&["pension", "pay", "--yes"], &[]).refused(3, "pension");
    counter.scene.center.open();
    counter.scene.run(&["pension", "pay", "--yes"], &[]).refused(3, "pension");
    assert_eq!(paid(&counter.booked()), [back(1), back(0)]);
    counter.scene.end();
}
