//! Certification and pension: who is paid what, once, whatever is cut on the way.

use card_spec::{generation::Generation, money::Fen};
use protocol::{
    calendar::{Day, Period},
    evidence::{ManualReason, Way},
    feed::{BlockReason, Change, Person as Entry, PersonState},
    pension::{Fingers, Pension, Schedule},
    policy::Purpose,
    record::{Business, RestsOn},
};
use sim::{fault::Fault, people::Person};
use terminal::{
    audit::AuditEvent,
    eligibility::{Refusal, Source},
    error::{Error, Limit},
    flows::{FingerCheck, PensionRun},
    holder::ProofError,
    language::Language,
    ledger::{Filter, LedgerError, State},
    pension::PensionRefusal,
    receipt::{COLUMNS_80_MM, SlipKind},
};

use super::proving::{SECOND, enrolled_card, finger, scene};
use crate::support::{
    TestCard,
    counter::{Counter, entry},
    order, person,
    sensor::Laid,
};

const MONTHLY: Fen = Fen(215_050);

fn period(number: u32) -> Period {
    Period::from_number(number).unwrap()
}

fn day(number: u32) -> Day {
    Day::from_number(number).unwrap()
}

/// Two months are due on the day of the tests, 2026-11-24.
fn pension(person: &Person, certified_until: Option<u32>) -> Pension {
    Pension {
        key: person.number.key(),
        monthly: MONTHLY,
        next_unpaid: period(202_610),
        paid_ahead: 0,
        certified_until: certified_until.map(day),
        fingers: Fingers::Enrolled,
    }
}

/// A pensioner with fingers on the card, who lies on the counter, opened with the PIN.
fn bank(certified_until: Option<u32>) -> (Counter, Person, TestCard) {
    let (mut counter, holder, _) = scene(3);
    let card = enrolled_card();
    counter.feed(vec![Change::Pension(pension(&holder, certified_until))]);
    counter.insert(&card);
    counter.tap().unwrap();
    (counter, holder, card)
}

/// The holder's finger, each time another impression.
fn prove(counter: &mut Counter, holder: &Person) {
    let number = counter.terminal().card_fingers().unwrap().fingers[0].position.number();
    let seed = 5_000 + u64::from(counter.sensor.captures());
    counter.sensor.finger(finger(holder, number), seed);
    let check = counter.terminal().check_finger(Purpose::Pension, None).unwrap();
    assert!(matches!(check, FingerCheck::Proved(_)), "{check:?}");
}

fn pay(counter: &mut Counter) -> Result<PensionRun, Error> {
    let shown = counter.terminal().pension()?;
    counter.terminal().pay_pension(&shown)
}

/// Months that stand in the books as paid.
fn paid(counter: &mut Counter) -> Vec<u32> {
    let rows = counter.ledger().list(Filter::All, 1_000).unwrap();
    let mut months: Vec<u32> = rows
        .iter()
        .filter(|row| row.state >= State::Recorded && !row.abandoned)
        .filter_map(|row| match row.business() {
            Some(Business::Pension(payment)) => Some(payment.period.number()),
            _ => None,
        })
        .collect();
    months.sort_unstable();
    months
}

#[test]
fn a_true_holder_is_paid_month_by_month() {
    let (mut counter, holder, _card) = bank(Some(20_270_301));
    assert_eq!(pay(&mut counter), Err(ProofError::ProofFirst.into()));
    prove(&mut counter, &holder);
    let shown = counter.terminal().pension().unwrap();
    assert_eq!(shown.due, [period(202_610), period(202_611)]);
    assert_eq!(shown.source, Source::Center);
    assert_eq!(shown.rests_on, Some(RestsOn::Until { day: day(20_270_301) }));
    let run = counter.terminal().pay_pension(&shown).unwrap();
    assert_eq!((run.paid.len(), run.stopped.clone()), (2, None));
    assert_eq!(run.amount(), Fen(2 * MONTHLY.0));
    assert_eq!(paid(&mut counter), [202_610, 202_611]);
    let first = &run.paid[0];
    assert!(
        matches!(&first.slip.kind, SlipKind::Pension { period: month, amount: MONTHLY } if *month == period(202_610))
    );
    let text = first.slip.text(COLUMNS_80_MM, Language::Chinese);
    assert!(
        text.contains("养老金发放凭证") && text.contains("2150.50") && text.contains("2026-10"),
        "{text}"
    );
    assert!(text.contains("指纹（") && !text.contains(holder.number.as_str()));
    assert!(text.contains(&first.link.sequence.to_string()));
    // Not once more, here or by what was shown before.
    assert_eq!(pay(&mut counter), Err(PensionRefusal::NothingDue { next: period(202_612) }.into()));
    assert_eq!(counter.terminal().pay_pension(&shown), Err(PensionRefusal::Changed.into()));
    // The center books both, and the day's comparison agrees.
    assert!(counter.terminal().send_all().unwrap());
    let copy = counter.terminal().slip(first.id).unwrap();
    assert!(copy.copy && copy.text(COLUMNS_80_MM, Language::English).contains("Booked"));
    let compared = counter.terminal().reconcile().unwrap();
    assert!(compared.equal, "{compared:?}");
    assert_eq!(compared.ours.fund_pay_sumamt, Fen(2 * MONTHLY.0));
    let row = counter.ledger().transaction(first.id).unwrap().unwrap();
    let Some(Business::Pension(payment)) = row.business() else { panic!() };
    assert!(payment.proof.sound() && matches!(payment.proof.way, Way::Finger(_)));
    assert_eq!(payment.cache_age_ms, 0);
}

