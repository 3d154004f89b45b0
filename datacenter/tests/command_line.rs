//! The program as its staff uses it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

struct Program {
    folder: tempfile::TempDir,
}

impl Program {
    fn new() -> Self {
        Program { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jinbao-center"));
        command.env("JINBAO_CENTER", self.folder.path().join("center")).env("LC_ALL", "C.UTF-8");
        command.args(arguments);
        command
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that needs no input may have ended.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs with `--json`; the lines of the output.
    fn json(&self, arguments: &[&str], input: &str) -> Vec<Value> {
        let mut all = arguments.to_vec();
        all.push("--json");
        let output = self.run(&all, input);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn one(&self, arguments: &[&str], input: &str) -> Value {
        let mut lines = self.json(arguments, input);
        assert_eq!(lines.len(), 1, "{arguments:?}");
        lines.remove(0)
    }

    /// Runs what has to fail; the exit code and what was said.
    fn fails(&self, arguments: &[&str], input: &str) -> (i32, String) {
        let output = self.run(arguments, input);
        assert!(!output.status.success());
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn init(&self) {
        self.one(&["init", "--city", "430100", "--name", "测试市社会保障卡中心"], "");
    }
}

/// A running center, ended by its own process id.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_center_is_made_fed_and_asked() {
    let program = Program::new();
    let made = program.one(&["init", "--city", "430100", "--name", "测试市社会保障卡中心"], "");
    assert_eq!(made["city"], "430100");
    assert_eq!(program.fails(&["init", "--city", "430100", "--name", "x"], "").0, 3);

    let code = program.one(
        &["code", "430100000001", "--institution", "H43010000001", "--name", "市一医院", "--level", "3"],
        "",
    );
    assert_eq!(code["code"].as_str().unwrap().len(), 19);
    assert!(program.json(&["terminal", "list"], "").is_empty());
    assert_eq!(program.fails(&["terminal", "block", "430100000001"], "").0, 3);

    let people =
        "person,paid_until,insutype\n11010519491231002X,2026-11,310\n440524188001010014,2026-01,390\n";
    assert_eq!(program.one(&["people", "import", "-"], people)["changed"], 2);
    std::fs::write(program.path("people.csv"), people).unwrap();
    let again = program.one(&["people", "import", &program.path("people.csv")], "");
    assert_eq!((&again["read"], &again["changed"]), (&2.into(), &0.into()));
    assert_eq!(program.one(&["people", "count"], "")["people"], 2);
    let shown = program.one(&["people", "show"], "11010519491231002X\n");
    assert_eq!((&shown["insutype"], &shown["paid_until"]), (&310.into(), &"2026-11".into()));
    assert_eq!(shown["person"], "110105***********X");

    assert_eq!(program.one(&["people", "remove", "-"], "440524188001010014\n\n")["removed"], 1);
    assert_eq!(program.one(&["people", "count"], "")["people"], 1);

    let card = "430100D15600000500000001A1B2C3D4";
    assert_eq!(program.one(&["card", "block", card, "--reason", "fraud"], "")["changed"], 1);
    assert_eq!(program.one(&["card", "count"], "")["blocked"], 1);
    assert_eq!(program.one(&["card", "free", &card[..24]], "")["changed"], 1);
    let holders = format!("{card},11010519491231002X\n\n{}, 440524188001010014\n", "00".repeat(12));
    assert_eq!(program.one(&["card", "holders", "-"], &holders)["cards"], 2);
    assert_eq!(program.one(&["card", "clear-loads", card], "")["cleared"], 0);
    assert!(program.json(&["people", "refunds"], "11010519491231002X\n").is_empty());

    std::fs::write(program.path("rules.json"), r#"{"version":"430100-2026","effective_from":"2026-01-01"}"#)
        .unwrap();
    assert_eq!(program.one(&["rules", "add", &program.path("rules.json")], "")["revision"], 1);
    assert_eq!(program.json(&["rules", "list"], "")[0]["version"], "430100-2026");

    let limits = program.one(&["limits", "set", "--amount-max", "500", "--cache-age-max", "48"], "");
    assert_eq!((&limits["amount_max"], &limits["cache_age_max_hours"]), (&"500.00".into(), &48.into()));
    let own = program.one(&["limits", "set", "--terminal", "430100000001", "--queue-max", "7"], "");
    assert_eq!(
        (&own["amount_max"], &own["queue_max"], &own["version"]),
        (&"500.00".into(), &7.into(), &2.into())
    );
    assert_eq!(program.one(&["limits", "show", "430100000002"], "")["version"], 1);

    assert_eq!(program.one(&["credit", "add", "12.5"], "11010519491231002X")["credit"], "12.50");
    assert_eq!(program.one(&["credit", "show"], "11010519491231002X")["credit"], "12.50");

    for list in ["records", "receipts", "alarms"] {
        assert!(program.json(&[list], "").is_empty());
    }
    let epoch = program.one(&["people", "count"], "")["epoch"].as_u64().unwrap();
    assert!(program.one(&["feed", "renew"], "")["epoch"].as_u64().unwrap() > epoch);
    let key = program.run(&["keys", "show"], "");
    assert!(String::from_utf8(key.stdout).unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));

    // What was done is written down, and nothing of whom.
    let audit = program.run(&["audit", "-n", "100"], "");
    let audit = String::from_utf8(audit.stdout).unwrap();
    for done in [
        "init",
        "code",
        "people import",
        "people refunds",
        "card block",
        "card free",
        "card holders",
        "card clear-loads",
        "rules add",
        "limits set",
        "credit add",
    ] {
        assert!(audit.contains(done), "{done}");
    }
    for personal in ["1949", "110105", card, &card[..24]] {
        assert!(!audit.contains(personal), "{personal}");
    }
}

#[test]
fn pensions_are_administered() {
    let program = Program::new();
    program.init();
    let people = "person,paid_until,pension_monthly_fen,pension_first_unpaid,pension_certified_until\n\
        11010519491231002X,2026-11,315000,2020-01,2099-12-31\n440524188001010014,2026-01,200000,2020-02,\n";
    // Two people and two pensions.
    assert_eq!(program.one(&["people", "import", "-"], people)["changed"], 4);
    assert_eq!(program.one(&["people", "import", "-"], people)["changed"], 0);
    let due = program.json(&["pension", "due", "--until", "2020-03"], "");
    assert_eq!((&due[0]["person"], &due[0]["months_due"]), (&"110105***********X".into(), &3.into()));
    assert_eq!((&due[1]["next_unpaid"], &due[1]["months_due"]), (&"2020-02".into(), &2.into()));
    assert_eq!(program.json(&["pension", "due", "--until", "2020-01"], "").len(), 1);
    assert_eq!(program.json(&["pension", "due", "-n", "1"], "").len(), 1);
    let uncertified = program.json(&["pension", "certifications", "--days", "30"], "");
    assert_eq!((uncertified.len(), &uncertified[0]["certified_until"]), (1, &Value::Null));
    // Whole numbers are shown when asked for, and that is written down.
    let whole = program.json(&["pension", "certifications", "--numbers"], "");
    assert_eq!(whole[0]["person"], "440524188001010014");
    let shown = program.one(&["pension", "show"], "11010519491231002X\n");
    assert_eq!((&shown["monthly"], &shown["fingers"]), (&"3150.00".into(), &"unknown".into()));
    assert_eq!(program.fails(&["pension", "show"], "430102195001010016\n").0, 3);
    let paid = program.one(&["pension", "paid", "--period", "2020-01"], "");
    assert_eq!((&paid["count"], &paid["sum"]), (&0.into(), &"0.00".into()));
    assert_eq!(program.fails(&["pension", "due", "--until", "2020-13"], "").0, 2);
    assert!(program.json(&["pension", "alarms"], "").is_empty());

    let policy = program.one(&["policy", "show"], "");
    assert_eq!((&policy["version"], &policy["tries_max"]), (&0.into(), &3.into()));
    std::fs::write(program.path("policy.json"), policy.to_string()).unwrap();
    assert_eq!(program.one(&["policy", "set", &program.path("policy.json")], "")["version"], 1);
    std::fs::write(program.path("policy.json"), r#"{"version":1}"#).unwrap();
    assert_eq!(program.fails(&["policy", "set", &program.path("policy.json")], "").0, 3);
    assert!(program.run(&["terminal", "place", "430100000001", "28.228", "112.939"], "").status.success());
    assert_eq!(program.fails(&["terminal", "place", "430100000001", "-91", "0"], "").0, 3);

    let audit = String::from_utf8(program.run(&["audit", "-n", "100"], "").stdout).unwrap();
    for done in ["pension certifications", "1 whole numbers", "policy set", "terminal place"] {
        assert!(audit.contains(done), "{done}");
    }
    for personal in ["1949", "110105", "440524"] {
        assert!(!audit.contains(personal), "{personal}");
    }
}

#[test]
fn wrong_input_is_named_and_says_nothing_personal() {
    let program = Program::new();
    assert_eq!(program.fails(&["people", "count"], "").0, 1);
    assert_eq!(program.fails(&["init", "--city", "4301", "--name", "x"], "").0, 3);
    assert_eq!(program.fails(&["init", "--city", "430100", "--name", ""], "").0, 4);
    program.init();
    for (arguments, input, code) in [
        (&["code", "4301", "--institution", "H", "--name", "n"][..], "", 2),
        (&["code", "430100000001", "--institution", "H", "--name", "n", "--level", "9"], "", 3),
        (&["code", "430100000001", "--institution", "", "--name", "n"], "", 3),
        (&["people", "show"], "110105194912310021\n", 3),
        (&["people", "show"], "11010519491231002X\n", 3),
        (&["people", "import", "-"], "person,paid_until\n110105194912310021,2026-01\n", 3),
        (&["people", "import", "/nowhere"], "", 1),
        (&["people", "remove", "-"], "11010519491231002X\n110105194912310021\n", 3),
        (&["card", "block", "43"], "", 3),
        (&["card", "clear-loads", "43"], "", 3),
        (&["card", "holders", "-"], "430100D15600000500000001,110105194912310021\n", 3),
        (&["people", "refunds"], "110105194912310021\n", 3),
        (&["card", "block", "430100D15600000500000001", "--reason", "none"], "", 2),
        (&["rules", "add", "/nowhere"], "", 1),
        (&["limits", "set", "--retention", "1"], "", 3),
        (&["limits", "set", "--amount-max", "1.234"], "", 3),
        (&["limits", "set", "--cache-age-max", "9223372036854775807"], "", 3),
        (&["credit", "add", "0"], "11010519491231002X", 3),
        (&["keys", "import", "/dev/null"], "", 4),
        (&["nothing"], "", 2),
    ] {
        let (got, said) = program.fails(arguments, input);
        assert_eq!(got, code, "{arguments:?}: {said}");
        assert!(!said.is_empty() && !said.contains("1949"), "{said}");
    }
    let output = program.run(&["people", "show", "--json"], "x");
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert!(error["error"].is_string());
    // A configuration that cannot be read, a key that is gone.
    let center = program.folder.path().join("center");
    std::fs::write(center.join("keys/center.seed"), "not a key").unwrap();
    assert_eq!(program.fails(&["people", "count"], "").0, 4);
    std::fs::write(center.join("center.json"), "{}").unwrap();
    assert_eq!(program.fails(&["people", "count"], "").0, 4);
}

#[test]
fn the_program_serves_until_it_is_told_to_end() {
    let program = Program::new();
    program.init();
    let child = program.command(&["serve", "--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut served = Served(child);
    let mut output = BufReader::new(served.0.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&ready["ready"], &ready["issuer_keys"]), (&true.into(), &false.into()));
    assert_eq!(ready["process"], served.0.id());
    let authority = ready["authority"].as_str().unwrap();
    assert!(Path::new(authority).exists());
    let curl = Command::new("openssl")
        .args(["s_client", "-connect", ready["enrolment"].as_str().unwrap(), "-CAfile", authority])
        .args(["-verify_return_error", "-brief"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&curl.stderr).into_owned();
    assert!(said.contains("CONNECTION ESTABLISHED") && said.contains("Verification: OK"), "{said}");
    // Administered while it runs.
    program.one(&["code", "430100000001", "--institution", "H1", "--name", "n"], "");
    let began = Instant::now();
    let id = served.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(served.0.wait().unwrap().success());
    assert!(began.elapsed() < Duration::from_secs(10));
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn help_teaches_in_both_languages() {
    let program = Program::new();
    let help = |arguments: &[&str]| String::from_utf8(program.run(arguments, "").stdout).unwrap();
    let all = help(&["--help"]);
    for words in ["一次性入网码", "one-time enrolment code", "jinbao-center init --city", "退出码"] {
        assert!(all.contains(words), "{words}");
    }
    assert!(help(&["people", "import", "--help"]).contains("paid_until (YYYY-MM)"));
    let openapi: Value = serde_json::from_str(&help(&["openapi"])).unwrap();
    assert_eq!(openapi["openapi"], "3.1.0");
    // The locale chooses the words of the output.
    program.init();
    let output = program.command(&["people", "count"]).env("LC_ALL", "zh_CN.UTF-8").output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("参保人数"));
}
