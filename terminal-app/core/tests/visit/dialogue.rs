//! From cold reset to a card that is genuine and read, and every card that does not get so far.

use card_spec::{
    account::Amounts,
    date::{CardDate, Date, DateTime},
    error::PinError,
    generation::{Algorithm, Generation},
    money::Fen,
    pin::Pin,
    region::RegionCode,
    status::StatusWord,
};
use hal::slot::{Outcome, SlotError};
use sim::{
    chip::SharedChip,
    fault::Fault,
    image::CardPolicy,
    keys::TestKeys,
    personalise::{CardOrder, Flaw, TEST_PIN, bank_card, health_card},
    psam::Psam,
};
use terminal::{
    audit::AuditEvent,
    error::Error,
    session::{Attention, CardIdCheck, Chip, Proof, SessionError, Step, TransactionKind},
};

use super::support::{
    counter::{Counter, entry},
    *,
};

fn pin(text: &str) -> Pin {
    Pin::parse(text).unwrap()
}

fn at(hour: u8) -> DateTime {
    DateTime::new(today(), hour, 0, 0).unwrap()
}

#[test]
fn every_generation_is_read_and_genuine() {
    let person = person(3);
    for generation in Generation::ALL {
        let card = TestCard::of(&order(&person, generation));
        let mut desk = Desk::new();
        desk.insert(&card);
        let open = desk.open().unwrap();
        assert_eq!(open.generation(), generation);
        let sm4 = generation == Generation::Three;
        assert_eq!(open.algorithm(), if sm4 { Algorithm::Sm4 } else { Algorithm::TripleDes });
        let holder = open.holder().unwrap();
        assert_eq!(holder.person, person.number);
        assert_eq!(holder.name.as_str(), person.name);
        assert_eq!(holder.birth_date, Some(person.birth));
        assert_eq!(open.issuer().card_id.city(), city());
        assert_eq!(open.issuer().issued, CardDate::Day(Date::new(2024, 1, 15).unwrap()));
        assert_eq!(open.issuer().card_number, Some(person.card_number));
        assert_eq!(open.attention(), []);
        assert_eq!(desk.session.check_card_id().unwrap(), Some(CardIdCheck::Right));
        // Nothing of the holder is in what a log could get hold of.
        let debug = format!("{open:?} {holder:?} {:?}", desk.session);
        assert!(!debug.contains(person.number.as_str()) && !debug.contains(person.name.as_str()));
    }
}

#[test]
fn a_card_that_answers_at_once_is_read_as_well() {
    let person = person(4);
    let direct = CardPolicy { answers_directly: true, ..CardPolicy::default() };
    for generation in Generation::ALL {
        let mut desk = Desk::new();
        desk.insert(&TestCard::of(&order(&person, generation).policy(direct)));
        assert_eq!(desk.open().unwrap().holder().unwrap().person, person.number);
    }
}

#[test]
fn a_contactless_card_is_read() {
    let person = person(5);
    let mut desk = Desk::new();
    desk.insert(&TestCard::of(&order(&person, Generation::Three).contactless()));
    assert_eq!(desk.open().unwrap().generation(), Generation::Three);
}

