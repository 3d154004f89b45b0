//! The terminal's clock is off by a year.

use card_spec::generation::Generation;
use protocol::timestamp::ClockQuality;
use tests::{
    PLANTED_SECRET,
    books::{Books, agree, rows},
    scene::{SUPERVISOR, Scene},
};

#[test]
fn a_year_ahead() {
    let mut scene = Scene::in_process("clock-ahead", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    scene.visit(&bill).done();
    scene.move_terminal_clock("+1y");
    // The line is up, and the center's clock is learnt; the working cycle is over by this clock.
    let synced = scene.run(&["sync"], &[]).done();
    let year_ms = 364 * 24 * 3_600_000;
    assert!(synced.number("/clock_offset_ms") < -year_ms, "{synced:?}");
    scene.visit(&bill).refused(4, "ledger");
    scene.run(&["operator", "sign-in", SUPERVISOR], &[PLANTED_SECRET]).done();
    scene.run(&["reconcile"], &[]).done();
    scene.sign_in();
    // Without the line nobody knows how old the cache is.
    scene.center.stop();
    let refused = scene.visit(&bill);
    assert!(refused.refused(5, "not_eligible").contains("clock"), "{refused:?}");
    scene.center.open();
    let visit = scene.visit(&bill).done();
    // The year that counts is the center's.
    let year = scene.holder.entry().year;
    let books = Books::of_center(&scene);
    assert_eq!(books.settlements().len(), 2, "{visit:?}");
    assert_eq!(books.bodies[1].clock, ClockQuality::Doubtful);
    let person =
        scene.center.production().storage().person(scene.holder.person.number.key()).unwrap().unwrap();
    assert_eq!(person.year, year, "the year of the person's sums");
    agree(&scene);

    // Set right again: the last record is in the future, and the terminal says so.
    scene.move_terminal_clock("");
    let refused = scene.visit_offline(&bill);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    scene.end();
}

#[test]
fn a_year_behind() {
    let mut scene = Scene::in_process("clock-behind", Generation::Two);
    let bill = scene.bill(&["10.00"]);
    scene.visit(&bill).done();
    scene.move_terminal_clock("-1y");
    let refused = scene.run(&["sync"], &[]);
    let said = refused.refused(5, "link");
    assert!(said.contains("clock"), "the certificate is blamed, and the clock: {refused:?}");
    let refused = scene.visit(&bill);
    assert!(matches!(refused.code, Some(4 | 5)), "{refused:?}");
    assert_eq!(rows(&scene.run(&["queue", "list"], &[]).done().json).len(), 1);
    let looked = scene.run(&["doctor"], &[]);
    assert_eq!(looked.code, Some(5), "{looked:?}");
    scene.move_terminal_clock("");
    scene.visit(&bill).done();
    agree(&scene);
    scene.end();
}
