//! A card that behaves as a card.
//!
//! What the card keeps is in its memory and changes only in whole updates; what it knows of the session
//! (selected file, rights, challenge, started transaction) is gone with power. The life-cycle gate stands
//! before everything else, and each group of commands has a file of its own.

mod account;
mod authenticate;
mod block;
mod finger;
mod layout;
mod pin;
mod read;
mod select;
mod timing;
mod transact;
mod wallet;
mod write;

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use card_spec::{
    apdu::{ANSWER_DATA_BYTES_MAX, CommandApdu},
    command::{Command, LE_ANY},
    generation::Algorithm,
    status::StatusWord,
    suite::{Mac, Suite},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

pub use self::timing::{Pace, ResponseTimes};
use self::{layout::Layout, transact::Transaction};
use crate::{
    chip::{Chip, PowerLost, Traffic},
    eeprom::{Eeprom, EepromError, PowerCut, Update},
    error::SimError,
    image::{self, CardImage, CardPolicy, Hex, HexByte, Image, InterruptedImage, Life},
};

/// Bytes of the longest challenge.
const CHALLENGE_BYTES_MAX: usize = 16;

const INS_APPLICATION_UNBLOCK: u8 = 0x18;
const INS_EXTERNAL_AUTHENTICATE: u8 = 0x82;
const INS_GET_CHALLENGE: u8 = 0x84;
const INS_SELECT: u8 = 0xA4;

/// A simulated card.
pub struct Card {
    memory: Eeprom,
    layout: Layout,
    atr: Vec<u8>,
    algorithm: u8,
    /// `None` for a cipher that is not known here: such a card refuses everything that needs one.
    suite: Option<Suite>,
    policy: CardPolicy,
    random: ChaCha8Rng,
    /// Random bytes to come before those of the generator.
    given_random: VecDeque<u8>,
    session: Session,
    traffic: Traffic,
    times: ResponseTimes,
    /// Cipher blocks that the present command has computed.
    blocks: u64,
    pace: Option<Pace>,
    file: Option<Kept>,
}

/// Where the card is kept between runs.
struct Kept {
    path: PathBuf,
    programmed_bytes: u64,
    failure: Option<SimError>,
}

/// What is gone with power.
#[derive(Default)]
struct Session {
    on: bool,
    directory: usize,
    file: Option<usize>,
    rights: BTreeSet<Granted>,
    challenge: Option<Vec<u8>>,
    waiting: Option<Waiting>,
    transaction: Option<Transaction>,
}

/// Data that GET RESPONSE fetches, with the status word that comes with the last of it.
struct Waiting {
    data: Vec<u8>,
    status: StatusWord,
}

/// Something proved in this session, and the directory it was proved in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Granted {
    Pin { directory: usize },
    Finger { directory: usize },
    Key { directory: usize, key: usize },
}

impl Granted {
    fn directory(self) -> usize {
        match self {
            Self::Pin { directory } | Self::Finger { directory } | Self::Key { directory, .. } => directory,
        }
    }
}

/// What a command that was carried out answers.
enum Answer {
    /// Nothing but 9000.
    Done,
    /// Data of a command without data of its own: all of it, and Le has to be right.
    Exact(Vec<u8>),
    /// Data of a command that has sent data: T=0 has it fetched.
    Fetch(Vec<u8>),
    /// The same with a warning instead of 9000.
    Warning(Vec<u8>, StatusWord),
    /// Exactly this.
    Given(Vec<u8>, StatusWord),
}

/// Why a command was not carried out.
enum Stop {
    /// Answered with this status word.
    Refused(StatusWord),
    /// Not answered at all.
    PowerLost,
}

impl From<StatusWord> for Stop {
    fn from(status: StatusWord) -> Self {
        Self::Refused(status)
    }
}

impl From<EepromError> for Stop {
    fn from(error: EepromError) -> Self {
        match error {
            EepromError::PowerLost => Self::PowerLost,
            EepromError::Full { .. } | EepromError::Worn => Self::Refused(StatusWord::MEMORY_FAILURE),
        }
    }
}

type Executed = Result<Answer, Stop>;

/// A command that may carry a MAC: what the MAC covers, and the MAC.
struct Protected<'a> {
    header: [u8; 4],
    data: &'a [u8],
    mac: Option<Mac>,
}

impl Protected<'_> {
    /// A command with nothing but a MAC.
    fn empty(header: [u8; 4], mac: Mac) -> Self {
        Self { header, data: &[], mac: Some(mac) }
    }
}

