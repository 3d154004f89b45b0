//! Contributions over the real ports: set aside, paid, taken back, once each, whoever comes first and whatever is lost;
//! and what else a desk hears of the center: failed pensions, who took a registration up, how long questions are kept.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use std::collections::BTreeMap;

use card_spec::{generation::Algorithm, money::Fen};
use datacenter::{
    service::{ASKED_PURGE_MAX, ASKED_RETENTION_DAYS},
    storage::{rows::AlarmKind, service::DeskRow},
};
use protocol::{
    calendar::{Day, Period},
    evidence::{HolderProof, Way},
    id::TransactionId,
    problem::ProblemKind,
    reconciliation::{ReconciliationAnswer, ReconciliationRequest, Totals},
    record::{AbandonReason, Business, ContributionPayment, ContributionReversal, PaidBy},
    service::{
        Asker, Contribution, ContributionKind, ContributionState, Contributions, Desk, Due, DuesAnswer,
        FailedAnswer, FailedQuery, HoldAnswer, HoldDues, NextStep, PersonalAnswer, PersonalQuestion,
        PersonalReply, PersonalRequest, SeekWork, Subject,
    },
    timestamp::Timestamp,
    upload::{RefusalReason, Verdict},
};
use rig::{DAY_MS, Dice, Rig, Terminal, cards::Card, claims, person, verdicts};

const HOLD: &str = "/v1/service/dues/hold";

fn set_desk(rig: &Rig, terminal: &Terminal, desk: Desk) {
    let row = DeskRow { terminal: terminal.id, desk, district: None };
    rig.center.service.set_desk(&row).unwrap();
}

fn tax_office(rig: &Rig, number: u32) -> Terminal {
    let terminal = rig.terminal(number);
    set_desk(rig, &terminal, Desk::Tax);
    terminal
}

fn period(number: u32) -> Period {
    Period::from_number(number).unwrap()
}

/// The day of the test, or so many later.
fn day(later: i64) -> Day {
    Day::of(rig::now().plus_ms(later * DAY_MS))
}

fn due(kind: ContributionKind, month: u32, months: u8, fen: i64) -> Due {
    Due { period: period(month), months, kind, amount: Fen(fen), until: day(20) }
}

fn card(number: u8) -> Card {
    Card::new(Algorithm::Sm4, number)
}

fn proof(rig: &Rig, card: &Card) -> HolderProof {
    HolderProof { card_id: hex::encode_upper(card.id), at: rig.clock_now(), way: Way::Pin }
}

fn owe(rig: &Rig, number: u64, dues: &[Due]) {
    let key = person(number).key();
    let rows: Vec<(u64, Due)> = dues.iter().map(|due| (key, *due)).collect();
    rig.center.production.storage().put_dues(&[key], &rows).unwrap();
}

fn holding(rig: &Rig, card: &Card, id: TransactionId, dues: &[Due]) -> HoldDues {
    let asker = Asker { person: card.person, proof: proof(rig, card) };
    HoldDues { id, asker, dues: dues.to_vec(), operator: "0017".into() }
}

fn paying(rig: &Rig, card: &Card, dues: &[Due], paid_by: PaidBy) -> Business {
    Business::Contribution(Box::new(ContributionPayment {
        person: card.person,
        card_id: hex::encode_upper(card.id),
        dues: dues.to_vec(),
        amount: dues.iter().map(|due| due.amount).sum(),
        paid_by,
        proof: proof(rig, card),
    }))
}

fn reversing(card: &Card, of: TransactionId, amount: Fen, paid_by: PaidBy) -> Business {
    Business::ContributionReversal(Box::new(ContributionReversal {
        of,
        person: card.person,
        amount,
        paid_by,
    }))
}

/// Books the newest record of a terminal.
fn book(rig: &Rig, terminal: &mut Terminal, id: TransactionId, business: Business) -> Verdict {
    let sequence = terminal.record(id, business);
    verdicts(&rig.receipt(terminal, &terminal.batch(sequence, sequence)))[0].clone()
}

fn refused(reason: RefusalReason) -> Verdict {
    Verdict::Refused { reason }
}

/// What a person hears of dues and contributions, as a kiosk asks for it.
fn heard(rig: &Rig, kiosk: &Terminal, card: &Card, question: PersonalQuestion) -> PersonalAnswer {
    let asker = Asker { person: card.person, proof: proof(rig, card) };
    let request = PersonalRequest { asker, question, operator: None };
    rig.center.service.personal(kiosk.id, &request).unwrap().answer
}

