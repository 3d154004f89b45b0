//! Messages as they go over the wire: forms that peers of other versions rely on, and what must not show.
#![allow(clippy::unwrap_used, reason = "tests")]

use card_spec::{money::Fen, person::PersonNumber, region::RegionCode};
use proptest::prelude::*;
use protocol::{
    account::{LoadRequest, LoadSource},
    enrolment::EnrolmentRequest,
    feed::{
        BlockReason, Change, PAGE_CHANGES_MAX, Page, PageError, Person, PersonAnswer, PersonQuery,
        PersonState, SignedPage,
    },
    id::{TerminalId, TransactionId},
    problem::{Problem, ProblemKind},
    record::{AbandonReason, Amounts, BODY_VERSION, Body, Business, CardPurchase, Load, Settlement},
    signature::{Digest, PublicKey, Signature, Signed, SignedError},
    timestamp::{ClockQuality, Timestamp},
    upload::{Record, RefusalReason, Verdict},
};
use ring::signature::Ed25519KeyPair;

const NUMBER: &str = "11010519491231002X";
const CARD: &str = "430100D15600000500000001A1B2C3D4";

fn key(byte: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[byte; 32]).unwrap()
}

fn number() -> PersonNumber {
    PersonNumber::parse(NUMBER).unwrap()
}

fn terminal() -> TerminalId {
    "430100000001".parse().unwrap()
}

fn settlement() -> Settlement {
    Settlement {
        visit: "V1".into(),
        person: number(),
        region: RegionCode::parse("430100").unwrap(),
        card_id: CARD.into(),
        med_type: "11".into(),
        insutype: "310".into(),
        rules_version: "430100-2026".into(),
        cache_age_ms: 5,
        lines: 1,
        lines_digest: Digest([3; 32]),
        amounts: Amounts::default(),
        card: Some(CardPurchase {
            card_factor: "8637430100000123".into(),
            card_serial: 2,
            terminal_serial: 7,
            account: Fen(100),
            self_paid: Fen(200),
            pooled: Fen(300),
            date_time: "20260101093000".into(),
            algorithm: 3,
            key_version: 1,
            tac: "73B30E90".into(),
            from_proof: false,
            balance_before: Fen(1_000),
        }),
    }
}

fn body(business: Business) -> Body {
    Body {
        version: BODY_VERSION,
        id: TransactionId([0x1F; 16]),
        terminal: terminal(),
        sequence: 9,
        made_at: Timestamp(1_767_200_000_000),
        clock: ClockQuality::Checked,
        cycle: "C".into(),
        operator: "O".into(),
        offline: true,
        business,
    }
}

