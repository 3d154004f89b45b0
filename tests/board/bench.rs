//! What these tests share: a board in a process of its own, chips, a PC/SC client that watches its time.

use std::{
    ffi::CString,
    io::Write,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use card_spec::generation::Generation;
use pcsc::{Context, Disposition, Protocols, Scope, ShareMode};
use sim::{
    board::{BoardReader, Order},
    card::Card,
    chip::{Chip, PowerLost, SharedChip, Traffic},
    eeprom::PowerCut,
    line::Manner,
    pcscd::{Model, Slot, rerun::in_child},
};
use tests::{firmware, holder::Holder};

/// pcscd looks for a card every 400 ms; on a machine that does other things as well it takes longer.
pub(crate) const NOTICE_TIMEOUT_MS: u64 = 20_000;

/// Longest time for one call of PC/SC; without a word from the card the driver may take three minutes.
pub(crate) const CALL_TIMEOUT_MS: u64 = 10_000;

/// Bytes of the firmware's stack that nothing may reach.
const STACK_RESERVE_BYTES: u16 = 256;

/// Frames that are shown when a test fails.
const FRAMES_SHOWN: usize = 30;

/// Application of the social security card.
pub(crate) const SSSE: &str = "7378312E73682EC9E7BBE1B1A3D5CF";

/// Runs the body of a test with a board of its own, in a process whose PC/SC calls go to it.
pub(crate) fn with_board(test: &str, model: Model, body: impl FnOnce(&mut BoardReader)) {
    with_order(test, Order::new(firmware::elf(model), model), body);
}

/// The same for a certain order.
pub(crate) fn with_order(test: &str, order: Order, body: impl FnOnce(&mut BoardReader)) {
    in_child(test, |directory| {
        let mut board = start(order, directory);
        body(&mut board);
        check_stack(&board);
    });
}

/// Whatever a test does, some of the firmware's stack is never reached. It looks twice a second.
#[track_caller]
fn check_stack(board: &BoardReader) {
    if let Some(stack) = board.panel().stack() {
        println!("the stack was {} of {} bytes deep", stack.used, stack.total);
        assert!(stack.used + STACK_RESERVE_BYTES <= stack.total, "{stack:?}");
    }
}

/// Starts a board; its sockets and logs go into the directory.
pub(crate) fn start(order: Order, directory: &Path) -> BoardReader {
    let board = BoardReader::start_in(order, directory).unwrap_or_else(|error| panic!("{error}"));
    board.relay().record();
    board
}

/// A card of a made-up holder.
pub(crate) fn card(generation: Generation) -> Arc<Mutex<Card>> {
    let holder = Holder::new(1, 0);
    Arc::new(Mutex::new(Card::new(&holder.order(generation).build().unwrap(), 1).unwrap()))
}

/// Puts a chip in and waits until pcscd has seen it.
pub(crate) fn insert(board: &BoardReader, slot: Slot, chip: SharedChip, manner: Manner) {
    board.slot(slot).insert_card(chip, manner).unwrap();
    notice(board, slot, true);
}

/// Waits until pcscd has noticed that there is a card or none.
#[track_caller]
pub(crate) fn notice(board: &BoardReader, slot: Slot, present: bool) {
    let noticed = board.wait_card(slot, present, NOTICE_TIMEOUT_MS).unwrap();
    assert!(noticed, "pcscd notices {slot:?} {present}\n{}\n{}", board.pcscd().log(), last_frames(board));
}

/// The end of what driver and board have said, for a failing test.
pub(crate) fn last_frames(board: &BoardReader) -> String {
    let record = board.relay().recorded();
    let first = record.first().map(|spoken| spoken.at);
    let last = record.iter().skip(record.len().saturating_sub(FRAMES_SHOWN));
    last.map(|spoken| {
        let at = first.map(|first| spoken.at - first).unwrap_or_default();
        format!("{at:>12.3?} {:?} {:?}\n", spoken.by, spoken.frame)
    })
    .collect()
}

/// A client of PC/SC in the same process.
pub(crate) fn client() -> Context {
    Context::establish(Scope::System).unwrap()
}

/// Connects to the card in a slot.
pub(crate) fn connect(board: &BoardReader, client: &Context, slot: Slot) -> Result<Connected, pcsc::Error> {
    let name = CString::new(board.slot_name(slot).unwrap()).unwrap();
    timed(|| client.connect(&name, ShareMode::Shared, Protocols::ANY)).map(Connected)
}

/// A connection to a card that ends without taking its power away.
pub(crate) struct Connected(pub(crate) pcsc::Card);

impl Connected {
    /// Sends a command in hex and gives the answer in hex, status word included.
    pub(crate) fn ask(&self, command: &str) -> Result<String, pcsc::Error> {
        self.send(&hex::decode(command).unwrap()).map(hex::encode_upper)
    }

    /// Sends a command and gives the answer, status word included.
    pub(crate) fn send(&self, command: &[u8]) -> Result<Vec<u8>, pcsc::Error> {
        let mut buffer = vec![0; pcsc::MAX_BUFFER_SIZE_EXTENDED];
        timed(|| self.0.transmit(command, &mut buffer).map(<[u8]>::to_vec))
    }

    /// Ends the connection.
    pub(crate) fn end(self, disposition: Disposition) {
        self.0.disconnect(disposition).map_err(|(_, error)| error).unwrap();
    }
}

/// Does something that may not take longer than [`CALL_TIMEOUT_MS`].
#[track_caller]
pub(crate) fn timed<T>(action: impl FnOnce() -> T) -> T {
    let begin = Instant::now();
    let result = action();
    let took = begin.elapsed();
    assert!(took < Duration::from_millis(CALL_TIMEOUT_MS), "it took {took:?}");
    result
}

/// Runs a program that finds its pcscd by the environment; gives what it says.
pub(crate) fn run(board: &BoardReader, program: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .env("PCSCLITE_CSOCK_NAME", board.pcscd().socket())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; apt-get install opensc pcsc-tools"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    said
}

/// Hex digits alone, for comparing whatever a program puts between them.
pub(crate) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_hexdigit).collect::<String>().to_uppercase()
}

