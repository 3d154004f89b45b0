//! The two places of the file, and the header that says which of them counts.

use core::fmt;

use heapless::Vec;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Content, ENTRIES_BYTES_MAX, ENTRY_HEADER_BYTES, HEADER_BYTES, MALFORMED, PLACE_BYTES, too_long};
use crate::{
    Error, Part,
    bytes::{Fields, equal_in_constant_time, join},
    card_id::CardId,
    date::Date,
    person::PersonNumber,
    signature::sm3,
    suite::Mac,
};

/// First bytes of a place in use.
pub const MAGIC: [u8; 2] = *b"JF";
/// Version of the layout.
pub const VERSION: u8 = 1;
/// Most bytes of one UPDATE BINARY: what a short command takes beside a MAC, in whole blocks.
pub const UPDATE_BYTES_MAX: usize = 0xF0;
/// Bytes of what the MAC is made over.
pub const MESSAGE_BYTES: usize = 8 + CardId::BYTES + 18 + 32;
/// Bytes of the header that its digest covers.
const DIGESTED_BYTES: usize = 16;
const DIGEST_BYTES: usize = 8;
const NO_USABLE_FINGER: u8 = 0x01;
/// What the message begins with, so that no other MAC under this key can be one of ours.
const DOMAIN: [u8; 8] = *b"JF-EF07\0";

/// Layout of a place for people: offset, bytes, Chinese, English.
pub const LAYOUT: &[(u8, &str, &str, &str)] = &[
    (0, "2", "标识 4A46", "magic, 4A46"),
    (2, "1", "版本 01", "version, 01"),
    (3, "1", "标志：01 未采集到合格指纹", "flags: 01 no usable finger"),
    (4, "4", "写入序号，大者有效", "serial number of the content; the larger one counts"),
    (8, "4 cn", "写入日期", "day of writing"),
    (12, "1", "指纹条数 0–6", "entries, 0 to 6"),
    (13, "1", "保留 00", "reserved, 00"),
    (14, "2", "条目总长度", "bytes of all entries"),
    (
        16,
        "8",
        "摘要：SM3(头 0–15 ‖ 条目) 前 8 字节",
        "digest: first 8 bytes of SM3(header 0 to 15 ‖ entries)",
    ),
    (24, "4", "MAC", "MAC"),
    (28, "4", "保留 00", "reserved, 00"),
    (32, "…", "条目", "entries"),
];

/// Layout of an entry for people.
pub const ENTRY_LAYOUT: &[(u8, &str, &str, &str)] = &[
    (0, "1", "指位 1–10", "finger position, 1 to 10 (ISO/IEC 19794-2)"),
    (1, "1", "采集序号 1–9", "impression, 1 to 9"),
    (2, "1", "质量 0–100", "fitness, 0 to 100"),
    (3, "1", "格式：1 ISO 紧凑，2 模块厂商", "format: 1 ISO compact, 2 of the module's maker"),
    (4, "2", "厂商代码，格式 1 为 0000", "maker; 0000 with format 1"),
    (6, "4 cn", "采集日期", "day of enrolment"),
    (10, "2", "模板长度", "bytes of the template"),
    (
        12,
        "…",
        "模板：格式 1 为 3n 字节，n 为 3–60；格式 2 为 1–512 字节",
        "template: 3n bytes, n 3 to 60, or 1 to 512",
    ),
];

/// One of the two places of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// From offset 0.
    First,
    /// From the middle of the file.
    Second,
}

impl Place {
    /// Both.
    pub const ALL: [Place; 2] = [Place::First, Place::Second];

    /// Offset in the file.
    pub const fn offset(self) -> u16 {
        match self {
            Place::First => 0,
            Place::Second => PLACE_BYTES as u16,
        }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Place::First => Place::Second,
            Place::Second => Place::First,
        }
    }

    /// The places in use, the one with the larger serial number first.
    pub fn newest_first(headers: [Option<&Header>; 2]) -> Vec<Place, 2> {
        let mut order: Vec<Place, 2> = Vec::new();
        match headers {
            [None, None] => {}
            [Some(_), None] => order.extend([Place::First]),
            [None, Some(_)] => order.extend([Place::Second]),
            [Some(first), Some(second)] if second.serial > first.serial => {
                order.extend([Place::Second, Place::First]);
            }
            [Some(_), Some(_)] => order.extend([Place::First, Place::Second]),
        }
        order
    }
}

