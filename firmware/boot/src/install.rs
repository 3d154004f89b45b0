//! Copying the staged image into place.

use core::fmt;

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use reader_protocol::image::{HEADER_BYTES, SignedHeader};

use crate::judgement::CHUNK_BYTES;

/// How often one start tries to copy when the flash does not hold what was written.
pub const INSTALL_ATTEMPTS_MAX: u32 = 2;

/// Why an image could not be copied. The application region then holds no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstallError {
    /// The application region is too small.
    Size,
    /// The flash refuses.
    Flash,
}

impl fmt::Display for InstallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Size => "the image does not fit",
            Self::Flash => "the flash refuses to be written",
        })
    }
}

/// Copies a judged image: erases the application, writes the program, and the header last, so that whatever is cut
/// off has none. The copy is to be judged like any other image.
pub fn install<A: NorFlash, S: ReadNorFlash>(
    application: &mut A,
    staged: &mut S,
    image: &SignedHeader,
) -> Result<(), InstallError> {
    let header_bytes = HEADER_BYTES as u32;
    let end = header_bytes.saturating_add(image.header.program_bytes);
    let capacity = u32::try_from(application.capacity()).map_err(|_| InstallError::Size)?;
    if end > capacity || !CHUNK_BYTES.is_multiple_of(A::WRITE_SIZE) || !4_usize.is_multiple_of(A::WRITE_SIZE)
    {
        return Err(InstallError::Size);
    }
    application.erase(0, capacity).map_err(|_| InstallError::Flash)?;
    let mut chunk = [0; CHUNK_BYTES];
    let mut at = header_bytes;
    while at < end {
        let wanted = CHUNK_BYTES.min(end.saturating_sub(at) as usize);
        let part = chunk.get_mut(..wanted).ok_or(InstallError::Size)?;
        staged.read(at, part).map_err(|_| InstallError::Flash)?;
        application.write(at, part).map_err(|_| InstallError::Flash)?;
        at = at.saturating_add(wanted as u32);
    }
    application.write(0, &image.to_bytes()).map_err(|_| InstallError::Flash)
}
