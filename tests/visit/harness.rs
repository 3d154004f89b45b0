//! The judges of these tests are judged: they find what they are there to find.

use std::panic::{AssertUnwindSafe, catch_unwind};

use card_spec::generation::Generation;
use rusqlite::Connection;
use sim::image::{DirectoryImage, Image};
use tests::{Logs, books::agree, scene::Scene};

/// What a check says when it fails; `None` when it does not.
fn complaint(check: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(check)).err()?;
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
}

#[test]
fn a_missing_fen_a_changed_record_and_a_burnt_try_are_found() {
    let mut scene = Scene::in_process("harness-books", Generation::Three);
    let bill = scene.bill(&["1000.00"]);
    scene.visit(&bill).done();
    agree(&scene);

    let Ok(Image::Card(good)) = sim::image::load(&scene.card) else { panic!("a card") };
    let mut short = good.clone();
    change(&mut short.root, &|directory| {
        directory.account.iter_mut().for_each(|account| account.balance_fen -= 1);
    });
    tests::holder::save_card(short, &scene.card);
    let said = complaint(|| drop(agree(&scene))).unwrap();
    assert!(said.contains("the card's balance"), "{said}");

    let mut tried = good.clone();
    change(&mut tried.root, &|directory| directory.pin.iter_mut().for_each(|pin| pin.tries_left -= 1));
    tests::holder::save_card(tried, &scene.card);
    let said = complaint(|| drop(agree(&scene))).unwrap();
    assert!(said.contains("PIN tries"), "{said}");
    tests::holder::save_card(good, &scene.card);
    agree(&scene);

    scene.center.stop();
    let database = Connection::open(scene.folder.path().join("center/center.sqlite")).unwrap();
    database.execute("UPDATE person SET deductible = deductible + 1 WHERE deductible > 0", []).unwrap();
    drop(database);
    scene.center.open();
    let said = complaint(|| drop(agree(&scene))).unwrap();
    assert!(said.contains("the year's deductible"), "{said}");
    scene.end();
}

fn change(directory: &mut DirectoryImage, how: &impl Fn(&mut DirectoryImage)) {
    how(directory);
    directory.directories.iter_mut().for_each(|below| change(below, how));
}

#[test]
fn a_planted_word_in_a_log_is_found() {
    let logs = Logs::of("harness-logs", &["planted-here-only"]);
    logs.keep("good", b"nothing of the kind");
    let said = complaint(|| logs.keep("bad", b"so: planted-here-only.")).unwrap();
    assert!(said.contains("planted word 0 stands in the log of bad"), "{said}");
    assert!(!said.contains("planted-here-only"), "the complaint does not repeat it");
}
