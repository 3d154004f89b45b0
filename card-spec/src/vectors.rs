//! Runs the vectors in `card-spec/vectors`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::{
    account,
    account::Amounts,
    atr::CardSerial,
    authentication,
    card_id::CardId,
    card_number::CardNumber,
    command::{Body, Command, RecordReference},
    date::DateTime,
    file::ShortFileId,
    key::{Factor, Key128, KeyId, PsamKey, Usage},
    pin::Pin,
    psam::{CipherMode, Factors, TerminalNumber, TerminalSerial},
    region::RegionCode,
    secure_messaging::{EncipheredPin, MacKey},
    status::StatusWord,
    suite::{Sm4Session, Suite, fold},
    wallet,
};

const FILES: [&str; 6] =
    ["authentication", "choices", "diversification", "numbers", "secure_messaging", "wallet"];
/// Numbers that pin choices of ours; they stand in `choices.json` and nowhere else.
const CHOICES: [u32; 9] = [12, 17, 18, 25, 26, 27, 28, 29, 30];
const NUMBER_MAX: u32 = 37;

fn load(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(format!("{name}.json"));
    let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

struct Vector<'a>(&'a Value);

impl Vector<'_> {
    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_else(|| panic!("{} has no {field}", self.0["number"]))
    }
    fn bytes(&self, field: &str) -> Vec<u8> {
        hex::decode(self.text(field)).unwrap()
    }
    fn array<const N: usize>(&self, field: &str) -> [u8; N] {
        self.bytes(field).try_into().unwrap_or_else(|_| panic!("{}: length of {field}", self.0["number"]))
    }
    fn key(&self, field: &str) -> Key128 {
        Key128::new(self.array(field))
    }
    fn factors(&self, field: &str) -> Vec<Factor> {
        let list = self.0[field].as_array().unwrap();
        list.iter()
            .map(|f| Factor::new(hex::decode(f.as_str().unwrap()).unwrap().try_into().unwrap()))
            .collect()
    }
    fn suite(&self) -> Suite {
        match self.text("suite") {
            "3DES" => Suite::TripleDes,
            "SM4" => Suite::Sm4(Sm4Session::ZeroFill),
            "SM4 complement" => Suite::Sm4(Sm4Session::Complement),
            other => panic!("suite {other}"),
        }
    }
    fn date_time(&self) -> DateTime {
        DateTime::from_cn(self.array("date_time")).unwrap()
    }
    /// A key that the vector says how to derive is derived and compared.
    fn derived_key(&self) -> Key128 {
        let key = self.key("key");
        let from = &self.0["derived_from"];
        if from.is_object() {
            let from = Vector(from);
            assert_eq!(self.suite().diversify_levels(&from.key("key"), &from.factors("factors")), key);
        }
        key
    }
}

fn run(vector: &Vector<'_>) {
    match vector.text("kind") {
        "account_purchase" => account_purchase(vector),
        "block" => block(vector),
        "card_id" => card_id(vector),
        "card_id_rejected" => card_id_rejected(vector),
        "check_character" => check_character(vector),
        "diversify" => diversify(vector),
        "driver_error" => driver_error(vector),
        "external" => external(vector),
        "fold" => fold_halves(vector),
        "internal" => internal(vector),
        "load" => load_account(vector),
        "pin_block" => pin_block(vector),
        "pin_reset" => pin_reset(vector),
        "pin_unblock" => pin_unblock(vector),
        "psam_cipher" => psam_cipher(vector),
        "retry" => retry(vector),
        "update_record" => update_record(vector),
        "wallet_purchase" => wallet_purchase(vector),
        other => panic!("kind {other}"),
    }
}

#[test]
fn every_vector_holds() {
    let mut seen = BTreeMap::<u32, usize>::new();
    for name in FILES {
        for value in load(name) {
            let vector = Vector(&value);
            let number: u32 = vector.text("number").strip_prefix('V').unwrap().parse().unwrap();
            *seen.entry(number).or_default() += 1;
            assert!(!vector.text("source").is_empty(), "V{number} names its source");
            assert!(["A", "B", "C"].contains(&vector.text("grade")), "V{number} has a grade");
            let ours = value["choice_of_ours"].as_bool().unwrap();
            assert_eq!(ours, name == "choices", "V{number}: choices of ours stand in their own file");
            assert_eq!(ours, CHOICES.contains(&number), "V{number}");
            run(&vector);
        }
    }
    assert!((1..=NUMBER_MAX).all(|number| seen.contains_key(&number)), "vectors missing: {seen:?}");
}

