//! Contributions at a counter: taken with the center's word, written off where it is missing, given back on their day;
//! and certifications at home.

use card_spec::{generation::Generation, money::Fen};
use protocol::{
    calendar::{Day, Period},
    feed::Change,
    pension::{Fingers, Pension},
    policy::Purpose,
    record::{AbandonReason, Business, CertifiedAt, PaidBy},
    service::{ContributionKind, Due},
};
use terminal::{
    contribution::ContributionRefusal,
    error::{Error, Limit},
    flows::{DuesPaid, FingerCheck, HOME_VISITS_WAITING_MAX},
    holder::ProofError,
    language::Language,
    ledger::{Filter, LedgerError, State},
    receipt::{Booking, COLUMNS_80_MM},
    roles::{Action, Role, SignInError},
};

use super::proving::{finger, scene};
use crate::support::{
    TestCard,
    counter::{Counter, entry},
    order, person,
};

fn due(kind: ContributionKind, fen: i64) -> Due {
    Due {
        period: Period::from_number(202_611).unwrap(),
        months: 1,
        kind,
        amount: Fen(fen),
        until: Day::from_number(20_261_225).unwrap(),
    }
}

/// A tax office with the holder's card in the slot, opened with the PIN.
fn tax() -> (Counter, TestCard, Due, Due) {
    let holder = person(3);
    let mut counter = Counter::new(&[entry(&holder)]);
    let card = TestCard::of(&order(&holder, Generation::Three));
    let (medical, pension) = (due(ContributionKind::Medical, 36_000), due(ContributionKind::Pension, 80_000));
    counter.center.state().dues = vec![medical, pension];
    counter.insert(&card);
    counter.tap().unwrap();
    (counter, card, medical, pension)
}

fn pay(counter: &mut Counter, dues: &[Due]) -> Result<DuesPaid, Error> {
    counter.terminal().pay_dues(dues, PaidBy::Cash)
}

