//! A whole terminal with a center of its own and a card in this process.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{fs, path::Path};

use support::{
    Run, sample, text,
    world::{CITY, PIN, SECRET, TERMINAL, World},
};

/// Number of the DEBIT among the commands that a 3.0 card gets in a visit.
fn debit_of(world: &World) -> u32 {
    // The visit's last command to the card: nothing follows the debit but its proof.
    let visited = world.visit("card.json", &[]).exits(0).json();
    u32::try_from(visited["card_commands"].as_u64().unwrap()).unwrap()
}

#[test]
fn offline_then_queue_then_drain() {
    let mut world = World::new();
    world.stop_center();
    let run = world.visit("card.json", &[]).exits(0);
    let visited = run.json();
    assert_eq!(visited["settled"], true);
    assert_eq!(visited["offline"], true);
    assert_eq!(visited["upload"]["state"], "pending");
    assert_eq!(visited["eligibility"], "cache");
    let account = visited["amounts"]["acct_pay"].as_i64().unwrap();
    let (before, after) = (&visited["balance_before_fen"], &visited["balance_after_fen"]);
    assert_eq!(before.as_i64().unwrap() - after.as_i64().unwrap(), account);
    assert!(account > 0);
    assert!(!run.out.contains(PIN) && !run.err.contains(PIN));

    // The line is down: the queue keeps it, and says who has to act.
    assert_eq!(world.queue()["waiting"], 1);
    let run = world.terminal(&["queue", "retry", "--json"]).run().exits(6);
    assert_eq!(run.kind(), "link");
    assert_eq!(world.queue()["waiting"], 1);

    world.start_center();
    let drained = world.terminal(&["queue", "retry", "--json"]).run().exits(0).json();
    assert_eq!(drained["booked"], 1);
    assert_eq!(world.queue()["waiting"], 0);
    let again = world.terminal(&["queue", "retry", "--json"]).run().exits(0).json();
    assert_eq!(again["booked"], 0);
    world.terminal(&["queue", "verify"]).run().exits(0);
    let compared = world.terminal(&["reconcile", "--json"]).run().exits(0).json();
    assert_eq!(compared["equal"], true);
    assert_eq!(compared["ours"]["count"], 1);
}

#[test]
fn online_receipt_and_its_copies() {
    let world = World::new();
    let (pdf, plain) = (world.path("receipt.pdf"), world.path("receipt.txt"));
    let visited = world.visit("card.json", &["--receipt", &text(&pdf)]).exits(0).json();
    assert_eq!(visited["upload"]["state"], "booked");
    assert_eq!(visited["sequence"], 1);
    assert!(fs::read(&pdf).unwrap().starts_with(b"%PDF-"));
    world.visit("card.json", &["--receipt", &text(&plain)]).exits(0);
    let receipt = fs::read_to_string(&plain).unwrap();
    assert!(receipt.contains("TAC"), "{receipt}");
    let copy = world.terminal(&["receipt", "text", "1"]).run().exits(0);
    assert!(copy.out.contains("(copy)") && copy.out.contains("530100-"), "{copy:?}");
    // A receipt names its holder by no more than a mask.
    for text in [&receipt, &copy.out] {
        assert!(text.contains("***********"), "{text}");
    }
    world.terminal(&["receipt", "pdf", "1", &text(&world.path("copy.pdf"))]).run().exits(0);
    world.terminal(&["receipt", "text", "99"]).run().exits(2);
    let run = world.terminal(&["receipt", "print", "1", "--json"]).run().exits(5);
    assert_eq!(run.kind(), "no_printer");
    set_printer(&world, &text(&world.path("paper.txt")));
    world.terminal(&["receipt", "print", "1"]).run().exits(0);
    assert!(fs::read_to_string(world.path("paper.txt")).unwrap().contains("(copy)"));
}

fn set_printer(world: &World, device: &str) {
    let path = world.data().join("config.json");
    let mut config: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    config["printer"] = serde_json::json!({ "device": device, "columns": 32 });
    fs::write(&path, config.to_string()).unwrap();
}

