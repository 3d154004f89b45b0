//! A social security card behind the real pcscd, through every decorator.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::{Arc, Mutex};

use card_spec::generation::Generation;
use common::CARD;
use hal::{
    pcsc::PcscSlot,
    slot::{
        CardSlot,
        count::CountSlot,
        dialogue::Dialogue,
        record::RecordSlot,
        replay::ReplaySlot,
        response::ResponseSlot,
        trace::{TraceLog, TraceSlot},
    },
};
use sim::{
    card::Card,
    chip::{Chip, SharedChip},
    keys::TestKeys,
    pcscd::{Slot, rerun::with_pcscd},
    people::Population,
    personalise::{CardOrder, TEST_PIN},
    vpcd::Reader,
};

/// SELECT by name `sx1.sh.社会保障`, once as a T=0 card wants it and once with a Le on top.
const SELECT: &str = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF";
const SELECT_WITH_LE: &str = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF00";
/// Record 1 of EF05, the card's identification, with a Le that is too long.
const READ_IDENTIFICATION: &str = "00B2012C00";

fn commands() -> [Vec<u8>; 4] {
    let pin = hex::decode(TEST_PIN).unwrap();
    let verify = [&[0x00, 0x20, 0x00, 0x00, pin.len() as u8], pin.as_slice()].concat();
    [SELECT, SELECT_WITH_LE, READ_IDENTIFICATION]
        .map(|text| hex::decode(text).unwrap())
        .into_iter()
        .chain([verify])
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

fn talk(slot: &mut impl CardSlot) -> Vec<Vec<u8>> {
    slot.power_on().unwrap();
    let answers = commands().iter().map(|command| slot.transmit(command).unwrap()).collect();
    slot.power_off();
    answers
}

#[test]
fn one_session_through_every_decorator() {
    with_pcscd("one_session_through_every_decorator", |pcscd| {
        let person = Population::new(1, 10).person(3).unwrap();
        let order = CardOrder::new(&person, TestKeys::from_seed(1)).generation(Generation::Two);
        let card = Arc::new(Mutex::new(Card::new(&order.build().unwrap(), 1).unwrap()));
        let reader = Reader::new(pcscd.slot_address(Slot::Card));
        reader.insert(SharedChip::from_arc(Arc::clone(&card))).unwrap();

        let mut pcsc = PcscSlot::new(CARD);
        pcsc.wait_card(5_000).unwrap();
        let log = TraceLog::new();
        let mut count = CountSlot::new(&mut pcsc);
        let mut record = RecordSlot::new(&mut count, "one session");
        let mut slot = ResponseSlot::new(TraceSlot::new(&mut record, log.clone()));
        let answers = talk(&mut slot);
        drop(slot);

        for answer in &answers {
            assert!(answer.ends_with(&[0x90, 0x00]), "{}", hex::encode(answer));
        }
        assert!(answers[0].len() > 20, "the FCI was fetched");
        assert_eq!(answers[0], answers[1], "with and without Le");
        let id = &answers[2];
        assert_eq!(id.len(), 2 + 16 + 2, "tag, length, identification, status word");

        // The card's own count of the line agrees with ours.
        let dialogue = record.finish().1;
        let counters = count.take();
        let traffic = card.lock().unwrap().traffic();
        assert_eq!(counters.commands, traffic.commands);
        assert_eq!(
            (counters.command_bytes, counters.answer_bytes),
            (traffic.command_bytes, traffic.answer_bytes)
        );
        assert_eq!(counters.characters, traffic.line_characters);
        assert_eq!(counters.line_us(9_600), traffic.line_us(9_600));
        assert!(
            counters.commands > commands().len() as u64,
            "GET RESPONSE and the right Le are commands too"
        );

        // Neither log nor recording holds the PIN; the log does not hold the identification either.
        let text = dialogue.to_json();
        assert!(!text.contains(&format!("00200000{:02X}{TEST_PIN}", TEST_PIN.len() / 2)), "{text}");
        let said = hex::encode_upper(&id[2..18]);
        for log in [log.to_string(), log.to_json()] {
            assert!(!log.contains(&said) && !log.contains(TEST_PIN), "{log}");
        }
        assert_eq!(log.written(), counters.commands + 2);

        // The recording says the same again, without a card.
        let mut replay = ReplaySlot::new(Dialogue::from_json(&text).unwrap());
        assert_eq!(talk(&mut ResponseSlot::new(&mut replay)), answers);
        replay.finish().unwrap();
    });
}
