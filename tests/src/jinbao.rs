//! The real program, one child process for each command.

use std::{
    env,
    ffi::OsString,
    fmt,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::Logs;

/// Longest run of one command; it is then killed and the test fails.
const COMMAND_TIMEOUT_MS: u64 = 150_000;

/// Has a library loaded before all others.
const PRELOADED: &str = "LD_PRELOAD";
/// How far faketime's library moves the clock.
const OFFSET: &str = "FAKETIME";
/// Leaves the clock that timeouts go by alone.
const MONOTONIC: &str = "FAKETIME_DONT_FAKE_MONOTONIC";

/// A terminal's program with its data folder.
#[derive(Debug)]
pub struct Jinbao {
    program: PathBuf,
    /// The terminal's folder.
    pub data: PathBuf,
    scratch: PathBuf,
    /// Variables of every command.
    pub environment: Vec<(&'static str, OsString)>,
    /// Written before the program's name: another program that starts it.
    pub wrapped_in: Vec<OsString>,
    count: AtomicU32,
}

/// What one command has said.
#[derive(Clone)]
pub struct Answer {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Standard output as JSON, where it is that.
    pub json: Value,
    command: String,
}

/// A command that runs.
#[derive(Debug)]
pub struct Started {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    command: String,
    name: String,
}

/// Path of the program in the same target directory as the test.
///
/// # Panics
/// When it was not built.
pub fn program() -> PathBuf {
    let test = env::current_exe().expect("a running test has a path");
    let folder = test.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps");
    let program = folder.join("jinbao");
    assert!(program.exists(), "{} is not there: run `cargo build -p jinbao` first", program.display());
    program
}

/// The library that shows a process another time.
///
/// # Panics
/// When it is not installed.
fn faketime() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    folders
        .map(|folder| folder.join("faketime/libfaketime.so.1"))
        .find(|library| library.exists())
        .expect("libfaketime.so.1 is there: apt-get install faketime")
}

impl Jinbao {
    /// The program for the terminal in `data`; what it says goes through files in `scratch`.
    ///
    /// # Panics
    /// When the program was not built.
    pub fn new(data: PathBuf, scratch: PathBuf) -> Self {
        Jinbao {
            program: program(),
            data,
            scratch,
            environment: Vec::new(),
            wrapped_in: Vec::new(),
            count: AtomicU32::new(0),
        }
    }

    /// Numbers what its commands say from here, so that two terminals of one test do not write over each other.
    pub fn number_from(&mut self, number: u32) {
        self.count = AtomicU32::new(number);
    }

    /// Lets every further command see a clock that is off by this much, as `faketime` writes it (`+25h`,
    /// `-1y`); an empty text is the right time. Timeouts go on as they are.
    ///
    /// # Panics
    /// When faketime's library is not installed.
    pub fn move_clock(&mut self, by: &str) {
        self.environment.retain(|(name, _)| ![PRELOADED, OFFSET, MONOTONIC].contains(name));
        if !by.is_empty() {
            // Not by the program faketime itself: what it shares with others outlives a command that is killed.
            self.environment.push((PRELOADED, faketime().into()));
            self.environment.push((OFFSET, by.into()));
            self.environment.push((MONOTONIC, "1".into()));
        }
    }

    /// Starts a command with these lines on its standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(&self, arguments: &[&str], lines: &[&str]) -> Started {
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let name = format!("{number:03}-{}", arguments.first().copied().unwrap_or("jinbao"));
        let file = |end| self.scratch.join(format!("{name}.{end}"));
        let (out, err) = (file("out"), file("err"));
        let create =
            |path: &Path| File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut words =
            self.wrapped_in.iter().map(OsString::from).chain([self.program.clone().into_os_string()]);
        let mut command = Command::new(words.next().expect("at least the program"));
        command
            .args(words)
            .args(arguments)
            .arg("--data")
            .arg(&self.data)
            .arg("--pin-stdin")
            .env_remove("JINBAO_DATA")
            .env("LC_ALL", "C.UTF-8")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.scratch)
            .stdin(Stdio::piped())
            .stdout(create(&out))
            .stderr(create(&err));
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        let mut input = child.stdin.take().expect("it is piped");
        let typed: String = lines.iter().map(|line| format!("{line}\n")).collect();
        // A command that ends before it reads is judged by its exit code.
        let _ = input.write_all(typed.as_bytes());
        drop(input);
        Started { child, out, err, command: arguments.join(" "), name }
    }

    /// Runs a command to its end and keeps what it says as a log.
    ///
    /// # Panics
    /// When it cannot be started, takes too long, or says a planted word.
    pub fn run(&self, logs: &Logs, arguments: &[&str], lines: &[&str]) -> Answer {
        self.start(arguments, lines).finish(logs)
    }

    /// The same for what is meant to hold personal data, such as an export: it is no log.
    ///
    /// # Panics
    /// When it cannot be started or takes too long.
    pub fn run_private(&self, arguments: &[&str], lines: &[&str]) -> Answer {
        self.start(arguments, lines).answer().0
    }
}

