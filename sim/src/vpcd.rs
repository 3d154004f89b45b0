//! A chip behind pcscd: client of the virtual reader driver vpcd.
//!
//! vpcd listens on one TCP port per slot. Connecting is inserting a card, closing is pulling it. Both
//! directions carry a length of two bytes, most significant first, and that many bytes; one byte alone
//! is a control message. vpcd asks for the answer to reset every 400 ms to see whether the card is there.

use std::{
    fmt,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    chip::SharedChip,
    error::SimError,
    fault::{Contact, Plan},
};

/// Limit for vpcd to take a connection; it does so when it next looks whether a card is there.
pub const CONNECT_TIMEOUT_MS: u64 = 5_000;

/// Limit of one try to get back to a driver that hung up, and the pause between two tries.
const RECONNECT_TIMEOUT_MS: u64 = 500;
const RECONNECT_INTERVAL_MS: u64 = 20;

const CONTROL_OFF: u8 = 0x00;
const CONTROL_ON: u8 = 0x01;
const CONTROL_RESET: u8 = 0x02;
const CONTROL_ATR: u8 = 0x04;

/// One slot of the virtual reader, with or without a card.
///
/// Dropping it pulls the card.
pub struct Reader {
    address: SocketAddr,
    inserted: Mutex<Option<Inserted>>,
}

struct Inserted {
    contact: Arc<Mutex<Contact>>,
    line: Arc<Line>,
    worker: JoinHandle<()>,
}

/// The connection as both the worker and whoever pulls the card see it.
struct Line {
    stream: Mutex<Option<TcpStream>>,
    pulled: AtomicBool,
}

/// How one insertion went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Insertion {
    /// Commands that were sent to the card.
    pub commands: u32,
    /// Planned faults that happened.
    pub fired: u32,
}

