//! One end of a byte stream (socket or pseudo-terminal) that another thread can call back from.

use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    io::Errno,
};

/// What waiting for bytes brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// So many bytes.
    Bytes(usize),
    /// Somebody has called [`Port::wake`].
    Woken,
    /// Nothing until the deadline.
    Nothing,
    /// The other end has hung up, or [`Port::close`] was called.
    Ended,
}

/// The stream, shared by whoever reads and whoever writes.
#[derive(Debug)]
pub(crate) struct Port {
    stream: OwnedFd,
    called: UnixStream,
    caller: UnixStream,
    is_closed: AtomicBool,
}

impl Port {
    /// Takes a stream over.
    pub(crate) fn new(stream: OwnedFd) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&stream)?;
        rustix::fs::fcntl_setfl(&stream, flags | OFlags::NONBLOCK)?;
        let (called, caller) = UnixStream::pair()?;
        called.set_nonblocking(true)?;
        caller.set_nonblocking(true)?;
        Ok(Self { stream, called, caller, is_closed: AtomicBool::new(false) })
    }

    /// Lets the reader of this port return [`Heard::Woken`].
    pub(crate) fn wake(&self) {
        // A full buffer has woken already.
        let _ = (&self.caller).write(&[0]);
    }

    /// Ends reading and writing in all threads.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Reads what is there; waits until `deadline` for the first of it.
    pub(crate) fn read(&self, bytes: &mut [u8], deadline: Option<Instant>) -> Heard {
        loop {
            if self.is_closed.load(Ordering::SeqCst) {
                return Heard::Ended;
            }
            match rustix::io::read(&self.stream, &mut *bytes) {
                Ok(0) | Err(Errno::IO | Errno::CONNRESET | Errno::BADF) => return Heard::Ended,
                Ok(count) => return Heard::Bytes(count),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => return Heard::Ended,
            }
            match self.wait(PollFlags::IN, deadline) {
                Ok(true) => {}
                Ok(false) => return Heard::Nothing,
                Err(_) => return Heard::Ended,
            }
            let mut calls = [0; 64];
            if (&self.called).read(&mut calls).is_ok_and(|count| count > 0)
                && !self.is_closed.load(Ordering::SeqCst)
            {
                return Heard::Woken;
            }
        }
    }

    /// Sleeps, but not beyond [`Port::close`]; `None` then.
    pub(crate) fn sleep(&self, time: Duration) -> Option<()> {
        let end = Instant::now() + time;
        loop {
            if self.is_closed.load(Ordering::SeqCst) {
                return None;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(());
            }
            std::thread::sleep(left.min(Duration::from_millis(20)));
        }
    }

    /// Writes everything. Errors: the other end has hung up, or the port was closed.
    pub(crate) fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.is_closed.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            match rustix::io::write(&self.stream, bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let mut polled = [PollFd::new(&self.stream, PollFlags::OUT)];
                    // Not for ever: a port may be closed meanwhile.
                    poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 50_000_000 }))?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether something has come before the deadline: bytes, a call, or the end.
    fn wait(&self, wanted: PollFlags, deadline: Option<Instant>) -> io::Result<bool> {
        let timeout = deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now()).min(Duration::from_secs(3600));
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) }
        });
        let mut polled =
            [PollFd::from_borrowed_fd(self.stream.as_fd(), wanted), PollFd::new(&self.called, PollFlags::IN)];
        match poll(&mut polled, timeout.as_ref()) {
            Ok(0) => Ok(false),
            Ok(_) | Err(Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::{sync::Arc, thread};

    use super::*;

    #[test]
    fn reads_wakes_and_ends() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let port = Arc::new(Port::new(ours.into()).unwrap());
        let mut bytes = [0; 8];
        let soon = || Some(Instant::now() + Duration::from_millis(20));
        assert_eq!(port.read(&mut bytes, soon()), Heard::Nothing);
        theirs.write_all(b"abc").unwrap();
        assert_eq!(port.read(&mut bytes, None), Heard::Bytes(3));
        port.wake();
        assert_eq!(port.read(&mut bytes, None), Heard::Woken);
        port.write_all(b"xyz").unwrap();
        let mut got = [0; 3];
        theirs.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"xyz");
        let waiting = thread::spawn({
            let port = Arc::clone(&port);
            move || port.read(&mut [0; 8], None)
        });
        port.close();
        assert_eq!(waiting.join().unwrap(), Heard::Ended);
        assert!(port.write_all(b"more").is_err());
    }

    #[test]
    fn notices_a_hang_up() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let port = Port::new(ours.into()).unwrap();
        drop(theirs);
        assert_eq!(port.read(&mut [0; 8], None), Heard::Ended);
        assert!(port.write_all(b"x").is_err());
    }
}
