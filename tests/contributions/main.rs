//! Contributions at counters: two programs, a card, a real center, and everything that is cut between them. Whatever
//! happens, a due is paid once, and whoever pays second is told.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, thread, time::Duration};

use card_spec::{generation::Generation, money::Fen};
use datacenter::{
    faults::Fault,
    storage::{contributions::TakenRow, service::DeskRow},
};
use protocol::{
    calendar::{Day, Period},
    id::TerminalId,
    problem::ProblemKind,
    record::Business,
    service::{Contribution, ContributionKind, Desk, Due},
};
use tests::{
    PLANTED_PIN,
    books::{agree, agree_without_reconciling},
    holder::now,
    scene::{SECOND_TERMINAL, Scene, terminal},
};

const HOLD: &str = "/v1/service/dues/hold";
const RECORDS: &str = "/v1/records";
const PAY: &[&str] = &["contribute", "pay", "--yes"];

/// A terminal at a tax office, whose holder owes two contributions.
struct Tax {
    scene: Scene,
    medical: Due,
    pension: Due,
}

impl Tax {
    fn new(test: &str) -> Self {
        let scene = Scene::in_process(test, Generation::Three);
        let due = |kind, fen| Due {
            period: Period::of(now()),
            months: 1,
            kind,
            amount: Fen(fen),
            until: Day::of(now()).plus_days(20),
        };
        let medical = due(ContributionKind::Medical, 36_000);
        let tax = Tax { scene, medical, pension: due(ContributionKind::Pension, 80_000) };
        tax.stand(terminal(), Desk::Tax);
        tax.owe(&[tax.medical, tax.pension]);
        tax
    }

    fn stand(&self, terminal: TerminalId, desk: Desk) {
        let row = DeskRow { terminal, desk, district: None };
        self.scene.center.center().service.set_desk(&row).unwrap();
    }

    fn key(&self) -> u64 {
        self.scene.holder.person.number.key()
    }

    fn owe(&self, dues: &[Due]) {
        let rows: Vec<(u64, Due)> = dues.iter().map(|due| (self.key(), *due)).collect();
        self.scene.center.production().storage().put_dues(&[self.key()], &rows).unwrap();
    }

    /// The agency begins anew: what was paid before is of no matter.
    fn owe_later(&self, months: u32) -> Due {
        let later = Due { period: self.medical.period.plus(months).unwrap(), ..self.medical };
        self.owe(&[later]);
        later
    }

    fn taken(&self) -> Vec<TakenRow> {
        self.scene.center.production().storage().contributions_taken(Some(self.key()), 99).unwrap()
    }

    /// Payments that stand for this due.
    fn paid(&self, due: &Due) -> usize {
        let stands = |row: &&TakenRow| row.reversed.is_none() && row.dues.contains(due);
        self.taken().iter().filter(stands).count()
    }

    fn held(&self) -> usize {
        self.scene.center.production().storage().held_dues(Some(self.key()), 99).unwrap().len()
    }

    fn due(&self) -> Vec<Due> {
        self.scene.center.production().storage().dues(self.key(), 99).unwrap()
    }

    fn contributions(&self) -> Vec<Contribution> {
        let (from, until) = (Period::from_number(200_001).unwrap(), Period::from_number(209_912).unwrap());
        self.scene.center.production().storage().contributions(self.key(), from, until).unwrap()
    }
}

#[test]
fn a_due_is_shown_paid_printed_and_taken_back() {
    let tax = Tax::new("contributions-day");
    let scene = &tax.scene;
    let shown = scene.run(&["contribute", "dues"], &[PLANTED_PIN]).done();
    assert_eq!(shown.json["dues"].as_array().unwrap().len(), 2);
    let medical = format!("medical:{}", tax.medical.period);
    let paid = scene.run(&["contribute", "pay", "--only", &medical], &[PLANTED_PIN]).done();
    assert_eq!(paid.number("/paid_fen"), 36_000);
    assert_eq!(paid.text("/slip/upload/state"), "booked");
    let by_card = ["contribute", "pay", "--bank-card", "004512778"];
    let paid_by_card = scene.run(&by_card, &[PLANTED_PIN]).done();
    assert_eq!(paid_by_card.number("/paid_fen"), 80_000);
    assert_eq!((tax.due(), tax.held(), tax.contributions().len()), (Vec::new(), 0, 2));
    // Nothing more is due, and the answer is no.
    scene.run(PAY, &[PLANTED_PIN]).exit(1);
    scene.run(&["contribute", "dues"], &[PLANTED_PIN]).exit(1);
    // The paper says insurance, fund, amount and that it is booked; a copy of it is the same.
    let sequence = paid.number("/slip/sequence").to_string();
    let copy = scene.run_for_people(&["receipt", "text", &sequence], &[]).done();
    for word in ["Contribution", "Employees' medical fund", "360.00", "cash", "(copy)"] {
        assert!(copy.out.contains(word), "{word}: {copy:?}");
    }
    let taken = scene.run(&["contribute", "taken"], &[]).done();
    assert_eq!(taken.json["payments"].as_array().unwrap().len(), 2);
    assert_eq!(taken.json["payments"][0]["reversible"], true);
    let back = scene.run(&["contribute", "cancel", &sequence], &[]).done();
    assert_eq!((back.number("/amount_fen"), back.text("/slip/upload/state")), (36_000, "booked"));
    assert_eq!((tax.due(), tax.contributions().len()), (vec![tax.medical], 1));
    scene.run(&["contribute", "cancel", &sequence], &[]).refused(4, "ledger");
    let books = agree(scene);
    let of = |business: &Business| matches!(business, Business::ContributionReversal(_));
    assert_eq!(books.bodies.iter().filter(|body| of(&body.business)).count(), 1);
    // And paid again, under a new name.
    scene.run(PAY, &[PLANTED_PIN]).done();
    assert_eq!((tax.paid(&tax.medical), tax.due()), (1, Vec::new()));
    tax.scene.end();
}

