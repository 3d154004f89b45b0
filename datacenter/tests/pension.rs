//! Pensions and certifications: what is paid, what is refused, what is noticed.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use card_spec::money::Fen;
use datacenter::storage::rows::AlarmKind;
use protocol::{
    calendar::{Day, Period},
    evidence::{Band, FingerPosition, Level, ManualReason, Way},
    feed::{BlockReason, Change, PersonState},
    id::TransactionId,
    pension::{Fingers, PensionAnswer, PensionQuery},
    policy::{self, ProofPolicy, Sufficient},
    record::PensionPayment,
    signature::Signed,
    timestamp::{ClockQuality, Timestamp},
    upload::{RefusalReason, Verdict},
};
use rig::{DAY_MS, Rig, Terminal, bodies::body, claims::*, now, person, verdicts};

const HOUR_MS: i64 = 3_600_000;

/// A rig with a terminal and a pensioner, number 1, unpaid since last month and certified for half a year.
fn counter() -> (Rig, Terminal) {
    let rig = Rig::new(1);
    let terminal = rig.terminal(1);
    pensioner(&rig, 1, months_ago(1), Some(certified()));
    (rig, terminal)
}

fn certified() -> Day {
    Day::of(now()).plus_months(6)
}

fn pay(rig: &Rig, terminal: &mut Terminal, number: u64, period: Period) -> Verdict {
    book_at(rig, terminal, now(), paying(payment(number, period, by_finger(number, now()))))
}

/// Books a payment of this month that differs from a right one.
fn pay_changed(rig: &Rig, terminal: &mut Terminal, change: impl FnOnce(&mut PensionPayment)) -> Verdict {
    let mut changed = payment(1, this_month(), by_finger(1, now()));
    change(&mut changed);
    book_at(rig, terminal, now(), paying(changed))
}

#[test]
fn a_month_is_paid_once() {
    let (rig, mut terminal) = counter();
    let before = rig.center.production.storage().newest().unwrap();
    assert_eq!(pay(&rig, &mut terminal, 1, this_month()), Verdict::Booked);
    assert_eq!(pay(&rig, &mut terminal, 1, this_month()), refused(RefusalReason::PeriodPaid));
    assert_eq!(pay(&rig, &mut terminal, 1, months_ago(1)), Verdict::Booked);
    assert_eq!(pay(&rig, &mut terminal, 1, months_ago(1)), refused(RefusalReason::PeriodPaid));
    let entry = pension(&rig, 1);
    assert_eq!((entry.next_unpaid, entry.paid_ahead), (this_month().next(), 0));
    assert_eq!(false_claims(&rig), [AlarmKind::PensionTwice, AlarmKind::PensionTwice]);
    // The feed says so; the sums of the month do.
    let changes = rig.center.production.storage().changes(before, 9).unwrap();
    assert_eq!(changes.last().unwrap().1, Change::Pension(entry));
    assert_eq!(rig.center.production.storage().paid(this_month()).unwrap(), (1, MONTHLY));
    // A month before the pension's beginning was never due: refused, and nothing was paid twice.
    assert_eq!(pay(&rig, &mut terminal, 1, months_ago(2)), refused(RefusalReason::PeriodPaid));
    assert_eq!(false_claims(&rig).last(), Some(&AlarmKind::PensionUnbooked));
    // The terminal counts what it has paid out among the fund's money, and so does the center.
    assert_eq!(rig.center.production.storage().span(terminal.id, 1, 9, 9).unwrap().totals.count, 2);
}

#[test]
fn arrears_are_paid_by_the_amount_of_each_month() {
    let rig = Rig::new(1);
    let mut terminal = rig.terminal(1);
    pensioner(&rig, 1, months_ago(3), Some(certified()));
    let raised = MONTHLY + Fen(12_300);
    raise(&rig, 1, raised, months_ago(1));
    let mut pay = |period: Period, amount: Fen| {
        let mut payment = payment(1, period, by_finger(1, now()));
        payment.amount = amount;
        book_at(&rig, &mut terminal, now(), paying(payment))
    };
    for (month, right, wrong) in [
        (months_ago(3), MONTHLY, raised),
        (months_ago(1), raised, MONTHLY),
        (months_ago(2), MONTHLY, raised),
        (this_month(), raised, MONTHLY),
    ] {
        assert_eq!(pay(month, wrong), refused(RefusalReason::PensionAmount), "{month}");
        assert_eq!(pay(month, right), Verdict::Booked, "{month}");
    }
    assert_eq!(pension(&rig, 1).next_unpaid, this_month().next());
}

