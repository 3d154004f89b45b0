//! Who stands there: every rung of the ladder, every result told apart, and what is done to get around it.

use std::sync::OnceLock;

use card_spec::{
    file::FileId,
    fingerprint::{Content, Entry, Template},
    generation::Generation,
};
use protocol::{
    evidence::{Band, FingerPosition, Level, ManualReason, Way},
    policy::{Purpose, Sufficient},
};
use sim::{
    image::FileBody,
    module::{Condition, Finger},
    people::Person,
};
use terminal::{
    audit::AuditEvent,
    error::{Error, WhoActs},
    flows::{Clerk, FingerCheck},
    holder::{
        ProofError,
        finger::{Advice, FingerFailure, Rung},
    },
    language::Language,
    progress::Progress,
    roles::{Role, SignInError},
    session::SessionError,
};

use crate::support::{
    TestCard,
    counter::{Counter, entry},
    order, person,
    sensor::Laid,
};

pub(super) fn position(number: u8) -> FingerPosition {
    FingerPosition::new(number).unwrap()
}

/// The finger of a person.
pub(super) fn finger(person: &Person, number: u8) -> Finger {
    Finger::of_person(person.number.key(), number)
}

pub(super) const SECOND: Clerk<'static> = Clerk { number: "0102", secret: b"246813" };

/// A counter with a bound sensor and two cashiers, and this person's card, not enrolled.
pub(super) fn scene(index: u64) -> (Counter, Person, TestCard) {
    let person = person(index);
    let mut counter = Counter::new(&[entry(&person)]);
    counter.hire_more("0102", Role::Cashier);
    counter.bind_sensor();
    let card = TestCard::of(&order(&person, Generation::Three));
    (counter, person, card)
}

/// Enrols right thumb and left index finger.
pub(super) fn enrol(counter: &mut Counter, person: &Person, card: &TestCard) {
    counter.insert(card);
    counter.tap().unwrap();
    let check = counter.terminal().check_finger(Purpose::Enrolment, None).unwrap();
    assert_eq!(check, no_template());
    counter.terminal().vouch(Purpose::Enrolment, None).unwrap();
    counter.terminal().begin_enrolment(true).unwrap();
    for (number, seed) in [(1, 10), (7, 20)] {
        for nth in 0..3 {
            counter.sensor.finger(finger(person, number), seed + nth);
        }
        counter.terminal().enrol_finger(position(number)).unwrap();
    }
    for number in [1, 7] {
        counter.sensor.finger(finger(person, number), 30 + u64::from(number));
    }
    counter.terminal().finish_enrolment().unwrap();
    counter.sensor.clear();
    counter.terminal().close_card();
    counter.card.pull();
}

/// The card of person 3 with fingers, enrolled once for all tests: each gets a copy.
pub(super) fn enrolled_card() -> TestCard {
    static IMAGE: OnceLock<sim::image::CardImage> = OnceLock::new();
    let image = IMAGE.get_or_init(|| {
        let (mut counter, person, card) = scene(3);
        enrol(&mut counter, &person, &card);
        card.image()
    });
    TestCard::new(image)
}

pub(super) fn enrolled(index: u64) -> (Counter, Person, TestCard) {
    assert_eq!(index, 3, "whose card is enrolled");
    let (mut counter, person, _) = scene(index);
    let card = enrolled_card();
    counter.insert(&card);
    counter.tap().unwrap();
    (counter, person, card)
}

fn no_template() -> FingerCheck {
    FingerCheck::Failed {
        why: FingerFailure::NoTemplate,
        next: Rung::Clerk { reason: ManualReason::NoTemplate },
    }
}

fn failed(check: FingerCheck) -> (FingerFailure, Rung) {
    match check {
        FingerCheck::Failed { why, next } => (why, next),
        FingerCheck::Proved(proof) => panic!("{proof:?}"),
    }
}

/// The first finger that the ladder names.
fn first(counter: &mut Counter) -> u8 {
    counter.terminal().card_fingers().unwrap().fingers[0].position.number()
}