#[test]
fn without_the_center_nothing_is_paid_and_the_clerk_is_told() {
    let mut tax = Tax::new("contributions-down");
    tax.scene.center.stop();
    let refused = tax.scene.run(PAY, &[PLANTED_PIN]);
    assert_eq!(refused.code, Some(6), "{refused:?}");
    assert_eq!(refused.json["error"]["money"], "not_done");
    tax.scene.center.open();
    // A hospital's counter has no right to it, whatever it asks.
    tax.stand(terminal(), Desk::Hospital);
    assert_eq!(tax.scene.run(PAY, &[PLANTED_PIN]).code, Some(6));
    tax.stand(terminal(), Desk::Community);
    tax.scene.run(PAY, &[PLANTED_PIN]).done();
    assert_eq!((tax.paid(&tax.medical), tax.paid(&tax.pension), tax.taken().len()), (1, 1, 1));
    agree(&tax.scene);
    tax.scene.end();
}

#[test]
fn whatever_becomes_of_the_question_and_the_record_each_due_is_paid_once() {
    let tax = Tax::new("contributions-line");
    let scene = &tax.scene;
    let cases = [
        (HOLD, Fault::LoseRequest, 1, true),
        (HOLD, Fault::LoseAnswer, 1, true),
        (HOLD, Fault::DeliverTwice, 1, true),
        (HOLD, Fault::LoseAnswer, 9, false),
        (HOLD, Fault::LoseRequest, 9, false),
        (HOLD, Fault::Garbage, 9, false),
        (HOLD, Fault::Refuse(ProblemKind::Storage), 9, false),
        (HOLD, Fault::Refuse(ProblemKind::TooMany), 9, false),
        (RECORDS, Fault::LoseRequest, 9, true),
        (RECORDS, Fault::LoseAnswer, 9, true),
        (RECORDS, Fault::DeliverTwice, 9, true),
        (RECORDS, Fault::Garbage, 9, true),
        (RECORDS, Fault::Refuse(ProblemKind::Storage), 9, true),
    ];
    for (month, (path, fault, times, comes)) in (1..).zip(cases) {
        println!("contributions-line: {fault:?} at {path}, {times} times");
        let due = tax.owe_later(month);
        scene.center.plan(path, times, fault.clone());
        let answer = scene.run(PAY, &[PLANTED_PIN]);
        scene.center.clear_faults();
        match comes {
            true => assert_eq!(answer.done().number("/paid_fen"), 36_000),
            false => {
                assert_eq!(answer.code, Some(6), "{fault:?}: {answer:?}");
                assert_eq!(answer.json["error"]["money"], "not_done");
            }
        }
        scene.run(&["queue", "retry"], &[]).done();
        assert_eq!((tax.paid(&due), tax.held()), (usize::from(comes), 0), "{fault:?} at {path}");
        if !comes {
            // Nothing stands in the way of paying it now.
            scene.run(PAY, &[PLANTED_PIN]).done();
            assert_eq!((tax.paid(&due), tax.held()), (1, 0), "{fault:?} at {path}");
        }
        agree_without_reconciling(scene);
    }
    agree(scene);
    tax.scene.end();
}

