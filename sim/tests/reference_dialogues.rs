//! The dialogues of the card specification, played to the simulated card and PSAM.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "../../card-spec/tests/dialogue/mod.rs"]
mod dialogue;

use std::path::Path;

use card_spec::{
    generation::{Algorithm, Generation},
    key::{CARD_KEYS, Key128},
    suite::Suite,
};
use common::{KEYS, TERMINAL, factors, order};
use dialogue::{To, Values, World, load, play};
use serde_json::Value;
use sim::{
    card::Card,
    chip::Chip,
    personalise::{self, PsamOrder, TEST_PIN},
    psam::Psam,
};

struct Desk {
    card: Option<Card>,
    psam: Option<Psam>,
    algorithm: Algorithm,
}

impl Desk {
    fn new(settings: &Value) -> Self {
        let image = match settings["card"].as_str() {
            Some("one") => Some(order(Generation::One).build().unwrap()),
            Some("two") => Some(order(Generation::Two).build().unwrap()),
            Some("three") => Some(order(Generation::Three).build().unwrap()),
            Some("health") => Some(personalise::health_card()),
            Some(other) => panic!("card {other}"),
            None => None,
        };
        let algorithm = image
            .as_ref()
            .map_or(Algorithm::TripleDes, |image| Algorithm::from_id(Some(image.algorithm.0)).unwrap());
        let card = image.map(|image| {
            let mut card = Card::new(&image, 7).unwrap();
            card.power_on().unwrap();
            card
        });
        let psam = (settings["psam"] == true).then(|| {
            let mut order = PsamOrder::new(TERMINAL, KEYS);
            if let Some(pin) = settings["psam_pin"].as_str() {
                order = order.pin(&hex::decode(pin).unwrap());
            }
            let mut psam = Psam::new(&order.build(), 8);
            psam.power_on().unwrap();
            psam
        });
        Self { card, psam, algorithm }
    }
}

impl World for Desk {
    fn transmit(&mut self, to: To, command: &[u8]) -> Vec<u8> {
        match to {
            To::Card => self.card.as_mut().unwrap().transmit(command).unwrap(),
            To::Psam => self.psam.as_mut().unwrap().transmit(command).unwrap(),
        }
    }

    fn key(&self, name: &str) -> Key128 {
        let row = CARD_KEYS.iter().find(|row| row.name.to_string() == name).unwrap();
        KEYS.on_card(row.name, self.algorithm, 1, &factors())
    }

    fn suite(&self) -> Suite {
        Suite::from(self.algorithm)
    }
}

#[test]
fn all_of_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../card-spec");
    let dialogues = load(&folder);
    assert!(dialogues.len() >= 12);
    let factors = factors();
    let [card, city] = factors.levels(2) else { panic!("two levels") };
    for dialogue in &dialogues {
        let mut values = Values::default();
        values.give("pin", &hex::decode(TEST_PIN).unwrap());
        values.give("card", card.as_bytes());
        values.give("city", city.as_bytes());
        play(dialogue, values, &mut Desk::new(&dialogue["settings"]));
    }
}