#[test]
fn a_body_has_this_form() {
    let text = serde_json::to_string(&body(Business::Abandoned { reason: AbandonReason::CardGone })).unwrap();
    assert_eq!(
        text,
        r#"{"version":1,"id":"1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f","terminal":"430100000001","sequence":9,"#
            .to_owned()
            + r#""made_at":1767200000000,"clock":"checked","cycle":"C","operator":"O","offline":true,"#
            + r#""business":{"kind":"abandoned","reason":"card_gone"}}"#
    );
    let whole = body(Business::Settlement(Box::new(settlement())));
    let text = serde_json::to_string(&whole).unwrap();
    assert_eq!(serde_json::from_str::<Body>(&text).unwrap(), whole);
    assert!(text.contains(r#""kind":"settlement""#) && text.contains(NUMBER));
}

#[test]
fn verdicts_and_problems_have_these_forms() {
    let forms = [
        (Verdict::Booked, r#"{"verdict":"booked"}"#),
        (Verdict::Duplicate { first: "r".into() }, r#"{"verdict":"duplicate","first":"r"}"#),
        (Verdict::Conflict, r#"{"verdict":"conflict"}"#),
        (
            Verdict::Refused { reason: RefusalReason::TacWrong },
            r#"{"verdict":"refused","reason":"tac_wrong"}"#,
        ),
    ];
    for (verdict, text) in forms {
        assert_eq!(serde_json::to_string(&verdict).unwrap(), text);
        assert_eq!(serde_json::from_str::<Verdict>(text).unwrap(), verdict);
    }
    let problem = Problem::new(ProblemKind::ChainGap, "why");
    let text = r#"{"type":"chain_gap","status":409,"detail":"why"}"#;
    assert_eq!(serde_json::to_string(&problem).unwrap(), text);
    assert_eq!(serde_json::from_str::<Problem>(text).unwrap(), problem);
    assert_eq!(problem.to_string(), "ChainGap (409): why");
}

#[test]
fn nothing_personal_shows_in_debug() {
    let load = Load {
        person: number(),
        card_id: CARD.into(),
        amount: Fen(5),
        card_serial: 1,
        tac: "73B30E90".into(),
        date_time: "20260101093000".into(),
        balance_before: Fen(0),
    };
    let request = LoadRequest {
        id: TransactionId([1; 16]),
        terminal: terminal(),
        person: number(),
        card_id: CARD.into(),
        card_factor: "8637430100000123".into(),
        amount: Fen(5),
        source: LoadSource::Credit,
        balance: Fen(0),
        card_serial: 1,
        algorithm: 1,
        key_version: 1,
        random: "01020304".into(),
        mac1: "05060708".into(),
        date_time: "20260101093000".into(),
    };
    let entry = person();
    let text = serde_json::to_string(&body(Business::Settlement(Box::new(settlement())))).unwrap();
    let record = Record { sequence: 1, body: text, signature: Signature([0; 64]) };
    let enrolment = EnrolmentRequest {
        terminal: terminal(),
        code: "SECRET".into(),
        identity: PublicKey([1; 32]),
        csr: "csr".into(),
        signature: Signature([0; 64]),
    };
    let said = format!(
        "{:?} {load:?} {request:?} {entry:?} {record:?} {enrolment:?} {:?} {:?} {:?}",
        body(Business::Settlement(Box::new(settlement()))),
        Change::Person(entry),
        Change::PersonGone(entry.key),
        Change::CardBlocked { card: [0x43; 12], reason: BlockReason::Lost },
    );
    for personal in [NUMBER, "1949", CARD, "8637430100000123", "73B30E90", "SECRET", "434343", "67, 67"] {
        assert!(!said.contains(personal), "{personal}: {said}");
    }
    assert!(said.contains("CardBlocked(…, Lost)") && said.contains("terminal_serial: 7"));
}

fn person() -> Person {
    Person {
        key: number().key(),
        state: PersonState::Suspended,
        insutype: 390,
        psn_type: 15,
        civil_servant: true,
        paid_until: 24_322,
        year: 2026,
        deductible_fen: 1,
        pooled_outpatient_fen: 2,
        pooled_inpatient_fen: u32::MAX,
        own_in_scope_fen: 4,
        stays: 5,
    }
}

fn page(changes: Vec<Change>) -> Page {
    Page {
        city: RegionCode::parse("430100").unwrap(),
        epoch: 3,
        after: 10,
        upto: 10 + changes.len() as u64,
        newest: 99_999,
        as_of: Timestamp(5),
        changes,
    }
}

#[test]
fn a_page_is_what_the_center_signed_or_nothing() {
    let key = key(7);
    let public = PublicKey::of(&key);
    let changes = vec![
        Change::Person(person()),
        Change::PersonGone(5),
        Change::CardBlocked { card: [1; 12], reason: BlockReason::Fraud },
        Change::CardFreed([2; 12]),
    ];
    let page_of = page(changes);
    let signed = SignedPage::sign(&key, &page_of).unwrap();
    assert_eq!(signed.open(&public).unwrap(), page_of);
    for index in 0..signed.page.len() {
        let mut changed = signed.clone();
        changed.page[index] ^= 1;
        assert_eq!(changed.open(&public), Err(PageError::Signature));
    }
    let mut cut = signed.clone();
    cut.signature.pop();
    assert_eq!(cut.open(&public), Err(PageError::Signature));
    // Signed, and yet nothing that may be applied.
    let sign = |bytes: Vec<u8>| SignedPage {
        signature: Signature::sign(&key, protocol::feed::PURPOSE, &Digest::of(&bytes).0).0.to_vec(),
        page: bytes,
    };
    assert_eq!(sign(signed.page[..20].to_vec()).open(&public), Err(PageError::Content));
    let backwards = Page { upto: 9, ..page(Vec::new()) };
    assert_eq!(SignedPage::sign(&key, &backwards).unwrap().open(&public), Err(PageError::Content));
    let full = page(vec![Change::PersonGone(1); PAGE_CHANGES_MAX]);
    assert!(SignedPage::sign(&key, &full).unwrap().open(&public).is_ok());
    let over = page(vec![Change::PersonGone(1); PAGE_CHANGES_MAX + 1]);
    assert_eq!(SignedPage::sign(&key, &over).unwrap().open(&public), Err(PageError::Content));
    // A full page of the longest changes stays below the limit of bytes.
    let longest = page(vec![Change::Person(Person { key: u64::MAX, ..person() }); PAGE_CHANGES_MAX]);
    let bytes = postcard::to_stdvec(&SignedPage::sign(&key, &longest).unwrap()).unwrap();
    assert!(bytes.len() < protocol::feed::PAGE_BYTES_MAX);
}

#[test]
fn a_signature_is_good_for_its_key_purpose_and_text() {
    let document = RegionCode::parse("430100").unwrap();
    let signed = Signed::new(&key(7), "a", &document).unwrap();
    let public = PublicKey::of(&key(7));
    assert_eq!(signed.open(&public, "a"), Ok(document));
    assert_eq!(signed.open::<RegionCode>(&public, "b"), Err(SignedError::Signature));
    assert_eq!(signed.open::<RegionCode>(&PublicKey::of(&key(8)), "a"), Err(SignedError::Signature));
    assert_eq!(signed.open::<Problem>(&public, "a"), Err(SignedError::Content));
    let changed = Signed { text: "\"430200\"".into(), ..signed };
    assert_eq!(changed.open::<RegionCode>(&public, "a"), Err(SignedError::Signature));
    // Purpose and text cannot be shifted into each other.
    let shifted = Signature::sign(&key(7), "ab", b"c");
    assert!(public.verify("a", b"bc", &shifted).is_err());
}

#[test]
fn a_chain_commits_to_everything_before() {
    // SHA-256 of 32 zero bytes and "abc", by sha256sum.
    let first = Digest::default().chain(b"abc");
    assert_eq!(first, Digest::of(&[&[0; 32][..], b"abc"].concat()));
    assert_ne!(first.chain(b"d"), Digest::default().chain(b"abcd"));
}

#[test]
fn terminals_are_twelve_digits_also_on_the_card() {
    assert_eq!(terminal().to_bcd(), [0x43, 0x01, 0, 0, 0, 0x01]);
    assert_eq!(TerminalId::from_bcd([0x43, 0x01, 0, 0, 0, 0x01]), Ok(terminal()));
    assert!(TerminalId::from_bcd([0x4A, 0, 0, 0, 0, 0]).is_err());
    for bad in ["", "43010000000", "4301000000011", "43010000000x", "４３０１００００００"] {
        assert!(bad.parse::<TerminalId>().is_err(), "{bad}");
        assert!(serde_json::from_value::<TerminalId>(bad.into()).is_err());
    }
}

proptest! {
    #[test]
    fn texts_of_values_are_read_back(bytes in any::<[u8; 32]>(), id in any::<[u8; 16]>()) {
        let digest = Digest(bytes);
        prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        let name = TransactionId(id);
        prop_assert_eq!(name.to_string().parse::<TransactionId>().unwrap(), name);
        let mut long = [0; 64];
        long[..32].copy_from_slice(&bytes);
        let signature = Signature(long);
        let text = serde_json::to_string(&signature).unwrap();
        prop_assert_eq!(serde_json::from_str::<Signature>(&text).unwrap(), signature);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = postcard::from_bytes::<SignedPage>(&bytes);
        let _ = postcard::from_bytes::<Page>(&bytes);
        let _ = serde_json::from_slice::<Body>(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = text.parse::<Digest>();
        let _ = text.parse::<TerminalId>();
        let _ = text.parse::<TransactionId>();
        let _ = text.parse::<Signature>();
    }
}

#[test]
fn a_question_about_a_person_may_name_the_card() {
    let without: PersonQuery = serde_json::from_str(&format!("{{\"person\":\"{NUMBER}\"}}")).unwrap();
    assert_eq!(without, PersonQuery { person: number(), card: None });
    assert_eq!(serde_json::to_string(&without).unwrap(), format!("{{\"person\":\"{NUMBER}\"}}"));
    let mut card = [0; 12];
    hex::decode_to_slice(&CARD[..24], &mut card).unwrap();
    let with = PersonQuery { person: number(), card: Some(card) };
    let text = serde_json::to_string(&with).unwrap();
    assert!(text.contains(&CARD[..24].to_ascii_lowercase()), "{text}");
    assert_eq!(serde_json::from_str::<PersonQuery>(&text).unwrap(), with);
    assert!(!format!("{with:?}").contains("67, 1"), "{with:?}");
    for bad in [&CARD[..23], CARD, "zz"] {
        let text = format!("{{\"person\":\"{NUMBER}\",\"card\":\"{bad}\"}}");
        assert!(serde_json::from_str::<PersonQuery>(&text).is_err(), "{bad}");
    }
    // A center of before answers without the field.
    let answer: PersonAnswer = serde_json::from_str("{\"city\":null,\"person\":null,\"as_of\":5}").unwrap();
    assert_eq!(answer.blocked, None);
}

#[test]
fn a_purchase_counts_for_the_day_on_which_it_took_place() {
    let made_at = Timestamp::from_card_digits("20270103100000").unwrap();
    let mut body = Body {
        version: BODY_VERSION,
        id: TransactionId([1; 16]),
        terminal: terminal(),
        sequence: 1,
        made_at,
        clock: ClockQuality::Checked,
        cycle: String::new(),
        operator: String::new(),
        offline: false,
        business: Business::Abandoned { reason: AbandonReason::Cancelled },
    };
    assert_eq!(body.happened_at(), made_at);
    let mut at = |date_time: &str| {
        let mut settlement = settlement();
        settlement.card.as_mut().unwrap().date_time = date_time.into();
        body.business = Business::Settlement(Box::new(settlement));
        body.happened_at()
    };
    let day = |digits| Timestamp::from_card_digits(digits).unwrap();
    assert_eq!(at("20261231235959"), day("20261231235959"));
    assert_eq!(at("20270103100000"), made_at);
    assert_eq!(at("20260102100000"), day("20260102100000"));
    // After the record, too long before it, no time at all: the record's own time.
    for doubtful in ["20270103100001", "20260102095959", "20270230100000", ""] {
        assert_eq!(at(doubtful), made_at, "{doubtful}");
    }
    let mut without = settlement();
    without.card = None;
    body.business = Business::Settlement(Box::new(without));
    assert_eq!(body.happened_at(), made_at);
}
