//! One command to one chip, and what its answer may be.

use card_spec::{command::Command, status::StatusWord};
use hal::slot::{CardSlot, SlotError};
use zeroize::{Zeroize, Zeroizing};

use super::error::{Chip, SessionError, Step};

/// A slot, whose it is, and how much went through it.
pub(super) struct Channel<'a> {
    slot: &'a mut dyn CardSlot,
    chip: Chip,
    traffic: &'a mut Traffic,
}

/// What has gone over one slot since the terminal was started, commands that `61xx` and `6Cxx` add not
/// counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Commands sent.
    pub commands: u64,
    /// Bytes of these commands.
    pub command_bytes: u64,
    /// Bytes of the answers, status words included.
    pub answer_bytes: u64,
}

/// Data and status word. Wiped when dropped: it may be a key's cryptogram or a holder's name.
pub(super) struct Answer {
    bytes: Zeroizing<Vec<u8>>,
    status: StatusWord,
}

impl<'a> Channel<'a> {
    /// A channel over a slot; `61xx` and `6Cxx` are the slot's to settle (see [`hal::slot::response`]).
    pub(super) fn new(slot: &'a mut dyn CardSlot, chip: Chip, traffic: &'a mut Traffic) -> Self {
        Channel { slot, chip, traffic }
    }

    /// Cold reset; gives the answer to reset.
    pub(super) fn power_on(&mut self) -> Result<Vec<u8>, SessionError> {
        self.slot.power_on().map_err(|error| self.lost(Step::PowerOn, error))
    }

    /// Sends a command and gives its answer, whatever its status word.
    ///
    /// Errors: `Slot`, with the outcome; `Command` when the command cannot be built.
    pub(super) fn command(&mut self, step: Step, command: &Command<'_>) -> Result<Answer, SessionError> {
        let mut bytes = command.build().map_err(|problem| SessionError::Command { step, problem })?;
        self.traffic.commands += 1;
        self.traffic.command_bytes += bytes.len() as u64;
        let answer = self.slot.transmit(&bytes);
        // It may have been a PIN.
        bytes.as_mut_slice().zeroize();
        let mut bytes = Zeroizing::new(answer.map_err(|error| self.lost(step, error))?);
        self.traffic.answer_bytes += bytes.len() as u64;
        let [.., sw1, sw2] = bytes[..] else {
            return Err(self.lost(step, SlotError::Answer { bytes: bytes.len() }));
        };
        let length = bytes.len() - 2;
        bytes.truncate(length);
        Ok(Answer { bytes, status: StatusWord::new(sw1, sw2) })
    }

    /// Sends a command of which any status word but success is an error.
    pub(super) fn expect(&mut self, step: Step, command: &Command<'_>) -> Result<Answer, SessionError> {
        let answer = self.command(step, command)?;
        if answer.status.is_success() { Ok(answer) } else { Err(self.refused(step, answer.status)) }
    }

    /// An error for a status word that the step does not have.
    pub(super) fn refused(&self, step: Step, got: StatusWord) -> SessionError {
        SessionError::Status { chip: self.chip, step, got }
    }

    /// An error for data that cannot be right.
    pub(super) fn damaged(&self, step: Step, problem: card_spec::Error) -> SessionError {
        SessionError::Data { chip: self.chip, step, problem }
    }

    fn lost(&self, step: Step, error: SlotError) -> SessionError {
        match (self.chip, &error) {
            // An empty PSAM slot is one thing, whatever the step: the installer has to look.
            (Chip::Psam, SlotError::NoCard | SlotError::Mute | SlotError::Removed { .. }) => {
                SessionError::NoPsam
            }
            _ => SessionError::Slot { chip: self.chip, step, error },
        }
    }
}

impl Answer {
    /// The data, without the status word.
    pub(super) fn data(&self) -> &[u8] {
        &self.bytes
    }

    /// The status word.
    pub(super) fn status(&self) -> StatusWord {
        self.status
    }
}