#[test]
fn sloppy_cards_are_read_and_noted() {
    let person = person(6);
    let read = |order: CardOrder<'_>| {
        let mut desk = Desk::new();
        desk.insert(&TestCard::of(&order));
        desk.open().unwrap()
    };
    let sloppy = read(order(&person, Generation::Two).flaw(Flaw::SloppyText));
    assert_eq!(sloppy.issuer().version, "2.0");
    assert_eq!(sloppy.generation(), Generation::Two);
    assert_eq!(sloppy.issuer().issued, CardDate::Year(2012));
    assert_eq!(sloppy.attention(), [Attention::YearOnly]);

    let old = read(order(&person, Generation::One).flaw(Flaw::EmptyNameExtension));
    assert_eq!(old.holder().unwrap().name.as_str(), person.name);
    let missing = read(order(&person, Generation::Two).flaw(Flaw::MissingRecord { tag: 0x4E }));
    assert_eq!(missing.attention(), [Attention::RecordMissing { tag: 0x4E }]);
    let test = read(order(&person, Generation::Two).flaw(Flaw::TestMark));
    assert_eq!(test.attention(), [Attention::TestCard]);
    let never = read(order(&person, Generation::Two).flaw(Flaw::DatesMissing));
    assert_eq!(never.issuer().expires, CardDate::NotIssued);
    let number = Flaw::Value { tag: 0x07, value: b"S00003214".to_vec() };
    assert_eq!(read(order(&person, Generation::Two).flaw(number)).attention(), [Attention::CardNumberCheck]);
    let born = Flaw::Value { tag: 0x0D, value: vec![0x19, 0x00, 0x01, 0x01] };
    assert_eq!(read(order(&person, Generation::Two).flaw(born)).attention(), [Attention::BirthDateDiffers]);
}

#[test]
fn each_wrong_card_has_its_own_error() {
    let person = person(7);
    let with = |generation, flaw| order(&person, generation).flaw(flaw).build().unwrap();
    use Generation::{Three, Two};
    let data = |step, problem| SessionError::Data { chip: Chip::Card, step, problem };
    let cases = [
        (bank_card(), SessionError::ForeignCard),
        (health_card(), SessionError::HealthCard),
        (with(Two, Flaw::Ssf33), SessionError::UnsupportedAlgorithm { id: 2 }),
        (with(Two, Flaw::Forged), SessionError::Forged),
        (with(Three, Flaw::Forged), SessionError::Forged),
        (with(Two, Flaw::CardBlocked), SessionError::CardBlocked),
        (
            with(Two, Flaw::ApplicationBlocked { directory: 0xDDF1, permanent: false }),
            SessionError::ApplicationBlocked { for_good: false },
        ),
        (
            with(Two, Flaw::ApplicationBlocked { directory: 0xDDF1, permanent: true }),
            SessionError::ApplicationBlocked { for_good: true },
        ),
        (with(Three, Flaw::KeyLocked { id: 0x0A }), SessionError::KeyLocked),
        (
            with(Two, Flaw::Value { tag: 0x03, value: b"7.00".to_vec() }),
            SessionError::UnknownGeneration { version: b'7' },
        ),
        (
            with(Two, Flaw::TruncatedRecord { tag: 0x01, bytes: 9 }),
            data(
                Step::ReadIssuer,
                card_spec::Error::Truncated { part: card_spec::Part::Record, expected: 18, got: 11 },
            ),
        ),
        (
            with(Two, Flaw::TruncatedRecord { tag: 0x09, bytes: 3 }),
            data(
                Step::ReadHolder,
                card_spec::Error::Truncated { part: card_spec::Part::Record, expected: 32, got: 5 },
            ),
        ),
        (with(Two, Flaw::BadName), data(Step::ReadHolder, card_spec::Error::Text { offset: 1 })),
        (
            with(Two, Flaw::MissingRecord { tag: 0x08 }),
            SessionError::Status {
                chip: Chip::Card,
                step: Step::ReadHolder,
                got: StatusWord::RECORD_NOT_FOUND,
            },
        ),
    ];
    for (image, expected) in cases {
        let card = TestCard::new(&image);
        let mut desk = Desk::new();
        desk.insert(&card);
        let error = desk.open().unwrap_err();
        // The exact offset of bad GBK is the decoder's business.
        match (&error, &expected) {
            (
                SessionError::Data { step, problem: card_spec::Error::Text { .. }, .. },
                SessionError::Data { step: wanted, problem: card_spec::Error::Text { .. }, .. },
            ) => assert_eq!(step, wanted),
            _ => assert_eq!(error, expected),
        }
        assert_eq!(error.outcome() == Outcome::Unknown, matches!(error, SessionError::Data { .. }));
        assert_eq!(card.image(), image, "nothing on the card has changed: {error}");
        assert_eq!(desk.session.card().unwrap_err(), SessionError::CardFirst);
    }
}

