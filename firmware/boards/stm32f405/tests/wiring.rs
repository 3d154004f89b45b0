//! Each pin is one thing, and the documentation says the same.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, fs};

use physical::wiring::{RESERVED, all};

#[test]
fn each_pin_is_one_thing() {
    let mut used = BTreeMap::new();
    for (name, pin) in all().chain(RESERVED.map(|pin| ("reserved", pin))) {
        let before = used.insert(pin, name);
        assert_eq!(before, None, "{pin} is {name}, too");
    }
    assert_eq!(used.len(), 2 * 8 + 11 + RESERVED.len());
}

/// The chip can be on these pins only. Source: data sheet DS8626, table 9.
#[test]
fn pins_that_the_chip_dictates() {
    let pins: BTreeMap<_, _> = all().map(|(name, pin)| (name, pin.to_string())).collect();
    for (name, allowed) in [
        ("card I/O", &["PA2"][..]),
        ("card CLK", &["PA4"]),
        ("SAM I/O", &["PB10", "PC10"]),
        ("SAM CLK", &["PB12", "PC12"]),
        ("host TX", &["PA9", "PB6"]),
        ("host RX", &["PA10", "PB7"]),
        ("fingerprint TX", &["PC6"]),
        ("fingerprint RX", &["PC7"]),
        ("USB D-", &["PA11"]),
        ("USB D+", &["PA12"]),
        ("case switch", &["PC13"]),
    ] {
        assert!(allowed.contains(&pins[name].as_str()), "{name} is on {}", pins[name]);
    }
}

#[test]
fn the_documentation_has_the_same_table() {
    let page =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/reader-board.md")).unwrap();
    for (name, pin) in all() {
        let row = format!("| {name} | {pin} |");
        assert!(page.contains(&row), "docs/reader-board.md has no row {row:?}");
    }
}
