//! One command: done at once and answered, begun, or refused.

use super::{
    Answer, AnswerKind, CardStatus, Contacts, Error, Event, Instant, Outcome, Reader, Services, Slot,
    SlotEvent, Transport, copy,
};
use crate::ccid::{Command, Parsed, parse};
use crate::iso7816::{CardError, Parameters, Speed};
use crate::mailbox::HEADER_BYTES;
use crate::services::EscapeError;

/// What has become of a command.
enum Done {
    /// It is answered with so many bytes of data, and this last byte of the header.
    Now(usize, u8),
    /// It is answered when the card has ended it.
    Begun,
    /// It comes again when the one before it has been answered.
    Later,
}

impl From<CardError> for Error {
    fn from(error: CardError) -> Self {
        Self(error.code())
    }
}

impl<T: Transport, C: Contacts, S: Services, const SLOTS: usize> Reader<T, C, S, SLOTS> {
    /// Handles the message that has come. Afterwards it is answered, or its slot is at work.
    pub(super) fn dispatch(&mut self, now: Instant) {
        let Some(parsed) = parse(self.mailbox.incoming.bytes()) else {
            self.mailbox.incoming.clear();
            return;
        };
        let index = usize::from(parsed.slot);
        let (slot, sequence, kind) = (parsed.slot, parsed.sequence, parsed.answer);
        let result = if slot >= self.personality.slots { Err(Error::SLOT) } else { self.execute(now) };
        let card = self.slots.get(index).map_or(CardStatus::Absent, Slot::status);
        let (outcome, length, specific) = match result {
            Ok(Done::Begun) => {
                self.mailbox.incoming.clear();
                self.services.slot_event(slot, SlotEvent::Busy, now);
                return;
            }
            Ok(Done::Later) => return,
            Ok(Done::Now(length, specific)) => (Outcome::Done, length, specific),
            Err(error) => (Outcome::Failed(error), 0, 0),
        };
        let specific = match kind {
            AnswerKind::SlotStatus => self.slots.get(index).map_or(1, Slot::clock_status),
            _ => specific,
        };
        self.mailbox.incoming.clear();
        self.send(&Answer { kind, slot, sequence, card, outcome, specific }, length);
    }

