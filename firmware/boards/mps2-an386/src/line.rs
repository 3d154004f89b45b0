//! Contacts of a card that is at the other end of a UART.
//!
//! The card says what time has passed on the line, see [`reader_protocol::emulated_line`]. Time stands still
//! while nothing is said; only when nothing has been said for [`PATIENCE`] although something was asked, does it
//! run as on the wall, so that whoever waits for it always comes to an end.

use embedded_io::{Read, ReadReady, Write};
use engine::contacts::{Character, Contacts, LineSettings, Sent, Voltage};
use engine::time::{Duration, Instant};
use reader_protocol::emulated_line as tag;

/// How long a question may go unanswered on the wall before time runs by itself.
pub const PATIENCE: Duration = Duration::from_millis(3_000);

/// How often a character that nobody waits for is left where it is, when something else is looked for behind it.
const LEFT_MAX: u8 = 16;

/// What the contacts must be for a card to say anything.
const ALIVE: u8 = tag::CONTACT_CLOCK | tag::CONTACT_RESET_HIGH;
const SUPPLY: u8 = tag::CONTACT_5V | tag::CONTACT_3V | tag::CONTACT_1V8;

/// A question to the card, and when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Question {
    /// On the wall; `None` until the wall's time is told next.
    asked_at: Option<Instant>,
    /// Time of the line when it was asked.
    line_at: Instant,
    /// How long it may go unanswered.
    patience: Duration,
}

/// What the board listens for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listening {
    until: Instant,
    /// `None` while the card has not been told.
    question: Option<Question>,
}

/// One card's contacts.
pub struct EmulatedContacts<L> {
    line: L,
    clock_hertz: u32,
    contacts: u8,
    etu_ns: u32,
    character_etu: u16,
    has_error_signal: bool,
    is_present: bool,
    is_overloaded: bool,
    /// Time as it has been said.
    time: Instant,
    message: Message,
    character: Option<Character>,
    /// How often `character` has been left where it is.
    left: u8,
    listening: Option<Listening>,
    sending: Option<Question>,
    sent: Option<Sent>,
    /// Answers to come about characters that do not matter any more.
    stale_answers: u8,
    /// Nothing has been heard for [`PATIENCE`]; it is not waited for so long again until something is.
    is_mute: bool,
}

impl<L: Read + ReadReady + Write> EmulatedContacts<L> {
    /// Contacts without power, with a CLK of `clock_hertz`, at the end of `line`.
    pub fn new(line: L, clock_hertz: u32) -> Self {
        let mut contacts = Self {
            line,
            clock_hertz: clock_hertz.max(1),
            contacts: 0,
            etu_ns: 0,
            character_etu: 12,
            has_error_signal: false,
            is_present: false,
            is_overloaded: false,
            time: Instant::default(),
            message: Message::EMPTY,
            character: None,
            left: 0,
            listening: None,
            sending: None,
            sent: None,
            stale_answers: 0,
            is_mute: false,
        };
        contacts.say(&[tag::CONTACTS, 0]);
        contacts
    }

    /// Says a message whole. What a line without an end swallows is missed like what nobody answers.
    fn say(&mut self, bytes: &[u8]) {
        let _ = self.line.write_all(bytes);
    }

    /// Whether the line has something that was not looked at.
    fn has_more(&mut self) -> bool {
        self.line.read_ready().unwrap_or(false)
    }

    fn is_alive(&self) -> bool {
        self.contacts & ALIVE == ALIVE && self.contacts & SUPPLY != 0
    }

    /// A question that is asked now.
    fn question(&self) -> Question {
        let patience = if self.is_mute { Duration::default() } else { PATIENCE };
        Question { asked_at: None, line_at: self.time, patience }
    }

    fn etu(&self, count: u16) -> Duration {
        Duration(u64::from(self.etu_ns)).times(u64::from(count))
    }

    /// Least distance between two characters of the card. Source: ISO/IEC 7816-3 §7.2, §11.2.
    fn distance_etu(&self) -> u16 {
        if self.character_etu == 11 { 11 } else { 12 }
    }

    /// Takes in what has come, up to a character that has not been received yet.
    fn take_in(&mut self) {
        while self.character.is_none() && self.has_more() {
            let mut byte = [0];
            if !matches!(self.line.read(&mut byte), Ok(1)) {
                break;
            }
            self.is_mute = false;
            if let Some((tag, body)) = self.message.push(byte[0]) {
                self.understand(tag, body);
            }
        }
    }

