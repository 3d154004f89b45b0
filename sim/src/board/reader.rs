//! Emulated board, serial line and pcscd together, with cards at the board's lines.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use reader_protocol::{emulated_panel::MAKER_PUBLIC, vault::Contents};

use super::{
    emulator::{Emulator, Lines},
    relay::Relay,
};
use crate::{
    error::SimError,
    line,
    module::Module,
    panel::Panel,
    pcscd::{Model, ReaderKind, SerialReader, Service, Slot, temporary_directory},
};

/// What kind of board is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// ELF file of the firmware.
    pub firmware: PathBuf,
    /// What the firmware was built as, and what the driver is told.
    pub model: Model,
    /// Whether the driver writes every byte into pcscd's log, PIN included: for made-up people only.
    pub has_trace: bool,
    /// For the board's random bytes and the fingerprint module's.
    pub seed: u64,
    /// File that keeps the board's vault from one run to the next.
    pub vault: Option<PathBuf>,
    /// Whether somebody with authority has cleared a board with an erased vault, as when a terminal is set up.
    /// Else it finds at its start that its battery was out, and says so until it is cleared.
    pub is_cleared: bool,
}

impl Order {
    /// A board with this firmware, without trace, and with a vault that nothing keeps.
    pub fn new(firmware: impl Into<PathBuf>, model: Model) -> Self {
        Self { firmware: firmware.into(), model, has_trace: false, seed: 1, vault: None, is_cleared: false }
    }
}

/// A reader board behind a real pcscd. Dropping it ends everything.
#[derive(Debug)]
pub struct BoardReader {
    // In the order in which they end: the driver first, so that it never speaks to a dead line.
    pcscd: Service,
    relay: Relay,
    emulator: Emulator,
    outside: Outside,
    order: Order,
    directory: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

/// What is at the board's lines; it stays there when the board goes.
#[derive(Debug)]
struct Outside {
    card: line::Slot,
    psam: line::Slot,
    module: Module,
    panel: Panel,
}

impl Outside {
    fn new(order: &Order) -> Result<Self, SimError> {
        let panel = match &order.vault {
            Some(file) => Panel::open(file, order.seed)?,
            None => Panel::new(order.seed),
        };
        if order.is_cleared && panel.vault().is_none() {
            panel.set_vault(Contents { authority: Some(MAKER_PUBLIC), ..Contents::default() }.to_bytes());
        }
        Ok(Self { card: line::Slot::new(), psam: line::Slot::new(), module: Module::new(order.seed), panel })
    }

    /// Connects everything to a board; gives the line to the host.
    fn attach(&self, lines: Lines) -> Result<UnixStream, SimError> {
        self.card.attach(lines.card)?;
        self.psam.attach(lines.psam)?;
        self.module.attach(lines.finger)?;
        self.panel.attach(lines.panel)?;
        Ok(lines.host)
    }
}

impl BoardReader {
    /// Starts board and pcscd in a directory that vanishes with them, both slots empty.
    ///
    /// Returns when pcscd lists all slots. Errors: as [`Emulator::start`] and [`Service::start`].
    pub fn start(order: Order) -> Result<Self, SimError> {
        let temporary = temporary_directory()?;
        let mut reader = Self::start_in(order, temporary.path())?;
        reader._temporary = Some(temporary);
        Ok(reader)
    }

    /// The same with sockets, logs and configuration in `directory`, which is made if need be; its path is short and
    /// has no spaces.
    ///
    /// Errors: as [`BoardReader::start`].
    pub fn start_in(order: Order, directory: &Path) -> Result<Self, SimError> {
        fs::create_dir_all(directory).map_err(SimError::file("making", directory))?;
        let outside = Outside::new(&order)?;
        let (emulator, lines) = Emulator::start(&order.firmware, directory)?;
        let relay = Relay::start(outside.attach(lines)?)?;
        let reader = SerialReader {
            device: relay.device().to_owned(),
            model: order.model,
            has_trace: order.has_trace,
        };
        let pcscd = Service::start(directory, ReaderKind::Serial(reader)).map_err(|error| match error {
            SimError::NoReader { said } => {
                SimError::NoReader { said: format!("{said}\nthe board said: {}", emulator.log()) }
            }
            other => other,
        })?;
        let directory = directory.to_owned();
        Ok(Self { pcscd, relay, emulator, outside, order, directory, _temporary: None })
    }

    /// A card slot of the board. A reader with one slot has no PSAM, though the board has its contacts.
    pub fn slot(&self, slot: Slot) -> &line::Slot {
        match slot {
            Slot::Card => &self.outside.card,
            Slot::Psam => &self.outside.psam,
        }
    }

    /// The fingerprint module.
    pub fn module(&self) -> &Module {
        &self.outside.module
    }

    /// Lamps, buzzer, the case, the vault's battery.
    pub fn panel(&self) -> &Panel {
        &self.outside.panel
    }

    /// The name under which PC/SC lists a slot; `None` when the model has no such slot.
    pub fn slot_name(&self, slot: Slot) -> Option<&'static str> {
        self.pcscd.slot_names().get(slot as usize).copied()
    }

    /// pcscd.
    pub fn pcscd(&self) -> &Service {
        &self.pcscd
    }

    /// pcscd, to be ended and started again. It finds the board as it left it.
    pub fn pcscd_mut(&mut self) -> &mut Service {
        &mut self.pcscd
    }

    /// The serial line between driver and board.
    pub fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Waits until pcscd has noticed a card in the slot (`true`) or its removal (`false`).
    ///
    /// Gives whether that came true within `timeout_ms`; false at once when the model has no such slot.
    /// Errors: as [`Service::readers`].
    pub fn wait_card(&self, slot: Slot, present: bool, timeout_ms: u64) -> Result<bool, SimError> {
        match self.slot_name(slot) {
            Some(name) => self.pcscd.wait_card(name, present, timeout_ms),
            None => Ok(false),
        }
    }

    /// Whether the board is alive.
    pub fn is_board_running(&mut self) -> bool {
        self.emulator.is_running()
    }

    /// Cuts the board's power. Cards stay in their slots; pcscd has a line on which nobody answers.
    pub fn kill_board(&mut self) {
        self.emulator.kill();
    }

    /// Ends board and pcscd and starts them again, on the same socket and the same line, with the same cards.
    ///
    /// Serial readers are opened once, so pcscd cannot go on with a board that was away.
    /// Errors: as [`BoardReader::start`].
    pub fn restart(&mut self) -> Result<(), SimError> {
        self.pcscd.kill();
        self.emulator.kill();
        let (emulator, lines) = Emulator::start(&self.order.firmware, &self.directory)?;
        self.emulator = emulator;
        self.relay.connect(self.outside.attach(lines)?)?;
        self.pcscd.restart()
    }

    /// Everything that emulator and firmware have written since their last start.
    pub fn board_log(&self) -> String {
        self.emulator.log()
    }
}