fn why(refused: Result<DuesPaid, Error>) -> ContributionRefusal {
    match refused {
        Err(Error::Contribution(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// Reasons of what was written off, oldest first.
fn written_off(counter: &mut Counter) -> Vec<AbandonReason> {
    let mut rows = counter.ledger().list(Filter::All, 99).unwrap();
    rows.reverse();
    let reason = |row: &terminal::ledger::Transaction| match row.business() {
        Some(Business::Abandoned { reason }) => Some(reason),
        _ => None,
    };
    rows.iter().filter_map(reason).collect()
}

#[test]
fn what_is_paid_stands_in_the_books_before_the_money_is_taken() {
    let (mut counter, _card, medical, pension) = tax();
    let shown = counter.terminal().dues().unwrap();
    assert!(shown.content.open(&medical) && shown.content.held.is_empty());
    let paid = pay(&mut counter, &[medical, pension]).unwrap();
    assert_eq!((paid.amount, &paid.paid_by), (Fen(116_000), &PaidBy::Cash));
    assert!(matches!(paid.booking, Booking::Booked { .. }));
    let text = paid.slip.text(COLUMNS_80_MM, Language::Chinese);
    for word in ["缴费凭证", "职工基本医疗保险基金", "现金", "1160.00", "不是税收票证"]
    {
        assert!(text.contains(word), "{word}: {text}");
    }
    let again = counter.terminal().slip(paid.id).unwrap();
    assert!(again.copy && again.sequence == paid.slip.sequence);
    let row = counter.ledger().transaction(paid.id).unwrap().unwrap();
    let Some(Business::Contribution(payment)) = row.business() else { panic!() };
    assert!(payment.sound() && payment.cash() == Fen(116_000));
    assert_eq!(counter.terminal().dues().unwrap().content.dues, []);
    // The clerk of the center's list is the one who has signed in.
    assert!(counter.center.state().personal.iter().all(|request| request.operator.is_some()));
    assert_eq!(why(pay(&mut counter, &[medical])), ContributionRefusal::Changed);
    // A line of its own in the day's comparison.
    let compared = counter.terminal().reconcile().unwrap();
    assert!(compared.equal, "{compared:?}");
    assert_eq!((compared.ours.contribution_count, compared.ours.contribution_amt), (1, Fen(116_000)));
    assert_eq!(compared.ours.count, 0);
}

#[test]
fn nothing_is_paid_on_a_guess() {
    let (mut counter, card, medical, pension) = tax();
    let injury = due(ContributionKind::Injury, 500);
    for wrong in [&[][..], &[injury], &[medical, medical], &[Due { amount: Fen::ZERO, ..medical }]] {
        assert_eq!(why(pay(&mut counter, wrong)), ContributionRefusal::NothingChosen, "{wrong:?}");
    }
    for reference in ["", "12 34", "编号"] {
        let by_card = PaidBy::BankCard { reference: reference.into() };
        let refused = counter.terminal().pay_dues(&[medical], by_card);
        assert_eq!(why(refused), ContributionRefusal::ReferenceWrong);
    }
    // Another counter is at it.
    let other = protocol::id::TransactionId([9; 16]);
    counter.center.state().held.insert(other, vec![pension]);
    let told = why(pay(&mut counter, &[medical, pension]));
    assert!(matches!(told, ContributionRefusal::BeingPaid { due, .. } if due == pension));
    assert!(told.words(Language::Chinese).next.contains("请勿收款"));
    // The line is down.
    counter.center.state().up = false;
    counter.clock.pass(60_000);
    assert_eq!(why(pay(&mut counter, &[medical])), ContributionRefusal::CenterNeeded);
    counter.center.state().up = true;
    counter.clock.pass(60_000);
    // Nobody knows any more who stands there.
    counter.clock.pass(15 * 60_000);
    assert_eq!(pay(&mut counter, &[medical]), Err(ProofError::ProofFirst.into()));
    // The card is gone.
    counter.insert(&card);
    counter.tap().unwrap();
    counter.insert_with(&card, sim::fault::Fault::PullBefore { command: 1 });
    assert!(matches!(pay(&mut counter, &[medical]), Err(Error::Session(_))));
    assert_eq!(written_off(&mut counter), [AbandonReason::Cancelled]);
    assert_eq!(counter.center.state().dues.len(), 2);
}

#[test]
fn a_lost_answer_is_asked_again_and_then_written_off() {
    for (lost, comes) in [(1, true), (2, true), (3, false), (9, false)] {
        let (mut counter, card, medical, _) = tax();
        counter.center.state().lose_holds = lost;
        let answer = pay(&mut counter, &[medical]);
        counter.center.state().lose_holds = 0;
        match comes {
            true => assert_eq!(answer.unwrap().amount, Fen(36_000)),
            false => {
                assert_eq!(why(answer), ContributionRefusal::Unclear, "{lost}");
                assert_eq!(written_off(&mut counter), [AbandonReason::Cancelled]);
                // A line that was lost is not tried again at once; what the center had set aside is free as soon as
                // it has read of it, and paid then.
                counter.clock.pass(60_000);
                counter.terminal().send_all().unwrap();
                assert!(counter.center.state().held.is_empty());
                counter.insert(&card);
                counter.tap().unwrap();
                pay(&mut counter, &[medical]).unwrap();
            }
        }
        assert_eq!(counter.center.state().dues.len(), 1, "{lost}");
    }
}

#[test]
fn a_terminal_that_lost_the_line_in_between_frees_what_it_wrote_off_before_it_asks_again() {
    let (mut counter, card, medical, _) = tax();
    // The center sets it aside, the answers are lost, and then the line is gone for good.
    counter.center.state().lose_holds = 9;
    counter.terminal().dues().unwrap();
    assert_eq!(why(pay(&mut counter, &[medical])), ContributionRefusal::Unclear);
    counter.restart();
    counter.center.state().lose_holds = 0;
    counter.insert(&card);
    counter.tap().unwrap();
    let paid = pay(&mut counter, &[medical]).unwrap();
    assert!(matches!(paid.booking, Booking::Booked { .. }));
}

#[test]
fn a_supervisor_gives_it_back_once_and_on_its_day() {
    let (mut counter, card, medical, _) = tax();
    let paid = pay(&mut counter, &[medical]).unwrap();
    let not_allowed = SignInError::NotPermitted { action: Action::CancelContribution };
    assert_eq!(counter.terminal().give_dues_back(paid.id).unwrap_err(), not_allowed.into());
    counter.supervise();
    let taken = counter.terminal().dues_taken(9).unwrap();
    assert!(taken.len() == 1 && taken[0].reversible && taken[0].state == State::Booked);
    // Without card and without line: nobody else can take it back.
    counter.terminal().close_card();
    counter.center.state().up = false;
    counter.clock.pass(60_000);
    let back = counter.terminal().give_dues_back(paid.id).unwrap();
    assert_eq!((back.amount, back.paid_by), (Fen(36_000), PaidBy::Cash));
    assert!(back.slip.text(COLUMNS_80_MM, Language::Chinese).contains("缴费撤销凭证"));
    let nothing = Error::Ledger(LedgerError::NothingToCancel { of: paid.id });
    assert_eq!(counter.terminal().give_dues_back(paid.id).unwrap_err(), nothing);
    counter.center.state().up = true;
    counter.clock.pass(60_000);
    counter.terminal().send_all().unwrap();
    assert_eq!(counter.center.state().dues.len(), 2);
    let taken = counter.terminal().dues_taken(9).unwrap();
    assert!(taken[0].taken_back_by == Some(back.id) && !taken[0].reversible);
    // Paid anew; the next day it is the agency's.
    counter.insert(&card);
    counter.tap().unwrap();
    let paid = pay(&mut counter, &[medical]).unwrap();
    counter.clock.pass(24 * 3_600_000);
    counter.supervise();
    // The cashier's day and the supervisor's are compared first.
    for _ in 0..2 {
        assert!(counter.terminal().reconcile().unwrap().equal);
        counter.supervise();
    }
    let late = counter.terminal().give_dues_back(paid.id).unwrap_err();
    assert_eq!(late, ContributionRefusal::ReversalTooLate.into());
}

/// The holder is certified at home by whoever has signed in, with the same proof as at the desk, also without a line.
#[test]
fn a_person_is_certified_at_home_within_the_limits() {
    let (mut counter, holder, _) = scene(3);
    let card = super::proving::enrolled_card();
    let pension = Pension {
        key: holder.number.key(),
        monthly: Fen(215_050),
        next_unpaid: Period::from_number(202_610).unwrap(),
        paid_ahead: 0,
        certified_until: None,
        fingers: Fingers::Enrolled,
    };
    counter.feed(vec![Change::Pension(pension)]);
    counter.insert(&card);
    counter.tap().unwrap();
    assert_eq!(counter.terminal().certify_at_home().unwrap_err(), ProofError::ProofFirst.into());
    let prove = |counter: &mut Counter| {
        let number = counter.terminal().card_fingers().unwrap().fingers[0].position.number();
        let seed = 5_000 + u64::from(counter.sensor.captures());
        counter.sensor.finger(finger(&holder, number), seed);
        let check = counter.terminal().check_finger(Purpose::Certification, None).unwrap();
        assert!(matches!(check, FingerCheck::Proved(_)), "{check:?}");
    };
    counter.center.state().up = false;
    counter.clock.pass(60_000);
    counter.insert(&card);
    counter.tap().unwrap();
    prove(&mut counter);
    for waiting in 0..HOME_VISITS_WAITING_MAX {
        let done = counter.terminal().certify_at_home().unwrap();
        let row = counter.ledger().transaction(done.id).unwrap().unwrap();
        let Some(Business::Certification(certification)) = row.business() else { panic!() };
        assert_eq!(certification.place, CertifiedAt::Home, "{waiting}");
        assert!(done.slip.text(COLUMNS_80_MM, Language::Chinese).contains("上门认证"));
    }
    let max = HOME_VISITS_WAITING_MAX;
    assert_eq!(counter.terminal().certify_at_home().unwrap_err(), Limit::HomeVisits { max }.into());
    // At the desk there is no such limit, and its records say nothing of a place.
    let done = counter.terminal().certify().unwrap();
    let row = counter.ledger().transaction(done.id).unwrap().unwrap();
    assert!(!row.body.unwrap().contains("place"));
    // Sent; then the copy is too old to go out with.
    counter.center.state().up = true;
    counter.clock.pass(60_000);
    counter.terminal().send_all().unwrap();
    counter.center.state().up = false;
    counter.clock.pass(25 * 3_600_000);
    counter.supervise();
    counter.insert(&card);
    counter.tap().unwrap();
    prove(&mut counter);
    let old = counter.terminal().certify_at_home().unwrap_err();
    assert!(matches!(old, Error::Limit(Limit::CacheAge { .. })), "{old:?}");
    assert!(terminal::roles::permits(Role::Cashier, Action::VisitHome));
}
