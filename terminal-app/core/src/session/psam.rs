//! The terminal's security module (PSAM): keys of cards derived inside of it, purchases sealed by it.

use card_spec::{
    account::SamAnswer,
    atr::Atr,
    command::{BinaryReference, Body, Command, SamAccountPurchase, Selection},
    file::FileId,
    generation::Algorithm,
    key::{CardFactors, KeyName, PsamKey, card_key},
    psam::{
        APPLICATION, CipherMode, Factors, KEY_INDEX_FILE, PUBLIC_INFORMATION_FILE, PsamSerial, SERIAL_BYTES,
        SM4_TWIN, TERMINAL_NUMBER_FILE, TerminalNumber,
    },
    status::StatusWord,
    suite::Mac,
};
use protocol::{id::TerminalId, signature::Digest};

use super::{
    channel::{Answer, Channel},
    error::{Chip, SessionError, Step},
};

/// A PSAM that has been taken up: powered, known to be this terminal's, its application selected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Psam {
    pub(super) terminal: TerminalNumber,
    pub(super) purchase_key_index: u8,
    /// Hash of what tells this module from others.
    pub(super) identity: Digest,
    /// Its number; `None` for a module that tells none.
    pub(super) serial: Option<PsamSerial>,
}

impl Psam {
    /// Powers it on, compares the terminal number, reads the index of the purchase key.
    ///
    /// Errors: `NoPsam`, `OtherPsam`, `Status`, `Data`, `Slot`.
    pub(super) fn open(channel: &mut Channel<'_>, expected: TerminalId) -> Result<Self, SessionError> {
        let mut identity = channel.power_on()?;
        let historical = Atr::parse(&identity).ok().and_then(|atr| atr.social_security_bytes());
        let mut serial = PsamSerial::of(None, historical.map(|bytes| bytes.serial()));
        let step = Step::Select;
        channel.expect(step, &Command::Select(Selection::ById(FileId::MF)))?;
        let number = read(
            channel,
            Command::ReadBinary {
                at: BinaryReference::File { file: TERMINAL_NUMBER_FILE, offset: 0 },
                le: 6,
            },
        )?;
        let terminal = TerminalNumber(exact(channel, Step::TerminalNumber, number.data())?);
        // A machine that is used for training keeps the module of its real terminal.
        if !expected.is_training() && TerminalId::from_bcd(terminal.0) != Ok(expected) {
            return Err(SessionError::OtherPsam);
        }
        // Not every module has it; its answer to reset has to do then.
        let at = BinaryReference::File { file: PUBLIC_INFORMATION_FILE, offset: 0 };
        let public = Command::ReadBinary { at, le: SERIAL_BYTES as u8 };
        let public = channel.command(Step::TerminalNumber, &public)?;
        if public.status().is_success() {
            identity.extend_from_slice(public.data());
            serial = PsamSerial::of(Some(public.data()), None).or(serial);
        }
        channel.expect(step, &Command::Select(Selection::ByName(APPLICATION)))?;
        let index = read(
            channel,
            Command::ReadBinary { at: BinaryReference::File { file: KEY_INDEX_FILE, offset: 0 }, le: 1 },
        )?;
        let [purchase_key_index] = exact(channel, Step::TerminalNumber, index.data())?;
        Ok(Psam { terminal, purchase_key_index, identity: Digest::of(&identity), serial })
    }

    /// Eight bytes of authentication under a card's key: session key from `challenge`, then `data`.
    ///
    /// Two commands. Errors: `PsamLacksAlgorithm`, `PsamLacksReadKey`, `PsamKeyLevel`, `PsamLocked`, `NoPsam`,
    /// `Status`, `Data`, `Slot`.
    pub(super) fn cryptogram(
        &self,
        channel: &mut Channel<'_>,
        name: KeyName,
        algorithm: Algorithm,
        factors: &CardFactors,
        challenge: &[u8; 8],
        data: &[u8; 8],
    ) -> Result<[u8; 8], SessionError> {
        self.deliver(channel, name, algorithm, factors, challenge)?;
        match algorithm {
            Algorithm::TripleDes => self.cipher(channel, CipherMode::Encipher, data),
            Algorithm::Sm4 => {
                let mut block = [0; 16];
                block[..8].copy_from_slice(data);
                let wide: [u8; 16] = self.cipher(channel, CipherMode::Encipher, &block)?;
                // How sixteen bytes become the eight that the commands carry.
                Ok(std::array::from_fn(|at| wide[at] ^ wide[at + 8]))
            }
        }
    }