fn events(counter: &mut Counter) -> Vec<AuditEvent> {
    let entries = counter.ledger().audit_entries(0, 1_000).unwrap();
    entries.into_iter().filter_map(|entry| entry.event).collect()
}

#[test]
fn the_holders_finger_proves_the_holder() {
    let (mut counter, person, _card) = enrolled(3);
    let first = first(&mut counter);
    counter.sensor.finger(finger(&person, first), 100);
    let check = counter.terminal().check_finger(Purpose::Pension, None).unwrap();
    let FingerCheck::Proved(proof) = check else { panic!("{check:?}") };
    let Way::Finger(matched) = &proof.way else { panic!("{proof:?}") };
    assert_eq!((matched.position, matched.level, matched.tries), (position(first), Level::Strict, 1));
    assert!(matched.band >= Band::Strict && matched.pin && matched.no_matches == 0);
    assert_eq!(matched.sensor, "F0001");
    assert!(matched.presentation.lifted && matched.presentation.fresh && matched.presentation.live.is_none());
    assert!(proof.sound() && counter.terminal().policy().suffices(Purpose::Pension, &proof));
    assert_eq!(counter.terminal().proof(), Some(&*proof));
    let told = counter.progress.lock().unwrap().clone();
    assert!(told.contains(&Progress::PlaceFinger { position: Some(position(first)) }));
    assert!(told.contains(&Progress::ComparingFinger));
    // It goes with the card.
    counter.terminal().close_card();
    assert_eq!(counter.terminal().proof(), None);
}

#[test]
fn three_tries_two_fingers_then_two_clerks() {
    let (mut counter, _person, card) = enrolled(3);
    let stranger = person(9);
    let order = {
        let first = first(&mut counter);
        [first, if first == 1 { 7 } else { 1 }]
    };
    for attempt in 1..=6_u8 {
        counter.sensor.finger(finger(&stranger, 1), 200 + u64::from(attempt));
        let check = counter.terminal().check_finger(Purpose::Pension, None).unwrap();
        let (why, next) = failed(check);
        assert_eq!(why, FingerFailure::NoMatch, "{attempt}");
        let expected = match attempt {
            1 | 2 => Rung::Finger { position: position(order[0]), tries_left: 3 - attempt },
            3 => Rung::Finger { position: position(order[1]), tries_left: 3 },
            4 | 5 => Rung::Finger { position: position(order[1]), tries_left: 6 - attempt },
            _ => Rung::Clerk { reason: ManualReason::NoMatch },
        };
        assert_eq!(next, expected, "{attempt}");
        if attempt < 6 {
            let early = counter.terminal().vouch(Purpose::Pension, Some(SECOND));
            assert_eq!(early, Err(ProofError::FingerFirst.into()));
        }
    }
    // Not even the holder's own finger, and not after the card was put in again.
    let captures = counter.sensor.captures();
    for _ in 0..2 {
        let check = counter.terminal().check_finger(Purpose::Pension, None).unwrap();
        assert_eq!(failed(check).1, Rung::Clerk { reason: ManualReason::NoMatch });
        counter.insert(&card);
        counter.tap().unwrap();
    }
    assert_eq!(counter.sensor.captures(), captures, "nobody is asked for a finger any more");
    // Two clerks who are two, both with their secrets.
    let vouch = |counter: &mut Counter, second| counter.terminal().vouch(Purpose::Pension, second);
    assert_eq!(vouch(&mut counter, None), Err(ProofError::SecondClerkFirst.into()));
    let same = Clerk { number: "0101", secret: b"246813" };
    assert_eq!(vouch(&mut counter, Some(same)), Err(ProofError::SameClerk.into()));
    let wrong = Clerk { number: "0102", secret: b"000000" };
    assert!(matches!(vouch(&mut counter, Some(wrong)), Err(Error::SignIn(SignInError::Wrong { .. }))));
    let installer = Clerk { number: "0700", secret: b"246813" };
    assert!(vouch(&mut counter, Some(installer)).unwrap_err().is_not_permitted());
    assert_eq!(counter.terminal().proof(), None);
    let proof = vouch(&mut counter, Some(SECOND)).unwrap();
    assert_eq!(
        proof.way,
        Way::PinAndClerk {
            reason: ManualReason::NoMatch,
            no_matches: 6,
            clerk: "0101".into(),
            second_clerk: Some("0102".into()),
        }
    );
    let events = events(&mut counter);
    assert!(events.contains(&AuditEvent::FingersRefused { no_matches: 6 }));
    assert!(events.contains(&AuditEvent::HolderVouched {
        reason: ManualReason::NoMatch,
        no_matches: 6,
        second_clerk: Some("0102".into()),
    }));
    // Whoever watches the center hears of it from the evidence alone.
    assert!(proof.manual() && proof.no_matches() == 6);
}

