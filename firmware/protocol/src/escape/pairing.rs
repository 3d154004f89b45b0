//! The secret that a board shares with its terminal.

use core::fmt;

use super::request::put;
use super::{Body, CHALLENGE_BYTES, Frame, SIGNATURE_BYTES, Serial, TamperState, TooLong};
use crate::wire::Fields;

/// Bytes of the shared secret, of an Ed25519 public key and of a proof.
pub const KEY_BYTES: usize = 32;

/// Body of `Pair`.
///
/// A board without an authority takes it as it is, unless its latch is set. A board that has one takes it
/// only with that authority's signature over [`super::pair_message`], and so a challenge must be open.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pairing<'a> {
    /// Shared secret; the key of [`Proof`].
    pub secret: &'a [u8; KEY_BYTES],
    /// Ed25519 public key of who may clear the latch and pair anew.
    pub authority: &'a [u8; KEY_BYTES],
    /// Ed25519 signature of the authority so far.
    pub authorisation: Option<&'a [u8; SIGNATURE_BYTES]>,
}

impl<'a> Pairing<'a> {
    pub(super) fn put(&self, frame: &mut Frame) -> Result<(), TooLong> {
        put(frame, self.secret)?;
        put(frame, self.authority)?;
        self.authorisation.map_or(Ok(()), |signature| put(frame, signature))
    }

    pub(super) fn read(fields: &mut Fields<'a>) -> Option<Self> {
        let secret = fields.array()?;
        let authority = fields.array()?;
        let authorisation = if fields.end(()).is_some() { None } else { Some(fields.array()?) };
        Some(Self { secret, authority, authorisation })
    }
}

impl fmt::Debug for Pairing<'_> {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pairing(authorised: {})", self.authorisation.is_some())
    }
}

/// Answer of `Prove`: HMAC-SHA256 with the shared secret over [`proof_message`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The tamper state it speaks of.
    pub tamper: TamperState,
    /// The HMAC.
    pub mac: [u8; KEY_BYTES],
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proof({:?})", self.tamper)
    }
}

impl Body for Proof {
    fn put(&self, frame: &mut Frame) -> Result<(), TooLong> {
        self.tamper.put(frame)?;
        put(frame, &self.mac)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (tamper, mac) = bytes.split_last_chunk()?;
        Some(Self { tamper: TamperState::read(tamper)?, mac: *mac })
    }
}

const PROOF_DOMAIN: &[u8; 16] = b"jinbao-board-v1P";

/// Bytes of [`proof_message`].
pub const PROOF_MESSAGE_BYTES: usize = PROOF_DOMAIN.len() + CHALLENGE_BYTES + 12 + TamperState::BYTES;

/// What a proof is over: the host's challenge, the board's serial number and its tamper state.
pub fn proof_message(
    challenge: &[u8; CHALLENGE_BYTES],
    serial: &Serial,
    tamper: &TamperState,
) -> [u8; PROOF_MESSAGE_BYTES] {
    super::tamper::join([PROOF_DOMAIN, challenge, &serial.0, &tamper.to_bytes()])
}
