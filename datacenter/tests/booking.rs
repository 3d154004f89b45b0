//! Booking: exactly once, never overwritten, nothing booked that does not add up.
#![allow(clippy::unwrap_used, reason = "tests")]

mod rig;

use card_spec::money::Fen;
use datacenter::storage::rows::AlarmKind;
use protocol::{
    id::TransactionId,
    problem::ProblemKind,
    record::{Business, Cancellation, Refund},
    signature::{Digest, Signature},
    upload::{BATCH_RECORDS_MAX, RefusalReason, Verdict},
};
use rig::{
    Dice, Rig, Terminal,
    bodies::{abandoned, amounts, body, cancelled, settled, settlement},
    open, person, verdicts,
};

fn refused(reason: RefusalReason) -> Verdict {
    Verdict::Refused { reason }
}

fn alarms(rig: &Rig) -> Vec<(AlarmKind, u64, u64)> {
    let alarms = rig.center.production.storage().alarms(100).unwrap();
    alarms.iter().rev().map(|row| (row.alarm.kind, row.alarm.sequence, row.count)).collect()
}

/// A rig with one terminal that has settled `count` visits of different people.
fn settled_rig(count: u64) -> (Rig, Terminal, Vec<TransactionId>) {
    let rig = Rig::new(1);
    let mut terminal = rig.terminal(1);
    let ids: Vec<TransactionId> = (0..count).map(|_| rig.dice.id()).collect();
    for (number, id) in (0..).zip(&ids) {
        terminal.record(*id, settled(person(number), 10_000));
    }
    (rig, terminal, ids)
}

#[test]
fn booked_once_and_answered_as_first() {
    let (rig, terminal, ids) = settled_rig(3);
    let key = rig.center.production.public_key();
    let first = rig.book(&terminal, &terminal.all()).unwrap();
    let receipt = open(&first, &key);
    assert_eq!(verdicts(&receipt), [Verdict::Booked, Verdict::Booked, Verdict::Booked]);
    assert_eq!(receipt.lines.iter().map(|line| line.id).collect::<Vec<_>>(), ids);
    assert_eq!(receipt.lines.iter().map(|line| line.digest).collect::<Vec<_>>(), terminal.digests[1..]);
    assert_eq!((receipt.terminal, receipt.booked_at), (terminal.id, rig::now()));
    assert!(first.earlier.is_empty());

    rig.clock.advance_ms(5_000);
    let again = rig.book(&terminal, &terminal.all()).unwrap();
    let duplicate = Verdict::Duplicate { first: receipt.number.clone() };
    assert_eq!(verdicts(&open(&again, &key)), [duplicate.clone(), duplicate.clone(), duplicate]);
    assert_eq!(again.earlier, [first.receipt]);
    assert_eq!(rig.center.production.storage().records(None, 10).unwrap().len(), 3);
    assert_eq!(rig.center.production.storage().receipts(None, 10).unwrap().len(), 1);
    assert_eq!(alarms(&rig), []);
}

#[test]
fn a_batch_cut_elsewhere_books_only_what_is_new() {
    let (rig, terminal, _) = settled_rig(6);
    let first = rig.receipt(&terminal, &terminal.batch(1, 2));
    let second = rig.receipt(&terminal, &terminal.batch(3, 4));
    let answer = rig.book(&terminal, &terminal.batch(2, 6)).unwrap();
    let third = open(&answer, &rig.center.production.public_key());
    let duplicate = |number: &str| Verdict::Duplicate { first: number.into() };
    assert_eq!(
        verdicts(&third),
        [
            duplicate(&first.number),
            duplicate(&second.number),
            duplicate(&second.number),
            Verdict::Booked,
            Verdict::Booked
        ]
    );
    assert_eq!(answer.earlier.len(), 2);
    let head = rig.center.production.chain_head(terminal.id).unwrap();
    assert_eq!((head.sequence, head.digest, head.now), (6, terminal.digests[6], rig::now()));
    assert!(first.number < second.number && second.number < third.number);
}

