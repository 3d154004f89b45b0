//! One person at the counter: which fingers were tried and how often, and what is known in the end.
//!
//! The tries outlive the tap and the program (see [`super::kept`]): a card that is pulled and put in again gets
//! no new ones for a while.

use std::fmt;

use card_spec::fingerprint::Content;
use protocol::{
    evidence::{FingerPosition, HolderProof, ManualReason},
    policy::ProofPolicy,
};

use super::finger::{FingerFailure, Rung};
use crate::ledger::CardKey;

/// How long the tries of a card are remembered after the last one.
pub const SITTING_MS: u64 = 30 * 60_000;

/// Cards whose tries are remembered; of more, the oldest is forgotten.
pub const SITTINGS_MAX: usize = 64;

/// What was tried with a card.
pub(crate) struct Tries {
    pub(super) card: CardKey,
    /// By the monotonic clock; before its start when it was in an earlier run.
    pub(super) last_ms: i64,
    pub(super) fingers: Vec<Tried>,
    /// Comparisons that found another finger.
    pub(crate) no_matches: u8,
    pub(super) last: Option<FingerFailure>,
    /// A comparison of this finger is under way, and counted.
    begun: Option<FingerPosition>,
}

pub(super) struct Tried {
    pub(super) position: FingerPosition,
    /// Attempts, whatever came of them.
    pub(super) attempts: u8,
    /// Those in which something was compared.
    pub(super) comparisons: u8,
    /// Nobody puts it on. Forgotten with the tap: whoever comes again may.
    pub(super) is_given_up: bool,
}

impl Tries {
    pub(super) fn new(card: CardKey, now_ms: i64) -> Self {
        Tries { card, last_ms: now_ms, fingers: Vec::new(), no_matches: 0, last: None, begun: None }
    }

    /// Nothing was tried.
    pub(super) fn is_fresh(&self) -> bool {
        self.fingers.is_empty() && self.no_matches == 0
    }

    /// Counts a comparison that is about to begin, so that whatever ends it in the middle gives no try back.
    pub(crate) fn begin(&mut self, position: FingerPosition, now_ms: u64) {
        self.last_ms = ms(now_ms);
        let tried = self.tried(position);
        tried.attempts = tried.attempts.saturating_add(1);
        tried.comparisons = tried.comparisons.saturating_add(1);
        self.begun = Some(position);
    }

    /// It came to an end, which is counted by itself; or there was none.
    pub(crate) fn end(&mut self) {
        if let Some(position) = self.begun.take() {
            let tried = self.tried(position);
            tried.attempts = tried.attempts.saturating_sub(1);
            tried.comparisons = tried.comparisons.saturating_sub(1);
        }
    }

    /// Counts an attempt that did not decide.
    pub(crate) fn failed(
        &mut self,
        position: Option<FingerPosition>,
        why: FingerFailure,
        compared: bool,
        now_ms: u64,
    ) {
        self.end();
        self.last_ms = ms(now_ms);
        self.last = Some(why);
        if why == FingerFailure::NoMatch {
            self.no_matches = self.no_matches.saturating_add(1);
        }
        let Some(position) = position.filter(|_| why != FingerFailure::Cancelled) else { return };
        let tried = self.tried(position);
        tried.attempts = tried.attempts.saturating_add(1);
        tried.comparisons = tried.comparisons.saturating_add(u8::from(compared));
        tried.is_given_up |= why == FingerFailure::NoFinger;
    }

    /// The comparison that decided: how many the finger took with it.
    pub(crate) fn matched(&mut self, position: FingerPosition, now_ms: u64) -> u8 {
        self.end();
        self.last_ms = ms(now_ms);
        let tried = self.tried(position);
        tried.attempts = tried.attempts.saturating_add(1);
        tried.comparisons = tried.comparisons.saturating_add(1);
        tried.comparisons
    }

    /// The finger has proved itself: the next sitting begins anew.
    pub(crate) fn forget(&mut self) {
        *self = Tries::new(self.card, self.last_ms);
    }

