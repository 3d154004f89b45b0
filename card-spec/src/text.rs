//! Text and digits as the card stores them.
//!
//! `an` is text, left-aligned, filled up with 00. `cn` is BCD, left-aligned, filled up with F.
//! Chinese is GBK; the decoder also takes the four-byte characters of GB 18030, which rare names need.

use core::str;

use encoding_rs::{DecoderResult, EncoderResult, Encoding, GB18030, GBK};
use heapless::{String, Vec};

use crate::{Error, Part};

/// Decodes an `an` field to text.
///
/// Trailing 00 is cut, and so are trailing spaces and FF, which sloppy personalisation leaves. `Text`
/// with the offset of the first bad byte when it is no GBK; `TooLong` when the text does not fit `N`
/// bytes of UTF-8 (three for each two of GBK are enough).
pub fn decode_an<const N: usize>(bytes: &[u8]) -> Result<String<N>, Error> {
    let mut rest = trim(bytes);
    let length = rest.len();
    let mut out = String::new();
    let mut decoder = GBK.new_decoder_without_bom_handling();
    // The decoder asks for spare room at the end of its buffer, which a text of exactly N bytes does not
    // have: it works in a buffer of its own.
    let mut piece = [0; 48];
    loop {
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(rest, &mut piece, true);
        let text = piece.get(..written).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default();
        out.push_str(text).map_err(|_| Error::TooLong { part: Part::Text, max: N, got: length })?;
        rest = rest.get(read..).unwrap_or_default();
        match result {
            DecoderResult::InputEmpty => return Ok(out),
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(bad, after) => {
                let read = length - rest.len();
                return Err(Error::Text {
                    offset: read.saturating_sub(usize::from(bad) + usize::from(after)),
                });
            }
        }
    }
}

/// Encodes text as GBK, without filling up.
///
/// `Text` with the byte offset in `text` of the first character that GBK does not have; `TooLong` when
/// the result does not fit `N` bytes.
pub fn encode_gbk<const N: usize>(text: &str) -> Result<Vec<u8, N>, Error> {
    encode(GBK, text)
}

/// The same in GB 18030, which has every character: those of GBK in the same two bytes, others in four.
///
/// `TooLong` when the result does not fit `N` bytes.
pub fn encode_gb18030<const N: usize>(text: &str) -> Result<Vec<u8, N>, Error> {
    encode(GB18030, text)
}

fn encode<const N: usize>(encoding: &'static Encoding, text: &str) -> Result<Vec<u8, N>, Error> {
    let mut out = Vec::<u8, N>::new();
    // Character by character: the encoder asks for spare room at the end of its buffer, which a field
    // that is filled to the last byte does not have.
    for (offset, character) in text.char_indices() {
        let (mut utf8, mut single) = ([0; 4], [0; 8]);
        let (result, _, written) = encoding.new_encoder().encode_from_utf8_without_replacement(
            character.encode_utf8(&mut utf8),
            &mut single,
            true,
        );
        if !matches!(result, EncoderResult::InputEmpty) {
            return Err(Error::Text { offset });
        }
        out.extend_from_slice(&single[..written]).map_err(|_| Error::TooLong {
            part: Part::Text,
            max: N,
            got: text.len(),
        })?;
    }
    Ok(out)
}

/// Text as an `an` field of exactly `N` bytes. Errors as for [`encode_gbk`].
pub fn encode_an<const N: usize>(text: &str) -> Result<[u8; N], Error> {
    let encoded = encode_gbk::<N>(text)?;
    let mut field = [0; N];
    field[..encoded.len()].copy_from_slice(&encoded);
    Ok(field)
}

/// The digits of a `cn` field, without the F that fill it up.
///
/// An unwritten field (FF throughout) gives an empty string. `Malformed` when something other than a
/// digit stands before the filling.
pub fn decode_cn<const N: usize>(bytes: &[u8]) -> Result<String<N>, Error> {
    let mut out = String::new();
    let mut filling = false;
    for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]) {
        match nibble {
            0..=9 if !filling => out.push(char::from(b'0' + nibble)).map_err(|_| Error::TooLong {
                part: Part::Digits,
                max: N,
                got: bytes.len() * 2,
            })?,
            0x0F => filling = true,
            _ => return Err(Error::Malformed { part: Part::Digits }),
        }
    }
    Ok(out)
}

/// Digits as a `cn` field of exactly `N` bytes, filled up with F.
///
/// `Malformed` when there is something other than digits, `TooLong` above 2 `N` digits.
pub fn encode_cn<const N: usize>(digits: &str) -> Result<[u8; N], Error> {
    if digits.len() > 2 * N {
        return Err(Error::TooLong { part: Part::Digits, max: 2 * N, got: digits.len() });
    }
    let mut field = [0xFF; N];
    for (index, digit) in digits.bytes().enumerate() {
        if !digit.is_ascii_digit() {
            return Err(Error::Malformed { part: Part::Digits });
        }
        let nibble = digit - b'0';
        let byte = &mut field[index / 2];
        *byte = if index % 2 == 0 { nibble << 4 | 0x0F } else { *byte & 0xF0 | nibble };
    }
    Ok(field)
}

/// A number below 10^(2N) as `N` bytes of BCD, right-aligned; `None` when it is larger.
pub(crate) fn number_to_bcd<const N: usize>(mut number: u32) -> Option<[u8; N]> {
    let mut field = [0; N];
    for byte in field.iter_mut().rev() {
        let pair = (number % 100) as u8;
        *byte = ((pair / 10) << 4) | (pair % 10);
        number /= 100;
    }
    (number == 0).then_some(field)
}

/// The number in a BCD field without filling; `None` when a nibble is no digit or it exceeds 32 bits.
pub(crate) fn number_from_bcd(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0_u32, |number, byte| {
        let (high, low) = (u32::from(byte >> 4), u32::from(byte & 0x0F));
        if high > 9 || low > 9 {
            return None;
        }
        number.checked_mul(100)?.checked_add(high * 10 + low)
    })
}

fn trim(bytes: &[u8]) -> &[u8] {
    let kept = bytes.iter().rposition(|byte| !matches!(byte, 0x00 | 0x20 | 0xFF)).map_or(0, |last| last + 1);
    // A GBK character may end in a byte that looks like filling only when the field was cut inside it;
    // no trail byte is 00, 20 or FF.
    &bytes[..kept]
}
