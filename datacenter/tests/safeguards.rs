//! What may go wrong at a counter and must not make money, lose money, or pay it to somebody else.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use std::time::Duration;

use card_spec::{generation::Algorithm, money::Fen};
use datacenter::{
    faults::{Fault, Faults},
    storage::rows::{AlarmKind, ImportedPerson, Proof},
};
use protocol::{
    account::{LoadSource, OwedRefund, RefundsAnswer, RefundsQuery},
    accumulation::Accumulation,
    feed::{BlockReason, Person, PersonState},
    id::TransactionId,
    limits::OfflineLimits,
    problem::ProblemKind,
    reconciliation::Totals,
    record::{Amounts, Business, Cancellation, Load, Refund, Settlement},
    timestamp::{ClockQuality, Timestamp},
    upload::{RefusalReason, Verdict},
};
use rig::{
    DAY_MS, Rig, Terminal,
    bodies::{abandoned, body, settled},
    cards::{Card, alarms, book, credit, load, refusal, rig},
    person, verdicts,
};

fn refused(reason: RefusalReason) -> Verdict {
    Verdict::Refused { reason }
}

fn settling(settlement: Settlement) -> Business {
    Business::Settlement(Box::new(settlement))
}

fn cancelling(of: TransactionId, card: &Card, amounts: Amounts, refund: Refund) -> Business {
    Business::Cancellation(Box::new(Cancellation { of, person: card.person, amounts, refund }))
}

fn import(rig: &Rig, card: &Card, state: PersonState) -> Person {
    let person = Person {
        key: card.person.key(),
        state,
        insutype: 310,
        psn_type: 11,
        civil_servant: false,
        paid_until: 2030 * 12,
        year: rig::year(),
        deductible_fen: 0,
        pooled_outpatient_fen: 0,
        pooled_inpatient_fen: 0,
        own_in_scope_fen: 0,
        stays: 0,
    };
    rig.center.production.import_people([Ok(ImportedPerson { person, with_sums: true })], |_| {}).unwrap();
    person
}

fn entry(rig: &Rig, card: &Card) -> Person {
    rig.center.production.storage().person(card.person.key()).unwrap().unwrap()
}

fn owed(rig: &Rig, card: &Card) -> Vec<OwedRefund> {
    rig.center.production.refunds(&RefundsQuery { person: card.person }).unwrap().refunds
}

fn newest_proof(rig: &Rig) -> Proof {
    rig.center.production.storage().records(None, 1).unwrap()[0].proof
}

/// Books a settlement that was made then, online or not.
fn book_at(
    rig: &Rig,
    terminal: &mut Terminal,
    made_at: Timestamp,
    offline: bool,
    settlement: Settlement,
) -> (TransactionId, Verdict) {
    let (id, sequence) = (rig.dice.id(), terminal.chain.len() as u64 + 1);
    let mut body = body(terminal.id, sequence, id, settling(settlement));
    (body.made_at, body.offline) = (made_at, offline);
    terminal.record_text(serde_json::to_string(&body).unwrap());
    (id, verdicts(&rig.receipt(terminal, &terminal.batch(sequence, sequence))).remove(0))
}

#[test]
fn a_purchase_that_only_the_log_tells_of_is_booked_with_an_alarm() {
    let (rig, mut terminal) = rig();
    let card = Card::new(Algorithm::Sm4, 1);
    let mut lost = card.settlement(terminal.id, 10_000);
    let purchase = lost.card.as_mut().unwrap();
    purchase.tac.clear();
    // Without the proof having been asked there is no excuse for a missing TAC.
    let refusal = book(&rig, &mut terminal, rig.dice.id(), settling(lost.clone()));
    assert_eq!(refusal, refused(RefusalReason::TacWrong));
    lost.card.as_mut().unwrap().from_proof = true;
    assert_eq!(book(&rig, &mut terminal, rig.dice.id(), settling(lost)), Verdict::Booked);
    assert_eq!(newest_proof(&rig), Proof::Missing);
    assert_eq!(alarms(&rig), [AlarmKind::TacWrong, AlarmKind::TacMissing]);
    // It has shown no TAC, so it has not shown whose it is either.
    let mut anothers = card.settlement(terminal.id, 10_000);
    anothers.person = person(77);
    assert_eq!(book(&rig, &mut terminal, rig.dice.id(), settling(anothers)), Verdict::Booked);
}