    /// The finger to try next, or the reason why staff has to decide; `None` before anything was tried and
    /// nothing is on the card.
    pub(crate) fn next(&self, on_card: &[FingerPosition], policy: &ProofPolicy) -> Option<Rung> {
        if let Some(last) = self.last.filter(|last| last.is_final()) {
            return Some(Rung::Clerk { reason: self.reason(last) });
        }
        let left = |tried: &Tried| match tried.is_given_up {
            true => 0,
            false => policy.tries_max.saturating_sub(tried.attempts),
        };
        for tried in &self.fingers {
            if left(tried) > 0 && on_card.contains(&tried.position) {
                return Some(Rung::Finger { position: tried.position, tries_left: left(tried) });
            }
        }
        if self.fingers.len() < usize::from(policy.fingers_max) {
            let other = on_card
                .iter()
                .find(|position| !self.fingers.iter().any(|tried| tried.position == **position));
            if let Some(position) = other {
                return Some(Rung::Finger { position: *position, tries_left: policy.tries_max });
            }
        }
        self.last.map(|last| Rung::Clerk { reason: self.reason(last) })
    }

    /// What did not work at last.
    pub(crate) fn last(&self) -> Option<FingerFailure> {
        self.last
    }

    /// What no finger could help against has been looked at again, and is over.
    pub(crate) fn reconsider(&mut self) {
        if self.last.is_some_and(FingerFailure::is_final) {
            self.last = None;
        }
    }

    /// Whether this finger may be tried now, by name.
    pub(crate) fn allows(&self, position: FingerPosition, policy: &ProofPolicy) -> bool {
        match self.fingers.iter().find(|tried| tried.position == position) {
            Some(tried) => tried.attempts < policy.tries_max,
            None => self.fingers.len() < usize::from(policy.fingers_max),
        }
    }

    /// A suspicion is not covered up by what came after it.
    fn reason(&self, last: FingerFailure) -> ManualReason {
        if self.no_matches > 0 { ManualReason::NoMatch } else { last.reason() }
    }

    fn tried(&mut self, position: FingerPosition) -> &mut Tried {
        let at = match self.fingers.iter().position(|tried| tried.position == position) {
            Some(at) => at,
            None => {
                self.fingers.push(Tried { position, attempts: 0, comparisons: 0, is_given_up: false });
                self.fingers.len() - 1
            }
        };
        &mut self.fingers[at]
    }
}

/// Tries of the cards that were here lately, and what is known of the one that is open.
#[derive(Default)]
pub(crate) struct Sittings {
    pub(super) tries: Vec<Tries>,
    /// The open card has accepted its PIN in this tap. The card itself forgets that when another of its
    /// applications is selected; who stands there does not change by that.
    pub(crate) pin: bool,
    /// Of the open card; gone with it.
    pub(crate) content: Option<Content>,
    /// The same.
    pub(crate) proof: Option<HolderProof>,
}

impl Sittings {
    /// The tries of a card.
    pub(crate) fn of(&mut self, card: CardKey, now_ms: u64) -> &mut Tries {
        self.expire(now_ms);
        let at = match self.tries.iter().position(|tries| tries.card == card) {
            Some(at) => at,
            None => {
                if self.tries.len() >= SITTINGS_MAX {
                    self.tries.remove(0);
                }
                self.tries.push(Tries::new(card, ms(now_ms)));
                self.tries.len() - 1
            }
        };
        &mut self.tries[at]
    }

    /// Forgets those of sittings that are over.
    pub(super) fn expire(&mut self, now_ms: u64) {
        self.tries.retain(|tries| ms(now_ms).saturating_sub(tries.last_ms) <= ms(SITTING_MS));
    }

    /// The card goes, and its templates and its holder's proof with it.
    pub(crate) fn card_gone(&mut self) {
        self.pin = false;
        self.content = None;
        self.proof = None;
        for tried in self.tries.iter_mut().flat_map(|tries| &mut tries.fingers) {
            tried.is_given_up = false;
        }
    }
}

fn ms(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl fmt::Debug for Tries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tries")
            .field("no_matches", &self.no_matches)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}
