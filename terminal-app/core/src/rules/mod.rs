//! The rules engine: what a bill comes to for a person, by the rules of a city.
//!
//! [`settle()`] is one pure function over integer fen. Rules are data ([`CityRules`]), a bill is checked
//! when it is made ([`bill::Bill`]), the figures cannot contradict each other ([`Settlement`]), and every
//! step can be explained in words ([`Step`]).

mod bands;
pub mod bill;
mod case;
mod check;
pub mod config;
mod error;
pub mod number;
pub mod person;
mod settle;
mod settlement;
mod step;
pub(crate) mod words;
mod year;

pub use bill::{Bill, HospitalLevel, ItemClass, Line, LineAmounts, VisitKind};
pub use case::{CASE_BYTES_MAX, Case, LineInput};
pub use config::{CityRules, Grade, LayerBase, OwnItem, RuleBook, Source};
pub use error::{Document, FieldProblem, LineProblem, RulesError};
pub use number::{Count, Share, UnitPrice};
pub use person::{
    Account, AidClass, Contribution, KindToDate, LayerToDate, LayersToDate, Person, PersonKind, YearToDate,
    age_years,
};
pub use settle::{Outcome, settle};
pub use settlement::{Fund, Identity, Settlement};
pub use step::{AccountUnused, Step, StepFigures};
pub use words::{fund_name, item_name, person_name, visit_name};

pub use protocol::record::Amounts;
use serde::de::DeserializeOwned;

/// Reads a JSON document of at most `bytes_max` bytes.
pub(crate) fn json<T: DeserializeOwned>(
    document: Document,
    bytes: &[u8],
    bytes_max: usize,
) -> Result<T, RulesError> {
    if bytes.len() > bytes_max {
        return Err(RulesError::TooLarge { document, bytes_max, got: bytes.len() });
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let detail = error.to_string();
        // The position stands in fields of its own.
        let detail = detail.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&detail);
        RulesError::Json { document, line, column, detail: detail.to_owned() }
    })
}
