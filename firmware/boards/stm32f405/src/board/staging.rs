//! Where an image is laid aside, and the boot stage's journal.

use boot::{Journal, Request};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use engine::update::Staging;
use reader_protocol::{
    image::{Board, HEADER_BYTES, KeyId, SIGNATURE_BYTES},
    update::LastUpdate,
};
use stm32f405::{
    flash::{self, Image},
    layout,
};

use super::identity::{self, FIRMWARE_KEY};

/// The staged region and the journal.
pub(super) struct BoardStaging {
    staged: Image,
    /// `None` when it cannot be read: then nothing is taken, for nobody knows what may be.
    journal: Option<Journal<flash::Journal>>,
}

impl BoardStaging {
    pub(super) fn open() -> Self {
        Self { staged: flash::staged(), journal: Journal::open(flash::journal()).ok() }
    }
}

impl ErrorType for BoardStaging {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for BoardStaging {
    const READ_SIZE: usize = Image::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        self.staged.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.staged.capacity()
    }
}

impl NorFlash for BoardStaging {
    const WRITE_SIZE: usize = Image::WRITE_SIZE;
    const ERASE_SIZE: usize = Image::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        self.staged.erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        self.staged.write(offset, bytes)
    }
}

impl Staging for BoardStaging {
    fn board(&self) -> Board {
        Board::STM32F405
    }

    fn address(&self) -> u32 {
        layout::APPLICATION.address + HEADER_BYTES as u32
    }

    fn key(&self) -> KeyId {
        FIRMWARE_KEY.id()
    }

    fn verifies(&self, signed: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        FIRMWARE_KEY.verifies(signed, signature)
    }

    fn floor(&mut self) -> u32 {
        let own = identity::own_header().map_or(0, |header| header.rollback);
        self.journal.as_ref().map_or(u32::MAX, |journal| journal.state().floor.max(own))
    }

    fn request(&mut self, program_sha256: &[u8; 32]) -> Result<(), NorFlashErrorKind> {
        let journal = self.journal.as_mut().ok_or(NorFlashErrorKind::Other)?;
        journal.request(Request::of(program_sha256)).map_err(|_| NorFlashErrorKind::Other)
    }

    fn last(&mut self) -> LastUpdate {
        match self.journal.as_ref().and_then(|journal| journal.state().outcome) {
            None => LastUpdate::Unknown,
            Some(outcome) if outcome.detail == 0 => LastUpdate::Installed,
            Some(_) => LastUpdate::Refused,
        }
    }
}
