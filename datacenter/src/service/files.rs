//! Files that the center's staff imports: CSV with a header or one JSON object a line, as [`table`](super::table)
//! reads them. Columns and fields have the same names; money is integer fen, days are `YYYY-MM-DD`, months
//! `YYYY-MM`; lists are parted by `|` (in JSON they may be arrays).
//!
//! | file | columns; those in brackets may be missing |
//! |---|---|
//! | articles | `code`, `title`, `topic`, `text`, `issuer`, \[`reference`\], \[`keywords`\], `published` |
//! | offices | `code`, `name`, `district`, `address`, `phone`, `hours`, `services`, \[`latitude`, `longitude`\] |
//! | vacancies | `code`, `title`, `employer`, `district`, `address`, `wage_min_fen`, `wage_max_fen`, `places`, \[`education`\], `text`, `phone`, `published`, `until` |
//! | contributions | `person`, `period`, `kind`, `base_fen`, `by_unit_fen`, `by_person_fen`, \[`state`\] |
//! | dues | `person`, `kind`, `period`, \[`months`\], `amount_fen`, `until` |
//! | unemployment | `person`, `state`, `monthly_fen`, `from`, `months`, `months_paid` |
//! | seekers | `person`, `wish`, `district`, \[`wage_min_fen`\], `phone` |
//!
//! `kind` is `pension`, `medical`, `unemployment`, `injury`, `resident_pension`, `resident_medical`; `state` of a
//! contribution `paid` (when missing), `paid_late`, `unpaid`, of unemployment `applied`, `drawing`, `ended`, `refused`.

use card_spec::{money::Fen, person::PersonNumber, region::RegionCode};
use protocol::{
    calendar::{Day, Period},
    service::{
        Article, Contribution, ContributionKind, ContributionState, Document, DocumentKind, Due, Office,
        Place, SeekWork, Unemployment, UnemploymentState, Vacancy, work::WISH_BYTES_MAX,
    },
};

use super::table::{LIST_SEPARATOR, Row};
use crate::error::Error;

/// Columns of articles.
pub const ARTICLE: &[&str] =
    &["code", "title", "topic", "text", "issuer", "reference", "keywords", "published"];
/// Columns of offices.
pub const OFFICE: &[&str] =
    &["code", "name", "district", "address", "phone", "hours", "services", "latitude", "longitude"];
/// Columns of vacancies.
pub const VACANCY: &[&str] = &[
    "code",
    "title",
    "employer",
    "district",
    "address",
    "wage_min_fen",
    "wage_max_fen",
    "places",
    "education",
    "text",
    "phone",
    "published",
    "until",
];
/// Columns of contributions.
pub const CONTRIBUTION: &[&str] =
    &["person", "period", "kind", "base_fen", "by_unit_fen", "by_person_fen", "state"];
/// Columns of dues.
pub const DUE: &[&str] = &["person", "kind", "period", "months", "amount_fen", "until"];
/// Columns of claims of unemployment benefit.
pub const UNEMPLOYMENT: &[&str] = &["person", "state", "monthly_fen", "from", "months", "months_paid"];

/// Columns of those who seek work.
pub const SEEKER: &[&str] = &["person", "wish", "district", "wage_min_fen", "phone"];

/// Columns of a kind of document.
pub fn columns(kind: DocumentKind) -> &'static [&'static str] {
    match kind {
        DocumentKind::Article => ARTICLE,
        DocumentKind::Office => OFFICE,
        DocumentKind::Vacancy => VACANCY,
        _ => &[],
    }
}

fn day(text: &str) -> Option<Day> {
    text.parse().ok()
}

