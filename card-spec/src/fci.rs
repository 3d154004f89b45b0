//! What SELECT answers, and the directory records it points to.

use heapless::Vec;

use crate::{
    Error, Part,
    file::{ApplicationName, ShortFileId},
    generation::Algorithm,
    tlv::ber,
};

/// Longest file control information that is built here.
pub const FCI_BYTES_MAX: usize = 64;
/// Tag of the template.
const TEMPLATE: u32 = 0x6F;
const NAME: u32 = 0x84;
const PROPRIETARY: u32 = 0xA5;
const DIRECTORY_SFI: u32 = 0x88;
const ISSUER_DATA: u32 = 0x9F0C;
const ALGORITHM: u32 = 0x86;

/// File control information of a directory.
///
/// Source: ISO/IEC 7816-4 §7.4.3; the algorithm id is seen on cards of generation 3.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fci<'a> {
    /// Name of the directory (tag 84), 1 to 16 bytes; empty when the answer gives none.
    pub name: &'a [u8],
    /// Directory file of the applications below (tag 88 in A5).
    pub directory: Option<ShortFileId>,
    /// Algorithm id as it stands there (tag 86 in 9F0C in A5).
    pub algorithm_id: Option<u8>,
}

impl<'a> Fci<'a> {
    /// Reads the answer of SELECT, without status word.
    ///
    /// An empty A5 and unknown objects are accepted. `Malformed` when it does not begin with 6F,
    /// `Truncated` when an object is cut.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let malformed = Error::Malformed { part: Part::Fci };
        let template = ber::objects(bytes).next().ok_or(malformed)??;
        if template.tag != TEMPLATE {
            return Err(malformed);
        }
        let mut fci = Fci { name: &[], directory: None, algorithm_id: None };
        for object in template.children() {
            let object = object?;
            match object.tag {
                NAME => fci.name = object.value,
                PROPRIETARY => fci.read_proprietary(object.value),
                _ => {}
            }
        }
        Ok(fci)
    }

    // What an issuer writes here follows no rule that all keep: what cannot be read is not there.
    fn read_proprietary(&mut self, bytes: &'a [u8]) {
        for object in ber::objects(bytes).map_while(Result::ok) {
            match object.tag {
                DIRECTORY_SFI => {
                    self.directory = match object.value {
                        [sfi] => ShortFileId::new(*sfi),
                        _ => None,
                    }
                }
                ISSUER_DATA => {
                    self.algorithm_id = match ber::find(object.value, ALGORITHM) {
                        Some([id]) => Some(*id),
                        _ => None,
                    }
                }
                _ => {}
            }
        }
    }

    /// The card's cipher. Errors as for [`Algorithm::from_id`].
    pub fn algorithm(&self) -> Result<Algorithm, Error> {
        Algorithm::from_id(self.algorithm_id)
    }

    /// Puts the answer together; without directory and algorithm id it has no A5.
    ///
    /// `TooLong` when the name has more than 16 bytes.
    pub fn build(&self) -> Result<Vec<u8, FCI_BYTES_MAX>, Error> {
        if self.name.len() > ApplicationName::BYTES_MAX {
            return Err(Error::TooLong {
                part: Part::Fci,
                max: ApplicationName::BYTES_MAX,
                got: self.name.len(),
            });
        }
        let mut proprietary = Vec::<u8, 16>::new();
        if let Some(sfi) = self.directory {
            ber::append(&mut proprietary, DIRECTORY_SFI, &[sfi.value()])?;
        }
        if let Some(id) = self.algorithm_id {
            ber::append(&mut proprietary, ISSUER_DATA, &[ALGORITHM as u8, 1, id])?;
        }
        let mut body = Vec::<u8, 48>::new();
        ber::append(&mut body, NAME, self.name)?;
        if !proprietary.is_empty() {
            ber::append(&mut body, PROPRIETARY, &proprietary)?;
        }
        let mut out = Vec::new();
        ber::append(&mut out, TEMPLATE, &body)?;
        Ok(out)
    }
}

/// One application of a directory record: `70 L 61 L 4F L name 50 L label`, several `61` in one `70`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryEntry<'a> {
    /// Name to select it by (tag 4F).
    pub name: &'a [u8],
    /// Label (tag 50), GBK; empty when there is none.
    pub label: &'a [u8],
}

/// The applications of one directory record. Entries without a name are left out; ends at the first error.
pub fn directory_entries(record: &[u8]) -> impl Iterator<Item = DirectoryEntry<'_>> {
    ber::find(record, 0x70)
        .map(ber::objects)
        .unwrap_or_else(|| ber::objects(&[]))
        .map_while(Result::ok)
        .filter(|object| object.tag == 0x61)
        .filter_map(|object| {
            Some(DirectoryEntry {
                name: ber::find(object.value, 0x4F)?,
                label: ber::find(object.value, 0x50).unwrap_or_default(),
            })
        })
}

/// Builds a directory record of one application; `TooLong` when it exceeds `N`.
pub fn build_directory_record<const N: usize>(entry: &DirectoryEntry<'_>) -> Result<Vec<u8, N>, Error> {
    let mut fields = Vec::<u8, N>::new();
    ber::append(&mut fields, 0x4F, entry.name)?;
    if !entry.label.is_empty() {
        ber::append(&mut fields, 0x50, entry.label)?;
    }
    let mut template = Vec::<u8, N>::new();
    ber::append(&mut template, 0x61, &fields)?;
    let mut out = Vec::new();
    ber::append(&mut out, 0x70, &template)?;
    Ok(out)
}
