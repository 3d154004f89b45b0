//! `card decode`: every byte gets a name, in both languages, and the bytes of a PIN are not shown.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use serde_json::Value;
use support::jinbao;

/// Bytes of `reference` dialogues and specimens: what, kind that is told from the bytes, words in the answer.
const VECTORS: &[(&str, &str, &[&str])] = &[
    // Status words.
    ("9000", "status", &["done"]),
    ("6A82", "status", &["no such file", "-27266"]),
    ("63C2", "status", &["2 tries left", "-25538"]),
    ("611E", "status", &["30 bytes wait"]),
    ("6C12", "status", &["should be 18"]),
    ("6982", "status", &["a right is missing", "-27010"]),
    ("9302", "status", &["MAC", "-37634"]),
    ("9406", "status", &["not available"]),
    ("1234", "status", &["not named in public"]),
    // Answers to reset: the published specimen of 1.0, a PSAM, a bank card with the same head, contactless.
    ("3B6D000000814E43238697159900BF7C7A", "atr", &["Huada", "card maker", "TB1 TC1"]),
    ("3B7D940000008150220886431E10C9022736", "atr", &["not of a social security card", "Fi=512, Di=8"]),
    ("3B6D000080650849048653000000000000", "atr", &["bank cards may share it"]),
    ("3B8D80010081544C8686605A4301000001EC", "atr", &["TCK"]),
    // Answers of SELECT, and a directory record.
    ("6F16840F7378312E73682EC9E7BBE1B1A3D5CFA50388011E9000", "answer", &["SSSE", "3DES", "1E"]),
    ("6F1C840F7378312E73682EC9E7BBE1B1A3D5CFA50988011E9F0C038601039000", "answer", &["SM4"]),
    ("6F1484105753 2E5359532E4444463031000000000000A500", "answer", &["another application"]),
    ("7010610E4F06D15600000503500444463034", "answer", &["DF04", "label"]),
    ("11D013863267A6749000", "answer", &["depends on the command", "done"]),
    // Commands of card and PSAM.
    ("00A404000F7378312E73682EC9E7BBE1B1A3D5CF", "command", &["SELECT", "SSSE", "by name"]),
    ("00A4000002DDF1", "command", &["by identifier", "social security system environment"]),
    ("00B2083014", "command", &["READ RECORD", "tag 08", "06"]),
    ("00B2013414", "command", &["record number 1"]),
    ("00B20105FF", "command", &["all from number 1"]),
    ("0084000008", "command", &["GET CHALLENGE"]),
    ("008800001001020304050607081122334455667788", "command", &["genuine", "R1", "R2"]),
    ("00820004 10 E0A0293E3F7738A00102030405060708", "command", &["UKSSSE", "cryptogram"]),
    ("8424000004A479EFE6", "command", &["PIN UNBLOCK", "MAC"]),
    ("842400010CA624891E049920838A00A0E5", "command", &["PIN RESET", "enciphered"]),
    (
        "B02801011301000000640000000000000000430100000001",
        "command",
        &["INITIALIZE FOR PURCHASE", "1.00 yuan", "430100000001"],
    ),
    (
        "B02C01000F0000000720240115093000660BD9B8",
        "command",
        &["DEBIT FOR PURCHASE", "MAC1", "20240115", "093000"],
    ),
    ("805A0032020002", "command", &["GET TRANSACTION PROOF", "purchase"]),
    (
        "BFDE481218863743010000012334333031303073 78A1B2C3D4E5F60718",
        "command",
        &["DELIVERY KEY", "430100sx", "challenge of the card"],
    ),
    ("80FA0000081122334455667788", "command", &["CIPHER DATA", "encipher"]),
    ("00C0000008", "command", &["GET RESPONSE"]),
    ("FFCA000000", "answer", &["depends on the command"]),
    // Contents of files: EF05 of the W2 test card, an EF06 of a person who does not exist.
    (
        "0110430299D156000005000000133A05F2E3020133\
         0304322E3000040C9156000002430200430100D505043230313206043230323207094230303030303133 31",
        "file",
        &["issuer data", "430299", "generation 2.0", "year 2012", "check character right"],
    ),
    (
        "0812303030303030313938333132303336343133090AC7D8B7C9D3A200000000\
         0A01320B01010C034301000D0419831203",
        "file",
        &["holder data", "秦飞英", "2, female", "01 (汉)", "1983-12-03"],
    ),
];

