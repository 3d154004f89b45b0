//! What public service in the sample city has to tell: articles, offices, vacancies, and what concerns the people.
//!
//! Everything is invented: the rules in the articles hold nowhere, the employers do not exist, the telephone
//! numbers are nobody's. The texts are files as the center imports them.

mod affairs;
mod articles;
mod offices;
mod vacancies;

use std::fmt::Write;

use card_spec::{date::Date, region::RegionCode};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

pub use affairs::{Contribution, Due, MONTHS, Unemployment, Wish, contributions, dues, unemployment, wish};

use crate::people::{Population, below};

/// Vacancies that are made when nobody asks for another number.
pub const VACANCIES: u32 = 60;

/// Where a city's offices and employers stand: last two digits and names of districts, and the city's middle in
/// thousandths of a degree north and east.
struct City {
    code: &'static str,
    districts: [(&'static str, &'static str); DISTRICTS],
    middle: (i32, i32),
}

/// Districts of a city that are told of.
pub const DISTRICTS: usize = 6;

/// The sample cities; any other has the last one's districts, which are invented.
const CITIES: [City; 3] = [
    City {
        code: "430100",
        districts: [
            ("02", "芙蓉区"),
            ("03", "天心区"),
            ("04", "岳麓区"),
            ("05", "开福区"),
            ("11", "雨花区"),
            ("12", "望城区"),
        ],
        middle: (28_194, 112_976),
    },
    City {
        code: "320300",
        districts: [
            ("02", "鼓楼区"),
            ("03", "云龙区"),
            ("05", "贾汪区"),
            ("11", "泉山区"),
            ("12", "铜山区"),
            ("82", "邳州市"),
        ],
        middle: (34_204, 117_284),
    },
    City {
        code: "",
        districts: [
            ("02", "城中区"),
            ("03", "城东区"),
            ("04", "城西区"),
            ("05", "城北区"),
            ("11", "新城区"),
            ("12", "湖滨区"),
        ],
        middle: (30_000, 110_000),
    },
];

fn known(city: RegionCode) -> &'static City {
    CITIES.iter().find(|known| known.code == city.as_str()).unwrap_or(&CITIES[CITIES.len() - 1])
}

/// Code of one of the city's [`DISTRICTS`].
pub fn district(city: RegionCode, index: usize) -> String {
    format!("{}{}", &city.as_str()[..4], known(city).districts[index % DISTRICTS].0)
}

/// Name of one of the city's [`DISTRICTS`].
pub fn district_name(city: RegionCode, index: usize) -> &'static str {
    known(city).districts[index % DISTRICTS].1
}

/// Articles as JSON, one a line.
pub fn articles(today: Date) -> String {
    let mut out = String::new();
    for (code, title, topic, keywords, text, reference, day) in articles::ARTICLES {
        // Days of this year that are still to come are last year's.
        let this_year = format!("{:04}-{day}", today.year());
        let is_past = this_year.as_str() <= iso(today).as_str();
        let published = if is_past { this_year } else { format!("{:04}-{day}", today.year() - 1) };
        let line = serde_json::json!({
            "code": code, "title": title, "topic": topic, "text": text, "issuer": "样市人力资源和社会保障局",
            "reference": reference, "keywords": keywords.split('|').collect::<Vec<_>>(), "published": published,
        });
        let _ = writeln!(out, "{line}");
    }
    out
}

/// Offices as CSV.
pub fn offices(city: RegionCode) -> String {
    let mut out = String::from("code,name,district,address,phone,hours,services,latitude,longitude\n");
    for (index, office) in offices::OFFICES.iter().enumerate() {
        let degrees = |thousandths: i32| format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
        let fields = [
            office.code.to_owned(),
            office.name.to_owned(),
            district(city, office.district),
            format!("{}{}", district_name(city, office.district), office.street),
            format!("0731-0000{:04}", 1_001 + index),
            office.hours.to_owned(),
            office.services.to_owned(),
            degrees(known(city).middle.0 + office.north),
            degrees(known(city).middle.1 + office.east),
        ];
        line(&mut out, &fields);
    }
    out
}

/// Vacancies as CSV, `count` of them from a seed, published within the last eight weeks.
pub fn vacancies(seed: u64, city: RegionCode, today: Date, count: u32) -> String {
    let mut out = String::from(
        "code,title,employer,district,address,wage_min_fen,wage_max_fen,places,education,text,phone,published,until\n",
    );
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x00CA_C1E5);
    let rng = &mut rng;
    let pick = |rng: &mut ChaCha8Rng, length: usize| below(rng, length as u32) as usize;
    for number in 0..count {
        // Each kind of work comes up before one comes up again.
        let (title, low, high, education, text) = vacancies::WORK[number as usize % vacancies::WORK.len()];
        let place = pick(rng, DISTRICTS);
        let raise = below(rng, 6) * 100;
        let (published, until) = days(today, below(rng, 56), 20 + below(rng, 60));
        let fields = [
            format!("GW{:05}", number + 1),
            title.to_owned(),
            format!(
                "{}{}",
                vacancies::NAMES[pick(rng, vacancies::NAMES.len())],
                vacancies::TRADES[pick(rng, vacancies::TRADES.len())]
            ),
            district(city, place),
            format!(
                "{}{}{}号",
                district_name(city, place),
                vacancies::STREETS[pick(rng, vacancies::STREETS.len())],
                1 + below(rng, 300)
            ),
            ((low + raise) * 100).to_string(),
            ((high + raise) * 100).to_string(),
            (1 + below(rng, 12)).to_string(),
            education.to_owned(),
            text.to_owned(),
            format!("0731-0000{:04}", 2_000 + number % 8_000),
            published,
            until,
        ];
        line(&mut out, &fields);
    }
    out
}

