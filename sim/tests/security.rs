//! Security state, counters, access conditions: what the card refuses, and with which word.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use card_spec::{
    file::{Access, Application, File, Structure},
    generation::Generation,
    key::{CARD_KEYS, Key128, KeyName, KeyRole, card_key},
};
use common::{TestCard, bytes, card, directory, order, rk, uk};
use sim::{
    chip::Chip,
    image::CardPolicy,
    personalise::{Flaw, TEST_PIN},
};

/// A read of the first record, or the first bytes, of the selected file.
fn read(file: &File) -> &'static str {
    match file.structure {
        Structure::Transparent { .. } => "00B0000008",
        _ => "00B2010400",
    }
}

fn select_file(card: &mut TestCard, file: &File) {
    card.select(file.application);
    card.expect(&format!("00A4000002{:04X}", file.id.0), "9000");
}

/// Whether the card lets the selected file be read.
fn may_read(card: &mut TestCard, file: &File) -> bool {
    let answer = card.send(read(file));
    match &answer[answer.len() - 4..] {
        "9000" => true,
        // An empty ring or file has no record, but the right is there.
        "6A83" => true,
        "6982" => false,
        other => panic!("{:?} {:?}: {other}", file.application, file.id),
    }
}

/// Proves what a rule asks for; `false` when the rule is never.
fn fulfil(card: &mut TestCard, rule: Access) -> bool {
    if rule.needs_pin() {
        assert_eq!(card.verify(TEST_PIN), "9000");
    }
    if let Some(key) = rule.key() {
        assert_eq!(card.authenticate(key), "9000", "{key}");
    }
    !matches!(rule, Access::Never | Access::Transaction)
}

#[test]
fn every_file_reads_with_its_rights_and_not_without() {
    for generation in Generation::ALL {
        let mut card = card(generation);
        for application in Application::ALL {
            let table = application.directory();
            if table.from > generation {
                card.expect(
                    &format!("00A4040006{}", hex::encode(table.application.name().as_bytes())),
                    "6A82",
                );
                continue;
            }
            for file in table.files {
                if file.optional || matches!(file.structure, Structure::Internal { .. }) {
                    continue;
                }
                let rule = file.read.of(generation);
                select_file(&mut card, file);
                assert_eq!(may_read(&mut card, file), rule == Access::Free, "{application:?} {:?}", file.id);
                let can = fulfil(&mut card, rule);
                assert_eq!(may_read(&mut card, file), can, "{application:?} {:?}", file.id);
                // Selecting a directory drops the rights; selecting a file has kept them.
                select_file(&mut card, file);
                assert_eq!(may_read(&mut card, file), rule == Access::Free, "{application:?} {:?}", file.id);
            }
        }
    }
}

#[test]
fn half_of_a_double_condition_is_not_enough() {
    let mut card = card(Generation::Two);
    card.select(Application::Df04);
    assert_eq!(card.verify(TEST_PIN), "9000");
    card.expect("00B2012C0A", "6982");
    card.select(Application::Df04);
    assert_eq!(card.authenticate(rk(Application::Df04, 1)), "9000");
    card.expect("00B2012C0A", "6982");
    assert_eq!(card.verify(TEST_PIN), "9000");
    card.ok("00B2012C0A");
}

#[test]
fn a_file_is_written_with_its_own_key_only() {
    let mut card = card(Generation::Two);
    let writable = |row: &&card_spec::key::CardKey| matches!(row.name.role, KeyRole::Uk(_) | KeyRole::Rk(_));
    for application in Application::ALL {
        for file in application.directory().files {
            let Access::Key(own) = file.write.of(Generation::Two) else { continue };
            if file.structure != Structure::LinearTlv || file.optional || file.items.is_empty() {
                continue;
            }
            let (tag, length) = (file.items_of(Generation::Two).next().unwrap().tag.unwrap(), {
                file.items_of(Generation::Two).next().unwrap().bytes
            });
            let update =
                format!("00DC0104{:02X}{tag:02X}{length:02X}{}", length + 2, "31".repeat(length.into()));
            let others = CARD_KEYS.iter().filter(writable).filter(|row| row.name.application == application);
            for other in others {
                if other.name == KeyName::RKSSSE {
                    continue;
                }
                select_file(&mut card, file);
                card.expect(&update, "6982");
                assert_eq!(card.authenticate(other.name), "9000", "{}", other.name);
                let expected = if other.name == own { "9000" } else { "6982" };
                let sent = card.send(&update);
                assert_eq!(sent, expected, "{application:?} {:?} with {}", file.id, other.name);
            }
        }
    }
}