#[test]
fn killed_in_between_nothing_is_paid_twice_and_nothing_stays_set_aside() {
    let tax = Tax::new("contributions-killed");
    let scene = &tax.scene;
    let pause = Duration::from_millis(2_500);
    let cases = [
        // The question never gets there.
        (HOLD, Fault::DelayBefore(pause), 0),
        // The center has set it aside, and nobody hears of it.
        (HOLD, Fault::DelayAfter(pause), 0),
        // It stands in the books, and the clerk may have the money: it is booked by whoever starts next.
        (RECORDS, Fault::DelayBefore(pause), 1),
        (RECORDS, Fault::DelayAfter(pause), 1),
    ];
    for (month, (path, fault, paid)) in (1..).zip(cases) {
        println!("contributions-killed: {fault:?} at {path}");
        let due = tax.owe_later(month);
        scene.center.plan(path, 1, fault.clone());
        let before = scene.center.requests(path);
        let mut program = scene.start(PAY, &[PLANTED_PIN]);
        while scene.center.requests(path) == before {
            assert!(program.runs(), "{fault:?}: it ended before it asked");
            thread::sleep(Duration::from_millis(5));
        }
        thread::sleep(Duration::from_millis(200));
        program.kill();
        drop(program);
        thread::sleep(pause);
        // Whatever is started next takes up what was left: an intention is written off, a record sent.
        scene.run(&["contribute", "taken"], &[]).done();
        scene.run(&["queue", "retry"], &[]).done();
        assert_eq!((tax.paid(&due), tax.held()), (paid, 0), "{fault:?} at {path}");
        match paid {
            0 => {
                scene.run(PAY, &[PLANTED_PIN]).done();
            }
            _ => {
                scene.run(PAY, &[PLANTED_PIN]).exit(1);
            }
        }
        assert_eq!((tax.paid(&due), tax.held()), (1, 0), "{fault:?} at {path}");
        agree_without_reconciling(scene);
    }
    agree(scene);
    tax.scene.end();
}

#[test]
fn of_two_counters_one_takes_the_money_and_the_other_is_told() {
    let mut tax = Tax::new("contributions-two");
    let second = tax.scene.second_terminal();
    tax.stand(SECOND_TERMINAL.parse().unwrap(), Desk::Bank);
    // One holds the due while the other asks.
    tax.scene.center.plan(HOLD, 1, Fault::DelayAfter(Duration::from_millis(3_000)));
    let first = tax.scene.start(PAY, &[PLANTED_PIN]);
    while tax.held() == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    // The other's clerk names what he wants: the list says that it is being paid.
    let medical = format!("medical:{}", tax.medical.period);
    let named = ["contribute", "pay", "--yes", "--only", &medical];
    let told = second.run(&tax.scene, &named, &[PLANTED_PIN]);
    assert!(told.refused(4, "contribution").contains("being paid"), "{told:?}");
    let shown = second.run(&tax.scene, &["contribute", "dues"], &[PLANTED_PIN]).exit(1);
    assert_eq!(shown.json["held"].as_array().unwrap().len(), 2);
    first.finish(&tax.scene.logs).done();
    assert_eq!((tax.paid(&tax.medical), tax.paid(&tax.pension), tax.taken().len()), (1, 1, 1));

    // Both at the same moment, each with its own copy of the card; again and again.
    let cards = [tax.scene.card.clone(), tax.scene.folder.path().join("card-copy.json")];
    fs::copy(&cards[0], &cards[1]).unwrap();
    let (mut by_first, mut by_second) = (0, 0);
    for month in 1..=6 {
        let due = tax.owe_later(month);
        let here = tax.scene.start(PAY, &[PLANTED_PIN]);
        tax.scene.card.clone_from(&cards[1]);
        let there = second.start(&tax.scene, PAY, &[PLANTED_PIN]);
        tax.scene.card.clone_from(&cards[0]);
        let answers = [here.finish(&tax.scene.logs), there.finish(&tax.scene.logs)];
        let done: Vec<bool> = answers.iter().map(|answer| answer.code == Some(0)).collect();
        assert!(done[0] != done[1], "month {month}: {answers:?}");
        by_first += usize::from(done[0]);
        by_second += usize::from(done[1]);
        let loser = if done[0] { &answers[1] } else { &answers[0] };
        // Nothing due any more, being paid, or paid: told plainly in each case, and no money is kept.
        assert!(matches!(loser.code, Some(1 | 3 | 4)), "{loser:?}");
        assert_eq!((tax.paid(&due), tax.held()), (1, 0));
    }
    println!("contributions-two: {by_first} at the first counter, {by_second} at the second");
    assert_eq!(tax.taken().len(), 7);
    agree(&tax.scene);
    tax.scene.end();
}

#[test]
fn in_training_it_is_practised_and_never_leaves() {
    let tax = Tax::new("contributions-training");
    let before = tax.scene.center.requests_in_all();
    let answer = tax.scene.run(&["contribute", "taken", "--training"], &[]).done();
    assert_eq!(answer.json["payments"].as_array().unwrap().len(), 0);
    assert_eq!(tax.scene.center.requests_in_all(), before, "no real center is asked");
    tax.scene.end();
}
