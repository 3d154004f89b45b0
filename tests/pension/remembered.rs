//! Each command is a run of its own; what was tried is remembered over all of them.

use sim::module::Condition;
use tests::{PLANTED_PIN, PLANTED_SECRET};

use crate::counter::{Counter, SECOND, in_days};

#[test]
fn no_command_gives_new_tries_and_half_an_hour_does() {
    let mut counter = Counter::new("pension-tries", 1, Some(in_days(30)));
    counter.enrol().done();
    counter.stranger_taps();
    counter.scene.run(&["finger", "verify"], &[]).refused(4, "finger");
    let captures = counter.module.counters().captures;
    // The holder, too, is sent to staff now: another command, another business, the clock set back by hours.
    counter.holder_taps(Condition::default());
    for (command, clock) in
        [(["finger", "verify"], ""), (["finger", "certify"], ""), (["finger", "verify"], "-3h")]
    {
        counter.scene.move_terminal_clock(clock);
        counter.scene.run(&command, &[]).refused(4, "finger");
    }
    assert_eq!(counter.module.counters().captures, captures, "nobody is asked for a finger");
    counter.scene.move_terminal_clock("");
    // What stands in the evidence of staff is all of it.
    let both = ["pension", "pay", "--yes", "--staff", "--second", SECOND];
    let paid_out = counter.scene.run(&both, &[PLANTED_PIN, PLANTED_SECRET]).done();
    assert_eq!((paid_out.text("/proof/way"), paid_out.text("/proof/reason")), ("pin_and_clerk", "no_match"));
    assert!(paid_out.number("/proof/no_matches") >= 2, "{paid_out:?}");
    assert_eq!(counter.module.counters().captures, captures);
    // The clock that was three hours back counts from there; then half an hour is over.
    counter.scene.move_terminal_clock("+31m");
    counter.scene.run(&["finger", "verify"], &[]).done();
    counter.scene.end();
}

/// Killed over and over while a stranger is compared: three tries are three.
#[test]
fn a_program_that_is_killed_gives_no_try_back() {
    let counter = Counter::new("pension-killed", 1, Some(in_days(30)));
    counter.enrol().done();
    counter.stranger_taps();
    let enrolled = counter.module.counters().captures;
    let mut rounds = 0;
    loop {
        let before = counter.module.counters().captures;
        let mut started = counter.scene.start(&["finger", "verify"], &[]);
        while started.runs() && counter.module.counters().captures == before {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        if !started.runs() {
            // Nobody is asked any more.
            started.finish(&counter.scene.logs).refused(4, "finger");
            break;
        }
        // The image is on its way, or compared, or told: whichever, as the round goes.
        std::thread::sleep(std::time::Duration::from_millis(60 * rounds));
        started.kill();
        started.finish(&counter.scene.logs);
        rounds += 1;
        assert!(rounds < 40, "{:?}", counter.module.counters());
    }
    // Images that were never compared cost none: there may be many of those, and three comparisons.
    println!("{rounds} rounds, {} images", counter.module.counters().captures - enrolled);
    let both = ["pension", "pay", "--yes", "--staff", "--second", SECOND];
    let paid_out = counter.scene.run(&both, &[PLANTED_PIN, PLANTED_SECRET]).done();
    assert_eq!(paid_out.text("/proof/way"), "pin_and_clerk");
    counter.scene.end();
}
