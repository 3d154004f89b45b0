//! What is written down about a visit names no person, and every error has its words.

use std::{collections::BTreeSet, fmt::Write, sync::Arc};

use card_spec::{error::PinError, generation::Generation, status::StatusWord};
use hal::{
    pin_pad::PinPadError,
    slot::{
        Outcome, SlotError,
        trace::{TraceLog, TraceSlot},
    },
};
use protocol::{
    id::TransactionId,
    problem::{Problem, ProblemKind},
};
use sim::{fault::Fault, personalise::TEST_PIN};
use terminal::{
    eligibility::Refusal,
    error::{Error, Limit, MoneyOutcome, Need, WhoActs},
    language::Language,
    ledger::{HaltReason, LedgerError},
    ports::LinkError,
    roles::{Action, SignInError},
    session::{Chip, SessionError, Step},
    words::action_name,
};

use super::support::{
    counter::{Counter, entry},
    *,
};

/// What the session under test has written down. One test at a time uses it.
static LOG: std::sync::OnceLock<TraceLog> = std::sync::OnceLock::new();

#[test]
fn nothing_written_down_names_a_person() {
    let person = person(3);
    let mut counter = Counter::new(&[entry(&person)]);
    counter.wrap_slot(|inner| Box::new(TraceSlot::new(inner, LOG.get_or_init(TraceLog::new).clone())));
    let card = TestCard::of(&order(&person, Generation::Three));
    let mut text = String::new();
    for fault in [
        None,
        Some(Fault::PullAfter { command: 22 }),
        Some(Fault::StatusWord { command: 12, status: 0x6F00 }),
    ] {
        match fault {
            Some(fault) => counter.insert_with(&card, fault),
            None => counter.insert(&card),
        }
        for pin in ["703951", TEST_PIN] {
            let opened = counter.terminal().open_card();
            let _ = write!(text, "{opened:?}");
            counter.pad.types(pin);
            let verified = counter.terminal().verify_holder();
            let _ = write!(text, "{verified:?}");
            if let Err(error) = verified {
                let _ = write!(text, "{error} {}", error.words(Language::Chinese));
            }
        }
        counter.pad_is_emptied();
        let visit = counter.visit("V1");
        let _ = write!(text, "{visit:?}");
        if let Ok(agreed) = visit {
            let settled = counter.terminal().settle(&agreed);
            let _ = write!(text, "{settled:?} {agreed:?}");
            if let Ok(settled) = settled {
                let _ = write!(text, "{}", settled.receipt.text(48, Language::Chinese));
            }
        }
        let terminal = counter.terminal();
        let _ = write!(text, "{terminal:?} {:?}", terminal.session());
    }
    for line in counter.ledger().audit_entries(0, 10_000).unwrap() {
        let _ = write!(text, "{line:?}");
    }
    for row in counter.ledger().list(terminal::ledger::Filter::All, 100).unwrap() {
        let _ = write!(text, "{row:?}");
    }
    let _ = write!(text, "{:?}", counter.progress.lock().unwrap());
    let log = LOG.get().unwrap();
    assert!(log.written() > 50, "the dialogue was traced");
    text.push_str(&log.to_json());
    let _ = write!(text, "{:?}", log.entries());

    let number = person.number.as_str();
    let card_id = {
        let image = card.image();
        let atr = card_spec::atr::Atr::parse(&image.atr.0).unwrap();
        hex::encode(atr.social_security_bytes().unwrap().card_serial().0)
    };
    for secret in
        [number, &number[6..14], &person.name, person.card_number.as_str(), "703951", TEST_PIN, &card_id]
    {
        assert!(!text.contains(secret), "{secret} was written down");
        assert!(!text.contains(&secret.to_uppercase()));
        assert!(!text.contains(&hex::encode(secret)), "{secret} was written down in hex");
    }
    assert!(!text.contains("258369") && !text.contains("25, 83, 69") && !text.contains("37, 131, 105"));
}