#[test]
fn certification_comes_before_payment_and_then_arrears_are_paid() {
    for until in [None, Some(20_261_123)] {
        let (mut counter, holder, card) = bank(until);
        prove(&mut counter, &holder);
        let shown = counter.terminal().pension().unwrap();
        let expected = PensionRefusal::NotCertified { until: until.map(day) };
        assert_eq!(shown.payable(), Err(expected));
        assert_eq!(counter.terminal().pay_pension(&shown), Err(expected.into()));
        let words = Error::from(expected).words(Language::Chinese);
        assert!(words.next.contains("补发"), "{words}");
        let certified = counter.terminal().certify().unwrap();
        assert_eq!(certified.until, day(20_271_124));
        let text = certified.slip.text(COLUMNS_80_MM, Language::Chinese);
        assert!(text.contains("资格认证") && text.contains("2027-11-24"), "{text}");
        // Resting on what was recorded here, which the center has not heard of yet.
        let run = pay(&mut counter).unwrap();
        assert_eq!(run.paid.len(), 2);
        let row = counter.ledger().transaction(run.paid[0].id).unwrap().unwrap();
        let Some(Business::Pension(payment)) = row.business() else { panic!() };
        assert_eq!(payment.rests_on, RestsOn::Here { id: certified.id });
        counter.terminal().send_all().unwrap();
        counter.insert(&card);
        counter.tap().unwrap();
        let shown = counter.terminal().pension().unwrap();
        assert_eq!(shown.certified_until, Some(day(20_271_124)));
        assert!(shown.due.is_empty());
    }
}

#[test]
fn a_worn_finger_is_handled_and_stands_in_the_record() {
    let (mut counter, _holder, _card) = bank(Some(20_270_301));
    for nth in 0..6 {
        let laid =
            if nth == 2 { Laid::Finger(finger(&person(9), 1), Default::default(), 1) } else { Laid::Smear };
        counter.sensor.lay(laid);
        counter.terminal().check_finger(Purpose::Pension, None).unwrap();
    }
    let proof = counter.terminal().vouch(Purpose::Pension, Some(SECOND)).unwrap();
    let run = pay(&mut counter).unwrap();
    let row = counter.ledger().transaction(run.paid[0].id).unwrap().unwrap();
    let Some(Business::Pension(payment)) = row.business() else { panic!() };
    assert_eq!(payment.proof, proof);
    assert!(matches!(
        &payment.proof.way,
        Way::PinAndClerk { reason: ManualReason::NoMatch, no_matches: 1, second_clerk: Some(_), .. }
    ));
    assert!(run.paid[0].slip.text(COLUMNS_80_MM, Language::Chinese).contains("双人核验"));
}

