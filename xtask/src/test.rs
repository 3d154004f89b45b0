//! All checks and tests, in the order in which they are quickest to fail.

use std::{
    env,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use crate::{firmware, licences, process, setup};

/// Runs everything; an error names the first step that failed.
pub(crate) fn run(yes: bool) -> Result<(), String> {
    setup::run(&setup::everything(), yes)?;
    setup::firmware(yes)?;
    let judges = python_judges()?;
    process::run(process::cargo().args(["fmt", "--all", "--check"]))?;
    licences::check()?;
    process::run(process::cargo().args(["check", "--locked", "-p", "jinbao-edge", "--features", "rpi"]))?;
    process::run(process::cargo().args(["check", "--locked", "-p", "jinbao", "--no-default-features"]))?;
    process::run(process::cargo().args(["check", "--locked", "-p", "jinbao-ui", "--no-default-features"]))?;
    process::run(process::cargo().args([
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    process::run(
        process::cargo()
            .args(["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    process::run(process::cargo().args(["build", "--locked", "--workspace", "--bins"]))?;
    firmware::run(&firmware::Options::for_tests())?;
    let logs = process::target().join("test-logs");
    if logs.exists() {
        fs::remove_dir_all(&logs).map_err(|error| format!("{}: {error}", logs.display()))?;
    }
    fs::create_dir_all(&logs).map_err(|error| format!("{}: {error}", logs.display()))?;
    tests(&logs, &judges)?;
    search_logs(&logs)
}

/// Runs the tests and keeps what they print, since nothing personal may be in it.
fn tests(logs: &Path, judges: &Path) -> Result<(), String> {
    let mut command = process::cargo();
    command
        .args(["test", "--locked", "--workspace", "--no-fail-fast"])
        .env("JINBAO_TEST_LOGS", logs)
        .env("JINBAO_TEST_PYTHON", judges)
        .env("JINBAO_FIRMWARE", firmware::folder())
        .stdout(Stdio::piped());
    println!("\n$ {}", process::shown(&command));
    let mut child = command.spawn().map_err(|error| format!("cargo test: {error}"))?;
    let output = child.stdout.take().ok_or("cargo test has no output")?;
    let mut file = File::create(logs.join("cargo-test.log")).map_err(|error| error.to_string())?;
    let (mut passed, mut failed) = (0, 0);
    for line in BufReader::new(output).lines() {
        let line = line.map_err(|error| format!("cargo test: {error}"))?;
        if let Some(result) = line.strip_prefix("test result: ") {
            passed += count_before(result, " passed");
            failed += count_before(result, " failed");
        }
        println!("{line}");
        writeln!(file, "{line}").map_err(|error| error.to_string())?;
    }
    let status = child.wait().map_err(|error| format!("cargo test: {error}"))?;
    println!("\n{passed} passed, {failed} failed");
    if status.success() { Ok(()) } else { Err(format!("cargo test: {status}")) }
}

fn count_before(text: &str, word: &str) -> u32 {
    text.split(word)
        .next()
        .and_then(|before| before.rsplit(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

/// Everything that the tests plant as personal, one word a line, is listed by them in `planted.txt`.
fn search_logs(logs: &Path) -> Result<(), String> {
    let list = logs.join("planted.txt");
    let planted = fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    let planted: Vec<_> = planted.lines().filter(|word| word.len() >= 6).collect();
    if planted.is_empty() {
        return Err("the tests planted nothing, so the search of the logs would prove nothing".to_owned());
    }
    let (mut files, mut bytes) = (0, 0);
    let mut folders = vec![logs.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| error.to_string())?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path != list {
                let content = fs::read(&path).map_err(|error| error.to_string())?;
                files += 1;
                bytes += content.len();
                if let Some(word) = planted.iter().find(|word| contains(&content, word.as_bytes())) {
                    return Err(format!("{} holds {} bytes of personal data", path.display(), word.len()));
                }
            }
        }
    }
    println!("{files} logs of {bytes} bytes searched for {} planted words: none found", planted.len());
    Ok(())
}

fn contains(content: &[u8], word: &[u8]) -> bool {
    content.windows(word.len()).any(|window| window == word)
}

/// A Python with SQLCipher of its own, which opens our encrypted files as a judge.
fn python_judges() -> Result<std::path::PathBuf, String> {
    let folder = process::target().join("judges");
    let python = folder.join("bin/python3");
    let works = |python: &Path| {
        Command::new(python)
            .args(["-c", "import sqlcipher3"])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    if !works(&python) {
        process::run(Command::new("/usr/bin/python3").args(["-m", "venv"]).arg(&folder))?;
        process::run(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "sqlcipher3-binary"])
                .envs(env::vars_os()),
        )?;
    }
    if works(&python) { Ok(python) } else { Err(format!("{} cannot import sqlcipher3", python.display())) }
}
