//! Every command is built as the standards write it and is read back as it was.

#![allow(clippy::unwrap_used, reason = "tests")]

mod seeded;

use card_spec::{
    account::{Amounts, BalanceKind, Debit, LoadCredit, LoadRequest, PurchaseRequest},
    command::{
        BinaryReference, Body, Command, OFFSET_MAX, RecordReference, SamAccountPurchase, SamWalletPurchase,
        Selection,
    },
    date::{Date, DateTime},
    file::{Application, ApplicationName, FileId, ShortFileId},
    fingerprint::Position,
    key::{Factor, KeyId, PsamKey, Usage},
    pin::{Pin, PinField},
    psam::{CipherMode, Factors, TerminalNumber, TerminalSerial},
    secure_messaging::EncipheredPin,
    status::StatusWord,
    wallet::Purse,
};
use proptest::{array::uniform32, prelude::*, test_runner::TestRunner};

/// Ways to make a command; one for each variant, some for its inner choices.
const KINDS: u8 = 53;

/// Makes a command of a kind out of 32 random bytes and a body.
fn command<'a>(kind: u8, r: &'a [u8; 32], body: &'a [u8]) -> Command<'a> {
    let at = |index: usize| r[index];
    let four = [at(0), at(1), at(2), at(3)];
    let eight = [at(4), at(5), at(6), at(7), at(8), at(9), at(10), at(11)];
    let other = [at(12), at(13), at(14), at(15), at(16), at(17), at(18), at(19)];
    let version = (at(20) & 1 == 1).then_some(at(21));
    let file = ShortFileId::new(at(22) % 31);
    let some_file = ShortFileId::new(at(22) % 30 + 1).unwrap();
    let mac = (at(23) & 1 == 1).then_some(four);
    let number = u32::from_be_bytes([at(24), at(25), at(26), at(27)]);
    let serial = u16::from_be_bytes([at(28), at(29)]);
    let date_time = DateTime::new(
        Date::new(1900 + u16::from(at(28)), at(29) % 12 + 1, at(30) % 28 + 1).unwrap(),
        at(31) % 24,
        at(0) % 60,
        at(1) % 60,
    )
    .unwrap();
    let terminal = TerminalNumber([at(5), at(6), at(7), at(8), at(9), at(10)]);
    let key = PsamKey { usage: Usage(at(2)), id: at(3) };
    let factors =
        Factors::new(&[Factor::new(eight), Factor::new(other), Factor::new(eight)][..usize::from(at(1) % 4)])
            .unwrap();
    let amounts = Amounts { account_fen: number, self_paid_fen: !number, pooled_fen: number / 3 };
    let pin = || {
        let digits: String =
            r[..usize::from(4 + at(4) % 9)].iter().map(|b| char::from(b'0' + b % 10)).collect();
        Pin::parse(&digits).unwrap().field()
    };
    let request = LoadRequest { key_index: at(11), amount_fen: number, terminal };
    let credit = LoadCredit { date_time, mac2: four };
    let debit = Debit { terminal_serial: TerminalSerial(number), date_time, mac1: four };
    let purse = if at(12) & 1 == 0 { Purse::Deposit } else { Purse::Purse };
    let le = at(13);
    let position = Position::new(at(22) % 10 + 1).unwrap();
    match kind {
        0 => Command::Select(Selection::ById(FileId(serial))),
        1 => Command::Select(Selection::FileById(FileId(serial))),
        2 => Command::Select(Selection::ByName(
            ApplicationName::new(&r[..usize::from(at(0) % 16 + 1)]).unwrap(),
        )),
        3 => Command::ReadRecord { record: RecordReference::Number { file, number: at(0) }, le },
        4 => Command::ReadRecord { record: RecordReference::Tag { file, tag: at(0) }, le },
        5 => Command::ReadRecord { record: RecordReference::AllFrom { file, number: at(0) }, le },
        6 => Command::ReadBinary { at: BinaryReference::Current { offset: serial & OFFSET_MAX }, le },
        7 => Command::ReadBinary { at: BinaryReference::File { file: some_file, offset: at(0) }, le },
        8 => Command::UpdateRecord {
            record: RecordReference::Number { file, number: at(0) },
            data: Body(body),
            mac,
        },
        9 => {
            Command::UpdateRecord { record: RecordReference::Tag { file, tag: at(0) }, data: Body(body), mac }
        }
        10 => Command::UpdateRecord { record: RecordReference::Previous { file }, data: Body(body), mac },
        11 => Command::UpdateBinary {
            at: BinaryReference::Current { offset: serial & OFFSET_MAX },
            data: Body(body),
            mac,
        },
        12 => Command::UpdateBinary {
            at: BinaryReference::File { file: some_file, offset: at(0) },
            data: Body(body),
            mac,
        },
        13 => Command::AppendRecord { file, data: Body(body), mac },
        14 => Command::GetResponse { le },
        15 => Command::GetChallenge { le },
        16 => Command::InternalAuthenticate { factor: eight, data: other, version },
        17 => Command::ExternalAuthenticate { key: KeyId(at(0)), cryptogram: eight, data: other, version },
        18 => Command::Verify { pin: pin() },
        19 => Command::Verify { pin: PinField::new(&r[..usize::from(at(0) % 5 + 2)]).unwrap() },
        20 => Command::PinTries,
        21 => Command::ChangePin { old: pin(), new: PinField::new(&r[8..12]).unwrap() },
        22 => Command::PinUnblock { mac: four },
        23 => Command::PinReset { pin: EncipheredPin::new(&eight).unwrap(), mac: four },
        24 => Command::PinReset { pin: EncipheredPin::new(&r[..16]).unwrap(), mac: four },
        25 => Command::CardBlock { mac: four },
        26 => Command::ApplicationBlock { permanent: at(0) & 1 == 1, mac: four },
        27 => Command::ApplicationUnblock { mac: four },
        28 => Command::GetAccountBalance(BalanceKind::Account),
        29 => Command::GetAccountBalance(BalanceKind::SelfPaid),
        30 => Command::GetAccountBalance(BalanceKind::Pooled),
        31 => Command::InitializeAccountLoad(request),
        32 => Command::CreditAccount(credit),
        33 => Command::InitializeAccountPurchase(PurchaseRequest { key_index: at(0), amounts, terminal }),
        34 => Command::DebitAccount(debit),
        35 => Command::GetWalletBalance(purse),
        36 => Command::InitializeWalletLoad { purse, request },
        37 => Command::CreditWallet(credit),
        38 => Command::InitializeWalletPurchase { purse, request },
        39 => Command::DebitWallet(debit),
        40 => Command::GetTransactionProof { transaction_type: at(0), serial },
        41 => Command::DeliverSessionKey { key, factors, challenge: eight },
        42 => Command::DeliverKey { key, factors },
        43 => Command::CipherData {
            mode: CipherMode::from_p1(at(0) & 0x07).unwrap_or(CipherMode::Encipher),
            data: Body(body),
        },
        44 | 45 => Command::InitializeSamForAccount(SamAccountPurchase {
            random: four,
            serial,
            amounts,
            transaction_type: at(0),
            date_time,
            key_version: at(1),
            algorithm_id: at(2),
            card: Factor::new(eight),
            city: (kind == 44).then_some(Factor::new(other)),
        }),
        46 => Command::InitializeSamForWallet(SamWalletPurchase {
            random: four,
            serial,
            amount_fen: number,
            transaction_type: at(0),
            date_time,
            key_version: at(1),
            algorithm_id: at(2),
            factors,
        }),
        47 => Command::CreditSam { mac2: four },
        48 => Command::ReadRecord { record: RecordReference::Tag { file: None, tag: at(0) }, le: 0 },
        49 => Command::VerifyFinger { position, minutiae: Body(&r[..usize::from(at(0) % 8 + 3) * 3]) },
        50 => Command::FingerTries { position },
        51 => Command::FingerUnblock { mac: four },
        _ => Command::Select(Selection::ByName(Application::Ssse.name())),
    }
}