#[test]
fn a_person_number_that_is_none_is_an_error() {
    let person = person(8);
    let wrong = Flaw::Value { tag: 0x08, value: b"110105194912310021".to_vec() };
    let mut desk = Desk::new();
    desk.insert(&TestCard::of(&order(&person, Generation::Two).flaw(wrong)));
    let error = desk.open().unwrap_err();
    assert!(
        matches!(error, SessionError::Data { problem: card_spec::Error::PersonNumber(_), .. }),
        "{error:?}"
    );
}

#[test]
fn silence_and_noise_at_reset() {
    let person = person(9);
    let card = TestCard::of(&order(&person, Generation::Two));
    let mut desk = Desk::new();
    let slot = |error| SessionError::Slot { chip: Chip::Card, step: Step::PowerOn, error };
    assert_eq!(desk.open().unwrap_err(), slot(SlotError::NoCard));
    desk.insert_with(&card, Fault::Mute);
    assert_eq!(desk.open().unwrap_err(), slot(SlotError::Mute));
    for bytes in [vec![0x00], vec![0x3B], vec![0x3B, 0x6D, 0x00], vec![0x3F, 0xFF, 0xFF], vec![0x42; 40]] {
        desk.insert_with(&card, Fault::GarbageAtr { bytes });
        assert!(matches!(desk.open().unwrap_err(), SessionError::Atr { .. }));
    }
    // Readable, but not one of ours: the application is there, its serial is not.
    desk.insert_with(&card, Fault::GarbageAtr { bytes: vec![0x3B, 0x00] });
    assert!(matches!(desk.open().unwrap_err(), SessionError::Atr { .. }));
    desk.insert(&card);
    desk.open().unwrap();
}

#[test]
fn psams_that_cannot_serve_a_card() {
    let person = person(10);
    let open = |psam: &sim::personalise::PsamOrder, generation| {
        let card = TestCard::of(&order(&person, generation));
        let before = card.image();
        let mut desk = Desk::with_psam(psam);
        desk.insert(&card);
        let error = desk.open().unwrap_err();
        assert_eq!(card.image(), before, "no try was spent: {error}");
        error
    };
    assert_eq!(open(&psam().without_sm4(), Generation::Three), SessionError::PsamLacksAlgorithm);
    let no_read_key = psam().without_read_key_of_environment();
    assert_eq!(open(&no_read_key, Generation::Three), SessionError::PsamLacksReadKey);
    let other = sim::personalise::PsamOrder::new([0x43, 0x01, 0, 0, 0, 0x99], keys());
    assert_eq!(open(&other, Generation::Two), SessionError::OtherPsam);

    let mut desk = Desk::new();
    desk.insert(&TestCard::of(&order(&person, Generation::Two)));
    desk.psam.pull();
    let error = desk.open().unwrap_err();
    assert_eq!(error, SessionError::NoPsam);
    assert!(error.needs_other_security_module());
}

/// A card that is genuine to the usual PSAM, but whose read key is another's.
fn with_foreign_read_key(person: &sim::people::Person) -> TestCard {
    let mut image = TestCard::of(&order(person, Generation::Three)).image();
    let foreign = TestCard::of(&CardOrder::new(person, TestKeys::from_seed(99)).account(50_000)).image();
    let of = |image: &sim::image::CardImage, name: &str| {
        image.root.directories[0].keys.iter().find(|key| key.name == name).unwrap().versions.clone()
    };
    let theirs = of(&foreign, "RKSSSE");
    for key in &mut image.root.directories[0].keys {
        if key.name == "RKSSSE" {
            key.versions = theirs.clone();
        }
    }
    TestCard::new(&image)
}

fn read_key_tries(card: &TestCard) -> u8 {
    let image = card.image();
    image.root.directories[0].keys.iter().find(|key| key.name == "RKSSSE").unwrap().tries_left
}