    /// Derives a card's key and, from the card's challenge, a session key; it is then the working key.
    pub(super) fn deliver(
        &self,
        channel: &mut Channel<'_>,
        name: KeyName,
        algorithm: Algorithm,
        factors: &CardFactors,
        challenge: &[u8; 8],
    ) -> Result<(), SessionError> {
        let key = root(name, algorithm).ok_or(SessionError::NoSuchKey)?;
        let factors = Factors::new(factors.levels(key.usage.levels()))
            .map_err(|problem| SessionError::Command { step: Step::DeliverKey, problem })?;
        let command = Command::DeliverSessionKey { key, factors, challenge: *challenge };
        let answer = channel.command(Step::DeliverKey, &command)?;
        match answer.status() {
            StatusWord::SUCCESS => Ok(()),
            StatusWord::KEY_NOT_FOUND if name == KeyName::RKSSSE && algorithm == Algorithm::TripleDes => {
                Err(SessionError::PsamLacksReadKey)
            }
            StatusWord::KEY_NOT_FOUND if algorithm == Algorithm::Sm4 => {
                Err(self.which_is_missing(channel, name))
            }
            StatusWord::KEY_NOT_FOUND
            | StatusWord::KEY_INDEX_NOT_SUPPORTED
            | StatusWord::WRONG_LENGTH
            | StatusWord::WRONG_DATA => Err(SessionError::PsamKeyLevel),
            StatusWord::AUTHENTICATION_BLOCKED | StatusWord::APPLICATION_LOCKED => {
                Err(SessionError::PsamLocked)
            }
            got => Err(channel.refused(Step::DeliverKey, got)),
        }
    }

    /// A PSAM without the SM4 key of internal authentication has no SM4 at all; one that has it lacks only
    /// the key that was asked for.
    fn which_is_missing(&self, channel: &mut Channel<'_>, name: KeyName) -> SessionError {
        if name != KeyName::RKSSSE {
            return SessionError::PsamLacksAlgorithm;
        }
        let Some(key) = root(KeyName::IRK, Algorithm::Sm4) else { return SessionError::PsamLacksReadKey };
        let factors = [[0; 8]; 3].map(card_spec::key::Factor::new);
        let Ok(factors) = Factors::new(&factors[..usize::from(key.usage.levels()).min(3)]) else {
            return SessionError::PsamLacksReadKey;
        };
        let probe = Command::DeliverSessionKey { key, factors, challenge: [0; 8] };
        match channel.command(Step::DeliverKey, &probe) {
            Ok(answer) if answer.status() == StatusWord::KEY_NOT_FOUND => SessionError::PsamLacksAlgorithm,
            _ => SessionError::PsamLacksReadKey,
        }
    }

    /// MAC under a card's whole key, from zero, first four bytes: what the card identification code carries.
    ///
    /// Errors: as for [`Psam::deliver`].
    pub(super) fn static_mac(
        &self,
        channel: &mut Channel<'_>,
        name: KeyName,
        algorithm: Algorithm,
        factors: &CardFactors,
        data: &[u8],
    ) -> Result<Mac, SessionError> {
        let key = root(name, algorithm).ok_or(SessionError::NoSuchKey)?;
        let factors = Factors::new(factors.levels(key.usage.levels()))
            .map_err(|problem| SessionError::Command { step: Step::DeliverKey, problem })?;
        channel.expect(Step::DeliverKey, &Command::DeliverKey { key, factors })?;
        let block_bytes = match algorithm {
            Algorithm::TripleDes => 8,
            Algorithm::Sm4 => 16,
        };
        let mut message = vec![0; block_bytes];
        message.extend_from_slice(data);
        message.push(0x80);
        message.resize(message.len().next_multiple_of(block_bytes), 0);
        self.mac(channel, &message)
    }

    /// MAC under the working key, first four bytes; `message` begins with the start value and is padded.
    pub(super) fn mac(&self, channel: &mut Channel<'_>, message: &[u8]) -> Result<Mac, SessionError> {
        let command = Command::CipherData { mode: CipherMode::MacSingle, data: Body(message) };
        let answer = channel.expect(Step::Cipher, &command)?;
        match answer.data() {
            [a, b, c, d, ..] => Ok([*a, *b, *c, *d]),
            short => Err(channel.damaged(
                Step::Cipher,
                card_spec::Error::Truncated {
                    part: card_spec::Part::ResponseApdu,
                    expected: 4,
                    got: short.len(),
                },
            )),
        }
    }

