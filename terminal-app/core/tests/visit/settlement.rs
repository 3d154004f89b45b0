//! A visit from the card to the receipt, and the ways in which it may not go on.

use card_spec::{error::PinError, generation::Generation, money::Fen, region::RegionCode};
use hal::pin_pad::PinPadError;
use protocol::{
    feed::{BlockReason, Change, PersonState},
    limits::OfflineLimits,
    record::{AbandonReason, Business},
    upload::RefusalReason,
};
use sim::personalise::{CardOrder, Flaw, TEST_PIN};
use terminal::{
    audit::AuditEvent,
    eligibility::{Decision, Refusal, Source},
    error::{Error, Limit, MoneyOutcome, WhoActs},
    flows::VisitEntry,
    language::Language,
    ledger::{Filter, LedgerError, State, VisitState},
    progress::Progress,
    receipt::{Booking, ReceiptKind},
    session::SessionError,
    uploader::Step,
};

use super::support::{
    counter::{Counter, entry, lines},
    *,
};

fn counter_for(index: u64) -> (Counter, sim::people::Person) {
    let person = person(index);
    (Counter::new(&[entry(&person)]), person)
}

#[test]
fn a_visit_from_the_card_to_the_centers_receipt() {
    for generation in Generation::ALL {
        let (mut counter, person) = counter_for(3);
        let card = TestCard::of(&order(&person, generation));
        counter.insert(&card);
        assert_eq!(counter.tap().unwrap(), None);
        let Decision::Eligible(eligible) = counter.terminal().eligibility().unwrap() else { panic!() };
        assert_eq!(eligible.source, Source::Center);
        let agreed = counter.visit("V1").unwrap();
        // 300.00 in scope, the deductible used up: 75 % by the fund at this level, the rest by the account.
        let figures = agreed.outcome.settlement;
        assert_eq!(
            (figures.fund_pay_sumamt(), figures.acct_pay(), figures.psn_cash_pay()),
            (yuan("225.00"), yuan("75.00"), Fen::ZERO)
        );
        let settled = counter.terminal().settle(&agreed).unwrap();
        assert_eq!(settled.balance_after, Some(yuan("425.00")));
        assert_eq!(counter.terminal().balance().unwrap(), yuan("425.00"));
        assert_eq!(settled.receipt.sequence, Some(1));
        assert_eq!(settled.receipt.booking, Booking::Pending { offline: false });
        let printed = settled.receipt.text(32, Language::Chinese);
        assert!(printed.contains("75.00") && printed.contains("长沙市试验医院"));
        assert!(!printed.contains(person.number.as_str()) && !printed.contains(&person.name));

        let row = counter.ledger().transaction(settled.id).unwrap().unwrap();
        let Some(Business::Settlement(settlement)) = row.business() else { panic!() };
        let purchase = settlement.card.unwrap();
        assert!(!purchase.from_proof);
        assert_eq!((purchase.card_serial, purchase.terminal_serial, purchase.tac.len()), (0, 1, 8));
        assert_eq!(purchase.balance_before, yuan("500.00"));
        assert_eq!(settlement.rules_version, "2023-01-01/1");
        assert_eq!(counter.ledger().visit("V1").unwrap().unwrap().state, VisitState::Settled);

        counter.clock.pass(1_000);
        assert!(counter.terminal().send_all().unwrap());
        let reprint = counter.terminal().receipt(settled.id).unwrap();
        assert!(reprint.copy && matches!(reprint.booking, Booking::Booked { .. }));
        assert_eq!(reprint.proof, settled.receipt.proof);
        // The second visit of the day counts the first one's fund payment.
        let agreed = counter.visit("V2").unwrap();
        assert_eq!(agreed.eligible.person.pooled_outpatient_fen, 22_500);
        assert_eq!(agreed.balance, Some(yuan("425.00")));

        let progress = counter.progress.lock().unwrap().clone();
        for step in [Progress::ReadingCard, Progress::EnterPin, Progress::LeaveCard, Progress::Recording] {
            assert!(progress.contains(&step), "{step:?}");
            assert_ne!(step.words(Language::Chinese), step.words(Language::English));
        }
    }
}

