//! A daemon that speaks pcscd's protocol to the real libpcsclite, and does what a test wants: readers come
//! and go, connections break, answers stay away. None of that can be had from the real pcscd on demand.
//!
//! Source of the protocol: pcsc-lite 1.9.9, `winscard_msg.h` (version 4.4) and `eventhandler.h`.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

const NAME_BYTES: usize = 128;
const ATR_BYTES: usize = 33;
const READERS: usize = 16;

pub(crate) const ESTABLISH: u32 = 0x01;
const RELEASE: u32 = 0x02;
pub(crate) const CONNECT: u32 = 0x04;
const RECONNECT: u32 = 0x05;
const DISCONNECT: u32 = 0x06;
pub(crate) const TRANSMIT: u32 = 0x09;
const STATUS: u32 = 0x0B;
const VERSION: u32 = 0x11;
const STATES: u32 = 0x12;
const WAIT: u32 = 0x13;
const STOP_WAITING: u32 = 0x14;

const ABSENT: u32 = 0x02;
const PRESENT_POWERED_NEGOTIABLE: u32 = 0x04 | 0x10 | 0x20;
const T0: u32 = 1;

const NO_SMARTCARD: u32 = 0x8010_000C;
const UNKNOWN_READER: u32 = 0x8010_0009;

/// What the daemon shows of a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FakeReader {
    pub(crate) event_count: u32,
    pub(crate) atr: Option<Vec<u8>>,
}

/// How the daemon behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Willing,
    /// Takes connections and says nothing to this command, nor to any later one of the connection.
    SilentAt(u32),
    /// Takes connections and closes them.
    Refusing,
    /// Answers this command with this error.
    Error(u32, u32),
}

/// The daemon; it ends with its last clone and with [`Daemon::stop`].
#[derive(Clone)]
pub(crate) struct Daemon(Arc<Shared>);

struct Shared {
    path: PathBuf,
    state: Mutex<State>,
    running: AtomicBool,
    handles: AtomicU32,
    /// Messages until the connection that gets the last of them is closed; 0 is never.
    fuse: AtomicUsize,
    transmitted: AtomicUsize,
}

struct State {
    readers: BTreeMap<String, FakeReader>,
    mood: Mood,
    clients: Vec<UnixStream>,
    waiting: Vec<UnixStream>,
}

impl Daemon {
    /// Listens at `pcscd.comm` in the directory.
    pub(crate) fn start(directory: &Path) -> Self {
        let daemon = Daemon(Arc::new(Shared {
            path: directory.join("pcscd.comm"),
            state: Mutex::new(State {
                readers: BTreeMap::new(),
                mood: Mood::Willing,
                clients: Vec::new(),
                waiting: Vec::new(),
            }),
            running: AtomicBool::new(false),
            handles: AtomicU32::new(1),
            fuse: AtomicUsize::new(0),
            transmitted: AtomicUsize::new(0),
        }));
        daemon.listen();
        daemon
    }

