//! Every status word of the card specification that a card or a PSAM gives, each with one way to it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use card_spec::{
    file::Application,
    generation::Generation,
    key::{Key128, KeyName, KeyRole},
    status::StatusWord,
};
use common::{TERMINAL, TestCard, order};
use sim::{
    card::{Pace, ResponseTimes},
    chip::Chip,
    personalise::{Flaw, TEST_PIN},
};
use std::{collections::BTreeSet, time::Instant};

/// Words that no way leads to: 6300 is the older form of 63Cx, 6F00 would be a fault of ours.
const NEVER: [StatusWord; 2] = [StatusWord::AUTHENTICATION_FAILED, StatusWord::NO_DIAGNOSIS];

fn card() -> TestCard {
    common::card(Generation::Two)
}

fn with(flaw: Flaw) -> TestCard {
    TestCard::new(&order(Generation::Two).flaw(flaw).build().unwrap())
}

fn medical(mut card: TestCard) -> TestCard {
    card.select(Application::Df04);
    assert_eq!(card.verify(TEST_PIN), "9000");
    card
}

fn begin(index: u8, amount: u32) -> String {
    format!("B028010113{index:02X}{amount:08X}0000000000000000{}", hex::encode(TERMINAL))
}

/// One card, one command, one word.
fn examples() -> Vec<(StatusWord, String)> {
    let mut seen = Vec::new();
    let mut say = |word: StatusWord, got: String| seen.push((word, got));
    let environment = |mut card: TestCard| {
        card.select(Application::Ssse);
        card
    };
    say(StatusWord::SUCCESS, environment(card()).verify(TEST_PIN));
    let blocked = Flaw::ApplicationBlocked { directory: 0xDF04, permanent: false };
    let terminated = Flaw::ApplicationBlocked { directory: 0xDF04, permanent: true };
    say(StatusWord::SELECTED_FILE_BLOCKED, environment(with(blocked)).raw("00A4000002DF04"));
    say(StatusWord::APPLICATION_LOCKED, environment(with(terminated)).raw("00A4000002DF04"));
    say(StatusWord::MEMORY_FAILURE, environment(with(Flaw::WornMemory)).verify(TEST_PIN));
    say(StatusWord::WRONG_LENGTH, card().raw("0020000001AA"));
    say(StatusWord::INVALID_STATE, card().raw("B026000104"));
    say(StatusWord::WRONG_FILE_TYPE, environment(card()).raw("00B2014400"));
    say(StatusWord::SECURITY_STATUS, environment(card()).raw("00DC073003070131"));
    say(StatusWord::AUTHENTICATION_BLOCKED, environment(with(Flaw::PinBlocked)).verify(TEST_PIN));
    say(StatusWord::DATA_INVALID, environment(card()).raw(&format!("0082000410{}", "00".repeat(16))));
    say(StatusWord::CONDITIONS_OF_USE, card().raw("00C0000008"));
    say(StatusWord::NO_CURRENT_FILE, card().raw("00B2010400"));
    let mut protected = TestCard::new(&order(Generation::Two).with_test_area().build().unwrap());
    protected.select(Application::Ssse);
    assert_eq!(protected.authenticate(KeyName::UKSSSE), "9000");
    say(StatusWord::MAC_MISSING, protected.raw("00DC02640A02080000000000000000"));
    let wrong = Key128::new([1; 16]);
    say(StatusWord::MAC_WRONG, protected.with_mac("04DC0264", "02080000000000000000", &wrong));
    say(StatusWord::WRONG_DATA, protected.raw("00DC01640A09080000000000000000"));
    say(StatusWord::NOT_SUPPORTED, with(Flaw::CardBlocked).raw("00A40000023F00"));
    say(StatusWord::FILE_NOT_FOUND, card().raw("00A40000021234"));
    say(StatusWord::RECORD_NOT_FOUND, environment(card()).raw("00B2092C00"));
    say(StatusWord::NO_SPACE, protected.raw("00E2006003030131"));
    say(StatusWord::WRONG_PARAMETERS, card().raw("0020000103258369"));
    say(StatusWord::KEY_NOT_FOUND, card().verify(TEST_PIN));
    say(StatusWord::WRONG_OFFSET, {
        let mut card = environment(card());
        card.ok("00B0880001");
        card.raw("00B00C0001")
    });
    say(StatusWord::INSTRUCTION_NOT_SUPPORTED, card().raw("00FF0000"));
    say(StatusWord::CLASS_NOT_SUPPORTED, card().raw("F0A40000"));
    let mut begun = medical(card());
    begun.ok(&begin(1, 0));
    let debit = format!("B02C01000F00000001{}00000000", common::NOW);
    say(StatusWord::TRANSACTION_MAC_WRONG, begun.raw(&debit));
    say(StatusWord::INSUFFICIENT_FUNDS, medical(card()).raw(&begin(1, 99_999_999)));
    say(StatusWord::KEY_INDEX_NOT_SUPPORTED, medical(card()).raw(&begin(9, 0)));
    say(StatusWord::MAC_NOT_AVAILABLE, medical(card()).raw("805A0032021234"));
    say(StatusWord::APPLICATION_SUSPENDED, medical(with(Flaw::AccountLocked)).raw(&begin(1, 0)));
    let mut used_up = order(Generation::Two).build().unwrap();
    common::directory(&mut used_up.root, 0xDF04).account.as_mut().unwrap().offline_serial = u16::MAX;
    say(StatusWord::COUNTER_AT_MAXIMUM, medical(TestCard::new(&used_up)).raw(&begin(1, 0)));
    let mut locked = order(Generation::Two).with_wallet().build().unwrap();
    common::directory(&mut locked.root, 0xADF1).wallet.as_mut().unwrap().locked = true;
    let mut locked = TestCard::new(&locked);
    locked.ok("00A4040009A00000000386980701");
    say(StatusWord::WALLET_LOCKED, locked.raw(&format!("805001020B0100000001{}", hex::encode(TERMINAL))));
    seen
}

