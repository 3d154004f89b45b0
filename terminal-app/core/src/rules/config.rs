//! The rules of a city from a day on, as data.
//!
//! A document is JSON with unknown fields refused. Amounts are yuan text (`"1300.00"`), shares are
//! percentages (`"85%"`). Fields that decide about much money have no default: a benefit without a cap
//! says `"caps": []`, a fund without one `"yearly_cap": null`.

use std::collections::BTreeMap;

use card_spec::{money::Fen, region::RegionCode};
use serde::Deserialize;
use time::Date;

use super::{
    bill::{HospitalLevel, VisitKind},
    check,
    error::{Document, RulesError},
    json,
    number::{Share, date, yuan, yuan_or_null},
    person::{AidClass, Person, PersonKind},
    settlement::Fund,
};
use crate::language::Language;

/// Bytes of a rules document.
pub const RULES_BYTES_MAX: usize = 1024 * 1024;
/// Bands of one table.
pub const BANDS_MAX: usize = 16;
/// Benefits, layers, sources, caps and account rules: entries of each list.
pub const ENTRIES_MAX: usize = 64;
/// Characters of a note or name.
pub const NOTE_CHARS_MAX: usize = 500;
/// Any amount in the rules: a hundred million yuan.
pub const RULE_AMOUNT_MAX: Fen = Fen(10_000_000_000);
/// The document format that is read.
pub const FORMAT: u32 = 1;

/// The checked rules of one city, in one version.
#[derive(Clone, Debug)]
pub struct CityRules {
    pub(super) file: CityRulesFile,
}

impl CityRules {
    /// Reads and checks a rules document.
    ///
    /// Errors: `TooLarge`, `Json` with line and column, `Field` with the path of the field and what to do.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RulesError> {
        let file: CityRulesFile = json(Document::CityRules, bytes, RULES_BYTES_MAX)?;
        check::check(&file)?;
        Ok(CityRules { file })
    }

    /// The city (city code, GB/T 2260).
    pub fn region(&self) -> RegionCode {
        self.file.region
    }

    /// The city's name.
    pub fn name(&self, language: Language) -> &str {
        self.file.name.pick(language)
    }

    /// The publisher's version; a later one for the same first day replaces an earlier one.
    pub fn version(&self) -> u32 {
        self.file.version
    }

    /// First day that the rules apply to.
    pub fn effective_from(&self) -> Date {
        self.file.effective_from
    }

    /// Not a city's own document but an example made from public material.
    pub fn is_sample(&self) -> bool {
        self.file.sample
    }

    /// Where the figures come from.
    pub fn sources(&self) -> &[Source] {
        &self.file.sources
    }

    pub(super) fn benefit(&self, person: PersonKind, visit: VisitKind) -> Option<&Benefit> {
        self.file
            .benefits
            .iter()
            .find(|benefit| benefit.persons.contains(&person) && benefit.visits.contains(&visit))
    }

    pub(super) fn layers<'a>(
        &'a self,
        person: &'a Person,
        visit: VisitKind,
    ) -> impl Iterator<Item = &'a Layer> {
        self.file.layers.iter().filter(move |layer| layer.applies(person, visit))
    }

    pub(super) fn account(&self, person: PersonKind, visit: VisitKind) -> Option<&AccountRule> {
        self.file.account.iter().find(|rule| rule.persons.contains(&person) && rule.visits.contains(&visit))
    }
}

/// All versions of rules that a terminal knows, of one city or several.
#[derive(Clone, Debug, Default)]
pub struct RuleBook {
    versions: Vec<CityRules>,
}

impl RuleBook {
    /// An empty book.
    pub fn new() -> Self {
        RuleBook::default()
    }

    /// Adds rules. Of two for the same city and first day the higher version stays.
    pub fn insert(&mut self, rules: CityRules) {
        let same = self.versions.iter_mut().find(|known| {
            known.region() == rules.region() && known.effective_from() == rules.effective_from()
        });
        match same {
            Some(known) if known.version() <= rules.version() => *known = rules,
            Some(_) => {}
            None => self.versions.push(rules),
        }
    }