#[test]
fn nobody_does_business_without_signing_in() {
    let world = World::new();
    world.terminal(&["operator", "sign-out"]).run().exits(0);
    let run = world.visit("card.json", &[]).exits(4);
    assert_eq!(run.kind(), "not_signed_in");
    let wrong = |secret: &str| {
        world.terminal(&["operator", "sign-in", "0001", "--pin-stdin", "--json"]).input(secret).run()
    };
    assert_eq!(wrong("not the secret\n").exits(4).kind(), "sign_in");
    world.sign_in();
    // A shift written by hand is none.
    let shift = world.data().join("shift");
    let forged = fs::read_to_string(&shift).unwrap().replace("0001", "0002");
    fs::write(&shift, forged).unwrap();
    assert_eq!(world.visit("card.json", &[]).exits(4).kind(), "not_signed_in");
}

#[test]
fn roles_have_the_least_they_need() {
    let world = World::new();
    for (number, role) in [("0002", "cashier"), ("0003", "auditor"), ("0004", "installer")] {
        let words = ["operator", "add", number, "--role", role, "--pin-stdin"];
        world.terminal(&words).input(&format!("{SECRET}\n")).run().exits(0);
    }
    world.visit("card.json", &[]).exits(0);
    let sign_in = |number: &str| {
        world
            .terminal(&["operator", "sign-in", number, "--pin-stdin"])
            .input(&format!("{SECRET}\n"))
            .run()
            .exits(0);
    };
    sign_in("0002");
    assert_eq!(world.with_card("card.json", &["cancel", "1", "--json"]).run().exits(4).kind(), "sign_in");
    world.visit("card.json", &[]).exits(0);
    sign_in("0003");
    let export = text(&world.path("export.jsonl"));
    world.terminal(&["queue", "export", &export]).run().exits(0);
    assert!(fs::read_to_string(&export).unwrap().lines().count() > 5);
    world.terminal(&["queue", "export", &export]).run().exits(5);
    assert_eq!(world.visit("card.json", &[]).exits(4).kind(), "not_signed_in");
    sign_in("0004");
    assert_eq!(world.terminal(&["audit", "--json"]).run().exits(4).kind(), "sign_in");
    world.terminal(&["certificate", "renew"]).run().exits(0);
    let run = world.terminal(&["retire", "--terminal", "530100000009", "--json"]).run().exits(2);
    assert_eq!(run.kind(), "argument");
    assert!(world.path("terminal-head/head").exists(), "the mark lies beside the folder");
    world.terminal(&["retire", "--terminal", TERMINAL]).run().exits(0);
    assert_eq!(world.terminal(&["queue", "list", "--json"]).run().exits(2).kind(), "file");
    assert!(!world.path("terminal-head/head").exists());
}

#[test]
fn cards_that_are_refused() {
    let world = World::new();
    for (name, more, code, kind) in [
        ("wrong-pin.json", &["--pin-stdin"][..], 3, "card"),
        ("blocked.json", &["--flaw", "pin-blocked"], 3, "card"),
        ("initial.json", &["--initial-pin"], 3, "card"),
        ("forged.json", &["--flaw", "forged"], 4, "card"),
        ("old.json", &["--issued", "20100101"], 3, "not_eligible"),
        ("bank.json", &["--foreign", "bank"], 3, "card"),
        ("health.json", &["--foreign", "health"], 3, "card"),
        ("ssf33.json", &["--flaw", "ssf33"], 3, "card"),
        ("name.json", &["--flaw", "name-not-gbk"], 3, "card"),
        ("card-blocked.json", &["--flaw", "card-blocked"], 3, "card"),
    ] {
        let out = text(&world.path(name));
        support::jinbao([
            "sim", "card", "new", "--city", CITY, "--person", "2", "--size", "40", "--out", &out,
        ])
        .args(more)
        .input("741852\n")
        .run()
        .exits(0);
        let pin = if name == "initial.json" { "123456\n" } else { "258369\n" };
        let bill = text(&sample("bills/outpatient.json"));
        let run = world.with_card(name, &["visit", "--bill", &bill, "--json"]).input(pin).run().exits(code);
        assert_eq!(run.kind(), kind, "{name}");
        let error = &run.json()["error"];
        assert_eq!(error["money"], "not_done", "{name}");
        assert!(!error["advice"].as_str().unwrap_or_default().is_empty(), "{name}: {error}");
        assert!(!run.out.contains("258369") && !run.out.contains("741852"), "{name}");
    }
    assert_eq!(world.queue()["sequence"], 0);
}