#[test]
fn built_and_parsed_it_is_the_same() {
    let mut runner = TestRunner::new(seeded::config(20_000));
    let body = proptest::collection::vec(any::<u8>(), 1..=251);
    runner
        .run(&(0..KINDS, uniform32(any::<u8>()), body), |(kind, random, body)| {
            let command = command(kind, &random, &body);
            let bytes = command.build().unwrap();
            prop_assert_eq!(Command::parse(&bytes), Ok(command.clone()));
            // A Le more or less changes nothing but the bytes that a reading command asks for.
            if let Ok(apdu) = card_spec::apdu::CommandApdu::parse(&bytes)
                && !apdu.data.is_empty()
            {
                let bare = card_spec::apdu::CommandApdu { le: None, ..apdu }.build::<261>().unwrap();
                prop_assert_eq!(Command::parse(&bare), Ok(command.clone()));
                let with = card_spec::apdu::CommandApdu { le: Some(256), ..apdu }.build::<261>().unwrap();
                prop_assert_eq!(Command::parse(&with), Ok(command));
            }
            Ok(())
        })
        .unwrap();
}

/// The bytes of the public record.
#[test]
fn bytes_are_those_of_the_standards() {
    let file5 = ShortFileId::new(5);
    let file6 = ShortFileId::new(6);
    let number =
        |file, number, le| Command::ReadRecord { record: RecordReference::Number { file, number }, le };
    let tag = |file, tag, le| Command::ReadRecord { record: RecordReference::Tag { file, tag }, le };
    let cases = [
        (
            Command::Select(Selection::ByName(Application::Ssse.name())),
            "00A404000F7378312E73682EC9E7BBE1B1A3D5CF",
        ),
        (Command::Select(Selection::ById(FileId(0xDDF1))), "00A4000002DDF1"),
        (Command::Select(Selection::FileById(FileId::EF05)), "00A4020002EF05"),
        (number(None, 1, 0), "00B2010400"),
        (number(file5, 1, 0x12), "00B2012C12"),
        (number(file6, 2, 0x20), "00B2023420"),
        (tag(None, 0x07, 0x0B), "00B207000B"),
        (tag(file5, 0x01, 0x12), "00B2012812"),
        (tag(file6, 0x09, 0x20), "00B2093020"),
        (
            Command::ReadRecord { record: RecordReference::AllFrom { file: None, number: 1 }, le: 0xFF },
            "00B20105FF",
        ),
        (
            Command::ReadBinary {
                at: BinaryReference::File { file: ShortFileId::new(0x16).unwrap(), offset: 0 },
                le: 6,
            },
            "00B0960006",
        ),
        (Command::ReadBinary { at: BinaryReference::Current { offset: 0 }, le: 4 }, "00B0000004"),
        (Command::GetChallenge { le: 8 }, "0084000008"),
        (Command::GetResponse { le: 0x1E }, "00C000001E"),
        (Command::Verify { pin: Pin::parse("123456").unwrap().field() }, "0020000003123456"),
        (Command::Verify { pin: Pin::parse("12345").unwrap().field() }, "002000000312345F"),
        (
            Command::ChangePin {
                old: Pin::parse("123456").unwrap().field(),
                new: Pin::parse("654321").unwrap().field(),
            },
            "805E010007123456FF654321",
        ),
        (Command::GetAccountBalance(BalanceKind::SelfPaid), "B026000206"),
        (Command::GetWalletBalance(Purse::Purse), "805C000204"),
        (Command::GetTransactionProof { transaction_type: 0x32, serial: 2 }, "805A003202000208"),
        (
            Command::UpdateRecord {
                record: RecordReference::Previous { file: None },
                data: Body(&[1, 2, 3]),
                mac: None,
            },
            "00DC000303010203",
        ),
        (Command::ApplicationBlock { permanent: true, mac: [1, 2, 3, 4] }, "841E00010401020304"),
    ];
    for (command, expected) in cases {
        assert_eq!(hex::encode_upper(command.build().unwrap()), expected, "{command:?}");
        assert_eq!(Command::parse(&hex::decode(expected).unwrap()), Ok(command.clone()));
    }
}

