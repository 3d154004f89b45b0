//! Runs the program as a person or a script would.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(dead_code, reason = "each test uses a part of it")]

#[cfg(feature = "demo")]
pub(crate) mod world;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// Standard output as the one JSON object that it must be.
    pub(crate) fn json(&self) -> Value {
        let mut lines = self.out.lines();
        let value: Value = serde_json::from_str(lines.next().unwrap_or_default())
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"));
        assert!(value.is_object(), "{self:?}");
        assert_eq!(lines.next(), None, "more than one line: {self:?}");
        assert_eq!(value["ok"].as_bool(), Some(self.code <= 1 || value.get("error").is_none()), "{self:?}");
        value
    }

    /// The exit code that was expected, or everything that was said.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// `error.kind` of a failure.
    pub(crate) fn kind(&self) -> String {
        self.json()["error"]["kind"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }
}

/// A run in the making, with an environment that is the same everywhere.
pub(crate) struct Jinbao {
    command: Command,
    input: Vec<u8>,
}

/// `jinbao` with these words.
pub(crate) fn jinbao<S: AsRef<std::ffi::OsStr>>(words: impl IntoIterator<Item = S>) -> Jinbao {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jinbao"));
    command.args(words).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/nonexistent");
    Jinbao { command, input: Vec::new() }
}

impl Jinbao {
    pub(crate) fn args<S: AsRef<std::ffi::OsStr>>(mut self, words: impl IntoIterator<Item = S>) -> Self {
        self.command.args(words);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn input(mut self, text: &str) -> Self {
        self.input = text.as_bytes().to_vec();
        self
    }

    /// Runs it and kills it after a while; `true` when it was killed, `false` when it ended by itself before.
    pub(crate) fn killed_after(mut self, time: std::time::Duration) -> bool {
        let mut child =
            self.command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(&self.input);
        let until = std::time::Instant::now() + time;
        while std::time::Instant::now() < until {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        true
    }

    pub(crate) fn run(mut self) -> Run {
        let mut child =
            self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that ends before it has read all is no error of the test's.
        let _ = child.stdin.take().unwrap().write_all(&self.input);
        let output = child.wait_with_output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A file of the core's samples.
pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/samples").join(name)
}

/// The path as text.
pub(crate) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
