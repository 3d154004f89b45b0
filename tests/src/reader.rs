//! The real pcscd with a card and a PSAM in the two slots of a virtual reader.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use sim::{
    card::Card,
    chip::SharedChip,
    fault::Plan,
    pcscd::{PrivatePcscd, Slot},
    psam::Psam,
    vpcd::{Insertion, Reader},
};

/// pcscd looks for a card every 400 ms; a machine that does much else takes longer.
const NOTICE_TIMEOUT_MS: u64 = 20_000;

/// A reader of a test's own.
pub struct TestReader {
    pcscd: PrivatePcscd,
    card: Reader,
    psam: Reader,
    insertions: u64,
}

impl TestReader {
    /// Starts pcscd and puts the PSAM in.
    ///
    /// # Panics
    /// When pcscd cannot be started; the message names the package to install.
    pub fn start(psam: &Path) -> Self {
        let pcscd = PrivatePcscd::start_temporary().unwrap_or_else(|error| panic!("{error}"));
        let reader = TestReader {
            card: Reader::new(pcscd.slot_address(Slot::Card)),
            psam: Reader::new(pcscd.slot_address(Slot::Psam)),
            pcscd,
            insertions: 0,
        };
        let chip = Psam::open(psam, 1).unwrap_or_else(|error| panic!("{error}"));
        reader.psam.insert(SharedChip::new(chip)).unwrap_or_else(|error| panic!("{error}"));
        reader.notice(Slot::Psam, true);
        reader
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
        self.card.insert_with(chip, plan.into()).unwrap_or_else(|error| panic!("{error}"));
        self.notice(Slot::Card, true);
    }

    /// Pulls the card and waits until pcscd has noticed; says how its stay went.
    ///
    /// # Panics
    /// When pcscd runs and does not notice.
    pub fn pull(&mut self) -> Option<Insertion> {
        let insertion = self.card.pull()?;
        if self.pcscd.is_running() {
            self.notice(Slot::Card, false);
        }
        Some(insertion)
    }

    /// Commands that the card in the slot has been sent.
    pub fn commands(&self) -> u32 {
        self.card.insertion().unwrap_or_default().commands
    }

    /// Ends pcscd as a crash would.
    pub fn kill(&mut self) {
        self.pcscd.kill();
    }

    /// Starts pcscd again, on the same socket, with the same chips in the slots.
    ///
    /// # Panics
    /// When it cannot be started, or the PSAM does not come back.
    pub fn restart(&mut self) {
        self.pcscd.restart().unwrap_or_else(|error| panic!("{error}"));
        self.notice(Slot::Psam, true);
    }

    /// For `PCSCLITE_CSOCK_NAME`.
    pub fn socket(&self) -> PathBuf {
        self.pcscd.socket()
    }

    /// Names of the card's and the PSAM's slot, with a comma, as `jinbao enrol --readers` takes them.
    pub fn names(&self) -> String {
        format!("{},{}", self.pcscd.slot_name(Slot::Card), self.pcscd.slot_name(Slot::Psam))
    }

    /// All that pcscd has written since it was last started.
    pub fn log(&self) -> String {
        self.pcscd.log()
    }

    fn notice(&self, slot: Slot, present: bool) {
        match self.pcscd.wait_card(slot, present, NOTICE_TIMEOUT_MS) {
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
