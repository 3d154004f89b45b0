//! What the tests of cards share.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests")]

use card_spec::fingerprint::Position;
use card_spec::{
    command::{Command, LE_ANY},
    file::Application,
    generation::{Algorithm, Generation},
    key::{CardFactors, Key128, KeyName, KeyRole, card_key},
    secure_messaging::MacKey,
    suite::Suite,
};
use fingerprint::{
    minutia::{Kind, Minutia, Minutiae},
    template::compact,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use sim::{
    card::Card,
    chip::Chip,
    image::{CardImage, DirectoryImage, PsamImage},
    keys::TestKeys,
    people::{Person, Population},
    personalise::{CardOrder, Impression, PsamOrder},
    psam::Psam,
};

/// Seed of the keys that all tests use.
pub const KEYS: TestKeys = TestKeys::from_seed(20_240_115);
/// Number of the terminal in the reference's vectors.
pub const TERMINAL: [u8; 6] = [0x43, 0x01, 0x00, 0x00, 0x00, 0x01];
/// `2024-01-15 09:30:00` in BCD.
pub const NOW: &str = "20240115093000";
/// Name of the environment.
pub const SSSE: &str = "7378312E73682EC9E7BBE1B1A3D5CF";

/// The person whose card has the serial number 00000123.
pub fn person() -> Person {
    Population::new(11, 1_000).person(122).unwrap()
}

/// A card of this generation for that person, as it is by default.
pub fn order(generation: Generation) -> CardOrder<'static> {
    // One small leak for each test, so that an order does not depend on a local.
    CardOrder::new(Box::leak(Box::new(person())), KEYS).generation(generation)
}

/// That card, powered on.
pub fn card(generation: Generation) -> TestCard {
    TestCard::new(&order(generation).build().unwrap())
}

/// A card with the shorthand that tests need.
pub struct TestCard {
    pub card: Card,
    pub algorithm: Algorithm,
}

impl TestCard {
    pub fn new(image: &CardImage) -> Self {
        let mut card = Card::new(image, 7).unwrap();
        card.power_on().unwrap();
        let algorithm = Algorithm::from_id(Some(image.algorithm.0)).unwrap_or(Algorithm::TripleDes);
        Self { card, algorithm }
    }

    /// Sends hex (spaces are for the eye) and gives the answer in hex, as it comes.
    pub fn raw(&mut self, command: &str) -> String {
        let bytes = bytes(command);
        hex::encode_upper(self.card.transmit(&bytes).unwrap())
    }

    /// The same, fetching what 61xx announces: data and the last status word.
    pub fn send(&mut self, command: &str) -> String {
        let mut answer = self.raw(command);
        while answer.len() == 4 && answer.starts_with("61") {
            answer = self.raw(&format!("00C00000{}", &answer[2..]));
        }
        answer
    }

    /// Sends and expects 9000; gives the data.
    pub fn ok(&mut self, command: &str) -> String {
        let answer = self.send(command);
        let data = answer.strip_suffix("9000").unwrap_or_else(|| panic!("{command}: {answer}"));
        data.to_owned()
    }

    /// Sends and expects a status word alone.
    #[track_caller]
    pub fn expect(&mut self, command: &str, status: &str) {
        assert_eq!(self.send(command), status, "{command}");
    }

    /// Selects the environment or an application.
    pub fn select(&mut self, application: Application) {
        let name = hex::encode_upper(application.name().as_bytes());
        self.ok(&format!("00A40400{:02X}{name}", name.len() / 2));
    }

    /// A key as it lies on the card.
    pub fn key(&self, name: KeyName, version: u8) -> Key128 {
        KEYS.on_card(name, self.algorithm, version, &factors())
    }

    /// EXTERNAL AUTHENTICATE with a key; gives the status word.
    pub fn authenticate(&mut self, name: KeyName) -> String {
        let key = self.key(name, 1);
        self.authenticate_with(card_key(name).unwrap().id.unwrap().0, &key)
    }

    /// The same with any key.
    pub fn authenticate_with(&mut self, id: u8, key: &Key128) -> String {
        let challenge: [u8; 8] = bytes(&self.ok("0084000008")).try_into().unwrap();
        let data = [1, 2, 3, 4, 5, 6, 7, 8];
        let cryptogram = Suite::from(self.algorithm).session_key(key, &challenge).cryptogram(&data);
        self.send(&format!("008200{id:02X}10{}{}", hex::encode(cryptogram), hex::encode(data)))
    }

