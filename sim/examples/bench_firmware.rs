//! What the reader's firmware costs at the card: instructions of the processor, counted one by one.
//!
//! The emulator runs the very firmware of the tests, one instruction at a time, and writes down each of them and
//! each byte that a UART takes or gives. A card that answers at once is at the other end, the host sends byte by
//! byte, slower than the firmware works: so it wakes up for every byte, as it would on a real line.
//!
//! Argument: the firmware, an ELF file. Prints one JSON line for each figure.
#![allow(clippy::unwrap_used, reason = "a program for developers")]

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use reader_protocol::emulated_line as tag;
use sim::board::{
    Emulator, Lines,
    frame::{Frame, Splitter, framed},
};

/// The host's pause after each byte: longer than the traced firmware works on one.
const BYTE_PAUSE: Duration = Duration::from_millis(20);
/// What is written by now has come through the emulator's buffers after this.
const TRACE_PAUSE: Duration = Duration::from_millis(800);
/// Nobody waits for longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

const POWER_ON: u8 = 0x62;
const EXCHANGE: u8 = 0x6F;
const SLOT_STATUS: u8 = 0x65;

/// Command status of an answer that only asks for more time. Source: CCID rev 1.1 §6.2.6.
const MORE_TIME: u8 = 0x80;

/// Only what ISO/IEC 7816-3 asks for: direct convention, T=0, no historical bytes.
const ATR: [u8; 2] = [0x3B, 0x00];
/// READ BINARY of 16 bytes, and UPDATE BINARY of as many.
const READ: [u8; 5] = [0x00, 0xB0, 0x00, 0x00, DATA_BYTES as u8];
const UPDATE: u8 = 0xD6;
const DATA_BYTES: usize = 16;

/// Clock of the physical board; most instructions take one cycle, some two or more.
const STM32_HERTZ: f64 = 168e6;
/// The shortest character that the SEC1210 may be asked for: 12 units of F/D = 372/64 at 4.8 MHz.
const CHARACTER_SECONDS: f64 = 12.0 * 372.0 / 64.0 / 4.8e6;
/// A host byte at 115,200 bits per second, 8N2.
const HOST_BYTE_SECONDS: f64 = 11.0 / 115_200.0;

fn main() {
    let firmware = env::args().nth(1).expect("the firmware, an ELF file");
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("trace");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let trace = Arc::new(Mutex::new(Vec::new()));
    let reader = thread::spawn({
        let (pipe, trace) = (pipe.clone(), Arc::clone(&trace));
        move || count(&File::open(pipe).unwrap(), &trace)
    });
    let pipe = pipe.display().to_string();
    let events = "exec,nochain,trace:memory_region_ops_read,trace:memory_region_ops_write";
    let arguments = ["-singlestep", "-d", events, "-D", &pipe];
    let (mut emulator, lines) =
        Emulator::start_with(Path::new(&firmware), folder.path(), &arguments).unwrap();
    let Lines { host, card, psam, finger, panel } = lines;
    thread::spawn(move || play_card(card));
    let mut host = Host { line: host, sequence: 0 };

    let update = [&[0x00, UPDATE, 0x00, 0x00, DATA_BYTES as u8][..], &[0x5A; DATA_BYTES]].concat();
    assert_eq!(host.ask(POWER_ON, &[]).1, ATR);
    let status = host.ask(SLOT_STATUS, &[]);
    let read = host.ask(EXCHANGE, &READ);
    assert_eq!(read.1, [&[0xC5; DATA_BYTES][..], &[0x90, 0x00]].concat());
    let write = host.ask(EXCHANGE, &update);
    assert_eq!(write.1, [0x90, 0x00]);
    thread::sleep(TRACE_PAUSE);
    emulator.kill();
    reader.join().unwrap();
    drop((psam, finger, panel));

    let trace = trace.lock().unwrap();
    let status = Exchange::find(&trace, &status.0);
    let read = Exchange::find(&trace, &read.0);
    let write = Exchange::find(&trace, &write.0);
    assert_eq!((read.sent.len(), write.sent.len()), (READ.len(), update.len()));
    assert_eq!((read.received.len(), write.received.len()), (1 + DATA_BYTES + 2, 3));

    let (byte, character) = (HOST_BYTE_SECONDS * STM32_HERTZ, CHARACTER_SECONDS * STM32_HERTZ);
    let last_host_byte = read.read[read.read.len() - 1];
    limited("firmware: a byte of the host", typical(&read.read), "its time at 115,200, 168 MHz", byte);
    limited("firmware: a character to the card", typical(&write.sent), "the shortest, 168 MHz", character);
    limited("firmware: a character of the card", typical(&read.received), "the shortest, 168 MHz", character);
    plain("firmware: GetSlotStatus, whole", status.whole);
    plain("firmware: READ BINARY, host byte in to card byte out", read.sent[0]);
    plain("firmware: of it after the host's last byte", read.sent[0] - last_host_byte);
    plain("firmware: READ BINARY of 16 bytes, whole", read.whole);
    plain("firmware: UPDATE BINARY of 16 bytes, whole", write.whole);
}

