//! Images: what is written is read, kept up to date, refused when it is none.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use card_spec::{file::Application, generation::Generation};
use common::{NOW, TERMINAL, TestCard, bytes, order, prepare_purchase, psam, purchase};
use sim::{
    card::Card,
    chip::{Chip, PowerLost},
    eeprom::{PowerCut, Torn},
    image::{self, FileBody, Hex, Image},
    people::Population,
    personalise::{self, CardOrder, Flaw, PsamOrder, TEST_PIN},
    psam::Psam,
};
use std::{fs, path::Path};

fn open(path: &Path) -> TestCard {
    let image = match image::load(path).unwrap() {
        Image::Card(image) => image,
        Image::Psam(_) => panic!("a PSAM"),
    };
    let mut card = TestCard::new(&image);
    card.card = Card::open(path, 1).unwrap();
    card.card.power_on().unwrap();
    card
}

#[test]
fn images_go_through_files_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chip.json");
    let mut images = vec![
        Image::Card(personalise::bank_card()),
        Image::Card(personalise::health_card()),
        Image::Psam(PsamOrder::new(TERMINAL, common::KEYS).pin(&[0x12, 0x34, 0x56]).key_versions(2).build()),
    ];
    for generation in Generation::ALL {
        let order = order(generation).key_versions(4).with_wallet().with_test_area();
        images.push(Image::Card(order.contactless().build().unwrap()));
    }
    for written in images {
        image::save(&path, &written).unwrap();
        let read = image::load(&path).unwrap();
        assert!(read == written);
        match &read {
            Image::Card(card) => assert!(Card::new(card, 0).unwrap().image() == *card),
            Image::Psam(psam) => assert!(Psam::new(psam, 0).image() == *psam),
        }
    }
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"jinbao_image\": 1") && text.lines().count() > 100, "it is for people, too");
}

#[test]
fn a_card_is_kept_after_every_update() {
    let folder = tempfile::tempdir().unwrap();
    let (card_path, psam_path) = (folder.path().join("card.json"), folder.path().join("psam.json"));
    let made = order(Generation::Three).account(10_000).build().unwrap();
    image::save(&card_path, &Image::Card(made)).unwrap();
    image::save(&psam_path, &Image::Psam(PsamOrder::new(TERMINAL, common::KEYS).build())).unwrap();
    for round in 1..=3 {
        let mut card = open(&card_path);
        let mut module = psam();
        module.psam = Psam::open(&psam_path, round).unwrap();
        module.ok("00A4000002DF01");
        card.select(Application::Df04);
        assert_eq!(card.verify(TEST_PIN), "9000");
        let done = purchase(&mut card, &mut module, [1_000, 0, 0], NOW);
        assert_eq!(done.terminal_serial, format!("{round:08X}"));
        assert!(card.card.take_store_failure().is_none() && module.psam.take_store_failure().is_none());
        // No closing: the file is right as it is.
        let mut again = open(&card_path);
        again.select(Application::Df04);
        assert_eq!(again.verify(TEST_PIN), "9000");
        assert_eq!(again.ok("B026000104"), format!("{:08X}", 10_000 - 1_000 * round));
    }
    // Reading changes nothing on the disk.
    let before = fs::metadata(&card_path).unwrap().modified().unwrap();
    let mut card = open(&card_path);
    card.select(Application::Ssse);
    card.ok("00B2012C12");
    assert_eq!(fs::metadata(&card_path).unwrap().modified().unwrap(), before);
}

#[test]
fn a_torn_card_recovers_in_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.json");
    for (at, done) in [(40, false), (170, true)] {
        image::save(&path, &Image::Card(order(Generation::Two).account(500).build().unwrap())).unwrap();
        let mut card = open(&path);
        card.select(Application::Df04);
        assert_eq!(card.verify(TEST_PIN), "9000");
        let (_, _, debit) = prepare_purchase(&mut card, &mut psam(), [100, 0, 0], NOW);
        card.card.plan_cut(Some(PowerCut { after_bytes: at, torn: Torn::Weak(0x77) }));
        assert_eq!(card.card.transmit(&bytes(&debit)), Err(PowerLost));
        drop(card);
        if done {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains("\"interrupted\""), "the file shows the card as it lies there");
        }
        let mut card = open(&path);
        assert!(!fs::read_to_string(&path).unwrap().contains("\"interrupted\""), "recovered and kept");
        card.select(Application::Df04);
        let proof = card.send("805A0032020000");
        assert_eq!(proof.ends_with("9000"), done, "{proof}");
    }
}

#[test]
fn a_disk_that_is_gone_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.json");
    image::save(&path, &Image::Card(order(Generation::Two).build().unwrap())).unwrap();
    let mut card = open(&path);
    drop(folder);
    card.select(Application::Ssse);
    assert_eq!(card.verify("111111"), "63C2", "the card itself goes on");
    assert!(card.card.take_store_failure().is_some());
    assert!(card.card.take_store_failure().is_none());
}

