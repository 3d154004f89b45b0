//! The fingerprint file: what is written is read back, what is not whole or not this card's is told, and no bytes
//! make the reader panic.

#![allow(clippy::unwrap_used, reason = "tests")]

mod seeded;

use card_spec::{
    Error, Part,
    card_id::CardId,
    date::Date,
    file::FINGERPRINT_BYTES,
    fingerprint::{
        Content, ENTRIES_BYTES_MAX, ENTRIES_MAX, Entry, HEADER_BYTES, Header, MAKER_BYTES_MAX, MINUTIAE_MAX,
        PLACE_BYTES, Place, Position, Stored, Template,
        stored::{ENTRY_LAYOUT, LAYOUT, UPDATE_BYTES_MAX},
    },
    key::Key128,
    person::PersonNumber,
    region::RegionCode,
    suite::{Sm4Session, Suite},
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

const CASES: u32 = 500;
const SUITES: [Suite; 2] = [Suite::TripleDes, Suite::Sm4(Sm4Session::ZeroFill)];

fn day() -> Date {
    Date::new(2026, 11, 24).unwrap()
}

fn position(number: u8) -> Position {
    Position::new(number).unwrap()
}

fn person(text: &str) -> PersonNumber {
    PersonNumber::parse(text).unwrap()
}

fn card(serial: u8) -> CardId {
    CardId::issue(
        RegionCode::parse("430100").unwrap(),
        [0, 0, 1, serial],
        Suite::TripleDes,
        &Key128::new([serial; 16]),
    )
}

fn entry(number: u8, impression: u8, template: &[u8]) -> Entry<'_> {
    Entry {
        position: position(number),
        impression,
        fitness: 71,
        enrolled: day(),
        template: Template::Compact(template),
    }
}

/// What one entry is made of.
type Made = (u8, u8, u8, Option<u16>, Vec<u8>);

/// Contents that fit, of both formats.
fn contents() -> impl Strategy<Value = (Vec<Made>, u32)> {
    let compact = (3_usize..=MINUTIAE_MAX).prop_flat_map(|count| vec(any::<u8>(), count * 3));
    let maker = vec(any::<u8>(), 1..=200);
    let template = prop_oneof![
        compact.prop_map(|bytes| (None, bytes)),
        (1_u16.., maker).prop_map(|(maker, bytes)| (Some(maker), bytes))
    ];
    let made = (1_u8..=10, 1_u8..=9, 0_u8..=100, template).prop_map(
        |(position, impression, fitness, (maker, bytes))| (position, impression, fitness, maker, bytes),
    );
    (vec(made, 0..=ENTRIES_MAX), any::<u32>())
}

fn make(all: &[Made]) -> Content {
    let mut content = Content::new(day());
    for (number, impression, fitness, maker, bytes) in all {
        let template = match maker {
            None => Template::Compact(bytes),
            Some(maker) => Template::Maker { maker: *maker, bytes },
        };
        let entry = Entry { fitness: *fitness, template, ..entry(*number, *impression, bytes) };
        // The same impression twice is left out.
        let before = content.len();
        if let Err(error) = content.push(&entry) {
            assert_eq!(error, Error::Malformed { part: Part::Fingerprints });
            assert_eq!(content.len(), before);
        }
    }
    content
}