#[test]
fn mute_and_garbled_cards() {
    let world = World::new();
    for fault in ["mute", "atr=3B", "atr=00112233", "status=3:6F00", "truncate=6:1", "pull-before=1"] {
        let run = world.visit(&format!("card.json,{fault}"), &[]);
        assert_eq!(run.code, 3, "{fault}: {run:?}");
        assert_eq!(run.kind(), "card", "{fault}");
    }
    assert_eq!(world.queue()["sequence"], 0);
}

#[test]
fn a_card_pulled_at_the_debit_comes_back() {
    let world = World::new();
    let debit = debit_of(&world);
    let before = balance(&world, "card.json");
    // The session counts its own commands; on the way to the card GET RESPONSE is added to some.
    let run = (debit..=debit + 14)
        .map(|command| world.visit(&format!("card.json,pull-after={command}"), &[]))
        .find(|run| run.code == 7)
        .expect("one of them is the debit");
    let error = &run.json()["error"];
    assert_eq!(error["kind"], "unresolved");
    assert_eq!(error["money"], "unknown");
    assert_eq!(error["who"], "unknown");
    assert_eq!(world.queue()["unresolved"], 1);
    // Business with this card finds out first; here by the command that does nothing else.
    let resolved = world.with_card("card.json", &["resolve", "--json"]).run().exits(0).json();
    assert_eq!(resolved["resolved"]["done"], true);
    assert_eq!(resolved["resolved"]["proved"], true);
    assert_eq!(world.queue()["unresolved"], 0);
    let nothing = world.with_card("card.json", &["resolve", "--json"]).run().exits(0).json();
    assert_eq!(nothing["resolved"], serde_json::Value::Null);
    world.terminal(&["queue", "retry"]).run().exits(0);
    let compared = world.terminal(&["reconcile", "--json"]).run().exits(0).json();
    assert_eq!(compared["equal"], true);
    let taken = before - balance(&world, "card.json");
    let booked = compared["ours"]["acct_pay"].as_i64().unwrap();
    // `before` was read after the first visit: what was taken since is what was booked since.
    let first = world.terminal(&["queue", "show", "1", "--json"]).run().exits(0).json();
    assert_eq!(taken, booked - first["account_fen"].as_i64().unwrap());
}

/// Balance that stands in the card's file.
fn balance(world: &World, card: &str) -> i64 {
    let shown =
        support::jinbao(["sim", "card", "show", "--json", &text(&world.path(card))]).run().exits(0).json();
    shown["balance_fen"].as_i64().unwrap()
}

#[test]
fn cancel_puts_the_money_back() {
    let world = World::new();
    let before = balance(&world, "card.json");
    world.visit("card.json", &[]).exits(0);
    assert!(balance(&world, "card.json") < before);
    let cancelled = world.with_card("card.json", &["cancel", "1", "--json"]).run().exits(0).json();
    assert_eq!(cancelled["account"], "loaded");
    assert_eq!(balance(&world, "card.json"), before);
    assert_eq!(world.with_card("card.json", &["cancel", "1", "--json"]).run().exits(4).kind(), "ledger");
    // Without the card it stays owed, and comes back with it.
    world.visit("card.json", &[]).exits(0);
    let settled = world.terminal(&["queue", "list", "--json"]).run().exits(0).json();
    let sequence = settled["transactions"][0]["sequence"].to_string();
    let owed = world.terminal(&["cancel", &sequence, "--no-card", "--json"]).run().exits(0).json();
    assert_eq!(owed["account"], "owed");
    // As long as it is owed the terminal's keys are needed, also when everything is uploaded.
    world.terminal(&["queue", "retry"]).run().exits(0);
    let words = ["operator", "add", "0004", "--role", "installer", "--pin-stdin"];
    world.terminal(&words).input(&format!("{SECRET}\n")).run().exits(0);
    let words = ["operator", "sign-in", "0004", "--pin-stdin"];
    world.terminal(&words).input(&format!("{SECRET}\n")).run().exits(0);
    let run = world.terminal(&["retire", "--terminal", TERMINAL, "--json"]).run().exits(4);
    assert_eq!(run.kind(), "still_owed");
    world.sign_in();
    let loaded = world.with_card("card.json", &["load", "--refund", "--json"]).run().exits(0).json();
    assert_eq!(loaded["loads"].as_array().unwrap().len(), 1);
    assert_eq!(balance(&world, "card.json"), before);
    assert_eq!(
        world.with_card("card.json", &["load", "--refund", "--json"]).run().exits(4).kind(),
        "nothing_to_load"
    );
    assert_eq!(world.terminal(&["reconcile", "--json"]).run().exits(0).json()["equal"], true);
}

