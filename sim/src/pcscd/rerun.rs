//! Tests against a pcscd of their own.
//!
//! libpcsclite reads `PCSCLITE_CSOCK_NAME` once per process, and tests are threads of one process. So a test
//! that needs a socket of its own runs itself again, alone in a child process that was started with the
//! variable set.

use std::{
    env,
    fs::{self, File},
    io,
    path::Path,
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use super::PrivatePcscd;

/// Longest time for one such test; a child that takes longer is ended and the test fails.
pub const TEST_TIMEOUT_MS: u64 = 180_000;

/// Tells the child that it is the child, and where its directory is.
const DIRECTORY: &str = "JINBAO_TEST_DIRECTORY";

/// Runs the body of a test in a process whose PC/SC calls go to a private pcscd with two virtual slots.
///
/// `test` is the full name of the calling test, as `cargo test` shows it: the child is this same program,
/// told to run that test alone. What the child writes is written again here, so that it is shown when the
/// test fails.
///
/// # Panics
/// When the body panics, when pcscd cannot be started, when the child takes longer than
/// [`TEST_TIMEOUT_MS`], and when there is no test of this name.
pub fn with_pcscd(test: &str, body: impl FnOnce(&mut PrivatePcscd)) {
    in_child(test, |directory| match PrivatePcscd::start(directory) {
        Ok(mut pcscd) => body(&mut pcscd),
        Err(error) => panic!("{error}"),
    });
}

/// Runs the body of a test in a process whose PC/SC calls go to the socket `pcscd.comm` in the directory
/// that the body gets. Nobody listens there yet.
///
/// # Panics
/// As [`with_pcscd`].
pub fn in_child(test: &str, body: impl FnOnce(&Path)) {
    in_child_within(test, TEST_TIMEOUT_MS, body);
}

/// The same for a test that may take so long.
///
/// # Panics
/// As [`with_pcscd`].
pub fn in_child_within(test: &str, timeout_ms: u64, body: impl FnOnce(&Path)) {
    if let Some(directory) = env::var_os(DIRECTORY) {
        let directory = Path::new(&directory);
        body(directory);
        if let Err(error) = fs::write(directory.join(DONE), test) {
            panic!("the end of {test} cannot be noted: {error}");
        }
        return;
    }
    match run(test, timeout_ms) {
        Ok(Run { status, done, said }) => {
            print!("{said}");
            assert!(status.success(), "{test} failed in its own process: {status}");
            assert!(done, "no test is called {test}");
        }
        Err(error) => panic!("{test} cannot be run in a process of its own: {error}"),
    }
}

/// The child leaves this file when its body has come to its end.
const DONE: &str = "done";

struct Run {
    status: ExitStatus,
    done: bool,
    said: String,
}

fn run(test: &str, timeout_ms: u64) -> io::Result<Run> {
    let directory = tempfile::Builder::new().prefix("jinbao-test-").tempdir()?;
    let log = directory.path().join("test.log");
    // Both append, so that neither writes over the other.
    let out = File::options().create(true).append(true).open(&log)?;
    let err = out.try_clone()?;
    let mut child = Command::new(env::current_exe()?)
        .args(["--exact", test, "--nocapture", "--include-ignored", "--test-threads=1"])
        .env(DIRECTORY, directory.path())
        .env("PCSCLITE_CSOCK_NAME", super::launch::socket_path(directory.path()))
        .stdout(out)
        .stderr(err)
        .spawn()?;
    let end = Instant::now() + Duration::from_millis(timeout_ms);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= end {
            // pcscd goes with it: it hangs on a pipe of the child.
            child.kill()?;
            break child.wait()?;
        }
        thread::sleep(Duration::from_millis(10));
    };
    let done = fs::read_to_string(directory.path().join(DONE)).is_ok_and(|done| done == test);
    let said = String::from_utf8_lossy(&fs::read(log)?).into_owned();
    Ok(Run { status, done, said })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::panic;

    #[test]
    fn a_body_runs_in_a_process_of_its_own() {
        let parent = std::process::id();
        in_child("pcscd::rerun::tests::a_body_runs_in_a_process_of_its_own", |directory| {
            let socket = env::var_os("PCSCLITE_CSOCK_NAME").unwrap();
            assert_eq!(Path::new(&socket), directory.join("pcscd.comm"));
            fs::write(directory.join("child"), std::process::id().to_string()).unwrap();
            assert!(env::var_os(DIRECTORY).is_some());
        });
        assert_eq!(parent, std::process::id());
    }

    #[test]
    fn a_failing_body_and_a_wrong_name_fail() {
        if env::var_os(DIRECTORY).is_some() {
            panic!("the body fails");
        }
        let failing = "pcscd::rerun::tests::a_failing_body_and_a_wrong_name_fail";
        assert!(panic::catch_unwind(|| in_child(failing, |_| ())).is_err());
        assert!(panic::catch_unwind(|| in_child("no::such::test", |_| ())).is_err());
    }
}