fn dues_of(rig: &Rig, kiosk: &Terminal, card: &Card) -> DuesAnswer {
    match heard(rig, kiosk, card, PersonalQuestion::Dues) {
        PersonalAnswer::Dues(dues) => dues,
        other => panic!("{other:?}"),
    }
}

fn contributions_of(rig: &Rig, kiosk: &Terminal, card: &Card, until: u32) -> Vec<Contribution> {
    let question = PersonalQuestion::Contributions { until: period(until), months: 24 };
    match heard(rig, kiosk, card, question) {
        PersonalAnswer::Contributions(Contributions { rows, .. }) => rows,
        other => panic!("{other:?}"),
    }
}

fn alarms(rig: &Rig) -> Vec<AlarmKind> {
    rig.center.production.storage().alarms(99).unwrap().iter().map(|row| row.alarm.kind).collect()
}

#[test]
fn a_due_is_set_aside_paid_and_stands_in_the_record() {
    let rig = Rig::new(1);
    let (mut tax, kiosk) = (tax_office(&rig, 1), rig.terminal(2));
    set_desk(&rig, &kiosk, Desk::Kiosk);
    let (card, next_year) = (card(3), 202_701);
    let medical = due(ContributionKind::Medical, 202_611, 3, 100_000);
    let resident = due(ContributionKind::ResidentMedical, next_year, 12, 42_000);
    let injury = due(ContributionKind::Injury, 202_611, 1, 5_000);
    owe(&rig, 3, &[medical, resident, injury]);
    // One month is known as not paid, with its base and the unit's share.
    let unpaid = Contribution {
        period: period(202_612),
        kind: ContributionKind::Medical,
        base: Fen(400_000),
        by_unit: Fen(7),
        by_person: Fen::ZERO,
        state: ContributionState::Unpaid,
    };
    rig.center.production.storage().put_contributions(&[(card.person.key(), unpaid)]).unwrap();

    let running = rig.start();
    let client = tax.client(&running);
    let ask = |request: &HoldDues| client.post(HOLD, request).unwrap();
    let id = rig.dice.id();
    // What units alone pay is not paid at a counter, nor one due twice, nor nothing.
    for wrong in [&[injury][..], &[medical, medical], &[]] {
        assert_eq!(ask(&holding(&rig, &card, id, wrong)).problem(), ProblemKind::Malformed);
    }
    // Another amount than the agency's is none of this person's dues.
    let other = Due { amount: Fen(1), ..medical };
    let answer: HoldAnswer = ask(&holding(&rig, &card, id, &[other])).json();
    assert_eq!(answer, HoldAnswer::Changed { due: other });
    let request = holding(&rig, &card, id, &[medical, resident]);
    for _ in 0..3 {
        // The answer may be lost, and the same is asked again.
        assert_eq!(ask(&request).json::<HoldAnswer>(), HoldAnswer::Held { as_of: rig.clock_now() });
    }
    let known = dues_of(&rig, &kiosk, &card);
    assert_eq!(known.held.len(), 2);
    assert!(!known.open(&medical) && !known.open(&resident) && !known.open(&injury));
    running.stop();

    let business = paying(&rig, &card, &[medical, resident], PaidBy::Cash);
    assert_eq!(book(&rig, &mut tax, id, business), Verdict::Booked);
    let known = dues_of(&rig, &kiosk, &card);
    assert_eq!((known.dues, known.held), (vec![injury], Vec::new()));
    // By month for employees' insurance, odd fen first; by the year for residents'.
    let row = |month, kind, base, by_unit, by_person| Contribution {
        period: period(month),
        kind,
        base: Fen(base),
        by_unit: Fen(by_unit),
        by_person: Fen(by_person),
        state: ContributionState::Paid,
    };
    let (of, by_year) = (ContributionKind::Medical, ContributionKind::ResidentMedical);
    let paid = [
        row(202_701, of, 0, 0, 33_333),
        row(202_701, by_year, 0, 0, 42_000),
        row(202_612, of, 400_000, 7, 33_333),
        row(202_611, of, 0, 0, 33_334),
    ];
    assert_eq!(contributions_of(&rig, &kiosk, &card, 202_712), paid);
    // An older list opens nothing again.
    owe(&rig, 3, &[medical, resident]);
    assert_eq!(dues_of(&rig, &kiosk, &card).dues, []);
    // The console lists it, with funds and payers by what the insurances say.
    let taken = rig.center.production.storage().contributions_taken(None, 9).unwrap();
    assert_eq!((taken.len(), taken[0].amount, taken[0].dues.len()), (1, Fen(142_000), 2));
    assert!(alarms(&rig).is_empty());
    // A line of its own in the day's comparison.
    let totals = Totals {
        contribution_count: 1,
        contribution_amt: Fen(142_000),
        contribution_cash_amt: Fen(142_000),
        ..Totals::default()
    };
    assert!(compare(&rig, &tax, 1, totals).equal);
    assert!(!compare(&rig, &tax, 1, Totals::default()).equal);
}

