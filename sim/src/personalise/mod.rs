//! What a personalisation bureau does: makes an image of a card for a person.

mod content;
mod finger;
mod flaw;
mod foreign;
mod psam;

use card_spec::{
    atr::{Atr, HistoricalBytes},
    card_id::CardId,
    date::Date,
    fci::Fci,
    file::{self, Application, ApplicationName, FileId, ShortFileId, Structure},
    generation::{Algorithm, Generation},
    key::{CARD_KEYS, CardFactors, CardKey, KeyName, KeyRole, card_key},
    pin::Pin,
    region::RegionCode,
    suite::Suite,
};

pub use self::{
    finger::Impression,
    flaw::Flaw,
    foreign::{bank_card, health_card},
    psam::PsamOrder,
};
use crate::{
    bcd,
    error::SimError,
    image::{
        Access, AccountImage, CardImage, CardPolicy, DirectoryImage, FileBody, FileImage, FingerImage, Hex,
        HexByte, HexWord, KeyImage, KeyUse, Life, PinImage, PurseImage, Right, Unlock, WalletImage,
    },
    keys::TestKeys,
    people::Person,
};

/// PIN of cards whose order names none: not one of those that cards are issued with.
pub const TEST_PIN: &str = "258369";
/// Tries of a PIN.
pub const PIN_TRIES: u8 = 3;
/// Comparisons of fingers that may fail: three each of two fingers.
pub const FINGER_TRIES: u8 = 6;

/// File of the wallets' log, SFI 18.
const WALLET_LOG: u16 = 0x0018;
/// File of the medical account's log.
const ACCOUNT_LOG: u16 = 0xEF08;
/// Directory file of an environment.
const DIRECTORY_FILE: u8 = 0x1E;
/// `A0 00 00 00 03 86 98 07 01`, the application of PBOC wallets.
const WALLET_NAME: [u8; 9] = [0xA0, 0x00, 0x00, 0x00, 0x03, 0x86, 0x98, 0x07, 0x01];

/// An order for one card.
#[derive(Clone, Debug)]
pub struct CardOrder<'a> {
    person: &'a Person,
    keys: TestKeys,
    generation: Generation,
    algorithm: u8,
    city: RegionCode,
    serial: u32,
    issued: Date,
    pin: String,
    key_tries: u8,
    key_versions: u8,
    account_fen: Option<u32>,
    contactless: bool,
    wallet: bool,
    test_area: bool,
    fingers: Option<Vec<Impression>>,
    match_on_card: bool,
    policy: CardPolicy,
    flaws: Vec<Flaw>,
}

impl<'a> CardOrder<'a> {
    /// A 3.0 card of the person's city with SM4, issued on 2024-01-15 for ten years, with [`TEST_PIN`].
    pub fn new(person: &'a Person, keys: TestKeys) -> Self {
        Self {
            person,
            keys,
            generation: Generation::Three,
            algorithm: Algorithm::Sm4.id(),
            city: person.city,
            serial: (person.index % 100_000_000) as u32 + 1,
            // Cannot fail: a day.
            issued: Date::new(2024, 1, 15).expect("a day"),
            pin: TEST_PIN.to_owned(),
            key_tries: card_spec::key::KEY_TRIES,
            key_versions: 1,
            account_fen: None,
            contactless: false,
            wallet: false,
            test_area: false,
            fingers: None,
            match_on_card: false,
            policy: CardPolicy::default(),
            flaws: Vec::new(),
        }
    }