#[test]
fn after_half_an_hour_the_finger_may_be_tried_again() {
    let (mut counter, holder, card) = enrolled(3);
    for attempt in 0..6 {
        counter.sensor.finger(finger(&person(9), 1), 300 + attempt);
        counter.terminal().check_finger(Purpose::Pension, None).unwrap();
    }
    counter.clock.pass(terminal::holder::SITTING_MS as i64 + 1);
    counter.insert(&card);
    counter.tap().unwrap();
    let first = first(&mut counter);
    counter.sensor.finger(finger(&holder, first), 310);
    let check = counter.terminal().check_finger(Purpose::Pension, None).unwrap();
    assert!(matches!(check, FingerCheck::Proved(_)), "{check:?}");
}

#[test]
fn the_other_finger_is_as_good() {
    let (mut counter, holder, _card) = enrolled(3);
    let first = first(&mut counter);
    let other = if first == 1 { 7 } else { 1 };
    counter.sensor.finger(finger(&person(9), 1), 400);
    failed(counter.terminal().check_finger(Purpose::Pension, Some(position(first))).unwrap());
    counter.sensor.finger(finger(&holder, other), 401);
    let check = counter.terminal().check_finger(Purpose::Pension, Some(position(other))).unwrap();
    let FingerCheck::Proved(proof) = check else { panic!("{check:?}") };
    let Way::Finger(matched) = &proof.way else { panic!() };
    assert_eq!((matched.position, matched.tries, matched.no_matches), (position(other), 1, 1));
    // A finger that is not on the card is no suspicion.
    let check = counter.terminal().check_finger(Purpose::Pension, Some(position(3))).unwrap();
    assert_eq!(failed(check).0, FingerFailure::NoTemplate);
}

#[test]
fn each_result_is_told_apart_and_only_one_is_a_suspicion() {
    let cases: [(&[Laid], FingerFailure); 5] = [
        (&[Laid::Nobody], FingerFailure::NoFinger),
        (&[Laid::Smear], FingerFailure::PoorImage(Advice::Again)),
        (&[Laid::Blank], FingerFailure::PoorImage(Advice::Middle)),
        (&[Laid::Unplugged], FingerFailure::NoSensor),
        (&[Laid::Finger(Finger::from_seed(5), STRANGE, 7)], FingerFailure::NoMatch),
    ];
    for (laid, expected) in cases {
        let (mut counter, _, _) = enrolled(3);
        laid.iter().for_each(|laid| counter.sensor.lay(*laid));
        let check = counter.terminal().check_finger(Purpose::Pension, None).unwrap();
        let words = check.words(Language::Chinese);
        assert!(!words.what.is_empty() && !words.next.is_empty(), "{expected:?}: {words}");
        assert!(!check.words(Language::English).next.is_empty());
        let (why, _) = failed(check);
        assert_eq!(why, expected);
        let suspicious = why.reason() == ManualReason::NoMatch;
        assert_eq!(suspicious, expected == FingerFailure::NoMatch);
        counter.sensor.clear();
    }
}

const STRANGE: Condition = Condition {
    rotation_deg: 0.0,
    shift: (0.0, 0.0),
    cover: 1.0,
    dryness: 0.1,
    wetness: 0.1,
    noise: 0.05,
    wear: 0.0,
    is_moving: false,
};

