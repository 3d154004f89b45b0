//! pcscd itself, whatever its reader.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::{READY_TIMEOUT_MS, ReaderKind, ReaderState, launch, wire};
use crate::{error::SimError, leash::Leashed};

/// A running pcscd of our own. Dropping it ends it.
#[derive(Debug)]
pub struct Service {
    directory: PathBuf,
    kind: ReaderKind,
    running: Option<Leashed>,
    /// Insertions and removals that pcscd had counted when a card was last seen in a slot.
    events: Mutex<BTreeMap<String, u32>>,
}

impl Service {
    /// Starts pcscd with its socket, configuration and log in `directory`, which is made if need be, and with
    /// this reader.
    ///
    /// Returns when all slots are there. The path must be short, as a socket's path has at most 107 bytes,
    /// and without spaces, which pcscd's configuration does not take.
    /// Errors: `Missing` with the package to install, `RunDirectory`, `NotReady`, `Io`; `NoPorts` when vpcd
    /// has not got its ports, `NoReader` when the board does not answer the driver.
    pub fn start(directory: &Path, kind: ReaderKind) -> Result<Self, SimError> {
        fs::create_dir_all(directory).map_err(SimError::file("making", directory))?;
        let running = launch::start(directory, &kind)?;
        Ok(Self { directory: directory.to_owned(), kind, running: Some(running), events: Mutex::default() })
    }

    /// The socket, for `PCSCLITE_CSOCK_NAME` of every client.
    pub fn socket(&self) -> PathBuf {
        launch::socket_path(&self.directory)
    }

    /// The names under which PC/SC lists the slots, the card's first, the PSAM's second.
    pub fn slot_names(&self) -> &'static [&'static str] {
        self.kind.slot_names()
    }

    /// Whether pcscd is alive.
    pub fn is_running(&mut self) -> bool {
        self.running.as_mut().is_some_and(Leashed::is_alive)
    }

    /// What pcscd says about its readers.
    ///
    /// Errors: `Io` when it does not run, `Protocol`.
    pub fn readers(&self) -> Result<Vec<ReaderState>, SimError> {
        wire::readers(&self.socket(), Duration::from_millis(READY_TIMEOUT_MS))
    }

    /// Waits until pcscd has noticed a card in the slot of this name (`true`) or its removal (`false`).
    ///
    /// A command that fails tells pcscd as well that a card is gone, but its watcher, which looks every 400 ms,
    /// then takes a card that comes meanwhile for the old one, and never shows it. So a removal counts when the
    /// watcher has counted it; a human hand is not quicker.
    /// Gives whether that came true within `timeout_ms`. Errors: as [`Service::readers`].
    pub fn wait_card(&self, name: &str, present: bool, timeout_ms: u64) -> Result<bool, SimError> {
        let end = Instant::now() + Duration::from_millis(timeout_ms);
        loop {
            let states = self.readers()?;
            let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(reader) = states.iter().find(|reader| reader.name == name)
                && reader.card_present == present
                && (present || reader.is_lost || events.get(name) != Some(&reader.events))
            {
                if present {
                    events.insert(name.to_owned(), reader.events);
                }
                return Ok(true);
            }
            drop(events);
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

    /// Starts pcscd again, on the same socket and with the same reader.
    ///
    /// Errors: as [`Service::start`].
    pub fn restart(&mut self) -> Result<(), SimError> {
        self.kill();
        self.events.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        self.running = Some(launch::start(&self.directory, &self.kind)?);
        Ok(())
    }

    /// Everything pcscd has written to its log since its last start.
    pub fn log(&self) -> String {
        launch::log(&self.directory)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}