/// Other ways of writing a command that cards and drivers have.
#[test]
fn the_same_command_written_otherwise() {
    let same = |one: &str, other: &str| {
        let (one, other) = (hex::decode(one).unwrap(), hex::decode(other).unwrap());
        let command = Command::parse(&one).unwrap();
        assert_eq!(Command::parse(&other), Ok(command));
    };
    // DELIVERY KEY of the health card's PSAM.
    same("BFDE4812108637430100000123A1B2C3D4E5F60718", "80DE4812108637430100000123A1B2C3D4E5F60718");
    // Extended lengths; Le that asks for more than 256 bytes asks for all.
    same("00A4000002DDF1", "00A40000000002DDF1");
    same("00B2012800", "00B20128000200");
    same("00B2012812", "00B20128000012");
    // Le where none is needed, none where one is.
    same("0082000410A1A2A3A4A5A6A7A80102030405060708", "0082000410A1A2A3A4A5A6A7A8010203040506070800");
    same("00B2010400", "00B20104");
    same("B026000104", "B0260001");
}

#[test]
fn lengths_are_those_of_the_standards() {
    let zero = [0; 32];
    // Kind, Lc, Le.
    for (kind, data, le) in [
        (16, 0x10, None),
        (31, 0x0B, Some(0x10)),
        (32, 0x0B, Some(0x04)),
        (33, 0x13, Some(0x16)),
        (34, 0x0F, Some(0x08)),
        (36, 0x0B, Some(0x10)),
        (38, 0x0B, Some(0x0F)),
        (39, 0x0F, Some(0x08)),
        (44, 0x2C, Some(0x08)),
        (45, 0x24, Some(0x08)),
        (46, 0x14, Some(0x08)),
        (47, 0x04, None),
    ] {
        let built = command(kind, &zero, &[]).build().unwrap();
        let apdu = card_spec::apdu::CommandApdu::parse(&built).unwrap();
        assert_eq!((apdu.data.len(), apdu.le), (data, le), "kind {kind}");
    }
}

