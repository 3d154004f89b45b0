//! What cards say of themselves: answers to reset, SELECT answers, issuer and holder data.

#![allow(clippy::unwrap_used, reason = "tests")]

mod seeded;

use std::{fs, path::Path};

use card_spec::{
    Error, Part,
    atr::{Atr, ChipMaker, Convention, HistoricalBytes, InterfaceKind},
    card_id::CardId,
    card_number::CardNumber,
    date::{CardDate, Date, Validity},
    fci::{DirectoryEntry, Fci, build_directory_record, directory_entries},
    file::{Application, FileId, ShortFileId, directories},
    generation::{Algorithm, Generation},
    holder::{EthnicGroup, HolderData},
    issuer::IssuerData,
    key::Key128,
    name::Name,
    person::{PersonNumber, Sex},
    region::RegionCode,
    suite::Suite,
    tlv::Record,
};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::Value;

fn samples() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/samples.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap().replace(' ', "")).unwrap()
}

#[test]
fn answers_to_reset_of_real_cards() {
    for sample in samples()["answers_to_reset"].as_array().unwrap() {
        let raw = bytes(&sample["atr"]);
        let atr = Atr::parse(&raw).unwrap();
        assert_eq!(atr.convention(), Convention::Direct);
        assert_eq!(atr.protocols().collect::<Vec<_>>(), [0]);
        assert_eq!(atr.interface_byte(InterfaceKind::Tb, 1), Some(0));
        assert_eq!(atr.interface_byte(InterfaceKind::Tc, 1), Some(0));
        assert_eq!((atr.interface_bytes().len(), atr.check_byte()), (2, None));
        let historical = atr.social_security_bytes().unwrap();
        assert_eq!(historical.as_bytes(), &raw[4..]);
        let maker = match historical.chip_maker() {
            ChipMaker::Other(code) => format!("{code:04X}"),
            named => format!("{named:?}"),
        };
        assert_eq!(maker, sample["chip_maker"].as_str().unwrap());
        assert_eq!(historical.cos_marks().as_slice(), bytes(&sample["cos_marks"]));
        assert_eq!(historical.card_maker().to_be_bytes().as_slice(), bytes(&sample["card_maker"]));
        assert_eq!(historical.serial().as_slice(), bytes(&sample["serial"]));
        assert_eq!(historical.card_serial().0.as_slice(), bytes(&sample["card_serial"]));
        if let Some(city) = sample["city"].as_str() {
            assert_eq!(historical.city().unwrap().as_str(), city);
        }
        assert_eq!(Atr::contact(&historical), atr);
        let contactless = Atr::contactless(&historical);
        assert_eq!(Atr::parse(contactless.as_bytes()).unwrap(), contactless);
        assert!(contactless.is_contactless() && !atr.is_contactless());
        assert_eq!(contactless.social_security_bytes(), Some(historical));
        assert_eq!(contactless.protocols().collect::<Vec<_>>(), [0, 1]);
        let serial = hex::encode_upper(historical.serial());
        assert!(!format!("{atr:?} {historical:?} {:?}", historical.card_serial()).contains(&serial[4..]));
    }
}

#[test]
fn near_relatives() {
    for sample in samples()["near_relatives"].as_array().unwrap() {
        let atr = Atr::parse(&bytes(&sample["atr"])).unwrap();
        let expected = sample["looks_like_ours"].as_bool().unwrap();
        assert_eq!(atr.social_security_bytes().is_some(), expected, "{}", sample["what"]);
    }
    let psam = Atr::parse(&hex::decode("3B7D940000008150220886431E10C9022736").unwrap()).unwrap();
    assert_eq!(psam.interface_byte(InterfaceKind::Ta, 1), Some(0x94));
}

