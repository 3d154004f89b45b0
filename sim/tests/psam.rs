//! The PSAM alone, and as the one that opens a card.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use card_spec::{
    file::Application,
    generation::{Algorithm, Generation},
    key::{CARD_KEYS, KeyName},
    psam::SM4_TWIN,
};
use common::{KEYS, NOW, TERMINAL, TestCard, TestPsam, bytes, card, factors, order, prepare_purchase, psam};
use sim::{
    chip::Chip,
    image::{PsamImage, PsamPolicy},
    personalise::{PsamOrder, TEST_PIN},
};

fn factors_hex(levels: u8) -> String {
    factors().levels(levels).iter().map(|factor| hex::encode(factor.as_bytes())).collect()
}

/// Session key in the PSAM for a card's key: usage and id, the card's challenge.
fn deliver(psam: &mut TestPsam, usage: u8, id: u8, challenge: &str) -> String {
    let factors = factors_hex(usage >> 5);
    psam.send(&format!("BFDE{usage:02X}{id:02X}{:02X}{factors}{challenge}", factors.len() / 2 + 8))
}

/// Eight bytes under the working key, folded when the block has sixteen.
fn cryptogram(psam: &mut TestPsam, algorithm: Algorithm, data: &str) -> String {
    match algorithm {
        Algorithm::TripleDes => psam.ok(&format!("80FA000008{data}")),
        Algorithm::Sm4 => {
            let block = bytes(&psam.ok(&format!("80FA000010{data}0000000000000000")));
            let folded: Vec<u8> = (0..8).map(|at| block[at] ^ block[at + 8]).collect();
            hex::encode_upper(folded)
        }
    }
}

#[test]
fn vector_16_and_the_files() {
    // V16 uses the root 00112233..EEFF for 48/12.
    let mut image = PsamOrder::new(TERMINAL, KEYS).terminal_serial(6).build();
    let root = image.keys.iter_mut().find(|key| key.usage.0 == 0x48 && key.id.0 == 0x12).unwrap();
    root.key.0 = bytes("00112233445566778899AABBCCDDEEFF").try_into().unwrap();
    let mut psam = TestPsam::new(&image);
    psam.ok("BFDE481218 8637430100000123 3433303130307378 A1B2C3D4E5F60718");
    assert_eq!(psam.ok("80FA000008 1122334455667788"), "BEC8A22829E63321");
    assert_eq!(psam.ok("00B09C0001"), "01");
    psam.ok("00A40000020019");
    assert_eq!(psam.ok("00B0000004"), "00000006");
    psam.expect("00B0000005", "6C04");
    psam.expect("00B0000401", "6B00");
    psam.expect("00B0960006", "6A82");
    assert_eq!(psam.ok("00A40000023F00"), format!("6F11840F{}", common::SSSE));
    assert_eq!(psam.ok("00B0960006"), hex::encode_upper(TERMINAL));
    psam.expect("00B09C0001", "6A82");
    assert_eq!(psam.ok("00A4040006D15600000590"), "6F088406D15600000590");
}

