//! The latch that an opened case sets: what it costs, what is remembered, and who may clear it.
//!
//! The secret is never kept here: it lives in the vault and is read for one proof. An opening overwrites it in
//! the vault before anything else is done. A vault that has lost its contents, erased by its own hardware or
//! without a battery, has been opened as far as anybody can tell.
//!
//! What checks a signature takes 3 KiB of stack; so functions that hold secrets or signatures stay functions
//! of their own (`inline(never)`), and their locals do not lie under everything else.

use hmac::{Hmac, KeyInit, Mac};
use reader_protocol::escape::{
    CHALLENGE_BYTES, Cause, Challenge, KEY_BYTES, LogEntry, Pairing, Proof, SIGNATURE_BYTES, Serial, Status,
    TamperState, clear_message, pair_message, proof_message,
};
use reader_protocol::vault::{Contents, Log, VAULT_BYTES};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::time::{Duration, Instant};
use crate::vault::{Chance, ChanceError, Vault, VaultError};

/// The vault is looked at this often: its hardware may erase it at any time.
const CHECK_EVERY: Duration = Duration::from_millis(1_000);
/// A vault that was not ready, or failed, is tried again after this.
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// What has happened to the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing new.
    None,
    /// The latch was set: wipe what there is.
    Latched,
}

/// The latch of one board.
pub struct Tamper<V, R> {
    vault: V,
    chance: R,
    serial: Serial,
    maker: [u8; KEY_BYTES],
    /// The vault has been read.
    is_loaded: bool,
    /// The vault does not hold what it should: write again.
    is_stale: bool,
    /// The vault has failed the last time.
    has_failed: bool,
    /// Nobody has looked at the switch yet.
    is_first_look: bool,
    is_latched: bool,
    is_open: bool,
    is_paired: bool,
    authority: Option<[u8; KEY_BYTES]>,
    count: u16,
    log: Log,
    challenge: Option<[u8; CHALLENGE_BYTES]>,
    check_at: Instant,
}

impl<V: Vault, R: Chance> Tamper<V, R> {
    /// `maker`: the Ed25519 public key of who clears a board whose vault has lost its authority.
    pub const fn new(vault: V, chance: R, serial: Serial, maker: [u8; KEY_BYTES]) -> Self {
        Self {
            vault,
            chance,
            serial,
            maker,
            is_loaded: false,
            is_stale: false,
            has_failed: false,
            is_first_look: true,
            is_latched: false,
            is_open: false,
            is_paired: false,
            authority: None,
            count: 0,
            log: Log::new(),
            challenge: None,
            check_at: Instant(0),
        }
    }

    /// Whether the latch is set.
    pub const fn is_latched(&self) -> bool {
        self.is_latched
    }

    /// Told whether the case is open; looks after the vault. Says what has changed, and when it wants to be
    /// polled again.
    pub fn poll(&mut self, is_open: bool, now: Instant) -> (Change, Instant) {
        let mut change = Change::None;
        if now >= self.check_at {
            change = self.check(now);
        }
        let has_opened = is_open && !self.is_open;
        // A board that begins with an open case and a set latch has told that before.
        let is_known = self.is_first_look && self.is_latched;
        self.is_open = is_open;
        self.is_first_look = false;
        if has_opened && !is_known {
            self.latch(Cause::CaseOpened, now);
            change = Change::Latched;
        }
        if self.is_stale {
            self.store_latch(now);
        }
        if now >= self.check_at {
            let is_settled = self.is_loaded && !self.is_stale && !self.has_failed;
            self.check_at = now + if is_settled { CHECK_EVERY } else { RETRY_AFTER };
        }
        (change, self.check_at)
    }

    /// Answer of `TamperState`. Errors: `Busy`, `VaultFailed` while the vault has not been read.
    pub fn state(&self) -> Result<TamperState, Status> {
        self.loaded()?;
        Ok(TamperState {
            is_latched: self.is_latched,
            is_open: self.is_open,
            is_paired: self.is_paired,
            has_authority: self.authority.is_some(),
            count: self.count,
            entries: self.log.len() as u8,
        })
    }