#[test]
fn a_gap_waits_and_a_break_raises_an_alarm() {
    let (rig, terminal, _) = settled_rig(4);
    let problem = rig.book(&terminal, &terminal.batch(2, 4)).unwrap_err();
    assert_eq!(problem.kind, ProblemKind::ChainGap);
    assert_eq!(alarms(&rig), []);
    rig.receipt(&terminal, &terminal.batch(1, 2));
    assert_eq!(rig.book(&terminal, &terminal.batch(4, 4)).unwrap_err().kind, ProblemKind::ChainGap);

    // What follows the head has to name the head; what repeats has to name what stood before.
    for from in [2, 3] {
        let mut batch = terminal.batch(from, 4);
        batch.previous = Digest([7; 32]);
        let digest = batch.records.iter().fold(batch.previous, |d, record| d.chain(record.body.as_bytes()));
        let signature = Signature::sign(&terminal.identity, protocol::record::PURPOSE, &digest.0);
        batch.records.last_mut().unwrap().signature = signature;
        assert_eq!(rig.book(&terminal, &batch).unwrap_err().kind, ProblemKind::ChainBroken);
    }
    assert_eq!(alarms(&rig), [(AlarmKind::ChainBroken, 2, 1), (AlarmKind::ChainBroken, 3, 1)]);
    assert_eq!(rig.center.production.chain_head(terminal.id).unwrap().sequence, 2);
}

#[test]
fn a_ledger_put_back_is_found_and_changes_nothing() {
    let (rig, terminal, _) = settled_rig(3);
    let booked = rig.receipt(&terminal, &terminal.all());
    // The ledger is restored as it was after the first record, and business goes on.
    let mut fork =
        Terminal { chain: terminal.chain[..1].to_vec(), digests: terminal.digests[..2].to_vec(), ..terminal };
    for number in 10..14 {
        fork.record(rig.dice.id(), settled(person(number), 20_000));
    }
    for _ in 0..2 {
        let receipt = rig.receipt(&fork, &fork.all());
        assert_eq!(
            verdicts(&receipt),
            [
                Verdict::Duplicate { first: booked.number.clone() },
                Verdict::Conflict,
                Verdict::Conflict,
                Verdict::Conflict,
                Verdict::Conflict
            ]
        );
    }
    let raised: Vec<_> = (2..=5).map(|sequence| (AlarmKind::SequenceConflict, sequence, 2)).collect();
    assert_eq!(alarms(&rig), raised);
    // The evidence is kept whole, the books are as they were.
    let kept = rig.center.production.storage().alarms(1).unwrap().remove(0).alarm.evidence.unwrap();
    assert_eq!(kept, fork.chain[4].body);
    assert_eq!(rig.center.production.storage().records(None, 10).unwrap().len(), 3);
    assert_eq!(rig.center.production.chain_head(fork.id).unwrap().sequence, 3);
}

#[test]
fn an_id_belongs_to_one_record_of_the_whole_city() {
    let rig = Rig::new(2);
    let (mut one, mut other) = (rig.terminal(1), rig.terminal(2));
    let id = rig.dice.id();
    one.record(id, settled(person(1), 10_000));
    rig.receipt(&one, &one.all());
    other.record(id, settled(person(2), 20_000));
    let fresh = rig.dice.id();
    other.record(fresh, settled(person(3), 30_000));
    other.record(fresh, settled(person(4), 40_000));
    let receipt = rig.receipt(&other, &other.all());
    assert_eq!(verdicts(&receipt), [Verdict::Conflict, Verdict::Booked, Verdict::Conflict]);
    assert_eq!(alarms(&rig), [(AlarmKind::IdConflict, 1, 1), (AlarmKind::IdConflict, 3, 1)]);
    // The chain goes on behind the conflicts, and they are answered the same way again.
    assert_eq!(rig.center.production.chain_head(other.id).unwrap().sequence, 3);
    let again = verdicts(&rig.receipt(&other, &other.all()));
    assert_eq!(again, [Verdict::Conflict, Verdict::Duplicate { first: receipt.number }, Verdict::Conflict]);
}

