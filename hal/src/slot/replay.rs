//! Plays a recorded dialogue: a card that says what it said.

use super::{
    CardSlot, SlotError,
    apdu::masked_hex,
    dialogue::{Bytes, Dialogue, Fault, Step},
};

/// A slot that answers from a dialogue and checks each command against it.
///
/// A command that differs from the recorded one gets `Dialogue` with both sides and does not move the
/// dialogue on; every later command gets the same error, so that a flow that tries again cannot hide it.
#[derive(Debug)]
pub struct ReplaySlot {
    name: String,
    steps: Vec<Step>,
    next: usize,
    commands: usize,
    fault: Option<(usize, Fault)>,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Off,
    On,
    /// A fault that was placed has happened; the dialogue does not go on.
    Gone,
    /// The dialogue went another way.
    Failed(SlotError),
}

impl ReplaySlot {
    /// A slot with a card that will say its part of `dialogue`.
    pub fn new(dialogue: Dialogue) -> Self {
        ReplaySlot {
            name: format!("replay of {}", dialogue.name),
            steps: dialogue.steps,
            next: 0,
            commands: 0,
            fault: None,
            state: State::Off,
        }
    }

    /// Lets the `command`-th command, from 1, fail instead of being answered.
    ///
    /// The card does not come back; [`ReplaySlot::rewind`] starts the dialogue anew, without the fault.
    pub fn with_fault(mut self, command: usize, fault: Fault) -> Self {
        self.fault = Some((command, fault));
        self
    }

    /// Starts the dialogue anew, as by a new tap of the card, and takes a placed fault away.
    pub fn rewind(&mut self) {
        self.next = 0;
        self.commands = 0;
        self.fault = None;
        self.state = State::Off;
    }

    /// Whether everything was said that was recorded.
    ///
    /// Errors: `Dialogue` with the first difference, or with the first step that was never reached.
    pub fn finish(&self) -> Result<(), SlotError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        let rest = self.steps[self.next..].iter().find(|step| !matches!(step, Step::PowerOff));
        match rest {
            None => Ok(()),
            Some(step) => Err(self.difference(&describe(step), "nothing more")),
        }
    }

    fn difference(&self, expected: &str, got: &str) -> SlotError {
        SlotError::Dialogue { step: self.next + 1, expected: expected.to_owned(), got: got.to_owned() }
    }

    fn fail(&mut self, got: &str) -> SlotError {
        let expected = self.steps.get(self.next).map_or("the end".to_owned(), describe);
        let error = self.difference(&expected, got);
        self.state = State::Failed(error.clone());
        error
    }
}

impl CardSlot for ReplaySlot {
    fn name(&self) -> &str {
        &self.name
    }

    fn wait_card(&mut self, _: u32) -> Result<(), SlotError> {
        match &self.state {
            State::Off | State::On => Ok(()),
            State::Gone => Err(SlotError::NoCard),
            State::Failed(error) => Err(error.clone()),
        }
    }

    fn wait_removal(&mut self, _: u32) -> Result<(), SlotError> {
        // There is nobody to pull the card, and no use in waiting.
        Ok(())
    }

