//! The holder's PIN on the card: verified, changed, unblocked, reset.

use card_spec::{
    command::{Command, Selection},
    error::PinError,
    file::{Application, ApplicationName},
    key::KeyName,
    pin::Pin,
    psam::CipherMode,
    secure_messaging::EncipheredPin,
    status::StatusWord,
    suite::Mac,
};
use hal::slot::Outcome;
use zeroize::Zeroizing;

use super::{
    Session,
    card::OpenCard,
    error::{Chip, SessionError, Step},
};
use crate::ports::Random;

impl Session {
    /// Has the card verify a PIN that the holder has just entered. Sent once, never again.
    ///
    /// The medical account is selected first where the card has one, since its rights end with another
    /// selection. Errors: `WrongPin`, `PinBlocked`, `PinUnknown` when contact was lost on the way, `Status`,
    /// `Slot`, `CardFirst`.
    pub fn verify_pin(&mut self, pin: &Pin) -> Result<(), SessionError> {
        self.with_card(|session, card| {
            match session.select(card, Application::Df04) {
                Ok(()) | Err(SessionError::NoMedicalAccount) => {}
                Err(other) => return Err(other),
            }
            let answer =
                session.card_channel().command(Step::VerifyPin, &Command::Verify { pin: pin.field() });
            card.pin_verified = false;
            judge(Step::VerifyPin, answer.map(|answer| answer.status()))?;
            card.pin_verified = true;
            Ok(())
        })
    }

    /// Takes the holder as not verified, whatever the card thinks.
    pub fn forget_pin(&mut self) {
        if let Some(card) = &mut self.card {
            card.pin_verified = false;
        }
    }

    /// Has the card change the PIN. Sent once; a wrong old PIN costs a try.
    ///
    /// The PIN has to be verified again afterwards. Errors: `WrongPin`, `PinBlocked`, `PinChangeUnknown`,
    /// `Status`, `Slot`, `CardFirst`.
    pub fn change_pin(&mut self, old: &Pin, new: &Pin) -> Result<(), SessionError> {
        if old.length() % 2 == 1 {
            // The command separates the two by FF, which the filling of an odd PIN would forestall.
            return Err(SessionError::Pin(PinError::Length {
                min: 4,
                max: 12,
                got: usize::from(old.length()),
            }));
        }
        self.with_card(|session, card| {
            card.pin_verified = false;
            let command = Command::ChangePin { old: old.field(), new: new.field() };
            let answer = session.card_channel().command(Step::ChangePin, &command);
            judge(Step::ChangePin, answer.map(|answer| answer.status()))
        })
    }

    /// Gives a blocked PIN its tries back (PIN 解锁), through the PSAM.
    ///
    /// Errors: `NotAuthorised`, `KeyLocked`, the PSAM's, `Status`, `Slot`, `CardFirst`.
    pub fn unblock_pin(&mut self, random: &mut dyn Random) -> Result<(), SessionError> {
        self.with_card(|session, card| {
            session.authorise_pin_change(card, random)?;
            let challenge = session.challenge()?;
            let blank = Command::PinUnblock { mac: [0; 4] };
            let mac = session.command_mac(card, &challenge, &blank)?;
            session.send_pin_change(&Command::PinUnblock { mac })
        })
    }

    /// Sets a new PIN (PIN 重置), through the PSAM; the old one is not needed. Tries are given back.
    ///
    /// Errors: as for [`Session::unblock_pin`], and `PinChangeUnknown`.
    pub fn reset_pin(&mut self, new: &Pin, random: &mut dyn Random) -> Result<(), SessionError> {
        self.with_card(|session, card| {
            session.authorise_pin_change(card, random)?;
            let challenge = session.challenge()?;
            let pin = session.encipher_pin(card, &challenge, new)?;
            let blank = Command::PinReset { pin: pin.clone(), mac: [0; 4] };
            let mac = session.command_mac(card, &challenge, &blank)?;
            session.send_pin_change(&Command::PinReset { pin, mac })
        })
    }

    pub(super) fn authorise_pin_change(
        &mut self,
        card: &mut OpenCard,
        random: &mut dyn Random,
    ) -> Result<(), SessionError> {
        self.card_channel()
            .expect(Step::Select, &Command::Select(Selection::ByName(ApplicationName::SSSE)))?;
        card.selected = Application::Ssse;
        card.pin_verified = false;
        self.authorise(card, KeyName::PUK, random)
    }

