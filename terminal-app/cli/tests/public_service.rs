//! A kiosk's questions through the program, with the real center behind it.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use serde_json::Value;
use support::{
    Jinbao, Run, jinbao, text,
    world::{CITY, PERSON, PIN, TERMINAL, World},
};

const KIOSK: &str = "530100000002";

/// A world whose center has something to tell.
fn world() -> World {
    let world = World::new();
    let folder = text(&world.path("service"));
    jinbao(["sim", "service", "--city", CITY, "--size", "40", "--out", &folder]).run().exits(0);
    for (what, file) in [
        ("articles", "articles.jsonl"),
        ("offices", "offices.csv"),
        ("vacancies", "vacancies.csv"),
        ("contributions", "contributions.csv"),
        ("dues", "dues.csv"),
        ("unemployment", "unemployment.csv"),
        ("seekers", "seekers.csv"),
    ] {
        world.center_does(&["service", "import", what, &format!("{folder}/{file}")]);
    }
    world.center_does(&["terminal", "desk", TERMINAL, "kiosk", "--district", "530102"]);
    world
}

fn ask(world: &World, words: &[&str]) -> Run {
    world.with_card("card.json", &[&["service"], words, &["--json"]].concat()).run()
}

/// A second terminal, which has neither card nor PSAM.
fn kiosk(world: &World, words: &[&str]) -> Jinbao {
    jinbao(["--data", &text(&world.path("kiosk")), "--lang", "en"]).args(words)
}

fn person(world: &World) -> (String, String) {
    let shown = jinbao(["sim", "people", "--city", CITY, "--size", "40", "--person", PERSON, "--json"]);
    let _ = world;
    let shown = shown.run().exits(0).json();
    let field = |name: &str| shown["people"][0][name].as_str().unwrap().to_owned();
    (field("person"), field("name"))
}

#[test]
fn a_holder_hears_about_himself_from_the_center_and_the_card() {
    let world = world();
    world.visit("card.json", &[]).exits(0);
    let treatments = ask(&world, &["treatments"]).exits(0).json();
    assert_eq!(treatments["source"], "center");
    let list = treatments["treatments"].as_array().unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["institution"], "测试医院");
    let fee = list[0]["amounts"]["medfee_sumamt"].as_i64().unwrap();
    let paid = list[0]["amounts"]["acct_pay"].as_i64().unwrap();
    assert!(fee > 0 && paid > 0);
    let account = ask(&world, &["movements"]).exits(0).json();
    assert_eq!(account["movements"][0]["amount"].as_i64().unwrap(), -paid);
    let balance = ask(&world, &["balance", "--offline"]).exits(0).json();
    assert_eq!(
        (&balance["source"], &balance["balance_fen"]),
        (&"card".into(), &account["movements"][0]["balance"])
    );
    assert_eq!(balance["log"][0]["account_fen"].as_i64().unwrap(), paid);
    // By people the split is told with its reasons.
    let said = world.with_card("card.json", &["service", "treatments"]).run().exits(0).out;
    assert!(said.contains("Deductible") && said.contains("Pooled fund"), "{said}");

    let months = ask(&world, &["contributions", "--months", "6"]).exits(0).json();
    assert!(!months["rows"].as_array().unwrap().is_empty());
    for question in ["unemployment", "dues", "pension", "certification", "cards"] {
        let answer = ask(&world, &[question]).exits(0).json();
        assert_eq!(answer["source"], "center", "{question}");
    }
    let registered = ask(&world, &["seek-work", "电工", "--phone", "000-0000-0001"]).exits(0).json();
    assert_eq!(registered["seeker"]["seek"]["district"], CITY);
    assert_eq!(ask(&world, &["seek-work"]).exits(0).json()["seeker"], registered["seeker"]);
    assert!(ask(&world, &["seek-work", "--stop"]).exits(0).json()["seeker"].is_null());
    // A wrong PIN asks nothing; without the line a personal question says so.
    let wrong = world.with_card("card.json", &["service", "dues", "--json"]).input("000001\n").run();
    assert_ne!(wrong.code, 0);
    assert_eq!(ask(&world, &["dues", "--offline"]).kind(), "link");
    // The center has written down who asked, without saying whom.
    let asked = world.center_does(&["service", "asked", "--json"]).out;
    let rows: Vec<Value> = asked.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(rows.len() >= 11 && rows.iter().all(|row| row["ending"] == "answered"), "{rows:?}");
    let (number, _) = person(&world);
    assert!(!asked.contains(&number));
    // A counter of a hospital has no right to most of it.
    world.center_does(&["terminal", "desk", TERMINAL, "hospital"]);
    let refused = ask(&world, &["contributions"]);
    assert_eq!(refused.kind(), "link");
    assert!(!refused.out.contains(PIN) && !refused.out.contains(&number));
}

