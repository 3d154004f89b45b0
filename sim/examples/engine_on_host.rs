//! The firmware's engine on this machine, with the emulated board's lines and a simulated card, for counting.
//!
//! Asks a card for a challenge of 8 bytes so many times, over T=0 or T=1. Instructions are counted by callgrind,
//! inside of the engine's `poll` only; the difference between two runs is what the exchanges between them cost:
//!
//! ```text
//! cargo build --release -p jinbao-sim --example engine_on_host
//! for n in 100 1100; do
//!     valgrind --tool=callgrind --callgrind-out-file=/tmp/callgrind.$n --toggle-collect='*poll_counted*' \
//!         target/release/examples/engine_on_host t0 $n
//! done
//! ```
//!
//! It is polled every 20 µs and more, as the board is when bytes come, so polls that find nothing are counted too.

use std::{
    array,
    cell::RefCell,
    env,
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use card_spec::generation::Generation;
use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use emulated::{
    line::EmulatedContacts,
    panel::{Load, Output, Panel, Registers, Source, Switch},
};
use engine::{
    escape::{BoardFacts, Desk, Hardware, Parts},
    frame::SerialFrames,
    panel::Pins,
    personality::SEC1210,
    reader::Reader,
    time::Instant,
    update::NoUpdates,
};
use reader_protocol::{
    emulated_panel::MAKER_PUBLIC,
    escape::{Lamp, Personality, Serial},
};
use sim::{
    board::frame::{Splitter, framed},
    card::Card,
    chip::SharedChip,
    keys::TestKeys,
    line::{Manner, Slot, atr::Offer},
    module::Module,
    people::Population,
    personalise::CardOrder,
};

/// A UART of the board, at the end of a socket.
struct Port {
    socket: UnixStream,
    waiting: Vec<u8>,
}

impl Port {
    fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket, waiting: Vec::new() })
    }
}

impl ErrorType for Port {
    type Error = ErrorKind;
}

impl ReadReady for Port {
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        if self.waiting.is_empty() {
            // As much as the board's ring of a UART holds.
            let mut bytes = [0; 64];
            if let Ok(count) = self.socket.read(&mut bytes) {
                self.waiting.extend_from_slice(&bytes[..count]);
            }
        }
        Ok(!self.waiting.is_empty())
    }
}

