//! Proofs of holders, certifications and pensions as they go over the wire, and what must not show.
#![allow(clippy::unwrap_used, reason = "tests")]

use card_spec::{money::Fen, person::PersonNumber};
use protocol::{
    calendar::{Day, Period},
    evidence::{
        Band, FingerMatch, FingerPosition, HolderProof, Level, ManualReason, PROOF_AGE_MS_MAX, Presentation,
        Way,
    },
    feed::{Change, PersonState},
    id::TransactionId,
    pension::{Fingers, Pension, PensionAnswer, PensionQuery, Schedule},
    policy::{self, ProofPolicy, Purpose, Sufficient},
    record::{
        BODY_VERSION, Body, Business, Certification, CertifiedAt, ContributionPayment, EnrolledFinger,
        FingerEnrolment, Fitness, PaidBy, PensionPayment, RestsOn,
    },
    service::{ContributionKind, Due},
    signature::Signed,
    timestamp::{ClockQuality, Timestamp},
    upload::RefusalReason,
};
use ring::signature::Ed25519KeyPair;

const NUMBER: &str = "11010519491231002X";
const CARD: &str = "430100D15600000500000001A1B2C3D4";
const AT: Timestamp = Timestamp(1_795_496_709_000);

fn number() -> PersonNumber {
    PersonNumber::parse(NUMBER).unwrap()
}

fn finger() -> FingerMatch {
    FingerMatch {
        position: FingerPosition::new(7).unwrap(),
        band: Band::Clear,
        level: Level::Strict,
        tries: 2,
        no_matches: 1,
        engine: "jinbao-1".into(),
        sensor: "R503-000017".into(),
        presentation: Presentation { live: Some(true), lifted: true, fresh: true },
        pin: false,
    }
}

fn proof(way: Way) -> HolderProof {
    HolderProof { card_id: CARD.into(), at: AT, way }
}

fn clerks(reason: ManualReason, no_matches: u8, second: Option<&str>) -> HolderProof {
    let second_clerk = second.map(str::to_owned);
    proof(Way::PinAndClerk { reason, no_matches, clerk: "0017".into(), second_clerk })
}

fn certification() -> Business {
    let proof = proof(Way::Finger(finger()));
    Business::Certification(Box::new(Certification {
        person: number(),
        card_id: CARD.into(),
        proof,
        place: Default::default(),
    }))
}

fn contribution() -> ContributionPayment {
    let due = Due {
        period: Period::from_number(202_611).unwrap(),
        months: 3,
        kind: ContributionKind::Medical,
        amount: Fen(100_000),
        until: Day::from_number(20_261_231).unwrap(),
    };
    ContributionPayment {
        person: number(),
        card_id: CARD.into(),
        dues: vec![due],
        amount: Fen(100_000),
        paid_by: PaidBy::BankCard { reference: "A1".into() },
        proof: proof(Way::Pin),
    }
}

#[test]
fn a_payment_of_contributions_adds_up_and_names_each_due_once() {
    let good = contribution();
    assert!(good.sound() && good.cash() == Fen::ZERO);
    let with = |change: &dyn Fn(&mut ContributionPayment)| {
        let mut payment = good.clone();
        change(&mut payment);
        payment.sound()
    };
    assert!(with(&|p| p.paid_by = PaidBy::Cash));
    assert!(!with(&|p| p.amount = Fen(99_999)));
    assert!(!with(&|p| p.dues.clear()));
    assert!(!with(&|p| p.paid_by = PaidBy::BankCard { reference: "1 2".into() }));
    assert!(!with(&|p| p.card_id = "00".into()));
    assert!(!with(&|p| p.dues[0].kind = ContributionKind::Injury));
    assert!(!with(&|p| p.dues[0].months = 0));
    // The same insurance and month under another amount is the same due.
    assert!(!with(&|p| {
        p.dues.push(Due { amount: Fen(1), ..p.dues[0] });
        p.amount = Fen(100_001);
    }));
    // Each month of employees' insurance is a row, odd fen in the first; residents contribute by the year.
    let months = |due: Due| -> Vec<(u32, i64)> {
        due.months_paid().iter().map(|(period, fen)| (period.number(), fen.0)).collect()
    };
    let due = good.dues[0];
    assert_eq!(months(due), [(202_611, 33_334), (202_612, 33_333), (202_701, 33_333)]);
    assert_eq!(months(Due { kind: ContributionKind::ResidentMedical, ..due }), [(202_611, 100_000)]);
}