#[test]
fn each_word_has_its_way() {
    let mut met = BTreeSet::new();
    for (word, got) in examples() {
        assert_eq!(got, format!("{:04X}", word.0), "{:?}", word.name());
        met.insert(word);
    }
    for (word, name) in StatusWord::NAMED {
        assert!(met.contains(word) || NEVER.contains(word), "{name} has no example");
    }
    // The words with a number in them.
    let mut card = card();
    assert_eq!(card.raw("00A4000002DDF1"), "6118");
    assert_eq!(card.raw("00B2012C11"), "6C12");
    assert_eq!(card.verify("000000"), "63C2");
    let lk = KeyName::new(Application::Df04, KeyRole::Lk);
    card.select(Application::Df04);
    assert_eq!(card.authenticate(lk), "9000");
}

#[test]
fn a_worn_memory_reads_on() {
    let mut card = with(Flaw::WornMemory);
    card.select(Application::Ssse);
    card.ok("00B2012C12");
    assert_eq!(card.verify("000000"), "6581", "no try without taking one off");
    assert!(card.card.image().worn);
    card.select(Application::Df04);
    card.expect("B026000104", "6982");
}

#[test]
fn chips_tell_how_long_they_would_take() {
    let mut card = card();
    let start = card.card.traffic();
    card.raw("00A4000002DDF1");
    let select = card.card.traffic().since(&start);
    assert_eq!((select.commands, select.command_bytes, select.answer_bytes), (1, 7, 2));
    // Header, procedure byte, two of data, status word.
    assert_eq!(select.line_characters, 10);
    let start = card.card.traffic();
    assert_eq!(card.verify(TEST_PIN), "9000");
    let verify = card.card.traffic().since(&start);
    assert!(verify.chip_us > select.chip_us, "writing takes time");
    let start = card.card.traffic();
    card.raw("0088000010 0102030405060708 1122334455667788");
    let times = ResponseTimes::default();
    assert_eq!(card.card.traffic().since(&start).chip_us, times.command_us + 4 * times.block_us);

    // Slow only when asked: 32.5 ms of line and 1.5 ms of thought for one record.
    card.card.set_pace(Some(Pace { baud: 9_600 }));
    let clock = Instant::now();
    card.ok("00B2012C12");
    assert!(clock.elapsed().as_micros() >= 34_000);
    card.card.set_pace(None);
    card.card.set_response_times(ResponseTimes { command_us: 9, block_us: 0, programmed_byte_us: 0 });
    let start = card.card.traffic();
    card.ok("00B2012C12");
    assert_eq!(card.card.traffic().since(&start).chip_us, 9);

    let mut module = common::psam();
    let start = module.psam.traffic();
    module.ok("00B09C0001");
    assert_eq!(module.psam.traffic().since(&start).line_characters, 5 + 1 + 1 + 2);
    module.psam.set_pace(Some(Pace { baud: 115_200 }));
    let clock = Instant::now();
    module.ok("00B09C0001");
    assert!(clock.elapsed().as_micros() >= 1_500);
}