#[test]
fn load_from_the_credit_that_the_center_holds() {
    let world = World::new();
    let before = balance(&world, "card.json");
    let run = world.with_card("card.json", &["load", "50.00", "--json"]).run().exits(6);
    assert_eq!(run.kind(), "link");
    assert_eq!(balance(&world, "card.json"), before);
    let person = person(&world);
    let folder = text(&world.path("center"));
    support::jinbao(["center", "--folder", &folder, "credit", "add", "50.00"])
        .input(&format!("{person}\n"))
        .run()
        .exits(0);
    let loaded = world.with_card("card.json", &["load", "50.00", "--json"]).run().exits(0).json();
    assert_eq!(loaded["loads"][0]["amount_fen"], 5_000);
    assert_eq!(balance(&world, "card.json"), before + 5_000);
    world.with_card("card.json", &["load", "50.00"]).run().exits(6);
}

fn person(world: &World) -> String {
    let people = fs::read_to_string(world.path("people.csv")).unwrap();
    people.lines().nth(3).unwrap().split(',').next().unwrap().to_owned()
}

#[test]
fn card_commands_at_the_counter() {
    let world = World::new();
    let number = person(&world);
    let info = world.with_card("card.json", &["card", "info", "--json"]).run().exits(0);
    assert!(!info.out.contains(&number[6..17]), "{info:?}");
    assert_eq!(info.json()["masked"], true);
    let full =
        world.with_card("card.json", &["card", "info", "--full", "--trace", "--json"]).run().exits(0).json();
    assert_eq!(full["person"], number.as_str());
    assert!(full["trace"].as_array().unwrap().len() > 15);
    let read =
        world.with_card("card.json", &["card", "read", "SSSEEF06|08|$", "--json"]).run().exits(0).json();
    assert_eq!(read["values"], format!("{number}|$"));
    let log = world.with_card("card.json", &["card", "read", "DF04EF08", "--json"]).run().exits(0).json();
    assert_eq!(log["files"][0]["records"].as_array().unwrap().len(), 0);
    world.with_card("card.json", &["card", "write", "DF01EF06|28|$"]).input("0871-65123456\n").run().exits(0);
    let read =
        world.with_card("card.json", &["card", "read", "DF01EF06|28|$", "--json"]).run().exits(0).json();
    assert_eq!(read["values"], "0871-65123456|$");
    for (more, source) in [(&["--json"][..], "center"), (&["--json", "--offline"], "cache")] {
        let run = world.with_card("card.json", &[&["eligibility"], more].concat()).run().exits(0);
        let eligible = run.json();
        assert_eq!((&eligible["eligible"], &eligible["source"]), (&true.into(), &source.into()));
    }

    let pin = |words: &[&str], lines: &str| world.with_card("card.json", words).input(lines).run();
    pin(&["card", "pin", "change"], "258369\n741852\n741852\n").exits(0);
    assert_eq!(pin(&["card", "pin", "verify", "--json"], "258369\n").exits(3).kind(), "card");
    pin(&["card", "pin", "verify"], "741852\n").exits(0);
    assert_eq!(pin(&["card", "pin", "change", "--json"], "741852\n963258\n963259\n").exits(3).kind(), "card");
    assert_eq!(pin(&["card", "pin", "change", "--json"], "741852\n123456\n123456\n").exits(3).kind(), "card");
    pin(&["card", "pin", "reset"], "963258\n963258\n").exits(0);
    pin(&["card", "pin", "verify"], "963258\n").exits(0);
    // Each wrong entry costs one try, never two.
    for tries_left in [2, 1] {
        let run = pin(&["card", "pin", "verify", "--lang", "en"], "111222\n").exits(3);
        assert!(run.err.contains(&format!("{tries_left} tries left")), "{run:?}");
    }
    pin(&["card", "pin", "verify"], "111222\n").exits(3);
    pin(&["card", "pin", "unblock"], "").exits(0);
    pin(&["card", "pin", "verify"], "963258\n").exits(0);
}

