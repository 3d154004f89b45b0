//! `jinbao sim reader --board`: the board for people who try things out, told by words.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use card_spec::generation::Generation;
use serde_json::Value;
use sim::{
    image::{self, Image},
    pcscd::Model,
};
use tests::{firmware, holder::Holder, jinbao::program, scene::terminal};

/// The program, and what it is asked and answers.
struct Hand {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Hand {
    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn ask(&mut self, command: &str) -> Value {
        writeln!(self.input, "{command}").unwrap();
        self.answer()
    }

    fn done(&mut self, command: &str) -> Value {
        let answer = self.ask(command);
        assert_eq!(answer["ok"], true, "{command}: {answer}");
        answer
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        // It has ended already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_board_is_told_by_words() {
    let folder = tempfile::tempdir().unwrap();
    let (card, psam) = (folder.path().join("card.json"), folder.path().join("psam.json"));
    let holder = Holder::new(1, 0);
    image::save(&card, &Image::Card(holder.order(Generation::Three).build().unwrap())).unwrap();
    image::save(&psam, &Image::Psam(holder.psam(terminal()).build())).unwrap();
    let mut child = Command::new(program())
        .args(["sim", "reader", "--json", "--model", "sec1210"])
        .args([["--card".as_ref(), card.as_os_str()], ["--psam".as_ref(), psam.as_os_str()]].as_flattened())
        .arg("--board")
        .arg(firmware::elf(Model::Sec1210))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut hand = Hand { child, input, output };
    let ready = hand.answer();
    assert_eq!(
        (&ready["reader"], &ready["psam_reader"]),
        (&"Jinbao reader board 00 00".into(), &"Jinbao reader board 00 01".into())
    );

    let status = hand.done("status");
    assert_eq!((&status["card"]["inserted"], &status["psam"]["inserted"]), (&true.into(), &true.into()));
    let lamps = |status: &Value| {
        (status["board"]["lamps"]["ready"] == true, status["board"]["lamps"]["fault"] == true)
    };
    assert_eq!(lamps(&status), (true, false), "{status}");
    assert_eq!(hand.done("pull")["noticed"], true);
    assert_eq!(hand.done(&format!("insert {}", card.display()))["noticed"], true);

    hand.done("finger 5");
    assert_eq!(hand.done("status")["board"]["finger"], true);
    hand.done("finger off");
    assert_eq!(hand.ask("finger nobody")["ok"], false);

    // The case is opened: the board says so by its red lamp.
    hand.done("lamps");
    hand.done("case open");
    let mut changes = Vec::new();
    while !changes.iter().any(|change: &Value| change["fault"] == true) {
        changes.extend(hand.done("lamps")["changes"].as_array().unwrap().clone());
    }
    hand.done("case close");

    hand.done("power-cut");
    assert_eq!(hand.done("status")["board"]["running"], false);
    hand.done("restart");
    let status = hand.done("status");
    assert_eq!((&status["board"]["running"], &status["service"]), (&true.into(), &true.into()));
    hand.done("quit");
    assert!(hand.child.wait().unwrap().success());
}