    /// The same when something behind that character is looked for: nobody may be waiting for it.
    fn take_in_behind(&mut self) {
        if self.character.is_some() && self.listening.is_none() {
            self.left = self.left.saturating_add(1);
            if self.left > LEFT_MAX {
                self.character = None;
                self.left = 0;
            }
        }
        self.take_in();
    }

    fn understand(&mut self, tag: u8, body: [u8; Message::BODY_BYTES_MAX]) {
        let [first, ..] = body;
        match tag {
            tag::CHARACTER | tag::CHARACTER_BROKEN => self.hear(first, tag == tag::CHARACTER_BROKEN),
            tag::SILENCE => {
                let silence = Duration(u64::from_le_bytes(body));
                // A character may have come before the card heard that it was listened to; then the silence
                // that answers is of the past, and longer than what is left to be listened to.
                if let Some(listening) = &mut self.listening
                    && listening.question.is_some()
                    && silence <= listening.until - self.time
                {
                    self.time = self.time + silence;
                    listening.question = None;
                }
            }
            tag::PRESENCE => {
                self.is_present = first != 0;
                if !self.is_present {
                    self.is_overloaded = false;
                    // Who is gone answers nothing.
                    if let Some(listening) = &mut self.listening {
                        listening.question = None;
                    }
                }
            }
            tag::OVERLOAD => self.is_overloaded = first != 0,
            tag::TAKEN | tag::REFUSED if self.stale_answers > 0 => self.stale_answers -= 1,
            tag::TAKEN | tag::REFUSED => self.end_sending(tag == tag::REFUSED),
            // The board's own tags are no answers.
            _ => {}
        }
    }

    fn hear(&mut self, byte: u8, is_broken: bool) {
        if !self.is_alive() {
            return;
        }
        self.time = self.time + self.etu(self.distance_etu());
        self.character = Some(Character { byte, is_broken, at: self.time });
        self.left = 0;
        if let Some(listening) = &mut self.listening {
            listening.question = None;
        }
        if is_broken && self.has_error_signal {
            self.say(&[tag::REPEAT]);
        }
    }

    fn end_sending(&mut self, is_refused: bool) {
        if self.sending.take().is_some() {
            self.time = self.time + self.etu(self.character_etu);
            self.sent = Some(Sent { is_refused, at: self.time });
        }
    }

    /// Tells the card how long it is listened to, unless it knows or there is something to be read first.
    fn ask(&mut self) {
        let Some(Listening { until, question: None }) = self.listening else { return };
        if until <= self.time || self.has_more() {
            return;
        }
        if !self.is_present {
            // Nobody is there to say how long nothing is said.
            self.time = until;
            return;
        }
        let mut message = [tag::LISTEN; 9];
        for (place, byte) in message.iter_mut().skip(1).zip((until - self.time).0.to_le_bytes()) {
            *place = byte;
        }
        self.say(&message);
        self.listening = Some(Listening { until, question: Some(self.question()) });
    }

    /// Goes on by the wall's clock with what nobody has answered.
    fn lose_patience(&mut self, now: Instant) {
        let character = self.etu(self.character_etu);
        if let Some(question) = &mut self.sending {
            let asked_at = *question.asked_at.get_or_insert(now);
            if !self.is_present || now >= asked_at + question.patience + character {
                self.is_mute |= self.is_present;
                self.end_sending(false);
                self.stale_answers = self.stale_answers.saturating_add(1);
            }
        }
        let question = self.listening.as_mut().and_then(|listening| listening.question.as_mut());
        if let Some(Question { asked_at, line_at, patience }) = question {
            let runs_from = *asked_at.get_or_insert(now) + *patience;
            if now >= runs_from {
                self.is_mute = true;
                self.time = self.time.max(*line_at + (now - runs_from));
            }
        }
    }

    fn set_contact(&mut self, mask: u8, bits: u8) {
        let contacts = self.contacts & !mask | bits;
        if contacts == self.contacts {
            return;
        }
        self.take_in();
        self.contacts = contacts;
        self.say(&[tag::CONTACTS, contacts]);
        if !self.is_alive() {
            self.character = None;
            self.sent = None;
            if self.sending.take().is_some() {
                self.stale_answers = self.stale_answers.saturating_add(1);
            }
        }
    }
}