#[test]
fn a_psam_of_another_country_costs_a_card_one_try_and_no_more() {
    let person = person(11);
    let card = with_foreign_read_key(&person);
    let mut desk = Desk::new();
    let refused = SessionError::NotAuthorised { tries_left: Some(2) };
    desk.insert(&card);
    assert_eq!(desk.open().unwrap_err(), refused);
    for _ in 0..3 {
        desk.insert(&card);
        assert_eq!(desk.open().unwrap_err(), refused, "the same answer, without asking the card");
    }
    assert_eq!(read_key_tries(&card), 2);

    // The PSAM is put in again: it is the same, and knows no more than before.
    desk.psam.pull();
    desk.psam.insert(SharedChip::new(Psam::new(&psam().build(), 3))).unwrap();
    desk.insert(&card);
    assert_eq!(desk.open().unwrap_err(), refused);
    assert_eq!(read_key_tries(&card), 2);

    // Another one may have the key, and is tried, once.
    let mut other = psam().build();
    *other.atr.0.last_mut().unwrap() ^= 0x40;
    desk.psam.pull();
    desk.psam.insert(SharedChip::new(Psam::new(&other, 3))).unwrap();
    let refused_again = SessionError::NotAuthorised { tries_left: Some(1) };
    for _ in 0..3 {
        desk.insert(&card);
        assert_eq!(desk.open().unwrap_err(), refused_again);
    }
    assert_eq!(read_key_tries(&card), 1);
    assert_eq!(desk.session.refusals().len(), 2, "one line for each PSAM");
}

#[test]
fn a_refusal_outlives_the_program() {
    let person = person(11);
    let card = with_foreign_read_key(&person);
    let refused = Error::Session(SessionError::NotAuthorised { tries_left: Some(2) });
    let mut counter = Counter::new(&[entry(&person)]);
    for _ in 0..4 {
        counter.insert(&card);
        assert_eq!(counter.terminal().open_card().unwrap_err(), refused);
        counter.restart();
    }
    assert_eq!(read_key_tries(&card), 2);
    // A card that is in order is none of its business.
    counter.insert(&TestCard::of(&order(&person, Generation::Three).serial(777)));
    counter.terminal().open_card().unwrap();

    // Only an installer has it tried again.
    assert!(counter.terminal().forget_refusals().unwrap_err().is_not_permitted());
    counter.terminal().sign_in("0700", b"246813").unwrap();
    assert_eq!(counter.terminal().forget_refusals().unwrap(), 1);
    counter.insert(&card);
    let again = Error::Session(SessionError::NotAuthorised { tries_left: Some(1) });
    assert_eq!(counter.terminal().open_card().unwrap_err(), again);
    let audit = counter.ledger().audit_entries(0, 1_000).unwrap();
    assert!(audit.iter().any(|entry| entry.event == Some(AuditEvent::RefusalsForgotten { cards: 1 })));
}

#[test]
fn a_card_of_another_city_is_not_called_forged() {
    let person = person(16);
    let elsewhere = RegionCode::parse("330100").unwrap();
    for generation in Generation::ALL {
        // Another province's roots, which this PSAM lacks.
        let foreign = CardOrder::new(&person, TestKeys::from_seed(99)).generation(generation);
        let card = TestCard::of(&foreign.clone().city(elsewhere));
        let before = card.image();
        let mut desk = Desk::new();
        desk.insert(&card);
        let error = desk.open().unwrap_err();
        assert_eq!(error, SessionError::CannotVerify);
        assert_eq!(card.image(), before, "no try was spent");
        let words = Error::Session(error).words(terminal::language::Language::Chinese);
        assert!(!words.next.contains("留存") && words.next.contains("还给"), "{words}");
        // One that says it is of this city should hold the keys that are here.
        desk.insert(&TestCard::of(&foreign));
        assert_eq!(desk.open().unwrap_err(), SessionError::Forged);
    }
}