#[test]
fn what_is_written_is_read_back() {
    let mut runner = TestRunner::new(seeded::config(CASES));
    runner
        .run(&contents(), |(made, serial)| {
            let content = make(&made);
            let (card, person) = (card(1), person("11010519491231002X"));
            for suite in SUITES {
                let key = Key128::new([0x5A; 16]);
                let mac = suite.static_mac(&key, &content.message(serial, &card, &person));
                let place = content.to_place(serial, mac);
                prop_assert!(place.as_bytes().len() <= PLACE_BYTES);
                // Whatever stood there before stays behind it.
                let mut bytes = [0xA5; PLACE_BYTES];
                bytes[..place.as_bytes().len()].copy_from_slice(place.as_bytes());
                let stored = Stored::parse_place(&bytes).unwrap().unwrap();
                prop_assert_eq!(stored.content(), &content);
                prop_assert_eq!(stored.serial(), serial);
                let mac = suite.static_mac(&key, &stored.message(&card, &person));
                prop_assert_eq!(stored.check(&mac), Ok(()));
            }
            for entry in content.entries() {
                prop_assert!(content.of(entry.position).any(|other| other == entry));
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_copy_on_another_card_or_for_another_holder_does_not_hold() {
    let mut content = Content::new(day());
    content.push(&entry(1, 1, &[7; 90])).unwrap();
    let (here, holder) = (card(1), person("11010519491231002X"));
    for suite in SUITES {
        let key = Key128::new([1; 16]);
        let mac = suite.static_mac(&key, &content.message(1, &here, &holder));
        let stored = Stored::parse_place(content.to_place(1, mac).as_bytes()).unwrap().unwrap();
        let wrong = Err(Error::Mac { part: Part::Fingerprints });
        let check = |key: &Key128, card: &CardId, person: &PersonNumber| {
            stored.check(&suite.static_mac(key, &stored.message(card, person)))
        };
        assert_eq!(check(&key, &here, &holder), Ok(()));
        assert_eq!(check(&key, &card(2), &holder), wrong, "another card");
        assert_eq!(check(&key, &here, &person("440524188001010014")), wrong, "another holder");
        // The key is the card's own, so another card has another even if its number were the same.
        assert_eq!(check(&Key128::new([2; 16]), &here, &holder), wrong, "another key");
    }
    assert_ne!(content.message(1, &here, &holder), content.message(2, &here, &holder), "put back");
}

/// Every bit of a place counts: flipped, the content is not whole, or its MAC is another, or it is not in use.
#[test]
fn no_bit_can_be_changed_unnoticed() {
    let (card, person) = (card(3), person("11010519491231002X"));
    let (suite, key) = (SUITES[1], Key128::new([9; 16]));
    let mut content = Content::new(day());
    content.push(&entry(2, 1, &[0x31; 30])).unwrap();
    content.push(&entry(2, 2, &[0x42; 30])).unwrap();
    let mac = suite.static_mac(&key, &content.message(5, &card, &person));
    let whole = content.to_place(5, mac);
    for bit in 0..whole.as_bytes().len() * 8 {
        let mut bytes = whole.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(Some(stored)) = Stored::parse_place(&bytes) {
            let mac = suite.static_mac(&key, &stored.message(&card, &person));
            assert!(stored.check(&mac).is_err(), "bit {bit}");
        }
    }
    for length in 0..whole.as_bytes().len() {
        assert!(Stored::parse_place(&whole.as_bytes()[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let mut runner = TestRunner::new(seeded::config(CASES));
    let arbitrary = vec(any::<u8>(), 0..=usize::from(FINGERPRINT_BYTES));
    runner
        .run(&(arbitrary, any::<bool>(), contents()), |(mut bytes, begins_right, (made, _))| {
            if begins_right {
                let place = make(&made).to_place(1, [0; 4]);
                let common = bytes.len().min(place.as_bytes().len()).min(64);
                bytes[..common].copy_from_slice(&place.as_bytes()[..common]);
            }
            if let Ok(Some(stored)) = Stored::parse_place(&bytes) {
                prop_assert!(stored.content().len() <= ENTRIES_MAX);
            }
            let _ = Stored::in_force(&bytes);
            let head = bytes.get(..HEADER_BYTES.min(bytes.len())).unwrap_or_default();
            if let Ok(Some(header)) = Header::parse(head) {
                prop_assert!(usize::from(header.entries_bytes()) <= ENTRIES_BYTES_MAX);
                let _ = Stored::parse(&header, &bytes);
            }
            Ok(())
        })
        .unwrap();
}

/// Entries that a right digest covers and that are none: nobody may be able to read beyond their ends.
#[test]
fn entries_keep_their_limits_even_under_a_right_digest() {
    let template = [0x11; 30];
    let mut content = Content::new(day());
    content.push(&entry(1, 1, &template)).unwrap();
    let good = content.to_place(1, [0; 4]);
    let cases: [(usize, u8, &str); 9] = [
        (0, 0, "position 0"),
        (0, 11, "position 11"),
        (1, 0, "impression 0"),
        (2, 101, "fitness above 100"),
        (3, 3, "an unknown format"),
        (5, 1, "a maker with format 1"),
        (8, 0x13, "month 13"),
        (11, 29, "no whole minutiae, and a byte left over"),
        (11, 33, "longer than there is"),
    ];
    for (offset, value, what) in cases {
        let mut bytes = good.as_bytes().to_vec();
        bytes[HEADER_BYTES + offset] = value;
        let digest = card_spec::signature::sm3(&[&bytes[..16], &bytes[HEADER_BYTES..]]);
        bytes[16..24].copy_from_slice(&digest[..8]);
        assert!(Stored::parse_place(&bytes).is_err(), "{what}");
    }
    for (offset, value, what) in [
        (0, b'X', "magic"),
        (2, 2, "version"),
        (3, 2, "flag"),
        (9, 0xAA, "date"),
        (12, 2, "two entries in the room of one"),
        (12, 7, "seven entries"),
        (13, 1, "reserved"),
        (14, 0xFF, "longer than a place"),
        (28, 1, "reserved"),
    ] {
        let mut bytes = good.as_bytes().to_vec();
        bytes[offset] = value;
        let digest = card_spec::signature::sm3(&[&bytes[..16], &bytes[HEADER_BYTES..]]);
        bytes[16..24].copy_from_slice(&digest[..8]);
        assert!(Stored::parse_place(&bytes).is_err(), "{what}");
    }
}

#[test]
fn limits_are_met_and_not_passed() {
    let largest = [0x22; MINUTIAE_MAX * 3];
    let mut content = Content::new(day());
    for impression in 1..=ENTRIES_MAX as u8 {
        content.push(&entry(1, impression, &largest)).unwrap();
    }
    assert_eq!(content.to_place(1, [0; 4]).as_bytes().len(), HEADER_BYTES + ENTRIES_MAX * (12 + 180));
    assert!(matches!(content.push(&entry(2, 1, &largest)), Err(Error::TooLong { max: ENTRIES_MAX, .. })));

    let mut content = Content::new(day());
    assert!(content.push(&entry(1, 1, &[0; MINUTIAE_MAX * 3 + 3])).is_err());
    assert!(content.push(&entry(1, 1, &[0; 6])).is_err());
    assert!(content.push(&entry(1, 10, &[0; 9])).is_err());
    let maker = |bytes, impression| Entry {
        template: Template::Maker { maker: 1, bytes },
        ..entry(3, impression, bytes)
    };
    assert!(content.push(&maker(&[0; MAKER_BYTES_MAX + 1], 1)).is_err());
    content.push(&maker(&[0; MAKER_BYTES_MAX], 1)).unwrap();
    content.push(&maker(&[0; MAKER_BYTES_MAX], 2)).unwrap();
    assert!(content.push(&maker(&[0; MAKER_BYTES_MAX], 3)).is_err(), "no room");
    content.push(&maker(&[0; ENTRIES_BYTES_MAX - 2 * (12 + 512) - 12], 3)).unwrap();
    assert_eq!(content.to_place(1, [0; 4]).as_bytes().len(), PLACE_BYTES);

    let mut none = Content::without_usable_finger(day());
    assert!(none.no_usable_finger() && none.push(&entry(1, 1, &largest)).is_err());
}

#[test]
fn the_newer_whole_place_is_in_force() {
    let numbered = |serial: u32, number: u8| {
        let mut content = Content::new(day());
        content.push(&entry(number, 1, &[number; 30])).unwrap();
        content.to_place(serial, [0; 4])
    };
    let file = |first: &[u8], second: &[u8]| {
        let mut bytes = vec![0; usize::from(FINGERPRINT_BYTES)];
        bytes[..first.len()].copy_from_slice(first);
        bytes[PLACE_BYTES..][..second.len()].copy_from_slice(second);
        bytes
    };
    let in_force = |bytes: &[u8]| {
        Stored::in_force(bytes).map(|found| found.map(|(place, stored)| (place, stored.serial())))
    };
    let (one, two) = (numbered(1, 1), numbered(2, 2));
    let (one, two) = (one.as_bytes(), two.as_bytes());
    let mut torn = two.to_vec();
    torn[40] ^= 1;
    assert_eq!(in_force(&file(&[], &[])), Ok(None));
    assert_eq!(in_force(&vec![0xFF; 3072]), Ok(None));
    assert_eq!(in_force(&file(one, &[])), Ok(Some((Place::First, 1))));
    assert_eq!(in_force(&file(one, two)), Ok(Some((Place::Second, 2))));
    assert_eq!(in_force(&file(two, one)), Ok(Some((Place::First, 2))));
    assert_eq!(in_force(&file(one, &torn)), Ok(Some((Place::First, 1))));
    assert!(in_force(&file(&torn, &[])).is_err());
    let parse = |bytes: &[u8]| Header::parse(&bytes[..HEADER_BYTES]).unwrap().unwrap();
    let (one, two) = (parse(one), parse(two));
    assert_eq!(Place::newest_first([Some(&one), Some(&two)]), [Place::Second, Place::First]);
    assert_eq!(Place::newest_first([None, Some(&two)]), [Place::Second]);
    assert_eq!(Place::newest_first([None, None]), []);
}

/// Whatever the number of updates that came through: before the last one the file says what it said.
#[test]
fn the_header_is_the_last_to_be_written() {
    let mut content = Content::new(day());
    for impression in 1..=3 {
        content.push(&entry(6, impression, &[impression; 180])).unwrap();
    }
    let new = content.to_place(8, [1, 2, 3, 4]);
    for place in Place::ALL {
        let mut file = vec![0; usize::from(FINGERPRINT_BYTES)];
        let old = Content::without_usable_finger(day()).to_place(7, [0; 4]);
        let from = usize::from(place.other().offset());
        file[from..][..old.as_bytes().len()].copy_from_slice(old.as_bytes());
        let updates: Vec<_> = new.updates(place).collect();
        for (at, (offset, piece)) in updates.iter().enumerate() {
            let (_, stored) = Stored::in_force(&file).unwrap().unwrap();
            assert_eq!(stored.serial(), 7, "before update {at}");
            assert!(!piece.is_empty() && piece.len() <= UPDATE_BYTES_MAX);
            file[usize::from(*offset)..][..piece.len()].copy_from_slice(piece);
        }
        let (found, stored) = Stored::in_force(&file).unwrap().unwrap();
        assert_eq!((found, stored.content()), (place, &content));
    }
}

#[test]
fn bytes_are_those_of_the_document() {
    let mut content = Content::new(day());
    content.push(&entry(7, 2, &[0x0A, 0x0B, 0x4C, 0x10, 0x20, 0x81, 0x30, 0x40, 0x00])).unwrap();
    let place = content.to_place(0x0102_0304, [0xA1, 0xA2, 0xA3, 0xA4]);
    let text = hex::encode_upper(place.as_bytes());
    let digest = card_spec::signature::sm3(&[&place.as_bytes()[..16], &place.as_bytes()[32..]]);
    let expected = [
        "4A46",
        "01",
        "00",
        "01020304",
        "20261124",
        "01",
        "00",
        "0015",
        &hex::encode_upper(&digest[..8]),
        "A1A2A3A4",
        "00000000",
        // The entry.
        "07",
        "02",
        "47",
        "01",
        "0000",
        "20261124",
        "0009",
        "0A0B4C102081304000",
    ];
    assert_eq!(text, expected.concat());
    let fields = LAYOUT.len() - 1;
    let offsets = |layout: &[(u8, &str, &str, &str)]| -> Vec<usize> {
        layout.iter().map(|(offset, ..)| usize::from(*offset)).collect()
    };
    // Each field of the layout begins where the bytes say.
    let mut begin = 0;
    let place_offsets = offsets(LAYOUT);
    for (index, field) in expected[..fields].iter().enumerate() {
        assert_eq!(place_offsets[index], begin, "{}", LAYOUT[index].3);
        begin += field.len() / 2;
    }
    assert_eq!(place_offsets[fields], begin);
    let mut begin = 0;
    for (index, field) in expected[fields..].iter().enumerate() {
        assert_eq!(usize::from(ENTRY_LAYOUT[index].0), begin, "{}", ENTRY_LAYOUT[index].3);
        begin += field.len() / 2;
    }
}

#[test]
fn nothing_of_a_finger_is_printed() {
    let mut content = Content::new(day());
    content.push(&entry(1, 1, &[0xAB; 30])).unwrap();
    let place = content.to_place(1, [0xCD; 4]);
    let stored = Stored::parse_place(place.as_bytes()).unwrap().unwrap();
    let first = content.entries().next().unwrap();
    for text in [format!("{content:?}"), format!("{place:?}"), format!("{stored:?}"), format!("{first:?}")] {
        assert!(!text.contains("171") && !text.to_lowercase().contains("abab"), "{text}");
    }
}
