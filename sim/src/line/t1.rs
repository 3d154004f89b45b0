//! T=1: blocks, numbered, chained and checked.
//!
//! Source: ISO/IEC 7816-3 §11. Rules are named as there.

use std::mem;

use super::{
    atr::{Check, Parameters, exclusive_or},
    clock::Wait,
    desk::{Answer, Desk},
};
use crate::fault::Lost;

/// Longest command that a chain may bring: an extended APDU.
const COMMAND_BYTES_MAX: usize = 4 + 3 + 65_535 + 2;
/// Longest information field.
const FIELD_BYTES_MAX: u8 = 254;
/// Field size before anything else is agreed on.
const FIELD_BYTES_DEFAULT: u8 = 32;
const PROLOGUE_BYTES: usize = 3;
/// Units between blocks of opposite directions beyond those of a character: 22 in all, at the least.
const TURN_ETU: u64 = 11;

const RESYNCH: u8 = 0xC0;
const IFS: u8 = 0xC1;
const ABORT: u8 = 0xC2;
const WTX: u8 = 0xC3;
/// Makes a response of a request.
const RESPONSE: u8 = 0x20;
/// Error bits of R-blocks.
const ERROR_CHECK: u8 = 1;
const ERROR_OTHER: u8 = 2;

/// The card's state between two characters.
pub(super) struct T1 {
    check: Check,
    /// Block as far as it has come, and whether one of its characters was broken.
    received: Vec<u8>,
    is_broken: bool,
    /// Number of the reader's next I-block.
    expected: u8,
    /// Number of our next I-block.
    number: u8,
    /// Longest field that we take, and that the reader takes.
    ifsc: u8,
    ifsd: u8,
    ifsc_first: u8,
    /// Command as far as a chain has brought it.
    command: Vec<u8>,
    /// What is left to be sent of an answer whose first part has gone.
    rest: Vec<u8>,
    /// Block that would be sent again, without faults.
    last: Vec<u8>,
    /// A request of ours that the reader has to answer.
    asked: Option<Asked>,
    has_asked_ifs: bool,
}

/// A request of the card, and what it was about to do.
enum Asked {
    /// Another field size; the command comes after it.
    Ifs(u8),
    /// More time for an answer that is ready then.
    Time { multiplier: u8, answer: Vec<u8>, think_ns: u64, storm: Option<(u32, u8)> },
    /// The reader's chain to be given up.
    Abort,
}

impl T1 {
    pub(super) fn new(parameters: &Parameters) -> Self {
        Self {
            check: parameters.check,
            received: Vec::new(),
            is_broken: false,
            expected: 0,
            number: 0,
            ifsc: parameters.ifsc,
            ifsd: FIELD_BYTES_DEFAULT,
            ifsc_first: parameters.ifsc,
            command: Vec::new(),
            rest: Vec::new(),
            last: Vec::new(),
            asked: None,
            has_asked_ifs: false,
        }
    }

    /// Whether the next character begins a block.
    pub(super) fn is_idle(&self) -> bool {
        self.received.is_empty()
    }

    fn check_bytes(&self) -> usize {
        match self.check {
            Check::Lrc => 1,
            Check::Crc => 2,
        }
    }

    /// Takes one character. Errors: contact is lost.
    pub(super) fn character(&mut self, byte: u8, is_broken: bool, desk: &mut Desk<'_>) -> Result<(), Lost> {
        self.received.push(byte);
        self.is_broken |= is_broken;
        let Some(length) = self.received.get(2) else { return Ok(()) };
        if self.received.len() < PROLOGUE_BYTES + usize::from(*length) + self.check_bytes() {
            return Ok(());
        }
        self.judge(desk)
    }

    /// The reader listens instead of finishing its block: the card waits for its character waiting time, and
    /// says that the block was wrong.
    pub(super) fn interrupted(&mut self, desk: &mut Desk<'_>) {
        if self.received.is_empty() {
            return;
        }
        let (broken, nad) = (self.is_broken, self.received.first().copied().unwrap_or(0));
        self.received.clear();
        self.is_broken = false;
        desk.counters.reader_blocks += 1;
        desk.silence(desk.clock.limit(Wait::Character, desk.parameters));
        self.refuse(nad, if broken { ERROR_CHECK } else { ERROR_OTHER }, desk);
    }