#[test]
fn a_person_who_cannot_put_a_finger_on_is_not_kept_waiting() {
    let (mut counter, _, _) = enrolled(3);
    for nth in 0..2 {
        let (why, next) = failed(counter.terminal().check_finger(Purpose::Pension, None).unwrap());
        assert_eq!(why, FingerFailure::NoFinger);
        let to_clerk = next == Rung::Clerk { reason: ManualReason::NoFinger };
        assert_eq!(to_clerk, nth == 1, "one wait for each finger: {next:?}");
    }
    let proof = counter.terminal().vouch(Purpose::Pension, Some(SECOND)).unwrap();
    assert!(matches!(proof.way, Way::PinAndClerk { reason: ManualReason::NoFinger, no_matches: 0, .. }));
}

#[test]
fn a_suspicion_is_not_covered_up_by_what_came_after() {
    let (mut counter, _, _) = enrolled(3);
    counter.sensor.finger(finger(&person(9), 1), 500);
    failed(counter.terminal().check_finger(Purpose::Pension, None).unwrap());
    counter.sensor.lay(Laid::Unplugged);
    let (why, next) = failed(counter.terminal().check_finger(Purpose::Pension, None).unwrap());
    assert_eq!(why, FingerFailure::NoSensor);
    assert_eq!(next, Rung::Clerk { reason: ManualReason::NoMatch });
    let proof = counter.terminal().vouch(Purpose::Pension, Some(SECOND)).unwrap();
    assert_eq!(proof.no_matches(), 1);
}

#[test]
fn only_the_bound_sensor_counts() {
    let (mut counter, holder, card) = scene(3);
    enrol(&mut counter, &holder, &card);
    counter.insert(&card);
    counter.tap().unwrap();
    let first = first(&mut counter);
    counter.sensor.swap("F0002");
    counter.sensor.finger(finger(&holder, first), 600);
    let (why, next) = failed(counter.terminal().check_finger(Purpose::Pension, None).unwrap());
    assert_eq!(why, FingerFailure::SensorChanged);
    assert_eq!(next, Rung::Clerk { reason: ManualReason::SensorChanged });
    assert!(!counter.sensor.is_empty(), "nothing was captured with it");
    assert!(events(&mut counter).contains(&AuditEvent::SensorChanged));
    // The old one is plugged in again, and counts at once.
    counter.sensor.swap("F0001");
    let check = counter.terminal().check_finger(Purpose::Pension, None).unwrap();
    assert!(matches!(check, FingerCheck::Proved(_)), "{check:?}");
    // Binding is for the installer.
    let refused = counter.terminal().bind_sensor().unwrap_err();
    assert!(refused.is_not_permitted());
}

#[test]
fn an_image_that_comes_twice_is_played_back() {
    let (mut counter, holder, card) = enrolled(3);
    let first = first(&mut counter);
    counter.sensor.finger(finger(&holder, first), 700);
    assert!(matches!(
        counter.terminal().check_finger(Purpose::Pension, None).unwrap(),
        FingerCheck::Proved(_)
    ));
    // Also at the next tap, and for another person.
    counter.insert(&card);
    counter.tap().unwrap();
    counter.sensor.lay(Laid::Same);
    let (why, _) = failed(counter.terminal().check_finger(Purpose::Pension, None).unwrap());
    assert_eq!(why, FingerFailure::Replayed);
    assert_eq!(counter.terminal().proof(), None);
    assert!(events(&mut counter).contains(&AuditEvent::ImageReplayed));
    // A finger that is left on the window is no fresh one either.
    counter.sensor.keep_on(true);
    let (why, _) = failed(counter.terminal().check_finger(Purpose::Pension, None).unwrap());
    assert_eq!(why, FingerFailure::PoorImage(Advice::Lift));
    assert!(counter.progress.lock().unwrap().contains(&Progress::LiftFinger));
}

