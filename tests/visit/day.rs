//! The operator's day: signing in, comparing with the center, the cycle of 24 hours.

use card_spec::generation::Generation;
use rusqlite::Connection;
use tests::{
    PLANTED_SECRET,
    books::agree,
    scene::{SUPERVISOR, Scene},
};

#[test]
fn a_center_whose_books_were_changed_is_found_out() {
    let mut scene = Scene::in_process("day-tampered", Generation::Three);
    let bill = scene.bill(&["1000.00"]);
    scene.visit(&bill).done();
    let equal = scene.run(&["reconcile"], &[]).done();
    assert_eq!((equal.number("/ours/count"), equal.number("/theirs/acct_pay")), (1, 82_000));

    // Somebody with the center's database open takes ten yuan off a fund payment.
    scene.center.stop();
    let database = Connection::open(scene.folder.path().join("center/center.sqlite")).unwrap();
    let changed = database.execute("UPDATE record SET fund = fund - 1000 WHERE sequence = 1", []).unwrap();
    assert_eq!(changed, 1);
    drop(database);
    scene.center.open();
    let differs = scene.run(&["reconcile"], &[]).exit(1);
    assert_eq!(differs.json["equal"], false);
    assert_eq!(differs.number("/ours/fund_pay_sumamt") - differs.number("/theirs/fund_pay_sumamt"), 1_000);
    let accepted = scene.run(&["reconcile", "--accept"], &[]).done();
    assert_eq!((&accepted.json["equal"], &accepted.json["accepted"]), (&false.into(), &true.into()));
    scene.end();
}

#[test]
fn after_24_hours_the_day_is_compared_before_it_goes_on() {
    let mut scene = Scene::in_process("day-over", Generation::Two);
    let bill = scene.bill(&["100.00"]);
    scene.visit(&bill).done();
    // A day later, by the clocks of both.
    let day_ms = 25 * 3_600_000;
    scene.center.move_clock(day_ms);
    scene.move_terminal_clock("+25h");
    scene.run(&["sync"], &[]).done();
    let over = scene.visit(&bill);
    over.refused(4, "ledger");
    scene.run(&["operator", "sign-in", SUPERVISOR], &[PLANTED_SECRET]).done();
    let refused = scene.visit(&bill);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    scene.run(&["reconcile"], &[]).done();
    scene.sign_in();
    scene.visit(&bill).done();
    assert_eq!(agree(&scene).settlements().len(), 2);
    scene.end();
}

#[test]
fn nobody_signed_in_settles_nothing() {
    let mut scene = Scene::in_process("day-signed-out", Generation::Two);
    let bill = scene.bill(&["100.00"]);
    scene.run(&["operator", "add", "0101", "--role", "cashier"], &[PLANTED_SECRET]).done();
    scene.run(&["operator", "sign-out"], &[]).done();
    scene.visit(&bill).refused(4, "not_signed_in");
    scene.run(&["operator", "sign-in", "0101"], &["not the secret at all"]).refused(4, "sign_in");
    scene.run(&["operator", "sign-in", "0101"], &[PLANTED_SECRET]).done();
    scene.visit(&bill).done();
    // A cashier takes nothing back.
    scene.run(&["cancel", "1", "--no-card"], &[]).refused(4, "sign_in");
    assert_eq!(agree(&scene).settlements().len(), 1);
    scene.end();
}
