//! What hangs on the wall: policy articles, offices, vacancies; and the stream that a terminal copies them by.

use card_spec::{money::Fen, region::RegionCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Cursor;
use crate::{calendar::Day, timestamp::Timestamp};

/// Purpose under which the center signs a page of changes.
pub const PURPOSE: &str = "jinbao public documents 1";

/// Longest code of a document, in bytes.
pub const CODE_BYTES_MAX: usize = 40;

/// Longest line of a document (title, name, address), in bytes.
pub const LINE_BYTES_MAX: usize = 300;

/// Longest text of a document, in bytes.
pub const TEXT_BYTES_MAX: usize = 24_000;

/// Most words or services that a document lists.
pub const WORDS_MAX: usize = 30;

/// Most changes of one page.
pub const CHANGES_MAX: usize = 200;

/// Most bytes of documents in one page: a page goes on with the next change when this is reached.
pub const CHANGES_BYTES_MAX: usize = 1 << 20;

/// Most documents of one kind that a center publishes.
pub const DOCUMENTS_MAX: usize = 20_000;

/// Kinds of public documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DocumentKind {
    /// A policy article.
    Article,
    /// An office.
    Office,
    /// A vacancy.
    Vacancy,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Article, Self::Office, Self::Vacancy];

    /// The name in storages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Article => "article",
            Self::Office => "office",
            Self::Vacancy => "vacancy",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A public document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Document {
    /// A policy article.
    Article(Article),
    /// An office.
    Office(Office),
    /// A vacancy.
    Vacancy(Vacancy),
}

/// A policy article (政策问答).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Article {
    /// Its code, given by the center's staff; the same code replaces the article.
    pub code: String,
    /// Title or question.
    pub title: String,
    /// Topic, to group by.
    pub topic: String,
    /// The text; paragraphs are parted by line feeds.
    pub text: String,
    /// Who issued it.
    pub issuer: String,
    /// Number of the document that it rests on.
    #[serde(default)]
    pub reference: String,
    /// Words that people look for it by.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// When it was published.
    pub published: Day,
}

/// An office (经办机构).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Office {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// District.
    #[schema(value_type = crate::schema::RegionCode)]
    pub district: RegionCode,
    /// Address.
    pub address: String,
    /// Telephone number.
    pub phone: String,
    /// Opening hours.
    pub hours: String,
    /// What it does.
    pub services: Vec<String>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A vacancy (招聘岗位).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Vacancy {
    /// Its code.
    pub code: String,
    /// Title of the work.
    pub title: String,
    /// Employer.
    pub employer: String,
    /// District of the place of work.
    #[schema(value_type = crate::schema::RegionCode)]
    pub district: RegionCode,
    /// Address of the place of work.
    pub address: String,
    /// Lowest wage of a month.
    #[schema(value_type = crate::schema::Money)]
    pub wage_min: Fen,
    /// Highest wage of a month.
    #[schema(value_type = crate::schema::Money)]
    pub wage_max: Fen,
    /// How many are sought.
    pub places: u16,
    /// Schooling that is asked for.
    #[serde(default)]
    pub education: String,
    /// What is to be done, and what is asked for.
    pub text: String,
    /// Telephone number of the employer.
    pub phone: String,
    /// When it was published.
    pub published: Day,
    /// Last day that it is open.
    pub until: Day,
}

/// A place on earth, in millionths of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Northern latitude.
    pub latitude_millionths: i32,
    /// Eastern longitude.
    pub longitude_millionths: i32,
}

impl Place {
    /// Whether it is a place on earth.
    pub fn sound(self) -> bool {
        self.latitude_millionths.abs() <= 90_000_000 && self.longitude_millionths.abs() <= 180_000_000
    }
}

fn line(text: &str, needed: bool) -> bool {
    (!needed || !text.trim().is_empty()) && text.len() <= LINE_BYTES_MAX && !text.contains(char::is_control)
}

fn text(text: &str) -> bool {
    !text.trim().is_empty()
        && text.len() <= TEXT_BYTES_MAX
        && !text.contains(|letter: char| letter.is_control() && letter != '\n')
}

