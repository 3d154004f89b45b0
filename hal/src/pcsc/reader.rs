//! Readers as pcscd shows them.

use std::{
    ffi::{CStr, CString},
    fmt,
    time::Duration,
};

use pcsc::{Context, Error, State};
use serde::Serialize;

use super::{
    Limits,
    fault::Fault,
    worker::{NoResult, Worker},
};
use crate::slot::{Outcome, SlotError};

/// Most readers that pcscd lists, slots counted one by one.
pub const READERS_MAX: usize = 16;

/// Most bytes of an answer to reset. Source: ISO/IEC 7816-3 §8.2.1.
pub const ATR_BYTES_MAX: usize = 33;

/// One slot of a reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reader {
    /// Name, unique among those connected; the last two digits are the slot.
    pub name: String,
    /// Whether there is a card.
    pub state: ReaderState,
    /// Insertions and removals since the reader was connected, modulo 65536.
    pub event_count: u16,
    /// Whether a program uses the card.
    pub in_use: Use,
}

/// What is in a slot.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ReaderState {
    /// No card.
    Empty,
    /// A card that has answered to reset.
    Card {
        /// Its answer to reset. It holds the chip's serial number, so `Debug` and JSON leave it out.
        #[serde(skip)]
        atr: Vec<u8>,
    },
    /// A card that says nothing.
    Mute,
    /// pcscd lists the reader, but cannot reach it.
    Unavailable,
}

/// Whether a program uses the card in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// Nobody.
    Free,
    /// Programs that let others use it too.
    Shared,
    /// One program that does not.
    Exclusive,
}

impl ReaderState {
    /// Whether there is a card, mute or not.
    pub fn has_card(&self) -> bool {
        matches!(self, Self::Card { .. } | Self::Mute)
    }
}

impl fmt::Debug for ReaderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Card { atr } => write!(f, "Card(ATR of {} bytes)", atr.len()),
            Self::Mute => f.write_str("Mute"),
            Self::Unavailable => f.write_str("Unavailable"),
        }
    }
}

/// Every reader that pcscd knows now, in its order; none is no error.
///
/// Errors: `Service` when pcscd does not come within `limits.service_ms`; `Timeout`.
pub fn readers(limits: &Limits) -> Result<Vec<Reader>, SlotError> {
    let service = Duration::from_millis(limits.service_ms.into());
    let limit_ms = limits.service_ms.saturating_add(limits.call_ms);
    let worker = Worker::start().map_err(|none| no_result(none, limit_ms, Outcome::NotDone))?;
    let call =
        worker.call(Duration::from_millis(limit_ms.into()), move |connection| connection.readers(service));
    match call {
        Ok(result) => result.map_err(|error| Fault::of(error).before_card("")),
        Err(none) => {
            if none == NoResult::Late {
                worker.abandon();
            }
            Err(no_result(none, limit_ms, Outcome::NotDone))
        }
    }
}

/// The error of a call that did not come back.
pub(super) fn no_result(none: NoResult, timeout_ms: u32, outcome: Outcome) -> SlotError {
    match none {
        NoResult::Late => SlotError::Timeout { timeout_ms, outcome },
        NoResult::Ended => SlotError::Service { detail: "the driver stopped", outcome },
        NoResult::TooMany => SlotError::Service { detail: "too many calls are stuck", outcome },
    }
}

/// One look at every reader.
pub(super) fn look(context: &Context) -> Result<Vec<Reader>, Error> {
    let names = names(context)?;
    let mut states: Vec<pcsc::ReaderState> =
        names.into_iter().map(|name| pcsc::ReaderState::new(name, State::UNAWARE)).collect();
    if states.is_empty() {
        return Ok(Vec::new());
    }
    context.get_status_change(Duration::ZERO, &mut states)?;
    Ok(states.iter().map(seen).collect())
}

