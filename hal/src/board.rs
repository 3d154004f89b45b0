//! Our reader board beside its card slots: lamps, buzzer, tamper latch, pairing, update.
//!
//! The board is asked by CCID escapes through PC/SC. The control code for that is the driver's own and is
//! asked for each time a connection is new (`GET_FEATURE`, PC/SC part 10); no code is taken for granted.
//! The driver for serial and USB readers, libccid, hands escapes on only when its option
//! `ifdDriverOptions` has bit 0x01: [`BoardError::EscapesOff`] says so, [`ESCAPES_OFF_REMEDY`] is the cure.
//!
//! Calls are bounded in time like every call through PC/SC ([`crate::pcsc`]), and work without a card, and
//! while this process holds both slots. Nothing that the board does takes long: what does is started, then
//! polled.

mod error;
mod find;
mod update;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use reader_protocol::{
    escape::{
        Answer, Beeps, Body, CHALLENGE_BYTES, Challenge, Counters, Identity, KEY_BYTES, Lamp, LampMode,
        LogEntry, Pairing, Proof, Request, SIGNATURE_BYTES, Status, TamperState, clear_message, pair_message,
        proof_message,
    },
    update::UpdateRefusal,
};
use ring::hmac;
use zeroize::{Zeroize, Zeroizing};

pub use self::{
    error::BoardError,
    find::{BoardReport, FIRMWARE_VERSION, find},
    update::UpdateProgress,
};
use crate::pcsc::{ControlChannel, ControlError, ReaderControl};

/// What to do when [`BoardError::EscapesOff`], in one line of shell; pcscd has to be restarted afterwards.
pub const ESCAPES_OFF_REMEDY: &str =
    "sed -i '/ifdDriverOptions/{n;s/0x[0-9A-Fa-f]*/0x0001/}' /etc/libccid_Info.plist";

/// Asks a driver which features it has, and by which codes. Source: PC/SC part 10 §2.2.
const GET_FEATURE: u32 = 3_400;
/// The feature of handing a CCID escape on. Source: PC/SC part 10, `FEATURE_CCID_ESC_COMMAND`.
const FEATURE_ESCAPE: u8 = 0x13;
/// Bytes of one feature: tag, length 4, control code with the most significant byte first.
const FEATURE_BYTES: usize = 6;

/// How often a question whose answer got lost is asked again, where asking twice does no harm.
const QUESTIONS_MAX: u32 = 2;

/// How long a board that says that it is busy is asked again: its random bytes and its vault get ready at start.
const BUSY_LIMIT: Duration = Duration::from_secs(2);
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// A board. Clones are the same board; each call takes it for one question only.
#[derive(Clone)]
pub struct Board(Arc<Mutex<Inner>>);

struct Inner {
    channel: Box<dyn ControlChannel>,
    /// Control code of escapes, since the connection is new.
    escape: Option<u32>,
    /// Who it is, since the connection is new.
    identity: Option<Identity>,
}

impl Board {
    /// The board that has the slot of this name. Nothing is sent yet; reader and service may come and go.
    pub fn new(reader: impl Into<String>) -> Self {
        Self::with_channel(ReaderControl::new(reader))
    }

    /// The board behind another channel.
    pub fn with_channel(channel: impl ControlChannel + 'static) -> Self {
        Board(Arc::new(Mutex::new(Inner { channel: Box::new(channel), escape: None, identity: None })))
    }

    /// Name of the slot that it is asked through, as an installer knows it.
    pub fn name(&self) -> String {
        self.inner().channel.name().to_owned()
    }

    /// Who the board is.
    ///
    /// Errors: `EscapesOff`, `NotOurs`, `OtherVersion`, `Channel`.
    pub fn identify(&self) -> Result<Identity, BoardError> {
        let mut inner = self.inner();
        // Asked anew: it may be another board by now.
        inner.identity = None;
        inner.identity()
    }

    /// What has happened since the board began.
    pub fn counters(&self) -> Result<Counters, BoardError> {
        self.read(&Request::Counters)
    }

    /// Sets a lamp. While the latch is set the lamps show only that.
    pub fn lamp(&self, lamp: Lamp, mode: LampMode) -> Result<(), BoardError> {
        self.ask_patiently(&Request::Lamp { lamp, mode }).map(drop)
    }

    /// Sounds the buzzer and does not wait for it.
    pub fn beep(&self, beeps: Beeps) -> Result<(), BoardError> {
        self.ask_patiently(&Request::Buzzer(beeps)).map(drop)
    }

    /// Whether the case was opened. Without a proof this is what whoever sits in the reader's place says: see
    /// [`Board::prove`].
    pub fn tamper(&self) -> Result<TamperState, BoardError> {
        self.read(&Request::TamperState)
    }

