//! Loads, refunds and TACs, with a card whose codes the test computes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use card_spec::{generation::Algorithm, money::Fen};
use datacenter::{
    center::Center,
    security_module::SoftwareModule,
    storage::rows::{AlarmKind, Proof},
};
use protocol::{
    account::{LoadRequest, LoadSource},
    id::TransactionId,
    problem::ProblemKind,
    record::{Business, Cancellation, CardPurchase, Load, Refund},
    upload::{RefusalReason, Verdict},
};
use rig::{
    Rig,
    bodies::{abandoned, amounts},
    cards::{Card, alarms, book, credit, load, refusal, rig},
    person,
};

#[test]
fn a_load_is_granted_once_and_booked_by_its_tac() {
    for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
        let (rig, mut terminal) = rig();
        let mut card = Card::new(algorithm, 1);
        rig.center.production.add_credit(card.person.key(), Fen(50_000)).unwrap();
        let id = rig.dice.id();
        let request = card.request(id, terminal.id, Fen(30_000), LoadSource::Credit);
        let answer = load(&rig, &request).unwrap();
        assert_eq!(credit(&rig, &card), Fen(20_000));
        // Lost and asked again: the same answer, the money set aside once.
        assert_eq!(load(&rig, &request).unwrap(), answer);
        assert_eq!(credit(&rig, &card), Fen(20_000));
        let business = card.credit(terminal.id, Fen(30_000), &answer);
        assert_eq!(book(&rig, &mut terminal, id, business), Verdict::Booked);
        let record = &rig.center.production.storage().records(None, 1).unwrap()[0];
        assert_eq!(record.proof, Proof::Verified);
        assert_eq!(credit(&rig, &card), Fen(20_000));
        assert_eq!(alarms(&rig), []);
    }
}

#[test]
fn a_load_is_refused_with_a_reason() {
    let (rig, terminal) = rig();
    let card = Card::new(Algorithm::TripleDes, 1);
    let id = rig.dice.id();
    let good = card.request(id, terminal.id, Fen(100), LoadSource::Credit);
    assert!(refusal(&rig, &good).contains("credit"));
    rig.center.production.add_credit(card.person.key(), Fen(99)).unwrap();
    assert!(refusal(&rig, &good).contains("credit"));
    rig.center.production.add_credit(card.person.key(), Fen(1)).unwrap();
    let change = |change: &dyn Fn(&mut LoadRequest)| {
        let mut request = good.clone();
        change(&mut request);
        load(&rig, &request).unwrap_err()
    };
    assert!(change(&|r| r.mac1 = "00000000".into()).detail.contains("MAC1"));
    assert!(change(&|r| r.mac1 = "not hex!".into()).detail.contains("MAC1"));
    assert!(change(&|r| r.date_time = "20261324050000".into()).detail.contains("MAC1"));
    assert!(change(&|r| r.balance = Fen(1)).detail.contains("MAC1"));
    assert!(change(&|r| r.key_version = 2).detail.contains("no key"));
    assert!(change(&|r| r.algorithm = 2).detail.contains("no key"));
    assert!(change(&|r| r.card_id = "00".repeat(16)).detail.contains("no key"));
    assert_eq!(change(&|r| r.amount = Fen(0)).kind, ProblemKind::Malformed);
    assert_eq!(change(&|r| r.amount = Fen(-5)).kind, ProblemKind::Malformed);
    assert_eq!(change(&|r| r.card_id = "0".repeat(65)).kind, ProblemKind::Malformed);
    let foreign = rig.center.production.load("430100000009".parse().unwrap(), &good).unwrap_err();
    assert_eq!(foreign.kind, ProblemKind::NotAuthenticated);
    let nobody = change(&|r| r.source = LoadSource::Refund { of: TransactionId([1; 16]) });
    assert!(nobody.detail.contains("no refund"));
    assert_eq!(credit(&rig, &card), Fen(100));
    load(&rig, &good).unwrap();
    // The same name for another load is an alarm.
    let mut other = card.request(id, terminal.id, Fen(1), LoadSource::Credit);
    other.random = "01020304".into();
    assert!(refusal(&rig, &other).contains("other content"));
    assert_eq!(alarms(&rig), [AlarmKind::LoadConflict]);
}