fn compare(rig: &Rig, terminal: &Terminal, to: u64, totals: Totals) -> ReconciliationAnswer {
    let request = ReconciliationRequest {
        terminal: terminal.id,
        from_sequence: 1,
        to_sequence: to,
        totals,
        unresolved: Vec::new(),
    };
    rig.center.production.reconcile(terminal.id, &request).unwrap()
}

#[test]
fn the_second_payer_is_told_and_nothing_is_booked_twice() {
    let rig = Rig::new(2);
    let (mut one, mut two) = (tax_office(&rig, 1), tax_office(&rig, 2));
    let (card, medical) = (card(3), due(ContributionKind::Medical, 202_611, 1, 36_000));
    owe(&rig, 3, &[medical]);
    let hold = |terminal: &Terminal, id| {
        rig.center.service.hold_dues(terminal.id, &holding(&rig, &card, id, &[medical])).unwrap()
    };
    let (first, second) = (rig.dice.id(), rig.dice.id());
    assert!(matches!(hold(&one, first), HoldAnswer::Held { .. }));
    let told = HoldAnswer::BeingPaid { due: medical, since: rig.clock_now() };
    assert_eq!(hold(&two, second), told);
    // Not even under the same name at another terminal.
    assert_eq!(hold(&two, first), HoldAnswer::NameUsed);
    // One that does not listen gets nothing booked, and supervision hears of the money.
    let cash = |rig: &Rig| paying(rig, &card, &[medical], PaidBy::Cash);
    assert_eq!(book(&rig, &mut two, second, cash(&rig)), refused(RefusalReason::DueNotHeld));
    assert_eq!(alarms(&rig), [AlarmKind::ContributionUnbooked]);
    assert_eq!(book(&rig, &mut one, first, cash(&rig)), Verdict::Booked);
    // The same record again, also cut otherwise, is a duplicate.
    for _ in 0..2 {
        let verdict = verdicts(&rig.receipt(&one, &one.all()))[0].clone();
        assert!(matches!(verdict, Verdict::Duplicate { .. }), "{verdict:?}");
    }
    let third = rig.dice.id();
    assert_eq!(hold(&two, third), HoldAnswer::Paid { due: medical, at: rig.clock_now() });
    assert_eq!(book(&rig, &mut two, third, cash(&rig)), refused(RefusalReason::DuePaid));
    assert_eq!(rig.center.production.storage().contributions_taken(None, 9).unwrap().len(), 1);
    // A late question after the name was used sets nothing aside.
    assert_eq!(hold(&one, first), HoldAnswer::NameUsed);
}

