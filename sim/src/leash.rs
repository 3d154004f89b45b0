//! Programs that end when we do, however we end.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
};

/// Runs `"$@"` as a child of the shell and ends it when standard input closes, that is also when we die; ends
/// itself when the child ends. The child has no standard input and keeps descriptor 3, which the shell drops.
const SCRIPT: &str = r#"
exec 4<&0 0</dev/null
"$@" 4<&- &
child=$!
exec 3>&-
{ read -r _ <&4; kill -KILL "$child"; } 2>/dev/null &
watch=$!
wait "$child"
code=$?
kill "$watch" 2>/dev/null
exit "$code"
"#;

/// The shell's text that does `prelude` first, then runs `"$@"`.
pub(crate) fn script(prelude: &str) -> String {
    format!("{prelude}\n{SCRIPT}")
}

/// A process, seen through the shell that watches over it. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Leashed {
    shell: Child,
    leash: Option<ChildStdin>,
}

impl Leashed {
    /// Starts a command whose shell runs [`script`].
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        // Its own process group: an interrupt from the keyboard is for us, and we end it in order.
        let mut shell = command.process_group(0).stdin(Stdio::piped()).spawn()?;
        let leash = shell.stdin.take();
        Ok(Self { shell, leash })
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(None))
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        // Closing the pipe makes the shell end the process; both are gone when the wait is over.
        self.leash = None;
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::{
        io::{BufRead, BufReader},
        path::Path,
        thread,
        time::{Duration, Instant},
    };

    /// A process that tells its number; the number, and the leash.
    fn started(program: &str) -> (Leashed, String) {
        let mut command = Command::new("sh");
        command.args(["-c", &script(""), "sh", "sh", "-c", program]).stdout(Stdio::piped());
        let mut leashed = Leashed::spawn(&mut command).unwrap();
        let mut line = String::new();
        BufReader::new(leashed.shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (leashed, line.trim().to_owned())
    }

    fn becomes(mut condition: impl FnMut() -> bool) -> bool {
        let end = Instant::now() + Duration::from_secs(20);
        while !condition() {
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(Duration::from_millis(2));
        }
        true
    }

    #[test]
    fn a_process_ends_with_its_leash() {
        let (mut leashed, number) = started("echo $$; exec sleep 1000");
        assert!(leashed.is_alive() && Path::new("/proc").join(&number).exists());
        drop(leashed);
        assert!(becomes(|| !Path::new("/proc").join(&number).exists()));
    }

    #[test]
    fn an_end_of_its_own_is_noticed() {
        let (mut leashed, _) = started("echo $$");
        assert!(becomes(|| !leashed.is_alive()));
    }
}