#[test]
fn a_dead_persons_card_is_an_alarm() {
    let (mut counter, holder, card) = bank(Some(20_270_301));
    prove(&mut counter, &holder);
    let shown = counter.terminal().pension().unwrap();
    // Reported dead while the clerk counts the money.
    let dead = Entry { state: PersonState::Deceased, ..entry(&holder) };
    counter.feed(vec![Change::Person(dead)]);
    let expected = Error::NotEligible(Refusal::Deceased);
    assert_eq!(counter.terminal().pay_pension(&shown), Err(expected.clone()));
    assert_eq!(counter.terminal().certify().unwrap_err(), expected);
    // The same without a line, by this terminal's copy.
    counter.center.state().up = false;
    counter.clock.pass(60_000);
    counter.insert(&card);
    counter.tap().unwrap();
    assert_eq!(counter.terminal().pension().unwrap_err(), expected);
    let events = counter.ledger().audit_entries(0, 1_000).unwrap();
    let alarms = events.iter().filter(|entry| entry.event == Some(AuditEvent::Impersonation)).count();
    assert!(alarms >= 3, "{alarms}");
    assert!(paid(&mut counter).is_empty());
    for (state, refusal) in
        [(PersonState::Suspended, Refusal::Suspended), (PersonState::Ended, Refusal::Ended)]
    {
        for up in [true, false] {
            counter.center.state().up = up;
            counter.clock.pass(60_000);
            counter.feed(vec![Change::Person(Entry { state, ..entry(&holder) })]);
            assert_eq!(counter.terminal().pension().unwrap_err(), Error::NotEligible(refusal));
        }
    }
    let card = counter_card(&mut counter);
    counter
        .feed(vec![Change::Person(entry(&holder)), Change::CardBlocked { card, reason: BlockReason::Lost }]);
    let blocked = Refusal::Blacklisted { reason: BlockReason::Lost };
    assert_eq!(counter.terminal().pension().unwrap_err(), Error::NotEligible(blocked));
}

fn counter_card(counter: &mut Counter) -> [u8; 12] {
    counter.terminal().card().unwrap().key().0
}

/// Raised from November on: October keeps its amount, whoever is asked.
#[test]
fn arrears_are_paid_by_the_amount_of_each_month() {
    const RAISED: Fen = Fen(223_000);
    let amounts = |run: &PensionRun| -> Vec<(u32, Fen)> {
        run.paid.iter().map(|paid| (paid.period.number(), paid.amount)).collect()
    };
    for online in [true, false] {
        let (mut counter, holder, card) = bank(Some(20_270_630));
        let mut schedule = Schedule::constant(pension(&holder, Some(20_270_630)));
        schedule.change(period(202_611), RAISED);
        counter.feed(vec![Change::Pension(schedule.as_one_amount())]);
        let key = schedule.pension.key;
        counter.center.state().pensions.insert(key, schedule.pension);
        counter.center.state().earlier.insert(key, schedule.earlier.clone());
        counter.center.state().up = online;
        prove(&mut counter, &holder);
        if online {
            let shown = counter.terminal().pension().unwrap();
            assert_eq!((shown.amount(period(202_610)), shown.due_amount()), (MONTHLY, MONTHLY + RAISED));
            // An older raise that was shown is not what is paid.
            counter.center.state().earlier.clear();
            let changed = counter.terminal().pay_pension(&shown).unwrap_err();
            assert_eq!(changed, PensionRefusal::Changed.into());
            counter.center.state().earlier.insert(key, schedule.earlier.clone());
            assert_eq!(amounts(&pay(&mut counter).unwrap()), [(202_610, MONTHLY), (202_611, RAISED)]);
            continue;
        }
        // The copy has one amount; what it cannot tell waits for the line, and says so.
        assert_eq!(amounts(&pay(&mut counter).unwrap()), [(202_610, MONTHLY)]);
        let next = period(202_611);
        assert_eq!(pay(&mut counter).unwrap_err(), PensionRefusal::NothingDue { next }.into());
        counter.center.state().up = true;
        counter.clock.pass(terminal::flows::LINE_TRUST_MS_MAX as i64 + 1);
        counter.insert(&card);
        counter.tap().unwrap();
        prove(&mut counter, &holder);
        assert_eq!(amounts(&pay(&mut counter).unwrap()), [(202_611, RAISED)]);
    }
}

#[test]
fn no_pension_for_whoever_has_none() {
    let (mut counter, _, _) = scene(3);
    counter.insert(&enrolled_card());
    counter.tap().unwrap();
    assert_eq!(counter.terminal().pension().unwrap_err(), PensionRefusal::Unknown.into());
    counter.center.state().up = false;
    counter.clock.pass(60_000);
    assert_eq!(counter.terminal().pension().unwrap_err(), PensionRefusal::Unknown.into());
}