    /// The rules of a city on a day: those that began last.
    ///
    /// Errors: `NoRules` for a city without any, `NotInForce` before the first.
    pub fn on(&self, region: RegionCode, date: Date) -> Result<&CityRules, RulesError> {
        let city = || self.versions.iter().filter(|rules| rules.region() == region);
        city()
            .filter(|rules| rules.effective_from() <= date)
            .max_by_key(|rules| rules.effective_from())
            .ok_or_else(|| match city().map(CityRules::effective_from).min() {
                Some(effective_from) => RulesError::NotInForce { effective_from, date },
                None => RulesError::NoRules { region },
            })
    }
}

/// A text in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    pub(super) zh: String,
    pub(super) en: String,
}

impl Text {
    pub(super) fn pick(&self, language: Language) -> &str {
        language.pick(&self.zh, &self.en)
    }
}

/// How sure a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Grade {
    /// An official text or two independent sources.
    A,
    /// One source.
    B,
    /// An inference.
    C,
    /// Nothing was found; the figure is our choice, so that the sample is complete.
    #[serde(rename = "ours")]
    Ours,
}

/// Where a group of figures comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Which figures.
    pub about: String,
    /// How sure they are.
    pub grade: Grade,
    /// Document, or reason of the choice.
    pub note: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CityRulesFile {
    pub(super) format: u32,
    #[serde(default)]
    pub(super) sample: bool,
    pub(super) region: RegionCode,
    pub(super) name: Text,
    pub(super) version: u32,
    #[serde(with = "date")]
    pub(super) effective_from: Date,
    #[serde(default)]
    pub(super) sources: Vec<Source>,
    pub(super) caps: BTreeMap<String, Cap>,
    pub(super) benefits: Vec<Benefit>,
    #[serde(default)]
    pub(super) layers: Vec<Layer>,
    #[serde(default)]
    pub(super) account: Vec<AccountRule>,
    #[serde(default)]
    pub(super) hospital: HospitalShare,
}

/// A yearly limit of the pooled fund (封顶线), over all benefits that name it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cap {
    pub(super) name: Text,
    #[serde(with = "yuan")]
    pub(super) yearly: Fen,
}

/// What the pooled fund pays for some persons and visits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Benefit {
    pub(super) persons: Vec<PersonKind>,
    pub(super) visits: Vec<VisitKind>,
    pub(super) deductible: Deductible,
    pub(super) bands: Bands,
    pub(super) caps: Vec<String>,
}

/// What an amount is counted over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Period {
    Year,
    Visit,
}

/// The deductible (起付线).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deductible {
    pub(super) period: Period,
    pub(super) by_level: ByLevel<Yuan>,
    #[serde(default)]
    pub(super) later_stays: LaterStays,
    #[serde(default)]
    pub(super) essential_exempt: bool,
}

/// How the deductible falls from the second stay of a year on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum LaterStays {
    /// It does not.
    #[default]
    Same,
    /// Shares of the first stay's for stay 2, 3, …; the last one stays.
    Shares(Vec<Share>),
    /// Less by `step` each stay, never below the floor.
    Less {
        #[serde(with = "yuan")]
        step: Fen,
        floor: ByLevel<Yuan>,
    },
}

/// An amount written as yuan.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Yuan(#[serde(with = "yuan")] pub(super) Fen);

/// A value for each grade of hospital; `other` is for those that have none of their own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ByLevel<T> {
    community: Option<T>,
    primary: Option<T>,
    secondary: Option<T>,
    tertiary: Option<T>,
    other: Option<T>,
}

impl<T> ByLevel<T> {
    pub(super) fn of(&self, level: HospitalLevel) -> Option<&T> {
        self.own(level).or(self.other.as_ref())
    }

    pub(super) fn own(&self, level: HospitalLevel) -> Option<&T> {
        match level {
            HospitalLevel::Community => self.community.as_ref(),
            HospitalLevel::Primary => self.primary.as_ref(),
            HospitalLevel::Secondary => self.secondary.as_ref(),
            HospitalLevel::Tertiary => self.tertiary.as_ref(),
        }
    }

    /// Every value that is written, with the name of its field.
    pub(super) fn written(&self) -> impl Iterator<Item = (&'static str, &T)> {
        [
            ("community", &self.community),
            ("primary", &self.primary),
            ("secondary", &self.secondary),
            ("tertiary", &self.tertiary),
            ("other", &self.other),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| (name, value)))
    }
}