#[test]
fn what_does_not_add_up_is_kept_and_not_booked() {
    let rig = Rig::new(3);
    let mut terminal = rig.terminal(1);
    let mut expected = Vec::new();
    let mut add = |terminal: &mut Terminal, business, verdict| {
        terminal.record(rig.dice.id(), business);
        expected.push(verdict);
    };
    let with = |change: &dyn Fn(&mut protocol::record::Settlement)| {
        let mut settlement = settlement(person(1), 10_000);
        change(&mut settlement);
        Business::Settlement(Box::new(settlement))
    };
    let unbalanced = || refused(RefusalReason::Unbalanced);
    // Each identity broken by one fen.
    add(&mut terminal, with(&|s| s.amounts.preselfpay_amt.0 += 1), unbalanced());
    add(&mut terminal, with(&|s| s.amounts.hosp_part_amt.0 += 1), unbalanced());
    add(&mut terminal, with(&|s| s.amounts.psn_cash_pay.0 -= 1), unbalanced());
    add(&mut terminal, with(&|s| s.amounts.maf_pay.0 += 1), unbalanced());
    // Balanced, but negative or beyond every limit.
    add(&mut terminal, with(&|s| s.amounts = amounts(-10_000)), unbalanced());
    add(&mut terminal, with(&|s| s.amounts = amounts(i64::MAX / 16)), unbalanced());
    // Account money without a card.
    let account = |s: &mut protocol::record::Settlement| {
        s.amounts.acct_pay = s.amounts.psn_cash_pay;
        s.amounts.psn_cash_pay = Fen::ZERO;
    };
    add(&mut terminal, with(&account), unbalanced());
    add(&mut terminal, settled(person(1), 10_000), Verdict::Booked);
    // Bodies that cannot be read or lie where they do not belong.
    let place = |terminal: &Terminal| terminal.chain.len() as u64 + 1;
    for text in ["", "{}", "not JSON at all", "{\"id\":\"00112233445566778899aabbccddeeff\",\"version\":9}"] {
        terminal.record_text(text.into());
        expected.push(refused(RefusalReason::Unreadable));
    }
    let mut later = body(terminal.id, place(&terminal), rig.dice.id(), abandoned());
    later.version = 2;
    terminal.record_text(serde_json::to_string(&later).unwrap());
    expected.push(refused(RefusalReason::Unreadable));
    let nameless = body(terminal.id, place(&terminal), TransactionId([0; 16]), abandoned());
    terminal.record_text(serde_json::to_string(&nameless).unwrap());
    expected.push(refused(RefusalReason::Unreadable));
    let elsewhere = body(terminal.id, 999, rig.dice.id(), abandoned());
    terminal.record_text(serde_json::to_string(&elsewhere).unwrap());
    expected.push(refused(RefusalReason::Misplaced));
    let foreign = body("430199999999".parse().unwrap(), place(&terminal), rig.dice.id(), abandoned());
    terminal.record_text(serde_json::to_string(&foreign).unwrap());
    expected.push(refused(RefusalReason::Misplaced));

    let receipt = rig.receipt(&terminal, &terminal.all());
    assert_eq!(verdicts(&receipt), expected);
    // The id of a later version's record is named, so that the terminal finds it.
    assert_eq!(receipt.lines[11].id, "00112233445566778899aabbccddeeff".parse().unwrap());
    // A refusal is answered as a refusal for ever, never as a duplicate.
    let again = verdicts(&rig.receipt(&terminal, &terminal.all()));
    assert!(again.iter().zip(&expected).all(|(again, first)| match first {
        Verdict::Booked => matches!(again, Verdict::Duplicate { .. }),
        other => again == other,
    }));
    assert_eq!(alarms(&rig), []);
}