/// EF07 of an image.
fn file(image: &mut sim::image::CardImage) -> &mut Vec<u8> {
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

/// What a card holds of its holder's fingers.
pub(super) fn fingers_file(card: &TestCard) -> Vec<u8> {
    file(&mut card.image()).clone()
}

fn put_fingers(card: &TestCard, bytes: &[u8]) -> TestCard {
    let mut image = card.image();
    *file(&mut image) = bytes.to_vec();
    TestCard::new(&image)
}

#[test]
fn fingers_copied_from_another_card_are_worth_nothing() {
    let (mut counter, holder, card) = enrolled(3);
    let victim = person(5);
    let target = TestCard::of(&order(&victim, Generation::Three));
    let forged = put_fingers(&target, &fingers_file(&card));
    counter.insert(&forged);
    counter.tap().unwrap();
    counter.sensor.finger(finger(&holder, 1), 800);
    let (why, next) = failed(counter.terminal().check_finger(Purpose::Pension, None).unwrap());
    assert_eq!(why, FingerFailure::TemplateBroken);
    assert_eq!(next, Rung::Clerk { reason: ManualReason::TemplateBroken });
    assert!(events(&mut counter).contains(&AuditEvent::ForeignFingers));
    assert!(!counter.sensor.is_empty());
    // Torn bytes are broken too, and nobody's fault.
    let mut torn = fingers_file(&card);
    torn[40] ^= 1;
    counter.insert(&put_fingers(&card, &torn));
    counter.tap().unwrap();
    let (why, _) = failed(counter.terminal().check_finger(Purpose::Pension, None).unwrap());
    assert_eq!(why, FingerFailure::TemplateBroken);
}

#[test]
fn the_policy_says_what_suffices() {
    let (mut counter, holder, _card) = enrolled(3);
    // By default a pension is not paid for a PIN.
    let weak = counter.terminal().certify().unwrap_err();
    assert_eq!(weak, ProofError::ProofFirst.into());
    let mut policy = counter.terminal().policy().clone();
    policy.certification = vec![Sufficient::Pin];
    counter.terminal().use_policy(policy.clone());
    counter.terminal().certify().unwrap();
    // A finger with the PIN: the PIN comes first.
    policy.certification = vec![Sufficient::Finger { level: Level::Strict, pin: true }];
    counter.terminal().use_policy(policy);
    counter.terminal().open_card().unwrap();
    let first = counter.terminal().check_finger(Purpose::Certification, None).unwrap_err();
    assert_eq!(first, SessionError::PinFirst.into());
    counter.tap().unwrap();
    let number = counter.terminal().card_fingers().unwrap().fingers[0].position.number();
    counter.sensor.finger(finger(&holder, number), 900);
    counter.terminal().check_finger(Purpose::Certification, None).unwrap();
    counter.terminal().certify().unwrap();
}

#[test]
fn words_say_what_to_do() {
    let failures = [
        FingerFailure::NoSensor,
        FingerFailure::SensorUnbound,
        FingerFailure::SensorChanged,
        FingerFailure::NoFinger,
        FingerFailure::PoorImage(Advice::Moister),
        FingerFailure::PoorImage(Advice::Drier),
        FingerFailure::PoorImage(Advice::Middle),
        FingerFailure::NoMatch,
        FingerFailure::NoTemplate,
        FingerFailure::TemplateBroken,
        FingerFailure::NoUsableFinger,
        FingerFailure::CardBlocked,
        FingerFailure::Replayed,
        FingerFailure::Cancelled,
    ];
    let mut seen = Vec::new();
    for failure in failures {
        for language in [Language::Chinese, Language::English] {
            let words = Error::from(failure).words(language);
            assert!(!words.what.is_empty() && !words.next.is_empty());
            assert_eq!(words.what.is_ascii(), language == Language::English);
            assert!(!seen.contains(&words), "{words}");
            seen.push(words);
        }
    }
    assert_eq!(Error::from(FingerFailure::SensorChanged).who_acts(), WhoActs::Installer);
    let dry = Error::from(FingerFailure::PoorImage(Advice::Moister)).words(Language::Chinese);
    assert!(dry.next.contains("哈一口气"));
}

#[test]
fn a_card_that_compares_by_itself() {
    let (mut counter, holder, _) = scene(3);
    let card = TestCard::of(&order(&holder, Generation::Three).match_on_card());
    enrol(&mut counter, &holder, &card);
    counter.insert(&card);
    counter.tap().unwrap();
    let first = first(&mut counter);
    counter.sensor.finger(finger(&person(9), 1), 950);
    let check = counter.terminal().check_card_finger(Purpose::Certification, None).unwrap();
    let (why, next) = failed(check);
    assert_eq!(why, FingerFailure::NoMatch);
    assert_eq!(next, Rung::Finger { position: position(first), tries_left: 2 });
    // Another of the card's applications in between.
    counter.terminal().balance().unwrap_err();
    counter.sensor.finger(finger(&holder, first), 951);
    let check = counter.terminal().check_card_finger(Purpose::Certification, None).unwrap();
    let FingerCheck::Proved(proof) = check else { panic!("{check:?}") };
    assert!(matches!(
        &proof.way,
        Way::CardFinger { tries: 2, no_matches: 1, pin: true, sensor, .. } if sensor == "F0001"
    ));
    counter.terminal().certify().unwrap();
    // Six strangers: the card compares no more, and staff is asked.
    for seed in 0..12 {
        counter.clock.pass(terminal::holder::SITTING_MS as i64 + 1);
        counter.insert(&card);
        counter.tap().unwrap();
        counter.sensor.clear();
        counter.sensor.finger(finger(&person(9), 1), 960 + seed);
        let check = counter.terminal().check_card_finger(Purpose::Certification, None).unwrap();
        if failed(check).0 == FingerFailure::CardBlocked {
            let proof = counter.terminal().vouch(Purpose::Certification, Some(SECOND)).unwrap();
            assert!(matches!(proof.way, Way::PinAndClerk { reason: ManualReason::CardBlocked, .. }));
            return;
        }
    }
    panic!("the card never blocks");
}

/// A template of a module's maker: nobody else can say how good its comparison is.
#[test]
fn a_modules_own_comparison_is_worth_the_lower_level_at_most() {
    let (mut counter, _, card) = scene(3);
    counter.insert(&card);
    counter.tap().unwrap();
    let today = crate::support::today();
    let mut content = Content::new(today);
    let entry = Entry {
        position: card_spec::fingerprint::Position::new(2).unwrap(),
        impression: 1,
        fitness: 90,
        enrolled: today,
        template: Template::Maker { maker: 1, bytes: &[0x5A; 512] },
    };
    content.push(&entry).unwrap();
    let session = counter.terminal().session_mut();
    session.write_fingerprints(&content, &mut crate::support::Seeded::new(1)).unwrap();
    counter.insert(&card);
    counter.tap().unwrap();
    counter.sensor.compares(true);
    // As clear as it says to be, it pays no pension: poor, and nothing against the holder.
    for _ in 0..2 {
        let check = counter.terminal().check_finger(Purpose::Pension, None).unwrap();
        assert_eq!(failed(check).0, FingerFailure::PoorImage(Advice::Again));
    }
    assert_eq!(counter.terminal().proof(), None);
    let mut policy = counter.terminal().policy().clone();
    policy.certification = vec![Sufficient::Finger { level: Level::Ordinary, pin: false }];
    counter.terminal().use_policy(policy);
    let check = counter.terminal().check_finger(Purpose::Certification, None).unwrap();
    let FingerCheck::Proved(proof) = check else { panic!("{check:?}") };
    let Way::Finger(matched) = &proof.way else { panic!("{proof:?}") };
    assert_eq!((matched.band, matched.engine.as_str(), matched.tries), (Band::Ordinary, "ef01-module", 3));
    assert!(
        !counter.terminal().policy().suffices(Purpose::Pension, &proof),
        "not for another purpose either"
    );
    // It is counted, and differs, as any other.
    counter.sensor.compares(false);
    let check = counter.terminal().check_finger(Purpose::Certification, None).unwrap();
    let next = Rung::Finger { position: position(2), tries_left: 2 };
    assert_eq!(failed(check), (FingerFailure::NoMatch, next));
}

#[test]
fn a_card_that_cannot_compare_says_so() {
    let (mut counter, holder, _card) = enrolled(3);
    let first = first(&mut counter);
    counter.sensor.finger(finger(&holder, first), 990);
    let refused = counter.terminal().check_card_finger(Purpose::Pension, None).unwrap_err();
    assert_eq!(refused, SessionError::NoMatchOnCard.into());
}