#[test]
fn records_keep_tag_and_length() {
    let mut card = card(Generation::Two);
    card.select(Application::Df01);
    assert_eq!(card.authenticate(uk(Application::Df01, 2)), "9000");
    card.expect("00A4000002EF07", "9000");
    card.expect("00DC01040329 01 32", "9000");
    card.expect("00DC290003 290133", "9000");
    card.expect("00DC010404 29023132", "6700");
    card.expect("00DC010402 2901", "6700");
    card.expect("00DC010403 2A0132", "6A80");
    card.expect("00DC020403 290132", "6A83");
    card.expect("00DC2B0003 2B0132", "6A83");
    card.expect("00DC000403 290132", "6A83");
    card.expect("00E2000003 290132", "6A84");
    card.expect("00D6000001 32", "6981");
    assert_eq!(card.authenticate(rk(Application::Df01, 1)), "9000");
    assert_eq!(card.ok("00B2290003"), "290133");
}

#[test]
fn rings_take_the_newest_first() {
    let mut card = card(Generation::Two);
    card.select(Application::Df04);
    assert_eq!(card.verify(TEST_PIN), "9000");
    card.expect("00A4000002EF15", "9000");
    card.expect("00B2010403", "6A83");
    for number in 0..11 {
        assert_eq!(card.authenticate(uk(Application::Df04, 2)), "9000");
        let update = if number % 2 == 0 { "00DC000303" } else { "00DC010403" };
        card.expect(&format!("{update}{number:06X}"), "9000");
    }
    for age in 0..8 {
        assert_eq!(card.ok(&format!("00B2{:02X}0403", age + 1)), format!("{:06X}", 10 - age));
    }
    card.expect("00B2090403", "6A83");
    card.expect("00DC000302 0000", "6700");
    card.expect("00DC020403 000000", "6A86");
    card.expect("00E2000003 0000FF", "9000");
    assert_eq!(card.ok("00B2010403"), "0000FF");
    // The log of transactions is the card's own.
    card.expect("00A4000002EF08", "9000");
    card.expect(&format!("00DC00031C{}", "00".repeat(28)), "6982");
}

#[test]
fn transparent_files() {
    let mut card = card(Generation::Two);
    card.select(Application::Ssse);
    card.expect("00B0000008", "6986");
    assert_eq!(card.ok("00B0880004"), "00000000");
    assert_eq!(card.authenticate(KeyName::UKSSSE), "9000");
    card.expect("00D6880004 01020304", "9000");
    assert_eq!(card.ok("00B0000006"), "010203040000");
    // The photo has 0C00 bytes.
    card.expect("00B00BFE04", "6C02");
    assert_eq!(card.ok("00B00BFE00"), "0000");
    card.expect("00B00C0001", "6B00");
    card.expect("00D60BFF02 0102", "6700");
    card.expect("00D60C0001 01", "6B00");
    card.expect("00B2010400", "6981");
    card.expect("00B0FF0001", "6A86");
    card.expect("00B09F0001", "6A86");
    card.expect("00B0950001", "6A82");
}

