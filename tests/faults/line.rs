//! The center is down, slow, answers twice, loses its answers, talks nonsense. Everything is booked exactly once.

use std::time::{Duration, Instant};

use card_spec::{generation::Generation, money::Fen};
use datacenter::faults::Fault;
use protocol::problem::ProblemKind;
use tests::{
    PLANTED_PIN,
    books::{agree, agree_without_reconciling, rows},
    scene::Scene,
};

const CHAIN_HEAD: &str = "/v1/chain-head";
const RECORDS: &str = "/v1/records";
const LOAD: &str = "/v1/load";

/// Everything that may go wrong with one request, but for what takes long.
fn every_fault() -> Vec<Fault> {
    let mut faults = vec![
        Fault::LoseRequest,
        Fault::LoseAnswer,
        Fault::DeliverTwice,
        Fault::Garbage,
        Fault::DelayBefore(Duration::from_millis(300)),
        Fault::DelayAfter(Duration::from_millis(300)),
    ];
    faults.extend(
        [
            ProblemKind::Overloaded,
            ProblemKind::Storage,
            ProblemKind::Internal,
            ProblemKind::TooSlow,
            ProblemKind::Malformed,
            ProblemKind::NotAuthenticated,
            ProblemKind::TooLarge,
            ProblemKind::ChainGap,
        ]
        .map(Fault::Refuse),
    );
    faults
}

