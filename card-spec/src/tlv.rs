//! Data objects: the card's own one-byte records, and BER-TLV of SELECT answers and directories.

pub mod ber;

use heapless::Vec;

use crate::{Error, Part};

/// Longest value of a record: Lc is one byte, and tag and length stand in it too.
pub const RECORD_VALUE_BYTES_MAX: usize = 253;
/// Longest record with tag and length.
pub const RECORD_BYTES_MAX: usize = RECORD_VALUE_BYTES_MAX + 2;

/// One record of a linear file: one byte of tag, one of length, the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Tag, as in the table of files.
    pub tag: u8,
    /// Value without tag and length.
    pub value: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the record that the bytes begin with.
    ///
    /// Bytes after it are ignored, as a card may answer with the whole of a fixed record. `Truncated`
    /// when the value is cut.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let [tag, length, rest @ ..] = bytes else {
            return Err(Error::Truncated { part: Part::Record, expected: 2, got: bytes.len() });
        };
        let length = usize::from(*length);
        let value = rest.get(..length).ok_or(Error::Truncated {
            part: Part::Record,
            expected: length + 2,
            got: bytes.len(),
        })?;
        Ok(Record { tag: *tag, value })
    }

    /// Appends tag, length and value; `TooLong` above [`RECORD_VALUE_BYTES_MAX`] or `N`.
    pub fn append<const N: usize>(&self, out: &mut Vec<u8, N>) -> Result<(), Error> {
        let got = self.value.len();
        if got > RECORD_VALUE_BYTES_MAX || N.saturating_sub(out.len()) < got + 2 {
            return Err(Error::TooLong { part: Part::Record, max: RECORD_VALUE_BYTES_MAX.min(N), got });
        }
        let too_long = |_| Error::TooLong { part: Part::Record, max: N, got };
        out.extend_from_slice(&[self.tag, got as u8]).map_err(too_long)?;
        out.extend_from_slice(self.value).map_err(too_long)
    }

    /// Bytes that it takes with tag and length; also the Le to read it with.
    pub fn encoded_bytes(&self) -> usize {
        self.value.len() + 2
    }
}

/// Records one after the other, as READ RECORD with P2 05 gives a whole file.
///
/// Ends at the first tag 00 or FF, which is unwritten space, or after the first error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

/// Walks over the records of a whole file or of the value of a constructed record.
pub fn records(bytes: &[u8]) -> Records<'_> {
    Records { rest: bytes }
}

/// The value of the first record with this tag; `None` when it is not there before the first error.
pub fn find(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    records(bytes).map_while(Result::ok).find(|record| record.tag == tag).map(|record| record.value)
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.rest, [] | [0x00 | 0xFF, ..]) {
            return None;
        }
        let record = Record::parse(self.rest);
        self.rest = match record {
            Ok(record) => &self.rest[record.encoded_bytes()..],
            Err(_) => &[],
        };
        Some(record)
    }
}
