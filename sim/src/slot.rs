//! A card slot without a reader: the same chips and the same faults in process, for tests and for a
//! demonstration on a machine that has no smart card service.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hal::slot::{CardSlot, Outcome, SlotError};

use crate::{
    chip::SharedChip,
    error::SimError,
    fault::{Contact, Plan},
};

/// The hand that inserts and pulls cards; clones are the same hand.
#[derive(Clone)]
pub struct Hand(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    contact: Option<Contact>,
    /// Counts insertions, so that a card exchanged behind the terminal's back is noticed.
    insertions: u64,
}

/// The slot, to be given to the terminal.
pub struct InProcessSlot {
    name: String,
    shared: Arc<Shared>,
    /// The insertion that was powered on; commands go to no other.
    powered: Option<u64>,
}

impl Hand {
    /// Inserts a chip; nothing goes wrong with it. Errors: `Occupied`.
    pub fn insert(&self, chip: SharedChip) -> Result<(), SimError> {
        self.insert_with(chip, Plan::none())
    }

    /// Inserts a chip with faults that happen until it is pulled. Errors: `Occupied`.
    pub fn insert_with(&self, chip: SharedChip, plan: Plan) -> Result<(), SimError> {
        let mut state = self.0.lock();
        if state.contact.is_some() {
            return Err(SimError::Occupied);
        }
        state.contact = Some(Contact::new(chip, plan));
        state.insertions += 1;
        self.0.changed.notify_all();
        Ok(())
    }

    /// Pulls the card; `false` when the slot was empty.
    pub fn pull(&self) -> bool {
        let mut state = self.0.lock();
        let pulled = state.contact.take().map(|mut contact| contact.power_off());
        self.0.changed.notify_all();
        pulled.is_some()
    }

    /// Whether there is a card.
    pub fn is_inserted(&self) -> bool {
        self.0.lock().contact.is_some()
    }

    /// Commands sent to the present card since it was inserted.
    pub fn commands(&self) -> Option<u32> {
        self.0.lock().contact.as_ref().map(Contact::commands)
    }
}

impl fmt::Debug for Hand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hand")
    }
}

impl InProcessSlot {
    /// An empty slot of this name, and the hand for it.
    pub fn new(name: impl Into<String>) -> (Self, Hand) {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        (Self { name: name.into(), shared: Arc::clone(&shared), powered: None }, Hand(shared))
    }

    /// A slot that holds `chip` from the start.
    pub fn with(name: impl Into<String>, chip: SharedChip) -> (Self, Hand) {
        let (slot, hand) = Self::new(name);
        {
            let mut state = hand.0.lock();
            state.contact = Some(Contact::new(chip, Plan::none()));
            state.insertions += 1;
        }
        (slot, hand)
    }

    /// Waits until there is a card (`true`) or none; whether that came true in time.
    fn wait(&self, present: bool, timeout_ms: u32) -> bool {
        let end = Instant::now() + Duration::from_millis(u64::from(timeout_ms));
        let mut state = self.shared.lock();
        while state.contact.is_some() != present {
            let now = Instant::now();
            if now >= end {
                return false;
            }
            state =
                self.shared.changed.wait_timeout(state, end - now).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl CardSlot for InProcessSlot {
    fn name(&self) -> &str {
        &self.name
    }

    fn wait_card(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        if self.wait(true, timeout_ms) { Ok(()) } else { Err(SlotError::NoCard) }
    }

    fn wait_removal(&mut self, timeout_ms: u32) -> Result<(), SlotError> {
        if self.wait(false, timeout_ms) {
            Ok(())
        } else {
            Err(SlotError::Timeout { timeout_ms, outcome: Outcome::NotDone })
        }
    }

    fn power_on(&mut self) -> Result<Vec<u8>, SlotError> {
        let mut state = self.shared.lock();
        let insertion = state.insertions;
        let contact = state.contact.as_mut().ok_or(SlotError::NoCard)?;
        self.powered = None;
        let atr = contact.power_on().ok_or(SlotError::Mute)?;
        self.powered = Some(insertion);
        Ok(atr)
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, SlotError> {
        let mut state = self.shared.lock();
        let powered = self.powered == Some(state.insertions);
        let Some(contact) = state.contact.as_mut().filter(|_| powered) else {
            self.powered = None;
            return Err(SlotError::Removed { outcome: Outcome::NotDone });
        };
        match contact.transmit(command) {
            Ok(answer) if answer.len() < 2 => Err(SlotError::Answer { bytes: answer.len() }),
            Ok(answer) => Ok(answer),
            Err(_) => {
                state.contact = None;
                self.powered = None;
                self.shared.changed.notify_all();
                // A real reader cannot tell a command that was lost from one whose answer was.
                Err(SlotError::Removed { outcome: Outcome::Unknown })
            }
        }
    }

    fn power_off(&mut self) {
        if self.powered.take().is_some()
            && let Some(contact) = self.shared.lock().contact.as_mut()
        {
            contact.power_off();
        }
    }
}

impl fmt::Debug for InProcessSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcessSlot").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::fault::{Fault, tests::Echo};
    use std::thread;

    fn echo() -> SharedChip {
        SharedChip::new(Echo::default())
    }

    #[test]
    fn a_card_comes_and_goes() {
        let (mut slot, hand) = InProcessSlot::new("slot");
        assert_eq!(slot.wait_card(0), Err(SlotError::NoCard));
        assert_eq!(slot.power_on(), Err(SlotError::NoCard));
        let inserting = hand.clone();
        let other = thread::spawn(move || inserting.insert(echo()).unwrap());
        slot.wait_card(10_000).unwrap();
        other.join().unwrap();
        assert!(matches!(hand.insert(echo()), Err(SimError::Occupied)));
        assert_eq!(slot.power_on().unwrap(), [0x3B, 0x00]);
        assert_eq!(slot.transmit(&[1, 2, 3, 4]).unwrap(), [1, 2, 3, 4, 0x90, 0x00]);
        assert_eq!(hand.commands(), Some(1));
        assert!(matches!(slot.wait_removal(0), Err(SlotError::Timeout { timeout_ms: 0, .. })));
        assert!(hand.pull() && !hand.pull());
        slot.wait_removal(0).unwrap();
        let removed = Err(SlotError::Removed { outcome: Outcome::NotDone });
        assert_eq!(slot.transmit(&[1]), removed);
        hand.insert(echo()).unwrap();
        assert_eq!(slot.transmit(&[1]), removed, "another card has to be powered on first");
        slot.power_on().unwrap();
        slot.power_off();
        assert_eq!(slot.transmit(&[1]), removed);
    }

    #[test]
    fn a_card_torn_out_has_an_unknown_outcome() {
        for fault in [Fault::PullBefore { command: 1 }, Fault::PullAfter { command: 1 }] {
            let (mut slot, hand) = InProcessSlot::new("slot");
            hand.insert_with(echo(), fault.into()).unwrap();
            slot.power_on().unwrap();
            // As behind a reader, the terminal cannot tell one from the other.
            assert_eq!(slot.transmit(&[1]), Err(SlotError::Removed { outcome: Outcome::Unknown }));
            assert!(!hand.is_inserted());
        }
        let (mut slot, hand) = InProcessSlot::new("slot");
        hand.insert_with(echo(), Fault::Mute.into()).unwrap();
        assert_eq!(slot.power_on(), Err(SlotError::Mute));
    }
}