#[test]
fn a_load_that_only_the_log_tells_of_is_booked_with_an_alarm() {
    let (rig, mut terminal) = rig();
    let mut card = Card::new(Algorithm::TripleDes, 1);
    rig.center.production.add_credit(card.person.key(), Fen(500)).unwrap();
    let id = rig.dice.id();
    let answer = load(&rig, &card.request(id, terminal.id, Fen(500), LoadSource::Credit)).unwrap();
    let Business::Load(record) = card.credit(terminal.id, Fen(500), &answer) else { unreachable!() };
    let record = Load { tac: String::new(), ..record };
    assert_eq!(book(&rig, &mut terminal, id, Business::Load(record)), Verdict::Booked);
    assert_eq!((newest_proof(&rig), credit(&rig, &card)), (Proof::Missing, Fen::ZERO));
    assert_eq!(alarms(&rig), [AlarmKind::TacMissing]);
}

#[test]
fn a_refused_settlement_is_owed_back_once_and_counts_nowhere() {
    let (rig, mut terminal) = rig();
    let card = Card::new(Algorithm::Sm4, 2);
    let before = import(&rig, &card, PersonState::Active);
    let limits = OfflineLimits { amount_max_fen: Fen(1_000), ..OfflineLimits::default() };
    rig.center.production.set_limits(None, &limits).unwrap();
    let settlement = card.settlement(terminal.id, 10_000);
    let (amounts, account) = (settlement.amounts, settlement.amounts.acct_pay);
    let (of, verdict) = book_at(&rig, &mut terminal, rig::now(), true, settlement);
    assert_eq!(verdict, refused(RefusalReason::OverLimit));

    let owed_back = || Refund::Owed { amount: account };
    let mut cancel = |amounts, refund| {
        let id = rig.dice.id();
        (id, book(&rig, &mut terminal, id, cancelling(of, &card, amounts, refund)))
    };
    let wrong = refused(RefusalReason::RefundWrong);
    assert_eq!(cancel(Amounts::default(), Refund::None).1, wrong);
    assert_eq!(cancel(Amounts::default(), Refund::Owed { amount: account + Fen(1) }).1, wrong);
    let unbalanced = refused(RefusalReason::Unbalanced);
    assert_eq!(cancel(amounts, owed_back()).1, unbalanced);
    let (cancellation, verdict) = cancel(Amounts::default(), owed_back());
    assert_eq!(verdict, Verdict::Booked);
    assert_eq!(cancel(Amounts::default(), owed_back()).1, refused(RefusalReason::NothingToCancel));
    assert_eq!(owed(&rig, &card), [OwedRefund { of: cancellation, owed: account }]);
    // Nothing else has moved: neither the person's year nor the terminal's sums.
    assert_eq!(entry(&rig, &card), before);
    let span = rig.center.production.storage().span(terminal.id, 1, 99, 9).unwrap();
    assert_eq!(span.totals, Totals { count: 1, ..Totals::default() });
    // The card gets its money back.
    let mut card = card;
    let id = rig.dice.id();
    let source = LoadSource::Refund { of: cancellation };
    let answer = load(&rig, &card.request(id, terminal.id, account, source)).unwrap();
    let business = card.credit(terminal.id, account, &answer);
    assert_eq!(book(&rig, &mut terminal, id, business), Verdict::Booked);
    assert_eq!(owed(&rig, &card), []);
    assert_eq!(alarms(&rig), []);
}

#[test]
fn a_cancellation_written_before_the_refusal_was_known_is_as_good() {
    let (rig, mut terminal) = rig();
    let card = Card::new(Algorithm::Sm4, 3);
    rig.center.production.set_cards(&[(card.key(), Some(BlockReason::Lost))]).unwrap();
    let mut settlement = card.settlement(terminal.id, 10_000);
    let digits = hex::encode(rig::now().plus_ms(9 * DAY_MS).to_bcd());
    settlement.card = Some(card.purchase_at(terminal.id, settlement.amounts.acct_pay, &digits));
    let (of, cancellation) = (rig.dice.id(), rig.dice.id());
    let (amounts, account) = (settlement.amounts, settlement.amounts.acct_pay);
    let mut late = body(terminal.id, 1, of, settling(settlement));
    late.made_at = rig::now().plus_ms(9 * DAY_MS);
    terminal.record_text(serde_json::to_string(&late).unwrap());
    let back = Refund::Owed { amount: account };
    terminal.record(cancellation, cancelling(of, &card, amounts.negated(), back));
    rig.clock.advance_ms(9 * DAY_MS);
    let receipt = rig.receipt(&terminal, &terminal.all());
    assert_eq!(verdicts(&receipt), [refused(RefusalReason::Blacklisted), Verdict::Booked]);
    assert_eq!(owed(&rig, &card), [OwedRefund { of: cancellation, owed: account }]);
    let span = rig.center.production.storage().span(terminal.id, 1, 9, 9).unwrap();
    assert_eq!(span.totals, Totals { count: 1, ..Totals::default() });
}

