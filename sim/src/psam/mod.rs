//! A PSAM: the security module in the reader's second slot.
//!
//! It derives keys of cards from roots that never leave it, enciphers and makes MACs with them, and
//! numbers purchases. The number is raised in memory before the answer goes out, so that none comes twice.

mod working;

use std::{
    fmt,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use card_spec::{
    apdu::CommandApdu,
    command::{BinaryReference, Command, LE_ANY, SamAccountPurchase, SamWalletPurchase, Selection},
    fci::Fci,
    file::ApplicationName,
    generation::Algorithm,
    key::{Factor, Key128, PsamKey},
    pin::PinField,
    psam::{
        APPLICATION, APPLICATION_FILE, CipherMode, Factors, KEY_INDEX_FILE, PUBLIC_INFORMATION_FILE,
        TERMINAL_NUMBER_FILE, TERMINAL_SERIAL_FILE,
    },
    status::StatusWord,
    suite::{Mac, Suite},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use self::working::{Working, WorkingKey};
use crate::{
    card::{Pace, ResponseTimes},
    chip::{Chip, PowerLost, Traffic},
    eeprom::{Cell, Eeprom, EepromError, PowerCut, Update},
    error::SimError,
    image::{self, Hex, HexArray, Image, InterruptedImage, PinImage, PsamImage, PsamKeyImage},
};

/// Tries for the MAC of CREDIT_SAM.
const CREDIT_TRIES: u8 = 3;
const MF: u16 = 0x3F00;
/// What follows the serial number in the public information: version, kind of key card, version of the commands, one
/// byte of the issuer's own.
const PUBLIC_INFORMATION_REST: [u8; 4] = [0x01, 0x00, 0x01, 0x00];
/// Usage byte of the key for purchases: two levels, purpose purchase.
const PURCHASE_USAGE: u8 = 0x42;

/// A simulated PSAM.
pub struct Psam {
    image: PsamImage,
    memory: Eeprom,
    places: Places,
    random: ChaCha8Rng,
    session: Session,
    traffic: Traffic,
    times: ResponseTimes,
    blocks: u64,
    pace: Option<Pace>,
    file: Option<PathBuf>,
    stored_bytes: u64,
    store_failure: Option<SimError>,
}

/// What changes during the life of a PSAM.
struct Places {
    terminal_serial: Cell,
    credit_tries: Cell,
    pin_tries: Cell,
}

/// What is gone with power.
#[derive(Default)]
struct Session {
    on: bool,
    in_application: bool,
    file: Option<u16>,
    verified: bool,
    working: Option<Working>,
    credit: Option<Credit>,
    waiting: Option<Vec<u8>>,
}

/// A purchase that waits for the card's MAC2.
struct Credit {
    expected: Mac,
}

enum Stop {
    Refused(StatusWord),
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

/// What a command that was carried out answers.
enum Answer {
    Done,
    /// Goes out at once.
    Given(Vec<u8>),
    /// Is fetched.
    Fetch(Vec<u8>),
}

type Executed = Result<Answer, Stop>;

impl Psam {
    /// A PSAM with this content; its random numbers come from `seed`.
    ///
    /// Interrupted memory that is not a PSAM's is left out; [`Psam::open`] refuses it.
    pub fn new(image: &PsamImage, seed: u64) -> Self {
        let mut memory = Eeprom::new();
        let places = Places {
            terminal_serial: memory.allocate(image.terminal_serial.to_be_bytes().to_vec()),
            credit_tries: memory.allocate(vec![image.credit_tries_left]),
            pin_tries: memory.allocate(vec![image.pin.as_ref().map_or(0, |pin| pin.tries_left)]),
        };
        if let Some(interrupted) = &image.interrupted {
            // What does not fit changes nothing.
            let _ = interrupted.restore(&mut memory);
        }
        Self {
            image: image.clone(),
            memory,
            places,
            random: ChaCha8Rng::seed_from_u64(seed),
            session: Session::default(),
            traffic: Traffic::default(),
            times: ResponseTimes::default(),
            blocks: 0,
            pace: None,
            file: None,
            stored_bytes: 0,
            store_failure: None,
        }
    }

    /// The PSAM in an image file; every change goes back into the file at once.
    ///
    /// Errors: as for [`image::load`], and `Image` when the file holds a card.
    pub fn open(path: &Path, seed: u64) -> Result<Self, SimError> {
        match image::load(path)? {
            Image::Psam(image) => {
                let mut psam = Self::new(&image, seed);
                if psam.image().interrupted != image.interrupted {
                    let problem = "the interrupted memory is of another layout".to_owned();
                    return Err(SimError::Image { problem });
                }
                psam.file = Some(path.to_owned());
                Ok(psam)
            }
            Image::Card(_) => Err(SimError::Image { problem: "it is a card, not a PSAM".to_owned() }),
        }
    }

    /// What the PSAM holds now, an interrupted update included.
    pub fn image(&self) -> PsamImage {
        let mut image = self.image.clone();
        image.terminal_serial = self.terminal_serial();
        image.credit_tries_left = self.memory.read(self.places.credit_tries)[0];
        image.pin =
            image.pin.map(|pin| PinImage { tries_left: self.memory.read(self.places.pin_tries)[0], ..pin });
        image.interrupted = InterruptedImage::of(&self.memory);
        image
    }

    /// Lets commands take as long as on a real module and a real line; `None` answers at once.
    pub fn set_pace(&mut self, pace: Option<Pace>) {
        self.pace = pace;
    }

    /// Why the image file could not be written the last time, if it could not.
    pub fn take_store_failure(&mut self) -> Option<SimError> {
        self.store_failure.take()
    }

    fn terminal_serial(&self) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.memory.read(self.places.terminal_serial));
        u32::from_be_bytes(bytes)
    }

    fn execute(&mut self, bytes: &[u8]) -> Executed {
        let apdu = CommandApdu::parse(bytes).map_err(|_| StatusWord::WRONG_LENGTH)?;
        let command = Command::from_apdu(&apdu)?;
        if let Command::GetResponse { le } = command {
            return self.get_response(le);
        }
        self.session.waiting = None;
        let credit = self.session.credit.take();
        match command {
            Command::Select(selection) => self.select(selection),
            Command::ReadBinary { at, le } => self.read_binary(at, le),
            Command::GetChallenge { le } => match le {
                4 | 8 | 16 => {
                    let mut bytes = vec![0; usize::from(le)];
                    self.random.fill_bytes(&mut bytes);
                    Ok(Answer::Given(bytes))
                }
                _ => Err(StatusWord::WRONG_LENGTH.into()),
            },
            Command::Verify { pin } => self.verify(&pin),
            Command::DeliverSessionKey { key, factors, challenge } => {
                let (suite, derived) = self.derive(key, &factors)?;
                self.blocks += 2;
                self.work_with(WorkingKey::Session(suite.session_key(&derived, &challenge)))
            }
            Command::DeliverKey { key, factors } => {
                let (suite, derived) = self.derive(key, &factors)?;
                self.work_with(WorkingKey::Whole(suite, derived))
            }
            Command::CipherData { mode, data } => self.cipher(mode, data.0),
            Command::InitializeSamForAccount(purchase) => self.begin_account_purchase(&purchase),
            Command::InitializeSamForWallet(purchase) => self.begin_wallet_purchase(&purchase),
            Command::CreditSam { mac2 } => self.credit(credit, mac2),
            _ => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED.into()),
        }
    }

    fn get_response(&mut self, le: u8) -> Executed {
        let waiting = self.session.waiting.take().ok_or(StatusWord::CONDITIONS_OF_USE)?;
        if le != LE_ANY && usize::from(le) > waiting.len() {
            let right = StatusWord::right_length(waiting.len() as u16);
            self.session.waiting = Some(waiting);
            return Err(right.into());
        }
        let wanted = if le == LE_ANY { waiting.len() } else { usize::from(le) };
        Ok(Answer::Given(waiting[..wanted].to_vec()))
    }

    /// The MF answers to its identifier and to the environment's name, the application to both of its own.
    fn select(&mut self, selection: Selection) -> Executed {
        let (in_application, name) = match selection {
            Selection::ByName(name) if name == APPLICATION => (true, APPLICATION),
            Selection::ByName(name) if name == ApplicationName::SSSE => (false, name),
            Selection::ByName(_) => return Err(StatusWord::FILE_NOT_FOUND.into()),
            Selection::ById(id) | Selection::FileById(id) if id == APPLICATION_FILE => (true, APPLICATION),
            Selection::ById(id) | Selection::FileById(id) if id.0 == MF => (false, ApplicationName::SSSE),
            Selection::ById(id) | Selection::FileById(id) => {
                self.content(id.0).ok_or(StatusWord::FILE_NOT_FOUND)?;
                self.session.file = Some(id.0);
                return Ok(Answer::Done);
            }
        };
        self.session.in_application = in_application;
        self.session.file = None;
        self.session.working = None;
        let fci = Fci { name: name.as_bytes(), directory: None, algorithm_id: None };
        // Both names have at most 16 bytes.
        Ok(Answer::Fetch(fci.build().map(|bytes| bytes.to_vec()).unwrap_or_default()))
    }

    /// What a file of the selected directory holds, by its full or its short identifier.
    fn content(&self, id: u16) -> Option<Vec<u8>> {
        let short = id & 0x1F;
        let serial_file = TERMINAL_SERIAL_FILE.0 & 0x1F;
        if self.session.in_application {
            match short {
                _ if short == u16::from(KEY_INDEX_FILE.value()) => Some(vec![self.image.purchase_key_index]),
                _ if short == serial_file => Some(self.terminal_serial().to_be_bytes().to_vec()),
                _ => None,
            }
        } else {
            match short {
                _ if short == u16::from(TERMINAL_NUMBER_FILE.value()) => {
                    Some(self.image.terminal_number.0.to_vec())
                }
                _ if short == u16::from(PUBLIC_INFORMATION_FILE.value()) => {
                    let serial = self.image.serial.as_ref()?;
                    Some([&serial.0[..], &PUBLIC_INFORMATION_REST].concat())
                }
                _ => None,
            }
        }
    }

    fn read_binary(&mut self, at: BinaryReference, le: u8) -> Executed {
        let (file, offset) = match at {
            BinaryReference::Current { offset } => {
                (self.session.file.ok_or(StatusWord::NO_CURRENT_FILE)?, usize::from(offset))
            }
            BinaryReference::File { file, offset } => (u16::from(file.value()), usize::from(offset)),
        };
        let content = self.content(file).ok_or(StatusWord::FILE_NOT_FOUND)?;
        self.session.file = Some(file);
        let rest = content.get(offset..).filter(|rest| !rest.is_empty()).ok_or(StatusWord::WRONG_OFFSET)?;
        let wanted = if le == LE_ANY { rest.len() } else { usize::from(le) };
        let bytes = rest.get(..wanted).ok_or(StatusWord::right_length(rest.len() as u16))?;
        Ok(Answer::Given(bytes.to_vec()))
    }

    fn verify(&mut self, given: &PinField) -> Executed {
        let pin = self.image.pin.as_ref().ok_or(StatusWord::KEY_NOT_FOUND)?;
        let (right, tries_max) = (pin.field.0 == given.as_bytes(), pin.tries_max);
        let left = self.memory.read(self.places.pin_tries)[0];
        if left == 0 {
            return Err(StatusWord::AUTHENTICATION_BLOCKED.into());
        }
        self.put(self.places.pin_tries, &[left - 1])?;
        self.session.verified = right;
        if !right {
            return Err(StatusWord::tries(left - 1).into());
        }
        self.put(self.places.pin_tries, &[tries_max])?;
        Ok(Answer::Done)
    }

    /// Keys lie in the application and, where there is a PIN, behind it.
    fn check_use(&self) -> Result<(), Stop> {
        if !self.session.in_application {
            return Err(StatusWord::KEY_NOT_FOUND.into());
        }
        if self.image.pin.is_some() && !self.session.verified {
            return Err(StatusWord::SECURITY_STATUS.into());
        }
        Ok(())
    }

    /// Derives a card's key. The usage byte says how many factors there must be.
    fn derive(&mut self, key: PsamKey, factors: &Factors) -> Result<(Suite, Key128), Stop> {
        self.check_use()?;
        let root = self
            .image
            .keys
            .iter()
            .find(|root| root.usage.0 == key.usage.0 && root.id.0 == key.id)
            .ok_or(StatusWord::KEY_NOT_FOUND)?;
        if factors.as_slice().len() != usize::from(key.usage.levels()) {
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        let (suite, root) = usable(root)?;
        let derived = suite.diversify_levels(&root, factors.as_slice());
        self.blocks += 2 * factors.as_slice().len() as u64;
        Ok((suite, derived))
    }

    fn work_with(&mut self, key: WorkingKey) -> Executed {
        self.session.working = Some(Working::new(key));
        Ok(Answer::Done)
    }

    /// Enciphers whole blocks, or makes a MAC over whole blocks: padding is the caller's.
    fn cipher(&mut self, mode: CipherMode, data: &[u8]) -> Executed {
        self.check_use()?;
        let mut working = self.session.working.take().ok_or(StatusWord::CONDITIONS_OF_USE)?;
        let block = working.key.block_bytes();
        if !data.len().is_multiple_of(block) {
            self.session.working = Some(working);
            return Err(StatusWord::WRONG_LENGTH.into());
        }
        self.blocks += (data.len() / block) as u64;
        let (answer, more) = match mode {
            CipherMode::Encipher | CipherMode::EncipherMore => {
                let mut blocks = data.to_vec();
                working.key.encipher(&mut blocks);
                (blocks, mode == CipherMode::EncipherMore)
            }
            CipherMode::MacSingle | CipherMode::MacFirst => {
                let (start, data) = data.split_at_checked(block).ok_or(StatusWord::WRONG_LENGTH)?;
                working.begin_mac(start);
                working.continue_mac(data);
                (working.mac(), mode == CipherMode::MacFirst)
            }
            CipherMode::MacMore | CipherMode::MacLast => {
                if !working.has_begun_mac() {
                    return Err(StatusWord::CONDITIONS_OF_USE.into());
                }
                working.continue_mac(data);
                (working.mac(), mode == CipherMode::MacMore)
            }
        };
        if more || self.image.policy.keeps_working_key {
            self.session.working = Some(working);
        }
        match mode {
            CipherMode::MacFirst | CipherMode::MacMore => Ok(Answer::Done),
            _ => Ok(Answer::Fetch(answer)),
        }
    }

    fn begin_account_purchase(&mut self, purchase: &SamAccountPurchase) -> Executed {
        let factors: Vec<Factor> = [Some(purchase.card), purchase.city].into_iter().flatten().collect();
        let amounts = purchase.amounts.to_bytes();
        self.begin_purchase(&Begin {
            factors: &factors,
            key_version: purchase.key_version,
            algorithm: purchase.algorithm_id,
            random: purchase.random,
            serial: purchase.serial,
            amounts: &amounts,
            kind: purchase.transaction_type,
            date_time: purchase.date_time.to_cn(),
        })
    }

    fn begin_wallet_purchase(&mut self, purchase: &SamWalletPurchase) -> Executed {
        self.begin_purchase(&Begin {
            factors: purchase.factors.as_slice(),
            key_version: purchase.key_version,
            algorithm: purchase.algorithm_id,
            random: purchase.random,
            serial: purchase.serial,
            amounts: &purchase.amount_fen.to_be_bytes(),
            kind: purchase.transaction_type,
            date_time: purchase.date_time.to_cn(),
        })
    }

    /// Numbers the purchase and makes MAC1: amounts, type, terminal, date and time.
    fn begin_purchase(&mut self, begin: &Begin<'_>) -> Executed {
        self.check_use()?;
        let tries = self.memory.read(self.places.credit_tries)[0];
        if tries == 0 {
            return Err(StatusWord::AUTHENTICATION_BLOCKED.into());
        }
        let root = self
            .image
            .keys
            .iter()
            .find(|root| {
                root.usage.0 & 0x1F == PURCHASE_USAGE & 0x1F
                    && root.version == begin.key_version
                    && root.algorithm.0 == begin.algorithm
            })
            .ok_or(StatusWord::KEY_INDEX_NOT_SUPPORTED)?;
        let (suite, root) = usable(root)?;
        let key = suite.diversify_levels(&root, begin.factors);
        let serial = self.terminal_serial().checked_add(1).ok_or(StatusWord::COUNTER_AT_MAXIMUM)?;
        let serial_bytes = serial.to_be_bytes();
        self.put(self.places.terminal_serial, &serial_bytes)?;
        let tail = [serial_bytes[2], serial_bytes[3]];
        let session = suite.transaction_key(&key, begin.random, begin.serial, tail);
        let mac1 =
            session.mac(&[begin.amounts, &[begin.kind], &self.image.terminal_number.0, &begin.date_time]);
        self.blocks += 8;
        self.session.credit = Some(Credit { expected: session.mac(&[begin.amounts]) });
        Ok(Answer::Fetch([serial_bytes, mac1].concat()))
    }

    /// Checks the card's MAC2. Too many wrong ones in a row lock purchases.
    fn credit(&mut self, credit: Option<Credit>, mac2: Mac) -> Executed {
        let credit = credit.ok_or(StatusWord::INVALID_STATE)?;
        let left = self.memory.read(self.places.credit_tries)[0];
        if credit.expected != mac2 {
            self.put(self.places.credit_tries, &[left.saturating_sub(1)])?;
            return Err(StatusWord::TRANSACTION_MAC_WRONG.into());
        }
        if left != CREDIT_TRIES {
            self.put(self.places.credit_tries, &[CREDIT_TRIES])?;
        }
        Ok(Answer::Done)
    }

    fn put(&mut self, cell: Cell, bytes: &[u8]) -> Result<(), Stop> {
        let mut update = Update::new();
        update.put(cell, 0, bytes);
        Ok(self.memory.commit(&update)?)
    }

    fn store(&mut self) {
        let now = self.memory.programmed_bytes();
        if let Some(path) = self.file.as_ref().filter(|_| self.stored_bytes != now) {
            self.store_failure = image::save(path, &Image::Psam(self.image())).err();
            self.stored_bytes = now;
        }
    }
}

/// What both forms of INIT_SAM_FOR_PURCHASE say.
struct Begin<'a> {
    factors: &'a [Factor],
    key_version: u8,
    algorithm: u8,
    random: [u8; 4],
    serial: u16,
    amounts: &'a [u8],
    kind: u8,
    date_time: [u8; 7],
}

