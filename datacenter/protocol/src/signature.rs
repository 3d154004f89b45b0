//! Digests, signatures and documents that carry one.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize, de};
use utoipa::ToSchema;

/// SHA-256, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

/// An Ed25519 public key, written as 64 hexadecimal digits. Source: RFC 8032.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// An Ed25519 signature, written in base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// Bytes that one key has signed: rules, limits, pages, receipts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Signed {
    /// The signed text, verbatim.
    pub text: String,
    /// Signature over the purpose, a zero byte and the text.
    pub signature: Signature,
}

/// The signature does not belong to the text, the purpose or the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureError;

impl Digest {
    /// SHA-256 of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Digest(out)
    }

    /// The next link of a chain: SHA-256 of the previous digest followed by the body.
    pub fn chain(self, body: &[u8]) -> Self {
        let mut context = ring::digest::Context::new(&SHA256);
        context.update(&self.0);
        context.update(body);
        let mut out = [0; 32];
        out.copy_from_slice(context.finish().as_ref());
        Digest(out)
    }
}

impl PublicKey {
    /// The public half of a key pair.
    pub fn of(key: &Ed25519KeyPair) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(key.public_key().as_ref());
        PublicKey(out)
    }

    /// Checks a signature over `purpose`, a zero byte and `message`.
    ///
    /// The purpose keeps a signature from being taken for one over another kind of document.
    pub fn verify(&self, purpose: &str, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(&framed(purpose, message), &signature.0)
            .map_err(|_| SignatureError)
    }
}

impl Signature {
    /// Signs `purpose`, a zero byte and `message`.
    pub fn sign(key: &Ed25519KeyPair, purpose: &str, message: &[u8]) -> Self {
        let mut out = [0; 64];
        out.copy_from_slice(key.sign(&framed(purpose, message)).as_ref());
        Signature(out)
    }
}

impl Signed {
    /// Serialises a document and signs the text.
    pub fn new<T: Serialize>(key: &Ed25519KeyPair, purpose: &str, document: &T) -> serde_json::Result<Self> {
        let text = serde_json::to_string(document)?;
        let signature = Signature::sign(key, purpose, text.as_bytes());
        Ok(Signed { text, signature })
    }

    /// Checks the signature, then parses.
    ///
    /// Errors: `Signature` when key, purpose or text differ, `Content` when the text is no such document.
    pub fn open<T: de::DeserializeOwned>(&self, key: &PublicKey, purpose: &str) -> Result<T, SignedError> {
        key.verify(purpose, self.text.as_bytes(), &self.signature)
            .map_err(|SignatureError| SignedError::Signature)?;
        serde_json::from_str(&self.text).map_err(|_| SignedError::Content)
    }
}

/// Why a signed document cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignedError {
    /// Not signed by this key for this purpose.
    Signature,
    /// Signed, but not a document of this kind: the peer is of another version.
    Content,
}

fn framed(purpose: &str, message: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(purpose.len() + 1 + message.len());
    framed.extend_from_slice(purpose.as_bytes());
    framed.push(0);
    framed.extend_from_slice(message);
    framed
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature is wrong")
    }
}

impl std::error::Error for SignatureError {}

impl fmt::Display for SignedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the document is not signed by the expected key",
            Self::Content => "the signed document is not of the expected kind",
        })
    }
}

impl std::error::Error for SignedError {}

macro_rules! text_form {
    ($name:ident, $bytes:literal, $encode:expr, $decode:expr, $expected:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&$encode(&self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}…)", stringify!($name), hex::encode(&self.0[..4]))
            }
        }
        impl std::str::FromStr for $name {
            type Err = crate::id::IdError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let error = crate::id::IdError { expected: $expected };
                let bytes: Vec<u8> = $decode(text).ok_or(error)?;
                Ok($name(<[u8; $bytes]>::try_from(bytes).map_err(|_| error)?))
            }
        }
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}
text_form!(Digest, 32, hex::encode, |text: &str| hex::decode(text).ok(), "64 hexadecimal digits");
text_form!(PublicKey, 32, hex::encode, |text: &str| hex::decode(text).ok(), "64 hexadecimal digits");
text_form!(
    Signature,
    64,
    |bytes: &[u8; 64]| STANDARD.encode(bytes),
    |text: &str| STANDARD.decode(text).ok(),
    "a signature of 64 bytes in base64"
);