    /// A protected command with its MAC under a session key from a fresh challenge: header, plain data.
    pub fn with_mac(&mut self, header: &str, data: &str, key: &Key128) -> String {
        let challenge: [u8; 8] = bytes(&self.ok("0084000008")).try_into().unwrap();
        let session = Suite::from(self.algorithm).session_key(key, &challenge);
        let header: [u8; 4] = bytes(header).try_into().unwrap();
        let data = bytes(data);
        let mac = MacKey::Session(&session).command_mac(header, &data).unwrap();
        let mut command = header.to_vec();
        command.push((data.len() + 4) as u8);
        command.extend_from_slice(&data);
        command.extend_from_slice(&mac);
        self.send(&hex::encode(command))
    }

    /// VERIFY; gives the status word.
    pub fn verify(&mut self, digits: &str) -> String {
        self.send(&format!("00200000{:02X}{digits}", digits.len() / 2))
    }

    /// What a command looks like, built by the terminal's side.
    pub fn build(command: &Command<'_>) -> String {
        hex::encode_upper(command.build().unwrap())
    }
}

/// Diversification factors of the test card.
pub fn factors() -> CardFactors {
    let serial = card_spec::atr::CardSerial([0x86, 0x37, 0x43, 0x01, 0x00, 0x00, 0x01, 0x23]);
    CardFactors::new(serial, card_spec::region::RegionCode::parse("430100").unwrap())
}

/// A read or update key by directory and number.
pub fn rk(application: Application, number: u8) -> KeyName {
    KeyName::new(application, KeyRole::Rk(number))
}

/// An update key by directory and number.
pub fn uk(application: Application, number: u8) -> KeyName {
    KeyName::new(application, KeyRole::Uk(number))
}

/// Bytes of hex with spaces.
pub fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap_or_else(|_| panic!("no hex: {text}"))
}

/// The directory of an image with this file identifier.
pub fn directory(root: &mut DirectoryImage, id: u16) -> &mut DirectoryImage {
    fn find(directory: &mut DirectoryImage, id: u16) -> Option<&mut DirectoryImage> {
        if directory.id.0 == id || directory.alias.is_some_and(|alias| alias.0 == id) {
            return Some(directory);
        }
        directory.directories.iter_mut().find_map(|child| find(child, id))
    }
    find(root, id).unwrap()
}

/// Puts a key of our own into an image.
pub fn set_key(image: &mut CardImage, id: u16, name: &str, key: &str) {
    let keys = &mut directory(&mut image.root, id).keys;
    keys.iter_mut().find(|held| held.name == name).unwrap().versions = vec![bytes(key).into()];
}

/// Le that asks for everything.
pub const ANY: u8 = LE_ANY;

/// A PSAM with every key, powered on, its application selected.
pub fn psam() -> TestPsam {
    TestPsam::new(&PsamOrder::new(TERMINAL, KEYS).build())
}

/// A PSAM with the shorthand that tests need.
pub struct TestPsam {
    pub psam: Psam,
}

impl TestPsam {
    pub fn new(image: &PsamImage) -> Self {
        let mut psam = Psam::new(image, 8);
        psam.power_on().unwrap();
        let mut own = Self { psam };
        own.ok("00A4000002DF01");
        own
    }

    /// Sends hex and gives the answer, fetching what waits.
    pub fn send(&mut self, command: &str) -> String {
        let mut answer = hex::encode_upper(self.psam.transmit(&bytes(command)).unwrap());
        while answer.len() == 4 && answer.starts_with("61") {
            let fetch = bytes(&format!("00C00000{}", &answer[2..]));
            answer = hex::encode_upper(self.psam.transmit(&fetch).unwrap());
        }
        answer
    }

    /// Sends and expects 9000; gives the data.
    #[track_caller]
    pub fn ok(&mut self, command: &str) -> String {
        let answer = self.send(command);
        answer.strip_suffix("9000").unwrap_or_else(|| panic!("{command}: {answer}")).to_owned()
    }

    #[track_caller]
    pub fn expect(&mut self, command: &str, status: &str) {
        assert_eq!(self.send(command), status, "{command}");
    }
}

