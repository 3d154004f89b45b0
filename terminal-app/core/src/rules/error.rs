//! What can be wrong with rules, catalogs and bills.

use std::fmt;

use card_spec::{money::Fen, region::RegionCode};
use time::Date;

use super::{
    bill::{HospitalLevel, ItemClass, VisitKind},
    number::{Count, Share, UnitPrice},
    person::PersonKind,
    settlement::Identity,
};
use crate::language::Language;

/// The file or message that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// A bill with its person.
    Case,
    /// A catalog of items.
    Catalog,
    /// The rules of a city.
    CityRules,
}

/// Why something could not be read or settled. Nothing has happened in any case.
///
/// `Display` is English; [`RulesError::words`] speaks both languages and says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RulesError {
    /// No well-formed JSON, or a field that is missing, unknown or of the wrong kind. For the author.
    Json {
        /// Which document.
        document: Document,
        /// 1-based.
        line: usize,
        /// 1-based.
        column: usize,
        /// What the parser says.
        detail: String,
    },
    /// A document above its size limit. For the author.
    TooLarge {
        /// Which document.
        document: Document,
        /// The limit.
        bytes_max: usize,
        /// Its size.
        got: usize,
    },
    /// A field of the rules or the catalog whose value cannot stand. For the author.
    Field {
        /// Which document.
        document: Document,
        /// Path of the field, `benefits[2].bands.tables[0].tertiary[1].up_to`.
        field: String,
        /// What is wrong with it.
        problem: FieldProblem,
    },
    /// The bill has no lines.
    BillEmpty,
    /// The bill has more lines than [`super::bill::LINES_MAX`].
    LinesTooMany {
        /// The limit.
        max: usize,
        /// Lines given.
        got: usize,
    },
    /// The bill's total is above [`super::bill::BILL_MAX`].
    BillTooLarge {
        /// The limit.
        max: Fen,
        /// Its total.
        got: Fen,
    },
    /// One line of the bill cannot be settled. For whoever entered it.
    Line {
        /// 1-based.
        line: usize,
        /// What is wrong with it.
        problem: LineProblem,
    },
    /// No rules of this city are known.
    NoRules {
        /// The city.
        region: RegionCode,
    },
    /// The city's rules begin after the day of the bill.
    NotInForce {
        /// First day of the earliest rules known.
        effective_from: Date,
        /// The bill's day.
        date: Date,
    },
    /// The city's rules have nothing for this person and visit; settle online.
    NoBenefit {
        /// The city.
        region: RegionCode,
        /// Kind of person.
        person: PersonKind,
        /// Kind of visit.
        visit: VisitKind,
    },
    /// The yearly amounts are of another year than the bill.
    OtherYear {
        /// The bill's.
        expected: i32,
        /// The amounts'.
        got: i32,
    },
    /// A yearly amount or a balance below zero.
    NegativeInput,
    /// Figures that do not add up: no settlement.
    Identity(Identity),
}

/// What is wrong with one line of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineProblem {
    /// No class on the line, and no catalog or no such code in it.
    NotInCatalog {
        /// The code.
        code: String,
    },
    /// The line's class is not the catalog's.
    ClassDiffers {
        /// The catalog's.
        expected: ItemClass,
        /// The line's.
        got: ItemClass,
    },
    /// A 乙 line without its first share.
    SelfPayMissing,
    /// A first share that does not fit the class: 甲 0, 乙 below 1, 丙 1.
    SelfPay {
        /// The line's class.
        class: ItemClass,
        /// The line's share.
        got: Share,
    },
    /// The amount written on the line is not price × count.
    Amount {
        /// Price × count.
        expected: Fen,
        /// The line's.
        got: Fen,
        /// The price.
        price: UnitPrice,
        /// The count.
        count: Count,
    },
    /// A count of 0; a returned item is taken off the bill, not entered as a negative line.
    CountZero,
    /// An empty or too long code.
    Code {
        /// Characters.
        max: usize,
    },
    /// A too long name.
    Name {
        /// Characters.
        max: usize,
    },
}

/// What is wrong with a field of the rules or the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldProblem {
    /// A list that must not be empty.
    Empty,
    /// A list longer than its limit.
    TooMany {
        /// The limit.
        max: usize,
        /// Its length.
        got: usize,
    },
    /// A text longer than its limit.
    TooLong {
        /// Characters.
        max: usize,
    },
    /// A format that this version does not read.
    Format {
        /// What is read.
        expected: u32,
        /// What the document says.
        got: u32,
    },
    /// An amount above its limit.
    AmountTooLarge {
        /// The limit.
        max: Fen,
        /// The amount.
        got: Fen,
    },
    /// `up_to` of a band is not above that of the band before it (or not above `from`).
    BandNotAscending {
        /// The limit that must be exceeded.
        above: Fen,
        /// The band's.
        got: Fen,
    },
    /// A band without `up_to` that is not the last.
    OpenBandNotLast,
    /// The last band has an `up_to`, so that nothing is said about the cost above it.
    LastBandNotOpen,
    /// The first age table does not begin at 0.
    FirstAgeNotZero,
    /// An age that is not above the one before.
    AgeNotAscending,
    /// Nothing is said for this hospital level, and there is no `other`.
    LevelMissing {
        /// The level.
        level: HospitalLevel,
    },
    /// A cap that `caps` does not define.
    UnknownCap {
        /// Its name.
        name: String,
    },
    /// A second entry for the same person and visit (and fund).
    Duplicate {
        /// Kind of person.
        person: PersonKind,
        /// Kind of visit.
        visit: VisitKind,
    },
    /// Later stays are reduced, but the deductible is not one per inpatient visit.
    LaterStaysNotInpatient,
    /// The floor of a reduced deductible is above the full one.
    FloorAboveFull {
        /// The level.
        level: HospitalLevel,
    },
    /// Funds pay in the order major illness and large amount, civil servants and enterprise, medical aid,
    /// other; this one stands after one that pays later.
    LayerOutOfOrder,
    /// The pooled fund is written as a benefit, not as a layer.
    LayerPooled,
    /// Something listed twice.
    Repeated,
    /// The same code twice.
    CodeTwice {
        /// The code.
        code: String,
    },
    /// A first share that does not fit the class.
    SelfPay {
        /// The item's class.
        class: ItemClass,
    },
}

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(Language::English))
    }
}

impl std::error::Error for RulesError {}
