//! The medical account with a PSAM: purchases, loads, refusals, proofs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use card_spec::{
    account::{Amounts, LogRecord, Purchase},
    date::DateTime,
    file::Application,
    generation::Generation,
    key::{Key128, KeyName},
    psam::{TerminalNumber, TerminalSerial},
    suite::Suite,
};
use common::{NOW, TERMINAL, TestCard, bytes, card, directory, order, prepare_purchase, psam, purchase};
use sim::{image::AccountImage, personalise::TEST_PIN};

fn ready(generation: Generation, balance_fen: u32) -> TestCard {
    let mut card = TestCard::new(&order(generation).account(balance_fen).build().unwrap());
    card.select(Application::Df04);
    assert_eq!(card.verify(TEST_PIN), "9000");
    card
}

fn account(card: &TestCard) -> AccountImage {
    directory(&mut card.card.image().root, 0xDF04).account.clone().unwrap()
}

#[test]
fn purchases_in_all_generations() {
    for generation in Generation::ALL {
        let (mut card, mut psam) = (ready(generation, 10_000), psam());
        let before = account(&card);
        let done = purchase(&mut card, &mut psam, [100, 200, 300], NOW);
        let after = account(&card);
        assert_eq!(after.balance_fen, 9_900);
        assert_eq!(after.offline_serial, 1);
        assert_eq!((done.serial.as_str(), done.terminal_serial.as_str()), ("0000", "00000001"));
        assert_eq!(card.ok("B026000104"), format!("{:08X}", 9_900));
        // The sums of 2026 go on when a purchase of 2024 comes late.
        assert_eq!(after.self_paid_fen, before.self_paid_fen + 200);
        assert_eq!(card.ok("B026000206"), format!("{:08X}2026", after.self_paid_fen));
        assert_eq!(card.ok("B026000306"), format!("{:08X}2026", after.pooled_fen));
        let log = LogRecord::parse(&bytes(&card.ok("00B201441C"))).unwrap().unwrap();
        let amounts = Amounts { account_fen: 100, self_paid_fen: 200, pooled_fen: 300 };
        assert_eq!(log.amounts, amounts);
        assert_eq!(log.terminal, TerminalNumber(TERMINAL));
        // The terminal's side of the house makes the same codes.
        let date_time = DateTime::from_cn(bytes(NOW).try_into().unwrap()).unwrap();
        assert_eq!(log.date_time, date_time);
        let (suite, tac_key) = (Suite::from(card.algorithm), card.key(KeyName::DTK, 1));
        let expected = Purchase {
            amounts,
            terminal: TerminalNumber(TERMINAL),
            terminal_serial: TerminalSerial(1),
            date_time,
            serial: 0,
            random: [0; 4],
        };
        assert_eq!(done.tac, hex::encode_upper(expected.tac(suite, &tac_key)));
        // The proof says it again, and needs no PIN.
        card.select(Application::Df04);
        assert_eq!(card.ok("805A0032020000"), format!("{}{}", done.mac2, done.tac));
        card.expect("805A0032020001", "9406");
        card.expect("805A0031020000", "9406");
    }
}

#[test]
fn amount_zero_is_a_purchase() {
    for generation in Generation::ALL {
        let (mut card, mut psam) = (ready(generation, 0), psam());
        let before = account(&card);
        purchase(&mut card, &mut psam, [0, 1_500, 8_500], NOW);
        let after = account(&card);
        assert_eq!((after.balance_fen, after.offline_serial), (0, before.offline_serial + 1));
        assert_eq!(after.self_paid_fen, before.self_paid_fen + 1_500);
        assert_eq!(after.pooled_fen, before.pooled_fen + 8_500);
        purchase(&mut card, &mut psam, [0, 0, 0], NOW);
        let log = LogRecord::parse(&bytes(&card.ok("00B201441C"))).unwrap().unwrap();
        assert_eq!((log.serial, log.amounts), (1, Amounts::default()));
        let log = LogRecord::parse(&bytes(&card.ok("00B202441C"))).unwrap().unwrap();
        assert_eq!((log.serial, log.amounts.pooled_fen), (0, 8_500));
    }
}

