//! The PC/SC driver: cards behind pcscd, on the crate `pcsc`, which binds libpcsclite.
//!
//! # What the library does not do for us
//!
//! - **Nothing in it has a time limit** but the wait for a change of state: a card that never answers
//!   blocks the caller for minutes. Every call is therefore made on a thread of its own, and the caller
//!   waits for that thread with a limit ([`Limits`]). A thread that does not come back is abandoned with
//!   its handle and cleans up after itself when it does; at most [`ABANDONED_MAX`] may be under way.
//! - **A context is used by one thread only.** The library holds its global lock while it waits for the
//!   lock of a context, so touching a context in which another thread is stuck would freeze every slot of
//!   the process. Context and card live and die on the thread that made them.
//! - **A context does not survive pcscd**, and `SCardIsValidContext` does not notice. It is never asked:
//!   any error that is not about the reader or the card throws the context away.
//! - The socket is read from `PCSCLITE_CSOCK_NAME` once, by the first call of the process. One process
//!   talks to one pcscd.
//! - In pcsc-lite 1.9.9 the table of reader states is shared by all contexts of the process without a
//!   lock. A look at it may, rarely, be a mixture; so nothing is decided by one look: the [`Monitor`]
//!   compares anew each time, and a [`PcscSlot`] that was told of a card finds out when it connects.
//!
//! Checked against the sources of pcsc-lite 1.9.9 (Debian 12).

mod connection;
mod control;
mod doctor;
mod fault;
mod held;
mod holder;
pub mod ladder;
mod monitor;
mod reader;
mod slot;
mod usb;
mod worker;

pub use control::{ControlChannel, ControlError, ReaderControl};
pub use doctor::{Hint, POLKIT_RULE, Service, ServiceReport, UDEV_RULE, examine};
pub use monitor::{EVENTS_MAX, Event, Monitor};
pub(crate) use reader::same_board;
pub use reader::{ATR_BYTES_MAX, READERS_MAX, Reader, ReaderState, Use, readers};
pub use slot::PcscSlot;
pub use usb::{CcidDescriptor, ExchangeLevel, UsbReader};
pub use worker::ABANDONED_MAX;

/// How long each kind of call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For pcscd to come (back) when a slot needs it.
    pub service_ms: u32,
    /// For one call that does not wait for the card: listing, looking, disconnecting.
    pub call_ms: u32,
    /// For powering a card on, all voltages and the negotiation of the protocol included.
    pub power_on_ms: u32,
    /// For one exchange. A card may take seconds to erase its memory, and asks for more time meanwhile.
    pub transmit_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { service_ms: 3_000, call_ms: 2_000, power_on_ms: 5_000, transmit_ms: 15_000 }
    }
}
