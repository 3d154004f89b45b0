//! Fetches what a T=0 card keeps waiting: `61xx` and `6Cxx`.
//!
//! Over T=0 a card cannot send and receive data in one command. It answers `61xx`, and the bytes are
//! fetched with GET RESPONSE; and it answers `6Cxx` when Le was not exact, having done nothing yet. Some
//! readers hide both, so a slot with this around it behaves the same on all of them.

use card_spec::{
    apdu::{ANSWER_DATA_BYTES_MAX, CommandApdu},
    atr::Atr,
    status::StatusWord,
};

use super::{ANSWER_BYTES_MAX, CardSlot, SlotError};

/// Most GET RESPONSE commands for one command: the longest answer in the largest pieces.
pub const GET_RESPONSE_MAX: usize = ANSWER_BYTES_MAX.div_ceil(ANSWER_DATA_BYTES_MAX);

const GET_RESPONSE: u8 = 0xC0;

/// A slot whose answers are whole.
///
/// A command is sent once. It is sent a second time only after `6Cxx`, by which the card says that it has
/// not carried it out. Source: ISO/IEC 7816-3 §12.2, ISO/IEC 7816-4 §5.6.
#[derive(Debug)]
pub struct ResponseSlot<S> {
    inner: S,
    transport: Transport,
}

/// Which rules the card follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    /// T=0: a command with data has no room for Le.
    Characters,
    /// T=1 or contactless.
    Blocks,
}

impl<S: CardSlot> ResponseSlot<S> {
    /// Puts it around `inner`.
    pub fn new(inner: S) -> Self {
        ResponseSlot { inner, transport: Transport::Characters }
    }

    /// The slot inside.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The slot inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The slot inside. Powering it on directly hides the card's protocol from this decorator.
    pub fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    fn fetch(&mut self, class: u8, first: Vec<u8>) -> Result<Vec<u8>, SlotError> {
        let mut whole = first;
        for _ in 0..GET_RESPONSE_MAX {
            let Some(waiting) = status(&whole).and_then(StatusWord::bytes_waiting) else { return Ok(whole) };
            whole.truncate(whole.len() - 2);
            let mut part = self.get_response(class, waiting)?;
            // The card corrects how much it has; it still has it.
            if let Some(exact) = status(&part).and_then(StatusWord::exact_length) {
                part = self.get_response(class, exact)?;
            }
            if status(&part).is_none() {
                return Err(SlotError::Answer { bytes: part.len() });
            }
            whole.extend_from_slice(&part);
            if whole.len() > ANSWER_BYTES_MAX {
                return Err(SlotError::Answer { bytes: whole.len() });
            }
        }
        match status(&whole).and_then(StatusWord::bytes_waiting) {
            None => Ok(whole),
            Some(_) => Err(SlotError::Answer { bytes: whole.len() }),
        }
    }

    fn get_response(&mut self, class: u8, bytes: u16) -> Result<Vec<u8>, SlotError> {
        let le = bytes.to_be_bytes()[1];
        self.inner.transmit(&[class, GET_RESPONSE, 0, 0, le]).map_err(SlotError::after_command)
    }
}

impl<S: CardSlot> CardSlot for ResponseSlot<S> {
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
        let atr = self.inner.power_on()?;
        self.transport = transport(&atr);
        Ok(atr)
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, SlotError> {
        let mut answer = self.inner.transmit(without_le(command, self.transport))?;
        if let Some(exact) = status(&answer).and_then(StatusWord::exact_length)
            && let Some(repeated) = with_le(command, exact)
        {
            answer = self.inner.transmit(&repeated)?;
        }
        let class = command.first().map_or(0, |class| response_class(*class));
        self.fetch(class, answer)
    }

    fn power_off(&mut self) {
        self.inner.power_off();
    }
}

fn status(answer: &[u8]) -> Option<StatusWord> {
    match answer {
        [.., sw1, sw2] => Some(StatusWord::new(*sw1, *sw2)),
        _ => None,
    }
}

/// The protocol that will be spoken: T=1 if the card offers it, as pcscd chooses.
///
/// An answer to reset that cannot be understood is treated as T=0, ISO's default.
fn transport(atr: &[u8]) -> Transport {
    let offers_blocks = Atr::parse(atr).is_ok_and(|atr| atr.protocols().any(|protocol| protocol == 1));
    if offers_blocks { Transport::Blocks } else { Transport::Characters }
}

/// The command without the Le that a T=0 command with data has no room for (ISO/IEC 7816-3 §12.2.5).
fn without_le(command: &[u8], transport: Transport) -> &[u8] {
    match CommandApdu::parse(command) {
        Ok(parsed)
            if transport == Transport::Characters
                && !parsed.is_extended()
                && !parsed.data.is_empty()
                && parsed.le.is_some()
                && command.len() == parsed.data.len() + 6 =>
        {
            &command[..command.len() - 1]
        }
        _ => command,
    }
}

/// The command with this Le. `None` when it cannot have one, so that repeating it would not help.
fn with_le(command: &[u8], le: u16) -> Option<Vec<u8>> {
    let parsed = CommandApdu::parse(command).ok()?;
    // Without data, or with Le already there, the command is one that asks for an answer of some length.
    if !parsed.data.is_empty() && parsed.le.is_none() {
        return None;
    }
    let repeated = CommandApdu { le: Some(u32::from(le)), ..parsed };
    repeated.build::<{ card_spec::apdu::COMMAND_BYTES_MAX }>().ok().map(|bytes| bytes.to_vec())
}