    /// The openings that the board remembers, the newest first.
    pub fn tamper_log(&self) -> Result<Vec<LogEntry>, BoardError> {
        let entries = self.tamper()?.entries;
        let mut log = Vec::new();
        for index in 0..entries {
            match self.read(&Request::TamperLog { index }) {
                Ok(entry) => log.push(entry),
                // Its memory is shorter than it said: what there is, is told.
                Err(BoardError::Refused(Status::NoEntry)) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(log)
    }

    /// A fresh challenge for its authority to sign. Earlier ones are worth nothing from now on.
    pub fn challenge(&self) -> Result<Challenge, BoardError> {
        self.read(&Request::Challenge)
    }

    /// Clears the latch. `sign` makes an Ed25519 signature of the board's authority over what it is given.
    ///
    /// Errors: `Refused` with `NotTampered`, `CaseOpen`, `SignatureWrong`, `VaultFailed`, `NoChance`.
    pub fn clear_tamper(&self, sign: impl Fn(&[u8]) -> [u8; SIGNATURE_BYTES]) -> Result<(), BoardError> {
        let serial = self.inner().identity()?.serial;
        // A challenge serves once, also when the board was too busy to do what was signed.
        while_busy(|| {
            let signature = sign(&clear_message(&serial, &self.challenge()?));
            self.inner().once(&Request::TamperClear { signature: &signature }).map(drop)
        })
    }

    /// Gives the board a secret to share and its authority's public key.
    ///
    /// A board that has an authority wants its signature: `sign` is asked for it.
    /// Errors: `Refused` with `Tampered`, `AlreadyPaired`, `SignatureWrong`, `VaultFailed`, `NoChance`.
    pub fn pair(
        &self,
        secret: &[u8; KEY_BYTES],
        authority: &[u8; KEY_BYTES],
        sign: impl Fn(&[u8]) -> [u8; SIGNATURE_BYTES],
    ) -> Result<(), BoardError> {
        let serial = self.inner().identity()?.serial;
        let has_authority = self.tamper()?.has_authority;
        while_busy(|| {
            let signature = match has_authority {
                true => {
                    let message = pair_message(&serial, &self.challenge()?, secret, authority);
                    Some(sign(&Zeroizing::new(message)[..]))
                }
                false => None,
            };
            let pairing = Pairing { secret, authority, authorisation: signature.as_ref() };
            self.inner().once(&Request::Pair(pairing)).map(drop)
        })
    }

    /// Lets the board prove that it has the secret; gives the tamper state that its proof speaks of.
    ///
    /// `challenge` must be fresh chance. Errors: `Refused(NotPaired)`: an opening erases the secret;
    /// `ProofWrong`: another board, or somebody in between.
    pub fn prove(
        &self,
        secret: &[u8; KEY_BYTES],
        challenge: &[u8; CHALLENGE_BYTES],
    ) -> Result<TamperState, BoardError> {
        let serial = self.inner().identity()?.serial;
        let proof: Proof = self.read(&Request::Prove { challenge })?;
        let message = proof_message(challenge, &serial, &proof.tamper);
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        hmac::verify(&key, &message, &proof.mac).map_err(|_| BoardError::ProofWrong)?;
        Ok(proof.tamper)
    }

    /// Asks a question that may be asked twice, and gives the answer's body.
    ///
    /// Errors: `Refused` with the board's status, the channel's.
    pub(crate) fn ask(&self, request: &Request<'_>) -> Result<Zeroizing<Vec<u8>>, BoardError> {
        self.inner().repeat(request)
    }

    /// The same of a board that may have to get ready first.
    fn ask_patiently(&self, request: &Request<'_>) -> Result<Zeroizing<Vec<u8>>, BoardError> {
        while_busy(|| self.ask(request))
    }

    /// Asks a question that must not be repeated blindly.
    pub(crate) fn ask_once(&self, request: &Request<'_>) -> Result<Zeroizing<Vec<u8>>, BoardError> {
        self.inner().once(request)
    }

    fn read<B: Body>(&self, request: &Request<'_>) -> Result<B, BoardError> {
        self.ask_patiently(request).and_then(|body| read(&body))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing in it is ever half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn identity(&mut self) -> Result<Identity, BoardError> {
        if self.identity.is_none() {
            let body = self.repeat(&Request::Identify)?;
            self.identity = Some(read(&body)?);
        }
        self.identity.clone().ok_or_else(|| self.not_ours())
    }

    fn repeat(&mut self, request: &Request<'_>) -> Result<Zeroizing<Vec<u8>>, BoardError> {
        let mut result = self.once(request);
        for _ in 1..QUESTIONS_MAX {
            match result {
                Err(BoardError::Silent | BoardError::Answer(_)) => result = self.once(request),
                _ => break,
            }
        }
        result
    }

    fn once(&mut self, request: &Request<'_>) -> Result<Zeroizing<Vec<u8>>, BoardError> {
        let code = self.escape()?;
        let mut frame = request.build().map_err(|_| BoardError::TooLong)?;
        let answer = self.channel.control(code, &frame);
        // It may hold a secret or a template.
        frame.as_mut_slice().zeroize();
        let bytes = match answer {
            Ok(bytes) => bytes,
            // A driver that lets an escape fail tells nothing else: the reader's firmware does not know our
            // commands, the line broke, or pcscd was started again without escapes.
            Err(ControlError::Failed | ControlError::Unsupported) => {
                self.escape = None;
                self.escape()?;
                return Err(if self.identity.is_none() { self.not_ours() } else { BoardError::Silent });
            }
            Err(error) => {
                self.forget();
                return Err(BoardError::Channel(error));
            }
        };
        let answer = match Answer::parse(&bytes) {
            Ok(answer) => answer,
            Err(_) if self.identity.is_none() => return Err(self.not_ours()),
            Err(problem) => return Err(BoardError::Answer(problem)),
        };
        match answer.status {
            Status::Done => Ok(Zeroizing::new(answer.body.to_vec())),
            Status::UnknownVersion => Err(BoardError::OtherVersion),
            Status::UpdateRefused => Err(BoardError::UpdateRefused {
                reason: answer.body.first().and_then(|code| UpdateRefusal::from_byte(*code)),
            }),
            status => Err(BoardError::Refused(status)),
        }
    }

    /// The driver's control code of escapes.
    fn escape(&mut self) -> Result<u32, BoardError> {
        if let Some(code) = self.escape {
            return Ok(code);
        }
        let features = match self.channel.control(control_code(GET_FEATURE), &[]) {
            Ok(features) => features,
            Err(ControlError::Unsupported | ControlError::Failed) => return Err(self.not_ours()),
            Err(error) => return Err(BoardError::Channel(error)),
        };
        match feature(&features, FEATURE_ESCAPE) {
            Some(code) => {
                self.escape = Some(code);
                Ok(code)
            }
            // A driver that knows the question and has no escapes was told to have none.
            None => Err(BoardError::EscapesOff { reader: self.channel.name().to_owned() }),
        }
    }

    /// The next call finds out anew what is behind the channel.
    fn forget(&mut self) {
        (self.escape, self.identity) = (None, None);
    }

    fn not_ours(&self) -> BoardError {
        BoardError::NotOurs { reader: self.channel.name().to_owned() }
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Board").field(&self.name()).finish()
    }
}

/// Asks again for as long as the board says that it is busy, within [`BUSY_LIMIT`].
fn while_busy<T>(mut ask: impl FnMut() -> Result<T, BoardError>) -> Result<T, BoardError> {
    let end = Instant::now() + BUSY_LIMIT;
    loop {
        match ask() {
            Err(BoardError::Refused(Status::Busy)) if Instant::now() < end => thread::sleep(BUSY_PAUSE),
            result => return result,
        }
    }
}

/// The code of this number on this system.
fn control_code(number: u32) -> u32 {
    // The type is the platform's; codes have 32 bits on all of them.
    #[allow(clippy::unnecessary_cast, reason = "the library's word has 64 bits here and 32 elsewhere")]
    {
        pcsc::ctl_code(number.into()) as u32
    }
}

/// The control code of a feature in a driver's list. Source: PC/SC part 10 §2.2.
fn feature(list: &[u8], tag: u8) -> Option<u32> {
    list.chunks_exact(FEATURE_BYTES).find_map(|feature| match feature {
        [found, 4, a, b, c, d] if *found == tag => Some(u32::from_be_bytes([*a, *b, *c, *d])),
        _ => None,
    })
}

fn read<B: Body>(body: &[u8]) -> Result<B, BoardError> {
    let answer = Answer { status: Status::Done, body };
    answer.read().map_err(BoardError::Answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_found_in_any_list() {
        // As libccid 1.5.2 answers for a reader without keys, escapes allowed; and without.
        let list = [0x12, 4, 0x42, 0x33, 0, 0x12, 0x13, 4, 0x42, 0, 0, 1];
        assert_eq!(feature(&list, FEATURE_ESCAPE), Some(0x4200_0001));
        assert_eq!(feature(&list[..6], FEATURE_ESCAPE), None);
        for cut in 0..list.len() {
            assert_eq!(feature(&list[..cut], FEATURE_ESCAPE), None, "cut after {cut}");
        }
        assert_eq!(feature(&[0x13, 3, 1, 2, 3, 4], FEATURE_ESCAPE), None, "a length that no code has");
    }
}
