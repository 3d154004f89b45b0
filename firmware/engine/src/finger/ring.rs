//! Bytes on their way between module and host.

use zeroize::Zeroize;

/// Bytes that the ring holds.
pub(super) const RING_BYTES: usize = 1_024;

/// A ring of bytes. What is pushed counts only once it is committed: a packet is worth nothing before its
/// checksum. What is taken is wiped.
pub(super) struct Ring {
    bytes: [u8; RING_BYTES],
    start: usize,
    committed: usize,
    pending: usize,
}

impl Ring {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; RING_BYTES], start: 0, committed: 0, pending: 0 }
    }

    /// Bytes that may be read or taken.
    pub(super) const fn len(&self) -> usize {
        self.committed
    }

    /// Bytes that may be pushed.
    pub(super) const fn room(&self) -> usize {
        RING_BYTES - self.committed - self.pending
    }

    /// False when there is no room.
    pub(super) fn push(&mut self, byte: u8) -> bool {
        if self.room() == 0 {
            return false;
        }
        let index = (self.start + self.committed + self.pending) % RING_BYTES;
        if let Some(place) = self.bytes.get_mut(index) {
            *place = byte;
        }
        self.pending += 1;
        true
    }

    /// What was pushed counts from now on.
    pub(super) const fn commit(&mut self) {
        self.committed += self.pending;
        self.pending = 0;
    }

    /// The committed byte at `index`.
    pub(super) fn at(&self, index: usize) -> Option<u8> {
        if index >= self.committed {
            return None;
        }
        self.bytes.get((self.start + index) % RING_BYTES).copied()
    }

    /// Takes one byte and wipes its place.
    pub(super) fn pop(&mut self) -> Option<u8> {
        let byte = self.at(0)?;
        self.drop_front(1);
        Some(byte)
    }

    /// Takes `count` bytes and wipes their places.
    pub(super) fn drop_front(&mut self, count: usize) {
        for _ in 0..count.min(self.committed) {
            if let Some(place) = self.bytes.get_mut(self.start) {
                place.zeroize();
            }
            self.start = (self.start + 1) % RING_BYTES;
            self.committed -= 1;
        }
    }

    /// Forgets and wipes everything.
    pub(super) fn wipe(&mut self) {
        self.bytes.zeroize();
        self.start = 0;
        self.committed = 0;
        self.pending = 0;
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.bytes.iter().filter(|byte| **byte != 0).count()
    }

    #[cfg(test)]
    pub(super) fn is_wiped(&self) -> bool {
        self.bytes.iter().all(|byte| *byte == 0)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.wipe();
    }
}