    pub(super) fn challenge(&mut self) -> Result<[u8; 8], SessionError> {
        let step = Step::Challenge;
        let mut channel = self.card_channel();
        let answer = channel.expect(step, &Command::GetChallenge { le: 8 })?;
        answer.data().try_into().map_err(|_| {
            channel.damaged(
                step,
                card_spec::Error::Truncated {
                    part: card_spec::Part::ResponseApdu,
                    expected: 8,
                    got: answer.data().len(),
                },
            )
        })
    }

    fn encipher_pin(
        &mut self,
        card: &OpenCard,
        challenge: &[u8; 8],
        pin: &Pin,
    ) -> Result<EncipheredPin, SessionError> {
        let (algorithm, factors) = (card.algorithm, card.factors);
        let block_bytes = block_bytes(card);
        let field = pin.field();
        let mut block = Zeroizing::new(Vec::with_capacity(block_bytes));
        block.push(field.as_bytes().len() as u8);
        block.extend_from_slice(field.as_bytes());
        block.push(0x80);
        block.resize(block_bytes, 0);
        let enciphered = self.with_psam(|psam, channel| {
            psam.deliver(channel, KeyName::STK, algorithm, &factors, challenge)?;
            if block_bytes == 16 {
                psam.cipher::<16>(channel, CipherMode::Encipher, &block).map(|bytes| bytes.to_vec())
            } else {
                psam.cipher::<8>(channel, CipherMode::Encipher, &block).map(|bytes| bytes.to_vec())
            }
        })?;
        EncipheredPin::new(&enciphered)
            .map_err(|problem| SessionError::Command { step: Step::ResetPin, problem })
    }

    /// MAC of a protected command, made by the PSAM from the session key of the challenge.
    pub(super) fn command_mac(
        &mut self,
        card: &OpenCard,
        challenge: &[u8; 8],
        command: &Command<'_>,
    ) -> Result<Mac, SessionError> {
        let step = Step::ResetPin;
        let (header, data) =
            command.authenticated_parts().map_err(|problem| SessionError::Command { step, problem })?;
        let (algorithm, factors) = (card.algorithm, card.factors);
        let block_bytes = block_bytes(card);
        let mut message = vec![0; block_bytes];
        message.extend_from_slice(&header);
        message.push(data.len() as u8 + 4);
        message.extend_from_slice(&data);
        message.push(0x80);
        message.resize(message.len().next_multiple_of(block_bytes), 0);
        self.with_psam(|psam, channel| {
            psam.deliver(channel, KeyName::STK, algorithm, &factors, challenge)?;
            psam.mac(channel, &message)
        })
    }

    fn send_pin_change(&mut self, command: &Command<'_>) -> Result<(), SessionError> {
        let step = Step::ResetPin;
        match self.card_channel().command(step, command) {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(SessionError::Status { chip: Chip::Card, step, got: answer.status() }),
            Err(SessionError::Slot { error, .. }) if error.outcome() == Outcome::Unknown => {
                Err(SessionError::PinChangeUnknown { error })
            }
            Err(other) => Err(other),
        }
    }
}

fn block_bytes(card: &OpenCard) -> usize {
    match card.algorithm {
        card_spec::generation::Algorithm::TripleDes => 8,
        card_spec::generation::Algorithm::Sm4 => 16,
    }
}

/// What a status word of VERIFY or CHANGE PIN means. Silence is never a wrong PIN.
fn judge(step: Step, answer: Result<StatusWord, SessionError>) -> Result<(), SessionError> {
    match answer {
        Ok(StatusWord::SUCCESS) => Ok(()),
        Ok(StatusWord::AUTHENTICATION_BLOCKED) => Err(SessionError::PinBlocked),
        Ok(got) => Err(match got.tries_left() {
            Some(0) => SessionError::PinBlocked,
            Some(tries_left) => SessionError::WrongPin { tries_left },
            None => SessionError::Status { chip: Chip::Card, step, got },
        }),
        Err(SessionError::Slot { chip: Chip::Card, error, .. }) if error.outcome() == Outcome::Unknown => {
            Err(match step {
                Step::VerifyPin => SessionError::PinUnknown { error },
                _ => SessionError::PinChangeUnknown { error },
            })
        }
        Err(other) => Err(other),
    }
}
