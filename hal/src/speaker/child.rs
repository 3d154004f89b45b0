//! A program that speaks, one at a time and never for long.

use std::{
    io::Write,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How often a running voice is looked at.
const LOOK_MS: u64 = 50;

/// One program at a time. Each is watched by a thread of its own that ends it when its time is over.
#[derive(Debug, Default)]
pub(super) struct OneChild(Arc<Mutex<Option<Child>>>);

impl OneChild {
    /// Ends what runs and starts the next; `input` is written to it. `false` for a program that cannot be started.
    pub(super) fn start(&mut self, mut command: Command, input: &[u8], limit: Duration) -> bool {
        self.stop();
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else { return false };
        let stdin = child.stdin.take();
        // A slot of its own: a later one is not ended by this one's watch.
        self.0 = Arc::new(Mutex::new(Some(child)));
        let (slot, input) = (Arc::clone(&self.0), input.to_vec());
        thread::spawn(move || {
            if let Some(mut stdin) = stdin {
                let _ = stdin.write_all(&input);
            }
            let end = Instant::now() + limit;
            loop {
                thread::sleep(Duration::from_millis(LOOK_MS));
                let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(child) = slot.as_mut() else { return };
                if !matches!(child.try_wait(), Ok(None)) {
                    *slot = None;
                    return;
                }
                if Instant::now() >= end {
                    end_of(slot.take());
                    return;
                }
            }
        });
        true
    }

    /// Ends what runs.
    pub(super) fn stop(&mut self) {
        end_of(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Whether something runs.
    #[cfg(test)]
    pub(super) fn is_running(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl Drop for OneChild {
    fn drop(&mut self) {
        self.stop();
    }
}

fn end_of(child: Option<Child>) {
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Command {
        let mut command = Command::new("sleep");
        command.arg("60");
        command
    }

    fn over(child: &OneChild) -> bool {
        let end = Instant::now() + Duration::from_secs(10);
        while child.is_running() && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
        !child.is_running()
    }

    #[test]
    fn a_new_one_ends_the_last_and_none_goes_on_for_ever() {
        let mut child = OneChild::default();
        child.start(sleeper(), b"", Duration::from_secs(50));
        let first = Arc::clone(&child.0);
        assert!(child.is_running());
        child.start(sleeper(), b"", Duration::from_millis(100));
        assert!(first.lock().is_ok_and(|first| first.is_none()));
        assert!(over(&child));
        child.start(sleeper(), b"", Duration::from_secs(50));
        child.stop();
        assert!(!child.is_running());
        assert!(!child.start(Command::new("/nowhere/voice"), b"", Duration::from_secs(1)));
        assert!(!child.is_running());
    }
}
