//! VERIFY, CHANGE PIN, PIN UNBLOCK, PIN RESET.

use card_spec::{
    pin::{PIN_BYTES_MAX, PIN_BYTES_MIN, PinField},
    status::StatusWord,
};

use super::{Answer, Card, Executed, Granted, Protected, Stop, layout::PinPlace};
use crate::{eeprom::Update, image::Unlock};

impl Card {
    /// The tries are the card's, whatever application of the environment is selected.
    pub(super) fn verify(&mut self, pin: &PinField) -> Executed {
        let directory = self.layout.environment_of(self.session.directory);
        self.try_pin(directory, pin)?;
        self.set_pin(directory, None)?;
        self.session.rights.insert(Granted::Pin { directory });
        Ok(Answer::Done)
    }

    /// 9000 when verified, else 63Cx, 6983 when blocked; nothing is used up.
    pub(super) fn pin_tries(&mut self) -> Executed {
        let directory = self.layout.environment_of(self.session.directory);
        let left = self.pin(directory)?.tries_left(&self.memory);
        if !self.policy.tells_pin_tries {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        match left {
            _ if self.session.rights.contains(&Granted::Pin { directory }) => Ok(Answer::Done),
            0 => Err(StatusWord::AUTHENTICATION_BLOCKED.into()),
            left => Err(StatusWord::tries(left).into()),
        }
    }

    /// The tries count on the old one.
    pub(super) fn change_pin(&mut self, old: &PinField, new: &PinField) -> Executed {
        if !is_digits(new.as_bytes()) {
            return Err(StatusWord::WRONG_DATA.into());
        }
        let directory = self.layout.environment_of(self.session.directory);
        self.try_pin(directory, old)?;
        self.set_pin(directory, Some(new.as_bytes()))
    }

    /// After external authentication with PUK: gives the tries back.
    pub(super) fn unblock_pin(&mut self, command: &Protected<'_>) -> Executed {
        let directory = self.check_right_to_unblock()?;
        self.check_mac(command)?;
        self.set_pin(directory, None)
    }

    /// After external authentication with PUK: sets a new PIN and gives the tries back.
    pub(super) fn reset_pin(&mut self, command: &Protected<'_>) -> Executed {
        let block = self.suite()?.block_bytes();
        let allowed = command.data.len() == block || (block == 8 && self.policy.accepts_long_reset);
        if !allowed {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let directory = self.check_right_to_unblock()?;
        // After a challenge of four bytes there is no session key to decipher with.
        let session = self.check_mac(command)?.ok_or(StatusWord::DATA_INVALID)?;
        let mut block = command.data.to_vec();
        session.decipher(&mut block);
        self.blocks += 1;
        let new = pin_in_block(&block).ok_or(StatusWord::WRONG_DATA)?;
        self.set_pin(directory, Some(new))
    }

    pub(super) fn check_right_to_unblock(&self) -> Result<usize, Stop> {
        let directory = self.layout.environment_of(self.session.directory);
        self.pin(directory)?;
        if self.may(directory, Unlock::Pin) { Ok(directory) } else { Err(StatusWord::SECURITY_STATUS.into()) }
    }

    fn pin(&self, directory: usize) -> Result<&PinPlace, Stop> {
        self.layout.directories[directory].pin.as_ref().ok_or(Stop::Refused(StatusWord::KEY_NOT_FOUND))
    }

    /// Takes a try off, then compares; the caller gives the tries back.
    fn try_pin(&mut self, directory: usize, given: &PinField) -> Result<(), Stop> {
        let pin = self.pin(directory)?;
        let left = pin.tries_left(&self.memory);
        if left == 0 {
            return Err(StatusWord::AUTHENTICATION_BLOCKED.into());
        }
        let mut update = Update::new();
        update.put(pin.cell, 0, &[left - 1]);
        self.commit(&update)?;
        self.session.rights.remove(&Granted::Pin { directory });
        if self.pin(directory)?.field(&self.memory) != given.as_bytes() {
            return Err(StatusWord::tries(left - 1).into());
        }
        Ok(())
    }

    /// Gives all tries back, with a new PIN if there is one.
    fn set_pin(&mut self, directory: usize, new: Option<&[u8]>) -> Executed {
        let pin = self.pin(directory)?;
        let mut update = Update::new();
        update.put(pin.cell, 0, &[pin.tries_max]);
        if let Some(field) = new {
            update.put(pin.cell, 1, &[field.len() as u8]);
            update.put(pin.cell, 2, field);
        }
        self.commit(&update)?;
        Ok(Answer::Done)
    }
}

fn is_field_length(bytes: usize) -> bool {
    (PIN_BYTES_MIN..=PIN_BYTES_MAX).contains(&bytes)
}

/// BCD, perhaps with one F at the end.
fn is_digits(field: &[u8]) -> bool {
    let Some((last, others)) = field.split_last() else { return false };
    let is_digit = |nibble: u8| nibble < 10;
    others.iter().all(|byte| is_digit(byte >> 4) && is_digit(byte & 0x0F))
        && is_digit(last >> 4)
        && (is_digit(last & 0x0F) || last & 0x0F == 0x0F)
}

/// Length, digits, 80, zeros.
fn pin_in_block(block: &[u8]) -> Option<&[u8]> {
    let (length, rest) = block.split_first()?;
    let (field, padding) = rest.split_at_checked(usize::from(*length))?;
    let padded = padding.first() == Some(&0x80) && padding[1..].iter().all(|byte| *byte == 0);
    (padded && is_field_length(field.len()) && is_digits(field)).then_some(field)
}