#[test]
fn an_abandoned_load_frees_its_money_and_cannot_come_back() {
    let (rig, mut terminal) = rig();
    let mut neighbour = rig.terminal(2);
    let mut card = Card::new(Algorithm::Sm4, 2);
    rig.center.production.add_credit(card.person.key(), Fen(1_000)).unwrap();
    let id = rig.dice.id();
    let request = card.request(id, terminal.id, Fen(600), LoadSource::Credit);
    let answer = load(&rig, &request).unwrap();
    assert_eq!(credit(&rig, &card), Fen(400));
    // Another terminal cannot abandon it; its record of that name is booked and means nothing to the load.
    let stolen = rig.dice.id();
    assert_eq!(book(&rig, &mut neighbour, stolen, abandoned()), Verdict::Booked);
    assert_eq!(credit(&rig, &card), Fen(400));
    assert_eq!(book(&rig, &mut terminal, id, abandoned()), Verdict::Booked);
    assert_eq!(credit(&rig, &card), Fen(1_000));
    assert!(refusal(&rig, &request).contains("abandoned"));
    // The card was loaded after all: its serial has moved, and the next request shows it.
    let honest = card.clone();
    card.credit(terminal.id, Fen(600), &answer);
    let next = card.request(rig.dice.id(), terminal.id, Fen(100), LoadSource::Credit);
    assert!(refusal(&rig, &next).contains("serial"));
    assert_eq!(alarms(&rig), [AlarmKind::LoadDenied]);
    assert_eq!(credit(&rig, &card), Fen(1_000));
    // A card that was not loaded shows the old serial and is served.
    load(&rig, &honest.request(rig.dice.id(), terminal.id, Fen(100), LoadSource::Credit)).unwrap();
    assert_eq!(credit(&rig, &card), Fen(900));
}

#[test]
fn a_load_record_has_to_be_what_was_granted() {
    let (rig, mut terminal) = rig();
    let mut card = Card::new(Algorithm::TripleDes, 3);
    rig.center.production.add_credit(card.person.key(), Fen(10_000)).unwrap();
    let unknown = Verdict::Refused { reason: RefusalReason::LoadUnknown };
    let mut one = |change: &dyn Fn(&mut Load)| {
        let mut card = card.clone();
        let id = rig.dice.id();
        let answer = load(&rig, &card.request(id, terminal.id, Fen(10), LoadSource::Credit)).unwrap();
        let Business::Load(mut record) = card.credit(terminal.id, Fen(10), &answer) else { unreachable!() };
        change(&mut record);
        book(&rig, &mut terminal, id, Business::Load(record))
    };
    assert_eq!(one(&|load| load.amount = Fen(11)), unknown);
    assert_eq!(one(&|load| load.card_serial += 1), unknown);
    assert_eq!(one(&|load| load.balance_before = Fen(1)), unknown);
    assert_eq!(one(&|load| load.date_time = "20261124050001".into()), unknown);
    assert_eq!(one(&|load| load.person = person(9)), unknown);
    let wrong = Verdict::Refused { reason: RefusalReason::TacWrong };
    assert_eq!(one(&|load| load.tac = "00000000".into()), wrong);
    assert_eq!(one(&|load| load.tac = "tac".into()), wrong);
    assert_eq!(alarms(&rig), [AlarmKind::TacWrong, AlarmKind::TacWrong]);
    assert_eq!(one(&|_| {}), Verdict::Booked);
    // A load that nobody granted.
    let answer = load(&rig, &card.request(rig.dice.id(), terminal.id, Fen(10), LoadSource::Credit)).unwrap();
    let business = card.credit(terminal.id, Fen(10), &answer);
    assert_eq!(book(&rig, &mut terminal, rig.dice.id(), business), unknown);
}

