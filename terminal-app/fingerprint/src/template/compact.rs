//! The two card formats: minutiae without any header. Source: ISO/IEC 19794-2:2005 §8.

use heapless::Vec;

use super::{FormatError, Reading};
use crate::minutia::{Kind, MINUTIAE_MAX, Minutia, Minutiae};

/// Bytes of one minutia in compact size.
pub const COMPACT_BYTES: usize = 3;
/// Bytes of one minutia in normal size.
pub const NORMAL_BYTES: usize = 5;
/// Hundredths of a millimetre in one unit of compact size.
const COMPACT_UNIT: u16 = 10;

/// Writes the `count_max` best minutiae in compact size: X, Y in tenths of a millimetre, and two bits of type
/// over six of direction; ordered by Y, then X.
///
/// What lies beyond 25.5 mm is left out. Quality is not kept.
pub fn write(minutiae: &[Minutia], count_max: usize) -> Vec<u8, { COMPACT_BYTES * MINUTIAE_MAX }> {
    let unit = |value: u16| (value + COMPACT_UNIT / 2) / COMPACT_UNIT;
    let mut chosen: Minutiae = Minutiae::new();
    for minutia in minutiae {
        if unit(minutia.x) <= 0xFF && unit(minutia.y) <= 0xFF {
            chosen.push_best(*minutia);
        }
    }
    chosen.keep_best(count_max);
    chosen.sort_unstable_by_key(|minutia| (unit(minutia.y), unit(minutia.x), minutia.angle));
    let mut out = Vec::new();
    for minutia in chosen.iter() {
        // A quarter of the resolution; the highest rounds to a whole turn, that is to zero.
        let angle = ((u16::from(minutia.angle) + 2) / 4 % 64) as u8;
        let bytes = [unit(minutia.x) as u8, unit(minutia.y) as u8, kind_bits(minutia.kind) << 6 | angle];
        // There is room for `MINUTIAE_MAX`.
        let _ = out.extend_from_slice(&bytes);
    }
    out
}

/// Reads minutiae in compact size.
///
/// Errors: `Truncated` for a length that is no multiple of three, `TooMany`, and `Field` when reading strictly
/// for the reserved type.
pub fn read(bytes: &[u8], reading: Reading) -> Result<Minutiae, FormatError> {
    let (parts, rest) = bytes.as_chunks::<COMPACT_BYTES>();
    if !rest.is_empty() {
        return Err(FormatError::Truncated { expected: (parts.len() + 1) * COMPACT_BYTES, got: bytes.len() });
    }
    if parts.len() > MINUTIAE_MAX {
        return Err(FormatError::TooMany { max: MINUTIAE_MAX, got: parts.len() });
    }
    let mut minutiae = Minutiae::new();
    for (at, [x, y, last]) in parts.iter().enumerate() {
        let kind = kind(last >> 6, at * COMPACT_BYTES + 2, reading)?;
        minutiae.push_best(Minutia {
            x: u16::from(*x) * COMPACT_UNIT,
            y: u16::from(*y) * COMPACT_UNIT,
            angle: (last & 0x3F) << 2,
            kind,
            quality: 0,
        });
    }
    Ok(minutiae)
}

/// Writes minutiae in normal size: type and X, Y in hundredths of a millimetre, direction.
pub fn write_normal(minutiae: &[Minutia]) -> Vec<u8, { NORMAL_BYTES * MINUTIAE_MAX }> {
    let mut out = Vec::new();
    for minutia in minutiae.iter().take(MINUTIAE_MAX) {
        let x = u16::from(kind_bits(minutia.kind)) << 14 | minutia.x.min(0x3FFF);
        let y = minutia.y.min(0x3FFF);
        let [x, y] = [x.to_be_bytes(), y.to_be_bytes()];
        let _ = out.extend_from_slice(&[x[0], x[1], y[0], y[1], minutia.angle]);
    }
    out
}

/// Reads minutiae in normal size. Errors: as [`read`], for a length that is no multiple of five.
pub fn read_normal(bytes: &[u8], reading: Reading) -> Result<Minutiae, FormatError> {
    let (parts, rest) = bytes.as_chunks::<NORMAL_BYTES>();
    if !rest.is_empty() {
        return Err(FormatError::Truncated { expected: (parts.len() + 1) * NORMAL_BYTES, got: bytes.len() });
    }
    if parts.len() > MINUTIAE_MAX {
        return Err(FormatError::TooMany { max: MINUTIAE_MAX, got: parts.len() });
    }
    let mut minutiae = Minutiae::new();
    for (at, [x_high, x_low, y_high, y_low, angle]) in parts.iter().enumerate() {
        let offset = at * NORMAL_BYTES;
        if y_high & 0xC0 != 0 && reading == Reading::Strict {
            return Err(FormatError::Field { offset: offset + 2 });
        }
        minutiae.push_best(Minutia {
            x: u16::from_be_bytes([x_high & 0x3F, *x_low]),
            y: u16::from_be_bytes([y_high & 0x3F, *y_low]),
            angle: *angle,
            kind: kind(x_high >> 6, offset, reading)?,
            quality: 0,
        });
    }
    Ok(minutiae)
}

pub(super) fn kind_bits(kind: Kind) -> u8 {
    match kind {
        Kind::Other => 0,
        Kind::Ending => 1,
        Kind::Bifurcation => 2,
    }
}

pub(super) fn kind(bits: u8, offset: usize, reading: Reading) -> Result<Kind, FormatError> {
    match bits {
        1 => Ok(Kind::Ending),
        2 => Ok(Kind::Bifurcation),
        3 if reading == Reading::Strict => Err(FormatError::Field { offset }),
        _ => Ok(Kind::Other),
    }
}
