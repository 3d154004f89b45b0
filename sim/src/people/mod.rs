//! A seeded population: one seed, the same people, in any order and any number of times.
//!
//! Nobody in it lives: the numbers are valid by GB 11643, but their region codes `000000` to `009999` are
//! of no province and never were. Up to [`PEOPLE_MAX`] people have different numbers and card numbers by
//! construction, without a list of those already made.

mod names;
mod visits;

use std::fmt;

use card_spec::{
    card_number::CardNumber,
    date::Date,
    money::Fen,
    person::{PersonNumber, Sex},
    region::RegionCode,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

pub use visits::{VISITS_MAX, Visit, VisitKind};

/// Most people of one population: ten thousand region codes with a thousand sequence codes each.
pub const PEOPLE_MAX: u64 = 10_000_000;

const SEQUENCE_CODES: u64 = 1_000;
/// Streams of the generator from here on are for visits, those below for people.
const VISIT_STREAMS: u64 = 1 << 40;

/// Share of the population in each five-year age band, in thousandths, from 0–4 to 90–94 years
/// (rounded from the published 2020 census).
const AGE_BANDS: [u32; 19] = [55, 64, 60, 52, 53, 65, 88, 71, 66, 81, 86, 72, 52, 53, 35, 22, 14, 8, 3];

/// Ethnic groups by GB/T 3304 code with their shares in thousandths; what is missing to 1000 is Han.
const ETHNIC_GROUPS: [(u8, u32); 9] =
    [(2, 5), (3, 8), (4, 5), (5, 8), (6, 8), (7, 7), (11, 8), (12, 14), (15, 16)];

/// People insured in one city, numbered from 0.
#[derive(Clone, Debug)]
pub struct Population {
    generator: ChaCha8Rng,
    sequence: Vec<u16>,
    city: RegionCode,
    today: Date,
    size: u64,
}

/// One insured person. `Debug` shows only the index: the rest is personal, even if invented.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Place in the population.
    pub index: u64,
    /// Citizen identification number, also the social security number.
    pub number: PersonNumber,
    /// Name, at most 50 bytes of GBK.
    pub name: String,
    /// Sex, as the number says.
    pub sex: Sex,
    /// Day of birth, as the number says.
    pub birth: Date,
    /// Ethnic group (民族), GB/T 3304 code 1 to 56.
    pub ethnic_group: u8,
    /// City that insures.
    pub city: RegionCode,
    /// Card number: a capital and seven digits with their check character.
    pub card_number: CardNumber,
    /// Kind of insurance.
    pub insurance: Insurance,
    /// Whether insurance pays at the moment.
    pub status: Status,
    /// Balance of the personal account (个人账户); residents have none.
    pub account: Fen,
    /// What has been settled this year so far.
    pub year_to_date: YearToDate,
    visits: ChaCha8Rng,
}

/// Kind of basic medical insurance (险种类型).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Insurance {
    /// 310, employee at work (职工基本医疗保险, 在职).
    Working,
    /// 310, retired employee (退休).
    Retired,
    /// 390, urban and rural resident (城乡居民基本医疗保险).
    Resident,
}

impl Insurance {
    /// The national code.
    pub fn code(self) -> u16 {
        match self {
            Self::Working | Self::Retired => 310,
            Self::Resident => 390,
        }
    }
}

/// State of the insurance relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Insured and paid up.
    Normal,
    /// Contributions are missing; the pooled fund does not pay.
    Suspended,
    /// The person has died, the card has not come back.
    Dead,
}

/// Sums of the current year, as the city would have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct YearToDate {
    /// Deductible (起付线) already paid.
    pub deductible: Fen,
    /// Paid by the pooled fund (统筹基金).
    pub pooled: Fen,
    /// Admissions to hospital.
    pub admissions: u32,
}

impl Population {
    /// `size` people (at most [`PEOPLE_MAX`]; more are cut off) of the sample city 430100 as of 2026-01-01.
    pub fn new(seed: u64, size: u64) -> Self {
        let generator = ChaCha8Rng::seed_from_u64(seed);
        // A seeded order of the thousand sequence codes mixes the sexes.
        let mut order = generator.clone();
        order.set_stream(u64::MAX);
        let mut sequence: Vec<u16> = (0..SEQUENCE_CODES as u16).collect();
        for at in (1..sequence.len()).rev() {
            sequence.swap(at, below(&mut order, at as u32 + 1) as usize);
        }
        Self {
            generator,
            sequence,
            // Both cannot fail: a city and a day.
            city: RegionCode::parse("430100").expect("six digits of a city"),
            today: Date::new(2026, 1, 1).expect("a day"),
            size: size.min(PEOPLE_MAX),
        }
    }