    /// Enciphers, or makes a MAC, under the working key; start value and padding are the caller's.
    pub(super) fn cipher<const N: usize>(
        &self,
        channel: &mut Channel<'_>,
        mode: CipherMode,
        data: &[u8],
    ) -> Result<[u8; N], SessionError> {
        let answer = channel.expect(Step::Cipher, &Command::CipherData { mode, data: Body(data) })?;
        exact(channel, Step::Cipher, answer.data())
    }

    /// Begins a purchase from the medical account: gives the PSAM's serial and MAC1.
    ///
    /// Tried with the city's factor first, then, for a PSAM that holds the city's own root, without.
    /// Errors: `PsamLacksPurchase`, `PsamLacksAlgorithm`, `PsamLocked`, `Status`, `Data`, `Slot`.
    pub(super) fn begin_purchase(
        &self,
        channel: &mut Channel<'_>,
        purchase: SamAccountPurchase,
    ) -> Result<SamAnswer, SessionError> {
        let step = Step::PsamPurchase;
        let mut answer = channel.command(step, &Command::InitializeSamForAccount(purchase))?;
        if matches!(answer.status(), StatusWord::WRONG_LENGTH | StatusWord::WRONG_DATA) {
            let city_root = SamAccountPurchase { city: None, ..purchase };
            answer = channel.command(step, &Command::InitializeSamForAccount(city_root))?;
        }
        match answer.status() {
            StatusWord::SUCCESS => {
                SamAnswer::parse(answer.data()).map_err(|problem| channel.damaged(step, problem))
            }
            StatusWord::KEY_INDEX_NOT_SUPPORTED => Err(SessionError::PsamLacksPurchase),
            StatusWord::KEY_NOT_FOUND if purchase.algorithm_id == Algorithm::Sm4.id() => {
                Err(SessionError::PsamLacksAlgorithm)
            }
            StatusWord::KEY_NOT_FOUND => Err(SessionError::PsamLacksPurchase),
            StatusWord::AUTHENTICATION_BLOCKED | StatusWord::APPLICATION_LOCKED => {
                Err(SessionError::PsamLocked)
            }
            got => Err(channel.refused(step, got)),
        }
    }

    /// Has the PSAM check the card's MAC2. Sent once: a wrong one counts against the PSAM.
    ///
    /// Errors: `PurchaseMac`, `PsamLocked`, `Status`, `Slot`.
    pub(super) fn check_purchase(&self, channel: &mut Channel<'_>, mac2: Mac) -> Result<(), SessionError> {
        let answer = channel.command(Step::PsamCredit, &Command::CreditSam { mac2 })?;
        match answer.status() {
            StatusWord::SUCCESS => Ok(()),
            StatusWord::TRANSACTION_MAC_WRONG => Err(SessionError::PurchaseMac),
            StatusWord::AUTHENTICATION_BLOCKED | StatusWord::APPLICATION_LOCKED => {
                Err(SessionError::PsamLocked)
            }
            got => Err(channel.refused(Step::PsamCredit, got)),
        }
    }
}

/// Where the root of a card's key lies in the PSAM.
fn root(name: KeyName, algorithm: Algorithm) -> Option<PsamKey> {
    let key = card_key(name)?.psam?;
    Some(match algorithm {
        Algorithm::TripleDes => key,
        Algorithm::Sm4 => PsamKey { id: key.id.wrapping_add(SM4_TWIN), ..key },
    })
}

fn read(channel: &mut Channel<'_>, command: Command<'_>) -> Result<Answer, SessionError> {
    channel.expect(Step::TerminalNumber, &command)
}

fn exact<const N: usize>(channel: &Channel<'_>, step: Step, data: &[u8]) -> Result<[u8; N], SessionError> {
    data.try_into().map_err(|_| {
        channel.damaged(
            step,
            card_spec::Error::Truncated { part: card_spec::Part::ResponseApdu, expected: N, got: data.len() },
        )
    })
}

impl SessionError {
    /// Whether the PSAM in the terminal cannot serve this card, so that the center's security module should.
    ///
    /// Source: the terminal interface goes on to the center for no PSAM, no algorithm, no RKSSSE, no key and
    /// too low a level, and for nothing else.
    pub fn needs_other_security_module(&self) -> bool {
        matches!(self, Self::NoPsam | Self::PsamLacksAlgorithm | Self::PsamLacksReadKey | Self::PsamKeyLevel)
            || matches!(self, Self::Status { chip: Chip::Psam, got: StatusWord::KEY_NOT_FOUND, .. })
    }
}