impl Read for Port {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let count = buffer.len().min(self.waiting.len());
        for (place, byte) in buffer.iter_mut().zip(self.waiting.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

impl Write for Port {
    fn write(&mut self, buffer: &[u8]) -> Result<usize, ErrorKind> {
        // Sockets have room for more than anybody here leaves unread.
        self.socket.write(buffer).map_err(|_| ErrorKind::BrokenPipe)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl WriteReady for Port {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(true)
    }
}

/// What the board has beside its slots, as the emulated board has it.
struct Beside;

type Lit = Output<'static, Port>;

/// The panel lives as long as the program.
type SharedPanel = &'static RefCell<Panel<Port>>;

impl Hardware for Beside {
    type Sensor = Port;
    type Panel = Pins<Lit, Lit, Lit, Lit, Switch<'static, Port>>;
    type Vault = Registers<'static, Port>;
    type Chance = Source<'static, Port>;
    type Updates = NoUpdates;
}

type Board = Reader<SerialFrames<Port>, EmulatedContacts<Port>, Desk<Beside>, 2>;

fn board(host: Port, mut cards: Vec<Port>, sensor: Port, panel: Port) -> (Board, SharedPanel) {
    let panel: SharedPanel = Box::leak(Box::new(RefCell::new(Panel::new(panel))));
    let contacts: [_; 2] =
        array::from_fn(|_| EmulatedContacts::new(cards.remove(0), SEC1210.clock_khz * 1_000));
    let parts = Parts {
        sensor: Some(sensor),
        panel: Pins {
            ready: Output::new(panel, Load::Lamp(Lamp::Ready)),
            busy: Output::new(panel, Load::Lamp(Lamp::Busy)),
            fault: Output::new(panel, Load::Lamp(Lamp::Fault)),
            buzzer: Output::new(panel, Load::Buzzer),
            switch: Switch::new(panel),
        },
        vault: Registers::new(panel),
        chance: Source::new(panel),
        updates: NoUpdates,
    };
    let facts = BoardFacts {
        name: "engine on host",
        serial: Serial(*b"enginehost00"),
        version: [0; 3],
        rollback: 0,
        build: [0; 8],
        personality: Personality::Sec1210,
        slots: SEC1210.slots,
        maker: MAKER_PUBLIC,
    };
    (Reader::new(&SEC1210, SerialFrames::new(host, &SEC1210), contacts, Desk::new(facts, parts)), panel)
}

/// The engine's work; callgrind counts between entry and exit of this.
#[inline(never)]
fn poll_counted(board: &mut Board, now: Instant) -> Instant {
    board.poll(now)
}

/// The host's driver, as far as a measurement needs it.
struct Driver {
    line: UnixStream,
    frames: Splitter,
    sequence: u8,
}

impl Driver {
    /// Sends a command to the first slot and gives the data of its answer.
    fn ask(&mut self, kind: u8, parameter: u8, data: &[u8]) -> io::Result<Vec<u8>> {
        self.sequence = self.sequence.wrapping_add(1);
        let [low, high, ..] = data.len().to_le_bytes();
        let mut message = vec![kind, low, high, 0, 0, 0, self.sequence, parameter, 0, 0];
        message.extend_from_slice(data);
        self.line.write_all(&framed(&message))?;
        let mut bytes = [0; 4_096];
        loop {
            let count = self.line.read(&mut bytes)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            for frame in self.frames.frames(&bytes[..count]) {
                let Some(message) = frame.message() else { continue };
                match message[7] & 0xC0 {
                    0x00 => return Ok(message[10..].to_vec()),
                    0x40 => return Err(io::Error::other(format!("the board refuses: {:02X}", message[8]))),
                    // More time, please.
                    _ => {}
                }
            }
        }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let offer = match words.first().map(String::as_str) {
        Some("t0") => Offer::t0(),
        Some("t1") => Offer::t1(),
        _ => {
            eprintln!("engine_on_host t0|t1 EXCHANGES");
            return ExitCode::FAILURE;
        }
    };
    let exchanges = words.get(1).and_then(|count| count.parse().ok()).unwrap_or(100);
    match measure(offer, words[0] == "t1", exchanges) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(offer: Offer, is_t1: bool, exchanges: u64) -> io::Result<()> {
    let failed = |error: sim::error::SimError| io::Error::other(error.to_string());
    let (host, driver_line) = UnixStream::pair()?;
    let (card, card_line) = UnixStream::pair()?;
    let (psam, psam_line) = UnixStream::pair()?;
    let (finger, finger_line) = UnixStream::pair()?;
    let (panel, panel_line) = UnixStream::pair()?;
    let (slot, empty) = (Slot::new(), Slot::new());
    slot.attach(card_line).map_err(failed)?;
    empty.attach(psam_line).map_err(failed)?;
    let module = Module::new(1);
    module.attach(finger_line).map_err(failed)?;
    let lamps = sim::panel::Panel::new(1);
    lamps.attach(panel_line).map_err(failed)?;
    let person = Population::new(1, 1_000).person(7).ok_or(io::ErrorKind::NotFound)?;
    let order = CardOrder::new(&person, TestKeys::from_seed(1)).generation(Generation::Three);
    let chip = order.build().and_then(|image| Card::new(&image, 1)).map_err(failed)?;
    slot.insert_card(SharedChip::new(chip), Manner::default().offer(offer)).map_err(failed)?;

    let ends = Arc::new(AtomicBool::new(false));
    let polls = Arc::new(AtomicU64::new(0));
    let engine = {
        let (ends, polls) = (Arc::clone(&ends), Arc::clone(&polls));
        let ports = [host, card, psam, finger, panel].map(Port::new);
        let began = std::time::Instant::now();
        thread::spawn(move || -> io::Result<()> {
            let [host, card, psam, finger, panel] = ports;
            let (mut board, panel) = board(host?, vec![card?, psam?], finger?, panel?);
            while !ends.load(Ordering::Relaxed) {
                let _ = poll_counted(&mut board, Instant(began.elapsed().as_nanos() as u64));
                panel.borrow_mut().tell([board.trace(), board.services().trace()]);
                polls.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_micros(20));
            }
            Ok(())
        })
    };

    let mut driver = Driver { line: driver_line, frames: Splitter::default(), sequence: 0 };
    let atr = loop {
        match driver.ask(0x62, 1, &[]) {
            Ok(atr) => break atr,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(error),
            // The card has not settled in its slot yet.
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    };
    let parameters: &[u8] = if is_t1 { &[0x11, 0x10, 0, 0x4D, 0, 0xFE, 0] } else { &[0x11, 0, 0, 0x0A, 0] };
    driver.ask(0x61, u8::from(is_t1), parameters)?;
    let before = (polls.load(Ordering::Relaxed), slot.counters().characters());
    // GET CHALLENGE needs no selection.
    let command = [0x00, 0x84, 0x00, 0x00, 0x08];
    for number in 0..exchanges {
        let mut block = command.to_vec();
        if is_t1 {
            block.splice(..0, [0x00, if number % 2 == 0 { 0x00 } else { 0x40 }, 5]);
            block.push(block.iter().fold(0, |check, byte| check ^ byte));
        }
        let answer = driver.ask(0x6F, 0, &block)?;
        let status = if is_t1 { answer.get(11..13) } else { answer.get(8..10) };
        if status != Some(&[0x90, 0x00]) {
            return Err(io::Error::other(format!("the card says {answer:02X?}")));
        }
    }
    let polls = polls.load(Ordering::Relaxed) - before.0;
    let characters = slot.counters().characters() - before.1;
    println!("ATR of {} bytes; {exchanges} exchanges: {characters} characters, {polls} polls", atr.len());
    ends.store(true, Ordering::Relaxed);
    engine.join().map_err(|_| io::Error::other("the engine has panicked"))?
}
