//! Documents of the center that this program cannot read: the rest is used, and no counter is closed.

use card_spec::generation::Generation;
use protocol::{
    limits::{self, OfflineLimits},
    rules::{PURPOSE, RulesDocument, RulesSet},
    signature::Signed,
};
use terminal::{
    audit::AuditEvent,
    error::Error,
    flows::{Document, LineEntry, Unreadable},
    language::Language,
    rules::RulesError,
};

use super::support::{
    counter::{Counter, entry, identity_of},
    *,
};

fn document(version: &str, configuration: String) -> RulesDocument {
    RulesDocument { version: version.into(), effective_from: "2023-01-01".into(), configuration }
}

fn city_rules() -> RulesDocument {
    let text = include_str!("../../samples/rules/xiamen.json").replace("\"350200\"", "\"430100\"");
    document("rules-1", text)
}

fn catalog(version: u32, from: &str, ceiling: &str) -> RulesDocument {
    let text = format!(
        r#"{{"format":1,"version":{version},"effective_from":"{from}","items":[
            {{"code":"A1","name":"试验片剂","class":"01","price_ceiling":"{ceiling}"}}]}}"#
    );
    document(&format!("catalog-{version}"), text)
}

fn signed(revision: u64, documents: Vec<RulesDocument>) -> Signed {
    Signed::new(identity_of(200).key_pair(), PURPOSE, &RulesSet { revision, documents }).unwrap()
}

fn unreadable_in_audit(counter: &mut Counter) -> usize {
    let audit = counter.ledger().audit_entries(0, 1_000).unwrap();
    audit.iter().filter(|entry| matches!(entry.event, Some(AuditEvent::DocumentsUnreadable { .. }))).count()
}

#[test]
fn what_can_be_read_is_used() {
    let person = person(3);
    let mut counter = Counter::new(&[entry(&person)]);
    let later = document("rules-9", r#"{"format":99,"region":"430100"}"#.into());
    counter.store_rules(&signed(1, vec![city_rules(), later]));
    // Taken up at every start and after every fetch; told once.
    for _ in 0..3 {
        counter.restart_with_stored_rules();
        let unreadable = counter.terminal().unreadable().to_vec();
        assert_eq!(unreadable.len(), 1, "{unreadable:?}");
        assert_eq!(unreadable[0].document, Document::OneOfRules { version: "rules-9".into() });
        assert!(matches!(unreadable[0].reason, Unreadable::Rules(_)));
        let words = unreadable[0].words(Language::Chinese);
        assert!(words.what.contains("rules-9") && !words.next.is_empty(), "{words}");
        assert_eq!(unreadable_in_audit(&mut counter), 1);
    }
    counter.insert(&TestCard::of(&order(&person, Generation::Three)));
    counter.tap().unwrap();
    let agreed = counter.visit("V1").unwrap();
    let settled = counter.terminal().settle(&agreed).unwrap();

    // Nothing can be read: no new bill, and everything else goes on.
    counter.store_rules(&signed(2, vec![document("rules-9", "{}".into())]));
    counter.restart_with_stored_rules();
    assert_eq!(unreadable_in_audit(&mut counter), 2);
    counter.insert(&TestCard::of(&order(&person, Generation::Three)));
    counter.tap().unwrap();
    let error = counter.visit("V2").unwrap_err();
    assert!(matches!(error, Error::Rules(RulesError::NoRules { .. })), "{error:?}");
    assert!(counter.terminal().receipt(settled.id).unwrap().copy);
    assert!(counter.terminal().send_all().unwrap());

    // Mended.
    counter.store_rules(&signed(3, vec![city_rules()]));
    counter.restart_with_stored_rules();
    assert_eq!(counter.terminal().unreadable(), []);
    assert_eq!(unreadable_in_audit(&mut counter), 2);
}

#[test]
fn a_center_with_another_key_closes_no_counter() {
    let person = person(3);
    let mut counter = Counter::new(&[entry(&person)]);
    counter.store_rules(&signed(1, vec![city_rules()]));
    let own = OfflineLimits { version: 1, amount_max_fen: yuan("5"), ..OfflineLimits::default() };
    let own = Signed::new(identity_of(200).key_pair(), limits::PURPOSE, &own).unwrap();
    counter.store_limits(&own);
    counter.restart_with_stored_rules();
    assert_eq!(counter.terminal().limits().amount_max_fen, yuan("5"));
    counter.center.state().key = identity_of(201);
    counter.restart_with_stored_rules();
    let unreadable = counter.terminal().unreadable().to_vec();
    let documents: Vec<Document> = unreadable.iter().map(|unreadable| unreadable.document.clone()).collect();
    assert_eq!(documents, [Document::Limits, Document::Rules]);
    assert!(unreadable.iter().all(|unreadable| unreadable.reason == Unreadable::NotSigned));
    assert_eq!(*counter.terminal().limits(), OfflineLimits::default(), "what a terminal lives by till then");
    assert_eq!(counter.terminal().ledger().unresolved_all().unwrap(), []);
}

#[test]
fn a_catalog_to_come_prices_nothing_yet() {
    let person = person(3);
    let mut counter = Counter::new(&[entry(&person)]);
    let set = vec![city_rules(), catalog(1, "2026-01-01", "50.00"), catalog(2, "2027-01-01", "80.00")];
    counter.store_rules(&signed(1, set));
    counter.restart_with_stored_rules();
    assert_eq!(counter.terminal().unreadable(), []);
    counter.insert(&TestCard::of(&order(&person, Generation::Three)));
    counter.tap().unwrap();
    let visit = terminal::flows::VisitEntry { number: "V1".into(), med_type: "11".into() };
    counter.terminal().register(&visit).unwrap();
    let content = r#"{"code":"A1","price":"100.00","count":"1"}"#.into();
    let line = LineEntry { serial: "1".into(), batch: "B".into(), content };
    counter.terminal().add_lines("V1", &[line]).unwrap();
    let agreed = counter.terminal().pre_settle("V1", true).unwrap();
    assert_eq!(agreed.outcome.settlement.amounts().overlmt_selfpay, yuan("50"), "this year's ceiling");
}