/// Header of a place. Its digest and MAC are not checked yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header {
    serial: u32,
    written: Date,
    no_usable_finger: bool,
    count: u8,
    entries_bytes: u16,
    digest: [u8; DIGEST_BYTES],
    mac: Mac,
}

impl Header {
    /// Reads a header; `None` for a place that was never used or was wiped (all 00 or all FF).
    ///
    /// Errors: `Truncated`, `TooLong` for another number of bytes than [`HEADER_BYTES`] and for entries longer
    /// than a place, `Malformed`.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let mut fields = Fields::new(bytes, Part::Fingerprints);
        let header: [u8; HEADER_BYTES] = fields.array()?;
        fields.end()?;
        if [0x00, 0xFF].iter().any(|unused| header.iter().all(|byte| byte == unused)) {
            return Ok(None);
        }
        let mut fields = Fields::new(&header, Part::Fingerprints);
        if fields.array()? != MAGIC || fields.byte()? != VERSION {
            return Err(MALFORMED);
        }
        let flags = fields.byte()?;
        let serial = fields.u32()?;
        let written = Date::from_cn(fields.array()?).ok_or(MALFORMED)?;
        let (count, reserved) = (fields.byte()?, fields.byte()?);
        let entries_bytes = fields.u16()?;
        let (digest, mac) = (fields.array()?, fields.array()?);
        if flags & !NO_USABLE_FINGER != 0 || reserved != 0 || fields.u32()? != 0 {
            return Err(MALFORMED);
        }
        if usize::from(entries_bytes) > ENTRIES_BYTES_MAX {
            return Err(too_long(ENTRIES_BYTES_MAX, usize::from(entries_bytes)));
        }
        if usize::from(entries_bytes) < usize::from(count) * ENTRY_HEADER_BYTES {
            return Err(MALFORMED);
        }
        let no_usable_finger = flags == NO_USABLE_FINGER;
        Ok(Some(Header { serial, written, no_usable_finger, count, entries_bytes, digest, mac }))
    }

    /// Bytes of the entries that follow.
    pub const fn entries_bytes(&self) -> u16 {
        self.entries_bytes
    }

    /// Serial number of the content.
    pub const fn serial(&self) -> u32 {
        self.serial
    }
}

/// A content as it was read from a place: whole, but not yet known to be this card's.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    header: Header,
    digest: [u8; 32],
    content: Content,
}

impl Stored {
    /// Puts header and entries together.
    ///
    /// Errors: `Truncated` and `TooLong` when there are not as many bytes as the header says, `Check` when the
    /// digest is wrong (a torn or damaged place), `Malformed` for entries outside of their limits.
    pub fn parse(header: &Header, entries: &[u8]) -> Result<Self, Error> {
        let expected = usize::from(header.entries_bytes);
        if entries.len() < expected {
            return Err(Error::Truncated { part: Part::Fingerprints, expected, got: entries.len() });
        }
        if entries.len() > expected {
            return Err(too_long(expected, entries.len()));
        }
        let head = head_bytes(
            header.serial,
            header.written,
            header.no_usable_finger,
            header.count,
            header.entries_bytes,
        );
        let digest = sm3(&[&head, entries]);
        if digest[..DIGEST_BYTES] != header.digest {
            let [expected, ..] = digest;
            return Err(Error::Check { part: Part::Fingerprints, expected, got: header.digest[0] });
        }
        let content = Content::parse(header.written, header.no_usable_finger, header.count, entries)?;
        Ok(Stored { header: *header, digest, content })
    }

    /// Reads a whole place; what stands behind the entries does not matter. `None` when it is not in use.
    ///
    /// Errors: as for [`Header::parse`] and [`Stored::parse`].
    pub fn parse_place(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let mut fields = Fields::new(bytes, Part::Fingerprints);
        let Some(header) = Header::parse(fields.slice(HEADER_BYTES)?)? else { return Ok(None) };
        Self::parse(&header, fields.slice(usize::from(header.entries_bytes))?).map(Some)
    }

    /// The content in force in a whole file, for a card that looks at itself: the whole place with the larger
    /// serial number. `None` when no place is in use; an error when one is and none is whole.
    pub fn in_force(file: &[u8]) -> Result<Option<(Place, Self)>, Error> {
        let mut found = None;
        let mut broken = None;
        for place in Place::ALL {
            let from = usize::from(place.offset());
            let bytes = file.get(from..).map_or(&[][..], |rest| rest.get(..PLACE_BYTES).unwrap_or(rest));
            match Self::parse_place(bytes) {
                Ok(Some(stored)) => match &found {
                    Some((_, other)) if Self::serial(other) >= stored.serial() => {}
                    _ => found = Some((place, stored)),
                },
                Ok(None) => {}
                Err(error) => broken = Some(error),
            }
        }
        match (found, broken) {
            (None, Some(error)) => Err(error),
            (found, _) => Ok(found),
        }
    }