#[test]
fn one_order_one_card() {
    let image = || order(Generation::Three).build().unwrap();
    assert!(image() == image());
    let (mut one, mut two) = (Card::new(&image(), 5).unwrap(), Card::new(&image(), 5).unwrap());
    let mut other = Card::new(&image(), 6).unwrap();
    for card in [&mut one, &mut two, &mut other] {
        card.power_on().unwrap();
    }
    let challenge = bytes("0084000008");
    let first = one.transmit(&challenge).unwrap();
    assert_eq!(first, two.transmit(&challenge).unwrap());
    assert_ne!(first, other.transmit(&challenge).unwrap());
    assert_ne!(first, one.transmit(&challenge).unwrap());
}

#[test]
fn orders_that_cannot_be_filled() {
    let person = common::person();
    let order = || CardOrder::new(&person, common::KEYS);
    assert!(order().pin("12").build().is_err());
    assert!(order().pin("12345a").build().is_err());
    assert!(order().serial(100_000_000).build().is_err());
    assert!(order().flaw(Flaw::MissingRecord { tag: 0x55 }).build().is_ok());
    assert!(order().flaw(Flaw::TruncatedRecord { tag: 0x55, bytes: 0 }).build().is_err());
    let mut long = person.clone();
    long.name = "王".repeat(26);
    assert!(CardOrder::new(&long, common::KEYS).build().is_err());
    long.name = "王".repeat(25);
    assert!(CardOrder::new(&long, common::KEYS).build().is_ok());
}

#[test]
fn a_whole_population_fits_its_cards() {
    for person in Population::new(3, 300).iter() {
        let generation = Generation::ALL[person.index as usize % 3];
        CardOrder::new(&person, common::KEYS).generation(generation).build().unwrap();
    }
}

#[test]
fn images_of_the_wrong_measure_are_refused() {
    let good = || order(Generation::Two).build().unwrap();
    let mut image = good();
    image.root.directories[0].keys[0].versions = vec![Hex(vec![0; 8])];
    assert!(Card::new(&image, 0).is_err());
    let mut image = good();
    image.root.directories[0].keys[0].versions = Vec::new();
    assert!(Card::new(&image, 0).is_err());
    let mut image = good();
    common::directory(&mut image.root, 0xDF04).account.as_mut().unwrap().log_file.0 = 0xEF05;
    assert!(Card::new(&image, 0).is_err());
    let mut image = good();
    for file in &mut common::directory(&mut image.root, 0xDF04).files {
        if let FileBody::Cyclic { records, .. } = &mut file.body {
            records.push(Hex(vec![1]));
        }
    }
    assert!(Card::new(&image, 0).is_err());
    // A PSAM is no card and the other way round.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chip.json");
    image::save(&path, &Image::Psam(PsamOrder::new(TERMINAL, common::KEYS).build())).unwrap();
    assert!(Card::open(&path, 0).is_err());
    image::save(&path, &Image::Card(good())).unwrap();
    assert!(Psam::open(&path, 0).is_err());
}

#[test]
fn flaws_are_what_they_say() {
    let read = |flaw: Flaw, command: &str| {
        let mut card = TestCard::new(&order(Generation::Two).flaw(flaw).build().unwrap());
        card.select(Application::Ssse);
        card.send(command)
    };
    assert_eq!(read(Flaw::TruncatedRecord { tag: 8, bytes: 3 }, "00B2083000").len(), 2 * (2 + 3 + 2));
    assert_eq!(read(Flaw::MissingRecord { tag: 7 }, "00B2072800"), "6A83");
    assert_eq!(read(Flaw::SloppyText, "00B2032806"), "0304322E30009000");
    assert_eq!(read(Flaw::SloppyText, "00B2062806"), "0604323033329000");
    assert_eq!(read(Flaw::DatesMissing, "00B2052806"), "0504FFFFFFFF9000");
    assert!(read(Flaw::TestMark, "00B2012812").ends_with("FFFFFFFF9000"));
    let name = bytes(&read(Flaw::BadName, "00B2093020"));
    assert!(card_spec::name::Name::from_records(&name[2..32], None).is_err());
    let value = Flaw::Value { tag: 7, value: b"X0000001X".to_vec() };
    assert_eq!(read(value, "00B207280B"), format!("0709{}9000", hex::encode_upper("X0000001X")));
    let order = order(Generation::One).flaw(Flaw::EmptyNameExtension);
    let mut old = TestCard::new(&order.build().unwrap());
    old.select(Application::Ssse);
    assert_eq!(old.ok("00B24E3016"), format!("4E14{}", "00".repeat(20)));
    let mut locked =
        TestCard::new(&common::order(Generation::Three).flaw(Flaw::KeyLocked { id: 0x0A }).build().unwrap());
    locked.select(Application::Ssse);
    assert_eq!(locked.authenticate(card_spec::key::KeyName::RKSSSE), "6983");
    let blocked = Flaw::ApplicationBlocked { directory: 0xDF04, permanent: false };
    let mut blocked = TestCard::new(&common::order(Generation::Three).flaw(blocked).build().unwrap());
    blocked.select(Application::Ssse);
    assert_eq!(blocked.raw("00A4000002DF04"), "6283");
    let mut dead = TestCard::new(&common::order(Generation::Three).flaw(Flaw::CardBlocked).build().unwrap());
    assert_eq!(dead.raw("00A40000023F00"), "6A81");
}
