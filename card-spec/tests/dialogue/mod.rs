//! Plays the dialogues of `card-spec/vectors/dialogues.json` to whatever answers commands.
//!
//! Depends on `card_spec`, `hex` and `serde_json` alone, so that the tests of another crate can take it
//! in by its path.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "each test takes in what it needs")]

use std::{collections::BTreeMap, fs, path::Path};

use card_spec::{
    authentication,
    key::Key128,
    pin::Pin,
    secure_messaging::{EncipheredPin, MacKey},
    suite::Suite,
};
use serde_json::Value;

/// All dialogues; `folder` is that of the crate `card-spec`.
pub(crate) fn load(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("vectors/dialogues.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    file["dialogues"].as_array().unwrap().clone()
}

/// Who is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Card,
    Psam,
}

/// The world that a dialogue is played in.
pub(crate) trait World {
    /// Sends a command and gives the answer with its status word.
    fn transmit(&mut self, to: To, command: &[u8]) -> Vec<u8>;
    /// A key as it lies on the card, by its name in the table of keys.
    fn key(&self, name: &str) -> Key128;
    /// Cipher of the card.
    fn suite(&self) -> Suite;
}

/// Values by name.
#[derive(Clone, Default)]
pub(crate) struct Values(BTreeMap<String, Vec<u8>>);

impl Values {
    pub(crate) fn give(&mut self, name: &str, bytes: &[u8]) {
        self.0.insert(name.to_owned(), bytes.to_vec());
    }

    fn get(&self, name: &str) -> &[u8] {
        self.0.get(name).unwrap_or_else(|| panic!("no value {name}"))
    }

    /// Bytes of a command or of an input.
    pub(crate) fn fill(&self, text: &str) -> Vec<u8> {
        let mut digits = String::new();
        for token in tokens(text) {
            match token {
                Token::Digit(Some(digit)) => digits.push(digit),
                Token::Name(name) => digits.push_str(&hex::encode_upper(self.get(&name))),
                other => panic!("{other:?} in {text}"),
            }
        }
        hex::decode(&digits).unwrap_or_else(|_| panic!("odd: {text}"))
    }

    /// Compares an answer with a pattern and keeps what the pattern names; `false` when it does not fit.
    pub(crate) fn take(&mut self, pattern: &str, answer: &[u8]) -> bool {
        let answer: Vec<char> = hex::encode_upper(answer).chars().collect();
        let mut parts: Vec<Vec<Token>> = vec![vec![]];
        for token in tokens(pattern) {
            match token {
                Token::Rest => parts.push(vec![]),
                Token::Name(name) => {
                    let known = hex::encode_upper(self.get(&name));
                    parts.last_mut().unwrap().extend(known.chars().map(|digit| Token::Digit(Some(digit))));
                }
                other => parts.last_mut().unwrap().push(other),
            }
        }
        let lengths: Vec<usize> = parts.iter().map(|part| part.iter().map(Token::digits).sum()).collect();
        match parts.as_slice() {
            [whole] => lengths[0] == answer.len() && self.take_part(whole, &answer),
            [head, tail] => {
                lengths[0] + lengths[1] <= answer.len()
                    && self.take_part(head, &answer[..lengths[0]])
                    && self.take_part(tail, &answer[answer.len() - lengths[1]..])
            }
            _ => panic!("two * in {pattern}"),
        }
    }

    fn take_part(&mut self, part: &[Token], answer: &[char]) -> bool {
        let mut at = 0;
        for token in part {
            let got = &answer[at..at + token.digits()];
            at += token.digits();
            match token {
                Token::Digit(Some(digit)) if got[0] != *digit => return false,
                Token::Keep(name, _) => {
                    let digits: String = got.iter().collect();
                    self.give(name, &hex::decode(digits).unwrap());
                }
                _ => {}
            }
        }
        true
    }
}

#[derive(Debug)]
enum Token {
    /// `None` is any.
    Digit(Option<char>),
    /// Any number of bytes.
    Rest,
    Name(String),
    Keep(String, usize),
}

impl Token {
    fn digits(&self) -> usize {
        match self {
            Token::Digit(_) => 1,
            Token::Keep(_, bytes) => 2 * bytes,
            Token::Rest | Token::Name(_) => 0,
        }
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            ' ' => {}
            '.' => out.push(Token::Digit(None)),
            '*' => out.push(Token::Rest),
            '<' => {
                let (inside, after) = rest.split_once('>').unwrap();
                rest = after;
                out.push(match inside.split_once(':') {
                    Some((name, bytes)) => Token::Keep(name.to_owned(), bytes.parse().unwrap()),
                    None => Token::Name(inside.to_owned()),
                });
            }
            digit if digit.is_ascii_hexdigit() => out.push(Token::Digit(Some(digit.to_ascii_uppercase()))),
            other => panic!("{other} in {text}"),
        }
    }
    out
}

fn make(value: &Value, values: &Values, world: &impl World) -> Vec<u8> {
    let text = |field: &str| value[field].as_str().unwrap_or_else(|| panic!("{field} in {value}"));
    let eight = |field: &str| -> [u8; 8] { values.fill(text(field)).try_into().unwrap() };
    let (suite, key) = (world.suite(), world.key(text("key")));
    match text("how") {
        "external" => authentication::external(suite, &key, &eight("challenge"), &eight("data")).to_vec(),
        "internal" => authentication::internal(suite, &key, &eight("factor"), &eight("data")).to_vec(),
        "command_mac" => {
            let session = suite.session_key(&key, &eight("challenge"));
            let header = values.fill(text("header")).try_into().unwrap();
            MacKey::Session(&session).command_mac(header, &values.fill(text("data"))).unwrap().to_vec()
        }
        "pin_block" => {
            let session = suite.session_key(&key, &eight("challenge"));
            let pin = Pin::parse(text("pin")).unwrap();
            EncipheredPin::encipher(&session, &pin).as_bytes().to_vec()
        }
        other => panic!("how {other}"),
    }
}

/// Plays one dialogue. `values` holds what is given: `pin`, `card`, `city`.
pub(crate) fn play(dialogue: &Value, mut values: Values, world: &mut impl World) {
    let name = dialogue["name"].as_str().unwrap();
    for (index, step) in dialogue["steps"].as_array().unwrap().iter().enumerate() {
        // By name: `block` comes before `mac`, which covers it.
        if let Some(made) = step["make"].as_object() {
            for (name, value) in made {
                let bytes = make(value, &values, world);
                values.give(name, &bytes);
            }
        }
        let to = if step["to"] == "psam" { To::Psam } else { To::Card };
        let command = values.fill(step["command"].as_str().unwrap());
        let mut answer = world.transmit(to, &command);
        while let ([0x61, waiting], false) = (answer.as_slice(), step["raw"] == true) {
            answer = world.transmit(to, &[0x00, 0xC0, 0x00, 0x00, *waiting]);
        }
        let expected = step["answer"].as_str().unwrap();
        assert!(
            values.take(expected, &answer),
            "{name}, step {}: {} expected, got {}",
            index + 1,
            expected,
            hex::encode_upper(&answer)
        );
    }
}
