//! The panel of an emulated board: lamps and buzzer to look at, a case to open, a battery.
//!
//! The other end of `reader_protocol::emulated_panel`. A [`Panel`] outlives the boards that are attached to it, as
//! a battery does: what a board stores in its vault is there for the next one, and in a file for the next run
//! when one is named.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Write},
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use reader_protocol::{
    emulated_panel::{
        BUZZER, CHANCE, CHANCE_BYTES, CHANCE_WANTED, COUNTED, HELLO, LAMP, Message, Parser, STACK, SWITCH,
        VAULT, VAULT_STORE,
    },
    escape::{Event, Lamp},
    vault::{Contents, VAULT_BYTES},
};

use crate::{
    error::SimError,
    port::{Heard, Port},
};

/// Most changes of lamps and buzzer that are kept; the oldest go first.
pub const CHANGES_MAX: usize = 4_096;

/// What somebody in front of the terminal sees and hears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Green.
    pub ready: bool,
    /// Yellow.
    pub busy: bool,
    /// Red.
    pub fault: bool,
    /// The buzzer sounds.
    pub buzzer: bool,
}

/// How deep the stack of a board has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackUse {
    /// Most bytes that have ever been in use.
    pub used: u16,
    /// Bytes that there are.
    pub total: u16,
}

/// One change of lamps or buzzer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What is seen and heard from then on.
    pub signs: Signs,
    /// When, on the clock of the host.
    pub at: Instant,
}

/// The panel, to be held by whoever looks at it.
///
/// The case is closed at first, the vault erased. Dropping it lets the battery run out, but for the file.
pub struct Panel {
    shared: Arc<Shared>,
    attached: Mutex<Option<Attached>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    signs: Signs,
    changes: Vec<Change>,
    is_open: bool,
    vault: [u8; VAULT_BYTES],
    file: Option<PathBuf>,
    file_failure: Option<io::Error>,
    stores: u32,
    counted: BTreeMap<u8, u32>,
    stack: Option<StackUse>,
    chance: ChaCha8Rng,
    port: Option<Arc<Port>>,
}

struct Attached {
    port: Arc<Port>,
    worker: JoinHandle<()>,
}

impl Panel {
    /// A panel whose random bytes come from `seed`, with a dead battery: the vault is erased.
    pub fn new(seed: u64) -> Self {
        let state = State {
            signs: Signs::default(),
            changes: Vec::new(),
            is_open: false,
            vault: [0; VAULT_BYTES],
            file: None,
            file_failure: None,
            stores: 0,
            counted: BTreeMap::new(),
            stack: None,
            chance: ChaCha8Rng::seed_from_u64(seed),
            port: None,
        };
        Self {
            shared: Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }),
            attached: Mutex::new(None),
        }
    }

    /// The same with the vault in this file, which is made when it is not there, for its owner only.
    ///
    /// Errors: `Io`; `Image` when the file has not the size of a vault.
    pub fn open(path: &Path, seed: u64) -> Result<Self, SimError> {
        let panel = Self::new(seed);
        let mut state = panel.shared.lock();
        match fs::read(path) {
            Ok(bytes) => {
                state.vault = bytes.try_into().map_err(|_| SimError::Image {
                    problem: format!("{} is not the {VAULT_BYTES} bytes of a vault", path.display()),
                })?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(SimError::file("reading the vault", path)(error)),
        }
        state.file = Some(path.to_owned());
        drop(state);
        Ok(panel)
    }

    /// Speaks over this stream from now on. A board that was attached before is left.
    ///
    /// Errors: `Io`.
    pub fn attach(&self, stream: impl Into<OwnedFd>) -> Result<(), SimError> {
        self.detach();
        let port = Arc::new(Port::new(stream.into()).map_err(SimError::io("preparing the panel's line"))?);
        {
            let mut state = self.shared.lock();
            state.port = Some(Arc::clone(&port));
            state.counted.clear();
            state.show(Signs::default());
            state.greet();
            self.shared.changed.notify_all();
        }
        let worker = thread::Builder::new()
            .name("panel of a board".to_owned())
            .spawn({
                let (shared, port) = (Arc::clone(&self.shared), Arc::clone(&port));
                move || serve(&shared, &port)
            })
            .map_err(SimError::io("starting a thread for the panel"))?;
        *lock(&self.attached) = Some(Attached { port, worker });
        Ok(())
    }

    /// Leaves the board. Vault and case stay as they are.
    pub fn detach(&self) {
        let Some(attached) = lock(&self.attached).take() else { return };
        attached.port.close();
        // It cannot panic but together with the lock, which everybody takes as it is.
        let _ = attached.worker.join();
    }

    /// What is seen and heard now.
    pub fn signs(&self) -> Signs {
        self.shared.lock().signs
    }

    /// All changes of lamps and buzzer since the last call, at most [`CHANGES_MAX`].
    pub fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.shared.lock().changes)
    }

    /// Waits until lamps and buzzer are as wanted; whether that came true in time.
    pub fn wait(&self, wanted: impl Fn(Signs) -> bool, timeout_ms: u64) -> bool {
        self.wait_for(|state| wanted(state.signs), timeout_ms)
    }

    /// Opens the case.
    pub fn open_case(&self) {
        self.switch(true);
    }

    /// Closes the case.
    pub fn close_case(&self) {
        self.switch(false);
    }

    /// Whether the case is open.
    pub fn is_case_open(&self) -> bool {
        self.shared.lock().is_open
    }

    /// What the board keeps; `None` when the vault is erased or damaged. It holds the secret shared with the
    /// terminal, if there is one.
    pub fn vault(&self) -> Option<Contents> {
        Contents::from_bytes(&self.shared.lock().vault)
    }

    /// Takes the battery out: the vault is erased, and the board finds that at its next start.
    pub fn take_battery_out(&self) {
        self.set_vault([0; VAULT_BYTES]);
    }

    /// Puts these bytes into the vault, for a board that starts on a damaged one.
    pub fn set_vault(&self, vault: [u8; VAULT_BYTES]) {
        let mut state = self.shared.lock();
        state.vault = vault;
        state.keep();
    }

    /// How often boards have stored their vault.
    pub fn stores(&self) -> u32 {
        self.shared.lock().stores
    }

    /// Waits until boards have stored their vault so often; whether that came true in time.
    pub fn wait_stores(&self, stores: u32, timeout_ms: u64) -> bool {
        self.wait_for(|state| state.stores >= stores, timeout_ms)
    }

    /// Why the vault's file could not be written the last time, if it could not.
    pub fn take_file_failure(&self) -> Option<io::Error> {
        self.shared.lock().file_failure.take()
    }

    /// How often the board says that something has happened since it was attached.
    pub fn counted(&self, event: Event) -> u32 {
        self.shared.lock().counted.get(&event.byte()).copied().unwrap_or(0)
    }

    /// How deep the stack of the attached board has been, once it has said so; it looks twice a second.
    pub fn stack(&self) -> Option<StackUse> {
        self.shared.lock().stack
    }

    fn switch(&self, is_open: bool) {
        let mut state = self.shared.lock();
        state.is_open = is_open;
        state.say(SWITCH, &[u8::from(is_open)]);
    }

    fn wait_for(&self, is_true: impl Fn(&State) -> bool, timeout_ms: u64) -> bool {
        let end = Instant::now() + Duration::from_millis(timeout_ms);
        let mut state = self.shared.lock();
        while !is_true(&state) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        self.detach();
    }
}