/// Where bands are measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CountFrom {
    /// From the first fen of in-scope cost; the deductible lies inside the lowest band.
    Zero,
    /// From the end of the deductible.
    Deductible,
}

/// The bands (分段) of the pooled fund.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bands {
    pub(super) count_from: CountFrom,
    pub(super) period: Period,
    /// The person's own share is this part of the one that the tables leave (retired: 60 %).
    #[serde(default)]
    pub(super) own_share_factor: Option<Share>,
    pub(super) tables: Vec<BandTable>,
}

impl Bands {
    /// The table for an age and a level; a checked document has one.
    pub(super) fn table(&self, age_years: u8, level: HospitalLevel) -> Option<&[Band]> {
        let table = self.tables.iter().rev().find(|table| table.from_age <= age_years)?;
        table.by_level.of(level).map(Vec::as_slice)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BandTable {
    #[serde(default)]
    pub(super) from_age: u8,
    pub(super) by_level: ByLevel<Vec<Band>>,
}

/// The cost up to `up_to` (the last band: all above), of which `fund` is paid.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Band {
    #[serde(default)]
    pub(super) up_to: Option<Yuan>,
    pub(super) fund: Share,
}

/// The cost that a further fund looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerBase {
    /// All that the person still bears of the in-scope cost.
    OwnInScope,
    /// The person's share within the bands, without deductible and without what is above a cap.
    OwnShare,
    /// What the pooled fund would have paid but for its cap.
    OverCap,
}

/// A fund that pays after the pooled one; its threshold, bands and cap count over the year.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layer {
    pub(super) fund: Fund,
    pub(super) persons: Vec<PersonKind>,
    pub(super) visits: Vec<VisitKind>,
    #[serde(default)]
    pub(super) civil_servants_only: bool,
    #[serde(default)]
    pub(super) aid_classes: Vec<AidClass>,
    pub(super) base: LayerBase,
    #[serde(with = "yuan")]
    pub(super) from: Fen,
    pub(super) bands: Vec<Band>,
    #[serde(deserialize_with = "yuan_or_null")]
    pub(super) yearly_cap: Option<Fen>,
}

impl Layer {
    pub(super) fn applies(&self, person: &Person, visit: VisitKind) -> bool {
        self.persons.contains(&person.kind)
            && self.visits.contains(&visit)
            && (!self.civil_servants_only || person.civil_servant)
            && (self.aid_classes.is_empty()
                || person.aid.is_some_and(|class| self.aid_classes.contains(&class)))
    }
}

/// A part of the person's own cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnItem {
    /// The deductible.
    Deductible,
    /// The own share within the bands.
    OwnShare,
    /// What a cap of the pooled fund left.
    OverCap,
    /// First shares of 乙 items.
    SelfPayFirst,
    /// Above price ceilings.
    OverCeiling,
    /// Outside the catalog.
    OutsideCatalog,
}

impl OwnItem {
    /// All of them, in the order of the settlement.
    pub const ALL: [OwnItem; 6] = [
        OwnItem::Deductible,
        OwnItem::OwnShare,
        OwnItem::OverCap,
        OwnItem::SelfPayFirst,
        OwnItem::OverCeiling,
        OwnItem::OutsideCatalog,
    ];
}

/// What a personal account may pay.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountRule {
    pub(super) persons: Vec<PersonKind>,
    pub(super) visits: Vec<VisitKind>,
    /// Paid in this order.
    pub(super) pays: Vec<OwnItem>,
    /// Must stay on the account.
    #[serde(with = "yuan")]
    pub(super) keep: Fen,
    /// The most in one settlement.
    #[serde(deserialize_with = "yuan_or_null")]
    pub(super) per_settlement_max: Option<Fen>,
    /// Relatives' accounts pay the same items afterwards.
    #[serde(default)]
    pub(super) family: bool,
}

/// What the hospital bears of the cost that no fund pays (医院负担).
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HospitalShare {
    /// Of what is above price ceilings.
    pub(super) over_ceiling: Share,
    /// Outside-catalog cost above this part of the bill is the hospital's.
    pub(super) outside_catalog_max: Option<Share>,
}