impl Reader {
    /// A slot whose driver listens at `address`, empty at first.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, inserted: Mutex::new(None) }
    }

    /// Inserts a chip; nothing goes wrong with it.
    ///
    /// Errors: `Occupied`; `Io` when vpcd does not listen or does not take the connection.
    pub fn insert(&self, chip: SharedChip) -> Result<(), SimError> {
        self.insert_with(chip, Plan::none())
    }

    /// Inserts a chip with faults that happen until it is pulled.
    ///
    /// Errors: as [`Reader::insert`].
    pub fn insert_with(&self, chip: SharedChip, plan: Plan) -> Result<(), SimError> {
        let mut inserted = lock(&self.inserted);
        if inserted.as_ref().is_some_and(|card| !card.worker.is_finished()) {
            return Err(SimError::Occupied);
        }
        let stream = connect(self.address, CONNECT_TIMEOUT_MS)
            .map_err(SimError::io("connecting to the virtual reader"))?;
        let contact = Arc::new(Mutex::new(Contact::new(chip, plan)));
        let line = Arc::new(Line {
            stream: Mutex::new(Some(stream.try_clone().map_err(SimError::io("sharing the connection"))?)),
            pulled: AtomicBool::new(false),
        });
        let worker = thread::Builder::new()
            .name("card in reader".to_owned())
            .spawn({
                let (contact, line, address) = (Arc::clone(&contact), Arc::clone(&line), self.address);
                move || serve(stream, address, &contact, &line)
            })
            .map_err(SimError::io("starting a thread for the card"))?;
        *inserted = Some(Inserted { contact, line, worker });
        Ok(())
    }

    /// Pulls the card and says how its stay went; `None` when the slot was empty.
    ///
    /// A card that a fault has already torn out counts as inserted until this call.
    pub fn pull(&self) -> Option<Insertion> {
        let card = lock(&self.inserted).take()?;
        card.line.pulled.store(true, Ordering::SeqCst);
        if let Some(stream) = lock(&card.line.stream).take() {
            // An already closed connection is what we want.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // The worker ends with the connection; it panics only together with the chip inside it.
        let _ = card.worker.join();
        let contact = lock(&card.contact);
        Some(Insertion { commands: contact.commands(), fired: contact.fired() })
    }

    /// Whether a card is in contact. False after a fault has torn it out.
    pub fn is_inserted(&self) -> bool {
        lock(&self.inserted).as_ref().is_some_and(|card| !card.worker.is_finished())
    }

    /// How the present insertion goes so far.
    pub fn insertion(&self) -> Option<Insertion> {
        let inserted = lock(&self.inserted);
        let contact = lock(&inserted.as_ref()?.contact);
        Some(Insertion { commands: contact.commands(), fired: contact.fired() })
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.pull();
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Why a conversation with the driver ended.
enum Ended {
    /// A planned fault has torn the card out.
    Torn,
    /// The driver hung up: it drops a mute card, and pcscd may have ended. The card is still in the slot.
    Dropped,
}

fn serve(mut stream: TcpStream, address: SocketAddr, contact: &Mutex<Contact>, line: &Line) {
    loop {
        let ended = converse(&mut stream, contact).unwrap_or(Ended::Dropped);
        lock(contact).power_off();
        // A connection that is closed already needs no closing.
        let _ = stream.shutdown(Shutdown::Both);
        if matches!(ended, Ended::Torn) {
            return;
        }
        stream = loop {
            if line.pulled.load(Ordering::SeqCst) {
                return;
            }
            match connect(address, RECONNECT_TIMEOUT_MS) {
                Ok(again) => break again,
                Err(_) => thread::sleep(Duration::from_millis(RECONNECT_INTERVAL_MS)),
            }
        };
        let Ok(shared) = stream.try_clone() else { return };
        *lock(&line.stream) = Some(shared);
        if line.pulled.load(Ordering::SeqCst) {
            return;
        }
    }
}

fn converse(stream: &mut TcpStream, contact: &Mutex<Contact>) -> io::Result<Ended> {
    // What the answer to reset is asked for: after power-on the reset's own, else mere presence.
    let mut reset: Option<Option<Vec<u8>>> = None;
    loop {
        let mut length = [0; 2];
        receive(stream, &mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        receive(stream, &mut message)?;
        let mut contact = lock(contact);
        match message.as_slice() {
            [CONTROL_OFF] => {
                contact.power_off();
                reset = None;
            }
            [CONTROL_ON | CONTROL_RESET] => reset = Some(contact.power_on()),
            [CONTROL_ATR] => match reset.clone().unwrap_or_else(|| Some(contact.atr())) {
                Some(atr) => send(stream, &atr)?,
                None => {
                    send(stream, &[])?;
                    return Ok(Ended::Dropped);
                }
            },
            [] | [_] => {}
            command => {
                if reset.is_none() {
                    reset = Some(contact.power_on());
                }
                match contact.transmit(command) {
                    Ok(answer) => send(stream, &answer)?,
                    Err(_) => return Ok(Ended::Torn),
                }
            }
        }
    }
}

fn connect(address: SocketAddr, timeout_ms: u64) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, Duration::from_millis(timeout_ms))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Receives exactly these bytes. vpcd sends with Nagle's algorithm on: an acknowledgement that waits costs
/// 40 ms per command, and the kernel forgets the wish not to wait after every receive.
fn receive(stream: &mut TcpStream, bytes: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        rustix::net::sockopt::set_tcp_quickack(&*stream, true)?;
        match stream.read(&mut bytes[filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends length and bytes in one piece.
fn send(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let length = u16::try_from(bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    stream.write_all(&[&length.to_be_bytes(), bytes].concat())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::fault::{Fault, tests::Echo};
    use std::net::TcpListener;

    fn ask(stream: &mut TcpStream, message: &[u8]) -> io::Result<Vec<u8>> {
        send(stream, message)?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    }

    fn driver() -> (TcpListener, Reader) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let reader = Reader::new(listener.local_addr().unwrap());
        (listener, reader)
    }

    #[test]
    fn messages_of_the_driver() {
        let (listener, reader) = driver();
        let chip = Arc::new(Mutex::new(Echo::default()));
        reader.insert(SharedChip::from_arc(Arc::clone(&chip))).unwrap();
        assert!(matches!(reader.insert(SharedChip::new(Echo::default())), Err(SimError::Occupied)));
        let (mut slot, _) = listener.accept().unwrap();
        assert_eq!(ask(&mut slot, &[CONTROL_ATR]).unwrap(), [0x3B, 0x00]);
        assert_eq!(chip.lock().unwrap().power_ups, 0, "a look at the card does not power it");
        send(&mut slot, &[CONTROL_ON]).unwrap();
        send(&mut slot, &[0x77]).unwrap();
        assert_eq!(ask(&mut slot, &[CONTROL_ATR]).unwrap(), [0x3B, 0x00]);
        assert_eq!(ask(&mut slot, &[0, 1, 2, 3]).unwrap(), [0, 1, 2, 3, 0x90, 0x00]);
        assert_eq!(reader.pull(), Some(Insertion { commands: 1, fired: 0 }));
        assert!(ask(&mut slot, &[CONTROL_ATR]).is_err(), "pulled is closed");
        assert!(!chip.lock().unwrap().on);
        assert_eq!(reader.pull(), None);
    }

    #[test]
    fn a_fault_tears_the_card_out() {
        let (listener, reader) = driver();
        reader.insert_with(SharedChip::new(Echo::default()), Fault::PullAfter { command: 2 }.into()).unwrap();
        let (mut slot, _) = listener.accept().unwrap();
        send(&mut slot, &[CONTROL_ON]).unwrap();
        assert!(ask(&mut slot, &[0, 1]).is_ok());
        assert!(ask(&mut slot, &[0, 2]).is_err());
        assert_eq!(reader.pull(), Some(Insertion { commands: 2, fired: 1 }));
    }

    #[test]
    fn a_mute_card_stays_in_the_slot() {
        let (listener, reader) = driver();
        reader.insert_with(SharedChip::new(Echo::default()), Fault::Mute.into()).unwrap();
        for _ in 0..3 {
            let (mut slot, _) = listener.accept().unwrap();
            assert_eq!(ask(&mut slot, &[CONTROL_ATR]).unwrap(), [0x3B, 0x00], "something is there");
            send(&mut slot, &[CONTROL_ON]).unwrap();
            assert_eq!(ask(&mut slot, &[CONTROL_ATR]).unwrap(), b"", "and says nothing");
        }
        drop(reader);
    }
}
