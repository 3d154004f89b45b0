//! Internal and external authentication.
//!
//! Internal: the card proves that it holds IRK. External: the terminal proves to the card that it holds
//! a key, on a challenge of the card. In both, the session key comes from the random, and eight bytes of
//! data are enciphered under it.

use crate::{Error, Part, bytes::equal_in_constant_time, key::Key128, suite::Suite};

/// Answer of INTERNAL AUTHENTICATE.
///
/// `factor` is the process factor (R1), `data` the data to authenticate (R2), in the order of the command.
pub fn internal(suite: Suite, key: &Key128, factor: &[u8; 8], data: &[u8; 8]) -> [u8; 8] {
    suite.session_key(key, factor).cryptogram(data)
}

/// Checks the answer of INTERNAL AUTHENTICATE in constant time; `Mac` when the card holds another key.
pub fn verify_internal(
    suite: Suite,
    key: &Key128,
    factor: &[u8; 8],
    data: &[u8; 8],
    answer: &[u8; 8],
) -> Result<(), Error> {
    compare(&internal(suite, key, factor, data), answer)
}

/// Cryptogram of EXTERNAL AUTHENTICATE.
///
/// `challenge` is the last one that the card gave; `data` may be anything, and goes into the command
/// after the cryptogram.
pub fn external(suite: Suite, key: &Key128, challenge: &[u8; 8], data: &[u8; 8]) -> [u8; 8] {
    suite.session_key(key, challenge).cryptogram(data)
}

/// The card's side: checks a cryptogram in constant time; `Mac` when the terminal holds another key.
pub fn verify_external(
    suite: Suite,
    key: &Key128,
    challenge: &[u8; 8],
    data: &[u8; 8],
    cryptogram: &[u8; 8],
) -> Result<(), Error> {
    compare(&external(suite, key, challenge, data), cryptogram)
}

/// Compares a cryptogram that came from outside (a PSAM or the center's security module) with the card's
/// answer, in constant time.
pub fn compare(expected: &[u8; 8], got: &[u8; 8]) -> Result<(), Error> {
    if equal_in_constant_time(expected, got) { Ok(()) } else { Err(Error::Mac { part: Part::Cryptogram }) }
}
