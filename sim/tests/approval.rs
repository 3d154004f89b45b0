//! The approval items for cards that concern what a card holds and answers (S-8 of the public record), as
//! far as a simulated card can be asked: formats, factors, files, records, rights, the log.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use card_spec::{
    atr::Atr,
    card_id::CardId,
    date::{CardDate, Date, Validity},
    fci::{Fci, directory_entries},
    file::{Application, Encoding, FileId, Structure},
    generation::{Algorithm, Generation},
    key::{CardFactors, KeyName},
    name::Name,
    person::PersonNumber,
    suite::Suite,
    tlv::{Record, records},
};
use common::{TestCard, bytes, card, order};
use sim::chip::Chip;

#[test]
fn answer_to_reset_and_factors() {
    for generation in Generation::ALL {
        let mut card = card(generation);
        let atr = Atr::parse(&card.card.power_on().unwrap()).unwrap();
        assert_eq!(atr.as_bytes()[..4], [0x3B, 0x6D, 0x00, 0x00]);
        assert_eq!((atr.as_bytes().len(), atr.protocols().collect::<Vec<_>>()), (17, vec![0]));
        let historical = atr.social_security_bytes().unwrap();
        assert_eq!(historical.city().unwrap().as_str(), "430100");
        card.select(Application::Ssse);
        let id = CardId::parse(&bytes(&card.ok("00B2012812"))[2..]).unwrap();
        assert_eq!(id.city().as_str(), "430100");
        assert_eq!(id.serial(), historical.serial()[2..]);
        assert_eq!(CardFactors::new(historical.card_serial(), id.city()), common::factors());
        id.verify(Suite::from(card.algorithm), &card.key(KeyName::IRK, 1)).unwrap();
        let over_the_air = order(generation).contactless().build().unwrap();
        let air = Atr::parse(&over_the_air.atr.0).unwrap();
        assert!(air.is_contactless());
        assert_eq!(air.social_security_bytes(), Some(historical));
    }
}

#[test]
fn selection_answers() {
    for (generation, bytes_expected) in
        [(Generation::One, 24), (Generation::Two, 24), (Generation::Three, 30)]
    {
        let mut card = card(generation);
        let answer = bytes(&card.ok(&format!("00A404000F{}", common::SSSE)));
        assert_eq!(answer.len(), bytes_expected);
        let fci = Fci::parse(&answer).unwrap();
        assert_eq!(Application::by_name(fci.name), Some(Application::Ssse));
        assert_eq!(fci.algorithm().unwrap(), card.algorithm);
        // The directory file that tag 88 names lists every application, and each can be selected.
        let sfi = fci.directory.unwrap();
        let mut listed = Vec::new();
        for number in 1.. {
            let answer = card.send(&format!("00B2{number:02X}{:02X}00", sfi.value() << 3 | 4));
            let Some(record) = answer.strip_suffix("9000") else {
                assert_eq!(answer, "6A83");
                break;
            };
            let record = bytes(record);
            let entries = directory_entries(&record);
            listed.extend(entries.map(|entry| Application::by_name(entry.name).unwrap()));
        }
        let expected: Vec<Application> = Application::ALL
            .into_iter()
            .filter(|application| *application != Application::Ssse)
            .filter(|application| application.directory().from <= generation)
            .collect();
        assert_eq!(listed, expected);
        for application in listed {
            card.select(application);
            card.select(Application::Ssse);
            card.ok(&format!("00A4000002{:04X}", application.file_id().0));
        }
        let sm4 = generation == Generation::Three;
        assert_eq!(card.algorithm, if sm4 { Algorithm::Sm4 } else { Algorithm::TripleDes });
    }
}