    fn power_on(&mut self) -> Result<Vec<u8>, SlotError> {
        self.wait_card(0)?;
        while matches!(self.steps.get(self.next), Some(Step::PowerOff)) {
            self.next += 1;
        }
        match self.steps.get(self.next) {
            Some(Step::PowerOn { atr }) => {
                let atr = atr.to_vec();
                self.next += 1;
                self.state = State::On;
                Ok(atr)
            }
            _ => Err(self.fail("power on")),
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, SlotError> {
        match &self.state {
            State::On => {}
            State::Off | State::Gone => return Err(SlotError::NotPowered),
            State::Failed(error) => return Err(error.clone()),
        }
        self.commands += 1;
        if let Some((at, fault)) = self.fault
            && at == self.commands
        {
            self.state = State::Gone;
            return Err(fault.error(&self.name));
        }
        let matches = |recorded: &Bytes| recorded.matches(command);
        match self.steps.get(self.next) {
            Some(Step::Exchange { command: recorded, answer }) if matches(recorded) => {
                let answer = answer.to_vec();
                self.next += 1;
                Ok(answer)
            }
            Some(Step::Fault { command: recorded, fault }) if matches(recorded) => {
                let error = fault.error(&self.name);
                self.next += 1;
                self.state = State::Off;
                Err(error)
            }
            _ => Err(self.fail(&masked_hex(command))),
        }
    }

    fn power_off(&mut self) {
        if self.state == State::On {
            self.state = State::Off;
            if matches!(self.steps.get(self.next), Some(Step::PowerOff)) {
                self.next += 1;
            }
        }
    }
}

/// One step for an error message. What is expected may carry a PIN as well as what came.
fn describe(step: &Step) -> String {
    match step {
        Step::PowerOn { .. } => "power on".to_owned(),
        Step::PowerOff => "power off".to_owned(),
        Step::Exchange { command, .. } | Step::Fault { command, .. } => masked_hex(&command.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::slot::Outcome;

    const SELECT: [u8; 7] = [0x00, 0xA4, 0x00, 0x00, 0x02, 0x3F, 0x00];
    const VERIFY: [u8; 8] = [0x00, 0x20, 0x00, 0x00, 0x03, 0x12, 0x34, 0x56];

    fn dialogue() -> Dialogue {
        Dialogue::new("two commands")
            .power_on("3B00")
            .exchange("00A40000023F00", "9000")
            .exchange("0020000003111111", "9000")
            .power_off()
            .unwrap()
    }

    #[test]
    fn says_step_expected_and_got_without_the_pin() {
        let mut slot = ReplaySlot::new(dialogue());
        assert_eq!(slot.transmit(&SELECT), Err(SlotError::NotPowered));
        assert_eq!(slot.power_on().unwrap(), [0x3B, 0x00]);
        slot.transmit(&SELECT).unwrap();
        let error = slot.transmit(&VERIFY).unwrap_err();
        let text = error.to_string();
        assert_eq!(text, "step 3 of the dialogue: expected 0020000003******, got 0020000003******");
        assert_eq!(slot.transmit(&SELECT), Err(error.clone()), "no way around a difference");
        assert_eq!(slot.finish(), Err(error));
    }

    #[test]
    fn says_what_was_never_said() {
        let mut slot = ReplaySlot::new(dialogue());
        slot.power_on().unwrap();
        slot.transmit(&SELECT).unwrap();
        let text = slot.finish().unwrap_err().to_string();
        assert_eq!(text, "step 3 of the dialogue: expected 0020000003******, got nothing more");
    }

    #[test]
    fn says_what_came_after_the_end() {
        let mut slot = ReplaySlot::new(Dialogue::new("short").power_on("3B00").unwrap());
        slot.power_on().unwrap();
        let text = slot.transmit(&SELECT).unwrap_err().to_string();
        assert_eq!(text, "step 2 of the dialogue: expected the end, got 00A40000023F00");
    }

    #[test]
    fn a_placed_fault_strikes_once_and_the_next_tap_is_whole() {
        for command in 1..=2 {
            let fault = Fault::Removed { outcome: Outcome::Unknown };
            let mut slot = ReplaySlot::new(dialogue()).with_fault(command, fault);
            slot.power_on().unwrap();
            if command == 2 {
                slot.transmit(&SELECT).unwrap();
            }
            let failed = slot.transmit(if command == 1 { &SELECT } else { &VERIFY });
            assert_eq!(failed, Err(SlotError::Removed { outcome: Outcome::Unknown }));
            assert_eq!(slot.wait_card(0), Err(SlotError::NoCard));
            assert_eq!(slot.transmit(&SELECT), Err(SlotError::NotPowered));
            slot.rewind();
            slot.power_on().unwrap();
            slot.transmit(&SELECT).unwrap();
            slot.transmit(&[0x00, 0x20, 0x00, 0x00, 0x03, 0x11, 0x11, 0x11]).unwrap();
            slot.power_off();
            slot.finish().unwrap();
        }
    }

    #[test]
    fn every_recorded_fault_gives_its_error() {
        let outcome = Outcome::Unknown;
        for fault in [
            Fault::Removed { outcome },
            Fault::Contact { outcome },
            Fault::Timeout { timeout_ms: 15, outcome },
            Fault::ResetByOther { outcome },
            Fault::NoReader { outcome },
            Fault::Service { outcome },
            Fault::Answer { bytes: 1 },
        ] {
            let fault_only = Dialogue::new("fault").power_on("3B00").fault("00A40000023F00", fault).unwrap();
            let text = fault_only.to_json();
            let mut slot = ReplaySlot::new(Dialogue::from_json(&text).unwrap());
            slot.power_on().unwrap();
            let error = slot.transmit(&SELECT).unwrap_err();
            assert_eq!(Fault::of(&error), Some(fault));
            assert_eq!(error.outcome(), outcome);
        }
        assert_eq!(Fault::of(&SlotError::NoCard), None);
    }
}