#[test]
fn no_two_roots_have_one_name() {
    let mut names: Vec<(u8, u8, u8)> = PsamOrder::new(TERMINAL, KEYS)
        .build()
        .keys
        .iter()
        .map(|key| (key.usage.0, key.id.0, key.version))
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn every_root_opens_its_key_on_the_card() {
    for generation in Generation::ALL {
        let (mut card, mut psam) = (card(generation), psam());
        let twin = if card.algorithm == Algorithm::Sm4 { SM4_TWIN } else { 0 };
        let mut opened = 0;
        for row in CARD_KEYS.iter().filter(|row| row.from <= generation) {
            let (Some(root), Some(id)) = (row.psam, row.id) else { continue };
            if [KeyName::IRK, KeyName::STK].contains(&row.name) {
                continue;
            }
            card.select(row.name.application);
            let challenge = card.ok("0084000008");
            assert_eq!(deliver(&mut psam, root.usage.0, root.id.wrapping_add(twin), &challenge), "9000");
            let e = cryptogram(&mut psam, card.algorithm, "0102030405060708");
            card.expect(&format!("008200{:02X}10{e}0102030405060708", id.0), "9000");
            opened += 1;
        }
        assert!(opened >= 25, "{opened} keys of {generation:?}");
        // The other way round: the card's answer is what the PSAM computes.
        card.select(Application::Ssse);
        let answer = card.ok("0088000010 A1B2C3D4E5F60718 1122334455667788");
        assert_eq!(deliver(&mut psam, 0x4F, 0x11 + twin, "A1B2C3D4E5F60718"), "9000");
        assert_eq!(cryptogram(&mut psam, card.algorithm, "1122334455667788"), answer);
    }
}

#[test]
fn dialogue_5_write_with_a_psam() {
    let (mut card, mut psam) = (card(Generation::Two), psam());
    card.select(Application::Ssse);
    let challenge = card.ok("0084000008");
    assert_eq!(deliver(&mut psam, 0x48, 0x12, &challenge), "9000");
    let e = psam.ok(&format!("80FA000008{challenge}"));
    card.expect(&format!("0082000410{e}{challenge}"), "9000");
    card.expect("00A4000002EF06", "9000");
    card.expect("00DC0A0003 0A0132", "9000");
    assert_eq!(card.ok("00B2043403"), "0A0132");
}

#[test]
fn a_mac_over_several_commands_is_the_card_s() {
    for (generation, algorithm) in
        [(Generation::Two, Algorithm::TripleDes), (Generation::Three, Algorithm::Sm4)]
    {
        let (mut card, mut psam) = (card(generation), psam());
        let (twin, block) = if algorithm == Algorithm::Sm4 { (SM4_TWIN, 16) } else { (0, 8) };
        card.select(Application::Ssse);
        assert_eq!(card.authenticate(KeyName::PUK), "9000");
        assert_eq!(card.verify("111111"), "63C2");
        let challenge = card.ok("0084000008");
        assert_eq!(deliver(&mut psam, 0x48, 0x09 + twin, &challenge), "9000");
        let mut message = bytes("8424000004 80");
        message.resize(block, 0);
        let (start, message) = ("00".repeat(block), hex::encode(message));
        let single = psam.ok(&format!("80FA0500{:02X}{start}{message}", 2 * block));
        card.expect(&format!("8424000004{}", &single[..8]), "9000");
        // The same message, start value first, then the rest.
        assert_eq!(deliver(&mut psam, 0x48, 0x09 + twin, &challenge), "9000");
        psam.ok(&format!("80FA0700{block:02X}{start}"));
        assert_eq!(psam.ok(&format!("80FA0100{block:02X}{message}")), single);
        psam.expect(&format!("80FA0100{block:02X}{message}"), "6985");
    }
}

#[test]
fn a_delivered_key_without_session_is_the_card_s_own() {
    let (mut card, mut psam) =
        (common::TestCard::new(&order(Generation::Two).with_test_area().build().unwrap()), psam());
    card.select(Application::Ssse);
    assert_eq!(card.authenticate(KeyName::UKSSSE), "9000");
    let challenge = card.ok("0084000004");
    psam.ok(&format!("801A480910{}", factors_hex(2)));
    // Secure messaging of PBOC form: challenge and zeros, header, data, padding.
    let mut message = bytes("04DC02640E 0208 4142434445464748 80");
    message.resize(message.len().next_multiple_of(8), 0);
    let data = format!("{challenge}00000000{}", hex::encode(message));
    let mac = psam.ok(&format!("80FA0500{:02X}{data}", data.len() / 2));
    card.expect(&format!("04DC02640E 0208 4142434445464748 {}", &mac[..8]), "9000");
    // Enciphering with the whole key is triple DES, which is how keys are diversified.
    psam.ok(&format!("801A480910{}", factors_hex(2)));
    let key = card.key(KeyName::STK, 1);
    let factor = card_spec::key::Factor::new([1, 2, 3, 4, 5, 6, 7, 8]);
    let derived = card_spec::suite::Suite::TripleDes.diversify(&key, factor);
    assert_eq!(psam.ok("80FA0000080102030405060708"), hex::encode_upper(&derived.as_bytes()[..8]));
}

#[test]
fn what_a_psam_refuses() {
    let mut psam = psam();
    let challenge = "A1B2C3D4E5F60718";
    psam.expect("80FA000008 0000000000000000", "6985");
    assert_eq!(deliver(&mut psam, 0x48, 0x7F, challenge), "6A88");
    psam.expect(&format!("BFDE481210{}{challenge}", factors_hex(1)), "6700");
    psam.expect(&format!("BFDE481220{}{challenge}", factors_hex(3)), "6700");
    psam.expect("BFDE481207 00000000000000", "6700");
    assert_eq!(deliver(&mut psam, 0x48, 0x12, challenge), "9000");
    psam.expect("80FA000007 00000000000000", "6700");
    psam.ok("80FA000008 0000000000000000");
    psam.expect("80FA000008 0000000000000000", "6985");
    psam.expect("8072000004 00000000", "6901");
    psam.expect("00B201041C", "6D00");
    psam.expect("00A4000002 1234", "6A82");
    psam.expect("00A4040005 A000000003", "6A82");
    psam.expect("0020000003 123456", "6A88");
    // Keys lie in the application.
    psam.ok("00A40000023F00");
    assert_eq!(deliver(&mut psam, 0x48, 0x12, challenge), "6A88");

    let keeps = PsamPolicy { keeps_working_key: true, answers_directly: true };
    let mut lax = TestPsam::new(&PsamOrder::new(TERMINAL, KEYS).policy(keeps).build());
    assert_eq!(deliver(&mut lax, 0x48, 0x12, challenge), "9000");
    let first = lax.ok("80FA000008 0000000000000000 08");
    assert_eq!(lax.ok("80FA000008 0000000000000000 08"), first);
}

#[test]
fn psams_that_lack_something() {
    let challenge = "A1B2C3D4E5F60718";
    let order = || PsamOrder::new(TERMINAL, KEYS);
    let mut no_read_key = TestPsam::new(&order().without_read_key_of_environment().build());
    assert_eq!(deliver(&mut no_read_key, 0x47, 0x40, challenge), "6A88");
    assert_eq!(deliver(&mut no_read_key, 0x47, 0xC0, challenge), "6A88");
    assert_eq!(deliver(&mut no_read_key, 0x48, 0x12, challenge), "9000");
    let mut no_sm4 = TestPsam::new(&order().without_sm4().build());
    assert_eq!(deliver(&mut no_sm4, 0x48, 0x12, challenge), "9000");
    assert_eq!(deliver(&mut no_sm4, 0x48, 0x92, challenge), "6A88");
    let begin = format!("807001002C 00000000 0000 {} 32 {NOW} 01 01 {}", "00".repeat(12), factors_hex(2));
    psam().ok(&begin);
    let mut no_purchase = TestPsam::new(&order().without_purchase_key().build());
    no_purchase.expect(&begin, "9403");
    psam().expect(&begin.replace("01 01 8637", "02 01 8637"), "9403");
    psam().expect(&begin.replace("01 01 8637", "01 02 8637"), "9403");
    no_sm4.expect(&begin.replace("01 01 8637", "01 03 8637"), "9403");

    let mut locked = TestPsam::new(&order().pin(&[0x12, 0x34, 0x56]).build());
    assert_eq!(deliver(&mut locked, 0x48, 0x12, challenge), "6982");
    locked.expect("0020000003 123457", "63C2");
    locked.expect("0020000003 123456", "9000");
    assert_eq!(deliver(&mut locked, 0x48, 0x12, challenge), "9000");
    for word in ["63C2", "63C1", "63C0", "6983"] {
        locked.expect("0020000003 111111", word);
    }
    locked.expect("0020000003 123456", "6983");
}

#[test]
fn terminal_serials_never_come_twice() {
    let mut card = TestCard::new(&order(Generation::Two).account(1_000_000).build().unwrap());
    card.select(Application::Df04);
    assert_eq!(card.verify(TEST_PIN), "9000");
    let mut image: PsamImage = PsamOrder::new(TERMINAL, KEYS).terminal_serial(0xFE).build();
    let mut serials = Vec::new();
    for _ in 0..5 {
        let mut psam = TestPsam::new(&image);
        let (_, serial, debit) = prepare_purchase(&mut card, &mut psam, [1, 0, 0], NOW);
        serials.push(serial);
        // Not every purchase goes through, and power goes away after each.
        if serials.len() % 2 == 0 {
            card.ok(&debit);
        }
        image = psam.psam.image();
    }
    assert_eq!(serials, ["000000FF", "00000100", "00000101", "00000102", "00000103"]);
    image.terminal_serial = u32::MAX;
    let mut last = TestPsam::new(&image);
    let begin = format!("807001002C 00000000 0000 {} 32 {NOW} 01 01 {}", "00".repeat(12), factors_hex(2));
    last.expect(&begin, "9402");
}

#[test]
fn wrong_mac2_locks_purchases() {
    let begin = format!("807001002C 00000000 0000 {} 32 {NOW} 01 01 {}", "00".repeat(12), factors_hex(2));
    let mut psam = psam();
    for _ in 0..3 {
        psam.ok(&begin);
        psam.expect("8072000004 00000000", "9302");
        psam.expect("8072000004 00000000", "6901");
    }
    psam.expect(&begin, "6983");
    psam.psam.power_off();
    psam.psam.power_on().unwrap();
    psam.ok("00A4000002DF01");
    psam.expect(&begin, "6983");
}

#[test]
fn a_card_alone_in_its_city_is_derived_with_one_factor() {
    // The form that terminals fall back to when the PSAM holds the city's own root.
    let mut card = TestCard::new(&order(Generation::Two).account(500).build().unwrap());
    card.select(Application::Df04);
    assert_eq!(card.verify(TEST_PIN), "9000");
    let mut image = PsamOrder::new(TERMINAL, KEYS).build();
    let city = factors().levels(2)[1];
    let root = KEYS.derived(KeyName::DPK, Algorithm::TripleDes, 1, &[city]);
    for key in image.keys.iter_mut().filter(|key| key.usage.0 == 0x42 && key.algorithm.0 == 1) {
        key.key.0 = *root.as_bytes();
    }
    let mut psam = TestPsam::new(&image);
    let amounts = "000000010000000000000000";
    let begun = card.ok(&format!("B02801011301{amounts}{}", hex::encode(TERMINAL)));
    let sam = psam.ok(&format!(
        "8070010024{}{}{amounts}32{NOW}0101{}",
        &begun[36..44],
        &begun[28..32],
        factors_hex(1)
    ));
    card.ok(&format!("B02C01000F{}{NOW}{}", &sam[..8], &sam[8..]));
}
