//! Chips and a daemon for these tests: they answer what the test says.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod board;
pub(crate) mod daemon;
pub(crate) mod module;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use sim::{
    chip::{Chip, PowerLost, SharedChip, Traffic},
    eeprom::PowerCut,
};

/// An answer to reset of T=0 without more, as social security cards have it.
pub(crate) const ATR: [u8; 7] = [0x3B, 0x65, 0x00, 0x00, 0x4A, 0x42, 0x31];

/// Name of the first slot.
pub(crate) const CARD: &str = "Jinbao virtual reader 00 00";
/// Name of the second slot.
pub(crate) const PSAM: &str = "Jinbao virtual reader 00 01";

/// What a [`TestChip`] has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) power_ons: AtomicU32,
    pub(crate) commands: Mutex<Vec<Vec<u8>>>,
}

impl Seen {
    pub(crate) fn commands(&self) -> usize {
        self.commands.lock().unwrap().len()
    }
    pub(crate) fn power_ons(&self) -> u32 {
        self.power_ons.load(Ordering::SeqCst)
    }
}

/// A chip that answers each command with its bytes and 9000, after `delay`.
pub(crate) struct TestChip {
    pub(crate) atr: Vec<u8>,
    pub(crate) delay: Duration,
    pub(crate) seen: Arc<Seen>,
}

impl TestChip {
    pub(crate) fn new() -> Self {
        TestChip { atr: ATR.to_vec(), delay: Duration::ZERO, seen: Arc::default() }
    }

    pub(crate) fn slow(delay_ms: u64) -> Self {
        TestChip { delay: Duration::from_millis(delay_ms), ..Self::new() }
    }

    /// The chip for a reader, and what it will have seen.
    pub(crate) fn share(self) -> (SharedChip, Arc<Seen>) {
        let seen = Arc::clone(&self.seen);
        (SharedChip::new(self), seen)
    }
}

impl Chip for TestChip {
    fn power_on(&mut self) -> Result<Vec<u8>, PowerLost> {
        self.seen.power_ons.fetch_add(1, Ordering::SeqCst);
        Ok(self.atr.clone())
    }
    fn power_off(&mut self) {}
    fn atr(&self) -> Vec<u8> {
        self.atr.clone()
    }
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, PowerLost> {
        self.seen.commands.lock().unwrap().push(command.to_vec());
        thread::sleep(self.delay);
        Ok([command, &[0x90, 0x00]].concat())
    }
    fn plan_cut(&mut self, _: Option<PowerCut>) {}
    fn traffic(&self) -> Traffic {
        Traffic::default()
    }
}
