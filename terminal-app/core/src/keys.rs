//! The terminal's keys: made once, sealed to the machine, wiped on tamper.
//!
//! Sealed form, version 1: `JBK1`, a salt of 32 bytes, a nonce of 12, then the keys' JSON under
//! AES-256-GCM with the tag behind it. The sealing key is HKDF-SHA256 of the machine secret with the salt,
//! and the terminal number is bound in as additional data: sealed keys of one terminal or machine are of no
//! use to another.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use protocol::{
    id::TerminalId,
    signature::{PublicKey, Signature},
};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
    signature::Ed25519KeyPair,
};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::{ports::Random, store::StoreKey};

const MAGIC: &[u8; 4] = b"JBK1";
const SALT_BYTES: usize = 32;
const HEAD_BYTES: usize = MAGIC.len() + SALT_BYTES + NONCE_LEN;
const INFO: &[u8] = b"jinbao terminal keys 1";

/// Bytes of the secret that the reader board shares with its terminal.
pub const BOARD_SECRET_BYTES: usize = 32;

/// Most bytes of sealed keys; anything longer is not ours.
pub const SEALED_BYTES_MAX: usize = 16 << 10;

/// DER of a PKCS #8 v1 Ed25519 key up to its 32 seed bytes. Source: RFC 8410 §7.
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The long-lived key that signs this terminal's records and requests. Cheap to clone.
#[derive(Clone)]
pub struct Identity(Arc<Ed25519KeyPair>);

impl Identity {
    /// From PKCS #8 DER, version 1 or 2. Errors: `Content` for anything but an Ed25519 key.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeysError> {
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| KeysError::Content)?;
        Ok(Identity(Arc::new(key)))
    }

    /// The public half, as the center knows it.
    pub fn public(&self) -> PublicKey {
        PublicKey::of(&self.0)
    }

    /// Signs a message for a purpose.
    pub fn sign(&self, purpose: &str, message: &[u8]) -> Signature {
        Signature::sign(&self.0, purpose, message)
    }

    /// The key pair, for documents that are signed elsewhere.
    pub fn key_pair(&self) -> &Ed25519KeyPair {
        &self.0
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.public())
    }
}

/// Everything secret that a terminal keeps. Wiped when dropped.
#[derive(Clone)]
pub struct TerminalKeys {
    identity_pkcs8: Zeroizing<Vec<u8>>,
    tls_pkcs8: Zeroizing<Vec<u8>>,
    cache: StoreKey,
    ledger: StoreKey,
    board: Option<Zeroizing<[u8; BOARD_SECRET_BYTES]>>,
}

/// The keys as they are serialised before sealing.
#[derive(Serialize, Deserialize)]
struct Plain {
    identity: String,
    tls: String,
    cache: String,
    ledger: String,
    /// Sealed keys of terminals that know no board lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    board: Option<String>,
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.identity.zeroize();
        self.tls.zeroize();
        self.cache.zeroize();
        self.ledger.zeroize();
        self.board.zeroize();
    }
}

impl TerminalKeys {
    /// Makes new keys. The TLS key comes with the enrolment, see [`TerminalKeys::with_tls_key`].
    pub fn generate(random: &mut dyn Random) -> Self {
        let mut draw = || {
            let mut bytes = Zeroizing::new([0; 32]);
            random.fill(&mut bytes[..]);
            bytes
        };
        let mut identity_pkcs8 = Zeroizing::new(Vec::with_capacity(PKCS8_HEAD.len() + 32));
        identity_pkcs8.extend_from_slice(&PKCS8_HEAD);
        identity_pkcs8.extend_from_slice(&draw()[..]);
        TerminalKeys {
            identity_pkcs8,
            tls_pkcs8: Zeroizing::new(Vec::new()),
            cache: StoreKey::new(*draw()),
            ledger: StoreKey::new(*draw()),
            board: None,
        }
    }

    /// The same keys with the secret that the reader board shares; `None` when there is no board any more.
    #[must_use]
    pub fn with_board_secret(mut self, secret: Option<Zeroizing<[u8; BOARD_SECRET_BYTES]>>) -> Self {
        self.board = secret;
        self
    }

    /// The secret that the reader board shares, once they are paired.
    pub fn board_secret(&self) -> Option<&[u8; BOARD_SECRET_BYTES]> {
        self.board.as_deref()
    }

    /// The same keys with another TLS key, PKCS #8 DER: at enrolment and at each renewal.
    #[must_use]
    pub fn with_tls_key(mut self, pkcs8: Zeroizing<Vec<u8>>) -> Self {
        self.tls_pkcs8 = pkcs8;
        self
    }

    /// The identity key, ready to sign.
    pub fn identity(&self) -> Result<Identity, KeysError> {
        Identity::from_pkcs8(&self.identity_pkcs8)
    }