fn samples() -> Vec<Error> {
    let id = TransactionId([0xAB; 16]);
    let session = |error| Error::Session(error);
    let slot = |step, error| session(SessionError::Slot { chip: Chip::Card, step, error });
    let status = |chip, got| session(SessionError::Status { chip, step: Step::Challenge, got });
    let part = card_spec::Part::Record;
    let data = |chip, problem| session(SessionError::Data { chip, step: Step::ReadHolder, problem });
    let problem = |kind| Error::Link(LinkError::Refused(Problem::new(kind, "detail")));
    let removed = SlotError::Removed { outcome: Outcome::Unknown };
    vec![
        slot(Step::PowerOn, SlotError::NoCard),
        slot(Step::Select, removed.clone()),
        slot(Step::Debit, removed.clone()),
        slot(Step::CreditLoad, removed.clone()),
        slot(Step::PowerOn, SlotError::Mute),
        slot(Step::PowerOn, SlotError::AnswerToReset),
        slot(Step::Select, SlotError::Contact { outcome: Outcome::NotDone }),
        slot(Step::Select, SlotError::NotPowered),
        slot(Step::Select, SlotError::Timeout { timeout_ms: 9, outcome: Outcome::Unknown }),
        slot(Step::PowerOn, SlotError::Busy { holders: vec![] }),
        slot(Step::PowerOn, SlotError::Busy { holders: vec!["gpg-agent (812)".into()] }),
        slot(Step::Select, SlotError::ResetByOther { outcome: Outcome::NotDone }),
        slot(Step::Select, SlotError::Service { detail: "gone", outcome: Outcome::Unknown }),
        slot(Step::PowerOn, SlotError::NoReader { reader: "R".into(), outcome: Outcome::NotDone }),
        slot(Step::Select, SlotError::Answer { bytes: 1 }),
        status(Chip::Card, StatusWord::SECURITY_STATUS),
        status(Chip::Psam, StatusWord::SECURITY_STATUS),
        data(Chip::Card, card_spec::Error::Truncated { part, expected: 3, got: 1 }),
        data(Chip::Card, card_spec::Error::Text { offset: 3 }),
        data(Chip::Psam, card_spec::Error::Malformed { part }),
        session(SessionError::Atr { problem: card_spec::Error::Malformed { part } }),
        session(SessionError::ForeignCard),
        session(SessionError::HealthCard),
        session(SessionError::UnsupportedAlgorithm { id: 2 }),
        session(SessionError::UnknownGeneration { version: 0x37 }),
        session(SessionError::CardBlocked),
        session(SessionError::ApplicationBlocked { for_good: false }),
        session(SessionError::ApplicationBlocked { for_good: true }),
        session(SessionError::Forged),
        session(SessionError::CannotVerify),
        session(SessionError::OtherCard),
        session(SessionError::NotAuthorised { tries_left: Some(2) }),
        session(SessionError::NotAuthorised { tries_left: None }),
        session(SessionError::KeyLocked),
        session(SessionError::NoSuchKey),
        session(SessionError::NoPsam),
        session(SessionError::PsamLacksAlgorithm),
        session(SessionError::PsamLacksReadKey),
        session(SessionError::PsamKeyLevel),
        session(SessionError::PsamLacksPurchase),
        session(SessionError::PsamLocked),
        session(SessionError::OtherPsam),
        session(SessionError::PurchaseMac),
        session(SessionError::NoMedicalAccount),
        session(SessionError::NotEnoughMoney),
        session(SessionError::Amount),
        session(SessionError::CounterAtEnd),
        session(SessionError::WrongPin { tries_left: 2 }),
        session(SessionError::PinBlocked),
        session(SessionError::PinUnknown { error: removed.clone() }),
        session(SessionError::PinChangeUnknown { error: removed.clone() }),
        session(SessionError::PinEntry(PinPadError::Cancelled)),
        session(SessionError::PinEntry(PinPadError::Timeout)),
        session(SessionError::PinEntry(PinPadError::Length { got: 2 })),
        session(SessionError::PinEntry(PinPadError::Device)),
        session(SessionError::Pin(PinError::Length { min: 4, max: 12, got: 2 })),
        session(SessionError::Pin(PinError::NotDigits)),
        session(SessionError::Pin(PinError::Initial)),
        session(SessionError::Pin(PinError::Unchanged)),
        session(SessionError::PinsDiffer),
        session(SessionError::PinFirst),
        session(SessionError::CardFirst),
        session(SessionError::Command { step: Step::Select, problem: card_spec::Error::Malformed { part } }),
        Error::Link(LinkError::Down { detail: "x".into() }),
        Error::Link(LinkError::Lost { detail: "x".into() }),
        Error::Link(LinkError::WrongCertificate),
        Error::Link(LinkError::ExpiredCertificate),
        Error::Link(LinkError::NotAccepted),
        Error::Link(LinkError::Answer { detail: "x".into() }),
        problem(ProblemKind::LoadRefused),
        problem(ProblemKind::TerminalUnknown),
        problem(ProblemKind::Overloaded),
        problem(ProblemKind::Storage),
        problem(ProblemKind::ChainGap),
        problem(ProblemKind::NotFound),
        problem(ProblemKind::Malformed),
        Error::Ledger(LedgerError::Halted(HaltReason::RolledBack { ledger: 3, before: 9 })),
        Error::Ledger(LedgerError::CycleOver { cycle: "1".into() }),
        Error::Ledger(LedgerError::QueueFull { waiting: 5, queue_max: 5 }),
        Error::Ledger(LedgerError::SpaceLow),
        Error::Ledger(LedgerError::Unresolved { id }),
        Error::Ledger(LedgerError::NothingToCancel { of: id }),
        Error::SignIn(SignInError::Wrong { tries_left: Some(2) }),
        Error::SignIn(SignInError::NotPermitted { action: Action::CancelSettlement }),
        Error::NotEligible(Refusal::Deceased),
        Error::NotEligible(Refusal::CacheTooOld { age_ms: 7_200_000, age_ms_max: 3_600_000 }),
        Error::NotEligible(Refusal::Arrears { paid_until: 2026 * 12 }),
        Error::NotEligible(Refusal::OtherCity { city: Some(city()) }),
        Error::Limit(Limit::Amount { max: yuan("1"), got: yuan("2") }),
        Error::Limit(Limit::Account { max: yuan("1"), got: yuan("2") }),
        Error::Limit(Limit::CacheAge { max_ms: 1, got_ms: 2 }),
        Error::NotSignedIn,
        Error::OtherCard,
        Error::BillChanged,
        Error::NothingToLoad,
        Error::TooLate,
        Error::VisitKind { med_type: "51".into() },
        Error::InsuranceElsewhere { insutype: 340, psn_type: 13 },
        Error::Unresolved { id, cause: Box::new(session(SessionError::PurchaseMac)) },
        Error::ResolveFirst { id, need: Need::Pin },
        Error::ResolveFirst { id, need: Need::Supervisor },
        Error::DoneNotRecorded { id, cause: Box::new(Error::Ledger(LedgerError::SpaceLow)) },
    ]
}

