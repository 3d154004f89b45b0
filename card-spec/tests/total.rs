//! No bytes make a parser panic, and what it takes it gives back.

#![allow(clippy::unwrap_used, reason = "tests")]

mod seeded;

use card_spec::{
    account::{
        BalanceAnswer, CreditAnswer, Debit, DebitAnswer, LoadAnswer, LoadCredit, LoadRequest, LogRecord,
        PurchaseAnswer, PurchaseRequest, SamAnswer, TransactionProof,
    },
    apdu::{CommandApdu, ResponseApdu},
    atr::Atr,
    card_id::CardId,
    card_number::CardNumber,
    command::Command,
    date::{CardDate, Date, DateTime},
    fci::{Fci, directory_entries},
    generation::{Algorithm, Generation},
    holder::HolderData,
    issuer::IssuerData,
    key::Key128,
    name::Name,
    person::PersonNumber,
    pin::{Pin, PinField},
    psam::Factors,
    region::RegionCode,
    secure_messaging::EncipheredPin,
    signature::VerifyingKey,
    status::StatusWord,
    suite::Suite,
    text, tlv,
    tlv::ber,
    wallet,
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

/// Cases of one property.
const CASES: u32 = 1_000;

/// Arbitrary bytes, half of them short, half of them made of what occurs on cards.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    const OFTEN: [u8; 16] =
        [0x00, 0x01, 0x02, 0x03, 0x05, 0x08, 0x0C, 0x10, 0x3B, 0x6F, 0x81, 0x82, 0x84, 0x9F, 0xA5, 0xFF];
    let length = prop_oneof![0_usize..40, 0_usize..300];
    (length.prop_flat_map(|length| vec(any::<u16>(), length)), any::<bool>()).prop_map(|(words, often)| {
        words
            .into_iter()
            .map(|word| {
                let [choice, byte] = word.to_be_bytes();
                if often && choice < 0xC0 { OFTEN[usize::from(byte) % OFTEN.len()] } else { byte }
            })
            .collect()
    })
}

fn check(test: impl Fn(&[u8])) {
    let mut runner = TestRunner::new(seeded::config(CASES));
    runner
        .run(&bytes(), |bytes| {
            test(&bytes);
            Ok(())
        })
        .unwrap();
}

#[test]
fn atr() {
    check(|bytes| {
        if let Ok(atr) = Atr::parse(bytes) {
            assert_eq!(atr.as_bytes(), bytes);
            assert!(atr.historical_bytes().len() <= 15);
            assert!(atr.protocols().count() <= bytes.len());
            let _ = (atr.social_security_bytes(), atr.convention(), atr.check_byte(), format!("{atr:?}"));
        }
    });
}

/// Arbitrary bytes seldom reach far into an answer to reset: these begin like one.
#[test]
fn atr_that_begins_right() {
    check(|bytes| {
        let mut atr = vec![0x3B];
        atr.extend_from_slice(&bytes[..bytes.len().min(32)]);
        if atr.len() > 2 {
            let sum = atr[1..atr.len() - 1].iter().fold(0, |sum, byte| sum ^ byte);
            *atr.last_mut().unwrap() = sum;
        }
        let _ = Atr::parse(&atr).map(|atr| (atr.social_security_bytes(), atr.protocols().count()));
    });
}

#[test]
fn apdus() {
    check(|bytes| {
        if let Ok(apdu) = CommandApdu::parse(bytes) {
            let built = apdu.build::<400>().unwrap();
            assert_eq!(CommandApdu::parse(&built).unwrap(), apdu);
            assert!(built.len() <= bytes.len(), "never longer than it came");
        }
        if let Ok(answer) = ResponseApdu::parse(bytes) {
            assert_eq!(answer.build::<400>().unwrap().as_slice(), bytes);
        }
    });
}

#[test]
fn commands() {
    check(|bytes| {
        if let Ok(command) = Command::parse(bytes) {
            let built = command.build().unwrap();
            assert_eq!(Command::parse(&built).as_ref(), Ok(&command));
        }
    });
}

/// The same behind headers that exist, or arbitrary bytes would hardly meet one.
#[test]
fn commands_with_known_headers() {
    const HEADERS: [[u8; 4]; 28] = [
        [0x00, 0x21, 0x00, 0x81],
        [0x84, 0x24, 0x00, 0x80],
        [0x00, 0xA4, 0x04, 0x00],
        [0x00, 0xB2, 0x01, 0x2C],
        [0x00, 0xB0, 0x96, 0x00],
        [0x00, 0xDC, 0x01, 0x2C],
        [0x04, 0xDC, 0x01, 0x2C],
        [0x04, 0xD6, 0x00, 0x00],
        [0x00, 0xE2, 0x00, 0x00],
        [0x00, 0x88, 0x00, 0x00],
        [0x00, 0x82, 0x00, 0x0A],
        [0x00, 0x20, 0x00, 0x00],
        [0x80, 0x5E, 0x01, 0x00],
        [0x84, 0x24, 0x00, 0x00],
        [0x84, 0x24, 0x00, 0x01],
        [0x84, 0x16, 0x00, 0x00],
        [0xB0, 0x28, 0x00, 0x01],
        [0xB0, 0x28, 0x01, 0x01],
        [0xB0, 0x2A, 0x00, 0x00],
        [0xB0, 0x2C, 0x01, 0x00],
        [0x80, 0x50, 0x01, 0x02],
        [0x80, 0x5A, 0x00, 0x32],
        [0xBF, 0xDE, 0x48, 0x12],
        [0x80, 0x1A, 0x48, 0x12],
        [0x80, 0xFA, 0x05, 0x00],
        [0x80, 0x70, 0x01, 0x00],
        [0x80, 0x70, 0x00, 0x00],
        [0x80, 0x72, 0x00, 0x00],
    ];
    check(|bytes| {
        for header in HEADERS {
            let data = &bytes[..bytes.len().min(255)];
            let mut command = header.to_vec();
            if !data.is_empty() {
                command.push(data.len() as u8);
                command.extend_from_slice(data);
            }
            if let Ok(parsed) = Command::parse(&command) {
                match parsed.build() {
                    Ok(built) => assert_eq!(Command::parse(&built).as_ref(), Ok(&parsed)),
                    Err(error) => panic!("{parsed:?}: {error}"),
                }
                let _ = (format!("{parsed:?}"), parsed.name(), parsed.authenticated_parts().unwrap());
            }
        }
    });
}