#[test]
fn a_new_year_begins_the_sums_anew() {
    let (mut card, mut psam) = (ready(Generation::Three, 10_000), psam());
    purchase(&mut card, &mut psam, [1, 10, 20], "20261231235959");
    let old = account(&card);
    purchase(&mut card, &mut psam, [1, 30, 40], "20270101000000");
    let new = account(&card);
    assert!(old.self_paid_fen >= 10 && old.pooled_fen >= 20);
    assert_eq!((new.self_paid_fen, new.pooled_fen), (30, 40));
    assert_eq!(card.ok("B026000206"), "0000001E2027");
    // A clock that runs behind does not bring the old year back.
    purchase(&mut card, &mut psam, [1, 5, 5], "20261231235959");
    assert_eq!(card.ok("B026000206"), "000000232027");
}

#[test]
fn the_log_keeps_ten() {
    let (mut card, mut psam) = (ready(Generation::Two, 10_000), psam());
    card.expect("00B201441C", "6A83");
    for number in 0..12 {
        purchase(&mut card, &mut psam, [number, 0, 0], NOW);
    }
    for age in 0..10_u16 {
        let record = bytes(&card.ok(&format!("00B2{:02X}441C", age + 1)));
        let log = LogRecord::parse(&record).unwrap().unwrap();
        assert_eq!((log.serial, log.amounts.account_fen), (11 - age, u32::from(11 - age)));
    }
    card.expect("00B20B441C", "6A83");
    let fresh = account(&card);
    assert_eq!(fresh.proofs.len(), 1, "the last purchase alone can be proved");
    card.expect("805A003202000A", "9406");
    card.ok("805A003202000B");
}

#[test]
fn what_initialize_refuses() {
    let mut card = card(Generation::Two);
    card.select(Application::Df04);
    let terminal = hex::encode(TERMINAL);
    let begin = |index: u8, amounts: &str| format!("B028010113{index:02X}{amounts}{terminal}");
    let small = "000000010000000100000001";
    card.expect(&begin(1, small), "6982");
    card.expect("B026000104", "6982");
    assert_eq!(card.verify(TEST_PIN), "9000");
    card.expect(&begin(0, small), "9403");
    card.expect(&begin(2, small), "9403");
    card.expect(&begin(1, "05F5E1000000000000000000"), "6A80");
    card.expect(&begin(1, "0000000005F5E10000000000"), "6A80");
    card.expect(&begin(1, "05F5E0FF0000000000000000"), "9401");
    card.expect(&format!("B02801011201{small}0000000000"), "6700");

    let mut image = order(Generation::Two).account(u32::MAX).build().unwrap();
    let held = directory(&mut image.root, 0xDF04).account.as_mut().unwrap();
    (held.offline_serial, held.online_serial) = (u16::MAX, u16::MAX);
    let mut full = TestCard::new(&image);
    full.select(Application::Df04);
    assert_eq!(full.verify(TEST_PIN), "9000");
    full.expect(&begin(1, small), "9402");
    full.expect(&format!("B02800010B0100000001{terminal}"), "6985");
    full.expect(&format!("B02800010B0100000000{terminal}"), "9402");
    full.expect(&format!("B02800010B0200000000{terminal}"), "9403");
    full.expect(&format!("B02800010B0105F5E100{terminal}"), "6A80");
}

#[test]
fn debit_needs_its_own_beginning() {
    let (mut card, mut psam) = (ready(Generation::Three, 10_000), psam());
    let before = account(&card);
    // Another command in between.
    let (_, _, debit) = prepare_purchase(&mut card, &mut psam, [100, 0, 0], NOW);
    card.ok("B026000104");
    card.expect(&debit, "6901");
    // A wrong MAC ends the transaction.
    let (_, _, debit) = prepare_purchase(&mut card, &mut psam, [100, 0, 0], NOW);
    let wrong = format!("{}{}", &debit[..debit.len() - 1], if debit.ends_with('0') { '1' } else { '0' });
    card.expect(&wrong, "9302");
    card.expect(&debit, "6901");
    // The beginning of another command.
    let terminal = hex::encode(TERMINAL);
    card.ok(&format!("B02800010B0100000064{terminal}"));
    card.expect(&debit, "6901");
    // Twice.
    let (_, _, debit) = prepare_purchase(&mut card, &mut psam, [0, 1, 0], NOW);
    card.ok(&debit);
    card.expect(&debit, "6901");
    // Power in between.
    let (_, _, debit) = prepare_purchase(&mut card, &mut psam, [100, 0, 0], NOW);
    sim::chip::Chip::power_off(&mut card.card);
    card.select(Application::Df04);
    card.expect(&debit, "6901");
    let after = account(&card);
    assert_eq!(after.balance_fen, before.balance_fen);
    assert_eq!(after.offline_serial, before.offline_serial + 1, "only the one that went through");
}

