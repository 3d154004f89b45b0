#![allow(clippy::unwrap_used, reason = "tests")]

use card_spec::region::RegionCode;
use protocol::{
    id::{TerminalId, TransactionId},
    timestamp::Timestamp,
};

use super::*;
use crate::{
    keys::{Identity, TerminalKeys},
    ports::Random,
};

struct Fixed(u8);

impl Random for Fixed {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

fn identity(seed: u8) -> Identity {
    TerminalKeys::generate(&mut Fixed(seed)).identity().unwrap()
}

fn print(digit: char) -> Fingerprint {
    digit.to_string().repeat(64).parse().unwrap()
}

fn tested(outcome: Outcome) -> SelfTested {
    let check = |name: &str, outcome| Tested {
        name: name.into(),
        title: "打印机".into(),
        outcome,
        text: "/dev/usb/lp0".into(),
    };
    let checks = vec![check("printer", outcome), check("operators", Outcome::Bad)];
    SelfTested { at: Timestamp(3), program: "0.1.0".into(), checks }
}

fn terminal(number: &str) -> TerminalId {
    number.parse().unwrap()
}

/// One good answer to each step, in their order.
fn answers() -> Vec<Answer> {
    vec![
        Answer::Language(Language::English),
        Answer::Place(PlaceChosen { terminal: terminal("530100000001"), face: Face::Kiosk }),
        Answer::Devices(DevicesChosen { card: Some("Reader 00 00".into()), ..DevicesChosen::default() }),
        Answer::Center(
            CenterChosen::compared("https://c:1/", "https://c:2", print('A'), print('a')).unwrap(),
        ),
        Answer::Enrolment(Enrolled {
            city: RegionCode::parse("530100").unwrap(),
            institution_code: "H53010000001".into(),
            institution_name: "测试医院".into(),
            level: 3,
            certificate_until: Timestamp(9),
            certificate: print('B'),
        }),
        Answer::Keys(KeysMade { identity: identity(1).public(), has_supervisor: false }),
        Answer::Fill(Filled { cursor: 40, newest: 40, rules_revision: 1, clock_offset_ms: Some(-2) }),
        Answer::SelfTest(tested(Outcome::Good)),
        Answer::Training(Trained {
            transaction: TransactionId([7; 16]),
            sequence: 1,
            printed: None,
            at: Timestamp(4),
        }),
        Answer::Report(Reported { digest: "00".into(), file: "report.pdf".into(), at: Timestamp(5) }),
    ]
}

fn done() -> Setup {
    let mut setup = Setup::new(Timestamp(1));
    for answer in answers() {
        setup.settle(answer).unwrap();
    }
    setup
}

#[test]
fn each_step_is_kept_and_the_next_start_goes_on_there() {
    let mut setup = Setup::new(Timestamp(1));
    for (at, answer) in answers().into_iter().enumerate() {
        assert_eq!(setup.step(), Some(Step::ALL[at]));
        // Whatever comes later is refused, and changes nothing.
        for later in answers().into_iter().skip(at + 1) {
            let before = setup.clone();
            assert!(
                matches!(setup.settle(later), Err(SetupError::NotYet { now, .. }) if now == Step::ALL[at])
            );
            assert_eq!(setup, before);
        }
        setup.settle(answer).unwrap();
        // The power is cut here: only what was written is left.
        setup = Setup::from_json(&setup.to_json()).unwrap();
    }
    assert!(setup.is_done());
    assert!(setup.steps().iter().all(|(_, standing)| *standing == Standing::Done));
}

#[test]
fn what_is_settled_twice_stays_as_it_was() {
    let mut setup = done();
    for answer in answers().into_iter().take(7) {
        setup.settle(answer).unwrap();
        assert!(setup.is_done());
    }
}

#[test]
fn a_device_that_is_changed_is_tested_again() {
    let mut setup = done();
    setup.settle(Answer::Devices(DevicesChosen::default())).unwrap();
    assert_eq!(setup.step(), Some(Step::SelfTest));
    assert!(setup.keys().is_some());
}

#[test]
fn number_and_center_stand_once_enrolled() {
    let mut setup = done();
    let other = PlaceChosen { terminal: terminal("530100000002"), face: Face::Counter };
    assert_eq!(setup.settle(Answer::Place(other)), Err(SetupError::Enrolled));
    let face = PlaceChosen { terminal: terminal("530100000001"), face: Face::Counter };
    setup.settle(Answer::Place(face)).unwrap();
    // The role stands on the report.
    assert_eq!(setup.step(), Some(Step::Report));
    let center = CenterChosen::compared("https://d", "https://d", print('C'), print('C')).unwrap();
    assert_eq!(setup.settle(Answer::Center(center)), Err(SetupError::Enrolled));
}

#[test]
fn answers_that_are_none() {
    let mut setup = Setup::new(Timestamp(1));
    setup.settle(Answer::Language(Language::Chinese)).unwrap();
    let training = PlaceChosen { terminal: terminal("990000000001"), face: Face::Counter };
    assert_eq!(setup.settle(Answer::Place(training)), Err(SetupError::TrainingNumber));
    let other = CenterChosen::compared("https://c", "https://c", print('A'), print('B'));
    assert!(matches!(other, Err(SetupError::NotTrusted { .. })));
    for bad in ["", "AB", &"G".repeat(64), &"A".repeat(65)] {
        assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
    }
    let spaced: Fingerprint = "ab:".repeat(32).parse().unwrap();
    assert_eq!(spaced.to_string().split(' ').count(), 16);

    let mut setup = done();
    setup.prove_again();
    let bad = setup.settle(Answer::SelfTest(tested(Outcome::Bad)));
    assert_eq!(bad, Err(SetupError::NotPassed { checks: vec!["printer".into()] }));
    assert_eq!(setup.step(), Some(Step::SelfTest));
    let half = Filled { cursor: 1, newest: 2, rules_revision: 1, clock_offset_ms: None };
    assert_eq!(setup.settle(Answer::Fill(half)), Err(SetupError::NotComplete));
}

#[test]
fn every_error_says_what_to_do() {
    let errors = [
        SetupError::NotYet { step: Step::Report, now: Step::Fill },
        SetupError::Enrolled,
        SetupError::TrainingNumber,
        SetupError::NotTrusted { shown: print('A'), paper: print('B') },
        SetupError::NotComplete,
        SetupError::NotPassed { checks: vec!["printer".into()] },
        SetupError::Content { line: 1, column: 2 },
        SetupError::Version { got: 9 },
    ];
    for error in errors {
        for language in [Language::Chinese, Language::English] {
            let words = error.words(language);
            assert!(!words.what.is_empty() && !words.next.is_empty(), "{error:?}");
        }
    }
}

#[test]
fn a_file_of_another_version_or_torn_is_told() {
    let text = String::from_utf8(done().to_json()).unwrap();
    let newer = text.replacen("\"version\": 1", "\"version\": 9", 1);
    assert_eq!(Setup::from_json(newer.as_bytes()), Err(SetupError::Version { got: 9 }));
    assert!(matches!(Setup::from_json(&text.as_bytes()[..40]), Err(SetupError::Content { .. })));
}

#[test]
fn a_report_is_signed_by_its_own_terminal() {
    let setup = done();
    let parts = vec![("pcscd".to_owned(), "1.9.9".to_owned())];
    let report = CommissioningReport::of(&setup, parts, Timestamp(6)).unwrap();
    let signed = report.sign(&identity(1));
    assert_eq!(signed.open().unwrap(), report);
    // Another key, another word, another signature.
    assert_eq!(report.sign(&identity(2)).open(), None);
    let changed = SignedReport { report: signed.report.replace("1.9.9", "1.9.8"), ..signed.clone() };
    assert_eq!(changed.open(), None);
    assert_eq!(CommissioningReport::of(&Setup::new(Timestamp(1)), Vec::new(), Timestamp(6)), None);
}

#[test]
fn a_line_is_one_thing_and_no_lines_are_none() {
    let mut setup = Setup::new(Timestamp(1));
    for answer in answers().into_iter().take(2) {
        setup.settle(answer).unwrap();
    }
    let devices = |pins| Answer::Devices(DevicesChosen { pins: Some(pins), ..DevicesChosen::default() });
    let twice = PinsChosen { ready: Some(17), buzzer: Some(17), ..PinsChosen::default() };
    assert_eq!(setup.settle(devices(twice)), Err(SetupError::SameLine { line: 17 }));
    assert!(setup.devices().is_none(), "nothing was settled");
    setup.settle(devices(PinsChosen { low: true, ..PinsChosen::default() })).unwrap();
    assert_eq!(setup.devices().unwrap().pins, None);
    let pins = PinsChosen { ready: Some(17), buzzer: Some(23), ..PinsChosen::default() };
    setup.settle(devices(pins)).unwrap();
    let read = Setup::from_json(&setup.to_json()).unwrap();
    assert_eq!(read.devices().unwrap().pins, Some(pins));
}

#[test]
fn a_clock_is_said_to_be_off_by_how_much() {
    for (offset_ms, chinese, english) in [
        (3_780_000, "慢 1 小时 3 分", "1 hour 3 minutes behind"),
        (-1_199_500, "快 20 分", "20 minutes ahead of"),
        (400 * 86_400_000, "慢 400 天", "400 days behind"),
    ] {
        let error = SetupError::ClockOff { offset_ms };
        let what = error.words(Language::Chinese).what;
        assert!(what.contains(chinese) && what.contains("10 分"), "{what}");
        let what = error.words(Language::English).what;
        assert!(what.contains(english) && what.contains("10 minutes"), "{what}");
    }
}