#[test]
fn each_status_word_of_the_dialogue_is_told_with_its_step() {
    let person = person(12);
    let card = TestCard::of(&order(&person, Generation::Three));
    let mut desk = Desk::new();
    desk.insert(&card);
    desk.open().unwrap();
    let commands = desk.card.commands().unwrap();
    assert!(commands > 10);
    for command in 1..=commands {
        for status in [0x6F00, 0x6982, 0x6A80, 0x6700, 0x6581] {
            desk.insert_with(&card, Fault::StatusWord { command, status });
            // What reads as "not there" or "not yet" may be tolerated; all else is an error with a step.
            match desk.open() {
                Ok(open) => assert_eq!(open.holder().unwrap().person, person.number),
                Err(
                    SessionError::Status { chip: Chip::Card, .. }
                    | SessionError::Data { chip: Chip::Card, .. }
                    | SessionError::ForeignCard,
                ) => {}
                Err(other) => panic!("{command} {status:04X}: {other:?}"),
            }
        }
        desk.insert_with(&card, Fault::Truncate { command, bytes: 1 });
        match desk.open() {
            Ok(_) => {}
            Err(
                SessionError::Status { .. }
                | SessionError::Data { .. }
                | SessionError::Forged
                | SessionError::NotAuthorised { .. },
            ) => {}
            Err(other) => panic!("{command} cut: {other:?}"),
        }
        desk.insert_with(&card, Fault::PullAfter { command });
        let error = desk.open().unwrap_err();
        assert!(error.contact_lost(), "{command}: {error:?}");
        assert!(!matches!(error, SessionError::WrongPin { .. }));
    }
    desk.insert(&card);
    desk.open().unwrap();
    let environment = &card.image().root.directories[0];
    assert!(environment.keys.iter().all(|key| key.tries_left == key.tries_max), "every try came back");
}

#[test]
fn a_wrong_pin_is_counted_once_and_blocks_at_last() {
    let person = person(13);
    for generation in Generation::ALL {
        let card = TestCard::of(&order(&person, generation));
        let mut desk = Desk::new();
        desk.insert(&card);
        assert_eq!(desk.session.verify_pin(&pin(TEST_PIN)), Err(SessionError::CardFirst));
        desk.open().unwrap();
        assert_eq!(desk.session.verify_pin(&pin("111111")), Err(SessionError::WrongPin { tries_left: 2 }));
        desk.session.verify_pin(&pin(TEST_PIN)).unwrap();
        assert!(desk.session.card().unwrap().is_verified());
        for expected in [
            SessionError::WrongPin { tries_left: 2 },
            SessionError::WrongPin { tries_left: 1 },
            SessionError::PinBlocked,
            SessionError::PinBlocked,
        ] {
            assert_eq!(desk.session.verify_pin(&pin("111111")), Err(expected));
        }
        assert_eq!(desk.session.verify_pin(&pin(TEST_PIN)), Err(SessionError::PinBlocked));
        assert!(!desk.session.card().unwrap().is_verified());

        // The PSAM gives the tries back, then sets a new PIN.
        let Desk { session, random, .. } = &mut desk;
        session.unblock_pin(random).unwrap();
        session.verify_pin(&pin(TEST_PIN)).unwrap();
        session.reset_pin(&pin("904713"), random).unwrap();
        assert_eq!(session.verify_pin(&pin(TEST_PIN)), Err(SessionError::WrongPin { tries_left: 2 }));
        session.verify_pin(&pin("904713")).unwrap();
        session.change_pin(&pin("904713"), &pin("40127755")).unwrap();
        assert_eq!(session.balance(), Err(SessionError::PinFirst), "a changed PIN is verified anew");
        session.verify_pin(&pin("40127755")).unwrap();
        assert_eq!(session.balance(), Ok(Fen(50_000)));
    }
}

#[test]
fn a_pin_of_an_odd_length_cannot_be_changed_by_the_command() {
    let person = person(13);
    let mut desk = Desk::new();
    desk.insert(&TestCard::of(&order(&person, Generation::Two).pin("12345")));
    desk.open().unwrap();
    desk.session.verify_pin(&pin("12345")).unwrap();
    let error = desk.session.change_pin(&pin("12345"), &pin("654321")).unwrap_err();
    assert!(matches!(error, SessionError::Pin(PinError::Length { .. })), "{error:?}");
}

