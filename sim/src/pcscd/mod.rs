//! A private pcscd: the real program, on a socket of its own, with two virtual slots or a reader on a serial
//! line.
//!
//! The socket is handed over as by systemd's socket activation, which makes pcscd skip its search for
//! another pcscd; clients find it by `PCSCLITE_CSOCK_NAME`. Where the host allows it, pcscd runs in a mount
//! namespace with its own `/run/pcscd` and without drivers for real readers, so that the system's pcscd,
//! its files and its readers are not touched. vpcd listens on all interfaces, which it cannot be talked
//! out of: simulated cards only.

mod kind;
mod launch;
pub mod rerun;
mod service;
mod wire;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use crate::error::SimError;

pub use kind::{Model, ReaderKind, SerialReader};
pub use service::Service;
pub use wire::ReaderState;

/// Limit for pcscd to answer on its socket with both slots.
pub const READY_TIMEOUT_MS: u64 = 10_000;

/// Tries to find two neighbouring ports that stay free until vpcd has taken them.
const PORT_TRIES_MAX: u32 = 8;

/// Which slot a chip goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The cardholder's slot, the reader's first.
    Card,
    /// The security module's slot, the reader's second.
    Psam,
}

/// A running pcscd of our own with two virtual slots. Dropping it ends it.
#[derive(Debug)]
pub struct PrivatePcscd {
    service: Service,
    port: u16,
    _temporary: Option<tempfile::TempDir>,
}

impl PrivatePcscd {
    /// Starts pcscd with its socket, configuration and log in `directory`, which is made if need be.
    ///
    /// Returns when both slots are there. The path must be short, as a socket's path has at most 107 bytes,
    /// and without spaces, which pcscd's configuration does not take.
    /// Errors: `Missing` with the package to install, `RunDirectory`, `NotReady`, `NoPorts`, `Io`.
    pub fn start(directory: &Path) -> Result<Self, SimError> {
        Self::start_in(directory)
    }

    /// As [`PrivatePcscd::start`], in a directory that vanishes with it.
    pub fn start_temporary() -> Result<Self, SimError> {
        let temporary = temporary_directory()?;
        let mut pcscd = Self::start_in(temporary.path())?;
        pcscd._temporary = Some(temporary);
        Ok(pcscd)
    }

    fn start_in(directory: &Path) -> Result<Self, SimError> {
        for _ in 0..PORT_TRIES_MAX {
            let Some(port) = free_ports() else { continue };
            match Service::start(directory, ReaderKind::Virtual { port }) {
                Ok(service) => return Ok(Self { service, port, _temporary: None }),
                // Somebody took a port between our look and vpcd's bind: pcscd runs without a slot.
                Err(SimError::NoPorts) => {}
                Err(error) => return Err(error),
            }
        }
        Err(SimError::NoPorts)
    }

    /// Where vpcd waits for the chip of a slot.
    pub fn slot_address(&self, slot: Slot) -> SocketAddr {
        let port = match slot {
            Slot::Card => self.port,
            Slot::Psam => self.port + 1,
        };
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// The name under which PC/SC lists a slot.
    pub fn slot_name(&self, slot: Slot) -> &'static str {
        self.service.slot_names()[slot as usize]
    }

    /// As [`Service::socket`].
    pub fn socket(&self) -> PathBuf {
        self.service.socket()
    }

    /// As [`Service::is_running`].
    pub fn is_running(&mut self) -> bool {
        self.service.is_running()
    }

    /// As [`Service::readers`].
    pub fn readers(&self) -> Result<Vec<ReaderState>, SimError> {
        self.service.readers()
    }

    /// Waits until pcscd has noticed a card in the slot (`true`) or its removal (`false`).
    ///
    /// Gives whether that came true within `timeout_ms`. Errors: as [`Service::readers`].
    pub fn wait_card(&self, slot: Slot, present: bool, timeout_ms: u64) -> Result<bool, SimError> {
        self.service.wait_card(self.slot_name(slot), present, timeout_ms)
    }

    /// As [`Service::kill`].
    pub fn kill(&mut self) {
        self.service.kill();
    }

    /// Starts pcscd again, on the same socket and the same ports. Chips in the slots come back by themselves.
    ///
    /// Errors: as [`PrivatePcscd::start`]; `NoPorts` when somebody has taken the ports meanwhile.
    pub fn restart(&mut self) -> Result<(), SimError> {
        self.service.restart()
    }

    /// As [`Service::log`].
    pub fn log(&self) -> String {
        self.service.log()
    }
}

/// A directory for pcscd that vanishes: its path is short and has no spaces.
pub(crate) fn temporary_directory() -> Result<tempfile::TempDir, SimError> {
    tempfile::Builder::new()
        .prefix("jinbao-pcscd-")
        .tempdir()
        .map_err(SimError::io("making a directory for pcscd"))
}

/// Two neighbouring ports that are free now.
fn free_ports() -> Option<u16> {
    let any = Ipv4Addr::UNSPECIFIED;
    let first = TcpListener::bind((any, 0)).ok()?;
    let port = first.local_addr().ok()?.port();
    let next = port.checked_add(1)?;
    TcpListener::bind((any, next)).ok()?;
    Some(port)
}
