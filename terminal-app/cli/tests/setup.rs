//! A bare machine becomes a working terminal, over a real center, whatever cuts it off.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{fs, time::Duration};

use support::{
    Jinbao, Run, jinbao, text,
    world::{CITY, PIN, SECRET, SUPERVISOR, TERMINAL, World},
};

/// What is typed at each step that asks: code, secret of the supervisor, PIN of the training card.
struct Typed<'a> {
    code: &'a str,
}

impl Typed<'_> {
    fn lines(&self, from: &str) -> String {
        let all = [("enrolment", self.code), ("keys", SECRET), ("training", PIN)];
        all.iter().skip_while(|(step, _)| *step != from).map(|(_, line)| format!("{line}\n")).collect()
    }
}

/// Fingerprint of the center's authority, as on its paper.
fn fingerprint(world: &World) -> String {
    let chain = edge::certificate::read_chain(&world.path("center/authority.pem")).unwrap();
    edge::certificate::fingerprint(&chain[0])
}

/// Answers of this world, with a printer that is a file.
fn answers(world: &World, fingerprint: &str) -> String {
    let path = world.path("answers.toml");
    let (address, enrolment) = (world.center_address(), world.enrolment_address());
    let paper = text(&world.path("paper.txt"));
    let answers = format!(
        "language = \"en\"\nsupervisor = \"{SUPERVISOR}\"\n\
         [terminal]\nterminal = \"{TERMINAL}\"\nface = \"kiosk\"\n\
         [center]\naddress = \"{address}\"\nenrolment = \"{enrolment}\"\nfingerprint = \"{fingerprint}\"\n\
         [devices]\nprinter = {{ device = \"{paper}\", columns = 32 }}\nvoice = \"voice\"\n"
    );
    fs::write(&path, answers).unwrap();
    text(&path)
}

fn training_card(world: &World) {
    let out = text(&world.path("training.json"));
    jinbao(["sim", "card", "new", "--trainee", "0", "--city", CITY, "--out", &out]).run().exits(0);
}

fn command(world: &World, words: &[&str]) -> Jinbao {
    let (card, psam) = (text(&world.path("training.json")), text(&world.path("psam.json")));
    let reader = format!("sim:{card},{psam}");
    world.terminal(&["--reader", &reader, "--pin-stdin", "--json", "setup"]).args(words)
}

fn set_up(world: &World, answers: &str, typed: &str) -> Run {
    command(world, &["--answers", answers]).input(typed).run()
}

fn next(world: &World) -> Option<String> {
    let run = command(world, &[]).run();
    run.json()["next"].as_str().map(str::to_owned)
}

#[test]
fn a_bare_machine_becomes_a_working_terminal() {
    let world = World::bare();
    training_card(&world);
    let answers = answers(&world, &fingerprint(&world));
    let code = world.code();
    let typed = Typed { code: &code };
    let done = set_up(&world, &answers, &typed.lines("enrolment")).exits(0);
    let json = done.json();
    assert_eq!(json["done"], true);
    let pdf = fs::read(json["report"].as_str().unwrap()).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    let signed = fs::read_to_string(world.data().join("commissioning.json")).unwrap();
    let signed: terminal::setup::SignedReport = serde_json::from_str(&signed).unwrap();
    let report = signed.open().unwrap();
    assert_eq!(report.terminal.as_str(), TERMINAL);
    assert!(report.tested.checks.iter().any(|check| check.name == "psam"));
    // The piece that the PSAM is, for whoever looks for it later.
    let serial = report.parts.iter().find(|(name, _)| name == "PSAM serial").unwrap().1.clone();
    assert!(serial.len() == 20 && serial.ends_with(TERMINAL), "{serial}");
    let psam = report.tested.checks.iter().find(|check| check.name == "psam").unwrap();
    assert!(psam.text.contains(&serial), "{}", psam.text);
    let bundle = world.path("bundle.tar");
    let reader = format!("sim:,{}", text(&world.path("psam.json")));
    world.terminal(&["--reader", &reader, "support-bundle", &text(&bundle)]).run().exits(0);
    let bundle = String::from_utf8_lossy(&fs::read(bundle).unwrap()).into_owned();
    assert!(bundle.contains(&serial) && bundle.contains("\"recorded\""));
    let voice = report.tested.checks.iter().find(|check| check.name == "voice").unwrap();
    assert!(voice.text.contains("Mandarin 0 of"), "{}", voice.text);
    // The training receipt was printed, and says what it is from top to bottom.
    let paper = fs::read_to_string(world.path("paper.txt")).unwrap();
    assert!(paper.matches("培训 TRAINING").count() >= 4, "{paper}");
    // A second run has nothing left to do and asks for nothing.
    set_up(&world, &answers, "").exits(0);
    // The terminal works: its supervisor signs in, a real visit settles and is booked.
    world.sign_in();
    let visited = world.visit("card.json", &[]).exits(0).json();
    assert_eq!(visited["upload"]["state"], "booked");
    assert_eq!(visited["sequence"], 1);
    // Neither code nor secret nor PIN is in any file of the folder.
    for planted in [code.as_str(), SECRET, PIN] {
        for entry in fs::read_dir(world.data()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let bytes = fs::read(&path).unwrap();
                let found = bytes.windows(planted.len()).any(|window| window == planted.as_bytes());
                assert!(!found, "{path:?}");
            }
        }
        assert!(!done.out.contains(planted) && !done.err.contains(planted), "{planted}");
    }
    // After a repair it is proved anew.
    let again = command(&world, &["--answers", &answers, "--again"]).input(&typed.lines("training")).run();
    assert_eq!(again.exits(0).json()["done"], true);
}

