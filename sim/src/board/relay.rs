//! The serial line between board and driver: a terminal device whose other end is ours.
//!
//! The emulator's own terminal would delay the first answer by most of a second, and when the emulator dies in
//! the middle of an exchange, the driver's read ends with zero bytes for ever and pcscd takes a whole
//! processor. This device stays open, whatever becomes of the board.

use std::{
    collections::VecDeque,
    fmt, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};

use super::frame::{Frame, Splitter};
use crate::error::SimError;

/// Bytes that wait for a side that does not take them; then the other side is not read any more.
const WAITING_BYTES_MAX: usize = 65_536;

/// What goes wrong on the way from the host to the board.
#[derive(Clone, PartialEq, Eq)]
pub enum HostFault {
    /// These bytes come right before the next frame.
    Noise(Vec<u8>),
    /// Only the first bytes of the next frame come.
    Cut {
        /// So many.
        bytes: usize,
    },
    /// A byte of the next frame comes changed.
    Flip {
        /// Which, from 0.
        byte: usize,
        /// The bits that are turned over.
        bits: u8,
    },
    /// The next frame comes twice, in one piece.
    Twice,
}

/// Data of a frame may stand in noise as well.
impl fmt::Debug for HostFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Noise(bytes) => write!(f, "Noise({} bytes)", bytes.len()),
            Self::Cut { bytes } => write!(f, "Cut({bytes})"),
            Self::Flip { byte, bits } => write!(f, "Flip({byte}, {bits:02X})"),
            Self::Twice => f.write_str("Twice"),
        }
    }
}

/// In what pieces the host's bytes come to the board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pieces {
    /// As the driver writes them.
    #[default]
    AsWritten,
    /// Each byte alone, the next not before this time has passed.
    OneByOne {
        /// Microseconds between two bytes.
        interval_us: u64,
    },
    /// Each frame when it is complete.
    WholeFrames,
}

/// Who has spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// The host's driver.
    Host,
    /// The board.
    Board,
}

/// One entry of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Who.
    pub by: Speaker,
    /// What. What the host has said is kept as it was said, before any fault.
    pub frame: Frame,
    /// When its last byte was there.
    pub at: Instant,
}

/// The line, served by a thread of its own until it is dropped.
pub struct Relay {
    device: PathBuf,
    shared: Arc<Shared>,
    waker: UnixStream,
    worker: Option<JoinHandle<()>>,
    /// Kept open and raw: nothing is echoed before the driver comes, and the line does not hang up after it.
    _held_open: OwnedFd,
}

struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    board: Option<UnixStream>,
    ends: bool,
    record: Option<Vec<Spoken>>,
    faults: VecDeque<HostFault>,
    pieces: Pieces,
    injected: Vec<u8>,
    is_board_gone: bool,
}

