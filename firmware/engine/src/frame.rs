//! Messages in frames on a serial line: 03, 06, the message, and the exclusive or of all of it (LRC).
//!
//! What is no frame is thrown away and answered by 03 15 16, and what was taken for a frame and is none is
//! looked through for the frame that hides in it: whatever came before, the next good frame is understood.
//! Source: the serial readers GemCore and SEC1210, as the driver `ccid` speaks to them.

use embedded_io::{Read, ReadReady, Write, WriteReady};

use crate::mailbox::{HEADER_BYTES, Incoming, MESSAGE_BYTES_MAX, Mailbox, Transport};
use crate::personality::Personality;
use crate::time::{Duration, Instant};
use crate::trace::{Event, Trace};

/// Start of every frame.
pub const SYNC: u8 = 0x03;
/// Second byte of a frame with a message.
pub const ACK: u8 = 0x06;
/// Second byte of a frame that asks for the last one again.
pub const NAK: u8 = 0x15;
/// Begins a notice that a card has come or gone; outside of frames.
pub const NOTICE: u8 = 0x50;
/// The notice's second byte: the card of slot 0 is gone.
pub const NOTICE_ABSENT: u8 = 0x02;
/// The notice's second byte: a card is in slot 0.
pub const NOTICE_PRESENT: u8 = 0x03;
/// One byte outside of frames: the card works, wait as long again.
pub const TIME_REQUEST: u8 = 0x80;

/// Silence after which a frame counts as left by its host. Long for a line, but not for a host that is busy
/// or an emulator that is not given time.
pub const INTER_BYTE: Duration = Duration::from_millis(250);
/// Most data of a message that is read to its end although there is no room for it, so that it can be refused
/// by a proper answer. No driver's buffer is longer.
pub const SKIPPED_BYTES_MAX: usize = 1024;
/// Bytes taken from the host in one poll: nobody keeps the reader from its cards by talking.
pub const READ_BYTES_MAX: usize = 600;

/// While bytes are on their way out and the line takes no more.
const WRITE_POLL: Duration = Duration::from_millis(1);

/// Where the reading of the host's bytes is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Between frames.
    Idle,
    /// After [`SYNC`].
    Sync,
    /// After [`SYNC`] and [`NAK`].
    Nak,
    /// In the message or at its LRC.
    Message,
    /// In a message that is too long: so many bytes are to come with the LRC; all so far, put together.
    Skip { left: u16, lrc: u8 },
    /// A good frame is there and has to be sent back.
    Echo,
    /// A good frame is there and waits to be handled.
    Full,
}

/// What is being written to the host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    Nothing,
    /// A frame around the incoming message.
    Echo,
    /// A frame around the outgoing message.
    Answer,
    /// So many of these bytes, outside of frames.
    Short([u8; 3], u8),
}

/// A serial line with frames.
pub struct SerialFrames<H> {
    host: H,
    echoes: bool,
    reading: Reading,
    writing: Writing,
    /// Bytes of what is being written that are out, and all of them put together.
    position: u16,
    lrc: u8,
    last_byte: Instant,
    is_garbled: bool,
    nak_is_due: bool,
    time_request_is_due: bool,
    has_heard: bool,
    notice: Option<u8>,
}

impl<H: Read + ReadReady + Write + WriteReady> SerialFrames<H> {
    /// A line on which nothing has been said. `host` must take and give single bytes without waiting when it
    /// says that it is ready; it is never flushed.
    pub fn new(host: H, personality: &Personality) -> Self {
        Self {
            host,
            echoes: personality.echo,
            reading: Reading::Idle,
            writing: Writing::Nothing,
            position: 0,
            lrc: 0,
            last_byte: Instant(0),
            is_garbled: false,
            nak_is_due: false,
            time_request_is_due: false,
            has_heard: false,
            notice: None,
        }
    }

    /// The line below.
    pub fn host_mut(&mut self) -> &mut H {
        &mut self.host
    }

    /// Reads until a frame is there or nothing more is; true when there may be more.
    fn read(&mut self, incoming: &mut Incoming, trace: &mut Trace, now: Instant) -> bool {
        if self.reading == Reading::Full && !incoming.is_complete() {
            self.reading = Reading::Idle;
        }
        let mut left = READ_BYTES_MAX;
        while !self.has_frame() {
            let was_garbled = self.is_garbled;
            if let Some(byte) = incoming.next_again() {
                self.take(byte, incoming, trace);
                // The frame that these bytes were is refused as a whole.
                self.is_garbled = was_garbled && self.is_garbled;
                continue;
            }
            if left == 0 {
                return true;
            }
            let Some(byte) = self.read_byte(trace) else {
                return false;
            };
            left -= 1;
            self.last_byte = now;
            self.take(byte, incoming, trace);
        }
        false
    }