    /// The TLS key, PKCS #8 DER; `None` before enrolment.
    pub fn tls_pkcs8(&self) -> Option<&Zeroizing<Vec<u8>>> {
        (!self.tls_pkcs8.is_empty()).then_some(&self.tls_pkcs8)
    }

    /// Key of the eligibility cache.
    pub fn cache(&self) -> &StoreKey {
        &self.cache
    }

    /// Key of the ledger.
    pub fn ledger(&self) -> &StoreKey {
        &self.ledger
    }

    /// Seals the keys for this machine and this terminal.
    ///
    /// Salt and nonce are drawn anew, so sealing twice gives different bytes. `machine_secret` should hold
    /// at least 128 bits of chance; it is derived from, never used directly.
    /// Errors: `Content` when the keys are longer than [`SEALED_BYTES_MAX`] allows.
    pub fn seal(
        &self,
        machine_secret: &[u8],
        terminal: TerminalId,
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, KeysError> {
        let mut salt = [0; SALT_BYTES];
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut salt);
        random.fill(&mut nonce);
        let encode = |bytes: &[u8]| STANDARD.encode(bytes);
        let plain = Plain {
            identity: encode(&self.identity_pkcs8),
            tls: encode(&self.tls_pkcs8),
            cache: encode(self.cache.bytes()),
            ledger: encode(self.ledger.bytes()),
            board: self.board.as_deref().map(|secret| encode(secret)),
        };
        // Room for all that follows, so that the buffer is never moved with the keys in the clear inside.
        let mut text = Zeroizing::new(Vec::with_capacity(SEALED_BYTES_MAX));
        serde_json::to_writer(&mut *text, &plain).map_err(|_| KeysError::Content)?;
        if HEAD_BYTES + text.len() + AES_256_GCM.tag_len() > SEALED_BYTES_MAX {
            return Err(KeysError::Content);
        }
        let tag = sealing_key(machine_secret, &salt)
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(additional(&salt, &nonce, terminal)),
                &mut text,
            )
            .map_err(|_| KeysError::Content)?;
        let tag = tag.as_ref();
        let mut sealed = Vec::with_capacity(HEAD_BYTES + text.len() + tag.len());
        sealed.extend_from_slice(MAGIC);
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&text);
        sealed.extend_from_slice(tag);
        Ok(sealed)
    }

    /// Opens sealed keys.
    ///
    /// Errors: `Version` for another or no format, `Sealed` when machine secret or terminal differ or the
    /// bytes were changed, `Content` when they were sealed by another version's layout.
    pub fn open(sealed: &[u8], machine_secret: &[u8], terminal: TerminalId) -> Result<Self, KeysError> {
        if sealed.len() < HEAD_BYTES || sealed.len() > SEALED_BYTES_MAX || !sealed.starts_with(MAGIC) {
            return Err(KeysError::Version);
        }
        let (head, body) = sealed.split_at(HEAD_BYTES);
        let (salt, nonce) = head[MAGIC.len()..].split_at(SALT_BYTES);
        let nonce: [u8; NONCE_LEN] = nonce.try_into().map_err(|_| KeysError::Version)?;
        let mut body = Zeroizing::new(body.to_vec());
        let text = sealing_key(machine_secret, salt)
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(additional(salt, &nonce, terminal)),
                &mut body,
            )
            .map_err(|_| KeysError::Sealed)?;
        let plain: Plain = serde_json::from_slice(text).map_err(|_| KeysError::Content)?;
        let decode = |text: &str| STANDARD.decode(text).map(Zeroizing::new).map_err(|_| KeysError::Content);
        let store = |text: &str| -> Result<StoreKey, KeysError> {
            let bytes = decode(text)?;
            Ok(StoreKey::new(bytes.as_slice().try_into().map_err(|_| KeysError::Content)?))
        };
        let keys = TerminalKeys {
            identity_pkcs8: decode(&plain.identity)?,
            tls_pkcs8: decode(&plain.tls)?,
            cache: store(&plain.cache)?,
            ledger: store(&plain.ledger)?,
            board: match &plain.board {
                Some(text) => {
                    let bytes: [u8; BOARD_SECRET_BYTES] =
                        decode(text)?.as_slice().try_into().map_err(|_| KeysError::Content)?;
                    Some(Zeroizing::new(bytes))
                }
                None => None,
            },
        };
        keys.identity()?;
        Ok(keys)
    }
}

/// Where the edge keeps the sealed bytes.
pub trait SealedPlace {
    /// Why the place failed.
    type Error;