impl Relay {
    /// Makes the device and connects it to a board.
    ///
    /// Errors: `Io`.
    pub fn start(board: UnixStream) -> Result<Self, SimError> {
        let failed = |error: rustix::io::Errno| SimError::io("making a serial line")(error.into());
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).map_err(failed)?;
        grantpt(&master).map_err(failed)?;
        unlockpt(&master).map_err(failed)?;
        let name = ptsname(&master, Vec::new()).map_err(failed)?;
        let device = PathBuf::from(name.to_string_lossy().into_owned());
        let held_open =
            rustix::fs::open(&device, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
                .map_err(failed)?;
        let mut settings = tcgetattr(&held_open).map_err(failed)?;
        settings.make_raw();
        tcsetattr(&held_open, OptionalActions::Now, &settings).map_err(failed)?;
        rustix::io::ioctl_fionbio(&master, true).map_err(failed)?;
        let (waker, woken) = UnixStream::pair().map_err(SimError::io("preparing a serial line"))?;
        for end in [&waker, &woken, &board] {
            end.set_nonblocking(true).map_err(SimError::io("preparing a serial line"))?;
        }
        let shared = Arc::new(Shared(Mutex::new(State { board: Some(board), ..State::default() })));
        let worker = thread::Builder::new()
            .name("serial line".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || Worker::new(master, woken, shared).run()
            })
            .map_err(SimError::io("starting a thread for the serial line"))?;
        Ok(Self { device, shared, waker, worker: Some(worker), _held_open: held_open })
    }

    /// The device that the driver opens.
    pub fn device(&self) -> &Path {
        &self.device
    }

    /// Connects the line to another board; what was on its way is lost.
    ///
    /// Errors: `Io`.
    pub fn connect(&self, board: UnixStream) -> Result<(), SimError> {
        board.set_nonblocking(true).map_err(SimError::io("preparing a serial line"))?;
        self.change(|state| {
            state.board = Some(board);
            state.is_board_gone = false;
        });
        Ok(())
    }

    /// Whether the board has hung up.
    pub fn is_board_gone(&self) -> bool {
        self.shared.lock().is_board_gone
    }

    /// Begins a new record of everything that is said, PIN included.
    pub fn record(&self) {
        self.shared.lock().record = Some(Vec::new());
    }

    /// Ends the record and gives it; empty when there was none.
    pub fn take_record(&self) -> Vec<Spoken> {
        self.shared.lock().record.take().unwrap_or_default()
    }

    /// Takes what has been recorded so far and goes on recording.
    pub fn drain_record(&self) -> Vec<Spoken> {
        self.shared.lock().record.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What has been recorded so far; empty when nothing is.
    pub fn recorded(&self) -> Vec<Spoken> {
        self.shared.lock().record.clone().unwrap_or_default()
    }

    /// Plans a fault for the next frame of the host that has none; several are used up one a frame.
    pub fn plan(&self, fault: HostFault) {
        self.change(|state| state.faults.push_back(fault));
    }

    /// Faults that have not happened yet.
    pub fn planned(&self) -> usize {
        self.shared.lock().faults.len()
    }

    /// From now on the host's bytes come in such pieces.
    pub fn set_pieces(&self, pieces: Pieces) {
        self.change(|state| state.pieces = pieces);
    }

    /// Says these bytes to the board at once, as if they came from the host.
    pub fn inject(&self, bytes: &[u8]) {
        self.change(|state| state.injected.extend_from_slice(bytes));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.lock());
        // A full pipe means that the worker has been woken already.
        let _ = io::Write::write(&mut &self.waker, &[0]);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.change(|state| state.ends = true);
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("device", &self.device).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Worker {
    master: OwnedFd,
    woken: UnixStream,
    shared: Arc<Shared>,
    board: Option<UnixStream>,
    host_frames: Splitter,
    board_frames: Splitter,
    /// Bytes of the host's present frame, held back as long as a fault or the pieces want them whole.
    gathered: Vec<u8>,
    to_board: VecDeque<u8>,
    to_host: VecDeque<u8>,
    pieces: Pieces,
    /// When the next byte may go to the board.
    next_at: Option<Instant>,
}

/// What a line has brought.
enum Heard {
    Nothing,
    Bytes(usize),
    End,
}

impl Worker {
    fn new(master: OwnedFd, woken: UnixStream, shared: Arc<Shared>) -> Self {
        Self {
            master,
            woken,
            shared,
            board: None,
            host_frames: Splitter::default(),
            board_frames: Splitter::default(),
            gathered: Vec::new(),
            to_board: VecDeque::new(),
            to_host: VecDeque::new(),
            pieces: Pieces::AsWritten,
            next_at: None,
        }
    }

    fn run(mut self) {
        let mut buffer = [0; 4_096];
        loop {
            {
                let shared = Arc::clone(&self.shared);
                let mut state = shared.lock();
                if state.ends {
                    return;
                }
                if let Some(board) = state.board.take() {
                    self.board = Some(board);
                    self.to_board.clear();
                    self.gathered.clear();
                    self.board_frames = Splitter::default();
                }
                self.to_board.extend(state.injected.drain(..));
                self.pieces = state.pieces;
            }
            self.send_to_board();
            self.send_to_host();
            if self.wait().is_err() {
                return;
            }
            // The bytes of the waker say nothing but their being there.
            while matches!(hear(&self.woken, &mut buffer), Heard::Bytes(_)) {}
            if self.to_board.len() < WAITING_BYTES_MAX
                && let Heard::Bytes(count) = hear(&self.master, &mut buffer)
            {
                self.host_says(&buffer[..count]);
            }
            if self.to_host.len() < WAITING_BYTES_MAX
                && let Some(board) = &self.board
            {
                match hear(board, &mut buffer) {
                    Heard::Bytes(count) => self.board_says(&buffer[..count]),
                    Heard::Nothing => {}
                    Heard::End => {
                        self.board = None;
                        self.shared.lock().is_board_gone = true;
                    }
                }
            }
        }
    }

    /// Waits until anything can go on.
    fn wait(&self) -> io::Result<()> {
        let wanted = |reads: bool, writes: bool| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, reads);
            flags.set(PollFlags::OUT, writes);
            flags
        };
        let host = wanted(self.to_board.len() < WAITING_BYTES_MAX, !self.to_host.is_empty());
        let mut files = vec![PollFd::new(&self.woken, PollFlags::IN), PollFd::new(&self.master, host)];
        if let Some(board) = &self.board {
            let writes = !self.to_board.is_empty() && self.next_at.is_none();
            files.push(PollFd::new(board, wanted(self.to_host.len() < WAITING_BYTES_MAX, writes)));
        }
        let limit = self.next_at.map(|at| at.saturating_duration_since(Instant::now()));
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match poll(&mut files, limit.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn host_says(&mut self, bytes: &[u8]) {
        let mut state = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.pieces = state.pieces;
        let at = Instant::now();
        for byte in bytes {
            self.gathered.push(*byte);
            let mut ended = false;
            let record = &mut state.record;
            self.host_frames.push(*byte, |frame| {
                ended = true;
                if let Some(record) = record {
                    record.push(Spoken { by: Speaker::Host, frame, at });
                }
            });
            if ended {
                let mut frame = std::mem::take(&mut self.gathered);
                match state.faults.pop_front() {
                    None => {}
                    Some(HostFault::Noise(noise)) => {
                        frame.splice(..0, noise);
                    }
                    Some(HostFault::Cut { bytes }) => frame.truncate(bytes),
                    Some(HostFault::Flip { byte, bits }) => {
                        if let Some(byte) = frame.get_mut(byte) {
                            *byte ^= bits;
                        }
                    }
                    Some(HostFault::Twice) => frame.extend_from_within(..),
                }
                self.to_board.extend(frame);
            }
        }
        if state.faults.is_empty() && self.pieces != Pieces::WholeFrames {
            self.to_board.extend(self.gathered.drain(..));
        }
        drop(state);
        if self.board.is_none() {
            // Nobody is there; it is lost as on a line without a reader.
            self.to_board.clear();
        }
        self.send_to_board();
    }

    fn board_says(&mut self, bytes: &[u8]) {
        {
            let mut state = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
            let at = Instant::now();
            if let Some(record) = &mut state.record {
                for frame in self.board_frames.frames(bytes) {
                    record.push(Spoken { by: Speaker::Board, frame, at });
                }
            }
        }
        self.to_host.extend(bytes);
        self.send_to_host();
    }

    fn send_to_board(&mut self) {
        let Some(board) = &self.board else {
            self.to_board.clear();
            self.next_at = None;
            return;
        };
        if self.next_at.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.next_at = None;
        match self.pieces {
            Pieces::OneByOne { interval_us } => {
                if let Some(byte) = self.to_board.front() {
                    if say(board, &[*byte]) == 1 {
                        self.to_board.pop_front();
                    }
                    self.next_at = Some(Instant::now() + Duration::from_micros(interval_us));
                }
            }
            Pieces::AsWritten | Pieces::WholeFrames => {
                let said = say(board, self.to_board.make_contiguous());
                self.to_board.drain(..said);
            }
        }
    }

    fn send_to_host(&mut self) {
        let said = say(&self.master, self.to_host.make_contiguous());
        self.to_host.drain(..said);
    }
}

fn hear(file: impl AsFd, buffer: &mut [u8]) -> Heard {
    match rustix::io::read(file, buffer) {
        Ok(0) => Heard::End,
        Ok(count) => Heard::Bytes(count),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Heard::Nothing,
        Err(_) => Heard::End,
    }
}

/// Writes what is taken at once; how many bytes that are. A line that has hung up takes nothing, which shows when
/// it is heard.
fn say(file: impl AsFd, bytes: &[u8]) -> usize {
    if bytes.is_empty() { 0 } else { rustix::io::write(file, bytes).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::board::frame::framed;
    use std::{
        fs::File,
        io::{Read, Write},
    };

    fn status(sequence: u8) -> Vec<u8> {
        vec![0x65, 0, 0, 0, 0, 0, sequence, 0, 0, 0]
    }

    /// A relay, the board's end of it, and the host's.
    fn line() -> (Relay, UnixStream, File) {
        let (board, far) = UnixStream::pair().unwrap();
        far.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let relay = Relay::start(board).unwrap();
        let host = File::options().read(true).write(true).open(relay.device()).unwrap();
        (relay, far, host)
    }

    fn heard(from: &mut impl Read, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        from.read_exact(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn bytes_go_both_ways_and_are_recorded() {
        let (relay, mut board, mut host) = line();
        board.write_all(&[0x50, 0x03]).unwrap();
        assert_eq!(heard(&mut host, 2), [0x50, 0x03], "nothing is echoed or held back");
        relay.record();
        let every: Vec<u8> = (0..=255).collect();
        host.write_all(&framed(&status(1))).unwrap();
        assert_eq!(heard(&mut board, 13), framed(&status(1)));
        let answer = [&[0x80, 0, 1, 0, 0, 0, 1, 0, 0, 0], &every[..]].concat();
        board.write_all(&framed(&answer)).unwrap();
        assert_eq!(heard(&mut host, answer.len() + 3), framed(&answer));
        let record = relay.take_record();
        let spoken: Vec<_> =
            record.iter().map(|spoken| (spoken.by, spoken.frame.message().unwrap())).collect();
        assert_eq!(spoken, [(Speaker::Host, &status(1)[..]), (Speaker::Board, &answer[..])]);
        assert!(record[0].at <= record[1].at);
    }

    #[test]
    fn faults_happen_once_and_in_order() {
        let (relay, mut board, mut host) = line();
        let good = framed(&status(1));
        relay.plan(HostFault::Noise(vec![0xAA, 0x03]));
        relay.plan(HostFault::Cut { bytes: 5 });
        relay.plan(HostFault::Flip { byte: 2, bits: 0x0F });
        relay.plan(HostFault::Twice);
        for _ in 0..5 {
            host.write_all(&good).unwrap();
        }
        let mut flipped = good.clone();
        flipped[2] ^= 0x0F;
        let expected = [&[0xAA, 0x03][..], &good, &good[..5], &flipped, &good, &good, &good].concat();
        assert_eq!(heard(&mut board, expected.len()), expected);
        assert_eq!(relay.planned(), 0);
        relay.inject(&[1, 2, 3]);
        assert_eq!(heard(&mut board, 3), [1, 2, 3]);
    }

    #[test]
    fn pieces() {
        let (relay, mut board, mut host) = line();
        let good = framed(&status(1));
        relay.set_pieces(Pieces::OneByOne { interval_us: 2_000 });
        let begin = Instant::now();
        host.write_all(&good).unwrap();
        let mut largest = 0;
        let mut bytes = [0; 64];
        let mut all = Vec::new();
        while all.len() < good.len() {
            let count = board.read(&mut bytes).unwrap();
            largest = largest.max(count);
            all.extend_from_slice(&bytes[..count]);
        }
        assert_eq!(all, good);
        assert!(begin.elapsed() >= Duration::from_millis(22), "{:?}", begin.elapsed());
        relay.set_pieces(Pieces::WholeFrames);
        let (first, rest) = good.split_at(7);
        host.write_all(first).unwrap();
        host.flush().unwrap();
        board.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert!(board.read(&mut bytes).is_err(), "half a frame waits");
        host.write_all(rest).unwrap();
        board.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert_eq!(board.read(&mut bytes).unwrap(), good.len());
    }

    #[test]
    fn the_line_outlives_its_board() {
        let (relay, board, mut host) = line();
        drop(board);
        let end = Instant::now() + Duration::from_secs(20);
        while !relay.is_board_gone() && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(relay.is_board_gone());
        host.write_all(&framed(&status(1))).unwrap();
        let (next, mut far) = UnixStream::pair().unwrap();
        far.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        relay.connect(next).unwrap();
        assert!(!relay.is_board_gone());
        far.write_all(&[0x50, 0x02]).unwrap();
        assert_eq!(heard(&mut host, 2), [0x50, 0x02]);
        host.write_all(&framed(&status(2))).unwrap();
        assert_eq!(heard(&mut far, 13), framed(&status(2)), "what was said to nobody is lost");
    }
}
