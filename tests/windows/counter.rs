//! A visit at a hospital's counter, by keys alone.

use std::fs;

use card_spec::{generation::Generation, money::Fen};
use protocol::rules::RulesDocument;
use tests::{
    PLANTED_PIN,
    books::agree,
    display::{Display, Window},
    holder::{BALANCE_FEN, CardState},
    scene::Scene,
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