fn decode(words: &[&str]) -> support::Run {
    jinbao(["card", "decode", "--lang", "en"]).args(words).run()
}

/// The parts stand side by side without a gap and cover every byte.
#[track_caller]
fn check_cover(value: &Value) {
    let mut at = 0;
    for part in value["parts"].as_array().unwrap() {
        assert_eq!(part["at"].as_u64().unwrap(), at, "{part}");
        at += part["length"].as_u64().unwrap();
        assert!(!part["name"].as_str().unwrap().is_empty(), "{part}");
    }
    assert_eq!(at, value["bytes"].as_u64().unwrap());
}

#[test]
fn vectors() {
    for (hex, kind, words) in VECTORS {
        let run = decode(&["--json", hex]).exits(0);
        let value = run.json();
        assert_eq!(value["kind"], *kind, "{hex}: {value}");
        check_cover(&value);
        let digits: String = hex.chars().filter(|c| !c.is_whitespace()).collect();
        assert_eq!(value["bytes"].as_u64().unwrap() as usize, digits.len() / 2);
        for word in *words {
            assert!(run.out.contains(word), "{hex} lacks {word:?}: {}", run.out);
        }
        let people = decode(&[hex]).exits(0);
        assert!(people.out.lines().count() >= 4, "{people:?}");
    }
}

#[test]
fn both_languages_name_the_same_bytes() {
    for (hex, _, _) in VECTORS {
        let of = |lang: &str| jinbao(["card", "decode", "--json", "--lang", lang, hex]).run().exits(0).json();
        let (english, chinese) = (of("en"), of("zh"));
        check_cover(&chinese);
        let bytes = |value: &Value| -> Vec<Value> {
            value["parts"].as_array().unwrap().iter().map(|part| part["hex"].clone()).collect()
        };
        assert_eq!(bytes(&english), bytes(&chinese));
        assert_ne!(english["summary"], chinese["summary"]);
    }
}

#[test]
fn a_pin_is_not_shown() {
    for hex in ["0020000003258369", "805E010007258369FF741852"] {
        for json in [&["--json"][..], &[]] {
            let run = decode(&[json, &[hex]].concat()).exits(0);
            for digits in ["258369", "741852"] {
                assert!(!run.out.contains(digits) && !run.err.contains(digits), "{run:?}");
            }
            assert!(run.out.contains("not shown"), "{run:?}");
        }
    }
}

#[test]
fn a_file_may_be_named() {
    let record = "0001 32 430100000001 20240115093000 00000100 00000000 00000000";
    let run = decode(&["--json", "--file", "DF04EF08", record]).exits(0);
    check_cover(&run.json());
    assert!(run.out.contains("terminal number") && run.out.contains("430100000001"), "{run:?}");
    let chinese = jinbao(["card", "decode", "--lang", "zh", "--file", "DF04/EF08", record]).run().exits(0);
    assert!(chinese.out.contains("终端机编号"), "{chinese:?}");
}

#[test]
fn every_kind_can_be_asked_for() {
    check_cover(&decode(&["--json", "--as", "answer", "00A4"]).exits(0).json());
    check_cover(&decode(&["--json", "--as", "command", "00A40400"]).exits(0).json());
    // What is cut is told apart from what is there.
    let run = decode(&["--json", "--file", "SSSEEF06", "0812 3030"]).exits(0);
    check_cover(&run.json());
    assert!(run.out.contains("cut"), "{run:?}");
}

#[test]
fn what_is_no_hexadecimal_or_no_such_kind_is_refused() {
    for words in [
        &["xyz"][..],
        &["0"],
        &["--as", "atr", "3B6D"],
        &["--as", "status", "900000"],
        &["--file", "SSSEEF99", "00"],
        &["--as", "file", "FFFF"],
    ] {
        let run = decode(&[words, &["--json"]].concat()).exits(2);
        assert_eq!(run.kind(), "argument", "{words:?}");
    }
}

#[test]
fn random_bytes_are_explained_whole_or_refused() {
    // Linear congruence: one seed, the same bytes.
    let seed = 20_261_124_u64;
    println!("seed {seed}");
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    for _ in 0..60 {
        let length = 1 + usize::from(next()) % 40;
        let hex: String = (0..length).map(|_| format!("{:02X}", next())).collect();
        let run = decode(&["--json", &hex]);
        match run.code {
            0 => check_cover(&run.json()),
            2 => assert_eq!(run.kind(), "argument", "{hex}"),
            _ => panic!("{hex}: {run:?}"),
        }
    }
}
