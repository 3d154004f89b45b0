//! SM2 signatures and the SM3 digest, for the certificate application of generation 3.0.
//!
//! Source: GB/T 32918.2 (SM2), GB/T 32905 (SM3), GM/T 0009 (the default identity).

use core::fmt;

use sm2::{
    SecretKey,
    dsa::{
        Signature as Sm2Signature, SigningKey as Sm2SigningKey, VerifyingKey as Sm2VerifyingKey,
        signature::{Signer, Verifier},
    },
    elliptic_curve::sec1::ToSec1Point,
};
use sm3::{Digest, Sm3};

use crate::{Error, Part};

/// Identity of a signer that has none of its own (GM/T 0009 §10).
pub const DEFAULT_IDENTITY: &str = "1234567812345678";

const MALFORMED: Error = Error::Malformed { part: Part::Signature };

/// SM3 over the pieces as one message.
pub fn sm3(pieces: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sm3::new();
    for piece in pieces {
        hash.update(piece);
    }
    hash.finalize().into()
}

/// Public key: point on the curve, bound to an identity.
#[derive(Clone, Debug)]
pub struct VerifyingKey(Sm2VerifyingKey);

impl VerifyingKey {
    /// From `04 || x || y` (65 bytes) or the compressed point (33). `Malformed` when it is no point.
    pub fn new(identity: &str, point: &[u8]) -> Result<Self, Error> {
        Sm2VerifyingKey::from_sec1_bytes(identity, point).map(VerifyingKey).map_err(|_| MALFORMED)
    }

    /// Checks a signature `r || s`; `Mac` when it is none of this key over this message, `Malformed`
    /// when it is no signature at all.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), Error> {
        let signature = Sm2Signature::from_slice(signature).map_err(|_| MALFORMED)?;
        self.0.verify(message, &signature).map_err(|_| Error::Mac { part: Part::Signature })
    }

    /// `04 || x || y`.
    pub fn to_bytes(&self) -> [u8; 65] {
        let mut out = [0; 65];
        let point = self.0.to_sec1_point(false);
        let bytes = point.as_bytes();
        if bytes.len() == out.len() {
            out.copy_from_slice(bytes);
        }
        out
    }
}

/// Private key, bound to an identity. `Debug` hides it; wiped when dropped.
pub struct SigningKey<'a> {
    identity: &'a str,
    secret: SecretKey,
    public: VerifyingKey,
}

impl<'a> SigningKey<'a> {
    /// From 32 bytes, which the caller wipes. `Malformed` when they are no private key.
    pub fn new(identity: &'a str, secret: &[u8; 32]) -> Result<Self, Error> {
        let secret = SecretKey::from_slice(secret).map_err(|_| MALFORMED)?;
        let public = Sm2VerifyingKey::new(identity, secret.public_key()).map_err(|_| MALFORMED)?;
        Ok(SigningKey { identity, secret, public: VerifyingKey(public) })
    }

    /// Signs a message: `r || s`. The nonce comes from key and message (RFC 6979), so no random source is
    /// needed and the result is the same each time.
    ///
    /// `Malformed` in the case, which nobody will meet, that key and message make a zero.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], Error> {
        let key = Sm2SigningKey::new(self.identity, &self.secret).map_err(|_| MALFORMED)?;
        let signature: Sm2Signature = key.try_sign(message).map_err(|_| MALFORMED)?;
        Ok(signature.to_bytes().into())
    }

    /// The public key.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }
}

impl fmt::Debug for SigningKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}