fn payment() -> PensionPayment {
    PensionPayment {
        person: number(),
        card_id: CARD.into(),
        period: Period::from_number(202_611).unwrap(),
        amount: Fen(315_000),
        cache_age_ms: 60_000,
        proof: clerks(ManualReason::NoMatch, 3, Some("0018")),
        rests_on: RestsOn::Until { day: Day::from_number(20_270_331).unwrap() },
    }
}

fn enrolment() -> FingerEnrolment {
    let finger_of = |position| {
        FingerPosition::new(position).map(|position| EnrolledFinger {
            position,
            fitness: Fitness::Fit,
            engine: "jinbao-1".into(),
        })
    };
    FingerEnrolment {
        person: number(),
        card_id: CARD.into(),
        fingers: vec![finger_of(7).unwrap(), finger_of(2).unwrap()],
        replaced: false,
        consent_at: Some(AT),
        sensor: "R503-000017".into(),
        proof: clerks(ManualReason::NoTemplate, 0, None),
        confirmed: Some(finger()),
    }
}

fn pension() -> Pension {
    Pension {
        key: number().key(),
        monthly: Fen(315_000),
        next_unpaid: Period::from_number(202_609).unwrap(),
        paid_ahead: 0b10,
        certified_until: Day::from_number(20_270_331),
        fingers: Fingers::Enrolled,
    }
}

