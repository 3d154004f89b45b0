//! The dialogues are well formed: every command is one of ours, every answer ends in a known status
//! word, every value is there before it is used. Cards that answer them are played to elsewhere.

#![allow(clippy::unwrap_used, reason = "tests")]

mod dialogue;

use std::{collections::BTreeSet, path::Path};

use card_spec::{
    command::Command,
    key::{CARD_KEYS, Key128},
    status::StatusWord,
    suite::Suite,
};
use dialogue::{To, Values, World, load, play};

/// Answers whatever the dialogue expects, with zeros where anything will do.
struct Echo {
    expected: Vec<String>,
    at: usize,
    values: Values,
    names: BTreeSet<&'static str>,
}

impl World for Echo {
    fn transmit(&mut self, _: To, bytes: &[u8]) -> Vec<u8> {
        let command = Command::parse(bytes).unwrap_or_else(|word| panic!("{}: {word}", hex::encode(bytes)));
        self.names.insert(command.name());
        // A long body stands for `*`, whose length is not the pattern's.
        let expected = self.expected[self.at].replace('*', "000000").replace('.', "0");
        self.at += 1;
        let mut plain = String::new();
        let mut rest = expected.as_str();
        while let Some((before, after)) = rest.split_once('<') {
            let (inside, after) = after.split_once('>').unwrap();
            plain.push_str(before);
            match inside.split_once(':') {
                Some((_, bytes)) => plain.push_str(&"00".repeat(bytes.parse().unwrap())),
                None => plain.push_str(&format!("<{inside}>")),
            }
            rest = after;
        }
        plain.push_str(rest);
        let answer = self.values.fill(&plain);
        let word = StatusWord::new(answer[answer.len() - 2], answer[answer.len() - 1]);
        let known = word.name().is_some() || word.tries_left().is_some();
        assert!(known || word.bytes_waiting().is_some() || word.exact_length().is_some(), "{word}");
        answer
    }

    fn key(&self, name: &str) -> Key128 {
        assert!(CARD_KEYS.iter().any(|row| row.name.to_string() == name), "no key {name}");
        Key128::new([0; 16])
    }

    fn suite(&self) -> Suite {
        Suite::TripleDes
    }
}

#[test]
fn every_dialogue_is_well_formed() {
    let mut numbers = BTreeSet::new();
    for dialogue in load(Path::new(env!("CARGO_MANIFEST_DIR"))) {
        let name = dialogue["name"].as_str().unwrap();
        let number = name.split(' ').next().unwrap().strip_prefix('L').unwrap();
        numbers.insert(number.parse::<u32>().unwrap());
        assert!(!dialogue["source"].as_str().unwrap().is_empty() && dialogue["grade"].is_string(), "{name}");
        let steps = dialogue["steps"].as_array().unwrap();
        let mut values = Values::default();
        values.give("pin", &[0x25, 0x83, 0x69]);
        values.give("card", &hex::decode("8637430100000123").unwrap());
        values.give("city", b"430100sx");
        // What answers keep or what is made is zeros here; the values may then be used anywhere.
        let mut known = values.clone();
        for (name, bytes) in
            [("proof", 8), ("E", 8), ("mac", 4), ("block", 8), ("id", 16), ("number", 9), ("balance", 4)]
        {
            known.give(name, &vec![0; bytes]);
        }
        for (name, bytes) in [("terminal", 6), ("mac2", 4), ("tac", 4)] {
            known.give(name, &vec![0; bytes]);
        }
        let expected = steps.iter().map(|step| step["answer"].as_str().unwrap().to_owned()).collect();
        let mut world = Echo { expected, at: 0, values: known, names: BTreeSet::new() };
        // A made proof is no zeros: only the dialogues without one can be answered blindly to the end.
        if !steps.iter().any(|step| step["answer"].as_str().unwrap().contains("<proof>")) {
            play(&dialogue, values, &mut world);
            assert_eq!(world.at, steps.len(), "{name}");
        }
    }
    assert_eq!(numbers, (1..=12).collect());
}

#[test]
fn patterns() {
    let mut values = Values::default();
    assert!(values.take("01 .. <a:2> * 9000", &[1, 7, 0xAA, 0xBB, 5, 5, 0x90, 0]));
    assert_eq!(values.fill("<a> 0<a>1"), [0xAA, 0xBB, 0x0A, 0xAB, 0xB1]);
    assert!(values.take("<a> 9000", &[0xAA, 0xBB, 0x90, 0]));
    assert!(!values.take("<a> 9000", &[0xAA, 0xBC, 0x90, 0]));
    assert!(!values.take("01 * 9000", &[0x90, 0]));
    assert!(values.take("* 9000", &[0x90, 0]));
    assert!(!values.take("9000", &[1, 0x90, 0]));
}
