//! Feed, rules, limits and the description of the interface, over the network.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use std::{collections::BTreeMap, time::Instant};

use datacenter::storage::rows::{Imported, ImportedPerson};
use protocol::{
    feed::{
        BlockReason, Change, Page, PageError, Person, PersonAnswer, PersonQuery, PersonState, SignedPage,
    },
    limits::OfflineLimits,
    problem::ProblemKind,
    rules::{RulesDocument, RulesSet},
    signature::{PublicKey, Signed},
};
use rig::{Client, Rig, person};

fn insured(number: u64) -> ImportedPerson {
    let person = Person {
        key: person(number).key(),
        state: PersonState::Active,
        insutype: 310,
        psn_type: 11,
        civil_servant: false,
        paid_until: 2026 * 12 + 10,
        year: 2026,
        deductible_fen: number as u32,
        pooled_outpatient_fen: 0,
        pooled_inpatient_fen: 0,
        own_in_scope_fen: 0,
        stays: 0,
    };
    ImportedPerson { person, with_sums: true }
}

fn page(client: &Client, key: &PublicKey, epoch: u64, after: u64, limit: u64) -> Page {
    let reply = client.get(&format!("/v1/feed?epoch={epoch}&after={after}&limit={limit}")).unwrap();
    assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/octet-stream"));
    let signed: SignedPage = postcard::from_bytes(&reply.bytes).unwrap();
    signed.open(key).unwrap()
}

#[test]
fn a_reader_ends_with_what_the_center_holds() {
    let rig = Rig::new(1);
    let running = rig.start();
    let client = rig.terminal(1).client(&running);
    let production = &rig.center.production;
    let key = production.public_key();
    let empty = page(&client, &key, 0, 0, 10);
    assert_eq!((empty.city, empty.after, empty.upto, empty.newest), (rig::city(), 0, 0, 0));
    assert_eq!((empty.as_of, empty.changes.len()), (rig::now(), 0));
    let epoch = empty.epoch;

    let mut chunks = Vec::new();
    let people = (0..25_000).map(|number| Ok(insured(number)));
    let imported = production.import_people(people, |done| chunks.push(done.read)).unwrap();
    assert_eq!(imported, Imported { read: 25_000, changed: 25_000 });
    assert_eq!(chunks, [25_000]);
    let card = [7; 12];
    production.set_cards(&[(card, Some(BlockReason::Replaced))]).unwrap();
    production.storage().remove_people(&[person(3).key()]).unwrap();

    let mut copy = BTreeMap::new();
    let mut blocked = BTreeMap::new();
    let mut cursor = 0;
    let mut pages = 0;
    loop {
        let page = page(&client, &key, epoch, cursor, 99_999);
        assert_eq!((page.after, page.epoch), (cursor, epoch));
        assert!(page.changes.len() <= protocol::feed::PAGE_CHANGES_MAX);
        if page.changes.is_empty() {
            assert_eq!((page.upto, page.newest), (cursor, cursor));
            break;
        }
        for change in page.changes {
            match change {
                Change::Person(person) => drop(copy.insert(person.key, person)),
                Change::PersonGone(key) => drop(copy.remove(&key)),
                Change::CardBlocked { card, reason } => drop(blocked.insert(card, reason)),
                Change::CardFreed(card) => drop(blocked.remove(&card)),
                other => panic!("{other:?}"),
            }
        }
        cursor = page.upto;
        pages += 1;
    }
    assert_eq!((pages, copy.len()), (3, 24_999));
    assert_eq!(copy[&person(20_007).key()], insured(20_007).person);
    assert_eq!(blocked.into_iter().collect::<Vec<_>>(), [(card, BlockReason::Replaced)]);

    // A cursor that this center never gave out is refused; one of another generation starts again.
    let ahead = client.get(&format!("/v1/feed?epoch={epoch}&after={}", cursor + 1)).unwrap();
    assert_eq!(ahead.problem(), ProblemKind::Malformed);
    let renewed = production.renew_epoch().unwrap();
    assert!(renewed > epoch);
    let again = page(&client, &key, epoch, cursor, 5);
    assert_eq!((again.epoch, again.after, again.changes.len()), (renewed, 0, 5));
    let too_many = vec![([0; 12], None); datacenter::production::feed::CARDS_MAX + 1];
    assert!(production.set_cards(&too_many).is_err());
    // A page under another key is none.
    let bytes = client.get("/v1/feed").unwrap().bytes;
    let signed: SignedPage = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(signed.open(&PublicKey([1; 32])), Err(PageError::Signature));
    running.stop();
}

