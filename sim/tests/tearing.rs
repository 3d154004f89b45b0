//! Power is cut at every byte of every update, and once more in recovery.
//!
//! What the next power-on finds must be what was before, or what the command would have left; for commands
//! that take a try off first, also the state in between. The image goes through its file form on the way,
//! as it would when the process dies together with the card.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use card_spec::{
    file::Application,
    generation::Generation,
    key::{KeyName, KeyRole},
    secure_messaging::MacKey,
    suite::Suite,
};
use common::{NOW, TERMINAL, TestCard, bytes, directory, order, prepare_purchase, psam, uk};
use sim::{
    chip::{Chip, PowerLost},
    eeprom::{PowerCut, Torn},
    image::{CardImage, FileBody, Image},
    personalise::TEST_PIN,
};
use std::sync::OnceLock;

/// What a torn byte may hold. One generation goes through all of them, the others through the first.
const TORN: [Torn; 4] = [Torn::Erased, Torn::Old, Torn::Weak(0xA5), Torn::Weak(0x00)];

/// Brings a fresh card to the point where `command` is to be sent. Always the same way.
type Prepare = fn(&mut TestCard) -> String;

fn fresh(generation: Generation) -> TestCard {
    static IMAGES: OnceLock<Vec<CardImage>> = OnceLock::new();
    let make = |generation| {
        let mut image = order(generation).account(100_000).with_test_area().build().unwrap();
        // Small files: thousands of cards are made here.
        for file in &mut directory(&mut image.root, 0xDDF1).files {
            if let FileBody::Transparent(bytes) = &mut file.body {
                bytes.0.truncate(64);
            }
        }
        image
    };
    let images = IMAGES.get_or_init(|| Generation::ALL.map(make).to_vec());
    TestCard::new(&images[generation as usize])
}

/// An image as a file would give it back.
fn through_a_file(image: CardImage) -> CardImage {
    let text = serde_json::to_string(&Image::Card(image)).unwrap();
    match serde_json::from_str(&text).unwrap() {
        Image::Card(image) => image,
        Image::Psam(_) => unreachable!("a card was written"),
    }
}

/// Cuts power at every byte of what `command` writes. `between` says how many states there are beside
/// before and after. Gives the number of cuts and of those after which the command had happened.
fn cut_everywhere(generation: Generation, prepare: Prepare, between: usize) -> (usize, usize) {
    let mut whole = fresh(generation);
    let command = prepare(&mut whole);
    let before = whole.card.image();
    let start = whole.card.programmed_bytes();
    let answer = whole.raw(&command);
    let after = whole.card.image();
    let writes = (whole.card.programmed_bytes() - start) as usize;
    assert!(writes > 0, "{command} writes nothing");

    let mut states = vec![before.clone(), after.clone()];
    let mut happened = 0;
    let torn_values = if generation == Generation::Two { &TORN[..] } else { &TORN[..1] };
    for at in 0..writes {
        for torn in torn_values.iter().copied() {
            let mut card = fresh(generation);
            let command = prepare(&mut card);
            card.card.plan_cut(Some(PowerCut { after_bytes: at, torn }));
            assert_eq!(card.card.transmit(&bytes(&command)), Err(PowerLost), "cut at {at}");
            assert_eq!(card.card.transmit(&bytes("00B2012C12")), Err(PowerLost), "dark is dark");
            let left = through_a_file(card.card.image());
            // Power goes away in recovery as well, early and late, before it comes back for good.
            let mut again =
                TestCard { algorithm: card.algorithm, card: sim::card::Card::new(&left, 3).unwrap() };
            again.card.plan_cut(Some(PowerCut { after_bytes: at % 23, torn }));
            let interrupted = again.card.power_on().is_err();
            let left = if interrupted { through_a_file(again.card.image()) } else { left };
            let found = TestCard::new(&left).card.image();
            assert!(found.interrupted.is_none(), "recovered");
            if !states.contains(&found) {
                states.push(found.clone());
                assert!(states.len() <= 2 + between, "cut at {at}: a state that cannot be");
            }
            happened += usize::from(found == after);
        }
    }
    assert_eq!(states.len(), 2 + between, "answer {answer}");
    (writes * torn_values.len(), happened)
}

fn in_medical(card: &mut TestCard) {
    card.select(Application::Df04);
    assert_eq!(card.verify(TEST_PIN), "9000");
}

fn debit(card: &mut TestCard) -> String {
    in_medical(card);
    prepare_purchase(card, &mut psam(), [100, 200, 300], NOW).2
}

