//! A city of its own: a center that really runs, a terminal enrolled with it, a card and a PSAM in files.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use super::{Jinbao, Run, jinbao, sample, text};

/// City of the sample rules that the world lives by.
pub(crate) const CITY: &str = "530100";

/// Number of the terminal and of its PSAM.
pub(crate) const TERMINAL: &str = "530100000001";

/// PIN of the cards; planted, so that it can be looked for.
pub(crate) const PIN: &str = "258369";

/// Secret of the operators; planted too.
pub(crate) const SECRET: &str = "planted-secret-1";

/// A supervisor, who may also settle.
pub(crate) const SUPERVISOR: &str = "0001";

/// Person of the card: insured, at work, with money on the account.
pub(crate) const PERSON: &str = "2";

/// The world. Dropping it ends its center.
pub(crate) struct World {
    dir: tempfile::TempDir,
    port: u16,
    center: Option<Child>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop_center();
    }
}

impl World {
    /// A center with people and rules, running; nothing of the terminal yet.
    pub(crate) fn bare() -> Self {
        let mut world = World { dir: tempfile::tempdir().unwrap(), port: port_pair(), center: None };
        world.center_does(&["init", "--city", CITY, "--name", "测试中心"]);
        let (people, keys) = (world.path("people.csv"), world.path("issuer.json"));
        jinbao(["sim", "people", "--city", CITY, "--size", "40", "--out", &text(&people)]).run().exits(0);
        jinbao(["sim", "keys", "--out", &text(&keys)]).run().exits(0);
        world.center_does(&["keys", "import", &text(&keys)]);
        world.center_does(&["people", "import", &text(&people)]);
        let rules = text(&sample("rules/kunming.json"));
        world.center_does(&[
            "rules",
            "add",
            &rules,
            "--version",
            "kunming-1",
            "--effective-from",
            "2023-01-01",
        ]);
        jinbao(["sim", "psam", "new", "--terminal", TERMINAL, "--out", &text(&world.path("psam.json"))])
            .run()
            .exits(0);
        world.card("card.json", &[]);
        world.start_center();
        world
    }

    /// A terminal that is enrolled, filled and has a supervisor signed in.
    pub(crate) fn new() -> Self {
        let world = Self::bare();
        world.enrol().exits(0);
        let words = ["operator", "add", SUPERVISOR, "--role", "supervisor", "--pin-stdin"];
        world.terminal(&words).input(&format!("{SECRET}\n")).run().exits(0);
        world.sign_in();
        world.terminal(&["sync"]).run().exits(0);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The terminal's folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.path("terminal")
    }

    /// A command of the terminal, in English.
    pub(crate) fn terminal(&self, words: &[&str]) -> Jinbao {
        jinbao(["--data", &text(&self.data()), "--lang", "en"]).args(words)
    }

    /// The same with card and PSAM in this process; `card` may carry faults.
    pub(crate) fn with_card(&self, card: &str, words: &[&str]) -> Jinbao {
        let (name, faults) = card.split_once(',').unwrap_or((card, ""));
        let faults = if faults.is_empty() { String::new() } else { format!(",{faults}") };
        let files = format!("sim:{},{}{faults}", text(&self.path(name)), text(&self.path("psam.json")));
        self.terminal(&["--reader", &files, "--pin-stdin"]).args(words).input(&format!("{PIN}\n"))
    }

    /// One visit, as JSON.
    pub(crate) fn visit(&self, card: &str, more: &[&str]) -> Run {
        let bill = text(&sample("bills/outpatient.json"));
        self.with_card(card, &[&["visit", "--bill", &bill, "--json"], more].concat()).run()
    }

    /// A card of the world's person.
    pub(crate) fn card(&self, name: &str, more: &[&str]) {
        let out = text(&self.path(name));
        let words = ["sim", "card", "new", "--city", CITY, "--person", PERSON, "--size", "40", "--out", &out];
        jinbao(words).args(more).run().exits(0);
    }

    pub(crate) fn sign_in(&self) {
        let run = self.terminal(&["operator", "sign-in", SUPERVISOR, "--pin-stdin"]);
        run.input(&format!("{SECRET}\n")).run().exits(0);
    }

    /// A fresh one-time code.
    pub(crate) fn code(&self) -> String {
        let run = self.center_does(&[
            "code",
            TERMINAL,
            "--institution",
            "H53010000001",
            "--name",
            "测试医院",
            "--level",
            "3",
            "--json",
        ]);
        let answer: serde_json::Value = serde_json::from_str(run.out.trim()).unwrap();
        answer["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn enrolment_address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(crate) fn center_address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port + 1)
    }

    pub(crate) fn enrol(&self) -> Run {
        let authority = text(&self.path("center/authority.pem"));
        self.enrol_trusting(&["--authority", &authority])
    }

    pub(crate) fn enrol_trusting(&self, trust: &[&str]) -> Run {
        let code = self.code();
        self.terminal(&["enrol", "--terminal", TERMINAL, "--pin-stdin", "--json"])
            .args(["--center", &self.center_address(), "--enrolment", &self.enrolment_address()])
            .args(trust)
            .input(&format!("{code}\n"))
            .run()
    }

    /// A command on the center's folder.
    pub(crate) fn center_does(&self, words: &[&str]) -> Run {
        let folder = text(&self.path("center"));
        jinbao(["center", "--folder", &folder]).args(words).run().exits(0)
    }

    pub(crate) fn start_center(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_jinbao"))
            .args([
                "center",
                "--folder",
                &text(&self.path("center")),
                "--json",
                "serve",
                "--port",
                &self.port.to_string(),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("\"ready\":true"), "the center did not start: {line:?}");
        self.center = Some(child);
    }

    pub(crate) fn stop_center(&mut self) {
        if let Some(mut center) = self.center.take() {
            center.kill().unwrap();
            center.wait().unwrap();
        }
    }

    /// Changes one field of the center's configuration; the center must not run.
    pub(crate) fn configure_center(&self, field: &str, value: serde_json::Value) {
        let path = self.path("center/center.json");
        let mut config: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        config[field] = value;
        fs::write(&path, config.to_string()).unwrap();
    }

    /// Figures of the queue.
    pub(crate) fn queue(&self) -> serde_json::Value {
        self.terminal(&["queue", "list", "--json"]).run().exits(0).json()["status"].clone()
    }
}

/// Two neighbouring ports that are free now.
fn port_pair() -> u16 {
    for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
    panic!("no two neighbouring ports are free");
}