#[test]
fn refusals_are_status_words() {
    let cases = [
        ("", StatusWord::WRONG_LENGTH),
        ("00A404", StatusWord::WRONG_LENGTH),
        ("00A4000001DD", StatusWord::WRONG_LENGTH),
        ("00A4010002DDF1", StatusWord::WRONG_PARAMETERS),
        ("00A4040011000102030405060708090A0B0C0D0E0F10", StatusWord::WRONG_LENGTH),
        ("00B2010600", StatusWord::WRONG_PARAMETERS),
        ("00B201FC00", StatusWord::WRONG_PARAMETERS),
        ("00B0FF0001", StatusWord::WRONG_PARAMETERS),
        ("00820004080102030405060708", StatusWord::WRONG_LENGTH),
        ("008200041201020304050607080102030405060708AABB", StatusWord::WRONG_LENGTH),
        ("002000000112", StatusWord::WRONG_LENGTH),
        ("00200000071234567890ABCD", StatusWord::WRONG_LENGTH),
        ("0021008B", StatusWord::KEY_NOT_FOUND),
        ("00210080", StatusWord::KEY_NOT_FOUND),
        ("00210001", StatusWord::WRONG_PARAMETERS),
        ("002100A1", StatusWord::WRONG_PARAMETERS),
        ("00210181", StatusWord::WRONG_PARAMETERS),
        // No object, another tag, a proprietary format, none inside, two, a rest, half a minutia, two of them, cut.
        ("0021008103 0102FF", StatusWord::WRONG_DATA),
        ("002100810E 5F2E0B 8109112233445566778899", StatusWord::WRONG_DATA),
        ("002100810E 7F2E0B 8209112233445566778899", StatusWord::WRONG_DATA),
        ("0021008103 7F2E00", StatusWord::WRONG_DATA),
        ("0021008110 7F2E0D 8109112233445566778899 8100", StatusWord::WRONG_DATA),
        ("0021008110 7F2E0B 8109112233445566778899 8100", StatusWord::WRONG_DATA),
        ("002100810F 7F2E0C 810A11223344556677889900", StatusWord::WRONG_DATA),
        ("002100810B 7F2E08 8106112233445566", StatusWord::WRONG_DATA),
        ("002100810D 7F2E0B 81091122334455667788", StatusWord::WRONG_DATA),
        ("842400810401020304", StatusWord::WRONG_PARAMETERS),
        ("805E010006123456654321", StatusWord::WRONG_DATA),
        ("84240002041234ABCD", StatusWord::WRONG_PARAMETERS),
        ("842400010A0102030405061234ABCD", StatusWord::WRONG_LENGTH),
        ("04DC01040301AABB", StatusWord::MAC_MISSING),
        ("04DC010404AABBCCDD", StatusWord::WRONG_LENGTH),
        ("B02C01000F00000007FFFFFFFFFFFFFF01020304", StatusWord::WRONG_DATA),
        ("80FA040008A1A2A3A4A5A6A7A8", StatusWord::WRONG_PARAMETERS),
        ("BFDE481209112233445566778899", StatusWord::WRONG_LENGTH),
        ("00FF0000", StatusWord::INSTRUCTION_NOT_SUPPORTED),
        ("A0A4000002DDF1", StatusWord::CLASS_NOT_SUPPORTED),
    ];
    for (bytes, expected) in cases {
        let command = hex::decode(bytes.replace(' ', "")).unwrap();
        assert_eq!(Command::parse(&command), Err(expected), "{bytes}");
    }
}