    fn execute(&mut self, now: Instant) -> Result<Done, Error> {
        // The message stays where it is; it is taken apart anew because the parts of the reader that are
        // needed for it are borrowed one by one.
        let Some(Parsed { slot: number, sequence, command, .. }) = parse(self.mailbox.incoming.bytes())
        else {
            return Err(Error::LENGTH);
        };
        let slot = self.slots.get_mut(usize::from(number));
        if let Some(slot) = &slot
            && let Some(announced) = slot.abort_announced
            && !(matches!(command, Ok(Command::Abort)) && sequence == announced)
        {
            return Err(Error::ABORTED);
        }
        let command = command?;

        // Answered whatever the slot does.
        match command {
            Command::GetSlotStatus => return Ok(Done::Now(0, 0)),
            Command::Escape { data } => {
                self.trace.count(Event::Escape);
                let room = self.mailbox.outgoing.data_mut();
                return match self.personality.opening_answer(data) {
                    Some(Some(answer)) => Ok(Done::Now(copy(answer, room), 0)),
                    Some(None) => Err(Error::UNSUPPORTED),
                    None => match self.services.escape(data, room, &self.trace, now) {
                        Ok(length) => Ok(Done::Now(length, 0)),
                        Err(EscapeError::Unsupported) => Err(Error::UNSUPPORTED),
                        Err(EscapeError::Invalid(offset)) => Err(Error::data(offset)),
                        Err(EscapeError::Busy) => Err(Error::SLOT_BUSY),
                    },
                };
            }
            Command::T0Apdu | Command::Secure | Command::Mechanical => return Err(Error::UNSUPPORTED),
            _ => {}
        }

        let Some(slot) = slot else {
            return match command {
                Command::IccPowerOff | Command::Abort => Ok(Done::Now(0, 0)),
                _ => Err(Error::CARD_MUTE),
            };
        };
        if matches!(command, Command::Abort) {
            if slot.running.is_some() {
                if slot.abort(&mut self.trace, now) {
                    self.services.slot_event(number, SlotEvent::Deactivated, now);
                }
                return Ok(Done::Later);
            }
            slot.abort_done = slot.abort_announced.is_none().then_some(sequence);
            slot.abort_announced = None;
            return Ok(Done::Now(0, 0));
        }
        slot.abort_done = None;
        if slot.running.is_some() {
            self.trace.count(Event::SlotBusy);
            return Err(Error::SLOT_BUSY);
        }
        if matches!(command, Command::IccPowerOff) {
            slot.power_off(now);
            self.services.slot_event(number, SlotEvent::Deactivated, now);
            return Ok(Done::Now(0, 0));
        }
        match (slot.status(), command) {
            (CardStatus::Absent, _) => return Err(Error::CARD_MUTE),
            (CardStatus::Inactive, Command::IccPowerOn { .. }) | (CardStatus::Active, _) => {}
            (CardStatus::Inactive, _) => return Err(Error::CARD_MUTE),
        }
        match command {
            Command::IccPowerOn { power_select } => slot.power_on(power_select, sequence, now),
            Command::XfrBlock { waiting_extension, data } => {
                slot.exchange(data, waiting_extension, sequence, now)?
            }
            Command::SetParameters(parameters) => {
                slot.set_parameters(parameters.protocol(), parameters.bytes(), sequence, now)?;
            }
            Command::GetParameters => return self.answer_parameters(number),
            Command::ResetParameters => slot.reset_parameters(sequence, now)?,
            Command::IccClock { runs } => {
                slot.set_clock(runs, now)?;
                return Ok(Done::Now(0, 0));
            }
            Command::SetDataRateAndClockFrequency { clock_khz, rate } => {
                return self.answer_rates(number, clock_khz, rate);
            }
            _ => return Err(Error::UNSUPPORTED),
        }
        Ok(Done::Begun)
    }

    fn answer_parameters(&mut self, number: u8) -> Result<Done, Error> {
        let parameters = self.parameters(number)?;
        let length = copy(&parameters.to_bytes(), self.mailbox.outgoing.data_mut());
        Ok(Done::Now(length, parameters.protocol.number()))
    }

    /// Clock and speed are what they are: the board has one clock, and the speed follows from the protocol
    /// parameters. Whoever asks for these gets them, anything else is refused at its field.
    fn answer_rates(&mut self, number: u8, clock_khz: u32, rate: u32) -> Result<Done, Error> {
        let parameters = self.parameters(number)?;
        let hertz = self.slots.get(usize::from(number)).map_or(0, Slot::clock_hertz);
        let actual = bits_per_second(&parameters, hertz);
        if clock_khz != hertz / 1_000 {
            return Err(Error::data(0));
        }
        if rate != actual {
            return Err(Error::data(4));
        }
        // Both are what was asked for.
        let asked = self.mailbox.incoming.bytes().get(HEADER_BYTES..).unwrap_or_default();
        Ok(Done::Now(copy(asked, self.mailbox.outgoing.data_mut()), 0))
    }

    fn parameters(&self, number: u8) -> Result<Parameters, Error> {
        self.slots
            .get(usize::from(number))
            .and_then(|slot| slot.interface.parameters())
            .ok_or(Error::CARD_MUTE)
    }
}

/// Speed of the line: clock · D / F.
fn bits_per_second(parameters: &Parameters, hertz: u32) -> u32 {
    let speed = Speed::of(parameters.speed).unwrap_or(Speed::DEFAULT);
    hertz.saturating_mul(speed.d.into()) / u32::from(speed.f.max(1))
}
