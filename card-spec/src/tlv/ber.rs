//! BER-TLV, with tags of up to three bytes and lengths of up to two.
//!
//! Source: ISO/IEC 7816-4 §5.2.2.

use heapless::Vec;

use crate::{Error, Part};

/// Tags longer than this are refused.
pub const TAG_BYTES_MAX: usize = 3;
/// Longest value: two length bytes.
pub const VALUE_BYTES_MAX: usize = 65_535;

/// One data object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataObject<'a> {
    /// Tag bytes as a number: `6F`, `9F0C`.
    pub tag: u32,
    /// Whether the value is made of data objects again.
    pub constructed: bool,
    /// Value; may be empty (`A5 00`).
    pub value: &'a [u8],
}

impl<'a> DataObject<'a> {
    /// The objects that the value is made of.
    pub fn children(&self) -> DataObjects<'a> {
        objects(self.value)
    }
}

/// Data objects one after the other. Ends after the first error.
///
/// Bytes 00 and FF between objects are padding (ISO/IEC 7816-4 §5.2.2.1) and skipped.
#[derive(Clone, Debug)]
pub struct DataObjects<'a> {
    rest: &'a [u8],
}

/// Walks over the data objects of a byte string, one level deep.
pub fn objects(bytes: &[u8]) -> DataObjects<'_> {
    DataObjects { rest: bytes }
}

/// The value of the first object with this tag, on this level; `None` when there is none before the
/// first error.
pub fn find(bytes: &[u8], tag: u32) -> Option<&[u8]> {
    objects(bytes).map_while(Result::ok).find(|object| object.tag == tag).map(|object| object.value)
}

/// Appends one object; `TooLong` when it does not fit. `tag` as a number, without leading zero bytes.
pub fn append<const N: usize>(out: &mut Vec<u8, N>, tag: u32, value: &[u8]) -> Result<(), Error> {
    let too_long = |_| Error::TooLong { part: Part::Tlv, max: N, got: value.len() };
    let tag = tag.to_be_bytes();
    let skip = tag.iter().take(3).take_while(|byte| **byte == 0).count();
    out.extend_from_slice(&tag[skip..]).map_err(too_long)?;
    let length = value.len();
    match length {
        0..=0x7F => out.extend_from_slice(&[length as u8]).map_err(too_long)?,
        0x80..=0xFF => out.extend_from_slice(&[0x81, length as u8]).map_err(too_long)?,
        0x100..=VALUE_BYTES_MAX => {
            out.extend_from_slice(&[0x82, (length >> 8) as u8, length as u8]).map_err(too_long)?;
        }
        _ => return Err(Error::TooLong { part: Part::Tlv, max: VALUE_BYTES_MAX, got: length }),
    }
    out.extend_from_slice(value).map_err(too_long)
}

impl<'a> Iterator for DataObjects<'a> {
    type Item = Result<DataObject<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while let [0x00 | 0xFF, rest @ ..] = self.rest {
            self.rest = rest;
        }
        if self.rest.is_empty() {
            return None;
        }
        match parse_one(self.rest) {
            Ok((object, rest)) => {
                self.rest = rest;
                Some(Ok(object))
            }
            Err(error) => {
                self.rest = &[];
                Some(Err(error))
            }
        }
    }
}

fn parse_one(bytes: &[u8]) -> Result<(DataObject<'_>, &[u8]), Error> {
    let cut = |expected| Error::Truncated { part: Part::Tlv, expected, got: bytes.len() };
    let malformed = Error::Malformed { part: Part::Tlv };

    let first = *bytes.first().ok_or(cut(1))?;
    let mut tag = u32::from(first);
    let mut at = 1;
    if first & 0x1F == 0x1F {
        loop {
            let next = *bytes.get(at).ok_or(cut(at + 1))?;
            at += 1;
            if at > TAG_BYTES_MAX {
                return Err(malformed);
            }
            tag = tag << 8 | u32::from(next);
            if next & 0x80 == 0 {
                break;
            }
        }
    }

    let byte = |at: &mut usize| {
        let byte = bytes.get(*at).copied().ok_or(cut(*at + 1));
        *at += 1;
        byte
    };
    let length = match byte(&mut at)? {
        short @ 0..=0x7F => usize::from(short),
        0x81 => usize::from(byte(&mut at)?),
        0x82 => usize::from(byte(&mut at)?) << 8 | usize::from(byte(&mut at)?),
        _ => return Err(malformed),
    };
    let value = bytes.get(at..at + length).ok_or(cut(at + length))?;
    let object = DataObject { tag, constructed: first & 0x20 != 0, value };
    Ok((object, &bytes[at + length..]))
}
