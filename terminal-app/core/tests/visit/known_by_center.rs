//! What only the center can tell, and what it is asked when this terminal's own copy is damaged.

use card_spec::generation::Generation;
use protocol::{feed::BlockReason, signature::Digest, timestamp::Timestamp, upload::ChainHead};
use terminal::{
    cache::CacheError,
    eligibility::{Decision, Refusal, Source},
    error::{Error, MoneyOutcome},
    ledger::{Filter, HaltReason, LedgerError},
};

use super::support::{
    counter::{Counter, entry},
    truth::account,
    *,
};

fn scene() -> (Counter, TestCard) {
    let person = person(3);
    let counter = Counter::new(&[entry(&person)]);
    let card = TestCard::of(&order(&person, Generation::Three));
    (counter, card)
}

fn visit(counter: &mut Counter, number: &str) -> Result<terminal::flows::Settled, Error> {
    let agreed = counter.visit(number)?;
    counter.terminal().settle(&agreed)
}

#[test]
fn books_from_an_old_copy_take_no_money_when_the_center_answers() {
    let (mut counter, card) = scene();
    // The center holds a record that these books do not have: they and their mark were put back together.
    let digest = Digest([9; 32]);
    counter.center.state().head = ChainHead { sequence: 1, digest, now: Timestamp(NOW_MS) };
    counter.insert(&card);
    counter.tap().unwrap();
    let error = visit(&mut counter, "V1").unwrap_err();
    let reason = HaltReason::RolledBack { ledger: 0, before: 1 };
    assert_eq!(error, LedgerError::Halted(reason).into());
    assert_eq!(error.money(), MoneyOutcome::NotDone);
    assert_eq!(account(&card).0.balance_fen, 50_000, "the card was not debited");
    assert_eq!(counter.ledger().list(Filter::All, 9).unwrap(), []);
    // It stays so without the line, and in the next run.
    counter.center.state().up = false;
    counter.restart();
    assert_eq!(counter.ledger().halted(), Ok(Some(reason)));
    counter.insert(&card);
    counter.tap().unwrap();
    assert_eq!(visit(&mut counter, "V2").unwrap_err(), LedgerError::Halted(reason).into());
}

#[test]
fn books_that_differ_from_the_centers_take_no_money() {
    let (mut counter, card) = scene();
    counter.insert(&card);
    counter.tap().unwrap();
    visit(&mut counter, "V1").unwrap();
    let digest = Digest([9; 32]);
    counter.center.state().head = ChainHead { sequence: 1, digest, now: Timestamp(NOW_MS) };
    counter.clock.pass(60_000);
    counter.insert(&card);
    counter.tap().unwrap();
    let error = visit(&mut counter, "V2").unwrap_err();
    assert_eq!(error, LedgerError::Halted(HaltReason::ChainDiffers { sequence: 1 }).into());
    assert!(!counter.terminal().send_all().unwrap(), "nothing is sent either");
}

#[test]
fn a_center_that_takes_few_records_at_once_gets_all_of_them() {
    let (mut counter, card) = scene();
    counter.center.state().up = false;
    counter.insert(&card);
    counter.tap().unwrap();
    for number in 0..5 {
        visit(&mut counter, &format!("V{number}")).unwrap();
    }
    counter.center.state().up = true;
    counter.center.state().records_max = 1;
    counter.clock.pass(60_000);
    assert!(counter.terminal().send_all().unwrap());
    assert_eq!(counter.center.state().booked.len(), 5);
    // One record alone is too large: that is not tried for ever.
    visit(&mut counter, "V9").unwrap();
    counter.center.state().records_max = 0;
    assert!(!counter.terminal().send_all().unwrap());
}

#[test]
fn nobody_waits_twice_for_a_center_that_is_silent() {
    let (mut counter, card) = scene();
    counter.center.state().up = false;
    counter.insert(&card);
    counter.tap().unwrap();
    visit(&mut counter, "V1").unwrap();
    counter.center.state().up = true;
    let asked = counter.center.state().asked;
    assert!(!counter.terminal().send_unless_down().unwrap());
    assert_eq!(counter.center.state().asked, asked, "it was silent a moment ago");
    counter.clock.pass(60_000);
    assert!(counter.terminal().send_unless_down().unwrap());
    assert_eq!(counter.center.state().booked.len(), 1);
}

#[test]
fn a_damaged_copy_is_not_missed_while_the_center_answers() {
    for table in ["person", "blocked"] {
        let (mut counter, card) = scene();
        counter.restart_with_damaged(table);
        counter.insert(&card);
        counter.tap().unwrap();
        let agreed = counter.visit("V1").unwrap();
        assert_eq!(agreed.eligible.source, Source::Center, "{table}");
        counter.terminal().settle(&agreed).unwrap();
        // The copy of people is not even looked at while the center answers.
        assert_eq!(counter.terminal().cache_is_damaged(), table == "blocked");
        // What the center has said of this bill's holder stands; afterwards nothing is known any more.
        let agreed = counter.visit("V2").unwrap();
        counter.center.state().up = false;
        counter.clock.pass(60_000);
        counter.terminal().settle(&agreed).unwrap();
        assert!(counter.terminal().cache_is_damaged(), "{table}");
        counter.insert(&card);
        counter.tap().unwrap();
        let error = visit(&mut counter, "V3").unwrap_err();
        assert!(matches!(error, Error::Cache(CacheError::Damaged { .. })), "{table}: {error:?}");
        assert_eq!(error.money(), MoneyOutcome::NotDone);
    }
}

#[test]
fn a_damaged_copy_lets_nobody_in_whom_the_center_refuses() {
    let (mut counter, card) = scene();
    counter.restart_with_damaged("blocked");
    counter.insert(&card);
    counter.tap().unwrap();
    let key = counter.terminal().session().card().unwrap().key();
    counter.center.state().blocked.insert(key.0, BlockReason::Lost);
    let refusal = Refusal::Blacklisted { reason: BlockReason::Lost };
    assert_eq!(counter.terminal().eligibility(), Ok(Decision::NotEligible(refusal)));
    assert_eq!(counter.terminal().load(yuan("20")).unwrap_err(), Error::NotEligible(refusal));
    // Who cannot be looked up at all gets no money put on either.
    counter.center.state().up = false;
    counter.clock.pass(60_000);
    let error = counter.terminal().load(yuan("20")).unwrap_err();
    assert!(matches!(error, Error::Cache(CacheError::Damaged { .. })), "{error:?}");
}