/// GET RESPONSE goes to the logical channel of its command; secure messaging and own classes do not apply.
fn response_class(class: u8) -> u8 {
    if class & 0xE0 == 0 { class & 0x03 } else { 0 }
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

    const T0: &str = "3B6D000000814186";
    /// A contactless card without historical bytes (PC/SC part 3 §3.1.3.2.3).
    const T1: &str = "3B80800101";

    fn slot(atr: &str, exchanges: &[(&str, &str)]) -> ResponseSlot<ReplaySlot> {
        let mut dialogue = Dialogue::new("response").power_on(atr);
        for (command, answer) in exchanges {
            dialogue = dialogue.exchange(command, answer);
        }
        let mut slot = ResponseSlot::new(ReplaySlot::new(dialogue.unwrap()));
        slot.power_on().unwrap();
        slot
    }

    fn run(slot: &mut ResponseSlot<ReplaySlot>, command: &str) -> Result<String, SlotError> {
        slot.transmit(&hex::decode(command).unwrap()).map(hex::encode_upper)
    }

    #[test]
    fn waiting_bytes_are_fetched() {
        let select = "00A4040007D1560000010101";
        let mut slot = slot(T0, &[(select, "6105"), ("00C0000005", "6F03840191 9000")]);
        assert_eq!(run(&mut slot, select).unwrap(), "6F038401919000");
        slot.inner().finish().unwrap();
    }

    #[test]
    fn a_t0_command_with_data_loses_its_le() {
        let mut slot = slot(T0, &[("0088000002AABB", "6102"), ("00C0000002", "CCDD9000")]);
        assert_eq!(run(&mut slot, "0088000002AABB08").unwrap(), "CCDD9000");
        slot.inner().finish().unwrap();
    }

    #[test]
    fn a_t1_command_keeps_its_le() {
        let mut slot = slot(T1, &[("0088000002AABB08", "CCDD9000")]);
        assert_eq!(run(&mut slot, "0088000002AABB08").unwrap(), "CCDD9000");
    }

    #[test]
    fn wrong_le_is_repeated_once_with_the_right_one() {
        let mut good = slot(T0, &[("00B2012C00", "6C03"), ("00B2012C03", "010203 9000")]);
        assert_eq!(run(&mut good, "00B2012C00").unwrap(), "0102039000");
        // A card that changes its mind is not followed for ever.
        let mut bad = slot(T0, &[("00B2012C00", "6C03"), ("00B2012C03", "6C04")]);
        assert_eq!(run(&mut bad, "00B2012C00").unwrap(), "6C04");
    }

    #[test]
    fn a_command_that_cannot_ask_is_never_repeated() {
        let update = "00D6960002AABB";
        let mut slot = slot(T0, &[(update, "6C05")]);
        assert_eq!(run(&mut slot, update).unwrap(), "6C05");
        slot.inner().finish().unwrap();
    }

    #[test]
    fn get_response_corrects_its_length() {
        let mut slot =
            slot(T0, &[("8470000001AA", "6110"), ("00C0000010", "6C02"), ("00C0000002", "CCDD9000")]);
        assert_eq!(run(&mut slot, "8470000001AA").unwrap(), "CCDD9000");
    }

    #[test]
    fn long_answers_come_in_pieces() {
        let piece = "00".repeat(256);
        let mut slot = slot(
            T0,
            &[
                ("00CB000001AA", "6100"),
                ("00C0000000", &format!("{piece}6100")),
                ("00C0000000", &format!("{piece}6102")),
                ("00C0000002", "ABCD9000"),
            ],
        );
        let answer = run(&mut slot, "00CB000001AA").unwrap();
        assert_eq!(answer.len() / 2, 512 + 2 + 2);
        assert!(answer.ends_with("ABCD9000"));
    }

    #[test]
    fn an_endless_card_is_stopped() {
        // No data, but always more to come.
        let command = "00CB000001AA";
        let mut steps = vec![(command, "6101")];
        steps.extend(std::iter::repeat_n(("00C0000001", "6101"), GET_RESPONSE_MAX));
        let mut empty = slot(T0, &steps);
        assert_eq!(run(&mut empty, command), Err(SlotError::Answer { bytes: 2 }));
        empty.inner().finish().unwrap();
        // Data beyond the longest answer.
        let full = format!("{}6100", "00".repeat(256));
        let mut steps = vec![(command, "6100")];
        steps.extend(std::iter::repeat_n(("00C0000000", full.as_str()), GET_RESPONSE_MAX));
        let mut long = slot(T0, &steps);
        assert!(matches!(run(&mut long, command), Err(SlotError::Answer { .. })));
    }

    #[test]
    fn losing_the_answer_of_a_done_command_is_unknown() {
        let debit = "B02C01000F000000000000000000000000000000";
        let dialogue = Dialogue::new("pulled before GET RESPONSE")
            .power_on(T0)
            .exchange(debit, "6108")
            .fault("00C0000008", Fault::Removed { outcome: Outcome::NotDone })
            .unwrap();
        let mut slot = ResponseSlot::new(ReplaySlot::new(dialogue));
        slot.power_on().unwrap();
        let error = run(&mut slot, debit).unwrap_err();
        assert_eq!(error, SlotError::Removed { outcome: Outcome::Unknown });
    }

    #[test]
    fn the_response_comes_over_the_channel_of_its_command() {
        assert_eq!([0x00, 0x01, 0x0C, 0x84, 0xB0].map(response_class), [0, 1, 0, 0, 0]);
    }
}
