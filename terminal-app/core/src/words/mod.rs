//! What people are told, in Chinese and in English: what happened, and what to do next.
//!
//! Every text is made from an enum by an exhaustive match, so that a new error does not compile without
//! its words. No text holds a PIN, a name or a number of a person.

mod board;
mod contribution;
mod eligibility;
mod flow;
mod holder;
mod link;
mod service;
mod session;
pub mod spoken;
mod store;

use std::fmt;

pub use self::{
    board::device as board_words,
    holder::{purpose_name, reason_name},
    link::refusal,
    service::{
        contribution_name, contribution_state_name, fund_name, movement_name, next_step_words, paid_by_words,
        payer_name, shown_from, split_words, unemployment_name,
    },
    session::step_name,
    store::action_name,
};
use crate::language::Language;

/// A message to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What happened.
    pub what: String,
    /// What to do next.
    pub next: String,
}

impl fmt::Display for Words {
    /// Both, one after the other.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.what.is_ascii(), self.next.is_empty()) {
            (_, true) => f.write_str(&self.what),
            (true, false) => write!(f, "{} {}", self.what, self.next),
            (false, false) => write!(f, "{}{}", self.what, self.next),
        }
    }
}

/// Picks the message of a language.
fn say(
    language: Language,
    chinese: (impl Into<String>, impl Into<String>),
    english: (impl Into<String>, impl Into<String>),
) -> Words {
    match language {
        Language::Chinese => Words { what: chinese.0.into(), next: chinese.1.into() },
        Language::English => Words { what: english.0.into(), next: english.1.into() },
    }
}
