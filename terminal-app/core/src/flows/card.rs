//! The card in the slot: read, its holder verified, its PIN changed.

use super::{
    Terminal,
    resolve::{Resolution, Resolved},
};
use crate::{
    audit::AuditEvent,
    error::{Error, Need},
    holder::{self, Pad},
    ledger::{Ledger, LedgerError, State},
    ports::Random,
    progress::Progress,
    roles::Action,
    session::{OpenCard, Refusals, Session},
    training,
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
        self.holder_gone();
        self.tell(Progress::ReadingCard);
        self.tell(Progress::Authenticating);
        let opened = self.session.open(self.random.as_mut()).cloned();
        self.keep_refusals()?;
        let card = opened?;
        if self.id().is_training() && !training::is_training_card(&card) {
            self.session.close();
            return Err(Error::TrainingOnly);
        }
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
        self.holder_gone();
        self.session.close();
    }

    /// Forgets what was known of whoever stood there.
    fn holder_gone(&mut self) {
        self.eligible = None;
        self.sittings.card_gone();
        self.enrolling = None;
        self.pin_verified_ms = None;
    }

    /// Asks the holder for the PIN and has the card verify it, once.
    ///
    /// An initial PIN is refused for business and has to be changed first. Where an earlier transaction of
    /// this card was open, it is resolved now, and the answer says how.
    /// Errors: `Session` (`WrongPin`, `PinBlocked`, `PinUnknown`, `Pin(Initial)`, `PinEntry`, …); `Ledger`.
    pub fn verify_holder(&mut self) -> Result<Option<Resolved>, Error> {
        self.sittings.pin = false;
        let (session, mut pad, _) = self.holder();
        holder::verify(session, &mut pad)?;
        self.sittings.pin = true;
        self.pin_verified_ms = Some(self.now().monotonic_ms);
        self.resolve_now()
    }

    /// Changes the PIN: asks for the old one, the new one, and the new one again, then has the card change it.
    ///
    /// Errors: `Session` (`WrongPin`, `PinsDiffer`, `Pin(Initial)`, `Pin(Unchanged)`, `PinChangeUnknown`, …).
    /// The card is asked only when the new PIN may be one.
    pub fn change_pin(&mut self) -> Result<(), Error> {
        let (session, mut pad, _) = self.holder();
        Ok(holder::change(session, &mut pad)?)
    }

    /// Gives a blocked PIN its tries back. For a supervisor who has seen the holder's papers.
    ///
    /// Errors: `SignIn`, `NotSignedIn`, `Session`.
    pub fn unblock_pin(&mut self) -> Result<(), Error> {
        self.permitted(Action::WriteCard)?;
        let done = self.session.unblock_pin(self.random.as_mut());
        self.keep_refusals()?;
        Ok(done?)
    }

    /// Sets a new PIN without the old one. For a supervisor who has seen the holder's papers.
    ///
    /// Errors: `SignIn`, `NotSignedIn`, `Session`.
    pub fn reset_pin(&mut self) -> Result<(), Error> {
        self.permitted(Action::WriteCard)?;
        let (session, mut pad, random) = self.holder();
        let done = holder::reset(session, &mut pad, random);
        self.keep_refusals()?;
        Ok(done?)
    }

    /// Balance of the personal account; the holder must have been verified.
    pub fn balance(&mut self) -> Result<card_spec::money::Fen, Error> {
        Ok(self.session.balance()?)
    }

    /// The dialogue, the pad and chance, for what concerns the holder.
    fn holder(&mut self) -> (&mut Session, Pad<'_>, &mut dyn Random) {
        let pad = Pad {
            pad: self.pin_pad.as_mut(),
            timeout_ms: self.config.pin_timeout_ms,
            tell: self.listener.as_mut(),
        };
        (&mut self.session, pad, self.random.as_mut())
    }

    /// Lets cards be asked again that have refused this terminal's security module. For an installer who has made
    /// sure that its keys are the right ones: a card that refuses once more has lost another try for good.
    ///
    /// Returns how many cards were remembered. Errors: `SignIn`, `NotSignedIn`, `Ledger`.
    pub fn forget_refusals(&mut self) -> Result<usize, Error> {
        self.permitted(Action::ChangeSettings)?;
        let cards = self.session.refusals().len();
        self.session.forget_refusals();
        self.keep_refusals()?;
        self.note(&AuditEvent::RefusalsForgotten { cards: u32::try_from(cards).unwrap_or(u32::MAX) })?;
        Ok(cards)
    }

    /// Writes down which cards have refused, when that has changed; done by itself at each tap.
    ///
    /// To be called after a dialogue through [`Terminal::session_mut`].
    pub fn keep_refusals(&mut self) -> Result<(), Error> {
        let refusals = self.session.refusals();
        if *refusals != kept_refusals(&self.ledger)? {
            let text = serde_json::to_string(refusals).unwrap_or_default();
            self.ledger.set_setting(REFUSALS, &text)?;
        }
        Ok(())
    }

    /// Writes down what another dialogue of this terminal has found out, see [`Terminal::keep_refusals`].
    pub fn take_refusals(&mut self, refusals: &Refusals) -> Result<(), Error> {
        self.session.set_refusals(refusals.clone());
        self.keep_refusals()
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

/// Where the refusals lie in the ledger.
const REFUSALS: &str = "refusals";

/// Cards that have refused in earlier runs; none when another version wrote them.
pub(super) fn kept_refusals(ledger: &Ledger) -> Result<Refusals, LedgerError> {
    let text = ledger.setting(REFUSALS)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}
