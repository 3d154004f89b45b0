//! A private pcscd: the real program, on a socket of its own, with two virtual slots.
//!
//! The socket is handed over as by systemd's socket activation, which makes pcscd skip its search for
//! another pcscd; clients find it by `PCSCLITE_CSOCK_NAME`. Where the host allows it, pcscd runs in a mount
//! namespace with its own `/run/pcscd` and without drivers for real readers, so that the system's pcscd,
//! its files and its readers are not touched. vpcd listens on all interfaces, which it cannot be talked
//! out of: simulated cards only.

mod launch;
pub mod rerun;
mod wire;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::error::SimError;

pub use wire::ReaderState;

/// Limit for pcscd to answer on its socket with both slots.
pub const READY_TIMEOUT_MS: u64 = 10_000;

/// Tries to find two neighbouring ports that stay free until vpcd has taken them.
const PORT_TRIES_MAX: u32 = 8;

/// Slots of the virtual reader: the card's and the PSAM's.
pub const SLOTS: u8 = 2;

/// Which slot a chip goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The cardholder's slot, the reader's first.
    Card,
    /// The security module's slot, the reader's second.
    Psam,
}

/// A running pcscd of our own. Dropping it ends it.
#[derive(Debug)]
pub struct PrivatePcscd {
    directory: PathBuf,
    port: u16,
    running: Option<launch::Running>,
    _temporary: Option<tempfile::TempDir>,
}

impl PrivatePcscd {
    /// Starts pcscd with its socket, configuration and log in `directory`, which is made if need be.
    ///
    /// Returns when both slots are there. The path must be short, as a socket's path has at most 107 bytes,
    /// and without spaces, which pcscd's configuration does not take.
    /// Errors: `Missing` with the package to install, `RunDirectory`, `NotReady`, `NoPorts`, `Io`.
    pub fn start(directory: &Path) -> Result<Self, SimError> {
        Self::start_in(directory.to_owned(), None)
    }

    /// As [`PrivatePcscd::start`], in a directory that vanishes with it.
    pub fn start_temporary() -> Result<Self, SimError> {
        let temporary = tempfile::Builder::new()
            .prefix("jinbao-pcscd-")
            .tempdir()
            .map_err(SimError::io("making a directory for pcscd"))?;
        Self::start_in(temporary.path().to_owned(), Some(temporary))
    }

    fn start_in(directory: PathBuf, temporary: Option<tempfile::TempDir>) -> Result<Self, SimError> {
        let programs = launch::Programs::find()?;
        fs::create_dir_all(&directory).map_err(SimError::file("making", &directory))?;
        let mut last = SimError::NoPorts;
        for _ in 0..PORT_TRIES_MAX {
            let Some(port) = free_ports() else { continue };
            match launch::start(&programs, &directory, port) {
                Ok(running) => {
                    return Ok(Self { directory, port, running: Some(running), _temporary: temporary });
                }
                // Somebody took a port between our look and vpcd's bind: pcscd runs without a slot.
                Err(SimError::NoPorts) => last = SimError::NoPorts,
                Err(error) => {
                    last = error;
                    break;
                }
            }
        }
        Err(last)
    }

    /// The socket, for `PCSCLITE_CSOCK_NAME` of every client.
    pub fn socket(&self) -> PathBuf {
        launch::socket_path(&self.directory)
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
        match slot {
            Slot::Card => "Jinbao virtual reader 00 00",
            Slot::Psam => "Jinbao virtual reader 00 01",
        }
    }

    /// Whether pcscd is alive.
    pub fn is_running(&mut self) -> bool {
        self.running.as_mut().is_some_and(launch::Running::is_alive)
    }

    /// What pcscd says about its readers.
    ///
    /// Errors: `Io` when it does not run, `Protocol`.
    pub fn readers(&self) -> Result<Vec<ReaderState>, SimError> {
        wire::readers(&self.socket(), Duration::from_millis(READY_TIMEOUT_MS))
    }

    /// Waits until pcscd has noticed a card in the slot (`true`) or its removal (`false`).
    ///
    /// Gives whether that came true within `timeout_ms`. Errors: as [`PrivatePcscd::readers`].
    pub fn wait_card(&self, slot: Slot, present: bool, timeout_ms: u64) -> Result<bool, SimError> {
        let end = Instant::now() + Duration::from_millis(timeout_ms);
        loop {
            let name = self.slot_name(slot);
            if self.readers()?.iter().any(|reader| reader.name == name && reader.card_present == present) {
                return Ok(true);
            }
            if Instant::now() >= end {
                return Ok(false);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends pcscd at once, as a crash would, and takes its socket away. Its clients get errors.
    pub fn kill(&mut self) {
        self.running = None;
        // The socket may have gone with the directory.
        let _ = fs::remove_file(self.socket());
    }

    /// Starts pcscd again, on the same socket and the same ports. Chips in the slots come back by themselves.
    ///
    /// Errors: as [`PrivatePcscd::start`]; `NoPorts` when somebody has taken the ports meanwhile.
    pub fn restart(&mut self) -> Result<(), SimError> {
        self.kill();
        self.running = Some(launch::start(&launch::Programs::find()?, &self.directory, self.port)?);
        Ok(())
    }

    /// Everything pcscd has written to its log since its last start.
    pub fn log(&self) -> String {
        launch::log(&self.directory)
    }
}

impl Drop for PrivatePcscd {
    fn drop(&mut self) {
        self.kill();
    }
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