impl Card {
    /// A card with this content; its random numbers come from `seed`.
    ///
    /// Errors: `Image` when the content cannot be a card's.
    pub fn new(image: &CardImage, seed: u64) -> Result<Self, SimError> {
        let mut memory = Eeprom::new();
        let layout = Layout::new(image, &mut memory)?;
        memory.set_worn(image.worn);
        let suite = Algorithm::from_id(Some(image.algorithm.0)).ok().map(Suite::from);
        Ok(Self {
            memory,
            layout,
            atr: image.atr.0.clone(),
            algorithm: image.algorithm.0,
            suite,
            policy: image.policy,
            random: ChaCha8Rng::seed_from_u64(seed),
            given_random: VecDeque::new(),
            session: Session::default(),
            traffic: Traffic::default(),
            times: ResponseTimes::default(),
            blocks: 0,
            pace: None,
            file: None,
        })
    }

    /// The card in an image file; every change goes back into the file at once.
    ///
    /// `seed` should be another each time, or challenges come again. Errors: as for [`image::load`], and
    /// `Image` when the file holds a PSAM.
    pub fn open(path: &Path, seed: u64) -> Result<Self, SimError> {
        match image::load(path)? {
            Image::Card(image) => {
                let mut card = Self::new(&image, seed)?;
                card.file = Some(Kept { path: path.to_owned(), programmed_bytes: 0, failure: None });
                Ok(card)
            }
            Image::Psam(_) => Err(SimError::Image { problem: "it is a PSAM, not a card".to_owned() }),
        }
    }

    /// What the card holds now, an interrupted update included.
    pub fn image(&self) -> CardImage {
        CardImage {
            note: self.layout.note.clone(),
            atr: Hex(self.atr.clone()),
            algorithm: HexByte(self.algorithm),
            policy: self.policy,
            blocked: self.is_blocked(),
            worn: self.memory.is_worn(),
            root: self.layout.root_image(&self.memory),
            interrupted: InterruptedImage::of(&self.memory),
        }
    }

    /// Lets commands take as long as on a real card and a real line; `None` answers at once.
    pub fn set_pace(&mut self, pace: Option<Pace>) {
        self.pace = pace;
    }

    /// Another model of how long the card thinks.
    pub fn set_response_times(&mut self, times: ResponseTimes) {
        self.times = times;
    }

    /// Makes these the card's next random bytes, so that a recorded dialogue can be played again.
    pub fn give_random(&mut self, bytes: &[u8]) {
        self.given_random.extend(bytes);
    }

    /// Bytes programmed into memory since the card was made: where a [`PowerCut`] can fall.
    pub fn programmed_bytes(&self) -> u64 {
        self.memory.programmed_bytes()
    }

    /// Why the image file could not be written the last time, if it could not.
    pub fn take_store_failure(&mut self) -> Option<SimError> {
        self.file.as_mut()?.failure.take()
    }

    fn is_blocked(&self) -> bool {
        self.memory.read(self.layout.blocked)[0] != 0
    }