#[test]
fn whatever_the_center_does_a_visit_is_booked_once() {
    let mut scene = Scene::in_process("line-visit", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    let mut visits = 0;
    for path in [CHAIN_HEAD, RECORDS] {
        for fault in every_fault() {
            println!("line-visit: {fault:?} at {path}");
            scene.center.plan(path, 1, fault.clone());
            // The visit itself never fails by it: within the limits it is settled.
            let visit = scene.visit(&bill).done();
            visits += 1;
            assert!(matches!(visit.text("/upload/state"), "booked" | "pending"), "{fault:?}: {visit:?}");
            assert_eq!(scene.center.faults_left(), 0, "{fault:?} has happened");
            let sent = scene.run(&["queue", "retry"], &[]).done();
            assert_eq!(sent.number("/waiting"), 0, "{fault:?}: {sent:?}");
            let books = agree_without_reconciling(&scene);
            assert_eq!(books.settlements().len(), visits, "{fault:?}");
        }
    }
    agree(&scene);
    scene.end();
}

#[test]
fn a_retry_says_what_is_wrong_and_keeps_what_waits() {
    let mut scene = Scene::in_process("line-retry", Generation::Two);
    let bill = scene.bill(&["10.00"]);
    scene.visit_offline(&bill).done();
    for (fault, words) in [
        (Fault::LoseRequest, "broke"),
        (Fault::LoseAnswer, "broke"),
        (Fault::Garbage, "cannot be read"),
        (Fault::Refuse(ProblemKind::Storage), "fault"),
        (Fault::Refuse(ProblemKind::Internal), "fault"),
        (Fault::Refuse(ProblemKind::Overloaded), "busy"),
        (Fault::Refuse(ProblemKind::TerminalUnknown), "does not know this terminal"),
    ] {
        scene.center.plan(CHAIN_HEAD, 1, fault.clone());
        let failed = scene.run(&["queue", "retry"], &[]);
        assert_eq!(failed.code, Some(6), "{fault:?}: {failed:?}");
        assert!(failed.text("/error/text").contains(words), "{fault:?}: {failed:?}");
        assert_eq!(rows(&scene.run(&["queue", "list", "--waiting"], &[]).done().json).len(), 1);
    }
    scene.run(&["queue", "retry"], &[]).done();
    agree(&scene);
    scene.end();
}

#[test]
fn a_load_is_granted_once_however_often_it_is_asked_for() {
    let scene = Scene::in_process("line-load", Generation::Three);
    let person = scene.holder.person.number.key();
    scene.center.production().add_credit(person, Fen(100_000)).unwrap();
    let held = || scene.center.production().credit(person).unwrap().0;
    let mut loaded = 0;
    for (fault, times, comes) in [
        (Fault::DeliverTwice, 1, true),
        // Asked again within the same command.
        (Fault::LoseAnswer, 1, true),
        (Fault::LoseRequest, 1, true),
        (Fault::LoseAnswer, 9, false),
        (Fault::LoseRequest, 9, false),
        (Fault::Garbage, 9, false),
        (Fault::Refuse(ProblemKind::LoadRefused), 9, false),
        (Fault::Refuse(ProblemKind::Storage), 9, false),
    ] {
        println!("line-load: {fault:?} {times} times");
        scene.center.plan(LOAD, times, fault.clone());
        let answer = scene.run(&["load", "10.00"], &[PLANTED_PIN]);
        scene.center.clear_faults();
        if comes {
            answer.done();
            loaded += 1_000;
        } else {
            assert!(!answer.refused(6, "link").is_empty(), "{fault:?}");
            assert_eq!(answer.json["error"]["money"], "not_done");
        }
        let books = agree(&scene);
        assert_eq!(books.loads().iter().map(|amount| amount.0).sum::<i64>(), loaded, "{fault:?}");
        assert_eq!(held() + loaded, 100_000, "{fault:?}: what was set aside is free again");
    }
    scene.end();
}

#[test]
fn a_broken_update_of_the_cache_goes_on_where_it_stopped() {
    let mut scene = Scene::in_process("line-sync", Generation::Two);
    for path in ["/v1/feed", "/v1/rules", "/v1/limits"] {
        for fault in [
            Fault::LoseRequest,
            Fault::LoseAnswer,
            Fault::Garbage,
            Fault::DeliverTwice,
            Fault::Refuse(ProblemKind::Overloaded),
        ] {
            println!("line-sync: {fault:?} at {path}");
            // Something new each time.
            let mut entry = scene.holder.entry();
            entry.own_in_scope_fen = scene.center.requests(path);
            scene.center.put_people(&[entry]);
            scene.center.plan(path, 1, fault.clone());
            let answer = scene.run(&["sync"], &[]);
            assert!(matches!(answer.code, Some(0 | 6)), "{fault:?}: {answer:?}");
            let again = scene.run(&["sync"], &[]).done();
            assert_eq!(again.json["complete"], true, "{fault:?}: {again:?}");
            assert_eq!(again.number("/cursor"), again.number("/newest"));
        }
    }
    // The feed starts a new generation, as after a restored backup: everything is fetched again.
    scene.center.production().renew_epoch().unwrap();
    let again = scene.run(&["sync"], &[]).done();
    assert_eq!(again.number("/people"), i64::try_from(tests::holder::PEOPLE).unwrap());
    let entry = scene.holder.entry();
    scene.center.put_people(&[entry]);
    scene.run(&["sync"], &[]).done();
    let bill = scene.bill(&["10.00"]);
    scene.visit(&bill).done();
    agree(&scene);
    scene.end();
}

#[test]
fn a_backlog_drains_in_batches_through_a_bad_line() {
    let mut scene = Scene::in_process("line-backlog", Generation::Three);
    let bill = scene.bill(&["10.00"]);
    scene.center.stop();
    for _ in 0..14 {
        scene.visit_offline(&bill).done();
    }
    scene.center.open();
    // The center takes no more than a few records at once: first one, then two, four, and the rest.
    scene.center.plan(RECORDS, 8, Fault::Refuse(ProblemKind::TooLarge));
    scene.run(&["queue", "retry"], &[]).done();
    let receipts = || scene.center.production().storage().receipts(None, 100).unwrap().len();
    assert_eq!(receipts(), 4);
    agree(&scene);
    // And the line breaks in the middle of it.
    let mut settled = 14;
    for fault in [Fault::LoseAnswer, Fault::DeliverTwice, Fault::LoseRequest, Fault::Garbage] {
        for _ in 0..4 {
            scene.visit_offline(&bill).done();
        }
        settled += 4;
        scene.center.plan(RECORDS, 8, Fault::Refuse(ProblemKind::TooLarge));
        scene.center.plan(RECORDS, 1, fault.clone());
        let mut tries = 0;
        while scene.run(&["queue", "retry"], &[]).code != Some(0) {
            tries += 1;
            assert!(tries < 5, "{fault:?}: it comes to an end");
        }
        assert_eq!(scene.center.faults_left(), 0, "{fault:?} has happened");
        assert_eq!(agree(&scene).settlements().len(), settled, "{fault:?}");
    }
    scene.end();
}

/// A center that takes longer than the terminal waits: the patient does not wait with it for ever.
#[test]
fn a_center_that_is_too_slow_is_a_center_that_is_down() {
    let mut scene = Scene::in_process("line-slow", Generation::Two);
    let bill = scene.bill(&["10.00"]);
    let slow = Fault::DelayBefore(Duration::from_secs(100));
    scene.center.plan(CHAIN_HEAD, 1, slow.clone());
    scene.center.plan(RECORDS, 1, slow);
    let started = Instant::now();
    let visit = scene.visit(&bill).done();
    let took = started.elapsed();
    println!("line-slow: settled after {took:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert_eq!(visit.json["offline"], true);
    scene.center.clear_faults();
    assert_eq!(agree(&scene).settlements().len(), 1);
    scene.end();
}

#[test]
fn the_answer_to_an_enrolment_gets_lost() {
    let scene = Scene::in_process("line-enrol", Generation::Two);
    let other = scene.folder.path().join("other");
    let mut second = tests::jinbao::Jinbao::new(other, scene.folder.path().join("scratch"));
    second.number_from(500);
    let terminal = "320300000002";
    let code = scene.center.code(terminal.parse().unwrap());
    let authority = scene.center.authority();
    let (center, enrolment) = (scene.center.url(), scene.center.enrolment_url());
    let enrol = |code: &str| {
        let words = ["enrol", "--terminal", terminal, "--center", &center, "--enrolment", &enrolment];
        let words = [&words[..], &["--authority", tests::scene::text(&authority), "--json"]].concat();
        second.run(&scene.logs, &words, &[code])
    };
    scene.center.plan("/v1/enrolment", 1, Fault::LoseAnswer);
    enrol(&code).refused(6, "link");
    // The same code by the same terminal is answered again; a wrong one is not.
    enrol("XXXX-XXXX-XXXX-XXXX").refused(6, "link");
    enrol(&code).done();
    second.run(&scene.logs, &["sync", "--json"], &[]).done();
    // Nobody else can use it.
    let stolen = scene.folder.path().join("stolen");
    let mut third = tests::jinbao::Jinbao::new(stolen, scene.folder.path().join("scratch"));
    third.number_from(600);
    let words = ["enrol", "--terminal", terminal, "--center", &center, "--enrolment", &enrolment];
    let words = [&words[..], &["--authority", tests::scene::text(&authority), "--json"]].concat();
    third.run(&scene.logs, &words, &[&code]).refused(6, "link");
    scene.end();
}
