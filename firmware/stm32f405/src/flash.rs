//! The flash, region by region.
//!
//! There is one bank: the processor stands still while a word is written (16 µs) or a sector is erased
//! (16 KiB: 0.25 s, 128 KiB: 1 s, at most 2 s). Source: data sheet DS8626, table 39, at 32 bits and 2.7 V or more.
#![allow(unsafe_code, reason = "flash is memory at fixed addresses")]

use core::ptr;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

use crate::{
    layout::{self, Region},
    registers,
};

/// Looks at the status register before an operation is given up. The processor stands still while the flash is
/// busy, so a few are enough; this many are a second at least if it did not.
const LOOKS_MAX: u32 = 4_000_000;

/// Words that are handed to the flash at once.
const WORDS_MAX: usize = 16;

/// A region with sectors of `SECTOR` bytes.
#[derive(Debug)]
pub struct Flash<const SECTOR: usize> {
    region: Region,
}

/// The application's region.
pub type Image = Flash<{ layout::IMAGE_SECTOR_BYTES }>;
/// The journal's region.
pub type Journal = Flash<{ layout::JOURNAL_SECTOR_BYTES }>;

/// The application.
pub const fn application() -> Image {
    Flash { region: layout::APPLICATION }
}

/// The staged image.
pub const fn staged() -> Image {
    Flash { region: layout::STAGED }
}

/// The journal.
pub const fn journal() -> Journal {
    Flash { region: layout::JOURNAL }
}

impl<const SECTOR: usize> ErrorType for Flash<SECTOR> {
    type Error = NorFlashErrorKind;
}

impl<const SECTOR: usize> ReadNorFlash for Flash<SECTOR> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        let from = (self.region.address + offset) as *const u8;
        for (at, byte) in bytes.iter_mut().enumerate() {
            // SAFETY: within the region, which is flash for as long as the board exists. Volatile, since writing it
            // goes on behind the compiler's back.
            *byte = unsafe { ptr::read_volatile(from.wrapping_add(at)) };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.region.bytes as usize
    }
}

impl<const SECTOR: usize> NorFlash for Flash<SECTOR> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        let sector_bytes = SECTOR as u32;
        for sector in from / sector_bytes..to / sector_bytes {
            done(jinbao_flash_erase(u32::from(self.region.first_sector) + sector))?;
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        let mut address = self.region.address + offset;
        for part in bytes.chunks(WORDS_MAX * 4) {
            let mut words = [u32::MAX; WORDS_MAX];
            let mut count = 0;
            for (word, bytes) in words.iter_mut().zip(part.chunks_exact(4)) {
                if let [a, b, c, d] = *bytes {
                    *word = u32::from_le_bytes([a, b, c, d]);
                }
                count += 1;
            }
            done(jinbao_flash_program(address, words.as_ptr(), count))?;
            address += count * 4;
        }
        Ok(())
    }
}

fn done(status: u32) -> Result<(), NorFlashErrorKind> {
    if status == 0 { Ok(()) } else { Err(NorFlashErrorKind::Other) }
}

/// Writes erased words. 0 when all went well, else the bits of the status register.
///
/// A function with a name of its own and in no other, so that an emulator without a flash controller can do
/// its work in its place.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn jinbao_flash_program(address: u32, words: *const u32, count: u32) -> u32 {
    let flash = controller();
    open(flash);
    flash.cr().modify(|_, w| w.psize().psize32().pg().program());
    let mut status = 0;
    for at in 0..count as usize {
        // SAFETY: both callers hand over `count` words, and an address in a region of flash with as many behind it.
        unsafe {
            ptr::write_volatile((address as *mut u32).wrapping_add(at), ptr::read(words.wrapping_add(at)))
        };
        cortex_m::asm::dsb();
        status = wait(flash);
        if status != 0 {
            break;
        }
    }
    flash.cr().modify(|_, w| w.pg().clear_bit());
    close(flash);
    status
}

/// Erases a sector. 0 when all went well, else the bits of the status register.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn jinbao_flash_erase(sector: u32) -> u32 {
    let flash = controller();
    open(flash);
    flash.cr().modify(|_, w| {
        // SAFETY: any number is a valid value of the field; sectors that are not there are refused by the hardware.
        unsafe { w.snb().bits(sector as u8 & 0x0F) }.psize().psize32().ser().sector_erase()
    });
    flash.cr().modify(|_, w| w.strt().start());
    cortex_m::asm::dsb();
    let status = wait(flash);
    flash.cr().modify(|_, w| w.ser().clear_bit());
    close(flash);
    status
}

fn controller() -> &'static registers::flash::RegisterBlock {
    // SAFETY: the controller is used by nothing else, and by nothing in an interrupt.
    unsafe { &*registers::FLASH::PTR }
}

/// Unlocks the controller. Source: RM §3.6.1.
fn open(flash: &registers::flash::RegisterBlock) {
    let _ = wait(flash);
    if flash.cr().read().lock().is_locked() {
        flash.keyr().write(|w| w.key().set(0x4567_0123));
        flash.keyr().write(|w| w.key().set(0xCDEF_89AB));
    }
    // Errors are cleared by writing ones.
    flash.sr().write(|w| {
        w.operr().clear().wrperr().clear().pgaerr().clear().pgperr().clear().pgserr().clear().eop().clear()
    });
}

/// Locks the controller, and empties its caches of what has been there. Source: RM §3.5.
fn close(flash: &registers::flash::RegisterBlock) {
    flash.cr().modify(|_, w| w.lock().locked());
    let before = flash.acr().read();
    flash.acr().modify(|_, w| w.dcen().clear_bit().icen().clear_bit());
    flash.acr().modify(|_, w| w.dcrst().set_bit().icrst().set_bit());
    flash.acr().modify(|_, w| w.dcrst().clear_bit().icrst().clear_bit());
    flash.acr().modify(|_, w| w.dcen().bit(before.dcen().bit()).icen().bit(before.icen().bit()));
}

fn wait(flash: &registers::flash::RegisterBlock) -> u32 {
    for _ in 0..LOOKS_MAX {
        let status = flash.sr().read();
        if status.bsy().is_not_busy() {
            let is_wrong = status.operr().bit()
                || status.wrperr().bit()
                || status.pgaerr().bit()
                || status.pgperr().bit()
                || status.pgserr().bit();
            return if is_wrong { status.bits() } else { 0 };
        }
    }
    u32::MAX
}
