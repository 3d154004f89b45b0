//! What all dialogues with a card have in common: they hear something and say what comes next.

use super::{CardError, atr_reception::AtrReception, pps::Pps, t0::Tpdu, t1::Block};
use crate::time::Duration;

/// What comes next on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Send this.
    Send(u8),
    /// Listen for so long, counted from the last character.
    Listen(Duration),
    /// The card has asked for time; listen for so long.
    Extend(Duration),
    /// Take the convention (true for inverse) and listen for so long.
    TakeConvention(bool, Duration),
    /// Over: so many bytes are in the buffer.
    Done(usize),
    /// Failed.
    Fail(CardError),
}

/// What is being spoken about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Dialogue {
    /// Answer to reset.
    Atr(AtrReception),
    /// Protocol and parameters selection.
    Pps(Pps),
    /// A TPDU of T=0.
    T0(Tpdu),
    /// A block of T=1, and the one that answers.
    T1(Block),
}
