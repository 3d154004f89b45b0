//! A thread that makes blocking calls for an owner who does not want to be blocked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError, SyncSender, TrySendError},
    },
    thread,
    time::{Duration, Instant},
};

use super::connection::Connection;

/// Most threads of this process that may be stuck in a call nobody waits for any more.
///
/// Beyond it no new thread is started: the service is then as good as gone.
pub const ABANDONED_MAX: usize = 8;

/// How many are stuck now.
static ABANDONED: AtomicUsize = AtomicUsize::new(0);

const RUNNING: u8 = 0;
const GIVEN_UP: u8 = 1;
const ENDED: u8 = 2;

/// Jobs that may wait behind the one under way: the owner's, and those of a few who call through the same card.
const JOBS_MAX: usize = 4;

/// How often somebody looks whether there is room for a job.
const ROOM_PAUSE: Duration = Duration::from_millis(2);

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The owner's end. Dropping it, and every [`Caller`] of it, lets the thread put its connection away and end.
#[derive(Debug)]
pub(super) struct Worker {
    caller: Caller,
    fate: Fate,
}

/// Lets a worker do jobs without owning it. Jobs are done one after the other.
#[derive(Clone, Debug)]
pub(super) struct Caller(SyncSender<Job>);

/// What became of a worker's thread.
#[derive(Clone, Debug)]
pub(super) struct Fate(Arc<AtomicU8>);

/// Why a call gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoResult {
    /// The limit ran out; the call is still under way.
    Late,
    /// The thread is gone, which means that the binding panicked.
    Ended,
    /// Too many threads are stuck to start another.
    TooMany,
}

impl Worker {
    /// Starts a thread with a connection of its own.
    ///
    /// Errors: `TooMany`, also when the system has no thread left.
    pub(super) fn start() -> Result<Self, NoResult> {
        if ABANDONED.load(Ordering::SeqCst) >= ABANDONED_MAX {
            return Err(NoResult::TooMany);
        }
        let (jobs, queue) = mpsc::sync_channel::<Job>(JOBS_MAX);
        let fate = Fate(Arc::new(AtomicU8::new(RUNNING)));
        let end = End(fate.clone());
        thread::Builder::new()
            .name("pcsc call".to_owned())
            .spawn(move || {
                let _end = end;
                let mut connection = Connection::new();
                while let Ok(job) = queue.recv() {
                    job(&mut connection);
                }
            })
            .map_err(|_| NoResult::TooMany)?;
        Ok(Worker { caller: Caller(jobs), fate })
    }

    /// Lets the thread do `job` and waits at most `limit` for it.
    ///
    /// Errors: `Late`, after which this worker must be given up; `Ended`.
    pub(super) fn call<T: Send + 'static>(
        &self,
        limit: Duration,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, NoResult> {
        self.caller.call(limit, job)
    }

    /// For those who call through this worker's card.
    pub(super) fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// Turns away from a thread that is stuck.
    pub(super) fn abandon(self) -> Fate {
        ABANDONED.fetch_add(1, Ordering::SeqCst);
        if self.fate.0.swap(GIVEN_UP, Ordering::SeqCst) == ENDED {
            ABANDONED.fetch_sub(1, Ordering::SeqCst);
            self.fate.0.store(ENDED, Ordering::SeqCst);
        }
        self.fate.clone()
    }
}

impl Caller {
    /// Lets the thread do `job` and waits at most `limit` for it, jobs of others before it included.
    ///
    /// Errors: `Late`, and the job may still be done; `Ended`.
    pub(super) fn call<T: Send + 'static>(
        &self,
        limit: Duration,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, NoResult> {
        let end = Instant::now() + limit;
        let (give, result) = mpsc::sync_channel(1);
        let mut job: Job = Box::new(move |connection| {
            // Nobody waits any more when the limit has run out.
            let _ = give.send(job(connection));
        });
        loop {
            match self.0.try_send(job) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return Err(NoResult::Ended),
                Err(TrySendError::Full(_)) if Instant::now() >= end => return Err(NoResult::Late),
                Err(TrySendError::Full(back)) => job = back,
            }
            thread::sleep(ROOM_PAUSE);
        }
        result.recv_timeout(end.saturating_duration_since(Instant::now())).map_err(|error| match error {
            RecvTimeoutError::Timeout => NoResult::Late,
            RecvTimeoutError::Disconnected => NoResult::Ended,
        })
    }
}

impl Fate {
    /// Whether the thread has put its connection away.
    pub(super) fn has_ended(&self) -> bool {
        self.0.load(Ordering::SeqCst) == ENDED
    }
}

/// Threads of this process that are stuck now.
pub(super) fn abandoned() -> usize {
    ABANDONED.load(Ordering::SeqCst)
}

/// Notes the end of the thread, however it ends.
///
/// It was made before the connection, so it is dropped after it: who sees the end sees a free reader.
struct End(Fate);

impl Drop for End {
    fn drop(&mut self) {
        if self.0.0.swap(ENDED, Ordering::SeqCst) == GIVEN_UP {
            ABANDONED.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::time::Instant;

    const SHORT: Duration = Duration::from_millis(10);
    const LONG: Duration = Duration::from_secs(10);

    /// One test, since the count of stuck threads is the process's.
    #[test]
    fn late_ended_and_too_many() {
        let worker = Worker::start().unwrap();
        assert_eq!(worker.call(LONG, |_| 7), Ok(7));
        assert_eq!(worker.call(LONG, |_| 8), Ok(8));

        // A panic inside of the call is not ours.
        let panicking = Worker::start().unwrap();
        assert_eq!(
            panicking.call(LONG, |_| -> u8 { panic!("a test lets the binding panic") }),
            Err(NoResult::Ended)
        );
        assert_eq!(panicking.call(LONG, |_| 1), Err(NoResult::Ended));

        let mut stuck = Vec::new();
        for _ in 0..ABANDONED_MAX {
            let worker = Worker::start().unwrap();
            let (release, wait) = mpsc::channel::<()>();
            let late = worker.call(SHORT, move |_| {
                let _ = wait.recv();
            });
            assert_eq!(late, Err(NoResult::Late));
            stuck.push((release, worker.abandon()));
        }
        assert_eq!(abandoned(), ABANDONED_MAX);
        assert_eq!(Worker::start().map(|_| ()), Err(NoResult::TooMany));
        let fates: Vec<Fate> = stuck.into_iter().map(|(_release, fate)| fate).collect();
        let end = Instant::now() + LONG;
        while abandoned() > 0 && Instant::now() < end {
            thread::sleep(SHORT);
        }
        assert_eq!(abandoned(), 0, "every thread that came back was counted");
        assert!(fates.iter().all(Fate::has_ended));
        assert_eq!(Worker::start().unwrap().call(LONG, |_| 9), Ok(9));
    }
}