/// The power is cut right before each step is noted: what was done is found, what was not is done.
#[test]
fn cut_after_each_step_it_goes_on_there() {
    let mut world = World::bare();
    training_card(&world);
    let right = fingerprint(&world);
    let answers = answers(&world, &right);
    let code = world.code();
    let typed = Typed { code: &code };
    // No center: what is chosen is kept.
    world.stop_center();
    let run = set_up(&world, &answers, "").exits(6);
    assert_eq!(run.kind(), "link");
    assert_eq!(next(&world).as_deref(), Some("center"));
    world.start_center();
    // Nobody typed the code.
    set_up(&world, &answers, "").exits(3);
    assert_eq!(next(&world).as_deref(), Some("enrolment"));
    // A wrong code is the center's refusal, and another may be typed.
    let run = set_up(&world, &answers, "WRONG-CODE\n").exits(6);
    assert!(!run.err.contains("WRONG-CODE"));
    assert_eq!(next(&world).as_deref(), Some("enrolment"));
    // Enrolled, and cut off before the secret was typed.
    set_up(&world, &answers, &format!("{code}\n")).exits(3);
    assert_eq!(next(&world).as_deref(), Some("keys"));
    // The note of the enrolment is lost with the power: the files tell, and no code is asked for again.
    let path = world.data().join("setup.json");
    let mut noted: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    noted["enrolled"] = serde_json::Value::Null;
    fs::write(&path, noted.to_string()).unwrap();
    assert_eq!(next(&world).as_deref(), Some("keys"));
    // No center at the first fill: keys stand.
    world.stop_center();
    set_up(&world, &answers, &typed.lines("keys")).exits(6);
    assert_eq!(next(&world).as_deref(), Some("fill"));
    world.start_center();
    // Nobody typed the PIN.
    let run = set_up(&world, &answers, "").exits(3);
    assert_eq!(next(&world).as_deref(), Some("training"), "{run:?}");
    let done = set_up(&world, &answers, &typed.lines("training")).exits(0).json();
    assert_eq!(done["done"], true);
    // Only the note of the report was lost: it is made again, over the same proofs.
    let mut noted: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    noted["reported"] = serde_json::Value::Null;
    fs::write(&path, noted.to_string()).unwrap();
    assert_eq!(set_up(&world, &answers, "").exits(0).json()["done"], true);
    // All of the notes are lost: the enrolment stays, the rest is proved again, without a code.
    fs::remove_file(&path).unwrap();
    assert_eq!(next(&world).as_deref(), Some("keys"));
    assert_eq!(set_up(&world, &answers, &typed.lines("training")).exits(0).json()["done"], true);
}

/// Killed over and over at other moments, it comes to its end all the same, and no step is lost.
#[test]
fn killed_at_any_moment_it_comes_to_its_end() {
    const ROUNDS_MAX: u64 = 60;
    let world = World::bare();
    training_card(&world);
    let answers = answers(&world, &fingerprint(&world));
    let code = world.code();
    let typed = Typed { code: &code };
    let (mut settled, mut kills) = (0, 0);
    for round in 0..ROUNDS_MAX {
        let standing = command(&world, &[]).run().json();
        let now = standing["settled"].as_array().unwrap().len();
        assert!(now >= settled, "a step was lost: {standing}");
        settled = now;
        if standing["done"] == true {
            break;
        }
        let next = standing["next"].as_str().unwrap();
        let from = match next {
            "keys" | "training" => next,
            "fill" | "self_test" => "training",
            "report" => "",
            _ => "enrolment",
        };
        let lines = if from.is_empty() { String::new() } else { typed.lines(from) };
        // Longer each time, so that every step is cut once and the last is reached in the end.
        let killed = command(&world, &["--answers", &answers])
            .input(&lines)
            .killed_after(Duration::from_millis(20 + 35 * round));
        kills += u32::from(killed);
    }
    assert_eq!(settled, 10);
    assert!(kills > 3, "{kills}");
    println!("{kills} kills");
    world.sign_in();
    assert_eq!(world.visit("card.json", &[]).exits(0).json()["upload"]["state"], "booked");
}