#[test]
fn a_settlement_is_cancelled_whole_and_once() {
    let rig = Rig::new(4);
    let (mut terminal, mut neighbour) = (rig.terminal(1), rig.terminal(2));
    let id = rig.dice.id();
    terminal.record(id, settled(person(1), 10_000));
    let mut expected = vec![Verdict::Booked];
    let nothing = || refused(RefusalReason::NothingToCancel);
    for (business, verdict) in [
        (cancelled(rig.dice.id(), person(1), 10_000), nothing()),
        (cancelled(id, person(2), 10_000), nothing()),
        (cancelled(id, person(1), 9_000), refused(RefusalReason::Unbalanced)),
        (
            Business::Cancellation(Box::new(Cancellation {
                of: id,
                person: person(1),
                amounts: amounts(10_000).negated(),
                refund: Refund::Owed { amount: Fen(1) },
            })),
            refused(RefusalReason::RefundWrong),
        ),
    ] {
        terminal.record(rig.dice.id(), business);
        expected.push(verdict);
    }
    assert_eq!(verdicts(&rig.receipt(&terminal, &terminal.all())), expected);
    // From another counter of the same hospital; then once more from the first.
    neighbour.record(rig.dice.id(), cancelled(id, person(1), 10_000));
    neighbour.record(rig.dice.id(), cancelled(id, person(1), 10_000));
    assert_eq!(verdicts(&rig.receipt(&neighbour, &neighbour.all())), [Verdict::Booked, nothing()]);
    let last = terminal.record(rig.dice.id(), cancelled(id, person(1), 10_000));
    assert_eq!(verdicts(&rig.receipt(&terminal, &terminal.batch(last, last))), [nothing()]);
}

#[test]
fn another_hospital_cannot_cancel() {
    let rig = Rig::new(5);
    let mut terminal = rig.terminal(1);
    let mut stranger = Terminal::new(2, &rig.dice);
    let elsewhere =
        datacenter::storage::rows::Institution { code: "H43010000099".into(), ..rig::institution() };
    let code = rig.center.access.new_code(stranger.id, &elsewhere).unwrap().to_string();
    rig.center.access.enrol(&stranger.enrolment_request(&code)).unwrap();
    let id = rig.dice.id();
    terminal.record(id, settled(person(1), 10_000));
    rig.receipt(&terminal, &terminal.all());
    stranger.record(rig.dice.id(), cancelled(id, person(1), 10_000));
    let receipt = rig.receipt(&stranger, &stranger.all());
    assert_eq!(verdicts(&receipt), [refused(RefusalReason::NothingToCancel)]);
}

#[test]
fn offline_limits_are_those_that_the_terminal_may_have_known() {
    let rig = Rig::new(6);
    let mut terminal = rig.terminal(1);
    let limits =
        |yuan| protocol::limits::OfflineLimits { amount_max_fen: Fen::from_yuan(yuan), ..Default::default() };
    rig.center.production.set_limits(None, &limits(200)).unwrap();
    rig.clock.advance_ms(rig::DAY_MS);
    rig.center.production.set_limits(None, &limits(100)).unwrap();
    let mut offline = |made_at: i64, fee| {
        let sequence = terminal.chain.len() as u64 + 1;
        let mut body = body(terminal.id, sequence, rig.dice.id(), settled(person(1), fee));
        body.offline = true;
        body.made_at = rig::now().plus_ms(made_at);
        terminal.record_text(serde_json::to_string(&body).unwrap());
    };
    // The older set was replaced a day after now and lets a terminal go without the center for 72 hours.
    offline(2 * rig::DAY_MS, 15_000);
    offline(4 * rig::DAY_MS, 15_000);
    offline(4 * rig::DAY_MS + 1, 15_000);
    offline(9 * rig::DAY_MS, 10_000);
    offline(2 * rig::DAY_MS, 20_001);
    rig.clock.advance_ms(8 * rig::DAY_MS);
    let over = || refused(RefusalReason::OverLimit);
    let receipt = rig.receipt(&terminal, &terminal.all());
    assert_eq!(verdicts(&receipt), [Verdict::Booked, Verdict::Booked, over(), Verdict::Booked, over()]);
    // Online there is no such limit.
    let online = terminal.record(rig.dice.id(), settled(person(1), 90_000));
    assert_eq!(verdicts(&rig.receipt(&terminal, &terminal.batch(online, online))), [Verdict::Booked]);
}

