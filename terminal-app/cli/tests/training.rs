//! Training: people who do not exist, books of its own, and nothing that leaves.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::fs;

use support::{
    Jinbao, jinbao, sample, text,
    world::{CITY, PIN, SUPERVISOR, World},
};
use terminal::training::{MARK, OPERATOR, SECRET};

fn training(world: &World, card: &str, words: &[&str]) -> Jinbao {
    world.with_card(card, &[&["--training"], words].concat())
}

fn trainee(world: &World) {
    let out = text(&world.path("training.json"));
    jinbao(["sim", "card", "new", "--trainee", "0", "--city", CITY, "--out", &out]).run().exits(0);
    let words = ["--training", "--pin-stdin", "operator", "sign-in", OPERATOR];
    world.terminal(&words).input(&format!("{SECRET}\n")).run().exits(0);
}

#[test]
fn a_visit_is_practised_and_nothing_of_it_leaves() {
    let world = World::new();
    trainee(&world);
    let bill = text(&sample("bills/outpatient.json"));
    let receipt = text(&world.path("receipt.txt"));
    let run =
        training(&world, "training.json", &["visit", "--bill", &bill, "--receipt", &receipt]).run().exits(0);
    // Whatever stands on the screen or on paper says what it is.
    for line in run.out.lines().chain(run.err.lines()) {
        assert!(line.starts_with(&format!("[{MARK}]")), "{line}");
    }
    let paper = fs::read_to_string(&receipt).unwrap();
    assert!(paper.trim_start().starts_with(MARK) && paper.trim_end().ends_with(MARK), "{paper}");
    let visited =
        training(&world, "training.json", &["visit", "--bill", &bill, "--json"]).run().exits(0).json();
    assert_eq!((visited["settled"].as_bool(), visited["training"].as_str()), (Some(true), Some(MARK)));
    assert_eq!(visited["upload"]["state"], "pending");
    // The line is a real one for the real terminal, and none for this.
    let retried = training(&world, "training.json", &["queue", "retry", "--json"]).run().exits(6);
    assert_eq!(retried.kind(), "link");
    let listed = training(&world, "training.json", &["queue", "list", "--json"]).run().exits(0).json();
    assert_eq!(listed["status"]["waiting"], 2);
    assert_eq!(world.queue()["sequence"], 0);
    let records = world.center_does(&["records", "--json"]).out;
    assert!(!records.contains("990000") && !records.contains(visited["id"].as_str().unwrap()), "{records}");
    // The real terminal goes on as if nothing had been.
    let real = world.visit("card.json", &[]).exits(0).json();
    assert_eq!((real["sequence"].as_u64(), real["training"].as_str()), (Some(1), None));
}

#[test]
fn paying_contributions_is_practised_and_nothing_of_it_leaves() {
    let world = World::new();
    trainee(&world);
    let pay = ["contribute", "pay", "--yes", "--json"];
    let paid = training(&world, "training.json", &pay).run().exits(0).json();
    assert_eq!((paid["paid_fen"].as_u64(), paid["training"].as_str()), (Some(116_000), Some(MARK)));
    assert_eq!(paid["slip"]["upload"]["state"], "pending");
    let sequence = paid["slip"]["sequence"].to_string();
    let paper = training(&world, "training.json", &["receipt", "text", &sequence]).run().exits(0);
    assert!(paper.out.contains(MARK), "{paper:?}");
    let cancel = ["contribute", "cancel", &sequence, "--json"];
    training(&world, "training.json", &cancel).run().exits(0);
    assert_eq!(world.queue()["sequence"], 0);
    let payments = world.center_does(&["service", "payments", "--json"]).out;
    assert!(payments.trim().is_empty(), "{payments}");
}

#[test]
fn the_card_of_somebody_real_is_not_touched() {
    let world = World::bare();
    trainee(&world);
    let before = fs::read(world.path("card.json")).unwrap();
    let bill = text(&sample("bills/outpatient.json"));
    for words in [&["visit", "--bill", &bill, "--json"][..], &["eligibility", "--json"]] {
        let run = training(&world, "card.json", words).run().exits(4);
        assert!(run.json()["error"]["text"].as_str().unwrap().contains("training"), "{run:?}");
    }
    assert_eq!(fs::read(world.path("card.json")).unwrap(), before);
    // Nor can training be enrolled, set up, or renewed.
    let enrol = world
        .terminal(&["--training", "enrol", "--terminal", "530100000001", "--pin-stdin", "--json"])
        .args(["--center", &world.center_address(), "--enrolment", &world.enrolment_address()])
        .args(["--authority", &text(&world.path("center/authority.pem"))])
        .input("CODE\n")
        .run()
        .exits(5);
    assert_eq!(enrol.kind(), "training");
    assert_eq!(world.terminal(&["--training", "setup", "--json"]).run().exits(5).kind(), "other_kind");
}

#[test]
fn no_center_gives_a_code_to_training() {
    let world = World::bare();
    let number = terminal::training::terminal_number();
    let folder = text(&world.path("center"));
    let words = ["code", number.as_str(), "--institution", "H1", "--name", "x", "--level", "3", "--json"];
    let run = jinbao(["center", "--folder", &folder]).args(words).run().exits(3);
    assert!(run.out.contains("training") || run.err.contains("training"), "{run:?}");
}

/// Everybody and everything planted is looked for in the bundle, in the encodings of card and file.
#[test]
fn a_support_bundle_names_nobody() {
    let world = World::new();
    let visited = world.visit("card.json", &[]).exits(0).json();
    world.visit("card.json", &["--pre-settle"]).exits(0);
    let file = world.path("support.tar");
    world.terminal(&["support-bundle", &text(&file)]).run().exits(0);
    let bundle = fs::read(&file).unwrap();
    let holds = |bytes: &[u8]| bundle.windows(bytes.len()).any(|window| window == bytes);
    assert!(holds(b"\"waiting\": 0") && holds(b"\"sequence\": 1") && holds(b"signed_in"));
    let people = fs::read_to_string(world.path("people.csv")).unwrap();
    let mut looked_for = 0;
    for field in people.lines().skip(1).flat_map(|line| line.split(',')) {
        // Numbers and names; not the small codes, which are everywhere.
        if field.len() < 9 && field.is_ascii() {
            continue;
        }
        looked_for += 1;
        assert!(!holds(field.as_bytes()), "{field}");
    }
    assert!(looked_for > 40, "{looked_for}");
    let id = visited["id"].as_str().unwrap();
    for planted in [PIN, "planted-secret-1", "测试医院", "H53010000001", id] {
        assert!(!holds(planted.as_bytes()), "{planted}");
    }
    assert!(!holds(format!("\"{SUPERVISOR}\"").as_bytes()));
    // Bare, before anything is enrolled, it is made all the same.
    let bare = world.path("bare");
    let file = text(&world.path("bare.tar"));
    jinbao(["--data", &text(&bare), "support-bundle", &file]).run().exits(0);
    assert!(fs::metadata(&file).unwrap().len() > 1_024);
}
