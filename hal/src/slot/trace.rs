//! Looks on and keeps what happened, without anything that was said.
//!
//! A trace entry is a closed enum of headers, lengths, status words and times. There is no place in it
//! for data, so no PIN, name or number can get into a log by way of it.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use card_spec::apdu::CommandApdu;
use serde::{Deserialize, Serialize};

use super::{CardSlot, Outcome, SlotError};

/// Entries that a log keeps; older ones are counted and forgotten.
pub const TRACES_MAX: usize = 512;

/// One thing that happened at a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trace", rename_all = "snake_case")]
pub enum Trace {
    /// The card was powered on.
    PowerOn {
        /// Bytes of its answer to reset.
        atr_bytes: u32,
        /// Microseconds that it took.
        us: u64,
    },
    /// Powering on failed.
    PowerOnFailed {
        /// Why.
        reason: Reason,
        /// Microseconds until that was known.
        us: u64,
    },
    /// A command was answered.
    Exchange {
        /// Header of the command.
        header: Header,
        /// Bytes of the answer's data.
        answer_bytes: u32,
        /// Status word.
        status: u16,
        /// Microseconds from the command to the answer.
        us: u64,
    },
    /// A command was not answered.
    ExchangeFailed {
        /// Header of the command.
        header: Header,
        /// Why.
        reason: Reason,
        /// Whether the card carried it out.
        outcome: Outcome,
        /// Microseconds until that was known.
        us: u64,
    },
    /// The card was powered off.
    PowerOff,
}

/// What of a command is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Class; 0 like the next three when the command is too short to have one.
    pub cla: u8,
    /// Instruction.
    pub ins: u8,
    /// First parameter.
    pub p1: u8,
    /// Second parameter.
    pub p2: u8,
    /// Bytes of data (Lc).
    pub data_bytes: u32,
    /// Bytes asked for (Le), 1 to 65536; `None` when the command asks for none.
    pub le: Option<u32>,
}

/// Why something failed: [`SlotError`] without names and texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the error of the same name")]
pub enum Reason {
    NoReader,
    NoCard,
    Removed,
    Mute,
    AnswerToReset,
    Contact,
    NotPowered,
    Timeout,
    Busy,
    ResetByOther,
    Service,
    Answer,
    Dialogue,
}

/// One entry of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Number of the entry since the log was made, from 1.
    pub number: u64,
    /// Microseconds since the log was made.
    pub at_us: u64,
    /// What happened.
    #[serde(flatten)]
    pub trace: Trace,
}

/// The last [`TRACES_MAX`] entries, shared by whoever writes and whoever shows them.
#[derive(Clone)]
pub struct TraceLog {
    ring: Arc<Mutex<Ring>>,
}

struct Ring {
    start: Instant,
    written: u64,
    entries: VecDeque<Entry>,
}

/// A slot that is looked at.
#[derive(Debug)]
pub struct TraceSlot<S> {
    inner: S,
    log: TraceLog,
}

impl TraceLog {
    /// An empty log.
    pub fn new() -> Self {
        let ring = Ring { start: Instant::now(), written: 0, entries: VecDeque::with_capacity(TRACES_MAX) };
        TraceLog { ring: Arc::new(Mutex::new(ring)) }
    }

    /// Writes one entry, forgetting the oldest when full.
    pub fn push(&self, trace: Trace) {
        let mut ring = self.lock();
        ring.written += 1;
        let entry = Entry { number: ring.written, at_us: micros(ring.start.elapsed()), trace };
        if ring.entries.len() == TRACES_MAX {
            ring.entries.pop_front();
        }
        ring.entries.push_back(entry);
    }

    /// The entries that are kept, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.iter().copied().collect()
    }

    /// Entries ever written, kept or forgotten.
    pub fn written(&self) -> u64 {
        self.lock().written
    }

    /// The entries as a JSON array.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.entries())
            .unwrap_or_else(|error| unreachable!("numbers and names always serialise: {error}"))
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: CardSlot> TraceSlot<S> {
    /// Puts it around `inner` and writes to `log`.
    pub fn new(inner: S, log: TraceLog) -> Self {
        TraceSlot { inner, log }
    }

    /// The log.
    pub fn log(&self) -> &TraceLog {
        &self.log
    }

    /// The slot inside.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The slot inside, to look at.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: CardSlot> CardSlot for TraceSlot<S> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn wait_card(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        self.inner.wait_card(timeout_ms)
    }

    fn wait_removal(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        self.inner.wait_removal(timeout_ms)
    }

    fn power_on(&mut self) -> Result<Vec<u8>, SlotError> {
        let start = Instant::now();
        let result = self.inner.power_on();
        let us = micros(start.elapsed());
        self.log.push(match &result {
            Ok(atr) => Trace::PowerOn { atr_bytes: length(atr.len()), us },
            Err(error) => Trace::PowerOnFailed { reason: Reason::of(error), us },
        });
        result
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, SlotError> {
        let header = Header::of(command);
        let start = Instant::now();
        let result = self.inner.transmit(command);
        let us = micros(start.elapsed());
        self.log.push(match &result {
            Ok(answer) => Trace::Exchange {
                header,
                answer_bytes: length(answer.len().saturating_sub(2)),
                status: match answer.as_slice() {
                    [.., sw1, sw2] => u16::from_be_bytes([*sw1, *sw2]),
                    _ => 0,
                },
                us,
            },
            Err(error) => {
                Trace::ExchangeFailed { header, reason: Reason::of(error), outcome: error.outcome(), us }
            }
        });
        result
    }

    fn power_off(&mut self) {
        self.inner.power_off();
        self.log.push(Trace::PowerOff);
    }
}

