//! The program around the terminal: exit codes, languages, folders, bad files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use support::{jinbao, sample, text};

fn words_of(run: &support::Run) -> String {
    format!("{}{}", run.out, run.err)
}

#[test]
fn the_language_follows_the_environment_and_the_option() {
    let say = |environment: &[(&str, &str)], option: &[&str]| {
        let mut run = jinbao(["card", "decode", "6A82"]).args(option);
        for (name, value) in environment {
            run = run.env(name, value);
        }
        run.run().exits(0).out
    };
    let is_chinese = |out: &str| out.contains("没有该文件");
    assert!(!is_chinese(&say(&[], &[])));
    assert!(is_chinese(&say(&[("LANG", "zh_CN.UTF-8")], &[])));
    assert!(is_chinese(&say(&[("LC_MESSAGES", "zh_CN"), ("LANG", "en_GB")], &[])));
    assert!(!is_chinese(&say(&[("LC_ALL", "en_US"), ("LC_MESSAGES", "zh_CN"), ("LANG", "zh_CN")], &[])));
    assert!(!is_chinese(&say(&[("LANG", "de_DE.UTF-8")], &[])));
    assert!(is_chinese(&say(&[("LC_ALL", "C")], &["--lang", "zh"])));
    assert!(!is_chinese(&say(&[("LANG", "zh_CN")], &["--lang", "en"])));
}

#[test]
fn usage_errors_end_with_2_and_speak_the_language() {
    for words in [&["nothing"][..], &["card", "decode"], &["queue", "list", "--rows", "x"], &["--lang", "fr"]]
    {
        jinbao(words).run().exits(2);
    }
    let run = jinbao(["--lang", "zh", "nothing"]).run().exits(2);
    assert!(run.err.contains("命令用法有误"), "{run:?}");
    let run = jinbao(["--json", "nothing"]).run().exits(2);
    assert_eq!(run.kind(), "usage");
}

#[test]
fn a_terminal_that_is_not_enrolled_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let data = text(&temp.path().join("none"));
    for words in [
        &["queue", "list"][..],
        &["queue", "verify"],
        &["operator", "list"],
        &["sync"],
        &["reconcile"],
        &["certificate", "show"],
        &["receipt", "text", "1"],
        &["eligibility"],
        &["resolve"],
        &["card", "info"],
        &["audit"],
    ] {
        let run = jinbao(["--data", &data, "--json"]).args(words).run().exits(5);
        assert_eq!(run.kind(), "not_enrolled", "{words:?}");
        let run = jinbao(["--data", &data, "--lang", "zh"]).args(words).run().exits(5);
        assert!(run.err.contains("jinbao enrol"), "{run:?}");
    }
    assert!(!temp.path().join("none").exists(), "looking makes no folder");
    // The folder may come from the environment, and the command line wins.
    let run = jinbao(["queue", "list", "--json"]).env("JINBAO_DATA", &data).run().exits(5);
    assert_eq!(run.kind(), "not_enrolled");
}

#[test]
fn the_doctor_helps_before_the_enrolment() {
    let temp = tempfile::tempdir().unwrap();
    let run = jinbao(["--data", &text(temp.path()), "--json", "doctor"]).run().exits(5);
    let report = run.json();
    assert_eq!(report["healthy"], false);
    let checks = report["checks"].as_array().unwrap();
    let health =
        |name: &str| checks.iter().find(|check| check["name"] == name).map(|check| check["health"].clone());
    assert_eq!(health("enrolment").unwrap(), "bad");
    assert_eq!(health("disk").unwrap(), "good");
    for check in checks.iter().filter(|check| check["health"] == "bad") {
        let advice = check["advice"].as_str().unwrap_or_default();
        let said = check["text"].as_str().unwrap();
        assert!(!advice.is_empty() || said.contains("run") || said.contains("none"), "no advice: {check}");
    }
}

#[test]
fn a_folder_that_others_may_enter_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("open");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let run = jinbao(["--data", &text(&folder), "--json", "queue", "list"]).run().exits(5);
    assert_eq!(run.kind(), "data_dir_open_to_others");
    let run = jinbao(["--data", &text(&folder), "queue", "list"]).run().exits(5);
    assert!(run.err.contains("chmod 700"), "{run:?}");
    let file = temp.path().join("file");
    fs::write(&file, "").unwrap();
    let run = jinbao(["--data", &text(&file), "--json", "queue", "list"]).run().exits(5);
    assert_eq!(run.kind(), "file");
}

#[test]
fn damaged_settings_say_where() {
    let temp = tempfile::tempdir().unwrap();
    let folder = temp.path().join("data");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    for (content, said) in [
        (&b"{\n  \"version\": 1,\n  \"colour\": 2\n}"[..], "line 3"),
        (b"{", "line 1"),
        (b"\xFF\xFE", "UTF-8"),
        (b"[]", "line 1"),
    ] {
        fs::write(folder.join("config.json"), content).unwrap();
        let run = jinbao(["--data", &text(&folder), "--lang", "en", "queue", "list"]).run().exits(2);
        assert!(run.err.contains("config.json") && run.err.contains(said), "{run:?}");
    }
}

#[test]
fn without_a_keyboard_a_secret_cannot_be_typed() {
    // `setsid` takes the terminal away, wherever the test runs.
    let temp = tempfile::tempdir().unwrap();
    let data = text(&temp.path().join("data"));
    let authority = temp.path().join("ca.pem");
    fs::write(&authority, "nothing").unwrap();
    let run = jinbao(["--data", &data, "--json", "enrol", "--terminal", "530100000001"])
        .args(["--center", "https://127.0.0.1:1", "--enrolment", "https://127.0.0.1:1"])
        .args(["--authority", &text(&authority)])
        .run()
        .exits(2);
    assert_eq!(run.kind(), "file_content", "the authority is read before anything is asked");
    let output = Command::new("setsid")
        .args(["--wait", env!("CARGO_BIN_EXE_jinbao"), "sim", "card", "new", "--out"])
        .arg(temp.path().join("card.json"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // Making a card asks for nothing.
    #[cfg(feature = "demo")]
    assert!(output.status.success(), "{output:?}");
    #[cfg(not(feature = "demo"))]
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jinbao"))
        .args(["rules", "check"])
        .args(std::iter::repeat_n(sample("rules/beijing.json"), 40))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn no_service_is_the_installers() {
    let temp = tempfile::tempdir().unwrap();
    let nowhere = text(&temp.path().join("pcscd.comm"));
    let run = jinbao(["--data", &text(temp.path()), "--json", "--lang", "en"])
        .args(["card", "info", "--terminal", "530100000001"])
        .env("PCSCLITE_CSOCK_NAME", &nowhere)
        .run()
        .exits(5);
    assert_eq!(run.kind(), "card");
    assert!(words_of(&run).contains("pcscd"), "{run:?}");
}
