//! A board that is opened, as operators and installers meet it: no business, until it was looked at.

use std::{thread, time::Duration};

use card_spec::generation::Generation;
use datacenter::storage::rows::AlarmKind;
use reader_protocol::emulated_panel::MAKER_SECRET;
use sim::{
    board::BoardReader,
    pcscd::{Model, Slot},
};
use tests::{
    PLANTED_SECRET,
    scene::{Scene, terminal, text},
};

const INSTALLER: &str = "0700";

fn board(scene: &Scene) -> &BoardReader {
    scene.reader.as_ref().and_then(|reader| reader.board()).unwrap()
}

/// Commands that the card in the slot has been sent.
fn card_commands(scene: &Scene) -> u32 {
    scene.reader.as_ref().unwrap().commands()
}

/// Does something as the installer, and lets the supervisor go on.
fn as_installer<T>(scene: &Scene, work: impl FnOnce() -> T) -> T {
    scene.run(&["operator", "sign-in", INSTALLER], &[PLANTED_SECRET]).done();
    let result = work();
    scene.sign_in();
    result
}

/// What stands in the audit, event by event.
fn audited(scene: &Scene) -> Vec<String> {
    let audit = scene.run(&["audit", "--rows", "500"], &[]).done();
    let entries = audit.json["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["event"]["event"].as_str().unwrap().to_owned()).collect()
}

fn count(events: &[String], wanted: &str) -> usize {
    events.iter().filter(|event| *event == wanted).count()
}

/// Waits until the board has noticed that its case is open or closed.
fn notice(scene: &Scene, is_open: bool) {
    for _ in 0..500 {
        if scene.run(&["board", "tamper"], &[]).json["open"] == is_open {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the board does not notice");
}

#[test]
fn no_business_over_a_board_that_was_opened() {
    let mut scene = Scene::at_board("board-opened", Generation::Three, Model::Sec1210);
    scene.run(&["operator", "add", INSTALLER, "--role", "installer"], &[PLANTED_SECRET]).done();
    let bill = scene.bill(&["100.00"]);

    // A new board without a battery until now. The settings do not know of a board, so business goes on.
    let shown = scene.run(&["board", "show"], &[]).done();
    assert_eq!(shown.json["personality"], "SEC1210");
    assert_eq!((&shown.json["tamper"]["opened"], &shown.json["version_known"]), (&true.into(), &true.into()));
    assert_eq!(scene.run(&["board", "tamper"], &[]).exit(1).json["log"][0]["cause"], "vault_lost");
    scene.visit(&bill).done();

    // Only an installer sets it up, and only the maker clears a board that has lost its authority.
    scene.run(&["board", "clear"], &[]).refused(4, "sign_in");
    scene.run(&["board", "pair"], &[]).refused(4, "sign_in");
    let key = scene.folder.path().join("maker.hex");
    std::fs::write(&key, hex::encode(MAKER_SECRET)).unwrap();
    as_installer(&scene, || {
        assert!(scene.run(&["board", "clear"], &[]).refused(5, "board").contains("authority"));
        scene.run(&["board", "clear", "--maker-key", text(&key)], &[]).done();
        scene.run(&["board", "pair"], &[]).done();
    });
    let shown = scene.run(&["board", "show"], &[]).done();
    assert_eq!(shown.json["paired_with_us"], true);
    assert_eq!(shown.json["sensor"]["capacity"], 1_000);
    scene.put_in_again();
    scene.visit(&bill).done();
    let doctor = scene.run(&["doctor"], &[]);
    let checks = doctor.json["checks"].as_array().unwrap();
    let health = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap()["health"].clone();
    assert_eq!((health("board"), health("sensor")), ("good".into(), "good".into()), "{doctor:?}");

    // Opened: no card is touched, whatever is asked; it is noted once.
    scene.put_in_again();
    board(&scene).panel().open_case();
    notice(&scene, true);
    let before = card_commands(&scene);
    for _ in 0..2 {
        scene.visit(&bill).refused(5, "board_tampered");
    }
    scene.run(&["card", "pin", "verify"], &[PLANTED_SECRET]).refused(5, "board_tampered");
    assert_eq!(card_commands(&scene), before, "no card was asked for anything");
    let chinese = scene.run_for_people(&["visit", "--bill", text(&bill), "--lang", "zh"], &[]);
    assert!(chinese.err.contains("机壳开着"), "{chinese:?}");
    let doctor = scene.run(&["doctor"], &[]).exit(5);
    assert!(doctor.out.contains("\"board\"") && doctor.out.contains("jinbao board clear"), "{doctor:?}");
    board(&scene).panel().close_case();
    notice(&scene, false);
    assert!(scene.visit(&bill).refused(5, "board_tampered").contains("was opened"));
    assert_eq!(count(&audited(&scene), "tampered"), 1);
    // Fund supervision has heard of it, once, and by the terminal's signature.
    let alarms = || scene.center.production().storage().alarms_of(&[AlarmKind::ReaderOpened], 10).unwrap();
    assert_eq!(alarms().len(), 1);
    assert_eq!((alarms()[0].alarm.terminal, alarms()[0].count), (terminal(), 1));

    // Cleared by this terminal's key; what was shared is gone, so it is paired anew.
    as_installer(&scene, || {
        scene.run(&["board", "clear"], &[]).done();
        assert_eq!(scene.run(&["board", "tamper"], &[]).done().json["opened"], false);
    });
    scene.visit(&bill).refused(5, "board_unpaired");
    as_installer(&scene, || scene.run(&["board", "pair"], &[]).done());
    scene.put_in_again();
    scene.visit(&bill).done();
    let events = audited(&scene);
    assert_eq!(count(&events, "tamper_cleared"), 2);
    assert_eq!(count(&events, "board_paired"), 2);
    assert_eq!(count(&events, "board_replaced"), 1);
    let replaced = scene.center.production().storage().alarms_of(&[AlarmKind::ReaderReplaced], 10).unwrap();
    assert_eq!(replaced.len(), 1);
    assert!(count(&events, "not_permitted") >= 2);

    // Lamps, and a file that is no firmware.
    let _ = board(&scene).panel().take_changes();
    scene.run(&["board", "lamps", "--test"], &[]).done();
    let seen = board(&scene).panel().take_changes();
    for lit in [0, 1, 2, 3] {
        let is_lit = |change: &sim::panel::Change| {
            [change.signs.ready, change.signs.busy, change.signs.fault, change.signs.buzzer][lit]
        };
        assert!(seen.iter().any(is_lit), "{lit}: {seen:?}");
    }
    as_installer(&scene, || {
        scene.run(&["board", "update", text(&bill)], &[]).refused(5, "board");
    });
    assert!(board(&scene).slot(Slot::Card).misuses().is_empty());
    scene.end();
}
