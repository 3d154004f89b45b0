//! Counts what a session costs: commands, bytes, time on the line, and our own time on top.

use std::time::{Duration, Instant};

use card_spec::apdu::CommandApdu;

use super::{CardSlot, SlotError};

/// Our own pauses that are kept one by one; further ones only add to the sum.
pub const PAUSES_MAX: usize = 4_096;

/// Bits of one character over T=0: start, eight of data, parity, two of guard time, each one elementary
/// time unit long. Source: ISO/IEC 7816-3 §7.2, §10.2.
pub const CHARACTER_ETU: u64 = 12;

/// What a session has cost so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Times the card was powered on.
    pub power_ons: u64,
    /// Commands that were answered.
    pub commands: u64,
    /// Commands that were not.
    pub failed: u64,
    /// Bytes of all commands.
    pub command_bytes: u64,
    /// Bytes of all answers, status words included.
    pub answer_bytes: u64,
    /// Characters that answered commands put on a T=0 line.
    pub characters: u64,
    /// Time from each command to its answer: line, card, reader and service.
    pub exchange: Duration,
    /// Time between an answer and the next command: what is ours.
    pub own: Duration,
    pauses: Vec<Duration>,
}

/// A slot whose traffic is counted. Put it next to the driver, so that it sees what the line sees.
#[derive(Debug)]
pub struct CountSlot<S> {
    inner: S,
    counters: Counters,
    last: Option<Instant>,
}

impl Counters {
    /// Time that the characters need on a T=0 line at `baud` bits per second, in microseconds.
    ///
    /// 9600 is what every card starts with, 115200 what PPS can agree on. It is the line alone: no card
    /// thinks in zero time.
    pub fn line_us(&self, baud: u64) -> u64 {
        self.characters * CHARACTER_ETU * 1_000_000 / baud.max(1)
    }

    /// The pause that 99 of 100 of our pauses between two commands do not exceed; zero without pauses.
    pub fn own_p99(&self) -> Duration {
        let mut pauses = self.pauses.clone();
        pauses.sort_unstable();
        let rank = (pauses.len() * 99).div_ceil(100);
        pauses.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

impl<S: CardSlot> CountSlot<S> {
    /// Puts it around `inner`.
    pub fn new(inner: S) -> Self {
        CountSlot { inner, counters: Counters::default(), last: None }
    }

    /// What has been counted since the last [`CountSlot::take`].
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Gives what has been counted and starts at zero.
    pub fn take(&mut self) -> Counters {
        std::mem::take(&mut self.counters)
    }

    /// The slot inside.
    pub fn into_inner(self) -> S {
        self.inner
    }

    fn end_pause(&mut self, now: Instant) {
        if let Some(last) = self.last.take() {
            let pause = now - last;
            self.counters.own += pause;
            if self.counters.pauses.len() < PAUSES_MAX {
                self.counters.pauses.push(pause);
            }
        }
    }
}

impl<S: CardSlot> CardSlot for CountSlot<S> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn wait_card(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        self.inner.wait_card(timeout_ms)
    }

    fn wait_removal(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        // Waiting for a person is no time of ours.
        self.last = None;
        self.inner.wait_removal(timeout_ms)
    }

    fn power_on(&mut self) -> Result<Vec<u8>, SlotError> {
        let atr = self.inner.power_on()?;
        self.counters.power_ons += 1;
        self.last = Some(Instant::now());
        Ok(atr)
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, SlotError> {
        let start = Instant::now();
        self.end_pause(start);
        let result = self.inner.transmit(command);
        let end = Instant::now();
        self.counters.exchange += end - start;
        match &result {
            Ok(answer) => {
                self.counters.commands += 1;
                self.counters.command_bytes += command.len() as u64;
                self.counters.answer_bytes += answer.len() as u64;
                self.counters.characters += characters(command, answer);
                self.last = Some(end);
            }
            Err(_) => self.counters.failed += 1,
        }
        result
    }

    fn power_off(&mut self) {
        self.end_pause(Instant::now());
        self.inner.power_off();
    }
}

/// Characters of one exchange over T=0: header, procedure byte, data either way, status word.
///
/// A command of case 4 is counted as what it is on the line only by the slot below
/// [`super::response::ResponseSlot`], where GET RESPONSE is a command of its own.
/// Source: ISO/IEC 7816-3 §10.3.
fn characters(command: &[u8], answer: &[u8]) -> u64 {
    let sent = CommandApdu::parse(command).map_or(0, |parsed| parsed.data.len());
    let received = answer.len().saturating_sub(2);
    let procedure = u64::from(sent > 0) + u64::from(received > 0);
    5 + procedure + sent as u64 + received as u64 + 2
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::slot::{
        Outcome,
        dialogue::{Dialogue, Fault},
        replay::ReplaySlot,
    };
    use std::thread;

    #[test]
    fn one_session() {
        let dialogue = Dialogue::new("session")
            .power_on("3B00")
            .exchange("00A40000023F00", "6114")
            .exchange("00B2012C12", &format!("{}9000", "00".repeat(18)))
            .fault("00B2022C12", Fault::Removed { outcome: Outcome::Unknown })
            .unwrap();
        let mut slot = CountSlot::new(ReplaySlot::new(dialogue));
        slot.power_on().unwrap();
        slot.transmit(&hex::decode("00A40000023F00").unwrap()).unwrap();
        thread::sleep(Duration::from_millis(3));
        slot.transmit(&hex::decode("00B2012C12").unwrap()).unwrap();
        slot.transmit(&hex::decode("00B2022C12").unwrap()).unwrap_err();
        slot.power_off();
        let counters = slot.take();
        assert_eq!((counters.power_ons, counters.commands, counters.failed), (1, 2, 1));
        assert_eq!((counters.command_bytes, counters.answer_bytes), (12, 22));
        // 5 + 1 + 2 + 2, and 5 + 1 + 18 + 2.
        assert_eq!(counters.characters, 10 + 26);
        assert_eq!(counters.line_us(9_600), 45_000);
        assert_eq!(counters.line_us(115_200), 3_750);
        assert!(counters.own >= Duration::from_millis(3));
        assert!(counters.own_p99() >= Duration::from_millis(3), "the longest of three");
        assert_eq!(slot.counters(), &Counters::default());
    }

    #[test]
    fn pauses_are_bounded() {
        let mut counters = CountSlot::new(ReplaySlot::new(Dialogue::new("none").unwrap()));
        for _ in 0..PAUSES_MAX + 5 {
            counters.last = Some(Instant::now());
            counters.end_pause(Instant::now());
        }
        assert_eq!(counters.counters().pauses.len(), PAUSES_MAX);
        assert_eq!(Counters::default().own_p99(), Duration::ZERO);
    }
}
