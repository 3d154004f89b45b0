//! Fingers on the open card: written, read, compared by the card; pulled and cut everywhere on the way.

use card_spec::{
    date::Date,
    file::FileId,
    fingerprint::{Content, Entry, PLACE_BYTES, Position, Stored, Template},
    generation::Generation,
};
use hal::slot::Outcome;
use rand_chacha::rand_core::Rng;
use sim::{
    eeprom::{PowerCut, Torn},
    fault::{Fault, Plan},
    image::{CardImage, FileBody},
    personalise::FINGER_TRIES,
};
use terminal::session::{FingerTries, SessionError, Written};

use crate::support::{Desk, Seeded, TestCard, order, person, today};

const OTHER_DAY: Date = match Date::new(2025, 3, 1) {
    Some(day) => day,
    None => panic!("a day"),
};

/// A finger of this seed, so many minutiae in compact size.
fn finger(seed: u64, count: usize) -> Vec<u8> {
    let mut random = Seeded::new(seed).0;
    let mut minutiae: Vec<[u8; 3]> = Vec::new();
    while minutiae.len() < count {
        let [x, y] = [170, 200].map(|size| (random.next_u32() % size) as u8 + 20);
        if minutiae.iter().all(|[u, v, _]| u16::from(x.abs_diff(*u)) + u16::from(y.abs_diff(*v)) > 8) {
            minutiae.push([x, y, 0x40 | (random.next_u32() & 0x3F) as u8]);
        }
    }
    minutiae.concat()
}

/// Another impression: moved, each minutia a little off, every eighth not found.
fn impression(of: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Seeded::new(seed).0;
    let mut moved = Vec::new();
    for (at, minutia) in of.chunks_exact(3).enumerate() {
        if at % 8 != 3 {
            let mut off = || (random.next_u32() % 3) as u8;
            moved.extend([minutia[0] + off() + 4, minutia[1] - off() - 5, minutia[2]]);
        }
    }
    moved
}

fn position(number: u8) -> Position {
    Position::new(number).unwrap()
}

fn content(day: Date, entries: &[(u8, u8, &[u8])]) -> Content {
    let mut content = Content::new(day);
    for (number, impression, bytes) in entries {
        content
            .push(&Entry {
                position: position(*number),
                impression: *impression,
                fitness: 66,
                enrolled: day,
                template: Template::Compact(bytes),
            })
            .unwrap();
    }
    content
}