#[test]
fn a_load_of_the_center() {
    for generation in Generation::ALL {
        let mut card = ready(generation, 5_000);
        let suite = Suite::from(card.algorithm);
        let load_key = card.key(KeyName::DLK, 1);
        let terminal = hex::encode(TERMINAL);
        let begun = bytes(&card.ok(&format!("B02800010B01000003E8{terminal}")));
        let random: [u8; 4] = begun[8..12].try_into().unwrap();
        let session = suite.transaction_key(&load_key, random, 0, [0x80, 0x00]);
        let amount = 1_000_u32.to_be_bytes();
        let mac1 = session.mac(&[&5_000_u32.to_be_bytes(), &amount, b"1", &TERMINAL]);
        assert_eq!(begun[12..], mac1);
        let mac2 = session.mac(&[&amount, b"1", &TERMINAL, &bytes(NOW)]);
        card.ok(&format!("B02A00000B{NOW}{}", hex::encode(mac2)));
        let after = account(&card);
        assert_eq!((after.balance_fen, after.online_serial, after.offline_serial), (6_000, 1, 0));
        let log = LogRecord::parse(&bytes(&card.ok("00B201441C"))).unwrap().unwrap();
        assert_eq!((log.transaction_type, log.amounts.account_fen), (0x31, 1_000));
        card.ok("805A0031020000");
        // Another key's MAC loads nothing.
        card.ok(&format!("B02800010B01000003E8{terminal}"));
        let forged = suite.transaction_key(&Key128::new([9; 16]), random, 1, [0x80, 0x00]);
        let mac2 = forged.mac(&[&amount, b"1", &TERMINAL, &bytes(NOW)]);
        card.expect(&format!("B02A00000B{NOW}{}", hex::encode(mac2)), "9302");
        assert_eq!(account(&card), after);
    }
}

#[test]
fn wallets_and_account_share_a_psam() {
    use card_spec::wallet::LogRecord;
    let mut card = TestCard::new(&order(Generation::Two).with_wallet().build().unwrap());
    let mut psam = psam();
    card.ok("00A4040009A00000000386980701");
    let terminal = hex::encode(TERMINAL);
    for (purse, kind, pin) in [("02", "06", false), ("01", "05", true)] {
        if pin {
            card.expect(&format!("805001{purse}0B0100000064{terminal}"), "6982");
            assert_eq!(card.verify(TEST_PIN), "9000");
        }
        let begun = card.ok(&format!("805001{purse}0B0100000064{terminal}"));
        assert_eq!(&begun[..8], "00002710");
        let (serial, version, algorithm, random) =
            (&begun[8..12], &begun[18..20], &begun[20..22], &begun[22..30]);
        let factors: String =
            common::factors().levels(2).iter().map(|factor| hex::encode(factor.as_bytes())).collect();
        let sam =
            psam.ok(&format!("8070000024{random}{serial}00000064{kind}{NOW}{version}{algorithm}{factors}"));
        let answer = card.ok(&format!("805401000F{}{NOW}{}", &sam[..8], &sam[8..]));
        psam.ok(&format!("8072000004{}", &answer[8..]));
        assert_eq!(card.ok(&format!("805A00{kind}020000")), format!("{}{}", &answer[8..], &answer[..8]));
    }
    assert_eq!(card.ok("805C000204"), "000026AC");
    assert_eq!(card.ok("805C000104"), "000026AC");
    let log = LogRecord::parse(&bytes(&card.ok("00B201C417"))).unwrap().unwrap();
    assert_eq!((log.transaction_type, log.amount_fen, log.serial), (5, 100, 0));
}