#[test]
fn one_person_is_asked_for_by_a_body() {
    let rig = Rig::new(2);
    let running = rig.start();
    let client = rig.terminal(1).client(&running);
    rig.center.production.import_people([Ok(insured(5))], |_| {}).unwrap();
    let ask = |number| {
        client
            .post("/v1/person", &PersonQuery { person: person(number), card: None })
            .unwrap()
            .json::<PersonAnswer>()
    };
    let known = ask(5);
    assert_eq!((known.city, known.person), (Some(rig::city()), Some(insured(5).person)));
    let unknown = ask(6);
    assert_eq!((unknown.city, unknown.person, unknown.as_of), (None, None, rig::now()));
    // Who names the card hears at once that it was blocked, long before the feed brings it.
    let card = [7; 12];
    let with_card = || {
        let query = PersonQuery { person: person(5), card: Some(card) };
        client.post("/v1/person", &query).unwrap().json::<PersonAnswer>().blocked
    };
    assert_eq!(with_card(), None);
    rig.center.production.set_cards(&[(card, Some(BlockReason::Lost))]).unwrap();
    assert_eq!(with_card(), Some(BlockReason::Lost));
    assert_eq!(ask(5).blocked, None);
    rig.center.production.set_cards(&[(card, None)]).unwrap();
    assert_eq!(with_card(), None);
    running.stop();
}

