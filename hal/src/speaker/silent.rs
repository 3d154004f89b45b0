//! A voice that nobody hears: for terminals without a loudspeaker, and for tests.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Speaker, Speech};

/// Writes down what would have been said; clones share what they heard.
#[derive(Clone, Debug, Default)]
pub struct Silent(Arc<Mutex<Heard>>);

#[derive(Debug, Default)]
struct Heard {
    said: Vec<Speech>,
    hushes: usize,
}

/// What is kept of it.
const KEPT_MAX: usize = 100;

impl Silent {
    /// What was said since the last call.
    pub fn take(&self) -> Vec<Speech> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).said)
    }

    /// How often silence was asked for.
    pub fn hushes(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).hushes
    }
}

impl Speaker for Silent {
    fn say(&mut self, speech: &Speech) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.said.len() < KEPT_MAX {
            heard.said.push(speech.clone());
        }
    }

    fn hush(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).hushes += 1;
    }
}
