//! A card in the slot: waiting for it, reading it, its holder's PIN.

use edge::counter::Counter;
pub(crate) use terminal::flows::{CardGlance, Earlier};
use terminal::{
    error::Error,
    flows::{Resolved, Tap},
    session::SessionError,
};

use super::Context;
use crate::failure::Failure;

/// How long a card is waited for.
pub(crate) const CARD_TIMEOUT_S: u32 = 60;

/// Entries of a PIN at one keyboard before the command ends; the card has its own, shorter counter.
const ENTRIES_MAX: usize = 3;

/// Waits for a card and reads it.
pub(crate) fn tap(context: &Context, counter: &mut Counter, wait_s: u32) -> Result<Tap, Failure> {
    if counter.flows.wait_card(0).is_err() {
        context.console.note("请插卡…", "Put the card in…");
        counter.flows.wait_card(wait_s.saturating_mul(1_000))?;
    }
    Ok(counter.flows.open_card()?)
}

/// Asks for the PIN and has the card verify it; resolves what was open.
///
/// A wrong PIN may be typed again at a keyboard, each time by the holder; a script gets one entry.
pub(crate) fn verify(context: &Context, counter: &mut Counter) -> Result<Option<Resolved>, Failure> {
    for _ in 1..ENTRIES_MAX {
        match counter.flows.verify_holder() {
            Err(Error::Session(error @ SessionError::WrongPin { .. })) if !context.global.pin_stdin => {
                let words = Error::Session(error).words(context.console.language());
                context.console.error_line(&words.to_string());
            }
            other => return Ok(other?),
        }
    }
    Ok(counter.flows.verify_holder()?)
}