/// EF07 of an image.
fn file(image: &mut CardImage) -> &mut Vec<u8> {
    fn find(directory: &mut sim::image::DirectoryImage) -> Option<&mut Vec<u8>> {
        if directory.label.starts_with("SSSE") {
            let file = directory.files.iter_mut().find(|file| file.id.0 == FileId::EF07.0)?;
            return match &mut file.body {
                FileBody::Transparent(bytes) => Some(&mut bytes.0),
                _ => None,
            };
        }
        directory.directories.iter_mut().find_map(find)
    }
    find(&mut image.root).unwrap()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn fingers_are_written_read_replaced_and_taken_back() {
    let person = person(3);
    let (thumb, index) = (finger(1, 60), finger(2, 50));
    for generation in Generation::ALL {
        let card = TestCard::of(&order(&person, generation));
        let mut desk = Desk::new();
        desk.insert(&card);
        desk.open().unwrap();
        assert_eq!(desk.session.read_fingerprints(&mut desk.random), Ok(None));
        // Two impressions of the best finger, one of a second one; then six.
        let few = content(today(), &[(1, 1, &thumb), (1, 2, &impression(&thumb, 5)), (7, 1, &index)]);
        let many: Vec<(u8, u8, &[u8])> = (1..=6).map(|number| (number, 1, &thumb[..])).collect();
        let many = content(OTHER_DAY, &many);
        let none = Content::new(today());
        let unusable = Content::without_usable_finger(today());
        for wanted in [&few, &many, &few, &unusable, &many, &none] {
            let written = desk.session.write_fingerprints(wanted, &mut desk.random);
            assert_eq!(written, Ok(Written::Now { old_wiped: true }), "{generation:?}");
            assert_eq!(desk.session.read_fingerprints(&mut desk.random).unwrap().as_ref(), Some(wanted));
            assert_eq!(desk.session.write_fingerprints(wanted, &mut desk.random), Ok(Written::Already));
            // Nothing is left of what was before.
            let bytes = file(&mut card.image()).clone();
            let in_use =
                bytes.chunks(PLACE_BYTES).filter(|place| place.iter().any(|byte| *byte != 0)).count();
            assert_eq!(in_use, 1);
        }
        let bytes = file(&mut card.image()).clone();
        assert!(!contains(&bytes, &thumb[..30]) && !contains(&bytes, &index[..30]), "taken back");
    }
}

#[test]
fn what_the_bureau_wrote_is_read() {
    let person = person(4);
    for generation in Generation::ALL {
        let card = TestCard::of(&order(&person, generation).fingers(Vec::new()));
        let mut desk = Desk::new();
        desk.insert(&card);
        desk.open().unwrap();
        let read = desk.session.read_fingerprints(&mut desk.random).unwrap().unwrap();
        assert!(read.no_usable_finger() && read.is_empty());
    }
}

/// The file of one card on another: of another person, and of the same person's next card.
#[test]
fn fingers_of_another_card_are_foreign() {
    let (mine, other) = (person(3), person(4));
    let wanted = content(today(), &[(1, 1, &finger(1, 40))]);
    for generation in Generation::ALL {
        let from = TestCard::of(&order(&mine, generation));
        let mut desk = Desk::new();
        desk.insert(&from);
        desk.open().unwrap();
        desk.session.write_fingerprints(&wanted, &mut desk.random).unwrap();
        let copied = file(&mut from.image()).clone();
        for to in [order(&other, generation), order(&mine, generation).serial(9_999)] {
            let mut image = to.build().unwrap();
            file(&mut image).clone_from(&copied);
            let card = TestCard::new(&image);
            desk.insert(&card);
            desk.open().unwrap();
            let read = desk.session.read_fingerprints(&mut desk.random);
            assert_eq!(read, Err(SessionError::FingerprintsForeign), "{generation:?}");
            // Enrolling anew mends it; the same templates are not taken for there already.
            let written = desk.session.write_fingerprints(&wanted, &mut desk.random);
            assert_eq!(written, Ok(Written::Now { old_wiped: true }));
            assert_eq!(desk.session.read_fingerprints(&mut desk.random).unwrap().as_ref(), Some(&wanted));
        }
    }
}

#[test]
fn a_damaged_file_is_told_from_an_empty_one() {
    let person = person(3);
    let card = TestCard::of(&order(&person, Generation::Three));
    let mut desk = Desk::new();
    desk.insert(&card);
    desk.open().unwrap();
    let wanted = content(today(), &[(1, 1, &finger(1, 40))]);
    desk.session.write_fingerprints(&wanted, &mut desk.random).unwrap();
    let whole = card.image();
    for at in [0, 2, 5, 12, 14, 17, 40, 100] {
        let mut image = whole.clone();
        file(&mut image)[at] ^= 0x10;
        let card = TestCard::new(&image);
        desk.insert(&card);
        desk.open().unwrap();
        let read = desk.session.read_fingerprints(&mut desk.random);
        assert_eq!(read, Err(SessionError::FingerprintsDamaged), "byte {at}");
        let written = desk.session.write_fingerprints(&wanted, &mut desk.random);
        assert_eq!(written, Ok(Written::Now { old_wiped: true }), "byte {at}");
        assert_eq!(desk.session.read_fingerprints(&mut desk.random).unwrap().as_ref(), Some(&wanted));
    }
    // A forged MAC alone.
    let mut image = whole.clone();
    file(&mut image)[24] ^= 1;
    desk.insert(&TestCard::new(&image));
    desk.open().unwrap();
    let read = desk.session.read_fingerprints(&mut desk.random);
    assert_eq!(read, Err(SessionError::FingerprintsForeign));
}

/// A card with old fingers, and the new ones that are to be written.
struct Replacing {
    image: CardImage,
    old: Content,
    new: Content,
}

impl Replacing {
    fn new(generation: Generation) -> Self {
        let person = person(3);
        let old = content(OTHER_DAY, &[(2, 1, &finger(7, 12)), (2, 2, &finger(8, 12))]);
        let new = content(today(), &[(1, 1, &finger(9, 12))]);
        let card = TestCard::of(&order(&person, generation));
        let mut desk = Desk::new();
        desk.insert(&card);
        desk.open().unwrap();
        desk.session.write_fingerprints(&old, &mut desk.random).unwrap();
        Replacing { image: card.image(), old, new }
    }

    /// Commands until the card is open, and until the new fingers are written.
    fn commands(&self) -> (u32, u32) {
        let mut desk = Desk::new();
        desk.insert(&TestCard::new(&self.image));
        desk.open().unwrap();
        let opened = desk.card.commands().unwrap();
        desk.session.write_fingerprints(&self.new, &mut desk.random).unwrap();
        (opened, desk.card.commands().unwrap())
    }

    /// Writes with this fault, looks at what is left, and writes again. Gives the error, and whether the new ones
    /// were in force.
    fn write_with(&self, fault: Fault) -> (Result<Written, SessionError>, bool) {
        let what = format!("{fault:?}");
        let card = TestCard::new(&self.image);
        let mut desk = Desk::new();
        desk.insert_with(&card, Plan::from(fault));
        desk.open().unwrap();
        let written = desk.session.write_fingerprints(&self.new, &mut desk.random);
        desk.insert(&card);
        desk.open().unwrap();
        let found = desk.session.read_fingerprints(&mut desk.random).unwrap().unwrap();
        assert!(found == self.old || found == self.new, "{what}: neither the old nor the new ones");
        let is_new = found == self.new;
        match &written {
            Ok(_) => assert!(is_new, "{what}"),
            Err(error) => {
                assert!(error.contact_lost(), "{what}: {error}");
                let unknown = matches!(error, SessionError::FingerprintsUnknown { .. });
                match error {
                    SessionError::FingerprintsNotWritten { .. } => assert!(!is_new, "{what}"),
                    SessionError::FingerprintsUnknown { .. } => {}
                    // Before anything was written, or while it was read back.
                    SessionError::Slot { .. } => {}
                    other => panic!("{what}: {other}"),
                }
                if unknown {
                    assert_eq!(error.outcome(), Outcome::Unknown);
                }
            }
        }
        // The next tap completes it, whatever there is.
        let again = desk.session.write_fingerprints(&self.new, &mut desk.random).unwrap();
        assert_eq!(again == Written::Already, is_new, "{what}");
        let found = desk.session.read_fingerprints(&mut desk.random).unwrap();
        assert_eq!(found.as_ref(), Some(&self.new), "{what}");
        let bytes = file(&mut card.image()).clone();
        for entry in self.old.entries() {
            assert!(!contains(&bytes, entry.template.bytes()), "{what}: old fingers are left");
        }
        (written, is_new)
    }
}

#[test]
fn pulled_at_any_command_it_is_the_old_or_the_new() {
    for generation in [Generation::Two, Generation::Three] {
        let replacing = Replacing::new(generation);
        let (opened, all) = replacing.commands();
        let (mut not_written, mut unknown, mut new) = (0, 0, 0);
        for command in opened + 1..=all {
            for fault in [Fault::PullBefore { command }, Fault::PullAfter { command }] {
                let (written, is_new) = replacing.write_with(fault);
                not_written += u32::from(matches!(written, Err(SessionError::FingerprintsNotWritten { .. })));
                unknown += u32::from(matches!(written, Err(SessionError::FingerprintsUnknown { .. })));
                new += u32::from(is_new);
            }
        }
        assert!(not_written >= 2 && (1..=2).contains(&unknown) && new > 4, "{not_written} {unknown} {new}");
    }
}

#[test]
fn cut_at_any_byte_it_is_the_old_or_the_new() {
    let replacing = Replacing::new(Generation::Three);
    let (opened, all) = replacing.commands();
    let (mut cuts, mut old, mut new) = (0, 0, 0);
    for command in opened + 1..=all {
        let mut after_bytes = 0;
        loop {
            let torn = [Torn::Erased, Torn::Old, Torn::Weak(0xA5)][after_bytes % 3];
            let fault = Fault::CutInUpdate { command, cut: PowerCut { after_bytes, torn } };
            let (written, is_new) = replacing.write_with(fault);
            if written == Ok(Written::Now { old_wiped: true }) {
                // The command does not write, or not that much.
                break;
            }
            cuts += 1;
            old += u32::from(!is_new);
            new += u32::from(is_new);
            after_bytes += 1;
        }
    }
    assert!(cuts > 300 && old > 100 && new > 100, "{cuts} cuts, {old} old, {new} new");
}

#[test]
fn a_card_compares_fingers_itself() {
    let person = person(3);
    let (thumb, index) = (finger(1, 45), finger(2, 45));
    let card = TestCard::of(&order(&person, Generation::Three).match_on_card());
    let mut desk = Desk::new();
    desk.insert(&card);
    desk.open().unwrap();
    let (one, seven) = (position(1), position(7));
    assert_eq!(desk.session.finger_tries(one), Err(SessionError::FingerNotOnCard));
    let wanted = content(today(), &[(1, 1, &thumb), (7, 1, &index)]);
    desk.session.write_fingerprints(&wanted, &mut desk.random).unwrap();
    assert_eq!(desk.session.finger_tries(one), Ok(FingerTries::Left(FINGER_TRIES)));
    assert_eq!(desk.session.verify_finger_on_card(one, &impression(&thumb, 3)), Ok(()));
    assert_eq!(desk.session.finger_tries(one), Ok(FingerTries::Verified));
    assert_eq!(desk.session.verify_finger_on_card(position(2), &thumb), Err(SessionError::FingerNotOnCard));
    for tries_left in (1..FINGER_TRIES).rev() {
        let wrong = desk.session.verify_finger_on_card(seven, &impression(&thumb, 4));
        assert_eq!(wrong, Err(SessionError::WrongFinger { tries_left }));
    }
    for _ in 0..2 {
        let blocked = desk.session.verify_finger_on_card(seven, &impression(&thumb, 4));
        assert_eq!(blocked, Err(SessionError::FingerBlocked));
    }
    assert_eq!(desk.session.finger_tries(seven), Ok(FingerTries::Blocked));
    assert_eq!(desk.session.unblock_finger(&mut desk.random), Ok(()));
    assert_eq!(desk.session.verify_finger_on_card(seven, &impression(&index, 6)), Ok(()));
    // Nothing is sent that cannot be a finger.
    let before = desk.card.commands();
    for minutiae in [&[][..], &[1; 6], &[1; 10], &[1; 183]] {
        let refused = desk.session.verify_finger_on_card(one, minutiae);
        assert!(matches!(refused, Err(SessionError::Command { .. })));
    }
    assert_eq!(desk.card.commands(), before);
}

#[test]
fn a_card_that_cannot_compare_says_so() {
    let person = person(3);
    for generation in Generation::ALL {
        let card = TestCard::of(&order(&person, generation));
        let mut desk = Desk::new();
        desk.insert(&card);
        desk.open().unwrap();
        let verified = desk.session.verify_finger_on_card(position(1), &finger(1, 20));
        assert_eq!(verified, Err(SessionError::NoMatchOnCard));
        assert_eq!(desk.session.finger_tries(position(1)), Err(SessionError::NoMatchOnCard));
        assert_eq!(desk.session.unblock_finger(&mut desk.random), Err(SessionError::NoMatchOnCard));
    }
}

#[test]
fn silence_is_never_a_wrong_finger() {
    let person = person(3);
    let thumb = finger(1, 30);
    let card = TestCard::of(&order(&person, Generation::Three).match_on_card());
    let mut desk = Desk::new();
    desk.insert(&card);
    desk.open().unwrap();
    let opened = desk.card.commands().unwrap();
    desk.session.write_fingerprints(&content(today(), &[(1, 1, &thumb)]), &mut desk.random).unwrap();
    for (fault, left) in [
        (Fault::PullBefore { command: opened + 1 }, FINGER_TRIES),
        (Fault::PullAfter { command: opened + 1 }, FINGER_TRIES - 1),
    ] {
        desk.insert_with(&card, Plan::from(fault));
        desk.open().unwrap();
        let lost = desk.session.verify_finger_on_card(position(1), &finger(5, 30)).unwrap_err();
        assert!(lost.contact_lost() && matches!(lost, SessionError::FingerUnknown { .. }), "{lost}");
        assert_eq!(lost.outcome(), Outcome::Unknown);
        assert!(desk.session.card().is_err(), "the dialogue has ended");
        desk.insert(&card);
        desk.open().unwrap();
        assert_eq!(desk.session.finger_tries(position(1)), Ok(FingerTries::Left(left)));
    }
}

#[test]
fn a_place_is_in_force_as_the_card_sees_it() {
    let replacing = Replacing::new(Generation::Three);
    let mut image = replacing.image.clone();
    let (_, stored) = Stored::in_force(file(&mut image)).unwrap().unwrap();
    assert_eq!(stored.content(), &replacing.old);
}
