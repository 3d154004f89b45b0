//! Everything at once, by a seed: cards that are pulled, programs that are killed, a center that comes and goes.

use std::{collections::BTreeMap, thread, time::Duration};

use card_spec::{generation::Generation, money::Fen};
use datacenter::faults::Fault as LineFault;
use protocol::problem::ProblemKind;
use sim::{
    eeprom::{PowerCut, Torn},
    fault::{Fault, Plan},
};
use tests::{
    PLANTED_PIN,
    books::{Books, agree, rows},
    holder::CardState,
    scene::{SECOND_TERMINAL, Scene, SecondTerminal, TERMINAL, text},
    seed::Dice,
    side_by_side,
};

/// What happens in one storm.
const STEPS: u32 = 45;

/// Commands of a visit; a fault beyond its end does not happen.
const COMMANDS: u64 = 34;

const PATHS: [&str; 4] = ["/v1/chain-head", "/v1/records", "/v1/load", "/v1/feed"];

#[test]
fn every_fen_is_where_the_books_say() {
    side_by_side(2, |part| {
        let generation = [Generation::Two, Generation::Three][part];
        let mut scene = Scene::in_process(&format!("storm-{part}"), generation);
        let person = scene.holder.person.number.key();
        scene.center.production().add_credit(person, Fen(50_000)).unwrap();
        let mut dice = Dice(scene.seed ^ part as u64);
        let mut counts = [0_u32; 256];
        for step in 0..STEPS {
            weather(&mut scene, &mut dice);
            let code = something(&mut scene, &mut dice, step);
            counts[usize::from(code)] += 1;
        }
        println!(
            "storm-{part}: {:?}",
            counts.iter().enumerate().filter(|(_, n)| **n > 0).collect::<Vec<_>>()
        );
        assert!(counts[0] > 5, "something succeeds in any weather");

        // The sun comes out: the card is tapped once more, what waits is sent, and all of it fits together.
        scene.center.clear_faults();
        scene.center.open();
        scene.put_in(Plan::none());
        let bill = scene.bill(&["1.00"]);
        scene.visit(&bill).done();
        let books = agree(&scene);
        let loaded: i64 = books.loads().iter().map(|amount| amount.0).sum();
        let taken_back: i64 = books.cancellations().iter().map(|amounts| -amounts.acct_pay.0).sum();
        let held = scene.center.production().credit(person).unwrap().0;
        // What was cancelled without the card is still owed to it and put onto it now.
        let refund = scene.run(&["load", "--refund"], &[PLANTED_PIN]);
        assert!(matches!(refund.code, Some(0 | 4)), "{refund:?}");
        let refunded: i64 = match refund.code {
            Some(0) => (0..).map_while(|at| refund.json["loads"][at]["amount_fen"].as_i64()).sum(),
            _ => 0,
        };
        assert_eq!(loaded + refunded, 50_000 - held + taken_back, "credit and refunds, each once");
        agree(&scene);
        scene.end();
    });
}

/// What the center is like for the next step.
fn weather(scene: &mut Scene, dice: &mut Dice) {
    match dice.below(12) {
        0 => scene.center.stop(),
        1 | 2 => scene.center.open(),
        3 => scene.center.clear_faults(),
        4..=7 => {
            let fault = match dice.below(7) {
                0 => LineFault::LoseRequest,
                1 => LineFault::LoseAnswer,
                2 => LineFault::DeliverTwice,
                3 => LineFault::Garbage,
                4 => LineFault::Refuse(ProblemKind::Overloaded),
                5 => LineFault::Refuse(ProblemKind::Storage),
                _ => LineFault::DelayAfter(Duration::from_millis(dice.below(200))),
            };
            scene.center.plan(PATHS[dice.below(4) as usize], 1 + dice.below(2) as u32, fault);
        }
        _ => {}
    }
}

/// Somebody does something; gives the exit code, 255 for a program that was killed.
fn something(scene: &mut Scene, dice: &mut Dice, step: u32) -> u8 {
    let command = 1 + dice.below(COMMANDS) as u32;
    let plan = match dice.below(8) {
        0 => Plan::from(Fault::PullBefore { command }),
        1 => Plan::from(Fault::PullAfter { command }),
        2 => Plan::from(Fault::CutInUpdate {
            command,
            cut: PowerCut { after_bytes: dice.below(190) as usize, torn: Torn::Weak(0) },
        }),
        _ => Plan::none(),
    };
    scene.put_in(plan.clone());
    let bill = scene.bill(&[&format!("{}.{:02}", 1 + dice.below(20), dice.below(100))]);
    let which = (1 + dice.below(u64::from(step) + 1)).to_string();
    let (words, lines): (Vec<&str>, &[&str]) = match dice.below(12) {
        0 => (vec!["queue", "retry"], &[]),
        1 => (vec!["sync"], &[]),
        2 => (vec!["reconcile"], &[]),
        3 => (vec!["cancel", &which], &[PLANTED_PIN]),
        4 => (vec!["cancel", &which, "--no-card"], &[]),
        5 => (vec!["load", "3.00"], &[PLANTED_PIN]),
        6 => (vec!["load", "--refund"], &[PLANTED_PIN]),
        7 => (vec!["visit", "--bill", text(&bill), "--offline"], &[PLANTED_PIN]),
        _ => (vec!["visit", "--bill", text(&bill)], &[PLANTED_PIN]),
    };
    let mut started = scene.start(&words, lines);
    if dice.below(6) == 0 {
        // The mains fail.
        thread::sleep(Duration::from_millis(dice.below(120)));
        started.kill();
    }
    let answer = started.finish(&scene.logs);
    println!("step {step}: {} {plan:?}: {:?}", words[0], answer.code);
    assert!(matches!(answer.code, None | Some(0..=7)), "{answer:?}");
    answer.code.map_or(255, |code| code as u8)
}