#[test]
fn answers_to_reset_that_are_none() {
    let parse = |text: &str| Atr::parse(&hex::decode(text).unwrap());
    let cut = |expected, got| Err(Error::Truncated { part: Part::Atr, expected, got });
    assert_eq!(parse(""), cut(2, 0));
    assert_eq!(parse("3B"), cut(2, 1));
    assert_eq!(parse("3A00"), Err(Error::Malformed { part: Part::Atr }));
    assert_eq!(parse("3B6D0000"), cut(17, 4));
    assert_eq!(parse("3B0000"), Err(Error::TooLong { part: Part::Atr, max: 2, got: 3 }));
    // T=1 needs TCK.
    assert_eq!(parse("3B8001"), cut(4, 3));
    assert_eq!(parse("3B800180"), Err(Error::Check { part: Part::Atr, expected: 0x81, got: 0x80 }));
    assert_eq!(parse("3B800181").unwrap().protocols().collect::<Vec<_>>(), [1]);
    // T=0 announced alone needs none.
    assert_eq!(parse("3B8000").unwrap().check_byte(), None);
    assert_eq!(parse("3F00").unwrap().convention(), Convention::Inverse);
    // A chain without end is longer than any answer to reset.
    let mut endless = vec![0x3B, 0x80];
    endless.extend([0x80; 31]);
    assert!(matches!(Atr::parse(&endless), Err(Error::Truncated { .. })));
    endless.push(0x80);
    assert!(matches!(Atr::parse(&endless), Err(Error::TooLong { max: 33, .. })));
}