#[test]
fn without_a_line_within_limits() {
    let (mut counter, holder, card) = bank(Some(20_270_301));
    counter.center.state().up = false;
    counter.clock.pass(60_000);
    prove(&mut counter, &holder);
    let shown = counter.terminal().pension().unwrap();
    assert!(matches!(shown.source, Source::Cache { age_ms } if age_ms > 0));
    // Too much for one month.
    let mut policy = counter.terminal().policy().clone();
    policy.pension_offline.amount_max = MONTHLY - Fen(1);
    counter.terminal().use_policy(policy.clone());
    let limit = Limit::PensionAmount { max: MONTHLY - Fen(1), got: MONTHLY };
    assert_eq!(counter.terminal().pay_pension(&shown), Err(limit.into()));
    // One month may wait for upload: the second stops, the first stands.
    policy.pension_offline.amount_max = MONTHLY;
    policy.pension_offline.count_max = 1;
    counter.terminal().use_policy(policy.clone());
    let run = counter.terminal().pay_pension(&shown).unwrap();
    assert_eq!(run.paid.len(), 1);
    assert_eq!(run.stopped.as_deref(), Some(&Limit::PensionCount { max: 1 }.into()));
    let row = counter.ledger().transaction(run.paid[0].id).unwrap().unwrap();
    let Some(Business::Pension(payment)) = row.business() else { panic!() };
    assert!(payment.cache_age_ms > 0 && row.body.unwrap().contains("\"offline\":true"));
    // The entry here is too old for pensions, though not for a visit.
    counter.clock.pass(policy.pension_offline.cache_age_max_ms);
    counter.insert(&card);
    counter.terminal().sign_in("0101", b"246813").unwrap();
    counter.tap().unwrap();
    let refused = counter.terminal().pension().unwrap_err();
    assert!(matches!(refused, Error::NotEligible(Refusal::CacheTooOld { .. })), "{refused:?}");
    // The line is back: the rest is paid, and nothing twice.
    counter.center.state().up = true;
    counter.clock.pass(60_000);
    counter.terminal().send_all().unwrap();
    let _ = counter.terminal().reconcile();
    counter.terminal().sign_in("0101", b"246813").unwrap();
    counter.insert(&card);
    counter.tap().unwrap();
    prove(&mut counter, &holder);
    let run = pay(&mut counter).unwrap();
    assert_eq!(run.paid.iter().map(|paid| paid.period.number()).collect::<Vec<_>>(), [202_611]);
    assert_eq!(paid(&mut counter), [202_610, 202_611]);
}

#[test]
fn a_center_that_says_nothing_is_a_line_that_is_down() {
    let (mut counter, holder, _card) = bank(Some(20_270_301));
    prove(&mut counter, &holder);
    counter.center.state().silent = true;
    let shown = counter.terminal().pension().unwrap();
    assert!(matches!(shown.source, Source::Cache { .. }));
    assert_eq!(counter.terminal().pay_pension(&shown).unwrap().paid.len(), 2);
}

/// What is wanted after every cut: each month at most once, everything paid in the end, nothing open.
fn come_back(counter: &mut Counter, holder: &Person, card: &TestCard, what: &str) {
    counter.sensor.clear();
    counter.clock.pass(20_000);
    counter.insert(card);
    counter.tap().unwrap_or_else(|error| panic!("{what}: {error}"));
    match counter.terminal().pension().unwrap().payable() {
        Ok(_) => {
            prove(counter, holder);
            pay(counter).unwrap_or_else(|error| panic!("{what}: {error}"));
        }
        Err(PensionRefusal::NothingDue { .. }) => {}
        Err(other) => panic!("{what}: {other:?}"),
    }
    assert_eq!(paid(counter), [202_610, 202_611], "{what}");
    let rows = counter.ledger().list(Filter::All, 1_000).unwrap();
    assert!(rows.iter().all(|row| row.state >= State::Recorded), "{what}");
    // The test's center refuses a month that comes twice.
    counter.center.state().up = true;
    counter.clock.pass(60_000);
    counter.terminal().send_all().unwrap();
    assert_eq!(counter.terminal().pension().unwrap().due, [], "{what}");
}

#[test]
fn pulled_at_every_command_each_month_is_paid_once() {
    let commands = {
        let (mut counter, holder, _card) = bank(Some(20_270_301));
        prove(&mut counter, &holder);
        let before = counter.card.commands().unwrap();
        assert_eq!(pay(&mut counter).unwrap().paid.len(), 2);
        before + 1..=counter.card.commands().unwrap()
    };
    let mut stopped = 0;
    for command in commands {
        for fault in [Fault::PullBefore { command }, Fault::PullAfter { command }] {
            let what = format!("{fault:?}");
            let (mut counter, holder, card) = bank(Some(20_270_301));
            counter.insert_with(&card, fault);
            counter.tap().unwrap();
            prove(&mut counter, &holder);
            match pay(&mut counter) {
                Ok(run) => {
                    assert_eq!(paid(&mut counter).len(), run.paid.len(), "{what}");
                    stopped += u32::from(run.stopped.is_some());
                }
                Err(_) => {
                    assert!(paid(&mut counter).is_empty(), "{what}");
                    stopped += 1;
                }
            }
            come_back(&mut counter, &holder, &card, &what);
        }
    }
    assert!(stopped >= 4, "{stopped}: a card that is gone is noticed");
}