    /// Answer of `TamperLog`. Errors: `NoEntry`, `Busy`, `VaultFailed`.
    pub fn log(&self, index: u8) -> Result<LogEntry, Status> {
        self.loaded()?;
        self.log.entry(index.into(), self.count).ok_or(Status::NoEntry)
    }

    /// Answer of `Challenge`. Errors: `NoChance`, `Busy`, `VaultFailed`.
    #[inline(never)]
    pub fn challenge(&mut self) -> Result<Challenge, Status> {
        self.loaded()?;
        self.challenge = None;
        let mut bytes = [0; CHALLENGE_BYTES];
        self.chance.fill(&mut bytes).map_err(|error| match error {
            ChanceError::NotReady => Status::Busy,
            ChanceError::Failed => Status::NoChance,
        })?;
        self.challenge = Some(bytes);
        Ok(Challenge { bytes, count: self.count })
    }

    /// Clears the latch. Errors: as [`reader_protocol::escape::Request::TamperClear`].
    #[inline(never)]
    pub fn clear(&mut self, signature: &[u8; SIGNATURE_BYTES]) -> Result<(), Status> {
        self.loaded()?;
        let challenge = self.challenge.take();
        if !self.is_latched {
            return Err(Status::NotTampered);
        }
        if self.is_open {
            return Err(Status::CaseOpen);
        }
        let challenge = Challenge { bytes: challenge.ok_or(Status::NoChallenge)?, count: self.count };
        let authority = self.authority.as_ref().unwrap_or(&self.maker);
        verify(authority, &clear_message(&self.serial, &challenge), signature)?;
        self.store_state(false)?;
        self.is_latched = false;
        self.is_stale = false;
        Ok(())
    }

    /// Pairs. Errors: as [`reader_protocol::escape::Request::Pair`], and `Malformed` when the new authority is no
    /// key or the secret is all zero.
    #[inline(never)]
    pub fn pair(&mut self, pairing: &Pairing<'_>) -> Result<(), Status> {
        self.loaded()?;
        let challenge = self.challenge.take();
        if self.is_latched {
            return Err(Status::Tampered);
        }
        self.authorise(challenge, pairing)?;
        let is_key = salty::PublicKey::try_from(pairing.authority).is_ok();
        if !is_key || pairing.secret.iter().all(|byte| *byte == 0) {
            return Err(Status::Malformed);
        }
        self.store_pairing(pairing)?;
        self.is_paired = true;
        self.authority = Some(*pairing.authority);
        Ok(())
    }

    /// Whether the authority so far, if there is one, has signed this pairing.
    #[inline(never)]
    fn authorise(
        &self,
        challenge: Option<[u8; CHALLENGE_BYTES]>,
        pairing: &Pairing<'_>,
    ) -> Result<(), Status> {
        let Some(authority) = &self.authority else { return Ok(()) };
        let signature = pairing.authorisation.ok_or(Status::AlreadyPaired)?;
        let challenge = Challenge { bytes: challenge.ok_or(Status::NoChallenge)?, count: self.count };
        let mut message = pair_message(&self.serial, &challenge, pairing.secret, pairing.authority);
        let result = verify(authority, &message, signature);
        message.zeroize();
        result
    }

    #[inline(never)]
    fn store_pairing(&mut self, pairing: &Pairing<'_>) -> Result<(), Status> {
        self.store(&Contents {
            is_latched: false,
            count: self.count,
            secret: Some(*pairing.secret),
            authority: Some(*pairing.authority),
            log: Log::new(),
        })
    }