#[test]
fn a_purchase_of_nothing_is_made_too() {
    let (mut counter, person) = counter_for(4);
    let card = TestCard::of(&order(&person, Generation::Two).account(0));
    counter.insert(&card);
    counter.tap().unwrap();
    let agreed = counter.visit("V1").unwrap();
    assert_eq!(agreed.outcome.settlement.psn_cash_pay(), yuan("75.00"));
    let settled = counter.terminal().settle(&agreed).unwrap();
    assert_eq!(settled.balance_after, Some(Fen::ZERO));
    let log = counter.terminal().session_mut().log().unwrap();
    assert_eq!((log[0].amounts.account_fen, log[0].amounts.self_paid_fen), (0, 7_500));
    assert_eq!(log[0].amounts.pooled_fen, 22_500);
}

#[test]
fn without_a_medical_account_own_shares_are_cash() {
    let (mut counter, person) = counter_for(5);
    let mut image = order(&person, Generation::Two).build().unwrap();
    for directory in &mut image.root.directories {
        directory.directories.retain(|child| child.id.0 != 0xDF04);
    }
    let card = TestCard::new(&image);
    counter.insert(&card);
    counter.tap().unwrap();
    assert_eq!(counter.visit("V1").unwrap_err(), Error::Session(SessionError::NoMedicalAccount));

    counter.settles_without_account = true;
    counter.restart();
    counter.insert(&card);
    // A card that was only put in opens no fund.
    counter.terminal().open_card().unwrap();
    let agreed = counter.visit("V1").unwrap();
    let unverified = counter.terminal().settle(&agreed).unwrap_err();
    assert_eq!(unverified, Error::Session(SessionError::PinFirst));
    counter.tap().unwrap();
    let agreed = counter.visit("V1").unwrap();
    assert_eq!(agreed.balance, None);
    let settled = counter.terminal().settle(&agreed).unwrap();
    assert_eq!(settled.balance_after, None);
    assert_eq!(settled.receipt.account, None);
    let row = counter.ledger().transaction(settled.id).unwrap().unwrap();
    let Some(Business::Settlement(settlement)) = row.business() else { panic!() };
    assert_eq!((settlement.card, settlement.amounts.psn_cash_pay), (None, yuan("75.00")));
}

