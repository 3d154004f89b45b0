//! The real pcscd with a card and a PSAM in the two slots of a virtual reader or of the emulated board.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use sim::{
    board::{BoardReader, Order},
    card::Card,
    chip::SharedChip,
    fault::Plan,
    pcscd::{Model, Slot},
    psam::Psam,
    reader::AnyReader,
    vpcd::Insertion,
};

use crate::firmware;

/// pcscd looks for a card every 400 ms; a machine that does much else takes longer.
const NOTICE_TIMEOUT_MS: u64 = 20_000;

/// A reader of a test's own.
pub struct TestReader {
    reader: AnyReader,
    insertions: u64,
}

/// What the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Virtual slots of vpcd.
    Virtual,
    /// The emulated board with its firmware, as the driver knows it.
    Board(Model),
}

impl TestReader {
    /// Starts pcscd with virtual slots and puts the PSAM in.
    ///
    /// # Panics
    /// When pcscd cannot be started; the message names the package to install.
    pub fn start(psam: &Path) -> Self {
        Self::start_kind(Kind::Virtual, psam)
    }

    /// Starts pcscd with a reader of this kind and puts the PSAM in. The kind must have a slot for it.
    ///
    /// # Panics
    /// When it cannot be started; the message names the package to install.
    pub fn start_kind(kind: Kind, psam: &Path) -> Self {
        let reader = Self::start_empty(kind);
        let chip = Psam::open(psam, 1).unwrap_or_else(|error| panic!("{error}"));
        reader.insert_into(Slot::Psam, SharedChip::new(chip), Plan::none());
        reader
    }

    /// Starts pcscd with a reader of this kind and nothing in it.
    ///
    /// # Panics
    /// As [`TestReader::start_kind`].
    pub fn start_empty(kind: Kind) -> Self {
        let reader = match kind {
            Kind::Virtual => AnyReader::start_virtual(None),
            Kind::Board(model) => AnyReader::start_board(Order::new(firmware::elf(model), model), None),
        };
        TestReader { reader: reader.unwrap_or_else(|error| panic!("{error}")), insertions: 0 }
    }

    /// Puts the card of a file in, after pulling the one that is there; each change of the card goes back into
    /// the file at once. Returns when pcscd has noticed it.
    ///
    /// # Panics
    /// When the file holds no card, or pcscd does not notice.
    pub fn insert(&mut self, card: &Path, plan: impl Into<Plan>) {
        self.insertions += 1;
        // Other challenges each time.
        let chip = Card::open(card, self.insertions).unwrap_or_else(|error| panic!("{error}"));
        self.insert_chip(SharedChip::new(chip), plan);
    }

    /// The same with a chip of the caller's.
    ///
    /// # Panics
    /// When pcscd does not notice.
    pub fn insert_chip(&mut self, chip: SharedChip, plan: impl Into<Plan>) {
        self.pull();
        self.insert_into(Slot::Card, chip, plan.into());
    }

    fn insert_into(&self, slot: Slot, chip: SharedChip, plan: Plan) {
        self.reader.insert(slot, chip, plan).unwrap_or_else(|error| panic!("{error}"));
        self.notice(slot, true);
    }

    /// Pulls the card and waits until pcscd has noticed; says how its stay went.
    ///
    /// # Panics
    /// When pcscd runs and does not notice.
    pub fn pull(&mut self) -> Option<Insertion> {
        let insertion = self.reader.pull(Slot::Card)?;
        if self.reader.is_running() {
            self.notice(Slot::Card, false);
        }
        Some(insertion)
    }

    /// Commands that the card in the slot has been sent.
    pub fn commands(&self) -> u32 {
        self.reader.insertion(Slot::Card).unwrap_or_default().commands
    }

    /// Ends pcscd as a crash would.
    pub fn kill(&mut self) {
        self.reader.kill();
    }

    /// Starts pcscd again, on the same socket, with the same chips in the slots.
    ///
    /// # Panics
    /// When it cannot be started, or the PSAM does not come back.
    pub fn restart(&mut self) {
        self.reader.restart().unwrap_or_else(|error| panic!("{error}"));
        self.notice(Slot::Psam, true);
    }

    /// For `PCSCLITE_CSOCK_NAME`.
    pub fn socket(&self) -> PathBuf {
        self.reader.socket()
    }

    /// Names of the card's and the PSAM's slot, with a comma, as `jinbao enrol --readers` takes them.
    pub fn names(&self) -> String {
        let name = |slot| self.reader.slot_name(slot).expect("the reader has both slots");
        format!("{},{}", name(Slot::Card), name(Slot::Psam))
    }

    /// All that pcscd has written since it was last started.
    pub fn log(&self) -> String {
        self.reader.log()
    }

    /// The board, where the reader is one.
    pub fn board(&self) -> Option<&BoardReader> {
        self.reader.board()
    }

    /// The board, to end and start parts of it.
    pub fn board_mut(&mut self) -> Option<&mut BoardReader> {
        self.reader.board_mut()
    }

    fn notice(&self, slot: Slot, present: bool) {
        match self.reader.wait_card(slot, present, NOTICE_TIMEOUT_MS) {
            Ok(true) => {}
            Ok(false) => panic!("pcscd does not notice {slot:?}: present {present}\n{}", self.log()),
            Err(error) => panic!("{error}\n{}", self.log()),
        }
    }
}

impl fmt::Debug for TestReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestReader(…)")
    }
}
