//! The terminal over the real pcscd, with a simulated card and PSAM behind it.

#![cfg(feature = "demo")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::Value;
use support::{Run, sample, text, world::World};

/// A running `sim reader` and the hand that inserts and pulls.
struct Bench {
    child: Child,
    hand: ChildStdin,
    answers: BufReader<ChildStdout>,
    socket: String,
}

impl Bench {
    fn start(world: &World) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_jinbao"))
            .args(["sim", "reader", "--card", &text(&world.path("card.json"))])
            .args(["--psam", &text(&world.path("psam.json"))])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let hand = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("pcscd and vpcd are needed: apt-get install pcscd vsmartcard-vpcd"));
        let socket = ready["socket"].as_str().unwrap().to_owned();
        Bench { child, hand, answers, socket }
    }

    fn tell(&mut self, command: &str) -> Value {
        writeln!(self.hand, "{command}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    #[track_caller]
    fn does(&mut self, command: &str) {
        let answer = self.tell(command);
        assert_eq!(answer["ok"], true, "{command}: {answer}");
    }

    fn run(&self, world: &World, words: &[&str]) -> Run {
        world
            .terminal(words)
            .args(["--pin-stdin"])
            .env("PCSCLITE_CSOCK_NAME", &self.socket)
            .input("258369\n")
            .run()
    }

    fn visit(&self, world: &World) -> Run {
        let bill = text(&sample("bills/outpatient.json"));
        self.run(world, &["visit", "--bill", &bill, "--wait", "0", "--json"])
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = writeln!(self.hand, "quit");
        let _ = self.child.wait();
    }
}

#[test]
fn a_visit_over_the_service_and_what_may_happen_to_it() {
    let world = World::new();
    let card = text(&world.path("card.json"));
    let mut bench = Bench::start(&world);

    // Which slot is which is found by asking the chips.
    let visited = bench.visit(&world).exits(0).json();
    assert_eq!(visited["upload"]["state"], "booked");
    let doctor = bench.run(&world, &["doctor", "--json"]).exits(0).json();
    let check = |name: &str| {
        doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone()
    };
    for name in ["service", "readers", "psam", "card"] {
        assert_eq!(check(name)["health"], "good", "{}", check(name));
    }

    // An empty slot, a mute card.
    bench.does("pull");
    let run = bench.visit(&world).exits(3);
    assert_eq!(run.kind(), "card");
    assert_eq!(bench.tell(&format!("insert {card} nonsense"))["ok"], false);
    bench.does(&format!("insert {card} mute"));
    assert_eq!(bench.visit(&world).exits(3).kind(), "card");

    // Pulled while the money was being taken: the card that comes back tells.
    let mut pulled = None;
    for command in 24..40 {
        bench.does(&format!("insert {card} pull-after={command}"));
        let run = bench.visit(&world);
        if run.code == 7 {
            pulled = Some(run);
            break;
        }
        assert!(run.code == 3 || run.code == 0, "{run:?}");
    }
    assert_eq!(pulled.expect("one of them is the debit").json()["error"]["money"], "unknown");
    bench.does(&format!("insert {card}"));
    let resolved = bench.run(&world, &["resolve", "--wait", "0", "--json"]).exits(0).json();
    assert_eq!(resolved["resolved"]["proved"], true);

    // The service dies and comes back; nothing of ours has to be restarted.
    bench.does("kill");
    assert_eq!(bench.visit(&world).exits(5).kind(), "card");
    bench.does("restart");
    bench.does(&format!("insert {card}"));
    bench.visit(&world).exits(0);

    // The wrong PSAM is the installer's.
    let other = text(&world.path("other-psam.json"));
    support::jinbao(["sim", "psam", "new", "--terminal", "530100000002", "--out", &other]).run().exits(0);
    bench.does(&format!("psam {other}"));
    assert_eq!(bench.visit(&world).exits(5).kind(), "card");

    let verified = world.terminal(&["queue", "retry", "--json"]).run().exits(0).json();
    assert_eq!(verified["waiting"], 0);
    let compared = world.terminal(&["reconcile", "--json"]).run().exits(0).json();
    assert_eq!(compared["equal"], true);
}