#[test]
fn what_is_written_off_frees_its_dues_and_nothing_else_does() {
    let rig = Rig::new(3);
    let (mut one, mut two) = (tax_office(&rig, 1), tax_office(&rig, 2));
    let (card, medical) = (card(3), due(ContributionKind::Medical, 202_611, 1, 36_000));
    owe(&rig, 3, &[medical]);
    let hold = |terminal: &Terminal, id| {
        rig.center.service.hold_dues(terminal.id, &holding(&rig, &card, id, &[medical])).unwrap()
    };
    let held = |answer| matches!(answer, HoldAnswer::Held { .. });
    let (cut_short, later) = (rig.dice.id(), rig.dice.id());
    assert!(held(hold(&one, cut_short)));
    // No time frees it: a terminal that fell silent may have taken the money.
    rig.clock.advance_ms(40 * DAY_MS);
    assert!(!held(hold(&two, later)));
    // Nor does another terminal's word.
    let abandoned = || Business::Abandoned { reason: AbandonReason::Restarted };
    assert_eq!(book(&rig, &mut two, rig.dice.id(), abandoned()), Verdict::Booked);
    assert!(!held(hold(&two, later)));
    assert_eq!(book(&rig, &mut one, cut_short, abandoned()), Verdict::Booked);
    // A question that was under way all the time comes too late.
    assert_eq!(hold(&one, cut_short), HoldAnswer::NameUsed);
    assert!(held(hold(&two, later)));
    // Staff frees what a lost terminal has set aside; its money is then not booked any more.
    assert_eq!(rig.center.service.free_dues(later).unwrap(), 1);
    assert_eq!(rig.center.service.free_dues(later).unwrap(), 0);
    let business = paying(&rig, &card, &[medical], PaidBy::Cash);
    assert_eq!(book(&rig, &mut two, later, business), refused(RefusalReason::DueNotHeld));
    assert_eq!(alarms(&rig), [AlarmKind::ContributionUnbooked]);
    assert!(held(hold(&one, rig.dice.id())));
}

#[test]
fn a_payment_is_taken_back_whole_once_and_on_its_day() {
    let rig = Rig::new(4);
    let (mut tax, mut other, kiosk) = (tax_office(&rig, 1), tax_office(&rig, 2), rig.terminal(3));
    set_desk(&rig, &kiosk, Desk::Kiosk);
    let card = card(3);
    let pension = due(ContributionKind::Pension, 202_611, 2, 90_001);
    owe(&rig, 3, &[pension]);
    let by_card = PaidBy::BankCard { reference: "004512778".into() };
    let before = contributions_of(&rig, &kiosk, &card, 202_712);
    let pay = |rig: &Rig, tax: &mut Terminal| {
        let id = rig.dice.id();
        let request = holding(rig, &card, id, &[pension]);
        let answer = rig.center.service.hold_dues(tax.id, &request).unwrap();
        assert!(matches!(answer, HoldAnswer::Held { .. }), "{answer:?}");
        let business = paying(rig, &card, &[pension], by_card.clone());
        assert_eq!(book(rig, tax, id, business), Verdict::Booked);
        id
    };
    let id = pay(&rig, &mut tax);
    assert_eq!(contributions_of(&rig, &kiosk, &card, 202_712).len(), 2);
    let back = |amount: i64, paid_by| reversing(&card, id, Fen(amount), paid_by);
    // Not by another terminal, not in part, not in another way.
    let nothing = refused(RefusalReason::NothingToCancel);
    assert_eq!(book(&rig, &mut other, rig.dice.id(), back(90_001, by_card.clone())), nothing);
    let unbalanced = refused(RefusalReason::Unbalanced);
    assert_eq!(book(&rig, &mut tax, rig.dice.id(), back(90_000, by_card.clone())), unbalanced);
    assert_eq!(book(&rig, &mut tax, rig.dice.id(), back(90_001, PaidBy::Cash)), unbalanced);
    assert_eq!(book(&rig, &mut tax, rig.dice.id(), back(90_001, by_card.clone())), Verdict::Booked);
    assert_eq!(book(&rig, &mut tax, rig.dice.id(), back(90_001, by_card.clone())), nothing);
    // It is due again, and the record says what it said before.
    assert_eq!(dues_of(&rig, &kiosk, &card).dues, [pension]);
    assert_eq!(contributions_of(&rig, &kiosk, &card, 202_712), before);
    let totals = Totals { contribution_count: 2, ..Totals::default() };
    assert!(compare(&rig, &tax, 5, totals).equal, "what went back leaves nothing, by card and not in cash");
    // Paid anew; the next day it is too late.
    let id = pay(&rig, &mut tax);
    let sequence = tax.chain.len() as u64 + 1;
    let mut late = rig::bodies::body(
        tax.id,
        sequence,
        rig.dice.id(),
        reversing(&card, id, Fen(90_001), by_card.clone()),
    );
    rig.clock.advance_ms(DAY_MS);
    late.made_at = late.made_at.plus_ms(DAY_MS);
    tax.record_text(serde_json::to_string(&late).unwrap());
    let verdict = verdicts(&rig.receipt(&tax, &tax.batch(sequence, sequence)))[0].clone();
    assert_eq!(verdict, refused(RefusalReason::ReversalTooLate));
    assert_eq!(dues_of(&rig, &kiosk, &card).dues, []);
}