    /// The same people, insured in another city.
    pub fn in_city(mut self, city: RegionCode) -> Self {
        self.city = city;
        self
    }

    /// The same seed as of another day: ages and visits move with it.
    pub fn as_of(mut self, today: Date) -> Self {
        self.today = today;
        self
    }

    /// How many people there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The person with this index, made anew each time; `None` beyond the size.
    pub fn person(&self, index: u64) -> Option<Person> {
        (index < self.size).then(|| self.make(index))
    }

    /// Everybody in order, made one at a time.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Person> + '_ {
        // A population is smaller than 32 bits, so that the iterator knows its length.
        (0..self.size as u32).map(|index| self.make(u64::from(index)))
    }

    fn make(&self, index: u64) -> Person {
        let mut rng = self.generator.clone();
        rng.set_stream(index);
        let rng = &mut rng;

        let age = age(rng);
        let birth = birth(rng, self.today, age);
        let sequence = self.sequence[(index % SEQUENCE_CODES) as usize];
        let day = u64::from(birth.year()) * 10_000 + u64::from(birth.month()) * 100 + u64::from(birth.day());
        let key = (index / SEQUENCE_CODES) * 100_000_000_000 + day * 1_000 + u64::from(sequence);
        // Cannot fail: below 17 digits, and the birth date is a day.
        let number = PersonNumber::from_key(key).expect("17 digits with a day of birth");

        let ethnic_group = ethnic_group(rng);
        let insurance = insurance(rng, age, number.sex());
        let status = match below(rng, 1_000) {
            0..4 => Status::Dead,
            4..18 => Status::Suspended,
            _ => Status::Normal,
        };
        let account = match insurance {
            Insurance::Resident => Fen::ZERO,
            Insurance::Working | Insurance::Retired => Fen(i64::from(skewed(rng, 1_200_000))),
        };
        let mut visits = self.generator.clone();
        visits.set_stream(VISIT_STREAMS + index);
        let year_to_date = if below(rng, 100) < 17 {
            YearToDate {
                deductible: Fen(i64::from(below(rng, 13) * 10_000)),
                pooled: Fen(i64::from(skewed(rng, 6_000_000))),
                admissions: 1 + below(rng, 3),
            }
        } else {
            YearToDate { deductible: Fen(i64::from(below(rng, 40_000))), ..YearToDate::default() }
        };
        Person {
            index,
            number,
            name: names::name(rng, ethnic_group),
            sex: number.sex(),
            birth,
            ethnic_group,
            city: self.city,
            card_number: card_number(index),
            insurance,
            status,
            account,
            year_to_date,
            visits,
        }
    }
}

impl Person {
    /// Whole years of age on `day`.
    pub fn age_on(&self, day: Date) -> u16 {
        let years = day.year().saturating_sub(self.birth.year());
        let before = (day.month(), day.day()) < (self.birth.month(), self.birth.day());
        years.saturating_sub(u16::from(before))
    }

    /// This person's visits to hospitals in one year, earliest first; the same for each call.
    pub fn visits(&self, year: u16) -> Vec<Visit> {
        visits::of_year(self.visits.clone(), year, self.age_on(Date::new(year, 12, 31).unwrap_or(self.birth)))
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person").field("index", &self.index).finish_non_exhaustive()
    }
}

/// A number below `limit`, which is not 0.
pub(crate) fn below(rng: &mut ChaCha8Rng, limit: u32) -> u32 {
    ((u64::from(rng.next_u32()) * u64::from(limit)) >> 32) as u32
}

/// Small amounts often, amounts near `limit` seldom.
fn skewed(rng: &mut ChaCha8Rng, limit: u32) -> u32 {
    let first = below(rng, limit);
    below(rng, first + 1)
}

fn age(rng: &mut ChaCha8Rng) -> u16 {
    let mut rest = below(rng, AGE_BANDS.iter().sum());
    for (band, share) in AGE_BANDS.iter().enumerate() {
        if rest < *share {
            return band as u16 * 5 + below(rng, 5) as u16;
        }
        rest -= share;
    }
    0
}

fn birth(rng: &mut ChaCha8Rng, today: Date, age: u16) -> Date {
    let (month, day) = (1 + below(rng, 12) as u8, 1 + below(rng, 31) as u8);
    let had_birthday = (month, day) <= (today.month(), today.day());
    let year = today.year() - age - u16::from(!had_birthday);
    // The 28th stands in for days that the month has not.
    Date::new(year, month, day).or_else(|| Date::new(year, month, 28)).unwrap_or(today)
}

fn ethnic_group(rng: &mut ChaCha8Rng) -> u8 {
    let mut rest = below(rng, 1_000);
    for (code, share) in ETHNIC_GROUPS {
        if rest < share {
            return code;
        }
        rest -= share;
    }
    1
}

