//! Reading and writing of fixed fields, and comparison that takes the same time for every input.

use core::hint::black_box;

use crate::{Error, Part};

/// Takes fields off the front of a byte string.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
    part: Part,
    taken: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8], part: Part) -> Self {
        Fields { rest: bytes, part, taken: 0 }
    }

    pub(crate) fn slice(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let Some((head, rest)) = self.rest.split_at_checked(length) else {
            return Err(Error::Truncated {
                part: self.part,
                expected: self.taken.saturating_add(length),
                got: self.taken + self.rest.len(),
            });
        };
        self.rest = rest;
        self.taken += length;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.slice(N)?);
        Ok(array)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// An error when something is left.
    pub(crate) fn end(self) -> Result<(), Error> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Error::TooLong { part: self.part, max: self.taken, got: self.taken + self.rest.len() })
        }
    }
}

/// Copies the pieces one after the other into an array whose length is their sum.
///
/// Both lengths are fixed where it is called; a tail that does not fit would be cut, which the vectors
/// would show at once.
pub(crate) fn join<const N: usize>(pieces: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    let mut from = 0;
    for piece in pieces {
        for byte in *piece {
            if let Some(slot) = out.get_mut(from) {
                *slot = *byte;
            }
            from += 1;
        }
    }
    debug_assert_eq!(from, N, "the pieces fill the field");
    out
}

/// Whether two byte strings are equal, in a time that depends on their length alone.
pub(crate) fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let difference = a.iter().zip(b).fold(0_u8, |difference, (a, b)| black_box(difference | (a ^ b)));
    black_box(difference) == 0
}