/// The host's end of the line.
struct Host {
    line: UnixStream,
    sequence: u8,
}

impl Host {
    /// Sends a command for slot 0 and waits for its answer: the frame sent, and the answer's data.
    fn ask(&mut self, kind: u8, data: &[u8]) -> (Vec<u8>, Vec<u8>) {
        self.sequence += 1;
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        let command = [&[kind][..], &length, &[0, self.sequence, 0, 0, 0], data].concat();
        let frame = framed(&command);
        for byte in &frame {
            self.line.write_all(&[*byte]).unwrap();
            thread::sleep(BYTE_PAUSE);
        }
        self.line.set_read_timeout(Some(ANSWER_TIMEOUT)).unwrap();
        let mut splitter = Splitter::default();
        loop {
            let mut byte = [0];
            self.line.read_exact(&mut byte).unwrap();
            for found in splitter.frames(&byte) {
                if let Frame::Message { message, is_sound } = found
                    && message[7] & 0xC0 != MORE_TIME
                {
                    assert!(
                        is_sound && message[6] == self.sequence && message[7] & 0xC0 == 0,
                        "{message:02X?}"
                    );
                    return (frame, message[10..].to_vec());
                }
            }
        }
    }
}

/// A card of T=0 that answers at once.
fn play_card(mut line: UnixStream) {
    line.write_all(&[tag::PRESENCE, 1]).unwrap();
    let (mut received, mut to_say) = (Vec::<u8>::new(), Vec::<u8>::new());
    let mut byte = [0];
    while line.read_exact(&mut byte).is_ok() {
        let mut body = vec![0; tag::body_bytes(byte[0]).unwrap()];
        line.read_exact(&mut body).unwrap();
        let mut said = Vec::new();
        match byte[0] {
            tag::CONTACTS => {
                received.clear();
                to_say.clear();
                if body[0] & tag::CONTACT_RESET_HIGH != 0 {
                    to_say.extend(ATR);
                }
            }
            tag::SEND => {
                said.push(tag::TAKEN);
                received.push(body[0]);
                to_say.extend(answer(&received));
                if to_say.ends_with(&[0x90, 0x00]) {
                    received.clear();
                }
            }
            tag::LISTEN => {
                let limit = u64::from_le_bytes(body.try_into().unwrap());
                // The answer to reset comes 400 cycles after RST at the earliest.
                let silence = if to_say.starts_with(&ATR) { 200_000.min(limit) } else { limit };
                if limit > 0 && (to_say.is_empty() || to_say.starts_with(&ATR)) {
                    said.push(tag::SILENCE);
                    said.extend(silence.to_le_bytes());
                }
            }
            _ => {}
        }
        if byte[0] != tag::CONTACTS {
            said.extend(to_say.drain(..).flat_map(|byte| [tag::CHARACTER, byte]));
        }
        if line.write_all(&said).is_err() {
            return;
        }
    }
}

/// What the card says when it has received so much of a command.
fn answer(received: &[u8]) -> Vec<u8> {
    let instruction = received.get(1).copied().unwrap_or_default();
    match (received.len(), instruction) {
        (5, UPDATE) => vec![UPDATE],
        (5, _) => [&[instruction][..], &[0xC5; DATA_BYTES], &[0x90, 0x00]].concat(),
        (length, UPDATE) if length == 5 + DATA_BYTES => vec![0x90, 0x00],
        _ => Vec::new(),
    }
}

/// Addresses of the UARTs' data registers: host and card.
const HOST_DATA: u64 = 0x4000_4000;
const CARD_DATA: u64 = 0x4000_5000;
/// Control register of the timer that ends a sleep, and what starts it.
const SLEEP_CONTROL: u64 = 0x4000_1000;
const SLEEP_BEGINS: u64 = 9;

/// A byte that went through a UART's data register, and how many instructions had been executed by then.
#[derive(Clone, Copy)]
struct Moved {
    byte: u8,
    line: Line,
    instructions: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    FromHost,
    ToHost,
    FromCard,
    ToCard,
}