impl Started {
    /// Waits for its end and keeps what it has said as a log.
    ///
    /// # Panics
    /// When it takes too long, or has said a planted word.
    pub fn finish(self, logs: &Logs) -> Answer {
        let (answer, name) = self.answer();
        logs.keep(&format!("{name}.out"), answer.out.as_bytes());
        logs.keep(&format!("{name}.err"), answer.err.as_bytes());
        answer
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it, as a power cut would.
    ///
    /// # Panics
    /// When the system does not let us.
    pub fn kill(&mut self) {
        self.child.kill().unwrap_or_else(|error| panic!("{}: {error}", self.command));
    }

    fn answer(mut self) -> (Answer, String) {
        let status = wait(&mut self.child, &self.command);
        let read = |path: &Path| {
            let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (out, err) = (read(&self.out), read(&self.err));
        let json = serde_json::from_str(&out).unwrap_or(Value::Null);
        (Answer { code: status.code(), out, err, json, command: self.command }, self.name)
    }
}

/// Waits for a child, at most [`COMMAND_TIMEOUT_MS`].
fn wait(child: &mut Child, command: &str) -> ExitStatus {
    let end = Instant::now() + Duration::from_millis(COMMAND_TIMEOUT_MS);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status,
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(3)),
            Ok(None) => {
                let _ = child.kill();
                panic!("{command}: not done after {COMMAND_TIMEOUT_MS} ms");
            }
            Err(error) => panic!("{command}: {error}"),
        }
    }
}

impl Answer {
    /// Requires success.
    ///
    /// # Panics
    /// When the command has ended otherwise; the message holds what it said.
    #[track_caller]
    pub fn done(self) -> Self {
        self.exit(0)
    }

    /// Requires an exit code.
    ///
    /// # Panics
    /// When the command has ended otherwise; the message holds what it said.
    #[track_caller]
    pub fn exit(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// Requires an exit code and the error's stable word, and gives the error's text.
    ///
    /// # Panics
    /// When either is another.
    #[track_caller]
    pub fn refused(&self, code: i32, kind: &str) -> &str {
        assert_eq!((self.code, self.json["error"]["kind"].as_str()), (Some(code), Some(kind)), "{self:?}");
        assert_eq!(self.json["ok"], false, "{self:?}");
        self.json["error"]["text"].as_str().unwrap_or_default()
    }

    /// A number of the JSON answer by its pointer, such as `/amounts/acct_pay`.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn number(&self, pointer: &str) -> i64 {
        let value = self.json.pointer(pointer).and_then(Value::as_i64);
        value.unwrap_or_else(|| panic!("no number at {pointer}: {self:?}"))
    }

    /// A text of the JSON answer by its pointer.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn text(&self, pointer: &str) -> &str {
        let value = self.json.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("no text at {pointer}: {self:?}"))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`jinbao {}` ended with {:?}\n{}\n{}", self.command, self.code, self.out, self.err)
    }
}