#[test]
fn a_purchase_is_booked_by_its_tac() {
    for algorithm in [Algorithm::TripleDes, Algorithm::Sm4] {
        let (rig, mut terminal) = rig();
        let card = Card::new(algorithm, 4);
        let mut settle = |change: &dyn Fn(&mut protocol::record::Settlement)| {
            let mut settlement = card.settlement(terminal.id, 10_000);
            change(&mut settlement);
            let verdict =
                book(&rig, &mut terminal, rig.dice.id(), Business::Settlement(Box::new(settlement)));
            (verdict, rig.center.production.storage().records(None, 1).unwrap()[0].proof)
        };
        let card_of = |s: &mut protocol::record::Settlement, change: &dyn Fn(&mut CardPurchase)| {
            change(s.card.as_mut().unwrap());
        };
        assert_eq!(settle(&|_| {}), (Verdict::Booked, Proof::Verified));
        let wrong = (Verdict::Refused { reason: RefusalReason::TacWrong }, Proof::NotNeeded);
        // Everything that the TAC covers.
        assert_eq!(settle(&|s| card_of(s, &|c| c.self_paid.0 += 1)), wrong);
        assert_eq!(settle(&|s| card_of(s, &|c| c.pooled.0 += 1)), wrong);
        assert_eq!(settle(&|s| card_of(s, &|c| c.terminal_serial += 1)), wrong);
        assert_eq!(settle(&|s| card_of(s, &|c| c.date_time = "20261124050001".into())), wrong);
        assert_eq!(settle(&|s| card_of(s, &|c| c.date_time = "yesterday".into())), wrong);
        assert_eq!(settle(&|s| card_of(s, &|c| c.tac = "FFFFFFFF".into())), wrong);
        assert_eq!(settle(&|s| card_of(s, &|c| c.pooled.0 = -1)), wrong);
        assert_eq!(alarms(&rig), vec![AlarmKind::TacWrong; 7]);
        // The books' amount is the card's amount.
        let unbalanced = Verdict::Refused { reason: RefusalReason::Unbalanced };
        assert_eq!(settle(&|s| card_of(s, &|c| c.account.0 -= 1)).0, unbalanced);
        assert_eq!(settle(&|s| s.card = None).0, unbalanced);
        // A key that this center does not have: booked, and marked for the card's issuer.
        assert_eq!(settle(&|s| card_of(s, &|c| c.key_version = 3)), (Verdict::Booked, Proof::Unchecked));
        let another_city = format!("431200{}", &hex::encode(card.id)[6..]);
        assert_eq!(settle(&|s| s.card_id = another_city.clone()), wrong);
    }
}

#[test]
fn a_refund_is_owed_until_it_is_loaded() {
    let (rig, mut terminal) = rig();
    let mut card = Card::new(Algorithm::TripleDes, 5);
    let (settled, cancelled) = (rig.dice.id(), rig.dice.id());
    let settlement = card.settlement(terminal.id, 10_000);
    let account = settlement.amounts.acct_pay;
    let mut of = settlement.amounts;
    of = of.negated();
    assert_eq!(
        book(&rig, &mut terminal, settled, Business::Settlement(Box::new(settlement))),
        Verdict::Booked
    );
    let cancellation = |refund| {
        Business::Cancellation(Box::new(Cancellation {
            of: settled,
            person: card.person,
            amounts: of,
            refund,
        }))
    };
    let wrong = Verdict::Refused { reason: RefusalReason::RefundWrong };
    let id = rig.dice.id();
    assert_eq!(book(&rig, &mut terminal, id, cancellation(Refund::None)), wrong);
    let less = Refund::Owed { amount: account - Fen(1) };
    assert_eq!(book(&rig, &mut terminal, rig.dice.id(), cancellation(less)), wrong);
    let loaded = Refund::Loaded { by: rig.dice.id() };
    assert_eq!(book(&rig, &mut terminal, rig.dice.id(), cancellation(loaded)), wrong);
    let owed = cancellation(Refund::Owed { amount: account });
    assert_eq!(book(&rig, &mut terminal, cancelled, owed), Verdict::Booked);

    let source = LoadSource::Refund { of: cancelled };
    let too_much = card.request(rig.dice.id(), terminal.id, account + Fen(1), source.clone());
    assert!(refusal(&rig, &too_much).contains("less is owed"));
    let stranger = Card::new(Algorithm::TripleDes, 6);
    let theirs = stranger.request(rig.dice.id(), terminal.id, account, source.clone());
    assert!(refusal(&rig, &theirs).contains("no refund"));
    // Set aside, freed by an abandoned load, loaded at last.
    let first = rig.dice.id();
    load(&rig, &card.request(first, terminal.id, account, source.clone())).unwrap();
    assert!(
        refusal(&rig, &card.request(rig.dice.id(), terminal.id, Fen(1), source.clone())).contains("less")
    );
    assert_eq!(book(&rig, &mut terminal, first, abandoned()), Verdict::Booked);
    let second = rig.dice.id();
    let answer = load(&rig, &card.request(second, terminal.id, account, source.clone())).unwrap();
    let business = card.credit(terminal.id, account, &answer);
    assert_eq!(book(&rig, &mut terminal, second, business), Verdict::Booked);
    assert!(refusal(&rig, &card.request(rig.dice.id(), terminal.id, Fen(1), source)).contains("less"));
}