#[test]
fn what_is_wrong_stops_it_where_it_is() {
    let world = World::bare();
    training_card(&world);
    // Another center than on the paper: nothing is sent.
    let wrong = answers(&world, &"AB".repeat(32));
    let run = set_up(&world, &wrong, "CODE\n").exits(5);
    assert_eq!(run.kind(), "fingerprint");
    assert_eq!(next(&world).as_deref(), Some("center"));
    let right = answers(&world, &fingerprint(&world));
    let code = world.code();
    // A printer that is not there, and a PSAM that is not there, are told in the self-test.
    let broken = fs::read_to_string(&right).unwrap().replace("paper.txt", "nowhere/paper.txt");
    fs::write(&right, &broken).unwrap();
    let typed = Typed { code: &code }.lines("enrolment");
    let run = set_up(&world, &right, &typed).exits(5);
    assert_eq!(run.kind(), "setup_not_passed");
    assert!(run.json()["error"]["text"].as_str().unwrap().contains("printer"), "{run:?}");
    assert_eq!(next(&world).as_deref(), Some("self_test"));
    let reader = format!("sim:{},", text(&world.path("training.json")));
    let without_psam = world
        .terminal(&["--reader", &reader, "--pin-stdin", "--json", "setup", "--answers", &right])
        .run()
        .exits(5);
    assert!(without_psam.json()["error"]["text"].as_str().unwrap().contains("psam"), "{without_psam:?}");
    // Repaired: no printer any more.
    let without = broken.lines().filter(|line| !line.starts_with("printer")).collect::<Vec<_>>().join("\n");
    fs::write(&right, without).unwrap();
    // The card of somebody who exists is not touched.
    let card = fs::read(world.path("card.json")).unwrap();
    let files = format!("sim:{},{}", text(&world.path("card.json")), text(&world.path("psam.json")));
    let real = world
        .terminal(&["--reader", &files, "--pin-stdin", "--json", "setup", "--answers", &right])
        .input(&format!("{PIN}\n"))
        .run()
        .exits(4);
    assert_eq!(real.kind(), "terminal");
    assert_eq!(fs::read(world.path("card.json")).unwrap(), card);
    assert_eq!(set_up(&world, &right, &format!("{PIN}\n")).exits(0).json()["done"], true);
    // Its number and its center stand now.
    let other = fs::read_to_string(&right).unwrap().replace(TERMINAL, "530100000002");
    fs::write(&right, other).unwrap();
    assert_eq!(set_up(&world, &right, "").exits(5).kind(), "setup_enrolled");
}

#[test]
fn the_example_is_a_file_of_answers() {
    let example = jinbao(["setup", "--example"]).run().exits(0).out;
    assert!(example.contains("[center]") && example.contains("fingerprint"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("answers.toml");
    fs::write(&path, example.replace("center.example", "127.0.0.1").replace(":8443", ":1")).unwrap();
    let data = text(&dir.path().join("data"));
    let run = jinbao(["--data", &data, "--json", "setup", "--answers", &text(&path)]).run().exits(6);
    assert_eq!(run.kind(), "link");
    fs::write(&path, "language = \"fr\"\n").unwrap();
    let run = jinbao(["--data", &data, "--json", "setup", "--answers", &text(&path)]).run().exits(2);
    assert_eq!(run.kind(), "file_content");
}

/// Lines of lamps are chosen like any device; a machine that has none says so before anybody is served there.
#[test]
fn lamps_on_lines_are_kept_and_tested() {
    let world = World::bare();
    training_card(&world);
    let path = answers(&world, &fingerprint(&world));
    let chosen = |pins: &str| {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.lines().filter(|line| !line.starts_with("pins")).collect::<Vec<_>>().join("\n");
        fs::write(&path, format!("{text}\npins = {{ {pins} }}\n")).unwrap();
    };
    chosen("ready = 17, buzzer = 17");
    let run = set_up(&world, &path, "");
    assert_eq!(run.kind(), "setup_same_line");
    chosen("ready = 17, busy = 27, buzzer = 23, low = true");
    let code = world.code();
    let typed = Typed { code: &code };
    let run = set_up(&world, &path, &typed.lines("enrolment"));
    let config: serde_json::Value =
        serde_json::from_slice(&fs::read(world.data().join("config.json")).unwrap()).unwrap();
    assert_eq!((config["pins"]["busy"].as_u64(), config["pins"]["low"].as_bool()), (Some(27), Some(true)));
    if edge::indicator::lines(&terminal::setup::PinsChosen::default()).is_err() {
        // No Pi: the self-test does not let it pass.
        assert_eq!((run.kind().as_str(), next(&world).as_deref()), ("setup_not_passed", Some("self_test")));
        assert!(run.out.contains("lamps"), "{}", run.out);
        let doctor = world.terminal(&["--json", "doctor"]).run().json();
        let lamps =
            doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "lamps").unwrap();
        assert!(lamps["text"].as_str().unwrap().contains("17") && !lamps["advice"].is_null(), "{lamps}");
    }
}