fn credit(card: &mut TestCard) -> String {
    in_medical(card);
    let begun = bytes(&card.ok(&format!("B02800010B01000003E8{}", hex::encode(TERMINAL))));
    let random: [u8; 4] = begun[8..12].try_into().unwrap();
    let session =
        Suite::from(card.algorithm).transaction_key(&card.key(KeyName::DLK, 1), random, 0, [0x80, 0]);
    let mac2 = session.mac(&[&1_000_u32.to_be_bytes(), b"1", &TERMINAL, &bytes(NOW)]);
    format!("B02A00000B{NOW}{}", hex::encode(mac2))
}

#[test]
fn a_purchase_happens_whole_or_not() {
    for generation in Generation::ALL {
        let (cuts, happened) = cut_everywhere(generation, debit, 0);
        assert!(happened > cuts / 4 && happened < cuts, "{happened} of {cuts}");
    }
}

#[test]
fn a_load_happens_whole_or_not() {
    for generation in Generation::ALL {
        let (cuts, happened) = cut_everywhere(generation, credit, 0);
        assert!(happened > cuts / 4 && happened < cuts, "{happened} of {cuts}");
    }
}

#[test]
fn the_proof_tells_what_happened_to_a_purchase() {
    let generation = Generation::Three;
    let mut whole = fresh(generation);
    let command = debit(&mut whole);
    let start = whole.card.programmed_bytes();
    let answer = whole.ok(&command);
    let writes = (whole.card.programmed_bytes() - start) as usize;
    let proof = format!("{}{}9000", &answer[8..], &answer[..8]);
    let (mut done, mut not_done) = (0, 0);
    for at in 0..writes {
        let mut card = fresh(generation);
        let command = debit(&mut card);
        card.card.plan_cut(Some(PowerCut { after_bytes: at, torn: Torn::Erased }));
        assert_eq!(card.card.transmit(&bytes(&command)), Err(PowerLost));
        card.card.power_on().unwrap();
        card.select(Application::Df04);
        // No PIN: the holder may have gone.
        let told = card.send("805A0032020000");
        assert_eq!(card.verify(TEST_PIN), "9000");
        let (balance, log) = (card.ok("B026000104"), card.send("00B201441C"));
        if told == proof {
            assert_eq!(balance, format!("{:08X}", 100_000 - 100));
            assert!(log.starts_with("0000") && log.ends_with("9000"));
            done += 1;
        } else {
            assert_eq!(told, "9406");
            assert_eq!(balance, format!("{:08X}", 100_000));
            assert_eq!(log, "6A83");
            not_done += 1;
        }
    }
    assert!(done > 0 && not_done > 0);
}

#[test]
fn updates_of_files() {
    let record: Prepare = |card| {
        card.select(Application::Ssse);
        assert_eq!(card.authenticate(KeyName::UKSSSE), "9000");
        "00DC0C3005 0C03431225".to_owned()
    };
    let bytes_of_a_file: Prepare = |card| {
        card.select(Application::Ssse);
        assert_eq!(card.authenticate(KeyName::UKSSSE), "9000");
        format!("00D6870020{}", "5A".repeat(32))
    };
    let ring: Prepare = |card| {
        card.select(Application::Df04);
        assert_eq!(card.authenticate(uk(Application::Df04, 2)), "9000");
        "00DC00AB03 202431".to_owned()
    };
    // A ring that has gone round already.
    let full_ring: Prepare = |card| {
        card.select(Application::Df04);
        assert_eq!(card.authenticate(uk(Application::Df04, 2)), "9000");
        for number in 0..11 {
            card.expect(&format!("00DC00AB03 2024{number:02X}"), "9000");
        }
        "00DC00AB03 202431".to_owned()
    };
    for update in [record, bytes_of_a_file, ring, full_ring] {
        for generation in [Generation::Two, Generation::Three] {
            let (cuts, happened) = cut_everywhere(generation, update, 0);
            assert!(happened > 0 && happened < cuts);
        }
    }
    // A protected record, on a card whose secure messaging key is whole: one update.
    let protected: Prepare = |card| {
        card.select(Application::Ssse);
        assert_eq!(card.authenticate(KeyName::UKSSSE), "9000");
        card.expect("00A4000002EF0C", "9000");
        let challenge: [u8; 8] = bytes(&card.ok("0084000008")).try_into().unwrap();
        let session = Suite::from(card.algorithm).session_key(&card.key(KeyName::STK, 1), &challenge);
        let data = bytes("02084142434445464748");
        let mac = MacKey::Session(&session).command_mac([0x04, 0xDC, 0x02, 0x04], &data).unwrap();
        format!("04DC02040E{}{}", hex::encode(data), hex::encode(mac))
    };
    cut_everywhere(Generation::Two, protected, 0);
}