#[test]
fn issuer_and_holder_data() {
    let person = common::person();
    for generation in Generation::ALL {
        let mut card = card(generation);
        card.select(Application::Ssse);
        let issuer = bytes(&card.ok("00B2012D00"));
        let find =
            |tag: u8| records(&issuer).map(Result::unwrap).find(|record| record.tag == tag).unwrap().value;
        assert_eq!(Generation::from_version(find(0x03)).unwrap(), generation);
        assert_eq!(find(0x02), b"3");
        assert_eq!(find(0x04).len(), 12);
        let (issued, expires) = (CardDate::parse(find(0x05)).unwrap(), CardDate::parse(find(0x06)).unwrap());
        let day = |text: &str| Date::parse(text).unwrap();
        assert_eq!(Validity::on(day("20260101"), issued, expires), Validity::Valid);
        assert_eq!(Validity::on(day("20240114"), issued, expires), Validity::NotYetValid);
        assert!(matches!(Validity::on(day("20340116"), issued, expires), Validity::Expired { .. }));
        assert_eq!(find(0x07), person.card_number.as_str().as_bytes());
        if generation == Generation::Three {
            assert_eq!(card.authenticate(KeyName::RKSSSE), "9000");
        }
        let mut by_tag = |tag: u8| {
            let answer = card.send(&format!("00B2{tag:02X}3000"));
            answer.strip_suffix("9000").map(|record| bytes(record)[2..].to_vec())
        };
        let number = String::from_utf8(by_tag(0x08).unwrap()).unwrap();
        assert_eq!(PersonNumber::parse(&number), Ok(person.number));
        let extension = by_tag(0x4E);
        assert_eq!(extension.is_some(), generation >= Generation::Two);
        let name = Name::from_records(&by_tag(0x09).unwrap(), extension.as_deref()).unwrap();
        assert_eq!(name.as_str(), person.name);
        assert_eq!(CardDate::parse(&by_tag(0x0D).unwrap()), Ok(CardDate::Day(person.birth)));
    }
}

#[test]
fn all_files_have_the_form_of_the_table() {
    for generation in Generation::ALL {
        let image = order(generation).build().unwrap();
        let mut card = TestCard::new(&image);
        for application in Application::ALL {
            if application.directory().from > generation {
                continue;
            }
            for file in application.directory().files.iter().filter(|file| !file.optional) {
                card.select(application);
                card.expect(&format!("00A4000002{:04X}", file.id.0), "9000");
                let rule = file.read.of(generation);
                if rule.needs_pin() {
                    assert_eq!(card.verify(sim::personalise::TEST_PIN), "9000");
                }
                if let Some(key) = rule.key() {
                    assert_eq!(card.authenticate(key), "9000");
                }
                if file.structure != Structure::LinearTlv || file.items.is_empty() {
                    continue;
                }
                let mut number = 0;
                for item in file.items_of(generation) {
                    let tag = item.tag.unwrap();
                    // One date is kept in one place only.
                    if (application, file.id, tag) == (Application::Df03, FileId::EF05, 0x60) {
                        card.expect("00B2600000", "6A83");
                        continue;
                    }
                    number += 1;
                    let record = bytes(&card.ok(&format!("00B2{number:02X}0400")));
                    let record = Record::parse(&record).unwrap();
                    assert_eq!((record.tag, record.value.len()), (tag, usize::from(item.bytes)));
                    assert_eq!(bytes(&card.ok(&format!("00B2{tag:02X}0000")))[2..], *record.value);
                    if let Encoding::Group(parts) = item.encoding {
                        let inner: Vec<_> = records(record.value).map(Result::unwrap).collect();
                        assert_eq!(inner.len(), parts.len(), "{application:?} {tag:02X}");
                        for (got, part) in inner.iter().zip(parts) {
                            assert_eq!((Some(got.tag), got.value.len()), (part.tag, usize::from(part.bytes)));
                        }
                    }
                }
                card.expect(&format!("00B2{:02X}0400", number + 1), "6A83");
            }
        }
    }
}

#[test]
fn the_environment_is_not_extended() {
    let mut card = card(Generation::Two);
    card.select(Application::Ssse);
    assert_eq!(card.authenticate(KeyName::UKSSSE), "9000");
    for file in ["EF05", "EF06"] {
        card.expect(&format!("00A4000002{file}"), "9000");
        card.expect("00E2000003 F00131", "6A84");
    }
}

#[test]
fn employment_files_go_together() {
    let mut card = card(Generation::Two);
    card.select(Application::Df02);
    card.expect("00A4000002EF07", "9000");
    card.expect("00A4000002EF06", "9000");
    assert_eq!(card.authenticate(common::rk(Application::Df02, 1)), "9000");
    card.ok("00B23A0000");
    card.ok("00B2600000");
    card.select(Application::Df03);
    assert_eq!(card.authenticate(common::rk(Application::Df03, 2)), "9000");
    card.expect("00B2602800", "6A83");
}