#[test]
fn rules_and_limits_come_when_there_are_newer_ones() {
    let rig = Rig::new(3);
    let running = rig.start();
    let client = rig.terminal(1).client(&running);
    let production = &rig.center.production;
    let key = production.public_key();
    assert_eq!(client.get("/v1/rules").unwrap().status, 204);
    assert_eq!(client.get("/v1/limits").unwrap().status, 204);
    let document = |version: &str, effective_from: &str| RulesDocument {
        version: version.into(),
        effective_from: effective_from.into(),
        configuration: format!("{{\"version\":\"{version}\"}}"),
    };
    let (past, present) = (document("past", "2020-01-01"), document("present", "2026-01-01"));
    let to_come = document("to come", "2999-01-01");
    for document in [&to_come, &past, &present] {
        production.add_rules(document).unwrap();
    }
    for (bad, why) in [
        (document("", "2026-01-01"), "named"),
        (document("x", "2026-02-30"), "no day"),
        (RulesDocument { configuration: "[]".into(), ..document("x", "2026-01-01") }, "JSON"),
        (
            RulesDocument {
                configuration: format!("{{\"x\":\"{}\"}}", "y".repeat(protocol::rules::RULES_BYTES_MAX)),
                ..document("x", "2026-01-01")
            },
            "bytes",
        ),
    ] {
        let error = production.add_rules(&bad).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let signed: Signed = client.get("/v1/rules?revision=2").unwrap().json();
    let set: RulesSet = signed.open(&key, protocol::rules::PURPOSE).unwrap();
    assert_eq!((set.revision, set.documents), (3, vec![present, to_come]));
    assert_eq!(client.get("/v1/rules?revision=3").unwrap().status, 204);
    assert_eq!(client.get("/v1/rules?revision=0").unwrap().json::<Signed>(), signed);

    let wanted = OfflineLimits { queue_max: 9, ..OfflineLimits::default() };
    assert_eq!(production.set_limits(None, &wanted).unwrap(), 1);
    let signed: Signed = client.get("/v1/limits").unwrap().json();
    let limits: OfflineLimits = signed.open(&key, protocol::limits::PURPOSE).unwrap();
    assert_eq!(limits, OfflineLimits { version: 1, ..wanted.clone() });
    assert_eq!(client.get("/v1/limits?version=1").unwrap().status, 204);
    for number in 0..197 {
        production.storage().put_rules(&document(&format!("v{number}"), "2020-01-01")).unwrap();
    }
    let error = production.add_rules(&document("one more", "2026-01-01")).unwrap_err().to_string();
    assert!(error.contains("200 versions"), "{error}");
    let short = OfflineLimits { retention_ms: 1, ..wanted.clone() };
    assert!(production.set_limits(None, &short).is_err());
    let negative = OfflineLimits { cache_age_max_ms: -1, ..wanted };
    assert!(production.set_limits(None, &negative).is_err());
    running.stop();
}

#[test]
fn the_description_is_served_as_generated_and_names_everything() {
    let rig = Rig::new(4);
    let running = rig.start();
    let client = rig.terminal(1).client(&running);
    let reply = client.get("/openapi.json").unwrap();
    assert_eq!(reply.content_type, "application/json");
    let generated = datacenter::http::openapi_json();
    assert_eq!(String::from_utf8(reply.bytes).unwrap(), generated);
    let description: serde_json::Value = serde_json::from_str(&generated).unwrap();
    assert_eq!(description["openapi"], "3.1.0");
    let paths = description["paths"].as_object().unwrap();
    for (path, method) in [
        ("/healthz", "get"),
        ("/openapi.json", "get"),
        ("/v1/enrolment", "post"),
        ("/v1/renewal", "post"),
        ("/v1/chain-head", "get"),
        ("/v1/records", "post"),
        ("/v1/feed", "get"),
        ("/v1/rules", "get"),
        ("/v1/limits", "get"),
        ("/v1/person", "post"),
        ("/v1/policy", "get"),
        ("/v1/pension", "post"),
        ("/v1/load", "post"),
        ("/v1/refunds", "post"),
        ("/v1/reconciliation", "post"),
        ("/v1/notices", "post"),
        ("/v1/service/personal", "post"),
        ("/v1/service/dues/hold", "post"),
        ("/v1/service/failed-payments", "post"),
        ("/v1/service/loss", "post"),
        ("/v1/service/public", "post"),
        ("/v1/service/documents", "get"),
    ] {
        let operation = &paths[path][method];
        assert!(operation["responses"]["200"].is_object(), "{path}");
        assert!(operation["summary"].is_string(), "{path}");
        let open = ["/healthz", "/openapi.json", "/v1/enrolment", "/v1/renewal"].contains(&path);
        assert_eq!(operation["security"].is_null(), open, "{path}");
        assert_eq!(paths[path].as_object().unwrap().len(), 1, "{path}");
    }
    assert_eq!(paths.len(), 22);
    for parameter in description["paths"]["/v1/feed"]["get"]["parameters"].as_array().unwrap() {
        assert_eq!(parameter["in"], "query");
    }
    assert_eq!(description["components"]["securitySchemes"]["terminal"]["type"], "mutualTLS");
    // Every reference leads somewhere.
    let mut references = Vec::new();
    collect_references(&description, &mut references);
    assert!(references.len() > 40);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
    for schema in [
        "Receipt",
        "RulesSet",
        "OfflineLimits",
        "ProofPolicy",
        "Body",
        "Settlement",
        "HolderProof",
        "FingerEnrolment",
        "PensionPayment",
        "ContributionPayment",
        "ContributionReversal",
        "PensionAnswer",
        "PersonalReply",
        "LossReport",
        "PublicReply",
        "DocumentChanges",
        "Verdict",
        "RefusalReason",
    ] {
        assert!(description["components"]["schemas"][schema].is_object(), "{schema}");
    }
    running.stop();
}

fn collect_references(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(|value| value.as_str()) {
                found.push(reference.to_owned());
            }
            fields.values().for_each(|value| collect_references(value, found));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|value| collect_references(value, found)),
        _ => {}
    }
}

#[test]
fn a_page_of_ten_thousand_is_quick() {
    let rig = Rig::new(5);
    let people = (0..20_000).map(|number| Ok(insured(number)));
    rig.center.production.import_people(people, |_| {}).unwrap();
    let began = Instant::now();
    let bytes = rig.center.production.feed_page(0, 5_000, 10_000).unwrap();
    let elapsed = began.elapsed();
    assert!(bytes.len() < protocol::feed::PAGE_BYTES_MAX, "{} bytes", bytes.len());
    // A generous bound for a debug build on a busy machine; the benchmark has the figure.
    assert!(elapsed.as_millis() < 2_000, "{elapsed:?}");
}