    /// What the MAC of this content is made over, for the card and the holder that it should be of.
    pub fn message(&self, card: &CardId, person: &PersonNumber) -> [u8; MESSAGE_BYTES] {
        message(&self.digest, card, person)
    }

    /// Checks the MAC in constant time; `Mac` when the content is of another card or holder, or forged.
    pub fn check(&self, mac: &Mac) -> Result<(), Error> {
        if equal_in_constant_time(mac, &self.header.mac) {
            Ok(())
        } else {
            Err(Error::Mac { part: Part::Fingerprints })
        }
    }

    /// Serial number.
    pub const fn serial(&self) -> u32 {
        self.header.serial
    }

    /// The content.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The content, taken out.
    pub fn into_content(self) -> Content {
        self.content
    }
}

impl Content {
    /// What the MAC of this content under a serial number is made over.
    pub fn message(&self, serial: u32, card: &CardId, person: &PersonNumber) -> [u8; MESSAGE_BYTES] {
        message(&self.digest(serial), card, person)
    }

    /// The bytes of a place that holds this content, header first.
    pub fn to_place(&self, serial: u32, mac: Mac) -> PlaceBytes {
        let digest = self.digest(serial);
        let mut bytes = PlaceBytes(Vec::new());
        // A place has room for the most entries and their header.
        let _ = bytes.0.extend_from_slice(&self.head(serial));
        let _ = bytes.0.extend_from_slice(&digest[..DIGEST_BYTES]);
        let _ = bytes.0.extend_from_slice(&mac);
        let _ = bytes.0.extend_from_slice(&[0; 4]);
        let _ = bytes.0.extend_from_slice(&self.entries.0);
        bytes
    }

    fn head(&self, serial: u32) -> [u8; DIGESTED_BYTES] {
        head_bytes(serial, self.written, self.no_usable_finger, self.count, self.entries.0.len() as u16)
    }

    fn digest(&self, serial: u32) -> [u8; 32] {
        sm3(&[&self.head(serial), &self.entries.0])
    }
}

fn head_bytes(
    serial: u32,
    written: Date,
    no_usable_finger: bool,
    count: u8,
    entries_bytes: u16,
) -> [u8; DIGESTED_BYTES] {
    let flags = if no_usable_finger { NO_USABLE_FINGER } else { 0 };
    join(&[
        &MAGIC,
        &[VERSION, flags],
        &serial.to_be_bytes(),
        &written.to_cn(),
        &[count, 0],
        &entries_bytes.to_be_bytes(),
    ])
}

fn message(digest: &[u8; 32], card: &CardId, person: &PersonNumber) -> [u8; MESSAGE_BYTES] {
    join(&[&DOMAIN, &card.to_bytes(), person.as_str().as_bytes(), digest])
}

/// Bytes of a place, header first. Wiped when dropped; `Debug` tells how many.
#[derive(Clone, PartialEq, Eq)]
pub struct PlaceBytes(Vec<u8, PLACE_BYTES>);

impl PlaceBytes {
    /// All of them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What is to be written where in the file, in this order: the entries in pieces of at most
    /// [`UPDATE_BYTES_MAX`], and at last the header, which puts them in force.
    pub fn updates(&self, place: Place) -> impl Iterator<Item = (u16, &[u8])> {
        let (header, entries) = self.0.split_at_checked(HEADER_BYTES).unwrap_or_default();
        let start = place.offset() + HEADER_BYTES as u16;
        entries
            .chunks(UPDATE_BYTES_MAX)
            .enumerate()
            .map(move |(at, piece)| (start + (at * UPDATE_BYTES_MAX) as u16, piece))
            .chain([(place.offset(), header)])
    }
}

impl Zeroize for PlaceBytes {
    fn zeroize(&mut self) {
        self.0.as_mut_slice().zeroize();
        self.0.clear();
    }
}

impl Drop for PlaceBytes {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for PlaceBytes {}

impl fmt::Debug for PlaceBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PlaceBytes({})", self.0.len())
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header").field("serial", &self.serial).field("entries", &self.count).finish()
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("serial", &self.header.serial).field("content", &self.content).finish()
    }
}
