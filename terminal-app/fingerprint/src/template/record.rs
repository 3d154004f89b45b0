//! The record format: one or more fingers, with the image's size and resolution.
//!
//! Sources: ISO/IEC 19794-2:2005 §7, written and read; ANSI INCITS 378-2004 §6, read.

use super::{
    FormatError, Reading,
    compact::{kind, kind_bits},
};
use crate::minutia::{MINUTIAE_MAX, Minutia, Minutiae};

/// Most views of one record that are taken: ten fingers, four impressions each.
pub const VIEWS_MAX: usize = 40;
/// Most bytes of a record that are looked at.
pub const RECORD_BYTES_MAX: usize = 65_535;

const MAGIC: &[u8; 4] = b"FMR\0";
const VERSION: &[u8; 4] = b" 20\0";
/// Positions 0 (unknown), 1 right thumb to 5 right little finger, 6 left thumb to 10 left little finger.
const POSITION_MAX: u8 = 10;
const MINUTIA_BYTES: usize = 6;
const ISO_HEADER_BYTES: usize = 24;
const VIEW_HEADER_BYTES: usize = 4;
/// Pixels per centimetre of 500 dpi.
const PIXELS_PER_CM: u16 = 197;

/// One impression of one finger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// 1 right thumb … 5 right little finger, 6 left thumb … 10 left little finger, 0 not told.
    pub position: u8,
    /// Number of the view among those of this finger, from 0.
    pub number: u8,
    /// 0 live and plain, others as the standard has them.
    pub impression: u8,
    /// 0 to 100.
    pub quality: u8,
    /// What was found.
    pub minutiae: Minutiae,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Width of the image in pixels.
    pub width: u16,
    /// Height of the image in pixels.
    pub height: u16,
    /// Pixels per centimetre across.
    pub x_per_cm: u16,
    /// Pixels per centimetre down.
    pub y_per_cm: u16,
    /// Impressions.
    pub views: Vec<View>,
}

impl Record {
    /// A record of images of 500 dpi with no view yet.
    pub fn new(width: u16, height: u16) -> Self {
        Self { width, height, x_per_cm: PIXELS_PER_CM, y_per_cm: PIXELS_PER_CM, views: Vec::new() }
    }

    /// Reads an ISO or ANSI record.
    ///
    /// Errors: [`FormatError`]; reading leniently, only what cannot be understood at all is one.
    pub fn read(bytes: &[u8], reading: Reading) -> Result<Self, FormatError> {
        let mut cursor = Cursor { bytes, at: 0 };
        if cursor.take::<4>()? != *MAGIC || cursor.take::<4>()? != *VERSION {
            return Err(FormatError::Unknown);
        }
        // ANSI tells the length in two bytes, or in six that begin with zeros; ISO in four.
        let first = cursor.u16()?;
        let (is_ansi, length) = match first {
            0 => {
                let low = cursor.u16()?;
                if usize::from(low) >= ISO_HEADER_BYTES {
                    (false, u32::from(low))
                } else {
                    (true, u32::from(low) << 16 | u32::from(cursor.u16()?))
                }
            }
            1..=25 => (false, u32::from(first) << 16 | u32::from(cursor.u16()?)),
            _ => (true, u32::from(first)),
        };
        let length = length as usize;
        if bytes.len() < length {
            return Err(FormatError::Truncated { expected: length, got: bytes.len() });
        }
        if bytes.len() > length && reading == Reading::Strict {
            return Err(FormatError::Trailing { expected: length, got: bytes.len() });
        }
        if length > RECORD_BYTES_MAX {
            return Err(FormatError::TooMany { max: RECORD_BYTES_MAX, got: length });
        }
        cursor.bytes = &bytes[..length];
        if is_ansi {
            cursor.u32()?;
        }
        cursor.u16()?;
        let mut record = Record::new(cursor.u16()?, cursor.u16()?);
        let resolution_at = cursor.at;
        (record.x_per_cm, record.y_per_cm) = (cursor.u16()?, cursor.u16()?);
        if record.x_per_cm == 0 || record.y_per_cm == 0 {
            return Err(FormatError::Field { offset: resolution_at });
        }
        let views = usize::from(cursor.u8()?);
        if views > VIEWS_MAX {
            return Err(FormatError::TooMany { max: VIEWS_MAX, got: views });
        }
        if cursor.u8()? != 0 && reading == Reading::Strict {
            return Err(FormatError::Field { offset: cursor.at - 1 });
        }
        for _ in 0..views {
            let view = cursor.view(&record, is_ansi, reading)?;
            record.views.push(view);
        }
        if cursor.at != length && reading == Reading::Strict {
            return Err(FormatError::Trailing { expected: cursor.at, got: length });
        }
        Ok(record)
    }