/// The answers of a dialogue in scriptor's output: a command line is echoed behind `>`, its answer comes behind
/// `<`, with its meaning behind `:`.
pub(crate) fn scriptor_answers(said: &str) -> Vec<String> {
    said.split("\n<")
        .skip(1)
        .map(|answer| digits(&answer.split(':').next().unwrap().lines().collect::<String>()))
        .collect()
}

/// A chip that holds 64 kB of bytes made from their place: reads them with B0, compares them with D6, in short
/// and extended commands.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Commands so far.
    pub(crate) commands: u64,
}

impl Memory {
    /// The byte at a place.
    pub(crate) fn byte(at: usize) -> u8 {
        (at.wrapping_mul(167) >> 3) as u8
    }

    /// Bytes from a place on.
    pub(crate) fn bytes(at: usize, count: usize) -> Vec<u8> {
        (at..at + count).map(Self::byte).collect()
    }
}

impl Chip for Memory {
    fn power_on(&mut self) -> Result<Vec<u8>, PowerLost> {
        Ok(self.atr())
    }

    fn power_off(&mut self) {}

    fn atr(&self) -> Vec<u8> {
        vec![0x3B, 0x00]
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, PowerLost> {
        self.commands += 1;
        let status = |status: u16| status.to_be_bytes().to_vec();
        let &[_, instruction, p1, p2, ref rest @ ..] = command else { return Ok(status(0x6700)) };
        let at = usize::from(u16::from_be_bytes([p1, p2]));
        Ok(match (instruction, rest) {
            (0xB0, [0, high, low]) => {
                let count = usize::from(u16::from_be_bytes([*high, *low]));
                [Self::bytes(at, count), status(0x9000)].concat()
            }
            (0xB0, [count]) => {
                let count = if *count == 0 { 256 } else { usize::from(*count) };
                [Self::bytes(at, count), status(0x9000)].concat()
            }
            (0xD6, [0, high, low, data @ ..])
                if data.len() == usize::from(u16::from_be_bytes([*high, *low])) =>
            {
                status(if data == Self::bytes(at, data.len()) { 0x9000 } else { 0x6A80 })
            }
            (0xD6, [count, data @ ..]) if data.len() == usize::from(*count) => {
                status(if data == Self::bytes(at, data.len()) { 0x9000 } else { 0x6A80 })
            }
            _ => status(0x6D00),
        })
    }

    fn plan_cut(&mut self, _: Option<PowerCut>) {}

    fn traffic(&self) -> Traffic {
        Traffic { commands: self.commands, ..Traffic::default() }
    }
}