#[test]
fn records_have_these_forms() {
    let forms = [
        (
            certification(),
            concat!(
                r#"{"kind":"certification","person":"11010519491231002X","#,
                r#""card_id":"430100D15600000500000001A1B2C3D4","#,
                r#""proof":{"card_id":"430100D15600000500000001A1B2C3D4","at":1795496709000,"#,
                r#""way":{"way":"finger","position":7,"band":"clear","level":"strict","tries":2,"#,
                r#""no_matches":1,"engine":"jinbao-1","sensor":"R503-000017","#,
                r#""presentation":{"live":true,"lifted":true,"fresh":true},"pin":false}}}"#,
            ),
        ),
        (
            Business::Contribution(Box::new(contribution())),
            concat!(
                r#"{"kind":"contribution","person":"11010519491231002X","#,
                r#""card_id":"430100D15600000500000001A1B2C3D4","#,
                r#""dues":[{"period":202611,"months":3,"kind":"medical","amount":100000,"until":20261231}],"#,
                r#""amount":100000,"paid_by":{"by":"bank_card","reference":"A1"},"#,
                r#""proof":{"card_id":"430100D15600000500000001A1B2C3D4","at":1795496709000,"#,
                r#""way":{"way":"pin"}}}"#,
            ),
        ),
        (
            Business::Pension(Box::new(payment())),
            concat!(
                r#"{"kind":"pension","person":"11010519491231002X","#,
                r#""card_id":"430100D15600000500000001A1B2C3D4","period":202611,"amount":315000,"#,
                r#""cache_age_ms":60000,"#,
                r#""proof":{"card_id":"430100D15600000500000001A1B2C3D4","at":1795496709000,"#,
                r#""way":{"way":"pin_and_clerk","reason":"no_match","no_matches":3,"clerk":"0017","#,
                r#""second_clerk":"0018"}},"rests_on":{"certified":"until","day":20270331}}"#,
            ),
        ),
    ];
    for (business, text) in forms {
        assert_eq!(serde_json::to_string(&business).unwrap(), text);
        assert_eq!(serde_json::from_str::<Business>(text).unwrap(), business);
    }
    // Where a person was seen is said only when it was at home: older records read as made at a desk.
    let text = serde_json::to_string(&certification()).unwrap();
    let home = text.replace(r#""pin":false}}}"#, r#""pin":false}},"place":"home"}"#);
    let Business::Certification(seen) = serde_json::from_str(&home).unwrap() else { panic!("{home}") };
    assert_eq!(seen.place, CertifiedAt::Home);
    assert_eq!(serde_json::to_string(&Business::Certification(seen)).unwrap(), home);
    let enrolled = Business::Enrolment(Box::new(enrolment()));
    let text = serde_json::to_string(&enrolled).unwrap();
    assert!(text.starts_with(r#"{"kind":"enrolment""#));
    assert_eq!(serde_json::from_str::<Business>(&text).unwrap(), enrolled);
    // What no finger, month or day can be is not read at all.
    for (right, wrong) in [
        (r#""position":7"#, r#""position":0"#),
        (r#""position":7"#, r#""position":11"#),
        (r#""band":"clear""#, r#""band":14.2"#),
    ] {
        let text = serde_json::to_string(&certification()).unwrap();
        assert!(text.contains(right));
        assert!(serde_json::from_str::<Business>(&text.replace(right, wrong)).is_err(), "{wrong}");
    }
    for wrong in [r#"202613"#, r#""2026-11""#, "-1", "2026"] {
        assert!(serde_json::from_str::<Period>(wrong).is_err(), "{wrong}");
    }
    assert!(serde_json::from_str::<Day>("20260229").is_err());
    let reason = serde_json::to_string(&RefusalReason::PurchaseKnown).unwrap();
    assert_eq!(reason, r#""purchase_known""#);
}

#[test]
fn the_feed_and_answers_are_read_back() {
    let changes = vec![Change::Pension(pension()), Change::PensionGone(number().key())];
    let bytes = postcard::to_stdvec(&changes).unwrap();
    assert_eq!(postcard::from_bytes::<Vec<Change>>(&bytes).unwrap(), changes);
    for length in 0..bytes.len() {
        assert!(postcard::from_bytes::<Vec<Change>>(&bytes[..length]).is_err());
    }
    // The kinds that older terminals know keep their numbers.
    assert_eq!(postcard::to_stdvec(&Change::PersonGone(1)).unwrap()[0], 1);
    assert_eq!(postcard::to_stdvec(&Change::CardFreed([0; 12])).unwrap()[0], 3);
    assert_eq!(postcard::to_stdvec(&Change::PensionGone(1)).unwrap()[0], 5);
    let query = PensionQuery { person: number(), card: Some([0xAB; 12]) };
    let text = serde_json::to_string(&query).unwrap();
    assert_eq!(text, r#"{"person":"11010519491231002X","card":"abababababababababababab"}"#);
    assert_eq!(serde_json::from_str::<PensionQuery>(&text).unwrap(), query);
    let answer = PensionAnswer {
        pension: Some(pension()),
        schedule: None,
        state: Some(PersonState::Active),
        blocked: None,
        as_of: AT,
    };
    let text = serde_json::to_string(&answer).unwrap();
    // What older terminals and centers know is not told otherwise.
    assert!(!text.contains("schedule"), "{text}");
    assert_eq!(serde_json::from_str::<PensionAnswer>(&text).unwrap(), answer);
    let mut schedule = Schedule::constant(pension());
    schedule.change(Period::of(AT).next(), Fen(1));
    let answer = PensionAnswer { schedule: Some(schedule), ..answer };
    let text = serde_json::to_string(&answer).unwrap();
    assert_eq!(serde_json::from_str::<PensionAnswer>(&text).unwrap(), answer);
}

#[test]
fn nothing_personal_shows_in_debug() {
    let said = format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        certification(),
        payment(),
        enrolment(),
        Change::Pension(pension()),
        Change::PensionGone(pension().key),
        PensionQuery { person: number(), card: Some([0x43; 12]) },
    );
    for personal in [NUMBER, "1949", CARD, "434343", "67, 67"] {
        assert!(!said.contains(personal), "{personal}: {said}");
    }
    assert!(said.contains("NoMatch") && said.contains("2026"), "{said}");
}

#[test]
fn a_claim_counts_for_the_time_at_which_the_holder_was_known() {
    let mut body = Body {
        version: BODY_VERSION,
        id: TransactionId([1; 16]),
        terminal: "430100000001".parse().unwrap(),
        sequence: 1,
        made_at: AT.plus_ms(5_000),
        clock: ClockQuality::Checked,
        cycle: String::new(),
        operator: String::new(),
        offline: false,
        business: certification(),
    };
    assert_eq!(body.happened_at(), AT);
    body.business = Business::Pension(Box::new(payment()));
    assert_eq!(body.happened_at(), AT);
    body.made_at = AT.plus_ms(PROOF_AGE_MS_MAX);
    assert_eq!(body.happened_at(), AT);
    // Too long before the record, or after it: the record's own time.
    for made_at in [AT.plus_ms(PROOF_AGE_MS_MAX + 1), AT.plus_ms(-1)] {
        body.made_at = made_at;
        assert_eq!(body.happened_at(), made_at);
    }
}

#[test]
fn the_policy_says_what_suffices() {
    let policy = ProofPolicy::default();
    let strict = proof(Way::Finger(finger()));
    let ordinary =
        proof(Way::Finger(FingerMatch { band: Band::Ordinary, level: Level::Ordinary, ..finger() }));
    let with_pin = proof(Way::Finger(FingerMatch { pin: true, ..finger() }));
    let pin = proof(Way::Pin);
    let one_clerk = clerks(ManualReason::PoorImage, 0, None);
    let two_clerks = clerks(ManualReason::PoorImage, 0, Some("0018"));
    for (purpose, enough, not_enough) in [
        (Purpose::Visit, vec![&pin, &with_pin, &one_clerk], vec![&strict]),
        (Purpose::Pension, vec![&strict, &with_pin, &two_clerks], vec![&pin, &ordinary, &one_clerk]),
        (Purpose::Certification, vec![&strict, &two_clerks], vec![&pin, &ordinary, &one_clerk]),
        (Purpose::Enrolment, vec![&one_clerk, &with_pin], vec![&pin, &strict]),
    ] {
        for proof in enough {
            assert!(policy.suffices(purpose, proof), "{purpose:?} {proof:?}");
        }
        for proof in not_enough {
            assert!(!policy.suffices(purpose, proof), "{purpose:?} {proof:?}");
        }
    }
    // As many comparisons as the policy allows, and not one more: three of one finger, three of another.
    let tried = |tries, no_matches| proof(Way::Finger(FingerMatch { tries, no_matches, ..finger() }));
    assert!(policy.suffices(Purpose::Pension, &tried(3, 5)));
    assert!(!policy.suffices(Purpose::Pension, &tried(3, 6)));
    assert!(!policy.suffices(Purpose::Pension, &tried(4, 3)));
    assert!(policy.suffices(Purpose::Pension, &clerks(ManualReason::NoMatch, 6, Some("0018"))));
    assert!(!policy.suffices(Purpose::Pension, &clerks(ManualReason::NoMatch, 7, Some("0018"))));
    // A reason to suspect that nothing stands behind makes no sense.
    assert!(!clerks(ManualReason::NoMatch, 0, Some("0018")).sound());
    // The document is signed for its own purpose.
    let key = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    let public = protocol::signature::PublicKey::of(&key);
    let signed = Signed::new(&key, policy::PURPOSE, &policy).unwrap();
    assert_eq!(signed.open::<ProofPolicy>(&public, policy::PURPOSE).unwrap(), policy);
    assert!(signed.open::<ProofPolicy>(&public, protocol::rules::PURPOSE).is_err());
    let text = serde_json::to_string(&Sufficient::Finger { level: Level::Strict, pin: false }).unwrap();
    assert_eq!(text, r#"{"proof":"finger","level":"strict","pin":false}"#);
}