#[test]
fn the_program_ends_at_every_step() {
    use std::{
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{Arc, Mutex},
    };
    let steps = {
        let (mut counter, holder, _card) = bank(Some(20_270_301));
        prove(&mut counter, &holder);
        counter.progress.lock().unwrap().clear();
        pay(&mut counter).unwrap();
        counter.progress.lock().unwrap().len()
    };
    assert!(steps >= 6);
    for last in 1..=steps {
        let (mut counter, holder, card) = bank(Some(20_270_301));
        prove(&mut counter, &holder);
        let count = Arc::new(Mutex::new(0));
        counter.terminal().on_progress(move |_| {
            let mut count = count.lock().unwrap();
            *count += 1;
            if *count == last {
                drop(count);
                panic!("the power of the machine goes away");
            }
        });
        let ended = catch_unwind(AssertUnwindSafe(|| pay(&mut counter)));
        assert!(ended.is_err());
        counter.restart();
        come_back(&mut counter, &holder, &card, &format!("ends at step {last}"));
    }
}

#[test]
fn the_books_themselves_refuse_a_month_twice() {
    let (mut counter, holder, _card) = bank(Some(20_270_301));
    prove(&mut counter, &holder);
    pay(&mut counter).unwrap();
    let row = counter.ledger().list(Filter::All, 1).unwrap().remove(0);
    let mut again = row.intention.clone();
    again.id = protocol::id::TransactionId([9; 16]);
    let limits = counter.terminal().limits().clone();
    let refused = counter.ledger().intend(&again, &limits).unwrap_err();
    assert!(matches!(refused, LedgerError::PeriodPaid { .. }), "{refused:?}");
    assert!(!Error::from(refused).words(Language::Chinese).next.is_empty());
    assert_eq!(counter.ledger().months_paid(holder.number).unwrap().len(), 2);
}

#[test]
fn another_persons_proof_pays_nobody() {
    let (mut counter, holder, _card) = bank(Some(20_270_301));
    prove(&mut counter, &holder);
    let shown = counter.terminal().pension().unwrap();
    let other = person(5);
    counter.feed(vec![Change::Person(entry(&other)), Change::Pension(pension(&other, Some(20_270_301)))]);
    let card = TestCard::of(&order(&other, Generation::Three));
    counter.insert(&card);
    counter.tap().unwrap();
    assert_eq!(counter.terminal().pay_pension(&shown), Err(PensionRefusal::Changed.into()));
    assert_eq!(pay(&mut counter), Err(ProofError::ProofFirst.into()));
    assert!(paid(&mut counter).is_empty());
}

/// Another program holds the books when the outcome is to be written down.
#[test]
fn books_that_fail_pay_nothing() {
    let (mut counter, holder, card) = bank(Some(20_270_301));
    prove(&mut counter, &holder);
    let shown = counter.terminal().pension().unwrap();
    let path = counter.ledger_path();
    let held = std::sync::Arc::new(std::sync::Mutex::new(None));
    let holder_of_lock = std::sync::Arc::clone(&held);
    counter.terminal().on_progress(move |step| {
        let mut held = holder_of_lock.lock().unwrap();
        if step == terminal::progress::Progress::Recording && held.is_none() {
            let other = rusqlite::Connection::open(&path).unwrap();
            terminal::store::unlock(&other, &terminal::store::StoreKey::new([0x5A; 32])).unwrap();
            other.execute_batch("BEGIN IMMEDIATE").unwrap();
            *held = Some(other);
        }
    });
    let error = counter.terminal().pay_pension(&shown).unwrap_err();
    assert!(matches!(error, Error::Ledger(LedgerError::Store(_))), "{error:?}");
    assert_eq!(error.money(), terminal::error::MoneyOutcome::NotDone);
    assert!(paid(&mut counter).is_empty());
    *held.lock().unwrap() = None;
    counter.terminal().on_progress(|_| {});
    come_back(&mut counter, &holder, &card, "the books are free again");
}