    /// Listens (again).
    pub(crate) fn listen(&self) {
        let _ = std::fs::remove_file(&self.0.path);
        let listener = UnixListener::bind(&self.0.path).unwrap();
        listener.set_nonblocking(true).unwrap();
        self.0.running.store(true, Ordering::SeqCst);
        let shared = Arc::clone(&self.0);
        thread::spawn(move || {
            while shared.running.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((client, _)) => {
                        client.set_nonblocking(false).unwrap();
                        let shared = Arc::clone(&shared);
                        shared.lock().clients.push(client.try_clone().unwrap());
                        thread::spawn(move || {
                            let _ = shared.serve(&client);
                            let _ = client.shutdown(Shutdown::Both);
                        });
                    }
                    Err(_) => thread::sleep(Duration::from_millis(1)),
                }
            }
        });
    }

    /// Ends like a killed pcscd: every connection breaks, nobody listens.
    pub(crate) fn stop(&self) {
        self.0.running.store(false, Ordering::SeqCst);
        self.hang_up();
        let _ = std::fs::remove_file(&self.0.path);
    }

    /// Breaks every connection.
    pub(crate) fn hang_up(&self) {
        let mut state = self.0.lock();
        for client in state.clients.drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
        state.waiting.clear();
    }

    pub(crate) fn set_mood(&self, mood: Mood) {
        self.0.lock().mood = mood;
    }

    /// Closes the connection that gets the `messages`-th message from now, instead of answering it.
    pub(crate) fn set_fuse(&self, messages: usize) {
        self.0.fuse.store(messages, Ordering::SeqCst);
    }

    /// Commands that came for a card.
    pub(crate) fn transmitted(&self) -> usize {
        self.0.transmitted.load(Ordering::SeqCst)
    }

    pub(crate) fn readers(&self) -> BTreeMap<String, FakeReader> {
        self.0.lock().readers.clone()
    }

    /// Changes what there is, in one step, and wakes everybody who waits.
    pub(crate) fn change(&self, change: impl FnOnce(&mut BTreeMap<String, FakeReader>)) {
        let mut state = self.0.lock();
        change(&mut state.readers);
        for mut client in std::mem::take(&mut state.waiting) {
            let _ = client.write_all(&words(&[0, 0]));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut client: &UnixStream) -> io::Result<()> {
        let mut silent = false;
        loop {
            let mut header = [0; 8];
            client.read_exact(&mut header)?;
            let (size, command) = (word(&header, 0), word(&header, 4));
            let mut body = vec![0; size as usize];
            client.read_exact(&mut body)?;
            if self.fuse.load(Ordering::SeqCst) > 0 && self.fuse.fetch_sub(1, Ordering::SeqCst) == 1 {
                return Ok(());
            }
            let mut state = self.lock();
            match state.mood {
                Mood::Refusing => return Ok(()),
                Mood::SilentAt(at) if at == command => silent = true,
                Mood::Error(at, error) if at == command => {
                    drop(state);
                    if command == TRANSMIT {
                        client.read_exact(&mut vec![0; word(&body, 12) as usize])?;
                    }
                    let at = body.len() - 4;
                    body[at..].copy_from_slice(&error.to_ne_bytes());
                    client.write_all(&body)?;
                    continue;
                }
                _ => {}
            }
            if silent {
                continue;
            }
            match command {
                STATES => client.write_all(&state.table())?,
                WAIT => {
                    client.write_all(&state.table())?;
                    state.waiting.push(client.try_clone()?);
                }
                STOP_WAITING => {
                    let own = inode(client);
                    let before = state.waiting.len();
                    state.waiting.retain(|waiting| inode(waiting) != own);
                    if state.waiting.len() < before {
                        client.write_all(&words(&[0, 0]))?;
                    }
                }
                _ => {
                    let answer = self.answer(&mut state, command, &mut body, client)?;
                    client.write_all(&answer)?;
                }
            }
        }
    }

    fn answer(
        &self,
        state: &mut State,
        command: u32,
        body: &mut [u8],
        mut client: &UnixStream,
    ) -> io::Result<Vec<u8>> {
        let handle = || self.handles.fetch_add(1, Ordering::SeqCst).to_ne_bytes();
        match command {
            VERSION => {
                assert_eq!((word(body, 0), word(body, 4)), (4, 4), "libpcsclite speaks another protocol")
            }
            ESTABLISH => body[4..8].copy_from_slice(&handle()),
            CONNECT => {
                let name = body[4..4 + NAME_BYTES].split(|byte| *byte == 0).next().unwrap_or_default();
                let at = 4 + NAME_BYTES;
                let error = match state.readers.get(&*String::from_utf8_lossy(name)) {
                    None => UNKNOWN_READER,
                    Some(FakeReader { atr: None, .. }) => NO_SMARTCARD,
                    Some(_) => {
                        body[at + 8..at + 12].copy_from_slice(&handle());
                        body[at + 12..at + 16].copy_from_slice(&T0.to_ne_bytes());
                        0
                    }
                };
                body[at + 16..at + 20].copy_from_slice(&error.to_ne_bytes());
            }
            RECONNECT => body[16..20].copy_from_slice(&T0.to_ne_bytes()),
            TRANSMIT => {
                let mut said = vec![0; word(body, 12) as usize];
                client.read_exact(&mut said)?;
                self.transmitted.fetch_add(1, Ordering::SeqCst);
                said.extend([0x90, 0x00]);
                body[24..28].copy_from_slice(&(said.len() as u32).to_ne_bytes());
                return Ok([body, said.as_slice()].concat());
            }
            RELEASE | DISCONNECT | STATUS => {}
            other => panic!("libpcsclite sent command {other:#X}"),
        }
        Ok(body.to_vec())
    }
}

impl State {
    /// All reader states, as the library keeps them.
    fn table(&self) -> Vec<u8> {
        let mut table = Vec::new();
        for (name, reader) in &self.readers {
            let card = reader.atr.as_deref();
            let mut text = name.clone().into_bytes();
            text.resize(NAME_BYTES, 0);
            table.extend(text);
            let present = if card.is_some() { PRESENT_POWERED_NEGOTIABLE } else { ABSENT };
            table.extend(words(&[reader.event_count, present, 0]));
            let mut atr = card.unwrap_or_default().to_vec();
            let atr_bytes = atr.len() as u32;
            // Three bytes of padding follow.
            atr.resize(ATR_BYTES + 3, 0);
            table.extend(atr);
            table.extend(words(&[atr_bytes, if card.is_some() { T0 } else { 0 }]));
        }
        assert!(self.readers.len() <= READERS);
        table.resize(READERS * (NAME_BYTES + 12 + ATR_BYTES + 3 + 8), 0);
        table
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn inode(stream: &UnixStream) -> u64 {
    rustix::fs::fstat(stream).unwrap().st_ino
}