#[test]
fn a_challenge_is_good_once_and_for_the_next_command() {
    let mut card = card(Generation::Two);
    card.select(Application::Ssse);
    let key = card.key(KeyName::UKSSSE, 1);
    let suite = card_spec::suite::Suite::TripleDes;
    let cryptogram = |challenge: &str| {
        let challenge: [u8; 8] = bytes(challenge).try_into().unwrap();
        hex::encode(suite.session_key(&key, &challenge).cryptogram(&[0x11; 8]))
    };
    let command = |cryptogram: &str| format!("0082000410{cryptogram}1111111111111111");
    // Two in a row: the last one counts.
    let first = card.ok("0084000008");
    let second = card.ok("0084000008");
    assert_ne!(first, second);
    card.expect(&command(&cryptogram(&first)), "63C2");
    card.expect(&command(&cryptogram(&second)), "6984");
    let third = card.ok("0084000008");
    card.expect(&command(&cryptogram(&third)), "9000");
    card.expect(&command(&cryptogram(&third)), "6984");
    // Any other command in between ends it.
    let fourth = card.ok("0084000008");
    card.ok("00B2012C12");
    card.expect(&command(&cryptogram(&fourth)), "6984");
    // Four bytes are for a MAC, not for this.
    card.ok("0084000004");
    card.expect(&command(&cryptogram(&fourth)), "6984");
    for wrong in ["0084000000", "0084000005", "00840000", "0084000108"] {
        let answer = card.send(wrong);
        assert!(["6C08", "6700", "6A86"].contains(&answer.as_str()), "{wrong}: {answer}");
    }
    assert_eq!(card.ok("0084000010").len(), 32);

    let policy = CardPolicy { challenge_lives_one_command: false, ..CardPolicy::default() };
    let mut patient = TestCard::new(&order(Generation::Two).policy(policy).build().unwrap());
    patient.select(Application::Ssse);
    let challenge = patient.ok("0084000008");
    patient.ok("00B2012C12");
    patient.expect(&command(&cryptogram(&challenge)), "9000");
}

#[test]
fn external_keys_lock_after_their_tries() {
    for (tries, words) in [(3, &["63C2", "63C1", "63C0", "6983"][..]), (15, &["63CE", "63CD"])] {
        let mut card = TestCard::new(&order(Generation::Two).key_tries(tries).build().unwrap());
        card.select(Application::Ssse);
        let wrong = Key128::new([0x5A; 16]);
        for word in words {
            assert_eq!(card.authenticate_with(0x06, &wrong), *word);
        }
        let right = card.authenticate(KeyName::PUK);
        if tries == 15 {
            // V33: twice wrong, then right; the count is back.
            assert_eq!(right, "9000");
            assert_eq!(card.authenticate_with(0x06, &wrong), "63CE");
        } else {
            assert_eq!(right, "6983");
            // Other keys have counters of their own, and power does not bring one back.
            assert_eq!(card.authenticate(KeyName::UKSSSE), "9000");
            card.card.power_off();
            card.card.power_on().unwrap();
            card.select(Application::Ssse);
            assert_eq!(card.authenticate(KeyName::PUK), "6983");
        }
    }
}

#[test]
fn a_wrong_cryptogram_takes_the_right_away() {
    let mut card = card(Generation::Three);
    card.select(Application::Ssse);
    assert_eq!(card.authenticate(KeyName::RKSSSE), "9000");
    card.ok("00B2083014");
    assert_eq!(card.authenticate_with(0x0A, &Key128::new([1; 16])), "63C2");
    card.expect("00B2083014", "6982");
    assert_eq!(card.authenticate(KeyName::RKSSSE), "9000");
    card.ok("00B2093020");
    // The PIN likewise.
    card.select(Application::Df04);
    assert_eq!(card.verify(TEST_PIN), "9000");
    card.ok("B026000104");
    assert_eq!(card.verify("111111"), "63C2");
    card.expect("B026000104", "6982");
}

#[test]
fn versions_of_keys() {
    let mut card = TestCard::new(&order(Generation::Two).key_versions(3).build().unwrap());
    card.select(Application::Ssse);
    let answers: Vec<String> = (1..=3)
        .map(|version| card.ok(&format!("0088000011 0102030405060708 1122334455667788 {version:02X}")))
        .collect();
    assert!(answers[0] != answers[1] && answers[1] != answers[2]);
    assert_eq!(card.ok("0088000010 0102030405060708 1122334455667788"), answers[0]);
    for version in ["00", "04", "FF"] {
        card.expect(&format!("0088000011 0102030405060708 1122334455667788 {version}"), "6A88");
    }
    card.expect("008800000F 010203040506070811223344556677", "6700");
    card.expect("0088000012 0102030405060708 1122334455667788 0101", "6700");
    let key = card.key(KeyName::UKSSSE, 2);
    let challenge: [u8; 8] = bytes(&card.ok("0084000008")).try_into().unwrap();
    let cryptogram = card_spec::suite::Suite::TripleDes.session_key(&key, &challenge).cryptogram(&[7; 8]);
    card.expect(&format!("0082000411{}{}02", hex::encode(cryptogram), hex::encode([7; 8])), "9000");
}

