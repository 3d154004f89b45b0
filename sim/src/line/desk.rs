//! What the protocols work with: the chip, what is to be said, and the clock.

use std::collections::VecDeque;

use super::{
    Counters, Manner,
    atr::{Parameters, Speed},
    clock::{Clock, Wait},
    fault::Faults,
};
use crate::fault::{Contact, Lost};

/// Longest that a card thinks, ten minutes: what it says meanwhile has to be kept.
const THINK_US_MAX: u64 = 600_000_000;

/// Something that the card is about to do at the line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// One character.
    Character { byte: u8, wait: Wait },
    /// One character that was counted already.
    Again { byte: u8, wait: Wait },
    /// Nothing, for so many nanoseconds.
    Silence(u64),
    /// From here on, characters have this speed.
    Agree(Speed),
}

/// What a protocol has at hand while it deals with one character.
pub(super) struct Desk<'a> {
    pub(super) contact: &'a mut Contact,
    pub(super) manner: &'a Manner,
    pub(super) faults: &'a mut Faults,
    pub(super) parameters: &'a Parameters,
    pub(super) counters: &'a mut Counters,
    pub(super) clock: Clock,
    pub(super) queue: &'a mut VecDeque<Item>,
}

/// What the chip has answered, and how long it has thought.
pub(super) struct Answer {
    pub(super) data: Vec<u8>,
    pub(super) status: [u8; 2],
    pub(super) think_ns: u64,
}

impl Desk<'_> {
    pub(super) fn say(&mut self, byte: u8, wait: Wait) {
        self.queue.push_back(Item::Character { byte, wait });
    }

    pub(super) fn say_all(&mut self, bytes: &[u8], wait: Wait) {
        bytes.iter().for_each(|byte| self.say(*byte, wait));
    }

    pub(super) fn silence(&mut self, ns: u64) {
        if ns > 0 {
            self.queue.push_back(Item::Silence(ns));
        }
    }

    /// Number of the command that comes next, from 1.
    pub(super) fn next_command(&self) -> u32 {
        self.contact.commands().saturating_add(1)
    }

    /// Hands the chip one command.
    ///
    /// Errors: contact is lost.
    pub(super) fn transmit(&mut self, command: &[u8]) -> Result<Answer, Lost> {
        let before = self.contact.chip().lock().traffic().chip_us;
        let answer = self.contact.transmit(command)?;
        Ok(self.answer(answer, before))
    }

    /// Fetches what the chip keeps back after `61xx`: the protocol's own command, which is not counted.
    ///
    /// Errors: contact is lost.
    pub(super) fn fetch(&mut self, bytes: u8) -> Result<Answer, Lost> {
        let mut chip = self.contact.chip().lock();
        let before = chip.traffic().chip_us;
        let answer = chip.transmit(&[0x00, 0xC0, 0x00, 0x00, bytes]).map_err(|_| Lost::After)?;
        drop(chip);
        let mut answer = self.answer(answer, before);
        answer.think_ns = answer.think_ns.saturating_sub(self.manner.think_us.saturating_mul(1_000));
        Ok(answer)
    }

    fn answer(&self, mut data: Vec<u8>, before_us: u64) -> Answer {
        let after_us = self.contact.chip().lock().traffic().chip_us;
        let think_us = after_us.saturating_sub(before_us).saturating_add(self.manner.think_us);
        let think_us = think_us.min(THINK_US_MAX);
        let mut tail = data.split_off(data.len().saturating_sub(2)).into_iter();
        // An answer without a status word is no answer of a chip; its bytes go over the line all the same.
        let status = [tail.next().unwrap_or(0x6F), tail.next().unwrap_or(0x00)];
        Answer { data, status, think_ns: think_us.saturating_mul(1_000) }
    }
}