#[test]
fn a_refund_loaded_from_credit_pays_the_credit_back_once() {
    let (rig, mut terminal) = rig();
    let mut card = Card::new(Algorithm::TripleDes, 7);
    let visits: Vec<(TransactionId, Fen)> = (0..2)
        .map(|_| {
            let settlement = card.settlement(terminal.id, 10_000);
            let (id, account) = (rig.dice.id(), settlement.amounts.acct_pay);
            let verdict = book(&rig, &mut terminal, id, Business::Settlement(Box::new(settlement)));
            assert_eq!(verdict, Verdict::Booked);
            (id, account)
        })
        .collect();
    let account = visits[0].1;
    rig.center.production.add_credit(card.person.key(), account).unwrap();
    let by = rig.dice.id();
    let answer = load(&rig, &card.request(by, terminal.id, account, LoadSource::Credit)).unwrap();
    let business = card.credit(terminal.id, account, &answer);
    assert_eq!(book(&rig, &mut terminal, by, business), Verdict::Booked);
    assert_eq!(credit(&rig, &card), Fen::ZERO);
    let mut taken_back = amounts(10_000);
    taken_back.acct_pay = taken_back.psn_cash_pay;
    taken_back.psn_cash_pay = Fen::ZERO;
    let mut cancel = |of| {
        let cancellation = Cancellation {
            of,
            person: card.person,
            amounts: taken_back.negated(),
            refund: Refund::Loaded { by },
        };
        book(&rig, &mut terminal, rig.dice.id(), Business::Cancellation(Box::new(cancellation)))
    };
    assert_eq!(cancel(visits[0].0), Verdict::Booked);
    assert_eq!(credit(&rig, &card), account);
    assert_eq!(cancel(visits[1].0), Verdict::Refused { reason: RefusalReason::RefundWrong });
    assert_eq!(credit(&rig, &card), account);
}

#[test]
fn a_key_file_is_read_or_named_wrong() {
    let entry = |text: &str| format!("[{text}]");
    let good =
        r#"{"use":"load","algorithm":3,"version":1,"levels":2,"key":"000102030405060708090A0B0C0D0E0F"}"#;
    let module = SoftwareModule::from_json(&entry(good)).unwrap();
    assert!(!format!("{module:?}").contains("0001"));
    for (bad, error) in [
        ("{}".to_owned(), "list"),
        (entry(&good.replace("\"load\"", "\"purchase\"")), "list"),
        (entry(&good.replace(":3,", ":2,")), "entry 1"),
        (entry(&format!("{good},{}", good.replace("0E0F", "0E"))), "entry 2"),
        (entry(&good.replace("\"levels\":2", "\"levels\":4")), "entry 1"),
    ] {
        let told = SoftwareModule::from_json(&bad).unwrap_err().to_string();
        assert!(told.contains(error) && !told.contains("0405"), "{told}");
    }
    let rig = Rig::new(1);
    rig.center.set_issuer_keys(&entry(good)).unwrap();
    assert!(rig.center.set_issuer_keys("{}").is_err());
    Center::open(&rig.folder.path().join("center"), rig.outside.clone()).unwrap();
}
