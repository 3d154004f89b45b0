//! The set-up as an installer meets it: the real pcscd, a real center, a training card in the slot.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;

use card_spec::{date::Date, generation::Generation};
use sim::{
    fault::{Fault, Plan},
    people::Person,
};
use terminal::setup::{Outcome, SignedReport};
use tests::{
    PLANTED_PIN,
    holder::{BALANCE_FEN, CardState},
    reader::TestReader,
    scene::{Scene, TERMINAL, terminal, text},
};

/// The scene's holder as somebody who does not exist.
fn trainee(person: &mut Person) {
    let trainee = &terminal::training::people()[1];
    let (year, month, day) = trainee.number.birth_date();
    person.number = trainee.number;
    person.name = trainee.name.clone();
    person.birth = Date::new(year, month, day).unwrap();
}

fn answers(scene: &Scene) -> String {
    let authority = edge::certificate::read_chain(&scene.center.authority()).unwrap();
    let fingerprint = edge::certificate::fingerprint(&authority[0]);
    let names = scene.reader.as_ref().map(TestReader::names).unwrap();
    let (card, psam) = names.split_once(',').unwrap();
    let (address, enrolment) = (scene.center.url(), scene.center.enrolment_url());
    let paper = scene.folder.path().join("paper.txt");
    let answers = format!(
        "language = \"zh\"\n[terminal]\nterminal = \"{TERMINAL}\"\n[center]\naddress = \"{address}\"\n\
         enrolment = \"{enrolment}\"\nfingerprint = \"{fingerprint}\"\n[devices]\ncard = \"{card}\"\n\
         psam = \"{psam}\"\nprinter = {{ device = \"{}\", columns = 48 }}\n",
        paper.display()
    );
    let path = scene.folder.path().join("answers.toml");
    fs::write(&path, answers).unwrap();
    text(&path).to_owned()
}

/// A terminal that `jinbao enrol` has made known is taken as it is; the rest is proved over the real reader. The card
/// is pulled in the middle of its debit, and the next run finds out and goes on.
#[test]
fn a_terminal_is_proved_over_the_real_reader() {
    let mut scene = Scene::at_reader("setup-reader", Generation::Three);
    trainee(&mut scene.holder.person);
    let image = scene.holder.order(Generation::Three).build().unwrap();
    scene.take_card(image);
    let answers = answers(&scene);
    let setup = ["setup", "--answers", &answers, "--wait", "10"];
    let before = scene.run(&["setup"], &[]).exit(1);
    assert_eq!(before.text("/next"), "keys");

    let whole = CardState::of(&scene.card);
    let settled = scene.run(&setup, &[PLANTED_PIN]).done();
    assert_eq!(settled.json["done"], true);
    // Nothing follows the debit of a visit but its proof.
    let commands = scene.reader.as_ref().map(TestReader::commands).unwrap();
    let after = CardState::of(&scene.card);
    assert!(after.balance_fen < whole.balance_fen && whole.balance_fen == BALANCE_FEN, "{after:?}");
    let signed = fs::read(scene.jinbao.data.join("commissioning.json")).unwrap();
    let report = serde_json::from_slice::<SignedReport>(&signed).unwrap().open().unwrap();
    let slots: Vec<_> = report.parts.iter().filter(|(_, value)| value.contains("00 0")).collect();
    assert!(slots.len() >= 2, "{:?}", report.parts);
    for name in ["service", "readers", "psam", "printer", "center", "cache", "rules"] {
        let check = report.tested.checks.iter().find(|check| check.name == name).unwrap();
        assert!(matches!(check.outcome, Outcome::Good | Outcome::Look), "{check:?}");
    }
    let paper = fs::read_to_string(scene.folder.path().join("paper.txt")).unwrap();
    assert!(paper.contains("培训 TRAINING") && !paper.contains(&*scene.holder.person.name), "{paper}");

    // Again after a repair, and the card is torn out right after the command that takes the money.
    let again = ["setup", "--answers", &answers, "--wait", "10", "--again"];
    let mut outcomes = Vec::new();
    for command in (commands.saturating_sub(6)..=commands).rev() {
        scene.put_in(Plan(vec![Fault::PullAfter { command }]));
        let run = scene.run(&again, &[PLANTED_PIN]);
        outcomes.push(run.code);
        scene.put_in(Plan::none());
        let settled = scene.run(&setup, &[PLANTED_PIN]).done();
        assert_eq!(settled.json["done"], true, "pulled after {command}");
        if run.code == Some(7) {
            // The outcome was not known, and was found out.
            break;
        }
    }
    assert!(outcomes.contains(&Some(7)), "{outcomes:?}");
    // Not one record of all this has reached the center.
    assert_eq!(scene.run(&["queue", "list"], &[]).done().number("/status/sequence"), 0);
    scene.end();
}

/// A clock that is wrong is told before the code is sent, by how much and what to do; also when it is so wrong that the
/// center's certificate does not hold by it.
#[test]
fn a_wrong_clock_is_told_before_the_code_is_sent() {
    let mut scene = Scene::in_process("setup-clock", Generation::Three);
    fs::remove_dir_all(&scene.jinbao.data).unwrap();
    let authority = edge::certificate::read_chain(&scene.center.authority()).unwrap();
    let fingerprint = edge::certificate::fingerprint(&authority[0]);
    let (address, enrolment) = (scene.center.url(), scene.center.enrolment_url());
    let path = scene.folder.path().join("answers.toml");
    let answers = format!(
        "language = \"en\"\n[terminal]\nterminal = \"{TERMINAL}\"\n[center]\naddress = \"{address}\"\n\
         enrolment = \"{enrolment}\"\nfingerprint = \"{fingerprint}\"\n"
    );
    fs::write(&path, answers).unwrap();
    let setup = ["--lang", "en", "setup", "--answers", text(&path)];
    let code = scene.center.code(terminal());
    for (by, said) in [("+63m", "1 hour 3 minutes ahead of"), ("-20y", "behind"), ("+40y", "ahead of")] {
        scene.move_terminal_clock(by);
        let run = scene.run(&setup, &[&code]);
        assert_eq!(run.text("/error/kind"), "clock", "{by}: {run:?}");
        assert!(run.err.contains(said) || run.json.to_string().contains(said), "{by}: {run:?}");
        assert_eq!(scene.run(&["setup"], &[]).exit(1).text("/next"), "enrolment");
    }
    // A few minutes do not matter, and the code was never spent.
    scene.move_terminal_clock("+5m");
    scene.run(&setup, &[&code]);
    assert_ne!(scene.run(&["setup"], &[]).text("/next"), "enrolment");
    scene.end();
}
