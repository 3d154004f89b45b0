//! Images as earlier versions wrote them are opened by every build.
//!
//! `released` holds a set for each format version. `JINBAO_BLESS=1` writes the set of the present version,
//! which is for the day the version is raised, and for no other.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use card_spec::{file::Application, generation::Generation};
use common::{
    KEYS, NOW, TERMINAL, TestCard, TestPsam, bytes, directory, order, prepare_purchase, psam, purchase,
};
use sim::{
    chip::Chip,
    eeprom::{PowerCut, Torn},
    image::{self, FORMAT_VERSION, FileBody, Image},
    personalise::{PsamOrder, TEST_PIN},
};
use std::{env, path::PathBuf};

fn path(version: u32, name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/released");
    folder.join(format!("version-{version}-{name}.json"))
}

/// A card with one purchase behind it, and the same in the middle of the second.
fn write_set() {
    let mut image = order(Generation::Two).account(5_000).with_wallet().with_test_area().build().unwrap();
    for file in &mut directory(&mut image.root, 0xDDF1).files {
        if let FileBody::Transparent(bytes) = &mut file.body {
            bytes.0.truncate(32);
        }
    }
    let (mut card, mut module) = (TestCard::new(&image), psam());
    card.select(Application::Df04);
    assert_eq!(card.verify(TEST_PIN), "9000");
    purchase(&mut card, &mut module, [1_000, 10, 20], NOW);
    image::save(&path(FORMAT_VERSION, "card"), &Image::Card(card.card.image())).unwrap();
    image::save(&path(FORMAT_VERSION, "psam"), &Image::Psam(module.psam.image())).unwrap();
    let (_, _, debit) = prepare_purchase(&mut card, &mut module, [1_000, 10, 20], NOW);
    card.card.plan_cut(Some(PowerCut { after_bytes: 175, torn: Torn::Weak(0x3C) }));
    card.card.transmit(&bytes(&debit)).unwrap_err();
    assert!(card.card.image().interrupted.is_some());
    image::save(&path(FORMAT_VERSION, "interrupted"), &Image::Card(card.card.image())).unwrap();
}

#[test]
fn every_version_is_opened() {
    if env::var_os("JINBAO_BLESS").is_some() {
        write_set();
    }
    for version in 1..=FORMAT_VERSION {
        let mut module = match image::load(&path(version, "psam")).unwrap() {
            Image::Psam(image) => TestPsam::new(&image),
            Image::Card(_) => panic!("a card"),
        };
        for (name, balance, serial) in [("card", 4_000, "0001"), ("interrupted", 3_000, "0002")] {
            let Image::Card(image) = image::load(&path(version, name)).unwrap() else { panic!("a PSAM") };
            let mut card = TestCard::new(&image);
            card.select(Application::Df04);
            card.ok(&format!("805A003202{:04X}", u16::from_str_radix(serial, 16).unwrap() - 1));
            assert_eq!(card.verify(TEST_PIN), "9000");
            assert_eq!(card.ok("B026000104"), format!("{balance:08X}"));
            let done = purchase(&mut card, &mut module, [1, 0, 0], NOW);
            assert_eq!(done.serial, serial);
        }
        assert_eq!(module.psam.image().terminal_number.0, TERMINAL);
        assert_eq!(module.psam.image().keys.len(), PsamOrder::new(TERMINAL, KEYS).build().keys.len());
    }
}