#[test]
fn data_objects() {
    check(|bytes| {
        let read: usize =
            tlv::records(bytes).map_while(Result::ok).map(|record| record.encoded_bytes()).sum();
        assert!(read <= bytes.len());
        assert!(tlv::records(bytes).filter(Result::is_err).count() <= 1, "ends after an error");
        let objects: Vec<_> = ber::objects(bytes).collect();
        assert!(objects.len() <= bytes.len());
        for object in objects.into_iter().flatten() {
            let _ = object.children().count();
            let mut out = heapless::Vec::<u8, 400>::new();
            ber::append(&mut out, object.tag, object.value).unwrap();
            assert_eq!(ber::objects(&out).next().unwrap().unwrap(), object);
        }
    });
}

#[test]
fn file_control_information() {
    check(|bytes| {
        let _ = Fci::parse(bytes).map(|fci| fci.algorithm());
        let _ = directory_entries(bytes).count();
        let mut wrapped = vec![0x6F, bytes.len().min(127) as u8];
        wrapped.extend_from_slice(&bytes[..bytes.len().min(127)]);
        if let Ok(fci) = Fci::parse(&wrapped)
            && let Ok(built) = fci.build()
        {
            assert_eq!(Fci::parse(&built).unwrap(), fci);
        }
    });
}

#[test]
fn texts_and_digits() {
    check(|bytes| {
        if let Ok(text) = text::decode_an::<1000>(bytes)
            && let Ok(encoded) = text::encode_gbk::<1000>(&text)
        {
            assert_eq!(text::decode_an::<1000>(&encoded).unwrap(), text.trim_end_matches([' ', '\0']));
        }
        let _ = text::decode_an::<3>(bytes);
        let _ = text::decode_cn::<600>(bytes);
        let _ = text::decode_cn::<3>(bytes);
        let (name, extension) = bytes.split_at(bytes.len().min(30));
        if let Ok(name) = Name::from_records(name, Some(extension)) {
            let (first, second) = name.to_records();
            assert_eq!(Name::from_records(&first, Some(&second)).unwrap(), name);
        }
    });
}

#[test]
fn values() {
    check(|bytes| {
        if let Ok(id) = CardId::parse(bytes) {
            assert_eq!(id.to_bytes(), bytes);
            let _ = id.verify(Suite::TripleDes, &Key128::new([0; 16]));
        }
        let _ = CardNumber::parse(bytes).map(|number| number.check());
        let _ = CardDate::parse(bytes).map(|date| (date.first_day(), date.last_day()));
        let _ = bytes.first_chunk().map(|four| Date::from_cn(*four));
        let _ = bytes.first_chunk().map(|seven| DateTime::from_cn(*seven));
        let _ = bytes.first_chunk().map(|three| RegionCode::from_cn(*three));
        let _ = Generation::from_version(bytes);
        let _ = Algorithm::from_id(bytes.first().copied());
        let _ = Factors::from_bytes(bytes);
        let _ = PinField::new(bytes).map(|field| field.to_pin());
        let _ = EncipheredPin::new(bytes)
            .map(|pin| pin.decipher(&Suite::TripleDes.session_key(&Key128::new([1; 16]), &[0; 8])));
        let _ = VerifyingKey::new("", bytes);
        let text = String::from_utf8_lossy(bytes);
        let _ = (PersonNumber::parse(&text), RegionCode::parse(&text), Pin::parse(&text), Date::parse(&text));
    });
}

#[test]
fn whole_files() {
    check(|bytes| {
        let _ = IssuerData::parse(bytes);
        let _ = HolderData::parse(bytes);
    });
}

#[test]
fn transactions() {
    check(|bytes| {
        if let Ok(value) = PurchaseAnswer::parse(bytes) {
            assert_eq!(PurchaseAnswer::parse(&value.to_bytes()), Ok(value));
        }
        if let Ok(Some(value)) = LogRecord::parse(bytes) {
            assert_eq!(value.to_bytes().unwrap(), bytes);
        }
        let _ = (BalanceAnswer::parse(bytes), CreditAnswer::parse(bytes), Debit::parse(bytes));
        let _ = (DebitAnswer::parse(bytes), LoadAnswer::parse(bytes), LoadCredit::parse(bytes));
        let _ = (LoadRequest::parse(bytes), PurchaseRequest::parse(bytes), SamAnswer::parse(bytes));
        let _ = (TransactionProof::parse(bytes), wallet::PurchaseAnswer::parse(bytes));
        let _ = wallet::LogRecord::parse(bytes);
    });
}

#[test]
fn every_status_word() {
    for word in 0..=u16::MAX {
        let word = StatusWord(word);
        assert_eq!(StatusWord::new(word.sw1(), word.sw2()), word);
        let kinds =
            [word.bytes_waiting().is_some(), word.exact_length().is_some(), word.tries_left().is_some()];
        assert!(kinds.iter().filter(|is| **is).count() <= 1);
        assert_eq!(word.driver_error(), -i32::from(word.0));
        if word.is_success() {
            assert!(word.is_done());
        }
    }
}