fn diversify(vector: &Vector<'_>) {
    let (suite, factors) = (vector.suite(), vector.factors("factors"));
    assert_eq!(suite.diversify_levels(&vector.key("key"), &factors), vector.key("output"));
    if let Some(between) = vector.0["between"].as_array() {
        let mut key = vector.key("key");
        for (expected, factor) in between.iter().zip(factors.iter().rev()) {
            key = suite.diversify(&key, *factor);
            assert_eq!(hex::encode_upper(key.as_bytes()), expected.as_str().unwrap());
        }
    }
}

fn internal(vector: &Vector<'_>) {
    let (suite, key) = (vector.suite(), vector.derived_key());
    let (factor, data, output) = (vector.array("factor"), vector.array("data"), vector.array("output"));
    assert_eq!(suite.session_key(&key, &factor).as_bytes(), vector.bytes("session_key"));
    assert_eq!(authentication::internal(suite, &key, &factor, &data), output);
    assert_eq!(authentication::verify_internal(suite, &key, &factor, &data, &output), Ok(()));
    assert!(authentication::verify_internal(suite, &Key128::new([7; 16]), &factor, &data, &output).is_err());
}

fn external(vector: &Vector<'_>) {
    let (suite, key) = (vector.suite(), vector.derived_key());
    let (challenge, data, output) = (vector.array("challenge"), vector.array("data"), vector.array("output"));
    assert_eq!(suite.session_key(&key, &challenge).as_bytes(), vector.bytes("session_key"));
    let cryptogram = authentication::external(suite, &key, &challenge, &data);
    assert_eq!(cryptogram, output);
    let [id] = vector.array("key_id");
    let command = Command::ExternalAuthenticate { key: KeyId(id), cryptogram, data, version: None };
    assert_eq!(command.build().unwrap().as_slice(), vector.bytes("command"));
    assert_eq!(authentication::verify_external(suite, &key, &challenge, &data, &output), Ok(()));
    assert!(authentication::verify_external(suite, &key, &[0; 8], &data, &output).is_err());
}

fn block(vector: &Vector<'_>) {
    // The session key of triple DES is one block; with equal halves it is one block of single DES.
    let output = match vector.text("cipher") {
        "DES" | "3DES" => {
            Suite::TripleDes.session_key(&vector.key("key"), &vector.array("input")).as_bytes().to_vec()
        }
        "SM4" => crate::suite::sm4(&vector.array("key"), vector.array("input")).to_vec(),
        other => panic!("cipher {other}"),
    };
    assert_eq!(output, vector.bytes("output"));
}

fn fold_halves(vector: &Vector<'_>) {
    let cryptogram = fold(vector.array("input"));
    assert_eq!(cryptogram, vector.array("output"));
    if vector.0["command"].is_string() {
        let command = Command::ExternalAuthenticate {
            key: KeyId(0x84),
            cryptogram,
            data: [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88],
            version: Some(1),
        };
        assert_eq!(command.build().unwrap().as_slice(), vector.bytes("command"));
    }
}

fn retry(vector: &Vector<'_>) {
    let mut left: u8 = vector.0["tries"].as_u64().unwrap().try_into().unwrap();
    for answer in vector.0["answers"].as_array().unwrap() {
        let word = StatusWord(u16::from_str_radix(answer.as_str().unwrap(), 16).unwrap());
        if let Some(tries) = word.tries_left() {
            left -= 1;
            assert_eq!(tries, left);
            assert_eq!(StatusWord::tries(left), word);
        } else {
            assert!(word.is_success());
        }
    }
}

fn card_id(vector: &Vector<'_>) {
    let suite = vector.suite();
    let irk = suite.diversify_levels(&vector.key("irk_root"), &vector.factors("factors"));
    let city = RegionCode::parse(vector.text("city")).unwrap();
    let id = CardId::issue(city, vector.array("serial"), suite, &irk);
    assert_eq!(id.to_hex(), vector.text("output"));
    assert_eq!(CardId::parse(&vector.bytes("output")).unwrap().verify(suite, &irk), Ok(()));
}