impl fmt::Debug for Panel {
    /// Without the vault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Panel").field("signs", &self.signs()).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn say(&self, tag: u8, body: &[u8]) {
        if let Some(port) = &self.port {
            // A board that has gone is noticed by the thread that reads.
            let _ = port.write_all(&[&[tag], body].concat());
        }
    }

    fn greet(&mut self) {
        self.say(SWITCH, &[u8::from(self.is_open)]);
        self.say(VAULT, &self.vault);
        self.give_chance();
    }

    fn give_chance(&mut self) {
        let mut bytes = [0; CHANCE_BYTES];
        self.chance.fill_bytes(&mut bytes);
        self.say(CHANCE, &bytes);
    }

    fn show(&mut self, signs: Signs) {
        if self.signs == signs {
            return;
        }
        self.signs = signs;
        if self.changes.len() >= CHANGES_MAX {
            self.changes.remove(0);
        }
        self.changes.push(Change { signs, at: Instant::now() });
    }

    fn hear(&mut self, message: Message<'_>) {
        let mut signs = self.signs;
        match (message.tag, message.body) {
            (LAMP, [lamp, light]) => match Lamp::from_byte(*lamp) {
                Some(Lamp::Ready) => signs.ready = *light != 0,
                Some(Lamp::Busy) => signs.busy = *light != 0,
                Some(Lamp::Fault) => signs.fault = *light != 0,
                None => {}
            },
            (BUZZER, [sounds]) => signs.buzzer = *sounds != 0,
            (VAULT_STORE, vault) => {
                if let Ok(vault) = vault.try_into() {
                    self.vault = vault;
                    self.stores = self.stores.saturating_add(1);
                    self.keep();
                }
            }
            (HELLO, _) => {
                self.counted.clear();
                self.stack = None;
                self.greet();
            }
            (CHANCE_WANTED, _) => self.give_chance(),
            (COUNTED, [event, a, b, c, d]) => {
                self.counted.insert(*event, u32::from_le_bytes([*a, *b, *c, *d]));
            }
            (STACK, [a, b, c, d]) => {
                let (used, total) = (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
                self.stack = Some(StackUse { used, total });
            }
            // The panel's own tags are no messages of a board.
            _ => {}
        }
        self.show(signs);
    }

    /// Writes the vault to its file, whole or not at all.
    fn keep(&mut self) {
        let Some(path) = self.file.clone() else { return };
        self.file_failure = write_whole(&path, &self.vault).err();
    }
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn serve(shared: &Shared, port: &Port) {
    let mut parser = Parser::new();
    let mut bytes = [0; 1_024];
    loop {
        match port.read(&mut bytes, None) {
            Heard::Bytes(count) => {
                let mut state = shared.lock();
                for byte in bytes.get(..count).unwrap_or_default() {
                    if let Some(message) = parser.push(*byte) {
                        state.hear(message);
                    }
                }
                shared.changed.notify_all();
            }
            Heard::Woken | Heard::Nothing => {}
            Heard::Ended => break,
        }
    }
    let mut state = shared.lock();
    state.port = None;
    // Lamps are dark without a board.
    state.show(Signs::default());
    shared.changed.notify_all();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