fn month(text: &str) -> Option<Period> {
    text.parse().ok()
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn money(text: &str) -> Option<Fen> {
    number(text).map(Fen).filter(|fen| (Fen::ZERO..=Fen::CARD_MAX).contains(fen))
}

fn region(text: &str) -> Option<RegionCode> {
    RegionCode::parse(text).ok()
}

fn person(row: &Row) -> Result<u64, Error> {
    row.parsed("person", |text| PersonNumber::parse(text).ok().map(|person| person.key()))
}

fn list(text: Option<&str>) -> Vec<String> {
    let items = text.unwrap_or_default().split(LIST_SEPARATOR).map(str::trim);
    items.filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn degrees(most: f64) -> impl Fn(&str) -> Option<i32> {
    move |text| {
        let degrees: f64 = text.parse().ok()?;
        (degrees.abs() <= most).then(|| (degrees * 1e6).round() as i32)
    }
}

/// A row as a document of a kind.
pub fn document(kind: DocumentKind, row: &Row) -> Result<Document, Error> {
    let text = |name| row.needed(name).map(str::to_owned);
    let maybe = |name: &str| row.text(name).unwrap_or_default().to_owned();
    let document = match kind {
        DocumentKind::Article => Document::Article(Article {
            code: text("code")?,
            title: text("title")?,
            topic: text("topic")?,
            text: text("text")?.replace("\r\n", "\n"),
            issuer: text("issuer")?,
            reference: maybe("reference"),
            keywords: list(row.text("keywords")),
            published: row.parsed("published", day)?,
        }),
        DocumentKind::Office => {
            let latitude = row.optional("latitude", degrees(90.0))?;
            let longitude = row.optional("longitude", degrees(180.0))?;
            let place = match (latitude, longitude) {
                (Some(latitude_millionths), Some(longitude_millionths)) => {
                    Some(Place { latitude_millionths, longitude_millionths })
                }
                (None, None) => None,
                (Some(_), None) => return Err(row.error("longitude")),
                (None, Some(_)) => return Err(row.error("latitude")),
            };
            Document::Office(Office {
                code: text("code")?,
                name: text("name")?,
                district: row.parsed("district", region)?,
                address: text("address")?,
                phone: text("phone")?,
                hours: text("hours")?,
                services: list(row.text("services")),
                place,
            })
        }
        DocumentKind::Vacancy => Document::Vacancy(Vacancy {
            code: text("code")?,
            title: text("title")?,
            employer: text("employer")?,
            district: row.parsed("district", region)?,
            address: text("address")?,
            wage_min: row.parsed("wage_min_fen", money)?,
            wage_max: row.parsed("wage_max_fen", money)?,
            places: row.parsed("places", number)?,
            education: maybe("education"),
            text: text("text")?.replace("\r\n", "\n"),
            phone: text("phone")?,
            published: row.parsed("published", day)?,
            until: row.parsed("until", day)?,
        }),
        _ => return Err(row.error("kind")),
    };
    match document.fault() {
        None => Ok(document),
        Some("wage_min") => Err(row.error("wage_min_fen")),
        Some("wage_max") => Err(row.error("wage_max_fen")),
        Some(field) => Err(row.error(field)),
    }
}

/// A row as a contribution.
pub fn contribution(row: &Row) -> Result<(u64, Contribution), Error> {
    let contribution = Contribution {
        period: row.parsed("period", month)?,
        kind: row.parsed("kind", ContributionKind::from_name)?,
        base: row.parsed("base_fen", money)?,
        by_unit: row.parsed("by_unit_fen", money)?,
        by_person: row.parsed("by_person_fen", money)?,
        state: row.optional("state", ContributionState::from_name)?.unwrap_or(ContributionState::Paid),
    };
    Ok((person(row)?, contribution))
}

/// A row as a contribution that is due.
pub fn due(row: &Row) -> Result<(u64, Due), Error> {
    let due = Due {
        period: row.parsed("period", month)?,
        months: row.optional("months", number)?.unwrap_or(1),
        kind: row.parsed("kind", ContributionKind::from_name)?,
        amount: row.parsed("amount_fen", money)?,
        until: row.parsed("until", day)?,
    };
    Ok((person(row)?, due))
}

/// A row as a claim of unemployment benefit.
pub fn unemployment(row: &Row) -> Result<(u64, Unemployment), Error> {
    let months: u8 = row.parsed("months", number)?;
    let claim = Unemployment {
        state: row.parsed("state", UnemploymentState::from_name)?,
        monthly: row.parsed("monthly_fen", money)?,
        from: row.parsed("from", month)?,
        months,
        months_paid: row.parsed("months_paid", |text| number(text).filter(|paid| *paid <= months))?,
    };
    Ok((person(row)?, claim))
}

/// A row as what somebody who seeks work tells.
pub fn seeker(row: &Row) -> Result<(u64, SeekWork), Error> {
    let seek = SeekWork {
        wish: row.needed("wish")?.to_owned(),
        district: row.parsed("district", region)?,
        wage_min: row.optional("wage_min_fen", money)?.unwrap_or(Fen::ZERO),
        phone: row.needed("phone")?.to_owned(),
    };
    if !seek.sound() {
        // The wish is the one that may be too long; a telephone number is digits and signs.
        let is_wish = seek.wish.len() > WISH_BYTES_MAX || seek.wish.contains(char::is_control);
        return Err(row.error(if is_wish { "wish" } else { "phone" }));
    }
    Ok((person(row)?, seek))
}