#[test]
fn a_terminal_is_told_the_amounts_as_far_as_it_understands() {
    let (rig, terminal) = counter();
    let raised = MONTHLY + Fen(12_300);
    raise(&rig, 1, raised, this_month());
    let running = rig.start();
    let query = PensionQuery { person: person(1), card: None };
    let answer: PensionAnswer = terminal.client(&running).post("/v1/pension", &query).unwrap().json();
    // By the field that all terminals know, months of one amount only.
    let told = answer.pension.unwrap();
    assert_eq!((told.monthly, told.unpaid(this_month()).count()), (MONTHLY, 1));
    let schedule = answer.schedule.unwrap();
    assert_eq!(schedule.pension, pension(&rig, 1));
    assert_eq!([months_ago(1), this_month()].map(|month| schedule.amount(month)), [MONTHLY, raised]);
    let changes = rig.center.production.storage().changes(0, 99).unwrap();
    assert_eq!(changes.last().unwrap().1, Change::Pension(told), "and so does the feed");
    running.stop();
}

#[test]
fn a_batch_with_one_month_twice_pays_it_once() {
    let (rig, mut terminal) = counter();
    let business = || paying(payment(1, this_month(), by_finger(1, now())));
    for _ in 0..2 {
        let id = rig.dice.id();
        record_at(&mut terminal, id, now(), false, business());
    }
    let receipt = rig.receipt(&terminal, &terminal.all());
    assert_eq!(verdicts(&receipt), [Verdict::Booked, refused(RefusalReason::PeriodPaid)]);
    // Sent again whole: the same answers, and nothing is paid or alarmed again.
    let again = verdicts(&rig.receipt(&terminal, &terminal.all()));
    assert!(matches!(again[0], Verdict::Duplicate { .. }));
    assert_eq!(again[1], refused(RefusalReason::PeriodPaid));
    assert_eq!(false_claims(&rig), [AlarmKind::PensionTwice]);
    assert_eq!(rig.center.production.storage().paid(this_month()).unwrap(), (1, MONTHLY));
}