fn code(code: &str) -> bool {
    !code.is_empty()
        && code.len() <= CODE_BYTES_MAX
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn words(words: &[String], needed: bool) -> bool {
    (!needed || !words.is_empty()) && words.len() <= WORDS_MAX && words.iter().all(|word| line(word, true))
}

impl Document {
    /// Its kind.
    pub fn kind(&self) -> DocumentKind {
        match self {
            Self::Article(_) => DocumentKind::Article,
            Self::Office(_) => DocumentKind::Office,
            Self::Vacancy(_) => DocumentKind::Vacancy,
        }
    }

    /// Its code.
    pub fn code(&self) -> &str {
        match self {
            Self::Article(article) => &article.code,
            Self::Office(office) => &office.code,
            Self::Vacancy(vacancy) => &vacancy.code,
        }
    }

    /// The first field that is missing, too long, or no line of text; `None` when all are right.
    pub fn fault(&self) -> Option<&'static str> {
        let checks: Vec<(bool, &'static str)> = match self {
            Self::Article(article) => vec![
                (code(&article.code), "code"),
                (line(&article.title, true), "title"),
                (line(&article.topic, true), "topic"),
                (text(&article.text), "text"),
                (line(&article.issuer, true), "issuer"),
                (line(&article.reference, false), "reference"),
                (words(&article.keywords, false), "keywords"),
            ],
            Self::Office(office) => vec![
                (code(&office.code), "code"),
                (line(&office.name, true), "name"),
                (line(&office.address, true), "address"),
                (line(&office.phone, true), "phone"),
                (line(&office.hours, true), "hours"),
                (words(&office.services, true), "services"),
                (office.place.is_none_or(Place::sound), "place"),
            ],
            Self::Vacancy(vacancy) => vec![
                (code(&vacancy.code), "code"),
                (line(&vacancy.title, true), "title"),
                (line(&vacancy.employer, true), "employer"),
                (line(&vacancy.address, true), "address"),
                ((Fen::ZERO..=Fen::CARD_MAX).contains(&vacancy.wage_min), "wage_min"),
                ((vacancy.wage_min..=Fen::CARD_MAX).contains(&vacancy.wage_max), "wage_max"),
                (vacancy.places > 0, "places"),
                (line(&vacancy.education, false), "education"),
                (text(&vacancy.text), "text"),
                (line(&vacancy.phone, true), "phone"),
                (vacancy.published <= vacancy.until, "until"),
            ],
        };
        checks.into_iter().find(|(right, _)| !right).map(|(_, field)| field)
    }
}

/// An article in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArticleLine {
    /// Its code.
    pub code: String,
    /// Title.
    pub title: String,
    /// Topic.
    pub topic: String,
    /// When it was published.
    pub published: Day,
}

/// A page of articles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArticleList {
    /// The best fit first, then the newest.
    pub articles: Vec<ArticleLine>,
    /// How many there are on all pages.
    pub total: u32,
    /// Where the next page begins; `None` on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// An office in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OfficeLine {
    /// The office.
    pub office: Office,
    /// How far from the terminal, in metres as the crow flies, where both places are known.
    pub distance_m: Option<u32>,
}

/// A page of offices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OfficeList {
    /// The nearest first.
    pub offices: Vec<OfficeLine>,
    /// How many there are on all pages.
    pub total: u32,
    /// Where the next page begins; `None` on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// A vacancy in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VacancyLine {
    /// Its code.
    pub code: String,
    /// Title of the work.
    pub title: String,
    /// Employer.
    pub employer: String,
    /// District of the place of work.
    #[schema(value_type = crate::schema::RegionCode)]
    pub district: RegionCode,
    /// Whether that is the district that was asked for.
    pub near: bool,
    /// Lowest wage of a month.
    #[schema(value_type = crate::schema::Money)]
    pub wage_min: Fen,
    /// Highest wage of a month.
    #[schema(value_type = crate::schema::Money)]
    pub wage_max: Fen,
    /// How many are sought.
    pub places: u16,
    /// When it was published.
    pub published: Day,
}

/// A page of vacancies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VacancyList {
    /// Those of the district first, then of the city, then others; in each the best fit, then the newest.
    pub vacancies: Vec<VacancyLine>,
    /// How many there are on all pages.
    pub total: u32,
    /// Where the next page begins; `None` on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

/// Where the terminal that asks stands, as the center's staff has written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Here {
    /// District, when known.
    #[schema(value_type = Option<crate::schema::RegionCode>)]
    pub district: Option<RegionCode>,
    /// Place, when known.
    pub place: Option<Place>,
}

/// One change of the public documents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentChange {
    /// Kind.
    pub kind: DocumentKind,
    /// Code.
    pub code: String,
    /// The document; `None` when it is published no more.
    pub document: Option<Document>,
}

/// A page of changes, signed by the center: what a terminal keeps to show while the line is down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentChanges {
    /// Whose documents these are.
    #[schema(value_type = crate::schema::RegionCode)]
    pub city: RegionCode,
    /// The generation of the center's feed: when it changes, the copy starts again from nothing.
    pub epoch: u64,
    /// Cursor after which this page starts; 0 is the very beginning.
    pub after: u64,
    /// Cursor of the page's last change, or `after` when the page is empty.
    pub upto: u64,
    /// Cursor of the newest change there is.
    pub newest: u64,
    /// The center's clock when it made the page.
    pub as_of: Timestamp,
    /// Where the terminal that asked stands.
    pub here: Here,
    /// The changes.
    pub changes: Vec<DocumentChange>,
}

impl DocumentChanges {
    /// Whether the page is one of a center's: in order, within its limits, each document what its name says.
    pub fn sound(&self) -> bool {
        self.after <= self.upto
            && self.upto <= self.newest
            && self.changes.len() <= CHANGES_MAX
            && self.here.place.is_none_or(Place::sound)
            && self.changes.iter().all(|change| {
                code(&change.code)
                    && change.document.as_ref().is_none_or(|document| {
                        document.kind() == change.kind
                            && document.code() == change.code
                            && document.fault().is_none()
                    })
            })
    }
}
