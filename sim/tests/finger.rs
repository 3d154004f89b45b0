//! Fingers on cards: personalised, bound to their card, compared by it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use card_spec::{
    card_id::CardId,
    file::Application,
    fingerprint::{Place, Stored},
    generation::Generation,
    key::KeyName,
    suite::Suite,
};
use common::{
    KEYS, TestCard, bytes, directory, enrolled, factors, finger, impression, order, person, probe,
    verify_finger,
};
use sim::{
    chip::{Chip, PowerLost},
    eeprom::{PowerCut, Torn},
    image::{CardImage, FileBody},
    personalise::{CardOrder, FINGER_TRIES, Impression},
};

fn comparing() -> CardOrder<'static> {
    order(Generation::Three).fingers(enrolled()).match_on_card()
}

fn card() -> TestCard {
    let mut card = TestCard::new(&comparing().build().unwrap());
    card.select(Application::Ssse);
    card
}

/// EF07 of an image.
fn file(image: &mut CardImage) -> &mut Vec<u8> {
    let files = &mut directory(&mut image.root, 0xDDF1).files;
    match &mut files.iter_mut().find(|file| file.id.0 == 0xEF07).unwrap().body {
        FileBody::Transparent(bytes) => &mut bytes.0,
        _ => panic!("EF07 is transparent"),
    }
}

#[test]
fn personalised_fingers_are_bound_to_their_card() {
    for generation in Generation::ALL {
        let mut image = order(generation).fingers(enrolled()).build().unwrap();
        let bytes = file(&mut image).clone();
        let (place, stored) = Stored::in_force(&bytes).unwrap().unwrap();
        assert_eq!((place, stored.serial(), stored.content().len()), (Place::First, 1, 3));
        let card = TestCard::new(&image);
        let mut id = TestCard::new(&image);
        id.select(Application::Ssse);
        id.ok("00A4020002EF05");
        let id = CardId::parse(&common::bytes(&id.ok("00B2010012"))[2..]).unwrap();
        let key = KEYS.on_card(KeyName::STK, card.algorithm, 1, &factors());
        let mac = Suite::from(card.algorithm).static_mac(&key, &stored.message(&id, &person().number));
        assert_eq!(stored.check(&mac), Ok(()));
    }
    let none = order(Generation::Two).fingers(Vec::new()).build();
    let stored = Stored::in_force(file(&mut none.unwrap())).unwrap().unwrap().1;
    assert!(stored.content().no_usable_finger());
    let twice: Vec<Impression> = enrolled().into_iter().take(1).chain(enrolled()).collect();
    assert!(order(Generation::Three).fingers(twice).build().is_err());
    assert!(order(Generation::Two).match_on_card().build().is_err());
}

#[test]
fn the_file_is_read_and_written_under_its_conditions() {
    let mut card = card();
    card.expect("00B0870020", "6982");
    card.expect("00D687000101", "6982");
    assert_eq!(card.authenticate(KeyName::RKSSSE), "9000");
    assert_eq!(&card.ok("00B0870002"), "4A46");
    card.expect("00D687000101", "6982");
    assert_eq!(card.authenticate(KeyName::UKSSSE), "9000");
    card.expect("00D687000101", "9000");
    assert_eq!(&card.ok("00B0870002"), "0146");
    // The end of the second place.
    card.expect("00D60BFF0155", "9000");
    card.expect("00D60C000155", "6B00");
}