/// One card, two terminals, pulled cards and killed programs at both: what one leaves open, the other never sees.
#[test]
fn one_card_at_two_terminals() {
    let mut scene = Scene::in_process("storm-two", Generation::Three);
    let elsewhere = scene.second_terminal();
    let mut dice = Dice(scene.seed);
    // What truly became of the outcomes that a terminal does not know.
    let mut truth: BTreeMap<String, bool> = BTreeMap::new();
    for step in 0..40 {
        weather(&mut scene, &mut dice);
        let here = dice.below(2) == 0;
        let command = 18 + dice.below(16) as u32;
        let fault = match dice.below(4) {
            0 => format!("pull-before={command}"),
            1 => format!("pull-after={command}"),
            _ => "pull-before=999".to_owned(),
        };
        let bill = scene.bill(&[&format!("{}.{:02}", 1 + dice.below(20), dice.below(100))]);
        let before = CardState::of(&scene.card);
        let words = ["visit", "--bill", text(&bill)];
        let mut started = if here {
            scene.start_with(&words, &[PLANTED_PIN], &fault)
        } else {
            elsewhere.start_with(&scene, &words, &[PLANTED_PIN], &fault)
        };
        if dice.below(6) == 0 {
            thread::sleep(Duration::from_millis(dice.below(150)));
            started.kill();
        }
        let answer = started.finish(&scene.logs);
        let debited = CardState::of(&scene.card).offline_serial != before.offline_serial;
        println!("step {step}: here {here}, {fault}: {:?}, debited {debited}", answer.code);
        assert!(matches!(answer.code, None | Some(0 | 3..=7)), "{answer:?}");
        for id in unresolved(&scene, &elsewhere, here) {
            truth.entry(id).or_insert(debited);
        }
    }
    scene.center.clear_faults();
    scene.center.open();
    let mut decided = 0;
    for here in [true, false] {
        let run = |words: &[&str]| {
            if here { scene.run(words, &[PLANTED_PIN]) } else { elsewhere.run(&scene, words, &[PLANTED_PIN]) }
        };
        for id in unresolved(&scene, &elsewhere, here) {
            let done = truth[&id];
            let asked = run(&["resolve"]);
            if asked.code == Some(0) {
                assert_eq!(asked.json["resolved"]["done"], done, "{asked:?}");
            } else {
                // The card has forgotten: a supervisor decides, and here we know what is right.
                asked.refused(7, "resolve_first");
                let verdict = if done { "--done" } else { "--not-done" };
                run(&["resolve", "--decide", &id, verdict, "--ground", "card"]).done();
                decided += 1;
            }
        }
        let sent = run(&["queue", "retry"]).done();
        assert_eq!(sent.number("/waiting"), 0, "{sent:?}");
        assert_eq!(run(&["reconcile"]).done().json["equal"], true);
    }
    let taken: i64 = [TERMINAL, SECOND_TERMINAL]
        .map(|terminal| {
            let books = Books::of(&scene, terminal.parse().unwrap());
            books.settlements().iter().map(|amounts| amounts.acct_pay.0).sum::<i64>()
        })
        .iter()
        .sum();
    let card = CardState::of(&scene.card);
    println!("storm-two: {decided} decided by a supervisor, {} purchases", card.offline_serial);
    assert!(card.offline_serial > 5, "something succeeds in any weather");
    assert_eq!(i64::from(card.balance_fen), i64::from(scene.balance_fen) - taken);
    scene.end();
}

/// Transactions without an outcome at one of the two.
fn unresolved(scene: &Scene, elsewhere: &SecondTerminal, here: bool) -> Vec<String> {
    let words = ["queue", "list", "--unresolved"];
    let list = if here { scene.run(&words, &[]) } else { elsewhere.run(scene, &words, &[]) };
    rows(&list.done().json).into_iter().filter(|row| row.state == "armed").map(|row| row.id).collect()
}
