//! Text, digits, dates, money, regions, PINs, and what is paid with.

#![allow(clippy::unwrap_used, reason = "tests")]

mod seeded;

use card_spec::{
    Error, Part,
    account::{
        AMOUNT_FEN_MAX, AccountYear, Amounts, BalanceAnswer, Balances, Load, LogRecord, PurchaseAnswer,
        TYPE_PURCHASE,
    },
    apdu::{CommandApdu, DATA_BYTES_MAX, EXTENDED_DATA_BYTES_MAX},
    date::{CardDate, Date, DateTime},
    error::PinError,
    file::{ApplicationName, ShortFileId},
    key::{CardFactors, Factor, Purpose, Usage},
    money::Fen,
    name::Name,
    person::PersonNumber,
    pin::{INITIAL, PIN_DIGITS_MAX, PIN_DIGITS_MIN, Pin, PinField},
    psam::{Factors, TerminalNumber, TerminalSerial},
    region::{PROVINCES, RegionCode, RegionCodeError},
    suite::{Sm4Session, Suite},
    text,
    tlv::{self, RECORD_VALUE_BYTES_MAX, Record, ber},
    wallet,
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

#[test]
fn text_of_the_card() {
    let encoded = text::encode_an::<30>("张三").unwrap();
    assert_eq!(encoded[..4], [0xD5, 0xC5, 0xC8, 0xFD]);
    assert!(encoded[4..].iter().all(|byte| *byte == 0));
    assert_eq!(text::decode_an::<45>(&encoded).unwrap(), "张三");
    assert_eq!(text::decode_an::<45>(&[0xFF; 30]).unwrap(), "");
    assert_eq!(text::decode_an::<45>(b"LI MING   \0\0").unwrap(), "LI MING");
    // A rare character has four bytes in GB 18030, which the card may hold.
    assert_eq!(text::decode_an::<8>(&[0x82, 0x35, 0x87, 0x38]).unwrap(), "䶵");
    // Bad at the first byte, inside, and cut at the end.
    assert_eq!(text::decode_an::<45>(&[0xFF, 0x41]), Err(Error::Text { offset: 0 }));
    assert_eq!(text::decode_an::<45>(&[0xD5, 0xC5, 0xC8, 0x20, 0x41]), Err(Error::Text { offset: 2 }));
    assert_eq!(text::decode_an::<45>(&[0xD5, 0xC5, 0xC8]), Err(Error::Text { offset: 2 }));
    assert!(matches!(text::decode_an::<5>(&encoded), Err(Error::TooLong { max: 5, .. })));
    // A field filled to its last byte.
    assert_eq!(text::encode_an::<4>("张三").unwrap(), [0xD5, 0xC5, 0xC8, 0xFD]);
    assert!(matches!(text::encode_an::<3>("张三"), Err(Error::TooLong { max: 3, .. })));
    assert_eq!(text::encode_gbk::<40>("张😀"), Err(Error::Text { offset: 3 }));
}

/// The whole plane of two-byte characters survives decoding and encoding.
#[test]
fn every_character_of_gbk() {
    let mut characters = 0;
    for lead in 0x81..=0xFE_u8 {
        for trail in (0x40..=0xFE_u8).filter(|trail| *trail != 0x7F) {
            let Ok(text) = text::decode_an::<8>(&[lead, trail]) else { continue };
            characters += 1;
            // Characters outside GBK proper (private use) may have another code; the text is the same.
            if let Ok(encoded) = text::encode_gbk::<4>(&text) {
                assert_eq!(text::decode_an::<8>(&encoded).unwrap(), text);
            }
        }
    }
    assert!(characters > 21_886, "GBK 1.0 has 21886 characters, decoded {characters}");
}

#[test]
fn names_fit_both_records_or_are_refused() {
    let longest = "汉".repeat(25);
    let name = Name::new(&longest).unwrap();
    let (first, second) = name.to_records();
    assert_eq!(Name::from_records(&first, Some(&second)).unwrap().as_str(), longest);
    assert!(matches!(Name::new(&"汉".repeat(26)), Err(Error::TooLong { .. })));
    assert!(matches!(Name::from_records(&[b'A'; 30], Some(&[b'B'; 21])), Err(Error::TooLong { .. })));
    assert_eq!(Name::new("李\n四"), Err(Error::Malformed { part: Part::Name }));
    assert!(Name::from_records(&[0; 30], Some(&[0; 20])).unwrap().is_empty());
    // A rare character takes four bytes.
    let rare = Name::new("王䶵").unwrap();
    let (first, second) = rare.to_records();
    assert_eq!(first[2..6], [0x82, 0x35, 0x87, 0x38]);
    assert_eq!(Name::from_records(&first, Some(&second)), Ok(rare));
    // A first record that is not full does not put its filling into the middle of the name.
    let mut first = [0; 30];
    first[..4].copy_from_slice(&[0xD5, 0xC5, 0xC8, 0xFD]);
    let mut second = [0; 20];
    second[..2].copy_from_slice(&[0xC8, 0xFD]);
    assert_eq!(Name::from_records(&first, Some(&second)).unwrap().as_str(), "张三三");
}

#[test]
fn digits_of_the_card() {
    assert_eq!(text::encode_cn::<4>("12345").unwrap(), [0x12, 0x34, 0x5F, 0xFF]);
    assert_eq!(text::decode_cn::<8>(&[0x12, 0x34, 0x5F, 0xFF]).unwrap(), "12345");
    assert_eq!(text::decode_cn::<8>(&[0xFF; 4]).unwrap(), "");
    for bad in [[0x1A, 0xFF], [0xF1, 0xFF], [0xFF, 0x12]] {
        assert_eq!(text::decode_cn::<8>(&bad), Err(Error::Malformed { part: Part::Digits }));
    }
    assert!(matches!(text::decode_cn::<3>(&[0x12, 0x34]), Err(Error::TooLong { .. })));
    assert!(text::encode_cn::<2>("12345").is_err() && text::encode_cn::<2>("1x").is_err());
    let mut runner = TestRunner::new(seeded::config(1_000));
    runner
        .run(&"[0-9]{0,16}", |digits| {
            let encoded = text::encode_cn::<8>(&digits).unwrap();
            let decoded = text::decode_cn::<16>(&encoded).unwrap();
            prop_assert_eq!(decoded.as_str(), digits);
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_calendar() {
    assert!(Date::new(2024, 2, 29).is_some() && Date::new(2023, 2, 29).is_none());
    assert!(Date::new(1900, 2, 29).is_none() && Date::new(2000, 2, 29).is_some());
    assert!(Date::new(2024, 4, 31).is_none() && Date::new(2024, 13, 1).is_none());
    assert!(Date::new(0, 1, 1).is_none() && Date::new(2024, 1, 0).is_none());
    let day = Date::new(2024, 1, 15).unwrap();
    assert_eq!(day.to_cn(), [0x20, 0x24, 0x01, 0x15]);
    assert_eq!(Date::from_cn(day.to_cn()), Some(day));
    assert_eq!((Date::parse("20240115"), Date::parse("2024-01-15")), (Some(day), Some(day)));
    for bad in ["2024-1-15", "2024011", "20240132", "2024/01/15", "+0240115", "二〇二四"] {
        assert_eq!(Date::parse(bad), None, "{bad}");
    }
    assert_eq!(day.to_string(), "2024-01-15");
    assert_eq!(Date::new(2024, 2, 29).unwrap().plus_years(1), Date::new(2025, 2, 28));
    assert_eq!(day.plus_years(10), Date::new(2034, 1, 15));
    let days: u32 =
        (1..=12).map(|m| (1..=31).filter(|d| Date::new(2024, m, *d).is_some()).count() as u32).sum();
    assert_eq!(days, 366);
    let time = DateTime::new(day, 9, 30, 0).unwrap();
    assert_eq!(time.to_cn(), [0x20, 0x24, 0x01, 0x15, 0x09, 0x30, 0x00]);
    assert_eq!(DateTime::from_cn(time.to_cn()), Some(time));
    assert_eq!(time.to_string(), "2024-01-15 09:30:00");
    assert_eq!(DateTime::from_cn([0x20, 0x24, 0x01, 0x15, 0x24, 0x00, 0x00]), None);
    assert_eq!(DateTime::from_cn([0x20, 0x24, 0x01, 0x15, 0x0A, 0x00, 0x00]), None);
}

#[test]
fn dates_as_cards_have_them() {
    let day = Date::new(2034, 1, 15).unwrap();
    for (bytes, expected) in [
        (vec![0x20, 0x34, 0x01, 0x15], Ok(CardDate::Day(day))),
        (b"20340115".to_vec(), Ok(CardDate::Day(day))),
        (b"2012".to_vec(), Ok(CardDate::Year(2012))),
        (vec![0xFF; 4], Ok(CardDate::NotIssued)),
        (vec![0x00; 4], Ok(CardDate::NotIssued)),
        (vec![0x20, 0x34, 0x02, 0x30], Err(Error::Malformed { part: Part::Date })),
        (b"20341315".to_vec(), Err(Error::Malformed { part: Part::Date })),
        (b"0000".to_vec(), Err(Error::Malformed { part: Part::Date })),
        (vec![], Err(Error::Malformed { part: Part::Date })),
        (vec![0x20, 0x34, 0x01], Err(Error::Malformed { part: Part::Date })),
    ] {
        assert_eq!(CardDate::parse(&bytes), expected, "{bytes:02X?}");
    }
    for date in [CardDate::Day(day), CardDate::Year(2012), CardDate::NotIssued] {
        assert_eq!(CardDate::parse(&date.to_cn()), Ok(date));
    }
}

#[test]
fn ages() {
    let number = PersonNumber::parse("11010519491231002X").unwrap();
    let age = |year, month, day| number.age_on(Date::new(year, month, day).unwrap());
    assert_eq!(age(1949, 12, 30), None);
    assert_eq!(age(1949, 12, 31), Some(0));
    assert_eq!(age(2024, 12, 30), Some(74));
    assert_eq!(age(2024, 12, 31), Some(75));
}

#[test]
fn regions() {
    assert_eq!(RegionCode::parse("43012"), Err(RegionCodeError::NotSixDigits));
    assert_eq!(RegionCode::parse("43O121"), Err(RegionCodeError::NotSixDigits));
    assert_eq!(RegionCode::parse("990000"), Err(RegionCodeError::NoProvince));
    let county = RegionCode::parse("430121").unwrap();
    assert_eq!((county.city().as_str(), county.province().as_str()), ("430100", "430000"));
    assert_eq!(county.province_names(), Some(("湖南省", "Hunan")));
    assert!(county.is_same_city(&RegionCode::parse("430102").unwrap()));
    assert!(!county.is_same_city(&RegionCode::parse("430200").unwrap()));
    assert_eq!(RegionCode::from_cn(county.to_cn()), Ok(county));
    assert!(RegionCode::from_cn([0x43, 0x0A, 0x00]).is_err());
    assert!(PROVINCES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(PROVINCES.len(), 34 + 1, "34 province-level divisions and the corps");
}

#[test]
fn money_adds_up() {
    let mut runner = TestRunner::new(seeded::config(2_000));
    runner
        .run(&(any::<i64>(), any::<i64>(), 0_u32..=1_000_000), |(a, b, share)| {
            let text = Fen(a).to_string();
            // The smallest number has no positive twin to be parsed by way of.
            if a != i64::MIN {
                prop_assert_eq!(Fen::parse_yuan(&text), Some(Fen(a)));
            }
            prop_assert_eq!(Fen(a) + Fen(b), Fen(a.saturating_add(b)));
            prop_assert_eq!(Fen(a) - Fen(b), Fen(a.saturating_sub(b)));
            let part = Fen(a).share(share);
            prop_assert!(part.0.unsigned_abs() <= a.unsigned_abs());
            // A share and the rest are the whole, to a fen.
            let rest = Fen(a).share(1_000_000 - share);
            prop_assert!((i128::from(part.0) + i128::from(rest.0) - i128::from(a)).abs() <= 1);
            Ok(())
        })
        .unwrap();
    assert_eq!(Fen(-1).to_card(), None);
    assert_eq!(Fen::CARD_MAX.to_card(), Some(u32::MAX));
    assert_eq!((Fen::CARD_MAX + Fen(1)).to_card(), None);
}

#[test]
fn pins() {
    assert_eq!(Pin::parse("123"), Err(PinError::Length { min: PIN_DIGITS_MIN, max: PIN_DIGITS_MAX, got: 3 }));
    assert!(matches!(Pin::parse("1234567890123"), Err(PinError::Length { got: 13, .. })));
    assert_eq!(Pin::parse("12345x"), Err(PinError::NotDigits));
    assert_eq!(Pin::parse("１２３４"), Err(PinError::NotDigits));
    let pin = |text| Pin::parse(text).unwrap();
    for initial in INITIAL {
        assert!(pin(initial).is_initial());
        assert_eq!(pin(initial).check_for_transaction(), Err(PinError::Initial));
        assert_eq!(pin(initial).check_as_new(&pin("0000")), Err(PinError::Initial));
    }
    assert_eq!(pin("135790").check_for_transaction(), Ok(()));
    assert_eq!(pin("135790").check_as_new(&pin("135790")), Err(PinError::Unchanged));
    assert_eq!(pin("135790").check_as_new(&pin("123456")), Ok(()));
    for text in ["1234", "12345", "123456", "123456789012"] {
        assert_eq!(pin(text).field().to_pin(), Ok(pin(text)));
        assert_eq!(usize::from(pin(text).length()), text.len());
    }
    assert_eq!(PinField::new(&[0x12, 0xF3]).unwrap().to_pin(), Err(PinError::NotDigits));
    assert!(matches!(PinField::new(&[0x12, 0x3F]).unwrap().to_pin(), Err(PinError::Length { got: 3, .. })));
    assert!(PinField::new(&[0x12]).is_err() && PinField::new(&[0; 7]).is_err());
}

#[test]
fn limits_of_apdus() {
    let command = |data, le| CommandApdu { cla: 0, ins: 0xB0, p1: 0, p2: 0, data, le };
    let long = [7; EXTENDED_DATA_BYTES_MAX + 1];
    for (length, le) in [(0, None), (0, Some(1)), (0, Some(256)), (DATA_BYTES_MAX, Some(256)), (1, None)] {
        let apdu = command(&long[..length], le);
        assert!(!apdu.is_extended());
        assert_eq!(CommandApdu::parse(&apdu.build::<261>().unwrap()), Ok(apdu));
    }
    for (length, le) in
        [(0, Some(257)), (0, Some(65_536)), (256, None), (65_535, Some(65_536)), (1, Some(300))]
    {
        let apdu = command(&long[..length], le);
        assert!(apdu.is_extended());
        assert_eq!(CommandApdu::parse(&apdu.build::<66_000>().unwrap()), Ok(apdu));
    }
    assert!(command(&long, None).build::<70_000>().is_err());
    assert!(
        command(&[], Some(0)).build::<261>().is_err() && command(&[], Some(65_537)).build::<261>().is_err()
    );
    assert!(command(&long[..255], None).build::<200>().is_err());
    for bad in ["00B00000000000", "00B0000000000000", "00B00000020102030405", "00B000000500"] {
        let bytes = hex::decode(bad).unwrap();
        if bad == "00B00000000000" {
            assert_eq!(CommandApdu::parse(&bytes).unwrap().le, Some(65_536));
        } else {
            assert!(CommandApdu::parse(&bytes).is_err(), "{bad}");
        }
    }
}

#[test]
fn limits_of_records() {
    let value = [1; RECORD_VALUE_BYTES_MAX + 1];
    let mut out = heapless::Vec::<u8, 300>::new();
    let longest = Record { tag: 0x21, value: &value[..RECORD_VALUE_BYTES_MAX] };
    longest.append(&mut out).unwrap();
    assert_eq!(Record::parse(&out), Ok(longest));
    assert_eq!(longest.encoded_bytes(), 255);
    assert!(Record { tag: 0x21, value: &value }.append(&mut out).is_err());
    let mut small = heapless::Vec::<u8, 4>::new();
    assert!(Record { tag: 1, value: &[1, 2, 3] }.append(&mut small).is_err() && small.is_empty());
    // Records end at unwritten space and after an error.
    assert_eq!(tlv::records(&[1, 1, 9, 2, 1, 8, 0xFF, 0xFF]).count(), 2);
    let mut torn = tlv::records(&[1, 1, 9, 2, 5, 8]);
    assert!(torn.next().unwrap().is_ok() && torn.next().unwrap().is_err() && torn.next().is_none());
    assert_eq!(tlv::find(&[1, 1, 9, 2, 1, 8], 2), Some(&[8][..]));
    assert_eq!(tlv::find(&[1, 1, 9, 2, 1, 8], 3), None);
}

#[test]
fn limits_of_ber() {
    let value = vec![5; 70_000];
    for (length, header) in [(0x7F, 2), (0x80, 3), (0xFF, 3), (0x100, 4), (0xFFFF, 4)] {
        let mut out = heapless::Vec::<u8, 66_000>::new();
        ber::append(&mut out, 0x84, &value[..length]).unwrap();
        assert_eq!(out.len(), length + header);
        let object = ber::objects(&out).next().unwrap().unwrap();
        assert_eq!((object.tag, object.value.len(), object.constructed), (0x84, length, false));
    }
    let mut out = heapless::Vec::<u8, 66_000>::new();
    assert!(ber::append(&mut out, 0x84, &value[..0x1_0000]).is_err());
    let one = |text: &str| ber::objects(&hex::decode(text).unwrap()).next().unwrap().map(|object| object.tag);
    assert_eq!((one("9F0C00"), one("5F810100")), (Ok(0x9F0C), Ok(0x5F_8101)));
    assert_eq!(one("5F81818100"), Err(Error::Malformed { part: Part::Tlv }), "four bytes of tag");
    assert_eq!(one("8480"), Err(Error::Malformed { part: Part::Tlv }), "indefinite length");
    assert_eq!(one("8483000001AA"), Err(Error::Malformed { part: Part::Tlv }), "three bytes of length");
    assert!(one("84").is_err() && one("9F").is_err() && one("8482FF").is_err());
}

#[test]
fn names_and_identifiers() {
    assert_eq!((ShortFileId::new(0), ShortFileId::new(31)), (None, None));
    assert_eq!(ShortFileId::new(30).map(ShortFileId::value), Some(30));
    assert_eq!((ApplicationName::new(&[]), ApplicationName::new(&[0; 17])), (None, None));
    assert_eq!(text::decode_an::<32>(ApplicationName::SSSE.as_bytes()).unwrap(), "sx1.sh.社会保障");
    assert_eq!(text::decode_an::<32>(ApplicationName::PKI.as_bytes()).unwrap(), "PKI.社会保障");
    assert_eq!(ApplicationName::PKI.to_string(), "504B492EC9E7BBE1B1A3D5CF");
    assert_eq!(ApplicationName::CERTIFICATES.to_string(), "53532E434552542E41444631");
}

#[test]
fn factors_and_usages() {
    assert_eq!((Usage(0x67).levels(), Usage(0x48).levels(), Usage(0x28).levels()), (3, 2, 1));
    assert_eq!(Usage(0x48).purpose(), Purpose::MacAndEncipher);
    assert_eq!(Usage(0x4A).purpose(), Purpose::Other(0x0A));
    let city = RegionCode::parse("430100").unwrap();
    let card = card_spec::atr::CardSerial([1; 8]);
    let factors = CardFactors::new(card, city);
    assert_eq!(factors.levels(0), []);
    assert_eq!(factors.levels(2), [Factor::card(card), Factor::city(city)]);
    assert_eq!(factors.levels(9).len(), 3);
    assert!(Factors::new(&[Factor::card(card); 4]).is_err());
    assert_eq!(Factors::from_bytes(&[0; 24]).unwrap().as_slice().len(), 3);
    assert_eq!((Factors::from_bytes(&[0; 32]), Factors::from_bytes(&[0; 7])), (None, None));
}

fn date_time() -> DateTime {
    DateTime::new(Date::new(2024, 1, 15).unwrap(), 9, 30, 0).unwrap()
}

#[test]
fn account_answers() {
    let answer = PurchaseAnswer {
        balances: Balances {
            account_fen: 100,
            self_paid_year_fen: 200,
            pooled_year_fen: 300,
            year: AccountYear::new(2024),
        },
        serial: 2,
        key_version: 1,
        algorithm_id: 1,
        random: [0x9A, 0xBC, 0xDE, 0xF0],
    };
    let bytes = answer.to_bytes();
    assert_eq!(hex::encode_upper(bytes), "00000064000000C80000012C2024000201019ABCDEF0");
    assert_eq!(PurchaseAnswer::parse(&bytes), Ok(answer));
    assert!(PurchaseAnswer::parse(&bytes[..21]).is_err());
    assert_eq!(AccountYear::from_cn([0xFF, 0xFF]), AccountYear::NONE);
    assert_eq!((AccountYear::NONE.to_cn(), AccountYear::new(10_000)), ([0xFF; 2], AccountYear::NONE));
    let plain = BalanceAnswer::parse(&[0, 0, 1, 0]).unwrap();
    assert_eq!((plain.amount_fen, plain.year), (256, None));
    let yearly = BalanceAnswer::parse(&[0, 0, 1, 0, 0x20, 0x24]).unwrap();
    assert_eq!(yearly.year.and_then(AccountYear::year), Some(2024));
    assert!(BalanceAnswer::parse(&[0; 5]).is_err());
}

#[test]
fn amounts_that_the_log_cannot_hold() {
    let max = Fen(i64::from(AMOUNT_FEN_MAX));
    assert!(Amounts::from_fen(max, max, max).is_some_and(|amounts| amounts.fit_the_log()));
    assert_eq!(Amounts::from_fen(max + Fen(1), Fen(0), Fen(0)), None);
    assert_eq!(Amounts::from_fen(Fen(0), Fen(-1), Fen(0)), None);
    let record = LogRecord {
        serial: 0xABCD,
        transaction_type: TYPE_PURCHASE,
        terminal: TerminalNumber([0x43, 0x01, 0, 0, 0, 1]),
        date_time: date_time(),
        amounts: Amounts { account_fen: 0, self_paid_fen: 12_345_678, pooled_fen: AMOUNT_FEN_MAX },
    };
    let bytes = record.to_bytes().unwrap();
    assert_eq!(hex::encode_upper(bytes), "ABCD3243010000000120240115093000000000001234567899999999");
    assert_eq!(LogRecord::parse(&bytes), Ok(Some(record)));
    assert_eq!(LogRecord::parse(&[0xFF; 28]), Ok(None));
    assert_eq!(LogRecord::parse(&[0; 28]), Ok(None));
    assert!(LogRecord::parse(&bytes[..27]).is_err());
    let over = LogRecord { amounts: Amounts { account_fen: AMOUNT_FEN_MAX + 1, ..record.amounts }, ..record };
    assert!(over.to_bytes().is_err() && !over.amounts.fit_the_log());
}

#[test]
fn a_load_beyond_the_card_has_no_tac() {
    let load = Load {
        balance_before_fen: u32::MAX,
        amount_fen: 1,
        transaction_type: card_spec::account::TYPE_LOAD,
        terminal: TerminalNumber([0; 6]),
        serial: 0,
        random: [0; 4],
    };
    let key = card_spec::key::Key128::new([1; 16]);
    assert_eq!(load.balance_after_fen(), None);
    assert!(load.tac(Suite::TripleDes, &key, date_time()).is_err());
}

#[test]
fn wallet_answers_and_log() {
    let answer = wallet::PurchaseAnswer {
        balance_fen: 1,
        serial: 3,
        overdraft_fen: 0x01_0203,
        key_version: 1,
        algorithm_id: 1,
        random: [0xA5; 4],
    };
    assert_eq!(wallet::PurchaseAnswer::parse(&answer.to_bytes()), Ok(answer));
    let record = wallet::LogRecord {
        serial: 3,
        overdraft_fen: 0,
        amount_fen: 1,
        transaction_type: wallet::Purse::Purse.purchase_type(),
        terminal: TerminalNumber([1; 6]),
        date_time: date_time(),
    };
    assert_eq!(wallet::LogRecord::parse(&record.to_bytes()), Ok(Some(record)));
    assert_eq!(wallet::LogRecord::parse(&[0xFF; 23]), Ok(None));
}

/// One changed bit in anything that a purchase covers changes its MAC, in both ciphers.
#[test]
fn macs_cover_every_bit() {
    let key = card_spec::key::Key128::new(*b"0123456789abcdef");
    for suite in [Suite::TripleDes, Suite::Sm4(Sm4Session::ZeroFill), Suite::Sm4(Sm4Session::Complement)] {
        let session = suite.session_key(&key, &[3; 8]);
        let data = *b"amounts, type, terminal, time";
        let (mac, tac) = (session.mac(&[&data]), suite.tac(&key, &[&data]));
        assert_eq!(session.mac(&[&data[..7], &[], &data[7..]]), mac, "pieces are one message");
        let whole = suite.whole_key_mac(&key, [9; 4], &[&data]);
        for bit in 0..data.len() * 8 {
            let mut changed = data;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(session.mac(&[&changed]), mac);
            assert_ne!(suite.tac(&key, &[&changed]), tac);
            assert_ne!(suite.whole_key_mac(&key, [9; 4], &[&changed]), whole);
        }
        // A message and the same with its padding written out are two messages.
        assert_ne!(session.mac(&[&data, &[0x80]]), mac);
        assert_ne!(suite.whole_key_mac(&key, [8; 4], &[&data]), whole, "the challenge counts");
    }
}

#[test]
fn enciphering_is_undone_block_by_block() {
    let mut runner = TestRunner::new(seeded::config(300));
    runner
        .run(&(vec(any::<u8>(), 0..64), any::<[u8; 16]>(), any::<[u8; 8]>()), |(data, key, challenge)| {
            for suite in [Suite::TripleDes, Suite::Sm4(Sm4Session::ZeroFill)] {
                let session = suite.session_key(&card_spec::key::Key128::new(key), &challenge);
                let mut bytes = data.clone();
                session.encipher(&mut bytes);
                let whole = data.len() - data.len() % suite.block_bytes();
                prop_assert_eq!(&bytes[whole..], &data[whole..], "a rest is left");
                session.decipher(&mut bytes);
                prop_assert_eq!(&bytes, &data);
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(TerminalSerial(0x0102_0304).low(), [3, 4]);
}
