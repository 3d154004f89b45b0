//! The cardholder of a test, made from its seed, and the chips in both slots.

use std::path::Path;

use card_spec::{date::Date, generation::Generation, region::RegionCode};
use protocol::{
    feed::{Person as Entry, PersonState},
    id::TerminalId,
    timestamp::Timestamp,
};
use sim::{
    card::Card,
    chip::Chip,
    image::{self, CardImage, DirectoryImage, FileBody, Image},
    keys::TestKeys,
    people::{Insurance, Person, Population, Status, YearToDate},
    personalise::{CardOrder, PsamOrder},
};

use crate::PLANTED_PIN;

/// The city of the sample rules that the tests settle by.
pub const CITY: &str = "320300";
/// Balance of a new card, in fen.
pub const BALANCE_FEN: u32 = 150_000;
/// People of a center.
pub const PEOPLE: u64 = 300;

/// File of the account's log.
const LOG_FILE: u16 = 0xEF08;

/// A person at work without earlier visits this year, whose name and number are planted words.
#[derive(Clone, Debug)]
pub struct Holder {
    /// The person.
    pub person: Person,
    /// The issuer's keys.
    pub keys: TestKeys,
    seed: u64,
}

impl Holder {
    /// The holder of this seed; `index` tells several holders of one test apart.
    ///
    /// # Panics
    /// When the population has nobody of the kind, which no seed does.
    pub fn new(seed: u64, index: usize) -> Self {
        let people = population(seed);
        let mut person = people
            .iter()
            .filter(|person| person.insurance == Insurance::Working && person.status == Status::Normal)
            // A name of two characters may stand in a text by chance.
            .filter(|person| person.name.chars().count() >= 3)
            .nth(index)
            .expect("somebody works");
        person.year_to_date = YearToDate::default();
        Holder { person, keys: TestKeys::from_seed(seed), seed }
    }

    /// What stands in no log.
    pub fn planted(&self) -> [&str; 2] {
        [&self.person.name, self.person.number.as_str()]
    }

    /// An order for this holder's card, with the planted PIN and [`BALANCE_FEN`].
    pub fn order(&self, generation: Generation) -> CardOrder<'_> {
        CardOrder::new(&self.person, self.keys).generation(generation).pin(PLANTED_PIN).account(BALANCE_FEN)
    }

    /// The holder's entry in the center's register: insured, paid up, nothing settled this year.
    pub fn entry(&self) -> Entry {
        entry(&self.person)
    }

    /// A PSAM of a terminal, under the same issuer's keys.
    pub fn psam(&self, terminal: TerminalId) -> PsamOrder {
        PsamOrder::new(terminal.to_bcd(), self.keys)
    }

    /// Everybody in the city.
    pub fn city(&self) -> Vec<Entry> {
        population(self.seed).iter().map(|person| entry(&person)).collect()
    }
}

fn population(seed: u64) -> Population {
    Population::new(seed, PEOPLE).in_city(city()).as_of(today())
}

fn entry(person: &Person) -> Entry {
    let today = today();
    Entry {
        key: person.number.key(),
        state: match person.status {
            Status::Normal => PersonState::Active,
            Status::Suspended => PersonState::Suspended,
            Status::Dead => PersonState::Deceased,
        },
        insutype: person.insurance.code(),
        psn_type: match person.insurance {
            Insurance::Working => 11,
            Insurance::Retired => 12,
            Insurance::Resident => 15,
        },
        civil_servant: false,
        paid_until: today.year() * 12 + u16::from(today.month()) - 1,
        year: today.year(),
        deductible_fen: 0,
        pooled_outpatient_fen: 0,
        pooled_inpatient_fen: 0,
        own_in_scope_fen: 0,
        stays: 0,
    }
}

/// [`CITY`] as a code.
pub fn city() -> RegionCode {
    RegionCode::parse(CITY).expect("six digits")
}

/// The machine's day in UTC+8.
pub fn today() -> Date {
    let civil = now().civil();
    u16::try_from(civil.year())
        .ok()
        .and_then(|year| Date::new(year, civil.month().into(), civil.day()))
        .expect("the machine's clock shows a day of our era")
}

/// The machine's time.
pub fn now() -> Timestamp {
    use datacenter::outside::Clock;
    datacenter::outside::SystemClock.now()
}

/// Writes a card's image to a file.
///
/// # Panics
/// When it cannot be written.
pub fn save_card(image: CardImage, path: &Path) {
    image::save(path, &Image::Card(image)).unwrap_or_else(|error| panic!("{error}"));
}

/// What a card says of its account once it has power: after a torn update the recovered values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardState {
    /// Balance of the personal account.
    pub balance_fen: u32,
    /// Purchases so far.
    pub offline_serial: u16,
    /// Loads so far.
    pub online_serial: u16,
    /// Records in the account's log.
    pub log_records: usize,
    /// Tries of the PIN that are left.
    pub pin_tries_left: u8,
}

impl CardState {
    /// Looks into a card's file without changing it.
    ///
    /// # Panics
    /// When it is no card with an account.
    pub fn of(path: &Path) -> Self {
        let Ok(Image::Card(kept)) = image::load(path) else { panic!("{} is no card", path.display()) };
        let mut card = Card::new(&kept, 1).unwrap_or_else(|error| panic!("{error}"));
        // Power comes back and the chip finishes or forgets what was interrupted.
        card.power_on().expect("nothing cuts the power here");
        let image = card.image();
        let account = find(&image.root, &|directory| directory.account.as_ref()).expect("an account");
        let pin = find(&image.root, &|directory| directory.pin.as_ref()).expect("a PIN");
        let log = find(&image.root, &|directory| {
            directory.account.as_ref()?;
            directory.files.iter().find(|file| file.id.0 == LOG_FILE).map(|file| &file.body)
        });
        let Some(FileBody::Cyclic { records, .. }) = log else { panic!("a log") };
        CardState {
            balance_fen: account.balance_fen,
            offline_serial: account.offline_serial,
            online_serial: account.online_serial,
            log_records: records.len(),
            pin_tries_left: pin.tries_left,
        }
    }
}

fn find<'a, T>(
    directory: &'a DirectoryImage,
    has: &impl Fn(&'a DirectoryImage) -> Option<&'a T>,
) -> Option<&'a T> {
    has(directory).or_else(|| directory.directories.iter().find_map(|below| find(below, has)))
}
