//! Which slots this process holds, and how to call through their cards.
//!
//! pcscd lets nobody into a slot that is held exclusively, not even to speak with the reader alone. Whoever
//! drives lamps or a fingerprint module on the board while both slots are held by us therefore goes through
//! the handle that holds one of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{reader::same_board, worker::Caller};

/// Slots that are held, by the names that pcscd gives them.
static HELD: Mutex<Vec<(u64, String, Caller)>> = Mutex::new(Vec::new());

/// Notes that a slot is held, until dropped.
#[derive(Debug)]
pub(super) struct Held(u64);

impl Held {
    /// The slot of this name is held by the thread behind `caller`.
    pub(super) fn new(reader: String, caller: Caller) -> Self {
        let mut held = lock();
        let number = held.iter().map(|(number, ..)| number + 1).max().unwrap_or(0);
        held.push((number, reader, caller));
        Held(number)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        lock().retain(|(number, ..)| *number != self.0);
    }
}

/// Those who hold a slot of the same reader as `reader`, the last slot first: a card in the last, which is
/// the security module's, is waited for less than the holder's.
pub(super) fn callers(reader: &str) -> Vec<Caller> {
    let mut callers: Vec<(String, Caller)> = lock()
        .iter()
        .filter(|(_, name, _)| same_board(name, reader))
        .map(|(_, name, caller)| (name.clone(), caller.clone()))
        .collect();
    callers.sort_by(|one, other| other.0.cmp(&one.0));
    callers.into_iter().map(|(_, caller)| caller).collect()
}

fn lock() -> MutexGuard<'static, Vec<(u64, String, Caller)>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}