    fn judge(&mut self, desk: &mut Desk<'_>) -> Result<(), Lost> {
        let block = mem::take(&mut self.received);
        let broken = mem::take(&mut self.is_broken);
        desk.counters.reader_blocks += 1;
        let (body, check) = block.split_at(block.len() - self.check_bytes());
        let [nad, pcb, length, field @ ..] = body else { return Ok(()) };
        let (nad, pcb) = (*nad, *pcb);
        if broken || check != self.check_of(body) {
            self.refuse(nad, ERROR_CHECK, desk);
            return Ok(());
        }
        // Bits for a programming voltage, equal addresses, or a field longer than agreed (§11.3.2).
        let same_addresses = nad != 0 && nad >> 4 & 7 == nad & 7;
        if nad & 0x88 != 0 || same_addresses || *length > self.ifsc {
            self.refuse(nad, ERROR_OTHER, desk);
            return Ok(());
        }
        match pcb >> 6 {
            0 | 1 => self.information(nad, pcb, field, desk),
            2 => {
                self.receipt(nad, pcb, field, desk);
                Ok(())
            }
            _ => self.supervision(nad, pcb, field, desk),
        }
    }

    fn information(&mut self, nad: u8, pcb: u8, field: &[u8], desk: &mut Desk<'_>) -> Result<(), Lost> {
        let (number, more) = (pcb >> 6 & 1, pcb & 0x20 != 0);
        // Not while a request of ours or the rest of our chain is open (rules 2.1, 2.2, 3).
        if pcb & 0x1F != 0 || number != self.expected || self.asked.is_some() || !self.rest.is_empty() {
            self.refuse(nad, ERROR_OTHER, desk);
            return Ok(());
        }
        self.expected ^= 1;
        if self.command.len() + field.len() > COMMAND_BYTES_MAX {
            self.command.clear();
            self.asked = Some(Asked::Abort);
            self.block(nad, ABORT, &[], desk);
            return Ok(());
        }
        self.command.extend_from_slice(field);
        if more {
            self.acknowledge(nad, 0, desk);
            return Ok(());
        }
        if let Some(bytes) = desk.manner.asks_ifs.filter(|_| !self.has_asked_ifs) {
            self.has_asked_ifs = true;
            self.asked = Some(Asked::Ifs(bytes));
            self.block(nad, IFS, &[bytes], desk);
            return Ok(());
        }
        self.execute(nad, desk)
    }

    fn execute(&mut self, nad: u8, desk: &mut Desk<'_>) -> Result<(), Lost> {
        let command = mem::take(&mut self.command);
        let storm = desk.faults.time_requests(desk.next_command());
        let mut answer = desk.transmit(&command)?;
        if desk.manner.unwraps {
            unwrap(&command, &mut answer, desk)?;
        }
        let Answer { mut data, status, think_ns } = answer;
        data.extend_from_slice(&status);
        self.think(nad, data, think_ns, 1, storm, desk);
        Ok(())
    }

    /// Thinks for as long as `multiplier` block waiting times allow, then answers or asks for more.
    fn think(
        &mut self,
        nad: u8,
        answer: Vec<u8>,
        think_ns: u64,
        multiplier: u8,
        storm: Option<(u32, u8)>,
        desk: &mut Desk<'_>,
    ) {
        let waiting = desk.clock.limit(Wait::Block, desk.parameters);
        let granted = waiting.saturating_mul(u64::from(multiplier.max(1)));
        if let Some((requests, asks)) = storm.filter(|(requests, _)| *requests > 0) {
            desk.counters.time_requests += 1;
            self.asked =
                Some(Asked::Time { multiplier: asks, answer, think_ns, storm: Some((requests - 1, asks)) });
            self.block(nad, WTX, &[asks], desk);
        } else if think_ns > granted / 4 * 3 {
            let spent = granted / 2;
            let left = think_ns - spent;
            let asks = u8::try_from(left.div_ceil(waiting.max(1)) + 1).unwrap_or(u8::MAX);
            desk.silence(spent);
            desk.counters.time_requests += 1;
            self.asked = Some(Asked::Time { multiplier: asks, answer, think_ns: left, storm: None });
            self.block(nad, WTX, &[asks], desk);
        } else {
            desk.silence(think_ns);
            self.rest = answer;
            self.next_part(nad, desk);
        }
    }