    /// Another generation, with the cipher that is usual for it.
    pub fn generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self.algorithm = match generation {
            Generation::One | Generation::Two => Algorithm::TripleDes.id(),
            Generation::Three => Algorithm::Sm4.id(),
        };
        self
    }

    /// Another cipher than the usual one.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm.id();
        self
    }

    /// Issued by another city.
    pub fn city(mut self, city: RegionCode) -> Self {
        self.city = city;
        self
    }

    /// Another serial number, below 100 million.
    pub fn serial(mut self, serial: u32) -> Self {
        self.serial = serial;
        self
    }

    /// Issued on another day.
    pub fn issued(mut self, day: Date) -> Self {
        self.issued = day;
        self
    }

    /// Another PIN, 4 to 12 digits.
    pub fn pin(mut self, digits: &str) -> Self {
        self.pin = digits.to_owned();
        self
    }

    /// Other tries for external keys: 3 is usual, cards of a related kind have 15.
    pub fn key_tries(mut self, tries: u8) -> Self {
        self.key_tries = tries;
        self
    }

    /// So many versions of each key, 1 to 4.
    pub fn key_versions(mut self, versions: u8) -> Self {
        self.key_versions = versions;
        self
    }

    /// Another balance of the personal account, in fen.
    pub fn account(mut self, balance_fen: u32) -> Self {
        self.account_fen = Some(balance_fen);
        self
    }

    /// As seen over the air.
    pub fn contactless(mut self) -> Self {
        self.contactless = true;
        self
    }

    /// With PBOC wallets beside the environment, from 2.0; 100.00 yuan in each.
    pub fn with_wallet(mut self) -> Self {
        self.wallet = true;
        self
    }

    /// With a test area EF0C, whose second record is written with a MAC only.
    pub fn with_test_area(mut self) -> Self {
        self.test_area = true;
        self
    }

    /// With these impressions of the holder's fingers; with none, it says that the holder has no finger that can
    /// be used.
    pub fn fingers(mut self, impressions: Vec<Impression>) -> Self {
        self.fingers = Some(impressions);
        self
    }

    /// Compares fingers itself: an option of generation 3.0.
    pub fn match_on_card(mut self) -> Self {
        self.match_on_card = true;
        self
    }

    /// Behaves otherwise than a strict card with T=0.
    pub fn policy(mut self, policy: CardPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// With something wrong.
    pub fn flaw(mut self, flaw: Flaw) -> Self {
        self.flaws.push(flaw);
        self
    }

    /// The last eight historical bytes, by which keys of this card are derived.
    fn historical_bytes(&self) -> HistoricalBytes {
        let city = self.city.to_cn();
        let [s1, s2, s3, s4] = decimal(self.serial);
        let maker = match self.generation {
            Generation::One => [0x00, 0x87],
            Generation::Two => [0x00, 0x90],
            Generation::Three => [0x00, 0x81],
        };
        let [m1, m2] = maker;
        HistoricalBytes::new([m1, m2, 0x54, 0x4C, 0x90, 0x86, 0x37, city[0], city[1], s1, s2, s3, s4])
    }

    /// Makes the image.
    ///
    /// Errors: `Personalise` when the PIN is none, the name or the fingers do not fit, a serial number is too large,
    /// or a card before 3.0 is to compare fingers.
    pub fn build(&self) -> Result<CardImage, SimError> {
        let problem = |problem: String| SimError::Personalise { problem };
        if self.serial > 99_999_999 {
            return Err(problem("a serial number has eight digits".to_owned()));
        }
        let pin = Pin::parse(&self.pin).map_err(|error| problem(error.to_string()))?;
        let historical = self.historical_bytes();
        let atr = if self.contactless { Atr::contactless(&historical) } else { Atr::contact(&historical) };
        let factors = CardFactors::new(historical.card_serial(), self.city);
        let [_, _, _, _, _, _, _, _, _, s1, s2, s3, s4] = *historical.as_bytes();

        let internal_key = self.keys.on_card(KeyName::IRK, self.key_algorithm(), 1, &factors);
        let suite = Suite::from(self.key_algorithm());
        let card_id = CardId::issue(self.city, [s1, s2, s3, s4], suite, &internal_key);
        if self.match_on_card && self.generation != Generation::Three {
            return Err(problem("cards before 3.0 do not compare fingers".to_owned()));
        }
        let fingerprints = match &self.fingers {
            None => Vec::new(),
            Some(impressions) => {
                let key = self.keys.on_card(KeyName::STK, self.key_algorithm(), 1, &factors);
                finger::place(impressions, self.issued, |content| {
                    suite.static_mac(
                        &key,
                        &content.message(finger::FIRST_SERIAL, &card_id, &self.person.number),
                    )
                })?
            }
        };
        let issuer = content::Issuer { card_id, issued: self.issued, fingerprints };

        let mut environment = self.environment(&factors, &issuer, pin.field().as_bytes())?;
        let mut root = match self.generation {
            // The MF is the environment itself.
            Generation::One => {
                environment.alias = Some(environment.id);
                environment.id = HexWord(FileId::MF.0);
                environment
            }
            Generation::Two | Generation::Three => self.master_file(environment),
        };
        if self.wallet && self.generation >= Generation::Two {
            root.directories.push(self.wallet_directory(&factors, pin.field().as_bytes()));
        }
        let mut image = CardImage {
            note: format!("simulated card, generation {}", self.generation_text()),
            atr: atr.as_bytes().into(),
            algorithm: HexByte(self.algorithm),
            policy: self.policy,
            blocked: false,
            worn: false,
            root,
            interrupted: None,
        };
        for flaw in &self.flaws {
            flaw.apply(&mut image, self, &factors)?;
        }
        Ok(image)
    }

    /// The cipher that keys are derived with; an unknown one borrows triple DES.
    fn key_algorithm(&self) -> Algorithm {
        Algorithm::from_id(Some(self.algorithm)).unwrap_or(Algorithm::TripleDes)
    }

    fn generation_text(&self) -> String {
        String::from_utf8_lossy(&self.generation.version()).into_owned()
    }

    fn master_file(&self, environment: DirectoryImage) -> DirectoryImage {
        let name = ApplicationName::PAYMENT_ENVIRONMENT;
        let mut directories = vec![environment];
        if self.generation == Generation::Three {
            let certificates =
                plain_directory("SS.CERT.ADF1", 0xDF11, &ApplicationName::CERTIFICATES, vec![]);
            directories.push(plain_directory("PKI", 0xDDF2, &ApplicationName::PKI, vec![certificates]));
        }
        plain_directory("MF", FileId::MF.0, &name, directories)
    }

    fn environment(
        &self,
        factors: &CardFactors,
        issuer: &content::Issuer,
        pin: &[u8],
    ) -> Result<DirectoryImage, SimError> {
        let mut environment = self.directory(Application::Ssse, factors, issuer)?;
        environment.pin = Some(PinImage { field: pin.into(), tries_left: PIN_TRIES, tries_max: PIN_TRIES });
        environment.finger =
            self.match_on_card.then_some(FingerImage { tries_left: FINGER_TRIES, tries_max: FINGER_TRIES });
        for application in Application::ALL.into_iter().skip(1) {
            if application.directory().from <= self.generation {
                environment.directories.push(self.directory(application, factors, issuer)?);
            }
        }
        if self.test_area {
            environment.files.push(content::test_area());
        }
        Ok(environment)
    }

    fn directory(
        &self,
        application: Application,
        factors: &CardFactors,
        issuer: &content::Issuer,
    ) -> Result<DirectoryImage, SimError> {
        let row = application.directory();
        let mut files = Vec::new();
        for file in row.files {
            // The local area is a habit of Guangdong.
            let is_there =
                file.from <= self.generation && (!file.optional || self.city.as_str().starts_with("44"));
            if is_there {
                files.push(self.file(file, issuer)?);
            }
        }
        let account =
            files.iter().any(|file| matches!(file.body, FileBody::Internal)).then(|| AccountImage {
                balance_fen: self.account_fen.or(self.person.account.to_card()).unwrap_or(0),
                self_paid_fen: self.person.year_to_date.deductible.to_card().unwrap_or(0),
                pooled_fen: self.person.year_to_date.pooled.to_card().unwrap_or(0),
                year: HexWord(u16::from_be_bytes(content::CURRENT_YEAR)),
                online_serial: 0,
                offline_serial: 0,
                log_file: HexWord(ACCOUNT_LOG),
                locked: false,
                proofs: Vec::new(),
            });
        let name = application.name();
        let is_environment = application == Application::Ssse;
        let fci = Fci {
            name: name.as_bytes(),
            directory: if is_environment { ShortFileId::new(DIRECTORY_FILE) } else { None },
            algorithm_id: (is_environment && self.tells_algorithm()).then_some(self.algorithm),
        };
        Ok(DirectoryImage {
            label: format!("{} {}", application.short_name(), row.chinese),
            id: HexWord(application.file_id().0),
            alias: None,
            name: name.as_bytes().into(),
            fci: build_fci(&fci),
            life: Life::Active,
            pin: None,
            finger: None,
            keys: self.keys_of(application, factors),
            files,
            account,
            wallet: None,
            directories: Vec::new(),
        })
    }

    /// Generation 3.0 names its cipher; the others do so when it is not the usual one.
    fn tells_algorithm(&self) -> bool {
        self.generation == Generation::Three || self.algorithm != Algorithm::TripleDes.id()
    }

    fn file(&self, file: &'static file::File, issuer: &content::Issuer) -> Result<FileImage, SimError> {
        let body = match file.structure {
            Structure::LinearTlv if file.id.0 & 0xFF == u16::from(DIRECTORY_FILE) => {
                FileBody::Linear(content::directory_records(self.generation)?)
            }
            Structure::LinearTlv => {
                FileBody::Linear(content::records(file, self.generation, self.person, issuer)?)
            }
            Structure::LinearFixed { record_bytes, records } => FileBody::Fixed(
                (0..records).map(|_| Hex(content::empty_fields(file.items, record_bytes))).collect(),
            ),
            Structure::Transparent { bytes } => {
                let mut content = vec![0; usize::from(bytes)];
                if (file.application, file.id) == (Application::Ssse, FileId::EF07)
                    && let Some(place) = content.get_mut(..issuer.fingerprints.len())
                {
                    place.copy_from_slice(&issuer.fingerprints);
                }
                FileBody::Transparent(Hex(content))
            }
            Structure::Cyclic { record_bytes, records } => {
                FileBody::Cyclic { record_bytes, records_max: records, records: Vec::new() }
            }
            Structure::Internal { .. } => FileBody::Internal,
        };
        Ok(FileImage {
            label: file.chinese.to_owned(),
            id: HexWord(file.id.0),
            read: access(file.read.of(self.generation)),
            write: access(file.write.of(self.generation)),
            write_needs_mac: false,
            records_need_mac: Vec::new(),
            body,
        })
    }

    fn keys_of(&self, application: Application, factors: &CardFactors) -> Vec<KeyImage> {
        CARD_KEYS
            .iter()
            .filter(|row| row.name.application == application && row.from <= self.generation)
            .map(|row| self.key(row, factors))
            .collect()
    }

    fn key(&self, row: &CardKey, factors: &CardFactors) -> KeyImage {
        let (usage, unlocks) = match row.name.role {
            KeyRole::Irk => (KeyUse::Internal, None),
            KeyRole::Stk => (KeyUse::SecureMessaging, None),
            KeyRole::Dlk => (KeyUse::Load, None),
            KeyRole::Dpk => (KeyUse::Purchase, None),
            KeyRole::Dtk => (KeyUse::Tac, None),
            KeyRole::Puk => (KeyUse::External, Some(Unlock::Pin)),
            KeyRole::Bk => (KeyUse::External, Some(Unlock::CardBlock)),
            KeyRole::Lk => (KeyUse::External, Some(Unlock::ApplicationBlock)),
            KeyRole::Mk | KeyRole::Uk(_) | KeyRole::Rk(_) => (KeyUse::External, None),
        };
        let versions = (1..=self.key_versions.max(1))
            .map(|version| {
                self.keys.on_card(row.name, self.key_algorithm(), version, factors).as_bytes().into()
            })
            .collect();
        KeyImage {
            name: row.name.to_string(),
            usage,
            id: row.id.map(|id| HexByte(id.0)),
            unlocks,
            versions,
            tries_left: self.key_tries,
            tries_max: self.key_tries,
        }
    }

    /// The wallets use the keys of the medical account, so that one PSAM serves both.
    fn wallet_directory(&self, factors: &CardFactors, pin: &[u8]) -> DirectoryImage {
        let keys = [KeyName::DLK, KeyName::DPK, KeyName::DTK];
        let purse = PurseImage { balance_fen: 10_000, overdraft_fen: 0, online_serial: 0, offline_serial: 0 };
        DirectoryImage {
            label: "电子钱包".to_owned(),
            id: HexWord(0xADF1),
            alias: None,
            name: WALLET_NAME.into(),
            fci: build_fci(&Fci { name: &WALLET_NAME, directory: None, algorithm_id: None }),
            life: Life::Active,
            pin: Some(PinImage { field: pin.into(), tries_left: PIN_TRIES, tries_max: PIN_TRIES }),
            finger: None,
            keys: keys.into_iter().filter_map(card_key).map(|row| self.key(row, factors)).collect(),
            files: vec![FileImage {
                label: "交易明细".to_owned(),
                id: HexWord(WALLET_LOG),
                read: Access::all([Right::Pin]),
                write: Access::never(),
                write_needs_mac: false,
                records_need_mac: Vec::new(),
                body: FileBody::Cyclic {
                    record_bytes: card_spec::wallet::LOG_RECORD_BYTES as u8,
                    records_max: 10,
                    records: Vec::new(),
                },
            }],
            account: None,
            wallet: Some(WalletImage {
                deposit: purse,
                purse,
                log_file: HexWord(WALLET_LOG),
                locked: false,
                proofs: Vec::new(),
            }),
            directories: Vec::new(),
        }
    }
}