#[test]
fn a_finger_is_compared_and_counted() {
    let mut card = card();
    let right = verify_finger(1, &probe(&impression(&finger(1), 21)));
    let wrong = verify_finger(1, &probe(&finger(9)));
    card.expect("00210081", "63C6");
    card.expect(&wrong, "63C5");
    card.expect("00210081", "63C5");
    card.expect(&right, "9000");
    card.expect("00210081", "9000");
    // One counter for all fingers; each finger is compared with itself only.
    card.expect(&verify_finger(7, &probe(&impression(&finger(1), 22))), "63C5");
    card.expect("00210081", "63C5");
    card.expect(&verify_finger(7, &probe(&impression(&finger(2), 23))), "9000");
    for left in (0..FINGER_TRIES).rev() {
        card.expect(&wrong, &format!("63C{left}"));
    }
    for blocked in [&right, &wrong, "00210081", "00210087"] {
        card.expect(blocked, "6983");
    }
    // The PIN does not know of it, and a reset does not help.
    assert_eq!(card.verify(sim::personalise::TEST_PIN), "9000");
    card.card.power_off();
    card.card.power_on().unwrap();
    card.select(Application::Ssse);
    card.expect(&right, "6983");
    // Unblocked as a PIN is: PUK, then a MAC.
    let key = card.key(KeyName::STK, 1);
    assert_eq!(card.with_mac("84240080", "", &key), "6982");
    assert_eq!(card.authenticate(KeyName::PUK), "9000");
    assert_eq!(card.with_mac("84240080", "", &card_spec::key::Key128::new([0; 16])), "6988");
    assert_eq!(card.with_mac("84240080", "", &key), "9000");
    card.expect("00210081", "63C6");
    card.expect(&right, "9000");
}

#[test]
fn what_cannot_be_compared_costs_no_try() {
    let mut card = card();
    card.expect(&verify_finger(2, &probe(&finger(1))), "6A88");
    card.expect("00210082", "6A88");
    card.expect("0021008B", "6A88");
    // The reserved type of a minutia; no minutiae at all.
    card.expect(&verify_finger(1, &[0x10, 0x20, 0xFF, 1, 2, 3, 4, 5, 6]), "6A80");
    card.expect("0021008103010203", "6A80");
    card.expect("00210081", "63C6");
    // A card without the option, and one without fingers.
    let mut without = TestCard::new(&order(Generation::Three).fingers(enrolled()).build().unwrap());
    without.select(Application::Ssse);
    without.expect("00210081", "6D00");
    let mut empty = TestCard::new(&order(Generation::Three).match_on_card().build().unwrap());
    empty.select(Application::Ssse);
    empty.expect(&verify_finger(1, &probe(&finger(1))), "6A88");
    // A damaged file.
    let mut image = comparing().build().unwrap();
    file(&mut image)[100] ^= 0x40;
    let mut damaged = TestCard::new(&image);
    damaged.select(Application::Ssse);
    damaged.expect(&verify_finger(1, &probe(&finger(1))), "6984");
    damaged.expect("00210081", "6984");
}

/// Power cut at every byte of what a comparison writes: a try is never given back by it.
#[test]
fn a_torn_comparison_gives_no_try_back() {
    let image = comparing().build().unwrap();
    for (minutiae, after) in [(finger(1), 6), (finger(9), 4)] {
        let command = bytes(&verify_finger(1, &probe(&minutiae)));
        let fresh = || {
            let mut card = TestCard::new(&image);
            card.select(Application::Ssse);
            card.expect(&verify_finger(1, &probe(&finger(9))), "63C5");
            card
        };
        let mut whole = fresh();
        let before = whole.card.programmed_bytes();
        whole.card.transmit(&command).unwrap();
        let writes = (whole.card.programmed_bytes() - before) as usize;
        let mut seen = std::collections::BTreeSet::new();
        for at in 0..writes {
            let mut card = fresh();
            card.card.plan_cut(Some(PowerCut { after_bytes: at, torn: Torn::Weak(0x5A) }));
            assert_eq!(card.card.transmit(&command), Err(PowerLost), "cut at {at}");
            let mut found = TestCard::new(&card.card.image());
            found.select(Application::Ssse);
            let left = found.send("00210081").strip_prefix("63C").unwrap().parse::<u8>().unwrap();
            // Before: five. After taking one off: four; six only once the finger has matched.
            assert!([5, 4, after].contains(&left), "cut at {at}: {left}");
            seen.insert(left);
        }
        assert!(seen.contains(&5) && seen.contains(&4));
    }
}
