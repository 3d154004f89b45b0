//! How a card behaves at the line: what it offers in its answer to reset, and how it goes about it.

use std::collections::BTreeSet;

use super::{atr::Offer, fault};
use crate::fault as chip_fault;

/// What a card does with a protocol and parameters selection. Source: ISO/IEC 7816-3 §9.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PpsAnswer {
    /// Agrees to what it has offered; gives the default speed for a speed that it has not.
    #[default]
    Agree,
    /// Agrees to the protocol, at the default speed only.
    DefaultSpeed,
    /// Does not answer.
    Mute,
    /// Answers with another protocol than the one asked for.
    OtherProtocol,
    /// Answers with a wrong check byte.
    WrongCheck,
}

/// How T=0 asks for the data of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acknowledge {
    /// All of them at once.
    #[default]
    All,
    /// One by one, by the complement of the instruction; the same for what the card sends.
    OneByOne,
}

/// Supply classes that a card works with. Source: ISO/IEC 7816-3 §5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classes {
    /// 5 V.
    pub a: bool,
    /// 3 V.
    pub b: bool,
    /// 1.8 V.
    pub c: bool,
}

impl Default for Classes {
    fn default() -> Self {
        Self { a: true, b: true, c: true }
    }
}

/// How one card behaves at the line while it is inserted.
///
/// The default is the chip's own answer to reset and a card without faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    pub(super) offer: Option<Offer>,
    pub(super) pps: PpsAnswer,
    pub(super) acknowledge: Acknowledge,
    pub(super) classes: Classes,
    pub(super) think_us: u64,
    pub(super) unwraps: bool,
    pub(super) asks_ifs: Option<u8>,
    pub(super) outgoing: BTreeSet<u8>,
    pub(super) faults: fault::Plan,
    pub(super) chip_faults: chip_fault::Plan,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            offer: None,
            pps: PpsAnswer::default(),
            acknowledge: Acknowledge::default(),
            classes: Classes::default(),
            think_us: 0,
            unwraps: true,
            asks_ifs: None,
            // Instructions that have no data to send: READ BINARY, READ RECORD, GET RESPONSE, GET DATA,
            // GET CHALLENGE, and the balances of account and wallet.
            outgoing: BTreeSet::from([0xB0, 0xB2, 0xC0, 0xCA, 0x84, 0x26, 0x5C]),
            faults: fault::Plan::none(),
            chip_faults: chip_fault::Plan::none(),
        }
    }
}

impl Manner {
    /// Offers other protocols and speeds than the chip's own answer to reset does.
    pub fn offer(mut self, offer: Offer) -> Self {
        self.offer = Some(offer);
        self
    }

    /// Another way to answer a protocol and parameters selection.
    pub fn pps(mut self, answer: PpsAnswer) -> Self {
        self.pps = answer;
        self
    }

    /// Another way to ask for data in T=0.
    pub fn acknowledge(mut self, acknowledge: Acknowledge) -> Self {
        self.acknowledge = acknowledge;
        self
    }

    /// Works with these supplies only, and is mute under others.
    pub fn classes(mut self, classes: Classes) -> Self {
        self.classes = classes;
        self
    }

    /// Thinks so many microseconds more about each command than the chip says it does; NULL bytes (T=0) and
    /// requests for more time (T=1) come of themselves when that is long.
    pub fn think_us(mut self, think_us: u64) -> Self {
        self.think_us = think_us;
        self
    }

    /// Whether T=1 fetches what the chip keeps back with 61xx, as cards of this protocol do (so by default), or
    /// hands 61xx on.
    pub fn unwraps(mut self, unwraps: bool) -> Self {
        self.unwraps = unwraps;
        self
    }

    /// Announces this size of its blocks (1 to 254) before its first answer in T=1, by S(IFS request).
    pub fn asks_ifs(mut self, bytes: u8) -> Self {
        self.asks_ifs = Some(bytes);
        self
    }

    /// Instructions that send no data to the card, instead of those known; T=0 has to know.
    pub fn outgoing(mut self, instructions: impl IntoIterator<Item = u8>) -> Self {
        self.outgoing = instructions.into_iter().collect();
        self
    }

    /// What goes wrong at the line.
    pub fn faults(mut self, plan: impl Into<fault::Plan>) -> Self {
        self.faults = plan.into();
        self
    }

    /// What goes wrong between commands and answers, as in the other slots.
    pub fn chip_faults(mut self, plan: impl Into<chip_fault::Plan>) -> Self {
        self.chip_faults = plan.into();
        self
    }
}
