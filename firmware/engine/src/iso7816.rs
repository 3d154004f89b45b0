//! One card, spoken to over its contacts: the interface device of ISO/IEC 7816-3.
//!
//! [`Interface`] is the whole of it: power, reset, answer to reset, protocol parameters, and exchanges at the
//! level of T=0 TPDUs and T=1 blocks. Nothing waits; all limits of characters count in time of the line.
//! Section numbers are those of ISO/IEC 7816-3:2006.

mod atr;
mod atr_reception;
mod buffer;
mod dialogue;
mod error;
mod interface;
mod line;
mod parameters;
mod pps;
mod t0;
mod t1;
mod timing;

pub use self::{
    atr::{AtrParameters, SpecificMode},
    error::CardError,
    interface::{ANSWER_BYTES_MAX, Interface, Limits, Negotiation, Progress, REQUEST_BYTES_MAX},
    parameters::{PARAMETERS_BYTES_MAX, Parameters, Protocol},
    timing::Speed,
};