fn card_id_rejected(vector: &Vector<'_>) {
    let suite = vector.suite();
    let irk = suite.diversify_levels(&vector.key("irk_root"), &vector.factors("factors"));
    let city = RegionCode::parse(vector.text("city")).unwrap();
    let mut bytes = CardId::issue(city, vector.array("serial"), suite, &irk).to_bytes();
    bytes[12..].copy_from_slice(&vector.bytes("mac"));
    assert!(CardId::parse(&bytes).unwrap().verify(suite, &irk).is_err());
}

fn pin_unblock(vector: &Vector<'_>) {
    let session = vector.suite().session_key(&vector.derived_key(), &vector.array("challenge"));
    assert_eq!(session.as_bytes(), vector.bytes("session_key"));
    let key = MacKey::Session(&session);
    let (header, data) = Command::PinUnblock { mac: [0; 4] }.authenticated_parts().unwrap();
    let mac = key.command_mac(header, &data).unwrap();
    assert_eq!(Command::PinUnblock { mac }.build().unwrap().as_slice(), vector.bytes("output"));
    assert_eq!(key.verify_command(header, &data, &mac), Ok(()));
    assert!(key.verify_command(header, &data, &[0; 4]).is_err());
}

fn pin_reset(vector: &Vector<'_>) {
    let session = vector.suite().session_key(&vector.derived_key(), &vector.array("challenge"));
    assert_eq!(session.as_bytes(), vector.bytes("session_key"));
    let pin = Pin::parse(vector.text("pin")).unwrap();
    let enciphered = EncipheredPin::encipher(&session, &pin);
    let mut block = enciphered.as_bytes().to_vec();
    session.decipher(&mut block);
    assert_eq!(block, vector.bytes("block"));
    assert_eq!(enciphered.decipher(&session), Ok(pin));
    let command = Command::PinReset { pin: enciphered.clone(), mac: [0; 4] };
    let (header, data) = command.authenticated_parts().unwrap();
    let mac = MacKey::Session(&session).command_mac(header, &data).unwrap();
    assert_eq!(
        Command::PinReset { pin: enciphered, mac }.build().unwrap().as_slice(),
        vector.bytes("output")
    );
}

fn pin_block(vector: &Vector<'_>) {
    let session = Suite::TripleDes.session_key(&Key128::new([1; 16]), &[2; 8]);
    let mut block =
        EncipheredPin::encipher(&session, &Pin::parse(vector.text("pin")).unwrap()).as_bytes().to_vec();
    session.decipher(&mut block);
    assert_eq!(block, vector.bytes("output"));
}

fn update_record(vector: &Vector<'_>) {
    let key = vector.key("key");
    let whole = MacKey::Whole { suite: vector.suite(), key: &key, challenge: vector.array("challenge") };
    let ([file], [number], data) = (vector.array("file"), vector.array("record"), vector.bytes("data"));
    let record = RecordReference::Number { file: ShortFileId::new(file), number };
    let command = |mac| Command::UpdateRecord { record, data: Body(&data), mac: Some(mac) };
    let unsigned = command([0; 4]);
    let (header, covered) = unsigned.authenticated_parts().unwrap();
    let mac = whole.command_mac(header, &covered).unwrap();
    assert_eq!(command(mac).build().unwrap().as_slice(), vector.bytes("output"));
}

fn psam_cipher(vector: &Vector<'_>) {
    let (suite, factors) = (vector.suite(), vector.factors("factors"));
    let ([usage], [id], data) = (vector.array("usage"), vector.array("id"), vector.bytes("data"));
    let deliver = Command::DeliverSessionKey {
        key: PsamKey { usage: Usage(usage), id },
        factors: Factors::new(&factors).unwrap(),
        challenge: vector.array("challenge"),
    };
    assert_eq!(deliver.build().unwrap().as_slice(), vector.bytes("deliver"));
    let cipher = Command::CipherData { mode: CipherMode::Encipher, data: Body(&data) };
    let built = cipher.build().unwrap();
    assert_eq!(built.as_slice()[..built.len() - 1], vector.bytes("cipher"), "without Le");
    let key = suite.diversify_levels(&vector.key("root"), &factors);
    let mut block = data.clone();
    suite.session_key(&key, &vector.array("challenge")).encipher(&mut block);
    assert_eq!(block, vector.bytes("output"));
}