#[test]
fn paid_after_its_day_it_stands_as_paid_late() {
    let rig = Rig::new(5);
    let (mut tax, kiosk) = (tax_office(&rig, 1), rig.terminal(2));
    set_desk(&rig, &kiosk, Desk::Kiosk);
    let card = card(3);
    let late = Due { until: day(-1), ..due(ContributionKind::Medical, 202_610, 1, 36_000) };
    owe(&rig, 3, &[late]);
    let id = rig.dice.id();
    rig.center.service.hold_dues(tax.id, &holding(&rig, &card, id, &[late])).unwrap();
    assert_eq!(book(&rig, &mut tax, id, paying(&rig, &card, &[late], PaidBy::Cash)), Verdict::Booked);
    let rows = contributions_of(&rig, &kiosk, &card, 202_712);
    assert_eq!((rows.len(), rows[0].state), (1, ContributionState::PaidLate));
}

#[test]
fn only_desks_that_take_money_set_dues_aside() {
    let rig = Rig::new(6);
    let terminal = rig.terminal(1);
    let card = card(3);
    for (desk, may) in [
        (Desk::Kiosk, false),
        (Desk::Hospital, false),
        (Desk::Pharmacy, false),
        (Desk::Tax, true),
        (Desk::Bank, true),
        (Desk::Community, true),
    ] {
        set_desk(&rig, &terminal, desk);
        assert_eq!(desk.may(Subject::PayDues), may);
        let medical = due(ContributionKind::Medical, 202_611, 1, 36_000);
        owe(&rig, 3, &[medical]);
        let id = rig.dice.id();
        let answer = rig.center.service.hold_dues(terminal.id, &holding(&rig, &card, id, &[medical]));
        match may {
            true => assert!(matches!(answer, Ok(HoldAnswer::Held { .. })), "{desk:?}"),
            false => assert_eq!(answer.unwrap_err().kind, ProblemKind::Forbidden, "{desk:?}"),
        }
        rig.center.service.free_dues(id).unwrap();
    }
    // Every one of them was written down with the operator.
    let asked = rig.center.production.storage().asked(None, 99).unwrap();
    assert_eq!(asked.len(), 6);
    assert!(
        asked.iter().all(|row| row.subject == Subject::PayDues && row.operator.as_deref() == Some("0017"))
    );
}

#[test]
fn a_branch_hears_which_pensions_were_not_booked_and_what_to_do() {
    let rig = Rig::new(7);
    let (mut one, mut two) = (rig.terminal(1), rig.terminal(2));
    for terminal in [&one, &two] {
        set_desk(&rig, terminal, Desk::Bank);
    }
    let month = claims::months_ago(0);
    claims::pensioner(&rig, 3, claims::months_ago(1), Some(day(90)));
    claims::pensioner(&rig, 4, month, Some(day(-30)));
    let pay = |number, proof_at| {
        claims::paying(claims::payment(number, month, claims::by_finger(number, proof_at)))
    };
    let at = rig::now();
    assert_eq!(book(&rig, &mut one, rig.dice.id(), pay(3, at)), Verdict::Booked);
    assert_eq!(book(&rig, &mut two, rig.dice.id(), pay(3, at)), refused(RefusalReason::PeriodPaid));
    assert_eq!(book(&rig, &mut one, rig.dice.id(), pay(4, at)), refused(RefusalReason::NotCertified));

    let running = rig.start();
    let ask = |terminal: &Terminal, this_terminal, after, rows| {
        let query = FailedQuery { operator: "0900".into(), this_terminal, after, rows };
        let reply = terminal.client(&running).post("/v1/service/failed-payments", &query).unwrap();
        if reply.status == 200 { Ok(reply.json::<FailedAnswer>()) } else { Err(reply.problem()) }
    };
    let all = ask(&one, false, None, 9).unwrap();
    let rows: Vec<_> = all.payments.iter().map(|row| (row.terminal, row.reason, row.next_step())).collect();
    assert_eq!(
        rows,
        [
            (one.id, Some(RefusalReason::NotCertified), NextStep::CertifyThenAgency),
            (two.id, Some(RefusalReason::PeriodPaid), NextStep::Recover),
        ]
    );
    let (late, twice) = (&all.payments[0], &all.payments[1]);
    assert_eq!((late.booked_elsewhere, twice.booked_elsewhere), (None, Some(at)));
    assert_eq!((twice.period, twice.amount, twice.operator.as_str()), (month, claims::MONTHLY, "0017"));
    assert!(twice.person.contains('*') && all.next.is_none());
    assert_eq!(ask(&one, true, None, 9).unwrap().payments.len(), 1);
    // A page goes on after its last row.
    let first = ask(&one, false, None, 1).unwrap();
    let rest = ask(&one, false, first.next.clone(), 1).unwrap();
    assert_eq!((first.payments[0].id, rest.payments[0].id), (late.id, twice.id));
    assert_eq!(rest.next, None);
    set_desk(&rig, &one, Desk::Tax);
    assert_eq!(ask(&one, false, None, 9), Err(ProblemKind::Forbidden));
    // Another institution's terminal hears nothing of them.
    let audit = rig.center.production.storage().audit(99).unwrap();
    let asked: Vec<_> = audit.iter().filter(|row| row.action == "failed payments").collect();
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|row| row.actor == format!("{} 0900", one.id)));
    running.stop();
}

