//! Distribution of the city's rules.

use std::{collections::HashMap, sync::PoisonError};

use protocol::{
    problem::Problem,
    rules::{PURPOSE, RULES_BYTES_MAX, RulesDocument, RulesSet},
    signature::Signed,
};
use serde::{Deserialize, de::IgnoredAny};
use time::{Date, format_description::well_known::Iso8601};

use super::{Production, internal, storage_problem};
use crate::error::Error;

/// Most versions that are kept.
pub const RULES_VERSIONS_MAX: usize = 200;

/// The set as it was last signed.
pub(super) struct Cached {
    revision: u64,
    today: Date,
    signed: Signed,
}

impl Production {
    /// The rules and catalogs in force today and those to come, signed, when there is a newer revision than `revision`.
    pub fn rules(&self, revision: u64) -> Result<Option<Signed>, Problem> {
        let today = self.now().civil().date();
        let rows = self.storage.rules().map_err(storage_problem)?;
        if rows.revision <= revision {
            return Ok(None);
        }
        let mut cache = self.rules_cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) =
            cache.as_ref().filter(|cached| cached.revision == rows.revision && cached.today == today)
        {
            return Ok(Some(cached.signed.clone()));
        }
        let set = RulesSet { revision: rows.revision, documents: needed(rows.documents, today) };
        let signed =
            Signed::new(&self.key, PURPOSE, &set).map_err(|_| internal("the rules cannot be written"))?;
        *cache = Some(Cached { revision: rows.revision, today, signed: signed.clone() });
        Ok(Some(signed))
    }

    /// Adds a version of the rules, or replaces the one of that name. Returns the new revision.
    ///
    /// Errors: `Input` when the first day is no day, the configuration is no JSON object, or the set would
    /// become larger than a terminal takes; `Storage`.
    pub fn add_rules(&self, document: &RulesDocument) -> Result<u64, Error> {
        if document.version.is_empty() || document.version.len() > 64 {
            return Err(Error::input("a version is named with 1 to 64 characters"));
        }
        if first_day(document).is_none() {
            return Err(Error::input(format!("{} is no day (YYYY-MM-DD)", document.effective_from)));
        }
        let parsed: Result<serde_json::Map<String, serde_json::Value>, _> =
            serde_json::from_str(&document.configuration);
        if let Err(error) = parsed {
            return Err(Error::input(format!("the configuration is no JSON object: {error}")));
        }
        let mut documents = self.storage.rules()?.documents;
        documents.retain(|known| known.version != document.version);
        documents.push(document.clone());
        if documents.len() > RULES_VERSIONS_MAX {
            return Err(Error::input(format!("more than {RULES_VERSIONS_MAX} versions of the rules")));
        }
        documents.sort_by(|a, b| a.effective_from.cmp(&b.effective_from));
        let documents = needed(documents, self.now().civil().date());
        let bytes = serde_json::to_string(&RulesSet { revision: u64::MAX, documents })
            .map_err(|error| Error::input(error.to_string()))?
            .len();
        if bytes > RULES_BYTES_MAX {
            return Err(Error::input(format!(
                "the rules would take {bytes} bytes, of {RULES_BYTES_MAX} at most"
            )));
        }
        Ok(self.storage.put_rules(document)?)
    }
}

fn first_day(document: &RulesDocument) -> Option<Date> {
    let well_formed = document.effective_from.len() == 10;
    Date::parse(&document.effective_from, &Iso8601::DATE).ok().filter(|_| well_formed)
}

/// What a document is about. Only one of the same kind replaces another.
#[derive(PartialEq, Eq, Hash)]
enum Kind {
    /// The rules of a city: they name its region.
    Rules(String),
    /// A catalog of items.
    Catalog,
    /// What this program does not know; all of it is of one kind.
    Other,
}

impl Kind {
    fn of(document: &RulesDocument) -> Self {
        /// The fields by which terminals tell the kinds apart, too.
        #[derive(Deserialize)]
        struct Told {
            region: Option<String>,
            items: Option<IgnoredAny>,
        }
        match serde_json::from_str(&document.configuration) {
            Ok(Told { region: Some(region), .. }) => Kind::Rules(region),
            Ok(Told { items: Some(_), .. }) => Kind::Catalog,
            _ => Kind::Other,
        }
    }
}