/// Reads the emulator's log to its end. What is executed between two sleeps in which no byte came or went is not
/// counted: the firmware looks at its switch and its slots many times a second, whatever else it does.
fn count(log: &File, trace: &Mutex<Vec<Moved>>) {
    let (mut instructions, mut awake_at, mut has_moved) = (0_u64, 0, false);
    for line in BufReader::new(log).split(b'\n').map_while(Result::ok) {
        if line.starts_with(b"Trace ") {
            instructions += 1;
        } else if line.starts_with(b"Stopped ") {
            // The one before was announced, but an interrupt came first.
            instructions -= 1;
        } else if line.starts_with(b"memory_region_ops_") {
            let line = String::from_utf8_lossy(&line);
            let is_write = line.starts_with("memory_region_ops_write");
            let number = |name: &str| {
                let digits = line.split_once(name)?.1.split(' ').next()?;
                u64::from_str_radix(digits, 16).ok()
            };
            let (Some(address), Some(value)) = (number(" addr 0x"), number(" value 0x")) else { continue };
            let line = match (address, is_write) {
                (HOST_DATA, false) => Line::FromHost,
                (HOST_DATA, true) => Line::ToHost,
                (CARD_DATA, false) => Line::FromCard,
                (CARD_DATA, true) => Line::ToCard,
                (SLEEP_CONTROL, true) if value == SLEEP_BEGINS => {
                    if !has_moved {
                        instructions = awake_at;
                    }
                    (awake_at, has_moved) = (instructions, false);
                    continue;
                }
                _ => continue,
            };
            has_moved = true;
            trace.lock().unwrap().push(Moved { byte: value as u8, line, instructions });
        }
    }
}

/// Instructions of one command, from the first byte of its frame on.
struct Exchange {
    /// To each byte of the frame.
    read: Vec<u64>,
    /// To each character for the card.
    sent: Vec<u64>,
    /// To each character of the card.
    received: Vec<u64>,
    /// To the last byte of the answer.
    whole: u64,
}

impl Exchange {
    /// Looks for the frame among all bytes.
    fn find(trace: &[Moved], frame: &[u8]) -> Self {
        let on = |line: Line| trace.iter().filter(move |moved| moved.line == line).collect::<Vec<_>>();
        let host = on(Line::FromHost);
        let at = host
            .windows(frame.len())
            .position(|window| window.iter().zip(frame).all(|(moved, byte)| moved.byte == *byte))
            .expect("the firmware has read the frame");
        let read: Vec<_> = host[at..at + frame.len()].iter().map(|moved| moved.instructions).collect();
        let (begin, complete) = (read[0], read[frame.len() - 1]);
        // Until the next command; the answer's last byte ends it.
        let end = host.get(at + frame.len()).map_or(u64::MAX, |moved| moved.instructions);
        let within = |moved: &&Moved| (complete..end).contains(&moved.instructions);
        let counts = |moments: Vec<u64>| moments.into_iter().map(|moment| moment - begin).collect::<Vec<_>>();
        let answer = on(Line::ToHost).into_iter().filter(within).map(|moved| moved.instructions);
        Self {
            whole: answer.max().expect("the firmware has answered") - begin,
            sent: counts(characters(trace.iter().filter(within), Line::ToCard, &[tag::SEND])),
            received: counts(characters(trace.iter().filter(within), Line::FromCard, &[tag::CHARACTER])),
            read: counts(read),
        }
    }
}

/// When messages of these kinds began, on a line of tagged messages.
fn characters<'a>(trace: impl Iterator<Item = &'a Moved>, line: Line, kinds: &[u8]) -> Vec<u64> {
    let mut bytes = trace.filter(|moved| moved.line == line);
    let mut begun = Vec::new();
    while let Some(first) = bytes.next() {
        if kinds.contains(&first.byte) {
            begun.push(first.instructions);
        }
        for _ in 0..tag::body_bytes(first.byte).expect("whole messages") {
            bytes.next();
        }
    }
    begun
}

/// The middle one of the distances between these.
fn typical(moments: &[u64]) -> f64 {
    let mut distances: Vec<_> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    distances.sort_unstable();
    distances[distances.len() / 2] as f64
}

fn plain(name: &str, value: u64) {
    let row = serde_json::json!({
        "name": name, "value": value, "unit": "instructions",
        "reference": null, "reference_value": null, "ratio": null,
    });
    println!("{row}");
}

fn limited(name: &str, value: f64, reference: &str, limit: f64) {
    let row = serde_json::json!({
        "name": name, "value": value, "unit": "instructions", "reference": reference,
        "reference_value": limit.round(), "ratio": (limit / value * 1_000.0).round() / 1_000.0,
    });
    println!("{row}");
}