#[test]
fn who_took_a_registration_up_is_kept() {
    let rig = Rig::new(8);
    let terminal = rig.terminal(1);
    let card = card(3);
    let seek = || {
        PersonalQuestion::SeekWork(SeekWork {
            wish: "保洁".into(),
            district: rig::city(),
            wage_min: Fen::ZERO,
            phone: "000-00001".into(),
        })
    };
    for (desk, operator) in [(Desk::Community, Some("0031".to_owned())), (Desk::Kiosk, None)] {
        set_desk(&rig, &terminal, desk);
        let asker = Asker { person: card.person, proof: proof(&rig, &card) };
        let request = PersonalRequest { asker, question: seek(), operator: operator.clone() };
        let reply: PersonalReply = rig.center.service.personal(terminal.id, &request).unwrap();
        let PersonalAnswer::Work(work) = reply.answer else { panic!() };
        let by = work.seeker.unwrap().taken_by;
        assert_eq!(by.as_ref().map(|by| &by.operator), operator.as_ref());
        let kept = rig.center.production.storage().seeker(card.person.key()).unwrap().unwrap();
        assert_eq!(kept.taken_by, by);
        let asked = rig.center.production.storage().asked(None, 1).unwrap();
        assert_eq!(asked[0].operator, operator);
    }
    set_desk(&rig, &terminal, Desk::Community);
    let asker = Asker { person: card.person, proof: proof(&rig, &card) };
    let request = PersonalRequest { asker, question: seek(), operator: Some(String::new()) };
    let problem = rig.center.service.personal(terminal.id, &request).unwrap_err();
    assert_eq!(problem.kind, ProblemKind::Malformed);
}

#[test]
fn who_asked_is_forgotten_after_its_time_by_the_service_itself() {
    let rig = Rig::new(9);
    let terminal = rig.terminal(1);
    set_desk(&rig, &terminal, Desk::Kiosk);
    let card = card(3);
    let storage = rig.center.production.storage();
    let ask = || dues_of(&rig, &terminal, &card);
    let count = || storage.asked(None, usize::MAX).unwrap().len();
    ask();
    let first = storage.asked(None, 1).unwrap()[0].clone();
    // More than one stretch of old ones, as after years without this rule.
    for _ in 0..ASKED_PURGE_MAX + 10 {
        storage.note_asked(&first).unwrap();
    }
    rig.clock.advance_ms(ASKED_RETENTION_DAYS * DAY_MS);
    ask();
    assert_eq!(count(), ASKED_PURGE_MAX + 12, "to the last moment everything is kept");
    rig.clock.advance_ms(60_001);
    ask();
    assert_eq!(count(), 13, "a bounded number at a time");
    // The stretch was full, so the next question goes on at once.
    ask();
    assert_eq!(count(), 3);
    assert!(storage.asked(None, 9).unwrap().iter().all(|row| row.at > first.at));
}

/// What the model knows of one due.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Open,
    Held(usize, TransactionId),
    Paid(usize, TransactionId),
}