#[test]
fn every_flipped_bit_of_a_contactless_answer_is_seen() {
    let atr = Atr::contactless(&HistoricalBytes::new(*b"\x00\x81TL\x90\x86\x37\x43\x01\x00\x00\x01\x23"));
    // From the historical bytes on: a flip in the chain before them may make another chain that has no TCK.
    for bit in 32..atr.as_bytes().len() * 8 {
        let mut flipped = atr.as_bytes().to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Atr::parse(&flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn select_answers() {
    for sample in samples()["select_answers"].as_array().unwrap() {
        let raw = bytes(&sample["fci"]);
        let fci = Fci::parse(&raw).unwrap();
        assert_eq!(fci.name, bytes(&sample["name"]), "{}", sample["what"]);
        let byte = |field: &str| sample[field].as_str().map(|text| u8::from_str_radix(text, 16).unwrap());
        assert_eq!(fci.directory.map(ShortFileId::value), byte("directory"));
        assert_eq!(fci.algorithm_id, byte("algorithm"));
        if sample["rebuilt"].as_bool().unwrap() {
            assert_eq!(fci.build().unwrap().as_slice(), raw);
        }
    }
    let thirty = samples()["select_answers"][1].clone();
    assert_eq!(bytes(&thirty["fci"]).len(), 30);
}

#[test]
fn algorithm_of_a_select_answer() {
    let with = |id: Option<u8>| Fci { name: &[1], directory: None, algorithm_id: id }.algorithm();
    assert_eq!(with(None), Ok(Algorithm::TripleDes));
    assert_eq!(with(Some(1)), Ok(Algorithm::TripleDes));
    assert_eq!(with(Some(2)), Err(Error::UnsupportedAlgorithm { id: 2 }));
    assert_eq!(with(Some(3)), Ok(Algorithm::Sm4));
    for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
        assert_eq!(Algorithm::from_id(Some(algorithm.id())), Ok(algorithm));
        assert_eq!(Suite::from(algorithm).algorithm(), algorithm);
    }
    // A bank's issuer data in the same tag are no algorithm.
    let bank = hex::decode("6F0D8401AAA5089F0C0508FF010203").unwrap();
    assert_eq!(Fci::parse(&bank).unwrap().algorithm(), Ok(Algorithm::TripleDes));
    assert!(
        Fci::parse(&[]).is_err()
            && Fci::parse(&[0x61, 0x00]).is_err()
            && Fci::parse(&[0x6F, 0x05, 0x84]).is_err()
    );
}

#[test]
fn directory_records() {
    for directory in directories() {
        let label = card_spec::text::encode_gbk::<40>(directory.chinese).unwrap();
        let name = directory.application.name();
        let entry = DirectoryEntry { name: name.as_bytes(), label: &label };
        let record = build_directory_record::<80>(&entry).unwrap();
        assert_eq!(directory_entries(&record).collect::<Vec<_>>(), [entry]);
    }
    let two = hex::decode("700E61054F03AABBCC61054F03DDEEFF").unwrap();
    assert_eq!(directory_entries(&two).count(), 2);
    assert_eq!(directory_entries(&[0x70, 0x00]).count(), 0);
}

#[test]
fn issuer_data_of_a_sloppy_card() {
    let sample = &samples()["issuer_file"];
    let records = bytes(&sample["records"]);
    let data = IssuerData::parse(&records).unwrap();
    assert_eq!(data.card_id.city().city().as_str(), sample["city"].as_str().unwrap());
    assert_eq!(data.generation(), Ok(Generation::Two));
    assert_eq!((data.issued, data.expires), (CardDate::Year(2012), CardDate::Year(2022)));
    assert_eq!(data.class, Some(b'3'));
    assert_eq!(data.number.unwrap().check(), Ok(()));
    let day = |year, month, day| Date::new(year, month, day).unwrap();
    assert_eq!(data.validity_on(day(2022, 12, 31)), Validity::Valid);
    assert_eq!(data.validity_on(day(2023, 1, 1)), Validity::Expired { last_day: day(2022, 12, 31) });
    assert_eq!(data.validity_on(day(2011, 12, 31)), Validity::NotYetValid);
    assert!(!format!("{data:?}").contains("B0000013"));
    // What was read is what would be written.
    let mut written = Vec::new();
    for tag in IssuerData::TAGS {
        let value = data.value(tag).unwrap();
        written.extend([tag, value.len() as u8]);
        written.extend_from_slice(&value);
    }
    assert_eq!(written, records);
}

#[test]
fn issuer_data_that_are_missing_or_wrong() {
    assert_eq!(IssuerData::parse(&[]), Err(Error::Missing { tag: 0x03 }));
    let version = hex::decode("0304342E3030").unwrap();
    assert_eq!(IssuerData::parse(&version), Err(Error::UnknownGeneration { version: b'4' }));
    let good = hex::decode("0110430100D1560000050000012345F86DA40304332E3030").unwrap();
    let data = IssuerData::parse(&good).unwrap();
    assert_eq!((data.issued, data.number, data.class), (CardDate::NotIssued, None, None));
    assert_eq!(data.validity_on(Date::EPOCH), Validity::NotIssued);
    let unwritten = [good.as_slice(), &hex::decode("0504FFFFFFFF0709FFFFFFFFFFFFFFFFFF").unwrap()].concat();
    assert_eq!(IssuerData::parse(&unwritten), Ok(data));
    let cut = &unwritten[..good.len() + 3];
    assert!(IssuerData::parse(cut).is_ok(), "a torn end leaves what stands before");
}

fn holder() -> HolderData {
    HolderData {
        number: PersonNumber::parse("11010519491231002X").unwrap(),
        name: Name::new("欧阳镕基").unwrap(),
        sex: Some(Sex::Female),
        ethnic_group: EthnicGroup::new(1),
        birthplace: RegionCode::parse("430100").ok(),
        born: CardDate::Day(Date::new(1949, 12, 31).unwrap()),
    }
}

fn records(data: &HolderData, generation: Generation) -> heapless::Vec<u8, 200> {
    let file = Application::Ssse.directory().file(FileId::EF06).unwrap();
    let mut out = heapless::Vec::new();
    for item in file.items_of(generation) {
        let value = data.value(item.tag.unwrap()).unwrap();
        assert_eq!(value.len(), usize::from(item.bytes), "length of {:02X?} is that of the table", item.tag);
        Record { tag: item.tag.unwrap(), value: &value }.append(&mut out).unwrap();
    }
    out
}

#[test]
fn holder_data_are_read_as_written() {
    let data = holder();
    for generation in Generation::ALL {
        assert_eq!(HolderData::parse(&records(&data, generation)), Ok(data.clone()));
    }
    let printed = format!("{data:?}");
    assert!(!printed.contains("欧阳") && !printed.contains("194912310"), "{printed}");
    assert_eq!(EthnicGroup::new(56).unwrap().chinese(), "基诺");
    assert_eq!(EthnicGroup::from_cn(EthnicGroup::new(56).unwrap().to_cn()), EthnicGroup::new(56));
    assert_eq!((EthnicGroup::new(0), EthnicGroup::new(57)), (None, None));
}

#[test]
fn a_long_name_is_cut_inside_a_character_and_joined() {
    // One ASCII letter puts every following character across the even boundary of the first record.
    let long = "A买买提吐尔逊阿不都热合曼肉孜麦麦提";
    let data = HolderData { name: Name::new(long).unwrap(), ..holder() };
    let (first, _) = data.name.to_records();
    assert!(Name::from_records(&first, None).is_err(), "half a character is no text");
    assert_eq!(HolderData::parse(&records(&data, Generation::Three)).unwrap().name.as_str(), long);
}

#[test]
fn holder_data_that_are_missing_or_wrong() {
    assert_eq!(HolderData::parse(&[]), Err(Error::Missing { tag: 0x08 }));
    let whole = records(&holder(), Generation::Two);
    assert_eq!(HolderData::parse(&whole[..20]), Err(Error::Missing { tag: 0x09 }));
    let mut bad_number = whole.clone();
    bad_number[19] = b'1';
    assert!(matches!(HolderData::parse(&bad_number), Err(Error::PersonNumber(_))));
    let mut bad_name = whole.clone();
    bad_name[22] = 0xFF;
    bad_name[23] = 0xFF;
    assert!(matches!(HolderData::parse(&bad_name), Err(Error::Text { offset: 0 })));
    let mut steering = whole;
    steering[22] = 0x1B;
    steering[23] = b'[';
    assert_eq!(HolderData::parse(&steering), Err(Error::Malformed { part: Part::Name }));
}

#[test]
fn generations() {
    for (version, expected) in [
        (b"1.00", Generation::One),
        (b"2.00", Generation::Two),
        (b"2.01", Generation::Two),
        (b"2.0\0", Generation::Two),
        (b"3.00", Generation::Three),
    ] {
        assert_eq!(Generation::from_version(version), Ok(expected));
    }
    for generation in Generation::ALL {
        assert_eq!(Generation::from_version(&generation.version()), Ok(generation));
    }
    assert_eq!(Generation::from_version(b"4.00"), Err(Error::UnknownGeneration { version: b'4' }));
    assert!(Generation::from_version(b"").is_err());
}

#[test]
fn card_identification_codes() {
    let key = Key128::new([0x40; 16]);
    let city = RegionCode::parse("430100").unwrap();
    let id = CardId::issue(city, [0, 0, 1, 0x23], Suite::TripleDes, &key);
    assert_eq!(CardId::parse(&id.to_bytes()), Ok(id));
    assert_eq!(id.verify(Suite::TripleDes, &key), Ok(()));
    for bit in 0..128 {
        let mut bytes = id.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = CardId::parse(&bytes) {
            assert_eq!(
                changed.verify(Suite::TripleDes, &key),
                Err(Error::Mac { part: Part::CardId }),
                "{bit}"
            );
        }
    }
    let mut test = id.to_bytes();
    test[12..].fill(0xFF);
    assert!(CardId::parse(&test).unwrap().is_test() && !id.is_test());
    assert!(matches!(CardId::parse(&test[..15]), Err(Error::Truncated { .. })));
    assert!(matches!(CardId::parse(&[test.as_slice(), &[0]].concat()), Err(Error::TooLong { .. })));
    test[0] = 0x99;
    assert_eq!(CardId::parse(&test), Err(Error::Malformed { part: Part::CardId }));
    assert!(!format!("{id:?}").contains("123"));
}

#[test]
fn card_numbers() {
    let right = CardNumber::parse(b"S00003213").unwrap();
    assert_eq!(right.check(), Ok(()));
    let wrong = CardNumber::parse(b"S00003214").unwrap();
    assert_eq!(wrong.check(), Err(Error::Check { part: Part::CardNumber, expected: b'3', got: b'4' }));
    assert_eq!(CardNumber::parse(b"S00003213\0"), Ok(right), "ten bytes on some old cards");
    assert!(CardNumber::parse(b"S0000321").is_err() && CardNumber::parse(b"s00003213").is_err());
    assert_eq!(format!("{right:?}"), "CardNumber(…)");
}

#[test]
fn person_numbers_and_keys_are_one_to_one() {
    let mut runner = TestRunner::new(seeded::config(2_000));
    let parts = (0_u64..1_000_000, 1_u16..=9999, 1_u8..=12, 1_u8..=31, 0_u64..1000);
    runner
        .run(&parts, |(region, year, month, day, order)| {
            let key = ((region * 10_000 + u64::from(year)) * 100 + u64::from(month)) * 100_000
                + u64::from(day) * 1000
                + order;
            match PersonNumber::from_key(key) {
                Ok(number) => {
                    prop_assert_eq!(number.key(), key);
                    prop_assert_eq!(PersonNumber::parse(number.as_str()), Ok(number));
                    prop_assert_eq!(Date::new(year, month, day), Some(number.born()));
                    // Each single wrong digit is found: that is what the check character is for.
                    for at in 0..17 {
                        let mut text = number.as_str().to_owned().into_bytes();
                        text[at] = b'0' + (text[at] - b'0' + 1 + (order % 9) as u8) % 10;
                        prop_assert!(PersonNumber::parse(std::str::from_utf8(&text).unwrap()).is_err());
                    }
                }
                Err(_) => prop_assert_eq!(Date::new(year, month, day), None),
            }
            Ok(())
        })
        .unwrap();
}
