//! Whether whoever stands there is the card's holder: the PIN (个人密码), and beside it the finger ([`finger`]).
//!
//! One entry on the pad, one command to the card. An entry is never kept, and never sent a second time; a card
//! that was pulled while it looked is not a wrong PIN.

mod error;
pub mod finger;
pub(crate) mod kept;
pub(crate) mod sensor;
pub(crate) mod sitting;

use card_spec::{error::PinError, pin::Pin};
use hal::pin_pad::{PinPad, Prompt};

pub use self::{
    error::ProofError,
    kept::{SEEN_MAX, SEEN_MS},
    sensor::{FINGER_TIMEOUT_MS, LIFT_TIMEOUT_MS},
    sitting::{SITTING_MS, SITTINGS_MAX},
};
use crate::{
    ports::Random,
    progress::Progress,
    session::{Session, SessionError},
};

/// Where the holder types, and for how long.
pub struct Pad<'a> {
    /// The pad.
    pub pad: &'a mut dyn PinPad,
    /// How long the holder has for one entry.
    pub timeout_ms: u32,
    /// Who is told what is going on.
    pub tell: &'a mut dyn FnMut(Progress),
}

/// Has the card verify the holder's PIN, for business.
///
/// An initial PIN is the holder's and right, and still opens no transaction: it has to be changed first.
/// Errors: `CardFirst` before anybody is asked; `PinEntry`, `Pin(Length)` without a word to the card;
/// `WrongPin`, `PinBlocked`, `PinUnknown`, `Status`, `Slot`; `Pin(Initial)`.
pub fn verify(session: &mut Session, pad: &mut Pad<'_>) -> Result<(), SessionError> {
    session.card()?;
    let pin = pad.ask(Prompt::Pin)?;
    (pad.tell)(Progress::CheckingPin);
    session.verify_pin(&pin)?;
    pin.check_for_transaction().map_err(|error| {
        session.forget_pin();
        SessionError::Pin(error)
    })
}

/// Changes the PIN: the old one, the new one, and the new one again, then one command to the card.
///
/// Errors: `PinsDiffer`, `Pin(Initial)`, `Pin(Unchanged)` and those of the entry without a word to the card;
/// `WrongPin`, `PinBlocked`, `PinChangeUnknown`, `Status`, `Slot`.
pub fn change(session: &mut Session, pad: &mut Pad<'_>) -> Result<(), SessionError> {
    session.card()?;
    let old = pad.ask(Prompt::Pin)?;
    let new = pad.ask_new()?;
    new.check_as_new(&old).map_err(SessionError::Pin)?;
    (pad.tell)(Progress::ChangingPin);
    session.change_pin(&old, &new)
}

/// Sets a new PIN without the old one, through the PSAM. For somebody who has seen the holder's papers.
///
/// Errors: as for [`change`], and those of [`Session::reset_pin`].
pub fn reset(session: &mut Session, pad: &mut Pad<'_>, random: &mut dyn Random) -> Result<(), SessionError> {
    session.card()?;
    let new = pad.ask_new()?;
    new.check_for_transaction().map_err(SessionError::Pin)?;
    (pad.tell)(Progress::ChangingPin);
    session.reset_pin(&new, random)
}

impl Pad<'_> {
    /// One fresh entry.
    fn ask(&mut self, prompt: Prompt) -> Result<Pin, SessionError> {
        (self.tell)(match prompt {
            Prompt::Pin => Progress::EnterPin,
            Prompt::NewPin => Progress::EnterNewPin,
            Prompt::NewPinAgain => Progress::EnterNewPinAgain,
        });
        let digits = self.pad.ask(prompt, self.timeout_ms)?;
        let text = std::str::from_utf8(&digits).map_err(|_| SessionError::Pin(PinError::NotDigits))?;
        Pin::parse(text).map_err(SessionError::Pin)
    }

    fn ask_new(&mut self) -> Result<Pin, SessionError> {
        let new = self.ask(Prompt::NewPin)?;
        let again = self.ask(Prompt::NewPinAgain)?;
        if new == again { Ok(new) } else { Err(SessionError::PinsDiffer) }
    }
}
