//! The few requests of the X protocol that a hand needs: keys by XTEST, and a window that does next to nothing.
//!
//! Spoken by hand: a client library is in the tree, but with other parts of it switched on the faces themselves would
//! be compiled a second time for this one program.
//!
//! Source: X Window System Protocol, version 11, appendix B; XTEST extension 2.2.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    thread::{self, JoinHandle},
    time::Duration,
};

const CREATE_WINDOW: u8 = 1;
const CHANGE_WINDOW_ATTRIBUTES: u8 = 2;
const DESTROY_WINDOW: u8 = 4;
const MAP_WINDOW: u8 = 8;
const SET_INPUT_FOCUS: u8 = 42;
const GET_INPUT_FOCUS: u8 = 43;
const CLEAR_AREA: u8 = 61;
const QUERY_EXTENSION: u8 = 98;
const GET_KEYBOARD_MAPPING: u8 = 101;
/// Minor opcode of XTEST.
const FAKE_INPUT: u8 = 2;

const KEY_PRESS: u8 = 2;
const KEY_RELEASE: u8 = 3;

/// Bytes of an event, of an error, and of the head of a reply.
const MESSAGE_BYTES: usize = 32;

/// A client of the display.
pub(crate) struct Client {
    socket: UnixStream,
    root: u32,
    first_id: u32,
    keys: std::ops::RangeInclusive<u8>,
}