#[test]
fn what_is_planted_appears_nowhere() {
    let world = World::new();
    let number = person(&world);
    let name = {
        let shown =
            support::jinbao(["sim", "people", "--city", CITY, "--size", "40", "--person", "2", "--json"])
                .run()
                .exits(0)
                .json();
        shown["people"][0]["name"].as_str().unwrap().to_owned()
    };
    let mut said = String::new();
    for run in [
        world.visit("card.json", &[]),
        world.visit("card.json,pull-after=20", &[]),
        world.with_card("card.json", &["resolve"]).run(),
        world.with_card("card.json", &["card", "info"]).run(),
        world.with_card("card.json", &["eligibility"]).run(),
        world.with_card("card.json", &["doctor"]).run(),
        world.terminal(&["queue", "list"]).run(),
        world.terminal(&["queue", "show", "1"]).run(),
        world.terminal(&["audit"]).run(),
        world.terminal(&["reconcile"]).run(),
        world.terminal(&["operator", "sign-in", "0001", "--pin-stdin"]).input(&format!("{SECRET}\n")).run(),
    ] {
        said.push_str(&run.out);
        said.push_str(&run.err);
    }
    for planted in [PIN, SECRET, &number, &number[6..17], &name] {
        assert!(!said.contains(planted), "{planted} was said");
    }
    // Not in the terminal's files either: what is personal there is encrypted.
    for entry in fs::read_dir(world.data()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for planted in [PIN, SECRET, &number, &name] {
            let found = bytes.windows(planted.len()).any(|window| window == planted.as_bytes());
            assert!(!found, "{planted} in {}", path.display());
        }
    }
}

#[test]
fn a_torn_cache_is_put_aside_and_filled_again() {
    let world = World::new();
    flip(&world.data().join("cache.db"), 5_000);
    let run = world.terminal(&["sync", "--json"]).run().exits(0).json();
    assert_eq!(run["rebuilt"], true);
    assert_eq!(run["people"], 40);
    let aside = fs::read_dir(world.data()).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("cache.db.damaged-")
    });
    assert_eq!(aside.count(), 1);
    world.visit("card.json", &[]).exits(0);
    // Damage behind the first pages, which opening does not read, is found as well.
    let end = fs::metadata(world.data().join("cache.db")).unwrap().len();
    flip(&world.data().join("cache.db"), usize::try_from(end).unwrap() - 2_000);
    let synced = world.terminal(&["sync", "--json"]).run().exits(0).json();
    assert_eq!((&synced["rebuilt"], &synced["complete"]), (&true.into(), &true.into()));
    world.visit("card.json", &["--offline"]).exits(0);
}

#[test]
fn damage_that_a_visit_meets_is_gone_with_the_next_command() {
    let mut world = World::new();
    let cache = world.data().join("cache.db");
    let end = fs::metadata(&cache).unwrap().len();
    // All but the first pages, which are read when the file is opened.
    let mut bytes = fs::read(&cache).unwrap();
    bytes[usize::try_from(end).unwrap() / 2..].fill(0xA5);
    fs::write(&cache, bytes).unwrap();
    let broken = world.visit("card.json", &["--offline"]).exits(5);
    assert_eq!(broken.kind(), "cache");
    let empty = world.visit("card.json", &["--offline"]);
    assert_ne!(empty.kind(), "cache", "another file by now");
    let synced = world.terminal(&["sync", "--json"]).run().exits(0).json();
    assert_eq!(synced["people"], 40);
    world.visit("card.json", &["--offline"]).exits(0);
    // With the line up an empty cache keeps nobody from settling.
    fs::write(&cache, b"torn").unwrap();
    let visited = world.visit("card.json", &[]).exits(0).json();
    assert_eq!(visited["eligibility"], "center");
    fs::write(&cache, b"torn").unwrap();
    world.stop_center();
    assert_eq!(world.visit("card.json", &[]).exits(6).kind(), "not_eligible");
}

