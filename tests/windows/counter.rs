//! A visit at a hospital's counter, by keys alone.

use std::{fs, thread, time::Duration};

use card_spec::{generation::Generation, money::Fen};
use datacenter::storage::service::DeskRow;
use protocol::{
    calendar::{Day, Period},
    rules::RulesDocument,
    service::{ContributionKind, Desk, Due},
};
use tests::{
    PLANTED_PIN,
    books::agree,
    display::{Display, Window},
    holder::{BALANCE_FEN, CardState, now},
    scene::{Scene, terminal},
};

const CATALOG: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../terminal-app/core/samples/catalog/sample.json");

/// A hospital whose city has a catalog.
fn hospital(test: &str) -> Scene {
    let scene = Scene::at_reader(test, Generation::Three);
    let catalog = RulesDocument {
        version: "catalog-1".into(),
        effective_from: "2025-01-01".into(),
        configuration: fs::read_to_string(CATALOG).unwrap(),
    };
    scene.center.production().add_rules(&catalog).unwrap();
    scene.run(&["sync"], &[]).done();
    scene
}

#[test]
fn a_visit_by_keys_alone() {
    let mut scene = hospital("windows-counter");
    let display = Display::start(1280, 800);
    let mut window = Window::open(&display, &scene.jinbao, "counter", &[]);
    // The card lies in the slot already: it is read without a key.
    window.page("counter.bill");
    // An item by its initials, one by its code as a scanner types it; count and price each.
    window.type_text("amx");
    window.keys(&["Return"]);
    window.type_text("2");
    window.keys(&["Return"]);
    window.type_text("9.80");
    window.keys(&["Return"]);
    window.type_text("001102000010000");
    window.keys(&["Return"]);
    window.type_text("1");
    window.keys(&["Return"]);
    window.type_text("50");
    window.keys(&["Return"]);
    window.keys(&["F9"]);
    window.page("counter.pin");
    window.type_text(PLANTED_PIN);
    window.keys(&["Return"]);
    window.page("counter.split");
    window.keys(&["F11"]);
    window.page("counter.why");
    window.keys(&["Escape"]);
    window.page("counter.split");
    // Pressed before anybody can have read the figures: nothing is settled.
    window.keys(&["F9", "F9"]);
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert_eq!(CardState::of(&scene.card).balance_fen, BALANCE_FEN);
    // And again, twice, as a hurried hand does: it is settled once.
    window.keys(&["F9", "F9"]);
    window.page("counter.done");
    // The figures stay until the next patient is called.
    scene.reader.as_mut().unwrap().pull();
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    window.keys(&["F9"]);
    window.page("counter.idle");
    window.close(&scene.logs, "counter.log");

    assert_eq!(CardState::of(&scene.card).balance_fen, BALANCE_FEN - 6_960);
    let books = agree(&scene);
    let [amounts] = books.settlements()[..] else { panic!("one settlement is booked: {books:?}") };
    assert_eq!((amounts.medfee_sumamt, amounts.acct_pay), (Fen(6_960), Fen(6_960)));
    scene.end();
}

/// A tax office's desk, whose holder owes a contribution.
fn tax_office(test: &str) -> (Scene, Due) {
    let scene = Scene::at_reader(test, Generation::Three);
    let path = scene.folder.path().join("data/config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["face"] = "community".into();
    fs::write(&path, serde_json::to_vec(&config).unwrap()).unwrap();
    let row = DeskRow { terminal: terminal(), desk: Desk::Tax, district: None };
    scene.center.center().service.set_desk(&row).unwrap();
    let due = Due {
        period: Period::of(now()),
        months: 1,
        kind: ContributionKind::Medical,
        amount: Fen(36_000),
        until: Day::of(now()).plus_days(20),
    };
    let key = scene.holder.person.number.key();
    scene.center.production().storage().put_dues(&[key], &[(key, due)]).unwrap();
    (scene, due)
}

#[test]
fn a_due_is_paid_by_keys_alone() {
    let (mut scene, due) = tax_office("windows-dues");
    let display = Display::start(1280, 800);
    let mut window = Window::open(&display, &scene.jinbao, "counter", &[]);
    window.page("counter.affairs");
    window.keys_until(&["F3"], "counter.dues");
    // The card was read by itself; the center is asked with the PIN.
    window.keys_until(&["F9"], "counter.pin");
    window.type_text(PLANTED_PIN);
    window.keys(&["Return"]);
    window.page("counter.dues");
    // The total is shown before anything is paid; a hurried pair of presses pays nothing.
    window.keys_until(&["F9"], "counter.pay");
    window.keys(&["F9"]);
    let storage = scene.center.production().storage();
    let key = scene.holder.person.number.key();
    assert!(storage.contributions_taken(Some(key), 99).unwrap().is_empty());
    thread::sleep(Duration::from_millis(1_500));
    window.keys(&["F9", "F9"]);
    window.page("counter.paid");
    thread::sleep(Duration::from_millis(1_500));
    scene.reader.as_mut().unwrap().pull();
    window.close(&scene.logs, "dues.log");

    let taken = scene.center.production().storage().contributions_taken(Some(key), 99).unwrap();
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert_eq!((&taken[0].dues[..], taken[0].reversed.is_none()), (&[due][..], true));
    assert!(scene.center.production().storage().dues(key, 99).unwrap().is_empty());
    assert_eq!(
        CardState::of(&scene.card).balance_fen,
        BALANCE_FEN,
        "the card's account pays no contribution"
    );
    agree(&scene);
    scene.end();
}
