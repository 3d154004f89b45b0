//! Flash whose power can be cut at every word.

use std::{cell::RefCell, rc::Rc};

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Bytes of an erase sector of the simulated flash.
pub(crate) const SECTOR_BYTES: usize = 1024;
const WORD_BYTES: usize = 4;

/// What feeds all regions of one board.
#[derive(Debug)]
pub(crate) struct Power {
    /// Words that can still be written or erased; `None` for as many as are asked for.
    left: Option<u64>,
    is_cut: bool,
    used: u64,
    chance: ChaCha8Rng,
}

impl Power {
    pub(crate) fn new(seed: u64) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            left: None,
            is_cut: false,
            used: 0,
            chance: ChaCha8Rng::seed_from_u64(seed),
        }))
    }

    /// Power is on, for so many words.
    pub(crate) fn on(&mut self, left: Option<u64>) {
        (self.left, self.is_cut, self.used) = (left, false, 0);
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Words written or erased since it was on.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Whether the next word is still done whole.
    fn takes(&mut self) -> bool {
        if self.left == Some(0) {
            self.is_cut = true;
            return false;
        }
        self.used += 1;
        self.left = self.left.map(|left| left - 1);
        true
    }
}

/// A region of flash.
#[derive(Clone, Debug)]
pub(crate) struct Nor {
    bytes: Rc<RefCell<Vec<u8>>>,
    power: Rc<RefCell<Power>>,
}

impl Nor {
    pub(crate) fn new(sectors: usize, power: &Rc<RefCell<Power>>) -> Self {
        Self { bytes: Rc::new(RefCell::new(vec![0xFF; sectors * SECTOR_BYTES])), power: Rc::clone(power) }
    }

    /// Puts bytes at its beginning, as a programming adapter would.
    pub(crate) fn load(&self, bytes: &[u8]) {
        let mut flash = self.bytes.borrow_mut();
        flash.fill(0xFF);
        flash[..bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }
}

impl ErrorType for Nor {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Nor {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        if self.power.borrow().is_cut {
            return Err(NorFlashErrorKind::Other);
        }
        let offset = offset as usize;
        bytes.copy_from_slice(&self.bytes.borrow()[offset..offset + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.borrow().len()
    }
}

impl NorFlash for Nor {
    const WRITE_SIZE: usize = WORD_BYTES;
    const ERASE_SIZE: usize = SECTOR_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        let mut power = self.power.borrow_mut();
        let mut flash = self.bytes.borrow_mut();
        let range = from as usize..to as usize;
        if power.is_cut {
            return Err(NorFlashErrorKind::Other);
        }
        for _ in 0..range.len() / WORD_BYTES {
            if power.takes() {
                continue;
            }
            // All cells of a sector are erased together: in the middle each is what it was, erased, or anything.
            for word in flash[range].chunks_mut(WORD_BYTES) {
                match power.chance.next_u32() % 3 {
                    0 => {}
                    1 => word.fill(0xFF),
                    _ => power.chance.fill_bytes(word),
                }
            }
            return Err(NorFlashErrorKind::Other);
        }
        flash[range].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        let mut power = self.power.borrow_mut();
        let mut flash = self.bytes.borrow_mut();
        if power.is_cut {
            return Err(NorFlashErrorKind::Other);
        }
        for (number, word) in bytes.chunks(WORD_BYTES).enumerate() {
            let at = offset as usize + number * WORD_BYTES;
            let cells = &mut flash[at..at + WORD_BYTES];
            assert!(cells.iter().all(|cell| *cell == 0xFF), "a word at {at} is written twice");
            if power.takes() {
                cells.copy_from_slice(word);
                continue;
            }
            // Some of the bits that were to become 0 have.
            for (cell, byte) in cells.iter_mut().zip(word) {
                *cell = byte | power.chance.next_u32() as u8;
            }
            return Err(NorFlashErrorKind::Other);
        }
        Ok(())
    }
}
