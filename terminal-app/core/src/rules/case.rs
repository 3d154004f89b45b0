//! A bill with its person as one JSON document: what a rules officer tries a configuration on.

use card_spec::money::Fen;
use serde::Deserialize;
use time::Date;

use super::{
    bill::{Bill, HospitalLevel, ItemClass, Line, VisitKind},
    error::{Document, LineProblem, RulesError},
    json,
    number::{Count, Share, UnitPrice, date, yuan},
    person::{Account, Person, YearToDate},
};
use crate::catalog::Catalog;

/// Bytes of a case document; a bill of [`super::bill::LINES_MAX`] lines stays below.
pub const CASE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A bill, the person it is for, the year so far and the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The bill.
    pub bill: Bill,
    /// The person.
    pub person: Person,
    /// The year before this bill; all zero where the document says nothing.
    pub year: YearToDate,
    /// The account; unused where the document says nothing.
    pub account: Account,
}

/// A line as it is entered: by code alone with a catalog, or with class, share and ceiling.
///
/// Field names of the national interface are taken as well (`med_list_codg`, `chrgitm_lv`, `pric`, `cnt`,
/// `pric_uplmt_amt`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineInput {
    /// National item code.
    #[serde(alias = "med_list_codg")]
    pub code: String,
    /// Name; the catalog's where it is left out.
    #[serde(default)]
    pub name: Option<String>,
    /// Class; the catalog's where it is left out.
    #[serde(default, alias = "chrgitm_lv")]
    pub class: Option<ItemClass>,
    /// Price of one unit.
    #[serde(alias = "pric")]
    pub price: UnitPrice,
    /// Number of units.
    #[serde(alias = "cnt")]
    pub count: Count,
    /// First share; needed for 乙 without a catalog.
    #[serde(default)]
    pub selfpay_prop: Option<Share>,
    /// Highest price that counts.
    #[serde(default, alias = "pric_uplmt_amt")]
    pub price_ceiling: Option<UnitPrice>,
    /// Essential drug; the catalog's word where it is left out.
    #[serde(default)]
    pub essential: Option<bool>,
    /// The line's amount as the hospital has it; must then be price × count.
    #[serde(default, alias = "det_item_fee_sumamt")]
    pub amount: Option<Amount>,
}

/// An amount written as yuan text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Amount(
    /// In fen.
    #[serde(with = "yuan")]
    pub Fen,
);

impl LineInput {
    /// Completes the line, from the catalog where there is one and it has the code.
    ///
    /// What the line says itself about share and ceiling yields to the catalog; another class is refused.
    /// Errors: `NotInCatalog`, `ClassDiffers`, `SelfPayMissing`, `Amount`.
    pub fn resolve(self, catalog: Option<&Catalog>) -> Result<Line, LineProblem> {
        if let Some(Amount(got)) = self.amount {
            let expected = self.price.times(self.count);
            if got != expected {
                return Err(LineProblem::Amount { expected, got, price: self.price, count: self.count });
            }
        }
        let item = catalog.and_then(|catalog| catalog.item(&self.code));
        let class = match (item, self.class) {
            (Some(item), Some(class)) if item.class != class => {
                return Err(LineProblem::ClassDiffers { expected: item.class, got: class });
            }
            (Some(item), _) => item.class,
            (None, Some(class)) => class,
            (None, None) => return Err(LineProblem::NotInCatalog { code: self.code }),
        };
        let selfpay_prop = match (item, self.selfpay_prop, class) {
            (Some(item), _, _) => item.selfpay(),
            (None, Some(prop), _) => prop,
            (None, None, ItemClass::A) => Share::NONE,
            (None, None, ItemClass::B) => return Err(LineProblem::SelfPayMissing),
            (None, None, ItemClass::C) => Share::ALL,
        };
        Ok(Line {
            name: self.name.or_else(|| item.map(|item| item.name.clone())).unwrap_or_default(),
            class,
            price: self.price,
            count: self.count,
            selfpay_prop,
            price_ceiling: item.map_or(self.price_ceiling, |item| item.price_ceiling),
            essential: item.map_or(self.essential.unwrap_or(false), |item| item.essential),
            code: self.code,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    /// For people; not looked at.
    #[serde(default)]
    #[allow(dead_code, reason = "a place for the author's remarks")]
    note: Option<String>,
    visit: VisitKind,
    level: HospitalLevel,
    #[serde(with = "date")]
    date: Date,
    person: Person,
    #[serde(default)]
    year_to_date: Option<YearToDate>,
    #[serde(default)]
    account: Account,
    lines: Vec<LineInput>,
}

impl Case {
    /// Reads a case; lines given by code alone are looked up in `catalog`.
    ///
    /// Errors: `TooLarge`, `Json`, and those of [`Bill::new`] and [`LineInput::resolve`].
    pub fn from_json(bytes: &[u8], catalog: Option<&Catalog>) -> Result<Self, RulesError> {
        let file: CaseFile = json(Document::Case, bytes, CASE_BYTES_MAX)?;
        let lines = file
            .lines
            .into_iter()
            .enumerate()
            .map(|(index, line)| {
                line.resolve(catalog).map_err(|problem| RulesError::Line { line: index + 1, problem })
            })
            .collect::<Result<Vec<Line>, RulesError>>()?;
        Ok(Case {
            bill: Bill::new(file.visit, file.level, file.date, lines)?,
            person: file.person,
            year: file.year_to_date.unwrap_or_else(|| YearToDate::empty(file.date.year())),
            account: file.account,
        })
    }
}
