//! Typing a PIN at a real terminal, which `script` gives.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

use support::{
    text,
    world::{PIN, World},
};

/// Runs a command at a terminal and types each text when the question before it has been asked.
fn type_at_terminal(command: &str, dialogue: &[(&str, &str)]) -> (String, Option<i32>) {
    type_after(command, dialogue, |_| {})
}

/// The same; `before` is called with the place of each question before it is answered.
fn type_after(command: &str, dialogue: &[(&str, &str)], before: impl Fn(usize)) -> (String, Option<i32>) {
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", command, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script is needed: apt-get install bsdutils");
    let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = Vec::new();
    let mut from = 0;
    for (place, (question, answer)) in dialogue.iter().enumerate() {
        let mut byte = [0];
        while !String::from_utf8_lossy(&seen[from..]).contains(question) {
            assert_eq!(screen.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
        from = seen.len();
        before(place);
        keyboard.write_all(answer.as_bytes()).unwrap();
        keyboard.flush().unwrap();
    }
    screen.read_to_end(&mut seen).unwrap();
    drop(keyboard);
    let status = child.wait().unwrap();
    (String::from_utf8_lossy(&seen).into_owned(), status.code())
}

#[test]
fn digits_are_hidden_corrected_and_cancelled() {
    let world = World::new();
    let files = format!("sim:{},{}", text(&world.path("card.json")), text(&world.path("psam.json")));
    let (program, data) = (env!("CARGO_BIN_EXE_jinbao"), text(&world.data()));
    let verify = format!("{program} --lang en --data {data} --reader {files} card pin verify");

    let (screen, code) = type_at_terminal(&verify, &[("Card PIN: ", "2583\x7f3697\x7f\r")]);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("****") && !screen.contains(PIN) && !screen.contains("2583"), "{screen}");

    // A wrong one may be typed again by the holder; the right one goes through.
    let dialogue = [("Card PIN: ", "111222\r"), ("2 tries left", ""), ("Card PIN: ", "258369\r")];
    let (screen, code) = type_at_terminal(&verify, &dialogue);
    assert_eq!(code, Some(0), "{screen}");

    // Ctrl-C ends the entry, costs no try, and leaves a terminal that shows what is typed.
    let (screen, code) = type_at_terminal(&format!("{verify}; stty -a"), &[("Card PIN: ", "25\x03")]);
    assert!(screen.contains("cancelled") && screen.contains(" echo "), "{code:?} {screen}");
    let (screen, _) = type_at_terminal(
        &verify,
        &[("Card PIN: ", "111222\r"), ("2 tries left", ""), ("Card PIN: ", "\x04")],
    );
    assert!(screen.contains("cancelled"), "{screen}");
}

#[test]
fn a_new_secret_is_typed_twice_and_the_question_before_a_debit_can_be_refused() {
    let world = World::new();
    let (program, data) = (env!("CARGO_BIN_EXE_jinbao"), text(&world.data()));
    let add = format!("{program} --lang en --data {data} operator add 0002 --role cashier");
    let (screen, code) =
        type_at_terminal(&add, &[("New secret: ", "one-secret\r"), ("New secret again: ", "another\r")]);
    assert_eq!(code, Some(4), "{screen}");
    assert!(screen.contains("differ") && !screen.contains("one-secret"), "{screen}");

    let files = format!("sim:{},{}", text(&world.path("card.json")), text(&world.path("psam.json")));
    let bill = text(&support::sample("bills/outpatient.json"));
    let visit = format!("{program} --lang en --data {data} --reader {files} visit --bill {bill}");
    let (screen, code) = type_at_terminal(&visit, &[("Card PIN: ", "258369\r"), ("Settle? [Y/n]", "n\n")]);
    assert_eq!(code, Some(1), "{screen}");
    assert!(screen.contains("nothing was taken"), "{screen}");
    assert_eq!(world.queue()["sequence"], 0);
    let (screen, code) = type_at_terminal(&visit, &[("Card PIN: ", "258369\r"), ("Settle? [Y/n]", "\n")]);
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(world.queue()["sequence"], 1);
}

#[test]
fn figures_that_others_overtook_are_shown_anew() {
    let world = World::new();
    let (program, data) = (env!("CARGO_BIN_EXE_jinbao"), text(&world.data()));
    let files = format!("sim:{},{}", text(&world.path("card.json")), text(&world.path("psam.json")));
    let bill = text(&support::sample("bills/outpatient.json"));
    let visit = format!("{program} --lang en --data {data} --reader {files} visit --bill {bill}");
    // While the holder looks at the figures, the center hears of a bill settled elsewhere.
    let overtake = |place: usize| {
        if place == 1 {
            let path = world.path("people.csv");
            let people = std::fs::read_to_string(&path).unwrap();
            let (header, rows) = people.split_once('\n').unwrap();
            let column = header.split(',').position(|name| name == "pooled_outpatient_fen").unwrap();
            let changed = rows.lines().map(|row| {
                let mut fields: Vec<&str> = row.split(',').collect();
                fields[column] = "123456";
                fields.join(",")
            });
            let file = world.path("changed.csv");
            let lines: Vec<String> = std::iter::once(header.to_owned()).chain(changed).collect();
            std::fs::write(&file, lines.join("\n") + "\n").unwrap();
            world.center_does(&["people", "import", &text(&file)]);
        }
    };
    let dialogue = [("Card PIN: ", "258369\r"), ("Settle? [Y/n]", "\n"), ("Settle? [Y/n]", "\n")];
    let (screen, code) = type_after(&visit, &dialogue, overtake);
    assert_eq!(code, Some(0), "{screen}");
    assert_eq!(screen.matches("computed anew").count(), 1, "{screen}");
    assert_eq!(world.queue()["sequence"], 1, "settled once");
}