    fn execute(&mut self, bytes: &[u8]) -> Executed {
        let apdu = CommandApdu::parse(bytes).map_err(|_| StatusWord::WRONG_LENGTH)?;
        if apdu.is_extended() {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let header = [apdu.cla, apdu.ins, apdu.p1, apdu.p2];
        let command = Command::from_apdu(&apdu);
        if let Ok(Command::GetResponse { le }) = command {
            return self.get_response(le);
        }
        // Whatever comes, an answer that was not fetched is gone, and so is a transaction begun.
        self.session.waiting = None;
        let transaction = self.session.transaction.take();
        let executed = self
            .gate(apdu.ins)
            .and_then(|()| self.dispatch(header, command.map_err(Stop::Refused)?, transaction));
        if apdu.ins != INS_GET_CHALLENGE && self.policy.challenge_lives_one_command {
            self.session.challenge = None;
        }
        executed
    }

    /// Life cycle: what a blocked card and a blocked application still do.
    fn gate(&self, instruction: u8) -> Result<(), Stop> {
        if self.is_blocked() {
            return Err(StatusWord::NOT_SUPPORTED.into());
        }
        // SELECT leaves a blocked application; the others are the way to unblock it.
        let unblocks = [INS_GET_CHALLENGE, INS_EXTERNAL_AUTHENTICATE, INS_APPLICATION_UNBLOCK];
        match self.layout.life(self.session.directory, &self.memory) {
            _ if instruction == INS_SELECT => Ok(()),
            Life::Active => Ok(()),
            Life::Blocked if unblocks.contains(&instruction) => Ok(()),
            Life::Blocked => Err(StatusWord::CONDITIONS_OF_USE.into()),
            Life::Terminated => Err(StatusWord::APPLICATION_LOCKED.into()),
        }
    }

    fn dispatch(
        &mut self,
        header: [u8; 4],
        command: Command<'_>,
        transaction: Option<Transaction>,
    ) -> Executed {
        match command {
            Command::Select(selection) => self.select(selection),
            Command::ReadRecord { record, le } => self.read_record(record, le),
            Command::ReadBinary { at, le } => self.read_binary(at, le),
            Command::UpdateRecord { record, data, mac } => {
                self.update_record(record, &Protected { header, data: data.0, mac })
            }
            Command::UpdateBinary { at, data, mac } => {
                self.update_binary(at, &Protected { header, data: data.0, mac })
            }
            Command::AppendRecord { file, data, mac } => {
                self.append_record(file, &Protected { header, data: data.0, mac })
            }
            Command::GetChallenge { le } => self.get_challenge(le),
            Command::InternalAuthenticate { factor, data, version } => {
                self.internal_authenticate(&factor, &data, version)
            }
            Command::ExternalAuthenticate { key, cryptogram, data, version } => {
                self.external_authenticate(key, &cryptogram, &data, version)
            }
            Command::Verify { pin } => self.verify(&pin),
            Command::PinTries => self.pin_tries(),
            Command::ChangePin { old, new } => self.change_pin(&old, &new),
            Command::PinUnblock { mac } => self.unblock_pin(&Protected::empty(header, mac)),
            Command::PinReset { pin, mac } => {
                self.reset_pin(&Protected { header, data: pin.as_bytes(), mac: Some(mac) })
            }
            Command::CardBlock { mac } => self.block_card(&Protected::empty(header, mac)),
            Command::ApplicationBlock { permanent, mac } => {
                self.block_application(permanent, &Protected::empty(header, mac))
            }
            Command::ApplicationUnblock { mac } => self.unblock_application(&Protected::empty(header, mac)),
            Command::GetAccountBalance(kind) => self.account_balance(kind),
            Command::InitializeAccountLoad(request) => self.account_initialize_load(&request),
            Command::CreditAccount(credit) => self.account_credit(&credit, transaction),
            Command::InitializeAccountPurchase(request) => self.account_initialize_purchase(&request),
            Command::DebitAccount(debit) => self.account_debit(&debit, transaction),
            Command::GetWalletBalance(purse) => self.wallet_balance(purse),
            Command::InitializeWalletLoad { purse, request } => self.wallet_initialize_load(purse, &request),
            Command::CreditWallet(credit) => self.wallet_credit(&credit, transaction),
            Command::InitializeWalletPurchase { purse, request } => {
                self.wallet_initialize_purchase(purse, &request)
            }
            Command::DebitWallet(debit) => self.wallet_debit(&debit, transaction),
            Command::GetTransactionProof { transaction_type, serial } => {
                self.transaction_proof(transaction_type, serial)
            }
            Command::VerifyFinger { position, minutiae } => self.verify_finger(position, minutiae.0),
            Command::FingerTries { position } => self.finger_tries(position),
            Command::FingerUnblock { mac } => self.unblock_finger(&Protected::empty(header, mac)),
            // Fetched before; or a PSAM's.
            Command::GetResponse { .. }
            | Command::DeliverSessionKey { .. }
            | Command::DeliverKey { .. }
            | Command::CipherData { .. }
            | Command::InitializeSamForAccount(_)
            | Command::InitializeSamForWallet(_)
            | Command::CreditSam { .. } => Err(match header[0] {
                0xBF => StatusWord::CLASS_NOT_SUPPORTED,
                _ => StatusWord::INSTRUCTION_NOT_SUPPORTED,
            }
            .into()),
        }
    }

    fn get_response(&mut self, le: u8) -> Executed {
        let waiting = self.session.waiting.take().ok_or(StatusWord::CONDITIONS_OF_USE)?;
        let there = waiting.data.len();
        let wanted = if le == LE_ANY { there.min(ANSWER_DATA_BYTES_MAX) } else { usize::from(le) };
        if wanted > there {
            self.session.waiting = Some(waiting);
            return Err(StatusWord::right_length(there as u16).into());
        }
        let Waiting { mut data, status } = waiting;
        let rest = data.split_off(wanted);
        if rest.is_empty() {
            return Ok(Answer::Given(data, status));
        }
        let more = StatusWord::waiting(rest.len().min(ANSWER_DATA_BYTES_MAX) as u16);
        self.session.waiting = Some(Waiting { data: rest, status });
        Ok(Answer::Given(data, more))
    }

    /// Turns what a command gave into what goes over the line.
    fn finish(&mut self, command: &[u8], executed: Executed) -> Result<Vec<u8>, PowerLost> {
        // The parse is known to succeed where there is data to give.
        let le = CommandApdu::parse(command).ok().and_then(|command| command.le);
        let with = |mut data: Vec<u8>, status: StatusWord| {
            data.extend_from_slice(&status.0.to_be_bytes());
            data
        };
        Ok(match executed {
            Err(Stop::PowerLost) => return Err(PowerLost),
            Err(Stop::Refused(status)) => with(Vec::new(), status),
            Ok(Answer::Done) => with(Vec::new(), StatusWord::SUCCESS),
            Ok(Answer::Exact(data)) if le.is_some_and(|le| le != 256 && le as usize != data.len()) => {
                with(Vec::new(), StatusWord::right_length(data.len() as u16))
            }
            Ok(Answer::Exact(data)) => with(data, StatusWord::SUCCESS),
            Ok(Answer::Given(data, status)) => with(data, status),
            Ok(Answer::Fetch(data)) => self.let_fetch(le, data, StatusWord::SUCCESS),
            Ok(Answer::Warning(data, status)) => self.let_fetch(le, data, status),
        })
    }

    fn let_fetch(&mut self, le: Option<u32>, mut data: Vec<u8>, status: StatusWord) -> Vec<u8> {
        if self.policy.answers_directly && le.is_some() {
            data.extend_from_slice(&status.0.to_be_bytes());
            return data;
        }
        let now = match status {
            StatusWord::SUCCESS => StatusWord::waiting(data.len() as u16),
            warning => warning,
        };
        self.session.waiting = Some(Waiting { data, status });
        now.0.to_be_bytes().to_vec()
    }

    /// Whether these rights have been proved, seen from the selected directory.
    fn has(&self, right: image::Right) -> bool {
        let here = self.session.directory;
        match right {
            image::Right::Pin => {
                let directory = self.layout.environment_of(here);
                self.session.rights.contains(&Granted::Pin { directory })
            }
            image::Right::Key(id) => self.key_by_id(id.0).is_some_and(|(directory, key)| {
                self.session.rights.contains(&Granted::Key { directory, key })
            }),
        }
    }

    /// The key that an identifier means here: below 80 a key of the environment, else of the directory.
    fn key_by_id(&self, id: u8) -> Option<(usize, usize)> {
        let here = self.session.directory;
        let directory = if id < 0x80 { self.layout.environment_of(here) } else { here };
        let keys = &self.layout.directories[directory].keys;
        let key = keys.iter().position(|key| key.id == Some(id) && key.usage == image::KeyUse::External)?;
        Some((directory, key))
    }

    fn random_bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count.min(CHALLENGE_BYTES_MAX)];
        self.random.fill_bytes(&mut bytes);
        for byte in &mut bytes {
            *byte = self.given_random.pop_front().unwrap_or(*byte);
        }
        bytes
    }

    /// The cipher; a card whose cipher is not known here does nothing that needs one.
    fn suite(&self) -> Result<Suite, Stop> {
        self.suite.ok_or(Stop::Refused(StatusWord::NOT_SUPPORTED))
    }

    fn commit(&mut self, update: &Update) -> Result<(), Stop> {
        Ok(self.memory.commit(update)?)
    }

    fn store(&mut self) {
        let now = self.memory.programmed_bytes();
        let Some(kept) = self.file.as_ref().filter(|kept| kept.programmed_bytes != now) else { return };
        let result = image::save(&kept.path, &Image::Card(self.image()));
        if let Some(kept) = &mut self.file {
            kept.programmed_bytes = now;
            kept.failure = result.err();
        }
    }
}

