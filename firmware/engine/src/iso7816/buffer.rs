//! The one buffer of a slot: first the request, then the answer.

use core::fmt;

use zeroize::Zeroize;

use super::REQUEST_BYTES_MAX;

/// Bytes of a request or an answer. `Debug` shows none of them.
pub(super) struct Buffer([u8; REQUEST_BYTES_MAX]);

impl Buffer {
    pub(super) const fn new() -> Self {
        Self([0; REQUEST_BYTES_MAX])
    }

    /// Takes a request; false when it is too long.
    pub(super) fn fill(&mut self, bytes: &[u8]) -> bool {
        self.wipe_from(0);
        match self.0.get_mut(..bytes.len()) {
            Some(own) => {
                own.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }

    /// The byte at a place; 0 beyond the end.
    pub(super) fn at(&self, place: usize) -> u8 {
        self.0.get(place).copied().unwrap_or(0)
    }

    /// Puts a byte at a place; false when that is beyond the end.
    pub(super) fn put(&mut self, place: usize, byte: u8) -> bool {
        match self.0.get_mut(place) {
            Some(own) => {
                *own = byte;
                true
            }
            None => false,
        }
    }

    /// The first bytes.
    pub(super) fn first(&self, count: usize) -> &[u8] {
        self.0.get(..count).unwrap_or_default()
    }

    /// Wipes everything from a place on.
    pub(super) fn wipe_from(&mut self, place: usize) {
        if let Some(rest) = self.0.get_mut(place..) {
            rest.zeroize();
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buffer(…)")
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.wipe_from(0);
    }
}