/// Names of the readers; none is no error.
pub(super) fn names(context: &Context) -> Result<Vec<CString>, Error> {
    match context.list_readers_owned() {
        Ok(mut names) => {
            names.truncate(READERS_MAX);
            Ok(names)
        }
        Err(Error::NoReadersAvailable) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The reader that is meant by a name.
///
/// pcscd numbers readers of one model in the order in which they were plugged in, and a reader that is
/// plugged in again may get another number. If no reader has the name, the only one of the same model
/// with the same slot is meant.
pub(super) fn resolve(context: &Context, wanted: &str) -> Result<CString, Error> {
    let names = names(context)?;
    let texts: Vec<_> = names.iter().map(|name| name.to_string_lossy()).collect();
    let at = pick(&texts, wanted).ok_or(Error::UnknownReader)?;
    names.into_iter().nth(at).ok_or(Error::UnknownReader)
}

fn pick(names: &[impl AsRef<str>], wanted: &str) -> Option<usize> {
    if let Some(at) = names.iter().position(|name| name.as_ref() == wanted) {
        return Some(at);
    }
    let (model, slot) = model_and_slot(wanted)?;
    let mut same = names
        .iter()
        .enumerate()
        .filter(|(_, name)| model_and_slot(name.as_ref()) == Some((model, slot)))
        .map(|(at, _)| at);
    match (same.next(), same.next()) {
        (Some(at), None) => Some(at),
        _ => None,
    }
}

/// Takes `Model 01 00` apart: the model, and the slot's two digits. `None` for a name without them.
fn model_and_slot(name: &str) -> Option<(&str, &str)> {
    let (rest, slot) = name.rsplit_once(' ')?;
    let (model, number) = rest.rsplit_once(' ')?;
    let is_number = |digits: &str| digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    (is_number(slot) && is_number(number)).then_some((model, slot))
}

/// Whether two names are of slots of one reader.
pub(crate) fn same_board(one: &str, other: &str) -> bool {
    match (board(one), board(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Every slot of the reader that has the slot `wanted`, the last first.
pub(super) fn slots_of_board(context: &Context, wanted: &str) -> Result<Vec<CString>, Error> {
    let wanted = resolve(context, wanted)?;
    let mut slots: Vec<CString> = names(context)?
        .into_iter()
        .filter(|name| same_board(&name.to_string_lossy(), &wanted.to_string_lossy()))
        .collect();
    slots.sort_by(|one, other| other.cmp(one));
    Ok(slots)
}

/// `Model 01` of `Model 01 00`.
fn board(name: &str) -> Option<&str> {
    model_and_slot(name)?;
    name.rsplit_once(' ').map(|(board, _)| board)
}

/// pcscd's count of card movements in one slot.
pub(super) fn event_count(context: &Context, name: &CString) -> Result<u16, Error> {
    let mut state = [pcsc::ReaderState::new(name.clone(), State::UNAWARE)];
    context.get_status_change(Duration::ZERO, &mut state)?;
    Ok(count_of(&state[0]))
}

/// The count in a state structure: the binding's word is 32 bits wide on some platforms, pcscd counts in 16.
pub(super) fn count_of(state: &pcsc::ReaderState) -> u16 {
    (state.event_count() & 0xFFFF) as u16
}

/// What a state structure of the library says.
fn seen(state: &pcsc::ReaderState) -> Reader {
    let now = state.event_state();
    let name = CStr::to_string_lossy(state.name()).into_owned();
    let event_count = count_of(state);
    let in_use = if now.contains(State::EXCLUSIVE) {
        Use::Exclusive
    } else if now.contains(State::INUSE) {
        Use::Shared
    } else {
        Use::Free
    };
    let state = if now.intersects(State::UNKNOWN | State::UNAVAILABLE) {
        ReaderState::Unavailable
    } else if !now.contains(State::PRESENT) {
        ReaderState::Empty
    } else if now.contains(State::MUTE) {
        ReaderState::Mute
    } else {
        let atr = state.atr();
        ReaderState::Card { atr: atr[..atr.len().min(ATR_BYTES_MAX)].to_vec() }
    };
    Reader { name, state, event_count, in_use }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_got_another_number_is_found() {
        let names = ["ACS ACR39U 01 00", "Jinbao 00 00", "Jinbao 00 01"];
        assert_eq!(pick(&names, "Jinbao 00 01"), Some(2));
        assert_eq!(pick(&names, "Jinbao 02 01"), Some(2), "numbered anew");
        assert_eq!(pick(&names, "ACS ACR39U 00 00"), Some(0));
        assert_eq!(pick(&names, "ACS ACR39U 00 01"), None, "another slot is another card");
        assert_eq!(pick(&names, "Gemalto 00 00"), None);
        assert_eq!(pick(&names, "ACS"), None);
        let twins = ["Jinbao 01 00", "Jinbao 02 00"];
        assert_eq!(pick(&twins, "Jinbao 00 00"), None, "either could be meant");
    }

    #[test]
    fn slots_of_one_reader_belong_together() {
        assert!(same_board("Jinbao 00 00", "Jinbao 00 01"));
        assert!(!same_board("Jinbao 00 00", "Jinbao 01 00"), "another reader of the model");
        assert!(same_board("odd", "odd"));
        assert!(!same_board("odd", "Jinbao 00 00"));
    }

    #[test]
    fn an_answer_to_reset_is_shown_by_length_only() {
        let state = ReaderState::Card { atr: vec![0x3B, 0x6D, 0x12, 0x34] };
        assert_eq!(format!("{state:?}"), "Card(ATR of 4 bytes)");
        assert_eq!(serde_json::to_string(&state).ok().as_deref(), Some(r#"{"state":"card"}"#));
    }
}
