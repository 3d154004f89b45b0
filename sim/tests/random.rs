//! Whatever comes over the line, a chip answers, and what it keeps stays a chip's.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use card_spec::generation::Generation;
use common::{KEYS, TERMINAL, order};
use proptest::prelude::*;
use sim::{
    card::Card,
    chip::{Chip, SharedChip},
    fault::{Contact, Fault, Plan},
    image::CardPolicy,
    personalise::PsamOrder,
    psam::Psam,
};

/// Headers that mean something, to get beyond the first check.
const HEADERS: [[u8; 4]; 40] = [
    [0x00, 0xA4, 0x04, 0x00],
    [0x00, 0xA4, 0x00, 0x00],
    [0x00, 0xB2, 0x01, 0x2C],
    [0x00, 0xB2, 0x01, 0x34],
    [0x00, 0xB2, 0x01, 0x05],
    [0x00, 0xB2, 0x01, 0x44],
    [0x00, 0xB0, 0x88, 0x00],
    [0x00, 0xB0, 0x00, 0x00],
    [0x00, 0xDC, 0x01, 0x2C],
    [0x04, 0xDC, 0x02, 0x64],
    [0x00, 0xD6, 0x88, 0x00],
    [0x00, 0xE2, 0x00, 0x00],
    [0x00, 0xC0, 0x00, 0x00],
    [0x00, 0x84, 0x00, 0x00],
    [0x00, 0x88, 0x00, 0x00],
    [0x00, 0x82, 0x00, 0x04],
    [0x00, 0x82, 0x00, 0x0A],
    [0x00, 0x82, 0x00, 0x84],
    [0x00, 0x20, 0x00, 0x00],
    [0x80, 0x5E, 0x01, 0x00],
    [0x84, 0x24, 0x00, 0x00],
    [0x84, 0x24, 0x00, 0x01],
    [0x84, 0x16, 0x00, 0x00],
    [0x84, 0x1E, 0x00, 0x00],
    [0x84, 0x18, 0x00, 0x00],
    [0xB0, 0x26, 0x00, 0x01],
    [0xB0, 0x28, 0x00, 0x01],
    [0xB0, 0x28, 0x01, 0x01],
    [0xB0, 0x2A, 0x00, 0x00],
    [0xB0, 0x2C, 0x01, 0x00],
    [0x80, 0x50, 0x00, 0x02],
    [0x80, 0x50, 0x01, 0x02],
    [0x80, 0x52, 0x00, 0x00],
    [0x80, 0x54, 0x01, 0x00],
    [0x80, 0x5A, 0x00, 0x32],
    [0xBF, 0xDE, 0x48, 0x12],
    [0x80, 0x1A, 0x48, 0x12],
    [0x80, 0xFA, 0x05, 0x00],
    [0x80, 0x70, 0x01, 0x00],
    [0x80, 0x72, 0x00, 0x00],
];

/// Things that are good to know for somebody who tries at random.
const DATA: [&str; 9] = [
    "7378312E73682EC9E7BBE1B1A3D5CF",
    "DDF1",
    "DF04",
    "EF08",
    "A00000000386980701",
    "258369",
    "0102030405060708090A0B0C0D0E0F10",
    "01000000000000000100000001430100000001",
    "0100000000430100000001",
];

fn command() -> impl Strategy<Value = Vec<u8>> {
    let header = prop_oneof![
        6 => prop::sample::select(HEADERS.to_vec()),
        1 => any::<[u8; 4]>(),
    ];
    let data = prop_oneof![
        3 => prop::sample::select(DATA.to_vec()).prop_map(|text| hex::decode(text).unwrap()),
        2 => prop::collection::vec(any::<u8>(), 0..60),
        1 => Just(Vec::new()),
    ];
    let whole = (header, data, any::<Option<u8>>()).prop_map(|(header, data, le)| {
        let mut command = header.to_vec();
        if !data.is_empty() {
            command.push(data.len() as u8);
            command.extend_from_slice(&data);
        }
        command.extend(le);
        command
    });
    prop_oneof![8 => whole, 1 => prop::collection::vec(any::<u8>(), 0..300)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_card_answers_everything(
        generation in prop::sample::select(Generation::ALL.to_vec()),
        direct in any::<bool>(),
        seed in any::<u64>(),
        commands in prop::collection::vec(command(), 1..80),
    ) {
        let policy = CardPolicy { answers_directly: direct, ..CardPolicy::default() };
        let image = order(generation).with_wallet().with_test_area().policy(policy).build().unwrap();
        let mut card = Card::new(&image, seed).unwrap();
        card.power_on().unwrap();
        for command in &commands {
            let answer = card.transmit(command).unwrap();
            prop_assert!((2..=258).contains(&answer.len()), "{command:02X?}");
            let status = u16::from_be_bytes([answer[answer.len() - 2], answer[answer.len() - 1]]);
            prop_assert!(matches!(status >> 8, 0x61..=0x6F | 0x90 | 0x93 | 0x94), "{command:02X?}: {status:04X}");
            // A refusal that ends in 00 would pass for success with one known reader.
            prop_assert!(status & 0xFF != 0 || matches!(status, 0x9000 | 0x6700 | 0x6B00 | 0x6D00 | 0x6E00 | 0x6C00));
        }
        let kept = card.image();
        prop_assert!(kept.interrupted.is_none());
        let again = Card::new(&kept, seed).unwrap().image();
        prop_assert!(again == kept);
        prop_assert_eq!(card.traffic().commands, commands.len() as u64);
    }

    #[test]
    fn a_psam_answers_everything(seed in any::<u64>(), commands in prop::collection::vec(command(), 1..80)) {
        let mut psam = Psam::new(&PsamOrder::new(TERMINAL, KEYS).build(), seed);
        psam.power_on().unwrap();
        psam.transmit(&hex::decode("00A4000002DF01").unwrap()).unwrap();
        for command in &commands {
            let answer = psam.transmit(command).unwrap();
            prop_assert!((2..=258).contains(&answer.len()), "{command:02X?}");
        }
        let kept = psam.image();
        prop_assert!(Psam::new(&kept, 0).image() == kept);
    }

    #[test]
    fn faults_at_random_leave_a_card(seed in any::<u64>(), commands in prop::collection::vec(command(), 1..40)) {
        let image = order(Generation::Three).build().unwrap();
        let card = std::sync::Arc::new(std::sync::Mutex::new(Card::new(&image, seed).unwrap()));
        let shared = SharedChip::from_arc(std::sync::Arc::clone(&card));
        let mut contact = Contact::new(shared, Plan::from(Fault::from_seed(seed, 40)));
        contact.power_on();
        for command in &commands {
            if contact.transmit(command).is_err() {
                break;
            }
        }
        let left = card.lock().unwrap().image();
        let mut again = Card::new(&left, 0).unwrap();
        prop_assert!(again.power_on().is_ok());
        prop_assert!(again.image().interrupted.is_none());
    }
}