    fn read_byte(&mut self, trace: &mut Trace) -> Option<u8> {
        let mut byte = [0];
        if !self.host.read_ready().unwrap_or(false) {
            return None;
        }
        match self.host.read(&mut byte) {
            Ok(0) => None,
            Ok(_) => Some(byte[0]),
            Err(_) => {
                // The UART has lost something. What was lost is missed in the frame's LRC.
                trace.count(Event::FrameGarbage);
                None
            }
        }
    }

    fn take(&mut self, byte: u8, incoming: &mut Incoming, trace: &mut Trace) {
        match self.reading {
            Reading::Idle | Reading::Sync | Reading::Nak if byte == SYNC => {
                if self.reading != Reading::Idle {
                    self.garble(trace);
                }
                self.reading = Reading::Sync;
            }
            Reading::Sync if byte == ACK => {
                incoming.clear();
                self.reading = Reading::Message;
            }
            Reading::Sync if byte == NAK => self.reading = Reading::Nak,
            // The host asks for the last frame again. It is wiped: the host has to ask its question again.
            Reading::Nak if byte == SYNC ^ NAK => self.reading = Reading::Idle,
            Reading::Idle | Reading::Sync | Reading::Nak => {
                self.garble(trace);
                self.reading = Reading::Idle;
            }
            Reading::Message => self.take_message(byte, incoming, trace),
            Reading::Skip { left, lrc } => {
                let (left, lrc) = (left.saturating_sub(1), lrc ^ byte);
                self.reading = Reading::Skip { left, lrc };
                if left == 0 {
                    if lrc == 0 {
                        trace.count(Event::FrameOverlong);
                        self.accept(incoming, trace);
                    } else {
                        incoming.clear();
                        self.refuse(trace);
                    }
                }
            }
            Reading::Echo | Reading::Full => {}
        }
    }

    fn take_message(&mut self, byte: u8, incoming: &mut Incoming, trace: &mut Trace) {
        if incoming.announced_bytes() == Some(incoming.bytes().len()) {
            if lrc(SYNC ^ ACK, incoming.bytes()) == byte {
                self.accept(incoming, trace);
            } else {
                incoming.look_again(Some(byte));
                self.refuse(trace);
            }
            return;
        }
        // There is room, for a message that is too long does not come here.
        incoming.push(byte);
        match incoming.announced_bytes() {
            Some(announced) if announced > HEADER_BYTES + SKIPPED_BYTES_MAX => {
                incoming.look_again(None);
                self.garble(trace);
                self.reading = Reading::Idle;
            }
            Some(announced) if announced > MESSAGE_BYTES_MAX => {
                self.reading = Reading::Skip {
                    left: (announced - HEADER_BYTES + 1) as u16,
                    lrc: lrc(SYNC ^ ACK, incoming.bytes()),
                };
            }
            _ => {}
        }
    }

    /// A good frame.
    fn accept(&mut self, incoming: &mut Incoming, trace: &mut Trace) {
        trace.count(Event::Command);
        self.is_garbled = false;
        self.nak_is_due = false;
        self.has_heard = true;
        self.reading = if self.echoes {
            Reading::Echo
        } else {
            incoming.complete();
            Reading::Full
        };
    }

    /// A frame whose LRC is wrong.
    fn refuse(&mut self, trace: &mut Trace) {
        trace.count(Event::FrameBroken);
        self.reading = Reading::Idle;
        self.nak_is_due = true;
    }

    /// A byte that belongs to no frame.
    fn garble(&mut self, trace: &mut Trace) {
        if !self.is_garbled {
            self.is_garbled = true;
            trace.count(Event::FrameGarbage);
        }
    }

    fn has_frame(&self) -> bool {
        matches!(self.reading, Reading::Echo | Reading::Full)
    }

    fn is_in_frame(&self) -> bool {
        self.reading != Reading::Idle && !self.has_frame()
    }

    /// Gives a frame up that does not go on, and says so.
    fn time_out(&mut self, incoming: &mut Incoming, trace: &mut Trace, now: Instant) {
        if now - self.last_byte < INTER_BYTE || !(self.is_in_frame() || self.is_garbled) {
            return;
        }
        // Ends, for each time at least the two bytes before the message are left behind.
        while self.is_in_frame() {
            trace.count(Event::FrameTimeout);
            if self.reading == Reading::Message {
                incoming.look_again(None);
            } else {
                incoming.clear();
            }
            self.reading = Reading::Idle;
            self.nak_is_due = true;
            while !self.has_frame()
                && let Some(byte) = incoming.next_again()
            {
                self.take(byte, incoming, trace);
            }
        }
        if self.is_garbled {
            self.is_garbled = false;
            self.nak_is_due = true;
        }
    }