    /// Sends the next part of the answer; there is one.
    fn next_part(&mut self, nad: u8, desk: &mut Desk<'_>) {
        let part = self.rest.len().min(usize::from(self.ifsd));
        let field: Vec<u8> = self.rest.drain(..part).collect();
        let more = if self.rest.is_empty() { 0 } else { 0x20 };
        let pcb = self.number << 6 | more;
        self.number ^= 1;
        self.block(nad, pcb, &field, desk);
    }

    fn receipt(&mut self, nad: u8, pcb: u8, field: &[u8], desk: &mut Desk<'_>) {
        if pcb & 0x20 != 0 || !field.is_empty() {
            self.refuse(nad, ERROR_OTHER, desk);
            return;
        }
        let number = pcb >> 4 & 1;
        let last_is_information = self.last.get(1).is_some_and(|pcb| pcb & 0x80 == 0);
        let is_next = number == self.number;
        if self.asked.is_some() || self.last.is_empty() {
            self.repeat(nad, desk);
        } else if is_next && !self.rest.is_empty() && (last_is_information || pcb & 0x0F == 0) {
            // The part before has come: the next of the chain (rule 2.2).
            self.next_part(nad, desk);
        } else if is_next && last_is_information {
            // All of it has come; it is for the reader to go on.
            self.acknowledge(nad, 0, desk);
        } else {
            self.repeat(nad, desk);
        }
    }

    fn supervision(&mut self, nad: u8, pcb: u8, field: &[u8], desk: &mut Desk<'_>) -> Result<(), Lost> {
        match (pcb, field) {
            (RESYNCH, []) => {
                // Everything of the protocol is as at the beginning (rule 6).
                self.expected = 0;
                self.number = 0;
                self.ifsc = self.ifsc_first;
                self.ifsd = FIELD_BYTES_DEFAULT;
                self.forget();
                self.block(nad, RESYNCH | RESPONSE, &[], desk);
            }
            (IFS, [bytes @ 1..=FIELD_BYTES_MAX]) => {
                self.ifsd = *bytes;
                self.block(nad, IFS | RESPONSE, field, desk);
            }
            (ABORT, []) => {
                self.forget();
                self.block(nad, ABORT | RESPONSE, &[], desk);
            }
            (response, [bytes]) if response == IFS | RESPONSE => match self.asked.take() {
                Some(Asked::Ifs(asked)) if asked == *bytes => {
                    self.ifsc = asked;
                    return self.execute(nad, desk);
                }
                other => self.unwanted(nad, other, desk),
            },
            (response, [granted]) if response == WTX | RESPONSE => match self.asked.take() {
                Some(Asked::Time { multiplier, answer, think_ns, storm }) if multiplier == *granted => {
                    self.think(nad, answer, think_ns, multiplier, storm, desk);
                }
                other => self.unwanted(nad, other, desk),
            },
            (response, []) if response == ABORT | RESPONSE => match self.asked.take() {
                // Ours to go on: the command is refused for its length.
                Some(Asked::Abort) => {
                    self.rest = vec![0x67, 0x00];
                    self.next_part(nad, desk);
                }
                other => self.unwanted(nad, other, desk),
            },
            _ => self.refuse(nad, ERROR_OTHER, desk),
        }
        Ok(())
    }