/// A directory with a name and nothing in it but other directories.
fn plain_directory(
    label: &str,
    id: u16,
    name: &ApplicationName,
    directories: Vec<DirectoryImage>,
) -> DirectoryImage {
    DirectoryImage {
        label: label.to_owned(),
        id: HexWord(id),
        alias: None,
        name: name.as_bytes().into(),
        fci: build_fci(&Fci { name: name.as_bytes(), directory: None, algorithm_id: None }),
        life: Life::Active,
        pin: None,
        finger: None,
        keys: Vec::new(),
        files: Vec::new(),
        account: None,
        wallet: None,
        directories,
    }
}

fn build_fci(fci: &Fci<'_>) -> Hex {
    // Names here have at most 16 bytes.
    fci.build().map(Hex::from).unwrap_or_default()
}

/// The table's rule as the card keeps it: with key identifiers instead of names.
fn access(rule: file::Access) -> Access {
    let key = |name: KeyName| card_key(name).and_then(|row| row.id).map(|id| Right::Key(HexByte(id.0)));
    let all = |rights: [Option<Right>; 2]| {
        // A key without identifier cannot be proved: then nobody may.
        let rights: Option<Vec<Right>> = rights.into_iter().collect();
        rights.map_or(Access::never(), Access::all)
    };
    match rule {
        file::Access::Free => Access::free(),
        // What only transactions change, no command that names a file changes.
        file::Access::Never | file::Access::Transaction => Access::never(),
        file::Access::Pin => Access::all([Right::Pin]),
        file::Access::Key(name) => Access::any(key(name)),
        file::Access::EitherKey(one, other) => Access::any(key(one).into_iter().chain(key(other))),
        file::Access::PinAndKey(name) => all([Some(Right::Pin), key(name)]),
        file::Access::PinOrKey(name) => Access::any(key(name).into_iter().chain([Right::Pin])),
    }
}

/// A number below 100 million as four bytes of BCD.
fn decimal(number: u32) -> [u8; 4] {
    [number / 1_000_000, number / 10_000, number / 100, number].map(bcd)
}