#[test]
fn pins_that_do_not_open_a_visit() {
    let (mut counter, person) = counter_for(6);
    let session = |result: Result<_, Error>| match result {
        Err(Error::Session(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(session(counter.terminal().verify_holder()), SessionError::CardFirst);
    let card = TestCard::of(&order(&person, Generation::Three));
    counter.insert(&card);
    counter.terminal().open_card().unwrap();
    counter.pad.fails(PinPadError::Cancelled);
    let cancelled = session(counter.terminal().verify_holder());
    assert_eq!(cancelled, SessionError::PinEntry(PinPadError::Cancelled));
    counter.pad.types("123");
    let short = session(counter.terminal().verify_holder());
    assert!(matches!(short, SessionError::Pin(PinError::Length { .. })));
    counter.pad.types("000000");
    assert_eq!(session(counter.terminal().verify_holder()), SessionError::WrongPin { tries_left: 2 });
    counter.pad.types(TEST_PIN);
    counter.terminal().verify_holder().unwrap();
    // Nobody types: nothing is sent again.
    assert_eq!(session(counter.terminal().verify_holder()), SessionError::PinEntry(PinPadError::Timeout));

    let blocked = TestCard::of(&order(&person, Generation::Three).flaw(Flaw::PinBlocked));
    counter.insert(&blocked);
    counter.terminal().open_card().unwrap();
    counter.pad.types(TEST_PIN);
    assert_eq!(session(counter.terminal().verify_holder()), SessionError::PinBlocked);
    counter.supervise();
    counter.terminal().unblock_pin().unwrap();
    counter.pad.types(TEST_PIN);
    counter.terminal().verify_holder().unwrap();

    // A card as it was issued.
    let fresh = TestCard::of(&order(&person, Generation::Three).pin("123456"));
    counter.insert(&fresh);
    counter.terminal().open_card().unwrap();
    counter.pad.types("123456");
    assert_eq!(session(counter.terminal().verify_holder()), SessionError::Pin(PinError::Initial));
    assert_eq!(
        counter.visit("V6").unwrap_err(),
        Error::Session(SessionError::PinFirst),
        "an initial PIN settles nothing"
    );
    let change = |counter: &mut Counter, entries: [&str; 3]| {
        entries.iter().for_each(|entry| counter.pad.types(entry));
        counter.terminal().change_pin()
    };
    let error = change(&mut counter, ["123456", "904713", "904714"]).unwrap_err();
    assert_eq!((error.return_code(), error), (-34, Error::Session(SessionError::PinsDiffer)));
    let error = change(&mut counter, ["123456", "888888", "888888"]).unwrap_err();
    assert_eq!(error, Error::Session(SessionError::Pin(PinError::Initial)));
    let error = change(&mut counter, ["123456", "123456", "123456"]).unwrap_err();
    assert_eq!(error, Error::Session(SessionError::Pin(PinError::Unchanged)));
    change(&mut counter, ["123456", "904713", "904713"]).unwrap();
    counter.pad.types("904713");
    counter.terminal().verify_holder().unwrap();
}

#[test]
fn cards_and_people_that_may_not_settle() {
    let person = person(7);
    let refused = |order: CardOrder<'_>, state, paid_until| {
        let mut counter = Counter::new(&[protocol::feed::Person { state, paid_until, ..entry(&person) }]);
        counter.center.state().up = false;
        counter.insert(&TestCard::of(&order));
        counter.terminal().open_card().unwrap();
        match counter.terminal().eligibility().unwrap() {
            Decision::NotEligible(refusal) => refusal,
            Decision::Eligible(_) => panic!("eligible"),
        }
    };
    let active = PersonState::Active;
    let paid = 2026 * 12 + 10;
    let day = |year, month, day| card_spec::date::Date::new(year, month, day).unwrap();
    let usual = || order(&person, Generation::Two);
    assert_eq!(
        refused(usual().issued(day(2016, 11, 23)), active, paid),
        Refusal::Expired { last_day: day(2026, 11, 23) }
    );
    assert_eq!(refused(usual().issued(day(2026, 11, 25)), active, paid), Refusal::NotYetValid);
    assert_eq!(refused(usual().flaw(Flaw::DatesMissing), active, paid), Refusal::NotIssued);
    let class = Flaw::Value { tag: 0x02, value: vec![b'9'] };
    assert_eq!(refused(usual().flaw(class), active, paid), Refusal::CardClass { class: Some(b'9') });
    assert_eq!(refused(usual(), PersonState::Suspended, paid), Refusal::Suspended);
    assert_eq!(refused(usual(), PersonState::Ended, paid), Refusal::Ended);
    assert_eq!(refused(usual(), active, paid - 6), Refusal::Arrears { paid_until: paid - 6 });
    assert_eq!(refused(usual(), PersonState::Deceased, paid), Refusal::Deceased);
    let elsewhere = RegionCode::parse("330100").unwrap();
    let stranger = person.clone();
    let mut counter = Counter::new(&[]);
    counter.center.state().up = false;
    counter.insert(&TestCard::of(&order(&stranger, Generation::Three).city(elsewhere)));
    counter.terminal().open_card().unwrap();
    assert_eq!(
        counter.terminal().eligibility().unwrap(),
        Decision::NotEligible(Refusal::OtherCityOffline { city: elsewhere })
    );
}

#[test]
fn a_blocked_card_and_a_dead_persons_card() {
    let (mut counter, person) = counter_for(8);
    let card = TestCard::of(&order(&person, Generation::Three));
    counter.insert(&card);
    let tap = counter.terminal().open_card().unwrap();
    counter.feed(vec![Change::CardBlocked { card: tap.card.key().0, reason: BlockReason::Lost }]);
    assert_eq!(
        counter.terminal().eligibility().unwrap(),
        Decision::NotEligible(Refusal::Blacklisted { reason: BlockReason::Lost })
    );
    let error = counter.visit("V8").unwrap_err();
    assert_eq!(error.who_acts(), WhoActs::Cardholder);
    let alarms = |counter: &mut Counter| {
        let entries = counter.ledger().audit_entries(0, 1_000).unwrap();
        entries.iter().filter(|entry| entry.event == Some(AuditEvent::Impersonation)).count()
    };
    assert_eq!(alarms(&mut counter), 0);
    counter.feed(vec![Change::CardFreed(tap.card.key().0)]);
    assert!(matches!(counter.terminal().eligibility().unwrap(), Decision::Eligible(_)));

    counter.terminal().close_card();
    let dead = protocol::feed::Person { state: PersonState::Deceased, ..entry(&person) };
    counter.feed(vec![Change::Person(dead)]);
    counter.insert(&card);
    counter.terminal().open_card().unwrap();
    let decision = counter.terminal().eligibility().unwrap();
    assert_eq!(decision, Decision::NotEligible(Refusal::Deceased));
    assert_eq!(alarms(&mut counter), 1);
    assert!(Refusal::Deceased.words(Language::Chinese).what.contains("冒领"));
}

#[test]
fn who_is_not_here_is_asked_about_online() {
    let (mut counter, _) = counter_for(9);
    let stranger = person(10);
    let home = RegionCode::parse("330100").unwrap();
    let look = |counter: &mut Counter, order: &CardOrder<'_>| {
        counter.insert(&TestCard::of(order));
        counter.terminal().open_card().unwrap();
        counter.terminal().eligibility().unwrap()
    };
    let local = order(&stranger, Generation::Three);
    assert_eq!(look(&mut counter, &local), Decision::NotEligible(Refusal::Unknown));
    let foreign = order(&stranger, Generation::Three).city(home);
    assert_eq!(look(&mut counter, &foreign), Decision::NotEligible(Refusal::OtherCity { city: None }));
    let key = stranger.number.key();
    counter.center.state().people.insert(key, (Some(home), None));
    let known = Decision::NotEligible(Refusal::OtherCity { city: Some(home) });
    assert_eq!(look(&mut counter, &foreign), known);
    counter.center.state().people.insert(key, (None, Some(entry(&stranger))));
    let Decision::Eligible(eligible) = look(&mut counter, &local) else { panic!() };
    assert_eq!(eligible.source, Source::Center);
    counter.center.state().up = false;
    counter.clock.pass(60_000);
    assert_eq!(look(&mut counter, &local), Decision::NotEligible(Refusal::UnknownOffline));
}

#[test]
fn old_copies_and_doubtful_clocks_are_not_relied_on() {
    let (mut counter, person) = counter_for(11);
    let card = TestCard::of(&order(&person, Generation::Three));
    let look = |counter: &mut Counter| {
        counter.insert(&card);
        counter.terminal().open_card().unwrap();
        counter.terminal().eligibility().unwrap()
    };
    counter.center.state().up = false;
    let hours = |hours: i64| hours * 3_600_000;
    counter.clock.pass(hours(71));
    assert!(matches!(look(&mut counter), Decision::Eligible(_)));
    counter.clock.pass(hours(2));
    assert_eq!(
        look(&mut counter),
        Decision::NotEligible(Refusal::CacheTooOld { age_ms: hours(73), age_ms_max: hours(72) })
    );
    let mut counter = Counter::new(&[]);
    counter.center.state().up = false;
    counter.clock.set(-hours(24 * 365));
    assert!(matches!(look(&mut counter), Decision::NotEligible(Refusal::CacheTooOld { .. })));

    // The center's clock was learnt, then somebody set ours back.
    let (mut counter, _) = counter_for(11);
    assert!(counter.terminal().is_online());
    counter.center.state().up = false;
    counter.clock.pass(60_000);
    assert!(matches!(look(&mut counter), Decision::Eligible(_)));
    counter.clock.set(-hours(1));
    assert_eq!(look(&mut counter), Decision::NotEligible(Refusal::ClockDoubtful));
}

#[test]
fn offline_within_the_limits_and_not_beyond() {
    let (mut counter, person) = counter_for(12);
    counter.center.state().up = false;
    let card = TestCard::of(&order(&person, Generation::Three));
    counter.insert(&card);
    counter.tap().unwrap();
    let limits = OfflineLimits {
        amount_max_fen: yuan("299.99"),
        account_max_fen: yuan("1000"),
        ..OfflineLimits::default()
    };
    counter.terminal().use_limits(limits.clone());
    let error = counter.visit("V1").unwrap_err();
    assert_eq!(error, Error::Limit(Limit::Amount { max: yuan("299.99"), got: yuan("300") }));
    let limits = OfflineLimits { amount_max_fen: yuan("300"), account_max_fen: yuan("74.99"), ..limits };
    counter.terminal().use_limits(limits.clone());
    let error = counter.terminal().pre_settle("V1", true).unwrap_err();
    assert_eq!(error, Error::Limit(Limit::Account { max: yuan("74.99"), got: yuan("75") }));
    assert!(counter.terminal().pre_settle("V1", false).is_ok(), "cash has no such limit");
    counter.terminal().use_limits(OfflineLimits { account_max_fen: yuan("75"), ..limits });
    let agreed = counter.terminal().pre_settle("V1", true).unwrap();
    assert!(agreed.offline);
    let settled = counter.terminal().settle(&agreed).unwrap();
    assert_eq!(settled.receipt.booking, Booking::Pending { offline: true });
    assert!(!counter.terminal().send_all().unwrap());
    counter.center.state().up = true;
    assert!(counter.terminal().send_all().unwrap());
    let booked = counter.center.state().booked.clone();
    assert!(booked.len() == 1 && booked[0].offline);

    // Agreed to with the line up, settled with it down: the limits hold all the same.
    counter.terminal().use_limits(OfflineLimits { amount_max_fen: yuan("1"), ..OfflineLimits::default() });
    let agreed = counter.visit("V2").unwrap();
    assert!(!agreed.offline);
    counter.center.state().up = false;
    counter.clock.pass(60_000);
    let error = counter.terminal().settle(&agreed).unwrap_err();
    assert!(matches!(error, Error::Limit(Limit::Amount { .. })));
    // A queue at its limit stops new business.
    counter.terminal().use_limits(OfflineLimits { queue_max: 0, ..OfflineLimits::default() });
    let error = counter.terminal().settle(&agreed).unwrap_err();
    assert!(matches!(error, Error::Ledger(LedgerError::QueueFull { .. })));
    assert_eq!(error.money(), MoneyOutcome::NotDone);
}

#[test]
fn a_bill_that_changed_is_shown_again() {
    let (mut counter, person) = counter_for(13);
    counter.insert(&TestCard::of(&order(&person, Generation::Three)));
    counter.tap().unwrap();
    let agreed = counter.visit("V1").unwrap();
    let mut more = lines();
    more[0].serial = "3".into();
    counter.terminal().add_lines("V1", &more[..1]).unwrap();
    assert_eq!(counter.terminal().settle(&agreed).unwrap_err(), Error::BillChanged);
    assert_eq!(counter.ledger().list(Filter::All, 10).unwrap().len(), 0, "nothing was even intended");
    counter.terminal().remove_lines("V1", None).unwrap();
    counter.terminal().add_lines("V1", &lines()).unwrap();
    let bad = terminal::flows::LineEntry {
        content: r#"{"code":"Z9","price":"1","count":"1"}"#.into(),
        ..lines()[0].clone()
    };
    assert!(matches!(counter.terminal().add_lines("V1", &[bad]), Err(Error::Rules(_))));
    let agreed = counter.terminal().pre_settle("V1", true).unwrap();
    counter.terminal().settle(&agreed).unwrap();
    let error = counter.terminal().settle(&agreed).unwrap_err();
    assert!(
        matches!(error, Error::Ledger(LedgerError::VisitNotOpen { state: VisitState::Settled })),
        "{error:?}: a visit is settled once"
    );
    let other = TestCard::of(&order(&person, Generation::Three).serial(777));
    counter.insert(&other);
    counter.tap().unwrap();
    assert_eq!(counter.terminal().pre_settle("V1", true).unwrap_err(), Error::OtherCard);
    let maternity = VisitEntry { number: "V9".into(), med_type: "51".into() };
    let error = counter.terminal().register(&maternity).unwrap_err();
    assert_eq!(error, Error::VisitKind { med_type: "51".into() });
}

#[test]
fn business_needs_an_operator_and_a_cycle() {
    let (mut counter, person) = counter_for(14);
    counter.terminal().sign_out().unwrap();
    counter.insert(&TestCard::of(&order(&person, Generation::Three)));
    counter.tap().unwrap();
    assert_eq!(counter.visit("V1").unwrap_err(), Error::NotSignedIn);
    counter.terminal().sign_in("0101", b"246813").unwrap();
    let agreed = counter.visit("V1").unwrap();
    counter.clock.pass(24 * 3_600_000);
    let error = counter.terminal().settle(&agreed).unwrap_err();
    // The day has changed as well, which is noticed first.
    assert_eq!(error, Error::BillChanged);
    let agreed = counter.terminal().pre_settle("V1", true).unwrap();
    let error = counter.terminal().settle(&agreed).unwrap_err();
    assert!(matches!(error, Error::Ledger(LedgerError::CycleOver { .. })), "{error:?}");
    assert!(counter.terminal().reconcile().unwrap().equal);
    counter.terminal().sign_in("0101", b"246813").unwrap();
    let agreed = counter.terminal().pre_settle("V1", true).unwrap();
    counter.terminal().settle(&agreed).unwrap();
    let day = counter.terminal().reconcile().unwrap();
    assert!(day.equal && day.ours.count == 1 && day.theirs.acct_pay == yuan("75"), "{day:?}");
}

#[test]
fn a_settlement_is_cancelled_and_the_account_gets_its_money_back() {
    let (mut counter, person) = counter_for(15);
    let card = TestCard::of(&order(&person, Generation::Three));
    counter.insert(&card);
    counter.tap().unwrap();
    let agreed = counter.visit("V1").unwrap();
    let settled = counter.terminal().settle(&agreed).unwrap();
    let error = counter.terminal().cancel(settled.id).unwrap_err();
    assert!(error.is_not_permitted(), "{error:?}");
    counter.supervise();
    let cancelled = counter.terminal().cancel(settled.id).unwrap();
    assert_eq!(cancelled.receipt.kind, ReceiptKind::Cancellation);
    assert_eq!(cancelled.receipt.settlement, agreed.outcome.settlement.cancellation());
    let terminal::flows::AccountRefund::Loaded(loaded) = &cancelled.account else {
        panic!("{:?}", cancelled.account)
    };
    assert_eq!((loaded.amount, loaded.balance_after), (yuan("75"), yuan("500")));
    assert_eq!(counter.terminal().balance().unwrap(), yuan("500"));
    assert_eq!(counter.ledger().owed_all().unwrap(), []);
    let error = counter.terminal().cancel(settled.id).unwrap_err();
    assert!(matches!(error, Error::Ledger(LedgerError::NothingToCancel { .. })), "once");
    // The year is as it was before, and the visit can be settled again.
    counter.terminal().close_card();
    counter.insert(&card);
    counter.tap().unwrap();
    let again = counter.terminal().pre_settle("V1", true).unwrap();
    assert_eq!(again.eligible.person.pooled_outpatient_fen, 0);
    counter.terminal().settle(&again).unwrap();
    assert!(counter.terminal().send_all().unwrap());
    let totals = counter.terminal().reconcile().unwrap();
    assert!(totals.equal, "{totals:?}");
    // The supervisor's cycle has the cancellation and the new settlement; the first one was the cashier's.
    assert_eq!((totals.ours.count, totals.ours.acct_pay), (2, Fen::ZERO));
}

#[test]
fn money_is_owed_while_the_line_is_down() {
    let (mut counter, person) = counter_for(16);
    let card = TestCard::of(&order(&person, Generation::Two));
    counter.insert(&card);
    counter.tap().unwrap();
    let agreed = counter.visit("V1").unwrap();
    let settled = counter.terminal().settle(&agreed).unwrap();
    counter.supervise();
    counter.center.state().up = false;
    counter.clock.pass(60_000);
    let cancelled = counter.terminal().cancel(settled.id).unwrap();
    let terminal::flows::AccountRefund::Owed { amount, .. } = &cancelled.account else { panic!() };
    assert_eq!(*amount, yuan("75"));
    assert_eq!(counter.terminal().balance().unwrap(), yuan("425"), "not guessed onto the card");
    counter.center.state().up = true;
    counter.insert(&card);
    counter.tap().unwrap();
    let loaded = counter.terminal().load_refunds().unwrap();
    assert_eq!(loaded.len(), 1);
    assert_eq!(counter.terminal().balance().unwrap(), yuan("500"));
    assert_eq!(counter.terminal().load_refunds().unwrap(), []);
    counter.clock.pass(24 * 3_600_000);
    counter.terminal().reconcile().unwrap();
    counter.supervise();
    counter.terminal().close_card();
    let row = counter.ledger().transaction(settled.id).unwrap().unwrap();
    assert_eq!(row.cancelled_by, Some(cancelled.id));
}

#[test]
fn what_the_center_refuses_is_owed_back_to_the_card() {
    let (mut counter, person) = counter_for(16);
    let card = TestCard::of(&order(&person, Generation::Two));
    counter.insert(&card);
    counter.tap().unwrap();
    let agreed = counter.visit("V1").unwrap();
    counter.center.state().refuse_settlements = Some(RefusalReason::TacWrong);
    let settled = counter.terminal().settle(&agreed).unwrap();
    assert!(counter.terminal().send_all().unwrap());
    let row = counter.ledger().transaction(settled.id).unwrap().unwrap();
    assert_eq!(row.state, State::Refused);
    counter.center.state().refuse_settlements = None;
    // The verdict is read the next day, in another cycle.
    counter.clock.pass(24 * 3_600_000);
    counter.terminal().sign_in("0101", b"246813").unwrap();
    counter.terminal().reconcile().unwrap();
    counter.supervise();
    counter.insert(&card);
    counter.tap().unwrap();
    let cancelled = counter.terminal().cancel(settled.id).unwrap();
    let terminal::flows::AccountRefund::Loaded(loaded) = &cancelled.account else { panic!("{cancelled:?}") };
    assert_eq!((loaded.amount, loaded.balance_after), (yuan("75"), yuan("500")));
    let row = counter.ledger().transaction(cancelled.id).unwrap().unwrap();
    let Some(Business::Cancellation(cancellation)) = row.business() else { panic!() };
    assert_eq!(cancellation.amounts, protocol::record::Amounts::default(), "no sum was ever booked");
    let agreed = counter.terminal().pre_settle("V1", true).unwrap();
    assert_eq!(agreed.eligible.person.pooled_outpatient_fen, 0, "nor taken from the year");
    counter.terminal().settle(&agreed).unwrap();
    let day = counter.terminal().reconcile().unwrap();
    assert!(day.equal, "{day:?}");
}

#[test]
fn a_settlement_of_another_day_is_the_agencys() {
    let (mut counter, person) = counter_for(17);
    counter.insert(&TestCard::of(&order(&person, Generation::Two)));
    counter.tap().unwrap();
    let agreed = counter.visit("V1").unwrap();
    let settled = counter.terminal().settle(&agreed).unwrap();
    counter.clock.pass(24 * 3_600_000);
    counter.terminal().reconcile().unwrap();
    counter.supervise();
    assert_eq!(counter.terminal().cancel(settled.id).unwrap_err(), Error::TooLate);
    let nobody = protocol::id::TransactionId([9; 16]);
    let error = counter.terminal().cancel(nobody).unwrap_err();
    assert!(matches!(error, Error::Ledger(LedgerError::TransactionUnknown { .. })));
}

#[test]
fn the_account_is_loaded_with_the_centers_answer() {
    for generation in Generation::ALL {
        let (mut counter, person) = counter_for(18);
        let card = TestCard::of(&order(&person, generation));
        counter.insert(&card);
        counter.terminal().open_card().unwrap();
        assert_eq!(counter.terminal().load(yuan("20")).unwrap_err(), Error::Session(SessionError::PinFirst));
        counter.tap().unwrap();
        assert_eq!(counter.terminal().load(Fen::ZERO).unwrap_err(), Error::NothingToLoad);
        counter.center.state().lose_loads = 2;
        let loaded = counter.terminal().load(yuan("20.50")).unwrap();
        assert_eq!(loaded.balance_after, yuan("520.50"));
        assert_eq!(counter.terminal().balance().unwrap(), yuan("520.50"));
        assert_eq!(counter.center.state().granted.len(), 1, "asked three times for the same");
        counter.center.state().refuse_loads = true;
        let error = counter.terminal().load(yuan("1")).unwrap_err();
        assert!(matches!(error, Error::Link(_)));
        assert_eq!(error.money(), MoneyOutcome::NotDone);
        counter.center.state().up = false;
        assert!(counter.terminal().load(yuan("1")).is_err());
        assert_eq!(counter.terminal().balance().unwrap(), yuan("520.50"));
        let rows = counter.ledger().list(Filter::All, 10).unwrap();
        let outcomes: Vec<_> = rows.iter().map(|row| row.business().unwrap()).collect();
        assert!(matches!(
            outcomes[..],
            [
                Business::Abandoned { reason: AbandonReason::Cancelled },
                Business::Abandoned { reason: AbandonReason::Cancelled },
                Business::Load(_),
            ]
        ));
    }
}

#[test]
fn intentions_of_a_run_that_ended_are_written_off() {
    let (mut counter, person) = counter_for(19);
    counter.insert(&TestCard::of(&order(&person, Generation::Two)));
    counter.tap().unwrap();
    let agreed = counter.visit("V1").unwrap();
    let card = counter.terminal().card().unwrap().key();
    let cycle = counter.terminal().signed_in().unwrap().cycle.clone().unwrap().number;
    let intention = terminal::ledger::Intention {
        id: protocol::id::TransactionId([7; 16]),
        purpose: terminal::ledger::Purpose::Settlement,
        visit: Some("V1".into()),
        person: agreed.visit.person,
        card,
        cycle,
        operator: "0101".into(),
        made_at: counter.clock.now(),
        plan: "{}".into(),
    };
    let limits = counter.terminal().limits().clone();
    counter.ledger().intend(&intention, &limits).unwrap();
    counter.restart();
    let row = counter.ledger().transaction(intention.id).unwrap().unwrap();
    assert!(row.abandoned && row.state == State::Recorded);
    assert_eq!(row.business(), Some(Business::Abandoned { reason: AbandonReason::Restarted }));
    assert_eq!(counter.ledger().visit("V1").unwrap().unwrap().state, VisitState::Open);
    // A terminal that runs all day sends it step by step.
    let mut steps = 0;
    while !matches!(counter.terminal().upload_step().unwrap(), Step::Idle) {
        steps += 1;
        assert!(steps < 10);
    }
    assert_eq!(counter.center.state().booked.len(), 1);
}
