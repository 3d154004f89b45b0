//! One card, spoken to over its contacts: the interface device of ISO/IEC 7816-3.
//!
//! [`Interface`] is the whole of it: power, reset, answer to reset, protocol parameters, and exchanges at the
//! level of T=0 TPDUs and T=1 blocks. Nothing waits; all time is time of the line.

mod error;
mod interface;
mod parameters;

pub use self::{
    error::CardError,
    interface::{ANSWER_BYTES_MAX, Interface, Negotiation, Progress, REQUEST_BYTES_MAX},
    parameters::{PARAMETERS_BYTES_MAX, Parameters, Protocol},
};
