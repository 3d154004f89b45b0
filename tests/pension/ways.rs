//! Every way to know a holder, and what is printed of it.

use std::{fs, path::Path, time::Duration};

use card_spec::generation::Generation;
use datacenter::storage::rows::AlarmKind;
use protocol::record::Business;
use sim::module::{Condition, Finger};
use tests::{PLANTED_PIN, PLANTED_SECRET, scene::text};

use crate::counter::{Counter, FINGER, SECOND, back, in_days, paid};

const SUPERVISOR_TOO: &str = "0902";

/// What a command has told on its screen so far.
fn told(scratch: &Path) -> String {
    let mut screens: Vec<_> = fs::read_dir(scratch).unwrap().flatten().map(|entry| entry.path()).collect();
    screens.retain(|path| path.extension().is_some_and(|end| end == "err"));
    screens.sort();
    screens.last().map(|path| fs::read_to_string(path).unwrap_or_default()).unwrap_or_default()
}

#[test]
fn two_fingers_as_the_screen_asks_for_them() {
    const OTHER: u8 = 7;
    let counter = Counter::new("pension-two", 1, Some(in_days(30)));
    let scene = &counter.scene;
    let person = scene.holder.person.index;
    let reader = format!("sim:{},{}", text(&scene.card), text(&scene.folder.path().join("psam.json")));
    let words = ["finger", "enrol", "--finger", "2", "--finger", "7", "--consent", "--staff", "--lang", "en"];
    let mut started = scene.jinbao.start(&[&words[..], &["--reader", &reader]].concat(), &[PLANTED_PIN]);
    // Somebody who follows the words: puts on what is asked for, and lifts it then.
    let scratch = scene.folder.path().join("scratch");
    let mut heard = 0;
    while started.runs() {
        let screen = told(&scratch);
        let whole = screen.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        for line in whole.skip(heard) {
            heard += 1;
            if line.contains("Put the right index") {
                counter.module.put_on(Finger::of_person(person, FINGER), Condition::default());
            } else if line.contains("Put the left index") {
                counter.module.put_on(Finger::of_person(person, OTHER), Condition::default());
            } else if line.contains("Comparing") || line.contains("Lift") {
                counter.module.take_off();
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let answer = started.finish(&scene.logs).done();
    assert!(
        answer.out.contains("right index finger") && answer.out.contains("left index finger"),
        "{answer:?}"
    );
    // Either is the holder's; none of a stranger is.
    for finger in [FINGER, OTHER] {
        counter.module.tap(Finger::of_person(person, finger), Condition::default());
        let known = scene.run(&["finger", "verify", "--finger", &finger.to_string()], &[]).done();
        assert_eq!(known.number("/proof/position"), i64::from(finger), "{known:?}");
    }
    let bodies = counter.booked();
    let Business::Enrolment(enrolment) = &bodies[0].business else { panic!() };
    let positions: Vec<u8> = enrolment.fingers.iter().map(|finger| finger.position.number()).collect();
    assert_eq!(positions.len(), 3, "two impressions of the better one: {positions:?}");
    assert!(positions.contains(&FINGER) && positions.contains(&OTHER));
    counter.scene.end();
}

#[test]
fn somebody_without_a_usable_finger_is_paid_by_staff() {
    let counter = Counter::new("pension-none", 1, Some(in_days(30)));
    let scene = &counter.scene;
    scene.run(&["operator", "add", SUPERVISOR_TOO, "--role", "supervisor"], &[PLANTED_SECRET]).done();
    let none = ["finger", "enrol", "--none-usable", "--consent", "--staff", "--supervisor"];
    // Only a supervisor confirms it, and another one than is signed in.
    let by = |number| scene.run(&[&none[..], &[number]].concat(), &[PLANTED_PIN, PLANTED_SECRET]);
    by(SECOND).refused(4, "sign_in");
    by(tests::scene::SUPERVISOR).refused(4, "proof");
    let noted = by(SUPERVISOR_TOO).done();
    assert_eq!(noted.json["fingers"].as_array().map(Vec::len), Some(0), "{noted:?}");
    let captures = counter.module.counters().captures;
    scene.run(&["finger", "verify"], &[]).refused(4, "finger");
    let both = ["pension", "pay", "--yes", "--staff", "--second", SECOND];
    let paid_out = scene.run(&both, &[PLANTED_PIN, PLANTED_SECRET]).done();
    assert_eq!(paid_out.text("/proof/reason"), "no_usable_finger");
    assert_eq!(counter.module.counters().captures, captures, "nobody is asked for a finger");
    assert_eq!(paid(&counter.booked()), [back(0)]);
    let alarms = scene.center.production().storage().alarms(10).unwrap();
    assert!(alarms.iter().all(|row| row.alarm.kind != AlarmKind::ManualAfterNoMatch), "{alarms:?}");
    counter.scene.end();
}

#[test]
fn the_card_itself_compares_and_counts() {
    let mut counter = Counter::new("pension-on-card", 1, Some(in_days(30)));
    // A card without the option says so, and nobody loses a try by it.
    counter.enrol().done();
    counter.scene.run(&["finger", "verify", "--on-card"], &[]).refused(4, "card");
    counter.scene.run(&["finger", "verify"], &[]).done();
    counter.scene.take_order(Generation::Three, |order| order.match_on_card());
    counter.enrol().done();
    let tries = |counter: &Counter| {
        let shown = counter.scene.run_private(&["sim", "card", "show", text(&counter.scene.card)], &[]);
        shown.number("/finger_tries_left")
    };
    let all = tries(&counter);
    counter.stranger_taps();
    counter.scene.run(&["finger", "verify", "--on-card"], &[]).refused(4, "finger");
    assert_eq!(tries(&counter), all - 3, "the card has counted too");
    // The terminal's tries are used up for half an hour, the card's are not.
    counter.scene.move_terminal_clock("+31m");
    counter.holder_taps(Condition::default());
    let paid_out = counter.scene.run(&["pension", "pay", "--yes", "--on-card"], &[]).done();
    assert_eq!(paid_out.text("/proof/way"), "card_finger");
    assert_eq!(tries(&counter), all, "given back");
    assert_eq!(paid(&counter.booked()), [back(0)]);
    counter.scene.end();
}

#[test]
fn slips_are_printed_again() {
    let counter = Counter::new("pension-slips", 1, None);
    let scene = &counter.scene;
    let paper = scene.folder.path().join("paper");
    let settings = scene.jinbao.data.join("config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&settings).unwrap()).unwrap();
    config["printer"] = serde_json::json!({ "device": text(&paper), "columns": 48 });
    fs::write(&settings, config.to_string()).unwrap();
    counter.enrol().done();
    counter.holder_taps(Condition::default());
    let certified = scene.run(&["finger", "certify"], &[]).done();
    let paid_out = scene.run(&["pension", "pay", "--yes"], &[]).done();
    let sequences = [1, certified.number("/sequence"), paid_out.number("/paid/0/sequence")]
        .map(|number| number.to_string());
    for (sequence, title, fact) in [
        (&sequences[0], "指纹采集回单", "右手食指"),
        (&sequences[1], "资格认证回单", "有效期至"),
        (&sequences[2], "养老金发放凭证", "3150.00"),
    ] {
        fs::write(&paper, b"").unwrap();
        scene.run(&["receipt", "print", sequence, "--lang", "zh"], &[]).done();
        let printed = fs::read(&paper).unwrap();
        scene.logs.keep("paper", &printed);
        let printed = String::from_utf8(printed).unwrap();
        let shown = scene.run(&["receipt", "text", sequence, "--lang", "zh"], &[]).done();
        assert_eq!(shown.json["slip"]["copy"], true, "{shown:?}");
        let pdf = scene.folder.path().join("slip.pdf");
        scene.run(&["receipt", "pdf", sequence, text(&pdf), "--lang", "zh"], &[]).done();
        assert!(fs::read(&pdf).unwrap().starts_with(b"%PDF"));
        for place in [printed.as_str(), shown.text("/text")] {
            assert!([title, fact, "补打"].iter().all(|word| place.contains(word)), "{place}");
        }
    }
    counter.scene.end();
}
