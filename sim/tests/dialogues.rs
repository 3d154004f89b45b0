//! Recorded dialogues, played to the simulated card.
//!
//! Each file of `dialogues` says which card it needs, then what is sent (`>`) and what must come (`<`):
//! `.` stands for any digit, `*` for any number of them. Sources stand in the files.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use card_spec::{generation::Generation, suite::Suite};
use common::{TestCard, bytes, directory, factors, order, set_key};
use sim::{
    image::{CardImage, CardPolicy},
    personalise,
};
use std::{fs, path::Path};

#[test]
fn all_dialogues() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let mut played = 0;
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        play(&name, &fs::read_to_string(&file).unwrap());
        played += 1;
    }
    assert!(played >= 18, "{played} dialogues found");
}

fn play(name: &str, text: &str) {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let (_, first) = lines.next().unwrap();
    let mut image = card(first.strip_prefix("card ").unwrap());
    let mut random = Vec::new();
    let mut playing: Option<TestCard> = None;
    let mut answer = String::new();
    for (at, line) in lines {
        let at = at + 1;
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        match kind {
            "key" => put_key(&mut image, rest),
            "balance" => account(&mut image).balance_fen = rest.parse().unwrap(),
            "purse" => {
                let wallet = directory(&mut image.root, 0xADF1).wallet.as_mut().unwrap();
                wallet.purse.balance_fen = rest.parse().unwrap();
            }
            "replace" => {
                let (old, new) = rest.split_once(' ').unwrap();
                let [old, new] = [old, new].map(|id| u16::from_str_radix(id, 16).unwrap());
                let files = &mut directory(&mut image.root, 0xDDF1).files;
                files.retain(|file| file.id.0 != old);
                files.iter_mut().find(|file| file.id.0 == new).unwrap().id.0 = old;
            }
            "random" => random = bytes(rest),
            ">" => {
                let card = playing.get_or_insert_with(|| {
                    let mut card = TestCard::new(&image);
                    card.card.give_random(&random);
                    card
                });
                answer = card.raw(rest);
            }
            "<" => {
                let expected = rest.replace(' ', "");
                assert!(matches(&expected, &answer), "{name}:{at}: expected {expected}, got {answer}");
            }
            _ => panic!("{name}:{at}: {line}"),
        }
    }
    assert!(playing.is_some(), "{name} sends nothing");
}

/// `one`, `two`, `three`, `bank`, `health`, with switches behind.
fn card(words: &str) -> CardImage {
    let mut words = words.split(' ');
    let generation = match words.next().unwrap() {
        "one" => Generation::One,
        "two" => Generation::Two,
        "three" => Generation::Three,
        "bank" => return personalise::bank_card(),
        "health" => return personalise::health_card(),
        other => panic!("no card {other}"),
    };
    let mut order = order(generation);
    let mut serials = None;
    while let Some(word) = words.next() {
        order = match word {
            "direct" => order.policy(CardPolicy { answers_directly: true, ..CardPolicy::default() }),
            "test-area" => order.with_test_area(),
            "wallet" => order.with_wallet(),
            "fingers" => order.fingers(common::enrolled()).match_on_card(),
            "serials" => {
                let mut number = || words.next().unwrap().parse().unwrap();
                serials = Some((number(), number()));
                order
            }
            other => panic!("no switch {other}"),
        };
    }
    let mut image = order.build().unwrap();
    if let Some((online, offline)) = serials {
        account(&mut image).online_serial = online;
        account(&mut image).offline_serial = offline;
        for wallet in image.root.directories.iter_mut().filter_map(|directory| directory.wallet.as_mut()) {
            wallet.purse.online_serial = online;
            wallet.purse.offline_serial = offline;
        }
    }
    image
}

fn account(image: &mut CardImage) -> &mut sim::image::AccountImage {
    directory(&mut image.root, 0xDF04).account.as_mut().unwrap()
}

/// Directory, name, value; `derive` when the value is the issuer's and the card's has to be derived.
fn put_key(image: &mut CardImage, words: &str) {
    let words: Vec<&str> = words.split(' ').collect();
    let id = u16::from_str_radix(words[0], 16).unwrap();
    if words.get(3) == Some(&"derive") {
        let issuer = card_spec::key::Key128::new(bytes(words[2]).try_into().unwrap());
        let key = Suite::TripleDes.diversify_levels(&issuer, factors().levels(1));
        set_key(image, id, words[1], &hex::encode(key.as_bytes()));
    } else {
        set_key(image, id, words[1], words[2]);
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => {
            let same = |(p, t): (char, char)| p == '.' || p == t;
            pattern.len() == text.len() && pattern.chars().zip(text.chars()).all(same)
        }
        Some((head, tail)) => {
            text.len() >= head.len() + tail.len()
                && matches(head, &text[..head.len()])
                && matches(tail, &text[text.len() - tail.len()..])
        }
    }
}