fn insurance(rng: &mut ChaCha8Rng, age: u16, sex: Sex) -> Insurance {
    let pension_age = match sex {
        Sex::Male => 60,
        Sex::Female => 55,
    };
    let chance = below(rng, 100);
    match age {
        0..18 => Insurance::Resident,
        _ if age >= pension_age && chance < 35 => Insurance::Retired,
        _ if age < pension_age && chance < 48 => Insurance::Working,
        _ => Insurance::Resident,
    }
}

fn card_number(index: u64) -> CardNumber {
    let mut body = *b"S0000000";
    let mut rest = index;
    for digit in body[1..].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    // Cannot fail: a capital and digits.
    CardNumber::with_check(body).expect("a capital and seven digits")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use card_spec::name::Name;
    use std::collections::HashSet;

    const SEED: u64 = 20_260_101;

    #[test]
    fn one_seed_one_population() {
        let (one, two) = (Population::new(SEED, 500), Population::new(SEED, 5_000));
        assert!(one.iter().eq(two.iter().take(500)));
        assert_eq!(one.person(77).unwrap().visits(2025), two.person(77).unwrap().visits(2025));
        assert_eq!(one.person(500), None);
        assert_eq!(one.iter().len(), 500);
        let other = Population::new(SEED + 1, 500);
        assert!(!one.iter().map(|person| person.name).eq(other.iter().map(|person| person.name)));
    }

    #[test]
    fn nobody_is_real_and_nobody_twice() {
        let population = Population::new(SEED, PEOPLE_MAX);
        let mut numbers = HashSet::new();
        let mut cards = HashSet::new();
        // Neighbours share a region code, and the ends meet the limits.
        let indices = (0..3_000).chain(PEOPLE_MAX - 3_000..PEOPLE_MAX);
        for person in indices.map(|index| population.person(index).unwrap()) {
            assert!(person.number.as_str().starts_with("00"), "no province has code 00");
            assert_eq!(PersonNumber::parse(person.number.as_str()), Ok(person.number));
            let (year, month, day) = person.number.birth_date();
            assert_eq!(Date::new(year, month, day), Some(person.birth));
            assert_eq!(person.number.sex(), person.sex);
            assert!(numbers.insert(person.number), "index {}", person.index);
            assert!(cards.insert(person.card_number), "index {}", person.index);
        }
        assert_eq!(population.person(PEOPLE_MAX), None);
        assert_eq!(Population::new(SEED, u64::MAX).size(), PEOPLE_MAX);
    }

    #[test]
    fn names_go_onto_cards() {
        let mut lengths = HashSet::new();
        let (mut split, mut compound) = (0, 0);
        for person in Population::new(SEED, 20_000).iter() {
            let (record, extension) = Name::new(&person.name).unwrap().to_records();
            lengths.insert(person.name.chars().count());
            let joined = Name::from_records(&record, Some(&extension)).unwrap();
            assert_eq!(joined.as_str(), person.name, "index {}", person.index);
            split += u32::from(Name::from_records(&record, None).is_err());
            compound += u32::from(["欧阳", "司马", "上官"].iter().any(|s| person.name.starts_with(s)));
        }
        assert!(split > 0, "some name is cut inside a character");
        assert!(compound > 0);
        assert!([2, 3, 4].iter().all(|length| lengths.contains(length)));
    }

    #[test]
    fn the_mix_is_plausible() {
        let people: Vec<Person> = Population::new(SEED, 20_000).iter().collect();
        let share =
            |test: fn(&Person) -> bool| people.iter().filter(|person| test(person)).count() as f64 / 2e4;
        assert!((0.44..0.56).contains(&share(|p| p.sex == Sex::Male)));
        assert!((0.20..0.40).contains(&share(|p| p.insurance == Insurance::Working)));
        assert!((0.05..0.15).contains(&share(|p| p.insurance == Insurance::Retired)));
        assert!((0.002..0.007).contains(&share(|p| p.status == Status::Dead)));
        assert!((0.008..0.020).contains(&share(|p| p.status == Status::Suspended)));
        let today = Date::new(2026, 1, 1).unwrap();
        for person in &people {
            assert!(person.age_on(today) < 95);
            assert!(person.birth <= today);
            if person.insurance == Insurance::Resident {
                assert_eq!(person.account, Fen::ZERO);
            }
            if person.age_on(today) < 18 {
                assert_eq!(person.insurance, Insurance::Resident);
            }
        }
    }

    #[test]
    fn nothing_personal_is_printed() {
        let person = Population::new(SEED, 1).person(0).unwrap();
        let printed = format!("{person:?}");
        assert!(!printed.contains(&person.name) && !printed.contains(person.number.as_str()));
    }
}