    /// Overwrites what is stored, durably, without changing its length where the medium allows that.
    fn overwrite(&mut self, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Removes it.
    fn remove(&mut self) -> Result<(), Self::Error>;
}

/// Destroys sealed keys: they are overwritten with chance, then removed, even when overwriting fails.
///
/// Cache and ledger are unreadable from here on; what was not uploaded is lost to this terminal. Run on
/// tamper and when a terminal is given away.
pub fn wipe<P: SealedPlace>(place: &mut P, random: &mut dyn Random) -> Result<(), P::Error> {
    let mut noise = vec![0; SEALED_BYTES_MAX];
    random.fill(&mut noise);
    let overwritten = place.overwrite(&noise);
    place.remove()?;
    overwritten
}

fn additional(salt: &[u8], nonce: &[u8], terminal: TerminalId) -> Vec<u8> {
    [MAGIC.as_slice(), salt, nonce, terminal.as_str().as_bytes()].concat()
}

fn sealing_key(machine_secret: &[u8], salt: &[u8]) -> LessSafeKey {
    let pseudorandom = Salt::new(HKDF_SHA256, salt).extract(machine_secret);
    let key = pseudorandom
        .expand(&[INFO], &AES_256_GCM)
        .map(UnboundKey::from)
        // The length is AES-256-GCM's own, far below what HKDF can give.
        .unwrap_or_else(|_| unreachable!("HKDF gives 32 bytes"));
    LessSafeKey::new(key)
}

impl fmt::Debug for TerminalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TerminalKeys(…)")
    }
}

/// Why keys could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeysError {
    /// Not sealed keys, or of a version this program does not know.
    Version,
    /// Sealed for another machine or terminal, or changed since.
    Sealed,
    /// Opened, but no keys inside.
    Content,
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "these are no sealed keys of a known version",
            Self::Sealed => "the keys were sealed for another machine or terminal, or have been changed",
            Self::Content => "the sealed bytes hold no keys",
        })
    }
}

impl std::error::Error for KeysError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    struct Counter(u8);

    impl Random for Counter {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(37).wrapping_add(11);
                *byte = self.0;
            }
        }
    }

    fn terminal() -> TerminalId {
        "430100000001".parse().unwrap()
    }

    #[test]
    fn sealed_keys_open_only_here() {
        let mut random = Counter(1);
        let keys = TerminalKeys::generate(&mut random).with_tls_key(Zeroizing::new(vec![7; 138]));
        let sealed = keys.seal(b"machine", terminal(), &mut random).unwrap();
        let opened = TerminalKeys::open(&sealed, b"machine", terminal()).unwrap();
        assert_eq!(opened.identity().unwrap().public(), keys.identity().unwrap().public());
        assert_eq!(opened.ledger().bytes(), keys.ledger().bytes());
        assert_eq!(opened.cache().bytes(), keys.cache().bytes());
        assert_eq!(opened.tls_pkcs8().unwrap().as_slice(), [7; 138]);
        assert_eq!(opened.board_secret(), None);
        let paired = keys.clone().with_board_secret(Some(Zeroizing::new([9; 32])));
        let paired = paired.seal(b"machine", terminal(), &mut random).unwrap();
        let paired = TerminalKeys::open(&paired, b"machine", terminal()).unwrap();
        assert_eq!(paired.board_secret(), Some(&[9; 32]));
        let failure =
            |sealed: &[u8], secret: &[u8], terminal| TerminalKeys::open(sealed, secret, terminal).err();
        assert_eq!(failure(&sealed, b"other", terminal()), Some(KeysError::Sealed));
        assert_eq!(failure(&sealed, b"machine", "430100000002".parse().unwrap()), Some(KeysError::Sealed));
        assert_eq!(failure(&sealed[..20], b"machine", terminal()), Some(KeysError::Version));
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 0x10;
            assert!(failure(&bent, b"machine", terminal()).is_some(), "byte {at}");
        }
        assert_ne!(keys.seal(b"machine", terminal(), &mut random).unwrap(), sealed);
    }

    #[test]
    fn nothing_secret_is_printed() {
        let keys = TerminalKeys::generate(&mut Counter(3));
        let text = format!("{keys:?} {:?} {:?}", keys.ledger(), keys.identity().unwrap());
        assert!(!text.contains(&hex::encode(&keys.ledger().bytes()[..4])));
        assert!(text.contains("TerminalKeys(…)"));
    }

    #[test]
    fn wiping_overwrites_and_removes() {
        struct Place(Vec<Vec<u8>>, bool);
        impl SealedPlace for Place {
            type Error = ();
            fn overwrite(&mut self, bytes: &[u8]) -> Result<(), ()> {
                self.0.push(bytes.to_vec());
                if self.1 { Err(()) } else { Ok(()) }
            }
            fn remove(&mut self) -> Result<(), ()> {
                self.0.push(Vec::new());
                Ok(())
            }
        }
        for fails in [false, true] {
            let mut place = Place(Vec::new(), fails);
            assert_eq!(wipe(&mut place, &mut Counter(5)).is_err(), fails);
            assert_eq!(place.0.len(), 2, "removed in any case");
            assert_eq!(place.0[0].len(), SEALED_BYTES_MAX);
        }
    }
}