impl Client {
    /// Connects to a display of this machine, such as `:99`, that asks for no proof of who we are.
    pub(crate) fn connect(display: &str) -> Self {
        let number = display.trim_start_matches(':');
        let mut socket = UnixStream::connect(format!("/tmp/.X11-unix/X{number}")).unwrap();
        // Little endian, version 11.0, no authorisation.
        socket.write_all(&[b'l', 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        let mut head = [0; 8];
        socket.read_exact(&mut head).unwrap();
        assert_eq!(head[0], 1, "the display lets us in");
        let mut setup = vec![0; usize::from(u16::from_le_bytes([head[6], head[7]])) * 4];
        socket.read_exact(&mut setup).unwrap();
        let vendor = usize::from(u16::from_le_bytes([setup[16], setup[17]])).next_multiple_of(4);
        let screen = 32 + vendor + usize::from(setup[21]) * 8;
        Client { socket, root: word(&setup, screen), first_id: word(&setup, 4), keys: setup[26]..=setup[27] }
    }

    fn send(&mut self, request: &[u8]) {
        self.socket.write_all(request).unwrap();
    }

    /// Sends a request that is answered; gives the answer, head and all.
    fn ask(&mut self, request: &[u8]) -> Vec<u8> {
        self.send(request);
        loop {
            let message = self.message();
            assert_ne!(message[0], 0, "the display refuses {request:?}: {message:?}");
            if message[0] == 1 {
                let mut answer = message.to_vec();
                answer.resize(MESSAGE_BYTES + word(&message, 4) as usize * 4, 0);
                self.socket.read_exact(&mut answer[MESSAGE_BYTES..]).unwrap();
                return answer;
            }
        }
    }

    fn message(&mut self) -> [u8; MESSAGE_BYTES] {
        let mut message = [0; MESSAGE_BYTES];
        self.socket.read_exact(&mut message).unwrap();
        message
    }

    /// Waits until everything that was sent is done.
    fn settle(&mut self) {
        self.ask(&[GET_INPUT_FOCUS, 0, 1, 0]);
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// A request of whole words: its two first bytes, its length, and what follows.
fn request(opcode: u8, second: u8, words: &[u32]) -> Vec<u8> {
    let length = u16::try_from(words.len() + 1).unwrap();
    let mut bytes = vec![opcode, second];
    bytes.extend(length.to_le_bytes());
    bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    bytes
}

/// Keys as the X server itself presses them.
pub(crate) struct Hand {
    client: Client,
    xtest: u8,
    /// The keys' symbols, so many for each key.
    symbols: Vec<u32>,
    symbols_per_key: usize,
}

/// A key by its symbol.
pub(crate) mod key {
    pub(crate) const CONTROL: u32 = 0xFFE3;
    pub(crate) const BACKSPACE: u32 = 0xFF08;
    pub(crate) const RETURN: u32 = 0xFF0D;
    pub(crate) const F9: u32 = 0xFFC6;
}

impl Hand {
    /// A hand on this display.
    pub(crate) fn on(display: &str) -> Self {
        let mut client = Client::connect(display);
        let name = *b"XTEST\0\0\0";
        let extension = client.ask(&request(QUERY_EXTENSION, 0, &[5, word(&name, 0), word(&name, 4)]));
        assert_eq!(extension[8], 1, "the display has XTEST");
        let (first, count) = (*client.keys.start(), client.keys.end() - client.keys.start() + 1);
        let mapping = client.ask(&[GET_KEYBOARD_MAPPING, 0, 2, 0, first, count, 0, 0]);
        let symbols = (MESSAGE_BYTES..mapping.len()).step_by(4).map(|at| word(&mapping, at)).collect();
        Hand { xtest: extension[9], symbols, symbols_per_key: usize::from(mapping[1]), client }
    }

    /// Presses a key and holds it.
    pub(crate) fn press(&mut self, symbol: u32) {
        self.fake(KEY_PRESS, symbol);
    }

    /// Lets it go.
    pub(crate) fn release(&mut self, symbol: u32) {
        self.fake(KEY_RELEASE, symbol);
        self.client.settle();
    }

    /// Presses and lets go.
    pub(crate) fn tap(&mut self, symbol: u32) {
        self.press(symbol);
        self.release(symbol);
        // As apart as the keys of a scanner.
        thread::sleep(Duration::from_millis(20));
    }

    /// Types letters and digits.
    pub(crate) fn type_text(&mut self, text: &str) {
        text.chars().for_each(|letter| self.tap(letter.into()));
    }

    fn fake(&mut self, kind: u8, symbol: u32) {
        let at = self.symbols.chunks(self.symbols_per_key).position(|key| key[0] == symbol).unwrap();
        let code = self.client.keys.start() + u8::try_from(at).unwrap();
        let what = u32::from_le_bytes([kind, code, 0, 0]);
        let bytes = request(self.xtest, FAKE_INPUT, &[what, 0, self.client.root, 0, 0, 0, 0, 0]);
        self.client.send(&bytes);
    }
}

/// A window that fills itself with another colour at each key: what no program with a window can do faster.
pub(crate) struct BareWindow {
    closer: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl BareWindow {
    /// Opens it at the upper left corner of the display.
    pub(crate) fn open(display: &str, width: u32, height: u32) -> Self {
        const BACKGROUND: u32 = 0x2;
        const EVENTS: u32 = 0x800;
        const KEY_PRESS_MASK: u32 = 0x1;
        let mut client = Client::connect(display);
        let (window, root) = (client.first_id, client.root);
        // Class and visual of the root.
        let place = [window, root, 0, width | height << 16, 1 << 16, 0, BACKGROUND | EVENTS];
        client.send(&request(CREATE_WINDOW, 0, &[&place[..], &[0, KEY_PRESS_MASK]].concat()));
        client.send(&request(MAP_WINDOW, 0, &[window]));
        client.send(&request(SET_INPUT_FOCUS, 0, &[window, 0]));
        client.settle();
        let closer = client.socket.try_clone().unwrap();
        let thread = thread::spawn(move || {
            let mut colour = 0;
            let mut message = [0; MESSAGE_BYTES];
            while client.socket.read_exact(&mut message).is_ok() {
                if message[0] & 0x7F == KEY_PRESS {
                    colour ^= 0xFF_FFFF;
                    client.send(&request(CHANGE_WINDOW_ATTRIBUTES, 0, &[window, BACKGROUND, colour]));
                    client.send(&request(CLEAR_AREA, 0, &[window, 0, 0]));
                }
            }
            let _ = client.socket.write_all(&request(DESTROY_WINDOW, 0, &[window]));
        });
        BareWindow { closer, thread: Some(thread) }
    }
}

impl Drop for BareWindow {
    fn drop(&mut self) {
        let _ = self.closer.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