#[test]
fn money_that_no_card_gave_is_not_owed_back() {
    let (rig, mut terminal) = rig();
    let card = Card::new(Algorithm::TripleDes, 4);
    let mut forged = card.settlement(terminal.id, 10_000);
    forged.card.as_mut().unwrap().tac = "00000000".into();
    let (of, account) = (rig.dice.id(), forged.amounts.acct_pay);
    let amounts = forged.amounts.negated();
    assert_eq!(book(&rig, &mut terminal, of, settling(forged)), refused(RefusalReason::TacWrong));
    let back = || Refund::Owed { amount: account };
    let verdict = book(&rig, &mut terminal, rig.dice.id(), cancelling(of, &card, amounts, back()));
    assert_eq!(verdict, refused(RefusalReason::TacWrong));
    // Refused without any card behind it: there is nothing to give back.
    let mut odd = card.settlement(terminal.id, 10_000);
    (odd.card, odd.amounts.hosp_part_amt) = (None, Fen(1));
    let of = rig.dice.id();
    assert_eq!(book(&rig, &mut terminal, of, settling(odd)), refused(RefusalReason::Unbalanced));
    let verdict = book(&rig, &mut terminal, rig.dice.id(), cancelling(of, &card, amounts, back()));
    assert_eq!(verdict, refused(RefusalReason::NothingToCancel));
    // Another terminal's purchase under another name is refused as misplaced and owes nothing.
    let mut thief = rig.terminal(9);
    let of = rig.dice.id();
    let stolen = body(terminal.id, 1, of, settling(card.settlement(terminal.id, 10_000)));
    thief.record_text(serde_json::to_string(&stolen).unwrap());
    assert_eq!(verdicts(&rig.receipt(&thief, &thief.all())), [refused(RefusalReason::Misplaced)]);
    let verdict = book(&rig, &mut thief, rig.dice.id(), cancelling(of, &card, amounts, back()));
    assert_eq!(verdict, refused(RefusalReason::NothingToCancel));
    assert_eq!(owed(&rig, &card), []);
}

#[test]
fn a_held_up_load_is_not_granted_after_it_was_given_up() {
    let (mut rig, mut terminal) = rig();
    let card = Card::new(Algorithm::Sm4, 5);
    rig.center.production.add_credit(card.person.key(), Fen(500)).unwrap();
    let id = rig.dice.id();
    let request = card.request(id, terminal.id, Fen(300), LoadSource::Credit);
    let held_up =
        Faults::new(|_, path| (path == "/v1/load").then_some(Fault::DelayBefore(Duration::from_millis(800))));
    let running = rig.center.start_wrapped(held_up.wrap()).unwrap();
    let client = terminal.client(&running);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| client.post("/v1/load", &request).unwrap());
        std::thread::sleep(Duration::from_millis(100));
        // The terminal waits no longer, writes the load off and uploads that.
        assert_eq!(book(&rig, &mut terminal, id, abandoned()), Verdict::Booked);
        assert_eq!(asking.join().unwrap().problem(), ProblemKind::LoadRefused);
    });
    running.stop();
    assert_eq!(credit(&rig, &card), Fen(500));
    assert!(refusal(&rig, &request).contains("abandoned"));
    rig.reopen();
    assert_eq!(credit(&rig, &card), Fen(500));
}

