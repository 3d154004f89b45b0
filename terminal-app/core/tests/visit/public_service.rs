//! What is asked at a kiosk: with which proof, from where, and how old it is.

use card_spec::generation::Generation;
use protocol::{
    calendar::Day,
    evidence::Way,
    service::{
        Article, Document, DocumentChange, DocumentChanges, DocumentKind, Here, PROOF_AGE_MS_MAX,
        PersonalQuestion, Search, document::PURPOSE,
    },
    signature::Signed,
    timestamp::Timestamp,
};
use terminal::{
    cache::CacheError, error::Error, flows::service::ShownFrom, holder::ProofError, ports::LinkError,
    session::SessionError,
};

use super::support::{
    counter::{Counter, entry},
    *,
};

fn scene() -> (Counter, TestCard) {
    let person = person(3);
    let counter = Counter::new(&[entry(&person)]);
    let card = TestCard::of(&order(&person, Generation::Three));
    (counter, card)
}

fn article(code: &str, title: &str) -> DocumentChange {
    let article = Article {
        code: code.into(),
        title: title.into(),
        topic: "社保".into(),
        text: "正文".into(),
        issuer: "市局".into(),
        reference: String::new(),
        keywords: Vec::new(),
        published: Day::from_number(20_260_101).unwrap(),
    };
    let document = Some(Document::Article(article));
    DocumentChange { kind: DocumentKind::Article, code: code.into(), document }
}

fn page(after: u64, changes: Vec<DocumentChange>, as_of: Timestamp) -> DocumentChanges {
    let upto = after + changes.len() as u64;
    DocumentChanges {
        city: city(),
        epoch: 7,
        after,
        upto,
        newest: upto,
        as_of,
        here: Here::default(),
        changes,
    }
}

fn signed(counter: &Counter, page: &DocumentChanges) -> Signed {
    Signed::new(counter.center.state().key.key_pair(), PURPOSE, page).unwrap()
}

#[test]
fn a_personal_question_takes_a_fresh_proof_and_the_open_card() {
    let (mut counter, card) = scene();
    assert_eq!(counter.terminal().dues().unwrap_err(), Error::Session(SessionError::CardFirst));
    counter.insert(&card);
    counter.terminal().open_card().unwrap();
    assert_eq!(counter.terminal().dues().unwrap_err(), Error::Proof(ProofError::ProofFirst));
    assert!(counter.center.state().personal.is_empty(), "nothing went out");
    counter.pad.types(sim::personalise::TEST_PIN);
    counter.terminal().verify_holder().unwrap();
    let shown = counter.terminal().dues().unwrap();
    assert!(matches!(shown.from, ShownFrom::Center { .. }));
    {
        let state = counter.center.state();
        let asked = &state.personal[0];
        assert_eq!((&asked.asker.proof.way, &asked.question), (&Way::Pin, &PersonalQuestion::Dues));
        assert_eq!(asked.asker.person, person(3).number);
        let debug = format!("{asked:?}");
        assert!(!debug.contains(person(3).number.as_str()) && !debug.contains(&asked.asker.proof.card_id));
    }
    // The proof keeps the time at which the PIN was right, and is too old in the end.
    counter.clock.pass(PROOF_AGE_MS_MAX);
    counter.terminal().dues().unwrap();
    let times: Vec<Timestamp> =
        counter.center.state().personal.iter().map(|asked| asked.asker.proof.at).collect();
    assert_eq!(times[0], times[1]);
    counter.clock.pass(1);
    assert_eq!(counter.terminal().dues().unwrap_err(), Error::Proof(ProofError::ProofFirst));
    counter.pad.types(sim::personalise::TEST_PIN);
    counter.terminal().verify_holder().unwrap();
    counter.terminal().dues().unwrap();
    // With the card goes the proof, and a personal answer is never had from here.
    counter.terminal().close_card();
    assert_eq!(counter.terminal().dues().unwrap_err(), Error::Session(SessionError::CardFirst));
}

#[test]
fn without_the_line_the_card_tells_its_own_and_the_center_nothing() {
    let (mut counter, card) = scene();
    counter.center.state().up = false;
    counter.insert(&card);
    counter.tap().unwrap();
    let shown = counter.terminal().card_account().unwrap();
    assert_eq!((shown.from, shown.content.balance.0), (ShownFrom::Card, 50_000));
    let down = counter.terminal().account_movements(None, 10).unwrap_err();
    assert!(matches!(down, Error::Link(LinkError::Down { .. })), "{down:?}");
    let down = counter.terminal().report_other_cards_lost(true).unwrap_err();
    assert!(matches!(down, Error::Link(LinkError::Down { .. })), "{down:?}");
}

#[test]
fn public_documents_are_kept_and_say_how_old_they_are() {
    let (mut counter, _) = scene();
    // Nothing was ever fetched: nothing is shown, and that is said.
    counter.center.state().up = false;
    let empty = counter.terminal().articles(&Search::default()).unwrap();
    assert_eq!((empty.content.total, empty.from), (0, ShownFrom::Copy { as_of: None, age_ms: None }));
    let now = counter.clock.now();
    let changes = vec![article("A1", "失业保险金怎么申领"), article("A2", "社保卡挂失")];
    let first = signed(&counter, &page(0, changes, now));
    assert_eq!(counter.open_cache().apply_public(&first), Ok(2));
    counter.clock.pass(3 * 3_600_000);
    let found = counter.terminal().articles(&Search::of("失业金怎么领")).unwrap();
    assert_eq!(found.content.articles[0].code, "A1");
    assert_eq!(found.from, ShownFrom::Copy { as_of: Some(now), age_ms: Some(3 * 3_600_000) });
    let whole = counter.terminal().article("A2").unwrap();
    assert_eq!(whole.content.unwrap().title, "社保卡挂失");
    assert_eq!(counter.terminal().article("A3").unwrap().content, None);

    // Only the next page of our own center is taken; what was kept stays.
    let later = counter.clock.now();
    let mut cache = counter.open_cache();
    let other_city = DocumentChanges {
        city: card_spec::region::RegionCode::parse("110100").unwrap(),
        ..page(2, vec![article("A3", "三")], later)
    };
    let unsound = DocumentChanges { newest: 0, ..page(2, vec![article("A3", "三")], later) };
    let mut forged = signed(&counter, &page(2, vec![article("A3", "三")], later));
    forged.text = forged.text.replace("三", "叁");
    for (page, expected) in [
        (signed(&counter, &other_city), CacheError::OtherCity),
        (signed(&counter, &unsound), CacheError::Content),
        (forged, CacheError::NotSigned),
        (first, CacheError::OutOfOrder { expected: 2, got: 0 }),
        (signed(&counter, &page(2, Vec::new(), now.plus_ms(-1))), CacheError::Outdated),
    ] {
        assert_eq!(cache.apply_public(&page), Err(expected));
    }
    let gone = DocumentChange { document: None, ..article("A1", "") };
    let next = signed(&counter, &page(2, vec![gone, article("A2", "社保卡补换")], later));
    assert_eq!(cache.apply_public(&next), Ok(2));
    let titles: Vec<String> = cache.articles().unwrap().into_iter().map(|article| article.title).collect();
    assert_eq!(titles, ["社保卡补换"]);
    assert_eq!(cache.public_progress().unwrap().as_of, Some(later));
    // Another generation starts from nothing.
    let renewed = DocumentChanges { epoch: 8, ..page(0, vec![article("B1", "新")], later) };
    assert_eq!(cache.apply_public(&signed(&counter, &renewed)), Ok(1));
    assert_eq!(cache.articles().unwrap().len(), 1);
}
