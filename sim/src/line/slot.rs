//! The slot as a hand sees it, and the thread that speaks for its card.

use std::{
    fmt,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Counters, Manner, Misuse, conversation::Line};
use crate::{
    chip::SharedChip,
    error::SimError,
    fault::Plan,
    port::{Heard, Port},
    vpcd::Insertion,
};

/// Limit of [`Slot::connect`].
pub const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// Pause between two tries to connect.
const CONNECT_INTERVAL_MS: u64 = 5;
/// Bytes taken from the board at once.
const READ_BYTES_MAX: usize = 4_096;

/// How fast the line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// Time is only counted.
    #[default]
    Counted,
    /// Characters and silences take as long as they would. Deadlines are absolute within an exchange, so that
    /// late awakenings do not add up.
    Real,
}

/// One card slot of an emulated board, with or without a card, with or without a board.
///
/// The card stays in the slot when the board goes away, and is without power until the next one comes.
/// Dropping the slot pulls the card.
pub struct Slot {
    shared: Arc<Shared>,
    attached: Mutex<Option<Attached>>,
}

struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    line: Line,
    /// Moment on the wall and moment of the line that belong together.
    anchor: Option<(Instant, u64)>,
    port: Option<Arc<Port>>,
}

struct Attached {
    port: Arc<Port>,
    worker: JoinHandle<()>,
}

impl Slot {
    /// An empty slot without a board.
    pub fn new() -> Self {
        Self { shared: Arc::new(Shared(Mutex::default())), attached: Mutex::new(None) }
    }

    /// Connects to the board's card UART at this unix socket, waiting at most [`CONNECT_TIMEOUT_MS`] for it to
    /// appear. A board that was attached before is left.
    ///
    /// Errors: `Io`.
    pub fn connect(&self, path: &Path) -> Result<(), SimError> {
        let end = Instant::now() + Duration::from_millis(CONNECT_TIMEOUT_MS);
        let stream = loop {
            match UnixStream::connect(path) {
                Ok(stream) => break stream,
                Err(_) if Instant::now() < end => thread::sleep(Duration::from_millis(CONNECT_INTERVAL_MS)),
                Err(error) => return Err(SimError::file("connecting to the board's card line", path)(error)),
            }
        };
        self.attach(stream)
    }

    /// Speaks over this stream (socket or terminal) from now on. A board that was attached before is left.
    ///
    /// Errors: `Io`.
    pub fn attach(&self, stream: impl Into<OwnedFd>) -> Result<(), SimError> {
        self.detach();
        let port = Arc::new(Port::new(stream.into()).map_err(SimError::io("preparing the card line"))?);
        {
            let mut state = self.shared.lock();
            state.port = Some(Arc::clone(&port));
            state.line.begin();
        }
        let worker = thread::Builder::new()
            .name("card at a line".to_owned())
            .spawn({
                let (shared, port) = (Arc::clone(&self.shared), Arc::clone(&port));
                move || serve(&shared, &port)
            })
            .map_err(SimError::io("starting a thread for the card"))?;
        *lock(&self.attached) = Some(Attached { port, worker });
        Ok(())
    }

    /// Leaves the board; the card loses its power and stays in the slot.
    pub fn detach(&self) {
        let Some(attached) = lock(&self.attached).take() else { return };
        attached.port.close();
        // It panics only together with the chip inside it.
        let _ = attached.worker.join();
    }

    /// Whether a board is at the other end.
    pub fn is_attached(&self) -> bool {
        lock(&self.attached).as_ref().is_some_and(|attached| !attached.worker.is_finished())
    }

    /// Inserts a chip; nothing goes wrong with it.
    ///
    /// Errors: `Occupied`.
    pub fn insert(&self, chip: SharedChip) -> Result<(), SimError> {
        self.insert_card(chip, Manner::default())
    }

    /// Inserts a chip with faults at its commands that happen until it is pulled.
    ///
    /// Errors: `Occupied`.
    pub fn insert_with(&self, chip: SharedChip, plan: Plan) -> Result<(), SimError> {
        self.insert_card(chip, Manner::default().chip_faults(plan))
    }

    /// Inserts a chip that behaves in this manner at the line.
    ///
    /// Errors: `Occupied`; `Personalise` when the answer to reset that it should give cannot be made.
    pub fn insert_card(&self, chip: SharedChip, manner: Manner) -> Result<(), SimError> {
        let mut state = self.shared.lock();
        if state.line.is_inserted() {
            return Err(SimError::Occupied);
        }
        if !state.line.insert(chip, manner) {
            return Err(SimError::Personalise { problem: "an answer to reset of this kind".to_owned() });
        }
        state.call();
        Ok(())
    }

    /// Pulls the card and says how its stay went; `None` when the slot was empty.
    ///
    /// A card that a fault has already torn out counts as inserted until this call.
    pub fn pull(&self) -> Option<Insertion> {
        let mut state = self.shared.lock();
        let insertion = state.line.pull();
        state.call();
        insertion
    }

    /// Whether a card is in contact. False after a fault has torn it out.
    pub fn is_inserted(&self) -> bool {
        self.shared.lock().line.is_inserted()
    }

    /// How the present insertion goes so far; faults of both kinds count.
    pub fn insertion(&self) -> Option<Insertion> {
        self.shared.lock().line.insertion()
    }

    /// Whether time is only counted (as at first) or spent.
    pub fn set_pace(&self, pace: Pace) {
        let mut state = self.shared.lock();
        state.line.is_paced = pace == Pace::Real;
        state.anchor = None;
        state.call();
    }

    /// What has gone over the line since the slot was made.
    pub fn counters(&self) -> Counters {
        self.shared.lock().line.counters
    }

    /// What the board has done wrong at the contacts, the first 64 of it.
    pub fn misuses(&self) -> Vec<Misuse> {
        self.shared.lock().line.misuses.clone()
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.pull();
        self.detach();
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("is_inserted", &self.is_inserted()).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl State {
    /// What is due to be said, and when more will be.
    fn go_on(&mut self) -> (Vec<u8>, Option<Instant>) {
        let mut bytes = Vec::new();
        loop {
            self.line.pump();
            if std::mem::take(&mut self.line.begins) {
                self.anchor = None;
            }
            let Some(said) = self.line.out.front() else { return (bytes, None) };
            if self.line.is_paced {
                let now = Instant::now();
                let (wall, line_ns) = *self.anchor.get_or_insert((now, said.begins_ns));
                let due = wall + Duration::from_nanos(said.ends_ns.saturating_sub(line_ns));
                if due > now {
                    return (bytes, Some(due));
                }
            }
            bytes.extend(self.line.out.pop_front().into_iter().flat_map(|said| said.bytes));
        }
    }

    /// Lets the thread that speaks look at what there is to say. Only it writes, so that a board that does not
    /// listen holds nobody else up.
    fn call(&self) {
        if let Some(port) = &self.port {
            port.wake();
        }
    }
}

fn serve(shared: &Shared, port: &Port) {
    let mut bytes = [0; READ_BYTES_MAX];
    loop {
        let (said, next) = shared.lock().go_on();
        if port.write_all(&said).is_err() {
            break;
        }
        match port.read(&mut bytes, next) {
            Heard::Bytes(count) => shared.lock().line.hear(bytes.get(..count).unwrap_or_default()),
            Heard::Woken | Heard::Nothing => {}
            Heard::Ended => break,
        }
    }
    let mut state = shared.lock();
    state.line.end();
    state.port = None;
    state.anchor = None;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