/// Of each kind the versions in force today and all later ones, in the order of their first day.
///
/// Several of one first day all stay: which of them counts is for the terminal to say, by their content.
fn needed(documents: Vec<RulesDocument>, today: Date) -> Vec<RulesDocument> {
    let mut documents: Vec<(Kind, Option<Date>, RulesDocument)> =
        documents.into_iter().map(|document| (Kind::of(&document), first_day(&document), document)).collect();
    let mut in_force: HashMap<&Kind, Date> = HashMap::new();
    for (kind, day, _) in &documents {
        if let Some(day) = day.filter(|day| *day <= today) {
            let newest = in_force.entry(kind).or_insert(day);
            *newest = day.max(*newest);
        }
    }
    let superseded: Vec<bool> = documents
        .iter()
        .map(|(kind, day, _)| in_force.get(kind).is_some_and(|newest| day.is_none_or(|day| day < *newest)))
        .collect();
    let mut superseded = superseded.into_iter();
    documents.retain(|_| !superseded.next().unwrap_or(false));
    documents.into_iter().map(|(_, _, document)| document).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use time::macros::date;

    use super::*;

    fn document(version: &str, effective_from: &str) -> RulesDocument {
        RulesDocument {
            version: version.into(),
            effective_from: effective_from.into(),
            configuration: "{}".into(),
        }
    }

    #[test]
    fn the_version_in_force_and_those_to_come() {
        let all = vec![document("a", "2025-01-01"), document("b", "2026-01-01"), document("c", "2027-01-01")];
        let versions = |today| {
            needed(all.clone(), today).into_iter().map(|document| document.version).collect::<Vec<_>>()
        };
        assert_eq!(versions(date!(2024 - 06 - 01)), ["a", "b", "c"]);
        assert_eq!(versions(date!(2025 - 12 - 31)), ["a", "b", "c"]);
        assert_eq!(versions(date!(2026 - 01 - 01)), ["b", "c"]);
        assert_eq!(versions(date!(2030 - 01 - 01)), ["c"]);
    }

    #[test]
    fn a_kind_is_replaced_by_its_own_kind_only() {
        let of = |version: &str, day: &str, configuration: &str| RulesDocument {
            configuration: configuration.into(),
            ..document(version, day)
        };
        let (city, other) = (r#"{"region":"430100","layers":[]}"#, r#"{"region":"350200","layers":[]}"#);
        let catalog = r#"{"format":1,"items":[]}"#;
        let all = vec![
            of("rules 2022", "2022-01-01", city),
            of("neighbour", "2022-06-01", other),
            of("rules 2023", "2023-01-01", city),
            of("rules 2023 again", "2023-01-01", city),
            of("catalog 2025", "2025-01-01", catalog),
            of("catalog 2026", "2026-01-01", catalog),
            document("something else", "2026-02-01"),
            of("rules 2027", "2027-01-01", city),
        ];
        let versions = |today| {
            needed(all.clone(), today).into_iter().map(|document| document.version).collect::<Vec<_>>()
        };
        assert_eq!(
            versions(date!(2026 - 11 - 24)),
            ["neighbour", "rules 2023", "rules 2023 again", "catalog 2026", "something else", "rules 2027"]
        );
        assert_eq!(
            versions(date!(2027 - 01 - 01)),
            ["neighbour", "catalog 2026", "something else", "rules 2027"]
        );
        assert_eq!(versions(date!(2020 - 01 - 01)).len(), all.len());
    }

    #[test]
    fn days_are_days() {
        for text in ["2026-02-29", "2026-1-1", "20260101", "", "2026-13-01", "2026-01-01T00"] {
            assert_eq!(first_day(&document("x", text)), None, "{text}");
        }
        assert_eq!(first_day(&document("x", "2028-02-29")), Some(date!(2028 - 02 - 29)));
    }
}
