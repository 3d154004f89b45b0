//! The catalog of items (医保目录): classes 甲乙丙, first shares and price ceilings.
//!
//! A bill may give an item by its code alone; the catalog then says how much of it counts.

mod finder;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use time::Date;

use self::finder::Finder;
use crate::rules::{
    Document, FieldProblem, RulesError,
    bill::{CODE_CHARS_MAX, ItemClass, NAME_CHARS_MAX},
    json,
    number::{Share, UnitPrice, date},
};

/// Bytes of a catalog document.
pub const CATALOG_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Items of a catalog; the national lists together stay below.
pub const ITEMS_MAX: usize = 1_000_000;
/// The price that the national interface writes for "no ceiling".
pub const NO_CEILING: &str = "999999";

const FORMAT: u32 = 1;

/// One item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// National code (`med_list_codg`).
    #[serde(alias = "med_list_codg")]
    pub code: String,
    /// Name.
    pub name: String,
    /// Class 甲, 乙 or 丙 (`chrgitm_lv` 01, 02, 03).
    #[serde(alias = "chrgitm_lv")]
    pub class: ItemClass,
    /// Share that the person pays first; may be left out for 甲 (0) and 丙 (1).
    #[serde(default)]
    pub selfpay_prop: Option<Share>,
    /// Highest price that counts; absent, or 999999, is no ceiling.
    #[serde(default, alias = "pric_uplmt_amt")]
    pub price_ceiling: Option<UnitPrice>,
    /// On the list of essential drugs (`bas_medn_flag`).
    #[serde(default)]
    pub essential: bool,
    /// What a scanner reads off its package (`drug_prodcode`, GTIN), where the list knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barcode: Option<String>,
}

impl Item {
    /// The first share, by class where it is not written.
    pub fn selfpay(&self) -> Share {
        self.selfpay_prop.unwrap_or(match self.class {
            ItemClass::A | ItemClass::B => Share::NONE,
            ItemClass::C => Share::ALL,
        })
    }
}

/// All items of a city from a day on.
#[derive(Clone, Debug)]
pub struct Catalog {
    version: u32,
    effective_from: Date,
    items: HashMap<String, Item>,
    finder: Finder,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CatalogFile {
    format: u32,
    version: u32,
    #[serde(with = "date")]
    effective_from: Date,
    items: Vec<Item>,
}

impl Catalog {
    /// Reads and checks a catalog document.
    ///
    /// Errors: `TooLarge`, `Json`, `Field` with the item at fault (a code twice, 乙 without share, …).
    pub fn from_json(bytes: &[u8]) -> Result<Self, RulesError> {
        let file: CatalogFile = json(Document::Catalog, bytes, CATALOG_BYTES_MAX)?;
        let refuse =
            |field: String, problem| Err(RulesError::Field { document: Document::Catalog, field, problem });
        if file.format != FORMAT {
            return refuse("format".into(), FieldProblem::Format { expected: FORMAT, got: file.format });
        }
        if file.items.len() > ITEMS_MAX {
            return refuse("items".into(), FieldProblem::TooMany { max: ITEMS_MAX, got: file.items.len() });
        }
        let no_ceiling = NO_CEILING.parse::<UnitPrice>().ok();
        let mut items: HashMap<String, Item> = HashMap::with_capacity(file.items.len());
        for (index, mut item) in file.items.into_iter().enumerate() {
            let field = |name: &str| format!("items[{index}].{name}");
            if item.code.is_empty() {
                return refuse(field("code"), FieldProblem::Empty);
            }
            if item.code.chars().count() > CODE_CHARS_MAX {
                return refuse(field("code"), FieldProblem::TooLong { max: CODE_CHARS_MAX });
            }
            if item.name.chars().count() > NAME_CHARS_MAX {
                return refuse(field("name"), FieldProblem::TooLong { max: NAME_CHARS_MAX });
            }
            let right = match (item.class, item.selfpay_prop) {
                (ItemClass::A, prop) => prop.is_none_or(|prop| prop == Share::NONE),
                (ItemClass::B, prop) => prop.is_some_and(|prop| prop < Share::ALL),
                (ItemClass::C, prop) => prop.is_none_or(|prop| prop == Share::ALL),
            };
            if !right {
                return refuse(field("selfpay_prop"), FieldProblem::SelfPay { class: item.class });
            }
            if item.barcode.as_ref().is_some_and(|barcode| barcode.chars().count() > CODE_CHARS_MAX) {
                return refuse(field("barcode"), FieldProblem::TooLong { max: CODE_CHARS_MAX });
            }
            if item.price_ceiling == no_ceiling {
                item.price_ceiling = None;
            }
            if let Some(twice) = items.insert(item.code.clone(), item) {
                return refuse(field("code"), FieldProblem::CodeTwice { code: twice.code });
            }
        }
        let finder = Finder::of(items.values());
        Ok(Catalog { version: file.version, effective_from: file.effective_from, items, finder })
    }

    /// Items that a clerk means by these few letters: whole code or barcode, beginning of the code, initials of the
    /// name in pinyin from any character on, or a part of the name itself. The best first, at most `rows_max`.
    pub fn find(&self, words: &str, rows_max: usize) -> Vec<&Item> {
        let codes = self.finder.find(words, rows_max);
        codes.iter().filter_map(|code| self.items.get(*code)).collect()
    }

    /// The item with this code.
    pub fn item(&self, code: &str) -> Option<&Item> {
        self.items.get(code)
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// No item at all.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The publisher's version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// First day that it applies to.
    pub fn effective_from(&self) -> Date {
        self.effective_from
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn catalog(items: &str) -> Result<Catalog, RulesError> {
        let text = format!(r#"{{"format":1,"version":7,"effective_from":"2025-01-01","items":[{items}]}}"#);
        Catalog::from_json(text.as_bytes())
    }

    #[test]
    fn items_are_found_by_code() {
        let catalog = catalog(
            r#"{"code":"A1","name":"阿莫西林","class":"01","price_ceiling":"999999"},
               {"med_list_codg":"B1","name":"缬沙坦","chrgitm_lv":"02","selfpay_prop":"0.05","pric_uplmt_amt":"4.52"},
               {"code":"C1","name":"保健品","class":"03"}"#,
        )
        .unwrap();
        assert_eq!((catalog.len(), catalog.version()), (3, 7));
        assert_eq!(catalog.item("A1").unwrap().price_ceiling, None);
        assert_eq!(catalog.item("B1").unwrap().selfpay().to_string(), "5%");
        assert_eq!(catalog.item("C1").unwrap().selfpay(), Share::ALL);
        assert!(catalog.item("D1").is_none());
    }

    #[test]
    fn faults_are_named() {
        let field = |items: &str| match catalog(items) {
            Err(RulesError::Field { document: Document::Catalog, field, problem }) => (field, problem),
            other => panic!("{other:?}"),
        };
        let item = |rest: &str| format!(r#"{{"name":"x",{rest}}}"#);
        assert_eq!(
            field(&item(r#""code":"A","class":"02""#)),
            ("items[0].selfpay_prop".into(), FieldProblem::SelfPay { class: ItemClass::B })
        );
        assert_eq!(field(&item(r#""code":"","class":"01""#)), ("items[0].code".into(), FieldProblem::Empty));
        let twice = [item(r#""code":"A","class":"01""#), item(r#""code":"A","class":"01""#)].join(",");
        assert_eq!(field(&twice), ("items[1].code".into(), FieldProblem::CodeTwice { code: "A".into() }));
        assert!(matches!(catalog(&item(r#""code":"A","klass":"01""#)), Err(RulesError::Json { .. })));
    }
}