fn load_account(vector: &Vector<'_>) {
    let suite = vector.suite();
    let [transaction_type] = vector.array("type");
    let load = account::Load {
        balance_before_fen: u32::from_be_bytes(vector.array("balance")),
        amount_fen: u32::from_be_bytes(vector.array("amount")),
        transaction_type,
        terminal: TerminalNumber(vector.array("terminal")),
        serial: u16::from_be_bytes(vector.array("serial")),
        random: vector.array("random"),
    };
    let session = load.session_key(suite, &vector.key("load_key"));
    assert_eq!(session.as_bytes(), vector.bytes("session_key"));
    assert_eq!(load.mac1(&session), vector.array("mac1"));
    assert_eq!(load.mac2(&session, vector.date_time()), vector.array("mac2"));
    assert_eq!(load.tac(suite, &vector.key("tac_key"), vector.date_time()).unwrap(), vector.array("tac"));
}

fn account_purchase(vector: &Vector<'_>) {
    let suite = vector.suite();
    let fen = |field| u32::from_be_bytes(vector.array(field));
    let purchase = account::Purchase {
        amounts: Amounts {
            account_fen: fen("account"),
            self_paid_fen: fen("self_paid"),
            pooled_fen: fen("pooled"),
        },
        terminal: TerminalNumber(vector.array("terminal")),
        terminal_serial: TerminalSerial(fen("terminal_serial")),
        date_time: vector.date_time(),
        serial: u16::from_be_bytes(vector.array("serial")),
        random: vector.array("random"),
    };
    let key = suite.diversify_levels(&vector.key("purchase_root"), &vector.factors("purchase_factors"));
    assert_eq!(key, vector.key("purchase_key"));
    let tac_key = suite.diversify_levels(&vector.key("tac_root"), &vector.factors("tac_factors"));
    let session = purchase.session_key(suite, &key);
    assert_eq!(session.as_bytes(), vector.bytes("session_key"));
    assert_eq!(purchase.mac1(&session), vector.array("mac1"));
    assert_eq!(purchase.mac2(&session), vector.array("mac2"));
    assert_eq!(purchase.tac(suite, &tac_key), vector.array("tac"));
}

fn wallet_purchase(vector: &Vector<'_>) {
    let suite = vector.suite();
    let [transaction_type] = vector.array("type");
    let purchase = wallet::Purchase {
        amount_fen: u32::from_be_bytes(vector.array("amount")),
        transaction_type,
        terminal: TerminalNumber(vector.array("terminal")),
        terminal_serial: TerminalSerial(u32::from_be_bytes(vector.array("terminal_serial"))),
        date_time: vector.date_time(),
        serial: u16::from_be_bytes(vector.array("serial")),
        random: vector.array("random"),
    };
    let session = purchase.session_key(suite, &vector.key("purchase_key"));
    assert_eq!(session.as_bytes(), vector.bytes("session_key"));
    assert_eq!(purchase.mac1(&session), vector.array("mac1"));
    assert_eq!(purchase.mac2(&session), vector.array("mac2"));
    assert_eq!(purchase.tac(suite, &vector.key("tac_key")), vector.array("tac"));
}

fn check_character(vector: &Vector<'_>) {
    let first: [u8; 8] = vector.text("input").as_bytes().try_into().unwrap();
    let number = CardNumber::with_check(first).unwrap();
    assert_eq!(number.as_str(), format!("{}{}", vector.text("input"), vector.text("output")));
    assert_eq!(number.check(), Ok(()));
}

fn driver_error(vector: &Vector<'_>) {
    let word = StatusWord(u16::from_be_bytes(vector.array("input")));
    assert_eq!(word.driver_error().to_string(), vector.text("output"));
}

/// The factors of the common inputs are made from the values they stand for.
#[test]
fn factors_are_made_from_city_and_card() {
    let city = RegionCode::parse("430100").unwrap();
    assert_eq!(hex::encode_upper(Factor::province(city).as_bytes()), "3433303030307368");
    assert_eq!(hex::encode_upper(Factor::city(city).as_bytes()), "3433303130307378");
    let serial = CardSerial(hex::decode("8637430100000123").unwrap().try_into().unwrap());
    assert_eq!(Factor::card(serial).as_bytes(), &serial.0);
}