    /// A response that answers no request, or another one: the request stands.
    fn unwanted(&mut self, nad: u8, asked: Option<Asked>, desk: &mut Desk<'_>) {
        self.asked = asked;
        self.refuse(nad, ERROR_OTHER, desk);
    }

    fn forget(&mut self) {
        self.command.clear();
        self.rest.clear();
        self.asked = None;
    }

    /// Says that a block was wrong; a request of ours is sent again instead (rule 7.1, 7.3).
    fn refuse(&mut self, nad: u8, error: u8, desk: &mut Desk<'_>) {
        desk.counters.wrong_blocks += 1;
        if self.asked.is_some() {
            self.repeat(nad, desk);
        } else {
            self.acknowledge(nad, error, desk);
        }
    }

    fn acknowledge(&mut self, nad: u8, error: u8, desk: &mut Desk<'_>) {
        self.block(nad, 0x80 | self.expected << 4 | error, &[], desk);
    }

    fn repeat(&mut self, nad: u8, desk: &mut Desk<'_>) {
        match self.last.clone() {
            last if last.is_empty() => self.acknowledge(nad, 0, desk),
            last => self.send(&last, desk),
        }
    }

    fn block(&mut self, nad: u8, pcb: u8, field: &[u8], desk: &mut Desk<'_>) {
        // The reader's addresses the other way round.
        let mut block = vec![(nad & 7) << 4 | nad >> 4 & 7, pcb, field.len() as u8];
        block.extend_from_slice(field);
        block.extend_from_slice(&self.check_of(&block));
        self.send(&block, desk);
        self.last = block;
    }

    fn send(&mut self, block: &[u8], desk: &mut Desk<'_>) {
        desk.counters.card_blocks += 1;
        let wrong = desk.faults.next_block();
        let mut body = block.get(..block.len() - self.check_bytes()).unwrap_or_default().to_vec();
        if let Some(pcb) = body.get_mut(1).filter(|_| wrong.sequence) {
            *pcb ^= if *pcb & 0x80 == 0 { 0x40 } else { 0x10 };
        }
        if let (Some(length), Some(announced)) = (body.get_mut(2), wrong.length) {
            *length = announced;
        }
        let mut check = self.check_of(&body);
        if wrong.check {
            check.iter_mut().for_each(|byte| *byte ^= 0x55);
        }
        body.extend_from_slice(&check);
        desk.silence(desk.clock.units(TURN_ETU));
        for (at, byte) in body.iter().enumerate() {
            desk.say(*byte, if at == 0 { Wait::Block } else { Wait::Character });
        }
    }

    fn check_of(&self, body: &[u8]) -> Vec<u8> {
        match self.check {
            Check::Lrc => vec![exclusive_or(body)],
            Check::Crc => crc(body).to_be_bytes().to_vec(),
        }
    }
}

/// Does what cards of this protocol do themselves: fetches what waits, and mends a wrong Le.
fn unwrap(command: &[u8], answer: &mut Answer, desk: &mut Desk<'_>) -> Result<(), Lost> {
    let asks = card_spec::apdu::CommandApdu::parse(command).is_ok_and(|command| command.le.is_some());
    // At most as often as there are bytes in the longest answer, 255 at a time.
    for _ in 0..=u16::MAX / 255 {
        let [0x61, waiting] = answer.status else { break };
        if !asks {
            break;
        }
        let more = desk.fetch(waiting)?;
        answer.data.extend_from_slice(&more.data);
        answer.status = more.status;
        answer.think_ns = answer.think_ns.saturating_add(more.think_ns);
    }
    Ok(())
}

/// Cyclic redundancy check of ISO/IEC 13239: x^16 + x^12 + x^5 + 1, least significant bit first.
fn crc(bytes: &[u8]) -> u16 {
    !bytes.iter().fold(0xFFFF_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x8408 } else { 0 })
    })
}

#[cfg(test)]
mod tests {
    use super::crc;

    #[test]
    fn check_value_of_the_crc() {
        // Known as CRC-16/IBM-SDLC (X.25).
        assert_eq!(crc(b"123456789"), 0x906E);
    }
}