#[test]
fn nobody_loads_the_card_of_the_dead_or_a_blocked_one() {
    let (rig, terminal) = rig();
    let card = Card::new(Algorithm::TripleDes, 6);
    rig.center.production.add_credit(card.person.key(), Fen(500)).unwrap();
    let ask = || card.request(rig.dice.id(), terminal.id, Fen(100), LoadSource::Credit);
    for (state, why) in [(PersonState::Deceased, "deceased"), (PersonState::Ended, "ended")] {
        import(&rig, &card, state);
        assert!(refusal(&rig, &ask()).contains(why));
    }
    import(&rig, &card, PersonState::Suspended);
    load(&rig, &ask()).unwrap();
    for reason in [BlockReason::Lost, BlockReason::Replaced, BlockReason::Deceased, BlockReason::Fraud] {
        rig.center.production.set_cards(&[(card.key(), Some(reason))]).unwrap();
        assert!(refusal(&rig, &ask()).contains("blocked"));
    }
    assert_eq!(credit(&rig, &card), Fen(400));
    rig.center.production.set_cards(&[(card.key(), None)]).unwrap();
    load(&rig, &ask()).unwrap();
}

#[test]
fn a_card_is_one_persons() {
    let (rig, mut terminal) = rig();
    let (mine, yours) = (Card::new(Algorithm::Sm4, 7), Card::new(Algorithm::Sm4, 8));
    rig.center.production.add_credit(mine.person.key(), Fen(500)).unwrap();
    let visit = settling(yours.settlement(terminal.id, 10_000));
    assert_eq!(book(&rig, &mut terminal, rig.dice.id(), visit), Verdict::Booked);
    // My credit does not go on your card, whoever asks.
    let mut drain = yours.request(rig.dice.id(), terminal.id, Fen(500), LoadSource::Credit);
    drain.person = mine.person;
    assert!(refusal(&rig, &drain).contains("another person"));
    assert_eq!(credit(&rig, &mine), Fen(500));
    // Nor does your card settle my visit; what it gave is owed to you.
    let mut mixed = yours.settlement(terminal.id, 20_000);
    mixed.person = mine.person;
    let (of, account, amounts) = (rig.dice.id(), mixed.amounts.acct_pay, mixed.amounts.negated());
    let verdict = book(&rig, &mut terminal, of, settling(mixed));
    assert_eq!(verdict, refused(RefusalReason::HolderMismatch));
    assert_eq!(alarms(&rig), [AlarmKind::HolderMismatch, AlarmKind::HolderMismatch]);
    let (id, back) = (rig.dice.id(), Refund::Owed { amount: account });
    assert_eq!(book(&rig, &mut terminal, id, cancelling(of, &mine, amounts, back)), Verdict::Booked);
    assert_eq!((owed(&rig, &mine), owed(&rig, &yours)), (vec![], vec![OwedRefund { of: id, owed: account }]));
    // A load binds as well, also within one batch of records.
    load(&rig, &mine.request(rig.dice.id(), terminal.id, Fen(100), LoadSource::Credit)).unwrap();
    let mut theirs = mine.settlement(terminal.id, 10_000);
    theirs.person = person(99);
    let mut later = mine.settlement(terminal.id, 10_000);
    later.person = person(99);
    let verdict = book(&rig, &mut terminal, rig.dice.id(), settling(theirs.clone()));
    assert_eq!(verdict, refused(RefusalReason::HolderMismatch));
    let third = Card::new(Algorithm::Sm4, 9);
    let mut stranger = third.settlement(terminal.id, 10_000);
    stranger.person = person(99);
    let from = terminal.record(rig.dice.id(), settling(third.settlement(terminal.id, 10_000)));
    let to = terminal.record(rig.dice.id(), settling(stranger));
    let receipt = rig.receipt(&terminal, &terminal.batch(from, to));
    assert_eq!(verdicts(&receipt), [Verdict::Booked, refused(RefusalReason::HolderMismatch)]);
    // The issuer's word counts for more than what was seen first.
    rig.center.production.set_holders(&[(mine.key(), person(99).key())]).unwrap();
    assert_eq!(book(&rig, &mut terminal, rig.dice.id(), settling(later)), Verdict::Booked);
    // What was refused before can still be cancelled, so it cannot be booked under another name as well.
    let verdict = book(&rig, &mut terminal, rig.dice.id(), settling(theirs));
    assert_eq!(verdict, refused(RefusalReason::PurchaseKnown));
    // A number that is only written down, without a purchase, binds nothing.
    for number in [1, 2] {
        let visit = settled(person(number), 10_000);
        assert_eq!(book(&rig, &mut terminal, rig.dice.id(), visit), Verdict::Booked);
    }
}

