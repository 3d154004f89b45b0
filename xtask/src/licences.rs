//! The licence of every dependency, against the list that a distributor of our binaries can live with.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::process;

/// Licences that ask for no more than to be named.
const ALLOWED: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "Unicode-3.0",
    "Unlicense",
    "WTFPL",
    "Zlib",
    "blessing",
];

/// Copyleft by file: what we change of it we publish, ours is untouched.
const BY_FILE: &[&str] = &["MPL-2.0"];

/// Copyleft of the whole binary: for the program with the windows alone, which says so.
const BY_BINARY: &[&str] = &["GPL-3.0-only"];

/// That program.
const WINDOWS: &str = "jinbao-ui";

/// Checks every package of the lock file; an error lists those that fit no allowed licence.
pub(crate) fn check() -> Result<(), String> {
    let text = process::output(process::cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let everywhere = everywhere(&metadata);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut bad = Vec::new();
    for package in packages {
        let name = format!("{} {}", text_of(&package["name"]), text_of(&package["version"]));
        let licence = text_of(&package["license"]);
        let everywhere = everywhere.contains(text_of(&package["id"]));
        if !permitted(licence, if everywhere { &[] } else { BY_BINARY }) {
            bad.push(format!("{name}: {}", if licence.is_empty() { "none stated" } else { licence }));
        }
        *counts.entry(licence.to_owned()).or_default() += 1;
    }
    println!("{} packages, licences:", packages.len());
    for (licence, count) in &counts {
        println!("  {count:>4}  {licence}");
    }
    if bad.is_empty() {
        Ok(())
    } else {
        Err(format!("licences that are not allowed:\n  {}", bad.join("\n  ")))
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Packages that go into anything but the program with the windows.
fn everywhere(metadata: &Value) -> BTreeSet<&str> {
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|node| (text_of(&node["id"]), &node["dependencies"]))
        .collect();
    let windows = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == WINDOWS)
        .map(|package| &package["id"]);
    let mut open: Vec<&str> = metadata["workspace_members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|member| Some(*member) != windows)
        .map(text_of)
        .collect();
    let mut reached = BTreeSet::new();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(nodes.get(id).and_then(|on| on.as_array()).into_iter().flatten().map(text_of));
        }
    }
    reached
}

/// Whether an SPDX expression leaves us a choice that is allowed: every AND part has an allowed OR part.
fn permitted(expression: &str, also: &[&str]) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    expression.split(" AND ").all(|part| {
        part.split(" OR ").any(|licence| {
            let licence = licence.trim();
            ALLOWED.contains(&licence) || BY_FILE.contains(&licence) || also.contains(&licence)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::permitted;

    #[test]
    fn expressions() {
        assert!(permitted("MIT OR Apache-2.0", &[]));
        assert!(permitted("MIT/Apache-2.0", &[]));
        assert!(permitted("(MIT OR Apache-2.0) AND Unicode-3.0", &[]));
        assert!(!permitted("GPL-3.0-only", &[]));
        assert!(!permitted("MIT AND GPL-3.0-only", &[]));
        assert!(!permitted("", &[]));
    }
}