/// Terminals that set aside, pay, write off, take back and send again at random, against a model that knows nothing
/// but who holds a due and who has paid it. A failing run is replayed by `JINBAO_SEED`.
#[test]
fn whatever_terminals_do_each_due_is_paid_once() {
    let dice = Dice::shaken("whatever_terminals_do_each_due_is_paid_once");
    let rig = Rig::new(dice.next());
    let mut terminals: Vec<Terminal> = (1..=3).map(|number| tax_office(&rig, number)).collect();
    let kiosk = rig.terminal(9);
    set_desk(&rig, &kiosk, Desk::Kiosk);
    let card = card(3);
    let dues: Vec<Due> =
        (0..4).map(|at| due(ContributionKind::Medical, 202_601 + at, 1, 30_000 + i64::from(at))).collect();
    owe(&rig, 3, &dues);
    let mut fates = vec![Fate::Open; dues.len()];
    // Of each terminal: its open name with what it was told to be its own, and what it has paid.
    let mut open: Vec<Option<(TransactionId, Vec<usize>)>> = vec![None; terminals.len()];
    let mut paid: BTreeMap<TransactionId, (usize, Vec<usize>)> = BTreeMap::new();
    let mut sums = vec![(0_u64, 0_i64); terminals.len()];
    for step in 0..250 {
        // Slowly enough for the limit of questions about one person.
        rig.clock.advance_ms(120_000);
        let who = dice.below(terminals.len() as u64) as usize;
        let what = dice.below(6);
        match (&open[who], what) {
            // Asks, once or more often, and believes no answer that it has not heard.
            (None, 0..=2) => {
                let chosen: Vec<usize> = (0..dues.len()).filter(|_| dice.one_in(2)).collect();
                if chosen.is_empty() {
                    continue;
                }
                let id = dice.id();
                let wanted: Vec<Due> = chosen.iter().map(|at| dues[*at]).collect();
                let request = holding(&rig, &card, id, &wanted);
                let mut answer = None;
                for _ in 0..=dice.below(2) {
                    answer = Some(rig.center.service.hold_dues(terminals[who].id, &request).unwrap());
                }
                let free = chosen.iter().all(|at| fates[*at] == Fate::Open);
                let is_held = matches!(answer, Some(HoldAnswer::Held { .. }));
                assert_eq!(is_held, free, "step {step}: {answer:?} of {fates:?}");
                if free {
                    chosen.iter().for_each(|at| fates[*at] = Fate::Held(who, id));
                    open[who] = Some((id, chosen));
                } else if !dice.one_in(3) {
                    // Told that it may not: written off.
                    let business = Business::Abandoned { reason: AbandonReason::Cancelled };
                    assert_eq!(book(&rig, &mut terminals[who], id, business), Verdict::Booked);
                } else {
                    // A terminal that does not care what it was told.
                    let business = paying(&rig, &card, &wanted, PaidBy::Cash);
                    let verdict = book(&rig, &mut terminals[who], id, business);
                    assert!(matches!(verdict, Verdict::Refused { .. }), "step {step}: {verdict:?}");
                }
            }
            (Some((id, chosen)), 0..=2) => {
                let (id, chosen) = (*id, chosen.clone());
                let wanted: Vec<Due> = chosen.iter().map(|at| dues[*at]).collect();
                let business = paying(&rig, &card, &wanted, PaidBy::Cash);
                assert_eq!(book(&rig, &mut terminals[who], id, business), Verdict::Booked, "step {step}");
                chosen.iter().for_each(|at| fates[*at] = Fate::Paid(who, id));
                sums[who].0 += 1;
                sums[who].1 += wanted.iter().map(|due| due.amount.0).sum::<i64>();
                paid.insert(id, (who, chosen));
                open[who] = None;
            }
            // Stopped in between: written off at the next start.
            (Some((id, chosen)), 3) => {
                let (id, chosen) = (*id, chosen.clone());
                let business = Business::Abandoned { reason: AbandonReason::Restarted };
                assert_eq!(book(&rig, &mut terminals[who], id, business), Verdict::Booked);
                chosen.iter().for_each(|at| fates[*at] = Fate::Open);
                open[who] = None;
            }
            (_, 4) => {
                let Some((id, (by, chosen))) = paid.pop_first() else { continue };
                let amount: Fen = chosen.iter().map(|at| dues[*at].amount).sum();
                let business = reversing(&card, id, amount, PaidBy::Cash);
                let verdict = book(&rig, &mut terminals[who], dice.id(), business);
                match by == who {
                    true => {
                        assert_eq!(verdict, Verdict::Booked, "step {step}");
                        chosen.iter().for_each(|at| fates[*at] = Fate::Open);
                        sums[who].0 += 1;
                        sums[who].1 -= amount.0;
                    }
                    false => {
                        assert_eq!(verdict, refused(RefusalReason::NothingToCancel));
                        paid.insert(id, (by, chosen));
                    }
                }
            }
            // Everything is sent again.
            _ => {
                if !terminals[who].chain.is_empty() {
                    let answers = verdicts(&rig.receipt(&terminals[who], &terminals[who].all()));
                    assert!(!answers.contains(&Verdict::Booked), "step {step}: booked a second time");
                }
            }
        }
    }
    // The center's tables say what the model says.
    let known = dues_of(&rig, &kiosk, &card);
    let contributions = contributions_of(&rig, &kiosk, &card, 202_612);
    let storage = rig.center.production.storage();
    let standing: Vec<_> = storage.contributions_taken(None, 999).unwrap();
    for (at, due) in dues.iter().enumerate() {
        let is_paid = matches!(fates[at], Fate::Paid(..));
        let is_held = matches!(fates[at], Fate::Held(..));
        assert_eq!(known.dues.contains(due), !is_paid, "{due:?}: {:?}", fates[at]);
        assert_eq!(known.held.contains(due), is_held, "{due:?}: {:?}", fates[at]);
        let row = contributions.iter().find(|row| row.period == due.period);
        assert_eq!(row.map(|row| row.by_person), is_paid.then_some(due.amount));
        let payments = standing.iter().filter(|row| row.dues.contains(due) && row.reversed.is_none());
        assert_eq!(payments.count(), usize::from(is_paid));
    }
    for (terminal, (count, amount)) in terminals.iter().zip(&sums) {
        let to = terminal.chain.len() as u64;
        if to == 0 {
            continue;
        }
        let totals = Totals {
            contribution_count: *count,
            contribution_amt: Fen(*amount),
            contribution_cash_amt: Fen(*amount),
            ..Totals::default()
        };
        let answer = compare(&rig, terminal, to, totals);
        assert!(answer.equal, "{answer:?} against {totals:?}");
    }
}

