//! Runs the benchmark programs of the crates and prints each figure next to its limit.

use std::{
    fs,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{firmware, process, setup};

/// People in the eligibility cache: a large city.
const PEOPLE: u64 = 10_000_000;

/// Runs all benchmark programs in release mode, but for that of the faces.
pub(crate) fn run(people: Option<u64>) -> Result<(), String> {
    let people = people.unwrap_or(PEOPLE).to_string();
    firmware::run(&firmware::Options::for_demo())?;
    let board = firmware::folder().join(firmware::DEMO).display().to_string();
    let programs: [(&str, &str, &[&str]); 5] = [
        ("jinbao-core", "bench_session", &[]),
        ("jinbao-core", "bench_store", &[&people]),
        ("jinbao-core", "bench_settle", &[]),
        ("jinbao-datacenter", "bench_booking", &[]),
        ("jinbao-sim", "bench_firmware", &[&board]),
    ];
    let mut build = process::cargo();
    build.args(["build", "--release"]);
    for (package, example, _) in programs {
        build.args(["-p", package, "--example", example]);
    }
    process::run(&mut build)?;
    let mut rows = Vec::new();
    for (_, example, arguments) in programs {
        let program = process::target().join("release/examples").join(example);
        let mut command = Command::new(program);
        command.current_dir(process::root()).args(arguments);
        println!("\n$ {}", process::shown(&command));
        let text = process::output(&mut command)?;
        rows.extend(rows_of(&text));
    }
    print(&rows)
}

/// Measures the counter in its window, on a display of its own, in release mode. Takes about ten minutes, and says little
/// while other programs want the processors.
pub(crate) fn faces(people: Option<u64>) -> Result<(), String> {
    setup::run(&setup::everything(), false)?;
    // Apart, so that the windows are compiled as `cargo build -p jinbao-ui` compiles them.
    process::run(process::cargo().args(["build", "--release", "--locked", "-p", "jinbao-ui"]))?;
    let example = ["-p", "jinbao-tests", "--bins", "--example", "bench_faces"];
    process::run(process::cargo().args(["build", "--release", "--locked", "-p", "jinbao"]).args(example))?;
    let release = process::target().join("release");
    let size = fs::metadata(release.join("jinbao-ui")).map_err(|error| format!("jinbao-ui: {error}"))?.len();
    println!("\njinbao-ui: {:.1} MB with its line tables, before `strip`", size as f64 / 1e6);
    let logs = process::target().join("bench-logs");
    fs::create_dir_all(&logs).map_err(|error| format!("{}: {error}", logs.display()))?;
    let mut command = Command::new(release.join("examples/bench_faces"));
    command.current_dir(process::root()).env("JINBAO_TEST_LOGS", logs).stderr(Stdio::inherit());
    command.args(people.map(|people| people.to_string()));
    println!("\n$ {}", process::shown(&command));
    let text = process::output(&mut command)?;
    print(&rows_of(&text))
}

/// The figures among what a program has printed.
fn rows_of(text: &str) -> Vec<Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Prints figures, each next to its limit.
fn print(rows: &[Value]) -> Result<(), String> {
    println!();
    println!(
        "{:<52} {:>16} {:<12} {:>16}  {:<34} {:>7}",
        "what", "value", "unit", "limit", "limit is", "ratio"
    );
    for row in rows {
        println!(
            "{:<52} {:>16} {:<12} {:>16}  {:<34} {:>7}",
            row["name"].as_str().unwrap_or("?"),
            figure(&row["value"]),
            row["unit"].as_str().unwrap_or(""),
            figure(&row["reference_value"]),
            row["reference"].as_str().unwrap_or(""),
            row["ratio"].as_f64().map_or_else(String::new, |ratio| format!("{ratio:.3}")),
        );
    }
    if rows.is_empty() { Err("the benchmark programs printed no figure".to_owned()) } else { Ok(()) }
}

fn figure(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if number.fract() == 0.0 && number.abs() < 1e15 => format!("{number:.0}"),
        Some(number) => format!("{number:.3}"),
        None => String::new(),
    }
}