    /// Writes an ISO record.
    ///
    /// Errors: `TooMany` views.
    pub fn write(&self) -> Result<Vec<u8>, FormatError> {
        if self.views.len() > VIEWS_MAX {
            return Err(FormatError::TooMany { max: VIEWS_MAX, got: self.views.len() });
        }
        let body: usize =
            self.views.iter().map(|view| VIEW_HEADER_BYTES + view.minutiae.len() * MINUTIA_BYTES + 2).sum();
        let length = ISO_HEADER_BYTES + body;
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(VERSION);
        out.extend_from_slice(&(length as u32).to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        for value in [self.width, self.height, self.x_per_cm, self.y_per_cm] {
            out.extend_from_slice(&value.to_be_bytes());
        }
        out.extend_from_slice(&[self.views.len() as u8, 0]);
        for view in &self.views {
            out.extend_from_slice(&[
                view.position,
                view.number << 4 | view.impression & 0x0F,
                view.quality.min(100),
                view.minutiae.len() as u8,
            ]);
            for minutia in view.minutiae.iter() {
                let x = pixels(minutia.x, self.x_per_cm).min(0x3FFF);
                let y = pixels(minutia.y, self.y_per_cm).min(0x3FFF);
                out.extend_from_slice(&(u16::from(kind_bits(minutia.kind)) << 14 | x).to_be_bytes());
                out.extend_from_slice(&y.to_be_bytes());
                out.extend_from_slice(&[minutia.angle, minutia.quality.min(100)]);
            }
            out.extend_from_slice(&[0, 0]);
        }
        Ok(out)
    }
}

/// Hundredths of a millimetre as pixels; a millimetre has a tenth of the pixels of a centimetre.
fn pixels(hundredths: u16, per_cm: u16) -> u16 {
    u16::try_from((u32::from(hundredths) * u32::from(per_cm) + 500) / 1000).unwrap_or(u16::MAX)
}

fn hundredths(pixels: u16, per_cm: u16) -> u16 {
    let per_cm = u32::from(per_cm.max(1));
    u16::try_from((u32::from(pixels) * 1000 + per_cm / 2) / per_cm).unwrap_or(u16::MAX)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let rest = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let taken = rest.ok_or(FormatError::Truncated { expected: self.at + N, got: self.bytes.len() })?;
        self.at += N;
        Ok(*taken)
    }

    fn u8(&mut self) -> Result<u8, FormatError> {
        Ok(self.take::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16, FormatError> {
        Ok(u16::from_be_bytes(self.take()?))
    }

    fn u32(&mut self) -> Result<u32, FormatError> {
        Ok(u32::from_be_bytes(self.take()?))
    }

    fn view(&mut self, record: &Record, is_ansi: bool, reading: Reading) -> Result<View, FormatError> {
        let offset = self.at;
        let [position, view, quality, count] = self.take()?;
        if (position > POSITION_MAX || quality > 100) && reading == Reading::Strict {
            return Err(FormatError::Field { offset });
        }
        if usize::from(count) > MINUTIAE_MAX && reading == Reading::Strict {
            return Err(FormatError::TooMany { max: MINUTIAE_MAX, got: usize::from(count) });
        }
        let mut minutiae = Minutiae::new();
        for _ in 0..count {
            let offset = self.at;
            let [x_high, x_low, y_high, y_low, angle, quality] = self.take()?;
            let x = u16::from_be_bytes([x_high & 0x3F, x_low]);
            let y = u16::from_be_bytes([y_high & 0x3F, y_low]);
            let is_outside = x >= record.width || y >= record.height;
            let is_wrong = is_outside || quality > 100 || y_high & 0xC0 != 0 || (is_ansi && angle > 179);
            if is_wrong && reading == Reading::Strict {
                return Err(FormatError::Field { offset });
            }
            if is_outside {
                continue;
            }
            // ANSI counts in steps of two degrees.
            let angle = if is_ansi { (u16::from(angle % 180) * 256 / 180) as u8 } else { angle };
            minutiae.push_best(Minutia {
                x: hundredths(x, record.x_per_cm),
                y: hundredths(y, record.y_per_cm),
                angle,
                kind: kind(x_high >> 6, offset, reading)?,
                quality: quality.min(100),
            });
        }
        let extended = usize::from(self.u16()?);
        let end = self.at + extended;
        if end > self.bytes.len() {
            return Err(FormatError::Truncated { expected: end, got: self.bytes.len() });
        }
        self.at = end;
        Ok(View {
            position: position.min(POSITION_MAX),
            number: view >> 4,
            impression: view & 0x0F,
            quality: quality.min(100),
            minutiae,
        })
    }
}
