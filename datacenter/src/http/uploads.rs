//! How many uploads each terminal has in hand.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use protocol::{id::TerminalId, problem::ProblemKind};

use super::Refusal;

/// Uploads in hand by terminal; terminals without any are not held.
pub(super) struct Uploads {
    in_hand: Mutex<HashMap<TerminalId, usize>>,
    per_terminal_max: usize,
}

/// One upload in hand, from before its body is read until its work ends.
pub(super) struct Upload {
    uploads: Arc<Uploads>,
    terminal: TerminalId,
}

impl Uploads {
    pub(super) fn new(per_terminal_max: usize) -> Arc<Self> {
        Arc::new(Uploads { in_hand: Mutex::default(), per_terminal_max })
    }

    fn in_hand(&self) -> MutexGuard<'_, HashMap<TerminalId, usize>> {
        // A count is whole at any time, also after a panic elsewhere.
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// Begins one. Problem: `Overloaded` when the terminal has as many in hand as it may.
    pub(super) fn begin(uploads: &Arc<Uploads>, terminal: TerminalId) -> Result<Self, Refusal> {
        let mut in_hand = uploads.in_hand();
        let count = in_hand.entry(terminal).or_insert(0);
        if *count >= uploads.per_terminal_max {
            return Err(Refusal::new(ProblemKind::Overloaded, "too many batches of this terminal at once"));
        }
        *count += 1;
        Ok(Upload { uploads: Arc::clone(uploads), terminal })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let mut in_hand = self.uploads.in_hand();
        if let Some(count) = in_hand.get_mut(&self.terminal) {
            *count -= 1;
            if *count == 0 {
                in_hand.remove(&self.terminal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn each_terminal_has_its_own_number() {
        let uploads = Uploads::new(2);
        let (one, other) = ("430100000001".parse().unwrap(), "430100000002".parse().unwrap());
        let first = Upload::begin(&uploads, one).ok().unwrap();
        let _second = Upload::begin(&uploads, one).ok().unwrap();
        assert!(Upload::begin(&uploads, one).is_err());
        let another = Upload::begin(&uploads, other).ok().unwrap();
        drop(first);
        let _third = Upload::begin(&uploads, one).ok().unwrap();
        assert!(Upload::begin(&uploads, one).is_err());
        drop(another);
        assert_eq!(uploads.in_hand().len(), 1);
    }
}
