//! Distribution of city rules and catalogs. The center hands them out as signed text; what they mean is
//! the terminal's rules engine's affair.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Purpose under which the center signs a set of rules.
pub const PURPOSE: &str = "jinbao rules 1";

/// Most bytes of one set.
pub const RULES_BYTES_MAX: usize = 8 << 20;

/// One version of a city's rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RulesDocument {
    /// Name of the version, unique in the city.
    pub version: String,
    /// First day on which it applies, `YYYY-MM-DD`.
    pub effective_from: String,
    /// The configuration, JSON.
    pub configuration: String,
}

/// All that a terminal needs: of each city's rules and of the catalog the version in force and those to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RulesSet {
    /// Rises with every change; an older set never replaces a newer one.
    pub revision: u64,
    /// In the order of their first day.
    pub documents: Vec<RulesDocument>,
}