#[test]
fn a_blocked_card_is_refused_once_the_terminal_should_have_known() {
    let rig = Rig::new(7);
    let mut terminal = rig.terminal(1);
    let card = *hex::decode(settlement(person(1), 1).card_id).unwrap().first_chunk().unwrap();
    rig.center.production.set_cards(&[(card, Some(protocol::feed::BlockReason::Lost))]).unwrap();
    for days in [2, 4] {
        let sequence = terminal.chain.len() as u64 + 1;
        let mut body = body(terminal.id, sequence, rig.dice.id(), settled(person(1), 10_000));
        body.made_at = rig::now().plus_ms(days * rig::DAY_MS);
        terminal.record_text(serde_json::to_string(&body).unwrap());
    }
    rig.clock.advance_ms(9 * rig::DAY_MS);
    let receipt = rig.receipt(&terminal, &terminal.all());
    assert_eq!(verdicts(&receipt), [Verdict::Booked, refused(RefusalReason::Blacklisted)]);
    rig.center.production.set_cards(&[(card, None)]).unwrap();
    let sequence = terminal.chain.len() as u64 + 1;
    let mut later = body(terminal.id, sequence, rig.dice.id(), settled(person(1), 10_000));
    later.made_at = rig::now().plus_ms(9 * rig::DAY_MS);
    terminal.record_text(serde_json::to_string(&later).unwrap());
    assert_eq!(verdicts(&rig.receipt(&terminal, &terminal.batch(3, 3))), [Verdict::Booked]);
}

#[test]
fn a_malformed_batch_changes_nothing() {
    let (rig, terminal, _) = settled_rig(3);
    let other = rig.terminal(2);
    let good = terminal.all();
    let broken = |change: &dyn Fn(&mut protocol::upload::Batch)| {
        let mut batch = good.clone();
        change(&mut batch);
        rig.book(&terminal, &batch).unwrap_err().kind
    };
    assert_eq!(broken(&|b| b.records.clear()), ProblemKind::Malformed);
    assert_eq!(broken(&|b| b.terminal = other.id), ProblemKind::NotAuthenticated);
    assert_eq!(broken(&|b| b.records.swap(0, 1)), ProblemKind::Malformed);
    assert_eq!(broken(&|b| b.records[1].sequence = 9), ProblemKind::Malformed);
    assert_eq!(broken(&|b| b.records[0].sequence = 0), ProblemKind::Malformed);
    let far = |b: &mut protocol::upload::Batch| {
        for (record, sequence) in b.records.iter_mut().zip(u64::MAX - 9..) {
            record.sequence = sequence;
        }
    };
    assert_eq!(broken(&far), ProblemKind::Malformed);
    assert_eq!(broken(&|b| b.records[2].body.push(' ')), ProblemKind::Signature);
    assert_eq!(broken(&|b| b.records[0].body.push(' ')), ProblemKind::Signature);
    assert_eq!(broken(&|b| b.previous = Digest([1; 32])), ProblemKind::Signature);
    assert_eq!(broken(&|b| b.records[2].signature = b.records[0].signature), ProblemKind::Signature);
    let long = " ".repeat(protocol::record::BODY_BYTES_MAX + 1);
    assert_eq!(broken(&|b| b.records[0].body.clone_from(&long)), ProblemKind::TooLarge);
    let many = |b: &mut protocol::upload::Batch| {
        b.records = (1..=BATCH_RECORDS_MAX as u64 + 1)
            .map(|sequence| protocol::upload::Record { sequence, ..b.records[0].clone() })
            .collect();
    };
    assert_eq!(broken(&many), ProblemKind::TooLarge);
    assert_eq!(rig.center.production.chain_head(terminal.id).unwrap().sequence, 0);
    assert!(rig.center.production.storage().records(None, 10).unwrap().is_empty());
    // The four forged ones were noticed, each once.
    assert_eq!(alarms(&rig).iter().filter(|alarm| alarm.0 == AlarmKind::BadSignature).count(), 4);
    // Another terminal's signature is no better than none.
    let forged = Terminal {
        identity: other.identity,
        chain: Vec::new(),
        digests: vec![Digest::default()],
        ..terminal
    };
    let mut forged = forged;
    forged.record(rig.dice.id(), abandoned());
    assert_eq!(rig.book(&forged, &forged.all()).unwrap_err().kind, ProblemKind::Signature);
}