#[test]
fn every_error_says_what_happened_and_what_to_do() {
    let chinese = |text: &str| text.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c));
    let mut seen = BTreeSet::new();
    for error in samples() {
        let zh = error.words(Language::Chinese);
        let en = error.words(Language::English);
        assert!(chinese(&zh.what) && chinese(&zh.next), "{error:?}: {zh}");
        assert!(zh.what.ends_with('。') && zh.next.ends_with('。'), "{error:?}: {zh}");
        assert!(!chinese(&en.what) && !chinese(&en.next), "{error:?}: {en}");
        assert!(en.what.ends_with('.') && en.next.ends_with('.'), "{error:?}: {en}");
        assert!(!error.to_string().is_empty());
        assert_ne!(error.return_code(), 0, "0 is success");
        seen.insert(error.who_acts() as u8);
    }
    assert!(seen.len() >= 5, "not everything is everybody's");
    for action in Action::ALL {
        assert_ne!(action_name(action, Language::Chinese), action_name(action, Language::English));
    }
}

#[test]
fn nobody_is_told_to_pay_twice() {
    for error in samples() {
        let words = error.words(Language::Chinese);
        match error.money() {
            MoneyOutcome::NotDone => assert!(!words.what.contains("已扣款"), "{words}"),
            MoneyOutcome::Done | MoneyOutcome::Unknown if matches!(error, Error::Ledger(_)) => {}
            MoneyOutcome::Done => assert!(words.next.contains("请不要再次收费"), "{words}"),
            MoneyOutcome::Unknown => {
                assert!(words.what.contains("未重复扣除") || words.next.contains("主管"), "{words}");
            }
        }
        assert!(!error.money().words(Language::Chinese).is_empty());
    }
}

#[test]
fn numbers_of_the_standard_interface() {
    let code = |error| Error::Session(error).return_code();
    for (error, expected) in [
        (SessionError::ForeignCard, -1),
        (SessionError::Slot { chip: Chip::Card, step: Step::PowerOn, error: SlotError::NoCard }, -2),
        (SessionError::Slot { chip: Chip::Card, step: Step::PowerOn, error: SlotError::Mute }, -4),
        (SessionError::Forged, -21),
        (SessionError::CannotVerify, -21),
        (SessionError::PsamKeyLevel, -24),
        (SessionError::PinEntry(PinPadError::Cancelled), -31),
        (SessionError::PinEntry(PinPadError::Timeout), -32),
        (SessionError::PinsDiffer, -34),
        (SessionError::Pin(PinError::Initial), -35),
        (SessionError::WrongPin { tries_left: 2 }, -51),
        (SessionError::PinBlocked, -52),
        (SessionError::NoPsam, -2201),
        (SessionError::PsamLacksAlgorithm, -2202),
        (SessionError::PsamLacksReadKey, -2203),
        (SessionError::NotAuthorised { tries_left: Some(2) }, -25538),
        (SessionError::KeyLocked, -27011),
        (SessionError::NoSuchKey, -27272),
        (SessionError::PurchaseMac, -37634),
        (SessionError::PsamLacksPurchase, -37891),
        (
            SessionError::Status { chip: Chip::Card, step: Step::Select, got: StatusWord::SECURITY_STATUS },
            -27010,
        ),
    ] {
        assert_eq!(code(error.clone()), expected, "{error:?}");
    }
    assert_eq!(Error::Session(SessionError::NoPsam).who_acts(), WhoActs::Installer);
    let unresolved = Error::Unresolved { id: TransactionId([1; 16]), cause: Box::new(Error::OtherCard) };
    assert_eq!((unresolved.return_code(), unresolved.money()), (-22, MoneyOutcome::Unknown));
    let shared = Arc::new(unresolved);
    assert!(shared.to_string().contains("not known yet"));
}
