//! The card in the slot: read, its holder verified, its PIN changed.

use card_spec::pin::Pin;
use hal::pin_pad::Prompt;

use super::{
    Terminal,
    resolve::{Resolution, Resolved},
};
use crate::{
    error::{Error, Need},
    ledger::State,
    progress::Progress,
    roles::Action,
    session::{OpenCard, SessionError},
};

/// What a tap has brought.
#[derive(Clone, Debug)]
pub struct Tap {
    /// The card.
    pub card: OpenCard,
    /// What became of an earlier transaction of this card, if one was open.
    pub resolution: Option<Resolution>,
}

impl Terminal {
    /// Waits for a card, at most `timeout_ms`; 0 asks once.
    pub fn wait_card(&mut self, timeout_ms: u32) -> Result<(), Error> {
        Ok(self.session.wait_card(timeout_ms)?)
    }

    /// Asks for the card to be taken and waits for that, at most `timeout_ms`.
    pub fn wait_removal(&mut self, timeout_ms: u32) -> Result<(), Error> {
        self.close_card();
        self.tell(Progress::TakeCard);
        Ok(self.session.wait_removal(timeout_ms)?)
    }

    /// Reads the card in the slot; it has proved to be genuine then.
    ///
    /// When this card has a transaction here whose outcome is open, the answer says what is needed to find it
    /// out; nothing new is begun with the card before that.
    /// Errors: `Session`, `Ledger`. Nothing has changed on the card, and no PIN was asked for.
    pub fn open_card(&mut self) -> Result<Tap, Error> {
        self.eligible = None;
        self.tell(Progress::ReadingCard);
        self.tell(Progress::Authenticating);
        let card = self.session.open(self.random.as_mut())?.clone();
        for attention in card.attention() {
            self.tell(Progress::Attention(*attention));
        }
        let resolution = self.look_for_unresolved(&card)?;
        Ok(Tap { card, resolution })
    }

    /// The open card.
    pub fn card(&self) -> Result<&OpenCard, Error> {
        Ok(self.session.card()?)
    }

    /// Powers the card off and forgets what was read of it.
    pub fn close_card(&mut self) {
        self.eligible = None;
        self.session.close();
    }

    /// Asks the holder for the PIN and has the card verify it, once.
    ///
    /// An initial PIN is refused for business and has to be changed first. Where an earlier transaction of
    /// this card was open, it is resolved now, and the answer says how.
    /// Errors: `Session` (`WrongPin`, `PinBlocked`, `PinUnknown`, `Pin(Initial)`, `PinEntry`, …); `Ledger`.
    pub fn verify_holder(&mut self) -> Result<Option<Resolved>, Error> {
        self.session.card()?;
        self.tell(Progress::EnterPin);
        let pin = self.ask_pin(Prompt::Pin)?;
        self.tell(Progress::CheckingPin);
        self.session.verify_pin(&pin)?;
        if let Err(error) = pin.check_for_transaction() {
            self.session.forget_pin();
            return Err(SessionError::Pin(error).into());
        }
        self.resolve_now()
    }

    /// Changes the PIN: asks for the old one, the new one, and the new one again, then has the card change it.
    ///
    /// Errors: `Session` (`WrongPin`, `PinsDiffer`, `Pin(Initial)`, `Pin(Unchanged)`, `PinChangeUnknown`, …).
    /// The card is asked only when the new PIN may be one.
    pub fn change_pin(&mut self) -> Result<(), Error> {
        self.session.card()?;
        self.tell(Progress::EnterPin);
        let old = self.ask_pin(Prompt::Pin)?;
        let new = self.ask_new_pin()?;
        new.check_as_new(&old).map_err(SessionError::Pin)?;
        self.tell(Progress::ChangingPin);
        Ok(self.session.change_pin(&old, &new)?)
    }

    /// Gives a blocked PIN its tries back. For a supervisor who has seen the holder's papers.
    ///
    /// Errors: `SignIn`, `NotSignedIn`, `Session`.
    pub fn unblock_pin(&mut self) -> Result<(), Error> {
        self.permitted(Action::WriteCard)?;
        Ok(self.session.unblock_pin(self.random.as_mut())?)
    }

    /// Sets a new PIN without the old one. For a supervisor who has seen the holder's papers.
    ///
    /// Errors: `SignIn`, `NotSignedIn`, `Session`.
    pub fn reset_pin(&mut self) -> Result<(), Error> {
        self.permitted(Action::WriteCard)?;
        self.session.card()?;
        let new = self.ask_new_pin()?;
        new.check_for_transaction().map_err(SessionError::Pin)?;
        self.tell(Progress::ChangingPin);
        Ok(self.session.reset_pin(&new, self.random.as_mut())?)
    }

    /// Balance of the personal account; the holder must have been verified.
    pub fn balance(&mut self) -> Result<card_spec::money::Fen, Error> {
        Ok(self.session.balance()?)
    }

    fn ask_new_pin(&mut self) -> Result<Pin, Error> {
        self.tell(Progress::EnterNewPin);
        let new = self.ask_pin(Prompt::NewPin)?;
        self.tell(Progress::EnterNewPinAgain);
        let again = self.ask_pin(Prompt::NewPinAgain)?;
        if new == again { Ok(new) } else { Err(SessionError::PinsDiffer.into()) }
    }

    /// One fresh entry.
    fn ask_pin(&mut self, prompt: Prompt) -> Result<Pin, SessionError> {
        let digits = self.pin_pad.ask(prompt, self.config.pin_timeout_ms)?;
        let text = std::str::from_utf8(&digits)
            .map_err(|_| SessionError::Pin(card_spec::error::PinError::NotDigits))?;
        Pin::parse(text).map_err(SessionError::Pin)
    }

    fn look_for_unresolved(&mut self, card: &OpenCard) -> Result<Option<Resolution>, Error> {
        let Some(transaction) = self.ledger.unresolved(card.key())? else { return Ok(None) };
        let id = transaction.intention.id;
        if transaction.state == State::Intended {
            // The card was never asked: an error on the way has kept this from being written off.
            self.write_off(id)?;
            return Ok(Some(Resolution::Resolved(Resolved::NotDone { id })));
        }
        Ok(Some(Resolution::Open { id, need: Need::Pin }))
    }
}
