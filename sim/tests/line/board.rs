//! A tiny board that says and hears tagged bytes by itself: nothing here is shared with what it judges but the
//! list of tags.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use reader_protocol::emulated_line::{
    CHARACTER, CHARACTER_BROKEN, CONTACT_5V, CONTACT_CLOCK, CONTACT_RESET_HIGH, CONTACTS, LISTEN, OVERLOAD,
    PRESENCE, REFUSED, REPEAT, SEND, SETTINGS, SILENCE, TAKEN, body_bytes,
};
use sim::line::Slot;

/// Nothing takes longer than this in a test but what is meant to.
const PATIENCE: Duration = Duration::from_secs(10);
/// 372 cycles of 4 MHz.
pub(crate) const ETU_NS: u32 = 93_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Character(u8),
    Broken(u8),
    Silence(u64),
    Taken,
    Refused,
    Presence(bool),
    Overload(bool),
}

pub(crate) struct Board {
    pub(crate) stream: UnixStream,
    pub(crate) is_present: bool,
    pub(crate) is_overloaded: bool,
    /// Line time that was said.
    pub(crate) silence_ns: u64,
    pub(crate) etu_ns: u32,
}

impl Board {
    pub(crate) fn of(slot: &Slot) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        slot.attach(theirs).unwrap();
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut board =
            Self { stream: ours, is_present: false, is_overloaded: false, silence_ns: 0, etu_ns: ETU_NS };
        let Heard::Presence(is_present) = board.hear() else { panic!("presence comes first") };
        assert_eq!(is_present, board.is_present);
        board
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn hear(&mut self) -> Heard {
        let mut tag = [0];
        self.stream.read_exact(&mut tag).unwrap();
        let mut body = vec![0; body_bytes(tag[0]).expect("a known tag")];
        self.stream.read_exact(&mut body).unwrap();
        match tag[0] {
            CHARACTER => Heard::Character(body[0]),
            CHARACTER_BROKEN => Heard::Broken(body[0]),
            SILENCE => {
                let ns = u64::from_le_bytes(body.try_into().unwrap());
                self.silence_ns = self.silence_ns.saturating_add(ns);
                Heard::Silence(ns)
            }
            TAKEN => Heard::Taken,
            REFUSED => Heard::Refused,
            PRESENCE => {
                self.is_present = body[0] == 1;
                Heard::Presence(self.is_present)
            }
            OVERLOAD => {
                self.is_overloaded = body[0] == 1;
                Heard::Overload(self.is_overloaded)
            }
            other => panic!("the card said {other:02X}"),
        }
    }

    /// Hears what is not news about the contacts.
    pub(crate) fn hear_line(&mut self) -> Heard {
        loop {
            match self.hear() {
                Heard::Presence(_) | Heard::Overload(_) => {}
                heard => return heard,
            }
        }
    }

    pub(crate) fn contacts(&mut self, contacts: u8) {
        self.say(&[CONTACTS, contacts]);
    }

    pub(crate) fn settings(&mut self, etu_ns: u32, extra_guard: u8, error_signal: bool) {
        self.etu_ns = etu_ns;
        let [a, b, c, d] = etu_ns.to_le_bytes();
        self.say(&[SETTINGS, a, b, c, d, extra_guard, u8::from(error_signal)]);
    }

    pub(crate) fn listen(&mut self, ns: u64) {
        self.say(&[&[LISTEN][..], &ns.to_le_bytes()].concat());
    }

    pub(crate) fn repeat(&mut self) {
        self.say(&[REPEAT]);
    }

    /// One character within `ns`, `None` when none comes. A broken one is as good as none.
    pub(crate) fn character(&mut self, ns: u64) -> Option<u8> {
        self.listen(ns);
        let mut left = ns;
        loop {
            match self.hear_line() {
                Heard::Character(byte) => return Some(byte),
                Heard::Broken(_) => return None,
                // Longer than what is listened to: to a listening that its character had come before.
                Heard::Silence(said) if said > left => {}
                Heard::Silence(said) => {
                    left -= said;
                    if left == 0 {
                        return None;
                    }
                }
                other => panic!("{other:?} instead of a character"),
            }
        }
    }

    pub(crate) fn characters(&mut self, count: usize, ns: u64) -> Vec<u8> {
        (0..count).map_while(|_| self.character(ns)).collect()
    }

    /// Sends one character; whether it was taken.
    pub(crate) fn send(&mut self, byte: u8) -> bool {
        self.say(&[SEND, byte]);
        loop {
            match self.hear_line() {
                Heard::Taken => return true,
                Heard::Refused => return false,
                // To a listening that its character had come before.
                Heard::Silence(_) => {}
                other => panic!("{other:?} instead of taken"),
            }
        }
    }

    pub(crate) fn send_all(&mut self, bytes: &[u8]) {
        for byte in bytes {
            assert!(self.send(*byte));
        }
    }

    /// Activates in the order of the standard, cold.
    pub(crate) fn activate(&mut self) {
        self.settings(ETU_NS, 0, true);
        self.contacts(CONTACT_5V);
        self.contacts(CONTACT_5V | CONTACT_CLOCK);
        self.contacts(CONTACT_5V | CONTACT_CLOCK | CONTACT_RESET_HIGH);
    }

    pub(crate) fn warm_reset(&mut self) {
        self.settings(ETU_NS, 0, true);
        self.contacts(CONTACT_5V | CONTACT_CLOCK);
        self.contacts(CONTACT_5V | CONTACT_CLOCK | CONTACT_RESET_HIGH);
    }

    pub(crate) fn deactivate(&mut self) {
        self.contacts(CONTACT_5V | CONTACT_CLOCK);
        self.contacts(CONTACT_5V);
        self.contacts(0);
    }

    /// All characters of an answer to reset until the card is silent for the initial waiting time.
    pub(crate) fn answer_to_reset(&mut self) -> Vec<u8> {
        let mut answer = Vec::new();
        let mut ns = 40_000 * 250;
        while let Some(byte) = self.character(ns) {
            answer.push(byte);
            ns = 9_600 * u64::from(self.etu_ns);
        }
        answer
    }

    /// One block of T=1 with `block_ns` for its first and `character_ns` for its other characters.
    pub(crate) fn block(&mut self, check_bytes: usize, block_ns: u64, character_ns: u64) -> Option<Vec<u8>> {
        let mut block = vec![self.character(block_ns)?];
        while block.len() < 3 || block.len() < 3 + usize::from(block[2]) + check_bytes {
            block.push(self.character(character_ns)?);
        }
        Some(block)
    }
}
