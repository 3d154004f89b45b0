//! The whole visit over the board: card and PSAM in its slots, terminal, center.

use card_spec::generation::Generation;
use sim::pcscd::{Model, Slot};
use tests::{books::agree, scene::Scene};

/// A visit is settled, taken back and settled again, and all books agree.
fn visit(test: &str, generation: Generation, model: Model) {
    let mut scene = Scene::at_board(test, generation, model);
    let bill = scene.bill(&["1000.00", "23.45"]);
    let settled = scene.visit(&bill).done();
    assert!(settled.number("/amounts/acct_pay") > 0, "{settled:?}");
    scene.put_in_again();
    scene.visit(&bill).done();
    assert_eq!(agree(&scene).settlements().len(), 2);
    let board = scene.reader.as_ref().and_then(|reader| reader.board()).unwrap();
    for slot in [Slot::Card, Slot::Psam] {
        let (counters, misuses) = (board.slot(slot).counters(), board.slot(slot).misuses());
        assert!(misuses.is_empty(), "{slot:?}: {misuses:?}");
        println!(
            "{generation:?} {model:?} {slot:?}: {} characters, {} ms of line time",
            counters.characters(),
            counters.line_ns / 1_000_000
        );
    }
    scene.end();
}

#[test]
fn with_each_generation() {
    for (test, generation) in [
        ("board-visit-one", Generation::One),
        ("board-visit-two", Generation::Two),
        ("board-visit-three", Generation::Three),
    ] {
        visit(test, generation, Model::Sec1210);
    }
}

#[test]
fn with_the_other_reader() {
    visit("board-visit-pos", Generation::Three, Model::GemCorePosPro);
}
