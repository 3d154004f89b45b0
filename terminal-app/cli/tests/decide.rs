//! `jinbao resolve` where no card tells: a supervisor decides, and cards that refused are not asked again.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use support::world::{SECRET, World};

/// A visit cut at the debit; gives the transaction's id.
fn cut_at_the_debit(world: &World) -> String {
    (15..=45)
        .find(|command| world.visit(&format!("card.json,pull-after={command}"), &[]).code == 7)
        .expect("one of them is the debit");
    let open = world.terminal(&["queue", "list", "--unresolved", "--json"]).run().exits(0).json();
    open["transactions"][0]["id"].as_str().unwrap().to_owned()
}

fn sign_in_as(world: &World, number: &str, role: &str) {
    let words = ["operator", "add", number, "--role", role, "--pin-stdin"];
    world.terminal(&words).input(&format!("{SECRET}\n")).run().exits(0);
    let words = ["operator", "sign-in", number, "--pin-stdin"];
    world.terminal(&words).input(&format!("{SECRET}\n")).run().exits(0);
}

#[test]
fn a_supervisor_decides_what_no_card_tells() {
    let world = World::new();
    let id = cut_at_the_debit(&world);
    world.terminal(&["resolve", "--decide", &id]).run().exits(2);
    world.terminal(&["resolve", "--decide", &id, "--done", "--not-done", "--ground", "gone"]).run().exits(2);
    let words = ["resolve", "--decide", &id, "--done", "--ground", "center", "--json"];
    let decided = world.terminal(&words).run().exits(0).json();
    assert_eq!(decided["decided"]["done"], true);
    assert_eq!(decided["decided"]["proved"], false);
    assert!(decided["receipt"].is_object());
    assert_eq!(world.queue()["unresolved"], 0);
    assert_eq!(world.terminal(&words).run().exits(2).kind(), "argument");
    let audit = world.terminal(&["audit", "--json"]).run().exits(0);
    assert!(audit.out.contains("outcome_decided") && audit.out.contains("center_statement"));
    world.terminal(&["queue", "verify"]).run().exits(0);

    let id = cut_at_the_debit(&world);
    sign_in_as(&world, "0002", "cashier");
    let words = ["resolve", "--decide", &id, "--not-done", "--ground", "gone", "--json"];
    assert_eq!(world.terminal(&words).run().exits(4).kind(), "sign_in");
    world.sign_in();
    let decided = world.terminal(&words).run().exits(0).json();
    assert_eq!(decided["decided"]["done"], false);
    assert_eq!(world.queue()["unresolved"], 0);
}

#[test]
fn only_an_installer_has_refused_cards_asked_again() {
    let world = World::new();
    assert_eq!(world.terminal(&["resolve", "--ask-again", "--json"]).run().exits(4).kind(), "sign_in");
    sign_in_as(&world, "0004", "installer");
    let asked = world.terminal(&["resolve", "--ask-again", "--json"]).run().exits(0).json();
    assert_eq!(asked["cards"], 0);
}

#[test]
fn a_secret_that_was_handed_over_is_changed_before_any_work() {
    let world = World::new();
    let words = ["operator", "add", "0002", "--role", "supervisor", "--name", "李梅", "--pin-stdin"];
    world.terminal(&words).input(&format!("{SECRET}\n")).run().exits(0);
    let words = ["operator", "sign-in", "0002", "--pin-stdin"];
    world.terminal(&words).input(&format!("{SECRET}\n")).run().exits(0);
    let refused = world.visit("card.json", &[]).exits(4);
    assert!(refused.kind() == "sign_in" && refused.out.contains("first secret"), "{}", refused.out);
    let words = ["operator", "change-secret", "0002", "--pin-stdin"];
    world.terminal(&words).input(&format!("{SECRET}\n{SECRET}-2\n")).run().exits(0);
    world.visit("card.json", &[]).exits(0);
}
