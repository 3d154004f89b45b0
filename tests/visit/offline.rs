//! The same with the line down: within the limits, and no step beyond them.

use card_spec::{generation::Generation, money::Fen};
use protocol::limits::OfflineLimits;
use tests::{
    books::{agree, rows},
    holder::CardState,
    scene::Scene,
};

#[test]
fn settled_within_the_limits_and_drained_later() {
    let mut scene = Scene::at_reader("offline-drained", Generation::Three);
    scene.center.stop();
    let bill = scene.bill(&["500.00"]);
    let first = scene.visit(&bill).done();
    assert_eq!((&first.json["offline"], first.text("/upload/state")), (&true.into(), "pending"));
    assert_eq!((first.text("/eligibility"), first.number("/amounts/act_pay_dedc")), ("cache", 50_000));
    // 200.00 of the deductible are left, by what this terminal alone knows of the year.
    let second = scene.visit_offline(&bill).done();
    assert_eq!(second.number("/amounts/act_pay_dedc"), 20_000);
    assert_eq!(second.number("/amounts/hifp_pay"), 18_000);
    assert_eq!(second.number("/balance_after_fen"), 150_000 - 50_000 - 32_000);

    let list = scene.run(&["queue", "list", "--waiting"], &[]).done();
    assert_eq!(rows(&list.json).len(), 2);
    let failed = scene.run(&["queue", "retry"], &[]);
    failed.refused(6, "link");
    assert_eq!(rows(&scene.run(&["queue", "list", "--waiting"], &[]).done().json).len(), 2);

    scene.center.open();
    let drained = scene.run(&["queue", "retry"], &[]).done();
    assert_eq!((drained.number("/booked"), drained.number("/waiting")), (2, 0));
    let books = agree(&scene);
    assert!(books.bodies.iter().all(|body| body.offline));
    assert_eq!(books.settlements().len(), 2);
    scene.end();
}

#[test]
fn beyond_the_limits_nothing_happens() {
    let mut scene = Scene::at_reader("offline-limits", Generation::Two);
    scene.center.stop();
    // The fee: 3,000.00 at most.
    let bill = scene.bill(&["3000.01"]);
    let refused = scene.visit(&bill);
    assert!(refused.refused(6, "offline_limit").contains("3000.01"), "{refused:?}");
    // The account: 1,000.00 at most; 700.00 + 40 % of 800.00 would be 1,020.00.
    let bill = scene.bill(&["1500.00"]);
    let refused = scene.visit(&bill);
    assert!(refused.refused(6, "offline_limit").contains("1020.00"), "{refused:?}");
    // Both are in order once the center is asked.
    let before = CardState::of(&scene.card);
    assert_eq!((before.offline_serial, before.balance_fen), (0, scene.balance_fen));
    scene.center.open();
    let visit = scene.visit(&bill).done();
    assert_eq!((visit.number("/amounts/acct_pay"), &visit.json["offline"]), (102_000, &false.into()));
    assert_eq!(agree(&scene).settlements().len(), 1);

    // The center shortens how old the people's data may be; the terminal learns it with its next update.
    scene.center.set_limits(&OfflineLimits { cache_age_max_ms: 1, ..OfflineLimits::default() });
    scene.run(&["sync"], &[]).done();
    scene.center.stop();
    let bill = scene.bill(&["10.00"]);
    let refused = scene.visit(&bill);
    refused.refused(6, "not_eligible");
    assert_eq!(refused.json["error"]["money"], "not_done");
    scene.center.open();
    // With the line up the center answers for the person.
    let visit = scene.visit(&bill).done();
    assert_eq!(visit.text("/eligibility"), "center");
    assert_eq!(agree(&scene).settlements().len(), 2);
    scene.end();
}

#[test]
fn a_full_queue_stops_new_business_and_loses_nothing() {
    let mut scene = Scene::in_process("offline-queue-full", Generation::Three);
    scene.center.set_limits(&OfflineLimits { queue_max: 2, ..OfflineLimits::default() });
    scene.run(&["sync"], &[]).done();
    scene.center.stop();
    let bill = scene.bill(&["10.00"]);
    scene.visit(&bill).done();
    scene.visit(&bill).done();
    let refused = scene.visit(&bill);
    refused.refused(6, "ledger");
    assert_eq!(CardState::of(&scene.card).offline_serial, 2);
    scene.center.open();
    scene.run(&["queue", "retry"], &[]).done();
    scene.visit(&bill).done();
    let books = agree(&scene);
    let account: Fen = books.settlements().iter().map(|amounts| amounts.acct_pay).sum();
    assert_eq!((books.settlements().len(), account), (3, Fen(3_000)));
    scene.end();
}
