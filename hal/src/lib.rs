//! Devices of a terminal as traits, one file per kind of device, with their drivers and decorators.
//!
//! A flow of the terminal sees only these traits; which reader, printer or pin stands behind them is
//! decided once, at start.

pub mod clock;
pub mod fingerprint;
pub mod indicator;
pub mod pin_pad;
pub mod printer;
pub mod slot;