#[test]
fn a_storage_of_layout_5_goes_on_with_its_dues_and_questions() {
    let mut rig = Rig::new(10);
    let mut tax = tax_office(&rig, 1);
    let card = card(3);
    let medical = due(ContributionKind::Medical, 202_611, 1, 36_000);
    owe(&rig, 3, &[medical]);
    book(&rig, &mut tax, rig.dice.id(), rig::bodies::settled(person(3), 10_000));
    dues_of(&rig, &tax, &card);
    // Back to what layout 5 had.
    let path = rig.folder.path().join("center/center.sqlite");
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch(
            "DROP TABLE held_due; DROP TABLE contribution_payment; DROP TABLE contribution_line;
             DROP INDEX record_failed; ALTER TABLE record DROP COLUMN contribution_cash;
             ALTER TABLE record DROP COLUMN contribution; DROP INDEX asked_by_time;
             ALTER TABLE asked DROP COLUMN operator; DROP INDEX claim_at_home;
             ALTER TABLE claim DROP COLUMN home; PRAGMA user_version = 5",
        )
        .unwrap();
    drop(other);
    rig.reopen();
    assert_eq!(rig.center.production.storage().asked(None, 9).unwrap()[0].operator, None);
    let span = rig.center.production.storage().span(tax.id, 1, 1, 9).unwrap();
    assert_eq!((span.totals.count, span.totals.contribution_count), (1, 0));
    let id = rig.dice.id();
    let answer = rig.center.service.hold_dues(tax.id, &holding(&rig, &card, id, &[medical])).unwrap();
    assert!(matches!(answer, HoldAnswer::Held { .. }));
    assert_eq!(book(&rig, &mut tax, id, paying(&rig, &card, &[medical], PaidBy::Cash)), Verdict::Booked);
    let at: Timestamp = rig.center.production.storage().contributions_taken(None, 1).unwrap()[0].at;
    assert_eq!(at, rig::now());
}
