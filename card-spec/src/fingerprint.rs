//! The fingerprint file EF07 (指纹): which fingers are on a card, and that they are this card's.
//!
//! The public record names the file and nothing of its content; layout, limits and the MAC are choices of
//! ours. The file has two places of [`PLACE_BYTES`]. A new content goes to the place that is not in force, its
//! entries first and its header last, in one command; so a card that is pulled on the way keeps the old one. What
//! counts is the whole place with the highest serial number ([`stored`]).
//!
//! A content is bound to its card by a MAC ([`Stored::message`]) under the card's key for secure messaging
//! (STK), whose root every terminal of the city has in its PSAM for making MACs (usage 48). Copied to another
//! card, or to the same card for another holder, it does not hold. The key is symmetric: whoever has a PSAM of
//! the city can make the MAC as well as check it.

pub mod stored;

use core::fmt;

use heapless::Vec;
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use self::stored::{Header, Place, PlaceBytes, Stored};
use crate::{Error, Part, bytes::Fields, date::Date, file::FINGERPRINT_BYTES};

/// Most entries of one content.
pub const ENTRIES_MAX: usize = 6;
/// Fewest minutiae of a template in compact size: fewer compare with nothing.
pub const MINUTIAE_MIN: usize = 3;
/// Most minutiae of a template in compact size.
pub const MINUTIAE_MAX: usize = 60;
/// Bytes of one minutia in compact size (ISO/IEC 19794-2:2005 §8).
pub const MINUTIA_BYTES: usize = 3;
/// Most bytes of a template in a format of a module's maker.
pub const MAKER_BYTES_MAX: usize = 512;
/// Largest impression number.
pub const IMPRESSION_MAX: u8 = 9;
/// Best fitness.
pub const FITNESS_MAX: u8 = 100;
/// Bytes of one of the two places of the file.
pub const PLACE_BYTES: usize = FINGERPRINT_BYTES as usize / 2;
/// Bytes of the header of a place.
pub const HEADER_BYTES: usize = 32;
/// Bytes of an entry before its template.
pub const ENTRY_HEADER_BYTES: usize = 12;
/// Most bytes of all entries of one content.
pub const ENTRIES_BYTES_MAX: usize = PLACE_BYTES - HEADER_BYTES;

const FORMAT_COMPACT: u8 = 1;
const FORMAT_MAKER: u8 = 2;
const MALFORMED: Error = Error::Malformed { part: Part::Fingerprints };

/// Which finger, 1 (right thumb) to 10 (left little finger). Source: ISO/IEC 19794-2 table 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u8);

impl Position {
    /// 1 to 10; `None` for any other number.
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 1 && number <= 10 { Some(Position(number)) } else { None }
    }

    /// 1 to 10.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// A template as it stands on the card. `Debug` tells its format and length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Template<'a> {
    /// Format 1: minutiae in compact size, three bytes each, [`MINUTIAE_MIN`] to [`MINUTIAE_MAX`] of them.
    Compact(&'a [u8]),
    /// Format 2: as a fingerprint module's maker has it, 1 to [`MAKER_BYTES_MAX`] bytes. Compared by such a
    /// module only.
    Maker {
        /// Who: 1 is the EF01 family; others are to be agreed upon.
        maker: u16,
        /// The template.
        bytes: &'a [u8],
    },
}

impl<'a> Template<'a> {
    /// The bytes.
    pub const fn bytes(&self) -> &'a [u8] {
        match self {
            Template::Compact(bytes) | Template::Maker { bytes, .. } => bytes,
        }
    }

    fn checked(format: u8, maker: u16, bytes: &'a [u8]) -> Result<Self, Error> {
        match format {
            FORMAT_COMPACT if maker == 0 => {
                check_minutiae(bytes)?;
                Ok(Template::Compact(bytes))
            }
            FORMAT_MAKER if maker != 0 && !bytes.is_empty() => {
                if bytes.len() > MAKER_BYTES_MAX {
                    return Err(too_long(MAKER_BYTES_MAX, bytes.len()));
                }
                Ok(Template::Maker { maker, bytes })
            }
            _ => Err(MALFORMED),
        }
    }
}

/// Whether bytes are minutiae in compact size that are taken: whole ones, neither too few nor too many.
///
/// Errors: `Malformed`, `TooLong`.
pub fn check_minutiae(bytes: &[u8]) -> Result<(), Error> {
    let max = MINUTIAE_MAX * MINUTIA_BYTES;
    if bytes.len() > max {
        return Err(too_long(max, bytes.len()));
    }
    if !bytes.len().is_multiple_of(MINUTIA_BYTES) || bytes.len() < MINUTIAE_MIN * MINUTIA_BYTES {
        return Err(MALFORMED);
    }
    Ok(())
}

fn too_long(max: usize, got: usize) -> Error {
    Error::TooLong { part: Part::Fingerprints, max, got }
}

/// One impression of one finger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Which finger.
    pub position: Position,
    /// Which impression of it, from 1 to [`IMPRESSION_MAX`].
    pub impression: u8,
    /// How fit for comparison it was, 0 to [`FITNESS_MAX`].
    pub fitness: u8,
    /// Day of enrolment.
    pub enrolled: Date,
    /// Template.
    pub template: Template<'a>,
}