impl<L: Read + ReadReady + Write> Contacts for EmulatedContacts<L> {
    fn clock_hertz(&self) -> u32 {
        self.clock_hertz
    }

    fn is_present(&mut self) -> bool {
        self.take_in_behind();
        self.is_present
    }

    fn is_overloaded(&mut self) -> bool {
        self.take_in_behind();
        self.is_overloaded
    }

    fn time(&mut self, now: Instant) -> Instant {
        self.take_in();
        self.lose_patience(now);
        self.ask();
        self.time
    }

    fn set_supply(&mut self, supply: Option<Voltage>) {
        let bits = match supply {
            None => 0,
            Some(Voltage::V5) => tag::CONTACT_5V,
            Some(Voltage::V3) => tag::CONTACT_3V,
            Some(Voltage::V1_8) => tag::CONTACT_1V8,
        };
        self.set_contact(SUPPLY, bits);
    }

    fn set_reset(&mut self, is_high: bool) {
        self.set_contact(tag::CONTACT_RESET_HIGH, if is_high { tag::CONTACT_RESET_HIGH } else { 0 });
    }

    fn set_clock(&mut self, runs: bool) {
        self.set_contact(tag::CONTACT_CLOCK, if runs { tag::CONTACT_CLOCK } else { 0 });
    }

    fn set_line(&mut self, settings: &LineSettings) {
        let (cycles, divisor) = settings.cycles_per_etu;
        let per_second = u64::from(self.clock_hertz) * u64::from(divisor.max(1));
        let etu_ns = (u64::from(cycles) * 1_000_000_000).div_ceil(per_second);
        self.etu_ns = u32::try_from(etu_ns).unwrap_or(u32::MAX);
        self.character_etu = settings.character_etu;
        self.has_error_signal = settings.error_signal;
        // As TC1 has it: 255 is the distance of 11 units. Source: ISO/IEC 7816-3 §8.3.
        let guard = if settings.character_etu == 11 {
            255
        } else {
            settings.character_etu.saturating_sub(12).min(254)
        };
        let [a, b, c, d] = self.etu_ns.to_le_bytes();
        self.say(&[tag::SETTINGS, a, b, c, d, guard as u8, u8::from(settings.error_signal)]);
    }

    fn send(&mut self, byte: u8) {
        self.sent = None;
        self.say(&[tag::SEND, byte]);
        self.sending = Some(self.question());
    }

    fn sent(&mut self) -> Option<Sent> {
        self.take_in();
        self.sent.take()
    }

    fn receive(&mut self) -> Option<Character> {
        self.take_in();
        if self.character.is_none() {
            self.ask();
        }
        self.character.take()
    }

    fn expect(&mut self, until: Option<Instant>) {
        match (until, self.listening) {
            (None, None) => {}
            (None, Some(Listening { question, .. })) => {
                if question.is_some() {
                    self.say(&[tag::LISTEN, 0, 0, 0, 0, 0, 0, 0, 0]);
                }
                self.listening = None;
            }
            (Some(until), Some(listening)) if listening.until == until => self.ask(),
            (Some(until), _) => {
                self.listening = Some(Listening { until, question: None });
                self.ask();
            }
        }
    }
}

/// A message of the card that has not come to its end.
struct Message {
    tag: Option<u8>,
    body: [u8; Self::BODY_BYTES_MAX],
    length: u8,
}

impl Message {
    const BODY_BYTES_MAX: usize = 8;
    const EMPTY: Self = Self { tag: None, body: [0; Self::BODY_BYTES_MAX], length: 0 };

    /// Adds a byte; gives the message when it is complete. Unknown tags are passed over.
    fn push(&mut self, byte: u8) -> Option<(u8, [u8; Self::BODY_BYTES_MAX])> {
        let tag = match self.tag {
            Some(tag) => {
                if let Some(place) = self.body.get_mut(usize::from(self.length)) {
                    *place = byte;
                }
                self.length = self.length.saturating_add(1);
                tag
            }
            None => {
                *self = Self { tag: Some(byte), ..Self::EMPTY };
                byte
            }
        };
        let Some(body_bytes) = tag::body_bytes(tag) else {
            *self = Self::EMPTY;
            return None;
        };
        if usize::from(self.length) < body_bytes {
            return None;
        }
        let body = self.body;
        *self = Self::EMPTY;
        Some((tag, body))
    }
}
