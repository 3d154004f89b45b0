//! T=0: characters, with procedure bytes of the card between header, data and status.
//!
//! The chip speaks of data that waits (61xx) and of right lengths (6Cxx) itself. Where one does not, because it
//! was made for T=1, the card does it here: T=0 has no other way. Source: ISO/IEC 7816-3 §10, §12.2.

use super::{
    Acknowledge,
    clock::Wait,
    desk::{Answer, Desk},
};
use crate::fault::Lost;

/// "Wait": starts the waiting time again.
const NULL: u8 = 0x60;
const INS_GET_RESPONSE: u8 = 0xC0;
const HEADER_BYTES: usize = 5;
/// Most bytes that P3 can ask for.
const ANSWER_BYTES_MAX: usize = 256;
const WRONG_INSTRUCTION: [u8; 2] = [0x6D, 0x00];

/// The state between two characters.
#[derive(Default)]
pub(super) struct T0 {
    /// Header and data as far as they have come.
    received: Vec<u8>,
    held: Option<Held>,
}

/// An answer that the reader has to ask for again.
struct Held {
    /// The command to repeat with the right length; `None`: GET RESPONSE.
    header: Option<[u8; 4]>,
    data: Vec<u8>,
    status: [u8; 2],
}

impl T0 {
    /// Whether the next character begins a command.
    pub(super) fn is_idle(&self) -> bool {
        self.received.is_empty()
    }

    /// Takes one character. Errors: contact is lost.
    pub(super) fn character(&mut self, byte: u8, desk: &mut Desk<'_>) -> Result<(), Lost> {
        self.received.push(byte);
        let [cla, ins, p1, p2, p3, data @ ..] = self.received.as_slice() else { return Ok(()) };
        let header = [*cla, *ins, *p1, *p2];
        let (p3, got) = (*p3, data.len());
        if self.received.len() == HEADER_BYTES {
            return self.begin(header, p3, desk);
        }
        if got < usize::from(p3) {
            if desk.manner.acknowledge == Acknowledge::OneByOne {
                desk.say(!header[1], Wait::Work);
            }
            return Ok(());
        }
        let command = std::mem::take(&mut self.received);
        let answer = desk.transmit(&command)?;
        self.finish_incoming(answer, desk);
        Ok(())
    }

    fn begin(&mut self, header: [u8; 4], p3: u8, desk: &mut Desk<'_>) -> Result<(), Lost> {
        let ins = header[1];
        // Such an instruction could not be told from a status word (§10.3.2).
        if matches!(ins >> 4, 6 | 9) {
            self.received.clear();
            desk.say_all(&WRONG_INSTRUCTION, Wait::Work);
            return Ok(());
        }
        let nulls = desk.faults.nulls(desk.next_command());
        for _ in 0..nulls {
            desk.say(NULL, Wait::Work);
        }
        desk.counters.nulls += u64::from(nulls);
        if let Some(held) = self.held.take() {
            let is_wanted = held.header.map_or(ins == INS_GET_RESPONSE, |again| again == header && p3 != 0);
            if is_wanted {
                self.received.clear();
                let Held { header: again, data, status } = held;
                self.finish_outgoing(again, p3, Answer { data, status, think_ns: 0 }, desk);
                return Ok(());
            }
        }
        let is_outgoing = desk.manner.outgoing.contains(&ins);
        if !is_outgoing && p3 > 0 {
            let procedure = match desk.manner.acknowledge {
                Acknowledge::All => ins,
                Acknowledge::OneByOne => !ins,
            };
            let procedure = desk.faults.procedure(desk.next_command()).unwrap_or(procedure);
            desk.say(procedure, Wait::Work);
            return Ok(());
        }
        let command = std::mem::take(&mut self.received);
        if is_outgoing {
            let wrong = desk.faults.procedure(desk.next_command());
            let answer = desk.transmit(&command)?;
            self.finish(Some(header), p3, answer, wrong, desk);
        } else {
            // Neither data nor an answer: the APDU has no fifth byte.
            let answer = desk.transmit(&header)?;
            self.finish_incoming(answer, desk);
        }
        Ok(())
    }

    /// Status of a command that has sent data; its own data have to be fetched.
    fn finish_incoming(&mut self, answer: Answer, desk: &mut Desk<'_>) {
        self.think(answer.think_ns, desk);
        let Answer { data, status, .. } = answer;
        if data.is_empty() {
            desk.say_all(&status, Wait::Work);
            return;
        }
        desk.say_all(&[0x61, length_byte(data.len())], Wait::Work);
        self.held = Some(Held { header: None, data, status });
    }

    fn finish_outgoing(&mut self, header: Option<[u8; 4]>, p3: u8, answer: Answer, desk: &mut Desk<'_>) {
        self.finish(header, p3, answer, None, desk);
    }

    /// Data and status of a command that asks for data: exactly as many as P3 says, or the right length.
    /// `header` is the command to repeat then, `None` for GET RESPONSE of what is held here.
    fn finish(
        &mut self,
        header: Option<[u8; 4]>,
        p3: u8,
        answer: Answer,
        wrong: Option<u8>,
        desk: &mut Desk<'_>,
    ) {
        self.think(answer.think_ns, desk);
        let wanted = if p3 == 0 { ANSWER_BYTES_MAX } else { usize::from(p3) };
        let Answer { mut data, status, .. } = answer;
        if data.is_empty() {
            if let Some(wrong) = wrong {
                desk.say(wrong, Wait::Work);
            }
            desk.say_all(&status, Wait::Work);
            return;
        }
        if data.len() < wanted {
            desk.say_all(&[0x6C, length_byte(data.len())], Wait::Work);
            self.held = Some(Held { header, data, status });
            return;
        }
        let rest = data.split_off(wanted);
        let ins = header.map_or(INS_GET_RESPONSE, |header| header[1]);
        match desk.manner.acknowledge {
            Acknowledge::All => {
                desk.say(wrong.unwrap_or(ins), Wait::Work);
                desk.say_all(&data, Wait::Work);
            }
            Acknowledge::OneByOne => {
                let mut wrong = wrong;
                for byte in data {
                    desk.say(wrong.take().unwrap_or(!ins), Wait::Work);
                    desk.say(byte, Wait::Work);
                }
            }
        }
        if rest.is_empty() {
            desk.say_all(&status, Wait::Work);
            return;
        }
        desk.say_all(&[0x61, length_byte(rest.len())], Wait::Work);
        self.held = Some(Held { header: None, data: rest, status });
    }

    /// Thinks, and says so before the reader loses patience.
    fn think(&self, mut ns: u64, desk: &mut Desk<'_>) {
        let patience = desk.clock.limit(Wait::Work, desk.parameters) / 2;
        while patience > 0 && ns > patience {
            desk.silence(patience);
            desk.say(NULL, Wait::Work);
            desk.counters.nulls += 1;
            ns -= patience;
        }
        desk.silence(ns);
    }
}

/// What 61xx and 6Cxx say of so many bytes: 256 and more are zero.
fn length_byte(bytes: usize) -> u8 {
    u8::try_from(bytes).unwrap_or(0)
}