#[test]
fn every_national_key_authenticates() {
    for generation in Generation::ALL {
        let mut card = card(generation);
        for row in CARD_KEYS.iter().filter(|row| row.from <= generation) {
            let external = matches!(
                row.name.role,
                KeyRole::Mk | KeyRole::Puk | KeyRole::Bk | KeyRole::Lk | KeyRole::Uk(_) | KeyRole::Rk(_)
            );
            card.select(row.name.application);
            match (external, row.id) {
                (true, Some(_)) => assert_eq!(card.authenticate(row.name), "9000", "{}", row.name),
                // IRK, STK and the keys of the account give no right.
                (false, Some(id)) if card_key(row.name).unwrap().name.role == KeyRole::Stk => {
                    let key = card.key(row.name, 1);
                    assert_eq!(card.authenticate_with(id.0, &key), "6A88", "{}", row.name);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn pin_of_the_environment_serves_its_applications() {
    let mut card = card(Generation::Two);
    card.select(Application::Df04);
    assert_eq!(card.verify("000000"), "63C2");
    card.select(Application::Ssse);
    assert_eq!(card.verify("000000"), "63C1");
    card.expect("00200000", "63C1");
    card.select(Application::Df01);
    assert_eq!(card.verify(TEST_PIN), "9000");
    card.expect("00200000", "9000");
    card.expect("0020000003 258369 ", "9000");
    // The MF has no PIN.
    card.ok("00A40000023F00");
    assert_eq!(card.verify(TEST_PIN), "6A88");
    card.expect("00200000", "6A88");
    card.expect("0020000103 258369", "6A86");

    let policy = CardPolicy { tells_pin_tries: false, ..CardPolicy::default() };
    let mut silent = TestCard::new(&order(Generation::Two).policy(policy).build().unwrap());
    silent.select(Application::Ssse);
    silent.expect("00200000", "6700");
}

#[test]
fn rights_of_the_environment_may_live_on() {
    let policy = CardPolicy { keeps_rights_of_environment: true, ..CardPolicy::default() };
    let mut card = TestCard::new(&order(Generation::Three).policy(policy).build().unwrap());
    card.select(Application::Ssse);
    assert_eq!(card.verify(TEST_PIN), "9000");
    assert_eq!(card.authenticate(KeyName::RKSSSE), "9000");
    card.select(Application::Df04);
    card.ok("B026000104");
    assert_eq!(card.authenticate(rk(Application::Df04, 1)), "9000");
    card.select(Application::Df01);
    card.select(Application::Df04);
    card.expect("00B2012C0A", "6982");
    card.select(Application::Ssse);
    card.ok("00B2083014");
}

#[test]
fn pin_is_changed_and_counts_on_the_old_one() {
    let mut card = card(Generation::Three);
    card.select(Application::Ssse);
    card.expect("805E010007 111111 FF 123450", "63C2");
    card.expect("805E010007 258369 FF 12345A", "6A80");
    card.expect("805E010006 258369 FF 1234", "9000");
    assert_eq!(card.verify(TEST_PIN), "63C2");
    assert_eq!(card.verify("1234"), "9000");
    card.expect("805E010006 1234 FF 12345F", "9000");
    assert_eq!(card.verify("12345F"), "9000");
    card.expect("805E010003 1234 FF", "6700");
    card.expect("805E010004 12345678", "6A80");
    card.expect("805E000006 1234 FF 258369", "6A86");
}

#[test]
fn a_blocked_pin_stays_blocked() {
    let mut card = TestCard::new(&order(Generation::Three).flaw(Flaw::PinBlocked).build().unwrap());
    card.select(Application::Df04);
    assert_eq!(card.verify(TEST_PIN), "6983");
    card.expect("00200000", "6983");
    card.expect("805E010007 258369 FF 123450", "6983");
    card.select(Application::Ssse);
    let stk = card.key(KeyName::STK, 1);
    assert_eq!(card.with_mac("84240000", "", &stk), "6982", "PUK comes first");
    assert_eq!(card.authenticate(KeyName::PUK), "9000");
    assert_eq!(card.with_mac("84240000", "", &stk), "9000");
    assert_eq!(card.verify(TEST_PIN), "9000");
}

#[test]
fn pin_reset_in_both_ciphers() {
    use card_spec::{pin::Pin, secure_messaging::EncipheredPin, suite::Suite};
    for generation in Generation::ALL {
        let mut card = card(generation);
        card.select(Application::Ssse);
        let stk = card.key(KeyName::STK, 1);
        assert_eq!(card.authenticate(KeyName::PUK), "9000");
        let challenge: [u8; 8] = bytes(&card.ok("0084000008")).try_into().unwrap();
        let session = Suite::from(card.algorithm).session_key(&stk, &challenge);
        let block = EncipheredPin::encipher(&session, &Pin::parse("90817").unwrap());
        let header = [0x84, 0x24, 0x00, 0x01];
        let length = (block.as_bytes().len() + 4) as u8;
        let mac = session.mac(&[&header, &[length], block.as_bytes()]);
        let command = [&header[..], &[length], block.as_bytes(), &mac].concat();
        card.expect(&hex::encode(command), "9000");
        assert_eq!(card.verify("90817F"), "9000");
        // The block of the other cipher has the wrong length.
        let other = if length == 0x0C { 0x14 } else { 0x0C };
        card.expect(&format!("84240001{other:02X}{}", "00".repeat(other)), "6700");
        // A right MAC over something that is no PIN.
        assert_eq!(card.authenticate(KeyName::PUK), "9000");
        let garbage = "55".repeat(usize::from(length) - 4);
        assert_eq!(card.with_mac("84240001", &garbage, &stk), "6A80");
        assert_eq!(card.verify("90817F"), "9000");
    }
}

#[test]
fn wrong_macs_lock_the_key_and_end_an_application() {
    let mut card = card(Generation::Two);
    card.select(Application::Ssse);
    assert_eq!(card.authenticate(KeyName::PUK), "9000");
    let wrong = Key128::new([3; 16]);
    for word in ["6988", "6988", "6988", "6983"] {
        assert_eq!(card.with_mac("84240000", "", &wrong), word);
    }
    // An application is terminated.
    card.select(Application::Df04);
    let lk = KeyName::new(Application::Df04, KeyRole::Lk);
    assert_eq!(card.authenticate(lk), "9000");
    for word in ["6988", "6988", "6988"] {
        assert_eq!(card.with_mac("841E0000", "", &wrong), word);
    }
    card.expect("00B201441C", "9303");
    card.expect("00A4000002DF04", "9303");
    card.select(Application::Df03);
}

#[test]
fn applications_are_blocked_and_unblocked() {
    let mut card = card(Generation::Two);
    let lk = KeyName::new(Application::Df04, KeyRole::Lk);
    let stk = card.key(KeyName::new(Application::Df04, KeyRole::Stk), 1);
    card.select(Application::Df04);
    assert_eq!(card.with_mac("841E0000", "", &stk), "6982");
    assert_eq!(card.authenticate(lk), "9000");
    assert_eq!(card.with_mac("841E0000", "", &stk), "9000");
    assert_eq!(card.verify(TEST_PIN), "6985");
    card.select(Application::Ssse);
    assert_eq!(card.raw("00A4000002DF04"), "6283");
    assert_eq!(card.raw("00C000000A"), "6F088406D156000005036283");
    card.expect("B026000104", "6985");
    assert_eq!(card.authenticate(lk), "9000");
    assert_eq!(card.with_mac("84180000", "", &stk), "9000");
    assert_eq!(card.verify(TEST_PIN), "9000");
    card.ok("B026000104");
    // For good.
    assert_eq!(card.authenticate(lk), "9000");
    assert_eq!(card.with_mac("841E0001", "", &stk), "9000");
    card.expect("B026000104", "9303");
    card.expect("0084000008", "9303");
    card.expect("00A4000002DF04", "9303");
}

#[test]
fn a_blocked_card_says_so_to_everything() {
    let mut card = card(Generation::Two);
    card.select(Application::Ssse);
    let stk = card.key(KeyName::STK, 1);
    assert_eq!(card.authenticate(KeyName::PUK), "9000");
    assert_eq!(card.with_mac("84160000", "", &stk), "6982", "PUK is not BK");
    assert_eq!(card.authenticate(KeyName::BK), "9000");
    assert_eq!(card.with_mac("84160000", "", &stk), "9000");
    for command in ["00A40000023F00", "00B2012C12", "0084000008", "0020000003258369"] {
        card.expect(command, "6A81");
    }
    card.card.power_on().unwrap();
    card.expect("00A40000023F00", "6A81");
    assert!(card.card.image().blocked);
}

#[test]
fn a_cipher_that_is_not_known_is_refused() {
    let mut card = TestCard::new(&order(Generation::One).flaw(Flaw::Ssf33).build().unwrap());
    let fci = card.ok(&format!("00A404000F{}", common::SSSE));
    assert!(fci.ends_with("9F0C03860102"), "{fci}");
    card.ok("00B2012C12");
    card.expect("0088000010 0102030405060708 1122334455667788", "6A81");
    card.ok("0084000008");
    card.expect("0082000410 0102030405060708 1122334455667788", "6A81");
}

#[test]
fn headers_that_mean_nothing() {
    let mut card = card(Generation::Two);
    for (command, status) in [
        ("", "6700"),
        ("00A4", "6700"),
        ("00FF000000", "6D00"),
        ("8020000003258369", "6D00"),
        ("20A40000023F00", "6E00"),
        ("BFDE481208 0000000000000000", "6E00"),
        ("80FA000008 0000000000000000", "6D00"),
        ("00A4040002 1234", "6A82"),
        ("00A4000002 1234", "6A82"),
        ("00A4000003 123456", "6700"),
        ("00A4010002 1234", "6A86"),
        ("00A4000005 3F00", "6700"),
        ("00A40000000002 3F00 0000", "6700"),
        ("00B2010400", "6986"),
        ("00B2012C00", "6A82"),
        ("00B201FC00", "6A86"),
        ("00B2010700", "6A86"),
        ("00C0000000", "6985"),
        ("B026000104", "6901"),
        ("805C000204", "6901"),
        ("805A003202 0000", "6901"),
        ("B026000404", "6A86"),
        ("841E0002 04 00000000", "6A86"),
        ("84160000 03 000000", "6700"),
    ] {
        assert_eq!(card.send(command), status, "{command}");
    }
    card.select(Application::Df04);
    assert_eq!(card.verify(TEST_PIN), "9000");
    card.expect("B026000105", "6C04");
    card.expect("B02C01000F 00000007 20240115 093000 660BD9B8", "6901");
    card.expect("B02C01000F 00000007 20241315 093000 660BD9B8", "6A80");
    card.expect("B02800010A 00000000000000000000", "6700");
}

#[test]
fn forged_and_real_cards_differ_in_internal_authentication() {
    let challenge = "0088000010 0102030405060708 1122334455667788";
    let mut real = card(Generation::Three);
    real.select(Application::Ssse);
    let key = real.key(KeyName::IRK, 1);
    let suite = card_spec::suite::Suite::from(real.algorithm);
    let expected = suite
        .session_key(&key, &[1, 2, 3, 4, 5, 6, 7, 8])
        .cryptogram(&bytes("1122334455667788").try_into().unwrap());
    assert_eq!(real.ok(challenge), hex::encode_upper(expected));
    let mut forged = TestCard::new(&order(Generation::Three).flaw(Flaw::Forged).build().unwrap());
    forged.select(Application::Ssse);
    assert_ne!(forged.ok(challenge), hex::encode_upper(expected));
    // In everything that can be copied they are the same.
    assert_eq!(forged.ok("00B2012812"), real.ok("00B2012812"));
}

#[test]
fn keys_of_other_directories_are_not_seen() {
    let mut card = card(Generation::Two);
    card.select(Application::Df01);
    // 8E is a key of DF03 and DF04.
    let key = card.key(KeyName::new(Application::Df04, KeyRole::Lk), 1);
    assert_eq!(card.authenticate_with(0x8E, &key), "6A88");
    // A key of the environment is seen from everywhere inside it.
    assert_eq!(card.authenticate(KeyName::UKSSSE), "9000");
    let mut image = order(Generation::Two).build().unwrap();
    assert!(directory(&mut image.root, 0x3F00).keys.is_empty());
}
