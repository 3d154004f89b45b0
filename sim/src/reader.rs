//! A reader with a card slot and a PSAM slot behind a real pcscd, whichever kind it is.

use std::path::{Path, PathBuf};

use crate::{
    board::{BoardReader, Order},
    chip::SharedChip,
    error::SimError,
    fault::Plan,
    pcscd::{PrivatePcscd, Slot},
    vpcd::{self, Insertion},
};

/// Virtual slots, or the emulated reader board. Dropping it ends everything.
#[derive(Debug)]
pub enum AnyReader {
    /// The virtual reader vpcd: whole commands, no line.
    Virtual(Box<VirtualReader>),
    /// The reader board: firmware, lines, characters.
    Board(Box<BoardReader>),
}

/// pcscd with vpcd and both its slots.
#[derive(Debug)]
pub struct VirtualReader {
    // Cards are pulled before pcscd ends.
    card: vpcd::Reader,
    psam: vpcd::Reader,
    pcscd: PrivatePcscd,
}

impl AnyReader {
    /// Virtual slots. Socket and log go into `directory`, or into one that vanishes.
    ///
    /// Errors: as [`PrivatePcscd::start`].
    pub fn start_virtual(directory: Option<&Path>) -> Result<Self, SimError> {
        let pcscd = match directory {
            Some(directory) => PrivatePcscd::start(directory)?,
            None => PrivatePcscd::start_temporary()?,
        };
        Ok(Self::Virtual(Box::new(VirtualReader {
            card: vpcd::Reader::new(pcscd.slot_address(Slot::Card)),
            psam: vpcd::Reader::new(pcscd.slot_address(Slot::Psam)),
            pcscd,
        })))
    }

    /// The emulated board. Sockets and logs go into `directory`, which is made if need be, or into one that
    /// vanishes.
    ///
    /// Errors: as [`BoardReader::start`].
    pub fn start_board(order: Order, directory: Option<&Path>) -> Result<Self, SimError> {
        let board = match directory {
            Some(directory) => BoardReader::start_in(order, directory)?,
            None => BoardReader::start(order)?,
        };
        Ok(Self::Board(Box::new(board)))
    }

    /// The board, when it is one.
    pub fn board(&self) -> Option<&BoardReader> {
        match self {
            Self::Virtual(_) => None,
            Self::Board(board) => Some(board),
        }
    }

    /// The board, when it is one, to end and start parts of it.
    pub fn board_mut(&mut self) -> Option<&mut BoardReader> {
        match self {
            Self::Virtual(_) => None,
            Self::Board(board) => Some(board),
        }
    }

    /// The name under which PC/SC lists a slot; `None` when the reader has no such slot.
    pub fn slot_name(&self, slot: Slot) -> Option<&'static str> {
        match self {
            Self::Virtual(reader) => Some(reader.pcscd.slot_name(slot)),
            Self::Board(board) => board.slot_name(slot),
        }
    }

    /// Inserts a chip with faults that happen until it is pulled.
    ///
    /// Errors: `Occupied`; with virtual slots also as [`vpcd::Reader::insert`].
    pub fn insert(&self, slot: Slot, chip: SharedChip, plan: Plan) -> Result<(), SimError> {
        match self {
            Self::Virtual(reader) => reader.slot(slot).insert_with(chip, plan),
            Self::Board(board) => board.slot(slot).insert_with(chip, plan),
        }
    }

    /// Pulls the card and says how its stay went; `None` when the slot was empty.
    pub fn pull(&self, slot: Slot) -> Option<Insertion> {
        match self {
            Self::Virtual(reader) => reader.slot(slot).pull(),
            Self::Board(board) => board.slot(slot).pull(),
        }
    }

    /// Whether a card is in contact. False after a fault has torn it out.
    pub fn is_inserted(&self, slot: Slot) -> bool {
        match self {
            Self::Virtual(reader) => reader.slot(slot).is_inserted(),
            Self::Board(board) => board.slot(slot).is_inserted(),
        }
    }

    /// How the present insertion goes so far.
    pub fn insertion(&self, slot: Slot) -> Option<Insertion> {
        match self {
            Self::Virtual(reader) => reader.slot(slot).insertion(),
            Self::Board(board) => board.slot(slot).insertion(),
        }
    }

    /// Waits until pcscd has noticed a card in the slot (`true`) or its removal (`false`).
    ///
    /// Gives whether that came true within `timeout_ms`. Errors: as [`crate::pcscd::Service::readers`].
    pub fn wait_card(&self, slot: Slot, present: bool, timeout_ms: u64) -> Result<bool, SimError> {
        match self {
            Self::Virtual(reader) => reader.pcscd.wait_card(slot, present, timeout_ms),
            Self::Board(board) => board.wait_card(slot, present, timeout_ms),
        }
    }

    /// The socket, for `PCSCLITE_CSOCK_NAME` of every client.
    pub fn socket(&self) -> PathBuf {
        match self {
            Self::Virtual(reader) => reader.pcscd.socket(),
            Self::Board(board) => board.pcscd().socket(),
        }
    }

    /// Whether pcscd is alive.
    pub fn is_running(&mut self) -> bool {
        match self {
            Self::Virtual(reader) => reader.pcscd.is_running(),
            Self::Board(board) => board.pcscd_mut().is_running(),
        }
    }

    /// Ends pcscd at once, as a crash would. Its clients get errors.
    pub fn kill(&mut self) {
        match self {
            Self::Virtual(reader) => reader.pcscd.kill(),
            Self::Board(board) => board.pcscd_mut().kill(),
        }
    }

    /// Starts pcscd again, on the same socket, with the same chips in the slots; the board goes on, or is started
    /// again when it had ended.
    ///
    /// Errors: as when it was started.
    pub fn restart(&mut self) -> Result<(), SimError> {
        match self {
            Self::Virtual(reader) => reader.pcscd.restart(),
            Self::Board(board) => {
                if board.is_board_running() {
                    board.pcscd_mut().restart()
                } else {
                    board.restart()
                }
            }
        }
    }

    /// Everything pcscd has written to its log since its last start.
    pub fn log(&self) -> String {
        match self {
            Self::Virtual(reader) => reader.pcscd.log(),
            Self::Board(board) => board.pcscd().log(),
        }
    }
}

impl VirtualReader {
    fn slot(&self, slot: Slot) -> &vpcd::Reader {
        match slot {
            Slot::Card => &self.card,
            Slot::Psam => &self.psam,
        }
    }
}