impl Chip for Card {
    fn power_on(&mut self) -> Result<Vec<u8>, PowerLost> {
        self.session = Session::default();
        let recovered = self.memory.recover();
        self.store();
        recovered.map_err(|_| PowerLost)?;
        self.session.on = true;
        Ok(self.atr.clone())
    }

    fn power_off(&mut self) {
        self.session = Session::default();
    }

    fn atr(&self) -> Vec<u8> {
        self.atr.clone()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, PowerLost> {
        if !self.session.on {
            if self.memory.is_dark() {
                return Err(PowerLost);
            }
            // A reader that forgot to power the card has an interface that does it.
            self.power_on()?;
        }
        let programmed_before = self.memory.programmed_bytes();
        self.blocks = 0;
        let executed = self.execute(command);
        let finished = self.finish(command, executed);
        let programmed = self.memory.programmed_bytes() - programmed_before;
        let chip_us = self.times.of_command(self.blocks, programmed);
        let before = self.traffic;
        self.traffic.count(command, finished.as_deref().unwrap_or_default(), chip_us);
        self.store();
        if finished.is_err() {
            self.session = Session::default();
        }
        if let Some(pace) = self.pace {
            thread::sleep(Duration::from_micros(pace.of(&self.traffic.since(&before))));
        }
        finished
    }

    fn plan_cut(&mut self, cut: Option<PowerCut>) {
        self.memory.plan_cut(cut);
    }

    fn traffic(&self) -> Traffic {
        self.traffic
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Card").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}