#[test]
fn what_hangs_on_the_wall_is_shown_offline_with_its_age() {
    let mut world = world();
    let found = world.terminal(&["service", "articles", "怎么申领失业金", "--json"]).run().exits(0).json();
    assert_eq!((&found["source"], &found["articles"][0]["code"]), (&"center".into(), &"ZC001".into()));
    let jobs = world.terminal(&["service", "vacancies", "-n", "50", "--json"]).run().exits(0).json();
    assert_eq!(jobs["total"], 60);
    assert_eq!(jobs["vacancies"][0]["near"], true, "the terminal's district first");
    // Page by page the same, each once.
    let mut codes = Vec::new();
    let mut after = None::<String>;
    loop {
        let mut words = vec!["service", "vacancies", "-n", "25", "--json"];
        if let Some(after) = &after {
            words.extend(["--after", after]);
        }
        let page = world.terminal(&words).run().exits(0).json();
        codes.extend(page["vacancies"].as_array().unwrap().iter().map(|line| line["code"].clone()));
        let next = &page["next"];
        if next.is_null() {
            break;
        }
        after = Some(format!("{}/{}", next["rank"], next["name"].as_str().unwrap()));
    }
    let mut unique: Vec<String> = codes.iter().map(Value::to_string).collect();
    unique.sort();
    unique.dedup();
    assert_eq!((unique.len(), codes.len()), (60, 60));

    world.terminal(&["sync"]).run().exits(0);
    world.stop_center();
    let offline = world.terminal(&["service", "vacancies", "-n", "50", "--json"]).run().exits(0).json();
    assert_eq!((&offline["source"], &offline["total"]), (&"copy".into(), &60.into()));
    assert_eq!(offline["vacancies"], jobs["vacancies"], "the same order at both ends");
    assert!(offline["age_ms"].as_i64().unwrap() >= 0);
    let office = world.terminal(&["service", "offices", "挂失"]).run().exits(0).out;
    assert!(office.contains("not reachable") && office.contains("minutes ago"), "{office}");
    let article = world.terminal(&["service", "articles", "--code", "ZC002", "--json"]).run().exits(0).json();
    assert!(article["text"].as_str().unwrap().contains("挂失"));
}

#[test]
fn a_card_reported_lost_elsewhere_is_refused_at_its_next_visit() {
    let world = world();
    // Seen once, the center knows whose card it is.
    world.visit("card.json", &[]).exits(0);
    let code = world.center_does(&["code", KIOSK, "--institution", "K1", "--name", "自助厅", "--json"]);
    let code: Value = serde_json::from_str(code.out.trim()).unwrap();
    let authority = text(&world.path("center/authority.pem"));
    kiosk(&world, &["enrol", "--terminal", KIOSK, "--pin-stdin", "--json", "--authority", &authority])
        .args(["--center", &world.center_address(), "--enrolment", &world.enrolment_address()])
        .input(&format!("{}\n", code["code"].as_str().unwrap()))
        .run()
        .exits(0);
    world.center_does(&["terminal", "desk", KIOSK, "kiosk"]);
    let (number, name) = person(&world);
    let report = |name: &str| {
        kiosk(&world, &["service", "report-loss", "--no-card", "--json"])
            .input(&format!("{number}\n{name}\n"))
            .run()
    };
    let refused = report("某某某");
    assert_eq!(refused.kind(), "link");
    world.visit("card.json", &[]).exits(0);
    let locked = report(&name).exits(0);
    assert_eq!((&locked.json()["locked"], &locked.json()["before"]), (&1.into(), &0.into()));
    assert!(!locked.out.contains(&number) && !locked.out.contains(&name) && !locked.err.contains(&name));
    // The other terminal hears of it with the feed, and refuses also without the line.
    world.terminal(&["sync"]).run().exits(0);
    let offline = world.visit("card.json", &["--offline"]);
    assert_eq!(offline.kind(), "not_eligible", "{offline:?}");
    assert_eq!(world.visit("card.json", &[]).kind(), "not_eligible");
    // The blocked card is told about itself, and nothing else.
    let cards = ask(&world, &["cards"]).exits(0).json();
    assert_eq!(cards["cards"][0]["blocked"], "Lost");
    assert_eq!(ask(&world, &["movements"]).kind(), "link");
    // Staff lifts it.
    let losses = world.center_does(&["service", "losses", "--json"]).out;
    assert!(losses.contains(KIOSK) && !losses.contains(&number), "{losses}");
}
