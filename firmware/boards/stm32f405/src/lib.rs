//! What of the physical board runs on a host too: its interface to USB, and which pin is what.
#![no_std]

pub mod usb;
pub mod wiring;
