//! One command at a time changes a terminal.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

use rustix::fs::{FlockOperation, flock};

use crate::failure::{EdgeError, file_error};

/// Longest wait for another command to finish.
pub const LOCK_TIMEOUT_MS: u64 = 5_000;

const LOCK_POLL_MS: u64 = 50;

/// Held as long as this lives; the kernel lets go of it when the process ends in any way.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits at most `timeout_ms` for the lock and leaves our process number in the file.
    ///
    /// Errors: `InUse` with the number of the process that holds it.
    pub fn take(path: &Path, timeout_ms: u64) -> Result<Self, EdgeError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(file_error(path))?;
        let until = Instant::now() + Duration::from_millis(timeout_ms);
        while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK && error != rustix::io::Errno::INTR {
                return Err(file_error(path)(error.into()));
            }
            if Instant::now() >= until {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(EdgeError::InUse { process: holder.trim().parse().ok() });
            }
            std::thread::sleep(Duration::from_millis(LOCK_POLL_MS));
        }
        // Only a hint for the one who waits; the lock itself is the kernel's.
        let _ = file.rewind();
        let _ = file.set_len(0);
        let _ = write!(file, "{}", std::process::id());
        Ok(Lock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_second_is_told_who_holds_it() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("lock");
        let first = Lock::take(&path, 0).unwrap();
        match Lock::take(&path, 60) {
            Err(EdgeError::InUse { process }) => assert_eq!(process, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(first);
        Lock::take(&path, 0).unwrap();
    }
}