/// The forms of ISO/IEC 7816-4 and 7816-11, as software for cards that compare writes them.
#[test]
fn fingers_are_compared_as_the_standard_writes_it() {
    let thumb = Position::new(1).unwrap();
    let minutiae: Vec<u8> = (0..180).collect();
    let longest = Command::VerifyFinger { position: thumb, minutiae: Body(&minutiae) }.build().unwrap();
    assert_eq!(hex::encode_upper(&longest[..12]), "00210081BB7F2E81B78181B4");
    assert_eq!(longest[12..], minutiae);
    let short = Command::VerifyFinger { position: thumb, minutiae: Body(&minutiae[..9]) }.build().unwrap();
    assert_eq!(hex::encode_upper(&short), "002100810E7F2E0B8109000102030405060708");
    let tries = Command::FingerTries { position: Position::new(10).unwrap() }.build().unwrap();
    assert_eq!(hex::encode_upper(&tries), "0021008A");
    let unblock = Command::FingerUnblock { mac: [1, 2, 3, 4] }.build().unwrap();
    assert_eq!(hex::encode_upper(&unblock), "842400800401020304");
    assert!(Command::VerifyFinger { position: thumb, minutiae: Body(&[0; 183]) }.build().is_err());
    assert!(Command::VerifyFinger { position: thumb, minutiae: Body(&[0; 6]) }.build().is_err());
}

#[test]
fn nothing_that_cannot_be_sent_is_built() {
    let long = [0; 252];
    let file = RecordReference::Number { file: None, number: 1 };
    assert!(Command::UpdateRecord { record: file, data: Body(&[]), mac: None }.build().is_err());
    assert!(Command::UpdateRecord { record: file, data: Body(&long), mac: Some([0; 4]) }.build().is_err());
    assert!(Command::UpdateRecord { record: file, data: Body(&long), mac: None }.build().is_ok());
    assert!(Command::CipherData { mode: CipherMode::Encipher, data: Body(&[0; 256]) }.build().is_err());
    let at = BinaryReference::Current { offset: OFFSET_MAX + 1 };
    assert!(Command::ReadBinary { at, le: 1 }.build().is_err());
    let garbled = PinField::new(&[0x12, 0xFF, 0x34]).unwrap();
    assert!(Command::ChangePin { old: garbled.clone(), new: garbled }.build().is_err());
}

#[test]
fn no_secret_is_printed() {
    let pin = Pin::parse("918273").unwrap();
    let commands = [
        Command::Verify { pin: pin.field() },
        Command::ChangePin { old: pin.field(), new: pin.field() },
        Command::VerifyFinger { position: Position::new(1).unwrap(), minutiae: Body(b"\x91\x82\x73918273") },
        Command::UpdateRecord {
            record: RecordReference::Tag { file: None, tag: 8 },
            data: Body(b"\x91\x82\x73918273"),
            mac: None,
        },
        Command::DeliverKey {
            key: PsamKey { usage: Usage(0x48), id: 0x12 },
            factors: Factors::new(&[Factor::new([0x91, 0x82, 0x73, 0, 0, 0, 0, 0])]).unwrap(),
        },
    ];
    for command in commands {
        let bytes = command.build().unwrap();
        let apdu = card_spec::apdu::CommandApdu::parse(&bytes).unwrap();
        for printed in [format!("{command:?}"), format!("{command:#?}"), format!("{apdu:?}")] {
            let digits: String = printed.chars().filter(char::is_ascii_alphanumeric).collect();
            assert!(!digits.contains("918273") && !digits.contains("145130115"), "{printed}");
        }
    }
    assert_eq!(format!("{pin:?} {:?}", pin.field()), "Pin(…) PinField(…)");
}
