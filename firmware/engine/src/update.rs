//! Receiving a firmware image from the host and laying it aside for the boot stage.
//!
//! The host sends the header first; it is judged before anything is erased. Then the program in order, then
//! the end, at which the whole is read back and compared with the header's digest. Only then is the header written
//! and the boot stage asked to take the image. What is laid aside is never run from where it lies, and the boot
//! stage judges everything once more; so a mistake here costs an update, not the board.

use embedded_storage::nor_flash::NorFlash;
use reader_protocol::{
    image::{Board, HEADER_BYTES, HEADER_SENT_BYTES, KeyId, SIGNATURE_BYTES, SignedHeader},
    update::{LastUpdate, UpdatePhase, UpdateRefusal, UpdateState},
};
use sha2::{Digest, Sha256};

/// Bytes that are read back at once.
const CHUNK_BYTES: usize = 128;

/// Where an image is laid aside, and what the board knows about images: flash that begins with the image's
/// header. Reads and writes are in units of at most 4 bytes.
pub trait Staging: NorFlash {
    /// Which board this is.
    fn board(&self) -> Board;

    /// Where the application's program stands.
    fn address(&self) -> u32;

    /// Name of the key that images are signed with.
    fn key(&self) -> KeyId;

    /// Whether this signature belongs to these bytes and that key.
    fn verifies(&self, signed: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool;

    /// Lowest rollback counter that an image may have here.
    fn floor(&mut self) -> u32;

    /// Asks the boot stage to take the image with this program at the next start.
    fn request(&mut self, program_sha256: &[u8; 32]) -> Result<(), Self::Error>;

    /// What the boot stage has done with the last image.
    fn last(&mut self) -> LastUpdate;
}

/// An update as the host sees it. Nothing here waits for the host.
pub trait Updates {
    /// Whether there is anything to update.
    const IS_SUPPORTED: bool;

    /// A new image: the first bytes of its header. What came before is forgotten.
    fn begin(&mut self, header: &[u8]) -> Result<(), UpdateRefusal>;

    /// A piece of the program. One that is there already may come again.
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), UpdateRefusal>;

    /// The program is complete.
    fn finish(&mut self) -> Result<(), UpdateRefusal>;

    /// Where it stands.
    fn state(&mut self) -> UpdateState;

    /// Goes on with making room: one sector of flash at a time. True as long as there is more to do. The
    /// processor may stand still meanwhile, on an STM32F405 for up to two seconds.
    fn poll(&mut self) -> bool;
}

/// A board without a place for images: it is loaded from outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoUpdates;

impl Updates for NoUpdates {
    const IS_SUPPORTED: bool = false;

    fn begin(&mut self, _: &[u8]) -> Result<(), UpdateRefusal> {
        Err(UpdateRefusal::NotBegun)
    }

    fn write(&mut self, _: u32, _: &[u8]) -> Result<(), UpdateRefusal> {
        Err(UpdateRefusal::NotBegun)
    }

    fn finish(&mut self) -> Result<(), UpdateRefusal> {
        Err(UpdateRefusal::NotBegun)
    }

    fn state(&mut self) -> UpdateState {
        UpdateState::UNSUPPORTED
    }

    fn poll(&mut self) -> bool {
        false
    }
}

#[derive(Clone, Copy)]
enum Phase {
    Idle,
    /// Sectors from this offset on are still to be erased.
    Erasing(SignedHeader, u32),
    /// So many bytes of the program are there.
    Receiving(SignedHeader, u32),
    Ready(SignedHeader),
}

/// Lays images aside in flash.
pub struct Update<S> {
    staging: S,
    phase: Phase,
}

impl<S: Staging> Update<S> {
    /// No update under way.
    pub const fn new(staging: S) -> Self {
        Self { staging, phase: Phase::Idle }
    }

    fn judge(&mut self, header: &[u8]) -> Result<SignedHeader, UpdateRefusal> {
        if header.len() != HEADER_SENT_BYTES {
            return Err(UpdateRefusal::Header);
        }
        let image = SignedHeader::parse(header).map_err(|_| UpdateRefusal::Header)?;
        let header = &image.header;
        if header.board != self.staging.board() {
            return Err(UpdateRefusal::Board);
        }
        if header.address != self.staging.address() {
            return Err(UpdateRefusal::Address);
        }
        if header.key != self.staging.key() {
            return Err(UpdateRefusal::Key);
        }
        if !self.staging.verifies(&header.signed_bytes(), &image.signature) {
            return Err(UpdateRefusal::Signature);
        }
        if header.rollback < self.staging.floor() {
            return Err(UpdateRefusal::Rollback);
        }
        if (header.program_bytes as usize).saturating_add(HEADER_BYTES) > self.staging.capacity() {
            return Err(UpdateRefusal::TooLong);
        }
        Ok(image)
    }

