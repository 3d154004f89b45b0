//! What the world does between the holder's yes and the money: other bills, deaths, lost cards, lines that fail.

use card_spec::{generation::Generation, money::Fen};
use protocol::{
    feed::{BlockReason, Change, Person as Entry, PersonState},
    record::Business,
};
use terminal::{
    audit::AuditEvent,
    eligibility::{Decision, Refusal, Source},
    error::{Error, MoneyOutcome},
    flows::{AccountRefund, PreSettlement},
    ledger::Filter,
};

use super::support::{
    counter::{Counter, entry},
    truth::account,
    *,
};

const BALANCE_FEN: u32 = 50_000;

/// A counter with a person who has nothing used of the deductible, and the card in it, verified.
fn counter(up: bool) -> (Counter, Entry, TestCard) {
    let person = person(3);
    let entry = Entry { deductible_fen: 0, ..entry(&person) };
    let mut counter = Counter::new(&[entry]);
    counter.center.state().up = up;
    let card = TestCard::of(&order(&person, Generation::Three).account(BALANCE_FEN));
    counter.insert(&card);
    counter.tap().unwrap();
    (counter, entry, card)
}

fn blocked(counter: &mut Counter, reason: BlockReason) {
    let card = counter.terminal().card().unwrap().key().0;
    counter.feed(vec![Change::CardBlocked { card, reason }]);
}

fn deductible(agreed: &PreSettlement) -> Fen {
    agreed.outcome.settlement.amounts().act_pay_dedc
}

#[test]
fn two_bills_take_one_deductible() {
    for up in [true, false] {
        let (mut counter, _, _) = counter(up);
        let first = counter.visit("V1").unwrap();
        let second = counter.visit("V2").unwrap();
        let taken = deductible(&first);
        assert!(taken > Fen::ZERO && taken == deductible(&second), "neither knows of the other yet");
        counter.terminal().settle(&first).unwrap();
        let error = counter.terminal().settle(&second).unwrap_err();
        assert_eq!((error.money(), error), (MoneyOutcome::NotDone, Error::BillChanged));
        let second = counter.terminal().pre_settle("V2", true).unwrap();
        assert_eq!(second.eligible.person.deductible_fen, taken.0 as u32);
        counter.terminal().settle(&second).unwrap();
    }
}

#[test]
fn a_settlement_elsewhere_changes_the_bill() {
    let (mut counter, entry, _) = counter(true);
    let agreed = counter.visit("V1").unwrap();
    // Another hospital's settlement was booked; only the center knows so far.
    let elsewhere = Entry { deductible_fen: 90_000, ..entry };
    counter.center.learn(&[Change::Person(elsewhere)]);
    assert_eq!(counter.terminal().settle(&agreed).unwrap_err(), Error::BillChanged);
    let agreed = counter.terminal().pre_settle("V1", true).unwrap();
    assert_eq!(agreed.eligible.person.deductible_fen, 90_000);
    // The line fails now: what the center has said in this tap is younger than the copy here.
    counter.center.state().up = false;
    counter.clock.pass(20_000);
    let settled = counter.terminal().settle(&agreed).unwrap();
    let row = counter.ledger().transaction(settled.id).unwrap().unwrap();
    let Some(Business::Settlement(settlement)) = row.business() else { panic!() };
    assert_eq!(settlement.amounts, agreed.outcome.settlement.amounts());
}

#[test]
fn death_and_loss_are_seen_until_the_last_moment() {
    for up in [true, false] {
        let (mut counter, entry, card) = counter(up);
        let agreed = counter.visit("V1").unwrap();
        counter.feed(vec![Change::Person(Entry { state: PersonState::Deceased, ..entry })]);
        let error = counter.terminal().settle(&agreed).unwrap_err();
        assert_eq!(error, Error::NotEligible(Refusal::Deceased));
        let audit = counter.ledger().audit_entries(0, 1_000).unwrap();
        assert!(audit.iter().any(|entry| entry.event == Some(AuditEvent::Impersonation)));

        counter.feed(vec![Change::Person(entry)]);
        let agreed = counter.terminal().pre_settle("V1", true).unwrap();
        blocked(&mut counter, BlockReason::Lost);
        let error = counter.terminal().settle(&agreed).unwrap_err();
        assert_eq!(error, Error::NotEligible(Refusal::Blacklisted { reason: BlockReason::Lost }));
        assert_eq!(counter.ledger().list(Filter::All, 10).unwrap(), [], "nothing was even intended");
        assert_eq!(account(&card).0.balance_fen, BALANCE_FEN);
    }
}

#[test]
fn the_center_is_asked_first_and_the_copy_serves_when_it_is_silent() {
    let (mut counter, _, card) = counter(true);
    let key = counter.terminal().card().unwrap().key().0;
    // Reported lost this morning; the feed has not brought it yet.
    counter.center.learn(&[Change::CardBlocked { card: key, reason: BlockReason::Lost }]);
    assert_eq!(
        counter.terminal().eligibility().unwrap(),
        Decision::NotEligible(Refusal::Blacklisted { reason: BlockReason::Lost })
    );
    // The center is there and slow: the copy is asked, and the line counts as down.
    counter.center.state().silent = true;
    let decision = counter.terminal().eligibility().unwrap();
    let Decision::Eligible(eligible) = decision else { panic!("{decision:?}") };
    assert_eq!(eligible.source, Source::Cache { age_ms: 0 });
    let asked = counter.center.state().asked;
    let agreed = counter.visit("V1").unwrap();
    assert!(agreed.offline, "the limits hold");
    assert_eq!(counter.center.state().asked, asked, "nobody waits for it again within the quarter minute");
    counter.terminal().settle(&agreed).unwrap();
    assert!(account(&card).0.balance_fen < BALANCE_FEN);
}

#[test]
fn nothing_goes_onto_the_card_of_the_dead_or_a_blocked_one() {
    let (mut counter, entry, card) = counter(true);
    let agreed = counter.visit("V1").unwrap();
    let settled = counter.terminal().settle(&agreed).unwrap();
    let balance = account(&card).0.balance_fen;
    counter.feed(vec![Change::Person(Entry { state: PersonState::Deceased, ..entry })]);
    let dead = Error::NotEligible(Refusal::Deceased);
    assert_eq!(counter.terminal().load(yuan("20")).unwrap_err(), dead);
    // Taking back is for the fund's good; the account's share is owed, to whom the center decides.
    counter.supervise();
    let cancelled = counter.terminal().cancel(settled.id).unwrap();
    let AccountRefund::Owed { reason, .. } = &cancelled.account else { panic!("{cancelled:?}") };
    assert_eq!(**reason, dead);
    assert_eq!(counter.terminal().load_refund(cancelled.id).unwrap_err(), dead);

    counter.feed(vec![Change::Person(entry)]);
    blocked(&mut counter, BlockReason::Replaced);
    let error = counter.terminal().load(yuan("20")).unwrap_err();
    assert_eq!(error, Error::NotEligible(Refusal::Blacklisted { reason: BlockReason::Replaced }));
    assert_eq!(account(&card).0.balance_fen, balance);
    assert_eq!(counter.center.state().granted.len(), 0, "the center was not even asked");

    // Who owes contributions has an own account all the same.
    let freed = Change::CardFreed(counter.terminal().card().unwrap().key().0);
    counter.feed(vec![freed]);
    counter.feed(vec![Change::Person(Entry { state: PersonState::Suspended, ..entry })]);
    counter.terminal().load(yuan("20")).unwrap();
    assert_eq!(account(&card).0.balance_fen, balance + 2_000);
}