#[test]
fn a_credit_is_not_doubled_by_a_load_that_is_given_up() {
    let (rig, mut terminal) = rig();
    let mut card = Card::new(Algorithm::TripleDes, 10);
    let settlement = card.settlement(terminal.id, 10_000);
    let (of, account, amounts) = (rig.dice.id(), settlement.amounts.acct_pay, settlement.amounts.negated());
    assert_eq!(book(&rig, &mut terminal, of, settling(settlement)), Verdict::Booked);
    rig.center.production.add_credit(card.person.key(), account).unwrap();
    let by = rig.dice.id();
    let answer = load(&rig, &card.request(by, terminal.id, account, LoadSource::Credit)).unwrap();
    // Only granted, it may still be given up: it has put nothing back yet.
    let cancel = cancelling(of, &card, amounts, Refund::Loaded { by });
    let verdict = book(&rig, &mut terminal, rig.dice.id(), cancel.clone());
    assert_eq!((verdict, credit(&rig, &card)), (refused(RefusalReason::RefundWrong), Fen::ZERO));
    let done = card.credit(terminal.id, account, &answer);
    assert_eq!(book(&rig, &mut terminal, by, done), Verdict::Booked);
    assert_eq!(book(&rig, &mut terminal, rig.dice.id(), cancel), Verdict::Booked);
    assert_eq!(credit(&rig, &card), account);
    // The name is taken now: giving the load up is a conflict and frees nothing.
    assert_eq!(book(&rig, &mut terminal, by, abandoned()), Verdict::Conflict);
    assert_eq!(credit(&rig, &card), account);
    // A grant that an earlier program let be used up while it was only granted is not freed either.
    let used = rig.dice.id();
    load(&rig, &card.request(used, terminal.id, Fen(100), LoadSource::Credit)).unwrap();
    let row = datacenter::storage::rows::RefundRow { of: used, person: card.person.key(), owed: Fen::ZERO };
    rig.center.production.storage().transact(&mut |t| t.put_refunds(&[row])).unwrap();
    assert_eq!(book(&rig, &mut terminal, used, abandoned()), Verdict::Booked);
    assert_eq!(credit(&rig, &card), account - Fen(100));
}

#[test]
fn a_purchase_is_judged_by_its_own_time() {
    let (rig, mut terminal) = rig();
    let card = Card::new(Algorithm::Sm4, 11);
    let before = import(&rig, &card, PersonState::Active);
    let at = |time: Timestamp| hex::encode(time.to_bcd());
    let bought_at = |terminal: &Terminal, time: &str| {
        let mut settlement = card.settlement(terminal.id, 15_000);
        settlement.card = Some(card.purchase_at(terminal.id, settlement.amounts.acct_pay, time));
        settlement
    };
    // Bought on the last day of the year, found out about in the next: counts for the year it was bought in.
    let january = Timestamp::from_card_digits(&format!("{}0103100000", rig::year() + 1)).unwrap();
    rig.clock.advance_ms(january.0 - rig::now().0);
    let settlement = bought_at(&terminal, &format!("{}1231233000", rig::year()));
    let amounts = settlement.amounts;
    let (of, verdict) = book_at(&rig, &mut terminal, january, false, settlement);
    assert_eq!(verdict, Verdict::Booked);
    let mut expected = before;
    expected.accumulate(rig::year(), &Accumulation::of(&amounts, "11"));
    assert_eq!(entry(&rig, &card), expected);
    assert_ne!(expected, before);
    // So does its cancellation.
    let back = Refund::Owed { amount: amounts.acct_pay };
    let verdict = book(&rig, &mut terminal, rig.dice.id(), cancelling(of, &card, amounts.negated(), back));
    assert_eq!((verdict, entry(&rig, &card)), (Verdict::Booked, before));

    // Limits that came since do not count, nor does a blocking that came since.
    let (rig, mut terminal) = rig::cards::rig();
    import(&rig, &card, PersonState::Active);
    let limits = |yuan| OfflineLimits { amount_max_fen: Fen::from_yuan(yuan), ..OfflineLimits::default() };
    rig.center.production.set_limits(None, &limits(200)).unwrap();
    rig.clock.advance_ms(DAY_MS);
    rig.center.production.set_limits(None, &limits(100)).unwrap();
    rig.center.production.set_cards(&[(card.key(), Some(BlockReason::Lost))]).unwrap();
    rig.clock.advance_ms(8 * DAY_MS);
    let (first, last) = (rig::now().plus_ms(DAY_MS), rig::now().plus_ms(9 * DAY_MS));
    let early = bought_at(&terminal, &at(first));
    assert_eq!(book_at(&rig, &mut terminal, last, true, early).1, Verdict::Booked);
    let late = bought_at(&terminal, &at(last.plus_ms(-DAY_MS)));
    assert_eq!(book_at(&rig, &mut terminal, last, true, late).1, refused(RefusalReason::OverLimit));
    let early = bought_at(&terminal, &at(first));
    assert_eq!(book_at(&rig, &mut terminal, last, false, early).1, Verdict::Booked);
    let late = bought_at(&terminal, &at(last.plus_ms(-DAY_MS)));
    assert_eq!(book_at(&rig, &mut terminal, last, false, late).1, refused(RefusalReason::Blacklisted));
    // A time that cannot be is none: the record's own counts.
    let odd = bought_at(&terminal, &at(last.plus_ms(DAY_MS)));
    assert_eq!(book_at(&rig, &mut terminal, last, false, odd).1, refused(RefusalReason::Blacklisted));
}

