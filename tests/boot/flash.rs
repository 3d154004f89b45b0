//! The flash of a board whose power is off.

use boot::{Journal, Request, State};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use stm32f405::layout::{self, Region};

/// All of it.
#[derive(Clone)]
pub(crate) struct Flash(pub(crate) Vec<u8>);

impl Flash {
    /// Erased, but for the boot stage.
    pub(crate) fn with_boot(boot: &[u8]) -> Self {
        let mut flash = Self(vec![0xFF; layout::FLASH_BYTES as usize]);
        flash.load(layout::BOOT, boot);
        flash
    }

    /// Puts bytes at the beginning of a region and erases the rest of it, as a programming adapter would.
    pub(crate) fn load(&mut self, region: Region, bytes: &[u8]) {
        let region = self.region(region);
        region.fill(0xFF);
        region[..bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn region(&mut self, region: Region) -> &mut [u8] {
        let from = (region.address - layout::BOOT.address) as usize;
        &mut self.0[from..from + region.bytes as usize]
    }

    /// What the journal says.
    pub(crate) fn state(&mut self) -> State {
        Journal::open(Sectors(self.region(layout::JOURNAL))).unwrap().state()
    }

    /// Asks for the staged image, as the application does at the end of an update.
    pub(crate) fn request(&mut self, program_sha256: &[u8; 32]) {
        let mut journal = Journal::open(Sectors(self.region(layout::JOURNAL))).unwrap();
        journal.request(Request::of(program_sha256)).unwrap();
    }
}

/// The journal's region.
struct Sectors<'a>(&'a mut [u8]);

impl ErrorType for Sectors<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Sectors<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        bytes.copy_from_slice(&self.0[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Sectors<'_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = layout::JOURNAL_SECTOR_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        self.0[from as usize..to as usize].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        self.0[offset as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}
