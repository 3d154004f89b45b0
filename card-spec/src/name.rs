//! The holder's name, which two records share.

use core::fmt;

use heapless::{String, Vec};

use crate::{Error, Part, text};

/// Bytes of the name record (tag 09).
pub const NAME_BYTES: usize = 30;
/// Bytes of the name extension record (tag 4E), from generation 2.0.
pub const EXTENSION_BYTES: usize = 20;
/// Most bytes of UTF-8: three for each two of GBK.
pub const NAME_UTF8_BYTES_MAX: usize = (NAME_BYTES + EXTENSION_BYTES) * 3 / 2;

/// A name (姓名). `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String<NAME_UTF8_BYTES_MAX>);

impl Name {
    /// Checks that the name fits the two records.
    ///
    /// `TooLong` above 50 bytes of GB 18030 (two for a common character, four for a rare one),
    /// `Malformed` for control characters.
    pub fn new(name: &str) -> Result<Self, Error> {
        if name.chars().any(char::is_control) {
            return Err(Error::Malformed { part: Part::Name });
        }
        text::encode_gb18030::<{ NAME_BYTES + EXTENSION_BYTES }>(name)?;
        let mut own = String::new();
        own.push_str(name).map_err(|_| Error::TooLong {
            part: Part::Name,
            max: NAME_UTF8_BYTES_MAX,
            got: name.len(),
        })?;
        Ok(Name(own))
    }

    /// Joins the values of tags 09 and 4E and decodes them.
    ///
    /// Tag 09 may end inside a character that goes on in 4E, so the bytes are joined first. Cards of
    /// generation 1.0 have no 4E. `Text` when the bytes are no GBK, `Malformed` when there are control
    /// characters among them, which could steer a screen or a printer.
    pub fn from_records(name: &[u8], extension: Option<&[u8]>) -> Result<Self, Error> {
        // Filling is 00, which neither half of a character can be.
        let filled = name.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let name = &name[..filled];
        let mut joined = Vec::<u8, { NAME_BYTES + EXTENSION_BYTES }>::new();
        for part in [Some(name), extension].into_iter().flatten() {
            joined.extend_from_slice(part).map_err(|_| Error::TooLong {
                part: Part::Name,
                max: NAME_BYTES + EXTENSION_BYTES,
                got: joined.len() + part.len(),
            })?;
        }
        let name: String<NAME_UTF8_BYTES_MAX> = text::decode_an(&joined)?;
        if name.chars().any(char::is_control) {
            return Err(Error::Malformed { part: Part::Name });
        }
        // A character that the card wrote in a shorter, obsolete way may not fit when written again.
        text::encode_gb18030::<{ NAME_BYTES + EXTENSION_BYTES }>(&name)?;
        Ok(Name(name))
    }

    /// Values of tags 09 and 4E, filled up with 00.
    pub fn to_records(&self) -> ([u8; NAME_BYTES], [u8; EXTENSION_BYTES]) {
        // Cannot fail: both constructors take only what fits.
        let encoded = text::encode_gb18030::<{ NAME_BYTES + EXTENSION_BYTES }>(&self.0).unwrap_or_default();
        let (mut name, mut extension) = ([0; NAME_BYTES], [0; EXTENSION_BYTES]);
        for (to, from) in name.iter_mut().chain(&mut extension).zip(&encoded) {
            *to = *from;
        }
        (name, extension)
    }

    /// The whole name. For screen and receipt; never for a log.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the card has no name.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({} characters)", self.0.chars().count())
    }
}
