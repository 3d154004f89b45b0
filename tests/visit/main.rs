//! Whole visits, from the card to the center's receipt.
#![allow(clippy::unwrap_used, reason = "tests")]

use card_spec::generation::Generation;
use tests::{books::agree, scene::Scene};

#[test]
fn first() {
    let start = std::time::Instant::now();
    let mut scene = Scene::at_reader("visit-first", Generation::Three);
    println!("scene {:?}", start.elapsed());
    let bill = scene.bill(&["1000.00"]);
    let a = scene.visit(&bill);
    println!("visit {:?} {a:?}", start.elapsed());
    agree(&scene);
    println!("agree {:?}", start.elapsed());
    scene.end();
}