#[test]
fn settlements_move_people_in_the_feed() {
    let rig = Rig::new(8);
    let mut terminal = rig.terminal(1);
    let insured = person(1);
    let entry = protocol::feed::Person {
        key: insured.key(),
        state: protocol::feed::PersonState::Active,
        insutype: 310,
        psn_type: 11,
        civil_servant: false,
        paid_until: 2026 * 12 + 11,
        year: rig::year() - 1,
        deductible_fen: 77,
        pooled_outpatient_fen: 88,
        pooled_inpatient_fen: 99,
        own_in_scope_fen: 11,
        stays: 3,
    };
    let imported = datacenter::storage::rows::ImportedPerson { person: entry, with_sums: true };
    rig.center.production.import_people([Ok(imported)], |_| {}).unwrap();
    let before = rig.center.production.storage().newest().unwrap();
    let (first, second) = (rig.dice.id(), rig.dice.id());
    terminal.record(first, settled(insured, 10_000));
    terminal.record(second, settled(insured, 20_000));
    terminal.record(rig.dice.id(), cancelled(first, insured, 10_000));
    terminal.record(rig.dice.id(), settled(person(2), 10_000));
    rig.receipt(&terminal, &terminal.all());
    let mut expected = entry;
    let added = protocol::accumulation::Accumulation::of(&amounts(20_000), "11");
    expected.accumulate(rig::year(), &added);
    let changes = rig.center.production.storage().changes(before, 10).unwrap();
    assert_eq!(changes, [(before + 1, protocol::feed::Change::Person(expected))]);
    assert_eq!(expected.year, rig::year());
    // Sent again, nothing moves.
    rig.receipt(&terminal, &terminal.all());
    assert_eq!(rig.center.production.storage().newest().unwrap(), before + 1);
}

#[test]
fn reconciliation_adds_up_what_was_booked() {
    use protocol::reconciliation::{ReconciliationRequest, Totals};
    let (rig, mut terminal, ids) = settled_rig(2);
    terminal.record(rig.dice.id(), cancelled(ids[0], person(0), 10_000));
    let mut odd = settlement(person(3), 10_000);
    odd.amounts.hosp_part_amt.0 += 1;
    let disputed = rig.dice.id();
    terminal.record(disputed, Business::Settlement(Box::new(odd)));
    terminal.record(rig.dice.id(), abandoned());
    rig.receipt(&terminal, &terminal.all());
    let a = amounts(10_000);
    let totals = Totals {
        count: 3,
        medfee_sumamt: a.medfee_sumamt,
        fund_pay_sumamt: a.fund_pay_sumamt,
        acct_pay: Fen::ZERO,
        psn_cash_pay: a.psn_cash_pay,
        ..Totals::default()
    };
    let request = |from_sequence, to_sequence, totals| ReconciliationRequest {
        terminal: terminal.id,
        from_sequence,
        to_sequence,
        totals,
        unresolved: vec![rig.dice.id()],
    };
    let ask = |request| rig.center.production.reconcile(terminal.id, &request);
    let answer = ask(request(1, 5, totals)).unwrap();
    assert!(answer.equal);
    assert_eq!((answer.totals, answer.missing.as_slice()), (totals, &[][..]));
    assert_eq!(answer.disputed, [disputed]);
    assert!(!ask(request(1, 5, Totals { count: 4, ..totals })).unwrap().equal);
    let beyond = ask(request(1, 7, totals)).unwrap();
    assert_eq!((beyond.equal, beyond.missing), (false, vec![6, 7]));
    let far = ask(request(1, i64::MAX as u64, totals)).unwrap();
    assert_eq!(far.missing.len(), protocol::reconciliation::MISSING_MAX);
    for (from, to) in [(0, 1), (3, 2), (1, u64::MAX)] {
        assert_eq!(ask(request(from, to, totals)).unwrap_err().kind, ProblemKind::Malformed);
    }
    let mut unsure = request(1, 1, totals);
    unsure.unresolved = vec![disputed; datacenter::production::reconciliation::UNRESOLVED_MAX + 1];
    assert_eq!(ask(unsure).unwrap_err().kind, ProblemKind::Malformed);
    let foreign =
        ReconciliationRequest { terminal: "430100000009".parse().unwrap(), ..request(1, 1, totals) };
    assert_eq!(ask(foreign).unwrap_err().kind, ProblemKind::NotAuthenticated);
}

#[test]
fn dice_are_replayed_by_their_seed() {
    assert_eq!(Dice::new(9).next(), Dice::new(9).next());
}
