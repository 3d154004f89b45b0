//! Days without a line: cycles follow each other, and are reconciled when the line is back.

use card_spec::generation::Generation;
use terminal::{error::Error, language::Language, ledger::LedgerError};

use super::support::{
    counter::{Counter, entry},
    *,
};

const DAY_MS: i64 = 24 * 3_600_000;

#[test]
fn business_goes_on_without_a_line_and_is_reconciled_first_when_it_is_back() {
    let person = person(19);
    let mut counter = Counter::new(&[entry(&person)]);
    counter.insert(&TestCard::of(&order(&person, Generation::Three)));
    counter.tap().unwrap();
    let agreed = counter.visit("V1").unwrap();
    counter.terminal().settle(&agreed).unwrap();
    let first = counter.terminal().signed_in().unwrap().cycle.clone().unwrap().number;

    // The next day, and no line: the first cycle cannot be reconciled.
    counter.center.state().up = false;
    counter.clock.pass(DAY_MS);
    counter.terminal().sign_in("0101", b"246813").unwrap();
    let signed_in = counter.terminal().signed_in().unwrap().clone();
    assert_eq!(signed_in.overdue.unwrap().number, first);
    let second = signed_in.cycle.unwrap().number;
    let agreed = counter.visit("V2").unwrap();
    assert!(agreed.offline);
    counter.terminal().settle(&agreed).unwrap();

    // The line is back: the older cycle comes first, then business goes on in the same cycle.
    let agreed = counter.visit("V3").unwrap();
    counter.center.state().up = true;
    counter.clock.pass(60_000);
    let not_reconciled = Error::Ledger(LedgerError::NotReconciled { cycle: first.clone(), online: true });
    assert_eq!(counter.terminal().settle(&agreed).unwrap_err(), not_reconciled);
    assert!(not_reconciled.words(Language::English).next.contains("Reconcile first"));
    let compared = counter.terminal().reconcile().unwrap();
    assert_eq!((compared.cycle, compared.equal), (first, true));
    let agreed = counter.terminal().pre_settle("V3", true).unwrap();
    counter.terminal().settle(&agreed).unwrap();
    let compared = counter.terminal().reconcile().unwrap();
    assert_eq!((compared.cycle, compared.ours.count, compared.equal), (second, 2, true));
}

#[test]
fn with_the_line_up_the_older_cycle_comes_first_and_after_the_limit_too() {
    let person = person(20);
    let mut counter = Counter::new(&[entry(&person)]);
    counter.insert(&TestCard::of(&order(&person, Generation::Two)));
    counter.tap().unwrap();
    let agreed = counter.visit("V1").unwrap();
    counter.terminal().settle(&agreed).unwrap();
    let first = counter.terminal().signed_in().unwrap().cycle.clone().unwrap().number;
    for (days, up) in [(1, true), (3, false)] {
        counter.center.state().up = up;
        counter.clock.pass(days * DAY_MS);
        counter.terminal().sign_in("0101", b"246813").unwrap();
        assert_eq!(counter.terminal().signed_in().unwrap().cycle, None, "{days}");
        let error = counter.visit("V2").unwrap_err();
        let expected = LedgerError::NotReconciled { cycle: first.clone(), online: up };
        assert_eq!(error, Error::Ledger(expected), "{days}");
    }
}