    /// Answer of `Prove`. Errors: `Tampered`, `NotPaired`, `Busy`, `VaultFailed`.
    #[inline(never)]
    pub fn prove(&mut self, challenge: &[u8; CHALLENGE_BYTES]) -> Result<Proof, Status> {
        let tamper = self.state()?;
        if self.is_latched {
            return Err(Status::Tampered);
        }
        if !self.is_paired {
            return Err(Status::NotPaired);
        }
        // A vault that has been erased this moment is found by the next poll.
        let contents = self.load().map_err(|_| Status::VaultFailed)?.ok_or(Status::VaultFailed)?;
        let secret = contents.secret.as_ref().ok_or(Status::VaultFailed)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| Status::VaultFailed)?;
        mac.update(&proof_message(challenge, &self.serial, &tamper));
        Ok(Proof { tamper, mac: mac.finalize().into_bytes().into() })
    }

    fn loaded(&self) -> Result<(), Status> {
        match (self.is_loaded, self.has_failed) {
            (true, _) => Ok(()),
            (false, true) => Err(Status::VaultFailed),
            (false, false) => Err(Status::Busy),
        }
    }

    /// Sets the latch; the secret goes with the next writing of the vault, at once.
    fn latch(&mut self, cause: Cause, now: Instant) {
        self.is_latched = true;
        self.is_paired = false;
        self.challenge = None;
        self.is_stale = true;
        self.count = self.count.saturating_add(1);
        self.log.push(cause, now.seconds());
    }

    /// Writes the set latch over whatever the vault holds.
    fn store_latch(&mut self, now: Instant) {
        // Before the vault has been read nobody knows its count and authority.
        if !self.is_loaded {
            self.check(now);
        }
        if self.is_loaded {
            self.is_stale = self.store_state(true).is_err();
        }
    }

    /// Reads the vault, or finds that it is lost.
    fn check(&mut self, now: Instant) -> Change {
        let was_loaded = self.is_loaded;
        match self.load() {
            Ok(Some(contents)) => {
                if was_loaded {
                    return Change::None;
                }
                self.merge(&contents);
                // A latch that was set before still costs what is kept elsewhere.
                if self.is_latched { Change::Latched } else { Change::None }
            }
            Ok(None) => {
                self.is_loaded = true;
                if was_loaded && self.is_latched {
                    // The hardware has erased what an opening had left: put it back, it is no news.
                    self.is_stale = true;
                    return Change::None;
                }
                self.latch(Cause::VaultLost, now);
                Change::Latched
            }
            Err(_) => Change::None,
        }
    }

    /// What the vault remembers comes before what has happened since the board began.
    fn merge(&mut self, contents: &Contents) {
        self.count = contents.count.saturating_add(self.count);
        self.log.push_older(&contents.log);
        self.is_latched |= contents.is_latched;
        self.is_paired = contents.secret.is_some() && !self.is_latched;
        self.authority = contents.authority;
        self.is_loaded = true;
    }

    /// Writes what the vault should hold without a secret.
    #[inline(never)]
    fn store_state(&mut self, is_latched: bool) -> Result<(), Status> {
        self.store(&Contents {
            is_latched,
            count: self.count,
            secret: None,
            authority: self.authority,
            log: self.log,
        })
    }

    #[inline(never)]
    fn load(&mut self) -> Result<Option<Contents>, VaultError> {
        let mut bytes = Zeroizing::new([0; VAULT_BYTES]);
        let read = self.vault.read(&mut bytes);
        self.has_failed = read == Err(VaultError::Failed);
        read.map(|()| Contents::from_bytes(&bytes))
    }

    #[inline(never)]
    fn store(&mut self, contents: &Contents) -> Result<(), Status> {
        let bytes = Zeroizing::new(contents.to_bytes());
        self.vault.write(&bytes).map_err(|_| Status::VaultFailed)
    }
}

impl<V, R> Drop for Tamper<V, R> {
    fn drop(&mut self) {
        self.challenge.zeroize();
    }
}

/// Whether this is the key's signature over the message. Errors: `SignatureWrong`.
///
/// The verifier takes S modulo the order of the curve, which the standard does not; a signature serves one
/// challenge once, so a second form of it is worth nothing. Source: RFC 8032 §5.1.7, §8.4.
fn verify(key: &[u8; KEY_BYTES], message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Result<(), Status> {
    let key = salty::PublicKey::try_from(key).map_err(|_| Status::SignatureWrong)?;
    key.verify(message, &salty::Signature::from(signature)).map_err(|_| Status::SignatureWrong)
}
