//! Runs the benchmark programs of the crates and prints each figure next to its limit.

use serde_json::Value;

use crate::{firmware, process};

/// Runs all benchmark programs in release mode.
pub(crate) fn run(people: u64) -> Result<(), String> {
    let people = people.to_string();
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
        let mut command = std::process::Command::new(program);
        command.current_dir(process::root()).args(arguments);
        println!("\n$ {}", process::shown(&command));
        let text = process::output(&mut command)?;
        rows.extend(text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()));
    }
    println!();
    println!(
        "{:<52} {:>16} {:<12} {:>16}  {:<34} {:>7}",
        "what", "value", "unit", "limit", "limit is", "ratio"
    );
    for row in &rows {
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