    /// Whether what lies in flash from this offset of the program on is the same.
    fn holds(&mut self, offset: u32, bytes: &[u8]) -> Result<bool, UpdateRefusal> {
        let mut at = place(offset);
        let mut buffer = [0; CHUNK_BYTES];
        for part in bytes.chunks(CHUNK_BYTES) {
            let Some(there) = buffer.get_mut(..part.len()) else { return Ok(false) };
            self.staging.read(at, there).map_err(|_| UpdateRefusal::Flash)?;
            if there != part {
                return Ok(false);
            }
            at = at.saturating_add(part.len() as u32);
        }
        Ok(true)
    }

    fn program_sha256(&mut self, program_bytes: u32) -> Result<[u8; 32], UpdateRefusal> {
        let mut digest = Sha256::new();
        let mut buffer = [0; CHUNK_BYTES];
        let mut done: u32 = 0;
        while done < program_bytes {
            let wanted = CHUNK_BYTES.min(program_bytes.saturating_sub(done) as usize);
            let part = buffer.get_mut(..wanted).ok_or(UpdateRefusal::Flash)?;
            self.staging.read(place(done), part).map_err(|_| UpdateRefusal::Flash)?;
            digest.update(&*part);
            done = done.saturating_add(wanted as u32);
        }
        Ok(digest.finalize().into())
    }
}

/// Where a byte of the program stands in flash.
fn place(offset: u32) -> u32 {
    offset.saturating_add(HEADER_BYTES as u32)
}

impl<S: Staging> Updates for Update<S> {
    const IS_SUPPORTED: bool = true;

    fn begin(&mut self, header: &[u8]) -> Result<(), UpdateRefusal> {
        // A refused beginning leaves what was there.
        let image = self.judge(header)?;
        self.phase = Phase::Erasing(image, 0);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), UpdateRefusal> {
        let (image, received) = match self.phase {
            Phase::Receiving(image, received) => (image, received),
            Phase::Erasing(..) => return Err(UpdateRefusal::Erasing),
            Phase::Idle | Phase::Ready(_) => return Err(UpdateRefusal::NotBegun),
        };
        let length = u32::try_from(bytes.len()).map_err(|_| UpdateRefusal::OutOfSequence)?;
        let end = offset.checked_add(length).ok_or(UpdateRefusal::OutOfSequence)?;
        let is_aligned = length.is_multiple_of(4) && offset.is_multiple_of(4);
        if !is_aligned || end > image.header.program_bytes || offset > received {
            return Err(UpdateRefusal::OutOfSequence);
        }
        if offset < received {
            let is_there = end <= received && self.holds(offset, bytes)?;
            return if is_there { Ok(()) } else { Err(UpdateRefusal::OutOfSequence) };
        }
        self.staging.write(place(offset), bytes).map_err(|_| UpdateRefusal::Flash)?;
        self.phase = Phase::Receiving(image, end);
        if self.holds(offset, bytes)? { Ok(()) } else { Err(UpdateRefusal::Flash) }
    }

    fn finish(&mut self) -> Result<(), UpdateRefusal> {
        let (image, received) = match self.phase {
            Phase::Receiving(image, received) => (image, received),
            Phase::Erasing(..) => return Err(UpdateRefusal::Erasing),
            // A finish whose answer was lost.
            Phase::Ready(_) => return Ok(()),
            Phase::Idle => return Err(UpdateRefusal::NotBegun),
        };
        let header = &image.header;
        if received != header.program_bytes {
            return Err(UpdateRefusal::Incomplete);
        }
        if self.program_sha256(header.program_bytes)? != header.program_sha256 {
            self.phase = Phase::Idle;
            return Err(UpdateRefusal::Program);
        }
        let result = self
            .staging
            .write(0, &image.to_bytes())
            .and_then(|()| self.staging.request(&image.header.program_sha256));
        match result {
            Ok(()) => {
                self.phase = Phase::Ready(image);
                Ok(())
            }
            Err(_) => {
                self.phase = Phase::Idle;
                Err(UpdateRefusal::Flash)
            }
        }
    }

    fn state(&mut self) -> UpdateState {
        let (phase, received_bytes, program_bytes) = match &self.phase {
            Phase::Idle => (UpdatePhase::Idle, 0, 0),
            Phase::Erasing(image, _) => (UpdatePhase::Erasing, 0, image.header.program_bytes),
            Phase::Receiving(image, received) => {
                (UpdatePhase::Receiving, *received, image.header.program_bytes)
            }
            Phase::Ready(image) => {
                (UpdatePhase::Ready, image.header.program_bytes, image.header.program_bytes)
            }
        };
        UpdateState {
            phase,
            received_bytes,
            program_bytes,
            floor: self.staging.floor(),
            last: self.staging.last(),
        }
    }

    fn poll(&mut self) -> bool {
        let Phase::Erasing(image, from) = self.phase else { return false };
        let to = from.saturating_add(S::ERASE_SIZE as u32);
        if self.staging.erase(from, to).is_err() {
            self.phase = Phase::Idle;
            return false;
        }
        let is_done = to as usize >= self.staging.capacity();
        self.phase = if is_done { Phase::Receiving(image, 0) } else { Phase::Erasing(image, to) };
        !is_done
    }
}

#[cfg(test)]
mod tests;