    /// Whether everything is out that had to go out.
    fn write(&mut self, mailbox: &mut Mailbox, trace: &mut Trace) -> bool {
        loop {
            if self.writing == Writing::Nothing {
                self.position = 0;
                self.lrc = 0;
                self.writing = self.next_writing(mailbox, trace);
            }
            let message = match self.writing {
                Writing::Nothing => return true,
                Writing::Echo => Some(mailbox.incoming.bytes()),
                Writing::Answer => Some(mailbox.outgoing.bytes()),
                Writing::Short(..) => None,
            };
            let position = usize::from(self.position);
            let byte = match (self.writing, message) {
                (Writing::Short(bytes, count), _) if position < usize::from(count) => {
                    bytes.get(position).copied()
                }
                (_, Some(message)) => match position {
                    0 => Some(SYNC),
                    1 => Some(ACK),
                    // The echo of a message that was too long is its header, without data.
                    3..=6 if self.writing == Writing::Echo && message.len() == HEADER_BYTES => Some(0),
                    _ if position < message.len() + 2 => message.get(position - 2).copied(),
                    _ if position == message.len() + 2 => Some(self.lrc),
                    _ => None,
                },
                _ => None,
            };
            let Some(byte) = byte else {
                self.written(mailbox, trace);
                continue;
            };
            if !self.host.write_ready().unwrap_or(false) || !matches!(self.host.write(&[byte]), Ok(1..)) {
                return false;
            }
            self.lrc ^= byte;
            self.position += 1;
        }
    }

    fn next_writing(&mut self, mailbox: &Mailbox, trace: &mut Trace) -> Writing {
        if self.reading == Reading::Echo {
            return Writing::Echo;
        }
        if !mailbox.outgoing.is_empty() {
            self.time_request_is_due = false;
            return Writing::Answer;
        }
        // A frame that is coming may be the one that was not understood.
        if self.nak_is_due && !self.is_in_frame() {
            self.nak_is_due = false;
            trace.count(Event::Nak);
            return Writing::Short([SYNC, NAK, SYNC ^ NAK], 3);
        }
        if self.time_request_is_due {
            self.time_request_is_due = false;
            return Writing::Short([TIME_REQUEST, 0, 0], 1);
        }
        match self.notice {
            Some(notice) if self.has_heard && !self.has_frame() => {
                self.notice = None;
                Writing::Short([NOTICE, notice, 0], 2)
            }
            _ => Writing::Nothing,
        }
    }

    fn written(&mut self, mailbox: &mut Mailbox, trace: &mut Trace) {
        match self.writing {
            Writing::Echo => {
                mailbox.incoming.complete();
                self.reading = Reading::Full;
            }
            Writing::Answer => {
                trace.count(Event::Answer);
                mailbox.outgoing.clear();
            }
            Writing::Short(..) | Writing::Nothing => {}
        }
        self.writing = Writing::Nothing;
    }
}

impl<H: Read + ReadReady + Write + WriteReady> Transport for SerialFrames<H> {
    fn poll(&mut self, mailbox: &mut Mailbox, trace: &mut Trace, now: Instant) -> Option<Instant> {
        let has_more = self.read(&mut mailbox.incoming, trace, now);
        if !has_more {
            self.time_out(&mut mailbox.incoming, trace, now);
        }
        let is_out = self.write(mailbox, trace);
        if has_more {
            Some(now)
        } else if !is_out {
            Some(now + WRITE_POLL)
        } else if self.is_in_frame() || self.is_garbled {
            Some(self.last_byte + INTER_BYTE)
        } else {
            None
        }
    }

    fn notify_slot_change(&mut self, slot: u8, is_present: bool) {
        // The notice's form has one slot.
        if slot == 0 {
            self.notice = Some(if is_present { NOTICE_PRESENT } else { NOTICE_ABSENT });
        }
    }

    fn ask_time(&mut self) -> bool {
        self.time_request_is_due = true;
        true
    }
}

/// Everything put together by exclusive or.
fn lrc(start: u8, bytes: &[u8]) -> u8 {
    bytes.iter().fold(start, |lrc, byte| lrc ^ byte)
}