#[test]
fn staff_lets_a_card_be_loaded_again() {
    let (rig, mut terminal) = rig();
    let mut card = Card::new(Algorithm::Sm4, 12);
    rig.center.production.add_credit(card.person.key(), Fen(1_000)).unwrap();
    let id = rig.dice.id();
    let request = card.request(id, terminal.id, Fen(600), LoadSource::Credit);
    load(&rig, &request).unwrap();
    assert_eq!(book(&rig, &mut terminal, id, abandoned()), Verdict::Booked);
    // A bank's counter loads the card: its serial moves, as if ours had taken place.
    card.load_serial += 1;
    let next = |rig: &Rig| card.request(rig.dice.id(), terminal.id, Fen(100), LoadSource::Credit);
    assert!(refusal(&rig, &next(&rig)).contains("serial"));
    for wrong in ["", "43", "zz0100D15600000500000001", &"0".repeat(33)] {
        assert!(rig.center.production.clear_abandoned_loads(wrong).is_err(), "{wrong}");
    }
    let name = hex::encode_upper(card.key());
    assert_eq!(rig.center.production.clear_abandoned_loads(&name).unwrap(), 1);
    assert_eq!(rig.center.production.clear_abandoned_loads(&name).unwrap(), 0);
    load(&rig, &next(&rig)).unwrap();
    assert_eq!(credit(&rig, &card), Fen(900));
    // What was abandoned stays so.
    assert!(refusal(&rig, &request).contains("abandoned"));
}

#[test]
fn any_counter_learns_what_a_person_is_owed() {
    let (rig, mut terminal) = rig();
    let card = Card::new(Algorithm::TripleDes, 13);
    let settlement = card.settlement(terminal.id, 10_000);
    let (of, account, amounts) = (rig.dice.id(), settlement.amounts.acct_pay, settlement.amounts.negated());
    terminal.record(of, settling(settlement));
    let id = rig.dice.id();
    terminal.record(id, cancelling(of, &card, amounts, Refund::Owed { amount: account }));
    assert_eq!(verdicts(&rig.receipt(&terminal, &terminal.all())), [Verdict::Booked, Verdict::Booked]);
    let running = rig.start();
    let client = rig.terminal(2).client(&running);
    let ask = |person| {
        client.post("/v1/refunds", &RefundsQuery { person }).unwrap().json::<RefundsAnswer>().refunds
    };
    assert_eq!(ask(card.person), [OwedRefund { of: id, owed: account }]);
    assert_eq!(ask(person(99)), []);
    running.stop();
    // With a new card, at a counter that knows nothing of the cancellation.
    let mut replacement = Card::new(Algorithm::TripleDes, 14);
    replacement.person = card.person;
    let elsewhere = rig.terminal(3);
    let request = replacement.request(rig.dice.id(), elsewhere.id, account, LoadSource::Refund { of: id });
    load(&rig, &request).unwrap();
    assert_eq!(owed(&rig, &card), []);
}