impl<'a> Entry<'a> {
    fn read(fields: &mut Fields<'a>) -> Result<Self, Error> {
        let position = Position::new(fields.byte()?).ok_or(MALFORMED)?;
        let (impression, fitness, format) = (fields.byte()?, fields.byte()?, fields.byte()?);
        let maker = fields.u16()?;
        let enrolled = Date::from_cn(fields.array()?).ok_or(MALFORMED)?;
        let length = fields.u16()?;
        let template = Template::checked(format, maker, fields.slice(usize::from(length))?)?;
        Entry { position, impression, fitness, enrolled, template }.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        if self.impression == 0 || self.impression > IMPRESSION_MAX || self.fitness > FITNESS_MAX {
            return Err(MALFORMED);
        }
        Ok(self)
    }
}

/// What is on a card of its holder's fingers. Fixed memory; wiped when dropped; `Debug` hides the templates.
///
/// Without entries it says that no finger is enrolled (any more), or, with the flag, that the holder has none
/// that can be used (未采集到合格指纹).
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Content {
    #[zeroize(skip)]
    written: Date,
    no_usable_finger: bool,
    count: u8,
    entries: Bytes,
}

/// The entries one after the other.
#[derive(Clone, Default, PartialEq, Eq)]
struct Bytes(Vec<u8, ENTRIES_BYTES_MAX>);

impl Zeroize for Bytes {
    fn zeroize(&mut self) {
        self.0.as_mut_slice().zeroize();
        self.0.clear();
    }
}

impl Content {
    /// No entry yet.
    pub fn new(written: Date) -> Self {
        Content { written, no_usable_finger: false, count: 0, entries: Bytes::default() }
    }

    /// Says that the holder has no finger that can be used.
    pub fn without_usable_finger(written: Date) -> Self {
        let mut content = Self::new(written);
        content.no_usable_finger = true;
        content
    }

    /// Adds an impression.
    ///
    /// Errors: `TooLong` above [`ENTRIES_MAX`] or [`ENTRIES_BYTES_MAX`], `Malformed` for a template or a number
    /// outside of its limits, for an impression that is there already, and after
    /// [`Content::without_usable_finger`].
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<(), Error> {
        let entry = entry.checked()?;
        let (format, maker) = match entry.template {
            Template::Compact(_) => (FORMAT_COMPACT, 0),
            Template::Maker { maker, .. } => (FORMAT_MAKER, maker),
        };
        let template = entry.template.bytes();
        Template::checked(format, maker, template)?;
        let is_there =
            |other: Entry<'_>| (other.position, other.impression) == (entry.position, entry.impression);
        if self.no_usable_finger || self.entries().any(is_there) {
            return Err(MALFORMED);
        }
        if self.len() >= ENTRIES_MAX {
            return Err(too_long(ENTRIES_MAX, self.len() + 1));
        }
        let bytes = self.entries.0.len() + ENTRY_HEADER_BYTES + template.len();
        if bytes > ENTRIES_BYTES_MAX {
            return Err(too_long(ENTRIES_BYTES_MAX, bytes));
        }
        let [maker_high, maker_low] = maker.to_be_bytes();
        let [y1, y2, month, day] = entry.enrolled.to_cn();
        // Both lengths have been checked.
        let [length_high, length_low] = (template.len() as u16).to_be_bytes();
        let head: [u8; ENTRY_HEADER_BYTES] = [
            entry.position.number(),
            entry.impression,
            entry.fitness,
            format,
            maker_high,
            maker_low,
            y1,
            y2,
            month,
            day,
            length_high,
            length_low,
        ];
        let _ = self.entries.0.extend_from_slice(&head);
        let _ = self.entries.0.extend_from_slice(template);
        self.count += 1;
        Ok(())
    }

    /// The impressions, in the order in which they stand.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut fields = Fields::new(&self.entries.0, Part::Fingerprints);
        // They were checked when they came in.
        (0..self.count).map_while(move |_| Entry::read(&mut fields).ok())
    }

    /// The impressions of one finger.
    pub fn of(&self, position: Position) -> impl Iterator<Item = Entry<'_>> {
        self.entries().filter(move |entry| entry.position == position)
    }

    /// How many impressions.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there is no impression.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether the holder has no finger that can be used.
    pub fn no_usable_finger(&self) -> bool {
        self.no_usable_finger
    }

    /// Day on which this content was written.
    pub fn written(&self) -> Date {
        self.written
    }

    fn parse(written: Date, no_usable_finger: bool, count: u8, bytes: &[u8]) -> Result<Self, Error> {
        if usize::from(count) > ENTRIES_MAX {
            return Err(too_long(ENTRIES_MAX, usize::from(count)));
        }
        let mut content = Content { written, no_usable_finger, count: 0, entries: Bytes::default() };
        let mut fields = Fields::new(bytes, Part::Fingerprints);
        for _ in 0..count {
            content.push(&Entry::read(&mut fields)?)?;
        }
        fields.end()?;
        Ok(content)
    }
}

impl fmt::Debug for Template<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Template::Compact(bytes) => write!(f, "Compact({} bytes)", bytes.len()),
            Template::Maker { maker, bytes } => write!(f, "Maker({maker}, {} bytes)", bytes.len()),
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("written", &self.written)
            .field("no_usable_finger", &self.no_usable_finger)
            .field("entries", &self.count)
            .finish()
    }
}