/// Turns bits of a file, from a place on.
fn flip(path: &Path, from: usize) {
    let mut bytes = fs::read(path).unwrap();
    for byte in bytes.iter_mut().skip(from).step_by(97).take(40) {
        *byte ^= 0x5A;
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_ledger_stops_business_loudly_and_can_be_saved() {
    let world = World::new();
    world.visit("card.json", &[]).exits(0);
    // A ledger in order is not read out by anybody but the auditor, under whatever name.
    let healthy = text(&world.path("healthy.jsonl"));
    let run = world.terminal(&["queue", "export", "--salvage", &healthy, "--json"]).run().exits(4);
    assert_eq!(run.kind(), "sign_in");
    assert!(!Path::new(&healthy).exists());
    let words = ["operator", "add", "0003", "--role", "auditor", "--pin-stdin"];
    world.terminal(&words).input(&format!("{SECRET}\n")).run().exits(0);
    let words = ["operator", "sign-in", "0003", "--pin-stdin"];
    world.terminal(&words).input(&format!("{SECRET}\n")).run().exits(0);
    world.terminal(&["queue", "export", "--salvage", &healthy]).run().exits(0);
    let audit = world.terminal(&["audit", "--json"]).run().exits(0).json();
    assert_eq!(audit["entries"].as_array().unwrap().last().unwrap()["event"]["event"], "exported");
    assert!(!world.data().join("salvaged").exists());
    world.sign_in();
    flip(&world.data().join("ledger.db"), 9_000);
    let run = world.visit("card.json", &[]).exits(5);
    assert_eq!(run.kind(), "ledger");
    let saved = text(&world.path("saved.jsonl"));
    let run = world.terminal(&["queue", "export", "--salvage", &saved, "--json"]).run();
    assert!(run.code <= 1, "{run:?}");
    assert!(fs::read_to_string(&saved).unwrap().lines().count() > 0);
    assert!(fs::read_to_string(world.data().join("salvaged")).unwrap().contains("saved.jsonl"));
    let doctor = world.with_card("card.json", &["doctor", "--json"]).run().exits(5).json();
    assert!(
        doctor["checks"].as_array().unwrap().iter().any(|c| c["name"] == "books" && c["health"] == "bad")
    );
}

#[test]
fn a_ledger_put_back_is_noticed() {
    let world = World::new();
    world.visit("card.json", &[]).exits(0);
    let old = fs::read(world.data().join("ledger.db")).unwrap();
    world.visit("card.json", &[]).exits(0);
    fs::write(world.data().join("ledger.db"), old).unwrap();
    let run = world.visit("card.json", &[]).exits(5);
    assert_eq!(run.kind(), "ledger");
    let doctor = world.with_card("card.json", &["doctor", "--json"]).run().exits(5).json();
    let books = doctor["checks"].as_array().unwrap().iter().find(|c| c["name"] == "books").unwrap();
    assert_eq!(books["health"], "bad");
    assert_eq!(world.terminal(&["queue", "resume", "--json"]).run().exits(4).kind(), "sign_in");
}

#[test]
fn keys_belong_to_this_machine() {
    let world = World::new();
    // Whatever the terminal has written is its own alone.
    for entry in fs::read_dir(world.data()).unwrap() {
        let entry = entry.unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&entry.metadata().unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
    }
    let secret = world.data().join("machine.secret");
    let bytes = fs::read(&secret).unwrap();
    fs::write(&secret, [0; 32]).unwrap();
    assert_eq!(world.terminal(&["queue", "list", "--json"]).run().exits(5).kind(), "keys");
    fs::write(&secret, [0; 3]).unwrap();
    assert_eq!(world.terminal(&["queue", "list", "--json"]).run().exits(2).kind(), "file_content");
    fs::remove_file(&secret).unwrap();
    let run = world.terminal(&["queue", "list", "--json"]).run().exits(5);
    assert_eq!(run.kind(), "no_secret");
    fs::write(&secret, bytes).unwrap();
    world.terminal(&["queue", "list"]).run().exits(0);
}

#[test]
fn enrolment_trusts_the_fingerprint_alone() {
    let world = World::bare();
    let pem = fs::read(world.path("center/authority.pem")).unwrap();
    let fingerprint = fingerprint(&pem);
    let wrong = "0".repeat(64);
    let run = world.enrol_trusting(&["--fingerprint", &wrong]).exits(5);
    assert_eq!(run.kind(), "fingerprint");
    world.enrol_trusting(&["--fingerprint", &fingerprint]).exits(0);
    // A code works for one terminal; another key under the same number is refused.
    let used = world
        .terminal(&["enrol", "--terminal", TERMINAL, "--pin-stdin", "--json"])
        .args(["--center", &world.center_address(), "--enrolment", &world.enrolment_address()])
        .args(["--fingerprint", &fingerprint])
        .input("AAAA-BBBB-CCCC-DDDD\n")
        .run()
        .exits(6);
    assert_eq!(used.kind(), "link");
}

/// SHA-256 of the first certificate of a PEM text, by `openssl`.
fn fingerprint(pem: &[u8]) -> String {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };
    let mut child = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl is needed: apt-get install openssl");
    child.stdin.take().unwrap().write_all(pem).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().rsplit('=').next().unwrap().to_owned()
}

#[test]
fn another_centers_certificate_is_refused() {
    let mut world = World::new();
    world.stop_center();
    fs::rename(world.path("center"), world.path("ours")).unwrap();
    world.center_does(&["init", "--city", CITY, "--name", "别的中心"]);
    world.start_center();
    let run = world.terminal(&["queue", "retry", "--json"]).run();
    // Nothing waits, but the center is greeted first.
    assert_eq!(run.exits(5).kind(), "link");
    // Offline business goes on.
    world.visit("card.json", &[]).exits(0);
    assert_eq!(world.queue()["waiting"], 1);
}

#[test]
fn a_certificate_that_ran_out_is_renewed() {
    const VALIDITY_MS: u64 = 6_000;
    let mut world = World::bare();
    world.stop_center();
    world.configure_center("certificate_validity_ms", VALIDITY_MS.into());
    world.start_center();
    world.enrol().exits(0);
    std::thread::sleep(std::time::Duration::from_millis(VALIDITY_MS + 1_500));
    let shown = world.terminal(&["certificate", "show", "--json"]).run().exits(1).json();
    assert_eq!((&shown["valid"], &shown["due"]), (&false.into(), &true.into()));
    let run = world.terminal(&["queue", "retry", "--json", "--lang", "en"]).run().exits(5);
    assert_eq!(run.kind(), "link");
    // The center is about to change its authority: the new one stands in front, the old one still signs.
    let (trusted, served) = (world.data().join("authority.pem"), world.path("center/authority.pem"));
    let both = [new_authority(&world), fs::read(&served).unwrap()].concat();
    fs::write(&trusted, both).unwrap();
    // The identity key vouches for the terminal, so that nobody has to drive there.
    let renewed = world.terminal(&["certificate", "renew", "--if-due", "--json"]).run().exits(0).json();
    assert_eq!((&renewed["valid"], &renewed["renewed"]), (&true.into(), &true.into()));
    assert_eq!(
        fs::read(&trusted).unwrap(),
        fs::read(&served).unwrap(),
        "what the center names is trusted now"
    );
    world.terminal(&["queue", "retry"]).run().exits(0);
    let again = world.terminal(&["certificate", "show", "--json"]).run().json();
    assert_ne!(again["certificate"]["fingerprint"], shown["certificate"]["fingerprint"]);
}

/// Another certificate, as an authority that the center will have later; by `openssl`.
fn new_authority(world: &World) -> Vec<u8> {
    let (key, pem) = (text(&world.path("new.key")), text(&world.path("new.pem")));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-subj", "/CN=new", "-keyout", &key, "-out", &pem])
        .output()
        .expect("openssl is needed: apt-get install openssl");
    assert!(made.status.success(), "{made:?}");
    fs::read(pem).unwrap()
}

/// What `queue list --json` promises to programs.
#[test]
fn keys_of_the_json_are_stable() {
    let world = World::new();
    let run: Run = world.visit("card.json", &[]).exits(0);
    let visited = run.json();
    for key in ["visit", "card", "amounts", "settled", "id", "sequence", "upload", "receipt", "offline"] {
        assert!(!visited[key].is_null(), "{key}: {visited}");
    }
    let list = world.terminal(&["queue", "list", "--json"]).run().exits(0).json();
    for key in ["sequence", "id", "kind", "state", "at_ms", "fee_fen", "account_fen", "late", "receipt"] {
        assert!(list["transactions"][0].get(key).is_some(), "{key}: {list}");
    }
    assert_eq!(list["transactions"][0]["state"], "booked");
    assert_eq!(list["transactions"][0]["kind"], "settlement");
}
