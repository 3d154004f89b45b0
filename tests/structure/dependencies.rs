//! The folders are the architecture: which crate may know which is checked here.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::Value;

/// Every crate and all that it may depend on, outside of its own tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("jinbao-card-spec", &[]),
    ("jinbao-reader-protocol", &[]),
    ("jinbao-hal", &["jinbao-card-spec", "jinbao-reader-protocol"]),
    ("jinbao-fingerprint", &[]),
    ("jinbao-sim", &["jinbao-card-spec", "jinbao-fingerprint", "jinbao-hal", "jinbao-reader-protocol"]),
    ("jinbao-protocol", &["jinbao-card-spec"]),
    (
        "jinbao-core",
        &[
            "jinbao-card-spec",
            "jinbao-fingerprint",
            "jinbao-hal",
            "jinbao-reader-protocol",
            "jinbao-protocol",
        ],
    ),
    ("jinbao-datacenter", &["jinbao-card-spec", "jinbao-protocol"]),
    ("jinbao-edge", &["jinbao-card-spec", "jinbao-hal", "jinbao-protocol", "jinbao-core"]),
    (
        "jinbao",
        &[
            "jinbao-card-spec",
            "jinbao-fingerprint",
            "jinbao-hal",
            "jinbao-reader-protocol",
            "jinbao-protocol",
            "jinbao-core",
            "jinbao-edge",
        ],
    ),
    ("jinbao-ui", &["jinbao-card-spec", "jinbao-hal", "jinbao-protocol", "jinbao-core", "jinbao-edge"]),
    ("jinbao-engine", &["jinbao-card-spec", "jinbao-reader-protocol"]),
    ("jinbao-stm32f405", &[]),
    ("jinbao-boot", &["jinbao-reader-protocol", "jinbao-stm32f405"]),
    ("jinbao-board-mps2-an386", &["jinbao-engine", "jinbao-reader-protocol"]),
    (
        "jinbao-board-stm32f405",
        &["jinbao-boot", "jinbao-engine", "jinbao-reader-protocol", "jinbao-stm32f405"],
    ),
    ("xtask", &["jinbao-reader-protocol"]),
];

/// What a crate may depend on only behind an optional feature, which builds for the field leave out.
const OPTIONAL: &[(&str, &[&str])] =
    &[("jinbao", &["jinbao-sim", "jinbao-datacenter"]), ("jinbao-edge", &["jinbao-sim"])];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn entry<'a>(table: &'a [(&str, &[&'a str])], name: &str) -> &'a [&'a str] {
    table.iter().find(|(crate_name, _)| *crate_name == name).map_or(&[], |(_, allowed)| allowed)
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let members = metadata["workspace_members"].as_array().unwrap();
    let packages: Vec<_> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| members.contains(&package["id"]) && package["name"] != "jinbao-tests")
        .collect();
    let ours: BTreeSet<_> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(
        ours,
        ALLOWED.iter().map(|(name, _)| *name).collect(),
        "a crate is missing from the table above"
    );
    for package in packages {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = dependency["name"].as_str().unwrap();
            if !ours.contains(on) || dependency["kind"] == "dev" {
                continue;
            }
            let optional = dependency["optional"] == true && entry(OPTIONAL, name).contains(&on);
            assert!(optional || entry(ALLOWED, name).contains(&on), "{name} must not depend on {on}");
        }
    }
}

#[test]
fn one_provider_of_tls() {
    let metadata = metadata();
    let mut users: BTreeMap<&str, usize> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        *users.entry(package["name"].as_str().unwrap()).or_default() += 1;
    }
    for unwanted in ["aws-lc-rs", "openssl", "native-tls"] {
        assert!(!users.contains_key(unwanted), "{unwanted} came in: see `cargo tree --invert {unwanted}`");
    }
    assert_eq!(users["rustls"], 1, "two versions of rustls");
    assert_eq!(users["ring"], 1, "two versions of ring");
}

#[test]
fn screens_are_drawn_by_one_crate() {
    let metadata = metadata();
    let members = metadata["workspace_members"].as_array().unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        if !members.contains(&package["id"]) || package["name"] == "jinbao-ui" {
            continue;
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = dependency["name"].as_str().unwrap();
            let draws = on == "jinbao-ui" || on.starts_with("slint") || on.starts_with("i-slint");
            assert!(!draws, "{} must not depend on {on}", package["name"]);
        }
    }
}