#[test]
fn counters_never_give_a_try_back() {
    // Right after a wrong one: three tries, two, then perhaps one for a moment, then three again.
    let right: Prepare = |card| {
        card.select(Application::Ssse);
        assert_eq!(card.verify("111111"), "63C2");
        format!("0020000003{TEST_PIN}")
    };
    cut_everywhere(Generation::Two, right, 1);
    let wrong: Prepare = |card| {
        card.select(Application::Ssse);
        assert_eq!(card.verify("111111"), "63C2");
        "0020000003222222".to_owned()
    };
    cut_everywhere(Generation::Two, wrong, 0);
    let change: Prepare = |card| {
        card.select(Application::Ssse);
        "805E010007 258369 FF 909192".to_owned()
    };
    cut_everywhere(Generation::Three, change, 1);
    let external: Prepare = |card| {
        card.select(Application::Ssse);
        let key = card.key(KeyName::UKSSSE, 1);
        assert_eq!(card.authenticate_with(0x04, &card_spec::key::Key128::new([0; 16])), "63C2");
        let challenge: [u8; 8] = bytes(&card.ok("0084000008")).try_into().unwrap();
        let cryptogram = Suite::from(card.algorithm).session_key(&key, &challenge).cryptogram(&[1; 8]);
        format!("0082000410{}{}", hex::encode(cryptogram), hex::encode([1; 8]))
    };
    cut_everywhere(Generation::Three, external, 1);
}

#[test]
fn blocking_is_whole_or_not() {
    let block: Prepare = |card| {
        card.select(Application::Df04);
        assert_eq!(card.authenticate(KeyName::new(Application::Df04, KeyRole::Lk)), "9000");
        let key = card.key(KeyName::new(Application::Df04, KeyRole::Stk), 1);
        let challenge: [u8; 8] = bytes(&card.ok("0084000008")).try_into().unwrap();
        let session = Suite::from(card.algorithm).session_key(&key, &challenge);
        let mac = MacKey::Session(&session).command_mac([0x84, 0x1E, 0x00, 0x00], &[]).unwrap();
        format!("841E000004{}", hex::encode(mac))
    };
    for generation in [Generation::Two, Generation::Three] {
        cut_everywhere(generation, block, 0);
    }
}

#[test]
fn a_psam_torn_while_numbering_never_numbers_twice() {
    let begin = |serial: &str| {
        let factors: String =
            common::factors().levels(2).iter().map(|factor| hex::encode(factor.as_bytes())).collect();
        bytes(&format!("807001002C 00000000 {serial} {} 32 {NOW} 01 01 {factors}", "00".repeat(12)))
    };
    for at in 0..24 {
        let mut module = psam();
        module.psam.plan_cut(Some(PowerCut { after_bytes: at, torn: Torn::Weak(0x5A) }));
        let torn = module.psam.transmit(&begin("0001"));
        module.psam.plan_cut(None);
        module.psam.power_off();
        module.psam.power_on().unwrap();
        let used = module.psam.image().terminal_serial;
        // Nobody has seen the number of a torn command, so it may be given or skipped.
        assert!(used <= 1, "cut at {at}");
        if torn.is_ok() {
            assert_eq!(used, 1);
        }
        module.ok("00A4000002DF01");
        let next = module.ok(&hex::encode(begin("0002")));
        assert_eq!(&next[..8], format!("{:08X}", used + 1), "cut at {at}");
    }
}

#[test]
fn a_torn_account_is_the_old_one_or_the_new_one() {
    // The same as above in the words of the cardholder: no fen is lost and none is made.
    let mut card = fresh(Generation::Two);
    let command = debit(&mut card);
    card.card.plan_cut(Some(PowerCut { after_bytes: 60, torn: Torn::Erased }));
    assert_eq!(card.card.transmit(&bytes(&command)), Err(PowerLost));
    card.card.power_on().unwrap();
    let mut image = card.card.image();
    let account = directory(&mut image.root, 0xDF04).account.clone().unwrap();
    assert_eq!((account.balance_fen, account.offline_serial), (100_000, 0));
    let (mut card, mut module) = (TestCard::new(&image), psam());
    card.select(Application::Df04);
    assert_eq!(card.verify(TEST_PIN), "9000");
    common::purchase(&mut card, &mut module, [100, 200, 300], NOW);
    assert_eq!(card.ok("B026000104"), format!("{:08X}", 99_900));
}