#[test]
fn a_card_pulled_at_the_pin_is_no_wrong_pin() {
    let person = person(14);
    let card = TestCard::of(&order(&person, Generation::Three));
    let mut desk = Desk::new();
    desk.insert(&card);
    desk.open().unwrap();
    let before = desk.card.commands().unwrap();
    desk.session.verify_pin(&pin(TEST_PIN)).unwrap();
    let verify = desk.card.commands().unwrap();
    assert!(verify > before);
    for fault in [Fault::PullBefore { command: verify }, Fault::PullAfter { command: verify }] {
        desk.insert_with(&card, fault);
        desk.open().unwrap();
        let error = desk.session.verify_pin(&pin(TEST_PIN)).unwrap_err();
        assert!(matches!(error, SessionError::PinUnknown { .. }), "{error:?}");
        assert_eq!(desk.session.verify_pin(&pin(TEST_PIN)), Err(SessionError::CardFirst), "never sent again");
    }
}

#[test]
fn a_purchase_debit_and_its_proof() {
    let person = person(15);
    for generation in Generation::ALL {
        let card = TestCard::of(&order(&person, generation));
        let mut desk = Desk::new();
        desk.insert(&card);
        desk.open().unwrap();
        let session = &mut desk.session;
        let amounts = Amounts { account_fen: 1_234, self_paid_fen: 200, pooled_fen: 5_000 };
        assert_eq!(session.begin_purchase(amounts, at(9)).unwrap_err(), SessionError::PinFirst);
        session.verify_pin(&pin(TEST_PIN)).unwrap();
        let purchasing = session.begin_purchase(amounts, at(9)).unwrap();
        let arming = purchasing.arming("0".into());
        assert_eq!((arming.card_serial, arming.terminal_serial), (0, 1));
        assert_eq!(arming.balance_before, Fen(50_000));
        assert_eq!(arming.date_time, "20261124090000");
        assert_eq!(session.proof(TransactionKind::Purchase, 0).unwrap(), Proof::NotAvailable);
        // Asking for the proof has ended the purchase that was begun.
        assert!(session.debit(&purchasing).unwrap_err().is_plain_refusal());

        let purchasing = session.begin_purchase(amounts, at(9)).unwrap();
        let debited = session.debit(&purchasing).unwrap();
        session.check_debit(&debited).unwrap();
        assert_eq!(session.proof(TransactionKind::Purchase, 0).unwrap(), Proof::Done { tac: debited.tac });
        assert_eq!(session.next_serial(TransactionKind::Purchase).unwrap(), 1);
        assert_eq!(session.balance(), Ok(Fen(48_766)));
        let log = session.log().unwrap();
        assert_eq!(log.len(), 1);
        assert_eq!((log[0].serial, log[0].amounts), (0, amounts));
        assert_eq!(log[0].terminal.0, terminal_id().to_bcd());

        // Nothing, which must work, and more than there is, which must not.
        let nothing = session.begin_purchase(Amounts::default(), at(10)).unwrap();
        let debited = session.debit(&nothing).unwrap();
        session.check_debit(&debited).unwrap();
        let too_much = Amounts { account_fen: 48_767, ..Amounts::default() };
        assert_eq!(session.begin_purchase(too_much, at(10)).unwrap_err(), SessionError::NotEnoughMoney);
        let wrong = terminal::session::Debited { mac2: [0; 4], ..debited };
        let purchasing = session.begin_purchase(amounts, at(11)).unwrap();
        session.debit(&purchasing).unwrap();
        assert_eq!(session.check_debit(&wrong), Err(SessionError::PurchaseMac));
    }
}

#[test]
fn another_citys_card_is_genuine_here() {
    let person = person(16);
    let elsewhere = RegionCode::parse("330100").unwrap();
    let mut desk = Desk::new();
    desk.insert(&TestCard::of(&order(&person, Generation::Three).city(elsewhere)));
    let open = desk.open().unwrap();
    assert_eq!(open.facts().city, elsewhere);
}