#[test]
fn a_clock_that_is_a_year_ahead_spoils_no_year() {
    let (rig, mut terminal) = rig();
    let card = Card::new(Algorithm::Sm4, 5);
    let before = import(&rig, &card, PersonState::Active);
    let year_ms = 366 * DAY_MS;
    let mut settle = |clock: ClockQuality, ahead_ms: i64| {
        let (id, sequence) = (rig.dice.id(), terminal.chain.len() as u64 + 1);
        let mut settlement = card.settlement(terminal.id, 10_000);
        let made_at = rig::now().plus_ms(ahead_ms);
        let digits = hex::encode(made_at.to_bcd());
        settlement.card = Some(card.purchase_at(terminal.id, settlement.amounts.acct_pay, &digits));
        let mut body = body(terminal.id, sequence, id, settling(settlement.clone()));
        (body.clock, body.made_at) = (clock, made_at);
        terminal.record_text(serde_json::to_string(&body).unwrap());
        let receipt = rig.receipt(&terminal, &terminal.batch(sequence, sequence));
        assert_eq!(verdicts(&receipt), [Verdict::Booked]);
        (id, settlement.amounts)
    };
    let counted = |times: usize, amounts: &Amounts| {
        let mut expected = before;
        for _ in 0..times {
            expected.accumulate(rig::year(), &Accumulation::of(amounts, "11"));
        }
        assert_eq!(entry(&rig, &card), expected, "{times} settlements");
    };
    // The terminal knows that its clock is wrong; or does not, and we do.
    let (doubted, amounts) = settle(ClockQuality::Doubtful, year_ms);
    counted(1, &amounts);
    settle(ClockQuality::Unchecked, year_ms);
    counted(2, &amounts);
    // What others settle afterwards still counts.
    settle(ClockQuality::Checked, 0);
    counted(3, &amounts);
    // Taken back in the year in which it was counted.
    rig.clock.advance_ms(60_000);
    let back = Refund::Owed { amount: amounts.acct_pay };
    let cancellation = cancelling(doubted, &card, amounts.negated(), back);
    assert_eq!(book(&rig, &mut terminal, rig.dice.id(), cancellation), Verdict::Booked);
    counted(2, &amounts);
}

#[test]
fn a_purchase_counts_once_under_whatever_name() {
    let (rig, mut terminal) = rig();
    let card = Card::new(Algorithm::Sm4, 31);
    let before = import(&rig, &card, PersonState::Active);
    let settlement = card.settlement(terminal.id, 10_000);
    let (amounts, account) = (settlement.amounts, settlement.amounts.acct_pay);
    let known = refused(RefusalReason::PurchaseKnown);
    // Twice in one batch, in a batch of its own, and spelt otherwise.
    let (first, second) = (rig.dice.id(), rig.dice.id());
    let from = terminal.record(first, settling(settlement.clone()));
    let to = terminal.record(second, settling(settlement.clone()));
    let receipt = rig.receipt(&terminal, &terminal.batch(from, to));
    assert_eq!(verdicts(&receipt), [Verdict::Booked, known.clone()]);
    let mut spelt = settlement.clone();
    let purchase = spelt.card.as_mut().unwrap();
    purchase.card_factor = purchase.card_factor.to_ascii_uppercase();
    purchase.from_proof = true;
    spelt.visit = "V2".into();
    assert_eq!(book(&rig, &mut terminal, rig.dice.id(), settling(spelt)), known);
    assert_eq!(alarms(&rig), [AlarmKind::PurchaseTwice, AlarmKind::PurchaseTwice]);
    let mut after = before;
    after.accumulate(rig::year(), &Accumulation::of(&amounts, "11"));
    assert_eq!(entry(&rig, &card), after, "the year counts one visit");
    // The second name gives nothing back, the first one does, once.
    let back = || Refund::Owed { amount: account };
    for amounts in [Amounts::default(), amounts.negated()] {
        let cancel = cancelling(second, &card, amounts, back());
        let verdict = book(&rig, &mut terminal, rig.dice.id(), cancel);
        assert_eq!(verdict, refused(RefusalReason::NothingToCancel));
    }
    let id = rig.dice.id();
    let cancel = cancelling(first, &card, amounts.negated(), back());
    assert_eq!(book(&rig, &mut terminal, id, cancel), Verdict::Booked);
    assert_eq!(owed(&rig, &card), [OwedRefund { of: id, owed: account }]);
    assert_eq!(book(&rig, &mut terminal, rig.dice.id(), settling(settlement)), known);
    // Whoever only writes a purchase down takes it from nobody.
    let genuine = card.settlement(terminal.id, 10_000);
    let mut forged = genuine.clone();
    forged.card.as_mut().unwrap().tac = "00000000".into();
    let wrong = book(&rig, &mut terminal, rig.dice.id(), settling(forged));
    assert_eq!(wrong, refused(RefusalReason::TacWrong));
    assert_eq!(book(&rig, &mut terminal, rig.dice.id(), settling(genuine)), Verdict::Booked);
}