impl Header {
    /// What may be written down of a command.
    pub fn of(command: &[u8]) -> Self {
        if let Ok(parsed) = CommandApdu::parse(command) {
            let CommandApdu { cla, ins, p1, p2, data, le } = parsed;
            return Header { cla, ins, p1, p2, data_bytes: length(data.len()), le };
        }
        // Not a command, but somebody sent it: its header is still worth knowing.
        let byte = |at: usize| command.get(at).copied().unwrap_or(0);
        let data_bytes = length(command.len().saturating_sub(4));
        Header { cla: byte(0), ins: byte(1), p1: byte(2), p2: byte(3), data_bytes, le: None }
    }
}

impl Reason {
    /// The kind of an error.
    pub fn of(error: &SlotError) -> Self {
        match error {
            SlotError::NoReader { .. } => Self::NoReader,
            SlotError::NoCard => Self::NoCard,
            SlotError::Removed { .. } => Self::Removed,
            SlotError::Mute => Self::Mute,
            SlotError::AnswerToReset => Self::AnswerToReset,
            SlotError::Contact { .. } => Self::Contact,
            SlotError::NotPowered => Self::NotPowered,
            SlotError::Timeout { .. } => Self::Timeout,
            SlotError::Busy { .. } => Self::Busy,
            SlotError::ResetByOther { .. } => Self::ResetByOther,
            SlotError::Service { .. } => Self::Service,
            SlotError::Answer { .. } => Self::Answer,
            SlotError::Dialogue { .. } => Self::Dialogue,
        }
    }
}

impl Default for TraceLog {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TraceLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceLog({} entries)", self.written())
    }
}

/// One line per entry, oldest first.
impl fmt::Display for TraceLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries().iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, us) = (self.at_us / 1_000_000, self.at_us % 1_000_000);
        write!(f, "{:5} {seconds:4}.{us:06} {}", self.number, self.trace)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOn { atr_bytes, us } => write!(f, "power on: ATR of {atr_bytes} bytes, {us} µs"),
            Self::PowerOnFailed { reason, us } => write!(f, "power on: {reason:?}, {us} µs"),
            Self::Exchange { header, answer_bytes, status, us } => {
                write!(f, "{header} → {status:04X}, {answer_bytes} bytes, {us} µs")
            }
            Self::ExchangeFailed { header, reason, outcome, us } => {
                write!(f, "{header} → {reason:?} ({outcome:?}), {us} µs")
            }
            Self::PowerOff => f.write_str("power off"),
        }
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header { cla, ins, p1, p2, data_bytes, le } = self;
        write!(f, "{cla:02X} {ins:02X} {p1:02X} {p2:02X} Lc {data_bytes}")?;
        le.map_or(Ok(()), |le| write!(f, " Le {le}"))
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::slot::{
        dialogue::{Dialogue, Fault},
        replay::ReplaySlot,
    };

    #[test]
    fn nothing_that_was_said_is_in_the_log() {
        let dialogue = Dialogue::new("planted")
            .power_on("3B6D000000814186")
            .exchange("0020000003314159", "63C2")
            .exchange("00DC012C04ABCDABCD", "9000")
            .exchange("00B2012C04", "DEADBEEF9000")
            .fault("805E010004271828FF", Fault::Removed { outcome: Outcome::Unknown })
            .unwrap();
        let mut slot = TraceSlot::new(ReplaySlot::new(dialogue), TraceLog::new());
        slot.power_on().unwrap();
        for command in ["0020000003314159", "00DC012C04ABCDABCD", "00B2012C04"] {
            slot.transmit(&hex::decode(command).unwrap()).unwrap();
        }
        slot.transmit(&hex::decode("805E010004271828FF").unwrap()).unwrap_err();
        slot.power_off();
        let (text, json) = (slot.log().to_string(), slot.log().to_json());
        for said in ["314159", "ABCD", "DEADBEEF", "271828", "51966", "49,65"] {
            assert!(
                !text.to_uppercase().contains(said) && !json.to_uppercase().contains(said),
                "{text}{json}"
            );
        }
        assert!(text.contains("00 20 00 00 Lc 3 → 63C2, 0 bytes"), "{text}");
        assert!(text.contains("00 B2 01 2C Lc 0 Le 4 → 9000, 4 bytes"), "{text}");
        assert!(text.contains("80 5E 01 00 Lc 4 → Removed (Unknown)"), "{text}");
        let back: Vec<Entry> = serde_json::from_str(&json).unwrap();
        assert_eq!(back, slot.log().entries());
        assert_eq!(back.len(), 6);
        assert!(back.windows(2).all(|pair| pair[0].at_us <= pair[1].at_us));
    }

    #[test]
    fn the_ring_forgets_the_oldest() {
        let log = TraceLog::new();
        for _ in 0..TRACES_MAX + 10 {
            log.push(Trace::PowerOff);
        }
        assert_eq!(log.entries().len(), TRACES_MAX);
        assert_eq!(log.entries()[0].number, 11);
        assert_eq!(log.written(), TRACES_MAX as u64 + 10);
    }

    #[test]
    fn what_is_no_command_has_a_header_too() {
        assert_eq!(Header::of(&[]), Header { cla: 0, ins: 0, p1: 0, p2: 0, data_bytes: 0, le: None });
        let broken = Header::of(&[0x00, 0x20, 0x00, 0x01, 0x09, 0x12]);
        assert_eq!((broken.ins, broken.p2, broken.data_bytes), (0x20, 1, 2));
    }
}