#[test]
fn terminals_that_race_pay_a_month_once() {
    const TERMINALS: u32 = 4;
    const PEOPLE: u64 = 20;
    let rig = Rig::new(7);
    for number in 0..PEOPLE {
        pensioner(&rig, number, this_month(), Some(certified()));
    }
    let mut terminals: Vec<Terminal> = (1..=TERMINALS).map(|number| rig.terminal(number)).collect();
    for terminal in &mut terminals {
        for number in 0..PEOPLE {
            let business = paying(payment(number, this_month(), by_finger(number, now())));
            record_at(terminal, rig.dice.id(), now(), true, business);
        }
    }
    let rig = &rig;
    let booked: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = terminals
            .iter()
            .map(|terminal| {
                scope.spawn(move || {
                    let mut booked = 0;
                    for from in (1..=PEOPLE).step_by(5) {
                        let batch = terminal.batch(from, from + 4);
                        // Each batch twice: an answer may have been lost.
                        for _ in 0..2 {
                            let verdicts = verdicts(&rig.receipt(terminal, &batch));
                            booked += verdicts.iter().filter(|verdict| **verdict == Verdict::Booked).count();
                        }
                    }
                    booked
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(booked as u64, PEOPLE);
    let sum = Fen(MONTHLY.0 * PEOPLE as i64);
    assert_eq!(rig.center.production.storage().paid(this_month()).unwrap(), (PEOPLE, sum));
    let twice = false_claims(rig).iter().filter(|kind| **kind == AlarmKind::PensionTwice).count();
    assert_eq!(twice as u64, u64::from(TERMINALS - 1) * PEOPLE);
}

#[test]
fn what_was_paid_stays_paid_over_a_restart_and_an_import() {
    let (mut rig, mut terminal) = counter();
    assert_eq!(pay(&rig, &mut terminal, 1, months_ago(1)), Verdict::Booked);
    rig.reopen();
    pensioner(&rig, 1, months_ago(1), None);
    assert_eq!(pay(&rig, &mut terminal, 1, months_ago(1)), refused(RefusalReason::PeriodPaid));
    // Gone and back: the same.
    rig.center.production.remove_people(&[person(1).key()]).unwrap();
    assert_eq!(pay(&rig, &mut terminal, 1, this_month()), refused(RefusalReason::PensionUnknown));
    pensioner(&rig, 1, months_ago(1), None);
    assert_eq!(pay(&rig, &mut terminal, 1, months_ago(1)), refused(RefusalReason::PeriodPaid));
    assert_eq!(pay(&rig, &mut terminal, 1, this_month()), Verdict::Booked);
}

#[test]
fn a_pension_that_does_not_fit_is_refused_with_its_reason() {
    let (rig, mut terminal) = counter();
    let t = &mut terminal;
    let amount = refused(RefusalReason::PensionAmount);
    assert_eq!(pay_changed(&rig, t, |p| p.amount += Fen(1)), amount);
    assert_eq!(pay_changed(&rig, t, |p| p.amount = Fen(-315_000)), amount);
    let not_due = refused(RefusalReason::PeriodNotDue);
    assert_eq!(pay_changed(&rig, t, |p| p.period = this_month().next()), not_due);
    assert_eq!(pay_changed(&rig, t, |p| p.person = person(2)), refused(RefusalReason::PensionUnknown));
    assert_eq!(false_claims(&rig), vec![AlarmKind::PensionUnbooked; 4]);
    // Nothing of it was booked.
    assert_eq!(rig.center.production.storage().paid(this_month()).unwrap().0, 0);
    assert_eq!(pay_changed(&rig, t, |_| {}), Verdict::Booked);
}

#[test]
fn a_month_too_far_beyond_the_first_unpaid_one_waits() {
    let (rig, mut terminal) = counter();
    pensioner(&rig, 2, months_ago(40), Some(certified()));
    assert_eq!(pay(&rig, &mut terminal, 2, months_ago(7)), refused(RefusalReason::PeriodNotDue));
    assert_eq!(pay(&rig, &mut terminal, 2, months_ago(8)), Verdict::Booked);
    assert_eq!(pay(&rig, &mut terminal, 2, months_ago(40)), Verdict::Booked);
    assert_eq!(pay(&rig, &mut terminal, 2, months_ago(7)), Verdict::Booked);
}

#[test]
fn whoever_is_not_certified_is_paid_with_arrears_after_a_certification() {
    let (rig, mut terminal) = counter();
    let yesterday = Day::of(now()).plus_days(-1);
    for (number, until) in [(2, None), (3, Some(yesterday)), (4, Some(Day::of(now())))] {
        pensioner(&rig, number, months_ago(3), until);
    }
    for number in [2, 3] {
        assert_eq!(pay(&rig, &mut terminal, number, months_ago(3)), refused(RefusalReason::NotCertified));
    }
    // The last day counts.
    assert_eq!(pay(&rig, &mut terminal, 4, months_ago(3)), Verdict::Booked);
    let certification = certifying(2, by_finger(2, now()));
    assert_eq!(book_at(&rig, &mut terminal, now(), certification.clone()), Verdict::Booked);
    let until = Day::of(now()).plus_months(12);
    assert_eq!(pension(&rig, 2).certified_until, Some(until));
    for months in [3, 2, 1, 0] {
        assert_eq!(pay(&rig, &mut terminal, 2, months_ago(months)), Verdict::Booked);
    }
    assert_eq!(pension(&rig, 2).next_unpaid, this_month().next());
    // Again on the same day is no harm; an older one that comes late takes nothing back.
    assert_eq!(book_at(&rig, &mut terminal, now(), certification), Verdict::Booked);
    let before = now().plus_ms(-60 * DAY_MS);
    let late = certifying(2, by_finger(2, before));
    assert_eq!(book_at(&rig, &mut terminal, before, late), Verdict::Booked);
    assert_eq!(pension(&rig, 2).certified_until, Some(until));
    // Nobody is certified whom no pension is paid.
    let stranger = certifying(50, by_finger(50, now()));
    assert_eq!(book_at(&rig, &mut terminal, now(), stranger), refused(RefusalReason::PensionUnknown));
    // A certification and a payment that rests on it may come in one batch.
    let id = rig.dice.id();
    let from = record_at(&mut terminal, id, now(), true, certifying(3, by_finger(3, now())));
    let due = payment(3, this_month(), by_finger(3, now()));
    let to = record_at(&mut terminal, rig.dice.id(), now(), true, paying(due));
    let receipt = rig.receipt(&terminal, &terminal.batch(from, to));
    assert_eq!(verdicts(&receipt), [Verdict::Booked, Verdict::Booked]);
}

#[test]
fn nobody_claims_for_the_dead() {
    let (rig, mut terminal) = counter();
    let reported_at = now();
    set_state(&rig, 1, PersonState::Deceased);
    rig.clock.advance_ms(10 * DAY_MS);
    let later = reported_at.plus_ms(2 * DAY_MS);
    let dead = refused(RefusalReason::Deceased);
    let business = paying(payment(1, months_ago(1), by_finger(1, later)));
    assert_eq!(book_at(&rig, &mut terminal, later, business), dead);
    assert_eq!(book_at(&rig, &mut terminal, later, certifying(1, by_finger(1, later))), dead);
    assert_eq!(book_at(&rig, &mut terminal, later, enrolling(enrolment(1, later))), dead);
    let (death, unbooked) = (AlarmKind::ClaimAfterDeath, AlarmKind::PensionUnbooked);
    assert_eq!(false_claims(&rig), [death, unbooked, death, death]);
    // What was paid to the living before the report came, and arrives only now, was right.
    let before = reported_at.plus_ms(-HOUR_MS);
    let business = paying(payment(1, Period::of(before), by_finger(1, before)));
    assert_eq!(book_at(&rig, &mut terminal, before, business), Verdict::Booked);
    assert_eq!(false_claims(&rig).len(), 4);
    // A clock in doubt dates nothing back.
    let mut doubtful = body(
        terminal.id,
        terminal.chain.len() as u64 + 1,
        rig.dice.id(),
        paying(payment(1, months_ago(1), by_finger(1, before))),
    );
    (doubtful.made_at, doubtful.clock) = (before, ClockQuality::Doubtful);
    let sequence = terminal.record_text(serde_json::to_string(&doubtful).unwrap());
    assert_eq!(verdicts(&rig.receipt(&terminal, &terminal.batch(sequence, sequence))), [dead]);
    // Reported by mistake: alive again, and what is unpaid is paid.
    set_state(&rig, 1, PersonState::Active);
    let at = rig.clock_now();
    let business = paying(payment(1, months_ago(1), by_finger(1, at)));
    let expected = match pension(&rig, 1).paid(months_ago(1)) {
        true => refused(RefusalReason::PeriodPaid),
        false => Verdict::Booked,
    };
    assert_eq!(book_at(&rig, &mut terminal, at, business), expected);
}

#[test]
fn suspended_and_ended_are_told_apart() {
    let (rig, mut terminal) = counter();
    set_state(&rig, 1, PersonState::Suspended);
    assert_eq!(pay(&rig, &mut terminal, 1, this_month()), refused(RefusalReason::BenefitSuspended));
    // Certification is what lifts most suspensions, so it is not refused.
    let certification = certifying(1, by_finger(1, now()));
    assert_eq!(book_at(&rig, &mut terminal, now(), certification.clone()), Verdict::Booked);
    set_state(&rig, 1, PersonState::Ended);
    assert_eq!(pay(&rig, &mut terminal, 1, this_month()), refused(RefusalReason::BenefitEnded));
    assert_eq!(book_at(&rig, &mut terminal, now(), certification), refused(RefusalReason::BenefitEnded));
    set_state(&rig, 1, PersonState::Active);
    assert_eq!(pay(&rig, &mut terminal, 1, this_month()), Verdict::Booked);
}

#[test]
fn a_card_that_is_blocked_or_anothers_pays_nothing() {
    let (rig, mut terminal) = counter();
    let production = &rig.center.production;
    production.set_holders(&[(card_key(1), person(9).key())]).unwrap();
    assert_eq!(pay(&rig, &mut terminal, 1, this_month()), refused(RefusalReason::HolderMismatch));
    let all = rig.center.production.storage().alarms(9).unwrap();
    let mut kinds: Vec<&str> = all.iter().map(|row| row.alarm.kind.name()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["holder_mismatch", "pension_unbooked"]);
    production.set_holders(&[(card_key(1), person(1).key())]).unwrap();
    production.set_cards(&[(card_key(1), Some(BlockReason::Lost))]).unwrap();
    rig.clock.advance_ms(10 * DAY_MS);
    let at = now().plus_ms(9 * DAY_MS);
    let business = || paying(payment(1, this_month(), by_finger(1, at)));
    assert_eq!(book_at(&rig, &mut terminal, at, business()), refused(RefusalReason::Blacklisted));
    production.set_cards(&[(card_key(1), None)]).unwrap();
    assert_eq!(book_at(&rig, &mut terminal, at, business()), Verdict::Booked);
}

#[test]
fn only_a_proof_that_suffices_pays() {
    let (rig, mut terminal) = counter();
    let t = &mut terminal;
    let weak = refused(RefusalReason::ProofTooWeak);
    let finger = |change: &dyn Fn(&mut protocol::evidence::FingerMatch)| {
        let mut matched = finger_match();
        change(&mut matched);
        Way::Finger(matched)
    };
    let clerks = |clerk: &str, second: Option<&str>| Way::PinAndClerk {
        reason: ManualReason::PoorImage,
        no_matches: 0,
        clerk: clerk.into(),
        second_clerk: second.map(str::to_owned),
    };
    let ordinary = finger(&|m| (m.band, m.level) = (Band::Ordinary, Level::Ordinary));
    for (way, why) in [
        (Way::Pin, "PIN alone"),
        (ordinary, "one finger in a thousand"),
        (finger(&|m| m.band = Band::Ordinary), "a band below the level"),
        (finger(&|m| m.tries = 4), "tried until it matched"),
        (finger(&|m| m.tries = 0), "never compared"),
        (finger(&|m| m.no_matches = 6), "more fingers than allowed"),
        (finger(&|m| m.sensor = " ".into()), "no sensor"),
        (finger(&|m| m.engine = "x".repeat(65)), "no name"),
        (finger(&|m| m.presentation.live = Some(false)), "not alive, says the sensor"),
        (clerks("0017", None), "one clerk"),
        (clerks("0017", Some("0017")), "one clerk twice"),
        (clerks("", Some("0018")), "nobody"),
    ] {
        assert_eq!(pay_changed(&rig, t, |p| p.proof.way = way), weak, "{why}");
    }
    // Of another card, of another time.
    assert_eq!(pay_changed(&rig, t, |p| p.proof.card_id = card_id(2)), weak);
    assert_eq!(pay_changed(&rig, t, |p| p.proof.at = now().plus_ms(-25 * HOUR_MS)), weak);
    assert_eq!(pay_changed(&rig, t, |p| p.proof.at = now().plus_ms(HOUR_MS)), weak);
    assert_eq!(pay_changed(&rig, t, |p| p.card_id = "no card".into()), weak);
    // What suffices.
    let in_card = Way::CardFinger {
        position: FingerPosition::new(2).unwrap(),
        tries: 2,
        no_matches: 3,
        sensor: "R503-000017".into(),
        pin: false,
    };
    for (number, way) in
        [(11, finger(&|m| m.band = Band::Strict)), (12, in_card), (13, clerks("0017", Some("0018")))]
    {
        pensioner(&rig, number, this_month(), Some(certified()));
        let mut due = payment(number, this_month(), by_finger(number, now()));
        due.proof.way = way;
        assert_eq!(book_at(&rig, t, now(), paying(due)), Verdict::Booked, "{number}");
    }
    // The same for a certification.
    let mut proof = by_finger(1, now());
    proof.way = Way::Pin;
    assert_eq!(book_at(&rig, t, now(), certifying(1, proof)), weak);
}

#[test]
fn the_policy_is_the_centers() {
    let (rig, mut terminal) = counter();
    let production = &rig.center.production;
    assert_eq!(production.policy(0).unwrap(), None);
    let with_pin = ProofPolicy {
        pension: vec![Sufficient::Finger { level: Level::Strict, pin: true }],
        certification_months: 6,
        ..ProofPolicy::default()
    };
    assert_eq!(production.set_policy(&with_pin).unwrap(), 1);
    let signed: Signed = production.policy(0).unwrap().unwrap();
    let opened: ProofPolicy = signed.open(&production.public_key(), policy::PURPOSE).unwrap();
    assert_eq!(opened, ProofPolicy { version: 1, ..with_pin.clone() });
    assert!(signed.open::<ProofPolicy>(&production.public_key(), protocol::limits::PURPOSE).is_err());
    assert_eq!(production.policy(1).unwrap(), None);
    // A terminal may go by the former policy until it must have heard of this one.
    assert_eq!(pay(&rig, &mut terminal, 1, months_ago(1)), Verdict::Booked);
    rig.clock.advance_ms(3 * DAY_MS);
    let at = now().plus_ms(2 * DAY_MS);
    let mut due = payment(1, this_month(), by_finger(1, at));
    let weak = refused(RefusalReason::ProofTooWeak);
    assert_eq!(book_at(&rig, &mut terminal, at, paying(due.clone())), weak);
    let Way::Finger(finger) = &mut due.proof.way else { unreachable!() };
    finger.pin = true;
    assert_eq!(book_at(&rig, &mut terminal, at, paying(due)), Verdict::Booked);
    let later = certifying(1, by_finger(1, at));
    assert_eq!(book_at(&rig, &mut terminal, at, later), Verdict::Booked);
    assert_eq!(pension(&rig, 1).certified_until, Some(Day::of(at).plus_months(6).max(certified())));
    // Policies that make no sense.
    let nothing = ProofPolicy { pension: Vec::new(), ..ProofPolicy::default() };
    let endless = ProofPolicy { certification_months: 0, ..ProofPolicy::default() };
    let untried = ProofPolicy { tries_max: 0, ..ProofPolicy::default() };
    for policy in [nothing, endless, untried] {
        assert!(production.set_policy(&policy).is_err());
    }
}

#[test]
fn offline_payments_keep_to_their_own_limits() {
    let (rig, mut terminal) = counter();
    pensioner(&rig, 2, this_month(), Some(certified()));
    let mut book = |change: &dyn Fn(&mut PensionPayment), offline, number| {
        let mut due = payment(number, this_month(), by_finger(number, now()));
        change(&mut due);
        let sequence = record_at(&mut terminal, rig.dice.id(), now(), offline, paying(due));
        verdicts(&rig.receipt(&terminal, &terminal.batch(sequence, sequence))).remove(0)
    };
    let over = refused(RefusalReason::OverLimit);
    assert_eq!(book(&|p| p.cache_age_ms = 25 * HOUR_MS, true, 1), over);
    assert_eq!(book(&|p| p.cache_age_ms = 24 * HOUR_MS, true, 1), Verdict::Booked);
    // While the line was up, the center was asked.
    assert_eq!(book(&|p| p.cache_age_ms = 25 * HOUR_MS, false, 2), Verdict::Booked);
}

#[test]
fn an_enrolment_takes_consent_and_says_so_in_the_feed() {
    let (rig, mut terminal) = counter();
    let mut without = enrolment(1, now());
    without.consent_at = None;
    let verdict = book_at(&rig, &mut terminal, now(), enrolling(without));
    assert_eq!(verdict, refused(RefusalReason::ConsentMissing));
    let weak = refused(RefusalReason::ProofTooWeak);
    let mut unconfirmed = enrolment(1, now());
    unconfirmed.confirmed = None;
    assert_eq!(book_at(&rig, &mut terminal, now(), enrolling(unconfirmed)), weak);
    let mut many = enrolment(1, now());
    many.fingers = vec![many.fingers[0].clone(); 7];
    assert_eq!(book_at(&rig, &mut terminal, now(), enrolling(many)), weak);
    let mut by_pin = enrolment(1, now());
    by_pin.proof.way = Way::Pin;
    assert_eq!(book_at(&rig, &mut terminal, now(), enrolling(by_pin)), weak);
    assert_eq!(pension(&rig, 1).fingers, Fingers::Unknown);
    assert_eq!(book_at(&rig, &mut terminal, now(), enrolling(enrolment(1, now()))), Verdict::Booked);
    assert_eq!(pension(&rig, 1).fingers, Fingers::Enrolled);
    let mut none = enrolment(1, now());
    (none.fingers, none.confirmed, none.sensor) = (Vec::new(), None, String::new());
    assert_eq!(book_at(&rig, &mut terminal, now(), enrolling(none)), Verdict::Booked);
    assert_eq!(pension(&rig, 1).fingers, Fingers::NoneUsable);
    // Whoever has no pension can have fingers on the card all the same.
    assert_eq!(book_at(&rig, &mut terminal, now(), enrolling(enrolment(60, now()))), Verdict::Booked);
}

#[test]
fn a_manual_pass_after_fingers_that_did_not_match_is_noticed() {
    let (rig, mut terminal) = counter();
    for (number, no_matches) in [(2, 2), (3, 3), (4, 6)] {
        pensioner(&rig, number, this_month(), Some(certified()));
        let proof = by_clerks(number, now(), ManualReason::NoMatch, no_matches);
        let business = paying(payment(number, this_month(), proof));
        assert_eq!(book_at(&rig, &mut terminal, now(), business), Verdict::Booked);
    }
    assert_eq!(false_claims(&rig), [AlarmKind::ManualAfterNoMatch; 2]);
    // The same comparisons before a finger that matched are no reason.
    let mut due = payment(1, this_month(), by_finger(1, now()));
    let Way::Finger(finger) = &mut due.proof.way else { unreachable!() };
    finger.no_matches = 3;
    assert_eq!(book_at(&rig, &mut terminal, now(), paying(due)), Verdict::Booked);
    assert_eq!(false_claims(&rig).len(), 2);
}

#[test]
fn one_clerk_who_lets_many_pass_is_noticed_once_a_day() {
    let (rig, mut terminal) = counter();
    let pass = |terminal: &mut Terminal, number: u64, at: Timestamp| {
        let proof = by_clerks(number, at, ManualReason::PoorImage, 0);
        assert_eq!(book_at(&rig, terminal, at, certifying(number, proof)), Verdict::Booked);
    };
    for number in 100..130 {
        pensioner(&rig, number, this_month(), None);
    }
    let noon = Day::of(now()).plus_days(-2).start().plus_ms(12 * HOUR_MS);
    for number in 100..110 {
        pass(&mut terminal, number, noon);
    }
    // Ten are a busy day; the day after counts for itself, another counter too.
    pass(&mut terminal, 110, noon.plus_ms(DAY_MS));
    pass(&mut rig.terminal(2), 111, noon);
    assert_eq!(false_claims(&rig), []);
    pass(&mut terminal, 112, noon.plus_ms(HOUR_MS));
    pass(&mut terminal, 113, noon.plus_ms(2 * HOUR_MS));
    let rows = rig.center.production.storage().alarms_of(&[AlarmKind::ManyManualPasses], 9).unwrap();
    assert_eq!((rows.len(), rows[0].count, rows[0].alarm.terminal), (1, 2, terminal.id));
}

#[test]
fn one_person_in_two_places_is_noticed() {
    let (rig, mut changsha) = counter();
    let (mut guangzhou, mut nowhere) = (rig.terminal(2), rig.terminal(3));
    let production = &rig.center.production;
    production.set_place(changsha.id, 28.228, 112.939).unwrap();
    production.set_place(guangzhou.id, 23.129, 113.264).unwrap();
    for (latitude, longitude) in [(91.0, 0.0), (0.0, -181.0), (f64::NAN, 0.0)] {
        assert!(production.set_place(changsha.id, latitude, longitude).is_err());
    }
    let certify = |terminal: &mut Terminal, at: Timestamp| {
        assert_eq!(book_at(&rig, terminal, at, certifying(1, by_finger(1, at))), Verdict::Booked);
    };
    let morning = now().plus_ms(-10 * DAY_MS);
    certify(&mut changsha, morning);
    certify(&mut nowhere, morning.plus_ms(HOUR_MS / 2));
    certify(&mut guangzhou, morning.plus_ms(8 * HOUR_MS));
    assert_eq!(false_claims(&rig), []);
    // Also when what happened first arrives last.
    certify(&mut changsha, morning.plus_ms(7 * HOUR_MS));
    assert_eq!(false_claims(&rig), [AlarmKind::FarApart]);
}

#[test]
fn a_finger_enrolled_just_before_a_first_claim_on_an_old_card_is_noticed() {
    let (rig, mut terminal) = counter();
    for number in [1, 2] {
        rig.center.production.set_holders(&[(card_key(number), person(number).key())]).unwrap();
    }
    pensioner(&rig, 2, this_month(), Some(certified()));
    rig.clock.advance_ms(400 * DAY_MS);
    pensioner(&rig, 1, this_month(), Some(certified().plus_months(14)));
    let enrolled = now().plus_ms(380 * DAY_MS);
    for number in [1, 2] {
        let business = enrolling(enrolment(number, enrolled));
        assert_eq!(book_at(&rig, &mut terminal, enrolled, business), Verdict::Booked);
    }
    assert_eq!(false_claims(&rig), []);
    let soon = enrolled.plus_ms(DAY_MS);
    let business = paying(payment(1, this_month(), by_finger(1, soon)));
    assert_eq!(book_at(&rig, &mut terminal, soon, business), Verdict::Booked);
    assert_eq!(false_claims(&rig), [AlarmKind::FreshFinger]);
    // The second claim is no first one; after a fortnight the finger is not fresh any more.
    let business = certifying(1, by_finger(1, soon));
    assert_eq!(book_at(&rig, &mut terminal, soon, business), Verdict::Booked);
    let later = enrolled.plus_ms(14 * DAY_MS);
    assert_eq!(book_at(&rig, &mut terminal, later, certifying(2, by_finger(2, later))), Verdict::Booked);
    assert_eq!(false_claims(&rig).len(), 1);
}

#[test]
fn a_terminal_asks_for_one_pension() {
    let (rig, mut terminal) = counter();
    rig.center.production.set_cards(&[(card_key(1), Some(BlockReason::Lost))]).unwrap();
    let running = rig.start();
    let client = terminal.client(&running);
    let ask = |number, card| -> PensionAnswer {
        client.post("/v1/pension", &PensionQuery { person: person(number), card }).unwrap().json()
    };
    let answer = ask(1, Some(card_key(1)));
    assert_eq!(answer.pension, Some(pension(&rig, 1)));
    assert_eq!((answer.state, answer.blocked), (Some(PersonState::Active), Some(BlockReason::Lost)));
    let unknown = ask(77, None);
    assert_eq!((unknown.pension, unknown.state, unknown.blocked), (None, None, None));
    assert_eq!(client.get("/v1/policy").unwrap().status, 204);
    rig.center.production.set_policy(&ProofPolicy::default()).unwrap();
    let signed: Signed = client.get("/v1/policy?version=0").unwrap().json();
    let policy: ProofPolicy = signed.open(&rig.center.production.public_key(), policy::PURPOSE).unwrap();
    assert_eq!(policy.version, 1);
    assert_eq!(client.get("/v1/policy?version=1").unwrap().status, 204);
    // Records of all three kinds go over the wire.
    record_at(&mut terminal, TransactionId([1; 16]), now(), false, enrolling(enrolment(1, now())));
    record_at(&mut terminal, TransactionId([2; 16]), now(), false, certifying(1, by_finger(1, now())));
    let due = paying(payment(1, this_month(), by_finger(1, now())));
    record_at(&mut terminal, TransactionId([3; 16]), now(), false, due);
    let answer = client.post("/v1/records", &terminal.all()).unwrap().json();
    let receipt = rig::open(&answer, &rig.center.production.public_key());
    assert_eq!(verdicts(&receipt), vec![Verdict::Booked; 3]);
    running.stop();
}
