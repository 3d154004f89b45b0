//! Writes down what is said to a card and what it answers.

use card_spec::apdu::CommandApdu;

use super::{
    CardSlot, SlotError,
    apdu::carries_pin,
    dialogue::{Bytes, DIALOGUE_STEPS_MAX, Dialogue, Fault, Step},
};

/// Bytes of a command before its data: CLA INS P1 P2 and Lc.
const HEADER_BYTES: usize = 5;

/// What is left out of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mask {
    /// The data of commands that carry a PIN. For cards of the laboratory.
    #[default]
    Pins,
    /// All data, both ways; headers, lengths and status words stay. For the cards of real people: the
    /// recording shows what went wrong and says nothing of whom.
    Data,
    /// Nothing. For simulated cards whose PIN is no secret.
    Nothing,
}

/// A slot that writes its dialogue down.
///
/// Put it next to the driver, inside of [`super::response::ResponseSlot`], to see what really went over.
#[derive(Debug)]
pub struct RecordSlot<S> {
    inner: S,
    dialogue: Dialogue,
    mask: Mask,
    dropped: usize,
}

impl<S: CardSlot> RecordSlot<S> {
    /// Records under `name`, without PINs.
    pub fn new(inner: S, name: impl Into<String>) -> Self {
        Self::with_mask(inner, name, Mask::default())
    }

    /// Records under `name`, leaving out what `mask` says.
    pub fn with_mask(inner: S, name: impl Into<String>, mask: Mask) -> Self {
        let dialogue = Dialogue { name: name.into(), note: String::new(), steps: Vec::new() };
        RecordSlot { inner, dialogue, mask, dropped: 0 }
    }

    /// What has been recorded so far; the first [`DIALOGUE_STEPS_MAX`] steps.
    pub fn dialogue(&self) -> &Dialogue {
        &self.dialogue
    }

    /// Steps that came after the recording was full.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// Ends the recording.
    pub fn finish(self) -> (S, Dialogue) {
        (self.inner, self.dialogue)
    }

    fn push(&mut self, step: Step) {
        if self.dialogue.steps.len() < DIALOGUE_STEPS_MAX {
            self.dialogue.steps.push(step);
        } else {
            self.dropped += 1;
        }
    }

    fn command(&self, command: &[u8]) -> Bytes {
        match self.mask {
            Mask::Pins if carries_pin(command) => Bytes::masked(command, HEADER_BYTES),
            Mask::Pins | Mask::Nothing => Bytes::plain(command),
            Mask::Data => {
                let mut bytes = Bytes::plain(command);
                match CommandApdu::parse(command) {
                    Ok(parsed) => {
                        let data_at =
                            if command.get(4) == Some(&0) { HEADER_BYTES + 2 } else { HEADER_BYTES };
                        bytes.mask(data_at..data_at + parsed.data.len());
                    }
                    Err(_) => bytes.mask(HEADER_BYTES..command.len()),
                }
                bytes
            }
        }
    }

    fn answer(&self, answer: &[u8]) -> Bytes {
        let mut bytes = Bytes::plain(answer);
        if self.mask == Mask::Data {
            bytes.mask(0..answer.len().saturating_sub(2));
        }
        bytes
    }
}

impl<S: CardSlot> CardSlot for RecordSlot<S> {
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
        self.push(Step::PowerOn { atr: Bytes::plain(&atr) });
        Ok(atr)
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, SlotError> {
        let result = self.inner.transmit(command);
        let said = self.command(command);
        match &result {
            Ok(answer) => {
                let answer = self.answer(answer);
                self.push(Step::Exchange { command: said, answer });
            }
            Err(error) => {
                if let Some(fault) = Fault::of(error) {
                    self.push(Step::Fault { command: said, fault });
                }
            }
        }
        result
    }

    fn power_off(&mut self) {
        self.inner.power_off();
        self.push(Step::PowerOff);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::slot::{Outcome, replay::ReplaySlot};

    const ATR: &str = "3B6D000000814186";

    fn talk(slot: &mut impl CardSlot) {
        slot.power_on().unwrap();
        slot.transmit(&[0x00, 0x20, 0x00, 0x00, 0x03, 0x12, 0x34, 0x56]).unwrap();
        slot.transmit(&[0x00, 0xB2, 0x01, 0x2C, 0x02]).unwrap();
        slot.transmit(&[0x00, 0xDC, 0x01, 0x2C, 0x02, 0xAA, 0xBB]).unwrap_err();
        slot.power_off();
    }

    fn source() -> Dialogue {
        Dialogue::new("source")
            .power_on(ATR)
            .exchange("0020000003123456", "9000")
            .exchange("00B2012C02", "C9BD9000")
            .fault("00DC012C02AABB", Fault::Removed { outcome: Outcome::Unknown })
            .power_off()
            .unwrap()
    }

    #[test]
    fn pins_are_left_out_and_the_recording_can_be_replayed() {
        let mut recorder = RecordSlot::new(ReplaySlot::new(source()), "talk");
        talk(&mut recorder);
        let (_, dialogue) = recorder.finish();
        let text = dialogue.to_json();
        assert!(!text.contains("123456"), "{text}");
        assert!(text.contains("0020000003******"), "{text}");
        let mut again = ReplaySlot::new(Dialogue::from_json(&text).unwrap());
        talk(&mut again);
        again.finish().unwrap();
    }

    #[test]
    fn all_data_is_left_out_for_real_people() {
        let mut recorder = RecordSlot::with_mask(ReplaySlot::new(source()), "talk", Mask::Data);
        talk(&mut recorder);
        let text = recorder.dialogue().to_json();
        for said in ["123456", "C9BD", "AABB"] {
            assert!(!text.contains(said), "{text}");
        }
        assert!(text.contains("****9000") && text.contains("00B2012C02"), "{text}");
    }

    #[test]
    fn nothing_is_left_out_on_request() {
        let mut recorder = RecordSlot::with_mask(ReplaySlot::new(source()), "source", Mask::Nothing);
        talk(&mut recorder);
        assert_eq!(recorder.finish().1, source());
    }

    #[test]
    fn a_full_recording_drops_the_rest() {
        let mut long = Dialogue::new("long").power_on(ATR).unwrap();
        long.steps.resize(DIALOGUE_STEPS_MAX, Step::PowerOff);
        let mut recorder = RecordSlot::new(ReplaySlot::new(long), "long");
        recorder.power_on().unwrap();
        for _ in 0..DIALOGUE_STEPS_MAX + 4 {
            recorder.power_off();
        }
        assert_eq!(recorder.dialogue().steps.len(), DIALOGUE_STEPS_MAX);
        assert_eq!(recorder.dropped(), 5);
    }
}