/// Contributions of everybody as CSV.
pub fn contributions_file(people: &Population, today: Date) -> String {
    let mut out = String::from("person,period,kind,base_fen,by_unit_fen,by_person_fen,state\n");
    for person in people.iter() {
        for row in contributions(&person, month(today)) {
            let (number, period) = (person.number.as_str(), period(row.month));
            let amounts = format!("{},{},{}", row.base.0, row.by_unit.0, row.by_person.0);
            let _ = writeln!(out, "{number},{period},{},{amounts},{}", row.kind, row.state);
        }
    }
    out
}

/// What is due from everybody as CSV.
pub fn dues_file(people: &Population, today: Date) -> String {
    let mut out = String::from("person,kind,period,months,amount_fen,until\n");
    for person in people.iter() {
        for due in dues(&person, month(today)) {
            let until = format!("{}-{:02}", period(due.until.0), due.until.1);
            let (number, first) = (person.number.as_str(), period(due.month));
            let _ = writeln!(out, "{number},{},{first},{},{},{until}", due.kind, due.months, due.amount.0);
        }
    }
    out
}

/// Claims of unemployment benefit as CSV.
pub fn unemployment_file(people: &Population, today: Date) -> String {
    let mut out = String::from("person,state,monthly_fen,from,months,months_paid\n");
    for person in people.iter() {
        if let Some(claim) = unemployment(&person, month(today)) {
            let (number, from) = (person.number.as_str(), period(claim.from));
            let months = format!("{},{}", claim.months, claim.months_paid);
            let _ = writeln!(out, "{number},{},{},{from},{months}", claim.state, claim.monthly.0);
        }
    }
    out
}

/// Who seeks work, as CSV.
pub fn seekers_file(people: &Population, city: RegionCode) -> String {
    let mut out = String::from("person,wish,district,wage_min_fen,phone\n");
    for person in people.iter() {
        if let Some(wish) = wish(&person) {
            let fields = [
                person.number.as_str().to_owned(),
                wish.work.to_owned(),
                district(city, wish.district),
                wish.wage_min.0.to_string(),
                format!("000-0000-{:04}", wish.phone),
            ];
            line(&mut out, &fields);
        }
    }
    out
}

/// A line of CSV: fields with commas or quotes stand in quotes (RFC 4180).
fn line(out: &mut String, fields: &[String]) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if field.contains([',', '"', '\n']) {
            let _ = write!(out, "\"{}\"", field.replace('"', "\"\""));
        } else {
            out.push_str(field);
        }
    }
    out.push('\n');
}

fn month(day: Date) -> u32 {
    u32::from(day.year()) * 12 + u32::from(day.month()) - 1
}

fn period(month: u32) -> String {
    format!("{:04}-{:02}", month / 12, month % 12 + 1)
}

fn iso(day: Date) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day())
}

/// Days `ago` before and `ahead` after a day; months count as 28 days, so that every day exists.
fn days(today: Date, ago: u32, ahead: u32) -> (String, String) {
    let now = month(today) * 28 + u32::from(today.day().min(28)) - 1;
    let day = |days: u32| format!("{}-{:02}", period(days / 28), days % 28 + 1);
    (day(now - ago), day(now + ahead))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn one_seed_one_city() {
        let (city, today) = (RegionCode::parse("430100").unwrap(), Date::new(2026, 11, 24).unwrap());
        let file = vacancies(7, city, today, VACANCIES);
        assert_eq!(file, vacancies(7, city, today, VACANCIES));
        assert_ne!(file, vacancies(8, city, today, VACANCIES));
        assert_eq!(file.lines().count(), 61);
        assert!(articles(today).lines().count() >= 12 && offices(city).lines().count() > 8);
        assert!(!articles(today).contains("2026-12"), "nothing is published tomorrow");
    }

    #[test]
    fn everybody_has_what_belongs_to_the_insurance() {
        let today = Date::new(2026, 11, 24).unwrap();
        let people = Population::new(1, 1_000).as_of(today);
        let now = month(today);
        let (mut claims, mut wishes, mut due) = (0, 0, 0);
        for person in people.iter() {
            let rows = contributions(&person, now);
            assert!(rows.is_sorted_by_key(|row| row.month) && rows.iter().all(|row| row.month <= now));
            assert!(rows.iter().all(|row| row.state != "unpaid" || row.by_person.0 == 0));
            assert_eq!(rows.is_empty(), person.insurance == crate::people::Insurance::Retired);
            claims += usize::from(unemployment(&person, now).is_some());
            wishes += usize::from(wish(&person).is_some());
            due += dues(&person, now).len();
            assert!(wish(&person).is_none() || unemployment(&person, now).is_some());
        }
        assert!(claims > 15 && wishes > 5 && due > 100, "{claims} {wishes} {due}");
    }
}