/// What a finished purchase has said.
pub struct Purchased {
    pub serial: String,
    pub terminal_serial: String,
    pub tac: String,
    pub mac2: String,
}

/// INITIALIZE and INIT_SAM: everything up to the command that takes the money. The PIN must be verified.
///
/// Gives serial, terminal serial and the DEBIT command.
pub fn prepare_purchase(
    card: &mut TestCard,
    psam: &mut TestPsam,
    amounts: [u32; 3],
    when: &str,
) -> (String, String, String) {
    let amounts: String = amounts.iter().map(|amount| format!("{amount:08X}")).collect();
    let begun = card.ok(&format!("B02801011301{amounts}{}", hex::encode(TERMINAL)));
    let (serial, version, algorithm, random) =
        (&begun[28..32], &begun[32..34], &begun[34..36], &begun[36..44]);
    let factors: String = factors().levels(2).iter().map(|factor| hex::encode(factor.as_bytes())).collect();
    let sam = psam.ok(&format!("807001002C{random}{serial}{amounts}32{when}{version}{algorithm}{factors}"));
    let (terminal_serial, mac1) = sam.split_at(8);
    let debit = format!("B02C01000F{terminal_serial}{when}{mac1}");
    (serial.to_owned(), terminal_serial.to_owned(), debit)
}

/// A whole purchase.
pub fn purchase(card: &mut TestCard, psam: &mut TestPsam, amounts: [u32; 3], when: &str) -> Purchased {
    let (serial, terminal_serial, debit) = prepare_purchase(card, psam, amounts, when);
    let answer = card.ok(&debit);
    let (tac, mac2) = answer.split_at(8);
    psam.ok(&format!("8072000004{mac2}"));
    Purchased { serial, terminal_serial, tac: tac.to_owned(), mac2: mac2.to_owned() }
}

/// A finger of this seed: 45 minutiae on an area of 17 by 20 millimetres.
pub fn finger(seed: u64) -> Minutiae {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut minutiae: Vec<Minutia> = Vec::new();
    while minutiae.len() < 45 {
        let [x, y] = [1_700, 2_000].map(|size| (rng.next_u32() % size) as u16 + 200);
        // Ridges are half a millimetre apart: no two minutiae are nearer.
        let far = |other: &Minutia| u32::from(x.abs_diff(other.x)) + u32::from(y.abs_diff(other.y)) > 80;
        if minutiae.iter().all(far) {
            let kind = if rng.next_u32() & 1 == 0 { Kind::Ending } else { Kind::Bifurcation };
            minutiae.push(Minutia { x, y, angle: rng.next_u32() as u8, kind, quality: 60 });
        }
    }
    minutiae.into_iter().collect()
}

/// Another impression of a finger: each minutia is a little off, every eighth is not found.
pub fn impression(of: &Minutiae, seed: u64) -> Minutiae {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut off = |by: u16| (rng.next_u32() % u32::from(2 * by + 1)) as u16;
    let found = of.iter().enumerate().filter(|(at, _)| at % 8 != 3);
    found
        .map(|(_, minutia)| Minutia {
            x: minutia.x + off(10) + 40,
            y: (minutia.y + off(10)).saturating_sub(60),
            angle: minutia.angle.wrapping_add(off(4) as u8).wrapping_sub(4),
            ..*minutia
        })
        .collect()
}

/// As it goes into VERIFY.
pub fn probe(minutiae: &Minutiae) -> Vec<u8> {
    compact::write(minutiae, card_spec::fingerprint::MINUTIAE_MAX).to_vec()
}

/// The right thumb twice, the left index once: what enrolment puts on a card.
pub fn enrolled() -> Vec<Impression> {
    let (thumb, index) = (finger(1), finger(2));
    [(1, 1, thumb.clone()), (1, 2, impression(&thumb, 11)), (7, 1, index)]
        .map(|(position, impression, minutiae)| Impression {
            position: Position::new(position).unwrap(),
            impression,
            fitness: 70,
            minutiae,
        })
        .to_vec()
}

/// VERIFY of a finger, as the terminal builds it.
pub fn verify_finger(position: u8, minutiae: &[u8]) -> String {
    let position = Position::new(position).unwrap();
    TestCard::build(&Command::VerifyFinger { position, minutiae: card_spec::command::Body(minutiae) })
}