/// A root with its cipher; one of an unknown cipher is as good as none.
fn usable(root: &PsamKeyImage) -> Result<(Suite, Key128), Stop> {
    let algorithm = Algorithm::from_id(Some(root.algorithm.0)).map_err(|_| StatusWord::KEY_NOT_FOUND)?;
    let HexArray(bytes) = root.key;
    Ok((Suite::from(algorithm), Key128::new(bytes)))
}

impl Chip for Psam {
    fn power_on(&mut self) -> Result<Vec<u8>, PowerLost> {
        self.session = Session::default();
        let recovered = self.memory.recover();
        self.store();
        recovered.map_err(|_| PowerLost)?;
        self.session.on = true;
        Ok(self.image.atr.0.clone())
    }

    fn power_off(&mut self) {
        self.session = Session::default();
    }

    fn atr(&self) -> Vec<u8> {
        let Hex(atr) = &self.image.atr;
        atr.clone()
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, PowerLost> {
        if !self.session.on {
            if self.memory.is_dark() {
                return Err(PowerLost);
            }
            self.power_on()?;
        }
        let programmed_before = self.memory.programmed_bytes();
        self.blocks = 0;
        let executed = self.execute(command);
        let has_le = CommandApdu::parse(command).is_ok_and(|command| command.le.is_some());
        let with = |mut data: Vec<u8>, status: StatusWord| {
            data.extend_from_slice(&status.0.to_be_bytes());
            data
        };
        let finished = match executed {
            Err(Stop::PowerLost) => Err(PowerLost),
            Err(Stop::Refused(status)) => Ok(with(Vec::new(), status)),
            Ok(Answer::Done) => Ok(with(Vec::new(), StatusWord::SUCCESS)),
            Ok(Answer::Given(data)) => Ok(with(data, StatusWord::SUCCESS)),
            Ok(Answer::Fetch(data)) if self.image.policy.answers_directly && has_le => {
                Ok(with(data, StatusWord::SUCCESS))
            }
            Ok(Answer::Fetch(data)) => {
                let waiting = StatusWord::waiting(data.len() as u16);
                self.session.waiting = Some(data);
                Ok(with(Vec::new(), waiting))
            }
        };
        let programmed = self.memory.programmed_bytes() - programmed_before;
        let before = self.traffic;
        let chip_us = self.times.of_command(self.blocks, programmed);
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

impl fmt::Debug for Psam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Psam").field("keys", &self.image.keys.len()).finish_non_exhaustive()
    }
}
